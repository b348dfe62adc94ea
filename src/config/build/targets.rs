//! Devices, links and services.

use std::collections::BTreeMap;

use super::super::fields::Fields;
use super::super::node::Node;
use super::super::problem::Sink;
use super::super::raw;
use super::super::read::{Bandwidth, word};
use super::Known;
use super::places::{exemption, name};
use crate::inventory::device::Probing;
use crate::inventory::{
    Address, Check, Class, Device, Host, Inventory, Lifecycle, Link, Mac, Medium, MonitorMode, Origin,
    PingOptions, Service,
};
use crate::model::{DeviceId, LinkId, ServiceId, Span, TargetKey, TargetKind};
use crate::monitor::topology;

/// Shortest time between two looks: below it we would be a nuisance.
const LEAST_INTERVAL: Span = Span::from_secs(1);

/// A time between two looks.
pub(super) fn interval(f: &Fields<'_>, key: &str) -> Option<Span> {
    let span: Span = f.get(key)?;
    if span < LEAST_INTERVAL {
        f.report(key, "this is too often", "at least 1s");
        return None;
    }
    Some(span)
}

/// A time to wait, more than nothing.
pub(super) fn timeout(f: &Fields<'_>, key: &str) -> Option<Span> {
    let span: Span = f.get(key)?;
    if span.is_zero() {
        f.report(key, "this leaves no time at all", "more than 0");
        return None;
    }
    Some(span)
}

/// Names of device probes at a key; `None` when it is not there.
fn probe_names(f: &Fields<'_>, key: &str) -> Option<Vec<String>> {
    let words = raw::DEVICE_PROBES.map(|p| (p, p));
    let node = f.node(key)?;
    let names = node.items().iter();
    Some(
        names
            .filter_map(|item| word(item, f.sink(), &words).map(str::to_owned))
            .collect(),
    )
}

/// `probes` and `liveness`, of a class or of a device.
pub(super) fn probes(f: &Fields<'_>) -> (Option<Vec<String>>, Option<Vec<String>>) {
    let probes = probe_names(f, "probes");
    let liveness = probe_names(f, "liveness");
    if let (Some(probes), Some(liveness)) = (&probes, &liveness)
        && let Some(other) = liveness.iter().find(|l| !probes.contains(l))
    {
        f.report(
            "liveness",
            format!("{other} is to show life, but is not among the probes"),
            "some of `probes`",
        );
    }
    (probes, liveness)
}

pub(super) fn devices(
    list: Option<&Node>,
    known: &Known,
    classes: &BTreeMap<Class, Probing>,
    sink: &Sink,
) -> BTreeMap<DeviceId, Device> {
    let items = list.map_or(&[][..], Node::items);
    items
        .iter()
        .filter_map(|item| device(item, known, classes, sink))
        .map(|d| (d.id.clone(), d))
        .collect()
}

