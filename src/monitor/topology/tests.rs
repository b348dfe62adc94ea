//! A small district: who depends on whom.

use super::*;
use crate::inventory::Class;
use crate::inventory::Device;
use crate::inventory::Link;
use crate::inventory::MonitorMode;
use crate::inventory::Site;
use crate::inventory::SiteKind;
use jiff::civil::date;

pub(crate) fn device(id: &str, class: Class, site: &str) -> Device {
    Device {
        id: id.parse().unwrap(),
        name: id.to_owned(),
        class,
        site: Some(site.parse().unwrap()),
        addresses: vec![crate::inventory::Address {
            host: "192.0.2.1".to_owned().into(),
        }],
        macs: Vec::new(),
        serial: None,
        vendor: None,
        model: None,
        asset_tag: None,
        lifecycle: crate::inventory::Lifecycle::InUse,
        condition: None,
        mode: MonitorMode::Polled,
        owner: None,
        purchased_on: None,
        in_service_from: None,
        price_vnd: None,
        warranty_end: None,
        exemption: None,
        parents: Vec::new(),
        credentials: Vec::new(),
        probing: crate::inventory::device::Probing::default(),
        labels: BTreeMap::new(),
        origin: crate::inventory::Origin::Declared,
    }
}

pub(crate) fn site(id: &str, within: Option<&str>) -> Site {
    Site {
        id: id.parse().unwrap(),
        name: id.to_owned(),
        kind: SiteKind::Office,
        within: within.map(|w| w.parse().unwrap()),
        address: None,
        coordinates: None,
        units: Vec::new(),
        head_counts: Vec::new(),
        policy: crate::inventory::SitePolicy::Gateway,
        gateway: None,
        exemption: None,
        labels: BTreeMap::new(),
        origin: crate::inventory::Origin::Declared,
    }
}

pub(crate) fn link(id: &str, site: &str, router: Option<&str>, via: &[&str]) -> Link {
    Link {
        id: id.parse().unwrap(),
        name: id.to_owned(),
        site: site.parse().unwrap(),
        role: "primary".to_owned(),
        provider: None,
        circuit: None,
        medium: crate::inventory::Medium::Fiber,
        contracted_receive_bps: None,
        contracted_transmit_bps: None,
        sla: None,
        router: router.map(|r| r.parse().unwrap()),
        interface: None,
        via: via.iter().map(|v| v.parse().unwrap()).collect(),
        far_end: Vec::new(),
        interval: None,
        timeout: None,
        loss_threshold: None,
        ping: crate::inventory::PingOptions::default(),
        max_rate: None,
        rtt_threshold: None,
        in_service_from: None,
        exemption: None,
        labels: BTreeMap::new(),
        origin: crate::inventory::Origin::Declared,
    }
}

/// An office with its own router towards the provider, and a commune behind a link.
fn district() -> Inventory {
    let mut inventory = Inventory::default();
    for site in [
        site("office", None),
        site("room", Some("office")),
        site("xa", None),
    ] {
        inventory.sites.insert(site.id.clone(), site);
    }
    for device in [
        device("core", Class::Router, "office"),
        device("printer", Class::Printer, "room"),
        device("xa-router", Class::Router, "xa"),
        device("xa-switch", Class::Switch, "xa"),
        device("xa-pc", Class::Computer, "xa"),
    ] {
        inventory.devices.insert(device.id.clone(), device);
    }
    for link in [
        link("wan", "office", Some("core"), &["core"]),
        link("xa-link", "xa", Some("xa-router"), &["core"]),
    ] {
        inventory.links.insert(link.id.clone(), link);
    }
    let pc = inventory.devices.get_mut(&"xa-pc".parse().unwrap()).unwrap();
    pc.parents = vec!["xa-switch".parse().unwrap()];
    inventory
}

fn index(inventory: &Inventory) -> BTreeMap<TargetKey, TargetId> {
    let devices = inventory.devices.keys().cloned().map(TargetKey::from);
    let links = inventory.links.keys().cloned().map(TargetKey::from);
    devices.chain(links).zip((1..).map(TargetId)).collect()
}

