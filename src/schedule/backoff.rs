//! How much rarer a long silent device is asked.
//!
//! For SNMP only: a ping costs nothing, and shows the end of an outage.

use crate::model::Span;

/// The time between two SNMP polls of a device that has been silent for
/// `silent_for`: the usual one in the first hour, at least five minutes in the
/// first day, at least fifteen after it.
///
/// Precedent: OpenNMS' downtime model.
pub fn long_outage_interval(usual: Span, silent_for: Span) -> Span {
    const HOUR: Span = Span::from_secs(3600);
    let least = if silent_for < HOUR {
        Span::ZERO
    } else if silent_for < HOUR * 24 {
        Span::from_secs(300)
    } else {
        Span::from_secs(900)
    };
    usual.max(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_silent_device_is_asked_more_rarely_but_never_more_often() {
        let s = Span::from_secs;
        for (usual, silent, expected) in [
            (60, 10, 60),
            (60, 3600, 300),
            (600, 3600, 600),
            (60, 90_000, 900),
            (1800, 90_000, 1800),
        ] {
            assert_eq!(
                long_outage_interval(s(usual), s(silent)),
                s(expected),
                "{usual} after {silent}"
            );
        }
    }
}
