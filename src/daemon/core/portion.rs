//! Cuts what a turn has for the record into batches that are short to commit.
//!
//! A batch is committed whole, so what must not be parted stays in one: all
//! events of a target with its state, an outage with its cause, and the
//! messages about them. Pure.

use std::collections::HashMap;

use crate::model::Event;
use crate::model::EventKind;
use crate::model::TargetId;
use crate::store::Batch;

/// Rows of one batch, where they may be parted: some ten milliseconds.
pub(super) const ROWS: usize = 2_048;
/// Samples of one batch.
const SAMPLES: usize = 20_000;

/// The target that an event names as its cause.
fn cause(event: &Event) -> Option<TargetId> {
    if let EventKind::OutageOpened { root, .. } | EventKind::OutageRerooted { root, .. } = &event.kind {
        *root
    } else {
        None
    }
}

/// Cuts events, in their order, into pieces of about `most`, so that no target
/// has events in two of them, and no cause comes in a later one than its consequences.
pub(super) fn cut(events: &[Event], most: usize) -> Vec<&[Event]> {
    let mut last: HashMap<TargetId, usize> = HashMap::new();
    if events.len() > most {
        let own = events.iter().enumerate();
        last.extend(own.filter_map(|(at, event)| Some((event.target?, at))));
    }
    let mut pieces = Vec::new();
    let (mut rest, mut done) = (events, 0);
    // The last event that belongs to the piece which has begun.
    let mut until = 0;
    for (at, event) in events.iter().enumerate() {
        for target in [event.target, cause(event)].into_iter().flatten() {
            until = until.max(last.get(&target).copied().unwrap_or_default());
        }
        let length = at + 1 - done;
        if length >= most
            && at >= until
            && let Some((piece, others)) = rest.split_at_checked(length)
        {
            pieces.push(piece);
            (rest, done) = (others, at + 1);
        }
    }
    if !rest.is_empty() {
        pieces.push(rest);
    }
    pieces
}

/// Lays what a turn has besides events over `told`, the batches with the events
/// and their messages: what belongs to a target with events goes to them, the
/// rest into the last one and as many more as it takes. At least one batch.
pub(super) fn divide(mut told: Vec<Batch>, rest: Batch) -> Vec<Batch> {
    // Taken apart completely, so that a new field is not forgotten here.
    let Batch {
        events,
        outbox,
        states,
        totals,
        facts,
        interfaces,
        samples,
        settings,
        alive_at,
    } = rest;
    if !events.is_empty() || !outbox.is_empty() || told.is_empty() {
        told.push(Batch {
            events,
            outbox,
            ..Batch::default()
        });
    }
    let mut homes: HashMap<TargetId, usize> = HashMap::new();
    for (place, batch) in told.iter().enumerate() {
        homes.extend(batch.events.iter().filter_map(|e| Some((e.target?, place))));
    }
    if let Some(first) = told.first_mut() {
        first.settings = settings;
    }
    let (mut loose_states, mut loose_facts, mut loose_interfaces) = (Vec::new(), Vec::new(), Vec::new());
    for state in states {
        let home = home(&mut told, &homes, state.target);
        home.map_or(&mut loose_states, |b| &mut b.states).push(state);
    }
    for facts in facts {
        let home = home(&mut told, &homes, facts.target);
        home.map_or(&mut loose_facts, |b| &mut b.facts).push(facts);
    }
    for list in interfaces {
        let home = home(&mut told, &homes, list.target);
        home.map_or(&mut loose_interfaces, |b| &mut b.interfaces)
            .push(list);
    }
    let last = told.pop().unwrap_or_default();
    let mut tail = Tail {
        rows: last.rows(),
        last,
        done: told,
    };
    for state in loose_states {
        tail.room_for(1).states.push(state);
    }
    for facts in loose_facts {
        tail.room_for(facts.set.len() + facts.withdrawn.len())
            .facts
            .push(facts);
    }
    for list in loose_interfaces {
        tail.room_for(list.rows.len()).interfaces.push(list);
    }
    for sums in totals {
        tail.room_for(1).totals.push(sums);
    }
    for sample in samples {
        if tail.last.samples.len() >= SAMPLES {
            tail.begin();
        }
        tail.last.samples.push(sample);
    }
    tail.last.alive_at = alive_at;
    tail.done.push(tail.last);
    tail.done
}

/// The batch that holds a target's events.
fn home<'b>(
    told: &'b mut [Batch],
    homes: &HashMap<TargetId, usize>,
    target: TargetId,
) -> Option<&'b mut Batch> {
    told.get_mut(*homes.get(&target)?)
}

/// The batches that are filled one after the other.
struct Tail {
    done: Vec<Batch>,
    last: Batch,
    /// Rows of the last one.
    rows: usize,
}

impl Tail {
    fn begin(&mut self) {
        self.done.push(std::mem::take(&mut self.last));
        self.rows = 0;
    }

