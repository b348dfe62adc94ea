//! Named cases of the rules of design §3 and of traps 17 to 24.

use super::*;
use crate::model::BlindReason;
use crate::model::EchoStats;
use crate::model::Event;
use crate::model::Evidence;
use crate::model::EvidenceKind;
use crate::model::IncidentId;
use crate::model::TargetKey;
use crate::model::TargetKind;
use crate::model::observation::RttStats;
use crate::monitor::blind::UplinkLook;
use crate::monitor::incident::Acknowledgement;
use crate::monitor::incident::Classified;
use crate::monitor::incident::IncidentClass;
use crate::monitor::maintain::Effect;
use crate::monitor::maintain::When;
use crate::monitor::maintain::Window;
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
            target: self.id(name),
            probe: probe.into(),
            at: secs(at),
            outcome,
            detail,
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

#[test]
fn an_outage_begins_with_the_first_failure_and_ends_with_the_first_answer() {
    let mut c = case(&[("r", &[])]);
    c.bad("r", 30);
    c.bad("r", 35);
    assert_eq!(c.said(), [""; 0], "not confirmed yet");
    assert_eq!(c.orders(), ["r Confirm @35", "r Confirm @40"]);
    c.bad("r", 40);
    assert_eq!(c.said(), ["r up→down @30", "r opened @30"]);
    c.good("r", 100);
    assert_eq!(c.orders(), ["r Confirm @105"]);
    assert_eq!(c.said(), [""; 0]);
    c.good("r", 105);
    assert_eq!(c.said(), ["r down→up @100", "r closed from 30 @100"]);
}

#[test]
fn two_failures_are_no_outage_and_one_answer_is_no_recovery() {
    let mut c = case(&[("r", &[])]);
    c.fails("r", &[30, 35]);
    c.good("r", 40);
    assert_eq!(c.said(), [""; 0]);
    let mut c = case(&[("r", &[])]);
    c.fails("r", &[90, 95, 100]);
    c.said();
    c.good("r", 120);
    c.bad("r", 125);
    c.good("r", 150);
    assert_eq!(c.said(), [""; 0]);
    c.good("r", 155);
    assert_eq!(c.said(), ["r down→up @150", "r closed from 90 @150"]);
}

#[test]
fn failures_with_hours_between_them_are_not_in_a_row() {
    let mut c = case(&[("r", &[])]);
    c.fails("r", &[30, 35]);
    c.fails("r", &[7200, 7205]);
    assert_eq!(c.said(), [""; 0]);
    c.bad("r", 7210);
    assert_eq!(c.said(), ["r up→down @7200", "r opened @7200"]);
}

// trap 19
#[test]
fn a_router_and_its_forty_computers_fail_in_one_instant_and_there_is_one_outage() {
    let names: Vec<String> = (0..40).map(|i| format!("pc{i}")).collect();
    let mut targets: Vec<(&str, &[&str])> = vec![("router", &[])];
    targets.extend(names.iter().map(|name| (name.as_str(), &["router"][..])));
    let mut c = case(&targets);
    // Results arrive computers first; the router was last seen good at 0.
    for at in [30, 35, 40] {
        for name in &names {
            c.bad(name, at);
        }
    }
    assert_eq!(c.said(), [""; 0], "held until the router's verdict");
    assert!(c.orders().contains(&"router Parent @30".to_owned()));
    c.fails("router", &[41, 46]);
    assert_eq!(c.said(), [""; 0], "a router that is only suspect holds them too");
    c.bad("router", 51);
    let said = c.said();
    let alone: Vec<_> = said.iter().filter(|s| s.contains("opened @")).collect();
    assert_eq!(alone, ["router opened @41"]);
    assert_eq!(
        said.iter().filter(|s| s.contains("opened by router @30")).count(),
        40
    );
    assert_eq!(c.state("pc7"), State::Unreachable);
}

