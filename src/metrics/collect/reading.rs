//! What devices measure: Wi-Fi, printers, UPSs, hosts.
//!
//! A reading's kind and instance come from the device profiles; here they get
//! their family and labels. A reading without a value is absent (trap 10).

use std::collections::BTreeSet;

use super::rows::Rows;
use super::rows::answered;
use crate::inventory::Class;
use crate::metrics::catalog;
use crate::metrics::catalog::Metric;
use crate::metrics::expose::{Labels, Writer};
use crate::model::Reading;

/// Networks of an access point that are told apart; one radio rarely carries more than 8.
const MAX_SSIDS: usize = 16;

/// Colours that supplies are named after, in any spelling that printers use.
const COLORS: [(&str, &str); 5] = [
    ("black", "black"),
    ("cyan", "cyan"),
    ("magenta", "magenta"),
    ("yellow", "yellow"),
    ("schwarz", "black"),
];

/// One device and what its last poll told.
struct Told<'r> {
    device: &'r str,
    class: Class,
    readings: &'r [Reading],
}

impl<'r> Told<'r> {
    /// The values of a kind, with their instances.
    fn of(&self, kind: &str) -> impl Iterator<Item = (&'r str, f64)> {
        self.readings
            .iter()
            .filter(move |r| r.kind == kind)
            .filter_map(|r| Some((r.instance.as_str(), r.value.ok()?)))
    }

    /// The first value of a kind.
    fn first(&self, kind: &str) -> Option<f64> {
        self.of(kind).next().map(|(_, v)| v)
    }

    fn is_ups(&self) -> bool {
        self.class == Class::Ups || self.first("battery_charge").is_some()
    }

    /// The values of a kind by phase (`Input 1`, `Output L2` → `1`, `L2`), else
    /// the one of all phases under no name.
    fn phases(&self, kind: &str, prefix: &str, whole: &str) -> Vec<(&'r str, f64)> {
        let phases: Vec<_> = self
            .of(kind)
            .filter_map(|(i, v)| Some((i.strip_prefix(prefix)?.trim(), v)))
            .filter(|(phase, _)| !phase.is_empty())
            .collect();
        if phases.is_empty() {
            self.first(whole).map(|v| ("", v)).into_iter().collect()
        } else {
            phases
        }
    }

    /// The main memory among swap, buffers and the like.
    fn memory(&self, kind: &str) -> Option<f64> {
        let names = ["physical memory", "ram", "main memory", "real memory", "memory"];
        let all: Vec<_> = self.of(kind).collect();
        let named = |name: &str| all.iter().find(|(i, _)| i.eq_ignore_ascii_case(name));
        let found = names.iter().find_map(|n| named(n)).or(all.first());
        found.map(|(_, v)| *v)
    }

    fn cpu(&self) -> Option<f64> {
        let (sum, n) = self
            .of("cpu_load")
            .fold((0.0, 0.0), |(s, n), (_, v)| (s + v, n + 1.0));
        (n > 0.0).then(|| sum / n)
    }
}

/// A family of values that have at most one per device.
type One = (&'static Metric, fn(&Told<'_>) -> Option<f64>);

static UPS: [One; 4] = [
    (&catalog::UPS_ON_BATTERY, |t| t.first("on_battery")),
    (&catalog::UPS_BATTERY_CHARGE_RATIO, |t| t.first("battery_charge")),
    (&catalog::UPS_BATTERY_RUNTIME_SECONDS, |t| {
        t.first("battery_runtime")
    }),
    (&catalog::UPS_BATTERY_TEMPERATURE_CELSIUS, |t| {
        let battery = t.of("temperature").find(|(i, _)| is_battery(i));
        battery.filter(|_| t.is_ups()).map(|(_, v)| v)
    }),
];

static HOST: [One; 3] = [
    (&catalog::HOST_CPU_UTILIZATION_RATIO, |t| t.cpu()),
    (&catalog::HOST_MEMORY_USED_BYTES, |t| t.memory("memory_used")),
    (&catalog::HOST_MEMORY_SIZE_BYTES, |t| t.memory("memory_size")),
];

