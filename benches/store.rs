//! The record: bytes and time for history, beside plain SQLite rows and
//! Prometheus' blocks; queries of a large record; the start of a large one.
//!
//! `cargo bench --bench store` takes a minute or two; `TRAMGAC_BENCH_FULL=1`
//! takes the sizes that docs/performance.md names, for as long as they need.
//! `cargo bench --bench store -- WORDS` runs the parts whose name holds one of
//! the words: ingest, year, plain, prometheus, large, start.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "a bench is read by people, and nothing can go on without its files"
)]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use rusqlite::Connection;
use tempfile::TempDir;
use tramgac::clock::{Clock, SystemClock};
use tramgac::inventory::{
    Class, Device, Inventory, Lifecycle, MonitorMode, Site, SiteKind, SitePolicy, device::Probing,
};
use tramgac::model::{Event, EventKind, IncidentId, Mono, Reason, Span, State, TargetId, Timestamp};
use tramgac::monitor::availability::{Frame, Timeline};
use tramgac::monitor::interval::Interval;
use tramgac::store::{
    Batch, EventFilter, IncidentFilter, Level, Options, Order, Reader, Sample, SavedState, SendError,
    SeriesKey, Store,
};

const DAY: i64 = 86_400;

/// A midnight (UTC) at which the stories begin.
const BEGIN: i64 = 1_790_000_000 / DAY * DAY;

fn second(s: i64) -> Timestamp {
    Timestamp::from_secs(BEGIN + s)
}

/// A wall clock that goes as it is told, beside a real stopwatch.
struct StoryClock {
    real: SystemClock,
    offset: AtomicI64,
    wall: AtomicI64,
}

impl StoryClock {
    fn at(at: Timestamp) -> Arc<Self> {
        Arc::new(Self {
            real: SystemClock::new(),
            offset: AtomicI64::new(0),
            wall: AtomicI64::new(at.0),
        })
    }

    fn go(&self, to: Timestamp) {
        let before = self.wall.swap(to.0, Ordering::SeqCst);
        self.offset.fetch_add((to.0 - before).max(0), Ordering::SeqCst);
    }
}

impl Clock for StoryClock {
    fn wall(&self) -> Timestamp {
        Timestamp(self.wall.load(Ordering::SeqCst))
    }

    fn mono(&self) -> Mono {
        let offset = Span::from_micros(self.offset.load(Ordering::SeqCst).unsigned_abs());
        self.real.mono().plus(offset)
    }
}

/// Noise that is the same every time (Knuth's MMIX generator).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    fn bell(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() - 6.0
    }
}

/// The four series of a target: round trip time, loss, octets, state.
const METRICS: [&str; 4] = ["rtt_seconds", "loss_ratio", "receive_octets_total", "up"];

/// What a target measures, minute by minute.
struct Source {
    noise: Noise,
    base: f64,
    octets: f64,
    up: bool,
}

impl Source {
    fn new(number: u64) -> Self {
        let mut noise = Noise(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        noise.next();
        Self {
            base: 0.0005 + 0.04 * noise.next() * noise.next(),
            noise,
            octets: 0.0,
            up: true,
        }
    }

    /// Round trip times to the microsecond with noise and spikes; loss mostly
    /// nil; a counter that idles at night; now and then an outage.
    fn minute(&mut self, minute: i64) -> [Option<f64>; 4] {
        let n = &mut self.noise;
        if n.next() < if self.up { 0.000_05 } else { 0.1 } {
            self.up = !self.up;
        }
        let spike = if n.next() < 0.01 { n.next() * 0.08 } else { 0.0 };
        let rtt = self.base * (1.0 + 0.04 * n.bell().abs()) + spike;
        let loss = if n.next() < 0.01 { 1.0 / 3.0 } else { 0.0 };
        let busy = (7 * 60..17 * 60).contains(&(minute % 1440));
        if busy && n.next() < 0.3 {
            self.octets += (n.next() * 100_000.0).floor();
        }
        if self.up {
            [
                Some((rtt * 1e6).round() / 1e6),
                Some(loss),
                Some(self.octets),
                Some(1.0),
            ]
        } else {
            [None, Some(1.0), Some(self.octets), Some(0.0)]
        }
    }
}

fn device(number: u32) -> Device {
    Device {
        id: format!("pc-{number}").parse().unwrap(),
        name: format!("Máy tính số {number}"),
        class: Class::Computer,
        site: Some(format!("site-{}", number % 100).parse().unwrap()),
        addresses: Vec::new(),
        macs: Vec::new(),
        serial: Some(format!("SN{number:08}")),
        vendor: Some("Dell".to_owned()),
        model: Some("OptiPlex 3000".to_owned()),
        asset_tag: None,
        lifecycle: Lifecycle::InUse,
        condition: None,
        mode: MonitorMode::Polled,
        owner: None,
        purchased_on: None,
        in_service_from: None,
        price_vnd: None,
        warranty_end: None,
        exemption: None,
        parents: Vec::new(),
        credentials: Vec::new(),
        probing: Probing::default(),
        labels: [("room".to_owned(), "201".to_owned())].into(),
        origin: tramgac::inventory::Origin::Declared,
    }
}

fn inventory(devices: u32) -> Inventory {
    let sites = (0..100).map(|n| Site {
        id: format!("site-{n}").parse().unwrap(),
        name: format!("Trụ sở {n}"),
        kind: SiteKind::CommuneHall,
        within: None,
        address: None,
        coordinates: None,
        units: Vec::new(),
        head_counts: Vec::new(),
        policy: SitePolicy::Gateway,
        gateway: None,
        exemption: None,
        labels: std::collections::BTreeMap::new(),
        origin: tramgac::inventory::Origin::Declared,
    });
    Inventory {
        sites: sites.map(|s| (s.id.clone(), s)).collect(),
        devices: (0..devices).map(device).map(|d| (d.id.clone(), d)).collect(),
        ..Inventory::default()
    }
}

fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}

