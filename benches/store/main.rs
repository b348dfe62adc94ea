//! The record: bytes and time for history, beside plain SQLite rows and
//! Prometheus' blocks; queries of a large record; the start of a large one.
//!
//! `cargo bench --bench store` takes a minute; `TRAMGAC_BENCH_FULL=1` takes the
//! sizes that docs/performance.md names, each part some minutes.
//! `cargo bench --bench store -- WORDS` runs the parts whose name holds one of
//! the words: rate, year, plain, prometheus, large, start, daemon.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "a bench is read by people, and nothing can go on without its files"
)]

mod daemon;
mod history;
mod large;
mod start;
mod story;

/// A part: its word, and what it does, in full size or in small.
type Part = (&'static str, fn(bool));

fn main() {
    let parts: [Part; 8] = [
        ("rate", history::rate),
        ("year", history::year),
        ("plain", history::plain),
        ("prometheus", history::prometheus),
        ("large", large::large),
        ("start", start::start),
        ("daemon, 10000", daemon::daemon_of_10_000),
        ("daemon, 100000", daemon::daemon_of_100_000),
    ];
    let words: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let full = std::env::var_os("TRAMGAC_BENCH_FULL").is_some();
    for (name, part) in parts {
        if words.is_empty() || words.iter().any(|w| name.contains(w.as_str())) {
            part(full);
        }
    }
}
