//! What the district's agents tell: a few objects by class, some of which change.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a class that the lab does not play tells nothing of its own"
)]

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use super::agent::Communities;
use super::agent::Objects;
use super::district::AgentPlace;
use super::district::COMMUNITY;
use super::weather::Weather;
use crate::clock::SharedClock;
use crate::inventory::Class;
use crate::model::Mono;
use crate::model::snmp::Oid;
use crate::model::snmp::Value;
use crate::model::snmp::VarBind;
use crate::profile::Rows;

/// One agent of the district.
pub struct Equipment {
    class: Class,
    fixed: Rows,
    /// Interfaces: number and octets a second of both directions.
    ports: Vec<(u32, u64, u64)>,
    clock: SharedClock,
    /// When its agent started, in nanoseconds of the clock.
    started: AtomicU64,
    /// A UPS runs on its battery.
    on_battery: AtomicBool,
}

type Table = BTreeMap<Oid, Value>;

fn oid(text: &str) -> Option<Oid> {
    text.parse().ok()
}

fn text(value: &str) -> Value {
    Value::OctetString(value.into())
}

impl Equipment {
    /// The agent of a place, started now.
    pub fn new(place: &AgentPlace, clock: SharedClock) -> Self {
        let mut table = Table::new();
        let mut put = |name: &str, value: Value| table.extend(oid(name).map(|o| (o, value)));
        let (descr, object_id) = identity(place.class);
        put("1.3.6.1.2.1.1.1.0", text(descr));
        if let Some(id) = oid(object_id) {
            put("1.3.6.1.2.1.1.2.0", Value::ObjectId(id.into()));
        }
        put("1.3.6.1.2.1.1.4.0", text("Tổ công nghệ thông tin"));
        put("1.3.6.1.2.1.1.5.0", text(&place.name));
        put("1.3.6.1.2.1.1.6.0", text(&place.location));
        let octets = place.address.octets();
        let number = u64::from(octets[2]) * 256 + u64::from(octets[3]);
        let ports: Vec<(u32, u64, u64)> = port_names(place.class)
            .iter()
            .enumerate()
            .filter_map(|(i, _)| {
                let index = u32::try_from(i + 1).ok()?;
                let busy = 20_000 + number * 37 % 90_000 + u64::from(index) * 1_000;
                Some((index, busy * 4, busy))
            })
            .collect();
        for ((index, _, _), name) in ports.iter().zip(port_names(place.class)) {
            interface(&mut put, *index, name, octets);
        }
        put(
            "1.3.6.1.2.1.2.1.0",
            Value::Integer(i64::try_from(ports.len()).unwrap_or_default()),
        );
        by_class(&mut put, place.class, number);
        Self {
            class: place.class,
            fixed: table
                .into_iter()
                .map(|(oid, value)| VarBind { oid, value })
                .collect(),
            ports,
            started: AtomicU64::new(clock.mono().0),
            clock,
            on_battery: AtomicBool::new(false),
        }
    }

    /// The agent restarts: its uptime and its counters begin again.
    pub fn restart(&self) {
        self.started.store(self.clock.mono().0, Relaxed);
    }

    /// Mains go or come back; only a UPS cares.
    pub fn set_on_battery(&self, on_battery: bool) {
        self.on_battery.store(on_battery, Relaxed);
    }

    /// What changes, as it is now.
    fn moving(&self) -> Table {
        let up = self.clock.mono().since(Mono(self.started.load(Relaxed)));
        let seconds = up.as_secs_f64() + 3_600.0;
        let mut table = Table::new();
        let mut put = |name: String, value: Value| table.extend(oid(&name).map(|o| (o, value)));
        #[expect(clippy::cast_possible_truncation, reason = "wraps at 497 days, as it should")]
        let ticks = (up.as_millis() / 10) as u32;
        put("1.3.6.1.2.1.1.3.0".to_owned(), Value::TimeTicks(ticks));
        for (index, received, sent) in &self.ports {
            let octets = |rate: u64| {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a count, never negative"
                )]
                let count = (seconds * rate as f64) as u64;
                Value::Counter64(count)
            };
            put(format!("1.3.6.1.2.1.31.1.1.1.6.{index}"), octets(*received));
            put(format!("1.3.6.1.2.1.31.1.1.1.10.{index}"), octets(*sent));
        }
        // Between 0 and 1, once in five minutes up and down.
        let wave = f64::midpoint((seconds / 300.0 * std::f64::consts::TAU).sin(), 1.0);
        #[expect(clippy::cast_possible_truncation, reason = "small whole numbers")]
        let level = |low: f64, high: f64| (low + (high - low) * wave).round() as i64;
        match self.class {
            Class::Ups => {
                let on_battery = self.on_battery.load(Relaxed);
                put(
                    "1.3.6.1.2.1.33.1.4.1.0".to_owned(),
                    Value::Integer(if on_battery { 5 } else { 3 }),
                );
                put(
                    "1.3.6.1.2.1.33.1.2.4.0".to_owned(),
                    Value::Integer(if on_battery { 82 } else { 100 }),
                );
                put(
                    "1.3.6.1.2.1.33.1.3.3.1.3.1".to_owned(),
                    Value::Integer(if on_battery { 0 } else { 228 }),
                );
                put(
                    "1.3.6.1.2.1.33.1.4.4.1.5.1".to_owned(),
                    Value::Integer(level(28.0, 40.0)),
                );
            }
            Class::Server => put(
                "1.3.6.1.2.1.25.3.3.1.2.1".to_owned(),
                Value::Integer(level(8.0, 55.0)),
            ),
            Class::Router | Class::WifiAp => {
                put(
                    "1.3.6.1.2.1.25.3.3.1.2.1".to_owned(),
                    Value::Integer(level(3.0, 30.0)),
                );
            }
            _ => {}
        }
        table
    }
}

