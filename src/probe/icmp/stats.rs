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
}
