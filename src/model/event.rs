//! The only thing that the record is made of.
//!
//! Events are in the past tense. Replaying them gives the same confirmed
//! states; what they do not hold (soft counters, timers) is saved beside them.

use serde::{Deserialize, Serialize};

use super::{IncidentId, Reason, SiteId, State, TargetId, Timestamp};

/// Something that happened, at one time, to one target or to the monitor itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When it happened (for a transition: when it became true, not when it was confirmed).
    pub at: Timestamp,
    /// When we came to know it.
    pub recorded_at: Timestamp,
    /// Whom it is about; `None`: the monitor itself.
    pub target: Option<TargetId>,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EventKind {
    /// The state changed. `Event::at` is when the new state began.
    StateChanged {
        /// Before.
        from: State,
        /// After.
        to: State,
        /// Why.
        reason: Option<Reason>,
    },
    /// An outage was confirmed. `Event::at` is its first failed probe.
    OutageOpened {
        /// Its number.
        incident: IncidentId,
        /// The target whose outage caused it, if it is not its own cause.
        root: Option<TargetId>,
        /// Why.
        reason: Reason,
    },
    /// An open outage was found to be caused by another, or no longer to be.
    OutageRerooted {
        /// Its number.
        incident: IncidentId,
        /// The target whose outage caused it; `None`: it stands by itself.
        root: Option<TargetId>,
    },
    /// An outage ended. `Event::at` is its first good probe.
    OutageClosed {
        /// Its number.
        incident: IncidentId,
        /// When it began.
        started_at: Timestamp,
    },
    /// It changes its state too often.
    FlappingStarted,
    /// It has calmed down.
    FlappingStopped,
    /// The monitor's own uplink failed.
    BlindStarted,
    /// The monitor's own uplink is back. `since`: when it failed.
    BlindEnded {
        /// When it failed.
        since: Timestamp,
    },
    /// The daemon began to look. Time before it, since the last stop or sign of life, is *no data*.
    DaemonStarted {
        /// The last moment for which the record holds data, if there is any.
        last_alive: Option<Timestamp>,
    },
    /// The daemon ended in order.
    DaemonStopped,
    /// A fact of a device changed, was learnt, or (new `None`) was withdrawn.
    FactChanged {
        /// The key (`serial`, `firmware`, …).
        key: String,
        /// Before; `None`: not known.
        old: Option<String>,
        /// After; `None`: withdrawn.
        new: Option<String>,
    },
    /// An interface appeared, changed or went.
    InterfaceChanged {
        /// Its name.
        name: String,
        /// What changed (`oper`, `admin`, `speed`, `index`, `present`).
        what: String,
        /// Before.
        old: Option<String>,
        /// After.
        new: Option<String>,
    },
    /// The agent restarted (trap 4).
    Rebooted,
    /// A probe that does not decide the state began to fail, or works again.
    Finding {
        /// The probe kind.
        probe: String,
        /// Why it fails; `None`: it works again.
        reason: Option<Reason>,
    },
    /// A person has taken note of an incident.
    Acknowledged {
        /// Its number.
        incident: IncidentId,
        /// Who.
        author: String,
        /// Why.
        comment: String,
        /// Until when; `None`: until it ends.
        until: Option<Timestamp>,
    },
    /// The acknowledgement was taken back or ran out.
    AcknowledgementEnded {
        /// Its number.
        incident: IncidentId,
        /// Who took it back; `None`: it ran out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        author: Option<String>,
    },
    /// A maintenance window began to cover the target.
    MaintenanceStarted {
        /// The window's name.
        window: String,
    },
    /// No maintenance window covers the target any more.
    MaintenanceEnded {
        /// The window's name.
        window: String,
        /// Who ended it before its time; `None`: nobody did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        author: Option<String>,
    },
    /// A silence began to cover the target: outages are not told.
    SilenceStarted {
        /// Its name.
        window: String,
    },
    /// No silence covers the target any more.
    SilenceEnded {
        /// Its name.
        window: String,
        /// Who ended it before its time; `None`: nobody did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        author: Option<String>,
    },
    /// A person classified an incident afterwards.
    Reclassified {
        /// Its number.
        incident: IncidentId,
        /// The class: `planned`, `power`, `provider`, `exempt`, `other`.
        class: String,
        /// Who.
        author: String,
        /// Why.
        comment: String,
    },
    /// An entry was added to the inventory.
    InventoryAdded,
    /// An entry left the configuration (it is marked, never deleted).
    InventoryGone,
    /// A field of an inventory entry changed.
    InventoryChanged {
        /// The field.
        field: String,
        /// Before.
        old: Option<String>,
        /// After.
        new: Option<String>,
        /// Where it came from: `config`, `import`, `snmp`, or a person.
        source: String,
    },
    /// The MAC of a machine that is never to be on a network was seen on one.
    ForbiddenSeen {
        /// Where.
        site: Option<SiteId>,
        /// Who saw it.
        seen_by: String,
    },
}

impl EventKind {
    /// The word in the database: that of its serialised tag.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::StateChanged { .. } => "state_changed",
            Self::OutageOpened { .. } => "outage_opened",
            Self::OutageRerooted { .. } => "outage_rerooted",
            Self::OutageClosed { .. } => "outage_closed",
            Self::FlappingStarted => "flapping_started",
            Self::FlappingStopped => "flapping_stopped",
            Self::BlindStarted => "blind_started",
            Self::BlindEnded { .. } => "blind_ended",
            Self::DaemonStarted { .. } => "daemon_started",
            Self::DaemonStopped => "daemon_stopped",
            Self::FactChanged { .. } => "fact_changed",
            Self::InterfaceChanged { .. } => "interface_changed",
            Self::Rebooted => "rebooted",
            Self::Finding { .. } => "finding",
            Self::Acknowledged { .. } => "acknowledged",
            Self::AcknowledgementEnded { .. } => "acknowledgement_ended",
            Self::MaintenanceStarted { .. } => "maintenance_started",
            Self::MaintenanceEnded { .. } => "maintenance_ended",
            Self::SilenceStarted { .. } => "silence_started",
            Self::SilenceEnded { .. } => "silence_ended",
            Self::Reclassified { .. } => "reclassified",
            Self::InventoryAdded => "inventory_added",
            Self::InventoryGone => "inventory_gone",
            Self::InventoryChanged { .. } => "inventory_changed",
            Self::ForbiddenSeen { .. } => "forbidden_seen",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_is_the_serialised_tag() {
        let kind = EventKind::OutageRerooted {
            incident: IncidentId(1),
            root: None,
        };
        let json = serde_json::to_value(&kind).unwrap();
        assert_eq!(json["kind"], kind.as_str());
    }
}
