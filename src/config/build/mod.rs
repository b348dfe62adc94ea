//! The tree to a [`Config`]: all rules, all problems collected.
//!
//! Every reader goes on after a mistake, so that one run finds them all; what
//! could not be read is left out, which only matters for a result that is
//! thrown away then.

mod alerts;
mod hours;
mod places;
pub(super) mod plans;
mod refs;
mod selector;
mod settings;
mod targets;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::fields::Fields;
use super::model::Config;
use super::node::Node;
use super::problem::{Problems, Sink};
use super::raw;
use super::schema::Key;
use crate::i18n::Lang;
use crate::inventory::Inventory;
use crate::model::TargetKind;
use refs::Ids;

/// What is declared, for checking references while everything is read.
struct Known {
    units: Ids,
    sites: Ids,
    devices: Ids,
    links: Ids,
    services: Ids,
    credentials: Ids,
    calendars: Ids,
    receivers: Ids,
    check_kinds: BTreeSet<String>,
    default_credentials: Vec<String>,
}

impl Known {
    fn of(root: &Node, sink: &Sink) -> Self {
        let ids = |noun, key| Ids::of_list(noun, root.get(key), sink);
        let mut calendars = Ids::of_names("calendar", root.get("calendars"));
        calendars.add(plans::WORKING_HOURS, root.place());
        let receivers = root.get("alerts").and_then(|alerts| alerts.get("receivers"));
        let checks = root.get("services").map_or(&[][..], Node::items).iter();
        let mut known = Self {
            units: ids("unit", "units"),
            sites: ids("site", "sites"),
            devices: ids("device", "devices"),
            links: ids("link", "links"),
            services: ids("service", "services"),
            credentials: Ids::of_names("credential", root.get("credentials")),
            calendars,
            receivers: Ids::of_names("receiver", receivers),
            check_kinds: checks
                .filter_map(|s| s.get("check")?.get("kind")?.text().map(str::to_owned))
                .collect(),
            default_credentials: Vec::new(),
        };
        // Twice in two lists is fine for targets of two kinds; indicators have ids too.
        ids("indicator", "indicators");
        let names = root.get("snmp").and_then(|snmp| snmp.get("credentials"));
        known.default_credentials = names
            .map_or(&[][..], Node::items)
            .iter()
            .filter_map(|node| known.credentials.check(node, sink))
            .collect();
        known
    }

    fn has_target(&self, id: &str) -> bool {
        [&self.devices, &self.links, &self.services, &self.sites]
            .iter()
            .any(|ids| ids.has(id))
    }
}

/// A section; when it is not there, its defaults.
fn section<'a>(
    root: &'a Fields<'a>,
    key: &str,
    table: &'static [Key],
    empty: &'a Node,
) -> Option<Fields<'a>> {
    root.node(key).unwrap_or(empty).fields(table, root.sink())
}

/// Builds the configuration of a tree.
///
/// # Errors
/// All problems, when there are mistakes among them.
pub(super) fn build(root: &Node, files: Vec<PathBuf>, sink: Sink) -> Result<Config, Problems> {
    let empty = root.null();
    let config = read(root, &empty, files, &sink);
    let (mut config, warnings) = sink.finish_with_warnings(config)?;
    config.warnings = warnings;
    Ok(config)
}

fn read(root: &Node, empty: &Node, files: Vec<PathBuf>, sink: &Sink) -> Option<Config> {
    let f = root.fields(raw::FILE, sink)?;
    let known = Known::of(root, sink);
    let language = f.get_or("language", Lang::Vi);
    let zone = plans::file_zone(&f);
    let classes = settings::classes(f.node("classes"), sink);
    let units = places::units(f.node("units"), &known, sink);
    let sites = places::sites(f.node("sites"), &known, sink);
    let devices = targets::devices(f.node("devices"), &known, &classes, sink);
    let links = targets::links(f.node("links"), &known, sink);
    let (services, checks) = targets::services(f.node("services"), &known, sink);
    let inventory = Inventory {
        units,
        sites,
        devices,
        links,
        services,
    };
    let lists = [
        (TargetKind::Device, f.node("devices")),
        (TargetKind::Link, f.node("links")),
        (TargetKind::Service, f.node("services")),
    ];
    targets::circle(&inventory, &lists, sink);
    let open = |key: &str, table| section(&f, key, table, empty);
    let organization = open("organization", raw::ORGANIZATION).map(|s| settings::organization(&s));
    let web = open("web", raw::WEB).and_then(|s| settings::web(&s));
    let polling = open("polling", raw::POLLING).map(|s| settings::polling(&s));
    let snmp = open("snmp", raw::SNMP).map(|s| settings::snmp(&s, &known));
    let alerts = open("alerts", raw::ALERTS).map(|s| alerts::alerts(&s, &known, language));
    let metrics = open("metrics", raw::METRICS).map(|s| settings::metrics(&s));
    let retention = open("retention", raw::RETENTION).map(|s| settings::retention(&s));
    let database = settings::database(&f);
    let backup = open("backup", raw::BACKUP).map(|s| settings::backup(&s, &database));
    let log = open("log", raw::LOG).map(|s| settings::log(&s));
    let credentials = alerts::credentials(f.node("credentials"), sink);
    let profiles = settings::folder(&f, "profiles");
    let indicators = plans::indicators(f.node("indicators"), &known, sink);
    let area_kind = match f.node("area_kind") {
        Some(node) => node.read(sink),
        None => root.sibling(super::defaults::AREA_KIND).read(sink),
    };
    // Without a zone the rest can't be read; that it is wrong has been reported.
    let zone = zone?;
    let calendars = plans::calendars(f.node("calendars"), &zone, sink);
    let maintenance = plans::maintenance(f.node("maintenance"), &known, &zone, sink);
    Some(Config {
        organization: organization?,
        language,
        timezone: zone,
        area_kind: area_kind?,
        database,
        web: web?,
        credentials,
        polling: polling?,
        snmp: snmp?,
        profiles,
        classes,
        inventory: Arc::new(inventory),
        checks,
        indicators,
        calendars,
        maintenance,
        alerts: alerts?,
        metrics: metrics?,
        retention: retention?,
        backup: backup?,
        log: log?,
        files,
        warnings: Problems::default(),
    })
}
