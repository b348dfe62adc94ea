//! The exposition: its format, its limits, and what must and must not be in it.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use tramgac::inventory::{Class, Inventory, Lifecycle, MonitorMode, SiteKind};
use tramgac::metrics::collect::{Part, Selection, render_into};
use tramgac::metrics::{CATALOG, Extra, Meters, render};
use tramgac::model::{Span, State, TargetKey, TargetKind, Timestamp};
use tramgac::monitor::Snapshot;
use tramgac::monitor::snapshot::Told;

use super::support::district::{self, device, exemption, extra, link, site, snapshot, view};
use super::support::exposition::Exposition;
use super::support::prometheus::promtool;

const START: Timestamp = Timestamp::from_secs(1_795_000_000);

fn text(snapshot: &Snapshot, extra: &Extra) -> String {
    String::from_utf8(render(snapshot, extra)).unwrap()
}

fn read(snapshot: &Snapshot, extra: &Extra) -> Exposition {
    let text = text(snapshot, extra);
    let read = Exposition::parse(&text).unwrap();
    read.check_catalogue().unwrap();
    read
}

fn plain(snapshot: &Snapshot) -> Exposition {
    read(snapshot, &extra(&Meters::default(), snapshot))
}

/// A number that is whole.
fn whole(value: f64) -> i64 {
    let text = value.to_string();
    text.parse().unwrap()
}

fn one_site(devices: impl IntoIterator<Item = tramgac::inventory::Device>) -> Inventory {
    let mut inventory = Inventory::default();
    let s = site("hall", "Trụ sở", SiteKind::CommuneHall, &[]);
    inventory.sites.insert(s.id.clone(), s);
    district::add(&mut inventory, devices);
    inventory
}

fn all_up(inventory: Inventory) -> Snapshot {
    snapshot(inventory, START, |id, key| view(id, key, State::Up))
}

// trap 6
#[test]
fn promtool_finds_nothing_in_the_whole_district() {
    let running = district::running(90, START);
    let text = text(&running, &extra(&district::meters(90, START), &running));
    let folder = std::env::temp_dir();
    if let Some((good, said)) = promtool(&folder, &["check", "metrics"], text.as_bytes()) {
        assert!(good, "{said}");
        assert_eq!(said, "", "promtool remarks on the exposition");
    }
}

