//! A profile as its YAML file has it.
//!
//! The format is explained in docs/how-to/add-a-profile.md, and by the JSON
//! Schema of [`super::schema`].

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::Deserializer;
use serde::de;

use super::expr::Expr;
use super::expr::MAX_DEPTH;
use super::expr::Pattern;
use super::learnt::Section;
use crate::inventory::Class;
use crate::model::snmp::Oid;

/// A table of words, for `lookup`.
pub type Words = BTreeMap<String, String>;

/// Keys of a profile that are no section.
pub const KEYS: [&str; 8] = [
    "name",
    "about",
    "match",
    "include",
    "replaces",
    "tables",
    "vlan_contexts",
    "facts",
];

/// Knowledge of one family of devices, or of one MIB for others to include.
#[derive(Debug, Clone, Default)]
pub struct Profile {
    /// Its name: the file's without `.yaml`.
    pub name: String,
    /// What it is for, in a sentence.
    pub about: Option<String>,
    /// When it is the device's profile; empty: only by being included.
    pub matches: Vec<Match>,
    /// Profiles whose facts and rules are used after its own.
    pub include: Vec<String>,
    /// Sections and facts for which the included profiles are not asked.
    pub replaces: Vec<String>,
    /// Tables of words.
    pub tables: BTreeMap<String, Words>,
    /// A column whose last arc of the index is a VLAN id, and whose value is 1 where
    /// the VLAN is in use: its bridge table stands in a context of its own.
    pub vlan_contexts: Option<Oid>,
    /// Facts by key.
    pub facts: BTreeMap<String, Expr>,
    /// Rules by section, in their order.
    pub rules: BTreeMap<Section, Vec<Rule>>,
}

/// When a profile is the device's: all that is said must hold.
#[derive(Debug, Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Match {
    /// sysObjectID begins with one of these (or this); the longest wins among profiles.
    #[schemars(with = "OneOrMore")]
    #[serde(deserialize_with = "many")]
    pub sys_object_id: Vec<Oid>,
    /// The regular expression is found in sysDescr.
    #[schemars(with = "Option<String>")]
    pub sys_descr: Option<Pattern>,
    /// The regular expression is not found in sysDescr.
    #[schemars(with = "Option<String>")]
    pub sys_descr_not: Option<Pattern>,
    /// One further instance is asked for.
    pub probe: Option<Probe>,
    /// Before others that match as well: higher wins, before the length of the OID is looked at.
    pub priority: i32,
}

#[derive(schemars::JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "a shape for the schema")]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

/// One further instance that tells devices apart.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// The instance.
    #[schemars(with = "String")]
    pub get: Oid,
    /// The regular expression is found in its text; without it, any answer does.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub matches: Option<Pattern>,
}

/// A rule that makes rows of one section.
#[derive(Debug, Clone, Default)]
pub struct Rule {
    /// One row per index that any of these columns has; empty: one row.
    pub each: Vec<Oid>,
    /// Made only where each of these has a value.
    pub when: Vec<Expr>,
    /// Rows with the same value are one row.
    pub by: Option<Expr>,
    /// Made only if the rules before it made no row.
    pub fallback: bool,
    /// The row's fields.
    pub fields: BTreeMap<String, Expr>,
}

impl Profile {
    /// Every expression of it.
    pub fn expressions(&self) -> impl Iterator<Item = &Expr> {
        self.facts
            .values()
            .chain(self.rules.values().flatten().flat_map(Rule::expressions))
    }
}

impl Rule {
    /// Whether the device tells this field, and not the rule itself.
    pub fn is_told(&self, field: &str) -> bool {
        self.fields
            .get(field)
            .is_some_and(|expr| !matches!(expr, Expr::Text(_) | Expr::Number(_)))
    }

    /// Every expression of it.
    pub fn expressions(&self) -> impl Iterator<Item = &Expr> {
        self.fields.values().chain(self.conditions())
    }

    /// Those that say which rows there are.
    pub fn conditions(&self) -> impl Iterator<Item = &Expr> {
        self.when.iter().chain(self.by.iter())
    }
}

fn checked<E: de::Error>(expr: Expr) -> Result<Expr, E> {
    if expr.depth() > MAX_DEPTH {
        return Err(E::custom(format!("nested deeper than {MAX_DEPTH}")));
    }
    Ok(expr)
}

