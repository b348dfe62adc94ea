//! Outages: none false, none missed, and at every moment what the looks allow.

use tramgac::model::Timestamp;
use tramgac::monitor::interval::Interval;
use tramgac::monitor::interval::intersect;
use tramgac::monitor::interval::subtract;
use tramgac::monitor::interval::union;

use super::super::truth::SECOND;
use super::CONFIRMS;
use super::Checker;
use super::SLACK;
use super::looks::Open;
use super::wide;

impl Checker<'_> {
    /// Every outage that it told of happened, and began and ended within a turn of what it said.
    pub(super) fn no_false_outage(&mut self, thing: usize, blocked: &[Interval]) {
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

    /// Every outage that could be seen for longer than it takes to confirm was told.
    pub(super) fn no_missed_outage(&mut self, thing: usize, blocked: &[Interval]) {
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

    /// What was said is what was so at every moment, but for what looks can't tell.
    pub(super) fn every_moment(&mut self, thing: usize, blocked: &[Interval], open: &Open) {
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
    pub(super) fn about_looks(&self, thing: usize, piece: Interval) -> String {
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
}
