//! What reading commands share: the record behind a configuration, opened for
//! reading only, beside a daemon or without one.

use std::path::Path;
use std::path::PathBuf;

use super::Failure;
use crate::config::Config;
use crate::store::Error;
use crate::store::Reader;

/// Where the database is: as the configuration says, a relative path below
/// systemd's state folder where there is one.
pub fn database(config: &Config) -> PathBuf {
    in_state_folder(&config.database, std::env::var_os("STATE_DIRECTORY").as_deref())
}

fn in_state_folder(database: &Path, folder: Option<&std::ffi::OsStr>) -> PathBuf {
    match folder {
        // Several folders are joined by colons; ours is the first.
        Some(folder) if database.is_relative() => {
            let first = folder.to_string_lossy();
            let first = first.split(':').next().unwrap_or_default();
            Path::new(first).join(database)
        }
        Some(_) | None => database.to_owned(),
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn under_systemd_a_relative_database_lies_in_the_state_folder() {
        let at = |database: &str, folder: Option<&str>| {
            in_state_folder(Path::new(database), folder.map(AsRef::as_ref))
        };
        assert_eq!(at("tramgac.db", None), Path::new("tramgac.db"));
        assert_eq!(
            at("tramgac.db", Some("/var/lib/tramgac")),
            Path::new("/var/lib/tramgac/tramgac.db")
        );
        assert_eq!(at("a.db", Some("/a:/b")), Path::new("/a/a.db"));
        assert_eq!(at("/srv/a.db", Some("/a")), Path::new("/srv/a.db"));
        assert_eq!(socket(Path::new("/a/a.db")), Path::new("/a/control.sock"));
    }
}
