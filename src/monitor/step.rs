//! The heart: one round of looks at one target, and what follows from it.
//!
//! ```text
//!             good                    3 failures, a path is there
//!   unknown ────────► up ⇄ degraded ────────────────────────────► down
//!      ▲               ▲      │                                    │ ▲
//!      │ blind         │      │ 3 failures, no path is there       │ │ 3 fresh failures,
//!      │               │      ▼                     no path any more │ a path is back
//!   (any)              └── unreachable ◄─────────────────────────────┘─┘
//!              2 good
//! ```
//!
//! Pure: the same state, round, context and time give the same result, forever.
//! [`step`] changes the state in place (a hundred thousand are stepped a
//! minute) and says in moves what others must know.
//!
//! An outage begins with the *first* failure and ends with the *first* good
//! look, not with those that confirm it (design §3.1).

use super::blind::UplinkVerdict;
use super::depend::Paths;
use super::flap;
use super::round::Round;
use super::round::Verdict;
use super::state::NEVER;
use super::state::TargetState;
use super::topology::TargetSpec;
use crate::model::Reason;
use crate::model::State;
use crate::model::TargetId;
use crate::model::Timestamp;

/// What a step must know of the rest of the world. Asked only when needed.
pub trait Context {
    /// What the parents say about failures from `first` to `last`.
    fn paths(&self, first: Timestamp, last: Timestamp) -> Paths;
    /// What the uplink says about failures from `first` to `last`.
    fn uplink(&self, first: Timestamp, last: Timestamp) -> UplinkVerdict;
    /// Whether the uplink worked at that moment, though it may have failed since.
    fn uplink_worked_at(&self, at: Timestamp) -> bool;
}

/// What others must know of a step.
#[derive(Debug, Clone, PartialEq)]
pub enum Move {
    /// The state changed.
    Changed {
        /// Before.
        from: State,
        /// After.
        to: State,
        /// When the new state began.
        at: Timestamp,
        /// Why.
        reason: Option<Reason>,
    },
    /// Another outage than before is the cause of its own, or none is any more.
    Rerooted,
    /// Its recovery was interrupted: what depends on it has lost that path again.
    Relapsed,
    /// It is or is no longer suspect, or waits or no longer waits.
    Suspicion,
    /// Look again soon, to confirm.
    Confirm,
    /// It has failed. What follows depends on others: see [`follow`], once
    /// everything that was seen in the same instant has been taken in.
    Failed,
    /// Look at the parents and the uplink now.
    AskParents,
    /// It flaps, or has calmed down.
    Flapping(bool),
}

/// Takes one round in. It asks nothing about others: of looks of one instant
/// at many targets, the order in which they are taken in changes nothing.
pub fn step(state: &mut TargetState, spec: &TargetSpec, round: &Round) -> Vec<Move> {
    let mut moves = Vec::new();
    match &round.verdict {
        Verdict::Good => {
            count_result(state, spec, true, &mut moves);
            good(state, spec, round.at, &mut moves);
        }
        Verdict::Bad(reason) => {
            count_result(state, spec, false, &mut moves);
            bad(state, spec, round.at, reason, &mut moves);
        }
        Verdict::Blind(reason) => blind(state, spec, round.at, reason, &mut moves),
    }
    moves
}

/// One more result for the flapping window.
fn count_result(state: &mut TargetState, spec: &TargetSpec, is_good: bool, moves: &mut Vec<Move>) {
    let changed = state.has_result && state.last_was_good != is_good;
    state.has_result = true;
    state.last_was_good = is_good;
    state.changes = flap::push(state.changes, changed);
    // What people switch on and off does not flap.
    let flaps = spec.always_on && flap::is_flapping(state.changes, state.flapping);
    if flaps != state.flapping {
        state.flapping = flaps;
        moves.push(Move::Flapping(flaps));
    }
}

