//! Faults: killed at any moment, power gone, disk full, read-only, damaged.
//!
//! What was announced (`Committed`) must be there afterwards, whatever happened.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use rusqlite::Connection;
use tempfile::TempDir;
use tramgac::clock::{Clock, SystemClock};
use tramgac::model::{Event, EventKind, Span, TargetId, Timestamp};
use tramgac::store::{
    Batch, Error, EventFilter, Health, Options, Reader, Sample, SendError, SeriesKey, Store, backup,
};

use crate::store_history::HandClock;
use crate::store_record::{commit, inventory, open, t};
use crate::support;

/// The path of the database of a child that is to be killed.
const CHILD: &str = "TRAMGAC_TEST_STORE_CHILD";

fn numbered(number: u64) -> Event {
    Event {
        at: t(0),
        recorded_at: t(0),
        target: None,
        kind: EventKind::MaintenanceStarted {
            window: number.to_string(),
        },
    }
}

fn number_of(event: &Event) -> Option<u64> {
    if let EventKind::MaintenanceStarted { window } = &event.kind {
        window.parse().ok()
    } else {
        None
    }
}

fn numbers(reader: &Reader) -> Vec<u64> {
    let events = reader.events(&EventFilter::default()).unwrap();
    events.iter().filter_map(|e| number_of(&e.event)).collect()
}

fn target(store: &Store) -> TargetId {
    let synced = store.sync_inventory(&inventory(&["pc-1"]), t(0)).unwrap();
    *synced.index.values().next().unwrap()
}

fn sample(target: TargetId, at: Timestamp, value: f64) -> Sample {
    Sample {
        series: SeriesKey {
            target,
            metric: "clients_count".into(),
            instance: "".into(),
        },
        at,
        value,
    }
}

/// Runs in a process of its own, under the next test, which kills it: writes
/// numbered events, says which are announced, and which samples it has sent when.
#[test]
fn child_that_writes_until_it_is_killed() {
    let Some(path) = std::env::var_os(CHILD) else {
        return;
    };
    let options = Options {
        commit_interval: Duration::from_millis(100),
        reserve_bytes: 64 << 10,
        ..Options::default()
    };
    let clock = SystemClock::shared();
    let store = Store::open(Path::new(&path), &options, clock.clone())
        .unwrap()
        .store;
    let target = target(&store);
    let mut next = store
        .readers()
        .with(|r| Ok(numbers(r).last().map_or(1, |n| n + 1)))
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let mut out = std::io::stdout().lock();
    loop {
        let sent = clock.wall();
        let samples = Batch {
            samples: vec![sample(target, sent, 1.0)],
            ..Batch::default()
        };
        store.writer().send(samples).unwrap();
        writeln!(out, "\nsample {}", sent.0).unwrap();
        let batch = Batch {
            events: vec![numbered(next)],
            ..Batch::default()
        };
        runtime.block_on(store.writer().commit(batch)).unwrap();
        writeln!(out, "\nannounced {next}").unwrap();
        out.flush().unwrap();
        next += 1;
    }
}

struct Victim {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Victim {
    fn start(path: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "store_faults::child_that_writes_until_it_is_killed",
                "--nocapture",
            ])
            .env(CHILD, path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Waits for an announcement, lets `span` pass, kills it; says what was announced last.
    fn kill_after(mut self, clock: &SystemClock, span: Span) -> u64 {
        let mut announced = 0;
        let mut first = None;
        for line in self.lines.by_ref() {
            let line = line.unwrap();
            if let Some(number) = line.strip_prefix("announced ") {
                announced = number.parse().unwrap();
                let first = *first.get_or_insert(clock.mono());
                if clock.mono().since(first) >= span {
                    break;
                }
            }
        }
        self.child.kill().unwrap();
        for line in self.lines {
            // The last line may be torn.
            let Ok(line) = line else { break };
            if let Some(number) = line.strip_prefix("announced ")
                && let Ok(number) = number.parse()
            {
                announced = announced.max(number);
            }
        }
        self.child.wait().unwrap();
        announced
    }
}

// trap 22
#[test]
fn killed_hundreds_of_times_no_announced_event_is_missing() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("tramgac.db");
    let clock = SystemClock::new();
    let mut kills = 0u64;
    while kills < 200 {
        // 0 to 20 ms after the first announcement, in steps that don't repeat.
        let span = Span::from_micros((kills * 7_919) % 20_000);
        let announced = Victim::start(&path).kill_after(&clock, span);
        let found = numbers(&Reader::open(&path).unwrap());
        let last = found.last().copied().unwrap_or(0);
        assert!(
            last >= announced,
            "kill {kills}: announced {announced}, found {last}"
        );
        assert!(
            found.iter().copied().eq(1..=last),
            "kill {kills}: events are missing or doubled"
        );
        kills += 1;
    }
    let store = open(&path).store;
    assert!(store.writer().stats().commits < 10);
}

