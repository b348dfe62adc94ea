//! The story that is written: clocks, devices, what they measure, and days of it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tramgac::clock::{Clock, SystemClock};
use tramgac::inventory::{
    Class, Device, Inventory, Lifecycle, MonitorMode, Site, SiteKind, SitePolicy, device::Probing,
};
use tramgac::model::{Mono, Span, TargetId, Timestamp};
use tramgac::store::{Batch, Options, Sample, SendError, SeriesKey, Store};

pub(crate) const DAY: i64 = 86_400;

/// A midnight (UTC) at which the stories begin.
pub(crate) const BEGIN: i64 = 1_790_000_000 / DAY * DAY;

pub(crate) fn second(s: i64) -> Timestamp {
    Timestamp::from_secs(BEGIN + s)
}

/// A wall clock that goes as it is told, beside a real stopwatch.
pub(crate) struct StoryClock {
    real: SystemClock,
    offset: AtomicI64,
    wall: AtomicI64,
}

impl StoryClock {
    pub(crate) fn at(at: Timestamp) -> Arc<Self> {
        Arc::new(Self {
            real: SystemClock::new(),
            offset: AtomicI64::new(0),
            wall: AtomicI64::new(at.0),
        })
    }

    pub(crate) fn go(&self, to: Timestamp) {
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
pub(crate) struct Noise(pub(crate) u64);

impl Noise {
    pub(crate) fn next(&mut self) -> f64 {
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
pub(crate) const METRICS: [&str; 4] = ["rtt_seconds", "loss_ratio", "receive_octets_total", "up"];

/// What a target measures, minute by minute.
pub(crate) struct Source {
    pub(crate) noise: Noise,
    base: f64,
    octets: f64,
    up: bool,
}

impl Source {
    pub(crate) fn new(number: u64) -> Self {
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
    pub(crate) fn minute(&mut self, minute: i64) -> [Option<f64>; 4] {
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

pub(crate) fn device(number: u32) -> Device {
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

pub(crate) fn inventory(devices: u32) -> Inventory {
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

pub(crate) fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    ticks / 100.0
}

pub(crate) fn send(store: &Store, mut batch: Batch) {
    loop {
        match store.writer().send(batch) {
            Ok(_) => return,
            Err(SendError::Full(back)) => batch = *back,
            Err(SendError::Closed(_)) => unreachable!("the writer lives as long as the store"),
        }
        std::thread::yield_now();
    }
}

pub(crate) struct Filled {
    pub(crate) store: Store,
    pub(crate) targets: Vec<TargetId>,
    pub(crate) samples: u64,
}

/// Every series of every target.
pub(crate) fn keys(targets: &[TargetId]) -> Vec<[SeriesKey; 4]> {
    targets
        .iter()
        .map(|target| {
            METRICS.map(|metric| SeriesKey {
                target: *target,
                metric: metric.into(),
                instance: "".into(),
            })
        })
        .collect()
}

/// Writes days of history as they would come in, with all upkeep; a commit
/// every `step` seconds. The clock only goes on while the writer has nothing to
/// do, so that what it measures of itself is real time.
pub(crate) fn fill(path: &Path, targets: u32, days: i64, step: i64) -> Filled {
    let clock = StoryClock::at(second(0));
    let store = Store::open(path, &Options::default(), Arc::clone(&clock) as Arc<dyn Clock>)
        .unwrap()
        .store;
    let synced = store.sync_inventory(&inventory(targets), second(0)).unwrap();
    let targets: Vec<TargetId> = synced.index.values().copied().collect();
    let keys = keys(&targets);
    let mut sources: Vec<Source> = (1..).take(targets.len()).map(Source::new).collect();
    let mut samples = 0;
    for begin in (0..days * DAY).step_by(step as usize) {
        let mut batch = Batch::default();
        // Each target has its own second of the minute.
        for at in begin..begin + step {
            let first = (at % 60) as usize;
            for place in (first..targets.len()).step_by(60) {
                let (source, keys) = (&mut sources[place], &keys[place]);
                // Some milliseconds of lateness.
                let jitter = (source.noise.next() * 20_000.0) as u64;
                let time = second(at).plus(Span::from_micros(50_000 + jitter));
                for (value, key) in source.minute(at / 60).into_iter().zip(keys) {
                    if let Some(value) = value {
                        let series = key.clone();
                        batch.samples.push(Sample {
                            series,
                            at: time,
                            value,
                        });
                    }
                }
            }
        }
        samples += batch.samples.len() as u64;
        send(&store, batch);
        store.writer().settle().unwrap();
        clock.go(second(begin + step));
    }
    clock.go(second(days * DAY + 3600));
    store.writer().tidy().unwrap();
    Filled {
        store,
        targets,
        samples,
    }
}

/// The CPU time that making such days takes, without a record.
pub(crate) fn making(targets: u32, days: i64) -> f64 {
    let ids: Vec<TargetId> = (1..=targets).map(TargetId).collect();
    let keys = keys(&ids);
    let mut sources: Vec<Source> = (1..).take(ids.len()).map(Source::new).collect();
    let began = cpu_seconds();
    for minute in 0..days * 1440 {
        let mut samples = Vec::new();
        for (source, keys) in sources.iter_mut().zip(&keys) {
            let jitter = (source.noise.next() * 20_000.0) as u64;
            let at = second(minute * 60).plus(Span::from_micros(50_000 + jitter));
            for (value, key) in source.minute(minute).into_iter().zip(keys) {
                if let Some(value) = value {
                    let series = key.clone();
                    samples.push(Sample { series, at, value });
                }
            }
        }
        std::hint::black_box(&samples);
    }
    cpu_seconds() - began
}
