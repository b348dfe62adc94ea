//! The table of keys: what may stand where. Readers and the JSON Schema both
//! live by it, so that they can't drift apart.

use serde_json::{Map, Value, json};

/// One key of a mapping.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The word.
    pub name: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// What it is for, in one sentence.
    pub doc: &'static str,
    /// What holds when the key is not there, as it would be written.
    pub default: Option<&'static str>,
}

/// What a value is.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Text.
    Text,
    /// A permanent id: a slug.
    Id,
    /// `true` or `false`.
    Bool,
    /// A whole number, from, to.
    Integer(u64, u64),
    /// A number.
    Number,
    /// A share: `0.995` or `99.5%`.
    Ratio,
    /// A length of time: `500ms`, `30s`, `5m`, `6h`, `14d`.
    Duration,
    /// Bits per second: `100Mbit`.
    Bandwidth,
    /// A day: `2025-07-01`.
    Date,
    /// A moment: `2025-07-01T08:00` in the configured time zone, or with its own offset.
    Moment,
    /// A time of day: `07:30`.
    Time,
    /// An IP address, with a port or not, or a name.
    Host,
    /// A network: `10.0.0.0/8`.
    Network,
    /// An address with a port.
    Listen,
    /// A hardware address.
    Mac,
    /// A secret, or a pointer to one.
    Secret,
    /// One of these words.
    Word(fn() -> Vec<&'static str>),
    /// A list; a single value stands for a list of one.
    List(&'static Kind),
    /// A mapping with these keys.
    Object(&'static [Key]),
    /// A mapping of names to values of this kind.
    Named(&'static Kind),
    /// Any of these.
    OneOf(&'static [Kind]),
    /// A mapping with `kind` and the options of the plugin of that name, which knows them itself.
    Plugin,
}

/// Shorthand for a row of a table without a default.
pub const fn key(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key {
        name,
        kind,
        doc,
        default: None,
    }
}

/// Shorthand for a row of a table with a default.
pub const fn preset(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Key {
    Key {
        name,
        kind,
        doc,
        default: Some(default),
    }
}

/// Shape of an id (`model::id::Slug`).
const ID_PATTERN: &str = "^[a-z0-9][a-z0-9._-]{0,62}$";

/// The JSON Schema of a file with the keys of `table`, for editors.
///
/// It asks for the shape only: that references lead somewhere is for
/// `tramgac check` to say. Every value may also be a text with variables in it.
pub fn json(table: &'static [Key]) -> Value {
    let mut schema = object(table);
    if let Value::Object(map) = &mut schema {
        map.insert(
            "$schema".to_owned(),
            "https://json-schema.org/draft/2020-12/schema".into(),
        );
        map.insert("title".to_owned(), "tramgac configuration".into());
    }
    schema
}

fn object(table: &'static [Key]) -> Value {
    let mut properties = Map::new();
    for row in table {
        let mut schema = of_kind(&row.kind);
        if let Value::Object(map) = &mut schema {
            map.insert("description".to_owned(), row.doc.into());
            if let Some(default) = row.default {
                map.insert("default".to_owned(), default_value(&row.kind, default));
            }
        }
        properties.insert(row.name.to_owned(), schema);
    }
    json!({
        "type": ["object", "null"],
        "properties": properties,
        "additionalProperties": false,
    })
}

/// The default as its type.
fn default_value(kind: &Kind, text: &str) -> Value {
    if matches!(kind, Kind::Bool | Kind::Integer(..)) {
        return serde_json::from_str(text).unwrap_or_else(|_| text.into());
    }
    if matches!(kind, Kind::List(_)) {
        let inner = text.trim_start_matches('[').trim_end_matches(']');
        return inner
            .split(',')
            .map(str::trim)
            .filter(|t| !t.is_empty())
            .collect();
    }
    text.into()
}

/// A text of a certain shape, or one with variables in it.
fn shaped(pattern: &str) -> Value {
    json!({"type": "string", "pattern": format!("{pattern}|\\$\\{{")})
}

fn of_kind(kind: &Kind) -> Value {
    match kind {
        Kind::Text => json!({"type": ["string", "number", "boolean"]}),
        Kind::Id => shaped(ID_PATTERN),
        Kind::Bool => json!({"anyOf": [{"type": "boolean"}, shaped("^$")]}),
        Kind::Integer(least, most) => json!({"anyOf": [
            {"type": "integer", "minimum": least, "maximum": most},
            shaped("^[0-9_]+$"),
        ]}),
        Kind::Number => json!({"anyOf": [{"type": "number"}, shaped("^$")]}),
        Kind::Ratio => json!({"anyOf": [
            {"type": "number", "minimum": 0, "maximum": 1},
            shaped("^[0-9.]+ ?%$"),
        ]}),
        Kind::Duration => json!({"anyOf": [
            {"const": 0},
            shaped("^([0-9.]+(ms|s|m|h|d|w))+$"),
        ]}),
        Kind::Bandwidth => shaped("^[0-9.]+ ?[kKMG]?([bB]it(/s)?|bps)$"),
        Kind::Date => shaped("^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
        Kind::Moment => shaped("^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]"),
        Kind::Time => shaped("^[0-9]{2}:[0-9]{2}$"),
        Kind::Host | Kind::Network | Kind::Listen | Kind::Mac | Kind::Secret => json!({"type": "string"}),
        Kind::Word(words) => {
            let mut all: Vec<Value> = words().into_iter().map(Value::from).collect();
            // YAML reads some words as numbers or truth values where they have no quotes.
            let plain: Vec<Value> = words()
                .iter()
                .filter_map(|w| serde_json::from_str::<Value>(w).ok())
                .collect();
            all.extend(plain);
            json!({"enum": all})
        }
        Kind::List(inner) => {
            let item = of_kind(inner);
            json!({"anyOf": [item.clone(), {"type": "array", "items": item}, {"type": "null"}]})
        }
        Kind::Object(table) => object(table),
        Kind::Named(inner) => json!({
            "type": ["object", "null"],
            "additionalProperties": of_kind(inner),
        }),
        Kind::OneOf(kinds) => json!({"anyOf": kinds.iter().map(of_kind).collect::<Vec<_>>()}),
        Kind::Plugin => json!({
            "type": "object",
            "properties": {"kind": {"type": "string"}},
            "required": ["kind"],
        }),
    }
}
