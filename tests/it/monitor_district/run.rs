//! The monitor looks at the district: a small daemon on simulated time.
//!
//! A look is answered as the truth was when it began; an answer takes 20 ms, a
//! failure 1.5 s. Orders bring a look forward; there is never more than one in
//! flight for a target.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other kinds of event do not matter here"
)]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use tramgac::model::Detail;
use tramgac::model::Event;
use tramgac::model::EventKind;
use tramgac::model::Observation;
use tramgac::model::Outcome;
use tramgac::model::Reason;
use tramgac::model::Span;
use tramgac::model::TargetId;
use tramgac::model::TargetKey;
use tramgac::model::TargetKind;
use tramgac::model::Timestamp;
use tramgac::monitor::Effects;
use tramgac::monitor::Settings;
use tramgac::monitor::Table;
use tramgac::monitor::Topology;
use tramgac::monitor::blind::UplinkLook;
use tramgac::monitor::interval::Interval;
use tramgac::monitor::maintain::When;
use tramgac::monitor::maintain::Window;
use tramgac::monitor::settings::Confirm;
use tramgac::monitor::settings::Thresholds;
use tramgac::monitor::topology::Reach;
use tramgac::monitor::topology::TargetSpec;
use tramgac::monitor::topology::Watch;

use super::dice::Dice;
use super::truth::SECOND;
use super::truth::Truth;

/// The wall clock at the true moment 0: Thursday, 1 January 2026, 00:00 UTC.
pub const BASE: i64 = 1_767_225_600 * SECOND;

const UPLINK_EVERY: i64 = 10 * SECOND;
const TICK_EVERY: i64 = SECOND;

/// Looks at one thing with the same result, one after another. True time.
#[derive(Clone, Copy)]
pub struct Run {
    pub good: bool,
    /// The look before the first; none: it is the very first.
    pub before: Option<i64>,
    pub first: i64,
    pub last: i64,
    pub looks: u32,
}

/// What looks at one thing saw: all that anybody could know of it.
#[derive(Clone, Default)]
pub struct Seen {
    pub runs: Vec<Run>,
    /// Looks that were lost for no reason: the look before, and when.
    pub noise: Vec<(i64, i64)>,
}

impl Seen {
    fn add(&mut self, at: i64, good: bool, noise: bool) {
        if noise {
            self.noise.push((self.runs.last().map_or(0, |run| run.last), at));
        }
        match self.runs.last_mut() {
            Some(run) if run.good == good => {
                run.last = at;
                run.looks += 1;
            }
            last => {
                let before = last.map(|run| run.last);
                self.runs.push(Run {
                    good,
                    before,
                    first: at,
                    last: at,
                    looks: 1,
                });
            }
        }
    }
}

/// What the monitor said, and what it cost.
pub struct Said {
    pub events: Vec<Event>,
    /// By target.
    pub seen: Vec<Seen>,
    /// By cut of the own uplink: when the first look began that was answered
    /// after it from behind the uplink. Shorter: none was.
    pub seen_back: Vec<i64>,
    pub looks: u64,
    pub orders: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    /// The result of a look that began then.
    Result {
        target: usize,
        began: i64,
        good: bool,
        noise: bool,
        /// The own uplink was cut: it says nothing of the target.
        blind: bool,
    },
    /// A target is due.
    Due {
        target: usize,
    },
    /// The result of a look at the uplink.
    Uplink {
        began: i64,
        answered: bool,
        carrier: bool,
    },
    UplinkDue,
    Tick,
}

struct Sim<'t> {
    truth: &'t Truth,
    table: Table,
    effects: Effects,
    events: Vec<Event>,
    queue: BinaryHeap<Reverse<(i64, Next)>>,
    due: Vec<i64>,
    in_flight: Vec<bool>,
    /// How far each target's list of troubles has been read.
    read: Vec<usize>,
    lost_in_a_row: Vec<u8>,
    seen: Vec<Seen>,
    seen_back: Vec<i64>,
    uplink_due: i64,
    uplink_in_flight: bool,
    dice: Dice,
    probe: Arc<str>,
    looks: u64,
    orders: u64,
}

/// Whether a moment lies in a set.
pub fn within(list: &[Interval], at: i64) -> bool {
    let n = list.partition_point(|i| i.to.0 <= at);
    list.get(n).is_some_and(|i| i.from.0 <= at)
}

pub fn id(target: usize) -> TargetId {
    TargetId(u32::try_from(target).unwrap())
}

