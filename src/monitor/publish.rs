//! Makes [`Snapshot`]s: only the shards in which something changed are built again.
//!
//! The core hands in what the monitor judges ([`Publisher::update`]) and what
//! the last looks measured ([`Publisher::modify`]), as often as it likes;
//! [`Publisher::publish`] costs one pointer a shard, and one a target in the
//! shards that changed.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::snapshot::BlindSpan;
use super::snapshot::IncidentView;
use super::snapshot::SHARD_TARGETS;
use super::snapshot::Snapshot;
use super::snapshot::TargetView;
use crate::inventory::Inventory;
use crate::model::TargetId;
use crate::model::TargetKey;
use crate::model::Timestamp;

type Shard = Vec<Arc<TargetView>>;

/// Keeps the newest view of every target and publishes them.
#[derive(Debug)]
pub struct Publisher {
    inventory: Arc<Inventory>,
    index: Arc<BTreeMap<TargetKey, TargetId>>,
    working: Vec<Shard>,
    published: Vec<Arc<Shard>>,
    changed: BTreeSet<usize>,
    incidents: Arc<Vec<IncidentView>>,
    blind_spans: Arc<Vec<BlindSpan>>,
}

fn shard_of(id: TargetId) -> usize {
    usize::try_from(id.0).unwrap_or(usize::MAX) / SHARD_TARGETS
}

impl Publisher {
    /// A publisher for this inventory, with no target yet.
    pub fn new(inventory: Arc<Inventory>, index: Arc<BTreeMap<TargetKey, TargetId>>) -> Self {
        Self {
            inventory,
            index,
            working: Vec::new(),
            published: Vec::new(),
            changed: BTreeSet::new(),
            incidents: Arc::default(),
            blind_spans: Arc::default(),
        }
    }

    /// Another inventory: targets that it does not name are dropped.
    pub fn set_inventory(&mut self, inventory: Arc<Inventory>, index: Arc<BTreeMap<TargetKey, TargetId>>) {
        let named: BTreeSet<TargetId> = index.values().copied().collect();
        for (i, shard) in self.working.iter_mut().enumerate() {
            let before = shard.len();
            shard.retain(|view| named.contains(&view.id));
            if shard.len() != before {
                self.changed.insert(i);
            }
        }
        self.inventory = inventory;
        self.index = index;
    }

    /// Takes what the monitor judges of a target. What the last looks measured,
    /// and the sums of the echoes, stay as they are.
    pub fn update(&mut self, mut judged: TargetView) {
        let i = shard_of(judged.id);
        // An id that the index does not name would grow the list without bound.
        if self.index.get(&judged.key) != Some(&judged.id) {
            return;
        }
        if self.working.len() <= i {
            self.working.resize_with(i + 1, Vec::new);
        }
        let Some(shard) = self.working.get_mut(i) else {
            return;
        };
        match shard.binary_search_by_key(&judged.id, |view| view.id) {
            Ok(at) => {
                if let Some(place) = shard.get_mut(at) {
                    judged.echo.clone_from(&place.echo);
                    judged.service.clone_from(&place.service);
                    judged.snmp.clone_from(&place.snmp);
                    judged.totals.echo_sent = place.totals.echo_sent;
                    judged.totals.echo_received = place.totals.echo_received;
                    judged.totals.rtt_sum = place.totals.rtt_sum;
                    *place = Arc::new(judged);
                }
            }
            Err(at) => shard.insert(at, Arc::new(judged)),
        }
        self.changed.insert(i);
    }

    /// Changes the view of a target in place; one that is not there is left.
    pub fn modify(&mut self, id: TargetId, with: impl FnOnce(&mut TargetView)) {
        let i = shard_of(id);
        let Some(shard) = self.working.get_mut(i) else {
            return;
        };
        if let Ok(at) = shard.binary_search_by_key(&id, |view| view.id)
            && let Some(place) = shard.get_mut(at)
        {
            with(Arc::make_mut(place));
            self.changed.insert(i);
        }
    }

    /// The newest view of a target.
    pub fn view(&self, id: TargetId) -> Option<&TargetView> {
        let shard = self.working.get(shard_of(id))?;
        let at = shard.binary_search_by_key(&id, |view| view.id).ok()?;
        shard.get(at).map(|view| &**view)
    }

