//! How long the stages of the start take.

use std::sync::Arc;

use crate::clock::SharedClock;
use crate::model::Mono;

/// Tells, for who asks for it, which stage of the start takes how long.
pub(super) struct Stages {
    clock: SharedClock,
    since: Mono,
}

impl Stages {
    /// The first begins now.
    pub(super) fn new(clock: &SharedClock) -> Self {
        Self {
            since: clock.mono(),
            clock: Arc::clone(clock),
        }
    }

    /// One has ended, the next begins.
    pub(super) fn done(&mut self, stage: &str) {
        let now = self.clock.mono();
        let took = now.since(self.since);
        tracing::debug!(stage, ?took, "a stage of the start is done");
        self.since = now;
    }
}
