//! Runs one contender as a child and measures it.

use std::io::Read;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::sync::OnceLock;

use nix::sys::resource::UsageWho;
use nix::sys::resource::getrusage;
use tramgac::clock::Clock;
use tramgac::clock::SystemClock;

/// What one run of a contender took.
#[derive(Debug)]
pub(crate) struct Run {
    /// User and system, seconds.
    pub(crate) cpu: f64,
    pub(crate) wall: f64,
    pub(crate) memory_mb: f64,
    pub(crate) sent: u64,
    /// Requests that it holds to be unanswered; on the loopback every one of them is false.
    pub(crate) lost: u64,
    /// Why there is no result.
    pub(crate) fault: Option<String>,
}

impl Run {
    pub(crate) fn cpu_per_100k(&self) -> f64 {
        self.cpu * 100_000.0 / self.sent as f64
    }
}

fn children_cpu() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let seconds = |t: nix::sys::time::TimeVal| t.tv_sec() as f64 + t.tv_usec() as f64 / 1e6;
    seconds(usage.user_time()) + seconds(usage.system_time())
}

/// Runs a command to its end under `/usr/bin/time`, where there is one, for its memory.
fn measure(mut command: Command, counts: impl Fn(&str, &str) -> Option<(u64, u64)>) -> Run {
    let clock = SystemClock::new();
    let (cpu, start) = (children_cpu(), clock.mono());
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).unwrap();
        text
    });
    let mut stdout = String::new();
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    let stderr = reader.join().unwrap();
    let status = child.wait().unwrap();
    let wall = clock.mono().since(start).as_secs_f64();
    let cpu = children_cpu() - cpu;
    let memory_mb = stderr
        .lines()
        .find_map(|line| line.strip_prefix("memory "))
        .and_then(|kb| kb.trim().parse::<f64>().ok())
        .map_or(f64::NAN, |kb| kb / 1024.0);
    let counts = counts(&stdout, &stderr);
    let fault = counts.is_none().then(|| {
        let last = stderr
            .lines()
            .find(|l| !l.starts_with("memory"))
            .unwrap_or_default();
        format!("{status}: {last}")
    });
    let (sent, received) = counts.unwrap_or((1, 0));
    Run {
        cpu,
        wall,
        memory_mb,
        sent,
        lost: sent - received,
        fault,
    }
}

/// `program` under `time -f 'memory %M'`.
fn timed(program: &std::path::Path) -> Command {
    let mut command = Command::new("/usr/bin/time");
    command.args(["-f", "memory %M"]).arg(program);
    command
}

pub(crate) fn two_numbers(text: &str) -> Option<(u64, u64)> {
    text.lines().find_map(|line| {
        let (sent, received) = line.split_once(' ')?;
        Some((sent.parse().ok()?, received.parse().ok()?))
    })
}

/// The raw loop, compiled once.
pub(crate) fn raw_loop() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let path = BUILT.get_or_init(|| {
        let out = std::env::temp_dir().join(format!("tramgac-raw-loop-{}", std::process::id()));
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/raw_loop.c");
        let status = Command::new("cc")
            .args(["-O2", "-o"])
            .arg(&out)
            .arg(source)
            .status()
            .unwrap();
        assert!(status.success(), "cc could not build the raw loop");
        out
    });
    path.clone()
}

/// The raw loop on the loopback.
pub(crate) fn raw(hosts: u32, rounds: u32, rate: u32, tick_ms: u32) -> Run {
    let mut command = timed(&raw_loop());
    let numbers = [hosts, rounds, rate, tick_ms, 500].map(|n| n.to_string());
    command.arg("127.1.0.0").args(numbers);
    measure(command, |_, stderr| two_numbers(stderr))
}

/// Our engine and its thread, in a process of their own.
pub(crate) fn ours(hosts: u32, count: u32, rate: u32, tick_ms: u32) -> Run {
    let mut command = timed(&std::env::current_exe().unwrap());
    let numbers = [hosts, count, rate, tick_ms].map(|n| n.to_string());
    command.args(["child", "127.1.0.0"]).args(numbers);
    measure(command, |_, stderr| two_numbers(stderr))
}

/// The raw loop, watched from its first request on as an exporter is: `hosts` echoes, flat out.
pub(crate) fn raw_begun(hosts: u32) -> Run {
    let mut command = Command::new(raw_loop());
    command.args(["127.1.0.0", &hosts.to_string(), "1", "0", "10", "500", "wait"]);
    crate::resident::begun(command)
}

/// Our engine, the same.
pub(crate) fn ours_begun(hosts: u32) -> Run {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["child", "127.1.0.0", &hosts.to_string(), "1", "0", "10", "wait"]);
    crate::resident::begun(command)
}

/// surge-ping on the same addresses, 128 at a time, where `benches/surge` was built.
pub(crate) fn surge(hosts: u32, count: u32) -> Run {
    let Some(tool) = crate::resident::peer("tramgac-surge") else {
        return crate::resident::no_result("benches/surge is not built");
    };
    let mut command = timed(&tool);
    command.args(["127.1.0.0", &hosts.to_string(), &count.to_string()]);
    measure(command, |_, stderr| two_numbers(stderr))
}

/// fping on the same addresses.
pub(crate) fn fping(hosts: u32, options: &[&str]) -> Run {
    let list = std::env::temp_dir().join(format!("tramgac-bench-{}-{hosts}", std::process::id()));
    let first = u32::from(std::net::Ipv4Addr::new(127, 1, 0, 0));
    let lines: Vec<String> = (0..hosts)
        .map(|n| std::net::Ipv4Addr::from(first + n).to_string())
        .collect();
    std::fs::write(&list, lines.join("\n")).unwrap();
    let mut command = timed(std::path::Path::new("fping"));
    command.arg("-q").args(options).arg("-f").arg(&list);
    let run = measure(command, |_, stderr| {
        // One line a target: `127.1.0.0 : 0.01 0.02 -`.
        let times = stderr
            .lines()
            .filter_map(|line| line.split_once(" : "))
            .map(|(_, t)| t);
        let all: Vec<&str> = times.flat_map(str::split_whitespace).collect();
        let lost = all.iter().filter(|t| **t == "-").count();
        (!all.is_empty()).then(|| {
            let sent = u64::try_from(all.len()).unwrap();
            (sent, sent - u64::try_from(lost).unwrap())
        })
    });
    std::fs::remove_file(&list).unwrap();
    run
}
