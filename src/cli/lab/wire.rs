//! `tramgac lab wire`: the lab's wire between two network namespaces, for benches and trials by hand.

use std::time::Duration;

use clap::Args;
use clap::ValueEnum;
use serde::Serialize;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;

use crate::cli::Exit;
use crate::cli::Failure;
use crate::cli::output;
use crate::clock::SystemClock;
use crate::lab::wire::Counts;
use crate::lab::wire::End;
use crate::lab::wire::Faults;
use crate::lab::wire::Way;
use crate::lab::wire::Wire;
use crate::model::Ratio;
use crate::model::Span;

/// Both ends and what happens between them. It stands until it is interrupted;
/// then it prints what it did to packets, as JSON.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  \
    ip netns add a; ip netns add b\n  \
    tramgac lab wire a b --delay 60ms --loss 3% --rate 512kbit --queue 50 --only there &\n  \
    for n in a b; do ip -n $n link set wire0 up; done\n  \
    ip -n a addr add 10.9.0.1/24 dev wire0; ip -n b addr add 10.9.0.2/24 dev wire0")]
pub(super) struct Arguments {
    /// Namespace of the first end, as `ip netns` knows it
    #[arg(value_name = "NAMESPACE")]
    first: String,
    /// Namespace of the second end
    #[arg(value_name = "NAMESPACE")]
    second: String,
    /// Name of the interface at both ends; the caller gives it its addresses and brings it up
    #[arg(long, default_value = "wire0", value_name = "NAME")]
    interface: String,
    /// How long a packet is on its way
    #[arg(long, default_value = "0ms", value_name = "TIME", value_parser = span)]
    delay: Span,
    /// At most so much more, by chance
    #[arg(long, default_value = "0ms", value_name = "TIME", value_parser = span)]
    jitter: Span,
    /// Share of packets that are lost
    #[arg(long, default_value = "0%", value_name = "PERCENT", value_parser = percent)]
    loss: Ratio,
    /// Share of packets that arrive twice
    #[arg(long, default_value = "0%", value_name = "PERCENT", value_parser = percent)]
    duplicate: Ratio,
    /// Share of packets that later ones overtake
    #[arg(long, default_value = "0%", value_name = "PERCENT", value_parser = percent)]
    reorder: Ratio,
    /// Share of packets in which a bit is flipped
    #[arg(long, default_value = "0%", value_name = "PERCENT", value_parser = percent)]
    corrupt: Ratio,
    /// What the line carries in a second: 512kbit, 10Mbit
    #[arg(long, value_name = "RATE", value_parser = rate)]
    rate: Option<u64>,
    /// Packets that may wait for the line
    #[arg(long, default_value_t = 1_000, value_name = "PACKETS")]
    queue: usize,
    /// Faults in this direction only
    #[arg(long, value_enum, value_name = "WAY")]
    only: Option<Only>,
    /// The same seed, the same faults
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    seed: u64,
    /// End after this many seconds
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Only {
    /// From the first namespace to the second
    There,
    /// From the second namespace to the first
    Back,
}

/// What a wire did, as it is printed.
#[derive(Serialize)]
struct Told {
    there: Counts,
    back: Counts,
    refused: u64,
}

fn span(text: &str) -> Result<Span, String> {
    crate::config::read::duration(text).ok_or_else(|| "a number with its unit: 60ms, 1s".to_owned())
}

fn percent(text: &str) -> Result<Ratio, String> {
    let number = text.strip_suffix('%').and_then(|n| n.trim().parse::<f64>().ok());
    number
        .and_then(|n| Ratio::new(n / 100.0).ok())
        .ok_or_else(|| "a share in percent: 3%, 0.5%".to_owned())
}

fn rate(text: &str) -> Result<u64, String> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit = match unit {
        "bit" => Some(1),
        "kbit" => Some(1_000),
        "Mbit" => Some(1_000_000),
        "Gbit" => Some(1_000_000_000),
        _ => None,
    };
    let rate = number
        .parse::<u64>()
        .ok()
        .zip(unit)
        .map(|(n, unit)| n.saturating_mul(unit));
    rate.filter(|r| *r > 0)
        .ok_or_else(|| "a number with its unit: 512kbit, 10Mbit".to_owned())
}

/// Lets the wire stand until it is interrupted.
pub(super) fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let ends = [
        End::new(&arguments.first, &arguments.interface),
        End::new(&arguments.second, &arguments.interface),
    ];
    let faults = Faults {
        delay: arguments.delay,
        jitter: arguments.jitter,
        loss: arguments.loss,
        duplication: arguments.duplicate,
        reordering: arguments.reorder,
        corruption: arguments.corrupt,
        rate: arguments.rate,
        queue: arguments.queue,
        ..Faults::default()
    };
    let wire =
        Wire::join(&ends, faults, arguments.seed, SystemClock::shared()).map_err(Failure::could_not_look)?;
    match arguments.only {
        Some(Only::There) => wire.set(Way::Back, Faults::default()),
        Some(Only::Back) => wire.set(Way::There, Faults::default()),
        None => {}
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::could_not_look)?;
    runtime
        .block_on(async {
            let mut ended = signal(SignalKind::terminate())?;
            let until = async {
                match arguments.seconds {
                    Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                interrupted = tokio::signal::ctrl_c() => interrupted,
                _ = ended.recv() => Ok(()),
                () = until => Ok(()),
            }
        })
        .map_err(Failure::could_not_look)?;
    let told = Told {
        there: wire.counts(Way::There),
        back: wire.counts(Way::Back),
        refused: wire.refused(Way::There) + wire.refused(Way::Back),
    };
    let mut text = serde_json::to_string(&told).map_err(Failure::could_not_look)?;
    text.push('\n');
    output::text(&text).map_err(Failure::could_not_look)?;
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_rates_carry_their_unit() {
        assert_eq!(percent("3%"), Ok(Ratio::new(0.03).unwrap()));
        assert_eq!(percent("0.5%"), Ok(Ratio::new(0.005).unwrap()));
        assert_eq!(rate("512kbit"), Ok(512_000));
        for text in ["3", "101%", "-1%", "x%", "%"] {
            assert!(percent(text).is_err(), "{text}");
        }
        for text in ["512", "0kbit", "kbit", "1.5Mbit", "5Mbyte"] {
            assert!(rate(text).is_err(), "{text}");
        }
    }
}
