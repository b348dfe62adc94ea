//! The daemon about itself: counters that any thread may turn without a lock,
//! and the plain values that a scrape reads.
//!
//! [`Meters`] is shared by the parts of the daemon; [`Meters::read`] makes a
//! [`ProcessStats`] of it, which [`super::collect`] renders.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use super::expose::Summary;
use super::instrument::{Counter, Family, Gauge, Histogram, HistogramStats, Length, Moment};
use crate::model::{LinkId, Reason, Span, Timestamp};

/// Upper bounds of `tramgac_link_rtt_seconds`, from a fibre in town to a satellite.
pub const LINK_RTT_BOUNDS: &[f64] = &[
    0.001, 0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5,
];

/// Upper bounds of `tramgac_db_write_duration_seconds`, from a page in the cache to a stuck disk.
pub const DB_WRITE_BOUNDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// Upper bounds of `tramgac_snmp_request_duration_seconds`, from a switch in the house to a bad line.
pub const SNMP_REQUEST_BOUNDS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
];

/// The values of the `reason` label of failed polls.
pub const REASONS: [&str; 6] = ["auth", "dns", "internal", "refused", "timeout", "unreachable"];

/// What one protocol's polling counts.
#[derive(Debug, Default)]
pub struct ProtocolMeter {
    /// Cycles begun.
    pub cycles: Counter,
    /// Cycles that had not ended when the next was due.
    pub overruns: Counter,
    /// Delay of the last cycle's start.
    pub lag: Length,
    /// How long the last cycle took.
    pub duration: Length,
    /// The configured interval.
    pub interval: Length,
    /// When the last cycle ended.
    pub last_cycle: Moment,
    /// Polls waiting to start.
    pub queue: Gauge,
    /// Polls under way.
    pub in_flight: Gauge,
    /// Polls of single targets attempted.
    pub attempts: Counter,
    failures: [Counter; REASONS.len()],
}

impl ProtocolMeter {
    /// Counts a poll that failed.
    pub fn failed(&self, reason: &Reason) {
        self.failed_as(reason.label());
    }

    /// Counts a poll that failed, by the word of the `reason` label; an unknown word is `internal`.
    pub fn failed_as(&self, label: &str) {
        let known = REASONS.iter().position(|r| *r == label);
        let at = known.or_else(|| REASONS.iter().position(|r| *r == "internal"));
        if let Some(counter) = at.and_then(|i| self.failures.get(i)) {
            counter.inc();
        }
    }
}

/// What one way of telling people counts.
#[derive(Debug, Default)]
pub struct ChannelMeter {
    /// Notifications attempted.
    pub attempts: Counter,
    /// Notifications that failed after retries.
    pub failures: Counter,
}

/// Everything that the daemon counts about itself. Share it by `Arc`.
#[derive(Debug)]
pub struct Meters {
    protocols: Family<&'static str, ProtocolMeter>,
    channels: Family<String, ChannelMeter>,
    link_rtt: Family<LinkId, Histogram>,
    icmp_send_errors: Family<&'static str, Counter>,
    series_dropped: Family<&'static str, Counter>,
    /// Datagrams that the kernel dropped at the ICMP socket.
    pub icmp_receive_drops: Counter,
    /// Receive buffer that the system has granted to the ICMP socket, bytes.
    pub icmp_receive_buffer: Gauge,
    /// Datagrams that the kernel dropped at the SNMP sockets.
    pub snmp_receive_drops: Counter,
    /// Receive buffers granted to the SNMP sockets in bytes.
    pub snmp_receive_buffer_bytes: Gauge,
    /// SNMP requests sent, tries included.
    pub snmp_requests: Counter,
    /// Tries after the first.
    pub snmp_retries: Counter,
    /// Time from an SNMP request to its answer.
    pub snmp_request: Histogram,
    /// Time per write transaction.
    pub db_write: Histogram,
    /// Write transactions that failed.
    pub db_write_failures: Counter,
    /// Rows waiting to be written.
    pub db_queue: Gauge,
    /// 1 while history is not kept, wholly or in part.
    pub db_history_shed: Gauge,
    /// Samples given up because the disk was full.
    pub db_shed_disk: Counter,
    /// Samples given up because the writer could not follow.
    pub db_shed_queue: Counter,
    /// Size of the database file in bytes.
    pub db_main_bytes: Gauge,
    /// Size of its write-ahead log in bytes.
    pub db_wal_bytes: Gauge,
    /// The last good backup.
    pub db_last_backup: Moment,
    /// How often the record is to be copied; nothing: never.
    pub db_backup_interval: Length,
    /// How long the last good backup took; nothing: none was made since the start.
    pub db_backup_duration: Length,
    /// Backups that failed.
    pub db_backup_failures: Counter,
    config_reload_good: AtomicBool,
    config_reload_at: Moment,
    exported_series: Gauge,
    render_duration: Length,
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            protocols: Family::default(),
            channels: Family::default(),
            link_rtt: Family::default(),
            icmp_send_errors: Family::default(),
            series_dropped: Family::default(),
            icmp_receive_drops: Counter::default(),
            icmp_receive_buffer: Gauge::default(),
            snmp_receive_drops: Counter::default(),
            snmp_receive_buffer_bytes: Gauge::default(),
            snmp_requests: Counter::default(),
            snmp_retries: Counter::default(),
            snmp_request: Histogram::new(SNMP_REQUEST_BOUNDS),
            db_write: Histogram::new(DB_WRITE_BOUNDS),
            db_write_failures: Counter::default(),
            db_queue: Gauge::default(),
            db_history_shed: Gauge::default(),
            db_shed_disk: Counter::default(),
            db_shed_queue: Counter::default(),
            db_main_bytes: Gauge::default(),
            db_wal_bytes: Gauge::default(),
            db_last_backup: Moment::default(),
            db_backup_interval: Length::default(),
            db_backup_duration: Length::default(),
            db_backup_failures: Counter::default(),
            config_reload_good: AtomicBool::new(false),
            config_reload_at: Moment::default(),
            exported_series: Gauge::default(),
            render_duration: Length::default(),
        }
    }
}

