//! `tramgac check`: validates everything, probes nothing, says what would be polled.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use clap::ArgMatches;
use clap::Parser;
use clap::ValueEnum;
use serde::Serialize;

use super::Exit;
use super::Failure;
use super::Subcommand;
use super::config_file::ConfigFile;
use super::config_file::told;
use super::output;
use crate::alert::notify;
use crate::config::Config;
use crate::config::load;
use crate::config::model::Receiver;
use crate::config::print;
use crate::config::problem::Problem;
use crate::config::problem::Sink;
use crate::config::problem::nearest;
use crate::config::raw;
use crate::config::secret::Env;
use crate::inventory::MonitorMode;
use crate::model::TargetId;
use crate::model::TargetKey;
use crate::model::TargetKind;
use crate::monitor::topology::Topology;
use crate::monitor::topology::Watch;
use crate::profile;

/// The subcommand.
pub const COMMAND: Subcommand = super::subcommand("check", super::command_of::<Check>, run);

/// Validate the configuration, probe nothing, print what would be polled
#[derive(Debug, Parser)]
#[command(
    name = "check",
    after_help = "Examples:\n  tramgac check -c config.example.yaml\n  \
                  tramgac check -c tramgac.yaml --print\n  \
                  tramgac check -c tramgac.yaml --format json\n\n\
                  Exit codes: 0 the configuration is good; 2 it is not, and every mistake is printed."
)]
struct Check {
    #[command(flatten)]
    config: ConfigFile,
    /// Print the effective configuration: what is written and every default, secrets masked
    #[arg(long)]
    print: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// One JSON object
    Json,
}

/// What would be polled. The JSON is this, so its names are stable.
#[derive(Debug, Serialize)]
struct Plan {
    /// The files that were read, the main one first.
    files: Vec<String>,
    /// The database file.
    database: String,
    /// Entries on record, by kind.
    inventory: BTreeMap<&'static str, usize>,
    /// Devices in use that are polled, by class.
    polled_devices: BTreeMap<&'static str, usize>,
    /// Targets by the probe that looks at them.
    probes: BTreeMap<String, usize>,
    /// Devices that are never polled.
    never_polled: usize,
    /// Devices that would be asked over SNMP, had they a credential.
    without_credential: usize,
    /// Echo requests a second, on average.
    echo_requests_per_second: f64,
    /// Echo requests a second, at most.
    max_rate: u32,
    /// Echo requests a second behind one link.
    link_rate: u32,
    /// Echo requests a second into one subnet that lies behind no link, if the
    /// schedule needs no more there; 0: no limit.
    subnet_rate: u32,
    /// SNMP polls a second, on average.
    snmp_polls_per_second: f64,
    /// Receivers of alerts.
    receivers: usize,
    /// What is worth a look.
    warnings: Vec<String>,
}

fn run(matches: &ArgMatches) -> Result<Exit, Failure> {
    let arguments: Check = super::arguments(matches)?;
    let path = &arguments.config.path;
    let config = match load(path, Env::of_process()) {
        Ok(config) => config,
        Err(problems) => return Ok(told(&problems)),
    };
    let sink = Sink::new();
    plugins(&config, &sink);
    if let Err(problems) = profiles(&config) {
        for problem in problems {
            sink.report(problem);
        }
    }
    let ((), found) = match sink.finish_with_warnings(Some(())) {
        Ok(found) => found,
        Err(problems) => return Ok(told(&problems)),
    };
    if arguments.print {
        let sink = Sink::new();
        if let Some(loaded) = load::read(path, Env::of_process(), &sink) {
            let text = print::effective(&loaded.root, raw::FILE);
            output::text(&text).map_err(Failure::could_not_look)?;
        }
        return Ok(Exit::Ok);
    }
    let mut plan = plan(&config, has_default_route());
    let told = config.warnings.as_slice().iter().chain(found.as_slice());
    plan.warnings.extend(told.map(one_line));
    let text = match arguments.format {
        Format::Table => table(&plan),
        Format::Json => format!(
            "{}\n",
            serde_json::to_string_pretty(&plan).map_err(Failure::could_not_look)?
        ),
    };
    output::text(&text).map_err(Failure::could_not_look)?;
    Ok(Exit::Ok)
}

