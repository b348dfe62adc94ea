//! A short string of bytes that needs no allocation.

use std::fmt;
use std::hash::Hash;
use std::hash::Hasher;
use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes that are held without an allocation: names of interfaces, MACs, dates.
/// 22 keep [`super::snmp::Value`] at 24 bytes.
const INLINE: usize = 22;

/// The bytes of an OCTET STRING. Walks make one for every other row.
#[derive(Clone)]
pub struct Octets(Held);

#[derive(Clone)]
enum Held {
    /// How many, and they; the rest is zero.
    Few(u8, [u8; INLINE]),
    Many(Box<[u8]>),
}

impl From<&[u8]> for Octets {
    fn from(bytes: &[u8]) -> Self {
        let mut few = [0; INLINE];
        match (few.get_mut(..bytes.len()), u8::try_from(bytes.len())) {
            (Some(place), Ok(count)) => {
                place.copy_from_slice(bytes);
                Self(Held::Few(count, few))
            }
            _ => Self(Held::Many(bytes.into())),
        }
    }
}

impl<const N: usize> From<&[u8; N]> for Octets {
    fn from(bytes: &[u8; N]) -> Self {
        Self::from(bytes.as_slice())
    }
}

impl From<&str> for Octets {
    fn from(text: &str) -> Self {
        Self::from(text.as_bytes())
    }
}

impl From<Vec<u8>> for Octets {
    fn from(bytes: Vec<u8>) -> Self {
        if bytes.len() <= INLINE {
            Self::from(bytes.as_slice())
        } else {
            Self(Held::Many(bytes.into()))
        }
    }
}

impl From<String> for Octets {
    fn from(text: String) -> Self {
        Self::from(text.into_bytes())
    }
}

impl From<Octets> for Vec<u8> {
    fn from(octets: Octets) -> Self {
        match octets.0 {
            Held::Few(..) => octets.to_vec(),
            Held::Many(bytes) => bytes.into(),
        }
    }
}

impl Deref for Octets {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Held::Few(count, few) => few.get(..usize::from(*count)).unwrap_or(few),
            Held::Many(many) => many,
        }
    }
}

impl<'a> IntoIterator for &'a Octets {
    type Item = &'a u8;
    type IntoIter = std::slice::Iter<'a, u8>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl PartialEq for Octets {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Octets {}

impl Hash for Octets {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Debug for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl Serialize for Octets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<u8>::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::snmp::Value;

    #[test]
    fn bytes_of_any_length_come_back_and_compare_by_what_they_hold() {
        for length in [0, 1, INLINE - 1, INLINE, INLINE + 1, 1000] {
            let bytes: Vec<u8> = (0..=255).cycle().take(length).collect();
            let octets = Octets::from(bytes.clone());
            assert_eq!(*octets, *bytes);
            assert_eq!(octets, Octets::from(bytes.as_slice()));
            assert_eq!(Vec::from(octets.clone()), bytes);
            let text = serde_json::to_string(&octets).unwrap();
            assert_eq!(serde_json::from_str::<Octets>(&text).unwrap(), octets);
        }
        assert_ne!(Octets::from("a"), Octets::from("a\0"));
    }

    #[test]
    fn a_value_is_three_words() {
        assert_eq!(size_of::<Value>(), 24);
    }
}
