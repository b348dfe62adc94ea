//! The path view: requests with a growing time to live; each router at which
//! one runs out says so. Loss and times per hop, over several rounds.
//!
//! A hop that is silent while later hops answer only keeps silent about itself
//! (many routers limit such messages); the path breaks where nothing further answers.

use std::net::IpAddr;

use serde::Serialize;
use tokio::signal::unix::Signal;

use super::Format;
use super::Ping;
use super::show;
use super::targets::Target;
use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::output;
use crate::model::BlindReason;
use crate::model::Outcome;
use crate::model::Span;
use crate::probe::icmp::Burst;
use crate::probe::icmp::ErrorKind;
use crate::probe::icmp::Group;
use crate::probe::icmp::Header;
use crate::probe::icmp::Order;
use crate::probe::icmp::stats;
use crate::probe::icmp::worker::Handle;
use crate::probe::icmp::worker::Results;

/// Hops that are asked at a time in the first round, when the length of the path is unknown.
const AHEAD: u8 = 5;
/// Requests per second on one path: routers answer some tens of such a second.
const RATE: u32 = 50;

/// What one hop did.
#[derive(Debug, Default)]
struct Hop {
    sent: u64,
    received: u64,
    times: Vec<Span>,
    from: Vec<IpAddr>,
    is_target: bool,
    /// An error other than the time to live: the path ends here.
    end: Option<ErrorKind>,
}

#[derive(Debug, Serialize)]
struct Shown {
    ttl: usize,
    address: Option<IpAddr>,
    other_addresses: Vec<IpAddr>,
    sent: u64,
    received: u64,
    loss_ratio: Option<f64>,
    rtt_min_seconds: Option<f64>,
    rtt_median_seconds: Option<f64>,
    rtt_mean_seconds: Option<f64>,
    rtt_max_seconds: Option<f64>,
    jitter_seconds: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Path {
    target: String,
    address: Option<IpAddr>,
    reached: bool,
    hops: Vec<Shown>,
    reason: Option<String>,
}

/// One hop as a line of CSV.
#[derive(Debug, Serialize)]
struct Line<'a> {
    target: &'a str,
    reached: bool,
    ttl: usize,
    address: Option<IpAddr>,
    sent: u64,
    received: u64,
    loss_ratio: Option<f64>,
    rtt_min_seconds: Option<f64>,
    rtt_median_seconds: Option<f64>,
    rtt_mean_seconds: Option<f64>,
    rtt_max_seconds: Option<f64>,
    jitter_seconds: Option<f64>,
}

pub(super) async fn run(
    ping: &Ping,
    header: Header,
    targets: Vec<Target>,
    handle: Handle,
    mut results: Results,
    mut stop: Signal,
) -> Result<Exit, Failure> {
    let mut paths = Vec::new();
    let mut exit = Exit::Ok;
    for target in targets {
        let Some(address) = target.address else {
            paths.push(Path {
                target: target.name,
                address: None,
                reached: false,
                hops: Vec::new(),
                reason: show::reason(&Outcome::Blind(BlindReason::Dns)),
            });
            exit = if exit == Exit::NotFine {
                exit
            } else {
                Exit::CouldNotLook
            };
            continue;
        };
        let mut walker = Walker {
            name: target.name,
            lines: 0,
            ping,
            header,
            address,
            handle: &handle,
            results: &mut results,
            stop: &mut stop,
            is_stopped: false,
            hops: Vec::new(),
            blind: None,
        };
        walker.walk().await?;
        walker.hide();
        let path = walker.path();
        exit = match (exit, path.reached, &walker.blind) {
            (exit, true, _) => exit,
            (Exit::NotFine, false, _) | (_, false, None) => Exit::NotFine,
            (_, false, Some(_)) => Exit::CouldNotLook,
        };
        if ping.format == Format::Table {
            output::text(&draw(&path)).map_err(Failure::could_not_look)?;
        }
        let is_stopped = walker.is_stopped;
        paths.push(path);
        if is_stopped {
            break;
        }
    }
    match ping.format {
        Format::Table => {}
        Format::Csv => show::print(ping.format, &lines(&paths), |_| String::new())?,
        Format::Json | Format::Jsonl => show::print(ping.format, &paths, |_| String::new())?,
    }
    Ok(exit)
}

