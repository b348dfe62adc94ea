//! The plan of all looks: which key is due at which moment.
//!
//! Keys that were handed out in their turn are due again in that order: a queue
//! for each interval, without a search. New and hastened ones lie in a binary
//! heap; what is void in either is skipped when it comes up. Adding and hastening
//! cost O(log n); 100,000 keys take some 10 MB. A key is never handed out
//! again before [`Plan::finished`] was called for it: a slow device delays only
//! itself (trap 18), and a slot that comes due meanwhile is counted as overrun.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::hash::Hash;

use crate::model::spread::BuildSpread;
use crate::model::{Mono, Span};

/// When a key comes up, and the ticket with which it was put there.
type Place<K> = (Mono, u64, K);

/// Intervals with a queue of their own: the configuration knows a handful.
const LANES: usize = 8;

/// When everything is due.
#[derive(Debug)]
pub struct Plan<K> {
    entries: HashMap<K, Entry, BuildSpread>,
    /// What is to come in no order.
    heap: BinaryHeap<Reverse<Place<K>>>,
    /// What is to come in order, by interval.
    lanes: BTreeMap<Span, VecDeque<Place<K>>>,
    ticket: u64,
    /// Which group a key is counted with.
    group: fn(K) -> usize,
    counts: Vec<Counts>,
}

#[derive(Debug)]
struct Entry {
    interval: Span,
    /// The next regular slot.
    slot: Mono,
    /// A look wanted before it, for a suspect or a parent.
    sooner: Option<Mono>,
    in_flight_since: Option<Mono>,
    /// The newest ticket in the heap; older ones are void.
    ticket: u64,
}

impl Entry {
    /// When it is to be handed out, or its slot to be counted as overrun.
    fn next(&self) -> Mono {
        let sooner = self.sooner.filter(|_| self.in_flight_since.is_none());
        sooner.map_or(self.slot, |s| s.min(self.slot))
    }
}

/// What happened so far to the keys of one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Looks begun.
    pub started: u64,
    /// Regular slots that came due while the look before was still under way, or were missed altogether.
    pub overruns: u64,
    /// Looks under way.
    pub in_flight: u64,
    /// How far the last look handed out was behind its moment.
    pub lag: Span,
}

impl<K: Copy + Eq + Ord + Hash> Default for Plan<K> {
    /// One group for all.
    fn default() -> Self {
        Self::grouped(1, |_| 0)
    }
}

impl<K: Copy + Eq + Ord + Hash> Plan<K> {
    /// An empty plan that counts its keys in so many groups; a number beyond them is the last.
    pub fn grouped(groups: usize, group: fn(K) -> usize) -> Self {
        Self {
            entries: HashMap::default(),
            heap: BinaryHeap::new(),
            lanes: BTreeMap::new(),
            ticket: 0,
            group,
            counts: vec![Counts::default(); groups.max(1)],
        }
    }

    /// Adds a key, first due at `now + phase`, or changes its interval; a key
    /// that keeps its interval keeps its slot.
    pub fn set(&mut self, key: K, interval: Span, phase: Span, now: Mono) {
        let interval = interval.max(Span::from_millis(1));
        match self.entries.get_mut(&key) {
            Some(entry) if entry.interval == interval => return,
            Some(entry) => {
                entry.interval = interval;
                entry.slot = now.plus(phase.min(interval));
            }
            None => {
                let slot = now.plus(phase.min(interval));
                let entry = Entry {
                    interval,
                    slot,
                    sooner: None,
                    in_flight_since: None,
                    ticket: 0,
                };
                self.entries.insert(key, entry);
            }
        }
        self.push(key);
    }

