//! What to send, when, and what an answer means.
//!
//! Pure: the time comes in with every call, packets come in and go out as
//! bytes, results are taken out by the batch. The worker does what this says
//! and decides nothing.
//!
//! One turn of the worker:
//!
//! ```text
//! begin(now, wall, drops) → receive(packet)* → advance(now) → accept(order)*
//!   → (next_send(now) → sent(at, result))* → left(at) → take_done() → wake(now)
//! ```
//!
//! A burst is in one of four places: waiting for the pace (a queue), waiting for
//! its next request or its deadline (the wheel), being sent, or done. Each
//! target's deadline runs by itself, so that a silent one holds back nobody (trap 18).

mod burst;
mod receive;
mod send;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::collections::hash_map::Entry;

use self::burst::Echo;
use self::burst::Echoes;
use self::burst::Fate;
use self::burst::Slot;
use super::Burst;
use super::Counters;
use super::Errors;
use super::Options;
use super::cookie::Key;
use super::pace::Bucket;
use super::pace::Window;
use super::socket::Drops;
use super::socket::Mode;
use super::stats;
use super::wheel::Lists;
use super::wheel::NONE;
use crate::model::BlindReason;
use crate::model::EchoStats;
use crate::model::Mono;
use crate::model::Outcome;
use crate::model::Reason;
use crate::model::Span;
use crate::model::Timestamp;
use crate::model::spread::BuildSpread;

/// Idents that one engine uses: a block of 64, so that the filter in the kernel
/// stays one comparison while a target's ident can be renewed (trap 17).
pub const VARIANTS: u8 = 64;
/// Requests that may wait for the overall pace, at most: half a second of 8,192 a second.
const BACKLOG: usize = 4_096;
/// The same where the pace needs fewer from one wake-up to the next.
const LEAST_BACKLOG: usize = 64;
/// Tokens whose failures are remembered: 1,048,576 × 24 bytes bound it to 25 MB.
const MAX_REMEMBERED: usize = 1 << 20;

/// When the engine wants to be called again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// There is nothing to do until an order comes.
    Idle,
    /// At this moment, or when an order comes.
    At(Mono),
    /// As soon as replies make room for more requests, at this moment at the latest.
    OnReply(Mono),
}

/// What is remembered of a token between its bursts.
#[derive(Debug, Clone, Copy)]
struct Memory {
    /// Its burst in flight; [`NONE`] for none.
    slot: u32,
    /// Bursts without any answer in a row.
    failures: u8,
    variant: u8,
    late: u16,
    duplicates: u16,
}

impl Memory {
    const NEW: Self = Self {
        slot: NONE,
        failures: 0,
        variant: 0,
        late: 0,
        duplicates: 0,
    };

    fn is_blank(&self) -> bool {
        self.failures == 0 && self.variant == 0 && self.late == 0 && self.duplicates == 0
    }
}

/// Replies that came after the last burst of their token had ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Straggler {
    /// The token of that burst.
    pub token: u64,
    /// Late replies.
    pub late: u16,
    /// Further replies to answered requests.
    pub duplicates: u16,
}

#[derive(Debug)]
struct Line {
    queue: u32,
    bucket: Bucket,
    /// Whether it is in `turn` or in `resting`.
    is_listed: bool,
}

/// The engine. See the module's documentation for the order of calls.
#[derive(Debug)]
pub struct Engine {
    key: Key,
    /// The first of our idents; `None` when the kernel chooses them.
    ident: Option<u16>,
    renew_after: u8,
    slots: Vec<Slot>,
    /// Slots to use again, the longest unused first, so that late replies still find their owner.
    free: VecDeque<u32>,
    echoes: Echoes,
    lists: Lists,
    /// Requests of no group that wait for their turn, and how many.
    plain: u32,
    plain_waiting: usize,
    lines: Vec<Line>,
    line_of: HashMap<u32, u32>,
    /// Lines that may send now.
    turn: VecDeque<u32>,
    /// Lines that wait for their pace, and until when.
    resting: BinaryHeap<Reverse<(Mono, u32)>>,
    is_plain_turn: bool,
    pace: Bucket,
    max_rate: Option<u32>,
    tick: Span,
    /// Requests without a group that may wait for the overall pace.
    backlog: usize,
    window: Window,
    tokens: HashMap<u64, Memory, BuildSpread>,
    /// Which slot used a sequence number last: for errors that quote 8 bytes only.
    by_seq: Box<[u32]>,
    next_seq: u16,
    next_serial: u32,
    counters: Counters,
    /// What the kernel dropped so far, for want of room and for a wrong checksum.
    drops: u64,
    corrupt: u64,
    now: Mono,
    wall: Timestamp,
    /// The slot whose packet is being sent.
    sending: Option<u32>,
    /// The slot of the packet sent last and its stamp, until it is known by when it had left.
    leaving: Option<(u32, Mono)>,
    /// Why `next_send` gave nothing though something waits.
    hold: Wake,
    paused_until: Mono,
    packet: Vec<u8>,
    fired: Vec<u32>,
    sorted: Vec<Span>,
    done: Vec<Burst>,
}

