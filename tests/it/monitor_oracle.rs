//! A second opinion, and what must hold whatever happens.
//!
//! The oracle is short, slow and knows nothing of counters: it looks at the
//! whole list of looks at one target that depends on nothing, and finds the
//! outages in it by their definition; of a district that has come to rest it
//! works out who is down, unreachable, and by whose fault. Then properties over
//! random districts.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other kinds of event do not matter here"
)]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use tramgac::model::Detail;
use tramgac::model::Event;
use tramgac::model::EventKind;
use tramgac::model::IncidentId;
use tramgac::model::Observation;
use tramgac::model::Outcome;
use tramgac::model::Reason;
use tramgac::model::Span;
use tramgac::model::State;
use tramgac::model::TargetId;
use tramgac::model::TargetKey;
use tramgac::model::TargetKind;
use tramgac::model::Timestamp;
use tramgac::monitor::Effects;
use tramgac::monitor::Settings;
use tramgac::monitor::Table;
use tramgac::monitor::Topology;
use tramgac::monitor::availability::replay;
use tramgac::monitor::blind::UplinkLook;
use tramgac::monitor::maintain::When;
use tramgac::monitor::maintain::Window;
use tramgac::monitor::settings::Confirm;
use tramgac::monitor::settings::Thresholds;
use tramgac::monitor::topology::Reach;
use tramgac::monitor::topology::TargetSpec;
use tramgac::monitor::topology::Watch;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn spec(id: u32, parents: Vec<TargetId>) -> TargetSpec {
    TargetSpec {
        id: TargetId(id),
        key: TargetKey {
            kind: TargetKind::Device,
            slug: format!("t{id}").parse().unwrap(),
        },
        name: format!("t{id}"),
        parents,
        liveness: vec!["icmp".into()],
        watch: Watch::Polled,
        confirm: Confirm::default(),
        interval: Span::from_secs(30),
        always_on: true,
        alerts: true,
        thresholds: Thresholds::default(),
        reach: Reach::Routed,
        exempt: false,
        trust_refusal: false,
    }
}

fn look(target: u32, secs: i64, good: bool) -> Observation {
    Observation {
        target: TargetId(target),
        probe: Arc::from("icmp"),
        at: at(secs),
        outcome: if good {
            Outcome::Good
        } else {
            Outcome::Bad(Reason::Timeout)
        },
        detail: Detail::None,
    }
}

/// The outages in a list of looks, by their definition: an outage begins with
/// the first of three failures in a row while there is none, and ends with the
/// first of two good looks in a row while there is one.
fn outages_by_definition(looks: &[(i64, bool)]) -> Vec<(i64, Option<i64>)> {
    let mut outages: Vec<(i64, Option<i64>)> = Vec::new();
    for i in 0..looks.len() {
        let is_open = outages.last().is_some_and(|(_, end)| end.is_none());
        let run = |n: usize, good: bool| i + 1 >= n && looks[i + 1 - n..=i].iter().all(|(_, g)| *g == good);
        if !is_open && run(3, false) {
            outages.push((looks[i - 2].0, None));
        } else if is_open && run(2, true) {
            outages.last_mut().unwrap().1 = Some(looks[i - 1].0);
        }
    }
    outages
}

proptest! {
    #[test]
    fn a_single_target_has_the_outages_of_the_definition(
        steps in prop::collection::vec((1_i64..80, prop::bool::weighted(0.6)), 1..80),
        restart_after in prop::option::of(0_usize..80),
    ) {
        let settings = Settings { self_check: false, ..Settings::default() };
        let topology = Topology::of_specs(vec![spec(1, Vec::new())], &settings);
        let mut table = Table::new(topology.clone(), at(0));
        let mut effects = Effects::new();
        let mut looks = Vec::new();
        let mut now = 0;
        for (i, (wait, good)) in steps.iter().enumerate() {
            now += wait;
            looks.push((now, *good));
            table.observe(&look(1, now, *good), at(now), &mut effects);
            if restart_after == Some(i) {
                let saved = serde_json::to_string(&table.saved(TargetId(1)).unwrap()).unwrap();
                table = Table::new(topology.clone(), at(now));
                let saved = serde_json::from_str(&saved).unwrap();
                table.restore([(TargetId(1), saved)], [], Some(IncidentId(100)), &mut effects);
            }
        }
        let mut said: Vec<(i64, Option<i64>)> = Vec::new();
        for event in &effects.events {
            if let EventKind::OutageOpened { .. } = event.kind {
                said.push((event.at.as_secs(), None));
            } else if let EventKind::OutageClosed { started_at, .. } = event.kind {
                let last = said.last_mut().unwrap();
                prop_assert_eq!(last.0, started_at.as_secs());
                last.1 = Some(event.at.as_secs());
            }
        }
        prop_assert_eq!(said, outages_by_definition(&looks));
    }
}

