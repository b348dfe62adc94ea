//! Bytes and time of history, beside plain rows and Prometheus' blocks.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use rusqlite::Connection;
use tempfile::TempDir;
use tramgac::clock::{Clock, SystemClock};
use tramgac::model::Span;
use tramgac::store::{Level, Reader, SeriesKey};

use crate::story::{BEGIN, DAY, Filled, METRICS, Source, cpu_seconds, fill, making, second};

/// Rows and bytes of the chunks of one level, and the bytes by measure.
fn level_bytes(path: &Path, level: i64) -> Vec<(String, u64, u64)> {
    let c = Connection::open(path).unwrap();
    let mut s = c
        .prepare(
            "SELECT metric, count(*), sum(length(body) + 14) FROM chunk JOIN series ON series.id = chunk.id & 0xffffffff
             WHERE chunk.id >> 60 = ?1 GROUP BY metric",
        )
        .unwrap();
    s.query_map([level], |r| {
        Ok((
            r.get(0)?,
            r.get::<_, i64>(1)?.unsigned_abs(),
            r.get::<_, i64>(2)?.unsigned_abs(),
        ))
    })
    .unwrap()
    .map(Result::unwrap)
    .collect()
}

/// Fills a record and says what that took.
fn filled(path: &Path, targets: u32, days: i64, step: i64) -> Filled {
    let clock = SystemClock::new();
    let (cpu, began) = (cpu_seconds(), clock.mono());
    let filled = fill(path, targets, days, step);
    let (cpu, wall) = (cpu_seconds() - cpu, clock.mono().since(began).as_secs_f64());
    let making = making(targets, days);
    let stats = filled.store.writer().stats();
    assert_eq!(stats.samples, filled.samples, "samples were shed");
    println!(
        "{} samples in {wall:.1} s; CPU {cpu:.1} s, of which making the data {making:.1} s: {:.0} samples/s per core",
        filled.samples,
        filled.samples as f64 / (cpu - making)
    );
    println!(
        "{} commits, mean {:?}, longest {:?}; longest step of upkeep {:?} (limit 100 ms)",
        stats.commits,
        stats.commit_time.div_f64(stats.commits.max(1) as f64),
        stats.commit_max,
        stats.upkeep_max
    );
    filled
}

fn bytes(filled: &Filled, days: i64) {
    let targets = filled.targets.len() as f64;
    let path = filled.store.path();
    for (metric, rows, bytes) in level_bytes(path, 1) {
        println!(
            "raw {metric:24} {rows:6} chunks {:.3} bytes/sample",
            bytes as f64 / (rows as f64 * 1440.0)
        );
    }
    for (level, name, seconds) in [(2, "5 min", 300), (3, "1 h", 3600), (4, "1 day", DAY)] {
        let bytes: u64 = level_bytes(path, level).iter().map(|l| l.2).sum();
        let kept = if level == 2 { days.min(90) } else { days };
        let buckets = targets * 4.0 * kept as f64 * (DAY / seconds) as f64;
        println!("{name:5} {:.2} bytes/bucket", bytes as f64 / buckets);
    }
    let sizes = filled.store.readers().with(Reader::sizes).unwrap();
    println!(
        "file {} bytes of which free {}; {:.3} bytes per sample ever written; {:.0} KB a target",
        sizes.database_bytes,
        sizes.free_bytes,
        (sizes.database_bytes - sizes.free_bytes) as f64 / filled.samples as f64,
        (sizes.database_bytes - sizes.free_bytes) as f64 / targets / 1e3
    );
}

/// 10,000 targets for a day, a commit a second: the rate.
pub(crate) fn rate(full: bool) {
    let (targets, days) = if full { (10_000, 1) } else { (1_000, 1) };
    println!("\n## rate: {targets} targets x 4 series x 1 minute x {days} day, a commit a second");
    let folder = TempDir::new().unwrap();
    let filled = filled(&folder.path().join("tramgac.db"), targets, days, 1);
    bytes(&filled, days);
}

/// 100 targets for a year, through writer, roll-ups and retention; then reading one series of it.
pub(crate) fn year(full: bool) {
    let (targets, days) = if full { (100, 365) } else { (10, 40) };
    println!("\n## year: {targets} targets x 4 series x 1 minute x {days} days, a commit an hour");
    let folder = TempDir::new().unwrap();
    let filled = filled(&folder.path().join("tramgac.db"), targets, days, 3600);
    bytes(&filled, days);
    let key = SeriesKey {
        target: filled.targets[0],
        metric: METRICS[0].into(),
        instance: "".into(),
    };
    read(&filled, &key, days);
}

