//! Exchanges on virtual time, with agents that answer as real ones do, and as they should not.

mod v3;
mod walks;
mod world;

use std::sync::Arc;
use std::time::Duration;

use self::world::Ticket;
use self::world::World;
use self::world::address;
use self::world::agent;
use self::world::oid;
use self::world::table;
use super::*;
use crate::model::snmp::Oid;
use crate::model::snmp::Value;
use crate::probe::snmp::credential::Credential;

// trap 14
#[test]
fn a_late_reply_to_the_first_try_is_taken_during_the_second_and_only_once() {
    let mut world = World::new(table(3));
    world.delay(address(1), Duration::from_millis(2_500));
    let start = world.now;
    let got = world.get(&agent(1), &[oid("1.3.6.1.2.1.2.2.1.1.2")]).unwrap();
    assert_eq!(got[0].value, Value::Integer(1002));
    assert!(world.now.since(start) < Duration::from_secs(3));
    world.settle();
    assert_eq!(world.session.counters().retries, 1);
    assert_eq!(
        world.session.counters().unmatched,
        1,
        "the reply to the second try"
    );
}

// trap 14
#[test]
fn a_reply_from_another_address_counts_only_where_that_is_allowed() {
    let mut world = World::new(table(3));
    world.answer_from(address(1), address(9));
    let wanted = [oid("1.3.6.1.2.1.2.2.1.1.1")];
    assert_eq!(world.get(&agent(1), &wanted), Err(Finding::NoAnswerOrCommunity));
    assert_eq!(world.session.counters().foreign, 4);
    let tolerant = Agent {
        accept_other_source: true,
        ..agent(1)
    };
    assert!(world.get(&tolerant, &wanted).is_ok());
}

// trap 14
#[test]
fn a_value_is_never_stored_against_another_object() {
    let mut world = World::new(table(3));
    world.change_answers(address(1), |pdu| pdu.bindings.reverse());
    let wanted: Vec<Oid> = (1..=3).map(|n| oid("1.3.6.1.2.1.2.2.1.1").child(&[n])).collect();
    let got = world.get(&agent(1), &wanted).unwrap();
    for (row, wanted) in got.iter().zip(&wanted) {
        assert_eq!(row.oid, *wanted);
    }
    assert_eq!(got[2].value, Value::Integer(1003));
    // An agent that leaves out what it was asked is asked again for the rest.
    world.change_answers(address(1), |pdu| pdu.bindings.truncate(1));
    let again = world.get(&agent(1), &wanted).unwrap();
    assert_eq!(again, got);
}

// trap 14
#[test]
fn silence_ends_in_the_time_that_was_given() {
    let mut world = World::new(table(3));
    world.mute(address(1));
    let start = world.now;
    assert_eq!(
        world.get(&agent(1), &[oid("1.3.6.1.2.1.1.3.0")]),
        Err(Finding::NoAnswerOrCommunity)
    );
    let took = world.now.since(start);
    assert_eq!(world.session.counters().sent, 4);
    assert!(took <= Duration::from_secs(11), "{took:?}");
    let hurried = Agent {
        deadline: Duration::from_secs(3),
        ..agent(1)
    };
    let start = world.now;
    assert_eq!(
        world.get(&hurried, &[oid("1.3.6.1.2.1.1.3.0")]),
        Err(Finding::NoAnswerOrCommunity)
    );
    assert_eq!(world.now.since(start), Duration::from_secs(3));
}

#[test]
fn a_reply_with_another_community_version_or_kind_is_none() {
    let mut world = World::new(table(3));
    world.community = b"other".to_vec();
    let wanted = [oid("1.3.6.1.2.1.2.2.1.1.1")];
    assert_eq!(world.get(&agent(1), &wanted), Err(Finding::NoAnswerOrCommunity));
    let mut world = World::new(table(3));
    world.change_answers(address(1), |pdu| {
        pdu.kind = crate::probe::snmp::codec::PduKind::Trap;
    });
    assert!(matches!(
        world.get(&agent(1), &wanted),
        Err(Finding::Malformed(_))
    ));
}

#[test]
fn an_answer_that_is_cut_is_the_agents_fault_and_no_panic() {
    let mut world = World::new(table(3));
    world.cut = Some(30);
    let start = world.now;
    let end = world.get(&agent(1), &[oid("1.3.6.1.2.1.2.2.1.1.1")]);
    assert!(matches!(end, Err(Finding::Malformed(_))), "{end:?}");
    assert_eq!(world.session.counters().malformed, 4);
    assert!(
        world.now.since(start) < Duration::from_secs(1),
        "nonsense needs no waiting"
    );
}

