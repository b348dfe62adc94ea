//! Entries of an inventory with nothing set but what they can't be without.

use std::collections::BTreeMap;

use serde_json::Value;
use tramgac::inventory::device::Probing;
use tramgac::inventory::{
    Check, Class, Device, Lifecycle, Link, Medium, MonitorMode, Origin, PingOptions, Service, Site, SiteKind,
    SitePolicy, Unit, UnitKind,
};

/// A device of a class at a site.
pub fn device(id: &str, name: &str, class: Class, site: Option<&str>) -> Device {
    Device {
        id: id.parse().unwrap(),
        name: name.to_owned(),
        class,
        site: site.map(|s| s.parse().unwrap()),
        addresses: Vec::new(),
        macs: Vec::new(),
        serial: None,
        vendor: None,
        model: None,
        asset_tag: None,
        lifecycle: Lifecycle::InUse,
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
        probing: Probing::default(),
        labels: BTreeMap::new(),
        origin: Origin::Declared,
    }
}

/// A unit without a parent, valid since always.
pub fn unit(id: &str, name: &str, kind: UnitKind) -> Unit {
    Unit {
        id: id.parse().unwrap(),
        name: name.to_owned(),
        kind,
        parent: None,
        code: None,
        valid_from: None,
        valid_to: None,
        successions: Vec::new(),
        origin: Origin::Declared,
    }
}

/// A site that belongs to no unit.
pub fn site(id: &str, name: &str, kind: SiteKind) -> Site {
    Site {
        id: id.parse().unwrap(),
        name: name.to_owned(),
        kind,
        within: None,
        address: None,
        coordinates: None,
        units: Vec::new(),
        head_counts: Vec::new(),
        policy: SitePolicy::Gateway,
        gateway: None,
        exemption: None,
        labels: BTreeMap::new(),
        origin: Origin::Declared,
    }
}

/// A link of a site, carried by the site's router.
pub fn link(id: &str, name: &str, site: &str, router: &str) -> Link {
    Link {
        id: id.parse().unwrap(),
        name: name.to_owned(),
        site: site.parse().unwrap(),
        role: "primary".to_owned(),
        provider: None,
        circuit: None,
        medium: Medium::Fiber,
        contracted_receive_bps: None,
        contracted_transmit_bps: None,
        sla: None,
        router: Some(router.parse().unwrap()),
        interface: Some("ether1".to_owned()),
        via: Vec::new(),
        far_end: Vec::new(),
        interval: None,
        timeout: None,
        loss_threshold: None,
        ping: PingOptions::default(),
        max_rate: None,
        rtt_threshold: None,
        in_service_from: None,
        exemption: None,
        labels: BTreeMap::new(),
        origin: Origin::Declared,
    }
}

/// A service that is checked by HTTP.
pub fn service(id: &str, name: &str) -> Service {
    Service {
        id: id.parse().unwrap(),
        name: name.to_owned(),
        site: None,
        parents: Vec::new(),
        check: Check {
            kind: "http".to_owned(),
            options: Value::Null,
        },
        interval: None,
        timeout: None,
        slow_threshold: None,
        in_service_from: None,
        exemption: None,
        labels: BTreeMap::new(),
        origin: Origin::Declared,
    }
}
