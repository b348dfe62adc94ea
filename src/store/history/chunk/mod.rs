//! The compressed series format: the samples, or the roll-up buckets, of one
//! window. Pure.
//!
//! Numbers become integers on a grid: tenths, hundredths … where the values are
//! decimal, else a power of two. The grid of a lossy series is as fine as its
//! smallest value needs. What is left over from a prediction is written with
//! the adaptive coder of [`super::range`]; so are the second differences of the
//! times. Values that fit on no grid are written as the XOR of their bits.
//!
//! Tried on a year of RTT-like data (see docs/performance.md): Gorilla's
//! XOR took 6 to 7 bytes a sample, since the noise of a measurement fills the
//! mantissa; that is why the grid comes first.

use super::range::{Bit, Decoder, Encoder, Number};
use super::tick::Tick;

/// How exactly the values of a series are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Precision {
    /// As they came.
    Exact,
    /// To within 2^-(bits + 1) of the smallest magnitude in the window.
    Relative(u8),
}

/// Bits of a value that is not kept exactly, until it is in a chunk: the lowest
/// 32 of its 52 are left out, an error of 2^-21.
const SHORT: u32 = 32;

impl Precision {
    /// The value as it is kept until it is in a chunk: of one that is not kept
    /// exactly, the first half is exact enough, unless it is a round number.
    pub(super) fn round(self, value: f64) -> f64 {
        match self {
            Self::Exact => value,
            Self::Relative(_) if millionths(value).is_some() => value,
            Self::Relative(_) => {
                // Carries go up to the exponent, as they should.
                let half = value.to_bits().saturating_add(1 << (SHORT - 1));
                let short = f64::from_bits((half >> SHORT) << SHORT);
                if short.is_finite() { short } else { value }
            }
        }
    }
}

/// A value as millionths, if it is exactly so many: round trip times are.
#[expect(clippy::float_cmp, reason = "it must come back exactly as it was")]
pub(super) fn millionths(value: f64) -> Option<u32> {
    let scaled = value * 1e6;
    if !(0.0..=f64::from(u32::MAX)).contains(&scaled) {
        return None;
    }
    let n = u32::try_from(to_integer(scaled)).ok()?;
    (of_millionths(n) == value && value.is_sign_positive()).then_some(n)
}

/// The value of so many millionths.
pub(super) fn of_millionths(n: u32) -> f64 {
    f64::from(n) / 1e6
}

/// The values of one stretch of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Bucket {
    /// Which stretch, counted from the beginning of the window.
    pub(super) place: u32,
    /// How many samples; never zero.
    pub(super) count: u32,
    /// Smallest.
    pub(super) min: f64,
    /// Largest.
    pub(super) max: f64,
    /// Sum.
    pub(super) sum: f64,
}

/// Most samples or buckets in a chunk: what a day at ten a second has, with room.
/// Bounds what a damaged count can make us reserve.
const MOST: usize = 1 << 20;

/// Largest integer on a grid: doubles hold it exactly, and so do sums of two.
const LARGEST: f64 = (1u64 << 50) as f64;

/// How values become integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grid {
    /// Times 10 to this power.
    Decimal(u8),
    /// Divided by 2 to this power.
    Binary(i16),
    /// Their bits, untouched.
    Bits,
}

/// How the next integer is guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guess {
    /// As the last.
    Last,
    /// On the line through the last two.
    Line,
    /// The running mean: for noise around a level.
    Mean,
}

const GUESSES: [Guess; 3] = [Guess::Last, Guess::Line, Guess::Mean];

/// The bits of the running mean behind its point.
const MEAN_BITS: u32 = 8;

/// Guesses integers from those before.
#[derive(Debug, Clone)]
struct Predictor {
    guess: Guess,
    last: i64,
    before: i64,
    mean: i64,
    seen: i64,
}

impl Predictor {
    fn new(guess: Guess) -> Self {
        Self {
            guess,
            last: 0,
            before: 0,
            mean: 0,
            seen: 0,
        }
    }

    fn next(&self) -> i64 {
        match self.guess {
            Guess::Last => self.last,
            Guess::Line => self.last.wrapping_add(self.last.wrapping_sub(self.before)),
            Guess::Mean => self.mean >> MEAN_BITS,
        }
    }

