//! How fast the monitor judges, and how much memory a target takes.
//!
//! 100,000 targets: 2,000 sites with a link, a router and 48 devices each. Run
//! with `cargo bench --bench monitor`; `TRAMGAC_BENCH_TARGETS` sets another number.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark measures real time and prints it"
)]

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use tramgac::model::Detail;
use tramgac::model::EchoStats;
use tramgac::model::Observation;
use tramgac::model::Outcome;
use tramgac::model::Reason;
use tramgac::model::Span;
use tramgac::model::TargetId;
use tramgac::model::TargetKey;
use tramgac::model::TargetKind;
use tramgac::model::Timestamp;
use tramgac::model::observation::RttStats;
use tramgac::monitor::Effects;
use tramgac::monitor::Publisher;
use tramgac::monitor::Settings;
use tramgac::monitor::Table;
use tramgac::monitor::Topology;
use tramgac::monitor::settings::Confirm;
use tramgac::monitor::settings::Thresholds;
use tramgac::monitor::state::TargetState;
use tramgac::monitor::topology::Reach;
use tramgac::monitor::topology::TargetSpec;
use tramgac::monitor::topology::Watch;

const SITE: u32 = 50;

fn topology(count: u32) -> Topology {
    let specs = (0..count)
        .map(|i| {
            let (site, item) = (i / SITE, i % SITE);
            let parents = match item {
                0 => Vec::new(),
                1 => vec![TargetId(site * SITE)],
                _ => vec![TargetId(site * SITE + 1)],
            };
            TargetSpec {
                id: TargetId(i),
                key: TargetKey {
                    kind: TargetKind::Device,
                    slug: format!("d{i}").parse().unwrap(),
                },
                name: format!("Device {i}"),
                parents,
                liveness: vec!["icmp".into()],
                watch: Watch::Polled,
                confirm: Confirm::default(),
                interval: Span::from_secs(30),
                always_on: true,
                alerts: true,
                thresholds: Thresholds::of_device(),
                reach: Reach::Routed,
                exempt: false,
                trust_refusal: false,
            }
        })
        .collect();
    let settings = Settings {
        self_check: false,
        ..Settings::default()
    };
    Topology::of_specs(specs, &settings)
}

fn looks(count: u32, secs: i64, good: bool, probe: &Arc<str>) -> Vec<Observation> {
    let rtt = Span::from_micros(800);
    (0..count)
        .map(|i| Observation {
            target: TargetId(i),
            probe: probe.clone(),
            at: Timestamp::from_secs(secs),
            outcome: if good {
                Outcome::Good
            } else {
                Outcome::Bad(Reason::Timeout)
            },
            detail: Detail::Echo(EchoStats {
                address: std::net::Ipv4Addr::LOCALHOST.into(),
                sent: 3,
                received: if good { 3 } else { 0 },
                late: 0,
                duplicates: 0,
                rtt: good.then_some(RttStats {
                    min: rtt,
                    median: rtt,
                    max: rtt,
                    sum: rtt * 3,
                    jitter: Some(Span::ZERO),
                }),
            }),
        })
        .collect()
}

/// Resident memory in bytes; zero where /proc does not tell.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text
        .split_whitespace()
        .nth(1)
        .and_then(|n| n.parse::<usize>().ok());
    pages.unwrap_or(0) * 4096
}

struct Bench {
    table: Table,
    effects: Effects,
    events: usize,
}

impl Bench {
    /// Feeds a list in; returns looks per second.
    fn feed(&mut self, list: &[Observation], secs: i64) -> f64 {
        let begin = Instant::now();
        for batch in list.chunks(256) {
            self.table
                .observe_batch(black_box(batch), Timestamp::from_secs(secs), &mut self.effects);
            self.events += self.effects.events.len();
            self.effects.clear();
        }
        list.len() as f64 / begin.elapsed().as_secs_f64()
    }
}

