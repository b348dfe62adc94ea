//! The sections of single values.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::super::defaults;
use super::super::fields::Fields;
use super::super::model::{Backup, Log, Metrics, Organization, Polling, Retention, Snmp, Web};
use super::super::node::Node;
use super::super::problem::Sink;
use super::super::raw;
use super::super::read::word;
use super::Known;
use super::targets::{interval, probes, timeout};
use crate::inventory::Class;
use crate::inventory::device::Probing;
use crate::model::{Ratio, Span};
use crate::monitor::settings::{Confirm, Intervals, Level};

pub(super) fn organization(f: &Fields<'_>) -> Organization {
    Organization {
        name: f.get("name").unwrap_or_else(|| "tramgac".to_owned()),
        superior: f.get("superior"),
        place: f.get("place"),
    }
}

pub(super) fn web(f: &Fields<'_>) -> Option<Web> {
    let listen = match f.node("listen") {
        Some(node) => node.read(f.sink()),
        None => f.whole().sibling(defaults::LISTEN).read(f.sink()),
    };
    let allow_anonymous = match f.node("allow_anonymous") {
        Some(node) => word(node, f.sink(), &[(false, "none"), (true, "read")])?,
        None => false,
    };
    let listen: std::net::SocketAddr = listen?;
    if !listen.ip().is_loopback() && !allow_anonymous {
        f.report(
            "listen",
            format!("{listen} is open to the network, and whoever comes may read"),
            "a loopback address like 127.0.0.1:9099, or `allow_anonymous: read` if that is wanted",
        );
    }
    let external_url: Option<String> = f.get("external_url");
    if let Some(url) = &external_url
        && !(url.starts_with("http://") || url.starts_with("https://"))
    {
        f.report(
            "external_url",
            "this is no address of a page",
            "like https://tramgac.example.vn",
        );
    }
    Some(Web {
        listen,
        allow_anonymous,
        external_url: external_url.map(|url| url.trim_end_matches('/').to_owned()),
    })
}

/// A span that must be at least `least`, for what people wait or for what loads a network.
fn at_least(f: &Fields<'_>, key: &str, least: Span, words: &str) -> Span {
    let span: Span = f.preset(key);
    if span < least {
        f.report(key, "this is too short", format!("at least {words}"));
    }
    span
}

pub(super) fn polling(f: &Fields<'_>) -> Polling {
    let second = Span::from_secs(1);
    let every = |key: &str| at_least(f, key, second, "1s");
    let (count, spacing): (u16, Span) = (f.preset("count"), f.preset("spacing"));
    if spacing < Span::from_millis(10) && count > 1 {
        f.report("spacing", "this is too short", "at least 10ms");
    }
    let loss: Ratio = f.get("loss_threshold").unwrap_or_else(|| {
        let default = f.whole().sibling(defaults::LOSS_THRESHOLD);
        default.read(f.sink()).unwrap_or(Ratio::ONE)
    });
    #[expect(clippy::cast_possible_truncation, reason = "a share needs no more digits")]
    let loss = loss.get() as f32;
    let infrastructure = every("infrastructure_interval");
    let polling = Polling {
        intervals: Intervals {
            infrastructure,
            device: every("interval"),
            link: infrastructure,
            service: every("service_interval"),
        },
        service_timeout: at_least(f, "service_timeout", Span::from_millis(1), "1ms"),
        count,
        spacing,
        timeout: at_least(f, "timeout", Span::from_millis(1), "1ms"),
        payload_bytes: f.preset("payload_bytes"),
        confirm: Confirm {
            down_after: f.preset("down_after"),
            up_after: f.preset("up_after"),
            retry_interval: every("retry_interval"),
            ..Confirm::default()
        },
        max_rate: f.get("max_rate"),
        link_rate: f.preset("link_rate"),
        link_burst: f.preset("link_burst"),
        subnet_rate: f.preset("subnet_rate"),
        loss_threshold: Level::above(loss),
        // Nothing there is another thing than an empty list.
        self_check: f.node("self_check").map(|_| f.list::<IpAddr>("self_check")),
        resolve_interval: every("resolve_interval"),
    };
    let burst = spacing
        .saturating_mul(u32::from(count.saturating_sub(1)))
        .saturating_add(polling.timeout);
    let shortest = polling.intervals.infrastructure.min(polling.intervals.device);
    if burst > shortest {
        f.report(
            "count",
            format!("a burst takes {burst:?}, longer than the interval of {shortest:?}"),
            "fewer or closer requests, a shorter timeout, or a longer interval",
        );
    }
    polling
}