impl Engine {
    /// An engine with nothing to do.
    ///
    /// `key` and `ident` come from a random source; of `ident` the lower six
    /// bits are not used.
    pub fn new(options: &Options, mode: Mode, receive_buffer: usize, key: Key, ident: u16) -> Self {
        let mut lists = Lists::new();
        let plain = lists.add_queue();
        let tick = options.calm.max(options.tick);
        Self {
            key,
            ident: (mode != Mode::Datagram).then_some(ident & ident_mask()),
            renew_after: options.renew_after.max(1),
            slots: Vec::new(),
            free: VecDeque::new(),
            echoes: Echoes::new(),
            lists,
            plain,
            plain_waiting: 0,
            lines: Vec::new(),
            line_of: HashMap::new(),
            turn: VecDeque::new(),
            resting: BinaryHeap::new(),
            is_plain_turn: false,
            pace: overall(options.max_rate, tick),
            max_rate: options.max_rate,
            tick,
            backlog: backlog(options.max_rate, tick),
            window: Window::new(receive_buffer),
            tokens: HashMap::default(),
            by_seq: vec![NONE; 1 << 16].into_boxed_slice(),
            next_seq: ident.rotate_left(7),
            next_serial: 0,
            counters: Counters::default(),
            drops: 0,
            corrupt: 0,
            now: Mono::ZERO,
            wall: Timestamp::EPOCH,
            sending: None,
            leaving: None,
            hold: Wake::Idle,
            paused_until: Mono::ZERO,
            packet: Vec::new(),
            fired: Vec::new(),
            sorted: Vec::new(),
            done: Vec::new(),
        }
    }

    /// Another overall pace from now on; `None`: no limit.
    pub fn set_max_rate(&mut self, max_rate: Option<u32>) {
        if max_rate != self.max_rate {
            self.max_rate = max_rate;
            self.pace = overall(max_rate, self.tick);
            self.backlog = backlog(max_rate, self.tick);
        }
    }

    /// Begins a turn: what time it is by both clocks, and what the kernel has
    /// dropped so far.
    pub fn begin(&mut self, now: Mono, wall: Timestamp, drops: Drops) {
        self.now = self.now.max(now);
        self.wall = wall;
        self.drops = self.drops.max(drops.full);
        self.counters.drops = self.drops;
        self.counters.corrupt += drops.corrupt.saturating_sub(self.corrupt);
        self.corrupt = self.corrupt.max(drops.corrupt);
    }

    /// Lets time pass: requests whose spacing is over get in line, bursts whose
    /// last deadline is over end.
    ///
    /// Every packet that came before `now` must have been handed to
    /// [`Engine::receive`], or it is counted as late though it was not.
    pub fn advance(&mut self, now: Mono) {
        let mut fired = std::mem::take(&mut self.fired);
        let slots = &self.slots;
        self.lists.advance(
            now,
            |n| slots.get(n as usize).map_or(Mono::ZERO, |s| s.due),
            &mut fired,
        );
        for n in fired.drain(..) {
            let Some(slot) = self.slots.get(n as usize) else {
                continue;
            };
            if slot.sent < slot.count {
                self.line_up(n);
            } else {
                self.finish(n);
            }
        }
        self.fired = fired;
    }

    /// The results since the last call, in the order of their ends.
    pub fn take_done(&mut self) -> Vec<Burst> {
        // The next list has the length of this one: one allocation for each batch.
        let next = Vec::with_capacity(self.done.len());
        std::mem::replace(&mut self.done, next)
    }

    /// How many results there are to take.
    pub fn done_count(&self) -> usize {
        self.done.len()
    }

    /// When to call again, after `next_send` gave nothing more.
    pub fn wake(&self) -> Wake {
        let timer = self.lists.next_due();
        match (self.hold, timer) {
            (Wake::Idle, None) => Wake::Idle,
            (Wake::Idle, Some(at)) => Wake::At(at),
            (hold, None) => hold,
            (Wake::At(a), Some(b)) => Wake::At(a.min(b)),
            (Wake::OnReply(a), Some(b)) => Wake::OnReply(a.min(b)),
        }
    }

    /// Whether a deadline or a spacing may be over at `now`.
    pub fn is_due(&self, now: Mono) -> bool {
        self.lists.next_due().is_some_and(|at| at <= now)
    }

    /// Whether requests wait for the pace of their group.
    pub fn is_held_back(&self) -> bool {
        !self.resting.is_empty() || !self.turn.is_empty()
    }

