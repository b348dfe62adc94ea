//! Maintenance windows and silences open and close.

use jiff::civil::Date;

use super::Table;
use crate::inventory::UnitKind;
use crate::model::EventKind;
use crate::model::Span;
use crate::model::Timestamp;
use crate::monitor::effects::Effects;
use crate::monitor::maintain::Effect;
use crate::monitor::maintain::Window;
use crate::monitor::topology::Slot;

/// Where a window stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Standing {
    pub(super) is_open: bool,
    /// When it must be asked again; `None`: at once.
    pub(super) next: Option<Timestamp>,
}

/// How many open windows cover a target.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Covered {
    maintenance: u16,
    silence: u16,
}

impl Covered {
    fn count(self, effect: Effect) -> u16 {
        match effect {
            Effect::Maintenance => self.maintenance,
            Effect::Silence => self.silence,
        }
    }

    fn by(&mut self, effect: Effect) -> &mut u16 {
        match effect {
            Effect::Maintenance => &mut self.maintenance,
            Effect::Silence => &mut self.silence,
        }
    }
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
    /// Adds a window over what its selector fits on `day`; gives how
    /// many targets that are. It opens at the next tick, if it is time.
    pub fn add_window(&mut self, window: &Window, kinds: &[UnitKind], day: Date) -> usize {
        let count = self.topology.cover(window, kinds, day);
        self.windows.push(Standing::default());
        count
    }

    /// Ends a window now and for good; `author` is the person who does so. One
    /// that is not there is no news.
    pub fn end_window(
        &mut self,
        window: &Window,
        author: Option<&str>,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let now = self.arrive(now);
        // Right after a restart they are not yet open again.
        self.open_and_close_windows(now, effects);
        let windows = self.topology.windows();
        let Some(place) = windows.iter().position(|c| c.window == *window) else {
            return;
        };
        if self.windows.get(place).is_some_and(|standing| standing.is_open) {
            self.cover(place, false, author, (now, now), effects);
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
                self.cover(i, is_open, None, (at, now), effects);
            }
        }
        if any_new || !self.has_reconciled {
            self.has_reconciled = true;
            self.end_orphaned(now, effects);
        }
    }

    fn cover(
        &mut self,
        window: usize,
        is_open: bool,
        author: Option<&str>,
        moments: (Timestamp, Timestamp),
        effects: &mut Effects,
    ) {
        let Some(covering) = self.topology.windows().get(window) else {
            return;
        };
        let (name, effect) = (covering.window.name.clone(), covering.window.effect);
        for slot in covering.targets.clone() {
            let Some(count) = self.covered.get_mut(slot as usize).map(|c| c.by(effect)) else {
                continue;
            };
            *count = if is_open {
                count.saturating_add(1)
            } else {
                count.saturating_sub(1)
            };
            let is_covered = *count > 0;
            let kind = told(effect, is_covered, &name, author);
            self.set_overlay(slot, effect, is_covered, kind, moments, effects);
        }
    }

    fn set_overlay(
        &mut self,
        slot: Slot,
        effect: Effect,
        is_covered: bool,
        kind: EventKind,
        (at, now): (Timestamp, Timestamp),
        effects: &mut Effects,
    ) {
        let (Some(spec), Some(state)) = (self.topology.spec(slot), self.states.get_mut(slot as usize)) else {
            return;
        };
        let overlay = match effect {
            Effect::Maintenance => &mut state.maintenance,
            Effect::Silence => &mut state.silenced,
        };
        if *overlay == is_covered {
            return;
        }
        *overlay = is_covered;
        effects.event(Some(spec.id), at, now, kind);
        effects.changed.push(spec.id);
        self.mark(slot);
    }

    /// Ends the overlays of what no window covers any more: the window left
    /// the configuration, or closed while the daemon did not run.
    fn end_orphaned(&mut self, now: Timestamp, effects: &mut Effects) {
        for effect in [Effect::Maintenance, Effect::Silence] {
            let orphaned: Vec<Slot> = (0..)
                .zip(self.states.iter().zip(&self.covered))
                .filter(|(_, (state, covered))| {
                    let is_covered = match effect {
                        Effect::Maintenance => state.maintenance,
                        Effect::Silence => state.silenced,
                    };
                    is_covered && covered.count(effect) == 0
                })
                .map(|(slot, _)| slot)
                .collect();
            for slot in orphaned {
                let kind = told(effect, false, "", None);
                self.set_overlay(slot, effect, false, kind, (now, now), effects);
            }
        }
    }
}

/// The event of a window that begins or ceases to cover a target.
fn told(effect: Effect, is_covered: bool, window: &str, author: Option<&str>) -> EventKind {
    let window = window.to_owned();
    let author = author.map(str::to_owned);
    match (effect, is_covered) {
        (Effect::Maintenance, true) => EventKind::MaintenanceStarted { window },
        (Effect::Maintenance, false) => EventKind::MaintenanceEnded { window, author },
        (Effect::Silence, true) => EventKind::SilenceStarted { window },
        (Effect::Silence, false) => EventKind::SilenceEnded { window, author },
    }
}
