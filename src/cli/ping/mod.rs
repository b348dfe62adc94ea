//! `tramgac ping`: the ICMP engine by hand, for people who know fping.

mod show;
mod targets;
mod trace;
mod watch;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::ArgAction;
use clap::Parser;
use clap::ValueEnum;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;

use super::Exit;
use super::Failure;
use super::Subcommand;
use super::output;
use crate::clock::SharedClock;
use crate::clock::SystemClock;
use crate::model::Span;
use crate::probe::icmp::Header;
use crate::probe::icmp::MAX_SIZE;
use crate::probe::icmp::MAX_TIMEOUT;
use crate::probe::icmp::MIN_SIZE;
use crate::probe::icmp::Options;
use crate::probe::icmp::raw::SocketOptions;
use crate::probe::icmp::raw::SystemSocket;
use crate::probe::icmp::socket::Mode;
use crate::probe::icmp::worker;
use crate::probe::icmp::worker::Handle;
use crate::probe::icmp::worker::Results;
use crate::probe::icmp::worker::Seed;

/// The subcommand.
pub const COMMAND: Subcommand = super::subcommand("ping", super::command_of::<Ping>, run);

/// Above this many requests a second a ping is a flood; asked for with --yes only.
const FLOOD_RATE: u32 = 10_000;
/// Shorter periods towards one target are a flood, too.
const FLOOD_PERIOD: Span = Span::from_millis(10);

/// Ask whether hosts answer, and how fast
#[derive(Debug, Parser)]
#[command(
    name = "ping",
    disable_version_flag = true,
    disable_help_flag = true,
    after_help = "Examples:\n  \
        tramgac ping 192.0.2.1 portal.example.vn\n  \
        tramgac ping --count 10 --period 200ms 192.0.2.1\n  \
        tramgac ping -a 10.20.0.0/24               only the addresses that answer\n  \
        tramgac ping 10.20.0.10-10.20.0.40         a range\n  \
        tramgac ping -u -f hosts.txt               only those that do not\n  \
        tramgac ping --trace portal.example.vn     where on the way does it break?\n  \
        tramgac ping --format json - < hosts.txt\n\n\
        Exit codes: 0 all answer; 1 at least one does not; 2 usage; 3 could not look \
        (no permission, no route, a name that does not resolve)."
)]
struct Ping {
    /// Addresses, names, networks (10.0.0.0/24), ranges (10.0.0.1-10.0.0.9), or - for standard input
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,
    /// Read targets from a file, one or several a line, # begins a comment; - is standard input
    #[arg(short, long, value_name = "FILE")]
    file: Vec<PathBuf>,
    /// Echo requests to each target
    #[arg(short, long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
    /// Least time between two requests to whatever targets; default: what --max-rate allows
    #[arg(short, long, value_name = "TIME", value_parser = span)]
    interval: Option<Span>,
    /// Time between two requests to one target; the next waits for the answer or the timeout of the last
    #[arg(short, long, default_value = "500ms", value_name = "TIME", value_parser = span)]
    period: Span,
    /// How long to wait for each reply, at most 40s
    #[arg(short, long, default_value = "1s", value_name = "TIME", value_parser = timeout)]
    timeout: Span,
    /// Bytes of payload in each request
    #[arg(short = 'b', long, default_value_t = 56, value_name = "BYTES", value_parser = clap::value_parser!(u16).range(i64::from(MIN_SIZE)..=i64::from(MAX_SIZE)))]
    size: u16,
    /// Address of this host to send from
    #[arg(short = 'S', long, value_name = "ADDRESS")]
    source: Option<IpAddr>,
    /// Interface to send through
    #[arg(short = 'I', long, value_name = "NAME")]
    interface: Option<String>,
    /// Time to live of the requests
    #[arg(short = 'H', long, value_name = "HOPS", value_parser = clap::value_parser!(u8).range(1..))]
    ttl: Option<u8>,
    /// Type of service (traffic class) of the requests
    #[arg(short = 'O', long, value_name = "BYTE")]
    tos: Option<u8>,
    /// Forbid fragmentation
    #[arg(short = 'M', long)]
    dont_fragment: bool,
    /// Use IPv4 only
    #[arg(short = '4', long, conflicts_with = "ipv6")]
    ipv4: bool,
    /// Use IPv6 only
    #[arg(short = '6', long)]
    ipv6: bool,
    /// Ping every address of a name, not just the first
    #[arg(short = 'm', long)]
    all_addresses: bool,
    /// Print only the targets that answer, one a line; each is asked until it does
    #[arg(short, long, conflicts_with_all = ["unreachable", "trace"])]
    alive: bool,
    /// Print only the targets that do not answer, one a line; each is asked until it does
    #[arg(short, long, conflicts_with = "trace")]
    unreachable: bool,
    /// Show the path: who answers at each hop, with loss and times
    #[arg(short = 'T', long)]
    trace: bool,
    /// Hops to look at with --trace
    #[arg(long, default_value_t = 30, value_name = "HOPS", value_parser = clap::value_parser!(u8).range(1..))]
    max_hops: u8,
    /// Requests per second in all
    #[arg(long, default_value_t = 500, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_rate: u32,
    /// Requests per second into one subnet (IPv4 /24, IPv6 /64), at most 3 at once; 0: no limit
    #[arg(long, default_value_t = 100, value_name = "N")]
    subnet_rate: u32,
    /// Do what would be refused: more than 4,096 targets, above 10,000 requests a second
    #[arg(long)]
    yes: bool,
    /// No lines while it runs
    #[arg(short, long)]
    quiet: bool,
    /// Output of the results
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// fping's word for networks and ranges: two addresses are the ends of a range
    #[arg(short, long, hide = true)]
    generate: bool,
    /// Which socket to use; auto: raw, else datagram
    #[arg(long, value_enum, default_value_t = Kind::Auto, hide = true)]
    socket: Kind,
    /// Print help
    #[arg(short = 'h', long, action = ArgAction::Help)]
    help: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// One array of objects
    Json,
    /// An object a line
    Jsonl,
    /// Comma separated, with a heading
    Csv,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Auto,
    Raw,
    Datagram,
}

