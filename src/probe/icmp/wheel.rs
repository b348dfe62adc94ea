//! Lists of bursts without allocation: a timer wheel of 4,096 slots of 1 ms,
//! and the queues of those that wait to send.
//!
//! Pure. A burst is in at most one list at a time, so one pair of links each is
//! enough (12 bytes). Every target has its own deadline, and a silent one holds
//! back nobody (trap 18).

use crate::model::Mono;

/// No burst, no list.
pub const NONE: u32 = u32::MAX;
const SLOTS: u32 = 4_096;
const MASK: u64 = 4_095;
const STEP: u64 = 1_000_000;

#[derive(Debug, Clone, Copy)]
struct Link {
    previous: u32,
    next: u32,
    list: u32,
}

const LOOSE: Link = Link {
    previous: NONE,
    next: NONE,
    list: NONE,
};

/// Doubly linked lists over small integers.
#[derive(Debug)]
pub struct Lists {
    links: Vec<Link>,
    /// First and last of each list.
    ends: Vec<(u32, u32)>,
    /// One bit for each wheel slot that is not empty.
    used: [u64; 64],
    /// The wheel has been walked up to here: milliseconds since the clock's start.
    walked: u64,
}

fn at(index: u32) -> usize {
    index as usize
}

impl Lists {
    /// The wheel, and no queue yet.
    #[expect(clippy::new_without_default, reason = "nobody asks for a default wheel")]
    pub fn new() -> Self {
        Self {
            links: Vec::new(),
            ends: vec![(NONE, NONE); at(SLOTS)],
            used: [0; 64],
            walked: 0,
        }
    }

    /// A further, empty queue; its number.
    pub fn add_queue(&mut self) -> u32 {
        self.ends.push((NONE, NONE));
        u32::try_from(self.ends.len() - 1).unwrap_or(NONE)
    }

    /// Makes room for bursts 0 to `count` - 1.
    pub fn grow(&mut self, count: usize) {
        if self.links.len() < count {
            self.links.resize(count, LOOSE);
        }
    }

    /// Whether the list is empty.
    pub fn is_empty(&self, list: u32) -> bool {
        self.ends.get(at(list)).is_none_or(|ends| ends.0 == NONE)
    }

    /// Appends a burst that is in no list.
    pub fn push_back(&mut self, list: u32, item: u32) {
        let (first, last) = self.ends[at(list)];
        self.links[at(item)] = Link {
            previous: last,
            next: NONE,
            list,
        };
        if last == NONE {
            self.ends[at(list)] = (item, item);
        } else {
            self.links[at(last)].next = item;
            self.ends[at(list)] = (first, item);
        }
    }

    /// Puts a burst that is in no list before all others.
    pub fn push_front(&mut self, list: u32, item: u32) {
        let (first, last) = self.ends[at(list)];
        self.links[at(item)] = Link {
            previous: NONE,
            next: first,
            list,
        };
        if first == NONE {
            self.ends[at(list)] = (item, item);
        } else {
            self.links[at(first)].previous = item;
            self.ends[at(list)] = (item, last);
        }
    }

    /// Takes the first burst.
    pub fn pop_front(&mut self, list: u32) -> Option<u32> {
        let (first, _) = self.ends[at(list)];
        if first == NONE {
            return None;
        }
        self.remove(first);
        Some(first)
    }

    /// Takes a burst out of whatever list it is in.
    pub fn remove(&mut self, item: u32) {
        let link = self.links[at(item)];
        if link.list == NONE {
            return;
        }
        self.links[at(item)] = LOOSE;
        if link.previous == NONE {
            self.ends[at(link.list)].0 = link.next;
        } else {
            self.links[at(link.previous)].next = link.next;
        }
        if link.next == NONE {
            self.ends[at(link.list)].1 = link.previous;
        } else {
            self.links[at(link.next)].previous = link.previous;
        }
        if link.list < SLOTS && self.ends[at(link.list)].0 == NONE {
            self.used[at(link.list / 64)] &= !(1 << (link.list % 64));
        }
    }

    /// Arms the timer of a burst that is in no list. It fires at `due` or up
    /// to 1 ms later, never earlier.
    pub fn arm(&mut self, item: u32, due: Mono) {
        // What is due already fires at the next walk.
        let step = due.0.div_ceil(STEP).max(self.walked + 1);
        let slot = u32::try_from(step & MASK).unwrap_or(0);
        self.used[at(slot / 64)] |= 1 << (slot % 64);
        self.push_back(slot, item);
    }

