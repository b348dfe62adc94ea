//! The text format of Prometheus, version 0.0.4: HELP and TYPE once per family,
//! escaping, finite numbers, a bound on the number of series.
//!
//! Pure: bytes go to a sink that the caller gives. Time stamps are never
//! written, so that a series which is no longer rendered is gone at the next
//! scrape. Source: Prometheus, "Exposition formats".

use std::collections::BTreeMap;
use std::io::Write;

use super::catalog::{Kind, Metric};

/// The `Content-Type` of an exposition.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Bytes that are gathered before the sink is called.
const CHUNK_BYTES: usize = 64 * 1024;

/// A block of labels, escaped once and written many times.
///
/// Labels without a value are left out: to Prometheus they are the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels(Vec<u8>);

impl Labels {
    /// The block with these labels, in this order.
    pub fn new(pairs: &[(&str, &str)]) -> Self {
        let mut labels = Self(Vec::new());
        for (name, value) in pairs {
            labels.push(name, value);
        }
        labels
    }

    /// Adds a label at the end.
    pub fn push(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        if !self.0.is_empty() {
            self.0.push(b',');
        }
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"=\"");
        escape_value(value, &mut self.0);
        self.0.push(b'"');
    }

    /// This block with one more label.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut more = self.clone();
        more.push(name, value);
        more
    }
}

/// Escapes a label's value: `\`, `"` and line feed; everything else stays as it is (trap 6).
fn escape_value(value: &str, out: &mut Vec<u8>) {
    let mut rest = value.as_bytes();
    while let Some(at) = rest.iter().position(|b| matches!(b, b'\\' | b'"' | b'\n')) {
        let (plain, tail) = rest.split_at(at);
        out.extend_from_slice(plain);
        out.extend_from_slice(match tail.first() {
            Some(b'\\') => b"\\\\",
            Some(b'"') => b"\\\"",
            _ => b"\\n",
        });
        rest = tail.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

/// How an exposition came out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Series written.
    pub series: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Series left out because a limit was reached, by family.
    pub dropped: BTreeMap<&'static str, u64>,
}

/// Writes families in the order in which they come, each once.
pub struct Writer<'s> {
    buffer: Vec<u8>,
    sink: &'s mut dyn FnMut(&[u8]),
    limit: u64,
    current: Option<&'static Metric>,
    summary: Summary,
}

impl<'s> Writer<'s> {
    /// A writer of at most `limit` series.
    pub fn new(limit: u64, sink: &'s mut dyn FnMut(&[u8])) -> Self {
        Self {
            buffer: Vec::with_capacity(CHUNK_BYTES + 4096),
            sink,
            limit,
            current: None,
            summary: Summary::default(),
        }
    }

    /// Begins a family. Its HELP and TYPE are written with its first sample, so
    /// that a family without samples is not there at all.
    pub fn family(&mut self, metric: &'static Metric) -> Family<'_, 's> {
        Family { writer: self, metric }
    }

    /// What came out so far.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Counts a series that was left out by a limit of the caller's.
    pub fn count_dropped(&mut self, metric: &'static Metric, series: u64) {
        if series > 0 {
            *self.summary.dropped.entry(metric.name).or_default() += series;
        }
    }

    /// Hands the rest to the sink.
    pub fn finish(mut self) -> Summary {
        self.flush();
        self.summary
    }

    fn flush(&mut self) {
        self.summary.bytes += self.buffer.len() as u64;
        (self.sink)(&self.buffer);
        self.buffer.clear();
    }

    /// Room for `series` more of this family? Writes its head when they are the first.
    fn admit(&mut self, metric: &'static Metric, series: u64) -> bool {
        if self.summary.series + series > self.limit {
            self.count_dropped(metric, series);
            return false;
        }
        self.summary.series += series;
        if self.buffer.len() >= CHUNK_BYTES {
            self.flush();
        }
        if self.current != Some(metric) {
            self.current = Some(metric);
            let b = &mut self.buffer;
            b.extend_from_slice(b"# HELP ");
            b.extend_from_slice(metric.name.as_bytes());
            b.push(b' ');
            for byte in metric.help.bytes() {
                match byte {
                    b'\\' => b.extend_from_slice(b"\\\\"),
                    b'\n' => b.extend_from_slice(b"\\n"),
                    other => b.push(other),
                }
            }
            b.extend_from_slice(b"\n# TYPE ");
            b.extend_from_slice(metric.name.as_bytes());
            b.push(b' ');
            b.extend_from_slice(metric.kind.as_str().as_bytes());
            b.push(b'\n');
        }
        true
    }

