//! What devices told about themselves: facts and interfaces.

use std::collections::BTreeMap;

use rusqlite::Connection;
use rusqlite::Row;
use rusqlite::params;

use super::batch::{DeviceFacts, DeviceInterfaces};
use super::error::{Error, Result};
use super::number::{from_id, opt_time, target, to_id};
use crate::model::{Count, Fact, TargetId, Timestamp};
use crate::monitor::snapshot::{InterfaceView, Told};

/// A fact as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFact {
    /// Key and value.
    pub fact: Fact,
    /// Since when it has this value.
    pub since: Timestamp,
    /// When the device told so last.
    pub seen_at: Timestamp,
}

/// An interface as it stands. Octets, errors and rates are not kept here: they
/// are history.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredInterface {
    /// What it is.
    pub view: InterfaceView,
    /// When it was seen first.
    pub first_seen: Timestamp,
    /// When it was seen last.
    pub last_seen: Timestamp,
    /// When a complete walk lacked it; `None`: it is there.
    pub gone_at: Option<Timestamp>,
}

pub(super) fn save_facts(c: &Connection, told: &DeviceFacts) -> rusqlite::Result<()> {
    let mut upsert = c.prepare_cached(
        "INSERT INTO fact (target, key, value, since, seen_at) VALUES (?1, ?2, ?3, ?4, ?4)
         ON CONFLICT (target, key) DO UPDATE SET
             since = CASE WHEN value = excluded.value THEN since ELSE excluded.since END,
             value = excluded.value, seen_at = excluded.seen_at",
    )?;
    for fact in &told.set {
        upsert.execute(params![told.target.0, fact.key, fact.value, told.at.0])?;
    }
    let mut withdraw = c.prepare_cached("DELETE FROM fact WHERE target = ?1 AND key = ?2")?;
    for key in &told.withdrawn {
        withdraw.execute(params![told.target.0, key])?;
    }
    Ok(())
}

pub(super) fn save_interfaces(c: &Connection, told: &DeviceInterfaces) -> rusqlite::Result<()> {
    let mut upsert = c.prepare_cached(
        "INSERT INTO interface (target, name, number, descr, alias, kind, mac, mtu, admin_up, oper_up,
                                speed_bps, changed_at, first_seen, last_seen)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?13)
         ON CONFLICT (target, name) DO UPDATE SET
             number = ?3, descr = coalesce(?4, descr), alias = coalesce(?5, alias), kind = coalesce(?6, kind),
             mac = coalesce(?7, mac), mtu = coalesce(?8, mtu), admin_up = coalesce(?9, admin_up),
             oper_up = coalesce(?10, oper_up), speed_bps = coalesce(?11, speed_bps),
             changed_at = coalesce(?12, changed_at), last_seen = ?13, gone_at = NULL",
    )?;
    for view in &told.rows {
        let texts = view.told();
        upsert.execute(params![
            told.target.0,
            view.name,
            view.index,
            texts.descr,
            texts.alias,
            texts.kind,
            texts.mac,
            view.mtu,
            view.admin_up,
            view.oper_up,
            view.speed_bps.map(|bps| to_id(bps.get())),
            view.changed_at.map(|at| Timestamp::from(at).0),
            told.at.0
        ])?;
    }
    if told.complete {
        let names: Vec<&str> = told.rows.iter().map(|view| &*view.name).collect();
        let names = serde_json::to_string(&names)
            .map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
        c.prepare_cached(
            "UPDATE interface SET gone_at = ?2
             WHERE target = ?1 AND gone_at IS NULL AND name NOT IN (SELECT value FROM json_each(?3))",
        )?
        .execute(params![told.target.0, told.at.0, names])?;
    }
    Ok(())
}

/// The facts of one device, or of all, by device and key.
pub(super) fn facts(c: &Connection, of: Option<TargetId>) -> Result<BTreeMap<TargetId, Vec<StoredFact>>> {
    let doing = "can't read facts";
    let mut statement = c
        .prepare_cached(
            "SELECT target, key, value, since, seen_at FROM fact
             WHERE (?1 IS NULL OR target = ?1) ORDER BY target, key",
        )
        .map_err(Error::sqlite(doing))?;
    let rows = statement
        .query_map([of.map(|t| t.0)], |row| {
            Ok((
                target(row.get(0)?),
                StoredFact {
                    fact: Fact {
                        key: row.get(1)?,
                        value: row.get(2)?,
                    },
                    since: Timestamp(row.get(3)?),
                    seen_at: Timestamp(row.get(4)?),
                },
            ))
        })
        .map_err(Error::sqlite(doing))?;
    group(rows, doing)
}

/// The interfaces of one device, or of all, by device and name.
pub(super) fn interfaces(
    c: &Connection,
    of: Option<TargetId>,
) -> Result<BTreeMap<TargetId, Vec<StoredInterface>>> {
    let doing = "can't read interfaces";
    let mut statement = c
        .prepare_cached(
            "SELECT target, name, number, descr, alias, kind, mac, mtu, admin_up, oper_up, speed_bps,
                    changed_at, first_seen, last_seen, gone_at
             FROM interface WHERE (?1 IS NULL OR target = ?1) ORDER BY target, name",
        )
        .map_err(Error::sqlite(doing))?;
    let rows = statement
        .query_map([of.map(|t| t.0)], read_interface)
        .map_err(Error::sqlite(doing))?;
    group(rows, doing)
}

fn group<T>(
    rows: impl Iterator<Item = rusqlite::Result<(TargetId, T)>>,
    doing: &'static str,
) -> Result<BTreeMap<TargetId, Vec<T>>> {
    let mut found: BTreeMap<TargetId, Vec<T>> = BTreeMap::new();
    for row in rows {
        let (of, row) = row.map_err(Error::sqlite(doing))?;
        found.entry(of).or_default().push(row);
    }
    Ok(found)
}

fn read_interface(row: &Row<'_>) -> rusqlite::Result<(TargetId, StoredInterface)> {
    let text = |column| -> rusqlite::Result<Option<&str>> { Ok(row.get_ref(column)?.as_str_or_null()?) };
    let texts = Told {
        descr: text(3)?,
        alias: text(4)?,
        kind: text(5)?,
        mac: text(6)?,
    };
    Ok((
        target(row.get(0)?),
        StoredInterface {
            view: InterfaceView {
                name: row.get(1)?,
                index: row.get(2)?,
                mtu: row.get(7)?,
                admin_up: row.get(8)?,
                oper_up: row.get(9)?,
                speed_bps: row.get::<_, Option<i64>>(10)?.map(|bps| Count::new(from_id(bps))),
                changed_at: opt_time(row.get(11)?).map(Into::into),
                ..InterfaceView::default()
            }
            .with(texts),
            first_seen: Timestamp(row.get(12)?),
            last_seen: Timestamp(row.get(13)?),
            gone_at: opt_time(row.get(14)?),
        },
    ))
}
