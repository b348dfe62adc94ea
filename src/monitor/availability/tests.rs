//! Trap 23 case by case, and a slow second opinion.

use super::*;
use crate::model::Reason;
use proptest::prelude::*;

const T: TargetId = TargetId(1);
const SECOND: i64 = 1_000_000;

fn span(from: i64, to: i64) -> Interval {
    Interval::new(Timestamp::from_secs(from), Timestamp::from_secs(to)).unwrap()
}

fn event(at: i64, kind: EventKind) -> Event {
    let own = !matches!(kind, EventKind::DaemonStarted { .. } | EventKind::DaemonStopped);
    Event {
        at: Timestamp::from_secs(at),
        recorded_at: Timestamp::from_secs(at),
        target: own.then_some(T),
        kind,
    }
}

fn to(at: i64, to: State) -> Event {
    event(
        at,
        EventKind::StateChanged {
            from: State::Unknown,
            to,
            reason: Some(Reason::Timeout),
        },
    )
}

fn always() -> Vec<Interval> {
    vec![Interval::new(Timestamp::MIN, Timestamp::MAX).unwrap()]
}

fn shares(window: Interval, events: &[Event], frame: &Frame<'_>) -> Shares {
    let timeline = Timeline::new(T, window, events, frame);
    let shares = timeline.shares();
    assert_eq!(shares.total(), window.micros());
    shares
}

// trap 23
#[test]
fn five_minutes_down_at_the_end_of_a_month_are_neither_nothing_nor_all() {
    let month = 30 * 86_400;
    let alive = always();
    let frame = Frame {
        state_before: Some(State::Up),
        alive: &alive,
        ..Frame::default()
    };
    let s = shares(span(0, month), &[to(month - 300, State::Down)], &frame);
    assert_eq!(s.down, 300 * SECOND);
    let ratio = s.availability().unwrap().get();
    assert_eq!(format!("{:.2}", ratio * 100.0), "99.99");
}

// trap 23
#[test]
fn an_outage_from_before_the_window_is_clipped() {
    let alive = always();
    let frame = Frame {
        alive: &alive,
        ..Frame::default()
    };
    let s = shares(span(100, 200), &[to(0, State::Down), to(130, State::Up)], &frame);
    assert_eq!((s.down, s.up), (30 * SECOND, 70 * SECOND));
}

// trap 23
#[test]
fn what_is_not_the_fault_of_anything_leaves_the_denominator() {
    let alive = [span(0, 80)];
    let exempt = [span(20, 30)];
    let frame = Frame {
        state_before: Some(State::Up),
        in_service_from: Some(Timestamp::from_secs(10)),
        exempt: &exempt,
        alive: &alive,
        ..Frame::default()
    };
    let window = "tuần".to_owned();
    let events = [
        to(25, State::Down),
        event(
            40,
            EventKind::MaintenanceStarted {
                window: window.clone(),
            },
        ),
        event(50, EventKind::MaintenanceEnded { window, author: None }),
        to(60, State::Unknown),
        to(70, State::Degraded),
    ];
    let s = shares(span(0, 100), &events, &frame);
    assert_eq!(s.not_in_service, 10 * SECOND);
    assert_eq!(s.exempt, 10 * SECOND);
    assert_eq!(s.maintenance, 10 * SECOND);
    assert_eq!(s.unknown, 10 * SECOND);
    assert_eq!(s.no_data, 20 * SECOND);
    assert_eq!(
        (s.up, s.degraded, s.down),
        (10 * SECOND, 10 * SECOND, 20 * SECOND)
    );
    assert_eq!(s.availability(), Ratio::of(1, 2));
}

// trap 23
#[test]
fn nothing_counted_is_no_value() {
    let frame = Frame::default();
    let s = shares(span(0, 10), &[], &frame);
    assert_eq!(s.no_data, 10 * SECOND);
    assert_eq!((s.availability(), s.own_availability()), (None, None));
}

#[test]
fn unreachable_counts_against_users_and_not_against_the_provider() {
    let alive = always();
    let frame = Frame {
        state_before: Some(State::Up),
        alive: &alive,
        ..Frame::default()
    };
    let s = shares(
        span(0, 100),
        &[to(50, State::Unreachable), to(75, State::Down)],
        &frame,
    );
    assert_eq!(s.availability(), Ratio::of(1, 2));
    assert_eq!(s.own_availability(), Ratio::of(50, 75));
}

#[test]
fn a_planned_outage_is_maintenance_once_somebody_said_so() {
    let alive = always();
    let classified = [(span(10, 20), IncidentClass::Planned)];
    let frame = Frame {
        state_before: Some(State::Up),
        alive: &alive,
        classified: &classified,
        ..Frame::default()
    };
    let s = shares(span(0, 30), &[to(10, State::Down), to(20, State::Up)], &frame);
    assert_eq!((s.maintenance, s.down, s.up), (10 * SECOND, 0, 20 * SECOND));
}

