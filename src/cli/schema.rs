//! `tramgac schema`: the JSON Schema of the configuration, for editors.

use clap::ArgMatches;
use clap::Parser;

use super::Exit;
use super::Failure;
use super::Subcommand;
use super::output;
use crate::config::raw;
use crate::config::schema;

/// The subcommand.
pub const COMMAND: Subcommand = super::subcommand("schema", super::command_of::<Schema>, run);

/// Print the JSON Schema of the configuration, for editors
#[derive(Debug, Parser)]
#[command(
    name = "schema",
    after_help = "Examples:\n  tramgac schema > tramgac.schema.json\n\n\
                  Then, as the first line of tramgac.yaml:\n  \
                  # yaml-language-server: $schema=tramgac.schema.json"
)]
struct Schema {}

fn run(_: &ArgMatches) -> Result<Exit, Failure> {
    let json = serde_json::to_string_pretty(&schema::json(raw::FILE)).map_err(Failure::could_not_look)?;
    output::text(&format!("{json}\n")).map_err(Failure::could_not_look)?;
    Ok(Exit::Ok)
}
