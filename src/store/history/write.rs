//! Samples on their way into the record.
//!
//! 1. A commit appends its samples to the journal, one packed row, and then to
//!    the tails in memory.
//! 2. A sweep goes round the series once in [`SWEEP`], in the order of their
//!    keys, and moves tails into the open chunks of the day; neighbours on disk
//!    are written together, so that a page is written once a round and not once
//!    a series. A tail that grows long is moved at once.
//! 3. When a round is over, the journal up to its beginning is deleted.
//!
//! After a crash the journal gives the tails back.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::params;

use super::bucket::in_order;
use super::chunk::{self, Precision};
use super::journal::{self, Entry};
use super::level::{self, Level};
use super::names::Names;
use super::tails::Tails;
use super::tick::Tick;
use crate::model::{Mono, Span};
use crate::store::batch::{Sample, SeriesKey};
use crate::store::error::{Error, Result};

/// How long a round of the sweep takes: bounds the journal, and what a restart
/// reads of it, to a quarter of an hour (10,000 targets: some 5 MB).
pub(super) const SWEEP: Span = Span::from_mins(15);

/// Samples at which a tail is moved without waiting for the sweep: bounds the
/// memory of a series to half a KiB, or twice that where each value is odd.
const TAIL: usize = 64;

/// Series that are moved in one transaction: some milliseconds.
const AT_ONCE: usize = 256;

/// Rows of the journal that are deleted in one transaction, at most, and bytes,
/// unless a single row has more.
const TRIM: (u32, i64) = (200, 1 << 20);

const DOING: &str = "can't write history";

/// Whether there is more to do at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Work {
    /// Yes.
    More,
    /// Not now.
    Done,
}

/// The writer's part of history.
#[derive(Default)]
pub(in crate::store) struct Intake {
    names: Names,
    precisions: Vec<Option<Precision>>,
    pub(super) tails: Tails,
    /// Of the transaction that is under way: what is to be pushed, what was named.
    fresh: Vec<Entry>,
    named: Vec<SeriesKey>,
    last_journal: i64,
    /// Series with long tails.
    full: BTreeSet<u32>,
    /// Days that are known to be in `rollup_todo`.
    pub(super) todo: BTreeSet<i64>,
    round: Round,
    /// Samples whose time can't be.
    pub(in crate::store) implausible: u64,
}

/// One round of the sweep.
#[derive(Debug, Clone, Copy, Default)]
struct Round {
    began: Option<Mono>,
    /// The newest row of the journal when it began.
    journal: i64,
    /// The next series.
    next: u32,
    /// Rows of the journal up to this one are in chunks.
    trim: i64,
}

impl Intake {
    /// The tails, for readers of this process.
    pub(in crate::store) fn tails(&self) -> Tails {
        self.tails.clone()
    }

    /// Reads the journal back after a start.
    pub(in crate::store) fn replay(&mut self, c: &Connection) -> Result<()> {
        self.tails.clear();
        let (last, full) = self.tails.replay(c, 0, TAIL)?;
        self.last_journal = last;
        self.full.extend(full);
        Ok(())
    }

    fn id(&mut self, c: &Connection, key: &SeriesKey) -> rusqlite::Result<u32> {
        if let Some(id) = self.names.get(key) {
            return Ok(id);
        }
        let id: u32 = c
            .prepare_cached(
                "INSERT INTO series (target, metric, instance) VALUES (?1, ?2, ?3)
                 ON CONFLICT (target, metric, instance) DO UPDATE SET metric = metric RETURNING id",
            )?
            .query_row(params![key.target.0, &*key.metric, &*key.instance], |r| r.get(0))?;
        self.names.insert(key, id);
        self.named.push(key.clone());
        Ok(id)
    }

