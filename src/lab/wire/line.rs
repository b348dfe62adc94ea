//! One direction of the wire: what happens to its packets, and when.
//!
//! Pure: packets and the time come in, packets come out when their time has
//! come. The same seed and the same packets at the same times give the same
//! faults. Each packet draws the same number of dice whatever the faults are, so
//! that more of one fault does not move another.
//!
//! The order of things is that of a real line: our own queue in front of it
//! (rate, limit), then the line, which loses, breaks, doubles and delays.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::VecDeque;

use crate::lab::weather::Chance;
use crate::model::Mono;
use crate::model::Ratio;
use crate::model::Span;

/// Bytes of a header that corruption leaves alone, by IP version: with a broken
/// IP header the kernel would throw the packet away before anyone can count it.
const HEADER_4: usize = 20;
const HEADER_6: usize = 40;
/// Buffers that are kept to be used again.
const SPARE: usize = 256;

/// What one direction does to packets; by default nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Faults {
    /// How long each packet is on its way.
    pub delay: Span,
    /// At most so much more, by chance, each packet its own. Packets do not
    /// overtake each other because of it.
    pub jitter: Span,
    /// Share of packets that are lost; 1 is a cut line.
    pub loss: Ratio,
    /// Share of packets that arrive twice.
    pub duplication: Ratio,
    /// Share of packets that are held back by `detour`, so that later ones overtake them.
    pub reordering: Ratio,
    /// How long a packet is held back that is to be overtaken.
    pub detour: Span,
    /// Share of packets in which one bit behind the IP header is flipped.
    pub corruption: Ratio,
    /// Bits per second that the line carries, IP header included; `None`: no limit.
    pub rate: Option<u64>,
    /// Packets that may wait for the line, the one being sent included; more are dropped.
    pub queue: usize,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            delay: Span::ZERO,
            jitter: Span::ZERO,
            loss: Ratio::ZERO,
            duplication: Ratio::ZERO,
            reordering: Ratio::ZERO,
            detour: Span::from_millis(5),
            corruption: Ratio::ZERO,
            rate: None,
            queue: 1_000,
        }
    }
}

impl Faults {
    /// A line that only takes its time.
    pub fn delay(delay: Span) -> Self {
        Self {
            delay,
            ..Self::default()
        }
    }

    /// A line that only loses: `share` of 1.
    pub fn loss(share: Ratio) -> Self {
        Self {
            loss: share,
            ..Self::default()
        }
    }

    /// Nothing comes through.
    pub fn cut() -> Self {
        Self::loss(Ratio::ONE)
    }
}

/// What happened to packets so far. At any time
/// `offered + duplicated = overflowed + lost + delivered + held`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Counts {
    /// Packets that were put in.
    pub offered: u64,
    /// Dropped, since the queue in front of the line was full.
    pub overflowed: u64,
    /// Lost on the line.
    pub lost: u64,
    /// Doubled on the line (each one more packet).
    pub duplicated: u64,
    /// Delivered with a flipped bit.
    pub corrupted: u64,
    /// Delivered after a packet that was put in later.
    pub reordered: u64,
    /// Came out at the other end, doubled, broken and late ones included.
    pub delivered: u64,
    /// On their way now.
    pub held: u64,
}

/// A packet on its way.
#[derive(Debug)]
struct Held {
    at: Mono,
    /// In the order of coming in; a double has its original's.
    number: u64,
    is_corrupted: bool,
    bytes: Vec<u8>,
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Held {}
impl PartialOrd for Held {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Held {
    /// The earliest is the greatest: `BinaryHeap` gives the greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

/// One direction.
#[derive(Debug)]
pub struct Line {
    faults: Faults,
    chance: Chance,
    counts: Counts,
    held: BinaryHeap<Held>,
    /// When those that wait for the line will have left the queue, in order.
    leaving: VecDeque<Mono>,
    /// When the last one that was not held back comes out: none comes before it.
    latest: Mono,
    next_number: u64,
    /// One more than the highest number that has come out.
    come_out: u64,
    spare: Vec<Vec<u8>>,
}

impl Line {
    /// A line with these faults; the same seed, the same fate for each packet.
    pub fn new(faults: Faults, seed: u64) -> Self {
        Self {
            faults,
            chance: Chance::new(seed),
            counts: Counts::default(),
            held: BinaryHeap::new(),
            leaving: VecDeque::new(),
            latest: Mono::ZERO,
            next_number: 0,
            come_out: 0,
            spare: Vec::new(),
        }
    }

