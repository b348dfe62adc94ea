//! `/api/v1/openapi.json`: the description of the API, made of the table that
//! the router is made of (OpenAPI 3.1.0, whose schemas are JSON Schema 2020-12).

use axum::Json;
use schemars::Schema;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::BASE;
use super::CHANGES;
use super::JSON;
use super::Problem;
use super::RESOURCES;
use super::Resource;
use super::changes::Change;

pub(super) async fn answer() -> Json<Value> {
    Json(document())
}

/// The document.
fn document() -> Value {
    let mut generator = SchemaSettings::draft2020_12()
        .with(|s| s.definitions_path = "/components/schemas".into())
        .into_generator();
    let problem = generator.subschema_for::<Problem>();
    let mut paths = Map::new();
    for resource in RESOURCES {
        let schema = (resource.schema)(&mut generator);
        paths.insert(
            format!("{BASE}{}", resource.path),
            json!({ "get": operation(resource, &schema, &problem) }),
        );
    }
    for change in CHANGES {
        let path = paths
            .entry(format!("{BASE}{}", change.path))
            .or_insert_with(|| json!({}));
        if let Some(methods) = path.as_object_mut() {
            methods.insert(
                change.method.to_owned(),
                change_operation(change, &mut generator, &problem),
            );
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "tramgac",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What the watch post holds to be true: equipment, links, services, sites, areas, incidents. Changes are for administrators: over the control socket only.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": { "schemas": generator.take_definitions(true) },
    })
}

/// The operation of a change.
fn change_operation(change: &Change, generator: &mut SchemaGenerator, problem: &Schema) -> Value {
    let mut responses = Map::new();
    let (status, done) = match change.answer {
        Some(answer) => (
            "201",
            json!({ "description": "It is done, and on record.", "content": { JSON: { "schema": answer(generator) } } }),
        ),
        None => ("204", json!({ "description": "It is done, and on record." })),
    };
    responses.insert(status.to_owned(), done);
    for (status, about) in [
        ("400", "What was sent is wrong."),
        ("403", "The request did not come over the control socket."),
        ("422", "It can't be done; the title says why."),
    ] {
        let content = json!({ "application/problem+json": { "schema": problem } });
        responses.insert(
            status.to_owned(),
            json!({ "description": about, "content": content }),
        );
    }
    let parameters: Vec<Value> = change
        .parameter
        .iter()
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    let mut operation = json!({
        "operationId": change.name,
        "summary": change.summary,
        "parameters": parameters,
        "responses": responses,
    });
    if let (Some(body), Some(operation)) = (change.body, operation.as_object_mut()) {
        let content = json!({ JSON: { "schema": body(generator) } });
        operation.insert(
            "requestBody".to_owned(),
            json!({ "required": true, "content": content }),
        );
    }
    operation
}

fn operation(resource: &Resource, schema: &Schema, problem: &Schema) -> Value {
    let lang = json!({
        "name": "lang", "in": "query", "required": false,
        "description": "The language of names of states and reasons; else that of Accept-Language.",
        "schema": { "type": "string", "enum": ["vi", "en"] },
    });
    let mut parameters = vec![lang];
    for parameter in resource.query {
        parameters.push(json!({
            "name": parameter.name, "in": "query", "required": false,
            "description": parameter.about,
            "schema": { "type": "string" },
        }));
    }
    let mut responses = json!({
        "200": {
            "description": resource.summary,
            "content": { resource.kind: { "schema": schema } },
        },
    });
    if !resource.query.is_empty() || resource.kind != JSON {
        let (status, about) = if resource.kind == JSON {
            ("400", "The query is wrong.")
        } else {
            ("503", "There are too many subscribers.")
        };
        if let Some(responses) = responses.as_object_mut() {
            responses.insert(
                status.to_owned(),
                json!({
                    "description": about,
                    "content": { "application/problem+json": { "schema": problem } },
                }),
            );
        }
    }
    json!({
        "operationId": resource.name,
        "summary": resource.summary,
        "parameters": parameters,
        "responses": responses,
    })
}
