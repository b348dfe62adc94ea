//! Degraded: it answers, worse than its thresholds allow.
//!
//! Quantities are averaged over time (a moving average whose weight of a new
//! sample grows with the time since the last), so that one lost packet of three
//! is no state. A threshold has a level to enter and a lower one to leave.

use serde::{Deserialize, Serialize};

use super::settings::Level;
use super::settings::Thresholds;
use super::state::NEVER;
use crate::model::Detail;
use crate::model::Span;
use crate::model::Timestamp;

/// Averages of what a target's answers are like.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Averages {
    /// Share of echoes lost.
    pub loss: f32,
    /// Median round trip time in seconds.
    pub rtt: f32,
    /// Jitter in seconds.
    pub jitter: f32,
    /// Answer time of a service in seconds.
    pub slow: f32,
    /// Used share of the bandwidth.
    pub utilisation: f32,
    /// How many samples are in it, up to [`ENOUGH`].
    pub samples: u8,
    /// Which thresholds are exceeded: a bit each, in the order of [`WORDS`].
    pub over: u8,
    /// When the last sample came.
    pub(crate) at: Timestamp,
}

/// Samples without which no threshold is asked.
pub const ENOUGH: u8 = 3;

/// The words for what is over its threshold, in the order of the bits.
pub const WORDS: [&str; 5] = ["loss", "rtt", "jitter", "slow", "utilisation"];

impl Default for Averages {
    fn default() -> Self {
        Self {
            loss: 0.0,
            rtt: 0.0,
            jitter: 0.0,
            slow: 0.0,
            utilisation: 0.0,
            samples: 0,
            over: 0,
            at: NEVER,
        }
    }
}

impl Averages {
    /// Takes a good look's sample in, averaged over `over`.
    pub fn add(&mut self, detail: &Detail, at: Timestamp, over: Span) {
        let weight = self.weight(at, over);
        match detail {
            Detail::Echo(echo) => {
                if let Some(loss) = echo.loss() {
                    blend(&mut self.loss, f64_to_f32(loss.get()), weight);
                }
                if let Some(rtt) = &echo.rtt {
                    blend(&mut self.rtt, rtt.median.as_secs_f32(), weight);
                    if let Some(jitter) = rtt.jitter {
                        blend(&mut self.jitter, jitter.as_secs_f32(), weight);
                    }
                }
            }
            Detail::Service(service) => blend(&mut self.slow, service.duration.as_secs_f32(), weight),
            Detail::None | Detail::Snmp(_) | Detail::Presence(_) => return,
        }
        self.samples = self.samples.saturating_add(1).min(ENOUGH);
        self.at = at;
    }

    /// Takes the used share of the bandwidth in. Its poll is slow and already an
    /// average, so that it is taken as it is.
    pub fn set_utilisation(&mut self, share: f64) {
        self.utilisation = f64_to_f32(share);
    }

    /// The weight of a sample at `at`: 1 for the first, else the time since the
    /// last one as a share of itself and `over`.
    fn weight(&self, at: Timestamp, over: Span) -> f32 {
        if self.samples == 0 {
            return 1.0;
        }
        let passed = at.since(self.at).as_secs_f32();
        let whole = passed + over.as_secs_f32();
        if whole > 0.0 { passed / whole } else { 1.0 }
    }

    /// Asks all thresholds; returns whether any is exceeded, with hysteresis.
    pub fn judge(&mut self, thresholds: &Thresholds) -> bool {
        let enough = self.samples >= ENOUGH;
        let pairs = [
            (self.loss, thresholds.loss, enough),
            (self.rtt, thresholds.rtt, enough),
            (self.jitter, thresholds.jitter, enough),
            (self.slow, thresholds.slow, enough),
            (self.utilisation, thresholds.utilisation, true),
        ];
        for (i, (value, level, may_enter)) in pairs.into_iter().enumerate() {
            let bit = 1 << i;
            let is_over = self.over & bit != 0;
            if exceeds(value, level, is_over, may_enter) {
                self.over |= bit;
            } else {
                self.over &= !bit;
            }
        }
        self.over != 0
    }

    /// The word for the first threshold that is exceeded.
    pub fn word(&self) -> &'static str {
        (0..)
            .zip(WORDS)
            .find(|(i, _)| self.over & (1 << i) != 0)
            .map_or("", |(_, word)| word)
    }
}

fn exceeds(value: f32, level: Option<Level>, is_over: bool, may_enter: bool) -> bool {
    level.is_some_and(|level| {
        if is_over {
            value > level.leave
        } else {
            may_enter && value > level.enter
        }
    })
}

fn blend(mean: &mut f32, sample: f32, weight: f32) {
    *mean += (sample - *mean) * weight;
}

#[expect(clippy::cast_possible_truncation, reason = "a threshold needs no more digits")]
fn f64_to_f32(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(values: &[f64]) -> Vec<bool> {
        let mut averages = Averages::default();
        let thresholds = Thresholds {
            utilisation: Some(Level {
                enter: 0.8,
                leave: 0.6,
            }),
            ..Thresholds::default()
        };
        values
            .iter()
            .map(|value| {
                averages.set_utilisation(*value);
                averages.judge(&thresholds)
            })
            .collect()
    }

    #[test]
    fn a_threshold_is_entered_above_one_level_and_left_at_a_lower_one() {
        assert_eq!(
            fed(&[0.7, 0.8, 0.81, 0.7, 0.61, 0.6, 0.8, 0.9]),
            [false, false, true, true, true, false, false, true]
        );
    }

    #[test]
    fn one_lost_packet_of_three_is_no_state_and_lasting_loss_is() {
        let echo = |received| {
            Detail::Echo(crate::model::EchoStats {
                address: std::net::Ipv4Addr::LOCALHOST.into(),
                sent: 3,
                received,
                late: 0,
                duplicates: 0,
                rtt: None,
            })
        };
        let mut averages = Averages::default();
        let mut over = Vec::new();
        for (i, received) in [3, 3, 3, 2, 3, 2, 2, 2, 2, 2, 2, 2, 2].into_iter().enumerate() {
            let at = Timestamp::from_secs(60 * i64::try_from(i).unwrap());
            averages.add(&echo(received), at, Span::from_secs(300));
            over.push(averages.judge(&Thresholds::of_device()));
        }
        assert!(!over[3], "one burst");
        assert!(over[12], "ten minutes of a third lost");
    }
}
