//! Profiles of the user's own: they override, and what is broken is told with its line.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use tramgac::lab::snmprec;
use tramgac::model::snmp::Oid;
use tramgac::model::snmp::Value;
use tramgac::profile::Library;
use tramgac::profile::apply::MAX_ROWS;
use tramgac::profile::apply::recorded;
use tramgac::profile::load;

use super::profile_golden::folder;
use super::profile_golden::names;

fn write(dir: &Path, name: &str, text: &str) {
    fs::write(dir.join(name), text).unwrap();
}

fn problem(text: &str) -> (usize, String) {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "mine.yaml", text);
    let problems = load::with_folder(dir.path()).unwrap_err();
    let first = &problems.as_slice()[0];
    assert!(first.file.ends_with("mine.yaml"), "{first}");
    (first.line, first.what.clone())
}

#[test]
fn a_mistake_is_told_with_its_line() {
    for (text, line, word) in [
        ("facts:\n  model: {get: 1.3.6..1}\n", 2, "is not an OID"),
        (
            "facts:\n  model: {get: 1.3.6.1, regex: '('}\n",
            2,
            "regular expression",
        ),
        ("facts:\n  model: {gte: 1.3.6.1}\n", 2, "gte"),
        ("sensors:\n  - kind: temperature\n    vaule: 3\n", 3, "vaule"),
        ("sensor:\n  - kind: temperature\n", 1, "sensor"),
        ("include: nothing-there\n", 1, "nothing-there"),
        ("include: mine\n", 1, "circle"),
        (
            "about: x\nfacts:\n  model: {get: 1.3.6.1, lookup: nowhere}\n",
            3,
            "nowhere",
        ),
        ("facts:\n  class: swich\n", 1, "swich"),
        ("name: other\n", 1, "other"),
        ("facts: [\n", 2, ""),
    ] {
        let (at, what) = problem(text);
        assert!(what.contains(word), "{text:?}: {what}");
        assert!(at.abs_diff(line) <= 1, "{text:?}: line {at}, not {line}: {what}");
    }
}

#[test]
fn all_mistakes_of_all_files_are_told_not_the_first() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        "one.yaml",
        "about: three mistakes\nfacts:\n  model: {get: 1.3.6..1}\n  vendor: Acme\n  serial: {gte: 1.3.6.1}\n\
         sensors:\n  - kind: temperature\n    vaule: 3\n  - {kind: fan, value: {column: 1.3.6.1.2}}\nsoftwares: 1\n",
    );
    write(
        dir.path(),
        "two.yaml",
        "facts:\n  class: swich\n  model: {get: 1.3.6.1.0, regex: '('}\n",
    );
    let problems = load::with_folder(dir.path()).unwrap_err();
    let places: Vec<(bool, usize)> = problems
        .as_slice()
        .iter()
        .map(|p| (p.file.ends_with("one.yaml"), p.line))
        .collect();
    for wanted in [(true, 3), (true, 5), (true, 8), (true, 10), (false, 3)] {
        // A field's mistake is told where its rule begins.
        let is_near = |(one, line): &(bool, usize)| *one == wanted.0 && line.abs_diff(wanted.1) <= 1;
        assert!(places.iter().any(is_near), "{wanted:?} of {places:?}: {problems}");
    }
    assert!(places.len() <= 7, "{problems}");
}

#[test]
fn a_slip_of_the_pen_is_told_with_what_was_meant() {
    let dir = tempfile::tempdir().unwrap();
    for (text, meant) in [
        ("facts:\n  model: {get: 1.3.6.1.0, rgex: x}\n", "regex"),
        ("sensors:\n  - {kind: fan, vaule: 3}\n", "value"),
        ("procesors:\n  - {descr: CPU}\n", "processors"),
    ] {
        write(dir.path(), "mine.yaml", text);
        let told = load::with_folder(dir.path()).unwrap_err().to_string();
        assert!(told.contains(&format!("did you mean: {meant}")), "{told}");
    }
}

#[test]
fn the_users_own_profile_takes_the_place_of_a_built_in_one() {
    let dir = tempfile::tempdir().unwrap();
    write(
        dir.path(),
        "zte.yaml",
        "match: {sys_object_id: 1.3.6.1.4.1.3902}\ninclude: standard\nfacts:\n  vendor: Ours\n",
    );
    let set = load::with_folder(dir.path()).unwrap();
    let rows = snmprec::parse(&fs::read(folder().join("zte.snmprec")).unwrap()).rows;
    let learnt = recorded(&set, &rows, None).unwrap();
    assert_eq!(learnt.profile.as_deref(), Some("zte"));
    assert_eq!(learnt.facts.get("vendor").map(String::as_str), Some("Ours"));
}

#[test]
fn a_broken_reload_keeps_the_last_good_set() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "mine.yaml", "about: mine\nfacts: {vendor: Mine}\n");
    let mut library = Library::open(Some(dir.path())).unwrap();
    assert!(library.set().get("mine").is_some());
    write(dir.path(), "mine.yaml", "facts: {vendor: {get: no}}\n");
    assert!(library.reload().is_err());
    assert!(library.set().get("mine").is_some());
    write(dir.path(), "mine.yaml", "facts: {vendor: Again}\n");
    library.reload().unwrap();
}

#[derive(Debug, Clone)]
enum Change {
    Drop,
    Value(i64),
    Bytes(Vec<u8>),
    Text(String),
    Shift(u32),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        Just(Change::Drop),
        any::<i64>().prop_map(Change::Value),
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(Change::Bytes),
        ".{0,40}".prop_map(Change::Text),
        any::<u32>().prop_map(Change::Shift),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_recording_however_changed_breaks_or_blows_up(
        which in 0..100usize,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), change()), 1..40),
    ) {
        thread_local! {
            static SET: tramgac::profile::Set = load::builtin().unwrap();
        }
        let names = names();
        let name = &names[which % names.len()];
        let rows = snmprec::parse(&fs::read(folder().join(format!("{name}.snmprec"))).unwrap()).rows;
        let mut list: Vec<(Oid, Value)> = rows.iter().map(|(o, v)| (o.clone(), v.clone())).collect();
        for (index, change) in changes {
            let n = index.index(list.len());
            match change {
                Change::Drop => list[n].1 = Value::Null,
                Change::Value(v) => list[n].1 = Value::Integer(v),
                Change::Bytes(b) => list[n].1 = Value::OctetString(b.into()),
                Change::Text(t) => list[n].1 = Value::OctetString(t.into()),
                Change::Shift(by) => {
                    let mut arcs = list[n].0.arcs().to_vec();
                    let last = arcs.len() - 1;
                    arcs[last] = arcs[last].wrapping_add(by);
                    list[n].0 = Oid::new(arcs);
                }
            }
        }
        let mut changed = tramgac::profile::Rows::default();
        for (oid, value) in list {
            changed.insert(oid, value);
        }
        let learnt = SET.with(|set| recorded(set, &changed, None)).unwrap();
        let json = serde_json::to_string(&learnt).unwrap();
        prop_assert!(json.len() < 400_000);
        prop_assert!(learnt.interfaces.len() < MAX_ROWS);
        for p in &learnt.processors {
            prop_assert!(p.load_ratio.is_some_and(|r| (0.0..=1.0).contains(&r)));
        }
    }

    #[test]
    fn no_bytes_break_the_reader_of_recordings(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let recording = snmprec::parse(&bytes);
        prop_assert!(recording.rows.len() <= bytes.len());
    }
}