impl Objects for Equipment {
    fn get(&self, oid: &Oid) -> Option<Value> {
        self.moving()
            .get(oid)
            .cloned()
            .or_else(|| self.fixed.get(oid).cloned())
    }

    fn after(&self, oid: &Oid) -> Option<(Oid, Value)> {
        let moving = self.moving();
        let from = (std::ops::Bound::Excluded(oid), std::ops::Bound::Unbounded);
        let live = moving.range::<Oid, _>(from).next();
        let fixed = self.fixed.after(oid);
        let first = match (live, fixed) {
            (Some(a), Some(b)) => Some(if a.0 <= b.0 { a } else { b }),
            (one, other) => one.or(other),
        };
        first.map(|(o, v)| (o.clone(), v.clone()))
    }
}

/// The way to an agent: by the district's community, and only while the weather lets it through.
pub struct Door {
    /// Who answers.
    pub equipment: Arc<Equipment>,
    /// Its address.
    pub address: IpAddr,
    /// The conditions of the moment.
    pub weather: Weather,
}

impl Communities for Door {
    fn objects(&self, community: &[u8]) -> Option<Arc<dyn Objects>> {
        let is_open = community == COMMUNITY.as_bytes() && !self.weather.at(self.address).cut;
        is_open.then(|| Arc::clone(&self.equipment) as Arc<dyn Objects>)
    }
}

fn identity(class: Class) -> (&'static str, &'static str) {
    match class {
        Class::Router => ("RouterOS RB760iGS", "1.3.6.1.4.1.14988.1"),
        Class::WifiAp => ("RouterOS cAP ac", "1.3.6.1.4.1.14988.1"),
        Class::Switch => (
            "JetStream 24-Port Gigabit L2 Managed Switch",
            "1.3.6.1.4.1.11863.5.1",
        ),
        Class::Server => (
            "Linux sv-vp 6.1.0-27-amd64 #1 SMP x86_64",
            "1.3.6.1.4.1.8072.3.2.10",
        ),
        Class::Ups => ("UPS SNMP card", "1.3.6.1.2.1.33"),
        Class::Printer => ("Canon MF445 /P", "1.3.6.1.4.1.1602.4.7"),
        _ => ("lab", "1.3.6.1.4.1.99999"),
    }
}

fn port_names(class: Class) -> &'static [&'static str] {
    match class {
        Class::Router => &["ether1", "ether2", "ether3", "bridge"],
        Class::Switch => &[
            "gi1/0/1", "gi1/0/2", "gi1/0/3", "gi1/0/4", "gi1/0/5", "gi1/0/6", "gi1/0/7", "gi1/0/8",
            "gi1/0/9", "gi1/0/10", "gi1/0/11", "gi1/0/12",
        ],
        Class::Server => &["lo", "eno1"],
        Class::WifiAp => &["ether1", "wlan1", "wlan2"],
        Class::Printer | Class::Ups => &["eth0"],
        _ => &[],
    }
}

fn interface(put: &mut impl FnMut(&str, Value), index: u32, name: &str, address: [u8; 4]) {
    let mut column = |number: u32, value| put(&format!("1.3.6.1.2.1.2.2.1.{number}.{index}"), value);
    let is_loopback = name == "lo";
    let kind = if is_loopback {
        24
    } else if name.starts_with("wlan") {
        71
    } else {
        6
    };
    let last = u8::try_from(index).unwrap_or(u8::MAX);
    let mac = if is_loopback {
        Vec::new()
    } else {
        vec![0x48, 0x8f, 0x5a, address[2], address[3], last]
    };
    column(1, Value::Integer(index.into()));
    column(2, text(name));
    column(3, Value::Integer(kind));
    column(4, Value::Integer(1500));
    column(5, Value::Gauge32(1_000_000_000));
    column(6, Value::OctetString(mac.into()));
    column(7, Value::Integer(1));
    column(8, Value::Integer(1));
    for number in [13, 14, 19, 20] {
        column(number, Value::Counter32(0));
    }
    put(&format!("1.3.6.1.2.1.31.1.1.1.1.{index}"), text(name));
    put(&format!("1.3.6.1.2.1.31.1.1.1.15.{index}"), Value::Gauge32(1_000));
    let alias = if name == "ether1" {
        "Đường truyền"
    } else {
        ""
    };
    put(&format!("1.3.6.1.2.1.31.1.1.1.18.{index}"), text(alias));
}

