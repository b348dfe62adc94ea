//! Unit tests of reading whole configurations; the messages are tested in `tests/it`.

use super::*;
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
