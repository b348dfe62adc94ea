//! Reading history: samples, or buckets of the level that fits the question,
//! with what is in no chunk yet.

use std::cell::Cell;
use std::collections::BTreeSet;

use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::params;

use super::bucket;
use super::chunk::{self, Bucket};
use super::journal;
use super::level::{self, Level};
use super::rollup::open_windows;
use super::tails::Tails;
use super::tick::{PER_SECOND, Tick};
use super::write::{body, sound};
use crate::model::{Span, Timestamp};
use crate::store::batch::SeriesKey;
use crate::store::error::{Error, Result};

const DOING: &str = "can't read history";

/// One stretch of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Its beginning.
    pub at: Timestamp,
    /// Its length; zero for a single sample.
    pub span: Span,
    /// How many samples.
    pub count: u32,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
    /// Sum.
    pub sum: f64,
}

impl Point {
    /// The mean.
    pub fn mean(&self) -> f64 {
        self.sum / f64::from(self.count.max(1))
    }
}

/// A question about one series, on one connection.
pub(in crate::store) struct Series<'a> {
    c: &'a Connection,
    number: u32,
    /// What is in no chunk yet, by time.
    tail: Vec<(Tick, f64)>,
    /// Days that are not sealed.
    todo: BTreeSet<i64>,
}

type Range = std::ops::Range<Tick>;

/// Where a reader finds what is in no chunk yet.
#[derive(Debug)]
pub(in crate::store) enum Newest {
    /// In the memory of its own process, which writes.
    Shared(Tails),
    /// In the journal, which another process writes: read once, and then what came after.
    /// It holds half an hour at most (two rounds of the sweep).
    Journal {
        /// What was read.
        tails: Tails,
        /// The last row that was read.
        read_to: Cell<i64>,
    },
}

impl Newest {
    /// To be found in the journal.
    pub(in crate::store) fn journal() -> Self {
        Self::Journal {
            tails: Tails::default(),
            read_to: Cell::new(0),
        }
    }

    fn of(&self, c: &Connection, series: u32) -> Result<Vec<(Tick, f64)>> {
        Ok(match self {
            Self::Shared(tails) => tails.get(series),
            Self::Journal { tails, read_to } => {
                let (last, _) = tails.replay(c, read_to.get(), usize::MAX)?;
                read_to.set(last);
                tails.get(series)
            }
        })
    }
}

/// The series, if anything was ever kept of it. The tail is looked at before
/// the chunks: what moves from one to the other in between is seen twice, not never.
pub(in crate::store) fn series<'a>(
    c: &'a Connection,
    newest: &Newest,
    key: &SeriesKey,
) -> Result<Option<Series<'a>>> {
    let number: Option<u32> = c
        .prepare_cached("SELECT id FROM series WHERE target = ?1 AND metric = ?2 AND instance = ?3")
        .and_then(|mut s| {
            s.query_row(params![key.target.0, &*key.metric, &*key.instance], |r| r.get(0))
                .optional()
        })
        .map_err(Error::sqlite(DOING))?;
    let Some(number) = number else {
        return Ok(None);
    };
    let mut tail = newest.of(c, number)?;
    bucket::in_order(&mut tail);
    let mut todo: BTreeSet<i64> = c
        .prepare_cached("SELECT window FROM rollup_todo")
        .and_then(|mut s| s.query_map([], |r| r.get(0))?.collect())
        .map_err(Error::sqlite(DOING))?;
    todo.extend(tail.iter().map(|(at, _)| Level::Raw.window_of(*at)));
    Ok(Some(Series {
        c,
        number,
        tail,
        todo,
    }))
}

