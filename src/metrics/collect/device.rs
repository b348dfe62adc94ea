//! Series with a `device` label.

use super::rows::Column;
use super::rows::DeviceRow;
use super::rows::Rows;
use super::rows::up;
use super::{Extra, Times};
use crate::inventory::Device;
use crate::metrics::catalog;
use crate::metrics::catalog::Metric;
use crate::metrics::expose::{Labels, Writer};
use crate::model::observation::RttStats;
use crate::model::{DeviceId, Ratio};
use crate::monitor::snapshot::{SnmpView, TargetView};

pub(super) fn write(w: &mut Writer<'_>, rows: &Rows<'_>, extra: &Extra) {
    for row in rows.shown() {
        w.family(&catalog::DEVICE_INFO).int(&info(row, rows), 1);
    }
    for (metric, value) in STATES {
        for row in rows.shown() {
            if let Some(value) = value(row) {
                w.family(metric).int_raw(row.full(), value);
            }
        }
    }
    for (metric, value) in MOMENTS {
        for (row, view) in seen(rows) {
            if let Some(value) = value(view) {
                w.family(metric).float_raw(row.id(), value);
            }
        }
    }
    for (metric, value) in TOTALS {
        for (row, view) in seen(rows) {
            w.family(metric).float_raw(row.id(), value(view));
        }
    }
    pings(w, rows);
    for (metric, value) in SNMP {
        for (row, view) in seen(rows) {
            if let Some(value) = view.snmp.as_deref().and_then(value) {
                w.family(metric).float_raw(row.id(), value);
            }
        }
    }
    for window in &extra.windows {
        for (row, view) in seen(rows) {
            let labels = Labels::new(&[("device", row.device.id.as_str()), ("window", window.name)]);
            w.family(&catalog::DEVICE_AVAILABILITY_RATIO)
                .maybe(&labels, window.times.get(&view.id).and_then(Times::ratio));
        }
    }
}

fn seen<'r>(rows: &'r Rows<'_>) -> impl Iterator<Item = (&'r DeviceRow<'r>, &'r TargetView)> {
    rows.shown().filter_map(|row| Some((row, row.view?)))
}

/// A family with the labels `device`, `site`, `area`, `class`.
type PerState = (&'static Metric, fn(&DeviceRow<'_>) -> Option<u64>);
/// A family with the label `device` alone; absent where there is no value.
type PerView<T> = Column<T, Option<f64>>;

static STATES: [PerState; 5] = [
    (&catalog::DEVICE_UP, |r| up(r.view?.state).map(u64::from)),
    (&catalog::DEVICE_STATE, |r| Some(u64::from(r.view?.state.code()))),
    (&catalog::DEVICE_MAINTENANCE, |r| {
        Some(u64::from(r.view?.maintenance))
    }),
    (&catalog::DEVICE_ACKNOWLEDGED, |r| {
        Some(u64::from(r.view?.acknowledged))
    }),
    (&catalog::DEVICE_COUNTED, |r| {
        Some(u64::from(r.standing.is_counted()))
    }),
];

static MOMENTS: [PerView<TargetView>; 3] = [
    (&catalog::DEVICE_LAST_REPLY_TIMESTAMP_SECONDS, |v| {
        Some(
            v.last_reply_at
                .map_or(0.0, crate::model::time::Timestamp::as_secs_f64),
        )
    }),
    (&catalog::DEVICE_LAST_POLL_TIMESTAMP_SECONDS, |v| {
        v.last_look_at.map(crate::model::time::Timestamp::as_secs_f64)
    }),
    (&catalog::DEVICE_STATE_CHANGE_TIMESTAMP_SECONDS, |v| {
        Some(v.since.as_secs_f64())
    }),
];

#[expect(clippy::cast_precision_loss, reason = "metrics are f64 by contract")]
static TOTALS: [Column<TargetView, f64>; 4] = [
    (&catalog::DEVICE_OUTAGES_TOTAL, |v| v.totals.outages as f64),
    (&catalog::DEVICE_OUTAGE_SECONDS_TOTAL, |v| {
        v.totals.outage.as_secs_f64()
    }),
    (&catalog::DEVICE_OBSERVED_SECONDS_TOTAL, |v| {
        v.totals.observed.as_secs_f64()
    }),
    (&catalog::DEVICE_REBOOTS_TOTAL, |v| v.totals.reboots as f64),
];

