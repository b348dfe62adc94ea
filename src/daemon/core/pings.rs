//! Pings: one order for each address of a target, one observation of all of them.

use std::net::IpAddr;

use super::Core;
use crate::config::model::Polling;
use crate::daemon::looks::Look;
use crate::daemon::looks::Ping;
use crate::inventory::Host;
use crate::inventory::PingOptions;
use crate::model::BlindReason;
use crate::model::Detail;
use crate::model::EchoStats;
use crate::model::Mono;
use crate::model::Observation;
use crate::model::Outcome;
use crate::model::TargetId;
use crate::model::Timestamp;
use crate::monitor::blind::UplinkLook;
use crate::monitor::publish::Echoes;
use crate::probe::icmp::Burst;
use crate::probe::icmp::Header;
use crate::probe::icmp::Order;
use crate::probe::icmp::pace::Subnets;
use crate::store::Sample;
use crate::store::SeriesKey;

/// Addresses of one target that are pinged at a time: the low bits of a token.
const MAX_ADDRESSES: usize = 256;
/// Marks the token of a burst that is the only one of its look.
const SOLE: u64 = 1 << 62;
/// Marks the token of a burst to a link's far end.
const LINK: u64 = 1 << 61;
/// Measurements that may wait for the next view: less than a megabyte.
const MOST_FRESH: usize = 4_096;
/// Tokens from here on belong to the looks at the own uplink.
const UPLINK_TOKENS: u64 = 1 << 63;

/// A ping that is under way.
pub(super) struct Pinging {
    /// Bursts that have not ended.
    left: usize,
    /// The best so far.
    best: Option<Burst>,
    /// When the first began.
    at: Option<Timestamp>,
    /// Requests and replies of all bursts.
    sent: u64,
    received: u64,
}

impl Pinging {
    fn new(left: usize) -> Self {
        Self {
            left,
            best: None,
            at: None,
            sent: 0,
            received: 0,
        }
    }

    /// Takes a burst in; whether it was the last.
    fn take(&mut self, burst: Burst) -> bool {
        self.left = self.left.saturating_sub(1);
        self.at = Some(self.at.map_or(burst.at, |at| at.min(burst.at)));
        self.sent += u64::from(burst.stats.sent);
        self.received += u64::from(burst.stats.received);
        let rank = |b: &Burst| match b.outcome {
            Outcome::Good => 2,
            Outcome::Bad(_) => 1,
            Outcome::Blind(_) => 0,
        };
        if self.best.as_ref().is_none_or(|best| rank(&burst) > rank(best)) {
            self.best = Some(burst);
        }
        self.left == 0
    }
}

impl Core {
    pub(super) fn begin_ping(&mut self, id: TargetId) {
        let Some(ping) = self.now.targets.pings.get(&id) else {
            return;
        };
        let polling = &self.now.config.polling;
        let subnets = &mut self.now.subnets;
        let mark = if ping.link.is_some() { LINK } else { 0 };
        let token = u64::from(id.0) << 8 | mark;
        // Nearly every target has one address: its burst is the whole look.
        if let [Host::Ip(address)] = ping.hosts.as_slice()
            && let Some(header) = header(&ping.options)
        {
            let order = order(ping, polling, subnets, header, token | SOLE, *address);
            if self.around.icmp.order(order).is_err() {
                self.around.meters.icmp_send_errors("queue").inc();
                self.ended(Look::Ping(id));
            }
            return;
        }
        let mut addresses: Vec<IpAddr> = ping.hosts.iter().flat_map(|h| self.names.addresses(h)).collect();
        addresses.truncate(MAX_ADDRESSES);
        if addresses.is_empty() {
            // The name does not resolve: one unknown target (trap 18).
            self.not_pinged(id, BlindReason::Dns);
            return;
        }
        let Some(header) = header(&ping.options) else {
            self.not_pinged(id, BlindReason::InterfaceDown);
            return;
        };
        let mut pinging = Pinging::new(addresses.len());
        for (i, address) in (0_u64..).zip(addresses) {
            let order = order(ping, polling, subnets, header, token | i, address);
            // A full queue: this address is looked at the next time.
            if self.around.icmp.order(order).is_err() {
                self.around.meters.icmp_send_errors("queue").inc();
                pinging.left -= 1;
            }
        }
        if pinging.left == 0 {
            self.ended(Look::Ping(id));
        } else {
            self.pings.insert(id, pinging);
        }
    }

