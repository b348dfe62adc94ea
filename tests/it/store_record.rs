//! The record: opening, committing, reading back.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tramgac::clock::SystemClock;
use tramgac::config::secret::Env;
use tramgac::inventory::{Class, Device, Inventory, Membership, Site, SiteKind, SitePolicy, Unit, UnitKind};
use tramgac::model::{
    Event, EventKind, Fact, IncidentId, Reason, Span, State, TargetId, TargetKey, Timestamp,
};
use tramgac::monitor::snapshot::{InterfaceView, Totals};
use tramgac::store::outbox::{NewMessage, OutboxChange};
use tramgac::store::{
    Batch, DeviceFacts, DeviceInterfaces, Error, EventFilter, Handle, IncidentFilter, Opened, Options, Order,
    Reader, Sample, SavedState, SeriesKey, Store,
};

/// A moment of the story.
pub(crate) fn t(seconds: i64) -> Timestamp {
    Timestamp::from_secs(1_790_000_000 + seconds)
}

pub(crate) fn open(path: &Path) -> Opened {
    Store::open(path, &Options::default(), SystemClock::shared()).unwrap()
}

pub(crate) fn device(id: &str) -> Device {
    crate::support::blank::device(id, &format!("Máy {id}"), Class::Computer, Some("ubnd"))
}

pub(crate) fn inventory(devices: &[&str]) -> Inventory {
    let unit = Unit {
        id: "thanh-son".parse().unwrap(),
        name: "Xã Thanh Sơn".to_owned(),
        kind: UnitKind::Commune,
        parent: None,
        code: None,
        valid_from: Some("2025-07-01".parse().unwrap()),
        valid_to: None,
        successions: Vec::new(),
        origin: tramgac::inventory::Origin::Declared,
    };
    let site = Site {
        id: "ubnd".parse().unwrap(),
        name: "Trụ sở UBND".to_owned(),
        kind: SiteKind::Office,
        within: None,
        address: None,
        coordinates: Some((21.2, 105.2)),
        units: vec![Membership {
            unit: unit.id.clone(),
            from: Some("2025-07-01".parse().unwrap()),
            to: None,
        }],
        head_counts: Vec::new(),
        policy: SitePolicy::Gateway,
        gateway: None,
        exemption: None,
        labels: BTreeMap::new(),
        origin: tramgac::inventory::Origin::Declared,
    };
    Inventory {
        units: [(unit.id.clone(), unit)].into(),
        sites: [(site.id.clone(), site)].into(),
        devices: devices
            .iter()
            .map(|id| device(id))
            .map(|d| (d.id.clone(), d))
            .collect(),
        ..Inventory::default()
    }
}

/// Sends a batch and waits until it is on disk.
pub(crate) fn commit(writer: &Handle, batch: Batch) {
    let ticket = writer.send(batch).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut committed = writer.committed();
        tokio::time::timeout(
            Duration::from_secs(10),
            committed.wait_for(|c| c.ticket >= ticket),
        )
        .await
        .unwrap()
        .unwrap();
    });
}

pub(crate) fn opened_event(target: TargetId, incident: u64, at: Timestamp) -> Event {
    Event {
        at,
        recorded_at: at,
        target: Some(target),
        kind: EventKind::OutageOpened {
            incident: IncidentId(incident),
            root: None,
            reason: Reason::Timeout,
        },
    }
}

pub(crate) fn message(kind: &str, incident: u64, due_at: Timestamp) -> NewMessage {
    NewMessage {
        receiver: "truc-ban".to_owned(),
        kind: kind.to_owned(),
        incident: Some(IncidentId(incident)),
        due_at,
        created_at: due_at,
        payload: "{}".to_owned(),
    }
}

fn closed_event(target: TargetId, incident: u64, started: Timestamp, at: Timestamp) -> Event {
    Event {
        at,
        recorded_at: at,
        target: Some(target),
        kind: EventKind::OutageClosed {
            incident: IncidentId(incident),
            started_at: started,
        },
    }
}

