//! What pages and the API show: the snapshot seen by a viewer, in a language,
//! at a moment. Plain values; no HTML.

mod entry;
mod outage;
mod overview;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;

pub(super) use entry::Entry;
pub(super) use entry::entries;
pub(super) use outage::Outage;
pub(super) use outage::outages;
pub(super) use overview::AreaRow;
pub(super) use overview::Overview;
pub(super) use overview::Severity;
pub(super) use overview::wifi_clients;

use super::state::Settings;
use crate::i18n;
use crate::i18n::Lang;
use crate::i18n::Locale;
use crate::i18n::Text;
use crate::inventory::Device;
use crate::inventory::Inventory;
use crate::inventory::Link;
use crate::inventory::Service;
use crate::model::Reason;
use crate::model::SiteId;
use crate::model::State;
use crate::model::TargetId;
use crate::model::TargetKey;
use crate::model::TargetKind;
use crate::model::Timestamp;
use crate::model::UnitId;
use crate::monitor::Snapshot;
use crate::monitor::fleet;
use crate::monitor::fleet::Standing;
use crate::monitor::snapshot::IncidentView;
use crate::monitor::snapshot::TargetView;

/// The id under which what lies in no area is shown.
pub(super) const NO_AREA: &str = "none";

/// A snapshot as one reader sees it.
pub(super) struct View {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) settings: Arc<Settings>,
    pub(super) locale: Locale,
    pub(super) now: Timestamp,
    pub(super) today: Date,
}

/// The inventory entry behind a target.
#[derive(Debug, Clone, Copy)]
pub(super) enum Item<'a> {
    Device(&'a Device),
    Link(&'a Link),
    Service(&'a Service),
}

impl<'a> Item<'a> {
    pub(super) fn name(self) -> &'a str {
        match self {
            Self::Device(d) => &d.name,
            Self::Link(l) => &l.name,
            Self::Service(s) => &s.name,
        }
    }

    pub(super) fn site(self) -> Option<&'a SiteId> {
        match self {
            Self::Device(d) => d.site.as_ref(),
            Self::Link(l) => Some(&l.site),
            Self::Service(s) => s.site.as_ref(),
        }
    }

    /// Kind and id.
    pub(super) fn key(self) -> TargetKey {
        match self {
            Self::Device(d) => d.id.clone().into(),
            Self::Link(l) => l.id.clone().into(),
            Self::Service(s) => s.id.clone().into(),
        }
    }

    /// Whether silence is an outage.
    pub(super) fn is_always_on(self) -> bool {
        match self {
            Self::Device(d) => fleet::is_always_on(d),
            Self::Link(_) | Self::Service(_) => true,
        }
    }

    /// Whether viewers must not see it.
    pub(super) fn is_hidden(self) -> bool {
        match self {
            Self::Device(d) => d.is_hidden(),
            Self::Link(_) | Self::Service(_) => false,
        }
    }
}

impl View {
    pub(super) fn new(snapshot: Arc<Snapshot>, settings: Arc<Settings>, lang: Lang, now: Timestamp) -> Self {
        let locale = Locale::new(lang, settings.timezone.clone());
        let today = locale.day(now);
        Self {
            snapshot,
            settings,
            locale,
            now,
            today,
        }
    }

    pub(super) fn lang(&self) -> Lang {
        self.locale.lang
    }

    pub(super) fn inventory(&self) -> &Inventory {
        &self.snapshot.inventory
    }

