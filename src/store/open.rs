//! Opening the record: is it ours, is it free, is it whole, is it of our schema.
//!
//! A new database is made under another name and renamed, so that a crash
//! while making it leaves no half of one.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::OpenFlags;

use super::backup;
use super::error::{Error, Result};
use super::lock::{self, Lock};
use super::migrate;
use super::salvage::{self, Salvaged};
use crate::model::Timestamp;

/// `PRAGMA auto_vacuum`: room is given back when we ask for it, in small steps.
pub(super) const AUTO_VACUUM: i64 = 2;

/// What lies at the path of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing, or an empty file.
    Nothing,
    /// A file of ours.
    Ours,
}

/// A record that is open for writing.
pub(super) struct Open {
    pub(super) connection: Connection,
    pub(super) lock: Lock,
    /// It was made just now.
    pub(super) created: bool,
    /// The older schema that it had.
    pub(super) migrated_from: Option<u32>,
    /// It was damaged, and this was done about it.
    pub(super) salvaged: Option<Salvaged>,
}

/// Looks at the header only; touches nothing (file format: sqlite.org/fileformat2.html §1.3).
pub(super) fn check_ours(path: &Path) -> Result<Found> {
    let mut header = Vec::with_capacity(100);
    match File::open(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(source) => return Err(Error::io("can't open", path)(source)),
        Ok(file) => {
            file.take(100)
                .read_to_end(&mut header)
                .map_err(Error::io("can't read", path))?;
        }
    }
    if header.is_empty() {
        return Ok(Found::Nothing);
    }
    let not_ours = |why: &str| Error::NotOurs {
        path: path.to_owned(),
        why: why.to_owned(),
    };
    if !header.starts_with(b"SQLite format 3\0") {
        return Err(not_ours("it is no SQLite file"));
    }
    let number = |at: usize| {
        header
            .get(at..at + 4)
            .and_then(|b| b.try_into().ok())
            .map_or(0, u32::from_be_bytes)
    };
    let id = number(68);
    if id != migrate::APPLICATION_ID {
        return Err(not_ours(&format!("its application_id is {id:#x}")));
    }
    let found = number(60);
    if found > migrate::NEWEST {
        return Err(Error::Newer {
            path: path.to_owned(),
            found,
            known: migrate::NEWEST,
        });
    }
    Ok(Found::Ours)
}

/// Makes a new database of the newest schema.
pub(super) fn create(path: &Path) -> Result<()> {
    let doing = "can't make a new database";
    let fresh = lock::beside(path, ".new");
    match fs::remove_file(&fresh) {
        Ok(()) => {}
        Err(e) if e.kind() == ErrorKind::NotFound => {}
        Err(source) => return Err(lock::not_writable(path, source)),
    }
    let mut connection = Connection::open(&fresh).map_err(Error::sqlite(doing))?;
    for (name, value) in [
        // First: it has no effect any more when anything is in the file.
        ("auto_vacuum", AUTO_VACUUM),
        ("application_id", i64::from(migrate::APPLICATION_ID)),
        ("synchronous", 2),
    ] {
        connection
            .pragma_update(None, name, value)
            .map_err(Error::sqlite(doing))?;
    }
    migrate::migrate(&mut connection, &fresh)?;
    connection
        .pragma_update_and_check(None, "journal_mode", "wal", |r| r.get::<_, String>(0))
        .map_err(Error::sqlite(doing))?;
    connection.close().map_err(|(_, e)| Error::sqlite(doing)(e))?;
    fs::rename(&fresh, path).map_err(Error::io("can't rename the new database to", path))?;
    sync_folder(path)
}

/// Makes a rename within the folder of `path` durable.
pub(super) fn sync_folder(path: &Path) -> Result<()> {
    let folder = match path.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        Some(_) | None => Path::new("."),
    };
    File::open(folder)
        .and_then(|f| f.sync_all())
        .map_err(Error::io("can't sync the folder", folder))
}

/// Opens a file of ours for writing, with the settings of the writer.
pub(super) fn connect(path: &Path) -> Result<Connection> {
    let doing = "can't open the database";
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(Error::sqlite(doing))?;
    connection
        .busy_timeout(Duration::from_secs(10))
        .map_err(Error::sqlite(doing))?;
    connection
        .pragma_update_and_check(None, "journal_mode", "wal", |r| r.get::<_, String>(0))
        .map_err(Error::sqlite(doing))?;
    for (name, value) in [
        ("foreign_keys", 1),
        ("synchronous", 2),
        ("wal_autocheckpoint", 1000),
        // The log shrinks to this after a checkpoint, so that one burst does not keep its size for ever.
        ("journal_size_limit", 16 << 20),
        // KiB. The system keeps the file's pages as well, and reading one from there takes some microseconds.
        ("cache_size", -8_192),
        ("temp_store", 2),
    ] {
        connection
            .pragma_update(None, name, value)
            .map_err(Error::sqlite(doing))?;
    }
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}

/// Copies a backup that passes every check to a new file.
pub(super) fn copy_good(from: &Path, to: &Path) -> Result<()> {
    if check_ours(from)? == Found::Nothing {
        return Err(Error::Missing {
            path: from.to_owned(),
        });
    }
    let source = backup::read_only(from)?;
    backup::copy(&source, to).map(drop)
}

/// Opens a file of ours, checks it, and brings it to the newest schema.
fn open_sound(path: &Path) -> Result<(Connection, u32)> {
    let mut connection = connect(path)?;
    salvage::check(&connection, path)?;
    let had = migrate::migrate(&mut connection, path)?;
    Ok((connection, had))
}

/// Opens the record for writing, making, migrating or salvaging it if need be.
pub(super) fn open(path: &Path, backups: Option<&Path>, now: Timestamp) -> Result<Open> {
    let found = check_ours(path)?;
    let lock = lock::take(path)?;
    let created = found == Found::Nothing;
    if created {
        create(path)?;
    } else {
        OpenOptions::new()
            .write(true)
            .open(path)
            .map(drop)
            .map_err(|source| lock::not_writable(path, source))?;
    }
    let mut salvaged = None;
    let (connection, had) = match open_sound(path) {
        Ok(opened) => opened,
        Err(error) if error.is_damage() => {
            let what = std::error::Error::source(&error)
                .map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
            let done = salvage::salvage(path, what, backups, now)?;
            salvaged = Some(done);
            open_sound(path)?
        }
        Err(error) => return Err(error),
    };
    Ok(Open {
        connection,
        lock,
        created,
        migrated_from: (had < migrate::NEWEST).then_some(had),
        salvaged,
    })
}
