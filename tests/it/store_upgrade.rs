//! A database of every released schema is brought to the newest one.
//!
//! The files under `tests/data/db` were written by the program of their time.
//! Do not change them or what is asked of them: people's records look like that.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
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

/// What a file's schema says, statement by statement.
fn schema(path: &Path) -> Vec<String> {
    let c = Connection::open(path).unwrap();
    let mut statement = c
        .prepare(
            "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY name",
        )
        .unwrap();
    let rows = statement.query_map([], |r| r.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn what_is_migrated_has_the_schema_of_what_is_new() {
    let folder = TempDir::new().unwrap();
    let fresh = folder.path().join("fresh.db");
    open(&fresh).store.close();
    let fresh = schema(&fresh);
    assert!(fresh.len() > 20, "{fresh:?}");
    for file in frozen() {
        let path = folder.path().join("old.db");
        fs::copy(&file, &path).unwrap();
        open(&path).store.close();
        assert_eq!(schema(&path), fresh, "{}", file.display());
        fs::remove_file(&path).unwrap();
    }
}

/// Columns by table.
type Entities = BTreeMap<String, BTreeSet<String>>;
/// Parent and child.
type Relations = BTreeSet<(String, String)>;

/// The diagram of docs/schema.md: its entities with their columns, its relations.
fn diagram() -> (Entities, Relations) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/schema.md");
    let text = fs::read_to_string(path).unwrap();
    let body = text
        .split("erDiagram")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let (mut entities, mut relations) = (BTreeMap::new(), BTreeSet::new());
    let mut entity: Option<String> = None;
    for line in body.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut columns = line;
        if let Some((name, rest)) = line.split_once('{').filter(|(name, _)| !name.contains("--")) {
            entity = Some(name.trim().to_owned());
            columns = rest;
        } else if entity.is_none() {
            relations.insert((words[0].to_owned(), words[2].to_owned()));
            continue;
        }
        let name = entity.clone().unwrap();
        let column = columns.split_whitespace().nth(1).unwrap().to_owned();
        entities.entry(name).or_insert_with(BTreeSet::new).insert(column);
        if line.ends_with('}') {
            entity = None;
        }
    }
    (entities, relations)
}

#[test]
fn the_diagram_in_the_docs_names_every_table_and_every_foreign_key() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("fresh.db");
    open(&path).store.close();
    let c = Connection::open(&path).unwrap();
    let list = |sql: &str, table: &str| -> BTreeSet<String> {
        let mut statement = c.prepare(sql).unwrap();
        let rows = statement.query_map([table], |r| r.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let tables = list(
        "SELECT name FROM sqlite_schema WHERE type = ?1 AND name NOT LIKE 'sqlite_%'",
        "table",
    );
    let (entities, relations) = diagram();
    assert_eq!(entities.keys().cloned().collect::<BTreeSet<_>>(), tables);
    for table in &tables {
        let columns = list("SELECT name FROM pragma_table_xinfo(?1)", table);
        let strange: Vec<_> = entities[table].difference(&columns).collect();
        assert!(strange.is_empty(), "{table} has no {strange:?}");
        let keys = list("SELECT name FROM pragma_table_xinfo(?1) WHERE pk > 0", table);
        assert!(keys.is_subset(&entities[table]), "the key of {table}: {keys:?}");
        for parent in list("SELECT \"table\" FROM pragma_foreign_key_list(?1)", table) {
            let relation = (parent.clone(), table.clone());
            assert!(relations.contains(&relation), "{parent} to {table} is not drawn");
        }
    }
}
