//! Days of the week, hours, moments and time zones as people write them.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;

use super::super::model::Zone;
use super::super::node::Node;
use super::super::problem::{Sink, nearest};
use super::super::read::{Read, scalar};
use crate::model::Timestamp;
use crate::monitor::calendar::Hours;

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

fn position(word: &str) -> Option<usize> {
    DAYS.iter().position(|(name, _)| *name == word)
}

/// A day of the week.
pub(super) fn weekday(word: &str) -> Option<Weekday> {
    DAYS.iter().find(|(name, _)| *name == word).map(|(_, day)| *day)
}

/// `mon-fri`, `sat`, `mon,wed,fri`, `sat-mon`.
fn days(text: &str) -> Option<Vec<Weekday>> {
    let mut list = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (position(first.trim())?, position(last.trim())?);
        let length = (last + 7 - first) % 7 + 1;
        for i in 0..length {
            let (_, day) = DAYS.get((first + i) % 7)?;
            if list.contains(day) {
                return None;
            }
            list.push(*day);
        }
    }
    Some(list)
}

/// `07:30`; `24:00` is midnight at the end of the day.
fn clock(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let two = |part: &str| {
        let digits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| part.parse::<i8>().ok()).flatten()
    };
    match (two(hour)?, two(minute)?) {
        (24, 0) => Some(Time::midnight()),
        (hour, minute) => Time::new(hour, minute, 0, 0).ok(),
    }
}

/// `07:30-11:30`, possibly over midnight; not empty.
pub(super) fn range(text: &str) -> Option<(Time, Time)> {
    let (from, to) = text.split_once('-')?;
    let (from, to) = (clock(from.trim())?, clock(to.trim())?);
    (from != to || from == Time::midnight()).then_some((from, to))
}

/// `mon-fri 07:30-11:30`.
pub(super) fn hours(text: &str) -> Option<Hours> {
    let (names, times) = text.trim().split_once(' ')?;
    let (from, to) = range(times.trim())?;
    Some(Hours {
        days: days(names)?,
        from,
        to,
    })
}

/// `2026-09-02` or `2026-02-16..2026-02-20`, at most 31 days.
pub(super) fn days_off(text: &str) -> Option<Vec<Date>> {
    let day = |t: &str| (t.len() == 10).then(|| t.parse::<Date>().ok()).flatten();
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    let (first, last) = (day(first.trim())?, day(last.trim())?);
    let list: Vec<Date> = first
        .series(jiff::Span::new().days(1))
        .take_while(|d| *d <= last)
        .take(32)
        .collect();
    (!list.is_empty() && list.len() <= 31).then_some(list)
}

/// `09-02`: month and day of any year.
pub(super) fn yearly(text: &str) -> Option<(i8, i8)> {
    let (month, day) = text.split_once('-')?;
    let (month, day) = (month.parse().ok()?, day.parse().ok()?);
    // 2024 has every day that a year can have.
    Date::new(2024, month, day).ok()?;
    Some((month, day))
}

/// A time zone by its IANA name.
pub(super) fn zone(node: &Node, sink: &Sink) -> Option<Zone> {
    let name = String::read(node, sink)?;
    if let Ok(zone) = TimeZone::get(&name) {
        return Some(Zone { name, zone });
    }
    let known: Vec<String> = jiff::tz::db().available().map(|n| n.to_string()).collect();
    let written = node.written().unwrap_or_default();
    sink.report(
        node.problem(format!("there is no time zone {written:?}"))
            .expected("an IANA name, like Asia/Ho_Chi_Minh")
            .did_you_mean(nearest(&name, known.iter().map(String::as_str)).map(str::to_owned)),
    );
    None
}

/// A moment: with an offset of its own, or local in `zone`.
pub(super) fn moment(node: &Node, zone: &TimeZone, sink: &Sink) -> Option<Timestamp> {
    let expected = "a day and a time, like 2026-01-10T22:00 or 2026-01-10T22:00+07:00";
    scalar(node, sink, "a moment", expected, |text| {
        let text = text.trim().replacen(' ', "T", 1);
        let at = text.parse::<jiff::Timestamp>().ok().or_else(|| {
            // A day alone is no moment.
            let local: DateTime = text.contains('T').then(|| text.parse().ok()).flatten()?;
            zone.to_timestamp(local).ok()
        })?;
        Some(Timestamp(at.as_microsecond()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_hours_are_read_as_people_write_them() {
        assert_eq!(hours("mon-fri 07:30-11:30").unwrap().days.len(), 5);
        assert_eq!(
            hours("sat-mon 22:00-06:00").unwrap().days,
            [Weekday::Saturday, Weekday::Sunday, Weekday::Monday]
        );
        assert_eq!(hours("mon,wed 00:00-24:00").unwrap().to, Time::midnight());
        for bad in [
            "",
            "mon",
            "mon 7:30-8:00",
            "foo 07:30-08:00",
            "mon,mon 07:30-08:00",
            "mon 07:30-07:30",
            "mon 25:00-26:00",
        ] {
            assert_eq!(hours(bad), None, "{bad}");
        }
    }

    #[test]
    fn holidays_are_days_or_ranges() {
        assert_eq!(days_off("2026-02-16..2026-02-20").unwrap().len(), 5);
        assert_eq!(days_off("2026-09-02").unwrap().len(), 1);
        for bad in [
            "2026-02-30",
            "2026-02-20..2026-02-16",
            "2026-01-01..2026-12-31",
            "x",
        ] {
            assert_eq!(days_off(bad), None, "{bad}");
        }
        assert_eq!(yearly("09-02"), Some((9, 2)));
        assert_eq!(yearly("02-30"), None);
    }
}
