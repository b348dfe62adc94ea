//! Rows into facts, interfaces, readings: a profile's rules applied. Pure.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::evaluate::Context;
use super::evaluate::FUEL;
use super::learnt::Fields;
use super::learnt::Gap;
use super::learnt::Learnt;
use super::learnt::Row;
use super::learnt::Section;
use super::matcher::Identity;
use super::model::Rule;
use super::model::Words;
use super::ports;
use super::rows::Rows;
use super::set::Chain;
use super::set::Set;
use super::set::What;
use super::value::V;
use crate::model::snmp::Oid;

/// Most rows of one section: a core switch has some thousand interfaces and
/// tens of thousands of bridge entries; a broken or hostile agent stops here.
pub const MAX_ROWS: usize = 65_536;

/// What interfaces without a hardware address tell.
const NO_MAC: &str = "00:00:00:00:00:00";

/// SNMPv2-MIB::system, which every agent has (RFC 3418).
pub mod system {
    /// sysDescr.0
    pub const DESCR: [u32; 9] = [1, 3, 6, 1, 2, 1, 1, 1, 0];
    /// sysObjectID.0
    pub const OBJECT_ID: [u32; 9] = [1, 3, 6, 1, 2, 1, 1, 2, 0];
    /// sysUpTime.0
    pub const UP_TIME: [u32; 9] = [1, 3, 6, 1, 2, 1, 1, 3, 0];
    /// sysContact.0
    pub const CONTACT: [u32; 9] = [1, 3, 6, 1, 2, 1, 1, 4, 0];
    /// sysName.0
    pub const NAME: [u32; 9] = [1, 3, 6, 1, 2, 1, 1, 5, 0];
    /// sysLocation.0
    pub const LOCATION: [u32; 9] = [1, 3, 6, 1, 2, 1, 1, 6, 0];
    /// snmpEngineBoots.0 (RFC 3411)
    pub const ENGINE_BOOTS: [u32; 11] = [1, 3, 6, 1, 6, 3, 10, 2, 1, 2, 0];
    /// snmpEngineTime.0, seconds
    pub const ENGINE_TIME: [u32; 11] = [1, 3, 6, 1, 6, 3, 10, 2, 1, 3, 0];
}

fn text(rows: &Rows, arcs: &[u32]) -> Option<String> {
    rows.get(&Oid::new(arcs)).and_then(V::of)?.to_text()
}

/// What the system group tells, with nothing else.
pub fn system(rows: &Rows) -> Learnt {
    Learnt {
        reached: true,
        sys_object_id: text(rows, &system::OBJECT_ID),
        sys_descr: text(rows, &system::DESCR),
        sys_name: text(rows, &system::NAME),
        uptime_seconds: rows
            .get(&Oid::new(system::UP_TIME))
            .and_then(V::of)
            .and_then(|v| v.to_number())
            .map(|ticks| ticks / 100.0),
        ..Learnt::default()
    }
}

/// Applies a profile and what it includes to what was read.
///
/// `known` are the facts of an earlier reading, for rules that ask for a fact
/// while only readings are read; `None`: the facts are among the rows.
///
/// The ports of neighbours are not found yet: call [`ports::find`] once the
/// interfaces are complete.
pub fn apply(chain: &Chain<'_>, rows: &Rows, known: Option<&BTreeMap<String, String>>) -> Learnt {
    let mut tables: BTreeMap<&str, &Words> = BTreeMap::new();
    for profile in chain.profiles() {
        for (name, words) in &profile.tables {
            tables.entry(name).or_insert(words);
        }
    }
    let fuel = Cell::new(FUEL);
    let mut learnt = system(rows);
    learnt.profile = Some(chain.name().to_owned());
    let facts = known.map_or_else(|| find_facts(chain, rows, &tables, &fuel), BTreeMap::clone);
    for (section, word) in Section::ALL {
        let found = section_rows(chain, section, rows, &tables, &fuel, &facts);
        if found.len() >= MAX_ROWS {
            learnt.errors.push(Gap {
                what: word.to_owned(),
                why: format!("more than {MAX_ROWS} rows; the rest is left out"),
            });
        }
        fill(&mut learnt, section, &found);
    }
    learnt.facts = facts;
    // Helpers of other facts.
    learnt.facts.retain(|key, _| !key.starts_with('_'));
    if fuel.get() == 0 {
        learnt.errors.push(Gap {
            what: "profile".to_owned(),
            why: "the device has more rows than the profile may work through; some are left out".to_owned(),
        });
    }
    learnt
}

