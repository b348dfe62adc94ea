//! Connectivity ratios: which targets, which count as good, which are exempt, over which window, by what.
//!
//! Pure.

pub mod definition;
pub mod evaluate;

pub use definition::Definition;
pub use evaluate::evaluate;