    /// Appends samples to the journal. Part of the writer's transaction, after
    /// which [`Intake::settle`] or [`Intake::forget`] must be called.
    pub(in crate::store) fn append<'s>(
        &mut self,
        c: &Connection,
        samples: impl Iterator<Item = &'s Sample>,
    ) -> rusqlite::Result<()> {
        self.fresh.clear();
        for sample in samples {
            let at = Tick::from(sample.at);
            if !level::is_plausible(at) || !sample.value.is_finite() {
                self.implausible += 1;
                continue;
            }
            let id = self.id(c, &sample.series)?;
            let precision = level::precision_of(&sample.series.metric);
            self.fresh.push((id, at, precision.round(sample.value)));
        }
        if !self.fresh.is_empty() {
            c.prepare_cached("INSERT INTO journal (body) VALUES (?1)")?
                .execute([journal::encode(&self.fresh)])?;
            self.last_journal = c.last_insert_rowid();
        }
        Ok(())
    }

    /// The transaction is committed.
    pub(in crate::store) fn settle(&mut self) {
        self.full.extend(self.tails.push(&self.fresh, TAIL));
        self.fresh.clear();
        self.named.clear();
    }

    /// The transaction was rolled back, and with it the numbers that it gave.
    pub(in crate::store) fn forget(&mut self) {
        self.fresh.clear();
        for key in self.named.drain(..) {
            self.names.remove(&key);
        }
    }

    /// How exactly a series is kept.
    pub(super) fn precision(&mut self, c: &Connection, series: u32) -> Result<Precision> {
        let place = usize::try_from(series).unwrap_or(usize::MAX);
        if let Some(Some(known)) = self.precisions.get(place) {
            return Ok(*known);
        }
        let metric: Option<String> = c
            .prepare_cached("SELECT metric FROM series WHERE id = ?1")
            .and_then(|mut s| s.query_row([series], |r| r.get(0)).optional())
            .map_err(Error::sqlite(DOING))?;
        let found = metric.map_or(Precision::Exact, |m| level::precision_of(&m));
        if place >= self.precisions.len() {
            self.precisions.resize(place + 1, None);
        }
        if let Some(slot) = self.precisions.get_mut(place) {
            *slot = Some(found);
        }
        Ok(found)
    }

    /// Moves some tails into chunks: one short transaction.
    pub(in crate::store) fn sweep(&mut self, c: &mut Connection, now: Mono) -> Result<Work> {
        let picked = self.pick(now);
        if !picked.is_empty() {
            if let Err(error) = self.spill(c, &picked) {
                // What this round has passed over must not be taken for moved.
                self.round = Round {
                    trim: self.round.trim,
                    ..Round::default()
                };
                return Err(error);
            }
            for series in &picked {
                self.full.remove(series);
            }
        }
        let trimmed = self.trim(c)?;
        if picked.len() >= AT_ONCE || !self.full.is_empty() {
            return Ok(Work::More);
        }
        Ok(trimmed)
    }

    /// Which series are due: long tails, and those that the sweep has reached.
    fn pick(&mut self, now: Mono) -> BTreeSet<u32> {
        let mut picked: BTreeSet<u32> = self.full.iter().take(AT_ONCE).copied().collect();
        let end = self.tails.end();
        let Some(began) = self.round.began else {
            self.round.began = Some(now);
            self.round.journal = self.last_journal;
            return picked;
        };
        let share = now.since(began).as_secs_f64() / SWEEP.as_secs_f64();
        let reached = if share >= 1.0 {
            end
        } else {
            u32::try_from(u128::from(end) * now.since(began).as_millis() / SWEEP.as_millis()).unwrap_or(end)
        };
        while self.round.next < reached && picked.len() < AT_ONCE {
            picked.insert(self.round.next);
            self.round.next += 1;
        }
        if self.round.next >= end && share >= 1.0 {
            self.round = Round {
                began: Some(now),
                journal: self.last_journal,
                next: 0,
                trim: self.round.journal,
            };
        }
        picked
    }

    fn spill(&mut self, c: &mut Connection, picked: &BTreeSet<u32>) -> Result<()> {
        let transaction = c.transaction().map_err(Error::sqlite(DOING))?;
        let mut moved = BTreeMap::new();
        let mut days = BTreeSet::new();
        for (series, samples) in self.tails.get_all(picked) {
            moved.insert(series, samples.len());
            let precision = self.precision(&transaction, series)?;
            put_samples(&transaction, series, samples, precision, &mut days)?;
        }
        for day in days.difference(&self.todo) {
            transaction
                .prepare_cached("INSERT OR IGNORE INTO rollup_todo (window) VALUES (?1)")
                .and_then(|mut s| s.execute([day]))
                .map_err(Error::sqlite(DOING))?;
        }
        transaction.commit().map_err(Error::sqlite(DOING))?;
        self.todo.extend(days);
        self.tails.cut(&moved);
        Ok(())
    }

    fn trim(&mut self, c: &Connection) -> Result<Work> {
        if self.round.trim == 0 {
            return Ok(Work::Done);
        }
        let (rows, mut room) = TRIM;
        let mut last = None;
        let mut statement = c
            .prepare_cached("SELECT id, length(body) FROM journal WHERE id <= ?1 ORDER BY id LIMIT ?2")
            .map_err(Error::sqlite(DOING))?;
        let mut found = statement
            .query(params![self.round.trim, rows])
            .map_err(Error::sqlite(DOING))?;
        while let Some(row) = found.next().map_err(Error::sqlite(DOING))? {
            let (id, bytes): (i64, i64) = row
                .get(0)
                .and_then(|id| Ok((id, row.get(1)?)))
                .map_err(Error::sqlite(DOING))?;
            room -= bytes;
            if last.is_some() && room < 0 {
                break;
            }
            last = Some(id);
        }
        let deleted = c
            .prepare_cached("DELETE FROM journal WHERE id <= ?1")
            .and_then(|mut s| s.execute([last.unwrap_or_default()]))
            .map_err(Error::sqlite(DOING))?;
        if deleted == 0 {
            self.round.trim = 0;
            return Ok(Work::Done);
        }
        Ok(Work::More)
    }
}

