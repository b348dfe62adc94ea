//! The configuration as the program uses it: no `Option` for what has a
//! default, no text for what has a type, every reference resolved.
//!
//! Nobody takes `&Config` but the daemon, which makes each part its own small
//! struct of it.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::civil::Time;
use jiff::tz::TimeZone;

use super::node::Node;
use super::problem::Problems;
use super::secret::Secret;
use crate::i18n::Lang;
use crate::indicator::Definition;
use crate::inventory::device::Probing;
use crate::inventory::{Class, Inventory, Medium, MonitorMode, UnitKind};
use crate::model::{Selector, ServiceId, Span};
use crate::monitor::calendar::Calendar;
use crate::monitor::maintain::Window;
use crate::monitor::settings::{Confirm, Intervals, Level, Nearby, Settings, Thresholds};

/// Everything that the file says, defaults filled in.
#[derive(Debug, Clone)]
pub struct Config {
    /// Whose equipment this is.
    pub organization: Organization,
    /// The language of alerts and of reports where nothing else is said.
    pub language: Lang,
    /// The time zone of days, calendars and times on screen.
    pub timezone: Zone,
    /// Kinds of unit that make an area.
    pub area_kind: Vec<UnitKind>,
    /// The database file.
    pub database: PathBuf,
    /// The page, the API and the metrics.
    pub web: Web,
    /// Secrets for asking devices, by name.
    pub credentials: BTreeMap<String, Credential>,
    /// How we ping and check.
    pub polling: Polling,
    /// How we ask over SNMP.
    pub snmp: Snmp,
    /// A folder with device profiles of the user's own.
    pub profiles: Option<PathBuf>,
    /// What classes do otherwise than the built-in table says.
    pub classes: BTreeMap<Class, Probing>,
    /// What is declared in the file; in the running daemon what that makes with the record,
    /// which is there once for all who need it.
    pub inventory: Arc<Inventory>,
    /// The checks of the declared services, unread, `kind` among them: the probe kinds own them.
    pub checks: BTreeMap<ServiceId, Node>,
    /// Ratios to compute.
    pub indicators: Vec<Definition>,
    /// Working hours, by name; `working_hours` is always there.
    pub calendars: BTreeMap<String, Calendar>,
    /// Announced maintenance.
    pub maintenance: Vec<Window>,
    /// Who is told, about what.
    pub alerts: Alerts,
    /// What `/metrics` exposes.
    pub metrics: Metrics,
    /// How long history is kept.
    pub retention: Retention,
    /// Copies of the database.
    pub backup: Backup,
    /// What is logged, and how.
    pub log: Log,
    /// The files that were read, the main one first.
    pub files: Vec<PathBuf>,
    /// What is worth a look, but nothing that stops us.
    pub warnings: Problems,
}

impl Config {
    /// What the monitor is told. `nearby` says where this machine
    /// is directly connected to, `has_gateway` whether it has a default route.
    pub fn monitor_settings(&self, nearby: Nearby, has_gateway: bool) -> Settings {
        let loss = Some(self.polling.loss_threshold);
        Settings {
            confirm: Confirm {
                evidence_holds: self.evidence_holds(),
                ..self.polling.confirm
            },
            intervals: self.polling.intervals,
            classes: self.classes.clone(),
            device_thresholds: Thresholds {
                loss,
                ..Thresholds::of_device()
            },
            link_thresholds: Medium::ALL
                .map(|(medium, _)| {
                    let own = Thresholds::of_medium(medium);
                    (medium, Thresholds { loss, ..own })
                })
                .into(),
            area_kinds: self.area_kind.clone(),
            maintenance: self.maintenance.clone(),
            self_check: self
                .polling
                .self_check
                .as_ref()
                .map_or(has_gateway, |list| !list.is_empty()),
            nearby,
            ..Settings::default()
        }
    }

    /// Three polls of whichever router, switch or Wi-Fi point is polled most
    /// rarely: a computer that only its tables show must not come and go with them.
    fn evidence_holds(&self) -> Span {
        let shortest = Confirm::default().evidence_holds;
        self.inventory
            .devices
            .values()
            .filter(|device| device.class.carries_others() && device.mode == MonitorMode::Polled)
            .filter_map(|device| {
                let of_class = || self.classes.get(&device.class)?.snmp_interval;
                device.probing.snmp_interval.or_else(of_class)
            })
            .chain([self.snmp.interval])
            .map(|interval| interval.saturating_mul(3))
            .fold(shortest, Span::max)
    }
}

