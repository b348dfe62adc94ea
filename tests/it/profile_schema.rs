//! The schemas that editors are given accept what is shipped, and refuse mistakes,
//! as Debian's python3-jsonschema judges it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value as Json;
use serde_json::json;

use crate::support;
use crate::support::peers;
use crate::support::program;

/// Judges each document; prints those that are refused, one a line: name, place, why.
const JUDGE: &str = r"
import json, sys
from jsonschema import Draft202012Validator
schema, documents = json.load(open(sys.argv[1])), json.load(open(sys.argv[2]))
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)
for name, document in documents.items():
    for error in validator.iter_errors(document):
        place = '/'.join(str(step) for step in error.absolute_path)
        print(json.dumps([name, place, error.message[:200]]))
";

fn yaml(text: &str) -> Json {
    serde_saphyr::from_str(text).unwrap()
}

/// Name, place, and why, of all that is refused. `None`: the judge is missing.
fn refused(schema: &str, documents: &BTreeMap<String, Json>) -> Option<Vec<[String; 3]>> {
    let has_judge = Command::new(peers::PYTHON)
        .args(["-c", "from jsonschema import Draft202012Validator"])
        .output()
        .is_ok_and(|o| o.status.success());
    if !has_judge {
        support::missing("python3-jsonschema");
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    let schema = program::write(dir.path(), "schema.json", schema);
    let documents = program::write(
        dir.path(),
        "documents.json",
        &serde_json::to_string(documents).unwrap(),
    );
    let output = Command::new(peers::PYTHON)
        .args(["-c", JUDGE, &schema, &documents])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", program::stderr(&output));
    let lines = program::stdout(&output);
    Some(lines.lines().map(|l| serde_json::from_str(l).unwrap()).collect())
}

fn printed(arguments: &[&str]) -> String {
    let output = program::run(arguments);
    assert!(output.status.success(), "{}", program::stderr(&output));
    program::stdout(&output)
}

#[test]
fn every_profile_that_is_shipped_is_as_the_schema_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles");
    let mut profiles = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        profiles.insert(name, yaml(&fs::read_to_string(path).unwrap()));
    }
    assert!(profiles.len() > 50);
    let schema = printed(&["profile", "schema"]);
    let Some(mistaken) = refused(&schema, &profiles) else {
        return;
    };
    assert_eq!(mistaken, Vec::<[String; 3]>::new());
}

#[test]
fn a_mistake_in_a_profile_is_refused_by_the_schema_as_by_the_program() {
    let schema = printed(&["profile", "schema"]);
    let texts = [
        "facts:\n  model: {gte: 1.3.6.1}\n",
        "sensors:\n  - kind: temperature\n    vaule: 3\n",
        "sensor:\n  - kind: temperature\n",
        "facts:\n  Model: x\n",
        "match: 5\n",
        "include: {a: b}\n",
    ];
    let documents: BTreeMap<String, Json> = texts
        .iter()
        .map(|text| ((*text).to_owned(), yaml(text)))
        .collect();
    let Some(mistaken) = refused(&schema, &documents) else {
        return;
    };
    for text in texts {
        assert!(mistaken.iter().any(|m| m[0] == text), "accepted: {text}");
        let dir = tempfile::tempdir().unwrap();
        program::write(dir.path(), "mine.yaml", text);
        assert!(
            tramgac::profile::load::with_folder(dir.path()).is_err(),
            "loaded: {text}"
        );
    }
}

#[test]
fn the_example_of_a_configuration_is_as_its_schema_says_and_a_mistake_is_not() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.example.yaml");
    let good = yaml(&fs::read_to_string(example).unwrap());
    let mut bad = good.clone();
    bad["polling"]["intervall"] = json!("5s");
    let documents = BTreeMap::from([("good".to_owned(), good), ("bad".to_owned(), bad)]);
    let Some(mistaken) = refused(&printed(&["schema"]), &documents) else {
        return;
    };
    let of = |name: &str| -> Vec<&[String; 3]> { mistaken.iter().filter(|m| m[0] == name).collect() };
    assert_eq!(of("good"), Vec::<&[String; 3]>::new());
    assert!(of("bad").iter().any(|m| m[1] == "polling"), "{mistaken:?}");
}
