//! Indicators and sliding windows, worked out now and then and laid ready for
//! `/metrics` and the pages: no scrape asks the record.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::exposition::Sums;
use super::parts;
use crate::clock::SharedClock;
use crate::config::Config;
use crate::indicator::definition::GroupBy;
use crate::indicator::evaluate::World;
use crate::indicator::evaluate::evaluate;
use crate::metrics::collect::IndicatorSample;
use crate::metrics::collect::Times;
use crate::metrics::collect::Window;
use crate::model::Event;
use crate::model::EventKind;
use crate::model::Span;
use crate::model::TargetId;
use crate::model::Timestamp;
use crate::monitor::Snapshot;
use crate::monitor::availability::Shares;
use crate::monitor::availability::Timeline;
use crate::monitor::availability::log::Log;
use crate::monitor::calendar::start_of_day;
use crate::monitor::interval::Interval;
use crate::store;
use crate::store::EventFilter;
use crate::store::IncidentFilter;
use crate::store::Order;
use crate::store::Readers;
use crate::web::Figure;

/// Indicators are worked out this often where that is cheap, so that a page's ratios agree with its states …
const INDICATORS_AT_BEST: Span = Span::from_secs(1);
/// … and no more seldom than this where it is not.
const INDICATORS_AT_WORST: Span = Span::from_secs(15);
/// The part of one core that they may take: the pause is so many times what the last round took.
const PAUSE_FACTOR: u32 = 50;
/// How often windows are.
const WINDOWS: Span = Span::from_secs(300);
/// The windows of `tramgac_window_*`.
const WINDOW_DAYS: [(&str, u64); 3] = [("1d", 1), ("7d", 7), ("30d", 30)];
/// Events that say how time was divided.
const KINDS: [&str; 5] = [
    "state_changed",
    "maintenance_started",
    "maintenance_ended",
    "daemon_started",
    "daemon_stopped",
];

/// Works the figures out.
#[derive(Clone)]
pub(super) struct Figures {
    pub(super) snapshot: Arc<ArcSwap<Snapshot>>,
    pub(super) config: Arc<ArcSwap<Config>>,
    pub(super) readers: Readers,
    pub(super) clock: SharedClock,
    /// For `/metrics`.
    pub(super) sums: Arc<ArcSwap<Sums>>,
    /// For the pages.
    pub(super) pages: Arc<ArcSwap<Vec<Figure>>>,
}

impl Figures {
    /// Works until told to stop.
    pub(super) async fn run(self, mut stopping: watch::Receiver<bool>) {
        let mut windows_due = self.clock.mono();
        loop {
            let figures = self.clone();
            let start = self.clock.mono();
            let with_windows = start >= windows_due;
            if with_windows {
                windows_due = start.plus(WINDOWS);
            }
            match tokio::task::spawn_blocking(move || figures.work_out(with_windows)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(%error, "the figures can't be worked out"),
                Err(error) => tracing::error!(%error, "working the figures out broke off"),
            }
            let pause = if with_windows {
                INDICATORS_AT_BEST
            } else {
                let took = self.clock.mono().since(start);
                took.saturating_mul(PAUSE_FACTOR)
                    .clamp(INDICATORS_AT_BEST, INDICATORS_AT_WORST)
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // Whoever would tell has gone: that is a stop, too.
                _ = stopping.changed() => return,
            }
        }
    }

    /// Reads the record. Blocks.
    fn work_out(&self, with_windows: bool) -> store::Result<()> {
        let snapshot = self.snapshot.load_full();
        let config = self.config.load_full();
        let now = self.clock.wall();
        let past = Past {
            readers: &self.readers,
            snapshot: &snapshot,
            config: &config,
            now,
            logs: RefCell::default(),
        };
        let fault = RefCell::new(None);
        let availability = |target: TargetId, over: Span, calendar: Option<&str>| {
            past.shares(target, over, calendar).unwrap_or_else(|error| {
                fault.replace(Some(error));
                None
            })
        };
        let world = World {
            snapshot: &snapshot,
            area_kinds: &config.area_kind,
            day: parts::today(&config, now),
            availability: &availability,
        };
        let mut samples = Vec::new();
        let mut figures = Vec::new();
        for definition in &config.indicators {
            let by_area = evaluate(definition, Some(&GroupBy::Area), &world);
            figures.push(Figure {
                id: definition.id.clone(),
                name: definition.name.clone(),
                name_en: definition.name_en.clone(),
                total: by_area.total,
                goal: definition.goal,
            });
            samples.extend(by_area.groups.into_iter().map(|(area, tally)| IndicatorSample {
                indicator: definition.id.to_string(),
                area,
                numerator: tally.numerator,
                denominator: tally.denominator,
                unknown: tally.unknown,
                exempt: tally.exempt,
            }));
        }
        let windows = if with_windows {
            past.windows()?
        } else {
            self.sums.load().windows.clone()
        };
        self.sums.store(Arc::new(Sums {
            indicators: samples,
            windows,
        }));
        self.pages.store(Arc::new(figures));
        fault.into_inner().map_or(Ok(()), Err)
    }
}

/// The record, as far as the figures need it; each log is read once.
struct Past<'a> {
    readers: &'a Readers,
    snapshot: &'a Snapshot,
    config: &'a Config,
    now: Timestamp,
    logs: RefCell<BTreeMap<Span, Arc<Log<Event>>>>,
}

