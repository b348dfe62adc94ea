//! A workbook for spreadsheets: one sheet, numbers as numbers, days as days.

use rust_xlsxwriter::DocProperties;
use rust_xlsxwriter::ExcelDateTime;
use rust_xlsxwriter::Format;
use rust_xlsxwriter::FormatAlign;
use rust_xlsxwriter::FormatBorder;
use rust_xlsxwriter::Workbook;
use rust_xlsxwriter::Worksheet;
use rust_xlsxwriter::XlsxError;

use super::Error;
use super::Options;
use crate::report::Renderer;
use crate::report::table::Align;
use crate::report::table::Cell;
use crate::report::table::Table;

/// The renderer.
pub const RENDERER: Renderer = Renderer {
    name: "xlsx",
    media_type: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    render,
};

/// Paper: A4.
const A4: u8 = 9;
/// Row of the columns' titles: above it stand title, lead, and an empty row.
const HEAD: u32 = 3;
/// Widest column, in characters.
const MAX_WIDTH: usize = 48;

fn render(table: &Table, options: &Options) -> Result<Vec<u8>, Error> {
    workbook(table, options).map_err(|source| Error::Format {
        format: "xlsx",
        source: Box::new(source),
    })
}

fn workbook(table: &Table, options: &Options) -> Result<Vec<u8>, XlsxError> {
    let lang = options.locale.lang;
    let mut book = Workbook::new();
    book.set_properties(
        &DocProperties::new()
            .set_title(table.title.get(lang))
            .set_company(&options.organization)
            .set_creation_datetime(&day(options.day)?),
    );
    let sheet = book.add_worksheet();
    sheet.set_paper_size(A4).set_landscape();
    let font = || Format::new().set_font_name("Times New Roman").set_font_size(11);
    let title = font().set_bold().set_font_size(14);
    sheet.write_string_with_format(0, 0, table.title.get(lang), &title)?;
    sheet.write_string_with_format(1, 0, &table.lead, &font().set_italic())?;
    let boxed = || font().set_border(FormatBorder::Thin).set_align(FormatAlign::Top);
    let head = boxed().set_bold().set_text_wrap().set_align(FormatAlign::Center);
    for (column, n) in table.columns.iter().zip(0u16..) {
        sheet.write_string_with_format(HEAD, n, column.title.get(lang), &head)?;
        sheet.set_column_width(n, width(table, usize::from(n), options))?;
    }
    let mut line = HEAD + 1;
    for row in &table.rows {
        write_row(sheet, line, row, table, options, &boxed())?;
        line += 1;
    }
    if let Some(total) = &table.total {
        write_row(sheet, line, total, table, options, &boxed().set_bold())?;
        line += 1;
    }
    for note in &table.notes {
        line += 1;
        sheet.write_string_with_format(line, 0, note, &font().set_italic())?;
    }
    sheet.set_freeze_panes(HEAD + 1, 0)?;
    book.save_to_buffer()
}

fn write_row(
    sheet: &mut Worksheet,
    line: u32,
    row: &[Cell],
    table: &Table,
    options: &Options,
    format: &Format,
) -> Result<(), XlsxError> {
    for ((cell, column), n) in row.iter().zip(&table.columns).zip(0u16..) {
        let align = match column.align {
            Align::Left => FormatAlign::Left,
            Align::Centre => FormatAlign::Center,
            Align::Right => FormatAlign::Right,
        };
        let format = format.clone().set_align(align);
        match cell {
            Cell::Empty => sheet.write_blank(line, n, &format)?,
            Cell::Text(text) | Cell::Word { text, .. } => {
                sheet.write_string_with_format(line, n, text, &format.set_text_wrap())?
            }
            Cell::Integer(number) => {
                sheet.write_number_with_format(line, n, *number as f64, &format.set_num_format("#,##0"))?
            }
            Cell::Plain(number) => {
                sheet.write_number_with_format(line, n, *number as f64, &format.set_num_format("0"))?
            }
            Cell::Ratio(ratio) => {
                sheet.write_number_with_format(line, n, ratio.get(), &format.set_num_format("0.00%"))?
            }
            Cell::Date(date) => sheet.write_datetime_with_format(
                line,
                n,
                &day(*date)?,
                &format.set_num_format("dd/mm/yyyy"),
            )?,
            // Local time, as people read it; a spreadsheet knows no zones.
            Cell::Moment(_) => {
                sheet.write_string_with_format(line, n, cell.show(&options.locale), &format)?
            }
            // Spreadsheets count time in days.
            Cell::Duration(span) => sheet.write_number_with_format(
                line,
                n,
                span.as_secs_f64() / 86_400.0,
                &format.set_num_format("[h]:mm:ss"),
            )?,
        };
    }
    Ok(())
}

/// As wide as its widest cell, within reason.
fn width(table: &Table, n: usize, options: &Options) -> f64 {
    let title = table
        .columns
        .get(n)
        .map_or(0, |c| c.title.get(options.locale.lang).chars().count());
    let widest = table
        .rows
        .iter()
        .filter_map(|row| row.get(n))
        .map(|cell| cell.show(&options.locale).chars().count())
        .max()
        .unwrap_or(0);
    // Titles may break over lines; what they head should not.
    let wide = widest.max(title.min(12)).clamp(5, MAX_WIDTH);
    wide as f64 + 2.0
}

/// A day as spreadsheets count it: from 1900 on, which is told as an error.
fn day(date: jiff::civil::Date) -> Result<ExcelDateTime, XlsxError> {
    let part = |n: i8| u8::try_from(n).unwrap_or(0);
    ExcelDateTime::from_ymd(
        u16::try_from(date.year()).unwrap_or(0),
        part(date.month()),
        part(date.day()),
    )
}
