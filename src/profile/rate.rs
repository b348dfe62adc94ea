//! Counters into rates, and interfaces known again. Pure.
//!
//! ```text
//! restart?   boots grew, or the uptime is smaller than before and no wrap explains it   (trap 4)
//! delta      64 bits: difference, smaller = reset; 32 bits: smaller = wrap, unless restarted (trap 1)
//! rate       delta / real time between the two answers                                   (trap 3)
//! who is it  ifName, then ifDescr and MAC, then ifAlias; never ifIndex                   (trap 5)
//! ```

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;
use std::num::NonZeroU32;
use std::sync::Arc;

use super::learnt::Counter;
use super::learnt::Interface;
use crate::model::Mono;
use crate::model::Span;

/// The clocks of an agent, as one poll read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Uptime {
    /// sysUpTime in hundredths of a second; wraps after 497 days.
    pub ticks: Option<u32>,
    /// snmpEngineBoots.
    pub boots: Option<u64>,
    /// snmpEngineTime in seconds.
    pub engine_seconds: Option<u64>,
}

/// What became of the agent between two polls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restart {
    /// It ran on.
    No,
    /// It ran on, and sysUpTime wrapped.
    Wrapped,
    /// It restarted.
    Yes,
}

/// How far an agent's clock may be from ours: a tenth of the time between two
/// polls, and a minute, as much as a slow poll takes.
fn slack_ticks(elapsed: Span) -> u64 {
    ticks(elapsed) / 10 + 6_000
}

fn ticks(span: Span) -> u64 {
    u64::try_from(span.as_millis() / 10).unwrap_or(u64::MAX)
}

/// Whether the agent restarted between two polls (trap 4).
pub fn restart(before: Uptime, now: Uptime, elapsed: Span) -> Restart {
    if let (Some(old), Some(new)) = (before.boots, now.boots)
        && new > old
    {
        return Restart::Yes;
    }
    let (Some(old), Some(new)) = (before.ticks.map(u64::from), now.ticks.map(u64::from)) else {
        return Restart::No;
    };
    let slack = slack_ticks(elapsed);
    if new >= old {
        // Larger, yet the agent has not run since the poll before: it restarted in between.
        let ran_through = new + slack >= ticks(elapsed);
        return if ran_through { Restart::No } else { Restart::Yes };
    }
    let wrapped = (old + ticks(elapsed)).checked_sub(1 << 32);
    let explained = wrapped.is_some_and(|expected| expected.abs_diff(new) <= slack)
        || (1u64 << 32).saturating_sub(old) + new <= ticks(elapsed).saturating_add(slack);
    let engine_runs_on = match (before.engine_seconds, now.engine_seconds) {
        (Some(old), Some(new)) => Some(new >= old),
        _ => None,
    };
    match (explained, engine_runs_on) {
        (true, Some(true) | None) => Restart::Wrapped,
        // snmpEngineTime is wrong on some systems: it can confirm a wrap, but not make one.
        (true, Some(false)) | (false, _) => Restart::Yes,
    }
}

/// The difference of two readings of one counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delta {
    /// That much.
    Exact(u64),
    /// At least that much: a 32-bit counter that may have gone round more than once (trap 2).
    Ambiguous(u64),
    /// No number: it was reset, or is another counter now.
    Reset,
}

/// What was counted between two readings (traps 1 and 2).
///
/// `most`: the largest number that can have been counted in that time, if known.
pub fn delta(before: Counter, now: Counter, restarted: bool, most: Option<u64>) -> Delta {
    if restarted || before.bits != now.bits {
        return Delta::Reset;
    }
    if now.bits >= 64 {
        return now
            .value
            .checked_sub(before.value)
            .map_or(Delta::Reset, Delta::Exact);
    }
    let span = 1u64 << now.bits;
    let counted = match now.value.checked_sub(before.value) {
        Some(counted) => counted,
        None => (now.value + span).saturating_sub(before.value),
    };
    if most.is_some_and(|most| most > span / 2) {
        Delta::Ambiguous(counted)
    } else {
        Delta::Exact(counted)
    }
}

/// A counter carried on over wraps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Track {
    /// What it has counted since it began, with what it began with.
    total: u64,
    /// 0: it was not told yet.
    bits: u8,
}

impl Track {
    fn start(counter: Counter) -> Self {
        Self {
            total: counter.value,
            bits: counter.bits,
        }
    }

    /// What it has counted, once it was told.
    fn total(self) -> Option<u64> {
        (self.bits > 0).then_some(self.total)
    }

    /// Where it went round to nothing since it began. Only one of less than 64 bits does.
    fn rounds(self) -> u64 {
        u64::MAX
            .checked_shl(u32::from(self.bits))
            .map_or(0, |whole| self.total & whole)
    }

