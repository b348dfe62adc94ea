//! What counts in a ratio of the moment, and whether a site is up: the rules
//! that pages, metrics and reports share.
//!
//! Members are in use; of them the exempt are left out; of the rest *online*
//! are up or degraded, *expected* are online, down or unreachable; the state
//! of the others is *unknown*, or nobody watches them.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::Snapshot;
use crate::inventory::Device;
use crate::inventory::Inventory;
use crate::inventory::Link;
use crate::inventory::MonitorMode;
use crate::inventory::Service;
use crate::inventory::Site;
use crate::inventory::SitePolicy;
use crate::model::DeviceId;
use crate::model::Ratio;
use crate::model::SiteId;
use crate::model::State;
use crate::model::TargetKey;

/// How a thing counts in ratios on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// Not in use, or not yet in service: it counts nowhere.
    NoMember,
    /// A member that is left out of ratios.
    Exempt,
    /// A member that nobody looks at by itself (`passive`, `manual`).
    NotWatched,
    /// A member whose state counts.
    Counted,
}

impl Standing {
    /// How it counts at this moment: what is under maintenance is left out.
    #[must_use]
    pub fn now(self, maintenance: bool) -> Self {
        if maintenance && self.is_counted() {
            Self::Exempt
        } else {
            self
        }
    }

    /// Whether it is a member of the fleet.
    pub fn is_member(self) -> bool {
        self != Self::NoMember
    }

    /// Whether it counts in ratios once its state is known.
    pub fn is_counted(self) -> bool {
        matches!(self, Self::Counted | Self::NotWatched)
    }
}

/// How a device counts on `day`. A machine under secrecy rules (`never`) is
/// exempt; so is what stands at a site that is.
pub fn device_standing(inventory: &Inventory, device: &Device, day: Date) -> Standing {
    if !device.is_member() || device.in_service_from.is_some_and(|d| d > day) {
        return Standing::NoMember;
    }
    let exempt = |e: &crate::inventory::Exemption| e.holds_on(day);
    match device.mode {
        MonitorMode::Never => Standing::Exempt,
        _ if device.exemption.as_ref().is_some_and(exempt)
            || device
                .site
                .as_ref()
                .is_some_and(|s| site_is_exempt(inventory, s, day)) =>
        {
            Standing::Exempt
        }
        MonitorMode::Polled => Standing::Counted,
        MonitorMode::Passive | MonitorMode::Manual => Standing::NotWatched,
    }
}

/// How a link counts on `day`.
pub fn link_standing(inventory: &Inventory, link: &Link, day: Date) -> Standing {
    if link.in_service_from.is_some_and(|d| d > day) {
        Standing::NoMember
    } else if link.exemption.as_ref().is_some_and(|e| e.holds_on(day))
        || site_is_exempt(inventory, &link.site, day)
    {
        Standing::Exempt
    } else {
        Standing::Counted
    }
}

/// How a service counts on `day`.
pub fn service_standing(service: &Service, day: Date) -> Standing {
    if service.in_service_from.is_some_and(|d| d > day) {
        Standing::NoMember
    } else if service.exemption.as_ref().is_some_and(|e| e.holds_on(day)) {
        Standing::Exempt
    } else {
        Standing::Counted
    }
}

/// Whether a site, or one that it lies in, is left out of ratios on `day`.
pub fn site_is_exempt(inventory: &Inventory, site: &SiteId, day: Date) -> bool {
    let mut here = Some(site);
    // Bounded, since old data may hold a cycle.
    for _ in 0..64 {
        let Some(site) = here.and_then(|id| inventory.sites.get(id)) else {
            return false;
        };
        if site.exemption.as_ref().is_some_and(|e| e.holds_on(day)) {
            return true;
        }
        here = site.within.as_ref();
    }
    false
}

/// Whether silence of this device is an outage: its own setting, else its class's.
pub fn is_always_on(device: &Device) -> bool {
    device
        .probing
        .always_on
        .unwrap_or(device.class.defaults().always_on)
}

/// A sum over members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// In use.
    pub members: u64,
    /// Of the members: left out.
    pub exempt: u64,
    /// Of the members: nobody looks.
    pub not_watched: u64,
    /// Of the members: the state is not known.
    pub unknown: u64,
    /// Up or degraded.
    pub online: u64,
    /// Online, down or unreachable.
    pub expected: u64,
}

impl Tally {
    /// Counts one in. `state` is `None` for what the monitor has no view of.
    pub fn add(&mut self, standing: Standing, state: Option<State>) {
        if standing == Standing::NoMember {
            return;
        }
        self.members += 1;
        match (standing, state) {
            (Standing::Exempt, _) => self.exempt += 1,
            (Standing::NotWatched, _) => self.not_watched += 1,
            (_, Some(State::Up | State::Degraded)) => {
                self.online += 1;
                self.expected += 1;
            }
            (_, Some(State::Down | State::Unreachable)) => self.expected += 1,
            (_, Some(State::Unknown) | None) => self.unknown += 1,
        }
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &Self) {
        self.members += other.members;
        self.exempt += other.exempt;
        self.not_watched += other.not_watched;
        self.unknown += other.unknown;
        self.online += other.online;
        self.expected += other.expected;
    }

