//! History: the values of every series, compressed, rolled up, thinned out by age.

mod journal;
pub(super) mod read;
pub mod tick;
pub(super) mod write;
