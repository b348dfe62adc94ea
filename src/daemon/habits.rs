//! Keeps what SNMP learned of its agents over a restart: one value among the
//! record's settings, written now and then and at the stop.

use tokio::sync::watch;

use super::reload::Running;
use crate::model::Span;
use crate::probe::snmp::habits::Habits;
use crate::store;
use crate::store::Batch;

/// The setting that holds them.
const SETTING: &str = "snmp.habits";
/// How often they are written, if they changed. They are learned again in a few
/// turns, so that a crash loses little.
const EVERY: Span = Span::from_secs(600);

/// Those on record. What can't be read is learned anew.
pub(super) fn read(reader: &store::Reader) -> store::Result<Habits> {
    let Some(bytes) = reader.setting(SETTING)? else {
        return Ok(Habits::default());
    };
    Ok(serde_json::from_slice(&bytes).unwrap_or_else(|error| {
        tracing::warn!(%error, "what SNMP had learned of its agents can't be read");
        Habits::default()
    }))
}

/// Writes them until told to stop, and then once more.
pub(super) async fn keep(running: Running, mut stopping: watch::Receiver<bool>) {
    let mut written = Habits::default();
    loop {
        let stop = tokio::select! {
            () = tokio::time::sleep(EVERY) => false,
            // Whoever would tell has gone: that is a stop, too.
            _ = stopping.changed() => true,
        };
        let habits = running.poller.habits().await;
        if habits != written {
            match serde_json::to_vec(&habits) {
                Ok(body) => write(&running, body).await,
                Err(error) => tracing::warn!(%error, "what SNMP learned of its agents can't be written"),
            }
            written = habits;
        }
        if stop {
            return;
        }
    }
}

async fn write(running: &Running, body: Vec<u8>) {
    let batch = Batch {
        settings: vec![(SETTING.to_owned(), body)],
        ..Batch::default()
    };
    if let Err(error) = running.store.writer().commit(batch).await {
        tracing::warn!(%error, "what SNMP learned of its agents was not written");
    }
}
