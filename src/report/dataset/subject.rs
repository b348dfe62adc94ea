//! What an outage or a line of availability is about: an entry that viewers may
//! see and that is always on. Computers that are switched off are no subject.

use jiff::civil::Date;

use super::Source;
use crate::i18n::Lang;
use crate::i18n::Text;
use crate::inventory::Exemption;
use crate::model::DeviceId;
use crate::model::LinkId;
use crate::model::Ratio;
use crate::model::ServiceId;
use crate::model::SiteId;
use crate::model::TargetId;
use crate::model::TargetKey;
use crate::model::TargetKind;
use crate::monitor::fleet;
use crate::report::table::Cell;

/// An entry of the inventory, for a report.
pub(super) struct Subject<'a> {
    pub(super) kind: TargetKind,
    pub(super) name: &'a str,
    pub(super) site: Option<&'a SiteId>,
    pub(super) exemption: Option<&'a Exemption>,
    pub(super) in_service_from: Option<Date>,
    pub(super) sla: Option<Ratio>,
}

impl Subject<'_> {
    /// What kind of thing it is.
    pub(super) fn word(&self, lang: Lang) -> Cell {
        Cell::Word {
            key: self.kind.as_str(),
            text: Text::word("kind", self.kind.as_str(), lang).to_owned(),
        }
    }
}

/// The key of a target by its row number.
pub(super) fn key_of(source: &Source, id: TargetId) -> Option<&TargetKey> {
    source
        .index
        .iter()
        .find(|(_, other)| **other == id)
        .map(|(key, _)| key)
}

/// The entry of a target; `None` for what is gone, hidden, or may be switched off.
pub(super) fn subject<'a>(source: &'a Source, key: &TargetKey) -> Option<Subject<'a>> {
    let inventory = &source.inventory;
    let kind = key.kind;
    match kind {
        TargetKind::Device => inventory
            .devices
            .get(&DeviceId(key.slug.clone()))
            .filter(|d| fleet::is_always_on(d) && d.is_member() && !d.is_hidden())
            .map(|d| Subject {
                kind,
                name: &d.name,
                site: d.site.as_ref(),
                exemption: d.exemption.as_ref(),
                in_service_from: d.in_service_from,
                sla: None,
            }),
        TargetKind::Link => inventory.links.get(&LinkId(key.slug.clone())).map(|l| Subject {
            kind,
            name: &l.name,
            site: Some(&l.site),
            exemption: l.exemption.as_ref(),
            in_service_from: l.in_service_from,
            sla: l.sla,
        }),
        TargetKind::Service => inventory
            .services
            .get(&ServiceId(key.slug.clone()))
            .map(|s| Subject {
                kind,
                name: &s.name,
                site: s.site.as_ref(),
                exemption: s.exemption.as_ref(),
                in_service_from: s.in_service_from,
                sla: None,
            }),
    }
}
