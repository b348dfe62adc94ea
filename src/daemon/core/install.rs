//! What is in force: a configuration and what follows from it, its names, its day.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Core;
use super::Installed;
use crate::config::model::Config;
use crate::daemon::by_hand::ByHand;
use crate::daemon::looks::Look;
use crate::daemon::looks::Targets;
use crate::daemon::parts;
use crate::inventory::Host;
use crate::inventory::Inventory;
use crate::model::Mono;
use crate::model::Span;
use crate::model::TargetId;
use crate::model::TargetKey;
use crate::model::Timestamp;
use crate::monitor::Settings;
use crate::monitor::Topology;
use crate::monitor::topology::Reach;
use crate::schedule::phase;

/// How often the own uplink is looked at.
const UPLINK: Span = Span::from_secs(10);

/// Everything that follows from one configuration and one inventory.
pub struct Installation {
    /// The configuration.
    pub config: Arc<Config>,
    /// Declared and recorded entries, in one.
    pub inventory: Arc<Inventory>,
    /// The row numbers.
    pub index: Arc<BTreeMap<TargetKey, TargetId>>,
    /// What the monitor holds for true.
    pub settings: Settings,
    /// How targets hang together.
    pub topology: Topology,
    /// What is asked of whom.
    pub targets: Targets,
    /// Addresses that prove that we can look.
    pub self_check: Vec<std::net::IpAddr>,
}

impl Installation {
    /// What is in force from now on, and the topology with what people set by hand over it.
    pub(super) fn apart(self, by_hand: &ByHand, wall: Timestamp) -> (Installed, Topology) {
        let Self {
            config,
            inventory,
            index,
            settings,
            mut topology,
            targets,
            self_check,
        } = self;
        let day = parts::today(&config, wall);
        by_hand.lay(&mut topology, &settings.area_kinds, day, wall);
        let now = Installed {
            routes: parts::routes(&config),
            subnets: targets.subnets(config.polling.subnet_rate, config.polling.count),
            day,
            config,
            inventory,
            index,
            settings,
            targets,
            self_check,
        };
        (now, topology)
    }
}

impl Core {
    pub(super) fn slowly(&mut self, wall: Timestamp) {
        self.table.tick_slowly(wall, &mut self.effects);
        let today = parts::today(&self.now.config, wall);
        if today != self.now.day {
            self.now.day = today;
            // Exemptions and memberships have dates.
            match Topology::build(
                Arc::clone(&self.now.inventory),
                &self.now.index,
                &self.now.settings,
                today,
            ) {
                Ok(mut topology) => {
                    let kinds = &self.now.settings.area_kinds;
                    self.by_hand.lay(&mut topology, kinds, today, wall);
                    self.table.set_topology(topology, wall, &mut self.effects);
                    self.set_reaches();
                }
                Err(error) => tracing::error!(%error, "the new day's topology can't be built"),
            }
        }
    }

    /// Plans every look; one that keeps its interval keeps its slot.
    pub(super) fn schedule(&mut self, mono: Mono) {
        let targets = &self.now.targets;
        let key = |id: TargetId| {
            self.table
                .topology()
                .get(id)
                .map_or_else(String::new, |s| s.key.to_string())
        };
        let mut wanted: BTreeMap<Look, Span> = BTreeMap::new();
        for (id, ping) in &targets.pings {
            wanted.insert(Look::Ping(*id), ping.interval);
        }
        for (id, agent) in &targets.agents {
            wanted.insert(Look::Snmp(*id), agent.interval);
        }
        for (id, checked) in &targets.checks {
            wanted.insert(Look::Check(*id), checked.interval);
        }
        if !self.now.self_check.is_empty() {
            wanted.insert(
                Look::Uplink,
                UPLINK.min(self.now.config.polling.intervals.infrastructure),
            );
        }
        self.plan.retain(|look| wanted.contains_key(&look));
        for (look, interval) in wanted {
            let first = match look {
                Look::Ping(id) | Look::Check(id) => phase(&key(id), interval),
                // The first turn comes within a minute, so that a restart is not blind for long.
                Look::Snmp(id) => phase(&key(id), interval.min(Span::from_secs(60))),
                Look::Uplink => Span::ZERO,
            };
            self.plan.set(look, interval, first, mono);
        }
    }

    pub(super) fn resolve(&self) {
        for name in self.now.targets.names() {
            self.around.asking.resolve(name);
        }
    }

    /// Tells the monitor where targets lie that it can't tell from the
    /// inventory: names that were resolved, and what checks look at.
    pub(super) fn set_reaches(&mut self) {
        let nearby = &self.now.settings.nearby;
        let by_name = |hosts: &[Host]| hosts.iter().any(|h| matches!(h, Host::Name(_)));
        let pinged = self.now.targets.pings.iter().filter(|(_, p)| by_name(&p.hosts));
        let pinged = pinged.map(|(id, p)| (*id, p.hosts.as_slice()));
        let checked = self
            .now
            .targets
            .checks
            .iter()
            .map(|(id, c)| (*id, c.host.as_slice()));
        for (id, hosts) in pinged.chain(checked) {
            if let Some(address) = hosts.iter().flat_map(|h| self.names.addresses(h)).next() {
                self.table.set_reach(id, Reach::of(address, nearby));
            }
        }
    }

    /// Another configuration: states, counters and timers go on.
    pub(super) fn install(&mut self, new: Installation, wall: Timestamp) {
        let mono = self.around.clock.mono();
        let (now, topology) = new.apart(&self.by_hand, wall);
        self.table.set_topology(topology, wall, &mut self.effects);
        self.publisher
            .set_inventory(Arc::clone(&now.inventory), Arc::clone(&now.index));
        let needed = now.targets.echo_rate(now.config.polling.count);
        self.around
            .icmp
            .set_max_rate(parts::icmp(&now.config, needed).max_rate);
        self.now = now;
        self.devices
            .retain(|id, _| self.now.targets.agents.contains_key(id));
        self.seek();
        // The new configuration may know the new addresses.
        self.devices
            .values_mut()
            .for_each(|device| device.elsewhere = None);
        self.register_all();
        let links = &self.now.inventory.links;
        self.around.meters.retain_links(|link| links.contains_key(link));
        let all: Vec<TargetId> = self.table.topology().specs().iter().map(|s| s.id).collect();
        self.effects.changed.extend(all);
        self.effects.incidents_changed = true;
        self.schedule(mono);
        self.set_reaches();
        self.resolve();
        self.replan(wall);
    }
}
