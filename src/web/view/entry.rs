//! What stands in a list of incidents: outages, and times for which the monitor
//! itself was cut off.

use super::Item;
use super::View;
use crate::model::Reason;
use crate::model::Timestamp;
use crate::monitor::snapshot::BlindSpan;
use crate::monitor::snapshot::IncidentView;
use crate::monitor::snapshot::TargetView;

/// One line of the list.
#[derive(Clone, Copy)]
pub(in crate::web) enum Entry<'a> {
    /// An outage of a target.
    Outage(&'a IncidentView, &'a TargetView, Item<'a>),
    /// The monitor was cut off: one incident for everything that it could not look at.
    CutOff(BlindSpan),
}

impl Entry<'_> {
    /// When it began.
    pub(in crate::web) fn started_at(&self) -> Timestamp {
        match self {
            Self::Outage(incident, ..) => incident.started_at,
            Self::CutOff(span) => span.started_at,
        }
    }

    /// When it ended; `None`: it lasts.
    pub(in crate::web) fn ended_at(&self) -> Option<Timestamp> {
        match self {
            Self::Outage(incident, ..) => incident.ended_at,
            Self::CutOff(span) => span.ended_at,
        }
    }

    /// Why.
    pub(in crate::web) fn reason(&self) -> &Reason {
        match self {
            Self::Outage(incident, ..) => &incident.reason,
            Self::CutOff(_) => &Reason::Blind,
        }
    }
}

/// Outages that are `wanted` and times for which the monitor was cut off, newest first.
pub(in crate::web) fn entries<'a>(
    view: &'a View,
    wanted: impl Fn(&IncidentView, &TargetView, Item<'a>) -> bool,
) -> Vec<Entry<'a>> {
    let outages = view
        .incidents()
        .filter(|(incident, target, item)| wanted(incident, target, *item))
        .map(|(incident, target, item)| Entry::Outage(incident, target, item));
    let cut_off = view.snapshot.blind_spans.iter().copied().map(Entry::CutOff);
    let mut entries: Vec<Entry<'_>> = outages.chain(cut_off).collect();
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.started_at()));
    entries
}
