//! Evaluates a profile's expressions over the rows that were read. Pure and bounded.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::expr::Case;
use super::expr::Decode;
use super::expr::Expr;
use super::expr::Literal;
use super::expr::Steps;
use super::model::Words;
use super::rows::Rows;
use super::value::V;
use super::value::bytes_text;
use super::value::hex;
use super::value::ip;
use super::value::mac;
use crate::model::snmp::Oid;

/// Steps that the reading of one device may take: a switch with 20,000 bridge
/// entries takes about a million; past this, what is left has no value.
pub const FUEL: u64 = 20_000_000;

/// What an expression is evaluated with.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// What was read.
    pub rows: &'a Rows,
    /// The tables of words of the profile and of those that it includes.
    pub tables: &'a BTreeMap<&'a str, &'a Words>,
    /// The facts found so far.
    pub facts: &'a BTreeMap<String, String>,
    /// The index of the row at hand.
    pub key: &'a [u32],
    /// The index of the row outside of a `where`.
    pub outer: &'a [u32],
    /// How many rows were put together.
    pub group: u64,
    /// Steps left.
    pub fuel: &'a Cell<u64>,
}

impl Context<'_> {
    /// The value of an expression; `None` where the device does not tell.
    pub fn value(&self, expr: &Expr) -> Option<V> {
        self.fuel.set(self.fuel.get().checked_sub(1)?);
        match expr {
            Expr::Text(text) => (!text.is_empty()).then(|| V::Text(text.clone())),
            Expr::Number(n) => Some(number(*n)),
            Expr::First(list) => list.iter().find_map(|e| self.value(e)),
            Expr::Steps(steps) => self.steps(steps),
        }
    }

    /// Whether each of these has a value.
    pub fn holds(&self, all: &[Expr]) -> bool {
        all.iter().all(|e| self.value(e).is_some())
    }

    fn steps(&self, steps: &Steps) -> Option<V> {
        let value = self.source(steps).and_then(|v| self.transform(steps, v));
        let value = match steps.absent {
            None => value,
            Some(wanted) => (value.is_none() == wanted).then_some(V::Truth(true)),
        };
        match (value, &steps.then, &steps.otherwise) {
            (Some(_), Some(then), _) => self.value(then),
            (None, _, Some(otherwise)) => self.value(otherwise),
            (value, _, _) => value,
        }
    }

    fn source(&self, steps: &Steps) -> Option<V> {
        if let Some(oid) = &steps.get {
            return self.rows.get(oid).and_then(V::of);
        }
        if let Some(column) = &steps.column {
            let oid = match &steps.key {
                None => column.child(self.key),
                Some(key) => column.child(&self.value(key)?.to_arcs()?),
            };
            return self.rows.get(&oid).and_then(V::of);
        }
        if let Some(span) = &steps.index {
            return arcs(span.of(self.key)?, span.single);
        }
        if let Some(span) = &steps.outer {
            return arcs(span.of(self.outer)?, span.single);
        }
        if let Some(key) = &steps.fact {
            return self.facts.get(key).map(|text| V::Text(text.clone()));
        }
        if let Some(of) = &steps.of {
            return self.value(of);
        }
        if let Some(list) = &steps.first {
            return list.iter().find_map(|e| self.value(e));
        }
        if let Some(list) = &steps.join {
            let parts: Vec<String> = list
                .iter()
                .filter_map(|e| self.value(e).and_then(|v| v.to_text()))
                .collect();
            let text = parts.join(steps.by.as_deref().unwrap_or(" "));
            return (!text.is_empty()).then_some(V::Text(text));
        }
        if let Some(list) = &steps.sum {
            return self.fold(list, |a, b| a + b);
        }
        if let Some(list) = &steps.largest {
            return self.fold(list, f64::max);
        }
        if let Some(column) = &steps.any {
            return self.each(column, steps).find_map(|(value, _)| value);
        }
        if let Some(column) = &steps.count {
            let count = self.each(column, steps).count();
            return (count > 0 || self.rows.below(column).next().is_some())
                .then(|| V::Int(i128::try_from(count).unwrap_or(0)));
        }
        if let Some(column) = &steps.total {
            return self
                .each(column, steps)
                .filter_map(|(value, _)| value?.to_number())
                .reduce(|a, b| a + b)
                .map(number);
        }
        (steps.rows == Some(true)).then(|| V::Int(i128::from(self.group)))
    }

    fn fold(&self, list: &[Expr], with: fn(f64, f64) -> f64) -> Option<V> {
        list.iter()
            .filter_map(|e| self.value(e).and_then(|v| v.to_number()))
            .reduce(with)
            .map(number)
    }

    /// The rows of a column for which the filter has a value.
    fn each<'b>(&'b self, column: &'b Oid, steps: &'b Steps) -> impl Iterator<Item = (Option<V>, &'b [u32])> {
        self.rows.below(column).filter_map(move |(oid, value)| {
            self.fuel.set(self.fuel.get().checked_sub(1)?);
            let key = oid.suffix(column)?;
            if let Some(filter) = &steps.filter {
                let inner = Context {
                    key,
                    outer: self.key,
                    ..*self
                };
                inner.value(filter)?;
            }
            Some((V::of(value), key))
        })
    }

    fn transform(&self, steps: &Steps, value: V) -> Option<V> {
        let value = match steps.tagged {
            None => value,
            Some(tag) => tagged(&value.to_bytes()?, tag)?,
        };
        let mut value = match steps.decode {
            None => value,
            Some(decode) => decoded(decode, &value)?,
        };
        if let Some(unknown) = &steps.unknown
            && unknown.iter().any(|literal| equals(&value, literal))
        {
            return None;
        }
        value = self.words(steps, value)?;
        value = self.arithmetic(steps, value)?;
        if let Some(case) = steps.case {
            let text = value.to_text()?;
            value = V::Text(match case {
                Case::Lower => text.to_lowercase(),
                Case::Upper => text.to_uppercase(),
            });
        }
        self.conditions(steps, &value).then_some(value)
    }

    /// Regular expressions, bits and maps.
    fn words(&self, steps: &Steps, value: V) -> Option<V> {
        let mut value = value;
        if let Some(pattern) = &steps.regex {
            let text = value.to_text()?;
            let captures = pattern.captures(&text)?;
            let found = if let Some(template) = &steps.expand {
                let mut out = String::new();
                captures.expand(template, &mut out);
                out
            } else {
                steps
                    .group
                    .as_ref()
                    .map_or_else(
                        || {
                            captures
                                .name("value")
                                .or_else(|| captures.iter().skip(1).flatten().next())
                                .or_else(|| captures.get(0))
                        },
                        |name| captures.name(name),
                    )?
                    .as_str()
                    .to_owned()
            };
            let found = found.trim().to_owned();
            if found.is_empty() {
                return None;
            }
            value = V::Text(found);
        }
        if let Some(replace) = &steps.replace {
            let text = value.to_text()?;
            let text = replace.apply(&text).trim().to_owned();
            value = V::Text(Some(text).filter(|t| !t.is_empty())?);
        }
        if let Some(names) = &steps.bits {
            value = V::Text(set_bits(&value.to_bytes()?, names)?);
        }
        if steps.map.is_some() || steps.lookup.is_some() {
            let text = value.to_text()?;
            let mapped = steps
                .map
                .iter()
                .find_map(|map| map.iter().find(|(key, _)| key.0 == text))
                .and_then(|(_, expr)| self.value(expr));
            let found = mapped.or_else(|| {
                let words = self.tables.get(steps.lookup.as_deref()?)?;
                words.get(&text).map(|word| V::Text(word.clone()))
            });
            value = match (found, steps.map_else.as_deref()) {
                (Some(found), _) => found,
                (None, Some("keep")) => value,
                (None, Some(other)) => V::Text(other.to_owned()),
                (None, None) => return None,
            };
        }
        Some(value)
    }

    fn arithmetic(&self, steps: &Steps, value: V) -> Option<V> {
        let mut value = value;
        if let Some(factor) = steps.scale {
            value = number(value.to_number()? * factor);
        }
        if let Some(times) = &steps.times {
            value = match (&value, self.value(times)?) {
                // Whole numbers stay exact: block counts times block sizes.
                (V::Int(a), V::Int(b)) => V::Int(a.checked_mul(b)?),
                (_, b) => number(value.to_number()? * b.to_number()?),
            };
        }
        if let Some(over) = &steps.over {
            let divisor = self.value(over)?.to_number()?;
            if divisor.abs() < f64::EPSILON {
                return None;
            }
            value = number(value.to_number()? / divisor);
        }
        if let Some(plus) = &steps.plus {
            value = number(value.to_number()? + self.value(plus)?.to_number()?);
        }
        if let Some(minus) = &steps.minus {
            value = number(value.to_number()? - self.value(minus)?.to_number()?);
        }
        if let Some(power) = &steps.times_ten_to {
            let power = self.value(power)?.to_number()?;
            value = number(value.to_number()? * 10f64.powf(power.clamp(-24.0, 24.0)));
        }
        if steps.at_least.is_some() || steps.at_most.is_some() {
            let n = value.to_number()?;
            let low = steps.at_least.is_none_or(|low| n >= low);
            let high = steps.at_most.is_none_or(|high| n <= high);
            if !(low && high) {
                return None;
            }
        }
        if let V::Float(f) = value
            && !f.is_finite()
        {
            return None;
        }
        Some(value)
    }

    fn conditions(&self, steps: &Steps, value: &V) -> bool {
        if let Some(wanted) = &steps.is
            && !wanted.0.iter().any(|literal| equals(value, literal))
        {
            return false;
        }
        if let Some(unwanted) = &steps.is_not
            && unwanted.0.iter().any(|literal| equals(value, literal))
        {
            return false;
        }
        if let Some(other) = &steps.same {
            let other = self.value(other).and_then(|v| v.to_text());
            if other.is_none() || other != value.to_text() {
                return false;
            }
        }
        if let Some(pattern) = &steps.matches {
            let text = value.to_text().unwrap_or_default();
            if !pattern.is_match(&text) {
                return false;
            }
        }
        if let Some(pattern) = &steps.matches_not {
            let text = value.to_text().unwrap_or_default();
            if pattern.is_match(&text) {
                return false;
            }
        }
        true
    }
}

