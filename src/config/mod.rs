//! YAML to a validated configuration: all mistakes at once, each with its place.
//!
//! `yaml` makes a tree of [`node::Node`]s, in which every value knows its
//! place; the readers take it apart by the tables of keys in `schema`; what
//! comes out is a [`model::Config`] that can't hold what is invalid.

mod build;
pub mod defaults;
pub mod diff;
pub mod fields;
pub mod load;
pub mod mask;
pub mod model;

pub mod node;
pub mod print;
pub mod problem;
// The tables are to be read as tables: one row, one line.
#[rustfmt::skip]
pub mod raw;
pub mod read;
pub mod schema;
pub mod secret;
pub mod yaml;

pub use build::plans::WORKING_HOURS;
pub use load::{load, load_text};
pub use model::Config;

#[cfg(test)]
mod tests;