/// Why it can't be done as asked.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("{rate} requests per second are a flood; at most {FLOOD_RATE} without --yes")]
    Rate { rate: u32 },
    #[error("a request to each target every {period:?} is a flood; at least {FLOOD_PERIOD:?} without --yes")]
    Period { period: Span },
    #[error("there is no interface called {name} on this host")]
    Interface { name: String, source: nix::errno::Errno },
}

/// A length of time with its unit; a bare number is milliseconds, as with fping.
fn span(text: &str) -> Result<Span, String> {
    let bare = text
        .parse::<f64>()
        .ok()
        .filter(|ms| (0.0..=3_600_000.0).contains(ms));
    bare.map(|ms| Span::from_secs_f64(ms / 1e3))
        .or_else(|| crate::config::read::duration(text))
        .ok_or_else(|| "a number with its unit: 500ms, 1s".to_owned())
}

fn timeout(text: &str) -> Result<Span, String> {
    let found = span(text)?;
    if found.is_zero() || found > MAX_TIMEOUT {
        return Err("above 0 and at most 40s".to_owned());
    }
    Ok(found)
}

fn run(matches: &clap::ArgMatches) -> Result<Exit, Failure> {
    let ping: Ping = super::arguments(matches)?;
    let rate = ping.rate();
    if rate > FLOOD_RATE && !ping.yes {
        return Err(Failure::usage(Refused::Rate { rate }));
    }
    if ping.period < FLOOD_PERIOD && ping.count > 1 && !ping.yes {
        return Err(Failure::usage(Refused::Period { period: ping.period }));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::could_not_look)?;
    runtime.block_on(async {
        let targets = targets::gather(&ping).await?;
        let header = ping.header()?;
        let clock = SystemClock::shared();
        // From here on an interrupt ends the measuring, and what is known is told.
        let stop = signal(SignalKind::interrupt()).map_err(Failure::could_not_look)?;
        let (handle, results) = ping.start(&clock)?;
        if ping.trace {
            trace::run(&ping, header, targets, handle, results, stop).await
        } else {
            watch::run(&ping, header, targets, handle, results, stop, &clock).await
        }
    })
}

impl Ping {
    /// Requests per second in all.
    fn rate(&self) -> u32 {
        let by_interval = self.interval.map(|span| {
            let micros = span.as_micros().max(1);
            u32::try_from(1_000_000 / micros).unwrap_or(u32::MAX).max(1)
        });
        by_interval.unwrap_or(self.max_rate)
    }

    fn header(&self) -> Result<Header, Failure> {
        let interface = match &self.interface {
            None => None,
            Some(name) => Some(nix::net::if_::if_nametoindex(name.as_str()).map_err(|source| {
                Failure::usage(Refused::Interface {
                    name: name.clone(),
                    source,
                })
            })?),
        };
        Ok(Header {
            ttl: self.ttl,
            tos: self.tos,
            source: self.source,
            interface,
            dont_fragment: self.dont_fragment,
        })
    }

    fn start(&self, clock: &SharedClock) -> Result<(Handle, Results), Failure> {
        let options = Options {
            max_rate: Some(self.rate()),
            // The next request to a target leaves when its last result is known.
            gather: (self.period / 4).min(Options::default().gather),
            ..Options::default()
        };
        let seed = Seed::random().map_err(Failure::could_not_look)?;
        let socket_options = SocketOptions {
            message: usize::from(self.size) + 8,
            mode: match self.socket {
                Kind::Auto => None,
                Kind::Raw => Some(Mode::Raw),
                Kind::Datagram => Some(Mode::Datagram),
            },
            ..SocketOptions::new(seed.ident)
        };
        let socket =
            SystemSocket::open(socket_options, Arc::clone(clock)).map_err(Failure::could_not_look)?;
        worker::spawn(options, seed, Box::new(socket), Arc::clone(clock)).map_err(Failure::could_not_look)
    }

    /// Whether lines may be shown while it runs.
    fn is_live(&self) -> bool {
        !self.quiet && output::is_error_terminal()
    }
}
