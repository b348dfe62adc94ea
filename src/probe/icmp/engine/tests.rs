//! Scenarios of the engine on a network in memory, on virtual time.

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::probe::icmp::ErrorKind;
use crate::probe::icmp::Group;
use crate::probe::icmp::Order;
use crate::probe::icmp::SendRefusal;
use crate::probe::icmp::packet;
use crate::probe::icmp::socket::Incoming;

const MS: Span = Span::from_millis(1);

/// One packet as it left.
#[derive(Clone)]
struct Sent {
    at: Mono,
    to: IpAddr,
    bytes: Vec<u8>,
}

/// An engine, its clock, and what it has sent.
struct Desk {
    engine: Engine,
    now: Mono,
    wall: Timestamp,
    drops: u64,
    corrupt: u64,
    sent: Vec<Sent>,
    done: Vec<Burst>,
    refusal: Option<SendRefusal>,
}

impl Desk {
    fn new(options: Options) -> Self {
        Self {
            engine: Engine::new(&options, Mode::Raw, 64 << 20, Key([9; 16]), 0x4242),
            now: Mono(1_000_000_000),
            wall: Timestamp::from_secs(1_800_000_000),
            drops: 0,
            corrupt: 0,
            sent: Vec::new(),
            done: Vec::new(),
            refusal: None,
        }
    }

    fn unpaced() -> Self {
        Self::new(Options {
            max_rate: None,
            ..Options::default()
        })
    }

    fn order(&mut self, order: &Order) {
        self.engine.accept(order, self.now);
        self.turn();
    }

    fn turn(&mut self) {
        let drops = Drops {
            full: self.drops,
            corrupt: self.corrupt,
        };
        self.engine.begin(self.now, self.wall, drops);
        self.engine.advance(self.now);
        while let Some(packet) = self.engine.next_send(self.now) {
            let (to, bytes) = (packet.to, packet.bytes.to_vec());
            let result = self.refusal.clone().map_or(Ok(()), Err);
            if result.is_ok() {
                self.sent.push(Sent {
                    at: self.now,
                    to,
                    bytes,
                });
            }
            self.engine.sent(self.now, result);
        }
        self.done.extend(self.engine.take_done());
    }

    /// Lets time pass as the worker does: in ticks, while there is work.
    fn pass(&mut self, span: Span) {
        let end = self.now.plus(span);
        while self.now < end {
            let step = match self.engine.wake() {
                Wake::Idle => end,
                Wake::At(at) | Wake::OnReply(at) => at.max(self.now.plus(10 * MS)).min(end),
            };
            self.wall = self.wall.plus(step.since(self.now));
            self.now = step;
            self.turn();
        }
    }

    fn receive(&mut self, from: IpAddr, at: Mono, bytes: &[u8]) {
        self.engine.receive(&Incoming {
            from,
            at,
            bytes,
            error: None,
        });
        self.done.extend(self.engine.take_done());
    }

    /// The target answers request `n` after `rtt`, read at once.
    fn answer(&mut self, n: usize, rtt: Span) {
        let sent = self.sent[n].clone();
        self.receive(sent.to, sent.at.plus(rtt), &reply_to(&sent.bytes));
    }

    /// A router sends an error about request `n`, quoting `quoted` bytes of it.
    fn complain(&mut self, n: usize, kind: u8, code: u8, quoted: usize) {
        let sent = self.sent[n].clone();
        let IpAddr::V4(to) = sent.to else {
            unreachable!("IPv4 only here")
        };
        let mut error = vec![kind, code, 0, 0, 0, 0, 0, 0];
        error.extend([0x45, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 10, 0, 0, 9]);
        error.extend(to.octets());
        error.extend(&sent.bytes[..quoted.min(sent.bytes.len())]);
        let sum = packet::checksum(&error);
        error[2..4].copy_from_slice(&sum.to_be_bytes());
        self.receive([10, 0, 0, 1].into(), sent.at.plus(3 * MS), &error);
    }
}

fn reply_to(request: &[u8]) -> Vec<u8> {
    let mut reply = request.to_vec();
    reply[0] = 0;
    reply[2..4].fill(0);
    let sum = packet::checksum(&reply);
    reply[2..4].copy_from_slice(&sum.to_be_bytes());
    reply
}

fn ident(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[4], bytes[5]])
}

fn one(token: u64) -> Order {
    Order {
        count: 1,
        ..three(token)
    }
}

fn three(token: u64) -> Order {
    let host = u8::try_from(token % 250).unwrap() + 1;
    Order {
        spacing: 100 * MS,
        ..Order::new(token, [10, 1, u8::try_from(token / 250).unwrap(), host].into())
    }
}

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
