//! The files of tramgac that read what comes from outside, at the places where
//! they stand in tramgac.

#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "parts of a library, used in parts"
)]

#[path = "../../src/clock.rs"]
pub mod clock;
pub mod lab;
pub mod model;
pub mod probe;
pub mod profile;
