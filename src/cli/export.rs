//! `tramgac export`: the record as a stream.
//!
//! Rows go out as they are read: a record of years needs no more memory than
//! one of a day.

use std::collections::BTreeMap;

use clap::ArgMatches;
use clap::Args;
use clap::Parser;
use clap::Subcommand as Subcommands;
use clap::ValueEnum;
use serde_json::Map;
use serde_json::Value;

use super::Exit;
use super::Failure;
use super::Subcommand;
use super::database::Database;
use super::database::moment;
use super::database::rfc3339;
use super::output;
use crate::clock::Clock;
use crate::clock::SystemClock;
use crate::model::Slug;
use crate::model::Span;
use crate::model::TargetId;
use crate::model::TargetKey;
use crate::model::TargetKind;
use crate::model::Timestamp;
use crate::store::EventFilter;
use crate::store::Level;
use crate::store::Point;
use crate::store::Reader;
use crate::store::SeriesKey;

/// The subcommand.
pub const COMMAND: Subcommand = super::subcommand("export", super::command_of::<Export>, run);

/// Print the record as CSV or JSON
#[derive(Debug, Parser)]
#[command(
    name = "export",
    after_help = "Examples:\n  tramgac export events -c tramgac.yaml --from 2026-11-01 --format jsonl > november.jsonl\n  \
                  tramgac export history --target link/ubnd-vnpt --metric rtt_seconds --from 7d > rtt.csv\n  \
                  tramgac export history --level 1h --from 2026-01-01 --to 2027-01-01 --format json\n\n\
                  Reads while the daemon runs. Times in the output are UTC.\n\n\
                  Exit codes: 0 fine; 2 usage; 3 the database can't be read."
)]
struct Export {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommands)]
enum What {
    /// What was measured: round trip times, loss, readings
    History(History),
    /// What happened: outages, changes of state, of facts, of the inventory
    Events(Events),
}

/// What both have.
#[derive(Debug, Args)]
struct Common {
    #[command(flatten)]
    database: Database,
    /// From this moment on: 2026-11-24, 2026-11-24T07:30, or how long ago (12h, 90d); without it everything
    #[arg(long)]
    from: Option<String>,
    /// Before this moment; without it up to now
    #[arg(long)]
    to: Option<String>,
    /// Of this target only: device/ID, link/ID or service/ID
    #[arg(long, value_name = "KIND/ID")]
    target: Option<String>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
}

#[derive(Debug, Args)]
struct History {
    #[command(flatten)]
    common: Common,
    /// Of this measure only
    #[arg(long)]
    metric: Option<String>,
    /// How fine; where a level is no longer kept, the next coarser one
    #[arg(long, value_enum, default_value_t = Fineness::Raw)]
    level: Fineness,
}

#[derive(Debug, Args)]
struct Events {
    #[command(flatten)]
    common: Common,
    /// Of this kind only (outage_opened, state_changed, …); may be repeated
    #[arg(long)]
    kind: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Comma-separated values with a heading
    Csv,
    /// One array of objects
    Json,
    /// One object a line
    Jsonl,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Fineness {
    /// Every sample
    Raw,
    /// Five minutes
    #[value(name = "5m")]
    FiveMinutes,
    /// Hours
    #[value(name = "1h")]
    Hour,
    /// Days (UTC)
    #[value(name = "1d")]
    Day,
}

impl From<Fineness> for Level {
    fn from(fineness: Fineness) -> Self {
        match fineness {
            Fineness::Raw => Self::Raw,
            Fineness::FiveMinutes => Self::FiveMinutes,
            Fineness::Hour => Self::Hour,
            Fineness::Day => Self::Day,
        }
    }
}

/// Rows printed at a time.
const PIECE: usize = 64 << 10;

/// How much history is read of a series at once.
const SLICE: Span = Span::from_hours(30 * 24);

/// Rows on their way out.
struct Sheet {
    format: Format,
    columns: &'static [&'static str],
    buffer: Vec<u8>,
    rows: u64,
}

