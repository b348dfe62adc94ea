//! Any bytes from the network: read as ICMP of both families, and given to an
//! engine with a burst under way as an answer to it.
//!
//! ```text
//! cargo +nightly fuzz run icmp_packet fuzz/corpus/icmp_packet fuzz/seeds/icmp_packet -- -max_total_time=60
//! ```

#![no_main]

use std::net::IpAddr;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use tramgac::model::Mono;
use tramgac::model::Timestamp;
use tramgac::probe::icmp::Options;
use tramgac::probe::icmp::Order;
use tramgac::probe::icmp::cookie::Key;
use tramgac::probe::icmp::engine::Engine;
use tramgac::probe::icmp::packet;
use tramgac::probe::icmp::packet::Family;
use tramgac::probe::icmp::packet::Message;
use tramgac::probe::icmp::socket::Drops;
use tramgac::probe::icmp::socket::Incoming;
use tramgac::probe::icmp::socket::Mode;
use tramgac::probe::icmp::socket::Queued;

const V4: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const V6: IpAddr = IpAddr::V6(std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));

fuzz_target!(|bytes: &[u8]| {
    for family in [Family::V4, Family::V6] {
        if let Ok(Message::Reply { payload, .. }) = packet::parse(family, bytes) {
            assert!(payload.len() + packet::HEADER == bytes.len());
        }
    }
    if let Ok(inner) = packet::strip_ipv4(bytes) {
        assert!(matches!(packet::parse(Family::V4, inner), Ok(_) | Err(packet::Corrupt)));
    }
    assert_eq!(packet::parse_own(bytes, V4).is_ok(), bytes.len() >= packet::HEADER);
    answer(bytes, V4);
    answer(bytes, V6);
});

/// Gives the bytes to an engine: as they are, as the rest of a true reply, as
/// the quote of an error, and from a socket's error queue.
fn answer(bytes: &[u8], to: IpAddr) {
    let options = Options {
        max_rate: None,
        ..Options::default()
    };
    let mut engine = Engine::new(&options, Mode::Raw, 1 << 20, Key([7; 16]), 0x4240);
    let now = Mono(1_000_000_000);
    engine.begin(now, Timestamp::from_secs(1_800_000_000), Drops::default());
    engine.accept(&Order::new(1, to), now);
    let Some(packet) = engine.next_send(now) else {
        return;
    };
    let request = packet.bytes.to_vec();
    engine.sent(now, Ok(()));
    let at = now.plus(Duration::from_millis(1));
    let incoming = |bytes, error| Incoming {
        from: to,
        at,
        bytes,
        error,
    };
    engine.receive(&incoming(bytes, None));
    // The fuzzer's bytes over a true reply: its first byte says where they begin.
    let (reply, error) = if to.is_ipv4() { (0, 3) } else { (129, 1) };
    let mut patched = request.clone();
    patched[0] = reply;
    if let Some((&place, rest)) = bytes.split_first() {
        for (there, new) in patched.iter_mut().skip(usize::from(place)).zip(rest) {
            *there = *new;
        }
    }
    mend(&mut patched, to);
    engine.receive(&incoming(&patched, None));
    let mut quoting = vec![error, bytes.first().copied().unwrap_or(0), 0, 0, 0, 0, 0, 0];
    quoting.extend_from_slice(bytes);
    mend(&mut quoting, to);
    engine.receive(&incoming(&quoting, None));
    let queued = Queued {
        kind: error,
        code: 1,
        to,
    };
    engine.receive(&incoming(bytes, Some(queued)));
    engine.advance(at.plus(Duration::from_secs(60)));
    let counters = engine.counters();
    assert!(counters.received <= counters.sent, "{counters:?}");
    for burst in engine.take_done() {
        assert!(burst.stats.received <= burst.stats.sent, "{burst:?}");
    }
}

/// A right checksum, without which nothing is looked at.
fn mend(message: &mut [u8], to: IpAddr) {
    if to.is_ipv4()
        && let Some(place) = message.get_mut(2..4)
    {
        place.fill(0);
        let sum = packet::checksum(message);
        if let Some(place) = message.get_mut(2..4) {
            place.copy_from_slice(&sum.to_be_bytes());
        }
    }
}
