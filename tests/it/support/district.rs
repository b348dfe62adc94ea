//! A made-up district as a snapshot: the inventory of Thanh Sơn without a
//! daemon, with whatever states a test wants.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::blank;
use jiff::civil::{Date, date};
use tramgac::inventory::{
    Address, Class, Device, Exemption, Host, Inventory, Link, Membership, MonitorMode, Service, Site,
    SiteKind, SitePolicy, Unit, UnitKind,
};
use tramgac::lab::thanh_son::{COMMUNES, FORMER_UNITS, SCHOOLS};
use tramgac::metrics::Extra;
use tramgac::metrics::collect::{Build, IndicatorSample, Limits, Times, Window};
use tramgac::metrics::process::Meters;
use tramgac::model::observation::RttStats;
use tramgac::model::{
    Absent, Count, EchoStats, Fact, IncidentId, Ratio, Reading, Reason, ServiceStats, Span, State, TargetId,
    TargetKey, Timestamp,
};
use tramgac::monitor::Snapshot;
use tramgac::monitor::snapshot::{
    IncidentView, InterfaceView, Rate, SHARD_TARGETS, SnmpView, TargetView, Told, Totals,
};

/// The day of all tests.
pub const TODAY: Date = date(2026, 11, 24);

/// An empty device of a class at a site.
pub fn device(id: &str, class: Class, site: Option<&str>) -> Device {
    blank::device(id, id, class, site)
}

/// An exemption in force.
pub fn exemption(reason: &str) -> Exemption {
    Exemption {
        reason: reason.to_owned(),
        decision: Some("12/QĐ-UBND".to_owned()),
        author: None,
        from: None,
        to: None,
    }
}

fn unit(id: &str, name: &str, kind: UnitKind, until_merger: bool) -> Unit {
    Unit {
        valid_from: (!until_merger).then_some(date(2025, 7, 1)),
        valid_to: until_merger.then_some(date(2025, 7, 1)),
        ..blank::unit(id, name, kind)
    }
}

/// A site of a kind that belonged to one unit before the merger and belongs to another after it.
pub fn site(id: &str, name: &str, kind: SiteKind, units: &[(&str, bool)]) -> Site {
    let units = units.iter().map(|(unit, former)| Membership {
        unit: unit.parse().unwrap(),
        from: (!former).then_some(date(2025, 7, 1)),
        to: former.then_some(date(2025, 7, 1)),
    });
    Site {
        units: units.collect(),
        ..blank::site(id, name, kind)
    }
}

/// A link of a site, carried by the site's router.
pub fn link(id: &str, site: &str, router: &str) -> Link {
    Link {
        contracted_receive_bps: Some(40_000_000),
        contracted_transmit_bps: Some(20_000_000),
        loss_threshold: Ratio::new(0.2).ok(),
        rtt_threshold: Some(Span::from_millis(150)),
        ..blank::link(id, id, site, router)
    }
}

fn service(id: &str, name: &str, site: &str) -> Service {
    Service {
        site: Some(site.parse().unwrap()),
        ..blank::service(id, name)
    }
}

/// Puts entries into an inventory by their ids.
pub fn add(inventory: &mut Inventory, devices: impl IntoIterator<Item = Device>) {
    for device in devices {
        inventory.devices.insert(device.id.clone(), device);
    }
}

