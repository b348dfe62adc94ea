//! Maintenance windows: announced times in which an outage is nobody's fault.
//!
//! A window is an overlay. Checks go on, transitions are recorded as ever;
//! whoever tells people uses the overlay and the events at its ends (trap 21).

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde::Serialize;

use super::calendar::local_days;
use super::calendar::on_day;
use super::interval::Interval;
use super::interval::intersect;
use super::interval::union;
use crate::model::Selector;
use crate::model::Span;
use crate::model::Timestamp;

/// A maintenance window.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// Its name, unique; stands in the record.
    pub name: String,
    /// What it does to what it covers.
    pub effect: Effect,
    /// What it covers.
    pub selector: Selector,
    /// When.
    pub when: When,
    /// Why.
    pub reason: Option<String>,
    /// Who set it.
    pub author: Option<String>,
}

/// What a window does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Announced work: outages are not told, and the time is left out of availability.
    #[default]
    Maintenance,
    /// Outages are not told; they count as ever.
    Silence,
}

/// When a window is open.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    /// Once.
    Once {
        /// From this moment, inclusive.
        from: Timestamp,
        /// To this moment, exclusive.
        to: Timestamp,
    },
    /// Again and again at local times.
    Recurring {
        /// Time zone of the days and times.
        timezone: TimeZone,
        /// On these days of the week; empty: every day.
        days: Vec<Weekday>,
        /// From this local time, inclusive.
        from: Time,
        /// To this local time, exclusive; not after `from`: on the next day.
        to: Time,
        /// First day on which it may begin; `None`: since always.
        first: Option<Date>,
        /// Last day on which it may begin; `None`: for ever.
        last: Option<Date>,
    },
}

impl Window {
    /// The times within `window` at which it is open, as a set.
    pub fn intervals(&self, window: Interval) -> Vec<Interval> {
        match &self.when {
            When::Once { from, to } => Interval::new(*from, *to)
                .and_then(|own| own.common(window))
                .into_iter()
                .collect(),
            When::Recurring {
                timezone,
                days,
                from,
                to,
                first,
                last,
            } => {
                let list = local_days(timezone, window)
                    .filter(|day| days.is_empty() || days.contains(&day.weekday()))
                    .filter(|day| first.is_none_or(|d| d <= *day) && last.is_none_or(|d| *day <= d))
                    .filter_map(|day| on_day(timezone, day, *from, *to))
                    .collect();
                intersect(&union(list), &[window])
            }
        }
    }

    /// Whether it is open at `at`, and the next moment after `at` at which that
    /// changes; `None`: not within the next eight days (or never).
    pub fn at(&self, at: Timestamp) -> (bool, Option<Timestamp>) {
        let Some(ahead) = Interval::new(at, at.plus(Self::LOOK_AHEAD)) else {
            return (false, None);
        };
        match self.intervals(ahead).first() {
            Some(open) if open.from <= at => (true, Some(open.to)),
            Some(later) => (false, Some(later.from)),
            None => (false, None),
        }
    }

    /// How far [`Window::at`] looks: a weekly window comes within it.
    const LOOK_AHEAD: Span = Span::from_hours(8 * 24);
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::time;

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
    }

    fn weekly(zone: &str) -> Window {
        Window {
            name: "tuần".to_owned(),
            selector: Selector::default(),
            when: When::Recurring {
                timezone: TimeZone::get(zone).unwrap(),
                days: vec![Weekday::Sunday],
                from: time(2, 0, 0, 0),
                to: time(4, 0, 0, 0),
                first: None,
                last: None,
            },
            reason: None,
            author: None,
            effect: Effect::Maintenance,
        }
    }

    // trap 24
    #[test]
    fn a_weekly_window_is_right_on_both_days_when_the_clocks_change() {
        let window = weekly("Europe/Kyiv");
        // Spring: 02:00 +02 to 04:00 +03. Autumn: 02:00 +03 to 04:00 +02.
        for (inside, opens, closes) in [
            (
                "2026-03-29T00:30:00Z",
                "2026-03-29T00:00:00Z",
                "2026-03-29T01:00:00Z",
            ),
            (
                "2026-10-25T00:30:00Z",
                "2026-10-24T23:00:00Z",
                "2026-10-25T02:00:00Z",
            ),
        ] {
            assert_eq!(window.at(at(inside)), (true, Some(at(closes))));
            let before = Timestamp(at(opens).0 - 1);
            assert_eq!(window.at(before), (false, Some(at(opens))));
            let (open, next) = window.at(at(closes));
            assert!(!open && next.is_some());
        }
    }

    #[test]
    fn a_window_that_happens_once_is_over_afterwards() {
        let window = Window {
            when: When::Once {
                from: Timestamp(10),
                to: Timestamp(20),
            },
            ..weekly("UTC")
        };
        assert_eq!(window.at(Timestamp(9)), (false, Some(Timestamp(10))));
        assert_eq!(window.at(Timestamp(10)), (true, Some(Timestamp(20))));
        assert_eq!(window.at(Timestamp(20)), (false, None));
    }

    #[test]
    fn a_window_of_days_begins_and_ends_with_them() {
        let mut window = weekly("UTC");
        if let When::Recurring { first, last, .. } = &mut window.when {
            *first = Some(jiff::civil::date(2026, 1, 11));
            *last = Some(jiff::civil::date(2026, 1, 11));
        }
        assert!(!window.at(at("2026-01-04T03:00:00Z")).0);
        assert!(window.at(at("2026-01-11T03:00:00Z")).0);
        assert!(!window.at(at("2026-01-18T03:00:00Z")).0);
    }
}
