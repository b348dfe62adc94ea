//! Contenders that run all day: started in a namespace of their own, watched
//! for a while once they are at work.

use std::fmt::Write as _;
use std::fs;
use std::io::BufRead as _;
use std::io::BufReader;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use tramgac::clock::Clock;
use tramgac::clock::SystemClock;

use crate::contender::Run;
use crate::contender::two_numbers;

/// Where its metrics are served, in its own namespace.
const PORT: u16 = 9_374;
/// How long it is watched.
const WINDOW: Duration = Duration::from_secs(15);

/// A network namespace, gone when dropped.
struct Namespace(String);

impl Namespace {
    fn new() -> Self {
        let name = format!("tgbench{}", std::process::id());
        let made = Self(name);
        // Left over from a run that was killed.
        drop(Command::new("ip").args(["netns", "del", &made.0]).output());
        made.must(Command::new("ip").args(["netns", "add", &made.0]));
        made.must(Command::new("ip").args(["-n", &made.0, "link", "set", "lo", "up"]));
        made.must(
            made.command("sysctl")
                .args(["-qw", "net.ipv4.ping_group_range=0 2147483647"]),
        );
        made
    }

    fn must(&self, command: &mut Command) -> String {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}: {command:?}: {output:?}", self.0);
        String::from_utf8(output.stdout).unwrap()
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0]).arg(program);
        command
    }

    /// Echo requests that left since the namespace was made.
    fn requests(&self) -> u64 {
        let text = self.must(self.command("cat").arg("/proc/net/snmp"));
        let mut lines = text.lines().filter(|l| l.starts_with("Icmp:"));
        let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
        let place = names.split(' ').position(|n| n == "OutEchos").unwrap();
        values.split(' ').nth(place).unwrap().parse().unwrap()
    }

    /// What it says of itself; empty while it does not answer.
    fn metrics(&self) -> String {
        let url = format!("http://127.0.0.1:{PORT}/metrics");
        let output = self
            .command("curl")
            .args(["-s", "--max-time", "20", &url])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        drop(Command::new("ip").args(["netns", "del", &self.0]).output());
    }
}

/// CPU seconds that all threads of a process have had, to the nanosecond.
fn cpu(pid: u32) -> f64 {
    let mut nanos = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten() {
        // A thread may end between the listing and the reading.
        let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        nanos += text
            .split(' ')
            .next()
            .and_then(|n| n.parse().ok())
            .unwrap_or(0_u64);
    }
    nanos as f64 / 1e9
}

/// The memory that it has now.
fn memory_mb(pid: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

#[expect(clippy::disallowed_methods, reason = "a window of time is what is measured")]
fn pause(span: Duration) {
    std::thread::sleep(span);
}

/// Sum of a metric over all its series.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counters are whole and not negative"
)]
fn total(metrics: &str, name: &str) -> u64 {
    let values = metrics
        .lines()
        .filter(|l| {
            l.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(['{', ' ']))
        })
        .filter_map(|l| l.rsplit(' ').next()?.parse::<f64>().ok());
    values.sum::<f64>() as u64
}

pub(crate) fn no_result(why: impl Into<String>) -> Run {
    Run {
        cpu: 0.0,
        wall: 0.0,
        memory_mb: 0.0,
        sent: 1,
        lost: 0,
        fault: Some(why.into()),
    }
}

