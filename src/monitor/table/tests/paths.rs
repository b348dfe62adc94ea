//! Parents: whose fault it is, who waits for whom, and for how long (design §3.2, trap 19).

use super::*;

// trap 19
#[test]
fn a_router_and_its_forty_computers_fail_in_one_instant_and_there_is_one_outage() {
    let names: Vec<String> = (0..40).map(|i| format!("pc{i}")).collect();
    let mut targets: Vec<(&str, &[&str])> = vec![("router", &[])];
    targets.extend(names.iter().map(|name| (name.as_str(), &["router"][..])));
    let mut c = case(&targets);
    // Results arrive computers first; the router was last seen good at 0.
    for at in [30, 35, 40] {
        for name in &names {
            c.bad(name, at);
        }
    }
    assert_eq!(c.said(), [""; 0], "held until the router's verdict");
    assert!(c.orders().contains(&"router Parent @30".to_owned()));
    c.fails("router", &[41, 46]);
    assert_eq!(c.said(), [""; 0], "a router that is only suspect holds them too");
    c.bad("router", 51);
    let said = c.said();
    let alone: Vec<_> = said.iter().filter(|s| s.contains("opened @")).collect();
    assert_eq!(alone, ["router opened @41"]);
    assert_eq!(
        said.iter().filter(|s| s.contains("opened by router @30")).count(),
        40
    );
    assert_eq!(c.state("pc7"), State::Unreachable);
}

// trap 19
#[test]
fn what_boots_slowly_after_its_router_is_no_outage_of_its_own() {
    let mut c = case(&[("router", &[]), ("pc", &["router"])]);
    c.fails("router", &[30, 35, 40]);
    c.fails("pc", &[31, 36, 41]);
    c.said();
    c.good("router", 100);
    // In flight while the router came back.
    c.bad("pc", 101);
    c.good("router", 105);
    assert_eq!(c.said(), ["router down→up @100", "router closed from 30 @100"]);
    assert!(
        c.orders().contains(&"pc Released @105".to_owned()),
        "looked at afresh"
    );
    c.fails("pc", &[106, 111]);
    c.good("pc", 115);
    c.good("pc", 120);
    assert_eq!(c.said(), ["pc unreachable→up @115", "pc closed from 31 @115"]);
}

// trap 19
#[test]
fn what_stays_away_after_its_router_is_down_from_its_first_fresh_failure() {
    let mut c = case(&[("router", &[]), ("pc", &["router"])]);
    c.fails("router", &[30, 35, 40]);
    c.fails("pc", &[31, 36, 41]);
    c.good("router", 100);
    c.good("router", 105);
    c.said();
    c.bad("pc", 106);
    c.good("router", 110);
    c.bad("pc", 111);
    c.good("router", 115);
    c.bad("pc", 116);
    assert_eq!(
        c.said(),
        [""; 0],
        "the router's last answer is older than the failure"
    );
    c.good("router", 117);
    assert_eq!(
        c.said(),
        ["pc unreachable→down @106", "pc stands alone @117"],
        "one outage still, and nobody else's fault"
    );
}

// trap 19
#[test]
fn two_ways_must_both_be_gone() {
    let mut c = case(&[("a", &[]), ("b", &[]), ("pc", &["a", "b"])]);
    c.fails("a", &[30, 35, 40]);
    c.said();
    c.fails("pc", &[50, 55]);
    c.good("b", 56);
    c.bad("pc", 60);
    c.good("b", 61);
    assert_eq!(c.said(), ["pc up→down @50", "pc opened @50"], "b is there");
    c.fails("b", &[70, 75, 80]);
    assert_eq!(
        c.said(),
        ["b up→down @70", "b opened @70", "pc down→unreachable @70"],
        "its own outage stays its own"
    );
}

// trap 19
#[test]
fn a_short_break_of_the_way_is_not_the_fault_of_what_lies_behind() {
    let mut c = case(&[("link", &[]), ("pc", &["link"])]);
    c.bad("pc", 30);
    c.bad("link", 31);
    c.bad("pc", 35);
    c.bad("link", 36);
    c.bad("pc", 40);
    // The link is back before it was ever held to be down.
    c.good("link", 41);
    assert_eq!(c.said(), [""; 0]);
    c.good("pc", 46);
    c.tick(200);
    assert_eq!((c.said(), c.state("pc")), (Vec::new(), State::Up));
}

