//! Availability: from the log of transitions, never from counted samples (trap 23).
//!
//! A window of time is cut into pieces, each with one [`Share`]; the pieces
//! cover the window exactly, in whole microseconds, so that the shares add up
//! to it. Where several hold at once, the first of this list wins:
//! 1. not in service: before it was put into service, after it was taken out;
//! 2. exempt: by decision, or an outage that was classified so afterwards;
//! 3. no data: the daemon did not run, or the time has not come yet;
//! 4. maintenance: a window, or an outage that was classified as planned afterwards;
//! 5. the state.

pub mod log;

use std::collections::BTreeMap;
use std::ops::Add;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use super::incident::Incident;
use super::incident::IncidentClass;
use super::interval::Interval;
use super::interval::intersect;
use super::interval::subtract;
use super::interval::union;
use crate::model::Event;
use crate::model::EventKind;
use crate::model::Ratio;
use crate::model::State;
use crate::model::TargetId;
use crate::model::Timestamp;

/// What a piece of time counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Share {
    /// It answered.
    Up,
    /// It answered, worse than its thresholds allow.
    Degraded,
    /// It was down.
    Down,
    /// Something that it depends on was down.
    Unreachable,
    /// We could not look.
    Unknown,
    /// Announced work.
    Maintenance,
    /// Left out by decision.
    Exempt,
    /// Not yet or no longer in service.
    NotInService,
    /// The daemon did not run.
    NoData,
}

impl Share {
    /// All, with their words.
    pub const ALL: [(Self, &'static str); 9] = [
        (Self::Up, "up"),
        (Self::Degraded, "degraded"),
        (Self::Down, "down"),
        (Self::Unreachable, "unreachable"),
        (Self::Unknown, "unknown"),
        (Self::Maintenance, "maintenance"),
        (Self::Exempt, "exempt"),
        (Self::NotInService, "not_in_service"),
        (Self::NoData, "no_data"),
    ];
}

impl From<State> for Share {
    fn from(state: State) -> Self {
        match state {
            State::Up => Self::Up,
            State::Degraded => Self::Degraded,
            State::Down => Self::Down,
            State::Unreachable => Self::Unreachable,
            State::Unknown => Self::Unknown,
        }
    }
}

/// How a window of time is divided, in microseconds. The sum is the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words of Share")]
pub struct Shares {
    pub up: i64,
    pub degraded: i64,
    pub down: i64,
    pub unreachable: i64,
    pub unknown: i64,
    pub maintenance: i64,
    pub exempt: i64,
    pub not_in_service: i64,
    pub no_data: i64,
}

impl Shares {
    /// The microseconds of one share.
    pub fn get(&self, share: Share) -> i64 {
        match share {
            Share::Up => self.up,
            Share::Degraded => self.degraded,
            Share::Down => self.down,
            Share::Unreachable => self.unreachable,
            Share::Unknown => self.unknown,
            Share::Maintenance => self.maintenance,
            Share::Exempt => self.exempt,
            Share::NotInService => self.not_in_service,
            Share::NoData => self.no_data,
        }
    }

    fn add_to(&mut self, share: Share, micros: i64) {
        let place = match share {
            Share::Up => &mut self.up,
            Share::Degraded => &mut self.degraded,
            Share::Down => &mut self.down,
            Share::Unreachable => &mut self.unreachable,
            Share::Unknown => &mut self.unknown,
            Share::Maintenance => &mut self.maintenance,
            Share::Exempt => &mut self.exempt,
            Share::NotInService => &mut self.not_in_service,
            Share::NoData => &mut self.no_data,
        };
        *place = place.saturating_add(micros);
    }

    /// The whole: the length of the window.
    pub fn total(&self) -> i64 {
        Share::ALL
            .iter()
            .fold(0, |sum: i64, (share, _)| sum.saturating_add(self.get(*share)))
    }

    /// Up and degraded: its users had it.
    pub fn online(&self) -> i64 {
        self.up.saturating_add(self.degraded)
    }

    /// Online, down and unreachable: the denominator.
    pub fn counted(&self) -> i64 {
        self.online()
            .saturating_add(self.down)
            .saturating_add(self.unreachable)
    }

    /// Availability as its users saw it: what was unreachable, they did not
    /// have. `None`: nothing was counted, so there is no value.
    pub fn availability(&self) -> Option<Ratio> {
        share_of(self.online(), self.counted())
    }

