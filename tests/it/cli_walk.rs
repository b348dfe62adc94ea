//! `tramgac walk` beside net-snmp's own snmpwalk.

use std::process::Output;

use crate::support::free_udp_address;
use crate::support::program::run;
use crate::support::program::stderr;
use crate::support::program::stdout;
use crate::support::snmpd;
use crate::support::snmpd::Snmpd;

fn walk(snmpd: &Snmpd, arguments: &[&str]) -> Output {
    let address = snmpd.address.to_string();
    let mut all = vec!["walk"];
    all.extend(
        arguments
            .iter()
            .map(|a| if *a == "ADDRESS" { &address } else { *a }),
    );
    run(&all)
}

/// Lines whose values stand still between two walks.
fn steady(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text).into_owned();
    text.lines()
        .filter(|line| !line.contains("Timeticks:") && !line.contains("Counter"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn it_prints_what_snmpwalk_prints() {
    let Some(snmpd) = Snmpd::start() else { return };
    for root in [
        ".1.3.6.1.2.1.1",
        ".1.3.6.1.2.1.2",
        ".1.3.6.1.2.1.4.20",
        ".1.3.6.1.2.1.31",
        ".1.3.6.1.2.1.25.3.2",
        ".1.3.6.1.4.1.2021.4",
        ".1.3.6.1.4.1.8072.1.2.1",
        ".1.3.6.1.6.3.10.3",
        ".1.3.6.1.2.1.1.5.0",
        ".1.3.6.1.2.1.1.77.0",
    ] {
        let theirs = snmpd
            .tool("snmpwalk", &["-v2c", "-c", snmpd::COMMUNITY, "-On"], &[root])
            .unwrap();
        let ours = walk(&snmpd, &["-c", snmpd::COMMUNITY, "ADDRESS", root]);
        assert_eq!(stderr(&ours), "", "{root}");
        assert_eq!(steady(&ours.stdout), steady(&theirs.stdout), "{root}");
        let user = snmpd::user("sha256", "aes");
        let options = [
            "-v3",
            "-u",
            &user,
            "-l",
            "authPriv",
            "-a",
            "SHA-256",
            "-A",
            snmpd::AUTH_PASSWORD,
            "-x",
            "AES",
            "-X",
            snmpd::PRIV_PASSWORD,
        ];
        let mut all = options.to_vec();
        all.extend(["ADDRESS", root]);
        assert_eq!(
            steady(&walk(&snmpd, &all).stdout),
            steady(&theirs.stdout),
            "{root} v3"
        );
    }
}

#[test]
fn its_other_formats_hold_the_same_rows() {
    let Some(snmpd) = Snmpd::start() else { return };
    let root = "1.3.6.1.2.1.1.9";
    let lines = |format| {
        let output = walk(
            &snmpd,
            &["-c", snmpd::COMMUNITY, "--format", format, "ADDRESS", root],
        );
        assert!(output.status.success(), "{}", stderr(&output));
        stdout(&output)
    };
    let table = lines("table");
    let rows: Vec<serde_json::Value> = serde_json::from_str(&lines("json")).unwrap();
    assert_eq!(rows.len(), table.lines().count());
    assert_eq!(lines("jsonl").lines().count(), rows.len());
    assert_eq!(lines("snmprec").lines().count(), rows.len());
    assert!(
        rows.iter()
            .any(|row| row["type"] == "oid" && row["oid"] == "1.3.6.1.2.1.1.9.1.2.1")
    );
    assert!(lines("snmprec").starts_with("1.3.6.1.2.1.1.9.1.2.1|6|1.3.6.1."));
    let bulk = walk(&snmpd, &["-c", snmpd::COMMUNITY, "--bulk", "1", "ADDRESS", root]);
    assert_eq!(stdout(&bulk), table);
}

#[test]
fn it_says_why_there_is_no_answer_and_how_it_ended() {
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let silent_address = silent.local_addr().unwrap().to_string();
    let output = run(&["walk", "-c", "x", "-t", "0.1", "-r", "0", &silent_address]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("does not accept the community"));
    let refused = run(&["walk", "-c", "x", &free_udp_address().to_string()]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("refused"), "{}", stderr(&refused));
    let usage = run(&["walk", "127.0.0.1"]);
    assert_eq!(usage.status.code(), Some(2));
    assert!(stderr(&usage).contains("--community"));
    let name = run(&["walk", "-c", "x", "no-such-host.invalid"]);
    assert_eq!(name.status.code(), Some(3));
    let oid = run(&["walk", "-c", "x", "127.0.0.1", "1.x"]);
    assert_eq!(oid.status.code(), Some(2));
}
