//! Parents: whose fault is it? (design §3.2, trap 19)
//!
//! The parents of a target are alternatives. Asked about a failure, they say:
//! 1. *clear*: there is none, or one of them is online, has answered at or after
//!    the target's last failure and has not failed itself since the first;
//! 2. *back*: one of them is online and answers, but was not there all the time:
//!    the failures so far may have been its own, and new ones must be seen;
//! 3. *out*: all of them are down or unreachable, and none is coming back;
//! 4. *waiting*: none of these. A parent that is itself suspected holds its children.

use super::state::TargetState;
use crate::model::TargetId;
use crate::model::Timestamp;

/// What the parents say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paths {
    /// Some path is there, or none is needed.
    Clear,
    /// A path is there, since then; it was not all the time.
    Back {
        /// When the parent answered.
        since: Timestamp,
    },
    /// No path is there.
    Out {
        /// The target at fault: the root of the path that went last.
        root: TargetId,
        /// When the last path went.
        since: Timestamp,
    },
    /// Not known yet. What to hold for true when nobody may wait any longer:
    Waiting {
        /// Some parent is held to be online, though not freshly.
        any_online: bool,
        /// The root of a path that is out, if any is.
        out: Option<TargetId>,
    },
}

/// Whose outage makes the children of this one unreachable.
fn root_of(id: TargetId, state: &TargetState) -> TargetId {
    if state.own_cause {
        id
    } else {
        state.root.unwrap_or(id)
    }
}

/// Asks the parents about failures from `first` to `last`.
pub fn paths<'a>(
    parents: impl Iterator<Item = (TargetId, &'a TargetState)>,
    first: Timestamp,
    last: Timestamp,
) -> Paths {
    let mut is_empty = true;
    let mut is_waiting = false;
    let mut any_online = false;
    let mut back = None;
    let mut last_out: Option<(Timestamp, TargetId)> = None;
    for (id, state) in parents {
        is_empty = false;
        if state.is_good_since(last) {
            if state.last_bad_at < first {
                return Paths::Clear;
            }
            back = back.max(Some(state.last_reply_at));
        } else if state.is_out() {
            last_out = last_out.max(Some((state.since, root_of(id, state))));
        } else {
            is_waiting = true;
            any_online |= state.state.is_online();
            // One that may be coming back is still out until that is confirmed.
            if state.state.is_out() {
                last_out = last_out.max(Some((state.since, root_of(id, state))));
            }
        }
    }
    if is_empty {
        return Paths::Clear;
    }
    if let Some(since) = back {
        return Paths::Back { since };
    }
    match last_out {
        Some((since, root)) if !is_waiting => Paths::Out { root, since },
        _ => Paths::Waiting {
            any_online,
            out: last_out.map(|(_, root)| root),
        },
    }
}