// trap 19
#[test]
fn what_boots_slowly_after_its_router_is_no_outage_of_its_own() {
    let mut c = case(&[("router", &[]), ("pc", &["router"])]);
    c.fails("router", &[30, 35, 40]);
    c.fails("pc", &[31, 36, 41]);
    c.said();
    c.good("router", 100);
    // In flight while the router came back.
    c.bad("pc", 101);
    c.good("router", 105);
    assert_eq!(c.said(), ["router down→up @100", "router closed from 30 @100"]);
    assert!(
        c.orders().contains(&"pc Released @105".to_owned()),
        "looked at afresh"
    );
    c.fails("pc", &[106, 111]);
    c.good("pc", 115);
    c.good("pc", 120);
    assert_eq!(c.said(), ["pc unreachable→up @115", "pc closed from 31 @115"]);
}

// trap 19
#[test]
fn what_stays_away_after_its_router_is_down_from_its_first_fresh_failure() {
    let mut c = case(&[("router", &[]), ("pc", &["router"])]);
    c.fails("router", &[30, 35, 40]);
    c.fails("pc", &[31, 36, 41]);
    c.good("router", 100);
    c.good("router", 105);
    c.said();
    c.bad("pc", 106);
    c.good("router", 110);
    c.bad("pc", 111);
    c.good("router", 115);
    c.bad("pc", 116);
    assert_eq!(
        c.said(),
        [""; 0],
        "the router's last answer is older than the failure"
    );
    c.good("router", 117);
    assert_eq!(
        c.said(),
        ["pc unreachable→down @106", "pc stands alone @117"],
        "one outage still, and nobody else's fault"
    );
}

// trap 19
#[test]
fn two_ways_must_both_be_gone() {
    let mut c = case(&[("a", &[]), ("b", &[]), ("pc", &["a", "b"])]);
    c.fails("a", &[30, 35, 40]);
    c.said();
    c.fails("pc", &[50, 55]);
    c.good("b", 56);
    c.bad("pc", 60);
    c.good("b", 61);
    assert_eq!(c.said(), ["pc up→down @50", "pc opened @50"], "b is there");
    c.fails("b", &[70, 75, 80]);
    assert_eq!(
        c.said(),
        ["b up→down @70", "b opened @70", "pc down→unreachable @70"],
        "its own outage stays its own"
    );
}

// trap 19
#[test]
fn a_short_break_of_the_way_is_not_the_fault_of_what_lies_behind() {
    let mut c = case(&[("link", &[]), ("pc", &["link"])]);
    c.bad("pc", 30);
    c.bad("link", 31);
    c.bad("pc", 35);
    c.bad("link", 36);
    c.bad("pc", 40);
    // The link is back before it was ever held to be down.
    c.good("link", 41);
    assert_eq!(c.said(), [""; 0]);
    c.good("pc", 46);
    c.tick(200);
    assert_eq!((c.said(), c.state("pc")), (Vec::new(), State::Up));
}

#[test]
fn who_waits_in_vain_for_a_verdict_is_judged_without() {
    let mut c = case(&[("router", &[]), ("pc", &["router"])]);
    c.fails("pc", &[30, 35, 40]);
    assert_eq!(c.table.next_wakeup(), Some(secs(100)));
    c.tick(99);
    assert_eq!(c.said(), [""; 0]);
    c.tick(100);
    assert_eq!(c.said(), ["pc up→down @30", "pc opened @30"]);
}

#[test]
fn a_chain_names_the_end_of_it_as_the_root() {
    let mut c = case(&[("link", &[]), ("router", &["link"]), ("pc", &["router"])]);
    for at in [30, 35, 40] {
        c.bad("pc", at);
        c.bad("router", at);
        c.bad("link", at);
    }
    let said = c.said();
    for line in [
        "link opened @30",
        "router opened by link @30",
        "pc opened by link @30",
    ] {
        assert!(said.contains(&line.to_owned()), "{line} in {said:?}");
    }
    // The link is back, and now it is the router.
    c.good("link", 100);
    c.good("link", 105);
    c.fails("router", &[110, 115, 120]);
    c.good("link", 121);
    assert_eq!(
        c.said(),
        [
            "link down→up @100",
            "link closed from 30 @100",
            "router unreachable→down @110",
            "router stands alone @121",
            "pc now by router @121",
        ]
    );
    let taken = c.table.incidents().taken_along(IncidentId(2));
    assert_eq!(taken.len(), 1, "the list of what it took with it");
}