/// Whose equipment this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its name, on pages and reports.
    pub name: String,
    /// The body above it, for the head of reports.
    pub superior: Option<String>,
    /// The place in the date line of reports.
    pub place: Option<String>,
}

/// A time zone with its IANA name.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    /// The name, like `Asia/Ho_Chi_Minh`.
    pub name: String,
    /// The zone.
    pub zone: TimeZone,
}

/// The page, the API and the metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Web {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Whether anyone may read without an account. Without it only the
    /// loopback may be listened on.
    pub allow_anonymous: bool,
    /// The address by which people reach the page, for links in messages.
    pub external_url: Option<String>,
}

/// A secret for asking devices over SNMP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// SNMP v1 or v2c.
    Community {
        /// Version 1 instead of 2c.
        v1: bool,
        /// The community.
        community: Secret,
    },
    /// SNMP v3 (RFC 3414).
    User {
        /// User name.
        user: String,
        /// Authentication protocol and password; `None`: noAuthNoPriv.
        auth: Option<(AuthProtocol, Secret)>,
        /// Privacy protocol and password; only with authentication.
        privacy: Option<(PrivacyProtocol, Secret)>,
        /// Context name, mostly empty.
        context: String,
    },
}

/// SNMPv3 authentication protocol (RFC 3414, RFC 7860).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the protocols' names")]
pub enum AuthProtocol {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl AuthProtocol {
    /// All, with their words.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Md5, "md5"),
        (Self::Sha1, "sha"),
        (Self::Sha224, "sha224"),
        (Self::Sha256, "sha256"),
        (Self::Sha384, "sha384"),
        (Self::Sha512, "sha512"),
    ];
}

/// SNMPv3 privacy protocol (RFC 3414, RFC 3826).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the protocols' names")]
pub enum PrivacyProtocol {
    Des,
    Aes128,
    Aes192,
    Aes256,
}

impl PrivacyProtocol {
    /// All, with their words.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::Des, "des"),
        (Self::Aes128, "aes"),
        (Self::Aes192, "aes192"),
        (Self::Aes256, "aes256"),
    ];
}

/// How we ping and check.
#[derive(Debug, Clone, PartialEq)]
pub struct Polling {
    /// Time between two looks, where a target does not say otherwise.
    pub intervals: Intervals,
    /// How long a check of a service may take.
    pub service_timeout: Span,
    /// Echo requests a burst.
    pub count: u16,
    /// Time between two requests of a burst.
    pub spacing: Span,
    /// How long to wait for a reply.
    pub timeout: Span,
    /// Bytes of payload in a request.
    pub payload_bytes: u16,
    /// How an outage and its end are confirmed.
    pub confirm: Confirm,
    /// Echo requests a second, overall; `None`: what the schedule needs and a quarter more, at least 1,000.
    pub max_rate: Option<u32>,
    /// Echo requests a second to addresses behind one link.
    pub link_rate: u32,
    /// Of those, how many at once.
    pub link_burst: u32,
    /// Echo requests per second into one subnet that lies behind no link; 0: no limit.
    pub subnet_rate: u32,
    /// Loss above which a target counts as degraded, 0 to 1.
    pub loss_threshold: Level,
    /// Addresses that prove that we can look; `None`: the default gateway. Empty: the rule is off.
    pub self_check: Option<Vec<IpAddr>>,
    /// How often a name is resolved again.
    pub resolve_interval: Span,
}

impl Polling {
    /// The overall limit where the schedule needs `needed` echo requests a second.
    pub fn rate_for(&self, needed: f64) -> u32 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to the range of u32 on the line before"
        )]
        let with_reserve = (needed * 1.25).clamp(1000.0, f64::from(u32::MAX)).ceil() as u32;
        self.max_rate.unwrap_or(with_reserve)
    }
}

