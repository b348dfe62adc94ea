//! What people change through the API, and the shapes in which they say it.
//!
//! The web checks the form of what is said and who says it; the core does it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use super::api::Time;
use crate::model::IncidentId;
use crate::model::Selector;
use crate::model::Timestamp;
use crate::monitor::incident::Acknowledgement;
use crate::monitor::incident::IncidentClass;

/// Hands an order to the core; answers once what it did is on disk. On failure
/// tells why, for a person.
pub type People =
    Arc<dyn Fn(Order) -> Pin<Box<dyn Future<Output = Result<Answer, String>> + Send>> + Send + Sync>;

/// What a person wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Order {
    /// Take note of an open incident.
    Acknowledge(IncidentId, Acknowledgement),
    /// Take that back.
    EndAcknowledgement(IncidentId),
    /// Say afterwards what an incident was.
    Reclassify {
        /// Its number.
        incident: IncidentId,
        /// What it was.
        class: IncidentClass,
        /// Who says so.
        author: String,
        /// Why.
        comment: String,
    },
    /// Announce maintenance.
    AddWindow(NewWindow),
    /// End the maintenance window of that name.
    EndWindow(String),
    /// Tell all maintenance windows.
    Windows,
}

/// A maintenance window, once.
#[derive(Debug, Clone, PartialEq)]
pub struct NewWindow {
    /// What it covers.
    pub selector: Selector,
    /// From this moment, inclusive.
    pub from: Timestamp,
    /// To this moment, exclusive; after `from`.
    pub to: Timestamp,
    /// Why.
    pub reason: String,
    /// Who set it.
    pub author: String,
}

/// What the core says.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It is done.
    Done,
    /// The window that was made.
    Window(Box<Maintenance>),
    /// Those of the configuration, then those set by hand, oldest first.
    Windows(Vec<Maintenance>),
}

/// A maintenance window as the API tells it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Maintenance {
    /// Its name.
    pub name: String,
    /// Where it comes from.
    pub source: Source,
    /// It is open now.
    pub open: bool,
    /// It is over, or was ended.
    pub over: bool,
    /// Its beginning; absent for one that recurs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Time>,
    /// Its end; absent for one that recurs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Time>,
    /// When it opens or closes next, where that is within eight days or known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes_at: Option<Time>,
    /// When a person ended it before its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,
    /// When a person set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_at: Option<Time>,
    /// What it covers.
    pub selector: Selector,
    /// How many targets that are.
    pub targets: usize,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
}

/// Where a maintenance window comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The configuration file: changed there.
    Configuration,
    /// A person set it by command.
    Hand,
}

/// To take note of an incident.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AcknowledgementBody {
    /// Who takes note.
    pub author: String,
    /// What is known, or being done.
    pub comment: String,
    /// Until when (RFC 3339); absent: until the incident ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

/// To say afterwards what an incident was.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassBody {
    /// `planned`, `power`, `provider`, `exempt` or `other`.
    pub class: String,
    /// Who says so.
    pub author: String,
    /// Why.
    pub comment: String,
}

/// To announce maintenance.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MaintenanceBody {
    /// What it covers: every part that is given must fit.
    pub selector: Selector,
    /// From this moment (RFC 3339); absent: from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Time>,
    /// To this moment (RFC 3339).
    pub to: Time,
    /// Why.
    pub reason: String,
    /// Who announces it.
    pub author: String,
}
