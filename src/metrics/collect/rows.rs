//! What all families share: who is exposed, in which area, under which labels.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::{Extra, Selection};
use crate::inventory::{Device, Inventory, Link, Service, Site};
use crate::metrics::catalog::Metric;
use crate::metrics::expose::Labels;
use crate::model::{SiteId, State, TargetKey, TargetKind};
use crate::monitor::Snapshot;
use crate::monitor::fleet;
use crate::monitor::fleet::Standing;
use crate::monitor::snapshot::SnmpView;
use crate::monitor::snapshot::TargetView;

/// A family with one value for each `T`.
pub(super) type Column<T, V> = (&'static Metric, fn(&T) -> V);

/// The area of what lies in none.
pub(super) const NO_AREA: &str = "none";

/// Everything that is asked for, with its labels.
pub(super) struct Rows<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) selection: &'a Selection,
    /// Area by site.
    pub(super) areas: BTreeMap<&'a SiteId, &'a str>,
    /// Members, hidden ones too; by area, not by share (the ratios need them all).
    pub(super) devices: Vec<DeviceRow<'a>>,
    pub(super) links: Vec<LinkRow<'a>>,
    pub(super) services: Vec<ServiceRow<'a>>,
    pub(super) sites: Vec<SiteRow<'a>>,
}

pub(super) struct DeviceRow<'a> {
    pub(super) device: &'a Device,
    pub(super) view: Option<&'a TargetView>,
    pub(super) area: &'a str,
    pub(super) standing: Standing,
    /// Has series of its own in this exposition.
    pub(super) shown: bool,
    /// `device`, `site`, `area`, `class`.
    labels: Vec<u8>,
    /// How much of it is `device` alone.
    id_len: usize,
}

impl DeviceRow<'_> {
    /// The labels `device`, `site`, `area`, `class`.
    pub(super) fn full(&self) -> &[u8] {
        &self.labels
    }

    /// The label `device`.
    pub(super) fn id(&self) -> &[u8] {
        self.labels.get(..self.id_len).unwrap_or_default()
    }
}

pub(super) struct LinkRow<'a> {
    pub(super) link: &'a Link,
    pub(super) view: Option<&'a TargetView>,
    pub(super) area: &'a str,
    pub(super) standing: Standing,
    /// `link`.
    pub(super) id: Labels,
    /// `link`, `area`, `role`.
    pub(super) full: Labels,
}

pub(super) struct ServiceRow<'a> {
    pub(super) service: &'a Service,
    pub(super) view: Option<&'a TargetView>,
    pub(super) area: &'a str,
    pub(super) standing: Standing,
    /// `service`, `site`, `area`.
    pub(super) place: Labels,
    /// `service`, `site`, `area`, `kind`.
    pub(super) full: Labels,
}

pub(super) struct SiteRow<'a> {
    pub(super) site: &'a Site,
    pub(super) area: &'a str,
    pub(super) standing: Standing,
    /// `None`: nothing stands for it (a room), and it is in no ratio.
    pub(super) state: Option<State>,
    /// `site`, `area`.
    pub(super) labels: Labels,
}

impl<'a> Rows<'a> {
    pub(super) fn of(snapshot: &'a Snapshot, extra: &Extra, selection: &'a Selection) -> Self {
        let inventory: &'a Inventory = &snapshot.inventory;
        let areas = inventory
            .sites
            .keys()
            .map(|site| {
                let area = inventory.area_of(site, &extra.area_kinds, extra.today);
                (site, area.map_or(NO_AREA, |unit| unit.as_str()))
            })
            .collect();
        let mut rows = Self {
            snapshot,
            selection,
            areas,
            devices: Vec::new(),
            links: Vec::new(),
            services: Vec::new(),
            sites: Vec::new(),
        };
        rows.devices = rows.devices_of(inventory, extra);
        rows.links = rows.links_of(inventory, extra);
        rows.services = rows.services_of(inventory, extra);
        rows.sites = rows.sites_of(inventory, extra);
        rows
    }