fn build(inventory: Inventory) -> Result<Topology, Cycle> {
    let index = index(&inventory);
    Topology::build(
        Arc::new(inventory),
        &index,
        &Settings::default(),
        date(2026, 1, 1),
    )
}

fn parents_of(topology: &Topology, name: &str) -> Vec<String> {
    let spec = topology.specs().iter().find(|s| s.name == name).unwrap();
    let name = |id: &TargetId| topology.get(*id).unwrap().name.clone();
    spec.parents.iter().map(name).collect()
}

#[test]
fn parents_follow_from_links_gateways_and_what_is_said() {
    let topology = build(district()).unwrap();
    for (child, parents) in [
        ("core", &[][..]),
        ("wan", &["core"][..]),
        ("printer", &["core"][..]),
        ("xa-link", &["core"][..]),
        ("xa-router", &["xa-link"][..]),
        ("xa-switch", &["xa-router"][..]),
        ("xa-pc", &["xa-switch"][..]),
    ] {
        assert_eq!(parents_of(&topology, child), parents, "{child}");
    }
}

#[test]
fn a_parent_that_nobody_looks_at_is_looked_through() {
    let mut inventory = district();
    let switch = inventory.devices.get_mut(&"xa-switch".parse().unwrap()).unwrap();
    switch.mode = MonitorMode::Manual;
    let topology = build(inventory).unwrap();
    assert_eq!(parents_of(&topology, "xa-pc"), ["xa-router"]);
}

#[test]
fn a_second_link_is_another_way() {
    let mut inventory = district();
    let backup = link("xa-4g", "xa", Some("xa-router"), &[]);
    inventory.links.insert(backup.id.clone(), backup);
    let topology = build(inventory).unwrap();
    assert_eq!(parents_of(&topology, "xa-router"), ["xa-4g", "xa-link"]);
    assert_eq!(parents_of(&topology, "xa-switch"), ["xa-router"]);
}

// trap 19
#[test]
fn a_circle_of_parents_is_refused_and_named() {
    let mut inventory = district();
    let core = inventory.devices.get_mut(&"core".parse().unwrap()).unwrap();
    core.parents = vec!["xa-switch".parse().unwrap()];
    let cycle = build(inventory).unwrap_err();
    let text = cycle.to_string();
    assert!(text.starts_with("parents run in a circle: "), "{text}");
    for name in [
        "device/core",
        "device/xa-switch",
        "device/xa-router",
        "link/xa-link",
    ] {
        assert!(text.contains(name), "{text}");
    }
    assert_eq!(cycle.path.len(), 4);
}

#[test]
fn a_secret_machine_is_watched_by_nothing_and_exempt() {
    let mut inventory = district();
    let pc = inventory.devices.get_mut(&"xa-pc".parse().unwrap()).unwrap();
    pc.mode = MonitorMode::Never;
    let topology = build(inventory).unwrap();
    let spec = topology.specs().iter().find(|s| s.name == "xa-pc").unwrap();
    assert_eq!((spec.watch, spec.exempt), (Watch::Nothing, true));
    assert!(spec.liveness.is_empty());
}

#[test]
fn an_address_lies_here_next_door_or_beyond() {
    let nearby = Nearby {
        own: vec!["192.0.2.10".parse().unwrap()],
        uplink: vec!["192.0.2.0/24".parse().unwrap(), "10.7.0.0/16".parse().unwrap()],
        beside: vec!["10.0.0.0/8".parse().unwrap()],
    };
    for (address, reach) in [
        ("127.0.0.9", Reach::Local),
        ("192.0.2.7", Reach::Direct),
        ("192.0.2.10", Reach::Local),
        ("10.9.0.1", Reach::Beside),
        ("10.7.0.1", Reach::Direct),
        ("198.51.100.1", Reach::Routed),
        ("::1", Reach::Local),
    ] {
        assert_eq!(Reach::of(address.parse().unwrap(), &nearby), reach, "{address}");
    }
}
