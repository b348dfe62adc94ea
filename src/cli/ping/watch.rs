//! Pings a list of targets, each by its own clock, and sums up.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tokio::signal::unix::Signal;

use super::Ping;
use super::show;
use super::show::Row;
use super::targets::Target;
use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::output;
use crate::clock::SharedClock;
use crate::model::BlindReason;
use crate::model::Mono;
use crate::model::Outcome;
use crate::model::Reason;
use crate::model::Span;
use crate::model::Timestamp;
use crate::probe::icmp::Burst;
use crate::probe::icmp::Header;
use crate::probe::icmp::Order;
use crate::probe::icmp::pace::Subnets;
use crate::probe::icmp::stats;
use crate::probe::icmp::worker::Handle;
use crate::probe::icmp::worker::Results;

/// Between two tries when the engine's queue is full, and between two looks of the live line.
const PAUSE: Span = Span::from_millis(20);
/// Targets that have a line each on a terminal.
const LINES: usize = 20;

struct Progress {
    target: Target,
    left: u32,
    sent: u64,
    received: u64,
    late: u64,
    duplicates: u64,
    times: Vec<Span>,
    /// Of the last burst that was not good.
    trouble: Option<Outcome>,
}

pub(super) async fn run(
    ping: &Ping,
    header: Header,
    targets: Vec<Target>,
    handle: Handle,
    mut results: Results,
    mut stop: Signal,
    clock: &SharedClock,
) -> Result<Exit, Failure> {
    let mut all: Vec<Progress> = targets
        .into_iter()
        .map(|t| Progress::new(t, ping.count))
        .collect();
    let orders = orders(ping, header, &all);
    // Neighbours in the list share a line; in another order they don't meet on it.
    let mut due: BinaryHeap<Reverse<(Mono, u64, usize)>> = BinaryHeap::new();
    let mut waiting = 0;
    for (n, order) in orders.iter().enumerate() {
        if let Some(order) = order {
            due.push(Reverse((Mono::ZERO, scatter(order.token), n)));
            waiting += 1;
        }
    }
    let mut live = Live::new(ping.is_live());
    while waiting > 0 {
        let now = clock.mono();
        let mut is_full = false;
        while let Some(Reverse((at, shuffle, n))) = due.peek().copied() {
            let Some(order) = orders.get(n).copied().flatten() else {
                break;
            };
            if at > now {
                break;
            }
            due.pop();
            if handle.order(order).is_err() {
                if let Some(why) = handle.fault() {
                    return Err(Failure::could_not_look(why));
                }
                due.push(Reverse((at, shuffle, n)));
                is_full = true;
                break;
            }
        }
        let next = due.peek().map(|Reverse((at, _, _))| at.since(now));
        let sleep = if is_full {
            PAUSE
        } else {
            next.unwrap_or(Span::from_secs(1))
        };
        tokio::select! {
            batch = results.recv() => {
                let Some(batch) = batch else {
                    return Err(Failure::could_not_look(handle.fault().unwrap_or_default()));
                };
                for burst in batch {
                    if let Some(again) = take(&mut all, &burst, ping, clock) {
                        due.push(again);
                    } else {
                        waiting -= 1;
                    }
                }
            }
            () = tokio::time::sleep(sleep) => {}
            _ = stop.recv() => break,
        }
        live.show(&all, clock.mono());
    }
    live.end();
    for straggler in handle.stop() {
        let place = usize::try_from(straggler.token).ok().and_then(|n| all.get_mut(n));
        if let Some(progress) = place {
            progress.late += u64::from(straggler.late);
            progress.duplicates += u64::from(straggler.duplicates);
        }
    }
    tell(ping, &all)
}

impl Progress {
    fn new(target: Target, count: u32) -> Self {
        Self {
            left: if target.address.is_some() { count } else { 0 },
            trouble: target
                .address
                .is_none()
                .then_some(Outcome::Blind(BlindReason::Dns)),
            target,
            sent: 0,
            received: 0,
            late: 0,
            duplicates: 0,
            times: Vec::new(),
        }
    }
}

/// One request to each target that has an address; its token is the target's place.
fn orders(ping: &Ping, header: Header, all: &[Progress]) -> Vec<Option<Order>> {
    let mut subnets = Subnets::new(ping.subnet_rate, 0);
    all.iter()
        .zip(0_u64..)
        .map(|(progress, token)| {
            let address = progress.target.address?;
            Some(Order {
                count: 1,
                spacing: Span::ZERO,
                timeout: ping.timeout,
                size: ping.size,
                group: subnets.group(address),
                header,
                ..Order::new(token, address)
            })
        })
        .collect()
}

