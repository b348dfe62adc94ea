//! Units and sites.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::super::fields::Fields;
use super::super::node::Node;
use super::super::problem::Sink;
use super::super::raw;
use super::super::read::Read;
use super::Known;
use crate::inventory::{
    Exemption, HeadCount, Membership, Origin, Site, SiteKind, SitePolicy, Succession, SuccessionKind, Unit,
};
use crate::model::{SiteId, Slug, UnitId};

/// From a day (inclusive) to a day (exclusive); the wrong way round is reported.
pub(super) fn period(f: &Fields<'_>, from: &str, to: &str) -> (Option<Date>, Option<Date>) {
    let (first, last): (Option<Date>, Option<Date>) = (f.get(from), f.get(to));
    if let (Some(first), Some(last)) = (first, last)
        && last <= first
    {
        f.report(
            to,
            format!("this ends on {last}, before it begins on {first}"),
            format!("a day after {from}: {to} is the first day on which it no longer holds"),
        );
    }
    (first, last)
}

/// `exempt:` of a site, device, link or service.
pub(super) fn exemption(f: &Fields<'_>) -> Option<Exemption> {
    let f = f.node("exempt")?.fields(raw::EXEMPT, f.sink())?;
    let reason: Option<Slug> = f.require("reason");
    let (from, to) = period(&f, "from", "to");
    Some(Exemption {
        reason: reason?.to_string(),
        decision: f.get("decision"),
        author: f.get("author"),
        from,
        to,
    })
}

/// The display name: what is written, else the id.
pub(super) fn name(f: &Fields<'_>, id: &impl ToString) -> String {
    f.get("name").unwrap_or_else(|| id.to_string())
}

pub(super) fn units(list: Option<&Node>, known: &Known, sink: &Sink) -> BTreeMap<UnitId, Unit> {
    let items = list.map_or(&[][..], Node::items);
    let units: BTreeMap<UnitId, Unit> = items
        .iter()
        .filter_map(|item| unit(item, known, sink))
        .map(|u| (u.id.clone(), u))
        .collect();
    circle(
        items,
        sink,
        "parent",
        "units lie in one another in a circle",
        |id| {
            units
                .get(&id.parse().ok()?)?
                .parent
                .as_ref()
                .map(ToString::to_string)
        },
    );
    units
}

fn unit(item: &Node, known: &Known, sink: &Sink) -> Option<Unit> {
    let f = item.fields(raw::UNIT, sink)?;
    let id: Option<UnitId> = f.require("id");
    let name = f.require("name");
    let kind = f.require("kind");
    let parent = known.units.get(&f, "parent");
    let code = f.get("code");
    let (valid_from, valid_to) = period(&f, "valid_from", "valid_to");
    let successions = f
        .node("successors")
        .map_or(&[][..], Node::items)
        .iter()
        .filter_map(|s| succession(s, valid_to, known, sink))
        .collect();
    Some(Unit {
        id: id?,
        name: name?,
        kind: kind?,
        parent,
        code,
        valid_from,
        valid_to,
        successions,
        origin: Origin::Declared,
    })
}

fn succession(item: &Node, ended: Option<Date>, known: &Known, sink: &Sink) -> Option<Succession> {
    let f = item.fields(raw::SUCCESSOR, sink)?;
    let to = known.units.require(&f, "unit");
    let date: Option<Date> = f.get("date");
    if date.or(ended).is_none() {
        f.report(
            "date",
            "a successor without a day",
            "`date` here, or `valid_to` of the unit",
        );
    }
    Some(Succession {
        to: to?,
        kind: f.get_or("kind", SuccessionKind::Merge),
        date: date.or(ended)?,
        decision: f.get("decision"),
    })
}

pub(super) fn sites(list: Option<&Node>, known: &Known, sink: &Sink) -> BTreeMap<SiteId, Site> {
    let items = list.map_or(&[][..], Node::items);
    let sites: BTreeMap<SiteId, Site> = items
        .iter()
        .filter_map(|item| site(item, known, sink))
        .map(|s| (s.id.clone(), s))
        .collect();
    circle(
        items,
        sink,
        "within",
        "sites lie in one another in a circle",
        |id| {
            sites
                .get(&id.parse().ok()?)?
                .within
                .as_ref()
                .map(ToString::to_string)
        },
    );
    sites
}

fn site(item: &Node, known: &Known, sink: &Sink) -> Option<Site> {
    let f = item.fields(raw::SITE, sink)?;
    let id: Option<SiteId> = f.require("id");
    let kind: Option<SiteKind> = f.require("kind");
    let within = known.sites.get(&f, "within");
    let units = memberships(&f, known);
    let head_counts = head_counts(&f);
    let gateway = known.devices.get(&f, "gateway");
    let exemption = exemption(&f);
    let coordinates = coordinates(&f);
    let (address, labels) = (f.get("address"), f.get("labels").unwrap_or_default());
    let policy = f.get_or("policy", SitePolicy::Gateway);
    let id = id?;
    Some(Site {
        name: name(&f, &id),
        id,
        kind: kind?,
        within,
        address,
        coordinates,
        units,
        head_counts,
        policy,
        gateway,
        exemption,
        labels,
        origin: Origin::Declared,
    })
}

