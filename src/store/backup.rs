//! Copies of the record: made while it is written to, checked, rotated; and
//! put back.
//!
//! A copy is a single file of the same schema. It gets its name only when it
//! has been checked: what bears the name of a copy is whole.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use rusqlite::Connection;
use rusqlite::OpenFlags;
use rusqlite::backup::{Backup, StepResult};

use super::error::{Error, Result};
use super::lock;
use super::migrate;
use super::number::from_id;
use super::open::{self, Found};
use super::state::{self, setting};
use crate::clock::Clock;
use crate::model::{Span, Timestamp};

/// Pages that are copied at once: some milliseconds.
const PAGES: i32 = 1024;

/// Where and how many copies are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupOptions {
    /// The folder; it is made if it does not exist.
    pub folder: PathBuf,
    /// How many are kept; the oldest go when a new one is there. At least 1.
    pub keep: usize,
}

/// A copy that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// How long copying and checking took.
    pub took: Span,
    /// Rows of each table, the same in the record and in the copy.
    pub rows: BTreeMap<String, u64>,
    /// Older copies that were deleted.
    pub deleted: Vec<PathBuf>,
}

/// What putting a copy back did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Where the replaced database is kept; `None`: there was none.
    pub replaced: Option<PathBuf>,
    /// Rows of each table of the record as it is now.
    pub rows: BTreeMap<String, u64>,
    /// The moment up to which the record holds everything.
    pub alive_at: Option<Timestamp>,
}

/// The moment as files' names have it: `20261124T054152Z`.
pub(super) fn stamp(at: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(at.0)
        .map(|t| t.to_zoned_datetime(TimeZone::UTC))
        .map_or_else(
            |_| format!("{}", at.as_secs()),
            |t| t.strftime("%Y%m%dT%H%M%SZ").to_string(),
        )
}

fn unstamp(text: &str) -> Option<Timestamp> {
    jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text)
        .and_then(|t| t.to_zoned_datetime(TimeZone::UTC))
        .ok()
        .map(|t| Timestamp(t.timestamp().as_microsecond()))
}

fn stem(database: &Path) -> String {
    database
        .file_stem()
        .map_or_else(|| "tramgac".to_owned(), |s| s.to_string_lossy().into_owned())
}

/// Where copies lie if nobody says otherwise: in a folder beside the database.
pub fn folder_beside(database: &Path) -> PathBuf {
    database.parent().map(|p| p.join("backup")).unwrap_or_default()
}

