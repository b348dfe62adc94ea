//! A configuration becomes an [`Installation`]: at the start and at a reload.
//!
//! Everything is built and checked before anything changes; a fault leaves the
//! old configuration in force.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;

use arc_swap::ArcSwap;
use tokio::sync::mpsc;
use tokio::sync::oneshot;

use super::StartError;
use super::core::Command;
use super::core::Installation;
use super::looks::Targets;
use super::network;
use super::parts;
use super::parts::Plugins;
use crate::alert::sender::Directory;
use crate::alert::sender::Sender;
use crate::clock::SharedClock;
use crate::config;
use crate::config::model::Config;
use crate::config::secret::Env;
use crate::inventory::Inventory;
use crate::metrics::Meters;
use crate::model::TargetId;
use crate::model::TargetKey;
use crate::monitor::Snapshot;
use crate::monitor::Topology;
use crate::probe::snmp::poll::Poller;
use crate::store::Store;
use crate::web;

/// Brings the inventory on record and builds everything that follows from it. Blocks.
pub(super) fn prepare(
    mut config: Config,
    plugins: &Plugins,
    store: &Store,
    clock: &SharedClock,
) -> Result<Installation, StartError> {
    let wall = clock.wall();
    let synced = store.sync_inventory(&config.inventory, wall)?;
    // What was declared is a part of it: it is not kept beside it.
    let inventory = Arc::new(synced.inventory);
    config.inventory = Arc::clone(&inventory);
    build(
        Arc::new(config),
        plugins,
        inventory,
        Arc::new(synced.index),
        clock,
    )
}

fn build(
    config: Arc<Config>,
    plugins: &Plugins,
    inventory: Arc<Inventory>,
    index: Arc<std::collections::BTreeMap<TargetKey, TargetId>>,
    clock: &SharedClock,
) -> Result<Installation, StartError> {
    let gateways: Vec<_> = network::default_routes().into_iter().map(|r| r.gateway).collect();
    let settings = config.monitor_settings(network::nearby(), !gateways.is_empty());
    let self_check = config.polling.self_check.clone().unwrap_or(gateways);
    let today = parts::today(&config, clock.wall());
    // Neither needs the other.
    let (topology, targets) = std::thread::scope(|scope| {
        let building = scope.spawn(|| Topology::build(Arc::clone(&inventory), &index, &settings, today));
        let targets = Targets::build(&config, plugins, &settings, &inventory, &index);
        (building.join(), targets)
    });
    let topology = topology.map_err(|_panic| StartError::System {
        what: "building the topology",
        source: std::io::Error::other("its thread broke off"),
    })??;
    Ok(Installation {
        config,
        inventory,
        index,
        settings,
        topology,
        targets,
        self_check,
    })
}

/// What a reload needs.
#[derive(Clone)]
pub(super) struct Running {
    pub(super) path: PathBuf,
    pub(super) env: Env,
    pub(super) notice: Option<web::Notice>,
    pub(super) clock: SharedClock,
    pub(super) store: Arc<Store>,
    pub(super) poller: Arc<Poller>,
    pub(super) meters: Arc<Meters>,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) config: Arc<ArcSwap<Config>>,
    pub(super) directory: Arc<ArcSwap<Directory>>,
    pub(super) settings: Arc<ArcSwap<web::Settings>>,
    /// One reload at a time.
    pub(super) reloading: Arc<tokio::sync::Mutex<()>>,
    /// Told when a reload has changed how the record is copied.
    pub(super) backup_changed: Arc<tokio::sync::Notify>,
}

impl Running {
    /// The loop that tells people.
    pub(super) fn sender(&self, snapshot: &Arc<ArcSwap<Snapshot>>) -> Sender {
        Sender {
            writer: self.store.writer().clone(),
            readers: self.store.readers().clone(),
            clock: Arc::clone(&self.clock),
            directory: Arc::clone(&self.directory),
            snapshot: Arc::clone(snapshot),
            counts: Arc::new(Mutex::default()),
        }
    }

    pub(super) fn reload_callback(&self) -> web::Reload {
        let running = self.clone();
        Arc::new(move || {
            let running = running.clone();
            Box::pin(async move { running.reload().await.map_err(|e| describe(&e)) })
        })
    }

    /// Builds everything of the new configuration, swaps it in, or refuses and keeps the old.
    pub(super) async fn reload(&self) -> Result<(), StartError> {
        let _one = self.reloading.lock().await;
        let result = self.reload_now().await;
        super::memory::give_back_later(self.store.writer().clone());
        self.meters.config_reloaded(result.is_ok(), self.clock.wall());
        match &result {
            Ok(()) => tracing::info!("the configuration was reloaded"),
            Err(error) => {
                tracing::error!("the new configuration was refused, the old one stays in force: {error}");
            }
        }
        result
    }

    async fn reload_now(&self) -> Result<(), StartError> {
        let running = self.clone();
        let (installation, plugins) = tokio::task::spawn_blocking(move || {
            let config =
                config::load::load(&running.path, running.env.clone()).map_err(StartError::Config)?;
            let plugins = Plugins::build(&config).map_err(StartError::Config)?;
            let installation = prepare(config, &plugins, &running.store, &running.clock)?;
            Ok::<_, StartError>((installation, plugins))
        })
        .await
        .map_err(|e| StartError::System {
            what: "the reload",
            source: std::io::Error::other(e),
        })??;
        let config = Arc::clone(&installation.config);
        let old = self.config.load_full();
        let changes = config::diff::diff(&old, &config);
        if !changes.restart.is_empty() {
            let keys = changes.restart.join(", ");
            tracing::warn!(keys, "these change only at a restart");
        }
        tracing::debug!(?changes, "what the reload changes");
        let (done, wait) = oneshot::channel();
        let command = Command::Install(Box::new(installation), done);
        if self.commands.send(command).await.is_err() || wait.await.is_err() {
            tracing::error!("the core has ended; the new configuration is not in force");
        }
        self.poller.replace_profiles(plugins.profiles);
        self.directory
            .store(Arc::new(parts::directory(&config, plugins.notifiers)));
        self.settings
            .store(Arc::new(parts::web(&config, self.notice.clone())));
        self.config.store(config);
        if changes.upkeep {
            self.backup_changed.notify_one();
        }
        Ok(())
    }
}

/// An error with what caused it, one a line.
fn describe(error: &StartError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str("\nbecause: ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
