//! Walks: how they end (trap 8), how large they ask (trap 9), what is partial (trap 7).

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::*;
use super::world::World;
use super::world::address;
use super::world::agent;
use super::world::answer;
use super::world::column;
use super::world::error;
use super::world::oid;
use super::world::table;
use crate::model::snmp::Oid;
use crate::model::snmp::Value;
use crate::probe::snmp::call::Limits;
use crate::probe::snmp::call::Order;
use crate::probe::snmp::call::WalkEnd;
use crate::probe::snmp::codec::Pdu;
use crate::probe::snmp::codec::PduKind;
use crate::probe::snmp::codec::ber::Reader;
use crate::probe::snmp::codec::ber::Writer;
use crate::probe::snmp::codec::pdu::PduHead;
use crate::probe::snmp::credential::Credential;

fn all() -> [Oid; 3] {
    [column(1), column(2), column(3)]
}

fn v1(n: u16) -> Agent {
    let community = "public".into();
    Agent {
        credential: std::sync::Arc::new(Credential::V1 { community }),
        ..agent(n)
    }
}

#[test]
fn several_columns_come_in_few_requests_and_in_order() {
    for (agent, most) in [(agent(1), 8), (v1(2), 101)] {
        let mut world = World::new(table(100));
        let walk = world.walk(&agent, &all(), Limits::default());
        assert_eq!(walk.ended, WalkEnd::Complete);
        assert_eq!(walk.rows.len(), 300);
        assert!(walk.rows.is_sorted_by_key(|row| &row.oid));
        assert!(walk.packets <= most, "{}", walk.packets);
    }
}

#[test]
fn a_walk_in_pieces_is_the_walk_in_one() {
    let mut world = World::new(table(50));
    let whole = world.walk(&agent(1), &[oid("1.3.6.1.2.1")], Limits::default());
    let limits = Limits {
        rows: 40,
        ..Limits::default()
    };
    let mut rows = Vec::new();
    let mut bench = Workbench::default();
    loop {
        let after = rows.last().map(|row: &VarBind| row.oid.clone());
        // Asked directly: what matters is the work, not the session.
        let mut work = Work::walk(vec![oid("1.3.6.1.2.1")], after, limits);
        let shape = crate::probe::snmp::walk::Shape {
            size: Size::default(),
            at_most: u16::MAX,
            max_repetitions: 25,
        };
        while let Some(ask) = work.next(&shape) {
            let pdu = Pdu {
                kind: ask.kind,
                request_id: 1,
                status: 0,
                index: u32::from(ask.repetitions),
                bindings: work
                    .oids(&ask)
                    .map(|oid| VarBind {
                        oid: oid.clone(),
                        value: Value::Null,
                    })
                    .collect(),
            };
            let mut writer = Writer::new();
            answer(&world.objects, &pdu, false).write(&mut writer);
            let head = PduHead::read(&mut Reader::new(writer.bytes())).unwrap();
            work.answered(&ask, &head, 1000, &mut bench).unwrap();
        }
        let Work::Walk(walk) = work else { panic!() };
        let piece = walk.finish(&WalkEnd::Complete, 0, &mut bench);
        rows.extend(piece.rows);
        if piece.ended == WalkEnd::Complete {
            break;
        }
        assert_eq!(piece.ended, WalkEnd::RowLimit);
    }
    assert_eq!(rows, whole.rows);
}

// trap 8
#[test]
fn an_agent_that_goes_round_in_circles_ends_the_walk() {
    for first in [1, 5] {
        let mut world = World::new(table(10));
        // After the fifth row it begins anew, or stays where it is.
        world.instead(address(1), move |pdu| {
            let bindings = pdu
                .bindings
                .iter()
                .map(|b| {
                    let last = *b.oid.arcs().last().unwrap();
                    let next = if last >= 5 || b.oid == column(1) {
                        first
                    } else {
                        last + 1
                    };
                    VarBind {
                        oid: column(1).child(&[next]),
                        value: Value::Integer(1),
                    }
                })
                .collect();
            Some(Pdu {
                kind: PduKind::Response,
                status: 0,
                index: 0,
                bindings,
                ..pdu.clone()
            })
        });
        for order in [Order::Increasing, Order::Any] {
            let limits = Limits {
                order,
                ..Limits::default()
            };
            let walk = world.walk(&agent(1), &[column(1)], limits);
            assert_eq!(walk.ended, WalkEnd::NonIncreasing);
            assert_eq!(walk.rows.len(), if first == 1 { 5 } else { 1 });
            assert!(walk.packets <= 6, "{}", walk.packets);
        }
    }
}