/// The copies of a database in a folder, oldest first. No folder: none.
pub fn list(database: &Path, folder: &Path) -> Result<Vec<(Timestamp, PathBuf)>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io("can't list the folder of backups", folder)(e)),
    };
    let prefix = format!("{}-", stem(database));
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(Error::io("can't list the folder of backups", folder))?;
        let name = entry.file_name();
        let at = name
            .to_str()
            .and_then(|n| n.strip_prefix(&prefix)?.strip_suffix(".db"))
            .and_then(unstamp);
        if let Some(at) = at {
            found.push((at, entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

/// Opens a file for reading only; a copy that nobody writes to.
pub(super) fn read_only(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags).map_err(Error::sqlite("can't open the database to read it"))
}

/// The rows of every table.
fn rows(c: &Connection) -> Result<BTreeMap<String, u64>> {
    let doing = "can't count rows";
    let tables: Vec<String> = c
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        .and_then(|mut s| s.query_map([], |r| r.get(0))?.collect())
        .map_err(Error::sqlite(doing))?;
    tables
        .into_iter()
        .map(|table| {
            let count = c
                .query_row(&format!("SELECT count(*) FROM \"{table}\""), [], |r| r.get(0))
                .map_err(Error::sqlite(doing))?;
            Ok((table, from_id(count)))
        })
        .collect()
}

/// What a check said, without the heading that SQLite puts above it.
pub(super) fn one_line(said: &str) -> String {
    let lines = said.lines().filter(|line| !line.starts_with("*** in database"));
    lines.collect::<Vec<_>>().join("; ")
}

/// Checks a whole file: structure, indexes, foreign keys.
pub(super) fn check_whole(c: &Connection, path: &Path) -> Result<()> {
    let damaged = |what: String| Error::Damaged {
        path: path.to_owned(),
        what,
    };
    let said: String = c
        .query_row("PRAGMA integrity_check(1)", [], |r| r.get(0))
        .map_err(|e| damaged(e.to_string()))?;
    if said != "ok" {
        return Err(damaged(one_line(&said)));
    }
    let lost: Option<String> = c
        .prepare("PRAGMA foreign_key_check")
        .and_then(|mut s| s.query_map([], |r| r.get(0))?.next().transpose())
        .map_err(|e| damaged(e.to_string()))?;
    match lost {
        Some(table) => Err(damaged(format!(
            "a row of {table} refers to one that is not there"
        ))),
        None => Ok(()),
    }
}

/// Copies one snapshot of `from` to a new file, checks it, and makes it durable.
pub(super) fn copy(from: &Connection, to: &Path) -> Result<BTreeMap<String, u64>> {
    let doing = "can't copy the database";
    for old in [to.to_owned(), lock::beside(to, "-wal"), lock::beside(to, "-shm")] {
        remove(&old)?;
    }
    // One read transaction holds the snapshot, so that commits beside it neither
    // mix in nor make the copying begin anew.
    from.execute_batch("BEGIN").map_err(Error::sqlite(doing))?;
    let copied = rows(from).and_then(|rows| {
        let mut target = Connection::open(to).map_err(Error::sqlite(doing))?;
        {
            let backup = Backup::new(from, &mut target).map_err(Error::sqlite(doing))?;
            loop {
                match backup.step(PAGES).map_err(Error::sqlite(doing))? {
                    StepResult::Done => break,
                    StepResult::More => {}
                    StepResult::Busy | StepResult::Locked | _ => std::thread::yield_now(),
                }
            }
        }
        // A single file, without a log beside it.
        target
            .pragma_update_and_check(None, "journal_mode", "delete", |r| r.get::<_, String>(0))
            .map_err(Error::sqlite(doing))?;
        check_whole(&target, to)?;
        let found = self::rows(&target)?;
        if found != rows {
            return Err(Error::Damaged {
                path: to.to_owned(),
                what: "the copy has not as many rows as the database".to_owned(),
            });
        }
        target.close().map_err(|(_, e)| Error::sqlite(doing)(e))?;
        Ok(rows)
    });
    from.execute_batch("COMMIT").map_err(Error::sqlite(doing))?;
    fs::File::open(to)
        .and_then(|f| f.sync_all())
        .map_err(Error::io("can't sync", to))?;
    copied
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        Err(e) => Err(Error::io("can't delete", path)(e)),
    }
}

/// Makes a copy of the record, checks it, and deletes the oldest ones. The
/// daemon may write meanwhile. Blocks for as long as copying takes.
///
/// # Errors
/// When it can't be copied; no half copy stays. [`Error::Damaged`] when the
/// record itself is: then the next start checks it whole.
pub fn run(database: &Path, options: &BackupOptions, clock: &dyn Clock) -> Result<Copied> {
    let began = clock.mono();
    if open::check_ours(database)? == Found::Nothing {
        return Err(Error::Missing {
            path: database.to_owned(),
        });
    }
    fs::create_dir_all(&options.folder).map_err(Error::io("can't make the folder", &options.folder))?;
    let name = format!("{}-{}.db", stem(database), stamp(clock.wall()));
    let path = options.folder.join(name);
    let part = lock::beside(&path, ".part");
    let source = read_only(database)?;
    let rows = match copy(&source, &part) {
        Ok(rows) => rows,
        Err(error) => {
            if error.is_damage() {
                super::salvage::suspect(database);
            }
            remove(&part)?;
            return Err(error);
        }
    };
    fs::rename(&part, &path).map_err(Error::io("can't rename the copy to", &path))?;
    open::sync_folder(&path)?;
    let mut copies = list(database, &options.folder)?;
    let surplus = copies.len().saturating_sub(options.keep.max(1));
    let mut deleted = Vec::new();
    for (_, old) in copies.drain(..surplus) {
        // With a clock that stepped back the newest by name may not be this one: it stays anyway.
        if old != path {
            remove(&old)?;
            deleted.push(old);
        }
    }
    let bytes = path.metadata().map_or(0, |m| m.len());
    Ok(Copied {
        path,
        bytes,
        took: clock.mono().since(began),
        rows,
        deleted,
    })
}

/// Puts a copy in the place of the database; the replaced one is kept beside
/// it under a dated name. Blocks.
///
/// # Errors
/// Refused while a daemon runs ([`Error::Locked`]), when the file is not ours,
/// newer, or damaged; then nothing is changed.
pub fn restore(database: &Path, from: &Path, clock: &dyn Clock) -> Result<Restored> {
    if open::check_ours(from)? == Found::Nothing {
        return Err(Error::Missing {
            path: from.to_owned(),
        });
    }
    // What stands in the way must be ours too: nothing else is moved aside.
    open::check_ours(database)?;
    let lock = lock::take(database)?;
    let source = read_only(from)?;
    let found = migrate::version(&source)?;
    if found > migrate::NEWEST {
        return Err(Error::Newer {
            path: from.to_owned(),
            found,
            known: migrate::NEWEST,
        });
    }
    let fresh = lock::beside(database, ".restoring");
    let rows = match copy(&source, &fresh) {
        Ok(rows) => rows,
        Err(error) => {
            remove(&fresh)?;
            return Err(error);
        }
    };
    if let Err(error) = lay_out(&fresh) {
        // It is whole all the same, and VACUUM leaves it so.
        tracing::warn!(%error, "the file can't be laid out to give room back");
    }
    let alive_at = read_only(&fresh).and_then(|c| state::get_time(&c, setting::ALIVE_AT))?;
    let replaced = put_in_place(database, &fresh, "replaced", clock.wall())?;
    drop(lock);
    Ok(Restored {
        replaced,
        rows,
        alive_at,
    })
}

/// Lays a file out anew if it can't give room back, as those can't that were made before it was asked
/// for (`auto_vacuum` is fixed when a file is made, and changes only so: sqlite.org/pragma.html#pragma_auto_vacuum).
fn lay_out(path: &Path) -> Result<()> {
    let doing = "can't lay out the database anew";
    let connection = Connection::open(path).map_err(Error::sqlite(doing))?;
    let mode: i64 = connection
        .query_row("PRAGMA auto_vacuum", [], |r| r.get(0))
        .map_err(Error::sqlite(doing))?;
    if mode == open::AUTO_VACUUM {
        return Ok(());
    }
    connection
        .pragma_update(None, "auto_vacuum", open::AUTO_VACUUM)
        .and_then(|()| connection.execute_batch("VACUUM"))
        .map_err(Error::sqlite(doing))?;
    check_whole(&connection, path)
}

/// Puts a finished file in the place of the database. At no moment is there
/// none: the old one gets a second name first.
pub(super) fn put_in_place(
    database: &Path,
    fresh: &Path,
    word: &str,
    now: Timestamp,
) -> Result<Option<PathBuf>> {
    let aside = lock::beside(database, &format!(".{word}-{}", stamp(now)));
    let wal = lock::beside(database, "-wal");
    let was_there = database.exists();
    if was_there {
        // Folds the log into the file, if the file can still be opened. A log that
        // stays would be applied to the new file: it goes along with the old one.
        drop(open::connect(database));
        if wal.exists() {
            fs::rename(&wal, lock::beside(&aside, "-wal")).map_err(Error::io("can't move aside", &wal))?;
        }
        remove(&lock::beside(database, "-shm"))?;
        if fs::hard_link(database, &aside).is_err() {
            // Some file systems have no second names.
            fs::copy(database, &aside).map_err(Error::io("can't keep the old database as", &aside))?;
        }
    } else {
        remove(&wal)?;
    }
    fs::rename(fresh, database).map_err(Error::io("can't put in place", database))?;
    open::sync_folder(database)?;
    Ok(was_there.then_some(aside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_the_time_and_give_it_back() {
        let at = Timestamp::from_secs(1_795_498_912);
        assert_eq!(stamp(at), "20261124T054152Z");
        assert_eq!(unstamp("20261124T054152Z"), Some(at));
        assert_eq!(unstamp("latest"), None);
    }
}
