//! Levels and windows of history, and the key of a chunk.
//!
//! | level | window | holds | kept by default |
//! |---|---|---|---|
//! | open | 6 h | samples of a day that has not been sealed | until it is sealed |
//! | raw | 1 day | samples | 14 days |
//! | 5 min | 1 day | minimum, maximum, sum, count | 90 days |
//! | 1 h | 16 days | the same | 2 years |
//! | 1 day | 256 days | the same | for ever |
//!
//! Days are UTC days here: reports put hours together to local days. Pure.

use super::chunk::Precision;
use super::tick::{PER_SECOND, Tick};

/// A level of history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Samples of a day that has not been sealed.
    Open,
    /// Samples.
    Raw,
    /// Five minutes.
    FiveMinutes,
    /// An hour.
    Hour,
    /// A day (UTC).
    Day,
}

const HOUR: i64 = 3600 * PER_SECOND;
const DAY: i64 = 24 * HOUR;

/// Largest number of a window: 28 bits of the key.
const WINDOWS: i64 = 1 << 28;

impl Level {
    /// The levels of roll-ups, finest first.
    pub(super) const ROLLED: [Self; 3] = [Self::FiveMinutes, Self::Hour, Self::Day];

    fn code(self) -> i64 {
        match self {
            Self::Open => 0,
            Self::Raw => 1,
            Self::FiveMinutes => 2,
            Self::Hour => 3,
            Self::Day => 4,
        }
    }

    /// Length of a window in ticks.
    pub(super) fn window_ticks(self) -> i64 {
        match self {
            Self::Open => 6 * HOUR,
            Self::Raw | Self::FiveMinutes => DAY,
            Self::Hour => 16 * DAY,
            Self::Day => 256 * DAY,
        }
    }

    /// Length of a bucket in ticks; for samples, what they are rolled up to first.
    pub(super) fn bucket_ticks(self) -> i64 {
        match self {
            Self::Open | Self::Raw | Self::FiveMinutes => HOUR / 12,
            Self::Hour => HOUR,
            Self::Day => DAY,
        }
    }

    /// The window that a moment lies in.
    pub(in crate::store) fn window_of(self, at: Tick) -> i64 {
        at.0.div_euclid(self.window_ticks())
    }

    /// The beginning of a window.
    pub(super) fn base(self, window: i64) -> Tick {
        Tick(window.saturating_mul(self.window_ticks()))
    }

    /// The key of a chunk: level, window, series.
    pub(in crate::store) fn key(self, window: i64, series: u32) -> i64 {
        (self.code() << 60) | (window.clamp(0, WINDOWS - 1) << 32) | i64::from(series)
    }

    /// The first key of the next level.
    pub(super) fn end_key(self) -> i64 {
        ((self.code() + 1) << 60) - 1
    }
}

/// The series of a chunk's key.
pub(super) fn series_of(key: i64) -> u32 {
    u32::try_from(key & 0xffff_ffff).unwrap_or(0)
}

/// The window of a chunk's key.
pub(super) fn window_of(key: i64) -> i64 {
    (key >> 32) & (WINDOWS - 1)
}

/// Whether a time fits into the keys: not before 1970, not after the year 4500.
/// A clock that was never set gives such times (trap 24).
pub(super) fn is_plausible(at: Tick) -> bool {
    at.0 >= 0 && Level::Raw.window_of(at) < 925_000
}

/// How exactly the values of a measure are kept: times, ratios and rates are
/// measured with an error, and a thousandth of them is enough; everything else is exact.
pub(super) fn precision_of(metric: &str) -> Precision {
    if metric.ends_with("_seconds") || metric.ends_with("_ratio") || metric.ends_with("_per_second") {
        Precision::Relative(9)
    } else {
        Precision::Exact
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_by_level_window_and_series_and_come_apart_again() {
        let at = Tick(17_900_000_000);
        let mut last = -1;
        for level in [
            Level::Open,
            Level::Raw,
            Level::FiveMinutes,
            Level::Hour,
            Level::Day,
        ] {
            let window = level.window_of(at);
            assert!(level.base(window) <= at && at < level.base(window + 1));
            for series in [0, 7, u32::MAX] {
                let key = level.key(window, series);
                assert!(key > last && key <= level.end_key());
                assert_eq!((series_of(key), window_of(key)), (series, window));
                last = key;
            }
        }
        assert!(!is_plausible(Tick(-1)));
        assert!(!is_plausible(Tick(i64::MAX)));
    }
}