impl Past<'_> {
    fn log(&self, over: Span) -> store::Result<Option<Arc<Log<Event>>>> {
        if let Some(log) = self.logs.borrow().get(&over) {
            return Ok(Some(Arc::clone(log)));
        }
        let Some(window) = Interval::new(self.now.minus(over), self.now) else {
            return Ok(None);
        };
        let mut events = Vec::new();
        let mut classified = Vec::new();
        self.readers.with(|reader| {
            // Each target's last transition before the window says how it began.
            for t in reader.transitions(None, window.from, window.from)? {
                let kind = EventKind::StateChanged {
                    from: t.from,
                    to: t.to,
                    reason: t.reason,
                };
                events.push(Event {
                    at: t.at,
                    recorded_at: t.at,
                    target: Some(t.target),
                    kind,
                });
            }
            // And the daemon's last start or stop, whether it ran then.
            events.extend(
                reader
                    .events(&EventFilter {
                        to: Some(window.from),
                        kinds: vec!["daemon_started".to_owned(), "daemon_stopped".to_owned()],
                        limit: Some(1),
                        order: Order::NewestFirst,
                        ..EventFilter::default()
                    })?
                    .into_iter()
                    .map(|stored| stored.event),
            );
            let filter = EventFilter {
                from: Some(window.from),
                to: Some(window.to),
                kinds: KINDS.map(str::to_owned).to_vec(),
                ..EventFilter::default()
            };
            reader.each_event(&filter, |stored| {
                events.push(stored.event);
                Ok(())
            })?;
            let lasted = IncidentFilter {
                from: Some(window.from),
                ..IncidentFilter::default()
            };
            for row in reader.incidents(&lasted)? {
                classified.extend(row.classified(window.to).map(|piece| (row.target, piece)));
            }
            Ok(())
        })?;
        let before = covered_before(&events, self.snapshot, window.from);
        let events: Vec<Event> = before.into_iter().chain(events).collect();
        let log = Arc::new(Log::new(window, events, classified));
        self.logs.borrow_mut().insert(over, Arc::clone(&log));
        Ok(Some(log))
    }

    fn timeline(&self, log: &Log<Event>, target: TargetId) -> Timeline {
        let in_service_from = self
            .in_service_from(target)
            .map(|day| start_of_day(&self.config.timezone.zone, day));
        log.timeline(target, in_service_from, &[])
    }

    fn in_service_from(&self, target: TargetId) -> Option<jiff::civil::Date> {
        let key = &self.snapshot.target(target)?.key;
        let inventory = &self.snapshot.inventory;
        let slug = key.slug.clone();
        match key.kind {
            crate::model::TargetKind::Device => {
                inventory
                    .devices
                    .get(&crate::model::DeviceId(slug))?
                    .in_service_from
            }
            crate::model::TargetKind::Link => {
                inventory.links.get(&crate::model::LinkId(slug))?.in_service_from
            }
            crate::model::TargetKind::Service => {
                inventory
                    .services
                    .get(&crate::model::ServiceId(slug))?
                    .in_service_from
            }
        }
    }

    fn shares(&self, target: TargetId, over: Span, calendar: Option<&str>) -> store::Result<Option<Shares>> {
        let Some(log) = self.log(over)? else {
            return Ok(None);
        };
        let timeline = self.timeline(&log, target);
        Ok(match calendar {
            None => Some(timeline.shares()),
            Some(name) => self
                .config
                .calendars
                .get(name)
                .map(|c| timeline.shares_within(&c.intervals(log.window()))),
        })
    }

    fn windows(&self) -> store::Result<Vec<Window>> {
        let mut windows = Vec::with_capacity(WINDOW_DAYS.len());
        for (name, days) in WINDOW_DAYS {
            let Some(log) = self.log(Span::from_secs(days * 86_400))? else {
                continue;
            };
            let span = |micros: i64| Span::from_micros(u64::try_from(micros).unwrap_or_default());
            let times = self
                .snapshot
                .targets()
                .map(|view| {
                    let shares = self.timeline(&log, view.id).shares();
                    (
                        view.id,
                        Times {
                            up: span(shares.online()),
                            observed: span(shares.counted()),
                        },
                    )
                })
                .collect();
            windows.push(Window {
                name,
                times: Arc::new(times),
            });
        }
        Ok(windows)
    }
}

/// Says for who was in maintenance before a window that it was: whose first word
/// of maintenance in it is that it ends, or who is in it now without any.
fn covered_before(events: &[Event], snapshot: &Snapshot, at: Timestamp) -> Vec<Event> {
    let mut covered: BTreeMap<TargetId, bool> = snapshot
        .targets()
        .filter(|view| view.maintenance)
        .map(|view| (view.id, true))
        .collect();
    for event in events.iter().rev() {
        if let (Some(target), kind @ ("maintenance_started" | "maintenance_ended")) =
            (event.target, event.kind.as_str())
        {
            covered.insert(target, kind == "maintenance_ended");
        }
    }
    covered
        .into_iter()
        .filter(|(_, covered)| *covered)
        .map(|(target, _)| Event {
            at,
            recorded_at: at,
            target: Some(target),
            kind: EventKind::MaintenanceStarted {
                window: String::new(),
            },
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // trap 23
    #[test]
    fn maintenance_that_ends_in_the_window_began_before_it() {
        let event = |target: u32, at: i64, started: bool| {
            let window = "w".to_owned();
            Event {
                at: Timestamp(at),
                recorded_at: Timestamp(at),
                target: Some(TargetId(target)),
                kind: if started {
                    EventKind::MaintenanceStarted { window }
                } else {
                    EventKind::MaintenanceEnded { window, author: None }
                },
            }
        };
        let snapshot = Snapshot::empty(Timestamp(9));
        let events = [
            event(1, 2, false),
            event(2, 3, true),
            event(2, 4, false),
            event(1, 5, true),
        ];
        let before = covered_before(&events, &snapshot, Timestamp(1));
        let who: Vec<TargetId> = before.iter().filter_map(|event| event.target).collect();
        assert_eq!(who, [TargetId(1)]);
    }
}