    /// Availability against a service level agreement: only what was its own
    /// fault counts against it (design §3.10: a link's SLA).
    pub fn own_availability(&self) -> Option<Ratio> {
        share_of(self.online(), self.online().saturating_add(self.down))
    }
}

fn share_of(part: i64, whole: i64) -> Option<Ratio> {
    Ratio::of(u64::try_from(part).ok()?, u64::try_from(whole).ok()?)
}

impl AddAssign for Shares {
    fn add_assign(&mut self, other: Self) {
        for (share, _) in Share::ALL {
            self.add_to(share, other.get(share));
        }
    }
}

impl Add for Shares {
    type Output = Self;
    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl std::iter::Sum for Shares {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::default(), Add::add)
    }
}

/// What else must be known to divide a window.
#[derive(Debug, Clone, Default)]
pub struct Frame<'a> {
    /// The state before the first event that is given; `None`: not known.
    pub state_before: Option<State>,
    /// Whether a maintenance window covered it before the first event that is given.
    pub maintenance_before: bool,
    /// First moment in service; `None`: since always.
    pub in_service_from: Option<Timestamp>,
    /// First moment no longer in service; `None`: it is in service.
    pub in_service_to: Option<Timestamp>,
    /// When it was exempt by decision, as a set.
    pub exempt: &'a [Interval],
    /// When the daemon ran and the record holds data, as a set ([`alive`]).
    pub alive: &'a [Interval],
    /// Its outages that were classified afterwards ([`classified`]).
    pub classified: &'a [(Interval, IncidentClass)],
}

/// A window of one target's time, cut into pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    window: Interval,
    /// In order, without gaps, from one end of the window to the other.
    pieces: Vec<(Interval, Share)>,
}

impl Timeline {
    /// Cuts `window`. `events` are those of `target` in the order of the record;
    /// those of others, and those after the window, do no harm.
    pub fn new<'e>(
        target: TargetId,
        window: Interval,
        events: impl IntoIterator<Item = &'e Event>,
        frame: &Frame<'_>,
    ) -> Self {
        let own = events.into_iter().filter(|event| event.target == Some(target));
        let (states, maintenance) = layers(own, window, frame);
        let classified = |class: IncidentClass| {
            let list = frame.classified.iter();
            union(list.filter(|(_, c)| *c == class).map(|(i, _)| *i).collect())
        };
        let service = Interval::new(
            frame.in_service_from.unwrap_or(Timestamp::MIN),
            frame.in_service_to.unwrap_or(Timestamp::MAX),
        );
        let service: Vec<Interval> = service.into_iter().collect();
        let mut exempt = classified(IncidentClass::Exempt);
        exempt.extend_from_slice(frame.exempt);
        let mut work = classified(IncidentClass::Planned);
        work.extend(maintenance);

        let mut cut = Cutter {
            rest: vec![window],
            pieces: Vec::new(),
        };
        cut.outside(&service, Share::NotInService);
        cut.inside(&union(exempt), Share::Exempt);
        cut.outside(frame.alive, Share::NoData);
        cut.inside(&union(work), Share::Maintenance);
        for (piece, state) in states {
            cut.inside(&[piece], state.into());
        }
        // Nothing is left: the states cover the window.
        cut.inside(&[window], Share::Unknown);
        cut.pieces.sort_unstable();
        Self {
            window,
            pieces: cut.pieces,
        }
    }

    /// The window.
    pub fn window(&self) -> Interval {
        self.window
    }

    /// The pieces in order; together they are the window.
    pub fn pieces(&self) -> &[(Interval, Share)] {
        &self.pieces
    }

    /// How the whole window is divided.
    pub fn shares(&self) -> Shares {
        let mut shares = Shares::default();
        for (piece, share) in &self.pieces {
            shares.add_to(*share, piece.micros());
        }
        shares
    }

    /// How the part of the window is divided that lies in `hours`, a set
    /// ([`super::calendar::Calendar::intervals`]).
    pub fn shares_within(&self, hours: &[Interval]) -> Shares {
        let mut shares = Shares::default();
        let mut next = 0;
        for (piece, share) in &self.pieces {
            while hours.get(next).is_some_and(|h| h.to <= piece.from) {
                next += 1;
            }
            for hour in hours.iter().skip(next).take_while(|h| h.from < piece.to) {
                if let Some(common) = hour.common(*piece) {
                    shares.add_to(*share, common.micros());
                }
            }
        }
        shares
    }
}

