//! Series with a `device` and an `ifname` label.
//!
//! Exposed are interfaces that are physical or have an alias, and are not
//! switched off by their administrator; of these at most
//! [`Limits::interfaces`](super::Limits::interfaces) a device, the rest is counted as dropped.

use std::collections::BTreeSet;

use super::Extra;
use super::rows::Rows;
use super::rows::answered;
use crate::metrics::catalog;
use crate::metrics::catalog::{CATALOG, Metric, Part};
use crate::metrics::expose::{Labels, Writer};
use crate::model::Count;
use crate::model::Timestamp;
use crate::monitor::snapshot::InterfaceView;

/// Kinds of interface that no cable and no antenna belongs to (IANAifType).
const VIRTUAL: [&str; 12] = [
    "other",
    "softwareLoopback",
    "tunnel",
    "propVirtual",
    "l2vlan",
    "l3ipvlan",
    "l3ipxvlan",
    "bridge",
    "virtualIpAddress",
    "mplsTunnel",
    "ipForward",
    "pppMultilinkBundle",
];

/// A family with one number per interface; absent where there is none.
type PerInterface = (&'static Metric, fn(&InterfaceView) -> Option<f64>);

static FAMILIES: [PerInterface; 12] = [
    (&catalog::INTERFACE_OPER_UP, |i| i.oper_up.map(truth)),
    (&catalog::INTERFACE_ADMIN_UP, |i| i.admin_up.map(truth)),
    (&catalog::INTERFACE_SPEED_BYTES_PER_SECOND, speed),
    (&catalog::INTERFACE_RECEIVE_BYTES_TOTAL, |i| {
        i.in_octets.map(number)
    }),
    (&catalog::INTERFACE_TRANSMIT_BYTES_TOTAL, |i| {
        i.out_octets.map(number)
    }),
    (&catalog::INTERFACE_RECEIVE_ERRORS_TOTAL, |i| {
        i.in_errors.map(number)
    }),
    (&catalog::INTERFACE_TRANSMIT_ERRORS_TOTAL, |i| {
        i.out_errors.map(number)
    }),
    (&catalog::INTERFACE_RECEIVE_DISCARDS_TOTAL, |i| {
        i.in_discards.map(number)
    }),
    (&catalog::INTERFACE_TRANSMIT_DISCARDS_TOTAL, |i| {
        i.out_discards.map(number)
    }),
    (&catalog::INTERFACE_RECEIVE_UTILIZATION_RATIO, |i| {
        Some(i.in_rate?.get() / speed(i)?)
    }),
    (&catalog::INTERFACE_TRANSMIT_UTILIZATION_RATIO, |i| {
        Some(i.out_rate?.get() / speed(i)?)
    }),
    (&catalog::INTERFACE_STATE_CHANGE_TIMESTAMP_SECONDS, |i| {
        i.changed_at.map(|at| Timestamp::from(at).as_secs_f64())
    }),
];

fn truth(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}

/// What a counter says.
#[expect(clippy::cast_precision_loss, reason = "metrics are f64 by contract")]
pub(super) fn number(count: Count) -> f64 {
    count.get() as f64
}

/// Nominal speed in bytes per second; a speed of zero is not known.
fn speed(interface: &InterfaceView) -> Option<f64> {
    interface
        .speed_bps
        .map(number)
        .filter(|s| *s > 0.0)
        .map(|s| s / 8.0)
}

/// Whether an interface is worth series of its own.
fn is_wanted(interface: &InterfaceView) -> bool {
    let told = interface.told();
    let physical = told.kind.is_none_or(|k| !VIRTUAL.contains(&k));
    let named = told.alias.is_some_and(|a| !a.is_empty());
    interface.admin_up != Some(false) && (physical || named)
}

pub(super) fn write(w: &mut Writer<'_>, rows: &Rows<'_>, extra: &Extra) {
    if extra.limits.interfaces == 0 {
        return;
    }
    let mut chosen: Vec<(Labels, &InterfaceView)> = Vec::new();
    let mut over_limit = 0;
    for row in rows.shown() {
        let Some(snmp) = answered(row.view) else {
            continue;
        };
        let mut names = BTreeSet::new();
        let (mut wanted, device) = (0, row.device.id.as_str());
        for interface in snmp.interfaces.iter().filter(|i| is_wanted(i)) {
            wanted += 1;
            if wanted > extra.limits.interfaces {
                over_limit += 1;
                continue;
            }
            // Names are unique by the view's contract; two of one name would kill the scrape (trap 6).
            let mut name = interface.name.to_string();
            while !names.insert(name.clone()) {
                name = format!("{name}:{}", interface.index);
            }
            let id = Labels::new(&[("device", device), ("ifname", &name)]);
            chosen.push((id, interface));
        }
    }
    for (labels, interface) in &chosen {
        w.family(&catalog::INTERFACE_INFO)
            .int(&info(labels, interface), 1);
    }
    for (metric, value) in FAMILIES {
        for (labels, interface) in &chosen {
            w.family(metric).maybe(labels, value(interface));
        }
    }
    for metric in CATALOG.iter().filter(|m| m.part == Part::Interfaces) {
        w.count_dropped(metric, over_limit);
    }
}

fn info(id: &Labels, interface: &InterfaceView) -> Labels {
    let told = interface.told();
    id.with("ifalias", told.alias.unwrap_or_default())
        .with("ifdescr", told.descr.unwrap_or_default())
        .with("iftype", told.kind.unwrap_or_default())
}
