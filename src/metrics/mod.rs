//! The catalogue of metrics and their exposition.
//!
//! [`catalog`] says what there is, [`collect`] turns a snapshot into samples,
//! [`expose`] writes them as text, [`process`] counts what the daemon does.
//! Nothing here asks the database or takes a lock that a writer holds.

pub mod catalog;
pub mod collect;
pub mod expose;
pub mod instrument;
pub mod process;

pub use catalog::CATALOG;
pub use collect::{Extra, Part, Selection, render};
pub use process::{Meters, ProcessStats};
