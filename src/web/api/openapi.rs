//! `/api/v1/openapi.json`: the description of the API, made of the table that
//! the router is made of (OpenAPI 3.1.0, whose schemas are JSON Schema 2020-12).

use axum::Json;
use schemars::generate::SchemaSettings;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::BASE;
use super::JSON;
use super::Problem;
use super::RESOURCES;
use super::Resource;

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
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "tramgac",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What the watch post holds to be true: equipment, links, services, sites, areas, incidents. Read only.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": { "schemas": generator.take_definitions(true) },
    })
}

fn operation(resource: &Resource, schema: &schemars::Schema, problem: &schemars::Schema) -> Value {
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
