//! What to do with a database that is ours but damaged: set it aside under a
//! dated name, take the last good backup, say what is missing.
//!
//! A small database is checked whole at every start. Of a large one only what
//! the daemon can't run without, since checking gigabytes would keep it from
//! starting; it is checked whole when something has raised a suspicion: the
//! writer met damage, or a backup did not pass its check.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::backup;
use super::error::{Error, Result};
use super::lock;
use super::open;
use super::state::{self, setting};
use crate::model::Timestamp;

/// Up to this size a database is checked whole at every start: a quarter of a second.
const SMALL: u64 = 64 << 20;

/// What the daemon can't run without.
const VITAL: &[&str] = &["target", "incident", "outbox", "saved_state", "setting"];

/// The inventory, which it can't run without either. It is read through instead: checking it would work out every
/// column that SQLite takes from a document, half a second for 100,000 devices.
const DOCUMENTS: &[&str] = &["unit", "site", "device", "link", "service"];

/// What was done about a damaged database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Salvaged {
    /// When.
    pub at: Timestamp,
    /// What the check said.
    pub what: String,
    /// Where the damaged database is kept.
    pub set_aside: PathBuf,
    /// The backup that took its place; `None`: there was no good one, and the record begins anew.
    pub backup: Option<PathBuf>,
    /// The moment up to which that backup holds everything: what came after it is missing.
    pub alive_at: Option<Timestamp>,
}

fn marker(database: &Path) -> PathBuf {
    lock::beside(database, ".suspect")
}

/// Notes that the database must be checked whole at the next start.
pub(super) fn suspect(database: &Path) {
    let path = marker(database);
    if let Err(e) = fs::write(&path, b"checked whole at the next start\n") {
        tracing::error!(path = %path.display(), error = %e, "can't note that the database must be checked");
    }
}

/// Checks an open database as far as its size and its past ask for.
pub(super) fn check(c: &Connection, path: &Path) -> Result<()> {
    let bytes = path.metadata().map_or(0, |m| m.len());
    let is_suspect = marker(path).exists();
    if is_suspect || bytes <= SMALL {
        quick(c, path, "PRAGMA quick_check(1)")?;
    } else {
        for table in VITAL {
            quick(c, path, &format!("PRAGMA quick_check('{table}')"))?;
        }
        for table in DOCUMENTS {
            let every_page = "total(length(declared)) + total(length(recorded)) + total(length(body)) >= 0";
            quick(
                c,
                path,
                &format!("SELECT iif({every_page}, 'ok', '') FROM {table}"),
            )?;
        }
    }
    if is_suspect {
        drop(fs::remove_file(marker(path)));
    }
    Ok(())
}

fn quick(c: &Connection, path: &Path, pragma: &str) -> Result<()> {
    let damaged = |what: String| Error::Damaged {
        path: path.to_owned(),
        what,
    };
    let said: String = c
        .query_row(pragma, [], |r| r.get(0))
        .map_err(|e| damaged(e.to_string()))?;
    if said == "ok" {
        Ok(())
    } else {
        Err(damaged(backup::one_line(&said)))
    }
}

/// Sets a damaged database aside and puts the last good backup in its place,
/// or a new one. The lock is held by the caller.
pub(super) fn salvage(
    database: &Path,
    what: String,
    folder: Option<&Path>,
    now: Timestamp,
) -> Result<Salvaged> {
    let fresh = lock::beside(database, ".restoring");
    let copies = folder.map_or(Ok(Vec::new()), |folder| backup::list(database, folder))?;
    let mut taken = None;
    for (_, copy) in copies.into_iter().rev() {
        match open::copy_good(&copy, &fresh) {
            Ok(()) => {
                taken = Some(copy);
                break;
            }
            Err(e) => {
                tracing::warn!(path = %copy.display(), error = %e, "a backup is not good; an older one is tried");
            }
        }
    }
    if taken.is_none() {
        open::create(&fresh)?;
    }
    let set_aside =
        backup::put_in_place(database, &fresh, "damaged", now)?.unwrap_or_else(|| database.to_owned());
    drop(fs::remove_file(marker(database)));
    let connection = open::connect(database)?;
    let alive_at = state::get_time(&connection, setting::ALIVE_AT)?;
    let salvaged = Salvaged {
        at: now,
        what,
        set_aside,
        backup: taken,
        alive_at,
    };
    // People are told of it for days, over restarts.
    let text = serde_json::to_vec(&salvaged).map_err(|source| Error::Row {
        table: "setting",
        row: setting::SALVAGED.to_owned(),
        source,
    })?;
    state::set(&connection, setting::SALVAGED, &text)
        .map_err(Error::sqlite("can't note what was lost in"))?;
    Ok(salvaged)
}
