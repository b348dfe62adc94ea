//! How the record is, for the pages and the status: what keeps it from being
//! written as it should, and what was lost with a damaged file.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use crate::i18n::Locale;
use crate::i18n::Text;
use crate::model::Timestamp;

/// How the record is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// What keeps it from being written as it should; `None`: everything is written.
    pub trouble: Option<Trouble>,
    /// What was lost lately with a file that was damaged.
    pub lost: Option<Lost>,
}

impl Record {
    /// As people read it.
    pub(super) fn notices(&self, locale: &Locale, now: Timestamp) -> impl Iterator<Item = Notice> {
        let trouble = self.trouble.map(|trouble| trouble.notice(locale, now));
        let lost = self.lost.as_ref().map(|lost| lost.notice(locale, now));
        trouble.into_iter().chain(lost)
    }
}

/// What keeps the record from being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trouble {
    /// What it is.
    pub kind: TroubleKind,
    /// Since when.
    pub since: Timestamp,
}

/// What keeps the record from being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TroubleKind {
    /// The disk is full: events are written, history is not.
    DiskFull,
    /// Nothing can be written; it is tried again every second.
    Stuck,
    /// The disk is too slow: part of the history is given up.
    Behind,
}

/// A loss: the record was damaged, and a backup, or a new record, took its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// When that was found.
    pub found_at: Timestamp,
    /// The moment up to which the backup held everything; `None`: there was no good one.
    pub kept_until: Option<Timestamp>,
    /// The name of the backup that was taken.
    pub backup: Option<String>,
    /// The name under which the damaged file is kept.
    pub set_aside: String,
}

/// A notice for people: what, and what it means.
pub(super) struct Notice {
    pub(super) title: String,
    pub(super) text: String,
}

impl Trouble {
    /// As people read it.
    pub(super) fn notice(&self, locale: &Locale, now: Timestamp) -> Notice {
        let (title, text) = match self.kind {
            TroubleKind::DiskFull => (Text::PageDiskFull, Text::PageDiskFullText),
            TroubleKind::Stuck => (Text::PageRecordStuck, Text::PageRecordStuckText),
            TroubleKind::Behind => (Text::PageRecordBehind, Text::PageRecordBehindText),
        };
        Notice {
            title: title.fill(locale.lang, &[("when", &locale.when(self.since, now))]),
            text: text.get(locale.lang).to_owned(),
        }
    }
}

impl Lost {
    /// For how long people are told of it, seconds.
    pub const TOLD_SECONDS: u64 = 7 * 86_400;

    /// As people read it.
    pub(super) fn notice(&self, locale: &Locale, now: Timestamp) -> Notice {
        let lang = locale.lang;
        let found = locale.when(self.found_at, now);
        let title = match self.kept_until {
            Some(until) => {
                Text::PageRecordLost.fill(lang, &[("when", &found), ("until", &locale.when(until, now))])
            }
            None => Text::PageRecordLostAll.fill(lang, &[("when", &found)]),
        };
        let days = (Self::TOLD_SECONDS / 86_400).to_string();
        let (file, days) = (("file", self.set_aside.as_str()), ("days", days.as_str()));
        let text = match &self.backup {
            Some(backup) => Text::PageRecordLostText.fill(lang, &[("backup", backup), file, days]),
            None => Text::PageRecordLostAllText.fill(lang, &[file, days]),
        };
        Notice { title, text }
    }
}
