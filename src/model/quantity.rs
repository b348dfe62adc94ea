//! Quantities that refuse nonsense.

use serde::{Deserialize, Serialize};

/// What a counter says. An `Option` of it takes 8 bytes and not 16: a fleet has
/// some millions. Of the two largest numbers there is only one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(std::num::NonZeroU64);

impl Count {
    /// The number; `u64::MAX` counts as the one before it.
    pub const fn new(n: u64) -> Self {
        Self(std::num::NonZeroU64::MIN.saturating_add(n))
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0.get() - 1
    }
}

/// A share, 0 to 1. Never NaN.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Ratio(f64);

/// A number that is no share: below 0, above 1, or no number.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{0} is not a ratio between 0 and 1")]
pub struct NotARatio(pub f64);

impl Ratio {
    /// Nothing.
    pub const ZERO: Self = Self(0.0);
    /// All.
    pub const ONE: Self = Self(1.0);

    /// The ratio, if it lies in 0..=1.
    ///
    /// # Errors
    /// [`NotARatio`] for anything else, NaN too (trap 10).
    pub fn new(value: f64) -> Result<Self, NotARatio> {
        if (0.0..=1.0).contains(&value) {
            Ok(Self(value))
        } else {
            Err(NotARatio(value))
        }
    }

    /// `part` of `whole`; `None` when `whole` is zero or smaller than `part`.
    #[expect(clippy::cast_precision_loss, reason = "a share is rounded anyway")]
    pub fn of(part: u64, whole: u64) -> Option<Self> {
        (whole > 0 && part <= whole).then(|| Self(part as f64 / whole as f64))
    }

    /// The number, 0 to 1.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Ratio {
    type Error = NotARatio;
    fn try_from(value: f64) -> Result<Self, NotARatio> {
        Self::new(value)
    }
}

impl From<Ratio> for f64 {
    fn from(ratio: Ratio) -> Self {
        ratio.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // trap 10
    #[test]
    fn nonsense_is_no_ratio() {
        for bad in [-0.01, 1.01, f64::NAN, f64::INFINITY] {
            assert!(Ratio::new(bad).is_err());
        }
        assert_eq!(Ratio::of(0, 0), None);
        assert_eq!(Ratio::of(1, 2).map(Ratio::get), Some(0.5));
    }
}
