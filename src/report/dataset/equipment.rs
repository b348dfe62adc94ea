//! The equipment on record: the register that public bodies keep (fields as in
//! the registers of Circular 23/2023/TT-BTC's fixed assets), by area, site, class.

use super::Source;
use crate::i18n::Text;
use crate::i18n::collate;
use crate::inventory::Device;
use crate::report::Dataset;
use crate::report::table::Align;
use crate::report::table::Cell;
use crate::report::table::Column;
use crate::report::table::Table;

/// The dataset.
pub const DATASET: Dataset = Dataset {
    name: "equipment",
    title: Text::ReportEquipment,
    about: "Equipment on record, with maker, serial number, place, state of use",
    build,
};

const COLUMNS: [Column; 21] = [
    Column::brief("number", Text::FieldNumber, Align::Centre),
    Column::brief("id", Text::FieldId, Align::Left),
    Column::brief("name", Text::FieldName, Align::Left),
    Column::brief("class", Text::FieldClass, Align::Left),
    Column::wide("area", Text::FieldArea, Align::Left),
    Column::brief("site", Text::FieldSite, Align::Left),
    Column::wide("vendor", Text::FieldVendor, Align::Left),
    Column::brief("model", Text::FieldModel, Align::Left),
    Column::brief("serial", Text::FieldSerial, Align::Left),
    Column::wide("asset_tag", Text::FieldAssetTag, Align::Left),
    Column::wide("address", Text::FieldAddress, Align::Left),
    Column::wide("mac", Text::FieldMac, Align::Left),
    Column::wide("firmware", Text::FieldFirmware, Align::Left),
    Column::wide("owner", Text::FieldOwner, Align::Left),
    Column::wide("purchased_on", Text::FieldPurchased, Align::Centre),
    Column::wide("in_service_from", Text::FieldInService, Align::Centre),
    Column::wide("price_vnd", Text::FieldPrice, Align::Right),
    Column::wide("warranty_end", Text::FieldWarranty, Align::Centre),
    Column::wide("condition", Text::FieldCondition, Align::Left),
    Column::brief("lifecycle", Text::FieldLifecycle, Align::Left),
    Column::wide("notes", Text::FieldNotes, Align::Left),
];

fn build(source: &Source) -> Table {
    let lang = source.lang();
    let mut devices: Vec<&Device> = source
        .inventory
        .devices
        .values()
        .filter(|d| source.wants(d.site.as_ref()) && (source.include_hidden || !d.is_hidden()))
        .collect();
    devices.sort_by_cached_key(|d| {
        (
            collate::sort_key(&source.area_name(d.site.as_ref())),
            collate::sort_key(&source.site_name(d.site.as_ref())),
            d.class,
            collate::sort_key(&d.name),
            d.id.clone(),
        )
    });
    let price: u64 = devices.iter().filter_map(|d| d.price_vnd).sum();
    let mut total = vec![Cell::Empty; COLUMNS.len()];
    for (cell, column) in total.iter_mut().zip(&COLUMNS) {
        *cell = match column.key {
            "name" => Cell::Text(Text::ReportTotal.fill(lang, &[("n", &source.locale.count(devices.len()))])),
            "price_vnd" if price > 0 => Cell::Integer(price),
            _ => Cell::Empty,
        };
    }
    let hidden = source.hidden().len();
    let mut notes = Vec::new();
    if hidden > 0 && !source.include_hidden {
        notes.push(Text::ReportHidden.fill(lang, &[("n", &source.locale.count(hidden))]));
    }
    Table {
        title: Text::ReportEquipment,
        lead: Text::ReportAsOf.fill(lang, &[("date", &source.locale.date(source.day))]),
        columns: COLUMNS.to_vec(),
        rows: (1u64..).zip(devices).map(|(n, d)| row(source, n, d)).collect(),
        total: Some(total),
        notes,
    }
}

fn row(source: &Source, number: u64, d: &Device) -> Vec<Cell> {
    let lang = source.lang();
    let facts = source.facts.get(&d.id);
    // What people wrote down wins over what the device says of itself.
    let or_fact = |own: &Option<String>, key: &str| {
        Cell::text(own.clone().or_else(|| facts.and_then(|f| f.get(key)).cloned()))
    };
    let word = |group: &str, key: &'static str| Cell::Word {
        key,
        text: Text::word(group, key, lang).to_owned(),
    };
    let joined = |items: Vec<String>| Cell::text(Some(items.join(", ")));
    let exemption = d.exemption.as_ref().filter(|e| e.holds_on(source.day));
    let notes = exemption.map(|e| {
        let why = Text::word("exemption", &e.reason, lang);
        match &e.decision {
            Some(decision) => format!(
                "{why} ({})",
                Text::FieldDecision.fill(lang, &[("decision", decision)])
            ),
            None => why.to_owned(),
        }
    });
    COLUMNS
        .iter()
        .map(|column| match column.key {
            "number" => Cell::Integer(number),
            "id" => Cell::Text(d.id.to_string()),
            "name" => Cell::Text(d.name.clone()),
            "class" => word("class", d.class.as_str()),
            "area" => Cell::Text(source.area_name(d.site.as_ref())),
            "site" => Cell::text(Some(source.site_name(d.site.as_ref()))),
            "vendor" => or_fact(&d.vendor, "vendor"),
            "model" => or_fact(&d.model, "model"),
            "serial" => or_fact(&d.serial, "serial"),
            "firmware" => or_fact(&None, "firmware"),
            "asset_tag" => Cell::text(d.asset_tag.clone()),
            "address" => joined(d.addresses.iter().map(|a| a.host.to_string()).collect()),
            "mac" => joined(d.macs.iter().map(ToString::to_string).collect()),
            "owner" => Cell::text(d.owner.clone()),
            "purchased_on" => Cell::date(d.purchased_on),
            "in_service_from" => Cell::date(d.in_service_from),
            "price_vnd" => d.price_vnd.map_or(Cell::Empty, Cell::Integer),
            "warranty_end" => Cell::date(d.warranty_end),
            "condition" => d.condition.map_or(Cell::Empty, |c| word("condition", c.as_str())),
            "lifecycle" => word("lifecycle", d.lifecycle.as_str()),
            "notes" => Cell::text(notes.clone()),
            _ => Cell::Empty,
        })
        .collect()
}
