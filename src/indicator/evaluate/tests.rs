//! The indicators of the seed district, on a small one.

use std::sync::Arc;

use jiff::civil::date;

use super::*;
use crate::indicator::definition::Rule;
use crate::inventory::Exemption;
use crate::inventory::HeadCount;
use crate::inventory::Lifecycle;
use crate::inventory::Medium;
use crate::inventory::Membership;
use crate::inventory::MonitorMode;
use crate::inventory::Origin;
use crate::inventory::SiteKind;
use crate::inventory::Unit;
use crate::model::Selector;
use crate::model::Timestamp;
use crate::monitor::Publisher;
use crate::monitor::snapshot::Totals;
use crate::monitor::topology::tests::device;
use crate::monitor::topology::tests::link;
use crate::monitor::topology::tests::site;

const NOW: Timestamp = Timestamp::from_secs(100_000_000);

/// Two communes: A with a hall and a school, B with a hall; and a site under no unit.
fn district() -> Inventory {
    let mut inventory = Inventory::default();
    for name in ["xa-a", "xa-b"] {
        let unit = Unit {
            id: name.parse().unwrap(),
            name: name.to_owned(),
            kind: UnitKind::Commune,
            parent: None,
            code: None,
            valid_from: None,
            valid_to: None,
            successions: Vec::new(),
            origin: Origin::Declared,
        };
        inventory.units.insert(unit.id.clone(), unit);
    }
    for (name, unit, kind, staff) in [
        (
            "hall-a",
            Some("xa-a"),
            SiteKind::CommuneHall,
            Some((20, Some(15))),
        ),
        ("school-a", Some("xa-a"), SiteKind::School, None),
        ("hall-b", Some("xa-b"), SiteKind::CommuneHall, Some((10, None))),
        ("store", None, SiteKind::Other, None),
    ] {
        let mut site = site(name, None);
        site.kind = kind;
        site.units = unit
            .map(|unit| Membership {
                unit: unit.parse().unwrap(),
                from: None,
                to: None,
            })
            .into_iter()
            .collect();
        site.head_counts = staff
            .map(|(staff, staff_with_computer)| HeadCount {
                as_of: None,
                staff,
                staff_with_computer,
            })
            .into_iter()
            .collect();
        inventory.sites.insert(site.id.clone(), site);
    }
    for (name, at) in [
        ("pc-1", "hall-a"),
        ("pc-2", "hall-a"),
        ("pc-3", "hall-a"),
        ("secret", "hall-a"),
        ("stored", "hall-a"),
        ("pc-4", "hall-b"),
        ("pc-5", "store"),
    ] {
        let mut pc = device(name, Class::Computer, at);
        if name == "secret" {
            pc.mode = MonitorMode::Never;
        }
        if name == "stored" {
            pc.lifecycle = Lifecycle::InStock;
        }
        inventory.devices.insert(pc.id.clone(), pc);
    }
    for (name, at, mbps, medium) in [
        ("link-a", "hall-a", Some(50), Medium::Fiber),
        ("link-s", "school-a", None, Medium::Fiber),
        ("link-b", "hall-b", Some(4), Medium::Copper),
    ] {
        let mut link = link(name, at, None, &[]);
        link.contracted_receive_bps = mbps.map(|m: u64| m * 1_000_000);
        link.medium = medium;
        inventory.links.insert(link.id.clone(), link);
    }
    inventory
}

fn view(id: TargetId, key: TargetKey, state: State, seen_days_ago: Option<u64>) -> TargetView {
    TargetView {
        id,
        key,
        state,
        reason: None,
        since: Timestamp(0),
        suspect: false,
        incident: None,
        root: None,
        maintenance: false,
        silenced: false,
        acknowledged: false,
        flapping: false,
        last_reply_at: seen_days_ago.map(|days| NOW.minus(Span::from_hours(24 * days))),
        last_look_at: Some(NOW),
        evidence: BTreeMap::new(),
        totals: Totals::default(),
        echo: None,
        service: None,
        snmp: None,
    }
}