impl Series<'_> {
    /// The windows of a level that have any chunk at all and overlap the range.
    fn windows(&self, level: Level, range: &Range) -> Result<std::ops::RangeInclusive<i64>> {
        let edge = |order: &str| -> Result<Option<i64>> {
            self.c
                .prepare_cached(&format!(
                    "SELECT id FROM chunk WHERE id BETWEEN ?1 AND ?2 ORDER BY id {order} LIMIT 1"
                ))
                .and_then(|mut s| {
                    s.query_row(params![level.key(0, 0), level.end_key()], |r| r.get(0))
                        .optional()
                })
                .map(|key: Option<i64>| key.map(level::window_of))
                .map_err(Error::sqlite(DOING))
        };
        let (Some(first), Some(last)) = (edge("ASC")?, edge("DESC")?) else {
            return Ok(std::ops::RangeInclusive::new(1, 0));
        };
        let from = level.window_of(range.start).max(first);
        let to = level.window_of(Tick(range.end.0.saturating_sub(1))).min(last);
        Ok(from..=to)
    }

    /// The samples in the range, by time.
    pub(in crate::store) fn samples(&self, range: &Range) -> Result<Vec<(Tick, f64)>> {
        let mut found = Vec::new();
        for day in self.windows(Level::Raw, range)? {
            let key = Level::Raw.key(day, self.number);
            if let Some(bytes) = body(self.c, key)? {
                found.extend(sound(key, chunk::decode(Level::Raw.base(day), &bytes)));
            }
        }
        let open = self.windows(Level::Open, range)?;
        for day in &self.todo {
            for window in open_windows(*day).filter(|w| open.contains(w)) {
                let key = Level::Open.key(window, self.number);
                if let Some(bytes) = body(self.c, key)? {
                    found.extend(sound(key, chunk::decode(Level::Open.base(window), &bytes)));
                }
            }
        }
        found.extend_from_slice(&self.tail);
        bucket::in_order(&mut found);
        found.retain(|(at, _)| range.contains(at));
        Ok(found)
    }

    /// The buckets of a level that begin in the range, by time. Days that are
    /// not sealed are rolled up here.
    fn buckets(&self, level: Level, range: &Range) -> Result<Vec<(Tick, Bucket)>> {
        let mut found = Vec::new();
        for window in self.windows(level, range)? {
            let key = level.key(window, self.number);
            if let Some(bytes) = body(self.c, key)? {
                let base = level.base(window);
                found.extend(
                    sound(key, chunk::decode_buckets(&bytes))
                        .into_iter()
                        .map(|b| (bucket::start(level, base, b.place), b)),
                );
            }
        }
        for day in &self.todo {
            let of_day = Level::Raw.base(*day)..Level::Raw.base(*day + 1);
            if of_day.start >= range.end || of_day.end <= range.start {
                continue;
            }
            let fresh = match level {
                Level::Day => bucket::fold(level, self.buckets(Level::Hour, &of_day)?.into_iter()),
                Level::Open | Level::Raw | Level::FiveMinutes | Level::Hour => {
                    bucket::of_samples(level, &self.samples(&of_day)?)
                }
            };
            found = merge(found, fresh);
        }
        found.retain(|(at, _)| range.contains(at));
        Ok(found)
    }

    /// The range in points of one level; `Open` and `Raw` mean samples.
    pub(in crate::store) fn at_level(&self, level: Level, range: &Range) -> Result<Vec<Point>> {
        Ok(match level {
            Level::Open | Level::Raw => self
                .samples(range)?
                .into_iter()
                .map(|(at, value)| Point {
                    at: at.into(),
                    span: Span::ZERO,
                    count: 1,
                    min: value,
                    max: value,
                    sum: value,
                })
                .collect(),
            Level::FiveMinutes | Level::Hour | Level::Day => self
                .buckets(level, range)?
                .into_iter()
                .map(|(at, b)| Point {
                    at: at.into(),
                    span: Span::from_secs((level.bucket_ticks() / PER_SECOND).unsigned_abs()),
                    count: b.count,
                    min: b.min,
                    max: b.max,
                    sum: b.sum,
                })
                .collect(),
        })
    }

    /// The range at the given level where that is still kept, before it at the
    /// next coarser one that is.
    pub(in crate::store) fn kept_at(&self, level: Level, range: &Range) -> Result<Vec<Point>> {
        let mut points = self.at_level(level, range)?;
        for coarser in Level::ROLLED.into_iter().filter(|l| *l > level) {
            let end = points.first().map_or(range.end, |p| Tick::from(p.at));
            let older = range.start..end;
            if older.is_empty() {
                break;
            }
            let mut before = self.at_level(coarser, &older)?;
            // A longer stretch that reaches into what is there already would count twice.
            before.retain(|p| Tick::from(p.at.plus(p.span)) <= end || points.is_empty());
            before.append(&mut points);
            points = before;
        }
        Ok(points)
    }
}

/// A moment before which there is no history: the beginning of the oldest
/// window, or of the oldest row of the journal.
pub(in crate::store) fn oldest(c: &Connection) -> Result<Timestamp> {
    let mut oldest: Option<Tick> = None;
    for level in [
        Level::Open,
        Level::Raw,
        Level::FiveMinutes,
        Level::Hour,
        Level::Day,
    ] {
        let first: Option<i64> = c
            .prepare_cached("SELECT id FROM chunk WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT 1")
            .and_then(|mut s| {
                s.query_row(params![level.key(0, 0), level.end_key()], |r| r.get(0))
                    .optional()
            })
            .map_err(Error::sqlite(DOING))?;
        let begin = first.map(|key| level.base(level::window_of(key)));
        oldest = match (oldest, begin) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
    let row: Option<Vec<u8>> = c
        .prepare_cached("SELECT body FROM journal ORDER BY id LIMIT 1")
        .and_then(|mut s| s.query_row([], |r| r.get(0)).optional())
        .map_err(Error::sqlite(DOING))?;
    let in_journal = row
        .and_then(|bytes| journal::decode(&bytes))
        .and_then(|entries| entries.into_iter().map(|(_, at, _)| at).min())
        // The longest bucket that holds it begins with its day.
        .map(|at| Tick(at.0.saturating_sub(at.0.rem_euclid(Level::Day.bucket_ticks()))));
    Ok(oldest
        .into_iter()
        .chain(in_journal)
        .min()
        .unwrap_or(Tick(0))
        .into())
}

/// The finest level of which a range has no more points than asked for; a
/// sample a minute is assumed.
pub(in crate::store) fn level_for(range: &Range, points: usize) -> Level {
    let most = i64::try_from(points.max(1)).unwrap_or(i64::MAX);
    let length = range.end.0.saturating_sub(range.start.0);
    if length <= most.saturating_mul(60 * PER_SECOND) {
        return Level::Raw;
    }
    Level::ROLLED
        .into_iter()
        .find(|level| length <= most.saturating_mul(level.bucket_ticks()))
        .unwrap_or(Level::Day)
}

/// Two lists by time in one; of two at one time, the one of more samples.
fn merge(a: Vec<(Tick, Bucket)>, b: Vec<(Tick, Bucket)>) -> Vec<(Tick, Bucket)> {
    let mut all = a;
    all.extend(b);
    all.sort_by_key(|(at, bucket)| (*at, std::cmp::Reverse(bucket.count)));
    all.dedup_by_key(|(at, _)| *at);
    all
}
