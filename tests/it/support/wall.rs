//! A district on paper: an inventory and a snapshot of it, as the monitor
//! would publish them, with trouble where a test wants it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::blank;
use jiff::civil::Date;
use tramgac::inventory::{
    Address, Check, Class, Device, Exemption, HeadCount, Host, Inventory, Link, Medium, Membership,
    MonitorMode, Service, Site, SiteKind, Unit, UnitKind,
};
use tramgac::lab::thanh_son::{COMMUNES, FORMER_UNITS};
use tramgac::model::{
    Count, DeviceId, EchoStats, EvidenceKind, IncidentId, Reading, Reason, ServiceStats, Span, State,
    TargetId, TargetKey, Timestamp,
};
use tramgac::monitor::Snapshot;
use tramgac::monitor::snapshot::{
    BlindSpan, IncidentView, InterfaceView, Rate, SHARD_TARGETS, SnmpView, TargetView, Told, Totals,
};

/// 24 November 2026, 09:30:00 in Hanoi.
pub const NOW: Timestamp = Timestamp::from_secs(1_795_487_400);

/// A district.
pub struct Wall {
    /// What there is.
    pub inventory: Inventory,
    /// States that are not up, by kind/slug.
    trouble: BTreeMap<String, Trouble>,
    ended: Vec<(String, i64, i64, Reason)>,
    blind: bool,
    unread: BTreeSet<String>,
}

struct Trouble {
    state: State,
    reason: Reason,
    minutes: i64,
    root: Option<String>,
    acknowledged: bool,
    maintenance: bool,
}

pub use super::blank::device;

fn site(id: &str, name: &str, kind: SiteKind, unit: &str) -> Site {
    Site {
        units: vec![Membership {
            unit: unit.parse().unwrap(),
            from: None,
            to: None,
        }],
        ..blank::site(id, name, kind)
    }
}

fn link(id: &str, name: &str, site: &str, router: &str, medium: Medium, provider: &str) -> Link {
    Link {
        provider: Some(provider.to_owned()),
        medium,
        contracted_receive_bps: Some(100_000_000),
        far_end: vec![Host::from("192.0.2.1".to_owned())],
        ..blank::link(id, name, site, router)
    }
}

fn service(id: &str, name: &str) -> Service {
    Service {
        check: Check {
            kind: "http".to_owned(),
            options: serde_json::json!({ "url": "https://example.invalid/" }),
        },
        ..blank::service(id, name)
    }
}

impl Wall {
    /// The seed district as it is today: the office, 23 halls, some schools.
    pub fn seed() -> Self {
        let mut d = Self {
            inventory: Inventory::default(),
            trouble: BTreeMap::new(),
            ended: Vec::new(),
            blind: false,
            unread: BTreeSet::new(),
        };
        for commune in &COMMUNES {
            d.unit(blank::unit(commune.id, commune.name, UnitKind::Commune));
        }
        d.office();
        for former in &FORMER_UNITS {
            let name = format!("Trụ sở {}", former.name);
            d.site_with(
                former.hall,
                &name,
                SiteKind::CommuneHall,
                former.today,
                former.medium,
                6,
            );
            let hall = d.inventory.sites.get_mut(&former.hall.parse().unwrap()).unwrap();
            hall.head_counts.push(HeadCount {
                as_of: None,
                staff: former.staff,
                staff_with_computer: Some(former.with_computer),
            });
        }
        d.site_with(
            "thcs-so-3",
            "Trường THCS số 3 \"Thạch Khoán\"",
            SiteKind::School,
            "xa-thanh-son",
            "fiber",
            3,
        );
        d.service(service("cong-thong-tin", "Trang thông tin điện tử"));
        d.service(service("van-ban", "Phần mềm quản lý văn bản và điều hành"));
        d
    }

    /// So many sites of ten targets each, in so many areas.
    pub fn large(sites: usize, areas: usize) -> Self {
        let mut d = Self {
            inventory: Inventory::default(),
            trouble: BTreeMap::new(),
            ended: Vec::new(),
            blind: false,
            unread: BTreeSet::new(),
        };
        for a in 0..areas {
            d.unit(blank::unit(
                &format!("xa-{a}"),
                &format!("Xã số {a}"),
                UnitKind::Commune,
            ));
        }
        for s in 0..sites {
            let unit = format!("xa-{}", s % areas);
            let id = format!("diem-{s}");
            d.site_with(
                &id,
                &format!("Điểm {s}"),
                SiteKind::CommuneHall,
                &unit,
                "fiber",
                6,
            );
        }
        d
    }

