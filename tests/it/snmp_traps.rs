//! Agents that behave as some do, on real packets: they answer from elsewhere,
//! late, or with less the more they are asked for.

use std::time::Duration;

use tramgac::clock::SystemClock;
use tramgac::model::snmp::Oid;
use tramgac::model::snmp::Value;
use tramgac::model::snmp::VarBind;
use tramgac::probe::snmp::Agent;
use tramgac::probe::snmp::Client;
use tramgac::probe::snmp::Limits;
use tramgac::probe::snmp::Order;
use tramgac::probe::snmp::Walk;
use tramgac::probe::snmp::WalkEnd;
use tramgac::probe::snmp::codec::Pdu;
use tramgac::probe::snmp::codec::PduKind;
use tramgac::probe::snmp::transport::Options;

use crate::support::netns::Netns;
use crate::support::odd_agent::Odd;
use crate::support::odd_agent::answer;
use crate::support::peer;
use crate::support::program::TRAMGAC;
use crate::support::snmpd;
use crate::support::snmpd::Snmpd;
use crate::support::wait_for;

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}

fn client() -> Client {
    Client::new(&Options::default(), SystemClock::shared()).unwrap()
}

fn table() -> Oid {
    "1.3.6.1.2.1.2.2.1".parse().unwrap()
}

fn row(column: u32, n: u32) -> VarBind {
    VarBind {
        oid: table().child(&[column, n]),
        value: Value::Integer(i64::from(n)),
    }
}

fn columns(n: u32) -> Vec<Oid> {
    (1..=n).map(|c| table().child(&[c])).collect()
}

fn walk(odd: &Odd, columns: &[Oid], limits: Limits) -> Walk {
    run(client().walk(&odd.agent(), columns, limits))
}

// trap 14
#[test]
fn a_router_that_answers_from_its_other_address_is_heard_when_told_to() {
    if peer("nft").is_none() {
        return;
    }
    let (Some(here), Some(there)) = (Netns::new(), Netns::new()) else {
        return;
    };
    here.join(("v0", "10.98.0.1/24"), &there, ("v0", "10.98.0.2/24"));
    there.ip(&["addr", "add", "10.98.0.3/24", "dev", "v0"]);
    let Some(_snmpd) = Snmpd::start_inside(&there) else {
        return;
    };
    let walk = |more: &[&str]| {
        let mut all = vec!["walk", "-c", snmpd::COMMUNITY, "-t", "1", "-r", "1"];
        all.extend(more);
        all.extend(["10.98.0.2", "1.3.6.1.2.1.1"]);
        here.run(TRAMGAC, &all)
    };
    let whole = wait_for("snmpd to answer", Duration::from_secs(30), || {
        let output = walk(&[]);
        output.status.success().then_some(output.stdout)
    });
    // From now on what it says leaves from its other address.
    there.nft(
        "table ip t { chain o { type filter hook output priority raw; udp sport 161 notrack; }; \
         chain p { type filter hook postrouting priority 0; \
         udp sport 161 ip saddr 10.98.0.2 ip saddr set 10.98.0.3; }; }",
    );
    let refused = walk(&[]);
    assert_eq!(refused.status.code(), Some(1));
    let taken = walk(&["--any-source"]);
    assert!(
        taken.status.success(),
        "{}",
        String::from_utf8_lossy(&taken.stderr)
    );
    let lines = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().count();
    assert_eq!(lines(&taken.stdout), lines(&whole));
}

// trap 14
#[test]
fn a_late_answer_is_used_for_its_own_request_or_for_none() {
    // It answers the first try only together with the second, then both again.
    let mut kept: Option<Pdu> = None;
    let odd = Odd::start(move |_, asked, count| {
        let mut answers = Vec::new();
        let mine = Pdu {
            kind: PduKind::Response,
            bindings: vec![VarBind {
                oid: asked.bindings[0].oid.clone(),
                value: Value::Integer(i64::try_from(count).unwrap()),
            }],
            ..asked
        };
        if count == 0 {
            kept = Some(mine);
            return answers;
        }
        answers.extend(kept.clone());
        answers.push(mine.clone());
        answers.extend(kept.take());
        answers.push(mine);
        answers
    });
    let client = client();
    let agent = Agent {
        timeout: Duration::from_millis(300),
        ..odd.agent()
    };
    run(async {
        let first = client.get(&agent, &[table().child(&[1, 1])]).await.unwrap();
        // Of the first try: it was still waited for.
        assert_eq!(first[0].value, Value::Integer(0));
        // What came late or twice is nobody's: each object has its own value.
        for n in 2..6 {
            let oid = table().child(&[1, n]);
            let got = client.get(&agent, std::slice::from_ref(&oid)).await.unwrap();
            assert_eq!(
                (&got[0].oid, &got[0].value),
                (&oid, &Value::Integer(i64::from(n)))
            );
        }
    });
    assert!(client.counters().unmatched >= 2, "{:?}", client.counters());
}

