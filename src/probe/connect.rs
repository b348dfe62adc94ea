//! From a name to a TCP connection, and what the failures mean.
//!
//! All addresses of a name are tried, a new one every quarter of a second
//! (RFC 8305), so that a name with a dead IPv6 address is neither slow nor down.

use std::io;
use std::net::SocketAddr;

use nix::libc;
use tokio::net::TcpStream;
use tokio::net::lookup_host;
use tokio::task::JoinSet;

use super::check::Context;
use super::check::Stats;
use crate::model::BlindReason;
use crate::model::Outcome;
use crate::model::Reason;
use crate::model::Span;

/// RFC 8305 §8: recommended delay between two attempts.
const STAGGER: Span = Span::from_millis(250);
/// Addresses of one name that are tried.
const MAX_ADDRESSES: usize = 8;

/// Resolves a name and connects to the first address that accepts; phases
/// `resolve` and `connect`.
///
/// # Errors
/// The outcome of the look: blind when the name does not resolve, which says
/// nothing about the service (trap 18).
pub(super) async fn connect(
    host: &str,
    port: u16,
    context: &Context,
    stats: &mut Stats,
) -> Result<TcpStream, Outcome> {
    let start = context.clock.mono();
    let found = lookup_host((host, port)).await;
    let start = stats.end_phase("resolve", start, context);
    let addresses = match found {
        Ok(found) => in_turn(found),
        Err(error) => {
            tracing::debug!(host, %error, "a name does not resolve");
            return Err(Outcome::Blind(BlindReason::Dns));
        }
    };
    let connected = race(addresses).await;
    stats.end_phase("connect", start, context);
    connected
}

/// The families in turn, beginning with the one that the resolver puts first.
fn in_turn(found: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let all: Vec<SocketAddr> = found.collect();
    let is_first_v4 = all.first().is_some_and(SocketAddr::is_ipv4);
    let (first, second): (Vec<_>, Vec<_>) = all.into_iter().partition(|a| a.is_ipv4() == is_first_v4);
    let mut second = second.into_iter();
    let mut mixed = Vec::new();
    for address in first {
        mixed.push(address);
        mixed.extend(second.next());
    }
    mixed.extend(second);
    mixed.truncate(MAX_ADDRESSES);
    mixed
}

async fn race(addresses: Vec<SocketAddr>) -> Result<TcpStream, Outcome> {
    let mut waiting = addresses.into_iter();
    let mut attempts = JoinSet::new();
    let mut fault = Outcome::Blind(BlindReason::Dns);
    loop {
        match waiting.next() {
            Some(address) => {
                attempts.spawn(TcpStream::connect(address));
            }
            None if attempts.is_empty() => return Err(fault),
            None => {}
        }
        let ended = if waiting.len() == 0 {
            attempts.join_next().await
        } else {
            // The next address has its turn when this one fails, or when it is slow.
            tokio::time::timeout(STAGGER, attempts.join_next())
                .await
                .ok()
                .flatten()
        };
        match ended {
            Some(Ok(Ok(stream))) => return Ok(stream),
            Some(Ok(Err(error))) => fault = meaning(&error),
            Some(Err(error)) => fault = Outcome::Blind(BlindReason::Internal(error.to_string())),
            None => {}
        }
    }
}

/// What an error of a TCP connection says.
pub(super) fn meaning(error: &io::Error) -> Outcome {
    match error.raw_os_error() {
        Some(libc::ECONNREFUSED | libc::ECONNRESET | libc::EPIPE) => Outcome::Bad(Reason::Refused),
        Some(libc::EHOSTUNREACH) => Outcome::Bad(Reason::HostUnreachable),
        Some(libc::ETIMEDOUT) => Outcome::Bad(Reason::Timeout),
        Some(libc::EACCES) => Outcome::Bad(Reason::Prohibited),
        // No route from here, no permission here, no address left here: our own matter.
        Some(libc::ENETUNREACH | libc::EADDRNOTAVAIL | libc::EAFNOSUPPORT) => {
            Outcome::Blind(BlindReason::NoRoute)
        }
        Some(libc::ENETDOWN) => Outcome::Blind(BlindReason::InterfaceDown),
        Some(libc::EPERM) => Outcome::Blind(BlindReason::Permission),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM) => {
            Outcome::Blind(BlindReason::Internal(error.to_string()))
        }
        None if error.kind() == io::ErrorKind::UnexpectedEof => Outcome::Bad(Reason::Refused),
        Some(_) | None => Outcome::Bad(Reason::Internal(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_and_the_resolver_s_first_comes_first() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let given = [at("[::1]:1"), at("[::2]:1"), at("10.0.0.1:1")];
        assert_eq!(in_turn(given.into_iter()), [given[0], given[2], given[1]]);
        let given = [at("10.0.0.1:1"), at("[::1]:1"), at("[::2]:1")];
        assert_eq!(in_turn(given.into_iter()), given);
    }
}
