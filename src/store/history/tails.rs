//! The newest samples of every series, which are in no chunk yet.
//!
//! Owned by the writer, looked at by readers of the same process. A lock is
//! held for one series' handful of samples, or one commit's worth of pushes.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use rusqlite::Connection;

use super::journal;
use super::journal::Entry;
use super::tick::Tick;
use crate::store::error::{Error, Result};

/// Samples by series number. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Tails {
    inner: Arc<Mutex<Vec<Tail>>>,
}

/// One series' samples, in the order in which they came.
type Tail = Vec<(Tick, f64)>;

fn place(series: u32) -> usize {
    usize::try_from(series).unwrap_or(usize::MAX)
}

impl Tails {
    fn lock(&self) -> MutexGuard<'_, Vec<Tail>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends; returns the series that have reached `most` samples by this.
    pub(super) fn push(&self, entries: &[Entry], most: usize) -> Vec<u32> {
        let mut full = Vec::new();
        let mut tails = self.lock();
        for (series, at, value) in entries {
            let place = place(*series);
            if place >= tails.len() {
                tails.resize_with(place + 1, Vec::new);
            }
            if let Some(tail) = tails.get_mut(place) {
                tail.push((*at, *value));
                if tail.len() == most {
                    full.push(*series);
                }
            }
        }
        full
    }

    /// Appends what the journal holds after one of its rows; returns its last row,
    /// and the series that have reached `most` samples by this.
    pub(super) fn replay(&self, c: &Connection, after: i64, most: usize) -> Result<(i64, Vec<u32>)> {
        let doing = "can't read the newest history";
        let (mut last, mut full) = (after, Vec::new());
        let mut statement = c
            .prepare_cached("SELECT id, body FROM journal WHERE id > ?1 ORDER BY id")
            .map_err(Error::sqlite(doing))?;
        let mut rows = statement.query([after]).map_err(Error::sqlite(doing))?;
        while let Some(row) = rows.next().map_err(Error::sqlite(doing))? {
            last = row.get(0).map_err(Error::sqlite(doing))?;
            let body = row
                .get_ref(1)
                .and_then(|v| v.as_blob().map_err(Into::into))
                .map_err(Error::sqlite(doing))?;
            if let Some(entries) = journal::decode(body) {
                full.extend(self.push(&entries, most));
            } else {
                tracing::warn!(
                    row = last,
                    "a row of the journal of history is damaged and left out"
                );
            }
        }
        Ok((last, full))
    }

    /// A copy of one series' samples, in the order in which they came.
    pub(super) fn get(&self, series: u32) -> Tail {
        self.lock().get(place(series)).cloned().unwrap_or_default()
    }

    /// Removes the first `count` samples of a series, which are in a chunk now.
    pub(super) fn cut(&self, series: u32, count: usize) {
        if let Some(tail) = self.lock().get_mut(place(series)) {
            tail.drain(..count.min(tail.len()));
            // Most tails stay short for ever after a burst.
            if tail.capacity() > 4 * tail.len().max(16) {
                tail.shrink_to_fit();
            }
        }
    }

    /// The highest series number, plus one.
    pub(super) fn end(&self) -> u32 {
        u32::try_from(self.lock().len()).unwrap_or(u32::MAX)
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }
}