/// What may happen to a small district.
#[derive(Debug, Clone)]
enum Happening {
    Look { target: u32, good: bool },
    Uplink { answered: bool, carrier: bool },
    Wait { secs: i64 },
    ClockStep { secs: i64 },
    Restart,
    Reload,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        20 => (0_u32..7, prop::bool::weighted(0.55)).prop_map(|(target, good)| Happening::Look { target, good }),
        2 => (any::<bool>(), any::<bool>())
            .prop_map(|(answered, carrier)| Happening::Uplink { answered, carrier }),
        4 => (1_i64..70).prop_map(|secs| Happening::Wait { secs }),
        1 => (-90_i64..90).prop_map(|secs| Happening::ClockStep { secs }),
        1 => Just(Happening::Restart),
        1 => Just(Happening::Reload),
    ]
}

/// A district of seven: two ways to 3, a chain 3 to 4 to 5, and 6 alone, nearby.
fn district() -> Topology {
    let specs = (0..)
        .zip(PARENTS)
        .map(|(id, parents)| {
            let parents = parents.iter().map(|p| TargetId(u32::try_from(*p).unwrap()));
            let mut spec = spec(id, parents.collect());
            if id == 6 {
                spec.reach = Reach::Direct;
            }
            spec
        })
        .collect();
    let mut topology = Topology::of_specs(specs, &Settings::default());
    let window = Window {
        name: "w".to_owned(),
        selector: tramgac::model::Selector::default(),
        when: When::Once {
            from: at(300),
            to: at(500),
        },
        reason: None,
        author: None,
        effect: tramgac::monitor::maintain::Effect::Maintenance,
    };
    topology.add_window(window, &[TargetId(3), TargetId(4)]);
    topology
}

fn states(table: &Table) -> BTreeMap<TargetId, State> {
    (0..7)
        .map(TargetId)
        .map(|id| (id, table.state(id).unwrap().state))
        .collect()
}

/// What holds after every single input.
fn must_hold(table: &Table) -> Result<(), TestCaseError> {
    for spec in table.topology().specs() {
        let state = table.state(spec.id).unwrap();
        let parents: Vec<_> = spec.parents.iter().map(|p| table.state(*p).unwrap()).collect();
        let all_out = !parents.is_empty() && parents.iter().all(|p| p.is_out());
        prop_assert!(
            !(state.state == State::Down && all_out),
            "{} is down while nothing leads to it",
            spec.name
        );
        // An open incident, and only one, for what is out.
        if state.state.is_out() {
            prop_assert!(
                state.incident.is_some(),
                "{} is out without an incident",
                spec.name
            );
        }
        if state.state.is_online() {
            prop_assert!(
                state.incident.is_none(),
                "{} is online with an incident",
                spec.name
            );
        }
        if state.state == State::Unreachable {
            let root = state.root.unwrap();
            let root = table.state(root).unwrap();
            prop_assert!(root.state != State::Up || root.goods > 0 || root.incident.is_none());
        }
    }
    let open: BTreeSet<TargetId> = table.incidents().open().map(|i| i.target).collect();
    prop_assert_eq!(
        open.len(),
        table.incidents().open().count(),
        "one incident a target"
    );
    Ok(())
}

