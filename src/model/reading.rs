//! What a device tells: facts (what it is) and readings (how it is).

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// Something that a device is: vendor, model, serial, firmware, …
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fact {
    /// The key, snake case.
    pub key: String,
    /// The value, never empty.
    pub value: String,
}

/// Something that a device measures, in a base unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// What is measured (`temperature`, `cpu_load`, `supply_level`, …).
    pub kind: String,
    /// Which one of several; empty where there is one only.
    pub instance: String,
    /// The value in `unit`, or why there is none.
    pub value: Result<f64, Absent>,
    /// Base unit: `seconds`, `bytes`, `ratio`, `celsius`, `volts`, `amperes`, `watts`, `hertz`, `rpm`, `count`.
    pub unit: String,
    /// When it was read.
    pub at: Timestamp,
}

/// Why there is no value (trap 10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Absent {
    /// The device does not serve it.
    NotServed,
    /// The device says that it does not know.
    Unknown,
    /// There is some left, but no number.
    SomeLeft,
    /// There is no limit to measure against.
    NoLimit,
    /// The value lies outside of what can be.
    Implausible,
}
