//! A hasher for numbers that our own program gives out: tokens, row numbers, places.
//!
//! Nobody can choose them so that they collide; SipHash would cost 3 % of a
//! ping in the engine, and more in the schedule.

use std::hash::BuildHasherDefault;
use std::hash::Hasher;

/// Makes [`Spread`] hashers for a map.
pub type BuildSpread = BuildHasherDefault<Spread>;

/// Fibonacci hashing: a map looks at the upper bits and at the lower ones.
#[derive(Debug, Default)]
pub struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u32(&mut self, n: u32) {
        self.write_u64(n.into());
    }

    fn write_u64(&mut self, n: u64) {
        let n = (self.0 ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = n ^ n >> 32;
    }

    fn write_usize(&mut self, n: usize) {
        // The kind of an enum and a length come this way.
        self.write_u64(u64::try_from(n).unwrap_or(u64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::BuildHasher;

    use super::*;

    #[test]
    fn numbers_in_a_row_and_their_kinds_are_spread() {
        let build = BuildSpread::default();
        let all: Vec<u64> = (0..4_u32)
            .flat_map(|kind| (0..4_096_u32).map(move |n| (kind, n)))
            .map(|key| build.hash_one(key))
            .collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        // hashbrown takes its place from the lower bits and its mark from the upper seven.
        let low: HashSet<u64> = all.iter().map(|h| h & 0xffff).collect();
        let high: HashSet<u64> = all.iter().map(|h| h >> 57).collect();
        assert!(low.len() > 8_192, "{} of 16,384 places", low.len());
        assert_eq!(high.len(), 128);
    }
}
