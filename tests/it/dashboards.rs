//! The shipped boards and rules: built as Grafana wants them, in both
//! languages, and every query answered by a real Prometheus.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use regex::Regex;
use serde_json::Value;
use tramgac::clock::{Clock, SystemClock};
use tramgac::lab::thanh_son::FORMER_UNITS;
use tramgac::metrics::render;

use super::support;
use super::support::board::{self, Board, each_string, shipped, text};
use super::support::district;
use super::support::program::{Running, tramgac};
use super::support::prometheus::{Exporter, Prometheus, promtool, root};

fn complain(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

fn english() -> Vec<Board> {
    let mut boards = shipped();
    boards.retain(|b| !b.name.ends_with("-vi"));
    boards
}

#[test]
fn boards_are_built_so_that_they_load_everywhere() {
    let mut faults = Vec::new();
    let boards = shipped();
    let uids: BTreeSet<&str> = boards.iter().map(|b| text(&b.json["uid"])).collect();
    assert_eq!(uids.len(), boards.len(), "a uid stands twice");
    for b in &boards {
        let mut fault = |what: String| faults.push(format!("{}: {what}", b.name));
        if text(&b.json["uid"]) != b.name {
            fault("the uid is not the file's name".into());
        }
        for (key, want) in [
            ("schemaVersion", Value::from(36)),
            ("editable", Value::Bool(false)),
        ] {
            if b.json[key] != want {
                fault(format!("{key} is not {want}"));
            }
        }
        for key in ["__inputs", "__requires", "id"] {
            if !b.json[key].is_null() {
                fault(format!("has {key}"));
            }
        }
        if !b.json["refresh"].is_string() {
            fault("refresh is no string".into());
        }
        check_panels(b, &mut fault);
    }
    complain(&faults);
}

fn check_panels(b: &Board, fault: &mut dyn FnMut(String)) {
    let mut ids = BTreeSet::new();
    let mut taken = BTreeSet::new();
    let source = serde_json::json!({"type": "prometheus", "uid": "${datasource}"});
    for panel in b.json["panels"].as_array().unwrap() {
        let title = text(&panel["title"]);
        if !ids.insert(panel["id"].as_u64()) {
            fault(format!("{title}: its id stands twice"));
        }
        let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        if at("x") + at("w") > 24 {
            fault(format!("{title}: lies outside of the 24 columns"));
        }
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                if !taken.insert((x, y)) {
                    return fault(format!("{title}: lies over another panel"));
                }
            }
        }
        if panel["type"] == "row" {
            continue;
        }
        let defaults = &panel["fieldConfig"]["defaults"];
        let said = [title, text(&panel["description"]), text(&defaults["unit"])];
        if said.iter().any(|s| s.is_empty()) {
            fault(format!("{title}: lacks title, description or unit"));
        }
        if !defaults["custom"].is_object() {
            fault(format!("{title}: lacks fieldConfig.defaults.custom"));
        }
        if panel["datasource"] != source {
            fault(format!("{title}: another data source"));
        }
        let table = panel["type"] == "table";
        for target in panel["targets"].as_array().unwrap() {
            if target["datasource"] != source {
                fault(format!("{title}: a target with another data source"));
            }
            if table && (target["format"] != "table" || target["instant"] != true) {
                fault(format!("{title}: a table's query is instant and of format table"));
            }
        }
    }
}

#[test]
fn every_metric_that_a_board_or_a_rule_names_is_in_the_catalogue() {
    let mut faults = Vec::new();
    // Names of recorded series hold a colon.
    let recorded = Regex::new(r"[a-z_0-9]+:[a-z_0-9]+:[a-z_0-9]+").unwrap();
    for b in shipped() {
        let queries = b.variables().map(|v| text(&v["query"]["query"]));
        for expression in b.targets().map(|(_, _, e)| e).chain(queries) {
            for name in board::unknown_metrics(expression) {
                faults.push(format!("{}: {name}", b.name));
            }
        }
    }
    for file in ["rules.yml", "alertmanager.yml"] {
        let path = root().join("dashboards/prometheus").join(file);
        let rules = fs::read_to_string(path).unwrap();
        let rest = recorded.replace_all(&rules, "");
        faults.extend(
            board::unknown_metrics(&rest)
                .iter()
                .map(|n| format!("{file}: {n}")),
        );
    }
    complain(&faults);
}

