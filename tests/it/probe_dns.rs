//! The check `dns` against dnsmasq.

use std::time::Duration;

use serde_json::json;
use tramgac::model::Outcome;
use tramgac::model::Reason;

use super::probe_tcp::look;
use crate::support;
use crate::support::program::Running;

const PATIENCE: Duration = Duration::from_secs(30);

/// dnsmasq with a small zone, on the loopback, and its port.
fn dnsmasq(folder: &std::path::Path) -> Option<(Running, u16)> {
    let program = support::peer("dnsmasq")?;
    let port = support::free_udp_address().port();
    let mut command = std::process::Command::new(program);
    command
        .args([
            "--no-daemon",
            "--no-resolv",
            "--no-hosts",
            "--conf-file=/dev/null",
        ])
        .args(["--listen-address=127.0.0.1", "--bind-interfaces", "--user=root"])
        .arg(format!("--port={port}"))
        .arg(format!("--pid-file={}", folder.join("pid").display()))
        .arg("--host-record=mot-cua.example.vn,192.0.2.7,2001:db8::7")
        .arg("--cname=www.example.vn,mot-cua.example.vn")
        .arg("--mx-host=example.vn,thu.example.vn,10")
        .arg("--txt-record=example.vn,v=spf1 -all")
        .arg("--ptr-record=7.2.0.192.in-addr.arpa,mot-cua.example.vn")
        .args([
            "--local=/example.vn/",
            "--auth-zone=example.vn",
            "--auth-server=ns.example.vn",
        ]);
    // Larger than a datagram may be, so that TCP is needed.
    for n in 0..200 {
        command.arg(format!("--host-record=nhieu.example.vn,192.0.2.{n}"));
    }
    Some((Running::start(command), port))
}

#[test]
fn every_kind_of_question_is_asked_and_its_answer_compared() {
    let folder = tempfile::tempdir().unwrap();
    let Some((server, port)) = dnsmasq(folder.path()) else {
        return;
    };
    let ask = |name: &str, kind: &str, expect: &[&str]| {
        look(
            &json!({"kind": "dns", "host": "127.0.0.1", "port": port, "name": name, "type": kind, "expect": expect}),
            PATIENCE,
        )
        .0
    };
    support::wait_for("dnsmasq to answer", PATIENCE, || {
        (ask("mot-cua.example.vn", "A", &[]) == Outcome::Good).then_some(())
    });
    for (name, kind, expect) in [
        ("mot-cua.example.vn", "A", "192.0.2.7"),
        ("MOT-CUA.example.VN.", "A", "192.0.2.7"),
        ("www.example.vn", "A", "192.0.2.7"),
        ("mot-cua.example.vn", "AAAA", "2001:DB8::7"),
        ("www.example.vn", "CNAME", "mot-cua.example.vn"),
        ("example.vn", "MX", "thu.example.vn"),
        ("example.vn", "TXT", "v=spf1 -all"),
        ("7.2.0.192.in-addr.arpa", "PTR", "mot-cua.example.vn."),
    ] {
        assert_eq!(
            ask(name, kind, &[]),
            Outcome::Good,
            "{name} {kind}: {}",
            server.output()
        );
        assert_eq!(
            ask(name, kind, &[expect]),
            Outcome::Good,
            "{name} {kind} {expect}"
        );
        assert_eq!(
            ask(name, kind, &[expect, "other"]),
            Outcome::Bad(Reason::BodyMismatch),
            "{name} {kind}"
        );
    }
    assert_eq!(ask("khong-co.example.vn", "A", &[]), Outcome::Bad(Reason::Dns));
    // It has 200 addresses: cut over UDP, whole over TCP.
    assert_eq!(
        ask("nhieu.example.vn", "A", &["192.0.2.0", "192.0.2.199"]),
        Outcome::Good
    );
}

#[test]
fn a_name_server_that_is_not_there_is_refused_or_silent() {
    let port = support::free_udp_address().port();
    let look = |timeout| {
        look(
            &json!({"kind": "dns", "host": "127.0.0.1", "port": port, "name": "example.vn"}),
            timeout,
        )
        .0
    };
    assert_eq!(look(PATIENCE), Outcome::Bad(Reason::Refused));
    let _silent = std::net::UdpSocket::bind(("127.0.0.1", port)).unwrap();
    assert_eq!(look(Duration::from_millis(300)), Outcome::Bad(Reason::Timeout));
}
