//! The own uplink: blind, not broken (design §3.3, trap 20).

use super::*;

/// A gateway that is `self_check`, too; what lies behind it; and a neighbour.
fn behind_a_gateway() -> Case {
    case_with(&[("gw", &[]), ("lan", &[]), ("far", &["gw"])], true, |spec| {
        if spec.name != "far" {
            spec.reach = Reach::Direct;
        }
    })
}

// trap 20
#[test]
fn an_unplugged_monitor_knows_nothing_and_says_so_once() {
    let mut c = case_with(&[("link", &[]), ("pc", &["link"]), ("own", &[])], true, |spec| {
        if spec.name == "own" {
            spec.reach = Reach::Local;
        }
    });
    c.uplink(10, true, true);
    c.fails("link", &[30, 35]);
    c.fails("pc", &[31, 36]);
    c.uplink(37, false, false);
    assert_eq!(
        c.said(),
        ["we blind_started @30", "link up→unknown @30", "pc up→unknown @31"]
    );
    c.fails("link", &[40, 70, 100]);
    c.fails("pc", &[41, 71, 101]);
    c.good("own", 102);
    c.tick(500);
    assert_eq!(c.said(), [""; 0], "no outage opens");
    c.uplink(600, true, true);
    c.bad("pc", 599);
    c.good("link", 605);
    c.good("pc", 606);
    assert_eq!(
        c.said(),
        [
            "we blind_ended @600",
            "link unknown→up @605",
            "pc unknown→up @606"
        ]
    );
}

// trap 20
#[test]
fn a_gateway_that_dies_alone_is_just_a_device_that_is_down() {
    let mut c = behind_a_gateway();
    c.uplink(10, true, true);
    for at in [30, 35, 40] {
        c.bad("gw", at);
        c.bad("far", at);
        c.uplink(at + 1, false, true);
        c.good("lan", at + 2);
        c.tick(at + 3);
    }
    for at in [60, 65, 70] {
        c.bad("gw", at);
        c.bad("far", at);
        c.good("lan", at + 1);
        c.tick(at + 2);
    }
    let said = c.said();
    assert!(!said.iter().any(|s| s.starts_with("we")), "{said:?}");
    assert_eq!(c.state("gw"), State::Down);
    assert_eq!(c.state("far"), State::Unreachable);
    let opened: Vec<_> = said.iter().filter(|s| s.contains("opened")).collect();
    assert_eq!(opened.len(), 2, "{said:?}");
}

// trap 20
#[test]
fn what_failed_while_the_uplink_worked_is_out_since_then_though_the_gateway_dies() {
    // Whether the uplink was seen to work after the first failure, and what that makes of it.
    for (is_seen, began) in [(true, 30), (false, 47)] {
        let mut c = behind_a_gateway();
        c.uplink(10, true, true);
        c.bad("far", 30);
        if is_seen {
            c.uplink(31, true, true);
        }
        c.fails("far", &[35, 40]);
        c.bad("gw", 40);
        c.uplink(41, false, true);
        c.good("lan", 42);
        c.tick(42);
        c.uplink(43, false, true);
        c.fails("gw", &[45, 50]);
        c.fails("far", &[47, 52, 57]);
        c.good("lan", 58);
        c.tick(59);
        let told = format!("far up→unreachable @{began}");
        let said = c.said();
        assert!(said.contains(&told), "{told} in {said:?}");
    }
}

// trap 20
#[test]
fn a_second_death_of_the_gateway_does_not_move_the_beginning_either() {
    // Late, and at the very look that found the gateway dead: that was the
    // gateway's fault, as the neighbour's answer shows.
    for [first, second, third] in [[30, 35, 40], [20, 25, 30]] {
        let mut c = behind_a_gateway();
        c.uplink(10, true, true);
        // The gateway dies; a neighbour still answers.
        c.uplink(20, false, true);
        if first == 20 {
            c.bad("far", first);
        }
        c.good("lan", 21);
        c.uplink(22, false, true);
        if first > 20 {
            c.bad("far", first);
            c.good("lan", first + 1);
        }
        // It is back, and dies again before the third failure.
        c.uplink(second - 2, true, true);
        c.fails("far", &[second]);
        c.uplink(third - 1, false, true);
        c.bad("far", third);
        c.good("lan", third + 1);
        c.tick(third + 2);
        c.uplink(third + 3, false, true);
        c.fails("gw", &[third + 4, third + 9, third + 14]);
        c.fails("far", &[third + 7, third + 12, third + 17]);
        c.good("lan", third + 18);
        c.tick(third + 19);
        let said = c.said();
        let told = format!("far up→unreachable @{first}");
        assert!(said.contains(&told), "{told} in {said:?}");
    }
}

