//! That upkeep of a large record goes in small steps, with room for commits in between (trap 25).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tempfile::TempDir;

use super::{Handle, Writer};
use crate::clock::Clock;
use crate::model::{Event, EventKind, Mono, Span, TargetId, Timestamp};
use crate::store::history::level::Level;
use crate::store::{Batch, Options, Sample, SeriesKey, open};

/// A clock that stands still until it is told to go.
struct Standing(AtomicI64);

impl Standing {
    fn go(&self, by: Span) {
        let micros = i64::try_from(by.as_micros()).unwrap();
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for Standing {
    fn wall(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }

    fn mono(&self) -> Mono {
        Mono(self.0.load(Ordering::SeqCst).unsigned_abs() * 1000)
    }
}

const SERIES: u32 = 1_500;
const OLD_DAYS: i64 = 20;
/// What a step may change, 4 MiB: some ten milliseconds.
const PAGES: u64 = 1_024;

struct Large {
    folder: TempDir,
    clock: Arc<Standing>,
    handle: Handle,
    writer: Writer,
}

/// A clock that goes on by 10 ms whenever it is asked.
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn wall(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }

    fn mono(&self) -> Mono {
        Mono(self.0.fetch_add(10_000, Ordering::SeqCst).unsigned_abs() * 1000)
    }
}

/// A record with days of old chunks, and newer samples on their way into chunks.
fn large() -> Large {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("tramgac.db");
    let clock = Arc::new(Standing(AtomicI64::new(1_790_000_000_000_000)));
    let opened = open::open(&path, None, clock.wall()).unwrap();
    let c = &opened.connection;
    c.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))
        .unwrap();
    c.execute(
        "INSERT INTO target (kind, slug, added_at)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
         SELECT 'device', 'pc-' || i, 0 FROM n",
        [SERIES],
    )
    .unwrap();
    let today = Level::Raw.window_of(clock.wall().into());
    c.execute_batch("BEGIN").unwrap();
    for day in today - 14 - OLD_DAYS..today - 14 {
        for series in 1..=SERIES {
            c.prepare_cached("INSERT INTO chunk (id, body) VALUES (?1, zeroblob(460))")
                .unwrap()
                .execute([Level::Raw.key(day, series)])
                .unwrap();
        }
    }
    c.execute_batch("COMMIT").unwrap();
    let shared = Arc::clone(&clock) as Arc<dyn Clock>;
    let (handle, writer) =
        Writer::new(&path, opened.connection, opened.lock, &Options::default(), shared).unwrap();
    Large {
        folder,
        clock,
        handle,
        writer,
    }
}

impl Large {
    fn count(&self, sql: &str) -> u64 {
        self.writer
            .connection
            .query_row(sql, [], |r| r.get::<_, i64>(0))
            .unwrap()
            .unsigned_abs()
    }

    /// Pages that were written to the log since the database was opened.
    fn pages(&self) -> u64 {
        let log = self.folder.path().join("tramgac.db-wal").metadata().unwrap();
        log.len() / (4096 + 24)
    }

    /// One sample of every series, as a round of looks brings them.
    fn samples(&self) -> Batch {
        let at = self.clock.wall();
        let sample = |n| Sample {
            series: SeriesKey {
                target: TargetId(n),
                metric: "rtt_seconds".into(),
                instance: "".into(),
            },
            at,
            value: f64::from(n) / 1e6,
        };
        Batch {
            samples: (1..=SERIES).map(sample).collect(),
            ..Batch::default()
        }
    }

    fn event(&self) -> Batch {
        let now = self.clock.wall();
        Batch {
            events: vec![Event {
                at: now,
                recorded_at: now,
                target: None,
                kind: EventKind::FlappingStarted,
            }],
            ..Batch::default()
        }
    }
}