/// What holds of the record as a whole.
fn record_must_hold(events: &[Event], table: &Table) -> Result<(), TestCaseError> {
    let mut open: BTreeMap<IncidentId, TargetId> = BTreeMap::new();
    let mut state_of: BTreeMap<TargetId, State> = BTreeMap::new();
    let mut covered: BTreeSet<TargetId> = BTreeSet::new();
    let mut blind = false;
    for event in events {
        prop_assert!(event.at <= event.recorded_at, "{event:?} lies in the future");
        match &event.kind {
            EventKind::StateChanged { from, to, .. } => {
                let target = event.target.unwrap();
                let before = state_of.insert(target, *to).unwrap_or(State::Unknown);
                prop_assert_eq!(before, *from, "a transition begins where the last one ended");
            }
            EventKind::OutageOpened { incident, .. } => {
                let target = event.target.unwrap();
                prop_assert!(!open.values().any(|t| *t == target), "a second outage at once");
                prop_assert!(open.insert(*incident, target).is_none());
            }
            EventKind::OutageClosed { incident, started_at } => {
                prop_assert!(open.remove(incident).is_some(), "an end without a beginning");
                prop_assert!(*started_at <= event.at, "an outage of negative length");
            }
            EventKind::OutageRerooted { incident, .. } => prop_assert!(open.contains_key(incident)),
            EventKind::MaintenanceStarted { .. } => {
                prop_assert!(covered.insert(event.target.unwrap()));
            }
            EventKind::MaintenanceEnded { .. } => {
                prop_assert!(covered.remove(&event.target.unwrap()));
            }
            EventKind::BlindStarted => {
                prop_assert!(!blind);
                blind = true;
            }
            EventKind::BlindEnded { .. } => {
                prop_assert!(blind);
                blind = false;
            }
            _ => {}
        }
    }
    let still: BTreeSet<TargetId> = open.values().copied().collect();
    let known: BTreeSet<TargetId> = table.incidents().open().map(|i| i.target).collect();
    prop_assert_eq!(still, known, "what was told and not ended is what is open");
    let mut replayed = replay(events);
    for (target, state) in states(table) {
        let said = replayed.remove(&target).unwrap_or(State::Unknown);
        prop_assert_eq!(said, state, "replaying the record gives the same states");
    }
    Ok(())
}

/// A district to which things happen.
struct Run {
    table: Table,
    effects: Effects,
    now: i64,
    last_incident: Option<IncidentId>,
}

impl Run {
    fn new() -> Self {
        Self {
            table: Table::new(district(), at(0)),
            effects: Effects::new(),
            now: 1,
            last_incident: None,
        }
    }

    fn happen(&mut self, what: &Happening) {
        let Self {
            table, effects, now, ..
        } = self;
        match *what {
            Happening::Look { target, good } => {
                table.observe(&look(target, *now, good), at(*now), effects);
                *now += 1;
            }
            Happening::Uplink { answered, carrier } => {
                let look = UplinkLook {
                    at: at(*now),
                    answered,
                    carrier,
                };
                table.observe_uplink(look, at(*now), effects);
            }
            Happening::Wait { secs } => {
                *now += secs;
                table.tick(at(*now), effects);
            }
            Happening::ClockStep { secs } => *now = (*now + secs).max(1),
            Happening::Restart => self.restart(),
            Happening::Reload => table.set_topology(district(), at(*now), effects),
        }
    }

    /// Through the text that the record holds.
    fn restart(&mut self) {
        let saved: Vec<_> = (0..7)
            .map(TargetId)
            .map(|id| (id, serde_json::to_string(&self.table.saved(id).unwrap()).unwrap()))
            .map(|(id, text)| (id, serde_json::from_str(&text).unwrap()))
            .collect();
        let opened = self.effects.events.iter().filter_map(|e| match e.kind {
            EventKind::OutageOpened { incident, .. } => Some(incident),
            _ => None,
        });
        self.last_incident = opened.max().or(self.last_incident);
        let blind = self.table.blind_spans();
        self.table = Table::new(district(), at(self.now));
        self.table
            .restore(saved, [], self.last_incident, &mut self.effects);
        self.table.restore_blind(&blind);
    }

    /// From now on the world stands still: everybody is looked at again and
    /// again, in some order, and answers if it lives and a path leads to it.
    fn settle(&mut self, alive: [bool; 7], shuffle: u64) {
        let answers = answers_by_definition(alive);
        let mut order: Vec<u32> = (0..7).collect();
        order.sort_by_key(|id| shuffled(*id, shuffle));
        for _ in 0..40 {
            self.now += 10;
            let uplink = UplinkLook {
                at: at(self.now),
                answered: true,
                carrier: true,
            };
            self.table.observe_uplink(uplink, at(self.now), &mut self.effects);
            for id in &order {
                let good = answers[*id as usize];
                self.table
                    .observe(&look(*id, self.now, good), at(self.now), &mut self.effects);
            }
            self.table.tick(at(self.now), &mut self.effects);
        }
    }
}

