//! A simulated network for the demo, tests and benches.
//!
//! Imported by `cli` and tests only: the daemon does not know that it is watched.

pub mod agent;
pub mod district;
mod due;
pub mod equipment;
pub mod network;
pub mod recordings;
pub mod script;
pub mod scripted;
pub mod snmprec;
pub mod socket;
pub mod thanh_son;
pub mod weather;
pub mod wire;
