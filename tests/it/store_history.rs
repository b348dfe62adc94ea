//! History: what goes in comes out, at every level, across restarts and odd clocks.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tempfile::TempDir;
use tramgac::clock::Clock;
use tramgac::model::{Mono, Span, TargetId, Timestamp};
use tramgac::store::{Batch, Level, Options, Point, Reader, Retention, Sample, SeriesKey, Store};

use crate::store_record::{commit, inventory, t};
use crate::support::program::{run, stderr, stdout};

/// A clock that goes when it is told to.
#[derive(Debug, Default)]
pub(crate) struct HandClock {
    wall: AtomicI64,
    mono: AtomicI64,
}

impl HandClock {
    pub(crate) fn at(at: Timestamp) -> Arc<Self> {
        let clock = Self::default();
        clock.wall.store(at.0, Ordering::SeqCst);
        Arc::new(clock)
    }

    pub(crate) fn go(&self, to: Timestamp) {
        let before = self.wall.swap(to.0, Ordering::SeqCst);
        self.mono.fetch_add((to.0 - before).max(1), Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn wall(&self) -> Timestamp {
        Timestamp(self.wall.load(Ordering::SeqCst))
    }

    fn mono(&self) -> Mono {
        Mono(self.mono.load(Ordering::SeqCst).unsigned_abs() * 1000)
    }
}

const DAY: i64 = 86_400;

/// A midnight (UTC) after which the stories begin.
fn midnight(day: i64) -> Timestamp {
    Timestamp::from_secs((1_790_000_000 / DAY + day) * DAY)
}

fn key(target: TargetId, metric: &str) -> SeriesKey {
    SeriesKey {
        target,
        metric: metric.into(),
        instance: "".into(),
    }
}

struct Record {
    folder: TempDir,
    path: std::path::PathBuf,
    clock: Arc<HandClock>,
    store: Store,
    target: TargetId,
}

impl Record {
    fn new(at: Timestamp) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("tramgac.db");
        let clock = HandClock::at(at);
        let store = Store::open(&path, &Options::default(), clock.clone())
            .unwrap()
            .store;
        let synced = store.sync_inventory(&inventory(&["pc-1"]), t(0)).unwrap();
        let target = *synced.index.values().next().unwrap();
        Self {
            folder,
            path,
            clock,
            store,
            target,
        }
    }

    /// One sample a minute of a value that follows from its minute.
    fn write(&self, metric: &str, from: Timestamp, minutes: std::ops::Range<i64>) {
        let samples = minutes
            .map(|m| Sample {
                series: key(self.target, metric),
                at: from.plus(Span::from_secs(60 * m.unsigned_abs())),
                value: value(m),
            })
            .collect();
        let batch = Batch {
            samples,
            ..Batch::default()
        };
        self.clock.go(from);
        let ticket = self.store.writer().send(batch).unwrap();
        // The clock stands still: what waits a second waits for ever.
        self.clock.go(from.plus(Span::from_secs(2)));
        self.store.writer().tidy().unwrap();
        assert!(self.store.committed().borrow().ticket >= ticket);
    }

    fn tidy(&self, at: Timestamp) {
        self.clock.go(at);
        self.store.writer().tidy().unwrap();
    }

    fn points(&self, metric: &str, from: Timestamp, to: Timestamp, level: Level) -> Vec<Point> {
        self.store
            .readers()
            .with(|r| r.history_from_level(&key(self.target, metric), from, to, level))
            .unwrap()
    }
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn value(minute: i64) -> f64 {
    ((minute * 7) % 100) as f64
}

fn check_day(points: &[Point], per_bucket: i64) {
    let minutes_of = |i: usize| {
        let i = i64::try_from(i).unwrap();
        i * per_bucket..(i + 1) * per_bucket
    };
    for (i, p) in points.iter().enumerate() {
        let values: Vec<f64> = minutes_of(i).map(value).collect();
        assert_eq!(usize::try_from(p.count).unwrap(), values.len(), "{i}");
        assert!((p.sum - values.iter().sum::<f64>()).abs() < 1e-9, "{i} {p:?}");
        assert!((p.min - values.iter().copied().fold(f64::MAX, f64::min)).abs() < 1e-9);
        assert!((p.max - values.iter().copied().fold(f64::MIN, f64::max)).abs() < 1e-9);
    }
}

#[test]
fn a_day_reads_the_same_from_tails_from_chunks_after_a_restart_and_sealed() {
    let r = Record::new(midnight(0));
    let (begin, end) = (midnight(0), midnight(1));
    for hour in 0..24 {
        r.write("clients_count", begin, hour * 60..(hour + 1) * 60);
    }
    let check = |r: &Reader, when: &str| {
        let samples = r.samples(&key(r_target(r), "clients_count"), begin, end).unwrap();
        assert_eq!(samples.len(), 1440, "{when}");
        for (i, (at, v)) in (0i64..).zip(&samples) {
            assert_eq!(*at, begin.plus(Span::from_secs(60 * i.unsigned_abs())), "{when}");
            assert!((v - value(i)).abs() < 1e-9, "{when} {i} {v}");
        }
        for (level, per_bucket) in [(Level::FiveMinutes, 5), (Level::Hour, 60), (Level::Day, 1440)] {
            let points = r
                .history_from_level(&key(r_target(r), "clients_count"), begin, end, level)
                .unwrap();
            assert_eq!(
                i64::try_from(points.len()).unwrap() * per_bucket,
                1440,
                "{when} {level:?}"
            );
            check_day(&points, per_bucket);
        }
    };
    lend(&r.store, |x| check(x, "with its writer"));
    check(&Reader::open(&r.path).unwrap(), "from another process");
    r.tidy(end.plus(Span::from_mins(10)));
    lend(&r.store, |x| check(x, "after some upkeep"));
    r.tidy(end.plus(Span::from_hours(2)));
    lend(&r.store, |x| check(x, "sealed"));
    let Record {
        folder,
        path,
        clock,
        store,
        ..
    } = r;
    store.close();
    let again = Store::open(&path, &Options::default(), clock).unwrap().store;
    lend(&again, |x| check(x, "after a restart"));
    drop(folder);
}

/// Lends a reader of the writer's process.
fn lend(store: &Store, look: impl FnOnce(&Reader)) {
    let done = store.readers().with(|reader| {
        look(reader);
        Ok(())
    });
    done.unwrap();
}

/// The only target.
fn r_target(reader: &Reader) -> TargetId {
    *reader.inventory().unwrap().index.values().next().unwrap()
}

#[test]
fn what_is_in_the_journal_only_survives_a_restart() {
    let r = Record::new(midnight(0));
    r.write("clients_count", midnight(0), 0..10);
    let Record {
        folder,
        path,
        clock,
        store,
        target,
    } = r;
    store.close();
    let store = Store::open(&path, &Options::default(), clock).unwrap().store;
    store.writer().tidy().unwrap();
    let read = store
        .readers()
        .with(|x| x.samples(&key(target, "clients_count"), midnight(0), midnight(1)))
        .unwrap();
    assert_eq!(read.len(), 10);
    drop(folder);
}

#[test]
fn without_a_daemon_chunks_of_every_kind_and_the_journal_are_read_as_one() {
    let r = Record::new(midnight(0));
    r.write("clients_count", midnight(0), 0..1440);
    r.tidy(midnight(1).plus(Span::from_hours(2)));
    // Half of the next day comes into open chunks, its last minutes only into the journal.
    r.write("clients_count", midnight(1), 0..720);
    r.tidy(midnight(1).plus(Span::from_hours(13)));
    r.tidy(midnight(1).plus(Span::from_hours(14)));
    r.write("clients_count", midnight(1), 720..730);
    let Record {
        folder, path, store, ..
    } = r;
    store.close();
    let count = |sql: &str| -> i64 {
        let c = rusqlite::Connection::open(&path).unwrap();
        c.query_row(sql, [], |r| r.get(0)).unwrap()
    };
    assert_eq!(
        count("SELECT count(*) FROM chunk WHERE id >> 60 = 1"),
        1,
        "one day is sealed"
    );
    assert_eq!(
        count("SELECT count(*) FROM chunk WHERE id >> 60 = 0"),
        2,
        "twelve hours are open"
    );
    assert_eq!(
        count("SELECT count(*) FROM journal"),
        1,
        "the rest is in the journal only"
    );
    let export = |level: &str| {
        let file = path.to_string_lossy();
        let output = run(&[
            "export",
            "history",
            "--database",
            &file,
            "--to",
            "2100-01-01",
            "--level",
            level,
            "--format",
            "jsonl",
        ]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(stderr(&output).contains("no daemon runs"), "{}", stderr(&output));
        let text = stdout(&output);
        let rows = text.lines().map(|l| serde_json::from_str(l).unwrap());
        rows.collect::<Vec<serde_json::Value>>()
    };
    let samples = export("raw");
    assert_eq!(samples.len(), 1440 + 730);
    for (minute, row) in (0..1440).chain(0..730).zip(&samples) {
        assert!(
            (row["mean"].as_f64().unwrap() - value(minute)).abs() < 1e-9,
            "{minute}: {row}"
        );
    }
    let hours = export("1h");
    assert_eq!(hours.len(), 24 + 13);
    let counted: u64 = hours.iter().map(|h| h["count"].as_u64().unwrap()).sum();
    assert_eq!(counted, 1440 + 730);
    drop(folder);
}

// trap 24
#[test]
fn old_levels_go_and_coarser_ones_take_their_place() {
    let r = Record::new(midnight(0));
    for day in 0..20 {
        r.write("clients_count", midnight(day), 0..1440);
        r.tidy(midnight(day + 1).plus(Span::from_hours(1)));
    }
    let now = midnight(20).plus(Span::from_hours(2));
    r.tidy(now);
    let raw = r.points("clients_count", midnight(6), now, Level::Raw);
    let singles = raw.iter().filter(|p| p.span == Span::ZERO).count();
    assert_eq!(singles, 14 * 1440, "the newest 14 days are there in full");
    assert_eq!(raw.len() - singles, 0);
    let all = r.points("clients_count", midnight(0), now, Level::Raw);
    let five = all.iter().filter(|p| p.span == Span::from_mins(5)).count();
    assert_eq!(five, 6 * 288, "what is older is there in five minutes");
    assert!(all.is_sorted_by_key(|p| p.at));
    let total: u32 = all.iter().map(|p| p.count).sum();
    assert_eq!(total, 20 * 1440, "nothing is lost or counted twice");
    assert_eq!(r.points("clients_count", midnight(0), now, Level::Day).len(), 20);
    let auto = r
        .store
        .readers()
        .with(|x| x.history(&key(r.target, "clients_count"), midnight(0), now, 600))
        .unwrap();
    assert_eq!(auto.len(), 20 * 24);
}

// trap 24
#[test]
fn clocks_that_step_lose_nothing_and_freeze_nothing() {
    let r = Record::new(midnight(0));
    r.write("clients_count", midnight(0).plus(Span::from_hours(6)), 0..60);
    // Back by an hour: the same hour comes twice, its newest values stay.
    r.write("clients_count", midnight(0).plus(Span::from_hours(5)), 0..120);
    // Ahead by ten years, and back.
    r.write("clients_count", midnight(3650), 0..60);
    r.write("clients_count", midnight(1), 0..60);
    r.tidy(midnight(2));
    let read = |from, to| {
        r.store
            .readers()
            .with(|x| x.samples(&key(r.target, "clients_count"), from, to))
            .unwrap()
    };
    assert_eq!(read(midnight(0), midnight(1)).len(), 120);
    assert_eq!(read(midnight(1), midnight(2)).len(), 60);
    assert_eq!(read(midnight(3650), midnight(3651)).len(), 60);
    // Late values of a day that is sealed are rolled up too.
    r.write("clients_count", midnight(0), 0..60);
    r.tidy(midnight(4));
    let hours = r.points("clients_count", midnight(0), midnight(1), Level::Hour);
    assert_eq!(hours.iter().map(|p| p.count).sum::<u32>(), 180);
    let days = r.points("clients_count", midnight(0), midnight(1), Level::Day);
    assert_eq!(days[0].count, 180);
    // Before 1970 there is nothing to write to.
    commit_nothing_odd(&r);
}

fn commit_nothing_odd(r: &Record) {
    let odd = |at| Sample {
        series: key(r.target, "clients_count"),
        at,
        value: 1.0,
    };
    let batch = Batch {
        samples: vec![odd(Timestamp(-1)), odd(Timestamp::MAX), odd(Timestamp::MIN)],
        alive_at: Some(t(0)),
        ..Batch::default()
    };
    r.store.writer().send(batch).unwrap();
    r.tidy(midnight(5));
    assert_eq!(r.store.writer().stats().samples_implausible, 3);
    // Events still go.
    commit(
        r.store.writer(),
        Batch {
            events: vec![tramgac::model::Event {
                at: t(0),
                recorded_at: t(0),
                target: None,
                kind: tramgac::model::EventKind::DaemonStopped,
            }],
            ..Batch::default()
        },
    );
}

// trap 24
#[test]
fn a_clock_that_wakes_in_the_future_deletes_nothing() {
    let r = Record::new(midnight(0));
    r.write("clients_count", midnight(0), 0..1440);
    r.tidy(midnight(1).plus(Span::from_hours(1)));
    r.clock.wall.store(midnight(3650).0, Ordering::SeqCst);
    r.store.writer().tidy().unwrap();
    r.clock.wall.store(midnight(2).0, Ordering::SeqCst);
    r.store.writer().tidy().unwrap();
    let points = r.points("clients_count", midnight(0), midnight(1), Level::Raw);
    assert_eq!(points.len(), 1440);
    assert!(Retention::default().day.is_none());
}
