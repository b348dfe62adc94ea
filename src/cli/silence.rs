//! `tramgac silence`: quiet a selection for a time, without calling it maintenance.

use clap::ArgMatches;
use clap::Parser;
use clap::Subcommand as Verbs;

use super::Exit;
use super::Failure;
use super::Subcommand;
use super::windows;
use super::windows::Add;
use super::windows::End;
use super::windows::List;
use crate::monitor::maintain::Effect;

/// The subcommand.
pub const COMMAND: Subcommand = super::subcommand("silence", super::command_of::<Command>, run);

/// Silence a selection for a time: its outages are not told
///
/// They are recorded and count as ever: for what is known and will be borne with.
/// The end of an outage that was told before is told all the same; one that still
/// lasts when the silence ends is told then. For planned work see tramgac maintenance.
#[derive(Debug, Parser)]
#[command(
    name = "silence",
    after_help = "Examples:\n  tramgac silence add --device cam-3 --for 7d --reason 'a new one is ordered' --author lan\n  \
                  tramgac silence add --site thuong-cuu --to 2026-12-01 --reason 'line repair, ticket 7781' --author lan\n  \
                  tramgac silence list\n  \
                  tramgac silence end s3 --author lan\n\n\
                  Exit codes: 0 it is on record; 1 it is refused: there is no such one, or nothing fits; \
                  2 usage or configuration error; 3 neither the daemon nor the record can be reached."
)]
struct Command {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Verbs)]
enum Verb {
    /// Silence a selection until a moment
    #[command(
        after_help = "Every option that chooses must fit; of one that is given several times, one value.\n\n\
                      Examples:\n  tramgac silence add --device cam-3 --for 7d --reason 'a new one is ordered' --author lan\n  \
                      tramgac silence add --area xa-kha-cuu --class wifi_ap --from 2026-11-28T20:00 --for 12h \
                      --reason 'storm' --author lan"
    )]
    Add(Box<Add>),
    /// List those that are open or ahead
    #[command(after_help = "Examples:\n  tramgac silence list\n  tramgac silence list --all --format json")]
    List(List),
    /// End a silence before its time
    #[command(after_help = "Examples:\n  tramgac silence end s3 --author lan")]
    End(End),
}

fn run(matches: &ArgMatches) -> Result<Exit, Failure> {
    let arguments: Command = super::arguments(matches)?;
    match arguments.verb {
        Verb::Add(add) => windows::add(&add, Effect::Silence),
        Verb::List(list) => windows::list(&list, Effect::Silence),
        Verb::End(end) => windows::end(&end, Effect::Silence),
    }
}
