//! What every target is asked, and where: the addresses to ping, the SNMP
//! agent, the check. Built from the inventory at start and reload; names are
//! resolved again and again, and one that does not resolve is one unknown
//! target, no more (trap 18).

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::HashSet;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;

use super::parts;
use super::parts::Plugins;
use crate::config::model::Config;
use crate::config::model::Polling;
use crate::inventory::Device;
use crate::inventory::Host;
use crate::inventory::Inventory;
use crate::inventory::Link;
use crate::inventory::MonitorMode;
use crate::inventory::PingOptions;
use crate::inventory::Service;
use crate::model::DeviceId;
use crate::model::LinkId;
use crate::model::ServiceId;
use crate::model::SiteId;
use crate::model::Span;
use crate::model::TargetId;
use crate::model::TargetKey;
use crate::model::TargetKind;
use crate::monitor::Settings;
use crate::probe::Check;
use crate::probe::icmp::Group;
use crate::probe::icmp::pace::Subnets;
use crate::probe::snmp::credential::Credential;

/// Groups from here on are subnets; those below are links, by their row numbers.
const SUBNETS: u32 = 1 << 31;

/// One thing that is done again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Look {
    /// Ping a target.
    Ping(TargetId),
    /// Ask a device over SNMP.
    Snmp(TargetId),
    /// Check a service, or a device's TCP port.
    Check(TargetId),
    /// Ping the addresses that prove that we can look.
    Uplink,
}

/// What a target is asked.
#[derive(Default)]
pub struct Targets {
    /// Pings.
    pub pings: BTreeMap<TargetId, Ping>,
    /// SNMP.
    pub agents: BTreeMap<TargetId, Agent>,
    /// Checks.
    pub checks: BTreeMap<TargetId, Checked>,
    /// Links that end on an interface of a device, by the device.
    pub uplinks: BTreeMap<TargetId, Vec<LinkPort>>,
}

/// How a target is pinged.
#[derive(Debug, Clone)]
pub struct Ping {
    /// Where it can be reached: for a link every far end, for a device one address of each family.
    pub hosts: Vec<Host>,
    /// How often.
    pub interval: Span,
    /// How long to wait for a reply.
    pub timeout: Span,
    /// How the requests leave.
    pub options: PingOptions,
    /// The line that it shares with others; `None`: its subnet's, by its address.
    pub group: Option<Group>,
    /// The link, for the histogram of its round trip times.
    pub link: Option<LinkId>,
}

/// How a device is asked over SNMP.
#[derive(Debug, Clone)]
pub struct Agent {
    /// Where.
    pub host: Host,
    /// UDP port.
    pub port: u16,
    /// It may answer from another of its addresses.
    pub any_source: bool,
    /// As whom, in this order.
    pub credentials: Vec<Arc<Credential>>,
    /// How often.
    pub interval: Span,
}

/// A check of a service or of a device's port.
#[derive(Clone)]
pub struct Checked {
    /// The name of its kind.
    pub kind: Arc<str>,
    /// The check.
    pub check: Arc<dyn Check>,
    /// How often.
    pub interval: Span,
    /// How long it may take.
    pub timeout: Span,
    /// Where it looks, as far as its options tell: says whether that lies behind our uplink.
    pub host: Option<Host>,
}

/// The interface that a link ends on.
#[derive(Debug, Clone)]
pub struct LinkPort {
    /// The link.
    pub link: TargetId,
    /// The interface's name.
    pub interface: String,
    /// Contracted bits per second, the smaller of both directions.
    pub contracted_bps: Option<u64>,
}

impl Targets {
    /// Collects everything that is to be asked.
    pub fn build(
        config: &Config,
        plugins: &Plugins,
        settings: &Settings,
        inventory: &Inventory,
        index: &BTreeMap<TargetKey, TargetId>,
    ) -> Self {
        let mut targets = Self::default();
        let mut links: HashMap<&SiteId, &Link> = HashMap::new();
        for link in inventory.links.values() {
            links.entry(&link.site).or_insert(link);
        }
        let builder = Builder {
            config,
            plugins,
            settings,
            inventory,
            index,
            links,
            routers: inventory
                .links
                .values()
                .filter_map(|l| l.router.as_ref())
                .collect(),
            credentials: config
                .credentials
                .iter()
                .map(|(name, given)| (name.as_str(), Arc::new(parts::credential(given))))
                .collect(),
        };
        for (key, id) in index {
            match key.kind {
                TargetKind::Device => {
                    if let Some(device) = inventory.devices.get(&DeviceId(key.slug.clone())) {
                        builder.device(*id, device, &mut targets);
                    }
                }
                TargetKind::Link => {
                    if let Some(link) = inventory.links.get(&LinkId(key.slug.clone())) {
                        builder.link(*id, link, &mut targets);
                    }
                }
                TargetKind::Service => {
                    if let Some(service) = inventory.services.get(&ServiceId(key.slug.clone())) {
                        builder.service(*id, service, &mut targets);
                    }
                }
            }
        }
        targets
    }

