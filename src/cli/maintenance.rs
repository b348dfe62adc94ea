//! `tramgac maintenance`: announce, list and end maintenance windows by hand.

use std::path::PathBuf;

use clap::ArgMatches;
use clap::Args;
use clap::Parser;
use clap::Subcommand as Verbs;
use clap::ValueEnum;
use hyper::Method;
use jiff::tz::TimeZone;

use super::Exit;
use super::Failure;
use super::Subcommand;
use super::client;
use super::config_file::ConfigFile;
use super::database::length;
use super::database::moment;
use super::output;
use super::record;
use crate::clock::Clock;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::inventory::Class;
use crate::model::Selector;
use crate::model::Slug;
use crate::model::Span;
use crate::model::TargetKind;
use crate::model::Timestamp;
use crate::report::render::terminal;
use crate::report::table::Align;
use crate::web::api::Time;
use crate::web::people::Maintenance;
use crate::web::people::MaintenanceBody;
use crate::web::people::Source;

/// The subcommand.
pub const COMMAND: Subcommand = super::subcommand("maintenance", super::command_of::<Command>, run);

/// Announce, list and end maintenance windows
///
/// Within a window outages are recorded and nobody is told of them; availability
/// leaves that time out. Windows that recur stand in the configuration.
#[derive(Debug, Parser)]
#[command(
    name = "maintenance",
    after_help = "Examples:\n  tramgac maintenance add --site thuong-cuu --for 2h --reason 'new battery' --author lan\n  \
                  tramgac maintenance add --device rt-1 --device sw-1 --from 2026-11-28T20:00 --to 2026-11-28T23:00 \
                  --reason 'firmware' --author lan\n  \
                  tramgac maintenance list\n  \
                  tramgac maintenance end m3\n\n\
                  Exit codes: 0 it is on record; 1 the daemon refuses: no such window, nothing fits; \
                  2 usage or configuration error; 3 no daemon runs, or it can't be asked."
)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Verbs)]
enum Verb {
    /// Announce maintenance, once
    #[command(
        after_help = "Every option that chooses must fit; of one that is given several times, one value.\n\n\
                      Examples:\n  tramgac maintenance add --site thuong-cuu --for 2h --reason 'new battery' --author lan\n  \
                      tramgac maintenance add --area xa-kha-cuu --class wifi_ap --from 2026-11-28T20:00 --for 90m \
                      --reason 'new channels' --author lan"
    )]
    Add(Box<Add>),
    /// List the windows that are open or ahead
    #[command(
        after_help = "Examples:\n  tramgac maintenance list\n  tramgac maintenance list --all --format json"
    )]
    List(List),
    /// End a window that was set by hand, before its time
    #[command(after_help = "Examples:\n  tramgac maintenance end m3")]
    End(End),
}

#[derive(Debug, Args)]
struct Daemon {
    #[command(flatten)]
    config: ConfigFile,
    /// The daemon's socket [default: control.sock beside the database]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Add {
    #[command(flatten)]
    daemon: Daemon,
    #[command(flatten)]
    what: What,
    /// From this moment: 2026-11-28T20:00; without it from now
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// To this moment
    #[arg(
        long,
        value_name = "TIME",
        conflicts_with = "length",
        required_unless_present = "length"
    )]
    to: Option<String>,
    /// For so long: 90m, 2h, 3d
    #[arg(long = "for", id = "length", value_name = "LENGTH", value_parser = length)]
    length: Option<Span>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who announces it
    #[arg(long, value_name = "NAME", env = "TRAMGAC_AUTHOR")]
    author: String,
}

/// What a window covers.
#[derive(Debug, Default, Args)]
#[group(required = true, multiple = true)]
struct What {
    /// This device
    #[arg(long, value_name = "ID", conflicts_with_all = ["link", "service"])]
    device: Vec<Slug>,
    /// This link
    #[arg(long, value_name = "ID", conflicts_with = "service")]
    link: Vec<Slug>,
    /// This service
    #[arg(long, value_name = "ID")]
    service: Vec<Slug>,
    /// This site and what lies in it
    #[arg(long, value_name = "ID")]
    site: Vec<Slug>,
    /// This area
    #[arg(long, value_name = "ID")]
    area: Vec<Slug>,
    /// This class of equipment
    #[arg(long)]
    class: Vec<Class>,
}

impl What {
    fn selector(&self) -> Selector {
        let texts = |list: &[Slug]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        let ids = [
            (TargetKind::Device, &self.device),
            (TargetKind::Link, &self.link),
            (TargetKind::Service, &self.service),
        ];
        let (kind, id) = ids
            .into_iter()
            .find(|(_, list)| !list.is_empty())
            .map_or_else(Default::default, |(kind, list)| {
                (vec![kind.as_str().to_owned()], texts(list))
            });
        Selector {
            kind,
            id,
            class: self.class.iter().map(|c| c.as_str().to_owned()).collect(),
            site: texts(&self.site),
            area: texts(&self.area),
            ..Selector::default()
        }
    }
}

#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    daemon: Daemon,
    /// Those that are over, too
    #[arg(long)]
    all: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Args)]
struct End {
    /// Its name, as `list` shows it
    name: String,
    #[command(flatten)]
    daemon: Daemon,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// An array of objects, those of /api/v1/maintenance
    Json,
}

const PATH: &str = "/api/v1/maintenance";