// trap 20
#[test]
fn an_unplugged_monitor_knows_nothing_and_says_so_once() {
    let mut c = case_with(&[("link", &[]), ("pc", &["link"]), ("own", &[])], true, |spec| {
        if spec.name == "own" {
            spec.reach = Reach::Local;
        }
    });
    c.uplink(10, true, true);
    c.fails("link", &[30, 35]);
    c.fails("pc", &[31, 36]);
    c.uplink(37, false, false);
    assert_eq!(
        c.said(),
        ["we blind_started @30", "link up→unknown @30", "pc up→unknown @31"]
    );
    c.fails("link", &[40, 70, 100]);
    c.fails("pc", &[41, 71, 101]);
    c.good("own", 102);
    c.tick(500);
    assert_eq!(c.said(), [""; 0], "no outage opens");
    c.uplink(600, true, true);
    c.bad("pc", 599);
    c.good("link", 605);
    c.good("pc", 606);
    assert_eq!(
        c.said(),
        [
            "we blind_ended @600",
            "link unknown→up @605",
            "pc unknown→up @606"
        ]
    );
}

// trap 20
#[test]
fn a_gateway_that_dies_alone_is_just_a_device_that_is_down() {
    let mut c = case_with(&[("gw", &[]), ("lan", &[]), ("far", &["gw"])], true, |spec| {
        if spec.name != "far" {
            spec.reach = Reach::Direct;
        }
    });
    c.uplink(10, true, true);
    for at in [30, 35, 40] {
        c.bad("gw", at);
        c.bad("far", at);
        c.uplink(at + 1, false, true);
        c.good("lan", at + 2);
        c.tick(at + 3);
    }
    for at in [60, 65, 70] {
        c.bad("gw", at);
        c.bad("far", at);
        c.good("lan", at + 1);
        c.tick(at + 2);
    }
    let said = c.said();
    assert!(!said.iter().any(|s| s.starts_with("we")), "{said:?}");
    assert_eq!(c.state("gw"), State::Down);
    assert_eq!(c.state("far"), State::Unreachable);
    let opened: Vec<_> = said.iter().filter(|s| s.contains("opened")).collect();
    assert_eq!(opened.len(), 2, "{said:?}");
}

// trap 20
#[test]
fn without_carrier_lost_the_neighbours_are_asked_first() {
    let mut c = case_with(&[("lan", &[]), ("far", &[])], true, |spec| {
        if spec.name == "lan" {
            spec.reach = Reach::Direct;
        }
    });
    c.uplink(10, true, true);
    c.uplink(30, false, true);
    assert_eq!(c.orders(), ["lan Witness @30"]);
    c.uplink(32, false, true);
    c.uplink(34, false, true);
    assert_eq!(c.said(), [""; 0], "the neighbour has not been asked yet");
    c.bad("lan", 35);
    c.tick(36);
    assert!(c.said().contains(&"we blind_started @30".to_owned()));
    assert_eq!((c.state("lan"), c.state("far")), (State::Unknown, State::Unknown));
    // Anything that answers ends it.
    c.good("far", 50);
    assert_eq!(c.said(), ["we blind_ended @50", "far unknown→up @50"]);
}

#[test]
fn an_outage_from_before_the_blindness_goes_on_after_it() {
    let mut c = case_with(&[("r", &[]), ("x", &[])], true, |_| {});
    c.uplink(10, true, true);
    c.fails("r", &[30, 35, 40]);
    c.good("x", 41);
    c.uplink(42, true, true);
    assert_eq!(c.said(), ["r up→down @30", "r opened @30"]);
    c.uplink(100, false, false);
    c.uplink(200, true, true);
    c.good("x", 201);
    c.fails("r", &[210, 215, 220]);
    c.good("x", 221);
    c.tick(222);
    assert_eq!(
        c.said(),
        [
            "we blind_started @100",
            "r down→unknown @100",
            "x up→unknown @100",
            "we blind_ended @200",
            "x unknown→up @201",
            "r unknown→down @210",
        ],
        "no second opening"
    );
    c.good("r", 300);
    c.good("r", 305);
    assert_eq!(c.said(), ["r down→up @300", "r closed from 30 @300"]);
}

