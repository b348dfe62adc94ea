//! The one thread that writes: takes batches, commits them together, then says so.
//!
//! - A batch with events or messages is committed at once, with whatever else
//!   waits, and fsynced (`synchronous=FULL`); others within
//!   [`Options::commit_interval`].
//! - The queue is bounded. At half of it, samples are shed from new batches
//!   and counted; when it is full, the sender gets its batch back and keeps it.
//!   Events are never shed.
//! - A full disk stops history, frees the reserve and goes on with events.
//!   What can't be committed stays here and is tried again every second.
//! - A batch that SQLite refuses for its content is a fault of ours: it is
//!   logged and counted, and must not stop the others.

mod care;
mod commit;
mod handle;
#[cfg(test)]
mod steps;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::watch;

use crate::clock::SharedClock;
use crate::model::{Mono, Span};
use crate::store::Options;
use crate::store::batch::Batch;
use crate::store::error::{Error, Result};
use crate::store::event::{self, EventSequence};
use crate::store::history::tails::Tails;
use crate::store::history::write::{Intake, Work};
use crate::store::lock::Lock;
use crate::store::reserve::Reserve;
use crate::store::upkeep::Upkeep;

pub use handle::{Committed, Handle, Health, SendError, Stats};
use handle::{Message, Shared};

/// Rows that make a commit worth while before its time.
const ROWS: usize = 10_000;

/// A transaction takes no further batch after so long: with the one that it is
/// at, and the wait for the disk, it stays under a tenth of a second.
const LONG: Span = Span::from_millis(50);

/// How long to wait before trying again what could not be committed.
const RETRY: Span = Span::from_secs(1);

/// How often to look after upkeep when there is nothing to do at once.
const IDLE: Span = Span::from_secs(1);

/// How often to look whether a full disk has room again.
const ROOM: Span = Span::from_secs(10);

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// Rows of a batch, samples among them.
fn weight(batch: &Batch) -> usize {
    batch.rows() + batch.samples.len()
}

/// Starts the writer on its thread.
pub(in crate::store) fn spawn(
    path: &Path,
    connection: Connection,
    lock: Lock,
    options: &Options,
    clock: SharedClock,
) -> Result<(Handle, Tails, JoinHandle<()>)> {
    let (handle, writer) = Writer::new(path, connection, lock, options, clock)?;
    let tails = writer.intake.tails();
    let thread = std::thread::Builder::new()
        .name("store-writer".to_owned())
        .spawn(move || writer.run())
        .map_err(Error::io("can't start the writer of", path))?;
    Ok((handle, tails, thread))
}

struct Writer {
    path: PathBuf,
    connection: Connection,
    lock: Lock,
    inbox: Receiver<Message>,
    shared: Arc<Shared>,
    committed: watch::Sender<Committed>,
    health: watch::Sender<Health>,
    clock: SharedClock,
    commit_interval: Duration,
    pending: Vec<(u64, Box<Batch>)>,
    pending_rows: usize,
    pending_since: Mono,
    /// Batches that may wait here for what keeps them from being committed.
    most_pending: usize,
    is_urgent: bool,
    /// When to try again what could not be committed.
    retry_at: Option<Mono>,
    /// The disk was full: when to look for room.
    room_at: Option<Mono>,
    sequence: EventSequence,
    is_full_sync: bool,
    intake: Intake,
    upkeep: Upkeep,
    /// When to look after upkeep again.
    upkeep_at: Mono,
    reserve: Reserve,
}

enum Turn {
    GoOn,
    End,
}

impl Writer {
    fn new(
        path: &Path,
        connection: Connection,
        lock: Lock,
        options: &Options,
        clock: SharedClock,
    ) -> Result<(Handle, Self)> {
        let sequence = event::last_sequence(&connection)?;
        let (queue, inbox) = sync_channel(options.queue.max(2));
        let shared = Arc::new(Shared {
            ticket: Mutex::new(0),
            stats: Mutex::new(Stats::default()),
            is_stopping: AtomicBool::new(false),
        });
        let (committed, see_committed) = watch::channel(Committed { ticket: 0, sequence });
        let (health, see_health) = watch::channel(Health::Good);
        let handle = Handle {
            queue,
            shared: Arc::clone(&shared),
            committed: see_committed,
            health: see_health,
            shed_at: count(options.queue / 2).max(1),
        };
        let now = clock.mono();
        let writer = Self {
            path: path.to_owned(),
            connection,
            lock,
            inbox,
            shared,
            committed,
            health,
            clock,
            commit_interval: options.commit_interval,
            pending: Vec::new(),
            pending_rows: 0,
            pending_since: now,
            most_pending: options.queue,
            is_urgent: false,
            retry_at: None,
            room_at: None,
            sequence,
            is_full_sync: true,
            intake: Intake::default(),
            upkeep: Upkeep::new(options.retention, now),
            upkeep_at: now,
            reserve: Reserve::new(path, options.reserve_bytes),
        };
        Ok((handle, writer))
    }