fn snapshot(inventory: Inventory, states: &[(&str, State, Option<u64>)]) -> Snapshot {
    let devices = inventory.devices.keys().cloned().map(TargetKey::from);
    let links = inventory.links.keys().cloned().map(TargetKey::from);
    let index: BTreeMap<TargetKey, TargetId> = devices.chain(links).zip((1..).map(TargetId)).collect();
    let mut publisher = Publisher::new(Arc::new(inventory), Arc::new(index.clone()));
    for (key, id) in &index {
        if let Some((_, state, seen)) = states.iter().find(|(name, ..)| *name == key.slug.as_str()) {
            publisher.update(view(*id, key.clone(), *state, *seen));
        }
    }
    publisher.publish(NOW)
}

fn definition(kind: &str, good: Good) -> Definition {
    Definition {
        id: "chi-so".parse().unwrap(),
        name: "Chỉ số".to_owned(),
        name_en: None,
        selector: Selector {
            kind: vec![kind.to_owned()],
            ..Selector::default()
        },
        good,
        count: Count::Members,
        exemptions: Vec::new(),
        group_by: GroupBy::Area,
        goal: None,
        note: None,
    }
}

fn work_out(definition: &Definition, snapshot: &Snapshot) -> Evaluation {
    let world = World {
        snapshot,
        area_kinds: &[UnitKind::Commune],
        day: date(2026, 1, 1),
        availability: &|id, _, _| {
            (id.0 % 2 == 0).then_some(Shares {
                up: 99,
                down: 1,
                ..Shares::default()
            })
        },
    };
    evaluate(definition, None, &world)
}

fn tally(numerator: u64, denominator: u64, unknown: u64, exempt: u64) -> Tally {
    Tally {
        numerator,
        denominator,
        unknown,
        exempt,
    }
}

const WEEK: Span = Span::from_hours(7 * 24);

#[test]
fn computers_connected_leave_the_secret_ones_out_and_say_how_many() {
    let mut computers = definition("device", Good::SeenWithin(WEEK));
    computers.selector.class = vec!["computer".to_owned()];
    let snapshot = snapshot(
        district(),
        &[
            ("pc-1", State::Down, Some(2)),
            ("pc-2", State::Down, Some(30)),
            ("pc-3", State::Unknown, None),
            ("secret", State::Unknown, None),
            ("stored", State::Unknown, None),
            ("pc-4", State::Up, Some(0)),
            ("pc-5", State::Down, None),
        ],
    );
    let e = work_out(&computers, &snapshot);
    assert_eq!(e.groups["xa-a"], tally(1, 2, 1, 1), "switched off is not away");
    assert_eq!(e.groups["xa-b"], tally(1, 1, 0, 0));
    assert_eq!(e.groups["none"], tally(0, 1, 0, 0));
    assert_eq!(e.total, tally(2, 4, 1, 1));
}

// trap 23
#[test]
fn a_group_in_which_all_are_exempt_has_no_value() {
    let mut all = definition("device", Good::Up);
    all.exemptions = vec![Rule {
        selector: Selector {
            area: vec!["xa-b".to_owned()],
            ..Selector::default()
        },
        reason: "secrecy".to_owned(),
        decision: Some("12/QĐ-UBND".to_owned()),
        from: None,
        to: Some(date(2026, 7, 1)),
    }];
    let e = work_out(&all, &snapshot(district(), &[("pc-1", State::Up, Some(0))]));
    assert_eq!(e.groups["xa-b"], tally(0, 0, 0, 1));
    assert_eq!((e.groups["xa-b"].ratio(), e.groups["xa-b"].value()), (None, None));
}

#[test]
fn communes_with_broadband_are_counted_by_area() {
    let broadband = Definition {
        count: Count::Areas,
        group_by: GroupBy::Total,
        selector: Selector {
            kind: vec!["site".to_owned()],
            site_kind: vec!["commune_hall".to_owned(), "school".to_owned()],
            ..Selector::default()
        },
        ..definition(
            "site",
            Good::Contracted {
                receive_bps: 25_000_000,
                media: vec![Medium::Fiber, Medium::Cable],
            },
        )
    };
    let e = work_out(&broadband, &snapshot(district(), &[]));
    assert_eq!(
        e.total,
        tally(1, 2, 0, 0),
        "A by its hall's fibre; B's copper is none"
    );
    let by_site = Definition {
        count: Count::Members,
        ..broadband
    };
    let e = work_out(&by_site, &snapshot(district(), &[]));
    assert_eq!(
        e.total,
        tally(1, 2, 1, 0),
        "what the school has contracted is not on record"
    );
}

