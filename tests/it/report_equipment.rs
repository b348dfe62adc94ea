//! `tramgac report`: every dataset in every format and both languages, and by
//! the real program with and without a database.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::civil::date;
use jiff::tz::TimeZone;
use serde_json::Value;
use tramgac::i18n::{Lang, Locale};
use tramgac::indicator::definition::{Count, Definition, Good, GroupBy};
use tramgac::inventory::{Class, Condition, Lifecycle, Mac, UnitKind};
use tramgac::model::{
    DeviceId, Event, EventKind, IncidentId, Ratio, Reason, Selector, SiteId, Span, State, TargetId,
    TargetKind, Timestamp,
};
use tramgac::monitor::calendar::Calendar;
use tramgac::monitor::snapshot::BlindSpan;
use tramgac::report::dataset::indicators::Standing;
use tramgac::report::render::Options;
use tramgac::report::{DATASETS, RENDERERS, Source, dataset, renderer};
use tramgac::store::IncidentRow;

use crate::support::program::{run, stderr, stdout};
use crate::support::wall::{NOW, Wall, device};

/// The office and one school of the seed district.
fn source(lang: Lang) -> Source {
    let mut wall = Wall::seed();
    let keep: [SiteId; 2] = ["tru-so".parse().unwrap(), "thcs-so-3".parse().unwrap()];
    wall.inventory
        .devices
        .retain(|_, d| d.site.as_ref().is_some_and(|s| keep.contains(s)) && !d.name.starts_with("Máy tính"));
    wall.inventory.links.retain(|_, l| keep.contains(&l.site));
    let mut evil = device(
        "may-la",
        "=HYPERLINK(\"x\");\"<b>\nhai dòng",
        Class::Computer,
        Some("tru-so"),
    );
    evil.lifecycle = Lifecycle::InRepair;
    evil.condition = Some(Condition::Poor);
    evil.owner = Some("Nguyễn Thị Ánh".to_owned());
    evil.price_vnd = Some(9_999_000);
    evil.purchased_on = Some(date(2022, 2, 1));
    evil.warranty_end = Some(date(2025, 2, 1));
    evil.macs.push(Mac([0, 0x1b, 0x21, 0xab, 0xcd, 0xef]));
    wall.device(evil);
    let snapshot = wall.snapshot();
    let locale = Locale::new(lang, TimeZone::get("Asia/Ho_Chi_Minh").unwrap());
    let root = snapshot.index[&"kenh-thcs-so-3"
        .parse()
        .map(tramgac::model::LinkId)
        .unwrap()
        .into()];
    let behind = snapshot.index[&"rt-thcs-so-3".parse().map(DeviceId).unwrap().into()];
    let day = locale.day(NOW);
    Source {
        inventory: wall.inventory,
        area_kind: vec![UnitKind::Commune],
        facts: BTreeMap::from([(
            "rt-tru-so".parse().unwrap(),
            BTreeMap::from([
                ("serial".to_owned(), "HD1234".to_owned()),
                (
                    "model".to_owned(),
                    "not the one that people wrote down".to_owned(),
                ),
                ("firmware".to_owned(), "7.11".to_owned()),
            ]),
        )]),
        index: (*snapshot.index).clone(),
        blind: vec![BlindSpan {
            started_at: NOW.minus(Span::from_secs(7200)),
            ended_at: Some(NOW.minus(Span::from_secs(6600))),
        }],
        events: events(root, behind),
        changes: changes(root, behind),
        standing: Some(Standing {
            definitions: definitions(),
            snapshot: snapshot.clone(),
            calendars: BTreeMap::new(),
        }),
        office_hours: Calendar::office(locale.timezone.clone()),
        incidents: vec![
            incident(1, root, None, -40 * 86_400, Some(3600 - 24 * 86_400)),
            incident(2, behind, Some(root), 0, None),
            incident(3, root, None, -600, Some(-60)),
        ],
        day,
        period: (Timestamp::from_secs(NOW.as_secs() - 24 * 86_400), NOW),
        locale,
        site: None,
        include_hidden: false,
    }
}

/// Two things that changed.
fn changes(link: TargetId, router: TargetId) -> Vec<Event> {
    let event = |seconds: i64, target, kind| Event {
        at: Timestamp::from_secs(NOW.as_secs() + seconds),
        recorded_at: NOW,
        target: Some(target),
        kind,
    };
    let firmware = EventKind::FactChanged {
        key: "firmware".to_owned(),
        old: Some("7.10".to_owned()),
        new: Some("7.11".to_owned()),
    };
    vec![
        event(-86_400, router, firmware),
        event(-3600, link, EventKind::InventoryAdded),
        event(-60, router, EventKind::Rebooted),
    ]
}