pub(super) fn snmp(f: &Fields<'_>, known: &Known) -> Snmp {
    let every = |key: &str| at_least(f, key, Span::from_secs(1), "1s");
    let snmp = Snmp {
        credentials: known.default_credentials.clone(),
        interval: every("interval"),
        link_interval: every("link_interval"),
        inventory_interval: at_least(f, "inventory_interval", Span::from_secs(60), "1m"),
        timeout: at_least(f, "timeout", Span::from_millis(10), "10ms"),
        retries: f.preset("retries"),
        deadline: every("deadline"),
        port: f.preset("port"),
        max_repetitions: f.preset("max_repetitions"),
        max_devices: f.preset("max_devices"),
    };
    if snmp.deadline < snmp.timeout {
        f.report(
            "deadline",
            "a device's turn ends before the first response may come",
            "more than `timeout`",
        );
    }
    snmp
}

pub(super) fn class(node: &Node, sink: &Sink) -> Option<Probing> {
    let f = node.fields(raw::CLASS_OVERRIDE, sink)?;
    let (probes, liveness) = probes(&f);
    Some(Probing {
        probes,
        liveness,
        always_on: f.get("always_on"),
        alerts: f.get("alerts"),
        interval: interval(&f, "interval"),
        snmp_interval: interval(&f, "snmp_interval"),
        timeout: timeout(&f, "timeout"),
        ..Probing::default()
    })
}

/// `classes:`, by class.
pub(super) fn classes(node: Option<&Node>, sink: &Sink) -> std::collections::BTreeMap<Class, Probing> {
    let mut all = std::collections::BTreeMap::new();
    for (name, place, node) in node.into_iter().flat_map(|n| n.named(sink)) {
        let Ok(class) = name.parse::<Class>() else {
            let known = crate::inventory::class::CLASSES.iter().map(|row| row.name);
            sink.report(super::super::node::unknown_key(name, place, known));
            continue;
        };
        all.extend(class_entry(class, node, sink));
    }
    all
}

fn class_entry(name: Class, node: &Node, sink: &Sink) -> Option<(Class, Probing)> {
    Some((name, class(node, sink)?))
}

pub(super) fn metrics(f: &Fields<'_>) -> Metrics {
    Metrics {
        interfaces: f.preset("interfaces"),
        max_interfaces: f.preset("max_interfaces"),
        max_series: f.preset("max_series"),
    }
}

pub(super) fn retention(f: &Fields<'_>) -> Retention {
    let day = Span::from_hours(24);
    let keep = |key: &str| at_least(f, key, day, "1d");
    let daily: Option<Span> = f.get("daily");
    if daily.is_some_and(|span| span < day) {
        f.report("daily", "this is too short", "at least 1d");
    }
    Retention {
        raw: keep("raw"),
        five_minutes: keep("five_minutes"),
        hourly: keep("hourly"),
        daily,
    }
}

/// Copies lie beside the database, where this user may write, if their folder is relative.
pub(super) fn backup(f: &Fields<'_>, database: &Path) -> Backup {
    let beside = database.parent().unwrap_or(Path::new(""));
    Backup {
        directory: f.get::<String>("directory").map(|text| beside.join(text)),
        interval: at_least(f, "interval", Span::from_secs(3600), "1h"),
        keep: f.preset("keep"),
    }
}

pub(super) fn log(f: &Fields<'_>) -> Log {
    let levels = ["error", "warn", "info", "debug", "trace"].map(|l| (l, l));
    let level = f.node("level").and_then(|node| word(node, f.sink(), &levels));
    let format = f
        .node("format")
        .and_then(|node| word(node, f.sink(), &[(false, "text"), (true, "json")]));
    Log {
        level: level.unwrap_or(defaults::LOG_LEVEL).to_owned(),
        json: format.unwrap_or(false),
    }
}

/// The database file: as written; relative to systemd's state folder where there is one.
pub(super) fn database(f: &Fields<'_>) -> PathBuf {
    let written: String = f.preset("database");
    match f.whole().place().source.env.variable("STATE_DIRECTORY") {
        // systemd may give several, with colons between; the first is ours.
        Some(folders) => Path::new(folders.split(':').next().unwrap_or(folders)).join(written),
        None => PathBuf::from(written),
    }
}

/// A folder named at a key, relative to the file; one that is not there is reported.
pub(super) fn folder(f: &Fields<'_>, key: &str) -> Option<PathBuf> {
    let path = f.whole().path_of(&f.get::<String>(key)?);
    if !path.is_dir() {
        f.report(
            key,
            format!("there is no folder {}", path.display()),
            "a folder that is there",
        );
    }
    Some(path)
}
