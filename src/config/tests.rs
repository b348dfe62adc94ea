//! Unit tests of reading whole configurations; the messages are tested in `tests/it`.

use super::*;
use crate::config::problem::Sink;
use crate::config::secret::Env;
use crate::inventory::MonitorMode;
use crate::model::Span;

fn config(text: &str) -> Config {
    load_text("test.yaml", text, Env::default()).unwrap_or_else(|p| panic!("{p}"))
}

fn problems(text: &str) -> String {
    load_text("test.yaml", text, Env::default())
        .unwrap_err()
        .to_string()
}

#[test]
fn an_empty_file_is_a_configuration_of_defaults() {
    let config = config("# nothing\n");
    assert_eq!(config.web.listen.to_string(), "127.0.0.1:9099");
    assert_eq!(config.polling.intervals.device, Span::from_secs(60));
    assert_eq!(config.polling.confirm.down_after, 3);
    assert_eq!(config.timezone.name, "Asia/Ho_Chi_Minh");
    assert_eq!(config.area_kind.len(), 3);
    assert!(config.polling.self_check.is_none());
    assert!(config.warnings.is_empty());
    assert!(config.calendars.contains_key(WORKING_HOURS));
}

#[test]
fn under_systemd_the_record_and_its_copies_lie_in_the_state_folder() {
    let env = Env::new([("STATE_DIRECTORY".to_owned(), "/var/lib/tramgac".to_owned())]);
    let config = load_text("test.yaml", "backup: {directory: copies}", env).unwrap();
    assert_eq!(config.database.to_str(), Some("/var/lib/tramgac/tramgac.db"));
    let copies = config.backup.directory.unwrap();
    assert_eq!(copies.to_str(), Some("/var/lib/tramgac/copies"));
}

#[test]
fn an_empty_list_of_self_checks_is_another_thing_than_none() {
    let config = config("polling: {self_check: []}");
    assert_eq!(config.polling.self_check, Some(Vec::new()));
}

#[test]
fn a_district_in_small_is_read_with_its_references() {
    let config = config(
        r"
credentials: {lan: {community: public}}
snmp: {credentials: lan}
units:
  - {id: thach-khoan, name: Xã Thạch Khoán, kind: commune, valid_to: 2025-07-01, successors: [{unit: thanh-son}]}
  - {id: thanh-son, name: Xã Thanh Sơn, kind: commune, valid_from: 2025-07-01}
sites:
  - {id: office, kind: office, unit: thanh-son, staff: 40, staff_with_computer: 38}
  - {id: hall, kind: commune_hall, units: [{unit: thach-khoan, to: 2025-07-01}, {unit: thanh-son, from: 2025-07-01}]}
devices:
  - {id: core, class: router, site: office, address: 127.0.0.1}
  - {id: hall-router, class: router, site: hall, address: [127.0.1.1, 127.0.1.2], mac: 00-1B-21-AB-CD-EF, credentials: []}
  - {id: pc, class: computer, site: hall, monitor: never, exempt: {reason: secrecy, decision: 12/QĐ}}
  - {id: scanner, class: scanner, site: hall}
links:
  - {id: hall-link, site: hall, router: hall-router, via: [core], bandwidth: 100Mbit, sla: 99.5%}
services:
  - {id: portal, check: {kind: http, url: 'http://127.0.0.1:8080/'}}
",
    );
    let inventory = &config.inventory;
    let device = |id: &str| inventory.devices.get(&id.parse().unwrap()).unwrap();
    assert_eq!(device("core").credentials, ["lan"]);
    assert!(device("hall-router").credentials.is_empty());
    assert_eq!(device("hall-router").macs[0].to_string(), "00:1b:21:ab:cd:ef");
    assert_eq!(device("pc").mode, MonitorMode::Never);
    assert_eq!(device("scanner").mode, MonitorMode::Manual);
    assert_eq!(device("core").mode, MonitorMode::Polled);
    let link = inventory.links.values().next().unwrap();
    assert_eq!(link.contracted_receive_bps, Some(100_000_000));
    let unit = inventory.units.get(&"thach-khoan".parse().unwrap()).unwrap();
    assert_eq!(unit.successions[0].date, jiff::civil::date(2025, 7, 1));
    let service = inventory.services.values().next().unwrap();
    assert_eq!(service.check.kind, "http");
    assert_eq!(service.check.options["url"], "http://127.0.0.1:8080/");
    assert!(config.checks.contains_key(&service.id));
}

