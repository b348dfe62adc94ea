//! ICMP echo: orders in, results of bursts out.
//!
//! A pure engine decides what to send and what an answer means; one
//! thread does what it says on one socket per family (`worker`). Never a socket
//! per target. RFC 792 and RFC 4443.
//!
//! What a reply must show to count (trap 15): our ident, a sequence number and
//! a keyed cookie that belong to a request still waiting, and the address that
//! was asked. Anything else is counted apart.

pub mod cookie;
pub mod engine;
pub mod pace;
pub mod packet;
pub mod raw;
pub mod socket;
pub mod stats;
pub mod system;
pub mod wheel;
pub mod worker;

use std::net::IpAddr;

use crate::model::BlindReason;
use crate::model::EchoStats;
use crate::model::Outcome;
use crate::model::Reason;
use crate::model::Span;
use crate::model::Timestamp;
use crate::model::observation::RttStats;

/// The name of this probe kind in the configuration and in metrics.
pub const NAME: &str = "icmp";

/// Most echoes in one burst: bounds the memory of a burst (16 bytes an echo).
pub const MAX_COUNT: u16 = 1_024;
/// Longest wait for one reply. Round trips are kept in units of 10 ns in 32 bits (42.9 s).
pub const MAX_TIMEOUT: Span = Span::from_secs(40);
/// Smallest payload: place and cookie of the request, without which no reply is believed.
pub const MIN_SIZE: u16 = 16;
/// Largest payload: what fits into one IPv4 datagram (65,535 - 20 - 8).
pub const MAX_SIZE: u16 = 65_507;

/// One burst of echoes to one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// Chosen by the caller, told back with the result. At most one burst of a
    /// token is in flight: an order for a token that still is in flight is
    /// dropped and counted ([`Counters::overlapping`]).
    pub token: u64,
    /// Whom to ask.
    pub address: IpAddr,
    /// Echo requests, 1 to [`MAX_COUNT`].
    pub count: u16,
    /// From one request to the next.
    pub spacing: Span,
    /// How long to wait for each reply, at most [`MAX_TIMEOUT`].
    pub timeout: Span,
    /// Bytes of ICMP payload, [`MIN_SIZE`] to [`MAX_SIZE`].
    pub size: u16,
    /// What shares a thin line with this address; `None`: only the overall pace holds.
    pub group: Option<Group>,
    /// How the packets leave.
    pub header: Header,
}

impl Order {
    /// A burst with the defaults: 3 echoes of 56 bytes, 500 ms apart, 1 s to
    /// answer (as LibreNMS and Zabbix have it), no group.
    pub fn new(token: u64, address: IpAddr) -> Self {
        Self {
            token,
            address,
            count: 3,
            spacing: Span::from_millis(500),
            timeout: Span::from_secs(1),
            size: 56,
            group: None,
            header: Header::default(),
        }
    }

    /// Why the engine can't do this order, if it can't.
    pub fn fault(&self) -> Option<&'static str> {
        if self.count == 0 || self.count > MAX_COUNT {
            Some("count must be 1 to 1024")
        } else if self.timeout > MAX_TIMEOUT || self.timeout.is_zero() {
            Some("timeout must be above 0 and at most 40s")
        } else if self.size < MIN_SIZE || self.size > MAX_SIZE {
            Some("size must be 16 to 65507 bytes")
        } else if self
            .header
            .source
            .is_some_and(|s| s.is_ipv4() != self.address.is_ipv4())
        {
            Some("source and target must be of one address family")
        } else {
            None
        }
    }
}

/// What shares a thin line: a link, a site, a subnet.
///
/// The engine keeps one token bucket per `id`; the latest order's rate holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Group {
    /// Which line, chosen by the caller.
    pub id: u32,
    /// Echo requests per second, at least 1.
    pub rate: u32,
    /// Requests that may follow each other at once, at least 1. At most 5 on thin
    /// lines: 100 at once lost 34 % in the queue of a line that carried the mean pace.
    pub burst: u16,
}

impl Group {
    /// A thin line: 100 requests per second, at most 5 at once.
    pub const fn thin(id: u32) -> Self {
        Self {
            id,
            rate: 100,
            burst: 5,
        }
    }
}

/// How the packets of a burst leave; the default leaves all to the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Header {
    /// Time to live (hop limit), 1 to 255.
    pub ttl: Option<u8>,
    /// Type of service (traffic class).
    pub tos: Option<u8>,
    /// The address to send from; one of this host's.
    pub source: Option<IpAddr>,
    /// Index of the interface to send through.
    pub interface: Option<u32>,
    /// Forbid fragmentation: a packet too large for the path gets no answer.
    pub dont_fragment: bool,
}

