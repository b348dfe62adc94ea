//! The peers: net-snmp's snmpbulkwalk and Prometheus' snmp_exporter.

use std::fmt::Write as _;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use nix::sys::resource::UsageWho;

use super::Run;

/// Processes at a time.
const AT_A_TIME: usize = 8;

fn program(names: &[&str], variable: &str) -> Option<PathBuf> {
    if let Some(path) = std::env::var_os(variable) {
        return Some(path.into());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|dir| names.iter().map(move |name| dir.join(name)))
        .find(|p| p.is_file())
}

fn now(clock: &tramgac::clock::SystemClock) -> tramgac::model::Mono {
    tramgac::clock::Clock::mono(clock)
}

/// One process for each device.
pub(super) fn snmpbulkwalk(devices: usize, port: u16, version: &str) -> Option<Run> {
    let tool = program(&["snmpbulkwalk"], "SNMPBULKWALK")?;
    let options: &[&str] = if version == "v3" {
        &[
            "-v3",
            "-u",
            "bench",
            "-l",
            "authPriv",
            "-a",
            "SHA",
            "-A",
            "maplesyrup",
            "-x",
            "AES",
            "-X",
            "syrupmaple",
        ]
    } else {
        &["-v2c", "-c", "public"]
    };
    let clock = tramgac::clock::SystemClock::new();
    let (start, cpu) = (now(&clock), super::cpu_of(UsageWho::RUSAGE_CHILDREN));
    let next = AtomicUsize::new(0);
    let failed = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= devices {
                        return;
                    }
                    let output = Command::new(&tool)
                        .args(options)
                        .args(["-On", "-Cr25"])
                        .arg(super::device(n, port).to_string())
                        .arg(".1.3.6.1.2.1")
                        .env("MIBS", "")
                        .stderr(Stdio::null())
                        .output()
                        .unwrap();
                    let rows = output.stdout.iter().filter(|b| **b == b'\n').count();
                    if rows < super::VALUES {
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    Some(Run {
        devices,
        failed: failed.into_inner(),
        cpu: super::cpu_of(UsageWho::RUSAGE_CHILDREN) - cpu,
        wall: now(&clock).since(start).as_secs_f64(),
        memory_kib: super::peak_memory_kib(),
    })
}

/// Its configuration, in the form of version 0.21: the same columns, as metrics.
fn exporter_config(version: &str) -> String {
    let mut text = String::from("bench:\n  walk:\n  - 1.3.6.1.2.1.1\n");
    for column in super::columns() {
        writeln!(text, "  - {column}").unwrap();
    }
    text.push_str("  metrics:\n");
    for (n, column) in super::columns().iter().enumerate() {
        let kind = match n {
            3 | 7 => "DisplayString",
            0 | 6 => "gauge",
            _ => "counter",
        };
        writeln!(
            text,
            "  - name: c{n}\n    oid: {column}\n    type: {kind}\n    help: x\n    indexes:\n    - labelname: ifIndex\n      type: gauge"
        )
        .unwrap();
    }
    for n in 1..=7 {
        let kind = if matches!(n, 3 | 7) {
            "gauge"
        } else {
            "DisplayString"
        };
        writeln!(
            text,
            "  - name: s{n}\n    oid: 1.3.6.1.2.1.1.{n}\n    type: {kind}\n    help: x"
        )
        .unwrap();
    }
    if version == "v3" {
        text.push_str(
            "  version: 3\n  max_repetitions: 25\n  auth:\n    username: bench\n    security_level: authPriv\n    \
             password: maplesyrup\n    auth_protocol: SHA\n    priv_protocol: AES\n    priv_password: syrupmaple\n",
        );
    } else {
        text.push_str("  version: 2\n  max_repetitions: 25\n  auth:\n    community: public\n");
    }
    text
}

/// 64 scrapes at a time.
pub(super) fn snmp_exporter(devices: usize, port: u16, version: &str) -> Option<Run> {
    let tool = program(&["snmp_exporter", "prometheus-snmp-exporter"], "SNMP_EXPORTER")?;
    let folder = std::env::temp_dir().join(format!("tramgac-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let config = folder.join("snmp.yml");
    std::fs::write(&config, exporter_config(version)).unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = free.local_addr().unwrap();
    drop(free);
    let mut child = Command::new(tool)
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--web.listen-address={listen}"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    for _ in 0..100 {
        if TcpStream::connect(listen).is_ok() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let scrape = |n: usize| -> Option<usize> {
        let mut stream = TcpStream::connect(listen).ok()?;
        let target = super::device(n, port);
        write!(
            stream,
            "GET /snmp?module=bench&target={target} HTTP/1.0\r\nHost: x\r\n\r\n"
        )
        .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(
            answer
                .lines()
                .filter(|l| l.starts_with('c') && l.contains("ifIndex"))
                .count(),
        )
    };
    let ticks = |pid: u32| -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let number = |n: usize| fields[n].parse::<f64>().unwrap();
        (number(11) + number(12)) / 100.0
    };
    let clock = tramgac::clock::SystemClock::new();
    let (start, cpu) = (now(&clock), ticks(child.id()));
    let next = AtomicUsize::new(0);
    let failed = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= devices {
                        return;
                    }
                    if scrape(n).is_none_or(|lines| lines < 8 * 48) {
                        failed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let peak = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
    let run = Run {
        devices,
        failed: failed.into_inner(),
        cpu: ticks(child.id()) - cpu,
        wall: now(&clock).since(start).as_secs_f64(),
        memory_kib: peak.split_whitespace().nth(1).unwrap().parse().unwrap(),
    };
    child.kill().ok();
    child.wait().ok();
    std::fs::remove_dir_all(folder).ok();
    Some(run)
}
