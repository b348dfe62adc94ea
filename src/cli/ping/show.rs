//! How results are printed.

use std::net::IpAddr;

use serde::Serialize;

use super::Format;
use crate::cli::Failure;
use crate::cli::output;
use crate::model::BlindReason;
use crate::model::Outcome;
use crate::model::Reason;
use crate::model::Span;
use crate::model::observation::RttStats;

/// One target's result; the names are those of the JSON output.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Row {
    pub(super) target: String,
    pub(super) address: Option<IpAddr>,
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) late: u64,
    pub(super) duplicates: u64,
    pub(super) loss_ratio: Option<f64>,
    pub(super) rtt_min_seconds: Option<f64>,
    pub(super) rtt_median_seconds: Option<f64>,
    pub(super) rtt_mean_seconds: Option<f64>,
    pub(super) rtt_max_seconds: Option<f64>,
    pub(super) jitter_seconds: Option<f64>,
    pub(super) reason: Option<String>,
}

/// Mean of the times that were summed up.
pub(super) fn mean(stats: &RttStats, count: usize) -> Option<Span> {
    let count = u32::try_from(count).ok().filter(|n| *n > 0)?;
    Some(stats.sum / count)
}

/// Share of `sent` that was not received; `None` for nothing sent.
pub(super) fn loss(sent: u64, received: u64) -> Option<f64> {
    crate::model::Ratio::of(sent.saturating_sub(received), sent).map(crate::model::Ratio::get)
}

/// The word for why there is no answer.
pub(super) fn reason(outcome: &Outcome) -> Option<String> {
    let word = match outcome {
        Outcome::Good => return None,
        Outcome::Bad(reason) => match reason {
            Reason::Timeout => "timeout",
            Reason::NetUnreachable => "network unreachable",
            Reason::HostUnreachable => "host unreachable",
            Reason::Prohibited => "prohibited",
            Reason::TtlExceeded => "time to live exceeded",
            Reason::Refused => "refused",
            Reason::Malformed => "too large for the path",
            Reason::Auth
            | Reason::NoAnswerOrCommunity
            | Reason::Privacy
            | Reason::Dns
            | Reason::Tls(_)
            | Reason::HttpStatus(_)
            | Reason::BodyMismatch
            | Reason::Threshold(_)
            | Reason::Parent(_)
            | Reason::NotPolled
            | Reason::Blind
            | Reason::OtherDevice(_)
            | Reason::Internal(_) => reason.label(),
        },
        Outcome::Blind(blind) => match blind {
            BlindReason::Permission => "not permitted to send",
            BlindReason::NoRoute => "no route from here",
            BlindReason::InterfaceDown => "interface is down",
            BlindReason::Dns => "name does not resolve",
            BlindReason::ReceiveDrops => "replies dropped here",
            BlindReason::Internal(text) => return Some(text.clone()),
        },
    };
    Some(word.to_owned())
}

/// `0.123 ms`-like text of a time.
pub(super) fn time(seconds: Option<f64>) -> String {
    seconds.map_or_else(
        || "-".to_owned(),
        |s| {
            let ms = s * 1e3;
            match ms {
                0.0..1.0 => format!("{ms:.3}"),
                1.0..100.0 => format!("{ms:.2}"),
                _ => format!("{ms:.0}"),
            }
        },
    )
}

/// A share as a percentage.
pub(super) fn percent(ratio: Option<f64>) -> String {
    ratio.map_or_else(
        || "-".to_owned(),
        |r| {
            let percent = r * 100.0;
            // 0.4 % of loss is not none, and 99.6 % is not all.
            if (percent - percent.round()).abs() < 1e-9 {
                format!("{percent:.0}%")
            } else {
                format!("{percent:.1}%")
            }
        },
    )
}