// trap 20
#[test]
fn without_carrier_lost_the_neighbours_are_asked_first() {
    let mut c = case_with(&[("lan", &[]), ("far", &[])], true, |spec| {
        if spec.name == "lan" {
            spec.reach = Reach::Direct;
        }
    });
    c.uplink(10, true, true);
    c.uplink(30, false, true);
    assert_eq!(c.orders(), ["lan Witness @30"]);
    c.uplink(32, false, true);
    c.uplink(34, false, true);
    assert_eq!(c.said(), [""; 0], "the neighbour has not been asked yet");
    c.bad("lan", 35);
    c.tick(36);
    assert!(c.said().contains(&"we blind_started @30".to_owned()));
    assert_eq!((c.state("lan"), c.state("far")), (State::Unknown, State::Unknown));
    // Anything that answers ends it.
    c.good("far", 50);
    assert_eq!(c.said(), ["we blind_ended @50", "far unknown→up @50"]);
}

#[test]
fn an_outage_from_before_the_blindness_goes_on_after_it() {
    let mut c = case_with(&[("r", &[]), ("x", &[])], true, |_| {});
    c.uplink(10, true, true);
    c.fails("r", &[30, 35, 40]);
    c.good("x", 41);
    c.uplink(42, true, true);
    assert_eq!(c.said(), ["r up→down @30", "r opened @30"]);
    c.uplink(100, false, false);
    c.uplink(200, true, true);
    c.good("x", 201);
    c.fails("r", &[210, 215, 220]);
    c.good("x", 221);
    c.tick(222);
    assert_eq!(
        c.said(),
        [
            "we blind_started @100",
            "r down→unknown @100",
            "x up→unknown @100",
            "we blind_ended @200",
            "x unknown→up @201",
            "r unknown→down @210",
        ],
        "no second opening"
    );
    c.good("r", 300);
    c.good("r", 305);
    assert_eq!(c.said(), ["r down→up @300", "r closed from 30 @300"]);
}

// trap 20
#[test]
fn a_reload_that_takes_the_rule_away_leaves_nothing_blind_and_nothing_waiting() {
    let mut c = behind_a_gateway();
    c.uplink(10, true, true);
    c.uplink(37, false, false);
    assert!(c.said().contains(&"we blind_started @37".to_owned()));
    let settings = Settings {
        self_check: false,
        ..Settings::default()
    };
    let without = Topology::of_specs(c.table.topology().specs().to_vec(), &settings);
    c.table.set_topology(without, secs(100), &mut c.effects);
    assert_eq!(c.said(), ["we blind_ended @100"]);
    let span = BlindSpan {
        started_at: secs(37),
        ended_at: Some(secs(100)),
    };
    assert_eq!(c.table.blind_spans(), [span]);
    // No look at the uplink comes any more, and none is waited for.
    c.fails("gw", &[130, 135, 140]);
    assert_eq!(c.state("gw"), State::Down);
}

// trap 20
#[test]
fn a_failure_in_the_instant_in_which_blindness_ends_counts_the_same_in_either_order() {
    let after = [true, false].map(|answer_first| {
        let mut c = case_with(&[("shop", &[]), ("school", &[])], true, |_| {});
        c.uplink(28, false, false);
        assert!(c.table.blind_since().is_some());
        let mut looks = [
            observation(c.id("shop"), 60, Outcome::Good),
            observation(c.id("school"), 60, Outcome::Bad(Reason::Timeout)),
        ];
        if !answer_first {
            looks.reverse();
        }
        c.table.observe_batch(&looks, secs(60), &mut c.effects);
        assert_eq!(c.table.blind_since(), None);
        (c.table.saved(c.id("shop")), c.table.saved(c.id("school")))
    });
    assert_eq!(after[0], after[1]);
}
