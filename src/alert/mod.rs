//! Who is told what, by which way, and when; and the sender that does it.
//!
//! [`route::plan`] turns events into changes of the outbox *before* the commit;
//! both go into one transaction. [`sender`] only sends what is committed, at
//! least once, and renders a row's text from the record when it is sent.

pub mod message;
pub mod notify;
pub mod route;
pub mod sender;

/// Kinds of rows in the outbox.
pub mod kind {
    /// An outage began.
    pub const OPENED: &str = "outage_opened";
    /// An outage ended.
    pub const CLOSED: &str = "outage_closed";
    /// An outage lasts, and nobody has taken note of it.
    pub const LASTS: &str = "outage_lasts";
    /// A target changes its state too often: nothing more is told of it.
    pub const FLAPPING: &str = "flapping_started";
    /// The monitor is cut off.
    pub const BLIND: &str = "blind_started";
    /// The monitor can look again.
    pub const SEEING: &str = "blind_ended";
    /// A machine under secrecy rules was seen on a network.
    pub const FORBIDDEN: &str = "forbidden_seen";
    /// A trial.
    pub const TEST: &str = "test";
}
