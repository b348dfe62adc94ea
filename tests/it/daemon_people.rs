//! What people change by command: over the control socket, kept through a kill.

use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use rusqlite::Connection;
use serde_json::Value;

use crate::support;
use crate::support::program::Running;
use crate::support::program::run;
use crate::support::program::stderr;
use crate::support::program::stdout;
use crate::support::program::tramgac;
use crate::support::program::write;
use crate::support::wait_for;

const PATIENCE: Duration = Duration::from_secs(30);

/// A daemon that watches a service on a port where nobody listens.
struct World {
    dir: tempfile::TempDir,
    config: String,
    port: u16,
    daemon: Running,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (port, closed) = (support::free_tcp_port(), support::free_tcp_port());
        let config = config(dir.path(), port, closed, "");
        let daemon = start(&config);
        Self {
            dir,
            config,
            port,
            daemon,
        }
    }

    fn kill_and_start_again(&mut self) {
        self.daemon.signal(Signal::SIGKILL);
        self.daemon.wait(PATIENCE);
        self.daemon = start(&self.config);
    }

    /// Runs a command of the binary; its output must be fine.
    fn did(&self, arguments: &[&str]) -> String {
        let output = run(&[arguments, &["-c", &self.config]].concat());
        assert_eq!(
            output.status.code(),
            Some(0),
            "{arguments:?}: {}",
            stderr(&output)
        );
        stdout(&output)
    }

    fn refused(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = run(&[arguments, &["-c", &self.config]].concat());
        (output.status.code(), stderr(&output))
    }

    fn database(&self) -> std::path::PathBuf {
        self.dir.path().join("t.db")
    }

    fn get(&self, path: &str) -> Value {
        let body = self.ask("GET", path).1;
        serde_json::from_str(&body).unwrap_or(Value::Null)
    }

    fn ask(&self, method: &str, path: &str) -> (u16, String) {
        support::http(self.port, method, path)
    }

    fn incident(&self) -> Option<Value> {
        let list = self.get("/api/v1/incidents?open=true");
        list.as_array()?.first().cloned()
    }

    fn is_in_maintenance(&self) -> Option<bool> {
        let list = self.get("/api/v1/targets?kind=service");
        list.as_array()?.first()?["maintenance"].as_bool()
    }
}

fn config(dir: &Path, port: u16, closed: u16, more: &str) -> String {
    let text = format!(
        "database: {}\nweb: {{listen: '127.0.0.1:{port}'}}\n\
         polling: {{service_interval: 1s, retry_interval: 1s, self_check: []}}\n\
         sites: [{{id: vp, name: Văn phòng, kind: office}}]\n\
         services:\n  - {{id: vb, name: Văn bản, site: vp, check: {{kind: tcp, host: 127.0.0.1, port: {closed}}}}}\n{more}",
        dir.join("t.db").display()
    );
    write(dir, "config.yaml", &text)
}

