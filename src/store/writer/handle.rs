//! Where batches are sent, and what is told about them.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};

use rusqlite::Connection;
use tokio::sync::watch;

use super::count;
use crate::model::{Span, Timestamp};
use crate::store::answer;
use crate::store::batch::Batch;
use crate::store::error::{Error, Result};
use crate::store::event::EventSequence;

/// What is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Committed {
    /// All batches up to the one with this ticket.
    pub ticket: u64,
    /// The place of the newest event.
    pub sequence: EventSequence,
}

/// How the record is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Health {
    /// Everything is written.
    #[default]
    Good,
    /// The disk is full: history is not written; events are, as long as the reserve lasts.
    DiskFull {
        /// Since when.
        since: Timestamp,
        /// Whether events can't be written either.
        stuck: bool,
    },
    /// The database is damaged: stop, so that the next start can take the last good backup.
    Damaged {
        /// What SQLite said.
        what: String,
    },
    /// Nothing can be written for another reason; it is tried again.
    Stuck {
        /// What SQLite said.
        what: String,
    },
}

/// What the writer has done, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Stats {
    /// Commits.
    pub commits: u64,
    /// Commits that failed.
    pub commit_errors: u64,
    /// Time spent in commits.
    pub commit_time: Span,
    /// The longest commit.
    pub commit_max: Span,
    /// Rows written, samples not counted.
    pub rows: u64,
    /// Events written.
    pub events: u64,
    /// Samples written.
    pub samples: u64,
    /// Samples shed because the writer could not follow.
    pub samples_shed_queue: u64,
    /// Samples shed because the disk was full.
    pub samples_shed_disk: u64,
    /// Samples left out because their time can't be or their value is no number.
    pub samples_implausible: u64,
    /// The longest step of upkeep.
    pub upkeep_max: Span,
    /// Batches that SQLite refused for their content.
    pub batches_refused: u64,
    /// Batches given back because the queue was full.
    pub batches_returned: u64,
    /// Batches in the queue now.
    pub queued: u64,
    /// When the last commit ended.
    pub committed_at: Option<Timestamp>,
}

/// The batch was not taken; here it is.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The queue is full: keep the batch and try again. Its samples may be gone.
    #[error("the queue of the record's writer is full")]
    Full(Box<Batch>),
    /// The writer has ended.
    #[error("the record is closed")]
    Closed(Box<Batch>),
}

pub(super) type Task = Box<dyn FnOnce(&mut Connection) + Send>;

pub(super) enum Message {
    Batch {
        ticket: u64,
        batch: Box<Batch>,
    },
    Run(Task),
    /// Upkeep until none is due; with a round of the whole first, if so asked.
    Tidy {
        round: bool,
        answer: SyncSender<()>,
    },
    Stop,
}

/// Everything that the writer and its handles share.
#[derive(Debug)]
pub(super) struct Shared {
    /// The last ticket given; held while sending, so that tickets and queue have one order.
    pub(super) ticket: Mutex<u64>,
    pub(super) stats: Mutex<Stats>,
    /// No more is to be taken on; what was sent is to be committed.
    pub(super) is_stopping: AtomicBool,
}

