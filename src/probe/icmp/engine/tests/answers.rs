//! What an answer means, and whose it is (trap 15).

use super::*;

#[test]
fn a_burst_is_summed_up_when_its_last_reply_is_there() {
    let mut desk = Desk::unpaced();
    desk.order(&three(7));
    let began = desk.wall;
    for (n, rtt) in [(0, 10), (1, 30), (2, 20)] {
        desk.answer(n, rtt * MS);
        desk.pass(110 * MS);
    }
    let burst = &desk.done[0];
    assert_eq!((burst.token, burst.at), (7, began));
    assert_eq!(burst.outcome, Outcome::Good);
    assert_eq!((burst.stats.sent, burst.stats.received), (3, 3));
    let rtt = burst.stats.rtt.unwrap();
    assert_eq!((rtt.min, rtt.median, rtt.max), (10 * MS, 20 * MS, 30 * MS));
    assert_eq!(rtt.jitter, Some(15 * MS));
    assert_eq!(desk.engine.wake(), Wake::Idle);
}

// trap 15
#[test]
fn late_reply_changes_neither_loss_nor_state() {
    let mut desk = Desk::unpaced();
    desk.order(&three(1));
    desk.pass(250 * MS);
    // The first is answered after its deadline, while the burst still waits for the third.
    desk.pass(800 * MS);
    desk.answer(0, 1_001 * MS);
    desk.pass(500 * MS);
    let burst = &desk.done[0];
    assert_eq!(burst.outcome, Outcome::Bad(Reason::Timeout));
    assert_eq!(
        (burst.stats.sent, burst.stats.received, burst.stats.late),
        (3, 0, 1)
    );
    // Another comes when the burst has ended: the next round tells of it, and is not credited.
    desk.answer(1, 2_000 * MS);
    desk.order(&one(1));
    desk.pass(2_000 * MS);
    let burst = &desk.done[1];
    assert_eq!(burst.outcome, Outcome::Bad(Reason::Timeout));
    assert_eq!(
        (burst.stats.sent, burst.stats.received, burst.stats.late),
        (1, 0, 1)
    );
    assert_eq!(desk.engine.counters().late, 2);
}

// trap 15
#[test]
fn a_duplicate_is_counted_and_not_doubled() {
    let mut desk = Desk::unpaced();
    desk.order(&three(1));
    desk.answer(0, MS);
    desk.answer(0, 2 * MS);
    desk.pass(110 * MS);
    desk.answer(1, MS);
    desk.pass(110 * MS);
    desk.answer(2, MS);
    desk.answer(2, 5 * MS);
    let burst = &desk.done[0];
    assert_eq!(
        (burst.stats.received, burst.stats.duplicates, burst.stats.late),
        (3, 1, 0)
    );
    // The one that came after the end is no late reply: its request was answered.
    let left = desk.engine.stragglers();
    assert_eq!(left[0].duplicates, 1);
    assert_eq!(left[0].late, 0);
}

// trap 15
#[test]
fn only_the_address_that_was_asked_can_answer_and_only_to_us() {
    let mut desk = Desk::unpaced();
    desk.order(&one(1));
    let sent = desk.sent[0].clone();
    let good = reply_to(&sent.bytes);
    let at = sent.at.plus(MS);
    // Another host, with the very same bytes.
    desk.receive([10, 9, 9, 9].into(), at, &good);
    // Another process's ident.
    let mut strange = good.clone();
    strange[4] ^= 0x80;
    strange[2..4].fill(0);
    let sum = packet::checksum(&strange);
    strange[2..4].copy_from_slice(&sum.to_be_bytes());
    desk.receive(sent.to, at, &strange);
    // A guessed cookie, and another sequence number.
    for place in [20, 7] {
        let mut forged = good.clone();
        forged[place] ^= 1;
        forged[2..4].fill(0);
        let sum = packet::checksum(&forged);
        forged[2..4].copy_from_slice(&sum.to_be_bytes());
        desk.receive(sent.to, at, &forged);
    }
    // Broken on the way.
    let mut broken = good.clone();
    broken[30] ^= 1;
    desk.receive(sent.to, at, &broken);
    let counters = desk.engine.counters();
    assert_eq!((counters.foreign, counters.corrupt, counters.received), (4, 1, 0));
    assert!(desk.done.is_empty());
    desk.receive(sent.to, at, &good);
    assert_eq!(desk.done[0].outcome, Outcome::Good);
}

