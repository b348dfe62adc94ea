//! A report as values: columns, rows, a total, notes. Renderers make text of it.

use jiff::civil::Date;

use crate::i18n::Locale;
use crate::i18n::Text;
use crate::model::Ratio;
use crate::model::Span;
use crate::model::Timestamp;

/// A report.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// What it is called.
    pub title: Text,
    /// The line below the title: of which day, over which time.
    pub lead: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows; each has one cell a column.
    pub rows: Vec<Vec<Cell>>,
    /// The last row, with the words in its first column.
    pub total: Option<Vec<Cell>>,
    /// What must be said beside it.
    pub notes: Vec<String>,
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Column {
    /// Its key in JSON; stable.
    pub key: &'static str,
    /// Its title.
    pub title: Text,
    /// How its cells stand.
    pub align: Align,
    /// It is shown where there is little room, too.
    pub brief: bool,
}

/// How cells stand (Decree 30/2020: codes and dates centred, text left, numbers right).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the directions")]
pub enum Align {
    Left,
    Centre,
    Right,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Not known, or there is none.
    Empty,
    /// Text as it was given.
    Text(String),
    /// A word of ours: its key for machines, its text for people.
    Word {
        /// The key.
        key: &'static str,
        /// The text in the report's language.
        text: String,
    },
    /// A whole number.
    Integer(u64),
    /// A year or another number that is written without separators.
    Plain(u64),
    /// A share.
    Ratio(Ratio),
    /// A day.
    Date(Date),
    /// A moment.
    Moment(Timestamp),
    /// A length of time.
    Duration(Span),
}

impl Column {
    /// A column that is always shown.
    pub const fn brief(key: &'static str, title: Text, align: Align) -> Self {
        Self {
            key,
            title,
            align,
            brief: true,
        }
    }

    /// A column that is left out where there is little room.
    pub const fn wide(key: &'static str, title: Text, align: Align) -> Self {
        Self {
            key,
            title,
            align,
            brief: false,
        }
    }
}

impl Cell {
    /// Text, or nothing for what is absent or empty.
    pub fn text(value: Option<impl Into<String>>) -> Self {
        match value.map(Into::into) {
            Some(text) if !text.trim().is_empty() => Self::Text(text),
            _ => Self::Empty,
        }
    }

    /// A day, or nothing.
    pub fn date(value: Option<Date>) -> Self {
        value.map_or(Self::Empty, Self::Date)
    }

    /// For people, as the language writes it.
    pub fn show(&self, locale: &Locale) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) | Self::Word { text, .. } => text.clone(),
            Self::Integer(n) => locale.integer(*n),
            Self::Plain(n) => n.to_string(),
            Self::Ratio(ratio) => locale.percent_fine(*ratio),
            Self::Date(date) => locale.date(*date),
            Self::Moment(at) => locale.moment(*at),
            Self::Duration(span) => locale.duration(*span),
        }
    }

    /// For machines: numbers plain, days and moments by ISO 8601, times in seconds.
    pub fn plain(&self, locale: &Locale) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) | Self::Word { text, .. } => text.clone(),
            Self::Integer(n) | Self::Plain(n) => n.to_string(),
            Self::Ratio(ratio) => ratio.get().to_string(),
            Self::Date(date) => date.to_string(),
            Self::Moment(at) => locale.rfc3339(*at),
            Self::Duration(span) => span.as_secs().to_string(),
        }
    }
}