impl Shared {
    pub(super) fn stats(&self) -> MutexGuard<'_, Stats> {
        self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where batches are sent. Cheap to clone; never blocks but where it says so.
#[derive(Debug, Clone)]
pub struct Handle {
    pub(super) queue: SyncSender<Message>,
    pub(super) shared: Arc<Shared>,
    /// Both end with the writer, so that nobody waits for one that is gone.
    pub(super) committed: watch::Receiver<Committed>,
    pub(super) health: watch::Receiver<Health>,
    /// Queued batches from which on samples are shed.
    pub(super) shed_at: u64,
}

impl Handle {
    /// Sends a batch without waiting. It is on disk when [`Committed::ticket`]
    /// has reached the ticket that is returned.
    ///
    /// # Errors
    /// [`SendError::Full`]: keep the batch and send it later.
    pub fn send(&self, mut batch: Batch) -> std::result::Result<u64, SendError> {
        let mut ticket = self.shared.ticket.lock().unwrap_or_else(PoisonError::into_inner);
        if self.shared.is_stopping.load(Ordering::Acquire) {
            return Err(SendError::Closed(Box::new(batch)));
        }
        if !batch.samples.is_empty() && self.shared.stats().queued >= self.shed_at {
            let shed = std::mem::take(&mut batch.samples);
            self.shared.stats().samples_shed_queue += count(shed.len());
        }
        let next = *ticket + 1;
        // Counted before it is sent, so that the writer never counts below zero.
        self.shared.stats().queued += 1;
        let message = Message::Batch {
            ticket: next,
            batch: Box::new(batch),
        };
        let refused = match self.queue.try_send(message) {
            Ok(()) => {
                *ticket = next;
                return Ok(next);
            }
            Err(refused) => refused,
        };
        let mut stats = self.shared.stats();
        stats.queued = stats.queued.saturating_sub(1);
        stats.batches_returned += 1;
        Err(match refused {
            TrySendError::Full(message) => SendError::Full(message.into_batch()),
            TrySendError::Disconnected(message) => SendError::Closed(message.into_batch()),
        })
    }

    /// Sends a batch and waits until it is on disk; for those who send seldom.
    ///
    /// # Errors
    /// [`Error::Closed`] when the writer has ended or its queue is full.
    ///
    /// # Cancel safety
    /// The batch may be committed although nobody waits any more.
    pub async fn commit(&self, batch: Batch) -> Result<Committed> {
        let mut committed = self.committed();
        let ticket = self.send(batch).map_err(|e| match e {
            SendError::Full(_) => Error::Busy,
            SendError::Closed(_) => Error::Closed,
        })?;
        committed
            .wait_for(|c| c.ticket >= ticket)
            .await
            .map(|c| *c)
            .ok()
            .ok_or(Error::Closed)
    }

    /// Tells what is committed.
    pub fn committed(&self) -> watch::Receiver<Committed> {
        self.committed.clone()
    }

    /// Tells how the record is.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.health.clone()
    }

    /// What the writer has done.
    pub fn stats(&self) -> Stats {
        *self.shared.stats()
    }

    /// Runs `task` on the writer's connection, after everything sent before it
    /// is committed. Blocks.
    pub(in crate::store) fn run<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, wait) = answer();
        let task = Box::new(move |connection: &mut Connection| {
            // Whoever asked may have gone; then nobody misses the answer.
            drop(answer.send(task(connection)));
        });
        self.queue.send(Message::Run(task)).ok().ok_or(Error::Closed)?;
        wait.recv().ok().ok_or(Error::Closed)?
    }

    /// Does all upkeep now: tails, days that are over, retention. Blocks.
    pub fn tidy(&self) -> Result<()> {
        self.look_after(true)
    }

    /// Waits until everything sent before is committed, and no upkeep is due. Blocks.
    pub fn settle(&self) -> Result<()> {
        self.look_after(false)
    }

    /// Forgets the pages of the file that the writer keeps in memory; what is
    /// needed again is read again. Blocks.
    pub fn give_back_memory(&self) -> Result<()> {
        self.run(|connection| {
            connection
                .execute_batch("PRAGMA shrink_memory")
                .map_err(Error::sqlite("can't give memory back"))
        })
    }

    fn look_after(&self, round: bool) -> Result<()> {
        let (answer, wait) = answer();
        let message = Message::Tidy { round, answer };
        self.queue.send(message).ok().ok_or(Error::Closed)?;
        wait.recv().ok().ok_or(Error::Closed)
    }

    /// Tells the writer to end when everything sent before is committed.
    pub(in crate::store) fn stop(&self) {
        {
            // What was sent before is in the queue now; nothing comes after.
            let _sending = self.shared.ticket.lock().unwrap_or_else(PoisonError::into_inner);
            self.shared.is_stopping.store(true, Ordering::Release);
        }
        // Only wakes it: the queue may be full, and the writer may have ended already.
        drop(self.queue.try_send(Message::Stop));
    }
}

impl Message {
    fn into_batch(self) -> Box<Batch> {
        match self {
            Self::Batch { batch, .. } => batch,
            Self::Run(_) | Self::Tidy { .. } | Self::Stop => Box::default(),
        }
    }
}
