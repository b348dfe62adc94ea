//! What follows from the moves of one target: events, orders, incidents, children.

use super::Table;
use super::World;
use crate::model::EventKind;
use crate::model::Reason;
use crate::model::State;
use crate::model::TargetId;
use crate::model::Timestamp;
use crate::monitor::blind::UplinkVerdict;
use crate::monitor::depend::Paths;
use crate::monitor::effects::Effects;
use crate::monitor::effects::Why;
use crate::monitor::state::TargetState;
use crate::monitor::step;
use crate::monitor::step::Context;
use crate::monitor::step::Move;
use crate::monitor::topology::Slot;
use crate::monitor::topology::TargetSpec;

impl Table {
    /// Does what the moves of one target ask for.
    pub(super) fn apply(&mut self, slot: Slot, moves: Vec<Move>, now: Timestamp, effects: &mut Effects) {
        let Some((id, confirm)) = self.topology.spec(slot).map(|spec| (spec.id, spec.confirm)) else {
            return;
        };
        if moves.is_empty() {
            return;
        }
        for next in moves {
            match next {
                Move::Changed { from, to, at, reason } => {
                    let reason = self.explain(slot, to, reason);
                    effects.event(
                        Some(id),
                        at,
                        now,
                        EventKind::StateChanged {
                            from,
                            to,
                            reason: reason.clone(),
                        },
                    );
                    self.follow_incident(slot, to, at, reason, now, effects);
                    if from.is_online() != to.is_online() || from.is_out() || to.is_out() {
                        self.queue.push_back(slot);
                    }
                }
                Move::Rerooted => {
                    self.sync_root(slot, now, effects);
                    self.queue.push_back(slot);
                }
                Move::Relapsed => self.queue.push_back(slot),
                Move::Suspicion => {}
                Move::Confirm => effects.order(id, now.plus(confirm.retry_interval), Why::Confirm),
                Move::Failed => self.failed.push(slot),
                Move::AskParents => self.ask_parents(slot, now, effects),
                Move::Flapping(true) => effects.event(Some(id), now, now, EventKind::FlappingStarted),
                Move::Flapping(false) => effects.event(Some(id), now, now, EventKind::FlappingStopped),
            }
        }
        let is_held = self.states.get(slot as usize).is_some_and(TargetState::is_held);
        if is_held {
            self.held.insert(slot);
        } else {
            self.held.remove(&slot);
        }
        self.mark(slot);
        effects.changed.push(id);
    }

    /// The reason as readers see it: what is unreachable names its root.
    fn explain(&mut self, slot: Slot, to: State, reason: Option<Reason>) -> Option<Reason> {
        let root = self.states.get(slot as usize)?.root;
        let named = root
            .filter(|_| to == State::Unreachable)
            .and_then(|root| self.topology.get(root))
            .map(|spec| Reason::Parent(spec.key.to_string()))
            .or(reason);
        if let Some(state) = self.states.get_mut(slot as usize) {
            state.reason.clone_from(&named);
        }
        named
    }

    /// Opens, goes on with or closes the incident of a target that entered `to` at `at`.
    fn follow_incident(
        &mut self,
        slot: Slot,
        to: State,
        at: Timestamp,
        reason: Option<Reason>,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let (Some(spec), Some(state)) = (self.topology.spec(slot), self.states.get_mut(slot as usize)) else {
            return;
        };
        match state.incident {
            None if to.is_out() && spec.always_on => {
                let root = state.root.filter(|_| !state.own_cause);
                let reason = reason.unwrap_or(Reason::Timeout);
                let incident = self.incidents.start(spec.id, root, at, reason.clone());
                state.incident = Some(incident);
                let kind = EventKind::OutageOpened {
                    incident,
                    root,
                    reason,
                };
                effects.event(Some(spec.id), at, now, kind);
                effects.incidents_changed = true;
                self.classify_as_root(incident, root, now, effects);
            }
            Some(_) if to.is_out() => {
                if to == State::Down
                    && let Some(reason) = reason
                    && let Some(incident) = state.incident.and_then(|i| self.incidents.open_mut(i))
                {
                    incident.reason = reason;
                }
                self.sync_root(slot, now, effects);
            }
            Some(incident) if to.is_online() => {
                let target = spec.id;
                state.incident = None;
                self.close(target, incident, at, now, effects);
            }
            // What became unknown keeps its incident until it is seen again.
            Some(_) | None => {}
        }
    }

    pub(super) fn close(
        &mut self,
        target: TargetId,
        incident: crate::model::IncidentId,
        at: Timestamp,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        if let Some(started_at) = self.incidents.end(incident, at) {
            effects.event(
                Some(target),
                at,
                now,
                EventKind::OutageClosed { incident, started_at },
            );
            effects.incidents_changed = true;
        }
    }

    /// The incident's root follows the state's.
    fn sync_root(&mut self, slot: Slot, now: Timestamp, effects: &mut Effects) {
        let Some(state) = self.states.get(slot as usize) else {
            return;
        };
        let (own_cause, root, incident, kind) = (state.own_cause, state.root, state.incident, state.state);
        if kind == State::Unreachable {
            self.explain(slot, kind, None);
        }
        let root = root.filter(|_| !own_cause);
        let Some(incident) = incident else { return };
        if self.incidents.reroot(incident, root) {
            let target = self.topology.spec(slot).map(|spec| spec.id);
            effects.event(target, now, now, EventKind::OutageRerooted { incident, root });
            effects.incidents_changed = true;
            self.classify_as_root(incident, root, now, effects);
        }
    }

