//! Administrative and organisational units: validity, parents, succession,
//! and the area of a site on a day.
//!
//! Never keyed by name: "Thanh Sơn" was a district, a township and is a
//! commune. A level may be absent.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Inventory, Origin};
use crate::model::{SiteId, UnitId};

/// A unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Permanent id.
    pub id: UnitId,
    /// Display name.
    pub name: String,
    /// Kind.
    pub kind: UnitKind,
    /// The unit above.
    pub parent: Option<UnitId>,
    /// Official code.
    pub code: Option<String>,
    /// First day of its existence; `None`: since always.
    pub valid_from: Option<Date>,
    /// First day on which it no longer exists; `None`: it exists.
    pub valid_to: Option<Date>,
    /// What became of it.
    pub successions: Vec<Succession>,
    /// Where it comes from.
    pub origin: Origin,
}

/// Kind of unit.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum UnitKind {
    /// Tỉnh, thành phố trực thuộc trung ương.
    Province,
    /// Huyện (until 30 June 2025).
    District,
    /// Xã.
    Commune,
    /// Phường.
    Ward,
    /// Thị trấn.
    Township,
    /// Đặc khu.
    SpecialZone,
    /// Phòng giáo dục and the like.
    SchoolBoard,
    /// Cơ quan.
    Agency,
    /// Phòng chuyên môn.
    Department,
}

impl UnitKind {
    /// All kinds, with their words.
    pub const ALL: [(Self, &'static str); 9] = [
        (Self::Province, "province"),
        (Self::District, "district"),
        (Self::Commune, "commune"),
        (Self::Ward, "ward"),
        (Self::Township, "township"),
        (Self::SpecialZone, "special_zone"),
        (Self::SchoolBoard, "school_board"),
        (Self::Agency, "agency"),
        (Self::Department, "department"),
    ];

    /// The word in the configuration and in the database.
    pub fn as_str(self) -> &'static str {
        Self::ALL
            .into_iter()
            .find(|(k, _)| *k == self)
            .map_or("agency", |(_, w)| w)
    }
}

/// One successor of a unit that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Succession {
    /// The unit that came after.
    pub to: UnitId,
    /// How.
    pub kind: SuccessionKind,
    /// From which day.
    pub date: Date,
    /// Number of the decision.
    pub decision: Option<String>,
}

/// How a unit passed into another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SuccessionKind {
    /// Merged with others.
    Merge,
    /// Split into several.
    Split,
    /// Renamed.
    Rename,
    /// Dissolved, its tasks passed on.
    Transfer,
}

/// The kinds of unit that make an area (`area_kind`).
pub type AreaKinds = Vec<UnitKind>;

impl Unit {
    /// Whether it exists on `day`.
    pub fn exists_on(&self, day: Date) -> bool {
        self.valid_from.is_none_or(|d| d <= day) && self.valid_to.is_none_or(|d| day < d)
    }
}

impl Inventory {
    /// The area of a site on `day`: the nearest unit, going up, of one of
    /// `kinds`; `None` where it is under none (shown as `none`).
    ///
    /// A site without a unit of its own takes that of the site it lies in. A
    /// site whose unit has ended by `day` without a newer membership follows
    /// the unit's succession, if there is just one successor.
    pub fn area_of(&self, site: &SiteId, kinds: &[UnitKind], day: Date) -> Option<&UnitId> {
        let mut unit = self.unit_of(site, day)?;
        // Bounded: a cycle among parents or successors is refused at load, but data may be old.
        for _ in 0..64 {
            let found = self.units.get(unit)?;
            if !found.exists_on(day)
                && let [only] = found.successions.as_slice()
                && only.date <= day
            {
                unit = &only.to;
                continue;
            }
            if kinds.contains(&found.kind) {
                return Some(&found.id);
            }
            unit = found.parent.as_ref()?;
        }
        None
    }

    /// The unit of a site on `day`, or of the nearest site around it that has one.
    pub fn unit_of(&self, site: &SiteId, day: Date) -> Option<&UnitId> {
        let mut here = Some(site);
        for _ in 0..64 {
            let site = self.sites.get(here?)?;
            if let Some(unit) = site.unit_on(day) {
                return Some(unit);
            }
            here = site.within.as_ref();
        }
        None
    }
}
