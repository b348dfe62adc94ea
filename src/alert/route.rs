//! Events to changes of the outbox: who, by which way, when. Pure.
//!
//! The rules (design: "Committed, then told"; trap 21, 22):
//!
//! 1. An outage that is its own cause is told to the receivers of its route,
//!    `notify_after` its first failed probe, not in quiet hours.
//! 2. An outage that has a cause joins the rows of that cause and is not told
//!    by itself.
//! 3. An end is told to whoever was told of the start; a start that was not
//!    yet tried is cancelled instead (the store does both in one transaction).
//! 4. In maintenance, silenced, while flapping, or acknowledged, a start is not told. If
//!    the outage still lasts when that ends, it is told then, once.
//! 5. Ends are never held back by any of these.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use super::kind;
use crate::config::model::Quiet;
use crate::config::model::Route;
use crate::model::Event;
use crate::model::EventKind;
use crate::model::IncidentId;
use crate::model::Selector;
use crate::model::Span;
use crate::model::TargetId;
use crate::model::TargetKind;
use crate::model::Timestamp;
use crate::store::outbox::NewMessage;
use crate::store::outbox::OutboxChange;

/// What the planner must know of the monitor's state, after the events.
pub trait View {
    /// Device, link or service.
    fn kind(&self, target: TargetId) -> Option<TargetKind>;
    /// Whether a selector fits the target.
    fn fits(&self, target: TargetId, selector: &Selector) -> bool;
    /// Whether an outage of the target is told to people at all.
    fn is_told(&self, target: TargetId) -> bool;
    /// Whether maintenance, a silence, flapping or an acknowledgement holds a start back.
    fn is_muted(&self, target: TargetId) -> bool;
    /// The open outage of the target, and when it began.
    fn open_incident(&self, target: TargetId) -> Option<(IncidentId, Timestamp)>;
    /// The target that is the cause of the open outage of this one.
    fn root(&self, target: TargetId) -> Option<TargetId>;
}

/// The routes as configured.
#[derive(Debug, Clone)]
pub struct Routes {
    /// In the order of the configuration.
    pub routes: Vec<Route>,
    /// How long an outage of a device or service lasts before it is told.
    pub notify_after: Span,
    /// How long an outage of a link lasts before it is told.
    pub notify_after_links: Span,
    /// The time zone of quiet hours.
    pub timezone: TimeZone,
}

/// Who is told of an outage, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Whose name it is in the configuration.
    pub receiver: String,
    /// How long the outage must have lasted.
    pub after: Span,
    /// Whether the route has quiet hours.
    pub is_quiet: bool,
    /// When it may be sent.
    pub due_at: Timestamp,
}

impl Routes {
    /// The receivers for a target of a kind that selectors fit or not, each once.
    pub fn receivers(
        &self,
        kind: TargetKind,
        fits: &dyn Fn(&Selector) -> bool,
        started_at: Timestamp,
    ) -> Vec<Told> {
        let mut found: Vec<Told> = Vec::new();
        let usual = match kind {
            TargetKind::Link => self.notify_after_links,
            TargetKind::Device | TargetKind::Service => self.notify_after,
        };
        for route in &self.routes {
            if !fits(&route.selector) {
                continue;
            }
            let after = route.notify_after.unwrap_or(usual);
            let due_at = after_quiet(route.quiet, &self.timezone, started_at.plus(after));
            for receiver in &route.receivers {
                if found.iter().all(|t| t.receiver != *receiver) {
                    found.push(Told {
                        receiver: receiver.clone(),
                        after,
                        is_quiet: route.quiet.is_some(),
                        due_at,
                    });
                }
            }
            if !route.goes_on {
                break;
            }
        }
        found
    }

    /// The receivers for a target as the monitor sees it, with when a start may be sent.
    fn due(&self, view: &dyn View, target: TargetId, started_at: Timestamp) -> Vec<(String, Timestamp)> {
        // What has no kind is no target any more; it waits as a device does.
        let kind = view.kind(target).unwrap_or(TargetKind::Device);
        self.receivers(kind, &|selector| view.fits(target, selector), started_at)
            .into_iter()
            .map(|told| (told.receiver, told.due_at))
            .collect()
    }

    /// Every receiver of any route: for what concerns the monitor itself.
    fn everyone(&self) -> BTreeSet<&str> {
        self.routes
            .iter()
            .flat_map(|r| r.receivers.iter().map(String::as_str))
            .collect()
    }
}

/// The moment itself, or the end of the quiet hours in which it lies.
fn after_quiet(quiet: Option<Quiet>, timezone: &TimeZone, at: Timestamp) -> Timestamp {
    let Some(quiet) = quiet else { return at };
    let Ok(instant) = jiff::Timestamp::from_microsecond(at.0) else {
        return at;
    };
    let local = timezone.to_datetime(instant);
    let over_midnight = quiet.to <= quiet.from;
    let time = local.time();
    let (inside, tomorrow) = if over_midnight {
        (time >= quiet.from || time < quiet.to, time >= quiet.from)
    } else {
        (time >= quiet.from && time < quiet.to, false)
    };
    if !inside {
        return at;
    }
    let day = if tomorrow {
        local.date().tomorrow()
    } else {
        Ok(local.date())
    };
    day.and_then(|day| timezone.to_timestamp(day.to_datetime(quiet.to)))
        .map_or(at, |end| Timestamp(end.as_microsecond()).max(at))
}

