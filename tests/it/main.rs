//! Every integration test, in one binary: `mod` lines only.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    unreachable_pub,
    reason = "helpers of tests are no #[test] functions; a missing peer is named on standard error"
)]

mod architecture;
mod cli_alert;
mod cli_inspect;
mod cli_ping;
mod cli_status;
mod cli_walk;
mod config_check;
mod config_invalid;
mod daemon_moved;
mod daemon_outage;
mod daemon_people;
mod daemon_ping_keys;
mod daemon_record;
mod daemon_start;
mod dashboards;
mod demo;
mod icmp_loopback;
mod icmp_memory;
mod icmp_mutations;
mod icmp_network;
mod icmp_wire;
mod metrics_docs;
mod metrics_exposition;
mod monitor_district;
mod monitor_oracle;
mod monitor_packets;
mod monitor_simulator;
mod probe_dns;
mod probe_http;
mod probe_mail;
mod probe_sip;
mod probe_tcp;
mod profile_broken;
mod profile_golden;
mod profile_neighbours;
mod profile_schema;
mod profile_traps;
mod report_equipment;
mod snmp_lossy;
mod snmp_mutations;
mod snmp_restart;
mod snmp_silent;
mod snmp_snmpd;
mod snmp_snmpsim;
mod snmp_still;
mod snmp_still_snmpd;
mod snmp_traps;
mod store_cli;
mod store_faults;
mod store_history;
mod store_record;
mod store_upgrade;
mod support;
mod systemd_unit;
mod web_http;
mod web_look;
mod web_pages;