    /// Takes the next reading; returns the exact difference if there is one.
    fn step(&mut self, now: Option<Counter>, restarted: bool, most: Option<u64>) -> Option<u64> {
        let now = now?;
        if self.bits == 0 {
            *self = Self::start(now);
            return None;
        }
        let rounds = self.rounds();
        let before = Counter {
            value: self.total - rounds,
            bits: self.bits,
        };
        let change = delta(before, now, restarted, most);
        let rounds = match change {
            Delta::Exact(_) | Delta::Ambiguous(_) => {
                let round = 1_u64
                    .checked_shl(u32::from(self.bits))
                    .filter(|_| now.value < before.value);
                rounds.saturating_add(round.unwrap_or(0))
            }
            // A negative difference must set the base anew, or the port is silent for ever.
            Delta::Reset => 0,
        };
        *self = Self {
            total: rounds.saturating_add(now.value),
            bits: now.bits,
        };
        match change {
            Delta::Exact(counted) => Some(counted),
            Delta::Ambiguous(_) | Delta::Reset => None,
        }
    }
}

/// The six counters of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Totals {
    /// Octets received, sent; errors in, out; discards in, out: carried on over wraps.
    pub counters: [Option<u64>; 6],
    /// Octets received per second.
    pub in_rate: Option<f64>,
    /// Octets sent per second.
    pub out_rate: Option<f64>,
}

/// What is remembered of an interface: 96 bytes and its name, for a fleet may have a million.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    /// Readers' views of it share the text.
    name: Arc<str>,
    at: Mono,
    /// Of each counter what [`Track`] holds, apart: together they would take 16 bytes and not 9.
    totals: [u64; 6],
    bits: [u8; 6],
    marks: Marks,
}

/// What an interface is known by when its name is new (trap 5), as far as it
/// was told; of each text a hash of 31 bits, which is enough to tell apart the
/// few interfaces of one device that are gone when another comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Marks {
    descr: Option<NonZeroU32>,
    mac: Option<NonZeroU32>,
    alias: Option<NonZeroU32>,
}

impl Marks {
    fn of(interface: &Interface) -> Self {
        let hashed = |text: &Option<String>| {
            let mut hasher = DefaultHasher::new();
            text.as_ref()?.hash(&mut hasher);
            let half = u32::try_from(hasher.finish() >> 32).unwrap_or(0);
            Some(NonZeroU32::MIN | half)
        };
        Self {
            descr: hashed(&interface.descr),
            mac: hashed(&interface.mac),
            alias: hashed(&interface.alias),
        }
    }
}

/// What is remembered of a device between two polls.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    uptime: Uptime,
    at: Option<Mono>,
    wraps: u64,
    /// By name.
    interfaces: Vec<Known>,
}

/// How long an interface that is gone is remembered: until it has been missing
/// from a complete reading for this long (a card pulled and put back).
const FORGET: Span = Span::from_secs(7 * 24 * 3600);

/// Most interfaces remembered of one device.
const MAX_KNOWN: usize = 16_384;

impl Memory {
    /// What became of the agent since the last poll, if these are its clocks; nothing is taken.
    pub fn verdict(&self, now: Uptime, at: Mono) -> Restart {
        self.at
            .map_or(Restart::No, |before| restart(self.uptime, now, at.since(before)))
    }

    /// Takes the agent's clocks; says whether it restarted, and the unwrapped time since it did.
    pub fn clock(&mut self, now: Uptime, at: Mono) -> (Restart, Option<Span>) {
        let verdict = self.verdict(now, at);
        match verdict {
            Restart::No => {}
            Restart::Wrapped => self.wraps += 1,
            Restart::Yes => self.wraps = 0,
        }
        self.uptime = Uptime {
            ticks: now.ticks.or(self.uptime.ticks),
            boots: now.boots.or(self.uptime.boots),
            engine_seconds: now.engine_seconds.or(self.uptime.engine_seconds),
        };
        self.at = Some(at);
        // The engine knows better than a clock that wraps after 497 days, where
        // it can be believed: it then agrees with it.
        let span = now.ticks.map(|t| {
            let low = u64::from(t);
            let wraps = now.engine_seconds.map_or(self.wraps, |s| {
                let engine = s.saturating_mul(100);
                let turns = engine.saturating_sub(low).saturating_add(1 << 31) >> 32;
                let agrees = engine.abs_diff(low + (turns << 32)) < 60_000;
                if agrees { turns } else { self.wraps }
            });
            self.wraps = wraps;
            Span::from_millis((low + (wraps << 32)).saturating_mul(10))
        });
        (verdict, span)
    }

