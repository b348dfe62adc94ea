//! What is to be told to whom: rows that are committed together with the event
//! that they tell of, and that stay until they are delivered.
//!
//! A row refers to the outage; its text is rendered at sending. An end that is
//! committed before its start was ever tried cancels the start, and then no end
//! is told either; once the start was tried, both are told, however late
//! (trap 22).

use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::Row;
use rusqlite::params;

use super::error::{Error, Result};
use super::number::{from_id, incident, opt_time, to_id};
use crate::model::{IncidentId, Timestamp};

/// The number of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutboxId(pub i64);

/// A message to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// The name of the receiver in the configuration.
    pub receiver: String,
    /// What it tells: a word of the alert part (`outage_opened`, `outage_closed`, …).
    pub kind: String,
    /// The outage that it tells of, if it is about one.
    pub incident: Option<IncidentId>,
    /// When it may be sent.
    pub due_at: Timestamp,
    /// When it was planned.
    pub created_at: Timestamp,
    /// What the alert part wants back, as it gave it (JSON).
    pub payload: String,
}

/// A change of the outbox, to be committed with its event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutboxChange {
    /// A new message.
    Insert(NewMessage),
    /// The start of an outage, unless that receiver has one already that is not
    /// cancelled: it may be planned again when maintenance or flapping ends (trap 21).
    InsertOnce(NewMessage),
    /// The end of an outage: for that receiver, messages of `start_kind` about
    /// the same outage that were never tried are cancelled. The message is
    /// inserted only if such a message was tried or sent: who was not told of
    /// the start is not told of the end.
    InsertEnd {
        /// The message of the end; without an incident it is inserted as it is.
        message: NewMessage,
        /// The word of the message that told of the start.
        start_kind: String,
    },
    /// An outage turns out to be a consequence of another: it joins the untold
    /// and told rows of the root, and its own rows that were never tried are cancelled.
    Join {
        /// The consequence.
        incident: IncidentId,
        /// The cause.
        root: IncidentId,
        /// When.
        at: Timestamp,
    },
    /// Messages about an outage that were never tried are not to be sent.
    Cancel {
        /// The outage.
        incident: IncidentId,
        /// Only messages of this word; `None`: all.
        kind: Option<String>,
        /// When.
        at: Timestamp,
    },
    /// One row is not to be sent (a reload planned anew).
    CancelRow {
        /// The row.
        id: OutboxId,
        /// When.
        at: Timestamp,
    },
    /// One row's time changes (a reload planned anew).
    Reschedule {
        /// The row.
        id: OutboxId,
        /// When it may be sent.
        due_at: Timestamp,
    },
    /// It is being delivered now: recorded before the attempt.
    Trying {
        /// The row.
        id: OutboxId,
        /// When.
        at: Timestamp,
    },
    /// It was delivered.
    Sent {
        /// The row.
        id: OutboxId,
        /// When.
        at: Timestamp,
    },
    /// It could not be delivered; to be tried again.
    Failed {
        /// The row.
        id: OutboxId,
        /// When to try again.
        next_try_at: Timestamp,
        /// Why.
        error: String,
    },
    /// The receiver will never take it.
    Refused {
        /// The row.
        id: OutboxId,
        /// When.
        at: Timestamp,
        /// Why.
        error: String,
    },
}

/// A row as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// Its number; numbers grow with time.
    pub id: OutboxId,
    /// The name of the receiver in the configuration.
    pub receiver: String,
    /// What it tells.
    pub kind: String,
    /// The outage that it tells of, if it is about one.
    pub incident: Option<IncidentId>,
    /// All outages that it tells of, its own first, then those that joined.
    pub incidents: Vec<IncidentId>,
    /// What the alert part gave.
    pub payload: String,
    /// When it was planned.
    pub created_at: Timestamp,
    /// When it may be sent first.
    pub due_at: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was tried last.
    pub tried_at: Option<Timestamp>,
    /// When it is to be tried next.
    pub next_try_at: Timestamp,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// When it was delivered.
    pub sent_at: Option<Timestamp>,
    /// When the receiver refused it for good.
    pub refused_at: Option<Timestamp>,
    /// When it was cancelled.
    pub cancelled_at: Option<Timestamp>,
}

/// How many rows there are, by what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutboxCounts {
    /// Waiting, due or not.
    pub waiting: u64,
    /// Delivered.
    pub sent: u64,
    /// Refused for good.
    pub refused: u64,
    /// Cancelled.
    pub cancelled: u64,
}

const WAITING: &str = "sent_at IS NULL AND refused_at IS NULL AND cancelled_at IS NULL";