/// A warning of the reader, as one line.
fn one_line(problem: &Problem) -> String {
    format!("{}:{}: {}", problem.file, problem.line, problem.what)
}

/// Asks the plugins whether they understand their options.
fn plugins(config: &Config, sink: &Sink) {
    for node in config.checks.values() {
        drop(crate::probe::build(node, sink));
    }
    for receiver in config.alerts.receivers.values() {
        match notify::kind(&receiver.kind) {
            Some(kind) => drop((kind.build)(&receiver.options, sink)),
            None => sink.report(unknown_notifier(receiver)),
        }
    }
}

fn unknown_notifier(receiver: &Receiver) -> Problem {
    let known = notify::KINDS.iter().map(|kind| kind.name);
    let known: Vec<&str> = known.collect();
    receiver
        .options
        .problem(format!("there is no kind of receiver called {:?}", receiver.kind))
        .expected(format!("kind: one of {}", known.join(", ")))
        .did_you_mean(nearest(&receiver.kind, known.iter().copied()))
}

/// Reads the user's profiles with the built-in ones.
fn profiles(config: &Config) -> Result<(), crate::config::problem::Problems> {
    match &config.profiles {
        Some(folder) => profile::load::with_folder(folder).map(drop),
        None => Ok(()),
    }
}

fn plan(config: &Config, has_gateway: bool) -> Plan {
    let inventory = &config.inventory;
    let devices = inventory.devices.keys().cloned().map(TargetKey::from);
    let links = inventory.links.keys().cloned().map(TargetKey::from);
    let services = inventory.services.keys().cloned().map(TargetKey::from);
    let index: BTreeMap<TargetKey, TargetId> = devices
        .chain(links)
        .chain(services)
        .zip((1..).map(TargetId))
        .collect();
    let settings = config.monitor_settings(crate::monitor::settings::Nearby::default(), has_gateway);
    let mut warnings = Vec::new();
    // Exemptions have dates, but nothing that is counted here depends on them.
    let day = jiff::civil::Date::default();
    let topology = Topology::build(Arc::clone(inventory), &index, &settings, day);
    let mut probes: BTreeMap<String, usize> = BTreeMap::new();
    let mut polled_devices: BTreeMap<&'static str, usize> = BTreeMap::new();
    let (mut echoes, mut polls) = (0.0, 0.0);
    let mut without_credential = 0;
    let specs = topology.as_ref().map_or(&[][..], Topology::specs);
    for spec in specs.iter().filter(|spec| spec.watch == Watch::Polled) {
        let device = match spec.key.kind {
            TargetKind::Device => inventory
                .devices
                .get(&crate::model::DeviceId(spec.key.slug.clone())),
            TargetKind::Link | TargetKind::Service => None,
        };
        let names = device.map_or_else(
            || spec.liveness.iter().map(ToString::to_string).collect(),
            |device| settings.probes(device),
        );
        for name in names {
            let interval = match name.as_str() {
                "snmp" => {
                    if device.is_some_and(|d| d.credentials.is_empty()) {
                        without_credential += 1;
                        continue;
                    }
                    let own = device.and_then(|d| d.probing.snmp_interval);
                    let of_class = device.and_then(|d| config.classes.get(&d.class)?.snmp_interval);
                    own.or(of_class).unwrap_or(config.snmp.interval)
                }
                _ => spec.interval,
            };
            let rate = 1.0 / interval.as_secs_f64().max(0.001);
            match name.as_str() {
                "icmp" => echoes += f64::from(config.polling.count) * rate,
                "snmp" => polls += rate,
                _ => {}
            }
            *probes.entry(name).or_default() += 1;
        }
        if let Some(device) = device {
            *polled_devices.entry(device.class.as_str()).or_default() += 1;
        }
    }
    warn(config, has_gateway, &mut warnings);
    Plan {
        files: config.files.iter().map(|f| f.display().to_string()).collect(),
        database: config.database.display().to_string(),
        inventory: BTreeMap::from([
            ("units", inventory.units.len()),
            ("sites", inventory.sites.len()),
            ("devices", inventory.devices.len()),
            ("links", inventory.links.len()),
            ("services", inventory.services.len()),
        ]),
        polled_devices,
        probes,
        never_polled: inventory
            .devices
            .values()
            .filter(|d| d.mode == MonitorMode::Never)
            .count(),
        without_credential,
        echo_requests_per_second: round(echoes),
        max_rate: config.polling.rate_for(echoes),
        link_rate: config.polling.link_rate,
        subnet_rate: config.polling.subnet_rate,
        snmp_polls_per_second: round(polls),
        receivers: config.alerts.receivers.len(),
        warnings,
    }
}

