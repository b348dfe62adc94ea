//! Reading history.

use rusqlite::Connection;
use rusqlite::OptionalExtension;
use rusqlite::params;

use super::journal;
use super::tick::Tick;
use crate::model::Timestamp;
use crate::store::batch::SeriesKey;
use crate::store::error::{Error, Result};

const DOING: &str = "can't read history";

/// The number of a series, if anything was ever kept of it.
fn number(c: &Connection, key: &SeriesKey) -> Result<Option<u32>> {
    c.prepare_cached("SELECT id FROM series WHERE target = ?1 AND metric = ?2 AND instance = ?3")
        .and_then(|mut s| {
            s.query_row(params![key.target.0, &*key.metric, &*key.instance], |r| r.get(0))
                .optional()
        })
        .map_err(Error::sqlite(DOING))
}

/// The samples of a series in `from..to`, by time.
pub(in crate::store) fn samples(
    c: &Connection,
    key: &SeriesKey,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<(Timestamp, f64)>> {
    let Some(series) = number(c, key)? else {
        return Ok(Vec::new());
    };
    let range = Tick::from(from)..Tick::from(to);
    let mut found = Vec::new();
    let mut statement = c
        .prepare_cached("SELECT body FROM journal ORDER BY id")
        .map_err(Error::sqlite(DOING))?;
    let mut rows = statement.query([]).map_err(Error::sqlite(DOING))?;
    while let Some(row) = rows.next().map_err(Error::sqlite(DOING))? {
        let body = row
            .get_ref(0)
            .and_then(|v| v.as_blob().map_err(Into::into))
            .map_err(Error::sqlite(DOING))?;
        let entries = journal::decode(body, Some(series)).ok_or_else(|| Error::Value {
            table: "journal",
            value: format!("a damaged row of {} bytes", body.len()),
        })?;
        found.extend(
            entries
                .into_iter()
                .filter(|(_, at, _)| range.contains(at))
                .map(|(_, at, value)| (Timestamp::from(at), value)),
        );
    }
    found.sort_by_key(|(at, _)| *at);
    found.dedup_by_key(|(at, _)| *at);
    Ok(found)
}
