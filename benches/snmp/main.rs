//! SNMP polling: ours beside a hand-made poller (the limit) and two peers.
//!
//! ```text
//! cargo bench --bench snmp -- [--devices N] [--rounds N] [--only WORD,WORD]
//! cargo bench --bench snmp -- cycle [--devices N] [--seconds N] [--rounds N]
//! cargo bench --bench snmp -- loss [--devices N]
//! cargo bench --bench snmp -- silent [--devices N] [--seconds N]
//! cargo bench --bench snmp -- daemon [--devices N] [--seconds N] [--rounds N] [--interfaces N] [--silent-every N]
//! ```
//!
//! Without a word it compares devices per CPU second. `cycle` polls the devices
//! every so many seconds as the daemon does, `loss` over a link that loses 5 %
//! each way, `silent` with every fifth device never answering. `daemon` starts
//! the whole daemon on such devices: states, record, metrics and web behind it.
//!
//! Each device has the system group (7 objects) and 48 interfaces of 8 columns:
//! 391 values. The agents live in a process of their own and answer on
//! 127.0.0.0/8; the figure is devices per CPU second of the poller's process
//! alone, the median of the rounds, and its ratio to the limit. Nothing here
//! fails for being slow.
//!
//! What is counted: for ours and the limit everything from opening the sockets
//! on, so deriving keys, learning how much an agent answers, and the first touch
//! of all memory, but not the start of the process, which a daemon does once for
//! any number of devices. `snmp_exporter` is a daemon too: what it spends once it
//! runs. `snmpbulkwalk` is a command: it starts for each device, so its starts
//! are counted, without MIB files (`MIBS=`, as Debian configures it), which it
//! would otherwise read each time. Its start alone is five sixths of what it
//! spends: the ratio to it tells what a process for each device costs, not how
//! well it reads.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    clippy::wildcard_enum_match_arm,
    clippy::naive_bytecount,
    reason = "a bench: it may stop, print, and measure"
)]

mod agents;
mod clockwork;
mod daemon;
mod ours;
mod peers;
mod raw;
mod schedule;

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;

use tramgac::model::snmp::Oid;
use tramgac::probe::snmp::AuthProtocol;
use tramgac::probe::snmp::Credential;
use tramgac::probe::snmp::PrivProtocol;
use tramgac::probe::snmp::User;

/// 127.1.0.1.
const FIRST_ADDRESS: u32 = 0x7f01_0001;
/// Devices under way at a time, as in the limit.
const IN_FLIGHT: usize = 256;
const INTERFACES: u32 = 48;
const COLUMNS: [&[u32]; 8] = [
    &[1, 3, 6, 1, 2, 1, 2, 2, 1, 8],
    &[1, 3, 6, 1, 2, 1, 2, 2, 1, 14],
    &[1, 3, 6, 1, 2, 1, 2, 2, 1, 20],
    &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1],
    &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 6],
    &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 10],
    &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 15],
    &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 18],
];
const VALUES: usize = 7 + 8 * 48;

/// What a poller's process says at its end.
#[derive(Debug, Clone, Copy)]
struct Run {
    devices: usize,
    failed: usize,
    cpu: f64,
    wall: f64,
    memory_kib: u64,
}

impl Run {
    fn rate(&self) -> f64 {
        (self.devices - self.failed) as f64 / self.cpu
    }
}

fn system() -> Vec<Oid> {
    (1..=7).map(|n| Oid::new([1, 3, 6, 1, 2, 1, 1, n, 0])).collect()
}

fn columns() -> Vec<Oid> {
    COLUMNS.iter().map(|c| Oid::new(*c)).collect()
}

/// The address of a device: 127.1.0.1 and on.
fn device(n: usize, port: u16) -> SocketAddr {
    let n = u32::try_from(n).unwrap();
    SocketAddr::from((Ipv4Addr::from(FIRST_ADDRESS + n), port))
}

fn user() -> User {
    User {
        auth: Some((AuthProtocol::Sha1, "maplesyrup".into())),
        privacy: Some((PrivProtocol::Aes128, "syrupmaple".into())),
        ..User::named("bench")
    }
}

fn credential(version: &str) -> Arc<Credential> {
    Arc::new(match version {
        "v3" => Credential::V3(user()),
        _ => Credential::v2c("public"),
    })
}

/// User and system time of this process, in seconds.
fn cpu_of(who: nix::sys::resource::UsageWho) -> f64 {
    let usage = nix::sys::resource::getrusage(who).unwrap();
    let seconds = |t: nix::sys::time::TimeVal| t.tv_sec() as f64 + t.tv_usec() as f64 / 1e6;
    seconds(usage.user_time()) + seconds(usage.system_time())
}

fn peak_memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Does the work in this process and measures it.
fn measure(devices: usize, work: impl FnOnce() -> usize) -> Run {
    let clock = tramgac::clock::SystemClock::new();
    let now = || tramgac::clock::Clock::mono(&clock);
    let (start, cpu) = (now(), cpu_of(nix::sys::resource::UsageWho::RUSAGE_SELF));
    let failed = work();
    Run {
        devices,
        failed,
        cpu: cpu_of(nix::sys::resource::UsageWho::RUSAGE_SELF) - cpu,
        wall: now().since(start).as_secs_f64(),
        memory_kib: peak_memory_kib(),
    }
}

