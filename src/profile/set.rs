//! The set of all profiles, and the chain of those that speak for one device.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use super::expr::Steps;
use super::learnt::Section;
use super::matcher;
use super::matcher::Identity;
use super::model::Profile;
use super::rows::Rows;
use crate::model::snmp::Oid;

/// The profile of a device that no other matches.
pub const GENERIC: &str = "generic";

/// By the name of the device's profile, and how much is asked for.
type Plans = BTreeMap<(String, What), Arc<Plan>>;

/// The columns of IF-MIB that tell what an interface is, and stay as they are
/// while it is the same one: ifIndex, ifDescr, ifType, ifMtu, ifPhysAddress, ifAlias.
///
/// Not among them: ifName, by which it is seen that it is the same one (trap 5),
/// and the speeds, which change when a line is negotiated anew.
const STILL: [&[u32]; 6] = [
    &[1, 3, 6, 1, 2, 1, 2, 2, 1, 1],
    &[1, 3, 6, 1, 2, 1, 2, 2, 1, 2],
    &[1, 3, 6, 1, 2, 1, 2, 2, 1, 3],
    &[1, 3, 6, 1, 2, 1, 2, 2, 1, 4],
    &[1, 3, 6, 1, 2, 1, 2, 2, 1, 6],
    &[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 18],
];

/// The fields of an interface that a poller remembers, and so need not be read again.
const REMEMBERED: [&str; 6] = ["name", "descr", "alias", "type", "mac", "mtu"];

/// All profiles, by name; every `include` and `lookup` has been checked.
#[derive(Debug, Clone, Default)]
pub struct Set {
    profiles: BTreeMap<String, Profile>,
    /// What was planned before.
    plans: Arc<Mutex<Plans>>,
}

/// One thing that is wrong between profiles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The profile.
    pub profile: String,
    /// What is wrong.
    pub what: String,
    /// A word of the file that stands where it is wrong.
    pub near: String,
}

/// A device's profile and what it includes, in the order in which they are asked.
#[derive(Debug, Clone)]
pub struct Chain<'a> {
    profiles: Vec<&'a Profile>,
    /// What each profile's includers keep from it.
    replaced: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

/// What to ask a device for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Instances, sorted.
    pub gets: Vec<Oid>,
    /// Columns, those of one table together, sorted.
    pub tables: Vec<Vec<Oid>>,
    /// Those of the columns that need not be read while the interfaces are known to
    /// be the same ones: nothing but what is remembered of them is made of these.
    pub still: BTreeSet<Oid>,
}

/// How much to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// What changes: interfaces, processors, sensors, …
    Readings,
    /// That, and who else is on the network: neighbours, ARP and bridge tables.
    Presence,
    /// Everything: also facts, parts, addresses, neighbours, software.
    Inventory,
}

impl What {
    /// Whether a section is asked for.
    fn asks(self, section: Section) -> bool {
        match self {
            Self::Readings => section.is_reading(),
            Self::Presence => section.is_reading() || section.is_presence(),
            Self::Inventory => true,
        }
    }
}

impl Set {
    /// Puts profiles together; a later one of the same name takes the place of an earlier.
    ///
    /// # Errors
    /// Every reference that leads nowhere or in a circle.
    pub fn new(profiles: impl IntoIterator<Item = Profile>) -> Result<Self, Vec<Fault>> {
        let mut set = Self::default();
        for profile in profiles {
            set.profiles.insert(profile.name.clone(), profile);
        }
        let faults: Vec<Fault> = set.profiles.values().flat_map(|p| set.faults(p)).collect();
        if faults.is_empty() { Ok(set) } else { Err(faults) }
    }

