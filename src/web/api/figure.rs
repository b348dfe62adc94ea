//! The objects of the API that are numbers: sums over members, areas, indicators.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use crate::model::Ratio;
use crate::monitor::fleet::Tally;
use crate::web::view::AreaRow;

/// A sum over members.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Sum {
    /// In use.
    pub members: u64,
    /// Up or degraded.
    pub online: u64,
    /// Online, down or unreachable.
    pub expected: u64,
    /// The state is not known.
    pub unknown: u64,
    /// Left out of the ratio.
    pub exempt: u64,
    /// Nobody looks.
    pub not_watched: u64,
    /// Online of expected, 0 to 1; absent for an empty group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
}

impl From<&Tally> for Sum {
    fn from(t: &Tally) -> Self {
        Self {
            members: t.members,
            online: t.online,
            expected: t.expected,
            unknown: t.unknown,
            exempt: t.exempt,
            not_watched: t.not_watched,
            ratio: t.ratio().map(Ratio::get),
        }
    }
}

/// An area.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Area {
    /// The unit's id; `none`: what belongs to no unit.
    pub id: String,
    /// Display name.
    pub name: String,
    /// Devices that are always on.
    pub equipment: Sum,
    /// Connections of its sites.
    pub links: Sum,
    /// Its sites.
    pub sites: Sum,
    /// Computers in use.
    pub computers: u64,
    /// Computers that gave a sign of life lately.
    pub computers_seen: u64,
    /// Devices left out of ratios.
    pub exempt: u64,
}

impl From<&AreaRow> for Area {
    fn from(row: &AreaRow) -> Self {
        Self {
            id: row.id.clone(),
            name: row.name.clone(),
            equipment: (&row.equipment).into(),
            links: (&row.links).into(),
            sites: (&row.sites).into(),
            computers: row.computers.members,
            computers_seen: row.computers.seen,
            exempt: row.exempt,
        }
    }
}

/// A ratio with a definition.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Indicator {
    id: String,
    /// In the reader's language, where it has a name in it.
    name: String,
    /// Members that count as good.
    numerator: u64,
    /// Members that count.
    denominator: u64,
    /// Members without evidence, in neither.
    unknown: u64,
    /// Members left out, with a reason on record.
    exempt: u64,
    /// Good of counted; above 1 for a survey that says so; absent for an empty group.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    /// What it should reach.
    #[serde(skip_serializing_if = "Option::is_none")]
    goal: Option<f64>,
}

impl Indicator {
    pub(super) fn of(figure: &crate::web::Figure, lang: crate::i18n::Lang) -> Self {
        let english = figure.name_en.as_ref().filter(|_| lang == crate::i18n::Lang::En);
        Self {
            id: figure.id.to_string(),
            name: english.unwrap_or(&figure.name).clone(),
            numerator: figure.total.numerator,
            denominator: figure.total.denominator,
            unknown: figure.total.unknown,
            exempt: figure.total.exempt,
            value: figure.total.value(),
            goal: figure.goal.map(Ratio::get),
        }
    }
}
