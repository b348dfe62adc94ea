//! The JSON Schema of a profile, for editors.

use serde_json::Value as Json;
use serde_json::json;

use super::expr::Expr;
use super::learnt::Section;
use super::model::Match;

/// The schema of `profiles/*.yaml` (JSON Schema 2020-12).
pub fn schema() -> Json {
    let mut generator = schemars::generate::SchemaSettings::draft2020_12().into_generator();
    let expr = generator.subschema_for::<Expr>().to_value();
    let matching = generator.subschema_for::<Match>().to_value();
    let many = |one: &Json| json!({"anyOf": [one, {"type": "array", "items": one}]});
    let text = json!({"type": "string"});
    let mut properties = json!({
        "name": {"type": "string", "description": "The file's name without .yaml; may be left out."},
        "about": {"type": "string", "description": "What it is for, in a sentence."},
        "match": many(&matching),
        "include": many(&text),
        "replaces": many(&text),
        "vlan_contexts": {"type": "string", "description": "A column with one row per VLAN (value 1: in use) of a device that keeps each VLAN's bridge table in a context of its own."},
        "tables": {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": {"type": "string"}}},
        "facts": {"type": "object", "propertyNames": {"pattern": "^[a-z0-9_]+$"}, "additionalProperties": expr},
    });
    for (section, word) in Section::ALL {
        let mut fields = json!({
            "each": many(&text),
            "when": many(&expr),
            "by": expr,
            "fallback": {"type": "boolean", "description": "Only if the rules before made no row."},
        });
        if let Some(map) = fields.as_object_mut() {
            for (field, _) in section.fields() {
                map.insert((*field).to_owned(), expr.clone());
            }
        }
        let rule = json!({"type": "object", "properties": fields, "additionalProperties": false});
        if let Some(map) = properties.as_object_mut() {
            map.insert(word.to_owned(), many(&rule));
        }
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "tramgac device profile",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "$defs": generator.definitions(),
    })
}