// trap 8
#[test]
fn an_agent_that_goes_in_circles_ends_the_walk_and_its_rows_are_kept() {
    let odd = Odd::start(|_, asked, _| {
        let last = asked.bindings[0].oid.arcs().last().copied().unwrap_or(0);
        Pdu {
            kind: PduKind::Response,
            status: 0,
            index: 0,
            // 1, 2, 3, 4, 1, 2, …
            bindings: vec![row(
                1,
                if asked.bindings[0].oid.arcs().len() < 11 {
                    1
                } else {
                    last % 4 + 1
                },
            )],
            ..asked
        }
        .into_only()
    });
    for order in [Order::Increasing, Order::Any] {
        let limits = Limits {
            order,
            ..Limits::default()
        };
        let walk = walk(&odd, &columns(1), limits);
        assert_eq!(walk.ended, WalkEnd::NonIncreasing, "{order:?}");
        assert_eq!(walk.rows, (1..=4).map(|n| row(1, n)).collect::<Vec<_>>());
        assert!(walk.packets < 10, "{}", walk.packets);
    }
}

// trap 9
#[test]
fn an_agent_that_can_send_less_the_more_it_is_asked_for_still_gives_all_rows() {
    // It serves five repetitions at most, and above twenty only one.
    let objects: Vec<VarBind> = (1..=3).flat_map(|c| (1..=48).map(move |n| row(c, n))).collect();
    let served = objects.clone();
    let odd = Odd::start(move |_, asked, _| {
        let most = if asked.index > 20 { 1 } else { 5 };
        vec![answer(&served, &asked, most)]
    });
    let client = client();
    for _ in 0..3 {
        let walk = run(client.walk(&odd.agent(), &columns(3), Limits::default()));
        assert_eq!(walk.ended, WalkEnd::Complete);
        assert_eq!(walk.rows, objects);
    }
}

// trap 9
#[test]
fn a_switch_that_hides_rows_from_large_requests_is_noticed_by_ifnumber() {
    // Asked for more than three repetitions it says after ten rows that there are no more.
    let served = {
        let text = |arcs: &[u32], value: Value| VarBind {
            oid: Oid::new([&[1, 3, 6, 1, 2, 1][..], arcs].concat()),
            value,
        };
        let mut all = vec![
            text(&[1, 1, 0], Value::OctetString("a switch".into())),
            text(
                &[1, 2, 0],
                Value::ObjectId(Oid::new([1, 3, 6, 1, 4, 1, 99_999, 1]).into()),
            ),
            text(&[1, 3, 0], Value::TimeTicks(4711)),
            text(&[2, 1, 0], Value::Integer(28)),
        ];
        for n in 1..=28 {
            all.push(row(1, n));
            all.push(VarBind {
                oid: table().child(&[2, n]),
                value: Value::OctetString(format!("port {n}").into()),
            });
            all.push(row(8, 1).at(n));
        }
        all.sort_by(|a, b| a.oid.cmp(&b.oid));
        all
    };
    let odd = Odd::start(move |_, asked, _| {
        let mut all = answer(&served, &asked, u32::MAX);
        if asked.kind == PduKind::Get {
            for (binding, asked) in all.bindings.iter_mut().zip(&asked.bindings) {
                *binding = VarBind {
                    oid: asked.oid.clone(),
                    value: served
                        .iter()
                        .find(|o| o.oid == asked.oid)
                        .map_or(Value::NoSuchInstance, |o| o.value.clone()),
                };
            }
        } else if asked.kind == PduKind::GetBulk && asked.index > 3 {
            for binding in &mut all.bindings {
                let is_late =
                    binding.oid.starts_with(&table()) && binding.oid.arcs().get(10).is_some_and(|n| *n > 10);
                if is_late {
                    binding.value = Value::EndOfMibView;
                }
            }
        }
        vec![all]
    });
    let output = std::process::Command::new(TRAMGAC)
        .args(["inspect", "-c", "public", "--format", "json", "-t", "10"])
        .arg(odd.address.to_string())
        .output()
        .unwrap();
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["interfaces"].as_array().unwrap().len(), 28, "{told}");
}

// trap 7
#[test]
fn a_table_that_is_not_there_does_not_spoil_the_others() {
    let served: Vec<VarBind> = [1, 3].iter().flat_map(|c| (1..=20).map(|n| row(*c, n))).collect();
    let odd = Odd::start(move |_, asked, _| {
        let missing = asked
            .bindings
            .iter()
            .position(|b| b.oid.starts_with(&table().child(&[2])));
        match missing {
            // genErr, as some do for what they don't know.
            Some(place) => vec![Pdu {
                kind: PduKind::Response,
                status: 5,
                index: u32::try_from(place).unwrap() + 1,
                ..asked
            }],
            None => vec![answer(&served, &asked, u32::MAX)],
        }
    });
    let walk = walk(&odd, &columns(3), Limits::default());
    assert_eq!(walk.rows.len(), 40, "{walk:?}");
    assert_eq!(
        (&walk.columns[0], &walk.columns[2]),
        (&WalkEnd::Complete, &WalkEnd::Complete)
    );
    assert!(matches!(walk.columns[1], WalkEnd::Finding(_)), "{walk:?}");
}

trait Moved {
    fn at(self, n: u32) -> Self;
}

impl Moved for VarBind {
    fn at(mut self, n: u32) -> Self {
        let arcs = self.oid.arcs();
        let parent = Oid::from_slice(&arcs[..arcs.len() - 1]);
        self.oid = parent.child(&[n]);
        self
    }
}

trait IntoOnly {
    fn into_only(self) -> Vec<Pdu>;
}

impl IntoOnly for Pdu {
    fn into_only(self) -> Vec<Pdu> {
        vec![self]
    }
}
