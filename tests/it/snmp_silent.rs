//! Agents that do not answer, and what the daemon's own sockets lose.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nix::sys::signal::Signal;
use tramgac::clock::SystemClock;
use tramgac::model::snmp::Oid;
use tramgac::model::snmp::Value;
use tramgac::model::snmp::VarBind;
use tramgac::probe::snmp::Client;
use tramgac::probe::snmp::codec::Pdu;
use tramgac::probe::snmp::codec::PduKind;
use tramgac::probe::snmp::transport::Options;

use crate::support;
use crate::support::odd_agent::Odd;
use crate::support::odd_agent::answer;
use crate::support::program::Running;
use crate::support::program::tramgac;
use crate::support::program::write;

const PATIENCE: Duration = Duration::from_secs(60);

fn up_time() -> Oid {
    "1.3.6.1.2.1.1.3.0".parse().unwrap()
}

fn objects() -> Vec<VarBind> {
    let mut all: Vec<VarBind> = [
        ("1.3.6.1.2.1.1.1.0", Value::OctetString("a small switch".into())),
        (
            "1.3.6.1.2.1.1.2.0",
            Value::ObjectId(Oid::new([1, 3, 6, 1, 4, 1, 99_999]).into()),
        ),
        ("1.3.6.1.2.1.1.3.0", Value::TimeTicks(4711)),
        ("1.3.6.1.2.1.1.5.0", Value::OctetString("sw1".into())),
        ("1.3.6.1.2.1.2.1.0", Value::Integer(12)),
    ]
    .into_iter()
    .map(|(oid, value)| VarBind {
        oid: oid.parse().unwrap(),
        value,
    })
    .collect();
    for n in 1..=12 {
        for (column, value) in [
            (1, Value::Integer(i64::from(n))),
            (2, Value::OctetString(format!("port {n}").into())),
            (8, Value::Integer(1)),
        ] {
            all.push(VarBind {
                oid: Oid::new([1, 3, 6, 1, 2, 1, 2, 2, 1, column, n]),
                value,
            });
        }
    }
    all.sort_by(|a, b| a.oid.cmp(&b.oid));
    all
}

/// A daemon with these devices (lines of the configuration), and the port of its page.
fn daemon(dir: &std::path::Path, snmp: &str, devices: &str) -> (Running, u16) {
    let web = support::free_tcp_port();
    let text = format!(
        "database: {}\nweb: {{listen: '127.0.0.1:{web}', allow_anonymous: read}}\n\
         polling: {{interval: 2s, infrastructure_interval: 2s, self_check: []}}\n\
         credentials: {{lan: {{community: public}}}}\n\
         snmp: {{credentials: [lan], interval: 2s, link_interval: 2s, {snmp}}}\n\
         sites: [{{id: vp, name: Văn phòng, kind: office}}]\n\
         devices:\n{devices}",
        dir.join("t.db").display(),
    );
    let config = write(dir, "config.yaml", &text);
    (Running::start(tramgac(&["run", "-c", &config])), web)
}

fn device(id: &str, port: u16) -> String {
    format!("  - {{id: {id}, name: {id}, class: switch, site: vp, address: 127.0.0.1, snmp_port: {port}}}\n")
}

/// The value of a series without labels.
fn metric(web: u16, name: &str) -> Option<f64> {
    let (_, page) = support::http(web, "GET", "/metrics");
    let line = page
        .lines()
        .find_map(|l| l.strip_prefix(name)?.strip_prefix(' '))?;
    line.parse().ok()
}

// trap 18
#[test]
fn a_device_that_is_silent_keeps_no_place_from_those_that_answer() {
    if !support::is_root() {
        return;
    }
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    silent.set_read_timeout(Some(PATIENCE)).unwrap();
    let turns = Arc::new(AtomicUsize::new(0));
    let (counted, objects) = (Arc::clone(&turns), objects());
    let odd = Odd::start(move |_, asked, _| {
        if asked.kind == PduKind::Get && asked.bindings.iter().any(|b| b.oid == up_time()) {
            counted.fetch_add(1, Ordering::Relaxed);
        }
        vec![answer(&objects, &asked, u32::MAX)]
    });
    let dir = tempfile::tempdir().unwrap();
    let devices = [
        device("silent", silent.local_addr().unwrap().port()),
        device("sw", odd.address.port()),
    ];
    // One device at a time, and the silent one is waited for much longer than this test takes.
    let patience = "max_devices: 1, timeout: 30s, retries: 3, deadline: 120s";
    let (_daemon, web) = daemon(dir.path(), patience, &devices.concat());
    silent.recv(&mut [0; 2048]).unwrap();
    let before = turns.load(Ordering::Relaxed);
    support::wait_for("three turns of the device that answers", PATIENCE, || {
        (turns.load(Ordering::Relaxed) >= before + 3).then_some(())
    });
    silent.set_nonblocking(true).unwrap();
    assert!(
        silent.recv(&mut [0; 2048]).is_err(),
        "the silent one was asked again before"
    );
    // What the engine counts is told.
    support::wait_for("its metrics", PATIENCE, || {
        let told = metric(web, "tramgac_snmp_request_duration_seconds_count")?;
        (told >= 3.0).then_some(())
    });
    assert!(metric(web, "tramgac_snmp_requests_total").unwrap() >= 4.0);
    assert_eq!(metric(web, "tramgac_snmp_receive_drops_total"), Some(0.0));
    assert!(metric(web, "tramgac_snmp_receive_buffer_bytes").unwrap() >= 4096.0);
}