    /// Other faults from now on; what is on its way arrives as it would have.
    pub fn set(&mut self, faults: Faults) {
        self.faults = faults;
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        Counts {
            held: self.held.len() as u64,
            ..self.counts
        }
    }

    /// Puts a packet in, at `now`, which never goes back.
    pub fn offer(&mut self, packet: &[u8], now: Mono) {
        let faults = self.faults;
        self.counts.offered += 1;
        let number = self.next_number;
        self.next_number += 1;
        let is = |chance: &mut Chance, share: Ratio| chance.share() < share.get();
        let is_lost = is(&mut self.chance, faults.loss);
        let is_doubled = is(&mut self.chance, faults.duplication);
        let is_detoured = is(&mut self.chance, faults.reordering);
        let is_corrupted = is(&mut self.chance, faults.corruption);
        let which = self.chance.number();
        let jitter = self.chance.part_of(faults.jitter);
        let Some(left) = self.queue(packet.len(), now) else {
            self.counts.overflowed += 1;
            return;
        };
        if is_lost {
            self.counts.lost += 1;
            return;
        }
        let mut at = left.plus(faults.delay).plus(jitter);
        if is_detoured {
            at = at.plus(faults.detour);
        } else {
            at = at.max(self.latest);
            self.latest = at;
        }
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(packet);
        let is_corrupted = is_corrupted && flip(&mut bytes, which);
        if is_doubled {
            self.counts.duplicated += 1;
            self.held.push(Held {
                at,
                number,
                is_corrupted,
                bytes: bytes.clone(),
            });
        }
        self.held.push(Held {
            at,
            number,
            is_corrupted,
            bytes,
        });
    }

    /// When a packet of `length` bytes will have left the queue; `None` if it is full.
    fn queue(&mut self, length: usize, now: Mono) -> Option<Mono> {
        let Some(rate) = self.faults.rate else {
            self.leaving.clear();
            return Some(now);
        };
        while self.leaving.front().is_some_and(|at| *at <= now) {
            self.leaving.pop_front();
        }
        if self.leaving.len() >= self.faults.queue {
            return None;
        }
        let start = self.leaving.back().copied().unwrap_or(now);
        let nanos = (length as u128 * 8 * 1_000_000_000).div_ceil(u128::from(rate.max(1)));
        let left = start.plus(Span::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)));
        self.leaving.push_back(left);
        Some(left)
    }

    /// When the next packet comes out; `None` while there is none.
    pub fn next_due(&self) -> Option<Mono> {
        self.held.peek().map(|held| held.at)
    }