/// How we ask over SNMP.
#[derive(Debug, Clone, PartialEq)]
pub struct Snmp {
    /// Names of the credentials that are tried at devices that name none themselves.
    pub credentials: Vec<String>,
    /// Time between two polls of a device.
    pub interval: Span,
    /// Time between two polls of a device that carries a link.
    pub link_interval: Span,
    /// How often what seldom changes is asked for.
    pub inventory_interval: Span,
    /// How long to wait for a response.
    pub timeout: Span,
    /// How often a request is sent again.
    pub retries: u32,
    /// How long a device's turn may take.
    pub deadline: Span,
    /// UDP port.
    pub port: u16,
    /// Rows a GetBulk request asks for, at most.
    pub max_repetitions: u16,
    /// Devices that are read at the same time, at most; one that does not answer is none of them.
    pub max_devices: usize,
}

/// Who is told, about what.
#[derive(Debug, Clone)]
pub struct Alerts {
    /// The ways out, by name.
    pub receivers: BTreeMap<String, Receiver>,
    /// Which way for what; the first route that fits decides, unless it goes on.
    pub routes: Vec<Route>,
    /// How long an outage of a device or service lasts before it is told.
    pub notify_after: Span,
    /// How long an outage of a link lasts before it is told.
    pub notify_after_links: Span,
    /// How often an outage that lasts and is not acknowledged is told again; `None`: never.
    pub repeat_interval: Option<Span>,
    /// How long the sender goes on trying.
    pub give_up_after: Span,
}

/// A way out.
#[derive(Debug, Clone)]
pub struct Receiver {
    /// Its notifier (`email`, `webhook`, …).
    pub kind: String,
    /// Language of its messages.
    pub language: Lang,
    /// The notifier's own options, unread.
    pub options: Node,
}

/// Which way for what.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Route {
    /// What it is about; empty: everything.
    pub selector: Selector,
    /// Names of receivers; empty: nobody is told.
    pub receivers: Vec<String>,
    /// How long an outage lasts before it is told; `None`: as `alerts` says.
    pub notify_after: Option<Span>,
    /// Times in which nothing is sent; it waits for their end.
    pub quiet: Option<Quiet>,
    /// Later routes are looked at too.
    pub goes_on: bool,
}

/// A time of the night in which nobody is woken; `to` before `from` goes over midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quiet {
    /// From (inclusive), local time.
    pub from: Time,
    /// To (exclusive), local time.
    pub to: Time,
}

/// What `/metrics` exposes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metrics {
    /// Series by interface of a device.
    pub interfaces: bool,
    /// Most interfaces of one device that are exposed.
    pub max_interfaces: usize,
    /// Most series in all; what is left out is counted.
    pub max_series: usize,
}

/// How long history is kept, by level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Samples as they were taken.
    pub raw: Span,
    /// Five-minute sums.
    pub five_minutes: Span,
    /// Hourly sums.
    pub hourly: Span,
    /// Daily sums; `None`: for ever.
    pub daily: Option<Span>,
}

/// Copies of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Where they lie; `None`: none are made.
    pub directory: Option<PathBuf>,
    /// Time between two.
    pub interval: Span,
    /// How many are kept.
    pub keep: usize,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Least level: `error`, `warn`, `info`, `debug` or `trace`.
    pub level: String,
    /// As JSON, one object a line.
    pub json: bool,
}

#[cfg(test)]
mod tests {
    use crate::config::load::load_text;
    use crate::config::secret::Env;
    use crate::model::Span;
    use crate::monitor::settings::Nearby;

    #[test]
    fn what_tables_show_holds_for_three_polls_of_who_is_asked_most_rarely() {
        let holds = |devices: &str| {
            let text = format!("sites: [{{id: vp, name: VP, kind: office}}]\ndevices:\n{devices}");
            let config = load_text("t.yaml", &text, Env::default()).unwrap();
            config
                .monitor_settings(Nearby::default(), true)
                .confirm
                .evidence_holds
        };
        let of = |class: &str, interval: &str| {
            format!(
                "  - {{id: a, name: A, class: {class}, site: vp, address: 192.0.2.1, snmp_interval: {interval}}}\n"
            )
        };
        assert_eq!(holds(&of("router", "1m")), Span::from_secs(900));
        assert_eq!(holds(&of("router", "30m")), Span::from_secs(5400));
        // A printer's tables are not asked for.
        assert_eq!(holds(&of("printer", "30m")), Span::from_secs(900));
    }
}
