//! Numbers that any thread may turn without a lock, and what a scrape reads of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use arc_swap::ArcSwap;

use crate::model::observation::RttStats;
use crate::model::{Span, Timestamp};

/// A number that goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// Sets it.
    pub fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }

    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn inc(&self) {
        self.add(1);
    }

    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    /// Raises it to `total`, where somebody else counts (the kernel, a thread of its own).
    pub fn raise_to(&self, total: u64) {
        self.0.fetch_max(total, Relaxed);
    }

    /// Its value.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A moment, or none yet.
#[derive(Debug)]
pub struct Moment(AtomicI64);

impl Default for Moment {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl Moment {
    /// Sets it.
    pub fn set(&self, at: Timestamp) {
        self.0.store(at.as_micros(), Relaxed);
    }

    /// The moment; `None` if it was never set.
    pub fn get(&self) -> Option<Timestamp> {
        Some(Timestamp(self.0.load(Relaxed))).filter(|t| *t != Timestamp::MIN)
    }
}

/// A length of time of the last run, in nanoseconds inside.
#[derive(Debug, Default)]
pub struct Length(AtomicU64);

impl Length {
    /// Sets it; longer than 584 years is cut.
    pub fn set(&self, span: Span) {
        self.0.store(nanos(span), Relaxed);
    }

    /// The length.
    pub fn get(&self) -> Span {
        Span::from_nanos(self.0.load(Relaxed))
    }
}

fn nanos(span: Span) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// A histogram of lengths of time that any thread may feed.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [f64],
    counts: Box<[AtomicU64]>,
    sum_nanos: AtomicU64,
}

/// What a [`Histogram`] held when it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct HistogramStats {
    /// Upper bounds in seconds, ascending.
    pub bounds: &'static [f64],
    /// How many fell into each, not cumulative; the last is for what lies above all bounds.
    pub counts: Vec<u64>,
    /// Sum in seconds.
    pub sum: f64,
}

impl Histogram {
    /// An empty one with these upper bounds in seconds, ascending.
    pub fn new(bounds: &'static [f64]) -> Self {
        Self {
            bounds,
            counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            sum_nanos: AtomicU64::new(0),
        }
    }

    /// Counts one length.
    pub fn observe(&self, span: Span) {
        self.count(span, 1);
        self.sum_nanos.fetch_add(nanos(span), Relaxed);
    }

    /// Counts `n` lengths of which only the sum is known as equally long.
    pub fn observe_equal(&self, sum: Span, n: u64) {
        if n > 0 {
            self.count(sum / u32::try_from(n).unwrap_or(u32::MAX), n);
            self.sum_nanos.fetch_add(nanos(sum), Relaxed);
        }
    }

    /// Counts the replies of one burst of echoes.
    ///
    /// A burst keeps its smallest, middle and largest time and their sum: exact
    /// up to three replies; of more, those between count as the median. The sum
    /// is always exact.
    pub fn observe_burst(&self, rtt: &RttStats, received: u16) {
        match received {
            0 => return,
            1 => self.count(rtt.min, 1),
            n => {
                self.count(rtt.min, 1);
                self.count(rtt.max, 1);
                self.count(rtt.median, u64::from(n) - 2);
            }
        }
        self.sum_nanos.fetch_add(nanos(rtt.sum), Relaxed);
    }

    /// Takes over what another has counted with the same bounds since its start.
    pub fn raise_to(&self, counts: &[u64], sum: Span) {
        for (mine, theirs) in self.counts.iter().zip(counts) {
            mine.fetch_max(*theirs, Relaxed);
        }
        self.sum_nanos.fetch_max(nanos(sum), Relaxed);
    }

    fn count(&self, span: Span, n: u64) {
        let secs = span.as_secs_f64();
        let at = self.bounds.partition_point(|b| *b < secs);
        if let Some(count) = self.counts.get(at) {
            count.fetch_add(n, Relaxed);
        }
    }

    /// What it holds now.
    pub fn read(&self) -> HistogramStats {
        HistogramStats {
            bounds: self.bounds,
            counts: self.counts.iter().map(|c| c.load(Relaxed)).collect(),
            sum: Span::from_nanos(self.sum_nanos.load(Relaxed)).as_secs_f64(),
        }
    }
}

/// The meters of one kind, by name. Adding one copies the map; turning one takes no lock.
#[derive(Debug)]
pub struct Family<K: Ord + Clone, M>(ArcSwap<BTreeMap<K, Arc<M>>>);

impl<K: Ord + Clone, M> Default for Family<K, M> {
    fn default() -> Self {
        Self(ArcSwap::default())
    }
}

impl<K: Ord + Clone, M> Family<K, M> {
    /// The meter of that name, made by `new` if there is none. Keep it where it is turned often.
    pub fn meter(&self, key: &K, new: impl Fn() -> M) -> Arc<M> {
        if let Some(meter) = self.0.load().get(key) {
            return Arc::clone(meter);
        }
        let fresh = Arc::new(new());
        self.0.rcu(|old| {
            let mut map = BTreeMap::clone(old);
            map.entry(key.clone()).or_insert_with(|| Arc::clone(&fresh));
            map
        });
        self.0.load().get(key).map_or(fresh, Arc::clone)
    }

    /// Forgets the meters whose names do not fit (a link that left the configuration).
    pub fn retain(&self, keep: impl Fn(&K) -> bool) {
        self.0.rcu(|old| {
            let mut map = BTreeMap::clone(old);
            map.retain(|k, _| keep(k));
            map
        });
    }

    pub(super) fn read<T>(&self, read: impl Fn(&M) -> T) -> BTreeMap<K, T> {
        let map = self.0.load();
        map.iter().map(|(k, m)| (k.clone(), read(m))).collect()
    }
}
