//! Who is watched how, and what depends on what.
//!
//! Built from the inventory; immutable; a reload builds another. The parents of
//! a target are *alternatives*: it has a path while any of them is there.
//!
//! - A device: the parents that it names; else the gateway of its site and the
//!   routers of the site's links (for a link without a router: the link).
//! - The router that a link ends on: its site's links. If the link itself names
//!   that router in `via`, it stands on our side of the link and the link
//!   depends on it, not it on the link.
//! - A link: the devices that it goes through (`via`).
//! - A service: the parents that it names; else like a device of its site.
//!
//! What nobody looks at can't be judged, so such a parent is looked through: its
//! own parents stand in its place.

mod graph;
mod row;

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::civil::Date;

use super::maintain::Window;
use super::settings::Confirm;
use super::settings::Nearby;
use super::settings::Settings;
use super::settings::Thresholds;
use super::subject::Described;
use crate::inventory::Inventory;
use crate::inventory::UnitKind;
use crate::model::Span;
use crate::model::TargetId;
use crate::model::TargetKey;

pub use graph::Cycle;
pub use graph::check_parents;
use graph::effective_parents;
use graph::find_cycle;
use graph::raw_parents;
use row::Builder;

/// The place of a target within one topology: an index into its list.
pub type Slot = u32;

/// Everything that is watched, and how.
#[derive(Debug, Clone)]
pub struct Topology {
    /// In the order of the ids.
    specs: Vec<TargetSpec>,
    slots: HashMap<TargetId, Slot>,
    parents: Vec<Box<[Slot]>>,
    children: Vec<Vec<Slot>>,
    windows: Vec<Covering>,
    self_check: bool,
    over: Span,
    passive_after: Span,
    inventory: Arc<Inventory>,
}

/// How one target is watched.
#[derive(Debug, Clone, PartialEq)]
pub struct TargetSpec {
    /// Row number.
    pub id: TargetId,
    /// Kind and slug.
    pub key: TargetKey,
    /// Display name.
    pub name: String,
    /// Alternative paths to it; empty: it depends on nothing that is watched.
    pub parents: Vec<TargetId>,
    /// The probes that show life, at most [`TargetSpec::MAX_LIVENESS`]; empty:
    /// only others' evidence tells of it, or nothing.
    pub liveness: Vec<Arc<str>>,
    /// Whether anything tells of it.
    pub watch: Watch,
    /// How its outages are confirmed.
    pub confirm: Confirm,
    /// How often it is looked at.
    pub interval: Span,
    /// Its silence is an outage.
    pub always_on: bool,
    /// Its outage is told to people.
    pub alerts: bool,
    /// Above what it is degraded.
    pub thresholds: Thresholds,
    /// Where it lies from here.
    pub reach: Reach,
    /// It is left out of ratios on the day for which this was built.
    pub exempt: bool,
    /// A TCP refusal shows that it lives.
    pub trust_refusal: bool,
}

impl TargetSpec {
    /// Most liveness probes of one target: the bits of the mask in its state.
    pub const MAX_LIVENESS: usize = 8;
}

/// Whether anything tells of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watch {
    /// We ask it.
    Polled,
    /// We believe what others saw of it.
    Passive,
    /// Nothing: kept on record only.
    Nothing,
}

/// Where a target lies from here (design §3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// On this machine: never behind the uplink.
    Local,
    /// On a subnet of an interface that has nothing to do with the uplink: neither
    /// behind it nor a witness of it.
    Beside,
    /// On a directly connected subnet: behind the uplink's interface, and a
    /// witness that this interface works.
    Direct,
    /// Routed through the uplink.
    Routed,
}

impl Reach {
    /// Where an address lies, seen from here. Of several subnets that hold it
    /// the narrowest counts, as for the kernel.
    pub fn of(address: IpAddr, nearby: &Nearby) -> Self {
        let narrowest = |nets: &[ipnet::IpNet]| {
            let around = nets.iter().filter(|net| net.contains(&address));
            around.map(ipnet::IpNet::prefix_len).max()
        };
        if address.is_loopback() || nearby.own.contains(&address) {
            return Self::Local;
        }
        match (narrowest(&nearby.uplink), narrowest(&nearby.beside)) {
            (None, None) => Self::Routed,
            (uplink, beside) if uplink >= beside => Self::Direct,
            _ => Self::Beside,
        }
    }

    /// Whether it can't be seen without the uplink.
    pub fn is_behind_uplink(self) -> bool {
        matches!(self, Self::Direct | Self::Routed)
    }
}

/// A maintenance window and what it covers.
#[derive(Debug, Clone)]
pub struct Covering {
    /// The window.
    pub window: Window,
    /// The targets, in order.
    pub targets: Vec<Slot>,
}