    /// Online of expected; `None` for an empty group (trap 23).
    pub fn ratio(&self) -> Option<Ratio> {
        Ratio::of(self.online, self.expected)
    }

    /// How many are out.
    pub fn out(&self) -> u64 {
        self.expected.saturating_sub(self.online)
    }
}

/// The state of every site that one can be derived for (design: a site is no
/// target; its policy says what stands for it).
///
/// `gateway`: the site's gateway, else the routers of its links, else its
/// links; up while any of them is. `any`: any device or link of it. `quorum`:
/// more than half of its always-on devices. A site without any of these (a
/// room) is not in the result.
pub fn site_states(snapshot: &Snapshot) -> BTreeMap<SiteId, State> {
    let inventory = &snapshot.inventory;
    let mut links: BTreeMap<&SiteId, Vec<&Link>> = BTreeMap::new();
    for link in inventory.links.values() {
        links.entry(&link.site).or_default().push(link);
    }
    let mut devices: BTreeMap<&SiteId, Vec<&Device>> = BTreeMap::new();
    for device in inventory
        .devices
        .values()
        .filter(|d| !d.is_hidden() && d.is_member())
    {
        if let Some(site) = &device.site {
            devices.entry(site).or_default().push(device);
        }
    }
    inventory
        .sites
        .values()
        .filter_map(|site| {
            let links = links.get(&site.id).map_or(&[][..], Vec::as_slice);
            let devices = devices.get(&site.id).map_or(&[][..], Vec::as_slice);
            Some((site.id.clone(), site_state(snapshot, site, links, devices)?))
        })
        .collect()
}

fn site_state(snapshot: &Snapshot, site: &Site, links: &[&Link], devices: &[&Device]) -> Option<State> {
    let of_device = |id: &DeviceId| snapshot.by_key(&TargetKey::from(id.clone())).map(|t| t.state);
    let of_link = |link: &&Link| {
        snapshot
            .by_key(&TargetKey::from(link.id.clone()))
            .map(|t| t.state)
    };
    let gateways = || -> Vec<State> {
        if let Some(gateway) = &site.gateway {
            return of_device(gateway).into_iter().collect();
        }
        let routers: Vec<State> = links
            .iter()
            .filter_map(|l| l.router.as_ref())
            .filter_map(of_device)
            .collect();
        if routers.is_empty() {
            links.iter().filter_map(of_link).collect()
        } else {
            routers
        }
    };
    match site.policy {
        SitePolicy::Gateway => best(&gateways()),
        SitePolicy::Any => {
            let mut all: Vec<State> = devices.iter().filter_map(|d| of_device(&d.id)).collect();
            all.extend(links.iter().filter_map(of_link));
            best(&all)
        }
        SitePolicy::Quorum => {
            let all: Vec<State> = devices
                .iter()
                .filter(|d| is_always_on(d))
                .filter_map(|d| of_device(&d.id))
                .collect();
            let known = all.iter().filter(|s| **s != State::Unknown).count();
            let online = all.iter().filter(|s| s.is_online()).count();
            if all.is_empty() {
                None
            } else if known == 0 {
                Some(State::Unknown)
            } else if online * 2 > known {
                Some(State::Up)
            } else {
                Some(State::Down)
            }
        }
    }
}

/// Up while any is online; else unknown while any is, since that one may be
/// up; else down if any is, else unreachable. `None` for none at all.
fn best(states: &[State]) -> Option<State> {
    if states.is_empty() {
        None
    } else if states.iter().any(|s| s.is_online()) {
        Some(State::Up)
    } else if states.contains(&State::Unknown) {
        Some(State::Unknown)
    } else if states.contains(&State::Down) {
        Some(State::Down)
    } else {
        Some(State::Unreachable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // trap 23
    #[test]
    fn an_empty_group_has_no_ratio_and_the_exempt_are_in_none() {
        let mut tally = Tally::default();
        assert_eq!(tally.ratio(), None);
        tally.add(Standing::Exempt, Some(State::Down));
        tally.add(Standing::NotWatched, None);
        tally.add(Standing::NoMember, Some(State::Down));
        tally.add(Standing::Counted, Some(State::Unknown));
        assert_eq!(tally.ratio(), None);
        tally.add(Standing::Counted, Some(State::Degraded));
        tally.add(Standing::Counted, Some(State::Unreachable));
        assert_eq!(tally.ratio(), Ratio::of(1, 2));
        assert_eq!(tally.members, 5);
        assert_eq!(
            tally.exempt + tally.not_watched + tally.unknown + tally.expected,
            tally.members
        );
    }

    #[test]
    fn a_site_is_up_while_one_of_its_gateways_is() {
        assert_eq!(best(&[]), None);
        assert_eq!(best(&[State::Down, State::Degraded]), Some(State::Up));
        assert_eq!(best(&[State::Down, State::Unknown]), Some(State::Unknown));
        assert_eq!(best(&[State::Unreachable, State::Down]), Some(State::Down));
        assert_eq!(best(&[State::Unreachable]), Some(State::Unreachable));
    }
}
