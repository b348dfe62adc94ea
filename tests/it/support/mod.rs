//! What integration tests share: peers, namespaces, waiting, the program itself.

#![expect(dead_code, reason = "each test uses a part of it")]

pub mod allocations;
pub mod blank;
pub mod board;
pub mod browser;
pub mod district;
pub mod exposition;
pub mod netns;
pub mod odd_agent;
pub mod peers;
pub mod program;
pub mod prometheus;
pub mod site;
pub mod snmpd;
pub mod snmpsim;
pub mod wall;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::time::Duration;

/// The path of a program that a test needs, or `None` after saying on standard
/// error that it is missing. Under `tests/run` a missing peer is a failure.
pub fn peer(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let extra = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from);
    let found = std::env::split_paths(&path)
        .chain(extra)
        .map(|dir| dir.join(name))
        .find(|p| p.is_file());
    if found.is_none() {
        missing(name);
    }
    found
}

/// Says that something a test needs is missing; a failure under `tests/run`.
pub fn missing(what: &str) {
    assert!(
        std::env::var_os("TRAMGAC_REQUIRE_PEERS").is_none(),
        "the peer {what} is missing"
    );
    eprintln!("skipped: the peer {what} is missing");
}

/// Whether the test runs as root; says so if not.
pub fn is_root() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        eprintln!("skipped: this test needs root");
    }
    root
}

/// Waits until `ready` says something, at most `limit`.
///
/// # Panics
/// When it does not, with `what` was waited for.
pub fn wait_for<T>(what: &str, limit: Duration, mut ready: impl FnMut() -> Option<T>) -> T {
    let clock = tramgac::clock::SystemClock::new();
    let start = tramgac::clock::Clock::mono(&clock);
    loop {
        if let Some(value) = ready() {
            return value;
        }
        let waited = tramgac::clock::Clock::mono(&clock).since(start);
        assert!(waited < limit, "waited {waited:?} in vain for {what}");
        pause();
    }
}

/// Lets others run between two looks at a condition; never waits for a result by itself.
#[expect(
    clippy::disallowed_methods,
    reason = "the pause between two looks at a condition with a deadline"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}

/// A TCP port of 127.0.0.1 that was free a moment ago.
pub fn free_tcp_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// A UDP address on 127.0.0.1 that was free a moment ago.
pub fn free_udp_address() -> SocketAddr {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap()
}

/// Asks a server on 127.0.0.1 without a body: the status and the body of its answer.
pub fn http(port: u16, method: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let request = format!(
        "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}
