//! The table of a recording.

#[path = "../../src/profile/rows.rs"]
pub mod rows;

pub use rows::Rows;
