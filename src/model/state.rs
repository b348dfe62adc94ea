//! States and the reasons for them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What we hold to be true of a target.
///
/// Maintenance, acknowledgement and flapping are overlays, not states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It answers.
    Up,
    /// It answers, worse than its thresholds allow.
    Degraded,
    /// It does not answer, confirmed, and what it depends on is there.
    Down,
    /// Something that it depends on is down.
    Unreachable,
    /// We could not look: not polled yet, our own uplink gone, credentials refused.
    Unknown,
}

impl State {
    /// All states.
    pub const ALL: [Self; 5] = [
        Self::Up,
        Self::Degraded,
        Self::Down,
        Self::Unreachable,
        Self::Unknown,
    ];

    /// The code of `tramgac_device_state`: 0 down, 1 up, 2 degraded,
    /// 3 unreachable, 5 unknown.
    pub fn code(self) -> u8 {
        match self {
            Self::Down => 0,
            Self::Up => 1,
            Self::Degraded => 2,
            Self::Unreachable => 3,
            Self::Unknown => 5,
        }
    }

    /// The state with that [`State::code`].
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.code() == code)
    }

    /// The word in the API and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Degraded => "degraded",
            Self::Down => "down",
            Self::Unreachable => "unreachable",
            Self::Unknown => "unknown",
        }
    }

    /// Up or degraded: its users have it.
    pub fn is_online(self) -> bool {
        matches!(self, Self::Up | Self::Degraded)
    }

    /// Down or unreachable: its users have nothing.
    pub fn is_out(self) -> bool {
        matches!(self, Self::Down | Self::Unreachable)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a look failed, or why a state is what it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// No answer in time.
    Timeout,
    /// A router says that the network can't be reached (ICMP code 0, 6 …).
    NetUnreachable,
    /// A router says that the host can't be reached (ICMP code 1, 7 …).
    HostUnreachable,
    /// A firewall says that it is not allowed (ICMP code 9, 10, 13).
    Prohibited,
    /// The packet's time to live ran out on the way.
    TtlExceeded,
    /// Nothing listens there (TCP reset, ICMP port unreachable).
    Refused,
    /// The answer came from somebody who does not accept us.
    Auth,
    /// An SNMPv1/v2c agent did not answer, though the port is not refused:
    /// wrong community, or no agent.
    NoAnswerOrCommunity,
    /// SNMPv3: encryption key wrong or algorithm not supported.
    Privacy,
    /// The name does not resolve.
    Dns,
    /// The TLS handshake or the certificate failed.
    Tls(String),
    /// HTTP answered with another status than expected.
    HttpStatus(u16),
    /// The answer does not hold the text that it should.
    BodyMismatch,
    /// The answer was no valid protocol.
    Malformed,
    /// Loss, latency, jitter or slowness over its threshold.
    Threshold(String),
    /// The parent named here is down.
    Parent(String),
    /// The known device named here answered in its place.
    OtherDevice(String),
    /// Not looked at since the start.
    NotPolled,
    /// We could not send.
    Blind,
    /// Our own fault.
    Internal(String),
}

impl Reason {
    /// The value of the `reason` label in metrics: one of `timeout`,
    /// `unreachable`, `refused`, `auth`, `dns`, `internal`.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Timeout | Self::NoAnswerOrCommunity | Self::NotPolled => "timeout",
            Self::NetUnreachable
            | Self::HostUnreachable
            | Self::Prohibited
            | Self::TtlExceeded
            | Self::Parent(_)
            | Self::Threshold(_) => "unreachable",
            Self::Refused => "refused",
            Self::Auth | Self::Privacy => "auth",
            Self::Dns => "dns",
            Self::Tls(_)
            | Self::HttpStatus(_)
            | Self::BodyMismatch
            | Self::Malformed
            | Self::OtherDevice(_)
            | Self::Blind
            | Self::Internal(_) => "internal",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_come_back() {
        for s in State::ALL {
            assert_eq!(State::from_code(s.code()), Some(s));
        }
        assert_eq!(State::from_code(4), None);
    }
}
