//! The checks `smtp` and `imap`: aiosmtpd, Dovecot, and a mailbox server in trouble, as RFC 3501 has it.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::time::Duration;

use serde_json::json;
use tramgac::model::Outcome;
use tramgac::model::Reason;

use super::probe_http::self_signed;
use super::probe_tcp::look;
use super::probe_tcp::server;
use crate::support;
use crate::support::peers;
use crate::support::program::Running;

const PATIENCE: Duration = Duration::from_secs(30);

/// aiosmtpd on the loopback with these options, once it answers.
fn aiosmtpd(options: &[&str]) -> (Running, u16) {
    let port = support::free_tcp_port();
    let mut command = std::process::Command::new(peers::PYTHON);
    command
        .args(["-m", "aiosmtpd", "-n", "-l", &format!("127.0.0.1:{port}")])
        .args(["-c", "aiosmtpd.handlers.Sink"])
        .args(options);
    let running = Running::start(command);
    support::wait_for("aiosmtpd", PATIENCE, || {
        std::net::TcpStream::connect(("127.0.0.1", port)).ok()
    });
    (running, port)
}

fn ask(kind: &str, port: u16, more: &serde_json::Value) -> (Outcome, tramgac::model::ServiceStats) {
    let mut options = json!({"kind": kind, "host": "localhost", "port": port});
    options
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    look(&options, PATIENCE)
}

#[test]
fn a_mail_server_is_asked_in_clear_and_over_tls() {
    if !peers::has_smtp() || support::peer("openssl").is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (key, certificate) = self_signed(dir.path());
    let trusted = |tls: &str| json!({"tls": tls, "ca_file": certificate});

    let (_plain, port) = aiosmtpd(&[]);
    let (outcome, stats) = ask("smtp", port, &json!({}));
    assert_eq!(outcome, Outcome::Good);
    let phases: Vec<&str> = stats.phases.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(phases, ["resolve", "connect", "greeting", "capabilities"]);
    let (outcome, _) = ask("smtp", port, &trusted("starttls"));
    assert!(matches!(outcome, Outcome::Bad(Reason::Tls(_))), "{outcome:?}");

    let (_starttls, port) = aiosmtpd(&["--tlscert", &certificate, "--tlskey", &key]);
    let (outcome, stats) = ask("smtp", port, &trusted("starttls"));
    assert_eq!(outcome, Outcome::Good);
    assert!(stats.tls_not_after.is_some());
    let (outcome, _) = ask("smtp", port, &json!({"tls": "starttls"}));
    assert!(matches!(outcome, Outcome::Bad(Reason::Tls(_))), "{outcome:?}");
    let (outcome, _) = ask("smtp", port, &json!({"tls": "starttls", "insecure": true}));
    assert_eq!(outcome, Outcome::Good);

    let (_implicit, port) = aiosmtpd(&["--smtpscert", &certificate, "--smtpskey", &key]);
    let (outcome, _) = ask("smtp", port, &trusted("implicit"));
    assert_eq!(outcome, Outcome::Good);
}

#[test]
fn dovecot_is_asked_in_clear_and_over_tls() {
    if support::peer("openssl").is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (key, certificate) = self_signed(dir.path());
    let Some((_dovecot, clear, tls)) = peers::dovecot(dir.path(), &key, &certificate) else {
        return;
    };
    let trusted = |tls: &str| json!({"tls": tls, "ca_file": certificate});

    let (outcome, stats) = ask("imap", clear, &json!({}));
    assert_eq!(outcome, Outcome::Good);
    let phases: Vec<&str> = stats.phases.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(phases, ["resolve", "connect", "greeting", "capabilities"]);
    assert_eq!(stats.tls_not_after, None);
    for (mode, port) in [("starttls", clear), ("implicit", tls)] {
        let (outcome, stats) = ask("imap", port, &trusted(mode));
        assert_eq!(outcome, Outcome::Good, "{mode}");
        assert!(stats.tls_not_after.is_some(), "{mode}");
        let (outcome, _) = ask("imap", port, &json!({"tls": mode}));
        assert!(
            matches!(outcome, Outcome::Bad(Reason::Tls(_))),
            "{mode}: {outcome:?}"
        );
    }
    // What speaks another protocol is told from what is down.
    let (outcome, _) = ask("smtp", clear, &json!({}));
    assert_eq!(outcome, Outcome::Bad(Reason::Malformed));
}

/// A mailbox server that answers `CAPABILITY` with `answer`.
fn mailboxes(greeting: &'static str, answer: &'static str) -> u16 {
    server(move |mut stream| {
        stream.write_all(format!("{greeting}\r\n").as_bytes()).unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        for line in lines.map_while(Result::ok) {
            let (tag, command) = line.split_once(' ').unwrap();
            let told = match command {
                "CAPABILITY" => format!("* CAPABILITY IMAP4rev1 IDLE\r\n{tag} {answer}\r\n"),
                "LOGOUT" => format!("* BYE\r\n{tag} OK\r\n"),
                other => format!("{tag} BAD {other}\r\n"),
            };
            if stream.write_all(told.as_bytes()).is_err() {
                return;
            }
        }
    })
}

#[test]
fn a_mailbox_server_that_greets_and_answers_is_good_and_one_in_trouble_is_not() {
    let outcome = |port| ask("imap", port, &json!({})).0;
    assert_eq!(outcome(mailboxes("* OK ready", "OK done")), Outcome::Good);
    assert_eq!(outcome(mailboxes("* PREAUTH hello", "OK done")), Outcome::Good);
    assert_eq!(
        outcome(mailboxes("* BYE overloaded", "OK")),
        Outcome::Bad(Reason::BodyMismatch)
    );
    assert_eq!(
        outcome(mailboxes("* OK ready", "NO not now")),
        Outcome::Bad(Reason::BodyMismatch)
    );
    assert_eq!(
        outcome(mailboxes("220 this is another protocol", "OK")),
        Outcome::Bad(Reason::Malformed)
    );
    // It hangs up without a word.
    assert_eq!(outcome(server(drop)), Outcome::Bad(Reason::Refused));
    assert_eq!(outcome(support::free_tcp_port()), Outcome::Bad(Reason::Refused));
    let (cut, _) = ask("imap", mailboxes("* OK ready", "OK"), &json!({"tls": "starttls"}));
    assert!(matches!(cut, Outcome::Bad(Reason::Tls(_))), "{cut:?}");
}

#[test]
fn a_mail_server_that_has_no_time_is_not_good() {
    let port = server(|mut stream| stream.write_all(b"421 too busy\r\n").unwrap());
    assert_eq!(
        ask("smtp", port, &json!({})).0,
        Outcome::Bad(Reason::BodyMismatch)
    );
}
