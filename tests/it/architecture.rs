//! The layers of the house, as ARCHITECTURE.md has them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Who may know whom. The same table stands in ARCHITECTURE.md.
const LAYERS: &[(&str, &str)] = &[
    ("model", ""),
    ("i18n", "model"),
    ("clock", "model"),
    ("schedule", "model"),
    ("inventory", "model i18n"),
    ("config", "model i18n inventory monitor indicator"),
    ("monitor", "model inventory"),
    ("indicator", "model inventory monitor"),
    ("profile", "model inventory config"),
    ("probe", "model clock profile i18n config inventory"),
    ("store", "model inventory monitor indicator clock"),
    ("metrics", "model inventory monitor indicator clock config"),
    ("alert", "model inventory monitor store i18n clock config"),
    ("report", "model inventory monitor indicator store i18n"),
    (
        "web",
        "model i18n clock schedule inventory config monitor indicator profile store metrics alert report",
    ),
    ("lab", "model clock probe profile config inventory"),
    (
        "daemon",
        "model i18n clock schedule inventory config monitor indicator profile probe store metrics alert report web",
    ),
    ("cli", "*"),
];

/// What a pure module may not name.
const IMPURE: &[&str] = &[
    "tokio",
    "rusqlite",
    "std::fs",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
    "std::time::Instant",
    "std::time::SystemTime",
    "std::thread",
    "std::process",
    "std::env::",
    "async fn",
    "getrandom",
    "crate::clock",
];

/// Folders and files that are pure: values in, values out.
const PURE: &[&str] = &[
    "model/",
    "i18n/",
    "inventory/",
    "schedule/",
    "monitor/",
    "indicator/",
    "profile/matcher.rs",
    "profile/apply.rs",
    "profile/rate.rs",
    "probe/icmp/packet.rs",
    "probe/icmp/cookie.rs",
    "probe/icmp/engine/",
    "probe/icmp/pace.rs",
    "probe/icmp/stats.rs",
    "probe/icmp/wheel.rs",
    "probe/snmp/session/",
    "probe/snmp/walk/",
    "probe/snmp/codec/",
    "probe/snmp/size.rs",
    "probe/snmp/keys.rs",
    "probe/snmp/usm.rs",
    "probe/snmp/responder.rs",
    "lab/weather.rs",
    "lab/wire/line.rs",
    "store/history/chunk.rs",
    "metrics/collect/",
    "metrics/expose.rs",
    "alert/route.rs",
    "alert/message.rs",
    "report/dataset/",
];

/// Longest file. Past 500 lines a file is asking to be two; past this it is told.
const MAX_LINES: usize = 800;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(dir: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
}

/// Every source file below `src`, by its path there, cut at its unit tests.
fn sources() -> BTreeMap<String, String> {
    let src = root().join("src");
    let mut found = Vec::new();
    files(&src, ".rs", &mut found);
    found
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&src).unwrap().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).unwrap();
            (name, text)
        })
        .filter(|(name, _)| !name.ends_with("tests.rs") && !name.contains("/tests/"))
        .collect()
}

fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap()
}

fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    without_tests(text)
        .lines()
        .enumerate()
        .map(|(i, l)| (i + 1, l))
        .filter(|(_, l)| !l.trim_start().starts_with("//"))
}

fn complain(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_module_knows_only_the_layers_below_it() {
    let mut faults = Vec::new();
    for (name, text) in sources() {
        let module = name.split(['/', '.']).next().unwrap();
        if matches!(module, "lib" | "main") {
            continue;
        }
        let Some((_, allowed)) = LAYERS.iter().find(|(m, _)| *m == module) else {
            faults.push(format!("src/{name}: module {module} has no row in LAYERS"));
            continue;
        };
        let allowed: Vec<&str> = allowed.split_whitespace().collect();
        for (number, line) in code_lines(&text) {
            for rest in line.split("crate::").skip(1) {
                let inner = rest.strip_prefix('{').unwrap_or(rest);
                let names: Vec<&str> = if inner.len() == rest.len() {
                    vec![
                        rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                            .next()
                            .unwrap(),
                    ]
                } else {
                    faults.push(format!(
                        "src/{name}:{number}: write one `use crate::module` a line, not a group"
                    ));
                    Vec::new()
                };
                for used in names {
                    let known = LAYERS.iter().any(|(m, _)| *m == used);
                    if known && used != module && !allowed.contains(&used) && !allowed.contains(&"*") {
                        faults.push(format!(
                            "src/{name}:{number}: {module} may not know {used}: {}",
                            line.trim()
                        ));
                    }
                }
            }
        }
    }
    complain(&faults);
}

#[test]
fn what_is_pure_names_no_io_no_clock_and_no_async() {
    let mut faults = Vec::new();
    for (name, text) in sources() {
        if !PURE.iter().any(|p| name.starts_with(p)) {
            continue;
        }
        for (number, line) in code_lines(&text) {
            for word in IMPURE {
                if line.contains(word) {
                    faults.push(format!(
                        "src/{name}:{number}: pure code names {word}: {}",
                        line.trim()
                    ));
                }
            }
        }
    }
    complain(&faults);
}

#[test]
fn sql_stands_only_in_the_store_and_now_only_in_the_clock() {
    let mut faults = Vec::new();
    for (name, text) in sources() {
        for (number, line) in code_lines(&text) {
            let sql = [
                "\"SELECT ",
                "\"INSERT ",
                "\"UPDATE ",
                "\"DELETE ",
                "\"CREATE ",
                "\"PRAGMA ",
            ];
            if !name.starts_with("store/") && sql.iter().any(|s| line.contains(s)) {
                faults.push(format!(
                    "src/{name}:{number}: SQL outside of the store: {}",
                    line.trim()
                ));
            }
            let now = [
                "Instant::now(",
                "SystemTime::now(",
                "Timestamp::now(",
                "Zoned::now(",
            ];
            if name != "clock.rs"
                && !line.contains("tokio::time::Instant::now(")
                && now.iter().any(|s| line.contains(s))
            {
                faults.push(format!(
                    "src/{name}:{number}: asks what time it is: {}",
                    line.trim()
                ));
            }
        }
    }
    complain(&faults);
}

#[test]
fn every_file_is_short_says_what_it_is_for_and_leaves_nothing_undone() {
    let mut faults = Vec::new();
    for (name, text) in sources() {
        if !text.starts_with("//!") {
            faults.push(format!("src/{name}: does not begin with //!"));
        }
        let lines = text.lines().count();
        if lines > MAX_LINES {
            faults.push(format!("src/{name}: {lines} lines are more than {MAX_LINES}"));
        }
        for (number, line) in text.lines().enumerate() {
            if ["todo!(", "unimplemented!(", "FIXME", "XXX", "#[ignore"]
                .iter()
                .any(|w| line.contains(w))
            {
                faults.push(format!("src/{name}:{}: left undone: {}", number + 1, line.trim()));
            }
        }
    }
    complain(&faults);
}

#[test]
fn architecture_md_has_the_same_table() {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut faults = Vec::new();
    for (module, allowed) in LAYERS {
        let allowed = match *allowed {
            "" => "(nothing)".to_owned(),
            "*" => "everything".to_owned(),
            list => list.split_whitespace().collect::<Vec<_>>().join(", "),
        };
        let row = format!("| {module} | {allowed} |");
        if !page.contains(&row) {
            faults.push(format!("ARCHITECTURE.md lacks the row: {row}"));
        }
    }
    complain(&faults);
}