    /// Orders looks at the parents that were not looked at since the target's last failure.
    fn ask_parents(&self, slot: Slot, now: Timestamp, effects: &mut Effects) {
        let Some(state) = self.states.get(slot as usize) else {
            return;
        };
        let asked = state.last_bad_at;
        for parent in self.topology.parents(slot) {
            if let (Some(spec), Some(known)) =
                (self.topology.spec(*parent), self.states.get(*parent as usize))
                && known.last_look_at < asked
                && !known.is_out()
            {
                effects.order(spec.id, now, Why::Parent);
            }
        }
        let world = self.world(slot);
        if world.uplink(state.first_bad_at, asked) == UplinkVerdict::Waiting {
            effects.check_uplink_at(now);
        }
    }

    pub(super) fn world(&self, slot: Slot) -> World<'_> {
        World {
            topology: &self.topology,
            states: &self.states,
            uplink: &self.uplink,
            slot,
        }
    }

    /// Judges those again that wait for the verdict on this one.
    pub(super) fn ask_held_children(&mut self, slot: Slot, now: Timestamp, effects: &mut Effects) {
        for i in 0..self.topology.children(slot).len() {
            if let Some(child) = self.topology.children(slot).get(i).copied()
                && self.held.contains(&child)
            {
                self.judge_held(child, now, effects);
            }
        }
    }

    /// Judges one again that waits.
    pub(super) fn judge_held(&mut self, slot: Slot, now: Timestamp, effects: &mut Effects) {
        self.ask(slot, now, effects, |state, spec, world, moves| {
            if state.is_held() {
                step::judge(state, spec, world, now, moves);
            }
        });
    }

    fn follow_failures(&mut self, slot: Slot, now: Timestamp, effects: &mut Effects) {
        self.ask(slot, now, effects, |state, spec, world, moves| {
            step::follow(state, spec, world, now, moves);
        });
    }

    /// Asks what becomes of one state in the light of all others, and does it.
    fn ask(
        &mut self,
        slot: Slot,
        now: Timestamp,
        effects: &mut Effects,
        what: impl FnOnce(&mut TargetState, &TargetSpec, &World<'_>, &mut Vec<Move>),
    ) {
        let moves = self.change(slot, |state, table| {
            let mut moves = Vec::new();
            if let Some(spec) = table.topology.spec(slot) {
                what(state, spec, &table.world(slot), &mut moves);
            }
            moves
        });
        self.apply(slot, moves, now, effects);
    }

    /// Changes one state with a view of all others.
    pub(super) fn change(
        &mut self,
        slot: Slot,
        with: impl FnOnce(&mut TargetState, &Self) -> Vec<Move>,
    ) -> Vec<Move> {
        let Some(mut state) = self.states.get_mut(slot as usize).map(std::mem::take) else {
            return Vec::new();
        };
        let moves = with(&mut state, self);
        if let Some(place) = self.states.get_mut(slot as usize) {
            *place = state;
        }
        moves
    }

    /// The end of an input: follows up what failed, and judges those who wait
    /// for somebody who was looked at; then tells children. In the order of
    /// slots, so that the order in which things were taken in changes nothing.
    pub(super) fn conclude(&mut self, now: Timestamp, effects: &mut Effects) {
        if !self.failed.is_empty() {
            let mut failed = std::mem::take(&mut self.failed);
            failed.sort_unstable();
            failed.dedup();
            for slot in failed.drain(..) {
                self.follow_failures(slot, now, effects);
            }
            self.failed = failed;
        }
        if !self.looked_at.is_empty() {
            let mut looked_at = std::mem::take(&mut self.looked_at);
            looked_at.sort_unstable();
            looked_at.dedup();
            for slot in looked_at.drain(..) {
                self.ask_held_children(slot, now, effects);
            }
            self.looked_at = looked_at;
        }
        self.queue.make_contiguous().sort_unstable();
        self.settle(now, effects);
    }

    /// Tells children of what became of their parents, until nothing more follows.
    fn settle(&mut self, now: Timestamp, effects: &mut Effects) {
        while let Some(parent) = self.queue.pop_front() {
            for i in 0..self.topology.children(parent).len() {
                if let Some(child) = self.topology.children(parent).get(i).copied() {
                    self.tell_child(parent, child, now, effects);
                }
            }
        }
    }

    fn tell_child(&mut self, parent: Slot, child: Slot, now: Timestamp, effects: &mut Effects) {
        if self.held.contains(&child) {
            self.judge_held(child, now, effects);
        }
        let Some(parent_state) = self.states.get(parent as usize).map(|s| s.state) else {
            return;
        };
        let Some(child_state) = self.states.get(child as usize).map(|s| s.state) else {
            return;
        };
        if parent_state.is_online() && child_state == State::Unreachable {
            self.release(child, now, effects);
        } else if child_state.is_out()
            && let Paths::Out { root, since } = self.world(child).paths(now, now)
        {
            let moves = self.change(child, |state, _| {
                let mut moves = Vec::new();
                step::lose_paths(state, root, since, &mut moves);
                moves
            });
            self.apply(child, moves, now, effects);
        }
    }

    /// A path to it is back: look at it afresh.
    pub(super) fn release(&mut self, slot: Slot, now: Timestamp, effects: &mut Effects) {
        let moves = self.change(slot, |state, _| {
            step::release(state, now);
            Vec::new()
        });
        debug_assert!(moves.is_empty());
        self.held.remove(&slot);
        if let Some(spec) = self.topology.spec(slot) {
            effects.order(spec.id, now, Why::Released);
        }
        self.mark(slot);
    }
}
