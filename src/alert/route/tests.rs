//! The rules of the planner, each as a case.

use std::collections::BTreeMap;

use jiff::civil::time;

use super::*;
use crate::model::Reason;
use crate::model::State;

const LINK: TargetId = TargetId(1);
const PC: TargetId = TargetId(2);

#[derive(Default)]
struct World {
    open: BTreeMap<TargetId, (IncidentId, Timestamp)>,
    roots: BTreeMap<TargetId, TargetId>,
    muted: bool,
    silent: bool,
}

impl View for World {
    fn kind(&self, target: TargetId) -> Option<TargetKind> {
        Some(if target == LINK {
            TargetKind::Link
        } else {
            TargetKind::Device
        })
    }
    fn fits(&self, _: TargetId, selector: &Selector) -> bool {
        selector.is_empty()
    }
    fn is_told(&self, _: TargetId) -> bool {
        !self.silent
    }
    fn is_muted(&self, _: TargetId) -> bool {
        self.muted
    }
    fn open_incident(&self, target: TargetId) -> Option<(IncidentId, Timestamp)> {
        self.open.get(&target).copied()
    }
    fn root(&self, target: TargetId) -> Option<TargetId> {
        self.roots.get(&target).copied()
    }
}

fn routes() -> Routes {
    let all = Route {
        selector: Selector::default(),
        receivers: vec!["mail".to_owned()],
        notify_after: None,
        quiet: None,
        goes_on: false,
    };
    let links_only = Route {
        selector: Selector::of_kind(TargetKind::Link),
        ..all.clone()
    };
    Routes {
        routes: vec![links_only, all.clone(), all],
        notify_after: Span::from_secs(300),
        notify_after_links: Span::from_secs(60),
        timezone: TimeZone::UTC,
    }
}

fn opened(target: TargetId, incident: u64, root: Option<TargetId>) -> Event {
    event(
        target,
        EventKind::OutageOpened {
            incident: IncidentId(incident),
            root,
            reason: Reason::Timeout,
        },
    )
}

fn event(target: TargetId, kind: EventKind) -> Event {
    Event {
        at: Timestamp::from_secs(100),
        recorded_at: Timestamp::from_secs(110),
        target: Some(target),
        kind,
    }
}

fn now() -> Timestamp {
    Timestamp::from_secs(110)
}

fn world(open: &[(TargetId, u64)]) -> World {
    let open = open
        .iter()
        .map(|(t, i)| (*t, (IncidentId(*i), Timestamp::from_secs(100))))
        .collect();
    World {
        open,
        ..World::default()
    }
}

fn due(changes: &[OutboxChange]) -> Vec<i64> {
    changes
        .iter()
        .filter_map(|c| {
            if let OutboxChange::InsertOnce(m) = c {
                Some(m.due_at.as_secs())
            } else {
                None
            }
        })
        .collect()
}

#[test]
fn a_start_is_due_so_long_after_the_first_failed_probe_and_once_per_receiver() {
    assert_eq!(
        due(&plan(
            &[opened(LINK, 7, None)],
            &world(&[(LINK, 7)]),
            &routes(),
            now()
        )),
        [160]
    );
    assert_eq!(
        due(&plan(
            &[opened(PC, 8, None)],
            &world(&[(PC, 8)]),
            &routes(),
            now()
        )),
        [400]
    );
}

// trap 19: results may arrive children first
#[test]
fn a_consequence_joins_its_cause_whatever_comes_first() {
    let world = world(&[(LINK, 7), (PC, 8)]);
    for events in [
        [opened(PC, 8, Some(LINK)), opened(LINK, 7, None)],
        [opened(LINK, 7, None), opened(PC, 8, Some(LINK))],
    ] {
        let changes = plan(&events, &world, &routes(), now());
        assert!(
            matches!(
                changes.as_slice(),
                [OutboxChange::InsertOnce(m), OutboxChange::Join { incident: IncidentId(8), root: IncidentId(7), .. }]
                if m.incident == Some(IncidentId(7))
            ),
            "{changes:?}"
        );
    }
}

