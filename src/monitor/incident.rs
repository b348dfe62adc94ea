//! Outages as incidents: opened, attached to their root, acknowledged, closed, classified.

use std::collections::BTreeMap;
use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::snapshot::IncidentView;
use crate::model::IncidentId;
use crate::model::Reason;
use crate::model::TargetId;
use crate::model::Timestamp;

/// One outage of one target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Its number.
    pub id: IncidentId,
    /// Whose.
    pub target: TargetId,
    /// The target whose outage caused it; `None`: it stands by itself.
    pub root: Option<TargetId>,
    /// First failed probe.
    pub started_at: Timestamp,
    /// First good probe; `None`: it lasts.
    pub ended_at: Option<Timestamp>,
    /// Why.
    pub reason: Reason,
    /// Who has taken note of it.
    pub acknowledgement: Option<Acknowledgement>,
    /// How a person classified it.
    pub class: Option<IncidentClass>,
    /// Who classified it, and why; kept for what joins it while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classified: Option<(String, String)>,
}

/// That a person has taken note of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// Who.
    pub author: String,
    /// Why.
    pub comment: String,
    /// Until when; `None`: until it ends.
    pub until: Option<Timestamp>,
}

/// How a person classified an incident afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentClass {
    /// Planned work: counts as maintenance.
    Planned,
    /// A power cut.
    Power,
    /// The provider's fault.
    Provider,
    /// Left out of ratios by decision: counts as exempt.
    Exempt,
    /// Something else.
    Other,
}

impl IncidentClass {
    /// All, with their words in events, commands and reports.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::Planned, "planned"),
        (Self::Power, "power"),
        (Self::Provider, "provider"),
        (Self::Exempt, "exempt"),
        (Self::Other, "other"),
    ];

    /// The word.
    pub fn as_str(self) -> &'static str {
        Self::ALL
            .into_iter()
            .find(|(class, _)| *class == self)
            .map_or("other", |(_, word)| word)
    }

    /// The class with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|(_, known)| *known == word)
            .map(|(class, _)| class)
    }
}

/// What a person says afterwards that an incident was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classified {
    /// What it was.
    pub class: IncidentClass,
    /// Who says so.
    pub author: String,
    /// Why.
    pub comment: String,
}

/// There is no open incident of that number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("incident {0} is not open")]
pub struct NotOpen(pub IncidentId);

/// The open incidents, and the newest closed ones.
#[derive(Debug, Clone, Default)]
pub struct Incidents {
    open: BTreeMap<IncidentId, Incident>,
    closed: VecDeque<Incident>,
    last: u64,
}

impl Incidents {
    /// Closed incidents that are kept for readers: with the open ones, the list
    /// of a snapshot.
    pub const KEPT: usize = 1000;

    /// Goes on with the numbers after `last`.
    pub fn continue_after(&mut self, last: IncidentId) {
        self.last = self.last.max(last.0);
    }

    /// Takes an incident from the record.
    pub fn restore(&mut self, incident: Incident) {
        self.continue_after(incident.id);
        if incident.ended_at.is_none() {
            self.open.insert(incident.id, incident);
        } else {
            self.keep(incident);
        }
    }

    fn keep(&mut self, incident: Incident) {
        if self.closed.len() >= Self::KEPT {
            self.closed.pop_front();
        }
        self.closed.push_back(incident);
    }

    pub(crate) fn start(
        &mut self,
        target: TargetId,
        root: Option<TargetId>,
        started_at: Timestamp,
        reason: Reason,
    ) -> IncidentId {
        self.last = self.last.saturating_add(1);
        let id = IncidentId(self.last);
        self.open.insert(
            id,
            Incident {
                id,
                target,
                root,
                started_at,
                ended_at: None,
                reason,
                acknowledgement: None,
                class: None,
                classified: None,
            },
        );
        id
    }

    /// Attaches it to another root; whether that is news.
    pub(crate) fn reroot(&mut self, id: IncidentId, root: Option<TargetId>) -> bool {
        self.open.get_mut(&id).is_some_and(|incident| {
            let is_news = incident.root != root;
            incident.root = root;
            is_news
        })
    }

    /// Ends it; returns when it began.
    pub(crate) fn end(&mut self, id: IncidentId, at: Timestamp) -> Option<Timestamp> {
        let mut incident = self.open.remove(&id)?;
        let started_at = incident.started_at.min(at);
        incident.ended_at = Some(at);
        self.keep(incident);
        Some(started_at)
    }

    pub(crate) fn open_mut(&mut self, id: IncidentId) -> Option<&mut Incident> {
        self.open.get_mut(&id)
    }

    pub(crate) fn any_mut(&mut self, id: IncidentId) -> Option<&mut Incident> {
        let closed = &mut self.closed;
        self.open
            .get_mut(&id)
            .or_else(|| closed.iter_mut().rev().find(|incident| incident.id == id))
    }

    /// An incident, open or lately closed.
    pub fn get(&self, id: IncidentId) -> Option<&Incident> {
        self.open
            .get(&id)
            .or_else(|| self.closed.iter().rev().find(|incident| incident.id == id))
    }

    /// The open ones, oldest first.
    pub fn open(&self) -> impl Iterator<Item = &Incident> {
        self.open.values()
    }

    /// What an incident took with it: those attached to its target that began
    /// while it lasted, open or lately closed, oldest first.
    pub fn taken_along(&self, id: IncidentId) -> Vec<&Incident> {
        let Some(root) = self.get(id) else {
            return Vec::new();
        };
        let mut list: Vec<&Incident> = self
            .open
            .values()
            .chain(&self.closed)
            .filter(|incident| incident.root == Some(root.target))
            .filter(|incident| {
                root.ended_at.is_none_or(|end| incident.started_at < end)
                    && incident.ended_at.is_none_or(|end| root.started_at < end)
            })
            .collect();
        list.sort_unstable_by_key(|incident| incident.id);
        list
    }

    /// The list of a snapshot: newest first, at most [`Incidents::KEPT`], the open ones first of all.
    pub fn views(&self) -> Vec<IncidentView> {
        let mut list: Vec<&Incident> = self
            .open
            .values()
            .rev()
            .chain(self.closed.iter().rev())
            .take(Self::KEPT)
            .collect();
        list.sort_unstable_by_key(|incident| std::cmp::Reverse((incident.started_at, incident.id)));
        list.into_iter().map(Incident::view).collect()
    }
}

impl Incident {
    /// As readers see it.
    pub fn view(&self) -> IncidentView {
        IncidentView {
            id: self.id,
            target: self.target,
            root: self.root,
            started_at: self.started_at,
            ended_at: self.ended_at,
            reason: self.reason.clone(),
            acknowledged: self
                .acknowledgement
                .as_ref()
                .map(|ack| (ack.author.clone(), ack.comment.clone())),
            class: self.class,
        }
    }
}
