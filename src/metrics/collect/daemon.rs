//! The daemon about itself.

use super::Extra;
use crate::metrics::catalog;
use crate::metrics::catalog::Metric;
use crate::metrics::expose::{Labels, Writer};
use crate::metrics::process::ProtocolStats;

pub(super) fn write(w: &mut Writer<'_>, extra: &Extra) {
    let none = Labels::default();
    let p = &extra.process;
    w.family(&catalog::BUILD_INFO).int(
        &Labels::new(&[
            ("version", extra.build.version),
            ("revision", extra.build.revision),
            ("rustc", extra.build.rustc),
        ]),
        1,
    );
    for (channel, (attempts, _)) in &p.channels {
        let labels = Labels::new(&[("channel", channel)]);
        w.family(&catalog::NOTIFICATIONS_TOTAL).int(&labels, *attempts);
    }
    for (channel, (_, failures)) in &p.channels {
        let labels = Labels::new(&[("channel", channel)]);
        w.family(&catalog::NOTIFICATION_FAILURES_TOTAL)
            .int(&labels, *failures);
    }
    protocols(w, extra);
    let h = &p.snmp_request;
    w.family(&catalog::SNMP_REQUEST_DURATION_SECONDS)
        .histogram(&none, h.bounds, &h.counts, h.sum);
    w.family(&catalog::SNMP_REQUESTS_TOTAL)
        .int(&none, p.snmp_requests);
    w.family(&catalog::SNMP_RETRIES_TOTAL).int(&none, p.snmp_retries);
    w.family(&catalog::SNMP_RECEIVE_DROPS_TOTAL)
        .int(&none, p.snmp_receive_drops);
    w.family(&catalog::SNMP_RECEIVE_BUFFER_BYTES)
        .int(&none, p.snmp_receive_buffer_bytes);
    for (reason, n) in &p.icmp_send_errors {
        let labels = Labels::new(&[("reason", reason)]);
        w.family(&catalog::ICMP_SEND_ERRORS_TOTAL).int(&labels, *n);
    }
    w.family(&catalog::ICMP_RECEIVE_DROPS_TOTAL)
        .int(&none, p.icmp_receive_drops);
    w.family(&catalog::ICMP_RECEIVE_BUFFER_BYTES)
        .int(&none, p.icmp_receive_buffer);
    let h = &p.db_write;
    w.family(&catalog::DB_WRITE_DURATION_SECONDS)
        .histogram(&none, h.bounds, &h.counts, h.sum);
    w.family(&catalog::DB_WRITE_FAILURES_TOTAL)
        .int(&none, p.db_write_failures);
    w.family(&catalog::DB_QUEUE_LENGTH).int(&none, p.db_queue);
    w.family(&catalog::DB_HISTORY_SHED).int(&none, p.db_history_shed);
    for (reason, n) in p.db_shed {
        let labels = Labels::new(&[("reason", reason)]);
        w.family(&catalog::DB_SAMPLES_SHED_TOTAL).int(&labels, n);
    }
    for (file, bytes) in [("main", p.db_main_bytes), ("wal", p.db_wal_bytes)] {
        w.family(&catalog::DB_SIZE_BYTES)
            .int(&Labels::new(&[("file", file)]), bytes);
    }
    w.family(&catalog::DB_LAST_BACKUP_TIMESTAMP_SECONDS).float(
        &none,
        p.db_last_backup
            .map_or(0.0, crate::model::time::Timestamp::as_secs_f64),
    );
    if let Some(took) = p.db_backup_duration {
        w.family(&catalog::DB_LAST_BACKUP_DURATION_SECONDS)
            .float(&none, took.as_secs_f64());
    }
    w.family(&catalog::DB_BACKUP_FAILURES_TOTAL)
        .int(&none, p.db_backup_failures);
    if let Some(interval) = p.db_backup_interval {
        w.family(&catalog::DB_BACKUP_INTERVAL_SECONDS)
            .float(&none, interval.as_secs_f64());
    }
    if let Some(at) = p.config_reload_at {
        w.family(&catalog::CONFIG_LAST_RELOAD_SUCCESSFUL)
            .int(&none, u64::from(p.config_reload_good));
        w.family(&catalog::CONFIG_LAST_RELOAD_SUCCESS_TIMESTAMP_SECONDS)
            .float(&none, at.as_secs_f64());
    }
    w.family(&catalog::EXPORTED_SERIES).int(&none, p.exported_series);
    for (metric, n) in &p.series_dropped {
        let labels = Labels::new(&[("metric", metric)]);
        w.family(&catalog::SERIES_LIMIT_DROPPED_TOTAL).int(&labels, *n);
    }
    w.family(&catalog::SCRAPE_RENDER_DURATION_SECONDS)
        .float(&none, p.render_duration.as_secs_f64());
    for (calendar, inside) in &extra.work_time {
        let labels = Labels::new(&[("calendar", calendar)]);
        w.family(&catalog::WORK_TIME).int(&labels, u64::from(*inside));
    }
}

/// A family with one number per protocol.
type PerProtocol = (&'static Metric, fn(&ProtocolStats) -> Option<f64>);

#[expect(clippy::cast_precision_loss, reason = "metrics are f64 by contract")]
fn protocols(w: &mut Writer<'_>, extra: &Extra) {
    let families: [PerProtocol; 9] = [
        (&catalog::POLL_CYCLES_TOTAL, |p| Some(p.cycles as f64)),
        (&catalog::POLL_CYCLE_OVERRUNS_TOTAL, |p| Some(p.overruns as f64)),
        (&catalog::POLL_CYCLE_LAG_SECONDS, |p| Some(p.lag.as_secs_f64())),
        (&catalog::POLL_CYCLE_DURATION_SECONDS, |p| {
            Some(p.duration.as_secs_f64())
        }),
        (&catalog::POLL_CYCLE_INTERVAL_SECONDS, |p| {
            Some(p.interval.as_secs_f64())
        }),
        (&catalog::POLL_LAST_CYCLE_TIMESTAMP_SECONDS, |p| {
            p.last_cycle.map(crate::model::time::Timestamp::as_secs_f64)
        }),
        (&catalog::POLL_QUEUE_LENGTH, |p| Some(p.queue as f64)),
        (&catalog::POLL_IN_FLIGHT, |p| Some(p.in_flight as f64)),
        (&catalog::POLL_ATTEMPTS_TOTAL, |p| Some(p.attempts as f64)),
    ];
    let protocols = &extra.process.protocols;
    for (metric, value) in families {
        for (protocol, stats) in protocols {
            w.family(metric)
                .maybe(&Labels::new(&[("protocol", protocol)]), value(stats));
        }
    }
    for (protocol, stats) in protocols {
        for (reason, n) in &stats.failures {
            let labels = Labels::new(&[("protocol", protocol), ("reason", reason)]);
            w.family(&catalog::POLL_FAILURES_TOTAL).int(&labels, *n);
        }
    }
}
