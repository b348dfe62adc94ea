//! What goes on record, and when.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::broadcast;

use super::Core;
use super::people;
use super::portion;
use crate::clock::SharedClock;
use crate::model::Event;
use crate::model::Mono;
use crate::model::Span;
use crate::model::TargetId;
use crate::model::Timestamp;
use crate::store::Batch;
use crate::store::DeviceFacts;
use crate::store::DeviceInterfaces;
use crate::store::Handle;
use crate::store::Sample;
use crate::store::SavedState;
use crate::store::SendError;

/// How often what is not urgent is handed to the writer.
const HAND_OVER: Span = Span::from_millis(500);
/// How often running sums are saved: a crash loses so much of them.
const SUMS: Span = Span::from_secs(10);
/// Sums saved at a time: with more targets each is saved more rarely, and the writer has no more to do.
const SUMS_AT_ONCE: usize = 10_000;
/// Samples that are kept while the writer does not take any.
const MAX_SAMPLES: usize = 200_000;
/// Longest wait at the stop for the disk, if it gets on: less than what the unit file grants (`TimeoutStopSec`).
pub(in crate::daemon) const LAST: Span = Span::from_secs(20);
/// So long without a commit means that no more will come: the longest takes a tenth of a second.
const STANDSTILL: Span = Span::from_secs(3);
/// How often to try again to hand over at the stop.
const NAP: Span = Span::from_millis(50);

macro_rules! words {
    ($($name:ident = $text:literal),*) => {
        /// Words that stand in every observation and sample, made once.
        #[derive(Clone)]
        pub(super) struct Words {
            $($name: Arc<str>,)*
        }

        impl Default for Words {
            fn default() -> Self {
                Self { $($name: Arc::from($text),)* }
            }
        }

        impl Words {
            $(pub(super) fn $name(&self) -> Arc<str> {
                Arc::clone(&self.$name)
            })*
        }
    };
}

words! {
    icmp = "icmp",
    snmp = "snmp",
    presence = "presence",
    empty = "",
    rtt = "rtt_seconds",
    loss = "loss_ratio",
    duration = "duration_seconds",
    receive = "receive_bytes_per_second",
    transmit = "transmit_bytes_per_second"
}

/// Targets, a bit each: row numbers lie close together, and a ping costs no search.
#[derive(Default)]
struct Marks {
    words: Vec<u64>,
    /// Where the next taking begins, so that everyone's turn comes.
    next: usize,
}

impl Marks {
    fn insert(&mut self, id: TargetId) {
        let place = usize::try_from(id.0 / 64).unwrap_or(usize::MAX);
        if self.words.len() <= place {
            self.words.resize(place + 1, 0);
        }
        if let Some(word) = self.words.get_mut(place) {
            *word |= 1 << (id.0 % 64);
        }
    }

    /// Hands out what is marked, `most` and at most 63 above it; what was handed out is marked no more.
    fn take(&mut self, most: usize, mut each: impl FnMut(TargetId)) {
        let mut taken = 0;
        for _ in 0..self.words.len() {
            if taken >= most {
                return;
            }
            let place = self.next % self.words.len();
            self.next = place + 1;
            let mut left = self.words.get_mut(place).map(std::mem::take).unwrap_or_default();
            let base = u32::try_from(place * 64).unwrap_or(u32::MAX);
            while left != 0 {
                each(TargetId(base.saturating_add(left.trailing_zeros())));
                left &= left - 1;
                taken += 1;
            }
        }
    }
}

/// The way to the writer.
pub(super) struct Record {
    writer: Handle,
    /// Events with what is to be told of them, cut so that each is short to commit.
    told: Vec<Batch>,
    /// What else waits to be handed over.
    pending: Batch,
    /// Batches that the writer has not taken, in order.
    waiting: VecDeque<Waiting>,
    handed_over_at: Mono,
    sums_at: Mono,
    totals: Marks,
    /// Commits that the meters know of, and the time that they took.
    commits: u64,
    commit_time: Span,
    /// Events that wait for their commit before readers hear of them.
    untold: VecDeque<(u64, Vec<Arc<Event>>)>,
    /// Answers to people for what is in the pending batch.
    promises: Vec<people::Promise>,
    /// Answers that wait for their commit.
    unanswered: VecDeque<(u64, Vec<people::Promise>)>,
    /// The writer does not follow; said once.
    is_stuck: bool,
    /// The last batch that was handed over.
    ticket: u64,
    pub(super) words: Words,
}

/// A batch on its way to the writer.
struct Waiting {
    batch: Batch,
    /// Its events, for readers.
    events: Vec<Arc<Event>>,
    /// Who is answered when it is on disk.
    promises: Vec<people::Promise>,
}

