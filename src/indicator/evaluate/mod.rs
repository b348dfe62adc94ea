//! Works an indicator out: numerator, denominator, unknown and exempt, by group.
//!
//! Each member is measured good, measured not good, without evidence, or left
//! out. Only the first two are in the ratio; a group without them has no value
//! (trap 23), and what is left out is counted beside it, so that "100 %" can be
//! audited.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::definition::Count;
use super::definition::Definition;
use super::definition::Good;
use super::definition::GroupBy;
use super::definition::SiteNumber;
use crate::inventory::Class;
use crate::inventory::Device;
use crate::inventory::Inventory;
use crate::inventory::Link;
use crate::inventory::Site;
use crate::inventory::UnitKind;
use crate::model::DeviceId;
use crate::model::LinkId;
use crate::model::Ratio;
use crate::model::ServiceId;
use crate::model::SiteId;
use crate::model::Span;
use crate::model::State;
use crate::model::TargetId;
use crate::model::TargetKey;
use crate::model::TargetKind;
use crate::monitor::availability::Shares;
use crate::monitor::fleet;
use crate::monitor::fleet::Standing;
use crate::monitor::snapshot::Snapshot;
use crate::monitor::snapshot::TargetView;
use crate::monitor::subject::Described;

/// Asks the record how the time of a target was divided: over a span up to now,
/// in the hours of a calendar (`None`: round the clock).
pub type AskRecord<'a> = dyn Fn(TargetId, Span, Option<&str>) -> Option<Shares> + 'a;

/// What an indicator is worked out from.
pub struct World<'a> {
    /// The states of the moment; its `at` is the moment.
    pub snapshot: &'a Snapshot,
    /// The kinds of unit that make an area.
    pub area_kinds: &'a [UnitKind],
    /// The local day: memberships, head-counts and exemptions have dates.
    pub day: Date,
    /// How the time up to now of a target was divided, over this span and in
    /// the hours of this calendar; `None`: the record can't tell.
    pub availability: &'a AskRecord<'a>,
}

/// The figures of one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// What counts as good.
    pub numerator: u64,
    /// What is counted. Zero: there is no value.
    pub denominator: u64,
    /// Members without evidence; in neither of the two.
    pub unknown: u64,
    /// Members left out, with a reason on record.
    pub exempt: u64,
}

impl Tally {
    /// The share that is good. `None`: nothing is counted, or the figure is no
    /// share (more computers than people).
    pub fn ratio(&self) -> Option<Ratio> {
        Ratio::of(self.numerator, self.denominator)
    }

    /// The figure, which may be above 1 for a survey. `None`: nothing is counted.
    pub fn value(&self) -> Option<f64> {
        (self.denominator > 0).then(|| self.numerator as f64 / self.denominator as f64)
    }

    fn add(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Good => {
                self.numerator += 1;
                self.denominator += 1;
            }
            Verdict::Bad => self.denominator += 1,
            Verdict::Unknown => self.unknown += 1,
            Verdict::Exempt => self.exempt += 1,
            Verdict::Numbers(numerator, denominator) => {
                self.numerator += u64::from(numerator);
                self.denominator += u64::from(denominator);
            }
        }
    }
}

/// What became of one member. In the order in which a place takes the best of its members'.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Left out.
    Exempt,
    /// Measured, and not good.
    Bad,
    /// No evidence.
    Unknown,
    /// Measured, and good.
    Good,
    /// Numbers of a survey: above and below the line.
    Numbers(u32, u32),
}

/// One member and its verdict, for whoever audits the figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// `device`, `link`, `service` or `site`, and its id.
    pub kind: &'static str,
    /// Its id.
    pub id: String,
    /// Its group.
    pub group: String,
    /// The site or area that it is counted as, where places are counted.
    pub place: Option<String>,
    /// What became of it.
    pub verdict: Verdict,
}

/// An indicator worked out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evaluation {
    /// Everything together.
    pub total: Tally,
    /// By group, in the order of the names.
    pub groups: BTreeMap<String, Tally>,
}

/// Works an indicator out, grouped as its definition says or as `group_by` does.
pub fn evaluate(definition: &Definition, group_by: Option<&GroupBy>, world: &World<'_>) -> Evaluation {
    sum(definition, members(definition, group_by, world))
}

/// Every member with its verdict, in the order of kinds and ids.
pub fn members(definition: &Definition, group_by: Option<&GroupBy>, world: &World<'_>) -> Vec<Member> {
    let looker = Looker {
        definition,
        world,
        group_by: group_by.unwrap_or(&definition.group_by),
        links_of: links_by_site(&world.snapshot.inventory),
    };
    let mut list = Vec::new();
    let kinds = &definition.selector.kind;
    if kinds.iter().any(|kind| kind == "site") {
        let states = match definition.good {
            Good::Up => fleet::site_states(world.snapshot),
            Good::SeenWithin(_)
            | Good::Availability { .. }
            | Good::Contracted { .. }
            | Good::Survey { .. } => BTreeMap::new(),
        };
        for site in world.snapshot.inventory.sites.values() {
            list.extend(looker.site(site, &states));
        }
    }
    if kinds.is_empty() || kinds.iter().any(|kind| kind != "site") {
        for (key, id) in &*world.snapshot.index {
            if kinds.is_empty() || kinds.iter().any(|kind| kind == key.kind.as_str()) {
                list.extend(looker.target(key, *id));
            }
        }
    }
    list
}

