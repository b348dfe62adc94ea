//! What the configuration declares laid over what people, imports and devices
//! recorded, with what changed by that; nothing deleted.

use std::collections::BTreeMap;

use rusqlite::Connection;
use rusqlite::params;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::error::Error;
use super::super::error::Result;
use super::super::event;
use super::super::number::target;
use super::DOING;
use super::Id;
use super::Row;
use super::Table;
use super::document;
use super::key;
use super::parse;
use super::rows;
use crate::inventory::Inventory;
use crate::inventory::Site;
use crate::model::Event;
use crate::model::EventKind;
use crate::model::SiteId;
use crate::model::TargetId;
use crate::model::TargetKey;
use crate::model::TargetKind;
use crate::model::Timestamp;

/// What [`crate::store::Store::sync_inventory`] made of the configuration.
#[derive(Debug, Clone)]
pub struct Synced {
    /// The number of every entry with a state that is in the inventory now.
    pub index: BTreeMap<TargetKey, TargetId>,
    /// Declared and recorded entries, in one.
    pub inventory: Inventory,
    /// What changed. These events are on record already.
    pub events: Vec<Event>,
}

/// Entries from which on another thread is worth its start.
const LONG: usize = 1_000;

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => map.values().any(says_something),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

/// Lays the declared document over the recorded one: the file wins for what it sets.
fn lay_over(table: Table, row: &str, declared: &str, recorded: Option<&str>) -> Result<String> {
    let Some(recorded) = recorded else {
        return Ok(declared.to_owned());
    };
    let mut merged = document(table, row, recorded)?;
    for (key, value) in document(table, row, declared)? {
        if says_something(&value) || !merged.contains_key(&key) {
            merged.insert(key, value);
        }
    }
    Ok(Value::Object(merged).to_string())
}

/// One pass over the inventory, in the writer's transaction.
struct Pass<'a> {
    c: &'a Connection,
    now: Timestamp,
    events: Vec<Event>,
    index: BTreeMap<TargetKey, TargetId>,
}

impl Pass<'_> {
    fn tell(&mut self, number: Option<TargetId>, kind: EventKind) {
        self.events.push(Event {
            at: self.now,
            recorded_at: self.now,
            target: number,
            kind,
        });
    }

    /// Tells, field by field, what changed. Sites and units have no number: their
    /// field carries their table and id.
    fn tell_changes(
        &mut self,
        table: Table,
        id: &str,
        number: Option<TargetId>,
        old: &str,
        new: &str,
    ) -> Result<()> {
        let old = document(table, id, old)?;
        let new = document(table, id, new)?;
        let show = |value: Option<&Value>| match value {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(other) => says_something(other).then(|| other.to_string()),
        };
        let fields: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for field in fields {
            let (before, after) = (show(old.get(field)), show(new.get(field)));
            if before == after || field == "origin" {
                continue;
            }
            let field = match table {
                Table::Target(_) => field.clone(),
                Table::Unit | Table::Site => format!("{}/{id}.{field}", table.name()),
            };
            self.tell(
                number,
                EventKind::InventoryChanged {
                    field,
                    old: before,
                    new: after,
                    source: "config".to_owned(),
                },
            );
        }
        Ok(())
    }

    /// The permanent number of a new name.
    fn number(&self, kind: TargetKind, slug: &str) -> Result<TargetId> {
        self.c
            .prepare_cached("INSERT INTO target (kind, slug, added_at) VALUES (?1, ?2, ?3)")
            .and_then(|mut s| s.execute(params![kind.as_str(), slug, self.now.0]))
            .map_err(Error::sqlite(DOING))?;
        Ok(target(self.c.last_insert_rowid()))
    }

    fn write(
        &self,
        table: Table,
        id: &str,
        number: Option<TargetId>,
        declared: Option<&str>,
        body: &str,
    ) -> Result<()> {
        let name = table.name();
        let wrote = match number {
            None => self
                .c
                .prepare_cached(&format!(
                    "INSERT INTO {name} (id, declared, body, changed_at) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (id) DO UPDATE SET declared = ?2, body = ?3, changed_at = ?4, gone_at = NULL"
                ))
                .and_then(|mut s| s.execute(params![id, declared, body, self.now.0])),
            Some(number) => self
                .c
                .prepare_cached(&format!(
                    "INSERT INTO {name} (target, declared, body, changed_at) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (target) DO UPDATE SET declared = ?2, body = ?3, changed_at = ?4"
                ))
                .and_then(|mut s| s.execute(params![number.0, declared, body, self.now.0])),
        };
        wrote.map(drop).map_err(Error::sqlite(DOING))
    }

    fn mark_gone(&self, table: Table, id: &str, number: Option<TargetId>, gone: bool) -> Result<()> {
        let when = gone.then_some(self.now.0);
        let wrote = match number {
            Some(number) => self
                .c
                .prepare_cached("UPDATE target SET gone_at = ?2 WHERE id = ?1")
                .and_then(|mut s| s.execute(params![number.0, when])),
            None => self
                .c
                .prepare_cached(&format!("UPDATE {} SET gone_at = ?2 WHERE id = ?1", table.name()))
                .and_then(|mut s| s.execute(params![id, when])),
        };
        wrote.map(drop).map_err(Error::sqlite(DOING))
    }

    /// Brings the entries of one table on record; gives back all that are in the
    /// inventory now, and puts their numbers into the index.
    fn entries<K: Id, T: Serialize + DeserializeOwned + Sync>(
        &mut self,
        table: Table,
        declared: BTreeMap<K, T>,
    ) -> Result<BTreeMap<K, T>> {
        let written = |declared: &BTreeMap<K, T>| -> Result<Vec<String>> {
            let texts = declared.iter().map(|(key, entry)| {
                serde_json::to_string(entry).map_err(|source| Error::Row {
                    table: table.name(),
                    row: key.slug().to_string(),
                    source,
                })
            });
            texts.collect()
        };
        // A long list is written out beside the reading.
        let (known, texts) = std::thread::scope(|scope| {
            let writing = (declared.len() >= LONG).then(|| scope.spawn(|| written(&declared)));
            let known = rows(self.c, table);
            let texts = match writing.map(std::thread::ScopedJoinHandle::join) {
                Some(Ok(texts)) => texts,
                // It broke off there: let it do so here, where it is seen.
                Some(Err(_)) | None => written(&declared),
            };
            (known, texts)
        });
        let mut known = known?;
        let mut all = BTreeMap::new();
        for ((key, entry), text) in declared.into_iter().zip(texts?) {
            let id = key.slug().as_str();
            let number = match known.remove(id) {
                Some(row) if row.declared.as_deref() == Some(&text) && !row.gone => {
                    let entry = match &row.body {
                        // Nobody else knows anything of it: it is as it was declared.
                        None => entry,
                        Some(body) => parse(table, id, body)?,
                    };
                    self.index(table, &key, row.number);
                    all.insert(key, entry);
                    continue;
                }
                Some(row) => {
                    let body = lay_over(table, id, &text, row.recorded.as_deref())?;
                    self.write(table, id, row.number, Some(&text), &body)?;
                    if row.gone {
                        self.mark_gone(table, id, row.number, false)?;
                        if row.number.is_some() {
                            self.tell(row.number, EventKind::InventoryAdded);
                        }
                    }
                    self.tell_changes(table, id, row.number, row.body(), &body)?;
                    all.insert(key.clone(), parse(table, id, &body)?);
                    row.number
                }
                None => {
                    let number = match table {
                        Table::Target(kind) => Some(self.number(kind, id)?),
                        Table::Unit | Table::Site => None,
                    };
                    self.write(table, id, number, Some(&text), &text)?;
                    if number.is_some() {
                        self.tell(number, EventKind::InventoryAdded);
                    }
                    all.insert(key.clone(), entry);
                    number
                }
            };
            self.index(table, &key, number);
        }
        let mut others: Vec<(String, Row)> = known.into_iter().collect();
        others.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        for (id, row) in others {
            let body = match (&row.declared, &row.recorded) {
                (None, _) => row.body(),
                (Some(_), Some(recorded)) => {
                    // People or devices know it too: it stays, as they have it.
                    self.write(table, &id, row.number, None, recorded)?;
                    self.tell_changes(table, &id, row.number, row.body(), recorded)?;
                    recorded
                }
                (Some(_), None) => {
                    if !row.gone {
                        self.mark_gone(table, &id, row.number, true)?;
                        if row.number.is_some() {
                            self.tell(row.number, EventKind::InventoryGone);
                        }
                    }
                    continue;
                }
            };
            if !row.gone {
                let key: K = key(table, &id)?;
                self.index(table, &key, row.number);
                all.insert(key, parse(table, &id, body)?);
            }
        }
        Ok(all)
    }

    fn index<K: Id>(&mut self, table: Table, key: &K, number: Option<TargetId>) {
        if let (Table::Target(kind), Some(number)) = (table, number) {
            let slug = key.slug().clone();
            self.index.insert(TargetKey { kind, slug }, number);
        }
    }
}

