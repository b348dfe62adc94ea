//! The inventory on record: its rows, and all of it as it stands. What the
//! configuration declares is brought on record by [`sync`](sync::sync).

mod sync;

use std::collections::BTreeMap;
use std::collections::HashMap;

use rusqlite::Connection;
use serde::de::DeserializeOwned;
use serde_json::Map;
use serde_json::Value;

use super::error::Error;
use super::error::Result;
use super::number::target;
use crate::inventory::Inventory;
use crate::model::DeviceId;
use crate::model::LinkId;
use crate::model::ServiceId;
use crate::model::SiteId;
use crate::model::Slug;
use crate::model::TargetId;
use crate::model::TargetKey;
use crate::model::TargetKind;
use crate::model::Timestamp;
use crate::model::UnitId;

pub use sync::Synced;
pub(super) use sync::sync;

/// The inventory as it stands on record.
#[derive(Debug, Clone, Default)]
pub struct StoredInventory {
    /// The number of every entry with a state that is in the inventory now.
    pub index: BTreeMap<TargetKey, TargetId>,
    /// The entries.
    pub inventory: Inventory,
    /// Entries with a state that have gone, with their numbers and when they went.
    pub gone: BTreeMap<TargetKey, (TargetId, Timestamp)>,
}

const DOING: &str = "can't bring the inventory on record";

/// The table of a kind of entry.
#[derive(Clone, Copy)]
enum Table {
    Unit,
    Site,
    Target(TargetKind),
}

impl Table {
    fn name(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::Site => "site",
            Self::Target(kind) => kind.as_str(),
        }
    }
}

/// A row as it stands.
struct Row {
    number: Option<TargetId>,
    declared: Option<String>,
    recorded: Option<String>,
    /// What holds, where that is not what is declared.
    body: Option<String>,
    gone: bool,
}

impl Row {
    /// What holds.
    fn body(&self) -> &str {
        self.body
            .as_deref()
            .or(self.declared.as_deref())
            .unwrap_or_default()
    }
}

fn rows(c: &Connection, table: Table) -> Result<HashMap<String, Row>> {
    let sql = match table {
        Table::Unit | Table::Site => format!(
            "SELECT id, NULL, declared, recorded, nullif(body, declared), gone_at IS NOT NULL FROM {}",
            table.name()
        ),
        Table::Target(kind) => format!(
            "SELECT slug, id, declared, recorded, nullif(body, declared), gone_at IS NOT NULL
             FROM target JOIN {kind} ON target.id = {kind}.target"
        ),
    };
    let mut statement = c.prepare(&sql).map_err(Error::sqlite(DOING))?;
    statement
        .query_map([], |row| {
            Ok((
                row.get(0)?,
                Row {
                    number: row.get::<_, Option<i64>>(1)?.map(target),
                    declared: row.get(2)?,
                    recorded: row.get(3)?,
                    body: row.get(4)?,
                    gone: row.get(5)?,
                },
            ))
        })
        .and_then(Iterator::collect)
        .map_err(Error::sqlite(DOING))
}

fn document(table: Table, row: &str, text: &str) -> Result<Map<String, Value>> {
    serde_json::from_str(text).map_err(|source| Error::Row {
        table: table.name(),
        row: row.to_owned(),
        source,
    })
}

/// The permanent name of an entry.
trait Id: Ord + Clone + Sync + std::str::FromStr {
    fn slug(&self) -> &Slug;
}

macro_rules! ids {
    ($($id:ty),*) => {$(
        impl Id for $id {
            fn slug(&self) -> &Slug {
                &self.0
            }
        }
    )*};
}
ids!(UnitId, SiteId, DeviceId, LinkId, ServiceId);

fn key<K: Id>(table: Table, id: &str) -> Result<K> {
    id.parse().ok().ok_or_else(|| Error::Value {
        table: table.name(),
        value: id.to_owned(),
    })
}

fn parse<T: DeserializeOwned>(table: Table, id: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|source| Error::Row {
        table: table.name(),
        row: id.to_owned(),
        source,
    })
}

fn plain<K: Id, T: DeserializeOwned>(c: &Connection, table: Table) -> Result<BTreeMap<K, T>> {
    let mut found = BTreeMap::new();
    for (id, row) in rows(c, table)? {
        if !row.gone {
            found.insert(key(table, &id)?, parse(table, &id, row.body())?);
        }
    }
    Ok(found)
}

/// The inventory as it stands on record.
pub(in crate::store) fn load(c: &Connection) -> Result<StoredInventory> {
    let mut found = StoredInventory {
        inventory: Inventory {
            units: plain(c, Table::Unit)?,
            sites: plain(c, Table::Site)?,
            devices: plain(c, Table::Target(TargetKind::Device))?,
            links: plain(c, Table::Target(TargetKind::Link))?,
            services: plain(c, Table::Target(TargetKind::Service))?,
        },
        ..StoredInventory::default()
    };
    let mut statement = c
        .prepare_cached("SELECT id, kind, slug, gone_at FROM target ORDER BY id")
        .map_err(Error::sqlite(DOING))?;
    let targets = statement
        .query_map([], |row| {
            Ok((
                target(row.get(0)?),
                row.get::<_, String>(1)?,
                row.get::<_, String>(2)?,
                row.get::<_, Option<i64>>(3)?,
            ))
        })
        .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
        .map_err(Error::sqlite(DOING))?;
    for (number, kind, slug, gone_at) in targets {
        let unknown = |value: &str| Error::Value {
            table: "target",
            value: value.to_owned(),
        };
        let kind = TargetKind::ALL
            .into_iter()
            .find(|k| k.as_str() == kind)
            .ok_or_else(|| unknown(&kind))?;
        let slug = slug.parse::<Slug>().ok().ok_or_else(|| unknown(&slug))?;
        let key = TargetKey { kind, slug };
        match gone_at {
            None => {
                found.index.insert(key, number);
            }
            Some(at) => {
                found.gone.insert(key, (number, Timestamp(at)));
            }
        }
    }
    Ok(found)
}