/// The office, 23 halls with their links, schools, services.
pub fn district() -> Inventory {
    let mut all = Inventory::default();
    for commune in &COMMUNES {
        let unit = unit(commune.id, commune.name, UnitKind::Commune, false);
        all.units.insert(unit.id.clone(), unit);
    }
    let mut office = site(
        "office",
        "Trụ sở UBND xã Thanh Sơn",
        SiteKind::Office,
        &[("xa-thanh-son", false)],
    );
    office.coordinates = Some((21.2, 105.18));
    office.gateway = Some("office-router".parse().unwrap());
    all.sites.insert(office.id.clone(), office);
    let mut mast = site("mast-1", "Cột phát sóng", SiteKind::Mast, &[]);
    mast.policy = SitePolicy::Any;
    all.sites.insert(mast.id.clone(), mast);
    add(&mut all, [device("mast-radio", Class::Radio, Some("mast-1"))]);
    add(&mut all, [device("stray", Class::Camera, None)]);
    let single = [
        ("office-router", Class::Router),
        ("office-switch", Class::Switch),
        ("office-server", Class::Server),
        ("office-ups", Class::Ups),
        ("office-printer", Class::Printer),
        ("office-scanner", Class::Scanner),
    ];
    add(
        &mut all,
        single.map(|(id, class)| device(id, class, Some("office"))),
    );
    add(
        &mut all,
        (1..=10).map(|i| device(&format!("office-ap-{i}"), Class::WifiAp, Some("office"))),
    );
    add(
        &mut all,
        (1..=20).map(|i| device(&format!("office-pc-{i}"), Class::Computer, Some("office"))),
    );
    let hidden = (1..=3).map(|i| {
        let mut pc = device(&format!("office-secret-{i}"), Class::Computer, Some("office"));
        pc.mode = MonitorMode::Never;
        pc.exemption = (i == 1).then(|| exemption("secrecy"));
        pc
    });
    add(&mut all, hidden.collect::<Vec<_>>());
    let l = link("wan-office", "office", "office-router");
    all.links.insert(l.id.clone(), l);
    halls(&mut all);
    for school in &SCHOOLS {
        let hall = FORMER_UNITS.iter().find(|f| f.hall == school.hall).unwrap();
        let s = site(school.id, school.name, SiteKind::School, &[(hall.today, false)]);
        all.sites.insert(s.id.clone(), s);
        let router = format!("{}-router", school.id);
        add(&mut all, [device(&router, Class::Router, Some(school.id))]);
        let l = link(&format!("wan-{}", school.id), school.id, &router);
        all.links.insert(l.id.clone(), l);
    }
    for (id, name) in [("portal", "Cổng thông tin"), ("edoc", "Quản lý văn bản")] {
        let s = service(id, name, "office");
        all.services.insert(s.id.clone(), s);
    }
    all
}

/// The former communes' halls, each with a router, three computers and a link.
fn halls(all: &mut Inventory) {
    for (i, former) in FORMER_UNITS.iter().enumerate() {
        let old = format!("cu-{}", former.hall);
        let kind = if former.township {
            UnitKind::Township
        } else {
            UnitKind::Commune
        };
        let u = unit(&old, former.name, kind, true);
        all.units.insert(u.id.clone(), u);
        let units = [(old.as_str(), true), (former.today, false)];
        let mut hall = site(former.hall, former.name, SiteKind::CommuneHall, &units);
        hall.coordinates = Some(former.position);
        all.sites.insert(hall.id.clone(), hall);
        let router = format!("{}-router", former.hall);
        let mut r = device(&router, Class::Router, Some(former.hall));
        r.name = format!("Bộ định tuyến {}", former.name);
        r.vendor = Some("MikroTik".to_owned());
        r.addresses = vec![Address {
            host: Host::Ip([10, 20, u8::try_from(i).unwrap(), 1].into()),
        }];
        r.parents = vec!["office-router".parse().unwrap()];
        add(all, [r]);
        add(
            all,
            (1..=3).map(|i| {
                device(
                    &format!("{}-pc-{i}", former.hall),
                    Class::Computer,
                    Some(former.hall),
                )
            }),
        );
        let mut l = link(&format!("wan-{}", former.hall), former.hall, &router);
        l.provider = Some(former.provider.to_owned());
        all.links.insert(l.id.clone(), l);
    }
}

/// Every target of an inventory, in the order of the ids that the store would give.
pub fn keys(inventory: &Inventory) -> Vec<TargetKey> {
    let devices = inventory.devices.keys().map(|d| TargetKey::from(d.clone()));
    let links = inventory.links.keys().map(|l| TargetKey::from(l.clone()));
    let services = inventory.services.keys().map(|s| TargetKey::from(s.clone()));
    devices.chain(links).chain(services).collect()
}

