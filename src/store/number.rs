//! Our numbers as SQLite's and back.
//!
//! SQLite knows 64-bit signed integers only. What does not fit is held at the
//! end of the range; no counter of ours comes near it.

use crate::model::{IncidentId, Span, State, TargetId, Timestamp};

/// An unsigned number as SQLite's.
pub(super) fn to_id(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// SQLite's number as an unsigned one.
pub(super) fn from_id(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

/// A length in microseconds.
pub(super) fn to_micros(span: Span) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

/// The length of that many microseconds.
pub(super) fn from_micros(micros: i64) -> Span {
    Span::from_micros(from_id(micros))
}

/// A moment, if there is one.
pub(super) fn opt_time(micros: Option<i64>) -> Option<Timestamp> {
    micros.map(Timestamp)
}

/// An outage's number.
pub(super) fn incident(n: i64) -> IncidentId {
    IncidentId(from_id(n))
}

/// A target's number.
pub(super) fn target(n: i64) -> TargetId {
    TargetId(u32::try_from(n).unwrap_or(0))
}

/// A state's code; what is none that we know is unknown.
pub(super) fn state(code: i64) -> State {
    u8::try_from(code)
        .ok()
        .and_then(State::from_code)
        .unwrap_or(State::Unknown)
}
