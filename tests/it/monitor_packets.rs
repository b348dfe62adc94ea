//! The rules of judging on real packets: the daemon in a namespace of its own,
//! what it watches in others.

use std::time::Duration;

use rusqlite::Connection;
use serde_json::Value;

use crate::support;
use crate::support::netns::Netns;
use crate::support::program::Running;
use crate::support::program::TRAMGAC;
use crate::support::program::write;
use crate::support::wait_for;

const PATIENCE: Duration = Duration::from_secs(60);

/// A daemon in its namespace, and its record.
struct Watch<'a> {
    monitor: &'a Netns,
    dir: tempfile::TempDir,
    _daemon: Running,
}

impl<'a> Watch<'a> {
    /// Starts the daemon with these devices (and more keys of the configuration).
    fn start(monitor: &'a Netns, self_check: &str, devices: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let text = format!(
            "language: en
database: {}
web: {{listen: '127.0.0.1:9099'}}
polling: {{interval: 2s, infrastructure_interval: 2s, retry_interval: 1s, count: 2, spacing: 20ms, timeout: 400ms{self_check}}}
sites: [{{id: vp, name: Văn phòng, kind: office}}]
alerts:
  notify_after: 0s
  receivers: {{moc: {{kind: webhook, url: 'http://127.0.0.1:9/', secret: x}}}}
  routes: [{{receivers: [moc]}}]
devices:
{devices}",
            dir.path().join("t.db").display()
        );
        let config = write(dir.path(), "config.yaml", &text);
        let mut command = monitor.command(TRAMGAC);
        command.args(["run", "-c", &config]);
        let mut daemon = Running::start(command);
        daemon.wait_for_output("ready", PATIENCE);
        Self {
            monitor,
            dir,
            _daemon: daemon,
        }
    }

    fn get(&self, path: &str) -> Value {
        let output = self
            .monitor
            .run("curl", &["-s", &format!("http://127.0.0.1:9099{path}")]);
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }

    fn target(&self, id: &str) -> Option<Value> {
        let list = self.get("/api/v1/targets?kind=device");
        list.as_array()?.iter().find(|t| t["id"] == id).cloned()
    }

    fn wait(&self, id: &str, state: &str) -> Value {
        wait_for(&format!("{id} {state}"), PATIENCE, || {
            self.target(id).filter(|t| t["state"] == state)
        })
    }

    /// Waits until a target has been looked at after `at`, and gives it.
    fn looked_at_after(&self, id: &str, at: &Value) -> Value {
        let at = moment(at);
        wait_for(&format!("a look at {id}"), PATIENCE, || {
            self.target(id).filter(|t| moment(&t["last_look_at"]) > at)
        })
    }

    /// One number of the record.
    fn count(&self, sql: &str) -> i64 {
        self.record().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    fn record(&self) -> Connection {
        Connection::open(self.dir.path().join("t.db")).unwrap()
    }

    /// When a target entered a state, and when that was known, for each time.
    fn entered(&self, id: &str, state: &str) -> Vec<(i64, i64)> {
        let record = self.record();
        let mut statement = record
            .prepare(
                "SELECT e.at, e.recorded_at FROM event e JOIN target t ON t.id = e.target
                 WHERE e.kind = 'state_changed' AND t.slug = ?1 AND e.body ->> '$.to' = ?2 ORDER BY e.sequence",
            )
            .unwrap();
        let rows = statement
            .query_map([id, state], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        rows.map(Result::unwrap).collect()
    }
}

fn moment(value: &Value) -> jiff::Timestamp {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or_default()
}

fn setting(ns: &Netns, path: &str, value: &str) {
    let script = format!("echo {value} > /proc/sys/net/ipv4/{path}");
    let output = ns.run("sh", &["-c", &script]);
    assert!(
        output.status.success(),
        "{script}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A namespace that forwards, and looks at no return path.
fn router() -> Option<Netns> {
    let ns = Netns::new()?;
    setting(&ns, "ip_forward", "1");
    setting(&ns, "conf/all/rp_filter", "0");
    setting(&ns, "conf/default/rp_filter", "0");
    Some(ns)
}

/// From now on it answers and forwards nothing that this matches; its lines hold.
fn dead(ns: &Netns, matches: &str) {
    ns.nft(&format!(
        "table ip dead {{\n chain in {{\n type filter hook prerouting priority -300;\n {matches} drop\n }}\n}}"
    ));
}

/// It works again.
fn mend(ns: &Netns) {
    ns.nft("delete table ip dead");
}

// trap 19
#[test]
fn a_child_of_two_parents_is_cut_off_only_when_both_are_gone() {
    let (Some(monitor), Some(left), Some(right), Some(child)) = (router(), router(), router(), router())
    else {
        return;
    };
    if support::peer("curl").is_none() {
        return;
    }
    for (ns, i) in [(&left, 1), (&right, 2)] {
        let net = |j: i32, k: i32| format!("10.78.{j}{i}.{k}/24");
        let (m, r, c) = (format!("m{i}"), format!("up{i}"), format!("c{i}"));
        monitor.join((&m, &net(1, 1)), ns, (&r, &net(1, 2)));
        ns.join(("dn", &net(2, 2)), &child, (&c, &net(2, 1)));
        ns.ip(&["route", "add", "10.78.99.1", "via", &format!("10.78.2{i}.1")]);
    }
    // What a routing protocol does.
    let route = |i: i32| {
        monitor.ip(&["route", "replace", "10.78.99.1", "via", &format!("10.78.1{i}.2")]);
        child.ip(&["route", "replace", "default", "via", &format!("10.78.2{i}.2")]);
    };
    route(1);
    child.ip(&["addr", "add", "10.78.99.1/32", "dev", "lo"]);
    let watch = Watch::start(
        &monitor,
        ", self_check: []",
        "  - {id: left, name: L, class: router, site: vp, address: 10.78.11.2, credentials: []}
  - {id: right, name: R, class: router, site: vp, address: 10.78.12.2, credentials: []}
  - {id: child, name: C, class: server, site: vp, address: 10.78.99.1, parents: [left, right], credentials: []}
",
    );
    for id in ["left", "right", "child"] {
        watch.wait(id, "up");
    }
    dead(&left, "");
    route(2);
    let gone = watch.wait("left", "down");
    // It may miss a look while packets find the other way; it stays up.
    watch.looked_at_after("child", &gone["last_look_at"]);
    watch.wait("child", "up");
    assert_eq!(
        watch.count("SELECT count(*) FROM incident"),
        1,
        "only the router's"
    );

    dead(&right, "");
    let cut_off = watch.wait("child", "unreachable");
    assert!(
        cut_off["root"] == "device/left" || cut_off["root"] == "device/right",
        "{cut_off}"
    );
    watch.wait("right", "down");

    mend(&left);
    route(1);
    watch.wait("left", "up");
    watch.wait("child", "up");
    assert_eq!(watch.target("right").unwrap()["state"], "down");
    assert_eq!(watch.entered("child", "down"), [], "never down by itself");
    assert_eq!(watch.count("SELECT count(*) FROM incident"), 3);
    assert_eq!(
        watch.count("SELECT count(*) FROM outbox WHERE kind = 'outage_opened'"),
        2,
        "the child is told of with its root"
    );
}

// trap 19
#[test]
fn children_that_boot_behind_a_recovered_router_are_told_only_after_a_retry_budget_of_their_own() {
    let (Some(monitor), Some(far)) = (router(), router()) else {
        return;
    };
    if support::peer("curl").is_none() || support::peer("nft").is_none() {
        return;
    }
    monitor.join(("m0", "10.78.0.1/24"), &far, ("f0", "10.78.0.2/24"));
    monitor.ip(&["route", "add", "10.78.50.0/24", "via", "10.78.0.2"]);
    let children = ["pc1", "pc2", "pc3"];
    let mut devices =
        "  - {id: rt, name: R, class: router, site: vp, address: 10.78.0.2, credentials: []}\n".to_owned();
    for (i, id) in (1..).zip(children) {
        let address = format!("10.78.50.{i}");
        far.ip(&["addr", "add", &format!("{address}/32"), "dev", "lo"]);
        let device = format!(
            "  - {{id: {id}, name: {id}, class: server, site: vp, address: {address}, parents: [rt], credentials: []}}\n"
        );
        devices += &device;
    }
    let watch = Watch::start(&monitor, ", self_check: []", &devices);
    for id in children {
        watch.wait(id, "up");
    }
    far.ip(&["link", "set", "f0", "down"]);
    watch.wait("rt", "down");
    for id in children {
        watch.wait(id, "unreachable");
    }
    // The line comes back before two of the three have booted.
    dead(&far, "ip daddr { 10.78.50.1, 10.78.50.2 }");
    far.ip(&["link", "set", "f0", "up"]);
    watch.wait("rt", "up");
    watch.wait("pc3", "up");
    for id in ["pc1", "pc2"] {
        watch.wait(id, "down");
    }
    let back_at = watch.entered("rt", "up").last().unwrap().0;
    for id in ["pc1", "pc2"] {
        let down = watch.entered(id, "down");
        let [(at, known_at)] = down[..] else {
            panic!("{id} went down {down:?}")
        };
        assert!(at >= back_at, "{id}: its own outage begins with a fresh look");
        // Three fresh failures, a second apart.
        assert!(
            known_at - at >= 1_900_000,
            "{id}: judged {} µs after its first fresh failure",
            known_at - at
        );
        let told_at = watch.count(&format!(
            "SELECT min(o.created_at) FROM outbox o JOIN incident i ON i.id = o.incident
             JOIN target t ON t.id = i.target WHERE t.slug = '{id}' AND o.kind = 'outage_opened'"
        ));
        assert!(told_at >= known_at, "{id} was told of before it was judged");
    }
    assert_eq!(watch.entered("pc3", "down"), [], "it had booted in time");
    mend(&far);
    for id in children {
        watch.wait(id, "up");
    }
}

// trap 20
#[test]
fn the_monitor_cut_off_from_everything_is_blind_and_nothing_is_broken() {
    let (Some(monitor), Some(gateway), Some(beside)) = (router(), router(), router()) else {
        return;
    };
    if support::peer("curl").is_none() || support::peer("nft").is_none() {
        return;
    }
    monitor.join(("m0", "10.78.1.1/24"), &gateway, ("g0", "10.78.1.2/24"));
    // A second network card: what lies there is in sight whatever the uplink does.
    monitor.join(("m1", "10.79.1.1/24"), &beside, ("b0", "10.79.1.2/24"));
    gateway.ip(&["addr", "add", "10.78.1.3/24", "dev", "g0"]);
    gateway.ip(&["addr", "add", "10.78.60.1/32", "dev", "lo"]);
    monitor.ip(&["route", "add", "default", "via", "10.78.1.2"]);
    let watch = Watch::start(
        &monitor,
        "",
        "  - {id: gw, name: G, class: router, site: vp, address: 10.78.1.2, credentials: []}
  - {id: near, name: N, class: server, site: vp, address: 10.78.1.3, credentials: []}
  - {id: far, name: F, class: server, site: vp, address: 10.78.60.1, parents: [gw], credentials: []}
  - {id: side, name: S, class: server, site: vp, address: 10.79.1.2, credentials: []}
  - {id: self, name: M, class: server, site: vp, address: 10.78.1.1, credentials: []}
",
    );
    let all = ["gw", "near", "far"];
    let blind = || {
        for id in all {
            watch.wait(id, "unknown");
        }
        assert!(watch.get("/api/v1/status")["blind_since"].is_string());
        for id in ["side", "self"] {
            assert_eq!(watch.target(id).unwrap()["state"], "up", "{id}");
        }
    };
    let sees = || {
        for id in all.iter().chain(&["side", "self"]) {
            watch.wait(id, "up");
        }
        wait_for("the end of the blindness", PATIENCE, || {
            watch.get("/api/v1/status")["blind_since"].is_null().then_some(())
        });
    };
    let told = |kind: &str| watch.count(&format!("SELECT count(*) FROM outbox WHERE kind = '{kind}'"));
    sees();
    // The line is pulled.
    gateway.ip(&["link", "set", "g0", "down"]);
    blind();
    gateway.ip(&["link", "set", "g0", "up"]);
    sees();
    // The line holds and carries nothing.
    dead(&gateway, "iifname \"g0\"");
    blind();
    mend(&gateway);
    sees();
    assert_eq!(watch.count("SELECT count(*) FROM incident"), 0, "no outage");
    assert_eq!(
        watch.count("SELECT count(*) FROM event WHERE kind = 'blind_started'"),
        2,
        "one for each time"
    );
    assert_eq!((told("blind_started"), told("blind_ended")), (2, 2));
    assert_eq!(told("outage_opened"), 0);
    let incidents = watch.get("/api/v1/incidents");
    let targets: Vec<&str> = incidents
        .as_array()
        .unwrap()
        .iter()
        .map(|incident| incident["target"].as_str().unwrap())
        .collect();
    assert_eq!(targets, ["monitor", "monitor"], "{incidents:#}");

    // A neighbour still answers: then it is the gateway that is broken.
    dead(&gateway, "iifname \"g0\" ip daddr != 10.78.1.3");
    watch.wait("gw", "down");
    let behind = watch.wait("far", "unreachable");
    assert_eq!(behind["root"], "device/gw");
    assert_eq!(watch.target("near").unwrap()["state"], "up");
    assert!(watch.get("/api/v1/status")["blind_since"].is_null());
    assert_eq!(told("blind_started"), 2);
}

/// A router's agent tells whose packets it forwards: a computer that answers
/// nothing is there all the same, and a machine that must not be there is told of.
#[test]
fn a_router_s_arp_table_shows_computers_and_machines_that_must_not_be_there() {
    let (Some(monitor), Some(far)) = (router(), router()) else {
        return;
    };
    let Some(snmpd) = support::peer("snmpd") else {
        return;
    };
    if support::peer("curl").is_none() {
        return;
    }
    monitor.join(("m0", "10.78.0.1/24"), &far, ("f0", "10.78.0.2/24"));
    monitor.ip(&["route", "add", "10.78.70.0/24", "via", "10.78.0.2"]);
    far.ip(&["link", "add", "lan0", "type", "veth", "peer", "name", "lan1"]);
    far.ip(&["addr", "add", "10.78.70.1/24", "dev", "lan0"]);
    for line in ["lan0", "lan1"] {
        far.ip(&["link", "set", line, "up"]);
    }
    for (address, mac) in [
        ("10.78.70.9", "02:00:00:00:70:09"),
        ("10.78.70.8", "02:00:00:00:70:08"),
    ] {
        far.ip(&[
            "neigh",
            "add",
            address,
            "lladdr",
            mac,
            "dev",
            "lan0",
            "nud",
            "permanent",
        ]);
    }
    let folder = tempfile::tempdir().unwrap();
    let agent = write(
        folder.path(),
        "snmpd.conf",
        "rocommunity thu\nagentaddress udp:10.78.0.2:16161\n",
    );
    let mut command = far.command(snmpd.to_str().unwrap());
    command
        .args(["-f", "-Lo", "-C", "-c", &agent, "-p"])
        .arg(folder.path().join("snmpd.pid"));
    let _agent = Running::start(command);
    let watch = Watch::start(
        &monitor,
        ", self_check: []",
        "  - {id: rt, name: R, class: router, site: vp, address: 10.78.0.2, credentials: [c]}
  - {id: pc, name: P, class: computer, site: vp, address: 10.78.70.9, mac: '02:00:00:00:70:09'}
  - {id: off, name: O, class: computer, site: vp, address: 10.78.70.7, mac: '02:00:00:00:70:07'}
  - {id: mat, name: M, class: computer, site: vp, monitor: never, mac: '02:00:00:00:70:08', exempt: {reason: secrecy, decision: '1'}}
credentials: {c: {community: thu}}
snmp: {port: 16161, interval: 2s, credentials: [c], timeout: 500ms, retries: 1}
",
    );
    watch.wait("rt", "up");
    watch.wait("pc", "up");
    watch.wait("off", "down");
    wait_for(
        "the alert of the machine that must not be there",
        PATIENCE,
        || {
            let told = watch.count("SELECT count(*) FROM outbox WHERE kind = 'forbidden_seen'");
            (told == 1).then_some(())
        },
    );
    let seen = watch.count(
        "SELECT count(*) FROM event e JOIN target t ON t.id = e.target
         WHERE e.kind = 'forbidden_seen' AND t.slug = 'mat' AND e.body ->> '$.seen_by' = 'rt'",
    );
    assert_eq!(seen, 1);
    assert!(watch.target("mat").is_none(), "it is shown to nobody");
}
