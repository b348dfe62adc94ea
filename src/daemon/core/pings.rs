//! Pings: one order for each address of a target, one observation of all of them.

use std::net::IpAddr;

use super::Core;
use crate::daemon::looks::Look;
use crate::inventory::PingOptions;
use crate::model::BlindReason;
use crate::model::Detail;
use crate::model::EchoStats;
use crate::model::Observation;
use crate::model::Outcome;
use crate::model::TargetId;
use crate::model::Timestamp;
use crate::monitor::blind::UplinkLook;
use crate::probe::icmp;
use crate::probe::icmp::Burst;
use crate::probe::icmp::Header;
use crate::probe::icmp::Order;
use crate::store::Sample;
use crate::store::SeriesKey;

/// Addresses of one target that are pinged at a time: the low bits of a token.
const MAX_ADDRESSES: usize = 256;
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
        let mut addresses: Vec<IpAddr> = ping.hosts.iter().flat_map(|h| self.names.addresses(h)).collect();
        addresses.truncate(MAX_ADDRESSES);
        if addresses.is_empty() {
            // The name does not resolve: one unknown target (trap 18).
            let at = self.around.clock.wall();
            self.observe_ping(id, at, Outcome::Blind(BlindReason::Dns), None);
            self.ended(Look::Ping(id));
            return;
        }
        let polling = &self.now.config.polling;
        let Some(header) = header(&ping.options) else {
            let at = self.around.clock.wall();
            self.observe_ping(id, at, Outcome::Blind(BlindReason::InterfaceDown), None);
            self.ended(Look::Ping(id));
            return;
        };
        let mut pinging = Pinging::new(addresses.len());
        for (i, address) in (0_u64..).zip(addresses) {
            let order = Order {
                count: polling.count,
                spacing: polling.spacing,
                timeout: ping.timeout,
                size: ping.options.payload_bytes.unwrap_or(polling.payload_bytes),
                group: ping.group.or_else(|| self.now.subnets.group(address)),
                header: Header {
                    // A source is of one family; the other family's requests leave as they will.
                    source: header.source.filter(|s| s.is_ipv4() == address.is_ipv4()),
                    ..header
                },
                ..Order::new((u64::from(id.0) << 8) | i, address)
            };
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
        for burst in bursts {
            let id = if burst.token >= UPLINK_TOKENS {
                UPLINK
            } else {
                TargetId(u32::try_from(burst.token >> 8).unwrap_or(u32::MAX))
            };
            let Some(pinging) = self.pings.get_mut(&id) else {
                continue;
            };
            if pinging.take(burst)
                && let Some(over) = self.pings.remove(&id)
            {
                self.end_ping(id, over);
            }
        }
        let counters = self.around.icmp.counters();
        self.around.meters.icmp_receive_drops.raise_to(counters.drops);
    }

    fn end_ping(&mut self, id: TargetId, over: Pinging) {
        let (Some(best), Some(at)) = (over.best, over.at) else {
            return;
        };
        if id == UPLINK {
            let look = UplinkLook {
                at,
                answered: best.outcome == Outcome::Good,
                carrier: Self::carrier(),
            };
            let wall = self.around.clock.wall();
            self.table.observe_uplink(look, wall, &mut self.effects);
            self.ended(Look::Uplink);
            return;
        }
        if let Outcome::Blind(reason) = &best.outcome {
            self.around.meters.icmp_send_errors(blind_word(reason)).inc();
        }
        let stats = best.stats;
        let rtt_sum = stats.rtt.map(|rtt| rtt.sum).unwrap_or_default();
        self.observe_ping(id, at, best.outcome, Some(stats));
        // After the judgement has made a view that nobody reads yet: before it, the one that
        // readers have would be copied first.
        self.publisher.modify(id, |view| {
            view.totals.echo_sent += over.sent;
            view.totals.echo_received += over.received;
            view.totals.rtt_sum += rtt_sum;
        });
        self.record.totals_changed(id);
        self.ended(Look::Ping(id));
    }

    fn observe_ping(&mut self, id: TargetId, at: Timestamp, outcome: Outcome, stats: Option<EchoStats>) {
        let meter = self.around.meters.protocol(icmp::NAME);
        meter.attempts.inc();
        if let Outcome::Bad(reason) = &outcome {
            meter.failed(reason);
        }
        if let Some(stats) = &stats {
            self.sample_echo(id, at, stats);
            if let (Some(rtt), Some(link)) = (
                &stats.rtt,
                self.now.targets.pings.get(&id).and_then(|p| p.link.as_ref()),
            ) {
                self.around
                    .meters
                    .link_rtt(link)
                    .observe_burst(rtt, stats.received);
            }
        }
        let observation = Observation {
            target: id,
            probe: self.record.words.icmp(),
            at,
            outcome,
            detail: stats.clone().map_or(Detail::None, Detail::Echo),
        };
        self.observe(&observation);
        if stats.is_some() {
            self.publisher.modify(id, |view| view.echo = stats);
        }
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
        if let Some(took) = self.plan.finished(look, mono) {
            self.cycles.took(look, took);
        }
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