/// Who depends on whom in [`district`]; parents come before children.
const PARENTS: [&[usize]; 7] = [&[], &[0], &[0], &[1, 2], &[3], &[4], &[]];

/// Who answers: whoever lives and has no parents or one that answers.
fn answers_by_definition(alive: [bool; 7]) -> [bool; 7] {
    let mut answers = [false; 7];
    for (id, parents) in PARENTS.iter().enumerate() {
        answers[id] = alive[id] && (parents.is_empty() || parents.iter().any(|p| answers[*p]));
    }
    answers
}

/// What each must be once all have been looked at for long: up if it answers;
/// else down if a path leads to it, unreachable if none does. With the dead
/// that may be blamed for it: those among the ones that it depends on to which
/// a path leads.
fn settled_by_definition(alive: [bool; 7]) -> Vec<(State, BTreeSet<u32>)> {
    let answers = answers_by_definition(alive);
    let mut settled: Vec<(State, BTreeSet<u32>)> = Vec::new();
    for (id, parents) in PARENTS.iter().enumerate() {
        let has_path = parents.is_empty() || parents.iter().any(|p| answers[*p]);
        let mut blamed = BTreeSet::new();
        for parent in *parents {
            match settled[*parent].0 {
                State::Down => {
                    blamed.insert(u32::try_from(*parent).unwrap());
                }
                State::Unreachable => blamed.extend(settled[*parent].1.clone()),
                State::Up | State::Degraded | State::Unknown => {}
            }
        }
        let state = match (answers[id], has_path) {
            (true, _) => State::Up,
            (false, true) => State::Down,
            (false, false) => State::Unreachable,
        };
        settled.push((state, blamed));
    }
    settled
}

/// Looks that began at one moment, then one at the uplink, then some time.
#[derive(Debug, Clone)]
struct Instant {
    /// Who answered; `None`: was not looked at.
    answers: Vec<Option<bool>>,
    uplink: Option<bool>,
    shuffle: u64,
    then_secs: i64,
}

fn instant() -> impl Strategy<Value = Instant> {
    let answers = prop::collection::vec(prop::option::weighted(0.9, any::<bool>()), 7);
    let uplink = prop::option::weighted(0.2, any::<bool>());
    (answers, uplink, any::<u64>(), 1_i64..40).prop_map(|(answers, uplink, shuffle, then_secs)| Instant {
        answers,
        uplink,
        shuffle,
        then_secs,
    })
}

