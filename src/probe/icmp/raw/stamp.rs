//! Kernel stamps, which are of the wall clock, as moments of our own.

use crate::clock::Clock;
use crate::model::Mono;
use crate::model::Span;

/// Two readings of a clock with another between them: 0.1 µs. What is longer was no reading.
const APART: Span = Span::from_micros(10);
/// So often both clocks are read anew before the last readings must do.
const READINGS: usize = 8;

/// Both clocks at one moment. If we stood still between the two readings, every stamp would
/// seem as much too old: then they are read again.
pub(super) fn both(clock: &dyn Clock) -> (Mono, i128) {
    let (mut mono, mut wall) = (clock.mono(), clock.wall_nanos());
    for _ in 0..READINGS {
        let after = clock.mono();
        if after.since(mono) <= APART {
            break;
        }
        (mono, wall) = (after, clock.wall_nanos());
    }
    (mono, wall)
}

/// Our clock's time for a kernel stamp. A stamp from the future, or older than
/// the last time that the socket was empty, was taken before the wall clock
/// stepped: then the time of reading is the best that we know (trap 24).
pub(super) fn at_stamp(stamp: i128, mono: Mono, wall: i128, bound: Span) -> Mono {
    match u64::try_from(wall - stamp) {
        Ok(age) if Span::from_nanos(age) <= bound => Mono(mono.0.saturating_sub(age)),
        Ok(_) | Err(_) => mono,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use super::*;
    use crate::model::Timestamp;

    /// Stands still before some of its readings.
    struct Halting {
        now: Mutex<u64>,
        /// Nanoseconds before each reading; 50 ns before those that follow.
        halts: Mutex<VecDeque<u64>>,
    }

    /// What the wall clock shows when the other shows 0, nanoseconds.
    const WALL: i128 = 1_800_000_000_000_000_000;

    impl Halting {
        fn read(&self) -> u64 {
            let mut now = self.now.lock().unwrap();
            *now += self.halts.lock().unwrap().pop_front().unwrap_or(50);
            *now
        }
    }

    impl Clock for Halting {
        fn wall(&self) -> Timestamp {
            Timestamp::EPOCH
        }

        fn mono(&self) -> Mono {
            Mono(self.read())
        }

        fn wall_nanos(&self) -> i128 {
            WALL + i128::from(self.read())
        }
    }

    // trap 24
    #[test]
    fn standing_still_between_two_clocks_makes_no_stamp_older() {
        let halt = 700_000_000;
        for halts in [
            vec![],
            vec![50, halt],
            vec![50, 50, halt],
            vec![50, halt, 50, halt],
            vec![halt, halt, halt, halt, 50],
        ] {
            let clock = Halting {
                now: Mutex::new(5_000_000_000),
                halts: Mutex::new(halts.clone().into()),
            };
            let (mono, wall) = both(&clock);
            let stamp = WALL + 5_000_000_000;
            let at = at_stamp(stamp, mono, wall, Span::from_secs(60));
            let off = at.0.abs_diff(5_000_000_000);
            assert!(off < 10_000, "{off} ns off with {halts:?}");
        }
    }

    // trap 24
    #[test]
    fn a_stamp_that_cannot_be_true_counts_as_the_time_of_reading() {
        let bound = Span::from_millis(20);
        let mono = Mono(9_000_000_000);
        for stamp in [WALL + 1, WALL - 20_000_001] {
            assert_eq!(at_stamp(stamp, mono, WALL, bound), mono);
        }
        let honest = at_stamp(WALL - 3_000_000, mono, WALL, bound);
        assert_eq!(mono.since(honest), Span::from_millis(3));
    }
}
