//! How much of a time everything that is always on was there, worst first.
//!
//! From the log of transitions, never from samples. What was unreachable counts
//! against it (its users had nothing); against a link's agreement only what was
//! its own. Unknown, maintenance, exempt and no data are no part of the ratio,
//! and stand beside it, so that a figure of 100 % can be audited.

use std::collections::BTreeMap;

use super::Source;
use super::subject::Subject;
use super::subject::subject;
use crate::i18n::Text;
use crate::i18n::collate;
use crate::inventory::Exemption;
use crate::model::Ratio;
use crate::model::Span;
use crate::model::TargetId;
use crate::model::Timestamp;
use crate::monitor::availability::Shares;
use crate::monitor::availability::log::Log;
use crate::monitor::calendar::start_of_day;
use crate::monitor::interval::Interval;
use crate::report::Dataset;
use crate::report::table::Align;
use crate::report::table::Cell;
use crate::report::table::Column;
use crate::report::table::Table;

/// The dataset.
pub const DATASET: Dataset = Dataset {
    name: "availability",
    title: Text::ReportAvailability,
    about: "Availability of links, services and network equipment between two days",
    build,
};

const COLUMNS: [Column; 14] = [
    Column::brief("number", Text::FieldNumber, Align::Centre),
    Column::brief("kind", Text::FieldKind, Align::Left),
    Column::brief("name", Text::FieldName, Align::Left),
    Column::brief("site", Text::FieldSite, Align::Left),
    Column::wide("area", Text::FieldArea, Align::Left),
    Column::brief("availability_ratio", Text::FieldAvailability, Align::Right),
    Column::brief(
        "availability_office_ratio",
        Text::FieldAvailabilityOffice,
        Align::Right,
    ),
    Column::wide("own_availability_ratio", Text::FieldAvailabilityOwn, Align::Right),
    Column::wide("sla_ratio", Text::FieldSla, Align::Right),
    Column::brief("outages", Text::FieldOutages, Align::Right),
    Column::brief("down_seconds", Text::FieldDowntime, Align::Right),
    Column::wide("unreachable_seconds", Text::StateUnreachable, Align::Right),
    Column::wide("left_out_seconds", Text::FieldLeftOut, Align::Right),
    Column::wide("no_data_seconds", Text::FieldNoData, Align::Right),
];

/// One target's time.
struct Line<'a> {
    subject: Subject<'a>,
    day: Shares,
    office: Shares,
    outages: u64,
}

fn build(source: &Source) -> Table {
    let lang = source.lang();
    let lines = lines(source);
    let total = total(source, &lines);
    let (from, until) = source.period;
    let days = |at: Timestamp| source.locale.date(source.locale.day(at));
    let mut notes = vec![Text::ReportAvailabilityNote.get(lang).to_owned()];
    if lines.iter().any(|l| l.day.no_data > 0) {
        notes.push(Text::ReportNoDataNote.get(lang).to_owned());
    }
    Table {
        title: Text::ReportAvailability,
        lead: Text::ReportPeriod.fill(
            lang,
            &[
                ("from", &days(from)),
                ("to", &days(until.minus(Span::from_micros(1)))),
            ],
        ),
        columns: COLUMNS.to_vec(),
        rows: (1u64..)
            .zip(&lines)
            .map(|(n, line)| row(source, n, line))
            .collect(),
        total: Some(total),
        notes,
    }
}

