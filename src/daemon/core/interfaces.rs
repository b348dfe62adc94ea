//! Interfaces of devices: what a turn told of them, and what of that is news.

use std::sync::Arc;

use super::turns::Device;
use crate::model::Count;
use crate::model::EventKind;
use crate::monitor::snapshot::InterfaceView;
use crate::probe::snmp::poll::Polled;
use crate::probe::snmp::poll::PolledInterface;

/// The interfaces that a turn told of; what changed since the turn before becomes events.
pub(super) fn compare(
    device: &Device,
    polled: &Polled,
    event: &mut impl FnMut(EventKind),
) -> Vec<InterfaceView> {
    let mut seen = Vec::with_capacity(polled.interfaces.len());
    for one in &polled.interfaces {
        let mut view = interface_view(one);
        let old = device.interface(&view.name);
        view.share(old, seen.last());
        if let Some(old) = old {
            view.changed_at = if old.oper_up == view.oper_up {
                old.changed_at
            } else {
                Some(polled.at)
            };
            for (what, old, new) in differences(old, &view) {
                event(EventKind::InterfaceChanged {
                    name: view.name.to_string(),
                    what: what.to_owned(),
                    old,
                    new,
                });
            }
        }
        seen.push(view);
    }
    seen
}

/// Octets per second, as exactly as they are measured.
#[expect(
    clippy::cast_possible_truncation,
    reason = "24 bits of a rate are more than a clock is worth"
)]
fn rate(rate: Option<f64>) -> Option<f32> {
    rate.map(|rate| rate as f32)
}

/// What readers see of an interface.
fn interface_view(one: &PolledInterface) -> InterfaceView {
    let PolledInterface { name, told, totals } = one;
    let text = |text: &Option<String>| text.as_deref().map(Arc::from);
    let is_up = |word: &Option<String>| word.as_deref().map(|w| w == "up");
    let [
        in_octets,
        out_octets,
        in_errors,
        out_errors,
        in_discards,
        out_discards,
    ] = totals.counters.map(|counter| counter.map(Count::new));
    InterfaceView {
        name: Arc::clone(name),
        index: told.index.and_then(|i| u32::try_from(i).ok()).unwrap_or_default(),
        descr: text(&told.descr),
        alias: text(&told.alias),
        kind: text(&told.kind),
        mac: text(&told.mac),
        mtu: told.mtu.and_then(|m| u32::try_from(m).ok()),
        admin_up: is_up(&told.admin),
        oper_up: is_up(&told.oper),
        speed_bps: told.speed_bps.map(Count::new),
        in_octets,
        out_octets,
        in_errors,
        out_errors,
        in_discards,
        out_discards,
        in_rate: rate(totals.in_rate),
        out_rate: rate(totals.out_rate),
        changed_at: None,
    }
}

type Difference = (&'static str, Option<String>, Option<String>);

/// What changed of an interface that is worth an event.
fn differences(old: &InterfaceView, new: &InterfaceView) -> Vec<Difference> {
    let state = |up: Option<bool>| up.map(|up| if up { "up" } else { "down" }.to_owned());
    let number = |n: Option<u64>| n.map(|n| n.to_string());
    let mut list: Vec<Difference> = vec![
        ("oper", state(old.oper_up), state(new.oper_up)),
        ("admin", state(old.admin_up), state(new.admin_up)),
        (
            "speed",
            number(old.speed_bps.map(Count::get)),
            number(new.speed_bps.map(Count::get)),
        ),
        (
            "index",
            number(Some(old.index.into())),
            number(Some(new.index.into())),
        ),
    ];
    // What is no longer told is no change (trap 7).
    list.retain(|(_, old, new)| new.is_some() && old != new);
    list
}

/// Whether an interface is new or told otherwise than before, counters aside.
pub(super) fn is_other(old: Option<&InterfaceView>, new: &InterfaceView) -> bool {
    old.is_none_or(|old| {
        !differences(old, new).is_empty()
            || old.alias != new.alias
            || old.mac != new.mac
            || old.descr != new.descr
    })
}
