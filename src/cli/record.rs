//! What reading commands share: the record behind a configuration, opened for
//! reading only, beside a daemon or without one.

use std::path::Path;
use std::path::PathBuf;

use super::Failure;
use crate::store::Error;
use crate::store::Reader;

/// The socket of the daemon that keeps this database.
pub fn socket(database: &Path) -> PathBuf {
    database.with_file_name("control.sock")
}

/// Opens the record; `None` where no daemon has made one yet.
///
/// # Errors
/// Could not look: the file is not ours, newer, or can't be read.
pub fn open(database: &Path) -> Result<Option<Reader>, Failure> {
    match Reader::open(database) {
        Ok(reader) => Ok(Some(reader)),
        Err(Error::Missing { .. }) => Ok(None),
        Err(error) => Err(Failure::could_not_look(error)),
    }
}
