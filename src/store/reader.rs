//! Reading the record: own read-only connections, beside the one that writes.
//!
//! A reader sees the record as of the last commit (WAL). Everything here
//! blocks; within the async runtime use [`Readers::read`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::OpenFlags;

use super::batch::{SavedState, SeriesKey};
use super::blind;
use super::device::{self, StoredFact, StoredInterface};
use super::error::{Error, Result};
use super::event::{self, EventFilter, EventSequence, IncidentFilter, IncidentRow, StoredEvent, Transition};
use super::history::read::Newest;
use super::history::tails::Tails;
use super::history::tick::Tick;
use super::history::{Level, Point};
use super::inventory::{self, StoredInventory};
use super::number::from_id;
use super::outbox::{self, OutboxCounts, OutboxRow};
use super::salvage::Salvaged;
use super::state::{self, setting};
use super::{history, lock, migrate, number, open};
use crate::model::{IncidentId, TargetId, Timestamp};
use crate::monitor::snapshot::BlindSpan;
use crate::monitor::snapshot::Totals;

/// How long a reader waits for a lock, which WAL hardly ever asks of it.
const BUSY: Duration = Duration::from_secs(5);

/// Idle connections that a pool keeps: one page view needs one.
const IDLE: usize = 4;

/// A read-only connection with the questions that the record answers.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    path: PathBuf,
    newest: Newest,
}

/// Sizes of the record on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sizes {
    /// The database file, bytes.
    pub database_bytes: u64,
    /// The write-ahead log, bytes.
    pub wal_bytes: u64,
    /// Of the database file, bytes that are free for reuse.
    pub free_bytes: u64,
}

