//! A simulated district with a known truth: what happened is decided first,
//! then the monitor looks at it through lossy, delayed looks, and what it says
//! is compared with what happened.

pub mod check;
pub mod dice;
pub mod run;
pub mod truth;
