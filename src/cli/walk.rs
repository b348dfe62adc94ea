//! `tramgac walk`: everything below an OID, as `snmpwalk -On` prints it.

use std::io::IsTerminal;

use clap::Parser;
use clap::ValueEnum;

use super::Exit;
use super::Failure;
use super::Subcommand;
use super::output;
use super::snmp_options::SnmpOptions;
use crate::clock::SystemClock;
use crate::model::snmp::Oid;
use crate::model::snmp::VarBind;
use crate::probe::snmp::Agent;
use crate::probe::snmp::Client;
use crate::probe::snmp::Finding;
use crate::probe::snmp::Limits;
use crate::probe::snmp::Order;
use crate::probe::snmp::WalkEnd;
use crate::probe::snmp::call;
use crate::probe::snmp::text;
use crate::probe::snmp::text::Described;
use crate::probe::snmp::transport::Options;

/// The subcommand.
pub const COMMAND: Subcommand = super::subcommand("walk", super::command_of::<Walk>, run);

/// Rows printed at a time; the walk goes on from the last one.
const PIECE: usize = 1000;
/// How long one piece may take.
const PIECE_TIME: std::time::Duration = std::time::Duration::from_secs(600);

/// Walk a device over SNMP
#[derive(Debug, Parser)]
#[command(
    name = "walk",
    disable_version_flag = true,
    after_help = "Examples:\n  \
        tramgac walk -c public 192.0.2.1\n  \
        tramgac walk -u nms -a sha256 -A … -x aes -X … 192.0.2.1 1.3.6.1.2.1.31.1.1\n  \
        tramgac walk -c public --format snmprec 192.0.2.1 1.3.6.1 > switch.snmprec\n\n\
        Exit codes: 0 the walk is complete; 1 it is not, or the device does not answer; \
        2 usage; 3 could not look."
)]
struct Walk {
    /// Address or name of the device, with its port if it has another than --port
    address: String,
    /// Where to begin, numeric; everything below it is read
    #[arg(default_value = "1.3.6.1.2.1")]
    oid: Oid,
    /// Output: table (as snmpwalk -On), json, jsonl (an object a line), snmprec (a recording)
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Most rows of one GETBULK; 0 or 1: GETNEXT only
    #[arg(long, default_value_t = call::MAX_REPETITIONS, value_name = "COUNT")]
    bulk: u16,
    /// Go on where the device's objects are out of order, until one comes twice
    #[arg(long)]
    any_order: bool,
    /// Stop after this many rows
    #[arg(long, default_value_t = 1_000_000, value_name = "COUNT")]
    max_rows: usize,
    #[command(flatten)]
    snmp: SnmpOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
    Jsonl,
    Snmprec,
}

/// Why there is no (complete) walk.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("{address}: {finding}")]
    Finding { address: String, finding: Finding },
    #[error(
        "{address}: the object after {last} does not come after it, so the walk ends there; --any-order goes on"
    )]
    NonIncreasing { address: String, last: String },
    #[error("{address}: stopped after {rows} rows; --max-rows allows more")]
    RowLimit { address: String, rows: usize },
    #[error("{address}: the device is too slow: the time ran out after {rows} rows")]
    Deadline { address: String, rows: usize },
}