/// Links that are there, by area; computers seen within a week, in all.
fn definitions() -> Vec<Definition> {
    let definition = |id: &str, name: &str, selector, good, group_by| Definition {
        id: id.parse().unwrap(),
        name: name.to_owned(),
        name_en: None,
        selector,
        good,
        count: Count::Members,
        exemptions: Vec::new(),
        group_by,
        goal: Some(Ratio::of(9, 10).unwrap()),
        note: None,
    };
    vec![
        definition(
            "kenh",
            "Đường truyền hoạt động",
            Selector::of_kind(TargetKind::Link),
            Good::Up,
            GroupBy::Area,
        ),
        definition(
            "may-tinh",
            "Máy tính kết nối trong 7 ngày",
            Selector {
                class: vec!["computer".to_owned()],
                ..Selector::of_kind(TargetKind::Device)
            },
            Good::SeenWithin(Span::from_hours(7 * 24)),
            GroupBy::Total,
        ),
        definition(
            "san-sang",
            "Đường truyền sẵn sàng từ 99 %",
            Selector::of_kind(TargetKind::Link),
            Good::Availability {
                over: Span::from_hours(7 * 24),
                at_least: Ratio::of(99, 100).unwrap(),
                calendar: None,
            },
            GroupBy::Site,
        ),
    ]
}

/// What the log says of the same outages; the daemon was off for one hour.
fn events(root: TargetId, behind: TargetId) -> Vec<Event> {
    let event = |seconds: i64, target, kind| Event {
        at: Timestamp::from_secs(NOW.as_secs() + seconds),
        recorded_at: NOW,
        target,
        kind,
    };
    let change = |from, to| EventKind::StateChanged {
        from,
        to,
        reason: None,
    };
    let day = 86_400;
    vec![
        event(-60 * day, None, EventKind::DaemonStarted { last_alive: None }),
        event(-60 * day, Some(root), change(State::Unknown, State::Up)),
        event(-60 * day, Some(behind), change(State::Unknown, State::Up)),
        event(-40 * day, Some(root), change(State::Up, State::Down)),
        event(3600 - 24 * day, Some(root), change(State::Down, State::Up)),
        event(-2 * day, None, EventKind::DaemonStopped),
        event(
            3600 - 2 * day,
            None,
            EventKind::DaemonStarted {
                last_alive: Some(Timestamp::from_secs(NOW.as_secs() - 2 * day)),
            },
        ),
        event(-600, Some(root), change(State::Up, State::Down)),
        event(-600, Some(behind), change(State::Up, State::Unreachable)),
        event(-60, Some(root), change(State::Down, State::Up)),
        event(-60, Some(behind), change(State::Unreachable, State::Up)),
    ]
}

fn incident(id: u64, target: TargetId, root: Option<TargetId>, from: i64, to: Option<i64>) -> IncidentRow {
    let at = |seconds: i64| Timestamp::from_secs(NOW.as_secs() + seconds);
    IncidentRow {
        id: IncidentId(id),
        target,
        root,
        started_at: at(from),
        ended_at: to.map(at),
        reason: Reason::Timeout,
        class: None,
        ack: None,
    }
}

fn options(lang: Lang, spreadsheet: bool) -> Options {
    Options {
        locale: Locale::new(lang, TimeZone::get("Asia/Ho_Chi_Minh").unwrap()),
        organization: "UBND xã Thanh Sơn".to_owned(),
        superior: Some("UBND tỉnh Phú Thọ".to_owned()),
        place: Some("Thanh Sơn".to_owned()),
        day: date(2026, 11, 24),
        spreadsheet,
        wide: true,
    }
}

/// Compares with the file of that name; `BLESS=1` writes it anew.
fn golden(name: &str, bytes: &[u8]) {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/data/golden", name]
        .iter()
        .collect();
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
    }
    let wanted = std::fs::read(&path).unwrap_or_default();
    assert!(
        wanted == bytes,
        "{name} differs (BLESS=1 writes it anew):\n{}",
        String::from_utf8_lossy(bytes)
    );
}

#[test]
fn every_dataset_in_every_format_and_language_is_as_reviewed() {
    for set in DATASETS {
        for format in RENDERERS {
            for lang in Lang::ALL {
                let table = (set.build)(&source(lang));
                for row in table.rows.iter().chain(&table.total) {
                    assert_eq!(row.len(), table.columns.len());
                }
                let bytes = (format.render)(&table, &options(lang, false)).unwrap();
                if format.name == "xlsx" {
                    // A ZIP archive; what is in it is looked at below.
                    assert!(bytes.starts_with(b"PK"));
                    continue;
                }
                golden(&format!("report_{}.{lang}.{}", set.name, format.name), &bytes);
            }
        }
    }
    let table = (dataset("equipment").unwrap().build)(&source(Lang::Vi));
    let bytes = (renderer("csv").unwrap().render)(&table, &options(Lang::Vi, true)).unwrap();
    golden("report_equipment.vi.spreadsheet.csv", &bytes);
}