impl Record {
    pub(super) fn new(writer: Handle, now: Mono) -> Self {
        Self {
            writer,
            told: Vec::new(),
            pending: Batch::default(),
            waiting: VecDeque::new(),
            handed_over_at: now,
            sums_at: now,
            totals: Marks::default(),
            commits: 0,
            commit_time: Span::ZERO,
            untold: VecDeque::new(),
            promises: Vec::new(),
            unanswered: VecDeque::new(),
            is_stuck: false,
            ticket: 0,
            words: Words::default(),
        }
    }

    pub(super) fn sample(&mut self, sample: Sample) {
        if self.pending.samples.len() < MAX_SAMPLES {
            self.pending.samples.push(sample);
        }
    }

    pub(super) fn facts(&mut self, facts: DeviceFacts) {
        self.pending.facts.push(facts);
    }

    pub(super) fn interfaces(&mut self, interfaces: DeviceInterfaces) {
        self.pending.interfaces.push(interfaces);
    }

    pub(super) fn totals_changed(&mut self, id: TargetId) {
        self.totals.insert(id);
    }

    /// Puts a small value of the daemon on record.
    pub(super) fn setting(&mut self, key: &str, value: Vec<u8>) {
        self.pending.settings.push((key.to_owned(), value));
    }

    /// Answers a person once everything that is known now is on disk.
    pub(super) fn promise(&mut self, promise: people::Promise) {
        self.promises.push(promise);
    }

    /// Tells readers of the events that are on disk, and people that what they did is.
    pub(super) fn announce(&mut self, ticket: u64, events: &broadcast::Sender<Arc<Event>>) {
        while self.untold.front().is_some_and(|(t, _)| *t <= ticket) {
            for event in self.untold.pop_front().into_iter().flat_map(|(_, list)| list) {
                // Without listeners there is nobody to tell.
                drop(events.send(event));
            }
        }
        while self.unanswered.front().is_some_and(|(t, _)| *t <= ticket) {
            for promise in self.unanswered.pop_front().into_iter().flat_map(|(_, list)| list) {
                promise.keep();
            }
        }
    }

    /// Makes batches of everything that is pending.
    fn divide(&mut self, wall: Timestamp) {
        self.pending.alive_at = Some(wall);
        let told = std::mem::take(&mut self.told);
        let batches = portion::divide(told, std::mem::take(&mut self.pending));
        self.waiting.extend(batches.into_iter().map(|batch| Waiting {
            events: batch.events.iter().cloned().map(Arc::new).collect(),
            batch,
            promises: Vec::new(),
        }));
        if let Some(last) = self.waiting.back_mut() {
            last.promises.append(&mut self.promises);
        }
    }

    /// Hands batches over as long as the writer takes them; whether it took them all.
    fn hand_over(&mut self) -> bool {
        while let Some(Waiting {
            batch,
            events,
            promises,
        }) = self.waiting.pop_front()
        {
            match self.writer.send(batch) {
                Ok(ticket) => {
                    self.ticket = ticket;
                    if !events.is_empty() {
                        self.untold.push_back((ticket, events));
                    }
                    if !promises.is_empty() {
                        self.unanswered.push_back((ticket, promises));
                    }
                }
                Err(SendError::Full(batch) | SendError::Closed(batch)) => {
                    self.waiting.push_front(Waiting {
                        batch: *batch,
                        events,
                        promises,
                    });
                    if !self.is_stuck {
                        tracing::error!(
                            "the record can't be written at the moment; events are kept, history may be lost"
                        );
                    }
                    self.is_stuck = true;
                    return false;
                }
            }
        }
        self.is_stuck = false;
        true
    }

    /// Hands over what is left and waits until it is on disk: as long as it
    /// gets on, and no longer than [`LAST`].
    async fn finish(&mut self, clock: &SharedClock) {
        let mut committed = self.writer.committed();
        let began = clock.mono();
        let (mut reached, mut reached_at) = (committed.borrow().ticket, began);
        loop {
            if self.hand_over() && reached >= self.ticket {
                return;
            }
            let now = clock.mono();
            if now.since(reached_at) >= STANDSTILL || now.since(began) >= LAST {
                break;
            }
            match tokio::time::timeout(NAP, committed.changed()).await {
                Ok(Ok(())) => {
                    reached = committed.borrow_and_update().ticket;
                    reached_at = clock.mono();
                }
                // Nothing yet: the queue may have got room.
                Err(_) => {}
                // The writer has ended.
                Ok(Err(_)) => break,
            }
        }
        let events: usize = self.waiting.iter().map(|w| w.events.len()).sum();
        tracing::error!(
            batches_kept = self.waiting.len(),
            events_kept = events,
            batches_handed_over = self.ticket.saturating_sub(reached),
            "the last batches are not on disk: what is kept is lost, what was handed over is tried once more"
        );
    }
}

