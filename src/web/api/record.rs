//! How the record is, within the status.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use super::body::Time;
use crate::i18n::Locale;
use crate::model::Timestamp;
use crate::web::record::Record;
use crate::web::record::TroubleKind;

/// How the record is, as the status tells it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct RecordBody {
    /// What keeps it from being written as it should; absent: everything is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<TroubleBody>,
    /// What was lost lately with a file that was damaged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<LostBody>,
}

/// What keeps the record from being written.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct TroubleBody {
    /// What it is.
    pub kind: TroubleKind,
    /// Since when.
    pub since: Time,
    /// The same in the reader's language.
    pub text: String,
}

/// A loss.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct LostBody {
    /// When it was found.
    pub found_at: Time,
    /// The moment up to which everything is there; absent: nothing of before is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_until: Option<Time>,
    /// The same in the reader's language.
    pub text: String,
}

impl RecordBody {
    pub(in crate::web) fn of(record: &Record, locale: &Locale, now: Timestamp) -> Self {
        Self {
            trouble: record.trouble.map(|trouble| TroubleBody {
                kind: trouble.kind,
                since: trouble.since.into(),
                text: trouble.notice(locale, now).title,
            }),
            lost: record.lost.as_ref().map(|lost| LostBody {
                found_at: lost.found_at.into(),
                kept_until: lost.kept_until.map(Into::into),
                text: lost.notice(locale, now).title,
            }),
        }
    }
}
