//! Knowledge of devices as data: loads profiles, matches, turns rows into facts and readings.
//!
//! A profile is a YAML file (`profiles/*.yaml`, or in the user's folder): when
//! it applies ([`matcher`]), what to ask for ([`set::Plan`]), and what the
//! answers mean ([`apply()`]). What comes out is a [`Learnt`]. Nothing about a
//! vendor stands in Rust.

pub mod apply;
pub mod builtin;
pub mod evaluate;
pub mod expr;
pub mod learnt;
pub mod load;
pub mod matcher;
pub mod model;
pub mod ports;
pub mod rate;
mod read;
pub mod rows;
pub mod schema;
mod section;
pub mod set;
pub mod value;

pub use apply::apply;
pub use learnt::Learnt;
pub use load::Library;
pub use matcher::Identity;
pub use rows::Rows;
pub use set::Chain;
pub use set::Plan;
pub use set::Set;
pub use set::What;
