//! `tramgac inspect` over real UDP: the lab's agents, and a real snmpd.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::Value as Json;
use tramgac::clock::SystemClock;
use tramgac::lab::agent::serve;
use tramgac::lab::recordings::Recordings;
use tramgac::lab::scripted;

use super::profile_golden::folder;
use super::profile_golden::names;
use crate::support::program::run;
use crate::support::program::stderr;
use crate::support::program::stdout;
use crate::support::snmpd;
use crate::support::snmpd::Snmpd;

/// An agent in this process, on a runtime of its own.
struct Lab {
    address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

fn lab() -> Lab {
    lab_of(folder())
}

fn lab_of(folder: std::path::PathBuf) -> Lab {
    let recordings = Recordings::new(Some(folder));
    let clock = SystemClock::shared();
    for kind in scripted::NAMES {
        let device = scripted::device(kind, &format!("lab-{kind}"), &clock).unwrap();
        recordings.add(kind, Arc::new(device));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let socket = runtime
        .block_on(tokio::net::UdpSocket::bind("127.0.0.1:0"))
        .unwrap();
    let address = socket.local_addr().unwrap();
    runtime.spawn(serve(socket, Arc::new(recordings)));
    Lab {
        address,
        _runtime: runtime,
    }
}

fn inspect(lab: &Lab, arguments: &[&str]) -> std::process::Output {
    let address = lab.address.to_string();
    let mut all = vec!["inspect", &address, "-t", "0.3", "-r", "1"];
    all.extend(arguments);
    run(&all)
}

fn json(output: &std::process::Output) -> Json {
    serde_json::from_str(&stdout(output)).unwrap()
}

#[test]
fn what_the_wire_tells_is_what_the_recording_tells() {
    let agents = lab();
    for name in names() {
        let output = inspect(&agents, &["-c", &name, "--format", "json"]);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", stderr(&output));
        let mut told = json(&output);
        let golden = std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
        let golden: Json = serde_json::from_str(&golden).unwrap();
        let object = told.as_object_mut().unwrap();
        assert_eq!(object.shift_remove("version"), Some("2c".into()));
        assert_eq!(
            object.shift_remove("address"),
            Some(agents.address.to_string().into())
        );
        assert!(object.shift_remove("packets").unwrap().as_u64().unwrap() > 1);
        let mut golden = golden;
        golden.as_object_mut().unwrap().shift_remove("address");
        assert_eq!(told, golden, "{name}");
    }
}

#[test]
fn version_1_finds_the_same_device() {
    let agents = lab();
    let output = inspect(&agents, &["-v", "1", "-c", "ruijie", "--format", "json"]);
    let told = json(&output);
    assert_eq!(told["version"], "1");
    assert_eq!(told["facts"]["serial"], "LABG1RUIJIE01");
    // There are no counters of 64 bits in version 1: those of 32 are read.
    assert_eq!(told["interfaces"][0]["in_octets"], 1_000_000);
}

#[test]
fn a_silent_device_is_not_reached_and_the_exit_code_says_so() {
    let agents = lab();
    let output = inspect(&agents, &["-c", "nobody", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let told = json(&output);
    assert_eq!(told["reached"], false);
    assert_eq!(told["address"], agents.address.to_string());
    assert!(told["errors"][0]["why"].as_str().unwrap().len() > 10);
    let table = inspect(&agents, &["-c", "nobody"]);
    assert_eq!(table.status.code(), Some(1));
    assert!(stderr(&table).starts_with("error: "), "{}", stderr(&table));
}

#[test]
fn a_person_reads_a_page() {
    let agents = lab();
    let output = inspect(&agents, &["-c", "printer"]);
    let page = stdout(&output);
    for part in [
        "HP LaserJet",
        "LAB0001PRN",
        "Black Cartridge",
        "34%",
        "18,250",
        "some",
    ] {
        assert!(page.contains(part), "{part} is missing:\n{page}");
    }
}

#[test]
fn a_scripted_device_moves() {
    let agents = lab();
    let octets = || {
        let told = json(&inspect(&agents, &["-c", "router", "--format", "json"]));
        told["interfaces"][0]["in_octets"].as_u64().unwrap()
    };
    let first = octets();
    assert!(octets() > first);
}

#[test]
fn a_real_snmpd_is_read() {
    let Some(snmpd) = Snmpd::start() else { return };
    let address = snmpd.address.to_string();
    let output = run(&["inspect", &address, "-c", snmpd::COMMUNITY, "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let told = json(&output);
    assert_eq!(told["reached"], true);
    assert_eq!(told["profile"], "linux");
    assert_eq!(told["facts"]["class"], "server");
    let names: Vec<&str> = told["interfaces"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|i| i["name"].as_str())
        .collect();
    assert!(names.contains(&"lo"), "{names:?}");
    assert!(told["memory"][0]["size_bytes"].as_u64().unwrap() > 1_000_000);
    assert_eq!(told.get("errors"), None);
}

#[test]
fn a_switch_that_keeps_each_vlan_in_a_context_tells_the_bridge_tables_of_all() {
    let dir = tempfile::tempdir().unwrap();
    let system = "1.3.6.1.2.1.1.1.0|4|Cisco IOS Software, made up\n\
                  1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.9.1.1208\n1.3.6.1.2.1.1.3.0|67|360000\n";
    let context = |vlan: u32, mac: &str, port: u32, if_index: u32| {
        format!(
            "{system}1.3.6.1.2.1.17.1.4.1.2.{port}|2|{if_index}\n1.3.6.1.2.1.17.4.3.1.2.{mac}|2|{port}\n\
             1.3.6.1.2.1.17.4.3.1.3.{mac}|2|3\n1.3.6.1.4.1.9.9.46.1.3.1.1.2.1.{vlan}|2|1\n"
        )
    };
    let vlans = "1.3.6.1.4.1.9.9.46.1.3.1.1.2.1.1|2|1\n1.3.6.1.4.1.9.9.46.1.3.1.1.2.1.10|2|1\n\
                 1.3.6.1.4.1.9.9.46.1.3.1.1.2.1.1002|2|1\n";
    for (name, text) in [
        ("sw.snmprec", format!("{system}{vlans}")),
        ("sw@1.snmprec", context(1, "2.27.33.0.0.1", 3, 10103)),
        ("sw@10.snmprec", context(10, "2.27.33.0.0.10", 5, 10105)),
    ] {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let lab = lab_of(dir.path().to_owned());
    let learnt = json(&inspect(&lab, &["-c", "sw", "--format", "json"]));
    let fdb = serde_json::json!([
        {"mac": "02:1b:21:00:00:01", "if_index": 10103, "vlan": 1},
        {"mac": "02:1b:21:00:00:0a", "if_index": 10105, "vlan": 10},
    ]);
    assert_eq!(learnt["fdb"], fdb, "{learnt}");
    assert_eq!(learnt["errors"], Json::Null, "{learnt}");
}