/// A batch with one of everything, about `pc`.
fn one_of_everything(pc: TargetId, series: &SeriesKey, saved: &SavedState, totals: Totals) -> Batch {
    Batch {
        events: vec![
            Event {
                at: t(1),
                recorded_at: t(2),
                target: Some(pc),
                kind: EventKind::StateChanged {
                    from: State::Up,
                    to: State::Down,
                    reason: Some(Reason::Timeout),
                },
            },
            opened_event(pc, 1, t(1)),
        ],
        outbox: vec![OutboxChange::Insert(message("outage_opened", 1, t(301)))],
        states: vec![saved.clone()],
        totals: vec![(pc, totals)],
        facts: vec![DeviceFacts {
            target: pc,
            at: t(1),
            set: vec![Fact {
                key: "serial".to_owned(),
                value: "S1".to_owned(),
            }],
            withdrawn: Vec::new(),
        }],
        interfaces: vec![DeviceInterfaces {
            target: pc,
            at: t(1),
            complete: true,
            rows: vec![InterfaceView {
                name: "Gi0/1".into(),
                index: 3,
                oper_up: Some(true),
                ..InterfaceView::default()
            }],
        }],
        samples: vec![
            Sample {
                series: series.clone(),
                at: t(1),
                value: 0.0125,
            },
            Sample {
                series: series.clone(),
                at: t(2),
                value: f64::NAN,
            },
        ],
        settings: vec![("core.blind".to_owned(), b"no".to_vec())],
        alive_at: Some(t(2)),
    }
}

#[test]
fn everything_that_a_batch_holds_is_read_back_and_survives_a_restart() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("tramgac.db");
    let opened = open(&path);
    assert!(opened.created);
    let synced = opened.store.sync_inventory(&inventory(&["pc-1"]), t(0)).unwrap();
    let pc = synced.index[&TargetKey {
        kind: tramgac::model::TargetKind::Device,
        slug: "pc-1".parse().unwrap(),
    }];
    let series = SeriesKey {
        target: pc,
        metric: "rtt_seconds".into(),
        instance: "".into(),
    };
    let saved = SavedState {
        target: pc,
        state: State::Down,
        since: t(1),
        reason: Some(Reason::Timeout),
        body: b"soft".to_vec(),
    };
    let totals = Totals {
        outages: 3,
        observed: Span::from_hours(24),
        ..Totals::default()
    };
    commit(
        opened.store.writer(),
        one_of_everything(pc, &series, &saved, totals),
    );
    opened.store.close();

    let opened = open(&path);
    assert!(!opened.created);
    assert_eq!(opened.alive_at, Some(t(2)));
    let reader = Reader::open(&path).unwrap();
    assert!(reader.has_writer());
    let events = reader
        .events(&EventFilter {
            target: Some(pc),
            kinds: vec!["outage_opened".to_owned(), "state_changed".to_owned()],
            from: Some(t(1)),
            to: Some(t(2)),
            ..EventFilter::default()
        })
        .unwrap();
    assert_eq!(events.len(), 2);
    assert_eq!(events[1].event, opened_event(pc, 1, t(1)));
    assert_eq!(reader.last_sequence().unwrap(), events[1].sequence);
    let open_incidents = reader
        .incidents(&IncidentFilter {
            open: true,
            ..IncidentFilter::default()
        })
        .unwrap();
    assert_eq!(open_incidents.len(), 1);
    assert_eq!(open_incidents[0].reason, Reason::Timeout);
    assert_eq!(reader.next_incident().unwrap(), IncidentId(2));
    assert_eq!(reader.saved_states().unwrap(), [saved]);
    assert_eq!(reader.totals().unwrap()[&pc], totals);
    assert_eq!(reader.facts(pc).unwrap()[0].fact.value, "S1");
    assert_eq!(reader.interfaces(pc).unwrap()[0].view.index, 3);
    assert_eq!(reader.samples(&series, t(0), t(9)).unwrap(), [(t(1), 0.0125)]);
    assert_eq!(reader.setting("core.blind").unwrap().unwrap(), b"no");
    assert!(reader.outbox_due(t(300), 10).unwrap().is_empty());
    assert_eq!(reader.outbox_due(t(301), 10).unwrap().len(), 1);
    let transitions = reader.transitions(None, t(0), t(9)).unwrap();
    assert_eq!(transitions.len(), 1);
    assert_eq!(transitions[0].to, State::Down);
    // Before the window: the state at its beginning is still known.
    assert_eq!(reader.transitions(Some(pc), t(100), t(200)).unwrap().len(), 1);
    assert!(reader.sizes().unwrap().database_bytes > 0);
}