#[test]
fn parents_in_a_circle_are_named_at_their_place() {
    let text = "devices:\n- {id: a, class: router, parents: b}\n- {id: b, class: router, parents: a}\n";
    let told = problems(text);
    assert!(told.contains("device/a → device/b → device/a"), "{told}");
    assert!(told.contains("test.yaml:2:35"), "{told}");
}

#[test]
fn a_later_file_wins_and_lists_add_up() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write(
        "main.yaml",
        "include: conf.d/*.yaml\nlanguage: vi\npolling: {interval: 30s, count: 5}\nsites: [{id: a, kind: office}]",
    );
    std::fs::create_dir(dir.path().join("conf.d")).unwrap();
    write(
        "conf.d/1.yaml",
        "language: en\npolling: {interval: 20s}\nsites: [{id: b, kind: school}]",
    );
    write("conf.d/2.yaml", "polling: {interval: 45s}\n");
    write("conf.d/ignored.txt", "this: is not read");
    let config = load(&dir.path().join("main.yaml"), Env::default()).unwrap();
    assert_eq!(config.language.as_str(), "en");
    assert_eq!(config.polling.intervals.device, Span::from_secs(45));
    assert_eq!(config.polling.count, 5);
    assert_eq!(config.inventory.sites.len(), 2);
    assert_eq!(config.files.len(), 3);
}

#[test]
fn variables_stand_inside_values() {
    let env = Env::new([("NAME".to_owned(), "Phòng Văn hóa".to_owned())]);
    let text = "organization:\n  name: ${NAME} - $${x}\n  place: ${PLACE:-Thanh Sơn}\n";
    let config = load_text("test.yaml", text, env).unwrap();
    assert_eq!(config.organization.name, "Phòng Văn hóa - ${x}");
    assert_eq!(config.organization.place.as_deref(), Some("Thanh Sơn"));
}

#[test]
fn the_example_is_read_without_a_word() {
    let example = config(include_str!("../../config.example.yaml"));
    assert!(example.warnings.is_empty(), "{}", example.warnings);
    assert!(example.inventory.devices.len() > 25);
    assert_eq!(example.indicators.len(), 6);
}

#[test]
fn every_default_is_readable() {
    // An empty file reads every default; a default that is none would be reported.
    config("");
}

#[expect(clippy::too_many_lines, reason = "a table, one row for each mapping")]
/// Every table of keys, with the smallest good file around one mapping of it: `@` is that mapping.
fn places() -> Vec<(&'static [schema::Key], serde_json::Value)> {
    use serde_json::json;
    let site = json!([{"id": "s", "kind": "office"}]);
    let unit = json!([{"id": "u", "name": "U", "kind": "commune"}]);
    let device = |extra: serde_json::Value| json!({"devices": [extra]});
    vec![
        (raw::FILE, json!("@")),
        (raw::ORGANIZATION, json!({"organization": "@"})),
        (raw::WEB, json!({"web": "@"})),
        (
            raw::CREDENTIAL,
            json!({"credentials": {"a": {"@": {"user": "a"}}}}),
        ),
        (raw::POLLING, json!({"polling": "@"})),
        (raw::SNMP, json!({"snmp": "@"})),
        (raw::CLASS_OVERRIDE, json!({"classes": {"router": "@"}})),
        (
            raw::UNIT,
            json!({"units": [{"@": {"id": "u", "name": "U", "kind": "commune"}}]}),
        ),
        (
            raw::SUCCESSOR,
            json!({"units": [{"id": "u", "name": "U", "kind": "commune", "successors": [{"@": {"unit": "u", "date": "2025-07-01"}}]}]}),
        ),
        (
            raw::SITE,
            json!({"sites": [{"@": {"id": "s", "kind": "office", "staff": 3}}]}),
        ),
        (
            raw::MEMBERSHIP,
            json!({"units": unit, "sites": [{"id": "s", "kind": "office", "units": [{"@": {"unit": "u"}}]}]}),
        ),
        (
            raw::HEAD_COUNT,
            json!({"sites": [{"id": "s", "kind": "office", "staff": [{"@": {"count": 3}}]}]}),
        ),
        (
            raw::EXEMPT,
            device(json!({"id": "d", "class": "router", "exempt": {"@": {"reason": "x"}}})),
        ),
        (raw::DEVICE, device(json!({"@": {"id": "d", "class": "router"}}))),
        (
            raw::PING,
            device(json!({"id": "d", "class": "router", "ping": "@"})),
        ),
        (
            raw::LINK,
            json!({"sites": site, "links": [{"@": {"id": "l", "site": "s", "far_end": "127.0.0.1"}}]}),
        ),
        (
            raw::SERVICE,
            json!({"services": [{"@": {"id": "a", "check": {"kind": "http"}}}]}),
        ),
        (
            raw::SELECTOR,
            json!({"maintenance": [{"name": "m", "weekly": "sun 02:00-04:00", "select": "@"}]}),
        ),
        (
            raw::INDICATOR,
            json!({"indicators": [{"@": {"id": "i", "name": "I", "good": "up"}}]}),
        ),
        (
            raw::GOOD,
            json!({"indicators": [{"id": "i", "name": "I", "good": {"@1": {"seen_within": "7d"}}}]}),
        ),
        (
            raw::AVAILABILITY,
            json!({"indicators": [{"id": "i", "name": "I", "good": {"availability": {"@": {"over": "7d", "at_least": 0.9}}}}]}),
        ),
        (
            raw::CONTRACTED,
            json!({"indicators": [{"id": "i", "name": "I", "good": {"contracted": {"@": {"at_least": "10Mbit"}}}}]}),
        ),
        (
            raw::SURVEY,
            json!({"indicators": [{"id": "i", "name": "I", "good": {"survey": {"@": {"numerator": "staff", "denominator": "staff"}}}}]}),
        ),
        (
            raw::RULE,
            json!({"indicators": [{"id": "i", "name": "I", "good": "up", "exempt": [{"@": {"reason": "x"}}]}]}),
        ),
        (raw::CALENDAR, json!({"calendars": {"c": "@"}})),
        (
            raw::MAINTENANCE,
            json!({"maintenance": [{"@": {"name": "m", "weekly": "sun 02:00-04:00"}}]}),
        ),
        (raw::ALERTS, json!({"alerts": "@"})),
        (
            raw::ROUTE,
            json!({"alerts": {"routes": [{"@": {"receivers": []}}]}}),
        ),
        (raw::METRICS, json!({"metrics": "@"})),
        (raw::RETENTION, json!({"retention": "@"})),
        (raw::BACKUP, json!({"backup": "@"})),
        (raw::LOG, json!({"log": "@"})),
    ]
}

