//! What the daemon learned of an agent is still known after a restart.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use nix::sys::signal::Signal;
use tramgac::model::snmp::Oid;
use tramgac::model::snmp::Value;
use tramgac::model::snmp::VarBind;
use tramgac::probe::snmp::codec::Pdu;
use tramgac::probe::snmp::codec::PduKind;

use crate::support;
use crate::support::odd_agent::Odd;
use crate::support::odd_agent::answer;
use crate::support::program::Running;
use crate::support::program::tramgac;
use crate::support::program::write;

const PATIENCE: Duration = Duration::from_secs(60);
/// tooBig (RFC 3416 §3).
const TOO_BIG: u32 = 1;
/// Objects of an answer that the agent can send at most.
const MOST: usize = 12;

/// What the agent was asked: the community, and for a GETBULK the objects of a full answer.
#[derive(Debug, Clone, PartialEq)]
struct Asked {
    community: String,
    bulk: Option<usize>,
}

fn objects() -> Vec<VarBind> {
    let mib = |arcs: &[u32], value: Value| VarBind {
        oid: Oid::new([&[1, 3, 6, 1, 2, 1][..], arcs].concat()),
        value,
    };
    let mut all = vec![
        mib(&[1, 1, 0], Value::OctetString("a small switch".into())),
        mib(
            &[1, 2, 0],
            Value::ObjectId(Oid::new([1, 3, 6, 1, 4, 1, 99_999]).into()),
        ),
        mib(&[1, 3, 0], Value::TimeTicks(4711)),
        mib(&[1, 5, 0], Value::OctetString("sw1".into())),
    ];
    for n in 1..=8 {
        all.push(mib(&[2, 2, 1, 1, n], Value::Integer(i64::from(n))));
        all.push(mib(
            &[2, 2, 1, 2, n],
            Value::OctetString(format!("port {n}").into()),
        ));
        all.push(mib(&[2, 2, 1, 8, n], Value::Integer(1)));
    }
    all.sort_by(|a, b| a.oid.cmp(&b.oid));
    all
}

// trap 9
#[test]
fn the_size_that_an_agent_takes_and_the_credential_that_it_knows_outlive_a_restart() {
    if !support::is_root() {
        return;
    }
    let seen = Arc::new(Mutex::new(Vec::<Asked>::new()));
    let (noted, objects) = (Arc::clone(&seen), objects());
    let odd = Odd::start(move |community, asked, _| {
        let bulk = (asked.kind == PduKind::GetBulk)
            .then(|| asked.bindings.len() * usize::try_from(asked.index).unwrap());
        noted.lock().unwrap().push(Asked {
            community: String::from_utf8_lossy(community).into_owned(),
            bulk,
        });
        if community != b"right" {
            return Vec::new();
        }
        if bulk.unwrap_or(asked.bindings.len()) > MOST {
            return vec![Pdu {
                kind: PduKind::Response,
                status: TOO_BIG,
                ..asked
            }];
        }
        if asked.kind == PduKind::Get {
            let bindings = asked.bindings.iter().map(|b| VarBind {
                oid: b.oid.clone(),
                value: objects
                    .iter()
                    .find(|o| o.oid == b.oid)
                    .map_or(Value::NoSuchInstance, |o| o.value.clone()),
            });
            return vec![Pdu {
                kind: PduKind::Response,
                bindings: bindings.collect(),
                ..asked
            }];
        }
        vec![answer(&objects, &asked, u32::MAX)]
    });
    let dir = tempfile::tempdir().unwrap();
    let text = format!(
        "database: {}\nweb: {{listen: '127.0.0.1:{}'}}\n\
         polling: {{interval: 2s, infrastructure_interval: 2s, self_check: []}}\n\
         credentials:\n  wrong: {{community: wrong}}\n  right: {{community: right}}\n\
         snmp: {{interval: 2s, timeout: 200ms, retries: 0, deadline: 30s}}\n\
         sites: [{{id: vp, name: Văn phòng, kind: office}}]\n\
         devices:\n  - {{id: sw, name: Switch, class: switch, site: vp, address: 127.0.0.1, \
         snmp_port: {}, credentials: [wrong, right]}}\n",
        dir.path().join("t.db").display(),
        support::free_tcp_port(),
        odd.address.port(),
    );
    let config = write(dir.path(), "config.yaml", &text);
    // Each time until it was asked for much, as a whole turn does, and answered.
    let run = || {
        seen.lock().unwrap().clear();
        let mut daemon = Running::start(tramgac(&["run", "-c", &config]));
        support::wait_for("two turns", PATIENCE, || {
            let seen = seen.lock().unwrap();
            let answered = seen.iter().filter(|a| a.bulk.is_some_and(|n| n <= MOST)).count();
            (answered >= 4).then_some(())
        });
        daemon.signal(Signal::SIGTERM);
        assert!(daemon.wait(PATIENCE).success(), "{}", daemon.output());
        seen.lock().unwrap().clone()
    };
    let first_bulk = |asked: &[Asked]| asked.iter().find_map(|a| a.bulk).unwrap();
    let before = run();
    assert_eq!(before[0].community, "wrong");
    assert!(first_bulk(&before) > MOST, "{before:?}");
    let after = run();
    assert_eq!(after[0].community, "right", "{after:?}");
    assert!(first_bulk(&after) < first_bulk(&before), "{after:?}");
}