/// To a thousandth: the figures are estimates.
fn round(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

/// What is allowed, but seldom meant.
fn warn(config: &Config, has_gateway: bool, warnings: &mut Vec<String>) {
    if config.polling.self_check.is_none() && !has_gateway {
        warnings.push(
            "there is no default route and no polling.self_check: a cut of our own line would be \
             told as an outage of everything behind it"
                .to_owned(),
        );
    }
    let has_outage = |d: &&crate::inventory::Device| d.mode == MonitorMode::Polled;
    if config.inventory.devices.values().filter(has_outage).count() == 0 {
        warnings.push("no device is polled".to_owned());
    }
    let routes = &config.alerts.routes;
    for name in config.alerts.receivers.keys() {
        if !routes.iter().any(|route| route.receivers.contains(name)) {
            warnings.push(format!("no route leads to the receiver {name}"));
        }
    }
    let mut first: BTreeMap<IpAddr, &str> = BTreeMap::new();
    for device in config.inventory.devices.values() {
        for address in &device.addresses {
            let crate::inventory::Host::Ip(ip) = address.host else {
                continue;
            };
            if let Some(other) = first.insert(ip, device.id.as_str()) {
                warnings.push(format!("{other} and {} have the same address {ip}", device.id));
            }
        }
    }
}

/// Whether this machine has a default route, by the kernel's tables.
fn has_default_route() -> bool {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    // Destination and mask of a default route are zero (proc_net_route).
    let v4 = read("/proc/net/route");
    let v4 = v4.lines().skip(1).any(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        columns.get(1) == Some(&"00000000") && columns.get(7) == Some(&"00000000")
    });
    // Prefix length zero, and a device that is not the loopback's reject route.
    let v6 = read("/proc/net/ipv6_route");
    let v6 = v6.lines().any(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        columns.get(1) == Some(&"00") && columns.last() != Some(&"lo")
    });
    v4 || v6
}

fn table(plan: &Plan) -> String {
    let mut rows: Vec<(&str, String)> = Vec::new();
    let counts = |map: &mut dyn Iterator<Item = (String, usize)>| {
        let list: Vec<String> = map.map(|(name, n)| format!("{n} {name}")).collect();
        if list.is_empty() {
            "nothing".to_owned()
        } else {
            list.join(", ")
        }
    };
    let order = ["units", "sites", "devices", "links", "services"];
    let inventory = order
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), *plan.inventory.get(name)?)));
    rows.push(("files", plan.files.join(", ")));
    rows.push(("database", plan.database.clone()));
    rows.push(("on record", counts(&mut inventory.into_iter())));
    let classes = plan
        .polled_devices
        .iter()
        .map(|(name, n)| ((*name).to_owned(), *n));
    rows.push(("polled devices", counts(&mut classes.into_iter())));
    let probes = plan.probes.iter().map(|(name, n)| (name.clone(), *n));
    rows.push(("looked at by", counts(&mut probes.into_iter())));
    if plan.never_polled > 0 {
        rows.push(("never polled", format!("{} devices", plan.never_polled)));
    }
    if plan.without_credential > 0 {
        let text = format!("{} devices: they have no credential", plan.without_credential);
        rows.push(("no SNMP at", text));
    }
    rows.push((
        "ICMP",
        format!(
            "{} echo requests a second on average, at most {} overall, {} behind one link{}",
            plan.echo_requests_per_second,
            plan.max_rate,
            plan.link_rate,
            match plan.subnet_rate {
                0 => String::new(),
                rate => format!(", {rate} into one subnet"),
            }
        ),
    ));
    rows.push((
        "SNMP",
        format!("{} polls a second on average", plan.snmp_polls_per_second),
    ));
    rows.push(("alerts", format!("{} receivers", plan.receivers)));
    let mut out = String::new();
    for (name, text) in rows {
        out.extend([format!("{name:<15} {text}\n")]);
    }
    for warning in &plan.warnings {
        out.extend([format!("warning: {warning}\n")]);
    }
    out.push_str("The configuration is good.\n");
    out
}