/// Watches a contender at work. `counted` are the names of its counters of
/// requests and of replies; `pace` is what it is asked for, requests a second. Before
/// it is watched it has time to make what it keeps of each target (rows, series): two
/// seconds, and one for each 2,500 targets.
fn watch(
    namespace: &Namespace,
    mut command: Command,
    (hosts, pace): (u32, u64),
    counted: (&str, &str),
) -> Run {
    let clock = SystemClock::new();
    let mut child: Child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let pid = child.id();
    // At work: a second in which it sent most of what it should.
    let mut told = None;
    for _ in 0..90 {
        let before = namespace.requests();
        pause(Duration::from_secs(1));
        if child.try_wait().unwrap().is_some() {
            return no_result("it ended by itself");
        }
        if (namespace.requests() - before) * 10 > pace * 7 {
            told = Some(());
            break;
        }
    }
    let fault = told
        .is_none()
        .then(|| "it has not reached its pace after 90 s".to_owned());
    pause(Duration::from_secs(2 + u64::from(hosts) / 2_500));
    let (start, sent, used) = (clock.mono(), namespace.requests(), cpu(pid));
    pause(WINDOW);
    let (sent, used) = (namespace.requests() - sent, cpu(pid) - used);
    let wall = clock.mono().since(start).as_secs_f64();
    let memory_mb = memory_mb(pid);
    // Its counters, at the end, so that telling them costs nothing in the window. What it
    // sent within the last round trips is not lost yet; the difference of two looks is.
    let first = namespace.metrics();
    pause(Duration::from_secs(3));
    let last = namespace.metrics();
    child.kill().unwrap();
    child.wait().unwrap();
    let moved = |name: &str| total(&last, name).saturating_sub(total(&first, name));
    let (asked, answered) = (moved(counted.0), moved(counted.1));
    Run {
        cpu: used,
        wall,
        memory_mb,
        sent: sent.max(1),
        lost: asked.saturating_sub(answered),
        fault: fault.or_else(|| last.is_empty().then(|| "its metrics can't be had".to_owned())),
    }
}

/// Lets a contender that says `ready` begin, and watches it until it tells what it sent and
/// received: as little of its start is counted as of an exporter that is running already.
pub(crate) fn begun(mut command: Command) -> Run {
    let clock = SystemClock::new();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let (start, used) = (clock.mono(), cpu(child.id()));
    stdin.write_all(b"\n").unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let wall = clock.mono().since(start).as_secs_f64();
    let (used, memory_mb) = (cpu(child.id()) - used, memory_mb(child.id()));
    drop(stdin);
    child.wait().unwrap();
    let counts = two_numbers(line.trim());
    let (sent, received) = counts.unwrap_or((1, 0));
    Run {
        cpu: used,
        wall,
        memory_mb,
        sent,
        lost: sent - received,
        fault: counts.is_none().then(|| format!("it said {line:?}")),
    }
}

fn address(n: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 1, 0, 0)) + n + 1)
}

