//! YAML text to a tree of [`Node`]s, bounded in size, depth and aliases.
//!
//! The events come from `granit-parser`, with their places; the tree is ours
//! (docs/decisions/0002-yaml-library.md says why). Variables are replaced here,
//! inside values only.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use granit_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::node::{Entry, Node, Place, Scalar, Source, Value};
use super::problem::{Problem, Sink};
use super::secret::Env;

/// Longest file in bytes: a hundred thousand devices in one file fit.
pub const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Most values of one file.
const MAX_NODES: usize = 8_000_000;
/// Most values that aliases may add: enough for shared defaults, far from a "billion laughs".
const MAX_ALIASED: usize = 100_000;
/// Deepest nesting.
const MAX_DEPTH: usize = 64;
/// Keys of one mapping from which on it gets an index.
const MANY: usize = 16;
/// The key that takes in another mapping.
const MERGE: &str = "<<";

/// Reads `text` as one YAML document. `name` and `folder` stand for its place.
///
/// `None` when the text is no YAML, which is reported; an empty text is an empty mapping.
pub fn parse(name: &str, folder: &Path, text: &str, env: &Arc<Env>, sink: &Sink) -> Option<Node> {
    if text.len() > MAX_BYTES {
        sink.report(Problem::of_file(name, "this file is too long").expected("at most 64 MiB"));
        return None;
    }
    let mut tree = Tree {
        source: Arc::new(Source::new(name, folder, text, env)),
        sink,
        open: Vec::new(),
        keys: HashSet::new(),
        anchors: BTreeMap::new(),
        root: None,
        nodes: 0,
        aliased: 0,
    };
    match tree.run(text) {
        Ok(()) => {
            let place = tree.place(1, 0);
            let value = Value::Map(Vec::new());
            Some(tree.root.unwrap_or(Node { place, value }))
        }
        Err(problem) => {
            sink.report(*problem);
            None
        }
    }
}

/// A collection that is not yet closed.
struct Open {
    place: Place,
    anchor: usize,
    inside: Inside,
}

enum Inside {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        /// Where each key stands in `entries`, once they are too many to be looked through.
        index: HashMap<Arc<str>, usize>,
        key: Option<Key>,
        /// What `<<` names, with the places of the `<<`.
        merged: Vec<(Place, Node)>,
    },
}

/// A key that waits for its value.
struct Key {
    name: Arc<str>,
    place: Place,
    /// It stands here a second time: its value is read and thrown away.
    is_double: bool,
}

struct Tree<'s> {
    source: Arc<Source>,
    sink: &'s Sink,
    open: Vec<Open>,
    /// Every key that was met, each kept once.
    keys: HashSet<Arc<str>>,
    anchors: BTreeMap<usize, Node>,
    root: Option<Node>,
    nodes: usize,
    aliased: usize,
}

type Stop = Box<Problem>;