fn device(item: &Node, known: &Known, classes: &BTreeMap<Class, Probing>, sink: &Sink) -> Option<Device> {
    let f = item.fields(raw::DEVICE, sink)?;
    let id: Option<DeviceId> = f.require("id");
    let class: Option<Class> = f.require("class");
    let site = known.sites.get(&f, "site");
    let hosts: Vec<Host> = f.list("address");
    let macs: Vec<Mac> = f.list("mac");
    let probing = probing(&f);
    let exemption = exemption(&f);
    let parents = known.devices.list(&f, "parents");
    let credentials = match f.node("credentials") {
        Some(_) => known.credentials.list(&f, "credentials"),
        None if f.whole().get("credentials").is_some() => Vec::new(),
        None => known.default_credentials.clone(),
    };
    let mode: Option<MonitorMode> = f.get("monitor");
    let serial = f.get("serial");
    let vendor = f.get("vendor");
    let model = f.get("model");
    let asset_tag = f.get("asset_tag");
    let owner = f.get("owner");
    let purchased_on = f.get("purchased_on");
    let in_service_from = f.get("in_service_from");
    let price_vnd = f.get("price_vnd");
    let warranty_end = f.get("warranty_end");
    let condition = f.get("condition");
    let lifecycle = f.get_or("lifecycle", Lifecycle::InUse);
    let labels = f.get("labels").unwrap_or_default();
    let (id, class) = (id?, class?);
    let own = probing
        .probes
        .as_ref()
        .or_else(|| classes.get(&class)?.probes.as_ref());
    let has_probes = own.map_or(!class.defaults().probes.is_empty(), |p| !p.is_empty());
    let can_be_polled = !hosts.is_empty() && has_probes;
    if mode == Some(MonitorMode::Polled) && !can_be_polled {
        let missing = if hosts.is_empty() { "`address`" } else { "`probes`" };
        f.report(
            "monitor",
            format!("it is to be polled, but {missing} is missing"),
            format!("{missing} too, or another word here"),
        );
    }
    if own.is_some_and(|p| p.iter().any(|p| p == "tcp")) && probing.tcp_port.is_none() {
        f.report(
            "probes",
            "the probe tcp needs to know which port",
            "`tcp_port` too",
        );
    }
    let default_mode = if can_be_polled {
        MonitorMode::Polled
    } else {
        MonitorMode::Manual
    };
    Some(Device {
        name: name(&f, &id),
        id,
        class,
        site,
        addresses: hosts.into_iter().map(|host| Address { host }).collect(),
        macs,
        serial,
        vendor,
        model,
        asset_tag,
        lifecycle,
        condition,
        mode: mode.unwrap_or(default_mode),
        owner,
        purchased_on,
        in_service_from,
        price_vnd,
        warranty_end,
        exemption,
        parents,
        credentials,
        probing,
        labels,
        origin: Origin::Declared,
    })
}

fn probing(f: &Fields<'_>) -> Probing {
    let (probes, liveness) = probes(f);
    Probing {
        probes,
        liveness,
        interval: interval(f, "interval"),
        snmp_interval: interval(f, "snmp_interval"),
        timeout: timeout(f, "timeout"),
        ping: ping(f),
        snmp_port: f.get("snmp_port"),
        snmp_any_source: f.preset("snmp_any_source"),
        tcp_port: f.get("tcp_port"),
        always_on: f.get("always_on"),
        alerts: f.get("alerts"),
        trust_refusal: f.preset("trust_refusal"),
    }
}

fn ping(f: &Fields<'_>) -> PingOptions {
    let Some(f) = f.node("ping").and_then(|node| node.fields(raw::PING, f.sink())) else {
        return PingOptions::default();
    };
    PingOptions {
        source: f.get("source"),
        interface: f.get("interface"),
        ttl: f.get("ttl"),
        tos: f.get("tos"),
        payload_bytes: f.get("payload_bytes"),
        dont_fragment: f.preset("dont_fragment"),
    }
}

pub(super) fn links(list: Option<&Node>, known: &Known, sink: &Sink) -> BTreeMap<LinkId, Link> {
    let items = list.map_or(&[][..], Node::items);
    items
        .iter()
        .filter_map(|item| link(item, known, sink))
        .map(|l| (l.id.clone(), l))
        .collect()
}

fn link(item: &Node, known: &Known, sink: &Sink) -> Option<Link> {
    let f = item.fields(raw::LINK, sink)?;
    let id: Option<LinkId> = f.require("id");
    let site = known.sites.require(&f, "site");
    let router = known.devices.get(&f, "router");
    let via = known.devices.list(&f, "via");
    let far_end: Vec<Host> = f.list("far_end");
    let both: Option<Bandwidth> = f.get("bandwidth");
    let one = |key: &str| f.get::<Bandwidth>(key).or(both).map(|b| b.0);
    let (download, upload) = (one("download"), one("upload"));
    if router.is_none() && f.node("router").is_none() && far_end.is_empty() && f.node("far_end").is_none() {
        f.sink().report(
            item.problem("nothing proves this link")
                .expected("`router`, or `far_end` addresses that answer through it"),
        );
    }
    let exemption = exemption(&f);
    let id = id?;
    Some(Link {
        name: name(&f, &id),
        id,
        role: f.preset("role"),
        provider: f.get("provider"),
        circuit: f.get("circuit"),
        medium: f.get_or("medium", Medium::Fiber),
        contracted_receive_bps: download,
        contracted_transmit_bps: upload,
        sla: f.get("sla"),
        router,
        interface: f.get("interface"),
        via,
        far_end,
        interval: interval(&f, "interval"),
        timeout: timeout(&f, "timeout"),
        ping: ping(&f),
        max_rate: f.get("max_rate"),
        loss_threshold: f.get("loss_threshold"),
        rtt_threshold: f.get("rtt_threshold"),
        in_service_from: f.get("in_service_from"),
        exemption,
        labels: f.get("labels").unwrap_or_default(),
        origin: Origin::Declared,
        site: site?,
    })
}

