//! `tramgac completions`: what a shell needs to complete the command line.

use clap::ArgMatches;
use clap::Parser;
use clap_complete::Shell;

use super::Exit;
use super::Failure;
use super::Subcommand;
use super::output;

/// The subcommand.
pub const COMMAND: Subcommand = super::subcommand("completions", super::command_of::<Completions>, run);

/// Print a script by which a shell completes the command line
#[derive(Debug, Parser)]
#[command(
    name = "completions",
    after_help = "Examples:\n  \
                  tramgac completions bash > ~/.local/share/bash-completion/completions/tramgac\n  \
                  tramgac completions zsh > ~/.zfunc/_tramgac\n  \
                  tramgac completions fish > ~/.config/fish/completions/tramgac.fish"
)]
struct Completions {
    /// Which shell
    shell: Shell,
}

fn run(matches: &ArgMatches) -> Result<Exit, Failure> {
    let arguments: Completions = super::arguments(matches)?;
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::command(), "tramgac", &mut script);
    output::bytes(&script).map_err(Failure::could_not_look)?;
    Ok(Exit::Ok)
}
