//! Devices whose values move: a router, a switch, an access point, a printer and a UPS.
//!
//! What they tell is made up, by the standard MIBs and the vendors' own that a
//! profile reads; nothing is taken from a real device.

use std::collections::BTreeMap;

use super::agent::Objects;
use crate::clock::SharedClock;
use crate::model::Mono;
use crate::model::snmp::Oid;
use crate::model::snmp::Value;
use crate::profile::Rows;

/// Names of the devices of [`device`].
pub const NAMES: [&str; 5] = ["router", "switch", "ap", "printer", "ups"];

/// How a value of a scripted device moves with time.
#[derive(Debug, Clone, PartialEq)]
pub enum Motion {
    /// TimeTicks since the device started.
    Uptime,
    /// A counter of 64 bits that grows by that much a second, more by day's waves.
    Counter64 {
        /// Where it begins.
        start: u64,
        /// Mean growth a second.
        per_second: f64,
    },
    /// A counter of 32 bits, which wraps.
    Counter32 {
        /// Where it begins.
        start: u32,
        /// Mean growth a second.
        per_second: f64,
    },
    /// An INTEGER that swings around a mean.
    Swing {
        /// The mean.
        mean: f64,
        /// How far it swings.
        by: f64,
        /// In how many seconds it comes back.
        period: f64,
    },
}

impl Motion {
    fn at(&self, seconds: f64) -> Value {
        // A wave of ten minutes makes traffic look alive, and never goes backwards.
        let wave = |per_second: f64| {
            let turn = std::f64::consts::TAU / 600.0;
            per_second * (seconds + 0.6 / turn * (1.0 - (seconds * turn).cos()))
        };
        match self {
            Self::Uptime => Value::TimeTicks(wrapping(seconds * 100.0)),
            Self::Counter64 { start, per_second } => {
                Value::Counter64(start.saturating_add(whole(wave(*per_second))))
            }
            Self::Counter32 { start, per_second } => {
                Value::Counter32(start.wrapping_add(wrapping(wave(*per_second))))
            }
            Self::Swing { mean, by, period } => {
                let angle = seconds * std::f64::consts::TAU / period.max(1.0);
                let value = mean + by * angle.sin();
                #[expect(clippy::cast_possible_truncation, reason = "a small measured value")]
                Value::Integer(value.round() as i64)
            }
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative; what is beyond 2^64 saturates"
)]
fn whole(value: f64) -> u64 {
    value.max(0.0) as u64
}

fn wrapping(value: f64) -> u32 {
    u32::try_from(whole(value) & u64::from(u32::MAX)).unwrap_or(0)
}

/// A device: fixed rows, and rows that move with the clock.
pub struct Device {
    rows: Rows,
    motions: BTreeMap<Oid, Motion>,
    started: Mono,
    clock: SharedClock,
}

impl Device {
    fn value(&self, oid: &Oid, fixed: &Value) -> Value {
        let seconds = self.clock.mono().since(self.started).as_secs_f64();
        self.motions
            .get(oid)
            .map_or_else(|| fixed.clone(), |motion| motion.at(seconds))
    }
}

impl Objects for Device {
    fn get(&self, oid: &Oid) -> Option<Value> {
        self.rows.get(oid).map(|fixed| self.value(oid, fixed))
    }

    fn after(&self, oid: &Oid) -> Option<(Oid, Value)> {
        self.rows
            .after(oid)
            .map(|(next, fixed)| (next.clone(), self.value(next, fixed)))
    }
}

/// A device under construction.
struct Script {
    rows: Rows,
    motions: BTreeMap<Oid, Motion>,
}

fn oid(arcs: &[u32]) -> Oid {
    Oid::new(arcs)
}

const SYSTEM: [u32; 7] = [1, 3, 6, 1, 2, 1, 1];
const IF_ENTRY: [u32; 9] = [1, 3, 6, 1, 2, 1, 2, 2, 1];
const IF_X_ENTRY: [u32; 10] = [1, 3, 6, 1, 2, 1, 31, 1, 1, 1];

impl Script {
    fn new(name: &str, descr: &str, object_id: &[u32]) -> Self {
        let mut script = Self {
            rows: Rows::default(),
            motions: BTreeMap::new(),
        };
        script.text(&SYSTEM, &[1, 0], descr);
        script.put(&SYSTEM, &[2, 0], Value::ObjectId(Oid::new(object_id).into()));
        script.motion(&SYSTEM, &[3, 0], Motion::Uptime);
        script.text(&SYSTEM, &[4, 0], "Phòng CNTT");
        script.text(&SYSTEM, &[5, 0], name);
        script.text(&SYSTEM, &[6, 0], "Trụ sở");
        script
    }

    fn put(&mut self, base: &[u32], rest: &[u32], value: Value) {
        self.rows.insert(oid(base).child(rest), value);
    }