#[test]
fn who_could_not_send_knows_nothing() {
    let mut c = case(&[("r", &[])]);
    for at in [30, 60, 90] {
        c.see(
            "r",
            "icmp",
            at,
            Outcome::Blind(BlindReason::NoRoute),
            Detail::None,
        );
    }
    assert_eq!(c.said(), ["r up→unknown @30"]);
    c.good("r", 120);
    assert_eq!(c.said(), ["r unknown→up @120"]);
}

#[test]
fn refused_credentials_are_unknown_only_where_nothing_else_is_asked() {
    let snmp = |spec: &mut TargetSpec| spec.liveness = vec!["snmp".into()];
    let mut c = case_with(&[("ups", &[])], false, snmp);
    c.see("ups", "snmp", 0, Outcome::Good, Detail::None);
    c.said();
    for at in [30, 60, 90] {
        c.see("ups", "snmp", at, Outcome::Bad(Reason::Auth), Detail::None);
    }
    assert_eq!(c.said(), ["ups up→unknown @30"]);

    let mut c = case(&[("r", &[])]);
    for at in [30, 60, 90] {
        c.good("r", at);
        c.see("r", "snmp", at, Outcome::Bad(Reason::Auth), Detail::None);
    }
    assert_eq!(
        c.said(),
        ["r snmp Some(Auth) @60"],
        "a finding, once, and no state"
    );
    c.see("r", "snmp", 120, Outcome::Good, Detail::None);
    assert_eq!(
        (c.said(), c.state("r")),
        (vec!["r snmp None @120".to_owned()], State::Up)
    );
}

#[test]
fn any_other_answer_since_the_last_round_shows_life() {
    let mut c = case(&[("r", &[])]);
    for at in [30, 60, 90, 120] {
        c.see("r", "snmp", at - 1, Outcome::Good, Detail::None);
        c.bad("r", at);
    }
    assert_eq!((c.said(), c.state("r")), (Vec::new(), State::Up));
}

#[test]
fn of_two_ways_to_look_both_must_fail() {
    let both = |spec: &mut TargetSpec| spec.liveness = vec!["icmp".into(), "tcp".into()];
    let mut c = case_with(&[("pc", &[])], false, both);
    for at in [30, 35, 40, 45] {
        c.bad("pc", at);
        c.see("pc", "tcp", at + 1, Outcome::Good, Detail::None);
    }
    assert_eq!(c.said(), [""; 0]);
    for at in [60, 65, 70] {
        c.bad("pc", at);
        c.see("pc", "tcp", at + 1, Outcome::Bad(Reason::Refused), Detail::None);
    }
    assert_eq!(c.said(), ["pc up→down @60", "pc opened @60"]);
}

#[test]
fn a_computer_that_is_switched_off_is_no_outage() {
    let mut c = case(&[("pc!", &[])]);
    c.fails("pc", &[30, 35, 40]);
    c.good("pc", 100);
    c.good("pc", 105);
    assert_eq!(c.said(), ["pc up→down @30", "pc down→up @100"]);
    assert!(c.table.incidents().open().next().is_none());
}

fn presence(kind: EvidenceKind) -> Detail {
    Detail::Presence(Evidence {
        kind,
        seen_by: Some("xa-router".to_owned()),
    })
}

#[test]
fn a_computer_that_drops_echoes_is_present_if_its_router_saw_it() {
    let mut c = case(&[("pc!", &[])]);
    for at in [60, 360, 660] {
        c.see("pc", "presence", at, Outcome::Good, presence(EvidenceKind::Arp));
        for minute in 0..4 {
            c.bad("pc", at + 1 + 60 * minute);
        }
    }
    assert_eq!((c.said(), c.state("pc")), (Vec::new(), State::Up));
    let state = c.table.state(c.id("pc")).unwrap();
    assert_eq!(state.evidence_at(EvidenceKind::Arp), Some(secs(660)));
    c.fails("pc", &[1600, 1605, 1610]);
    assert_eq!(c.state("pc"), State::Down, "entries grow old");
}

#[test]
fn a_refusal_shows_life_only_where_no_firewall_answers_for_others() {
    for (trusted, state) in [(true, State::Up), (false, State::Down)] {
        let mut c = case_with(&[("pc!", &[])], false, |spec| {
            spec.liveness = vec!["tcp".into()];
            spec.trust_refusal = trusted;
        });
        for at in [10, 30, 35, 40] {
            c.see("pc", "tcp", at, Outcome::Good, presence(EvidenceKind::TcpRefusal));
        }
        assert_eq!(c.state("pc"), state, "trusted: {trusted}");
    }
}

