//! Calls on their way to the thread, and what it shares with its callers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use nix::sys::eventfd::EventFd;
use tokio::sync::mpsc;
use tokio::sync::oneshot;

use crate::model::snmp::Oid;
use crate::model::snmp::VarBind;
use crate::probe::snmp::call::Agent;
use crate::probe::snmp::call::Limits;
use crate::probe::snmp::call::Walk;
use crate::probe::snmp::finding::Finding;
use crate::probe::snmp::session::Caller;
use crate::probe::snmp::session::Counters;
use crate::probe::snmp::size::Kept;
use crate::probe::snmp::walk::Work;

/// A call on its way to the thread.
#[derive(Debug)]
pub(in crate::probe::snmp) enum Letter {
    Call {
        agent: Box<Agent>,
        work: Work,
        reply: Reply,
    },
    Sizes(oneshot::Sender<Vec<(SocketAddr, Kept)>>),
    Remember(Vec<(SocketAddr, Kept)>),
}

/// Where the answer goes.
#[derive(Debug)]
pub(in crate::probe::snmp) enum Reply {
    Get(oneshot::Sender<Result<Vec<VarBind>, Finding>>),
    Walk(oneshot::Sender<Walk>),
}

impl Caller for Reply {
    fn has_left(&self) -> bool {
        match self {
            Self::Get(sender) => sender.is_closed(),
            Self::Walk(sender) => sender.is_closed(),
        }
    }
}

impl Letter {
    pub(in crate::probe::snmp) fn get(
        agent: Agent,
        oids: Vec<Oid>,
        reply: oneshot::Sender<Result<Vec<VarBind>, Finding>>,
    ) -> Self {
        Self::Call {
            agent: Box::new(agent),
            work: Work::get(oids),
            reply: Reply::Get(reply),
        }
    }

    pub(in crate::probe::snmp) fn walk(
        agent: Agent,
        columns: Vec<Oid>,
        after: Option<Oid>,
        limits: Limits,
        reply: oneshot::Sender<Walk>,
    ) -> Self {
        Self::Call {
            agent: Box::new(agent),
            work: Work::walk(columns, after, limits),
            reply: Reply::Walk(reply),
        }
    }
}

/// What the thread and its callers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) bell: EventFd,
    /// Whether the thread sleeps, or is about to: ring then only.
    pub(super) asleep: AtomicBool,
    pub(super) counters: Mutex<Counters>,
    pub(super) receive_buffer_bytes: usize,
}

impl Shared {
    fn ring(&self) {
        if self.asleep.swap(false, Ordering::SeqCst)
            && let Err(error) = self.bell.write(1)
        {
            tracing::warn!(%error, "the SNMP thread can't be woken; it wakes by itself within a second");
        }
    }
}

/// Where calls are posted: bounded; callers wait while it is full.
#[derive(Debug, Clone)]
pub(in crate::probe::snmp) struct Mailbox {
    pub(super) sender: mpsc::Sender<Letter>,
    pub(super) shared: Arc<Shared>,
}

impl Mailbox {
    pub(in crate::probe::snmp) async fn post(&self, letter: Letter) -> Result<(), Finding> {
        let sent = self.sender.send(letter).await;
        self.shared.ring();
        sent.map_err(|_closed| Finding::Stopped)
    }

    pub(in crate::probe::snmp) fn receive_buffer_bytes(&self) -> usize {
        self.shared.receive_buffer_bytes
    }

    pub(in crate::probe::snmp) fn counters(&self) -> Counters {
        *self
            .shared
            .counters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
