//! Where a value of a profile comes from, and what is done to it: the steps in YAML.
//!
//! An expression is written as a text (itself), a list (the first that has a
//! value), or a mapping with one source and any steps. Steps are done in the
//! order in which [`Steps`] declares them, whatever their order in the file.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::OnceLock;

use regex::Captures;
use regex::Regex;
use serde::Deserialize;

use crate::model::snmp::Oid;

/// Deepest nesting of expressions, so that evaluating one is bounded.
pub const MAX_DEPTH: usize = 12;

/// An expression of a profile.
#[derive(Debug, Clone)]
pub enum Expr {
    /// Itself.
    Text(String),
    /// A number, itself.
    Number(f64),
    /// The first of these that has a value.
    First(Vec<Expr>),
    /// A source and steps.
    Steps(Box<Steps>),
}

/// A source (one of the first group) and what is done to its value, in this order.
#[derive(Debug, Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Steps {
    // ── sources ────────────────────────────────────────────────────────────
    /// One instance: its whole OID, the last `.0` too.
    #[schemars(with = "Option<String>")]
    pub get: Option<Oid>,
    /// The column of the row at hand (or of the row that `key` gives).
    #[schemars(with = "Option<String>")]
    pub column: Option<Oid>,
    /// With `column`: the index of another row, as a number or as arcs with dots.
    pub key: Option<Expr>,
    /// Arcs of the row's index, counted from 0 (from the end: -1 is the last): `2`, `-1`, `0..5`, `1..`.
    #[schemars(with = "Option<String>", extend("type" = ["string", "integer", "null"]))]
    pub index: Option<Span>,
    /// Inside of `where`: arcs of the index of the row at hand outside of it.
    #[schemars(with = "Option<String>", extend("type" = ["string", "integer", "null"]))]
    pub outer: Option<Span>,
    /// A fact of the device, as found before: `model`, `class`, …
    pub fact: Option<String>,
    /// The value of another expression, to do more to it.
    pub of: Option<Expr>,
    /// The first of these that has a value.
    pub first: Option<Vec<Expr>>,
    /// The texts of these that have a value, with `by` between (a blank).
    pub join: Option<Vec<Expr>>,
    /// With `join`: what stands between.
    pub by: Option<String>,
    /// The sum of those of these that are numbers.
    pub sum: Option<Vec<Expr>>,
    /// The largest of those of these that are numbers.
    pub largest: Option<Vec<Expr>>,
    /// The first value in this column, of any row.
    #[schemars(with = "Option<String>")]
    pub any: Option<Oid>,
    /// How many rows this column has (for which `where` has a value).
    #[schemars(with = "Option<String>")]
    pub count: Option<Oid>,
    /// The sum over this column (over the rows for which `where` has a value).
    #[schemars(with = "Option<String>")]
    pub total: Option<Oid>,
    /// With `any`, `count` and `total`: which rows, asked of each row.
    #[serde(rename = "where")]
    pub filter: Option<Expr>,
    /// How many rows were put together by the rule's `by`.
    pub rows: Option<bool>,
    // ── steps ──────────────────────────────────────────────────────────────
    /// Of records of seven bytes (a tag, 1, 4, and a number of four bytes), the number of the record with this tag.
    pub tagged: Option<u8>,
    /// How bytes are read.
    #[serde(rename = "as")]
    pub decode: Option<Decode>,
    /// Values by which the device says that it does not know (trap 10), as read.
    pub unknown: Option<Vec<Literal>>,
    /// A regular expression; its group `value`, else its first group, else the whole match is the value.
    #[schemars(with = "Option<String>")]
    pub regex: Option<Pattern>,
    /// With `regex`: the named group to take.
    pub group: Option<String>,
    /// With `regex`: a text made of its groups, as `$name` or `${name}`.
    pub expand: Option<String>,
    /// Replaces every match of the regular expression (first) by the text (second).
    #[schemars(with = "Option<Vec<String>>")]
    pub replace: Option<Replace>,
    /// Names of the set bits, counted from the first byte's highest; by commas.
    pub bits: Option<BTreeMap<u32, String>>,
    /// A word for each value; others have no value unless `map_else` says so.
    pub map: Option<BTreeMap<Key, Expr>>,
    /// A table of this or an included profile, by its name, as a word for each value.
    pub lookup: Option<String>,
    /// With `map` or `lookup`: what others become; `keep` leaves them.
    pub map_else: Option<String>,
    /// Multiplied by this.
    pub scale: Option<f64>,
    /// Multiplied by that value.
    pub times: Option<Expr>,
    /// Divided by that value; none if it is zero.
    pub over: Option<Expr>,
    /// That value is added.
    pub plus: Option<Expr>,
    /// That value is taken away.
    pub minus: Option<Expr>,
    /// Ten to the power of that value times this.
    pub times_ten_to: Option<Expr>,
    /// Smaller numbers are no value.
    pub at_least: Option<f64>,
    /// Larger numbers are no value.
    pub at_most: Option<f64>,
    /// Letters made `lower`, `upper`.
    pub case: Option<Case>,
    // ── conditions: no value if they don't hold ────────────────────────────
    /// It is one of these (or this).
    pub is: Option<OneOrMany>,
    /// It is none of these.
    pub is_not: Option<OneOrMany>,
    /// It is the same as that value.
    pub same: Option<Expr>,
    /// The regular expression is found in it.
    #[schemars(with = "Option<String>")]
    pub matches: Option<Pattern>,
    /// The regular expression is not found in it.
    #[schemars(with = "Option<String>")]
    pub matches_not: Option<Pattern>,
    /// `true` if there is no value so far, none if there is.
    pub absent: Option<bool>,
    /// In the end this value, if there is one at all.
    pub then: Option<Expr>,
    /// In the end this, if there is none.
    #[serde(rename = "else")]
    pub otherwise: Option<Expr>,
}

