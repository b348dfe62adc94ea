//! A day that is over is sealed: its open chunks become one, and its roll-ups
//! are made. Then retention, in small steps.
//!
//! Every step is a transaction of its own that ends within [`STEP`], so that
//! nothing waits for the write lock longer than that (trap 25). How far a day
//! has come is on record with it; after a crash it goes on from there.

use std::collections::BTreeMap;

use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::params;

use super::bucket;
use super::chunk::{self, Bucket, Precision};
use super::level::{self, Level};
use super::tick::Tick;
use super::write::{Intake, SWEEP, Work, body, put, sound};
use crate::clock::Clock;
use crate::model::{Span, Timestamp};
use crate::store::error::{Error, Result};

/// How long a step may take: well below the 100 ms that a write may wait.
pub(super) const STEP: Span = Span::from_millis(30);

/// Series that are looked for at once.
const AT_ONCE: u32 = 64;

const DOING: &str = "can't roll up history";

impl Intake {
    /// Seals some series of the oldest day that is over: one short transaction.
    pub(in crate::store) fn seal(&mut self, c: &mut Connection, clock: &dyn Clock) -> Result<Work> {
        // Two rounds of the sweep after its end, all of the day is in chunks.
        let over = clock.wall().minus(SWEEP * 2);
        let newest = Level::Raw.window_of(Tick::from(over)) - 1;
        let found: Option<(i64, u32)> = c
            .prepare_cached(
                "SELECT window, after_series FROM rollup_todo WHERE window <= ?1 ORDER BY window LIMIT 1",
            )
            .and_then(|mut s| s.query_row([newest], |r| Ok((r.get(0)?, r.get(1)?))).optional())
            .map_err(Error::sqlite(DOING))?;
        let Some((day, after)) = found else {
            return Ok(Work::Done);
        };
        let began = clock.mono();
        let transaction = c.transaction().map_err(Error::sqlite(DOING))?;
        let open = open_chunks(&transaction, day, after)?;
        let mut last = None;
        for (series, chunks) in open {
            let precision = self.precision(&transaction, series)?;
            seal_series(&transaction, day, series, chunks, precision)?;
            last = Some(series);
            if clock.mono().since(began) > STEP {
                break;
            }
        }
        match last {
            Some(last) => transaction
                .prepare_cached("UPDATE rollup_todo SET after_series = ?2 WHERE window = ?1")
                .and_then(|mut s| s.execute(params![day, last])),
            // Those that came late, behind the place where it is, begin a pass of their own.
            None if after > 0 && !open_chunks(&transaction, day, 0)?.is_empty() => transaction
                .prepare_cached("UPDATE rollup_todo SET after_series = 0 WHERE window = ?1")
                .and_then(|mut s| s.execute([day])),
            None => {
                self.todo.remove(&day);
                transaction
                    .prepare_cached("DELETE FROM rollup_todo WHERE window = ?1")
                    .and_then(|mut s| s.execute([day]))
            }
        }
        .map_err(Error::sqlite(DOING))?;
        transaction.commit().map_err(Error::sqlite(DOING))?;
        Ok(Work::More)
    }
}

/// The open windows of a day.
pub(super) fn open_windows(day: i64) -> std::ops::Range<i64> {
    let each = Level::Raw.window_ticks() / Level::Open.window_ticks();
    day * each..(day + 1) * each
}

/// Chunks with their keys.
type Keyed = Vec<(i64, Vec<u8>)>;

/// The open chunks of a day, of some series after one.
fn open_chunks(c: &Connection, day: i64, after: u32) -> Result<BTreeMap<u32, Keyed>> {
    let mut found: BTreeMap<u32, Keyed> = BTreeMap::new();
    // A window that gives as many as asked has more: what comes after its last is for the next step.
    let mut complete_to = u32::MAX;
    let first = after.saturating_add(1);
    // Number 0 is never given (AUTOINCREMENT begins with 1), so that "after 0" is the beginning.
    for window in open_windows(day) {
        let mut statement = c
            .prepare_cached("SELECT id, body FROM chunk WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3")
            .map_err(Error::sqlite(DOING))?;
        let rows = statement
            .query_map(
                params![
                    Level::Open.key(window, first),
                    Level::Open.key(window, u32::MAX),
                    AT_ONCE
                ],
                |r| Ok((r.get::<_, i64>(0)?, r.get(1)?)),
            )
            .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
            .map_err(Error::sqlite(DOING))?;
        if rows.len() >= usize::try_from(AT_ONCE).unwrap_or(usize::MAX)
            && let Some((last, _)) = rows.last()
        {
            complete_to = complete_to.min(level::series_of(*last));
        }
        for (key, bytes) in rows {
            found.entry(level::series_of(key)).or_default().push((key, bytes));
        }
    }
    found.retain(|series, _| *series <= complete_to);
    Ok(found)
}