    /// Changes how long the key waits from now on, keeping it in step: for back-off.
    pub fn set_interval(&mut self, key: K, interval: Span) {
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.interval = interval.max(Span::from_millis(1));
        }
    }

    /// Removes a key. A look under way is forgotten.
    pub fn remove(&mut self, key: K) {
        if let Some(entry) = self.entries.remove(&key)
            && entry.in_flight_since.is_some()
        {
            let counts = counts_of(&mut self.counts, self.group, key);
            counts.in_flight = counts.in_flight.saturating_sub(1);
        }
    }

    /// Keeps only the keys that `keep` says.
    pub fn retain(&mut self, mut keep: impl FnMut(K) -> bool) {
        let gone: Vec<K> = self.entries.keys().copied().filter(|k| !keep(*k)).collect();
        for key in gone {
            self.remove(key);
        }
    }

    /// Asks for a look at `at`, if that is before the next slot; the slot stays.
    ///
    /// While a look is under way, the wish waits for its end.
    pub fn hasten(&mut self, key: K, at: Mono) {
        let Some(entry) = self.entries.get_mut(&key) else {
            return;
        };
        if at < entry.slot && entry.sooner.is_none_or(|s| at < s) {
            entry.sooner = Some(at);
            if entry.in_flight_since.is_none() {
                self.push(key);
            }
        }
    }

    /// Takes the keys that are due, at most `limit`, the longest due first; each is under way from now on.
    pub fn due(&mut self, now: Mono, limit: usize, due: &mut Vec<K>) {
        let before = due.len();
        while due.len() - before < limit {
            let Some((at, ticket, key)) = self.take_first(now) else {
                break;
            };
            let entry = self.entries.get_mut(&key).filter(|e| e.ticket == ticket);
            let Some(entry) = entry else {
                continue;
            };
            let busy = entry.in_flight_since.is_some();
            let counts = counts_of(&mut self.counts, self.group, key);
            if entry.slot <= now {
                // Skip slots that were missed, in step with the phase.
                let missed = now.since(entry.slot).as_nanos() / entry.interval.as_nanos();
                counts.overruns += u64::try_from(missed).unwrap_or(u64::MAX) + u64::from(busy);
                let steps = u32::try_from(missed + 1).unwrap_or(u32::MAX);
                entry.slot = entry.slot.plus(entry.interval.saturating_mul(steps));
            }
            if entry.sooner.is_some_and(|s| s <= now) && !busy {
                entry.sooner = None;
            }
            if !busy {
                entry.in_flight_since = Some(now);
                counts.in_flight += 1;
                counts.started += 1;
                counts.lag = now.since(at);
                due.push(key);
            }
            self.ticket += 1;
            entry.ticket = self.ticket;
            let (interval, next) = (entry.interval, entry.next());
            self.line_up(interval, (next, self.ticket, key));
        }
    }

    /// Says that a look is over; returns how long it took, or `None` if none was under way.
    pub fn finished(&mut self, key: K, now: Mono) -> Option<Span> {
        let entry = self.entries.get_mut(&key)?;
        let since = entry.in_flight_since.take()?;
        let counts = counts_of(&mut self.counts, self.group, key);
        counts.in_flight = counts.in_flight.saturating_sub(1);
        if entry.sooner.is_some() {
            self.push(key);
        }
        Some(now.since(since))
    }

    /// When the next key is due; `None`: nothing is planned.
    pub fn next(&self) -> Option<Mono> {
        let heap = self.heap.peek().map(|Reverse((at, _, _))| *at);
        let lanes = self.lanes.values().filter_map(|lane| lane.front());
        lanes.map(|(at, _, _)| *at).chain(heap).min()
    }

    /// How many keys are planned.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is planned.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What happened so far, group by group.
    pub fn counts(&self) -> &[Counts] {
        &self.counts
    }

    /// How many keys are due and were not handed out, group by group. Costs O(n), but only when there are any.
    pub fn waiting(&self, now: Mono) -> Vec<u64> {
        let mut waiting = vec![0; self.counts.len()];
        if self.next().is_none_or(|at| at > now) {
            return waiting;
        }
        let last = waiting.len().saturating_sub(1);
        let lanes = self.lanes.values().flatten();
        for (at, ticket, key) in self.heap.iter().map(|Reverse(place)| place).chain(lanes) {
            let is_due = *at <= now
                && self
                    .entries
                    .get(key)
                    .is_some_and(|e| e.ticket == *ticket && e.in_flight_since.is_none());
            if is_due && let Some(count) = waiting.get_mut((self.group)(*key).min(last)) {
                *count += 1;
            }
        }
        waiting
    }

    fn push(&mut self, key: K) {
        self.ticket += 1;
        let Some(entry) = self.entries.get_mut(&key) else {
            return;
        };
        entry.ticket = self.ticket;
        self.heap.push(Reverse((entry.next(), self.ticket, key)));
        // Void tickets pile up only by hastening; sweep when they are the most.
        let places = self.heap.len() + self.lanes.values().map(VecDeque::len).sum::<usize>();
        if places > 64 + self.entries.len() * 3 {
            let entries = &self.entries;
            let holds = |(_, ticket, key): &Place<K>| entries.get(key).is_some_and(|e| e.ticket == *ticket);
            self.heap.retain(|Reverse(place)| holds(place));
            self.lanes.values_mut().for_each(|lane| lane.retain(holds));
        }
    }

    /// Takes what comes up first, if that is not after `now`.
    fn take_first(&mut self, now: Mono) -> Option<Place<K>> {
        let lane = self
            .lanes
            .values_mut()
            .filter(|lane| !lane.is_empty())
            .min_by_key(|lane| lane.front().copied());
        let in_lane = lane.as_ref().and_then(|lane| lane.front()).copied();
        let in_heap = self.heap.peek().map(|Reverse(place)| *place);
        let first = in_lane
            .into_iter()
            .chain(in_heap)
            .min()
            .filter(|(at, _, _)| *at <= now)?;
        match lane {
            Some(lane) if in_lane == Some(first) => lane.pop_front(),
            _ => self.heap.pop().map(|Reverse(place)| place),
        }
    }

    /// Puts a key that was just handed out behind those of its interval.
    fn line_up(&mut self, interval: Span, place: Place<K>) {
        if !self.lanes.contains_key(&interval) && self.lanes.len() >= LANES {
            self.lanes.retain(|_, lane| !lane.is_empty());
        }
        let has_room = self.lanes.len() < LANES || self.lanes.contains_key(&interval);
        if has_room {
            let lane = self.lanes.entry(interval).or_default();
            if lane.back().is_none_or(|(at, _, _)| *at <= place.0) {
                lane.push_back(place);
                return;
            }
        }
        self.heap.push(Reverse(place));
    }
}