    fn office(&mut self) {
        self.site_with(
            "tru-so",
            "Trụ sở UBND",
            SiteKind::Office,
            "xa-thanh-son",
            "leased_line",
            20,
        );
        for (id, name, class) in [
            ("sw-tru-so", "Bộ chuyển mạch tầng 1", Class::Switch),
            ("may-chu-1", "Máy chủ văn bản", Class::Server),
            ("ups-1", "UPS phòng máy chủ", Class::Ups),
            ("in-mot-cua", "Máy in Một cửa", Class::Printer),
        ] {
            let mut made = device(id, name, class, Some("tru-so"));
            made.vendor = Some("HP".to_owned());
            made.model = Some("1920-24G".to_owned());
            made.serial = Some(format!("CN-{id}"));
            made.asset_tag = Some("1154985-000134".to_owned());
            made.price_vnd = Some(12_500_000);
            made.in_service_from = Some(Date::constant(2023, 3, 5));
            made.addresses.push(Address {
                host: Host::from("192.0.2.10".to_owned()),
            });
            self.device(made);
        }
        for n in 1..=10 {
            let ap = device(
                &format!("wifi-{n:02}"),
                &format!("Wi-Fi {n:02}"),
                Class::WifiAp,
                Some("tru-so"),
            );
            self.device(ap);
        }
        for n in 1..=3 {
            let mut secret = device(
                &format!("may-mat-{n}"),
                &format!("Máy soạn thảo văn bản mật {n}"),
                Class::Computer,
                Some("tru-so"),
            );
            secret.mode = MonitorMode::Never;
            secret.serial = Some(format!("SECRET-{n}"));
            secret.exemption = Some(Exemption {
                reason: "secrecy".to_owned(),
                decision: Some("12/QĐ-UBND".to_owned()),
                author: None,
                from: None,
                to: None,
            });
            self.device(secret);
        }
    }

    fn site_with(
        &mut self,
        id: &str,
        name: &str,
        kind: SiteKind,
        unit: &str,
        medium: &str,
        computers: usize,
    ) {
        let made = site(id, name, kind, unit);
        self.inventory.sites.insert(made.id.clone(), made);
        let router = format!("rt-{id}");
        let mut rt = device(&router, &format!("Router {name}"), Class::Router, Some(id));
        rt.addresses.push(Address {
            host: Host::from("192.0.2.1".to_owned()),
        });
        rt.vendor = Some("MikroTik".to_owned());
        rt.model = Some("RB2011".to_owned());
        self.device(rt);
        let mut ap = device(
            &format!("ap-{id}"),
            &format!("Wi-Fi {name}"),
            Class::WifiAp,
            Some(id),
        );
        ap.parents.push(router.parse().unwrap());
        if kind == SiteKind::CommuneHall {
            ap.class = Class::Switch;
            ap.name = format!("Switch {name}");
        }
        self.device(ap);
        for n in 1..=computers {
            let mut pc = device(
                &format!("pc-{id}-{n:02}"),
                &format!("Máy tính {n:02} {name}"),
                Class::Computer,
                Some(id),
            );
            pc.parents.push(router.parse::<DeviceId>().unwrap());
            self.device(pc);
        }
        let medium = Medium::ALL
            .into_iter()
            .find(|(_, word)| *word == medium)
            .map_or(Medium::Other, |(m, _)| m);
        let made = link(
            &format!("kenh-{id}"),
            &format!("Kênh {name}"),
            id,
            &router,
            medium,
            "VNPT",
        );
        self.inventory.links.insert(made.id.clone(), made);
    }

    /// Adds a unit.
    pub fn unit(&mut self, unit: Unit) {
        self.inventory.units.insert(unit.id.clone(), unit);
    }

    /// Adds a device.
    pub fn device(&mut self, device: Device) {
        self.inventory.devices.insert(device.id.clone(), device);
    }

    /// Adds a service.
    pub fn service(&mut self, service: Service) {
        self.inventory.services.insert(service.id.clone(), service);
    }

    /// A target has been in a state for so many minutes.
    pub fn is(&mut self, key: &str, state: State, reason: Reason, minutes: i64) {
        self.trouble.insert(
            key.to_owned(),
            Trouble {
                state,
                reason,
                minutes,
                root: None,
                acknowledged: false,
                maintenance: false,
            },
        );
    }

