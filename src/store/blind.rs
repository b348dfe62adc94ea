//! When the monitor itself was cut off, from the log.

use rusqlite::Connection;

use super::error::Result;
use super::event;
use super::event::EventFilter;
use super::event::Order;
use crate::model::EventKind;
use crate::model::Timestamp;
use crate::monitor::snapshot::BlindSpan;

/// The times that reach into `from` (inclusive) to `to` (exclusive), newest
/// first, at most `limit`; with the one that lasts.
pub(super) fn spans(
    c: &Connection,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    limit: usize,
) -> Result<Vec<BlindSpan>> {
    let mut spans: Vec<BlindSpan> = Vec::new();
    let newest = EventFilter {
        kinds: vec!["blind_started".to_owned(), "blind_ended".to_owned()],
        limit: Some(1),
        order: Order::NewestFirst,
        ..EventFilter::default()
    };
    event::each(c, &newest, |stored| {
        if stored.event.kind == EventKind::BlindStarted {
            spans.push(BlindSpan {
                started_at: stored.event.at,
                ended_at: None,
            });
        }
        Ok(())
    })?;
    // An end stands at its own time and says when it began.
    let ends = EventFilter {
        kinds: vec!["blind_ended".to_owned()],
        from,
        limit: if to.is_none() {
            u32::try_from(limit).ok()
        } else {
            None
        },
        order: Order::NewestFirst,
        ..EventFilter::default()
    };
    event::each(c, &ends, |stored| {
        if let EventKind::BlindEnded { since } = stored.event.kind {
            spans.push(BlindSpan {
                started_at: since.min(stored.event.at),
                ended_at: Some(stored.event.at),
            });
        }
        Ok(())
    })?;
    spans.retain(|span| to.is_none_or(|to| span.started_at < to));
    spans.truncate(limit);
    Ok(spans)
}