struct Walker<'a> {
    /// The target as it was given.
    name: String,
    /// Passing lines on the terminal now.
    lines: usize,
    ping: &'a Ping,
    header: Header,
    address: IpAddr,
    handle: &'a Handle,
    results: &'a mut Results,
    stop: &'a mut Signal,
    /// An interrupt came: what is known so far is all.
    is_stopped: bool,
    hops: Vec<Hop>,
    blind: Option<Outcome>,
}

impl Walker<'_> {
    /// The first round finds the path's length, the others ask each of its hops again.
    async fn walk(&mut self) -> Result<(), Failure> {
        let mut next = 1_u8;
        while next <= self.ping.max_hops && !self.is_over() {
            let last = next.saturating_add(AHEAD - 1).min(self.ping.max_hops);
            self.round(next, last).await?;
            next = last.saturating_add(1);
        }
        self.cut();
        self.show();
        for _ in 1..self.ping.count {
            let count = u8::try_from(self.hops.len()).unwrap_or(u8::MAX);
            if count == 0 || self.is_stopped || self.blind.is_some() {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep(self.ping.period) => {}
                _ = self.stop.recv() => {
                    self.is_stopped = true;
                    break;
                }
            }
            self.round(1, count).await?;
            // The target may have answered at a nearer hop than in the first round.
            self.cut();
            self.show();
        }
        Ok(())
    }

    /// Shows the path as far as it is known, in the place of what was shown before.
    fn show(&mut self) {
        if self.ping.is_live() {
            let text = draw(&self.path());
            // The verdict waits for the end.
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.pop();
            output::live(self.lines, &lines);
            self.lines = lines.len();
        }
    }

    fn hide(&mut self) {
        if self.lines > 0 {
            output::live(self.lines, &[]);
            self.lines = 0;
        }
    }

    fn is_over(&self) -> bool {
        self.is_stopped
            || self.blind.is_some()
            || self.hops.iter().any(|hop| hop.is_target || hop.end.is_some())
    }

    /// Forgets what lies beyond the target, and silent hops at the end.
    fn cut(&mut self) {
        let end = self
            .hops
            .iter()
            .position(|hop| hop.is_target || hop.end.is_some());
        let last = end.or_else(|| self.hops.iter().rposition(|hop| hop.received > 0));
        // One silent hop stays, to show where it breaks.
        let keep = match (end, last) {
            (Some(end), _) => end + 1,
            (None, Some(last)) => last + 2,
            (None, None) => 1,
        };
        self.hops.truncate(keep);
    }

    async fn round(&mut self, first: u8, last: u8) -> Result<(), Failure> {
        if self.hops.len() < usize::from(last) {
            self.hops.resize_with(usize::from(last), Hop::default);
        }
        let mut waiting = 0;
        for ttl in first..=last {
            let order = Order {
                count: 1,
                timeout: self.ping.timeout,
                size: self.ping.size,
                group: Some(Group {
                    id: u32::MAX,
                    rate: RATE,
                    burst: 1,
                }),
                header: Header {
                    ttl: Some(ttl),
                    ..self.header
                },
                ..Order::new(u64::from(ttl), self.address)
            };
            if self.handle.order(order).is_err() {
                let why = self.handle.fault();
                return Err(Failure::could_not_look(
                    why.unwrap_or_else(|| "the ICMP thread takes no orders".to_owned()),
                ));
            }
            waiting += 1;
        }
        while waiting > 0 {
            let batch = tokio::select! {
                batch = self.results.recv() => batch,
                _ = self.stop.recv() => {
                    self.is_stopped = true;
                    return Ok(());
                }
            };
            let Some(batch) = batch else {
                return Err(Failure::could_not_look(self.handle.fault().unwrap_or_default()));
            };
            for burst in batch {
                waiting -= 1;
                self.take(&burst);
            }
        }
        Ok(())
    }

    fn take(&mut self, burst: &Burst) {
        if matches!(burst.outcome, Outcome::Blind(_)) {
            self.blind = Some(burst.outcome.clone());
        }
        let place = usize::try_from(burst.token).ok().and_then(|n| n.checked_sub(1));
        let Some(hop) = place.and_then(|n| self.hops.get_mut(n)) else {
            return;
        };
        hop.sent += u64::from(burst.stats.sent);
        let from = if burst.stats.received > 0 {
            hop.is_target = true;
            Some((self.address, burst.stats.rtt))
        } else {
            burst.errors.last.map(|error| {
                if error.kind != ErrorKind::Ttl {
                    hop.end = Some(error.kind);
                }
                (error.from, burst.errors.rtt)
            })
        };
        if let Some((from, rtt)) = from {
            hop.received += 1;
            hop.times.extend(rtt.map(|rtt| rtt.sum));
            if !hop.from.contains(&from) {
                hop.from.push(from);
            }
        }
    }

    fn path(&self) -> Path {
        let reached = self.hops.iter().any(|hop| hop.is_target);
        let end = self.hops.iter().find_map(|hop| hop.end);
        let outcome = match (&self.blind, end) {
            (Some(blind), _) => blind.clone(),
            (None, Some(kind)) => Outcome::Bad(kind.reason()),
            (None, None) => Outcome::Bad(crate::model::Reason::Timeout),
        };
        Path {
            target: self.name.clone(),
            address: Some(self.address),
            reached,
            hops: self
                .hops
                .iter()
                .enumerate()
                .map(|(n, hop)| hop.shown(n + 1))
                .collect(),
            reason: if reached { None } else { show::reason(&outcome) },
        }
    }
}