fn is_battery(instance: &str) -> bool {
    instance.to_ascii_lowercase().contains("batter")
}

pub(super) fn write(w: &mut Writer<'_>, rows: &Rows<'_>) {
    let told: Vec<Told<'_>> = (rows.shown())
        .filter_map(|row| {
            Some(Told {
                device: row.device.id.as_str(),
                class: row.device.class,
                readings: &answered(row.view)?.readings,
            })
        })
        .filter(|t| !t.readings.is_empty())
        .collect();
    wifi(w, &told);
    printers(w, &told);
    for one in &UPS {
        single(w, &told, one);
    }
    several(w, &told, &catalog::UPS_OUTPUT_LOAD_RATIO, "phase", |t| {
        if t.is_ups() {
            t.phases("load", "Output", "ups_load")
        } else {
            Vec::new()
        }
    });
    several(w, &told, &catalog::UPS_INPUT_VOLTS, "phase", |t| {
        if t.is_ups() {
            t.phases("voltage", "Input", "input_voltage")
        } else {
            Vec::new()
        }
    });
    for one in &HOST {
        single(w, &told, one);
    }
    several(
        w,
        &told,
        &catalog::HOST_FILESYSTEM_USED_BYTES,
        "mountpoint",
        |t| t.of("storage_used").collect(),
    );
    several(
        w,
        &told,
        &catalog::HOST_FILESYSTEM_SIZE_BYTES,
        "mountpoint",
        |t| t.of("storage_size").collect(),
    );
    several(w, &told, &catalog::HOST_TEMPERATURE_CELSIUS, "sensor", |t| {
        let own = |(i, _): &(&str, f64)| !(t.is_ups() && is_battery(i));
        t.of("temperature").filter(own).collect()
    });
}

fn single(w: &mut Writer<'_>, told: &[Told<'_>], (metric, value): &One) {
    for t in told {
        w.family(metric)
            .maybe(&Labels::new(&[("device", t.device)]), value(t));
    }
}

/// One series per instance; a second of the same name is left out, not merged (trap 6).
fn several<'r>(
    w: &mut Writer<'_>,
    told: &[Told<'r>],
    metric: &'static Metric,
    label: &str,
    values: impl Fn(&Told<'r>) -> Vec<(&'r str, f64)>,
) {
    for t in told {
        let mut seen = BTreeSet::new();
        for (instance, value) in values(t) {
            if seen.insert(instance) {
                let labels = Labels::new(&[("device", t.device), (label, instance)]);
                w.family(metric).float(&labels, value);
            }
        }
    }
}

fn wifi(w: &mut Writer<'_>, told: &[Told<'_>]) {
    for t in told {
        let networks: Vec<_> = t.of("wifi_clients").collect();
        for (instance, clients) in networks.iter().take(MAX_SSIDS) {
            let (radio, ssid) = instance.split_once(" / ").unwrap_or((instance, ""));
            let labels = Labels::new(&[("device", t.device), ("radio", radio), ("ssid", ssid)]);
            w.family(&catalog::WIFI_CLIENTS).float(&labels, *clients);
        }
        let over = networks.len().saturating_sub(MAX_SSIDS);
        w.count_dropped(&catalog::WIFI_CLIENTS, over as u64);
    }
}

fn printers(w: &mut Writer<'_>, told: &[Told<'_>]) {
    for t in told {
        let mut seen = BTreeSet::new();
        for (supply, level) in t.of("supply_level") {
            let name = supply.to_lowercase();
            let color = COLORS.iter().find(|(word, _)| name.contains(word));
            let labels = Labels::new(&[
                ("device", t.device),
                ("supply", supply),
                ("color", color.map_or("", |(_, c)| c)),
            ]);
            if seen.insert(supply) {
                w.family(&catalog::PRINTER_SUPPLY_RATIO).float(&labels, level);
            }
        }
    }
    let pages: One = (&catalog::PRINTER_PAGES_TOTAL, |t| t.first("pages_total"));
    single(w, told, &pages);
}
