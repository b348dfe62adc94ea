//! Every metric: name, kind, unit, labels, help. Nothing is exposed that is not
//! here, and nothing stands here that nobody feeds.
//!
//! The order is that of the exposition. docs/metrics.md is printed from it.

use std::fmt;

/// One family of metrics.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// The unit of its values.
    pub unit: Unit,
    /// The labels that its series may carry; a label without a value is left out.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
    /// The part of the exposition that it belongs to.
    pub part: Part,
}

/// Kinds of metrics, as Prometheus has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A value that goes up and down.
    Gauge,
    /// A sum that only grows while the daemon runs.
    Counter,
    /// Sum and count.
    Summary,
    /// Cumulative buckets, sum and count.
    Histogram,
}

/// Units of values: base units only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of units")]
pub enum Unit {
    None,
    Bool,
    Enum,
    Seconds,
    Ratio,
    Bytes,
    BytesPerSecond,
    Celsius,
    Volts,
}

/// The parts into which a big exposition can be split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The daemon about itself.
    Daemon,
    /// Sites, areas, links, services, ratios: what grows slowly.
    Fleet,
    /// Series with a `device` label.
    Devices,
    /// Series with a `device` and an `ifname` label.
    Interfaces,
}

impl Part {
    /// All parts, in the order of the exposition.
    pub const ALL: [Self; 4] = [Self::Daemon, Self::Fleet, Self::Devices, Self::Interfaces];

    /// The part of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.as_str() == word)
    }

    /// The word in the path of an exposition.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Daemon => "daemon",
            Self::Fleet => "fleet",
            Self::Devices => "devices",
            Self::Interfaces => "interfaces",
        }
    }
}

impl Kind {
    /// The word of the TYPE line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Summary => "summary",
            Self::Histogram => "histogram",
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "-",
            Self::Bool => "bool",
            Self::Enum => "enum",
            Self::Seconds => "seconds",
            Self::Ratio => "ratio",
            Self::Bytes => "bytes",
            Self::BytesPerSecond => "bytes/s",
            Self::Celsius => "celsius",
            Self::Volts => "volts",
        })
    }
}

/// Writes the table: a constant for each row, and the list of them all.
macro_rules! catalog {
    ($($part:ident { $($id:ident $kind:ident $unit:ident $name:literal [$($label:ident),*] $help:literal)* })*) => {
        $($(
            #[doc = $help]
            pub static $id: Metric = Metric {
                name: $name,
                kind: Kind::$kind,
                unit: Unit::$unit,
                labels: &[$(stringify!($label)),*],
                help: $help,
                part: Part::$part,
            };
        )*)*

        /// Every family, in the order of the exposition.
        pub static CATALOG: &[&Metric] = &[$($(&$id,)*)*];
    };
}

