//! The event log and what follows from it: transitions and outages.
//!
//! The log is the truth. Outages and transitions are put into tables of their
//! own in the same transaction, and nothing else writes those.

use rusqlite::Connection;
use rusqlite::Row;
use rusqlite::params;
use rusqlite::types::ToSql;

use super::error::{Error, Result};
use super::number::{from_id, incident, opt_time, state, target, to_id};
use crate::model::{Event, EventKind, IncidentId, Reason, State, TargetId, Timestamp};
use crate::monitor::incident::IncidentClass;
use crate::monitor::interval::Interval;

/// Place of an event in the log: grows by commit, has gaps, is never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EventSequence(pub u64);

/// An event with its place in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// Its place.
    pub sequence: EventSequence,
    /// The event.
    pub event: Event,
}

/// Which events; every part that is set must fit.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// From this moment on.
    pub from: Option<Timestamp>,
    /// Before this moment.
    pub to: Option<Timestamp>,
    /// About this target.
    pub target: Option<TargetId>,
    /// Of one of these words ([`EventKind::as_str`]); empty: of any.
    pub kinds: Vec<String>,
    /// After this place in the log.
    pub after: Option<EventSequence>,
    /// At most so many.
    pub limit: Option<u32>,
    /// In which order.
    pub order: Order,
}

/// The order of events and outages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// By their place in the log, oldest first.
    #[default]
    Sequence,
    /// By their time, newest first.
    NewestFirst,
}

/// A change of state, from the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// Whose.
    pub target: TargetId,
    /// When the new state began.
    pub at: Timestamp,
    /// Before.
    pub from: State,
    /// After.
    pub to: State,
    /// Why.
    pub reason: Option<Reason>,
}

/// One outage.
#[derive(Debug, Clone, PartialEq)]
pub struct IncidentRow {
    /// Its number.
    pub id: IncidentId,
    /// Whose.
    pub target: TargetId,
    /// The target whose outage caused it, if it is not its own cause.
    pub root: Option<TargetId>,
    /// First failed probe.
    pub started_at: Timestamp,
    /// First good probe; `None`: it lasts.
    pub ended_at: Option<Timestamp>,
    /// Why.
    pub reason: Reason,
    /// What a person classified it as (`planned`, `power`, …).
    pub class: Option<String>,
    /// The acknowledgement in force.
    pub ack: Option<Acknowledgement>,
}

impl IncidentRow {
    /// When it lasted, up to `now`, and what a person classified it as, for
    /// [`crate::monitor::availability::Frame`]; `None`: nobody did.
    pub fn classified(&self, now: Timestamp) -> Option<(Interval, IncidentClass)> {
        let class = IncidentClass::from_word(self.class.as_deref()?)?;
        let span = Interval::new(self.started_at, self.ended_at.unwrap_or(now))?;
        Some((span, class))
    }
}

/// That a person has taken note of an outage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    /// Who.
    pub author: String,
    /// Why.
    pub comment: String,
    /// When.
    pub at: Timestamp,
    /// Until when; `None`: until it ends.
    pub until: Option<Timestamp>,
}

/// Which outages; every part that is set must fit.
#[derive(Debug, Clone, Default)]
pub struct IncidentFilter {
    /// Lasting at or after this moment.
    pub from: Option<Timestamp>,
    /// Begun before this moment.
    pub to: Option<Timestamp>,
    /// With this number.
    pub id: Option<IncidentId>,
    /// Of this target.
    pub target: Option<TargetId>,
    /// With this target as their root.
    pub root: Option<TargetId>,
    /// Only those that last.
    pub open: bool,
    /// At most so many.
    pub limit: Option<u32>,
    /// In which order: by number, or by their start, newest first.
    pub order: Order,
}

fn json<T: serde::Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))
}

/// Writes an event and what follows from it; returns its place. Part of the
/// writer's transaction.
pub(super) fn insert(c: &Connection, event: &Event) -> rusqlite::Result<EventSequence> {
    c.prepare_cached("INSERT INTO event (at, recorded_at, target, kind, body) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![
            event.at.0,
            event.recorded_at.0,
            event.target.map(|t| t.0),
            event.kind.as_str(),
            json(&event.kind)?
        ])?;
    let sequence = c.last_insert_rowid();
    project(c, event, sequence)?;
    Ok(EventSequence(from_id(sequence)))
}