impl Meters {
    /// The meter of a protocol (`icmp`, `snmp`, `http`, …).
    pub fn protocol(&self, name: &'static str) -> Arc<ProtocolMeter> {
        self.protocols.meter(&name, ProtocolMeter::default)
    }

    /// The meter of a way of telling people, by the receiver's name in the configuration.
    pub fn channel(&self, name: &str) -> Arc<ChannelMeter> {
        self.channels.meter(&name.to_owned(), ChannelMeter::default)
    }

    /// The round trip times over a link.
    pub fn link_rtt(&self, link: &LinkId) -> Arc<Histogram> {
        self.link_rtt.meter(link, || Histogram::new(LINK_RTT_BOUNDS))
    }

    /// Forgets links that are no more.
    pub fn retain_links(&self, keep: impl Fn(&LinkId) -> bool) {
        self.link_rtt.retain(keep);
    }

    /// Echo requests that could not be sent, for this reason (a bounded set of words).
    pub fn icmp_send_errors(&self, reason: &'static str) -> Arc<Counter> {
        self.icmp_send_errors.meter(&reason, Counter::default)
    }

    /// The configuration was read (at the start too), or a new one was refused.
    pub fn config_reloaded(&self, good: bool, at: Timestamp) {
        self.config_reload_good.store(good, Relaxed);
        if good {
            self.config_reload_at.set(at);
        }
    }

    /// An exposition came out like this, in that time.
    pub fn exposed(&self, summary: &Summary, took: Span) {
        self.exported_series.set(summary.series);
        self.render_duration.set(took);
        for (name, n) in &summary.dropped {
            self.series_dropped.meter(name, Counter::default).add(*n);
        }
    }

    /// All values of this moment.
    pub fn read(&self) -> ProcessStats {
        ProcessStats {
            protocols: self.protocols.read(|m| ProtocolStats {
                cycles: m.cycles.get(),
                overruns: m.overruns.get(),
                lag: m.lag.get(),
                duration: m.duration.get(),
                interval: m.interval.get(),
                last_cycle: m.last_cycle.get(),
                queue: m.queue.get(),
                in_flight: m.in_flight.get(),
                attempts: m.attempts.get(),
                failures: REASONS
                    .into_iter()
                    .zip(m.failures.iter().map(Counter::get))
                    .collect(),
            }),
            channels: self.channels.read(|m| (m.attempts.get(), m.failures.get())),
            link_rtt: self.link_rtt.read(Histogram::read),
            icmp_send_errors: self.icmp_send_errors.read(Counter::get),
            icmp_receive_drops: self.icmp_receive_drops.get(),
            icmp_receive_buffer: self.icmp_receive_buffer.get(),
            snmp_receive_drops: self.snmp_receive_drops.get(),
            snmp_receive_buffer_bytes: self.snmp_receive_buffer_bytes.get(),
            snmp_requests: self.snmp_requests.get(),
            snmp_retries: self.snmp_retries.get(),
            snmp_request: self.snmp_request.read(),
            db_write: self.db_write.read(),
            db_write_failures: self.db_write_failures.get(),
            db_queue: self.db_queue.get(),
            db_history_shed: self.db_history_shed.get(),
            db_shed: [
                ("disk", self.db_shed_disk.get()),
                ("queue", self.db_shed_queue.get()),
            ],
            db_main_bytes: self.db_main_bytes.get(),
            db_wal_bytes: self.db_wal_bytes.get(),
            db_last_backup: self.db_last_backup.get(),
            db_backup_interval: Some(self.db_backup_interval.get()).filter(|i| !i.is_zero()),
            db_backup_duration: Some(self.db_backup_duration.get()).filter(|d| !d.is_zero()),
            db_backup_failures: self.db_backup_failures.get(),
            config_reload_good: self.config_reload_good.load(Relaxed),
            config_reload_at: self.config_reload_at.get(),
            exported_series: self.exported_series.get(),
            render_duration: self.render_duration.get(),
            series_dropped: self.series_dropped.read(Counter::get),
        }
    }
}

