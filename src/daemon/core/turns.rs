//! SNMP turns and checks: what they brought becomes views, facts, events and history.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use super::Core;
use super::interfaces::compare;
use super::interfaces::is_other;
use super::presence;
use crate::daemon::asking::Turn;
use crate::daemon::asking::TurnOrder;
use crate::daemon::looks::Look;
use crate::inventory::change::Facts;
use crate::model::BlindReason;
use crate::model::Detail;
use crate::model::Event;
use crate::model::EventKind;
use crate::model::Evidence;
use crate::model::EvidenceKind;
use crate::model::Mono;
use crate::model::Observation;
use crate::model::Outcome;
use crate::model::ServiceStats;
use crate::model::TargetId;
use crate::model::Timestamp;
use crate::monitor::snapshot::InterfaceView;
use crate::monitor::snapshot::Rate;
use crate::monitor::snapshot::SnmpView;
use crate::monitor::snapshot::Totals;
use crate::probe::snmp::poll::Polled;
use crate::probe::snmp::poll::State;
use crate::profile::What;
use crate::schedule::long_outage_interval;
use crate::schedule::phase;
use crate::store::DeviceFacts;
use crate::store::DeviceInterfaces;
use crate::store::Sample;
use crate::store::SeriesKey;

/// The fact that says where a device was asked the last time.
pub(super) const ADDRESS: &str = "address";

/// The fact that holds what it calls itself.
pub(super) const SYS_NAME: &str = "sys_name";

/// What is remembered of a device between its turns.
#[derive(Default)]
pub(super) struct Device {
    /// What the poller remembers; absent while a turn is under way.
    pub(super) state: State,
    /// When everything is asked the next time; `None`: at the next turn.
    pub(super) inventory_due: Option<Mono>,
    /// It has told everything since the start.
    pub(super) is_known: bool,
    /// When it told who is on the network the last time.
    pub(super) presence_at: Option<Mono>,
    /// Since when it has not answered.
    pub(super) silent_since: Option<Mono>,
    /// What it is, and was.
    pub(super) facts: Facts,
    /// Its interfaces, sorted by name; readers see the same.
    pub(super) interfaces: Arc<[InterfaceView]>,
    /// Where it was found, if that is not where it is asked.
    pub(super) elsewhere: Option<SocketAddr>,
    /// The last turn at its address was answered by itself.
    pub(super) is_at_home: bool,
}

impl Device {
    /// The hardware addresses of its interfaces.
    pub(super) fn macs(&self) -> impl Iterator<Item = crate::inventory::Mac> {
        let told = self.interfaces.iter().filter_map(|view| view.told().mac);
        told.filter_map(|mac| mac.parse().ok())
    }

    /// One of its interfaces.
    pub(super) fn interface(&self, name: &str) -> Option<&InterfaceView> {
        let place = self.interfaces.binary_search_by(|known| (*known.name).cmp(name));
        place.ok().and_then(|place| self.interfaces.get(place))
    }

    /// Its interfaces after a turn that told of `seen`; those that it did not
    /// tell of are gone only if it told everything (trap 7).
    fn merged(&self, mut seen: Vec<InterfaceView>, is_complete: bool) -> Arc<[InterfaceView]> {
        if !is_complete {
            let told: BTreeSet<&str> = seen.iter().map(|view| &*view.name).collect();
            let kept = self.interfaces.iter();
            let kept: Vec<InterfaceView> = kept
                .filter(|known| !told.contains(&*known.name))
                .cloned()
                .collect();
            seen.extend(kept);
        }
        seen.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        seen.into()
    }
}