    /// Every name that has to be resolved.
    pub fn names(&self) -> std::collections::BTreeSet<String> {
        let pinged = self.pings.values().flat_map(|p| p.hosts.iter());
        let asked = self.agents.values().map(|a| &a.host);
        let checked = self.checks.values().filter_map(|c| c.host.as_ref());
        pinged
            .chain(asked)
            .chain(checked)
            .filter_map(|host| match host {
                Host::Name(name) => Some(name.clone()),
                Host::Ip(_) => None,
            })
            .collect()
    }

    /// The paces of subnets that lie behind no link: `rate` requests a second
    /// each, or what the schedule needs there with bursts of `count`.
    pub fn subnets(&self, rate: u32, count: u16) -> Subnets {
        let mut subnets = Subnets::new(rate, SUBNETS);
        for ping in self.pings.values().filter(|p| p.group.is_none()) {
            for host in &ping.hosts {
                if let Host::Ip(address) = host {
                    let per_second = f64::from(count) / ping.interval.as_secs_f64().max(0.001);
                    subnets.need(*address, per_second);
                }
            }
        }
        subnets
    }

    /// Echo requests a second that the schedule needs, `count` a burst.
    pub fn echo_rate(&self, count: u16) -> f64 {
        self.pings
            .values()
            .map(|p| f64::from(count) * p.hosts.len() as f64 / p.interval.as_secs_f64().max(0.001))
            .sum()
    }
}

struct Builder<'a> {
    config: &'a Config,
    plugins: &'a Plugins,
    settings: &'a Settings,
    inventory: &'a Inventory,
    index: &'a BTreeMap<TargetKey, TargetId>,
    /// The first link of each site.
    links: HashMap<&'a SiteId, &'a Link>,
    /// Devices that carry a link.
    routers: HashSet<&'a DeviceId>,
    /// Shared by all who are asked with them.
    credentials: HashMap<&'a str, Arc<Credential>>,
}

impl Builder<'_> {
    /// The line that a site's equipment shares: that of its first link.
    fn group(&self, site: Option<&SiteId>) -> Option<Group> {
        let link = self.links.get(site?)?;
        let id = self.index.get(&TargetKey::from(link.id.clone()))?;
        let polling = &self.config.polling;
        Some(Group {
            id: id.0,
            rate: link.max_rate.unwrap_or_else(|| fitting(polling, link)).max(1),
            burst: u16::try_from(polling.link_burst).unwrap_or(u16::MAX).max(1),
        })
    }

    fn device(&self, id: TargetId, device: &Device, targets: &mut Targets) {
        if device.mode != MonitorMode::Polled || !device.is_member() {
            return;
        }
        let Some(first) = device.primary_host() else {
            return;
        };
        let probes = self.settings.probes(device);
        let interval = self.settings.interval(device);
        let has = |name: &str| probes.iter().any(|p| p == name);
        if has("icmp") {
            let ping = Ping {
                hosts: one_of_each_family(device),
                interval,
                timeout: device.probing.timeout.unwrap_or(self.config.polling.timeout),
                options: device.probing.ping.clone(),
                group: self.group(device.site.as_ref()),
                link: None,
            };
            targets.pings.insert(id, ping);
        }
        let credentials: Vec<Arc<Credential>> = device
            .credentials
            .iter()
            .filter_map(|name| self.credentials.get(name.as_str()).cloned())
            .collect();
        if has("snmp") && !credentials.is_empty() {
            let usual = if self.routers.contains(&device.id) {
                self.config.snmp.link_interval
            } else {
                self.config.snmp.interval
            };
            let by_class = self
                .settings
                .classes
                .get(&device.class)
                .and_then(|c| c.snmp_interval);
            let agent = Agent {
                host: first.clone(),
                port: device.probing.snmp_port.unwrap_or(self.config.snmp.port),
                any_source: device.probing.snmp_any_source,
                credentials,
                interval: device.probing.snmp_interval.or(by_class).unwrap_or(usual),
            };
            targets.agents.insert(id, agent);
        }
        if has("tcp")
            && let Some(port) = device.probing.tcp_port
        {
            let check = crate::probe::tcp::connect_to(first, port);
            let timeout = device.probing.timeout.unwrap_or(self.config.polling.timeout);
            targets.checks.insert(
                id,
                Checked {
                    kind: "tcp".into(),
                    check,
                    interval,
                    timeout,
                    host: Some(first.clone()),
                },
            );
        }
    }

    fn link(&self, id: TargetId, link: &Link, targets: &mut Targets) {
        let router = link.router.as_ref().and_then(|r| self.inventory.devices.get(r));
        let mut hosts = link.far_end.clone();
        if hosts.is_empty() {
            hosts.extend(router.and_then(Device::primary_host).cloned());
        }
        if !hosts.is_empty() {
            let ping = Ping {
                hosts,
                interval: link.interval.unwrap_or(self.settings.intervals.link),
                timeout: link.timeout.unwrap_or(self.config.polling.timeout),
                options: link.ping.clone(),
                group: self.group(Some(&link.site)),
                link: Some(link.id.clone()),
            };
            targets.pings.insert(id, ping);
        }
        if let (Some(router), Some(interface)) = (router, &link.interface)
            && let Some(device) = self.index.get(&TargetKey::from(router.id.clone()))
        {
            let contracted = [link.contracted_receive_bps, link.contracted_transmit_bps];
            targets.uplinks.entry(*device).or_default().push(LinkPort {
                link: id,
                interface: interface.clone(),
                contracted_bps: contracted.into_iter().flatten().min(),
            });
        }
    }

    fn service(&self, id: TargetId, service: &Service, targets: &mut Targets) {
        let Some(check) = self.plugins.checks.get(&service.id) else {
            return;
        };
        targets.checks.insert(
            id,
            Checked {
                kind: service.check.kind.as_str().into(),
                check: Arc::clone(check),
                interval: service.interval.unwrap_or(self.config.polling.intervals.service),
                timeout: service.timeout.unwrap_or(self.config.polling.service_timeout),
                host: checked_host(&service.check.options),
            },
        );
    }
}

