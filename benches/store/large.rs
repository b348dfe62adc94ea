//! A record of 3,000 devices and 400 days: what pages and reports ask, while it is written to.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::{Connection, OptionalExtension, params};
use tempfile::TempDir;
use tramgac::clock::{Clock, SystemClock};
use tramgac::model::{Event, EventKind, IncidentId, Reason, Span, State, TargetId, Timestamp};
use tramgac::monitor::availability::log::Log;
use tramgac::monitor::interval::Interval;
use tramgac::store::{
    Batch, EventFilter, IncidentFilter, Options, Order, Reader, Sample, SavedState, SeriesKey, Store,
};

use crate::story::{DAY, METRICS, Noise, StoryClock, fill, inventory, keys, second, send};

const DEVICES: u32 = 3000;

fn event(target: TargetId, at: Timestamp, kind: EventKind) -> Event {
    Event {
        at,
        recorded_at: at,
        target: Some(target),
        kind,
    }
}

/// Makes history of all devices out of that of some, chunk by chunk: what
/// retention has left of it.
fn multiply(path: &Path, some: u32, all: &[TargetId]) {
    let mut c = Connection::open(path).unwrap();
    let t = c.transaction().unwrap();
    let series = |t: &Connection, target: u32, metric: &str| -> i64 {
        let found = t
            .prepare_cached("SELECT id FROM series WHERE target = ?1 AND metric = ?2")
            .unwrap()
            .query_row(params![target, metric], |r| r.get(0))
            .optional()
            .unwrap();
        found.unwrap_or_else(|| {
            t.prepare_cached("INSERT INTO series (target, metric, instance) VALUES (?1, ?2, '')")
                .unwrap()
                .execute(params![target, metric])
                .unwrap();
            t.last_insert_rowid()
        })
    };
    // Number of the model's series, number of the copy.
    let mut pairs: Vec<(i64, i64)> = Vec::new();
    for (place, target) in all.iter().enumerate() {
        for metric in METRICS {
            let of = series(&t, all[place % some as usize].0, metric);
            let to = series(&t, target.0, metric);
            if of != to {
                pairs.push((of, to));
            }
        }
    }
    pairs.sort_by_key(|p| p.1);
    let windows: Vec<i64> = t
        .prepare("SELECT DISTINCT id >> 32 FROM chunk ORDER BY 1")
        .unwrap()
        .query_map([], |r| r.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    for window in windows {
        for (of, to) in &pairs {
            t.prepare_cached("INSERT INTO chunk (id, body) SELECT ?2, body FROM chunk WHERE id = ?1")
                .unwrap()
                .execute([window << 32 | of, window << 32 | to])
                .unwrap();
        }
    }
    t.commit().unwrap();
}

/// Events: three devices in ten have an outage each day.
fn outages(store: &Store, targets: &[TargetId], days: i64) -> u64 {
    let mut noise = Noise(5);
    let (mut incident, mut events) = (0, 0u64);
    for day in 0..days {
        let mut batch = Batch::default();
        for target in targets {
            if noise.next() > 0.3 {
                continue;
            }
            let down = second(day * DAY).plus(Span::from_secs_f64(noise.next() * 80_000.0));
            let up = down.plus(Span::from_secs_f64(60.0 + noise.next() * 5_000.0));
            incident += 1;
            let reason = Some(Reason::Timeout);
            let (from, to) = (State::Up, State::Down);
            batch.events.extend([
                event(*target, down, EventKind::StateChanged { from, to, reason }),
                event(
                    *target,
                    down,
                    EventKind::OutageOpened {
                        incident: IncidentId(incident),
                        root: None,
                        reason: Reason::Timeout,
                    },
                ),
                event(
                    *target,
                    up,
                    EventKind::StateChanged {
                        from: to,
                        to: from,
                        reason: None,
                    },
                ),
                event(
                    *target,
                    up,
                    EventKind::OutageClosed {
                        incident: IncidentId(incident),
                        started_at: down,
                    },
                ),
            ]);
        }
        events += batch.events.len() as u64;
        send(store, batch);
    }
    let states = targets.iter().map(|target| SavedState {
        target: *target,
        state: State::Up,
        since: second(0),
        reason: None,
        body: vec![b'x'; 300],
    });
    send(
        store,
        Batch {
            states: states.collect(),
            ..Batch::default()
        },
    );
    store.writer().settle().unwrap();
    events
}

pub(crate) fn large(full: bool) {
    let (days, some): (i64, u32) = if full { (400, 10) } else { (40, 2) };
    println!("\n## large: {DEVICES} devices x {days} days, asked while it is written to");
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("tramgac.db");
    let clock = SystemClock::new();
    let began = clock.mono();
    // The first of all devices have the numbers of the few.
    let filled = fill(&path, some, days, 600);
    filled.store.close();
    let story = StoryClock::at(second(days * DAY + 3600));
    let store = Store::open(&path, &Options::default(), Arc::clone(&story) as Arc<dyn Clock>)
        .unwrap()
        .store;
    let synced = store
        .sync_inventory(&inventory(DEVICES), second(days * DAY))
        .unwrap();
    let mut targets: Vec<TargetId> = synced.index.values().copied().collect();
    targets.sort_unstable();
    let events = outages(&store, &targets, days);
    store.close();
    multiply(&path, some, &targets);
    let opening = clock.mono();
    let store = Store::open(&path, &Options::default(), Arc::clone(&story) as Arc<dyn Clock>)
        .unwrap()
        .store;
    println!(
        "made in {:?}; opened in {:?}; {} MB",
        opening.since(began),
        clock.mono().since(opening),
        store.readers().with(Reader::sizes).unwrap().database_bytes >> 20
    );
    for flat_out in [false, true] {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let writing = scope.spawn(|| write(&store, &story, &targets, flat_out, &stop));
            ask(&store, &targets, days, events);
            stop.store(true, Ordering::SeqCst);
            let (samples, wait) = writing.join().unwrap();
            println!("meanwhile {samples} samples written; an event waited {wait:?} at most");
        });
    }
}