impl Core {
    pub(super) fn restore_views(
        &mut self,
        totals: BTreeMap<TargetId, Totals>,
        facts: BTreeMap<TargetId, BTreeMap<String, String>>,
        interfaces: BTreeMap<TargetId, Vec<InterfaceView>>,
    ) {
        let ids: Vec<TargetId> = self.table.topology().specs().iter().map(|s| s.id).collect();
        for id in ids {
            if let Some(view) = self.table.view(id) {
                self.publisher.update(view);
            }
        }
        for (id, sums) in totals {
            self.publisher.modify(id, |view| {
                view.totals.echo_sent = sums.echo_sent;
                view.totals.echo_received = sums.echo_received;
                view.totals.rtt_sum = sums.rtt_sum;
            });
        }
        for (id, facts) in facts {
            self.devices.entry(id).or_default().facts = Facts::known(facts);
        }
        for (id, list) in interfaces {
            let device = self.devices.entry(id).or_default();
            device.interfaces = device.merged(list, true);
        }
        self.register_all();
    }

    pub(super) fn begin_turn(&mut self, id: TargetId) {
        let Some(agent) = self.now.targets.agents.get(&id) else {
            return;
        };
        let Some(address) = self.names.socket(agent) else {
            let observation = Observation {
                target: id,
                probe: self.record.words.snmp(),
                at: self.around.clock.wall(),
                outcome: Outcome::Blind(BlindReason::Dns),
                detail: Detail::None,
            };
            self.observe(&observation);
            self.ended(Look::Snmp(id));
            return;
        };
        let mono = self.around.clock.mono();
        let device = self.devices.entry(id).or_default();
        let what = match device.inventory_due {
            Some(due) if mono < due => {
                let is_due = device
                    .presence_at
                    .is_none_or(|at| mono.since(at) >= presence::EVERY);
                if is_due && self.sought.asks(id) {
                    What::Presence
                } else {
                    What::Readings
                }
            }
            _ => What::Inventory,
        };
        let order = TurnOrder {
            target: id,
            address: device.elsewhere.unwrap_or(address),
            any_source: agent.any_source,
            credentials: agent.credentials.clone(),
            state: std::mem::take(&mut device.state),
            what,
        };
        self.around.asking.turn(order, self.patience());
    }

    pub(super) fn end_turn(&mut self, turn: Turn) {
        let Turn {
            target: id,
            address,
            mut polled,
            state,
        } = turn;
        let wall = self.around.clock.wall();
        let mono = self.around.clock.mono();
        let meter = self.around.meters.protocol("snmp");
        meter.attempts.inc();
        if let Outcome::Bad(reason) = &polled.outcome {
            meter.failed(reason);
        }
        let Some(interval) = self.now.targets.agents.get(&id).map(|a| a.interval) else {
            return;
        };
        if self.is_overtaken(id, address, &polled) {
            self.ended(Look::Snmp(id));
            return;
        }
        let state = self.whose(id, address, &mut polled, state);
        let answered = polled.outcome == Outcome::Good;
        let device = self.devices.entry(id).or_default();
        device.state = state;
        // Another's trouble (ours) is no silence of the device.
        match &polled.outcome {
            Outcome::Good => device.silent_since = None,
            Outcome::Bad(_) => {
                device.silent_since.get_or_insert(mono);
            }
            Outcome::Blind(_) => {}
        }
        let silent = device
            .silent_since
            .map(|since| mono.since(since))
            .unwrap_or_default();
        self.plan
            .set_interval(Look::Snmp(id), long_outage_interval(interval, silent));
        if answered {
            if polled.what == What::Inventory && !polled.partial {
                // All begin together after a start: the next time comes after a part of
                // the interval that each has of its own, from then on after a whole one.
                let every = self.now.config.snmp.inventory_interval;
                let wait = if std::mem::replace(&mut device.is_known, true) {
                    every
                } else {
                    every.saturating_sub(phase(&id.to_string(), every))
                };
                device.inventory_due = Some(mono.plus(wait));
            }
            self.learn(id, address, &polled, wall);
            self.see_who_is_there(id, &polled, wall);
            if polled.rebooted {
                // It may have come back as something else: other firmware, other parts.
                self.ask_everything(id);
                self.table.rebooted(id, polled.at, wall, &mut self.effects);
            }
        } else {
            self.publisher.modify(id, |view| {
                let mut snmp = view.snmp.as_deref().cloned().unwrap_or_default();
                snmp.up = false;
                snmp.reason = reason_of(&polled.outcome);
                snmp.polled_at = Some(wall);
                snmp.duration = polled.stats.duration;
                view.snmp = Some(Arc::new(snmp));
            });
        }
        let observation = Observation {
            target: id,
            probe: self.record.words.snmp(),
            at: polled.at,
            outcome: polled.outcome,
            detail: Detail::Snmp(polled.stats),
        };
        self.observe(&observation);
        self.ended(Look::Snmp(id));
    }

