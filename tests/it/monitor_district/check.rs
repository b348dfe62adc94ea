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
use super::run::Run;
use super::run::Said;
use super::run::Seen;
use super::run::id;
use super::run::within;
use super::truth::SECOND;
use super::truth::Truth;

/// Steps of the clock, waiting for an answer, verdicts on parents.
const SLACK: i64 = 30 * SECOND;

/// Before a cut: what fails since the last look at the uplink.
const BEFORE_CUT: i64 = 15 * SECOND;

/// From the first look on: two retries, and what may put them off a little.
const CONFIRMS: i64 = 10 * SECOND + SLACK;

/// Three failures, five seconds and a timeout of 1.5 s apart.
const CONFIRMED: i64 = 15 * SECOND;

/// A parent's look that is lost when the third failure asks for it: it is looked
/// at again after 6.5 s, and only failures after its answer count (design §3.2):
/// 5 s later the first, then two more.
const AGAIN: i64 = 27 * SECOND;

/// When the parent's next look is lost, too: a timeout and a retry.
const AND_AGAIN: i64 = 13 * SECOND / 2;

/// The longest that a verdict is put off: a minute of waiting for what the target
/// depends on, three new failures, and another minute of waiting.
const PUT_OFF: i64 = 140 * SECOND;

/// Twice three failures, five seconds and a timeout of 1.5 s apart.
const CONFIRMED_WITH_PATH: i64 = 40 * SECOND;

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

/// What the looks at a thing leave open. As sets, in true time.
struct Open {
    /// It may have been away although it was said to be there: between the last
    /// good look and the first failed one, and in outages that no look saw, or
    /// too few to be confirmed.
    away: Vec<Interval>,
    /// It may have been there although it was said to be away, in the same way.
    there: Vec<Interval>,
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

