//! What an exposition costs, beside copying and compressing the same bytes.
//!
//! `cargo bench --bench exposition` renders 100,000 devices, of which every
//! tenth is asked over SNMP and has four interfaces. Figures are in
//! docs/performance.md.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a bench prints what it measured"
)]

use std::hint::black_box;
use std::io::Write;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use tramgac::clock::{Clock, SystemClock};
use tramgac::inventory::{Class, Inventory, SiteKind};
use tramgac::metrics::collect::{Selection, render_into};
use tramgac::metrics::{Extra, Meters};
use tramgac::model::{Span, State, Timestamp};
use tramgac::monitor::Snapshot;

#[path = "../tests/it/support/blank.rs"]
mod blank;
#[expect(dead_code, reason = "the tests use the rest of it")]
#[path = "../tests/it/support/district.rs"]
mod district;

const ROUNDS: u32 = 3;

fn fleet(devices: u32) -> Snapshot {
    let mut inventory = Inventory::default();
    for i in 0..devices / 50 {
        let s = district::site(&format!("site-{i:05}"), "Trụ sở", SiteKind::Office, &[]);
        inventory.sites.insert(s.id.clone(), s);
    }
    let one = |i: u32| {
        let class = if i.is_multiple_of(10) {
            Class::Switch
        } else {
            Class::Computer
        };
        let mut d = district::device(
            &format!("device-{i:06}"),
            class,
            Some(&format!("site-{:05}", i / 50)),
        );
        d.name = format!("Máy tính số {i}");
        d.vendor = Some("Dell".to_owned());
        d.model = Some("OptiPlex 7090".to_owned());
        d
    };
    district::add(&mut inventory, (0..devices).map(one));
    let at = Timestamp::from_secs(1_795_000_000);
    district::snapshot(inventory, at, |id, key| {
        let mut v = district::view(id, key, State::Up);
        v.last_look_at = Some(at);
        v.last_reply_at = Some(at);
        v.echo = Some(district::burst(3, u64::from(id % 90) + 1));
        v.totals.echo_sent = 3 * 1_440 * 90;
        v.totals.echo_received = 3 * 1_440 * 90 - u64::from(id % 7);
        v.totals.observed = Span::from_secs(90 * 86_400);
        v.totals.rtt_sum = Span::from_millis(u64::from(id) * 17);
        if id % 10 == 0 {
            let mut snmp = district::snmp(at, 1 << 40, Vec::new());
            let more = ["sfp1", "sfp2"].map(|n| district::interface(n, 1 << 33));
            snmp.interfaces = snmp.interfaces.iter().cloned().chain(more).collect();
            v.snmp = Some(Arc::new(snmp));
        }
        v
    })
}

/// The shortest of some runs.
fn best<T>(clock: &SystemClock, mut run: impl FnMut() -> T) -> (Span, T) {
    let mut shortest: Option<(Span, T)> = None;
    for _ in 0..ROUNDS {
        let start = clock.mono();
        let result = black_box(run());
        let took = clock.mono().since(start);
        if shortest.as_ref().is_none_or(|(s, _)| took < *s) {
            shortest = Some((took, result));
        }
    }
    shortest.unwrap()
}

fn rendered(snapshot: &Snapshot, extra: &Extra, selection: &Selection) -> Vec<u8> {
    let mut bytes = Vec::new();
    render_into(snapshot, extra, selection, &mut |chunk| {
        bytes.extend_from_slice(chunk);
    });
    bytes
}

fn gzip(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn mib(bytes: usize) -> f64 {
    f64::from(u32::try_from(bytes / 1024).unwrap_or(u32::MAX)) / 1024.0
}

fn main() {
    let clock = SystemClock::new();
    println!("devices  series   what                       seconds     MiB   MiB/s");
    for devices in [2_000, 10_000, 100_000] {
        let snapshot = fleet(devices);
        let mut extra = district::extra(&Meters::default(), &snapshot);
        extra.limits.series = u64::MAX;
        let all = Selection::default();
        let (took, summary) = best(&clock, || {
            render_into(&snapshot, &extra, &all, &mut |chunk| {
                black_box(chunk);
            })
        });
        let series = summary.series;
        let bytes = rendered(&snapshot, &extra, &all);
        let line = |what: &str, took: Span, size: usize| {
            let (secs, size) = (took.as_secs_f64(), mib(size));
            let rate = size / secs;
            println!("{devices:7} {series:8}  {what:26} {secs:7.3} {size:7.1} {rate:7.0}");
        };
        line("render, chunk by chunk", took, bytes.len());
        let (took, _) = best(&clock, || rendered(&snapshot, &extra, &all));
        line("render into one buffer", took, bytes.len());
        let (took, _) = best(&clock, || bytes.clone());
        line("copy the same bytes", took, bytes.len());
        for level in [1, 3, 6] {
            let (took, packed) = best(&clock, || gzip(&bytes, level));
            let size = mib(packed.len());
            line(&format!("gzip {level} to {size:.1} MiB"), took, bytes.len());
        }
        let share = Selection {
            parts: vec![tramgac::metrics::Part::Devices],
            area: None,
            shard: Some((0, 10)),
        };
        let (took, part) = best(&clock, || rendered(&snapshot, &extra, &share));
        line("a tenth of the devices", took, part.len());
    }
}
