//! What changed in the equipment between two days: facts that devices told,
//! their interfaces, and entries of the inventory.

use super::Source;
use super::subject::key_of;
use crate::i18n::Text;
use crate::model::DeviceId;
use crate::model::EventKind;
use crate::model::LinkId;
use crate::model::ServiceId;
use crate::model::SiteId;
use crate::model::Span;
use crate::model::TargetKey;
use crate::model::TargetKind;
use crate::report::Dataset;
use crate::report::table::Align;
use crate::report::table::Cell;
use crate::report::table::Column;
use crate::report::table::Table;

/// The dataset.
pub const DATASET: Dataset = Dataset {
    name: "changes",
    title: Text::ReportChanges,
    about: "What changed in the equipment between two days: facts, interfaces, entries",
    build,
};

/// The kinds of event that it is made of.
pub const KINDS: [&str; 6] = [
    "fact_changed",
    "interface_changed",
    "rebooted",
    "inventory_added",
    "inventory_gone",
    "inventory_changed",
];

const COLUMNS: [Column; 11] = [
    Column::brief("number", Text::FieldNumber, Align::Centre),
    Column::brief("at", Text::FieldWhen, Align::Centre),
    Column::wide("kind", Text::FieldKind, Align::Left),
    Column::brief("name", Text::FieldName, Align::Left),
    Column::brief("site", Text::FieldSite, Align::Left),
    Column::wide("area", Text::FieldArea, Align::Left),
    Column::brief("change", Text::FieldChange, Align::Left),
    Column::brief("what", Text::FieldChanged, Align::Left),
    Column::brief("old", Text::FieldBefore, Align::Left),
    Column::brief("new", Text::FieldAfter, Align::Left),
    Column::wide("source", Text::FieldSource, Align::Left),
];

/// What a change is about.
struct Entry<'a> {
    kind: TargetKind,
    name: &'a str,
    site: Option<&'a SiteId>,
}

/// One change in words.
struct Change {
    what: Option<String>,
    old: Option<String>,
    new: Option<String>,
    source: Option<String>,
}

fn build(source: &Source) -> Table {
    let lang = source.lang();
    let (from, until) = source.period;
    let mut rows = Vec::new();
    for event in &source.changes {
        let Some(entry) = event
            .target
            .and_then(|id| key_of(source, id))
            .and_then(|key| entry(source, key))
            .filter(|entry| source.wants(entry.site))
        else {
            continue;
        };
        let Some(change) = change(&event.kind) else {
            continue;
        };
        let kind = event.kind.as_str();
        let number = u64::try_from(rows.len()).map_or(u64::MAX, |n| n.saturating_add(1));
        let cells = COLUMNS.iter().map(|column| match column.key {
            "number" => Cell::Integer(number),
            "at" => Cell::Moment(event.at),
            "kind" => Cell::Word {
                key: entry.kind.as_str(),
                text: Text::word("kind", entry.kind.as_str(), lang).to_owned(),
            },
            "name" => Cell::Text(entry.name.to_owned()),
            "site" => Cell::text(Some(source.site_name(entry.site))),
            "area" => Cell::Text(source.area_name(entry.site)),
            "change" => Cell::Word {
                key: kind,
                text: Text::word("change", kind, lang).to_owned(),
            },
            "what" => Cell::text(change.what.clone()),
            "old" => Cell::text(change.old.clone()),
            "new" => Cell::text(change.new.clone()),
            "source" => Cell::text(change.source.clone()),
            _ => Cell::Empty,
        });
        rows.push(cells.collect());
    }
    let mut total = vec![Cell::Empty; COLUMNS.len()];
    for (cell, column) in total.iter_mut().zip(&COLUMNS) {
        if column.key == "name" {
            *cell =
                Cell::Text(Text::ReportChangesTotal.fill(lang, &[("n", &source.locale.count(rows.len()))]));
        }
    }
    Table {
        title: Text::ReportChanges,
        lead: Text::ReportPeriod.fill(
            lang,
            &[
                ("from", &source.locale.date(source.locale.day(from))),
                (
                    "to",
                    &source
                        .locale
                        .date(source.locale.day(until.minus(Span::from_micros(1)))),
                ),
            ],
        ),
        columns: COLUMNS.to_vec(),
        rows,
        total: Some(total),
        notes: Vec::new(),
    }
}

/// The entry of a target; `None` for what viewers must not know of.
fn entry<'a>(source: &'a Source, key: &'a TargetKey) -> Option<Entry<'a>> {
    let inventory = &source.inventory;
    let kind = key.kind;
    match kind {
        TargetKind::Device => {
            let device = inventory.devices.get(&DeviceId(key.slug.clone()))?;
            (source.include_hidden || !device.is_hidden()).then_some(Entry {
                kind,
                name: &device.name,
                site: device.site.as_ref(),
            })
        }
        TargetKind::Link => inventory.links.get(&LinkId(key.slug.clone())).map(|link| Entry {
            kind,
            name: &link.name,
            site: Some(&link.site),
        }),
        TargetKind::Service => inventory
            .services
            .get(&ServiceId(key.slug.clone()))
            .map(|service| Entry {
                kind,
                name: &service.name,
                site: service.site.as_ref(),
            }),
    }
}

fn change(kind: &EventKind) -> Option<Change> {
    let none = Change {
        what: None,
        old: None,
        new: None,
        source: None,
    };
    if let EventKind::FactChanged { key, old, new } = kind {
        return Some(Change {
            what: Some(key.clone()),
            old: old.clone(),
            new: new.clone(),
            source: Some("snmp".to_owned()),
        });
    }
    if let EventKind::InterfaceChanged { name, what, old, new } = kind {
        return Some(Change {
            what: Some(format!("{name}: {what}")),
            old: old.clone(),
            new: new.clone(),
            source: Some("snmp".to_owned()),
        });
    }
    if let EventKind::InventoryChanged {
        field,
        old,
        new,
        source,
    } = kind
    {
        return Some(Change {
            what: Some(field.clone()),
            old: old.clone(),
            new: new.clone(),
            source: Some(source.clone()),
        });
    }
    matches!(
        kind,
        EventKind::Rebooted | EventKind::InventoryAdded | EventKind::InventoryGone
    )
    .then_some(none)
}
