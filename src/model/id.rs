//! Identifiers: newtypes that can't be mixed up.
//!
//! What people write is a [`Slug`]; what the record and the hot paths use is a
//! [`TargetId`], the row number that the store gave to a [`TargetKey`] for ever.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A permanent name: lower-case ASCII letters, digits, `-`, `_` and `.`,
/// beginning with a letter or digit, 1 to 63 bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slug(Arc<str>);

/// The text is no [`Slug`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not an id: use 1 to 63 lower-case letters, digits, '-', '_' or '.', beginning with a letter or digit"
)]
pub struct InvalidSlug {
    /// The text as given.
    pub text: String,
}

impl Slug {
    /// Longest slug in bytes: a DNS label's limit, so that a slug may become one.
    pub const MAX_BYTES: usize = 63;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slug {
    type Err = InvalidSlug;

    fn from_str(text: &str) -> Result<Self, InvalidSlug> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let ok = text.len() <= Self::MAX_BYTES
            && text.bytes().next().is_some_and(plain)
            && text.bytes().all(|b| plain(b) || matches!(b, b'-' | b'_' | b'.'));
        if ok {
            Ok(Self(text.into()))
        } else {
            Err(InvalidSlug {
                text: text.to_owned(),
            })
        }
    }
}

impl TryFrom<String> for Slug {
    type Error = InvalidSlug;
    fn try_from(text: String) -> Result<Self, InvalidSlug> {
        text.parse()
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0.as_ref().to_owned()
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

macro_rules! slug_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Slug);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl FromStr for $name {
            type Err = InvalidSlug;
            fn from_str(text: &str) -> Result<Self, InvalidSlug> {
                text.parse().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

slug_id!(
    /// A physical place, for ever.
    SiteId
);
slug_id!(
    /// An administrative or organisational unit.
    UnitId
);
slug_id!(
    /// An item of equipment.
    DeviceId
);
slug_id!(
    /// The connection of a site to the network.
    LinkId
);
slug_id!(
    /// Something that people use.
    ServiceId
);

/// What kind of thing has a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// An item of equipment.
    Device,
    /// The connection of a site to the network.
    Link,
    /// Something that people use.
    Service,
}

impl TargetKind {
    /// All kinds, in the order of the declaration.
    pub const ALL: [Self; 3] = [Self::Device, Self::Link, Self::Service];

    /// The word in the configuration, in metrics and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Link => "link",
            Self::Service => "service",
        }
    }
}

impl fmt::Display for TargetKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The permanent name of anything with a state: kind and slug.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TargetKey {
    /// Device, link or service.
    pub kind: TargetKind,
    /// Its id within the kind.
    pub slug: Slug,
}

impl fmt::Display for TargetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.slug)
    }
}

impl From<DeviceId> for TargetKey {
    fn from(id: DeviceId) -> Self {
        Self {
            kind: TargetKind::Device,
            slug: id.0,
        }
    }
}

impl From<LinkId> for TargetKey {
    fn from(id: LinkId) -> Self {
        Self {
            kind: TargetKind::Link,
            slug: id.0,
        }
    }
}

impl From<ServiceId> for TargetKey {
    fn from(id: ServiceId) -> Self {
        Self {
            kind: TargetKind::Service,
            slug: id.0,
        }
    }
}

/// The number by which the record and the hot paths know a target.
///
/// Given once by the store to a [`TargetKey`] and never used again for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TargetId(pub u32);

impl fmt::Display for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// One outage of one target. Numbers grow with time and are never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IncidentId(pub u64);

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_plain_ascii() {
        for good in ["a", "0", "pc-01", "xa.thach-khoan_2"] {
            assert!(good.parse::<Slug>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "Thạch", "A", "a b", &"x".repeat(64)] {
            assert!(bad.parse::<Slug>().is_err(), "{bad}");
        }
    }
}
