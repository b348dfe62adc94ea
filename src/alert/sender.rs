//! The outbox loop: sends what is committed, at least once, until it is taken
//! or given up.
//!
//! ```text
//! commit ──► due rows ──► Trying (committed) ──► deliver ──► Sent | Failed, next try | Refused
//! ```
//!
//! One receiver's rows go one after the other in their order, so that an end
//! never overtakes its start; receivers do not wait for each other. An attempt
//! is on record before it is made: after a crash it is made once more, at most.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

use arc_swap::ArcSwap;
use jiff::tz::TimeZone;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::kind;
use super::message::About;
use super::message::Message;
use super::message::Notice;
use super::message::Voice;
use super::message::render;
use super::notify::Delivery;
use super::notify::Notifier;
use super::route::Payload;
use crate::clock::SharedClock;
use crate::i18n::Lang;
use crate::i18n::Locale;
use crate::inventory::UnitKind;
use crate::model::IncidentId;
use crate::model::Span;
use crate::model::TargetId;
use crate::model::TargetKind;
use crate::model::Timestamp;
use crate::monitor::Snapshot;
use crate::store::Batch;
use crate::store::Handle;
use crate::store::IncidentRow;
use crate::store::Readers;
use crate::store::outbox::NewMessage;
use crate::store::outbox::OutboxChange;
use crate::store::outbox::OutboxRow;

/// Rows looked at in one turn.
const ROWS: u32 = 500;
/// Longest time between two looks, for rows whose time comes without a commit.
const LOOK: Span = Span::from_secs(5);
/// First wait after a failed attempt; doubles up to [`MAX_WAIT`].
const FIRST_WAIT: Span = Span::from_secs(10);
/// Longest wait between two attempts.
const MAX_WAIT: Span = Span::from_secs(600);
/// Longest attempt, whatever the notifier does.
const ATTEMPT: Span = Span::from_secs(40);

/// What may change at a reload.
pub struct Directory {
    /// The ways out, by the names of the configuration.
    pub receivers: BTreeMap<String, Receiver>,
    /// Whose equipment it is.
    pub organization: String,
    /// Where the page is.
    pub external_url: Option<String>,
    /// Times are of this zone.
    pub timezone: TimeZone,
    /// Kinds of unit that make an area.
    pub area_kind: Vec<UnitKind>,
    /// How often an outage that lasts is told again; `None`: never.
    pub repeat_interval: Option<Span>,
    /// How long a row is tried.
    pub give_up_after: Span,
}

/// One way out.
pub struct Receiver {
    /// The word of its kind.
    pub kind: String,
    /// Language of its messages.
    pub lang: Lang,
    /// Delivers.
    pub notifier: Box<dyn Notifier>,
}

/// What was sent and what was not, by kind of channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChannelCounts {
    /// Attempts.
    pub attempts: u64,
    /// Messages given up or refused.
    pub failures: u64,
}

/// Sends what is committed.
#[derive(Clone)]
pub struct Sender {
    /// Writes what became of the rows.
    pub writer: Handle,
    /// Reads the rows.
    pub readers: Readers,
    /// Tells the time.
    pub clock: SharedClock,
    /// Who can be told.
    pub directory: Arc<ArcSwap<Directory>>,
    /// Names of targets.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    /// What was sent so far.
    pub counts: Arc<Mutex<BTreeMap<String, ChannelCounts>>>,
}

