//! When requests leave, what stands in their way, and who waits for whom (traps 16 to 18).

use super::*;

#[test]
fn what_we_could_not_send_says_nothing_about_the_target() {
    let mut desk = Desk::unpaced();
    desk.refusal = Some(SendRefusal::Blind(BlindReason::NoRoute));
    desk.order(&three(1));
    let burst = &desk.done[0];
    assert_eq!(burst.outcome, Outcome::Blind(BlindReason::NoRoute));
    assert_eq!((burst.stats.sent, burst.uncounted), (0, 3));
    assert_eq!(burst.stats.loss(), None);
}

// trap 16
#[test]
fn a_full_send_buffer_puts_off_and_loses_nothing() {
    let mut desk = Desk::unpaced();
    desk.refusal = Some(SendRefusal::Full);
    desk.order(&one(1));
    desk.pass(50 * MS);
    assert!(desk.done.is_empty() && desk.engine.counters().put_off >= 5);
    desk.refusal = None;
    desk.pass(10 * MS);
    desk.answer(0, MS);
    assert_eq!(desk.done[0].outcome, Outcome::Good);
}

// trap 16
#[test]
fn a_reply_that_our_own_socket_may_have_dropped_is_not_the_target_s_loss() {
    let mut desk = Desk::unpaced();
    desk.order(&three(1));
    desk.order(&three(2));
    desk.answer(1, MS);
    desk.drops = 5;
    desk.pass(2_000 * MS);
    let find = |token| desk.done.iter().find(|b| b.token == token).unwrap();
    let silent = find(1);
    assert_eq!(silent.outcome, Outcome::Blind(BlindReason::ReceiveDrops));
    assert_eq!((silent.stats.sent, silent.uncounted), (0, 3));
    let partly = find(2);
    assert_eq!(partly.outcome, Outcome::Good);
    assert_eq!(
        (partly.stats.sent, partly.stats.received, partly.uncounted),
        (1, 1, 2)
    );
}

// trap 16
#[test]
fn a_packet_that_our_own_stillness_held_up_has_its_whole_time_to_be_answered() {
    // The last of a batch, and one that others follow.
    for followers in [0, 2] {
        let mut desk = Desk::unpaced();
        for token in 1..=1 + followers {
            desk.engine.accept(&one(token), desk.now);
        }
        desk.stillness = 1_500 * MS;
        desk.turn();
        desk.pass(900 * MS);
        assert!(desk.done.is_empty(), "{followers} followers: {:?}", desk.done);
        desk.answer(0, 980 * MS);
        let burst = &desk.done[0];
        assert_eq!(burst.outcome, Outcome::Good);
        assert_eq!((burst.stats.received, burst.stats.late), (1, 0));
        // One that stays silent is waited for no longer than that.
        desk.order(&one(9));
        desk.stillness = 1_500 * MS;
        desk.order(&one(10));
        desk.pass(1_010 * MS);
        let silent: Vec<u64> = desk.done.iter().map(|b| b.token).collect();
        assert!(silent.contains(&9) && silent.contains(&10), "{silent:?}");
        assert_eq!(desk.engine.wake(), Wake::Idle);
    }
}

// trap 16
#[test]
fn the_next_request_keeps_its_distance_from_one_that_was_held_up() {
    let mut desk = Desk::unpaced();
    desk.stillness = 250 * MS;
    desk.order(&three(1));
    desk.pass(300 * MS);
    assert_eq!(desk.sent.len(), 3);
    assert!(desk.sent[1].at.since(desk.sent[0].at) >= 100 * MS);
}

#[test]
fn a_time_that_may_hold_our_own_stillness_is_not_told() {
    let mut desk = Desk::unpaced();
    desk.order(&three(1));
    desk.answer(0, 10 * MS);
    desk.stillness = 40 * MS;
    desk.pass(145 * MS);
    desk.answer(1, 5 * MS);
    desk.pass(110 * MS);
    desk.answer(2, 30 * MS);
    let stats = &desk.done[0].stats;
    assert_eq!(stats.received, 3);
    let rtt = stats.rtt.unwrap();
    assert_eq!((rtt.min, rtt.max), (10 * MS, 30 * MS));
    assert_eq!(rtt.sum / 3, 20 * MS, "the mean is that of the others");
    // With no other there is no time at all, but an answer; an error's is as little known.
    desk.stillness = 40 * MS;
    desk.order(&one(2));
    desk.answer(3, 5 * MS);
    assert_eq!(desk.done[1].outcome, Outcome::Good);
    assert_eq!(desk.done[1].stats.rtt, None);
    desk.stillness = 40 * MS;
    desk.order(&one(3));
    desk.complain(4, 3, 1, 64);
    let errors = desk.done[2].errors;
    assert_eq!((errors.count, errors.rtt), (1, None));
}

