//! A YAML sub-tree in which every value knows its place.
//!
//! Readers take a [`Node`] apart with [`Node::fields`] and the typed getters of
//! [`Fields`]; whatever is wrong goes to the [`Sink`] with its place, and
//! reading goes on. A plugin (probe kind, notifier, device profile) gets its own
//! sub-tree unread and takes it apart in the same way.
//!
//! Nothing here prints a value: values may be secrets (`Debug` shows shapes only).

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::fields::Fields;
use super::mask::{self, Line};
use super::problem::{Problem, Sink, nearest};
use super::read::Read;
use super::schema::Key;
use super::secret::Env;

/// A file that has been read: its name and its text, for showing problems.
pub struct Source {
    /// As it is named in problems.
    pub name: String,
    /// Folder that relative paths in it start from.
    pub folder: PathBuf,
    /// What its pointers lead to.
    pub env: Arc<Env>,
    /// As it was written, secrets and all; may be empty. Shown by [`Source::line`] only.
    text: Box<str>,
    /// Its lines, secrets masked: made when the first is to be shown, which for most files is never.
    lines: OnceLock<Vec<Line>>,
}

impl Source {
    /// A file, or what stands for one.
    pub(super) fn new(name: &str, folder: &Path, text: &str, env: &Arc<Env>) -> Self {
        Self {
            name: name.to_owned(),
            folder: folder.to_owned(),
            env: Arc::clone(env),
            text: text.into(),
            lines: OnceLock::new(),
        }
    }

    /// How long it is, bytes.
    pub(super) fn length(&self) -> usize {
        self.text.len()
    }

    /// A line as it may be shown, from 1; `None`: there is no such line.
    fn line(&self, number: u32) -> Option<&Line> {
        let at = usize::try_from(number).ok()?.checked_sub(1)?;
        self.lines.get_or_init(|| mask::lines(&self.text)).get(at)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({})", self.name)
    }
}

/// Where a value stands.
#[derive(Clone)]
pub struct Place {
    /// In which file.
    pub source: Arc<Source>,
    /// Line, from 1; 0: nowhere in particular.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// A value with its place.
#[derive(Clone)]
pub struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// What a value is.
#[derive(Clone)]
pub(super) enum Value {
    /// Nothing: empty, `~` or `null`.
    Null,
    /// Text, a number, a word.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file, no key twice.
    Map(Vec<Entry>),
}

/// A scalar value.
#[derive(Clone)]
pub(super) struct Scalar {
    /// As it is, variables replaced.
    pub(super) text: Box<str>,
    /// As it was written, where that is something else.
    pub(super) written: Option<Box<str>>,
    /// Without quotes: may be a number or a truth value.
    pub(super) plain: bool,
}

/// A key with its value.
#[derive(Clone)]
pub(super) struct Entry {
    /// Shared with the same key elsewhere in the file.
    pub(super) key: Arc<str>,
    pub(super) place: Place,
    pub(super) node: Node,
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.source.name, self.line, self.column)
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shape = match &self.value {
            Value::Null => "nothing".to_owned(),
            Value::Scalar(_) => "a value".to_owned(),
            Value::List(items) => format!("a list of {}", items.len()),
            Value::Map(entries) => format!("a mapping of {} keys", entries.len()),
        };
        write!(f, "Node({shape} at {:?})", self.place)
    }
}

impl Place {
    /// A problem here.
    pub fn problem(&self, what: impl Into<String>) -> Problem {
        let line = usize::try_from(self.line).unwrap_or(usize::MAX);
        let column = usize::try_from(self.column).unwrap_or(usize::MAX);
        let source_line = self.source.line(self.line);
        Problem {
            line,
            column,
            source_line: source_line.map(|l| l.text.clone()).unwrap_or_default(),
            caret: source_line.map_or(column, |l| l.column(column)),
            ..Problem::of_file(self.source.name.clone(), what)
        }
    }
}

impl Node {
    /// Where it stands.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// A problem here.
    pub fn problem(&self, what: impl Into<String>) -> Problem {
        self.place.problem(what)
    }

    /// Whether there is nothing (empty, `~`, `null`).
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// Whether it is a mapping.
    pub fn is_map(&self) -> bool {
        matches!(self.value, Value::Map(_))
    }

    /// Whether it is a list.
    pub fn is_list(&self) -> bool {
        matches!(self.value, Value::List(_))
    }

    /// The scalar's text, variables replaced; `None` for anything else.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) => Some(&scalar.text),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The scalar as it was written, for messages: a variable stays a variable.
    pub fn written(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) => Some(scalar.written.as_deref().unwrap_or(&scalar.text)),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// Whether the scalar stood in quotes, so that it is text whatever it looks like.
    pub fn is_quoted(&self) -> bool {
        matches!(&self.value, Value::Scalar(s) if !s.plain)
    }

