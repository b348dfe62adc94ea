//! `tramgac status`: what is wrong now, in a terminal.
//!
//! Asks the running daemon over its socket beside the database; without one it
//! reads the record, says so, and never says that all is well.

use std::path::Path;
use std::path::PathBuf;

use clap::ArgMatches;
use clap::Parser;
use clap::ValueEnum;

use super::Exit;
use super::Failure;
use super::Subcommand;
use super::client;
use super::client::AskError;
use super::config_file::ConfigFile;
use super::output;
use super::record;
use crate::clock::Clock;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::daemon::offline;
use crate::daemon::offline::OfflineError;
use crate::i18n::Lang;
use crate::i18n::Locale;
use crate::i18n::Text;
use crate::model::Timestamp;
use crate::report::render::terminal;
use crate::report::table::Align;
use crate::store::Reader;
use crate::web;
use crate::web::Status;

/// The subcommand.
pub const COMMAND: Subcommand = super::subcommand("status", super::command_of::<StatusCommand>, run);

/// Show what is wrong now
///
/// Asks the running daemon. When none runs, the last known states are read from
/// the database.
#[derive(Debug, Parser)]
#[command(
    name = "status",
    after_help = "Examples:\n  tramgac status -c tramgac.yaml\n  \
                  tramgac status --lang en\n  \
                  tramgac status --format json | jq '.outages[].target.key'\n\n\
                  Exit codes: 0 nothing is wrong; 1 something is down, or the monitor is cut off; \
                  2 usage or configuration error; 3 nobody is looking: no daemon runs, and the record \
                  holds no outage."
)]
struct StatusCommand {
    #[command(flatten)]
    config: ConfigFile,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// The language: vi or en [default: that of the configuration]
    #[arg(long)]
    lang: Option<Lang>,
    /// The daemon's socket [default: control.sock beside the database]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// One JSON object, that of /api/v1/status
    Json,
}

fn run(matches: &ArgMatches) -> Result<Exit, Failure> {
    let arguments: StatusCommand = super::arguments(matches)?;
    let config = match arguments.config.load() {
        Ok(config) => config,
        Err(exit) => return Ok(exit),
    };
    let lang = arguments.lang.unwrap_or(config.language);
    let locale = Locale::new(lang, config.timezone.zone.clone());
    let database = config.database.clone();
    let socket = arguments.socket.unwrap_or_else(|| record::socket(&database));
    let now = SystemClock::new().wall();
    let (status, live) = match ask(&socket, lang) {
        Ok(status) => (status, true),
        Err(AskError::NoDaemon { path }) => {
            let Some(reader) = record::open(&database)? else {
                return Err(Failure::could_not_look(format!(
                    "no daemon runs ({} does not answer), and there is no database {}: start one by tramgac run -c {}",
                    path.display(),
                    database.display(),
                    arguments.config.path.display(),
                )));
            };
            (
                remembered(&reader, &config, lang, now).map_err(Failure::could_not_look)?,
                false,
            )
        }
        Err(error @ (AskError::Refused { .. } | AskError::Denied { .. })) => {
            return Err(Failure::could_not_look(error));
        }
    };
    if !live {
        output::note(&Text::StatusNoDaemon.fill(lang, &[("when", &locale.moment(status.published()))]));
    }
    let text = match arguments.format {
        Format::Json => format!(
            "{}\n",
            serde_json::to_string_pretty(&status).map_err(Failure::could_not_look)?
        ),
        Format::Table => print(&status, &locale, now, output::is_terminal()),
    };
    output::text(&text).map_err(Failure::could_not_look)?;
    Ok(if status.is_wrong() {
        Exit::NotFine
    } else if live {
        Exit::Ok
    } else {
        Exit::CouldNotLook
    })
}

/// Asks the daemon over its socket.
fn ask(socket: &Path, lang: Lang) -> Result<Status, AskError> {
    let body = client::get(socket, &format!("/api/v1/status?lang={lang}"))?;
    serde_json::from_slice(&body).map_err(|e| AskError::Refused {
        path: socket.to_owned(),
        why: format!("its answer is no status: {e}"),
    })
}

/// The status as the record remembers it.
fn remembered(reader: &Reader, config: &Config, lang: Lang, now: Timestamp) -> Result<Status, OfflineError> {
    let snapshot = offline::snapshot(config, reader, now)?;
    let settings = web::Settings {
        organization: config.organization.name.clone(),
        lang,
        timezone: config.timezone.zone.clone(),
        area_kind: config.area_kind.clone(),
        ..web::Settings::default()
    };
    Ok(Status::of_snapshot(snapshot, settings, lang, now))
}

/// Escape sequences of a terminal, or nothing.
struct Paint(bool);

