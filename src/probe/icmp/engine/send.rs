//! The sending half: orders, whose turn it is, the packet, what became of it.

use std::cmp::Reverse;

use super::Engine;
use super::Line;
use super::Memory;
use super::NONE;
use super::Wake;
use super::burst::Fate;
use super::burst::Slot;
use crate::model::BlindReason;
use crate::model::EchoStats;
use crate::model::Mono;
use crate::model::Outcome;
use crate::model::Span;
use crate::probe::icmp::Burst;
use crate::probe::icmp::Errors;
use crate::probe::icmp::Group;
use crate::probe::icmp::Order;
use crate::probe::icmp::SendRefusal;
use crate::probe::icmp::cookie::Place;
use crate::probe::icmp::pace::Bucket;
use crate::probe::icmp::packet;
use crate::probe::icmp::packet::Family;
use crate::probe::icmp::socket::Outgoing;

/// Between two tries when the system has no room for a packet.
const PUT_OFF: Span = Span::from_millis(1);
/// Tries after which a request counts as refused: a quarter of a second.
const MAX_TRIES: u8 = 250;
/// A send that takes longer than this has stood still, and nobody knows on which side of the
/// packet's leaving. Sends take 5 µs; a turn of another program on this processor, 1 to 3 ms.
const STILL: Span = Span::from_millis(1);

impl Engine {
    /// Takes an order. One that can't be done yields a blind result; one whose
    /// token is still in flight is dropped and counted.
    pub fn accept(&mut self, order: &Order, now: Mono) {
        if let Some(fault) = order.fault() {
            self.refuse(order, fault);
            return;
        }
        let memory = self.tokens.entry(order.token).or_insert(Memory::NEW);
        if memory.slot != NONE {
            self.counters.overlapping += 1;
            return;
        }
        let n = self
            .free
            .pop_front()
            .unwrap_or_else(|| u32::try_from(self.slots.len()).unwrap_or(NONE));
        memory.slot = n;
        let variant = memory.variant;
        self.next_serial = self.next_serial.wrapping_add(1);
        let slot = Slot {
            is_active: true,
            token: order.token,
            serial: self.next_serial,
            address: order.address,
            header: order.header,
            group: order.group.map_or(NONE, |group| self.line(group)),
            base_seq: self.next_seq,
            count: order.count,
            sent: 0,
            received: 0,
            late: 0,
            duplicates: 0,
            failed: 0,
            uncounted: 0,
            size: order.size,
            variant,
            tries: 0,
            spacing: order.spacing,
            timeout: order.timeout,
            ordered: now,
            held: Span::ZERO,
            at: self.wall_at(now),
            due: now,
            drops_before: self.drops,
            blind: None,
            error: None,
            answered: 0,
            echoes: self.echoes.take(order.count),
        };
        self.next_seq = self.next_seq.wrapping_add(order.count);
        if let Some(place) = self.slots.get_mut(n as usize) {
            *place = slot;
        } else {
            self.slots.push(slot);
            self.lists.grow(self.slots.len());
        }
        self.counters.bursts += 1;
        self.counters.in_flight += 1;
        self.line_up(n);
    }

    fn refuse(&mut self, order: &Order, fault: &str) {
        self.counters.refused += u64::from(order.count);
        self.done.push(Burst {
            token: order.token,
            at: self.wall,
            outcome: Outcome::Blind(BlindReason::Internal(fault.to_owned())),
            stats: EchoStats {
                address: order.address,
                sent: 0,
                received: 0,
                late: 0,
                duplicates: 0,
                rtt: None,
            },
            errors: Errors::default(),
            uncounted: order.count,
            held: Span::ZERO,
        });
    }

    /// The place of a group's queue and pace; its pace is the latest order's.
    fn line(&mut self, group: Group) -> u32 {
        let burst = u32::from(group.burst);
        if let Some(&n) = self.line_of.get(&group.id) {
            if let Some(line) = self.lines.get_mut(n as usize) {
                line.bucket = line.bucket.with_pace(group.rate, burst);
            }
            return n;
        }
        let n = u32::try_from(self.lines.len()).unwrap_or(NONE);
        self.lines.push(Line {
            queue: self.lists.add_queue(),
            bucket: Bucket::new(group.rate, burst),
            is_listed: false,
        });
        self.line_of.insert(group.id, n);
        n
    }

