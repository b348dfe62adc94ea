//! Working hours, holidays and local days.
//!
//! Days are local days of an IANA time zone. On a day when the clocks change,
//! an hour that does not exist is not counted and an hour that comes twice is
//! counted twice, since it was lived twice (trap 24).

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use jiff::civil::{Date, DateTime, Time, Weekday, date, time};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use super::interval::Interval;
use super::interval::intersect;
use super::interval::union;
use crate::model::Timestamp;

/// When people work, and so when availability is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    /// Time zone of the days and hours.
    pub timezone: TimeZone,
    /// Hours of the week, in any order; they may overlap.
    pub hours: Vec<Hours>,
    /// Days off, by date.
    pub holidays: BTreeSet<Date>,
    /// Days off every year: month 1..=12 and day.
    pub yearly_holidays: BTreeSet<(i8, i8)>,
    /// Days on which people work in exchange for another day, with the weekday
    /// whose hours hold (làm bù). Wins over the holidays.
    pub exchanged: BTreeMap<Date, Weekday>,
}

/// Hours on some days of the week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours {
    /// On these days.
    pub days: Vec<Weekday>,
    /// From this local time, inclusive.
    pub from: Time,
    /// To this local time, exclusive. Not after `from`: it lies on the next day
    /// (`00:00` is midnight at the end of the day).
    pub to: Time,
}

/// Monday to Friday.
pub const WORKDAYS: [Weekday; 5] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
];

impl Calendar {
    /// Office hours: Monday to Friday, 07:30–11:30 and 13:30–17:00, without holidays.
    pub fn office(timezone: TimeZone) -> Self {
        let hours = |from, to| Hours {
            days: WORKDAYS.to_vec(),
            from,
            to,
        };
        Self {
            timezone,
            hours: vec![
                hours(time(7, 30, 0, 0), time(11, 30, 0, 0)),
                hours(time(13, 30, 0, 0), time(17, 0, 0, 0)),
            ],
            holidays: BTreeSet::new(),
            yearly_holidays: BTreeSet::new(),
            exchanged: BTreeMap::new(),
        }
    }

    /// The weekday whose hours hold on `day`; `None` on a day off.
    pub fn kind_of(&self, day: Date) -> Option<Weekday> {
        if let Some(like) = self.exchanged.get(&day) {
            return Some(*like);
        }
        let off = self.holidays.contains(&day) || self.yearly_holidays.contains(&(day.month(), day.day()));
        (!off).then(|| day.weekday())
    }

    /// Whether `at` lies in the hours.
    pub fn covers(&self, at: Timestamp) -> bool {
        Interval::new(at, Timestamp(at.0.saturating_add(1)))
            .is_some_and(|moment| !self.intervals(moment).is_empty())
    }

    /// The hours within `window`, as a set.
    pub fn intervals(&self, window: Interval) -> Vec<Interval> {
        let mut list = Vec::new();
        for day in local_days(&self.timezone, window) {
            let Some(like) = self.kind_of(day) else { continue };
            for hours in self.hours.iter().filter(|h| h.days.contains(&like)) {
                list.extend(on_day(&self.timezone, day, hours.from, hours.to));
            }
        }
        intersect(&union(list), &[window])
    }
}

/// The local days that touch `window`, with one more on either side.
pub(crate) fn local_days(timezone: &TimeZone, window: Interval) -> impl Iterator<Item = Date> {
    let first = local_day(timezone, window.from);
    let last = local_day(timezone, window.to);
    let mut next = first.yesterday().ok().or(Some(first));
    let end = last.tomorrow().unwrap_or(last);
    std::iter::from_fn(move || {
        let day = next.filter(|day| *day <= end)?;
        next = day.tomorrow().ok();
        Some(day)
    })
}

/// The local day at a moment.
pub fn local_day(timezone: &TimeZone, at: Timestamp) -> Date {
    jiff::Timestamp::from_microsecond(at.0).map_or_else(
        |_| {
            if at.0 < 0 {
                date(-9999, 1, 3)
            } else {
                date(9999, 12, 29)
            }
        },
        |at| timezone.to_datetime(at).date(),
    )
}

/// The moment at which a local day begins.
pub fn start_of_day(timezone: &TimeZone, day: Date) -> Timestamp {
    moment(timezone, day.at(0, 0, 0, 0), Twice::First)
}

