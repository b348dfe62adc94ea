//! What goes to the writer: everything that one turn of the core wants on
//! record, in one transaction.

use std::sync::Arc;

use super::outbox::OutboxChange;
use crate::model::{Event, Fact, Reason, State, TargetId, Timestamp};
use crate::monitor::snapshot::{InterfaceView, Totals};

/// One unit of work for the writer. All of it is committed together.
///
/// A batch with events or outbox changes is committed at once and fsynced
/// (`synchronous=FULL`); others within a second. Samples may be shed when the
/// writer can't follow or the disk is full, and are counted then; nothing else is.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// What happened. Outages, transitions and acknowledgements are also put
    /// into their tables from these: nobody else writes those.
    pub events: Vec<Event>,
    /// What is to be told, or no longer.
    pub outbox: Vec<OutboxChange>,
    /// Soft states that changed.
    pub states: Vec<SavedState>,
    /// Running sums that changed.
    pub totals: Vec<(TargetId, Totals)>,
    /// What devices told about themselves.
    pub facts: Vec<DeviceFacts>,
    /// The interfaces that devices told of.
    pub interfaces: Vec<DeviceInterfaces>,
    /// History.
    pub samples: Vec<Sample>,
    /// Small values of the daemon itself, by name (see [`super::setting`]).
    pub settings: Vec<(String, Vec<u8>)>,
    /// The moment up to which everything that was seen is in this batch or an
    /// earlier one. After a restart, time from the last such moment on is *no data*.
    pub alive_at: Option<Timestamp>,
}

impl Batch {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty() && self.rows() == 0 && self.alive_at.is_none()
    }

    /// Whether it must be on disk before anyone goes on: it holds events or messages.
    pub fn is_urgent(&self) -> bool {
        !self.events.is_empty() || !self.outbox.is_empty()
    }

    /// Rows other than samples.
    pub fn rows(&self) -> usize {
        self.events.len()
            + self.outbox.len()
            + self.states.len()
            + self.totals.len()
            + self
                .facts
                .iter()
                .map(|f| f.set.len() + f.withdrawn.len())
                .sum::<usize>()
            + self.interfaces.iter().map(|i| i.rows.len()).sum::<usize>()
            + self.settings.len()
    }
}

/// Where the monitor goes on with one target after a restart.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedState {
    /// Whose.
    pub target: TargetId,
    /// Its confirmed state, for reading commands.
    pub state: State,
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub reason: Option<Reason>,
    /// What the monitor wants back, as it gave it; the record does not look into it.
    pub body: Vec<u8>,
}

/// What a device told about itself. An answer without a key erases nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceFacts {
    /// Which device.
    pub target: TargetId,
    /// When.
    pub at: Timestamp,
    /// Facts as they are now.
    pub set: Vec<Fact>,
    /// Keys of facts that no longer hold.
    pub withdrawn: Vec<String>,
}

/// The interfaces that a device told of.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceInterfaces {
    /// Which device.
    pub target: TargetId,
    /// When.
    pub at: Timestamp,
    /// Whether the walk was complete: only then what is missing is marked as gone (trap 7).
    pub complete: bool,
    /// What was seen, by name.
    pub rows: Vec<InterfaceView>,
}

/// What history is kept of: one measure of one target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesKey {
    /// Whose.
    pub target: TargetId,
    /// What is measured, with its unit (`rtt_seconds`, `loss_ratio`, `receive_bytes_per_second`, …).
    pub metric: Arc<str>,
    /// Which of several (an interface's name); empty where there is one only.
    pub instance: Arc<str>,
}

/// One value of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Of what.
    pub series: SeriesKey,
    /// When. Kept to a tenth of a second.
    pub at: Timestamp,
    /// The value in the base unit; what is no finite number is not kept.
    pub value: f64,
}
