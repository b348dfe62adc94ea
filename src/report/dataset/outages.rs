//! Outages of a time: what, where, from when to when, why.

use super::Source;
use super::subject;
use super::subject::Subject;
use super::subject::key_of;
use crate::i18n;
use crate::i18n::Text;
use crate::model::Reason;
use crate::model::Span;
use crate::model::Timestamp;
use crate::monitor::incident::IncidentClass;
use crate::monitor::snapshot::BlindSpan;
use crate::report::Dataset;
use crate::report::table::Align;
use crate::report::table::Cell;
use crate::report::table::Column;
use crate::report::table::Table;
use crate::store::IncidentRow;

/// The dataset.
pub const DATASET: Dataset = Dataset {
    name: "outages",
    title: Text::ReportOutages,
    about: "Outages between two days, each with its start, end and cause",
    build,
};

const COLUMNS: [Column; 11] = [
    Column::brief("number", Text::FieldNumber, Align::Centre),
    Column::brief("kind", Text::FieldKind, Align::Left),
    Column::brief("name", Text::FieldName, Align::Left),
    Column::brief("site", Text::FieldSite, Align::Left),
    Column::wide("area", Text::FieldArea, Align::Left),
    Column::brief("started_at", Text::FieldStarted, Align::Centre),
    Column::brief("ended_at", Text::FieldEnded, Align::Centre),
    Column::brief("duration_seconds", Text::FieldDuration, Align::Right),
    Column::brief("cause", Text::FieldReason, Align::Left),
    Column::brief("class", Text::FieldIncidentClass, Align::Left),
    Column::wide("notes", Text::FieldNotes, Align::Left),
];

fn build(source: &Source) -> Table {
    let lang = source.lang();
    let (from, until) = source.period;
    let mut sum = Span::ZERO;
    let mut count = 0_usize;
    let mut lines: Vec<(Timestamp, Line<'_>)> = Vec::new();
    // Only what lies in the time asked for counts (trap 23).
    let within = |started_at: Timestamp, ended_at: Option<Timestamp>| {
        ended_at.unwrap_or(until).min(until).since(started_at.max(from))
    };
    for incident in &source.incidents {
        let Some(subject) = key_of(source, incident.target).and_then(|key| subject::subject(source, key))
        else {
            continue;
        };
        if !source.wants(subject.site) {
            continue;
        }
        sum = sum.saturating_add(within(incident.started_at, incident.ended_at));
        count = count.saturating_add(1);
        lines.push((incident.started_at, Line::Outage(incident, subject)));
    }
    let mut notes = vec![Text::ReportOutagesNote.get(lang).to_owned()];
    if !source.blind.is_empty() {
        let mut cut_off = Span::ZERO;
        for span in &source.blind {
            cut_off = cut_off.saturating_add(within(span.started_at, span.ended_at));
            lines.push((span.started_at, Line::CutOff(*span)));
        }
        notes.push(Text::ReportOutagesCutOff.fill(
            lang,
            &[
                ("n", &source.locale.count(source.blind.len())),
                ("duration", &source.locale.duration(cut_off)),
            ],
        ));
    }
    lines.sort_by_key(|(started_at, _)| *started_at);
    let rows: Vec<Vec<Cell>> = lines
        .iter()
        .zip(1_u64..)
        .map(|((_, line), number)| match line {
            Line::Outage(incident, subject) => row(source, number, incident, subject),
            Line::CutOff(span) => cut_off_row(source, number, *span),
        })
        .collect();
    let mut total = vec![Cell::Empty; COLUMNS.len()];
    for (cell, column) in total.iter_mut().zip(&COLUMNS) {
        *cell = match column.key {
            "name" => Cell::Text(Text::ReportOutagesTotal.fill(lang, &[("n", &source.locale.count(count))])),
            "duration_seconds" => Cell::Duration(sum),
            _ => Cell::Empty,
        };
    }
    Table {
        title: Text::ReportOutages,
        lead: Text::ReportPeriod.fill(
            lang,
            &[
                ("from", &source.locale.date(source.locale.day(from))),
                (
                    "to",
                    &source
                        .locale
                        .date(source.locale.day(until.minus(Span::from_micros(1)))),
                ),
            ],
        ),
        columns: COLUMNS.to_vec(),
        rows,
        total: Some(total),
        notes,
    }
}

/// What a row of the table tells of.
enum Line<'a> {
    Outage(&'a IncidentRow, Subject<'a>),
    CutOff(BlindSpan),
}

/// The monitor itself was cut off: a row of its own, so that a time without
/// outages is not taken for one in which all was well.
fn cut_off_row(source: &Source, number: u64, span: BlindSpan) -> Vec<Cell> {
    let lang = source.lang();
    let end = span.ended_at.unwrap_or(source.period.1);
    COLUMNS
        .iter()
        .map(|column| match column.key {
            "number" => Cell::Integer(number),
            "name" => Cell::Text(Text::FieldMonitor.get(lang).to_owned()),
            "started_at" => Cell::Moment(span.started_at),
            "ended_at" => span.ended_at.map_or(Cell::Empty, Cell::Moment),
            "duration_seconds" => Cell::Duration(end.since(span.started_at)),
            "cause" => Cell::Text(i18n::reason(&Reason::Blind, lang, str::to_owned)),
            _ => Cell::Empty,
        })
        .collect()
}

fn row(source: &Source, number: u64, incident: &IncidentRow, subject: &Subject<'_>) -> Vec<Cell> {
    let lang = source.lang();
    let name = |text: &str| {
        source
            .index
            .keys()
            .find(|key| key.to_string() == text)
            .and_then(|key| subject::subject(source, key))
            .map_or_else(|| text.to_owned(), |s| s.name.to_owned())
    };
    let root = incident
        .root
        .filter(|root| *root != incident.target)
        .and_then(|root| key_of(source, root));
    let cause = match root {
        Some(key) => i18n::reason(&Reason::Parent(key.to_string()), lang, name),
        None => i18n::reason(&incident.reason, lang, name),
    };
    let end = incident.ended_at.unwrap_or(source.period.1);
    let note = incident.ack.as_ref().map(|ack| {
        Text::FieldAcknowledgedBy.fill(lang, &[("author", &ack.author), ("comment", &ack.comment)])
    });
    COLUMNS
        .iter()
        .map(|column| match column.key {
            "number" => Cell::Integer(number),
            "kind" => subject.word(lang),
            "name" => Cell::Text(subject.name.to_owned()),
            "site" => Cell::text(Some(source.site_name(subject.site))),
            "area" => Cell::Text(source.area_name(subject.site)),
            "started_at" => Cell::Moment(incident.started_at),
            "ended_at" => incident.ended_at.map_or(Cell::Empty, Cell::Moment),
            "duration_seconds" => Cell::Duration(end.since(incident.started_at)),
            "cause" => Cell::Text(cause.clone()),
            "class" => incident
                .class
                .as_deref()
                .and_then(IncidentClass::from_word)
                .map_or(Cell::Empty, |class| Cell::Word {
                    key: class.as_str(),
                    text: Text::word("incident_class", class.as_str(), lang).to_owned(),
                }),
            "notes" => Cell::text(note.clone()),
            _ => Cell::Empty,
        })
        .collect()
}
