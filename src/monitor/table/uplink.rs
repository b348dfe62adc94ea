//! The own uplink: blind begins and ends here.

use super::Table;
use crate::model::EventKind;
use crate::model::Observation;
use crate::model::Outcome;
use crate::model::Reason;
use crate::model::Span;
use crate::model::State;
use crate::model::Timestamp;
use crate::monitor::blind::MAX_WITNESSES;
use crate::monitor::blind::Uplink;
use crate::monitor::blind::UplinkLook;
use crate::monitor::effects::Effects;
use crate::monitor::effects::Why;
use crate::monitor::settings::Confirm;
use crate::monitor::snapshot::BlindSpan;
use crate::monitor::topology::Reach;
use crate::monitor::topology::Slot;
use crate::monitor::topology::Watch;

/// How soon the uplink is looked at again after a failure.
const RETRY: Span = Span::from_secs(2);

impl Table {
    /// Takes a look at the own uplink in.
    pub fn observe_uplink(&mut self, look: UplinkLook, now: Timestamp, effects: &mut Effects) {
        let now = self.arrive(now);
        if !self.topology.has_self_check() {
            return;
        }
        let look = UplinkLook {
            at: look.at.min(now),
            ..look
        };
        self.uplink.is_watched = true;
        if look.answered {
            let was_blind = self.uplink.blind_since.is_some_and(|since| look.at > since);
            self.uplink.answered(look.at);
            if self.uplink.blind_since.is_none() || was_blind {
                self.uplink_is_back(look.at, now, effects);
            }
            let waiting: Vec<Slot> = self.held.iter().copied().collect();
            for slot in waiting {
                self.judge_held(slot, now, effects);
            }
        } else {
            if self.uplink.failed(look) {
                self.call_witnesses(now, effects);
            }
            effects.check_uplink_at(now.plus(RETRY));
            self.check_blind(now, effects);
        }
        self.conclude(now, effects);
    }

    /// If something behind the uplink answered a look that began after it
    /// failed, it is back: before any of these observations is judged.
    pub(super) fn end_blindness<'a>(
        &mut self,
        observations: impl Iterator<Item = &'a Observation>,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let Some(since) = self.uplink.blind_since else {
            return;
        };
        let answered = observations
            .filter(|observation| observation.outcome == Outcome::Good)
            .filter(|observation| {
                self.topology.get(observation.target).is_some_and(|spec| {
                    spec.watch != Watch::Nothing
                        && spec.reach.is_behind_uplink()
                        && spec.liveness.contains(&observation.probe)
                })
            })
            .map(|observation| observation.at.min(now))
            .filter(|at| *at > since)
            .min();
        if let Some(at) = answered {
            self.uplink_is_back(at, now, effects);
        }
    }

    fn uplink_is_back(&mut self, at: Timestamp, now: Timestamp, effects: &mut Effects) {
        let Some(since) = self.uplink.recovered(at) else {
            return;
        };
        effects.event(None, at, now, EventKind::BlindEnded { since });
        effects.incidents_changed = true;
        self.blind_spans.push_back(BlindSpan {
            started_at: since,
            ended_at: Some(at),
        });
        let surplus = self.blind_spans.len().saturating_sub(BlindSpan::KEPT);
        self.blind_spans.drain(..surplus);
        for slot in self.behind_uplink() {
            if let Some(state) = self.states.get_mut(slot as usize) {
                state.settle();
                state.fresh_after = at;
            }
            self.mark(slot);
        }
    }

    /// Where nobody looks at the uplink (any more), nothing waits for a word about it.
    pub(super) fn forget_uplink_without_rule(&mut self, now: Timestamp, effects: &mut Effects) {
        if self.topology.has_self_check() {
            return;
        }
        self.uplink_is_back(now, now, effects);
        self.uplink = Uplink::default();
    }

    /// Orders looks at targets nearby that were there.
    fn call_witnesses(&mut self, now: Timestamp, effects: &mut Effects) {
        let witnesses: Vec<Slot> = (0..)
            .zip(self.topology.specs())
            .filter(|(_, spec)| spec.reach == Reach::Direct && spec.watch == Watch::Polled)
            .filter(|(slot, _): &(Slot, _)| {
                self.states
                    .get(*slot as usize)
                    .is_some_and(|state| state.state.is_online())
            })
            .map(|(slot, _)| slot)
            .take(MAX_WITNESSES)
            .collect();
        for slot in &witnesses {
            if let Some(spec) = self.topology.spec(*slot) {
                effects.order(spec.id, now, Why::Witness);
            }
        }
        self.uplink.witnesses = witnesses;
    }

    /// Whether the uplink must be held to have failed by now.
    pub(super) fn check_blind(&mut self, now: Timestamp, effects: &mut Effects) {
        let since = self.uplink.failing_since;
        let looked = |slot: Slot| {
            self.states
                .get(slot as usize)
                .is_none_or(|state| state.last_look_at >= since)
        };
        let has_failed = self.uplink.has_failed(Confirm::default().down_after, now, looked);
        if self.uplink.blind_since.is_none() && has_failed {
            self.go_blind(now, effects);
        }
    }

    /// Everything behind the uplink becomes unknown, from the first failure that
    /// the uplink explains; no outage opens (trap 20).
    fn go_blind(&mut self, now: Timestamp, effects: &mut Effects) {
        let fine_at = self.uplink.fine_at;
        let slots = self.behind_uplink();
        let explained = |slot: &Slot| {
            self.states
                .get(*slot as usize)
                .filter(|state| state.failures > 0 && state.first_bad_at > fine_at)
                .map(|state| state.first_bad_at)
        };
        let since = slots
            .iter()
            .filter_map(explained)
            .fold(self.uplink.failing_since, Timestamp::min);
        self.uplink.blind_since = Some(since);
        effects.event(None, since, now, EventKind::BlindStarted);
        effects.incidents_changed = true;
        for slot in slots {
            let moves = self.change(slot, |state, _| {
                let mut moves = Vec::new();
                let at = if state.failures > 0 && state.first_bad_at > fine_at {
                    state.first_bad_at
                } else {
                    since
                };
                state.enter(State::Unknown, at, Some(Reason::Blind), &mut moves);
                moves
            });
            self.held.remove(&slot);
            self.apply(slot, moves, now, effects);
        }
    }

    fn behind_uplink(&self) -> Vec<Slot> {
        (0..)
            .zip(self.topology.specs())
            .filter(|(_, spec)| spec.reach.is_behind_uplink() && spec.watch == Watch::Polled)
            .map(|(slot, _)| slot)
            .collect()
    }
}
