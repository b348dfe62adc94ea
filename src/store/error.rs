//! Why the record could not be opened, read or written.

use std::io;
use std::path::PathBuf;

use rusqlite::ErrorCode;

/// Why the record could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is somebody else's; it was left as it is.
    #[error("{path} is not a tramgac database ({why}); it was left untouched; name another file in `database:`", path = .path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// What shows it.
        why: String,
    },
    /// The file was written by a newer tramgac; it was left as it is.
    #[error("{path} has schema {found}, this program knows up to {known}; it was left untouched; install the newer tramgac", path = .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// The newest schema that we know.
        known: u32,
    },
    /// The file was written by an older tramgac, and this command only reads.
    #[error("{path} has schema {found}, this program reads {known}; start `tramgac run` once, which brings it up to date", path = .path.display())]
    Older {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// The schema that we read.
        known: u32,
    },
    /// Another process writes to it.
    #[error("{path} is in use by {holder}; stop it first", path = .path.display())]
    Locked {
        /// The database.
        path: PathBuf,
        /// Who holds the lock, as far as its file says.
        holder: String,
    },
    /// There is no such file.
    #[error("there is no database at {path}; start `tramgac run` first, or name the right file", path = .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The folder does not exist.
    #[error("the folder {path} for the database does not exist; create it, owned by the user that runs tramgac", path = .path.display())]
    NoDirectory {
        /// The folder.
        path: PathBuf,
    },
    /// The file or its folder can't be written.
    #[error("{path} can't be written (read-only or no permission); give the user that runs tramgac the right to write there", path = .path.display())]
    NotWritable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is ours but damaged.
    #[error("the database {path} is damaged: {what}", path = .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the check said.
        what: String,
    },
    /// A file operation failed.
    #[error("{doing} {path}", path = .path.display())]
    Io {
        /// What was done.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// SQLite refused.
    #[error("{doing}")]
    Sqlite {
        /// What was done.
        doing: &'static str,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A stored document is not what this program expects.
    #[error("a row of table {table} ({row}) can't be read")]
    Row {
        /// The table.
        table: &'static str,
        /// Which row.
        row: String,
        /// Why.
        source: serde_json::Error,
    },
    /// A stored number or word is none that this program knows.
    #[error("a row of table {table} holds {value:?}, which this program does not know")]
    Value {
        /// The table.
        table: &'static str,
        /// What it holds.
        value: String,
    },
    /// The writer's queue is full.
    #[error("the record can't follow: its writer's queue is full")]
    Busy,
    /// The writer has ended.
    #[error("the record is closed")]
    Closed,
    /// A batch was refused by the database; the rest went on.
    #[error("the record refused a batch: {why}")]
    Refused {
        /// What SQLite said.
        why: String,
    },
}

impl Error {
    /// Adds what was done to what SQLite said.
    pub(crate) fn sqlite(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| Self::Sqlite { doing, source }
    }

    /// Adds what was done with which file to what the system said.
    pub(crate) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }

    fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Sqlite { source, .. } => source.sqlite_error_code(),
            Self::NotOurs { .. }
            | Self::Newer { .. }
            | Self::Older { .. }
            | Self::Locked { .. }
            | Self::Missing { .. }
            | Self::NoDirectory { .. }
            | Self::NotWritable { .. }
            | Self::Damaged { .. }
            | Self::Io { .. }
            | Self::Row { .. }
            | Self::Value { .. }
            | Self::Busy
            | Self::Closed
            | Self::Refused { .. } => None,
        }
    }

    /// Whether there was no room on the disk. SQLite reports a failed write
    /// of its shared memory or journal as an I/O error.
    pub fn is_disk_full(&self) -> bool {
        matches!(
            self.code(),
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure)
        )
    }

    /// Whether the file is damaged.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. })
            || matches!(
                self.code(),
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
            )
    }

    /// Whether trying again later may help.
    pub fn is_transient(&self) -> bool {
        self.is_disk_full()
            || matches!(
                self.code(),
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
            )
    }
}

/// [`Error`] is what everything here fails with.
pub type Result<T> = std::result::Result<T, Error>;