// trap 8
#[test]
fn an_endless_table_ends_at_the_limit_of_rows_packets_or_time() {
    let mut world = World::new(table(0));
    world.instead(address(1), |pdu| {
        let mut bindings = Vec::new();
        let last = pdu.bindings[0]
            .oid
            .suffix(&column(1))
            .and_then(|s| s.first().copied());
        for n in 1..=pdu.index.max(1) {
            bindings.push(VarBind {
                oid: column(1).child(&[last.unwrap_or(0) + n]),
                value: Value::Integer(0),
            });
        }
        Some(Pdu {
            kind: PduKind::Response,
            status: 0,
            index: 0,
            bindings,
            ..pdu.clone()
        })
    });
    let mut limits = Limits {
        rows: 1000,
        ..Limits::default()
    };
    let walk = world.walk(&agent(1), &[column(1)], limits);
    assert_eq!((walk.ended, walk.rows.len()), (WalkEnd::RowLimit, 1000));
    limits.rows = usize::MAX;
    limits.packets = 20;
    let walk = world.walk(&agent(1), &[column(1)], limits);
    assert_eq!((walk.ended, walk.packets), (WalkEnd::PacketLimit, 20));
    limits.packets = u32::MAX;
    limits.time = Duration::from_secs(1);
    let start = world.now;
    let walk = world.walk(&agent(1), &[column(1)], limits);
    assert_eq!(walk.ended, WalkEnd::Deadline);
    assert!(!walk.rows.is_empty());
    assert_eq!(world.now.since(start), Duration::from_secs(1));
}

// trap 8
#[test]
fn a_table_in_disorder_is_read_where_that_is_allowed() {
    let mut world = World::new(table(0));
    let order: Vec<u32> = vec![3, 1, 2, 9, 4];
    let rows = order.clone();
    world.instead(address(1), move |pdu| {
        let last = pdu.bindings[0]
            .oid
            .suffix(&column(1))
            .and_then(|s| s.first().copied());
        let place = last.map_or(0, |l| rows.iter().position(|r| *r == l).unwrap() + 1);
        let oid = rows
            .get(place)
            .map_or_else(|| column(2).child(&[1]), |r| column(1).child(&[*r]));
        Some(Pdu {
            kind: PduKind::Response,
            status: 0,
            index: 0,
            bindings: vec![VarBind {
                oid,
                value: Value::Integer(1),
            }],
            ..pdu.clone()
        })
    });
    let strict = world.walk(&agent(1), &[column(1)], Limits::default());
    assert_eq!((strict.ended, strict.rows.len()), (WalkEnd::NonIncreasing, 1));
    let limits = Limits {
        order: Order::Any,
        ..Limits::default()
    };
    let walk = world.walk(&agent(1), &[column(1)], limits);
    assert_eq!(walk.ended, WalkEnd::Complete);
    let read: Vec<u32> = walk.rows.iter().map(|r| *r.oid.arcs().last().unwrap()).collect();
    assert_eq!(read, order);
}

// trap 9
#[test]
fn too_big_halves_the_size_which_is_remembered() {
    let mut world = World::new(table(60));
    world.instead(address(1), |pdu| {
        let size = pdu.index.max(1) * u32::try_from(pdu.bindings.len()).unwrap();
        (pdu.kind == PduKind::GetBulk && size > 12).then(|| error(pdu, 1, 0))
    });
    let first = world.walk(&agent(1), &all(), Limits::default());
    assert_eq!((first.ended, first.rows.len()), (WalkEnd::Complete, 180));
    let refused = world.session.counters().sent;
    let second = world.walk(&agent(1), &all(), Limits::default());
    assert_eq!(second.ended, WalkEnd::Complete);
    assert!(
        second.packets < first.packets,
        "{} {}",
        second.packets,
        first.packets
    );
    assert!(refused < 40, "{refused}");
}

// trap 9
#[test]
fn silence_to_large_requests_halves_the_size_after_one_retry_at_the_same() {
    let mut world = World::new(table(60));
    world.largest_answer = 200;
    // It was heard before, so it is known to be alive.
    world.get(&agent(1), &[oid("1.3.6.1.2.1.4.1.0")]).unwrap();
    let limits = Limits {
        time: Duration::from_secs(120),
        ..Limits::default()
    };
    let first = world.walk(&agent(1), &all(), limits);
    assert_eq!((first.ended, first.rows.len()), (WalkEnd::Complete, 180));
    world.walk(&agent(1), &all(), limits);
    let start = world.now;
    let third = world.walk(&agent(1), &all(), limits);
    assert_eq!(third.ended, WalkEnd::Complete);
    assert!(
        world.now.since(start) < Duration::from_secs(1),
        "what works is remembered"
    );
}