fn read(filled: &Filled, key: &SeriesKey, days: i64) {
    println!("time to read one series (goal < 5, 10, 20 ms), median and longest of 25");
    let end = second(days * DAY);
    let clock = SystemClock::new();
    let time = |name: &str, read: &dyn Fn(&Reader) -> usize| {
        let mut times = Vec::new();
        let mut count = 0;
        for _ in 0..25 {
            let began = clock.mono();
            count = filled.store.readers().with(|r| Ok(read(r))).unwrap();
            times.push(clock.mono().since(began));
        }
        times.sort();
        println!("{name:24} {count:6} points  {:?} {:?}", times[12], times[24]);
    };
    for (name, days_back, points) in [("a day", 1, 1440), ("a month", 30, 9000), ("a year", 365, 9000)] {
        let from = end.minus(Span::from_hours(24 * days_back));
        time(name, &|r| r.history(key, from, end, points).unwrap().len());
    }
    time("all, as fine as kept", &|r| {
        let points = r.history_from_level(key, second(0), end, Level::Raw);
        points.unwrap().len()
    });
}

/// The same samples as plain rows.
pub(crate) fn plain(full: bool) {
    let (targets, days) = if full { (100u32, 30i64) } else { (100, 3) };
    println!("\n## plain: the same samples as plain rows in SQLite (WITHOUT ROWID, key series and time)");
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("plain.db");
    let mut c = Connection::open(&path).unwrap();
    c.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
         CREATE TABLE sample (series INTEGER, at INTEGER, value REAL, PRIMARY KEY (series, at)) WITHOUT ROWID, STRICT;",
    )
    .unwrap();
    let mut sources: Vec<Source> = (1..).take(targets as usize).map(Source::new).collect();
    let (cpu, mut samples) = (cpu_seconds(), 0u64);
    for round in 0..days * 144 {
        let t = c.transaction().unwrap();
        {
            let mut insert = t
                .prepare_cached("INSERT INTO sample VALUES (?1, ?2, ?3)")
                .unwrap();
            for minute in round * 10..(round + 1) * 10 {
                for (place, source) in sources.iter_mut().enumerate() {
                    let at = (BEGIN + minute * 60) * 1000 + (source.noise.next() * 20.0) as i64;
                    for (metric, value) in source.minute(minute).into_iter().enumerate() {
                        if let Some(value) = value {
                            insert.execute(((place * 4 + metric) as i64, at, value)).unwrap();
                            samples += 1;
                        }
                    }
                }
            }
        }
        t.commit().unwrap();
    }
    let cpu = cpu_seconds() - cpu;
    drop(c);
    let bytes = path.metadata().unwrap().len();
    println!(
        "{samples} samples, CPU {cpu:.1} s: {:.0} samples/s per core, {:.1} bytes/sample",
        samples as f64 / cpu,
        bytes as f64 / samples as f64
    );
}

/// The same kind of samples in Prometheus' blocks.
pub(crate) fn prometheus(full: bool) {
    let (targets, days) = if full { (10u32, 30i64) } else { (10, 6) };
    println!(
        "\n## prometheus: promtool tsdb create-blocks-from openmetrics, {targets} targets x 4 series x {days} days"
    );
    let folder = TempDir::new().unwrap();
    let mut text = String::new();
    let mut samples = 0u64;
    for (place, metric) in METRICS.iter().enumerate() {
        let family = metric.trim_end_matches("_total");
        let kind = if family == *metric { "gauge" } else { "counter" };
        writeln!(text, "# TYPE {family} {kind}").unwrap();
        for target in 0..targets {
            let mut source = Source::new(u64::from(target) + 1);
            for minute in 0..days * 1440 {
                let jitter = source.noise.next() * 0.02;
                if let Some(value) = source.minute(minute)[place] {
                    let at = (BEGIN + minute * 60) as f64 + 0.05 + jitter;
                    writeln!(text, "{metric}{{target=\"{target}\"}} {value} {at:.3}").unwrap();
                    samples += 1;
                }
            }
        }
    }
    text.push_str("# EOF\n");
    let file = folder.path().join("samples.om");
    std::fs::write(&file, text).unwrap();
    let blocks = folder.path().join("blocks");
    let made = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .arg(&file)
        .arg(&blocks)
        .output();
    match made {
        Ok(output) if output.status.success() => {
            let mut bytes = 0;
            let mut open = vec![blocks];
            while let Some(folder) = open.pop() {
                for entry in std::fs::read_dir(folder).unwrap() {
                    let entry = entry.unwrap();
                    if entry.path().is_dir() {
                        open.push(entry.path());
                    } else {
                        bytes += entry.metadata().unwrap().len();
                    }
                }
            }
            println!(
                "{samples} samples: {:.2} bytes/sample",
                bytes as f64 / samples as f64
            );
        }
        Ok(output) => println!("promtool failed: {}", String::from_utf8_lossy(&output.stderr)),
        Err(e) => println!("skipped: the peer promtool is missing ({e})"),
    }
}
