//! Named cases of the rules of design §3 and of traps 17 to 24: the
//! table of a few targets, what is fed to it, and what it said, in words.

mod fresh;
mod looks;
mod outages;
mod paths;
mod people;
mod record;
mod uplink;

use super::*;
use crate::model::Event;
use crate::model::IncidentId;
use crate::model::TargetKey;
use crate::model::TargetKind;
use crate::monitor::blind::UplinkLook;
use crate::monitor::settings::Confirm;
use crate::monitor::settings::Settings;
use crate::monitor::settings::Thresholds;
use crate::monitor::topology::TargetSpec;

fn secs(at: i64) -> Timestamp {
    Timestamp::from_secs(at)
}

fn spec(id: u32, name: &str) -> TargetSpec {
    TargetSpec {
        id: TargetId(id),
        key: TargetKey {
            kind: TargetKind::Device,
            slug: name.parse().unwrap(),
        },
        name: name.to_owned(),
        parents: Vec::new(),
        liveness: vec!["icmp".into()],
        watch: Watch::Polled,
        confirm: Confirm::default(),
        interval: Span::from_secs(30),
        always_on: true,
        alerts: true,
        thresholds: Thresholds::of_device(),
        reach: Reach::Routed,
        exempt: false,
        trust_refusal: false,
    }
}

fn observation(target: TargetId, at: i64, outcome: Outcome) -> Observation {
    Observation {
        target,
        probe: "icmp".into(),
        at: secs(at),
        outcome,
        detail: Detail::None,
    }
}

/// A table, and what it said, in words.
struct Case {
    table: Table,
    effects: Effects,
    names: Vec<String>,
}

/// Targets with their parents, all up at 0. `name!` is a target that is not always on.
fn case(targets: &[(&str, &[&str])]) -> Case {
    case_with(targets, false, |_| {})
}

fn case_with(targets: &[(&str, &[&str])], self_check: bool, change: impl Fn(&mut TargetSpec)) -> Case {
    let names: Vec<String> = targets
        .iter()
        .map(|(name, _)| name.trim_end_matches('!').to_owned())
        .collect();
    let id = |name: &str| TargetId(u32::try_from(names.iter().position(|n| n == name).unwrap()).unwrap());
    let specs = targets
        .iter()
        .map(|(name, parents)| {
            let plain = name.trim_end_matches('!');
            let mut spec = spec(id(plain).0, plain);
            spec.parents = parents.iter().map(|p| id(p)).collect();
            spec.always_on = plain == *name;
            change(&mut spec);
            spec
        })
        .collect();
    let settings = Settings {
        self_check,
        ..Settings::default()
    };
    let mut case = Case {
        table: Table::new(Topology::of_specs(specs, &settings), secs(-60)),
        effects: Effects::new(),
        names,
    };
    for name in case.names.clone() {
        case.good(&name, 0);
    }
    case.effects.clear();
    case
}

impl Case {
    fn id(&self, name: &str) -> TargetId {
        TargetId(u32::try_from(self.names.iter().position(|n| n == name).unwrap()).unwrap())
    }

    fn see(&mut self, name: &str, probe: &str, at: i64, outcome: Outcome, detail: Detail) {
        let observation = Observation {
            probe: probe.into(),
            detail,
            ..observation(self.id(name), at, outcome)
        };
        self.table.observe(&observation, secs(at), &mut self.effects);
    }

    fn good(&mut self, name: &str, at: i64) {
        self.see(name, "icmp", at, Outcome::Good, Detail::None);
    }

    fn bad(&mut self, name: &str, at: i64) {
        self.see(name, "icmp", at, Outcome::Bad(Reason::Timeout), Detail::None);
    }

    /// Fails at each of these times.
    fn fails(&mut self, name: &str, at: &[i64]) {
        for at in at {
            self.bad(name, *at);
        }
    }

    fn uplink(&mut self, at: i64, answered: bool, carrier: bool) {
        let look = UplinkLook {
            at: secs(at),
            answered,
            carrier,
        };
        self.table.observe_uplink(look, secs(at), &mut self.effects);
    }

    fn tick(&mut self, at: i64) {
        self.table.tick(secs(at), &mut self.effects);
    }

    fn state(&self, name: &str) -> State {
        self.table.state(self.id(name)).unwrap().state
    }

    /// The targets that were ordered to be looked at, each once, with why.
    fn orders(&mut self) -> Vec<String> {
        let mut list: Vec<String> = std::mem::take(&mut self.effects.orders)
            .into_iter()
            .map(|order| {
                format!(
                    "{} {:?} @{}",
                    self.names[order.target.0 as usize],
                    order.why,
                    order.at.as_secs()
                )
            })
            .collect();
        list.sort();
        list.dedup();
        list
    }

    /// What was said since the last time, in words.
    fn said(&mut self) -> Vec<String> {
        let events = std::mem::take(&mut self.effects.events);
        events.iter().map(|event| self.word(event)).collect()
    }

    fn word(&self, event: &Event) -> String {
        let name = |id: TargetId| self.names[id.0 as usize].as_str();
        let who = event.target.map_or("we", name);
        let what = match &event.kind {
            EventKind::StateChanged { from, to, .. } => format!("{from}→{to}"),
            EventKind::OutageOpened { root: None, .. } => "opened".to_owned(),
            EventKind::OutageOpened { root: Some(root), .. } => format!("opened by {}", name(*root)),
            EventKind::OutageRerooted { root: None, .. } => "stands alone".to_owned(),
            EventKind::OutageRerooted { root: Some(root), .. } => format!("now by {}", name(*root)),
            EventKind::OutageClosed { started_at, .. } => format!("closed from {}", started_at.as_secs()),
            EventKind::Finding { probe, reason } => format!("{probe} {reason:?}"),
            other @ (EventKind::FlappingStarted
            | EventKind::FlappingStopped
            | EventKind::BlindStarted
            | EventKind::BlindEnded { .. }
            | EventKind::DaemonStarted { .. }
            | EventKind::DaemonStopped
            | EventKind::FactChanged { .. }
            | EventKind::InterfaceChanged { .. }
            | EventKind::Rebooted
            | EventKind::Acknowledged { .. }
            | EventKind::AcknowledgementEnded { .. }
            | EventKind::MaintenanceStarted { .. }
            | EventKind::MaintenanceEnded { .. }
            | EventKind::SilenceStarted { .. }
            | EventKind::SilenceEnded { .. }
            | EventKind::Reclassified { .. }
            | EventKind::InventoryAdded
            | EventKind::InventoryGone
            | EventKind::InventoryChanged { .. }
            | EventKind::ForbiddenSeen { .. }) => other.as_str().to_owned(),
        };
        format!("{who} {what} @{}", event.at.as_secs())
    }

    /// The daemon is killed and starts again, much later.
    fn restart(&mut self, at: i64) {
        let topology = self.table.topology().clone();
        let saved: Vec<_> = (0..)
            .take(self.names.len())
            .filter_map(|i| Some((TargetId(i), self.table.saved(TargetId(i))?)))
            .map(|(id, saved)| {
                // Through the record's own form.
                let text = serde_json::to_string(&saved).unwrap();
                (id, serde_json::from_str(&text).unwrap())
            })
            .collect();
        self.table = Table::new(topology, secs(at));
        self.table
            .restore(saved, [], Some(IncidentId(7)), &mut self.effects);
        self.table
            .started(Some(secs(at - 10)), secs(at), &mut self.effects);
    }
}
