//! `tramgac ack`: a person takes note of an outage, which quiets it.

use clap::ArgMatches;
use clap::Parser;
use hyper::Method;

use super::Exit;
use super::Failure;
use super::Subcommand;
use super::database::length;
use super::database::moment;
use super::database::rfc3339;
use super::errand::Keeper;
use super::output;
use crate::clock::Clock;
use crate::clock::SystemClock;
use crate::model::IncidentId;
use crate::model::Span;
use crate::web::people::AcknowledgementBody;
use crate::web::people::AuthorBody;

/// The subcommand.
pub const COMMAND: Subcommand = super::subcommand("ack", super::command_of::<Ack>, run);

/// Take note of an outage: it is told no more
///
/// The running daemon writes it down, or this command where none runs; either
/// answers once it is on disk. The numbers of open incidents are in tramgac status
/// and in /api/v1/incidents?open=true.
#[derive(Debug, Parser)]
#[command(
    name = "ack",
    after_help = "Examples:\n  tramgac ack 42 --author lan --comment 'the provider knows, ticket 7781'\n  \
                  tramgac ack 42 --author lan --comment 'power comes back at noon' --until 2026-11-24T12:00\n  \
                  tramgac ack 42 --author lan --comment 'on my way' --for 2h\n  \
                  tramgac ack 42 --undo --author lan\n\n\
                  Exit codes: 0 it is on record; 1 the incident is not open; \
                  2 usage or configuration error; 3 neither the daemon nor the record can be reached."
)]
struct Ack {
    /// The number of the incident, as tramgac status shows it
    incident: u64,
    #[command(flatten)]
    keeper: Keeper,
    /// Who takes note, or takes it back
    #[arg(long, value_name = "NAME", env = "TRAMGAC_AUTHOR")]
    author: String,
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
}

fn run(matches: &ArgMatches) -> Result<Exit, Failure> {
    let arguments: Ack = super::arguments(matches)?;
    let errand = match arguments.keeper.errand() {
        Ok(errand) => errand,
        Err(exit) => return Ok(exit),
    };
    let id = IncidentId(arguments.incident);
    let path = format!("/api/v1/incidents/{id}/acknowledgement");
    if arguments.undo {
        let body = AuthorBody {
            author: arguments.author,
        };
        errand.run(Method::DELETE, &path, Some(&body), |_| {
            body.end_acknowledgement(id)
        })?;
        output::text(&format!("incident {id} is no longer acknowledged\n"))
            .map_err(Failure::could_not_look)?;
        return Ok(Exit::Ok);
    }
    let now = SystemClock::new().wall();
    let until = match (&arguments.until, arguments.length) {
        (Some(text), _) => Some(moment(text, &errand.config.timezone.zone, now)?),
        (None, Some(length)) => Some(now.plus(length)),
        (None, None) => None,
    };
    let body = AcknowledgementBody {
        author: arguments.author,
        comment: arguments.comment.unwrap_or_default(),
        until: until.map(Into::into),
    };
    errand.run(Method::POST, &path, Some(&body), |now| body.order(id, now))?;
    let until = until.map_or_else(
        || "until it ends".to_owned(),
        |until| format!("until {}", rfc3339(until)),
    );
    output::text(&format!("incident {id} is acknowledged {until}\n")).map_err(Failure::could_not_look)?;
    Ok(Exit::Ok)
}