    /// Takes in what a device told: an answer without a fact erases nothing (trap 7).
    pub(super) fn learn(&mut self, id: TargetId, address: SocketAddr, polled: &Polled, wall: Timestamp) {
        let Some(device) = self.devices.get_mut(&id) else {
            return;
        };
        let mut event = |kind| {
            self.effects.events.push(Event {
                at: polled.at,
                recorded_at: wall,
                target: Some(id),
                kind,
            });
        };
        let mut told = polled.facts();
        told.push(crate::model::Fact {
            key: ADDRESS.to_owned(),
            value: address.ip().to_string(),
        });
        told.extend(polled.learnt.sys_name.iter().map(|name| crate::model::Fact {
            key: SYS_NAME.to_owned(),
            value: name.clone(),
        }));
        let changes = device
            .facts
            .learn(told.iter().map(|f| (f.key.as_str(), f.value.as_str())));
        for change in changes {
            event(EventKind::FactChanged {
                key: change.key,
                old: change.old,
                new: Some(change.new),
            });
        }
        // The record holds what is held to be true, which a flapping value is not.
        for fact in &mut told {
            if let Some(value) = device.facts.get(&fact.key) {
                value.clone_into(&mut fact.value);
            }
        }
        let seen = compare(device, polled, &mut event);
        let is_complete = !polled.partial;
        let is_news =
            polled.what == What::Inventory || seen.iter().any(|v| is_other(device.interface(&v.name), v));
        let news = is_news.then(|| seen.clone());
        let facts = device
            .facts
            .iter()
            .map(|(k, v)| crate::model::Fact {
                key: k.to_owned(),
                value: v.to_owned(),
            })
            .collect();
        self.sample_turn(id, polled, &seen);
        let Some(device) = self.devices.get_mut(&id) else {
            return;
        };
        let interfaces = device.merged(seen, is_complete);
        device.interfaces = Arc::clone(&interfaces);
        self.weigh_links(id, &interfaces, polled.at, wall);
        if !told.is_empty() {
            self.record.facts(DeviceFacts {
                target: id,
                at: polled.at,
                set: told,
                withdrawn: Vec::new(),
            });
        }
        if let Some(rows) = news {
            self.record.interfaces(DeviceInterfaces {
                target: id,
                at: polled.at,
                complete: is_complete,
                rows,
            });
        }
        let snmp = SnmpView {
            up: true,
            reason: None,
            polled_at: Some(wall),
            duration: polled.stats.duration,
            packets: polled.stats.packets,
            uptime: polled.stats.uptime,
            profile: polled.learnt.profile.clone(),
            facts,
            interfaces,
            readings: polled.readings(),
        };
        self.publisher.modify(id, |view| view.snmp = Some(Arc::new(snmp)));
        if polled.what == What::Inventory {
            self.register(id);
        }
    }

    fn sample_turn(&mut self, id: TargetId, polled: &Polled, seen: &[InterfaceView]) {
        let at = polled.at;
        for view in seen {
            for (metric, rate) in [
                (self.record.words.receive(), view.in_rate),
                (self.record.words.transmit(), view.out_rate),
            ] {
                if let Some(value) = rate {
                    let series = SeriesKey {
                        target: id,
                        metric,
                        instance: Arc::clone(&view.name),
                    };
                    let value = value.get();
                    self.record.sample(Sample { series, at, value });
                }
            }
        }
        for reading in polled.readings() {
            if let Ok(value) = reading.value {
                let metric = format!("{}_{}", reading.kind, reading.unit).into();
                let series = SeriesKey {
                    target: id,
                    metric,
                    instance: reading.instance.as_str().into(),
                };
                self.record.sample(Sample { series, at, value });
            }
        }
    }

