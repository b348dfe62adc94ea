//! Where in its interval a thing is due: spread by a stable hash of its name.
//!
//! The same name has the same phase after every restart, so that a restart
//! causes no burst and two daemons with one configuration poll in step.

use crate::model::Span;

/// FNV-1a, 64 bit: stable over versions and machines, which std's hasher does not promise.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The offset of `name` in an interval: at least zero, less than `interval`.
pub fn phase(name: &str, interval: Span) -> Span {
    // FNV's low bits are weak for short names; fold the high ones in.
    let hash = fnv1a(name.as_bytes());
    let mixed = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let share = u128::from(mixed >> 32);
    let nanos = (interval.as_nanos() * share) >> 32;
    Span::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_phase_is_stable_and_inside_the_interval() {
        let minute = Span::from_secs(60);
        assert_eq!(phase("device/pc-1", minute), phase("device/pc-1", minute));
        assert!(phase("x", minute) < minute);
        assert_eq!(phase("x", Span::ZERO), Span::ZERO);
    }

    // trap 16, 18
    #[test]
    fn ten_thousand_names_are_spread_evenly() {
        let minute = Span::from_secs(60);
        let mut seconds = [0_u32; 60];
        for i in 0..10_000 {
            seconds[usize::try_from(phase(&format!("device/pc-{i}"), minute).as_secs()).unwrap()] += 1;
        }
        // 167 a second on the mean; a spread by chance stays within four sigma.
        assert!(seconds.iter().all(|n| (110..230).contains(n)), "{seconds:?}");
    }
}