fn run(matches: &clap::ArgMatches) -> Result<Exit, Failure> {
    let walk: Walk = super::arguments(matches)?;
    let agent = Agent {
        max_repetitions: walk.bulk,
        ..walk.snmp.agent(&walk.address)?
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(Failure::could_not_look)?;
    let options = Options {
        sockets: 1,
        ..Options::default()
    };
    let client = Client::new(&options, SystemClock::shared()).map_err(Failure::could_not_look)?;
    runtime.block_on(walk.print(&client, &agent))
}

impl Walk {
    async fn print(&self, client: &Client, agent: &Agent) -> Result<Exit, Failure> {
        let mut printer = Printer::new(self.format);
        let mut last: Option<Oid> = None;
        let mut rows = 0;
        // Whether an object came before is known within one piece only.
        let piece = if self.any_order { usize::MAX } else { PIECE };
        let live = !output::is_terminal() && std::io::stderr().is_terminal();
        let ended = loop {
            let limits = Limits {
                rows: piece.min(self.max_rows.saturating_sub(rows)),
                packets: u32::MAX,
                time: PIECE_TIME,
                order: if self.any_order {
                    Order::Any
                } else {
                    Order::Increasing
                },
            };
            let columns = std::slice::from_ref(&self.oid);
            let walk = client.walk_after(agent, columns, last.as_ref(), limits).await;
            rows += walk.rows.len();
            printer.rows(&walk.rows).map_err(Failure::could_not_look)?;
            if live && rows > 0 {
                output::progress(&format!("{rows} rows"));
            }
            last = walk.rows.last().map(|row| row.oid.clone()).or(last);
            if walk.ended != WalkEnd::RowLimit || rows >= self.max_rows {
                break walk.ended;
            }
        };
        if live && rows > 0 {
            output::progress_end();
        }
        // An OID that is itself an object has nothing below it.
        if rows == 0
            && ended == WalkEnd::Complete
            && let Ok(got) = client.get(agent, std::slice::from_ref(&self.oid)).await
        {
            let present = self.format == Format::Table || got.iter().all(|row| !row.value.is_absent());
            printer
                .rows(if present { &got } else { &[] })
                .map_err(Failure::could_not_look)?;
        }
        printer.end().map_err(Failure::could_not_look)?;
        self.judge(agent, ended, last, rows)
    }

    fn judge(&self, agent: &Agent, ended: WalkEnd, last: Option<Oid>, rows: usize) -> Result<Exit, Failure> {
        let address = agent.address.to_string();
        let problem = match ended {
            WalkEnd::Complete => return Ok(Exit::Ok),
            WalkEnd::NonIncreasing => Problem::NonIncreasing {
                address,
                last: last.unwrap_or_else(|| self.oid.clone()).to_string(),
            },
            WalkEnd::RowLimit | WalkEnd::PacketLimit => Problem::RowLimit { address, rows },
            WalkEnd::Deadline => Problem::Deadline { address, rows },
            WalkEnd::Finding(finding @ (Finding::CouldNotSend(_) | Finding::Stopped)) => {
                return Err(Failure::could_not_look(Problem::Finding { address, finding }));
            }
            WalkEnd::Finding(finding) => Problem::Finding { address, finding },
        };
        Err(Failure {
            exit: Exit::NotFine,
            error: problem.into(),
        })
    }
}

/// Prints rows as they come.
struct Printer {
    format: Format,
    printed: usize,
}

impl Printer {
    fn new(format: Format) -> Self {
        Self { format, printed: 0 }
    }

    fn rows(&mut self, rows: &[VarBind]) -> std::io::Result<()> {
        let mut bytes = Vec::new();
        for row in rows {
            match self.format {
                Format::Table => {
                    bytes.extend(text::numeric(row));
                    bytes.push(b'\n');
                }
                Format::Snmprec => {
                    if let Some(line) = text::snmprec(row) {
                        bytes.extend(line.into_bytes());
                        bytes.push(b'\n');
                    }
                }
                Format::Jsonl => {
                    bytes.extend(json(row).into_bytes());
                    bytes.push(b'\n');
                }
                Format::Json => {
                    bytes.extend_from_slice(if self.printed == 0 { b"[\n  " } else { b",\n  " });
                    bytes.extend(json(row).into_bytes());
                }
            }
            self.printed += 1;
        }
        output::bytes(&bytes)
    }

    fn end(&self) -> std::io::Result<()> {
        match self.format {
            Format::Json if self.printed == 0 => output::text("[]\n"),
            Format::Json => output::text("\n]\n"),
            Format::Table | Format::Jsonl | Format::Snmprec => Ok(()),
        }
    }
}

/// One row: its OID, its type, its value.
fn json(row: &VarBind) -> String {
    let (kind, value) = text::described(&row.value);
    let value = match value {
        Described::Number(n) => n.to_string(),
        Described::Text(text) => serde_json::Value::String(text).to_string(),
        Described::Nothing => "null".to_owned(),
    };
    format!(r#"{{"oid":"{}","type":"{kind}","value":{value}}}"#, row.oid)
}