    fn text(&mut self, base: &[u32], rest: &[u32], text: &str) {
        self.put(base, rest, Value::OctetString(text.into()));
    }

    fn number(&mut self, base: &[u32], rest: &[u32], number: i64) {
        self.put(base, rest, Value::Integer(number));
    }

    fn motion(&mut self, base: &[u32], rest: &[u32], motion: Motion) {
        self.motions.insert(oid(base).child(rest), motion);
    }

    /// A port with both kinds of counters; `per_second`: octets in, half as many out.
    fn port(&mut self, index: u32, name: &str, alias: &str, mbit: u32, per_second: f64) {
        let up = per_second > 0.0;
        let status = if up { 1 } else { 2 };
        self.number(&IF_ENTRY, &[1, index], i64::from(index));
        self.text(&IF_ENTRY, &[2, index], name);
        self.number(&IF_ENTRY, &[3, index], 6);
        self.number(&IF_ENTRY, &[4, index], 1500);
        self.put(
            &IF_ENTRY,
            &[5, index],
            Value::Gauge32(mbit.saturating_mul(1_000_000)),
        );
        let [.., low] = index.to_be_bytes();
        self.put(
            &IF_ENTRY,
            &[6, index],
            Value::OctetString(vec![0x02, 0x54, 0x47, 0, 0, low].into()),
        );
        self.number(&IF_ENTRY, &[7, index], 1);
        self.number(&IF_ENTRY, &[8, index], status);
        self.put(&IF_ENTRY, &[9, index], Value::TimeTicks(0));
        for column in [13, 14, 19, 20] {
            self.put(&IF_ENTRY, &[column, index], Value::Counter32(0));
        }
        self.text(&IF_X_ENTRY, &[1, index], name);
        self.put(&IF_X_ENTRY, &[15, index], Value::Gauge32(mbit));
        self.text(&IF_X_ENTRY, &[18, index], alias);
        for (narrow, wide, share) in [(10, 6, 1.0), (16, 10, 0.5)] {
            let per_second = per_second * share;
            self.motion(
                &IF_ENTRY,
                &[narrow, index],
                Motion::Counter32 { start: 0, per_second },
            );
            self.motion(
                &IF_X_ENTRY,
                &[wide, index],
                Motion::Counter64 { start: 0, per_second },
            );
        }
    }

    fn address(&mut self, address: [u8; 4], index: u32) {
        let key: Vec<u32> = address.iter().map(|b| u32::from(*b)).collect();
        let table = [1, 3, 6, 1, 2, 1, 4, 20, 1];
        self.put(
            &table,
            &[&[1], key.as_slice()].concat(),
            Value::IpAddress(address),
        );
        self.number(&table, &[&[2], key.as_slice()].concat(), i64::from(index));
        self.put(
            &table,
            &[&[3], key.as_slice()].concat(),
            Value::IpAddress([255, 255, 255, 0]),
        );
    }

