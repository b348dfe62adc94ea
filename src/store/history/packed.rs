//! The newest samples of neighbouring series, packed: a fleet has a million
//! series, and a quarter of an hour of each is kept in memory.
//!
//! The series of one device are neighbours and get their samples together, so
//! that one entry after the other goes into one string of bytes for all of a
//! block:
//!
//! | byte | holds |
//! |---|---|
//! | 1 | place of the series in the block (5 bits); whether the time is another than the last entry's; form of the value (2 bits) |
//! | 0–10 | what the time differs by, only if it does |
//! | 0–8 | the value: nothing for zero, four bytes of millionths, the first half of its bits where the second is zero, or all of them |
//!
//! Nothing is lost or put in order: what comes out is what went in. Pure.

use super::chunk::{millionths, of_millionths};
use super::journal::{put, take, unzigzag, zigzag};
use super::tick::Tick;

/// Series in a block.
pub(super) const SERIES: usize = 32;

/// Bytes that a block grows by. All pieces are of one size, so that what one
/// block frees serves the next.
const PIECE: usize = 256;

/// The time differs from that of the entry before.
const OTHER_TIME: u8 = 1 << 5;

/// Forms of a value, by the two bits that tell them.
const ZERO: u8 = 0;
const MILLIONTHS: u8 = 1;
const HALF: u8 = 2;
const WHOLE: u8 = 3;

/// One sample: place of its series in the block, time, value.
pub(super) type Sample = (u8, Tick, f64);

/// The newest samples of [`SERIES`] series, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Block {
    #[expect(
        clippy::vec_box,
        reason = "a block must not be copied, nor have room for twice as much, to grow"
    )]
    pieces: Vec<Box<[u8; PIECE]>>,
    /// Bytes in use, in all pieces together.
    len: usize,
    /// The time of the last entry.
    last: Tick,
    /// Samples of each series; what is above 255 counts as 255.
    counts: [u8; SERIES],
}

impl Block {
    /// Appends; returns how many samples its series has now, at most 255.
    /// `entry` is room to work in.
    pub(super) fn push(&mut self, (place, at, value): Sample, entry: &mut Vec<u8>) -> u8 {
        entry.clear();
        let is_other = at != self.last || self.len == 0;
        let form = form(value);
        entry.push((place & 31) | (if is_other { OTHER_TIME } else { 0 }) | (form.0 << 6));
        if is_other {
            put(entry, zigzag(at.0.wrapping_sub(self.last.0)));
            self.last = at;
        }
        let (length, bytes) = (form.1, form.2);
        entry.extend(bytes.into_iter().take(length));
        self.append(entry);
        self.counts.get_mut(usize::from(place & 31)).map_or(0, |count| {
            *count = count.saturating_add(1);
            *count
        })
    }

    fn append(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let begin = self.len % PIECE;
            if begin == 0 {
                self.pieces.push(Box::new([0; PIECE]));
            }
            let room = self.pieces.last_mut().and_then(|piece| piece.get_mut(begin..));
            let Some(room) = room else { return };
            let (now, later) = bytes.split_at(bytes.len().min(room.len()));
            for (to, from) in room.iter_mut().zip(now) {
                *to = *from;
            }
            self.len += now.len();
            bytes = later;
        }
    }

    /// Whether there is no sample of a series.
    pub(super) fn lacks(&self, place: u8) -> bool {
        self.counts
            .get(usize::from(place))
            .is_none_or(|count| *count == 0)
    }

    /// The bytes of all entries: a short copy, to be read by [`samples`].
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.pieces.len() * PIECE);
        for piece in &self.pieces {
            bytes.extend_from_slice(&piece[..]);
        }
        bytes.truncate(self.len);
        bytes
    }

    /// Takes out the first `counts` samples of each series.
    pub(super) fn cut(&mut self, counts: &[usize; SERIES]) {
        let bytes = self.bytes();
        let mut left = *counts;
        let (mut kept, mut entry) = (Self::default(), Vec::new());
        for sample in samples(&bytes) {
            match left.get_mut(usize::from(sample.0)) {
                Some(left) if *left > 0 => *left -= 1,
                Some(_) | None => {
                    kept.push(sample, &mut entry);
                }
            }
        }
        *self = kept;
    }
}

/// The shortest form of a value, how many bytes it takes, and the bytes.
fn form(value: f64) -> (u8, usize, [u8; 8]) {
    let bits = value.to_bits();
    let whole = bits.to_be_bytes();
    if bits == 0 {
        return (ZERO, 0, whole);
    }
    if bits.trailing_zeros() >= 32 {
        return (HALF, 4, whole);
    }
    match millionths(value) {
        Some(n) => (MILLIONTHS, 4, (u64::from(n) << 32).to_be_bytes()),
        None => (WHOLE, 8, whole),
    }
}