/// A peer of that name: below `TRAMGAC_PEERS`, where Debian's packages may be
/// unpacked (`dpkg -x`), or in the path.
pub(crate) fn peer(name: &str) -> Option<PathBuf> {
    let unpacked = std::env::var_os("TRAMGAC_PEERS").map(|dir| Path::new(&dir).join("usr/bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    unpacked
        .into_iter()
        .chain(std::env::split_paths(&path))
        .map(|dir| dir.join(name))
        .find(|p| p.is_file())
}

/// The whole daemon: states, record, metrics and web behind the engine. Each
/// target is pinged with `count` echoes every so many seconds.
pub(crate) fn daemon(hosts: u32, count: u32, seconds: u32) -> Run {
    let dir = tempfile::tempdir().unwrap();
    let mut text = format!(
        "database: {}/t.db\nweb: {{listen: \"127.0.0.1:{PORT}\", allow_anonymous: read}}\n\
         polling: {{interval: {seconds}s, infrastructure_interval: {seconds}s, count: {count}, spacing: 10ms, timeout: 500ms, self_check: []}}\n\
         snmp: {{credentials: []}}\nlog: {{level: error}}\ndevices:\n",
        dir.path().display()
    );
    for n in 0..hosts {
        let address = address(n);
        writeln!(
            text,
            "  - {{id: d{n}, class: server, address: {address}, probes: [icmp]}}"
        )
        .unwrap();
    }
    let file = dir.path().join("config.yaml");
    fs::write(&file, text).unwrap();
    let namespace = Namespace::new();
    let mut command = namespace.command(env!("CARGO_BIN_EXE_tramgac"));
    command.arg("run").arg("-c").arg(&file);
    let names = ("tramgac_ping_sent_total", "tramgac_ping_received_total");
    let pace = u64::from(hosts) * u64::from(count) / u64::from(seconds);
    watch(&namespace, command, (hosts, pace), names)
}

/// smokeping_prober with ping sockets (`udp`) or raw ones (`icmp`).
pub(crate) fn smokeping(hosts: u32, protocol: &str) -> Run {
    let Some(tool) = peer("prometheus-smokeping-prober").or_else(|| peer("smokeping_prober")) else {
        return no_result("smokeping_prober is not installed");
    };
    let dir = tempfile::tempdir().unwrap();
    let mut text = "targets:\n- hosts:\n".to_owned();
    for n in 0..hosts {
        writeln!(text, "  - {}", address(n)).unwrap();
    }
    write!(text, "  interval: 1s\n  network: ip4\n  protocol: {protocol}\n").unwrap();
    let file = dir.path().join("smokeping.yml");
    fs::write(&file, text).unwrap();
    let namespace = Namespace::new();
    // A socket for each target: as many as it may have.
    let mut command = namespace.command("sh");
    command
        .args(["-c", "ulimit -n $(ulimit -H -n); exec \"$@\"", "sh"])
        .arg(tool)
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--web.listen-address=127.0.0.1:{PORT}"));
    let names = (
        "smokeping_requests_total",
        "smokeping_response_duration_seconds_count",
    );
    watch(&namespace, command, (hosts, hosts.into()), names)
}

/// blackbox_exporter: `probes` probes, 100 at a time over connections that stay.
pub(crate) fn blackbox(probes: u32) -> Run {
    let Some(tool) = peer("prometheus-blackbox-exporter").or_else(|| peer("blackbox_exporter")) else {
        return no_result("blackbox_exporter is not installed");
    };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("blackbox.yml");
    fs::write(
        &file,
        "modules: {icmp: {prober: icmp, timeout: 5s, icmp: {preferred_ip_protocol: ip4}}}\n",
    )
    .unwrap();
    // The asker is curl in the same namespace: 100 at a time, connections kept.
    let mut urls = String::new();
    for n in 0..probes {
        writeln!(
            urls,
            "url = \"http://127.0.0.1:{PORT}/probe?module=icmp&target={}\"",
            address(n)
        )
        .unwrap();
    }
    let list = dir.path().join("urls");
    fs::write(&list, urls).unwrap();
    let namespace = Namespace::new();
    let mut command = namespace.command(tool);
    command
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--web.listen-address=127.0.0.1:{PORT}"));
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    for _ in 0..50 {
        if !namespace.metrics().is_empty() {
            break;
        }
        pause(Duration::from_millis(100));
    }
    let clock = SystemClock::new();
    let (start, sent, used) = (clock.mono(), namespace.requests(), cpu(child.id()));
    let asked = namespace
        .command("curl")
        .args(["-s", "--parallel", "--parallel-max", "100", "-K"])
        .arg(&list)
        .output()
        .unwrap();
    let wall = clock.mono().since(start).as_secs_f64();
    let (sent, used) = (namespace.requests() - sent, cpu(child.id()) - used);
    let memory_mb = memory_mb(child.id());
    child.kill().unwrap();
    child.wait().unwrap();
    let good = String::from_utf8_lossy(&asked.stdout)
        .lines()
        .filter(|l| *l == "probe_success 1")
        .count();
    Run {
        cpu: used,
        wall,
        memory_mb,
        sent: sent.max(1),
        lost: u64::from(probes).saturating_sub(u64::try_from(good).unwrap()),
        fault: (good == 0).then(|| "no probe succeeded".to_owned()),
    }
}