pub fn topology(truth: &Truth) -> Topology {
    let specs = truth
        .things
        .iter()
        .enumerate()
        .map(|(i, thing)| TargetSpec {
            id: id(i),
            key: TargetKey {
                kind: TargetKind::Device,
                slug: thing.name.parse().unwrap(),
            },
            name: thing.name.clone(),
            parents: thing.parents.iter().map(|p| id(*p)).collect(),
            liveness: vec!["icmp".into()],
            watch: Watch::Polled,
            confirm: Confirm::default(),
            interval: Span::from_secs(u64::try_from(thing.interval).unwrap()),
            always_on: thing.always_on,
            alerts: thing.always_on,
            thresholds: Thresholds::of_device(),
            reach: thing.reach,
            exempt: false,
            trust_refusal: false,
        })
        .collect();
    let mut topology = Topology::of_specs(specs, &Settings::default());
    for (i, (whom, when)) in truth.work.iter().enumerate() {
        let window = Window {
            name: format!("work-{i}"),
            selector: tramgac::model::Selector::default(),
            when: When::Once {
                from: Timestamp(BASE + when.from.0),
                to: Timestamp(BASE + when.to.0),
            },
            reason: None,
            author: None,
            effect: tramgac::monitor::maintain::Effect::Maintenance,
        };
        topology.add_window(window, &[id(*whom)]);
    }
    topology
}

/// Runs the whole truth past the monitor.
pub fn run(truth: &Truth, seed: u64) -> Said {
    let mut sim = Sim::new(truth, seed);
    let mut stops = truth.stopped.iter().peekable();
    sim.start(0, None);
    while let Some(Reverse((now, next))) = sim.queue.pop() {
        if now >= truth.length {
            break;
        }
        if let Some(stop) = stops.peek().filter(|stop| stop.from.0 <= now) {
            // Killed: what was under way is lost, what was saved is read again.
            sim.restart(stop.from.0, stop.to.0.min(truth.length - 1));
            stops.next();
            continue;
        }
        sim.handle(now, next);
    }
    Said {
        events: sim.events,
        seen: sim.seen,
        seen_back: sim.seen_back,
        looks: sim.looks,
        orders: sim.orders,
    }
}

impl<'t> Sim<'t> {
    fn new(truth: &'t Truth, seed: u64) -> Self {
        let count = truth.things.len();
        Self {
            truth,
            table: Table::new(topology(truth), Timestamp(BASE)),
            effects: Effects::new(),
            events: Vec::new(),
            queue: BinaryHeap::new(),
            due: vec![i64::MAX; count],
            in_flight: vec![false; count],
            read: vec![0; count],
            lost_in_a_row: vec![0; count],
            seen: vec![Seen::default(); count],
            seen_back: Vec::new(),
            uplink_due: i64::MAX,
            uplink_in_flight: false,
            dice: Dice(seed ^ 0x5eed),
            probe: "icmp".into(),
            looks: 0,
            orders: 0,
        }
    }

    fn wall(&self, at: i64) -> Timestamp {
        Timestamp(BASE + at + self.truth.offset(at))
    }

    fn start(&mut self, now: i64, last_alive: Option<Timestamp>) {
        let wall = self.wall(now);
        self.table.started(last_alive, wall, &mut self.effects);
        for target in 0..self.due.len() {
            let interval = self.truth.things[target].interval * SECOND;
            self.in_flight[target] = false;
            let at = now + self.dice.between(0, interval);
            self.schedule(target, at);
        }
        self.uplink_in_flight = false;
        self.uplink_due = now;
        self.queue.push(Reverse((now, Next::UplinkDue)));
        self.queue.push(Reverse((now, Next::Tick)));
        self.drain(now);
    }

    fn restart(&mut self, stopped: i64, started: i64) {
        let saved: Vec<_> = (0..self.due.len())
            .map(|i| (id(i), self.table.saved(id(i)).unwrap()))
            .map(|(id, saved)| {
                let text = serde_json::to_string(&saved).unwrap();
                (id, serde_json::from_str(&text).unwrap())
            })
            .collect();
        let last = self.events.iter().rev().find_map(|event| match event.kind {
            EventKind::OutageOpened { incident, .. } => Some(incident),
            _ => None,
        });
        let last_alive = self.wall(stopped);
        self.queue.clear();
        self.table = Table::new(topology(self.truth), self.wall(started));
        self.table.restore(saved, [], last, &mut self.effects);
        self.start(started, Some(last_alive));
    }

    fn schedule(&mut self, target: usize, at: i64) {
        self.due[target] = at;
        self.queue.push(Reverse((at, Next::Due { target })));
    }