#[test]
fn csv_comes_back_whole_and_the_spreadsheet_s_runs_no_formula() {
    let table = (dataset("equipment").unwrap().build)(&source(Lang::Vi));
    let plain = (renderer("csv").unwrap().render)(&table, &options(Lang::Vi, false)).unwrap();
    assert!(plain.ends_with(b"\r\n") && !plain.starts_with(b"\xef\xbb\xbf"));
    let mut reader = csv::Reader::from_reader(&*plain);
    let names: Vec<String> = reader.records().map(|r| r.unwrap()[2].to_owned()).collect();
    assert_eq!(names.len(), table.rows.len());
    assert!(names.contains(&"=HYPERLINK(\"x\");\"<b>\nhai dòng".to_owned()));
    let excel = (renderer("csv").unwrap().render)(&table, &options(Lang::Vi, true)).unwrap();
    let text = String::from_utf8(excel).unwrap();
    assert!(text.starts_with('\u{feff}') && text.contains("STT;Mã;Tên"));
    assert!(text.contains("\"'=HYPERLINK") && text.contains(";05/03/2023;"));
}

#[test]
fn what_people_wrote_down_wins_over_what_the_device_says() {
    let table = (dataset("equipment").unwrap().build)(&source(Lang::En));
    let json = (renderer("json").unwrap().render)(&table, &options(Lang::En, false)).unwrap();
    let rows: Value = serde_json::from_slice(&json).unwrap();
    let router = rows
        .as_array()
        .unwrap()
        .iter()
        .find(|r| r["id"] == "rt-tru-so")
        .unwrap();
    assert_eq!(router["model"], "RB2011");
    assert_eq!(router["serial"], "HD1234");
    assert_eq!(router["firmware"], "7.11");
    // What nobody knows is absent.
    assert!(router.get("owner").is_none());
}

#[test]
fn machines_under_secrecy_rules_are_counted_and_listed_only_where_asked_for() {
    for format in RENDERERS.iter().filter(|f| f.name != "xlsx") {
        let mut source = source(Lang::Vi);
        let table = (dataset("equipment").unwrap().build)(&source);
        assert_eq!(
            table.notes,
            ["Ngoài ra còn 3 máy tính thực hiện quy định bảo mật, không liệt kê."]
        );
        let text = (format.render)(&table, &options(Lang::Vi, false)).unwrap();
        assert!(
            !String::from_utf8(text).unwrap().contains("may-mat"),
            "{}",
            format.name
        );
        source.include_hidden = true;
        let table = (dataset("equipment").unwrap().build)(&source);
        let text = (format.render)(&table, &options(Lang::Vi, false)).unwrap();
        assert!(
            String::from_utf8(text).unwrap().contains("may-mat-1"),
            "{}",
            format.name
        );
    }
}

// trap 23
#[test]
fn an_outage_counts_only_for_what_lies_within_the_period() {
    let table = (dataset("outages").unwrap().build)(&source(Lang::En));
    assert_eq!(table.rows.len(), 4, "three outages, and the monitor cut off");
    let total = table.total.unwrap();
    let duration = table
        .columns
        .iter()
        .position(|c| c.key == "duration_seconds")
        .unwrap();
    // One hour of the first, nine minutes of the third, nothing yet of the second.
    assert_eq!(
        total[duration],
        tramgac::report::table::Cell::Duration(std::time::Duration::from_secs(3600 + 540))
    );
}

// trap 20
#[test]
fn a_time_without_sight_is_a_row_of_its_own_and_no_outage() {
    let table = (dataset("outages").unwrap().build)(&source(Lang::Vi));
    let json = (renderer("json").unwrap().render)(&table, &options(Lang::Vi, false)).unwrap();
    let rows: Value = serde_json::from_slice(&json).unwrap();
    let of_monitor: Vec<&Value> = rows
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["name"] == "Máy giám sát")
        .collect();
    let [row] = *of_monitor else {
        panic!("{rows:#}");
    };
    assert_eq!(row["duration_seconds"], 600.0);
    assert_eq!(row["cause"], "máy giám sát mất kết nối");
    let starts: Vec<&str> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["started_at"].as_str().unwrap())
        .collect();
    assert!(starts.is_sorted(), "{starts:?}");
    let total = format!("{:?}", table.total.unwrap());
    assert!(total.contains("Tổng cộng: 3 sự cố"), "{total}");
    assert!(
        table
            .notes
            .iter()
            .any(|note| note.contains("mất kết nối mạng 1 lần, tổng thời gian 10 phút")),
        "{:?}",
        table.notes
    );
}

