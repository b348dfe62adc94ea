//! What the writer does between commits: moves samples into chunks, seals days,
//! deletes what is too old, gives room back.
//!
//! One short step at a time, so that nobody waits for the write lock (trap 25).

use rusqlite::Connection;

use super::error::{Error, Result};
use super::history::rollup::Retention;
use super::history::write::{Intake, Work};
use super::state::{self, setting};
use crate::clock::Clock;
use crate::model::{Mono, Span, Timestamp};

/// How often to look for days that are over and history that is too old.
const ROUND: Span = Span::from_mins(10);

/// A wall clock that is further ahead of the last round than this is not believed
/// at once: with a dead clock battery, a machine may wake in 2036.
const LEAP: Span = Span::from_hours(7 * 24);

/// How long it must then run before it is believed.
const TRUST: Span = Span::from_hours(24);

/// Free pages that are kept for reuse, as a share of the file: one in this many.
const FREE_SHARE: i64 = 10;

/// Free pages that are given back in one step: some milliseconds.
const VACUUM: i64 = 256;

/// What is to be done next in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Seal,
    Retain,
    Vacuum,
    Wait,
}

/// The writer's upkeep.
pub(super) struct Upkeep {
    retention: Retention,
    stage: Stage,
    next_round: Mono,
    /// Since when a leap of the clock is being watched.
    leaped_at: Option<Mono>,
}

impl Upkeep {
    pub(super) fn new(retention: Retention, now: Mono) -> Self {
        Self {
            retention,
            stage: Stage::Seal,
            next_round: now,
            leaped_at: None,
        }
    }

    /// One short step. Errors stop the round, which begins anew later.
    pub(super) fn step(
        &mut self,
        c: &mut Connection,
        intake: &mut Intake,
        clock: &dyn Clock,
    ) -> Result<Work> {
        let now = clock.mono();
        if intake.sweep(c, now)? == Work::More {
            return Ok(Work::More);
        }
        if self.stage == Stage::Wait && now >= self.next_round {
            self.stage = Stage::Seal;
        }
        match self.stage {
            Stage::Wait => return Ok(Work::Done),
            Stage::Seal => {
                if intake.seal(c, clock)? == Work::Done {
                    self.stage = Stage::Retain;
                }
            }
            Stage::Retain => {
                if self.retain(c, clock)? == Work::Done {
                    self.stage = Stage::Vacuum;
                }
            }
            Stage::Vacuum => {
                if vacuum(c)? == Work::Done {
                    self.stage = Stage::Wait;
                    self.next_round = now.plus(ROUND);
                }
            }
        }
        Ok(Work::More)
    }

    /// Begins a round at the next step.
    pub(super) fn hasten(&mut self, now: Mono) {
        self.next_round = now;
    }

    /// After an error: leaves the rest of the round for later.
    pub(super) fn postpone(&mut self, now: Mono) {
        self.stage = Stage::Wait;
        self.next_round = now.plus(Span::from_mins(1));
    }

    fn retain(&mut self, c: &Connection, clock: &dyn Clock) -> Result<Work> {
        let (wall, mono) = (clock.wall(), clock.mono());
        if !self.believes(state::get_time(c, setting::RETAINED_AT)?, wall, mono) {
            return Ok(Work::Done);
        }
        if self.retention.step(c, wall)? == Work::More {
            return Ok(Work::More);
        }
        state::set_time(c, setting::RETAINED_AT, wall)
            .map_err(Error::sqlite("can't note the round of retention"))?;
        Ok(Work::Done)
    }

    /// Whether the wall clock may decide what is too old (trap 24).
    fn believes(&mut self, last: Option<Timestamp>, wall: Timestamp, mono: Mono) -> bool {
        if last.is_none_or(|last| wall.since(last) <= LEAP) {
            self.leaped_at = None;
            return true;
        }
        if let Some(since) = self.leaped_at {
            return mono.since(since) >= TRUST;
        }
        tracing::warn!(
            "the clock is more than 7 days ahead of the last round of retention: \
             nothing is deleted until it has stayed so for 24 hours"
        );
        self.leaped_at = Some(mono);
        false
    }
}

/// Gives some free pages back to the file system, if there are many.
fn vacuum(c: &Connection) -> Result<Work> {
    let doing = "can't give room back to the file system";
    let number = |name: &str| -> Result<i64> {
        c.query_row(&format!("PRAGMA {name}"), [], |r| r.get(0))
            .map_err(Error::sqlite(doing))
    };
    let (pages, free) = (number("page_count")?, number("freelist_count")?);
    if free <= pages / FREE_SHARE + VACUUM {
        return Ok(Work::Done);
    }
    let mut statement = c
        .prepare_cached(&format!("PRAGMA incremental_vacuum({VACUUM})"))
        .map_err(Error::sqlite(doing))?;
    let mut rows = statement.query([]).map_err(Error::sqlite(doing))?;
    // Each step of the statement frees one page.
    while rows.next().map_err(Error::sqlite(doing))?.is_some() {}
    // A file that was made without room for it gives nothing back, ever: its free pages are reused.
    let left = number("freelist_count")?;
    Ok(if left < free { Work::More } else { Work::Done })
}

#[cfg(test)]
mod tests {
    use super::*;

    // trap 24
    #[test]
    fn a_clock_that_leaps_ahead_is_believed_only_after_a_day() {
        let mut upkeep = Upkeep::new(Retention::default(), Mono::ZERO);
        let hours = |h| Mono::ZERO.plus(Span::from_hours(h));
        let then = Timestamp::from_secs(1_790_000_000);
        let later = |days: u64| then.plus(Span::from_hours(24 * days));
        assert!(
            upkeep.believes(None, later(3650), hours(0)),
            "a new record has nothing to lose"
        );
        assert!(upkeep.believes(Some(then), later(6), hours(0)));
        assert!(upkeep.believes(Some(then), then.minus(Span::from_hours(99)), hours(0)));
        assert!(!upkeep.believes(Some(then), later(3650), hours(1)));
        assert!(!upkeep.believes(Some(then), later(3650), hours(24)));
        assert!(upkeep.believes(Some(then), later(3651), hours(25)));
        // The clock was put right in between: it begins anew.
        assert!(upkeep.believes(Some(then), later(1), hours(26)));
        assert!(!upkeep.believes(Some(then), later(3650), hours(27)));
    }
}
