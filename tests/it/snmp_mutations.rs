//! The fuzz target's seeds, mangled in a bounded number of ways, on the stable toolchain.

use tramgac::probe::snmp::codec::Message;
use tramgac::probe::snmp::codec::ScopedPdu;
use tramgac::probe::snmp::codec::message::write_community;
use tramgac::probe::snmp::codec::peek_id;
use tramgac::probe::snmp::text;

/// Mangled packets of each seed.
const ROUNDS: u64 = 5_000;

/// A small generator (xorshift), the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % end.max(1)
    }
}

fn mangle(seed: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len());
        match dice.below(5) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, u8::try_from(dice.below(256)).unwrap()),
            2 if !bytes.is_empty() => {
                bytes.remove(at);
            }
            // Lengths are what a parser trusts: make them large.
            3 if !bytes.is_empty() => bytes[at] = [0x7f, 0x80, 0x81, 0x84, 0xff][dice.below(5)],
            _ if !bytes.is_empty() => bytes[at] ^= 1 << dice.below(8),
            _ => {}
        }
    }
    bytes
}

fn read(bytes: &[u8]) {
    let id = peek_id(bytes);
    drop(ScopedPdu::parse(bytes));
    let Ok(Message::Community {
        version,
        community,
        pdu,
    }) = Message::parse(bytes)
    else {
        return;
    };
    assert_eq!(id, Some(pdu.request_id), "the quick look and the reading agree");
    for binding in &pdu.bindings {
        drop(text::numeric(binding));
        drop(text::snmprec(binding));
        drop(text::described(&binding.value));
    }
    let again = write_community(version, community, &pdu);
    let whole = Message::Community {
        version,
        community,
        pdu,
    };
    assert_eq!(Message::parse(&again), Ok(whole));
}

#[test]
fn mangled_packets_are_messages_or_malformed_and_never_a_panic() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/seeds/snmp_message");
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let mut seeds = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let seed = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(Message::parse(&seed).is_ok(), "a seed is a whole message");
        seeds += 1;
        for _ in 0..ROUNDS {
            read(&mangle(&seed, &mut dice));
        }
    }
    assert!(seeds >= 4);
}
