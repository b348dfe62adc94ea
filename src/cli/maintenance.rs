//! `tramgac maintenance`: announce, list and end maintenance windows by hand.

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
                  tramgac maintenance end m3 --author lan\n\n\
                  Exit codes: 0 it is on record; 1 it is refused: there is no such one, or nothing fits; \
                  2 usage or configuration error; 3 neither the daemon nor the record can be reached."
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
    /// List those that are open or ahead
    #[command(
        after_help = "Examples:\n  tramgac maintenance list\n  tramgac maintenance list --all --format json"
    )]
    List(List),
    /// End a window that was set by hand, before its time
    #[command(after_help = "Examples:\n  tramgac maintenance end m3 --author lan")]
    End(End),
}

fn run(matches: &ArgMatches) -> Result<Exit, Failure> {
    let arguments: Command = super::arguments(matches)?;
    match arguments.verb {
        Verb::Add(add) => windows::add(&add, Effect::Maintenance),
        Verb::List(list) => windows::list(&list, Effect::Maintenance),
        Verb::End(end) => windows::end(&end, Effect::Maintenance),
    }
}