// trap 16
#[test]
fn what_came_in_time_counts_however_late_it_is_read() {
    let mut desk = Desk::unpaced();
    desk.order(&one(1));
    let sent = desk.sent[0].clone();
    desk.now = desk.now.plus(Span::from_mins(1));
    // The order of a turn: first what lies in the socket, then the deadlines.
    desk.receive(sent.to, sent.at.plus(7 * MS), &reply_to(&sent.bytes));
    desk.turn();
    let stats = &desk.done[0].stats;
    assert_eq!((stats.received, stats.late), (1, 0));
    assert_eq!(stats.rtt.unwrap().max, 7 * MS);
}

#[test]
fn what_the_kernel_dropped_as_corrupt_is_the_path_s_doing_and_not_ours() {
    let mut desk = Desk::unpaced();
    desk.order(&one(1));
    desk.corrupt = 3;
    desk.pass(2_000 * MS);
    let burst = &desk.done[0];
    assert_eq!(burst.outcome, Outcome::Bad(Reason::Timeout));
    assert_eq!((burst.stats.sent, burst.uncounted), (1, 0));
    let counters = desk.engine.counters();
    assert_eq!((counters.corrupt, counters.drops), (3, 0));
}

#[test]
fn a_token_has_one_burst_in_flight_at_most() {
    let mut desk = Desk::unpaced();
    desk.order(&three(1));
    desk.order(&three(1));
    assert_eq!(desk.engine.counters().overlapping, 1);
    desk.pass(3_000 * MS);
    assert_eq!((desk.done.len(), desk.sent.len()), (1, 3));
    desk.order(&three(1));
    assert_eq!(desk.engine.counters().overlapping, 1);
}

// trap 17
#[test]
fn a_target_that_stays_silent_gets_another_ident_and_keeps_it() {
    let mut desk = Desk::unpaced();
    let mut idents = Vec::new();
    for _ in 0..4 {
        desk.order(&one(1));
        idents.push(ident(&desk.sent.last().unwrap().bytes));
        desk.pass(1_100 * MS);
    }
    assert_eq!(idents[0], idents[1]);
    assert_ne!(idents[1], idents[2]);
    assert!(
        idents
            .iter()
            .all(|i| i & ident_mask() == idents[0] & ident_mask())
    );
    for _ in 0..3 {
        desk.order(&one(1));
        desk.answer(desk.sent.len() - 1, MS);
    }
    let last = desk.sent.len() - 1;
    assert_ne!(ident(&desk.sent[last].bytes), idents[0]);
    assert_eq!(ident(&desk.sent[last].bytes), ident(&desk.sent[last - 1].bytes));
    // Others are not disturbed.
    desk.order(&one(2));
    assert_eq!(ident(&desk.sent.last().unwrap().bytes), idents[0]);
}

// trap 16
#[test]
fn a_thin_line_gets_its_pace_and_the_others_theirs() {
    let mut desk = Desk::new(Options::default());
    let mut orders: Vec<Order> = (0..200).map(one).collect();
    for (n, order) in orders.iter_mut().enumerate() {
        order.group = (n < 100).then(|| Group::thin(3));
    }
    for order in &orders {
        desk.engine.accept(order, desk.now);
    }
    desk.turn();
    desk.pass(300 * MS);
    let thin = |to: IpAddr| orders.iter().any(|o| o.address == to && o.group.is_some());
    let (slow, fast): (Vec<&Sent>, Vec<&Sent>) = desk.sent.iter().partition(|s| thin(s.to));
    assert_eq!(fast.len(), 100, "the others are not held back");
    assert!((30..=36).contains(&slow.len()), "{}", slow.len());
    for window in slow.windows(6) {
        assert!(
            window[5].at.since(window[0].at) >= 9 * MS,
            "more than five at once"
        );
    }
    let counters = desk.engine.counters();
    assert_eq!(counters.waiting, 200 - counters.sent);
}

#[test]
fn another_overall_pace_holds_from_the_next_turn_on() {
    let mut desk = Desk::new(Options::default());
    for token in 0..400 {
        desk.engine.accept(&one(token), desk.now);
    }
    desk.turn();
    desk.pass(100 * MS);
    let before = desk.sent.len();
    assert!((90..=130).contains(&before), "{before}");
    desk.engine.set_max_rate(Some(200));
    desk.pass(100 * MS);
    let slower = desk.sent.len() - before;
    assert!((15..=30).contains(&slower), "{slower}");
    desk.engine.set_max_rate(None);
    desk.pass(20 * MS);
    assert_eq!(desk.sent.len(), 400);
}