/// How a burst ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Burst {
    /// The order's.
    pub token: u64,
    /// When its first request left (or could not).
    pub at: Timestamp,
    /// Good if any reply in time was valid; bad with the reason; blind when we
    /// could not send, or lost answers ourselves.
    pub outcome: Outcome,
    /// The numbers. `late` also holds replies to earlier bursts of this token
    /// that came after those had ended; they are credited to no round.
    pub stats: EchoStats,
    /// ICMP errors that routers or the host sent for our requests.
    pub errors: Errors,
    /// Requests that say nothing about the target and are not in `stats.sent`:
    /// refused by our own system, or unanswered while our socket dropped packets (trap 16).
    pub uncounted: u16,
    /// How long the pace held the first request back.
    pub held: Span,
}

/// ICMP errors of one burst. Each ends the wait for its request.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Errors {
    /// How many requests ended so.
    pub count: u16,
    /// The last one.
    pub last: Option<ErrorSeen>,
    /// From request to error, over all of them.
    pub rtt: Option<RttStats>,
}

/// An ICMP error that quotes one of our requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorSeen {
    /// Who sent it: a router on the way, the host, or this host for a neighbour that is silent.
    pub from: IpAddr,
    /// What it says.
    pub kind: ErrorKind,
}

/// What an ICMP error says (RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1, RFC 4443 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The network can't be reached.
    Net,
    /// The host can't be reached.
    Host,
    /// The host does not speak this protocol or port.
    Port,
    /// A filter does not allow it.
    Prohibited,
    /// The time to live ran out.
    Ttl,
    /// Too large for the path, and not to be fragmented.
    TooBig,
    /// Another error for our request (source route, parameter problem).
    Other,
}

impl ErrorKind {
    /// The reason that it gives for a failed burst.
    pub fn reason(self) -> Reason {
        match self {
            Self::Net => Reason::NetUnreachable,
            Self::Host => Reason::HostUnreachable,
            Self::Port => Reason::Refused,
            Self::Prohibited => Reason::Prohibited,
            Self::Ttl => Reason::TtlExceeded,
            Self::TooBig | Self::Other => Reason::Malformed,
        }
    }
}

/// How the engine and its thread work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Echo requests per second over all targets; `None`: as fast as the system takes them.
    pub max_rate: Option<u32>,
    /// Time between two wake-ups while there is work. 10 ms cost less than
    /// half of a wake-up per packet at 1,000 requests a second, and kernel time
    /// stamps keep the round trip times true.
    pub tick: Span,
    /// The same while no request waits for the pace of a group: another quarter
    /// less at 1,000 requests a second, and thin lines still get small portions.
    /// Never below `tick`.
    pub calm: Span,
    /// How long a result may wait for others before it is told, while there is
    /// more to come. At 1,000 requests a second a telling for each tick was a
    /// fifth of all CPU time.
    pub gather: Span,
    /// Failed bursts in a row after which a token gets another ident (trap 17).
    pub renew_after: u8,
    /// Orders that may wait to be taken; beyond, the caller gets them back. Room is taken as
    /// it is needed, 136 bytes an order. A caller that offers them again needs few.
    pub orders: usize,
    /// Batches of results that may wait; beyond, the worker keeps them and takes no more orders.
    pub results: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_rate: Some(1_000),
            tick: Span::from_millis(10),
            calm: Span::from_millis(10),
            gather: Span::from_millis(50),
            renew_after: 2,
            orders: 12_288,
            results: 64,
        }
    }
}

/// What the engine has counted since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Bursts begun.
    pub bursts: u64,
    /// Echo requests put on the wire.
    pub sent: u64,
    /// Valid replies in time.
    pub received: u64,
    /// Valid replies after their deadline.
    pub late: u64,
    /// Further replies to an answered request.
    pub duplicates: u64,
    /// Packets that are not for us: other idents, unknown cookies, other senders.
    pub foreign: u64,
    /// Packets that are broken: truncated, wrong checksum.
    pub corrupt: u64,
    /// ICMP errors for our requests.
    pub errors: u64,
    /// Requests that our own system refused to send.
    pub refused: u64,
    /// Sends put off because the system's buffer was full.
    pub put_off: u64,
    /// Packets that the kernel dropped because our receive buffer was full (trap 16).
    pub drops: u64,
    /// Orders dropped because their token was still in flight.
    pub overlapping: u64,
    /// Idents renewed after repeated failures (trap 17).
    pub renewed: u64,
    /// Bursts in flight now.
    pub in_flight: u64,
    /// Requests waiting for their turn now.
    pub waiting: u64,
}

/// Why a send did not happen, as the engine needs to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendRefusal {
    /// The system has no room now; try again a little later.
    Full,
    /// This packet can't be sent.
    Blind(BlindReason),
}
