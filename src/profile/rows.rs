//! The rows that were read: a sorted map from OID to value.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::model::snmp::Oid;
use crate::model::snmp::Value;
use crate::model::snmp::VarBind;

/// What was read of a device, in the order of the OIDs. A recording is one too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows(BTreeMap<Oid, Value>);

impl Rows {
    /// Adds a row; absent values (trap 7) are left out.
    pub fn insert(&mut self, oid: Oid, value: Value) {
        if !value.is_absent() {
            self.0.insert(oid, value);
        }
    }

    /// The value of exactly this instance.
    pub fn get(&self, oid: &Oid) -> Option<&Value> {
        self.0.get(oid)
    }

    /// The rows below (or at) `prefix`, in the order of their OIDs.
    pub fn below<'a>(&'a self, prefix: &'a Oid) -> impl Iterator<Item = (&'a Oid, &'a Value)> {
        self.0
            .range::<Oid, _>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(move |(oid, _)| oid.starts_with(prefix))
    }

    /// The first row after `oid`: what GETNEXT answers.
    pub fn after(&self, oid: &Oid) -> Option<(&Oid, &Value)> {
        self.0
            .range::<Oid, _>((Bound::Excluded(oid), Bound::Unbounded))
            .next()
    }

    /// All rows.
    pub fn iter(&self) -> impl Iterator<Item = (&Oid, &Value)> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Extend<VarBind> for Rows {
    fn extend<T: IntoIterator<Item = VarBind>>(&mut self, binds: T) {
        for bind in binds {
            self.insert(bind.oid, bind.value);
        }
    }
}

impl FromIterator<VarBind> for Rows {
    fn from_iter<T: IntoIterator<Item = VarBind>>(binds: T) -> Self {
        let mut rows = Self::default();
        rows.extend(binds);
        rows
    }
}
