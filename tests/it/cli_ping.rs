//! `tramgac ping`: exit codes, formats, filters, refusals, the path view.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::icmp_network::without_dad;
use crate::support;
use crate::support::netns::Netns;
use crate::support::program;

fn ping(arguments: &[&str]) -> Output {
    let all: Vec<&str> = std::iter::once("ping").chain(arguments.iter().copied()).collect();
    program::run(&all)
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn both_families_answer_and_the_json_has_its_fixed_keys() {
    let output = ping(&["-c", "2", "-p", "20ms", "--format", "json", "127.0.0.1", "::1"]);
    assert_eq!(code(&output), 0, "{output:?}");
    let rows = json(&output);
    assert_eq!(rows.as_array().unwrap().len(), 2);
    let keys: Vec<&String> = rows[0].as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "target",
            "address",
            "sent",
            "received",
            "late",
            "duplicates",
            "loss_ratio",
            "rtt_min_seconds",
            "rtt_median_seconds",
            "rtt_mean_seconds",
            "rtt_max_seconds",
            "jitter_seconds",
            "reason"
        ]
    );
    assert_eq!(
        (&rows[1]["received"], &rows[1]["loss_ratio"]),
        (&2.into(), &0.0.into())
    );
    assert!(rows[0]["rtt_median_seconds"].as_f64().unwrap() < 0.01);
    assert!(rows[0]["reason"].is_null());
}

