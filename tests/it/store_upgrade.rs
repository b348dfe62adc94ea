//! A database of every released schema is brought to the newest one.
//!
//! The files under `tests/data/db` were written by the program of their time.
//! Do not change them or what is asked of them: people's records look like that.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;
use tramgac::store::{EventFilter, IncidentFilter, Level, Reader, SCHEMA};

use crate::store_record::{open, t};

fn frozen() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/db");
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "sqlite"))
        .collect();
    found.sort();
    found
}

/// With `BLESS=1`, writes the file of a new schema; those that are there stay as they are.
fn bless() {
    let name = format!("tests/data/db/v{SCHEMA:04}.sqlite");
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("BLESS").is_some() && !path.exists() {
        let folder = TempDir::new().unwrap();
        let made = folder.path().join("tramgac.db");
        crate::store_cli::record(&made).close();
        fs::copy(&made, &path).unwrap();
    }
}

#[test]
fn every_released_schema_is_brought_to_the_newest_with_its_rows() {
    bless();
    let files = frozen();
    assert_eq!(
        files.len(),
        usize::try_from(SCHEMA).unwrap(),
        "one for each schema"
    );
    for file in files {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("tramgac.db");
        fs::copy(&file, &path).unwrap();
        let opened = open(&path);
        assert!(!opened.created && opened.salvaged.is_none(), "{}", file.display());
        let reader = Reader::open(&path).unwrap();
        let stored = reader.inventory().unwrap();
        assert_eq!(stored.index.len(), 1);
        let pc = *stored.index.values().next().unwrap();
        assert_eq!(reader.events(&EventFilter::default()).unwrap().len(), 2);
        let incidents = reader.incidents(&IncidentFilter::default()).unwrap();
        assert_eq!((incidents.len(), incidents[0].started_at), (1, t(60)));
        let series = reader.series(Some(pc)).unwrap();
        let points = reader
            .history_from_level(&series[0], t(0), t(3600), Level::Raw)
            .unwrap();
        assert_eq!(points.len(), 2);
        assert!((points[1].max - 0.25).abs() < 1e-9);
    }
}