    fn handle(&mut self, now: i64, next: Next) {
        match next {
            Next::Due { target } => {
                if self.due[target] == now && !self.in_flight[target] {
                    self.look(target, now);
                }
            }
            Next::Result {
                target,
                began,
                good,
                noise,
                blind,
            } => {
                if !blind {
                    self.seen[target].add(began, good, noise);
                }
                if good && self.truth.things[target].reach != Reach::Local {
                    self.note_uplink(began);
                }
                self.result(target, began, good, now);
            }
            Next::UplinkDue => {
                if self.uplink_due == now && !self.uplink_in_flight {
                    self.look_at_uplink(now);
                }
            }
            Next::Uplink {
                began,
                answered,
                carrier,
            } => {
                self.uplink_in_flight = false;
                let look = UplinkLook {
                    at: self.wall(began),
                    answered,
                    carrier,
                };
                self.uplink_due = (began + UPLINK_EVERY).max(now);
                if answered {
                    self.note_uplink(began);
                }
                let wall = self.wall(now);
                self.table.observe_uplink(look, wall, &mut self.effects);
                self.queue.push(Reverse((self.uplink_due, Next::UplinkDue)));
                self.drain(now);
            }
            Next::Tick => {
                let wall = self.wall(now);
                self.table.tick(wall, &mut self.effects);
                let soon = self
                    .table
                    .next_wakeup()
                    .is_some_and(|at| at.0 < wall.0 + 30 * SECOND);
                let wait = if soon { TICK_EVERY } else { 5 * TICK_EVERY };
                self.queue.push(Reverse((now + wait, Next::Tick)));
                self.drain(now);
            }
        }
    }

    fn cut(&self, at: i64) -> Option<bool> {
        let n = self.truth.uplink.partition_point(|cut| cut.span.to.0 <= at);
        let cut = self.truth.uplink.get(n)?;
        (cut.span.from.0 <= at).then_some(cut.carrier)
    }

    /// A look that began at `began` was answered through the uplink.
    fn note_uplink(&mut self, began: i64) {
        let ended = self.truth.uplink.partition_point(|cut| cut.span.to.0 <= began);
        while self.seen_back.len() < ended {
            self.seen_back.push(began);
        }
    }

    fn look_at_uplink(&mut self, now: i64) {
        let cut = self.cut(now);
        // The monitor's gateway is the core router.
        let answered = cut.is_none() && !within(&self.truth.away[0], now);
        let carrier = cut.unwrap_or(true);
        let takes = if answered { SECOND / 50 } else { SECOND };
        self.uplink_in_flight = true;
        let next = Next::Uplink {
            began: now,
            answered,
            carrier,
        };
        self.queue.push(Reverse((now + takes, next)));
    }

    fn look(&mut self, target: usize, now: i64) {
        self.in_flight[target] = true;
        self.looks += 1;
        let thing = &self.truth.things[target];
        let away = &self.truth.away[target];
        let read = &mut self.read[target];
        while away.get(*read).is_some_and(|i| i.to.0 <= now) {
            *read += 1;
        }
        let mut good = away.get(*read).is_none_or(|i| now < i.from.0);
        let blind = thing.reach != Reach::Local && self.cut(now).is_some();
        if blind {
            good = false;
        }
        // Loss for no reason, never three times in a row: that would be an outage.
        let mut noise = false;
        if good {
            let lost = self.lost_in_a_row[target] < 2 && self.dice.once_in(thing.loss_once_in);
            self.lost_in_a_row[target] = if lost { self.lost_in_a_row[target] + 1 } else { 0 };
            good = !lost;
            noise = lost;
        }
        let takes = if good { SECOND / 50 } else { 3 * SECOND / 2 };
        let next = Next::Result {
            target,
            began: now,
            good,
            noise,
            blind,
        };
        self.queue.push(Reverse((now + takes, next)));
    }

    fn result(&mut self, target: usize, began: i64, good: bool, now: i64) {
        self.in_flight[target] = false;
        let interval = self.truth.things[target].interval * SECOND;
        self.schedule(target, began + interval);
        let observation = Observation {
            target: id(target),
            probe: self.probe.clone(),
            at: self.wall(began),
            outcome: if good {
                Outcome::Good
            } else {
                Outcome::Bad(Reason::Timeout)
            },
            detail: Detail::None,
        };
        let wall = self.wall(now);
        self.table.observe(&observation, wall, &mut self.effects);
        self.drain(now);
    }

    /// Records the events, and brings looks forward that were ordered.
    fn drain(&mut self, now: i64) {
        self.events.append(&mut self.effects.events);
        let wall = self.wall(now).0;
        for i in 0..self.effects.orders.len() {
            let order = self.effects.orders[i];
            self.orders += 1;
            let target = order.target.0 as usize;
            let at = now + (order.at.0 - wall).max(0);
            if !self.in_flight[target] && at < self.due[target] {
                self.schedule(target, at);
            }
        }
        if let Some(at) = self.effects.check_uplink {
            let at = now + (at.0 - wall).max(0);
            if !self.uplink_in_flight && at < self.uplink_due {
                self.uplink_due = at;
                self.queue.push(Reverse((at, Next::UplinkDue)));
            }
        }
        self.effects.clear();
    }
}