impl Paint {
    fn with(&self, code: &str, text: &str) -> String {
        if self.0 {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    fn bad(&self, text: &str) -> String {
        self.with("1;31", text)
    }

    fn good(&self, text: &str) -> String {
        self.with("32", text)
    }

    fn faint(&self, text: &str) -> String {
        self.with("2", text)
    }
}

/// What keeps the monitor itself from its work.
fn notices(status: &Status, locale: &Locale, now: Timestamp, paint: &Paint, out: &mut Vec<String>) {
    let lang = locale.lang;
    if let Some(since) = status.blind_since() {
        out.push(paint.bad(&Text::PageBlindTitle.fill(lang, &[("when", &locale.when(since, now))])));
        out.push(Text::PageBlindText.get(lang).to_owned());
        out.push(String::new());
    }
    let before = out.len();
    out.extend(status.record_notices().map(|text| paint.bad(&clean(text))));
    if out.len() > before {
        out.push(String::new());
    }
}

/// The status for people.
fn print(status: &Status, locale: &Locale, now: Timestamp, colours: bool) -> String {
    let lang = locale.lang;
    let paint = Paint(colours);
    let mut out = vec![clean(&status.organization), String::new()];
    notices(status, locale, now, &paint, &mut out);
    if status.outages.is_empty() {
        out.push(paint.good(Text::OverviewNothingDown.get(lang)));
    } else {
        let count = locale.count(status.outages.len());
        out.push(paint.bad(&Text::OverviewTrouble.fill(lang, &[("n", &count)])));
        let lines: Vec<Vec<String>> = status
            .outages
            .iter()
            .map(|o| {
                let behind = match o.consequences.len() {
                    0 => String::new(),
                    n => Text::OverviewConsequences.fill(lang, &[("n", &locale.count(n))]),
                };
                let marks = [
                    (o.target.acknowledged, Text::StateAcknowledged),
                    (o.target.maintenance, Text::StateMaintenance),
                    (o.target.silenced, Text::StateSilenced),
                ];
                let state = marks
                    .into_iter()
                    .filter(|(holds, _)| *holds)
                    .fold(o.target.state_text.clone(), |state, (_, mark)| {
                        format!("{state}, {}", mark.get(lang).to_lowercase())
                    });
                vec![
                    o.incident.map(|id| format!("#{id}")).unwrap_or_default(),
                    o.target.name.clone(),
                    state,
                    Text::TimeSince.fill(lang, &[("when", &locale.when(o.started(), now))]),
                    locale.duration(now.since(o.started())),
                    o.target.reason.clone().unwrap_or_default(),
                    behind,
                ]
            })
            .collect();
        out.extend(lines_of(&lines, 7));
    }
    let named =
        |name: &String, reason: &Option<String>| vec![name.clone(), reason.clone().unwrap_or_default()];
    let degraded: Vec<_> = status
        .degraded
        .iter()
        .map(|t| named(&t.name, &t.reason))
        .collect();
    let unread: Vec<_> = status.unread.iter().map(|t| named(&t.name, &t.reason)).collect();
    for (title, lines) in [(Text::OverviewDegraded, degraded), (Text::OverviewUnread, unread)] {
        if !lines.is_empty() {
            out.push(String::new());
            out.push(title.get(lang).to_owned());
            out.extend(lines_of(&lines, 2));
        }
    }
    out.push(String::new());
    let sums = [
        (Text::OverviewSites, &status.sites),
        (Text::OverviewLinks, &status.links),
        (Text::OverviewEquipment, &status.equipment),
        (Text::OverviewWifi, &status.wifi),
        (Text::OverviewServices, &status.services),
    ];
    let lines: Vec<Vec<String>> = sums
        .iter()
        .filter(|(_, sum)| sum.members > 0)
        .map(|(text, sum)| {
            let unknown = match sum.unknown {
                0 => String::new(),
                n => format!(
                    "{} {}",
                    locale.integer(n),
                    Text::StateUnknown.get(lang).to_lowercase()
                ),
            };
            let online = format!("{}/{}", locale.integer(sum.online), locale.integer(sum.expected));
            vec![text.get(lang).to_owned(), online, unknown]
        })
        .collect();
    out.extend(lines_of(&lines, 3));
    out.push(String::new());
    out.push(paint.faint(&Text::PageAsOf.fill(lang, &[("when", &locale.moment(status.published()))])));
    out.push(String::new());
    out.join("\n")
}

fn lines_of(lines: &[Vec<String>], columns: usize) -> Vec<String> {
    let lines: Vec<Vec<String>> = lines
        .iter()
        .map(|line| line.iter().map(|cell| clean(cell)).collect())
        .collect();
    terminal::columns(&lines, &vec![Align::Left; columns])
        .into_iter()
        .map(|line| format!("  {line}"))
        .collect()
}

/// A text without control characters: names come from people, and nothing in
/// them may steer the terminal.
fn clean(text: &str) -> String {
    text.replace(char::is_control, " ")
}
