//! SQLite: the record. The only place where SQL stands.
//!
//! One thread writes ([`writer`]), readers have connections of their own
//! ([`reader`]). Events are on disk before anyone is told of them: whoever
//! tells waits for [`Committed`].

pub mod backup;
mod batch;
mod blind;
mod device;
mod error;
mod event;
pub mod history;
mod inventory;
mod lock;
mod migrate;
mod number;
mod open;
pub mod outbox;
pub mod reader;
mod reserve;
mod salvage;
mod state;
mod upkeep;
pub mod writer;

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use tokio::sync::watch;

pub use batch::{Batch, DeviceFacts, DeviceInterfaces, Sample, SavedState, SeriesKey};
pub use device::{StoredFact, StoredInterface};
pub use error::{Error, Result};
pub use event::{
    Acknowledgement, EventFilter, EventSequence, IncidentFilter, IncidentRow, Order, StoredEvent, Transition,
};
pub use history::{Level, Point, Retention};
pub use inventory::{StoredInventory, Synced};
pub use lock::path_of as lock_path;
pub use migrate::{APPLICATION_ID, NEWEST as SCHEMA};
pub use reader::{Reader, Readers, Sizes};
pub use salvage::Salvaged;
pub use state::setting;
pub use writer::{Committed, Handle, Health, SendError, Stats};

use crate::clock::SharedClock;
use crate::inventory::Inventory;
use crate::model::Timestamp;

/// How the record is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Longest time for which a batch without events waits for others to be
    /// committed with. A crash loses at most this much history.
    pub commit_interval: Duration,
    /// Batches that may wait for the writer. At half of it, their samples are
    /// shed; when it is full, the sender gets its batch back.
    pub queue: usize,
    /// Room on the disk that is held back, in bytes, so that events can be
    /// written when it is full; 0: none.
    pub reserve_bytes: u64,
    /// How long history is kept, by level. Events are kept for ever.
    pub retention: Retention,
    /// Where backups lie, from which a damaged database is replaced; `None`: there are none.
    pub backups: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            commit_interval: Duration::from_secs(1),
            queue: 256,
            reserve_bytes: 8 << 20,
            retention: Retention::default(),
            backups: None,
        }
    }
}

/// The record, open for writing. Dropping it ends the writer with everything
/// that was sent committed.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    handle: Handle,
    readers: Readers,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// What was found at opening.
#[derive(Debug)]
pub struct Opened {
    /// The record.
    pub store: Store,
    /// The database was made just now.
    pub created: bool,
    /// The older schema that it had.
    pub migrated_from: Option<u32>,
    /// It was damaged, and this was done about it. To be told to people.
    pub salvaged: Option<Salvaged>,
    /// The moment up to which the record holds everything that was seen; `None`: it is new.
    pub alive_at: Option<Timestamp>,
}

impl Store {
    /// Opens the record at `path` for writing: makes it if there is none, brings
    /// it to the newest schema, takes its lock, starts the writer. Blocks.
    ///
    /// # Errors
    /// Whatever keeps it from being used: not ours, newer, in use, no folder,
    /// read-only. Files that are not ours, or newer, are left untouched.
    pub fn open(path: &Path, options: &Options, clock: SharedClock) -> Result<Opened> {
        let open::Open {
            connection,
            lock,
            created,
            migrated_from,
            salvaged,
        } = open::open(path, options.backups.as_deref(), clock.wall())?;
        let alive_at = state::get_time(&connection, setting::ALIVE_AT)?;
        let (handle, tails, thread) = writer::spawn(path, connection, lock, options, clock)?;
        Ok(Opened {
            store: Self {
                path: path.to_owned(),
                handle,
                readers: Readers::new(path, tails),
                thread: Some(thread),
            },
            created,
            migrated_from,
            salvaged,
            alive_at,
        })
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where batches are sent. Cheap to clone.
    pub fn writer(&self) -> &Handle {
        &self.handle
    }

    /// Read-only connections. Cheap to clone.
    pub fn readers(&self) -> &Readers {
        &self.readers
    }

    /// Tells what is committed. The value is the newest; none is skipped that matters.
    pub fn committed(&self) -> watch::Receiver<Committed> {
        self.handle.committed()
    }

    /// Brings the declared inventory on record: gives numbers to new names,
    /// marks what left the configuration (nothing is deleted), lays it over
    /// what people and devices recorded. Its events are committed with it. Blocks.
    pub fn sync_inventory(&self, declared: &Inventory, now: Timestamp) -> Result<Synced> {
        let declared = declared.clone();
        self.handle
            .run(move |connection| inventory::sync(connection, declared, now))
    }

    /// Ends the writer with everything that was sent committed, and waits for
    /// it. Blocks. Handles that are still held get [`SendError::Closed`].
    pub fn close(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.handle.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the writer of the record has panicked");
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.end();
    }
}

/// A channel for one answer.
fn answer<T>() -> (mpsc::SyncSender<T>, mpsc::Receiver<T>) {
    mpsc::sync_channel(1)
}
