//! The command line: one file per subcommand, one line each in [`COMMANDS`].

pub mod ack;
pub mod alert;
pub mod backup;
pub mod check;
pub mod client;
pub mod completions;
pub mod config_file;
pub mod database;
pub mod demo;
pub mod errand;
pub mod export;
pub mod inspect;
mod inspect_table;
pub mod lab;
pub mod maintenance;
pub mod man;
pub mod output;
pub mod ping;
pub mod profile;
pub mod reclassify;
pub mod record;
pub mod report;
pub mod restore;
pub mod run;
pub mod schema;
pub mod silence;
pub mod snmp_options;
pub mod status;
pub mod walk;
mod windows;

use std::process::ExitCode;

use clap::{ArgMatches, Command, CommandFactory, FromArgMatches};

/// How a command ended, for scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Fine.
    Ok,
    /// The thing asked about is not fine: a target down, a difference found.
    NotFine,
    /// Usage or configuration error.
    Usage,
    /// Could not look: no permission, no route, no database.
    CouldNotLook,
}

impl Exit {
    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::NotFine => 1,
            Self::Usage => 2,
            Self::CouldNotLook => 3,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command could not do its work: what, why, what to do; printed once by [`main`].
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What went wrong; its sources are printed below it.
    pub error: Box<dyn std::error::Error + Send + Sync>,
}

impl Failure {
    /// A usage or configuration error.
    pub fn usage(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            exit: Exit::Usage,
            error: error.into(),
        }
    }

    /// We could not look.
    pub fn could_not_look(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            exit: Exit::CouldNotLook,
            error: error.into(),
        }
    }
}

/// One subcommand.
pub struct Subcommand {
    /// Its word.
    pub name: &'static str,
    /// Describes its arguments.
    pub command: fn() -> Command,
    /// Does it.
    pub run: fn(&ArgMatches) -> Result<Exit, Failure>,
}

/// Every subcommand, sorted by name.
pub static COMMANDS: &[Subcommand] = &[
    ack::COMMAND,
    alert::COMMAND,
    backup::COMMAND,
    check::COMMAND,
    completions::COMMAND,
    demo::COMMAND,
    export::COMMAND,
    inspect::COMMAND,
    lab::COMMAND,
    maintenance::COMMAND,
    man::COMMAND,
    ping::COMMAND,
    profile::COMMAND,
    reclassify::COMMAND,
    report::COMMAND,
    restore::COMMAND,
    run::COMMAND,
    schema::COMMAND,
    silence::COMMAND,
    status::COMMAND,
    walk::COMMAND,
];

/// Makes a [`Subcommand`] of a clap `Args` struct and a function.
pub const fn subcommand(
    name: &'static str,
    command: fn() -> Command,
    run: fn(&ArgMatches) -> Result<Exit, Failure>,
) -> Subcommand {
    Subcommand { name, command, run }
}

/// The clap command of a derived parser, for [`Subcommand::command`].
pub fn command_of<T: CommandFactory>() -> Command {
    T::command()
}

/// The arguments of a derived parser, for [`Subcommand::run`].
///
/// # Errors
/// A usage failure when the matches do not fit, which clap has checked before.
pub fn arguments<T: FromArgMatches>(matches: &ArgMatches) -> Result<T, Failure> {
    T::from_arg_matches(matches).map_err(Failure::usage)
}

/// The whole command line, for parsing, completions and man pages.
pub fn command() -> Command {
    Command::new("tramgac")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A watch post for IT infrastructure: inventory, reachability, metrics, alerts and reports")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .after_help(
            "Exit codes: 0 fine; 1 the thing asked about is not fine; 2 usage or configuration error; 3 could not look.",
        )
        .subcommands(COMMANDS.iter().map(|c| (c.command)()))
}

/// Parses the arguments, runs the subcommand, prints its failure.
pub fn main() -> ExitCode {
    let matches = match command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => {
            let code = if error.use_stderr() { Exit::Usage } else { Exit::Ok };
            output::clap(&error);
            return code.into();
        }
    };
    let Some((name, inner)) = matches.subcommand() else {
        return Exit::Usage.into();
    };
    let Some(found) = COMMANDS.iter().find(|c| c.name == name) else {
        return Exit::Usage.into();
    };
    match (found.run)(inner) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output::failure(&*failure.error);
            failure.exit.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent_and_sorted() {
        command().debug_assert();
        assert!(COMMANDS.is_sorted_by_key(|c| c.name));
        for c in COMMANDS {
            assert_eq!((c.command)().get_name(), c.name);
        }
    }
}