#[test]
fn a_name_keeps_its_number_and_what_leaves_the_configuration_is_marked_not_deleted() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("tramgac.db");
    let store = open(&path).store;
    let first = store.sync_inventory(&inventory(&["pc-1", "pc-2"]), t(0)).unwrap();
    let kinds = |events: &[Event]| -> Vec<&str> { events.iter().map(|e| e.kind.as_str()).collect() };
    assert_eq!(kinds(&first.events), ["inventory_added", "inventory_added"]);
    let again = store.sync_inventory(&inventory(&["pc-1", "pc-2"]), t(1)).unwrap();
    assert!(again.events.is_empty());
    assert_eq!(again.inventory, inventory(&["pc-1", "pc-2"]));

    let mut changed = inventory(&["pc-2"]);
    let device = changed.devices.values_mut().next().unwrap();
    device.serial = Some("S2".to_owned());
    let less = store.sync_inventory(&changed, t(2)).unwrap();
    assert_eq!(kinds(&less.events), ["inventory_changed", "inventory_gone"]);
    assert_eq!(less.index.len(), 1);
    let stored = store.readers().with(Reader::inventory).unwrap();
    assert_eq!(stored.gone.len(), 1);

    let back = store.sync_inventory(&inventory(&["pc-1", "pc-2"]), t(3)).unwrap();
    assert_eq!(back.index, first.index);
    let log = store
        .readers()
        .with(|r| {
            r.events(&EventFilter {
                order: Order::NewestFirst,
                limit: Some(1),
                ..EventFilter::default()
            })
        })
        .unwrap();
    assert_eq!(log[0].event.at, t(3));
}

#[test]
fn what_is_declared_comes_back_as_it_is_read_from_the_record() {
    let example = include_str!("../../config.example.yaml");
    let config = tramgac::config::load_text("example", example, Env::default()).unwrap();
    let declared = Inventory::clone(&config.inventory);
    assert!(declared.devices.len() > 5 && !declared.links.is_empty() && !declared.services.is_empty());
    let folder = TempDir::new().unwrap();
    let store = open(&folder.path().join("tramgac.db")).store;
    for round in 0..3 {
        let synced = store.sync_inventory(&declared, t(round)).unwrap();
        assert_eq!(synced.events.is_empty(), round > 0);
        let stored = store.readers().with(Reader::inventory).unwrap();
        assert_eq!(
            (&synced.inventory, &synced.index),
            (&stored.inventory, &stored.index)
        );
        assert_eq!(synced.inventory, declared);
    }
    // What leaves, leaves both; what comes back keeps its number.
    let mut fewer = declared.clone();
    let (gone, _) = fewer.devices.pop_last().unwrap();
    let first = store.sync_inventory(&declared, t(4)).unwrap().index;
    for _ in 0..2 {
        let synced = store.sync_inventory(&fewer, t(5)).unwrap();
        let stored = store.readers().with(Reader::inventory).unwrap();
        assert_eq!(
            (&synced.inventory, &synced.index),
            (&stored.inventory, &stored.index)
        );
        assert!(!synced.inventory.devices.contains_key(&gone));
    }
    assert_eq!(store.sync_inventory(&declared, t(6)).unwrap().index, first);
}

