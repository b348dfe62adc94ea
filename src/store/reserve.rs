//! Room on the disk that is held back for events.
//!
//! A file beside the database takes the room; when the disk is full, it is
//! deleted, and events have that much. It is taken again when there is room
//! for twice as much.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use nix::fcntl::{FallocateFlags, fallocate};
use nix::sys::statvfs::statvfs;

use super::lock;

/// The reserve of one database.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    bytes: u64,
}

impl Reserve {
    pub(super) fn new(database: &Path, bytes: u64) -> Self {
        Self {
            path: lock::beside(database, ".reserve"),
            bytes,
        }
    }

    /// Takes the room; `false` when there is none.
    pub(super) fn hold(&self) -> bool {
        if self.bytes == 0 || self.path.metadata().is_ok_and(|m| m.len() >= self.bytes) {
            return true;
        }
        let len = i64::try_from(self.bytes).unwrap_or(i64::MAX);
        let held = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&self.path)
            .is_ok_and(|file| fallocate(&file, FallocateFlags::empty(), 0, len).is_ok());
        if !held {
            tracing::warn!(path = %self.path.display(), "no room can be held back for events on this disk");
            self.release();
        }
        held
    }

    /// Gives the room to the database.
    pub(super) fn release(&self) {
        match fs::remove_file(&self.path) {
            Ok(()) => {}
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => tracing::warn!(path = %self.path.display(), error = %e, "can't free the reserve"),
        }
    }

    /// Whether the disk has room for twice the reserve (4 MiB at least).
    pub(super) fn has_room(&self) -> bool {
        let folder = match self.path.parent() {
            Some(p) if !p.as_os_str().is_empty() => p,
            Some(_) | None => Path::new("."),
        };
        let needed = self.bytes.max(2 << 20).saturating_mul(2);
        statvfs(folder).is_ok_and(|s| s.blocks_available().saturating_mul(s.fragment_size()) >= needed)
    }
}
