//! What an indicator is: plain data, as the configuration gives it.
//!
//! Every ratio is numerator over denominator, with what is unknown and what is
//! exempt beside it, so that a figure of 100 % can be audited.

use jiff::civil::Date;

use crate::inventory::Medium;
use crate::model::Ratio;
use crate::model::Selector;
use crate::model::Slug;
use crate::model::Span;

/// A ratio with a definition.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// Permanent name; the `indicator` label of metrics.
    pub id: Slug,
    /// Display name, in the organisation's language.
    pub name: String,
    /// Display name in English, where it has one.
    pub name_en: Option<String>,
    /// Which targets or sites are looked at. A selector of kind `site` looks at
    /// sites; anything else at devices, links and services.
    pub selector: Selector,
    /// Which of them count as good.
    pub good: Good,
    /// What is counted: each member, or places in which at least one member is good.
    pub count: Count,
    /// Left out, beside what the inventory exempts.
    pub exemptions: Vec<Rule>,
    /// By what the figures are grouped, where nobody asks otherwise.
    pub group_by: GroupBy,
    /// What the figure should reach.
    pub goal: Option<Ratio>,
    /// A remark that reports print with it.
    pub note: Option<String>,
}

/// What counts as good.
#[derive(Debug, Clone, PartialEq)]
pub enum Good {
    /// Online (up or degraded) at this moment. What is in maintenance is exempt.
    Up,
    /// It gave a sign of life within this time. A site did if any of its links
    /// or its gateway did.
    SeenWithin(Span),
    /// Its availability over this time, up to now, is at least so much. A site
    /// counts by its best link.
    Availability {
        /// The time looked at.
        over: Span,
        /// The least share that is good.
        at_least: Ratio,
        /// In the working hours of this calendar (a key of `calendars`); `None`: round the clock.
        calendar: Option<String>,
    },
    /// A link of enough contracted bandwidth. A site has one if any of its links does.
    Contracted {
        /// Contracted download bandwidth in bits per second, at least.
        receive_bps: u64,
        /// Over one of these media; empty: any.
        media: Vec<Medium>,
    },
    /// Numbers of the sites, from a survey. Members without one are unknown.
    Survey {
        /// Summed above the line.
        numerator: SiteNumber,
        /// Summed below the line.
        denominator: SiteNumber,
    },
}

/// A number of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SiteNumber {
    /// How many people work there.
    Staff,
    /// Of whom equipped with a computer.
    StaffWithComputer,
    /// How many computers are in use there (exempt ones not counted).
    Computers,
}

impl SiteNumber {
    /// All, with their words in the configuration.
    pub const ALL: [(Self, &'static str); 3] = [
        (Self::Staff, "staff"),
        (Self::StaffWithComputer, "staff_with_computer"),
        (Self::Computers, "computers"),
    ];
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Count {
    /// Each member.
    #[default]
    Members,
    /// Each site that has members: good if any of them is, unknown if none is
    /// good and one is unknown, exempt if all are.
    Sites,
    /// Each area that has members, in the same way.
    Areas,
}

impl Count {
    /// All, with their words in the configuration.
    pub const ALL: [(Self, &'static str); 3] = [
        (Self::Members, "members"),
        (Self::Sites, "sites"),
        (Self::Areas, "areas"),
    ];
}

/// Members that are left out, for a stated reason.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Which of the indicator's members.
    pub selector: Selector,
    /// Why (`secrecy`, …).
    pub reason: String,
    /// Number of the decision.
    pub decision: Option<String>,
    /// From which day; `None`: since always.
    pub from: Option<Date>,
    /// First day on which it no longer holds; `None`: it holds.
    pub to: Option<Date>,
}

/// By what figures are grouped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum GroupBy {
    /// Everything in one.
    Total,
    /// By area; what lies in none is in the group `none`.
    #[default]
    Area,
    /// By site.
    Site,
    /// By class of device, kind of service, or kind of site.
    Class,
    /// By the value of a label.
    Label(String),
}
