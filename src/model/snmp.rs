//! SNMP's own words, without its wire format: [`Oid`], [`Value`], [`VarBind`].
//!
//! Here, at the bottom, since both the prober and the device profiles speak
//! them. Source: RFC 2578 (SMIv2), RFC 3416 §3 (the exceptions).

use std::cmp::Ordering;
use std::fmt;
use std::hash::Hash;
use std::hash::Hasher;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use super::octets::Octets;

/// An object identifier: 1 to 128 arcs.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Oid(Arcs);

#[derive(Clone)]
enum Arcs {
    Few(Few),
    Many(Box<[u32]>),
}

/// Few arcs: 64 bytes that are moved as one piece.
///
/// A count that is never zero leaves the zero to tell [`Arcs::Many`]. With a tag of its own before it an
/// OID was copied in overlapping pieces, each of which waited for the one before: a quarter of a walk.
#[derive(Clone, Copy)]
struct Few {
    /// How many there are, and one.
    count: NonZeroU32,
    /// What is behind the last is zero.
    arcs: [u32; Oid::INLINE],
}

impl Few {
    fn new(count: u8, arcs: [u32; Oid::INLINE]) -> Self {
        Self {
            count: NonZeroU32::MIN.saturating_add(u32::from(count)),
            arcs,
        }
    }

    fn len(&self) -> usize {
        self.count.get() as usize - 1
    }
}

/// The text is no OID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an OID: use numbers with dots between, like 1.3.6.1.2.1.1.1.0")]
pub struct InvalidOid {
    /// The text as given.
    pub text: String,
}

impl Oid {
    /// Most arcs that an OID may have (RFC 2578 §3.5).
    pub const MAX_ARCS: usize = 128;

    /// Arcs that are held without an allocation: a row of ifXTable has 12, one of
    /// ipNetToMediaTable 15. Walks make an OID for every row.
    pub const INLINE: usize = 15;

    /// The OID with the first `count` of these arcs (at most all); the others must be zero.
    pub fn inline(count: u8, arcs: [u32; Self::INLINE]) -> Self {
        Self(Arcs::Few(Few::new(count, arcs)))
    }

    /// The OID with these arcs; more than [`Oid::MAX_ARCS`] are cut.
    pub fn new(arcs: impl Into<Vec<u32>>) -> Self {
        Self::from_slice(&arcs.into())
    }

    /// The same, of borrowed arcs.
    pub fn from_slice(arcs: &[u32]) -> Self {
        let arcs = arcs.get(..Self::MAX_ARCS).unwrap_or(arcs);
        let mut few = [0; Self::INLINE];
        match (few.get_mut(..arcs.len()), u8::try_from(arcs.len())) {
            (Some(place), Ok(count)) => {
                place.copy_from_slice(arcs);
                Self::inline(count, few)
            }
            _ => Self(Arcs::Many(arcs.into())),
        }
    }

    /// The arcs.
    pub fn arcs(&self) -> &[u32] {
        match &self.0 {
            Arcs::Few(few) => few.arcs.get(..few.len()).unwrap_or(&few.arcs),
            Arcs::Many(many) => many,
        }
    }

    /// Whether this lies in the subtree of `prefix` (or is it).
    pub fn starts_with(&self, prefix: &Self) -> bool {
        self.arcs().starts_with(prefix.arcs())
    }

    /// What comes after `prefix`; `None` if this does not lie below it.
    pub fn suffix(&self, prefix: &Self) -> Option<&[u32]> {
        self.arcs().strip_prefix(prefix.arcs())
    }

    /// Puts one more arc behind it in place, if it has room for it without an
    /// allocation; else it stays as it is.
    pub fn extend_inline(&mut self, arc: u32) -> bool {
        let Arcs::Few(few) = &mut self.0 else {
            return false;
        };
        let count = few.len();
        let Some(place) = few.arcs.get_mut(count) else {
            return false;
        };
        *place = arc;
        few.count = few.count.saturating_add(1);
        true
    }

    /// This OID with further arcs.
    #[must_use]
    pub fn child(&self, arcs: &[u32]) -> Self {
        let mut all = Vec::with_capacity(self.arcs().len() + arcs.len());
        all.extend_from_slice(self.arcs());
        all.extend_from_slice(arcs);
        Self::from_slice(&all)
    }
}

impl PartialEq for Oid {
    fn eq(&self, other: &Self) -> bool {
        self.arcs() == other.arcs()
    }
}

impl Eq for Oid {}

impl PartialOrd for Oid {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Oid {
    fn cmp(&self, other: &Self) -> Ordering {
        self.arcs().cmp(other.arcs())
    }
}

impl Hash for Oid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.arcs().hash(state);
    }
}