/// A target in a state, and nothing else known of it.
pub fn view(id: u32, key: &TargetKey, state: State) -> TargetView {
    TargetView {
        id: TargetId(id),
        key: key.clone(),
        state,
        reason: None,
        since: Timestamp::from_secs(1_700_000_000),
        suspect: false,
        incident: None,
        root: None,
        maintenance: false,
        silenced: false,
        acknowledged: false,
        flapping: false,
        last_reply_at: None,
        last_look_at: None,
        evidence: BTreeMap::new(),
        totals: Totals::default(),
        echo: None,
        service: None,
        snmp: None,
    }
}

/// The snapshot of an inventory in which `look` makes each target's view.
pub fn snapshot(
    inventory: Inventory,
    at: Timestamp,
    mut look: impl FnMut(u32, &TargetKey) -> TargetView,
) -> Snapshot {
    let keys = keys(&inventory);
    let mut index = BTreeMap::new();
    let mut shards: Vec<Vec<Arc<TargetView>>> = Vec::new();
    for (id, key) in keys.iter().enumerate() {
        let number = u32::try_from(id).unwrap();
        index.insert(key.clone(), TargetId(number));
        if id % SHARD_TARGETS == 0 {
            shards.push(Vec::new());
        }
        shards.last_mut().unwrap().push(Arc::new(look(number, key)));
    }
    Snapshot {
        inventory: Arc::new(inventory),
        index: Arc::new(index),
        shards: shards.into_iter().map(Arc::new).collect(),
        ..Snapshot::empty(at)
    }
}

/// A burst of three that took so long each.
pub fn burst(received: u16, millis: u64) -> EchoStats {
    let rtt = Span::from_millis(millis);
    EchoStats {
        address: [127, 0, 0, 1].into(),
        sent: 3,
        received,
        late: 0,
        duplicates: 0,
        rtt: (received > 0).then(|| RttStats {
            min: rtt,
            median: rtt,
            max: rtt,
            sum: rtt * u32::from(received),
            jitter: (received > 1).then_some(Span::from_micros(250)),
        }),
    }
}

/// A physical interface that has moved `octets`.
pub fn interface(name: &str, octets: u64) -> InterfaceView {
    InterfaceView {
        name: name.into(),
        index: 1,
        admin_up: Some(true),
        oper_up: Some(true),
        speed_bps: Some(Count::new(1_000_000_000)),
        in_octets: Some(Count::new(octets)),
        out_octets: Some(Count::new(octets / 2)),
        in_errors: Some(Count::new(0)),
        out_errors: Some(Count::new(0)),
        in_discards: Some(Count::new(1)),
        out_discards: Some(Count::new(0)),
        in_rate: Rate::new(1_250_000.0),
        out_rate: Rate::new(125_000.0),
        changed_at: Some(Timestamp::from_secs(1_700_000_000).into()),
        ..InterfaceView::default()
    }
    .with(Told {
        descr: Some(name),
        kind: Some("ethernetCsmacd"),
        ..Told::default()
    })
}

/// What a device that answers SNMP tells, with readings of every kind.
pub fn snmp(at: Timestamp, octets: u64, readings: Vec<Reading>) -> SnmpView {
    SnmpView {
        up: true,
        reason: None,
        polled_at: Some(at),
        duration: Span::from_millis(40),
        packets: 5,
        uptime: Some(Span::from_secs(86_400)),
        profile: None,
        facts: vec![Fact {
            key: "firmware".to_owned(),
            value: "7.16.1".to_owned(),
        }],
        interfaces: vec![interface("ether1", octets), interface("ether2", octets)].into(),
        readings,
    }
}

