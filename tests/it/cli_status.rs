//! `tramgac status`: from a daemon's socket, from the record, and from nowhere.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tokio::net::UnixListener;
use tramgac::clock::SystemClock;
use tramgac::model::{Event, EventKind, IncidentId, Reason, State, TargetId};
use tramgac::monitor::incident::Incident;
use tramgac::monitor::state::TargetState;
use tramgac::store::{Batch, Options, SavedState, Store};

use crate::support::program::{run, stderr, stdout, tramgac};
use crate::support::site::Web;
use crate::support::wall::{NOW, Wall};

fn config(folder: &Path) -> PathBuf {
    let path = folder.join("tramgac.yaml");
    let text = format!(
        "organization: {{name: UBND xã Thanh Sơn}}\nlanguage: vi\ntimezone: Asia/Ho_Chi_Minh\ndatabase: {}\n",
        folder.join("tramgac.db").display()
    );
    std::fs::write(&path, text).unwrap();
    path
}

/// A daemon's socket beside the database, over a snapshot of ours.
fn daemon(folder: &Path, wall: &Wall) -> Web {
    let web = Web::of(wall.snapshot());
    let listener = web.enter(|| UnixListener::bind(folder.join("control.sock")).unwrap());
    web.spawn(tramgac::web::serve_unix(
        listener,
        web.state.clone(),
        std::future::pending(),
    ));
    web
}

#[test]
fn what_is_wrong_is_told_once_each_in_both_languages_without_colours_in_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let path = config(folder.path());
    let web = daemon(folder.path(), &Wall::seed().with_trouble());
    let c = path.to_str().unwrap();
    let vi = run(&["status", "-c", c]);
    let text = stdout(&vi);
    assert_eq!(vi.status.code(), Some(1), "{}", stderr(&vi));
    assert!(text.contains("3 sự cố đang diễn ra"), "{text}");
    assert!(text.contains("Kênh Trụ sở Khả Cửu") && text.contains("Kéo theo 8 mục không tới được"));
    assert!(!text.contains("Router Trụ sở Khả Cửu") && !text.contains('\u{1b}'));
    assert_eq!(stderr(&vi), "");
    let en = run(&["status", "-c", c, "--lang", "en"]);
    assert!(stdout(&en).contains("3 outages now"));
    let json = run(&["status", "-c", c, "--format", "json"]);
    let status: Value = serde_json::from_str(&stdout(&json)).unwrap();
    assert_eq!(status["outages"][0]["target"]["key"], "link/kenh-tan-lap");
    drop(web);
}

/// A device that pings but refuses our credential is no outage; it is told, with its reason, or nobody would mend it.
#[test]
fn what_can_t_be_read_over_snmp_is_named_with_its_reason_and_is_no_outage() {
    let folder = tempfile::tempdir().unwrap();
    let path = config(folder.path());
    let mut wall = Wall::seed();
    wall.refuses_snmp("device/rt-giap-lai");
    let _web = daemon(folder.path(), &wall);
    let c = path.to_str().unwrap();
    let vi = run(&["status", "-c", c]);
    let text = stdout(&vi);
    assert_eq!(vi.status.code(), Some(0), "{text}");
    assert!(
        text.contains("Không đọc được qua SNMP\n  Router Trụ sở Giáp Lai"),
        "{text}"
    );
    assert!(text.contains("xác thực"), "{text}");
    let en = stdout(&run(&["status", "-c", c, "--lang", "en"]));
    assert!(
        en.contains("Not readable over SNMP") && en.contains("credentials refused"),
        "{en}"
    );
    let json = run(&["status", "-c", c, "--format", "json"]);
    let status: Value = serde_json::from_str(&stdout(&json)).unwrap();
    assert_eq!(status["unread"][0]["key"], "device/rt-giap-lai");
}

#[test]
fn a_calm_district_is_fine_and_a_monitor_that_is_cut_off_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = config(folder.path());
    let web = daemon(folder.path(), &Wall::seed());
    let c = path.to_str().unwrap();
    let calm = run(&["status", "-c", c]);
    assert_eq!(calm.status.code(), Some(0), "{}", stderr(&calm));
    assert!(stdout(&calm).contains("Không có mục nào mất kết nối"));
    let mut blind = Wall::seed();
    blind.blind();
    web.state.snapshot.store(Arc::new(blind.snapshot()));
    let blind = run(&["status", "-c", c, "--lang", "en"]);
    assert_eq!(blind.status.code(), Some(1));
    assert!(stdout(&blind).contains("The monitor has been cut off"));
}