    /// The open trouble of a target was noted.
    pub fn acknowledge(&mut self, key: &str) {
        self.trouble.get_mut(key).unwrap().acknowledged = true;
    }

    /// The device refuses what we say over SNMP, while it answers otherwise.
    pub fn refuses_snmp(&mut self, key: &str) {
        self.unread.insert(key.to_owned());
    }

    /// The open trouble of a target is covered by a maintenance window.
    pub fn maintain(&mut self, key: &str) {
        self.trouble.get_mut(key).unwrap().maintenance = true;
    }

    /// An outage began and ended so many minutes ago.
    pub fn was_down(&mut self, key: &str, from: i64, to: i64) {
        self.ended.push((key.to_owned(), from, to, Reason::Timeout));
    }

    /// The monitor itself is cut off.
    pub fn blind(&mut self) {
        self.blind = true;
    }

    /// The link of a site is cut: what stands there can't be reached.
    pub fn cut(&mut self, site: &str, minutes: i64) {
        let root = format!("link/kenh-{site}");
        self.is(&root, State::Down, Reason::Timeout, minutes);
        let there: Vec<String> = self
            .inventory
            .devices
            .values()
            .filter(|d| !d.is_hidden() && d.site.as_ref().is_some_and(|s| s.as_str() == site))
            .map(|d| format!("device/{}", d.id))
            .collect();
        for key in there {
            self.is(&key, State::Unreachable, Reason::Parent(root.clone()), minutes);
            self.trouble.get_mut(&key).unwrap().root = Some(root.clone());
        }
    }

    /// The trouble that the pictures show: a cut link, a Wi-Fi point, a service.
    pub fn with_trouble(mut self) -> Self {
        self.cut("kha-cuu", 192);
        self.cut("tan-lap", 7);
        self.is("device/wifi-07", State::Down, Reason::HostUnreachable, 26 * 60);
        self.acknowledge("device/wifi-07");
        self.is(
            "service/van-ban",
            State::Degraded,
            Reason::Threshold("slow".into()),
            12,
        );
        self.is(
            "link/kenh-tan-minh",
            State::Degraded,
            Reason::Threshold("loss".into()),
            40,
        );
        self.is("device/sw-tru-so", State::Unknown, Reason::NotPolled, 3);
        for n in 3..=6 {
            self.is(
                &format!("device/pc-giap-lai-{n:02}"),
                State::Down,
                Reason::Timeout,
                900,
            );
        }
        self.was_down("link/kenh-yen-son", 300, 282);
        self.was_down("device/rt-son-hung", 700, 690);
        self
    }

    /// As the monitor would publish it at [`NOW`].
    pub fn snapshot(&self) -> Snapshot {
        let keys: Vec<TargetKey> = self
            .inventory
            .devices
            .values()
            .filter(|d| !d.is_hidden() && d.mode == MonitorMode::Polled)
            .map(|d| d.id.clone().into())
            .chain(self.inventory.links.keys().map(|id| id.clone().into()))
            .chain(self.inventory.services.keys().map(|id| id.clone().into()))
            .collect();
        let index: BTreeMap<TargetKey, TargetId> = (1u32..)
            .zip(&keys)
            .map(|(n, key)| (key.clone(), TargetId(n)))
            .collect();
        let ids: BTreeMap<String, TargetId> = index.iter().map(|(k, id)| (k.to_string(), *id)).collect();
        let mut incidents = Vec::new();
        let mut number = 0;
        let mut shards: Vec<Vec<Arc<TargetView>>> = Vec::new();
        for key in &keys {
            let id = index[key];
            let view = self.target(key, id, &ids);
            if view.state.is_out() {
                number += 1;
                incidents.push(IncidentView {
                    id: IncidentId(number),
                    target: id,
                    root: view.root,
                    started_at: view.since,
                    ended_at: None,
                    reason: view.reason.clone().unwrap(),
                    acknowledged: view
                        .acknowledged
                        .then(|| ("Nguyễn Văn An".to_owned(), "đã đặt thiết bị thay thế".to_owned())),
                    class: None,
                });
            }
            let shard = usize::try_from(id.0).unwrap() / SHARD_TARGETS;
            if shards.len() <= shard {
                shards.resize_with(shard + 1, Vec::new);
            }
            shards[shard].push(Arc::new(view));
        }
        for (key, from, to, reason) in &self.ended {
            number += 1;
            incidents.push(IncidentView {
                id: IncidentId(number),
                target: ids[key],
                root: None,
                started_at: ago(*from),
                ended_at: Some(ago(*to)),
                reason: reason.clone(),
                acknowledged: None,
                class: None,
            });
        }
        incidents.sort_by_key(|i| std::cmp::Reverse(i.started_at));
        Snapshot {
            at: NOW,
            inventory: Arc::new(self.inventory.clone()),
            index: Arc::new(index),
            shards: shards.into_iter().map(Arc::new).collect(),
            blind_since: self.blind.then(|| ago(4)),
            blind_spans: Arc::new(if self.blind {
                let span = |started_at, ended_at| BlindSpan { started_at, ended_at };
                vec![span(ago(4), None), span(ago(600), Some(ago(580)))]
            } else {
                Vec::new()
            }),
            incidents: Arc::new(incidents),
        }
    }

