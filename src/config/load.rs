//! Files to one tree: the file itself, what it includes, variables replaced.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::build;
use super::model::Config;
use super::node::{Entry, Node, Value};
use super::problem::{Problem, Problems, Sink};
use super::raw;
use super::secret::Env;
use super::yaml;

/// Most files that are read.
const MAX_FILES: usize = 1_000;

/// The tree of a file with everything that it includes.
#[derive(Debug)]
pub struct Loaded {
    /// The tree, merged.
    pub root: Node,
    /// The files, the main one first.
    pub files: Vec<PathBuf>,
}

/// Reads a configuration.
///
/// # Errors
/// Every problem of every file, in order.
pub fn load(path: &Path, env: Env) -> Result<Config, Problems> {
    let sink = Sink::new();
    match read(path, env, &sink) {
        Some(Loaded { root, files }) => {
            let config = build::build(&root, files, sink);
            discard(root);
            config
        }
        None => Err(sink.into_problems()),
    }
}

/// Drops a tree, a large one beside whatever comes next: it has millions of parts.
fn discard(root: Node) {
    const LARGE: usize = 1 << 20;
    if root.place().source.length() >= LARGE {
        // Where no thread can be had, it is dropped here.
        drop(std::thread::Builder::new().spawn(move || drop(root)));
    }
}

/// Reads a configuration from a text, as if it were a file of that name in the working folder.
///
/// # Errors
/// Every problem, in order.
pub fn load_text(name: &str, text: &str, env: Env) -> Result<Config, Problems> {
    let sink = Sink::new();
    match yaml::parse(name, Path::new(""), text, &Arc::new(env), &sink) {
        Some(root) => build::build(&root, Vec::new(), sink),
        None => Err(sink.into_problems()),
    }
}

/// Reads the files and merges them, without asking what they mean.
pub fn read(path: &Path, env: Env, sink: &Sink) -> Option<Loaded> {
    let env = Arc::new(env);
    let mut root = file(path, &env, sink)?;
    let mut files = vec![path.to_owned()];
    let patterns = root.get("include").cloned();
    for pattern in patterns.iter().flat_map(Node::items) {
        let Some(text) = pattern.read::<String>(sink) else {
            continue;
        };
        for found in glob(pattern, &text, sink) {
            if files.contains(&found) {
                continue;
            }
            if files.len() >= MAX_FILES {
                sink.report(
                    pattern
                        .problem("this includes too many files")
                        .expected(format!("at most {MAX_FILES} files in all")),
                );
                break;
            }
            if let Some(more) = file(&found, &env, sink) {
                if let Some(inner) = more.get("include") {
                    sink.report(
                        inner
                            .problem("an included file can't include others")
                            .expected("`include` in the main file only"),
                    );
                }
                merge(&mut root, more, 0, sink);
            }
            files.push(found);
        }
    }
    Some(Loaded { root, files })
}

