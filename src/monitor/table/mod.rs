//! The states of all targets, and everything that moves them.
//!
//! One owner (the daemon's core) holds it and hands in observations and the
//! time; it gives back [`Effects`]. `now` may step back: then nothing that is
//! remembered lies in the future (trap 24).
//!
//! One input may move many targets (a link takes its site with it). What
//! follows is worked off from a queue, parents before children; since parents
//! run in no circle, it ends.

mod cascade;
mod people;
mod saved;
mod uplink;
mod view;
mod windows;

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::Arc;

use super::blind::Uplink;
use super::blind::UplinkVerdict;
use super::depend;
use super::depend::Paths;
use super::effects::Effects;
use super::incident::Incidents;
use super::round;
use super::snapshot::BlindSpan;
use super::state::TargetState;
use super::step;
use super::step::Context;
use super::topology::Reach;
use super::topology::Slot;
use super::topology::Topology;
use super::topology::Watch;
use crate::model::Detail;
use crate::model::EventKind;
use crate::model::Observation;
use crate::model::Outcome;
use crate::model::Reason;
use crate::model::Span;
use crate::model::State;
use crate::model::TargetId;
use crate::model::Timestamp;

pub use saved::SavedState;

/// The states of all targets.
#[derive(Debug, Clone)]
pub struct Table {
    topology: Topology,
    /// By slot.
    states: Vec<TargetState>,
    incidents: Incidents,
    uplink: Uplink,
    /// When the uplink had failed, oldest first; at most [`BlindSpan::KEPT`].
    blind_spans: VecDeque<BlindSpan>,
    /// Failed, and waiting for the verdict on what they depend on.
    held: BTreeSet<Slot>,
    /// Whose state or root changed in this input, so that children must be told.
    queue: VecDeque<Slot>,
    /// Who has failed in this input.
    failed: Vec<Slot>,
    /// Who was looked at in this input while others waited.
    looked_at: Vec<Slot>,
    /// Probes that decide nothing and fail: by target and probe.
    findings: HashMap<(TargetId, Arc<str>), Finding>,
    /// When each maintenance window changes next, and whether it is open.
    windows: Vec<windows::Standing>,
    /// How many open windows cover each slot.
    covered: Vec<windows::Covered>,
    /// States and windows have been brought together since either was replaced.
    has_reconciled: bool,
    /// Slots to hand to the record: flag and list.
    dirty: Vec<bool>,
    dirty_list: Vec<Slot>,
    /// The newest time that was handed in.
    now: Timestamp,
}

/// A probe that decides nothing and fails.
#[derive(Debug, Clone, PartialEq)]
struct Finding {
    reason: Reason,
    times: u8,
    is_told: bool,
}

/// Failures of a probe that decides nothing, until they are told.
const FINDING_AFTER: u8 = 2;

/// A reply that is this much newer than the one on record is worth a row.
const SAVE_REPLY_AFTER: Span = Span::from_secs(600);

/// A step back of the wall clock smaller than this is taken for two threads' disagreement.
const CLOCK_TOLERANCE: Span = Span::from_secs(1);

/// Nobody called for so long: the machine slept, or the clock stepped forward.
const CLOCK_GAP: Span = Span::from_secs(60);

/// The part of the table that a step asks about the rest of the world.
struct World<'a> {
    topology: &'a Topology,
    states: &'a [TargetState],
    uplink: &'a Uplink,
    slot: Slot,
}

impl Context for World<'_> {
    fn paths(&self, first: Timestamp, last: Timestamp) -> Paths {
        let parents = self.topology.parents(self.slot).iter().filter_map(|slot| {
            let spec = self.topology.spec(*slot)?;
            Some((spec.id, self.states.get(*slot as usize)?))
        });
        depend::paths(parents, first, last)
    }

    fn uplink(&self, first: Timestamp, last: Timestamp) -> UplinkVerdict {
        match self.topology.spec(self.slot) {
            Some(spec) if spec.reach.is_behind_uplink() => self.uplink.verdict(first, last),
            _ => UplinkVerdict::Fine,
        }
    }

    fn uplink_worked_at(&self, at: Timestamp) -> bool {
        self.uplink.worked_at(at)
    }
}

impl Table {
    /// A table in which nothing is known, as of `now`.
    pub fn new(topology: Topology, now: Timestamp) -> Self {
        let count = topology.specs().len();
        let mut table = Self {
            states: vec![TargetState::new(now); count],
            dirty: vec![false; count],
            topology,
            incidents: Incidents::default(),
            uplink: Uplink::default(),
            blind_spans: VecDeque::new(),
            held: BTreeSet::new(),
            queue: VecDeque::new(),
            failed: Vec::new(),
            looked_at: Vec::new(),
            findings: HashMap::new(),
            windows: Vec::new(),
            covered: vec![windows::Covered::default(); count],
            has_reconciled: false,
            dirty_list: Vec::new(),
            now,
        };
        table.windows = vec![windows::Standing::default(); table.topology.windows().len()];
        table
    }

    /// How targets are watched.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// The state of one target.
    pub fn state(&self, id: TargetId) -> Option<&TargetState> {
        self.states.get(self.topology.slot(id)? as usize)
    }

