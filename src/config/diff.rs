//! Old configuration, new configuration → what must be done about it.
//!
//! Everything can be changed while running, except what the process has opened
//! or reads once: the page's address, the database with its retention, the log.

use super::model::Config;
use super::node::Node;

/// Which parts a reload changes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Units, sites, devices, links, services, their checks, or what makes an area.
    pub inventory: bool,
    /// How we ping, check and judge: intervals, classes, thresholds, maintenance.
    pub polling: bool,
    /// How we ask over SNMP: credentials, intervals, limits, profile folders.
    pub snmp: bool,
    /// Receivers and routes: unsent messages are planned again.
    pub alerts: bool,
    /// Indicators and calendars.
    pub indicators: bool,
    /// Names, language, time zone, metrics: what pages and figures show.
    pub display: bool,
    /// Backups.
    pub upkeep: bool,
    /// What takes a restart, named by its keys.
    pub restart: Vec<&'static str>,
}

impl Changes {
    /// Whether nothing has changed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What `new` changes.
pub fn diff(old: &Config, new: &Config) -> Changes {
    let receivers = |config: &Config| -> Vec<(String, String, &'static str, u64)> {
        let all = config.alerts.receivers.iter();
        all.map(|(name, r)| {
            let options = r.options.fingerprint();
            (name.clone(), r.kind.clone(), r.language.as_str(), options)
        })
        .collect()
    };
    let checks = |config: &Config| -> Vec<u64> { config.checks.values().map(Node::fingerprint).collect() };
    let (a, b) = (&old.alerts, &new.alerts);
    Changes {
        inventory: old.inventory != new.inventory
            || checks(old) != checks(new)
            || old.area_kind != new.area_kind,
        polling: old.polling != new.polling
            || old.classes != new.classes
            || old.maintenance != new.maintenance,
        snmp: old.snmp != new.snmp || old.credentials != new.credentials || old.profiles != new.profiles,
        alerts: receivers(old) != receivers(new)
            || a.routes != b.routes
            || (a.notify_after, a.notify_after_links) != (b.notify_after, b.notify_after_links)
            || (a.repeat_interval, a.give_up_after) != (b.repeat_interval, b.give_up_after),
        indicators: old.indicators != new.indicators || old.calendars != new.calendars,
        display: old.organization != new.organization
            || old.language != new.language
            || old.timezone.name != new.timezone.name
            || old.web.external_url != new.web.external_url
            || old.metrics != new.metrics,
        upkeep: old.backup != new.backup,
        restart: restart(old, new),
    }
}

/// The keys that the process reads only once.
fn restart(old: &Config, new: &Config) -> Vec<&'static str> {
    let web = |c: &Config| (c.web.listen, c.web.allow_anonymous);
    let keys = [
        ("web.listen", web(old) != web(new)),
        ("database", old.database != new.database),
        ("retention", old.retention != new.retention),
        ("log", old.log != new.log),
        ("snmp.max_devices", old.snmp.max_devices != new.snmp.max_devices),
    ];
    keys.into_iter()
        .filter(|(_, changed)| *changed)
        .map(|(key, _)| key)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load_text;
    use crate::config::secret::Env;

    fn config(text: &str) -> Config {
        load_text("test.yaml", text, Env::default()).unwrap()
    }

    #[test]
    fn what_changed_is_named_and_nothing_else() {
        let old = config("alerts: {receivers: {a: {kind: webhook, secret: one}}}");
        assert!(diff(&old, &old).is_empty());
        let other_place = config("\n\nalerts: {receivers: {a: {kind: webhook, secret: one}}}");
        assert!(
            diff(&old, &other_place).is_empty(),
            "the place of a value is no change"
        );
        let other_secret = config("alerts: {receivers: {a: {kind: webhook, secret: two}}}");
        let expected = Changes {
            alerts: true,
            ..Changes::default()
        };
        assert_eq!(diff(&old, &other_secret), expected);
        let moved = config("web: {listen: '127.0.0.1:9100'}\nsites: [{id: a, kind: office}]");
        let changes = diff(&config(""), &moved);
        assert_eq!(changes.restart, ["web.listen"]);
        assert!(changes.inventory && !changes.polling);
    }
}
