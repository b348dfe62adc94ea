//! Over a restart and a reload: nothing is forgotten (traps 20 and 22).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Finding;
use super::Table;
use super::windows::Standing;
use crate::model::IncidentId;
use crate::model::Reason;
use crate::model::State;
use crate::model::TargetId;
use crate::model::Timestamp;
use crate::monitor::depend::Paths;
use crate::monitor::effects::Effects;
use crate::monitor::incident::Incident;
use crate::monitor::snapshot::BlindSpan;
use crate::monitor::state::TargetState;
use crate::monitor::step::Context;
use crate::monitor::topology::Slot;
use crate::monitor::topology::Topology;
use crate::monitor::topology::Watch;

/// What the record keeps of one target: state, soft counters, open incident.
/// The record does not look into it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedState {
    /// State and soft counters.
    pub state: TargetState,
    /// The open incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<Incident>,
    /// Probes that decide nothing and fail: name, reason, whether that was told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<(String, Reason, bool)>,
}

impl Table {
    /// What changed since the last call, for the record.
    pub fn take_changed(&mut self) -> Vec<(TargetId, SavedState)> {
        let slots = std::mem::take(&mut self.dirty_list);
        let mut saved = Vec::with_capacity(slots.len());
        for slot in slots {
            if let Some(flag) = self.dirty.get_mut(slot as usize) {
                *flag = false;
            }
            let Some(id) = self.topology.spec(slot).map(|spec| spec.id) else {
                continue;
            };
            if let Some(state) = self.states.get_mut(slot as usize) {
                state.saved_reply_at = state.last_reply_at;
            }
            saved.extend(self.saved(id).map(|state| (id, state)));
        }
        saved
    }

    /// Whether anything changed since [`Table::take_changed`].
    pub fn has_changed(&self) -> bool {
        !self.dirty_list.is_empty()
    }

    /// What the record keeps of one target.
    pub fn saved(&self, id: TargetId) -> Option<SavedState> {
        let state = self.state(id)?.clone();
        let mut findings: Vec<(String, Reason, bool)> = self
            .findings
            .iter()
            .filter(|((target, _), _)| *target == id)
            .map(|((_, probe), finding)| (probe.as_ref().to_owned(), finding.reason.clone(), finding.is_told))
            .collect();
        findings.sort_unstable();
        Some(SavedState {
            incident: state.incident.and_then(|id| self.incidents.get(id)).cloned(),
            state,
            findings,
        })
    }

    /// Goes on where the record stopped. `last_incident` is the highest number
    /// that was ever given; `closed` are the newest closed incidents, oldest first.
    ///
    /// Call it once, after [`Table::new`], before any observation; then
    /// [`Table::started`].
    pub fn restore(
        &mut self,
        saved: impl IntoIterator<Item = (TargetId, SavedState)>,
        closed: impl IntoIterator<Item = Incident>,
        last_incident: Option<IncidentId>,
        effects: &mut Effects,
    ) {
        self.recall(saved, closed, last_incident);
        effects.incidents_changed = true;
        self.fit(self.now, effects);
    }

    /// As [`Table::restore`], but judges nothing: for who only wants to change
    /// what is on record, while nobody looks.
    pub fn recall(
        &mut self,
        saved: impl IntoIterator<Item = (TargetId, SavedState)>,
        closed: impl IntoIterator<Item = Incident>,
        last_incident: Option<IncidentId>,
    ) {
        let now = self.now;
        self.incidents
            .continue_after(last_incident.unwrap_or(IncidentId(0)));
        for incident in closed {
            self.incidents.restore(incident);
        }
        for (id, saved) in saved {
            let Some(slot) = self.topology.slot(id) else {
                continue;
            };
            let mut state = saved.state;
            state.clamp(now);
            state.saved_reply_at = state.last_reply_at;
            state.incident = None;
            if let Some(incident) = saved.incident {
                state.incident = Some(incident.id);
                self.incidents.restore(incident);
            }
            for (probe, reason, is_told) in saved.findings {
                let times = if is_told { super::FINDING_AFTER } else { 1 };
                self.findings.insert(
                    (id, Arc::from(probe)),
                    Finding {
                        reason,
                        times,
                        is_told,
                    },
                );
            }
            if let Some(place) = self.states.get_mut(slot as usize) {
                *place = state;
            }
        }
    }