impl Sheet {
    fn new(format: Format, columns: &'static [&'static str]) -> Result<Self, Failure> {
        let mut sheet = Self {
            format,
            columns,
            buffer: Vec::new(),
            rows: 0,
        };
        match format {
            Format::Csv => sheet.csv(columns.iter().map(|c| (*c).to_owned()))?,
            Format::Json => sheet.buffer.push(b'['),
            Format::Jsonl => {}
        }
        Ok(sheet)
    }

    fn csv(&mut self, fields: impl Iterator<Item = String>) -> Result<(), Failure> {
        let mut writer = csv::Writer::from_writer(&mut self.buffer);
        writer
            .write_record(fields)
            .and_then(|()| writer.flush().map_err(Into::into))
            .map_err(Failure::could_not_look)
    }

    /// One row, as an object. Columns that it lacks are empty.
    fn row(&mut self, object: &Map<String, Value>) -> Result<(), Failure> {
        match self.format {
            Format::Csv => {
                let columns = self.columns;
                self.csv(columns.iter().map(|name| match object.get(*name) {
                    None | Some(Value::Null) => String::new(),
                    Some(Value::String(text)) => text.clone(),
                    Some(other) => other.to_string(),
                }))?;
            }
            Format::Json | Format::Jsonl => {
                if self.format == Format::Json {
                    let between: &[u8] = if self.rows > 0 { b",\n" } else { b"\n" };
                    self.buffer.extend_from_slice(between);
                }
                serde_json::to_writer(&mut self.buffer, object).map_err(Failure::could_not_look)?;
                if self.format == Format::Jsonl {
                    self.buffer.push(b'\n');
                }
            }
        }
        self.rows += 1;
        if self.buffer.len() >= PIECE {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Failure> {
        output::bytes(&self.buffer).map_err(Failure::could_not_look)?;
        self.buffer.clear();
        Ok(())
    }

    fn end(mut self) -> Result<(), Failure> {
        if self.format == Format::Json {
            let end: &[u8] = if self.rows > 0 { b"\n]\n" } else { b"]\n" };
            self.buffer.extend_from_slice(end);
        }
        self.flush()
    }
}

/// What the common arguments mean on this database.
struct Scope {
    reader: Reader,
    names: BTreeMap<TargetId, TargetKey>,
    from: Timestamp,
    to: Timestamp,
    target: Option<TargetId>,
}

/// `device/pc-1` as a key.
fn key_of(text: &str) -> Option<TargetKey> {
    let (kind, slug) = text.split_once('/')?;
    let kind = TargetKind::ALL.into_iter().find(|k| k.as_str() == kind)?;
    Some(TargetKey {
        kind,
        slug: slug.parse::<Slug>().ok()?,
    })
}

impl Scope {
    /// `None`: the configuration has mistakes, which have been printed.
    fn new(common: &Common) -> Result<Result<Self, Exit>, Failure> {
        let located = match common.database.locate() {
            Ok(located) => located,
            Err(exit) => return Ok(Err(exit)),
        };
        let now = SystemClock::new().wall();
        let zone = located.zone();
        let read = |text: &Option<String>, default: Timestamp| match text {
            Some(text) => moment(text, &zone, now),
            None => Ok(default),
        };
        let (from, to) = (read(&common.from, Timestamp::EPOCH)?, read(&common.to, now)?);
        let reader = Reader::open(&located.path).map_err(Failure::could_not_look)?;
        let stored = reader.inventory().map_err(Failure::could_not_look)?;
        let mut names: BTreeMap<TargetId, TargetKey> = BTreeMap::new();
        names.extend(stored.gone.into_iter().map(|(key, (id, _))| (id, key)));
        names.extend(stored.index.into_iter().map(|(key, id)| (id, key)));
        let target = match &common.target {
            None => None,
            Some(text) => {
                let key = key_of(text);
                let found = names.iter().find(|(_, k)| Some(*k) == key.as_ref());
                Some(found.map(|(id, _)| *id).ok_or_else(|| {
                    Failure::usage(format!(
                        "{text:?} is no target on record: write device/ID, link/ID or service/ID"
                    ))
                })?)
            }
        };
        Ok(Ok(Self {
            reader,
            names,
            from,
            to,
            target,
        }))
    }

    fn name(&self, id: TargetId) -> String {
        self.names
            .get(&id)
            .map_or_else(|| id.to_string(), ToString::to_string)
    }
}

fn run(matches: &ArgMatches) -> Result<Exit, Failure> {
    let arguments: Export = super::arguments(matches)?;
    let common = match &arguments.what {
        What::History(History { common, .. }) | What::Events(Events { common, .. }) => common,
    };
    let scope = match Scope::new(common)? {
        Ok(scope) => scope,
        Err(exit) => return Ok(exit),
    };
    if !scope.reader.has_writer() {
        output::note("no daemon runs: this is what the record held when the last one ended");
    }
    match &arguments.what {
        What::History(options) => history(&scope, options)?,
        What::Events(options) => events(&scope, options)?,
    }
    Ok(Exit::Ok)
}

fn events(scope: &Scope, options: &Events) -> Result<(), Failure> {
    let columns = &["sequence", "at", "recorded_at", "target", "kind", "detail"];
    let mut sheet = Sheet::new(options.common.format, columns)?;
    let filter = EventFilter {
        from: Some(scope.from),
        to: Some(scope.to),
        target: scope.target,
        kinds: options.kind.clone(),
        ..EventFilter::default()
    };
    let mut trouble = None;
    let read = scope.reader.each_event(&filter, |stored| {
        if trouble.is_some() {
            return Ok(());
        }
        let mut detail = match serde_json::to_value(&stored.event.kind) {
            Ok(Value::Object(detail)) => detail,
            Ok(_) | Err(_) => Map::new(),
        };
        let kind = detail.shift_remove("kind").unwrap_or(Value::Null);
        let mut row = Map::new();
        row.insert("sequence".to_owned(), stored.sequence.0.into());
        row.insert("at".to_owned(), rfc3339(stored.event.at).into());
        row.insert("recorded_at".to_owned(), rfc3339(stored.event.recorded_at).into());
        let target = stored.event.target.map(|t| scope.name(t));
        row.insert("target".to_owned(), target.into());
        row.insert("kind".to_owned(), kind);
        row.insert("detail".to_owned(), Value::Object(detail));
        trouble = sheet.row(&row).err();
        Ok(())
    });
    read.map_err(Failure::could_not_look)?;
    if let Some(failure) = trouble {
        return Err(failure);
    }
    sheet.end()
}

fn history(scope: &Scope, options: &History) -> Result<(), Failure> {
    let columns = &[
        "target", "metric", "instance", "at", "seconds", "count", "min", "mean", "max",
    ];
    let mut sheet = Sheet::new(options.common.format, columns)?;
    let all = scope
        .reader
        .series(scope.target)
        .map_err(Failure::could_not_look)?;
    for series in all {
        if options.metric.as_ref().is_some_and(|m| **m != *series.metric) {
            continue;
        }
        let mut from = scope
            .from
            .max(scope.reader.oldest_history().map_err(Failure::could_not_look)?);
        while from < scope.to {
            let to = from.plus(SLICE).min(scope.to);
            let points = scope
                .reader
                .history_from_level(&series, from, to, options.level.into())
                .map_err(Failure::could_not_look)?;
            for point in points {
                sheet.row(&row_of(&scope.name(series.target), &series, &point))?;
            }
            from = to;
        }
    }
    sheet.end()
}

fn row_of(target: &str, series: &SeriesKey, point: &Point) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("target".to_owned(), target.into());
    row.insert("metric".to_owned(), (&*series.metric).into());
    row.insert("instance".to_owned(), (&*series.instance).into());
    row.insert("at".to_owned(), rfc3339(point.at).into());
    row.insert("seconds".to_owned(), point.span.as_secs().into());
    row.insert("count".to_owned(), point.count.into());
    row.insert("min".to_owned(), point.min.into());
    row.insert("mean".to_owned(), point.mean().into());
    row.insert("max".to_owned(), point.max.into());
    row
}