/// How bytes are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decode {
    /// Text, also where arcs of an index spell it.
    Text,
    /// Text in UTF-16, big end first.
    Utf16,
    /// A hardware address.
    Mac,
    /// An IP address of 4 or 16 bytes.
    Ip,
    /// Hex digits with colons.
    Hex,
    /// A number of any bytes, big end first.
    Unsigned,
    /// A number of 32 bits that the agent sent without its sign.
    Signed32,
    /// A number of 32 bits that the agent sent with a wrong sign.
    Unsigned32,
    /// SNMPv2-TC::DateAndTime, as YYYY-MM-DD.
    Date,
    /// An LLDP or CDP id of unknown kind: a hardware address if it has six bytes that are no text.
    Id,
    /// The length of the network prefix of a mask.
    MaskLen,
}

/// Upper or lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Case {
    /// Small letters.
    Lower,
    /// Capital letters.
    Upper,
}

/// A text or number in the file, compared by its number where both are numbers.
#[derive(Debug, Clone, PartialEq, schemars::JsonSchema)]
#[schemars(with = "LiteralShape")]
pub enum Literal {
    /// Text.
    Text(String),
    /// A number.
    Number(f64),
}

#[derive(schemars::JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "a shape for the schema")]
enum LiteralShape {
    Text(String),
    Number(f64),
}

/// One literal or a list of them.
#[derive(Debug, Clone, PartialEq)]
pub struct OneOrMany(pub Vec<Literal>);

/// A key of `map`: what the value's text is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(pub String);

/// A regular expression: checked when it is read, compiled when it is first
/// asked. All of the built-in profiles' compiled take 44 MB, and few profiles
/// ever meet their device.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// Checks an expression; else what is wrong with it.
    pub(super) fn new(text: String) -> Result<Self, String> {
        compile(&text)?;
        Ok(Self {
            text,
            compiled: OnceLock::new(),
        })
    }

    /// The expression; `None` never comes, since it was compiled once when it was read.
    fn regex(&self) -> Option<&Regex> {
        let compiled = || compile(&self.text).ok();
        self.compiled.get_or_init(compiled).as_ref()
    }

    /// Whether it matches anywhere in `text`.
    pub fn is_match(&self, text: &str) -> bool {
        self.regex().is_some_and(|regex| regex.is_match(text))
    }

    /// The first match and its groups.
    pub fn captures<'t>(&self, text: &'t str) -> Option<Captures<'t>> {
        self.regex()?.captures(text)
    }
}

