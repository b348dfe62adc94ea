//! The only file that asks what time it is.

use std::sync::Arc;

use crate::model::{Mono, Timestamp};

/// Tells the time. One per process; tests use one that stands still.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock. May step in either direction.
    fn wall(&self) -> Timestamp;
    /// A clock that never steps.
    fn mono(&self) -> Mono;
    /// The wall clock in nanoseconds since the epoch, as kernel time stamps have it.
    fn wall_nanos(&self) -> i128 {
        i128::from(self.wall().as_micros()) * 1_000
    }
}

/// A clock to share.
pub type SharedClock = Arc<dyn Clock>;

/// The operating system's clocks.
#[derive(Debug)]
pub struct SystemClock {
    #[expect(clippy::disallowed_types, reason = "this is the file that may")]
    start: std::time::Instant,
}

impl SystemClock {
    /// A clock whose [`Clock::mono`] begins now.
    #[expect(
        clippy::disallowed_methods,
        clippy::disallowed_types,
        reason = "this is the file that may"
    )]
    pub fn new() -> Self {
        Self {
            start: std::time::Instant::now(),
        }
    }

    /// The same, to share.
    pub fn shared() -> SharedClock {
        Arc::new(Self::new())
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        clippy::disallowed_types,
        reason = "this is the file that may"
    )]
    fn wall(&self) -> Timestamp {
        let now = std::time::SystemTime::now();
        match now.duration_since(std::time::UNIX_EPOCH) {
            Ok(after) => Timestamp::EPOCH.plus(after),
            Err(before) => Timestamp::EPOCH.minus(before.duration()),
        }
    }

    fn mono(&self) -> Mono {
        Mono::ZERO.plus(self.start.elapsed())
    }

    #[expect(
        clippy::disallowed_methods,
        clippy::disallowed_types,
        reason = "this is the file that may"
    )]
    fn wall_nanos(&self) -> i128 {
        let nanos = |span: std::time::Duration| i128::try_from(span.as_nanos()).unwrap_or(i128::MAX);
        match std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
            Ok(after) => nanos(after),
            Err(before) => -nanos(before.duration()),
        }
    }
}