fn by_class(put: &mut impl FnMut(&str, Value), class: Class, number: u64) {
    let small = |n: u64| i64::try_from(n).unwrap_or_default();
    match class {
        Class::Router | Class::WifiAp => {
            put("1.3.6.1.4.1.14988.1.1.7.3.0", text(&format!("HD20{number:06}")));
            put("1.3.6.1.4.1.14988.1.1.4.4.0", text("7.15.3"));
            if class == Class::WifiAp {
                // MIKROTIK-MIB::mtxrWlApTable: SSID, clients, band.
                for (radio, clients) in [(2, 3 + number % 9), (3, 5 + number % 14)] {
                    put(
                        &format!("1.3.6.1.4.1.14988.1.1.1.3.1.4.{radio}"),
                        text("UBND-ThanhSon"),
                    );
                    put(
                        &format!("1.3.6.1.4.1.14988.1.1.1.3.1.6.{radio}"),
                        Value::Counter32(u32::try_from(clients).unwrap_or_default()),
                    );
                }
            }
        }
        Class::Server => {
            let storage = [
                (
                    "1.3.6.1.2.1.25.2.1.2",
                    "Physical memory",
                    1024,
                    16_384_000,
                    7_340_032,
                ),
                ("1.3.6.1.2.1.25.2.1.4", "/", 4096, 122_070_312, 48_828_125),
            ];
            for (index, (kind, name, unit, size, used)) in (1..).zip(storage) {
                let mut column = |n: u32, value| put(&format!("1.3.6.1.2.1.25.2.3.1.{n}.{index}"), value);
                column(1, Value::Integer(index));
                if let Some(kind) = oid(kind) {
                    column(2, Value::ObjectId(kind.into()));
                }
                column(3, text(name));
                column(4, Value::Integer(unit));
                column(5, Value::Integer(size));
                column(6, Value::Integer(used));
            }
        }
        Class::Ups => {
            put("1.3.6.1.2.1.33.1.1.1.0", text("Santak"));
            put("1.3.6.1.2.1.33.1.1.2.0", text("C3K-LCD"));
            put("1.3.6.1.2.1.33.1.1.3.0", text("02.14"));
            put("1.3.6.1.2.1.33.1.2.1.0", Value::Integer(2));
            put("1.3.6.1.2.1.33.1.2.3.0", Value::Integer(34));
            put("1.3.6.1.2.1.33.1.2.5.0", Value::Integer(1_092));
        }
        Class::Printer => {
            put(
                "1.3.6.1.2.1.25.3.2.1.2.1",
                oid("1.3.6.1.2.1.25.3.1.5").map_or(Value::Null, |o| Value::ObjectId(o.into())),
            );
            put("1.3.6.1.2.1.25.3.2.1.3.1", text("Canon MF445"));
            put("1.3.6.1.2.1.25.3.5.1.1.1", Value::Integer(3));
            put("1.3.6.1.2.1.43.5.1.1.17.1", text(&format!("QTW{number:05}")));
            put(
                "1.3.6.1.2.1.43.10.2.1.4.1.1",
                Value::Counter32(u32::try_from(18_000 + number * 311).unwrap_or_default()),
            );
            put("1.3.6.1.2.1.43.11.1.1.4.1.1", Value::Integer(3));
            put("1.3.6.1.2.1.43.11.1.1.5.1.1", Value::Integer(21));
            put("1.3.6.1.2.1.43.11.1.1.6.1.1", text("Canon Cartridge 057"));
            put("1.3.6.1.2.1.43.11.1.1.7.1.1", Value::Integer(19));
            put("1.3.6.1.2.1.43.11.1.1.8.1.1", Value::Integer(100));
            put(
                "1.3.6.1.2.1.43.11.1.1.9.1.1",
                Value::Integer(small(15 + number % 70)),
            );
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::lab::district::agents;

    #[test]
    fn a_walk_over_every_agent_of_the_district_ends_and_only_grows() {
        let clock = SystemClock::shared();
        for place in agents() {
            let equipment = Equipment::new(&place, Arc::clone(&clock));
            let mut at: Oid = "1.3".parse().unwrap();
            let mut rows = 0;
            while let Some((next, _)) = equipment.after(&at) {
                assert!(next > at);
                at = next;
                rows += 1;
            }
            assert!(rows > 10, "{}", place.name);
        }
    }
}