    /// Another list of incidents, newest first.
    pub fn set_incidents(&mut self, incidents: Vec<IncidentView>) {
        self.incidents = Arc::new(incidents);
    }

    /// When the monitor's own uplink had failed, newest first, with the failure that lasts.
    pub fn set_blind_spans(&mut self, spans: Vec<BlindSpan>) {
        self.blind_spans = Arc::new(spans);
    }

    /// The snapshot as of `now`.
    pub fn publish(&mut self, now: Timestamp) -> Snapshot {
        self.published.resize_with(self.working.len(), Arc::default);
        for i in std::mem::take(&mut self.changed) {
            if let (Some(published), Some(shard)) = (self.published.get_mut(i), self.working.get(i)) {
                *published = Arc::new(shard.clone());
            }
        }
        Snapshot {
            at: now,
            inventory: self.inventory.clone(),
            index: self.index.clone(),
            shards: self.published.clone(),
            blind_since: self
                .blind_spans
                .first()
                .filter(|s| s.ended_at.is_none())
                .map(|s| s.started_at),
            blind_spans: self.blind_spans.clone(),
            incidents: self.incidents.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Span;
    use crate::model::State;
    use crate::model::TargetKind;
    use crate::monitor::snapshot::Totals;

    fn view(id: u32) -> TargetView {
        TargetView {
            id: TargetId(id),
            key: key(id),
            state: State::Up,
            reason: None,
            since: Timestamp(0),
            suspect: false,
            incident: None,
            root: None,
            maintenance: false,
            silenced: false,
            acknowledged: false,
            flapping: false,
            last_reply_at: None,
            last_look_at: None,
            evidence: BTreeMap::new(),
            totals: Totals::default(),
            echo: None,
            service: None,
            snmp: None,
        }
    }

    fn key(id: u32) -> TargetKey {
        TargetKey {
            kind: TargetKind::Device,
            slug: format!("d{id}").parse().unwrap(),
        }
    }

    fn publisher(ids: std::ops::Range<u32>) -> Publisher {
        let index = ids.map(|id| (key(id), TargetId(id))).collect();
        Publisher::new(Arc::default(), Arc::new(index))
    }

    #[test]
    fn only_shards_that_changed_are_built_again() {
        let mut publisher = publisher(1..600);
        for id in (1..600).rev() {
            publisher.update(view(id));
        }
        let first = publisher.publish(Timestamp(1));
        assert_eq!(first.targets().count(), 599);
        assert!(first.targets().map(|t| t.id).is_sorted());
        publisher.modify(TargetId(300), |view| view.flapping = true);
        let second = publisher.publish(Timestamp(2));
        let same: Vec<bool> = first
            .shards
            .iter()
            .zip(&second.shards)
            .map(|(a, b)| Arc::ptr_eq(a, b))
            .collect();
        assert_eq!(same, [true, false, true]);
        assert!(second.target(TargetId(300)).unwrap().flapping);
        assert!(
            !first.target(TargetId(300)).unwrap().flapping,
            "readers keep what they have"
        );
    }

    #[test]
    fn a_judgement_leaves_measurements_alone() {
        let mut publisher = publisher(1..3);
        publisher.update(view(1));
        publisher.modify(TargetId(1), |view| {
            view.totals.echo_sent = 7;
            view.totals.rtt_sum = Span::from_secs(1);
        });
        publisher.update(TargetView {
            state: State::Down,
            ..view(1)
        });
        let snapshot = publisher.publish(Timestamp(1));
        let seen = snapshot.target(TargetId(1)).unwrap();
        assert_eq!((seen.state, seen.totals.echo_sent), (State::Down, 7));
    }

    #[test]
    fn what_left_the_inventory_is_gone() {
        let mut publisher = publisher(1..4);
        (1..4).for_each(|id| publisher.update(view(id)));
        publisher.publish(Timestamp(1));
        let index = [(key(2), TargetId(2))].into_iter().collect();
        publisher.set_inventory(Arc::default(), Arc::new(index));
        publisher.update(view(3));
        let left: Vec<u32> = publisher
            .publish(Timestamp(2))
            .targets()
            .map(|t| t.id.0)
            .collect();
        assert_eq!(left, [2]);
    }
}