#[test]
fn killed_it_loses_no_more_history_than_the_commit_interval() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("tramgac.db");
    let clock = SystemClock::new();
    for _ in 0..3 {
        let before = clock.wall();
        Victim::start(&path).kill_after(&clock, Span::from_millis(400));
        let store = open(&path).store;
        let target = target(&store);
        let series = sample(target, before, 0.0).series;
        let found = store
            .readers()
            .with(|r| r.samples(&series, before.minus(Span::from_secs(1)), Timestamp::MAX))
            .unwrap();
        let newest = found.last().map_or(before, |s| s.0);
        let lost = clock.wall().since(newest);
        assert!(
            lost < Span::from_millis(1000),
            "the newest sample is {lost:?} old"
        );
    }
}

/// What the record's files were at one moment.
fn files(path: &Path) -> (Vec<u8>, Vec<u8>) {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    (fs::read(path).unwrap(), fs::read(PathBuf::from(wal)).unwrap())
}

#[test]
fn power_loss_that_tears_the_log_loses_no_announced_event() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("tramgac.db");
    let store = open(&path).store;
    let target = target(&store);
    // After each announcement: how long the log is, and what is announced.
    let mut marks = Vec::new();
    for number in 1..=40u64 {
        commit(
            store.writer(),
            Batch {
                events: vec![numbered(number)],
                ..Batch::default()
            },
        );
        marks.push((files(&path).1.len(), number));
        let batch = Batch {
            samples: vec![sample(target, t(i64::try_from(number).unwrap()), 1.0)],
            settings: vec![("noise".to_owned(), vec![7; 3000])],
            ..Batch::default()
        };
        store.writer().send(batch).unwrap();
    }
    let (database, wal) = files(&path);
    drop(store);
    // Cut at 200 places, and filled with rubbish behind the cut in every second case.
    for i in 0..200usize {
        let cut = (i * 7_919_477) % (wal.len() + 1);
        let announced = marks
            .iter()
            .filter(|(length, _)| *length <= cut)
            .map(|(_, number)| *number)
            .max()
            .unwrap_or(0);
        let mut torn = wal[..cut].to_vec();
        if i % 2 == 0 {
            torn.resize(wal.len(), 0xa5);
        }
        let copy = folder.path().join("torn.db");
        fs::write(&copy, &database).unwrap();
        fs::write(folder.path().join("torn.db-wal"), torn).unwrap();
        drop(fs::remove_file(folder.path().join("torn.db-shm")));
        let store = open(&copy).store;
        let found = store.readers().with(|r| Ok(numbers(r))).unwrap();
        assert!(
            found.last().copied().unwrap_or(0) >= announced,
            "cut at {cut}: announced {announced}, found {found:?}"
        );
        assert!(found.iter().copied().eq(1..=found.last().copied().unwrap_or(0)));
        drop(store);
    }
}

/// A tmpfs of that size, seen by this thread and those that it starts. `None`
/// (after saying so) where we may not mount.
pub(crate) fn small_disk(bytes: u64, flags: MsFlags) -> Option<TempDir> {
    if !support::is_root() {
        return None;
    }
    let folder = TempDir::new().unwrap();
    let none: Option<&str> = None;
    let made = unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_FS)
        .and_then(|()| mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none))
        .and_then(|()| {
            let size = format!("size={bytes}");
            mount(
                Some("tmpfs"),
                folder.path(),
                Some("tmpfs"),
                flags,
                Some(size.as_str()),
            )
        });
    match made {
        Ok(()) => Some(folder),
        Err(e) => {
            support::missing(&format!("the right to mount ({e})"));
            None
        }
    }
}

