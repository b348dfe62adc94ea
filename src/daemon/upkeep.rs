//! Copies of the record, by themselves: one every `backup.interval`.
//!
//! A machine that is never on for long is copied, too: the first look is soon
//! after the start. A change of `backup:` is taken up at once, so that whoever
//! mends the folder sees whether it helped.

use std::sync::Arc;

use tokio::sync::watch;

use super::reload::Running;
use crate::config::Config;
use crate::model::Span;
use crate::model::Timestamp;
use crate::store::backup;
use crate::store::backup::BackupOptions;

/// How long after the start to look first: polling begins before.
const FIRST: Span = Span::from_secs(5);

/// How often to look whether a copy is due.
const LOOK: Span = Span::from_secs(60);

/// How long to wait after a copy that failed.
const AFTER_FAILURE: Span = Span::from_secs(3600);

/// Makes a copy whenever one is due, until told to stop.
pub(super) async fn copy(running: Running, mut stopping: watch::Receiver<bool>) {
    let mut not_before = Timestamp::MIN;
    let mut wait = FIRST;
    loop {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = running.backup_changed.notified() => not_before = Timestamp::MIN,
            // Whoever would tell has gone: that is a stop, too.
            _ = stopping.changed() => return,
        }
        wait = LOOK;
        let now = running.clock.wall();
        let config = running.config.load_full();
        if now < not_before || !is_due(&config, now) {
            continue;
        }
        let began = running.clock.mono();
        let clock = Arc::clone(&running.clock);
        let copying = tokio::task::spawn_blocking(move || match &config.backup.directory {
            Some(folder) => {
                let options = BackupOptions {
                    folder: folder.clone(),
                    keep: config.backup.keep,
                };
                backup::run(&config.database, &options, &*clock).map(Some)
            }
            None => Ok(None),
        });
        match copying.await {
            Ok(Ok(Some(copied))) => {
                let took = running.clock.mono().since(began);
                running.meters.db_backup_duration.set(took);
                tracing::info!(path = %copied.path.display(), bytes = copied.bytes, ?took, "copied the record");
            }
            Ok(Ok(None)) => {}
            Ok(Err(error)) => {
                let cause = std::error::Error::source(&error).map(tracing::field::display);
                tracing::error!(%error, cause, "the record could not be copied; it is tried again in an hour");
                not_before = now.plus(AFTER_FAILURE);
                running.meters.db_backup_failures.inc();
            }
            Err(error) => {
                tracing::error!(%error, "copying the record broke off; it is tried again in an hour");
                not_before = now.plus(AFTER_FAILURE);
                running.meters.db_backup_failures.inc();
            }
        }
    }
}

/// Whether the newest copy is older than the interval, by the copies that are there.
fn is_due(config: &Config, now: Timestamp) -> bool {
    let Some(folder) = &config.backup.directory else {
        return false;
    };
    match backup::list(&config.database, folder) {
        Ok(copies) => copies
            .last()
            .is_none_or(|(at, _)| now.since(*at) >= config.backup.interval),
        // Copying will say what is wrong with the folder.
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load_text;
    use crate::config::secret::Env;

    #[test]
    fn a_copy_is_due_when_the_newest_is_older_than_the_interval() {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "database: {0}/tramgac.db\nbackup: {{directory: {0}/copies, interval: 24h}}",
            folder.path().display()
        );
        let config = load_text("test", &text, Env::default()).unwrap();
        let noon = Timestamp::from_secs(1_000_000_000);
        assert!(is_due(&config, noon), "there is none yet");
        let none = load_text("test", "", Env::default()).unwrap();
        assert!(!is_due(&none, noon), "none are wanted");
    }
}
