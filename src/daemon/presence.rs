//! Who is on the network, by what routers, switches and Wi-Fi points tell: their
//! ARP, bridge and association tables against the inventory. Pure.
//!
//! Only what people may switch off, and what is not asked itself, is looked for:
//! an entry in a table outlives its owner, so that it proves nothing of what is
//! always on and must answer itself. A bridge entry counts on an access port
//! only; a port is an uplink if the bridge has a neighbour there that is no end
//! device, if another piece of network equipment lies behind it, or if more
//! addresses do than a desk has.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::inventory::Device;
use crate::inventory::Host;
use crate::inventory::Inventory;
use crate::inventory::Lifecycle;
use crate::inventory::Mac;
use crate::inventory::MonitorMode;
use crate::model::EvidenceKind;
use crate::model::TargetId;
use crate::model::TargetKey;
use crate::profile::Learnt;

/// Addresses behind a port from which on it is an uplink: a switch of a desk or
/// of a small room has 16 ports.
const UPLINK_FROM: usize = 17;

/// What is looked for.
#[derive(Debug, Default)]
pub struct Sought {
    by_mac: BTreeMap<Mac, TargetId>,
    by_address: BTreeMap<IpAddr, TargetId>,
    /// Machines that must not be on any network.
    forbidden: BTreeMap<Mac, TargetId>,
    /// Hardware addresses of routers, switches and the like.
    network: BTreeSet<Mac>,
    /// Hardware addresses of what ends a line: computers, phones, printers.
    ends: BTreeSet<Mac>,
    /// Devices whose tables tell who is there.
    tellers: BTreeSet<TargetId>,
}

/// What the tables of one device tell.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Who is there, and by what evidence; each pair once.
    pub present: BTreeSet<(TargetId, EvidenceKind)>,
    /// Machines that must not be there.
    pub forbidden: BTreeSet<TargetId>,
}

/// Whether an entry in another device's table shows that it is there.
fn is_sought(device: &Device) -> bool {
    let always_on = device
        .probing
        .always_on
        .unwrap_or(device.class.defaults().always_on);
    match device.mode {
        MonitorMode::Polled => !always_on,
        MonitorMode::Passive => true,
        MonitorMode::Manual | MonitorMode::Never => false,
    }
}

impl Sought {
    /// What an inventory looks for.
    pub fn of(inventory: &Inventory, index: &BTreeMap<TargetKey, TargetId>) -> Self {
        let mut sought = Self::default();
        for device in inventory.devices.values() {
            let Some(id) = index.get(&device.id.clone().into()).copied() else {
                continue;
            };
            if device.is_hidden() {
                sought.forbidden.extend(device.macs.iter().map(|mac| (*mac, id)));
            }
            if device.lifecycle != Lifecycle::InUse {
                continue;
            }
            if device.class.carries_others() {
                sought.network.extend(&device.macs);
                sought.tellers.insert(id);
                continue;
            }
            sought.ends.extend(&device.macs);
            if is_sought(device) {
                sought.by_mac.extend(device.macs.iter().map(|mac| (*mac, id)));
                let addresses = device.addresses.iter().filter_map(|a| match a.host {
                    Host::Ip(address) => Some((address, id)),
                    Host::Name(_) => None,
                });
                sought.by_address.extend(addresses);
            }
        }
        sought
    }

    /// Whether the tables of this device are worth asking for.
    pub fn asks(&self, teller: TargetId) -> bool {
        self.tellers.contains(&teller)
            && !(self.by_mac.is_empty() && self.by_address.is_empty() && self.forbidden.is_empty())
    }

    /// A port of a piece of network equipment has this address.
    pub fn learn_network(&mut self, teller: TargetId, mac: Mac) {
        if self.tellers.contains(&teller) {
            self.network.insert(mac);
        }
    }