    /// When nothing can be asked of the monitor about a thing: it does not run,
    /// its own uplink is cut, and a turn afterwards; before a cut, what fails
    /// since the last look at the uplink may be the cut's. A cut ends for the
    /// monitor when something answers through the uplink (design §3.3): where the
    /// gateway is dead meanwhile, that is the next look at a neighbour.
    fn blocked(&self, thing: usize) -> Vec<Interval> {
        let turn = self.truth.things[thing].interval * SECOND;
        let mut list: Vec<Interval> = self.truth.stopped.clone();
        if self.truth.things[thing].reach != Reach::Local {
            list.extend(self.truth.uplink.iter().enumerate().map(|(i, cut)| {
                let seen = self.seen_back.get(i).copied().unwrap_or(self.truth.length);
                wide(cut.span, 0, (seen - cut.span.to.0).max(0))
            }));
        }
        union(
            list.into_iter()
                .map(|i| wide(i, BEFORE_CUT, turn + SLACK))
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
                    (true_to - SLACK <= to && to <= self.seen_back_by(thing, true_to) + SLACK)
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

    /// By when looks see that an outage has ended at `end`: within a turn, and one
    /// more for each look after it that was lost for no reason. Such a look fails
    /// like any in the outage, and nothing that looks could know tells it apart;
    /// it may also interrupt a recovery that one good look had begun. Once two
    /// good looks in a row were seen, no later loss excuses anything.
    fn seen_back_by(&self, thing: usize, end: i64) -> i64 {
        let turn = self.truth.things[thing].interval * SECOND;
        let seen = &self.seen[thing];
        let is_confirmed = |at: i64| {
            let run = seen.runs.get(seen.runs.partition_point(|run| run.last < at));
            run.is_some_and(|run| run.good && run.looks >= 2 && run.last > end)
        };
        let mut by = end + turn;
        for (before, at) in &seen.noise[seen.noise.partition_point(|(_, at)| *at < end)..] {
            if *at > by || is_confirmed(*before) {
                break;
            }
            by = at + turn;
        }
        by
    }

    /// Every outage that could be seen for longer than it takes to confirm was told.
    fn no_missed_outage(&mut self, thing: usize, blocked: &[Interval]) {
        let turn = self.truth.things[thing].interval * SECOND;
        let confirmed_after = turn + CONFIRMS;
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

    /// Near the end of every time of peace, the state and the root are right. Where
    /// looks leave open whether it was away (say, the first one after an outage was
    /// lost and the next is a turn later), either is right; `every_moment` holds
    /// what was said to that.
    fn states_and_roots(&mut self, thing: usize, blocked: &[Interval], open: &Open) {
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
                let at = piece.to.0 - turn - SLACK;
                let said = self.state_at(thing, at);
                let is_said_away = matches!(said, State::Down | State::Unreachable);
                let left_open = if is_said_away { &open.there } else { &open.away };
                if is_said_away == (state == State::Up) && within(left_open, at) {
                    continue;
                }
                self.report.pieces += 1;
                if said != state && !(state == State::Up && said == State::Degraded) {
                    let moment = Interval {
                        from: Timestamp(at),
                        to: piece.to,
                    };
                    let looks = self.about_looks(thing, moment);
                    faults.push((format!("is {state}, said {said}{looks}"), at));
                } else if state == State::Unreachable && !self.is_root_right(thing, at) {
                    faults.push((format!("the root is wrong: {}", self.about_root(thing, at)), at));
                }
            }
        }
        for (text, at) in faults {
            self.fault(thing, &text, at);
        }
    }

    /// What was said is what was so at every moment, but for what looks can't tell.
    fn every_moment(&mut self, thing: usize, blocked: &[Interval], open: &Open) {
        let away = &self.truth.away[thing];
        let said = self.said_away(thing);
        let mut wrong = subtract(away, &said);
        wrong.extend(subtract(&said, away));
        let mut explained = open.away.clone();
        explained.extend_from_slice(&open.there);
        explained.extend_from_slice(blocked);
        explained.extend(self.steps());
        let wrong = subtract(&union(wrong), &union(explained));
        for piece in wrong {
            // A look takes part of a second.
            if piece.micros() > SECOND {
                let lasts = piece.micros() / SECOND;
                let text = format!("was said wrongly for {lasts} s{}", self.about_looks(thing, piece));
                self.fault(thing, &text, piece.from.0);
            }
        }
    }

    /// What looks saw around a piece of time, in seconds after its begin.
    fn about_looks(&self, thing: usize, piece: Interval) -> String {
        let near = wide(piece, 600 * SECOND, 600 * SECOND);
        let after = |at: i64| (at - piece.from.0) / SECOND;
        let looks = |thing: usize| -> Vec<String> {
            let runs = self.seen[thing].runs.iter();
            runs.filter(|run| run.first < near.to.0 && near.from.0 <= run.last)
                .map(|run| {
                    let word = if run.good { "good" } else { "bad" };
                    format!("{} {word} {}..{}", run.looks, after(run.first), after(run.last))
                })
                .collect()
        };
        let spans = |set: &[Interval]| -> Vec<String> {
            let near = set.iter().filter(|i| i.common(near).is_some());
            near.map(|i| format!("{}..{}", after(i.from.0), after(i.to.0)))
                .collect()
        };
        let about = |thing: usize| {
            format!(
                "\n      {}: said {:?}, away {:?}, looks {:?}",
                self.truth.things[thing].name,
                spans(&self.said_away(thing)),
                spans(&self.truth.away[thing]),
                looks(thing)
            )
        };
        [thing]
            .into_iter()
            .chain(self.truth.upstream(thing))
            .map(about)
            .collect()
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

    /// Around a step of the clock, moments can't be told apart.
    fn steps(&self) -> impl Iterator<Item = Interval> {
        self.truth.steps.iter().map(|(at, _)| Interval {
            from: Timestamp(at - 16 * SECOND),
            to: Timestamp(at + 16 * SECOND),
        })
    }

    /// What looks leave open: the sharpest that follows from the intervals
    /// between them, and from the number that confirms.
    fn open(&self, thing: usize, blocked: &[Interval]) -> Open {
        let seen = &self.seen[thing];
        let end = self.truth.length;
        let next = |i: usize| seen.runs.get(i + 1).map_or(end, |run| run.first);
        let piece = |from: i64, to: i64| Interval::new(Timestamp(from), Timestamp(to));
        let (mut away, mut there) = (Vec::new(), Vec::new());
        let depends = self.truth.things[thing].reach != Reach::Local;
        for (i, run) in seen.runs.iter().enumerate() {
            let before = run.before.unwrap_or(0);
            let gap = if run.good { &mut there } else { &mut away };
            gap.extend(piece(before, run.first));
            let enough = if run.good { 2 } else { 3 };
            // What was nothing but loss can't have been an outage.
            let lost = seen.noise.partition_point(|(_, at)| *at <= run.last)
                - seen.noise.partition_point(|(_, at)| *at < run.first);
            let is_noise = !run.good && lost == run.looks as usize;
            // Whose path fails, too, waits for the verdict on that, and needs three
            // failures of its own after it: whatever is over before, was not confirmed.
            let confirmed_at = self.confirmed_at(thing, run);
            let is_short =
                !run.good && run.last < confirmed_at.max(run.first + CONFIRMED_WITH_PATH) && depends;
            // A cut makes unknown what has not been confirmed by then, and forgets its failures.
            let block = blocked.iter().find(|block| run.first < block.from.0);
            let is_cut = |until: i64| !run.good && until < run.last && until + BEFORE_CUT < confirmed_at;
            if let Some(until) = block.map(|block| block.from.0).filter(|until| is_cut(*until)) {
                away.extend(piece(before, until));
            }
            // Loss that interrupts a recovery makes it wait for two good looks more.
            let interrupts = i.checked_sub(1).is_some_and(|i| seen.runs[i].looks < 2);
            if is_noise && interrupts {
                there.extend(piece(before, next(i)));
            }
            if (run.looks < enough || is_short) && !is_noise {
                let unconfirmed = if run.good { &mut there } else { &mut away };
                unconfirmed.extend(piece(before, next(i)));
            }
        }
        // A look lost for no reason at either end of an outage moves that end.
        let within_outage = |at: i64| {
            let i = seen.runs.partition_point(|run| run.last < at);
            seen.runs.get(i).is_some_and(|run| !run.good && run.looks >= 3)
        };
        for (before, at) in seen.noise.iter().filter(|(_, at)| within_outage(*at)) {
            let turn = self.truth.things[thing].interval * SECOND;
            there.extend(piece(*before, at + turn));
            away.extend(piece(*before, at + turn));
        }
        let is_seen = |good: bool, piece: &Interval| {
            seen.runs
                .iter()
                .any(|run| run.good == good && run.first < piece.to.0 && piece.from.0 <= run.last)
        };
        let always = [Interval {
            from: Timestamp(0),
            to: Timestamp(end),
        }];
        let truly_away = &self.truth.away[thing];
        let truly_there = subtract(&always, truly_away);
        away.extend(truly_away.iter().filter(|p| !is_seen(false, p)).copied());
        there.extend(truly_there.iter().filter(|p| !is_seen(true, p)).copied());
        Open {
            away: union(away),
            there: union(there),
        }
    }

    /// By when failures that go on from the first one of `run` are confirmed: every
    /// time that a parent fails meanwhile without being found to be out makes it
    /// see three failures more after that (design §3.2). Only if all parents fail
    /// so, since one that does not shows that the path is there. A parent is not
    /// found to be out if it fails less than three times, or if its own failures
    /// end before they are confirmed, for the same reason. All in all no verdict
    /// is put off for longer than [`PUT_OFF`].
    fn confirmed_at(&self, thing: usize, run: &Run) -> i64 {
        let lost = |parent: usize, until: i64| -> i64 {
            let runs = &self.seen[parent].runs;
            runs[runs.partition_point(|lost| lost.last < run.first)..]
                .iter()
                .take_while(|lost| lost.first <= until)
                .filter(|lost| !lost.good)
                .filter(|lost| lost.looks < 3 || lost.last < self.confirmed_at(parent, lost))
                .map(|lost| AGAIN + (i64::from(lost.looks - 1) * AND_AGAIN).max(lost.last - lost.first))
                .sum()
        };
        let parents = &self.truth.things[thing].parents;
        let mut until = run.first + CONFIRMED;
        loop {
            let more = parents.iter().map(|p| lost(*p, until)).min().unwrap_or(0);
            let later = run.first + CONFIRMED + more.min(PUT_OFF);
            if later <= until {
                return until;
            }
            until = later;
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
        let was_broken = |away: &[Interval]| {
            away.iter().any(|away| {
                let noticed = wide(*away, 0, 2 * turn + SLACK);
                noticed.contains(moment) && !intersect(&self.truth.broken[root], &[*away]).is_empty()
            })
        };
        let is_away = was_broken(&self.truth.away[root]) || {
            // A return that no look saw, or too few to believe it, ends nothing.
            let mut known = self.truth.away[root].clone();
            known.extend(self.open(root, &self.blocked(root)).there);
            was_broken(&union(known))
        };
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
        let (mut all_up, mut all_counted, mut by_chance) = (0, 0, 0);
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
            by_chance += self.short_outages(i);
            self.compare(i, &shares, (up, counted));
        }
        let said = all_said.availability().unwrap().get();
        self.report.fleet_error = said - all_up as f64 / all_counted as f64;
        self.report.fleet_error_of_seen = self.report.fleet_error - by_chance as f64 / all_counted as f64;
    }

    /// How much more an always-on thing was said to be there than it was, in
    /// microseconds, around outages shorter than it takes to see and confirm
    /// them: whether those are seen is chance.
    fn short_outages(&self, thing: usize) -> i64 {
        let turn = self.truth.things[thing].interval * SECOND;
        let (away, said) = (&self.truth.away[thing], self.said_away(thing));
        let short = away.iter().filter(|a| a.micros() <= turn + CONFIRMS);
        let around = union(short.map(|a| wide(*a, 0, turn + SLACK)).collect());
        let long: Vec<Interval> = away
            .iter()
            .filter(|a| a.micros() > turn + CONFIRMS)
            .copied()
            .collect();
        let around = subtract(&subtract(&around, &long), &self.left_out(thing));
        let missed = total(&intersect(&subtract(away, &said), &around));
        let extra = total(&intersect(&subtract(&said, away), &around));
        missed - extra
    }

    /// Availability is off by no more than looks leave open: one interval at
    /// each end of an outage, and what was too short for them. 0.01 percentage
    /// point is less than that for what fails often.
    fn compare(&mut self, thing: usize, shares: &Shares, (up, counted): (i64, i64)) {
        let Some(said) = shares.availability() else { return };
        let truth = up as f64 / counted as f64;
        let error = said.get() - truth;
        let blocked = self.blocked(thing);
        let open = self.open(thing, &blocked);
        let left_out = self.left_out(thing);
        let size = |set: &[Interval]| total(&subtract(set, &left_out));
        // Where it begins and ends to count, it does so within a turn of the truth.
        let mut wrong = subtract(&self.truth.away[thing], &self.said_away(thing));
        wrong.extend(subtract(&self.said_away(thing), &self.truth.away[thing]));
        let mut margins = blocked;
        margins.extend(self.steps());
        let margin = total(&intersect(&union(wrong), &union(margins)));
        let shifted = (shares.counted() - counted).abs() as f64 * (1.0 - truth);
        let bound = |open: i64| ((open + margin + SECOND) as f64 + shifted) / counted as f64;
        let (above, below) = (bound(size(&open.away)), bound(size(&open.there)));
        self.report.compared += 1;
        self.report.within += usize::from(error.abs() <= 0.0001);
        self.report.bounded += usize::from(above.max(below) <= 0.0001);
        self.report.worst_bound = self.report.worst_bound.max(above.max(below));
        if error.abs() > self.report.worst_error.abs() {
            self.report.worst_error = error;
        }
        if error > above || error < -below {
            let text = format!("availability is off by {error:.6}, more than {above:.6} or -{below:.6}");
            self.fault(thing, &text, 0);
        }
    }

    /// When nothing is to be counted: the daemon does not run, its uplink is cut,
    /// announced work. As a set.
    fn left_out(&self, thing: usize) -> Vec<Interval> {
        let mut list = self.truth.stopped.clone();
        if self.truth.things[thing].reach != Reach::Local {
            list.extend(self.truth.uplink.iter().map(|cut| cut.span));
        }
        list.extend(self.truth.work.iter().filter(|w| w.0 == thing).map(|w| w.1));
        union(list)
    }

    /// True time that counts, and of it the time up.
    fn true_time_up(&self, thing: usize) -> (i64, i64) {
        let whole = [Interval {
            from: Timestamp(0),
            to: Timestamp(self.truth.length),
        }];
        let counted = subtract(&whole, &self.left_out(thing));
        let up = subtract(&counted, &self.truth.away[thing]);
        (total(&up), total(&counted))
    }
}
