//! An entry of the inventory as a selector sees it.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::inventory::Inventory;
use crate::inventory::Site;
use crate::inventory::UnitKind;
use crate::model::DeviceId;
use crate::model::LinkId;
use crate::model::ServiceId;
use crate::model::SiteId;
use crate::model::TargetKey;
use crate::model::TargetKind;
use crate::model::selector::Subject;

/// What a selector looks at, with the list of sites that [`Subject`] borrows.
#[derive(Debug, Clone)]
pub struct Described<'a> {
    kind: &'static str,
    id: &'a str,
    class: &'a str,
    sites: Vec<&'a str>,
    site_kind: &'a str,
    area: &'a str,
    labels: &'a BTreeMap<String, String>,
}

/// The area of what lies in none.
pub const NO_AREA: &str = "none";

/// Sites may lie in one another so deep; beyond it we take it for a circle.
const MAX_DEPTH: usize = 64;

impl<'a> Described<'a> {
    /// A device, link or service on `day`; `None` if the inventory has no such entry.
    pub fn target(inventory: &'a Inventory, key: &TargetKey, kinds: &[UnitKind], day: Date) -> Option<Self> {
        let slug = key.slug.clone();
        let (id, class, site, labels) = match key.kind {
            TargetKind::Device => {
                let device = inventory.devices.get(&DeviceId(slug))?;
                (
                    device.id.as_str(),
                    device.class.as_str(),
                    device.site.as_ref(),
                    &device.labels,
                )
            }
            TargetKind::Link => {
                let link = inventory.links.get(&LinkId(slug))?;
                (link.id.as_str(), "", Some(&link.site), &link.labels)
            }
            TargetKind::Service => {
                let service = inventory.services.get(&ServiceId(slug))?;
                (
                    service.id.as_str(),
                    service.check.kind.as_str(),
                    service.site.as_ref(),
                    &service.labels,
                )
            }
        };
        Some(Self::new(key.kind.as_str(), id, class, labels).at(inventory, site, kinds, day))
    }

    /// A site on `day`; `None` if the inventory has no such site. Its class is its kind.
    pub fn site(inventory: &'a Inventory, id: &SiteId, kinds: &[UnitKind], day: Date) -> Option<Self> {
        let site = inventory.sites.get(id)?;
        Some(
            Self::new("site", site.id.as_str(), site.kind.as_str(), &site.labels).at(
                inventory,
                Some(&site.id),
                kinds,
                day,
            ),
        )
    }

    fn new(kind: &'static str, id: &'a str, class: &'a str, labels: &'a BTreeMap<String, String>) -> Self {
        Self {
            kind,
            id,
            class,
            sites: Vec::new(),
            site_kind: "",
            area: NO_AREA,
            labels,
        }
    }

    fn at(mut self, inventory: &'a Inventory, site: Option<&SiteId>, kinds: &[UnitKind], day: Date) -> Self {
        let chain = sites_around(inventory, site);
        self.site_kind = chain.first().map_or("", |site| site.kind.as_str());
        self.sites = chain.iter().map(|site| site.id.as_str()).collect();
        if let Some(area) = site.and_then(|site| inventory.area_of(site, kinds, day)) {
            self.area = area.as_str();
        }
        self
    }

    /// For [`crate::model::Selector::matches`].
    pub fn subject(&self) -> Subject<'_> {
        Subject {
            kind: self.kind,
            id: self.id,
            class: self.class,
            sites: &self.sites,
            site_kind: self.site_kind,
            area: self.area,
            labels: self.labels,
        }
    }

    /// The area, [`NO_AREA`] where it lies in none.
    pub fn area(&self) -> &'a str {
        self.area
    }

    /// Class of a device, kind of a service, kind of a site; empty for a link.
    pub fn class(&self) -> &'a str {
        self.class
    }

    /// The site where it stands; `None` where that is not known.
    pub fn nearest_site(&self) -> Option<&'a str> {
        self.sites.first().copied()
    }

    /// The value of a label.
    pub fn label(&self, key: &str) -> Option<&'a str> {
        self.labels.get(key).map(String::as_str)
    }
}

/// A site and the sites that it lies in, nearest first.
pub fn sites_around<'a>(inventory: &'a Inventory, site: Option<&SiteId>) -> Vec<&'a Site> {
    let mut chain: Vec<&Site> = Vec::new();
    let mut next = site.and_then(|id| inventory.sites.get(id));
    while let Some(site) = next.filter(|_| chain.len() < MAX_DEPTH) {
        chain.push(site);
        next = site.within.as_ref().and_then(|id| inventory.sites.get(id));
    }
    chain
}
