//! A strict reader of the text format 0.0.4, written for the tests from the
//! format's description, so that it shares no line with the writer.

use std::collections::BTreeMap;

use tramgac::metrics::catalog::{CATALOG, Kind};

/// Labels of one series.
pub type Labels = BTreeMap<String, String>;

/// One family as read.
#[derive(Debug, Default)]
pub struct Family {
    /// The word of the TYPE line.
    pub kind: String,
    /// The HELP text, unescaped.
    pub help: String,
    /// Name with its suffix, labels, value.
    pub samples: Vec<(String, Labels, f64)>,
}

/// A whole exposition: families by name.
#[derive(Debug, Default)]
pub struct Exposition {
    /// By name.
    pub families: BTreeMap<String, Family>,
    /// Their names in the order in which they came.
    pub order: Vec<String>,
}

impl Exposition {
    /// Reads `text`; any breach of the format is told.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut all = Self::default();
        if !text.is_empty() && !text.ends_with('\n') {
            return Err("the last line has no end".into());
        }
        let mut current: Option<String> = None;
        let mut help: Option<(String, String)> = None;
        for (number, line) in text.split_terminator('\n').enumerate() {
            let fault = |what: &str| format!("line {}: {what}: {line}", number + 1);
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, text) = rest.split_once(' ').ok_or_else(|| fault("HELP without text"))?;
                help = Some((name.to_owned(), text.replace("\\n", "\n").replace("\\\\", "\\")));
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').ok_or_else(|| fault("TYPE without kind"))?;
                let (helped, text) = help.take().ok_or_else(|| fault("TYPE without HELP"))?;
                if helped != name || all.families.contains_key(name) {
                    return Err(fault("TYPE of another family, or a second time"));
                }
                let family = Family {
                    kind: kind.to_owned(),
                    help: text,
                    samples: Vec::new(),
                };
                all.families.insert(name.to_owned(), family);
                all.order.push(name.to_owned());
                current = Some(name.to_owned());
            } else if line.starts_with('#') || line.is_empty() {
                return Err(fault("neither HELP, TYPE nor a sample"));
            } else {
                let sample = sample(line).map_err(|what| fault(&what))?;
                let name = current.as_ref().ok_or_else(|| fault("a sample without TYPE"))?;
                let family = all.families.get_mut(name).ok_or_else(|| fault("unknown"))?;
                let suffix = sample
                    .0
                    .strip_prefix(name.as_str())
                    .ok_or_else(|| fault("a sample of another family"))?;
                let fits = match family.kind.as_str() {
                    "gauge" | "counter" => suffix.is_empty(),
                    "summary" => matches!(suffix, "_sum" | "_count"),
                    "histogram" => matches!(suffix, "_bucket" | "_sum" | "_count"),
                    _ => false,
                };
                if !fits || !sample.2.is_finite() || (family.kind == "counter" && sample.2 < 0.0) {
                    return Err(fault("a sample that does not fit its kind"));
                }
                family.samples.push(sample);
            }
        }
        all.check_series()?;
        Ok(all)
    }

    fn check_series(&self) -> Result<(), String> {
        for (name, family) in &self.families {
            if family.samples.is_empty() {
                return Err(format!("{name} has no samples"));
            }
            let mut seen = std::collections::BTreeSet::new();
            for (full, labels, _) in &family.samples {
                if !seen.insert((full, labels)) {
                    return Err(format!("{full} {labels:?} stands twice"));
                }
            }
            if family.kind == "histogram" {
                check_buckets(name, family)?;
            }
        }
        Ok(())
    }

    /// Checks every family against the catalogue: kind, help, order, labels.
    pub fn check_catalogue(&self) -> Result<(), String> {
        let mut names = CATALOG.iter().map(|m| m.name);
        for name in &self.order {
            if !names.any(|n| n == name) {
                return Err(format!("{name} is not in the catalogue, or not in its order"));
            }
        }
        for metric in CATALOG {
            let Some(family) = self.families.get(metric.name) else {
                continue;
            };
            if family.kind != metric.kind.as_str() || family.help != metric.help {
                return Err(format!("{} has another kind or help", metric.name));
            }
            for (full, labels, _) in &family.samples {
                for label in labels.keys() {
                    let bucket = metric.kind == Kind::Histogram && label == "le" && full.ends_with("_bucket");
                    if !bucket && !metric.labels.contains(&label.as_str()) {
                        return Err(format!("{full} has the label {label}"));
                    }
                }
            }
        }
        Ok(())
    }

    /// The samples of a family that carry these labels.
    pub fn select(&self, name: &str, labels: &[(&str, &str)]) -> Vec<(&Labels, f64)> {
        let family = self.families.iter().find(|(n, _)| *n == name);
        family
            .into_iter()
            .flat_map(|(_, f)| &f.samples)
            .filter(|(_, l, _)| {
                labels
                    .iter()
                    .all(|(k, v)| l.get(*k).map_or(v.is_empty(), |x| x == v))
            })
            .map(|(_, l, v)| (l, *v))
            .collect()
    }

    /// The only sample of a family with these labels.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        match self.select(name, labels).as_slice() {
            [] => None,
            [(_, value)] => Some(*value),
            more => {
                let n = more.len();
                assert!(n < 2, "{name} {labels:?} has {n} samples");
                None
            }
        }
    }

    /// The sum over the samples with these labels.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.select(name, labels).iter().map(|(_, v)| v).sum()
    }
}

