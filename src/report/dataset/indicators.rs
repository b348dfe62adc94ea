//! The indicators as configured: what counts above and below the line, in all and
//! by group, with what is unknown and exempt beside it.
//!
//! Of the moment that the record stands at; what looks at a time (seen within,
//! availability over) looks back from there.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Source;
use crate::i18n::Lang;
use crate::i18n::Text;
use crate::i18n::collate;
use crate::indicator::definition::Definition;
use crate::indicator::definition::GroupBy;
use crate::indicator::evaluate::Tally;
use crate::indicator::evaluate::World;
use crate::indicator::evaluate::evaluate;
use crate::inventory::Class;
use crate::model::Event;
use crate::model::Ratio;
use crate::model::SiteId;
use crate::model::Span;
use crate::model::TargetId;
use crate::model::Timestamp;
use crate::model::UnitId;
use crate::monitor::Snapshot;
use crate::monitor::availability::Frame;
use crate::monitor::availability::Shares;
use crate::monitor::availability::Timeline;
use crate::monitor::availability::alive;
use crate::monitor::calendar::Calendar;
use crate::monitor::interval::Interval;
use crate::report::Dataset;
use crate::report::table::Align;
use crate::report::table::Cell;
use crate::report::table::Column;
use crate::report::table::Table;

/// The dataset.
pub const DATASET: Dataset = Dataset {
    name: "indicators",
    title: Text::ReportIndicators,
    about: "Indicators as configured, in all and by group, as of the newest look",
    build,
};

const COLUMNS: [Column; 10] = [
    Column::brief("number", Text::FieldNumber, Align::Centre),
    Column::wide("indicator", Text::FieldId, Align::Left),
    Column::brief("name", Text::FieldIndicator, Align::Left),
    Column::brief("group", Text::FieldGroup, Align::Left),
    Column::brief("numerator", Text::FieldGood, Align::Right),
    Column::brief("denominator", Text::FieldOf, Align::Right),
    Column::brief("ratio", Text::FieldRatio, Align::Right),
    Column::wide("unknown", Text::StateUnknown, Align::Right),
    Column::wide("exempt", Text::StateExempt, Align::Right),
    Column::wide("goal", Text::FieldGoal, Align::Right),
];

/// What indicators are worked out from.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The definitions, in the order of the configuration.
    pub definitions: Vec<Definition>,
    /// The states on record; its `at` is when they were true.
    pub snapshot: Snapshot,
    /// The calendars of the configuration.
    pub calendars: BTreeMap<String, Calendar>,
}

/// The log, as far as availability needs it.
struct Log<'a> {
    alive: Vec<Interval>,
    own: BTreeMap<TargetId, Vec<&'a Event>>,
}

impl<'a> Log<'a> {
    fn of(source: &'a Source, until: Timestamp) -> Self {
        let mut own: BTreeMap<TargetId, Vec<&Event>> = BTreeMap::new();
        for event in &source.events {
            if let Some(target) = event.target {
                own.entry(target).or_default().push(event);
            }
        }
        Self {
            alive: alive(&source.events, until),
            own,
        }
    }

    fn shares(
        &self,
        source: &Source,
        standing: &Standing,
        target: TargetId,
        over: Span,
        calendar: Option<&str>,
    ) -> Option<Shares> {
        let until = standing.snapshot.at;
        let window = Interval::new(until.minus(over), until)?;
        let classified: Vec<_> = source
            .incidents
            .iter()
            .filter(|row| row.target == target)
            .filter_map(|row| row.classified(until))
            .collect();
        let frame = Frame {
            alive: &self.alive,
            classified: &classified,
            ..Frame::default()
        };
        let events = self.own.get(&target).map_or(&[][..], Vec::as_slice);
        let timeline = Timeline::new(target, window, events.iter().copied(), &frame);
        match calendar {
            None => Some(timeline.shares()),
            Some(name) => {
                let hours = standing.calendars.get(name)?.intervals(window);
                Some(timeline.shares_within(&hours))
            }
        }
    }
}