    /// A look that could not even begin.
    fn not_pinged(&mut self, id: TargetId, why: BlindReason) {
        self.icmp_meter.attempts.inc();
        let observation = Observation {
            target: id,
            probe: self.record.words.icmp(),
            at: self.around.clock.wall(),
            outcome: Outcome::Blind(why),
            detail: Detail::None,
        };
        self.observe(&observation);
        self.ended(Look::Ping(id));
    }

    pub(super) fn begin_uplink(&mut self) {
        let polling = &self.now.config.polling;
        let mut pinging = Pinging::new(0);
        for (i, address) in (0_u64..).zip(&self.now.self_check) {
            let order = Order {
                timeout: polling.timeout,
                ..Order::new(UPLINK_TOKENS | i, *address)
            };
            if self.around.icmp.order(order).is_ok() {
                pinging.left += 1;
            }
        }
        if pinging.left == 0 {
            self.ended(Look::Uplink);
        } else {
            self.pings.insert(UPLINK, pinging);
        }
    }

    pub(super) fn bursts(&mut self, bursts: Vec<Burst>) {
        let mono = self.around.clock.mono();
        for burst in bursts {
            let is_uplink = burst.token >= UPLINK_TOKENS;
            let id = if is_uplink {
                UPLINK
            } else {
                TargetId(u32::try_from((burst.token & !(SOLE | LINK)) >> 8).unwrap_or(u32::MAX))
            };
            let is_link = !is_uplink && burst.token & LINK != 0;
            if !is_uplink && burst.token & SOLE != 0 {
                let mut only = Pinging::new(1);
                only.take(burst);
                self.end_ping(id, only, is_link, mono);
                continue;
            }
            let Some(pinging) = self.pings.get_mut(&id) else {
                continue;
            };
            if pinging.take(burst)
                && let Some(over) = self.pings.remove(&id)
            {
                self.end_ping(id, over, is_link, mono);
            }
        }
        self.judge();
        if self.fresh.len() >= MOST_FRESH {
            self.settle();
        }
        let counters = self.around.icmp.counters();
        self.around.meters.icmp_receive_drops.raise_to(counters.drops);
    }

    fn end_ping(&mut self, id: TargetId, over: Pinging, is_link: bool, mono: Mono) {
        let (Some(best), Some(at)) = (over.best, over.at) else {
            return;
        };
        if id == UPLINK {
            let look = UplinkLook {
                at,
                answered: best.outcome == Outcome::Good,
                carrier: Self::carrier(),
            };
            // What was seen before it is judged before it.
            self.judge();
            let wall = self.around.clock.wall();
            self.table.observe_uplink(look, wall, &mut self.effects);
            self.ended_at(Look::Uplink, mono);
            return;
        }
        self.icmp_meter.attempts.inc();
        match &best.outcome {
            Outcome::Good => {}
            Outcome::Bad(reason) => self.icmp_meter.failed(reason),
            Outcome::Blind(reason) => self.around.meters.icmp_send_errors(blind_word(reason)).inc(),
        }
        let stats = best.stats;
        self.sample_echo(id, at, &stats);
        if is_link
            && let Some(rtt) = &stats.rtt
            && let Some(link) = self.now.targets.pings.get(&id).and_then(|p| p.link.as_ref())
        {
            let meter = self.around.meters.link_rtt(link);
            meter.observe_burst(rtt, stats.received);
        }
        self.seen.push(Observation {
            target: id,
            probe: self.record.words.icmp(),
            at,
            outcome: best.outcome,
            detail: Detail::Echo(stats.clone()),
        });
        self.fresh.push(Echoes {
            target: id,
            sent: over.sent,
            received: over.received,
            rtt_sum: stats.rtt.map(|rtt| rtt.sum).unwrap_or_default(),
            last: stats,
        });
        self.is_measured = true;
        self.ended_at(Look::Ping(id), mono);
    }