    pub(super) fn area(&self, site: Option<&SiteId>) -> &'a str {
        site.and_then(|s| self.areas.get(s)).copied().unwrap_or(NO_AREA)
    }

    /// The devices that have series of their own.
    pub(super) fn shown(&self) -> impl Iterator<Item = &DeviceRow<'a>> {
        self.devices.iter().filter(|row| row.shown)
    }

    fn devices_of(&self, inventory: &'a Inventory, extra: &Extra) -> Vec<DeviceRow<'a>> {
        // Both maps are in the order of the ids: one walk over both beats 100,000 look-ups.
        let mut index = self
            .snapshot
            .index
            .iter()
            .filter(|(key, _)| key.kind == TargetKind::Device)
            .peekable();
        let mut rows = Vec::with_capacity(inventory.devices.len());
        for device in inventory.devices.values() {
            while index.next_if(|(key, _)| key.slug < device.id.0).is_some() {}
            let view = index
                .next_if(|(key, _)| key.slug == device.id.0)
                .and_then(|(_, id)| self.snapshot.target(*id));
            let standing = fleet::device_standing(inventory, device, extra.today).now(maintained(view));
            let area = self.area(device.site.as_ref());
            if !standing.is_member() || !self.selection.has_area(area) {
                continue;
            }
            let id = device.id.as_str();
            let mut labels = Labels::new(&[("device", id)]);
            let id_len = labels.as_ref().len();
            labels.push("site", device.site.as_ref().map_or("", SiteId::as_str));
            labels.push("area", area);
            labels.push("class", device.class.as_str());
            rows.push(DeviceRow {
                device,
                view,
                area,
                standing,
                shown: !device.is_hidden() && self.selection.has_device(id),
                labels: labels.as_ref().to_vec(),
                id_len,
            });
        }
        rows
    }

    fn links_of(&self, inventory: &'a Inventory, extra: &Extra) -> Vec<LinkRow<'a>> {
        let row = |link: &'a Link| {
            let view = self.snapshot.by_key(&TargetKey::from(link.id.clone()));
            let area = self.area(Some(&link.site));
            let id = Labels::new(&[("link", link.id.as_str())]);
            let full = id.with("area", area).with("role", &link.role);
            LinkRow {
                link,
                view,
                area,
                standing: fleet::link_standing(inventory, link, extra.today).now(maintained(view)),
                id,
                full,
            }
        };
        let rows = inventory.links.values().map(row);
        rows.filter(|r| r.standing.is_member() && self.selection.has_area(r.area))
            .collect()
    }

    fn services_of(&self, inventory: &'a Inventory, extra: &Extra) -> Vec<ServiceRow<'a>> {
        let row = |service: &'a Service| {
            let view = self.snapshot.by_key(&TargetKey::from(service.id.clone()));
            let area = self.area(service.site.as_ref());
            let place = Labels::new(&[
                ("service", service.id.as_str()),
                ("site", service.site.as_ref().map_or("", SiteId::as_str)),
                ("area", area),
            ]);
            let full = place.with("kind", &service.check.kind);
            ServiceRow {
                service,
                view,
                area,
                standing: fleet::service_standing(service, extra.today).now(maintained(view)),
                place,
                full,
            }
        };
        let rows = inventory.services.values().map(row);
        rows.filter(|r| r.standing.is_member() && self.selection.has_area(r.area))
            .collect()
    }

    /// Sites of which everything that is watched is under maintenance.
    fn maintained_sites(&self, inventory: &'a Inventory) -> BTreeSet<&'a SiteId> {
        let devices = (self.devices.iter())
            .filter(|r| !r.device.is_hidden())
            .filter_map(|r| Some((r.device.site.as_ref()?, r.view?)));
        let links = (self.links.iter()).filter_map(|r| Some((&r.link.site, r.view?)));
        let (mut some, mut not) = (BTreeSet::new(), BTreeSet::new());
        for (site, view) in devices.chain(links) {
            if view.maintenance { &mut some } else { &mut not }.insert(site);
        }
        (inventory.sites.keys())
            .filter(|s| some.contains(s) && !not.contains(s))
            .collect()
    }

    fn sites_of(&self, inventory: &'a Inventory, extra: &Extra) -> Vec<SiteRow<'a>> {
        let states = fleet::site_states(self.snapshot);
        let maintained = self.maintained_sites(inventory);
        let row = |site: &'a Site| {
            let area = self.area(Some(&site.id));
            let state = states.get(&site.id).copied();
            let standing = if state.is_none() {
                Standing::NoMember
            } else if fleet::site_is_exempt(inventory, &site.id, extra.today) {
                Standing::Exempt
            } else {
                Standing::Counted
            };
            SiteRow {
                site,
                area,
                standing: standing.now(maintained.contains(&site.id)),
                state,
                labels: Labels::new(&[("site", site.id.as_str()), ("area", area)]),
            }
        };
        let rows = inventory.sites.values().map(row);
        rows.filter(|r| self.selection.has_area(r.area)).collect()
    }
}

fn maintained(view: Option<&TargetView>) -> bool {
    view.is_some_and(|v| v.maintenance)
}

/// What a device's last poll told. `None` unless that poll was answered, and while the device is out: an old
/// reading is no reading.
pub(super) fn answered(view: Option<&TargetView>) -> Option<&SnmpView> {
    view.filter(|v| !v.state.is_out())?
        .snmp
        .as_deref()
        .filter(|s| s.up)
}

/// 1 online, 0 out, absent while unknown.
pub(super) fn up(state: State) -> Option<bool> {
    match state {
        State::Up | State::Degraded => Some(true),
        State::Down | State::Unreachable => Some(false),
        State::Unknown => None,
    }
}
