//! What the monitor wants back after a restart: soft states, running sums, and
//! small values of the daemon itself.

use std::collections::BTreeMap;

use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::params;

use super::batch::SavedState;
use super::error::{Error, Result};
use super::number::{from_id, from_micros, state, target, to_id, to_micros};
use crate::model::{TargetId, Timestamp};
use crate::monitor::snapshot::Totals;

/// Names of the settings that the record itself keeps.
pub mod setting {
    /// The moment up to which everything that was seen is on record.
    pub const ALIVE_AT: &str = "store.alive_at";
    /// What was last done about a damaged database.
    pub const SALVAGED: &str = "store.salvaged";
    /// The wall time of the last retention run, against clocks that jump.
    pub const RETAINED_AT: &str = "store.retained_at";
}

pub(super) fn save(c: &Connection, saved: &SavedState) -> rusqlite::Result<()> {
    let reason = saved
        .reason
        .as_ref()
        .map(serde_json::to_string)
        .transpose()
        .map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
    c.prepare_cached(
        "INSERT INTO saved_state (target, state, since, reason, body) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (target) DO UPDATE SET state = ?2, since = ?3, reason = ?4, body = ?5",
    )?
    .execute(params![
        saved.target.0,
        saved.state.code(),
        saved.since.0,
        reason,
        saved.body
    ])?;
    Ok(())
}

pub(super) fn load(c: &Connection) -> Result<Vec<SavedState>> {
    let doing = "can't read the saved states";
    let mut statement = c
        .prepare_cached("SELECT target, state, since, reason, body FROM saved_state ORDER BY target")
        .map_err(Error::sqlite(doing))?;
    let rows = statement
        .query_map([], |row| {
            Ok((
                SavedState {
                    target: target(row.get(0)?),
                    state: state(row.get(1)?),
                    since: Timestamp(row.get(2)?),
                    reason: None,
                    body: row.get(4)?,
                },
                row.get::<_, Option<String>>(3)?,
            ))
        })
        .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
        .map_err(Error::sqlite(doing))?;
    rows.into_iter()
        .map(|(mut saved, reason)| {
            saved.reason = reason
                .map(|text| serde_json::from_str(&text))
                .transpose()
                .map_err(|source| Error::Row {
                    table: "saved_state",
                    row: saved.target.to_string(),
                    source,
                })?;
            Ok(saved)
        })
        .collect()
}

pub(super) fn save_totals(c: &Connection, of: TargetId, totals: &Totals) -> rusqlite::Result<()> {
    // Taken apart completely, so that a new field is not forgotten here.
    let Totals {
        outages,
        outage,
        observed,
        reboots,
        echo_sent,
        echo_received,
        rtt_sum,
    } = *totals;
    c.prepare_cached(
        "INSERT INTO totals (target, outages, outage, observed, reboots, echo_sent, echo_received, rtt_sum)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (target) DO UPDATE SET outages = ?2, outage = ?3, observed = ?4, reboots = ?5,
             echo_sent = ?6, echo_received = ?7, rtt_sum = ?8",
    )?
    .execute(params![
        of.0,
        to_id(outages),
        to_micros(outage),
        to_micros(observed),
        to_id(reboots),
        to_id(echo_sent),
        to_id(echo_received),
        to_micros(rtt_sum)
    ])?;
    Ok(())
}

pub(super) fn load_totals(c: &Connection) -> Result<BTreeMap<TargetId, Totals>> {
    let doing = "can't read the running sums";
    let mut statement = c
        .prepare_cached(
            "SELECT target, outages, outage, observed, reboots, echo_sent, echo_received, rtt_sum FROM totals",
        )
        .map_err(Error::sqlite(doing))?;
    statement
        .query_map([], |row| {
            Ok((
                target(row.get(0)?),
                Totals {
                    outages: from_id(row.get(1)?),
                    outage: from_micros(row.get(2)?),
                    observed: from_micros(row.get(3)?),
                    reboots: from_id(row.get(4)?),
                    echo_sent: from_id(row.get(5)?),
                    echo_received: from_id(row.get(6)?),
                    rtt_sum: from_micros(row.get(7)?),
                },
            ))
        })
        .and_then(Iterator::collect::<rusqlite::Result<BTreeMap<_, _>>>)
        .map_err(Error::sqlite(doing))
}

pub(super) fn set(c: &Connection, key: &str, value: &[u8]) -> rusqlite::Result<()> {
    c.prepare_cached(
        "INSERT INTO setting (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2",
    )?
    .execute(params![key, value])?;
    Ok(())
}

pub(super) fn get(c: &Connection, key: &str) -> Result<Option<Vec<u8>>> {
    c.prepare_cached("SELECT value FROM setting WHERE key = ?1")
        .and_then(|mut s| s.query_row([key], |r| r.get(0)).optional())
        .map_err(Error::sqlite("can't read a setting"))
}

pub(super) fn set_time(c: &Connection, key: &str, at: Timestamp) -> rusqlite::Result<()> {
    set(c, key, at.0.to_string().as_bytes())
}

/// A moment among the settings; what can't be read as one counts as absent.
pub(super) fn get_time(c: &Connection, key: &str) -> Result<Option<Timestamp>> {
    let found = get(c, key)?;
    Ok(found
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| text.parse().ok())
        .map(Timestamp))
}
