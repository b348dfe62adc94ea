//! History: the values of every series, compressed, rolled up, thinned out by age.
//!
//! Samples go into the journal and the tails ([`mod@write`]), from there into the
//! open chunks of the day, which are sealed and rolled up when it is over
//! ([`rollup`]); [`read`] puts everything together. [`level`] has the table.

mod bucket;
mod chunk;
mod journal;
pub(super) mod level;
mod names;
mod packed;
mod range;
pub(super) mod read;
pub(super) mod rollup;
pub(super) mod tails;
pub mod tick;
pub(super) mod write;

pub use level::Level;
pub use read::Point;
pub use rollup::Retention;