fn coordinates(f: &Fields<'_>) -> Option<(f64, f64)> {
    let node = f.node("coordinates")?;
    let numbers: Vec<f64> = Read::read(node, f.sink())?;
    match numbers.as_slice() {
        [lat, lon] if (-90.0..=90.0).contains(lat) && (-180.0..=180.0).contains(lon) => Some((*lat, *lon)),
        _ => {
            f.report(
                "coordinates",
                "these are no coordinates",
                "[latitude, longitude] in degrees, like [21.197, 105.186]",
            );
            None
        }
    }
}

fn memberships(f: &Fields<'_>, known: &Known) -> Vec<Membership> {
    if let Some(unit) = known.units.get(f, "unit") {
        if f.node("units").is_some() {
            f.report("units", "both `unit` and `units` are given", "one of them");
        }
        return vec![Membership {
            unit,
            from: None,
            to: None,
        }];
    }
    let mut list: Vec<Membership> = Vec::new();
    for item in f.node("units").map_or(&[][..], Node::items) {
        // A bare id stands for a membership without dates.
        if item.text().is_some() {
            list.extend(known.units.check(item, f.sink()).map(|unit| Membership {
                unit,
                from: None,
                to: None,
            }));
            continue;
        }
        let Some(m) = item.fields(raw::MEMBERSHIP, f.sink()) else {
            continue;
        };
        let unit = known.units.require(&m, "unit");
        let (from, to) = period(&m, "from", "to");
        list.extend(unit.map(|unit| Membership { unit, from, to }));
    }
    list.sort_by_key(|m| m.from);
    let overlap = list.windows(2).any(|pair| match pair {
        [a, b] => a.to.is_none_or(|to| b.from.is_none_or(|from| from < to)),
        _ => false,
    });
    if overlap {
        f.report(
            "units",
            "two memberships hold on the same day",
            "`to` of each membership at or before `from` of the next",
        );
    }
    list
}

fn head_counts(f: &Fields<'_>) -> Vec<HeadCount> {
    let Some(node) = f.node("staff") else {
        if f.node("staff_with_computer").is_some() {
            f.report(
                "staff_with_computer",
                "`staff` is missing beside this",
                "`staff` too",
            );
        }
        return Vec::new();
    };
    let counts: Vec<HeadCount> = if node.is_list() || node.is_map() {
        if f.node("staff_with_computer").is_some() {
            f.report(
                "staff_with_computer",
                "`staff` is a list, which has these numbers itself",
                "`with_computer` in the list",
            );
        }
        node.items()
            .iter()
            .filter_map(|item| head_count(item, f.sink()))
            .collect()
    } else {
        let staff: Option<u32> = f.get("staff");
        let with_computer = f.get("staff_with_computer");
        staff
            .map(|staff| HeadCount {
                as_of: None,
                staff,
                staff_with_computer: with_computer,
            })
            .into_iter()
            .collect()
    };
    let mut sorted = counts;
    sorted.sort_by_key(|h| h.as_of);
    if sorted
        .iter()
        .any(|h| h.staff_with_computer.is_some_and(|n| n > h.staff))
    {
        f.report(
            "staff",
            "more people with a computer than people",
            "a number with a computer that is no larger than the number of people",
        );
    }
    sorted
}

fn head_count(item: &Node, sink: &Sink) -> Option<HeadCount> {
    let f = item.fields(raw::HEAD_COUNT, sink)?;
    let staff = f.require("count");
    Some(HeadCount {
        as_of: f.get("as_of"),
        staff_with_computer: f.get("with_computer"),
        staff: staff?,
    })
}

/// Reports a circle among entries that name one another by `key`.
fn circle(items: &[Node], sink: &Sink, key: &str, what: &str, next: impl Fn(&str) -> Option<String>) {
    let mut told: Vec<String> = Vec::new();
    for item in items {
        let Some(start) = item.get("id").and_then(Node::text) else {
            continue;
        };
        let mut path = vec![start.to_owned()];
        while let Some(after) = path.last().and_then(|id| next(id)) {
            if after == start {
                if !told.contains(&after) {
                    let named = [path.join(" → "), start.to_owned()].join(" → ");
                    sink.report(
                        item.get(key)
                            .unwrap_or(item)
                            .problem(format!("{what}: {named}"))
                            .expected(format!("a `{key}` that does not lead back")),
                    );
                    told.append(&mut path);
                }
                break;
            }
            // A circle further up does not come back to the start; it is told at its own members.
            if path.contains(&after) || path.len() > 64 {
                break;
            }
            path.push(after);
        }
    }
}
