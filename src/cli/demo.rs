//! `tramgac demo`: a simulated district on the loopback, watched by the real daemon.

use std::io;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;

use clap::ArgMatches;
use clap::Parser;
use tokio::sync::oneshot;

use super::Exit;
use super::Failure;
use super::Subcommand;
use super::arguments;
use super::command_of;
use super::output;
use super::run;
use super::subcommand;
use crate::clock::SharedClock;
use crate::clock::SystemClock;
use crate::config::secret::Env;
use crate::daemon;
use crate::daemon::OpenSocket;
use crate::daemon::Startup;
use crate::lab::district;
use crate::lab::district::Setting;
use crate::lab::network::District;
use crate::lab::network::Occupied;
use crate::lab::network::Tell;
use crate::lab::network::Told;
use crate::lab::socket::Filter;
use crate::lab::socket::Responder;
use crate::lab::socket::UdpEcho;
use crate::lab::weather::Weather;
use crate::probe::icmp::socket::EchoSocket;
use crate::probe::icmp::socket::SetupError;
use crate::probe::icmp::worker::Seed;
use crate::web::Notice;

/// This subcommand.
pub const COMMAND: Subcommand = subcommand("demo", command_of::<Arguments>, demo);

/// A simulated district on the loopback, watched by the real daemon.
///
/// Real ICMP and real SNMP over UDP, to addresses of 127.77.0.0/16 only. A script drops links and devices, so that
/// within two minutes one sees an outage, its consequences and its end. Ctrl-C ends it.
#[derive(Parser)]
#[command(
    name = "demo",
    after_help = "Examples:\n  tramgac demo\n  tramgac demo --speed 3 --keep /tmp/demo"
)]
struct Arguments {
    /// How many times faster than usual everything goes
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10))]
    speed: u32,
    /// Keep database and configuration in this folder, and go on with what is there
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Where the page is; another free port is taken when this one is in use
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9099")]
    listen: SocketAddr,
    /// Least level that is logged
    #[arg(long, value_name = "LEVEL", default_value = "error")]
    log: String,
}

/// What may go wrong with the demo's own parts.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Occupied(#[from] Occupied),
    #[error("can't prepare the folder {path}")]
    Folder { path: PathBuf, source: io::Error },
    #[error("can't start {what}")]
    System { what: &'static str, source: io::Error },
    #[error("the lab has ended before it began")]
    Lab,
}

fn demo(matches: &ArgMatches) -> Result<Exit, Failure> {
    let Arguments {
        speed,
        keep,
        listen,
        log,
    } = arguments(matches)?;
    run::start_log(&log, false)?;
    let folder = Folder::open(keep).map_err(Failure::could_not_look)?;
    let clock = SystemClock::shared();
    let weather = Weather::default();
    let board = start_lab(weather.clone(), Arc::clone(&clock), speed).map_err(Failure::could_not_look)?;
    let setting = Setting {
        listen: free(listen),
        database: &folder.path.join("tramgac.db"),
        webhook: &board,
        speed,
    };
    let yaml = district::config(&setting).map_err(Failure::could_not_look)?;
    let config = folder.path.join("config.yaml");
    std::fs::write(&config, yaml).map_err(|source| {
        Failure::could_not_look(Fault::Folder {
            path: config.clone(),
            source,
        })
    })?;
    let permission = permission(&clock);
    let (ready, wait) = oneshot::channel();
    let is_simulated = permission.is_err();
    thread::spawn(move || announce(wait, is_simulated));
    let startup = Startup {
        config,
        read: None,
        env: Env::of_process(),
        clock,
        socket: Some(socket(weather, is_simulated)),
        notice: Some(notice(permission.as_ref().err())),
        ready: Some(ready),
    };
    daemon::run(startup).map_err(run::failure)?;
    Ok(Exit::Ok)
}

/// Where the demo's files are; a temporary folder goes with the demo.
struct Folder {
    path: PathBuf,
    is_temporary: bool,
}

impl Folder {
    fn open(keep: Option<PathBuf>) -> Result<Self, Fault> {
        let is_temporary = keep.is_none();
        let path =
            keep.unwrap_or_else(|| std::env::temp_dir().join(format!("tramgac-demo-{}", std::process::id())));
        std::fs::create_dir_all(&path).map_err(|source| Fault::Folder {
            path: path.clone(),
            source,
        })?;
        Ok(Self { path, is_temporary })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.is_temporary
            && let Err(error) = std::fs::remove_dir_all(&self.path)
        {
            output::note(&format!("the folder {} stays: {error}", self.path.display()));
        }
    }
}

/// The address itself if it is free, else another port beside it.
fn free(wanted: SocketAddr) -> SocketAddr {
    let other = || TcpListener::bind(SocketAddr::new(wanted.ip(), 0)).and_then(|l| l.local_addr());
    match TcpListener::bind(wanted).and_then(|l| l.local_addr()) {
        Ok(address) => address,
        Err(_) => other().unwrap_or(wanted),
    }
}

