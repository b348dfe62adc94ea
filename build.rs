//! Makes the enum `Text` of `src/i18n/texts.toml`, so that a text that is missing
//! in a language, or a key that does not exist, does not compile.
//!
//! Reads the small part of TOML that the file is written in, and refuses the rest:
//! `[group]`, `key = { vi = "…", en = "…" }`, comments, empty lines.

use std::collections::BTreeSet;
use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

const SOURCE: &str = "src/i18n/texts.toml";

struct Entry {
    group: String,
    key: String,
    vi: String,
    en: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={SOURCE}");
    println!("cargo::rerun-if-changed=build.rs");
    let entries = parse(&fs::read_to_string(SOURCE)?)?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    fs::write(out.join("texts.rs"), code(&entries)?)?;
    Ok(())
}

fn parse(text: &str) -> Result<Vec<Entry>, String> {
    let mut entries = Vec::new();
    let mut seen = BTreeSet::new();
    let mut group = String::new();
    for (i, line) in text.lines().enumerate() {
        let bad = |what: &str| format!("{SOURCE}:{}: {what}: {line}", i + 1);
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            name.clone_into(&mut group);
            continue;
        }
        let (key, rest) = line
            .split_once(" = { vi = ")
            .ok_or_else(|| bad("expected `key = { vi = \"…\", en = \"…\" }`"))?;
        let (vi, rest) = string(rest).ok_or_else(|| bad("no string after vi"))?;
        let rest = rest
            .strip_prefix(", en = ")
            .ok_or_else(|| bad("no `, en = ` after the Vietnamese text"))?;
        let (en, rest) = string(rest).ok_or_else(|| bad("no string after en"))?;
        if rest.trim() != "}" {
            return Err(bad("something follows the English text"));
        }
        let plain = |s: &str| {
            !s.is_empty()
                && s.bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        if !plain(&group) || !plain(key) {
            return Err(bad("groups and keys are lower-case words with _"));
        }
        if vi.is_empty() || en.is_empty() {
            return Err(bad("a text is empty"));
        }
        if !seen.insert(variant(&group, key)) {
            return Err(bad("this key stands twice"));
        }
        entries.push(Entry {
            group: group.clone(),
            key: key.to_owned(),
            vi,
            en,
        });
    }
    Ok(entries)
}

/// The basic string that `text` begins with, and what follows it.
fn string(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut chars = text.strip_prefix('"')?.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return Some((out, chars.as_str())),
            '\\' => out.push(match chars.next()? {
                'n' => '\n',
                c @ ('"' | '\\') => c,
                _ => return None,
            }),
            c => out.push(c),
        }
    }
    None
}

fn variant(group: &str, key: &str) -> String {
    let mut out = String::new();
    for word in group.split('_').chain(key.split('_')) {
        let mut chars = word.chars();
        out.extend(chars.next().map(|c| c.to_ascii_uppercase()));
        out.extend(chars);
    }
    out
}

fn code(entries: &[Entry]) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    writeln!(
        out,
        "/// The key of a text on screen, made of `texts.toml`: its group and its key."
    )?;
    writeln!(
        out,
        "#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]"
    )?;
    writeln!(out, "pub enum Text {{")?;
    for e in entries {
        writeln!(
            out,
            "    /// {}",
            e.en.replace('\n', " ").replace(['[', ']', '<', '>', '`'], "")
        )?;
        writeln!(out, "    {},", variant(&e.group, &e.key))?;
    }
    writeln!(out, "}}\n")?;
    writeln!(out, "/// Key, Vietnamese, English; in the order of [`Text`].")?;
    writeln!(out, "static TABLE: [Row; {}] = [", entries.len())?;
    for e in entries {
        writeln!(
            out,
            "    Row {{ text: Text::{}, group: {:?}, key: {:?}, vi: {:?}, en: {:?} }},",
            variant(&e.group, &e.key),
            e.group,
            e.key,
            e.vi,
            e.en
        )?;
    }
    writeln!(out, "];")?;
    Ok(out)
}