impl Core {
    /// Puts events and what is to be told of them on their way, with all that changed.
    pub(super) fn write(&mut self, events: &[Event], wall: Timestamp, mono: Mono) {
        for piece in portion::cut(events, portion::ROWS) {
            let outbox = crate::alert::route::plan(piece, &self.seen(), &self.now.routes, wall);
            self.record.told.push(Batch {
                events: piece.to_vec(),
                outbox,
                ..Batch::default()
            });
        }
        let record = &mut self.record;
        let is_urgent = !record.told.is_empty() || !record.promises.is_empty();
        if is_urgent || mono.since(record.handed_over_at) >= HAND_OVER {
            record.handed_over_at = mono;
            // While the writer does not follow, what changes stays where it is: the newest is enough.
            if record.hand_over() {
                self.collect();
                if mono.since(self.record.sums_at) >= SUMS {
                    self.collect_totals(SUMS_AT_ONCE);
                }
                self.record.divide(wall);
                self.record.hand_over();
            }
        }
        let stats = self.record.writer.stats();
        self.around.meters.db_queue.set(stats.queued);
        self.around.meters.db_write_failures.raise_to(stats.commit_errors);
        self.meter_snmp();
        let (commits, time) = (self.record.commits, self.record.commit_time);
        let (fresh, took) = (
            stats.commits.saturating_sub(commits),
            stats.commit_time.saturating_sub(time),
        );
        self.around.meters.db_write.observe_equal(took, fresh);
        (self.record.commits, self.record.commit_time) = (stats.commits, stats.commit_time);
    }

    /// Takes over what the SNMP thread has counted.
    fn meter_snmp(&self) {
        let (meters, client) = (&self.around.meters, self.around.asking.poller.client());
        let seen = client.counters();
        meters.snmp_requests.raise_to(seen.sent);
        meters.snmp_retries.raise_to(seen.retries);
        meters.snmp_receive_drops.raise_to(seen.receive_drops);
        meters.snmp_request.raise_to(&seen.answers, seen.answer_time);
        let granted = u64::try_from(client.receive_buffer_bytes()).unwrap_or(u64::MAX);
        meters.snmp_receive_buffer_bytes.set(granted);
    }

    /// Everything that is known goes on record; waits for it.
    pub(super) async fn finish(&mut self, wall: Timestamp) {
        self.collect();
        self.collect_totals(usize::MAX);
        self.record.divide(wall);
        self.record.finish(&self.around.clock).await;
    }

    /// Plans what is not yet told anew, after the routes have changed.
    pub(super) fn replan(&mut self, wall: Timestamp) {
        let open: Vec<_> = self.table.incidents().open().map(|i| (i.target, i.id)).collect();
        let outbox = crate::alert::route::replan(&open, &self.seen(), &self.now.routes, wall);
        if !outbox.is_empty() {
            self.record.told.push(Batch {
                outbox,
                ..Batch::default()
            });
        }
    }

    /// Takes the states that changed into the pending batch.
    fn collect(&mut self) {
        for (target, saved) in self.table.take_changed() {
            match serde_json::to_vec(&saved) {
                Ok(body) => self.record.pending.states.push(SavedState {
                    target,
                    state: saved.state.state,
                    since: saved.state.since,
                    reason: saved.state.reason.clone(),
                    body,
                }),
                Err(error) => tracing::error!(%error, %target, "a state can't be saved"),
            }
        }
    }

    /// Takes running sums into the pending batch, so many at most.
    fn collect_totals(&mut self, most: usize) {
        self.record.sums_at = self.around.clock.mono();
        self.settle();
        let record = &mut self.record;
        let (totals, pending) = (&mut record.totals, &mut record.pending.totals);
        totals.take(most, |id| {
            if let Some(view) = self.publisher.view(id) {
                pending.push((id, view.totals));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::process::SNMP_REQUEST_BOUNDS;
    use crate::probe::snmp::session::ANSWER_BOUNDS;

    fn take(marks: &mut Marks, most: usize) -> Vec<u32> {
        let mut taken = Vec::new();
        marks.take(most, |id| taken.push(id.0));
        taken
    }

    #[test]
    fn every_mark_is_taken_once_and_in_its_turn() {
        let mut marks = Marks::default();
        assert!(take(&mut marks, 9).is_empty());
        for id in [1, 63, 64, 700, 700] {
            marks.insert(TargetId(id));
        }
        assert_eq!(take(&mut marks, 1), [1, 63], "a word at a time");
        marks.insert(TargetId(1));
        assert_eq!(take(&mut marks, 1), [64], "who was there before comes before");
        assert_eq!(take(&mut marks, usize::MAX), [700, 1]);
        assert!(take(&mut marks, usize::MAX).is_empty());
    }

    #[test]
    fn what_the_snmp_thread_counts_falls_into_the_buckets_that_are_told() {
        let seconds = ANSWER_BOUNDS.map(|bound| bound.as_secs_f64());
        assert!(seconds.iter().copied().eq(SNMP_REQUEST_BOUNDS.iter().copied()));
    }
}
