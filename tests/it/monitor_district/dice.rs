//! Reproducible chance (SplitMix64, public domain by Sebastiano Vigna).

/// A seeded source of numbers.
#[derive(Clone)]
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// At least `from`, below `to`.
    pub fn between(&mut self, from: i64, to: i64) -> i64 {
        let width = u64::try_from(to - from).unwrap().max(1);
        from + i64::try_from(self.roll() % width).unwrap()
    }

    /// True once in `n`.
    pub fn once_in(&mut self, n: i64) -> bool {
        self.between(0, n) == 0
    }

    /// Between the two, each order of magnitude as likely as the next.
    pub fn log_between(&mut self, from: i64, to: i64) -> i64 {
        let (low, high) = ((from as f64).ln(), (to as f64).ln());
        let share = self.between(0, 1_000_000) as f64 / 1e6;
        #[expect(clippy::cast_possible_truncation, reason = "bounded by the arguments")]
        let value = (low + (high - low) * share).exp() as i64;
        value.clamp(from, to)
    }
}
