//! Degraded: it answers, worse than its thresholds allow.
//!
//! Quantities are averaged over time (a moving average whose weight of a new
//! sample grows with the time since the last), so that one lost packet of three
//! is no state. The average never stands on less than [`ENOUGH_ECHOES`] or
//! [`ENOUGH_CHECKS`]: before it holds as many, no threshold is asked, and after
//! that a look weighs at most its share of them, however rarely one looks.
//! A threshold has a level to enter and a lower one to leave.

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
    /// How many echoes or checks are in it, up to what is enough.
    pub samples: u8,
    /// Which thresholds are exceeded: a bit each, in the order of [`WORDS`].
    pub over: u8,
    /// When the last sample came.
    pub(crate) at: Timestamp,
}

/// Echoes without which no threshold is asked: of 20, a link that loses one in
/// twenty seldom (1 in 400) loses more than a fifth.
pub const ENOUGH_ECHOES: u8 = 20;

/// Checks of a service without which no threshold is asked.
pub const ENOUGH_CHECKS: u8 = 3;

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
        match detail {
            Detail::Echo(echo) => {
                let weight = self.weigh(echo.sent.into(), ENOUGH_ECHOES, at, over);
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
            Detail::Service(service) => {
                let weight = self.weigh(1, ENOUGH_CHECKS, at, over);
                blend(&mut self.slow, service.duration.as_secs_f32(), weight);
            }
            Detail::None | Detail::Snmp(_) | Detail::Presence(_) => {}
        }
    }

    /// Takes the used share of the bandwidth in. Its poll is slow and already an
    /// average, so that it is taken as it is.
    pub fn set_utilisation(&mut self, share: f64) {
        self.utilisation = f64_to_f32(share);
    }

    /// The weight of `count` samples at `at`, which are in it from now on: their
    /// share of all until there are `enough`; then the time since the last one
    /// as a share of itself and `over`, at most their share of `enough`.
    fn weigh(&mut self, count: u32, enough: u8, at: Timestamp, over: Span) -> f32 {
        let count = u8::try_from(count.max(1)).unwrap_or(u8::MAX);
        let share = f32::from(count) / (f32::from(self.samples) + f32::from(count));
        let weight = if self.samples < enough {
            share
        } else {
            let passed = at.since(self.at).as_secs_f32();
            let whole = passed + over.as_secs_f32();
            share.min(if whole > 0.0 { passed / whole } else { 1.0 })
        };
        self.samples = self.samples.saturating_add(count).min(enough);
        self.at = at;
        weight
    }

    /// Asks all thresholds; returns whether any is exceeded, with hysteresis.
    pub fn judge(&mut self, thresholds: &Thresholds) -> bool {
        let (echoes, checks) = (self.samples >= ENOUGH_ECHOES, self.samples >= ENOUGH_CHECKS);
        let pairs = [
            (self.loss, thresholds.loss, echoes),
            (self.rtt, thresholds.rtt, echoes),
            (self.jitter, thresholds.jitter, echoes),
            (self.slow, thresholds.slow, checks),
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

    fn echo(received: u16) -> Detail {
        Detail::Echo(crate::model::EchoStats {
            address: std::net::Ipv4Addr::LOCALHOST.into(),
            sent: 3,
            received,
            late: 0,
            duplicates: 0,
            rtt: None,
        })
    }

    #[test]
    fn one_lost_packet_of_three_is_no_state_and_lasting_loss_is() {
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

    /// Whether bursts, so many seconds apart, are ever held to be over the loss threshold.
    fn is_ever_over(received: impl IntoIterator<Item = u16>, apart: i64) -> bool {
        let mut averages = Averages::default();
        (0..).zip(received).any(|(i, received)| {
            averages.add(
                &echo(received),
                Timestamp::from_secs(apart * i),
                Span::from_secs(300),
            );
            averages.judge(&Thresholds::of_device())
        })
    }

    #[test]
    fn unlucky_first_bursts_of_a_fine_link_are_no_state() {
        for apart in [5, 60, 300] {
            assert!(
                !is_ever_over([1, 3, 3, 3, 3, 3, 3, 3], apart),
                "two lost at first"
            );
            assert!(
                !is_ever_over([2, 2, 2, 3, 3, 3, 3, 3], apart),
                "three bursts with a loss"
            );
            assert!(is_ever_over([2; 7], apart), "a third lost of 21");
            assert!(!is_ever_over([2; 6], apart), "18 echoes are too few to say");
        }
    }

    #[test]
    fn one_bad_burst_of_a_rarely_looked_at_link_is_no_state() {
        let mut received = vec![3; 20];
        received.push(1);
        // Six hours apart: the time since the last look alone would say everything.
        assert!(!is_ever_over(received, 6 * 3600));
    }
}
