//! Compares what the monitor said with what happened.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other kinds of event do not matter here"
)]

use std::collections::BTreeMap;

use tramgac::model::Event;
use tramgac::model::EventKind;
use tramgac::model::IncidentId;
use tramgac::model::State;
use tramgac::model::TargetId;
use tramgac::model::Timestamp;
use tramgac::monitor::availability::Frame;
use tramgac::monitor::availability::Shares;
use tramgac::monitor::availability::Timeline;
use tramgac::monitor::availability::alive;
use tramgac::monitor::interval::Interval;
use tramgac::monitor::interval::intersect;
use tramgac::monitor::interval::subtract;
use tramgac::monitor::interval::total;
use tramgac::monitor::interval::union;
use tramgac::monitor::topology::Reach;

use super::run::BASE;
use super::run::Said;
use super::run::id;
use super::truth::SECOND;
use super::truth::Truth;

/// Steps of the clock, waiting for an answer, verdicts on parents.
const SLACK: i64 = 30 * SECOND;

/// What the comparison found.
#[derive(Default)]
pub struct Report {
    pub faults: Vec<String>,
    pub outages: usize,
    pub incidents: usize,
    pub pieces: usize,
    /// Availability of all together: said less true.
    pub fleet_error: f64,
    /// Largest error of one target.
    pub worst_error: f64,
}

struct Incident {
    span: Interval,
    /// Roots in their order: since when (as recorded), which.
    roots: Vec<(i64, Option<TargetId>)>,
}