/// What the daemon says about itself at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessStats {
    /// By protocol.
    pub protocols: BTreeMap<&'static str, ProtocolStats>,
    /// Notifications attempted and failed, by receiver.
    pub channels: BTreeMap<String, (u64, u64)>,
    /// Round trip times by link.
    pub link_rtt: BTreeMap<LinkId, HistogramStats>,
    /// Echo requests that could not be sent, by reason.
    pub icmp_send_errors: BTreeMap<&'static str, u64>,
    /// Datagrams dropped at the ICMP socket.
    pub icmp_receive_drops: u64,
    /// Receive buffer of the ICMP socket, bytes.
    pub icmp_receive_buffer: u64,
    /// Datagrams dropped at the SNMP sockets.
    pub snmp_receive_drops: u64,
    /// Bytes.
    pub snmp_receive_buffer_bytes: u64,
    /// SNMP requests sent, tries included.
    pub snmp_requests: u64,
    /// Tries after the first.
    pub snmp_retries: u64,
    /// Time from an SNMP request to its answer.
    pub snmp_request: HistogramStats,
    /// Time per write transaction.
    pub db_write: HistogramStats,
    /// Write transactions that failed.
    pub db_write_failures: u64,
    /// Rows waiting.
    pub db_queue: u64,
    /// 1 while history is not kept, wholly or in part.
    pub db_history_shed: u64,
    /// Samples given up, by reason.
    pub db_shed: [(&'static str, u64); 2],
    /// Bytes.
    pub db_main_bytes: u64,
    /// Bytes.
    pub db_wal_bytes: u64,
    /// The last good backup.
    pub db_last_backup: Option<Timestamp>,
    /// How often the record is to be copied; `None`: never.
    pub db_backup_interval: Option<Span>,
    /// How long the last good backup took; `None`: none was made since the start.
    pub db_backup_duration: Option<Span>,
    /// Backups that failed.
    pub db_backup_failures: u64,
    /// The last configuration was accepted.
    pub config_reload_good: bool,
    /// When the last good configuration was read.
    pub config_reload_at: Option<Timestamp>,
    /// Series in the last exposition.
    pub exported_series: u64,
    /// How long the last exposition took.
    pub render_duration: Span,
    /// Series left out since the start, by family.
    pub series_dropped: BTreeMap<&'static str, u64>,
}

/// What one protocol's polling counted.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the fields of `ProtocolMeter`")]
pub struct ProtocolStats {
    pub cycles: u64,
    pub overruns: u64,
    pub lag: Span,
    pub duration: Span,
    pub interval: Span,
    pub last_cycle: Option<Timestamp>,
    pub queue: u64,
    pub in_flight: u64,
    pub attempts: u64,
    pub failures: BTreeMap<&'static str, u64>,
}

impl Default for ProcessStats {
    fn default() -> Self {
        Meters::default().read()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::observation::RttStats;

    fn ms(n: u64) -> Span {
        Span::from_millis(n)
    }

    #[test]
    fn a_burst_of_three_falls_into_the_buckets_exactly() {
        let h = Histogram::new(LINK_RTT_BOUNDS);
        let rtt = RttStats {
            min: ms(1),
            median: ms(30),
            max: ms(3_000),
            sum: ms(3_031),
            jitter: None,
        };
        h.observe_burst(&rtt, 3);
        h.observe_burst(&rtt, 0);
        let read = h.read();
        assert_eq!(read.counts.iter().sum::<u64>(), 3);
        assert_eq!((read.counts[0], read.counts[5], read.counts[14]), (1, 1, 1));
        assert!((read.sum - 3.031).abs() < 1e-9);
    }

    #[test]
    fn a_meter_is_made_once_and_forgotten_with_its_link() {
        let meters = Meters::default();
        let link: LinkId = "wan-1".parse().unwrap();
        meters.link_rtt(&link).observe(ms(5));
        meters.link_rtt(&link).observe(ms(5));
        assert_eq!(meters.read().link_rtt[&link].counts[2], 2);
        meters.retain_links(|_| false);
        assert!(meters.read().link_rtt.is_empty());
    }

    #[test]
    fn failures_are_counted_by_their_reason_and_a_strange_one_is_internal() {
        let meters = Meters::default();
        let icmp = meters.protocol("icmp");
        icmp.failed(&Reason::HostUnreachable);
        icmp.failed_as("no such word");
        let failures = &meters.read().protocols["icmp"].failures;
        assert_eq!(
            (failures["unreachable"], failures["internal"], failures["auth"]),
            (1, 1, 0)
        );
    }

    #[test]
    fn a_refused_configuration_keeps_the_time_of_the_last_good_one() {
        let meters = Meters::default();
        meters.config_reloaded(true, Timestamp::from_secs(10));
        meters.config_reloaded(false, Timestamp::from_secs(20));
        let read = meters.read();
        assert_eq!(read.config_reload_at, Some(Timestamp::from_secs(10)));
        assert!(!read.config_reload_good);
    }
}
