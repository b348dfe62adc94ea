//! Grafana boards as the tests read them: panels, targets, variables, texts.

use std::collections::BTreeMap;
use std::fs;

use regex::Regex;
use serde_json::Value;
use tramgac::metrics::CATALOG;
use tramgac::metrics::catalog::Kind;

use super::prometheus::{Prometheus, root};

/// One shipped board.
pub struct Board {
    /// File name without ending; the uid.
    pub name: String,
    /// The whole of it.
    pub json: Value,
}

/// All shipped boards, by name.
pub fn shipped() -> Vec<Board> {
    let folder = fs::read_dir(root().join("dashboards")).unwrap();
    let mut boards: Vec<Board> = folder
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .map(|path| Board {
            name: path.file_stem().unwrap().to_string_lossy().into_owned(),
            json: serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap(),
        })
        .collect();
    boards.sort_by(|a, b| a.name.cmp(&b.name));
    boards
}

impl Board {
    /// Its panels, rows left out.
    pub fn panels(&self) -> impl Iterator<Item = &Value> {
        let panels = self.json["panels"].as_array().into_iter().flatten();
        panels.filter(|p| p["type"] != "row")
    }

    /// Its variables.
    pub fn variables(&self) -> impl Iterator<Item = &Value> {
        self.json["templating"]["list"].as_array().into_iter().flatten()
    }

    /// Every expression: the panel's title, the target, the expression.
    pub fn targets(&self) -> impl Iterator<Item = (&str, &Value, &str)> {
        self.panels().flat_map(|p| {
            let targets = p["targets"].as_array().into_iter().flatten();
            targets.map(|t| (text(&p["title"]), t, text(&t["expr"])))
        })
    }
}

/// A string, or nothing.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The metrics that an expression names and the catalogue does not have.
pub fn unknown_metrics(expression: &str) -> Vec<String> {
    let name = Regex::new(r"\btramgac_[a-z0-9_]+").unwrap();
    let known = |name: &str| {
        CATALOG.iter().any(|m| {
            let suffixes: &[&str] = match m.kind {
                Kind::Gauge | Kind::Counter => &[""],
                Kind::Summary => &["_sum", "_count"],
                Kind::Histogram => &["_sum", "_count", "_bucket"],
            };
            name.strip_prefix(m.name).is_some_and(|s| suffixes.contains(&s))
        })
    };
    name.find_iter(expression)
        .map(|m| m.as_str().to_owned())
        .filter(|n| !known(n))
        .collect()
}

/// Calls `see` for every string in `value`, with the keys that lead to it.
pub fn each_string(value: &mut Value, path: &mut Vec<String>, see: &mut dyn FnMut(&[String], &mut String)) {
    match value {
        Value::String(s) => see(path, s),
        Value::Array(list) => {
            for item in list {
                each_string(item, path, see);
            }
        }
        Value::Object(map) => {
            for (key, item) in map.iter_mut() {
                path.push(key.clone());
                each_string(item, path, see);
                path.pop();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Values of variables, as Grafana would put them into an expression.
pub type Values = BTreeMap<String, String>;

/// Resolves the variables of a board in their order, as Grafana does, against a
/// real Prometheus. `wanted` chooses among the values of those that allow one only.
pub fn resolve(board: &Board, prometheus: &Prometheus, wanted: &[(&str, &str)]) -> Result<Values, String> {
    let mut values = Values::new();
    for variable in board.variables() {
        let name = text(&variable["name"]);
        if variable["type"] == "datasource" {
            continue;
        }
        let query = interpolate(text(&variable["query"]["query"]), &values);
        let options = options(&query, text(&variable["regex"]), prometheus)?;
        if options.is_empty() {
            return Err(format!("{}: variable {name} has no values: {query}", board.name));
        }
        let value = if variable["includeAll"] == true {
            text(&variable["allValue"]).to_owned()
        } else {
            let want = wanted.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
            let want = want.unwrap_or(&options[0]).to_owned();
            if !options.contains(&want) {
                return Err(format!(
                    "{}: variable {name} has no value {want}: {options:?}",
                    board.name
                ));
            }
            want
        };
        // What is shown with "All" is still looked at with the one that is asked for.
        let value = wanted
            .iter()
            .find(|(n, v)| *n == name && options.iter().any(|o| o == v))
            .map_or(value, |(_, v)| (*v).to_owned());
        values.insert(name.to_owned(), value);
    }
    Ok(values)
}

fn options(query: &str, regex: &str, prometheus: &Prometheus) -> Result<Vec<String>, String> {
    let label_values = Regex::new(r"^label_values\((.*), ([a-z_]+)\)$").unwrap();
    if let Some(parts) = label_values.captures(query) {
        return prometheus.label_values(&parts[1], &parts[2]);
    }
    let query_result = Regex::new(r"^query_result\((.*)\)$").unwrap();
    let parts = query_result
        .captures(query)
        .ok_or_else(|| format!("not understood: {query}"))?;
    let rows = prometheus.query(&parts[1])?;
    // Grafana writes each series as name{label="value", …} value time and applies the expression to it.
    let value = Regex::new(r#"\[\{,\](\w+)="\(\?<value>"#).unwrap();
    let label = value
        .captures(regex)
        .ok_or_else(|| format!("no named group value in {regex}"))?;
    Ok(rows
        .into_iter()
        .filter_map(|(l, _)| l.get(&label[1]).cloned())
        .collect())
}

/// Replaces variables and Grafana's own intervals.
pub fn interpolate(expression: &str, values: &Values) -> String {
    let mut out = expression
        .replace("$__rate_interval", "5s")
        .replace("$__interval", "1s")
        .replace("$__range", "10s");
    // Longer names first, so that $area does not eat into $area_kind.
    let mut names: Vec<_> = values.iter().collect();
    names.sort_by_key(|(n, _)| std::cmp::Reverse(n.len()));
    for (name, value) in names {
        out = out.replace(&format!("${name}"), value);
    }
    out
}