#[test]
fn lists_come_from_files_networks_and_standard_input() {
    let dir = tempfile::tempdir().unwrap();
    let file = program::write(dir.path(), "hosts", "127.0.0.9 # nine\n\n127.0.0.10 127.0.0.11\n");
    let mut command = program::tramgac(&[
        "ping",
        "-c",
        "1",
        "--format",
        "csv",
        "-f",
        &file,
        "127.7.0.0/30",
        "-",
        "127.8.0.1-127.8.0.2",
    ]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"127.0.0.12\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 0, "{output:?}");
    let text = program::stdout(&output);
    let mut lines = text.lines();
    assert!(
        lines
            .next()
            .unwrap()
            .starts_with("target,address,sent,received,late")
    );
    let targets: Vec<&str> = lines.map(|l| l.split(',').next().unwrap()).collect();
    assert_eq!(
        targets,
        [
            "127.7.0.1",
            "127.7.0.2",
            "127.0.0.12",
            "127.8.0.1",
            "127.8.0.2",
            "127.0.0.9",
            "127.0.0.10",
            "127.0.0.11"
        ]
    );
}

// trap 18
#[test]
fn a_name_that_does_not_resolve_is_one_unknown_target() {
    let output = ping(&[
        "-c",
        "1",
        "--format",
        "jsonl",
        "no-such-name.invalid",
        "127.0.0.1",
    ]);
    assert_eq!(code(&output), 3, "{output:?}");
    let text = program::stdout(&output);
    let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(first["reason"], "name does not resolve");
    assert!(first["loss_ratio"].is_null());
    let second: serde_json::Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
    assert_eq!(second["received"], 1);
}

#[test]
fn floods_and_endless_lists_are_refused_with_the_way_out() {
    for (arguments, told) in [
        (&["--max-rate", "20000", "127.0.0.1"][..], "flood"),
        (&["-i", "10us", "127.0.0.1"][..], "unit"),
        (&["-i", "0.01", "127.0.0.1"][..], "flood"),
        (&["-p", "1ms", "127.0.0.1"][..], "flood"),
        (&["-p", "1", "127.0.0.1"][..], "flood"),
        (&["10.0.0.0/16"][..], "--yes"),
        (&["10.0.0.0/8"][..], "split"),
        (&["10.0.0.0/33"][..], "neither an address"),
        (&["-b", "8", "127.0.0.1"][..], "16"),
        (&["-t", "0s", "127.0.0.1"][..], "at most 40s"),
        (&[][..], "no target"),
        (&["-f", "/no/such/file"][..], "can't be read"),
        (&["-I", "nosuch0", "127.0.0.1"][..], "no interface"),
    ] {
        let output = ping(arguments);
        assert_eq!(code(&output), 2, "{arguments:?} {output:?}");
        assert!(
            program::stderr(&output).contains(told),
            "{arguments:?} {output:?}"
        );
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn an_interrupt_still_prints_what_is_known() {
    let mut running = program::Running::start(program::tramgac(&["ping", "-c", "1000", "127.0.0.1"]));
    // It has begun once its thread runs.
    let tasks = format!("/proc/{}/task", running.pid());
    support::wait_for("the ICMP thread", Duration::from_secs(5), || {
        let names = std::fs::read_dir(&tasks).ok()?;
        names
            .flatten()
            .any(|t| std::fs::read_to_string(t.path().join("comm")).is_ok_and(|c| c == "icmp\n"))
            .then_some(())
    });
    running.signal(Signal::SIGINT);
    running.wait(Duration::from_secs(5));
    support::wait_for("the summary", Duration::from_secs(5), || {
        running.output().contains("1 target,").then_some(())
    });
}

/// Here, two routers, and a host, on 10.78.1.0/24, 10.78.2.0/24, 10.78.3.0/24 and the same in fd78::.
fn path() -> Option<[Netns; 4]> {
    let all = [Netns::new()?, Netns::new()?, Netns::new()?, Netns::new()?];
    for ns in &all {
        without_dad(ns);
    }
    for (pair, n) in all.windows(2).zip(1..) {
        let [near, far] = pair else {
            unreachable!("windows of two")
        };
        let (a, b) = (format!("10.78.{n}.1/24"), format!("10.78.{n}.2/24"));
        near.join(("right", &a), far, ("left", &b));
        near.ip(&["addr", "add", &format!("fd78:{n}::1/64"), "dev", "right", "nodad"]);
        far.ip(&["addr", "add", &format!("fd78:{n}::2/64"), "dev", "left", "nodad"]);
        let set = far.run(
            "sysctl",
            &[
                "-qw",
                "net.ipv4.ip_forward=1",
                "net.ipv6.conf.all.forwarding=1",
                "net.ipv4.icmp_ratelimit=0",
                "net.ipv4.icmp_ratemask=0",
                "net.ipv6.icmp.ratelimit=0",
            ],
        );
        assert!(set.status.success());
    }
    let [here, first, second, host] = &all;
    here.ip(&["route", "add", "default", "via", "10.78.1.2"]);
    here.ip(&["-6", "route", "add", "default", "via", "fd78:1::2"]);
    first.ip(&["route", "add", "default", "via", "10.78.2.2"]);
    first.ip(&["-6", "route", "add", "default", "via", "fd78:2::2"]);
    second.ip(&["route", "add", "10.78.1.0/24", "via", "10.78.2.1"]);
    second.ip(&["-6", "route", "add", "fd78:1::/64", "via", "fd78:2::1"]);
    host.ip(&["route", "add", "default", "via", "10.78.3.1"]);
    host.ip(&["-6", "route", "add", "default", "via", "fd78:3::1"]);
    Some(all)
}

fn ping_in(ns: &Netns, arguments: &[&str]) -> Output {
    ns.command(program::TRAMGAC)
        .arg("ping")
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn the_path_view_shows_each_hop_and_where_it_breaks() {
    let Some(all) = path() else { return };
    if support::peer("nft").is_none() {
        return;
    }
    let quick = [
        "--trace", "-c", "3", "-p", "20ms", "-t", "300ms", "--format", "json",
    ];
    for (target, hops) in [
        ("10.78.3.2", ["10.78.1.2", "10.78.2.2", "10.78.3.2"]),
        ("fd78:3::2", ["fd78:1::2", "fd78:2::2", "fd78:3::2"]),
    ] {
        let output = ping_in(&all[0], &[&quick[..], &[target]].concat());
        assert_eq!(code(&output), 0, "{output:?}");
        let path = &json(&output)[0];
        assert_eq!(path["reached"], true);
        let seen = path["hops"].as_array().unwrap();
        assert_eq!(seen.len(), 3, "{path}");
        for (hop, expected) in seen.iter().zip(hops) {
            assert_eq!(hop["address"], expected, "{path}");
            assert_eq!((&hop["sent"], &hop["received"]), (&3.into(), &3.into()), "{path}");
            assert!(hop["rtt_max_seconds"].as_f64().unwrap() < 0.1);
        }
    }
    // The second router swallows what is for the host: the view says after whom it breaks.
    all[2].nft("add table ip t; add chain ip t f { type filter hook forward priority 0; policy drop; }");
    let output = ping_in(
        &all[0],
        &[
            "--trace",
            "-c",
            "2",
            "-p",
            "20ms",
            "-t",
            "200ms",
            "--max-hops",
            "6",
            "10.78.3.2",
        ],
    );
    assert_eq!(code(&output), 1, "{output:?}");
    let text = program::stdout(&output);
    assert!(text.contains("breaks after hop 2 (10.78.2.2): timeout"), "{text}");
    // A silent target: exit 1, and -u names it while -a does not.
    let silent = ["-c", "1", "-t", "200ms", "10.78.3.2", "10.78.1.2"];
    let output = ping_in(&all[0], &[&["-u"][..], &silent].concat());
    assert_eq!(
        (code(&output), program::stdout(&output).as_str()),
        (1, "10.78.3.2\n")
    );
    let output = ping_in(&all[0], &[&["-a"][..], &silent].concat());
    assert_eq!(
        (code(&output), program::stdout(&output).as_str()),
        (1, "10.78.1.2\n")
    );
}

/// A copy of the program that anyone may run, and a command that runs it as nobody in `ns`.
fn as_nobody(ns: &Netns, dir: &std::path::Path, arguments: &[&str]) -> Output {
    let copy = dir.join("tramgac");
    if !copy.exists() {
        std::fs::copy(program::TRAMGAC, &copy).unwrap();
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    ns.command("setpriv")
        .args([
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--bounding-set=-all",
        ])
        .arg(copy)
        .arg("ping")
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn a_missing_permission_is_one_line_that_names_both_remedies() {
    let Some(ns) = Netns::new() else { return };
    if support::peer("setpriv").is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    ns.run("sysctl", &["-qw", "net.ipv4.ping_group_range=1 0"]);
    let output = as_nobody(&ns, dir.path(), &["127.0.0.1"]);
    assert_eq!(code(&output), 3, "{output:?}");
    let told = program::stderr(&output);
    assert_eq!(told.trim().lines().count(), 1, "{told}");
    for part in [
        "CAP_NET_RAW",
        "setcap",
        "AmbientCapabilities",
        "net.ipv4.ping_group_range",
    ] {
        assert!(told.contains(part), "{told}");
    }
    // The second remedy is true: with the group in the range it works.
    ns.run("sysctl", &["-qw", "net.ipv4.ping_group_range=65534 65534"]);
    let output = as_nobody(&ns, dir.path(), &["-c", "2", "-p", "20ms", "127.0.0.1", "::1"]);
    assert_eq!(code(&output), 0, "{output:?}");
}