fn write_memberships(c: &Connection, sites: &BTreeMap<SiteId, Site>) -> Result<()> {
    let mut clear = c
        .prepare_cached("DELETE FROM membership WHERE site = ?1")
        .map_err(Error::sqlite(DOING))?;
    let mut add = c
        .prepare_cached(
            "INSERT INTO membership (site, place, unit, valid_from, valid_to) VALUES (?1, ?2, ?3, ?4, ?5)",
        )
        .map_err(Error::sqlite(DOING))?;
    for site in sites.values() {
        clear.execute([site.id.as_str()]).map_err(Error::sqlite(DOING))?;
        for (place, m) in (0i64..).zip(&site.units) {
            let day = |d: Option<jiff::civil::Date>| d.map(|d| d.to_string());
            add.execute(params![
                site.id.as_str(),
                place,
                m.unit.as_str(),
                day(m.from),
                day(m.to)
            ])
            .map_err(Error::sqlite(DOING))?;
        }
    }
    Ok(())
}

/// Brings the declared inventory on record, in one transaction with its events.
pub(in crate::store) fn sync(c: &mut Connection, declared: Inventory, now: Timestamp) -> Result<Synced> {
    // Taken apart completely, so that a new kind of entry is not forgotten here.
    let Inventory {
        units,
        sites,
        devices,
        links,
        services,
    } = declared;
    let transaction = c.transaction().map_err(Error::sqlite(DOING))?;
    let mut pass = Pass {
        c: &transaction,
        now,
        events: Vec::new(),
        index: BTreeMap::new(),
    };
    let inventory = Inventory {
        units: pass.entries(Table::Unit, units)?,
        sites: pass.entries(Table::Site, sites)?,
        devices: pass.entries(Table::Target(TargetKind::Device), devices)?,
        links: pass.entries(Table::Target(TargetKind::Link), links)?,
        services: pass.entries(Table::Target(TargetKind::Service), services)?,
    };
    let Pass { events, index, .. } = pass;
    for event in &events {
        event::insert(&transaction, event).map_err(Error::sqlite(DOING))?;
    }
    write_memberships(&transaction, &inventory.sites)?;
    transaction.commit().map_err(Error::sqlite(DOING))?;
    Ok(Synced {
        index,
        inventory,
        events,
    })
}
