//! The time of history: tenths of a second.
//!
//! Finer times would cost more than the values: the jitter of a 60 s schedule
//! is some milliseconds, and a regular time compresses to almost nothing.

use crate::model::Timestamp;

/// Tenths of a second since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Tick(pub i64);

/// Ticks in a second.
pub const PER_SECOND: i64 = 10;

const MICROS: i64 = 100_000;

impl From<Timestamp> for Tick {
    /// The tick that the moment lies in.
    fn from(at: Timestamp) -> Self {
        Self(at.0.div_euclid(MICROS))
    }
}

impl From<Tick> for Timestamp {
    /// The beginning of the tick.
    fn from(tick: Tick) -> Self {
        Self(tick.0.saturating_mul(MICROS))
    }
}
