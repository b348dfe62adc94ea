//! What the monitor wants done: events to record, looks to order, readers to tell.

use crate::model::Event;
use crate::model::EventKind;
use crate::model::TargetId;
use crate::model::Timestamp;

/// What follows from an input. The caller keeps one, drains it and uses it again.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Effects {
    /// What happened, in the order in which it is to be recorded.
    pub events: Vec<Event>,
    /// Looks to order, with all liveness probes of the target. May name a
    /// target several times; the earliest order suffices.
    pub orders: Vec<ProbeNow>,
    /// Look at the own uplink no later than this.
    pub check_uplink: Option<Timestamp>,
    /// Targets of which something other than the times of the last look and
    /// reply changed: state, reason, suspicion, incident, overlays. May repeat.
    pub changed: Vec<TargetId>,
    /// Some incident opened, changed or closed: publish the list again.
    pub incidents_changed: bool,
}

/// An order to look at a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProbeNow {
    /// Whom.
    pub target: TargetId,
    /// When.
    pub at: Timestamp,
    /// What for.
    pub why: Why,
}

/// Why a look is ordered out of turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// To confirm a failure or a recovery.
    Confirm,
    /// A target that depends on it fails.
    Parent,
    /// What it depends on is back.
    Released,
    /// The own uplink fails: does anything near still answer?
    Witness,
}

impl Effects {
    /// Nothing to do.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.events.clear();
        self.orders.clear();
        self.changed.clear();
        self.check_uplink = None;
        self.incidents_changed = false;
    }

    pub(crate) fn event(&mut self, target: Option<TargetId>, at: Timestamp, now: Timestamp, kind: EventKind) {
        self.events.push(Event {
            at,
            recorded_at: now,
            target,
            kind,
        });
    }

    pub(crate) fn order(&mut self, target: TargetId, at: Timestamp, why: Why) {
        self.orders.push(ProbeNow { target, at, why });
    }

    pub(crate) fn check_uplink_at(&mut self, at: Timestamp) {
        self.check_uplink = Some(self.check_uplink.map_or(at, |earlier| earlier.min(at)));
    }
}
