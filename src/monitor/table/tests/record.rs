//! Restarts, reloads, steps of the clock, and what is kept (traps 20, 22 to 24).

use super::*;
use crate::monitor::incident::Acknowledgement;

// traps 20, 22
#[test]
fn a_restart_during_an_outage_tells_no_second_one_and_still_its_end() {
    let mut c = case(&[("r", &[]), ("pc", &["r"])]);
    c.fails("r", &[30, 35, 40]);
    c.fails("pc", &[31, 36, 41]);
    let ack = Acknowledgement {
        author: "hoa".to_owned(),
        comment: "đã gọi nhà mạng".to_owned(),
        until: Some(secs(50_000)),
    };
    c.table
        .acknowledge(IncidentId(1), ack, secs(60), &mut c.effects)
        .unwrap();
    c.said();
    c.restart(10_000);
    assert_eq!(c.said(), ["we daemon_started @10000"]);
    c.fails("r", &[10_010, 10_015, 10_020]);
    c.fails("pc", &[10_011, 10_016, 10_021]);
    assert_eq!(c.said(), [""; 0]);
    assert!(c.table.view(TargetId(0)).unwrap().acknowledged);
    c.good("r", 10_040);
    c.good("r", 10_045);
    assert_eq!(c.said(), ["r down→up @10040", "r closed from 30 @10040"]);
    c.fails("r", &[10_100, 10_105, 10_110]);
    let newest = c.table.state(TargetId(0)).unwrap().incident;
    assert_eq!(newest, Some(IncidentId(8)), "numbers are never given twice");
}

#[test]
fn what_leaves_the_inventory_ends_its_outage() {
    let mut c = case(&[("r", &[]), ("x", &[])]);
    c.fails("r", &[30, 35, 40]);
    c.said();
    let left = Topology::of_specs(vec![spec(1, "x")], &Settings::default());
    c.table.set_topology(left, secs(50), &mut c.effects);
    assert_eq!(c.said(), ["r down→unknown @50", "r closed from 30 @50"]);
    assert_eq!(c.state("x"), State::Up, "the others keep their state");
}

// trap 24
#[test]
fn a_clock_that_steps_back_gives_no_negative_outage_and_hides_no_failure() {
    let mut c = case(&[("router", &[]), ("pc", &["router"])]);
    c.good("router", 7200);
    c.good("pc", 7200);
    // One hour back. The router's answer of 7200 is in the future and proves nothing.
    c.fails("pc", &[3600, 3605, 3610]);
    assert_eq!(c.said(), [""; 0]);
    c.fails("router", &[3611, 3616, 3621]);
    assert_eq!(
        (c.state("router"), c.state("pc")),
        (State::Down, State::Unreachable)
    );
    c.good("router", 3700);
    c.good("router", 3705);
    for event in &c.effects.events {
        if let EventKind::OutageClosed { started_at, .. } = event.kind {
            assert!(started_at <= event.at);
        }
    }
    assert_eq!(c.state("router"), State::Up);
}

// trap 24
#[test]
fn a_clock_that_leaps_forward_takes_nobody_s_time_to_wait_away() {
    let mut c = case(&[("router", &[]), ("pc", &["router"])]);
    c.fails("pc", &[30, 35, 40]);
    c.tick(3640);
    assert_eq!(c.said(), [""; 0]);
    c.good("router", 3641);
    assert_eq!(c.said(), ["pc up→down @30", "pc opened @30"]);
}

#[test]
fn counters_of_outages_never_go_back() {
    let mut c = case(&[("r", &[])]);
    let mut last = crate::monitor::snapshot::Totals::default();
    for (at, good) in [
        (30, true),
        (60, false),
        (65, false),
        (70, false),
        (100, false),
        (130, true),
        (135, true),
        (160, true),
    ] {
        if good {
            c.good("r", at);
        } else {
            c.bad("r", at);
        }
        let totals = c.table.view(TargetId(0)).unwrap().totals;
        assert!(totals.outage >= last.outage && totals.observed >= last.observed);
        last = totals;
    }
    assert_eq!(last.outages, 1);
    assert_eq!(last.outage, Span::from_secs(70), "60 to 130");
    assert_eq!(last.observed, Span::from_secs(160));
}

#[test]
fn a_state_is_small_and_what_changed_is_handed_out_once() {
    assert!(
        size_of::<TargetState>() <= 344,
        "{} bytes",
        size_of::<TargetState>()
    );
    let mut c = case(&[("r", &[]), ("x", &[])]);
    c.table.take_changed();
    c.bad("r", 30);
    c.good("x", 31);
    let changed: Vec<TargetId> = c.table.take_changed().into_iter().map(|(id, _)| id).collect();
    assert_eq!(changed, [TargetId(0)], "a reply alone is no news");
    assert!(!c.table.has_changed());
}