    /// How much of their bandwidth the links that end on this device use.
    fn weigh_links(&mut self, id: TargetId, interfaces: &[InterfaceView], at: Timestamp, wall: Timestamp) {
        for port in self.now.targets.uplinks.get(&id).into_iter().flatten() {
            let Some(view) = interfaces.iter().find(|i| *i.name == *port.interface) else {
                continue;
            };
            let Some(contracted) = port.contracted_bps.filter(|bps| *bps > 0) else {
                continue;
            };
            let rate = view
                .in_rate
                .into_iter()
                .chain(view.out_rate)
                .map(Rate::get)
                .fold(None, |most: Option<f64>, rate| {
                    Some(most.map_or(rate, |m| m.max(rate)))
                });
            if let Some(rate) = rate {
                self.table.utilisation(
                    port.link,
                    rate * 8.0 / contracted as f64,
                    at,
                    wall,
                    &mut self.effects,
                );
            }
        }
    }

    pub(super) fn end_check(
        &mut self,
        id: TargetId,
        at: Timestamp,
        kind: Arc<str>,
        outcome: Outcome,
        stats: ServiceStats,
    ) {
        let meter = self.around.meters.protocol("service");
        meter.attempts.inc();
        if let Outcome::Bad(reason) = &outcome {
            meter.failed(reason);
        }
        let is_service = self
            .table
            .topology()
            .get(id)
            .is_some_and(|spec| spec.key.kind == crate::model::TargetKind::Service);
        let series = SeriesKey {
            target: id,
            metric: self.record.words.duration(),
            instance: self.record.words.empty(),
        };
        self.record.sample(Sample {
            series,
            at,
            value: stats.duration.as_secs_f64(),
        });
        let detail = if is_service {
            Detail::Service(stats.clone())
        } else if outcome == Outcome::Good {
            Detail::Presence(Evidence {
                kind: EvidenceKind::TcpConnection,
                seen_by: None,
            })
        } else {
            Detail::None
        };
        self.observe(&Observation {
            target: id,
            probe: kind,
            at,
            outcome,
            detail,
        });
        if is_service {
            self.publisher.modify(id, |view| view.service = Some(stats));
        }
        self.ended(Look::Check(id));
    }
}

fn reason_of(outcome: &Outcome) -> Option<crate::model::Reason> {
    match outcome {
        Outcome::Bad(reason) => Some(reason.clone()),
        Outcome::Blind(_) => Some(crate::model::Reason::Blind),
        Outcome::Good => None,
    }
}
#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Count;

    fn port(name: &str, octets: u64) -> InterfaceView {
        InterfaceView {
            name: name.into(),
            in_octets: Some(Count::new(octets)),
            ..InterfaceView::default()
        }
    }

    fn told(list: &[InterfaceView]) -> Vec<(&str, u64)> {
        let octets = |view: &InterfaceView| view.in_octets.map_or(0, Count::get);
        list.iter().map(|view| (&*view.name, octets(view))).collect()
    }

    // trap 7
    #[test]
    fn ports_that_a_partial_answer_leaves_out_stay_and_those_of_a_whole_one_are_gone() {
        let device = Device {
            interfaces: [port("a", 1), port("b", 1), port("c", 1)].into(),
            ..Device::default()
        };
        let seen = || vec![port("d", 2), port("b", 2)];
        let partial = device.merged(seen(), false);
        assert_eq!(told(&partial), [("a", 1), ("b", 2), ("c", 1), ("d", 2)]);
        assert_eq!(told(&device.merged(seen(), true)), [("b", 2), ("d", 2)]);
        assert_eq!(device.interface("c"), Some(&port("c", 1)));
        assert_eq!(device.interface("d"), None);
    }
}
