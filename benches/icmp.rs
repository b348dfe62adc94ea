//! ICMP: the physical limit of this machine, fping, and ours, in one run.
//!
//! `cargo bench --bench icmp` runs every row three times in turn and prints the
//! medians and the ratios (docs/performance.md has them). `cargo bench --bench
//! icmp -- WORDS` runs the rows whose name holds one of the words, `--runs N`
//! N times each, `--list` prints the names. Needs root, `cc` and `fping`; other
//! peers are used when they are there, or unpacked below `TRAMGAC_PEERS`. CPU is
//! user + system of the child. On the loopback it holds the responder's part,
//! for every contender.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench is read by people, and nothing can go on without its peers"
)]

#[path = "icmp/contender.rs"]
mod contender;
#[path = "icmp/ours.rs"]
mod ours;
#[path = "icmp/resident.rs"]
mod resident;

use std::collections::BTreeMap;

use contender::Run;

/// A contender: its name, and how to run it once.
type Contender = (&'static str, Box<dyn Fn() -> Run>);

/// One row of the table: a work, its contenders.
struct Row {
    name: &'static str,
    contenders: Vec<Contender>,
}

fn row(name: &'static str, contenders: Vec<Contender>) -> Row {
    Row { name, contenders }
}

/// Rows in which somebody runs all day and is watched for a while.
fn resident_rows() -> Vec<Row> {
    let raw = |hosts: u32, rounds: u32, rate: u32| -> Box<dyn Fn() -> Run> {
        Box::new(move || contender::raw(hosts, rounds, rate, 10))
    };
    // The engine alone, at the tick that the daemon gives it.
    let ours = |hosts: u32, rounds: u32, rate: u32| -> Box<dyn Fn() -> Run> {
        Box::new(move || contender::ours(hosts, rounds, rate, 20))
    };
    let daemon = |hosts: u32, count: u32, seconds: u32| -> Box<dyn Fn() -> Run> {
        Box::new(move || resident::daemon(hosts, count, seconds))
    };
    let smokeping = |hosts: u32, protocol: &'static str| -> Box<dyn Fn() -> Run> {
        Box::new(move || resident::smokeping(hosts, protocol))
    };
    vec![
        row(
            "all day, 1,000 targets at 1 s",
            vec![
                ("raw loop, 10 ms", raw(1_000, 15, 1_000)),
                ("tramgac, 20 ms", ours(1_000, 15, 1_000)),
                ("tramgac run", daemon(1_000, 1, 1)),
                ("smokeping, ping sockets", smokeping(1_000, "udp")),
            ],
        ),
        row(
            "all day, raw sockets, 1,000 targets at 1 s",
            vec![
                ("raw loop, 10 ms", raw(1_000, 15, 1_000)),
                ("smokeping, raw sockets", smokeping(1_000, "icmp")),
            ],
        ),
        row(
            "all day, 10,000 targets at 1 s",
            vec![
                ("raw loop, 10 ms", raw(10_000, 15, 10_000)),
                ("tramgac, 20 ms", ours(10_000, 15, 10_000)),
                ("tramgac run", daemon(10_000, 1, 1)),
                ("smokeping, ping sockets", smokeping(10_000, "udp")),
            ],
        ),
        row(
            "all day, 20,000 x 3 at 1 s",
            vec![
                ("raw loop, flat out", raw(20_000, 15, 0)),
                ("tramgac run", daemon(20_000, 3, 1)),
            ],
        ),
        row(
            "all day, 100,000 x 5 at 5 s",
            vec![
                ("raw loop, flat out", raw(100_000, 5, 0)),
                ("tramgac run", daemon(100_000, 5, 5)),
            ],
        ),
    ]
}

