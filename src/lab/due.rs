//! What comes out when its time has come: packets on their way, in a `BinaryHeap`.

use std::cmp::Ordering;

use crate::model::Mono;

/// Something that waits for its time. Two of them compare by time and order alone: the earliest
/// is the greatest, since a `BinaryHeap` gives the greatest first.
#[derive(Debug)]
pub(super) struct Due<T> {
    /// When it comes out.
    pub(super) at: Mono,
    /// Of those that come out at one time, the smallest is the first.
    pub(super) order: u64,
    /// What waits.
    pub(super) what: T,
}

impl<T> PartialEq for Due<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Due<T> {}

impl<T> PartialOrd for Due<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Due<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BinaryHeap;

    use super::*;

    #[test]
    fn the_earliest_comes_out_first_and_of_one_time_the_smallest() {
        let mut heap = BinaryHeap::new();
        for (at, order) in [(5, 1), (3, 9), (5, 0), (4, 2), (3, 8)] {
            heap.push(Due {
                at: Mono(at),
                order,
                what: (at, order),
            });
        }
        let out: Vec<(u64, u64)> = std::iter::from_fn(|| heap.pop().map(|due| due.what)).collect();
        assert_eq!(out, [(3, 8), (3, 9), (4, 2), (5, 0), (5, 1)]);
    }
}