fn good(state: &mut TargetState, spec: &TargetSpec, at: Timestamp, moves: &mut Vec<Move>) {
    let was_doubted = state.failures > 0 || state.is_held();
    state.failures = 0;
    state.blinds = 0;
    state.held_since = NEVER;
    state.put_off_since = NEVER;
    state.unanswered_since = NEVER;
    count_observed(state, spec, at);
    match state.state {
        State::Up | State::Degraded => {
            if was_doubted {
                moves.push(Move::Suspicion);
            }
        }
        State::Unknown if state.incident.is_none() => {
            state.enter(State::Up, at, None, moves);
        }
        State::Unknown | State::Down | State::Unreachable => {
            state.goods = state.goods.saturating_add(1);
            if state.goods == 1 {
                state.first_good_at = at;
                moves.push(Move::Suspicion);
            }
            if state.goods >= spec.confirm.up_after {
                let ended_at = state.first_good_at;
                if state.state.is_out() {
                    count_outage(state, spec, ended_at);
                }
                state.enter(State::Up, ended_at, None, moves);
            } else {
                moves.push(Move::Confirm);
            }
        }
    }
}

fn bad(state: &mut TargetState, spec: &TargetSpec, at: Timestamp, reason: &Reason, moves: &mut Vec<Move>) {
    if state.goods > 0 {
        // A recovery that is interrupted is not to wait for the next turn.
        state.goods = 0;
        moves.push(Move::Suspicion);
        moves.push(Move::Confirm);
        moves.push(Move::Relapsed);
    }
    state.blinds = 0;
    count_observed(state, spec, at);
    if state.state.is_out() {
        count_outage(state, spec, at);
    }
    // A look that was under way when its path came back counts for nothing, and
    // nobody can look again meanwhile: the next one is not to wait for its turn.
    match state.state {
        State::Down => state.last_bad_at = at,
        State::Unreachable if at <= state.fresh_after => moves.push(Move::Confirm),
        State::Up | State::Degraded | State::Unknown if at <= state.fresh_after => {
            if state.unanswered_since == NEVER {
                state.unanswered_since = at;
            }
            moves.push(Move::Confirm);
        }
        State::Up | State::Degraded | State::Unknown | State::Unreachable => {
            fail(state, spec, at, reason, moves);
        }
    }
}

/// One more failure on the way to a verdict.
fn fail(state: &mut TargetState, spec: &TargetSpec, at: Timestamp, reason: &Reason, moves: &mut Vec<Move>) {
    // Failures with a gap between them, in which nobody looked, are not in a row.
    let gap = spec.interval.saturating_mul(3);
    let is_old = state.failures > 0 && !state.is_held() && at.since(state.last_bad_at) > gap;
    if is_old {
        state.failures = 0;
        state.put_off_since = NEVER;
    }
    if is_old || state.unanswered_since == NEVER {
        state.unanswered_since = at;
    }
    state.failures = state.failures.saturating_add(1);
    state.last_bad_at = at;
    state.failure_reason = Some(reason.clone());
    if state.failures == 1 {
        state.first_bad_at = at;
        moves.push(Move::Suspicion);
    }
    moves.push(Move::Failed);
}

/// What follows from failures, now that everything that was seen in the same
/// instant has been taken in.
pub fn follow(
    state: &mut TargetState,
    spec: &TargetSpec,
    context: &impl Context,
    now: Timestamp,
    moves: &mut Vec<Move>,
) {
    if state.failures == 0 {
        return;
    }
    // Failures of what nothing leads to say nothing about it.
    if state.state == State::Unreachable
        && let Paths::Out { root, .. } = context.paths(state.last_bad_at, state.last_bad_at)
    {
        state.stay_unreachable(root, moves);
    } else if state.failures >= spec.confirm.down_after {
        if !state.is_held() {
            state.held_since = now;
        }
        judge(state, spec, context, now, moves);
    } else {
        moves.push(Move::Confirm);
        if state.failures == 1 && !is_path_clear(context, state.last_bad_at) {
            moves.push(Move::AskParents);
        }
    }
}

fn is_path_clear(context: &impl Context, asked: Timestamp) -> bool {
    context.uplink(asked, asked) == UplinkVerdict::Fine && context.paths(asked, asked) == Paths::Clear
}

