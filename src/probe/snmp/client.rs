//! The public face: ask an agent for objects, or walk its tables.
//!
//! A [`Client`] is a cheap handle to one thread that owns the sockets. Every
//! call is bounded in time, in packets and (for walks) in rows.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::credential::Credential;
use super::finding::Finding;
use super::session::Counters;
use super::transport;
use super::transport::Mailbox;
use super::transport::Options;
use super::transport::SetupError;
use crate::clock::SharedClock;
use crate::model::Span;
use crate::model::snmp::Oid;
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

/// A handle to the SNMP engine; clone it freely.
#[derive(Debug, Clone)]
pub struct Client {
    mailbox: Mailbox,
}

impl Client {
    /// Opens the sockets and starts the thread. It ends when the last handle is
    /// dropped and nothing is under way.
    ///
    /// # Errors
    /// When no socket can be opened, or the thread can't be started.
    pub fn new(options: &Options, clock: SharedClock) -> Result<Self, SetupError> {
        transport::spawn(options, clock).map(|mailbox| Self { mailbox })
    }

    /// What the engine saw since its start.
    pub fn counters(&self) -> Counters {
        self.mailbox.counters()
    }

    /// The request sizes that were learned, by address, to be kept over a restart (trap 9).
    pub async fn sizes(&self) -> Vec<(SocketAddr, u16)> {
        let (reply, answer) = oneshot::channel();
        if self.mailbox.post(transport::Letter::Sizes(reply)).await.is_err() {
            return Vec::new();
        }
        answer.await.unwrap_or_default()
    }

    /// Takes request sizes that were kept.
    pub async fn remember(&self, sizes: Vec<(SocketAddr, u16)>) {
        // If the engine has stopped, nothing needs them.
        drop(self.mailbox.post(transport::Letter::Remember(sizes)).await);
    }

    /// Asks for these objects (GET): one answer for each, in the order asked.
    ///
    /// What the agent does not have comes as `NoSuchObject` or `NoSuchInstance`
    /// (trap 7), also from SNMPv1 agents. Split over several requests where it
    /// does not fit into one.
    ///
    /// # Errors
    /// Why there is no answer. It is about the device, not about us, except
    /// for [`Finding::CouldNotSend`] and [`Finding::Stopped`].
    ///
    /// # Cancel safety
    /// Dropping the future gives the answer up; the exchange ends by itself.
    pub async fn get(&self, agent: &Agent, oids: &[Oid]) -> Result<Vec<VarBind>, Finding> {
        let (reply, answer) = oneshot::channel();
        self.mailbox
            .post(transport::Letter::get(agent.clone(), oids.to_vec(), reply))
            .await?;
        answer.await.unwrap_or(Err(Finding::Stopped))
    }

    /// Walks these columns (or whole subtrees) side by side, several in one request.
    ///
    /// # Cancel safety
    /// Dropping the future gives the answer up; the walk ends with its current request.
    pub async fn walk(&self, agent: &Agent, columns: &[Oid], limits: Limits) -> Walk {
        self.walk_after(agent, columns, None, limits).await
    }

    /// The same, going on after the object `after` (in the first column only),
    /// so that a walk of any length can be taken in pieces.
    pub async fn walk_after(
        &self,
        agent: &Agent,
        columns: &[Oid],
        after: Option<&Oid>,
        limits: Limits,
    ) -> Walk {
        let (reply, answer) = oneshot::channel();
        let letter = transport::Letter::walk(agent.clone(), columns.to_vec(), after.cloned(), limits, reply);
        let stopped = |finding: Finding| Walk {
            rows: Vec::new(),
            ended: WalkEnd::Finding(finding.clone()),
            columns: vec![WalkEnd::Finding(finding); columns.len()],
            packets: 0,
        };
        if let Err(finding) = self.mailbox.post(letter).await {
            return stopped(finding);
        }
        answer.await.unwrap_or_else(|_| stopped(Finding::Stopped))
    }
}