/// The states as pieces that cover the window, and the times in maintenance as a set.
fn layers<'e>(
    own: impl Iterator<Item = &'e Event>,
    window: Interval,
    frame: &Frame<'_>,
) -> (Vec<(Interval, State)>, Vec<Interval>) {
    let mut changes: Vec<(Timestamp, State)> = Vec::new();
    let mut covers: Vec<(Timestamp, bool)> = Vec::new();
    for event in own {
        if let EventKind::StateChanged { to, .. } = &event.kind {
            changes.push((event.at, *to));
        } else if let EventKind::MaintenanceStarted { .. } = event.kind {
            covers.push((event.at, true));
        } else if let EventKind::MaintenanceEnded { .. } = event.kind {
            covers.push((event.at, false));
        }
    }
    let states = pieces(frame.state_before.unwrap_or(State::Unknown), changes, window);
    let maintenance = pieces(frame.maintenance_before, covers, window)
        .into_iter()
        .filter(|(_, is_covered)| *is_covered)
        .map(|(piece, _)| piece)
        .collect();
    (states, union(maintenance))
}

/// Pieces of the window from changes in the order of the record.
///
/// Where the clock stepped back, a later change has an earlier moment: what came
/// later wins, and no piece runs backwards (trap 24).
fn pieces<T: Copy>(before: T, mut changes: Vec<(Timestamp, T)>, window: Interval) -> Vec<(Interval, T)> {
    let mut latest = Timestamp::MAX;
    for (at, _) in changes.iter_mut().rev() {
        latest = latest.min(*at);
        *at = latest;
    }
    let mut list = Vec::with_capacity(changes.len() + 1);
    let (mut from, mut value) = (Timestamp::MIN, before);
    for (at, next) in changes.into_iter().chain([(Timestamp::MAX, before)]) {
        let piece = Interval::new(from, at).and_then(|piece| piece.common(window));
        list.extend(piece.map(|piece| (piece, value)));
        (from, value) = (at, next);
    }
    list
}

struct Cutter {
    rest: Vec<Interval>,
    pieces: Vec<(Interval, Share)>,
}

impl Cutter {
    /// What is left in `set` is `share`.
    fn inside(&mut self, set: &[Interval], share: Share) {
        self.pieces
            .extend(intersect(&self.rest, set).into_iter().map(|i| (i, share)));
        self.rest = subtract(&self.rest, set);
    }

    /// What is left outside of `set` is `share`.
    fn outside(&mut self, set: &[Interval], share: Share) {
        self.pieces
            .extend(subtract(&self.rest, set).into_iter().map(|i| (i, share)));
        self.rest = intersect(&self.rest, set);
    }
}

/// When the daemon ran and the record holds data, as a set, up to `now`.
///
/// `events` are the daemon's own (others do no harm), in the order of the
/// record, from its first start on, or at least from the last start before the
/// time that is asked about.
pub fn alive<'e>(events: impl IntoIterator<Item = &'e Event>, now: Timestamp) -> Vec<Interval> {
    let mut list = Vec::new();
    let mut since: Option<Timestamp> = None;
    let mut has_begun = false;
    for event in events.into_iter().filter(|event| event.target.is_none()) {
        // A log that begins in the middle: it ran before.
        let from = if has_begun { since } else { Some(Timestamp::MIN) };
        if let EventKind::DaemonStarted { last_alive } = event.kind {
            // A start without a stop: it ended when it last gave a sign of life.
            let to = last_alive.map(|at| at.min(event.at));
            list.extend(from.zip(to).and_then(|(from, to)| Interval::new(from, to)));
            since = Some(event.at);
            has_begun = true;
        } else if event.kind == EventKind::DaemonStopped {
            list.extend(from.and_then(|from| Interval::new(from, event.at)));
            since = None;
            has_begun = true;
        }
    }
    list.extend(since.and_then(|from| Interval::new(from, now)));
    union(list)
}

/// The outages among `incidents` that were classified afterwards, up to `now`.
pub fn classified<'i>(
    incidents: impl IntoIterator<Item = &'i Incident>,
    now: Timestamp,
) -> Vec<(Interval, IncidentClass)> {
    incidents
        .into_iter()
        .filter_map(|incident| {
            let span = Interval::new(incident.started_at, incident.ended_at.unwrap_or(now))?;
            Some((span, incident.class?))
        })
        .collect()
}

/// The states after replaying events in the order of the record. A target
/// without a transition is not in it.
pub fn replay<'e>(events: impl IntoIterator<Item = &'e Event>) -> BTreeMap<TargetId, State> {
    let mut states = BTreeMap::new();
    for event in events {
        if let (Some(target), EventKind::StateChanged { to, .. }) = (event.target, &event.kind) {
            states.insert(target, *to);
        }
    }
    states
}

#[cfg(test)]
mod tests;
