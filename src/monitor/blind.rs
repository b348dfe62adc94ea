//! Our own uplink: blind, not broken (design §3.3, trap 20).
//!
//! 1. A look at the uplink has failed when no `self_check` address answered.
//! 2. The uplink has failed when its interface has lost carrier at such a look; or
//!    when such looks fail as often in a row as confirm an outage and nothing
//!    behind the uplink has answered since the first of them: the witnesses
//!    (targets on directly connected subnets that were there) have all been
//!    looked at since, or had [`WITNESS_TIME`] to be.
//! 3. It is back with the first answer of a `self_check` address, or of anything behind it.
//!
//! Before a target behind the uplink is held to be down, the uplink must have
//! been seen to work at or after the target's last failure, and not have been
//! seen to fail since the first. A `self_check` address that fails while others
//! answer is distrusted: it has died itself and says nothing about the uplink.

use super::state::NEVER;
use super::topology::Slot;
use crate::model::Span;
use crate::model::Timestamp;

/// One look at the uplink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UplinkLook {
    /// When it began.
    pub at: Timestamp,
    /// Whether any `self_check` address answered.
    pub answered: bool,
    /// Whether the interface of the default route has carrier; true where that is not known.
    pub carrier: bool,
}

/// Most witnesses that are asked.
pub const MAX_WITNESSES: usize = 16;

/// How long witnesses may take.
pub const WITNESS_TIME: Span = Span::from_secs(20);

/// What is known of the uplink.
#[derive(Debug, Clone, PartialEq)]
pub struct Uplink {
    /// Last time that it was seen to work.
    pub(crate) fine_at: Timestamp,
    /// First time that it was seen to work since it last failed; [`NEVER`]: it was not since then.
    pub(crate) fine_since: Timestamp,
    /// The stretch before it last failed in which every look saw it work: first and last time.
    pub(crate) worked: (Timestamp, Timestamp),
    /// First of the failed looks in a row.
    pub(crate) failing_since: Timestamp,
    /// How many failed in a row.
    pub(crate) failures: u8,
    /// Newest failed look that spoke of the uplink.
    pub(crate) last_bad_at: Timestamp,
    /// The `self_check` addresses fail though others answer.
    pub(crate) is_distrusted: bool,
    /// The interface has lost carrier.
    pub(crate) no_carrier: bool,
    /// Since when it is held to have failed.
    pub(crate) blind_since: Option<Timestamp>,
    /// Whom we asked whether they still answer.
    pub(crate) witnesses: Vec<Slot>,
    /// Somebody does look at it.
    pub(crate) is_watched: bool,
}

/// What the uplink says about a failed target behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UplinkVerdict {
    /// It works, or nobody watches it.
    Fine,
    /// It works, since then; it did not all the time.
    Back {
        /// When it was seen to work.
        since: Timestamp,
    },
    /// Not known: ask.
    Waiting,
    /// It has failed.
    Blind,
}

impl Default for Uplink {
    fn default() -> Self {
        Self {
            fine_at: NEVER,
            fine_since: NEVER,
            worked: (NEVER, NEVER),
            failing_since: NEVER,
            failures: 0,
            last_bad_at: NEVER,
            is_distrusted: false,
            no_carrier: false,
            blind_since: None,
            witnesses: Vec::new(),
            is_watched: false,
        }
    }
}

impl Uplink {
    /// What it says about a target behind it that failed from `first` to `last`.
    pub fn verdict(&self, first: Timestamp, last: Timestamp) -> UplinkVerdict {
        if self.blind_since.is_some() {
            UplinkVerdict::Blind
        } else if !self.is_watched {
            UplinkVerdict::Fine
        } else if self.fine_at < last || self.no_carrier {
            UplinkVerdict::Waiting
        } else if self.last_bad_at >= first {
            UplinkVerdict::Back { since: self.fine_at }
        } else {
            UplinkVerdict::Fine
        }
    }

    /// Something behind it, or a `self_check` address, answered a look that began at `at`.
    pub(crate) fn answered(&mut self, at: Timestamp) {
        self.fine_at = self.fine_at.max(at);
        if at > self.last_bad_at && (self.fine_since == NEVER || at < self.fine_since) {
            self.fine_since = at;
        }
    }

    /// Whether it worked at `at`: it was seen to before and after, and never to fail between.
    pub fn worked_at(&self, at: Timestamp) -> bool {
        let (from, until) = self.worked;
        (from <= at && at <= until)
            || (self.fine_since != NEVER && self.fine_since <= at && at <= self.fine_at)
    }

    /// A look at it failed. Returns whether that is the first in a row, so that
    /// witnesses must be asked.
    pub(crate) fn failed(&mut self, look: UplinkLook) -> bool {
        self.no_carrier = !look.carrier;
        if look.carrier && self.fine_at >= look.at {
            return false;
        }
        let is_first = self.failures == 0 || self.fine_at >= self.failing_since;
        if is_first {
            if self.failures > 0 {
                self.is_distrusted = true;
                self.last_bad_at = NEVER;
                // What failed so far was that address, not the uplink.
                if self.worked.0 != NEVER {
                    self.fine_since = self.worked.0;
                }
            }
            self.failing_since = look.at;
            self.failures = 1;
        } else {
            self.failures = self.failures.saturating_add(1);
        }
        let speaks = !self.is_distrusted || !look.carrier;
        if speaks && self.fine_since != NEVER {
            self.worked = (self.fine_since, self.fine_at);
            self.fine_since = NEVER;
        }
        if !self.is_distrusted {
            self.last_bad_at = look.at;
        }
        is_first
    }

    /// Whether it has failed by now, by rule 2. `witness_looked` tells whether
    /// a witness has been looked at since the first failed look.
    pub(crate) fn has_failed(
        &self,
        down_after: u8,
        now: Timestamp,
        witness_looked: impl Fn(Slot) -> bool,
    ) -> bool {
        if self.failures == 0 || self.fine_at >= self.failing_since {
            return false;
        }
        self.no_carrier
            || (self.failures >= down_after
                && (now >= self.failing_since.plus(WITNESS_TIME)
                    || self.witnesses.iter().all(|slot| witness_looked(*slot))))
    }

    pub(crate) fn recovered(&mut self, at: Timestamp) -> Option<Timestamp> {
        self.answered(at);
        self.failures = 0;
        self.is_distrusted = false;
        self.no_carrier = false;
        self.failing_since = NEVER;
        self.witnesses.clear();
        self.blind_since.take()
    }

    /// The wall clock stepped back to `now`.
    pub(crate) fn clamp(&mut self, now: Timestamp) {
        self.fine_at = self.fine_at.min(now);
        self.fine_since = self.fine_since.min(now);
        self.worked = (self.worked.0.min(now), self.worked.1.min(now));
        self.failing_since = self.failing_since.min(now);
        self.last_bad_at = self.last_bad_at.min(now);
        self.blind_since = self.blind_since.map(|at| at.min(now));
    }
}
