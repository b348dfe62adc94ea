//! Availability: what is said of each thing and of all, against the true time up.

use std::collections::BTreeMap;

use tramgac::model::Event;
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

use super::super::run::BASE;
use super::super::run::Said;
use super::super::run::id;
use super::super::truth::SECOND;
use super::CONFIRMS;
use super::Checker;
use super::SLACK;
use super::wide;

impl Checker<'_> {
    pub(super) fn availability(&mut self, said: &Said) {
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
            self.left_out_as_it_was(i, &shares);
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

    /// What was left out was so for its own reason and as long as that lasted: the
    /// daemon did not run, announced work, the own uplink. `compare` allows what
    /// is counted to begin and end a little off; this holds each share to the truth.
    fn left_out_as_it_was(&mut self, thing: usize, shares: &Shares) {
        let truth = self.truth;
        let work: Vec<Interval> = union(truth.work.iter().filter(|w| w.0 == thing).map(|w| w.1).collect());
        let cuts: Vec<Interval> = if truth.things[thing].reach == Reach::Local {
            Vec::new()
        } else {
            union(truth.uplink.iter().map(|cut| cut.span).collect())
        };
        // Nothing is known before the first look, nor from a cut on until something is seen to answer.
        let turn = truth.things[thing].interval * SECOND;
        let first_look = Interval {
            from: Timestamp(0),
            to: Timestamp(turn + SLACK),
        };
        let may_be_unknown = union([self.blocked(thing), vec![first_look]].concat());
        let never_counted = [truth.stopped.clone(), work.clone()].concat();
        let seen_cuts: Vec<Interval> = cuts.into_iter().filter(|c| c.micros() > 2 * SLACK).collect();
        let least = subtract(&seen_cuts, &union(never_counted.clone()));
        let unsure = SLACK * i64::try_from(least.len() + truth.steps.len()).unwrap();
        let most = total(&subtract(&may_be_unknown, &union(never_counted))) + unsure;
        let edges = |list: &[Interval]| SLACK * i64::try_from(list.len() + truth.steps.len()).unwrap();
        let stopped = total(&truth.stopped);
        let worked = total(&subtract(&work, &truth.stopped));
        for (what, said, least, most) in [
            (
                "no data",
                shares.no_data,
                stopped - edges(&truth.stopped),
                stopped + edges(&truth.stopped),
            ),
            (
                "maintenance",
                shares.maintenance,
                worked - edges(&work),
                worked + edges(&work),
            ),
            ("unknown", shares.unknown, total(&least) - unsure, most),
        ] {
            if said < least || said > most {
                let seconds = [said, least, most].map(|micros| micros / SECOND);
                self.fault(thing, &format!("{what}: said, least, most {seconds:?} s"), 0);
            }
        }
    }

    /// How much more an always-on thing was said to be there than it was, in
    /// microseconds, around outages shorter than it takes to see and confirm
    /// them: whether those are seen is chance.
    pub(super) fn short_outages(&self, thing: usize) -> i64 {
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
    pub(super) fn compare(&mut self, thing: usize, shares: &Shares, (up, counted): (i64, i64)) {
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
    pub(super) fn left_out(&self, thing: usize) -> Vec<Interval> {
        let mut list = self.truth.stopped.clone();
        if self.truth.things[thing].reach != Reach::Local {
            list.extend(self.truth.uplink.iter().map(|cut| cut.span));
        }
        list.extend(self.truth.work.iter().filter(|w| w.0 == thing).map(|w| w.1));
        union(list)
    }

    /// True time that counts, and of it the time up.
    pub(super) fn true_time_up(&self, thing: usize) -> (i64, i64) {
        let whole = [Interval {
            from: Timestamp(0),
            to: Timestamp(self.truth.length),
        }];
        let counted = subtract(&whole, &self.left_out(thing));
        let up = subtract(&counted, &self.truth.away[thing]);
        (total(&up), total(&counted))
    }
}