/// What would be learnt of a device that answers as the recording does: only
/// what the profile's plan asks for is looked at. `forced`: the profile to use,
/// whether it matches or not. `None`: there is no such profile.
pub fn recorded(set: &Set, recording: &Rows, forced: Option<&str>) -> Option<Learnt> {
    let told = system(recording);
    let object_id: Option<Oid> = told.sys_object_id.as_deref().and_then(|t| t.parse().ok());
    let who = Identity {
        object_id: object_id.as_ref(),
        descr: told.sys_descr.as_deref().unwrap_or_default(),
    };
    let chain = match forced {
        Some(name) => set.chain_of(name)?,
        None => set.matching(who, recording)?,
    };
    let mut rows = chain.plan(What::Inventory).gather(recording);
    let asked_first = [
        &system::DESCR[..],
        &system::OBJECT_ID,
        &system::UP_TIME,
        &system::CONTACT,
        &system::NAME,
        &system::LOCATION,
    ];
    for oid in asked_first.map(Oid::new) {
        if let Some(value) = recording.get(&oid) {
            rows.insert(oid, value.clone());
        }
    }
    let mut learnt = apply(&chain, &rows, None);
    ports::find(&mut learnt);
    learnt.reached = !recording.is_empty();
    Some(learnt)
}

/// Facts may ask for other facts: a second round finds those that come later.
fn find_facts(
    chain: &Chain<'_>,
    rows: &Rows,
    tables: &BTreeMap<&str, &Words>,
    fuel: &Cell<u64>,
) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    for _ in 0..2 {
        let before = facts.clone();
        let mut found = BTreeSet::new();
        for profile in chain.profiles() {
            for (key, expr) in &profile.facts {
                if found.contains(key) || chain.is_replaced(profile, key) {
                    continue;
                }
                let context = Context {
                    rows,
                    tables,
                    facts: &before,
                    key: &[],
                    outer: &[],
                    group: 1,
                    fuel,
                };
                if let Some(value) = context.value(expr).and_then(|v| v.to_text()) {
                    found.insert(key);
                    facts.insert(key.clone(), value);
                }
            }
        }
    }
    facts
}

fn section_rows(
    chain: &Chain<'_>,
    section: Section,
    rows: &Rows,
    tables: &BTreeMap<&str, &Words>,
    fuel: &Cell<u64>,
    facts: &BTreeMap<String, String>,
) -> Vec<Fields> {
    let mut found: Vec<Fields> = Vec::new();
    let context = Context {
        rows,
        tables,
        facts,
        key: &[],
        outer: &[],
        group: 1,
        fuel,
    };
    for profile in chain.profiles() {
        if chain.is_replaced(profile, section.as_str()) {
            continue;
        }
        for rule in profile.rules.get(&section).into_iter().flatten() {
            if !rule.fallback || found.is_empty() {
                rule_rows(rule, &context, &mut found);
            }
        }
    }
    found
}

fn rule_rows(rule: &Rule, context: &Context<'_>, found: &mut Vec<Fields>) {
    let keys: BTreeSet<&[u32]> = if rule.each.is_empty() {
        [&[][..]].into()
    } else {
        rule.each
            .iter()
            .flat_map(|column| {
                context
                    .rows
                    .below(column)
                    .filter_map(|(oid, _)| oid.suffix(column))
            })
            .collect()
    };
    // Rows that are put together: value of `by` → place among the found, size.
    let mut groups: BTreeMap<String, (usize, u64)> = BTreeMap::new();
    let mut members: Vec<(&[u32], u64)> = Vec::new();
    for key in keys {
        if found.len() + members.len() >= MAX_ROWS {
            break;
        }
        let here = Context { key, ..*context };
        if !here.holds(&rule.when) {
            continue;
        }
        match &rule.by {
            None => members.push((key, 1)),
            Some(by) => {
                let Some(word) = here.value(by).and_then(|v| v.to_text()) else {
                    continue;
                };
                let place = groups.entry(word).or_insert((members.len(), 0));
                place.1 += 1;
                if place.1 == 1 {
                    members.push((key, 1));
                } else if let Some(member) = members.get_mut(place.0) {
                    member.1 = place.1;
                }
            }
        }
    }
    for (key, group) in members {
        let here = Context {
            key,
            group,
            ..*context
        };
        let fields: Fields = rule
            .fields
            .iter()
            .filter_map(|(name, expr)| here.value(expr).map(|v| (name.clone(), v)))
            .collect();
        // A row of which the device told nothing is none, whatever the rule calls it.
        if fields.iter().any(|(name, _)| rule.is_told(name)) {
            found.push(fields);
        }
    }
}

fn all<R: Row>(found: &[Fields]) -> Vec<R> {
    found
        .iter()
        .map(R::from_fields)
        .filter(|row| !row.is_empty())
        .collect()
}

