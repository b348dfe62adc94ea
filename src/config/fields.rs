//! A mapping that was opened with its table of keys: typed getters that report
//! what is wrong, with its place, and go on.

use super::node::Node;
use super::problem::Sink;
use super::read;
use super::read::Read;
use super::schema::{Key, Kind};

/// An opened mapping: typed getters that report to the sink.
pub struct Fields<'a> {
    node: &'a Node,
    table: &'static [Key],
    sink: &'a Sink,
}

impl<'a> Fields<'a> {
    /// The mapping `node` with the keys of `table`.
    pub(super) fn new(node: &'a Node, table: &'static [Key], sink: &'a Sink) -> Self {
        Self { node, table, sink }
    }

    /// The value of a key that is there and not nothing.
    ///
    /// The key must stand in the table that the mapping was opened with.
    pub fn node(&self, key: &str) -> Option<&'a Node> {
        debug_assert!(
            self.table.iter().any(|k| k.name == key),
            "{key} is not in the table"
        );
        self.node.get(key).filter(|n| !n.is_null())
    }

    /// The value of a key, read; `None` when it is not there, or wrong and reported.
    pub fn get<T: Read>(&self, key: &str) -> Option<T> {
        self.node(key).and_then(|node| self.read(key, node))
    }

    /// Reads a value, numbers within the bounds of the table.
    fn read<T: Read>(&self, key: &str, node: &Node) -> Option<T> {
        let row = self.table.iter().find(|k| k.name == key);
        if let Some(Kind::Integer(least, most)) = row.map(|k| k.kind)
            && node
                .text()
                .and_then(read::integer)
                .is_none_or(|n| n < least || n > most)
        {
            read::scalar(
                node,
                self.sink,
                "allowed here",
                &format!("a whole number from {least} to {most}"),
                |_| None::<()>,
            );
            return None;
        }
        T::read(node, self.sink)
    }

    /// The value of a key, or `default` when it is not there (or wrong, and reported).
    pub fn get_or<T: Read>(&self, key: &str, default: T) -> T {
        self.get(key).unwrap_or(default)
    }

    /// The values of a key that holds a list; empty when it is not there.
    pub fn list<T: Read>(&self, key: &str) -> Vec<T> {
        self.get(key).unwrap_or_default()
    }

    /// The value of a key that must be there; missing is reported.
    pub fn require<T: Read>(&self, key: &str) -> Option<T> {
        let found = self.node(key);
        if found.is_none() {
            self.sink.report(
                self.node
                    .problem(format!("the key {key:?} is missing here"))
                    .expected(self.describe(key)),
            );
        }
        found.and_then(|node| self.read(key, node))
    }

    /// The value of a key, or its default of the table.
    ///
    /// Only for keys whose row has one; a test reads every default of every table.
    pub fn preset<T: Read + Default>(&self, key: &str) -> T {
        if let Some(found) = self.get(key) {
            return found;
        }
        // Wrong ones too: what comes of a wrong value is no mistake of its own.
        let default = self.table.iter().find(|k| k.name == key).and_then(|k| k.default);
        default
            .and_then(|text| T::read(&self.node.sibling(text), self.sink))
            .unwrap_or_default()
    }

    /// Reports a problem at the value of `key`, or at the mapping when the key is not there.
    pub fn report(&self, key: &str, what: impl Into<String>, expected: impl Into<String>) {
        let node = self.node(key).unwrap_or(self.node);
        self.sink.report(node.problem(what).expected(expected));
    }

    /// The mapping itself.
    pub fn whole(&self) -> &'a Node {
        self.node
    }

    /// Where this reports.
    pub fn sink(&self) -> &'a Sink {
        self.sink
    }

    fn describe(&self, key: &str) -> String {
        let doc = self.table.iter().find(|k| k.name == key).map_or("", |k| k.doc);
        format!("`{key}`: {doc}")
    }
}
