//! Which database a command means: the one of the configuration, or one named
//! by hand.

use std::path::PathBuf;

use clap::Args;
use jiff::tz::TimeZone;

use super::Exit;
use super::Failure;
use super::config_file::ConfigFile;
use crate::config::Config;
use crate::model::Span;
use crate::model::Timestamp;

/// Where the database is.
#[derive(Debug, Clone, Args)]
pub struct Database {
    #[command(flatten)]
    config: ConfigFile,
    /// The database file; without it the one that the configuration names
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,
}

/// What was found.
pub struct Located {
    /// The database file.
    pub path: PathBuf,
    /// The configuration, unless the database was named by hand.
    pub config: Option<Config>,
}

impl Database {
    /// Finds it. The configuration is read only if the database is not named.
    ///
    /// # Errors
    /// [`Exit::Usage`] when the configuration has mistakes, which have been printed then.
    pub fn locate(&self) -> Result<Located, Exit> {
        match &self.database {
            Some(path) => Ok(Located {
                path: path.clone(),
                config: None,
            }),
            None => self.config.load().map(|config| Located {
                path: config.database.clone(),
                config: Some(config),
            }),
        }
    }
}

impl Located {
    /// The time zone of times without one: the configuration's, else the system's.
    pub fn zone(&self) -> TimeZone {
        self.config
            .as_ref()
            .map_or_else(TimeZone::system, |c| c.timezone.zone.clone())
    }
}

/// Reads a moment: RFC 3339 with a zone, or a day or local time in `zone`, or a
/// length before now (`90d`, `12h`).
///
/// # Errors
/// A usage error that says how to write it.
pub fn moment(text: &str, zone: &TimeZone, now: Timestamp) -> Result<Timestamp, Failure> {
    let micros = |t: jiff::Timestamp| Timestamp(t.as_microsecond());
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Ok(micros(at));
    }
    if let Ok(local) = text.parse::<jiff::civil::DateTime>()
        && let Ok(at) = local.to_zoned_datetime(zone.clone())
    {
        return Ok(micros(at.timestamp()));
    }
    if let Ok(length) = text.parse::<jiff::SignedDuration>()
        && let Ok(length) = std::time::Duration::try_from(length)
    {
        return Ok(now.minus(length));
    }
    if let Some(days) = text.strip_suffix('d').and_then(|d| d.parse::<u64>().ok()) {
        return Ok(now.minus(std::time::Duration::from_hours(days.saturating_mul(24))));
    }
    Err(Failure::usage(format!(
        "{text:?} is no time: write 2026-11-24, 2026-11-24T07:30, 2026-11-24T07:30:00+07:00, or how long ago, like 12h or 90d"
    )))
}

/// Reads a length of time (`90m`, `2h`, `3d`), for what lies ahead.
///
/// # Errors
/// Says how to write it.
pub fn length(text: &str) -> Result<Span, String> {
    let days = text.strip_suffix('d').and_then(|d| d.parse::<u64>().ok());
    let length = match days {
        Some(days) => Some(Span::from_hours(days.saturating_mul(24))),
        None => text
            .parse::<jiff::SignedDuration>()
            .ok()
            .and_then(|length| Span::try_from(length).ok()),
    };
    length
        .filter(|length| !length.is_zero())
        .ok_or_else(|| format!("{text:?} is no length of time: write 90m, 2h or 3d"))
}

/// A moment as files have it: RFC 3339 in UTC; empty where it is beyond the calendar.
pub fn rfc3339(at: Timestamp) -> String {
    jiff::Timestamp::from_microsecond(at.0).map_or_else(|_| String::new(), |t| t.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_in_every_spelling_that_the_help_names() {
        let zone = TimeZone::get("Asia/Ho_Chi_Minh").unwrap();
        let now = Timestamp::from_secs(1_795_498_912);
        let read = |text: &str| moment(text, &zone, now).unwrap();
        assert_eq!(rfc3339(read("2026-11-24")), "2026-11-23T17:00:00Z");
        assert_eq!(rfc3339(read("2026-11-24T07:30")), "2026-11-24T00:30:00Z");
        assert_eq!(rfc3339(read("2026-11-24T07:30:00+07:00")), "2026-11-24T00:30:00Z");
        assert_eq!(rfc3339(read("12h")), "2026-11-23T17:41:52Z");
        assert_eq!(rfc3339(read("90d")), "2026-08-26T05:41:52Z");
        assert_eq!(length("2h"), Ok(Span::from_hours(2)));
        assert_eq!(length("3d"), Ok(Span::from_hours(72)));
        assert!(length("-2h").is_err() && length("0s").is_err() && length("soon").is_err());
        assert!(moment("tomorrow", &zone, now).is_err());
    }
}