fn start(config: &str) -> Running {
    let mut daemon = Running::start(tramgac(&["run", "-c", config]));
    daemon.wait_for_output("ready", PATIENCE);
    daemon
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one story, from the first order to the last restart"
)]
fn what_people_set_is_told_alike_and_survives_a_kill_and_a_reload() {
    if !support::is_root() {
        return;
    }
    let mut world = World::new();
    let incident = wait_for("the outage", PATIENCE, || world.incident());
    let id = incident["id"].to_string();
    assert_eq!(incident["acknowledged_by"], Value::Null);

    world.did(&[
        "ack",
        &id,
        "--author",
        "lan",
        "--comment",
        "đã gọi nhà mạng",
        "--for",
        "2h",
    ]);
    wait_for("the acknowledgement", PATIENCE, || {
        let seen = world.incident()?;
        (seen["acknowledged_by"] == "lan" && seen["comment"] == "đã gọi nhà mạng").then_some(())
    });
    let added = world.did(&[
        "maintenance",
        "add",
        "--service",
        "vb",
        "--for",
        "2h",
        "--reason",
        "thay máy chủ",
        "--author",
        "lan",
    ]);
    assert!(added.starts_with("maintenance m1 of 1 target(s)"), "{added}");
    world.did(&[
        "reclassify",
        &id,
        "--as",
        "power",
        "--author",
        "lan",
        "--comment",
        "mất điện",
    ]);
    wait_for("the window", PATIENCE, || {
        world.is_in_maintenance()?.then_some(())
    });

    let status = stdout(&run(&["status", "--lang", "en", "-c", &world.config]));
    assert!(
        status.contains(&format!("#{id}")) && status.contains("acknowledged, maintenance"),
        "{status}"
    );

    world.kill_and_start_again();
    assert_eq!(world.is_in_maintenance(), Some(true));
    assert_eq!(world.incident().unwrap()["acknowledged_by"], "lan");
    let row: (String, String) = Connection::open(world.dir.path().join("t.db"))
        .unwrap()
        .query_row(
            "SELECT class, ack_author FROM incident WHERE id = ?1",
            [&id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    assert_eq!(row, ("power".to_owned(), "lan".to_owned()));
    assert_eq!(world.ask("POST", "/-/reload").0, 200);
    assert_eq!(world.is_in_maintenance(), Some(true));
    let list = world.did(&["maintenance", "list"]);
    assert!(
        list.contains("m1") && list.contains("open") && list.contains("thay máy chủ"),
        "{list}"
    );

    world.did(&["maintenance", "end", "m1", "--author", "hoa"]);
    wait_for("the end of the window", PATIENCE, || {
        (!world.is_in_maintenance()?).then_some(())
    });
    world.did(&["ack", &id, "--undo", "--author", "hoa"]);
    wait_for("the end of the acknowledgement", PATIENCE, || {
        world.incident()?["acknowledged_by"].is_null().then_some(())
    });
    world.kill_and_start_again();
    assert_eq!(world.is_in_maintenance(), Some(false));
    assert_eq!(world.incident().unwrap()["acknowledged_by"], Value::Null);
    assert!(world.did(&["maintenance", "list"]).starts_with("no maintenance"));
    assert!(world.did(&["maintenance", "list", "--all"]).contains("ended"));
    let ended = world.get("/api/v1/maintenance");
    assert_eq!(ended[0]["ended_by"], "hoa", "{ended}");
    assert_eq!(
        authors(&world.database(), "acknowledgement_ended"),
        [Some("hoa".to_owned())]
    );
    let classes = world.get("/api/v1/incidents?open=true");
    assert_eq!(classes[0]["class"], "power", "{classes}");
    let page = world.ask("GET", "/incidents?lang=en").1;
    assert!(page.contains("Power cut"), "{page}");
    let report = world.did(&["report", "outages", "--format", "json"]);
    let rows: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(rows[0]["class"], "power", "{rows}");
}

/// The authors in the events of a kind, in the order of the record.
fn authors(database: &Path, kind: &str) -> Vec<Option<String>> {
    let record = Connection::open(database).unwrap();
    let mut statement = record
        .prepare("SELECT body ->> '$.author' FROM event WHERE kind = ?1 ORDER BY sequence")
        .unwrap();
    let rows = statement.query_map([kind], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

// trap 21
#[test]
fn what_is_silenced_is_not_told_of_until_the_silence_ends() {
    if !support::is_root() {
        return;
    }
    let mut world = World::new();
    let id = wait_for("the outage", PATIENCE, || world.incident())["id"].to_string();
    let is_silenced = |world: &World| {
        let list = world.get("/api/v1/targets?kind=service");
        list.as_array()?.first()?["silenced"].as_bool()
    };
    let by = ["--reason", "đã đặt máy mới", "--author", "lan"];
    let added = world.did(&[&["silence", "add", "--service", "vb", "--for", "2d"][..], &by].concat());
    assert!(added.starts_with("silence s1 of 1 target(s)"), "{added}");
    wait_for("the silence", PATIENCE, || is_silenced(&world)?.then_some(()));
    world.kill_and_start_again();
    assert_eq!(is_silenced(&world), Some(true));
    assert_eq!(world.is_in_maintenance(), Some(false));
    let status = stdout(&run(&["status", "--lang", "en", "-c", &world.config]));
    assert!(
        status.contains(&format!("#{id}")) && status.contains("silenced"),
        "{status}"
    );
    assert!(world.did(&["silence", "list"]).contains("đã đặt máy mới"));
    assert!(world.did(&["maintenance", "list"]).starts_with("no maintenance"));
    let (code, why) = world.refused(&["maintenance", "end", "s1", "--author", "lan"]);
    assert!(code == Some(1) && why.contains("\"s1\""), "{why}");
    world.did(&["silence", "end", "s1", "--author", "hoa"]);
    wait_for("the end of the silence", PATIENCE, || {
        (!is_silenced(&world)?).then_some(())
    });
    assert_eq!(
        authors(&world.database(), "silence_ended"),
        [Some("hoa".to_owned())]
    );
}

/// Without a daemon the command takes the record's lock and does it itself; a
/// daemon that starts meanwhile is refused by the lock.
#[test]
fn without_a_daemon_the_command_writes_the_record_itself() {
    if !support::is_root() {
        return;
    }
    let mut world = World::new();
    let id = wait_for("the outage", PATIENCE, || world.incident())["id"].to_string();
    world.daemon.signal(Signal::SIGTERM);
    world.daemon.wait(PATIENCE);
    let by = ["--author", "lan", "--comment", "mất điện cả xã"];
    world.did(&[&["ack", &id][..], &by].concat());
    world.did(&[&["reclassify", &id, "--as", "power"][..], &by].concat());
    let to = ["--for", "2h", "--reason", "thay ắc quy", "--author", "lan"];
    world.did(&[&["maintenance", "add", "--site", "vp"][..], &to].concat());
    world.did(&[&["silence", "add", "--service", "vb"][..], &to].concat());
    assert!(world.did(&["maintenance", "list"]).contains("thay ắc quy"));
    for (arguments, says) in [
        (&["ack", "999", "--author", "a", "--comment", "x"][..], "not open"),
        (&["silence", "end", "s9", "--author", "a"][..], "\"s9\""),
    ] {
        let (code, why) = world.refused(arguments);
        assert!(code == Some(1) && why.contains(says), "{why}");
    }
    // Nobody looked meanwhile: no state has moved, no window has opened.
    let opened: i64 = Connection::open(world.database())
        .unwrap()
        .query_row(
            "SELECT count(*) FROM event WHERE kind IN ('maintenance_started', 'silence_started')",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(opened, 0);

    world.daemon = start(&world.config);
    wait_for("the window", PATIENCE, || {
        world.is_in_maintenance()?.then_some(())
    });
    let seen = world.incident().unwrap();
    assert_eq!(
        (&seen["id"].to_string(), &seen["acknowledged_by"], &seen["class"]),
        (&id, &"lan".into(), &"power".into())
    );
    // Now the lock is the daemon's: its socket gone, the command is refused.
    std::fs::remove_file(world.dir.path().join("control.sock")).unwrap();
    let (code, why) = world.refused(&[&["ack", &id][..], &by].concat());
    assert!(code == Some(3) && why.contains("process"), "{code:?} {why}");
}

fn planned_work_is_left_out_of_availability(world: &World) {
    let figures = || {
        let text = world.did(&["report", "availability", "--format", "json"]);
        let rows: Value = serde_json::from_str(&text).unwrap();
        let row = &rows.as_array().unwrap()[0];
        (row["down_seconds"].clone(), row["availability_ratio"].clone())
    };
    let id = wait_for("the outage", PATIENCE, || world.incident())["id"].to_string();
    let (down, ratio) = wait_for("a row of the report", PATIENCE, || {
        let seen = figures();
        seen.0.as_f64().is_some_and(|s| s > 0.0).then_some(seen)
    });
    assert_eq!(ratio.as_f64(), Some(0.0), "{down}");
    let by = ["--author", "lan", "--comment", "đổi máy chủ, quên báo trước"];
    world.did(&[&["reclassify", &id, "--as", "planned"][..], &by].concat());
    let (down, ratio) = figures();
    assert!(
        !down.as_f64().is_some_and(|s| s > 0.0) && ratio.is_null(),
        "{down} {ratio}"
    );
    world.did(&[&["reclassify", &id, "--as", "power"][..], &by].concat());
    assert_eq!(figures().1.as_f64(), Some(0.0));
}

#[test]
fn what_can_t_be_done_says_why_and_the_network_may_change_nothing() {
    if !support::is_root() {
        return;
    }
    let mut world = World::new();
    planned_work_is_left_out_of_availability(&world);
    let by = ["--author", "lan", "--comment", "x"];
    let (code, why) = world.refused(&[&["ack", "999"][..], &by].concat());
    assert!(
        code == Some(1) && why.contains("incident 999 is not open"),
        "{why}"
    );
    let (code, why) = world.refused(&[&["reclassify", "999", "--as", "other"][..], &by].concat());
    assert!(code == Some(1) && why.contains("no incident 999"), "{why}");
    let (code, why) = world.refused(&["maintenance", "end", "m7", "--author", "a"]);
    assert!(code == Some(1) && why.contains("\"m7\""), "{why}");
    let add = [
        "maintenance",
        "add",
        "--for",
        "1h",
        "--reason",
        "x",
        "--author",
        "lan",
    ];
    let (code, why) = world.refused(&[&add[..], &["--device", "vb"]].concat());
    assert!(
        code == Some(1) && why.contains("there is no device \"vb\""),
        "{why}"
    );
    let (code, why) = world.refused(&[&add[..], &["--site", "vp", "--class", "router"]].concat());
    assert!(
        code == Some(1) && why.contains("nothing in the inventory"),
        "{why}"
    );
    for (method, path) in [
        ("POST", "/api/v1/incidents/1/acknowledgement"),
        ("POST", "/api/v1/maintenance"),
        ("DELETE", "/api/v1/maintenance/m1"),
        ("POST", "/api/v1/silences"),
    ] {
        assert_eq!(world.ask(method, path).0, 403, "{method} {path}");
    }
    world.daemon.signal(Signal::SIGTERM);
    world.daemon.wait(PATIENCE);
    let named = ["ack", "1", "--socket", "/nonexistent/control.sock"];
    let (code, why) = world.refused(&[&named[..], &by].concat());
    assert!(code == Some(3) && why.contains("no daemon runs"), "{why}");
}
