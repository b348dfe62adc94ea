//! The words of a call: whom to ask, as whom, how patiently, and what came of it.
//!
//! Pure; [`super::client`] makes the calls.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::credential::Credential;
use super::finding::Finding;
use crate::model::Span;
use crate::model::snmp::VarBind;

/// The port of an agent (RFC 3417 §3).
pub const PORT: u16 = 161;
/// How long to wait for one answer. Precedent: Netdisco 3 s, LibreNMS and Checkmk 1 s.
pub const TIMEOUT: Span = Duration::from_secs(2);
/// Tries after the first one. With 5 % loss each way a walk of 17 requests then
/// fails in 0.2 % of cases; with one retry it would be 15 %.
pub const RETRIES: u8 = 3;
/// Most repetitions of one GETBULK. Precedent: `snmp_exporter`.
pub const MAX_REPETITIONS: u16 = 25;
/// How long one call may take in all.
pub const DEADLINE: Span = Duration::from_secs(30);

/// Whom to ask, as whom, and how patiently.
#[derive(Debug, Clone)]
pub struct Agent {
    /// Address and port.
    pub address: SocketAddr,
    /// As whom.
    pub credential: Arc<Credential>,
    /// How long to wait for an answer to the first try; later tries wait up to twice as long.
    pub timeout: Span,
    /// Tries after the first.
    pub retries: u8,
    /// Most repetitions of one GETBULK; below 2: only GETNEXT. The size that
    /// works is learned below this and remembered by address.
    pub max_repetitions: u16,
    /// How long one `get` may take in all (a walk has its own in [`Limits`]).
    pub deadline: Span,
    /// Take answers from another address than the one asked, as a router with
    /// several addresses gives them (trap 14). The request id must fit anyway.
    pub accept_other_source: bool,
}

impl Agent {
    /// An agent with the default patience.
    pub fn new(address: SocketAddr, credential: Arc<Credential>) -> Self {
        Self {
            address,
            credential,
            timeout: TIMEOUT,
            retries: RETRIES,
            max_repetitions: MAX_REPETITIONS,
            deadline: DEADLINE,
            accept_other_source: false,
        }
    }
}

/// What a walk does when an object does not come after the one before it (trap 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// It ends there, and says so.
    #[default]
    Increasing,
    /// It goes on, until an object comes for the second time. For the few
    /// devices that are known to serve a table in disorder.
    Any,
}

/// Bounds of one walk, over all of its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most rows (objects) taken.
    pub rows: usize,
    /// Most requests sent, tries included.
    pub packets: u32,
    /// How long it may take.
    pub time: Span,
    /// What to do with objects out of order.
    pub order: Order,
}

impl Default for Limits {
    /// 100,000 rows (about 13 MB), 20,000 packets, 30 s, in order.
    fn default() -> Self {
        Self {
            rows: 100_000,
            packets: 20_000,
            time: DEADLINE,
            order: Order::Increasing,
        }
    }
}

/// How a walk, or one column of it, ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WalkEnd {
    /// At its end: nothing is missing.
    Complete,
    /// At an object that does not come after the one before it; what came before is kept.
    NonIncreasing,
    /// At the limit of rows.
    RowLimit,
    /// At the limit of packets.
    PacketLimit,
    /// At the limit of time.
    Deadline,
    /// At an answer that was none; what came before is kept.
    Finding(Finding),
}

/// What a walk brought. A partial one says so and deletes nothing (trap 7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    /// The objects: column after column in the order asked, each in the
    /// agent's order, which is increasing unless [`Order::Any`].
    pub rows: Vec<VarBind>,
    /// How the whole ended: [`WalkEnd::Complete`] only if every column did, else
    /// the end of the first column that did not.
    pub ended: WalkEnd,
    /// How each column ended, in the order asked.
    pub columns: Vec<WalkEnd>,
    /// Requests sent, tries included.
    pub packets: u32,
}
