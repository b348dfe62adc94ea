//! How the schedule is doing, for metrics.

use crate::config::model::Config;
use crate::daemon::looks::Look;
use crate::metrics::Meters;
use crate::model::Mono;
use crate::model::Span;
use crate::model::Timestamp;
use crate::schedule::Plan;

/// Looks are counted by the protocol that they use.
pub(super) const PROTOCOLS: usize = 3;

/// Which of [`PROTOCOLS`] a look is counted with: `icmp`, `snmp`, `service`.
pub(super) fn protocol_of(look: Look) -> usize {
    match look {
        Look::Ping(_) | Look::Uplink => 0,
        Look::Snmp(_) => 1,
        Look::Check(_) => 2,
    }
}

/// How the schedule is doing. A cycle is one interval, in which every target is due once.
#[derive(Default)]
pub(super) struct Cycles {
    icmp: Cycle,
    snmp: Cycle,
    service: Cycle,
}

#[derive(Default)]
struct Cycle {
    ends_at: Option<Mono>,
    /// The longest look of this cycle.
    longest: Span,
}

impl Cycles {
    /// A look has taken so long.
    pub(super) fn took(&mut self, look: Look, took: Span) {
        let cycle = match look {
            Look::Ping(_) | Look::Uplink => &mut self.icmp,
            Look::Snmp(_) => &mut self.snmp,
            Look::Check(_) => &mut self.service,
        };
        cycle.longest = cycle.longest.max(took);
    }

    /// Brings the meters up to date.
    pub(super) fn turn(
        &mut self,
        plan: &Plan<Look>,
        meters: &Meters,
        config: &Config,
        turns_waiting: u64,
        wall: Timestamp,
        mono: Mono,
    ) {
        let polling = &config.polling;
        let all = [
            (&mut self.icmp, "icmp", polling.intervals.device),
            (&mut self.snmp, "snmp", config.snmp.interval),
            (&mut self.service, "service", polling.intervals.service),
        ];
        let waiting = plan.waiting(mono);
        for (((cycle, name, interval), counts), waiting) in all.into_iter().zip(plan.counts()).zip(waiting) {
            let meter = meters.protocol(name);
            meter.interval.set(interval);
            meter.lag.set(counts.lag);
            meter.overruns.raise_to(counts.overruns);
            // A turn that has begun may still wait for its place.
            let queued = if name == "snmp" {
                turns_waiting.min(counts.in_flight)
            } else {
                0
            };
            meter.queue.set(waiting + queued);
            meter.in_flight.set(counts.in_flight - queued);
            match cycle.ends_at {
                Some(at) if mono < at => {}
                Some(_) => {
                    meter.cycles.inc();
                    meter.last_cycle.set(wall);
                    meter.duration.set(std::mem::take(&mut cycle.longest));
                    cycle.ends_at = Some(mono.plus(interval));
                }
                None => cycle.ends_at = Some(mono.plus(interval)),
            }
        }
    }
}