fn rows() -> Vec<Row> {
    let raw = |hosts: u32, rounds: u32, rate: u32, tick: u32| -> Box<dyn Fn() -> Run> {
        Box::new(move || contender::raw(hosts, rounds, rate, tick))
    };
    let ours = |hosts: u32, count: u32, rate: u32, tick: u32| -> Box<dyn Fn() -> Run> {
        Box::new(move || contender::ours(hosts, count, rate, tick))
    };
    let fping = |hosts: u32, options: &'static [&'static str]| -> Box<dyn Fn() -> Run> {
        Box::new(move || contender::fping(hosts, options))
    };
    vec![
        row(
            "flat out, 100,000 x 5",
            vec![
                ("raw loop", raw(100_000, 5, 0, 10)),
                ("tramgac", ours(100_000, 5, 0, 10)),
                (
                    "surge-ping, 128 at a time",
                    Box::new(|| contender::surge(100_000, 5)),
                ),
            ],
        ),
        row(
            "flat out, 50,000 x 1",
            vec![
                ("raw loop", raw(50_000, 1, 0, 10)),
                ("tramgac", ours(50_000, 1, 0, 10)),
                ("fping -i 0", fping(50_000, &["-C", "1", "-i", "0"])),
            ],
        ),
        row(
            "flat out, 100,000 x 1",
            vec![
                ("raw loop", raw(100_000, 1, 0, 10)),
                ("tramgac", ours(100_000, 1, 0, 10)),
                ("fping -i 0", fping(100_000, &["-C", "1", "-i", "0"])),
            ],
        ),
        row(
            "flat out, 5,000 x 1",
            vec![
                // The exporter's start is not counted, so nobody's is.
                ("raw loop", Box::new(|| contender::raw_begun(5_000))),
                ("tramgac", Box::new(|| contender::ours_begun(5_000))),
                ("tramgac, start and end too", ours(5_000, 1, 0, 10)),
                ("blackbox, 100 at a time", Box::new(|| resident::blackbox(5_000))),
            ],
        ),
        row(
            "steady 1,000/s, 10,000 x 1",
            vec![
                ("raw loop, 10 ms", raw(10_000, 1, 1_000, 10)),
                ("tramgac, 10 ms", ours(10_000, 1, 1_000, 10)),
                ("tramgac, 20 ms", ours(10_000, 1, 1_000, 20)),
                ("fping -i 1", fping(10_000, &["-C", "1", "-i", "1"])),
            ],
        ),
        row(
            "100,000 x 1 in 20 s",
            vec![
                ("raw loop, 10 ms", raw(100_000, 1, 5_000, 10)),
                ("tramgac, 10 ms", ours(100_000, 1, 5_000, 10)),
                ("fping -i 0.2", fping(100_000, &["-C", "1", "-i", "0.2"])),
            ],
        ),
    ]
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if arguments.first().is_some_and(|a| a == "child") {
        ours::child(&arguments[1..]);
        return;
    }
    let mut rows = rows();
    rows.extend(resident_rows());
    if arguments.iter().any(|a| a == "--list") {
        for row in rows {
            println!("{}", row.name);
        }
        return;
    }
    let mut times = 3;
    if let Some(place) = arguments.iter().position(|a| a == "--runs") {
        times = arguments[place + 1].parse().unwrap();
        arguments.drain(place..=place + 1);
    }
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: this bench needs root");
        return;
    }
    for row in rows {
        if !arguments.is_empty() && !arguments.iter().any(|word| row.name.contains(word.as_str())) {
            continue;
        }
        println!("\n{}", row.name);
        println!(
            "{:<24} {:>10} {:>28} {:>8} {:>8} {:>8}  lost",
            "contender", "CPU/100k", "each run", "ratio", "wall s", "MB"
        );
        let mut runs: BTreeMap<usize, Vec<Run>> = BTreeMap::new();
        for _ in 0..times {
            for (n, (_, run)) in row.contenders.iter().enumerate() {
                runs.entry(n).or_default().push(run());
            }
        }
        let mut limit = None;
        for (n, (name, _)) in row.contenders.iter().enumerate() {
            let all = &runs[&n];
            if let Some(fault) = all.iter().find_map(|r| r.fault.as_ref()) {
                println!("{name:<24} no result: {fault}");
                continue;
            }
            let mut cpu: Vec<f64> = all.iter().map(Run::cpu_per_100k).collect();
            let listed = cpu
                .iter()
                .map(|c| format!("{c:.3}"))
                .collect::<Vec<_>>()
                .join(" ");
            let middle = median(&mut cpu);
            let limit = *limit.get_or_insert(middle);
            let wall = median(&mut all.iter().map(|r| r.wall).collect::<Vec<_>>());
            let memory = median(&mut all.iter().map(|r| r.memory_mb).collect::<Vec<_>>());
            let lost: u64 = all.iter().map(|r| r.lost).sum();
            println!(
                "{name:<24} {middle:>10.3} {listed:>28} {:>7.2}x {wall:>8.2} {memory:>8.1}  {lost}",
                middle / limit
            );
        }
    }
}
