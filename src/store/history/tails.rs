//! The newest samples of every series, which are in no chunk yet.
//!
//! Owned by the writer, looked at by readers of the same process. A lock is
//! held for a copy of some kilobytes, or one commit's worth of pushes.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use rusqlite::Connection;

use super::journal;
use super::journal::Entry;
use super::packed;
use super::packed::{Block, SERIES};
use super::tick::Tick;
use crate::store::error::{Error, Result};

/// Samples by series number, packed. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(in crate::store) struct Tails {
    inner: Arc<Mutex<Vec<Block>>>,
}

/// One series' samples, in the order in which they came.
type Tail = Vec<(Tick, f64)>;

/// The number of a block, and a series' place in it.
fn place(series: u32) -> (usize, u8) {
    let series = usize::try_from(series).unwrap_or(usize::MAX);
    (series / SERIES, u8::try_from(series % SERIES).unwrap_or(0))
}

/// The highest number that was ever given to a series, though it be deleted by now.
fn highest_series(c: &Connection) -> rusqlite::Result<u32> {
    c.query_row(
        "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'series'), 0)",
        [],
        |row| row.get(0),
    )
}

impl Tails {
    fn lock(&self) -> MutexGuard<'_, Vec<Block>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends; returns the series that have reached `most` samples by this
    /// (255 is the highest number that is ever reached).
    pub(super) fn push(&self, entries: &[Entry], most: usize) -> Vec<u32> {
        let mut full = Vec::new();
        let mut room = Vec::new();
        let mut blocks = self.lock();
        for (series, at, value) in entries {
            let (number, place) = place(*series);
            if number >= blocks.len() {
                blocks.resize_with(number + 1, Block::default);
            }
            if let Some(block) = blocks.get_mut(number)
                && usize::from(block.push((place, *at, *value), &mut room)) == most
            {
                full.push(*series);
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
        let mut highest = None;
        while let Some(row) = rows.next().map_err(Error::sqlite(doing))? {
            last = row.get(0).map_err(Error::sqlite(doing))?;
            let body = row
                .get_ref(1)
                .and_then(|v| v.as_blob().map_err(Into::into))
                .map_err(Error::sqlite(doing))?;
            let mut entries = journal::decode(body);
            // Room is made up to the highest number: one that a damaged row invents must not take gigabytes.
            if let Some(named) = entries.iter().flatten().map(|(series, _, _)| *series).max()
                && highest.is_none_or(|highest| named > highest)
            {
                // While `rows` are read the connection sees one state: that in which the row was written, or a later one.
                highest = Some(highest_series(c).map_err(Error::sqlite(doing))?);
                entries = entries.filter(|_| highest.is_some_and(|highest| named <= highest));
            }
            if let Some(entries) = entries {
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
        let (number, place) = place(series);
        let bytes = match self.lock().get(number) {
            Some(block) if !block.lacks(place) => block.bytes(),
            Some(_) | None => return Tail::new(),
        };
        packed::samples(&bytes)
            .filter(|(of, _, _)| *of == place)
            .map(|(_, at, value)| (at, value))
            .collect()
    }

    /// Copies of the samples of several series, those of each as by [`Tails::get`];
    /// series that have none are left out.
    pub(super) fn get_all(&self, series: &BTreeSet<u32>) -> BTreeMap<u32, Tail> {
        let mut found: BTreeMap<u32, Tail> = BTreeMap::new();
        let blocks: BTreeSet<usize> = series.iter().map(|series| place(*series).0).collect();
        for number in blocks {
            let Some(bytes) = self.lock().get(number).map(Block::bytes) else {
                continue;
            };
            let first = u32::try_from(number * SERIES).unwrap_or(u32::MAX);
            for (place, at, value) in packed::samples(&bytes) {
                let of = first.saturating_add(u32::from(place));
                if series.contains(&of) {
                    found.entry(of).or_default().push((at, value));
                }
            }
        }
        found
    }

    /// Removes the first so many samples of each of these series, which are in
    /// chunks now.
    pub(super) fn cut(&self, counts: &BTreeMap<u32, usize>) {
        let mut of_blocks: BTreeMap<usize, [usize; SERIES]> = BTreeMap::new();
        for (series, count) in counts {
            let (number, place) = place(*series);
            let counts = of_blocks.entry(number).or_insert([0; SERIES]);
            if let Some(slot) = counts.get_mut(usize::from(place)) {
                *slot = *count;
            }
        }
        for (number, counts) in of_blocks {
            if let Some(block) = self.lock().get_mut(number) {
                block.cut(&counts);
            }
        }
    }

    /// A number above that of every series that has samples.
    pub(super) fn end(&self) -> u32 {
        u32::try_from(self.lock().len() * SERIES).unwrap_or(u32::MAX)
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What happens to tails: a commit, or a sweep that moves the first samples of some series.
    #[derive(Debug, Clone)]
    enum Step {
        Push(Vec<Entry>),
        Cut(BTreeMap<u32, usize>),
    }

    fn any_step() -> impl Strategy<Value = Step> {
        let at = prop_oneof![
            // A clock that goes on, is set back, was never set.
            3 => 17_900_000_000i64..17_900_000_600,
            1 => any::<i64>(),
        ];
        let value = prop_oneof![
            any::<u64>().prop_map(f64::from_bits),
            (0u8..9).prop_map(f64::from)
        ];
        let entry = (0u32..70, at, value).prop_map(|(series, at, value)| (series, Tick(at), value));
        prop_oneof![
            3 => prop::collection::vec(entry, 0..80).prop_map(Step::Push),
            1 => prop::collection::btree_map(0u32..90, 0usize..9, 0..40).prop_map(Step::Cut),
        ]
    }

    fn bits(tail: &[(Tick, f64)]) -> Vec<(Tick, u64)> {
        tail.iter().map(|(at, value)| (*at, value.to_bits())).collect()
    }

    #[test]
    fn a_journal_row_that_names_a_series_that_never_was_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let c = crate::store::open::open(&path, None, crate::model::Timestamp(0))
            .unwrap()
            .connection;
        c.execute_batch(
            "INSERT INTO target (kind, slug, added_at) VALUES ('device', 'pc', 0);
             INSERT INTO series (id, target, metric, instance) VALUES (40, 1, 'rtt', ''), (41, 1, 'loss', '');
             DELETE FROM series WHERE id = 41",
        )
        .unwrap();
        let write = |entries: &[Entry]| {
            let body = journal::encode(entries);
            c.execute("INSERT INTO journal (body) VALUES (?1)", [body])
                .unwrap();
        };
        let at = Tick(17_900_000_000);
        write(&[(40, at, 1.0), (3_000_000, at, 2.0)]);
        write(&[(41, at, 3.0), (40, at, 4.0)]);
        write(&[(3_000_000, at, 5.0)]);
        let tails = Tails::default();
        tails.replay(&c, 0, 9).unwrap();
        assert_eq!(tails.get(40), [(at, 4.0)]);
        assert_eq!(tails.get(41), [(at, 3.0)], "a series that is gone was one");
        assert_eq!(tails.lock().len(), 2, "blocks up to the highest series only");
    }

    proptest! {
        #[test]
        fn packed_tails_hold_what_plain_lists_hold(
            steps in prop::collection::vec(any_step(), 0..12),
            asked in prop::collection::btree_set(0u32..90, 0..40),
        ) {
            let tails = Tails::default();
            let mut plain: BTreeMap<u32, Tail> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Push(entries) => {
                        let full = tails.push(&entries, 9);
                        let mut expected = Vec::new();
                        for (series, at, value) in entries {
                            let tail = plain.entry(series).or_default();
                            tail.push((at, value));
                            if tail.len() == 9 {
                                expected.push(series);
                            }
                        }
                        prop_assert_eq!(full, expected);
                    }
                    Step::Cut(counts) => {
                        tails.cut(&counts);
                        for (series, count) in counts {
                            if let Some(tail) = plain.get_mut(&series) {
                                tail.drain(..count.min(tail.len()));
                            }
                        }
                    }
                }
            }
            plain.retain(|_, tail| !tail.is_empty());
            for series in 0..90 {
                let expected = plain.get(&series).map(|tail| bits(tail)).unwrap_or_default();
                prop_assert_eq!(bits(&tails.get(series)), expected, "series {}", series);
                prop_assert!(series < tails.end() || !plain.contains_key(&series));
            }
            let several = tails.get_all(&asked);
            plain.retain(|series, _| asked.contains(series));
            prop_assert!(several.keys().eq(plain.keys()));
            for (series, tail) in plain {
                prop_assert_eq!(several.get(&series).map(|tail| bits(tail)), Some(bits(&tail)));
            }
        }
    }
}