/// Takes a value off the bytes. `None`: they end before it does.
fn value(form: u8, bytes: &mut &[u8]) -> Option<f64> {
    fn first<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
        let (first, rest) = bytes.split_first_chunk()?;
        *bytes = rest;
        Some(*first)
    }
    Some(match form {
        ZERO => 0.0,
        MILLIONTHS => of_millionths(u32::from_be_bytes(first(bytes)?)),
        HALF => f64::from_bits(u64::from(u32::from_be_bytes(first(bytes)?)) << 32),
        _ => f64::from_bits(u64::from_be_bytes(first(bytes)?)),
    })
}

/// Reads what [`Block::bytes`] gave.
pub(super) fn samples(mut bytes: &[u8]) -> impl Iterator<Item = Sample> {
    let mut last = Tick(0);
    std::iter::from_fn(move || {
        let (head, rest) = bytes.split_first()?;
        bytes = rest;
        if head & OTHER_TIME != 0 {
            last = Tick(last.0.wrapping_add(unzigzag(take(&mut bytes)?)));
        }
        let value = value(head >> 6, &mut bytes)?;
        Some((head & 31, last, value))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::store::history::chunk::Precision;

    fn bits(list: impl Iterator<Item = Sample>) -> Vec<(u8, Tick, u64)> {
        list.map(|(place, at, value)| (place, at, value.to_bits()))
            .collect()
    }

    fn any_sample() -> impl Strategy<Value = Sample> {
        let time = prop_oneof![
            // A clock that goes on, stands still, steps back, was never set.
            4 => 17_900_000_000i64..17_900_000_600,
            2 => Just(17_900_000_000i64),
            1 => any::<i64>(),
        ];
        let value = prop_oneof![
            Just(0.0),
            Just(-0.0),
            Just(f64::NAN),
            Just(f64::INFINITY),
            (-1000i32..1000).prop_map(f64::from),
            any::<f32>().prop_map(f64::from),
            any::<u32>().prop_map(of_millionths),
            any::<u64>().prop_map(f64::from_bits),
        ];
        (0u8..32, time, value).prop_map(|(place, at, value)| (place, Tick(at), value))
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out_in_its_order(list in prop::collection::vec(any_sample(), 0..300)) {
            let mut block = Block::default();
            let mut counts = [0usize; SERIES];
            for sample in &list {
                counts[usize::from(sample.0)] += 1;
                prop_assert_eq!(usize::from(block.push(*sample, &mut Vec::new())), counts[usize::from(sample.0)].min(255));
            }
            prop_assert_eq!(bits(samples(&block.bytes())), bits(list.into_iter()));
        }

        #[test]
        fn what_is_cut_is_the_oldest_of_each_series(
            list in prop::collection::vec(any_sample(), 0..300),
            counts in prop::array::uniform32(0usize..20),
            more in prop::collection::vec(any_sample(), 0..20),
        ) {
            let mut block = Block::default();
            for sample in &list {
                block.push(*sample, &mut Vec::new());
            }
            block.cut(&counts);
            let mut left = counts;
            let mut plain: Vec<Sample> = Vec::new();
            for sample in list {
                let left = &mut left[usize::from(sample.0)];
                if *left == 0 {
                    plain.push(sample);
                }
                *left = left.saturating_sub(1);
            }
            for place in 0..32u8 {
                prop_assert_eq!(block.lacks(place), plain.iter().all(|s| s.0 != place));
            }
            for sample in more {
                block.push(sample, &mut Vec::new());
                plain.push(sample);
            }
            prop_assert_eq!(bits(samples(&block.bytes())), bits(plain.into_iter()));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(samples(&bytes).count() <= bytes.len());
        }
    }

    #[test]
    fn a_turn_of_many_rates_takes_little_more_than_their_values() {
        let mut block = Block::default();
        for turn in 0..15 {
            for place in 0..32 {
                let rate = Precision::Relative(9).round(f64::from(place) * 1234.567 + 0.1);
                block.push((place, Tick(17_900_000_000 + turn * 600), rate), &mut Vec::new());
            }
        }
        assert!(block.len <= 15 * (32 * 5 + 6), "{}", block.len);
        block.cut(&[15; SERIES]);
        assert!(block.pieces.is_empty() && block.len == 0);
    }
}
