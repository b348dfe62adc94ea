//! The immutable view of everything that the monitor holds to be true, for
//! readers: metrics, pages, `status`, reports.
//!
//! Shared by shard: publishing a new snapshot rebuilds only the shards in which
//! something changed, so that its cost is bounded at 100,000 targets. Readers
//! take no lock that a writer holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::incident::IncidentClass;
pub use super::interface::{InterfaceView, Moment, Rate, Texts, Told};
use crate::inventory::Inventory;
use crate::model::{
    EchoStats, EvidenceKind, Fact, IncidentId, Reading, Reason, ServiceStats, Span, State, TargetId,
    TargetKey, Timestamp,
};

/// Targets per shard.
pub const SHARD_TARGETS: usize = 256;

/// What readers see. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// When it was published.
    pub at: Timestamp,
    /// The inventory that it speaks of.
    pub inventory: Arc<Inventory>,
    /// The row numbers of the inventory's targets.
    pub index: Arc<BTreeMap<TargetKey, TargetId>>,
    /// The targets by shard: target `id` is in shard `id / SHARD_TARGETS`, in
    /// the order of the ids. Ids that no longer exist are left out.
    pub shards: Vec<Arc<Vec<Arc<TargetView>>>>,
    /// When the monitor's own uplink failed; `None`: it can look.
    pub blind_since: Option<Timestamp>,
    /// The times for which the monitor was cut off, newest first, at most
    /// [`BlindSpan::KEPT`]; with the one that lasts.
    pub blind_spans: Arc<Vec<BlindSpan>>,
    /// The newest open and closed incidents, newest first, at most 1,000.
    pub incidents: Arc<Vec<IncidentView>>,
}

/// A time for which the monitor itself was cut off: the one incident that
/// stands for all that could not be looked at meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlindSpan {
    /// When its uplink failed.
    pub started_at: Timestamp,
    /// When it came back; `None`: it lasts.
    pub ended_at: Option<Timestamp>,
}

impl BlindSpan {
    /// How many are kept for readers.
    pub const KEPT: usize = 100;
}

/// One target.
#[derive(Debug, Clone)]
pub struct TargetView {
    /// Row number.
    pub id: TargetId,
    /// Kind and slug.
    pub key: TargetKey,
    /// Its confirmed state.
    pub state: State,
    /// Why.
    pub reason: Option<Reason>,
    /// Since when.
    pub since: Timestamp,
    /// A failed probe waits for its confirmation.
    pub suspect: bool,
    /// The incident that is open for it.
    pub incident: Option<IncidentId>,
    /// The target whose outage is the cause of its own.
    pub root: Option<TargetId>,
    /// A maintenance window covers it.
    pub maintenance: bool,
    /// A silence covers it.
    pub silenced: bool,
    /// Its open incident is acknowledged.
    pub acknowledged: bool,
    /// It changes its state too often.
    pub flapping: bool,
    /// The last answer of any protocol.
    pub last_reply_at: Option<Timestamp>,
    /// The end of the last look.
    pub last_look_at: Option<Timestamp>,
    /// The newest evidence of presence, by kind.
    pub evidence: BTreeMap<EvidenceKind, Timestamp>,
    /// Running sums since the record began.
    pub totals: Totals,
    /// The last burst of echoes.
    pub echo: Option<EchoStats>,
    /// The last service check.
    pub service: Option<ServiceStats>,
    /// What SNMP tells, where the target is asked.
    pub snmp: Option<Arc<SnmpView>>,
}

/// Running sums, never decreasing while the daemon runs and kept over a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Totals {
    /// Outages begun (maintenance and exempt time left out).
    pub outages: u64,
    /// Time spent in outages (maintenance and exempt time left out).
    pub outage: Span,
    /// Time for which the state was known and counted.
    pub observed: Span,
    /// Reboots seen.
    pub reboots: u64,
    /// Echo requests sent.
    pub echo_sent: u64,
    /// Echo replies in time.
    pub echo_received: u64,
    /// Sum of the round trip times.
    pub rtt_sum: Span,
}

/// One outage.
#[derive(Debug, Clone, PartialEq)]
pub struct IncidentView {
    /// Its number.
    pub id: IncidentId,
    /// Whose.
    pub target: TargetId,
    /// The target whose outage caused it, if it is not its own cause.
    pub root: Option<TargetId>,
    /// First failed probe.
    pub started_at: Timestamp,
    /// First good probe; `None`: it lasts.
    pub ended_at: Option<Timestamp>,
    /// Why.
    pub reason: Reason,
    /// Acknowledged by, with what comment.
    pub acknowledged: Option<(String, String)>,
    /// What a person classified it as afterwards.
    pub class: Option<IncidentClass>,
}

/// What the last SNMP polls of a device told.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SnmpView {
    /// Whether the last poll returned sysUpTime.
    pub up: bool,
    /// Why not.
    pub reason: Option<Reason>,
    /// When the last poll ended.
    pub polled_at: Option<Timestamp>,
    /// How long it took.
    pub duration: Span,
    /// Requests that it cost.
    pub packets: u32,
    /// Unwrapped time since the agent restarted.
    pub uptime: Option<Span>,
    /// The profile that matched.
    pub profile: Option<String>,
    /// What it is.
    pub facts: Vec<Fact>,
    /// Its interfaces, by name.
    pub interfaces: Arc<[InterfaceView]>,
    /// What it measures.
    pub readings: Vec<Reading>,
}

impl Snapshot {
    /// Nothing is known yet.
    pub fn empty(at: Timestamp) -> Self {
        Self {
            at,
            inventory: Arc::default(),
            index: Arc::default(),
            shards: Vec::new(),
            blind_since: None,
            blind_spans: Arc::default(),
            incidents: Arc::default(),
        }
    }

    /// All targets, in the order of their ids.
    pub fn targets(&self) -> impl Iterator<Item = &TargetView> {
        self.shards.iter().flat_map(|shard| shard.iter().map(|t| &**t))
    }

    /// One target by its row number.
    pub fn target(&self, id: TargetId) -> Option<&TargetView> {
        let shard = self.shards.get(usize::try_from(id.0).ok()? / SHARD_TARGETS)?;
        shard
            .binary_search_by_key(&id, |t| t.id)
            .ok()
            .and_then(|i| shard.get(i))
            .map(|t| &**t)
    }

    /// One target by its name.
    pub fn by_key(&self, key: &TargetKey) -> Option<&TargetView> {
        self.index.get(key).and_then(|id| self.target(*id))
    }

    /// Open incidents, newest first.
    pub fn open_incidents(&self) -> impl Iterator<Item = &IncidentView> {
        self.incidents.iter().filter(|i| i.ended_at.is_none())
    }
}
