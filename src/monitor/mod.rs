//! What it means: observations in, states and events out.
//!
//! Pure: no clock, no I/O, no async. Read `step.rs` first.

pub mod calendar;
pub mod fleet;
pub mod interval;
pub mod maintain;
pub mod settings;
pub mod snapshot;
pub mod subject;
pub mod topology;

pub use settings::Settings;
pub use snapshot::Snapshot;
pub use topology::Topology;
