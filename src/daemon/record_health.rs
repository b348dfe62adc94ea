//! How the record is: from the writer to the pages and the meters.

use std::sync::Arc;

use tokio::sync::watch;

use super::reload::Running;
use crate::model::Span;
use crate::model::Timestamp;
use crate::store::Health;
use crate::store::Reader;
use crate::store::Salvaged;
use crate::store::Stats;
use crate::web;
use crate::web::record::Lost;
use crate::web::record::Record;
use crate::web::record::Trouble;
use crate::web::record::TroubleKind;

/// How often to look.
const LOOK: Span = Span::from_secs(1);

/// For how long after the last sample was given up the record counts as behind.
const BEHIND: Span = Span::from_secs(60);

/// What is told of the record, and to whom.
pub(super) struct Telling {
    running: Running,
    told: Arc<web::Health>,
    salvaged: Option<Salvaged>,
    behind: Behind,
}

impl Telling {
    /// Tells for the first time: before the daemon says that it is ready, so that no page
    /// is without what was lost.
    pub(super) async fn begin(running: Running, told: Arc<web::Health>) -> Self {
        let salvaged = match running.store.readers().read(Reader::salvaged).await {
            Ok(salvaged) => salvaged,
            Err(error) => {
                tracing::error!(%error, "what was lost lately can't be read");
                None
            }
        };
        let mut telling = Self {
            running,
            told,
            salvaged,
            behind: Behind::default(),
        };
        let health = telling.running.store.writer().health();
        telling.tell(&health.borrow());
        telling
    }

    /// Tells until told to stop.
    pub(super) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let mut health = self.running.store.writer().health();
        loop {
            let now = health.borrow_and_update().clone();
            self.tell(&now);
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                Ok(()) = health.changed() => {}
                // Whoever would tell has gone: that is a stop, too.
                _ = stopping.changed() => return,
            }
        }
    }

    fn tell(&mut self, health: &Health) {
        let now = self.running.clock.wall();
        let stats = self.running.store.writer().stats();
        let record = Record {
            trouble: trouble(health, stats.committed_at.unwrap_or(now))
                .or_else(|| self.behind.look(&stats, now)),
            lost: self.salvaged.as_ref().and_then(|s| lost(s, now)),
        };
        let meters = &self.running.meters;
        meters.db_history_shed.set(u64::from(record.trouble.is_some()));
        meters.db_shed_disk.raise_to(stats.samples_shed_disk);
        meters.db_shed_queue.raise_to(stats.samples_shed_queue);
        if *self.told.record() != record {
            self.told.set_record(record);
        }
    }
}

/// What keeps the record from being written; since when, where the writer does not say so.
fn trouble(health: &Health, written_at: Timestamp) -> Option<Trouble> {
    let (kind, since) = match health {
        Health::Good => return None,
        Health::DiskFull { since, stuck: false } => (TroubleKind::DiskFull, *since),
        Health::DiskFull { since, stuck: true } => (TroubleKind::Stuck, *since),
        Health::Damaged { .. } | Health::Stuck { .. } => (TroubleKind::Stuck, written_at),
    };
    Some(Trouble { kind, since })
}

/// Whether history is given up because the writer does not follow.
#[derive(Default)]
struct Behind {
    shed: u64,
    /// When it began, and when it was last seen.
    seen: Option<(Timestamp, Timestamp)>,
}

impl Behind {
    fn look(&mut self, stats: &Stats, now: Timestamp) -> Option<Trouble> {
        if stats.samples_shed_queue > self.shed {
            self.shed = stats.samples_shed_queue;
            let since = self.seen.map_or(now, |(since, _)| since);
            self.seen = Some((since, now));
        }
        self.seen = self.seen.filter(|(_, last)| now.since(*last) < BEHIND);
        let (since, _) = self.seen?;
        Some(Trouble {
            kind: TroubleKind::Behind,
            since,
        })
    }
}

/// A loss, as long as people are told of it.
fn lost(salvaged: &Salvaged, now: Timestamp) -> Option<Lost> {
    let name = |path: &std::path::Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    (now.since(salvaged.at) < Span::from_secs(Lost::TOLD_SECONDS)).then(|| Lost {
        found_at: salvaged.at,
        kept_until: salvaged.alive_at,
        backup: salvaged.backup.as_deref().and_then(name),
        set_aside: name(&salvaged.set_aside).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    #[test]
    fn history_that_is_given_up_is_told_for_a_minute_after_the_last() {
        let mut behind = Behind::default();
        let shed = |samples_shed_queue| Stats {
            samples_shed_queue,
            ..Stats::default()
        };
        assert_eq!(behind.look(&shed(0), at(0)), None);
        let since = |t: Option<Trouble>| t.map(|t| t.since);
        assert_eq!(since(behind.look(&shed(5), at(10))), Some(at(10)));
        assert_eq!(since(behind.look(&shed(9), at(50))), Some(at(10)));
        assert_eq!(since(behind.look(&shed(9), at(109))), Some(at(10)));
        assert_eq!(behind.look(&shed(9), at(110)), None);
        assert_eq!(
            since(behind.look(&shed(10), at(200))),
            Some(at(200)),
            "another time"
        );
    }

    #[test]
    fn a_loss_is_told_for_some_days() {
        let salvaged = Salvaged {
            at: at(1_000),
            what: "a page".to_owned(),
            set_aside: "/data/t.db.damaged".into(),
            backup: None,
            alive_at: None,
        };
        let end = 1_000 + i64::try_from(Lost::TOLD_SECONDS).unwrap();
        assert_eq!(lost(&salvaged, at(end - 1)).unwrap().set_aside, "t.db.damaged");
        assert_eq!(lost(&salvaged, at(end)), None);
    }
}
