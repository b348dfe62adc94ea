//! Recordings.

#[path = "../../src/lab/snmprec.rs"]
pub mod snmprec;
