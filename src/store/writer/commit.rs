//! One transaction with everything that waits, and what is told of it.

use rusqlite::Connection;
use rusqlite::TransactionBehavior;

use super::handle::{Committed, Health};
use super::{LONG, RETRY, Writer, count, describe, weight};
use crate::store::batch::Batch;
use crate::store::error::{Error, Result};
use crate::store::event::{self, EventSequence};
use crate::store::state::{self, setting};
use crate::store::{device, outbox};

impl Writer {
    /// The first so many of the pending batches are on disk.
    pub(super) fn committed(&mut self, batches: usize) {
        let done = batches.min(self.pending.len());
        let last = self.pending.drain(..done).next_back().map(|(ticket, _)| ticket);
        self.pending_rows = self.pending.iter().map(|(_, batch)| weight(batch)).sum();
        self.is_urgent = self.pending.iter().any(|(_, batch)| batch.is_urgent());
        self.retry_at = None;
        if let Some(ticket) = last {
            self.committed.send_replace(Committed {
                ticket,
                sequence: self.sequence,
            });
        }
        let room_at = self.room_at;
        self.health.send_if_modified(|health| {
            let better = match (&*health, room_at) {
                (Health::DiskFull { since, stuck: true }, Some(_)) => Health::DiskFull {
                    since: *since,
                    stuck: false,
                },
                // Room was found before what waited could be tried again.
                (Health::DiskFull { .. }, None) | (Health::Stuck { .. }, _) => Health::Good,
                (Health::Good | Health::DiskFull { .. } | Health::Damaged { .. }, _) => return false,
            };
            *health = better;
            true
        });
    }

    pub(super) fn not_committed(&mut self, error: &Error) {
        self.shared.stats().commit_errors += 1;
        self.intake.forget();
        self.retry_at = Some(self.clock.mono().plus(RETRY));
        let now = self.clock.wall();
        let what = describe(error);
        self.health.send_if_modified(|health| {
            let worse = if error.is_damage() {
                crate::store::salvage::suspect(&self.path);
                Health::Damaged { what: what.clone() }
            } else if error.is_disk_full() {
                let since = match health {
                    Health::DiskFull { since, .. } => *since,
                    Health::Good | Health::Damaged { .. } | Health::Stuck { .. } => now,
                };
                Health::DiskFull { since, stuck: true }
            } else {
                Health::Stuck { what: what.clone() }
            };
            let is_news = *health != worse;
            if is_news {
                tracing::error!(error = %what, "the record can't be written; it is tried again every second");
                *health = worse;
            }
            is_news
        });
    }

    /// Chooses whether commits wait for the disk.
    pub(super) fn set_sync(&mut self, is_full: bool) {
        if is_full != self.is_full_sync {
            let level = if is_full { 2 } else { 1 };
            match self.connection.pragma_update(None, "synchronous", level) {
                Ok(()) => self.is_full_sync = is_full,
                Err(e) => tracing::error!(error = %e, "can't choose how commits wait for the disk"),
            }
        }
    }