/// One object of all rules' fields: the first that has a field wins.
fn one<R: Row>(found: &[Fields]) -> Option<R> {
    let mut fields: Fields = Vec::new();
    for (name, value) in found.iter().flatten() {
        if !fields.iter().any(|(known, _)| known == name) {
            fields.push((name.clone(), value.clone()));
        }
    }
    let row = R::from_fields(&fields);
    (!row.is_empty()).then_some(row)
}

fn fill(learnt: &mut Learnt, section: Section, found: &[Fields]) {
    match section {
        Section::Interfaces => {
            learnt.interfaces = all(found);
            // Two rows of one index are one interface: what the device's own profile says stands.
            let mut seen = BTreeSet::new();
            learnt
                .interfaces
                .retain(|i| i.index.is_none_or(|index| seen.insert(index)));
        }
        Section::Addresses => {
            learnt.addresses = all(found);
            learnt.addresses.retain(|a| a.address.is_some());
            let mut seen = BTreeSet::new();
            learnt.addresses.retain(|a| seen.insert(a.address.clone()));
        }
        Section::Components => learnt.components = all(found),
        Section::Processors => {
            learnt.processors = all(found);
            learnt.processors.retain(|p| p.load_ratio.is_some());
        }
        Section::Memory => learnt.memory = spaces(found),
        Section::Storage => learnt.storage = spaces(found),
        Section::Sensors => {
            learnt.sensors = all(found);
            for sensor in &mut learnt.sensors {
                if sensor.unit.is_none() {
                    sensor.unit = sensor.kind.as_deref().and_then(unit_of).map(str::to_owned);
                }
            }
            learnt
                .sensors
                .retain(|s| s.value.is_some_and(f64::is_finite) && s.unit.is_some());
        }
        Section::Supplies => learnt.supplies = all(found),
        Section::Printer => learnt.printer = one(found),
        Section::Ups => learnt.ups = one(found),
        Section::Wifi => {
            learnt.wifi = all(found);
            learnt.wifi.retain(|w| w.clients.is_some());
        }
        Section::Neighbours => {
            learnt.neighbours = all(found);
            learnt
                .neighbours
                .retain(|n| n.chassis.is_some() || n.system_name.is_some() || n.port.is_some());
        }
        Section::Arp => {
            learnt.arp = all(found);
            learnt
                .arp
                .retain(|a| a.mac.as_deref().is_some_and(|m| m != NO_MAC) && a.address.is_some());
            let mut seen = BTreeSet::new();
            learnt
                .arp
                .retain(|a| seen.insert((a.address.clone(), a.mac.clone())));
        }
        Section::Fdb => {
            learnt.fdb = all(found);
            learnt
                .fdb
                .retain(|f| f.mac.as_deref().is_some_and(|m| m != NO_MAC));
            let mut seen = BTreeSet::new();
            learnt.fdb.retain(|f| seen.insert((f.mac.clone(), f.vlan)));
        }
        Section::Associations => {
            learnt.associations = all(found);
            let mut seen = BTreeSet::new();
            learnt.associations.retain(|a| {
                a.mac
                    .as_deref()
                    .is_some_and(|m| m != NO_MAC && seen.insert(m.to_owned()))
            });
        }
        Section::Vlans => {
            learnt.vlans = all(found);
            let mut seen = BTreeSet::new();
            learnt.vlans.retain(|v| v.id.is_some() && seen.insert(v.id));
        }
        Section::Poe => learnt.poe = all(found),
        Section::Software => learnt.software = all(found),
    }
}

/// Sizes of nothing are no space; what is used is never more than there is (trap 10).
///
/// Where a device tells a share only, the contract's two numbers hold that share
/// in percent, and `unit` says so: bytes are never made up.
fn spaces(found: &[Fields]) -> Vec<super::learnt::Space> {
    let mut spaces: Vec<super::learnt::Space> = all(found);
    for space in &mut spaces {
        match (space.size_bytes, space.used_ratio) {
            (Some(size), _) => {
                space.used_bytes = space.used_bytes.filter(|used| *used <= size);
                #[expect(clippy::cast_precision_loss, reason = "a share, not a counter")]
                let share = space.used_bytes.map(|used| used as f64 / size as f64);
                space.used_ratio = share.filter(|share| share.is_finite());
            }
            (None, Some(ratio)) => {
                space.size_bytes = Some(100);
                space.used_bytes = V::Float(ratio * 100.0).to_whole();
                space.unit = Some("percent".to_owned());
            }
            (None, None) => {}
        }
    }
    spaces.retain(|s| s.size_bytes.is_some_and(|n| n > 0));
    spaces
}

/// The unit of a sensor's kind, by the contract.
pub fn unit_of(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "temperature" => "celsius",
        "voltage" => "volts",
        "current" => "amperes",
        "power" => "watts",
        "charge" | "load" | "humidity" => "ratio",
        "runtime" => "seconds",
        "fan" => "rpm",
        "frequency" => "hertz",
        _ => return None,
    })
}