#[test]
fn no_more_orders_are_taken_in_than_the_pace_needs_soon() {
    let taken_in = |desk: &mut Desk| {
        let before = desk.engine.counters().bursts;
        for token in before..10_000 {
            if desk.engine.is_backlogged() {
                break;
            }
            desk.engine.accept(&one(token), desk.now);
        }
        desk.engine.counters().bursts
    };
    let mut desk = Desk::new(Options {
        max_rate: Some(10_000),
        ..Options::default()
    });
    // 100 come due in a tick of 10 ms, 151 may leave at once after a late one.
    assert_eq!(taken_in(&mut desk), 302);
    desk.engine.set_max_rate(Some(100));
    assert_eq!(taken_in(&mut desk), 302, "more than enough wait already");
    desk.engine.set_max_rate(None);
    assert_eq!(taken_in(&mut desk), 4_096);
}

// trap 18
#[test]
fn two_hundred_silent_targets_of_a_thousand_hold_back_nobody() {
    let mut desk = Desk::new(Options {
        max_rate: Some(5_000),
        ..Options::default()
    });
    let mut answered = 0;
    for round in 0..3 {
        let began = desk.now;
        for token in 0..1_000 {
            desk.engine.accept(&one(token), desk.now);
        }
        desk.turn();
        while answered < 800 * (round + 1) {
            assert!(
                desk.now.since(began) < 300 * MS,
                "healthy targets wait for silent ones"
            );
            for n in 0..desk.sent.len() {
                let host = desk.sent[n].to.to_string();
                if !host.ends_with('7') && !host.ends_with('3') {
                    desk.answer(n, 5 * MS);
                }
            }
            desk.sent.clear();
            answered = usize::try_from(desk.engine.counters().received).unwrap();
            desk.pass(10 * MS);
        }
        desk.pass(2_000 * MS);
    }
    assert_eq!(desk.done.len(), 3_000);
    let bad = desk.done.iter().filter(|b| b.outcome != Outcome::Good).count();
    assert_eq!(bad, 600);
}

// trap 24
#[test]
fn a_step_of_the_wall_clock_moves_no_deadline_and_no_round_trip() {
    let mut desk = Desk::unpaced();
    desk.order(&one(1));
    desk.wall = desk.wall.minus(Span::from_hours(1));
    desk.pass(500 * MS);
    assert!(desk.done.is_empty());
    desk.answer(0, 40 * MS);
    assert_eq!(desk.done[0].stats.rtt.unwrap().max, 40 * MS);
}

proptest! {
    #[test]
    fn every_order_has_one_result_and_none_is_nonsense(
        steps in proptest::collection::vec((0_u8..6, 0_usize..400, 0_u64..1_500), 1..200),
    ) {
        let mut desk = Desk::new(Options { max_rate: Some(500), ..Options::default() });
        let mut ordered = 0;
        for (what, which, millis) in steps {
            match what {
                0 | 1 => {
                    let before = desk.engine.counters().bursts;
                    let token = u64::try_from(which % 20).unwrap();
                    let group = (token % 2 == 0).then(|| Group::thin(u32::try_from(token).unwrap()));
                    desk.order(&Order { group, ..three(token) });
                    ordered += desk.engine.counters().bursts - before;
                }
                2 | 3 if which < desk.sent.len() => desk.answer(which, Span::from_millis(millis)),
                4 if which < desk.sent.len() => desk.complain(which, 3, 1, 8),
                _ => desk.pass(Span::from_millis(millis / 5)),
            }
        }
        desk.pass(Span::from_secs(30));
        prop_assert_eq!(u64::try_from(desk.done.len()).unwrap(), ordered);
        for burst in &desk.done {
            let stats = &burst.stats;
            prop_assert!(stats.received + burst.errors.count <= stats.sent);
            prop_assert!(stats.sent <= 3);
            prop_assert_eq!(stats.rtt.is_some(), stats.received > 0);
            prop_assert_eq!(burst.outcome == Outcome::Good, stats.received > 0);
        }
        let counters = desk.engine.counters();
        prop_assert_eq!((counters.in_flight, counters.waiting), (0, 0));
        prop_assert_eq!(desk.engine.wake(), Wake::Idle);
    }
}
