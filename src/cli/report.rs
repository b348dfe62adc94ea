//! `tramgac report`: the record on paper, as table, CSV, JSON or HTML.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::ArgMatches;
use clap::Parser;
use clap::builder::PossibleValue;
use clap::builder::PossibleValuesParser;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Exit;
use super::Failure;
use super::Subcommand;
use super::config_file::ConfigFile;
use super::output;
use super::record;
use crate::clock::Clock;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::daemon::offline;
use crate::i18n::Lang;
use crate::i18n::Locale;
use crate::inventory::Inventory;
use crate::model::DeviceId;
use crate::model::SiteId;
use crate::model::Span;
use crate::model::TargetKind;
use crate::model::Timestamp;
use crate::monitor::calendar::Calendar;
use crate::report;
use crate::report::Source;
use crate::report::dataset::changes;
use crate::report::dataset::indicators::Standing;
use crate::report::render::Options;
use crate::store::EventFilter;
use crate::store::IncidentFilter;
use crate::store::Reader;

/// The subcommand.
pub const COMMAND: Subcommand = super::subcommand("report", super::command_of::<Report>, run);

/// Most outages in one report: some 100 MB of table.
const MAX_INCIDENTS: u32 = 200_000;

/// Times for which the monitor was cut off that a report reads.
const MAX_BLIND: usize = 10_000;

/// Write a report from the record
///
/// Reads the database beside a running daemon or without one; before there is
/// a database, the inventory of the configuration. Machines under secrecy rules
/// are counted, not listed.
#[derive(Debug, Parser)]
#[command(
    name = "report",
    after_help = "Examples:\n  tramgac report equipment -c tramgac.yaml\n  \
                  tramgac report equipment --format csv --spreadsheet -o thiet-bi.csv\n  \
                  tramgac report equipment --site tru-so --lang en --format html -o equipment.html\n  \
                  tramgac report outages --from 2026-11-01 --to 2026-11-30\n  \
                  tramgac report availability --format xlsx -o availability.xlsx\n  \
                  tramgac report indicators --lang en\n  \
                  tramgac report changes --from 2026-11-01 --format csv\n\n\
                  Exit codes: 0 written; 2 usage or configuration error; 3 the record can't be read."
)]
struct Report {
    /// What to report
    #[arg(value_parser = datasets())]
    dataset: String,
    #[command(flatten)]
    config: ConfigFile,
    /// How to write it
    #[arg(long, value_parser = formats(), default_value = "table")]
    format: String,
    /// The language of the report: vi or en [default: that of the configuration]
    #[arg(long)]
    lang: Option<Lang>,
    /// Only this site and what lies in it
    #[arg(long, value_name = "ID")]
    site: Option<SiteId>,
    /// First day of the time reported on [default: the first of this month]
    #[arg(long, value_name = "DAY")]
    from: Option<Date>,
    /// Last day of the time reported on; equipment is as of this day [default: today]
    #[arg(long, value_name = "DAY")]
    to: Option<Date>,
    /// Write into this file instead of to standard output
    #[arg(short = 'o', long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// CSV as Excel with a decimal comma opens it: `;` between fields, a byte order mark
    #[arg(long)]
    spreadsheet: bool,
    /// Show every column in a table
    #[arg(long)]
    wide: bool,
    /// List machines under secrecy rules too; keep such a report where they may be known
    #[arg(long)]
    include_hidden: bool,
}

fn datasets() -> PossibleValuesParser {
    PossibleValuesParser::new(
        report::DATASETS
            .iter()
            .map(|d| PossibleValue::new(d.name).help(d.about)),
    )
}

fn formats() -> PossibleValuesParser {
    PossibleValuesParser::new(report::RENDERERS.iter().map(|r| r.name))
}

fn run(matches: &ArgMatches) -> Result<Exit, Failure> {
    let arguments: Report = super::arguments(matches)?;
    let config = match arguments.config.load() {
        Ok(config) => config,
        Err(exit) => return Ok(exit),
    };
    let (Some(dataset), Some(renderer)) = (
        report::dataset(&arguments.dataset),
        report::renderer(&arguments.format),
    ) else {
        // The parser lets no other words through.
        return Ok(Exit::Usage);
    };
    let now = SystemClock::new().wall();
    let locale = Locale::new(
        arguments.lang.unwrap_or(config.language),
        config.timezone.zone.clone(),
    );
    let source = source(&arguments, &config, locale.clone(), now)?;
    if let Some(site) = &source.site
        && !source.inventory.sites.contains_key(site)
    {
        return Err(Failure::usage(format!(
            "there is no site {site}: tramgac report equipment --format json lists the sites in use"
        )));
    }
    let options = Options {
        day: locale.day(now),
        locale,
        organization: config.organization.name.clone(),
        superior: config.organization.superior.clone(),
        place: config.organization.place.clone(),
        spreadsheet: arguments.spreadsheet,
        wide: arguments.wide,
    };
    let table = (dataset.build)(&source);
    let bytes = (renderer.render)(&table, &options).map_err(Failure::could_not_look)?;
    match &arguments.output {
        Some(path) => std::fs::write(path, bytes)
            .map_err(|e| Failure::could_not_look(format!("can't write {}: {e}", path.display())))?,
        None => output::bytes(&bytes).map_err(Failure::could_not_look)?,
    }
    Ok(Exit::Ok)
}