impl Sender {
    /// Works until `stop` says so; what is under way then is finished or tried again after the restart.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut committed = self.writer.committed();
        let mut busy: BTreeSet<String> = BTreeSet::new();
        let mut under_way: JoinSet<String> = JoinSet::new();
        while !*stop.borrow() {
            self.begin(&mut busy, &mut under_way).await;
            tokio::select! {
                changed = stop.changed() => if changed.is_err() { break },
                changed = committed.changed() => if changed.is_err() { break },
                () = tokio::time::sleep(LOOK) => {}
                Some(done) = under_way.join_next(), if !under_way.is_empty() => match done {
                    Ok(receiver) => { busy.remove(&receiver); }
                    Err(error) => {
                        tracing::error!(%error, "a delivery ended in a fault");
                        busy.clear();
                    }
                },
            }
        }
    }

    /// Starts a task for each receiver that has rows due and none under way.
    async fn begin(&self, busy: &mut BTreeSet<String>, under_way: &mut JoinSet<String>) {
        let now = self.clock.wall();
        let rows = match self.readers.read(move |r| r.outbox_waiting(ROWS)).await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::error!(%error, "can't read the outbox");
                return;
            }
        };
        for (receiver, rows) in due(rows, now) {
            if busy.insert(receiver.clone()) {
                let sender = self.clone();
                under_way.spawn(async move {
                    sender.deliver_all(rows).await;
                    receiver
                });
            }
        }
    }

    /// Delivers one receiver's rows in their order, up to the first that has to wait.
    async fn deliver_all(&self, rows: Vec<OutboxRow>) {
        for row in rows {
            if !self.deliver(&row).await {
                return;
            }
        }
    }

    /// Whether the next row may follow.
    async fn deliver(&self, row: &OutboxRow) -> bool {
        let directory = self.directory.load_full();
        let Some(receiver) = directory.receivers.get(&row.receiver) else {
            let error = format!("the receiver {} is not in the configuration", row.receiver);
            return self
                .record(vec![OutboxChange::Refused {
                    id: row.id,
                    at: self.clock.wall(),
                    error,
                }])
                .await;
        };
        let notice = match self.notice(row).await {
            Ok(Some(notice)) => notice,
            Ok(None) => {
                return self
                    .record(vec![OutboxChange::CancelRow {
                        id: row.id,
                        at: self.clock.wall(),
                    }])
                    .await;
            }
            Err(error) => {
                tracing::error!(%error, "can't read what a message is about");
                return false;
            }
        };
        if !self
            .record(vec![OutboxChange::Trying {
                id: row.id,
                at: self.clock.wall(),
            }])
            .await
        {
            return false;
        }
        let message = self.render(&notice, receiver.lang, &directory);
        self.count(&receiver.kind, |c| c.attempts += 1);
        let delivery = tokio::time::timeout(ATTEMPT, receiver.notifier.deliver(&message))
            .await
            .unwrap_or_else(|_| Delivery::retry(format!("no end after {} s", ATTEMPT.as_secs())));
        let now = self.clock.wall();
        let delivered = delivery == Delivery::Delivered;
        let changes = outcome(row, delivery, &directory, now);
        for change in &changes {
            if let OutboxChange::Sent { .. } = change {
                tracing::info!(receiver = row.receiver, row = row.id.0, kind = row.kind, "sent");
            } else if let OutboxChange::Failed { error, .. } = change {
                tracing::warn!(
                    receiver = row.receiver,
                    row = row.id.0,
                    error,
                    "not sent, will be tried again"
                );
            } else if let OutboxChange::Refused { error, .. } = change {
                self.count(&receiver.kind, |c| c.failures += 1);
                tracing::error!(receiver = row.receiver, row = row.id.0, error, "given up");
            }
        }
        self.record(changes).await && delivered
    }

    fn count(&self, kind: &str, change: impl FnOnce(&mut ChannelCounts)) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        change(counts.entry(kind.to_owned()).or_default());
    }

    /// Commits changes of the outbox; whether that worked.
    async fn record(&self, outbox: Vec<OutboxChange>) -> bool {
        let batch = Batch {
            outbox,
            ..Batch::default()
        };
        match self.writer.commit(batch).await {
            Ok(_) => true,
            Err(error) => {
                tracing::error!(%error, "can't record what became of a message");
                false
            }
        }
    }

    /// What a row is about; `None` if it is of no interest any more.
    async fn notice(&self, row: &OutboxRow) -> crate::store::Result<Option<Notice>> {
        let ids = row.incidents.clone();
        let incidents: Vec<IncidentRow> = self
            .readers
            .read(move |r| {
                let mut found = Vec::with_capacity(ids.len());
                for id in ids {
                    found.extend(r.incident(id)?);
                }
                Ok(found)
            })
            .await?;
        Ok(notice(row, &incidents, |target| self.about(target)))
    }

    fn render(&self, notice: &Notice, lang: Lang, directory: &Directory) -> Message {
        let voice = Voice {
            locale: Locale::new(lang, directory.timezone.clone()),
            lang,
            organization: directory.organization.clone(),
            external_url: directory.external_url.clone(),
        };
        render(notice, &voice, self.clock.wall())
    }

    fn about(&self, target: TargetId) -> About {
        let snapshot = self.snapshot.load();
        let Some(view) = snapshot.target(target) else {
            return About {
                kind: TargetKind::Device,
                id: target.0.to_string(),
                name: target.to_string(),
                class: String::new(),
                site: None,
                area: None,
            };
        };
        let directory = self.directory.load();
        let today = Locale::new(Lang::Vi, directory.timezone.clone()).day(self.clock.wall());
        About::of(&snapshot.inventory, &view.key, &directory.area_kind, today)
            .unwrap_or_else(|| About::nameless(&view.key))
    }
}