/// What a device of a class measures.
fn readings(class: &str, at: Timestamp) -> Vec<Reading> {
    let all: &[(&str, &str, f64, &str)] = match class {
        "server" => &[
            ("cpu_load", "CPU 0", 0.2, "ratio"),
            ("cpu_load", "CPU 1", 0.4, "ratio"),
            ("memory_used", "Swap space", 1e6, "bytes"),
            ("memory_used", "Physical memory", 4e9, "bytes"),
            ("memory_size", "Physical memory", 8e9, "bytes"),
            ("storage_used", "/", 2e10, "bytes"),
            ("storage_size", "/", 1e11, "bytes"),
            ("temperature", "CPU", 51.5, "celsius"),
        ],
        "ups" => &[
            ("battery_charge", "", 0.97, "ratio"),
            ("battery_runtime", "", 2400.0, "seconds"),
            ("ups_load", "", 0.31, "ratio"),
            ("on_battery", "", 0.0, "count"),
            ("voltage", "Input 1", 228.0, "volts"),
            ("voltage", "Output 1", 230.0, "volts"),
            ("temperature", "Battery", 27.0, "celsius"),
        ],
        "printer" => &[
            ("supply_level", "Black Cartridge \"CF230X\"", 0.4, "ratio"),
            ("pages_total", "", 12_345.0, "count"),
        ],
        "wifi_ap" => &[
            ("wifi_clients", "radio0 / UBND-CB", 7.0, "count"),
            ("wifi_clients", "radio1 / UBND-Khách", 12.0, "count"),
        ],
        _ => &[],
    };
    let told = |(kind, instance, value, unit): &(&str, &str, f64, &str)| Reading {
        kind: (*kind).to_owned(),
        instance: (*instance).to_owned(),
        value: Ok(*value),
        unit: (*unit).to_owned(),
        at,
    };
    let mut list: Vec<Reading> = all.iter().map(told).collect();
    if class == "printer" {
        list.push(Reading {
            kind: "supply_level".to_owned(),
            instance: "Waste box".to_owned(),
            value: Err(Absent::SomeLeft),
            unit: "ratio".to_owned(),
            at,
        });
    }
    list
}

/// An open outage for each target that is down or unreachable, the latter rooted in the first that is down.
fn incidents(snapshot: &Snapshot) -> Vec<IncidentView> {
    let root = snapshot.targets().find(|t| t.state == State::Down).map(|t| t.id);
    let out = snapshot.targets().filter(|t| t.state.is_out());
    out.zip(1..)
        .map(|(t, id)| IncidentView {
            id: IncidentId(id),
            target: t.id,
            root: root.filter(|_| t.state == State::Unreachable),
            started_at: t.since,
            ended_at: None,
            reason: Reason::Timeout,
            acknowledged: None,
            class: None,
        })
        .collect()
}

/// The district at second `tick` of a run: the link of Thạch Khoán is cut,
/// its router and computers unreachable, one computer is off, one access point unknown.
pub fn running(tick: u64, start: Timestamp) -> Snapshot {
    let at = start.plus(Span::from_secs(tick));
    let inventory = district();
    let class = |d: &Device| (TargetKey::from(d.id.clone()), d.class);
    let classes: BTreeMap<TargetKey, Class> = inventory.devices.values().map(class).collect();
    let mut snapshot = snapshot(inventory, at, |id, key| {
        let slug = key.slug.as_str();
        let state = match slug {
            "wan-thach-khoan" | "office-pc-1" => State::Down,
            "wan-vo-mieu" => State::Degraded,
            "office-ap-3" | "office-scanner" => State::Unknown,
            s if s.starts_with("thach-khoan-") => State::Unreachable,
            s if s.starts_with("office-secret") => State::Unknown,
            _ => State::Up,
        };
        let mut v = view(id, key, state);
        v.maintenance = slug == "office-ap-4";
        v.last_look_at = (state != State::Unknown).then_some(at);
        v.last_reply_at = state.is_online().then_some(at);
        let received = if state.is_online() { 3 } else { 0 };
        if state != State::Unknown {
            v.echo = Some(burst(received, 4 + u64::from(id % 40)));
        }
        v.totals = Totals {
            outages: u64::from(state.is_out()),
            outage: if state.is_out() {
                Span::from_secs(tick)
            } else {
                Span::ZERO
            },
            observed: Span::from_secs(tick),
            reboots: 0,
            echo_sent: 3 * (tick + 1),
            echo_received: u64::from(received) * (tick + 1),
            rtt_sum: Span::from_millis(u64::from(received) * 4 * (tick + 1)),
        };
        if key.kind == tramgac::model::TargetKind::Service {
            v.service = Some(ServiceStats {
                duration: Span::from_millis(120),
                phases: Vec::new(),
                http_status: Some(200),
                tls_not_after: Some(at.plus(Span::from_secs(30 * 86_400))),
            });
        }
        let class = classes.get(key).map_or("", |c| c.as_str());
        if state.is_online() && !matches!(class, "" | "computer" | "camera") {
            let octets = 1_000_000_000 + 1_250_000 * tick;
            v.snmp = Some(Arc::new(snmp(at, octets, readings(class, at))));
        }
        v
    });
    snapshot.incidents = Arc::new(incidents(&snapshot));
    snapshot
}

