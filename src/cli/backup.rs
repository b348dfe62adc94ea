//! `tramgac backup`: a checked copy of the record, while the daemon runs.

use std::path::PathBuf;

use clap::ArgMatches;
use clap::Parser;
use clap::ValueEnum;

use super::Exit;
use super::Failure;
use super::Subcommand;
use super::database::Database;
use super::output;
use crate::clock::SystemClock;
use crate::store::backup::BackupOptions;
use crate::store::backup::Copied;
use crate::store::backup::folder_beside;
use crate::store::backup::run as copy;

/// The subcommand.
pub const COMMAND: Subcommand = super::subcommand("backup", super::command_of::<Backup>, run);

/// Copy the database while the daemon runs, check the copy, delete the oldest ones
#[derive(Debug, Parser)]
#[command(
    name = "backup",
    after_help = "Examples:\n  tramgac backup -c tramgac.yaml\n  \
                  tramgac backup --database /var/lib/tramgac/tramgac.db --folder /mnt/usb --keep 30\n\n\
                  Exit codes: 0 a checked copy is there; 2 usage; 3 it could not be made."
)]
struct Backup {
    #[command(flatten)]
    database: Database,
    /// The folder for copies; without it `backup.directory` of the configuration, else `backup` beside the database
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// How many copies to keep; without it `backup.keep` of the configuration, else 7
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    keep: Option<u16>,
    /// How to print what was done
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// One JSON object
    Json,
}

fn run(matches: &ArgMatches) -> Result<Exit, Failure> {
    let arguments: Backup = super::arguments(matches)?;
    let located = match arguments.database.locate() {
        Ok(located) => located,
        Err(exit) => return Ok(exit),
    };
    let configured = located.config.as_ref().map(|c| &c.backup);
    let beside = folder_beside(&located.path);
    let options = BackupOptions {
        folder: arguments
            .folder
            .or_else(|| configured.and_then(|b| b.directory.clone()))
            .unwrap_or(beside),
        keep: arguments
            .keep
            .map(usize::from)
            .or_else(|| configured.map(|b| b.keep))
            .unwrap_or(7),
    };
    let copied = copy(&located.path, &options, &SystemClock::new()).map_err(Failure::could_not_look)?;
    output::text(&told(&copied, arguments.format)).map_err(Failure::could_not_look)?;
    Ok(Exit::Ok)
}

fn told(copied: &Copied, format: Format) -> String {
    let Copied {
        path,
        bytes,
        took,
        rows,
        deleted,
    } = copied;
    match format {
        Format::Json => {
            let object = serde_json::json!({
                "path": path,
                "bytes": bytes,
                "seconds": took.as_secs_f64(),
                "rows": rows,
                "deleted": deleted,
            });
            format!("{object}\n")
        }
        Format::Table => {
            let total: u64 = rows.values().sum();
            let mut text = format!(
                "{} ({bytes} bytes, {total} rows in {} tables, checked, {:.1} s)\n",
                path.display(),
                rows.len(),
                took.as_secs_f64()
            );
            text.extend(deleted.iter().map(|old| format!("deleted {}\n", old.display())));
            text
        }
    }
}