/// Bounds with their cumulative counts, and the count of them all.
type Buckets = (Vec<(f64, f64)>, Option<f64>);

fn check_buckets(name: &str, family: &Family) -> Result<(), String> {
    let mut groups: BTreeMap<Labels, Buckets> = BTreeMap::new();
    for (full, labels, value) in &family.samples {
        let mut rest = labels.clone();
        let le = rest.remove("le");
        let group = groups.entry(rest).or_default();
        match (full.strip_prefix(name), le) {
            (Some("_bucket"), Some(le)) => {
                let bound = if le == "+Inf" {
                    Ok(f64::INFINITY)
                } else {
                    le.parse::<f64>()
                };
                let bound = bound.map_err(|e| format!("{le}: {e}"))?;
                group.0.push((bound, *value));
            }
            (Some("_count"), None) => group.1 = Some(*value),
            (Some("_sum"), None) => {}
            _ => return Err(format!("{full} has no le, or one too many")),
        }
    }
    for (labels, (buckets, count)) in groups {
        let grows = buckets.windows(2).all(|w| w[0].0 < w[1].0 && w[0].1 <= w[1].1);
        let last = buckets.last().filter(|b| b.0.is_infinite()).map(|b| b.1);
        if !grows || last.is_none() || last != count {
            return Err(format!(
                "{name} {labels:?}: buckets are not cumulative up to the count"
            ));
        }
    }
    Ok(())
}

/// `name{label="value",…} value`
fn sample(line: &str) -> Result<(String, Labels, f64), String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let end = line.find(|c| !is_name(c)).ok_or("no value")?;
    let (name, mut rest) = line.split_at(end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err("no metric name".into());
    }
    let mut labels = Labels::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, value) = rest.split_once("=\"").ok_or("a label without value")?;
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if label.is_empty() || !label.chars().all(plain) {
                return Err(format!("{label:?} is no label name"));
            }
            let mut text = String::new();
            let mut chars = value.char_indices();
            let after = loop {
                match chars.next().ok_or("a label value without end")? {
                    (at, '"') => break at + 1,
                    (_, '\\') => text.push(match chars.next() {
                        Some((_, 'n')) => '\n',
                        Some((_, c @ ('"' | '\\'))) => c,
                        other => return Err(format!("bad escape {other:?}")),
                    }),
                    (_, c) => text.push(c),
                }
            };
            if text.is_empty() || labels.insert(label.to_owned(), text).is_some() {
                return Err(format!("the label {label} is empty or stands twice"));
            }
            rest = value.split_at(after).1;
            if let Some(next) = rest.strip_prefix(',') {
                rest = next;
            } else {
                rest = rest.strip_prefix('}').ok_or("labels without end")?;
                break;
            }
        }
    }
    let value = rest.strip_prefix(' ').ok_or("no blank before the value")?;
    let value: f64 = value.parse().map_err(|e| format!("{value:?}: {e}"))?;
    Ok((name.to_owned(), labels, value))
}