/// Judges a target that has failed often enough and waits: at the end of the
/// instant, and again when something that it depends on has been looked at, or
/// time runs out.
pub fn judge(
    state: &mut TargetState,
    spec: &TargetSpec,
    context: &impl Context,
    now: Timestamp,
    moves: &mut Vec<Move>,
) {
    let may_wait = now < state.held_since.plus(spec.confirm.hold_at_most);
    // Parents or an uplink that lose looks again and again put no verdict off for ever.
    let put_off_since = if state.put_off_since == NEVER {
        state.held_since
    } else {
        state.put_off_since
    };
    let may_put_off = now < put_off_since.plus(spec.confirm.hold_at_most);
    let uplink = context.uplink(state.first_bad_at, state.last_bad_at);
    let paths = context.paths(state.first_bad_at, state.last_bad_at);
    let root = match (uplink, paths) {
        // Who looks at the uplink makes it unknown.
        (UplinkVerdict::Blind, _) => return,
        // The failures so far may have been its path's: see new ones. An outage
        // has begun with the first of them all the same, but not with ours.
        (UplinkVerdict::Back { since }, Paths::Clear | Paths::Back { .. } | Paths::Waiting { .. })
        | (UplinkVerdict::Fine | UplinkVerdict::Waiting, Paths::Back { since })
            if may_put_off =>
        {
            if matches!(uplink, UplinkVerdict::Back { .. }) && may_be_uplinks(state, context) {
                state.unanswered_since = NEVER;
            }
            state.failures = 0;
            state.held_since = NEVER;
            state.put_off_since = put_off_since;
            state.fresh_after = since;
            moves.push(Move::Suspicion);
            moves.push(Move::Confirm);
            return;
        }
        (UplinkVerdict::Waiting, _) | (_, Paths::Waiting { .. }) if may_wait => {
            moves.push(Move::AskParents);
            return;
        }
        (
            _,
            Paths::Clear
            | Paths::Back { .. }
            | Paths::Waiting { any_online: true, .. }
            | Paths::Waiting { out: None, .. },
        ) => None,
        (_, Paths::Out { root, .. } | Paths::Waiting { out: Some(root), .. }) => Some(root),
    };
    // What was out already is down by itself from its first fresh failure on.
    let began = match state.unanswered_since {
        since if since == NEVER || state.state == State::Unreachable => state.first_bad_at,
        since => since.min(state.first_bad_at),
    };
    let reason = state.failure_reason.take().unwrap_or(Reason::Timeout);
    let was = state.state;
    match root {
        None => {
            state.root = None;
            state.own_cause = true;
            count_outage_from(state, spec, began);
            state.enter(State::Down, began, Some(reason), moves);
        }
        Some(root) if was == State::Unreachable => state.stay_unreachable(root, moves),
        Some(root) => {
            // An outage that is open already, from before a time of not
            // knowing, keeps its cause.
            state.own_cause = state.own_cause && state.incident.is_some();
            state.root = Some(root);
            count_outage_from(state, spec, began);
            state.enter(State::Unreachable, began, Some(reason), moves);
        }
    }
}

/// Whether the first failure may have been the uplink's, which failed and is
/// back. It was not if the uplink worked then, or if it came before the failures
/// that are judged now: then it has stood that test before.
fn may_be_uplinks(state: &TargetState, context: &impl Context) -> bool {
    state.unanswered_since >= state.first_bad_at && !context.uplink_worked_at(state.unanswered_since)
}

fn blind(state: &mut TargetState, spec: &TargetSpec, at: Timestamp, reason: &Reason, moves: &mut Vec<Move>) {
    state.blinds = state.blinds.saturating_add(1);
    if state.blinds == 1 {
        state.first_blind_at = at;
    }
    if state.state == State::Unknown {
        state.reason = Some(reason.clone());
    } else if state.blinds >= spec.confirm.down_after {
        let began = state.first_blind_at;
        state.enter(State::Unknown, began, Some(reason.clone()), moves);
    } else {
        moves.push(Move::Confirm);
    }
}