fn send(store: &Store, mut batch: Batch) {
    loop {
        match store.writer().send(batch) {
            Ok(_) => return,
            Err(SendError::Full(back)) => batch = *back,
            Err(SendError::Closed(_)) => unreachable!("the writer lives as long as the store"),
        }
        std::thread::yield_now();
    }
}

/// Waits until everything that was sent is on disk.
fn settle(store: &Store) {
    store.writer().tidy().unwrap();
}

struct Filled {
    folder: TempDir,
    store: Store,
    clock: Arc<StoryClock>,
    targets: Vec<TargetId>,
    samples: u64,
}

/// Writes days of history as they would come in, with all upkeep.
fn fill(targets: u32, days: i64) -> Filled {
    let folder = TempDir::new().unwrap();
    let clock = StoryClock::at(second(0));
    let options = Options::default();
    let store = Store::open(
        &folder.path().join("tramgac.db"),
        &options,
        Arc::clone(&clock) as Arc<dyn Clock>,
    )
    .unwrap()
    .store;
    let synced = store.sync_inventory(&inventory(targets), second(0)).unwrap();
    let targets: Vec<TargetId> = synced.index.values().copied().collect();
    let keys: Vec<[SeriesKey; 4]> = targets
        .iter()
        .map(|target| {
            METRICS.map(|metric| SeriesKey {
                target: *target,
                metric: metric.into(),
                instance: "".into(),
            })
        })
        .collect();
    let mut sources: Vec<Source> = (1..).take(targets.len()).map(Source::new).collect();
    let mut samples = 0;
    // Ten minutes at a time: a commit of 667 rows a second for 10,000 targets is like that.
    for round in 0..days * 144 {
        let mut batch = Batch::default();
        for minute in round * 10..(round + 1) * 10 {
            for (place, (source, keys)) in sources.iter_mut().zip(&keys).enumerate() {
                // Each target has its own second, and some milliseconds of lateness.
                let jitter = (source.noise.next() * 20_000.0) as u64;
                let at = second(minute * 60 + place as i64 % 60).plus(Span::from_micros(50_000 + jitter));
                for (value, key) in source.minute(minute).into_iter().zip(keys) {
                    if let Some(value) = value {
                        batch.samples.push(Sample {
                            series: key.clone(),
                            at,
                            value,
                        });
                    }
                }
            }
        }
        samples += batch.samples.len() as u64;
        clock.go(second((round + 1) * 600));
        send(&store, batch);
        if round % 6 == 5 {
            settle(&store);
        }
    }
    clock.go(second(days * DAY + 3600));
    settle(&store);
    Filled {
        folder,
        store,
        clock,
        targets,
        samples,
    }
}

/// Rows and bytes of the chunks of one level, and the bytes by measure.
fn level_bytes(path: &Path, level: i64) -> Vec<(String, u64, u64)> {
    let c = Connection::open(path).unwrap();
    let mut s = c
        .prepare(
            "SELECT metric, count(*), sum(length(body) + 14) FROM chunk JOIN series ON series.id = chunk.id & 0xffffffff
             WHERE chunk.id >> 60 = ?1 GROUP BY metric",
        )
        .unwrap();
    s.query_map([level], |r| {
        Ok((
            r.get(0)?,
            r.get::<_, i64>(1)?.unsigned_abs(),
            r.get::<_, i64>(2)?.unsigned_abs(),
        ))
    })
    .unwrap()
    .map(Result::unwrap)
    .collect()
}

