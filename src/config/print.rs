//! The effective configuration as YAML: what is written, and every default
//! that holds beside it. Secrets are masked; pointers to them are shown.

use super::mask;
use super::node::{Node, Value};
use super::schema::{Key, Kind};

/// What is shown in place of a secret.
pub(super) const MASK: &str = "••••";

/// The tree as YAML by the table of its keys, defaults marked.
pub fn effective(root: &Node, table: &'static [Key]) -> String {
    let mut out = String::new();
    object(&mut out, Some(root), table, 0, true);
    out
}

/// One mapping by its table; `with_defaults` adds the defaults of what is not there.
fn object(out: &mut String, node: Option<&Node>, table: &'static [Key], depth: usize, with_defaults: bool) {
    for row in table {
        // What was included stands in the tree already.
        if depth == 0 && row.name == "include" {
            continue;
        }
        let found = node.and_then(|n| n.get(row.name)).filter(|n| !n.is_null());
        match (row.kind, found) {
            // A section has defaults whether it is there or not.
            (Kind::Object(inner), found) if depth == 0 && found.is_none_or(Node::is_map) => {
                let mut section = String::new();
                object(&mut section, found, inner, 1, true);
                if !section.is_empty() {
                    line(out, depth, &format!("{}:", row.name));
                    out.push_str(&section);
                }
            }
            (_, Some(found)) => entry(out, row.name, found, Some(row.kind), depth),
            (_, None) => {
                if let Some(default) = row.default.filter(|_| with_defaults) {
                    line(
                        out,
                        depth,
                        &format!("{}: {}  # default", row.name, quoted(default, true)),
                    );
                }
            }
        }
    }
}

fn line(out: &mut String, depth: usize, text: &str) {
    out.extend(std::iter::repeat_n("  ", depth));
    out.push_str(text);
    out.push('\n');
}

fn entry(out: &mut String, key: &str, node: &Node, kind: Option<Kind>, depth: usize) {
    let key = quoted(key, true);
    match &node.value {
        Value::Null => line(out, depth, &format!("{key}:")),
        Value::Scalar(_) => {
            let is_secret = matches!(kind, Some(Kind::Secret)) || mask::is_telling(&key);
            line(out, depth, &format!("{key}: {}", scalar(node, is_secret)));
        }
        Value::List(items) if items.is_empty() => line(out, depth, &format!("{key}: []")),
        Value::Map(entries) if entries.is_empty() => line(out, depth, &format!("{key}: {{}}")),
        Value::List(items) => {
            line(out, depth, &format!("{key}:"));
            let inner = match kind {
                Some(Kind::List(inner)) => Some(*inner),
                _ => None,
            };
            for item in items {
                self::item(out, item, inner, depth + 1, &key);
            }
        }
        Value::Map(entries) => {
            line(out, depth, &format!("{key}:"));
            for e in entries {
                entry(out, &e.key, &e.node, inner_kind(kind, &e.key), depth + 1);
            }
        }
    }
}

/// The kind of a key's value within a value of `kind`.
fn inner_kind(kind: Option<Kind>, key: &str) -> Option<Kind> {
    let kind = kind?;
    if let Kind::Object(table) = kind {
        return table.iter().find(|row| row.name == key).map(|row| row.kind);
    }
    if let Kind::Named(inner) = kind {
        return Some(*inner);
    }
    None
}

/// One item of a list.
fn item(out: &mut String, node: &Node, kind: Option<Kind>, depth: usize, key: &str) {
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => {
            let mut text = String::new();
            for e in entries {
                entry(&mut text, &e.key, &e.node, inner_kind(kind, &e.key), depth + 1);
            }
            // The first key stands behind the dash.
            let dash = format!("{:width$}- ", "", width = depth * 2);
            out.push_str(&dash);
            out.push_str(text.trim_start());
        }
        Value::Scalar(_) => {
            let is_secret = matches!(kind, Some(Kind::Secret)) || mask::is_telling(key);
            line(out, depth, &format!("- {}", scalar(node, is_secret)));
        }
        Value::Null => line(out, depth, "-"),
        Value::Map(_) => line(out, depth, "- {}"),
        Value::List(items) => {
            let inner: Vec<String> = items.iter().map(|i| scalar(i, mask::is_telling(key))).collect();
            line(out, depth, &format!("- [{}]", inner.join(", ")));
        }
    }
}

/// A scalar as it was written, so that what a variable holds is not told.
fn scalar(node: &Node, is_secret: bool) -> String {
    let written = node.written().unwrap_or_default();
    let pointer = ["env:", "file:", "credential:"]
        .iter()
        .any(|p| written.starts_with(p));
    if is_secret && !pointer && !is_variable(written) {
        return MASK.to_owned();
    }
    quoted(written, !node.is_quoted())
}

/// Whether it is nothing but a variable; a default in it would be the secret itself.
fn is_variable(text: &str) -> bool {
    text.strip_prefix("${")
        .and_then(|t| t.strip_suffix('}'))
        .is_some_and(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
}

/// In quotes where it would be read as something else without.
fn quoted(text: &str, may_be_plain: bool) -> String {
    let list = text.starts_with('[') && text.ends_with(']') && !text.contains(['"', '\'', '{']);
    let plain = may_be_plain
        && !text.is_empty()
        && text.trim() == text
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with(':')
        && !text.contains(['\n', '\t', '"', '\\'])
        && !text.starts_with([
            '-', '?', ':', ',', '[', ']', '{', '}', '#', '&', '*', '!', '|', '>', '\'', '%', '@', '`',
        ])
        && !matches!(text, "~" | "null");
    if plain || (may_be_plain && list) {
        text.to_owned()
    } else {
        serde_json::Value::from(text).to_string()
    }
}