    /// Walks the wheel up to `now` and gives every burst whose slot came by to
    /// `fired`, which says whether it is due; one that is not (its time lies
    /// whole turns ahead) stays.
    pub fn advance(&mut self, now: Mono, due_of: impl Fn(u32) -> Mono, fired: &mut Vec<u32>) {
        let target = now.0 / STEP;
        // More than a whole turn behind: every slot once is enough.
        let from = (self.walked + 1).max(target.saturating_sub(MASK));
        for step in from..=target {
            let slot = u32::try_from(step & MASK).unwrap_or(0);
            let mut item = self.ends[at(slot)].0;
            while item != NONE {
                let next = self.links[at(item)].next;
                if due_of(item) <= now {
                    self.remove(item);
                    fired.push(item);
                }
                item = next;
            }
        }
        self.walked = self.walked.max(target);
    }

    /// When the wheel must be walked next; `None` when no timer is armed. May be
    /// too early by whole turns of 4.096 s, never too late.
    pub fn next_due(&self) -> Option<Mono> {
        let start = u32::try_from((self.walked + 1) & MASK).unwrap_or(0);
        // 65 words: the first one is looked at from its middle on, and once more at the end.
        for n in 0..=64 {
            let word = (start / 64 + n) % 64;
            let mut bits = self.used[at(word)];
            if n == 0 {
                bits &= u64::MAX << (start % 64);
            }
            if bits != 0 {
                let slot = word * 64 + bits.trailing_zeros();
                let ahead = (slot.wrapping_sub(start)) & (SLOTS - 1);
                return Some(Mono((self.walked + 1 + u64::from(ahead)) * STEP));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        // trap 18
        #[test]
        fn every_timer_fires_once_in_its_time_and_next_due_never_oversleeps(
            dues in proptest::collection::vec(0_u64..12_000_000_000, 1..40),
            removed in proptest::collection::vec(any::<bool>(), 40),
        ) {
            let mut lists = Lists::new();
            lists.grow(dues.len());
            for (n, due) in dues.iter().enumerate() {
                lists.arm(u32::try_from(n).unwrap(), Mono(*due));
            }
            let mut left: Vec<u32> = Vec::new();
            for (item, removed) in (0..u32::try_from(dues.len()).unwrap()).zip(&removed) {
                if *removed { lists.remove(item) } else { left.push(item) }
            }
            let mut wakes = 0;
            while let Some(wake) = lists.next_due() {
                let mut fired = Vec::new();
                lists.advance(wake, |i| Mono(dues[at(i)]), &mut fired);
                for item in fired {
                    prop_assert!(dues[at(item)] <= wake.0);
                    prop_assert!(wake.0 < dues[at(item)].max(1) + 2 * STEP, "{} at {}", dues[at(item)], wake.0);
                    let place = left.iter().position(|i| *i == item);
                    prop_assert!(place.is_some());
                    left.remove(place.unwrap());
                }
                wakes += 1;
                prop_assert!(wakes < 500);
            }
            prop_assert!(left.is_empty());
        }
    }

    #[test]
    fn a_wheel_that_slept_for_hours_fires_all_that_came_due() {
        let mut lists = Lists::new();
        lists.grow(3);
        for n in 0..3 {
            lists.arm(n, Mono(u64::from(n) * 1_500_000_000));
        }
        let mut fired = Vec::new();
        lists.advance(
            Mono(3_600_000_000_000),
            |i| Mono(u64::from(i) * 1_500_000_000),
            &mut fired,
        );
        fired.sort_unstable();
        assert_eq!(fired, [0, 1, 2]);
        assert_eq!(lists.next_due(), None);
    }

    #[test]
    fn a_queue_keeps_its_order_when_one_leaves_from_the_middle() {
        let mut lists = Lists::new();
        let queue = lists.add_queue();
        lists.grow(4);
        for n in 0..3 {
            lists.push_back(queue, n);
        }
        lists.push_front(queue, 3);
        lists.remove(1);
        let mut order = Vec::new();
        while let Some(n) = lists.pop_front(queue) {
            order.push(n);
        }
        assert_eq!(order, [3, 0, 2]);
        assert!(lists.is_empty(queue));
    }
}
