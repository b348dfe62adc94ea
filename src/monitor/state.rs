//! What is held to be true of one target, and what is being confirmed.
//!
//! Compact: a hundred thousand of these are walked and saved. A moment that
//! never came is [`NEVER`].

use serde::{Deserialize, Serialize};

use super::degrade::Averages;
use crate::model::EvidenceKind;
use crate::model::IncidentId;
use crate::model::Reason;
use crate::model::State;
use crate::model::TargetId;
use crate::model::Timestamp;

/// A moment that never came.
pub const NEVER: Timestamp = Timestamp::MIN;

/// Kinds of evidence: the length of the list in a state.
pub(crate) const EVIDENCE_KINDS: [EvidenceKind; 7] = [
    EvidenceKind::EchoReply,
    EvidenceKind::TcpConnection,
    EvidenceKind::TcpRefusal,
    EvidenceKind::Arp,
    EvidenceKind::BridgeEntry,
    EvidenceKind::WifiAssociation,
    EvidenceKind::Snmp,
];

/// The state of one target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TargetState {
    /// The confirmed state.
    pub state: State,
    /// Why.
    pub reason: Option<Reason>,
    /// Since when.
    pub since: Timestamp,
    /// The outage that is open for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident: Option<IncidentId>,
    /// The target whose outage makes it unreachable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<TargetId>,
    /// Its outage began by itself, not with a parent's.
    #[serde(skip_serializing_if = "is_default")]
    pub own_cause: bool,
    /// Failed rounds in a row that have led to no verdict yet.
    #[serde(skip_serializing_if = "is_default")]
    pub failures: u8,
    /// Good rounds in a row during an outage.
    #[serde(skip_serializing_if = "is_default")]
    pub goods: u8,
    /// Blind rounds in a row.
    #[serde(skip_serializing_if = "is_default")]
    pub blinds: u8,
    /// Liveness probes that failed in the unfinished round: a bit each.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) failed_mask: u8,
    /// Liveness probes that were blind in the unfinished round.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) blind_mask: u8,
    /// When the unfinished round began to fail.
    #[serde(skip_serializing_if = "is_never")]
    pub(crate) round_at: Timestamp,
    /// First of the failures in a row.
    #[serde(skip_serializing_if = "is_never")]
    pub first_bad_at: Timestamp,
    /// First of the failures since the last good round, also of those that its
    /// path may have caused: when an outage began, if one did.
    #[serde(skip_serializing_if = "is_never")]
    pub unanswered_since: Timestamp,
    /// Newest failure.
    #[serde(skip_serializing_if = "is_never")]
    pub last_bad_at: Timestamp,
    /// First of the good rounds in a row, during an outage.
    #[serde(skip_serializing_if = "is_never")]
    pub first_good_at: Timestamp,
    /// First of the blind rounds in a row.
    #[serde(skip_serializing_if = "is_never")]
    pub first_blind_at: Timestamp,
    /// Why it failed, while that waits for a verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<Reason>,
    /// Failures of looks that began no later than this count for nothing (trap 19).
    #[serde(skip_serializing_if = "is_never")]
    pub fresh_after: Timestamp,
    /// Since when it waits for the verdict on what it depends on.
    #[serde(skip_serializing_if = "is_never")]
    pub held_since: Timestamp,
    /// Since when its verdict is put off, because what it depends on was not there
    /// all the time, and new failures must be seen.
    pub put_off_since: Timestamp,
    /// Last answer of any protocol.
    #[serde(skip_serializing_if = "is_never")]
    pub last_reply_at: Timestamp,
    /// Last round.
    #[serde(skip_serializing_if = "is_never")]
    pub last_look_at: Timestamp,
    /// The window of the last results: bit 0 the newest; set where it differed from the one before.
    #[serde(skip_serializing_if = "is_default")]
    pub changes: u32,
    /// The last result was good.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) last_was_good: bool,
    /// It has had a result.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) has_result: bool,
    /// It changes its state too often.
    #[serde(skip_serializing_if = "is_default")]
    pub flapping: bool,
    /// A maintenance window covers it.
    #[serde(skip_serializing_if = "is_default")]
    pub maintenance: bool,
    /// A silence covers it.
    #[serde(skip_serializing_if = "is_default")]
    pub silenced: bool,
    /// Loss and times, averaged.
    #[serde(skip_serializing_if = "is_default")]
    pub averages: Averages,
    /// Newest evidence of presence, in the order of [`EVIDENCE_KINDS`].
    #[serde(skip_serializing_if = "are_never")]
    pub(crate) evidence: [Timestamp; EVIDENCE_KINDS.len()],
    /// Outages begun.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) outages: u32,
    /// Reboots seen.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) reboots: u32,
    /// Microseconds in outages.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) outage_micros: u64,
    /// Until when the above is counted, in an outage.
    #[serde(skip_serializing_if = "is_never")]
    pub(crate) outage_until: Timestamp,
    /// Microseconds for which the state was known and counted.
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) observed_micros: u64,
    /// Until when the above is counted.
    #[serde(skip_serializing_if = "is_never")]
    pub(crate) observed_until: Timestamp,
    /// When this was last handed to the record.
    #[serde(skip)]
    pub(crate) saved_reply_at: Timestamp,
}

