//! The first 16 bytes of every payload: where the request is kept, and a keyed
//! cookie over it, so that nobody who has not seen the request can answer it,
//! and nobody can answer for another address (trap 15).
//!
//! Pure: the key is an argument. SipHash-2-4, 64 bits.

use std::hash::Hasher;
use std::net::IpAddr;

use siphasher::sip::SipHasher24;

/// The secret of one engine; from the system's random source.
#[derive(Clone, Copy)]
pub struct Key(pub [u8; 16]);

/// Where a request is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Index in the table of bursts.
    pub slot: u32,
    /// Which burst of that slot.
    pub serial: u32,
}

impl Key {
    fn cookie(&self, place: Place, seq: u16, address: IpAddr) -> u64 {
        let mut text = [0_u8; 27];
        text[0..4].copy_from_slice(&place.slot.to_be_bytes());
        text[4..8].copy_from_slice(&place.serial.to_be_bytes());
        text[8..10].copy_from_slice(&seq.to_be_bytes());
        match address {
            IpAddr::V4(v4) => {
                text[10] = 4;
                text[11..15].copy_from_slice(&v4.octets());
            }
            IpAddr::V6(v6) => {
                text[10] = 6;
                text[11..27].copy_from_slice(&v6.octets());
            }
        }
        let mut hasher = SipHasher24::new_with_key(&self.0);
        hasher.write(&text);
        hasher.finish()
    }

    /// The tag of a request to `address`.
    pub fn tag(&self, place: Place, seq: u16, address: IpAddr) -> [u8; 16] {
        let mut tag = [0_u8; 16];
        tag[0..4].copy_from_slice(&place.slot.to_be_bytes());
        tag[4..8].copy_from_slice(&place.serial.to_be_bytes());
        tag[8..16].copy_from_slice(&self.cookie(place, seq, address).to_be_bytes());
        tag
    }

    /// The place that a payload names, if its cookie is ours for this sequence
    /// number and this address.
    pub fn open(&self, payload: &[u8], seq: u16, address: IpAddr) -> Option<Place> {
        let (tag, _) = payload.split_first_chunk::<16>()?;
        let (slot, rest) = tag.split_first_chunk::<4>()?;
        let (serial, rest) = rest.split_first_chunk::<4>()?;
        let (cookie, _) = rest.split_first_chunk::<8>()?;
        let place = Place {
            slot: u32::from_be_bytes(*slot),
            serial: u32::from_be_bytes(*serial),
        };
        (self.cookie(place, seq, address) == u64::from_be_bytes(*cookie)).then_some(place)
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        // trap 15
        #[test]
        fn a_tag_opens_only_for_its_address_sequence_and_key(
            key: [u8; 16], slot: u32, serial: u32, seq: u16, address: u32, other: u32, bit in 0_usize..128,
        ) {
            let key = Key(key);
            let place = Place { slot, serial };
            let to = IpAddr::from(address.to_be_bytes());
            let tag = key.tag(place, seq, to);
            prop_assert_eq!(key.open(&tag, seq, to), Some(place));
            prop_assert_eq!(key.open(&tag, seq.wrapping_add(1), to), None);
            if other != address {
                prop_assert_eq!(key.open(&tag, seq, other.to_be_bytes().into()), None);
            }
            let mut bent = tag;
            bent[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(key.open(&bent, seq, to), None);
            let mut stranger = key.0;
            stranger[0] ^= 1;
            prop_assert_eq!(Key(stranger).open(&tag, seq, to), None);
        }

        #[test]
        fn any_payload_is_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40), seq: u16) {
            prop_assert_eq!(Key([7; 16]).open(&bytes, seq, Ipv6Addr::LOCALHOST.into()), None);
        }
    }
}