/// A chunk's bytes, if it is there.
pub(super) fn body(c: &Connection, key: i64) -> Result<Option<Vec<u8>>> {
    c.prepare_cached("SELECT body FROM chunk WHERE id = ?1")
        .and_then(|mut s| s.query_row([key], |r| r.get(0)).optional())
        .map_err(Error::sqlite(DOING))
}

/// Writes a chunk.
pub(super) fn put(c: &Connection, key: i64, body: &[u8]) -> Result<()> {
    c.prepare_cached("INSERT INTO chunk (id, body) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET body = ?2")
        .and_then(|mut s| s.execute(params![key, body]))
        .map(drop)
        .map_err(Error::sqlite(DOING))
}

/// What a chunk holds; nothing if it is damaged, which is logged: one series'
/// lost hours must not keep the rest from being written.
pub(super) fn sound<T>(key: i64, decoded: Option<Vec<T>>) -> Vec<T> {
    decoded.unwrap_or_else(|| {
        tracing::warn!(key, "a chunk of history is damaged and left out");
        Vec::new()
    })
}

/// Puts samples into the open chunks of their windows; notes the days.
fn put_samples(
    c: &Connection,
    series: u32,
    mut samples: Vec<(Tick, f64)>,
    precision: Precision,
    days: &mut BTreeSet<i64>,
) -> Result<()> {
    in_order(&mut samples);
    for group in samples.chunk_by(|a, b| Level::Open.window_of(a.0) == Level::Open.window_of(b.0)) {
        let Some((first, _)) = group.first() else { continue };
        let window = Level::Open.window_of(*first);
        let key = Level::Open.key(window, series);
        let base = Level::Open.base(window);
        let mut all = match body(c, key)? {
            None => Vec::new(),
            Some(bytes) => sound(key, chunk::decode(base, &bytes)),
        };
        all.extend_from_slice(group);
        in_order(&mut all);
        put(c, key, &chunk::encode(base, &all, precision))?;
        days.insert(Level::Raw.window_of(*first));
    }
    Ok(())
}