/// A number as a value: whole if it is.
fn number(n: f64) -> V {
    if n.fract() == 0.0 && n.abs() < 9e15 {
        #[expect(clippy::cast_possible_truncation, reason = "whole and small, checked here")]
        return V::Int(n as i128);
    }
    V::Float(n)
}

/// The number of the first record with that tag, in a row of records of seven bytes:
/// tag, 1, 4, and the number, big end first.
fn tagged(bytes: &[u8], tag: u8) -> Option<V> {
    bytes.chunks_exact(7).find_map(|record| match record {
        [t, 1, 4, number @ ..] if *t == tag => {
            let number = <[u8; 4]>::try_from(number).ok()?;
            Some(V::Int(i128::from(u32::from_be_bytes(number))))
        }
        _ => None,
    })
}

fn arcs(arcs: &[u32], single: bool) -> Option<V> {
    match arcs {
        [] => None,
        [one] if single => Some(V::Int(i128::from(*one))),
        many => Some(V::Oid(Oid::new(many))),
    }
}

/// Whether a value is what the file says: by number where both are numbers, else by text.
fn equals(value: &V, literal: &Literal) -> bool {
    match literal {
        Literal::Number(n) => match value {
            V::Int(_) | V::Float(_) | V::Counter(_) | V::Truth(_) => {
                value.to_number().is_some_and(|v| (v - n).abs() < 1e-9)
            }
            V::Bytes(_) | V::Text(_) | V::Oid(_) => value
                .to_text()
                .and_then(|t| t.parse::<f64>().ok())
                .is_some_and(|v| (v - n).abs() < 1e-9),
        },
        Literal::Text(text) => value.to_text().unwrap_or_default() == *text,
    }
}