// What is as in a new state is not written: most of it, most of the time.

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_never(at: &Timestamp) -> bool {
    *at == NEVER
}

fn are_never(all: &[Timestamp]) -> bool {
    all.iter().all(is_never)
}

impl Default for TargetState {
    fn default() -> Self {
        Self::new(NEVER)
    }
}

impl TargetState {
    /// Nothing is known of it, since `at`.
    pub fn new(at: Timestamp) -> Self {
        Self {
            state: State::Unknown,
            reason: Some(Reason::NotPolled),
            since: at,
            incident: None,
            root: None,
            own_cause: false,
            failures: 0,
            goods: 0,
            blinds: 0,
            failed_mask: 0,
            blind_mask: 0,
            round_at: NEVER,
            first_bad_at: NEVER,
            unanswered_since: NEVER,
            last_bad_at: NEVER,
            first_good_at: NEVER,
            first_blind_at: NEVER,
            failure_reason: None,
            fresh_after: NEVER,
            held_since: NEVER,
            put_off_since: NEVER,
            last_reply_at: NEVER,
            last_look_at: NEVER,
            changes: 0,
            last_was_good: false,
            has_result: false,
            flapping: false,
            maintenance: false,
            silenced: false,
            averages: Averages::default(),
            evidence: [NEVER; EVIDENCE_KINDS.len()],
            outages: 0,
            reboots: 0,
            outage_micros: 0,
            outage_until: NEVER,
            observed_micros: 0,
            observed_until: NEVER,
            saved_reply_at: NEVER,
        }
    }

    /// A failed round waits for its confirmation.
    pub fn is_suspect(&self) -> bool {
        self.failures > 0 && !self.state.is_out()
    }

    /// It has failed often enough, and waits for the verdict on what it depends on.
    pub fn is_held(&self) -> bool {
        self.held_since != NEVER
    }

    /// Known good: it is online, nothing speaks against it, and it answered at or after `asked`.
    pub fn is_good_since(&self, asked: Timestamp) -> bool {
        self.state.is_online() && self.failures == 0 && self.last_reply_at >= asked
    }

    /// Known bad: out, and no sign that it comes back.
    pub fn is_out(&self) -> bool {
        self.state.is_out() && self.goods == 0
    }

    /// The newest evidence of a kind.
    pub fn evidence_at(&self, kind: EvidenceKind) -> Option<Timestamp> {
        let i = EVIDENCE_KINDS.iter().position(|k| *k == kind)?;
        self.evidence.get(i).copied().filter(|at| *at != NEVER)
    }

    /// All kinds of evidence that there are, with their newest moments.
    pub fn evidence(&self) -> impl Iterator<Item = (EvidenceKind, Timestamp)> {
        EVIDENCE_KINDS
            .into_iter()
            .zip(self.evidence)
            .filter(|(_, at)| *at != NEVER)
    }

    pub(crate) fn note_evidence(&mut self, kind: EvidenceKind, at: Timestamp) {
        if let Some(slot) = EVIDENCE_KINDS
            .iter()
            .position(|k| *k == kind)
            .and_then(|i| self.evidence.get_mut(i))
        {
            *slot = at.max(*slot);
        }
    }

    /// Forgets what was being confirmed.
    pub(crate) fn settle(&mut self) {
        self.failures = 0;
        self.goods = 0;
        self.blinds = 0;
        self.failed_mask = 0;
        self.blind_mask = 0;
        self.round_at = NEVER;
        self.held_since = NEVER;
        self.put_off_since = NEVER;
        self.unanswered_since = NEVER;
    }

    /// The wall clock stepped back to `now`: nothing lies in the future (trap 24).
    pub(crate) fn clamp(&mut self, now: Timestamp) {
        for at in [
            &mut self.since,
            &mut self.round_at,
            &mut self.first_bad_at,
            &mut self.unanswered_since,
            &mut self.last_bad_at,
            &mut self.first_good_at,
            &mut self.first_blind_at,
            &mut self.fresh_after,
            &mut self.held_since,
            &mut self.put_off_since,
            &mut self.last_reply_at,
            &mut self.last_look_at,
            &mut self.outage_until,
            &mut self.observed_until,
            &mut self.averages.at,
        ] {
            *at = (*at).min(now);
        }
        for at in &mut self.evidence {
            *at = (*at).min(now);
        }
    }
}
