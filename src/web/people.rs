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
use crate::monitor::incident::Classified;
use crate::monitor::incident::IncidentClass;
use crate::monitor::maintain::Effect;

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
    EndAcknowledgement {
        /// Its number.
        incident: IncidentId,
        /// Who does so.
        author: String,
    },
    /// Say afterwards what an incident was, and what it took along.
    Reclassify(IncidentId, Classified),
    /// Announce maintenance, or silence something.
    AddWindow(NewWindow),
    /// End a window before its time.
    EndWindow {
        /// Its name.
        name: String,
        /// What it does.
        effect: Effect,
        /// Who ends it.
        author: String,
    },
    /// Tell all windows that do this.
    Windows(Effect),
}

/// A maintenance window or a silence, once.
#[derive(Debug, Clone, PartialEq)]
pub struct NewWindow {
    /// What it does.
    pub effect: Effect,
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
    /// It is done to these incidents as well: what it took along.
    Classified(Vec<IncidentId>),
    /// The window that was made.
    Window(Box<Maintenance>),
    /// Those of the configuration, then those set by hand, oldest first.
    Windows(Vec<Maintenance>),
}

/// A maintenance window, or a silence, as the API tells it.
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
    /// Who did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
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

/// Longest name of a person, in characters.
const MAX_AUTHOR: usize = 100;
/// Longest comment or reason, in characters.
const MAX_TEXT: usize = 2_000;

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

impl AcknowledgementBody {
    /// What is to be done.
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub fn order(&self, incident: IncidentId, now: Timestamp) -> Result<Order, String> {
        let until = self.until.as_ref().map(|t| moment(t, "until")).transpose()?;
        if until.is_some_and(|until| until <= now) {
            return Err("until is a moment to come".to_owned());
        }
        let acknowledgement = Acknowledgement {
            author: text(&self.author, "author", MAX_AUTHOR)?,
            comment: text(&self.comment, "comment", MAX_TEXT)?,
            until,
        };
        Ok(Order::Acknowledge(incident, acknowledgement))
    }
}

/// To take something back, or to end it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthorBody {
    /// Who does so.
    pub author: String,
}

impl AuthorBody {
    /// Takes an acknowledgement back.
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub fn end_acknowledgement(&self, incident: IncidentId) -> Result<Order, String> {
        let author = text(&self.author, "author", MAX_AUTHOR)?;
        Ok(Order::EndAcknowledgement { incident, author })
    }

    /// Ends a window.
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub fn end_window(&self, name: String, effect: Effect) -> Result<Order, String> {
        let author = text(&self.author, "author", MAX_AUTHOR)?;
        Ok(Order::EndWindow { name, effect, author })
    }
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

impl ClassBody {
    /// What is to be done.
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub fn order(&self, incident: IncidentId) -> Result<Order, String> {
        let class = IncidentClass::from_word(&self.class)
            .ok_or_else(|| "class is planned, power, provider, exempt or other".to_owned())?;
        let said = Classified {
            class,
            author: text(&self.author, "author", MAX_AUTHOR)?,
            comment: text(&self.comment, "comment", MAX_TEXT)?,
        };
        Ok(Order::Reclassify(incident, said))
    }
}

/// What was classified.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClassAnswer {
    /// The numbers of the incidents that it took along: they are on record as
    /// the same. May be empty.
    pub attached: Vec<u64>,
}

/// To announce maintenance, or to silence something.
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

impl MaintenanceBody {
    /// What is to be done.
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub fn order(self, effect: Effect, now: Timestamp) -> Result<Order, String> {
        let from = self.from.as_ref().map_or(Ok(now), |t| moment(t, "from"))?;
        let to = moment(&self.to, "to")?;
        if to <= from || to <= now {
            return Err("it ends before it begins, or before now".to_owned());
        }
        Ok(Order::AddWindow(NewWindow {
            effect,
            selector: self.selector,
            from,
            to,
            reason: text(&self.reason, "reason", MAX_TEXT)?,
            author: text(&self.author, "author", MAX_AUTHOR)?,
        }))
    }
}

impl Answer {
    /// As the API tells it; `None`: it has no content.
    ///
    /// # Errors
    /// A value that can't be written, of which there is none.
    pub fn body(&self) -> Result<Option<Vec<u8>>, serde_json::Error> {
        match self {
            Self::Done => Ok(None),
            Self::Classified(attached) => {
                let attached = attached.iter().map(|id| id.0).collect();
                serde_json::to_vec(&ClassAnswer { attached }).map(Some)
            }
            Self::Window(window) => serde_json::to_vec(window).map(Some),
            Self::Windows(windows) => serde_json::to_vec(windows).map(Some),
        }
    }
}

fn moment(time: &Time, name: &str) -> Result<Timestamp, String> {
    time.parse()
        .ok_or_else(|| format!("{name} is a moment such as 2026-11-24T02:30:00Z"))
}

/// A text of a person: there, not endless, and steering no terminal.
fn text(given: &str, name: &str, most: usize) -> Result<String, String> {
    let given = given.trim();
    if given.is_empty() {
        return Err(format!("{name} is missing"));
    }
    if given.chars().count() > most {
        return Err(format!("{name} is longer than {most} characters"));
    }
    if given.chars().any(|c| c.is_control() && c != '\n') {
        return Err(format!("{name} holds control characters"));
    }
    Ok(given.to_owned())
}