fn ingest(full: bool) {
    let (targets, days) = if full { (100, 365) } else { (100, 3) };
    println!(
        "\n## ingest: {targets} targets x 4 series x 1 minute x {days} days, through writer, roll-ups and retention"
    );
    let clock = SystemClock::new();
    let (cpu, began) = (cpu_seconds(), clock.mono());
    let filled = fill(targets, days);
    let (cpu, wall) = (cpu_seconds() - cpu, clock.mono().since(began).as_secs_f64());
    let mut sources: Vec<Source> = (1..).take(targets as usize).map(Source::new).collect();
    let making = cpu_seconds();
    let mut sink = 0.0;
    for minute in 0..days * 1440 {
        for source in &mut sources {
            sink += source.noise.next();
            sink += source.minute(minute).into_iter().flatten().sum::<f64>();
        }
    }
    let making = cpu_seconds() - making;
    let stats = filled.store.writer().stats();
    assert_eq!(stats.samples, filled.samples, "samples were shed ({sink})");
    println!(
        "{} samples in {wall:.1} s; CPU {cpu:.1} s, of which making the data {making:.1} s: {:.0} samples/s per core",
        filled.samples,
        filled.samples as f64 / (cpu - making)
    );
    println!(
        "longest commit {:?}, longest step of upkeep {:?} (limit 100 ms)",
        stats.commit_max, stats.upkeep_max
    );
    let path = filled.store.path().to_owned();
    let raw_samples = f64::from(targets) * 1440.0 * days.min(14) as f64;
    for (metric, rows, bytes) in level_bytes(&path, 1) {
        println!(
            "raw {metric:24} {rows:6} chunks {:.3} bytes/sample",
            bytes as f64 / raw_samples
        );
    }
    for (level, name, seconds) in [(2, "5 min", 300), (3, "1 h", 3600), (4, "1 day", DAY)] {
        let bytes: u64 = level_bytes(&path, level).iter().map(|l| l.2).sum();
        let kept = match level {
            2 => days.min(90),
            _ => days,
        };
        let buckets = f64::from(targets) * 4.0 * kept as f64 * (DAY / seconds) as f64;
        println!("{name:5} {:.2} bytes/bucket", bytes as f64 / buckets);
    }
    let sizes = filled.store.readers().with(Reader::sizes).unwrap();
    println!(
        "file {} bytes of which free {}; {:.3} bytes per sample ever written",
        sizes.database_bytes,
        sizes.free_bytes,
        (sizes.database_bytes - sizes.free_bytes) as f64 / filled.samples as f64
    );
}

/// Reading one series of a year's record.
fn year(full: bool) {
    let (targets, days) = if full { (100, 400) } else { (4, 400) };
    println!("\n## year: {targets} targets, {days} days; time to read one series (goal < 5, 10, 20 ms)");
    let filled = fill(targets, days);
    let key = SeriesKey {
        target: filled.targets[0],
        metric: METRICS[0].into(),
        instance: "".into(),
    };
    let end = second(days * DAY);
    let clock = SystemClock::new();
    for (name, days_back, points) in [("a day", 1, 1440), ("a month", 30, 9000), ("a year", 365, 9000)] {
        let from = end.minus(Span::from_hours(24 * days_back));
        let mut times = Vec::new();
        let mut count = 0;
        for _ in 0..9 {
            let began = clock.mono();
            let read = filled
                .store
                .readers()
                .with(|r| r.history(&key, from, end, points))
                .unwrap();
            times.push(clock.mono().since(began));
            count = read.len();
        }
        times.sort();
        println!("{name:8} {count:6} points  {:?} (median of 9)", times[4]);
    }
    let began = clock.mono();
    let raw = filled
        .store
        .readers()
        .with(|r| r.history_from_level(&key, second(0), end, Level::Raw))
        .unwrap();
    println!(
        "everything, as fine as it is kept: {} points {:?}",
        raw.len(),
        clock.mono().since(began)
    );
    drop(filled.clock);
    drop(filled.folder);
}

