//! The only place that joins the parts: has them built ([`build`]), starts them, stops them.
//!
//! Order of the start, so that each fault is told before anything was changed:
//! configuration, plugins, listening socket, record, ICMP, SNMP, inventory,
//! core, web, sender; then systemd is told that we are ready.

pub mod asking;
mod build;
pub mod by_hand;
pub mod control;
pub mod core;
mod desk;
pub mod exposition;
mod figures;
mod habits;
pub mod looks;
mod memory;
pub mod network;
pub mod offline;
pub mod parts;
mod past;
pub mod presence;
mod record_health;
mod reload;
mod signal;
mod stages;
pub mod systemd;
mod upkeep;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::core::Command;
use self::core::Core;
use self::core::Inbox;
use self::exposition::Exposition;
use self::exposition::Sums;
use self::figures::Figures;
use crate::clock::SharedClock;
use crate::config::model::Config;
use crate::config::problem::Problems;
use crate::config::secret::Env;
use crate::metrics::Selection;
use crate::model::Span;
use crate::monitor::topology::Cycle;
use crate::probe::icmp::raw::SocketOptions;
use crate::probe::icmp::raw::SystemSocket;
use crate::probe::icmp::socket::EchoSocket;
use crate::probe::icmp::socket::SetupError;
use crate::probe::icmp::worker::Seed;
use crate::probe::snmp;
use crate::store;
use crate::web;

/// Longest wait for the core to stop: for the disk, and a little more.
const STOP: Span = core::LAST.saturating_add(Span::from_secs(2));

