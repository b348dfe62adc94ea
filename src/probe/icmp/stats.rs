//! Round trip times of one burst, summed up.
//!
//! Pure; allocates only when a burst is larger than every one before.

use crate::model::Span;
use crate::model::observation::RttStats;

/// Sums up round trip times in their order of sending; `None` for none.
///
/// `sorted` is scratch space.
pub fn sum_up(times: impl Iterator<Item = Span> + Clone, sorted: &mut Vec<Span>) -> Option<RttStats> {
    sorted.clear();
    sorted.extend(times.clone());
    sorted.sort_unstable();
    let (min, max) = (*sorted.first()?, *sorted.last()?);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    let median = if sorted.len() % 2 == 1 {
        upper
    } else {
        let lower = *sorted.get(middle.checked_sub(1)?)?;
        (lower + upper) / 2
    };
    let mut steps = 0_u32;
    let mut moved = Span::ZERO;
    for (a, b) in times.clone().zip(times.clone().skip(1)) {
        moved += a.abs_diff(b);
        steps += 1;
    }
    Some(RttStats {
        min,
        median,
        max,
        sum: times.sum(),
        jitter: (steps > 0).then(|| moved / steps),
    })
}

/// Lets a sum over `timed` replies stand for `all` of them: one whose time is not known counts
/// as the mean of the others, so that whoever divides by all replies has their mean.
pub fn stretch(stats: RttStats, timed: usize, all: usize) -> RttStats {
    if timed == 0 || timed >= all {
        return stats;
    }
    let [timed, all] = [timed, all].map(|n| u32::try_from(n).unwrap_or(u32::MAX));
    RttStats {
        sum: stats.sum.saturating_mul(all) / timed,
        ..stats
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(millis: &[u64]) -> Option<RttStats> {
        sum_up(millis.iter().map(|m| Span::from_millis(*m)), &mut Vec::new())
    }

    #[test]
    fn the_median_of_an_even_count_is_the_mean_of_the_middle_two() {
        let stats = of(&[40, 10, 30, 20]).unwrap();
        assert_eq!(stats.median, Span::from_millis(25));
        assert_eq!(stats.min, Span::from_millis(10));
        assert_eq!(stats.max, Span::from_millis(40));
        assert_eq!(stats.sum, Span::from_millis(100));
    }

    #[test]
    fn jitter_is_the_mean_step_in_the_order_of_sending() {
        // |10-40| + |30-10| + |20-30| = 60 over three steps.
        assert_eq!(of(&[40, 10, 30, 20]).unwrap().jitter, Some(Span::from_millis(20)));
        assert_eq!(of(&[7]).unwrap().jitter, None);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn replies_without_a_time_leave_the_mean_as_it_is() {
        let stats = of(&[10, 20]).unwrap();
        assert_eq!(stretch(stats, 2, 2), stats);
        let three = stretch(stats, 2, 3);
        assert_eq!(three.sum / 3, stats.sum / 2);
        assert_eq!((three.min, three.max), (stats.min, stats.max));
    }
}
