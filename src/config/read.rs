//! How a value is read as a type: one [`Read`] for each, all with the same manners.
//!
//! A message quotes the value as it was written, never what a variable holds.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use jiff::civil::{Date, DateTime, Time};

use super::model::{AuthProtocol, PrivacyProtocol};
use super::node::Node;
use super::problem::{Sink, nearest};
use super::secret::Secret;
use crate::i18n::Lang;
use crate::indicator::definition::{Count, SiteNumber};
use crate::inventory::class::CLASSES;
use crate::inventory::{
    Class, Condition, Host, Lifecycle, Mac, Medium, MonitorMode, SiteKind, SitePolicy, SuccessionKind,
    UnitKind,
};
use crate::model::{DeviceId, LinkId, Ratio, ServiceId, SiteId, Slug, Span, UnitId};

/// A type that can be read from a [`Node`].
pub trait Read: Sized {
    /// The value, or a report of why it is none.
    fn read(node: &Node, sink: &Sink) -> Option<Self>;
}

/// The scalar's text, or a report that it is no scalar.
fn text<'a>(node: &'a Node, sink: &Sink, expected: &str) -> Option<&'a str> {
    let found = node.text();
    if found.is_none() {
        sink.report(
            node.problem(format!("this is {}, not a single value", node.shape()))
                .expected(expected),
        );
    }
    found
}

/// Reads a scalar by `parse`; `what` is the noun in the message, `expected` an example.
pub fn scalar<T>(
    node: &Node,
    sink: &Sink,
    what: &str,
    expected: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Option<T> {
    let found = text(node, sink, expected)?;
    let parsed = parse(found);
    if parsed.is_none() {
        let written = node.written().unwrap_or_default();
        sink.report(
            node.problem(format!("{written:?} is not {what}"))
                .expected(expected),
        );
    }
    parsed
}

/// Reads one of a few words.
pub fn word<T: Copy>(node: &Node, sink: &Sink, words: &[(T, &'static str)]) -> Option<T> {
    if let Some(found) = node.text()
        && let Some((value, _)) = words.iter().find(|(_, w)| *w == found)
    {
        return Some(*value);
    }
    let all: Vec<&str> = words.iter().map(|(_, w)| *w).collect();
    let expected = format!("one of: {}", all.join(", "));
    let found = text(node, sink, &expected)?;
    let written = node.written().unwrap_or_default();
    sink.report(
        node.problem(format!("{written:?} is not known here"))
            .expected(expected)
            .did_you_mean(nearest(found, all)),
    );
    None
}

impl Read for String {
    fn read(node: &Node, sink: &Sink) -> Option<Self> {
        let found = text(node, sink, "text")?;
        if found.trim().is_empty() {
            sink.report(node.problem("this is empty").expected("text"));
            return None;
        }
        Some(found.to_owned())
    }
}

impl Read for bool {
    fn read(node: &Node, sink: &Sink) -> Option<Self> {
        let found = text(node, sink, "true or false")?;
        match found {
            "true" => Some(true),
            "false" => Some(false),
            other => {
                let meant = match other.to_lowercase().as_str() {
                    "yes" | "on" | "y" | "1" | "true" => Some("true"),
                    "no" | "off" | "n" | "0" | "false" => Some("false"),
                    _ => None,
                };
                let written = node.written().unwrap_or_default();
                sink.report(
                    node.problem(format!("{written:?} is neither true nor false"))
                        .expected("true or false")
                        .did_you_mean(meant),
                );
                None
            }
        }
    }
}

/// A whole number, with `_` between digits if one likes.
pub(super) fn integer(text: &str) -> Option<u64> {
    text.replace('_', "").parse().ok()
}

macro_rules! read_integer {
    ($($int:ty),*) => {$(
        impl Read for $int {
            fn read(node: &Node, sink: &Sink) -> Option<Self> {
                let expected = format!("a whole number from {} to {}", <$int>::MIN, <$int>::MAX);
                scalar(node, sink, "allowed here", &expected, |t| t.replace('_', "").parse().ok())
            }
        }
    )*};
}
read_integer!(u8, u16, u32, u64, usize, i64);

impl Read for f64 {
    fn read(node: &Node, sink: &Sink) -> Option<Self> {
        scalar(node, sink, "a number", "a number, like 12.5", |t| {
            t.parse::<Self>().ok().filter(|x| x.is_finite())
        })
    }
}

impl Read for Ratio {
    fn read(node: &Node, sink: &Sink) -> Option<Self> {
        let expected = "a share from 0 to 1, or from 0% to 100%, like 0.995 or 99.5%";
        scalar(node, sink, "a share", expected, |t| match t.strip_suffix('%') {
            Some(percent) => Self::new(percent.trim().parse::<f64>().ok()? / 100.0).ok(),
            None => Self::new(t.parse().ok()?).ok(),
        })
    }
}

/// A length of time: a number and a unit (`ms`, `s`, `m`, `h`, `d`, `w`), or several (`1h30m`).
pub fn duration(text: &str) -> Option<Span> {
    const UNITS: [(&str, u64); 6] = [
        ("ms", 1),
        ("s", 1_000),
        ("m", 60_000),
        ("h", 3_600_000),
        ("d", 86_400_000),
        ("w", 604_800_000),
    ];
    if text == "0" {
        return Some(Span::ZERO);
    }
    let mut rest = text;
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let digits: String = rest
            .chars()
            .take_while(|c| c.is_ascii_digit() || *c == '.')
            .collect();
        rest = rest.strip_prefix(digits.as_str())?;
        let letters: String = rest.chars().take_while(char::is_ascii_alphabetic).collect();
        rest = rest.strip_prefix(letters.as_str())?;
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == letters)?;
        let (whole, part) = digits.split_once('.').unwrap_or((&digits, ""));
        // Three digits after the point at most: a thousandth of a unit.
        if part.len() > 3 || (digits.contains('.') && part.is_empty()) {
            return None;
        }
        let thousandths: u64 = format!("{part:0<3}").parse().ok()?;
        let millis = whole
            .parse::<u64>()
            .ok()?
            .checked_mul(*unit)?
            .checked_add(thousandths.checked_mul(*unit)? / 1000)?;
        total = total.checked_add(millis)?;
    }
    // Beyond a hundred years it is a slip of the finger.
    (!text.is_empty() && total <= 100 * 366 * 86_400_000).then(|| Span::from_millis(total))
}

impl Read for Span {
    fn read(node: &Node, sink: &Sink) -> Option<Self> {
        let expected = "a number with its unit: 500ms, 30s, 5m, 6h, 14d";
        scalar(node, sink, "a length of time", expected, duration)
    }
}

/// Bits per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bandwidth(pub u64);

/// A number with a unit of a thousand, million or milliard times `base`.
fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits: String = text
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    let unit = text.strip_prefix(digits.as_str())?.trim();
    let (_, factor) = units.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
    let (whole, part) = digits.split_once('.').unwrap_or((&digits, ""));
    if part.len() > 3 || (digits.contains('.') && part.is_empty()) {
        return None;
    }
    let thousandths: u64 = format!("{part:0<3}").parse().ok()?;
    whole
        .parse::<u64>()
        .ok()?
        .checked_mul(*factor)?
        .checked_add(thousandths.checked_mul(*factor)? / 1000)
}

