//! The events of a window, sorted by target, for many timelines.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use super::{Frame, Timeline, alive};
use crate::model::{Event, TargetId, Timestamp};
use crate::monitor::incident::IncidentClass;
use crate::monitor::interval::Interval;

/// What is known of a window of time, from which every target's [`Timeline`] is cut.
#[derive(Debug)]
pub struct Log<E> {
    window: Interval,
    alive: Vec<Interval>,
    own: BTreeMap<TargetId, Vec<E>>,
    classified: BTreeMap<TargetId, Vec<(Interval, IncidentClass)>>,
}

impl<E: Borrow<Event>> Log<E> {
    /// Sorts events, given in the order of the record; each target's last
    /// transition before the window comes before those in it.
    pub fn new(
        window: Interval,
        events: impl IntoIterator<Item = E>,
        classified: impl IntoIterator<Item = (TargetId, (Interval, IncidentClass))>,
    ) -> Self {
        let mut own: BTreeMap<TargetId, Vec<E>> = BTreeMap::new();
        let mut of_the_daemon = Vec::new();
        for event in events {
            match event.borrow().target {
                Some(target) => own.entry(target).or_default().push(event),
                None => of_the_daemon.push(event),
            }
        }
        let mut by_target: BTreeMap<TargetId, Vec<(Interval, IncidentClass)>> = BTreeMap::new();
        for (target, piece) in classified {
            by_target.entry(target).or_default().push(piece);
        }
        Self {
            window,
            alive: alive(of_the_daemon.iter().map(Borrow::borrow), window.to),
            own,
            classified: by_target,
        }
    }

    /// The window.
    pub fn window(&self) -> Interval {
        self.window
    }

    /// One target's time: in service from a moment on, left out by decision at times.
    pub fn timeline(
        &self,
        target: TargetId,
        in_service_from: Option<Timestamp>,
        exempt: &[Interval],
    ) -> Timeline {
        let frame = Frame {
            in_service_from,
            exempt,
            alive: &self.alive,
            classified: self.classified.get(&target).map_or(&[], Vec::as_slice),
            ..Frame::default()
        };
        let events = self.own.get(&target).map_or(&[][..], Vec::as_slice);
        Timeline::new(target, self.window, events.iter().map(Borrow::borrow), &frame)
    }
}
