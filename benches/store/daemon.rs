//! The start of the whole daemon with many devices, declared and on record.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tramgac::clock::{Clock, SystemClock};

/// Longest that anything may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// From its start to `/-/ready` and from SIGTERM to its end, at the very first and with everything on record;
/// and how long `check` takes.
pub(crate) fn daemon_of_10_000(full: bool) {
    daemon(10_000, full);
}

/// The same at full size; nothing without `TRAMGAC_BENCH_FULL`.
pub(crate) fn daemon_of_100_000(full: bool) {
    if full {
        daemon(100_000, full);
    }
}

fn daemon(devices: u32, full: bool) {
    println!("\n## daemon: {devices} devices, declared and on record (goal: 100,000 ready in < 2 s)");
    let folder = TempDir::new().unwrap();
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let text = config(devices, port, folder.path());
    let path = folder.path().join("tramgac.yaml");
    std::fs::write(&path, &text).unwrap();
    println!("the file: {:.1} MB", text.len() as f64 / 1e6);
    let clock = SystemClock::new();
    let began = clock.mono();
    let output = Command::new(env!("CARGO_BIN_EXE_tramgac"))
        .args(["check", "-c"])
        .arg(&path)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    println!("check: {:?}", clock.mono().since(began));
    for round in 0..4 {
        let began = clock.mono();
        let mut child = start(&path);
        while !is_ready(port) {
            assert!(child.try_wait().unwrap().is_none(), "it has ended");
            assert!(clock.mono().since(began) < PATIENCE, "it does not get ready");
            pause(Duration::from_millis(2));
        }
        let ready = clock.mono().since(began);
        let peak = memory(child.id());
        // In the first minute each device is looked at, and its state saved; then there is less at the stop.
        pause(Duration::from_secs(if round == 0 && full { 70 } else { 5 }));
        let began = clock.mono();
        kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).unwrap();
        assert!(child.wait().unwrap().success());
        let name = if round == 0 { "the very first" } else { "again" };
        println!(
            "{name}: ready after {ready:?}, {peak} MB; stopped in {:?}",
            clock.mono().since(began)
        );
        let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
        for line in log.lines().filter(|l| l.contains("a stage of the start is done")) {
            if let Some((_, stage)) = line.split_once("stage=") {
                println!("    {stage}");
            }
        }
        for line in log
            .lines()
            .filter(|l| l.contains("the writer of the record has ended"))
        {
            if let Some((_, told)) = line.split_once("has ended ") {
                println!("    {told}");
            }
        }
        for line in log.lines().filter(|l| l.contains(" ERROR ")) {
            println!("    {line}");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a bench waits by the real clock")]
fn pause(span: Duration) {
    std::thread::sleep(span);
}

fn start(config: &Path) -> Child {
    let log = std::fs::File::create(config.with_file_name("log")).unwrap();
    Command::new(env!("CARGO_BIN_EXE_tramgac"))
        .args(["run", "-c"])
        .arg(config)
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

fn is_ready(port: u16) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.write_all(b"GET /-/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200 "))
}

/// The most memory that a process has had, in MB.
fn memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

/// Sites of 50 devices with a link each, on the loopback.
fn config(devices: u32, port: u16, folder: &Path) -> String {
    const CLASSES: [&str; 8] = [
        "computer", "computer", "computer", "printer", "switch", "wifi_ap", "camera", "server",
    ];
    let mut text = format!(
        "organization: {{name: Tỉnh thử}}\ndatabase: {}/tramgac.db\nlog: {{level: debug}}\n\
         web: {{listen: '127.0.0.1:{port}'}}\nsites:\n",
        folder.display()
    );
    for site in 0..devices / 50 {
        writeln!(
            text,
            "- {{id: s-{site}, name: Trụ sở xã {site}, kind: commune_hall}}"
        )
        .unwrap();
    }
    text.push_str("links:\n");
    for site in 0..devices / 50 {
        writeln!(
            text,
            "- {{id: l-{site}, site: s-{site}, router: d-{}}}",
            site * 50
        )
        .unwrap();
    }
    text.push_str("devices:\n");
    for (n, class) in (0..devices).zip(CLASSES.into_iter().cycle()) {
        let class = if n % 50 == 0 { "router" } else { class };
        let address = Ipv4Addr::from(0x7f01_0001 + n);
        writeln!(
            text,
            "- {{id: d-{n}, name: Máy số {n} của xã, class: {class}, site: s-{}, address: {address}, serial: SN{n:08}}}",
            n / 50
        )
        .unwrap();
    }
    text
}