fn file(path: &Path, env: &Arc<Env>, sink: &Sink) -> Option<Node> {
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    let limit = u64::try_from(yaml::MAX_BYTES)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    if let Err(error) = fs::File::open(path).and_then(|f| f.take(limit).read_to_end(&mut bytes)) {
        sink.report(
            Problem::of_file(name, format!("this file can't be read: {error}"))
                .expected("a YAML file that this user may read; `-c FILE` names another"),
        );
        return None;
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    match String::from_utf8(bytes) {
        Ok(text) => yaml::parse(&name, folder, &text, env, sink),
        Err(error) => {
            let good = error.utf8_error().valid_up_to();
            let line = 1 + error
                .as_bytes()
                .iter()
                .take(good)
                .filter(|b| **b == b'\n')
                .count();
            sink.report(
                Problem::of_file(name, format!("line {line} is not UTF-8 text"))
                    .expected("UTF-8, as every editor of today writes it"),
            );
            None
        }
    }
}

/// Puts `more` over `base`: mappings key by key, the lists of the inventory one
/// after the other, anything else replaced.
fn merge(base: &mut Node, more: Node, depth: usize, sink: &Sink) {
    let (entries, others) = match (&mut base.value, more.value) {
        (Value::Map(entries), Value::Map(others)) => (entries, others),
        (Value::Map(_), Value::Null) => return,
        (Value::Map(_), _) if depth == 0 => {
            sink.report(
                more.place
                    .problem("this is not a mapping of keys")
                    .expected("keys of the configuration, like `devices:`"),
            );
            return;
        }
        (value, other) => {
            *value = other;
            base.place = more.place;
            return;
        }
    };
    for Entry { key, place, node } in others {
        let Some(entry) = entries.iter_mut().find(|e| e.key == key) else {
            entries.push(Entry { key, place, node });
            continue;
        };
        let added = depth == 0 && raw::ADDED.contains(&&*key);
        match (&mut entry.node.value, node.value) {
            (Value::List(items), Value::List(more)) if added => items.extend(more),
            (_, value) => merge(
                &mut entry.node,
                Node {
                    place: node.place,
                    value,
                },
                depth + 1,
                sink,
            ),
        }
    }
}

/// The files that a pattern fits, in name order. `*` and `?` stand in the last part only.
fn glob(at: &Node, pattern: &str, sink: &Sink) -> Vec<PathBuf> {
    let path = at.path_of(pattern);
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned());
    let wild = |text: &str| text.contains(['*', '?']);
    let folder = path.parent().unwrap_or(Path::new(""));
    if wild(&folder.to_string_lossy()) {
        sink.report(
            at.problem("a pattern stands in the name of a folder")
                .expected("`*` and `?` in the last part, like conf.d/*.yaml"),
        );
        return Vec::new();
    }
    let Some(name) = name.filter(|n| wild(n)) else {
        // A plain name: that it is not there is told when it is read.
        return vec![path];
    };
    let folder_or_here = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    match fs::read_dir(folder_or_here) {
        Ok(entries) => {
            let mut found: Vec<PathBuf> = entries
                .filter_map(Result::ok)
                .filter(|entry| {
                    let file = entry.file_name().to_string_lossy().into_owned();
                    // As the shell has it: hidden files are not meant.
                    !file.starts_with('.') && fits(&name, &file) && entry.path().is_file()
                })
                .map(|entry| folder.join(entry.file_name()))
                .collect();
            found.sort();
            found
        }
        Err(error) => {
            sink.report(
                at.problem(format!(
                    "the folder {} can't be read: {error}",
                    folder_or_here.display()
                ))
                .expected("a folder that is there; an empty one is fine"),
            );
            Vec::new()
        }
    }
}

/// Whether a name fits a pattern of `*` and `?`.
fn fits(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    // `reach` has the lengths of the name's beginnings that the pattern so far fits.
    let mut reach = vec![false; name.len() + 1];
    if let Some(first) = reach.first_mut() {
        *first = true;
    }
    for p in pattern {
        let mut next = vec![false; name.len() + 1];
        let mut any = false;
        for (i, slot) in next.iter_mut().enumerate() {
            let here = reach.get(i).copied().unwrap_or(false);
            any |= here;
            let before = i
                .checked_sub(1)
                .and_then(|j| reach.get(j))
                .copied()
                .unwrap_or(false);
            let same = i.checked_sub(1).and_then(|j| name.get(j)) == Some(&p);
            *slot = match p {
                '*' => any,
                '?' => before,
                _ => before && same,
            };
        }
        reach = next;
    }
    reach.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_as_in_the_shell() {
        for (pattern, name, fit) in [
            ("*.yaml", "a.yaml", true),
            ("*.yaml", "a.yml", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*", "", true),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "aXc", false),
        ] {
            assert_eq!(fits(pattern, name), fit, "{pattern} {name}");
        }
    }
}
