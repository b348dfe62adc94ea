//! `tramgac backup`, `restore` and `export`, as their users run them.

use std::path::Path;

use tempfile::TempDir;
use tramgac::clock::{Clock, SystemClock};
use tramgac::model::{Span, TargetKey};
use tramgac::store::{Batch, Sample, SeriesKey, Store};

use crate::store_record::{commit, inventory, open, opened_event, t};
use crate::support::program::{run, stderr, stdout};

/// A record with one outage and two samples of a device.
pub(crate) fn record(path: &Path) -> Store {
    let store = open(path).store;
    let synced = store.sync_inventory(&inventory(&["pc-1"]), t(0)).unwrap();
    let key: TargetKey = tramgac::model::DeviceId("pc-1".parse().unwrap()).into();
    let pc = synced.index[&key];
    let sample = |seconds, value| Sample {
        series: SeriesKey {
            target: pc,
            metric: "rtt_seconds".into(),
            instance: "".into(),
        },
        at: t(seconds),
        value,
    };
    commit(
        store.writer(),
        Batch {
            events: vec![opened_event(pc, 1, t(60))],
            samples: vec![sample(0, 0.0125), sample(60, 0.25)],
            ..Batch::default()
        },
    );
    store
}

#[test]
fn events_and_history_come_as_csv_and_json() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("tramgac.db");
    let store = record(&path);
    let file = path.to_string_lossy();
    let export = |more: &[&str]| {
        let mut arguments = vec!["export", more[0], "--database", &*file];
        arguments.extend(&more[1..]);
        let output = run(&arguments);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        stdout(&output)
    };
    let csv = export(&["events", "--kind", "outage_opened"]);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "sequence,at,recorded_at,target,kind,detail");
    assert_eq!(
        lines[1],
        "2,2026-09-21T14:14:20Z,2026-09-21T14:14:20Z,device/pc-1,outage_opened,\
         \"{\"\"incident\"\":1,\"\"root\"\":null,\"\"reason\"\":\"\"timeout\"\"}\""
    );
    let jsonl = export(&["events", "--format", "jsonl"]);
    assert_eq!(jsonl.lines().count(), 2);
    let json: serde_json::Value = serde_json::from_str(&export(&["events", "--format", "json"])).unwrap();
    assert_eq!(json[1]["detail"]["reason"], "timeout");
    let none: serde_json::Value =
        serde_json::from_str(&export(&["events", "--format", "json", "--to", "2020-01-01"])).unwrap();
    assert_eq!(none, serde_json::json!([]));

    let history = export(&["history", "--target", "device/pc-1", "--to", "2100-01-01"]);
    assert_eq!(
        history,
        "target,metric,instance,at,seconds,count,min,mean,max\n\
         device/pc-1,rtt_seconds,,2026-09-21T14:13:20Z,0,1,0.0125,0.0125,0.0125\n\
         device/pc-1,rtt_seconds,,2026-09-21T14:14:20Z,0,1,0.25,0.25,0.25\n"
    );
    let hours = export(&[
        "history",
        "--level",
        "1h",
        "--to",
        "2100-01-01",
        "--format",
        "jsonl",
    ]);
    let hour: serde_json::Value = serde_json::from_str(hours.trim()).unwrap();
    assert_eq!((&hour["count"], &hour["seconds"]), (&2.into(), &3600.into()));
    store.close();
}

#[test]
fn what_can_not_be_done_is_said_in_one_line_with_its_exit_code() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("tramgac.db");
    let file = path.to_string_lossy();
    let output = run(&["export", "events", "--database", &file]);
    assert_eq!(output.status.code(), Some(3));
    assert!(
        stderr(&output).contains("there is no database at"),
        "{}",
        stderr(&output)
    );
    record(&path).close();
    let output = run(&["export", "events", "--database", &file, "--from", "tomorrow"]);
    assert_eq!(output.status.code(), Some(2));
    let output = run(&["export", "events", "--database", &file, "--target", "device/none"]);
    assert_eq!(output.status.code(), Some(2));
    let text = folder.path().join("text.db");
    std::fs::write(&text, "x".repeat(200)).unwrap();
    for command in ["backup", "restore"] {
        let mut arguments = vec![command, "--database", "text.db"];
        if command == "restore" {
            arguments = vec![command, "text.db", "--database", &file];
        }
        let output = crate::support::program::tramgac(&arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(3), "{command}");
        assert!(
            stderr(&output).contains("is not a tramgac database"),
            "{}",
            stderr(&output)
        );
    }
    assert_eq!(std::fs::read_to_string(&text).unwrap().len(), 200);
}

#[test]
fn a_backup_is_made_beside_the_writer_and_put_back_when_it_has_gone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("tramgac.db");
    let file = path.to_string_lossy();
    let store = record(&path);
    let output = run(&["backup", "--database", &file, "--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let made: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(made["rows"]["incident"], 1);
    let copy = made["path"].as_str().unwrap().to_owned();
    assert!(Path::new(&copy).starts_with(folder.path().join("backup")));

    let refused = run(&["restore", &copy, "--database", &file]);
    assert_eq!(refused.status.code(), Some(3));
    assert!(
        stderr(&refused).contains("is in use by process"),
        "{}",
        stderr(&refused)
    );
    store.close();
    let restored = run(&["restore", &copy, "--database", &file]);
    assert_eq!(restored.status.code(), Some(0), "{}", stderr(&restored));
    assert!(stdout(&restored).contains("the replaced database is kept as"));
    let store = open(&path).store;
    assert_eq!(
        store
            .readers()
            .with(tramgac::store::Reader::inventory)
            .unwrap()
            .index
            .len(),
        1
    );
}

#[test]
fn a_backup_beside_full_writing_is_whole() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("tramgac.db");
    let store = record(&path);
    let file = path.to_string_lossy().into_owned();
    let writer = store.writer().clone();
    let clock = SystemClock::new();
    let began = clock.mono();
    let copying = std::thread::spawn(move || run(&["backup", "--database", &file]));
    let mut events = 0;
    while !copying.is_finished() && clock.mono().since(began) < Span::from_secs(20) {
        commit(
            &writer,
            Batch {
                settings: vec![(format!("noise{}", events % 50), vec![7; 20_000])],
                alive_at: Some(t(events)),
                ..Batch::default()
            },
        );
        events += 1;
    }
    let output = copying.join().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}