#[test]
fn links_lead_to_boards_and_variables_that_exist() {
    let boards = shipped();
    let variables: BTreeMap<&str, BTreeSet<&str>> = boards
        .iter()
        .map(|b| (b.name.as_str(), b.variables().map(|v| text(&v["name"])).collect()))
        .collect();
    let target = Regex::new(r"/d/([a-z-]+)").unwrap();
    let variable = Regex::new(r"[?&]var-(\w+)=").unwrap();
    let mut faults = Vec::new();
    let mut check = |from: &str, url: &str| {
        for found in target.captures_iter(url) {
            match variables.get(&found[1]) {
                None => faults.push(format!("{from}: no board {}", &found[1])),
                Some(known) => faults.extend(
                    variable
                        .captures_iter(url)
                        .filter(|v| !known.contains(&v[1]))
                        .map(|v| format!("{from}: {} has no variable {}", &found[1], &v[1])),
                ),
            }
            if from.ends_with("-vi") != found[1].ends_with("-vi") && from.starts_with("tramgac-") {
                faults.push(format!("{from}: {} is in the other language", &found[1]));
            }
        }
    };
    for b in &boards {
        each_string(&mut b.json.clone(), &mut Vec::new(), &mut |path, s| {
            if path.last().is_some_and(|k| k == "url") {
                check(&b.name, s);
            }
        });
    }
    let rules = fs::read_to_string(root().join("dashboards/prometheus/rules.yml")).unwrap();
    for line in rules.lines().filter(|l| l.contains("dashboard:")) {
        check("rules.yml", line);
    }
    complain(&faults);
}

/// Whether the string under these keys is read by people.
fn is_text(path: &[String]) -> bool {
    let last = path.last().map_or("", String::as_str);
    let list = [
        "title",
        "description",
        "label",
        "noValue",
        "legendFormat",
        "text",
        "tooltip",
    ];
    let renamed = path.iter().any(|k| k == "renameByName");
    let named = last == "displayName" || (last == "options" && path.iter().any(|k| k == "matcher"));
    // A field's name as the value of a property: what an area is filled down to.
    let annotations = path.iter().any(|k| k == "annotations");
    (list.contains(&last) || renamed || named) && !annotations
}

#[test]
fn the_vietnamese_boards_are_the_english_ones_in_vietnamese() {
    let table = fs::read_to_string(root().join("dashboards/texts-vi.tsv")).unwrap();
    let texts: BTreeMap<&str, &str> = table.lines().filter_map(|l| l.split_once('\t')).collect();
    let field = Regex::new(r#"fields\["([^"]+)"\]"#).unwrap();
    let uid = Regex::new(r"/d/(tramgac-[a-z]+)").unwrap();
    let mut faults = Vec::new();
    let mut used = BTreeSet::new();
    for b in english() {
        let mut json = b.json.clone();
        let mut translate = |path: &[String], s: &mut String| {
            let last = path.last().map_or("", String::as_str);
            if last == "url" {
                *s = uid.replace_all(s, "/d/$1-vi").into_owned();
                *s = field
                    .replace_all(s, |c: &regex::Captures<'_>| {
                        format!("fields[\"{}\"]", texts.get(&c[1]).unwrap_or(&&c[1]))
                    })
                    .into_owned();
            } else if (is_text(path) && !s.is_empty())
                || (last == "value" && texts.contains_key(s.as_str()) && s == "min")
            {
                if let Some((en, vi)) = texts.get_key_value(s.as_str()) {
                    used.insert(*en);
                    *s = (*vi).to_owned();
                } else {
                    faults.push(format!("{}: no Vietnamese for {s:?}", b.name));
                }
            }
        };
        each_string(&mut json, &mut Vec::new(), &mut translate);
        json["uid"] = format!("{}-vi", b.name).into();
        let path = root().join(format!("dashboards/{}-vi.json", b.name));
        let written = format!("{}\n", serde_json::to_string_pretty(&json).unwrap());
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, &written).unwrap();
        }
        if fs::read_to_string(&path).unwrap_or_default() != written {
            faults.push(format!(
                "{}-vi.json is not the English one: run this test with BLESS=1",
                b.name
            ));
        }
    }
    faults.extend(
        texts
            .keys()
            .filter(|t| !used.contains(**t))
            .map(|t| format!("no board says {t:?}")),
    );
    complain(&faults);
}

#[test]
fn promtool_accepts_the_rules_and_their_tests_pass() {
    let folder = root().join("dashboards/prometheus");
    let runs: [&[&str]; 3] = [
        &["check", "config", "prometheus.yml"],
        &["check", "rules", "--lint=all", "--lint-fatal", "rules.yml"],
        &["test", "rules", "rules_test.yml"],
    ];
    for arguments in runs {
        let Some((good, said)) = promtool(&folder, arguments, b"") else {
            return;
        };
        assert!(good, "promtool {arguments:?}: {said}");
    }
}

