//! What the configuration says, as each part wants it: nobody else takes a `&Config`.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;

use crate::alert;
use crate::alert::notify::Notifier;
use crate::alert::route::Routes;
use crate::alert::sender::Directory;
use crate::alert::sender::Receiver;
use crate::config::model::AuthProtocol;
use crate::config::model::Config;
use crate::config::model::Credential;
use crate::config::model::PrivacyProtocol;
use crate::config::node::Node;
use crate::config::problem::Problems;
use crate::config::problem::Sink;
use crate::model::ServiceId;
use crate::model::Span;
use crate::model::Timestamp;
use crate::monitor::calendar::local_day;
use crate::probe;
use crate::probe::Check;
use crate::probe::icmp;
use crate::probe::snmp::credential as snmp;
use crate::profile;
use crate::profile::Set;
use crate::store;
use crate::web;

/// Between two wake-ups of the ICMP thread while no line is held back: the daemon
/// is in no hurry for a result.
const CALM: Span = Span::from_millis(20);

/// What the plugins made of their sub-trees of the configuration.
pub struct Plugins {
    /// The checks of the declared services.
    pub checks: BTreeMap<ServiceId, Arc<dyn Check>>,
    /// The ways out, by the names of the configuration.
    pub notifiers: BTreeMap<String, Box<dyn Notifier>>,
    /// Device profiles.
    pub profiles: Arc<Set>,
}

impl Plugins {
    /// Lets every plugin read its own options.
    ///
    /// # Errors
    /// Every mistake of all of them, each with its place.
    pub fn build(config: &Config) -> Result<Self, Problems> {
        let sink = Sink::new();
        let mut checks = BTreeMap::new();
        for (service, node) in &config.checks {
            let kind = config
                .inventory
                .services
                .get(service)
                .map_or("", |s| s.check.kind.as_str());
            if let Some(check) = probe::build_kind(kind, node, &sink) {
                checks.insert(service.clone(), Arc::from(check));
            }
        }
        let mut notifiers = BTreeMap::new();
        for (name, receiver) in &config.alerts.receivers {
            if let Some(notifier) = notifier(&receiver.kind, &receiver.options, &sink) {
                notifiers.insert(name.clone(), notifier);
            }
        }
        let profiles = match profile::load::Library::open(config.profiles.as_deref()) {
            Ok(library) => Some(Arc::clone(library.set())),
            Err(problems) => {
                for problem in problems.as_slice() {
                    sink.report(problem.clone());
                }
                None
            }
        };
        sink.finish(profiles.map(|profiles| Self {
            checks,
            notifiers,
            profiles,
        }))
    }
}

fn notifier(kind: &str, options: &Node, sink: &Sink) -> Option<Box<dyn Notifier>> {
    let Some(found) = alert::notify::kind(kind) else {
        let known: Vec<&str> = alert::notify::KINDS.iter().map(|k| k.name).collect();
        sink.report(
            options
                .problem(format!("there is no kind of receiver called {kind:?}"))
                .expected(known.join(", ")),
        );
        return None;
    };
    (found.build)(options, sink)
}

/// How the ICMP engine works: `needed` is what the schedule asks of it, requests a second.
pub fn icmp(config: &Config, needed: f64) -> icmp::Options {
    icmp::Options {
        max_rate: Some(max_rate(config, needed)),
        calm: CALM,
        ..icmp::Options::default()
    }
}

/// Echo requests a second, overall: as configured, else what the schedule needs
/// and a quarter more, at least 1,000.
pub fn max_rate(config: &Config, needed: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the range before"
    )]
    let with_room = (needed * 1.25).clamp(1_000.0, 1_000_000.0) as u32;
    config.polling.max_rate.unwrap_or(with_room)
}