/// The counts of a key's group. There is one group at least.
fn counts_of<K>(counts: &mut [Counts], group: fn(K) -> usize, key: K) -> &mut Counts {
    let place = group(key).min(counts.len().saturating_sub(1));
    &mut counts[place]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const S: u64 = 1_000_000_000;
    const NONE: [u32; 0] = [];

    fn due(plan: &mut Plan<u32>, at: u64) -> Vec<u32> {
        let mut keys = Vec::new();
        plan.due(Mono(at), 100, &mut keys);
        keys
    }

    #[test]
    fn a_key_is_due_at_its_phase_and_then_each_interval() {
        let mut plan = Plan::default();
        plan.set(1, Span::from_secs(10), Span::from_secs(3), Mono(0));
        assert_eq!(due(&mut plan, 2 * S), NONE);
        assert_eq!(due(&mut plan, 3 * S), [1]);
        plan.finished(1, Mono(4 * S));
        assert_eq!(due(&mut plan, 12 * S), NONE);
        assert_eq!(due(&mut plan, 13 * S), [1]);
    }

    // trap 18
    #[test]
    fn a_look_under_way_is_not_begun_again_and_its_slots_are_overruns() {
        let mut plan = Plan::default();
        plan.set(1, Span::from_secs(10), Span::ZERO, Mono(0));
        plan.set(2, Span::from_secs(10), Span::ZERO, Mono(0));
        assert_eq!(due(&mut plan, 0).len(), 2);
        plan.finished(2, Mono(S));
        assert_eq!(due(&mut plan, 10 * S), [2]);
        assert_eq!(plan.counts()[0].overruns, 1);
        plan.finished(1, Mono(12 * S));
        assert_eq!(due(&mut plan, 20 * S), [1]);
    }

    #[test]
    fn a_suspect_is_looked_at_sooner_and_keeps_its_slot() {
        let mut plan = Plan::default();
        plan.set(1, Span::from_secs(60), Span::ZERO, Mono(0));
        assert_eq!(due(&mut plan, 0), [1]);
        plan.hasten(1, Mono(5 * S));
        assert_eq!(due(&mut plan, 6 * S), NONE, "still under way");
        plan.finished(1, Mono(7 * S));
        assert_eq!(due(&mut plan, 7 * S), [1]);
        plan.finished(1, Mono(8 * S));
        assert_eq!(due(&mut plan, 59 * S), NONE);
        assert_eq!(due(&mut plan, 60 * S), [1]);
    }

    // trap 24: a long pause is one look, not a storm
    #[test]
    fn missed_slots_are_counted_and_not_made_up() {
        let mut plan = Plan::default();
        plan.set(1, Span::from_secs(10), Span::ZERO, Mono(0));
        assert_eq!(due(&mut plan, 0), [1]);
        plan.finished(1, Mono(S));
        assert_eq!(due(&mut plan, 3605 * S), [1]);
        plan.finished(1, Mono(3606 * S));
        assert_eq!(due(&mut plan, 3609 * S), NONE);
        assert_eq!(due(&mut plan, 3610 * S), [1]);
        assert_eq!(plan.counts()[0].overruns, 359);
    }

    #[test]
    fn groups_are_counted_apart_and_what_waits_is_known() {
        let mut plan = Plan::grouped(2, |key: u32| usize::from(key >= 10));
        for key in [1, 2, 3, 10, 11] {
            plan.set(key, Span::from_secs(10), Span::ZERO, Mono(0));
        }
        assert_eq!(plan.waiting(Mono(0)), [3, 2]);
        let mut keys = Vec::new();
        plan.due(Mono(0), 4, &mut keys);
        assert_eq!(keys, [1, 2, 3, 10]);
        assert_eq!(plan.waiting(Mono(0)), [0, 1]);
        assert_eq!(
            plan.counts().iter().map(|c| c.in_flight).collect::<Vec<_>>(),
            [3, 1]
        );
        plan.finished(10, Mono(S));
        assert_eq!(due(&mut plan, 10 * S), [11, 10], "1, 2 and 3 are under way still");
        assert_eq!(
            plan.counts().iter().map(|c| c.overruns).collect::<Vec<_>>(),
            [3, 1]
        );
        plan.remove(1);
        assert_eq!(plan.counts()[0].in_flight, 2);
        assert_eq!(plan.waiting(Mono(10 * S)), [0, 0]);
    }

    #[test]
    fn a_removed_key_is_never_due() {
        let mut plan = Plan::default();
        plan.set(1, Span::from_secs(10), Span::ZERO, Mono(0));
        plan.retain(|_| false);
        assert_eq!(due(&mut plan, 100 * S), NONE);
        assert_eq!(plan.finished(1, Mono(0)), None);
    }

    proptest! {
        #[test]
        fn no_key_is_ever_handed_out_twice_and_none_is_forgotten(
            steps in proptest::collection::vec((0_u32..5, 0_u8..4, 0_u64..30), 1..200),
        ) {
            let mut plan = Plan::default();
            let mut now = 0;
            for key in 0..5 {
                plan.set(key, Span::from_secs(7), Span::from_secs(u64::from(key)), Mono(0));
            }
            let mut flying = std::collections::BTreeSet::new();
            for (key, what, wait) in steps {
                now += wait * S;
                match what {
                    0 => plan.hasten(key, Mono(now)),
                    1 => { plan.finished(key, Mono(now)); flying.remove(&key); }
                    _ => for k in due(&mut plan, now) { prop_assert!(flying.insert(k), "{k} twice"); },
                }
                prop_assert_eq!(plan.counts()[0].in_flight, flying.len() as u64);
            }
            for k in flying { plan.finished(k, Mono(now)); }
            now += 8 * S;
            prop_assert_eq!(due(&mut plan, now).len(), 5);
        }
    }
}
