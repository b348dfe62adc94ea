//! `tramgac man`: manual pages, one for each command.

use std::fs;
use std::path::PathBuf;

use clap::ArgMatches;
use clap::Parser;
use clap_mangen::Man;

use super::Exit;
use super::Failure;
use super::Subcommand;
use super::output;

/// The subcommand.
pub const COMMAND: Subcommand = super::subcommand("man", super::command_of::<Manual>, run);

/// Print the manual page, or write one for each command
#[derive(Debug, Parser)]
#[command(
    name = "man",
    after_help = "Examples:\n  tramgac man | man -l -\n  tramgac man /usr/local/share/man/man1"
)]
struct Manual {
    /// Write tramgac.1, tramgac-check.1, … into this folder
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

fn run(matches: &ArgMatches) -> Result<Exit, Failure> {
    let arguments: Manual = super::arguments(matches)?;
    let command = super::command();
    match arguments.folder {
        None => {
            let mut page = Vec::new();
            Man::new(command)
                .render(&mut page)
                .map_err(Failure::could_not_look)?;
            output::bytes(&page).map_err(Failure::could_not_look)?;
        }
        Some(folder) => {
            fs::create_dir_all(&folder).map_err(Failure::could_not_look)?;
            clap_mangen::generate_to(command, &folder).map_err(Failure::could_not_look)?;
        }
    }
    Ok(Exit::Ok)
}