    /// Hands what was seen to the monitor, all of it at once: in which order the
    /// bursts of one batch came means nothing then (trap 19).
    fn judge(&mut self) {
        if self.seen.is_empty() {
            return;
        }
        let wall = self.around.clock.wall();
        self.table.observe_batch(&self.seen, wall, &mut self.effects);
        self.seen.clear();
    }

    /// Brings what pings measured into the views that readers get.
    pub(super) fn settle(&mut self) {
        let mut fresh = std::mem::take(&mut self.fresh);
        for echoes in fresh.drain(..) {
            if let Some(view) = self.table.view(echoes.target) {
                self.record.totals_changed(echoes.target);
                self.publisher.update_echoes(view, echoes);
            }
        }
        self.fresh = fresh;
    }

    fn sample_echo(&mut self, id: TargetId, at: Timestamp, stats: &EchoStats) {
        let words = &self.record.words;
        let empty = words.empty();
        let rtt = stats.rtt.map(|rtt| (words.rtt(), rtt.median.as_secs_f64()));
        let loss = stats.loss().map(|loss| (words.loss(), loss.get()));
        for (metric, value) in rtt.into_iter().chain(loss) {
            let series = SeriesKey {
                target: id,
                metric,
                instance: empty.clone(),
            };
            self.record.sample(Sample { series, at, value });
        }
    }

    /// Gives an observation to the monitor and its times to the readers.
    pub(super) fn observe(&mut self, observation: &Observation) {
        let wall = self.around.clock.wall();
        self.table.observe(observation, wall, &mut self.effects);
        // The times of the last look change without any other news.
        if let Some(view) = self.table.view(observation.target) {
            self.publisher.update(view);
            self.is_changed = true;
        }
    }

    /// A look is over: it may be due again.
    pub(super) fn ended(&mut self, look: Look) {
        let mono = self.around.clock.mono();
        self.ended_at(look, mono);
    }

    fn ended_at(&mut self, look: Look, mono: Mono) {
        if let Some(took) = self.plan.finished(look, mono) {
            self.cycles.took(look, took);
        }
    }
}

/// One burst of a look.
fn order(
    ping: &Ping,
    polling: &Polling,
    subnets: &mut Subnets,
    header: Header,
    token: u64,
    address: IpAddr,
) -> Order {
    Order {
        count: polling.count,
        spacing: polling.spacing,
        timeout: ping.timeout,
        size: ping.options.payload_bytes.unwrap_or(polling.payload_bytes),
        group: ping.group.or_else(|| subnets.group(address)),
        header: Header {
            // A source is of one family; the other family's requests leave as they will.
            source: header.source.filter(|s| s.is_ipv4() == address.is_ipv4()),
            ..header
        },
        ..Order::new(token, address)
    }
}

/// How requests leave; `None` while the interface that they are to leave through is not there.
fn header(options: &PingOptions) -> Option<Header> {
    let index = |name: &String| nix::net::if_::if_nametoindex(name.as_str());
    Some(Header {
        ttl: options.ttl,
        tos: options.tos,
        source: options.source,
        interface: options.interface.as_ref().map(index).transpose().ok()?,
        dont_fragment: options.dont_fragment,
    })
}

/// Stands for the looks at the own uplink among the pings under way.
const UPLINK: TargetId = TargetId(u32::MAX);

fn blind_word(reason: &BlindReason) -> &'static str {
    match reason {
        BlindReason::Permission => "permission",
        BlindReason::NoRoute => "no_route",
        BlindReason::InterfaceDown => "interface_down",
        BlindReason::Dns => "dns",
        BlindReason::ReceiveDrops => "receive_drops",
        BlindReason::Internal(_) => "internal",
    }
}
