//! The only place that joins the parts.

pub mod snmp_view;
