//! What the simulated network does to packets: which hosts are gone, how much
//! is lost, how long it takes.
//!
//! A script changes it while the engine runs; readers take no lock that a
//! writer holds.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use ipnet::IpNet;

use crate::model::Ratio;
use crate::model::Span;

/// How it is behind one network or address.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Condition {
    /// Nothing comes through.
    pub cut: bool,
    /// Share of packets lost.
    pub loss: Ratio,
    /// Round trip time that the path adds.
    pub delay: Span,
    /// At most so much more, by chance.
    pub jitter: Span,
}

impl Default for Condition {
    fn default() -> Self {
        Self {
            cut: false,
            loss: Ratio::ZERO,
            delay: Span::ZERO,
            jitter: Span::ZERO,
        }
    }
}

impl Condition {
    /// Nothing comes through.
    pub fn cut() -> Self {
        Self {
            cut: true,
            ..Self::default()
        }
    }

    /// Both conditions, one behind the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let passes = (1.0 - self.loss.get()) * (1.0 - other.loss.get());
        Self {
            cut: self.cut || other.cut,
            loss: Ratio::new(1.0 - passes).unwrap_or(Ratio::ONE),
            delay: self.delay.saturating_add(other.delay),
            jitter: self.jitter.saturating_add(other.jitter),
        }
    }
}

/// The conditions of the moment, by network. Cheap to clone; all clones see the same.
#[derive(Debug, Clone, Default)]
pub struct Weather {
    now: Arc<ArcSwap<BTreeMap<IpNet, Condition>>>,
}

impl Weather {
    /// Sets the condition of a network; it stands beside those of the networks around it.
    pub fn set(&self, network: IpNet, condition: Condition) {
        self.now.rcu(|old| {
            let mut new = BTreeMap::clone(old);
            new.insert(network, condition);
            new
        });
    }

    /// Takes the condition of a network away.
    pub fn clear(&self, network: IpNet) {
        self.now.rcu(|old| {
            let mut new = BTreeMap::clone(old);
            new.remove(&network);
            new
        });
    }

    /// How it is at an address: the conditions of all networks that hold it.
    pub fn at(&self, address: IpAddr) -> Condition {
        let now = self.now.load();
        now.iter()
            .filter(|(network, _)| network.contains(&address))
            .fold(Condition::default(), |sum, (_, condition)| sum.and(*condition))
    }
}

/// Chance from a seed: the same seed, the same weather.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// Begins with a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number (splitmix64).
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 (inclusive) to 1 (exclusive).
    pub fn share(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A part of `span`, by chance.
    pub fn part_of(&mut self, span: Span) -> Span {
        span.mul_f64(self.share())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_of_a_network_and_of_a_host_in_it_add_up() {
        let weather = Weather::default();
        let half = Ratio::new(0.5).unwrap();
        weather.set(
            "127.1.0.0/16".parse().unwrap(),
            Condition {
                loss: half,
                ..Condition::default()
            },
        );
        weather.set(
            "127.1.2.3/32".parse().unwrap(),
            Condition {
                loss: half,
                delay: Span::from_millis(3),
                ..Condition::default()
            },
        );
        let host = weather.at("127.1.2.3".parse().unwrap());
        assert_eq!(host.loss, Ratio::new(0.75).unwrap());
        assert_eq!(host.delay, Span::from_millis(3));
        assert_eq!(weather.at("127.9.9.9".parse().unwrap()), Condition::default());
        weather.clear("127.1.0.0/16".parse().unwrap());
        assert_eq!(weather.at("127.1.2.4".parse().unwrap()), Condition::default());
    }
}