/// The interval from `from` to `to` of a local day; `to` not after `from` lies
/// on the next day. `None` where the clocks skip the whole of it.
pub(crate) fn on_day(timezone: &TimeZone, day: Date, from: Time, to: Time) -> Option<Interval> {
    let last_day = if to > from { day } else { day.tomorrow().ok()? };
    Interval::new(
        moment(timezone, day.to_datetime(from), Twice::First),
        moment(timezone, last_day.to_datetime(to), Twice::Last),
    )
}

/// Which of two, where a local time comes twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Twice {
    First,
    Last,
}

/// The moment of a local time. A time that the clocks skip is the moment at
/// which they skip it, so that no interval runs backwards (trap 24).
fn moment(timezone: &TimeZone, local: DateTime, twice: Twice) -> Timestamp {
    let at = |offset: Offset| offset.to_timestamp(local).ok();
    let found = match timezone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => at(offset),
        AmbiguousOffset::Fold { before, after } => at(match twice {
            Twice::First => before,
            Twice::Last => after,
        }),
        AmbiguousOffset::Gap { before, after } => at(after)
            .and_then(|early| timezone.following(early).next())
            .map(|change| change.timestamp())
            .or_else(|| at(before)),
    };
    found.map_or(
        if local.year() < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        },
        |at| Timestamp(at.as_microsecond()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
    }

    fn hours_of(calendar: &Calendar, from: &str, to: &str) -> i64 {
        let window = Interval::new(at(from), at(to)).unwrap();
        super::super::interval::total(&calendar.intervals(window)) / 1_000_000
    }

    #[test]
    fn an_office_works_thirty_seven_and_a_half_hours_a_week() {
        let office = Calendar::office(zone("Asia/Ho_Chi_Minh"));
        // Monday 5 January 2026, 00:00 local time, seven days.
        assert_eq!(
            hours_of(&office, "2026-01-04T17:00:00Z", "2026-01-11T17:00:00Z"),
            37 * 3600 + 1800
        );
        assert!(office.covers(at("2026-01-05T00:30:00Z")), "07:30 is in");
        assert!(!office.covers(at("2026-01-05T04:30:00Z")), "11:30 is out");
    }

    #[test]
    fn a_holiday_is_off_and_its_exchange_is_worked() {
        let mut office = Calendar::office(zone("Asia/Ho_Chi_Minh"));
        office.holidays.insert(date(2026, 1, 2));
        office.yearly_holidays.insert((1, 1));
        office.exchanged.insert(date(2026, 1, 10), Weekday::Friday);
        assert_eq!(office.kind_of(date(2026, 1, 1)), None);
        assert_eq!(office.kind_of(date(2026, 1, 2)), None);
        assert_eq!(
            hours_of(&office, "2026-01-09T17:00:00Z", "2026-01-10T17:00:00Z"),
            7 * 3600 + 1800
        );
    }

    // trap 24
    #[test]
    fn hours_on_the_days_when_the_clocks_change_are_as_long_as_they_were() {
        let nights = Calendar {
            hours: vec![Hours {
                days: vec![Weekday::Sunday],
                from: time(2, 0, 0, 0),
                to: time(4, 0, 0, 0),
            }],
            ..Calendar::office(zone("Europe/Kyiv"))
        };
        // 29 March 2026: 03:00 becomes 04:00. 25 October 2026: 04:00 becomes 03:00.
        for (day, seconds) in [("2026-03-22", 7200), ("2026-03-29", 3600), ("2026-10-25", 10_800)] {
            let from = at(&format!("{day}T00:00:00Z")).minus(crate::model::Span::from_hours(12));
            let window = Interval::new(from, from.plus(crate::model::Span::from_hours(36))).unwrap();
            assert_eq!(
                super::super::interval::total(&nights.intervals(window)),
                seconds * 1_000_000,
                "{day}"
            );
        }
    }

    // trap 24
    #[test]
    fn an_interval_that_the_clocks_skip_is_none() {
        let kyiv = zone("Europe/Kyiv");
        let day = date(2026, 3, 29);
        assert_eq!(on_day(&kyiv, day, time(3, 10, 0, 0), time(3, 50, 0, 0)), None);
        let cut = on_day(&kyiv, day, time(3, 10, 0, 0), time(4, 30, 0, 0)).unwrap();
        assert_eq!(cut.micros(), 30 * 60 * 1_000_000);
    }

    #[test]
    fn a_night_shift_ends_on_the_next_day() {
        let night = on_day(
            &zone("Asia/Ho_Chi_Minh"),
            date(2026, 1, 5),
            time(22, 0, 0, 0),
            time(6, 0, 0, 0),
        );
        assert_eq!(night.unwrap().micros(), 8 * 3600 * 1_000_000);
    }
}
