//! The fuzz target's seeds, mangled in a bounded number of ways, on the stable toolchain.

use tramgac::lab::weather::Chance;
use tramgac::probe::icmp::packet;
use tramgac::probe::icmp::packet::Family;
use tramgac::probe::icmp::packet::Message;

/// Mangled packets of each seed.
const ROUNDS: u64 = 5_000;

fn below(chance: &mut Chance, end: usize) -> usize {
    usize::try_from(chance.number() >> 11).unwrap() % end.max(1)
}

fn mangle(seed: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=below(chance, 4) {
        let at = below(chance, bytes.len());
        match below(chance, 4) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, u8::try_from(below(chance, 256)).unwrap()),
            2 if !bytes.is_empty() => {
                bytes.remove(at);
            }
            _ if !bytes.is_empty() => bytes[at] ^= 1 << below(chance, 8),
            _ => {}
        }
    }
    // Half of them with a right checksum, so that what lies behind it is read as well.
    if bytes.len() >= 4 && below(chance, 2) == 0 {
        bytes[2..4].fill(0);
        let sum = packet::checksum(&bytes);
        bytes[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    bytes
}

/// What a seed is by its name: of which family, and the message in it.
fn message<'a>(name: &str, bytes: &'a [u8]) -> (Family, &'a [u8]) {
    if name.starts_with("v6") {
        (Family::V6, bytes)
    } else if name.contains("datagram") {
        (Family::V4, packet::strip_ipv4(bytes).unwrap())
    } else {
        (Family::V4, bytes)
    }
}

#[test]
fn mangled_packets_are_messages_or_corrupt_and_never_a_panic() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/seeds/icmp_packet");
    let mut chance = Chance::new(0x2545_f491_4f6c_dd1d);
    let mut seeds = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let seed = std::fs::read(entry.path()).unwrap();
        let name = entry.file_name().into_string().unwrap();
        let (family, whole) = message(&name, &seed);
        let read = packet::parse(family, whole).unwrap();
        let is_reply = matches!(read, Message::Reply { .. });
        assert_eq!(
            is_reply,
            name.contains("reply") || name.contains("datagram"),
            "{name}"
        );
        assert!(read != Message::Other, "{name}");
        seeds += 1;
        for _ in 0..ROUNDS {
            let bytes = mangle(&seed, &mut chance);
            if let Ok(Message::Reply { payload, .. }) = packet::parse(family, &bytes) {
                assert_eq!(payload.len() + packet::HEADER, bytes.len());
            }
            if let Ok(inner) = packet::strip_ipv4(&bytes) {
                assert!(matches!(
                    packet::parse(Family::V4, inner),
                    Ok(_) | Err(packet::Corrupt)
                ));
            }
            assert_eq!(
                packet::parse_own(&bytes, [192, 0, 2, 1].into()).is_ok(),
                bytes.len() >= packet::HEADER
            );
        }
    }
    assert_eq!(seeds, 8);
}