impl Topology {
    /// Builds it from the inventory, on `day` (exemptions have dates).
    ///
    /// `index` has the row numbers; an entry without one is left out.
    ///
    /// # Errors
    /// [`Cycle`] if parents run in a circle.
    pub fn build(
        inventory: Arc<Inventory>,
        index: &BTreeMap<TargetKey, TargetId>,
        settings: &Settings,
        day: Date,
    ) -> Result<Self, Cycle> {
        let mut specs = Vec::with_capacity(index.len());
        for (key, id) in index {
            specs.extend(
                Builder {
                    inventory: &inventory,
                    settings,
                    day,
                }
                .spec(key, *id),
            );
        }
        specs.sort_unstable_by_key(|spec: &TargetSpec| spec.id);
        let graph = raw_parents(&inventory);
        find_cycle(&graph)?;
        let by_key: BTreeMap<&TargetKey, usize> =
            specs.iter().enumerate().map(|(i, s)| (&s.key, i)).collect();
        let watched = |key: &TargetKey| {
            by_key
                .get(key)
                .and_then(|i| specs.get(*i))
                .filter(|spec| spec.watch == Watch::Polled)
                .map(|spec| spec.id)
        };
        let all: Vec<Vec<TargetId>> = specs
            .iter()
            .map(|spec| effective_parents(&graph, &spec.key, &watched))
            .collect();
        for (spec, parents) in specs.iter_mut().zip(all) {
            spec.parents = parents;
        }
        let mut topology = Self::of_specs(specs, settings);
        topology.windows = settings
            .maintenance
            .iter()
            .map(|window| topology.covering(window, &inventory, &settings.area_kinds, day))
            .collect();
        topology.inventory = inventory;
        Ok(topology)
    }

    /// A topology of these targets, without maintenance windows and inventory.
    /// Parents that are not among them are left out; so is a second target of the same id.
    pub fn of_specs(mut specs: Vec<TargetSpec>, settings: &Settings) -> Self {
        specs.sort_by_key(|spec| spec.id);
        specs.dedup_by_key(|spec| spec.id);
        let slots: HashMap<TargetId, Slot> = (0..).zip(&specs).map(|(slot, spec)| (spec.id, slot)).collect();
        let parents: Vec<Box<[Slot]>> = specs
            .iter()
            .map(|spec| {
                spec.parents
                    .iter()
                    .filter_map(|id| slots.get(id).copied())
                    .collect()
            })
            .collect();
        let mut children = vec![Vec::new(); specs.len()];
        for (child, parents) in (0..).zip(&parents) {
            for parent in parents {
                if let Some(list) = children.get_mut(*parent as usize) {
                    list.push(child);
                }
            }
        }
        Self {
            specs,
            slots,
            parents,
            children,
            windows: Vec::new(),
            self_check: settings.self_check,
            over: settings.degraded_over,
            passive_after: settings.passive_after,
            inventory: Arc::default(),
        }
    }

    fn covering(&self, window: &Window, inventory: &Inventory, kinds: &[UnitKind], day: Date) -> Covering {
        let fits = |spec: &TargetSpec| {
            Described::target(inventory, &spec.key, kinds, day)
                .is_some_and(|described| window.selector.matches(&described.subject()))
        };
        Covering {
            window: window.clone(),
            targets: (0..)
                .zip(&self.specs)
                .filter(|(_, spec)| fits(spec))
                .map(|(slot, _)| slot)
                .collect(),
        }
    }

    /// All targets, in the order of their ids.
    pub fn specs(&self) -> &[TargetSpec] {
        &self.specs
    }

    /// One target by its row number.
    pub fn get(&self, id: TargetId) -> Option<&TargetSpec> {
        self.specs.get(self.slot(id)? as usize)
    }

    /// The place of a target.
    pub fn slot(&self, id: TargetId) -> Option<Slot> {
        self.slots.get(&id).copied()
    }

    /// The target at a place.
    pub fn spec(&self, slot: Slot) -> Option<&TargetSpec> {
        self.specs.get(slot as usize)
    }

    /// The alternative parents of the target at a place.
    pub fn parents(&self, slot: Slot) -> &[Slot] {
        self.parents.get(slot as usize).map_or(&[], |list| list)
    }

    /// The targets of which the target at a place is a parent.
    pub fn children(&self, slot: Slot) -> &[Slot] {
        self.children.get(slot as usize).map_or(&[], |list| list)
    }

    /// The maintenance windows with what they cover.
    pub fn windows(&self) -> &[Covering] {
        &self.windows
    }

    /// Whether the daemon watches its own uplink.
    pub fn has_self_check(&self) -> bool {
        self.self_check
    }

    /// Over how long quantities are averaged before a threshold is asked.
    pub fn degraded_over(&self) -> Span {
        self.over
    }

    /// Without evidence for so long, a passive device is unknown.
    pub fn passive_after(&self) -> Span {
        self.passive_after
    }

    /// The inventory that it was built from.
    pub fn inventory(&self) -> &Arc<Inventory> {
        &self.inventory
    }

    /// Says where a target lies, once its name has been resolved.
    pub fn set_reach(&mut self, id: TargetId, reach: Reach) {
        if let Some(spec) = self.slots.get(&id).and_then(|s| self.specs.get_mut(*s as usize)) {
            spec.reach = reach;
        }
    }

    /// Adds a maintenance window over what its selector fits on `day`; gives how many that are.
    pub fn cover(&mut self, window: &Window, kinds: &[UnitKind], day: Date) -> usize {
        let covering = self.covering(window, &self.inventory, kinds, day);
        let count = covering.targets.len();
        self.windows.push(covering);
        count
    }

    /// Takes the maintenance window at a place of [`Topology::windows`] away.
    pub fn remove_window(&mut self, place: usize) {
        if place < self.windows.len() {
            self.windows.remove(place);
        }
    }

    /// Adds maintenance windows with the targets that they cover, by hand.
    pub fn add_window(&mut self, window: Window, targets: &[TargetId]) {
        let mut targets: Vec<Slot> = targets.iter().filter_map(|id| self.slot(*id)).collect();
        targets.sort_unstable();
        targets.dedup();
        self.windows.push(Covering { window, targets });
    }
}

#[cfg(test)]
pub(crate) mod tests;