    fn learn(&mut self, n: i64) {
        self.before = if self.seen == 0 { n } else { self.last };
        self.last = n;
        self.seen = (self.seen + 1).min(16);
        let scaled = n.wrapping_shl(MEAN_BITS);
        self.mean = self.mean.wrapping_add(scaled.wrapping_sub(self.mean) / self.seen);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "bounded by LARGEST before")]
fn to_integer(value: f64) -> i64 {
    value.round() as i64
}

fn ten_to(power: u8) -> f64 {
    10f64.powi(i32::from(power))
}

fn two_to(power: i16) -> f64 {
    2f64.powi(i32::from(power))
}

impl Grid {
    fn integer(self, value: f64) -> i64 {
        match self {
            Self::Decimal(power) => to_integer(value * ten_to(power)),
            Self::Binary(power) => to_integer(value / two_to(power)),
            Self::Bits => value.to_bits().cast_signed(),
        }
    }

    fn value(self, n: i64) -> f64 {
        match self {
            Self::Decimal(power) => n as f64 / ten_to(power),
            Self::Binary(power) => n as f64 * two_to(power),
            Self::Bits => f64::from_bits(n.cast_unsigned()),
        }
    }

    #[expect(clippy::float_cmp, reason = "the grid must give back exactly what came")]
    fn holds(self, value: f64) -> bool {
        let scaled = match self {
            Self::Decimal(power) => value * ten_to(power),
            Self::Binary(power) => value / two_to(power),
            Self::Bits => return true,
        };
        scaled.abs() <= LARGEST
            && self.value(to_integer(scaled)) == value
            && !(value == 0.0 && value.is_sign_negative())
    }

    /// The coarsest grid that holds all values exactly.
    fn exact(values: &(impl Iterator<Item = f64> + Clone)) -> Self {
        for power in 0..=6 {
            let grid = Self::Decimal(power);
            if values.clone().all(|v| grid.holds(v)) {
                return grid;
            }
        }
        let power = values
            .clone()
            .filter(|v| *v != 0.0)
            .map(lowest_bit)
            .min()
            .unwrap_or(0);
        let grid = Self::Binary(power);
        if values.clone().all(|v| grid.holds(v)) {
            grid
        } else {
            Self::Bits
        }
    }

    /// The grid that is as fine as the smallest magnitude needs, and no finer.
    fn relative(values: impl Iterator<Item = f64>, bits: u8) -> Self {
        let (mut least, mut most) = (f64::INFINITY, 0f64);
        for magnitude in values.map(f64::abs).filter(|m| *m > 0.0) {
            least = least.min(magnitude);
            most = most.max(magnitude);
        }
        if most == 0.0 {
            return Self::Decimal(0);
        }
        let fine = exponent(least).saturating_sub(i16::from(bits));
        let coarse = exponent(most).saturating_sub(48);
        Self::Binary(fine.max(coarse).clamp(-1000, 1000))
    }

    fn of(values: impl Iterator<Item = f64> + Clone, precision: Precision) -> Self {
        match precision {
            Precision::Exact => Self::exact(&values),
            Precision::Relative(bits) => Self::relative(values, bits),
        }
    }

    fn put(self, out: &mut Vec<u8>) {
        match self {
            Self::Decimal(power) => out.push(power),
            Self::Binary(power) => {
                out.push(16);
                out.extend_from_slice(&power.to_le_bytes());
            }
            Self::Bits => out.push(17),
        }
    }

    fn take(bytes: &mut &[u8]) -> Option<Self> {
        match byte(bytes)? {
            power @ 0..=6 => Some(Self::Decimal(power)),
            16 => Some(Self::Binary(i16::from_le_bytes([byte(bytes)?, byte(bytes)?]))),
            17 => Some(Self::Bits),
            _ => None,
        }
    }
}

/// The exponent of the highest bit of a magnitude above zero.
fn exponent(magnitude: f64) -> i16 {
    let raw = (magnitude.to_bits() >> 52) & 0x7ff;
    i16::try_from(raw).unwrap_or(0) - 1023
}

/// The exponent of the lowest bit that is set in a value other than zero.
fn lowest_bit(value: f64) -> i16 {
    let mantissa = (value.to_bits() & ((1 << 52) - 1)) | (1 << 52);
    let zeros = i16::try_from(mantissa.trailing_zeros()).unwrap_or(0);
    exponent(value.abs()) - 52 + zeros
}