    /// The next request of a burst waits for its turn.
    pub(super) fn line_up(&mut self, n: u32) {
        let Some(slot) = self.slots.get(n as usize) else {
            return;
        };
        self.counters.waiting += 1;
        let group = slot.group;
        let Some(line) = self.lines.get(group as usize) else {
            self.lists.push_back(self.plain, n);
            self.plain_waiting += 1;
            return;
        };
        self.lists.push_back(line.queue, n);
        if !line.is_listed {
            self.list(group);
        }
    }

    /// Puts a line with waiting requests where it gets its turn in time.
    fn list(&mut self, group: u32) {
        let Some(line) = self.lines.get_mut(group as usize) else {
            return;
        };
        line.is_listed = !self.lists.is_empty(line.queue);
        if line.is_listed {
            self.resting.push(Reverse((line.bucket.ready_at(), group)));
        }
    }

    /// Whose turn it is, if it is anyone's.
    fn pick(&mut self, now: Mono) -> Option<u32> {
        self.hold = Wake::Idle;
        if self.counters.waiting == 0 {
            return None;
        }
        if self.paused_until > now {
            self.hold = Wake::At(self.paused_until);
            return None;
        }
        if !self.pace.is_ready(now) {
            self.hold = Wake::At(self.pace.ready_at());
            return None;
        }
        if self.window.is_full(now) {
            self.hold = Wake::OnReply(now.plus(PUT_OFF));
            return None;
        }
        while let Some(Reverse((at, group))) = self.resting.peek().copied() {
            if at > now {
                break;
            }
            self.resting.pop();
            self.turn.push_back(group);
        }
        self.is_plain_turn = !self.is_plain_turn;
        let plain_first = self.is_plain_turn || self.turn.is_empty();
        if plain_first && let Some(n) = self.pop_plain() {
            return Some(n);
        }
        if let Some(group) = self.turn.pop_front() {
            let line = self.lines.get_mut(group as usize)?;
            line.bucket.take(now);
            let n = self.lists.pop_front(line.queue);
            self.list(group);
            return n;
        }
        if let Some(n) = self.pop_plain() {
            return Some(n);
        }
        self.hold = self
            .resting
            .peek()
            .map_or(Wake::Idle, |Reverse((at, _))| Wake::At(*at));
        None
    }

    fn pop_plain(&mut self) -> Option<u32> {
        let n = self.lists.pop_front(self.plain)?;
        self.plain_waiting -= 1;
        Some(n)
    }