// trap 22
#[test]
fn an_end_cancels_a_start_that_was_never_tried_and_follows_one_that_was() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("tramgac.db");
    let store = open(&path).store;
    let pc = *store
        .sync_inventory(&inventory(&["pc-1"]), t(0))
        .unwrap()
        .index
        .values()
        .next()
        .unwrap();
    let begin = |n: u64| Batch {
        events: vec![opened_event(pc, n, t(1))],
        outbox: vec![OutboxChange::Insert(message("outage_opened", n, t(60)))],
        ..Batch::default()
    };
    let end = |n: u64| Batch {
        events: vec![closed_event(pc, n, t(1), t(30))],
        outbox: vec![OutboxChange::InsertEnd {
            message: message("outage_closed", n, t(30)),
            start_kind: "outage_opened".to_owned(),
        }],
        ..Batch::default()
    };
    commit(store.writer(), begin(1));
    commit(store.writer(), end(1));
    let readers = store.readers();
    let due = || readers.with(|r| r.outbox_due(t(9_999), 10)).unwrap();
    assert!(due().is_empty(), "neither start nor end is told");

    commit(store.writer(), begin(2));
    let start = due().remove(0);
    commit(
        store.writer(),
        Batch {
            outbox: vec![
                OutboxChange::Trying {
                    id: start.id,
                    at: t(61),
                },
                OutboxChange::Failed {
                    id: start.id,
                    next_try_at: t(120),
                    error: "no route".to_owned(),
                },
            ],
            ..Batch::default()
        },
    );
    commit(store.writer(), end(2));
    let kinds: Vec<String> = due().into_iter().map(|r| r.kind).collect();
    assert_eq!(kinds, ["outage_closed", "outage_opened"]);
    assert_eq!(readers.with(Reader::outbox_next_try_at).unwrap(), Some(t(30)));
    assert_eq!(readers.with(Reader::outbox_counts).unwrap().cancelled, 1);

    // A consequence joins the rows of its root and has none of its own.
    commit(store.writer(), begin(3));
    commit(store.writer(), begin(4));
    commit(
        store.writer(),
        Batch {
            outbox: vec![OutboxChange::Join {
                incident: IncidentId(4),
                root: IncidentId(3),
                at: t(5),
            }],
            ..Batch::default()
        },
    );
    let rows = readers.with(|r| r.outbox_of(IncidentId(4))).unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].incidents, [IncidentId(3), IncidentId(4)]);
    assert_eq!(rows[1].cancelled_at, Some(t(5)));
}

#[test]
fn a_batch_that_the_database_refuses_does_not_stop_the_others() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder.path().join("tramgac.db")).store;
    let nobody = Batch {
        events: vec![opened_event(TargetId(77), 1, t(1))],
        ..Batch::default()
    };
    store.writer().send(nobody).unwrap();
    commit(
        store.writer(),
        Batch {
            events: vec![Event {
                at: t(1),
                recorded_at: t(1),
                target: None,
                kind: EventKind::DaemonStopped,
            }],
            ..Batch::default()
        },
    );
    let stats = store.writer().stats();
    assert_eq!((stats.batches_refused, stats.events), (1, 1));
}

#[test]
fn a_second_writer_is_refused_while_the_first_lives() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("tramgac.db");
    let first = open(&path).store;
    let second = Store::open(&path, &Options::default(), SystemClock::shared());
    assert!(matches!(second, Err(Error::Locked { .. })), "{second:?}");
    first.close();
    assert!(!Reader::open(&path).unwrap().has_writer());
    open(&path).store.close();
}

#[test]
fn what_is_not_ours_or_newer_is_refused_and_left_untouched() {
    let folder = TempDir::new().unwrap();
    let refused = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let error = Store::open(&path, &Options::default(), SystemClock::shared()).unwrap_err();
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "{name} was touched");
        error
    };
    let error = refused("text", "Không phải cơ sở dữ liệu".as_bytes());
    assert!(matches!(error, Error::NotOurs { .. }), "{error}");

    let path = folder.path().join("other.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE x (y)").unwrap();
    drop(other);
    let error = refused("other.db", &std::fs::read(&path).unwrap());
    assert!(matches!(error, Error::NotOurs { .. }), "{error}");

    let path = folder.path().join("ours.db");
    open(&path).store.close();
    let ours = rusqlite::Connection::open(&path).unwrap();
    ours.pragma_update(None, "user_version", 9_999).unwrap();
    drop(ours);
    let error = refused("newer.db", &std::fs::read(&path).unwrap());
    assert!(matches!(error, Error::Newer { found: 9_999, .. }), "{error}");

    let error = Store::open(
        &folder.path().join("none/tramgac.db"),
        &Options::default(),
        SystemClock::shared(),
    )
    .unwrap_err();
    assert!(matches!(error, Error::NoDirectory { .. }), "{error}");
    let error = Reader::open(&folder.path().join("none.db")).unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error}");
}
