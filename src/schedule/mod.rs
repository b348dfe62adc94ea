//! Who is due when: phases spread by a stable hash, retries, back-off.
//!
//! Pure: time is an argument. Works on [`crate::model::Mono`], so that a step
//! of the wall clock causes neither a storm of checks nor a pause (trap 24).

pub mod backoff;
pub mod phase;
pub mod plan;

pub use backoff::long_outage_interval;
pub use phase::phase;
pub use plan::{Counts, Plan};
