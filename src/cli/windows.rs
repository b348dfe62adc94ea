//! What `tramgac maintenance` and `tramgac silence` share: windows that people
//! set, list and end.

use clap::Args;
use clap::ValueEnum;
use hyper::Method;
use jiff::tz::TimeZone;

use super::Exit;
use super::Failure;
use super::database::length;
use super::database::moment;
use super::errand::Keeper;
use super::output;
use crate::clock::Clock;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::inventory::Class;
use crate::model::Selector;
use crate::model::Slug;
use crate::model::Span;
use crate::model::TargetKind;
use crate::model::Timestamp;
use crate::monitor::maintain::Effect;
use crate::report::render::terminal;
use crate::report::table::Align;
use crate::web::api::Time;
use crate::web::people::AuthorBody;
use crate::web::people::Maintenance;
use crate::web::people::MaintenanceBody;
use crate::web::people::Order;
use crate::web::people::Source;

#[derive(Debug, Args)]
pub(super) struct Add {
    #[command(flatten)]
    keeper: Keeper,
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
    /// Who says so
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
pub(super) struct List {
    #[command(flatten)]
    keeper: Keeper,
    /// Those that are over, too
    #[arg(long)]
    all: bool,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Args)]
pub(super) struct End {
    /// Its name, as `list` shows it
    name: String,
    #[command(flatten)]
    keeper: Keeper,
    /// Who ends it
    #[arg(long, value_name = "NAME", env = "TRAMGAC_AUTHOR")]
    author: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Table,
    /// An array of objects, as the API tells them
    Json,
}

/// Where windows of this effect are.
fn path(effect: Effect) -> &'static str {
    match effect {
        Effect::Maintenance => "/api/v1/maintenance",
        Effect::Silence => "/api/v1/silences",
    }
}

/// The word for it.
fn word(effect: Effect) -> &'static str {
    match effect {
        Effect::Maintenance => "maintenance",
        Effect::Silence => "silence",
    }
}

/// Announces one.
pub(super) fn add(add: &Add, effect: Effect) -> Result<Exit, Failure> {
    let errand = match add.keeper.errand() {
        Ok(errand) => errand,
        Err(exit) => return Ok(exit),
    };
    let body = body(add, &errand.config)?;
    let answer = errand.run(Method::POST, path(effect), Some(&body), |now| {
        body.clone().order(effect, now)
    })?;
    let window: Maintenance = serde_json::from_slice(&answer).map_err(Failure::could_not_look)?;
    let zone = &errand.config.timezone.zone;
    told(&format!(
        "{} {} of {} target(s), {} to {}\n",
        word(effect),
        window.name,
        window.targets,
        local(window.from.as_ref().map(Time::moment), zone),
        local(window.to.as_ref().map(Time::moment), zone),
    ))
}

/// Lists them.
pub(super) fn list(list: &List, effect: Effect) -> Result<Exit, Failure> {
    let errand = match list.keeper.errand() {
        Ok(errand) => errand,
        Err(exit) => return Ok(exit),
    };
    let answer = errand.run(Method::GET, path(effect), None::<&()>, |_| {
        Ok(Order::Windows(effect))
    })?;
    let mut windows: Vec<Maintenance> = serde_json::from_slice(&answer).map_err(Failure::could_not_look)?;
    windows.retain(|window| list.all || !window.over);
    told(&match list.format {
        Format::Table => table(&windows, &errand.config.timezone.zone, effect),
        Format::Json => format!(
            "{}\n",
            serde_json::to_string_pretty(&windows).map_err(Failure::could_not_look)?
        ),
    })
}

/// Ends one before its time.
pub(super) fn end(end: &End, effect: Effect) -> Result<Exit, Failure> {
    let errand = match end.keeper.errand() {
        Ok(errand) => errand,
        Err(exit) => return Ok(exit),
    };
    let name: String = url::form_urlencoded::byte_serialize(end.name.as_bytes()).collect();
    let body = AuthorBody {
        author: end.author.clone(),
    };
    errand.run(
        Method::DELETE,
        &format!("{}/{name}", path(effect)),
        Some(&body),
        |_| body.end_window(end.name.clone(), effect),
    )?;
    told(&format!("{} {} has ended\n", word(effect), end.name))
}

fn told(text: &str) -> Result<Exit, Failure> {
    output::text(text).map_err(Failure::could_not_look)?;
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

fn table(windows: &[Maintenance], zone: &TimeZone, effect: Effect) -> String {
    if windows.is_empty() {
        return format!("no {} is open or ahead\n", word(effect));
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

    #[derive(Debug, clap::Parser)]
    struct Line {
        #[command(flatten)]
        add: Add,
    }

    fn parse(line: &str) -> Result<Add, clap::Error> {
        <Line as clap::Parser>::try_parse_from(line.split(' ')).map(|line| line.add)
    }

    #[test]
    fn a_window_needs_something_to_cover_and_an_end() {
        let ok = "add --reason r --author a --site vp --for 2h";
        assert!(parse(ok).is_ok());
        assert!(parse("add --reason r --author a --for 2h").is_err());
        assert!(parse("add --reason r --author a --site vp").is_err());
        assert!(parse(&format!("{ok} --to 2026-11-28")).is_err());
        assert!(parse(&format!("{ok} --device x --link y")).is_err());
    }

    #[test]
    fn every_option_becomes_its_part_of_the_selector() {
        let line = "add --reason r --author a --for 1h --device a --device b --site s --class router";
        let selector = parse(line).unwrap().what.selector();
        assert_eq!(selector.kind, ["device"]);
        assert_eq!(selector.id, ["a", "b"]);
        assert_eq!(selector.site, ["s"]);
        assert_eq!(selector.class, ["router"]);
    }
}