fn window(from: i64, to: i64) -> Window {
    Window {
        name: "w".to_owned(),
        selector: crate::model::Selector::default(),
        when: When::Once {
            from: secs(from),
            to: secs(to),
        },
        reason: None,
        author: None,
        effect: Effect::Maintenance,
    }
}

// trap 21
#[test]
fn maintenance_hides_nothing_from_the_record() {
    let mut c = case(&[("r", &[])]);
    let mut topology = c.table.topology().clone();
    topology.add_window(window(100, 200), &[TargetId(0)]);
    c.table.set_topology(topology, secs(10), &mut c.effects);
    c.tick(11);
    assert_eq!(c.table.next_wakeup(), Some(secs(100)));
    c.tick(101);
    c.fails("r", &[110, 115, 120]);
    assert!(c.table.state(TargetId(0)).unwrap().maintenance);
    c.tick(201);
    assert_eq!(
        c.said(),
        [
            "r maintenance_started @100",
            "r up→down @110",
            "r opened @110",
            "r maintenance_ended @200",
        ],
        "the problem remains when the window ends, and both are on record"
    );
    c.good("r", 210);
    c.good("r", 215);
    assert_eq!(c.said(), ["r down→up @210", "r closed from 110 @210"]);
    let view = c.table.view(TargetId(0)).unwrap();
    assert_eq!(view.totals.outages, 0, "maintenance is left out of the sums");
}

// trap 21
#[test]
fn a_window_that_left_the_configuration_covers_nothing_any_more() {
    let mut c = case(&[("r", &[])]);
    let plain = c.table.topology().clone();
    let mut topology = plain.clone();
    topology.add_window(window(0, 1000), &[TargetId(0)]);
    c.table.set_topology(topology, secs(10), &mut c.effects);
    c.tick(11);
    c.table.set_topology(plain, secs(20), &mut c.effects);
    c.tick(21);
    assert_eq!(c.said(), ["r maintenance_started @11", "r maintenance_ended @21"]);
}

// traps 20, 22
#[test]
fn a_restart_during_an_outage_tells_no_second_one_and_still_its_end() {
    let mut c = case(&[("r", &[]), ("pc", &["r"])]);
    c.fails("r", &[30, 35, 40]);
    c.fails("pc", &[31, 36, 41]);
    let ack = Acknowledgement {
        author: "hoa".to_owned(),
        comment: "đã gọi nhà mạng".to_owned(),
        until: Some(secs(50_000)),
    };
    c.table
        .acknowledge(IncidentId(1), ack, secs(60), &mut c.effects)
        .unwrap();
    c.said();
    c.restart(10_000);
    assert_eq!(c.said(), ["we daemon_started @10000"]);
    c.fails("r", &[10_010, 10_015, 10_020]);
    c.fails("pc", &[10_011, 10_016, 10_021]);
    assert_eq!(c.said(), [""; 0]);
    assert!(c.table.view(TargetId(0)).unwrap().acknowledged);
    c.good("r", 10_040);
    c.good("r", 10_045);
    assert_eq!(c.said(), ["r down→up @10040", "r closed from 30 @10040"]);
    c.fails("r", &[10_100, 10_105, 10_110]);
    let newest = c.table.state(TargetId(0)).unwrap().incident;
    assert_eq!(newest, Some(IncidentId(8)), "numbers are never given twice");
}

// trap 22
#[test]
fn an_acknowledgement_runs_out() {
    let mut c = case(&[("r", &[])]);
    c.fails("r", &[30, 35, 40]);
    let ack = Acknowledgement {
        author: "hoa".to_owned(),
        comment: String::new(),
        until: Some(secs(100)),
    };
    let id = IncidentId(1);
    c.table.acknowledge(id, ack, secs(60), &mut c.effects).unwrap();
    assert_eq!(c.table.next_wakeup(), Some(secs(100)));
    c.tick(100);
    let along = c
        .table
        .reclassify(id, (TargetId(0), &[]), &power_cut(), secs(101), &mut c.effects);
    assert_eq!(along, []);
    assert_eq!(
        c.said(),
        [
            "r up→down @30",
            "r opened @30",
            "r acknowledged @60",
            "r acknowledgement_ended @100",
            "r reclassified @101",
        ]
    );
    assert!(
        c.table
            .end_acknowledgement(IncidentId(9), "hoa".to_owned(), secs(102), &mut c.effects)
            .is_err()
    );
}

