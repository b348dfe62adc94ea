//! A table as bytes: one file a format.

pub mod csv;
pub mod html;
pub mod json;
pub mod terminal;
pub mod xlsx;

use crate::i18n::Locale;

/// What renderers need beside the table.
#[derive(Debug, Clone)]
pub struct Options {
    /// The language and the time zone.
    pub locale: Locale,
    /// Whose report it is.
    pub organization: String,
    /// The body above it, for the head of a printed report.
    pub superior: Option<String>,
    /// The place in the date line of a printed report.
    pub place: Option<String>,
    /// The day on which it is made.
    pub day: jiff::civil::Date,
    /// CSV as spreadsheets in a country with a decimal comma open it: `;`
    /// between fields, a byte order mark, numbers as the language writes them.
    pub spreadsheet: bool,
    /// Every column, also where there is little room.
    pub wide: bool,
}

/// The report can't be written in this format.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The format's own library refused.
    #[error("the report can't be written as {format}")]
    Format {
        /// The format.
        format: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
