//! `tramgac profile`: try a device profile on a recording.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::ArgMatches;
use clap::Args;
use clap::Parser;
use clap::Subcommand as Subcommands;
use clap::ValueEnum;

use super::Exit;
use super::Failure;
use super::Subcommand;
use super::inspect_table;
use super::output;
use crate::i18n::Lang;
use crate::lab::snmprec;
use crate::profile::apply::recorded;

/// The subcommand.
pub const COMMAND: Subcommand = super::subcommand("profile", super::command_of::<Profile>, run);

/// Work on device profiles
#[derive(Debug, Parser)]
#[command(
    name = "profile",
    after_help = "Examples:\n  tramgac profile test my-switch.yaml switch.snmprec\n  \
                  tramgac walk 192.0.2.7 .1 --format snmprec > switch.snmprec\n  \
                  tramgac profile schema > profile.schema.json\n  \
                  tramgac profile list"
)]
struct Profile {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommands)]
enum Action {
    /// Try a profile, or a folder of profiles, on recordings
    Test(Test),
    /// List the built-in profiles
    List,
    /// Print one built-in profile, to start one's own from
    Show {
        /// Its name
        name: String,
    },
    /// Print the JSON Schema of a profile, for editors
    Schema,
}

#[derive(Debug, Args)]
struct Test {
    /// A profile or a folder of profiles; they override built-in ones of the same name
    file: PathBuf,
    /// Recordings (.snmprec), as `tramgac walk --format snmprec` writes them
    #[arg(required = true)]
    recordings: Vec<PathBuf>,
    /// How to print: table for people, json one object per recording
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// The language of the table: vi or en
    #[arg(long, default_value = "en", value_name = "LANG")]
    lang: Lang,
    /// Use this profile, whether it matches or not
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// For programs
    Json,
}

fn run(matches: &ArgMatches) -> Result<Exit, Failure> {
    let Profile { action } = super::arguments(matches)?;
    match action {
        Action::Test(test) => try_on(&test),
        Action::List => {
            let set = crate::profile::load::builtin().map_err(Failure::usage)?;
            let mut text = String::new();
            for profile in set.iter() {
                let about = profile.about.as_deref().unwrap_or_default();
                if writeln!(text, "{:24} {about}", profile.name).is_err() {
                    break;
                }
            }
            print(&text)
        }
        Action::Show { name } => {
            let found = crate::profile::builtin::BUILTIN.iter().find(|(n, _)| *n == name);
            let Some((_, text)) = found else {
                return Err(Failure::usage(format!(
                    "there is no built-in profile {name:?}; `tramgac profile list` shows them"
                )));
            };
            print(text)
        }
        Action::Schema => {
            let text =
                serde_json::to_string_pretty(&crate::profile::schema::schema()).map_err(Failure::usage)?;
            print(&format!("{text}\n"))
        }
    }
}

fn print(text: &str) -> Result<Exit, Failure> {
    output::text(text).map_err(Failure::could_not_look)?;
    Ok(Exit::Ok)
}

fn try_on(test: &Test) -> Result<Exit, Failure> {
    let set = crate::profile::load::with_folder(&test.file).map_err(Failure::usage)?;
    for path in &test.recordings {
        let bytes = std::fs::read(path)
            .map_err(|e| Failure::usage(format!("can't read the recording {}: {e}", path.display())))?;
        let recording = snmprec::parse(&bytes);
        if let Some(first) = recording.skipped.first() {
            output::note(&format!(
                "{}:{first}: not understood, skipped ({} such lines)",
                path.display(),
                recording.skipped.len()
            ));
        }
        let forced = test.profile.as_deref();
        let Some(mut learnt) = recorded(&set, &recording.rows, forced) else {
            return Err(Failure::usage(format!(
                "there is no profile {:?}",
                forced.unwrap_or_default()
            )));
        };
        learnt.address = path.display().to_string();
        let text = match test.format {
            Format::Json => format!("{}\n", serde_json::to_string(&learnt).map_err(Failure::usage)?),
            Format::Table => inspect_table::render(&learnt, test.lang),
        };
        output::text(&text).map_err(Failure::could_not_look)?;
    }
    Ok(Exit::Ok)
}
