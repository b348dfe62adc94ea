//! One column of a walk: its rows, and the object that ends it.

use std::collections::HashSet;

use crate::model::snmp::Oid;
use crate::model::snmp::VarBind;
use crate::probe::snmp::call::Order;
use crate::probe::snmp::call::WalkEnd;
use crate::probe::snmp::codec::ber::Malformed;
use crate::probe::snmp::codec::ber::read_oid;
use crate::probe::snmp::codec::ber::tag;
use crate::probe::snmp::codec::pdu::Object;

/// A column under way.
#[derive(Debug)]
pub(super) struct Column {
    root: Oid,
    after: Oid,
    pub(super) rows: Vec<VarBind>,
    pub(super) seen: HashSet<Oid>,
    pub(super) end: Option<WalkEnd>,
    stem: Stem,
}

impl Column {
    /// From after `after` on, else from its beginning.
    pub(super) fn new(root: Oid, after: Option<Oid>) -> Self {
        Self {
            after: after.unwrap_or_else(|| root.clone()),
            root,
            rows: Vec::new(),
            seen: HashSet::new(),
            end: None,
            stem: Stem::default(),
        }
    }

    /// What is asked for: what comes after this.
    pub(super) fn last(&self) -> &Oid {
        self.rows.last().map_or(&self.after, |row| &row.oid)
    }

    /// Takes an object as the next row, or ends here. True: it is a row.
    pub(super) fn take(
        &mut self,
        object: &Object<'_>,
        order: Order,
        arcs: &mut Vec<u32>,
    ) -> Result<bool, Malformed> {
        let nothing = matches!(
            object.tag,
            tag::END_OF_MIB_VIEW | tag::NO_SUCH_OBJECT | tag::NO_SUCH_INSTANCE
        );
        if order == Order::Increasing
            && !nothing
            && let Some(arc) = self.next_arc(object.name)
        {
            return self.push_child(arc, object);
        }
        let oid = read_oid(object.name, arcs)?;
        let is_inside = oid.starts_with(&self.root);
        let end = if nothing || !is_inside {
            Some(WalkEnd::Complete)
        } else {
            match order {
                Order::Increasing if !self.is_after_last(&oid) => Some(WalkEnd::NonIncreasing),
                Order::Any if !self.seen.insert(oid.clone()) => Some(WalkEnd::NonIncreasing),
                Order::Increasing | Order::Any => None,
            }
        };
        if let Some(end) = end {
            self.end = Some(end);
            return Ok(false);
        }
        if self.rows.is_empty() && oid.arcs().len() == self.root.arcs().len() + 1 {
            self.stem = Stem::of(object.name);
        }
        self.rows.push(VarBind {
            oid,
            value: object.value()?,
        });
        Ok(true)
    }

    /// The only arc behind the root, if by that the object comes after the last row.
    fn next_arc(&self, name: &[u8]) -> Option<u32> {
        let arc = self.stem.arc_of(name)?;
        let common = self.root.arcs().len();
        let last = self.rows.last()?.oid.arcs().get(common)?;
        (common < Oid::INLINE && arc > *last).then_some(arc)
    }

    /// Takes the row with this only arc behind the root. Its name is made in its place:
    /// what is written there arc by arc is slow to be read again as a whole.
    fn push_child(&mut self, arc: u32, object: &Object<'_>) -> Result<bool, Malformed> {
        let value = object.value()?;
        self.rows.push(VarBind {
            oid: self.root.clone(),
            value,
        });
        Ok(self.rows.last_mut().is_some_and(|row| row.oid.extend_inline(arc)))
    }

    /// Whether `oid`, which lies in this column, comes after its last row.
    fn is_after_last(&self, oid: &Oid) -> bool {
        let Some(last) = self.rows.last() else {
            return *oid > self.after;
        };
        // Rows have the column's arcs in common: what comes behind them decides.
        let common = self.root.arcs().len();
        oid.arcs().get(common..) > last.oid.arcs().get(common..)
    }
}

/// The bytes that the names of a column's rows begin with, as its agent writes
/// them: nearly all rows then are read by one or two bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Stem {
    bytes: [u8; Self::MOST],
    /// 0: not known.
    length: usize,
}

impl Stem {
    const MOST: usize = 24;

    /// Of the name of a row which is one arc longer than its column's root.
    fn of(name: &[u8]) -> Self {
        // A byte below 128 ends an arc.
        let tail = match name {
            [.., before, last] if *before < 0x80 && *last < 0x80 => 1,
            [.., before, high, last] if *before < 0x80 && *high >= 0x80 && *last < 0x80 => 2,
            _ => return Self::default(),
        };
        let length = name.len().saturating_sub(tail);
        let mut bytes = [0; Self::MOST];
        match (bytes.get_mut(..length), name.get(..length)) {
            (Some(place), Some(stem)) => {
                place.copy_from_slice(stem);
                Self { bytes, length }
            }
            _ => Self::default(),
        }
    }

    /// The only arc behind the stem; `None`: read the whole name.
    fn arc_of(&self, name: &[u8]) -> Option<u32> {
        let stem = self.bytes.get(..self.length).filter(|stem| !stem.is_empty())?;
        match name.strip_prefix(stem)? {
            [arc] if *arc < 0x80 => Some(u32::from(*arc)),
            [high, low] if *high >= 0x80 && *low < 0x80 => {
                Some((u32::from(high & 0x7f) << 7) | u32::from(*low))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::probe::snmp::codec::ber::Writer;

    fn name(arcs: &[u32]) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.object_id(tag::OBJECT_ID, arcs);
        // Without tag and length, which is short.
        writer.finish().split_off(2)
    }

    proptest! {
        #[test]
        fn a_name_is_read_by_its_stem_as_it_is_without(
            root in prop::collection::vec(prop_oneof![0..39_u32, any::<u32>()], 1..13),
            first in prop_oneof![0..200_u32, any::<u32>()],
            other in prop::collection::vec(prop_oneof![0..200_u32, 16_300..16_500_u32, any::<u32>()], 0..3),
            strange in prop::collection::vec(any::<u8>(), 0..20),
        ) {
            let row = |tail: &[u32]| {
                let mut arcs = vec![1, 3];
                arcs.extend(&root);
                arcs.extend(tail);
                arcs
            };
            let column = Oid::new(row(&[]));
            let stem = Stem::of(&name(&row(&[first])));
            for bytes in [name(&row(&other)), name(&row(&[first])), strange] {
                if let Some(arc) = stem.arc_of(&bytes) {
                    let whole = read_oid(&bytes, &mut Vec::new()).unwrap();
                    prop_assert_eq!(&whole, &column.child(&[arc]));
                    let mut inline = column.clone();
                    prop_assert!(!inline.extend_inline(arc) || inline == whole);
                }
            }
            if first < 16_384 && column.arcs().len() < Oid::INLINE && stem.length > 0 {
                prop_assert_eq!(stem.arc_of(&name(&row(&[first]))), Some(first));
            }
        }
    }

    #[test]
    fn rows_of_a_common_table_are_read_by_their_stem() {
        let stem = Stem::of(&name(&[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 6, 7]));
        let arc = |n| stem.arc_of(&name(&[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 6, n]));
        assert_eq!(arc(8), Some(8));
        assert_eq!(arc(10_101), Some(10_101));
        assert_eq!(arc(16_384), None);
        assert_eq!(stem.arc_of(&name(&[1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 7, 8])), None);
    }
}
