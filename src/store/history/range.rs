//! An adaptive binary range coder: each yes-or-no costs as many bits as it surprises.
//!
//! The carry handling is that of LZMA (7-zip `RangeCoder`, public domain), with
//! two changes for blocks of some hundred numbers: an estimate learns fast at
//! first and slowly later, and the end takes as few bytes as it can. Pure.

/// Bits of an estimate.
const BITS: u32 = 16;
/// Below this the range is widened by a byte.
const TOP: u32 = 1 << 24;
/// An estimate never gets nearer than this to certainty, so that a surprise stays payable.
const MARGIN: u32 = 32;
/// After so many observations an estimate moves by 1/(LIMIT + 2) of what is missing.
const LIMIT: u8 = 30;

/// What is believed of one yes-or-no: the probability of no, and how often it was asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bit {
    no: u16,
    seen: u8,
}

impl Default for Bit {
    fn default() -> Self {
        Self {
            no: 1 << (BITS - 1),
            seen: 0,
        }
    }
}

impl Bit {
    fn bound(self, range: u32) -> u32 {
        (range >> BITS) * u32::from(self.no)
    }

    fn learn(&mut self, yes: bool) {
        let divisor = u32::from(self.seen) + 2;
        let no = u32::from(self.no);
        let no = if yes {
            no - no / divisor
        } else {
            no + ((1 << BITS) - no) / divisor
        };
        let no = no.clamp(MARGIN, (1 << BITS) - MARGIN);
        self.no = u16::try_from(no).unwrap_or(u16::MAX);
        self.seen = (self.seen + 1).min(LIMIT);
    }
}

/// Writes decisions.
#[derive(Debug)]
pub(super) struct Encoder {
    low: u64,
    range: u32,
    /// The last byte, which a carry may still change, and the 0xff bytes after it.
    held: Option<u8>,
    held_ones: usize,
    out: Vec<u8>,
    /// What `out` held before.
    start: usize,
}

impl Encoder {
    /// An encoder that appends to `out`.
    pub(super) fn new(out: Vec<u8>) -> Self {
        Self {
            low: 0,
            range: u32::MAX,
            held: None,
            held_ones: 0,
            start: out.len(),
            out,
        }
    }

    fn shift(&mut self) {
        let [.., fifth, top, _, _, _] = self.low.to_be_bytes();
        let carry = fifth;
        if top != 0xff || carry != 0 {
            if let Some(byte) = self.held {
                self.out.push(byte.wrapping_add(carry));
            }
            for _ in 0..self.held_ones {
                self.out.push(0xff_u8.wrapping_add(carry));
            }
            self.held_ones = 0;
            self.held = Some(top);
        } else {
            self.held_ones += 1;
        }
        self.low = (self.low & 0x00ff_ffff) << 8;
    }

    fn widen(&mut self) {
        while self.range < TOP {
            self.range <<= 8;
            self.shift();
        }
    }

    /// One decision with an estimate that learns.
    pub(super) fn bit(&mut self, bit: &mut Bit, yes: bool) {
        let bound = bit.bound(self.range);
        if yes {
            self.low += u64::from(bound);
            self.range -= bound;
        } else {
            self.range = bound;
        }
        bit.learn(yes);
        self.widen();
    }

    /// The lowest `count` bits of `value`, most significant first, each at the full price.
    pub(super) fn raw(&mut self, value: u64, count: u32) {
        for place in (0..count).rev() {
            self.range >>= 1;
            if (value >> place) & 1 == 1 {
                self.low += u64::from(self.range);
            }
            self.widen();
        }
    }

    /// Ends with as few bytes as possible: what the decoder misses it takes as zero.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let end = self.low + u64::from(self.range);
        for zeros in (0..32).rev() {
            let mask = (1u64 << zeros) - 1;
            let rounded = (self.low + mask) & !mask;
            if rounded < end {
                self.low = rounded;
                break;
            }
        }
        for _ in 0..5 {
            self.shift();
        }
        while self.out.len() > self.start && self.out.last() == Some(&0) {
            self.out.pop();
        }
        self.out
    }
}

/// Reads decisions. Damaged bytes give nonsense, never a panic.
#[derive(Debug)]
pub(super) struct Decoder<'a> {
    code: u32,
    range: u32,
    bytes: &'a [u8],
}

impl<'a> Decoder<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let mut decoder = Self {
            code: 0,
            range: u32::MAX,
            bytes,
        };
        for _ in 0..4 {
            decoder.pull();
        }
        decoder
    }

    fn pull(&mut self) {
        let next = match self.bytes.split_first() {
            Some((first, rest)) => {
                self.bytes = rest;
                *first
            }
            None => 0,
        };
        self.code = (self.code << 8) | u32::from(next);
    }

    fn widen(&mut self) {
        while self.range < TOP {
            self.range <<= 8;
            self.pull();
        }
    }

    /// One decision.
    pub(super) fn bit(&mut self, bit: &mut Bit) -> bool {
        let bound = bit.bound(self.range);
        let yes = self.code >= bound;
        if yes {
            self.code = self.code.wrapping_sub(bound);
            self.range -= bound;
        } else {
            self.range = bound;
        }
        bit.learn(yes);
        self.widen();
        yes
    }

    /// `count` bits at the full price.
    pub(super) fn raw(&mut self, count: u32) -> u64 {
        let mut value = 0;
        for _ in 0..count {
            self.range >>= 1;
            let yes = self.code >= self.range;
            if yes {
                self.code -= self.range;
            }
            value = (value << 1) | u64::from(yes);
            self.widen();
        }
        value
    }
}

