//! What one look saw.
//!
//! A failed look is data, not an error: it carries its [`Reason`].

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Reason, Span, TargetId, Timestamp};

/// What one probe run of one target saw, at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Whom it is about.
    pub target: TargetId,
    /// The name of the probe kind (`icmp`, `snmp`, `http`, …), as in its registry.
    pub probe: ProbeName,
    /// When the look began. The start of an outage is the `at` of its first failed look.
    pub at: Timestamp,
    /// Good, bad or blind.
    pub outcome: Outcome,
    /// What else was seen.
    pub detail: Detail,
}

/// The name of a probe kind: one word, interned.
pub type ProbeName = std::sync::Arc<str>;

/// How a look ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It answered as it should.
    Good,
    /// It did not, for this reason.
    Bad(Reason),
    /// We could not look: says nothing about the target.
    Blind(BlindReason),
}

/// Why we could not look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BlindReason {
    /// No permission for the socket.
    Permission,
    /// No route to the address from here (`ENETUNREACH`, `EHOSTUNREACH` at sending).
    NoRoute,
    /// Our own interface is down.
    InterfaceDown,
    /// The name does not resolve; there is no address to look at.
    Dns,
    /// The kernel dropped answers before we could read them (trap 16).
    ReceiveDrops,
    /// Our own fault.
    Internal(String),
}

/// What a look saw beside its outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// Nothing.
    None,
    /// A burst of echoes.
    Echo(EchoStats),
    /// A service check.
    Service(ServiceStats),
    /// An SNMP poll.
    Snmp(SnmpStats),
    /// Evidence that the target is on the network.
    Presence(Evidence),
}

/// One burst of ICMP echoes.
///
/// `sent >= received`; `late` and `duplicates` are in neither (trap 15). The
/// round trip times are `None` when nothing was received, or when no time is known: we
/// stood still while the requests were being sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EchoStats {
    /// The address that was pinged.
    pub address: IpAddr,
    /// Echo requests put on the wire.
    pub sent: u16,
    /// Replies in time, each counted once.
    pub received: u16,
    /// Replies after their deadline.
    pub late: u16,
    /// Further replies to a request that was answered.
    pub duplicates: u16,
    /// Round trip times of the replies in time.
    pub rtt: Option<RttStats>,
}

/// Round trip times of one burst.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RttStats {
    /// Smallest.
    pub min: Span,
    /// Middle one; the mean of the middle two for an even count.
    pub median: Span,
    /// Largest.
    pub max: Span,
    /// Sum over all replies in time, for exact means; one without a known time counts as
    /// the mean of the others.
    pub sum: Span,
    /// Mean absolute difference of successive times; `None` below two replies.
    pub jitter: Option<Span>,
}

impl EchoStats {
    /// Share of requests without a reply in time; `None` if none was sent.
    pub fn loss(&self) -> Option<super::Ratio> {
        super::Ratio::of(
            u64::from(self.sent.saturating_sub(self.received)),
            u64::from(self.sent),
        )
    }
}

/// One service check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceStats {
    /// From the first packet to the verdict.
    pub duration: Span,
    /// Phases in their order: name (`resolve`, `connect`, `tls`, `first_byte`, `body`) and time.
    pub phases: Vec<(String, Span)>,
    /// The last HTTP status, where there was one.
    pub http_status: Option<u16>,
    /// When the earliest certificate of the chain expires.
    pub tls_not_after: Option<Timestamp>,
}

/// One SNMP poll of one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnmpStats {
    /// How long the whole poll took.
    pub duration: Span,
    /// Requests sent, tries included.
    pub packets: u32,
    /// Unwrapped time since the agent restarted, where it told.
    pub uptime: Option<Span>,
}

/// Why we believe that a target is on the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The kind of evidence.
    pub kind: EvidenceKind,
    /// Who saw it (a router's or switch's id), if not we.
    pub seen_by: Option<String>,
}

/// Kinds of evidence of presence (design §3.9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    /// An echo reply.
    EchoReply,
    /// A TCP connection was accepted.
    TcpConnection,
    /// A TCP connection was refused, and the configuration says that no firewall answers for others.
    TcpRefusal,
    /// An ARP or neighbour entry on its router.
    Arp,
    /// A bridge-table entry on an access port of its switch.
    BridgeEntry,
    /// An association with its Wi-Fi point.
    WifiAssociation,
    /// It answered SNMP.
    Snmp,
}