/// The file with `key: value` put into the marked mapping; without a key, the mapping as it is.
fn with(place: &serde_json::Value, put: Option<&(&str, serde_json::Value)>) -> serde_json::Value {
    use serde_json::Value;
    let filled = |base: Value, alone: bool| {
        let mut map = base.as_object().cloned().unwrap_or_default();
        if let Some((key, value)) = put {
            if alone {
                map.clear();
            }
            map.insert((*key).to_owned(), value.clone());
        }
        Value::Object(map)
    };
    match place {
        Value::String(text) if text == "@" => filled(Value::Null, false),
        Value::Object(map) if map.contains_key("@") => filled(map["@"].clone(), false),
        Value::Object(map) if map.contains_key("@1") => filled(map["@1"].clone(), true),
        Value::Object(map) => map
            .iter()
            .map(|(k, v)| (k.clone(), with(v, put)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(items) => items.iter().map(|v| with(v, put)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => place.clone(),
    }
}

#[test]
fn every_key_of_the_schema_is_read() {
    let nonsense = serde_json::json!({"zzz": {"zzz": 1}});
    for (table, place) in places() {
        let good = with(&place, None).to_string();
        assert!(
            load_text("good", &good, Env::default()).is_ok(),
            "{good}\n{}",
            problems(&good)
        );
        for row in table {
            // Files are included before anything is read; `it::config_invalid` has its mistakes.
            if row.name == "include" {
                continue;
            }
            let is_mapping = matches!(
                row.kind,
                schema::Kind::Object(_) | schema::Kind::Named(_) | schema::Kind::Plugin
            );
            let value = if is_mapping {
                "text".into()
            } else {
                nonsense.clone()
            };
            let text = with(&place, Some(&(row.name, value))).to_string();
            let told = load_text("bad", &text, Env::default());
            let told = told
                .expect_err(&format!("nobody reads {}: {text}", row.name))
                .to_string();
            assert!(!told.contains(&format!("unknown key {:?}", row.name)), "{told}");
        }
    }
}

#[test]
fn every_key_stands_in_the_example() {
    let example = include_str!("../../config.example.yaml");
    for (table, place) in places() {
        for row in table {
            let key = format!("{}:", row.name);
            assert!(
                example.contains(&key),
                "{key} of {place} is not in config.example.yaml"
            );
        }
    }
}

#[test]
fn aliases_do_not_blow_up() {
    let level = |i: u32| {
        let refs = format!("*a{}", i.wrapping_sub(1));
        let item = if i == 0 { "x" } else { &refs };
        format!("k{i}: &a{i} [{}]\n", [item; 9].join(", "))
    };
    let text: String = (0..10).map(level).collect();
    assert!(problems(&text).contains("aliases blow this file up"));
}

#[test]
fn defaults_are_shared_by_anchors() {
    let config = config(
        "devices:\n- &pc {id: a, class: computer, address: 127.0.0.1, owner: văn thư}\n- {<<: *pc, id: b}\n",
    );
    let b = config.inventory.devices.get(&"b".parse().unwrap()).unwrap();
    assert_eq!(b.owner.as_deref(), Some("văn thư"));
}

#[test]
fn a_key_that_comes_twice_is_found_in_a_short_mapping_and_in_a_long_one() {
    for (others, line) in [(0, 3), (14, 17), (15, 18), (16, 19), (500, 503)] {
        let more: Vec<String> = (0..others).map(|n| format!("  k{n}: x\n")).collect();
        let more = more.concat();
        let text = format!("credentials:\n  again: x\n{more}  again: y\n");
        let said = problems(&text);
        assert!(
            said.contains("the key \"again\" stands here a second time")
                && said.contains(&format!("test.yaml:{line}:3"))
                && said.contains("it stands already on line 2"),
            "{others}: {said}"
        );
        let once = text.replace("  again: y\n", "");
        assert!(!problems(&once).contains("a second time"), "{once}");
    }
    let said = problems("devices:\n- &pc {id: a, class: computer}\n- <<: *pc\n  <<: *pc\n  id: b\n");
    assert!(
        said.contains("the key \"<<\" stands here a second time") && said.contains("already on line 3"),
        "{said}"
    );
}

#[test]
fn a_line_is_shown_with_its_secret_masked_though_it_is_masked_only_then() {
    let said = problems("credentials:\n  lan: {community: hunter2, verzion: 2c}\n");
    assert!(said.contains("verzion") && !said.contains("hunter2"), "{said}");
    let node = yaml::parse(
        "test.yaml",
        std::path::Path::new(""),
        "community: hunter2",
        &std::sync::Arc::new(Env::default()),
        &Sink::new(),
    );
    let said = format!("{:?} {:?}", node, node.as_ref().map(|n| &n.place().source));
    assert!(said.contains("test.yaml") && !said.contains("hunter2"), "{said}");
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(text in "\\PC*|[-a-z:{}\\[\\],&*!|>'\"%#@` \n\t$0-9]{0,200}") {
        drop(load_text("x", &text, Env::default()));
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(48))]
    #[test]
    fn no_mutation_of_a_good_file_makes_it_panic(at in 0usize..2000, junk in "[-a-z:{}\\[\\],&*!|>'\"%#@ \n$]{1,4}") {
        let good = include_str!("../../config.example.yaml");
        let cut: String = good.chars().take(at * 4).collect();
        drop(load_text("x", &format!("{cut}{junk}{}", good.get(cut.len()..).unwrap_or("")), Env::default()));
    }
}

#[test]
fn how_the_requests_to_one_target_leave_is_read() {
    let config = config(
        "devices:\n\
         - {id: a, class: router, address: 192.0.2.1, ping: {source: 192.0.2.9, interface: lo, ttl: 9, tos: 184, payload_bytes: 1472, dont_fragment: true}}\n\
         - {id: b, class: router, address: 192.0.2.2}\n",
    );
    let options = |id: &str| {
        let mut devices = config.inventory.devices.values();
        devices
            .find(|d| d.id.to_string() == id)
            .unwrap()
            .probing
            .ping
            .clone()
    };
    let ping = options("a");
    assert_eq!(ping.source, Some("192.0.2.9".parse().unwrap()));
    assert_eq!(ping.interface.as_deref(), Some("lo"));
    assert_eq!(
        (ping.ttl, ping.tos, ping.payload_bytes),
        (Some(9), Some(184), Some(1_472))
    );
    assert!(ping.dont_fragment);
    assert_eq!(options("b"), crate::inventory::PingOptions::default());
    let told = problems(
        "devices: [{id: a, class: router, address: 192.0.2.1, ping: {ttl: 0, payload_bytes: 9000}}]",
    );
    assert!(told.contains("ttl") && told.contains("payload_bytes"), "{told}");
}