fn build(source: &Source) -> Table {
    let lang = source.lang();
    let mut rows = Vec::new();
    let mut lead = Text::ReportAsOf.fill(lang, &[("date", &source.locale.date(source.day))]);
    let mut notes = vec![Text::ReportIndicatorsNote.get(lang).to_owned()];
    if let Some(standing) = &source.standing {
        let standing = Standing {
            snapshot: only_wanted(source, &standing.snapshot),
            ..standing.clone()
        };
        let at = standing.snapshot.at;
        lead = Text::ReportAsOfMoment.fill(lang, &[("when", &source.locale.moment(at))]);
        let log = Log::of(source, at);
        let ask = |target: TargetId, over: Span, calendar: Option<&str>| {
            log.shares(source, &standing, target, over, calendar)
        };
        let world = World {
            snapshot: &standing.snapshot,
            area_kinds: &source.area_kind,
            day: source.day,
            availability: &ask,
        };
        for definition in &standing.definitions {
            let found = evaluate(definition, None, &world);
            rows.push(row(source, rows.len(), definition, None, &found.total));
            let mut groups: Vec<(String, Tally)> = found
                .groups
                .into_iter()
                .map(|(group, tally)| (group_name(source, &definition.group_by, &group), tally))
                .collect();
            if definition.group_by == GroupBy::Total {
                groups.clear();
            }
            groups.sort_by_cached_key(|(name, _)| collate::sort_key(name));
            for (name, tally) in groups {
                rows.push(row(source, rows.len(), definition, Some(&name), &tally));
            }
            notes.extend(definition.note.clone());
        }
    }
    Table {
        title: Text::ReportIndicators,
        lead,
        columns: COLUMNS.to_vec(),
        rows,
        total: None,
        notes,
    }
}

/// The same, without what lies elsewhere than was asked for.
fn only_wanted(source: &Source, snapshot: &Snapshot) -> Snapshot {
    if source.site.is_none() {
        return snapshot.clone();
    }
    let mut inventory = (*snapshot.inventory).clone();
    inventory.devices.retain(|_, d| source.wants(d.site.as_ref()));
    inventory.links.retain(|_, l| source.wants(Some(&l.site)));
    inventory.services.retain(|_, s| source.wants(s.site.as_ref()));
    inventory.sites.retain(|id, _| source.wants(Some(id)));
    Snapshot {
        inventory: Arc::new(inventory),
        ..snapshot.clone()
    }
}

/// A group as people call it.
fn group_name(source: &Source, by: &GroupBy, group: &str) -> String {
    let lang = source.lang();
    match by {
        GroupBy::Total | GroupBy::Label(_) => group.to_owned(),
        GroupBy::Area => group
            .parse()
            .ok()
            .and_then(|slug| source.inventory.units.get(&UnitId(slug)))
            .map_or_else(|| Text::PageNoArea.get(lang).to_owned(), |unit| unit.name.clone()),
        GroupBy::Site => group.parse().map_or_else(
            |_not_a_site| group.to_owned(),
            |slug| source.site_name(Some(&SiteId(slug))),
        ),
        GroupBy::Class => class_name(group, lang),
    }
}

fn class_name(group: &str, lang: Lang) -> String {
    match group.parse::<Class>() {
        Ok(class) => Text::word("class", class.as_str(), lang).to_owned(),
        Err(_) => group.to_owned(),
    }
}

fn row(
    source: &Source,
    before: usize,
    definition: &Definition,
    group: Option<&str>,
    tally: &Tally,
) -> Vec<Cell> {
    let lang = source.lang();
    let name = match (lang, &definition.name_en) {
        (Lang::En, Some(name)) => name,
        (Lang::En, None) | (Lang::Vi, _) => &definition.name,
    };
    let ratio = |ratio: Option<Ratio>| ratio.map_or(Cell::Empty, Cell::Ratio);
    let some = |n: u64| if n > 0 { Cell::Integer(n) } else { Cell::Empty };
    COLUMNS
        .iter()
        .map(|column| match column.key {
            "number" => Cell::Integer(u64::try_from(before).map_or(u64::MAX, |n| n.saturating_add(1))),
            "indicator" => Cell::Text(definition.id.to_string()),
            "name" => Cell::Text(name.clone()),
            "group" => Cell::Text(group.unwrap_or_else(|| Text::FieldTotal.get(lang)).to_owned()),
            "numerator" => Cell::Integer(tally.numerator),
            "denominator" => Cell::Integer(tally.denominator),
            "ratio" => ratio(tally.ratio()),
            "unknown" => some(tally.unknown),
            "exempt" => some(tally.exempt),
            "goal" if group.is_none() => ratio(definition.goal),
            _ => Cell::Empty,
        })
        .collect()
}
