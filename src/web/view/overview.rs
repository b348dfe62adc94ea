//! The sums of the first page: areas worst first, and how much of what is there.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::Item;
use super::NO_AREA;
use super::View;
use crate::i18n::collate;
use crate::inventory::Class;
use crate::model::SiteId;
use crate::model::State;
use crate::model::TargetKey;
use crate::monitor::fleet;
use crate::monitor::fleet::Standing;
use crate::monitor::fleet::Tally;
use crate::monitor::snapshot::TargetView;

/// The first page in numbers.
#[derive(Debug, Default)]
pub(in crate::web) struct Overview {
    /// Worst first.
    pub(in crate::web) areas: Vec<AreaRow>,
    pub(in crate::web) sites: Tally,
    pub(in crate::web) links: Tally,
    /// Devices that are always on.
    pub(in crate::web) equipment: Tally,
    pub(in crate::web) wifi: Tally,
    /// Associated with all Wi-Fi points that told; `None`: none did (trap 12).
    pub(in crate::web) wifi_clients: Option<f64>,
    pub(in crate::web) services: Tally,
    pub(in crate::web) computers: Computers,
    /// Devices left out of ratios, machines under secrecy rules among them.
    pub(in crate::web) exempt: u64,
}

/// Computers: they are switched off at will, so that being seen counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::web) struct Computers {
    /// In use, not exempt.
    pub(in crate::web) members: u64,
    /// Gave a sign of life within the time.
    pub(in crate::web) seen: u64,
    /// Answer now.
    pub(in crate::web) on: u64,
}

/// How bad an area is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(in crate::web) enum Severity {
    /// Nothing to see to.
    #[default]
    Fine,
    /// We can't tell everything.
    Unknown,
    /// A device is out, or something is degraded.
    Impaired,
    /// A link or a site is out.
    Cut,
}

/// One area.
#[derive(Debug, Default)]
pub(in crate::web) struct AreaRow {
    /// The unit's id, or [`NO_AREA`].
    pub(in crate::web) id: String,
    pub(in crate::web) name: String,
    pub(in crate::web) severity: Severity,
    /// Devices that are always on.
    pub(in crate::web) equipment: Tally,
    pub(in crate::web) computers: Computers,
    pub(in crate::web) links: Tally,
    pub(in crate::web) sites: Tally,
    pub(in crate::web) degraded: u64,
    pub(in crate::web) exempt: u64,
    /// Its sites, by name.
    pub(in crate::web) dots: Vec<SiteDot>,
}

/// One site of an area.
#[derive(Debug)]
pub(in crate::web) struct SiteDot {
    pub(in crate::web) name: String,
    pub(in crate::web) state: State,
    pub(in crate::web) exempt: bool,
}

impl AreaRow {
    /// Members whose state is not known.
    pub(in crate::web) fn unknown(&self) -> u64 {
        self.equipment.unknown + self.links.unknown + self.sites.unknown
    }
}

impl Computers {
    fn add(&mut self, seen: bool, state: Option<State>) {
        self.members += 1;
        self.seen += u64::from(seen);
        self.on += u64::from(state.is_some_and(State::is_online));
    }
}

