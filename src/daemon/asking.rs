//! The slow looks as tasks: SNMP turns, service checks, names. Each is bounded
//! in time by itself, sends one [`Done`] and delays nobody (trap 18).

use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use tokio::sync::Semaphore;
use tokio::sync::mpsc;

use super::looks::Checked;
use crate::clock::SharedClock;
use crate::model::Outcome;
use crate::model::ServiceStats;
use crate::model::Span;
use crate::model::TargetId;
use crate::model::Timestamp;
use crate::probe::check;
use crate::probe::snmp::credential::Credential;
use crate::probe::snmp::poll::Polled;
use crate::probe::snmp::poll::Poller;
use crate::probe::snmp::poll::State;
use crate::probe::snmp::poll::Subject;
use crate::profile::What;

/// Longest wait for a resolver.
const RESOLVE: Span = Span::from_secs(10);
/// Names that are resolved at a time.
const RESOLVING: usize = 16;

/// What a task brings back.
pub enum Done {
    /// An SNMP turn.
    Snmp(Box<Turn>),
    /// A check.
    Check {
        /// Whose.
        target: TargetId,
        /// When it began.
        at: Timestamp,
        /// The kind of check.
        kind: Arc<str>,
        /// How it ended.
        outcome: Outcome,
        /// What it measured.
        stats: ServiceStats,
    },
    /// A name.
    Name {
        /// The name.
        name: String,
        /// What it stands for; empty: it does not resolve.
        addresses: Vec<IpAddr>,
    },
}

/// An SNMP turn that is over.
pub struct Turn {
    /// Whose.
    pub target: TargetId,
    /// Where it was taken.
    pub address: SocketAddr,
    /// What it brought.
    pub polled: Polled,
    /// What is remembered until the next.
    pub state: State,
}

/// One turn to be taken.
pub struct TurnOrder {
    /// Whose.
    pub target: TargetId,
    /// Where.
    pub address: SocketAddr,
    /// Whether it may answer from another of its addresses.
    pub any_source: bool,
    /// As whom.
    pub credentials: Vec<Arc<Credential>>,
    /// What is remembered of the turn before.
    pub state: State,
    /// How much to ask.
    pub what: What,
}

/// How patient SNMP turns are.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For one answer.
    pub timeout: Span,
    /// Tries after the first.
    pub retries: u8,
    /// For a whole turn.
    pub deadline: Span,
    /// Most repetitions of one GETBULK.
    pub max_repetitions: u16,
}

/// Starts the slow looks.
#[derive(Clone)]
pub struct Asking {
    /// Where results go; bounded: a full channel makes the tasks wait, not the core.
    pub done: mpsc::Sender<Done>,
    /// Asks devices.
    pub poller: Arc<Poller>,
    /// Devices that may be read at a time; a device that does not answer is none of them.
    pub turns: Arc<Semaphore>,
    /// Turns that wait for that.
    pub turns_waiting: Arc<AtomicU64>,
    /// Names that may be under way.
    pub resolving: Arc<Semaphore>,
    /// Tells the time.
    pub clock: SharedClock,
    /// Where the tasks run; not on the core's thread.
    pub runtime: tokio::runtime::Handle,
}

impl Asking {
    /// With room for so many SNMP turns at a time, on the runtime in which it is called.
    pub fn new(done: mpsc::Sender<Done>, poller: Arc<Poller>, turns: usize, clock: SharedClock) -> Self {
        Self {
            done,
            poller,
            turns: Arc::new(Semaphore::new(turns.max(1))),
            turns_waiting: Arc::default(),
            resolving: Arc::new(Semaphore::new(RESOLVING)),
            clock,
            runtime: tokio::runtime::Handle::current(),
        }
    }

    /// Takes an SNMP turn.
    pub fn turn(&self, order: TurnOrder, patience: Patience) {
        let asking = self.clone();
        self.runtime.spawn(async move {
            let TurnOrder {
                target,
                address,
                any_source,
                credentials,
                mut state,
                what,
            } = order;
            let subject = Subject {
                timeout: patience.timeout,
                retries: patience.retries,
                deadline: patience.deadline,
                max_repetitions: patience.max_repetitions,
                accept_other_source: any_source,
                ..Subject::new(address, credentials)
            };
            let place = async {
                asking.turns_waiting.fetch_add(1, Ordering::Relaxed);
                // The semaphore is never closed; were it, the turn would go without its bound.
                let place = asking.turns.acquire().await;
                asking.turns_waiting.fetch_sub(1, Ordering::Relaxed);
                place
            };
            let turn = asking.poller.poll_in_turn(&subject, &mut state, what, place);
            let polled = turn.await;
            asking
                .tell(Done::Snmp(Box::new(Turn {
                    target,
                    address,
                    polled,
                    state,
                })))
                .await;
        });
    }

    /// Runs a check.
    pub fn check(&self, target: TargetId, checked: Checked) {
        let asking = self.clone();
        self.runtime.spawn(async move {
            let at = asking.clock.wall();
            let context = check::Context {
                timeout: checked.timeout,
                clock: Arc::clone(&asking.clock),
            };
            let (outcome, stats) = check::run(&*checked.check, &context).await;
            asking
                .tell(Done::Check {
                    target,
                    at,
                    kind: checked.kind,
                    outcome,
                    stats,
                })
                .await;
        });
    }

    /// Resolves a name.
    pub fn resolve(&self, name: String) {
        let asking = self.clone();
        self.runtime.spawn(async move {
            let place = asking.resolving.acquire().await;
            let looked_up = async {
                let list = tokio::net::lookup_host((name.as_str(), 0)).await?;
                Ok::<_, std::io::Error>(list.map(|a| a.ip()).collect())
            };
            let found = tokio::time::timeout(RESOLVE, looked_up).await;
            drop(place);
            let addresses = match found {
                Ok(Ok(list)) => list,
                Ok(Err(error)) => {
                    tracing::warn!(name, %error, "the name does not resolve; its target is unknown until it does");
                    Vec::new()
                }
                Err(_) => {
                    tracing::warn!(name, "the resolver did not answer");
                    Vec::new()
                }
            };
            asking.tell(Done::Name { name, addresses }).await;
        });
    }

    async fn tell(&self, done: Done) {
        // When the core has ended, nobody wants to know any more.
        if self.done.send(done).await.is_err() {
            tracing::debug!("a look ended after the stop");
        }
    }
}
