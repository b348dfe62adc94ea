//! Numbered schema changes, forward only. A newer file is refused.

use std::path::Path;

use rusqlite::Connection;

use super::error::{Error, Result};

/// `application_id` of our files: "TGac" in ASCII.
pub const APPLICATION_ID: u32 = 0x5447_6163;

/// Every schema change, in order: number `i + 1` is at place `i`.
const MIGRATIONS: &[&str] = &[include_str!("migrations/0001_base.sql")];

/// The schema that this program writes.
pub const NEWEST: u32 = 1;

/// The schema of an open file, 0 for an empty one.
pub(super) fn version(connection: &Connection) -> Result<u32> {
    connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(Error::sqlite("can't read the schema version"))
}

/// Brings the file to [`NEWEST`]; returns the schema that it had.
///
/// Each change is one transaction with its number: after a crash it is done or
/// not done.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<u32> {
    let found = version(connection)?;
    if found > NEWEST {
        return Err(Error::Newer {
            path: path.to_owned(),
            found,
            known: NEWEST,
        });
    }
    for (number, sql) in (1u32..).zip(MIGRATIONS) {
        if number <= found {
            continue;
        }
        let doing = "can't bring the database to this program's schema";
        let step = connection.transaction().map_err(Error::sqlite(doing))?;
        step.execute_batch(sql).map_err(Error::sqlite(doing))?;
        step.pragma_update(None, "user_version", number)
            .map_err(Error::sqlite(doing))?;
        step.commit().map_err(Error::sqlite(doing))?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_schema_is_the_last_of_the_list() {
        assert_eq!(usize::try_from(NEWEST).unwrap(), MIGRATIONS.len());
        let mut c = Connection::open_in_memory().unwrap();
        assert_eq!(migrate(&mut c, Path::new("x")).unwrap(), 0);
        assert_eq!(version(&c).unwrap(), NEWEST);
        assert_eq!(migrate(&mut c, Path::new("x")).unwrap(), NEWEST);
    }
}