    /// The entry of a target, unless it is gone or hidden.
    pub(super) fn item(&self, key: &TargetKey) -> Option<Item<'_>> {
        item(self.inventory(), key).filter(|item| !item.is_hidden())
    }

    /// The display name of a target, else its key.
    pub(super) fn name(&self, key: &TargetKey) -> String {
        self.item(key)
            .map_or_else(|| key.to_string(), |item| item.name().to_owned())
    }

    /// The key of a root, unless it is gone or hidden.
    pub(super) fn root_key(&self, root: Option<TargetId>) -> Option<String> {
        let key = &self.snapshot.target(root?)?.key;
        self.item(key).map(|_| key.to_string())
    }

    /// Every target that viewers may see, with its entry, in the order of the ids.
    pub(super) fn targets(&self) -> impl Iterator<Item = (&TargetView, Item<'_>)> {
        self.snapshot
            .targets()
            .filter_map(|t| Some((t, self.item(&t.key)?)))
    }

    /// What is known of a device under that key of a fact: what people wrote down wins over what it says of itself.
    pub(super) fn known<'a>(
        &'a self,
        device: &Device,
        declared: Option<&'a String>,
        key: &str,
    ) -> Option<&'a str> {
        let told = || {
            let target = self.snapshot.by_key(&TargetKey::from(device.id.clone()))?;
            let facts = &target.snmp.as_ref()?.facts;
            facts.iter().find(|f| f.key == key).map(|f| &f.value)
        };
        declared.or_else(told).map(String::as_str)
    }

    /// How a target counts today.
    pub(super) fn standing(&self, item: Item<'_>) -> Standing {
        match item {
            Item::Device(d) => fleet::device_standing(self.inventory(), d, self.today),
            Item::Link(l) => fleet::link_standing(self.inventory(), l, self.today),
            Item::Service(s) => fleet::service_standing(s, self.today),
        }
    }

    /// The area of a site today; [`NO_AREA`] where it has none.
    pub(super) fn area_of(&self, site: &SiteId) -> &str {
        self.inventory()
            .area_of(site, &self.settings.area_kind, self.today)
            .map_or(NO_AREA, UnitId::as_str)
    }

    /// The areas of all sites.
    pub(super) fn areas(&self) -> BTreeMap<&SiteId, &str> {
        self.inventory()
            .sites
            .keys()
            .map(|id| (id, self.area_of(id)))
            .collect()
    }

    pub(super) fn area_name(&self, area: &str) -> String {
        if area == NO_AREA {
            return Text::PageNoArea.get(self.lang()).to_owned();
        }
        area.parse()
            .ok()
            .and_then(|id: UnitId| self.inventory().units.get(&id))
            .map_or_else(|| area.to_owned(), |unit| unit.name.clone())
    }

    pub(super) fn site_name(&self, site: &SiteId) -> String {
        self.inventory()
            .sites
            .get(site)
            .map_or_else(|| site.to_string(), |s| s.name.clone())
    }

    /// Why, for people.
    pub(super) fn reason(&self, reason: &Reason) -> String {
        i18n::reason(reason, self.lang(), |text| {
            let key = text.split_once('/').and_then(|(kind, slug)| {
                Some(TargetKey {
                    kind: TargetKind::ALL.into_iter().find(|k| k.as_str() == kind)?,
                    slug: slug.parse().ok()?,
                })
            });
            key.map_or_else(|| text.to_owned(), |key| self.name(&key))
        })
    }

    /// What answers otherwise but can't be read over SNMP, and why: a finding, not an outage. Computers and the like
    /// are left out: they need no agent.
    pub(super) fn unread(&self) -> impl Iterator<Item = (&TargetView, Item<'_>, Option<&Reason>)> {
        self.targets().filter_map(|(target, item)| {
            let snmp = target.snmp.as_deref().filter(|snmp| !snmp.up)?;
            (target.state.is_online() && item.is_always_on()).then_some((target, item, snmp.reason.as_ref()))
        })
    }

    /// The word for a target's state; one that was never looked at has no data yet.
    pub(super) fn state_word(&self, target: &TargetView, item: Item<'_>) -> &'static str {
        let text = if target.state == State::Unknown && target.last_look_at.is_none() {
            Text::StatePending
        } else {
            i18n::state(target.state, target.key.kind, item.is_always_on())
        };
        text.get(self.lang())
    }

    /// Incidents that viewers may see, newest first.
    pub(super) fn incidents(&self) -> impl Iterator<Item = (&IncidentView, &TargetView, Item<'_>)> {
        self.snapshot.incidents.iter().filter_map(|incident| {
            let target = self.snapshot.target(incident.target)?;
            Some((incident, target, self.item(&target.key)?))
        })
    }

    /// How many machines under secrecy rules are in use.
    pub(super) fn hidden(&self) -> usize {
        self.inventory()
            .devices
            .values()
            .filter(|d| d.is_hidden() && d.is_member())
            .count()
    }

    /// Whether the snapshot is older than it should be.
    pub(super) fn is_stale(&self) -> bool {
        self.now.since(self.snapshot.at) > self.settings.stale_after
    }
}

/// The entry of a target, hidden or not.
pub(super) fn item<'a>(inventory: &'a Inventory, key: &TargetKey) -> Option<Item<'a>> {
    // The maps are keyed by newtypes over the same slug.
    match key.kind {
        TargetKind::Device => inventory
            .devices
            .get(&crate::model::DeviceId(key.slug.clone()))
            .map(Item::Device),
        TargetKind::Link => inventory
            .links
            .get(&crate::model::LinkId(key.slug.clone()))
            .map(Item::Link),
        TargetKind::Service => inventory
            .services
            .get(&crate::model::ServiceId(key.slug.clone()))
            .map(Item::Service),
    }
}
