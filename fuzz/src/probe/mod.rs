//! How we look.

#[path = "../../../src/probe/icmp/mod.rs"]
pub mod icmp;
pub mod snmp;
