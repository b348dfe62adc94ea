//! Which targets: by kind, class, site, area, id or label.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::TargetKind;

/// A choice of targets. Every part that is given must fit; within a part one
/// of its values must. The empty selector fits everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Selector {
    /// Kinds: `device`, `link`, `service`, `site`.
    pub kind: Vec<String>,
    /// Ids of the targets themselves.
    pub id: Vec<String>,
    /// Device classes, or service kinds.
    pub class: Vec<String>,
    /// Sites, with everything that lies in them.
    pub site: Vec<String>,
    /// Kinds of the site (`office`, `school`, …).
    pub site_kind: Vec<String>,
    /// Areas.
    pub area: Vec<String>,
    /// Labels: each must have the value given.
    pub labels: BTreeMap<String, String>,
}

/// What a selector looks at.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// `device`, `link`, `service` or `site`.
    pub kind: &'a str,
    /// Its id.
    pub id: &'a str,
    /// Its class (devices), or kind (services); empty for links and sites.
    pub class: &'a str,
    /// Its site and the sites that this lies in, nearest first.
    pub sites: &'a [&'a str],
    /// The kind of its site.
    pub site_kind: &'a str,
    /// Its area.
    pub area: &'a str,
    /// Its labels.
    pub labels: &'a BTreeMap<String, String>,
}

impl Selector {
    /// A selector for one kind of target.
    pub fn of_kind(kind: TargetKind) -> Self {
        Self {
            kind: vec![kind.as_str().to_owned()],
            ..Self::default()
        }
    }

    /// Whether it fits everything.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether it fits `subject`.
    pub fn matches(&self, subject: &Subject<'_>) -> bool {
        let one = |list: &[String], value: &str| list.is_empty() || list.iter().any(|x| x == value);
        one(&self.kind, subject.kind)
            && one(&self.id, subject.id)
            && one(&self.class, subject.class)
            && (self.site.is_empty() || self.site.iter().any(|s| subject.sites.contains(&s.as_str())))
            && one(&self.site_kind, subject.site_kind)
            && one(&self.area, subject.area)
            && self.labels.iter().all(|(k, v)| subject.labels.get(k) == Some(v))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_must_fit_and_one_value_within_it() {
        let labels = BTreeMap::from([("owner".to_owned(), "van-thu".to_owned())]);
        let subject = Subject {
            kind: "device",
            id: "pc-1",
            class: "computer",
            sites: &["room-2", "office"],
            site_kind: "office",
            area: "thanh-son",
            labels: &labels,
        };
        assert!(Selector::default().matches(&subject));
        let mut s = Selector {
            class: vec!["server".into(), "computer".into()],
            site: vec!["office".into()],
            ..Selector::default()
        };
        assert!(s.matches(&subject));
        s.labels.insert("owner".into(), "khac".into());
        assert!(!s.matches(&subject));
    }
}