static SNMP: [PerView<SnmpView>; 3] = [
    (&catalog::SNMP_UP, |s| {
        s.polled_at.map(|_| if s.up { 1.0 } else { 0.0 })
    }),
    (&catalog::SNMP_POLL_DURATION_SECONDS, |s| {
        s.polled_at.map(|_| s.duration.as_secs_f64())
    }),
    (&catalog::SNMP_UPTIME_SECONDS, |s| {
        s.uptime.filter(|_| s.up).map(|u| u.as_secs_f64())
    }),
];

/// Echoes: counters for those who were ever pinged, gauges of the last burst.
fn pings(w: &mut Writer<'_>, rows: &Rows<'_>) {
    let pinged = || seen(rows).filter(|(_, v)| v.totals.echo_sent > 0);
    for (row, v) in pinged() {
        w.family(&catalog::PING_SENT_TOTAL)
            .int_raw(row.id(), v.totals.echo_sent);
    }
    for (row, v) in pinged() {
        w.family(&catalog::PING_RECEIVED_TOTAL)
            .int_raw(row.id(), v.totals.echo_received);
    }
    for (row, v) in pinged() {
        w.family(&catalog::PING_RTT_SECONDS).summary_raw(
            row.id(),
            v.totals.rtt_sum.as_secs_f64(),
            v.totals.echo_received,
        );
    }
    let last: [PerView<RttStats>; 4] = [
        (&catalog::PING_RTT_LAST_MIN_SECONDS, |r| Some(r.min.as_secs_f64())),
        (&catalog::PING_RTT_LAST_MAX_SECONDS, |r| Some(r.max.as_secs_f64())),
        (&catalog::PING_RTT_LAST_MEDIAN_SECONDS, |r| {
            Some(r.median.as_secs_f64())
        }),
        (&catalog::PING_JITTER_LAST_SECONDS, |r| {
            r.jitter.map(|j| j.as_secs_f64())
        }),
    ];
    for (metric, value) in last {
        for (row, v) in seen(rows) {
            let rtt = v.echo.as_ref().and_then(|e| e.rtt.as_ref());
            if let Some(value) = rtt.and_then(value) {
                w.family(metric).float_raw(row.id(), value);
            }
        }
    }
    for (row, v) in seen(rows) {
        if let Some(loss) = v
            .echo
            .as_ref()
            .and_then(crate::model::observation::EchoStats::loss)
        {
            w.family(&catalog::PING_LOSS_LAST_RATIO)
                .float_raw(row.id(), Ratio::get(loss));
        }
    }
}

/// What is known of a device. What the inventory says comes before what SNMP tells.
fn info(row: &DeviceRow<'_>, rows: &Rows<'_>) -> Labels {
    let device: &Device = row.device;
    let facts = row
        .view
        .and_then(|v| v.snmp.as_deref())
        .map(|s| s.facts.as_slice());
    let told = |key: &str| {
        let fact = facts.unwrap_or_default().iter().find(|f| f.key == key);
        fact.map_or("", |f| f.value.as_str())
    };
    let either = |own: Option<&String>, key: &str| {
        own.map(String::as_str)
            .filter(|s| !s.is_empty())
            .unwrap_or(told(key))
            .to_owned()
    };
    let devices = &rows.snapshot.inventory.devices;
    let hidden = |id: &&DeviceId| devices.get(id).is_some_and(Device::is_hidden);
    let parent = device.parents.iter().find(|id| !hidden(id));
    let address = device.primary_host().map(ToString::to_string).unwrap_or_default();
    let mac = device
        .macs
        .first()
        .map_or_else(|| told("mac").to_owned(), ToString::to_string);
    Labels::new(&[
        ("device", device.id.as_str()),
        ("name", &device.name),
        ("address", &address),
        ("mac", &mac),
        ("vendor", &either(device.vendor.as_ref(), "vendor")),
        ("model", &either(device.model.as_ref(), "model")),
        ("serial", &either(device.serial.as_ref(), "serial")),
        ("firmware", told("firmware")),
        ("area", row.area),
        ("site", device.site.as_ref().map_or("", |s| s.as_str())),
        ("class", device.class.as_str()),
        ("parent", parent.map_or("", |p| p.as_str())),
    ])
}