    /// Hands over every packet whose time has come, in the order of their times.
    pub fn deliver(&mut self, now: Mono, each: &mut dyn FnMut(&[u8])) {
        while self.next_due().is_some_and(|at| at <= now) {
            let Some(held) = self.held.pop() else { return };
            self.counts.delivered += 1;
            self.counts.corrupted += u64::from(held.is_corrupted);
            // Whether anything put in later has come out already.
            self.counts.reordered += u64::from(held.number + 1 < self.come_out);
            self.come_out = self.come_out.max(held.number + 1);
            each(&held.bytes);
            if self.spare.len() < SPARE {
                self.spare.push(held.bytes);
            }
        }
    }
}

/// Flips one bit behind the IP header; whether there was one.
fn flip(packet: &mut [u8], which: u64) -> bool {
    let header = match packet.first().map(|first| first >> 4) {
        Some(4) => HEADER_4,
        Some(6) => HEADER_6,
        _ => 0,
    };
    let Some(body) = packet.get_mut(header..).filter(|body| !body.is_empty()) else {
        return false;
    };
    let bit = which % (body.len() as u64 * 8);
    if let Ok(place) = usize::try_from(bit / 8)
        && let Some(byte) = body.get_mut(place)
    {
        *byte ^= 1 << (bit % 8);
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Span = Span::from_millis(1);

    fn share(of: f64) -> Ratio {
        Ratio::new(of).unwrap()
    }

    /// A packet that carries its number behind an IPv4 header.
    fn packet(number: u32, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length.max(24)];
        bytes[0] = 0x45;
        bytes[20..24].copy_from_slice(&number.to_be_bytes());
        bytes
    }

    fn number(bytes: &[u8]) -> u32 {
        u32::from_be_bytes(bytes[20..24].try_into().unwrap())
    }

    /// Everything that comes out up to `until`, with its time, walking from due time to due time.
    fn drain(line: &mut Line, until: Mono) -> Vec<(Mono, Vec<u8>)> {
        let mut out = Vec::new();
        while let Some(at) = line.next_due().filter(|at| *at <= until) {
            line.deliver(at, &mut |bytes| out.push((at, bytes.to_vec())));
        }
        out
    }

    #[test]
    fn a_line_without_faults_hands_everything_on_at_once() {
        let mut line = Line::new(Faults::default(), 1);
        for n in 0..100 {
            line.offer(&packet(n, 84), Mono(u64::from(n)));
        }
        let out = drain(&mut line, Mono(99));
        assert!(out.iter().map(|(_, b)| number(b)).eq(0..100));
        assert!(out.iter().zip(0..).all(|((at, _), n)| at.0 == n));
        assert_eq!(
            line.counts(),
            Counts {
                offered: 100,
                delivered: 100,
                ..Counts::default()
            }
        );
        assert_eq!(line.next_due(), None);
    }

    #[test]
    fn a_slow_line_carries_its_rate_and_drops_what_its_queue_does_not_hold() {
        // 512 kbit/s carry an echo of 84 bytes in 1.3125 ms.
        let mut line = Line::new(
            Faults {
                rate: Some(512_000),
                queue: 50,
                delay: 60 * MS,
                ..Faults::default()
            },
            1,
        );
        for n in 0..500 {
            line.offer(&packet(n, 84), Mono(0));
        }
        assert_eq!((line.counts().overflowed, line.counts().held), (450, 50));
        let out = drain(&mut line, Mono(1_000_000_000));
        assert_eq!(out[0].0, Mono(61_312_500));
        assert_eq!(out[49].0, Mono(60_000_000 + 50 * 1_312_500));
        // Once it is empty, it takes as many again; and at its own pace it drops none.
        for n in 0..500_u32 {
            line.offer(&packet(n, 84), Mono(2_000_000_000 + u64::from(n) * 1_312_500));
        }
        assert_eq!(line.counts().overflowed, 450);
        assert_eq!(drain(&mut line, Mono(5_000_000_000)).len(), 500);
    }

    #[test]
    fn the_shares_of_the_faults_are_met() {
        let mut line = Line::new(
            Faults {
                loss: share(0.1),
                duplication: share(0.05),
                reordering: share(0.2),
                corruption: share(0.02),
                delay: MS,
                ..Faults::default()
            },
            42,
        );
        let mut out = 0;
        for n in 0..100_000_u32 {
            let now = Mono(u64::from(n) * 100_000);
            line.offer(&packet(n, 64), now);
            line.deliver(now, &mut |_| out += 1);
        }
        let counts = line.counts();
        let near = |seen: u64, wanted: f64| (seen as f64 - wanted).abs() < wanted * 0.1;
        assert!(near(counts.lost, 10_000.0), "{counts:?}");
        assert!(near(counts.duplicated, 4_500.0), "{counts:?}");
        // Doubles of a packet that is held back are held back, too.
        assert!(near(counts.reordered, 18_900.0), "{counts:?}");
        assert!(near(counts.corrupted, 1_890.0), "{counts:?}");
        assert_eq!(out, counts.delivered);
    }

    #[test]
    fn a_cut_takes_effect_at_once_and_what_is_on_its_way_arrives() {
        let mut line = Line::new(Faults::delay(10 * MS), 1);
        line.offer(&packet(1, 64), Mono(0));
        line.set(Faults::cut());
        line.offer(&packet(2, 64), Mono(1));
        let out = drain(&mut line, Mono(1_000_000_000));
        assert_eq!((out.len(), number(&out[0].1)), (1, 1));
        assert_eq!(line.counts().lost, 1);
    }

    #[test]
    fn corruption_leaves_the_ip_header_and_flips_one_bit_behind_it() {
        for (first, header) in [(0x45, 20), (0x60, 40)] {
            let mut line = Line::new(
                Faults {
                    corruption: Ratio::ONE,
                    ..Faults::default()
                },
                3,
            );
            let mut sent = vec![0; 64];
            sent[0] = first;
            for _ in 0..200 {
                line.offer(&sent, Mono(0));
            }
            line.deliver(Mono(0), &mut |bytes| {
                assert_eq!(bytes[..header], sent[..header]);
                let flipped: u32 = bytes[header..].iter().map(|b| b.count_ones()).sum();
                assert_eq!(flipped, 1);
            });
            // There is nothing to break in a bare header.
            line.offer(&sent[..header], Mono(0));
            line.deliver(Mono(0), &mut |_| {});
            assert_eq!((line.counts().corrupted, line.counts().delivered), (200, 201));
        }
    }

    fn faults() -> impl Strategy<Value = Faults> {
        let any_share = || prop_oneof![Just(0.0), Just(1.0), 0.0..1.0];
        let span = || (0_u64..50_000_000).prop_map(Span::from_nanos);
        (
            (span(), span(), span()),
            (any_share(), any_share(), any_share(), any_share()),
            proptest::option::of(1_000_u64..10_000_000),
            0_usize..40,
        )
            .prop_map(|((delay, jitter, detour), (a, b, c, d), rate, queue)| Faults {
                delay,
                jitter,
                detour,
                loss: share(a),
                duplication: share(b),
                reordering: share(c),
                corruption: share(d),
                rate,
                queue,
            })
    }

    proptest! {
        #[test]
        fn every_packet_has_one_fate_and_none_comes_before_its_time(
            faults in faults(), seed: u64, steps in proptest::collection::vec((0_u64..5_000_000, 24_usize..1_500), 1..200),
        ) {
            let mut line = Line::new(faults, seed);
            let mut now = Mono(0);
            let mut began = Vec::new();
            let mut out = Vec::new();
            for (n, (step, length)) in (0..).zip(&steps) {
                now = now.plus(Span::from_nanos(*step));
                out.extend(drain(&mut line, now));
                line.offer(&packet(n, *length), now);
                began.push(now);
                let c = line.counts();
                prop_assert_eq!(c.offered + c.duplicated, c.overflowed + c.lost + c.delivered + c.held);
            }
            out.extend(drain(&mut line, Mono(u64::MAX)));
            let c = line.counts();
            prop_assert_eq!(c.held, 0);
            prop_assert_eq!(c.delivered, out.len() as u64);
            prop_assert!(out.windows(2).all(|w| w[0].0 <= w[1].0));
            if faults.corruption == Ratio::ZERO {
                let mut seen = vec![0_u32; steps.len()];
                let mut highest = None;
                let mut overtaken = 0;
                for (at, bytes) in &out {
                    let n = number(bytes);
                    let place = usize::try_from(n).unwrap();
                    seen[place] += 1;
                    prop_assert!(at.since(began[place]) >= faults.delay);
                    overtaken += u64::from(highest.is_some_and(|h| n < h));
                    highest = highest.max(Some(n));
                }
                prop_assert!(seen.iter().all(|times| *times <= 2));
                prop_assert_eq!(c.duplicated, seen.iter().filter(|times| **times == 2).count() as u64);
                prop_assert_eq!(c.reordered, overtaken);
                if faults.reordering == Ratio::ZERO {
                    prop_assert_eq!(overtaken, 0);
                }
            }
        }

        #[test]
        fn the_same_seed_gives_the_same_fates_and_a_further_fault_moves_no_other(
            faults in faults(), seed: u64, count in 1_u32..150,
        ) {
            let lost = |faults: Faults| {
                let mut line = Line::new(Faults { rate: None, corruption: Ratio::ZERO, ..faults }, seed);
                for n in 0..count {
                    line.offer(&packet(n, 64), Mono(u64::from(n) * 1_000));
                }
                let mut there: Vec<u32> = drain(&mut line, Mono(u64::MAX)).iter().map(|(_, b)| number(b)).collect();
                there.sort_unstable();
                there.dedup();
                there
            };
            let first = lost(faults);
            prop_assert_eq!(&first, &lost(faults));
            prop_assert_eq!(first, lost(Faults { duplication: Ratio::ONE, reordering: Ratio::ZERO, jitter: Span::ZERO, ..faults }));
        }
    }
}