/// What a daemon would have saved of a target.
fn saved(target: TargetId, state: State, incident: Option<Incident>) -> SavedState {
    let mut now = TargetState::new(NOW);
    now.state = state;
    now.reason = (state == State::Down).then_some(Reason::Timeout);
    now.maintenance = state == State::Down;
    now.incident = incident.as_ref().map(|i| i.id);
    let body = tramgac::monitor::table::SavedState {
        state: now.clone(),
        incident,
        findings: Vec::new(),
    };
    SavedState {
        target,
        state,
        since: NOW,
        reason: now.reason,
        body: serde_json::to_vec(&body).unwrap(),
    }
}

fn outage_of(target: TargetId) -> Incident {
    Incident {
        id: IncidentId(1),
        target,
        root: None,
        started_at: NOW,
        ended_at: None,
        reason: Reason::Timeout,
        acknowledgement: None,
        class: None,
        classified: None,
    }
}

#[test]
fn without_a_daemon_the_record_speaks_and_never_says_that_all_is_well() {
    let folder = tempfile::tempdir().unwrap();
    let path = config(folder.path());
    let c = path.to_str().unwrap();
    let nothing = run(&["status", "-c", c]);
    assert_eq!(nothing.status.code(), Some(3));
    assert!(
        stderr(&nothing).contains("no daemon runs"),
        "{}",
        stderr(&nothing)
    );

    let wall = Wall::seed();
    let database = folder.path().join("tramgac.db");
    let store = Store::open(&database, &Options::default(), SystemClock::shared())
        .unwrap()
        .store;
    let index = store.sync_inventory(&wall.inventory, NOW).unwrap().index;
    let link = index
        .iter()
        .find(|(key, _)| key.to_string() == "link/kenh-kha-cuu")
        .map(|(_, id)| *id)
        .unwrap();
    let up = index.values().map(|id| saved(*id, State::Up, None)).collect();
    let batch = Batch {
        states: up,
        alive_at: Some(NOW),
        ..Batch::default()
    };
    store.writer().send(batch).unwrap();
    store.close();
    let calm = run(&["status", "-c", c]);
    assert_eq!(calm.status.code(), Some(3), "{}", stderr(&calm));
    assert!(stderr(&calm).contains("Trạm gác không chạy") && stderr(&calm).contains("24/11/2026 09:30:00"));

    let store = Store::open(&database, &Options::default(), SystemClock::shared())
        .unwrap()
        .store;
    let event = |target, kind| Event {
        at: NOW,
        recorded_at: NOW,
        target,
        kind,
    };
    let batch = Batch {
        events: vec![
            event(
                Some(link),
                EventKind::OutageOpened {
                    incident: IncidentId(1),
                    root: None,
                    reason: Reason::Timeout,
                },
            ),
            event(None, EventKind::BlindStarted),
        ],
        states: vec![saved(link, State::Down, Some(outage_of(link)))],
        ..Batch::default()
    };
    store.writer().send(batch).unwrap();
    store.close();
    let down = run(&["status", "-c", c, "--lang", "en"]);
    assert_eq!(down.status.code(), Some(1));
    assert!(stdout(&down).contains("1 outage now") && stdout(&down).contains("Kênh Trụ sở Khả Cửu"));
    // What lay over it then is told as well.
    assert!(stdout(&down).contains("maintenance"), "{}", stdout(&down));
    assert!(
        stdout(&down).contains("The monitor has been cut off"),
        "{}",
        stdout(&down)
    );
    // What was told before, without a daemon to ask, leaves nothing behind.
    assert!(!folder.path().join("control.sock").exists());
}

#[test]
fn a_daemon_that_does_not_let_us_in_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = config(folder.path());
    // A file of another kind where the socket should be.
    std::fs::write(folder.path().join("control.sock"), "").unwrap();
    let output = tramgac(&["status", "-c", path.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(!stderr(&output).is_empty());
}