/// The rows that may go now, by receiver, in their order. A receiver whose
/// last attempt failed is left alone until its next.
fn due(rows: Vec<OutboxRow>, now: Timestamp) -> BTreeMap<String, Vec<OutboxRow>> {
    let waiting: BTreeSet<String> = rows
        .iter()
        .filter(|r| r.attempts > 0 && r.next_try_at > now)
        .map(|r| r.receiver.clone())
        .collect();
    let mut found: BTreeMap<String, Vec<OutboxRow>> = BTreeMap::new();
    for row in rows {
        if row.next_try_at <= now && !waiting.contains(&row.receiver) {
            found.entry(row.receiver.clone()).or_default().push(row);
        }
    }
    for rows in found.values_mut() {
        rows.sort_by_key(|r| r.id);
    }
    found
}

/// What a row is about; `None` if it is of no interest any more.
fn notice(row: &OutboxRow, incidents: &[IncidentRow], about: impl Fn(TargetId) -> About) -> Option<Notice> {
    let payload: Payload = serde_json::from_str(&row.payload).unwrap_or_default();
    let own = row.incident.and_then(|id| incidents.iter().find(|i| i.id == id));
    if row.kind == kind::LASTS && own.is_none_or(|i| i.ended_at.is_some() || i.ack.is_some()) {
        return None;
    }
    let consequences = incidents.iter().filter(|i| Some(i.id) != row.incident);
    let started_at = own.map(|i| i.started_at).or(payload.at).unwrap_or(row.created_at);
    let ended_at = match row.kind.as_str() {
        kind::CLOSED => own.and_then(|i| i.ended_at),
        kind::SEEING => Some(row.created_at),
        _ => None,
    };
    Some(Notice {
        kind: row.kind.clone(),
        id: row.id.0,
        incident: row.incident,
        subject: own.map(|i| i.target).or(payload.target).map(&about),
        started_at,
        ended_at,
        reason: own.map(|i| i.reason.clone()),
        affected: if row.kind == kind::CLOSED {
            Vec::new()
        } else {
            consequences.map(|i| about(i.target).name).collect()
        },
        due_at: row.due_at,
        receiver: row.receiver.clone(),
    })
}