/// What can't be done with less: each look finds its target in a hash map and
/// adds to a few sums there. Looks per second.
fn reference(count: u32, probe: &Arc<str>) -> f64 {
    let mut sums: HashMap<TargetId, (u64, u64, i64)> = (0..count).map(|i| (TargetId(i), (0, 0, 0))).collect();
    let list = looks(count, 1, true, probe);
    let mut best: f64 = 0.0;
    for _ in 0..5 {
        let begin = Instant::now();
        for look in black_box(&list) {
            if let (Some(sum), Detail::Echo(echo)) = (sums.get_mut(&look.target), &look.detail) {
                sum.0 += u64::from(echo.sent);
                sum.1 += u64::from(echo.received);
                sum.2 = look.at.0;
            }
        }
        best = best.max(f64::from(count) / begin.elapsed().as_secs_f64());
    }
    black_box(&sums);
    best
}

/// What readers cost the core: a view of a target after each look, and a
/// snapshot five times a second.
fn views(table: &Table, count: u32) {
    let index: BTreeMap<TargetKey, TargetId> = table
        .topology()
        .specs()
        .iter()
        .map(|spec| (spec.key.clone(), spec.id))
        .collect();
    let mut publisher = Publisher::new(Arc::default(), Arc::new(index));
    let update = |publisher: &mut Publisher| {
        let begin = Instant::now();
        for view in (0..count).filter_map(|i| table.view(TargetId(i))) {
            publisher.update(view);
        }
        begin.elapsed().as_secs_f64()
    };
    update(&mut publisher);
    let took = update(&mut publisher);
    println!(
        "  a view for readers after each look: {:.2} µs, {:.1} % of a core at {count} looks a minute",
        took * 1e6 / f64::from(count),
        took / 60.0 * 100.0
    );
    let begin = Instant::now();
    black_box(publisher.publish(Timestamp::from_secs(1)));
    let all = begin.elapsed().as_secs_f64();
    println!(
        "  a snapshot in which every shard changed: {:.2} ms, {:.1} % of a core at five a second",
        all * 1e3,
        all * 500.0
    );
}

fn main() {
    let count = std::env::var("TRAMGAC_BENCH_TARGETS").map_or(100_000, |n| n.parse().unwrap());
    let probe: Arc<str> = "icmp".into();
    let before = resident();
    let topology = topology(count);
    let with_topology = resident();
    let mut bench = Bench {
        table: Table::new(topology, Timestamp::from_secs(0)),
        effects: Effects::new(),
        events: 0,
    };
    let after = resident();
    println!("{count} targets");
    println!("  state of a target: {} bytes", size_of::<TargetState>());
    println!(
        "  resident a target: {} bytes of states, {} bytes of topology",
        (after - with_topology) / count as usize,
        (with_topology - before) / count as usize
    );
    bench.feed(&looks(count, 1, true, &probe), 1);
    let mut best: f64 = 0.0;
    for round in 0..5 {
        let secs = 31 + 30 * round;
        best = best.max(bench.feed(&looks(count, secs, true, &probe), secs));
    }
    println!("  steady good looks: {best:.0} a second on one core");
    let walk = reference(count, &probe);
    println!(
        "  reference, the same looks into a hash map of sums: {walk:.0} a second, {:.1} times as many",
        walk / best
    );
    views(&bench.table, count);

    let begin = Instant::now();
    bench.events = 0;
    let mut fed = 0;
    for (secs, good) in [(211, false), (216, false), (221, false), (231, true), (236, true)] {
        let list = looks(count, secs, good, &probe);
        fed += list.len();
        bench.feed(&list, secs);
        bench
            .table
            .tick(Timestamp::from_secs(secs + 1), &mut bench.effects);
        bench.events += bench.effects.events.len();
        bench.effects.clear();
    }
    let took = begin.elapsed().as_secs_f64();
    println!(
        "  everything fails and comes back: {} events of {fed} looks in {took:.2} s, {:.0} events a second",
        bench.events,
        bench.events as f64 / took
    );

    let begin = Instant::now();
    let saved = bench.table.take_changed().len();
    println!(
        "  {saved} states handed to the record in {:.3} s",
        begin.elapsed().as_secs_f64()
    );
    let begin = Instant::now();
    for _ in 0..100 {
        bench.table.tick(Timestamp::from_secs(240), &mut bench.effects);
    }
    println!("  a tick: {:.1} µs", begin.elapsed().as_secs_f64() * 1e4);
}