    fn run(mut self) {
        self.reserve.hold();
        if let Err(error) = self.intake.replay(&self.connection) {
            tracing::error!(error = %describe(&error), "the newest history can't be read back");
        }
        loop {
            if let Turn::End = self.turn() {
                break;
            }
        }
        let stats = *self.shared.stats();
        tracing::debug!(
            commits = stats.commits, longest_commit = ?stats.commit_max, longest_upkeep = ?stats.upkeep_max,
            rows = stats.rows, samples = stats.samples, "the writer of the record has ended"
        );
        // The file alone then holds everything: whoever copies it forgets nothing.
        // A reader that is still at work keeps some of it in the log, which does no harm.
        drop(self.connection.busy_timeout(Duration::from_millis(200)));
        drop(self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)"));
        drop(self.connection);
        drop(self.lock);
    }

    fn turn(&mut self) -> Turn {
        let wait = self.wait();
        // What can't be committed must not grow without bound: the queue then fills and senders notice.
        let is_too_much = self.pending_rows >= ROWS || self.pending.len() >= self.most_pending;
        let message = if self.retry_at.is_some() && is_too_much {
            std::thread::park_timeout(wait);
            Err(RecvTimeoutError::Timeout)
        } else {
            self.inbox.recv_timeout(wait)
        };
        match message {
            Ok(Message::Batch { ticket, batch }) => {
                self.take(ticket, batch);
                while self.pending_rows < ROWS {
                    match self.inbox.try_recv() {
                        Ok(Message::Batch { ticket, batch }) => self.take(ticket, batch),
                        Ok(Message::Stop) => return self.end(),
                        Ok(other) => self.serve(other),
                        Err(_) => break,
                    }
                }
            }
            Ok(other @ (Message::Run(_) | Message::Tidy { .. })) => self.serve(other),
            Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return self.end(),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if self.shared.is_stopping.load(Ordering::Acquire) {
            return self.end();
        }
        let now = self.clock.mono();
        if self.is_due(now) {
            self.flush();
        }
        self.look_for_room();
        self.look_after();
        Turn::GoOn
    }

    /// Does what is asked after everything sent before it is committed.
    fn serve(&mut self, message: Message) {
        self.flush();
        match message {
            Message::Run(task) => task(&mut self.connection),
            Message::Tidy { round, answer } => {
                if round {
                    self.upkeep.hasten(self.clock.mono());
                    self.upkeep_at = Mono::ZERO;
                }
                while self.look_after() == Work::More {}
                // Whoever asked may have gone.
                answer.send(()).ok();
            }
            Message::Batch { ticket, batch } => self.take(ticket, batch),
            Message::Stop => {}
        }
    }

    /// How long nothing needs to be done.
    fn wait(&self) -> Span {
        let now = self.clock.mono();
        let due = if self.pending.is_empty() {
            now.plus(Span::from_secs(1))
        } else {
            self.retry_at
                .unwrap_or_else(|| self.pending_since.plus(self.commit_interval))
        };
        let due = self.room_at.map_or(due, |room| room.min(due));
        // Upkeep rests meanwhile: its moment, long past, would keep a core busy.
        let upkeep = if self.upkeep_rests() { due } else { self.upkeep_at };
        due.min(upkeep).since(now)
    }

    fn is_due(&self, now: Mono) -> bool {
        if self.pending.is_empty() {
            return false;
        }
        match self.retry_at {
            Some(retry) => now >= retry,
            None => {
                self.is_urgent
                    || self.pending_rows >= ROWS
                    || now >= self.pending_since.plus(self.commit_interval)
            }
        }
    }

    fn take(&mut self, ticket: u64, mut batch: Box<Batch>) {
        {
            let mut stats = self.shared.stats();
            stats.queued = stats.queued.saturating_sub(1);
            if self.room_at.is_some() {
                stats.samples_shed_disk += count(std::mem::take(&mut batch.samples).len());
            }
        }
        if self.pending.is_empty() {
            self.pending_since = self.clock.mono();
        }
        self.is_urgent |= batch.is_urgent();
        self.pending_rows += weight(&batch);
        self.pending.push((ticket, batch));
    }

    fn end(&mut self) -> Turn {
        while let Ok(message) = self.inbox.try_recv() {
            match message {
                Message::Batch { ticket, batch } => self.take(ticket, batch),
                other @ (Message::Run(_) | Message::Tidy { .. }) => self.serve(other),
                Message::Stop => {}
            }
            if self.pending_rows >= ROWS && self.retry_at.is_none() {
                self.flush();
            }
        }
        self.flush();
        let lost: usize = self.pending.iter().map(|(_, b)| b.events.len()).sum();
        if lost > 0 {
            tracing::error!(events = lost, "ended with events that could not be written");
        }
        Turn::End
    }

    /// Commits what is pending, in as many transactions as that takes.
    fn flush(&mut self) {
        while !self.pending.is_empty() {
            let mut result = self.commit();
            if let Err(error) = &result
                && error.is_disk_full()
            {
                self.shared.stats().commit_errors += 1;
                self.shed_for_room(error);
                result = self.commit();
            }
            match result {
                Ok(batches) => self.committed(batches),
                Err(error) => return self.not_committed(&error),
            }
        }
    }
}

/// An error with its causes, on one line, for the log.
fn describe(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
