//! What the monitor is told to hold for true: plain values, every default with its precedent.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::maintain::Window;
use crate::inventory::AreaKinds;
use crate::inventory::Class;
use crate::inventory::Device;
use crate::inventory::Link;
use crate::inventory::Medium;
use crate::inventory::UnitKind;
use crate::inventory::device::Probing;
use crate::model::Span;

/// Everything that the configuration says about judging.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// How outages are confirmed.
    pub confirm: Confirm,
    /// How often targets are looked at, where they do not say otherwise.
    pub intervals: Intervals,
    /// What classes set otherwise than their row of the table.
    pub classes: BTreeMap<Class, Probing>,
    /// Thresholds of devices.
    pub device_thresholds: Thresholds,
    /// Thresholds of links, by medium; a medium that is absent has [`Thresholds::of_medium`].
    pub link_thresholds: BTreeMap<Medium, Thresholds>,
    /// Over how long loss and times are averaged before a threshold is asked.
    pub degraded_over: Span,
    /// The kinds of unit that make an area.
    pub area_kinds: AreaKinds,
    /// Maintenance windows, declared and set by hand.
    pub maintenance: Vec<Window>,
    /// Whether the daemon watches its own uplink. Off: the rule *blind, not broken* is off.
    pub self_check: bool,
    /// Where this machine stands in the network.
    pub nearby: Nearby,
    /// Without evidence for so long, a passive device is unknown.
    pub passive_after: Span,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            confirm: Confirm::default(),
            intervals: Intervals::default(),
            classes: BTreeMap::new(),
            device_thresholds: Thresholds::of_device(),
            link_thresholds: BTreeMap::new(),
            // Zabbix' template asks over 5 minutes.
            degraded_over: Span::from_secs(300),
            area_kinds: vec![UnitKind::Commune, UnitKind::Ward, UnitKind::Township],
            maintenance: Vec::new(),
            self_check: true,
            nearby: Nearby::default(),
            passive_after: Span::from_hours(7 * 24),
        }
    }
}

/// Where this machine stands in the network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Nearby {
    /// Its own addresses: what answers there is itself, and proves nothing of the uplink.
    pub own: Vec<IpAddr>,
    /// Subnets on the interfaces of its default routes; on all, where it has none.
    pub uplink: Vec<IpNet>,
    /// Subnets on its other interfaces: in sight whatever the uplink does.
    pub beside: Vec<IpNet>,
}

/// How an outage and its end are confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirm {
    /// Failures in a row until it is down; at least 1. Icinga, Dude: 3.
    pub down_after: u8,
    /// Good looks in a row until it is up again; at least 1.
    pub up_after: u8,
    /// How soon a suspect is looked at again.
    pub retry_interval: Span,
    /// How long a failed target waits for the verdict on its parents before it
    /// is judged without. Checkmk: 60 s.
    pub hold_at_most: Span,
    /// How long an entry in another device's ARP, bridge or association table
    /// shows presence: these are read rarely.
    pub evidence_holds: Span,
}

impl Default for Confirm {
    fn default() -> Self {
        Self {
            down_after: 3,
            up_after: 2,
            retry_interval: Span::from_secs(5),
            hold_at_most: Span::from_secs(60),
            // Three polls of five minutes.
            evidence_holds: Span::from_secs(900),
        }
    }
}

/// How often targets are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intervals {
    /// Devices of classes that are infrastructure. Dude: 30 s.
    pub infrastructure: Span,
    /// Other devices. Zabbix: 60 s.
    pub device: Span,
    /// Links.
    pub link: Span,
    /// Services.
    pub service: Span,
}

impl Default for Intervals {
    fn default() -> Self {
        Self {
            infrastructure: Span::from_secs(30),
            device: Span::from_secs(60),
            link: Span::from_secs(30),
            service: Span::from_secs(60),
        }
    }
}

/// Above what a target is degraded. `None`: that quantity does not matter.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Thresholds {
    /// Share of echoes lost, 0 to 1.
    pub loss: Option<Level>,
    /// Median round trip time in seconds.
    pub rtt: Option<Level>,
    /// Jitter in seconds.
    pub jitter: Option<Level>,
    /// Answer time of a service in seconds.
    pub slow: Option<Level>,
    /// Used share of the bandwidth, 0 to 1.
    pub utilisation: Option<Level>,
}