    /// The values of a list; a single value stands for a list of one, nothing for none.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::Null => &[],
            Value::List(items) => items,
            Value::Scalar(_) | Value::Map(_) => std::slice::from_ref(self),
        }
    }

    /// The entries of a mapping with free keys: key, its place, its value. Empty for anything else.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Place, &Node)> {
        let entries: &[Entry] = match &self.value {
            Value::Map(entries) => entries,
            Value::Null | Value::Scalar(_) | Value::List(_) => &[],
        };
        entries.iter().map(|e| (&*e.key, &e.place, &e.node))
    }

    /// The entries of a mapping with free keys, or a report that this is none.
    pub fn named(&self, sink: &Sink) -> impl Iterator<Item = (&str, &Place, &Node)> {
        if !self.is_map() && !self.is_null() {
            sink.report(
                self.problem(format!("this is {}, not a mapping", self.shape()))
                    .expected("names with what belongs to them, like `name: …`"),
            );
        }
        self.entries()
    }

    /// The value of a key, if this is a mapping that has it; not checked against any table.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().find(|(k, _, _)| *k == key).map(|(_, _, n)| n)
    }

    /// What it is, for messages.
    pub fn shape(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Scalar(_) => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// Reads it as a `T`, or reports why it is none.
    pub fn read<T: Read>(&self, sink: &Sink) -> Option<T> {
        T::read(self, sink)
    }

    /// Opens a mapping whose keys are those of `table`. Unknown keys are
    /// reported at once; anything but a mapping is reported and yields `None`.
    pub fn fields<'a>(&'a self, table: &'static [Key], sink: &'a Sink) -> Option<Fields<'a>> {
        if !self.is_map() && !self.is_null() {
            let keys: Vec<&str> = table.iter().map(|k| k.name).collect();
            sink.report(
                self.problem(format!("this is {}, not a mapping", self.shape()))
                    .expected(format!("a mapping with the keys {}", keys.join(", "))),
            );
            return None;
        }
        for (key, place, _) in self.entries() {
            if table.iter().all(|k| k.name != key) {
                sink.report(unknown_key(key, place, table.iter().map(|k| k.name)));
            }
        }
        Some(Fields::new(self, table, sink))
    }

    /// The tree as JSON, as it was written: variables stay variables, so that
    /// no secret that stands in one gets into the record.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => entries
                .iter()
                .map(|e| (e.key.to_string(), e.node.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            Value::Scalar(scalar) => {
                let written = scalar.written.as_deref().unwrap_or(&scalar.text);
                let number = scalar.plain.then(|| serde_json::from_str(written).ok()).flatten();
                match number {
                    Some(v @ (serde_json::Value::Number(_) | serde_json::Value::Bool(_))) => v,
                    Some(_) | None => written.into(),
                }
            }
        }
    }

    /// A tree of JSON, as [`Node::to_json`] made it; `name` stands for its place in problems.
    pub fn from_json(name: &str, json: &serde_json::Value, env: &Arc<Env>, sink: &Sink) -> Self {
        let place = Place {
            source: Arc::new(Source::new(name, Path::new(""), "", env)),
            line: 0,
            column: 0,
        };
        Self::of_json(&place, json, sink)
    }

    fn of_json(place: &Place, json: &serde_json::Value, sink: &Sink) -> Self {
        let plain = |text: String| {
            Value::Scalar(Scalar {
                text: text.into(),
                written: None,
                plain: true,
            })
        };
        let value = match json {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(b) => plain(b.to_string()),
            serde_json::Value::Number(n) => plain(n.to_string()),
            serde_json::Value::String(s) => super::yaml::scalar(s, false, place, sink),
            serde_json::Value::Array(items) => {
                Value::List(items.iter().map(|i| Self::of_json(place, i, sink)).collect())
            }
            serde_json::Value::Object(map) => Value::Map(
                map.iter()
                    .map(|(key, value)| Entry {
                        key: key.as_str().into(),
                        place: place.clone(),
                        node: Self::of_json(place, value, sink),
                    })
                    .collect(),
            ),
        };
        Self {
            place: place.clone(),
            value,
        }
    }

    /// The mapping without one key; anything else as it is.
    #[must_use]
    pub fn without(&self, key: &str) -> Self {
        let mut copy = self.clone();
        if let Value::Map(entries) = &mut copy.value {
            entries.retain(|e| &*e.key != key);
        }
        copy
    }

    /// A value at the place of this one, as `text` would be read (flow style YAML).
    pub(super) fn sibling(&self, text: &str) -> Self {
        let place = self.place.clone();
        let plain = |text: &str| Self {
            place: place.clone(),
            value: Value::Scalar(Scalar {
                text: text.into(),
                written: None,
                plain: true,
            }),
        };
        match text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
            Some(inner) => {
                let items = inner.split(',').map(str::trim).filter(|t| !t.is_empty());
                Self {
                    place: place.clone(),
                    value: Value::List(items.map(plain).collect()),
                }
            }
            None => plain(text),
        }
    }

    /// A number that changes when any key or value does, but not with its place.
    /// Only for comparing within this process.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash_into(&mut hasher);
        hasher.finish()
    }

    fn hash_into(&self, hasher: &mut DefaultHasher) {
        match &self.value {
            Value::Null => 0_u8.hash(hasher),
            Value::Scalar(scalar) => (1_u8, &scalar.text, scalar.plain).hash(hasher),
            Value::List(items) => {
                (2_u8, items.len()).hash(hasher);
                for item in items {
                    item.hash_into(hasher);
                }
            }
            Value::Map(entries) => {
                (3_u8, entries.len()).hash(hasher);
                for entry in entries {
                    entry.key.hash(hasher);
                    entry.node.hash_into(hasher);
                }
            }
        }
    }

    /// Nothing, at the place of this one.
    pub(super) fn null(&self) -> Self {
        Self {
            place: self.place.clone(),
            value: Value::Null,
        }
    }

    /// A path named by this node's text, relative to the folder of its file.
    pub fn path_of(&self, text: &str) -> PathBuf {
        self.place.source.folder.join(Path::new(text))
    }
}

/// The problem of a key that nobody knows.
pub fn unknown_key<'k>(key: &str, place: &Place, known: impl IntoIterator<Item = &'k str>) -> Problem {
    let known: Vec<&str> = known.into_iter().collect();
    place
        .problem(format!("unknown key {key:?}"))
        .expected(format!("one of: {}", known.join(", ")))
        .did_you_mean(nearest(key, known.iter().copied()))
}
