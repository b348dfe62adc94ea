//! `tramgac inspect`: everything that the daemon would learn of one device.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use clap::ValueEnum;

use super::Exit;
use super::Failure;
use super::Subcommand;
use super::inspect_table;
use super::output;
use super::snmp_options::SnmpOptions;
use crate::clock::SystemClock;
use crate::i18n::Lang;
use crate::model::Outcome;
use crate::probe::snmp::Client;
use crate::probe::snmp::poll::Polled;
use crate::probe::snmp::poll::Poller;
use crate::probe::snmp::poll::State;
use crate::probe::snmp::poll::Subject;
use crate::probe::snmp::poll::address_text;
use crate::probe::snmp::transport::Options;
use crate::profile::Library;
use crate::profile::What;

/// The subcommand.
pub const COMMAND: Subcommand = super::subcommand("inspect", super::command_of::<Inspect>, run);

/// Ask one device over SNMP everything that the daemon would learn
#[derive(Debug, Parser)]
#[command(
    name = "inspect",
    disable_version_flag = true,
    after_help = "Examples:\n  \
        tramgac inspect -c public 192.0.2.1\n  \
        tramgac inspect -u nms -a sha256 -A … -x aes -X … --format json 192.0.2.1\n  \
        tramgac inspect -c public --profiles ./my-profiles 192.0.2.1\n\n\
        Exit codes: 0 it answered; 1 it did not; 2 usage; 3 could not look (no permission, no route)."
)]
struct Inspect {
    /// Address or name of the device, with its port if it has another than --port
    address: String,
    /// How to print: table for people, json one object
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Further device profiles: a folder, or one file; they override built-in ones
    #[arg(long, value_name = "PATH")]
    profiles: Option<PathBuf>,
    /// How long the whole may take, in seconds
    #[arg(long, default_value_t = 110, value_name = "SECONDS")]
    deadline: u64,
    /// The language of the table: vi or en
    #[arg(long, default_value = "en", value_name = "LANG")]
    lang: Lang,
    #[command(flatten)]
    snmp: SnmpOptions,
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// For programs
    Json,
}

fn run(matches: &clap::ArgMatches) -> Result<Exit, Failure> {
    let inspect: Inspect = super::arguments(matches)?;
    let library = Library::open(inspect.profiles.as_deref()).map_err(Failure::usage)?;
    let agent = inspect.snmp.agent(&inspect.address)?;
    let subject = Subject {
        timeout: agent.timeout,
        retries: agent.retries,
        accept_other_source: agent.accept_other_source,
        deadline: Duration::from_secs(inspect.deadline),
        ..Subject::new(agent.address, vec![Arc::clone(&agent.credential)])
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(Failure::could_not_look)?;
    let options = Options {
        sockets: 1,
        ..Options::default()
    };
    let clock = SystemClock::shared();
    let client = Client::new(&options, Arc::clone(&clock)).map_err(Failure::could_not_look)?;
    let poller = Poller::new(client, Arc::clone(library.set()), clock);
    let mut state = State::default();
    let mut polled = runtime.block_on(poller.poll(&subject, &mut state, What::Inventory));
    polled.learnt.address = address_text(subject.address);
    let exit = exit_of(&polled);
    let text = match inspect.format {
        Format::Json => format!(
            "{}\n",
            serde_json::to_string_pretty(&polled.learnt).map_err(Failure::could_not_look)?
        ),
        Format::Table if polled.learnt.reached => inspect_table::render(&polled.learnt, inspect.lang),
        Format::Table => String::new(),
    };
    output::text(&text).map_err(Failure::could_not_look)?;
    if let (Some(finding), Format::Table) = (&polled.finding, inspect.format) {
        return Err(Failure {
            exit,
            error: format!("{}: {finding}", polled.learnt.address).into(),
        });
    }
    Ok(exit)
}

fn exit_of(polled: &Polled) -> Exit {
    match (&polled.outcome, polled.learnt.reached) {
        (_, true) => Exit::Ok,
        (Outcome::Blind(_), _) => Exit::CouldNotLook,
        (Outcome::Good | Outcome::Bad(_), false) => Exit::NotFine,
    }
}