/// Panels that may be empty in this district, with the reason.
const MAY_BE_EMPTY: [(&str, &str); 0] = [];

#[test]
fn every_query_of_every_board_is_answered_by_a_real_prometheus() {
    let clock = SystemClock::new();
    let start = clock.wall();
    let exporter = Exporter::start(move || {
        let tick = clock.wall().since(start).as_secs();
        let snapshot = district::running(tick, start);
        render(
            &snapshot,
            &district::extra(&district::meters(tick, start), &snapshot),
        )
    });
    let Some(prometheus) = Prometheus::start(exporter.address()) else {
        return;
    };
    prometheus.wait_for_scrapes(7);
    // The area in which a link is cut, and the office there, which has one of everything.
    let area = FORMER_UNITS
        .iter()
        .find(|u| u.hall == "thach-khoan")
        .unwrap()
        .today;
    let wanted = [
        ("area", area),
        ("site", "office"),
        ("device", "office-router"),
        ("ifname", "ether1"),
    ];
    let mut faults = prometheus.rule_faults();
    for b in english() {
        let values = match board::resolve(&b, &prometheus, &wanted) {
            Ok(values) => values,
            Err(fault) => {
                faults.push(fault);
                continue;
            }
        };
        faults.extend(unanswered(&b, &prometheus, &values));
    }
    complain(&faults);
}

/// The queries of a board that Prometheus does not answer as a panel needs it.
fn unanswered(b: &Board, prometheus: &Prometheus, values: &board::Values) -> Vec<String> {
    let mut faults = Vec::new();
    for (title, target, expression) in b.targets() {
        let query = board::interpolate(expression, values);
        let answer = prometheus.query(&query);
        let fault = match &answer {
            Err(error) => Some(error.clone()),
            Ok(rows) if rows.is_empty() => Some("no series".to_owned()),
            Ok(rows) if rows.iter().any(|(_, v)| !v.is_finite()) => Some("no number".to_owned()),
            Ok(rows) => missing_label(text(&target["legendFormat"]), rows),
        };
        let excused = MAY_BE_EMPTY.iter().any(|(t, _)| *t == title);
        if let Some(fault) = fault
            && !excused
        {
            faults.push(format!("{}, {title}: {fault}: {query}", b.name));
        }
    }
    faults
}

/// The wall, as an operator sees it: the demo, scraped, while a link is cut.
#[test]
fn every_query_of_the_overview_is_answered_by_a_prometheus_that_scrapes_the_demo() {
    if !support::is_root() {
        return;
    }
    let port = support::free_tcp_port();
    let listen = format!("127.0.0.1:{port}");
    let mut demo = Running::start(tramgac(&["demo", "--speed", "2", "--listen", &listen]));
    demo.wait_for_output(&format!("page      http://{listen}/"), Duration::from_secs(60));
    let Some(prometheus) = Prometheus::start(listen.parse().unwrap()) else {
        return;
    };
    for what in ["tramgac_link_up == 0", "tramgac_device_state == 0"] {
        support::wait_for(what, Duration::from_secs(90), || {
            let down = prometheus.query(what).ok()?;
            (!down.is_empty()).then_some(())
        });
    }
    let overview = english()
        .into_iter()
        .find(|b| b.name.contains("overview"))
        .unwrap();
    let values = board::resolve(&overview, &prometheus, &[]).unwrap();
    let mut faults = unanswered(&overview, &prometheus, &values);
    // No service of the demo speaks TLS.
    faults.retain(|fault| !fault.contains("tls_not_after"));
    complain(&faults);
    // The numbers are right, by the script's own truth: one of 31 links is cut.
    let online = prometheus
        .query("sum(tramgac_fleet_online{kind=\"link\"})")
        .unwrap();
    let expected = prometheus
        .query("sum(tramgac_fleet_expected{kind=\"link\"})")
        .unwrap();
    assert_eq!((online[0].1, expected[0].1), (30.0, 31.0));
}

/// The label of a legend that the answer lacks.
fn missing_label(legend: &str, rows: &[(BTreeMap<String, String>, f64)]) -> Option<String> {
    let label = Regex::new(r"\{\{(\w+)\}\}").unwrap();
    label
        .captures_iter(legend)
        .map(|c| c[1].to_owned())
        .find(|l| rows.iter().any(|(labels, _)| !labels.contains_key(l)))
        .map(|l| format!("the legend's label {l} is not in the answer"))
}