/// What the events of one turn change in the outbox, in an order in which they
/// can be applied: starts, then what joins them, then ends and cancellations.
pub fn plan(events: &[Event], view: &dyn View, routes: &Routes, now: Timestamp) -> Vec<OutboxChange> {
    let mut starts = Vec::new();
    let mut joins = Vec::new();
    let mut ends = Vec::new();
    for event in events {
        match (&event.kind, event.target) {
            (
                EventKind::OutageOpened { incident, root, .. } | EventKind::OutageRerooted { incident, root },
                Some(target),
            ) => {
                match root
                    .and_then(|r| view.open_incident(r))
                    .filter(|(cause, _)| cause != incident)
                {
                    Some((cause, _)) => joins.push(OutboxChange::Join {
                        incident: *incident,
                        root: cause,
                        at: now,
                    }),
                    None => starts.extend(start(target, *incident, view, routes, now)),
                }
            }
            (EventKind::OutageClosed { incident, .. }, Some(target)) => {
                ends.extend(
                    routes
                        .due(view, target, event.at)
                        .into_iter()
                        .map(|(receiver, _)| OutboxChange::InsertEnd {
                            message: message(receiver, kind::CLOSED, Some(target), Some(*incident), now, now),
                            start_kind: kind::OPENED.to_owned(),
                        }),
                );
            }
            (EventKind::Acknowledged { incident, .. }, _) => {
                ends.push(cancel_start(*incident, now));
            }
            // What was not yet tried waits for the end of the maintenance (rule 4).
            (EventKind::MaintenanceStarted { .. } | EventKind::SilenceStarted { .. }, Some(target)) => {
                ends.extend(view.open_incident(target).map(|(id, _)| cancel_start(id, now)));
            }
            (
                EventKind::MaintenanceEnded { .. }
                | EventKind::SilenceEnded { .. }
                | EventKind::FlappingStopped
                | EventKind::AcknowledgementEnded { .. },
                Some(target),
            ) => {
                if let Some((incident, _)) = view.open_incident(target)
                    && view.root(target).is_none()
                {
                    starts.extend(start(target, incident, view, routes, now));
                }
            }
            (EventKind::FlappingStarted, Some(target)) if view.is_told(target) => {
                starts.extend(routes.due(view, target, now).into_iter().map(|(receiver, _)| {
                    OutboxChange::Insert(message(receiver, kind::FLAPPING, Some(target), None, now, now))
                }));
            }
            (EventKind::BlindStarted, _) => {
                starts.extend(to_everyone(routes, kind::BLIND, None, event.at, now));
            }
            (EventKind::BlindEnded { since }, _) => {
                starts.extend(to_everyone(routes, kind::SEEING, None, *since, now));
            }
            (EventKind::ForbiddenSeen { .. }, target) => {
                starts.extend(to_everyone(routes, kind::FORBIDDEN, target, event.at, now));
            }
            _ => {}
        }
    }
    starts.extend(joins);
    starts.extend(ends);
    starts
}

/// Takes back the start of an outage that nobody was told of yet.
fn cancel_start(incident: IncidentId, at: Timestamp) -> OutboxChange {
    OutboxChange::Cancel {
        incident,
        kind: Some(kind::OPENED.to_owned()),
        at,
    }
}

/// Plans the starts that nobody was told of yet anew: after a reload, for the
/// outages that are open.
pub fn replan(
    open: &[(TargetId, IncidentId)],
    view: &dyn View,
    routes: &Routes,
    now: Timestamp,
) -> Vec<OutboxChange> {
    let mut changes = Vec::new();
    for (target, incident) in open {
        changes.push(OutboxChange::Cancel {
            incident: *incident,
            kind: Some(kind::OPENED.to_owned()),
            at: now,
        });
        if view.root(*target).is_none() {
            changes.extend(start(*target, *incident, view, routes, now));
        }
    }
    changes
}

fn start(
    target: TargetId,
    incident: IncidentId,
    view: &dyn View,
    routes: &Routes,
    now: Timestamp,
) -> Vec<OutboxChange> {
    // An outage that has ended within this turn is nobody's business any more.
    let Some((open, started_at)) = view.open_incident(target) else {
        return Vec::new();
    };
    if open != incident || !view.is_told(target) || view.is_muted(target) {
        return Vec::new();
    }
    routes
        .due(view, target, started_at)
        .into_iter()
        .map(|(receiver, due_at)| {
            OutboxChange::InsertOnce(message(
                receiver,
                kind::OPENED,
                Some(target),
                Some(incident),
                due_at,
                now,
            ))
        })
        .collect()
}

fn to_everyone(
    routes: &Routes,
    kind: &str,
    target: Option<TargetId>,
    at: Timestamp,
    now: Timestamp,
) -> Vec<OutboxChange> {
    routes
        .everyone()
        .into_iter()
        .map(|receiver| {
            let mut new = message(receiver.to_owned(), kind, target, None, now, now);
            new.payload = payload(target, Some(at));
            OutboxChange::Insert(new)
        })
        .collect()
}

fn message(
    receiver: String,
    kind: &str,
    target: Option<TargetId>,
    incident: Option<IncidentId>,
    due_at: Timestamp,
    now: Timestamp,
) -> NewMessage {
    NewMessage {
        receiver,
        kind: kind.to_owned(),
        incident,
        due_at,
        created_at: now,
        payload: payload(target, None),
    }
}

/// What a row remembers beside its outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Payload {
    /// Whom it is about.
    pub target: Option<TargetId>,
    /// When that happened, for rows without an outage.
    pub at: Option<Timestamp>,
}

fn payload(target: Option<TargetId>, at: Option<Timestamp>) -> String {
    serde_json::to_string(&Payload { target, at }).unwrap_or_default()
}

#[cfg(test)]
#[path = "route/tests.rs"]
mod tests;