fn insert(c: &Connection, m: &NewMessage) -> rusqlite::Result<()> {
    let mut statement = c.prepare_cached(
        "INSERT INTO outbox (receiver, kind, incident, payload, created_at, due_at, next_try_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)",
    )?;
    let own = m.incident.map(|i| to_id(i.0));
    statement.execute(params![
        m.receiver,
        m.kind,
        own,
        m.payload,
        m.created_at.0,
        m.due_at.0
    ])?;
    if let Some(own) = own {
        let row = c.last_insert_rowid();
        c.prepare_cached("INSERT INTO outbox_incident (outbox, incident) VALUES (?1, ?2)")?
            .execute(params![row, own])?;
    }
    Ok(())
}

fn insert_once(c: &Connection, message: &NewMessage) -> rusqlite::Result<()> {
    let known: i64 = c
        .prepare_cached(
            "SELECT count(*) FROM outbox
             WHERE incident = ?1 AND receiver = ?2 AND kind = ?3 AND cancelled_at IS NULL",
        )?
        .query_row(
            params![
                message.incident.map(|i| to_id(i.0)),
                message.receiver,
                message.kind
            ],
            |r| r.get(0),
        )?;
    if known == 0 { insert(c, message) } else { Ok(()) }
}

fn insert_end(c: &Connection, message: &NewMessage, start_kind: &str) -> rusqlite::Result<()> {
    let Some(own) = message.incident else {
        return insert(c, message);
    };
    let own = to_id(own.0);
    let told: i64 = c
        .prepare_cached(
            "SELECT count(*) FROM outbox
             WHERE incident = ?1 AND receiver = ?2 AND kind = ?3 AND cancelled_at IS NULL
               AND (attempts > 0 OR sent_at IS NOT NULL)",
        )?
        .query_row(params![own, message.receiver, start_kind], |r| r.get(0))?;
    c.prepare_cached(&format!(
        "UPDATE outbox SET cancelled_at = ?4
         WHERE incident = ?1 AND receiver = ?2 AND kind = ?3 AND attempts = 0 AND {WAITING}"
    ))?
    .execute(params![own, message.receiver, start_kind, message.created_at.0])?;
    if told > 0 { insert(c, message) } else { Ok(()) }
}

/// Applies one change. Part of the writer's transaction.
pub(super) fn apply(c: &Connection, change: &OutboxChange) -> rusqlite::Result<()> {
    match change {
        OutboxChange::Insert(message) => insert(c, message)?,
        OutboxChange::InsertOnce(message) => insert_once(c, message)?,
        OutboxChange::InsertEnd { message, start_kind } => insert_end(c, message, start_kind)?,
        OutboxChange::Join { incident, root, at } => {
            c.prepare_cached(
                "INSERT OR IGNORE INTO outbox_incident (outbox, incident)
                 SELECT id, ?1 FROM outbox WHERE incident = ?2 AND cancelled_at IS NULL",
            )?
            .execute(params![to_id(incident.0), to_id(root.0)])?;
            c.prepare_cached(&format!(
                "UPDATE outbox SET cancelled_at = ?2 WHERE incident = ?1 AND attempts = 0 AND {WAITING}"
            ))?
            .execute(params![to_id(incident.0), at.0])?;
        }
        OutboxChange::Cancel { incident, kind, at } => {
            c.prepare_cached(&format!(
                "UPDATE outbox SET cancelled_at = ?3
                 WHERE incident = ?1 AND (?2 IS NULL OR kind = ?2) AND attempts = 0 AND {WAITING}"
            ))?
            .execute(params![to_id(incident.0), kind, at.0])?;
        }
        OutboxChange::CancelRow { id, at } => {
            c.prepare_cached(&format!(
                "UPDATE outbox SET cancelled_at = ?2 WHERE id = ?1 AND {WAITING}"
            ))?
            .execute(params![id.0, at.0])?;
        }
        OutboxChange::Reschedule { id, due_at } => {
            c.prepare_cached(&format!(
                "UPDATE outbox SET due_at = ?2, next_try_at = ?2
                 WHERE id = ?1 AND attempts = 0 AND {WAITING}"
            ))?
            .execute(params![id.0, due_at.0])?;
        }
        OutboxChange::Trying { id, at } => {
            c.prepare_cached("UPDATE outbox SET attempts = attempts + 1, tried_at = ?2 WHERE id = ?1")?
                .execute(params![id.0, at.0])?;
        }
        OutboxChange::Sent { id, at } => {
            c.prepare_cached("UPDATE outbox SET sent_at = ?2, error = NULL WHERE id = ?1")?
                .execute(params![id.0, at.0])?;
        }
        OutboxChange::Failed {
            id,
            next_try_at,
            error,
        } => {
            c.prepare_cached("UPDATE outbox SET next_try_at = ?2, error = ?3 WHERE id = ?1")?
                .execute(params![id.0, next_try_at.0, error])?;
        }
        OutboxChange::Refused { id, at, error } => {
            c.prepare_cached("UPDATE outbox SET refused_at = ?2, error = ?3 WHERE id = ?1")?
                .execute(params![id.0, at.0, error])?;
        }
    }
    Ok(())
}

