//! What is down now, each with what follows from it: one fibre cut is one entry.

use std::collections::BTreeMap;

use super::Item;
use super::View;
use crate::i18n::collate;
use crate::model::State;
use crate::model::TargetId;
use crate::monitor::snapshot::IncidentView;
use crate::monitor::snapshot::TargetView;

/// One outage and its consequences.
pub(in crate::web) struct Outage<'a> {
    /// What failed by itself.
    pub(in crate::web) target: &'a TargetView,
    /// Its entry.
    pub(in crate::web) item: Item<'a>,
    /// The open incident, if it is in the snapshot.
    pub(in crate::web) incident: Option<&'a IncidentView>,
    /// What can't be reached because of it: what is always on first, then by name.
    pub(in crate::web) consequences: Vec<(&'a TargetView, Item<'a>)>,
}

/// Everything that is out, grouped by its root. What nobody has taken note of
/// and no maintenance covers comes first; then the widest; then the newest.
///
/// Devices that people switch off (`always_on: false`) are no outage by
/// themselves; behind a root that is out they count among its consequences.
pub(in crate::web) fn outages(view: &View) -> Vec<Outage<'_>> {
    let open: BTreeMap<TargetId, &IncidentView> =
        view.snapshot.open_incidents().map(|i| (i.target, i)).collect();
    let mut roots: Vec<Outage<'_>> = Vec::new();
    let mut behind: BTreeMap<TargetId, Vec<(&TargetView, Item<'_>)>> = BTreeMap::new();
    for (target, item) in view.targets().filter(|(t, _)| t.state.is_out()) {
        // A root that is itself fine by now, gone or hidden explains nothing.
        let root = target.root.filter(|root| {
            *root != target.id
                && view
                    .snapshot
                    .target(*root)
                    .is_some_and(|r| r.state.is_out() && view.item(&r.key).is_some())
        });
        match root {
            Some(root) => behind.entry(top(view, root)).or_default().push((target, item)),
            None if item.is_always_on() => roots.push(Outage {
                target,
                item,
                incident: open.get(&target.id).copied(),
                consequences: Vec::new(),
            }),
            None => {}
        }
    }
    for outage in &mut roots {
        outage.consequences = behind.remove(&outage.target.id).unwrap_or_default();
        outage
            .consequences
            .sort_by_cached_key(|(_, item)| (!item.is_always_on(), collate::sort_key(item.name())));
    }
    // What hangs on a device that is itself no outage (a computer as a parent) stands alone.
    for (target, item) in behind.into_values().flatten() {
        if item.is_always_on() {
            roots.push(Outage {
                target,
                item,
                incident: open.get(&target.id).copied(),
                consequences: Vec::new(),
            });
        }
    }
    roots.sort_by_key(|o| {
        (
            o.target.maintenance
                || o.target.silenced
                || o.target.acknowledged
                || o.target.state != State::Down,
            std::cmp::Reverse(o.consequences.len()),
            std::cmp::Reverse(o.target.since),
            o.target.id,
        )
    });
    roots
}

/// The last root of a chain of roots. Bounded, in case they point at each other.
fn top(view: &View, from: TargetId) -> TargetId {
    let mut here = from;
    for _ in 0..16 {
        let next =
            view.snapshot.target(here).and_then(|t| t.root).filter(|next| {
                *next != here && view.snapshot.target(*next).is_some_and(|t| t.state.is_out())
            });
        match next {
            Some(next) => here = next,
            None => break,
        }
    }
    here
}

impl Outage<'_> {
    /// When it began: the first failed probe.
    pub(in crate::web) fn started_at(&self) -> crate::model::Timestamp {
        self.incident.map_or(self.target.since, |i| i.started_at)
    }
}
