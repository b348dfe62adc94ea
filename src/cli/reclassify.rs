//! `tramgac reclassify`: a person says afterwards what an outage was.

use std::path::PathBuf;

use clap::ArgMatches;
use clap::Parser;
use clap::builder::PossibleValuesParser;
use hyper::Method;

use super::Exit;
use super::Failure;
use super::Subcommand;
use super::client;
use super::config_file::ConfigFile;
use super::output;
use super::record;
use crate::monitor::incident::IncidentClass;
use crate::web::people::ClassBody;

/// The subcommand.
pub const COMMAND: Subcommand = super::subcommand("reclassify", super::command_of::<Reclassify>, run);

/// Say afterwards what an outage was: planned work, a power cut, the provider's fault
///
/// Availability is worked out anew with it: planned counts as maintenance, exempt
/// is left out. Each time stays on record with its author; the newest holds.
#[derive(Debug, Parser)]
#[command(
    name = "reclassify",
    after_help = "Examples:\n  tramgac reclassify 42 --as power --author lan --comment 'line 35 kV cut, notice 118/TB'\n  \
                  tramgac reclassify 42 --as planned --author lan --comment 'switch replaced, forgot the window'\n\n\
                  Exit codes: 0 it is on record; 1 there is no such incident, or the daemon refuses; \
                  2 usage or configuration error; 3 no daemon runs, or it can't be asked."
)]
struct Reclassify {
    /// The number of the incident, open or ended
    incident: u64,
    #[command(flatten)]
    config: ConfigFile,
    /// What it was
    #[arg(long = "as", id = "class", value_name = "CLASS", value_parser = classes())]
    class: String,
    /// Who says so
    #[arg(long, value_name = "NAME", env = "TRAMGAC_AUTHOR")]
    author: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    comment: String,
    /// The daemon's socket [default: control.sock beside the database]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

fn classes() -> PossibleValuesParser {
    PossibleValuesParser::new(IncidentClass::ALL.map(|(_, word)| word))
}

fn run(matches: &ArgMatches) -> Result<Exit, Failure> {
    let arguments: Reclassify = super::arguments(matches)?;
    let config = match arguments.config.load() {
        Ok(config) => config,
        Err(exit) => return Ok(exit),
    };
    let socket = arguments
        .socket
        .unwrap_or_else(|| record::socket(&config.database));
    let told = format!(
        "incident {} is on record as {}\n",
        arguments.incident, arguments.class
    );
    let body = ClassBody {
        class: arguments.class,
        author: arguments.author,
        comment: arguments.comment,
    };
    let body = serde_json::to_value(body).map_err(Failure::usage)?;
    let path = format!("/api/v1/incidents/{}/class", arguments.incident);
    client::ask(&socket, Method::POST, &path, Some(&body))?;
    output::text(&told).map_err(Failure::could_not_look)?;
    Ok(Exit::Ok)
}