/// Echo requests a second that a link takes without harm: the default, but no
/// more than a quarter of the bandwidth that is contracted.
fn fitting(polling: &Polling, link: &Link) -> u32 {
    // IP and ICMP headers: 28 bytes.
    let bits = (u64::from(polling.payload_bytes) + 28) * 8;
    let contracted = [link.contracted_receive_bps, link.contracted_transmit_bps];
    let carried = contracted.into_iter().flatten().min().map(|bps| bps / 4 / bits);
    carried
        .and_then(|rate| u32::try_from(rate).ok())
        .map_or(polling.link_rate, |rate| rate.min(polling.link_rate))
}

/// The host in the options of a check: `host`, or that of `url`.
fn checked_host(options: &serde_json::Value) -> Option<Host> {
    let text = |key| options.get(key).and_then(serde_json::Value::as_str);
    if let Some(host) = text("host") {
        return Some(Host::from(host.to_owned()));
    }
    match url::Url::parse(text("url")?).ok()?.host()? {
        url::Host::Domain(name) => Some(Host::from(name.to_owned())),
        url::Host::Ipv4(ip) => Some(Host::Ip(ip.into())),
        url::Host::Ipv6(ip) => Some(Host::Ip(ip.into())),
    }
}

/// The first address of each family; a name stands for whatever it resolves to.
fn one_of_each_family(device: &Device) -> Vec<Host> {
    let hosts = || device.addresses.iter().map(|a| &a.host);
    let mut chosen: Vec<Host> = hosts().take(1).cloned().collect();
    if let Some(Host::Ip(first)) = chosen.first() {
        let first = *first;
        let other = hosts().find(|h| matches!(h, Host::Ip(ip) if ip.is_ipv4() != first.is_ipv4()));
        chosen.extend(other.cloned());
    }
    chosen
}

/// What names stand for at the moment.
#[derive(Debug, Default)]
pub struct Names {
    found: BTreeMap<String, Vec<IpAddr>>,
}

impl Names {
    /// Takes in what a name resolved to; an empty answer keeps the last good one (a resolver may be down).
    pub fn learn(&mut self, name: String, addresses: Vec<IpAddr>) {
        if !addresses.is_empty() {
            self.found.insert(name, addresses);
        }
    }

    /// The addresses of a host: one of each family for a name; empty while it is not resolved.
    pub fn addresses(&self, host: &Host) -> Vec<IpAddr> {
        match host {
            Host::Ip(ip) => vec![*ip],
            Host::Name(name) => {
                let all = self.found.get(name).map_or(&[][..], Vec::as_slice);
                let first = |v4: bool| all.iter().find(|a| a.is_ipv4() == v4).copied();
                first(true).into_iter().chain(first(false)).collect()
            }
        }
    }

    /// The address of an SNMP agent.
    pub fn socket(&self, agent: &Agent) -> Option<SocketAddr> {
        self.addresses(&agent.host)
            .first()
            .map(|ip| SocketAddr::new(*ip, agent.port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load_text;
    use crate::config::secret::Env;

    // trap 16
    #[test]
    fn a_link_is_given_no_more_than_a_quarter_of_what_it_carries() {
        let text = "sites: [{id: a, name: A, kind: commune_hall}]\n\
            links:\n\
            - {id: wide, site: a, far_end: 192.0.2.1, bandwidth: 100Mbit}\n\
            - {id: thin, site: a, far_end: 192.0.2.2, download: 512kbit, upload: 64kbit}\n\
            - {id: told, site: a, far_end: 192.0.2.3, bandwidth: 64kbit, max_rate: 40}\n\
            - {id: unknown, site: a, far_end: 192.0.2.4}\n";
        let config = load_text("t.yaml", text, Env::default()).unwrap();
        let rates: BTreeMap<&str, u32> = config
            .inventory
            .links
            .values()
            .map(|link| {
                let rate = link.max_rate.unwrap_or_else(|| fitting(&config.polling, link));
                (link.name.as_str(), rate)
            })
            .collect();
        // An echo of 84 bytes is 672 bits; a quarter of 64 kbit/s are 23 of them.
        let expected = [("thin", 23), ("told", 40), ("unknown", 100), ("wide", 100)];
        assert!(rates.into_iter().eq(expected));
    }
}