    /// Open incidents and the newest closed ones.
    pub fn incidents(&self) -> &Incidents {
        &self.incidents
    }

    /// When the own uplink failed; `None`: it has not.
    pub fn blind_since(&self) -> Option<Timestamp> {
        self.uplink.blind_since
    }

    /// When the own uplink had failed, newest first, with the failure that lasts.
    pub fn blind_spans(&self) -> Vec<BlindSpan> {
        let lasting = self.uplink.blind_since.map(|started_at| BlindSpan {
            started_at,
            ended_at: None,
        });
        let ended = self.blind_spans.iter().rev().copied();
        lasting.into_iter().chain(ended).take(BlindSpan::KEPT).collect()
    }

    /// Says where a target lies, once its name has been resolved.
    pub fn set_reach(&mut self, id: TargetId, reach: Reach) {
        self.topology.set_reach(id, reach);
    }

    /// Takes one observation in. One of a target that is not in the topology is ignored.
    pub fn observe(&mut self, observation: &Observation, now: Timestamp, effects: &mut Effects) {
        self.observe_batch([observation], now, effects);
    }

    /// Takes observations in. What follows from failures is asked once all of
    /// them are in, so that the order of those of one instant changes nothing.
    pub fn observe_batch<'a>(
        &mut self,
        observations: impl IntoIterator<Item = &'a Observation, IntoIter: Clone>,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let now = self.arrive(now);
        let observations = observations.into_iter();
        if self.uplink.blind_since.is_some() {
            self.end_blindness(observations.clone(), now, effects);
        }
        for observation in observations {
            self.take_in(observation, now, effects);
        }
        self.conclude(now, effects);
    }

    fn take_in(&mut self, observation: &Observation, now: Timestamp, effects: &mut Effects) {
        let Some(slot) = self.topology.slot(observation.target) else {
            return;
        };
        let (Some(spec), Some(state)) = (
            self.topology.specs().get(slot as usize),
            self.states.get_mut(slot as usize),
        ) else {
            return;
        };
        if spec.watch == Watch::Nothing {
            return;
        }
        let at = observation.at.min(now);
        let is_good = observation.outcome == Outcome::Good;
        let behind = spec.reach.is_behind_uplink();
        let decides = spec.liveness.contains(&observation.probe);
        if is_good && decides {
            state
                .averages
                .add(&observation.detail, at, self.topology.degraded_over());
        }
        let round = round::take(state, spec, observation, at);
        if is_good && behind && decides {
            self.uplink.answered(at);
        }
        if !decides && !matches!(observation.detail, Detail::Presence(_)) {
            self.note_finding(observation, at, now, effects);
        }
        if let Some(round) = round {
            self.judge_round(slot, &round, now, effects);
        } else if is_good {
            self.save_if_newer(slot);
        } else {
            self.mark(slot);
        }
    }

    fn judge_round(&mut self, slot: Slot, round: &round::Round, now: Timestamp, effects: &mut Effects) {
        let (Some(spec), Some(state)) = (self.topology.spec(slot), self.states.get_mut(slot as usize)) else {
            return;
        };
        let is_blind = spec.reach.is_behind_uplink() && self.uplink.blind_since.is_some();
        let mut moves = Vec::new();
        if round.verdict == round::Verdict::Good {
            moves = step::step(state, spec, round);
            step::degrade(state, spec, round.at, &mut moves);
        } else if !is_blind {
            moves = step::step(state, spec, round);
        }
        if moves.is_empty() {
            self.save_if_newer(slot);
        } else {
            self.apply(slot, moves, now, effects);
        }
        if !self.held.is_empty() && !self.topology.children(slot).is_empty() {
            self.looked_at.push(slot);
        }
    }

    /// The time of an input. A step back makes nothing lie in the future; a leap
    /// forward gives those that wait their whole time again (trap 24).
    fn arrive(&mut self, now: Timestamp) -> Timestamp {
        if now < self.now {
            if self.now.since(now) < CLOCK_TOLERANCE {
                return self.now;
            }
            for state in &mut self.states {
                state.clamp(now);
            }
            self.uplink.clamp(now);
            self.windows.iter_mut().for_each(windows::Standing::ask_again);
        } else if now.since(self.now) > CLOCK_GAP {
            for slot in &self.held {
                if let Some(state) = self.states.get_mut(*slot as usize) {
                    state.held_since = now;
                }
            }
        }
        self.now = now;
        now
    }

    /// Time has come to `now`: windows open and close, waiting ends,
    /// acknowledgements run out, passive devices fall silent.
    ///
    /// Call it about once a second, and at [`Table::next_wakeup`].
    pub fn tick(&mut self, now: Timestamp, effects: &mut Effects) {
        let now = self.arrive(now);
        self.open_and_close_windows(now, effects);
        self.end_old_acknowledgements(now, effects);
        self.check_blind(now, effects);
        let waiting: Vec<Slot> = self.held.iter().copied().collect();
        for slot in waiting {
            self.judge_held(slot, now, effects);
        }
        self.conclude(now, effects);
    }

    /// Passive devices without evidence for long become unknown. Walks all
    /// targets: call it about once a minute.
    pub fn tick_slowly(&mut self, now: Timestamp, effects: &mut Effects) {
        let now = self.arrive(now);
        let limit = self.topology.passive_after();
        let silent: Vec<Slot> = (0..)
            .zip(&self.states)
            .filter(|(_, state)| state.state.is_online() && state.last_reply_at.plus(limit) <= now)
            .filter(|(slot, _)| {
                self.topology
                    .spec(*slot)
                    .is_some_and(|spec| spec.watch == Watch::Passive)
            })
            .map(|(slot, _)| slot)
            .collect();
        for slot in silent {
            let mut moves = Vec::new();
            if let Some(state) = self.states.get_mut(slot as usize) {
                let at = state.last_reply_at.plus(limit);
                state.enter(State::Unknown, at, Some(Reason::NotPolled), &mut moves);
            }
            self.apply(slot, moves, now, effects);
        }
        self.conclude(now, effects);
    }

    /// When something is to happen without an observation; `None`: nothing is.
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        let held = self.held.iter().filter_map(|slot| {
            let state = self.states.get(*slot as usize)?;
            let spec = self.topology.spec(*slot)?;
            Some(state.held_since.plus(spec.confirm.hold_at_most))
        });
        let windows = self.windows.iter().filter_map(|standing| standing.next);
        let acknowledged = self
            .incidents
            .open()
            .filter_map(|incident| incident.acknowledgement.as_ref()?.until);
        held.chain(windows).chain(acknowledged).min()
    }

    /// The daemon began to look. `last_alive` is the last moment for which the
    /// record holds data: what lies between is *no data* (trap 20).
    pub fn started(&mut self, last_alive: Option<Timestamp>, now: Timestamp, effects: &mut Effects) {
        let now = self.arrive(now);
        effects.event(None, now, now, EventKind::DaemonStarted { last_alive });
        self.forget_uplink_without_rule(now, effects);
    }

    /// The daemon ends in order.
    pub fn stopped(&mut self, now: Timestamp, effects: &mut Effects) {
        let now = self.arrive(now);
        effects.event(None, now, now, EventKind::DaemonStopped);
    }

    /// A device's agent has restarted (the profile says so; trap 4).
    pub fn rebooted(&mut self, id: TargetId, at: Timestamp, now: Timestamp, effects: &mut Effects) {
        let now = self.arrive(now);
        let Some(slot) = self.topology.slot(id) else {
            return;
        };
        if let Some(state) = self.states.get_mut(slot as usize) {
            state.reboots = state.reboots.saturating_add(1);
        }
        effects.event(Some(id), at.min(now), now, EventKind::Rebooted);
        self.mark(slot);
        effects.changed.push(id);
    }

    /// The used share of a target's bandwidth, 0 to 1, for its threshold.
    pub fn utilisation(
        &mut self,
        id: TargetId,
        share: f64,
        at: Timestamp,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let now = self.arrive(now);
        let Some(slot) = self.topology.slot(id) else {
            return;
        };
        let mut moves = Vec::new();
        if let (Some(spec), Some(state)) = (self.topology.spec(slot), self.states.get_mut(slot as usize)) {
            state.averages.set_utilisation(share);
            step::degrade(state, spec, at.min(now), &mut moves);
        }
        self.apply(slot, moves, now, effects);
        self.conclude(now, effects);
    }

    fn note_finding(
        &mut self,
        observation: &Observation,
        at: Timestamp,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let key = (observation.target, observation.probe.clone());
        let told = |reason| EventKind::Finding {
            probe: observation.probe.as_ref().to_owned(),
            reason,
        };
        match &observation.outcome {
            Outcome::Good => {
                if self.findings.remove(&key).is_some_and(|old| old.is_told) {
                    effects.event(Some(observation.target), at, now, told(None));
                }
            }
            Outcome::Bad(reason) => {
                let finding = self.findings.entry(key).or_insert_with(|| Finding {
                    reason: reason.clone(),
                    times: 0,
                    is_told: false,
                });
                if finding.reason != *reason {
                    finding.reason = reason.clone();
                    finding.times = 0;
                    finding.is_told = false;
                }
                finding.times = finding.times.saturating_add(1);
                if finding.times >= FINDING_AFTER && !finding.is_told {
                    finding.is_told = true;
                    effects.event(Some(observation.target), at, now, told(Some(reason.clone())));
                }
            }
            Outcome::Blind(_) => {}
        }
    }

    /// The record must hold this state anew.
    fn mark(&mut self, slot: Slot) {
        if let Some(flag) = self.dirty.get_mut(slot as usize)
            && !*flag
        {
            *flag = true;
            self.dirty_list.push(slot);
        }
    }

    /// A reply alone is written down now and then only.
    fn save_if_newer(&mut self, slot: Slot) {
        let is_due = self
            .states
            .get(slot as usize)
            .is_some_and(|s| s.last_reply_at.since(s.saved_reply_at) >= SAVE_REPLY_AFTER);
        if is_due {
            self.mark(slot);
        }
    }
}

#[cfg(test)]
mod tests;
