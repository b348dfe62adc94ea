//! Physical places, for ever.
//!
//! A site is never renumbered, renamed away or merged: units come and go, the
//! building stays.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Exemption, Origin};
use crate::model::{DeviceId, SiteId, UnitId};

/// A physical place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Site {
    /// Permanent id.
    pub id: SiteId,
    /// Display name.
    pub name: String,
    /// What kind of place.
    pub kind: SiteKind,
    /// The site that it lies in (a room in an office).
    pub within: Option<SiteId>,
    /// Address as people write it.
    pub address: Option<String>,
    /// Latitude and longitude in degrees (WGS 84).
    pub coordinates: Option<(f64, f64)>,
    /// The units that it belongs to, by dates, oldest first.
    pub units: Vec<Membership>,
    /// Head-counts, by dates, oldest first.
    pub head_counts: Vec<HeadCount>,
    /// How its own `up` is derived.
    pub policy: SitePolicy,
    /// The gateway, where it is not the router of its link.
    pub gateway: Option<DeviceId>,
    /// Left out of ratios.
    pub exemption: Option<Exemption>,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// Where it comes from.
    pub origin: Origin,
}

/// What kind of place.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum SiteKind {
    /// An office building.
    Office,
    /// The seat of a commune, ward or township.
    CommuneHall,
    /// A school.
    School,
    /// A health station.
    HealthStation,
    /// A mast or relay.
    Mast,
    /// A data centre or server room.
    DataCenter,
    /// A room within another site.
    Room,
    /// Anything else.
    Other,
}

impl SiteKind {
    /// All kinds, with their words.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::Office, "office"),
        (Self::CommuneHall, "commune_hall"),
        (Self::School, "school"),
        (Self::HealthStation, "health_station"),
        (Self::Mast, "mast"),
        (Self::DataCenter, "data_center"),
        (Self::Room, "room"),
        (Self::Other, "other"),
    ];

    /// The word in the configuration and in the database.
    pub fn as_str(self) -> &'static str {
        Self::ALL
            .into_iter()
            .find(|(k, _)| *k == self)
            .map_or("other", |(_, w)| w)
    }
}

/// That a site belongs to a unit, from a day (inclusive) to a day (exclusive).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The unit.
    pub unit: UnitId,
    /// First day; `None`: since always.
    pub from: Option<Date>,
    /// First day on which it no longer holds; `None`: it holds.
    pub to: Option<Date>,
}

/// How many people work there, as of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadCount {
    /// As of this day; `None`: since always.
    pub as_of: Option<Date>,
    /// Cadres and civil servants.
    pub staff: u32,
    /// Of whom equipped with a computer, where it was surveyed.
    pub staff_with_computer: Option<u32>,
}

/// How the `up` of a site is derived from what stands in it (design §3.0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SitePolicy {
    /// Its gateway: the router of its link.
    #[default]
    Gateway,
    /// Any device or link of it.
    Any,
    /// More than half of its always-on devices.
    Quorum,
}

impl Site {
    /// The unit that it belongs to on `day`, if any.
    pub fn unit_on(&self, day: Date) -> Option<&UnitId> {
        self.units
            .iter()
            .rev()
            .find(|m| m.from.is_none_or(|d| d <= day) && m.to.is_none_or(|d| day < d))
            .map(|m| &m.unit)
    }

    /// The head-count in force on `day`, if any.
    pub fn head_count_on(&self, day: Date) -> Option<&HeadCount> {
        self.head_counts
            .iter()
            .filter(|h| h.as_of.is_none_or(|d| d <= day))
            .max_by_key(|h| h.as_of)
    }
}