impl Hop {
    fn shown(&self, ttl: usize) -> Shown {
        let stats = stats::sum_up(self.times.iter().copied(), &mut Vec::new());
        let seconds = |span: Option<Span>| span.map(|s| s.as_secs_f64());
        Shown {
            ttl,
            address: self.from.first().copied(),
            other_addresses: self.from.iter().skip(1).copied().collect(),
            sent: self.sent,
            received: self.received,
            loss_ratio: show::loss(self.sent, self.received),
            rtt_min_seconds: seconds(stats.map(|s| s.min)),
            rtt_median_seconds: seconds(stats.map(|s| s.median)),
            rtt_mean_seconds: seconds(stats.and_then(|s| show::mean(&s, self.times.len()))),
            rtt_max_seconds: seconds(stats.map(|s| s.max)),
            jitter_seconds: seconds(stats.and_then(|s| s.jitter)),
        }
    }
}

fn lines(paths: &[Path]) -> Vec<Line<'_>> {
    paths
        .iter()
        .flat_map(|path| {
            path.hops.iter().map(|hop| Line {
                target: &path.target,
                reached: path.reached,
                ttl: hop.ttl,
                address: hop.address,
                sent: hop.sent,
                received: hop.received,
                loss_ratio: hop.loss_ratio,
                rtt_min_seconds: hop.rtt_min_seconds,
                rtt_median_seconds: hop.rtt_median_seconds,
                rtt_mean_seconds: hop.rtt_mean_seconds,
                rtt_max_seconds: hop.rtt_max_seconds,
                jitter_seconds: hop.jitter_seconds,
            })
        })
        .collect()
}

fn draw(path: &Path) -> String {
    let address = path.address.map_or_else(String::new, |a| format!(" ({a})"));
    let heading = [
        "HOP", "ADDRESS", "SENT", "RECV", "LOSS", "MIN ms", "MEDIAN", "MEAN", "MAX", "JITTER",
    ];
    let mut lines = vec![heading.map(str::to_owned).to_vec()];
    for hop in &path.hops {
        let all = hop.address.iter().chain(&hop.other_addresses);
        let all: Vec<String> = all.map(IpAddr::to_string).collect();
        let who = if all.is_empty() {
            "*".to_owned()
        } else {
            all.join(" ")
        };
        lines.push(vec![
            hop.ttl.to_string(),
            who,
            hop.sent.to_string(),
            hop.received.to_string(),
            show::percent(hop.loss_ratio),
            show::time(hop.rtt_min_seconds),
            show::time(hop.rtt_median_seconds),
            show::time(hop.rtt_mean_seconds),
            show::time(hop.rtt_max_seconds),
            show::time(hop.jitter_seconds),
        ]);
    }
    let last = path.hops.iter().rfind(|hop| hop.received > 0);
    let verdict = match (path.reached, &path.reason, last) {
        (true, _, _) => match path.hops.len() {
            1 => "reached directly".to_owned(),
            hops => format!("reached in {hops} hops"),
        },
        (false, Some(reason), Some(hop)) => {
            let who = hop.address.map_or_else(String::new, |a| a.to_string());
            format!("breaks after hop {} ({who}): {reason}", hop.ttl)
        }
        (false, reason, _) => format!("nothing answers: {}", reason.as_deref().unwrap_or("timeout")),
    };
    format!("{}{address}\n{}{verdict}\n", path.target, show::table(&lines, 2))
}
