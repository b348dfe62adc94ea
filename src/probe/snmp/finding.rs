//! What can be said of an agent that did not answer as it should.
//!
//! No answer, a wrong credential, a refused port and a broken answer are
//! different things to the one who must repair them, so they are kept apart as
//! far as the protocol tells.

use crate::model::BlindReason;
use crate::model::Outcome;
use crate::model::Reason;

/// Why an agent gave no (or no usable) answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// SNMPv3: silence, even to the discovery, which needs no credential.
    #[error("no answer")]
    NoAnswer,
    /// SNMPv1 and v2c: silence. An agent drops a request with a wrong
    /// community without a word (RFC 3584 §5.2.1), so the two can't be told apart.
    #[error("no answer: no agent there, or it does not accept the community")]
    NoAnswerOrCommunity,
    /// SNMPv3: the agent does not know the user (usmStatsUnknownUserNames).
    #[error("the agent does not know the user")]
    UnknownUser,
    /// SNMPv3: wrong authentication password or protocol (usmStatsWrongDigests).
    #[error("authentication failed: wrong password or protocol")]
    WrongAuth,
    /// SNMPv3: wrong privacy password or protocol (usmStatsDecryptionErrors, or
    /// silence to encrypted requests where authenticated ones are answered).
    #[error("decryption failed: wrong privacy password or protocol")]
    WrongPriv,
    /// SNMPv3: the agent does not offer this user the security level asked for
    /// (usmStatsUnsupportedSecLevels).
    #[error("the agent does not offer this user the security level asked for")]
    SecurityLevel,
    /// SNMPv3: the agent does not know the context
    /// (snmpUnknownContexts; net-snmp is silent instead).
    #[error("the agent does not know the context")]
    UnknownContext,
    /// SNMPv3: still outside of the agent's time window after a resync.
    #[error("the agent's clock can't be followed: not in time window after a resync")]
    NotInTimeWindow,
    /// SNMPv3: the agent's engine id changed again and again.
    #[error("the agent's engine id does not stay the same")]
    EngineUnstable,
    /// Nothing listens on the port (ICMP port unreachable).
    #[error("the port is refused: no agent listens there")]
    Refused,
    /// A router or the own kernel says that the host can't be reached.
    #[error("unreachable: {0:?}")]
    Unreachable(Reason),
    /// It answered, but not in valid SNMP.
    #[error("malformed answer: {0}")]
    Malformed(&'static str),
    /// The agent answered with an error status (RFC 3416 §3), e.g. 5 genErr.
    #[error("the agent answered with error status {status}{}", status_name(*.status))]
    Status {
        /// The error-status.
        status: u32,
    },
    /// The view of this credential does not include the object (authorizationError,
    /// noAccess).
    #[error("this credential may not read there")]
    NoAccess,
    /// Even the smallest answer is too big for the agent.
    #[error("the smallest answer is too big for the agent")]
    TooBig,
    /// The time that was given for the whole ran out.
    #[error("the time for it ran out")]
    Deadline,
    /// We could not send: says nothing about the agent.
    #[error("could not send: {0:?}")]
    CouldNotSend(BlindReason),
    /// Our own part is stopping or overloaded.
    #[error("the SNMP engine is stopping")]
    Stopped,
}

fn status_name(status: u32) -> &'static str {
    match status {
        1 => " (tooBig)",
        2 => " (noSuchName)",
        3 => " (badValue)",
        4 => " (readOnly)",
        5 => " (genErr)",
        6 => " (noAccess)",
        13 => " (resourceUnavailable)",
        16 => " (authorizationError)",
        _ => "",
    }
}

impl Finding {
    /// The reason, as states and metrics know it.
    pub fn reason(&self) -> Reason {
        match self {
            Self::NoAnswer | Self::Deadline => Reason::Timeout,
            Self::NoAnswerOrCommunity => Reason::NoAnswerOrCommunity,
            Self::UnknownUser
            | Self::WrongAuth
            | Self::SecurityLevel
            | Self::UnknownContext
            | Self::NoAccess
            | Self::NotInTimeWindow
            | Self::EngineUnstable => Reason::Auth,
            Self::WrongPriv => Reason::Privacy,
            Self::Refused => Reason::Refused,
            Self::Unreachable(reason) => reason.clone(),
            Self::Malformed(_) | Self::Status { .. } | Self::TooBig => Reason::Malformed,
            Self::CouldNotSend(_) => Reason::Blind,
            Self::Stopped => Reason::Internal("the SNMP engine is stopping".to_owned()),
        }
    }

    /// The outcome of a look that ended so: blind where it says nothing about the agent.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::CouldNotSend(reason) => Outcome::Blind(reason.clone()),
            Self::Stopped => Outcome::Blind(BlindReason::Internal(self.to_string())),
            Self::NoAnswer
            | Self::NoAnswerOrCommunity
            | Self::UnknownUser
            | Self::WrongAuth
            | Self::WrongPriv
            | Self::SecurityLevel
            | Self::UnknownContext
            | Self::NotInTimeWindow
            | Self::EngineUnstable
            | Self::Refused
            | Self::Unreachable(_)
            | Self::Malformed(_)
            | Self::Status { .. }
            | Self::NoAccess
            | Self::TooBig
            | Self::Deadline => Outcome::Bad(self.reason()),
        }
    }

    /// Whether the agent is there and spoke, though not as it should: any
    /// answer shows life.
    pub fn shows_life(&self) -> bool {
        match self {
            Self::UnknownUser
            | Self::WrongAuth
            | Self::WrongPriv
            | Self::SecurityLevel
            | Self::UnknownContext
            | Self::NotInTimeWindow
            | Self::EngineUnstable
            | Self::Malformed(_)
            | Self::Status { .. }
            | Self::NoAccess
            | Self::TooBig => true,
            Self::NoAnswer
            | Self::NoAnswerOrCommunity
            | Self::Refused
            | Self::Unreachable(_)
            | Self::Deadline
            | Self::CouldNotSend(_)
            | Self::Stopped => false,
        }
    }

    /// How much it tells: when several credentials were tried, the finding
    /// with the highest rank is the one to report.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Stopped => 0,
            Self::CouldNotSend(_) => 1,
            Self::NoAnswer | Self::NoAnswerOrCommunity | Self::Deadline => 2,
            Self::Unreachable(_) => 3,
            Self::Refused => 4,
            Self::UnknownUser => 5,
            Self::SecurityLevel | Self::UnknownContext => 6,
            Self::WrongAuth => 7,
            Self::WrongPriv => 8,
            Self::EngineUnstable | Self::NotInTimeWindow => 9,
            Self::Malformed(_) | Self::Status { .. } | Self::TooBig | Self::NoAccess => 10,
        }
    }
}