/// Why the daemon could not start, or a reload was refused.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration has mistakes.
    #[error("{0}")]
    Config(Problems),
    /// The web may not listen there.
    #[error(transparent)]
    Bind(#[from] web::BindRefused),
    /// The web can't listen there.
    #[error("can't listen on {address}: another program may use this port; choose another `web.listen`")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The control socket can't be made.
    #[error("can't make the control socket {path}")]
    Control {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The record can't be used.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Nothing can be pinged.
    #[error(transparent)]
    Icmp(#[from] SetupError),
    /// Nothing can be asked over SNMP.
    #[error("SNMP can't be started")]
    Snmp(#[source] snmp::transport::SetupError),
    /// Parents run in a circle.
    #[error(transparent)]
    Cycle(#[from] Cycle),
    /// The system refuses what every program needs.
    #[error("can't start {what}")]
    System {
        /// What.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

impl StartError {
    /// Whether the configuration is to blame (exit code 2), not the machine (3).
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Config(_) | Self::Bind(_) | Self::Cycle(_))
    }
}

/// Opens the socket of the ICMP engine; the lab puts its own in between.
pub type OpenSocket = Box<dyn FnOnce(Seed, SharedClock) -> Result<Box<dyn EchoSocket>, SetupError> + Send>;

/// What a daemon is started with.
pub struct Startup {
    /// The configuration file.
    pub config: PathBuf,
    /// What it says, where that has been read already.
    pub read: Option<Config>,
    /// Variables and secrets.
    pub env: Env,
    /// Tells the time.
    pub clock: SharedClock,
    /// Opens the ICMP socket; `None`: the system's.
    pub socket: Option<OpenSocket>,
    /// A mark at the top of every page.
    pub notice: Option<web::Notice>,
    /// Told once it works, with the address of the page.
    pub ready: Option<oneshot::Sender<SocketAddr>>,
}

/// Opens the system's ICMP socket: raw, else datagram.
///
/// # Errors
/// [`SetupError`]: no permission, with both remedies, or the system refuses.
pub fn system_socket(seed: Seed, clock: SharedClock) -> Result<Box<dyn EchoSocket>, SetupError> {
    Ok(Box::new(SystemSocket::open(
        SocketOptions::new(seed.ident),
        clock,
    )?))
}

/// Runs the daemon until it is told to stop by a signal.
///
/// # Errors
/// Why it could not start. Once it runs, faults are logged and lived with.
pub fn run(startup: Startup) -> Result<(), StartError> {
    memory::save();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("tramgac")
        .build()
        .map_err(|source| StartError::System {
            what: "the runtime",
            source,
        })?;
    runtime.block_on(start(startup))
}

async fn start(mut startup: Startup) -> Result<(), StartError> {
    let ready = startup.ready.take();
    let build::Built {
        listener,
        address,
        control,
        signals,
        core,
        inbox,
        running,
        snapshot,
        events,
    } = build::build(startup).await?;
    let core = start_core(core, inbox)?;
    let sender = running.sender(&snapshot);
    let figures = Figures {
        snapshot: Arc::clone(&snapshot),
        config: Arc::clone(&running.config),
        readers: running.store.readers().clone(),
        clock: Arc::clone(&running.clock),
        sums: Arc::new(ArcSwap::from_pointee(Sums::default())),
        pages: Arc::default(),
    };
    let exposition = Exposition {
        snapshot: Arc::clone(&snapshot),
        config: Arc::clone(&running.config),
        meters: Arc::clone(&running.meters),
        channels: Arc::clone(&sender.counts),
        sums: Arc::clone(&figures.sums),
        clock: Arc::clone(&running.clock),
    };
    let health = Arc::new(web::Health::default());
    let state = web::State {
        snapshot,
        settings: Arc::clone(&running.settings),
        clock: Arc::clone(&running.clock),
        metrics: Arc::new(move |selection: &Selection, sink: &mut dyn FnMut(&[u8])| {
            exposition.write(selection, sink);
        }),
        reload: running.reload_callback(),
        people: by_hand::callback(running.commands.clone(), running.store.readers().clone()),
        health: Arc::clone(&health),
        figures: Arc::clone(&figures.pages),
        record: Some(running.store.readers().clone()),
        events,
    };
    let (stop, stopping) = watch::channel(false);
    let web = tokio::spawn(web::serve(listener, state.clone(), until(stopping.clone())));
    let local = tokio::spawn(web::serve_unix(control, state, until(stopping.clone())));
    let mut duties = JoinSet::new();
    duties.spawn(sender.run(stopping.clone()));
    duties.spawn(upkeep::copy(running.clone(), stopping.clone()));
    duties.spawn(habits::keep(running.clone(), stopping.clone()));
    let telling = record_health::Telling::begin(running.clone(), Arc::clone(&health)).await;
    duties.spawn(telling.run(stopping.clone()));
    duties.spawn(figures.run(stopping));
    health.set_ready(true);
    let page = format!("http://{address}/");
    tracing::info!(page, "ready");
    systemd::ready(&page);
    memory::give_back_later(running.store.writer().clone());
    if ready.is_some_and(|ready| ready.send(address).is_err()) {
        tracing::debug!("the starter has lost interest; the daemon runs all the same");
    }

    signals.wait(&running, &page, core).await;
    systemd::stopping();
    health.set_ready(false);
    stop.send_replace(true);
    stop_core(&running.commands).await;
    // Answers and deliveries under way get what is left of the second.
    let rest = async {
        drop(web.await);
        drop(local.await);
        while duties.join_next().await.is_some() {}
    };
    if tokio::time::timeout(Span::from_millis(500), rest).await.is_err() {
        tracing::debug!("something was still under way at the stop");
    }
    control::remove(running.store.path());
    let store = running.store;
    if tokio::task::spawn_blocking(move || drop(store)).await.is_err() {
        tracing::error!("the record could not be closed in order");
    }
    tracing::info!("stopped");
    Ok(())
}

/// Starts the core on a thread with a scheduler of its own: among the threads of
/// the web each of its wake-ups wakes a second one that finds nothing to do, and
/// a page in the making delays it.
fn start_core(core: Core, inbox: Inbox) -> Result<oneshot::Receiver<()>, StartError> {
    let fault = |source| StartError::System {
        what: "the core",
        source,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .map_err(fault)?;
    let (over, ended) = oneshot::channel::<()>();
    std::thread::Builder::new()
        .name("core".to_owned())
        .spawn(move || {
            // Dropped however the core ends: that is what the waiter sees.
            let _over = over;
            runtime.block_on(core.run(inbox));
        })
        .map_err(fault)?;
    Ok(ended)
}

async fn until(mut stopping: watch::Receiver<bool>) {
    // The sender lives as long as the daemon; its end is a stop as well.
    drop(stopping.wait_for(|stop| *stop).await);
}

async fn stop_core(commands: &mpsc::Sender<Command>) {
    let (done, wait) = oneshot::channel();
    if commands.send(Command::Stop(done)).await.is_err() {
        tracing::error!("the core had ended before the stop");
        return;
    }
    if tokio::time::timeout(STOP, wait).await.is_err() {
        tracing::error!("the core did not stop in time");
    }
}
