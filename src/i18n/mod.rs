//! Every text that a person reads, in Vietnamese and English; numbers, dates
//! and lengths of time as the language writes them; Vietnamese sort order.
//!
//! Pure. The texts stand in `texts.toml`, both languages side by side; the build
//! makes the enum [`Text`] of it, so that a missing translation or an unknown
//! key does not compile.

pub mod collate;
mod format;

use std::fmt;
use std::str::FromStr;

pub use format::Locale;

use crate::model::Reason;
use crate::model::State;
use crate::model::TargetKind;

include!(concat!(env!("OUT_DIR"), "/texts.rs"));

/// A language of the texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Lang {
    /// Tiếng Việt.
    #[default]
    Vi,
    /// English.
    En,
}

/// The word is no language that we write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is not a language: use vi or en")]
pub struct UnknownLang {
    /// The word as given.
    pub word: String,
}

struct Row {
    text: Text,
    group: &'static str,
    key: &'static str,
    vi: &'static str,
    en: &'static str,
}

impl Lang {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Vi, Self::En];

    /// The word in the configuration, in `lang=` and in HTML.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vi => "vi",
            Self::En => "en",
        }
    }

    /// The first of the languages in an `Accept-Language` header (RFC 9110
    /// §12.5.4) that we write, by weight and then by place; `None` if none is.
    pub fn accepted(header: &str) -> Option<Self> {
        let mut best: Option<(f64, Self)> = None;
        for item in header.split(',').take(32) {
            let mut parts = item.split(';');
            let tag = parts.next().unwrap_or_default().trim();
            let weight = parts
                .find_map(|p| p.trim().strip_prefix("q="))
                .map_or(Some(1.0), |q| q.trim().parse::<f64>().ok())
                .filter(|q| (0.0..=1.0).contains(q))
                .unwrap_or(0.0);
            let primary = tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
            let Ok(lang) = primary.parse::<Self>() else {
                continue;
            };
            if weight > best.map_or(0.0, |(w, _)| w) {
                best = Some((weight, lang));
            }
        }
        best.map(|(_, lang)| lang)
    }
}

impl FromStr for Lang {
    type Err = UnknownLang;
    fn from_str(word: &str) -> Result<Self, UnknownLang> {
        match word {
            "vi" => Ok(Self::Vi),
            "en" => Ok(Self::En),
            _ => Err(UnknownLang {
                word: word.to_owned(),
            }),
        }
    }
}

impl fmt::Display for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Text {
    /// Every text, in the order of the file.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.text)
    }

    fn row(self) -> &'static Row {
        // The table has one row for each variant in the order of the declaration.
        &TABLE[self as usize]
    }

    /// The group and the key of the file.
    pub fn key(self) -> (&'static str, &'static str) {
        (self.row().group, self.row().key)
    }

    /// The text of a group with a key that comes from data: `("class", "router")`.
    pub fn find(group: &str, key: &str) -> Option<Self> {
        TABLE
            .iter()
            .find(|row| row.group == group && row.key == key)
            .map(|row| row.text)
    }

    /// The word of a group for a key that comes from data, or the key itself
    /// where the file has none (a user's own word).
    pub fn word<'a>(group: &str, key: &'a str, lang: Lang) -> &'a str {
        Self::find(group, key).map_or(key, |text| text.get(lang))
    }

    /// The text, with its placeholders as they stand.
    pub fn get(self, lang: Lang) -> &'static str {
        match lang {
            Lang::Vi => self.row().vi,
            Lang::En => self.row().en,
        }
    }

    /// The text with its placeholders filled: `{name}` by the value of that
    /// name, `{name|one|many}` by `one` if that value is `1`, else by `many`.
    ///
    /// A placeholder without a value stays as it stands, and fails in a debug build.
    pub fn fill(self, lang: Lang, values: &[(&str, &str)]) -> String {
        let mut out = String::new();
        let mut rest = self.get(lang);
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let Some((inner, after)) = after.split_once('}') else {
                out.push('{');
                rest = after;
                continue;
            };
            let mut parts = inner.split('|');
            let name = parts.next().unwrap_or_default();
            let value = values.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
            debug_assert!(value.is_some(), "{self:?}: no value for {{{name}}}");
            match (value, parts.next(), parts.next()) {
                (Some("1"), Some(one), _) => out.push_str(one),
                (Some(_), Some(_), Some(many)) => out.push_str(many),
                (Some(value), _, _) => out.push_str(value),
                (None, _, _) => {
                    out.push('{');
                    out.push_str(inner);
                    out.push('}');
                }
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }
}

/// The word for a state of a target.
///
/// A computer that does not answer may simply be switched off
/// (`always_on: false`): it is *not responding*, never down. A service that is
/// down has stopped; everything else has lost its connection.
pub fn state(state: State, kind: TargetKind, always_on: bool) -> Text {
    match state {
        State::Up => Text::StateUp,
        State::Degraded => Text::StateDegraded,
        State::Unreachable => Text::StateUnreachable,
        State::Unknown => Text::StateUnknown,
        State::Down => match kind {
            TargetKind::Service => Text::StateDownService,
            TargetKind::Device if !always_on => Text::StateNoResponse,
            TargetKind::Device | TargetKind::Link => Text::StateDown,
        },
    }
}

/// Why, for people. `name` tells the display name of a parent by its key.
pub fn reason(reason: &Reason, lang: Lang, name: impl Fn(&str) -> String) -> String {
    let plain = |text: Text| text.get(lang).to_owned();
    match reason {
        Reason::Timeout => plain(Text::ReasonTimeout),
        Reason::NetUnreachable => plain(Text::ReasonNetUnreachable),
        Reason::HostUnreachable => plain(Text::ReasonHostUnreachable),
        Reason::Prohibited => plain(Text::ReasonProhibited),
        Reason::TtlExceeded => plain(Text::ReasonTtlExceeded),
        Reason::Refused => plain(Text::ReasonRefused),
        Reason::Auth => plain(Text::ReasonAuth),
        Reason::NoAnswerOrCommunity => plain(Text::ReasonNoAnswerOrCommunity),
        Reason::Privacy => plain(Text::ReasonPrivacy),
        Reason::Dns => plain(Text::ReasonDns),
        Reason::Tls(what) => Text::ReasonTls.fill(lang, &[("what", what)]),
        Reason::HttpStatus(status) => Text::ReasonHttpStatus.fill(lang, &[("status", &status.to_string())]),
        Reason::BodyMismatch => plain(Text::ReasonBodyMismatch),
        Reason::Malformed => plain(Text::ReasonMalformed),
        Reason::Threshold(what) => {
            Text::ReasonThreshold.fill(lang, &[("what", Text::word("threshold", what, lang))])
        }
        Reason::Parent(key) => Text::ReasonParent.fill(lang, &[("name", &name(key))]),
        Reason::OtherDevice(key) => Text::ReasonOtherDevice.fill(lang, &[("name", &name(key))]),
        Reason::NotPolled => plain(Text::ReasonNotPolled),
        Reason::Blind => plain(Text::ReasonBlind),
        Reason::Internal(what) => Text::ReasonInternal.fill(lang, &[("what", what)]),
    }
}

#[cfg(test)]
mod tests;