    /// The next packet to put on the wire now; `None`: nothing more for now,
    /// ask [`Engine::wake`]. Its fate is told by [`Engine::sent`] before the next call.
    pub fn next_send(&mut self, now: Mono) -> Option<Outgoing<'_>> {
        let n = self.pick(now)?;
        self.pace.take(now);
        self.counters.waiting -= 1;
        let slot = self.slots.get(n as usize)?;
        self.sending = Some(n);
        let seq = slot.base_seq.wrapping_add(slot.sent);
        let place = Place {
            slot: n,
            serial: slot.serial,
        };
        let tag = self.key.tag(place, seq, slot.address);
        let ident = self.ident.unwrap_or(0) | u16::from(slot.variant);
        packet::build(
            &mut self.packet,
            Family::of(slot.address),
            ident,
            seq,
            &tag,
            slot.size,
        );
        Some(Outgoing {
            to: slot.address,
            header: slot.header,
            variant: slot.variant,
            bytes: &self.packet,
        })
    }

    /// What became of the packet of the last [`Engine::next_send`]; `at` is the
    /// moment just before it was given to the system. It was read when the packet before had
    /// left, so that it tells of that one too; of the last in a row [`Engine::left`] does.
    pub fn sent(&mut self, at: Mono, result: Result<(), SendRefusal>) {
        self.left(at);
        let Some(n) = self.sending.take() else {
            return;
        };
        let Some(slot) = self.slots.get_mut(n as usize) else {
            return;
        };
        match result {
            Ok(()) => {
                if let Some(echo) = self.echoes.of_mut(slot.echoes).get_mut(usize::from(slot.sent)) {
                    echo.sent = at;
                    echo.fate = Fate::Waiting;
                }
                let seq = slot.base_seq.wrapping_add(slot.sent);
                self.by_seq[usize::from(seq)] = n;
                if slot.sent == 0 {
                    slot.held = at.since(slot.ordered);
                    slot.drops_before = self.drops;
                }
                self.leaving = Some((n, at));
                slot.sent += 1;
                slot.tries = 0;
                self.window.add(at, slot.size);
                self.counters.sent += 1;
                slot.due = at.plus(if slot.sent < slot.count {
                    slot.spacing
                } else {
                    slot.timeout
                });
                let (due, is_first) = (slot.due, slot.sent == 1);
                self.lists.arm(n, due);
                if is_first {
                    let wall = self.wall_at(at);
                    if let Some(slot) = self.slots.get_mut(n as usize) {
                        slot.at = wall;
                    }
                }
            }
            Err(SendRefusal::Full) if slot.tries < MAX_TRIES => {
                slot.tries += 1;
                let group = slot.group;
                self.counters.put_off += 1;
                self.counters.waiting += 1;
                self.paused_until = at.plus(PUT_OFF);
                let queue = self
                    .lines
                    .get(group as usize)
                    .map(|line| (line.queue, line.is_listed));
                self.lists
                    .push_front(queue.map_or(self.plain, |(queue, _)| queue), n);
                self.plain_waiting += usize::from(queue.is_none());
                if let Some((_, false)) = queue {
                    self.list(group);
                }
            }
            Err(SendRefusal::Full) => self.give_up(
                n,
                BlindReason::Internal("the system's send buffer stays full".to_owned()),
            ),
            Err(SendRefusal::Blind(reason)) => self.give_up(n, reason),
        }
    }

    /// By this moment the packet that [`Engine::sent`] told of last had left.
    ///
    /// If we stood still between its stamp and now (the process was stopped, the machine had
    /// no time for us), its stamp may be as much too early: its deadline and its spacing run
    /// from now, and a round trip time that may hold our own stillness is not told.
    pub fn left(&mut self, at: Mono) {
        let Some((n, stamp)) = self.leaving.take() else {
            return;
        };
        let taken = at.since(stamp);
        if taken <= STILL {
            return;
        }
        let Some(slot) = self.slots.get_mut(n as usize) else {
            return;
        };
        let last = usize::from(slot.sent).wrapping_sub(1);
        let echo = self.echoes.of_mut(slot.echoes).get_mut(last);
        let Some(echo) = echo.filter(|e| e.fate == Fate::Waiting && e.sent == stamp) else {
            return;
        };
        self.window.answered(stamp, slot.size);
        self.window.add(at, slot.size);
        echo.sent = at;
        echo.is_vague = true;
        slot.due = slot.due.plus(taken);
        let due = slot.due;
        self.lists.remove(n);
        self.lists.arm(n, due);
    }

    /// Our system refuses: the rest of the burst is not sent, and says nothing about the target.
    fn give_up(&mut self, n: u32, reason: BlindReason) {
        let Some(slot) = self.slots.get_mut(n as usize) else {
            return;
        };
        self.counters.refused += 1;
        slot.uncounted = slot.count - slot.sent;
        slot.count = slot.sent;
        slot.blind = Some(reason);
        if slot.is_complete() {
            self.finish(n);
            return;
        }
        let last = usize::from(slot.sent).saturating_sub(1);
        let sent = self.echoes.of(slot.echoes).get(last).map_or(self.now, |e| e.sent);
        slot.due = sent.plus(slot.timeout);
        let due = slot.due;
        self.lists.arm(n, due);
    }
}
