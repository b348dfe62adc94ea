//! States and roots near the end of every time of peace.

use tramgac::model::State;
use tramgac::model::Timestamp;
use tramgac::monitor::interval::Interval;
use tramgac::monitor::interval::intersect;
use tramgac::monitor::interval::subtract;
use tramgac::monitor::interval::union;

use super::super::run::within;
use super::super::truth::SECOND;
use super::Checker;
use super::SLACK;
use super::looks::Open;
use super::wide;

impl Checker<'_> {
    /// Near the end of every time of peace, the state and the root are right. Where
    /// looks leave open whether it was away (say, the first one after an outage was
    /// lost and the next is a turn later), either is right; `every_moment` holds
    /// what was said to that.
    pub(super) fn states_and_roots(&mut self, thing: usize, blocked: &[Interval], open: &Open) {
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

    /// The root is something upstream that broke by itself and has not been seen
    /// to answer since; none is right for an outage that was its own before.
    pub(super) fn is_root_right(&self, thing: usize, at: i64) -> bool {
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
    pub(super) fn about_root(&self, thing: usize, at: i64) -> String {
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
}
