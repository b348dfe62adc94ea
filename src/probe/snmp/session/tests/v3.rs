//! SNMPv3: engines that restart, move, share an id, and strangers who forge (trap 13).

use std::sync::Arc;
use std::time::Duration;

use super::super::*;
use super::world::World;
use super::world::address;
use super::world::agent;
use super::world::oid;
use super::world::table;
use crate::model::snmp::Oid;
use crate::probe::snmp::call::Limits;
use crate::probe::snmp::call::WalkEnd;
use crate::probe::snmp::credential::AuthProtocol;
use crate::probe::snmp::credential::Credential;
use crate::probe::snmp::credential::PrivProtocol;
use crate::probe::snmp::credential::User;
use crate::probe::snmp::responder::Responder;

const ENGINE: &[u8] = b"\x80\0\x1f\x88engine";

fn user() -> User {
    User {
        auth: Some((AuthProtocol::Sha256, "maplesyrup".into())),
        privacy: Some((PrivProtocol::Aes128, "syrupmaple".into())),
        ..User::named("nms")
    }
}

fn v3(n: u16) -> Agent {
    Agent {
        credential: Arc::new(Credential::V3(user())),
        ..agent(n)
    }
}

fn wanted() -> [Oid; 1] {
    [oid("1.3.6.1.2.1.2.2.1.1.1")]
}

/// Puts an agent at `n` whose engine started `up` seconds ago.
fn put(world: &mut World, n: u16, engine: &[u8], boots: u32, up: u64) {
    let mut keys = KeyRing::default();
    let responder = Responder::new(engine.to_vec(), boots, &[user()], &mut keys, 1);
    let start = Mono(world.now.0 - up * 1_000_000_000);
    world.responders.insert(address(n), (responder, start));
}

#[test]
fn every_pair_of_protocols_walks() {
    for auth in AuthProtocol::ALL {
        for privacy in PrivProtocol::ALL.map(Some).into_iter().chain([None]) {
            let mut world = World::new(table(30));
            let user = User {
                auth: Some((auth, "maplesyrup".into())),
                privacy: privacy.map(|p| (p, "syrupmaple".into())),
                ..User::named("nms")
            };
            let responder = Responder::new(
                ENGINE.to_vec(),
                1,
                std::slice::from_ref(&user),
                &mut KeyRing::default(),
                1,
            );
            let now = world.now;
            world.responders.insert(address(1), (responder, now));
            let agent = Agent {
                credential: Arc::new(Credential::V3(user)),
                ..agent(1)
            };
            let walk = world.walk(&agent, &[oid("1.3.6.1.2.1.2")], Limits::default());
            assert_eq!(
                (walk.ended, walk.rows.len()),
                (WalkEnd::Complete, 90),
                "{auth:?} {privacy:?}"
            );
        }
    }
}

// trap 13
#[test]
fn a_restart_of_the_agent_costs_one_resync() {
    // Boots up by one, unchanged (a forgetful agent), lower (a factory reset).
    for boots in [6, 5, 1] {
        let mut world = World::new(table(3));
        put(&mut world, 1, ENGINE, 5, 100_000);
        world.get(&v3(1), &wanted()).unwrap();
        put(&mut world, 1, ENGINE, boots, 0);
        let before = world.session.counters();
        let start = world.now;
        world.get(&v3(1), &wanted()).unwrap();
        let after = world.session.counters();
        assert_eq!(after.sent - before.sent, 2, "one report, one answer");
        assert_eq!(after.resyncs, before.resyncs + 1);
        assert!(world.now.since(start) < Duration::from_secs(1));
        world.get(&v3(1), &wanted()).unwrap();
        assert_eq!(world.session.counters().sent, after.sent + 1);
    }
}

// trap 13
#[test]
fn a_changed_engine_id_is_learned_at_once() {
    let mut world = World::new(table(3));
    put(&mut world, 1, ENGINE, 5, 1000);
    world.get(&v3(1), &wanted()).unwrap();
    put(&mut world, 1, b"\x80\0\x1f\x88other", 1, 5);
    for _ in 0..3 {
        world.get(&v3(1), &wanted()).unwrap();
    }
    assert_eq!(world.session.counters().resyncs, 1);
}

// trap 13
#[test]
fn two_devices_with_one_engine_id_both_work() {
    let mut world = World::new(table(3));
    put(&mut world, 1, ENGINE, 5, 100_000);
    put(&mut world, 2, ENGINE, 90, 7);
    for _ in 0..3 {
        for n in [1, 2] {
            world.get(&v3(n), &wanted()).unwrap();
        }
    }
    assert_eq!(world.session.counters().resyncs, 0);
}

