//! Selectors: what they name must exist, or they would choose nothing in silence.

use super::super::fields::Fields;
use super::super::node::Node;
use super::super::problem::{Sink, nearest};
use super::super::raw;
use super::super::read::{Read, word};
use super::Known;
use crate::inventory::SiteKind;
use crate::inventory::class::CLASSES;
use crate::model::Selector;

const KINDS: [(&str, &str); 4] = [
    ("device", "device"),
    ("link", "link"),
    ("service", "service"),
    ("site", "site"),
];

/// The selector at a key; nothing there chooses everything.
pub(super) fn at(fields: &Fields<'_>, key: &str, known: &Known) -> Selector {
    fields
        .node(key)
        .and_then(|node| read(node, known, fields.sink()))
        .unwrap_or_default()
}

fn read(node: &Node, known: &Known, sink: &Sink) -> Option<Selector> {
    let f = node.fields(raw::SELECTOR, sink)?;
    let words = |key: &str, words: &[(&'static str, &'static str)]| -> Vec<String> {
        let items = f.node(key).map_or(&[][..], Node::items);
        items
            .iter()
            .filter_map(|item| word(item, sink, words).map(str::to_owned))
            .collect()
    };
    let site_kinds = SiteKind::ALL.map(|(_, w)| (w, w));
    let mut classes: Vec<&str> = CLASSES.iter().map(|row| row.name).collect();
    classes.extend(SiteKind::ALL.map(|(_, word)| word));
    classes.extend(known.check_kinds.iter().map(String::as_str));
    Some(Selector {
        kind: words("kind", &KINDS),
        id: checked(&f, "id", "target", sink, &|id| known.has_target(id), &[]),
        class: checked(&f, "class", "class", sink, &|c| classes.contains(&c), &classes),
        site: known
            .sites
            .list::<crate::model::SiteId>(&f, "site")
            .iter()
            .map(ToString::to_string)
            .collect(),
        site_kind: words("site_kind", &site_kinds),
        area: checked(
            &f,
            "area",
            "unit",
            sink,
            &|id| id == "none" || known.units.has(id),
            &[],
        ),
        labels: f.get("labels").unwrap_or_default(),
    })
}

/// Texts that must pass `is_known`; others are reported.
fn checked(
    f: &Fields<'_>,
    key: &str,
    noun: &str,
    sink: &Sink,
    is_known: &dyn Fn(&str) -> bool,
    near: &[&str],
) -> Vec<String> {
    let items = f.node(key).map_or(&[][..], Node::items);
    items
        .iter()
        .filter_map(|item| {
            let text = String::read(item, sink)?;
            if !is_known(&text) {
                let written = item.written().unwrap_or_default();
                sink.report(
                    item.problem(format!("there is no {noun} {written:?}"))
                        .expected(format!("a {noun} that is declared"))
                        .did_you_mean(nearest(&text, near.iter().copied())),
                );
            }
            Some(text)
        })
        .collect()
}
