//! What a turn brought, as the monitor's readers see it: readings and interfaces.

use super::poll::Polled;
use super::poll::PolledInterface;
use crate::model::Absent;
use crate::model::Reading;
use crate::model::Span;
use crate::model::Timestamp;
use crate::profile::Learnt;
use crate::profile::learnt::Sensor;
use crate::profile::learnt::Space;
use crate::profile::learnt::Supply;

/// Everything that a device measures, in base units.
///
/// Kinds: `cpu_load`, `memory_used`, `memory_size`, `storage_used`,
/// `storage_size` (or `memory_used_ratio`, `storage_used_ratio`, where a share is all that is told), the kinds of sensors (`temperature`, `voltage`, …),
/// `supply_level`, `pages_total` and further page counts, `battery_charge`,
/// `battery_runtime`, `ups_load`, `on_battery`, `input_voltage`,
/// `output_voltage`, `battery_voltage`, `wifi_clients`, `poe_power`,
/// `poe_budget`. The instance says which one; instances of a kind are unique. A Wi-Fi network is called `radio / ssid`.
pub fn readings(learnt: &Learnt, at: Timestamp) -> Vec<Reading> {
    let mut all = Readings { at, list: Vec::new() };
    for (n, p) in learnt.processors.iter().enumerate() {
        all.add("cpu_load", &label(p.descr.as_deref(), n), p.load_ratio, "ratio");
    }
    spaces(&mut all, ["memory_used", "memory_size"], &learnt.memory);
    spaces(&mut all, ["storage_used", "storage_size"], &learnt.storage);
    for (n, s) in learnt.sensors.iter().enumerate() {
        sensor(&mut all, n, s);
    }
    for (n, s) in learnt.supplies.iter().enumerate() {
        supply(&mut all, n, s);
    }
    if let Some(printer) = &learnt.printer {
        for (kind, value) in [
            ("pages_total", printer.pages_total),
            ("pages_color", printer.pages_color),
            ("pages_mono", printer.pages_mono),
            ("pages_duplex", printer.pages_duplex),
            ("pages_scanned", printer.pages_scanned),
        ] {
            all.whole(kind, "", value, "count");
        }
    }
    if let Some(ups) = &learnt.ups {
        all.add("battery_charge", "", ups.battery_charge_ratio, "ratio");
        all.add("battery_runtime", "", ups.runtime_seconds, "seconds");
        all.add("ups_load", "", ups.load_ratio, "ratio");
        all.add(
            "on_battery",
            "",
            ups.on_battery.map(|b| f64::from(u8::from(b))),
            "count",
        );
        all.add("input_voltage", "", ups.input_volts, "volts");
        all.add("output_voltage", "", ups.output_volts, "volts");
        all.add("battery_voltage", "", ups.battery_volts, "volts");
    }
    for (n, w) in learnt.wifi.iter().enumerate() {
        let parts: Vec<&str> = [w.radio.as_deref(), w.ssid.as_deref()]
            .into_iter()
            .flatten()
            .collect();
        let name = parts.join(" / ");
        all.whole("wifi_clients", &label(Some(&name), n), w.clients, "count");
    }
    for (n, p) in learnt.poe.iter().enumerate() {
        let name = label(p.port.as_deref(), n);
        all.add("poe_power", &name, p.used_watts, "watts");
        all.add("poe_budget", &name, p.budget_watts, "watts");
    }
    all.list
}

struct Readings {
    at: Timestamp,
    list: Vec<Reading>,
}

impl Readings {
    fn put(&mut self, kind: &str, instance: &str, value: Result<f64, Absent>, unit: &str) {
        let mut name = instance.to_owned();
        let mut n = 1;
        while self.list.iter().any(|r| r.kind == kind && r.instance == name) {
            n += 1;
            name = format!("{instance} {n}");
        }
        self.list.push(Reading {
            kind: kind.to_owned(),
            instance: name,
            value,
            unit: unit.to_owned(),
            at: self.at,
        });
    }

    fn add(&mut self, kind: &str, instance: &str, value: Option<f64>, unit: &str) {
        if let Some(value) = value {
            self.put(kind, instance, Ok(value), unit);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "metrics are f64 by contract")]
    fn whole(&mut self, kind: &str, instance: &str, value: Option<u64>, unit: &str) {
        self.add(kind, instance, value.map(|n| n as f64), unit);
    }
}

/// The description, else the number of the row from 1.
fn label(descr: Option<&str>, n: usize) -> String {
    descr
        .filter(|d| !d.is_empty())
        .map_or_else(|| (n + 1).to_string(), str::to_owned)
}

fn spaces(all: &mut Readings, [used, size]: [&str; 2], spaces: &[Space]) {
    for (n, s) in spaces.iter().enumerate() {
        let name = label(s.descr.as_deref(), n);
        if s.unit.is_some() {
            // A share only: no bytes are made up for it.
            all.add(&format!("{used}_ratio"), &name, s.used_ratio, "ratio");
            continue;
        }
        all.whole(used, &name, s.used_bytes, "bytes");
        all.whole(size, &name, s.size_bytes, "bytes");
    }
}

fn sensor(all: &mut Readings, n: usize, sensor: &Sensor) {
    if let (Some(kind), Some(unit)) = (&sensor.kind, &sensor.unit) {
        all.add(kind, &label(sensor.descr.as_deref(), n), sensor.value, unit);
    }
}

// A supply without a number is told with its reason, never as 0 % (trap 10).
fn supply(all: &mut Readings, n: usize, supply: &Supply) {
    let value = match (supply.level_ratio, supply.state.as_deref()) {
        (Some(ratio), _) => Ok(ratio),
        (None, Some("some")) => Err(Absent::SomeLeft),
        (None, Some("unlimited")) => Err(Absent::NoLimit),
        (None, _) => Err(Absent::Unknown),
    };
    all.put("supply_level", &label(supply.descr.as_deref(), n), value, "ratio");
}

impl Polled {
    /// When the interface's operational state last changed, by the agent's clock.
    pub fn changed_at(&self, interface: &PolledInterface) -> Option<Timestamp> {
        let ago = interface.told.last_change_seconds?;
        Span::try_from_secs_f64(ago).ok().map(|ago| self.at.minus(ago))
    }
}