#[test]
fn staff_with_a_computer_is_a_survey_and_a_missing_one_is_unknown() {
    let staff = definition(
        "site",
        Good::Survey {
            numerator: SiteNumber::StaffWithComputer,
            denominator: SiteNumber::Staff,
        },
    );
    let e = work_out(&staff, &snapshot(district(), &[]));
    assert_eq!(e.groups["xa-a"], tally(15, 20, 1, 0), "the school told nothing");
    assert_eq!(e.groups["xa-b"], tally(0, 0, 1, 0));
    let per_staff = definition(
        "site",
        Good::Survey {
            numerator: SiteNumber::Computers,
            denominator: SiteNumber::Staff,
        },
    );
    let e = work_out(&per_staff, &snapshot(district(), &[]));
    assert_eq!(e.groups["xa-a"].numerator, 3, "in use and not secret");
}

#[test]
fn schools_connected_are_those_whose_link_showed_life() {
    let mut schools = definition("site", Good::SeenWithin(WEEK));
    schools.selector.site_kind = vec!["school".to_owned()];
    let e = work_out(
        &schools,
        &snapshot(district(), &[("link-s", State::Down, Some(3))]),
    );
    assert_eq!(e.total, tally(1, 1, 0, 0));
    let e = work_out(
        &schools,
        &snapshot(district(), &[("link-s", State::Down, Some(9))]),
    );
    assert_eq!(e.total, tally(0, 1, 0, 0));
}

#[test]
fn what_is_in_maintenance_is_left_out_of_the_moment() {
    let links = definition("link", Good::Up);
    let mut snapshot = snapshot(
        district(),
        &[("link-a", State::Down, None), ("link-b", State::Degraded, None)],
    );
    for shard in &mut snapshot.shards {
        for view in Arc::make_mut(shard) {
            if view.key.slug.as_str() == "link-a" {
                Arc::make_mut(view).maintenance = true;
            }
        }
    }
    let e = work_out(&links, &snapshot);
    assert_eq!(e.total, tally(1, 1, 1, 1));
}

#[test]
fn availability_asks_the_record() {
    let links = definition(
        "link",
        Good::Availability {
            over: Span::from_hours(720),
            at_least: Ratio::of(98, 100).unwrap(),
            calendar: None,
        },
    );
    let e = work_out(&links, &snapshot(district(), &[]));
    assert_eq!(
        (e.total.denominator + e.total.unknown, e.total.numerator),
        (3, e.total.denominator)
    );
}

#[test]
fn groups_add_up_to_the_total() {
    let mut inventory = district();
    let site = inventory.sites.get_mut(&"hall-b".parse().unwrap()).unwrap();
    site.exemption = Some(Exemption {
        reason: "secrecy".to_owned(),
        decision: None,
        author: None,
        from: None,
        to: None,
    });
    let snapshot = snapshot(
        inventory,
        &[("pc-1", State::Up, Some(0)), ("pc-2", State::Down, Some(1))],
    );
    for group_by in [
        GroupBy::Total,
        GroupBy::Area,
        GroupBy::Site,
        GroupBy::Class,
        GroupBy::Label("owner".to_owned()),
    ] {
        let all = Definition {
            group_by,
            ..definition("device", Good::Up)
        };
        let e = work_out(&all, &snapshot);
        let mut sum = Tally::default();
        for tally in e.groups.values() {
            sum.numerator += tally.numerator;
            sum.denominator += tally.denominator;
            sum.unknown += tally.unknown;
            sum.exempt += tally.exempt;
        }
        assert_eq!(sum, e.total);
        assert_eq!(e.total, tally(1, 2, 2, 2));
    }
}