fn lines(source: &Source) -> Vec<Line<'_>> {
    let Some(window) = Interval::new(source.period.0, source.period.1) else {
        return Vec::new();
    };
    let hours = source.office_hours.intervals(window);
    let classified = source
        .incidents
        .iter()
        .filter_map(|row| Some((row.target, row.classified(window.to)?)));
    let log = Log::new(window, &source.events, classified);
    let mut began: BTreeMap<TargetId, u64> = BTreeMap::new();
    for row in &source.incidents {
        if row.started_at >= source.period.0 && row.started_at < source.period.1 {
            *began.entry(row.target).or_default() += 1;
        }
    }
    let mut lines: Vec<Line<'_>> = source
        .index
        .iter()
        .filter_map(|(key, id)| {
            let subject = subject(source, key).filter(|s| source.wants(s.site))?;
            let exempt = exempt(source, subject.exemption);
            let in_service_from = subject
                .in_service_from
                .map(|day| start_of_day(&source.locale.timezone, day));
            let timeline = log.timeline(*id, in_service_from, &exempt);
            Some(Line {
                day: timeline.shares(),
                office: timeline.shares_within(&hours),
                outages: began.get(id).copied().unwrap_or_default(),
                subject,
            })
        })
        .collect();
    lines.sort_by_cached_key(|line| {
        (
            line.day.availability().map_or(u64::MAX, micro),
            collate::sort_key(line.subject.name),
        )
    });
    lines
}

/// A ratio as a number that can be sorted.
fn micro(ratio: Ratio) -> u64 {
    // 0 to 1,000,000,000,000: whole.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a ratio is 0 to 1"
    )]
    let parts = (ratio.get() * 1e12) as u64;
    parts
}

/// When a target was left out by decision.
fn exempt(source: &Source, exemption: Option<&Exemption>) -> Vec<Interval> {
    let Some(exemption) = exemption else {
        return Vec::new();
    };
    let start = |day| start_of_day(&source.locale.timezone, day);
    Interval::new(
        exemption.from.map_or(Timestamp::MIN, start),
        exemption.to.map_or(Timestamp::MAX, start),
    )
    .into_iter()
    .collect()
}

fn span(micros: i64) -> Cell {
    match u64::try_from(micros) {
        Ok(micros) if micros > 0 => Cell::Duration(Span::from_micros(micros)),
        Ok(_) | Err(_) => Cell::Empty,
    }
}

fn share(ratio: Option<Ratio>) -> Cell {
    ratio.map_or(Cell::Empty, Cell::Ratio)
}

fn left_out(shares: &Shares) -> i64 {
    shares
        .unknown
        .saturating_add(shares.maintenance)
        .saturating_add(shares.exempt)
        .saturating_add(shares.not_in_service)
}

fn row(source: &Source, number: u64, line: &Line<'_>) -> Vec<Cell> {
    let subject = &line.subject;
    COLUMNS
        .iter()
        .map(|column| match column.key {
            "number" => Cell::Integer(number),
            "kind" => subject.word(source.lang()),
            "name" => Cell::Text(subject.name.to_owned()),
            "site" => Cell::text(Some(source.site_name(subject.site))),
            "area" => Cell::Text(source.area_name(subject.site)),
            "sla_ratio" => share(subject.sla),
            "outages" => Cell::Integer(line.outages),
            key => figure(key, &line.day, &line.office),
        })
        .collect()
}

/// The cells that are made of shares.
fn figure(key: &str, day: &Shares, office: &Shares) -> Cell {
    match key {
        "availability_ratio" => share(day.availability()),
        "availability_office_ratio" => share(office.availability()),
        "own_availability_ratio" => share(day.own_availability()),
        "down_seconds" => span(day.down),
        "unreachable_seconds" => span(day.unreachable),
        "left_out_seconds" => span(left_out(day)),
        "no_data_seconds" => span(day.no_data),
        _ => Cell::Empty,
    }
}

fn total(source: &Source, lines: &[Line<'_>]) -> Vec<Cell> {
    let day: Shares = lines.iter().map(|l| l.day).sum();
    let office: Shares = lines.iter().map(|l| l.office).sum();
    COLUMNS
        .iter()
        .map(|column| match column.key {
            "name" => Cell::Text(Text::FieldTotal.get(source.lang()).to_owned()),
            "outages" => Cell::Integer(lines.iter().map(|l| l.outages).sum()),
            key => figure(key, &day, &office),
        })
        .collect()
}