impl Tree<'_> {
    fn place(&self, line: usize, column0: usize) -> Place {
        Place {
            source: Arc::clone(&self.source),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column0.saturating_add(1)).unwrap_or(u32::MAX),
        }
    }

    fn at(&self, mark: &Marker) -> Place {
        self.place(mark.line(), mark.col())
    }

    fn run(&mut self, text: &str) -> Result<(), Stop> {
        let options = granit_parser::options! {
            emit_comments: false,
            flow_nesting_limit: MAX_DEPTH,
            block_nesting_limit: MAX_DEPTH,
        };
        let mut documents = 0;
        for next in Parser::new_from_str_with_options(text, options) {
            let (event, span) = next.map_err(|error| {
                // The kinds' texts name syntax only, never a value.
                Box::new(
                    self.at(error.marker())
                        .problem(format!("this is no YAML: {}", error.kind()))
                        .expected("YAML 1.2; watch the indentation, and quote values with ': ' or ' #'"),
                )
            })?;
            let place = self.at(&span.start);
            match event {
                Event::DocumentStart(..) => {
                    documents += 1;
                    if documents > 1 {
                        return Err(Box::new(
                            place
                                .problem("a second document begins here")
                                .expected("one document a file; use `include` for more files"),
                        ));
                    }
                }
                Event::Scalar(text, style, anchor, tag) => {
                    self.refuse_tag(tag.as_deref(), &place);
                    self.scalar(&text, style == ScalarStyle::Plain, anchor, place)?;
                }
                Event::SequenceStart(_, anchor, tag) => {
                    self.refuse_tag(tag.as_deref(), &place);
                    self.start(place, anchor, Inside::List(Vec::new()))?;
                }
                Event::MappingStart(_, anchor, tag) => {
                    self.refuse_tag(tag.as_deref(), &place);
                    let inside = Inside::Map {
                        entries: Vec::new(),
                        index: HashMap::new(),
                        key: None,
                        merged: Vec::new(),
                    };
                    self.start(place, anchor, inside)?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.end()?,
                Event::Alias(id) => self.alias(id, &place)?,
                // The first three carry nothing, the rest is switched off in the options.
                Event::StreamStart
                | Event::StreamEnd
                | Event::DocumentEnd
                | Event::Anchor(..)
                | Event::UnresolvedAlias(_)
                | _ => {}
            }
        }
        Ok(())
    }

    fn refuse_tag(&self, tag: Option<&Tag>, place: &Place) {
        if tag.is_some_and(|tag| !tag.is_yaml_core_schema()) {
            self.sink.report(
                place
                    .problem("a tag (`!…`) stands here")
                    .expected("a plain value; quote a text that begins with '!'"),
            );
        }
    }

    fn count(&mut self, more: usize, place: &Place) -> Result<(), Stop> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes > MAX_NODES {
            return Err(Box::new(
                place
                    .problem("this file holds too many values")
                    .expected(format!("at most {MAX_NODES} values a file")),
            ));
        }
        Ok(())
    }

    fn start(&mut self, place: Place, anchor: usize, inside: Inside) -> Result<(), Stop> {
        self.count(1, &place)?;
        if self.open.len() >= MAX_DEPTH {
            return Err(Box::new(
                place
                    .problem("this is nested too deep")
                    .expected(format!("at most {MAX_DEPTH} levels")),
            ));
        }
        if self.wants_key() {
            return Err(Box::new(place.problem("a key must be a single value").expected(
                "`key: value`; a text with { or [ at its beginning needs quotes",
            )));
        }
        self.open.push(Open {
            place,
            anchor,
            inside,
        });
        Ok(())
    }

    /// Whether the next value is a key.
    fn wants_key(&self) -> bool {
        matches!(
            self.open.last(),
            Some(Open {
                inside: Inside::Map { key: None, .. },
                ..
            })
        )
    }

    fn scalar(&mut self, text: &str, plain: bool, anchor: usize, place: Place) -> Result<(), Stop> {
        self.count(1, &place)?;
        if self.wants_key() {
            self.key(text, place);
            return Ok(());
        }
        let value = scalar(text, plain, &place, self.sink);
        self.put(Node { place, value }, anchor)
    }

    /// Takes the key of the next value.
    fn key(&mut self, text: &str, place: Place) {
        let name = if let Some(known) = self.keys.get(text) {
            Arc::clone(known)
        } else {
            let name: Arc<str> = text.into();
            self.keys.insert(Arc::clone(&name));
            name
        };
        let Some(Open {
            inside:
                Inside::Map {
                    entries,
                    index,
                    key,
                    merged,
                },
            ..
        }) = self.open.last_mut()
        else {
            return;
        };
        let first = if text == MERGE {
            merged.first().map(|(place, _)| place)
        } else if entries.len() < MANY {
            entries.iter().find(|e| e.key == name).map(|e| &e.place)
        } else {
            for (at, entry) in entries.iter().enumerate().skip(index.len()) {
                index.insert(Arc::clone(&entry.key), at);
            }
            index.get(&name).and_then(|at| entries.get(*at)).map(|e| &e.place)
        };
        if let Some(first) = first {
            self.sink.report(
                place
                    .problem(format!("the key {text:?} stands here a second time"))
                    .expected(format!("each key once; it stands already on line {}", first.line)),
            );
        }
        *key = Some(Key {
            is_double: first.is_some(),
            name,
            place,
        });
    }

    /// Puts a finished value where it belongs.
    fn put(&mut self, node: Node, anchor: usize) -> Result<(), Stop> {
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut().map(|open| &mut open.inside) {
            None => self.root = Some(node),
            Some(Inside::List(items)) => items.push(node),
            Some(Inside::Map {
                entries, key, merged, ..
            }) => {
                let Some(Key {
                    name,
                    place,
                    is_double,
                }) = key.take()
                else {
                    return Err(Box::new(node.problem("a key must be a single value")));
                };
                if &*name == MERGE {
                    merged.push((place, node));
                } else if !is_double {
                    entries.push(Entry {
                        key: name,
                        place,
                        node,
                    });
                }
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Stop> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let value = match open.inside {
            Inside::List(items) => Value::List(items),
            Inside::Map {
                mut entries, merged, ..
            } => {
                self.merge(&mut entries, &merged)?;
                Value::Map(entries)
            }
        };
        self.put(
            Node {
                place: open.place,
                value,
            },
            open.anchor,
        )
    }

    /// Adds the entries of `<<` that the mapping does not have itself.
    fn merge(&mut self, entries: &mut Vec<Entry>, merged: &[(Place, Node)]) -> Result<(), Stop> {
        for base in merged.iter().flat_map(|(_, node)| node.items()) {
            if !base.is_map() {
                self.sink.report(
                    base.problem("`<<` takes a mapping")
                        .expected("an alias of a mapping, like `<<: *defaults`"),
                );
            }
            if let Value::Map(more) = &base.value {
                self.count(more.len(), &base.place)?;
                for entry in more {
                    if !entries.iter().any(|e| e.key == entry.key) {
                        entries.push(entry.clone());
                    }
                }
            }
        }
        Ok(())
    }

    fn alias(&mut self, id: usize, place: &Place) -> Result<(), Stop> {
        let Some(found) = self.anchors.get(&id) else {
            return Err(Box::new(
                place
                    .problem("an alias stands inside its own anchor")
                    .expected("an anchor (`&name`) that ends before the alias (`*name`)"),
            ));
        };
        let size = size(found);
        self.aliased = self.aliased.saturating_add(size);
        if self.aliased > MAX_ALIASED {
            return Err(Box::new(place.problem("aliases blow this file up").expected(
                format!("aliases that stand for at most {MAX_ALIASED} values in all"),
            )));
        }
        let node = found.clone();
        self.count(size, place)?;
        if self.wants_key() {
            return Err(Box::new(place.problem("a key can't be an alias")));
        }
        self.put(node, 0)
    }
}

/// How many values a tree holds.
fn size(node: &Node) -> usize {
    1 + match &node.value {
        Value::Null | Value::Scalar(_) => 0,
        Value::List(items) => items.iter().map(size).sum(),
        Value::Map(entries) => entries.iter().map(|e| 1 + size(&e.node)).sum(),
    }
}

/// A scalar as written to a value: variables replaced, nothing recognised.
pub(super) fn scalar(written: &str, plain: bool, place: &Place, sink: &Sink) -> Value {
    if plain && matches!(written, "" | "~" | "null") {
        return Value::Null;
    }
    if !written.contains("${") {
        return Value::Scalar(Scalar {
            text: written.into(),
            written: None,
            plain,
        });
    }
    match expand(written, &place.source.env) {
        Ok(text) if plain && text.is_empty() => Value::Null,
        Ok(text) => Value::Scalar(Scalar {
            text: text.into(),
            written: Some(written.into()),
            plain,
        }),
        Err(Unset { name }) => {
            let what = match &name {
                Some(name) => format!("the environment variable {name} is not set"),
                None => "a `${` without its variable stands here".to_owned(),
            };
            sink.report(
                place
                    .problem(what)
                    .expected("${NAME}, or ${NAME:-default}; $${ for the characters themselves"),
            );
            Value::Null
        }
    }
}

/// A variable that is not set; `None`: what stands there is no variable.
struct Unset {
    name: Option<String>,
}

fn expand(written: &str, env: &Env) -> Result<String, Unset> {
    let mut out = String::with_capacity(written.len());
    let mut rest = written;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(plain) = before.strip_suffix('$') {
            out.push_str(plain);
            out.push_str("${");
            rest = after;
            continue;
        }
        out.push_str(before);
        let (inside, tail) = after.split_once('}').ok_or(Unset { name: None })?;
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        let valid = name
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !valid {
            return Err(Unset { name: None });
        }
        // As in the shell: set but empty counts as not set where there is a default.
        let value = match (env.variable(name), default) {
            (Some(value), None) => value,
            (Some(value), Some(_)) if !value.is_empty() => value,
            (_, Some(default)) => default,
            (None, None) => {
                return Err(Unset {
                    name: Some(name.to_owned()),
                });
            }
        };
        out.push_str(value);
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}