    /// A batch that takes so many rows more.
    fn room_for(&mut self, rows: usize) -> &mut Batch {
        if self.rows > 0 && self.rows + rows > ROWS {
            self.begin();
        }
        self.rows += rows;
        &mut self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{IncidentId, Reason, State, Timestamp};
    use crate::store::{Sample, SavedState, SeriesKey};

    fn event(target: u32, kind: EventKind) -> Event {
        Event {
            at: Timestamp(1),
            recorded_at: Timestamp(1),
            target: Some(TargetId(target)),
            kind,
        }
    }

    fn lost(target: u32) -> Event {
        event(
            target,
            EventKind::StateChanged {
                from: State::Up,
                to: State::Unreachable,
                reason: Some(Reason::Timeout),
            },
        )
    }

    fn opened(target: u32, root: Option<u32>) -> Event {
        event(
            target,
            EventKind::OutageOpened {
                incident: IncidentId(u64::from(target)),
                reason: Reason::Timeout,
                root: root.map(TargetId),
            },
        )
    }

    fn state(target: u32) -> SavedState {
        SavedState {
            target: TargetId(target),
            state: State::Up,
            since: Timestamp(1),
            reason: None,
            body: Vec::new(),
        }
    }

    fn targets(batch: &Batch) -> (Vec<u32>, Vec<u32>) {
        let events = batch.events.iter().filter_map(|e| Some(e.target?.0));
        (
            events.collect(),
            batch.states.iter().map(|s| s.target.0).collect(),
        )
    }

    #[test]
    fn events_are_cut_in_their_order_and_no_target_is_parted() {
        let events: Vec<Event> = [1, 2, 1, 3, 4, 5, 5, 6].map(lost).into();
        let pieces: Vec<Vec<u32>> = cut(&events, 2)
            .into_iter()
            .map(|piece| piece.iter().map(|e| e.target.unwrap().0).collect())
            .collect();
        assert_eq!(pieces, [vec![1, 2, 1], vec![3, 4], vec![5, 5], vec![6]]);
        assert_eq!(cut(&events, 100), [&events[..]]);
        assert!(cut(&[], 2).is_empty());
    }

    // trap 19
    #[test]
    fn a_consequence_is_not_on_record_before_its_cause() {
        let events = [
            opened(1, Some(9)),
            opened(2, Some(9)),
            lost(9),
            opened(9, None),
            lost(3),
        ];
        let pieces = cut(&events, 2);
        assert_eq!(pieces, [&events[..4], &events[4..]]);
        // Already on record: nothing to wait for.
        assert_eq!(
            cut(&[opened(1, Some(7)), opened(2, Some(7)), lost(3)], 2).len(),
            2
        );
    }

    #[test]
    fn a_state_goes_with_its_events_and_the_rest_fills_batches_behind() {
        let told = [[1, 2], [3, 4]].map(|pair| Batch {
            events: pair.map(lost).into(),
            ..Batch::default()
        });
        let many = u32::try_from(ROWS).unwrap();
        let rest = Batch {
            states: (1..=many + 100).rev().map(state).collect(),
            settings: vec![("a".to_owned(), Vec::new())],
            alive_at: Some(Timestamp(5)),
            ..Batch::default()
        };
        let batches = divide(told.into(), rest);
        assert_eq!(batches.len(), 3);
        assert_eq!(targets(&batches[0]), (vec![1, 2], vec![2, 1]));
        let (events, states) = targets(&batches[1]);
        assert_eq!((events, &states[..2]), (vec![3, 4], &[4, 3][..]));
        assert_eq!(batches[1].rows(), ROWS);
        let all: usize = batches.iter().map(|b| b.states.len()).sum();
        assert_eq!(all, ROWS + 100, "none is lost");
        assert!(batches.iter().all(|b| b.rows() <= ROWS));
        let alive: Vec<_> = batches.iter().map(|b| b.alive_at).collect();
        assert_eq!(alive, [None, None, Some(Timestamp(5))]);
        assert_eq!(batches[0].settings.len(), 1);
    }

    #[test]
    fn a_small_turn_is_one_batch_and_history_is_cut_by_itself() {
        let sample = Sample {
            series: SeriesKey {
                target: TargetId(1),
                metric: "rtt_seconds".into(),
                instance: "".into(),
            },
            at: Timestamp(1),
            value: 0.5,
        };
        let small = Batch {
            states: vec![state(7)],
            samples: vec![sample.clone()],
            ..Batch::default()
        };
        let told = vec![Batch {
            events: vec![lost(1)],
            ..Batch::default()
        }];
        assert_eq!(divide(told, small.clone()).len(), 1);
        assert_eq!(divide(Vec::new(), small).len(), 1);
        let history = Batch {
            samples: vec![sample; SAMPLES * 2 + 1],
            ..Batch::default()
        };
        let counts: Vec<usize> = divide(Vec::new(), history)
            .iter()
            .map(|b| b.samples.len())
            .collect();
        assert_eq!(counts, [SAMPLES, SAMPLES, 1]);
    }
}