const COLUMNS: &str = "id, receiver, kind, incident, payload, created_at, due_at, attempts, tried_at, \
                       next_try_at, error, sent_at, refused_at, cancelled_at";

fn read_row(row: &Row<'_>) -> rusqlite::Result<OutboxRow> {
    Ok(OutboxRow {
        id: OutboxId(row.get(0)?),
        receiver: row.get(1)?,
        kind: row.get(2)?,
        incident: row.get::<_, Option<i64>>(3)?.map(incident),
        incidents: Vec::new(),
        payload: row.get(4)?,
        created_at: Timestamp(row.get(5)?),
        due_at: Timestamp(row.get(6)?),
        attempts: row.get(7)?,
        tried_at: opt_time(row.get(8)?),
        next_try_at: Timestamp(row.get(9)?),
        error: row.get(10)?,
        sent_at: opt_time(row.get(11)?),
        refused_at: opt_time(row.get(12)?),
        cancelled_at: opt_time(row.get(13)?),
    })
}

fn collect(c: &Connection, tail: &str, params: impl rusqlite::Params) -> Result<Vec<OutboxRow>> {
    let doing = "can't read the outbox";
    let mut statement = c
        .prepare_cached(&format!("SELECT {COLUMNS} FROM outbox {tail}"))
        .map_err(Error::sqlite(doing))?;
    let mut rows = statement
        .query_map(params, read_row)
        .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
        .map_err(Error::sqlite(doing))?;
    let mut joined = c
        .prepare_cached("SELECT incident FROM outbox_incident WHERE outbox = ?1 ORDER BY incident")
        .map_err(Error::sqlite(doing))?;
    for row in &mut rows {
        let all = joined
            .query_map([row.id.0], |r| r.get(0).map(incident))
            .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
            .map_err(Error::sqlite(doing))?;
        row.incidents = row.incident.into_iter().collect();
        row.incidents
            .extend(all.into_iter().filter(|i| Some(*i) != row.incident));
    }
    Ok(rows)
}

/// Rows that wait and whose time has come, oldest first.
pub(super) fn due(c: &Connection, now: Timestamp, limit: u32) -> Result<Vec<OutboxRow>> {
    collect(
        c,
        &format!("WHERE {WAITING} AND next_try_at <= ?1 ORDER BY due_at, id LIMIT ?2"),
        params![now.0, limit],
    )
}

/// Rows that wait, whenever their time comes, oldest first.
pub(super) fn waiting(c: &Connection, limit: u32) -> Result<Vec<OutboxRow>> {
    collect(
        c,
        &format!("WHERE {WAITING} ORDER BY due_at, id LIMIT ?1"),
        [limit],
    )
}

/// Every row that tells of an outage, oldest first.
pub(super) fn of_incident(c: &Connection, of: IncidentId) -> Result<Vec<OutboxRow>> {
    collect(
        c,
        "WHERE id IN (SELECT outbox FROM outbox_incident WHERE incident = ?1) ORDER BY id",
        [to_id(of.0)],
    )
}

/// When the next row that waits is to be tried.
pub(super) fn next_try_at(c: &Connection) -> Result<Option<Timestamp>> {
    c.query_row(
        &format!("SELECT min(next_try_at) FROM outbox WHERE {WAITING}"),
        [],
        |r| r.get(0),
    )
    .optional()
    .map(|found| opt_time(found.flatten()))
    .map_err(Error::sqlite("can't read the outbox"))
}

/// How many rows there are.
pub(super) fn counts(c: &Connection) -> Result<OutboxCounts> {
    c.query_row(
        "SELECT count(*) - count(sent_at) - count(refused_at) - count(cancelled_at),
                count(sent_at), count(refused_at), count(cancelled_at) FROM outbox",
        [],
        |r| {
            Ok(OutboxCounts {
                waiting: from_id(r.get(0)?),
                sent: from_id(r.get(1)?),
                refused: from_id(r.get(2)?),
                cancelled: from_id(r.get(3)?),
            })
        },
    )
    .map_err(Error::sqlite("can't count the outbox"))
}
