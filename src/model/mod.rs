//! The words that every part shares: ids, time, quantities, observations,
//! states, events, readings, selectors.
//!
//! Pure: depends on nothing but std and serde, does no I/O, reads no clock.
//! A second word for the same thing is a bug (the words are explained in
//! ARCHITECTURE.md, "Words").

pub mod event;
pub mod id;
pub mod observation;
pub mod octets;
pub mod quantity;
pub mod reading;
pub mod selector;
pub mod snmp;
pub mod spread;
pub mod state;
pub mod time;

pub use event::{Event, EventKind};
pub use id::{
    DeviceId, IncidentId, InvalidSlug, LinkId, ServiceId, SiteId, Slug, TargetId, TargetKey, TargetKind,
    UnitId,
};
pub use observation::{
    BlindReason, Detail, EchoStats, Evidence, EvidenceKind, Observation, Outcome, ServiceStats, SnmpStats,
};
pub use quantity::Count;
pub use quantity::Ratio;
pub use reading::{Absent, Fact, Reading};
pub use selector::Selector;
pub use state::{Reason, State};
pub use time::{Mono, Span, Timestamp};
