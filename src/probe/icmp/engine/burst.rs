//! One burst in flight, and where its echoes are kept.

use std::net::IpAddr;

use crate::model::BlindReason;
use crate::model::Mono;
use crate::model::Span;
use crate::model::Timestamp;
use crate::probe::icmp::ErrorSeen;
use crate::probe::icmp::Header;

/// What became of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Not sent yet, or refused by our own system.
    Unsent,
    /// On its way.
    Waiting,
    /// Answered in time.
    Answered,
    /// Answered after its deadline.
    Late,
    /// Ended by an ICMP error.
    Failed,
}

/// One request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Echo {
    /// When it left; where that is not known, when it had left at the latest.
    pub(super) sent: Mono,
    /// In units of 10 ns: 42.9 s at most, above [`crate::probe::icmp::MAX_TIMEOUT`].
    rtt: u32,
    pub(super) fate: Fate,
    /// We stood still while it was being sent: when it left is not known well enough
    /// to tell a round trip time.
    pub(super) is_vague: bool,
}

impl Echo {
    const NEW: Self = Self {
        sent: Mono::ZERO,
        rtt: 0,
        fate: Fate::Unsent,
        is_vague: false,
    };

    pub(super) fn end(&mut self, fate: Fate, rtt: Span) {
        self.fate = fate;
        self.rtt = u32::try_from(rtt.as_nanos() / 10).unwrap_or(u32::MAX);
    }

    pub(super) fn rtt(&self) -> Span {
        Span::from_nanos(u64::from(self.rtt) * 10)
    }
}

/// One burst, or what is left of it until its slot is used again.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) is_active: bool,
    pub(super) token: u64,
    pub(super) serial: u32,
    pub(super) address: IpAddr,
    pub(super) header: Header,
    /// Place of the group's queue and pace; [`super::NONE`] for none.
    pub(super) group: u32,
    /// Sequence number of the first request; the others follow, modulo 2^16.
    pub(super) base_seq: u16,
    /// Requests ordered; smaller once our system has refused one.
    pub(super) count: u16,
    /// Requests sent.
    pub(super) sent: u16,
    pub(super) received: u16,
    /// Requests of this burst that were answered after their deadline.
    pub(super) late: u16,
    pub(super) duplicates: u16,
    pub(super) failed: u16,
    pub(super) uncounted: u16,
    pub(super) size: u16,
    /// Which of our idents.
    pub(super) variant: u8,
    /// Times that a send was put off.
    pub(super) tries: u8,
    pub(super) spacing: Span,
    pub(super) timeout: Span,
    pub(super) ordered: Mono,
    pub(super) held: Span,
    pub(super) at: Timestamp,
    pub(super) due: Mono,
    pub(super) drops_before: u64,
    pub(super) blind: Option<BlindReason>,
    pub(super) error: Option<ErrorSeen>,
    /// One bit for each of the first 64 requests that was answered; kept after
    /// the end, to tell a duplicate from a late reply.
    pub(super) answered: u64,
    /// Where its echoes are.
    pub(super) echoes: Block,
}

impl Slot {
    /// Whether every request was sent and has an end.
    pub(super) fn is_complete(&self) -> bool {
        self.sent == self.count && self.received + self.late + self.failed >= self.count
    }

    /// Requests that are still without an end.
    pub(super) fn missing(&self) -> u16 {
        self.sent
            .saturating_sub(self.received)
            .saturating_sub(self.late)
            .saturating_sub(self.failed)
    }
}

/// Some echoes in a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    first: usize,
    class: usize,
    count: usize,
}

/// The echoes of all bursts, in blocks of powers of two that are used again.
#[derive(Debug)]
pub(super) struct Echoes {
    all: Vec<Echo>,
    free: [Vec<usize>; 11],
}

impl Echoes {
    pub(super) fn new() -> Self {
        Self {
            all: Vec::new(),
            free: Default::default(),
        }
    }

    /// A block for `count` echoes (at most [`crate::probe::icmp::MAX_COUNT`]), all unsent.
    pub(super) fn take(&mut self, count: u16) -> Block {
        let size = usize::from(count).next_power_of_two();
        let class = usize::try_from(size.trailing_zeros()).unwrap_or(0).min(10);
        let first = self.free[class].pop().unwrap_or_else(|| {
            let first = self.all.len();
            self.all.resize(first + size, Echo::NEW);
            first
        });
        let block = Block {
            first,
            class,
            count: usize::from(count),
        };
        self.of_mut(block).fill(Echo::NEW);
        block
    }

    pub(super) fn give_back(&mut self, block: Block) {
        self.free[block.class].push(block.first);
    }

    pub(super) fn of(&self, block: Block) -> &[Echo] {
        self.all
            .get(block.first..block.first + block.count)
            .unwrap_or_default()
    }

    pub(super) fn of_mut(&mut self, block: Block) -> &mut [Echo] {
        self.all
            .get_mut(block.first..block.first + block.count)
            .unwrap_or_default()
    }
}