fn compile(text: &str) -> Result<Regex, String> {
    regex::RegexBuilder::new(text)
        .size_limit(1 << 20)
        .build()
        .map_err(|e| {
            let last = e.to_string();
            let last = last.lines().last().unwrap_or_default().to_owned();
            format!("{text:?} is no regular expression: {last}")
        })
}

/// A regular expression and what replaces its matches.
#[derive(Debug, Clone)]
pub struct Replace(pub(super) Pattern, pub(super) String);

impl Replace {
    /// `text` with every match replaced.
    pub fn apply<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.0.regex() {
            Some(regex) => regex.replace_all(text, self.1.as_str()),
            None => Cow::Borrowed(text),
        }
    }
}

/// A range of arcs; negative numbers count from the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first arc.
    pub from: i32,
    /// The arc after the last; `None`: to the end. Equal to `from` for a single arc.
    pub to: Option<i32>,
    /// One arc, as a number.
    pub single: bool,
}

impl Span {
    /// The arcs of `key` that it means; `None` if there are none such.
    pub fn of<'a>(&self, key: &'a [u32]) -> Option<&'a [u32]> {
        let at = |n: i32| -> Option<usize> {
            if n < 0 {
                key.len().checked_sub(usize::try_from(n.unsigned_abs()).ok()?)
            } else {
                usize::try_from(n).ok()
            }
        };
        let from = at(self.from)?;
        let to = match self.to {
            _ if self.single => from.checked_add(1)?,
            Some(to) => at(to)?,
            None => key.len(),
        };
        key.get(from..to)
    }
}

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = |_| format!("{text:?} names no arcs of an index: write 2, -1, 0..5 or 1..");
        match text.split_once("..") {
            None => Ok(Self {
                from: text.trim().parse().map_err(bad)?,
                to: None,
                single: true,
            }),
            Some((from, to)) => {
                let from = from.trim();
                let to = to.trim();
                Ok(Self {
                    from: if from.is_empty() {
                        0
                    } else {
                        from.parse().map_err(bad)?
                    },
                    to: if to.is_empty() {
                        None
                    } else {
                        Some(to.parse().map_err(bad)?)
                    },
                    single: false,
                })
            }
        }
    }
}

impl Expr {
    /// Calls `see` with every mapping in this expression, outermost first.
    pub fn walk<'a>(&'a self, see: &mut dyn FnMut(&'a Steps)) {
        match self {
            Self::Text(_) | Self::Number(_) => {}
            Self::First(list) => list.iter().for_each(|e| e.walk(see)),
            Self::Steps(steps) => {
                see(steps);
                steps.parts().for_each(|e| e.walk(see));
            }
        }
    }

    /// How deep it is nested.
    pub fn depth(&self) -> usize {
        1 + match self {
            Self::Text(_) | Self::Number(_) => 0,
            Self::First(list) => list.iter().map(Self::depth).max().unwrap_or(0),
            Self::Steps(steps) => steps.parts().map(Self::depth).max().unwrap_or(0),
        }
    }
}

impl Steps {
    /// The expressions directly in this one.
    fn parts(&self) -> impl Iterator<Item = &Expr> {
        let lists = [&self.first, &self.join, &self.sum, &self.largest];
        let single = [
            &self.key,
            &self.of,
            &self.filter,
            &self.times,
            &self.over,
            &self.plus,
            &self.minus,
            &self.times_ten_to,
            &self.same,
            &self.then,
            &self.otherwise,
        ];
        lists
            .into_iter()
            .flatten()
            .flatten()
            .chain(single.into_iter().flatten())
            .chain(self.map.iter().flat_map(BTreeMap::values))
    }

    /// How many sources it names: one is right.
    pub fn sources(&self) -> usize {
        [
            self.get.is_some(),
            self.column.is_some(),
            self.index.is_some(),
            self.outer.is_some(),
            self.fact.is_some(),
            self.of.is_some(),
            self.first.is_some(),
            self.join.is_some(),
            self.sum.is_some(),
            self.largest.is_some(),
            self.any.is_some(),
            self.count.is_some(),
            self.total.is_some(),
            self.rows.is_some(),
        ]
        .into_iter()
        .filter(|s| *s)
        .count()
    }
}