fn sum(definition: &Definition, members: Vec<Member>) -> Evaluation {
    let mut evaluation = Evaluation::default();
    if definition.count == Count::Members {
        for member in members {
            evaluation.total.add(member.verdict);
            evaluation
                .groups
                .entry(member.group)
                .or_default()
                .add(member.verdict);
        }
        return evaluation;
    }
    let mut places: BTreeMap<(String, String), Verdict> = BTreeMap::new();
    for member in members {
        let place = member.place.unwrap_or_default();
        let best = places.entry((member.group, place)).or_insert(Verdict::Exempt);
        *best = together(*best, member.verdict);
    }
    for ((group, _), verdict) in places {
        evaluation.total.add(verdict);
        evaluation.groups.entry(group).or_default().add(verdict);
    }
    evaluation
}

/// The better of two; numbers add up.
fn together(one: Verdict, other: Verdict) -> Verdict {
    match (one, other) {
        (Verdict::Numbers(above, below), Verdict::Numbers(more_above, more_below)) => {
            Verdict::Numbers(above.saturating_add(more_above), below.saturating_add(more_below))
        }
        _ => one.max(other),
    }
}

fn links_by_site(inventory: &Inventory) -> BTreeMap<&SiteId, Vec<&Link>> {
    let mut map: BTreeMap<&SiteId, Vec<&Link>> = BTreeMap::new();
    for link in inventory.links.values() {
        map.entry(&link.site).or_default().push(link);
    }
    map
}

struct Looker<'a> {
    definition: &'a Definition,
    world: &'a World<'a>,
    group_by: &'a GroupBy,
    links_of: BTreeMap<&'a SiteId, Vec<&'a Link>>,
}