    /// Reads the tables that a device told.
    pub fn read(&self, teller: TargetId, told: &Learnt) -> Told {
        let mut found = Told::default();
        if !self.tellers.contains(&teller) {
            return found;
        }
        let mac = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<Mac>().ok());
        for entry in &told.arp {
            let known = mac(&entry.mac);
            found
                .forbidden
                .extend(known.and_then(|mac| self.forbidden.get(&mac)));
            // The hardware address says who it is; the other one may have been lent.
            let who = known.and_then(|mac| self.by_mac.get(&mac)).or_else(|| {
                let address: IpAddr = entry.address.as_deref()?.parse().ok()?;
                self.by_address.get(&address)
            });
            found.present.extend(who.map(|id| (*id, EvidenceKind::Arp)));
        }
        let uplinks = self.uplinks(told);
        for entry in &told.fdb {
            let Some(known) = mac(&entry.mac) else { continue };
            found.forbidden.extend(self.forbidden.get(&known));
            let is_access = entry.if_index.is_some_and(|port| !uplinks.contains(&port));
            if is_access {
                let who = self.by_mac.get(&known);
                found
                    .present
                    .extend(who.map(|id| (*id, EvidenceKind::BridgeEntry)));
            }
        }
        for entry in &told.associations {
            let Some(known) = mac(&entry.mac) else { continue };
            found.forbidden.extend(self.forbidden.get(&known));
            let who = self.by_mac.get(&known);
            found
                .present
                .extend(who.map(|id| (*id, EvidenceKind::WifiAssociation)));
        }
        found
    }

    /// The interfaces behind which other network equipment lies.
    fn uplinks(&self, told: &Learnt) -> BTreeSet<u64> {
        let mut uplinks = BTreeSet::new();
        for neighbour in &told.neighbours {
            let is_end = neighbour
                .chassis
                .as_deref()
                .and_then(|text| text.parse::<Mac>().ok())
                .is_some_and(|mac| self.ends.contains(&mac));
            if is_end {
                continue;
            }
            if let Some(port) = neighbour.if_index {
                uplinks.insert(port);
            } else if let Some(port) = neighbour.local_port.as_deref() {
                // What may mean several interfaces means each of them.
                let of_that_name = told.interfaces.iter().filter(|interface| {
                    [&interface.name, &interface.descr, &interface.alias]
                        .into_iter()
                        .any(|name| name.as_deref() == Some(port))
                });
                uplinks.extend(of_that_name.filter_map(|interface| interface.index));
            }
        }
        let mut behind: BTreeMap<u64, BTreeSet<&str>> = BTreeMap::new();
        for entry in &told.fdb {
            let (Some(port), Some(text)) = (entry.if_index, entry.mac.as_deref()) else {
                continue;
            };
            behind.entry(port).or_default().insert(text);
            if text.parse::<Mac>().is_ok_and(|mac| self.network.contains(&mac)) {
                uplinks.insert(port);
            }
        }
        let crowded = behind.into_iter().filter(|(_, macs)| macs.len() >= UPLINK_FROM);
        uplinks.extend(crowded.map(|(port, _)| port));
        uplinks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TargetKind;
    use crate::profile::What;
    use crate::profile::learnt::ArpEntry;
    use crate::profile::learnt::Association;
    use crate::profile::learnt::FdbEntry;
    use crate::profile::learnt::Interface;
    use crate::profile::learnt::Neighbour;

    const SWITCH: TargetId = TargetId(1);
    const PC: TargetId = TargetId(2);
    const SERVER: TargetId = TargetId(3);
    const SECRET: TargetId = TargetId(4);
    const MACS: [&str; 5] = [
        "",
        "02:00:00:00:00:01",
        "02:00:00:00:00:02",
        "02:00:00:00:00:03",
        "02:00:00:00:00:04",
    ];

    fn sought() -> Sought {
        let text = format!(
            "sites: [{{id: vp, name: VP, kind: office}}]
devices:
  - {{id: sw, name: SW, class: switch, site: vp, address: 192.0.2.1, mac: '{}'}}
  - {{id: pc, name: PC, class: computer, site: vp, address: 192.0.2.2, mac: '{}'}}
  - {{id: sv, name: SV, class: server, site: vp, address: 192.0.2.3, mac: '{}'}}
  - {{id: mat, name: M, class: computer, site: vp, monitor: never, mac: '{}', exempt: {{reason: secrecy, decision: '1'}}}}
",
            MACS[1], MACS[2], MACS[3], MACS[4]
        );
        let config =
            crate::config::load::load_text("t.yaml", &text, crate::config::secret::Env::default()).unwrap();
        let index = [("sw", SWITCH), ("pc", PC), ("sv", SERVER), ("mat", SECRET)]
            .into_iter()
            .map(|(slug, id)| {
                let key = TargetKey {
                    kind: TargetKind::Device,
                    slug: slug.parse().unwrap(),
                };
                (key, id)
            })
            .collect();
        Sought::of(&config.inventory, &index)
    }

    fn arp(address: &str, mac: &str) -> ArpEntry {
        ArpEntry {
            address: Some(address.to_owned()),
            mac: Some(mac.to_owned()),
            ..ArpEntry::default()
        }
    }

    fn fdb(mac: &str, port: u64) -> FdbEntry {
        FdbEntry {
            mac: Some(mac.to_owned()),
            if_index: Some(port),
            ..FdbEntry::default()
        }
    }

    fn present(told: &Learnt) -> Vec<(TargetId, EvidenceKind)> {
        sought().read(SWITCH, told).present.into_iter().collect()
    }

    #[test]
    fn an_arp_entry_shows_who_has_the_hardware_address_and_else_who_has_the_other() {
        let seen = |entry| {
            present(&Learnt {
                arp: vec![entry],
                ..Learnt::default()
            })
        };
        assert_eq!(seen(arp("192.0.2.99", MACS[2])), [(PC, EvidenceKind::Arp)]);
        assert_eq!(
            seen(arp("192.0.2.2", "02:00:00:00:00:99")),
            [(PC, EvidenceKind::Arp)]
        );
        // A server must answer by itself: the router remembers the dead.
        assert_eq!(seen(arp("192.0.2.3", MACS[3])), []);
        assert_eq!(seen(arp("192.0.2.98", "02:00:00:00:00:98")), []);
    }

    #[test]
    fn an_association_shows_who_is_there_and_who_must_not_be() {
        let of = |mac: &str| Learnt {
            associations: vec![Association {
                mac: Some(mac.to_owned()),
                ..Association::default()
            }],
            ..Learnt::default()
        };
        assert_eq!(present(&of(MACS[2])), [(PC, EvidenceKind::WifiAssociation)]);
        // A server must answer by itself.
        assert_eq!(present(&of(MACS[3])), []);
        let secret = sought().read(SWITCH, &of(MACS[4]));
        assert_eq!(secret.forbidden.into_iter().collect::<Vec<_>>(), [SECRET]);
    }

    #[test]
    fn a_bridge_entry_counts_on_an_access_port_only() {
        let access = Learnt {
            fdb: vec![fdb(MACS[2], 5)],
            ..Learnt::default()
        };
        assert_eq!(present(&access), [(PC, EvidenceKind::BridgeEntry)]);
        let behind_another = Learnt {
            fdb: vec![fdb(MACS[2], 5), fdb(MACS[1], 5)],
            ..Learnt::default()
        };
        assert_eq!(present(&behind_another), [], "a switch lies behind that port");
        let mut crowded = access.clone();
        crowded
            .fdb
            .extend((0..16).map(|i| fdb(&format!("02:00:00:00:01:{i:02x}"), 5)));
        assert_eq!(present(&crowded), [], "so many are no desk");
        let neighbour = |chassis: &str| Learnt {
            interfaces: vec![Interface {
                index: Some(5),
                name: Some("ge-0/0/5".to_owned()),
                ..Interface::default()
            }],
            neighbours: vec![Neighbour {
                local_port: Some("ge-0/0/5".to_owned()),
                chassis: Some(chassis.to_owned()),
                ..Neighbour::default()
            }],
            ..access.clone()
        };
        assert_eq!(present(&neighbour("02:00:00:00:00:77")), []);
        assert_eq!(
            present(&neighbour(MACS[2])),
            [(PC, EvidenceKind::BridgeEntry)],
            "a computer may tell of itself"
        );
        let mut by_number = neighbour("02:00:00:00:00:77");
        for told in &mut by_number.neighbours {
            told.local_port = Some("27".to_owned());
            told.if_index = Some(5);
        }
        assert_eq!(present(&by_number), [], "whatever the port is called");
        let unknown_port = Learnt {
            fdb: vec![FdbEntry {
                mac: Some(MACS[2].to_owned()),
                ..FdbEntry::default()
            }],
            ..Learnt::default()
        };
        assert_eq!(present(&unknown_port), []);
    }

    #[test]
    fn a_machine_that_must_not_be_on_a_network_is_told_wherever_it_is_seen() {
        for told in [
            Learnt {
                arp: vec![arp("192.0.2.50", MACS[4])],
                ..Learnt::default()
            },
            Learnt {
                fdb: vec![fdb(MACS[4], 5), fdb(MACS[1], 5)],
                ..Learnt::default()
            },
        ] {
            let found = sought().read(SWITCH, &told);
            assert_eq!(found.forbidden.into_iter().collect::<Vec<_>>(), [SECRET]);
            assert!(found.present.is_empty());
        }
    }

    #[test]
    fn only_network_equipment_is_asked() {
        let sought = sought();
        assert!(sought.asks(SWITCH) && !sought.asks(PC) && !sought.asks(SERVER));
        assert!(!Sought::default().asks(SWITCH));
    }

    #[test]
    fn the_tables_are_asked_for_more_often_than_everything_else_that_seldom_changes() {
        let library = crate::profile::load::Library::open(None).unwrap();
        let chain = library.set().chain_of("linux").unwrap();
        let asks = |what, column: &str| {
            let plan = chain.plan(what);
            let mut columns = plan.tables.iter().flatten();
            columns.any(|oid| oid.to_string().starts_with(column))
        };
        let (arp, bridge) = ("1.3.6.1.2.1.4.22.1.2", "1.3.6.1.2.1.17.4.3.1.2");
        for column in [arp, bridge] {
            assert!(!asks(What::Readings, column), "{column}");
            assert!(asks(What::Presence, column), "{column}");
        }
    }
}
