//! Maintenance windows open and close.

use jiff::civil::Date;

use super::Table;
use crate::inventory::UnitKind;
use crate::model::EventKind;
use crate::model::Span;
use crate::model::Timestamp;
use crate::monitor::effects::Effects;
use crate::monitor::maintain::Window;
use crate::monitor::topology::Slot;

/// Where a window stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Standing {
    pub(super) is_open: bool,
    /// When it must be asked again; `None`: at once.
    pub(super) next: Option<Timestamp>,
}

/// A window that does not change within this is asked again after it.
const ASK_AGAIN: Span = Span::from_hours(7 * 24);

impl Standing {
    /// The clock stepped: ask the window at the next tick.
    pub(super) fn ask_again(&mut self) {
        self.next = None;
    }
}

impl Table {
    /// Adds a maintenance window over what its selector fits on `day`; gives how
    /// many targets that are. It opens at the next tick, if it is time.
    pub fn add_window(&mut self, window: &Window, kinds: &[UnitKind], day: Date) -> usize {
        let count = self.topology.cover(window, kinds, day);
        self.windows.push(Standing::default());
        count
    }

    /// Ends a maintenance window now and for good. One that is not there is no news.
    pub fn end_window(&mut self, window: &Window, now: Timestamp, effects: &mut Effects) {
        let now = self.arrive(now);
        let windows = self.topology.windows();
        let Some(place) = windows.iter().position(|c| c.window == *window) else {
            return;
        };
        if self.windows.get(place).is_some_and(|standing| standing.is_open) {
            self.cover(place, false, now, now, effects);
        }
        self.topology.remove_window(place);
        if place < self.windows.len() {
            self.windows.remove(place);
        }
    }

    /// Opens and closes what is due. Asked for the first time, it also ends the
    /// maintenance that a restored state has and no window has any more.
    pub(super) fn open_and_close_windows(&mut self, now: Timestamp, effects: &mut Effects) {
        let mut any_new = false;
        for i in 0..self.windows.len() {
            let (Some(standing), Some(covering)) =
                (self.windows.get(i).copied(), self.topology.windows().get(i))
            else {
                continue;
            };
            if standing.next.is_some_and(|next| now < next) {
                continue;
            }
            any_new |= standing.next.is_none();
            let (is_open, next) = covering.window.at(now);
            if let Some(place) = self.windows.get_mut(i) {
                *place = Standing {
                    is_open,
                    next: Some(next.unwrap_or_else(|| now.plus(ASK_AGAIN))),
                };
            }
            if is_open != standing.is_open {
                let at = standing.next.unwrap_or(now).min(now);
                self.cover(i, is_open, at, now, effects);
            }
        }
        if any_new || !self.has_reconciled {
            self.has_reconciled = true;
            self.end_orphaned(now, effects);
        }
    }

    fn cover(&mut self, window: usize, is_open: bool, at: Timestamp, now: Timestamp, effects: &mut Effects) {
        let Some(covering) = self.topology.windows().get(window) else {
            return;
        };
        let name = covering.window.name.clone();
        for slot in covering.targets.clone() {
            let Some(count) = self.covered.get_mut(slot as usize) else {
                continue;
            };
            *count = if is_open {
                count.saturating_add(1)
            } else {
                count.saturating_sub(1)
            };
            let is_covered = *count > 0;
            self.set_maintenance(slot, is_covered, &name, at, now, effects);
        }
    }

    fn set_maintenance(
        &mut self,
        slot: Slot,
        is_covered: bool,
        window: &str,
        at: Timestamp,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let (Some(spec), Some(state)) = (self.topology.spec(slot), self.states.get_mut(slot as usize)) else {
            return;
        };
        if state.maintenance == is_covered {
            return;
        }
        state.maintenance = is_covered;
        let window = window.to_owned();
        let kind = if is_covered {
            EventKind::MaintenanceStarted { window }
        } else {
            EventKind::MaintenanceEnded { window }
        };
        effects.event(Some(spec.id), at, now, kind);
        effects.changed.push(spec.id);
        self.mark(slot);
    }

    /// Ends the maintenance of what no window covers any more: the window left
    /// the configuration, or closed while the daemon did not run.
    fn end_orphaned(&mut self, now: Timestamp, effects: &mut Effects) {
        let orphaned: Vec<Slot> = (0..)
            .zip(self.states.iter().zip(&self.covered))
            .filter(|(_, (state, covered))| state.maintenance && **covered == 0)
            .map(|(slot, _)| slot)
            .collect();
        for slot in orphaned {
            self.set_maintenance(slot, false, "", now, now, effects);
        }
    }
}
