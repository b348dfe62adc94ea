//! Every default, as it would be written, with its reason and its precedent.
//!
//! They stand in the tables of `raw`, are read by the same readers as what
//! people write, and are printed by `tramgac schema` and `tramgac check --print`.

/// Where people are, whose equipment this is.
pub const TIMEZONE: &str = "Asia/Ho_Chi_Minh";
/// The language of the first home.
pub const LANGUAGE: &str = "vi";
/// The lowest level of administration, under whatever name.
pub const AREA_KIND: &str = "[commune, ward, township]";
/// Beside the configuration's user; under systemd in `$STATE_DIRECTORY`.
pub const DATABASE: &str = "tramgac.db";
/// Loopback, so that nothing is shown to a network unasked; the port lies in
/// the range that exporters use (Prometheus' allocations).
pub const LISTEN: &str = "127.0.0.1:9099";

/// Zabbix pings every minute, The Dude every 30 s; 5 minutes (LibreNMS) are too slow for a link.
pub const INTERVAL: &str = "60s";
/// Infrastructure carries others: half of that (The Dude).
pub const INFRASTRUCTURE_INTERVAL: &str = "30s";
/// Services are checked like devices (Gatus 60 s).
pub const SERVICE_INTERVAL: &str = "60s";
/// blackbox_exporter's usual limit.
pub const SERVICE_TIMEOUT: &str = "10s";
/// Three echoes tell loss from silence (LibreNMS, Zabbix).
pub const COUNT: &str = "3";
/// Half a second apart (LibreNMS, fping's habit): a burst of loss does not take all three.
pub const SPACING: &str = "500ms";
/// A second is long on fibre and radio; satellite and LTE links set 2 s themselves.
pub const TIMEOUT: &str = "1s";
/// As ping(8).
pub const PAYLOAD_BYTES: &str = "56";
/// A suspect is looked at again after 5 s, so that the record is quick.
pub const RETRY_INTERVAL: &str = "5s";
/// Three failures in a row (Icinga's max_check_attempts, Zabbix' max(#3)).
pub const DOWN_AFTER: &str = "3";
/// Two good looks: one reply by luck ends no outage.
pub const UP_AFTER: &str = "2";
/// Packets a second behind one link (fping's 10 ms between packets).
pub const LINK_RATE: &str = "100";
/// At once behind one link: more fills the queue of a thin line.
pub const LINK_BURST: &str = "5";
/// Packets a second into one subnet: it often lies behind one line that nobody told us of.
pub const SUBNET_RATE: &str = "100";
/// Zabbix' template warns above 20 % loss.
pub const LOSS_THRESHOLD: &str = "20%";
/// Names are resolved again, so that a moved server is found (trap 18).
pub const RESOLVE_INTERVAL: &str = "5m";

/// LibreNMS polls every 5 minutes.
pub const SNMP_INTERVAL: &str = "5m";
/// The routers of links are read every minute (Checkmk's interval).
pub const SNMP_LINK_INTERVAL: &str = "60s";
/// What seldom changes: four times a day.
pub const SNMP_INVENTORY_INTERVAL: &str = "6h";
/// Between Checkmk's 1 s and snmp_exporter's 5 s.
pub const SNMP_TIMEOUT: &str = "2s";
/// Netdisco retries 3 times.
pub const SNMP_RETRIES: &str = "3";
/// A device's whole turn, so that a slow one delays nobody (trap 18).
pub const SNMP_DEADLINE: &str = "30s";
/// RFC 3417 §7.
pub const SNMP_PORT: &str = "161";
/// snmp_exporter's 25; it shrinks by itself where a device can't (trap 9).
pub const SNMP_MAX_REPETITIONS: &str = "25";
/// Devices read at the same time.
pub const SNMP_MAX_DEVICES: &str = "64";

/// A device that is away for less is nobody's night (LibreNMS' 5 minutes).
pub const NOTIFY_AFTER: &str = "5m";
/// A link takes all of a site with it: a minute.
pub const NOTIFY_AFTER_LINKS: &str = "60s";
/// Alertmanager repeats every 4 hours; two or three people want a day.
pub const REPEAT_INTERVAL: &str = "24h";
/// A mail server that is away over a weekend loses nothing.
pub const GIVE_UP_AFTER: &str = "3d";

/// More interfaces than a big switch has.
pub const MAX_INTERFACES: &str = "128";
/// Prometheus is well below its limits with a million series.
pub const MAX_SERIES: &str = "1000000";

/// A fortnight as it was measured (Uptime Kuma: a day).
pub const RETENTION_RAW: &str = "14d";
/// A quarter in five-minute steps.
pub const RETENTION_FIVE_MINUTES: &str = "90d";
/// Two years by the hour, so that a year can be compared with the last.
pub const RETENTION_HOURLY: &str = "730d";

/// One a day.
pub const BACKUP_INTERVAL: &str = "24h";
/// A week of them.
pub const BACKUP_KEEP: &str = "7";

/// What an operator wants to see.
pub const LOG_LEVEL: &str = "info";
