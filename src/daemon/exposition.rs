//! `/metrics`: the newest snapshot and what the daemon counts about itself.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use arc_swap::ArcSwap;

use super::parts;
use crate::alert::sender::ChannelCounts;
use crate::clock::SharedClock;
use crate::config::model::Config;
use crate::metrics::Extra;
use crate::metrics::Meters;
use crate::metrics::Selection;
use crate::metrics::collect::Build;
use crate::metrics::collect::IndicatorSample;
use crate::metrics::collect::Limits;
use crate::metrics::collect::Window;
use crate::metrics::collect::render_into;
use crate::model::Span;
use crate::monitor::Snapshot;

/// Everything that an exposition is made of.
#[derive(Clone)]
pub struct Exposition {
    /// The newest view of the monitor.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    /// The configuration in force.
    pub config: Arc<ArcSwap<Config>>,
    /// What the daemon counts.
    pub meters: Arc<Meters>,
    /// What the sender counts.
    pub channels: Arc<Mutex<BTreeMap<String, ChannelCounts>>>,
    /// Indicators and windows, computed now and then from the record.
    pub sums: Arc<ArcSwap<Sums>>,
    /// Tells the time.
    pub clock: SharedClock,
}

/// What is computed from the record now and then.
#[derive(Debug, Clone, Default)]
pub struct Sums {
    /// The results of the indicators.
    pub indicators: Vec<IndicatorSample>,
    /// Counted time in sliding windows.
    pub windows: Vec<Window>,
}

impl Exposition {
    /// Writes the text of this moment, of what is selected. Blocks for as long as
    /// it renders; takes no lock that a writer holds and runs no SQL.
    pub fn write(&self, selection: &Selection, sink: &mut dyn FnMut(&[u8])) {
        let start = self.clock.mono();
        let wall = self.clock.wall();
        let config = self.config.load();
        let snapshot = self.snapshot.load();
        let sums = self.sums.load();
        for (kind, counts) in self
            .channels
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            let meter = self.meters.channel(kind);
            meter.attempts.raise_to(counts.attempts);
            meter.failures.raise_to(counts.failures);
        }
        self.look_at_files(&config);
        let extra = Extra {
            today: parts::today(&config, wall),
            area_kinds: config.area_kind.clone(),
            build: BUILD,
            process: self.meters.read(),
            work_time: config
                .calendars
                .iter()
                .map(|(name, c)| (name.clone(), c.covers(wall)))
                .collect(),
            indicators: sums.indicators.clone(),
            windows: sums.windows.clone(),
            limits: Limits {
                series: u64::try_from(config.metrics.max_series).unwrap_or(u64::MAX),
                interfaces: if config.metrics.interfaces {
                    config.metrics.max_interfaces
                } else {
                    0
                },
            },
        };
        let summary = render_into(&snapshot, &extra, selection, sink);
        self.meters.exposed(&summary, self.clock.mono().since(start));
    }

    /// How large the record is, and of when its last copy.
    fn look_at_files(&self, config: &Config) {
        let bytes = |path: &Path| std::fs::metadata(path).map_or(0, |m| m.len());
        let mut log = config.database.clone().into_os_string();
        log.push("-wal");
        self.meters.db_main_bytes.set(bytes(&config.database));
        self.meters.db_wal_bytes.set(bytes(Path::new(&log)));
        let folder = config.backup.directory.as_deref();
        let interval = folder.map_or(Span::ZERO, |_| config.backup.interval);
        self.meters.db_backup_interval.set(interval);
        let copies = folder.map(|folder| crate::store::backup::list(&config.database, folder));
        if let Some(Ok(copies)) = copies
            && let Some(newest) = copies.into_iter().map(|(at, _)| at).max()
        {
            self.meters.db_last_backup.set(newest);
        }
    }
}

/// This build.
pub const BUILD: Build = Build {
    version: env!("CARGO_PKG_VERSION"),
    revision: match option_env!("TRAMGAC_REVISION") {
        Some(revision) => revision,
        None => "",
    },
    rustc: env!("CARGO_PKG_RUST_VERSION"),
};