catalog! {
    Daemon {
        BUILD_INFO Gauge None "tramgac_build_info" [version, revision, rustc]
            "Build information; value is always 1."
        NOTIFICATIONS_TOTAL Counter None "tramgac_notifications_total" [channel]
            "Notifications attempted."
        NOTIFICATION_FAILURES_TOTAL Counter None "tramgac_notification_failures_total" [channel]
            "Notifications that failed after retries."
        POLL_CYCLES_TOTAL Counter None "tramgac_poll_cycles_total" [protocol]
            "Poll cycles begun."
        POLL_CYCLE_OVERRUNS_TOTAL Counter None "tramgac_poll_cycle_overruns_total" [protocol]
            "Poll cycles that had not ended when the next was due."
        POLL_CYCLE_LAG_SECONDS Gauge Seconds "tramgac_poll_cycle_lag_seconds" [protocol]
            "Delay of the last cycle's start behind its schedule."
        POLL_CYCLE_DURATION_SECONDS Gauge Seconds "tramgac_poll_cycle_duration_seconds" [protocol]
            "Time the last cycle took."
        POLL_CYCLE_INTERVAL_SECONDS Gauge Seconds "tramgac_poll_cycle_interval_seconds" [protocol]
            "Configured poll interval."
        POLL_LAST_CYCLE_TIMESTAMP_SECONDS Gauge Seconds "tramgac_poll_last_cycle_timestamp_seconds" [protocol]
            "Unix time at which the last cycle ended."
        POLL_QUEUE_LENGTH Gauge None "tramgac_poll_queue_length" [protocol]
            "Polls waiting to start."
        POLL_IN_FLIGHT Gauge None "tramgac_poll_in_flight" [protocol]
            "Polls under way."
        POLL_ATTEMPTS_TOTAL Counter None "tramgac_poll_attempts_total" [protocol]
            "Polls of single devices attempted."
        POLL_FAILURES_TOTAL Counter None "tramgac_poll_failures_total" [protocol, reason]
            "Polls of single devices that failed."
        SNMP_REQUEST_DURATION_SECONDS Histogram Seconds "tramgac_snmp_request_duration_seconds" []
            "Time from SNMP request to response."
        SNMP_REQUESTS_TOTAL Counter None "tramgac_snmp_requests_total" []
            "SNMP requests sent, retries included."
        SNMP_RETRIES_TOTAL Counter None "tramgac_snmp_retries_total" []
            "SNMP requests that were sent again for lack of a response."
        SNMP_RECEIVE_DROPS_TOTAL Counter None "tramgac_snmp_receive_drops_total" []
            "Datagrams dropped by the kernel at the SNMP sockets."
        SNMP_RECEIVE_BUFFER_BYTES Gauge Bytes "tramgac_snmp_receive_buffer_bytes" []
            "Receive buffers that the kernel granted to the SNMP sockets, all together."
        ICMP_SEND_ERRORS_TOTAL Counter None "tramgac_icmp_send_errors_total" [reason]
            "ICMP send errors."
        ICMP_RECEIVE_DROPS_TOTAL Counter None "tramgac_icmp_receive_drops_total" []
            "Datagrams dropped by the kernel at the ICMP socket."
        ICMP_RECEIVE_BUFFER_BYTES Gauge Bytes "tramgac_icmp_receive_buffer_bytes" []
            "Receive buffer that the kernel granted to the ICMP socket, as SO_RCVBUF tells it."
        DB_WRITE_DURATION_SECONDS Histogram Seconds "tramgac_db_write_duration_seconds" []
            "Time per write transaction."
        DB_WRITE_FAILURES_TOTAL Counter None "tramgac_db_write_failures_total" []
            "Write transactions that failed."
        DB_QUEUE_LENGTH Gauge None "tramgac_db_queue_length" []
            "Rows waiting to be written."
        DB_HISTORY_SHED Gauge Bool "tramgac_db_history_shed" []
            "1 while history is not kept, wholly or in part: the disk is full, or the database does not keep up."
        DB_SAMPLES_SHED_TOTAL Counter None "tramgac_db_samples_shed_total" [reason]
            "Samples of history given up; reason is disk (full) or queue (the database did not keep up)."
        DB_SIZE_BYTES Gauge Bytes "tramgac_db_size_bytes" [file]
            "Database file size; file is main or wal."
        DB_LAST_BACKUP_TIMESTAMP_SECONDS Gauge Seconds "tramgac_db_last_backup_timestamp_seconds" []
            "Unix time of the last good backup, 0 if never."
        DB_LAST_BACKUP_DURATION_SECONDS Gauge Seconds "tramgac_db_last_backup_duration_seconds" []
            "How long the last good backup by schedule took, its verification included; absent: none since the start."
        DB_BACKUP_FAILURES_TOTAL Counter None "tramgac_db_backup_failures_total" []
            "Backups by schedule that failed."
        DB_BACKUP_INTERVAL_SECONDS Gauge Seconds "tramgac_db_backup_interval_seconds" []
            "Configured time between two backups; absent: none are made."
        CONFIG_LAST_RELOAD_SUCCESSFUL Gauge Bool "tramgac_config_last_reload_successful" []
            "1 if the last configuration reload was successful."
        CONFIG_LAST_RELOAD_SUCCESS_TIMESTAMP_SECONDS Gauge Seconds "tramgac_config_last_reload_success_timestamp_seconds" []
            "Unix time of the last successful configuration reload."
        EXPORTED_SERIES Gauge None "tramgac_exported_series" []
            "Series in the last exposition."
        SERIES_LIMIT_DROPPED_TOTAL Counter None "tramgac_series_limit_dropped_total" [metric]
            "Series left out because a limit was reached."
        SCRAPE_RENDER_DURATION_SECONDS Gauge Seconds "tramgac_scrape_render_duration_seconds" []
            "Time the last exposition took to render."
        WORK_TIME Gauge Bool "tramgac_work_time" [calendar]
            "1 while the calendar is inside working hours (local time), 0 outside."
    }
    Fleet {
        SITE_INFO Gauge None "tramgac_site_info" [site, name, area, geohash]
            "Site attributes; value is always 1."
        AREA_INFO Gauge None "tramgac_area_info" [area, name, geohash]
            "Area attributes; value is always 1."
        SITE_UP Gauge Bool "tramgac_site_up" [site, area]
            "1 if the site is considered online under its policy (gateway, any or quorum)."
        SITE_COUNTED Gauge Bool "tramgac_site_counted" [site, area]
            "1 if the site counts in connectivity ratios, 0 if it is exempt."
        SERVICE_UP Gauge Bool "tramgac_service_up" [service, site, area, kind]
            "1 if the service check passed. Absent while unknown."
        SERVICE_COUNTED Gauge Bool "tramgac_service_counted" [service, site, area, kind]
            "1 if the service counts in connectivity ratios, 0 if it is exempt."
        SERVICE_DURATION_SECONDS Gauge Seconds "tramgac_service_duration_seconds" [service, site, area, kind]
            "Time the last run of the check took."
        SERVICE_HTTP_STATUS_CODE Gauge None "tramgac_service_http_status_code" [service, site, area]
            "Last HTTP status code."
        SERVICE_TLS_NOT_AFTER_TIMESTAMP_SECONDS Gauge Seconds "tramgac_service_tls_not_after_timestamp_seconds" [service, site, area]
            "Unix time at which the earliest certificate of the chain expires."
        FLEET_MEMBERS Gauge None "tramgac_fleet_members" [kind, area, class]
            "Inventory size (lifecycle in_use). kind is device, site, link or service; members = expected + unknown + exempt."
        FLEET_EXPECTED Gauge None "tramgac_fleet_expected" [kind, area, class]
            "Connectivity denominator of this moment: counted members with a known state."
        FLEET_ONLINE Gauge None "tramgac_fleet_online" [kind, area, class]
            "Connectivity numerator of this moment: counted members that are up or degraded."
        FLEET_UNKNOWN Gauge None "tramgac_fleet_unknown" [kind, area, class]
            "Counted members without a known state; in neither numerator nor denominator."
        FLEET_EXEMPT Gauge None "tramgac_fleet_exempt" [kind, area, class]
            "Members left out by an exemption or by maintenance now."
        OUTAGES_OPEN Gauge None "tramgac_outages_open" [kind, area]
            "Outages that last now and stand by themselves; the consequences of another outage are left out."
        EXEMPTIONS_ACTIVE Gauge None "tramgac_exemptions_active" [kind, area, reason]
            "Exemptions in force, by reason. Not additive with tramgac_fleet_exempt."
        INDICATOR_NUMERATOR Gauge None "tramgac_indicator_numerator" [indicator, area]
            "Configured indicator: what counts as good, in the indicator's own window."
        INDICATOR_DENOMINATOR Gauge None "tramgac_indicator_denominator" [indicator, area]
            "Configured indicator: what is counted. 0 means that the area has no ratio."
        INDICATOR_UNKNOWN Gauge None "tramgac_indicator_unknown" [indicator, area]
            "Configured indicator: members without evidence; in neither of the two."
        INDICATOR_EXEMPT Gauge None "tramgac_indicator_exempt" [indicator, area]
            "Configured indicator: members left out, with a reason on record."
        WINDOW_UP_SECONDS Gauge Seconds "tramgac_window_up_seconds" [kind, area, class, window]
            "Counted time online in a sliding window (1d, 7d, 30d), from the database."
        WINDOW_OBSERVED_SECONDS Gauge Seconds "tramgac_window_observed_seconds" [kind, area, class, window]
            "Counted time with a known state in a sliding window, from the database."
        LINK_INFO Gauge None "tramgac_link_info" [link, name, area, site, provider, circuit, role, device, ifname]
            "WAN link attributes; value is always 1."
        LINK_RTT_SECONDS Histogram Seconds "tramgac_link_rtt_seconds" [link]
            "Round trip time over a WAN link."
        LINK_UP Gauge Bool "tramgac_link_up" [link, area, role]
            "1 if the WAN link is considered online."
        LINK_STATE Gauge Enum "tramgac_link_state" [link, area, role]
            "State code: 0 down, 1 up, 2 degraded, 3 unreachable (what it depends on is down), 5 unknown."
        LINK_COUNTED Gauge Bool "tramgac_link_counted" [link, area, role]
            "1 if the link counts in connectivity ratios, 0 if it is exempt."
        LINK_PING_SENT_TOTAL Counter None "tramgac_link_ping_sent_total" [link]
            "ICMP echo requests sent over the link."
        LINK_PING_RECEIVED_TOTAL Counter None "tramgac_link_ping_received_total" [link]
            "ICMP echo replies received over the link in time."
        LINK_CONTRACTED_RECEIVE_BYTES_PER_SECOND Gauge BytesPerSecond "tramgac_link_contracted_receive_bytes_per_second" [link]
            "Contracted download bandwidth."
        LINK_CONTRACTED_TRANSMIT_BYTES_PER_SECOND Gauge BytesPerSecond "tramgac_link_contracted_transmit_bytes_per_second" [link]
            "Contracted upload bandwidth."
        LINK_RECEIVE_BYTES_TOTAL Counter Bytes "tramgac_link_receive_bytes_total" [link]
            "Bytes received over the link (from the mapped interface)."
        LINK_TRANSMIT_BYTES_TOTAL Counter Bytes "tramgac_link_transmit_bytes_total" [link]
            "Bytes sent over the link (from the mapped interface)."
        LINK_RECEIVE_UTILIZATION_RATIO Gauge Ratio "tramgac_link_receive_utilization_ratio" [link]
            "Receive rate between the last two polls over contracted bandwidth."
        LINK_TRANSMIT_UTILIZATION_RATIO Gauge Ratio "tramgac_link_transmit_utilization_ratio" [link]
            "Send rate between the last two polls over contracted bandwidth."
        LINK_LOSS_THRESHOLD_RATIO Gauge Ratio "tramgac_link_loss_threshold_ratio" [link]
            "Loss above which the link counts as degraded (configured)."
        LINK_RTT_THRESHOLD_SECONDS Gauge Seconds "tramgac_link_rtt_threshold_seconds" [link]
            "Round trip time above which the link counts as degraded (configured)."
        LINK_QUALITY_OK Gauge Bool "tramgac_link_quality_ok" [link]
            "1 if loss, round trip time and jitter were within thresholds over the last quality window."
        LINK_AVAILABILITY_RATIO Gauge Ratio "tramgac_link_availability_ratio" [link, window]
            "Availability of one link over a sliding window (1d, 7d, 30d), from the database."
    }
    Devices {
        DEVICE_INFO Gauge None "tramgac_device_info" [device, name, address, mac, vendor, model, serial, firmware, area, site, class, parent]
            "Inventory attributes of a device; value is always 1. Join with * on(device) group_left(...)."
        DEVICE_UP Gauge Bool "tramgac_device_up" [device, site, area, class]
            "1 if the device is up or degraded, 0 if down or unreachable. Absent while the state is unknown."
        DEVICE_STATE Gauge Enum "tramgac_device_state" [device, site, area, class]
            "State code: 0 down, 1 up, 2 degraded, 3 unreachable (parent down), 5 unknown."
        DEVICE_MAINTENANCE Gauge Bool "tramgac_device_maintenance" [device, site, area, class]
            "1 while a maintenance window covers the device."
        DEVICE_ACKNOWLEDGED Gauge Bool "tramgac_device_acknowledged" [device, site, area, class]
            "1 while somebody has acknowledged the open incident of the device."
        DEVICE_COUNTED Gauge Bool "tramgac_device_counted" [device, site, area, class]
            "1 if the device counts in connectivity ratios, 0 if it is exempt."
        DEVICE_LAST_REPLY_TIMESTAMP_SECONDS Gauge Seconds "tramgac_device_last_reply_timestamp_seconds" [device]
            "Unix time of the last successful reply of any protocol, 0 if never."
        DEVICE_LAST_POLL_TIMESTAMP_SECONDS Gauge Seconds "tramgac_device_last_poll_timestamp_seconds" [device]
            "Unix time at which the last poll of this device ended."
        DEVICE_STATE_CHANGE_TIMESTAMP_SECONDS Gauge Seconds "tramgac_device_state_change_timestamp_seconds" [device]
            "Unix time of the last change of tramgac_device_state."
        DEVICE_OUTAGES_TOTAL Counter None "tramgac_device_outages_total" [device]
            "Outages begun (maintenance and exempt time left out)."
        DEVICE_OUTAGE_SECONDS_TOTAL Counter Seconds "tramgac_device_outage_seconds_total" [device]
            "Time spent in outages (maintenance and exempt time left out)."
        DEVICE_OBSERVED_SECONDS_TOTAL Counter Seconds "tramgac_device_observed_seconds_total" [device]
            "Time for which the state was known and counted."
        DEVICE_REBOOTS_TOTAL Counter None "tramgac_device_reboots_total" [device]
            "Reboots seen through sysUpTime or hrSystemUptime going back."
        PING_SENT_TOTAL Counter None "tramgac_ping_sent_total" [device]
            "ICMP echo requests sent."
        PING_RECEIVED_TOTAL Counter None "tramgac_ping_received_total" [device]
            "ICMP echo replies received in time."
        PING_RTT_SECONDS Summary Seconds "tramgac_ping_rtt_seconds" [device]
            "Round trip time of ICMP echo replies (sum and count, no quantiles)."
        PING_RTT_LAST_MIN_SECONDS Gauge Seconds "tramgac_ping_rtt_last_min_seconds" [device]
            "Smallest round trip time in the last poll. Absent if no reply has a known time."
        PING_RTT_LAST_MAX_SECONDS Gauge Seconds "tramgac_ping_rtt_last_max_seconds" [device]
            "Largest round trip time in the last poll. Absent if no reply has a known time."
        PING_RTT_LAST_MEDIAN_SECONDS Gauge Seconds "tramgac_ping_rtt_last_median_seconds" [device]
            "Median round trip time in the last poll. Absent if no reply has a known time."
        PING_JITTER_LAST_SECONDS Gauge Seconds "tramgac_ping_jitter_last_seconds" [device]
            "Mean absolute difference of successive round trip times in the last poll (RFC 3550 style). Absent below two replies."
        PING_LOSS_LAST_RATIO Gauge Ratio "tramgac_ping_loss_last_ratio" [device]
            "Share of echo requests lost in the last poll, 0 to 1."
        SNMP_UP Gauge Bool "tramgac_snmp_up" [device]
            "1 if the last SNMP poll returned sysUpTime, 0 if not. Absent where SNMP is off."
        SNMP_POLL_DURATION_SECONDS Gauge Seconds "tramgac_snmp_poll_duration_seconds" [device]
            "Time the last SNMP poll of this device took."
        SNMP_UPTIME_SECONDS Gauge Seconds "tramgac_snmp_uptime_seconds" [device]
            "Time since the SNMP agent restarted, unwrapped (SNMPv2-MIB sysUpTime, 1.3.6.1.2.1.1.3)."
        DEVICE_AVAILABILITY_RATIO Gauge Ratio "tramgac_device_availability_ratio" [device, window]
            "Availability of one device over a sliding window, from the database."
        WIFI_CLIENTS Gauge None "tramgac_wifi_clients" [device, radio, ssid]
            "Associated stations."
        PRINTER_SUPPLY_RATIO Gauge Ratio "tramgac_printer_supply_ratio" [device, supply, color]
            "Level over capacity of a supply (Printer-MIB prtMarkerSupplies). Absent where the printer reports no number."
        PRINTER_PAGES_TOTAL Counter None "tramgac_printer_pages_total" [device]
            "Pages printed in the life of the printer (prtMarkerLifeCount)."
        UPS_ON_BATTERY Gauge Bool "tramgac_ups_on_battery" [device]
            "1 if the UPS runs on battery."
        UPS_BATTERY_CHARGE_RATIO Gauge Ratio "tramgac_ups_battery_charge_ratio" [device]
            "Battery charge, 0 to 1 (UPS-MIB upsEstimatedChargeRemaining)."
        UPS_BATTERY_RUNTIME_SECONDS Gauge Seconds "tramgac_ups_battery_runtime_seconds" [device]
            "Estimated time left on battery (UPS-MIB upsEstimatedMinutesRemaining)."
        UPS_BATTERY_TEMPERATURE_CELSIUS Gauge Celsius "tramgac_ups_battery_temperature_celsius" [device]
            "Battery temperature."
        UPS_OUTPUT_LOAD_RATIO Gauge Ratio "tramgac_ups_output_load_ratio" [device, phase]
            "Output load over capacity."
        UPS_INPUT_VOLTS Gauge Volts "tramgac_ups_input_volts" [device, phase]
            "Input voltage."
        HOST_CPU_UTILIZATION_RATIO Gauge Ratio "tramgac_host_cpu_utilization_ratio" [device]
            "CPU in use, mean of all processors (hrProcessorLoad)."
        HOST_MEMORY_USED_BYTES Gauge Bytes "tramgac_host_memory_used_bytes" [device]
            "Memory in use, buffers and cache left out where known."
        HOST_MEMORY_SIZE_BYTES Gauge Bytes "tramgac_host_memory_size_bytes" [device]
            "Memory size."
        HOST_FILESYSTEM_USED_BYTES Gauge Bytes "tramgac_host_filesystem_used_bytes" [device, mountpoint]
            "File system space in use."
        HOST_FILESYSTEM_SIZE_BYTES Gauge Bytes "tramgac_host_filesystem_size_bytes" [device, mountpoint]
            "File system size."
        HOST_TEMPERATURE_CELSIUS Gauge Celsius "tramgac_host_temperature_celsius" [device, sensor]
            "Temperature."
    }
    Interfaces {
        INTERFACE_INFO Gauge None "tramgac_interface_info" [device, ifname, ifalias, ifdescr, iftype]
            "Interface attributes; value is always 1."
        INTERFACE_OPER_UP Gauge Bool "tramgac_interface_oper_up" [device, ifname]
            "1 if IF-MIB ifOperStatus is up(1)."
        INTERFACE_ADMIN_UP Gauge Bool "tramgac_interface_admin_up" [device, ifname]
            "1 if IF-MIB ifAdminStatus is up(1)."
        INTERFACE_SPEED_BYTES_PER_SECOND Gauge BytesPerSecond "tramgac_interface_speed_bytes_per_second" [device, ifname]
            "Nominal speed (IF-MIB ifHighSpeed, 1.3.6.1.2.1.31.1.1.1.15)."
        INTERFACE_RECEIVE_BYTES_TOTAL Counter Bytes "tramgac_interface_receive_bytes_total" [device, ifname]
            "Bytes received (IF-MIB ifHCInOctets, 1.3.6.1.2.1.31.1.1.1.6)."
        INTERFACE_TRANSMIT_BYTES_TOTAL Counter Bytes "tramgac_interface_transmit_bytes_total" [device, ifname]
            "Bytes sent (IF-MIB ifHCOutOctets, 1.3.6.1.2.1.31.1.1.1.10)."
        INTERFACE_RECEIVE_ERRORS_TOTAL Counter None "tramgac_interface_receive_errors_total" [device, ifname]
            "Packets received with errors (IF-MIB ifInErrors)."
        INTERFACE_TRANSMIT_ERRORS_TOTAL Counter None "tramgac_interface_transmit_errors_total" [device, ifname]
            "Packets not sent because of errors (IF-MIB ifOutErrors)."
        INTERFACE_RECEIVE_DISCARDS_TOTAL Counter None "tramgac_interface_receive_discards_total" [device, ifname]
            "Packets received and discarded (IF-MIB ifInDiscards)."
        INTERFACE_TRANSMIT_DISCARDS_TOTAL Counter None "tramgac_interface_transmit_discards_total" [device, ifname]
            "Packets to send that were discarded (IF-MIB ifOutDiscards)."
        INTERFACE_RECEIVE_UTILIZATION_RATIO Gauge Ratio "tramgac_interface_receive_utilization_ratio" [device, ifname]
            "Receive rate between the last two polls over nominal speed."
        INTERFACE_TRANSMIT_UTILIZATION_RATIO Gauge Ratio "tramgac_interface_transmit_utilization_ratio" [device, ifname]
            "Send rate between the last two polls over nominal speed."
        INTERFACE_STATE_CHANGE_TIMESTAMP_SECONDS Gauge Seconds "tramgac_interface_state_change_timestamp_seconds" [device, ifname]
            "Unix time of the last change of the operational state."
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_is_unique_ends_in_its_unit_and_says_its_kind() {
        let mut seen = BTreeSet::new();
        for m in CATALOG {
            assert!(seen.insert(m.name), "{} stands twice", m.name);
            assert!(m.name.starts_with("tramgac_"), "{}", m.name);
            assert_eq!(m.kind == Kind::Counter, m.name.ends_with("_total"), "{}", m.name);
            let stem = m.name.strip_suffix("_total").unwrap_or(m.name);
            let suffix = match m.unit {
                Unit::Seconds => "_seconds",
                Unit::Ratio => "_ratio",
                Unit::Bytes => "_bytes",
                Unit::BytesPerSecond => "_bytes_per_second",
                Unit::Celsius => "_celsius",
                Unit::Volts => "_volts",
                Unit::None | Unit::Bool | Unit::Enum => "",
            };
            assert!(stem.ends_with(suffix), "{} does not end in {suffix}", m.name);
            assert!(m.help.ends_with('.') && !m.help.contains('\n'), "{}", m.name);
        }
    }

    #[test]
    fn labels_are_plain_and_stand_once() {
        for m in CATALOG {
            let unique: BTreeSet<_> = m.labels.iter().collect();
            assert_eq!(unique.len(), m.labels.len(), "{}", m.name);
            let plain = |l: &&str| l.bytes().all(|b| b.is_ascii_lowercase());
            assert!(m.labels.iter().all(plain), "{}", m.name);
        }
    }
}
