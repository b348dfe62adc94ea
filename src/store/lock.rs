//! The lock file beside the database: one daemon, or one command that changes
//! the record, at a time.
//!
//! The file stays; the kernel's lock on it ends with the process, so that a
//! `kill -9` leaves nothing to clean up.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::error::{Error, Result};

/// Holds the lock until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Drop for Lock {
    /// Gives it back by itself: closing alone leaves it with a child that was
    /// forked a moment ago and has not yet closed its copy of the file.
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "the lock could not be given back; it ends with this process");
        }
    }
}

/// The lock file of a database.
pub fn path_of(database: &Path) -> PathBuf {
    beside(database, ".lock")
}

/// A file beside the database: its name with more at the end.
pub(crate) fn beside(database: &Path, more: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(more);
    PathBuf::from(name)
}

/// Takes the lock, or says who holds it.
///
/// # Errors
/// [`Error::Locked`] while another process holds it, [`Error::NoDirectory`]
/// and [`Error::NotWritable`] when the file can't be made.
pub(super) fn take(database: &Path) -> Result<Lock> {
    let path = path_of(database);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(|source| not_writable(database, source))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let holder = match file.read_to_string(&mut text) {
                Ok(n) if n > 0 => format!("process {}", text.trim()),
                Ok(_) | Err(_) => "another process".to_owned(),
            };
            return Err(Error::Locked {
                path: database.to_owned(),
                holder,
            });
        }
        Err(TryLockError::Error(source)) => {
            return Err(Error::Io {
                doing: "can't lock",
                path,
                source,
            });
        }
    }
    let note = format!("{}\n", std::process::id());
    // The number only helps people; a disk that is full must not keep us from starting.
    drop(
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(note.as_bytes())),
    );
    Ok(Lock { file })
}

/// Whether some process holds the lock of this database.
pub(super) fn is_held(database: &Path) -> bool {
    File::open(path_of(database)).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

/// The clear error for a database whose folder is missing or can't be written.
pub(crate) fn not_writable(database: &Path, source: std::io::Error) -> Error {
    let folder = match database.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        Some(_) | None => Path::new("."),
    };
    if folder.is_dir() {
        Error::NotWritable {
            path: database.to_owned(),
            source,
        }
    } else {
        Error::NoDirectory {
            path: folder.to_owned(),
        }
    }
}
