//! Between commits: a short step of upkeep, and looking for room on a full disk.

use super::handle::Health;
use super::{IDLE, RETRY, ROOM, Writer, count, describe};
use crate::model::Span;
use crate::store::error::Error;
use crate::store::history::write::Work;

impl Writer {
    /// The disk is full: give up history and the reserve, so that events still go.
    pub(super) fn shed_for_room(&mut self, error: &Error) {
        self.intake.forget();
        let mut shed = 0;
        for (_, batch) in &mut self.pending {
            shed += std::mem::take(&mut batch.samples).len();
        }
        self.shared.stats().samples_shed_disk += count(shed);
        self.reserve.release();
        // Frames that are in the database already need no room in the log.
        drop(self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)"));
        self.room_at = Some(self.clock.mono().plus(ROOM));
        let since = self.clock.wall();
        self.health.send_if_modified(|health| {
            let is_news = !matches!(health, Health::DiskFull { .. });
            if is_news {
                tracing::error!(
                    path = %self.path.display(), error = %describe(error),
                    "the disk is full: history is not written until there is room; events and messages still are"
                );
                *health = Health::DiskFull { since, stuck: false };
            }
            is_news
        });
    }

    pub(super) fn look_for_room(&mut self) {
        let now = self.clock.mono();
        if self.room_at.is_none_or(|at| now < at) {
            return;
        }
        if self.reserve.has_room() && self.reserve.hold() {
            self.room_at = None;
            tracing::info!("there is room on the disk again: history is written");
            self.health.send_if_modified(|health| {
                let is_news = matches!(health, Health::DiskFull { stuck: false, .. });
                if is_news {
                    *health = Health::Good;
                }
                is_news
            });
        } else {
            self.room_at = Some(now.plus(ROOM));
        }
    }

    /// Upkeep waits until what is pending can be written and history is.
    pub(super) fn upkeep_rests(&self) -> bool {
        self.room_at.is_some() || self.retry_at.is_some()
    }

    /// One short step of upkeep, if it is time and nothing more important waits.
    pub(super) fn look_after(&mut self) -> Work {
        let began = self.clock.mono();
        if began < self.upkeep_at || self.upkeep_rests() {
            return Work::Done;
        }
        self.set_sync(false);
        let mut work = Work::Done;
        let next = match self
            .upkeep
            .step(&mut self.connection, &mut self.intake, &*self.clock)
        {
            Ok(Work::More) => {
                work = Work::More;
                Span::ZERO
            }
            Ok(Work::Done) => IDLE,
            Err(error) => {
                tracing::error!(error = %describe(&error), "upkeep of history has failed; it is tried again in a minute");
                self.upkeep.postpone(began);
                if error.is_disk_full() {
                    self.shed_for_room(&error);
                }
                RETRY
            }
        };
        let ended = self.clock.mono();
        self.upkeep_at = ended.plus(next);
        let mut stats = self.shared.stats();
        stats.upkeep_max = stats.upkeep_max.max(ended.since(began));
        stats.samples_implausible = self.intake.implausible;
        work
    }
}