    fn target(&self, key: &TargetKey, id: TargetId, ids: &BTreeMap<String, TargetId>) -> TargetView {
        let trouble = self.trouble.get(&key.to_string());
        let device = self
            .inventory
            .devices
            .values()
            .find(|d| TargetKey::from(d.id.clone()) == *key);
        let wifi = device.is_some_and(|d| d.class == Class::WifiAp);
        let router = device.is_some_and(|d| d.class == Class::Router);
        let state = trouble.map_or(State::Up, |t| t.state);
        let seen = if state.is_out() {
            ago(trouble.unwrap().minutes)
        } else {
            ago(0)
        };
        TargetView {
            id,
            key: key.clone(),
            state,
            reason: trouble.map(|t| t.reason.clone()),
            since: ago(trouble.map_or(5000, |t| t.minutes)),
            suspect: false,
            incident: None,
            root: trouble.and_then(|t| t.root.as_ref()).map(|k| ids[k]),
            maintenance: trouble.is_some_and(|t| t.maintenance),
            silenced: false,
            acknowledged: trouble.is_some_and(|t| t.acknowledged),
            flapping: false,
            last_reply_at: Some(seen),
            last_look_at: Some(NOW),
            evidence: BTreeMap::from([(EvidenceKind::EchoReply, seen)]),
            totals: Totals::default(),
            echo: key.kind.as_str().ne("service").then(|| EchoStats {
                address: "192.0.2.1".parse().unwrap(),
                sent: 3,
                received: if state.is_online() { 3 } else { 0 },
                late: 0,
                duplicates: 0,
                rtt: None,
            }),
            service: key.kind.as_str().eq("service").then(|| ServiceStats {
                duration: Span::from_millis(182),
                phases: Vec::new(),
                http_status: Some(200),
                tls_not_after: None,
            }),
            snmp: if self.unread.contains(&key.to_string()) {
                Some(Arc::new(SnmpView {
                    reason: Some(Reason::Auth),
                    polled_at: Some(NOW),
                    ..SnmpView::default()
                }))
            } else {
                (wifi || router).then(|| Arc::new(snmp(wifi, state.is_online())))
            },
        }
    }
}

fn snmp(wifi: bool, up: bool) -> SnmpView {
    SnmpView {
        up,
        polled_at: Some(NOW),
        uptime: Some(Span::from_secs(86_400 * 12)),
        profile: Some("mikrotik".to_owned()),
        readings: if wifi {
            vec![Reading {
                kind: "wifi_clients".to_owned(),
                instance: "wlan1".to_owned(),
                value: Ok(7.0),
                unit: "count".to_owned(),
                at: NOW,
            }]
        } else {
            Vec::new()
        },
        interfaces: vec![
            InterfaceView {
                name: "ether1".into(),
                index: 1,
                admin_up: Some(true),
                oper_up: Some(up),
                speed_bps: Some(Count::new(1_000_000_000)),
                in_octets: Some(Count::new(1)),
                out_octets: Some(Count::new(1)),
                in_rate: Rate::new(4_312_500.0),
                out_rate: Rate::new(250_000.0),
                ..InterfaceView::default()
            }
            .with(Told {
                alias: Some("WAN <VNPT> & \"dự phòng\""),
                mac: Some("00:1b:21:ab:cd:ef"),
                ..Told::default()
            }),
        ]
        .into(),
        ..SnmpView::default()
    }
}

fn ago(minutes: i64) -> Timestamp {
    Timestamp::from_secs(NOW.as_secs() - minutes * 60)
}