#[test]
fn one_agent_is_asked_by_two_calls_at_a_time_and_the_others_wait() {
    let mut world = World::new(table(3));
    for _ in 0..10 {
        world.begin_get(&agent(1), &[oid("1.3.6.1.2.1.2.2.1.1.1")]);
    }
    assert_eq!(world.session.active(), 10);
    assert_eq!(world.session.counters().sent, 2);
    world.settle();
    assert_eq!(world.done.len(), 10);
    assert!(
        world
            .done
            .iter()
            .all(|(_, done)| matches!(done, Done::Get(Ok(_))))
    );
}

// trap 18
#[test]
fn a_silent_agent_keeps_nobody_else_waiting() {
    let mut world = World::new(table(3));
    for n in 1..=200 {
        world.mute(address(n));
    }
    for n in 1..=1000 {
        world.begin_get(&agent(n), &[oid("1.3.6.1.2.1.2.2.1.1.1")]);
    }
    world.run_until(world.now.plus(Duration::from_millis(100)));
    assert_eq!(world.done.len(), 800);
    world.settle();
    assert_eq!(world.done.len(), 1000);
}

#[test]
fn a_caller_that_left_is_not_worked_for() {
    let mut world = World::new(table(3));
    world.mute(address(1));
    let left = Ticket::gone();
    world.begin(
        &agent(1),
        Work::get(vec![oid("1.3.6.1")]),
        Duration::from_secs(30),
        left,
    );
    world.settle();
    assert_eq!(world.session.counters().sent, 0);
    assert_eq!(world.session.active(), 0);
}

#[test]
fn a_refused_port_ends_the_call_if_the_quoted_request_is_ours() {
    let mut world = World::new(table(3));
    world.mute(address(1));
    world.begin_get(&agent(1), &[oid("1.3.6.1.2.1.1.3.0")]);
    let sent = world.last_sent.clone();
    let mut actions = Actions::default();
    let now = world.now;
    let mut stranger = sent.clone();
    stranger[20] ^= 1;
    for (quoted, to) in [(&stranger, address(1)), (&sent, address(2))] {
        world
            .session
            .undeliverable(quoted, to, &Finding::Refused, now, &mut actions);
        assert!(actions.done.is_empty());
    }
    let cut = &sent[..28];
    world
        .session
        .undeliverable(cut, address(1), &Finding::Refused, now, &mut actions);
    assert!(matches!(
        actions.done[..],
        [(_, Done::Get(Err(Finding::Refused)))]
    ));
}

#[test]
fn what_was_learned_of_sizes_is_told_and_taken_again() {
    let mut world = World::new(table(3));
    world.get(&agent(1), &[oid("1.3.6.1.2.1.2.2.1.1.1")]).unwrap();
    let sizes = world.session.sizes();
    assert_eq!(sizes.len(), 1);
    let mut other = World::new(table(3));
    let kept = Kept {
        bindings: 7,
        barred: Some(15),
    };
    other.session.remember(&[(address(1), kept)], Mono::ZERO);
    assert_eq!(other.session.sizes(), [(address(1), kept)]);
}

#[test]
fn any_packet_at_all_does_not_panic() {
    use proptest::prelude::*;
    proptest!(ProptestConfig::with_cases(64), |(noise: Vec<u8>, place: usize, v3: bool)| {
        let mut world = World::new(table(3));
        world.mute(address(1));
        let credential = if v3 {
            Credential::V3(crate::probe::snmp::User::named("u"))
        } else {
            Credential::v2c("public")
        };
        let agent = Agent { credential: Arc::new(credential), ..agent(1) };
        world.begin_get(&agent, &[oid("1.3.6.1.2.1.1.3.0")]);
        // The request itself, damaged, as an answer: its id is right.
        let mut bytes = world.last_sent.clone();
        for (i, byte) in noise.iter().enumerate() {
            let at = (place.wrapping_add(i)) % bytes.len();
            bytes[at] = *byte;
        }
        let mut actions = Actions::default();
        world.session.packet(&bytes, address(1), world.now, &mut actions);
        world.session.packet(&noise, address(1), world.now, &mut actions);
        world.session.undeliverable(&noise, address(1), &Finding::Refused, world.now, &mut actions);
    });
}