// trap 25
#[test]
fn a_full_disk_stops_history_keeps_events_and_recovers_by_itself() {
    let Some(folder) = small_disk(8 << 20, MsFlags::empty()) else {
        return;
    };
    let path = folder.path().join("tramgac.db");
    let clock = HandClock::at(t(0));
    let options = Options {
        reserve_bytes: 1 << 20,
        commit_interval: Duration::ZERO,
        ..Options::default()
    };
    let store = Store::open(&path, &options, Arc::clone(&clock) as Arc<dyn Clock>)
        .unwrap()
        .store;
    let target = target(&store);
    // Somebody else fills the disk, all but the reserve and some room.
    let filler = folder.path().join("filler");
    let full = fs::write(&filler, vec![1; 8 << 20]);
    assert!(full.is_err(), "the disk is larger than it should be");

    let mut number = 0;
    let mut step = || {
        number += 1;
        clock.go(t(i64::try_from(number).unwrap()));
        let batch = Batch {
            events: vec![numbered(number)],
            samples: (0..5000)
                .map(|_| sample(target, t(0), 1.0 / number_as_f64(number)))
                .collect(),
            settings: vec![("noise".to_owned(), vec![7; 20_000])],
            ..Batch::default()
        };
        commit(store.writer(), batch);
        number
    };
    let health = store.writer().health();
    let full = support::wait_for("the disk to be full", Duration::from_secs(10), || {
        step();
        matches!(*health.borrow(), Health::DiskFull { .. }).then(|| store.writer().stats())
    });
    assert!(full.samples_shed_disk > 0);
    // Events still are announced, for a while yet; samples are shed and counted.
    let mut last = 0;
    for _ in 0..20 {
        last = step();
    }
    assert!(store.writer().stats().samples_shed_disk > full.samples_shed_disk);
    assert_eq!(
        store.readers().with(|r| Ok(numbers(r).last().copied())).unwrap(),
        Some(last)
    );

    fs::remove_file(&filler).unwrap();
    support::wait_for("history to go on", Duration::from_secs(10), || {
        clock.go(t(i64::try_from(last).unwrap() + 100));
        last += 100;
        store.writer().tidy().unwrap();
        (*health.borrow() == Health::Good).then_some(())
    });
    let before = store.writer().stats();
    commit(
        store.writer(),
        Batch {
            samples: vec![sample(target, t(9_000), 1.0)],
            events: vec![numbered(1)],
            ..Batch::default()
        },
    );
    assert_eq!(store.writer().stats().samples, before.samples + 1);
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn number_as_f64(n: u64) -> f64 {
    n as f64
}

#[test]
fn a_disk_so_full_that_events_wait_gives_them_back_when_there_is_room() {
    let Some(folder) = small_disk(4 << 20, MsFlags::empty()) else {
        return;
    };
    let path = folder.path().join("tramgac.db");
    let options = Options {
        reserve_bytes: 0,
        queue: 8,
        ..Options::default()
    };
    let store = Store::open(&path, &options, SystemClock::shared()).unwrap().store;
    let filler = folder.path().join("filler");
    assert!(fs::write(&filler, vec![1; 4 << 20]).is_err());
    let batch = |number| Batch {
        events: vec![numbered(number)],
        settings: vec![(format!("noise{number}"), vec![7; 50_000])],
        ..Batch::default()
    };
    // Until the queue is full: then the sender keeps its batch.
    let mut number = 0;
    let kept = support::wait_for("the queue to be full", Duration::from_secs(20), || {
        match store.writer().send(batch(number + 1)) {
            Ok(_) => {
                number += 1;
                None
            }
            Err(SendError::Full(kept)) => Some(kept),
            Err(SendError::Closed(_)) => panic!("the writer has ended"),
        }
    });
    assert_eq!(kept.events.len(), 1, "events are never shed");
    assert!(matches!(
        *store.writer().health().borrow(),
        Health::DiskFull { stuck: true, .. }
    ));
    fs::remove_file(&filler).unwrap();
    support::wait_for("everything to be written", Duration::from_secs(20), || {
        store
            .readers()
            .with(|r| Ok(numbers(r)))
            .unwrap()
            .into_iter()
            .eq(1..=number)
            .then_some(())
    });
}

#[test]
fn a_read_only_disk_is_one_clear_error() {
    let Some(folder) = small_disk(1 << 20, MsFlags::MS_RDONLY) else {
        return;
    };
    let error = Store::open(
        &folder.path().join("tramgac.db"),
        &Options::default(),
        SystemClock::shared(),
    )
    .unwrap_err();
    assert!(matches!(error, Error::NotWritable { .. }), "{error:?}");
    assert!(error.to_string().contains("tramgac.db"), "{error}");
}

/// A record with events 1 to `last` and a backup after each of `backups`.
fn with_backups(folder: &Path, last: u64, backups: &[u64]) -> PathBuf {
    let path = folder.join("tramgac.db");
    let store = open(&path).store;
    target(&store);
    for number in 1..=last {
        commit(
            store.writer(),
            Batch {
                events: vec![numbered(number)],
                alive_at: Some(t(i64::try_from(number).unwrap())),
                ..Batch::default()
            },
        );
        if backups.contains(&number) {
            let options = backup::BackupOptions {
                folder: folder.join("backup"),
                keep: 2,
            };
            let clock = HandClock::at(t(i64::try_from(number).unwrap()));
            let copied = backup::run(&path, &options, &*clock).unwrap();
            assert_eq!(copied.rows["event"], number + 1);
        }
    }
    store.close();
    path
}

/// Overwrites the middle of every page after the first.
fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    for page in bytes.chunks_mut(4096).skip(1) {
        for byte in page.iter_mut().take(200) {
            *byte ^= 0x5a;
        }
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_damaged_database_is_set_aside_and_the_last_good_backup_taken() {
    let folder = TempDir::new().unwrap();
    let path = with_backups(folder.path(), 9, &[2, 4, 6]);
    let copies = backup::list(&path, &folder.path().join("backup")).unwrap();
    assert_eq!(copies.len(), 2, "rotated");
    damage(&path);
    damage(&copies[1].1);
    let damaged = fs::read(&path).unwrap();
    let options = Options {
        backups: Some(folder.path().join("backup")),
        ..Options::default()
    };
    let opened = Store::open(&path, &options, SystemClock::shared()).unwrap();
    let salvaged = opened.salvaged.unwrap();
    assert_eq!(
        salvaged.backup.as_ref(),
        Some(&copies[0].1),
        "the newest good one"
    );
    assert_eq!(salvaged.alive_at, Some(t(4)));
    assert_eq!(opened.alive_at, Some(t(4)));
    assert_eq!(fs::read(&salvaged.set_aside).unwrap(), damaged, "kept as it was");
    assert_eq!(
        opened.store.readers().with(|r| Ok(numbers(r))).unwrap(),
        [1, 2, 3, 4]
    );
    // It is a record like any other.
    commit(
        opened.store.writer(),
        Batch {
            events: vec![numbered(5)],
            ..Batch::default()
        },
    );
}

#[test]
fn a_damaged_database_without_a_backup_begins_anew() {
    let folder = TempDir::new().unwrap();
    let path = with_backups(folder.path(), 3, &[]);
    damage(&path);
    let opened = Store::open(&path, &Options::default(), SystemClock::shared()).unwrap();
    let salvaged = opened.salvaged.unwrap();
    assert_eq!((salvaged.backup, salvaged.alive_at), (None, None));
    assert!(salvaged.set_aside.exists());
    assert!(
        opened
            .store
            .readers()
            .with(|r| Ok(numbers(r)))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_restore_keeps_what_it_replaces_and_refuses_while_the_record_is_in_use() {
    let folder = TempDir::new().unwrap();
    let path = with_backups(folder.path(), 9, &[4]);
    let copy = backup::list(&path, &folder.path().join("backup"))
        .unwrap()
        .remove(0)
        .1;
    let clock = SystemClock::new();
    let store = open(&path).store;
    let error = backup::restore(&path, &copy, &clock).unwrap_err();
    assert!(matches!(error, Error::Locked { .. }), "{error}");
    store.close();
    let text = folder.path().join("text");
    fs::write(&text, "không phải").unwrap();
    let error = backup::restore(&path, &text, &clock).unwrap_err();
    assert!(matches!(error, Error::NotOurs { .. }), "{error}");
    let bad = folder.path().join("bad.db");
    fs::copy(&copy, &bad).unwrap();
    damage(&bad);
    let before = fs::read(&path).unwrap();
    let error = backup::restore(&path, &bad, &clock).unwrap_err();
    assert!(error.is_damage(), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before, "nothing is changed");

    let restored = backup::restore(&path, &copy, &clock).unwrap();
    assert_eq!(restored.rows["event"], 5);
    assert_eq!(restored.alive_at, Some(t(4)));
    assert_eq!(numbers(&Reader::open(&path).unwrap()), [1, 2, 3, 4]);
    let replaced = restored.replaced.unwrap();
    assert_eq!(numbers(&Reader::open(&replaced).unwrap()).len(), 9);
}

#[test]
fn a_restore_gives_a_file_of_old_what_it_needs_to_give_room_back() {
    let folder = TempDir::new().unwrap();
    let path = with_backups(folder.path(), 5, &[4]);
    let copy = backup::list(&path, &folder.path().join("backup"))
        .unwrap()
        .remove(0)
        .1;
    let mode = |file: &Path| -> i64 {
        let c = Connection::open(file).unwrap();
        c.query_row("PRAGMA auto_vacuum", [], |r| r.get(0)).unwrap()
    };
    Connection::open(&copy)
        .unwrap()
        .execute_batch("PRAGMA auto_vacuum = 0; VACUUM")
        .unwrap();
    assert_eq!(mode(&copy), 0, "as before the first release");
    backup::restore(&path, &copy, &SystemClock::new()).unwrap();
    assert_eq!(mode(&path), 2);
    assert_eq!(numbers(&Reader::open(&path).unwrap()), [1, 2, 3, 4]);
}

/// Makes a database too large to be checked whole at every start, by rows that nobody reads at the start.
fn enlarge(path: &Path) {
    let c = Connection::open(path).unwrap();
    c.execute_batch(
        "BEGIN;
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
         INSERT INTO chunk (id, body) SELECT (2 << 60) + i, zeroblob(3900) FROM n;
         COMMIT;
         PRAGMA wal_checkpoint(TRUNCATE)",
    )
    .unwrap();
    drop(c);
    assert!(path.metadata().unwrap().len() > 64 << 20);
}

#[test]
fn a_large_damaged_inventory_is_found_at_the_start_and_what_was_lost_is_on_record() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("tramgac.db");
    let store = open(&path).store;
    let ids: Vec<String> = (0..400).map(|n| format!("pc-{n}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    store.sync_inventory(&inventory(&ids), t(0)).unwrap();
    store.close();
    enlarge(&path);
    assert!(open(&path).salvaged.is_none(), "it is whole");
    let c = Connection::open(&path).unwrap();
    let root: i64 = c
        .query_row(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'device'",
            [],
            |r| r.get(0),
        )
        .unwrap();
    drop(c);
    let mut bytes = fs::read(&path).unwrap();
    // The children of the root: pages with devices.
    let from = usize::try_from(root - 1).unwrap() * 4096;
    assert_eq!(bytes[from], 5, "an inner page of a table");
    let last = u32::from_be_bytes(bytes[from + 8..from + 12].try_into().unwrap());
    let page = (last as usize - 1) * 4096;
    bytes[page] ^= 0x5a;
    fs::write(&path, bytes).unwrap();

    let opened = open(&path);
    let salvaged = opened.salvaged.unwrap();
    assert_eq!((&salvaged.backup, salvaged.alive_at), (&None, None));
    let kept = opened.store.readers().with(Reader::salvaged).unwrap();
    assert_eq!(kept, Some(salvaged.clone()));
    opened.store.close();
    let again = open(&path);
    assert!(again.salvaged.is_none());
    let kept = again.store.readers().with(Reader::salvaged).unwrap();
    assert_eq!(kept, Some(salvaged), "over restarts");
}
