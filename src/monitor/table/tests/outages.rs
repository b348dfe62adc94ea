//! One target alone: when an outage begins and ends, what is none, and flapping.

use super::*;

#[test]
fn an_outage_begins_with_the_first_failure_and_ends_with_the_first_answer() {
    let mut c = case(&[("r", &[])]);
    c.bad("r", 30);
    c.bad("r", 35);
    assert_eq!(c.said(), [""; 0], "not confirmed yet");
    assert_eq!(c.orders(), ["r Confirm @35", "r Confirm @40"]);
    c.bad("r", 40);
    assert_eq!(c.said(), ["r up→down @30", "r opened @30"]);
    c.good("r", 100);
    assert_eq!(c.orders(), ["r Confirm @105"]);
    assert_eq!(c.said(), [""; 0]);
    c.good("r", 105);
    assert_eq!(c.said(), ["r down→up @100", "r closed from 30 @100"]);
}

#[test]
fn two_failures_are_no_outage_and_one_answer_is_no_recovery() {
    let mut c = case(&[("r", &[])]);
    c.fails("r", &[30, 35]);
    c.good("r", 40);
    assert_eq!(c.said(), [""; 0]);
    let mut c = case(&[("r", &[])]);
    c.fails("r", &[90, 95, 100]);
    c.said();
    c.good("r", 120);
    c.bad("r", 125);
    c.good("r", 150);
    assert_eq!(c.said(), [""; 0]);
    c.good("r", 155);
    assert_eq!(c.said(), ["r down→up @150", "r closed from 90 @150"]);
}

#[test]
fn failures_with_hours_between_them_are_not_in_a_row() {
    let mut c = case(&[("r", &[])]);
    c.fails("r", &[30, 35]);
    c.fails("r", &[7200, 7205]);
    assert_eq!(c.said(), [""; 0]);
    c.bad("r", 7210);
    assert_eq!(c.said(), ["r up→down @7200", "r opened @7200"]);
}

#[test]
fn it_flaps_when_it_changes_too_often_and_only_alerts_are_to_mind() {
    let mut c = case(&[("r", &[])]);
    for i in 0..4 {
        c.bad("r", 30 + 60 * i);
        c.good("r", 60 + 60 * i);
    }
    assert_eq!(c.said(), ["r flapping_started @180"], "the sixth change");
    for i in 0..20 {
        c.good("r", 300 + 30 * i);
    }
    let said = c.said();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("r flapping_stopped"));
}
