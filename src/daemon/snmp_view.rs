//! What a turn of SNMP brought, as the monitor's readers see it.

use crate::model::Fact;
use crate::model::Outcome;
use crate::monitor::snapshot::InterfaceView;
use crate::monitor::snapshot::SnmpView;
use crate::probe::snmp::poll::Polled;
use crate::probe::snmp::poll::PolledInterface;
use crate::profile::What;

/// The view after a turn. What the turn did not ask for, or did not get, stays
/// as it was before (trap 7); the interfaces are sorted by name.
pub fn view(polled: &Polled, before: Option<&SnmpView>) -> SnmpView {
    let mut view = before.cloned().unwrap_or_default();
    view.up = polled.outcome == Outcome::Good;
    view.polled_at = Some(polled.at.plus(polled.stats.duration));
    view.duration = polled.stats.duration;
    view.packets = polled.stats.packets;
    view.reason = match &polled.outcome {
        Outcome::Good => None,
        Outcome::Bad(reason) => Some(reason.clone()),
        Outcome::Blind(_) => Some(crate::model::Reason::Blind),
    };
    if !view.up {
        // Old numbers are no news: they would be exposed as if they were of now (trap 6).
        view.readings.clear();
        return view;
    }
    view.uptime = polled.stats.uptime;
    view.profile.clone_from(&polled.learnt.profile);
    if polled.what == What::Inventory {
        keep_known(&mut view.facts, polled.facts());
    }
    let fresh: Vec<InterfaceView> = polled.interfaces.iter().map(|i| interface(polled, i)).collect();
    let mut kept = if polled.partial {
        view.interfaces
    } else {
        Vec::new()
    };
    kept.retain(|old| fresh.iter().all(|new| new.name != old.name));
    kept.extend(fresh);
    kept.sort_by(|a, b| a.name.cmp(&b.name));
    view.interfaces = kept;
    view.readings = polled.readings();
    view
}

/// New facts take the place of old ones of the same key; an empty answer erases nothing.
fn keep_known(known: &mut Vec<Fact>, told: Vec<Fact>) {
    known.retain(|old| told.iter().all(|new| new.key != old.key));
    known.extend(told);
    known.sort();
}

fn interface(polled: &Polled, interface: &PolledInterface) -> InterfaceView {
    let told = &interface.told;
    let [
        in_octets,
        out_octets,
        in_errors,
        out_errors,
        in_discards,
        out_discards,
    ] = interface.totals.counters;
    let small = |n: Option<u64>| n.and_then(|n| u32::try_from(n).ok());
    let is_up = |word: &Option<String>| word.as_deref().map(|w| w == "up");
    InterfaceView {
        name: interface.name.clone(),
        index: small(told.index).unwrap_or(0),
        descr: told.descr.clone(),
        alias: told.alias.clone(),
        kind: told.kind.clone(),
        mac: told.mac.clone(),
        mtu: small(told.mtu),
        admin_up: is_up(&told.admin),
        oper_up: is_up(&told.oper),
        speed_bps: told.speed_bps,
        in_octets,
        out_octets,
        in_errors,
        out_errors,
        in_discards,
        out_discards,
        in_rate: interface.totals.in_rate,
        out_rate: interface.totals.out_rate,
        changed_at: polled.changed_at(interface),
    }
}