    fn head(&mut self, metric: &Metric, suffix: &str, labels: &[u8]) {
        let b = &mut self.buffer;
        b.extend_from_slice(metric.name.as_bytes());
        b.extend_from_slice(suffix.as_bytes());
        if !labels.is_empty() {
            b.push(b'{');
            b.extend_from_slice(labels);
            b.push(b'}');
        }
        b.push(b' ');
    }
}

/// One family being written.
pub struct Family<'w, 's> {
    writer: &'w mut Writer<'s>,
    metric: &'static Metric,
}

impl Family<'_, '_> {
    /// One sample. A value that is not finite is no sample (trap 10).
    pub fn float(&mut self, labels: &Labels, value: f64) {
        self.float_raw(&labels.0, value);
    }

    /// One sample of a whole number.
    pub fn int(&mut self, labels: &Labels, value: u64) {
        self.int_raw(&labels.0, value);
    }

    /// One sample, if there is a value.
    pub fn maybe(&mut self, labels: &Labels, value: Option<f64>) {
        if let Some(value) = value {
            self.float(labels, value);
        }
    }

    /// One sample of a statement, if it is known.
    pub fn truth(&mut self, labels: &Labels, value: Option<bool>) {
        if let Some(value) = value {
            self.int(labels, u64::from(value));
        }
    }

    /// [`Family::float`] with an escaped block of labels.
    pub(super) fn float_raw(&mut self, labels: &[u8], value: f64) {
        if value.is_finite() && self.writer.admit(self.metric, 1) {
            self.writer.head(self.metric, "", labels);
            float(&mut self.writer.buffer, value);
            self.writer.buffer.push(b'\n');
        }
    }

    /// [`Family::int`] with an escaped block of labels.
    pub(super) fn int_raw(&mut self, labels: &[u8], value: u64) {
        if self.writer.admit(self.metric, 1) {
            self.writer.head(self.metric, "", labels);
            int(&mut self.writer.buffer, value);
            self.writer.buffer.push(b'\n');
        }
    }

    /// Sum and count.
    pub(super) fn summary_raw(&mut self, labels: &[u8], sum: f64, count: u64) {
        debug_assert_eq!(self.metric.kind, Kind::Summary);
        if sum.is_finite() && self.writer.admit(self.metric, 2) {
            self.tail(labels, sum, count);
        }
    }

    /// Cumulative buckets, sum and count. `bounds` and `counts` (not cumulative,
    /// one more than the bounds: the last is for what lies above them).
    pub fn histogram(&mut self, labels: &Labels, bounds: &[f64], counts: &[u64], sum: f64) {
        debug_assert_eq!(self.metric.kind, Kind::Histogram);
        let series = bounds.len() as u64 + 3;
        if !sum.is_finite() || !self.writer.admit(self.metric, series) {
            return;
        }
        let mut total = 0u64;
        let inf = std::iter::once(f64::INFINITY);
        for (bound, count) in bounds.iter().copied().chain(inf).zip(counts) {
            total = total.saturating_add(*count);
            let le = if bound.is_finite() {
                bound.to_string()
            } else {
                "+Inf".to_owned()
            };
            let labels = labels.with("le", &le);
            self.writer.head(self.metric, "_bucket", &labels.0);
            int(&mut self.writer.buffer, total);
            self.writer.buffer.push(b'\n');
        }
        self.tail(&labels.0, sum, total);
    }

    fn tail(&mut self, labels: &[u8], sum: f64, count: u64) {
        self.writer.head(self.metric, "_sum", labels);
        float(&mut self.writer.buffer, sum);
        self.writer.buffer.push(b'\n');
        self.writer.head(self.metric, "_count", labels);
        int(&mut self.writer.buffer, count);
        self.writer.buffer.push(b'\n');
    }
}

