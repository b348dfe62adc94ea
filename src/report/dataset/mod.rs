//! What can be reported: pure functions from a [`Source`] to a table.

pub mod availability;
pub mod changes;
pub mod equipment;
pub mod indicators;
pub mod outages;
mod subject;

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::i18n::Lang;
use crate::i18n::Locale;
use crate::i18n::Text;
use crate::inventory::AreaKinds;
use crate::inventory::Inventory;
use crate::model::DeviceId;
use crate::model::Event;
use crate::model::SiteId;
use crate::model::TargetId;
use crate::model::TargetKey;
use crate::model::Timestamp;
use crate::model::UnitId;
use crate::monitor::calendar::Calendar;
use crate::monitor::snapshot::BlindSpan;
use crate::store::IncidentRow;

/// What datasets are made from.
#[derive(Debug, Clone)]
pub struct Source {
    /// The inventory.
    pub inventory: Inventory,
    /// The kinds of unit that make an area.
    pub area_kind: AreaKinds,
    /// What devices said of themselves, by key; fills what the inventory leaves open.
    pub facts: BTreeMap<DeviceId, BTreeMap<String, String>>,
    /// Row numbers of targets.
    pub index: BTreeMap<TargetKey, TargetId>,
    /// Outages of the time asked for, oldest first.
    pub incidents: Vec<IncidentRow>,
    /// When the monitor itself was cut off in that time, newest first.
    pub blind: Vec<BlindSpan>,
    /// Transitions and maintenance of all targets, starts and stops of the
    /// daemon, from the first up to the end of the period, in the order of the record.
    pub events: Vec<Event>,
    /// Changes of the equipment in the time asked for ([`changes::KINDS`]), in
    /// the order of the record.
    pub changes: Vec<Event>,
    /// What indicators are worked out from; `None`: there is no record yet.
    pub standing: Option<indicators::Standing>,
    /// When people work.
    pub office_hours: Calendar,
    /// The language and the time zone.
    pub locale: Locale,
    /// As of which day.
    pub day: Date,
    /// The time asked for: from, until (exclusive).
    pub period: (Timestamp, Timestamp),
    /// Only this site and what lies in it.
    pub site: Option<SiteId>,
    /// Machines under secrecy rules are listed too, not only counted.
    pub include_hidden: bool,
}

impl Source {
    pub(crate) fn lang(&self) -> Lang {
        self.locale.lang
    }

    /// Whether a place is asked for.
    pub(crate) fn wants(&self, site: Option<&SiteId>) -> bool {
        let Some(asked) = &self.site else { return true };
        let mut here = site;
        // Bounded, since old data may hold a cycle.
        for _ in 0..64 {
            match here {
                Some(id) if id == asked => return true,
                Some(id) => here = self.inventory.sites.get(id).and_then(|s| s.within.as_ref()),
                None => return false,
            }
        }
        false
    }

    /// The name of a site.
    pub(crate) fn site_name(&self, site: Option<&SiteId>) -> String {
        site.map_or_else(String::new, |id| {
            self.inventory
                .sites
                .get(id)
                .map_or_else(|| id.to_string(), |s| s.name.clone())
        })
    }

    /// The name of the area of a site on the day of the report.
    pub(crate) fn area_name(&self, site: Option<&SiteId>) -> String {
        let none = || Text::PageNoArea.get(self.lang()).to_owned();
        let area: Option<&UnitId> = site.and_then(|s| self.inventory.area_of(s, &self.area_kind, self.day));
        area.map_or_else(none, |id| {
            self.inventory
                .units
                .get(id)
                .map_or_else(|| id.to_string(), |u| u.name.clone())
        })
    }

    /// Machines under secrecy rules at the places asked for.
    pub(crate) fn hidden(&self) -> BTreeSet<&DeviceId> {
        self.inventory
            .devices
            .values()
            .filter(|d| d.is_hidden() && d.is_member() && self.wants(d.site.as_ref()))
            .map(|d| &d.id)
            .collect()
    }
}
