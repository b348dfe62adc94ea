//! WAN links: their state, and what their router's interface counts.

use super::interface::number;
use super::rows::LinkRow;
use super::rows::Rows;
use super::rows::answered;
use super::rows::up;
use super::{Extra, Times};
use crate::metrics::catalog;
use crate::metrics::catalog::Metric;
use crate::metrics::expose::{Labels, Writer};
use crate::model::{State, TargetKey};
use crate::monitor::snapshot::InterfaceView;

/// A family with one number per link; absent where there is none.
type PerLink = (&'static Metric, fn(&Line<'_, '_>) -> Option<f64>);

/// A link, with the interface that carries it.
struct Line<'r, 'a> {
    row: &'r LinkRow<'a>,
    interface: Option<&'a InterfaceView>,
}

pub(super) fn write(w: &mut Writer<'_>, rows: &Rows<'_>, extra: &Extra) {
    let lines: Vec<Line<'_, '_>> = (rows.links.iter())
        .map(|row| Line {
            row,
            interface: interface_of(row, rows),
        })
        .collect();
    for row in &rows.links {
        w.family(&catalog::LINK_INFO).int(&info(row, rows), 1);
    }
    for row in &rows.links {
        if let Some(h) = extra.process.link_rtt.get(&row.link.id) {
            w.family(&catalog::LINK_RTT_SECONDS)
                .histogram(&row.id, h.bounds, &h.counts, h.sum);
        }
    }
    for row in &rows.links {
        w.family(&catalog::LINK_UP)
            .truth(&row.full, row.view.and_then(|v| up(v.state)));
    }
    for row in &rows.links {
        if let Some(view) = row.view {
            w.family(&catalog::LINK_STATE)
                .int(&row.full, u64::from(view.state.code()));
        }
    }
    for row in &rows.links {
        let counted = u64::from(row.standing.is_counted());
        w.family(&catalog::LINK_COUNTED).int(&row.full, counted);
    }
    for (metric, value) in FAMILIES {
        for line in &lines {
            w.family(metric).maybe(&line.row.id, value(line));
        }
    }
    for window in &extra.windows {
        for row in &rows.links {
            let times = row.view.and_then(|v| window.times.get(&v.id));
            w.family(&catalog::LINK_AVAILABILITY_RATIO)
                .maybe(&row.id.with("window", window.name), times.and_then(Times::ratio));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "metrics are f64 by contract")]
static FAMILIES: [PerLink; 11] = [
    (&catalog::LINK_PING_SENT_TOTAL, |l| {
        Some(l.row.view?.totals.echo_sent as f64)
    }),
    (&catalog::LINK_PING_RECEIVED_TOTAL, |l| {
        Some(l.row.view?.totals.echo_received as f64)
    }),
    (&catalog::LINK_CONTRACTED_RECEIVE_BYTES_PER_SECOND, |l| {
        contract(l.row.link.contracted_receive_bps)
    }),
    (&catalog::LINK_CONTRACTED_TRANSMIT_BYTES_PER_SECOND, |l| {
        contract(l.row.link.contracted_transmit_bps)
    }),
    (&catalog::LINK_RECEIVE_BYTES_TOTAL, |l| {
        l.interface?.in_octets.map(number)
    }),
    (&catalog::LINK_TRANSMIT_BYTES_TOTAL, |l| {
        l.interface?.out_octets.map(number)
    }),
    (&catalog::LINK_RECEIVE_UTILIZATION_RATIO, |l| {
        Some(l.interface?.in_rate?.get() / contract(l.row.link.contracted_receive_bps)?)
    }),
    (&catalog::LINK_TRANSMIT_UTILIZATION_RATIO, |l| {
        Some(l.interface?.out_rate?.get() / contract(l.row.link.contracted_transmit_bps)?)
    }),
    (&catalog::LINK_LOSS_THRESHOLD_RATIO, |l| {
        l.row.link.loss_threshold.map(f64::from)
    }),
    (&catalog::LINK_RTT_THRESHOLD_SECONDS, |l| {
        l.row.link.rtt_threshold.map(|t| t.as_secs_f64())
    }),
    (&catalog::LINK_QUALITY_OK, |l| match l.row.view?.state {
        State::Up => Some(1.0),
        State::Degraded | State::Down | State::Unreachable => Some(0.0),
        State::Unknown => None,
    }),
];

/// Bits per second of a contract in bytes per second; zero is no contract.
#[expect(clippy::cast_precision_loss, reason = "metrics are f64 by contract")]
fn contract(bps: Option<u64>) -> Option<f64> {
    bps.filter(|b| *b > 0).map(|b| b as f64 / 8.0)
}

/// The router's interface that carries the link, as its last poll saw it.
fn interface_of<'a>(row: &LinkRow<'a>, rows: &Rows<'a>) -> Option<&'a InterfaceView> {
    let router = row.link.router.clone()?;
    let name = row.link.interface.as_deref()?;
    if rows.snapshot.inventory.devices.get(&router)?.is_hidden() {
        return None;
    }
    let snmp = answered(rows.snapshot.by_key(&TargetKey::from(router)))?;
    let named = |i: &&InterfaceView| *i.name == *name;
    let described = |i: &&InterfaceView| i.told().descr == Some(name);
    let interfaces = &snmp.interfaces;
    interfaces
        .iter()
        .find(named)
        .or_else(|| interfaces.iter().find(described))
}

fn info(row: &LinkRow<'_>, rows: &Rows<'_>) -> Labels {
    let link = row.link;
    let devices = &rows.snapshot.inventory.devices;
    let router = link.router.as_ref().filter(|id| {
        !devices
            .get(id)
            .is_some_and(crate::inventory::device::Device::is_hidden)
    });
    Labels::new(&[
        ("link", link.id.as_str()),
        ("name", &link.name),
        ("area", row.area),
        ("site", link.site.as_str()),
        ("provider", link.provider.as_deref().unwrap_or_default()),
        ("circuit", link.circuit.as_deref().unwrap_or_default()),
        ("role", &link.role),
        ("device", router.map_or("", |d| d.as_str())),
        (
            "ifname",
            router.and(link.interface.as_deref()).unwrap_or_default(),
        ),
    ])
}