/// The same samples as plain rows.
fn plain(full: bool) {
    let (targets, days) = if full { (100u32, 30i64) } else { (100, 3) };
    println!("\n## plain: the same samples as plain rows in SQLite (WITHOUT ROWID, key series and time)");
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("plain.db");
    let mut c = Connection::open(&path).unwrap();
    c.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
         CREATE TABLE sample (series INTEGER, at INTEGER, value REAL, PRIMARY KEY (series, at)) WITHOUT ROWID, STRICT;",
    )
    .unwrap();
    let mut sources: Vec<Source> = (1..).take(targets as usize).map(Source::new).collect();
    let (cpu, mut samples) = (cpu_seconds(), 0u64);
    for round in 0..days * 144 {
        let t = c.transaction().unwrap();
        {
            let mut insert = t
                .prepare_cached("INSERT INTO sample VALUES (?1, ?2, ?3)")
                .unwrap();
            for minute in round * 10..(round + 1) * 10 {
                for (place, source) in sources.iter_mut().enumerate() {
                    let at = (BEGIN + minute * 60) * 1000 + (source.noise.next() * 20.0) as i64;
                    for (metric, value) in source.minute(minute).into_iter().enumerate() {
                        if let Some(value) = value {
                            insert.execute(((place * 4 + metric) as i64, at, value)).unwrap();
                            samples += 1;
                        }
                    }
                }
            }
        }
        t.commit().unwrap();
    }
    let cpu = cpu_seconds() - cpu;
    drop(c);
    let bytes = path.metadata().unwrap().len();
    println!(
        "{samples} samples, CPU {cpu:.1} s: {:.0} samples/s per core, {:.1} bytes/sample",
        samples as f64 / cpu,
        bytes as f64 / samples as f64
    );
}

/// The same kind of samples in Prometheus' blocks.
fn prometheus(full: bool) {
    let (targets, days) = if full { (10u32, 30i64) } else { (10, 6) };
    println!(
        "\n## prometheus: promtool tsdb create-blocks-from openmetrics, {targets} targets x 4 series x {days} days"
    );
    let folder = TempDir::new().unwrap();
    let mut text = String::new();
    let mut samples = 0u64;
    for (place, metric) in METRICS.iter().enumerate() {
        let family = metric.trim_end_matches("_total");
        let kind = if family == *metric { "gauge" } else { "counter" };
        writeln!(text, "# TYPE {family} {kind}").unwrap();
        for target in 0..targets {
            let mut source = Source::new(u64::from(target) + 1);
            for minute in 0..days * 1440 {
                let jitter = source.noise.next() * 0.02;
                if let Some(value) = source.minute(minute)[place] {
                    let at = (BEGIN + minute * 60) as f64 + 0.05 + jitter;
                    writeln!(text, "{metric}{{target=\"{target}\"}} {value} {at:.3}").unwrap();
                    samples += 1;
                }
            }
        }
    }
    text.push_str("# EOF\n");
    let file = folder.path().join("samples.om");
    std::fs::write(&file, text).unwrap();
    let blocks = folder.path().join("blocks");
    let made = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .arg(&file)
        .arg(&blocks)
        .output();
    match made {
        Ok(output) if output.status.success() => {
            let mut bytes = 0;
            let mut open = vec![blocks];
            while let Some(folder) = open.pop() {
                for entry in std::fs::read_dir(folder).unwrap() {
                    let entry = entry.unwrap();
                    if entry.path().is_dir() {
                        open.push(entry.path());
                    } else {
                        bytes += entry.metadata().unwrap().len();
                    }
                }
            }
            println!(
                "{samples} samples: {:.2} bytes/sample",
                bytes as f64 / samples as f64
            );
        }
        Ok(output) => println!("promtool failed: {}", String::from_utf8_lossy(&output.stderr)),
        Err(e) => println!("skipped: the peer promtool is missing ({e})"),
    }
}

fn event(target: TargetId, at: Timestamp, kind: EventKind) -> Event {
    Event {
        at,
        recorded_at: at,
        target: Some(target),
        kind,
    }
}

/// 3,000 devices with 400 days of outages: what pages and reports ask, while writing.
fn large(full: bool) {
    let days: i64 = if full { 400 } else { 100 };
    println!("\n## large: 3,000 devices x {days} days of outages, asked while 667 samples/s are written");
    let folder = TempDir::new().unwrap();
    let store = Store::open(
        &folder.path().join("tramgac.db"),
        &Options::default(),
        SystemClock::shared(),
    )
    .unwrap()
    .store;
    let synced = store.sync_inventory(&inventory(3000), second(0)).unwrap();
    let targets: Vec<TargetId> = synced.index.values().copied().collect();
    let mut noise = Noise(5);
    let (mut incident, mut events) = (0, 0u64);
    for day in 0..days {
        let mut batch = Batch::default();
        for target in &targets {
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
        send(&store, batch);
    }
    let states = targets.iter().map(|target| SavedState {
        target: *target,
        state: State::Up,
        since: second(0),
        reason: None,
        body: vec![b'x'; 300],
    });
    send(
        &store,
        Batch {
            states: states.collect(),
            ..Batch::default()
        },
    );
    settle(&store);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| write_at_full_rate(&store, &targets, &stop));
        ask(&store, &targets, days, events);
        stop.store(true, Ordering::SeqCst);
    });
    let stats = store.writer().stats();
    println!(
        "longest commit {:?}, longest step of upkeep {:?}",
        stats.commit_max, stats.upkeep_max
    );
}