/// Counters of a daemon that has run for `tick` seconds, one cycle each.
pub fn meters(tick: u64, start: Timestamp) -> Meters {
    let meters = Meters::default();
    for name in ["icmp", "snmp", "http"] {
        let p = meters.protocol(name);
        p.cycles.add(tick + 1);
        p.attempts.add((tick + 1) * 100);
        p.interval.set(Span::from_secs(1));
        p.duration.set(Span::from_millis(200));
        p.lag.set(Span::from_millis(2));
        p.last_cycle.set(start.plus(Span::from_secs(tick)));
        p.failed_as("timeout");
    }
    for (i, unit) in FORMER_UNITS.iter().enumerate() {
        let rtt = meters.link_rtt(&format!("wan-{}", unit.hall).parse().unwrap());
        for _ in 0..=tick {
            rtt.observe(Span::from_millis(4 + u64::try_from(i).unwrap()));
        }
    }
    let mail = meters.channel("it-mail");
    mail.attempts.add(2);
    for _ in 0..=tick {
        meters.db_write.observe(Span::from_millis(4));
    }
    meters.db_last_backup.set(start);
    meters.db_backup_interval.set(Span::from_secs(86_400));
    meters.db_backup_duration.set(Span::from_millis(640));
    meters.db_main_bytes.set(4_096_000);
    meters.db_wal_bytes.set(32_000);
    meters.icmp_send_errors("no_route").inc();
    meters.config_reloaded(true, start);
    meters
}

/// What a daemon adds to a snapshot.
pub fn extra(meters: &Meters, snapshot: &Snapshot) -> Extra {
    let day = Span::from_secs(86_400);
    let times = |days: u32| {
        let one = |t: &TargetView| {
            let up = if t.state.is_out() {
                day * days / 2
            } else {
                day * days
            };
            let observed = day * days;
            (t.id, Times { up, observed })
        };
        Arc::new(snapshot.targets().map(one).collect())
    };
    Extra {
        today: TODAY,
        area_kinds: vec![UnitKind::Commune, UnitKind::Ward, UnitKind::Township],
        build: Build {
            version: "0.1.0",
            revision: "abcdef",
            rustc: "1.95.0",
        },
        process: meters.read(),
        work_time: BTreeMap::from([("office".to_owned(), true)]),
        indicators: COMMUNES
            .iter()
            .map(|c| IndicatorSample {
                indicator: "computers_seen".to_owned(),
                area: c.id.to_owned(),
                numerator: 9,
                denominator: 10,
                unknown: 1,
                exempt: 2,
            })
            .collect(),
        windows: [("1d", 1), ("7d", 7), ("30d", 30)]
            .map(|(name, days)| Window {
                name,
                times: times(days),
            })
            .into(),
        limits: Limits::default(),
    }
}