/// A number to sort targets by.
fn shuffled(id: u32, shuffle: u64) -> u64 {
    shuffle.rotate_left(id * 9).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// What was told and ordered in one instant, without its order.
fn asked_and_told(effects: Effects) -> impl std::fmt::Debug + PartialEq {
    let told: BTreeSet<String> = effects.events.iter().map(|event| format!("{event:?}")).collect();
    let mut orders: BTreeMap<TargetId, Timestamp> = BTreeMap::new();
    for order in effects.orders {
        let earliest = orders.entry(order.target).or_insert(order.at);
        *earliest = order.at.min(*earliest);
    }
    let changed: BTreeSet<TargetId> = effects.changed.into_iter().collect();
    (told, orders, effects.check_uplink, changed)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    // traps 19, 20, 21, 22, 24
    #[test]
    fn whatever_happens_the_record_is_sound(happenings in prop::collection::vec(happening(), 1..250)) {
        let mut run = Run::new();
        for next in happenings {
            run.happen(&next);
            must_hold(&run.table)?;
        }
        run.table.tick(at(run.now), &mut run.effects);
        record_must_hold(&run.effects.events, &run.table)?;
    }

    // trap 19
    #[test]
    fn whatever_happened_what_settles_is_what_the_paths_allow(
        happenings in prop::collection::vec(happening(), 0..120),
        alive in prop::collection::vec(prop::bool::weighted(0.7), 7),
        shuffle in any::<u64>(),
    ) {
        let mut run = Run::new();
        for next in &happenings {
            run.happen(next);
        }
        // All is well in between: what went by itself before its paths did would
        // rightly keep its own cause.
        run.settle([true; 7], shuffle);
        let alive: [bool; 7] = alive.try_into().unwrap();
        run.settle(alive, shuffle.rotate_left(17));
        for (id, expected) in (0..).zip(settled_by_definition(alive)) {
            let state = run.table.state(TargetId(id)).unwrap();
            prop_assert_eq!(state.state, expected.0, "t{} of {:?}", id, alive);
            let incident = state.incident.and_then(|id| run.table.incidents().get(id));
            let root = incident.and_then(|incident| incident.root).filter(|root| *root != TargetId(id));
            prop_assert_eq!(incident.is_some(), expected.0.is_out());
            match root {
                Some(root) => prop_assert!(expected.1.contains(&root.0), "t{} blames {:?}, not of {:?}", id, root, expected.1),
                None => prop_assert!(expected.0 != State::Unreachable, "t{} blames nobody", id),
            }
        }
        record_must_hold(&run.effects.events, &run.table)?;
    }

    // Three failures, a minute of waiting for parents that lose looks, three
    // more, and another minute: nobody waits longer for a verdict.
    #[test]
    fn no_verdict_is_put_off_for_ever(
        rounds in prop::collection::vec((prop::bool::weighted(0.6), prop::bool::weighted(0.6), 0_u8..8), 60..120),
        uplink_loses in any::<bool>(),
    ) {
        let mut table = Table::new(district(), at(0));
        let mut effects = Effects::new();
        for id in 0..7 {
            table.observe(&look(id, 1, true), at(1), &mut effects);
        }
        let first = 10;
        let mut now = first;
        for (one, other, uplink) in rounds {
            table.observe(&look(3, now, false), at(now), &mut effects);
            table.observe(&look(1, now + 1, one), at(now + 1), &mut effects);
            table.observe(&look(2, now + 2, other), at(now + 2), &mut effects);
            // The uplink may lose a look now and then; a neighbour does not.
            let answered = !uplink_loses || uplink > 1;
            let look_at = UplinkLook { at: at(now + 3), answered, carrier: true };
            table.observe_uplink(look_at, at(now + 3), &mut effects);
            table.observe(&look(6, now + 4, true), at(now + 4), &mut effects);
            table.tick(at(now + 4), &mut effects);
            now += 5;
            let state = table.state(TargetId(3)).unwrap().state;
            prop_assert!(state.is_out() || now < first + 160, "{state} at {now}");
        }
        let opened = effects.events.iter().find_map(|e| match e.kind {
            EventKind::OutageOpened { .. } if e.target == Some(TargetId(3)) => Some(e.at),
            _ => None,
        });
        // Its first failures may have been the uplink's, if that lost any.
        prop_assert!(opened == Some(at(first)) || (uplink_loses && opened > Some(at(first))), "{opened:?}");
    }

    #[test]
    fn the_order_within_an_instant_changes_nothing(
        instants in prop::collection::vec(instant(), 1..40),
    ) {
        // The same looks, once in the order of the ids and once shuffled.
        let mut tables = [Table::new(district(), at(0)), Table::new(district(), at(0))];
        let mut now = 1;
        for instant in instants {
            let mut said = [Effects::new(), Effects::new()];
            let mut order: Vec<u32> = (0..7).collect();
            for (which, table) in tables.iter_mut().enumerate() {
                if which == 1 {
                    order.sort_by_key(|id| shuffled(*id, instant.shuffle));
                }
                let looks: Vec<Observation> = order
                    .iter()
                    .filter_map(|id| Some(look(*id, now, instant.answers[*id as usize]?)))
                    .collect();
                table.observe_batch(&looks, at(now), &mut said[which]);
                if let Some(answered) = instant.uplink {
                    let look = UplinkLook { at: at(now), answered, carrier: true };
                    table.observe_uplink(look, at(now), &mut said[which]);
                }
                table.tick(at(now), &mut said[which]);
            }
            for id in (0..7).map(TargetId) {
                prop_assert_eq!(tables[0].saved(id), tables[1].saved(id), "at {}", now);
            }
            let [one, other] = said.map(asked_and_told);
            prop_assert_eq!(one, other, "at {}", now);
            prop_assert_eq!(tables[0].blind_spans(), tables[1].blind_spans());
            now += instant.then_secs;
        }
    }
}