fn power_cut() -> Classified {
    Classified {
        class: IncidentClass::Power,
        author: "hoa".to_owned(),
        comment: "mất điện".to_owned(),
    }
}

#[test]
fn what_an_outage_was_is_said_of_all_that_it_took_along_before_and_after() {
    let mut c = case(&[("r", &[]), ("a", &["r"]), ("b", &["r"]), ("x", &[])]);
    c.fails("r", &[30, 35, 40]);
    c.fails("a", &[41, 46, 51]);
    c.fails("x", &[41, 46, 51]);
    c.said();
    let of = |c: &Case, name: &str| {
        let id = c.table.state(c.id(name)).unwrap().incident.unwrap();
        c.table.incidents().get(id).unwrap().clone()
    };
    let root = of(&c, "r").id;
    let target = c.id("r");
    // The record knows of an older one that the table no longer keeps.
    let old = (IncidentId(900), c.id("b"));
    let along = c
        .table
        .reclassify(root, (target, &[old]), &power_cut(), secs(60), &mut c.effects);
    assert_eq!(along, [of(&c, "a").id, old.0]);
    assert_eq!(
        c.said(),
        ["r reclassified @60", "a reclassified @60", "b reclassified @60"]
    );
    assert_eq!(of(&c, "x").class, None);
    c.fails("b", &[70, 75, 80]);
    assert_eq!(
        c.said(),
        ["b up→unreachable @70", "b opened by r @70", "b reclassified @80"]
    );
    for name in ["r", "a", "b"] {
        assert_eq!(of(&c, name).class, Some(IncidentClass::Power), "{name}");
    }
}

// trap 21
#[test]
fn a_silence_is_an_overlay_of_its_own_and_its_end_says_who_ended_it() {
    let mut topology = Topology::of_specs(vec![spec(0, "r")], &Settings::default());
    let silence = Window {
        name: "s1".to_owned(),
        effect: Effect::Silence,
        ..window(100, 200)
    };
    topology.add_window(silence.clone(), &[TargetId(0)]);
    topology.add_window(window(150, 160), &[TargetId(0)]);
    let mut table = Table::new(topology, secs(0));
    let mut effects = Effects::new();
    let mut seen = Vec::new();
    for at in [99, 100, 150, 160] {
        table.tick(secs(at), &mut effects);
        let state = table.state(TargetId(0)).unwrap();
        seen.push((state.silenced, state.maintenance));
    }
    assert_eq!(seen, [(false, false), (true, false), (true, true), (true, false)]);
    table.end_window(&silence, Some("lan"), secs(170), &mut effects);
    assert!(!table.state(TargetId(0)).unwrap().silenced);
    let last = effects.events.last().map(|event| event.kind.clone());
    let told = EventKind::SilenceEnded {
        window: "s1".to_owned(),
        author: Some("lan".to_owned()),
    };
    assert_eq!(last, Some(told));
}

#[test]
fn what_leaves_the_inventory_ends_its_outage() {
    let mut c = case(&[("r", &[]), ("x", &[])]);
    c.fails("r", &[30, 35, 40]);
    c.said();
    let left = Topology::of_specs(vec![spec(1, "x")], &Settings::default());
    c.table.set_topology(left, secs(50), &mut c.effects);
    assert_eq!(c.said(), ["r down→unknown @50", "r closed from 30 @50"]);
    assert_eq!(c.state("x"), State::Up, "the others keep their state");
}

#[test]
fn it_flaps_when_it_changes_too_often_and_only_alerts_are_to_mind() {
    let mut c = case(&[("r", &[])]);
    for i in 0..4 {
        c.bad("r", 30 + 60 * i);
        c.good("r", 60 + 60 * i);
    }
    assert_eq!(c.said(), ["r flapping_started @180"], "the sixth change");
    for i in 0..20 {
        c.good("r", 300 + 30 * i);
    }
    let said = c.said();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("r flapping_stopped"));
}