fn byte(bytes: &mut &[u8]) -> Option<u8> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*first)
}

/// About how many bits numbers of these sizes take.
fn cost(residual: i64) -> u64 {
    u64::from(64 - residual.unsigned_abs().leading_zeros())
}

fn best_guess(integers: &[i64]) -> Guess {
    GUESSES
        .into_iter()
        .min_by_key(|guess| {
            let mut predictor = Predictor::new(*guess);
            integers
                .iter()
                .map(|n| {
                    let residual = cost(n.wrapping_sub(predictor.next()));
                    predictor.learn(*n);
                    residual
                })
                .sum::<u64>()
        })
        .unwrap_or(Guess::Last)
}

fn put_guess(out: &mut Vec<u8>, guess: Guess) {
    out.push(match guess {
        Guess::Last => 0,
        Guess::Line => 1,
        Guess::Mean => 2,
    });
}

fn take_guess(bytes: &mut &[u8]) -> Option<Guess> {
    GUESSES.get(usize::from(byte(bytes)?)).copied()
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let bytes = count.to_le_bytes();
    // Almost always below 65,536.
    if let [a, b, 0, 0] = bytes {
        out.extend_from_slice(&[a, b]);
    } else {
        out.extend_from_slice(&[0xff, 0xff]);
        out.extend_from_slice(&bytes);
    }
}

fn take_count(bytes: &mut &[u8]) -> Option<usize> {
    let short = u16::from_le_bytes([byte(bytes)?, byte(bytes)?]);
    let count = if short == u16::MAX {
        u32::from_le_bytes([byte(bytes)?, byte(bytes)?, byte(bytes)?, byte(bytes)?])
    } else {
        u32::from(short)
    };
    usize::try_from(count).ok().filter(|n| *n <= MOST)
}

/// Writes values that are no number on any grid.
fn put_bits(out: &mut Encoder, model: &mut (Number, Bit), changed: u64) {
    out.bit(&mut model.1, changed == 0);
    if changed != 0 {
        let zeros = changed.leading_zeros();
        model.0.put(out, i64::from(zeros));
        out.raw(changed, 64 - zeros);
    }
}

fn get_bits(from: &mut Decoder<'_>, model: &mut (Number, Bit)) -> Option<u64> {
    if from.bit(&mut model.1) {
        return Some(0);
    }
    let zeros = u32::try_from(model.0.get(from)).ok().filter(|z| *z < 64)?;
    Some(from.raw(64 - zeros))
}

/// Packs samples, which are sorted by time without doubles. `base` is the
/// beginning of the window.
pub(super) fn encode(base: Tick, samples: &[(Tick, f64)], precision: Precision) -> Vec<u8> {
    let grid = Grid::of(samples.iter().map(|(_, v)| *v), precision);
    let integers: Vec<i64> = samples.iter().map(|(_, v)| grid.integer(*v)).collect();
    let mut out = Vec::with_capacity(samples.len() * 2 + 16);
    put_count(&mut out, samples.len());
    grid.put(&mut out);
    let guess = match grid {
        Grid::Bits => Guess::Last,
        Grid::Decimal(_) | Grid::Binary(_) => best_guess(&integers),
    };
    put_guess(&mut out, guess);
    let mut encoder = Encoder::new(out);
    let mut times = Number::default();
    let mut values = Number::default();
    let mut bits = (Number::default(), Bit::default());
    let mut predictor = Predictor::new(guess);
    let (mut last, mut step) = (base.0, 0i64);
    for ((at, _), n) in samples.iter().zip(integers) {
        let delta = at.0.wrapping_sub(last);
        times.put(&mut encoder, delta.wrapping_sub(step));
        (last, step) = (at.0, delta);
        if grid == Grid::Bits {
            put_bits(&mut encoder, &mut bits, (n ^ predictor.next()).cast_unsigned());
        } else {
            values.put(&mut encoder, n.wrapping_sub(predictor.next()));
        }
        predictor.learn(n);
    }
    encoder.finish()
}

