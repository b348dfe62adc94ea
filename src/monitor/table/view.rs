//! The table as readers see it.

use super::Table;
use crate::model::Span;
use crate::model::TargetId;
use crate::model::Timestamp;
use crate::monitor::snapshot::TargetView;
use crate::monitor::snapshot::Totals;
use crate::monitor::state::NEVER;

impl Table {
    /// One target as the monitor judges it. What the last looks measured
    /// (echoes, service, SNMP) is empty: whoever keeps it fills it in.
    pub fn view(&self, id: TargetId) -> Option<TargetView> {
        let spec = self.topology.get(id)?;
        let state = self.state(id)?;
        let came = |at: Timestamp| (at != NEVER).then_some(at);
        let acknowledged = state
            .incident
            .and_then(|incident| self.incidents.get(incident))
            .is_some_and(|incident| incident.acknowledgement.is_some());
        Some(TargetView {
            id,
            key: spec.key.clone(),
            state: state.state,
            reason: state.reason.clone(),
            since: state.since,
            suspect: state.is_suspect(),
            incident: state.incident,
            root: state.root,
            maintenance: state.maintenance,
            silenced: state.silenced,
            acknowledged,
            flapping: state.flapping,
            last_reply_at: came(state.last_reply_at),
            last_look_at: came(state.last_look_at),
            evidence: state.evidence().collect(),
            totals: Totals {
                outages: u64::from(state.outages),
                outage: Span::from_micros(state.outage_micros),
                observed: Span::from_micros(state.observed_micros),
                reboots: u64::from(state.reboots),
                echo_sent: 0,
                echo_received: 0,
                rtt_sum: Span::ZERO,
            },
            echo: None,
            service: None,
            snmp: None,
        })
    }
}
