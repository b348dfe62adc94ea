//! The immutable view of everything that the monitor holds to be true, for
//! readers: metrics, pages, `status`, reports.
//!
//! Shared by shard: publishing a new snapshot rebuilds only the shards in which
//! something changed, so that its cost is bounded at 100,000 targets. Readers
//! take no lock that a writer holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::incident::IncidentClass;
use crate::inventory::Inventory;
use crate::model::{
    Count, EchoStats, EvidenceKind, Fact, IncidentId, Reading, Reason, ServiceStats, Span, State, TargetId,
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

/// One interface of a device, known by its name (trap 5).
///
/// A fleet has a million: texts that are alike are kept once (see [`InterfaceView::share`]).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct InterfaceView {
    /// The stable name: ifName, else ifDescr, made unique within the device.
    pub name: Arc<str>,
    /// Its number of the moment.
    pub index: u32,
    /// ifDescr.
    pub descr: Option<Arc<str>>,
    /// ifAlias.
    pub alias: Option<Arc<str>>,
    /// IANA ifType name.
    pub kind: Option<Arc<str>>,
    /// Hardware address, lower case with colons.
    pub mac: Option<Arc<str>>,
    /// MTU in bytes.
    pub mtu: Option<u32>,
    /// ifAdminStatus is up(1).
    pub admin_up: Option<bool>,
    /// ifOperStatus is up(1).
    pub oper_up: Option<bool>,
    /// Nominal speed in bits per second.
    pub speed_bps: Option<Count>,
    /// Octets received, unwrapped to 64 bits; never decreases but over an agent's restart.
    pub in_octets: Option<Count>,
    /// Octets sent.
    pub out_octets: Option<Count>,
    /// Packets received with errors.
    pub in_errors: Option<Count>,
    /// Packets not sent because of errors.
    pub out_errors: Option<Count>,
    /// Packets received and discarded.
    pub in_discards: Option<Count>,
    /// Packets to send that were discarded.
    pub out_discards: Option<Count>,
    /// Octets received per second between the last two polls (traps 1 to 3).
    pub in_rate: Option<f32>,
    /// Octets sent per second between the last two polls.
    pub out_rate: Option<f32>,
    /// When its operational state last changed, as we saw it or as the agent told.
    pub changed_at: Option<Timestamp>,
}

impl InterfaceView {
    /// Lets go of texts of its own that its name, the view of before, or the
    /// neighbour in the same device has as well.
    pub fn share(&mut self, before: Option<&Self>, neighbour: Option<&Self>) {
        let others = || before.into_iter().chain(neighbour);
        let name = &self.name;
        let same = |text: &mut Option<Arc<str>>, of: fn(&Self) -> &Option<Arc<str>>| {
            // Most are described by their name.
            let known = others().filter_map(|other| of(other).as_ref());
            if let Some(text) = text
                && let Some(same) = [name].into_iter().chain(known).find(|known| *known == text)
            {
                *text = Arc::clone(same);
            }
        };
        same(&mut self.descr, |view| &view.descr);
        same(&mut self.alias, |view| &view.alias);
        same(&mut self.kind, |view| &view.kind);
        same(&mut self.mac, |view| &view.mac);
    }
}

impl Snapshot {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str) -> InterfaceView {
        InterfaceView {
            name: name.into(),
            descr: Some(name.into()),
            kind: Some("ethernetCsmacd".into()),
            mac: Some("02:00:00:00:00:01".into()),
            ..InterfaceView::default()
        }
    }

    #[test]
    fn a_million_interfaces_keep_each_text_once() {
        let mut first = told("ether1");
        first.share(None, None);
        let mut neighbour = told("ether2");
        neighbour.share(None, Some(&first));
        let mut later = told("ether1");
        later.share(Some(&first), None);
        assert_eq!(later, first);
        assert_eq!(neighbour.descr.as_deref(), Some("ether2"));
        let is_one = |a: &Option<Arc<str>>, b: &Option<Arc<str>>| match (a, b) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            _ => false,
        };
        assert!(is_one(&first.descr, &Some(Arc::clone(&first.name))));
        assert!(is_one(&later.mac, &first.mac) && is_one(&neighbour.kind, &first.kind));
        assert!(
            size_of::<InterfaceView>() <= 184,
            "{}",
            size_of::<InterfaceView>()
        );
    }
}
