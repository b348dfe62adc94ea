//! From samples to buckets, and from buckets to longer ones. Pure.

use super::chunk::Bucket;
use super::level::Level;
use super::tick::Tick;

/// The place of a moment among the buckets of its window.
pub(super) fn place(level: Level, base: Tick, at: Tick) -> u32 {
    u32::try_from((at.0 - base.0).div_euclid(level.bucket_ticks())).unwrap_or(0)
}

/// The beginning of a bucket.
pub(super) fn start(level: Level, base: Tick, place: u32) -> Tick {
    Tick(base.0 + i64::from(place) * level.bucket_ticks())
}

/// Adds one bucket's values to another's.
pub(super) fn add(to: &mut Bucket, more: &Bucket) {
    to.count = to.count.saturating_add(more.count);
    to.min = to.min.min(more.min);
    to.max = to.max.max(more.max);
    to.sum += more.sum;
}

/// Samples, sorted by time, as buckets of `level` with their beginnings.
pub(super) fn of_samples(level: Level, samples: &[(Tick, f64)]) -> Vec<(Tick, Bucket)> {
    let one = |value: f64| Bucket {
        place: 0,
        count: 1,
        min: value,
        max: value,
        sum: value,
    };
    fold(level, samples.iter().map(|(at, value)| (*at, one(*value))))
}

/// Buckets, sorted by time, as longer buckets of `level` with their beginnings.
pub(super) fn fold(level: Level, buckets: impl Iterator<Item = (Tick, Bucket)>) -> Vec<(Tick, Bucket)> {
    let mut out: Vec<(Tick, Bucket)> = Vec::new();
    for (at, bucket) in buckets {
        let begin = Tick(at.0 - at.0.rem_euclid(level.bucket_ticks()));
        match out.last_mut() {
            Some((last, sum)) if *last == begin => add(sum, &bucket),
            Some(_) | None => out.push((begin, bucket)),
        }
    }
    out
}

/// Puts `new` into `old`, both sorted by place. Of two, the one of more samples
/// stays, the new one of equals: what comes late for a day whose samples are
/// gone must not replace what was made of all of them.
pub(super) fn put_over(old: Vec<Bucket>, new: &[Bucket]) -> Vec<Bucket> {
    let mut out = Vec::with_capacity(old.len() + new.len());
    let mut new = new.iter().copied().peekable();
    for bucket in old {
        while let Some(n) = new.next_if(|n| n.place < bucket.place) {
            out.push(n);
        }
        match new.next_if(|n| n.place == bucket.place) {
            Some(n) if n.count >= bucket.count => out.push(n),
            Some(_) | None => out.push(bucket),
        }
    }
    out.extend(new);
    out
}

/// Puts samples in order of time; of two at one time the later in the list stays.
pub(super) fn in_order(samples: &mut Vec<(Tick, f64)>) {
    if samples.is_sorted_by(|a, b| a.0 < b.0) {
        return;
    }
    samples.sort_by_key(|(at, _)| *at);
    samples.reverse();
    samples.dedup_by_key(|(at, _)| *at);
    samples.reverse();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(place: u32, sum: f64) -> Bucket {
        Bucket {
            place,
            count: 1,
            min: sum,
            max: sum,
            sum,
        }
    }

    #[test]
    fn samples_make_buckets_and_buckets_make_hours() {
        let samples: Vec<(Tick, f64)> = (0..120)
            .map(|i| (Tick(i * 600), f64::from(i32::try_from(i).unwrap())))
            .collect();
        let five = of_samples(Level::FiveMinutes, &samples);
        assert_eq!(five.len(), 24);
        assert_eq!(
            (five[1].0, five[1].1.count, five[1].1.min, five[1].1.max),
            (Tick(3000), 5, 5.0, 9.0)
        );
        let hours = fold(Level::Hour, five.into_iter());
        assert_eq!(hours.len(), 2);
        assert_eq!(
            (hours[1].1.count, hours[1].1.min, hours[1].1.max),
            (60, 60.0, 119.0)
        );
    }

    #[test]
    fn what_is_new_wins_unless_it_is_made_of_less() {
        let mut old = vec![bucket(1, 1.0), bucket(3, 3.0), bucket(5, 5.0)];
        let full = Bucket {
            count: 5,
            ..bucket(6, 6.0)
        };
        old.push(full);
        let new = [bucket(6, 1.0)];
        assert_eq!(put_over(old.clone(), &new).last(), Some(&full));
        old.pop();
        let out = put_over(
            old,
            &[bucket(0, 9.0), bucket(3, 9.0), bucket(4, 9.0), bucket(7, 9.0)],
        );
        let places: Vec<u32> = out.iter().map(|b| b.place).collect();
        assert_eq!(places, [0, 1, 3, 4, 5, 7]);
        assert!((out[2].sum - 9.0).abs() < 1e-9 && (out[4].sum - 5.0).abs() < 1e-9);
    }

    #[test]
    fn of_two_values_at_one_time_the_later_stays() {
        let mut samples = vec![(Tick(5), 1.0), (Tick(3), 2.0), (Tick(5), 3.0)];
        in_order(&mut samples);
        assert_eq!(samples, [(Tick(3), 2.0), (Tick(5), 3.0)]);
    }
}