struct Checker<'a> {
    truth: &'a Truth,
    /// By target.
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
        incidents: Vec::new(),
        states: vec![Vec::new(); truth.things.len()],
        report: Report::default(),
    };
    checker.read(&said.events);
    for thing in 0..truth.things.len() {
        let blocked = checker.blocked(thing);
        if truth.things[thing].always_on {
            checker.no_false_outage(thing, &blocked);
            checker.no_missed_outage(thing, &blocked);
        }
        checker.states_and_roots(thing, &blocked);
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

    /// When nothing can be asked of the monitor about a thing: it does not run,
    /// its own uplink is cut, and a turn afterwards.
    fn blocked(&self, thing: usize) -> Vec<Interval> {
        let turn = self.truth.things[thing].interval * SECOND;
        let mut list: Vec<Interval> = self.truth.stopped.clone();
        if self.truth.things[thing].reach != Reach::Local {
            list.extend(self.truth.uplink.iter().map(|cut| cut.span));
        }
        union(
            list.into_iter()
                .map(|i| wide(i, 5 * SECOND, turn + SLACK))
                .collect(),
        )
    }

    fn fault(&mut self, thing: usize, text: &str, at: i64) {
        let name = &self.truth.things[thing].name;
        self.report
            .faults
            .push(format!("{name} at {:.1} h: {text}", at as f64 / 3.6e9));
    }

    /// Every outage that it told of happened, and began and ended within a turn of what it said.
    fn no_false_outage(&mut self, thing: usize, blocked: &[Interval]) {
        let turn = self.truth.things[thing].interval * SECOND;
        let away = &self.truth.away[thing];
        let mut faults = Vec::new();
        for incident in &self.incidents[thing] {
            let (from, to) = (incident.span.from.0, incident.span.to.0);
            let hidden = |a: i64, b: i64| {
                Interval::new(Timestamp(a), Timestamp(b))
                    .is_none_or(|gap| !intersect(blocked, &[gap]).is_empty())
            };
            let began_well = away.iter().any(|a| {
                let true_from = a.from.0;
                (true_from - turn - SLACK <= from && from <= true_from + turn + SLACK)
                    || (true_from < from && from < a.to.0 && hidden(true_from, from))
            });
            let ended_well = to == self.truth.length
                || away.iter().any(|a| {
                    let true_to = a.to.0;
                    // Where looks are lost, the first one after the outage may be.
                    let is_lossy = self.truth.things[thing].loss_once_in < 100;
                    let late = if is_lossy { 2 * turn } else { turn };
                    (true_to - SLACK <= to && to <= true_to + late + SLACK)
                        || (true_to < to && hidden(true_to, to))
                });
            if !began_well {
                faults.push((
                    format!("a false or late outage, till {:.1} h", to as f64 / 3.6e9),
                    from,
                ));
            } else if !ended_well {
                let near: Vec<String> = away
                    .iter()
                    .filter(|a| wide(**a, 3600 * SECOND, 3600 * SECOND).contains(incident.span.to))
                    .map(|a| format!("{:.4}-{:.4}", a.from.0 as f64 / 3.6e9, a.to.0 as f64 / 3.6e9))
                    .collect();
                faults.push((
                    format!("its end is wrong: {:.4}, true {near:?}", to as f64 / 3.6e9),
                    to,
                ));
            }
        }
        for (text, at) in faults {
            self.fault(thing, &text, at);
        }
    }

    /// Every outage that could be seen for longer than it takes to confirm was told.
    fn no_missed_outage(&mut self, thing: usize, blocked: &[Interval]) {
        let turn = self.truth.things[thing].interval * SECOND;
        let confirmed_after = turn + 10 * SECOND + SLACK;
        let told: Vec<Interval> = union(self.incidents[thing].iter().map(|i| i.span).collect());
        let mut missed = Vec::new();
        for away in &self.truth.away[thing] {
            let seen = subtract(&[*away], blocked);
            if seen.iter().all(|piece| piece.micros() <= confirmed_after) {
                continue;
            }
            self.report.outages += 1;
            if intersect(&told, &[wide(*away, 0, SLACK)]).is_empty() {
                missed.push(away.from.0);
            }
        }
        for at in missed {
            self.fault(thing, "a missed outage", at);
        }
    }

    /// Near the end of every time of peace, the state and the root are right.
    fn states_and_roots(&mut self, thing: usize, blocked: &[Interval]) {
        let turn = self.truth.things[thing].interval * SECOND;
        let always = [Interval {
            from: Timestamp(0),
            to: Timestamp(self.truth.length),
        }];
        let away = &self.truth.away[thing];
        let cut_off = &self.truth.cut_off[thing];
        let classes = [
            (State::Up, subtract(&always, away)),
            (State::Unreachable, cut_off.clone()),
            (State::Down, subtract(away, cut_off)),
        ];
        let mut faults = Vec::new();
        for (state, pieces) in classes {
            for piece in subtract(&pieces, blocked) {
                if piece.micros() < 2 * turn + 4 * SLACK {
                    continue;
                }
                self.report.pieces += 1;
                let at = piece.to.0 - turn - SLACK;
                let said = self.state_at(thing, at);
                if said != state && !(state == State::Up && said == State::Degraded) {
                    faults.push((format!("is {state}, said {said}"), at));
                } else if state == State::Unreachable && !self.is_root_right(thing, at) {
                    faults.push((format!("the root is wrong: {}", self.about_root(thing, at)), at));
                }
            }
        }
        for (text, at) in faults {
            self.fault(thing, &text, at);
        }
    }

    fn state_at(&self, thing: usize, at: i64) -> State {
        let list = &self.states[thing];
        let n = list.partition_point(|(when, _)| *when <= at);
        n.checked_sub(1).map_or(State::Unknown, |i| list[i].1)
    }

    /// The root is something upstream that broke by itself and has not been seen
    /// to answer since; none is right for an outage that was its own before.
    fn is_root_right(&self, thing: usize, at: i64) -> bool {
        let moment = Timestamp(at);
        let Some(incident) = self.incidents[thing].iter().find(|i| i.span.contains(moment)) else {
            return !self.truth.things[thing].always_on;
        };
        let n = incident.roots.partition_point(|(when, _)| *when <= at + SLACK);
        let Some(root) = n.checked_sub(1).and_then(|i| incident.roots[i].1) else {
            let around = wide(incident.span, SLACK, 0);
            return !intersect(&self.truth.broken[thing], &[around]).is_empty();
        };
        let root = root.0 as usize;
        let turn = self.truth.things[root].interval * SECOND;
        let is_away = self.truth.away[root].iter().any(|away| {
            let noticed = wide(*away, 0, 2 * turn + SLACK);
            noticed.contains(moment) && !intersect(&self.truth.broken[root], &[*away]).is_empty()
        });
        self.truth.upstream(thing).contains(&root) && is_away
    }

    /// What was said and what was so, for whoever looks into a fault.
    fn about_root(&self, thing: usize, at: i64) -> String {
        let moment = Timestamp(at);
        let name = |t: usize| self.truth.things[t].name.as_str();
        let hours = |at: i64| format!("{:.3}", at as f64 / 3.6e9);
        let incident = self.incidents[thing].iter().find(|i| i.span.contains(moment));
        let roots: Vec<String> = incident
            .iter()
            .flat_map(|i| &i.roots)
            .map(|(when, root)| format!("{} {}", hours(*when), root.map_or("none", |r| name(r.0 as usize))))
            .collect();
        let broken: Vec<String> = self
            .truth
            .upstream(thing)
            .into_iter()
            .chain([thing])
            .flat_map(|t| self.truth.broken[t].iter().map(move |i| (t, *i)))
            .filter(|(_, i)| wide(*i, 7200 * SECOND, 7200 * SECOND).contains(moment))
            .map(|(t, i)| format!("{} {}-{}", name(t), hours(i.from.0), hours(i.to.0)))
            .collect();
        let span = incident.map(|i| format!("{}-{}", hours(i.span.from.0), hours(i.span.to.0)));
        format!("said {span:?} {roots:?}, broken {broken:?}")
    }

    fn availability(&mut self, said: &Said) {
        let truth = self.truth;
        let end = Timestamp(BASE + truth.length + truth.offset(truth.length));
        let window = Interval {
            from: Timestamp(BASE),
            to: end,
        };
        let ran = alive(&said.events, end);
        let mut by_target: BTreeMap<TargetId, Vec<&Event>> = BTreeMap::new();
        for event in &said.events {
            if let Some(target) = event.target {
                by_target.entry(target).or_default().push(event);
            }
        }
        let mut all_said = Shares::default();
        let (mut all_up, mut all_counted) = (0, 0);
        for (i, thing) in truth.things.iter().enumerate() {
            if !thing.always_on {
                continue;
            }
            let frame = Frame {
                alive: &ran,
                ..Frame::default()
            };
            let events = by_target.get(&id(i)).map_or(&[][..], |l| l).iter().copied();
            let shares = Timeline::new(id(i), window, events, &frame).shares();
            assert_eq!(shares.total(), window.micros(), "shares are the window");
            all_said += shares;
            let (up, counted) = self.true_time_up(i);
            all_up += up;
            all_counted += counted;
            self.compare(i, &shares, up, counted);
        }
        let said = all_said.availability().unwrap().get();
        self.report.fleet_error = said - all_up as f64 / all_counted as f64;
    }

    fn compare(&mut self, thing: usize, shares: &Shares, up: i64, counted: i64) {
        let Some(said) = shares.availability() else { return };
        let turn = self.truth.things[thing].interval * SECOND;
        let error = said.get() - up as f64 / counted as f64;
        // What is shorter than a turn may be seen or not.
        let away = &self.truth.away[thing];
        let short: i64 = away
            .iter()
            .map(|i| i.micros())
            .filter(|n| *n < turn + SLACK)
            .sum();
        let gaps: i64 = away
            .windows(2)
            .map(|pair| pair[1].from.0 - pair[0].to.0)
            .filter(|n| *n < 2 * turn)
            .sum();
        let edges = i64::try_from(away.len()).unwrap() * turn / 2;
        let allowed = (0.0001 * counted as f64).max((short + gaps + edges + turn) as f64) / counted as f64;
        if error.abs() > self.report.worst_error.abs() {
            self.report.worst_error = error;
        }
        if error.abs() > allowed {
            self.fault(thing, &format!("availability is wrong by {error:.6}"), 0);
        }
    }

    /// True time that counts, and of it the time up.
    fn true_time_up(&self, thing: usize) -> (i64, i64) {
        let mut left_out = self.truth.stopped.clone();
        if self.truth.things[thing].reach != Reach::Local {
            left_out.extend(self.truth.uplink.iter().map(|cut| cut.span));
        }
        left_out.extend(self.truth.work.iter().filter(|w| w.0 == thing).map(|w| w.1));
        let whole = [Interval {
            from: Timestamp(0),
            to: Timestamp(self.truth.length),
        }];
        let counted = subtract(&whole, &union(left_out));
        let up = subtract(&counted, &self.truth.away[thing]);
        (total(&up), total(&counted))
    }
}
