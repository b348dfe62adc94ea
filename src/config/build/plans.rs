//! Calendars, maintenance windows and indicators.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::super::fields::Fields;
use super::super::model::Zone;
use super::super::node::Node;
use super::super::problem::Sink;
use super::super::raw;
use super::super::read::{Bandwidth, scalar};
use super::places::period;
use super::{Known, hours, selector};
use crate::indicator::Definition;
use crate::indicator::definition::{Count, Good, GroupBy, Rule};
use crate::model::{Ratio, Slug, Span};
use crate::monitor::calendar::Calendar;
use crate::monitor::maintain::{Effect, When, Window};

/// The calendar that is always there.
pub const WORKING_HOURS: &str = "working_hours";

fn zone_of(f: &Fields<'_>, default: &Zone) -> TimeZone {
    f.node("timezone")
        .and_then(|node| hours::zone(node, f.sink()))
        .map_or_else(|| default.zone.clone(), |zone| zone.zone)
}

/// Each text of a list, read by `parse`.
fn each<T>(
    f: &Fields<'_>,
    key: &str,
    what: &str,
    expected: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Vec<T> {
    let items = f.node(key).map_or(&[][..], Node::items);
    items
        .iter()
        .filter_map(|item| scalar(item, f.sink(), what, expected, &parse))
        .collect()
}

pub(super) fn calendars(node: Option<&Node>, zone: &Zone, sink: &Sink) -> BTreeMap<String, Calendar> {
    let mut all = BTreeMap::from([(WORKING_HOURS.to_owned(), Calendar::office(zone.zone.clone()))]);
    for (name, _, node) in node.into_iter().flat_map(|n| n.named(sink)) {
        all.extend(calendar(node, zone, sink).map(|c| (name.to_owned(), c)));
    }
    all
}

fn calendar(node: &Node, zone: &Zone, sink: &Sink) -> Option<Calendar> {
    let f = node.fields(raw::CALENDAR, sink)?;
    let office = Calendar::office(zone_of(&f, zone));
    let hours = match f.node("hours") {
        Some(_) => each(
            &f,
            "hours",
            "days with hours",
            "days and hours, like `mon-fri 07:30-11:30`",
            hours::hours,
        ),
        None => office.hours.clone(),
    };
    let days_off = "a day or days, like 2026-09-02 or 2026-02-16..2026-02-20";
    let holidays: BTreeSet<Date> = each(&f, "holidays", "a day off", days_off, hours::days_off)
        .into_iter()
        .flatten()
        .collect();
    let yearly = each(
        &f,
        "yearly_holidays",
        "a day of the year",
        "month-day, like 09-02",
        hours::yearly,
    );
    let mut exchanged = BTreeMap::new();
    for (day, place, like) in f.node("exchanged").into_iter().flat_map(|n| n.named(sink)) {
        let date = (day.len() == 10).then(|| day.parse::<Date>().ok()).flatten();
        if date.is_none() {
            sink.report(
                place
                    .problem(format!("{day:?} is not a day"))
                    .expected("a day, like 2026-01-10"),
            );
        }
        let expected = "one of: mon, tue, wed, thu, fri, sat, sun";
        let weekday = scalar(like, sink, "a day of the week", expected, hours::weekday);
        exchanged.extend(date.zip(weekday));
    }
    Some(Calendar {
        hours,
        holidays,
        yearly_holidays: yearly.into_iter().collect(),
        exchanged,
        ..office
    })
}

pub(super) fn maintenance(list: Option<&Node>, known: &Known, zone: &Zone, sink: &Sink) -> Vec<Window> {
    let mut names = BTreeSet::new();
    let mut windows = Vec::new();
    for item in list.map_or(&[][..], Node::items) {
        let Some(window) = window(item, known, zone, sink) else {
            continue;
        };
        if !names.insert(window.name.clone()) {
            let at = item.get("name").unwrap_or(item);
            sink.report(
                at.problem(format!("there is a second window {:?}", window.name))
                    .expected("a name of its own"),
            );
        }
        windows.push(window);
    }
    windows
}

fn window(item: &Node, known: &Known, zone: &Zone, sink: &Sink) -> Option<Window> {
    let f = item.fields(raw::MAINTENANCE, sink)?;
    let name = f.require("name");
    let selector = selector::at(&f, "select", known);
    let timezone = zone_of(&f, zone);
    let (reason, author) = (f.get("reason"), f.get("author"));
    let (first, last): (Option<Date>, Option<Date>) = (f.get("first"), f.get("last"));
    let once = f.node("from").is_some() || f.node("to").is_some();
    let when = match (once, f.node("weekly")) {
        (true, None) => {
            if f.node("first").is_some() || f.node("last").is_some() {
                f.report(
                    "first",
                    "this is for recurring windows",
                    "`from` and `to` alone, or `weekly`",
                );
            }
            // Both are asked for, so that one that is missing is told.
            f.require::<String>("from");
            f.require::<String>("to");
            let at = |key: &str| hours::moment(f.node(key)?, &timezone, sink);
            let (from, to) = (at("from"), at("to"));
            if from.zip(to).is_some_and(|(from, to)| to <= from) {
                f.report("to", "this window ends before it begins", "a moment after `from`");
            }
            When::Once { from: from?, to: to? }
        }
        (false, Some(node)) => {
            let expected = "days and hours, like `sun 02:00-04:00`";
            let hours = scalar(node, sink, "days with hours", expected, hours::hours);
            if first.zip(last).is_some_and(|(first, last)| last < first) {
                f.report(
                    "last",
                    "this window ends before it begins",
                    "a day not before `first`",
                );
            }
            let hours = hours?;
            When::Recurring {
                timezone,
                days: hours.days,
                from: hours.from,
                to: hours.to,
                first,
                last,
            }
        }
        (true, Some(_)) | (false, None) => {
            sink.report(
                item.problem("this window says not when, or in two ways")
                    .expected("`from` and `to` for once, or `weekly` for again and again"),
            );
            return None;
        }
    };
    Some(Window {
        name: name?,
        effect: Effect::Maintenance,
        selector,
        when,
        reason,
        author,
    })
}

pub(super) fn indicators(list: Option<&Node>, known: &Known, sink: &Sink) -> Vec<Definition> {
    let items = list.map_or(&[][..], Node::items);
    items
        .iter()
        .filter_map(|item| indicator(item, known, sink))
        .collect()
}

fn indicator(item: &Node, known: &Known, sink: &Sink) -> Option<Definition> {
    let f = item.fields(raw::INDICATOR, sink)?;
    let id: Option<Slug> = f.require("id");
    let name = f.require("name");
    let good = match f.node("good") {
        Some(node) => good(node, known, sink),
        None => f.require::<String>("good").and(None),
    };
    let exemptions = f.node("exempt").map_or(&[][..], Node::items).iter();
    let exemptions = exemptions
        .filter_map(|rule_at| rule(rule_at, known, sink))
        .collect();
    let group_by = match f.node("group_by") {
        None => Some(GroupBy::Area),
        Some(node) => scalar(
            node,
            sink,
            "a way of grouping",
            "total, area, site, class, or label:NAME",
            |text| match text {
                "total" => Some(GroupBy::Total),
                "area" => Some(GroupBy::Area),
                "site" => Some(GroupBy::Site),
                "class" => Some(GroupBy::Class),
                other => {
                    let label = other.strip_prefix("label:").filter(|l| !l.is_empty())?;
                    Some(GroupBy::Label(label.to_owned()))
                }
            },
        ),
    };
    Some(Definition {
        selector: selector::at(&f, "select", known),
        name_en: f.get("name_en"),
        count: f.get_or("count", Count::Members),
        exemptions,
        goal: f.get("goal"),
        note: f.get("note"),
        id: id?,
        name: name?,
        good: good?,
        group_by: group_by?,
    })
}

fn rule(item: &Node, known: &Known, sink: &Sink) -> Option<Rule> {
    let f = item.fields(raw::RULE, sink)?;
    let reason: Option<Slug> = f.require("reason");
    let (from, to) = period(&f, "from", "to");
    Some(Rule {
        selector: selector::at(&f, "select", known),
        decision: f.get("decision"),
        from,
        to,
        reason: reason?.to_string(),
    })
}

fn good(node: &Node, known: &Known, sink: &Sink) -> Option<Good> {
    const EXPECTED: &str = "`up`, or one of: seen_within, availability, contracted, survey";
    if !node.is_map() {
        return scalar(node, sink, "known here", EXPECTED, |text| {
            (text == "up").then_some(Good::Up)
        });
    }
    let f = node.fields(raw::GOOD, sink)?;
    if node.entries().count() != 1 {
        sink.report(node.problem("just one thing counts as good").expected(EXPECTED));
        return None;
    }
    if let Some(within) = f.get::<Span>("seen_within") {
        return Some(Good::SeenWithin(within));
    }
    if let Some(node) = f.node("availability") {
        let f = node.fields(raw::AVAILABILITY, sink)?;
        let over: Option<Span> = f.require("over");
        let at_least: Option<Ratio> = f.require("at_least");
        let calendar: Option<String> = known.calendars.get(&f, "calendar");
        return Some(Good::Availability {
            over: over?,
            at_least: at_least?,
            calendar,
        });
    }
    if let Some(node) = f.node("contracted") {
        let f = node.fields(raw::CONTRACTED, sink)?;
        let at_least: Option<Bandwidth> = f.require("at_least");
        return Some(Good::Contracted {
            media: f.list("media"),
            receive_bps: at_least?.0,
        });
    }
    let survey = f.node("survey")?;
    let f = survey.fields(raw::SURVEY, sink)?;
    let numerator = f.require("numerator");
    let denominator = f.require("denominator");
    Some(Good::Survey {
        numerator: numerator?,
        denominator: denominator?,
    })
}

/// The time zone of the file.
pub(super) fn file_zone(f: &Fields<'_>) -> Option<Zone> {
    let default = f.whole().sibling(super::super::defaults::TIMEZONE);
    hours::zone(f.node("timezone").unwrap_or(&default), f.sink())
}