/// Lines of cells as an aligned table; the first `left` columns flush left.
pub(super) fn table(lines: &[Vec<String>], left: usize) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |n: usize| {
        let cells = lines.iter().filter_map(|line| line.get(n));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let mut row = String::new();
        for (n, (cell, width)) in line.iter().zip(&widths).enumerate() {
            let gap = if n == 0 { "" } else { "  " };
            let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
            if n < left || n + 1 == columns {
                row.extend([gap, cell, &padding]);
            } else {
                row.extend([gap, &padding, cell]);
            }
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

/// Prints objects as JSON, JSON lines or CSV, or the table that `draw` makes.
pub(super) fn print<T: Serialize>(
    format: Format,
    rows: &[T],
    draw: impl FnOnce(&[T]) -> String,
) -> Result<(), Failure> {
    let mut text = match format {
        Format::Table => draw(rows),
        Format::Json => serde_json::to_string_pretty(rows).map_err(Failure::could_not_look)?,
        Format::Jsonl => {
            let mut text = String::new();
            for row in rows {
                let line = serde_json::to_string(row).map_err(Failure::could_not_look)?;
                text.push_str(&line);
                text.push('\n');
            }
            text
        }
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(Vec::new());
            for row in rows {
                writer.serialize(row).map_err(Failure::could_not_look)?;
            }
            let bytes = writer
                .into_inner()
                .map_err(|e| Failure::could_not_look(e.to_string()))?;
            String::from_utf8_lossy(&bytes).into_owned()
        }
    };
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    output::text(&text).map_err(Failure::could_not_look)
}

/// The table of [`Row`]s with a summary below.
pub(super) fn rows(rows: &[Row]) -> String {
    let heading = [
        "TARGET", "ADDRESS", "SENT", "RECV", "LOSS", "MIN ms", "MEDIAN", "MEAN", "MAX", "JITTER", "REMARK",
    ];
    let mut lines = vec![heading.map(str::to_owned).to_vec()];
    for row in rows {
        let address = row.address.map_or_else(|| "-".to_owned(), |a| a.to_string());
        lines.push(vec![
            row.target.clone(),
            address,
            row.sent.to_string(),
            row.received.to_string(),
            percent(row.loss_ratio),
            time(row.rtt_min_seconds),
            time(row.rtt_median_seconds),
            time(row.rtt_mean_seconds),
            time(row.rtt_max_seconds),
            time(row.jitter_seconds),
            remark(row),
        ]);
    }
    let mut text = table(&lines, 2);
    let alive = rows.iter().filter(|r| r.received > 0).count();
    let (sent, received) = rows
        .iter()
        .fold((0, 0), |(s, r), row| (s + row.sent, r + row.received));
    let loss = percent(loss(sent, received));
    let names = rows.iter().filter(|r| r.address.is_none()).count();
    let total = rows.len();
    let silent = total - alive;
    let unknown = if names > 0 {
        format!("; {names} names do not resolve")
    } else {
        String::new()
    };
    let targets = if total == 1 { "target" } else { "targets" };
    text.extend([
        format!("\n{total} {targets}, {alive} answer, {silent} do not; "),
        format!("{sent} sent, {received} received, {loss} loss{unknown}\n"),
    ]);
    text
}

fn remark(row: &Row) -> String {
    let mut parts: Vec<String> = row.reason.iter().cloned().collect();
    if row.late > 0 {
        parts.push(format!("{} late", row.late));
    }
    if row.duplicates > 0 {
        parts.push(format!("{} duplicates", row.duplicates));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_long_as_they_need_to_be() {
        assert_eq!(time(Some(0.000_012_3)), "0.012");
        assert_eq!(time(Some(0.012_345)), "12.35");
        assert_eq!(time(Some(1.5)), "1500");
        assert_eq!(time(None), "-");
        assert_eq!(percent(Some(0.004)), "0.4%");
        assert_eq!(percent(Some(1.0)), "100%");
        assert_eq!(percent(None), "-");
    }

    #[test]
    fn a_table_is_aligned_by_letters_and_not_by_bytes() {
        let line = |a: &str, b: &str, c: &str| vec![a.to_owned(), b.to_owned(), c.to_owned()];
        let text = table(&[line("Thạch", "1", "x"), line("a", "22", "")], 1);
        assert_eq!(text, "Thạch   1  x\na      22\n");
    }
}
