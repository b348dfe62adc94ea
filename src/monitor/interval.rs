//! Intervals of time and the arithmetic of sets of them, in whole microseconds.
//!
//! A *set* here is a list of intervals that is sorted, without overlaps and
//! without empty members; every function takes and gives such lists.

use crate::model::Timestamp;

/// From one moment (inclusive) to a later one (exclusive).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    /// First moment that belongs to it.
    pub from: Timestamp,
    /// First moment after it.
    pub to: Timestamp,
}

impl Interval {
    /// The interval; `None` where it would be empty or run backwards (trap 24).
    pub fn new(from: Timestamp, to: Timestamp) -> Option<Self> {
        (from < to).then_some(Self { from, to })
    }

    /// Whether `at` lies in it.
    pub fn contains(self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }

    /// Its length in microseconds.
    pub fn micros(self) -> i64 {
        self.to.0.saturating_sub(self.from.0)
    }

    /// What both have in common.
    pub fn common(self, other: Self) -> Option<Self> {
        Self::new(self.from.max(other.from), self.to.min(other.to))
    }
}

/// Makes a set of any intervals: sorts them and joins those that touch.
pub fn union(mut list: Vec<Interval>) -> Vec<Interval> {
    list.sort_unstable();
    let mut set: Vec<Interval> = Vec::with_capacity(list.len());
    for next in list {
        match set.last_mut() {
            Some(last) if next.from <= last.to => last.to = last.to.max(next.to),
            _ => set.push(next),
        }
    }
    set
}

/// What two sets have in common.
pub fn intersect(a: &[Interval], b: &[Interval]) -> Vec<Interval> {
    let (mut i, mut j) = (0, 0);
    let mut set = Vec::new();
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        set.extend(x.common(*y));
        if x.to <= y.to {
            i += 1;
        } else {
            j += 1;
        }
    }
    set
}

/// What is in `a` and not in `b`.
pub fn subtract(a: &[Interval], b: &[Interval]) -> Vec<Interval> {
    let mut set = Vec::new();
    let mut j = 0;
    for x in a {
        let mut from = x.from;
        while b.get(j).is_some_and(|y| y.to <= from) {
            j += 1;
        }
        let mut k = j;
        while let Some(y) = b.get(k).filter(|y| y.from < x.to) {
            set.extend(Interval::new(from, y.from));
            from = from.max(y.to);
            k += 1;
        }
        set.extend(Interval::new(from, x.to));
    }
    set
}

/// The summed length of a set in microseconds.
pub fn total(set: &[Interval]) -> i64 {
    set.iter().fold(0, |sum, x| sum.saturating_add(x.micros()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set() -> impl Strategy<Value = Vec<Interval>> {
        prop::collection::vec((0_i64..100, 1_i64..20), 0..8).prop_map(|v| {
            union(
                v.into_iter()
                    .filter_map(|(f, n)| Interval::new(Timestamp(f), Timestamp(f + n)))
                    .collect(),
            )
        })
    }

    fn members(set: &[Interval]) -> Vec<i64> {
        (0..130)
            .filter(|t| set.iter().any(|x| x.contains(Timestamp(*t))))
            .collect()
    }

    proptest! {
        #[test]
        fn sets_of_intervals_behave_as_sets_of_moments(a in set(), b in set()) {
            let (in_a, in_b) = (members(&a), members(&b));
            let both: Vec<i64> = in_a.iter().copied().filter(|t| in_b.contains(t)).collect();
            let rest: Vec<i64> = in_a.iter().copied().filter(|t| !in_b.contains(t)).collect();
            prop_assert_eq!(members(&intersect(&a, &b)), both);
            prop_assert_eq!(members(&subtract(&a, &b)), rest);
            prop_assert_eq!(total(&intersect(&a, &b)) + total(&subtract(&a, &b)), total(&a));
        }
    }
}
