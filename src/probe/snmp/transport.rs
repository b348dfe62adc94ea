//! The thread that owns the sockets.

use tokio::sync::mpsc;
use tokio::sync::oneshot;

use super::client::Agent;
use super::client::Limits;
use super::client::Walk;
use super::finding::Finding;
use crate::clock::SharedClock;
use crate::model::snmp::Oid;
use crate::model::snmp::VarBind;

/// How the sockets are made.
#[derive(Debug, Clone)]
pub struct Options {
    /// Receive buffer wished for each socket, in bytes.
    pub receive_buffer_bytes: usize,
    /// Calls that may wait for the thread before callers wait themselves.
    pub queue: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            receive_buffer_bytes: 16 << 20,
            queue: 1024,
        }
    }
}

/// Why the engine can't start.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// No UDP socket.
    #[error("can't open a UDP socket for SNMP")]
    Socket(#[source] std::io::Error),
    /// No thread.
    #[error("can't start the thread for SNMP")]
    Thread(#[source] std::io::Error),
}

/// A call on its way to the thread.
#[derive(Debug)]
pub struct Letter;

impl Letter {
    pub(super) fn get(
        _agent: Agent,
        _oids: Vec<Oid>,
        _reply: oneshot::Sender<Result<Vec<VarBind>, Finding>>,
    ) -> Self {
        Self
    }

    pub(super) fn walk(
        _agent: Agent,
        _columns: Vec<Oid>,
        _after: Option<Oid>,
        _limits: Limits,
        _reply: oneshot::Sender<Walk>,
    ) -> Self {
        Self
    }
}

/// Where calls are posted.
#[derive(Debug, Clone)]
pub struct Mailbox {
    sender: mpsc::Sender<Letter>,
}

impl Mailbox {
    pub(super) async fn post(&self, letter: Letter) -> Result<(), Finding> {
        self.sender.send(letter).await.map_err(|_closed| Finding::Stopped)
    }
}

/// Opens the sockets and starts the thread.
///
/// # Errors
/// When there is no socket or no thread to be had.
pub fn spawn(options: &Options, clock: SharedClock) -> Result<Mailbox, SetupError> {
    drop(clock);
    let (sender, _letters) = mpsc::channel(options.queue.max(1));
    Ok(Mailbox { sender })
}
