//! What it means: observations in, states and events out.
//!
//! Pure: no clock, no I/O, no async. Read `step.rs` first.

pub mod availability;
pub mod blind;
pub mod calendar;
pub mod degrade;
pub mod depend;
pub mod effects;
pub mod flap;
pub mod fleet;
pub mod incident;
pub mod interface;
pub mod interval;
pub mod maintain;
pub mod publish;
pub mod round;
pub mod settings;
pub mod snapshot;
pub mod state;
pub mod step;
pub mod subject;
pub mod table;
pub mod topology;

pub use effects::Effects;
pub use effects::ProbeNow;
pub use publish::Publisher;
pub use settings::Settings;
pub use snapshot::Snapshot;
pub use table::Table;
pub use topology::Topology;
