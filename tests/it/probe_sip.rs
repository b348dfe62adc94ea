//! The check `sip` against Kamailio, and against an answerer of RFC 3261 that loses and mixes up.

use std::net::UdpSocket;
use std::time::Duration;

use serde_json::json;
use tramgac::model::Outcome;
use tramgac::model::Reason;

use super::probe_tcp::look;
use crate::support;
use crate::support::peers;

const PATIENCE: Duration = Duration::from_secs(30);

/// Answers the first `count` requests with what `answer` makes of their Call-ID, as long as the test runs.
fn server(answer: impl Fn(&str, usize) -> Vec<String> + Send + 'static) -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut buffer = vec![0; 65_536];
        for count in 0.. {
            let (length, from) = socket.recv_from(&mut buffer).unwrap();
            let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
            assert!(
                request.starts_with("OPTIONS sip:") && request.ends_with("\r\n\r\n"),
                "{request}"
            );
            let id = request
                .lines()
                .find_map(|line| line.strip_prefix("Call-ID: "))
                .unwrap();
            for text in answer(id, count) {
                socket.send_to(text.as_bytes(), from).unwrap();
            }
        }
    });
    port
}

fn status(status: &str, id: &str) -> String {
    format!(
        "SIP/2.0 {status}\r\nVia: SIP/2.0/UDP x\r\nCall-ID: {id}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )
}

fn ask(port: u16, more: &serde_json::Value) -> Outcome {
    let mut options = json!({"kind": "sip", "host": "127.0.0.1", "port": port});
    options
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    look(&options, PATIENCE).0
}

#[test]
fn a_server_that_answers_options_is_good_and_one_in_trouble_is_not() {
    // Another call's answer and «wait» come first; the first request is lost.
    let port = server(|id, count| match count {
        0 => Vec::new(),
        _ => vec![
            status("503 Not yours", "another"),
            status("100 Trying", id),
            status("200 OK", id),
        ],
    });
    assert_eq!(ask(port, &json!({})), Outcome::Good);
    let port = server(|id, _| vec![status("403 Forbidden", id)]);
    assert_eq!(ask(port, &json!({"user": "tong-dai"})), Outcome::Good);
    assert_eq!(
        ask(port, &json!({"strict": true})),
        Outcome::Bad(Reason::HttpStatus(403))
    );
    let port = server(|id, _| vec![status("503 Service Unavailable", id)]);
    assert_eq!(ask(port, &json!({})), Outcome::Bad(Reason::HttpStatus(503)));
    assert_eq!(
        ask(support::free_udp_address().port(), &json!({})),
        Outcome::Bad(Reason::Refused)
    );
}

#[test]
fn kamailio_finds_our_request_sound_and_its_answer_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let Some((_kamailio, port)) = peers::kamailio(dir.path()) else {
        return;
    };
    assert_eq!(ask(port, &json!({})), Outcome::Good);
    assert_eq!(ask(port, &json!({"user": "tong-dai"})), Outcome::Good);
    assert_eq!(
        ask(port, &json!({"user": "bao-tri"})),
        Outcome::Bad(Reason::HttpStatus(503))
    );
    // It is there, though it knows nobody of that name.
    assert_eq!(ask(port, &json!({"user": "la"})), Outcome::Good);
    assert_eq!(
        ask(port, &json!({"user": "la", "strict": true})),
        Outcome::Bad(Reason::HttpStatus(404))
    );
}