/// Unpacks samples. `None` if the bytes are no chunk.
pub(super) fn decode(base: Tick, mut bytes: &[u8]) -> Option<Vec<(Tick, f64)>> {
    let count = take_count(&mut bytes)?;
    let grid = Grid::take(&mut bytes)?;
    let guess = take_guess(&mut bytes)?;
    let mut decoder = Decoder::new(bytes);
    let mut times = Number::default();
    let mut values = Number::default();
    let mut bits = (Number::default(), Bit::default());
    let mut predictor = Predictor::new(guess);
    let (mut last, mut step) = (base.0, 0i64);
    let mut samples = Vec::with_capacity(count);
    for _ in 0..count {
        step = step.wrapping_add(times.get(&mut decoder));
        last = last.wrapping_add(step);
        let n = if grid == Grid::Bits {
            predictor.next() ^ get_bits(&mut decoder, &mut bits)?.cast_signed()
        } else {
            predictor.next().wrapping_add(values.get(&mut decoder))
        };
        predictor.learn(n);
        samples.push((Tick(last), grid.value(n)));
    }
    Some(samples)
}

/// What is remembered between two buckets.
#[derive(Debug, Default)]
struct BucketModel {
    places: Number,
    counts: Number,
    sums: Number,
    lows: Number,
    highs: Number,
    place: i64,
    count: i64,
    mean: i64,
    low: i64,
    high: i64,
}

/// Packs buckets, which are sorted by place without doubles.
pub(super) fn encode_buckets(buckets: &[Bucket], precision: Precision) -> Vec<u8> {
    let all = buckets.iter().flat_map(|b| [b.min, b.max, b.sum]);
    let mut grid = match precision {
        Precision::Exact => Grid::exact(&all),
        Precision::Relative(bits) => Grid::relative(buckets.iter().flat_map(|b| [b.min, b.max]), bits),
    };
    if grid == Grid::Bits {
        grid = Grid::relative(all, 16);
    }
    let mut out = Vec::with_capacity(buckets.len() * 4 + 16);
    put_count(&mut out, buckets.len());
    grid.put(&mut out);
    let mut encoder = Encoder::new(out);
    let mut m = BucketModel::default();
    for bucket in buckets {
        let (place, count) = (i64::from(bucket.place), i64::from(bucket.count.max(1)));
        m.places.put(&mut encoder, place - m.place - 1);
        m.counts.put(&mut encoder, count - m.count);
        let sum = grid.integer(bucket.sum);
        m.sums
            .put(&mut encoder, sum.wrapping_sub(m.mean.wrapping_mul(count)));
        (m.place, m.count, m.mean) = (place, count, sum.div_euclid(count));
        if count > 1 {
            let low = m.mean.wrapping_sub(grid.integer(bucket.min));
            let high = grid.integer(bucket.max).wrapping_sub(m.mean);
            m.lows.put(&mut encoder, low.wrapping_sub(m.low));
            m.highs.put(&mut encoder, high.wrapping_sub(m.high));
            (m.low, m.high) = (low, high);
        }
    }
    encoder.finish()
}

/// Unpacks buckets. `None` if the bytes are no chunk.
pub(super) fn decode_buckets(mut bytes: &[u8]) -> Option<Vec<Bucket>> {
    let total = take_count(&mut bytes)?;
    let grid = Grid::take(&mut bytes)?;
    let mut decoder = Decoder::new(bytes);
    let mut m = BucketModel::default();
    let mut buckets = Vec::with_capacity(total);
    for _ in 0..total {
        let place = m.place.wrapping_add(m.places.get(&mut decoder)).wrapping_add(1);
        let count = m.count.wrapping_add(m.counts.get(&mut decoder));
        let whole = u32::try_from(count).ok().filter(|c| *c > 0)?;
        let sum = m.mean.wrapping_mul(count).wrapping_add(m.sums.get(&mut decoder));
        (m.place, m.count, m.mean) = (place, count, sum.div_euclid(count));
        let (mut min, mut max) = (sum, sum);
        if count > 1 {
            m.low = m.low.wrapping_add(m.lows.get(&mut decoder));
            m.high = m.high.wrapping_add(m.highs.get(&mut decoder));
            min = m.mean.wrapping_sub(m.low);
            max = m.mean.wrapping_add(m.high);
        }
        buckets.push(Bucket {
            place: u32::try_from(place).ok()?,
            count: whole,
            min: grid.value(min),
            max: grid.value(max),
            sum: grid.value(sum),
        });
    }
    Some(buckets)
}

#[cfg(test)]
mod tests;