// trap 20
#[test]
fn hours_without_the_daemon_are_no_data() {
    let started = |at, last: Option<i64>| {
        let last_alive = last.map(Timestamp::from_secs);
        event(at, EventKind::DaemonStarted { last_alive })
    };
    let secs = |at| Timestamp::from_secs(at);
    let log = [
        started(10, None),
        event(50, EventKind::DaemonStopped),
        started(70, Some(50)),
        // Killed: it last wrote at 90.
        started(100, Some(90)),
    ];
    assert_eq!(
        alive(&log, secs(120)),
        [span(10, 50), span(70, 90), span(100, 120)]
    );
    // A log that begins in the middle.
    let later = alive(&log[3..], secs(120));
    assert_eq!(later.last(), Some(&span(100, 120)));
    assert_eq!(intersect(&later, &[span(0, 100)]), [span(0, 90)]);
}

// trap 24
#[test]
fn a_clock_that_steps_back_yields_no_negative_and_no_double_time() {
    let alive = always();
    let frame = Frame {
        state_before: Some(State::Up),
        alive: &alive,
        ..Frame::default()
    };
    // Down at 50, the clock steps back to 20, up again at 30.
    let s = shares(span(0, 100), &[to(50, State::Down), to(30, State::Up)], &frame);
    assert_eq!((s.up, s.down), (100 * SECOND, 0));
}

#[test]
fn working_hours_are_divided_alone() {
    let alive = always();
    let frame = Frame {
        state_before: Some(State::Up),
        alive: &alive,
        ..Frame::default()
    };
    let timeline = Timeline::new(T, span(0, 100), &[to(40, State::Down), to(60, State::Up)], &frame);
    let s = timeline.shares_within(&[span(0, 10), span(30, 50), span(90, 100)]);
    assert_eq!((s.up, s.down, s.total()), (30 * SECOND, 10 * SECOND, 40 * SECOND));
}

fn any_state() -> impl Strategy<Value = State> {
    prop::sample::select(State::ALL.to_vec())
}

fn some_intervals() -> impl Strategy<Value = Vec<Interval>> {
    prop::collection::vec((0_i64..110, 1_i64..25), 0..4)
        .prop_map(|list| union(list.into_iter().map(|(from, n)| span(from, from + n)).collect()))
}

proptest! {
    /// A second opinion: second by second, whatever the order of the events.
    #[test]
    fn shares_are_those_of_every_single_second(
        changes in prop::collection::vec((0_i64..120, any_state()), 0..12),
        covers in prop::collection::vec((0_i64..120, any::<bool>()), 0..6),
        before in prop::option::of(any_state()),
        exempt in some_intervals(),
        alive in some_intervals(),
        planned in some_intervals(),
        hours in some_intervals(),
        service in (0_i64..60, 60_i64..140),
    ) {
        let mut events: Vec<Event> = changes.iter().map(|(at, state)| to(*at, *state)).collect();
        for (at, on) in &covers {
            let window = String::new();
            events.push(event(*at, if *on {
                EventKind::MaintenanceStarted { window }
            } else {
                EventKind::MaintenanceEnded { window, author: None }
            }));
        }
        let classified: Vec<_> = planned.iter().map(|i| (*i, IncidentClass::Planned)).collect();
        let frame = Frame {
            state_before: before,
            maintenance_before: false,
            in_service_from: Some(Timestamp::from_secs(service.0)),
            in_service_to: Some(Timestamp::from_secs(service.1)),
            exempt: &exempt,
            alive: &alive,
            classified: &classified,
        };
        let window = span(10, 110);
        let timeline = Timeline::new(T, window, &events, &frame);

        let mut slow = Shares::default();
        let mut slow_hours = Shares::default();
        for second in 10..110 {
            let t = Timestamp::from_secs(second);
            let within = |set: &[Interval]| set.iter().any(|i| i.contains(t));
            // The last in the record of those that had happened; what came later in
            // the record and earlier in time wins.
            let last = |list: &[(i64, usize)]| list.iter().rev().find(|(at, _)| *at <= second).map(|(_, i)| *i);
            let by_index = |list: Vec<i64>| list.into_iter().zip(0..).collect::<Vec<_>>();
            let state = last(&by_index(changes.iter().map(|c| c.0).collect()))
                .map_or(before.unwrap_or(State::Unknown), |i| changes[i].1);
            let covered = last(&by_index(covers.iter().map(|c| c.0).collect())).is_some_and(|i| covers[i].1);
            let share = if second < service.0 || second >= service.1 {
                Share::NotInService
            } else if within(&exempt) {
                Share::Exempt
            } else if !within(&alive) {
                Share::NoData
            } else if covered || within(&planned) {
                Share::Maintenance
            } else {
                state.into()
            };
            slow.add_to(share, SECOND);
            if within(&hours) {
                slow_hours.add_to(share, SECOND);
            }
        }
        prop_assert_eq!(timeline.shares(), slow);
        prop_assert_eq!(timeline.shares_within(&hours), slow_hours);
        prop_assert_eq!(timeline.shares().total(), window.micros());
    }
}