// traps 20 and 23
#[test]
fn availability_adds_up_and_leaves_out_what_nobody_saw() {
    let source = source(Lang::En);
    let table = (dataset("availability").unwrap().build)(&source);
    let json = (renderer("json").unwrap().render)(&table, &options(Lang::En, false)).unwrap();
    let rows: Value = serde_json::from_slice(&json).unwrap();
    let of = |name: &str| {
        let rows = rows.as_array().unwrap();
        rows.iter().find(|r| r["name"] == name).cloned().unwrap()
    };
    let link = of("Kênh Trường THCS số 3 \"Thạch Khoán\"");
    // 24 days less one hour without data; an hour and nine minutes of it down.
    let counted = 24.0 * 86_400.0 - 3_600.0;
    let wanted = 1.0 - (3_600.0 + 540.0) / counted;
    assert!(
        (link["availability_ratio"].as_f64().unwrap() - wanted).abs() < 1e-9,
        "{link}"
    );
    assert_eq!(link["down_seconds"], 4_140.0);
    assert_eq!(link["no_data_seconds"], 3_600.0);
    assert_eq!(link["outages"], 1);
    // The router behind it had nothing either, through no fault of its own.
    let router = of("Router Trường THCS số 3 \"Thạch Khoán\"");
    assert_eq!(router["unreachable_seconds"], 540.0);
    assert_eq!(router["own_availability_ratio"], 1.0);
    // What was never seen has no figure, rather than 0 or 100 per cent.
    assert!(of("Wi-Fi 01").get("availability_ratio").is_none());
    // Worst first; no computers.
    assert_eq!(rows[0]["name"], link["name"]);
    assert!(!rows.to_string().contains("Máy tính"));
}

fn config(folder: &Path, more: &str) -> PathBuf {
    let path = folder.join("tramgac.yaml");
    let text = format!(
        "organization: {{name: UBND xã Thanh Sơn}}\n\
         language: vi\n\
         timezone: Asia/Ho_Chi_Minh\n\
         database: {}\n\
         units:\n  - {{id: xa-thanh-son, name: Xã Thanh Sơn, kind: commune}}\n\
         sites:\n  - {{id: tru-so, name: Trụ sở UBND, kind: office, units: [{{unit: xa-thanh-son}}]}}\n\
         devices:\n  - {{id: sw-1, name: Bộ chuyển mạch 1, class: switch, site: tru-so, address: 127.0.0.9, serial: CN1}}\n{more}",
        folder.join("tramgac.db").display()
    );
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn the_program_reports_what_is_declared_before_there_is_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = config(
        folder.path(),
        "  - {id: mat-1, name: Máy mật, class: computer, site: tru-so, monitor: never}\n",
    );
    let c = path.to_str().unwrap();
    let vi = run(&["report", "equipment", "-c", c]);
    assert_eq!(vi.status.code(), Some(0), "{}", stderr(&vi));
    let text = stdout(&vi);
    assert!(text.contains("Báo cáo hiện trạng") && text.contains("sw-1") && text.contains("CN1"));
    assert!(text.contains("Ngoài ra còn 1 máy tính") && !text.contains("mat-1"));
    assert!(stderr(&vi).contains("no database yet"));
    let en = run(&["report", "equipment", "-c", c, "--lang", "en", "--format", "json"]);
    let rows: Value = serde_json::from_str(&stdout(&en)).unwrap();
    assert_eq!(rows[0]["class"], "switch");
    let to = folder.path().join("bao-cao.html");
    let html = run(&[
        "report",
        "equipment",
        "-c",
        c,
        "--format",
        "html",
        "-o",
        to.to_str().unwrap(),
    ]);
    assert_eq!((html.status.code(), stdout(&html).as_str()), (Some(0), ""));
    assert!(
        std::fs::read_to_string(&to)
            .unwrap()
            .contains("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM")
    );
    let nowhere = run(&["report", "equipment", "-c", c, "--site", "khong-co"]);
    assert_eq!(nowhere.status.code(), Some(2));
    let turned = run(&[
        "report",
        "outages",
        "-c",
        c,
        "--from",
        "2026-02-02",
        "--to",
        "2026-02-01",
    ]);
    assert_eq!(turned.status.code(), Some(2));
    assert_eq!(run(&["report", "weather", "-c", c]).status.code(), Some(2));
    let help = stdout(&run(&["report", "--help"]));
    assert!(help.contains("Examples:") && help.contains("equipment:"));
}

#[test]
fn a_foreign_file_is_no_record_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = config(folder.path(), "");
    let database = folder.path().join("tramgac.db");
    std::fs::write(&database, "my diary").unwrap();
    let output = run(&["report", "equipment", "-c", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert_eq!(std::fs::read_to_string(&database).unwrap(), "my diary");
}
