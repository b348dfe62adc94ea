//! Compares what the monitor said with what happened.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other kinds of event do not matter here"
)]

mod availability;
mod looks;
mod outages;
mod roots;

use std::collections::BTreeMap;

use tramgac::model::Event;
use tramgac::model::EventKind;
use tramgac::model::IncidentId;
use tramgac::model::State;
use tramgac::model::TargetId;
use tramgac::model::Timestamp;
use tramgac::monitor::interval::Interval;
use tramgac::monitor::interval::union;

use super::run::BASE;
use super::run::Said;
use super::run::Seen;
use super::truth::SECOND;
use super::truth::Truth;

/// Steps of the clock, waiting for an answer, verdicts on parents.
const SLACK: i64 = 30 * SECOND;

/// From the first look on: two retries, and what may put them off a little.
const CONFIRMS: i64 = 10 * SECOND + SLACK;

/// What the comparison found.
#[derive(Default)]
pub struct Report {
    pub faults: Vec<String>,
    pub outages: usize,
    pub incidents: usize,
    pub pieces: usize,
    /// Availability of all together: said less true.
    pub fleet_error: f64,
    /// The same without outages too short to be confirmed for certain.
    pub fleet_error_of_seen: f64,
    /// Largest error of one target.
    pub worst_error: f64,
    /// Targets whose availability is compared, and those of them within 0.01
    /// percentage point.
    pub compared: usize,
    pub within: usize,
    /// Targets for which the looks allow no more error than that.
    pub bounded: usize,
    /// The largest bound of one target.
    pub worst_bound: f64,
}

struct Incident {
    span: Interval,
    /// Roots in their order: since when (as recorded), which.
    roots: Vec<(i64, Option<TargetId>)>,
}

struct Checker<'a> {
    truth: &'a Truth,
    /// By target, as is what follows.
    seen: &'a [Seen],
    /// By cut of the own uplink.
    seen_back: &'a [i64],
    incidents: Vec<Vec<Incident>>,
    states: Vec<Vec<(i64, State)>>,
    report: Report,
}

fn wide(i: Interval, before: i64, after: i64) -> Interval {
    Interval {
        from: Timestamp(i.from.0 - before),
        to: Timestamp(i.to.0 + after),
    }
}

pub fn check(truth: &Truth, said: &Said) -> Report {
    let mut checker = Checker {
        truth,
        seen: &said.seen,
        seen_back: &said.seen_back,
        incidents: Vec::new(),
        states: vec![Vec::new(); truth.things.len()],
        report: Report::default(),
    };
    checker.read(&said.events);
    for thing in 0..truth.things.len() {
        let blocked = checker.blocked(thing);
        let open = checker.open(thing, &blocked);
        checker.every_moment(thing, &blocked, &open);
        if truth.things[thing].always_on {
            checker.no_false_outage(thing, &blocked);
            checker.no_missed_outage(thing, &blocked);
        } else if !checker.incidents[thing].is_empty() {
            checker.fault(thing, "an outage of what people switch off", 0);
        }
        checker.states_and_roots(thing, &blocked, &open);
    }
    checker.availability(said);
    checker.report
}

impl Checker<'_> {
    /// The true moment of a moment of the wall clock, but for a step near by.
    fn true_time(&self, wall: Timestamp) -> i64 {
        let at = wall.0 - BASE;
        at - self.truth.offset(at)
    }

    fn read(&mut self, events: &[Event]) {
        let mut found: BTreeMap<IncidentId, (usize, Incident)> = BTreeMap::new();
        for event in events {
            let at = self.true_time(event.at);
            let known = self.true_time(event.recorded_at);
            let Some(target) = event.target.map(|t| t.0 as usize) else {
                continue;
            };
            match &event.kind {
                EventKind::StateChanged { to, .. } => self.states[target].push((at, *to)),
                EventKind::OutageOpened { incident, root, .. } => {
                    let span = Interval {
                        from: Timestamp(at),
                        to: Timestamp(self.truth.length),
                    };
                    let roots = vec![(known, *root)];
                    let twice = found.insert(*incident, (target, Incident { span, roots }));
                    assert!(twice.is_none(), "a number was given twice");
                }
                EventKind::OutageRerooted { incident, root } => {
                    found.get_mut(incident).unwrap().1.roots.push((known, *root));
                }
                EventKind::OutageClosed { incident, started_at } => {
                    let open = &mut found.get_mut(incident).unwrap().1;
                    assert_eq!(open.span.to.0, self.truth.length, "closed twice");
                    assert!(*started_at <= event.at);
                    open.span.to = Timestamp(at.max(open.span.from.0));
                }
                _ => {}
            }
        }
        self.report.incidents = found.len();
        self.incidents = (0..self.truth.things.len()).map(|_| Vec::new()).collect();
        for (target, incident) in found.into_values() {
            self.incidents[target].push(incident);
        }
    }

    fn fault(&mut self, thing: usize, text: &str, at: i64) {
        let name = &self.truth.things[thing].name;
        self.report
            .faults
            .push(format!("{name} at {:.1} h: {text}", at as f64 / 3.6e9));
    }

    /// Around a step of the clock, moments can't be told apart.
    fn steps(&self) -> impl Iterator<Item = Interval> {
        self.truth.steps.iter().map(|(at, _)| Interval {
            from: Timestamp(at - 16 * SECOND),
            to: Timestamp(at + 16 * SECOND),
        })
    }

    fn state_at(&self, thing: usize, at: i64) -> State {
        let list = &self.states[thing];
        let n = list.partition_point(|(when, _)| *when <= at);
        n.checked_sub(1).map_or(State::Unknown, |i| list[i].1)
    }

    /// When it was said to be down or unreachable, in true time.
    fn said_away(&self, thing: usize) -> Vec<Interval> {
        let mut list = Vec::new();
        let mut states = self.states[thing].clone();
        // Where the clock stepped back, what came later holds.
        let mut latest = i64::MAX;
        for (at, _) in states.iter_mut().rev() {
            latest = latest.min(*at);
            *at = latest;
        }
        for (i, (at, state)) in states.iter().enumerate() {
            let until = states.get(i + 1).map_or(self.truth.length, |(at, _)| *at);
            if matches!(state, State::Down | State::Unreachable) {
                list.extend(Interval::new(Timestamp(*at), Timestamp(until)));
            }
        }
        union(list)
    }
}