fn run(matches: &ArgMatches) -> Result<Exit, Failure> {
    let arguments: Command = super::arguments(matches)?;
    let daemon = match &arguments.verb {
        Verb::Add(add) => &add.daemon,
        Verb::List(list) => &list.daemon,
        Verb::End(end) => &end.daemon,
    };
    let config = match daemon.config.load() {
        Ok(config) => config,
        Err(exit) => return Ok(exit),
    };
    let socket = daemon
        .socket
        .clone()
        .unwrap_or_else(|| record::socket(&config.database));
    let text = match arguments.verb {
        Verb::Add(add) => {
            let body = serde_json::to_value(body(&add, &config)?).map_err(Failure::usage)?;
            let answer = client::ask(&socket, Method::POST, PATH, Some(&body))?;
            let window: Maintenance = serde_json::from_slice(&answer).map_err(Failure::could_not_look)?;
            let zone = &config.timezone.zone;
            format!(
                "maintenance {} of {} target(s), {} to {}\n",
                window.name,
                window.targets,
                local(window.from.as_ref().map(Time::moment), zone),
                local(window.to.as_ref().map(Time::moment), zone),
            )
        }
        Verb::List(list) => {
            let answer = client::get(&socket, PATH)?;
            let mut windows: Vec<Maintenance> =
                serde_json::from_slice(&answer).map_err(Failure::could_not_look)?;
            windows.retain(|window| list.all || !window.over);
            match list.format {
                Format::Table => table(&windows, &config.timezone.zone),
                Format::Json => format!(
                    "{}\n",
                    serde_json::to_string_pretty(&windows).map_err(Failure::could_not_look)?
                ),
            }
        }
        Verb::End(end) => {
            let name: String = url::form_urlencoded::byte_serialize(end.name.as_bytes()).collect();
            client::ask(&socket, Method::DELETE, &format!("{PATH}/{name}"), None)?;
            format!("maintenance {} has ended\n", end.name)
        }
    };
    output::text(&text).map_err(Failure::could_not_look)?;
    Ok(Exit::Ok)
}

fn body(add: &Add, config: &Config) -> Result<MaintenanceBody, Failure> {
    let now = SystemClock::new().wall();
    let read = |text: &String| moment(text, &config.timezone.zone, now);
    let from = add.from.as_ref().map(read).transpose()?;
    let to = match (&add.to, add.length) {
        (Some(text), _) => read(text)?,
        (None, length) => from.unwrap_or(now).plus(length.unwrap_or_default()),
    };
    Ok(MaintenanceBody {
        selector: add.what.selector(),
        from: from.map(Into::into),
        to: to.into(),
        reason: add.reason.clone(),
        author: add.author.clone(),
    })
}

/// A moment as people of that zone write it; empty for none.
fn local(at: Option<Timestamp>, zone: &TimeZone) -> String {
    at.and_then(|at| jiff::Timestamp::from_microsecond(at.0).ok())
        .map(|at| zone.to_datetime(at).strftime("%Y-%m-%d %H:%M").to_string())
        .unwrap_or_default()
}

fn table(windows: &[Maintenance], zone: &TimeZone) -> String {
    if windows.is_empty() {
        return "no maintenance is open or ahead\n".to_owned();
    }
    let heading = ["NAME", "STATE", "FROM", "TO", "TARGETS", "AUTHOR", "REASON"];
    let mut lines = vec![heading.map(str::to_owned).to_vec()];
    for window in windows {
        let state = match (window.ended_at.is_some(), window.over, window.open) {
            (true, ..) => "ended",
            (false, true, _) => "over",
            (false, false, true) => "open",
            (false, false, false) => "ahead",
        };
        let recurs = window.source == Source::Configuration && window.from.is_none();
        let from = if recurs {
            "recurs".to_owned()
        } else {
            local(window.from.as_ref().map(Time::moment), zone)
        };
        let line = [
            window.name.clone(),
            state.to_owned(),
            from,
            local(window.to.as_ref().map(Time::moment), zone),
            window.targets.to_string(),
            window.author.clone().unwrap_or_default(),
            window.reason.clone().unwrap_or_default(),
        ];
        lines.push(line.map(|cell| cell.replace(char::is_control, " ")).to_vec());
    }
    let mut text = terminal::columns(&lines, &[Align::Left; 7]).join("\n");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, clap::Error> {
        Command::try_parse_from(line.split(' '))
    }

    #[test]
    fn a_window_needs_something_to_cover_and_an_end() {
        let ok = "maintenance add --reason r --author a --site vp --for 2h";
        assert!(parse(ok).is_ok());
        assert!(parse("maintenance add --reason r --author a --for 2h").is_err());
        assert!(parse("maintenance add --reason r --author a --site vp").is_err());
        assert!(parse(&format!("{ok} --to 2026-11-28")).is_err());
        assert!(parse(&format!("{ok} --device x --link y")).is_err());
    }

    #[test]
    fn every_option_becomes_its_part_of_the_selector() {
        let line =
            "maintenance add --reason r --author a --for 1h --device a --device b --site s --class router";
        let Verb::Add(add) = parse(line).unwrap().verb else {
            panic!("not add")
        };
        let selector = add.what.selector();
        assert_eq!(selector.kind, ["device"]);
        assert_eq!(selector.id, ["a", "b"]);
        assert_eq!(selector.site, ["s"]);
        assert_eq!(selector.class, ["router"]);
    }
}