    fn faults(&self, profile: &Profile) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut fault = |what: String, near: &str| {
            faults.push(Fault {
                profile: profile.name.clone(),
                what,
                near: near.to_owned(),
            });
        };
        for name in &profile.include {
            if !self.profiles.contains_key(name) {
                fault(format!("there is no profile {name:?} to include"), name);
            } else if self.reaches(name, &profile.name) {
                fault(format!("including {name:?} leads in a circle"), name);
            }
        }
        for word in &profile.replaces {
            let is_fact = self.profiles.values().any(|p| p.facts.contains_key(word));
            if Section::from_key(word).is_none() && !is_fact {
                fault(
                    format!("{word:?} is neither a section nor a fact to replace"),
                    word,
                );
            }
        }
        let chain = self.chain(profile);
        let known: BTreeSet<&str> = chain
            .profiles()
            .flat_map(|p| p.tables.keys().map(String::as_str))
            .collect();
        for expr in profile.expressions() {
            expr.walk(&mut |steps: &Steps| {
                if let Some(table) = &steps.lookup
                    && !known.contains(table.as_str())
                {
                    fault(format!("there is no table {table:?}"), table);
                }
            });
        }
        faults
    }

    /// Whether `from` includes `to`, over however many steps.
    fn reaches(&self, from: &str, to: &str) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(name) = open.pop() {
            if name == to {
                return true;
            }
            if seen.insert(name)
                && let Some(profile) = self.profiles.get(name)
            {
                open.extend(profile.include.iter().map(String::as_str));
            }
        }
        false
    }

    /// All profiles, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.profiles.values()
    }

    /// One profile.
    pub fn get(&self, name: &str) -> Option<&Profile> {
        self.profiles.get(name)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.profiles.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.profiles.is_empty()
    }

    /// The instances to ask for before [`Set::matching`].
    pub fn probes(&self, who: Identity<'_>) -> Vec<Oid> {
        matcher::probes(self.iter(), who)
    }

    /// The chain of the profile that matches best, else of [`GENERIC`].
    pub fn matching(&self, who: Identity<'_>, rows: &Rows) -> Option<Chain<'_>> {
        matcher::best(self.iter(), who, rows)
            .or_else(|| self.get(GENERIC))
            .map(|p| self.chain(p))
    }

    /// The chain of the profile with that name.
    pub fn chain_of(&self, name: &str) -> Option<Chain<'_>> {
        self.get(name).map(|p| self.chain(p))
    }

    /// What to ask a device of the profile with that name for; worked out once.
    pub fn plan(&self, name: &str, what: What) -> Option<Arc<Plan>> {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (name.to_owned(), what);
        if let Some(plan) = plans.get(&key) {
            return Some(Arc::clone(plan));
        }
        let plan = Arc::new(self.chain_of(name)?.plan(what));
        plans.insert(key, Arc::clone(&plan));
        Some(plan)
    }

    fn chain<'a>(&'a self, profile: &'a Profile) -> Chain<'a> {
        let mut chain = Chain {
            profiles: Vec::new(),
            replaced: BTreeMap::new(),
        };
        self.link(profile, &BTreeSet::new(), &mut chain);
        chain
    }

    fn link<'a>(&'a self, profile: &'a Profile, replaced: &BTreeSet<&'a str>, chain: &mut Chain<'a>) {
        if chain.profiles.iter().any(|known| known.name == profile.name) {
            return;
        }
        chain.profiles.push(profile);
        chain.replaced.insert(&profile.name, replaced.clone());
        let mut below = replaced.clone();
        below.extend(profile.replaces.iter().map(String::as_str));
        for name in &profile.include {
            if let Some(included) = self.get(name) {
                self.link(included, &below, chain);
            }
        }
    }
}

