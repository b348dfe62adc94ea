//! Numbers, dates and lengths of time as a language writes them.
//!
//! Vietnamese: `1.234,5` (Accounting Act 2015, article 11), `24/11/2026`,
//! `96,4%`, "3 giờ 12 phút". English: `1,234.5`, `24 Nov 2026`, `96.4%`,
//! "3 h 12 min".

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Lang;
use super::Text;
use crate::model::Ratio;
use crate::model::Span;
use crate::model::Timestamp;

/// A language and a time zone.
#[derive(Debug, Clone)]
pub struct Locale {
    /// The language.
    pub lang: Lang,
    /// Days are local days of this zone.
    pub timezone: TimeZone,
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

impl Locale {
    /// A language in a time zone.
    pub fn new(lang: Lang, timezone: TimeZone) -> Self {
        Self { lang, timezone }
    }

    fn marks(&self) -> (char, char) {
        match self.lang {
            Lang::Vi => ('.', ','),
            Lang::En => (',', '.'),
        }
    }

    /// A whole number with its thousands apart.
    pub fn integer(&self, value: impl Into<i128>) -> String {
        let value: i128 = value.into();
        let digits = value.unsigned_abs().to_string();
        let mut out = String::new();
        if value < 0 {
            out.push('-');
        }
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                out.push(self.marks().0);
            }
            out.push(digit);
        }
        out
    }

    /// A count of things in memory.
    pub fn count(&self, value: usize) -> String {
        self.integer(i128::try_from(value).unwrap_or(i128::MAX))
    }

    /// A number with so many decimals; a dash for what is no number.
    pub fn number(&self, value: f64, decimals: usize) -> String {
        if !value.is_finite() {
            return "–".to_owned();
        }
        let plain = format!("{:.decimals$}", value.abs());
        let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
        let mut out = String::new();
        // What rounds to nothing has no sign.
        if value < 0.0 && plain.bytes().any(|b| (b'1'..=b'9').contains(&b)) {
            out.push('-');
        }
        match whole.parse::<i128>() {
            Ok(whole) => out.push_str(&self.integer(whole)),
            Err(_) => out.push_str(whole),
        }
        if !fraction.is_empty() {
            out.push(self.marks().1);
            out.push_str(fraction);
        }
        out
    }

    /// A share in per cent with at most one decimal: `96,4%`, `100%`.
    ///
    /// Less than all is never rounded up to 100 %, more than nothing never
    /// down to 0 %: the last device that is missing shows.
    pub fn percent(&self, ratio: Ratio) -> String {
        self.share(ratio, 1)
    }

    /// A share with at most two decimals, for availability: `99,98%`.
    pub fn percent_fine(&self, ratio: Ratio) -> String {
        self.share(ratio, 2)
    }

    fn share(&self, ratio: Ratio, decimals: u8) -> String {
        let step = 10f64.powi(-i32::from(decimals));
        let share = ratio.get() * 100.0;
        let shown = if ratio < Ratio::ONE {
            share.min(100.0 - step)
        } else {
            share
        };
        let shown = if ratio > Ratio::ZERO {
            shown.max(step)
        } else {
            shown
        };
        let text = self.number(shown, usize::from(decimals));
        let bare = text.trim_end_matches('0');
        let bare = bare.strip_suffix(self.marks().1).unwrap_or(bare);
        format!("{bare}%")
    }

    /// A day: `24/11/2026`, `24 Nov 2026`.
    pub fn date(&self, date: Date) -> String {
        match self.lang {
            Lang::Vi => format!("{:02}/{:02}/{:04}", date.day(), date.month(), date.year()),
            Lang::En => format!("{} {} {:04}", date.day(), month(date), date.year()),
        }
    }

    /// The local day of a moment.
    pub fn day(&self, at: Timestamp) -> Date {
        self.civil(at).date()
    }

    fn civil(&self, at: Timestamp) -> jiff::civil::DateTime {
        // What lies outside of jiff's years (-9999 to 9999) is shown at their edge.
        let at = jiff::Timestamp::from_microsecond(at.as_micros()).unwrap_or(if at < Timestamp::EPOCH {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        });
        self.timezone.to_datetime(at)
    }

    /// The time of day to the minute: `14:30`.
    pub fn time(&self, at: Timestamp) -> String {
        let t = self.civil(at);
        format!("{:02}:{:02}", t.hour(), t.minute())
    }

    /// A moment to the second: `24/11/2026 14:30:05`.
    pub fn moment(&self, at: Timestamp) -> String {
        let t = self.civil(at);
        format!(
            "{} {:02}:{:02}:{:02}",
            self.date(t.date()),
            t.hour(),
            t.minute(),
            t.second()
        )
    }

    /// A moment as short as it is clear on the day of `now`: `14:30`, `14:30
    /// 23/11`, `14:30 31/12/2025`.
    pub fn when(&self, at: Timestamp, now: Timestamp) -> String {
        let (then, today) = (self.civil(at), self.civil(now));
        let time = self.time(at);
        if then.date() == today.date() {
            return time;
        }
        if then.year() != today.year() {
            return format!("{time} {}", self.date(then.date()));
        }
        match self.lang {
            Lang::Vi => format!("{time} {:02}/{:02}", then.day(), then.month()),
            Lang::En => format!("{time} {} {}", then.day(), month(then.date())),
        }
    }

    /// A moment for machines: RFC 3339 with the zone's offset, to the second.
    pub fn rfc3339(&self, at: Timestamp) -> String {
        let at = jiff::Timestamp::from_microsecond(at.as_micros()).unwrap_or_default();
        let offset = self.timezone.to_offset(at);
        jiff::fmt::temporal::DateTimePrinter::new()
            .precision(Some(0))
            .timestamp_with_offset_to_string(&at, offset)
    }

    /// A length of time by its two largest units: "3 giờ 12 phút", "12 s".
    pub fn duration(&self, span: Span) -> String {
        let secs = span.as_secs();
        let units = [
            (86_400, Text::TimeDays),
            (3_600, Text::TimeHours),
            (60, Text::TimeMinutes),
            (1, Text::TimeSeconds),
        ];
        let first = units.iter().position(|(size, _)| secs >= *size).unwrap_or(3);
        let mut rest = secs;
        let mut words = Vec::new();
        for (i, (size, text)) in units.iter().enumerate().skip(first).take(2) {
            let n = rest / size;
            rest %= size;
            if n > 0 || i == 3 && words.is_empty() {
                words.push(text.fill(self.lang, &[("n", &self.integer(n))]));
            }
        }
        words.join(" ")
    }

    /// A short time in milliseconds: `12,3 ms`.
    pub fn millis(&self, span: Span) -> String {
        let millis = span.as_secs_f64() * 1e3;
        let decimals = if millis < 10.0 {
            2
        } else {
            usize::from(millis < 100.0)
        };
        format!("{} ms", self.number(millis, decimals))
    }

    /// Bits per second by decimal prefixes: `1 Gbit/s`, `34,5 Mbit/s`.
    pub fn bits_per_second(&self, value: f64) -> String {
        self.prefixed(value, 1e3, &["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"])
    }

    /// Bytes by binary prefixes: `1,5 GiB`.
    pub fn bytes(&self, value: f64) -> String {
        self.prefixed(value, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB", "PiB"])
    }

    /// A measured value in the unit of its reading, as people write it: `23,4 °C`, `63%`, `1 ngày 6 giờ`.
    pub fn measure(&self, value: f64, unit: &str) -> String {
        let with = |unit: &str, decimals| format!("{} {unit}", self.number(value, decimals));
        match unit {
            "ratio" => Ratio::new(value).map_or_else(|_| self.number(value, 2), |ratio| self.percent(ratio)),
            "seconds" => {
                Span::try_from_secs_f64(value).map_or_else(|_| with("s", 0), |span| self.duration(span))
            }
            "bytes" => self.bytes(value),
            "celsius" => with("°C", 1),
            "volts" => with("V", 1),
            "amperes" => with("A", 2),
            "watts" => with("W", 0),
            "hertz" => with("Hz", 1),
            "rpm" => with("rpm", 0),
            "count" => self.number(value, 0),
            other => with(other, 2),
        }
    }

    fn prefixed(&self, value: f64, step: f64, names: &[&str]) -> String {
        let mut value = value;
        let mut name = names.first().copied().unwrap_or_default();
        for next in names.iter().skip(1) {
            if value.abs() < step {
                break;
            }
            value /= step;
            name = next;
        }
        let decimals = usize::from(value.abs() < 100.0 && value.fract().abs() >= 0.05);
        format!("{} {name}", self.number(value, decimals))
    }
}

fn month(date: Date) -> &'static str {
    usize::try_from(date.month())
        .ok()
        .and_then(|m| MONTHS.get(m.wrapping_sub(1)))
        .copied()
        .unwrap_or("")
}