// trap 9
#[test]
fn that_a_switch_hides_rows_is_still_known_after_a_restart() {
    if !support::is_root() {
        return;
    }
    // Asked for more than three repetitions it says after four rows that there are no more.
    let seen = Arc::new(Mutex::new(Vec::<u32>::new()));
    let (noted, objects) = (Arc::clone(&seen), objects());
    let few: Vec<VarBind> = objects
        .iter()
        .filter(|o| o.oid.arcs().last().is_none_or(|n| *n <= 4))
        .cloned()
        .collect();
    let turns = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&turns);
    let odd = Odd::start(move |_, asked, _| {
        if asked.kind == PduKind::Get && asked.bindings.iter().any(|b| b.oid == up_time()) {
            counted.fetch_add(1, Ordering::Relaxed);
        }
        let in_if_table = asked
            .bindings
            .iter()
            .any(|b| b.oid.arcs().starts_with(&[1, 3, 6, 1, 2, 1, 2, 2, 1]));
        if asked.kind == PduKind::GetBulk && in_if_table {
            noted.lock().unwrap().push(asked.index);
        }
        let large = asked.kind == PduKind::GetBulk && asked.index > 3;
        vec![answer(if large { &few } else { &objects }, &asked, u32::MAX)]
    });
    let dir = tempfile::tempdir().unwrap();
    let device = device("sw", odd.address.port());
    let run = || {
        seen.lock().unwrap().clear();
        let (mut daemon, _) = daemon(dir.path(), "timeout: 2s", &device);
        support::wait_for("rows that it only tells when asked for few", PATIENCE, || {
            let seen = seen.lock().unwrap();
            (seen.iter().filter(|n| **n <= 3).count() >= 8).then_some(())
        });
        // What a turn showed is known when it has ended: when the next one begins.
        let so_far = turns.load(Ordering::Relaxed);
        support::wait_for("the turn after it", PATIENCE, || {
            (turns.load(Ordering::Relaxed) > so_far).then_some(())
        });
        daemon.signal(Signal::SIGTERM);
        assert!(daemon.wait(PATIENCE).success(), "{}", daemon.output());
        seen.lock().unwrap().clone()
    };
    let before = run();
    assert!(before[0] > 3, "{before:?}");
    let after = run();
    assert!(after.iter().all(|n| *n <= 3), "{after:?}");
}

// trap 16
#[test]
fn answers_that_the_kernel_drops_for_our_full_buffer_are_counted() {
    let objects = objects();
    // Every answer comes with a hundred that answer nothing.
    let odd = Odd::start(move |_, asked, _| {
        let mine = answer(&objects, &asked, u32::MAX);
        let stray = Pdu {
            request_id: mine.request_id ^ 0x55,
            ..mine.clone()
        };
        let mut all = vec![stray; 100];
        all.push(mine);
        all
    });
    let options = Options {
        receive_buffer_bytes: 1,
        sockets: 1,
        ..Options::default()
    };
    let client = Client::new(&options, SystemClock::shared()).unwrap();
    // As small as the kernel makes them: one for IPv4, and one for IPv6 where there is any.
    assert!(
        client.receive_buffer_bytes() < 16_384,
        "{}",
        client.receive_buffer_bytes()
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let agent = tramgac::probe::snmp::Agent {
        timeout: Duration::from_millis(200),
        ..odd.agent()
    };
    support::wait_for("a drop", PATIENCE, || {
        // It may come through or not; what counts is that the loss is seen.
        let _answer = runtime.block_on(client.get(&agent, &[up_time()]));
        (client.counters().receive_drops > 0).then_some(())
    });
    // With room enough nothing of the like is lost.
    let roomy = Client::new(&Options::default(), SystemClock::shared()).unwrap();
    let got = runtime.block_on(roomy.get(&agent, &[up_time()])).unwrap();
    assert_eq!(got[0].value, Value::TimeTicks(4711));
    assert_eq!(roomy.counters().receive_drops, 0);
}