    /// When the own uplink had failed, newest first. A failure without an end
    /// goes on; the first answer ends it.
    pub fn restore_blind(&mut self, spans: &[BlindSpan]) {
        let now = self.now;
        self.blind_spans = spans
            .iter()
            .rev()
            .filter(|span| span.ended_at.is_some())
            .copied()
            .collect();
        let lasting = spans.first().filter(|span| span.ended_at.is_none());
        self.uplink.blind_since = lasting.map(|span| span.started_at.min(now));
        self.uplink.is_watched |= lasting.is_some();
    }

    /// Another topology, after a reload: states, counters, incidents and
    /// acknowledgements go on. What left it ends its outage.
    pub fn set_topology(&mut self, topology: Topology, now: Timestamp, effects: &mut Effects) {
        let now = self.arrive(now);
        let old = std::mem::replace(&mut self.topology, topology);
        let mut states = std::mem::take(&mut self.states);
        let mut leaving = Vec::new();
        let mut next = vec![TargetState::new(now); self.topology.specs().len()];
        for (spec, state) in old.specs().iter().zip(&mut states) {
            let state = std::mem::take(state);
            match self
                .topology
                .slot(spec.id)
                .and_then(|slot| next.get_mut(slot as usize))
            {
                Some(place) => *place = state,
                None => leaving.push((spec.id, state)),
            }
        }
        self.dirty = vec![false; next.len()];
        self.dirty_list.clear();
        self.covered = vec![super::windows::Covered::default(); next.len()];
        self.states = next;
        self.windows = vec![Standing::default(); self.topology.windows().len()];
        self.has_reconciled = false;
        self.uplink.witnesses.clear();
        self.forget_uplink_without_rule(now, effects);
        for (id, state) in leaving {
            self.leave(id, &state, now, effects);
        }
        for slot in 0..Slot::try_from(self.states.len()).unwrap_or(Slot::MAX) {
            self.mark(slot);
        }
        self.fit(now, effects);
    }

    /// Nobody looks at it any more: its outage ends, its state is not known.
    fn leave(&mut self, id: TargetId, state: &TargetState, now: Timestamp, effects: &mut Effects) {
        if state.state != State::Unknown {
            effects.event(
                Some(id),
                now,
                now,
                crate::model::EventKind::StateChanged {
                    from: state.state,
                    to: State::Unknown,
                    reason: Some(Reason::NotPolled),
                },
            );
        }
        if let Some(incident) = state.incident {
            self.close(id, incident, now, now, effects);
        }
        self.findings.retain(|(target, _), _| *target != id);
    }

    /// Makes states and topology fit each other, after either was replaced.
    fn fit(&mut self, now: Timestamp, effects: &mut Effects) {
        self.held.clear();
        self.queue.clear();
        self.failed.clear();
        self.looked_at.clear();
        for slot in 0..Slot::try_from(self.states.len()).unwrap_or(Slot::MAX) {
            let (Some(spec), Some(state)) = (self.topology.spec(slot), self.states.get_mut(slot as usize))
            else {
                continue;
            };
            let (id, always_on, watch) = (spec.id, spec.always_on, spec.watch);
            state.failed_mask = 0;
            state.blind_mask = 0;
            state.round_at = crate::monitor::state::NEVER;
            if state.is_held() {
                self.held.insert(slot);
            }
            let (is_online, incident) = (state.state, state.incident);
            if watch == Watch::Nothing && is_online != State::Unknown {
                let before = state.clone();
                *state = TargetState {
                    incident: None,
                    ..TargetState::new(now)
                };
                self.held.remove(&slot);
                self.leave(id, &before, now, effects);
            } else if let Some(incident) = incident.filter(|_| !always_on) {
                state.incident = None;
                self.close(id, incident, now, now, effects);
            }
        }
        for slot in 0..Slot::try_from(self.states.len()).unwrap_or(Slot::MAX) {
            let Some(state) = self.states.get(slot as usize).map(|s| s.state) else {
                continue;
            };
            let has_path = !matches!(self.world(slot).paths(now, now), Paths::Out { .. });
            if state == State::Unreachable && has_path {
                self.release(slot, now, effects);
            } else if state.is_out() {
                self.queue.push_back(slot);
            }
        }
        self.conclude(now, effects);
    }
}
