//! `tramgac run`: the daemon.

use clap::ArgMatches;
use clap::Parser;
use tracing_subscriber::EnvFilter;

use super::Exit;
use super::Failure;
use super::Subcommand;
use super::arguments;
use super::command_of;
use super::config_file::ConfigFile;
use super::subcommand;
use crate::clock::SystemClock;
use crate::config::secret::Env;
use crate::daemon;
use crate::daemon::StartError;
use crate::daemon::Startup;
use crate::profile;

/// This subcommand.
pub const COMMAND: Subcommand = subcommand("run", command_of::<Arguments>, run);

/// The daemon: watches what the configuration names, until it is told to stop.
///
/// SIGHUP reads the configuration again; SIGTERM and Ctrl-C stop, with everything committed.
#[derive(Parser)]
#[command(
    name = "run",
    after_help = "Examples:\n  tramgac run -c /etc/tramgac/config.yaml\n  tramgac run -c config.example.yaml --log debug"
)]
struct Arguments {
    #[command(flatten)]
    config: ConfigFile,
    /// Least level that is logged: error, warn, info, debug, trace, or a filter like `tramgac::store=debug,info`;
    /// without it `log.level` of the configuration
    #[arg(long, value_name = "LEVEL")]
    log: Option<String>,
    /// Log as JSON, one object a line
    #[arg(long)]
    log_json: bool,
}

fn run(matches: &ArgMatches) -> Result<Exit, Failure> {
    let Arguments {
        config,
        log,
        log_json,
    } = arguments(matches)?;
    // Beside a long configuration. Where no thread can be had, they are read when they are asked for.
    drop(std::thread::Builder::new().spawn(profile::load::read_ahead));
    // Every mistake is printed with its line before anything is opened.
    let read = match config.load() {
        Ok(read) => read,
        Err(exit) => return Ok(exit),
    };
    let level = log.unwrap_or_else(|| read.log.level.clone());
    start_log(&level, log_json || read.log.json)?;
    let startup = Startup {
        config: config.path,
        read: Some(read),
        env: Env::of_process(),
        clock: SystemClock::shared(),
        socket: None,
        notice: None,
        ready: None,
    };
    daemon::run(startup).map_err(failure)?;
    Ok(Exit::Ok)
}

/// What a failed start means for scripts.
pub(super) fn failure(error: StartError) -> Failure {
    if error.is_usage() {
        Failure::usage(error)
    } else {
        Failure::could_not_look(error)
    }
}

/// Sends the log to standard error; under systemd without times, which the journal adds.
pub(super) fn start_log(level: &str, json: bool) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(level).map_err(Failure::usage)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false);
    let result = if json {
        builder.json().try_init()
    } else if std::env::var_os("JOURNAL_STREAM").is_some() {
        builder.without_time().with_ansi(false).try_init()
    } else {
        let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
        builder.with_ansi(ansi).try_init()
    };
    result.map_err(Failure::could_not_look)
}
