//! Polling on a schedule, as the daemon does: how punctual, how lossless, at what cost.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use tramgac::clock::SystemClock;
use tramgac::probe::snmp::Agent;
use tramgac::probe::snmp::Client;
use tramgac::probe::snmp::Limits;
use tramgac::probe::snmp::WalkEnd;
use tramgac::probe::snmp::transport::Options;

use super::Agents;
use super::agents::Nature;

/// What all devices' polls came to.
#[derive(Debug, Default)]
struct Seen {
    polls: usize,
    /// By device: polls that brought not everything.
    failed: Vec<usize>,
    /// By how much the time from poll to poll was off, of the interval.
    deviations: Vec<f64>,
}

/// Starts the agents and a poller in processes of their own, and prints what the poller says.
pub(super) fn run(part: &str, arguments: &[String]) {
    let number =
        |name: &str, default: u64| super::option(arguments, name).map_or(default, |n| n.parse().unwrap());
    let (devices, seconds, rounds, nature) = match part {
        "cycle" => (10_000, 60, 2, Nature::default()),
        "loss" => (
            2_000,
            60,
            1,
            Nature {
                loss_percent: 5,
                ..Nature::default()
            },
        ),
        _ => (
            1_000,
            15,
            4,
            Nature {
                silent_every: 5,
                ..Nature::default()
            },
        ),
    };
    let (devices, seconds, rounds) = (
        number("--devices", devices),
        number("--seconds", seconds),
        number("--rounds", rounds),
    );
    let (_agents, port) = Agents::start(nature);
    println!("{part}: {devices} devices, every {seconds} s, {rounds} rounds, {nature:?}");
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "scheduled",
            &devices.to_string(),
            &seconds.to_string(),
            &rounds.to_string(),
            &port.to_string(),
        ])
        .status()
        .unwrap();
    assert!(status.success());
}

/// Polls every device `rounds` times, their turns spread over the interval.
pub(super) fn child(devices: usize, seconds: u64, rounds: u32, port: u16) {
    let interval = Duration::from_secs(seconds);
    let seen = Rc::new(RefCell::new(Seen {
        failed: vec![0; devices],
        ..Seen::default()
    }));
    let mut counters = None;
    let run = super::measure(devices, || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let client = Client::new(&Options::default(), SystemClock::shared()).unwrap();
        let credential = super::credential("v2c");
        let local = tokio::task::LocalSet::new();
        let start = runtime.block_on(async { tokio::time::Instant::now() });
        for n in 0..devices {
            let agent = Agent::new(super::device(n, port), std::sync::Arc::clone(&credential));
            let (client, seen) = (client.clone(), Rc::clone(&seen));
            let first = start + interval.mul_f64(n as f64 / devices as f64);
            local.spawn_local(async move {
                let mut last: Option<tokio::time::Instant> = None;
                for round in 0..rounds {
                    tokio::time::sleep_until(first + interval * round).await;
                    let brought = poll(&client, &agent).await;
                    let mut seen = seen.borrow_mut();
                    seen.polls += 1;
                    if brought != super::VALUES {
                        seen.failed[n] += 1;
                        continue;
                    }
                    let now = tokio::time::Instant::now();
                    if let Some(last) = last.replace(now) {
                        let gap = (now - last).as_secs_f64();
                        seen.deviations.push((gap / interval.as_secs_f64() - 1.0).abs());
                    }
                }
            });
        }
        runtime.block_on(local);
        counters = Some(client.counters());
        0
    });
    let mut seen = seen.take();
    seen.deviations.sort_by(f64::total_cmp);
    let part = |q: f64| {
        let place = ((seen.deviations.len().max(1) - 1) as f64 * q) as usize;
        seen.deviations.get(place).copied().unwrap_or(0.0) * 100.0
    };
    let always = seen.failed.iter().filter(|n| **n == rounds as usize).count();
    let sometimes = seen
        .failed
        .iter()
        .filter(|n| (1..rounds as usize).contains(*n))
        .count();
    println!(
        "{} polls in {:.1} s: {} devices failed always, {} sometimes; from poll to poll off by {:.2} % (median), {:.2} % (99th), {:.2} % (most) of the interval",
        seen.polls,
        run.wall,
        always,
        sometimes,
        part(0.5),
        part(0.99),
        part(1.0),
    );
    println!(
        "{:.2} % of one core, {} MiB at most; {:?}",
        run.cpu / run.wall * 100.0,
        run.memory_kib / 1024,
        counters.unwrap(),
    );
}

/// One device's turn: the number of values that it brought.
async fn poll(client: &Client, agent: &Agent) -> usize {
    let scalars = client
        .get(agent, &super::system())
        .await
        .map_or(0, |got| got.len());
    if scalars == 0 {
        return 0;
    }
    let walk = client.walk(agent, &super::columns(), Limits::default()).await;
    if walk.ended == WalkEnd::Complete {
        scalars + walk.rows.len()
    } else {
        0
    }
}