fn project(c: &Connection, event: &Event, sequence: i64) -> rusqlite::Result<()> {
    match &event.kind {
        EventKind::StateChanged { from, to, reason } => {
            c.prepare_cached(
                "INSERT INTO transition (target, at, event, from_state, to_state, reason)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                event.target.map(|t| t.0),
                event.at.0,
                sequence,
                from.code(),
                to.code(),
                reason.as_ref().map(json).transpose()?
            ])?;
        }
        EventKind::OutageOpened {
            incident,
            root,
            reason,
        } => {
            c.prepare_cached(
                "INSERT INTO incident (id, target, root, started_at, reason) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                to_id(incident.0),
                event.target.map(|t| t.0),
                root.map(|t| t.0),
                event.at.0,
                json(reason)?
            ])?;
        }
        EventKind::OutageRerooted { incident, root } => {
            c.prepare_cached("UPDATE incident SET root = ?2 WHERE id = ?1")?
                .execute(params![to_id(incident.0), root.map(|t| t.0)])?;
        }
        EventKind::OutageClosed { incident, .. } => {
            // A clock that stepped back gives no outage of negative length (trap 24).
            c.prepare_cached("UPDATE incident SET ended_at = max(?2, started_at) WHERE id = ?1")?
                .execute(params![to_id(incident.0), event.at.0])?;
        }
        EventKind::Acknowledged {
            incident,
            author,
            comment,
            until,
        } => {
            c.prepare_cached(
                "UPDATE incident SET ack_author = ?2, ack_comment = ?3, ack_at = ?4, ack_until = ?5
                 WHERE id = ?1",
            )?
            .execute(params![
                to_id(incident.0),
                author,
                comment,
                event.at.0,
                until.map(|t| t.0)
            ])?;
        }
        EventKind::AcknowledgementEnded { incident, .. } => {
            c.prepare_cached(
                "UPDATE incident SET ack_author = NULL, ack_comment = NULL, ack_at = NULL, ack_until = NULL
                 WHERE id = ?1",
            )?
            .execute([to_id(incident.0)])?;
        }
        EventKind::Reclassified { incident, class, .. } => {
            c.prepare_cached("UPDATE incident SET class = ?2 WHERE id = ?1")?
                .execute(params![to_id(incident.0), class])?;
        }
        EventKind::FlappingStarted
        | EventKind::FlappingStopped
        | EventKind::BlindStarted
        | EventKind::BlindEnded { .. }
        | EventKind::DaemonStarted { .. }
        | EventKind::DaemonStopped
        | EventKind::FactChanged { .. }
        | EventKind::InterfaceChanged { .. }
        | EventKind::Rebooted
        | EventKind::Finding { .. }
        | EventKind::MaintenanceStarted { .. }
        | EventKind::MaintenanceEnded { .. }
        | EventKind::SilenceStarted { .. }
        | EventKind::SilenceEnded { .. }
        | EventKind::InventoryAdded
        | EventKind::InventoryGone
        | EventKind::InventoryChanged { .. }
        | EventKind::ForbiddenSeen { .. } => {}
    }
    Ok(())
}

/// A list of conditions with their values, joined by AND.
#[derive(Default)]
struct Conditions {
    sql: Vec<String>,
    values: Vec<Box<dyn ToSql>>,
}

impl Conditions {
    /// Adds a condition in which `?` stands for the value.
    fn add(&mut self, sql: &str, value: impl ToSql + 'static) {
        self.values.push(Box::new(value));
        self.sql
            .push(sql.replace('?', &format!("?{}", self.values.len())));
    }

    fn sql(&self) -> String {
        if self.sql.is_empty() {
            String::new()
        } else {
            format!("WHERE {}", self.sql.join(" AND "))
        }
    }

    fn values(&self) -> Vec<&dyn ToSql> {
        self.values.iter().map(AsRef::as_ref).collect()
    }
}

fn limit_of(limit: Option<u32>) -> i64 {
    limit.map_or(-1, i64::from)
}

fn parse<T: serde::de::DeserializeOwned>(table: &'static str, row: &impl ToString, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|source| Error::Row {
        table,
        row: row.to_string(),
        source,
    })
}

/// Calls `each` for every event that fits, one at a time, without holding them all.
pub(super) fn each(
    c: &Connection,
    filter: &EventFilter,
    mut each: impl FnMut(StoredEvent) -> Result<()>,
) -> Result<()> {
    let doing = "can't read events";
    let mut where_ = Conditions::default();
    if let Some(from) = filter.from {
        where_.add("at >= ?", from.0);
    }
    if let Some(to) = filter.to {
        where_.add("at < ?", to.0);
    }
    if let Some(of) = filter.target {
        where_.add("target = ?", of.0);
    }
    if let Some(after) = filter.after {
        where_.add("sequence > ?", to_id(after.0));
    }
    if !filter.kinds.is_empty() {
        where_.add(
            "kind IN (SELECT value FROM json_each(?))",
            json(&filter.kinds).map_err(Error::sqlite(doing))?,
        );
    }
    let order = match filter.order {
        Order::Sequence => "sequence",
        Order::NewestFirst => "at DESC, sequence DESC",
    };
    let sql = format!(
        "SELECT sequence, at, recorded_at, target, body FROM event {} ORDER BY {order} LIMIT {}",
        where_.sql(),
        limit_of(filter.limit)
    );
    let mut statement = c.prepare_cached(&sql).map_err(Error::sqlite(doing))?;
    let mut rows = statement
        .query(where_.values().as_slice())
        .map_err(Error::sqlite(doing))?;
    while let Some(row) = rows.next().map_err(Error::sqlite(doing))? {
        let (mut stored, body) = read_event(row).map_err(Error::sqlite(doing))?;
        stored.event.kind = parse("event", &stored.sequence.0, &body)?;
        each(stored)?;
    }
    Ok(())
}