impl Thresholds {
    /// Devices: more than 20 % loss (Zabbix). How far away a device may be is its link's affair.
    pub const fn of_device() -> Self {
        Self {
            loss: Some(Level::above(0.2)),
            rtt: None,
            jitter: None,
            slow: None,
            utilisation: None,
        }
    }

    /// Links: more than 20 % loss (Zabbix), and the round trip time that their medium makes
    /// unusual: 150 ms (Zabbix), mobile 300 ms, a geostationary satellite 900 ms.
    pub const fn of_medium(medium: Medium) -> Self {
        let rtt = match medium {
            Medium::Satellite => 0.9,
            Medium::Lte => 0.3,
            Medium::Fiber
            | Medium::Copper
            | Medium::Cable
            | Medium::Radio
            | Medium::LeasedLine
            | Medium::Other => 0.15,
        };
        Self {
            rtt: Some(Level::above(rtt)),
            ..Self::of_device()
        }
    }

    /// Services: slower than 5 seconds.
    pub const fn of_service() -> Self {
        Self {
            slow: Some(Level::above(5.0)),
            loss: None,
            ..Self::of_device()
        }
    }
}

/// Where a threshold is entered and left: two levels, so that a value that
/// trembles around one of them changes nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// Degraded above this.
    pub enter: f32,
    /// No longer degraded at or below this; not above `enter`.
    pub leave: f32,
}

impl Level {
    /// Entered above `enter`, left at three quarters of it.
    pub const fn above(enter: f32) -> Self {
        Self {
            enter,
            leave: enter * 0.75,
        }
    }
}

impl Settings {
    /// The value that holds for a device: its own, else its class's as configured, else `None`.
    fn of<'a, T>(&'a self, device: &'a Device, field: impl Fn(&'a Probing) -> Option<T>) -> Option<T> {
        field(&device.probing).or_else(|| self.classes.get(&device.class).and_then(field))
    }

    /// The probes of a device, by name.
    pub fn probes(&self, device: &Device) -> Vec<String> {
        self.of(device, |p| p.probes.clone())
            .unwrap_or_else(|| owned(device.class.defaults().probes))
    }

    /// Those of its probes that show life.
    pub fn liveness(&self, device: &Device) -> Vec<String> {
        let probes = self.probes(device);
        let mut list = self
            .of(device, |p| p.liveness.clone())
            .unwrap_or_else(|| owned(device.class.defaults().liveness));
        list.retain(|name| probes.contains(name));
        if list.is_empty() {
            // Asked by one probe only, that one decides.
            list.extend(probes.into_iter().take(1));
        }
        list
    }

    /// Whether a device is expected to be on at all times.
    pub fn is_always_on(&self, device: &Device) -> bool {
        self.of(device, |p| p.always_on)
            .unwrap_or(device.class.defaults().always_on)
    }

    /// Whether an outage of a device is told to people.
    pub fn alerts(&self, device: &Device) -> bool {
        self.of(device, |p| p.alerts)
            .unwrap_or(device.class.defaults().alerts)
    }

    /// How often a device is looked at.
    pub fn interval(&self, device: &Device) -> Span {
        let default = if device.class.defaults().infrastructure {
            self.intervals.infrastructure
        } else {
            self.intervals.device
        };
        self.of(device, |p| p.interval).unwrap_or(default)
    }

    /// Whether a TCP refusal shows that a device lives.
    pub fn trusts_refusal(&self, device: &Device) -> bool {
        device.probing.trust_refusal
            || self
                .classes
                .get(&device.class)
                .is_some_and(|class| class.trust_refusal)
    }

    /// The thresholds of a link: its own values over those of its medium.
    pub fn thresholds_of_link(&self, link: &Link) -> Thresholds {
        let mut thresholds = self
            .link_thresholds
            .get(&link.medium)
            .copied()
            .unwrap_or_else(|| Thresholds::of_medium(link.medium));
        if let Some(loss) = link.loss_threshold {
            #[expect(clippy::cast_possible_truncation, reason = "a share needs no more digits")]
            let enter = loss.get() as f32;
            thresholds.loss = Some(Level::above(enter));
        }
        if let Some(rtt) = link.rtt_threshold {
            thresholds.rtt = Some(Level::above(rtt.as_secs_f32()));
        }
        thresholds
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