// trap 21
#[test]
fn what_began_in_maintenance_is_told_when_it_ends_and_an_end_is_never_held_back() {
    let mut world = world(&[(LINK, 7)]);
    world.muted = true;
    assert_eq!(plan(&[opened(LINK, 7, None)], &world, &routes(), now()), []);
    let closed = event(
        LINK,
        EventKind::OutageClosed {
            incident: IncidentId(7),
            started_at: Timestamp::from_secs(100),
        },
    );
    assert!(matches!(
        plan(&[closed], &world, &routes(), now()).as_slice(),
        [OutboxChange::InsertEnd { start_kind, .. }] if start_kind == kind::OPENED
    ));
    world.muted = false;
    let ended = event(
        LINK,
        EventKind::MaintenanceEnded {
            window: "w".to_owned(),
            author: None,
        },
    );
    assert_eq!(due(&plan(&[ended], &world, &routes(), now())), [160]);
}

#[test]
fn an_outage_that_ended_in_the_same_turn_is_not_told() {
    assert_eq!(plan(&[opened(LINK, 7, None)], &world(&[]), &routes(), now()), []);
}

#[test]
fn a_class_that_is_not_told_of_is_silent() {
    let world = World {
        silent: true,
        ..world(&[(PC, 8)])
    };
    assert_eq!(plan(&[opened(PC, 8, None)], &world, &routes(), now()), []);
}

// trap 21
#[test]
fn maintenance_and_silence_cancel_what_was_not_yet_sent_and_tell_what_lasts_at_their_end() {
    let window = "m1".to_owned();
    let author = None;
    for (begins, ends) in [
        (
            EventKind::MaintenanceStarted {
                window: window.clone(),
            },
            EventKind::MaintenanceEnded {
                window: window.clone(),
                author: author.clone(),
            },
        ),
        (
            EventKind::SilenceStarted {
                window: window.clone(),
            },
            EventKind::SilenceEnded { window, author },
        ),
    ] {
        let changes = plan(&[event(LINK, begins)], &world(&[(LINK, 7)]), &routes(), now());
        assert!(matches!(
            changes.as_slice(),
            [OutboxChange::Cancel {
                incident: IncidentId(7),
                ..
            }]
        ));
        let told = plan(&[event(LINK, ends)], &world(&[(LINK, 7)]), &routes(), now());
        assert_eq!(due(&told), [160]);
    }
}

#[test]
fn taking_note_cancels_what_was_not_yet_sent() {
    let acknowledged = EventKind::Acknowledged {
        incident: IncidentId(7),
        author: "an".to_owned(),
        comment: String::new(),
        until: None,
    };
    assert!(matches!(
        plan(
            &[event(LINK, acknowledged)],
            &world(&[(LINK, 7)]),
            &routes(),
            now()
        )
        .as_slice(),
        [OutboxChange::Cancel {
            incident: IncidentId(7),
            ..
        }]
    ));
}

#[test]
fn a_state_change_alone_changes_nothing() {
    let changed = EventKind::StateChanged {
        from: State::Up,
        to: State::Down,
        reason: None,
    };
    assert_eq!(plan(&[event(LINK, changed)], &world(&[]), &routes(), now()), []);
}

#[test]
fn quiet_hours_put_it_off_to_their_end_also_over_midnight() {
    let at = |text: &str| Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_microsecond());
    let night = Some(Quiet {
        from: time(22, 0, 0, 0),
        to: time(6, 0, 0, 0),
    });
    let hanoi = TimeZone::get("Asia/Ho_Chi_Minh").unwrap();
    for (given, expected) in [
        ("2026-11-24T15:30:00Z", "2026-11-24T23:00:00Z"), // 22:30 → 06:00 tomorrow
        ("2026-11-24T18:00:00Z", "2026-11-24T23:00:00Z"), // 01:00 → 06:00 today
        ("2026-11-24T23:00:00Z", "2026-11-24T23:00:00Z"), // 06:00 is over
        ("2026-11-24T08:00:00Z", "2026-11-24T08:00:00Z"),
    ] {
        assert_eq!(after_quiet(night, &hanoi, at(given)), at(expected), "{given}");
    }
}