fn set_bits(bytes: &[u8], names: &BTreeMap<u32, String>) -> Option<String> {
    let set: Vec<&str> = names
        .iter()
        .filter(|(bit, _)| {
            let byte = usize::try_from(**bit / 8).ok().and_then(|i| bytes.get(i));
            byte.is_some_and(|b| b & (0x80 >> (**bit % 8)) != 0)
        })
        .map(|(_, name)| name.as_str())
        .collect();
    (!set.is_empty()).then(|| set.join(","))
}

fn decoded(decode: Decode, value: &V) -> Option<V> {
    match decode {
        Decode::Text => Some(V::Text(match value {
            V::Oid(_) => bytes_text(&value.to_bytes()?),
            V::Bytes(_) | V::Text(_) | V::Int(_) | V::Float(_) | V::Counter(_) | V::Truth(_) => {
                value.to_text()?
            }
        })),
        Decode::Utf16 => {
            let bytes = value.to_bytes()?;
            let units: Vec<u16> = bytes
                .chunks_exact(2)
                .filter_map(|pair| <[u8; 2]>::try_from(pair).ok())
                .map(u16::from_be_bytes)
                .collect();
            Some(V::Text(String::from_utf16_lossy(&units)))
        }
        Decode::Mac => mac(value).map(V::Text),
        Decode::Ip => ip(value).map(V::Text),
        Decode::Hex => value.to_bytes().map(|b| V::Text(hex(&b))),
        Decode::Unsigned => {
            let bytes = value.to_bytes()?;
            (bytes.len() <= 8).then(|| V::Int(bytes.iter().fold(0, |n, b| (n << 8) | i128::from(*b))))
        }
        Decode::Signed32 => whole(value).map(|n| V::Int(if n > 0x7fff_ffff { n - (1 << 32) } else { n })),
        Decode::Unsigned32 => whole(value).map(|n| V::Int(if n < 0 { n + (1 << 32) } else { n })),
        Decode::Date => date(&value.to_bytes()?).map(V::Text),
        Decode::Id => {
            let bytes = value.to_bytes()?;
            let is_text = |b: &u8| (0x20..0x7f).contains(b);
            Some(V::Text(if bytes.len() == 6 && !bytes.iter().all(is_text) {
                hex(&bytes)
            } else {
                bytes_text(&bytes)
            }))
        }
        Decode::MaskLen => {
            let text = ip(value)?;
            let mask = u32::from(text.parse::<std::net::Ipv4Addr>().ok()?);
            let len = mask.leading_ones();
            (mask.count_ones() == len).then(|| V::Int(i128::from(len)))
        }
    }
}

fn whole(value: &V) -> Option<i128> {
    match value {
        V::Int(n) => Some(*n),
        V::Counter(c) => Some(i128::from(c.value)),
        V::Float(_) | V::Bytes(_) | V::Text(_) | V::Oid(_) | V::Truth(_) => value.to_whole().map(i128::from),
    }
}

/// Year (two bytes), month, day of SNMPv2-TC::DateAndTime; year 0 is no date.
fn date(bytes: &[u8]) -> Option<String> {
    let [high, low, month, day, ..] = bytes else {
        return None;
    };
    let year = u16::from_be_bytes([*high, *low]);
    let plausible = (1970..2200).contains(&year) && (1..=12).contains(month) && (1..=31).contains(day);
    plausible.then(|| format!("{year:04}-{month:02}-{day:02}"))
}
