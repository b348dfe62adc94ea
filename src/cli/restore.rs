//! `tramgac restore`: puts a copy of the record in its place.

use std::path::PathBuf;

use clap::ArgMatches;
use clap::Parser;

use super::Exit;
use super::Failure;
use super::Subcommand;
use super::database::Database;
use super::database::rfc3339;
use super::output;
use crate::clock::SystemClock;
use crate::store::backup::restore;

/// The subcommand.
pub const COMMAND: Subcommand = super::subcommand("restore", super::command_of::<Restore>, run);

/// Put a backup in the place of the database; the replaced database is kept beside it
#[derive(Debug, Parser)]
#[command(
    name = "restore",
    after_help = "Examples:\n  systemctl stop tramgac\n  \
                  tramgac restore -c tramgac.yaml backup/tramgac-20261124T054152Z.db\n  \
                  systemctl start tramgac\n\n\
                  The file is checked before anything is touched. Refused while the daemon runs.\n\n\
                  Exit codes: 0 restored; 2 usage; 3 refused or failed, and nothing was changed."
)]
struct Restore {
    /// The backup to take
    file: PathBuf,
    #[command(flatten)]
    database: Database,
}

fn run(matches: &ArgMatches) -> Result<Exit, Failure> {
    let arguments: Restore = super::arguments(matches)?;
    let located = match arguments.database.locate() {
        Ok(located) => located,
        Err(exit) => return Ok(exit),
    };
    let done =
        restore(&located.path, &arguments.file, &SystemClock::new()).map_err(Failure::could_not_look)?;
    let total: u64 = done.rows.values().sum();
    let mut text = format!(
        "restored {} ({total} rows in {} tables, checked)\n",
        located.path.display(),
        done.rows.len()
    );
    text.extend(
        done.alive_at
            .map(|at| format!("the record is complete up to {}\n", rfc3339(at))),
    );
    text.extend(
        done.replaced
            .map(|kept| format!("the replaced database is kept as {}\n", kept.display())),
    );
    output::text(&text).map_err(Failure::could_not_look)?;
    Ok(Exit::Ok)
}
