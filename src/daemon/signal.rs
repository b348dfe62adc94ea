//! The signals of the system: reload at SIGHUP, stop at SIGTERM and SIGINT.

use tokio::signal::unix::Signal;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;
use tokio::sync::oneshot;

use super::StartError;
use super::reload::Running;
use super::systemd;
use crate::store::Health;

/// The signals of the system.
pub(super) struct Signals {
    hup: Signal,
    term: Signal,
    int: Signal,
}

impl Signals {
    pub(super) fn new() -> Result<Self, StartError> {
        let listen = |kind| {
            signal(kind).map_err(|source| StartError::System {
                what: "signal handling",
                source,
            })
        };
        Ok(Self {
            hup: listen(SignalKind::hangup())?,
            term: listen(SignalKind::terminate())?,
            int: listen(SignalKind::interrupt())?,
        })
    }

    /// Reloads at SIGHUP; returns at SIGTERM, SIGINT, or when the core has died
    /// or the record is damaged.
    pub(super) async fn wait(mut self, running: &Running, page: &str, mut core: oneshot::Receiver<()>) {
        let mut record = running.store.writer().health();
        loop {
            tokio::select! {
                _ = self.term.recv() => return,
                _ = self.int.recv() => return,
                _ = &mut core => {
                    tracing::error!("the core has ended by itself; stopping, so that systemd starts anew");
                    return;
                }
                Ok(()) = record.changed() => {
                    let health = record.borrow_and_update().clone();
                    match health {
                        Health::Good => tracing::info!("the record is written again"),
                        Health::Damaged { what } => {
                            tracing::error!(what, "the record is damaged; stopping, so that the next start takes the last good backup");
                            return;
                        }
                        Health::DiskFull { stuck: false, .. } => {
                            tracing::error!("the disk is full: history is not kept; polling, metrics and alerts go on");
                        }
                        Health::DiskFull { stuck: true, .. } => {
                            tracing::error!("the disk is full: nothing can be written; polling and metrics go on");
                        }
                        Health::Stuck { what } => tracing::error!(what, "the record can't be written; it is tried again"),
                    }
                }
                _ = self.hup.recv() => {
                    systemd::reloading();
                    // Told in the log, and in tramgac_config_last_reload_successful.
                    drop(running.reload().await);
                    systemd::ready(page);
                }
            }
        }
    }
}
