//! A document of its own, for printing: the layout of Decree 30/2020/NĐ-CP,
//! annex I (A4, Times New Roman or what is metrically like it, margins, head in
//! four cells, table with numbered columns, place for signatures).
//!
//! The number and the signatures stay blank: a report invents none.

use maud::DOCTYPE;
use maud::Markup;
use maud::PreEscaped;
use maud::html;

use super::Error;
use super::Options;
use crate::i18n::Lang;
use crate::i18n::Text;
use crate::report::Renderer;
use crate::report::table::Align;
use crate::report::table::Cell;
use crate::report::table::Table;

/// The renderer.
pub const RENDERER: Renderer = Renderer {
    name: "html",
    media_type: "text/html; charset=utf-8",
    render,
};

const STYLE: &str = include_str!("print.css");

/// More columns than this are printed across.
const UPRIGHT_COLUMNS: usize = 7;

#[expect(
    clippy::unnecessary_wraps,
    reason = "other formats can fail; the registry holds them all"
)]
fn render(table: &Table, options: &Options) -> Result<Vec<u8>, Error> {
    let lang = options.locale.lang;
    let across = table.columns.len() > UPRIGHT_COLUMNS;
    let page = html! {
        (DOCTYPE)
        html lang=(lang) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (table.title.get(lang)) }
                style { (PreEscaped(STYLE)) @if across { (PreEscaped("@page { size: A4 landscape; }")) } }
            }
            body {
                (head(options))
                h1 { (table.title.get(lang)) }
                p .lead { (table.lead) }
                (body(table, options))
                @for note in &table.notes { p .note { (note) } }
                (signatures(lang))
            }
        }
    };
    Ok(page.into_string().into_bytes())
}

/// Who issues it, and in Vietnamese the national head.
fn head(options: &Options) -> Markup {
    let day = options.day;
    html! {
        header {
            div {
                @if let Some(superior) = &options.superior { p { (superior.to_uppercase()) } }
                p .issuer { (options.organization.to_uppercase()) }
                @if options.locale.lang == Lang::Vi { p { "Số:       /BC-" } }
            }
            @if options.locale.lang == Lang::Vi {
                div {
                    p .nation { "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM" }
                    p .motto { "Độc lập - Tự do - Hạnh phúc" }
                    p .date {
                        (options.place.as_deref().unwrap_or("…………")) ", "
                        (PreEscaped(vietnamese_day(day)))
                    }
                }
            } @else {
                div { p .date { (options.locale.date(day)) } }
            }
        }
    }
}

/// "ngày 05 tháng 3 năm 2026": days below 10 and the first two months have a zero.
fn vietnamese_day(day: jiff::civil::Date) -> String {
    let month = if day.month() < 3 {
        format!("{:02}", day.month())
    } else {
        day.month().to_string()
    };
    format!("ngày {:02} tháng {month} năm {}", day.day(), day.year())
}

fn body(table: &Table, options: &Options) -> Markup {
    let lang = options.locale.lang;
    let class = |i: usize| match table.columns.get(i).map(|c| c.align) {
        Some(Align::Right) => "right",
        Some(Align::Centre) => "centre",
        Some(Align::Left) | None => "left",
    };
    let row = |cells: &[Cell]| {
        html! {
            @for (i, cell) in cells.iter().enumerate() {
                td class=(class(i)) { (cell.show(&options.locale)) }
            }
        }
    };
    html! {
        table {
            thead {
                tr { @for column in &table.columns { th scope="col" { (column.title.get(lang)) } } }
                tr .numbers { @for n in 1..=table.columns.len() { td { "(" (n) ")" } } }
            }
            tbody { @for cells in &table.rows { tr { (row(cells)) } } }
            @if let Some(total) = &table.total { tfoot { tr { (row(total)) } } }
        }
    }
}

fn signatures(lang: Lang) -> Markup {
    html! {
        footer {
            p { (Text::ReportPreparedBy.get(lang).to_uppercase()) }
            p { (Text::ReportHeadOfUnit.get(lang).to_uppercase()) }
        }
    }
}