impl Overview {
    /// Sums up everything once: O(entries).
    pub(in crate::web) fn of(view: &View) -> Self {
        let mut overview = Self::default();
        let areas = view.areas();
        let mut rows: BTreeMap<&str, AreaRow> = BTreeMap::new();
        let area_of = |site: Option<&SiteId>| site.and_then(|s| areas.get(s)).copied().unwrap_or(NO_AREA);
        for device in view.inventory().devices.values() {
            let row = rows.entry(area_of(device.site.as_ref())).or_default();
            overview.device(view, row, device);
        }
        for link in view.inventory().links.values() {
            let row = rows.entry(area_of(Some(&link.site))).or_default();
            let target = view.snapshot.by_key(&TargetKey::from(link.id.clone()));
            let standing = now(view.standing(Item::Link(link)), target);
            let state = target.map(|t| t.state);
            row.links.add(standing, state);
            overview.links.add(standing, state);
            if standing == Standing::Counted && state == Some(State::Degraded) {
                row.degraded += 1;
            }
        }
        for (id, state) in fleet::site_states(&view.snapshot) {
            let exempt = fleet::site_is_exempt(view.inventory(), &id, view.today);
            let standing = if exempt {
                Standing::Exempt
            } else {
                Standing::Counted
            };
            overview.sites.add(standing, Some(state));
            let row = rows.entry(area_of(Some(&id))).or_default();
            row.sites.add(standing, Some(state));
            row.dots.push(SiteDot {
                name: view.site_name(&id),
                state,
                exempt,
            });
        }
        for service in view.inventory().services.values() {
            let target = view.snapshot.by_key(&TargetKey::from(service.id.clone()));
            let standing = now(view.standing(Item::Service(service)), target);
            overview.services.add(standing, target.map(|t| t.state));
        }
        overview.areas = rows
            .into_iter()
            .map(|(id, mut row)| {
                row.id = id.to_owned();
                row.name = view.area_name(id);
                row.severity = severity(&row);
                row.dots.sort_by_cached_key(|d| collate::sort_key(&d.name));
                row
            })
            .collect();
        overview.areas.sort_by_cached_key(|row| {
            (
                Reverse(row.severity),
                Reverse(row.sites.out()),
                Reverse(row.links.out()),
                Reverse(row.equipment.out()),
                Reverse(row.unknown()),
                row.id == NO_AREA,
                collate::sort_key(&row.name),
            )
        });
        overview
    }

    fn device(&mut self, view: &View, row: &mut AreaRow, device: &crate::inventory::Device) {
        let standing = view.standing(Item::Device(device));
        if standing == Standing::Exempt {
            row.exempt += 1;
            self.exempt += 1;
        }
        if device.is_hidden() {
            return;
        }
        let target = view.snapshot.by_key(&TargetKey::from(device.id.clone()));
        let state = target.map(|t| t.state);
        let standing = now(standing, target);
        if fleet::is_always_on(device) {
            row.equipment.add(standing, state);
            self.equipment.add(standing, state);
            if standing == Standing::Counted && state == Some(State::Degraded) {
                row.degraded += 1;
            }
        } else if device.class == Class::Computer
            && matches!(standing, Standing::Counted | Standing::NotWatched)
        {
            let seen = target
                .and_then(|t| t.evidence.values().copied().max().max(t.last_reply_at))
                .is_some_and(|at| view.now.since(at) <= view.settings.seen_within);
            row.computers.add(seen, state);
            self.computers.add(seen, state);
        }
        if device.class == Class::WifiAp {
            self.wifi.add(standing, state);
            if let Some(clients) = target.and_then(wifi_clients) {
                *self.wifi_clients.get_or_insert(0.0) += clients;
            }
        }
    }
}

/// What is under maintenance is left out at this moment.
fn now(standing: Standing, target: Option<&TargetView>) -> Standing {
    standing.now(target.is_some_and(|t| t.maintenance))
}

/// Associated with a Wi-Fi point, over all of its radios; `None` where it does not tell, or can't any more.
pub(in crate::web) fn wifi_clients(target: &TargetView) -> Option<f64> {
    if !target.state.is_online() {
        return None;
    }
    let snmp = target.snmp.as_ref().filter(|s| s.up)?;
    let mut sum = None;
    for reading in snmp.readings.iter().filter(|r| r.kind == "wifi_clients") {
        if let Ok(value) = reading.value {
            *sum.get_or_insert(0.0) += value;
        }
    }
    sum
}

fn severity(row: &AreaRow) -> Severity {
    if row.sites.out() > 0 || row.links.out() > 0 {
        Severity::Cut
    } else if row.equipment.out() > 0 || row.degraded > 0 {
        Severity::Impaired
    } else if row.unknown() > 0 {
        Severity::Unknown
    } else {
        Severity::Fine
    }
}
