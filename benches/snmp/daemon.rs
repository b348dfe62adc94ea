//! The whole daemon on many devices: does it keep its cycle, at what cost.
//!
//! The turns are counted by the agents (they are what happened), the answers by
//! the daemon's metrics, CPU and memory by the kernel.

use std::fmt::Write as _;
use std::io::Read as _;
use std::io::Write as _;
use std::net::TcpListener;
use std::net::TcpStream;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use super::Agents;
use super::agents::Nature;
use super::clockwork;

/// A daemon, gone when dropped.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Daemon {
    /// CPU seconds of its threads by their names, to the nanosecond.
    fn cpu(&self) -> Vec<(String, f64)> {
        let mut threads: Vec<(String, f64)> = Vec::new();
        for task in std::fs::read_dir(format!("/proc/{}/task", self.0.id()))
            .unwrap()
            .flatten()
        {
            let read = |file: &str| std::fs::read_to_string(task.path().join(file)).unwrap_or_default();
            let name = read("comm").trim().to_owned();
            let nanos: f64 = read("schedstat")
                .split(' ')
                .next()
                .and_then(|n| n.parse().ok())
                .unwrap_or(0.0);
            match threads.iter_mut().find(|(known, _)| *known == name) {
                Some((_, sum)) => *sum += nanos / 1e9,
                None => threads.push((name, nanos / 1e9)),
            }
        }
        threads
    }

    /// Resident memory now, and at most, in MiB.
    fn memory(&self) -> (u64, u64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let value = |name: &str| -> u64 {
            let line = status.lines().find(|l| l.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
        };
        (value("VmRSS:"), value("VmHWM:"))
    }
}

/// The page, or nothing while there is none.
fn page(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).ok()?;
    write!(
        stream,
        "GET {path} HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    text.starts_with("HTTP/1.0 200").then_some(text)
}

/// Sum and number of the series of a metric whose labels contain `labels`.
fn sum(page: &str, name: &str, labels: &str) -> (f64, usize) {
    page.lines()
        .filter(|l| {
            l.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(['{', ' ']) && rest.contains(labels))
        })
        .filter_map(|l| l.rsplit(' ').next()?.parse::<f64>().ok())
        .fold((0.0, 0), |(sum, n), value| (sum + value, n + 1))
}

fn config(
    dir: &std::path::Path,
    web: u16,
    agents: u16,
    devices: usize,
    seconds: u64,
    version: &str,
) -> String {
    let credential = if version == "v3" {
        "{version: 3, user: bench, auth: sha, auth_password: maplesyrup, priv: aes, priv_password: syrupmaple}"
    } else {
        "{version: 2c, community: public}"
    };
    let mut text = format!(
        "database: {}/t.db\nweb: {{listen: \"127.0.0.1:{web}\", allow_anonymous: read}}\n\
         polling: {{interval: {seconds}s, infrastructure_interval: {seconds}s, self_check: []}}\n\
         credentials: {{lan: {credential}}}\n\
         snmp: {{credentials: [lan], interval: {seconds}s, link_interval: {seconds}s, port: {agents}}}\n\
         log: {{level: warn}}\ndevices:\n",
        dir.display()
    );
    for n in 0..devices {
        let address = super::device(n, agents).ip();
        writeln!(text, "  - {{id: d{n}, class: switch, address: {address}}}").unwrap();
    }
    text
}

/// Starts the agents and the daemon, lets every device be asked once, and watches some cycles.
pub(super) fn run(arguments: &[String]) {
    let number =
        |name: &str, default: u64| super::option(arguments, name).map_or(default, |n| n.parse().unwrap());
    let (devices, seconds, rounds) = (
        number("--devices", 10_000) as usize,
        number("--seconds", 60),
        number("--rounds", 2),
    );
    let nature = Nature {
        interfaces: number("--interfaces", u64::from(super::INTERFACES)) as u32,
        silent_every: number("--silent-every", 0) as u32,
        ..Nature::default()
    };
    let version = super::option(arguments, "--version").unwrap_or_else(|| "v2c".to_owned());
    let (_agents, port) = Agents::start(nature);
    let dir = tempfile::tempdir().unwrap();
    let web = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let file = dir.path().join("config.yaml");
    std::fs::write(&file, config(dir.path(), web, port, devices, seconds, &version)).unwrap();
    println!("daemon: {devices} devices, every {seconds} s, {rounds} rounds, {version}, {nature:?}");
    let program = std::env::var("TRAMGAC").unwrap_or_else(|_| env!("CARGO_BIN_EXE_tramgac").to_owned());
    let daemon = Daemon(
        Command::new(program)
            .arg("run")
            .arg("-c")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let silent = match nature.silent_every {
        0 => 0,
        n => devices.div_ceil(n as usize),
    };
    // Everything is asked at the first turn; an interval later all have had it.
    let (mut known, mut waited) = (0, 0);
    while known < devices - silent {
        assert!(waited < 120, "after 120 s only {known} devices have answered");
        std::thread::sleep(Duration::from_secs(2));
        waited += 2;
        known = page(web, "/metrics").map_or(0, |text| sum(&text, "tramgac_snmp_up", "").0 as usize);
    }
    println!(
        "all have answered after {waited} s; memory now and at most {:?} MiB",
        daemon.memory()
    );
    clockwork::ask(port).unwrap();
    let before = page(web, "/metrics").unwrap();
    let cpu = daemon.cpu();
    std::thread::sleep(Duration::from_secs(seconds * rounds));
    let used: Vec<(String, f64)> = daemon
        .cpu()
        .into_iter()
        .map(|(name, used)| {
            let was = cpu.iter().find(|(n, _)| *n == name).map_or(0.0, |(_, was)| *was);
            (name, used - was)
        })
        .collect();
    let memory = daemon.memory();
    let seen = clockwork::ask(port).unwrap();
    let after = page(web, "/metrics").unwrap();
    let moved =
        |name: &str| sum(&after, name, "protocol=\"snmp\"").0 - sum(&before, name, "protocol=\"snmp\"").0;
    let all: f64 = used.iter().map(|(_, used)| used).sum();
    println!(
        "agents saw {} questions, {} turns of {} devices, {} to {} each; seconds from turn to turn: {:.2?} (least, 1st, 50th, 99th, most)",
        seen.questions, seen.turns, seen.devices, seen.fewest, seen.most, seen.gaps
    );
    println!(
        "metrics: {} turns, {} failed, {} overruns; {} of {} devices up; {} series",
        moved("tramgac_poll_attempts_total"),
        moved("tramgac_poll_failures_total"),
        moved("tramgac_poll_cycle_overruns_total"),
        sum(&after, "tramgac_snmp_up", "").0,
        sum(&after, "tramgac_snmp_up", "").1,
        after.lines().filter(|l| !l.starts_with('#')).count(),
    );
    println!(
        "{:.1} % of one core, {} MiB, at most {} MiB",
        all / (seconds * rounds) as f64 * 100.0,
        memory.0,
        memory.1
    );
    for (name, used) in used {
        println!("  {name:16} {:.2} %", used / (seconds * rounds) as f64 * 100.0);
    }
}