/// Writes samples of all devices, and now and then an event, of which it says how long
/// one waited at most to be on disk: 667 samples a second (10,000 targets), or as
/// many as the record takes.
fn write(
    store: &Store,
    story: &StoryClock,
    targets: &[TargetId],
    flat_out: bool,
    stop: &AtomicBool,
) -> (u64, Span) {
    let clock = SystemClock::new();
    let keys: Vec<SeriesKey> = keys(targets).into_iter().flatten().collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (mut samples, mut longest, mut place) = (0u64, Span::ZERO, 0usize);
    while !stop.load(Ordering::SeqCst) {
        story.go(story.wall().plus(Span::from_secs(1)));
        let at = story.wall();
        let fresh = (0..667).map(|i| Sample {
            series: keys[(place + i) % keys.len()].clone(),
            at,
            value: 0.012,
        });
        let fresh = fresh.collect();
        place += 667;
        samples += 667;
        send(
            store,
            Batch {
                samples: fresh,
                ..Batch::default()
            },
        );
        let began = clock.mono();
        let batch = Batch {
            events: vec![event(targets[0], at, EventKind::FlappingStarted)],
            ..Batch::default()
        };
        runtime.block_on(store.writer().commit(batch)).unwrap();
        longest = longest.max(clock.mono().since(began));
        if !flat_out {
            std::thread::park_timeout(Span::from_secs(1));
        }
    }
    (samples, longest)
}

fn ask(store: &Store, targets: &[TargetId], days: i64, events: u64) {
    let clock = SystemClock::new();
    let (from, to) = (second((days - 31) * DAY), second((days - 1) * DAY));
    for _ in 0..3 {
        let began = clock.mono();
        let seen = store
            .readers()
            .with(|r| {
                let open = IncidentFilter {
                    open: true,
                    ..IncidentFilter::default()
                };
                let newest = IncidentFilter {
                    limit: Some(1000),
                    order: Order::NewestFirst,
                    ..IncidentFilter::default()
                };
                Ok(r.saved_states()?.len() + r.incidents(&open)?.len() + r.incidents(&newest)?.len())
            })
            .unwrap();
        println!(
            "overview ({seen} rows): {:?} (goal < 50 ms)",
            clock.mono().since(began)
        );
        let began = clock.mono();
        let shares = availability(store, targets, from, to);
        println!(
            "availability of {shares} devices for a month, of {events} events: {:?} (goal < 1 s)",
            clock.mono().since(began)
        );
    }
}

fn availability(store: &Store, targets: &[TargetId], from: Timestamp, to: Timestamp) -> usize {
    let (before, events) = store
        .readers()
        .with(|r| {
            let filter = EventFilter {
                from: Some(from),
                to: Some(to),
                kinds: [
                    "state_changed",
                    "maintenance_started",
                    "maintenance_ended",
                    "daemon_started",
                    "daemon_stopped",
                ]
                .map(str::to_owned)
                .into(),
                ..EventFilter::default()
            };
            Ok((r.transitions(None, from, from)?, r.events(&filter)?))
        })
        .unwrap();
    let before = before.into_iter().map(|t| {
        let (from, to, reason) = (t.from, t.to, t.reason);
        event(t.target, t.at, EventKind::StateChanged { from, to, reason })
    });
    // The daemon has run since before the month: else all of it would be *no data*.
    let started = Event {
        at: from,
        recorded_at: from,
        target: None,
        kind: EventKind::DaemonStarted { last_alive: None },
    };
    let events = [started]
        .into_iter()
        .chain(before)
        .chain(events.into_iter().map(|stored| stored.event));
    let log = Log::new(Interval::new(from, to).unwrap(), events, []);
    let mut shares = 0;
    for target in targets {
        shares += usize::from(log.timeline(*target, None, &[]).shares().counted() > 0);
    }
    assert_eq!(shares, targets.len(), "a month of every device is counted");
    shares
}
