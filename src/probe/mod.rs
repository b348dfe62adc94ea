//! How we look: ICMP, SNMP, and one file each for the service checks.

pub mod icmp;
pub mod snmp;