// trap 13
#[test]
fn a_handshake_over_a_slow_link_succeeds() {
    let mut world = World::new(table(3));
    put(&mut world, 1, ENGINE, 5, 1000);
    world.delay(address(1), Duration::from_millis(800));
    let hasty = Agent {
        timeout: Duration::from_millis(500),
        ..v3(1)
    };
    assert!(world.get(&hasty, &wanted()).is_ok());
}

// trap 13
#[test]
fn wrong_user_signature_and_encryption_are_told_apart_and_show_life() {
    let mut world = World::new(table(3));
    put(&mut world, 1, ENGINE, 5, 1000);
    let mut finding = |user: User| {
        let agent = Agent {
            credential: Arc::new(Credential::V3(user)),
            ..agent(1)
        };
        world.get(&agent, &wanted()).unwrap_err()
    };
    let found = [
        finding(User {
            name: "nobody".to_owned(),
            ..user()
        }),
        finding(User {
            auth: Some((AuthProtocol::Sha256, "wrongwrong".into())),
            ..user()
        }),
        finding(User {
            auth: Some((AuthProtocol::Md5, "maplesyrup".into())),
            ..user()
        }),
        finding(User {
            privacy: Some((PrivProtocol::Aes128, "wrongwrong".into())),
            ..user()
        }),
        finding(User {
            privacy: None,
            ..user()
        }),
    ];
    assert_eq!(
        found,
        [
            Finding::UnknownUser,
            Finding::WrongAuth,
            Finding::WrongAuth,
            Finding::WrongPriv,
            Finding::SecurityLevel,
        ]
    );
    assert!(found.iter().all(Finding::shows_life));
}

#[test]
fn a_device_that_went_away_is_not_called_a_wrong_password() {
    let mut world = World::new(table(3));
    put(&mut world, 1, ENGINE, 5, 1000);
    world.get(&v3(1), &wanted()).unwrap();
    world.mute(address(1));
    let start = world.now;
    assert_eq!(world.get(&v3(1), &wanted()), Err(Finding::NoAnswer));
    assert!(world.now.since(start) <= Duration::from_secs(11));
    let mut world = World::new(table(3));
    world.mute(address(1));
    assert_eq!(world.get(&v3(1), &wanted()), Err(Finding::NoAnswer));
}

#[test]
fn a_damaged_unsigned_or_replayed_answer_is_not_taken() {
    let mut world = World::new(table(3));
    put(&mut world, 1, ENGINE, 5, 1000);
    world.get(&v3(1), &wanted()).unwrap();
    world.mute(address(1));
    world.begin_get(&v3(1), &wanted());
    let request = world.last_sent.clone();
    // The true answer, made by hand, and damaged in every byte.
    let mut keys = KeyRing::default();
    let mut responder = Responder::new(ENGINE.to_vec(), 5, &[user()], &mut keys, 1);
    let crate::probe::snmp::responder::Received::Request(asked) = responder.receive(&request, 1000) else {
        panic!()
    };
    let pdu = super::world::answer(&table(3), &asked.pdu, false);
    let good = responder.answer(&asked, pdu.clone(), 1000);
    let now = world.now;
    let mut actions = Actions::default();
    for place in 0..good.len() {
        let mut bad = good.clone();
        bad[place] ^= 0x55;
        world.session.packet(&bad, address(1), now, &mut actions);
        assert!(
            !actions
                .done
                .iter()
                .any(|(_, done)| matches!(done, Done::Get(Ok(_)))),
            "byte {place}"
        );
    }
    // Signed by the right key, but an hour old.
    world.get(&agent(2), &wanted()).unwrap();
    let mut world = World::new(table(3));
    put(&mut world, 1, ENGINE, 5, 10_000);
    world.get(&v3(1), &wanted()).unwrap();
    world.mute(address(1));
    world.begin_get(&v3(1), &wanted());
    let request = world.last_sent.clone();
    let mut responder = Responder::new(ENGINE.to_vec(), 5, &[user()], &mut keys, 1);
    let crate::probe::snmp::responder::Received::Request(asked) = responder.receive(&request, 10_000) else {
        panic!()
    };
    let old = responder.answer(&asked, pdu, 6_400);
    let mut actions = Actions::default();
    let now = world.now;
    world.session.packet(&old, address(1), now, &mut actions);
    assert!(actions.done.is_empty());
    assert_eq!(world.session.counters().unauthentic, 1);
}
