//! A table for a terminal: columns side by side, as wide as their widest cell.

use super::Error;
use super::Options;
use crate::report::Renderer;
use crate::report::table::Align;
use crate::report::table::Table;

/// The renderer.
pub const RENDERER: Renderer = Renderer {
    name: "table",
    media_type: "text/plain; charset=utf-8",
    render,
};

/// Between two columns.
const GAP: &str = "  ";

#[expect(
    clippy::unnecessary_wraps,
    reason = "other formats can fail; the registry holds them all"
)]
fn render(table: &Table, options: &Options) -> Result<Vec<u8>, Error> {
    let lang = options.locale.lang;
    let shown: Vec<usize> = table
        .columns
        .iter()
        .enumerate()
        .filter(|(_, c)| options.wide || c.brief)
        .map(|(i, _)| i)
        .collect();
    let aligned: Vec<Align> = shown
        .iter()
        .filter_map(|i| table.columns.get(*i))
        .map(|c| c.align)
        .collect();
    let head: Vec<String> = shown
        .iter()
        .filter_map(|i| table.columns.get(*i))
        .map(|c| c.title.get(lang).to_owned())
        .collect();
    let mut lines = vec![head];
    for row in table.rows.iter().chain(&table.total) {
        lines.push(
            shown
                .iter()
                .filter_map(|i| row.get(*i))
                // A line break in a name would tear the table.
                .map(|cell| cell.show(&options.locale).replace(char::is_control, " "))
                .collect(),
        );
    }
    let mut out = format!("{}\n{}\n\n", table.title.get(lang), table.lead);
    for line in columns(&lines, &aligned) {
        out.push_str(&line);
        out.push('\n');
    }
    for note in &table.notes {
        out.push('\n');
        out.push_str(note);
        out.push('\n');
    }
    Ok(out.into_bytes())
}

/// Lines with their cells below each other.
pub fn columns(lines: &[Vec<String>], aligned: &[Align]) -> Vec<String> {
    let widths: Vec<usize> = (0..aligned.len())
        .map(|i| {
            lines
                .iter()
                .filter_map(|line| line.get(i))
                .map(|cell| width(cell))
                .max()
                .unwrap_or(0)
        })
        .collect();
    lines
        .iter()
        .map(|line| {
            let cells: Vec<String> = line
                .iter()
                .zip(&widths)
                .zip(aligned)
                .map(|((cell, wide), align)| {
                    let room = " ".repeat(wide.saturating_sub(width(cell)));
                    match align {
                        Align::Right => format!("{room}{cell}"),
                        Align::Left | Align::Centre => format!("{cell}{room}"),
                    }
                })
                .collect();
            cells.join(GAP).trim_end().to_owned()
        })
        .collect()
}

/// Columns of a terminal that a text takes: combining marks take none.
///
/// Latin letters with their Vietnamese marks are one column wide; we write no
/// East Asian wide ones.
fn width(text: &str) -> usize {
    text.chars()
        .filter(|c| !('\u{300}'..='\u{36f}').contains(c))
        .count()
}
