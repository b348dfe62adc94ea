//! How fast requests may leave: one bucket for all, one per group; which
//! addresses make a group when nobody has told us of their line.
//!
//! Pure. The generic cell rate algorithm (ITU-T I.371): a bucket is one number,
//! the time at which the next request would be due if all came evenly.

use std::collections::HashMap;
use std::net::IpAddr;

use super::Group;
use crate::model::Mono;
use crate::model::Span;

/// How often the worker wakes in a second while requests wait for the pace of a group.
const TICKS: u32 = 100;

/// A pace for each subnet (IPv4 /24, IPv6 /64), since what lies in one often
/// lies behind one line that nobody told us of.
#[derive(Debug, Clone)]
pub struct Subnets {
    first: u32,
    rate: u32,
    known: HashMap<u128, (u32, f64)>,
}

impl Subnets {
    /// So many may leave into one subnet at once, unless its schedule needs more: a thin
    /// line's queue is short.
    pub const BURST: u16 = 3;

    /// At most `rate` requests a second into one subnet; 0: no limit. The groups
    /// are numbered from `first` on.
    pub fn new(rate: u32, first: u32) -> Self {
        Self {
            first,
            rate,
            known: HashMap::new(),
        }
    }

    fn known(&mut self, address: IpAddr) -> Option<&mut (u32, f64)> {
        if self.rate == 0 || address.is_loopback() {
            return None;
        }
        let key = match address {
            IpAddr::V4(v4) => u128::from(u32::from(v4) >> 8),
            IpAddr::V6(v6) => u128::from(v6) >> 64 | 1 << 127,
        };
        let count = u32::try_from(self.known.len()).unwrap_or(u32::MAX);
        let next = self.first.saturating_add(count);
        Some(self.known.entry(key).or_insert((next, 0.0)))
    }

    /// Says that the schedule needs so many requests a second to an address:
    /// its subnet gets what all of its addresses need, and a quarter more.
    pub fn need(&mut self, address: IpAddr, per_second: f64) {
        if let Some((_, needed)) = self.known(address) {
            *needed += per_second;
        }
    }

    /// The group of an address; `None` where there is no limit: on the loopback, or at all.
    pub fn group(&mut self, address: IpAddr) -> Option<Group> {
        let rate = self.rate;
        let (id, needed) = *self.known(address)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to the range before"
        )]
        let needed = (needed * 1.25).ceil().clamp(0.0, 1_000_000.0) as u32;
        let rate = rate.max(needed);
        // Whoever wakes once a tick has to send in one go what has come due, or a schedule
        // that needs more than three a tick is never met.
        let due = u16::try_from(rate / TICKS).unwrap_or(u16::MAX / 2);
        Some(Group {
            id,
            rate,
            burst: Self::BURST.max(due + due / 2 + 1),
        })
    }
}

/// One pace: a rate and how many may follow each other at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Nanoseconds between two requests at the mean pace; 0 = no limit.
    interval: u64,
    /// How far ahead of the even pace one may be, nanoseconds.
    ahead: u64,
    /// When the next request would be due at the even pace.
    due: u64,
}

impl Bucket {
    /// `rate` requests a second (at least 1), at most `burst` (at least 1) at once.
    pub fn new(rate: u32, burst: u32) -> Self {
        let interval = 1_000_000_000 / u64::from(rate.max(1));
        Self {
            interval,
            ahead: interval.saturating_mul(u64::from(burst.max(1) - 1)),
            due: 0,
        }
    }

    /// No limit.
    pub fn unlimited() -> Self {
        Self {
            interval: 0,
            ahead: 0,
            due: 0,
        }
    }

    /// One for all targets of a worker that wakes every `tick`.
    pub fn per_tick(rate: u32, tick: Span) -> Self {
        Self::new(rate, Self::at_once(rate, tick))
    }

