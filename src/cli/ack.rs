//! `tramgac ack`: a person takes note of an outage, which quiets it.

use std::path::PathBuf;

use clap::ArgMatches;
use clap::Parser;
use hyper::Method;

use super::Exit;
use super::Failure;
use super::Subcommand;
use super::client;
use super::config_file::ConfigFile;
use super::database::length;
use super::database::moment;
use super::database::rfc3339;
use super::output;
use super::record;
use crate::clock::Clock;
use crate::clock::SystemClock;
use crate::model::Span;
use crate::web::people::AcknowledgementBody;

/// The subcommand.
pub const COMMAND: Subcommand = super::subcommand("ack", super::command_of::<Ack>, run);

/// Take note of an outage: it is told no more
///
/// The running daemon writes it down, and answers once it is on disk. The numbers
/// of open incidents are in tramgac status and in /api/v1/incidents?open=true.
#[derive(Debug, Parser)]
#[command(
    name = "ack",
    after_help = "Examples:\n  tramgac ack 42 --author lan --comment 'the provider knows, ticket 7781'\n  \
                  tramgac ack 42 --author lan --comment 'power comes back at noon' --until 2026-11-24T12:00\n  \
                  tramgac ack 42 --author lan --comment 'on my way' --for 2h\n  \
                  tramgac ack 42 --undo\n\n\
                  Exit codes: 0 it is on record; 1 the incident is not open, or the daemon refuses; \
                  2 usage or configuration error; 3 no daemon runs, or it can't be asked."
)]
struct Ack {
    /// The number of the incident, as tramgac status shows it
    incident: u64,
    #[command(flatten)]
    config: ConfigFile,
    /// Who takes note
    #[arg(
        long,
        value_name = "NAME",
        env = "TRAMGAC_AUTHOR",
        required_unless_present = "undo"
    )]
    author: Option<String>,
    /// What is known, or being done
    #[arg(long, value_name = "TEXT", required_unless_present = "undo")]
    comment: Option<String>,
    /// Until this moment: 2026-11-24T12:00; without it until the outage ends
    #[arg(long, value_name = "TIME", conflicts_with = "length")]
    until: Option<String>,
    /// For so long: 90m, 2h, 3d
    #[arg(long = "for", id = "length", value_name = "LENGTH", value_parser = length)]
    length: Option<Span>,
    /// Take the acknowledgement back
    #[arg(long, conflicts_with_all = ["comment", "until", "length"])]
    undo: bool,
    /// The daemon's socket [default: control.sock beside the database]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

fn run(matches: &ArgMatches) -> Result<Exit, Failure> {
    let arguments: Ack = super::arguments(matches)?;
    let config = match arguments.config.load() {
        Ok(config) => config,
        Err(exit) => return Ok(exit),
    };
    let socket = arguments
        .socket
        .unwrap_or_else(|| record::socket(&config.database));
    let path = format!("/api/v1/incidents/{}/acknowledgement", arguments.incident);
    if arguments.undo {
        client::ask(&socket, Method::DELETE, &path, None)?;
        let told = format!("incident {} is no longer acknowledged\n", arguments.incident);
        output::text(&told).map_err(Failure::could_not_look)?;
        return Ok(Exit::Ok);
    }
    let now = SystemClock::new().wall();
    let until = match (&arguments.until, arguments.length) {
        (Some(text), _) => Some(moment(text, &config.timezone.zone, now)?),
        (None, Some(length)) => Some(now.plus(length)),
        (None, None) => None,
    };
    let body = AcknowledgementBody {
        author: arguments.author.unwrap_or_default(),
        comment: arguments.comment.unwrap_or_default(),
        until: until.map(Into::into),
    };
    let body = serde_json::to_value(body).map_err(Failure::usage)?;
    client::ask(&socket, Method::POST, &path, Some(&body))?;
    let until = until.map_or_else(
        || "until it ends".to_owned(),
        |until| format!("until {}", rfc3339(until)),
    );
    let told = format!("incident {} is acknowledged {until}\n", arguments.incident);
    output::text(&told).map_err(Failure::could_not_look)?;
    Ok(Exit::Ok)
}
