//! What we own: sites, units, devices, links, services, and how they belong together.
//!
//! Pure data and rules. The configuration, imports and discovery fill it; the
//! store keeps it; everyone else reads it. One [`Inventory`] holds what is
//! *declared* in the configuration and what lives in the database alike.

pub mod change;
pub mod class;
pub mod device;
pub mod identity;
pub mod link;
pub mod service;
pub mod site;
pub mod unit;

use std::collections::BTreeMap;

pub use class::{Class, ClassDefaults};
pub use device::{Address, Condition, Device, Exemption, Host, Lifecycle, Mac, MonitorMode, PingOptions};
pub use link::{Link, Medium};
pub use service::{Check, Service};
pub use site::{HeadCount, Membership, Site, SiteKind, SitePolicy};
pub use unit::{AreaKinds, Succession, SuccessionKind, Unit, UnitKind};

use crate::model::{DeviceId, LinkId, ServiceId, SiteId, UnitId};

/// Everything that we own and watch, by id, in the order of the ids.
///
/// References between entries have been checked by whoever built it: every
/// `site`, `unit`, `parent` and `via` that is named exists.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inventory {
    /// Administrative and organisational units.
    pub units: BTreeMap<UnitId, Unit>,
    /// Physical places.
    pub sites: BTreeMap<SiteId, Site>,
    /// Items of equipment.
    pub devices: BTreeMap<DeviceId, Device>,
    /// Connections of sites to the network.
    pub links: BTreeMap<LinkId, Link>,
    /// Things that people use.
    pub services: BTreeMap<ServiceId, Service>,
}

/// Where an entry comes from. The configuration wins over the page for the keys that it sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// From the configuration file.
    #[default]
    Declared,
    /// Imported from a file.
    Imported,
    /// Found on the network.
    Discovered,
    /// Typed in by a person.
    Manual,
}