impl Read for Bandwidth {
    fn read(node: &Node, sink: &Sink) -> Option<Self> {
        const UNITS: [(&str, u64); 10] = [
            ("bit", 1),
            ("bps", 1),
            ("kbit", 1_000),
            ("kbps", 1_000),
            ("Mbit", 1_000_000),
            ("Mbps", 1_000_000),
            ("Mbit/s", 1_000_000),
            ("Gbit", 1_000_000_000),
            ("Gbps", 1_000_000_000),
            ("Gbit/s", 1_000_000_000),
        ];
        let expected = "a number with its unit: 512kbit, 100Mbit, 1Gbit";
        scalar(node, sink, "a bandwidth", expected, |t| {
            scaled(t, &UNITS).filter(|n| *n > 0).map(Self)
        })
    }
}

impl Read for Date {
    fn read(node: &Node, sink: &Sink) -> Option<Self> {
        scalar(node, sink, "a day", "year-month-day, like 2025-07-01", |t| {
            // Exactly ten characters: jiff also takes a date with a time after it.
            (t.len() == 10).then(|| t.parse().ok()).flatten()
        })
    }
}

impl Read for Time {
    fn read(node: &Node, sink: &Sink) -> Option<Self> {
        scalar(node, sink, "a time of day", "hours:minutes, like 07:30", |t| {
            let (hour, minute) = t.split_once(':')?;
            let two = |part: &str| (part.len() == 2).then(|| part.parse::<i8>().ok()).flatten();
            Self::new(two(hour)?, two(minute)?, 0, 0).ok()
        })
    }
}

impl Read for DateTime {
    fn read(node: &Node, sink: &Sink) -> Option<Self> {
        let expected = "a day and a time, like 2025-07-01T08:00";
        scalar(node, sink, "a moment", expected, |t| {
            (t.len() >= 16)
                .then(|| t.replace(' ', "T").parse().ok())
                .flatten()
        })
    }
}

impl Read for IpAddr {
    fn read(node: &Node, sink: &Sink) -> Option<Self> {
        let expected = "an IPv4 or IPv6 address, like 192.0.2.1 or 2001:db8::1";
        scalar(node, sink, "an IP address", expected, |t| t.parse().ok())
    }
}

impl Read for SocketAddr {
    fn read(node: &Node, sink: &Sink) -> Option<Self> {
        let expected = "an address with a port, like 127.0.0.1:9099 or [::1]:9099";
        scalar(node, sink, "an address with a port", expected, |t| t.parse().ok())
    }
}

impl Read for IpNet {
    fn read(node: &Node, sink: &Sink) -> Option<Self> {
        let expected = "an address and a prefix length, like 10.0.0.0/8";
        scalar(node, sink, "a network", expected, |t| t.parse().ok())
    }
}