/// Seals one series' day: its samples into one chunk, its buckets into the roll-ups.
fn seal_series(c: &Connection, day: i64, series: u32, chunks: Keyed, precision: Precision) -> Result<()> {
    let key = Level::Raw.key(day, series);
    let base = Level::Raw.base(day);
    let mut samples = match body(c, key)? {
        None => Vec::new(),
        Some(bytes) => sound(key, chunk::decode(base, &bytes)),
    };
    for (key, bytes) in chunks {
        let base = Level::Open.base(level::window_of(key));
        samples.extend(sound(key, chunk::decode(base, &bytes)));
        c.prepare_cached("DELETE FROM chunk WHERE id = ?1")
            .and_then(|mut s| s.execute([key]))
            .map_err(Error::sqlite(DOING))?;
    }
    bucket::in_order(&mut samples);
    put(c, key, &chunk::encode(base, &samples, precision))?;
    let five = bucket::of_samples(Level::FiveMinutes, &samples);
    let five = put_buckets(c, Level::FiveMinutes, series, &five, precision)?;
    let hours = bucket::fold(Level::Hour, five.into_iter());
    let merged = put_buckets(c, Level::Hour, series, &hours, precision)?;
    // The day is made of all hours on record, also those whose samples are gone.
    let next = Level::Raw.base(day + 1);
    let of_day = merged.into_iter().filter(|(at, _)| (base..next).contains(at));
    let days = bucket::fold(Level::Day, of_day);
    put_buckets(c, Level::Day, series, &days, precision)?;
    Ok(())
}

/// Puts buckets of one window into its chunk; returns all buckets of the chunk.
fn put_buckets(
    c: &Connection,
    level: Level,
    series: u32,
    buckets: &[(Tick, Bucket)],
    precision: Precision,
) -> Result<Vec<(Tick, Bucket)>> {
    let Some((first, _)) = buckets.first() else {
        return Ok(Vec::new());
    };
    let window = level.window_of(*first);
    let base = level.base(window);
    let key = level.key(window, series);
    let old = match body(c, key)? {
        None => Vec::new(),
        Some(bytes) => sound(key, chunk::decode_buckets(&bytes)),
    };
    let new: Vec<Bucket> = buckets
        .iter()
        .map(|(at, b)| Bucket {
            place: bucket::place(level, base, *at),
            ..*b
        })
        .collect();
    let all = bucket::put_over(old, &new);
    put(c, key, &chunk::encode_buckets(&all, precision))?;
    Ok(all
        .into_iter()
        .map(|b| (bucket::start(level, base, b.place), b))
        .collect())
}

/// How long each level is kept; `None`: for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Samples.
    pub raw: Option<Span>,
    /// Five minutes.
    pub five_minutes: Option<Span>,
    /// Hours.
    pub hour: Option<Span>,
    /// Days.
    pub day: Option<Span>,
}

impl Default for Retention {
    /// 14 days, 90 days, 2 years, for ever: as `traps.md` compares the field's habits.
    fn default() -> Self {
        Self {
            raw: Some(Span::from_hours(14 * 24)),
            five_minutes: Some(Span::from_hours(90 * 24)),
            hour: Some(Span::from_hours(2 * 365 * 24 + 12)),
            day: None,
        }
    }
}

impl Retention {
    fn of(&self, level: Level) -> Option<Span> {
        match level {
            Level::Open => None,
            Level::Raw => self.raw,
            Level::FiveMinutes => self.five_minutes,
            Level::Hour => self.hour,
            Level::Day => self.day,
        }
    }

    /// Deletes some chunks that are too old at `now`: one short transaction.
    pub(in crate::store) fn step(&self, c: &Connection, now: Timestamp) -> Result<Work> {
        for level in [Level::Raw, Level::FiveMinutes, Level::Hour, Level::Day] {
            let Some(keep) = self.of(level) else { continue };
            // The window that the limit lies in is kept whole.
            let limit = level.window_of(Tick::from(now.minus(keep)));
            if limit <= 0 {
                continue;
            }
            let deleted = c
                .prepare_cached(
                    "DELETE FROM chunk WHERE id IN (SELECT id FROM chunk WHERE id >= ?1 AND id < ?2 LIMIT ?3)",
                )
                .and_then(|mut s| s.execute(params![level.key(0, 0), level.key(limit, 0), 4 * AT_ONCE]))
                .map_err(Error::sqlite("can't delete old history"))?;
            if deleted > 0 {
                return Ok(Work::More);
            }
        }
        Ok(Work::Done)
    }
}