impl Reader {
    /// Opens the record of a daemon that may or may not run, for reading only.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::NotOurs`], [`Error::Newer`]; an older
    /// schema is refused too, since only the daemon changes it.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Err(Error::Missing {
                path: path.to_owned(),
            });
        }
        open::check_ours(path)?;
        let reader = Self {
            connection: connect(path)?,
            path: path.to_owned(),
            newest: Newest::journal(),
        };
        let found = migrate::version(&reader.connection)?;
        match found.cmp(&migrate::NEWEST) {
            std::cmp::Ordering::Equal => Ok(reader),
            std::cmp::Ordering::Greater => Err(Error::Newer {
                path: path.to_owned(),
                found,
                known: migrate::NEWEST,
            }),
            std::cmp::Ordering::Less => Err(Error::Older {
                path: path.to_owned(),
                found,
                known: migrate::NEWEST,
            }),
        }
    }

    /// Whether a daemon (or a command that changes the record) is at work on it.
    pub fn has_writer(&self) -> bool {
        lock::is_held(&self.path)
    }

    /// Events that fit.
    pub fn events(&self, filter: &EventFilter) -> Result<Vec<StoredEvent>> {
        let mut found = Vec::new();
        self.each_event(filter, |event| {
            found.push(event);
            Ok(())
        })?;
        Ok(found)
    }

    /// Calls `each` for every event that fits, without holding them all.
    pub fn each_event(
        &self,
        filter: &EventFilter,
        each: impl FnMut(StoredEvent) -> Result<()>,
    ) -> Result<()> {
        event::each(&self.connection, filter, each)
    }

    /// When the monitor itself was cut off, newest first, at most `limit`: the
    /// times that reach into `from` (inclusive) to `to` (exclusive), with the one that lasts.
    ///
    /// # Errors
    /// The record can't be read.
    pub fn blind_spans(
        &self,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<BlindSpan>> {
        blind::spans(&self.connection, from, to, limit)
    }

    /// The place of the newest event.
    pub fn last_sequence(&self) -> Result<EventSequence> {
        event::last_sequence(&self.connection)
    }

    /// Outages that fit.
    pub fn incidents(&self, filter: &IncidentFilter) -> Result<Vec<IncidentRow>> {
        event::incidents(&self.connection, filter)
    }

    /// One outage by its number.
    pub fn incident(&self, id: IncidentId) -> Result<Option<IncidentRow>> {
        let filter = IncidentFilter {
            id: Some(id),
            ..IncidentFilter::default()
        };
        self.incidents(&filter).map(|mut found| found.pop())
    }

    /// The number that the next outage takes.
    pub fn next_incident(&self) -> Result<IncidentId> {
        event::next_incident(&self.connection)
    }

    /// Changes of state in `from..to` of one target or all, by target and time.
    /// Each target's last one before `from` comes first.
    pub fn transitions(
        &self,
        of: Option<TargetId>,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Transition>> {
        event::transitions(&self.connection, of, from, to)
    }

    /// Where the monitor goes on, by target.
    pub fn saved_states(&self) -> Result<Vec<SavedState>> {
        state::load(&self.connection)
    }

    /// The running sums of every target that has any.
    pub fn totals(&self) -> Result<BTreeMap<TargetId, Totals>> {
        state::load_totals(&self.connection)
    }

    /// A small value by its name.
    pub fn setting(&self, key: &str) -> Result<Option<Vec<u8>>> {
        state::get(&self.connection, key)
    }

    /// The moment up to which everything that was seen is on record.
    pub fn alive_at(&self) -> Result<Option<Timestamp>> {
        state::get_time(&self.connection, setting::ALIVE_AT)
    }

    /// What was last done about a damaged database; `None`: nothing, or it can't be read any more.
    pub fn salvaged(&self) -> Result<Option<Salvaged>> {
        let found = self.setting(setting::SALVAGED)?;
        Ok(found.and_then(|text| serde_json::from_slice(&text).ok()))
    }

    /// The facts of one device, by key.
    pub fn facts(&self, of: TargetId) -> Result<Vec<StoredFact>> {
        device::facts(&self.connection, Some(of)).map(|mut all| all.remove(&of).unwrap_or_default())
    }

    /// The facts of every device.
    pub fn all_facts(&self) -> Result<BTreeMap<TargetId, Vec<StoredFact>>> {
        device::facts(&self.connection, None)
    }

    /// The interfaces of one device, by name, those that are gone too.
    pub fn interfaces(&self, of: TargetId) -> Result<Vec<StoredInterface>> {
        device::interfaces(&self.connection, Some(of)).map(|mut all| all.remove(&of).unwrap_or_default())
    }

    /// The interfaces of every device.
    pub fn all_interfaces(&self) -> Result<BTreeMap<TargetId, Vec<StoredInterface>>> {
        device::interfaces(&self.connection, None)
    }

    /// The samples of a series in `from..to`, by time.
    pub fn samples(&self, of: &SeriesKey, from: Timestamp, to: Timestamp) -> Result<Vec<(Timestamp, f64)>> {
        let range = Tick::from(from)..Tick::from(to);
        let series = history::read::series(&self.connection, &self.newest, of)?;
        let samples = series.map(|s| s.samples(&range)).transpose()?.unwrap_or_default();
        Ok(samples
            .into_iter()
            .map(|(at, value)| (Timestamp::from(at), value))
            .collect())
    }

    /// A series in `from..to` in about `points` points: the finest level of
    /// which there are no more is chosen; where it is no longer kept, the next
    /// coarser one.
    pub fn history(
        &self,
        of: &SeriesKey,
        from: Timestamp,
        to: Timestamp,
        points: usize,
    ) -> Result<Vec<Point>> {
        let range = Tick::from(from)..Tick::from(to);
        self.history_from_level(of, from, to, history::read::level_for(&range, points))
    }

    /// A series in `from..to` at a level; where it is no longer kept, the next coarser one.
    pub fn history_from_level(
        &self,
        of: &SeriesKey,
        from: Timestamp,
        to: Timestamp,
        level: Level,
    ) -> Result<Vec<Point>> {
        let range = Tick::from(from)..Tick::from(to);
        let series = history::read::series(&self.connection, &self.newest, of)?;
        Ok(series
            .map(|s| s.kept_at(level, &range))
            .transpose()?
            .unwrap_or_default())
    }

    /// A moment before which there is no history of any level.
    pub fn oldest_history(&self) -> Result<Timestamp> {
        history::read::oldest(&self.connection)
    }

    /// Every series of which history is kept, by target, measure and instance.
    pub fn series(&self, of: Option<TargetId>) -> Result<Vec<SeriesKey>> {
        let doing = "can't read the series";
        self.connection
            .prepare_cached(
                "SELECT target, metric, instance FROM series WHERE (?1 IS NULL OR target = ?1)
                 ORDER BY target, metric, instance",
            )
            .and_then(|mut s| {
                s.query_map([of.map(|t| t.0)], |r| {
                    Ok(SeriesKey {
                        target: number::target(r.get(0)?),
                        metric: r.get::<_, String>(1)?.into(),
                        instance: r.get::<_, String>(2)?.into(),
                    })
                })?
                .collect()
            })
            .map_err(Error::sqlite(doing))
    }

    /// The inventory as it stands.
    pub fn inventory(&self) -> Result<StoredInventory> {
        inventory::load(&self.connection)
    }

    /// Messages that wait and whose time has come, oldest first.
    pub fn outbox_due(&self, now: Timestamp, limit: u32) -> Result<Vec<OutboxRow>> {
        outbox::due(&self.connection, now, limit)
    }

    /// Messages that wait, whenever their time comes, oldest first.
    pub fn outbox_waiting(&self, limit: u32) -> Result<Vec<OutboxRow>> {
        outbox::waiting(&self.connection, limit)
    }

    /// Every message that tells of an outage, oldest first.
    pub fn outbox_of(&self, incident: IncidentId) -> Result<Vec<OutboxRow>> {
        outbox::of_incident(&self.connection, incident)
    }

    /// When the next message that waits is to be tried.
    pub fn outbox_next_try_at(&self) -> Result<Option<Timestamp>> {
        outbox::next_try_at(&self.connection)
    }

    /// How many messages there are, by what became of them.
    pub fn outbox_counts(&self) -> Result<OutboxCounts> {
        outbox::counts(&self.connection)
    }

    /// How much room the record takes on disk.
    pub fn sizes(&self) -> Result<Sizes> {
        let doing = "can't read the size of the database";
        let number = |name: &str| -> Result<u64> {
            self.connection
                .query_row(&format!("PRAGMA {name}"), [], |r| r.get(0))
                .map(from_id)
                .map_err(Error::sqlite(doing))
        };
        let page = number("page_size")?;
        let wal = lock::beside(&self.path, "-wal");
        Ok(Sizes {
            database_bytes: number("page_count")?.saturating_mul(page),
            wal_bytes: wal.metadata().map_or(0, |m| m.len()),
            free_bytes: number("freelist_count")?.saturating_mul(page),
        })
    }
}

fn connect(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)
        .map_err(Error::sqlite("can't open the database to read it"))?;
    let doing = "can't prepare the database for reading";
    connection.busy_timeout(BUSY).map_err(Error::sqlite(doing))?;
    connection
        .pragma_update(None, "query_only", true)
        .map_err(Error::sqlite(doing))?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// A pool of [`Reader`]s. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Readers {
    inner: Arc<Pool>,
}

