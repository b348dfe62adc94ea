//! tramgac, a watch post: inventory and monitoring of IT infrastructure.
//!
//! This page is the map of the house; ARCHITECTURE.md says who may know whom.

// ── the words ──────────────────────────────────────────────────────────────
pub mod clock;
pub mod i18n;
pub mod model;
// ── what we own, and when to look ──────────────────────────────────────────
pub mod config;
pub mod inventory;
pub mod schedule;
// ── what it means ──────────────────────────────────────────────────────────
pub mod indicator;
pub mod monitor;
pub mod profile;
// ── how we look ────────────────────────────────────────────────────────────
pub mod probe;
// ── the record ─────────────────────────────────────────────────────────────
pub mod store;
// ── who is told ────────────────────────────────────────────────────────────
pub mod alert;
pub mod metrics;
pub mod report;
pub mod web;
// ── the outermost ring ─────────────────────────────────────────────────────
pub mod cli;
pub mod daemon;
pub mod lab;
