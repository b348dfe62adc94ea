//! Which look decides (design §3.0).
//!
//! A round is good if any liveness probe shows life, or any other answer of the
//! target has come since the last round; it failed if all liveness probes
//! failed; it is blind if none of them could look. Other probes take nobody down.

use super::state::NEVER;
use super::state::TargetState;
use super::topology::TargetSpec;
use super::topology::Watch;
use crate::model::Detail;
use crate::model::EvidenceKind;
use crate::model::Observation;
use crate::model::Outcome;
use crate::model::Reason;
use crate::model::Timestamp;

/// What a round of looks came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Round {
    /// When it began; for a good one, when the target showed life.
    pub at: Timestamp,
    /// What it came to.
    pub verdict: Verdict,
}

/// What a round came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It lives.
    Good,
    /// It does not answer.
    Bad(Reason),
    /// We could not look.
    Blind(Reason),
}

/// Takes an observation in. `at` is its moment, not after now.
///
/// Writes down evidence and times in `state`. `None`: no round ended with it.
pub(crate) fn take(
    state: &mut TargetState,
    spec: &TargetSpec,
    observation: &Observation,
    at: Timestamp,
) -> Option<Round> {
    let probe = spec.liveness.iter().position(|name| *name == observation.probe);
    let refused = Outcome::Bad(Reason::Refused);
    let outcome = if is_untrusted_refusal(spec, observation) {
        &refused
    } else {
        &observation.outcome
    };
    match outcome {
        Outcome::Good => good(state, spec, observation, at, probe.is_some()),
        Outcome::Bad(reason) => {
            let only_one = spec.liveness.len() == 1;
            let blind = only_one && matches!(reason, Reason::Auth | Reason::Privacy);
            failed(state, spec, probe?, at, reason, blind)
        }
        Outcome::Blind(_) => failed(state, spec, probe?, at, &Reason::Blind, true),
    }
}

/// A TCP refusal shows life only where no firewall answers in others' names (design §3.9).
fn is_untrusted_refusal(spec: &TargetSpec, observation: &Observation) -> bool {
    !spec.trust_refusal
        && observation.outcome == Outcome::Good
        && matches!(&observation.detail, Detail::Presence(e) if e.kind == EvidenceKind::TcpRefusal)
}

fn good(
    state: &mut TargetState,
    spec: &TargetSpec,
    observation: &Observation,
    at: Timestamp,
    is_liveness: bool,
) -> Option<Round> {
    match &observation.detail {
        Detail::Echo(_) => state.note_evidence(EvidenceKind::EchoReply, at),
        Detail::Snmp(_) => state.note_evidence(EvidenceKind::Snmp, at),
        Detail::Presence(evidence) => state.note_evidence(evidence.kind, at),
        Detail::None | Detail::Service(_) => {}
    }
    state.last_reply_at = state.last_reply_at.max(at);
    let decides = is_liveness || spec.watch == Watch::Passive;
    // An answer from before the last round says nothing about now.
    if !decides || at < state.last_look_at {
        return None;
    }
    clear(state);
    state.last_look_at = at;
    Some(Round {
        at,
        verdict: Verdict::Good,
    })
}

fn clear(state: &mut TargetState) {
    state.failed_mask = 0;
    state.blind_mask = 0;
    state.round_at = NEVER;
}

fn failed(
    state: &mut TargetState,
    spec: &TargetSpec,
    probe: usize,
    at: Timestamp,
    reason: &Reason,
    is_blind: bool,
) -> Option<Round> {
    if at < state.last_look_at {
        return None;
    }
    let bit = 1_u8 << probe.min(TargetSpec::MAX_LIVENESS - 1);
    if state.round_at == NEVER {
        state.round_at = at;
    }
    if is_blind {
        state.blind_mask |= bit;
        state.failed_mask &= !bit;
    } else {
        state.failed_mask |= bit;
        state.blind_mask &= !bit;
    }
    let count = u32::try_from(spec.liveness.len()).unwrap_or(u32::MAX);
    if (state.failed_mask | state.blind_mask).count_ones() < count {
        return None;
    }
    let began = state.round_at;
    let all_blind = state.failed_mask == 0;
    clear(state);
    let other = other_answer(state, spec, at);
    state.last_look_at = at;
    Some(if let Some(at) = other {
        Round {
            at,
            verdict: Verdict::Good,
        }
    } else if all_blind {
        Round {
            at: began,
            verdict: Verdict::Blind(reason.clone()),
        }
    } else {
        Round {
            at: began,
            verdict: Verdict::Bad(reason.clone()),
        }
    })
}

/// When something else than the probes of this round showed life: an answer
/// since the last round; for what is not always on, an entry in a neighbour,
/// bridge or association table that is not too old (those are read rarely).
fn other_answer(state: &TargetState, spec: &TargetSpec, at: Timestamp) -> Option<Timestamp> {
    if state.last_reply_at > state.last_look_at {
        return Some(state.last_reply_at);
    }
    let seen = [
        EvidenceKind::Arp,
        EvidenceKind::BridgeEntry,
        EvidenceKind::WifiAssociation,
    ]
    .into_iter()
    .filter_map(|kind| state.evidence_at(kind))
    .max()?;
    (!spec.always_on && seen.plus(spec.confirm.evidence_holds) > at).then_some(seen)
}