    /// Whether so many requests wait for the overall pace that further orders had
    /// better wait outside, where they are small (300 bytes less each). Those
    /// that wait for the pace of their group don't count: they hold back nobody else.
    pub fn is_backlogged(&self) -> bool {
        self.plain_waiting >= self.backlog
    }

    /// What was counted so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Late and doubled replies that no burst has told of.
    pub fn stragglers(&self) -> Vec<Straggler> {
        self.tokens
            .iter()
            .filter(|(_, m)| m.late > 0 || m.duplicates > 0)
            .map(|(token, m)| Straggler {
                token: *token,
                late: m.late,
                duplicates: m.duplicates,
            })
            .collect()
    }

    /// The wall clock's time at a moment near now.
    fn wall_at(&self, at: Mono) -> Timestamp {
        if at >= self.now {
            self.wall.plus(at.since(self.now))
        } else {
            self.wall.minus(self.now.since(at))
        }
    }

    /// Ends the burst in a slot: it leaves the wheel, its result gets in line.
    fn finish(&mut self, n: u32) {
        self.lists.remove(n);
        let Some(slot) = self.slots.get_mut(n as usize) else {
            return;
        };
        slot.is_active = false;
        let echoes = self.echoes.of(slot.echoes);
        let timed = |e: &&Echo, fate: Fate| e.fate == fate && !e.is_vague;
        let times = |fate: Fate| echoes.iter().filter(move |e| timed(e, fate)).map(Echo::rtt);
        let rtt = stats::sum_up(times(Fate::Answered), &mut self.sorted)
            .map(|rtt| stats::stretch(rtt, self.sorted.len(), usize::from(slot.received)));
        let error_rtt = stats::sum_up(times(Fate::Failed), &mut self.sorted);
        let missing = slot.missing();
        let has_dropped = missing > 0 && self.drops > slot.drops_before;
        let voided = if has_dropped { missing } else { 0 };
        let blind = slot.blind.take();
        let outcome = match (slot.received, blind, slot.error) {
            (1.., _, _) => Outcome::Good,
            (0, Some(blind), _) => Outcome::Blind(blind),
            (0, None, Some(error)) => Outcome::Bad(error.kind.reason()),
            (0, None, None) if has_dropped => Outcome::Blind(BlindReason::ReceiveDrops),
            (0, None, None) => Outcome::Bad(Reason::Timeout),
        };
        let is_crowded = self.tokens.len() > MAX_REMEMBERED;
        // One look into the table, whether the token is to be remembered or not.
        let mut entry = match self.tokens.entry(slot.token) {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(entry) => entry.insert_entry(Memory::NEW),
        };
        let memory = entry.get_mut();
        memory.slot = NONE;
        match &outcome {
            Outcome::Good => memory.failures = 0,
            Outcome::Bad(Reason::Timeout) => {
                memory.failures += 1;
                if memory.failures >= self.renew_after {
                    memory.failures = 0;
                    memory.variant = (memory.variant + 1) % VARIANTS;
                    self.counters.renewed += 1;
                }
            }
            Outcome::Bad(_) | Outcome::Blind(_) => {}
        }
        self.done.push(Burst {
            token: slot.token,
            at: slot.at,
            outcome,
            stats: EchoStats {
                address: slot.address,
                sent: slot.sent - voided,
                received: slot.received,
                late: slot.late.saturating_add(std::mem::take(&mut memory.late)),
                duplicates: slot
                    .duplicates
                    .saturating_add(std::mem::take(&mut memory.duplicates)),
                rtt,
            },
            errors: Errors {
                count: slot.failed,
                last: slot.error,
                rtt: error_rtt,
            },
            uncounted: slot.uncounted + voided,
            held: slot.held,
        });
        let block = slot.echoes;
        if memory.is_blank() || is_crowded {
            entry.remove();
        }
        self.echoes.give_back(block);
        self.free.push_back(n);
        self.counters.in_flight -= 1;
    }
}

fn overall(max_rate: Option<u32>, tick: Span) -> Bucket {
    max_rate.map_or_else(Bucket::unlimited, |rate| Bucket::per_tick(rate, tick))
}

/// Twice what the pace lets out at once. More would only be written, and be gone from the
/// processor's caches when its turn comes: at 5,000 a second that was a tenth of all CPU time.
fn backlog(max_rate: Option<u32>, tick: Span) -> usize {
    max_rate.map_or(BACKLOG, |rate| {
        let at_once = usize::try_from(Bucket::at_once(rate, tick)).unwrap_or(BACKLOG);
        at_once.saturating_mul(2).clamp(LEAST_BACKLOG, BACKLOG)
    })
}

/// The bits of an ident that all of an engine's idents share.
pub fn ident_mask() -> u16 {
    !(u16::from(VARIANTS) - 1)
}