/// Sizes of a signed number: 0 to 63 bits of magnitude.
const SIZES: usize = 64;

/// A model of signed numbers that are mostly small and much alike.
///
/// A number is: is it zero; how many bits has its magnitude (a tree of six
/// decisions); its sign; the two bits after the leading one; the rest raw.
#[derive(Debug, Clone)]
pub(super) struct Number {
    zero: [Bit; 2],
    size: [Bit; SIZES],
    sign: [Bit; 2],
    head: [[Bit; 3]; SIZES],
    was_zero: usize,
    was_negative: usize,
}

impl Default for Number {
    fn default() -> Self {
        Self {
            zero: [Bit::default(); 2],
            size: [Bit::default(); SIZES],
            sign: [Bit::default(); 2],
            head: [[Bit::default(); 3]; SIZES],
            was_zero: 0,
            was_negative: 0,
        }
    }
}

impl Number {
    /// Writes `n`; `i64::MIN` counts as `-i64::MAX`.
    #[expect(
        clippy::indexing_slicing,
        reason = "every index is below its array's length by construction"
    )]
    pub(super) fn put(&mut self, out: &mut Encoder, n: i64) {
        let magnitude = n.unsigned_abs().min(i64::MAX.unsigned_abs());
        out.bit(&mut self.zero[self.was_zero], magnitude == 0);
        self.was_zero = usize::from(magnitude == 0);
        if magnitude == 0 {
            return;
        }
        let below = magnitude.ilog2();
        let mut node = 1usize;
        for place in (0..6).rev() {
            let yes = (below >> place) & 1 == 1;
            out.bit(&mut self.size[node], yes);
            node = (node << 1) | usize::from(yes);
        }
        out.bit(&mut self.sign[self.was_negative], n < 0);
        self.was_negative = usize::from(n < 0);
        let head = &mut self.head[below as usize];
        let adaptive = below.min(2);
        let mut node = 0usize;
        for step in 1..=adaptive {
            let yes = (magnitude >> (below - step)) & 1 == 1;
            out.bit(&mut head[node], yes);
            node = 1 + usize::from(yes);
        }
        out.raw(magnitude, below - adaptive);
    }

    /// Reads a number.
    #[expect(
        clippy::indexing_slicing,
        reason = "every index is below its array's length by construction"
    )]
    pub(super) fn get(&mut self, from: &mut Decoder<'_>) -> i64 {
        let is_zero = from.bit(&mut self.zero[self.was_zero]);
        self.was_zero = usize::from(is_zero);
        if is_zero {
            return 0;
        }
        let mut node = 1usize;
        for _ in 0..6 {
            node = (node << 1) | usize::from(from.bit(&mut self.size[node]));
        }
        let below = u32::try_from(node & (SIZES - 1)).unwrap_or(0).min(62);
        let is_negative = from.bit(&mut self.sign[self.was_negative]);
        self.was_negative = usize::from(is_negative);
        let head = &mut self.head[below as usize];
        let adaptive = below.min(2);
        let mut magnitude = 1u64;
        let mut node = 0usize;
        for _ in 0..adaptive {
            let yes = from.bit(&mut head[node]);
            node = 1 + usize::from(yes);
            magnitude = (magnitude << 1) | u64::from(yes);
        }
        let rest = below - adaptive;
        magnitude = (magnitude << rest) | from.raw(rest);
        let magnitude = magnitude.cast_signed();
        if is_negative { -magnitude } else { magnitude }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn round_trip(numbers: &[i64]) -> Vec<u8> {
        let mut model = Number::default();
        let mut encoder = Encoder::new(Vec::new());
        for n in numbers {
            model.put(&mut encoder, *n);
        }
        let bytes = encoder.finish();
        let mut model = Number::default();
        let mut decoder = Decoder::new(&bytes);
        let back: Vec<i64> = numbers.iter().map(|_| model.get(&mut decoder)).collect();
        assert_eq!(back, numbers);
        bytes
    }

    proptest! {
        #[test]
        fn numbers_come_back(numbers in prop::collection::vec(
            prop_oneof![Just(0i64), -3i64..3, -1000i64..1000, (i64::MIN + 1)..i64::MAX], 0..300)
        ) {
            round_trip(&numbers);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let mut model = Number::default();
            let mut decoder = Decoder::new(&bytes);
            for _ in 0..200 {
                model.get(&mut decoder);
            }
        }
    }

    #[test]
    fn what_never_changes_costs_next_to_nothing() {
        assert!(round_trip(&[0; 1440]).len() < 12);
        assert!(round_trip(&[7; 1440]).len() < 40);
    }
}
