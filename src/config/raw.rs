//! The YAML as it is written: one table of keys for each mapping.
//!
//! A key that stands in no table is refused; a key that stands in one is read
//! by `build` (a test asks every key of every table for it).

use super::defaults;
use super::model::{AuthProtocol, PrivacyProtocol};
use super::schema::{Key, Kind, key, preset};
use crate::indicator::definition::{Count, SiteNumber};
use crate::inventory::class::CLASSES;
use crate::inventory::{Lifecycle, Medium, SiteKind, UnitKind};

fn words<T: Copy>(all: &[(T, &'static str)]) -> Vec<&'static str> {
    all.iter().map(|(_, word)| *word).collect()
}

pub(super) const LANGUAGE: Kind = Kind::Word(|| vec!["vi", "en"]);
const CLASS: Kind = Kind::Word(|| CLASSES.iter().map(|row| row.name).collect());
const UNIT_KIND: Kind = Kind::Word(|| words(&UnitKind::ALL));
const SITE_KIND: Kind = Kind::Word(|| words(&SiteKind::ALL));
const MEDIUM: Kind = Kind::Word(|| words(&Medium::ALL));
const TARGET_KIND: Kind = Kind::Word(|| vec!["device", "link", "service", "site"]);
const LABELS: Kind = Kind::Named(&Kind::Text);
/// Device probes: what a device may be asked by.
pub(super) const DEVICE_PROBES: [&str; 3] = ["icmp", "snmp", "tcp"];
const PROBES: Kind = Kind::List(&Kind::Word(|| DEVICE_PROBES.to_vec()));

/// The whole file.
pub const FILE: &[Key] = &[
    key("include", Kind::List(&Kind::Text), "more files, by glob, in name order; they add lists and override single values"),
    key("organization", Kind::Object(ORGANIZATION), "whose equipment this is"),
    preset("language", LANGUAGE, defaults::LANGUAGE, "language of alerts, pages and reports where nothing else is said"),
    preset("timezone", Kind::Text, defaults::TIMEZONE, "IANA name of the time zone of days and hours"),
    preset("area_kind", Kind::List(&UNIT_KIND), defaults::AREA_KIND, "kinds of unit by which ratios are compared"),
    preset("database", Kind::Text, defaults::DATABASE, "the database file; relative to the working folder, under systemd to its state folder"),
    key("web", Kind::Object(WEB), "the page, the API and /metrics"),
    key("credentials", Kind::Named(&Kind::Object(CREDENTIAL)), "secrets for asking devices over SNMP, by name"),
    key("polling", Kind::Object(POLLING), "how we ping and check"),
    key("snmp", Kind::Object(SNMP), "how we ask over SNMP"),
    key("profiles", Kind::Text, "a folder with device profiles of your own, beside the built-in ones"),
    key("classes", Kind::Named(&Kind::Object(CLASS_OVERRIDE)), "what a class of devices does otherwise than built in"),
    key("units", Kind::List(&Kind::Object(UNIT)), "administrative and organisational units"),
    key("sites", Kind::List(&Kind::Object(SITE)), "physical places"),
    key("devices", Kind::List(&Kind::Object(DEVICE)), "items of equipment"),
    key("links", Kind::List(&Kind::Object(LINK)), "connections of sites to the network"),
    key("services", Kind::List(&Kind::Object(SERVICE)), "things that people use"),
    key("indicators", Kind::List(&Kind::Object(INDICATOR)), "ratios to compute"),
    key("calendars", Kind::Named(&Kind::Object(CALENDAR)), "working hours, by name; `working_hours` is built in and may be replaced"),
    key("maintenance", Kind::List(&Kind::Object(MAINTENANCE)), "announced maintenance"),
    key("alerts", Kind::Object(ALERTS), "who is told, about what"),
    key("metrics", Kind::Object(METRICS), "what /metrics exposes"),
    key("retention", Kind::Object(RETENTION), "how long history is kept"),
    key("backup", Kind::Object(BACKUP), "copies of the database"),
    key("log", Kind::Object(LOG), "what is logged, and how"),
];

/// Top-level lists that files add to; everything else is overridden key by key.
pub(super) const ADDED: [&str; 7] =
    ["units", "sites", "devices", "links", "services", "indicators", "maintenance"];

pub(super) const ORGANIZATION: &[Key] = &[
    key("name", Kind::Text, "its name, on pages and reports"),
    key("superior", Kind::Text, "the body above it, for the head of reports"),
    key("place", Kind::Text, "the place in the date line of reports"),
];

pub(super) const WEB: &[Key] = &[
    preset("listen", Kind::Listen, defaults::LISTEN, "address and port"),
    preset("allow_anonymous", Kind::Word(|| vec!["none", "read"]), "none", "`read` lets everyone read, which any other address than the loopback needs"),
    key("external_url", Kind::Text, "the page's address as people type it, for links in messages"),
];

pub(super) const CREDENTIAL: &[Key] = &[
    key("community", Kind::Secret, "SNMP v1 and v2c: the community"),
    preset("version", Kind::Word(|| vec!["1", "2c", "3"]), "2c", "SNMP version; 3 where `user` is given"),
    key("user", Kind::Text, "SNMP v3: user name"),
    key("auth", Kind::Word(|| words(&AuthProtocol::ALL)), "SNMP v3: authentication protocol"),
    key("auth_password", Kind::Secret, "SNMP v3: authentication password, at least 8 characters"),
    key("priv", Kind::Word(|| words(&PrivacyProtocol::ALL)), "SNMP v3: privacy protocol"),
    key("priv_password", Kind::Secret, "SNMP v3: privacy password, at least 8 characters"),
    key("context", Kind::Text, "SNMP v3: context name"),
];

pub(super) const POLLING: &[Key] = &[
    preset("interval", Kind::Duration, defaults::INTERVAL, "time between two pings of a device"),
    preset("infrastructure_interval", Kind::Duration, defaults::INFRASTRUCTURE_INTERVAL, "the same of infrastructure and links"),
    preset("service_interval", Kind::Duration, defaults::SERVICE_INTERVAL, "time between two checks of a service"),
    preset("service_timeout", Kind::Duration, defaults::SERVICE_TIMEOUT, "how long a check of a service may take"),
    preset("count", Kind::Integer(1, 20), defaults::COUNT, "echo requests a burst"),
    preset("spacing", Kind::Duration, defaults::SPACING, "time between two requests of a burst"),
    preset("timeout", Kind::Duration, defaults::TIMEOUT, "how long to wait for a reply"),
    preset("payload_bytes", Kind::Integer(16, 1400), defaults::PAYLOAD_BYTES, "bytes of payload in a request"),
    preset("retry_interval", Kind::Duration, defaults::RETRY_INTERVAL, "time between two looks at a suspect"),
    preset("down_after", Kind::Integer(1, 20), defaults::DOWN_AFTER, "failed looks in a row that make it down"),
    preset("up_after", Kind::Integer(1, 20), defaults::UP_AFTER, "good looks in a row that make it up again"),
    key("max_rate", Kind::Integer(1, 1_000_000), "echo requests a second, overall; else what the schedule needs and a quarter more, at least 1000"),
    preset("link_rate", Kind::Integer(1, 100_000), defaults::LINK_RATE, "echo requests a second behind one link"),
    preset("link_burst", Kind::Integer(1, 1000), defaults::LINK_BURST, "of those, how many at once"),
    preset("subnet_rate", Kind::Integer(0, 100_000), defaults::SUBNET_RATE, "the same into one subnet (IPv4 /24, IPv6 /64) that lies behind no link, or what the schedule needs; 0: no limit"),
    preset("loss_threshold", Kind::Ratio, defaults::LOSS_THRESHOLD, "loss above which a target counts as degraded"),
    key("self_check", Kind::List(&Kind::Host), "addresses that prove that we can look ourselves; else the default gateway; [] switches the rule off"),
    preset("resolve_interval", Kind::Duration, defaults::RESOLVE_INTERVAL, "how often names are resolved again"),
];

pub(super) const SNMP: &[Key] = &[
    key("credentials", Kind::List(&Kind::Text), "names of credentials to try, in this order, at devices that name none"),
    preset("interval", Kind::Duration, defaults::SNMP_INTERVAL, "time between two polls of a device"),
    preset("link_interval", Kind::Duration, defaults::SNMP_LINK_INTERVAL, "the same of a router that carries a link"),
    preset("inventory_interval", Kind::Duration, defaults::SNMP_INVENTORY_INTERVAL, "how often what seldom changes is asked for"),
    preset("timeout", Kind::Duration, defaults::SNMP_TIMEOUT, "how long to wait for a response"),
    preset("retries", Kind::Integer(0, 10), defaults::SNMP_RETRIES, "how often a request is sent again"),
    preset("deadline", Kind::Duration, defaults::SNMP_DEADLINE, "how long a device's turn may take"),
    preset("port", Kind::Integer(1, 65535), defaults::SNMP_PORT, "UDP port of the agents"),
    preset("max_repetitions", Kind::Integer(1, 100), defaults::SNMP_MAX_REPETITIONS, "rows that a GetBulk asks for, at most"),
    preset("max_devices", Kind::Integer(1, 10_000), defaults::SNMP_MAX_DEVICES, "devices that are read at the same time; one that does not answer is none of them"),
];

pub(super) const CLASS_OVERRIDE: &[Key] = &[
    key("probes", PROBES, "which probes"),
    key("liveness", PROBES, "of those, which show life"),
    key("always_on", Kind::Bool, "expected to be on at all times: silence is an outage"),
    key("alerts", Kind::Bool, "an outage is told to people"),
    key("interval", Kind::Duration, "time between two pings"),
    key("snmp_interval", Kind::Duration, "time between two SNMP polls"),
    key("timeout", Kind::Duration, "how long to wait for an echo reply"),
];

pub(super) const UNIT: &[Key] = &[
    key("id", Kind::Id, "permanent id, never used again for another"),
    key("name", Kind::Text, "display name"),
    key("kind", UNIT_KIND, "what kind of unit"),
    key("parent", Kind::Id, "the unit above"),
    key("code", Kind::Text, "official code"),
    key("valid_from", Kind::Date, "first day of its existence"),
    key("valid_to", Kind::Date, "first day on which it no longer exists"),
    key("successors", Kind::List(&Kind::Object(SUCCESSOR)), "what became of it"),
];

pub(super) const SUCCESSOR: &[Key] = &[
    key("unit", Kind::Id, "the unit that came after"),
    preset("kind", Kind::Word(|| vec!["merge", "split", "rename", "transfer"]), "merge", "how"),
    key("date", Kind::Date, "from which day; else the unit's `valid_to`"),
    key("decision", Kind::Text, "number of the decision"),
];

pub(super) const SITE: &[Key] = &[
    key("id", Kind::Id, "permanent id, never used again for another"),
    key("name", Kind::Text, "display name"),
    key("kind", SITE_KIND, "what kind of place"),
    key("within", Kind::Id, "the site that it lies in"),
    key("address", Kind::Text, "address as people write it"),
    key("coordinates", Kind::List(&Kind::Number), "latitude and longitude in degrees"),
    key("unit", Kind::Id, "the unit that it belongs to, since always; else `units`"),
    key("units", Kind::List(&Kind::Object(MEMBERSHIP)), "the units that it belongs to, by dates"),
    key("staff", Kind::OneOf(&[Kind::Integer(0, 100_000), Kind::List(&Kind::Object(HEAD_COUNT))]), "how many people work there: a number, or numbers by date"),
    key("staff_with_computer", Kind::Integer(0, 100_000), "of whom equipped with a computer, where `staff` is one number"),
    preset("policy", Kind::Word(|| vec!["gateway", "any", "quorum"]), "gateway", "how its own `up` is derived"),
    key("gateway", Kind::Id, "the gateway, where it is not the router of its link"),
    key("exempt", Kind::Object(EXEMPT), "left out of ratios"),
    key("labels", LABELS, "free labels"),
];

pub(super) const MEMBERSHIP: &[Key] = &[
    key("unit", Kind::Id, "the unit"),
    key("from", Kind::Date, "first day"),
    key("to", Kind::Date, "first day on which it no longer holds"),
];

pub(super) const HEAD_COUNT: &[Key] = &[
    key("as_of", Kind::Date, "as of this day"),
    key("count", Kind::Integer(0, 100_000), "how many people"),
    key("with_computer", Kind::Integer(0, 100_000), "of whom equipped with a computer"),
];

pub(super) const EXEMPT: &[Key] = &[
    key("reason", Kind::Id, "a word for metrics: secrecy, lent_out, …"),
    key("decision", Kind::Text, "number of the decision"),
    key("author", Kind::Text, "who set it"),
    key("from", Kind::Date, "first day"),
    key("to", Kind::Date, "first day on which it no longer holds"),
];

pub(super) const PING: &[Key] = &[
    key("source", Kind::Host, "address of this host to send from"),
    key("interface", Kind::Text, "interface of this host to send through"),
    key("ttl", Kind::Integer(1, 255), "time to live (hop limit)"),
    key("tos", Kind::Integer(0, 255), "type of service (traffic class)"),
    key("payload_bytes", Kind::Integer(16, 1_472), "bytes of payload; else `polling.payload_bytes`"),
    preset("dont_fragment", Kind::Bool, "false", "a request too large for the path gets no answer"),
];

pub(super) const DEVICE: &[Key] = &[
    key("id", Kind::Id, "permanent id, never used again for another"),
    key("name", Kind::Text, "display name; else the id"),
    key("class", CLASS, "what it is"),
    key("site", Kind::Id, "where it stands"),
    key("address", Kind::List(&Kind::Host), "addresses or names; the first is polled"),
    key("mac", Kind::List(&Kind::Mac), "hardware addresses"),
    key("serial", Kind::Text, "serial number"),
    key("vendor", Kind::Text, "maker"),
    key("model", Kind::Text, "model"),
    key("asset_tag", Kind::Text, "number in the asset register"),
    preset("lifecycle", Kind::Word(|| words(&Lifecycle::ALL)), "in_use", "where it is in its life; only `in_use` counts in ratios"),
    key("condition", Kind::Word(|| vec!["good", "poor", "broken"]), "in what condition it is"),
    key("monitor", Kind::Word(|| vec!["polled", "passive", "manual", "never"]), "how it is watched; else polled where it has an address and probes, manual without; never: by secrecy rules"),
    key("owner", Kind::Text, "who is responsible for it"),
    key("purchased_on", Kind::Date, "day of purchase"),
    key("in_service_from", Kind::Date, "day on which it was put into service"),
    key("price_vnd", Kind::Integer(0, 1_000_000_000_000), "price in đồng"),
    key("warranty_end", Kind::Date, "last day of the warranty"),
    key("exempt", Kind::Object(EXEMPT), "left out of ratios"),
    key("parents", Kind::List(&Kind::Id), "devices that it depends on, beside its site's link: up while any of them is"),
    key("credentials", Kind::List(&Kind::Text), "names of credentials to try, in this order; [] for no SNMP; else `snmp.credentials`"),
    key("probes", PROBES, "which probes; else the class's"),
    key("liveness", PROBES, "of those, which show life; else the class's"),
    key("interval", Kind::Duration, "time between two pings; else the class's"),
    key("snmp_interval", Kind::Duration, "time between two SNMP polls"),
    key("timeout", Kind::Duration, "how long to wait for an echo reply"),
    key("ping", Kind::Object(PING), "how its echo requests leave"),
    key("snmp_port", Kind::Integer(1, 65535), "UDP port of its SNMP agent"),
    preset("snmp_any_source", Kind::Bool, "false", "its SNMP agent may answer from another of its addresses"),
    key("tcp_port", Kind::Integer(1, 65535), "TCP port for the `tcp` probe"),
    key("always_on", Kind::Bool, "expected to be on at all times; else the class's"),
    key("alerts", Kind::Bool, "its outage is told to people; else the class's"),
    preset("trust_refusal", Kind::Bool, "false", "a refused TCP connection shows life: no firewall answers in its name"),
    key("labels", LABELS, "free labels"),
];

pub(super) const LINK: &[Key] = &[
    key("id", Kind::Id, "permanent id, never used again for another"),
    key("name", Kind::Text, "display name; else the id"),
    key("site", Kind::Id, "the site that it connects"),
    preset("role", Kind::Text, "primary", "primary, backup, or a word of yours"),
    key("provider", Kind::Text, "provider"),
    key("circuit", Kind::Text, "number of the contract or circuit"),
    preset("medium", MEDIUM, "fiber", "what it runs over"),
    key("bandwidth", Kind::Bandwidth, "contracted bandwidth, both ways"),
    key("download", Kind::Bandwidth, "contracted download bandwidth"),
    key("upload", Kind::Bandwidth, "contracted upload bandwidth"),
    key("sla", Kind::Ratio, "availability that the provider owes"),
    key("router", Kind::Id, "the router at the site that it ends on"),
    key("interface", Kind::Text, "the router's interface, by ifName"),
    key("via", Kind::List(&Kind::Id), "devices on our side that it depends on: up while any of them is"),
    key("far_end", Kind::List(&Kind::Host), "addresses that prove it; else the router's"),
    key("interval", Kind::Duration, "time between two pings"),
    key("timeout", Kind::Duration, "how long to wait for an echo reply: 2s on satellite and LTE"),
    key("ping", Kind::Object(PING), "how the echo requests to its far end leave"),
    key("max_rate", Kind::Integer(1, 100_000), "echo requests a second through it, to all targets of its site; else `polling.link_rate`, less where `bandwidth` is small"),
    key("loss_threshold", Kind::Ratio, "loss above which it counts as degraded"),
    key("rtt_threshold", Kind::Duration, "round trip time above which it counts as degraded"),
    key("in_service_from", Kind::Date, "day on which it was put into service"),
    key("exempt", Kind::Object(EXEMPT), "left out of ratios"),
    key("labels", LABELS, "free labels"),
];

pub(super) const SERVICE: &[Key] = &[
    key("id", Kind::Id, "permanent id, never used again for another"),
    key("name", Kind::Text, "display name; else the id"),
    key("site", Kind::Id, "where it runs, if that is ours"),
    key("parents", Kind::List(&Kind::Id), "devices that it depends on: up while any of them is"),
    key("check", Kind::Plugin, "how it is checked: `kind`, and the kind's own options"),
    key("interval", Kind::Duration, "time between two checks"),
    key("timeout", Kind::Duration, "how long a check may take"),
    key("slow_threshold", Kind::Duration, "answer time above which it counts as degraded"),
    key("in_service_from", Kind::Date, "day on which it was put into service"),
    key("exempt", Kind::Object(EXEMPT), "left out of ratios"),
    key("labels", LABELS, "free labels"),
];

pub(super) const SELECTOR: &[Key] = &[
    key("kind", Kind::List(&TARGET_KIND), "kinds"),
    key("id", Kind::List(&Kind::Id), "ids of the targets themselves"),
    key("class", Kind::List(&Kind::Text), "device classes, or kinds of check"),
    key("site", Kind::List(&Kind::Id), "sites, with everything that lies in them"),
    key("site_kind", Kind::List(&SITE_KIND), "kinds of the site"),
    key("area", Kind::List(&Kind::Text), "areas: ids of units, or none"),
    key("labels", LABELS, "labels with their values"),
];

pub(super) const INDICATOR: &[Key] = &[
    key("id", Kind::Id, "permanent id, the label of metrics"),
    key("name", Kind::Text, "display name"),
    key("name_en", Kind::Text, "display name in English"),
    key("select", Kind::Object(SELECTOR), "what is looked at; `kind: site` for sites"),
    key("good", Kind::OneOf(&[Kind::Word(|| vec!["up"]), Kind::Object(GOOD)]), "what counts as good: `up`, or one of the keys"),
    preset("count", Kind::Word(|| words(&Count::ALL)), "members", "what is counted"),
    key("exempt", Kind::List(&Kind::Object(RULE)), "left out, beside what the inventory exempts"),
    preset("group_by", Kind::Text, "area", "total, area, site, class, or label:NAME"),
    key("goal", Kind::Ratio, "what is to be reached"),
    key("note", Kind::Text, "a remark that reports print with it"),
];

pub(super) const GOOD: &[Key] = &[
    key("seen_within", Kind::Duration, "gave a sign of life within this time"),
    key("availability", Kind::Object(AVAILABILITY), "was available for a share of a time"),
    key("contracted", Kind::Object(CONTRACTED), "has a link of enough bandwidth"),
    key("survey", Kind::Object(SURVEY), "numbers of the sites, one over the other"),
];

pub(super) const AVAILABILITY: &[Key] = &[
    key("over", Kind::Duration, "the time looked at, up to now"),
    key("at_least", Kind::Ratio, "the least share that is good"),
    key("calendar", Kind::Text, "in the working hours of this calendar; else round the clock"),
];

pub(super) const CONTRACTED: &[Key] = &[
    key("at_least", Kind::Bandwidth, "contracted download bandwidth at least"),
    key("media", Kind::List(&MEDIUM), "over one of these media; else any"),
];

pub(super) const SURVEY: &[Key] = &[
    key("numerator", Kind::Word(|| words(&SiteNumber::ALL)), "summed above the line"),
    key("denominator", Kind::Word(|| words(&SiteNumber::ALL)), "summed below the line"),
];

pub(super) const RULE: &[Key] = &[
    key("select", Kind::Object(SELECTOR), "which of the members"),
    key("reason", Kind::Id, "why, a word"),
    key("decision", Kind::Text, "number of the decision"),
    key("from", Kind::Date, "first day"),
    key("to", Kind::Date, "first day on which it no longer holds"),
];

pub(super) const CALENDAR: &[Key] = &[
    key("timezone", Kind::Text, "IANA name; else the file's"),
    key("hours", Kind::List(&Kind::Text), "days and hours, like `mon-fri 07:30-11:30`"),
    key("holidays", Kind::List(&Kind::Text), "days off: `2026-09-02`, `2026-02-16..2026-02-20`"),
    key("yearly_holidays", Kind::List(&Kind::Text), "days off every year, month-day: `09-02`"),
    key("exchanged", Kind::Named(&Kind::Text), "days worked in exchange for others, with the weekday whose hours hold: `2026-01-10: fri`"),
];

pub(super) const MAINTENANCE: &[Key] = &[
    key("name", Kind::Text, "its name, unique"),
    key("select", Kind::Object(SELECTOR), "what it covers; else everything"),
    key("from", Kind::Moment, "once: from this moment"),
    key("to", Kind::Moment, "once: to this moment"),
    key("weekly", Kind::Text, "again and again: days and hours, like `sun 02:00-04:00`; `mon-sun` for every day"),
    key("first", Kind::Date, "recurring: first day on which it may begin"),
    key("last", Kind::Date, "recurring: last day on which it may begin"),
    key("timezone", Kind::Text, "IANA name; else the file's"),
    key("reason", Kind::Text, "why"),
    key("author", Kind::Text, "who announced it"),
];

pub(super) const ALERTS: &[Key] = &[
    key("receivers", Kind::Named(&Kind::Plugin), "the ways out, by name: `kind`, `language`, and the kind's own options"),
    key("routes", Kind::List(&Kind::Object(ROUTE)), "which way for what, the first that fits; else everything to every receiver"),
    preset("notify_after", Kind::Duration, defaults::NOTIFY_AFTER, "how long an outage lasts before it is told"),
    preset("notify_after_links", Kind::Duration, defaults::NOTIFY_AFTER_LINKS, "the same for links"),
    preset("repeat_interval", Kind::Duration, defaults::REPEAT_INTERVAL, "how often a lasting, unacknowledged outage is told again; 0 for never"),
    preset("give_up_after", Kind::Duration, defaults::GIVE_UP_AFTER, "how long sending is tried again"),
];

pub(super) const ROUTE: &[Key] = &[
    key("select", Kind::Object(SELECTOR), "what it is about; else everything"),
    key("receivers", Kind::List(&Kind::Text), "names of receivers; [] tells nobody"),
    key("notify_after", Kind::Duration, "how long an outage lasts before it is told"),
    key("quiet", Kind::Text, "hours in which nothing is sent and waits for their end, like 22:00-06:00"),
    preset("continue", Kind::Bool, "false", "later routes are looked at too"),
];

pub(super) const METRICS: &[Key] = &[
    preset("interfaces", Kind::Bool, "true", "series by interface of a device"),
    preset("max_interfaces", Kind::Integer(0, 10_000), defaults::MAX_INTERFACES, "most interfaces of one device that are exposed"),
    preset("max_series", Kind::Integer(1000, 100_000_000), defaults::MAX_SERIES, "most series in all"),
];

pub(super) const RETENTION: &[Key] = &[
    preset("raw", Kind::Duration, defaults::RETENTION_RAW, "samples as they were taken"),
    preset("five_minutes", Kind::Duration, defaults::RETENTION_FIVE_MINUTES, "five-minute sums"),
    preset("hourly", Kind::Duration, defaults::RETENTION_HOURLY, "hourly sums"),
    key("daily", Kind::Duration, "daily sums; else for ever"),
];

pub(super) const BACKUP: &[Key] = &[
    key("directory", Kind::Text, "a folder for copies, relative to the database; without it none are made by themselves"),
    preset("interval", Kind::Duration, defaults::BACKUP_INTERVAL, "time between two copies"),
    preset("keep", Kind::Integer(1, 1000), defaults::BACKUP_KEEP, "how many are kept"),
];

pub(super) const LOG: &[Key] = &[
    preset("level", Kind::Word(|| vec!["error", "warn", "info", "debug", "trace"]), defaults::LOG_LEVEL, "least level"),
    preset("format", Kind::Word(|| vec!["text", "json"]), "text", "text, or one JSON object a line"),
];
