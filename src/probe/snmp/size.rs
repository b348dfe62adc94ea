//! How much one agent is asked for in one request: learned, and remembered.
//!
//! Pure. The size is the number of objects (bindings) in one answer; a GETBULK
//! over four columns with ten repetitions has the size 40. It starts modestly,
//! grows slowly while the answers come full, and is halved when the agent says
//! `tooBig` or twice says nothing (trap 9). A size of 1 means GETNEXT.
//!
//! A size that failed by silence only is suspect, not proved: the network may
//! have lost the packets. It is tried again after the growth of a few answers,
//! and only the second failure bars it, for an hour.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::Mono;
use crate::model::Span;

/// Bindings of the first request: 60 of 24 bytes fill a packet of 1,440 bytes.
const FIRST_BINDINGS: u16 = 60;
/// Repetitions of the first GETBULK. Precedent: net-snmp, Telegraf, Checkmk.
const FIRST_REPETITIONS: u16 = 10;
/// Most bindings ever asked for; more would not fit into an unfragmented packet.
const MOST_BINDINGS: u16 = 128;
/// How long a size that failed is not tried again.
const BARRED: Span = Duration::from_secs(3600);

/// The learned size of one agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    bindings: u16,
    repetitions: u16,
    /// The smallest size that failed by silence since one as large was answered.
    suspect: Option<u16>,
    /// The size from which on nothing is asked, and until when.
    bar: Option<(u16, Mono)>,
}

/// What is remembered of a size over a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Kept {
    /// Most bindings to ask for.
    pub bindings: u16,
    /// The size that failed, if one did.
    pub barred: Option<u16>,
}

impl Default for Size {
    fn default() -> Self {
        Self {
            bindings: FIRST_BINDINGS,
            repetitions: FIRST_REPETITIONS,
            suspect: None,
            bar: None,
        }
    }
}

impl Size {
    /// What is to be remembered over a restart.
    pub fn kept(&self) -> Kept {
        Kept {
            bindings: self.bindings,
            barred: self.bar.map(|(barred, _)| barred),
        }
    }

    /// A size that was remembered over a restart. What was barred stays so for
    /// another while: it would otherwise grow over it at once.
    pub fn remembered(kept: Kept, now: Mono) -> Self {
        Self {
            bindings: kept.bindings.clamp(1, MOST_BINDINGS),
            bar: kept.barred.map(|barred| (barred, now.plus(BARRED))),
            ..Self::default()
        }
    }

    /// Most bindings to ask for; at least 1.
    pub fn bindings(&self) -> u16 {
        self.bindings
    }

    /// Most repetitions to ask for; at least 1.
    pub fn repetitions(&self) -> u16 {
        self.repetitions
    }

    /// An answer came, as full as it was asked for.
    pub fn answered_in_full(&mut self, asked: u16, repetitions: u16, now: Mono) {
        if self.suspect.is_some_and(|s| asked >= s) {
            self.suspect = None;
        }
        if self.bar.is_some_and(|(_, until)| now >= until) {
            self.bar = None;
        }
        if repetitions >= self.repetitions {
            self.repetitions = grown(self.repetitions, 2);
        }
        if asked >= self.bindings / 2 {
            let most = self
                .bar
                .map_or(MOST_BINDINGS, |(barred, _)| barred.saturating_sub(1))
                .max(1);
            self.bindings = grown(self.bindings, 4).min(most);
        }
    }

    /// A smaller size was answered after this one was not, for lack of an answer.
    pub fn failed_silently(&mut self, asked: u16, now: Mono) {
        if self.suspect.is_some_and(|s| asked >= s.saturating_sub(s / 4)) {
            self.bar = Some((asked, now.plus(BARRED)));
        }
        self.suspect = Some(self.suspect.map_or(asked, |s| s.min(asked)));
        self.bindings = self.bindings.min(halved(asked));
    }

    /// The agent says that this size is too big.
    pub fn refused(&mut self, asked: u16, now: Mono) {
        self.bar = Some((asked, now.plus(BARRED)));
        self.bindings = self.bindings.min(halved(asked));
    }
}

/// Half of a size, at least 1.
pub fn halved(size: u16) -> u16 {
    (size / 2).max(1)
}

fn grown(n: u16, part: u16) -> u16 {
    n.saturating_add((n / part).max(1)).min(MOST_BINDINGS)
}

#[cfg(test)]
mod tests {
    use super::*;

    // trap 9
    #[test]
    fn a_size_that_fails_twice_is_barred_and_tried_again_after_an_hour() {
        let mut size = Size::default();
        let now = Mono::ZERO;
        size.failed_silently(60, now);
        assert_eq!(size.bindings(), 30);
        for _ in 0..3 {
            size.answered_in_full(size.bindings(), 1, now);
        }
        assert!(size.bindings() > 50, "{size:?}");
        size.failed_silently(size.bindings(), now);
        for _ in 0..50 {
            size.answered_in_full(size.bindings(), 1, now);
        }
        assert!(size.bindings() < 60, "{size:?}");
        let later = now.plus(BARRED);
        for _ in 0..50 {
            size.answered_in_full(size.bindings(), 1, later);
        }
        assert_eq!(size.bindings(), MOST_BINDINGS);
    }

    // trap 9
    #[test]
    fn what_failed_stays_barred_over_a_restart() {
        let mut size = Size::default();
        size.refused(60, Mono::ZERO);
        size.refused(30, Mono::ZERO);
        let mut later = Size::remembered(size.kept(), Mono::ZERO);
        assert_eq!(later.bindings(), 15);
        for _ in 0..50 {
            later.answered_in_full(later.bindings(), 1, Mono::ZERO);
        }
        assert_eq!(later.bindings(), 29);
    }

    // trap 9
    #[test]
    fn loss_on_the_way_does_not_grind_the_size_down() {
        let mut size = Size::default();
        for _ in 0..100 {
            size.failed_silently(size.bindings(), Mono::ZERO);
            for _ in 0..10 {
                size.answered_in_full(size.bindings(), 1, Mono::ZERO);
            }
        }
        assert!(size.bindings() >= 60, "{size:?}");
    }

    // trap 9
    #[test]
    fn an_agent_that_only_takes_one_object_is_asked_by_getnext_for_an_hour() {
        let mut size = Size::default();
        for _ in 0..10 {
            size.refused(size.bindings(), Mono::ZERO);
        }
        assert_eq!(size.bindings(), 1);
        size.refused(2, Mono::ZERO);
        for _ in 0..10 {
            size.answered_in_full(1, 1, Mono::ZERO);
        }
        assert_eq!(size.bindings(), 1);
    }
}