    fn done(mut self, clock: &SharedClock) -> Device {
        for (oid, motion) in &self.motions {
            self.rows.insert(oid.clone(), motion.at(0.0));
        }
        Device {
            rows: self.rows,
            motions: self.motions,
            started: clock.mono(),
            clock: SharedClock::clone(clock),
        }
    }
}

/// The scripted device of that kind (one of [`NAMES`]), with that sysName, started now.
pub fn device(kind: &str, name: &str, clock: &SharedClock) -> Option<Device> {
    Some(match kind {
        "router" => router(name).done(clock),
        "switch" => switch(name, 24).done(clock),
        "ap" => access_point(name).done(clock),
        "printer" => printer(name).done(clock),
        "ups" => ups(name).done(clock),
        _ => return None,
    })
}

fn router(name: &str) -> Script {
    let mut s = Script::new(name, "RouterOS hEX S", &[1, 3, 6, 1, 4, 1, 14988, 1]);
    let vendor = [1, 3, 6, 1, 4, 1, 14988, 1, 1];
    s.text(&vendor, &[4, 4, 0], "7.16.2");
    s.text(&vendor, &[7, 3, 0], "LAB0001ROUTER");
    s.port(1, "ether1", "WAN", 1000, 1_200_000.0);
    s.port(2, "ether2", "LAN", 1000, 900_000.0);
    s.port(3, "ether3", "", 100, 0.0);
    s.address([192, 0, 2, 1], 2);
    let swing = |mean, by, period| Motion::Swing { mean, by, period };
    s.motion(
        &[1, 3, 6, 1, 2, 1, 25, 3, 3, 1, 2],
        &[1],
        swing(22.0, 15.0, 300.0),
    );
    s.motion(&vendor, &[3, 10, 0], swing(430.0, 20.0, 3600.0));
    s
}

fn switch(name: &str, ports: u32) -> Script {
    let descr = "JetStream 24-Port Gigabit L2 Managed Switch with 4 SFP Slots";
    let mut s = Script::new(name, descr, &[1, 3, 6, 1, 4, 1, 11863, 5, 33]);
    let vendor = [1, 3, 6, 1, 4, 1, 11863, 6];
    s.text(&vendor, &[1, 1, 5, 0], "T2600G-28TS 3.0");
    s.text(&vendor, &[1, 1, 6, 0], "3.0.3 Build 20200101");
    s.text(&vendor, &[1, 1, 8, 0], "LAB0001SWITCH");
    for n in 1..=ports {
        let alias = if n == 1 { "Uplink" } else { "" };
        let per_second = if n % 5 == 0 { 0.0 } else { 20_000.0 * f64::from(n) };
        s.port(n, &format!("Gi1/0/{n}"), alias, 1000, per_second);
    }
    s.motion(
        &vendor,
        &[4, 1, 1, 1, 1, 2, 1],
        Motion::Swing {
            mean: 12.0,
            by: 6.0,
            period: 240.0,
        },
    );
    s
}

fn access_point(name: &str) -> Script {
    let mut s = Script::new(name, "UAP-AC-Pro 6.6.77.15402", &[1, 3, 6, 1, 4, 1, 41112]);
    s.port(1, "eth0", "", 1000, 400_000.0);
    let table = [1, 3, 6, 1, 4, 1, 41112, 1, 6, 1, 2, 1];
    for (n, radio, channel, ssid, mean) in [
        (1, "ng", 6, "UBND", 9.0),
        (2, "na", 44, "UBND", 14.0),
        (3, "ng", 6, "Khach", 4.0),
        (4, "na", 44, "Khach", 6.0),
    ] {
        s.number(&table, &[4, n], channel);
        s.text(&table, &[6, n], ssid);
        s.text(&table, &[9, n], radio);
        s.motion(
            &table,
            &[8, n],
            Motion::Swing {
                mean,
                by: 3.0,
                period: 900.0,
            },
        );
    }
    s
}

fn printer(name: &str) -> Script {
    let descr = "HP ETHERNET MULTI-ENVIRONMENT,SN:LAB0001PRN,FN:LAB,SVCID:1,PID:HP LaserJet Pro M404dn";
    let mut s = Script::new(name, descr, &[1, 3, 6, 1, 4, 1, 11, 2, 3, 9, 1]);
    s.port(1, "eth0", "", 100, 900.0);
    let host = [1, 3, 6, 1, 2, 1, 25, 3];
    s.put(
        &host,
        &[2, 1, 2, 1],
        Value::ObjectId(Oid::new([1, 3, 6, 1, 2, 1, 25, 3, 1, 5]).into()),
    );
    s.text(&host, &[2, 1, 3, 1], "HP LaserJet Pro M404dn");
    s.number(&host, &[5, 1, 1, 1], 3);
    let mib = [1, 3, 6, 1, 2, 1, 43];
    s.text(&mib, &[5, 1, 1, 17, 1], "LAB0001PRN");
    s.motion(
        &mib,
        &[10, 2, 1, 4, 1, 1],
        Motion::Counter32 {
            start: 18_250,
            per_second: 0.02,
        },
    );
    s.number(&mib, &[11, 1, 1, 5, 1, 1], 3);
    s.text(&mib, &[11, 1, 1, 6, 1, 1], "Black Cartridge HP CF259A");
    s.number(&mib, &[11, 1, 1, 8, 1, 1], 100);
    s.number(&mib, &[11, 1, 1, 9, 1, 1], 34);
    // The drum's level is not known, only that some is left (RFC 3805: -3).
    s.number(&mib, &[11, 1, 1, 5, 1, 2], 9);
    s.text(&mib, &[11, 1, 1, 6, 1, 2], "Imaging Drum");
    s.number(&mib, &[11, 1, 1, 8, 1, 2], -2);
    s.number(&mib, &[11, 1, 1, 9, 1, 2], -3);
    s
}

fn ups(name: &str) -> Script {
    let mut s = Script::new(name, "Santak C2K lab", &[1, 3, 6, 1, 4, 1, 935]);
    let base = [1, 3, 6, 1, 4, 1, 935, 1, 1, 1];
    s.text(&base, &[1, 1, 1, 0], "Santak C2K");
    s.text(&base, &[1, 2, 3, 0], "LAB0001UPS");
    s.number(&base, &[2, 2, 1, 0], 100);
    s.number(&base, &[2, 2, 4, 0], 1_860);
    s.number(&base, &[4, 1, 1, 0], 2);
    let swing = |mean, by| Motion::Swing {
        mean,
        by,
        period: 400.0,
    };
    s.motion(&base, &[3, 2, 1, 0], swing(2_230.0, 40.0));
    s.motion(&base, &[4, 2, 1, 0], swing(2_200.0, 5.0));
    s.motion(&base, &[4, 2, 3, 0], swing(36.0, 8.0));
    s.motion(&base, &[2, 2, 3, 0], swing(268.0, 10.0));
    s
}