/// Asks the thresholds of a target that answers.
pub(crate) fn degrade(state: &mut TargetState, spec: &TargetSpec, at: Timestamp, moves: &mut Vec<Move>) {
    let is_over = state.averages.judge(&spec.thresholds);
    match state.state {
        State::Up if is_over && state.failures == 0 => {
            let reason = Reason::Threshold(state.averages.word().to_owned());
            state.enter(State::Degraded, at, Some(reason), moves);
        }
        State::Degraded if !is_over => state.enter(State::Up, at, None, moves),
        State::Up | State::Degraded | State::Down | State::Unreachable | State::Unknown => {}
    }
}

/// What depends on nothing that is there any more is unreachable, whatever it was.
pub(crate) fn lose_paths(state: &mut TargetState, root: TargetId, since: Timestamp, moves: &mut Vec<Move>) {
    match state.state {
        State::Down => {
            state.root = Some(root);
            state.goods = 0;
            let reason = state.reason.clone();
            state.enter(State::Unreachable, since, reason, moves);
        }
        State::Unreachable => state.attach(root, moves),
        State::Up | State::Degraded | State::Unknown => {}
    }
}

/// What it depends on is back: only failures of looks that begin from now on
/// count, and as many as ever (trap 19).
pub(crate) fn release(state: &mut TargetState, now: Timestamp) {
    if state.state == State::Unreachable && state.goods == 0 {
        state.failures = 0;
        state.held_since = NEVER;
        state.put_off_since = NEVER;
        state.fresh_after = now;
    }
}

/// Observed time goes on to `at`, unless nobody looked for long.
fn count_observed(state: &mut TargetState, spec: &TargetSpec, at: Timestamp) {
    let passed = at.since(state.observed_until);
    if state.observed_until != NEVER && passed <= spec.interval.saturating_mul(4) && counts(state, spec) {
        state.observed_micros = state.observed_micros.saturating_add(micros(passed));
    }
    state.observed_until = state.observed_until.max(at);
}

/// Outage time goes on to `at`.
fn count_outage(state: &mut TargetState, spec: &TargetSpec, at: Timestamp) {
    if state.outage_until != NEVER && spec.always_on && counts(state, spec) {
        let passed = at.since(state.outage_until);
        state.outage_micros = state.outage_micros.saturating_add(micros(passed));
    }
    state.outage_until = state.outage_until.max(at);
}

/// An outage has been confirmed that began at `began`; it lasts until the newest failure at least.
fn count_outage_from(state: &mut TargetState, spec: &TargetSpec, began: Timestamp) {
    if !state.state.is_out() {
        state.outage_until = began;
        if spec.always_on && counts(state, spec) && state.incident.is_none() {
            state.outages = state.outages.saturating_add(1);
        }
    }
    let until = state.last_bad_at;
    count_outage(state, spec, until);
}

/// Maintenance and exempt time are left out of the sums.
fn counts(state: &TargetState, spec: &TargetSpec) -> bool {
    !state.maintenance && !spec.exempt
}

fn micros(span: crate::model::Span) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

impl TargetState {
    /// Enters another state at `at`, not before the present one began (trap 24).
    pub(crate) fn enter(&mut self, to: State, at: Timestamp, reason: Option<Reason>, moves: &mut Vec<Move>) {
        let from = self.state;
        self.settle();
        if from == to {
            return;
        }
        self.state = to;
        self.reason.clone_from(&reason);
        self.since = at.max(self.since);
        if to.is_online() {
            self.root = None;
            self.own_cause = false;
            if !from.is_online() {
                self.averages = super::degrade::Averages::default();
                self.fresh_after = NEVER;
            }
        } else if to == State::Unknown {
            self.root = None;
        }
        moves.push(Move::Changed {
            from,
            to,
            at: self.since,
            reason,
        });
    }

    /// Nothing leads to it as before: its failures are not its own.
    fn stay_unreachable(&mut self, root: TargetId, moves: &mut Vec<Move>) {
        self.failures = 0;
        self.failure_reason = None;
        self.unanswered_since = NEVER;
        self.held_since = NEVER;
        self.put_off_since = NEVER;
        self.attach(root, moves);
    }

    /// It is unreachable because of `root`.
    fn attach(&mut self, root: TargetId, moves: &mut Vec<Move>) {
        if self.root != Some(root) {
            self.root = Some(root);
            moves.push(Move::Rerooted);
        }
    }
}