// trap 9
#[test]
fn an_agent_that_ignores_getbulk_is_read_by_getnext() {
    let mut world = World::new(table(10));
    world.get(&agent(1), &[oid("1.3.6.1.2.1.4.1.0")]).unwrap();
    // Changed into something that is no answer at all: the id of another request.
    world.change_answers(address(1), |_| {});
    world.instead(address(1), |pdu| {
        (pdu.kind == PduKind::GetBulk).then(|| Pdu {
            request_id: 0,
            ..error(pdu, 0, 0)
        })
    });
    let limits = Limits {
        time: Duration::from_secs(120),
        ..Limits::default()
    };
    let walk = world.walk(&agent(1), &all(), limits);
    assert_eq!((walk.ended, walk.rows.len()), (WalkEnd::Complete, 30));
    let start = world.now;
    let again = world.walk(&agent(1), &all(), limits);
    assert_eq!(again.rows.len(), 30);
    assert!(
        world.now.since(start) < Duration::from_secs(5),
        "GETBULK is not tried for long again"
    );
}

// trap 7
#[test]
fn one_missing_object_does_not_fail_the_others_of_a_v1_batch() {
    let mut world = World::new(table(3));
    let wanted = [
        oid("1.3.6.1.2.1.2.2.1.1.1"),
        oid("1.3.6.1.2.1.2.2.1.1.99"),
        oid("1.3.6.1.2.1.2.2.1.3.2"),
        oid("1.3.6.1.2.1.99.0"),
    ];
    for agent in [v1(1), agent(2)] {
        let got = world.get(&agent, &wanted).unwrap();
        let absent: Vec<bool> = got.iter().map(|row| row.value.is_absent()).collect();
        assert_eq!(absent, [false, true, false, true]);
    }
}

// trap 7
#[test]
fn a_column_with_an_error_ends_alone() {
    let mut world = World::new(table(10));
    let bad = column(2).child(&[4]);
    world.instead(address(1), move |pdu| {
        let made = answer(&table(10), pdu, false);
        let at = made.bindings.iter().position(|b| b.oid == bad)?;
        let width = pdu.bindings.len();
        Some(error(pdu, 5, u32::try_from(at % width + 1).unwrap()))
    });
    let walk = world.walk(&agent(1), &all(), Limits::default());
    assert_eq!(walk.columns[0], WalkEnd::Complete);
    assert_eq!(walk.columns[1], WalkEnd::Finding(Finding::Status { status: 5 }));
    assert_eq!(walk.columns[2], WalkEnd::Complete);
    assert_eq!(walk.ended, walk.columns[1]);
    assert_eq!(walk.rows.len(), 23, "ten, three before the bad one, ten");
}

// trap 7
#[test]
fn what_came_before_the_silence_is_kept() {
    let mut world = World::new(table(60));
    world.begin_walk(&agent(1), &all(), Limits::default());
    world.run_until(world.now.plus(Duration::from_millis(3)));
    world.mute(address(1));
    world.settle();
    let Some((_, Done::Walk(walk))) = world.done.pop() else {
        panic!()
    };
    assert!(!walk.rows.is_empty());
    assert!(
        matches!(
            walk.ended,
            WalkEnd::Finding(Finding::NoAnswer) | WalkEnd::Deadline
        ),
        "{:?}",
        walk.ended
    );
    let columns: BTreeSet<u32> = walk.rows.iter().map(|r| r.oid.arcs()[9]).collect();
    assert_eq!(columns.len(), 3);
}

#[test]
fn five_percent_loss_each_way_fails_few_devices() {
    let mut world = World::new(table(48));
    world.loss_per_mille = 50;
    let limits = Limits::default();
    for n in 1..=2000 {
        world.begin_walk(&agent(n), &all(), limits);
    }
    world.settle();
    let bad = world
        .done
        .iter()
        .filter(|(_, done)| !matches!(done, Done::Walk(walk) if walk.ended == WalkEnd::Complete))
        .count();
    assert!(bad <= 10, "{bad} of 2000");
}
