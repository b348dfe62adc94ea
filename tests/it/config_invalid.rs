//! One file for each mistake, with the whole message that the real command prints.
//!
//! `BLESS=1` writes the messages anew; review the difference.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::program::{stderr, stdout, tramgac};

/// Stands in fixtures where a secret would; no output may ever hold it.
const SENTINEL: &str = "hunter2-sentinel";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/config/invalid")
}

fn fixtures() -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
        .collect();
    all.sort();
    all
}

#[test]
fn every_mistake_is_told_with_its_place_and_a_way_out() {
    let bless = std::env::var_os("BLESS").is_some();
    let mut wrong = Vec::new();
    for path in fixtures() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let output = tramgac(&["check", "-c", name])
            .current_dir(folder())
            .env("TRAMGAC_TEST_SECRET", SENTINEL)
            .env_remove("CREDENTIALS_DIRECTORY")
            .env_remove("TRAMGAC_CONFIG")
            .output()
            .unwrap();
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{name}: {told}");
        assert_eq!(stdout(&output), "", "{name}");
        assert!(!told.contains(SENTINEL), "{name} tells a secret:\n{told}");
        assert!(
            told.contains("expected: "),
            "{name} says not what is right:\n{told}"
        );
        let expected = path.with_extension("txt");
        if bless {
            fs::write(&expected, &told).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != told {
            wrong.push(format!("── {name} ──\n{told}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} messages are not as written down (BLESS=1 writes them anew):\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn five_different_mistakes_give_five_errors_with_places() {
    let output = tramgac(&["check", "-c", "five_mistakes.yaml"])
        .current_dir(folder())
        .output()
        .unwrap();
    let told = stderr(&output);
    assert_eq!(told.matches("error: ").count(), 5, "{told}");
    assert_eq!(told.matches("--> five_mistakes.yaml:").count(), 5, "{told}");
    assert!(told.ends_with("5 problems found\n"), "{told}");
}

#[test]
fn every_message_belongs_to_a_mistake() {
    let files = fixtures();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "txt") {
            assert!(files.contains(&path.with_extension("yaml")), "{}", path.display());
        }
    }
}

#[test]
fn a_file_that_is_not_there_is_one_clear_error() {
    let output = tramgac(&["check", "-c", "no/such/file.yaml"]).output().unwrap();
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        told.starts_with("error: this file can't be read: No such file"),
        "{told}"
    );
    assert!(told.contains("--> no/such/file.yaml"), "{told}");
}