/// A credential as the SNMP engine wants it.
pub fn credential(given: &Credential) -> snmp::Credential {
    match given {
        Credential::Community { v1: true, community } => snmp::Credential::V1 {
            community: snmp::Hidden::from(community.expose()),
        },
        Credential::Community { v1: false, community } => snmp::Credential::V2c {
            community: snmp::Hidden::from(community.expose()),
        },
        Credential::User {
            user,
            auth,
            privacy,
            context,
        } => snmp::Credential::V3(snmp::User {
            name: user.clone(),
            auth: auth.as_ref().map(|(protocol, password)| {
                let protocol = match protocol {
                    AuthProtocol::Md5 => snmp::AuthProtocol::Md5,
                    AuthProtocol::Sha1 => snmp::AuthProtocol::Sha1,
                    AuthProtocol::Sha224 => snmp::AuthProtocol::Sha224,
                    AuthProtocol::Sha256 => snmp::AuthProtocol::Sha256,
                    AuthProtocol::Sha384 => snmp::AuthProtocol::Sha384,
                    AuthProtocol::Sha512 => snmp::AuthProtocol::Sha512,
                };
                (protocol, snmp::Hidden::from(password.expose()))
            }),
            privacy: privacy.as_ref().map(|(protocol, password)| {
                let protocol = match protocol {
                    PrivacyProtocol::Des => snmp::PrivProtocol::Des,
                    PrivacyProtocol::Aes128 => snmp::PrivProtocol::Aes128,
                    PrivacyProtocol::Aes192 => snmp::PrivProtocol::Aes192,
                    PrivacyProtocol::Aes256 => snmp::PrivProtocol::Aes256,
                };
                (protocol, snmp::Hidden::from(password.expose()))
            }),
            context: context.clone(),
            context_engine: None,
        }),
    }
}

/// Who is told about what.
pub fn routes(config: &Config) -> Routes {
    Routes {
        routes: config.alerts.routes.clone(),
        notify_after: config.alerts.notify_after,
        notify_after_links: config.alerts.notify_after_links,
        timezone: config.timezone.zone.clone(),
    }
}

/// The ways out, for the sender.
pub fn directory(config: &Config, mut notifiers: BTreeMap<String, Box<dyn Notifier>>) -> Directory {
    let receivers = config
        .alerts
        .receivers
        .iter()
        .filter_map(|(name, given)| {
            let notifier = notifiers.remove(name)?;
            Some((
                name.clone(),
                Receiver {
                    kind: given.kind.clone(),
                    lang: given.language,
                    notifier,
                },
            ))
        })
        .collect();
    Directory {
        receivers,
        organization: config.organization.name.clone(),
        external_url: config.web.external_url.clone(),
        timezone: config.timezone.zone.clone(),
        area_kind: config.area_kind.clone(),
        repeat_interval: config.alerts.repeat_interval,
        give_up_after: config.alerts.give_up_after,
    }
}

/// What the pages are told.
pub fn web(config: &Config, notice: Option<web::Notice>) -> web::Settings {
    let fastest = config
        .polling
        .intervals
        .infrastructure
        .min(config.polling.intervals.device);
    web::Settings {
        organization: config.organization.name.clone(),
        lang: config.language,
        timezone: config.timezone.zone.clone(),
        area_kind: config.area_kind.clone(),
        notice,
        refresh: fastest.clamp(Span::from_secs(3), Span::from_secs(30)),
        host_names: config
            .web
            .external_url
            .as_deref()
            .and_then(|url| url::Url::parse(url).ok()?.host_str().map(str::to_owned))
            .into_iter()
            .collect(),
        ..web::Settings::default()
    }
}

/// Today, where the organisation is.
pub fn today(config: &Config, now: Timestamp) -> Date {
    local_day(&config.timezone.zone, now)
}

/// How the record is kept.
pub fn record(config: &Config) -> store::Options {
    store::Options {
        retention: store::Retention {
            raw: Some(config.retention.raw),
            five_minutes: Some(config.retention.five_minutes),
            hour: Some(config.retention.hourly),
            day: config.retention.daily,
        },
        // Copies that were made by hand only are better than none.
        backups: Some(
            config
                .backup
                .directory
                .clone()
                .unwrap_or_else(|| store::backup::folder_beside(&config.database)),
        ),
        ..store::Options::default()
    }
}
