//! Time as a value: [`Timestamp`] of the wall, [`Mono`] that never steps back.
//!
//! Nothing here asks what time it is: `crate::clock` alone does. Subtraction
//! saturates, so that a clock step yields no negative duration (trap 24).

use std::fmt;

use serde::{Deserialize, Serialize};

/// A length of time, never negative.
pub type Span = std::time::Duration;

/// A moment of the wall clock: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The Unix epoch.
    pub const EPOCH: Self = Self(0);
    /// Earlier than every moment.
    pub const MIN: Self = Self(i64::MIN);
    /// Later than every moment.
    pub const MAX: Self = Self(i64::MAX);

    /// The moment that many whole seconds after the epoch.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Seconds since the epoch, for metrics.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a microsecond count below 2^53 until the year 2255"
    )]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub fn since(self, earlier: Self) -> Span {
        let micros = i128::from(self.0) - i128::from(earlier.0);
        u64::try_from(micros).map_or(if micros < 0 { Span::ZERO } else { Span::MAX }, Span::from_micros)
    }

    /// This moment plus `span`, at most [`Timestamp::MAX`].
    #[must_use]
    pub fn plus(self, span: Span) -> Self {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(micros))
    }

    /// This moment less `span`, at least [`Timestamp::MIN`].
    #[must_use]
    pub fn minus(self, span: Span) -> Self {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(micros))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}s", self.as_secs(), self.0.rem_euclid(1_000_000))
    }
}

/// A moment of a clock that never steps: nanoseconds since some start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mono(pub u64);

impl Mono {
    /// The clock's own start.
    pub const ZERO: Self = Self(0);

    /// How long after `earlier` this is; zero if it is not after it.
    pub const fn since(self, earlier: Self) -> Span {
        Span::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// This moment plus `span`.
    #[must_use]
    pub fn plus(self, span: Span) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // trap 24
    #[test]
    fn a_clock_that_steps_back_gives_no_negative_span() {
        assert_eq!(Timestamp(5).since(Timestamp(9)), Span::ZERO);
        assert_eq!(Timestamp::MAX.since(Timestamp::MIN), Span::from_micros(u64::MAX));
        assert_eq!(Timestamp::from_secs(-1).as_secs(), -1);
    }
}
