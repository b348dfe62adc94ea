//! Samples on their way into the record.

use std::collections::HashMap;

use rusqlite::Connection;
use rusqlite::params;

use super::journal;
use super::tick::Tick;
use crate::store::batch::{Sample, SeriesKey};

/// The writer's part of history.
#[derive(Default)]
pub(in crate::store) struct Intake {
    ids: HashMap<SeriesKey, u32>,
}

impl Intake {
    fn id(&mut self, c: &Connection, key: &SeriesKey) -> rusqlite::Result<u32> {
        if let Some(id) = self.ids.get(key) {
            return Ok(*id);
        }
        let id: u32 = c
            .prepare_cached(
                "INSERT INTO series (target, metric, instance) VALUES (?1, ?2, ?3)
                 ON CONFLICT (target, metric, instance) DO UPDATE SET metric = metric RETURNING id",
            )?
            .query_row(params![key.target.0, &*key.metric, &*key.instance], |r| r.get(0))?;
        self.ids.insert(key.clone(), id);
        Ok(id)
    }

    /// Appends samples. Part of the writer's transaction; after a rollback,
    /// [`Intake::forget`] must be called.
    pub(in crate::store) fn append<'s>(
        &mut self,
        c: &Connection,
        samples: impl Iterator<Item = &'s Sample>,
    ) -> rusqlite::Result<()> {
        let mut entries = Vec::new();
        for sample in samples {
            if sample.value.is_finite() {
                entries.push((self.id(c, &sample.series)?, Tick::from(sample.at), sample.value));
            }
        }
        if !entries.is_empty() {
            c.prepare_cached("INSERT INTO journal (body) VALUES (?1)")?
                .execute([journal::encode(&entries)])?;
        }
        Ok(())
    }

    /// Forgets what it holds in memory, after a transaction that was rolled back.
    pub(in crate::store) fn forget(&mut self) {
        self.ids.clear();
    }
}
