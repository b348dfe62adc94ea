//! JSON: one array of objects, keys stable, what is not known absent.

use serde_json::Map;
use serde_json::Value;

use super::Error;
use super::Options;
use crate::report::Renderer;
use crate::report::table::Cell;
use crate::report::table::Table;

/// The renderer.
pub const RENDERER: Renderer = Renderer {
    name: "json",
    media_type: "application/json",
    render,
};

fn render(table: &Table, options: &Options) -> Result<Vec<u8>, Error> {
    let rows: Vec<Value> = table
        .rows
        .iter()
        .map(|row| {
            let object: Map<String, Value> = table
                .columns
                .iter()
                .zip(row)
                .filter(|(column, _)| column.key != "number")
                .filter_map(|(column, cell)| Some((column.key.to_owned(), value(cell, options)?)))
                .collect();
            Value::Object(object)
        })
        .collect();
    let mut out = serde_json::to_vec_pretty(&rows).map_err(|e| Error::Format {
        format: "json",
        source: e.into(),
    })?;
    out.push(b'\n');
    Ok(out)
}

fn value(cell: &Cell, options: &Options) -> Option<Value> {
    Some(match cell {
        Cell::Empty => return None,
        Cell::Text(text) => text.clone().into(),
        Cell::Word { key, .. } => (*key).into(),
        Cell::Integer(n) | Cell::Plain(n) => (*n).into(),
        Cell::Ratio(ratio) => ratio.get().into(),
        Cell::Duration(span) => span.as_secs_f64().into(),
        Cell::Date(_) | Cell::Moment(_) => cell.plain(&options.locale).into(),
    })
}
