//! The public face: ask an agent for objects, or walk its tables.
//!
//! A [`Client`] is a cheap handle to one thread that owns the sockets. Every
//! call is bounded in time, in packets and (for walks) in rows.

use std::net::SocketAddr;

use tokio::sync::oneshot;

use super::call::Agent;
use super::call::Limits;
use super::call::Walk;
use super::call::WalkEnd;
use super::finding::Finding;
use super::session::Counters;
use super::size::Kept;
use super::transport;
use super::transport::Mailbox;
use super::transport::Options;
use super::transport::SetupError;
use crate::clock::SharedClock;
use crate::model::snmp::Oid;
use crate::model::snmp::VarBind;

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

    /// The receive buffers that the kernel granted to its sockets, in bytes, all together.
    pub fn receive_buffer_bytes(&self) -> usize {
        self.mailbox.receive_buffer_bytes()
    }

    /// The request sizes that were learned, by address, to be kept over a restart (trap 9).
    pub async fn sizes(&self) -> Vec<(SocketAddr, Kept)> {
        let (reply, answer) = oneshot::channel();
        if self.mailbox.post(transport::Letter::Sizes(reply)).await.is_err() {
            return Vec::new();
        }
        answer.await.unwrap_or_default()
    }

    /// Takes request sizes that were kept.
    pub async fn remember(&self, sizes: Vec<(SocketAddr, Kept)>) {
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