fn burst(received: u16, rtt_ms: u64) -> Detail {
    let rtt = Span::from_millis(rtt_ms);
    Detail::Echo(EchoStats {
        address: std::net::Ipv4Addr::LOCALHOST.into(),
        sent: 3,
        received,
        late: 0,
        duplicates: 0,
        rtt: Some(RttStats {
            min: rtt,
            median: rtt,
            max: rtt,
            sum: rtt * u32::from(received),
            jitter: None,
        }),
    })
}

#[test]
fn lasting_loss_degrades_and_an_outage_is_not_counted_as_loss() {
    let mut c = case(&[("r", &[])]);
    for i in 1..30 {
        c.see("r", "icmp", 30 * i, Outcome::Good, burst(2, 20));
    }
    let said = c.said();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("r up→degraded"));
    for i in 30..60 {
        c.see("r", "icmp", 30 * i, Outcome::Good, burst(3, 20));
    }
    assert!(c.said()[0].starts_with("r degraded→up"));
    c.fails("r", &[1810, 1815, 1820]);
    for i in 62..66 {
        c.see("r", "icmp", 30 * i, Outcome::Good, burst(3, 20));
    }
    let said = c.said();
    assert!(said.iter().all(|s| !s.contains("degraded")), "{said:?}");
}

// trap 24
#[test]
fn a_clock_that_steps_back_gives_no_negative_outage_and_hides_no_failure() {
    let mut c = case(&[("router", &[]), ("pc", &["router"])]);
    c.good("router", 7200);
    c.good("pc", 7200);
    // One hour back. The router's answer of 7200 is in the future and proves nothing.
    c.fails("pc", &[3600, 3605, 3610]);
    assert_eq!(c.said(), [""; 0]);
    c.fails("router", &[3611, 3616, 3621]);
    assert_eq!(
        (c.state("router"), c.state("pc")),
        (State::Down, State::Unreachable)
    );
    c.good("router", 3700);
    c.good("router", 3705);
    for event in &c.effects.events {
        if let EventKind::OutageClosed { started_at, .. } = event.kind {
            assert!(started_at <= event.at);
        }
    }
    assert_eq!(c.state("router"), State::Up);
}

// trap 24
#[test]
fn a_clock_that_leaps_forward_takes_nobody_s_time_to_wait_away() {
    let mut c = case(&[("router", &[]), ("pc", &["router"])]);
    c.fails("pc", &[30, 35, 40]);
    c.tick(3640);
    assert_eq!(c.said(), [""; 0]);
    c.good("router", 3641);
    assert_eq!(c.said(), ["pc up→down @30", "pc opened @30"]);
}

#[test]
fn counters_of_outages_never_go_back() {
    let mut c = case(&[("r", &[])]);
    let mut last = crate::monitor::snapshot::Totals::default();
    for (at, good) in [
        (30, true),
        (60, false),
        (65, false),
        (70, false),
        (100, false),
        (130, true),
        (135, true),
        (160, true),
    ] {
        if good {
            c.good("r", at);
        } else {
            c.bad("r", at);
        }
        let totals = c.table.view(TargetId(0)).unwrap().totals;
        assert!(totals.outage >= last.outage && totals.observed >= last.observed);
        last = totals;
    }
    assert_eq!(last.outages, 1);
    assert_eq!(last.outage, Span::from_secs(70), "60 to 130");
    assert_eq!(last.observed, Span::from_secs(160));
}

#[test]
fn a_state_is_small_and_what_changed_is_handed_out_once() {
    assert!(
        size_of::<TargetState>() <= 344,
        "{} bytes",
        size_of::<TargetState>()
    );
    let mut c = case(&[("r", &[]), ("x", &[])]);
    c.table.take_changed();
    c.bad("r", 30);
    c.good("x", 31);
    let changed: Vec<TargetId> = c.table.take_changed().into_iter().map(|(id, _)| id).collect();
    assert_eq!(changed, [TargetId(0)], "a reply alone is no news");
    assert!(!c.table.has_changed());
}
