//! The check `tcp` against real listeners.

use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use tramgac::clock::SystemClock;
use tramgac::config::node::Node;
use tramgac::config::problem::Sink;
use tramgac::config::secret::Env;
use tramgac::model::BlindReason;
use tramgac::model::Outcome;
use tramgac::model::Reason;
use tramgac::model::ServiceStats;
use tramgac::probe;
use tramgac::probe::Context;

use crate::support;

/// Builds a check from its options and runs it once.
pub fn look(options: &serde_json::Value, timeout: Duration) -> (Outcome, ServiceStats) {
    let sink = Sink::new();
    let env = Arc::new(Env::new([("TOKEN".to_owned(), "s3cret".to_owned())]));
    let node = Node::from_json("test", options, &env, &sink);
    let built = probe::build(&node, &sink);
    let check = sink
        .finish(built)
        .map_err(|problems| problems.to_string())
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let context = Context {
        timeout,
        clock: SystemClock::shared(),
    };
    runtime.block_on(probe::check::run(&*check, &context))
}

/// A server that treats each connection with `serve`, as long as the test runs.
pub fn server(serve: impl Fn(std::net::TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            serve(stream.unwrap());
        }
    });
    port
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_port_that_accepts_is_good_and_one_that_refuses_is_not() {
    let port = server(drop);
    let (outcome, stats) = look(
        &serde_json::json!({"kind": "tcp", "host": "127.0.0.1", "port": port}),
        SECOND,
    );
    assert_eq!(outcome, Outcome::Good);
    let phases: Vec<&str> = stats.phases.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(phases, ["resolve", "connect"]);
    let free = support::free_tcp_port();
    let (outcome, _) = look(
        &serde_json::json!({"kind": "tcp", "host": "127.0.0.1", "port": free}),
        SECOND,
    );
    assert_eq!(outcome, Outcome::Bad(Reason::Refused));
}

#[test]
fn what_it_says_is_compared_and_what_it_wants_to_hear_is_sent() {
    let port = server(|mut stream| {
        let mut word = [0; 6];
        stream.read_exact(&mut word).unwrap();
        let answer: &[u8] = if &word == b"HELO\r\n" {
            b"250 hello\r\n"
        } else {
            b"500 what\r\n"
        };
        stream.write_all(answer).unwrap();
    });
    let check = |send: &str| {
        look(
            &serde_json::json!({"kind": "tcp", "host": "localhost", "port": port, "send": send, "expect": "250 "}),
            SECOND,
        )
    };
    let (outcome, stats) = check("HELO\r\n");
    assert_eq!(outcome, Outcome::Good);
    assert!(stats.phases.iter().any(|(name, _)| name == "first_byte"));
    assert_eq!(check("QUIT\r\n").0, Outcome::Bad(Reason::BodyMismatch));
}

// trap 18
#[test]
fn a_hung_server_is_cut_by_the_deadline() {
    let (keep, kept) = std::sync::mpsc::sync_channel(8);
    let port = server(move |stream| keep.send(stream).unwrap());
    let limit = Duration::from_millis(200);
    let (outcome, stats) = look(
        &serde_json::json!({"kind": "tcp", "host": "127.0.0.1", "port": port, "expect": "never"}),
        limit,
    );
    assert_eq!(outcome, Outcome::Bad(Reason::Timeout));
    assert!(stats.duration >= limit && stats.duration < 4 * limit, "{stats:?}");
    assert!(
        stats.phases.iter().any(|(name, _)| name == "connect"),
        "{stats:?}"
    );
    drop(kept);
}

// trap 18
#[test]
fn a_name_that_does_not_resolve_says_nothing_about_the_service() {
    let (outcome, _) = look(
        &serde_json::json!({"kind": "tcp", "host": "no-such-name.invalid", "port": 80}),
        Duration::from_secs(5),
    );
    assert_eq!(outcome, Outcome::Blind(BlindReason::Dns));
}