    /// How many requests of a worker that wakes every `tick` may leave at once: what
    /// comes due between two wake-ups, and half as much again for a late one.
    pub fn at_once(rate: u32, tick: Span) -> u32 {
        let due = u128::from(rate).saturating_mul(tick.as_nanos()) / 1_000_000_000;
        let due = u32::try_from(due).unwrap_or(u32::MAX / 2);
        due.saturating_add(due / 2).saturating_add(1)
    }

    /// The same bucket at another pace; what was sent already still counts.
    #[must_use]
    pub fn with_pace(self, rate: u32, burst: u32) -> Self {
        Self {
            due: self.due,
            ..Self::new(rate, burst)
        }
    }

    /// When the next request may leave; not after `now` if it may at once.
    pub fn ready_at(&self) -> Mono {
        Mono(self.due.saturating_sub(self.ahead))
    }

    /// Whether a request may leave now.
    pub fn is_ready(&self, now: Mono) -> bool {
        self.interval == 0 || self.ready_at() <= now
    }

    /// Counts one request that leaves now.
    pub fn take(&mut self, now: Mono) {
        self.due = self.due.max(now.0).saturating_add(self.interval);
    }
}

/// How many replies may come at once: requests of the last 100 ms without an
/// answer yet, so that our own receive buffer is never the cause of a loss
/// (trap 16). Older ones are silent targets; those hold back nobody (trap 18).
#[derive(Debug, Clone)]
pub struct Window {
    /// Weight of requests by the 10 ms in which they left.
    cells: [u32; 16],
    /// The latest cell, counted from the clock's start.
    head: u64,
    total: u32,
    limit: u32,
}

impl Window {
    const CELL: u64 = 10_000_000;
    const SPAN: u64 = 10;
    /// What one small packet may take of a receive buffer: a page and its
    /// descriptor on a common network card (on the loopback it is a third).
    const BYTES: usize = 2_304;

    /// A window for a receive buffer of that many bytes.
    pub fn new(receive_buffer: usize) -> Self {
        Self {
            cells: [0; 16],
            head: 0,
            total: 0,
            limit: u32::try_from(receive_buffer / Self::BYTES)
                .unwrap_or(u32::MAX)
                .max(16),
        }
    }

    fn place(cell: u64) -> usize {
        usize::try_from(cell % 16).unwrap_or(0)
    }

    fn advance(&mut self, now: Mono) {
        let cell = now.0 / Self::CELL;
        if cell > self.head + 16 {
            self.cells = [0; 16];
            self.total = 0;
            self.head = cell;
        }
        while self.head < cell {
            self.head += 1;
            if let Some(old) = self.head.checked_sub(Self::SPAN) {
                self.total -= std::mem::take(&mut self.cells[Self::place(old)]);
            }
        }
    }

    fn weight(size: u16) -> u32 {
        1 + u32::from(size) / 1_500
    }

    /// Whether another request has to wait for answers.
    pub fn is_full(&mut self, now: Mono) -> bool {
        self.advance(now);
        self.total >= self.limit
    }

    /// A request of that payload left.
    pub fn add(&mut self, at: Mono, size: u16) {
        self.advance(at);
        self.cells[Self::place(self.head)] += Self::weight(size);
        self.total += Self::weight(size);
    }