#[test]
fn who_waits_in_vain_for_a_verdict_is_judged_without() {
    let mut c = case(&[("router", &[]), ("pc", &["router"])]);
    c.fails("pc", &[30, 35, 40]);
    assert_eq!(c.table.next_wakeup(), Some(secs(100)));
    c.tick(99);
    assert_eq!(c.said(), [""; 0]);
    c.tick(100);
    assert_eq!(c.said(), ["pc up→down @30", "pc opened @30"]);
}

#[test]
fn a_way_that_loses_looks_again_and_again_puts_no_verdict_off_for_ever() {
    let mut c = case(&[("router", &[]), ("pc", &["router"])]);
    // The third failure comes at 40; the wait from then on is 60 s at most.
    let mut said = Vec::new();
    for round in 0..5 {
        said.extend(c.said().into_iter().filter(|s| !s.contains("flapping")));
        assert_eq!(said, [""; 0], "round {round}");
        let at = 30 + 15 * round;
        c.bad("pc", at);
        c.bad("router", at + 1);
        c.bad("pc", at + 5);
        c.good("router", at + 6);
        c.bad("pc", at + 10);
        c.good("router", at + 11);
    }
    said.extend(c.said());
    assert_eq!(said, ["pc up→down @30", "pc opened @30"]);
}

#[test]
fn a_chain_names_the_end_of_it_as_the_root() {
    let mut c = case(&[("link", &[]), ("router", &["link"]), ("pc", &["router"])]);
    for at in [30, 35, 40] {
        c.bad("pc", at);
        c.bad("router", at);
        c.bad("link", at);
    }
    let said = c.said();
    for line in [
        "link opened @30",
        "router opened by link @30",
        "pc opened by link @30",
    ] {
        assert!(said.contains(&line.to_owned()), "{line} in {said:?}");
    }
    // The link is back, and now it is the router.
    c.good("link", 100);
    c.good("link", 105);
    c.fails("router", &[110, 115, 120]);
    c.good("link", 121);
    assert_eq!(
        c.said(),
        [
            "link down→up @100",
            "link closed from 30 @100",
            "router unreachable→down @110",
            "router stands alone @121",
            "pc now by router @121",
        ]
    );
    let taken = c.table.incidents().taken_along(IncidentId(2));
    assert_eq!(taken.len(), 1, "the list of what it took with it");
}

// trap 19
#[test]
fn a_look_that_was_under_way_when_the_way_came_back_is_made_again_at_once() {
    let mut c = case(&[("link", &[]), ("router", &["link"])]);
    c.fails("router", &[30, 35, 40]);
    c.bad("link", 41);
    // The link answers a look of 46; one at the router began at 45 and fails at 47.
    c.good("link", 46);
    c.orders();
    let late = observation(c.id("router"), 45, Outcome::Bad(Reason::Timeout));
    c.table.observe(&late, secs(47), &mut c.effects);
    assert_eq!(c.orders(), ["router Confirm @52"]);
    c.fails("router", &[52, 57, 62]);
    c.good("link", 63);
    assert_eq!(c.said(), ["router up→down @30", "router opened @30"]);
    // The same once it has been unreachable.
    c.fails("link", &[70, 75, 80]);
    c.good("link", 90);
    c.good("link", 95);
    c.orders();
    c.bad("router", 94);
    assert_eq!(c.orders(), ["router Confirm @99"]);
}

// trap 19
#[test]
fn a_failure_and_the_answer_of_its_way_in_one_instant_count_the_same_in_either_order() {
    for parent_first in [true, false] {
        let mut c = case(&[("router", &[]), ("pc", &["router"])]);
        c.fails("router", &[30, 35, 40]);
        c.fails("pc", &[41, 46, 51]);
        assert_eq!(c.state("pc"), State::Unreachable);
        c.said();
        let mut looks = [
            observation(c.id("router"), 100, Outcome::Good),
            observation(c.id("pc"), 100, Outcome::Bad(Reason::Timeout)),
        ];
        if !parent_first {
            looks.reverse();
        }
        c.table.observe_batch(&looks, secs(100), &mut c.effects);
        let pc = c.table.state(c.id("pc")).unwrap();
        assert_eq!(
            pc.failures, 1,
            "the router is coming back; it first: {parent_first}"
        );
    }
}