fn source(arguments: &Report, config: &Config, locale: Locale, now: Timestamp) -> Result<Source, Failure> {
    let zone = &locale.timezone;
    let day = arguments.to.unwrap_or_else(|| locale.day(now));
    let first = arguments.from.unwrap_or_else(|| day.first_of_month());
    if first > day {
        return Err(Failure::usage(format!("--from {first} comes after --to {day}")));
    }
    let until = start_of(day.tomorrow().unwrap_or(day), zone).min(now.max(start_of(day, zone)));
    let mut source = Source {
        inventory: Inventory::clone(&config.inventory),
        area_kind: config.area_kind.clone(),
        facts: BTreeMap::new(),
        index: BTreeMap::new(),
        incidents: Vec::new(),
        blind: Vec::new(),
        events: Vec::new(),
        changes: Vec::new(),
        standing: None,
        office_hours: config
            .calendars
            .get("working_hours")
            .cloned()
            .unwrap_or_else(|| Calendar::office(zone.clone())),
        day,
        period: (start_of(first, zone), until),
        locale,
        site: arguments.site.clone(),
        include_hidden: arguments.include_hidden,
    };
    match record::open(&config.database)? {
        Some(reader) => {
            read(&reader, &mut source).map_err(Failure::could_not_look)?;
            if arguments.dataset == report::dataset::indicators::DATASET.name {
                let snapshot = offline::snapshot(config, &reader, now).map_err(Failure::could_not_look)?;
                source.standing = Some(Standing {
                    definitions: config.indicators.clone(),
                    snapshot,
                    calendars: config.calendars.clone(),
                });
            }
        }
        None => output::note("no database yet: this is what the configuration declares"),
    }
    Ok(source)
}

/// Midnight at the begin of a local day.
fn start_of(day: Date, zone: &TimeZone) -> Timestamp {
    day.to_zoned_datetime(zone.clone())
        .map_or(Timestamp::MIN, |z| Timestamp(z.timestamp().as_microsecond()))
}

fn read(reader: &Reader, source: &mut Source) -> crate::store::Result<()> {
    let stored = reader.inventory()?;
    source.inventory = stored.inventory;
    source.index = stored.index;
    let ids: BTreeMap<_, DeviceId> = source
        .index
        .iter()
        .filter(|(key, _)| key.kind == TargetKind::Device)
        .map(|(key, id)| (*id, DeviceId(key.slug.clone())))
        .collect();
    for (target, facts) in reader.all_facts()? {
        if let Some(device) = ids.get(&target) {
            let facts = facts.into_iter().map(|f| (f.fact.key, f.fact.value));
            source.facts.insert(device.clone(), facts.collect());
        }
    }
    let (from, until) = source.period;
    source.incidents = reader.incidents(&IncidentFilter {
        from: Some(from),
        to: Some(until.plus(Span::from_micros(1))),
        limit: Some(MAX_INCIDENTS),
        ..IncidentFilter::default()
    })?;
    source.incidents.sort_by_key(|i| (i.started_at, i.id));
    source.blind = reader.blind_spans(Some(from), Some(until), MAX_BLIND)?;
    let kinds = [
        "state_changed",
        "maintenance_started",
        "maintenance_ended",
        "daemon_started",
        "daemon_stopped",
    ];
    let filter = EventFilter {
        to: Some(until),
        kinds: kinds.map(str::to_owned).to_vec(),
        ..EventFilter::default()
    };
    reader.each_event(&filter, |stored| {
        source.events.push(stored.event);
        Ok(())
    })?;
    let changes = EventFilter {
        from: Some(from),
        to: Some(until),
        kinds: changes::KINDS.map(str::to_owned).to_vec(),
        ..EventFilter::default()
    };
    reader.each_event(&changes, |stored| {
        source.changes.push(stored.event);
        Ok(())
    })?;
    Ok(())
}
