//! What a look says that began before its way came back: nothing. And what is
//! told never begins before what was told before it (design §3.2 and §3.3, traps 19 and 24).

use super::*;

impl Case {
    /// A look that began at `began` fails, and is known at `at`.
    fn late(&mut self, name: &str, began: i64, at: i64) {
        let late = observation(self.id(name), began, Outcome::Bad(Reason::Timeout));
        self.table.observe(&late, secs(at), &mut self.effects);
    }
}

// trap 20
#[test]
fn a_look_from_before_the_uplink_was_back_is_none_of_the_three_that_fail() {
    let mut c = case_with(&[("router", &[])], true, |_| {});
    c.uplink(30, false, false);
    c.uplink(100, true, true);
    assert_eq!(c.state("router"), State::Unknown);
    c.said();
    c.late("router", 95, 101);
    c.fails("router", &[105, 110]);
    c.uplink(111, true, true);
    assert_eq!(c.said(), [""; 0], "two looks since then");
    c.bad("router", 115);
    c.uplink(116, true, true);
    assert_eq!(c.state("router"), State::Down);
}

/// A router and a computer behind it, both away; the router has answered once since, at 100.
fn coming_back() -> Case {
    let mut c = case(&[("router", &[]), ("pc", &["router"])]);
    c.fails("router", &[30, 35, 40]);
    c.fails("pc", &[31, 36, 41]);
    assert_eq!(c.state("pc"), State::Unreachable);
    c.good("router", 100);
    c
}

// trap 19
#[test]
fn failures_while_the_way_was_coming_back_do_not_count_once_it_is() {
    let mut c = coming_back();
    c.fails("pc", &[101, 103]);
    c.good("router", 105);
    c.said();
    c.bad("pc", 106);
    c.good("router", 107);
    assert_eq!(c.said(), [""; 0], "one look since then");
    c.fails("pc", &[111, 116]);
    c.good("router", 117);
    assert_eq!(c.said(), ["pc unreachable→down @106", "pc stands alone @117"]);
}

// trap 19
#[test]
fn a_look_from_before_the_way_was_back_is_none_of_the_three_that_fail() {
    let mut c = coming_back();
    c.good("router", 105);
    c.said();
    c.late("pc", 104, 106);
    c.fails("pc", &[110, 115]);
    c.good("router", 116);
    assert_eq!(c.said(), [""; 0], "two looks since then");
}

// trap 19
#[test]
fn a_way_that_failed_until_just_now_may_have_made_what_lies_behind_fail() {
    let mut c = case(&[("router", &[]), ("pc", &["router"])]);
    c.fails("router", &[30, 35, 40]);
    c.good("pc", 60);
    c.said();
    c.bad("pc", 92);
    c.bad("router", 95);
    c.bad("pc", 97);
    c.good("router", 100);
    c.bad("pc", 102);
    c.good("router", 105);
    assert_eq!(c.said(), ["router down→up @100", "router closed from 30 @100"]);
    assert_eq!(c.state("pc"), State::Up);
}

// trap 24
#[test]
fn what_loses_its_way_does_so_no_earlier_than_it_broke_itself() {
    let mut c = case(&[("router", &[]), ("pc", &["router"])]);
    c.bad("router", 45);
    c.fails("pc", &[50, 55, 60]);
    for at in 61..=121 {
        c.table.tick(secs(at), &mut c.effects);
    }
    assert_eq!(
        c.said(),
        ["pc up→down @50", "pc opened @50"],
        "it has waited a minute"
    );
    c.fails("router", &[122, 127]);
    let said = c.said();
    assert!(said.contains(&"router up→down @45".to_owned()), "{said:?}");
    assert!(said.contains(&"pc down→unreachable @50".to_owned()), "{said:?}");
}