fn write_at_full_rate(store: &Store, targets: &[TargetId], stop: &AtomicBool) {
    let clock = SystemClock::new();
    let mut n = 0usize;
    while !stop.load(Ordering::SeqCst) {
        let samples = (0..667).map(|i| Sample {
            series: SeriesKey {
                target: targets[(n + i) % targets.len()],
                metric: METRICS[(n + i) / targets.len() % 4].into(),
                instance: "".into(),
            },
            at: clock.wall(),
            value: 0.012,
        });
        let samples = samples.collect();
        n += 667;
        send(
            store,
            Batch {
                samples,
                ..Batch::default()
            },
        );
        std::thread::park_timeout(Span::from_secs(1));
    }
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
                kinds: ["state_changed", "maintenance_started", "maintenance_ended"]
                    .map(str::to_owned)
                    .into(),
                ..EventFilter::default()
            };
            Ok((
                r.transitions(None, from, from.plus(Span::from_micros(1)))?,
                r.events(&filter)?,
            ))
        })
        .unwrap();
    let mut by_target: std::collections::BTreeMap<TargetId, Vec<Event>> = std::collections::BTreeMap::new();
    for stored in events {
        if let Some(target) = stored.event.target {
            by_target.entry(target).or_default().push(stored.event);
        }
    }
    let window = Interval::new(from, to).unwrap();
    let mut shares = 0;
    for target in targets {
        let frame = Frame {
            state_before: before.iter().rfind(|t| t.target == *target).map(|t| t.to),
            alive: &[window],
            ..Frame::default()
        };
        let own = by_target.get(target).map_or(&[][..], Vec::as_slice);
        let timeline = Timeline::new(*target, window, own, &frame);
        shares += usize::from(!timeline.pieces().is_empty());
    }
    shares
}

/// The start of a record with many devices.
fn start(full: bool) {
    let devices = if full { 100_000 } else { 20_000 };
    println!("\n## start: {devices} devices in the record (goal: 100,000 in < 2 s)");
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("tramgac.db");
    let declared = inventory(devices);
    let clock = SystemClock::new();
    let began = clock.mono();
    let store = Store::open(&path, &Options::default(), SystemClock::shared())
        .unwrap()
        .store;
    let synced = store.sync_inventory(&declared, second(0)).unwrap();
    println!("the very first: {:?}", clock.mono().since(began));
    let states = synced.index.values().map(|target| SavedState {
        target: *target,
        state: State::Up,
        since: second(0),
        reason: None,
        body: vec![b'x'; 300],
    });
    send(
        &store,
        Batch {
            states: states.collect(),
            ..Batch::default()
        },
    );
    settle(&store);
    store.close();
    for _ in 0..3 {
        let began = clock.mono();
        let store = Store::open(&path, &Options::default(), SystemClock::shared())
            .unwrap()
            .store;
        let opened = clock.mono();
        let synced = store.sync_inventory(&declared, second(1)).unwrap();
        let inventory_read = clock.mono();
        let states = store.readers().with(Reader::saved_states).unwrap();
        let ended = clock.mono();
        assert_eq!((synced.events.len(), states.len()), (0, devices as usize));
        println!(
            "again: {:?} (open {:?}, inventory {:?}, states {:?})",
            ended.since(began),
            opened.since(began),
            inventory_read.since(opened),
            ended.since(inventory_read)
        );
        store.close();
    }
}

/// A part: its word, and what it does.
type Part = (&'static str, fn(bool));

fn main() {
    let parts: [Part; 6] = [
        ("ingest", ingest),
        ("plain", plain),
        ("prometheus", prometheus),
        ("year", year),
        ("large", large),
        ("start", start),
    ];
    let words: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let full = std::env::var_os("TRAMGAC_BENCH_FULL").is_some();
    for (name, part) in parts {
        if words.is_empty() || words.iter().any(|w| name.contains(w.as_str())) {
            part(full);
        }
    }
}