/// Adds a result; when the target's next request is due, if there is one.
fn take(
    all: &mut [Progress],
    burst: &Burst,
    ping: &Ping,
    clock: &SharedClock,
) -> Option<Reverse<(Mono, u64, usize)>> {
    let n = usize::try_from(burst.token).ok()?;
    let progress = all.get_mut(n)?;
    progress.sent += u64::from(burst.stats.sent);
    progress.received += u64::from(burst.stats.received);
    progress.late += u64::from(burst.stats.late);
    progress.duplicates += u64::from(burst.stats.duplicates);
    progress.times.extend(burst.stats.rtt.map(|rtt| rtt.sum));
    if burst.outcome != Outcome::Good {
        progress.trouble = Some(burst.outcome.clone());
    }
    progress.left = progress.left.saturating_sub(1);
    if (ping.alive || ping.unreachable) && progress.received > 0 {
        // That is all that was asked.
        progress.left = 0;
    }
    let again = progress.left > 0;
    let (now, wall): (Mono, Timestamp) = (clock.mono(), clock.wall());
    let rest = ping.period.saturating_sub(wall.since(burst.at));
    again.then(|| Reverse((now.plus(rest), scatter(burst.token ^ now.0), n)))
}

/// A number that has nothing to do with its neighbours' (the finalizer of MurmurHash3).
fn scatter(n: u64) -> u64 {
    let n = (n ^ n >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    (n ^ n >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53)
}

fn tell(ping: &Ping, all: &[Progress]) -> Result<Exit, Failure> {
    let exit = exit(all);
    if ping.alive || ping.unreachable {
        let mut text = String::new();
        for progress in all.iter().filter(|p| (p.received > 0) == ping.alive) {
            text.push_str(&progress.target.name);
            text.push('\n');
        }
        output::text(&text).map_err(Failure::could_not_look)?;
        return Ok(exit);
    }
    let rows: Vec<Row> = all.iter().map(row).collect();
    show::print(ping.format, &rows, show::rows)?;
    Ok(exit)
}

/// 1 if someone does not answer; else 3 if we could not look at someone; else 0.
fn exit(all: &[Progress]) -> Exit {
    let silent = |p: &Progress| p.received == 0;
    let is_down = |p: &&Progress| silent(p) && !matches!(p.trouble, Some(Outcome::Blind(_)));
    if all.iter().any(|p| is_down(&p)) {
        Exit::NotFine
    } else if all.iter().any(silent) {
        Exit::CouldNotLook
    } else {
        Exit::Ok
    }
}

fn row(progress: &Progress) -> Row {
    let stats = stats::sum_up(progress.times.iter().copied(), &mut Vec::new());
    let seconds = |span: Option<Span>| span.map(|s| s.as_secs_f64());
    let silent = progress.received == 0;
    let trouble = progress.trouble.clone().unwrap_or(Outcome::Bad(Reason::Timeout));
    Row {
        target: progress.target.name.clone(),
        address: progress.target.address,
        sent: progress.sent,
        received: progress.received,
        late: progress.late,
        duplicates: progress.duplicates,
        loss_ratio: show::loss(progress.sent, progress.received),
        rtt_min_seconds: seconds(stats.map(|s| s.min)),
        rtt_median_seconds: seconds(stats.map(|s| s.median)),
        rtt_mean_seconds: seconds(stats.and_then(|s| show::mean(&s, progress.times.len()))),
        rtt_max_seconds: seconds(stats.map(|s| s.max)),
        jitter_seconds: seconds(stats.and_then(|s| s.jitter)),
        reason: if silent { show::reason(&trouble) } else { None },
    }
}

/// A line per target on a terminal, or one for all when there are many.
struct Live {
    is_on: bool,
    shown: Option<Mono>,
    lines: usize,
}

impl Live {
    const EVERY: Span = Span::from_millis(200);

    fn new(is_on: bool) -> Self {
        Self {
            is_on,
            shown: None,
            lines: 0,
        }
    }

    fn show(&mut self, all: &[Progress], now: Mono) {
        if !self.is_on || self.shown.is_some_and(|at| now.since(at) < Self::EVERY) {
            return;
        }
        self.shown = Some(now);
        let lines: Vec<String> = if all.len() <= LINES {
            all.iter().map(line).collect()
        } else {
            let done = all.iter().filter(|p| p.left == 0).count();
            let alive = all.iter().filter(|p| p.received > 0).count();
            let sent: u64 = all.iter().map(|p| p.sent).sum();
            vec![format!(
                "{done} of {} targets done, {alive} answer, {sent} sent",
                all.len()
            )]
        };
        output::live(self.lines, &lines);
        self.lines = lines.len();
    }

    fn end(&mut self) {
        if self.lines > 0 {
            output::live(self.lines, &[]);
            self.lines = 0;
        }
    }
}

fn line(progress: &Progress) -> String {
    let last = progress.times.last().map(Span::as_secs_f64);
    let loss = show::percent(show::loss(progress.sent, progress.received));
    let trouble = progress.trouble.as_ref().filter(|_| progress.received == 0);
    let state = match (last, trouble.and_then(show::reason)) {
        (Some(_), _) => format!("{} ms", show::time(last)),
        (None, Some(reason)) => reason,
        (None, None) => "waiting".to_owned(),
    };
    format!(
        "{:<32} {:>10}   {}/{} received, {loss} loss",
        progress.target.name, state, progress.received, progress.sent
    )
}