    /// One transaction with the pending batches, or the first of them if all would
    /// take long: then others get their turn. Returns how many.
    pub(super) fn commit(&mut self) -> Result<usize> {
        let began = self.clock.mono();
        let doing = "can't write to the database";
        let is_full_sync = self.pending.iter().any(|(_, b)| b.is_urgent());
        self.set_sync(is_full_sync);
        let mut sequence = self.sequence;
        let mut refused = Vec::new();
        let mut done = 0;
        let mut transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(Error::sqlite(doing))?;
        for (place, (_, batch)) in self.pending.iter().enumerate() {
            if place > 0 && self.clock.mono().since(began) >= LONG {
                break;
            }
            done += 1;
            let savepoint = transaction.savepoint().map_err(Error::sqlite(doing))?;
            match apply(&savepoint, batch) {
                Ok(newest) => {
                    sequence = sequence.max(newest);
                    savepoint.commit().map_err(Error::sqlite(doing))?;
                }
                Err(source) => {
                    let error = Error::Sqlite { doing, source };
                    if error.is_transient() || error.is_damage() {
                        return Err(error);
                    }
                    drop(savepoint);
                    tracing::error!(
                        error = %describe(&error), events = batch.events.len(), rows = batch.rows(),
                        "the database refuses a batch for its content: it is left out"
                    );
                    refused.push(place);
                }
            }
        }
        let batches = self.pending.iter().take(done).map(|(_, batch)| batch);
        let samples = batches.clone().flat_map(|b| &b.samples);
        self.intake
            .append(&transaction, samples)
            .map_err(Error::sqlite(doing))?;
        if let Some(at) = batches.filter_map(|b| b.alive_at).max() {
            state::set_time(&transaction, setting::ALIVE_AT, at).map_err(Error::sqlite(doing))?;
        }
        transaction.commit().map_err(Error::sqlite(doing))?;
        self.intake.settle();
        self.sequence = sequence;
        let took = self.clock.mono().since(began);
        let mut stats = self.shared.stats();
        stats.commits += 1;
        stats.commit_time += took;
        stats.commit_max = stats.commit_max.max(took);
        stats.batches_refused += count(refused.len());
        stats.committed_at = Some(self.clock.wall());
        for (place, (_, batch)) in self.pending.iter().take(done).enumerate() {
            stats.samples += count(batch.samples.len());
            if !refused.contains(&place) {
                stats.rows += count(batch.rows());
                stats.events += count(batch.events.len());
            }
        }
        Ok(done)
    }
}

/// Writes all of a batch but its samples; returns the place of its newest event.
fn apply(c: &Connection, batch: &Batch) -> rusqlite::Result<EventSequence> {
    // Taken apart completely, so that a new field is not forgotten here.
    let Batch {
        events,
        outbox: changes,
        states,
        totals,
        facts,
        interfaces,
        samples: _,
        settings,
        alive_at: _,
    } = batch;
    let mut newest = EventSequence::default();
    for event in events {
        newest = event::insert(c, event)?;
    }
    for change in changes {
        outbox::apply(c, change)?;
    }
    for saved in states {
        state::save(c, saved)?;
    }
    for (of, sums) in totals {
        state::save_totals(c, *of, sums)?;
    }
    for told in facts {
        device::save_facts(c, told)?;
    }
    for told in interfaces {
        device::save_interfaces(c, told)?;
    }
    for (key, value) in settings {
        state::set(c, key, value)?;
    }
    Ok(newest)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::clock::{SharedClock, SystemClock};
    use crate::model::Span;
    use crate::store::{Handle, Options, open};

    fn writer(folder: &Path, clock: &SharedClock) -> (Handle, Writer) {
        let path = folder.join("tramgac.db");
        let opened = open::open(&path, None, clock.wall()).unwrap();
        let options = Options::default();
        Writer::new(&path, opened.connection, opened.lock, &options, Arc::clone(clock)).unwrap()
    }

    #[test]
    fn a_writer_that_waits_for_room_sleeps_though_upkeep_has_been_due_for_long() {
        let folder = tempfile::tempdir().unwrap();
        let clock = SystemClock::shared();
        let (_handle, mut writer) = writer(folder.path(), &clock);
        assert_eq!(writer.wait(), Span::ZERO, "upkeep is due at the start");
        writer.room_at = Some(clock.mono().plus(Span::from_secs(60)));
        assert!(writer.wait() > Span::from_millis(500), "{:?}", writer.wait());
        writer.room_at = None;
        writer.retry_at = Some(clock.mono().plus(Span::from_secs(60)));
        assert!(writer.wait() > Span::from_millis(500), "{:?}", writer.wait());
    }

    #[test]
    fn a_record_that_was_stuck_is_good_when_room_was_found_before_the_next_try() {
        let folder = tempfile::tempdir().unwrap();
        let clock = SystemClock::shared();
        let (handle, mut writer) = writer(folder.path(), &clock);
        let stuck = Health::DiskFull {
            since: clock.wall(),
            stuck: true,
        };
        writer.health.send_replace(stuck.clone());
        writer.room_at = Some(clock.mono());
        writer.retry_at = Some(clock.mono().plus(RETRY));
        writer.take(1, Box::default());
        writer.look_for_room();
        assert_eq!(writer.room_at, None, "there is room");
        assert_eq!(*handle.health().borrow(), stuck, "nothing is written yet");
        writer.flush();
        assert_eq!(*handle.health().borrow(), Health::Good);
    }
}