impl Looker<'_> {
    fn inventory(&self) -> &Inventory {
        &self.world.snapshot.inventory
    }

    fn view(&self, key: &TargetKey) -> Option<&TargetView> {
        self.world.snapshot.by_key(key)
    }

    fn member(&self, kind: &'static str, id: &str, described: &Described<'_>, verdict: Verdict) -> Member {
        let none = crate::monitor::subject::NO_AREA;
        let group = match self.group_by {
            GroupBy::Total => "total",
            GroupBy::Area => described.area(),
            GroupBy::Site => described.nearest_site().unwrap_or(none),
            GroupBy::Class => described.class(),
            GroupBy::Label(key) => described.label(key).unwrap_or(none),
        };
        let place = match self.definition.count {
            Count::Members => None,
            Count::Sites => described.nearest_site(),
            Count::Areas => Some(described.area()),
        };
        Member {
            kind,
            id: id.to_owned(),
            group: group.to_owned(),
            place: place.map(str::to_owned),
            verdict,
        }
    }

    /// Whether one of the indicator's own exemptions holds.
    fn is_exempt_by_rule(&self, described: &Described<'_>) -> bool {
        let day = self.world.day;
        self.definition.exemptions.iter().any(|rule| {
            rule.from.is_none_or(|d| d <= day)
                && rule.to.is_none_or(|d| day < d)
                && rule.selector.matches(&described.subject())
        })
    }

    fn target(&self, key: &TargetKey, id: TargetId) -> Option<Member> {
        let (inventory, day) = (self.inventory(), self.world.day);
        let slug = key.slug.clone();
        let standing = match key.kind {
            TargetKind::Device => {
                fleet::device_standing(inventory, inventory.devices.get(&DeviceId(slug))?, day)
            }
            TargetKind::Link => fleet::link_standing(inventory, inventory.links.get(&LinkId(slug))?, day),
            TargetKind::Service => fleet::service_standing(inventory.services.get(&ServiceId(slug))?, day),
        };
        if standing == Standing::NoMember {
            return None;
        }
        let described = Described::target(inventory, key, self.world.area_kinds, day)?;
        if !self.definition.selector.matches(&described.subject()) {
            return None;
        }
        let verdict = if standing == Standing::Exempt || self.is_exempt_by_rule(&described) {
            Verdict::Exempt
        } else {
            self.judge(key, id)
        };
        Some(self.member(key.kind.as_str(), key.slug.as_str(), &described, verdict))
    }

    fn judge(&self, key: &TargetKey, id: TargetId) -> Verdict {
        let view = self.view(key);
        match &self.definition.good {
            Good::Up => match view {
                Some(view) if view.maintenance => Verdict::Exempt,
                Some(view) => of_state(view.state),
                None => Verdict::Unknown,
            },
            Good::SeenWithin(within) => self.seen(view, *within),
            Good::Availability {
                over,
                at_least,
                calendar,
            } => (self.world.availability)(id, *over, calendar.as_deref())
                .and_then(|shares| shares.availability())
                .map_or(Verdict::Unknown, |ratio| good_if(ratio >= *at_least)),
            Good::Contracted { .. } => {
                let link = LinkId(key.slug.clone());
                match self.inventory().links.get(&link) {
                    Some(link) if key.kind == TargetKind::Link => self.contracted(link),
                    _ => Verdict::Unknown,
                }
            }
            // Only sites have these numbers.
            Good::Survey { .. } => Verdict::Unknown,
        }
    }

    fn seen(&self, view: Option<&TargetView>, within: Span) -> Verdict {
        let Some(view) = view else { return Verdict::Unknown };
        match view.last_reply_at {
            Some(at) => good_if(at.plus(within) >= self.world.snapshot.at),
            // Looked at and never seen is an answer; never looked at is none.
            None if view.state.is_out() => Verdict::Bad,
            None => Verdict::Unknown,
        }
    }

    fn contracted(&self, link: &Link) -> Verdict {
        let Good::Contracted { receive_bps, media } = &self.definition.good else {
            return Verdict::Unknown;
        };
        if !media.is_empty() && !media.contains(&link.medium) {
            return Verdict::Bad;
        }
        link.contracted_receive_bps
            .map_or(Verdict::Unknown, |bps| good_if(bps >= *receive_bps))
    }

    fn site(&self, site: &Site, states: &BTreeMap<SiteId, State>) -> Option<Member> {
        let (inventory, day) = (self.inventory(), self.world.day);
        let described = Described::site(inventory, &site.id, self.world.area_kinds, day)?;
        if !self.definition.selector.matches(&described.subject()) {
            return None;
        }
        let is_exempt = fleet::site_is_exempt(inventory, &site.id, day) || self.is_exempt_by_rule(&described);
        let links = self.links_of.get(&site.id).map_or(&[][..], |list| list);
        let links = || {
            links
                .iter()
                .filter(|link| fleet::link_standing(inventory, link, day) == Standing::Counted)
        };
        let verdict = match &self.definition.good {
            _ if is_exempt => Verdict::Exempt,
            Good::Up => states
                .get(&site.id)
                .map_or(Verdict::Unknown, |state| of_state(*state)),
            Good::SeenWithin(within) => {
                let gateways = site
                    .gateway
                    .iter()
                    .chain(links().filter_map(|l| l.router.as_ref()));
                links()
                    .map(|link| TargetKey::from(link.id.clone()))
                    .chain(gateways.map(|id| TargetKey::from(id.clone())))
                    .map(|key| self.seen(self.view(&key), *within))
                    .max()
                    .unwrap_or(Verdict::Unknown)
            }
            Good::Availability { .. } => links()
                .map(|link| TargetKey::from(link.id.clone()))
                .filter_map(|key| Some((self.world.snapshot.index.get(&key).copied()?, key)))
                .map(|(id, key)| self.judge(&key, id))
                .max()
                .unwrap_or(Verdict::Unknown),
            // A place without a link on record has no contract.
            Good::Contracted { .. } => links()
                .map(|link| self.contracted(link))
                .max()
                .unwrap_or(Verdict::Bad),
            Good::Survey {
                numerator,
                denominator,
            } => self
                .number(site, *numerator)
                .zip(self.number(site, *denominator))
                .map_or(Verdict::Unknown, |(n, d)| Verdict::Numbers(n, d)),
        };
        Some(self.member("site", site.id.as_str(), &described, verdict))
    }

    fn number(&self, site: &Site, number: SiteNumber) -> Option<u32> {
        let day = self.world.day;
        match number {
            SiteNumber::Staff => site.head_count_on(day).map(|count| count.staff),
            SiteNumber::StaffWithComputer => site.head_count_on(day)?.staff_with_computer,
            SiteNumber::Computers => {
                let counts = |device: &&Device| {
                    let standing = fleet::device_standing(self.inventory(), device, day);
                    device.class == Class::Computer
                        && device.site.as_ref() == Some(&site.id)
                        && standing.is_counted()
                };
                u32::try_from(self.inventory().devices.values().filter(counts).count()).ok()
            }
        }
    }
}

fn good_if(is_good: bool) -> Verdict {
    if is_good { Verdict::Good } else { Verdict::Bad }
}

fn of_state(state: State) -> Verdict {
    match state {
        State::Up | State::Degraded => Verdict::Good,
        State::Down | State::Unreachable => Verdict::Bad,
        State::Unknown => Verdict::Unknown,
    }
}

#[cfg(test)]
mod tests;