/// Whether the text may be a host's name: letters, digits, `-`, `_`, `.`, and no number gone wrong.
fn is_name(text: &str) -> bool {
    let label = |l: &str| {
        !l.is_empty()
            && l.len() <= 63
            && l.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    let whole = text.strip_suffix('.').unwrap_or(text);
    whole.len() <= 253
        && whole.split('.').all(label)
        // 10.0.0.300 and 10.0.0 are no names (RFC 1123 §2.1: the last label is not all digits).
        && !whole.rsplit('.').next().is_some_and(|l| l.bytes().all(|b| b.is_ascii_digit()))
}

impl Read for Host {
    fn read(node: &Node, sink: &Sink) -> Option<Self> {
        let expected = "an IP address or a host name, like 192.0.2.1 or portal.example.vn";
        scalar(node, sink, "an address", expected, |t| {
            let ip = t.parse().ok().map(Self::Ip);
            ip.or_else(|| is_name(t).then(|| Self::Name(t.to_owned())))
        })
    }
}

impl Read for Mac {
    fn read(node: &Node, sink: &Sink) -> Option<Self> {
        let expected = "six pairs of hex digits, like 00:1b:21:ab:cd:ef";
        scalar(node, sink, "a MAC address", expected, |t| t.parse().ok())
    }
}

macro_rules! read_word {
    ($($word:ty: $all:expr;)*) => {$(
        impl Read for $word {
            fn read(node: &Node, sink: &Sink) -> Option<Self> {
                word(node, sink, &$all)
            }
        }
    )*};
}
read_word! {
    Class: CLASSES.map(|row| (row.class, row.name));
    Lang: Lang::ALL.map(|lang| (lang, lang.as_str()));
    UnitKind: UnitKind::ALL;
    SiteKind: SiteKind::ALL;
    Medium: Medium::ALL;
    Lifecycle: Lifecycle::ALL;
    Condition: [Condition::Good, Condition::Poor, Condition::Broken].map(|c| (c, c.as_str()));
    MonitorMode: [MonitorMode::Polled, MonitorMode::Passive, MonitorMode::Manual, MonitorMode::Never]
        .map(|m| (m, m.as_str()));
    SitePolicy: [(SitePolicy::Gateway, "gateway"), (SitePolicy::Any, "any"), (SitePolicy::Quorum, "quorum")];
    SuccessionKind: [
        (SuccessionKind::Merge, "merge"),
        (SuccessionKind::Split, "split"),
        (SuccessionKind::Rename, "rename"),
        (SuccessionKind::Transfer, "transfer"),
    ];
    AuthProtocol: AuthProtocol::ALL;
    PrivacyProtocol: PrivacyProtocol::ALL;
    Count: Count::ALL;
    SiteNumber: SiteNumber::ALL;
}

impl Read for Secret {
    fn read(node: &Node, sink: &Sink) -> Option<Self> {
        let expected = "the secret, or where it is: env:NAME, file:PATH, credential:NAME";
        let found = text(node, sink, expected)?;
        let source = &node.place().source;
        match source.env.secret(found, &source.folder) {
            Ok(secret) => Some(secret),
            Err(why) => {
                sink.report(node.problem(why.to_string()).expected(expected));
                None
            }
        }
    }
}

const ID_EXPECTED: &str = "1 to 63 lower-case letters (without accents), digits, '-', '_' or '.'";

macro_rules! read_id {
    ($($id:ty),*) => {$(
        impl Read for $id {
            fn read(node: &Node, sink: &Sink) -> Option<Self> {
                scalar(node, sink, "an id", ID_EXPECTED, |t| t.parse().ok())
            }
        }
    )*};
}
read_id!(Slug, SiteId, UnitId, DeviceId, LinkId, ServiceId);

impl<T: Read> Read for Vec<T> {
    fn read(node: &Node, sink: &Sink) -> Option<Self> {
        Some(
            node.items()
                .iter()
                .filter_map(|item| T::read(item, sink))
                .collect(),
        )
    }
}

impl<T: Read> Read for BTreeMap<String, T> {
    fn read(node: &Node, sink: &Sink) -> Option<Self> {
        if !node.is_map() {
            sink.report(
                node.problem(format!("this is {}, not a mapping", node.shape()))
                    .expected("names with values, like `owner: van-thu`"),
            );
            return None;
        }
        Some(
            node.entries()
                .filter_map(|(key, _, value)| Some((key.to_owned(), T::read(value, sink)?)))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_needs_its_unit() {
        for (text, millis) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("1.5s", 1_500),
            ("1h30m", 5_400_000),
            ("14d", 1_209_600_000),
            ("0", 0),
        ] {
            assert_eq!(duration(text), Some(Span::from_millis(millis)), "{text}");
        }
        for bad in [
            "",
            "30",
            "s",
            "5 m",
            "-1s",
            "1x",
            "1.s",
            "999999999999999999d",
            "1.2345s",
        ] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_number_gone_wrong_is_no_host_name() {
        for good in ["portal.thanhson.gov.vn", "srv_1", "a.b."] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["10.0.0.300", "10.0.0", "", "a..b", "-a", "thạch"] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