#[derive(Debug)]
struct Pool {
    path: PathBuf,
    tails: Tails,
    idle: Mutex<Vec<Reader>>,
}

impl Readers {
    pub(super) fn new(path: &Path, tails: Tails) -> Self {
        Self {
            inner: Arc::new(Pool {
                path: path.to_owned(),
                tails,
                idle: Mutex::new(Vec::new()),
            }),
        }
    }

    /// Lends a reader to `read`. Blocks: not for the async runtime.
    pub fn with<T>(&self, read: impl FnOnce(&Reader) -> Result<T>) -> Result<T> {
        let idle = self
            .inner
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let reader = match idle {
            Some(reader) => reader,
            None => Reader {
                connection: connect(&self.inner.path)?,
                path: self.inner.path.clone(),
                newest: Newest::Shared(self.inner.tails.clone()),
            },
        };
        let result = read(&reader);
        let mut idle = self.inner.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(reader);
        }
        drop(idle);
        result
    }

    /// Lends a reader to `read` on a thread that may block.
    ///
    /// # Cancel safety
    /// A reading that has begun goes on to its end; its result is dropped.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let pool = self.clone();
        tokio::task::spawn_blocking(move || pool.with(read))
            .await
            .unwrap_or(Err(Error::Closed))
    }
}