#[test]
fn every_family_of_the_catalogue_is_fed_in_the_district() {
    let running = district::running(90, START);
    let meters = district::meters(90, START);
    let dropped = [("tramgac_interface_info", 1)].into();
    let summary = tramgac::metrics::expose::Summary {
        series: 1,
        bytes: 1,
        dropped,
    };
    meters.exposed(&summary, Span::from_millis(1));
    let read = read(&running, &extra(&meters, &running));
    let missing: Vec<_> = CATALOG
        .iter()
        .map(|m| m.name)
        .filter(|n| !read.families.contains_key(*n))
        .collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn the_ratios_are_what_one_counts_by_hand() {
    let running = district::running(90, START);
    let read = plain(&running);
    let fleet =
        |what: &str, labels: &[(&str, &str)]| whole(read.sum(&format!("tramgac_fleet_{what}"), labels));
    let computers = [("kind", "device"), ("class", "computer")];
    // 20 in the office, of which one is off; 3 hidden; 3 in each of 23 halls, of which one is cut off.
    assert_eq!(fleet("members", &computers), 92);
    assert_eq!(fleet("exempt", &computers), 3);
    assert_eq!(fleet("expected", &computers), 89);
    assert_eq!(fleet("online", &computers), 85);
    // 10 access points: one unknown, one under maintenance.
    let aps = [("kind", "device"), ("class", "wifi_ap"), ("area", "xa-thanh-son")];
    let numbers = ["members", "expected", "online", "unknown", "exempt"].map(|w| fleet(w, &aps));
    assert_eq!(numbers, [10, 8, 8, 1, 1]);
    // 32 links, one cut, one degraded and so online.
    let links = ["expected", "online"].map(|w| fleet(w, &[("kind", "link")]));
    assert_eq!(links, [32, 31]);
    // The cut link and the computer that is off; what is cut off with the link is a consequence.
    let open = |kind| whole(read.sum("tramgac_outages_open", &[("kind", kind)]));
    assert_eq!((open("link"), open("device"), open("service")), (1, 1, 0));
    // The office by its gateway, a mast by anything, 23 halls and 8 schools by their routers.
    let sites = ["members", "online"].map(|w| fleet(w, &[("kind", "site")]));
    assert_eq!(sites, [33, 32]);
    assert_eq!(
        read.value("tramgac_site_up", &[("site", "thach-khoan")]),
        Some(0.0)
    );
    assert_eq!(
        read.value("tramgac_site_up", &[("site", "mast-1"), ("area", "none")]),
        Some(1.0)
    );
}

// trap 6
#[test]
fn names_from_people_and_devices_are_kept_byte_for_byte() {
    let name = "Trường THCS số 3 \"Thạch Khoán\"\\\n";
    let mut d = device("d1", Class::Switch, Some("hall"));
    d.name = name.to_owned();
    let inventory = one_site([d]);
    let mut snapshot = all_up(inventory);
    let mut views: Vec<_> = snapshot.targets().cloned().collect();
    let mut snmp = district::snmp(START, 5, Vec::new());
    for interface in Arc::make_mut(&mut snmp.interfaces) {
        interface.name = "eth\"0".into();
        let alias = Some("a\u{fffd}b\\n\r");
        interface.tell(
            Told {
                alias,
                ..Told::default()
            },
            None,
        );
    }
    views[0].snmp = Some(Arc::new(snmp));
    snapshot.shards = vec![Arc::new(views.into_iter().map(Arc::new).collect())];
    let read = plain(&snapshot);
    let infos = read.select("tramgac_device_info", &[("device", "d1")]);
    assert_eq!(infos[0].0["name"], name);
    // Two ports of one name are two series still.
    let ports = read.select("tramgac_interface_info", &[]);
    assert_eq!(ports.len(), 2);
    assert!(ports.iter().all(|(l, _)| l["ifalias"] == "a\u{fffd}b\\n\r"));
    assert_eq!(ports[0].0["ifname"], "eth\"0");
}

// trap 6
#[test]
fn what_left_the_inventory_is_gone_from_the_next_exposition() {
    let before = plain(&all_up(one_site(
        ["d1", "d2"].map(|id| device(id, Class::Server, Some("hall"))),
    )));
    let after = plain(&all_up(one_site([device("d2", Class::Server, Some("hall"))])));
    assert_eq!(before.value("tramgac_device_up", &[("device", "d1")]), Some(1.0));
    let named = |e: &Exposition| {
        e.families
            .values()
            .flat_map(|f| &f.samples)
            .any(|(_, l, _)| l.get("device").is_some_and(|d| d == "d1"))
    };
    assert!(named(&before) && !named(&after));
}

// trap 20
#[test]
fn a_monitor_that_cannot_look_publishes_unknown_and_no_zero() {
    let blind = snapshot(district::district(), START, |id, key| {
        view(id, key, State::Unknown)
    });
    let read = plain(&blind);
    for family in ["device_up", "link_up", "service_up", "site_up", "link_quality_ok"] {
        assert!(
            read.select(&format!("tramgac_{family}"), &[]).is_empty(),
            "{family}"
        );
    }
    assert!(read.sum("tramgac_fleet_expected", &[]).abs() < 0.5);
    assert!(read.sum("tramgac_fleet_unknown", &[]) > 100.0);
    let states = read.select("tramgac_device_state", &[]);
    assert!(states.iter().all(|(_, v)| whole(*v) == 5));
}

#[test]
fn a_machine_under_secrecy_rules_is_named_nowhere() {
    let mut secret = device("secret-pc", Class::Router, Some("hall"));
    secret.mode = MonitorMode::Never;
    let mut child = device("child", Class::Computer, Some("hall"));
    child.parents = vec!["secret-pc".parse().unwrap()];
    let mut inventory = one_site([secret, child]);
    let l = link("wan", "hall", "secret-pc");
    inventory.links.insert(l.id.clone(), l);
    let snapshot = snapshot(inventory, START, |id, key| {
        let mut v = view(id, key, State::Up);
        if key.kind == TargetKind::Device {
            v.snmp = Some(Arc::new(district::snmp(START, 7, Vec::new())));
            v.totals.echo_sent = 3;
            v.echo = Some(district::burst(3, 1));
        }
        v
    });
    let text = text(&snapshot, &extra(&Meters::default(), &snapshot));
    assert!(!text.contains("secret-pc"), "{text}");
    let read = Exposition::parse(&text).unwrap();
    let group = [("kind", "device"), ("class", "router")];
    assert_eq!(read.value("tramgac_fleet_members", &group), Some(1.0));
    assert_eq!(read.value("tramgac_fleet_exempt", &group), Some(1.0));
    assert_eq!(
        read.value("tramgac_exemptions_active", &[("reason", "secrecy")]),
        Some(1.0)
    );
}

// traps 10, 11
#[test]
fn readings_come_in_base_units_and_what_has_no_number_is_absent() {
    let read = plain(&district::running(90, START));
    let one = |name: &str, labels: &[(&str, &str)]| read.value(&format!("tramgac_{name}"), labels);
    assert_eq!(
        one("host_cpu_utilization_ratio", &[]).map(|v| whole((v * 10.0).round())),
        Some(3)
    );
    assert_eq!(one("host_memory_used_bytes", &[]), Some(4e9));
    assert_eq!(one("ups_input_volts", &[("phase", "1")]), Some(228.0));
    assert_eq!(one("ups_output_load_ratio", &[]), Some(0.31));
    assert_eq!(one("ups_battery_temperature_celsius", &[]), Some(27.0));
    assert_eq!(read.select("tramgac_host_temperature_celsius", &[]).len(), 1);
    let supplies = read.select("tramgac_printer_supply_ratio", &[]);
    assert_eq!(supplies.len(), 1, "{supplies:?}");
    assert_eq!(supplies[0].0["color"], "black");
    let guests = [
        ("device", "office-ap-1"),
        ("radio", "radio1"),
        ("ssid", "UBND-Khách"),
    ];
    assert_eq!(one("wifi_clients", &guests), Some(12.0));
}

#[test]
fn an_agent_that_fell_silent_leaves_no_old_readings_behind() {
    let inventory = one_site([device("ups", Class::Ups, Some("hall"))]);
    let silent = snapshot(inventory, START, |id, key| {
        let mut v = view(id, key, State::Up);
        let mut snmp = district::snmp(START, 7, Vec::new());
        snmp.up = false;
        v.snmp = Some(Arc::new(snmp));
        v
    });
    let read = plain(&silent);
    assert_eq!(read.value("tramgac_snmp_up", &[]), Some(0.0));
    for gone in [
        "snmp_uptime_seconds",
        "interface_oper_up",
        "interface_receive_bytes_total",
    ] {
        assert!(read.select(&format!("tramgac_{gone}"), &[]).is_empty(), "{gone}");
    }
}

#[test]
fn an_exempt_device_keeps_its_state_and_does_not_count() {
    let mut pc = device("pc", Class::Computer, Some("hall"));
    pc.exemption = Some(exemption("lent_out"));
    let mut stored = device("stored", Class::Computer, Some("hall"));
    stored.lifecycle = Lifecycle::InStock;
    let read = plain(&all_up(one_site([pc, stored])));
    assert_eq!(read.value("tramgac_device_up", &[("device", "pc")]), Some(1.0));
    assert_eq!(
        read.value("tramgac_device_counted", &[("device", "pc")]),
        Some(0.0)
    );
    assert_eq!(
        read.value("tramgac_fleet_members", &[("class", "computer")]),
        Some(1.0)
    );
    assert!(
        read.select("tramgac_device_info", &[("device", "stored")])
            .is_empty()
    );
}

#[test]
fn of_a_stack_of_switches_only_so_many_ports_are_shown_and_the_rest_is_counted() {
    let inventory = one_site([device("sw", Class::Switch, Some("hall"))]);
    let snapshot = snapshot(inventory, START, |id, key| {
        let mut v = view(id, key, State::Up);
        let mut snmp = district::snmp(START, 7, Vec::new());
        snmp.interfaces = (0..100)
            .map(|i| district::interface(&format!("port{i:03}"), 1))
            .collect();
        let ports = Arc::make_mut(&mut snmp.interfaces);
        for (i, kind) in [(1, "l2vlan"), (2, "softwareLoopback")] {
            ports[i].tell(
                Told {
                    kind: Some(kind),
                    ..Told::default()
                },
                None,
            );
        }
        let kind = ports[2].clone();
        ports[2].tell(
            Told {
                alias: Some("uplink"),
                ..kind.told()
            },
            None,
        );
        ports[3].admin_up = Some(false);
        v.snmp = Some(Arc::new(snmp));
        v
    });
    let meters = Meters::default();
    let mut bytes = Vec::new();
    let summary = render_into(
        &snapshot,
        &extra(&meters, &snapshot),
        &Selection::default(),
        &mut |chunk| bytes.extend_from_slice(chunk),
    );
    meters.exposed(&summary, Span::from_millis(1));
    let read = Exposition::parse(&String::from_utf8(bytes).unwrap()).unwrap();
    let shown: BTreeSet<_> = read
        .select("tramgac_interface_info", &[])
        .iter()
        .map(|(l, _)| l["ifname"].clone())
        .collect();
    assert_eq!(shown.len(), 64);
    assert!(!shown.contains("port001") && shown.contains("port002") && !shown.contains("port003"));
    assert_eq!(summary.dropped["tramgac_interface_receive_bytes_total"], 34);
    let next = plain_with(&snapshot, &meters);
    assert_eq!(
        next.value(
            "tramgac_series_limit_dropped_total",
            &[("metric", "tramgac_interface_info")]
        ),
        Some(34.0)
    );
}

fn plain_with(snapshot: &Snapshot, meters: &Meters) -> Exposition {
    read(snapshot, &extra(meters, snapshot))
}

#[test]
fn a_limit_on_series_cuts_the_end_and_leaves_valid_text() {
    let running = district::running(5, START);
    let mut extra = extra(&district::meters(5, START), &running);
    extra.limits.series = 700;
    let read = read(&running, &extra);
    let series: usize = read.families.values().map(|f| f.samples.len()).sum();
    assert!(series <= 700 && series > 650, "{series}");
    assert!(read.families.contains_key("tramgac_build_info"));
}

#[test]
fn parts_and_shares_add_up_to_the_whole() {
    let running = district::running(5, START);
    let extra = extra(&district::meters(5, START), &running);
    let lines = |selection: Selection| -> BTreeSet<String> {
        let mut bytes = Vec::new();
        render_into(&running, &extra, &selection, &mut |chunk| {
            bytes.extend_from_slice(chunk);
        });
        let text = String::from_utf8(bytes).unwrap();
        Exposition::parse(&text).unwrap().check_catalogue().unwrap();
        text.lines()
            .filter(|l| !l.starts_with('#'))
            .map(str::to_owned)
            .collect()
    };
    let whole = lines(Selection::default());
    let part = |part| {
        lines(Selection {
            parts: vec![part],
            ..Selection::default()
        })
    };
    let together: BTreeSet<_> = Part::ALL.into_iter().flat_map(part).collect();
    assert!(whole == together);
    let shares: Vec<BTreeSet<String>> = (0..3)
        .map(|i| {
            lines(Selection {
                parts: vec![Part::Devices, Part::Interfaces],
                area: None,
                shard: Some((i, 3)),
            })
        })
        .collect();
    let sum: usize = shares.iter().map(BTreeSet::len).sum();
    let devices: BTreeSet<_> = [Part::Devices, Part::Interfaces]
        .into_iter()
        .flat_map(part)
        .collect();
    assert_eq!(sum, devices.len());
    assert!(shares.iter().all(|s| s.len() > devices.len() / 10));
    let area = lines(Selection {
        area: Some("xa-vo-mieu".to_owned()),
        ..Selection::default()
    });
    assert!(!area.is_empty() && area.iter().all(|l| !l.contains("xa-thanh-son")));
}

#[test]
fn a_share_is_written_as_a_fraction_below_one() {
    assert_eq!(Selection::parse_shard("3/8"), Some((3, 8)));
    for bad in ["8/8", "0/0", "1", "-1/2", "0/1000"] {
        assert_eq!(Selection::parse_shard(bad), None, "{bad}");
    }
}

fn any_state() -> impl Strategy<Value = State> {
    proptest::sample::select(State::ALL.to_vec())
}

/// What one device is like: class, state, mode, lifecycle, exempt, maintenance, in which site.
type Draw = (usize, State, usize, usize, bool, bool, Option<bool>);

fn any_device() -> impl Strategy<Value = Draw> {
    (
        0..4usize,
        any_state(),
        0..4usize,
        0..8usize,
        any::<bool>(),
        any::<bool>(),
        any::<Option<bool>>(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    // traps 6, 10, 23
    #[test]
    fn members_are_expected_unknown_or_exempt_and_no_more_are_online_than_expected(
        draws in proptest::collection::vec(any_device(), 0..40),
        names in proptest::collection::vec(any::<String>(), 40),
    ) {
        let mut inventory = one_site([]);
        let s = site("school", "Trường", SiteKind::School, &[]);
        inventory.sites.insert(s.id.clone(), s);
        let mut states = std::collections::BTreeMap::new();
        for (i, draw) in draws.iter().enumerate() {
            let (class, state, mode, lifecycle, exempt, maintained, place) = *draw;
            let class = [Class::Computer, Class::Router, Class::Printer, Class::Server][class];
            let place = place.map(|p| if p { "hall" } else { "school" });
            let mut d = device(&format!("d{i}"), class, place);
            d.name.clone_from(&names[i]);
            d.mode = [MonitorMode::Polled, MonitorMode::Passive, MonitorMode::Manual, MonitorMode::Never][mode];
            d.lifecycle = Lifecycle::ALL[lifecycle].0;
            // Most are in use.
            if lifecycle > 3 { d.lifecycle = Lifecycle::InUse; }
            d.exemption = (exempt && i % 3 == 0).then(|| exemption("lent_out"));
            states.insert(TargetKey::from(d.id.clone()), (state, maintained && i % 4 == 0));
            inventory.devices.insert(d.id.clone(), d);
        }
        let snapshot = snapshot(inventory, START, |id, key| {
            let (state, maintenance) = states[key];
            let mut v = view(id, key, state);
            v.maintenance = maintenance;
            v
        });
        let read = plain(&snapshot);
        for (labels, members) in read.select("tramgac_fleet_members", &[]) {
            let group: Vec<(&str, &str)> = labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            let of = |what: &str| read.value(&format!("tramgac_fleet_{what}"), &group).unwrap();
            prop_assert!((members - (of("expected") + of("unknown") + of("exempt"))).abs() < 1e-9);
            prop_assert!(of("online") <= of("expected"));
        }
        let in_use = snapshot.inventory.devices.values().filter(|d| d.is_member()).count();
        let members = read.sum("tramgac_fleet_members", &[("kind", "device")]);
        prop_assert!((members - f64::from(u32::try_from(in_use).unwrap())).abs() < 1e-9);
        for d in snapshot.inventory.devices.values() {
            let known = read.value("tramgac_device_up", &[("device", d.id.as_str())]);
            let state = states[&TargetKey::from(d.id.clone())].0;
            let expect = (d.is_member() && !d.is_hidden() && state != State::Unknown).then(|| f64::from(u8::from(state.is_online())));
            prop_assert_eq!(known, expect);
        }
    }
}
