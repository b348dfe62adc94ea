//! Old facts, new facts → changes: an empty answer erases nothing, flapping makes no events.
//!
//! ```text
//! told        known       what happens
//! nothing     anything    nothing: a partial answer erases nothing (trap 7)
//! A           nothing     learnt: event (old: none, new: A)
//! A           A           nothing
//! B           A           B was never seen: event (A → B), at once
//! A           B, was A    it went back: an event only when A has been told SETTLED times in a row
//! ```
//!
//! So a value that goes to and fro with a sensor's rounding is told once, and a
//! real way back (a firmware rolled back) a few polls later.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

/// How often a former value must be told in a row before it counts again.
pub const SETTLED: u8 = 3;

/// Former values kept of each fact.
const FORMER: usize = 4;

/// Facts kept of one device; a device has some twenty.
const MAX_FACTS: usize = 256;

/// One fact that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: String,
    /// Before; `None`: not known.
    pub old: Option<String>,
    /// After.
    pub new: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    value: Box<str>,
    /// Most facts never change.
    past: Option<Box<Past>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Past {
    /// Oldest first.
    former: Vec<Box<str>>,
    candidate: Option<(Box<str>, u8)>,
}

impl Held {
    fn new(value: &str) -> Self {
        Self {
            value: value.into(),
            past: None,
        }
    }
}

/// What is known of one device, and what it was before. Kept with the device.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts(BTreeMap<Box<str>, Held>);

impl Facts {
    /// Facts as they stand in the record, with no past.
    pub fn known(facts: impl IntoIterator<Item = (String, String)>) -> Self {
        let held = |(key, value): (String, String)| (key.into(), Held::new(&value));
        Self(facts.into_iter().map(held).collect())
    }

    /// The value of a fact.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(|held| &*held.value)
    }

    /// All facts, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, held)| (&**key, &*held.value))
    }

    /// Takes what a device told; returns what changed, by key.
    pub fn learn<'a>(&mut self, told: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<Change> {
        let mut changes: Vec<Change> = told
            .into_iter()
            .filter_map(|(key, value)| self.learn_one(key, value.trim()))
            .collect();
        changes.sort_by(|a, b| a.key.cmp(&b.key));
        changes
    }

    fn learn_one(&mut self, key: &str, told: &str) -> Option<Change> {
        if told.is_empty() {
            return None;
        }
        let Some(held) = self.0.get_mut(key) else {
            if self.0.len() >= MAX_FACTS {
                return None;
            }
            self.0.insert(key.into(), Held::new(told));
            return Some(Change {
                key: key.to_owned(),
                old: None,
                new: told.to_owned(),
            });
        };
        if *held.value == *told {
            if let Some(past) = &mut held.past {
                past.candidate = None;
            }
            return None;
        }
        let past = held.past.get_or_insert_default();
        if past.former.iter().any(|f| **f == *told) {
            let times = match &past.candidate {
                Some((candidate, times)) if **candidate == *told => times.saturating_add(1),
                Some(_) | None => 1,
            };
            if times < SETTLED {
                past.candidate = Some((told.into(), times));
                return None;
            }
        }
        past.candidate = None;
        past.former.retain(|f| **f != *told);
        let old = std::mem::replace(&mut held.value, told.into());
        past.former.push(old.clone());
        if past.former.len() > FORMER {
            past.former.remove(0);
        }
        Some(Change {
            key: key.to_owned(),
            old: Some(old.into()),
            new: told.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learn(facts: &mut Facts, value: &str) -> Vec<(Option<String>, String)> {
        facts
            .learn([("firmware", value)])
            .into_iter()
            .map(|c| (c.old, c.new))
            .collect()
    }

    // trap 7
    #[test]
    fn an_empty_or_partial_answer_erases_nothing() {
        let mut facts = Facts::known([("serial".to_owned(), "SN1".to_owned())]);
        assert!(facts.learn([("serial", ""), ("serial", "  ")]).is_empty());
        assert!(facts.learn([]).is_empty());
        assert_eq!(facts.get("serial"), Some("SN1"));
    }

    #[test]
    fn a_change_has_its_old_and_its_new_value() {
        let mut facts = Facts::default();
        assert_eq!(learn(&mut facts, "7.1"), [(None, "7.1".into())]);
        assert!(learn(&mut facts, "7.1 ").is_empty());
        assert_eq!(learn(&mut facts, "7.2"), [(Some("7.1".into()), "7.2".into())]);
    }

    #[test]
    fn a_value_that_goes_to_and_fro_is_told_once() {
        let mut facts = Facts::default();
        let mut events = 0;
        for n in 0..100 {
            events += learn(&mut facts, if n % 2 == 0 { "12.0" } else { "12.1" }).len();
        }
        assert_eq!(events, 2);
    }

    #[test]
    fn a_real_way_back_is_told_when_it_has_settled() {
        let mut facts = Facts::default();
        learn(&mut facts, "7.1");
        learn(&mut facts, "7.2");
        let events: Vec<usize> = (0..4).map(|_| learn(&mut facts, "7.1").len()).collect();
        assert_eq!(events, [0, 0, 1, 0]);
    }
}