    /// Takes the interfaces of one poll, `names` as [`names`] gives them: their
    /// names, the same texts from poll to poll, totals and rates, in the same order.
    pub fn interfaces(
        &mut self,
        interfaces: &[Interface],
        names: &[String],
        restarted: bool,
        at: Mono,
    ) -> Vec<(Arc<str>, Totals)> {
        let present: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        let mut totals = Vec::with_capacity(interfaces.len());
        let mut fresh: Vec<Known> = Vec::new();
        for (interface, name) in interfaces.iter().zip(names) {
            let mut take = |known: &mut Known| {
                let stepped = step(known, interface, restarted, at);
                totals.push((Arc::clone(&known.name), stepped));
            };
            if let Some(known) = self.known(name) {
                take(known);
                continue;
            }
            let mut known = self.renamed(interface, &present).unwrap_or(Known {
                name: Arc::default(),
                at,
                totals: [0; 6],
                bits: [0; 6],
                marks: Marks::of(interface),
            });
            known.name = name.as_str().into();
            take(&mut known);
            if self.interfaces.len() + fresh.len() < MAX_KNOWN {
                fresh.push(known);
            }
        }
        self.interfaces.retain(|known| at.since(known.at) < FORGET);
        if !fresh.is_empty() {
            self.interfaces.reserve_exact(fresh.len());
            self.interfaces.append(&mut fresh);
            self.interfaces.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        }
        totals
    }

    fn known(&mut self, name: &str) -> Option<&mut Known> {
        let place = self.interfaces.binary_search_by(|k| (*k.name).cmp(name));
        place.ok().and_then(|place| self.interfaces.get_mut(place))
    }

    /// An interface whose name is new: known by description and MAC, else by alias (trap 5).
    fn renamed(&mut self, now: &Interface, present: &BTreeSet<&str>) -> Option<Known> {
        let now = Marks::of(now);
        let same = |a: Option<NonZeroU32>, b: Option<NonZeroU32>| a.is_some() && a == b;
        let gone = || {
            let all = self.interfaces.iter().enumerate();
            all.filter(|(_, known)| !present.contains(&*known.name))
        };
        let by_hardware =
            gone().filter(|(_, k)| same(k.marks.descr, now.descr) && same(k.marks.mac, now.mac));
        let by_alias = gone().filter(|(_, k)| same(k.marks.alias, now.alias));
        let found = only(by_hardware).or_else(|| only(by_alias))?;
        Some(self.interfaces.remove(found))
    }
}

/// The place of the only one; two are none.
fn only<'a>(mut found: impl Iterator<Item = (usize, &'a Known)>) -> Option<usize> {
    let (first, _) = found.next()?;
    found.next().is_none().then_some(first)
}

fn step(known: &mut Known, interface: &Interface, restarted: bool, at: Mono) -> Totals {
    let counters = [
        interface.in_octets,
        interface.out_octets,
        interface.in_errors,
        interface.out_errors,
        interface.in_discards,
        interface.out_discards,
    ];
    let mut totals = Totals::default();
    let elapsed = at.since(known.at);
    known.marks = Marks::of(interface);
    known.at = at;
    let most_octets = interface.speed_bps.map(|bps| {
        let octets = u128::from(bps / 8) * elapsed.as_millis() / 1000;
        u64::try_from(octets).unwrap_or(u64::MAX)
    });
    let kept = known.totals.iter_mut().zip(&mut known.bits);
    for (n, ((total, bits), counter)) in kept.zip(counters).enumerate() {
        let most = if n < 2 { most_octets } else { None };
        let mut track = Track {
            total: *total,
            bits: *bits,
        };
        let exact = track.step(counter, restarted, most);
        (*total, *bits) = (track.total, track.bits);
        let rate = exact
            .filter(|_| !elapsed.is_zero())
            .map(|d| d as f64 / elapsed.as_secs_f64());
        match n {
            0 => totals.in_rate = rate,
            1 => totals.out_rate = rate,
            _ => {}
        }
        if let Some(place) = totals.counters.get_mut(n) {
            *place = counter.and_then(|_| track.total());
        }
    }
    totals
}

/// A unique name for each interface: ifName, else ifDescr, else `if` and the
/// index; those that are alike get their index behind a `#` (traps 5 and 6).
pub fn names(interfaces: &[Interface]) -> Vec<String> {
    let plain: Vec<String> = interfaces
        .iter()
        .map(|i| {
            i.name
                .clone()
                .or_else(|| i.descr.clone())
                .unwrap_or_else(|| format!("if{}", i.index.unwrap_or(0)))
        })
        .collect();
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for name in &plain {
        *counts.entry(name).or_default() += 1;
    }
    let mut taken: BTreeSet<String> = BTreeSet::new();
    interfaces
        .iter()
        .zip(&plain)
        .map(|(interface, name)| {
            let mut unique = if counts.get(name.as_str()).is_some_and(|n| *n > 1) {
                format!("{name}#{}", interface.index.unwrap_or(0))
            } else {
                name.clone()
            };
            while !taken.insert(unique.clone()) {
                unique.push('\'');
            }
            unique
        })
        .collect()
}

#[cfg(test)]
#[path = "rate/tests.rs"]
mod tests;