/// One item or a list of them.
struct Many<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Visitor<T> {
            type Value = Many<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one item or a list of them")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                T::deserialize(de::value::StrDeserializer::new(text)).map(|one| Many(vec![one]))
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(de::value::MapAccessDeserializer::new(map)).map(|one| Many(vec![one]))
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = seq.next_element()? {
                    list.push(item);
                }
                Ok(Many(list))
            }
        }
        deserializer.deserialize_any(Visitor(std::marker::PhantomData))
    }
}

fn many<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Many::deserialize(deserializer).map(|many| many.0)
}

struct RulesSeed(Section);

impl<'de> de::DeserializeSeed<'de> for RulesSeed {
    type Value = Vec<Rule>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Rule>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> de::Visitor<'de> for RulesSeed {
    type Value = Vec<Rule>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a rule or a list of rules")
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<Rule>, A::Error> {
        let mut rules = Vec::new();
        while let Some(rule) = seq.next_element_seed(RuleSeed(self.0))? {
            rules.push(rule);
        }
        Ok(rules)
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Vec<Rule>, A::Error> {
        de::Visitor::visit_map(RuleSeed(self.0), map).map(|rule| vec![rule])
    }
}

struct RuleSeed(Section);

impl<'de> de::DeserializeSeed<'de> for RuleSeed {
    type Value = Rule;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Rule, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> de::Visitor<'de> for RuleSeed {
    type Value = Rule;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a rule for {}", self.0.as_str())
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Rule, A::Error> {
        let mut rule = Rule::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "each" => rule.each = map.next_value::<Many<Oid>>()?.0,
                "when" => {
                    for expr in map.next_value::<Many<Expr>>()?.0 {
                        rule.when.push(checked(expr)?);
                    }
                }
                "by" => rule.by = Some(checked(map.next_value()?)?),
                "fallback" => rule.fallback = map.next_value()?,
                field => {
                    let fields = self.0.fields();
                    if !fields.iter().any(|(name, _)| *name == field) {
                        let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
                        return Err(de::Error::custom(format!(
                            "{field:?} is no field of {}: there are {}, and each, when, by, fallback",
                            self.0.as_str(),
                            names.join(", ")
                        )));
                    }
                    let expr = checked(map.next_value()?)?;
                    rule.fields.insert(key, expr);
                }
            }
        }
        if rule.fields.is_empty() {
            return Err(de::Error::custom("the rule has no field"));
        }
        Ok(rule)
    }
}

impl<'de> Deserialize<'de> for Profile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Profile;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a profile")
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Profile, A::Error> {
                let mut profile = Profile::default();
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "name" => profile.name = map.next_value()?,
                        "about" => profile.about = Some(map.next_value()?),
                        "match" => profile.matches = map.next_value::<Many<Match>>()?.0,
                        "include" => profile.include = map.next_value::<Many<String>>()?.0,
                        "replaces" => profile.replaces = map.next_value::<Many<String>>()?.0,
                        "vlan_contexts" => profile.vlan_contexts = Some(map.next_value()?),
                        "tables" => profile.tables = map.next_value()?,
                        "facts" => profile.facts = facts(map.next_value()?)?,
                        other => {
                            let Some(section) = Section::from_key(other) else {
                                let sections = Section::ALL.map(|(_, word)| word).join(", ");
                                return Err(de::Error::custom(format!(
                                    "{other:?} is no key of a profile: there are {}, {sections}",
                                    KEYS.join(", ")
                                )));
                            };
                            let rules = map.next_value_seed(RulesSeed(section))?;
                            profile.rules.insert(section, rules);
                        }
                    }
                }
                Ok(profile)
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

fn facts<E: de::Error>(facts: BTreeMap<String, Expr>) -> Result<BTreeMap<String, Expr>, E> {
    for (key, expr) in &facts {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if key.is_empty() || !key.chars().all(plain) {
            return Err(E::custom(format!(
                "{key:?} is no key of a fact: use lower-case letters, digits and _"
            )));
        }
        if expr.depth() > MAX_DEPTH {
            return Err(E::custom(format!("fact {key} is nested deeper than {MAX_DEPTH}")));
        }
        if let (true, Expr::Text(word)) = (key == "class", expr) {
            word.parse::<Class>().map_err(E::custom)?;
        }
    }
    Ok(facts)
}