impl FromStr for Oid {
    type Err = InvalidOid;

    fn from_str(text: &str) -> Result<Self, InvalidOid> {
        let bad = || InvalidOid {
            text: text.to_owned(),
        };
        let plain = text.strip_prefix('.').unwrap_or(text);
        let arcs = plain
            .split('.')
            .map(str::parse)
            .collect::<Result<Vec<u32>, _>>()
            .ok()
            .ok_or_else(bad)?;
        if arcs.len() > Self::MAX_ARCS {
            Err(bad())
        } else {
            Ok(Self::from_slice(&arcs))
        }
    }
}

impl TryFrom<String> for Oid {
    type Error = InvalidOid;
    fn try_from(text: String) -> Result<Self, InvalidOid> {
        text.parse()
    }
}

impl From<Oid> for String {
    fn from(oid: Oid) -> Self {
        oid.to_string()
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, arc) in self.arcs().iter().enumerate() {
            if i > 0 {
                f.write_str(".")?;
            }
            write!(f, "{arc}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The value of one object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// INTEGER, Integer32.
    Integer(i64),
    /// OCTET STRING: any bytes, not always text.
    OctetString(Octets),
    /// NULL.
    Null,
    /// OBJECT IDENTIFIER.
    ObjectId(Box<Oid>),
    /// IpAddress.
    IpAddress([u8; 4]),
    /// Counter32: wraps at 2^32.
    Counter32(u32),
    /// Gauge32, Unsigned32.
    Gauge32(u32),
    /// TimeTicks: hundredths of a second, wraps at 2^32.
    TimeTicks(u32),
    /// Opaque: bytes in a wrapping of their own.
    Opaque(Box<[u8]>),
    /// Counter64.
    Counter64(u64),
    /// The agent has no such object (RFC 3416 §3).
    NoSuchObject,
    /// The agent has the object, but not this instance.
    NoSuchInstance,
    /// There is nothing after this OID.
    EndOfMibView,
}

impl Value {
    /// One of the three exceptions: absent, no error (trap 7).
    pub fn is_absent(&self) -> bool {
        matches!(
            self,
            Self::NoSuchObject | Self::NoSuchInstance | Self::EndOfMibView | Self::Null
        )
    }

    /// The number, of whatever numeric type.
    pub fn as_i128(&self) -> Option<i128> {
        match self {
            Self::Integer(v) => Some(i128::from(*v)),
            Self::Counter32(v) | Self::Gauge32(v) | Self::TimeTicks(v) => Some(i128::from(*v)),
            Self::Counter64(v) => Some(i128::from(*v)),
            Self::OctetString(_)
            | Self::Null
            | Self::ObjectId(_)
            | Self::IpAddress(_)
            | Self::Opaque(_)
            | Self::NoSuchObject
            | Self::NoSuchInstance
            | Self::EndOfMibView => None,
        }
    }

    /// The bytes of an octet string.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::OctetString(bytes) => Some(bytes),
            Self::Integer(_)
            | Self::Null
            | Self::ObjectId(_)
            | Self::IpAddress(_)
            | Self::Counter32(_)
            | Self::Gauge32(_)
            | Self::TimeTicks(_)
            | Self::Opaque(_)
            | Self::Counter64(_)
            | Self::NoSuchObject
            | Self::NoSuchInstance
            | Self::EndOfMibView => None,
        }
    }
}

/// One object instance and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VarBind {
    /// The instance.
    pub oid: Oid,
    /// Its value.
    pub value: Value,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_oid_comes_back_from_its_text() {
        let oid: Oid = ".1.3.6.1.2.1.1.1.0".parse().unwrap();
        assert_eq!(oid.to_string(), "1.3.6.1.2.1.1.1.0");
        assert!("1..2".parse::<Oid>().is_err());
        assert!("".parse::<Oid>().is_err());
        let long = Oid::new((1..=40).collect::<Vec<u32>>());
        assert_eq!(long.to_string().parse(), Ok(long.clone()));
        assert!(long < oid.child(&[1; 30]) && long.starts_with(&Oid::new([1, 2, 3])));
        assert_eq!(Oid::new(vec![1; 500]).arcs().len(), Oid::MAX_ARCS);
        let mut grown = Oid::new([1]);
        for n in 2..=40 {
            let longer = grown.child(&[n]);
            assert_eq!(grown.extend_inline(n), longer.arcs().len() <= Oid::INLINE);
            assert!(grown == longer || grown == Oid::new((1..=15).collect::<Vec<u32>>()));
        }
        assert_eq!(size_of::<Oid>(), 64);
        let system: Oid = "1.3.6.1.2.1.1".parse().unwrap();
        assert_eq!(oid.suffix(&system), Some(&[1, 0][..]));
    }
}