fn read_event(row: &Row<'_>) -> rusqlite::Result<(StoredEvent, String)> {
    let stored = StoredEvent {
        sequence: EventSequence(from_id(row.get(0)?)),
        event: Event {
            at: Timestamp(row.get(1)?),
            recorded_at: Timestamp(row.get(2)?),
            target: row.get::<_, Option<i64>>(3)?.map(target),
            kind: EventKind::DaemonStopped,
        },
    };
    Ok((stored, row.get(4)?))
}

/// The place of the newest event; 0 if there is none.
pub(super) fn last_sequence(c: &Connection) -> Result<EventSequence> {
    c.query_row("SELECT coalesce(max(sequence), 0) FROM event", [], |r| r.get(0))
        .map(|n| EventSequence(from_id(n)))
        .map_err(Error::sqlite("can't read events"))
}

/// Outages that fit.
pub(super) fn incidents(c: &Connection, filter: &IncidentFilter) -> Result<Vec<IncidentRow>> {
    let doing = "can't read outages";
    let mut where_ = Conditions::default();
    if filter.open {
        where_.sql.push("ended_at IS NULL".to_owned());
    } else if let Some(from) = filter.from {
        where_.add("(ended_at IS NULL OR ended_at >= ?)", from.0);
    }
    if let Some(to) = filter.to {
        where_.add("started_at < ?", to.0);
    }
    if let Some(id) = filter.id {
        where_.add("id = ?", to_id(id.0));
    }
    if let Some(of) = filter.target {
        where_.add("target = ?", of.0);
    }
    if let Some(root) = filter.root {
        where_.add("root = ?", root.0);
    }
    let order = match filter.order {
        Order::Sequence => "id",
        Order::NewestFirst => "started_at DESC, id DESC",
    };
    let sql = format!(
        "SELECT id, target, root, started_at, ended_at, reason, class, ack_author, ack_comment, ack_at, ack_until
         FROM incident {} ORDER BY {order} LIMIT {}",
        where_.sql(),
        limit_of(filter.limit)
    );
    let mut statement = c.prepare_cached(&sql).map_err(Error::sqlite(doing))?;
    let rows = statement
        .query_map(where_.values().as_slice(), read_incident)
        .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
        .map_err(Error::sqlite(doing))?;
    rows.into_iter()
        .map(|(mut row, reason)| {
            row.reason = parse("incident", &row.id, &reason)?;
            Ok(row)
        })
        .collect()
}

fn read_incident(row: &Row<'_>) -> rusqlite::Result<(IncidentRow, String)> {
    let author: Option<String> = row.get(7)?;
    let ack = match author {
        Some(author) => Some(Acknowledgement {
            author,
            comment: row.get::<_, Option<String>>(8)?.unwrap_or_default(),
            at: Timestamp(row.get::<_, Option<i64>>(9)?.unwrap_or_default()),
            until: opt_time(row.get(10)?),
        }),
        None => None,
    };
    let found = IncidentRow {
        id: incident(row.get(0)?),
        target: target(row.get(1)?),
        root: row.get::<_, Option<i64>>(2)?.map(target),
        started_at: Timestamp(row.get(3)?),
        ended_at: opt_time(row.get(4)?),
        reason: Reason::NotPolled,
        class: row.get(6)?,
        ack,
    };
    Ok((found, row.get(5)?))
}

/// The number for the next outage.
pub(super) fn next_incident(c: &Connection) -> Result<IncidentId> {
    c.query_row("SELECT coalesce(max(id), 0) + 1 FROM incident", [], |r| r.get(0))
        .map(incident)
        .map_err(Error::sqlite("can't read outages"))
}

/// Changes of state in `from..to`, by target and time; each target's last one
/// before `from` comes first, so that its state at `from` is known.
pub(super) fn transitions(
    c: &Connection,
    of: Option<TargetId>,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Transition>> {
    let doing = "can't read transitions";
    let mut statement = c
        .prepare_cached(
            "SELECT t.target, t.at, t.from_state, t.to_state, t.reason
             FROM target AS x CROSS JOIN transition AS t ON t.target = x.id
             WHERE (?1 IS NULL OR x.id = ?1) AND t.at < ?3
               AND t.at >= coalesce(
                   (SELECT max(b.at) FROM transition AS b WHERE b.target = x.id AND b.at < ?2), ?2)
             ORDER BY t.target, t.at, t.event",
        )
        .map_err(Error::sqlite(doing))?;
    let rows = statement
        .query_map(params![of.map(|t| t.0), from.0, to.0], |row| {
            Ok((
                Transition {
                    target: target(row.get(0)?),
                    at: Timestamp(row.get(1)?),
                    from: state(row.get(2)?),
                    to: state(row.get(3)?),
                    reason: None,
                },
                row.get::<_, Option<String>>(4)?,
            ))
        })
        .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
        .map_err(Error::sqlite(doing))?;
    rows.into_iter()
        .map(|(mut found, reason)| {
            found.reason = reason
                .map(|text| parse("transition", &found.target, &text))
                .transpose()?;
            Ok(found)
        })
        .collect()
}