struct Agents(Child);

impl Agents {
    fn start(nature: agents::Nature) -> (Self, u16) {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        drop(socket);
        let child = Command::new(std::env::current_exe().unwrap())
            .args([
                "agents",
                &port.to_string(),
                &nature.loss_percent.to_string(),
                &nature.silent_every.to_string(),
                &nature.interfaces.to_string(),
            ])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let agents = Self(child);
        let ready = (0..50).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(50));
            clockwork::ask(port).is_some()
        });
        assert!(ready, "the agents do not answer");
        (agents, port)
    }
}

impl Drop for Agents {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Runs a poller in a process of its own.
fn child(role: &str, version: &str, devices: usize, port: u16) -> Option<Run> {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([role, version, &devices.to_string(), &port.to_string()])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|n| n.parse().ok()).collect();
    let &[devices, failed, cpu, wall, memory] = numbers.as_slice() else {
        return None;
    };
    Some(Run {
        devices: devices as usize,
        failed: failed as usize,
        cpu,
        wall,
        memory_kib: memory as u64,
    })
}

fn print(run: Run) {
    println!(
        "{} {} {} {} {}",
        run.devices, run.failed, run.cpu, run.wall, run.memory_kib
    );
}

fn option(arguments: &[String], name: &str) -> Option<String> {
    let place = arguments.iter().position(|a| a == name)?;
    arguments.get(place + 1).cloned()
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["agents", port, loss, silent, interfaces] => agents::serve(
            port.parse().unwrap(),
            agents::Nature {
                loss_percent: loss.parse().unwrap(),
                silent_every: silent.parse().unwrap(),
                interfaces: interfaces.parse().unwrap(),
            },
        ),
        [role @ ("raw" | "raw-columns"), version, devices, port] => {
            let (devices, port) = (devices.parse().unwrap(), port.parse().unwrap());
            let shape = if *role == "raw" {
                raw::Shape::Narrow
            } else {
                raw::Shape::Wide
            };
            print(measure(devices, || raw::poll(devices, port, version, shape)));
        }
        ["scheduled", devices, seconds, rounds, port] => schedule::child(
            devices.parse().unwrap(),
            seconds.parse().unwrap(),
            rounds.parse().unwrap(),
            port.parse().unwrap(),
        ),
        ["daemon", ..] => daemon::run(&arguments),
        [part @ ("cycle" | "loss" | "silent"), ..] => schedule::run(part, &arguments),
        ["ours", version, devices, port] => {
            let (devices, port) = (devices.parse().unwrap(), port.parse().unwrap());
            print(measure(devices, || ours::poll(devices, port, version)));
        }
        ["snmpbulkwalk", version, devices, port] => {
            if let Some(run) = peers::snmpbulkwalk(devices.parse().unwrap(), port.parse().unwrap(), version) {
                print(run);
            }
        }
        ["snmp_exporter", version, devices, port] => {
            if let Some(run) = peers::snmp_exporter(devices.parse().unwrap(), port.parse().unwrap(), version)
            {
                print(run);
            }
        }
        _ => compare(&arguments),
    }
}

fn compare(arguments: &[String]) {
    let devices: usize = option(arguments, "--devices").map_or(1000, |n| n.parse().unwrap());
    let rounds: usize = option(arguments, "--rounds").map_or(3, |n| n.parse().unwrap());
    let only = option(arguments, "--only");
    let (_agents, port) = Agents::start(agents::Nature::default());
    println!("{devices} devices, {VALUES} values each, {rounds} rounds, {IN_FLIGHT} under way at a time");
    println!("devices per CPU second of the poller: min / median / max; how often the median is that of raw");
    for version in ["v2c", "v3"] {
        let mut limit = None;
        for (role, most) in [
            ("raw", devices),
            ("raw-columns", devices),
            ("ours", devices),
            ("snmp_exporter", devices.min(1000)),
            ("snmpbulkwalk", devices.min(200)),
        ] {
            if only
                .as_ref()
                .is_some_and(|words| !words.split(',').any(|word| word == role))
            {
                continue;
            }
            let mut runs: Vec<Run> = (0..rounds)
                .filter_map(|_| child(role, version, most, port))
                .collect();
            runs.sort_by(|a, b| a.rate().total_cmp(&b.rate()));
            let Some(median) = runs.get(runs.len() / 2).copied() else {
                println!("{version} {role:14} not here");
                continue;
            };
            let limit = *limit.get_or_insert(median.rate());
            println!(
                "{version} {role:14} {:8.0} / {:8.0} / {:8.0}   {:6.3} × raw   {} of {} failed, {:.2} s wall, {} MiB",
                runs.first().unwrap().rate(),
                median.rate(),
                runs.last().unwrap().rate(),
                median.rate() / limit,
                runs.iter().map(|r| r.failed).sum::<usize>(),
                most * runs.len(),
                median.wall,
                median.memory_kib / 1024,
            );
        }
    }
}