// trap 25
#[test]
fn upkeep_of_a_large_record_lets_a_commit_through_after_every_small_step() {
    let mut r = large();
    assert_eq!(r.count("SELECT count(*) FROM chunk"), u64::from(SERIES) * 20);
    let (mut steps, mut most_pages, mut most_rows, mut most_freed) = (0u64, 0, 0, 0);
    // Two days of samples, a round an hour, and some hours more.
    for hour in 0..52 {
        r.clock.go(Span::from_hours(1));
        if hour < 48 {
            r.handle.send(r.samples()).unwrap();
        }
        let mut quiet = 0;
        while quiet < 5 {
            let (pages, rows) = (r.pages(), r.writer.connection.total_changes());
            let free = r.count("PRAGMA freelist_count");
            // What is sent now is on disk after one turn, whatever upkeep there is to do.
            let ticket = r.handle.send(r.event()).unwrap();
            r.writer.turn();
            assert_eq!(
                r.handle.committed().borrow().ticket,
                ticket,
                "after {steps} steps"
            );
            let rows = r.writer.connection.total_changes() - rows;
            let freed = free.saturating_sub(r.count("PRAGMA freelist_count"));
            if hour > 0 {
                // In the first hour every series gets its number.
                most_rows = most_rows.max(rows);
            }
            most_pages = most_pages.max(r.pages() - pages);
            most_freed = most_freed.max(freed);
            steps += 1;
            assert!(steps < 20_000, "upkeep has no end");
            // The event is one row; an insert may take a free page: then nothing else was done.
            quiet = if rows <= 1 && freed < 8 { quiet + 1 } else { 0 };
        }
    }
    assert_eq!(
        r.count("SELECT count(*) FROM journal"),
        0,
        "everything is in chunks"
    );
    assert_eq!(
        r.count("SELECT count(*) FROM chunk WHERE id >> 60 = 1"),
        2 * u64::from(SERIES),
        "the two days that are over are sealed, the old ones are gone"
    );
    let (free, all) = (r.count("PRAGMA freelist_count"), r.count("PRAGMA page_count"));
    assert!(free <= all / 10 + 256, "{free} of {all} pages are free");
    assert!(steps > 400, "{steps} steps only");
    assert!(most_rows <= 1_000, "a step changed {most_rows} rows");
    assert!(most_freed <= 264, "a step gave {most_freed} pages back");
    assert!(most_pages <= PAGES, "a step wrote {most_pages} pages");
}

// trap 25
#[test]
fn batches_that_take_long_together_are_committed_in_several_transactions() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("tramgac.db");
    let clock: Arc<dyn Clock> = Arc::new(Ticking(AtomicI64::new(1_790_000_000_000_000)));
    let opened = open::open(&path, None, clock.wall()).unwrap();
    let options = Options::default();
    let (handle, mut writer) = Writer::new(
        &path,
        opened.connection,
        opened.lock,
        &options,
        Arc::clone(&clock),
    )
    .unwrap();
    let event = |n: u32| Batch {
        events: vec![Event {
            at: clock.wall(),
            recorded_at: clock.wall(),
            target: None,
            kind: EventKind::FlappingStarted,
        }],
        settings: vec![(n.to_string(), Vec::new())],
        ..Batch::default()
    };
    let mut tickets = Vec::new();
    for n in 0..40 {
        tickets.push(handle.send(event(n)).unwrap());
    }
    let committed = handle.committed();
    writer.turn();
    let stats = handle.stats();
    assert_eq!((stats.events, stats.queued), (40, 0));
    // The clock says that a batch takes 10 ms: no transaction goes on after 50.
    assert_eq!(stats.commits, 8);
    assert_eq!(Some(committed.borrow().ticket), tickets.last().copied());
    assert!(stats.commit_max < Span::from_millis(100), "{stats:?}");
}

#[test]
fn a_writer_that_can_not_follow_sheds_history_first_and_gives_events_back_never_loses_them() {
    let r = large();
    let most = Options::default().queue;
    let with_event = || Batch {
        events: r.event().events,
        ..r.samples()
    };
    let mut sent = 0;
    let returned = loop {
        match r.handle.send(with_event()) {
            Ok(ticket) => sent = ticket,
            Err(crate::store::SendError::Full(back)) => break back,
            Err(crate::store::SendError::Closed(_)) => panic!("the writer lives"),
        }
    };
    assert_eq!(sent, u64::try_from(most).unwrap());
    assert_eq!(returned.events.len(), 1, "the sender keeps its event");
    let stats = r.handle.stats();
    let shed = u64::try_from(most / 2).unwrap() + 1;
    assert_eq!(
        stats.samples_shed_queue,
        shed * u64::from(SERIES),
        "from half a queue on"
    );
    assert_eq!((stats.batches_returned, stats.queued), (1, sent));
    let mut r = r;
    while r.handle.committed().borrow().ticket < sent {
        r.writer.turn();
    }
    assert_eq!(
        r.handle.stats().events,
        sent,
        "every event that was taken is on disk"
    );
    assert_eq!(r.handle.stats().samples, (sent + 1 - shed) * u64::from(SERIES));
    r.handle.send(*returned).unwrap();
    r.writer.turn();
    assert_eq!(r.handle.stats().events, sent + 1);
}
