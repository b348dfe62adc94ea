//! CSV by RFC 4180: commas, CRLF, UTF-8, numbers and days for machines.
//!
//! With `spreadsheet`, as Excel in Vietnamese opens it with a double click: a
//! byte order mark, `;` between fields, numbers with a decimal comma; what
//! would be run as a formula is made text by an apostrophe.

use super::Error;
use super::Options;
use crate::report::Renderer;
use crate::report::table::Cell;
use crate::report::table::Table;

/// The renderer.
pub const RENDERER: Renderer = Renderer {
    name: "csv",
    media_type: "text/csv; charset=utf-8",
    render,
};

fn render(table: &Table, options: &Options) -> Result<Vec<u8>, Error> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| Error::Format {
        format: "csv",
        source,
    };
    let lang = options.locale.lang;
    let mut out = Vec::new();
    if options.spreadsheet {
        out.extend_from_slice("\u{feff}".as_bytes());
    }
    let mut writer = csv::WriterBuilder::new()
        .delimiter(if options.spreadsheet { b';' } else { b',' })
        .terminator(csv::Terminator::CRLF)
        .from_writer(&mut out);
    writer
        .write_record(table.columns.iter().map(|c| c.title.get(lang)))
        .map_err(|e| failed(e.into()))?;
    for row in &table.rows {
        writer
            .write_record(row.iter().map(|cell| field(cell, options)))
            .map_err(|e| failed(e.into()))?;
    }
    writer.flush().map_err(|e| failed(e.into()))?;
    drop(writer);
    Ok(out)
}

fn field(cell: &Cell, options: &Options) -> String {
    if !options.spreadsheet {
        return cell.plain(&options.locale);
    }
    match cell {
        // Spreadsheets read digits, not groups of them.
        Cell::Integer(n) | Cell::Plain(n) => n.to_string(),
        Cell::Text(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => format!("'{text}"),
        Cell::Empty
        | Cell::Text(_)
        | Cell::Word { .. }
        | Cell::Ratio(_)
        | Cell::Date(_)
        | Cell::Moment(_)
        | Cell::Duration(_) => cell.show(&options.locale),
    }
}