impl AsRef<[u8]> for Labels {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Writes a whole number.
fn int(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        // A digit fits a byte.
        digits[at] = b'0' + u8::try_from(value % 10).unwrap_or_default();
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Writes a finite number so that reading it gives the same again.
fn float(out: &mut Vec<u8>, value: f64) {
    // Writing to a Vec cannot fail.
    if write!(out, "{value}").is_err() {
        out.push(b'0');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::catalog;

    fn text(limit: u64, write: impl FnOnce(&mut Writer<'_>)) -> (String, Summary) {
        let mut bytes = Vec::new();
        let mut sink = |chunk: &[u8]| bytes.extend_from_slice(chunk);
        let mut writer = Writer::new(limit, &mut sink);
        write(&mut writer);
        let summary = writer.finish();
        (String::from_utf8(bytes).unwrap(), summary)
    }

    // trap 6
    #[test]
    fn quotes_backslashes_and_line_feeds_are_escaped_and_the_rest_is_kept() {
        let labels = Labels::new(&[
            ("name", "Trường THCS số 3 \"Thạch Khoán\""),
            ("ifalias", "a\\b\nc\u{fffd}\r\t"),
            ("empty", ""),
        ]);
        let (text, _) = text(9, |w| w.family(&catalog::DEVICE_INFO).int(&labels, 1));
        let sample = text.lines().nth(2).unwrap();
        assert!(
            text.contains(
                "tramgac_device_info{name=\"Trường THCS số 3 \\\"Thạch Khoán\\\"\",ifalias=\"a\\\\b\\nc\u{fffd}\r\t\"} 1\n"
            ),
            "{sample}"
        );
    }

    // trap 10
    #[test]
    fn what_is_no_finite_number_is_no_sample_and_an_empty_family_is_not_there() {
        let (text, summary) = text(9, |w| {
            let mut family = w.family(&catalog::PING_LOSS_LAST_RATIO);
            family.float(&Labels::default(), f64::NAN);
            family.float(&Labels::default(), f64::INFINITY);
            family.maybe(&Labels::default(), None);
        });
        assert_eq!((text.as_str(), summary.series), ("", 0));
    }

    #[test]
    fn past_the_limit_series_are_counted_not_written() {
        let (text, summary) = text(2, |w| {
            for i in 0..5u64 {
                w.family(&catalog::DEVICE_OUTAGES_TOTAL)
                    .int(&Labels::new(&[("device", &i.to_string())]), i);
            }
        });
        assert_eq!(text.lines().count(), 4);
        assert_eq!(summary.series, 2);
        assert_eq!(summary.dropped.get("tramgac_device_outages_total"), Some(&3));
    }

    #[test]
    fn a_histogram_is_cumulative_and_counts_what_lies_above_its_bounds() {
        let (text, summary) = text(99, |w| {
            w.family(&catalog::LINK_RTT_SECONDS).histogram(
                &Labels::new(&[("link", "l1")]),
                &[0.001, 0.25],
                &[1, 2, 3],
                1.5,
            );
        });
        let samples: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(
            samples,
            [
                "tramgac_link_rtt_seconds_bucket{link=\"l1\",le=\"0.001\"} 1",
                "tramgac_link_rtt_seconds_bucket{link=\"l1\",le=\"0.25\"} 3",
                "tramgac_link_rtt_seconds_bucket{link=\"l1\",le=\"+Inf\"} 6",
                "tramgac_link_rtt_seconds_sum{link=\"l1\"} 1.5",
                "tramgac_link_rtt_seconds_count{link=\"l1\"} 6",
            ]
        );
        assert_eq!(summary.series, 5);
    }

    #[test]
    fn numbers_come_back_as_they_were() {
        let mut out = Vec::new();
        for value in [0, 7, 10, u64::MAX] {
            out.clear();
            int(&mut out, value);
            assert_eq!(std::str::from_utf8(&out).unwrap(), value.to_string());
        }
        for value in [0.1, 1e300, 5e-324, -3.25] {
            out.clear();
            float(&mut out, value);
            assert_eq!(std::str::from_utf8(&out).unwrap().parse(), Ok(value));
        }
    }
}