/// What an attempt changes in the outbox.
fn outcome(row: &OutboxRow, delivery: Delivery, directory: &Directory, now: Timestamp) -> Vec<OutboxChange> {
    let id = row.id;
    match delivery {
        Delivery::Delivered => {
            let mut changes = vec![OutboxChange::Sent { id, at: now }];
            if let (Some(every), Some(incident)) = (directory.repeat_interval, row.incident)
                && matches!(row.kind.as_str(), kind::OPENED | kind::LASTS)
            {
                changes.push(OutboxChange::Insert(reminder(
                    row,
                    incident,
                    now.plus(every),
                    now,
                )));
            }
            changes
        }
        Delivery::Refused { why } => vec![OutboxChange::Refused {
            id,
            at: now,
            error: why,
        }],
        Delivery::Retry { why, .. }
            if now.since(row.due_at.max(row.created_at)) >= directory.give_up_after =>
        {
            let error = format!(
                "given up after {} attempts: {why}",
                row.attempts.saturating_add(1)
            );
            vec![OutboxChange::Refused { id, at: now, error }]
        }
        Delivery::Retry { after, why } => {
            let wait = FIRST_WAIT.saturating_mul(1 << row.attempts.min(10)).min(MAX_WAIT);
            vec![OutboxChange::Failed {
                id,
                next_try_at: now.plus(after.unwrap_or(wait)),
                error: why,
            }]
        }
    }
}

fn reminder(row: &OutboxRow, incident: IncidentId, due_at: Timestamp, now: Timestamp) -> NewMessage {
    NewMessage {
        receiver: row.receiver.clone(),
        kind: kind::LASTS.to_owned(),
        incident: Some(incident),
        due_at,
        created_at: now,
        payload: row.payload.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::outbox::OutboxId;

    fn row(id: i64, attempts: u32, next: i64) -> OutboxRow {
        OutboxRow {
            id: OutboxId(id),
            receiver: "thu".to_owned(),
            kind: kind::OPENED.to_owned(),
            incident: Some(IncidentId(7)),
            incidents: vec![IncidentId(7)],
            payload: String::new(),
            created_at: Timestamp::from_secs(100),
            due_at: Timestamp::from_secs(160),
            attempts,
            tried_at: None,
            next_try_at: Timestamp::from_secs(next),
            error: None,
            sent_at: None,
            refused_at: None,
            cancelled_at: None,
        }
    }

    fn directory(repeat: Option<Span>) -> Directory {
        Directory {
            receivers: BTreeMap::new(),
            organization: String::new(),
            external_url: None,
            timezone: TimeZone::UTC,
            area_kind: Vec::new(),
            repeat_interval: repeat,
            give_up_after: Span::from_secs(86_400),
        }
    }

    // trap 22: the server is away at the start, back at the end: both come, in order
    #[test]
    fn an_end_never_overtakes_a_start_that_waits_for_its_next_attempt() {
        let now = Timestamp::from_secs(200);
        assert!(due(vec![row(2, 0, 200), row(1, 3, 400)], now).is_empty());
        let both = due(vec![row(2, 0, 200), row(1, 3, 200)], now);
        assert_eq!(both["thu"].iter().map(|r| r.id.0).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn a_row_whose_time_has_not_come_holds_no_other_back() {
        let found = due(vec![row(1, 0, 400), row(2, 0, 200)], Timestamp::from_secs(200));
        assert_eq!(found["thu"].len(), 1);
    }

    #[test]
    fn waits_grow_are_bounded_and_end_by_giving_up() {
        let wait = |attempts, now| match outcome(
            &row(1, attempts, 0),
            Delivery::retry("x"),
            &directory(None),
            Timestamp::from_secs(now),
        )
        .as_slice()
        {
            [OutboxChange::Failed { next_try_at, .. }] => Some(next_try_at.as_secs() - now),
            [OutboxChange::Refused { .. }] => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(wait(0, 200), Some(10));
        assert_eq!(wait(3, 200), Some(80));
        assert_eq!(wait(50, 200), Some(600));
        assert_eq!(wait(50, 200 + 86_400), None);
    }

    #[test]
    fn a_start_that_was_sent_is_repeated_while_it_lasts() {
        let changes = outcome(
            &row(1, 0, 0),
            Delivery::Delivered,
            &directory(Some(Span::from_secs(3600))),
            Timestamp::from_secs(200),
        );
        assert!(matches!(
            changes.as_slice(),
            [OutboxChange::Sent { .. }, OutboxChange::Insert(m)]
            if m.kind == kind::LASTS && m.due_at == Timestamp::from_secs(3800)
        ));
    }
}
