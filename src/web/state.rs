//! What the daemon hands to the web: the snapshot, the settings, a few callbacks.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use arc_swap::ArcSwap;
use jiff::tz::TimeZone;
use tokio::sync::broadcast;

use super::people::People;
use super::record::Record;
use crate::clock::SharedClock;
use crate::i18n::Lang;
use crate::indicator::evaluate::Tally;
use crate::inventory::AreaKinds;
use crate::inventory::UnitKind;
use crate::metrics::Selection;
use crate::model::Event;
use crate::model::Ratio;
use crate::model::Slug;
use crate::model::Span;
use crate::monitor::Snapshot;
use crate::store::reader::Readers;

/// What the pages and the API stand on. Cheap to clone; shared by all requests.
#[derive(Clone)]
pub struct State {
    /// The newest view of the monitor; the core swaps it.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    /// What may change at a reload; the daemon swaps it.
    pub settings: Arc<ArcSwap<Settings>>,
    /// Tells the time.
    pub clock: SharedClock,
    /// Writes the exposition of `/metrics`, in the text format 0.0.4, in chunks.
    /// Called on a thread that may block.
    pub metrics: Arc<Expose>,
    /// Reloads the configuration.
    pub reload: Reload,
    /// Does what people want done.
    pub people: People,
    /// Whether the daemon lives and is ready.
    pub health: Arc<Health>,
    /// The indicators as they were last worked out; the daemon swaps them.
    pub figures: Arc<ArcSwap<Vec<Figure>>>,
    /// The record, for what the snapshot is too short for; `None`: only the snapshot.
    pub record: Option<Readers>,
    /// Events after their commit. Bounded: who lags is told how many it missed.
    pub events: broadcast::Sender<Arc<Event>>,
}

/// Writes what is selected of an exposition, chunk by chunk, into a sink.
pub type Expose = dyn Fn(&Selection, &mut dyn FnMut(&[u8])) + Send + Sync;

/// Reloads the configuration; on failure tells every problem, one a line, and
/// the old configuration stays in force.
pub type Reload = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// An indicator, worked out.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// Its permanent name.
    pub id: Slug,
    /// Display name, in the organisation's language.
    pub name: String,
    /// Display name in English, where it has one.
    pub name_en: Option<String>,
    /// Everything together.
    pub total: Tally,
    /// What it should reach.
    pub goal: Option<Ratio>,
}

/// What may change at a reload.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whose equipment it is; the title of the pages.
    pub organization: String,
    /// The language of a reader who asks for none.
    pub lang: Lang,
    /// Days and times are of this zone.
    pub timezone: TimeZone,
    /// The kinds of unit that make an area.
    pub area_kind: AreaKinds,
    /// A mark at the top of every page, such as that of the demo's laboratory.
    pub notice: Option<Notice>,
    /// How often a page renews itself.
    pub refresh: Span,
    /// How long after its last sign of life a computer counts as seen.
    pub seen_within: Span,
    /// The snapshot is old when it is older than this.
    pub stale_after: Span,
    /// Names that a browser may use for us in `Host`, beside addresses,
    /// `localhost` and the machine's own name.
    pub host_names: Vec<String>,
}

/// A mark at the top of every page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// In Vietnamese.
    pub vi: String,
    /// In English.
    pub en: String,
    /// Commands that remedy what it speaks of, shown as they are typed.
    pub commands: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            organization: "tramgac".to_owned(),
            lang: Lang::Vi,
            timezone: TimeZone::UTC,
            area_kind: vec![UnitKind::Commune, UnitKind::Ward, UnitKind::Township],
            notice: None,
            refresh: Span::from_secs(10),
            seen_within: Span::from_secs(7 * 86_400),
            stale_after: Span::from_secs(120),
            host_names: Vec::new(),
        }
    }
}

/// Whether the daemon lives and is ready, for `/-/healthy` and `/-/ready`; and how its record is.
#[derive(Debug)]
pub struct Health {
    healthy: AtomicBool,
    ready: AtomicBool,
    record: ArcSwap<Record>,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            healthy: AtomicBool::new(true),
            ready: AtomicBool::new(false),
            record: ArcSwap::default(),
        }
    }
}

impl Health {
    /// Nothing that the daemon is made of has died.
    pub fn is_healthy(&self) -> bool {
        self.healthy.load(Ordering::Relaxed)
    }

    /// The inventory is loaded and the core looks.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    /// Says whether it lives.
    pub fn set_healthy(&self, healthy: bool) {
        self.healthy.store(healthy, Ordering::Relaxed);
    }

    /// How the record is.
    pub fn record(&self) -> Arc<Record> {
        self.record.load_full()
    }

    /// Says how the record is.
    pub fn set_record(&self, record: Record) {
        self.record.store(Arc::new(record));
    }

    /// Says whether it is ready.
    pub fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Relaxed);
    }
}
