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
use crate::model::EchoStats;
use crate::model::Span;
use crate::model::TargetId;
use crate::model::TargetKey;
use crate::model::Timestamp;

/// The views of one shard. Their ids lie close together, so that to find one
/// does not mean to look into eight others.
#[derive(Debug, Default)]
struct Shard {
    ids: Vec<TargetId>,
    views: Vec<Arc<TargetView>>,
}

impl Shard {
    fn find(&mut self, id: TargetId) -> Option<&mut Arc<TargetView>> {
        let at = self.ids.binary_search(&id).ok()?;
        self.views.get_mut(at)
    }

    fn insert(&mut self, view: TargetView) {
        if let Err(at) = self.ids.binary_search(&view.id) {
            self.ids.insert(at, view.id);
            self.views.insert(at, Arc::new(view));
        }
    }

    /// Drops the views that are not named; whether there were any.
    fn retain(&mut self, named: &BTreeSet<TargetId>) -> bool {
        let before = self.ids.len();
        self.ids.retain(|id| named.contains(id));
        self.views.retain(|view| named.contains(&view.id));
        self.ids.len() != before
    }
}

/// What pings measured of one target since its view was made.
#[derive(Debug, Clone)]
pub struct Echoes {
    /// Whose.
    pub target: TargetId,
    /// The last burst of its best address.
    pub last: EchoStats,
    /// Requests sent, over all its addresses.
    pub sent: u64,
    /// Replies in time.
    pub received: u64,
    /// Sum of their round trip times.
    pub rtt_sum: Span,
}

/// Keeps the newest view of every target and publishes them.
#[derive(Debug)]
pub struct Publisher {
    inventory: Arc<Inventory>,
    index: Arc<BTreeMap<TargetKey, TargetId>>,
    working: Vec<Shard>,
    published: Vec<Arc<Vec<Arc<TargetView>>>>,
    changed: BTreeSet<usize>,
    incidents: Arc<Vec<IncidentView>>,
    blind_spans: Arc<Vec<BlindSpan>>,
}

fn shard_of(id: TargetId) -> usize {
    usize::try_from(id.0).unwrap_or(usize::MAX) / SHARD_TARGETS
}

/// Where the view of a target is kept.
fn find(shards: &mut [Shard], id: TargetId) -> Option<&mut Arc<TargetView>> {
    shards.get_mut(shard_of(id))?.find(id)
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
            if shard.retain(&named) {
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
        if let Some(place) = find(&mut self.working, judged.id) {
            judged.echo.clone_from(&place.echo);
            judged.service.clone_from(&place.service);
            judged.snmp.clone_from(&place.snmp);
            judged.totals.echo_sent = place.totals.echo_sent;
            judged.totals.echo_received = place.totals.echo_received;
            judged.totals.rtt_sum = place.totals.rtt_sum;
            // Where no reader has it yet, the place is used again.
            match Arc::get_mut(place) {
                Some(view) => *view = judged,
                None => *place = Arc::new(judged),
            }
            self.changed.insert(i);
            return;
        }
        // An id that the index does not name would grow the list without bound.
        if self.index.get(&judged.key) != Some(&judged.id) {
            return;
        }
        if self.working.len() <= i {
            self.working.resize_with(i + 1, Shard::default);
        }
        if let Some(shard) = self.working.get_mut(i) {
            shard.insert(judged);
            self.changed.insert(i);
        }
    }

    /// Takes what the monitor judges of a target and what pings measured of it.
    pub fn update_echoes(&mut self, judged: TargetView, echoes: Echoes) {
        let Echoes {
            target,
            last,
            sent,
            received,
            rtt_sum,
        } = echoes;
        self.update(judged);
        // No reader has the view that was just made: it is not copied.
        self.modify(target, |view| {
            view.totals.echo_sent += sent;
            view.totals.echo_received += received;
            view.totals.rtt_sum += rtt_sum;
            view.echo = Some(last);
        });
    }

    /// Changes the view of a target in place; one that is not there is left.
    pub fn modify(&mut self, id: TargetId, with: impl FnOnce(&mut TargetView)) {
        if let Some(place) = find(&mut self.working, id) {
            with(Arc::make_mut(place));
            self.changed.insert(shard_of(id));
        }
    }

    /// The newest view of a target.
    pub fn view(&self, id: TargetId) -> Option<&TargetView> {
        let shard = self.working.get(shard_of(id))?;
        let at = shard.ids.binary_search(&id).ok()?;
        shard.views.get(at).map(|view| &**view)
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
                *published = Arc::new(shard.views.clone());
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
    fn echoes_are_added_up_and_a_view_that_readers_have_stays() {
        let echoes = |sent| Echoes {
            target: TargetId(1),
            last: EchoStats {
                address: [192, 0, 2, 1].into(),
                sent: 3,
                received: 2,
                late: 0,
                duplicates: 0,
                rtt: None,
            },
            sent,
            received: 2,
            rtt_sum: Span::from_millis(5),
        };
        let mut publisher = publisher(1..3);
        publisher.update(view(1));
        publisher.update_echoes(view(1), echoes(3));
        let first = publisher.publish(Timestamp(1));
        publisher.update_echoes(view(1), echoes(4));
        publisher.update_echoes(view(1), echoes(5));
        let second = publisher.publish(Timestamp(2));
        let sums = |of: &Snapshot| {
            let t = of.target(TargetId(1)).unwrap();
            (t.totals.echo_sent, t.totals.echo_received, t.totals.rtt_sum)
        };
        assert_eq!(sums(&first), (3, 2, Span::from_millis(5)));
        assert_eq!(sums(&second), (12, 6, Span::from_millis(15)));
        assert_eq!(second.target(TargetId(1)).unwrap().echo.as_ref().unwrap().sent, 3);
        // Nobody is made a view for whom the index does not name.
        publisher.update_echoes(
            view(9),
            Echoes {
                target: TargetId(9),
                ..echoes(1)
            },
        );
        assert!(publisher.view(TargetId(9)).is_none());
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
