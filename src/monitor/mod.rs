//! What it means: observations in, states and events out.
//!
//! Pure: no clock, no I/O, no async. Read `step.rs` first.

pub mod calendar;
pub mod fleet;
pub mod interval;
pub mod maintain;
pub mod snapshot;

pub use snapshot::Snapshot;
