//! What the looks at a thing allow to be said: what they leave open, when nothing
//! can be asked, and by when a change is seen.

use tramgac::model::Timestamp;
use tramgac::monitor::interval::Interval;
use tramgac::monitor::interval::subtract;
use tramgac::monitor::interval::union;
use tramgac::monitor::topology::Reach;

use super::super::run::Run;
use super::super::truth::SECOND;
use super::Checker;
use super::SLACK;
use super::wide;

/// Before a cut: what fails since the last look at the uplink.
const BEFORE_CUT: i64 = 15 * SECOND;

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

/// What the looks at a thing leave open. As sets, in true time.
pub(super) struct Open {
    /// It may have been away although it was said to be there: between the last
    /// good look and the first failed one, and in outages that no look saw, or
    /// too few to be confirmed.
    pub(super) away: Vec<Interval>,
    /// It may have been there although it was said to be away, in the same way.
    pub(super) there: Vec<Interval>,
}

impl Checker<'_> {
    /// When nothing can be asked of the monitor about a thing: it does not run,
    /// its own uplink is cut, and a turn afterwards; before a cut, what fails
    /// since the last look at the uplink may be the cut's. A cut ends for the
    /// monitor when something answers through the uplink (design §3.3): where the
    /// gateway is dead meanwhile, that is the next look at a neighbour.
    pub(super) fn blocked(&self, thing: usize) -> Vec<Interval> {
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

    /// What looks leave open: the sharpest that follows from the intervals
    /// between them, and from the number that confirms.
    pub(super) fn open(&self, thing: usize, blocked: &[Interval]) -> Open {
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
    pub(super) fn confirmed_at(&self, thing: usize, run: &Run) -> i64 {
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

    /// By when looks see that an outage has ended at `end`: within a turn, and one
    /// more for each look after it that was lost for no reason. Such a look fails
    /// like any in the outage, and nothing that looks could know tells it apart;
    /// it may also interrupt a recovery that one good look had begun. Once two
    /// good looks in a row were seen, no later loss excuses anything.
    pub(super) fn seen_back_by(&self, thing: usize, end: i64) -> i64 {
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
}