/// Starts the district on a thread of its own; returns where alerts are to be posted.
fn start_lab(weather: Weather, clock: SharedClock, speed: u32) -> Result<String, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Fault::System {
            what: "the lab",
            source,
        })?;
    let start = clock.mono();
    let teller = Arc::clone(&clock);
    let tell: Tell = Arc::new(move |told| print(told, teller.mono().since(start).as_secs()));
    let (opened, wait) = mpsc::sync_channel(1);
    thread::spawn(move || {
        runtime.block_on(async move {
            let district = match District::open(weather, clock, tell).await {
                Ok(district) => district,
                Err(occupied) => return drop(opened.send(Err(occupied.into()))),
            };
            let board = district.board().map_err(|source| Fault::System {
                what: "the notice board",
                source,
            });
            // The demo may have given up meanwhile.
            drop(opened.send(board));
            district.run(speed).await;
        });
    });
    wait.recv().map_err(|_gone| Fault::Lab)?
}

fn print(told: &Told, seconds: u64) {
    let line = match told {
        Told::Happened(vi, en) => format!("{seconds:>5} s  lab    {vi}  ({en})\n"),
        Told::Alert(subject) => format!("{seconds:>5} s  alert  {subject}\n"),
    };
    if let Err(error) = output::text(&line) {
        tracing::debug!(%error, "the terminal has gone");
    }
}

fn announce(wait: oneshot::Receiver<SocketAddr>, is_simulated: bool) {
    // When the start failed its error is printed instead.
    let Ok(address) = wait.blocking_recv() else { return };
    let mut lines = format!(
        "\n  tramgac demo: a simulated district on the loopback\n\n    page      http://{address}/\n    \
         metrics   http://{address}/metrics\n\n"
    );
    if is_simulated {
        lines.push_str(
            "    This user may not ping: echoes go over UDP. The page tells how to change that.\n\n",
        );
    }
    lines.push_str("  Ctrl-C ends it.\n\n");
    if let Err(error) = output::text(&lines) {
        tracing::debug!(%error, "the terminal has gone");
    }
}

/// Whether this user may ping; if not, what to do about it.
fn permission(clock: &SharedClock) -> Result<(), SetupError> {
    let seed = Seed::random()?;
    daemon::system_socket(seed, Arc::clone(clock)).map(drop)
}

/// The socket of the engine behind the lab's weather.
fn socket(weather: Weather, is_simulated: bool) -> OpenSocket {
    Box::new(move |seed, clock| {
        let inner: Box<dyn EchoSocket> = if is_simulated {
            simulated(&clock)?
        } else {
            daemon::system_socket(seed, clock)?
        };
        Ok(Box::new(Filter::new(inner, weather, 0x007a_6d61)))
    })
}

fn simulated(clock: &SharedClock) -> Result<Box<dyn EchoSocket>, SetupError> {
    let fault = |what| move |source| SetupError::System { what, source };
    let responder = Responder::bind(Arc::clone(clock)).map_err(fault("the lab's responder"))?;
    let address = responder.address().map_err(fault("the lab's responder"))?;
    thread::Builder::new()
        .name("lab-echo".to_owned())
        .spawn(move || {
            if let Err(error) = responder.run() {
                tracing::error!(%error, "the lab's responder has ended");
            }
        })
        .map_err(fault("the lab's responder"))?;
    Ok(Box::new(
        UdpEcho::connect(address).map_err(fault("the lab's echo"))?,
    ))
}

/// The mark at the top of every page.
fn notice(refused: Option<&SetupError>) -> Notice {
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("tramgac"));
    match refused {
        None => Notice {
            vi: "Đây là một huyện mô phỏng trên máy này (127.77.0.0/16); mọi sự cố đều do kịch bản tạo ra.".to_owned(),
            en: "This is a simulated district on this machine (127.77.0.0/16); every outage is made by a script."
                .to_owned(),
            commands: Vec::new(),
        },
        Some(_) => Notice {
            vi: "Đây là một huyện mô phỏng. Người dùng này không có quyền ping nên tín hiệu dội đi qua UDP; để ping thật, \
                 chạy một trong hai lệnh sau rồi khởi động lại:"
                .to_owned(),
            en: "This is a simulated district. This user may not ping, so echoes go over UDP; to ping for real, run one \
                 of these and start again:"
                .to_owned(),
            commands: remedies(&program),
        },
    }
}

fn remedies(program: &Path) -> Vec<String> {
    let group = nix::unistd::getegid();
    vec![
        format!("sudo setcap cap_net_raw+ep {}", program.display()),
        format!("sudo sysctl -w net.ipv4.ping_group_range=\"{group} {group}\""),
    ]
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn another_port_is_taken_when_the_wanted_one_is_in_use() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let wanted = taken.local_addr().unwrap();
        assert_ne!(free(wanted).port(), wanted.port());
    }
}
