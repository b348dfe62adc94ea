//! Interfaces of devices: what a turn told of them, and what of that is news.

use std::sync::Arc;

use super::turns::Device;
use crate::model::Count;
use crate::model::EventKind;
use crate::monitor::snapshot::InterfaceView;
use crate::monitor::snapshot::Rate;
use crate::monitor::snapshot::Told;
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
        let old = device.interface(&one.name);
        let mut view = interface_view(one, old);
        if let Some(old) = old {
            view.changed_at = if old.oper_up == view.oper_up {
                old.changed_at
            } else {
                Some(polled.at.into())
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

/// What readers see of an interface, of which they saw `old` before.
fn interface_view(one: &PolledInterface, old: Option<&InterfaceView>) -> InterfaceView {
    let PolledInterface { name, told, totals } = one;
    let is_up = |word: &Option<String>| word.as_deref().map(|w| w == "up");
    let [
        in_octets,
        out_octets,
        in_errors,
        out_errors,
        in_discards,
        out_discards,
    ] = totals.counters.map(|counter| counter.map(Count::new));
    let mut view = InterfaceView {
        name: Arc::clone(name),
        index: told.index.and_then(|i| u32::try_from(i).ok()).unwrap_or_default(),
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
        in_rate: totals.in_rate.and_then(Rate::new),
        out_rate: totals.out_rate.and_then(Rate::new),
        ..InterfaceView::default()
    };
    let texts = Told {
        descr: told.descr.as_deref(),
        alias: told.alias.as_deref(),
        kind: told.kind.as_deref(),
        mac: told.mac.as_deref(),
    };
    view.tell(texts, old);
    view
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
pub(super) fn is_other<'a>(old: Option<&'a InterfaceView>, new: &'a InterfaceView) -> bool {
    old.is_none_or(|old| {
        let without_kind = |view: &'a InterfaceView| Told {
            kind: None,
            ..view.told()
        };
        !differences(old, new).is_empty() || without_kind(old) != without_kind(new)
    })
}