impl<'a> Chain<'a> {
    /// The name of the device's profile.
    pub fn name(&self) -> &'a str {
        self.profiles.first().map_or("", |p| p.name.as_str())
    }

    /// The profiles, in the order in which they are asked.
    pub fn profiles(&self) -> impl Iterator<Item = &'a Profile> {
        self.profiles.iter().copied()
    }

    /// Whether an includer says that it replaces this section or fact of `profile`.
    pub fn is_replaced(&self, profile: &Profile, word: &str) -> bool {
        self.replaced
            .get(profile.name.as_str())
            .is_some_and(|words| words.contains(word))
    }

    /// The column that tells the VLANs with a context each, if the device keeps them so.
    pub fn vlan_contexts(&self) -> Option<&'a Oid> {
        self.profiles().find_map(|p| p.vlan_contexts.as_ref())
    }

    /// What to ask the device for.
    pub fn plan(&self, what: What) -> Plan {
        let mut gets = BTreeSet::new();
        let mut columns = BTreeSet::new();
        let mut contexts: Vec<Oid> = Vec::new();
        // What is made of columns beside what is remembered of interfaces.
        let mut needed = BTreeSet::new();
        let mut see = |steps: &Steps, is_needed: bool| {
            gets.extend(steps.get.clone());
            for column in [&steps.column, &steps.any, &steps.count, &steps.total] {
                columns.extend(column.clone());
                if is_needed {
                    needed.extend(column.clone());
                }
            }
        };
        for profile in self.profiles() {
            if what == What::Inventory {
                contexts.extend(profile.vlan_contexts.clone());
                for (key, expr) in &profile.facts {
                    if !self.is_replaced(profile, key) {
                        expr.walk(&mut |steps| see(steps, true));
                    }
                }
            }
            for (section, rules) in &profile.rules {
                if self.is_replaced(profile, section.as_str()) || !what.asks(*section) {
                    continue;
                }
                let is_remembered =
                    |field: &str| *section == Section::Interfaces && REMEMBERED.contains(&field);
                for rule in rules {
                    for (field, expr) in &rule.fields {
                        expr.walk(&mut |steps| see(steps, !is_remembered(field)));
                    }
                    for expr in rule.conditions() {
                        expr.walk(&mut |steps| see(steps, true));
                    }
                }
            }
        }
        for profile in self.profiles() {
            for (section, rules) in &profile.rules {
                if !self.is_replaced(profile, section.as_str()) && what.asks(*section) {
                    let each = || rules.iter().flat_map(|r| r.each.iter().cloned());
                    columns.extend(each());
                    // Whether there is an interface is told by its name as well.
                    if *section != Section::Interfaces {
                        needed.extend(each());
                    }
                }
            }
        }
        columns.extend(contexts);
        // A column below another is read with it.
        let outermost: Vec<Oid> = columns
            .iter()
            .filter(|c| !columns.iter().any(|o| o != *c && c.starts_with(o)))
            .cloned()
            .collect();
        let still = STILL.into_iter().map(Oid::from_slice);
        let still = still.filter(|c| outermost.contains(c) && !needed.iter().any(|n| n.starts_with(c)));
        let still = still.collect();
        let mut tables: BTreeMap<Oid, Vec<Oid>> = BTreeMap::new();
        for column in outermost {
            let table = Oid::new(column.arcs().split_last().map_or(&[][..], |(_, rest)| rest));
            tables.entry(table).or_default().push(column);
        }
        Plan {
            gets: gets.into_iter().collect(),
            tables: tables.into_values().collect(),
            still,
        }
    }
}

impl Plan {
    /// What the plan would read of a recording.
    pub fn gather(&self, recording: &Rows) -> Rows {
        let mut rows = Rows::default();
        for oid in &self.gets {
            if let Some(value) = recording.get(oid) {
                rows.insert(oid.clone(), value.clone());
            }
        }
        for column in self.tables.iter().flatten() {
            for (oid, value) in recording.below(column) {
                rows.insert(oid.clone(), value.clone());
            }
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn still(rule: &str) -> Vec<String> {
        let interfaces = "interfaces:\n  each: [1.3.6.1.2.1.2.2.1.1, 1.3.6.1.2.1.2.2.1.8]\n  index: {index: 0}\n  \
                          name: [{column: 1.3.6.1.2.1.31.1.1.1.1}, {column: 1.3.6.1.2.1.2.2.1.2}]\n  \
                          descr: {column: 1.3.6.1.2.1.2.2.1.2}\n  mtu: {column: 1.3.6.1.2.1.2.2.1.4}\n  \
                          oper: {column: 1.3.6.1.2.1.2.2.1.8}\n";
        let text = format!("{interfaces}{rule}");
        let profile = crate::profile::load::parse("one.yaml", &text).unwrap();
        let name = profile.name.clone();
        let set = Set::new([profile]).unwrap();
        let plan = set.plan(&name, What::Readings).unwrap();
        plan.still.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn only_what_is_remembered_of_interfaces_need_not_be_read_again() {
        let all = [
            "1.3.6.1.2.1.2.2.1.1",
            "1.3.6.1.2.1.2.2.1.2",
            "1.3.6.1.2.1.2.2.1.4",
        ];
        assert_eq!(still(""), all);
        let names_by_descr = "sensors:\n  each: 1.3.6.1.4.1.9.1.1\n  kind: temperature\n  \
                              descr: {column: 1.3.6.1.2.1.2.2.1.2, key: {index: 0}}\n  value: {column: 1.3.6.1.4.1.9.1.1}\n";
        assert_eq!(still(names_by_descr), [all[0], all[2]]);
        let by_row = "memory:\n  each: 1.3.6.1.2.1.2.2.1.1\n  used_bytes: {column: 1.3.6.1.4.1.9.1.2}\n";
        assert_eq!(still(by_row), [all[1], all[2]]);
        let above = "memory:\n  used_bytes: {total: 1.3.6.1.2.1.2.2.1}\n";
        assert_eq!(still(above), [""; 0]);
    }
}