/// The services, and their checks' options unread.
pub(super) fn services(
    list: Option<&Node>,
    known: &Known,
    sink: &Sink,
) -> (BTreeMap<ServiceId, Service>, BTreeMap<ServiceId, Node>) {
    let items = list.map_or(&[][..], Node::items);
    let mut services = BTreeMap::new();
    let mut checks = BTreeMap::new();
    for item in items {
        if let Some((service, check)) = service(item, known, sink) {
            checks.insert(service.id.clone(), check);
            services.insert(service.id.clone(), service);
        }
    }
    (services, checks)
}

fn service(item: &Node, known: &Known, sink: &Sink) -> Option<(Service, Node)> {
    let f = item.fields(raw::SERVICE, sink)?;
    let id: Option<ServiceId> = f.require("id");
    let check = check(&f);
    let site = known.sites.get(&f, "site");
    let parents = known.devices.list(&f, "parents");
    let exemption = exemption(&f);
    let interval = interval(&f, "interval");
    let timeout = timeout(&f, "timeout");
    let slow_threshold = f.get("slow_threshold");
    let in_service_from = f.get("in_service_from");
    let labels = f.get("labels").unwrap_or_default();
    let id = id?;
    let (kind, options) = check?;
    let service = Service {
        name: name(&f, &id),
        id,
        site,
        parents,
        check: Check {
            kind,
            options: options.to_json(),
        },
        interval,
        timeout,
        slow_threshold,
        in_service_from,
        exemption,
        labels,
        origin: Origin::Declared,
    };
    Some((service, options))
}

/// The word at `kind` of a plugin's mapping, and the mapping itself.
pub(super) fn plugin(node: &Node, sink: &Sink) -> Option<(String, Node)> {
    if !node.is_map() {
        sink.report(
            node.problem(format!("this is {}, not a mapping", node.shape()))
                .expected("`kind` with its options"),
        );
        return None;
    }
    let Some(kind) = node.get("kind") else {
        sink.report(
            node.problem("the key \"kind\" is missing here")
                .expected("kind: a word"),
        );
        return None;
    };
    Some((kind.read(sink)?, node.clone()))
}

fn check(f: &Fields<'_>) -> Option<(String, Node)> {
    match f.node("check") {
        Some(node) => plugin(node, f.sink()),
        None => f.require::<String>("check").and(None),
    }
}

/// Reports a circle among the parents, at an entry of it that names its parents itself.
pub(super) fn circle(inventory: &Inventory, lists: &[(TargetKind, Option<&Node>)], sink: &Sink) {
    let Err(cycle) = topology::check_parents(inventory) else {
        return;
    };
    let entry = |key: &TargetKey| {
        let list = lists.iter().find(|(kind, _)| *kind == key.kind)?.1?;
        list.items()
            .iter()
            .find(|item| item.get("id").and_then(Node::text) == Some(key.slug.as_str()))
    };
    let named = cycle.path.iter().filter_map(entry);
    let at = named
        .clone()
        .find_map(|item| item.get("parents").or_else(|| item.get("via")))
        .or_else(|| named.clone().next());
    if let Some(node) = at {
        sink.report(
            node.problem(cycle.to_string())
                .expected("parents that do not lead back; a site's devices depend on its link by themselves"),
        );
    }
}