    /// A request that left at `sent` was answered.
    pub fn answered(&mut self, sent: Mono, size: u16) {
        let cell = sent.0 / Self::CELL;
        if cell <= self.head && cell + Self::SPAN > self.head {
            let held = &mut self.cells[Self::place(cell)];
            let less = Self::weight(size).min(*held);
            *held -= less;
            self.total -= less;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// How many leave at each of these moments, given that as many as possible want to.
    fn drive(mut bucket: Bucket, moments: impl Iterator<Item = u64>) -> Vec<u32> {
        moments
            .map(|at| {
                let mut n = 0;
                while bucket.is_ready(Mono(at)) && n < 1_000_000 {
                    bucket.take(Mono(at));
                    n += 1;
                }
                n
            })
            .collect()
    }

    proptest! {
        // trap 16
        #[test]
        fn no_window_holds_more_than_its_rate_and_one_burst(
            rate in 1_u32..20_000, burst in 1_u32..50, steps in proptest::collection::vec(0_u64..50_000_000, 1..80),
        ) {
            let mut at = 0;
            let moments: Vec<u64> = steps.iter().map(|s| { at += s; at }).collect();
            let sent = drive(Bucket::new(rate, burst), moments.iter().copied());
            prop_assert!(sent.iter().all(|n| *n <= burst));
            for first in 0..moments.len() {
                let mut total = 0_u64;
                for (at, n) in moments.iter().zip(&sent).skip(first) {
                    total += u64::from(*n);
                    let window = at - moments[first];
                    // One more than rate times window plus burst, for the rounding of the interval.
                    let allowed = u64::from(burst) + window / (1_000_000_000 / u64::from(rate)) + 1;
                    prop_assert!(total <= allowed, "{total} > {allowed}");
                }
            }
        }
    }

    #[test]
    fn the_mean_pace_is_reached_when_woken_every_tick() {
        let bucket = Bucket::per_tick(1_000, Span::from_millis(10));
        // Each wake-up comes 60 µs late, and one is missed.
        let sent = drive(
            bucket,
            (1..=1_000)
                .filter(|n| n % 100 != 0)
                .map(|n| n * 10_000_000 + 60_000),
        );
        let total: u32 = sent.iter().sum();
        assert!((9_900..=10_020).contains(&total), "{total}");
    }

    // trap 16
    #[test]
    fn a_subnet_has_one_pace_that_suffices_for_its_schedule() {
        let mut subnets = Subnets::new(100, 7);
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let group = subnets.group(ip("10.1.2.3")).unwrap();
        assert_eq!((group.id, group.rate, group.burst), (7, 100, 3));
        assert_eq!(subnets.group(ip("10.1.2.250")).unwrap(), group);
        assert_eq!(subnets.group(ip("10.1.3.3")).unwrap().id, 8);
        let six = subnets.group(ip("2001:db8::1")).unwrap();
        assert_eq!(subnets.group(ip("2001:db8::ffff:1")).unwrap(), six);
        assert_ne!(subnets.group(ip("2001:db8:0:1::1")).unwrap().id, six.id);
        for last in 1..=200 {
            subnets.need([10, 9, 9, last].into(), 3.0);
        }
        let busy = subnets.group(ip("10.9.9.9")).unwrap();
        assert_eq!(busy.rate, 750);
        let bucket = Bucket::new(busy.rate, busy.burst.into());
        let sent: u32 = drive(bucket, (1..=100).map(|n| n * 10_000_000)).iter().sum();
        assert!(sent >= 600, "{sent} in a second, where 600 are due");
        assert_eq!(subnets.group(ip("127.0.0.1")), None);
        assert_eq!(Subnets::new(0, 0).group(ip("10.1.2.3")), None);
    }

    // trap 18
    #[test]
    fn silent_targets_leave_the_window_after_a_tenth_of_a_second() {
        let mut window = Window::new(16 * Window::BYTES);
        for _ in 0..16 {
            assert!(!window.is_full(Mono(5_000_000)));
            window.add(Mono(5_000_000), 56);
        }
        assert!(window.is_full(Mono(50_000_000)));
        window.answered(Mono(5_000_000), 56);
        assert!(!window.is_full(Mono(60_000_000)));
        window.add(Mono(60_000_000), 56);
        assert!(window.is_full(Mono(99_000_000)));
        assert!(!window.is_full(Mono(100_000_000)));
        // An answer to one that has left already takes nothing from others.
        window.answered(Mono(5_000_000), 56);
        assert_eq!(window.total, 1);
        assert!(!window.is_full(Mono(9_000_000_000)));
        assert_eq!(window.total, 0);
    }
}
