//! Which ids are declared, and whether what is named is among them.

use std::collections::BTreeMap;
use std::fmt;

use super::super::fields::Fields;
use super::super::node::{Node, Place};
use super::super::problem::{Sink, nearest};
use super::super::read::Read;

/// Most known words that are compared with a wrong one.
const MAX_COMPARED: usize = 20_000;

/// Ids of one kind, with the places where they are declared.
#[derive(Debug)]
pub(super) struct Ids {
    noun: &'static str,
    known: BTreeMap<String, Place>,
}

impl Ids {
    /// Collects the ids of a list of mappings; one that comes twice is reported.
    pub(super) fn of_list(noun: &'static str, list: Option<&Node>, sink: &Sink) -> Self {
        let mut known: BTreeMap<String, Place> = BTreeMap::new();
        for item in list.map_or(&[][..], Node::items) {
            let Some(id) = item.get("id") else { continue };
            let Some(text) = id.text() else { continue };
            if let Some(first) = known.get(text) {
                sink.report(
                    id.problem(format!("there is a second {noun} {text:?}"))
                        .expected(format!("an id of its own; the first is at {first:?}")),
                );
            } else {
                known.insert(text.to_owned(), id.place().clone());
            }
        }
        Self { noun, known }
    }

    /// The names of a mapping.
    pub(super) fn of_names(noun: &'static str, names: Option<&Node>) -> Self {
        let known = names
            .into_iter()
            .flat_map(Node::entries)
            .map(|(name, place, _)| (name.to_owned(), place.clone()))
            .collect();
        Self { noun, known }
    }

    /// Adds a name that is built in.
    pub(super) fn add(&mut self, name: &str, place: &Place) {
        self.known.entry(name.to_owned()).or_insert_with(|| place.clone());
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.known.contains_key(name)
    }

    /// The id at `node`, if it is one and is declared; else that is reported.
    pub(super) fn check<T: Read + fmt::Display>(&self, node: &Node, sink: &Sink) -> Option<T> {
        let id = T::read(node, sink)?;
        let text = id.to_string();
        if self.has(&text) {
            return Some(id);
        }
        let known = self.known.keys().map(String::as_str).take(MAX_COMPARED);
        let expected = if self.known.is_empty() {
            format!("a declared {}; there is none at all", self.noun)
        } else {
            format!("a declared {}", self.noun)
        };
        let written = node.written().unwrap_or_default();
        sink.report(
            node.problem(format!("there is no {} {written:?}", self.noun))
                .expected(expected)
                .did_you_mean(nearest(&text, known)),
        );
        None
    }

    /// The reference at a key, if it is there.
    pub(super) fn get<T: Read + fmt::Display>(&self, fields: &Fields<'_>, key: &str) -> Option<T> {
        fields.node(key).and_then(|node| self.check(node, fields.sink()))
    }

    /// The reference at a key that must be there.
    pub(super) fn require<T: Read + fmt::Display>(&self, fields: &Fields<'_>, key: &str) -> Option<T> {
        match fields.node(key) {
            Some(node) => self.check(node, fields.sink()),
            None => fields.require(key),
        }
    }

    /// The references of a list at a key.
    pub(super) fn list<T: Read + fmt::Display>(&self, fields: &Fields<'_>, key: &str) -> Vec<T> {
        fields
            .node(key)
            .map_or(&[][..], Node::items)
            .iter()
            .filter_map(|node| self.check(node, fields.sink()))
            .collect()
    }
}
