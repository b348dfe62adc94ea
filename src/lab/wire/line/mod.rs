//! One direction of the wire: what happens to its packets, and when.
//!
//! Pure: packets and the time come in, packets come out when their time has
//! come. The same seed and the same packets at the same times give the same
//! faults. Each packet draws the same number of dice whatever the faults are, so
//! that more of one fault does not move another.
//!
//! The order of things is that of a real line: our own queue in front of it
//! (rate, limit), then the line, which loses, breaks, doubles and delays.

use std::collections::BinaryHeap;
use std::collections::VecDeque;

use crate::lab::due::Due;
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

/// A packet on its way; its order is that of coming in, a double has its original's.
#[derive(Debug)]
struct Held {
    is_corrupted: bool,
    bytes: Vec<u8>,
}

/// One direction.
#[derive(Debug)]
pub struct Line {
    faults: Faults,
    chance: Chance,
    counts: Counts,
    held: BinaryHeap<Due<Held>>,
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
            let bytes = bytes.clone();
            self.hold(at, number, Held { is_corrupted, bytes });
        }
        self.hold(at, number, Held { is_corrupted, bytes });
    }

    fn hold(&mut self, at: Mono, order: u64, what: Held) {
        self.held.push(Due { at, order, what });
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
            let Some(Due {
                order: number,
                what: held,
                ..
            }) = self.held.pop()
            else {
                return;
            };
            self.counts.delivered += 1;
            self.counts.corrupted += u64::from(held.is_corrupted);
            // Whether anything put in later has come out already.
            self.counts.reordered += u64::from(number + 1 < self.come_out);
            self.come_out = self.come_out.max(number + 1);
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
mod tests;