// trap 15
#[test]
fn sequence_numbers_wrap_without_a_jump() {
    let mut desk = Desk::unpaced();
    let mut last = None;
    let mut wraps = 0;
    for round in 0..25_000 {
        desk.order(&Order {
            spacing: Span::ZERO,
            ..three(round % 200)
        });
        for _ in 0..3 {
            desk.now = desk.now.plus(2 * MS);
            desk.turn();
        }
        for n in 0..desk.sent.len() {
            let seq = u16::from_be_bytes([desk.sent[n].bytes[6], desk.sent[n].bytes[7]]);
            if let Some(last) = last {
                assert_eq!(seq, u16::wrapping_add(last, 1));
            }
            wraps += u32::from(seq == 0);
            last = Some(seq);
            desk.answer(n, MS);
        }
        desk.sent.clear();
    }
    assert_eq!(wraps, 1);
    assert_eq!(desk.done.len(), 25_000);
    assert!(desk.done.iter().all(|b| b.stats.received == 3));
}

// trap 15
#[test]
fn unreachable_ends_the_wait_with_its_reason_and_is_no_answer() {
    for (kind, code, quoted, reason) in [
        (3, 1, 64, Reason::HostUnreachable),
        (3, 0, 8, Reason::NetUnreachable),
        (3, 13, 8, Reason::Prohibited),
        (11, 0, 64, Reason::TtlExceeded),
    ] {
        let mut desk = Desk::unpaced();
        desk.order(&one(1));
        desk.complain(0, kind, code, quoted);
        let burst = &desk.done[0];
        assert_eq!(burst.outcome, Outcome::Bad(reason));
        assert_eq!((burst.stats.received, burst.errors.count), (0, 1));
        assert_eq!(burst.errors.last.unwrap().from, IpAddr::from([10, 0, 0, 1]));
        assert_eq!(burst.errors.rtt.unwrap().min, 3 * MS);
    }
}

#[test]
fn an_error_that_quotes_nothing_of_ours_ends_no_wait() {
    let mut desk = Desk::unpaced();
    desk.order(&one(1));
    let true_bytes = desk.sent[0].bytes.clone();
    // Eight bytes with a wrong checksum; a whole packet with a guessed cookie.
    for (place, quoted) in [(2, 8), (20, 64)] {
        desk.sent[0].bytes[place] ^= 1;
        desk.complain(0, 3, 1, quoted);
        desk.sent[0].bytes.clone_from(&true_bytes);
    }
    assert!(desk.done.is_empty());
    assert_eq!(desk.engine.counters().foreign, 2);
    desk.answer(0, MS);
    assert_eq!(desk.done[0].outcome, Outcome::Good);
}

#[test]
fn one_good_reply_among_errors_is_good() {
    let mut desk = Desk::unpaced();
    desk.order(&three(1));
    desk.complain(0, 3, 1, 64);
    desk.pass(110 * MS);
    desk.answer(1, MS);
    desk.pass(110 * MS);
    desk.complain(2, 3, 1, 64);
    let burst = &desk.done[0];
    assert_eq!(burst.outcome, Outcome::Good);
    assert_eq!(
        (burst.stats.sent, burst.stats.received, burst.errors.count),
        (3, 1, 2)
    );
    assert_eq!(burst.errors.last.unwrap().kind, ErrorKind::Host);
}
