//! Builds everything that a daemon is made of, in the order in which each fault
//! is told before anything was changed.

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::net::TcpListener;
use tokio::net::UnixListener;
use tokio::sync::broadcast;
use tokio::sync::mpsc;

use super::OpenSocket;
use super::StartError;
use super::Startup;
use super::asking::Asking;
use super::control;
use super::core::Core;
use super::core::Inbox;
use super::core::Installation;
use super::core::Past;
use super::core::Surroundings;
use super::habits;
use super::parts;
use super::parts::Plugins;
use super::past;
use super::reload;
use super::reload::Running;
use super::signal::Signals;
use super::stages::Stages;
use super::system_socket;
use crate::clock::SharedClock;
use crate::config;
use crate::config::model::Config;
use crate::metrics::Meters;
use crate::model::Event;
use crate::model::Timestamp;
use crate::monitor::Snapshot;
use crate::probe::icmp;
use crate::probe::icmp::worker;
use crate::probe::icmp::worker::Seed;
use crate::probe::snmp;
use crate::probe::snmp::client::Client;
use crate::probe::snmp::habits::Habits;
use crate::probe::snmp::poll::Poller;
use crate::store;
use crate::store::Store;
use crate::web;

/// Events that a slow listener may lag behind before it misses some.
const EVENTS: usize = 1_024;

/// Results of slow looks that may wait for the core.
const DONE: usize = 1_024;

/// Commands that may wait for the core.
const COMMANDS: usize = 64;

/// Everything that a daemon is made of, built and not yet at work.
pub(super) struct Built {
    pub(super) listener: TcpListener,
    pub(super) address: SocketAddr,
    pub(super) control: UnixListener,
    pub(super) signals: Signals,
    pub(super) core: Core,
    pub(super) inbox: Inbox,
    pub(super) running: Running,
    pub(super) snapshot: Arc<ArcSwap<Snapshot>>,
    pub(super) events: broadcast::Sender<Arc<Event>>,
}

pub(super) async fn build(startup: Startup) -> Result<Built, StartError> {
    let Startup {
        config: path,
        read,
        env,
        clock,
        socket,
        notice,
        ready: _,
    } = startup;
    let mut stages = Stages::new(&clock);
    let config = read.map_or_else(|| config::load::load(&path, env.clone()), Ok);
    let config = config.map_err(StartError::Config)?;
    stages.done("configuration");
    let plugins = Plugins::build(&config).map_err(StartError::Config)?;
    stages.done("plugins");
    let (listener, address) = listen(&config).await?;
    let signals = Signals::new()?;
    let opened = Store::open(&config.database, &parts::record(&config), Arc::clone(&clock))?;
    let control = control::open(&config.database)?;
    opened.salvaged.iter().for_each(tell_of_salvage);
    let store = Arc::new(opened.store);
    stages.done("record");
    let prepare = || reload::prepare(config, &plugins, &store, &clock);
    let (past, habits, installation) = read_and_prepare(&store, opened.alive_at, prepare)?;
    let config = Arc::clone(&installation.config);
    stages.done("inventory and states");
    let needed = installation.targets.echo_rate(config.polling.count);
    let (icmp, bursts) = start_icmp(parts::icmp(&config, needed), socket, &clock)?;
    let poller = start_snmp(&plugins, &clock)?;
    poller.remember(habits).await;

    let snapshot = Arc::new(ArcSwap::from_pointee(Snapshot::empty(clock.wall())));
    let meters = meters(icmp.facts().receive_buffer, &clock);
    let (events, _) = broadcast::channel(EVENTS);
    let (done_in, done) = mpsc::channel(DONE);
    let (commands, orders) = mpsc::channel(COMMANDS);
    let around = Surroundings {
        clock: Arc::clone(&clock),
        meters: Arc::clone(&meters),
        icmp,
        asking: Asking::new(
            done_in,
            Arc::clone(&poller),
            config.snmp.max_devices,
            Arc::clone(&clock),
        ),
        writer: store.writer().clone(),
        snapshot: Arc::clone(&snapshot),
        events: events.clone(),
    };
    let inbox = Inbox {
        bursts,
        done,
        commands: orders,
        committed: store.committed(),
    };
    let running = Running {
        path,
        env,
        notice: notice.clone(),
        clock,
        store,
        poller,
        meters,
        commands,
        directory: Arc::new(ArcSwap::from_pointee(parts::directory(
            &config,
            plugins.notifiers,
        ))),
        settings: Arc::new(ArcSwap::from_pointee(parts::web(&config, notice))),
        config: Arc::new(ArcSwap::from(config)),
        reloading: Arc::default(),
        backup_changed: Arc::default(),
    };
    let core = Core::new(around, installation, past);
    stages.done("core");
    Ok(Built {
        listener,
        address,
        control,
        signals,
        core,
        inbox,
        running,
        snapshot,
        events,
    })
}

/// Reads what was before, while the inventory goes on record: neither needs the other.
fn read_and_prepare(
    store: &Store,
    alive_at: Option<Timestamp>,
    prepare: impl FnOnce() -> Result<Installation, StartError>,
) -> Result<(Past, Habits, Installation), StartError> {
    let (before, installation) = std::thread::scope(|scope| {
        let read = |reader: &store::Reader| Ok((past::read(reader, alive_at)?, habits::read(reader)?));
        let reading = scope.spawn(move || store.readers().with(read));
        let installation = prepare();
        (reading.join(), installation)
    });
    let (past, habits) = before.map_err(|_panic| StartError::System {
        what: "reading the record",
        source: std::io::Error::other("its thread broke off"),
    })??;
    Ok((past, habits, installation?))
}

/// Says what became of a record that was damaged.
pub(super) fn tell_of_salvage(salvaged: &store::Salvaged) {
    tracing::error!(
        what = salvaged.what,
        set_aside = %salvaged.set_aside.display(),
        backup = salvaged.backup.as_ref().map(|p| p.display().to_string()),
        holds_until_unix = salvaged.alive_at.map(Timestamp::as_secs),
        "the record was damaged and was set aside; what came after the backup is missing"
    );
}

fn start_snmp(plugins: &Plugins, clock: &SharedClock) -> Result<Arc<Poller>, StartError> {
    let options = snmp::transport::Options::default();
    let client = Client::new(&options, Arc::clone(clock)).map_err(StartError::Snmp)?;
    let profiles = Arc::clone(&plugins.profiles);
    Ok(Arc::new(Poller::new(client, profiles, Arc::clone(clock))))
}

fn start_icmp(
    options: icmp::Options,
    socket: Option<OpenSocket>,
    clock: &SharedClock,
) -> Result<(worker::Handle, worker::Results), StartError> {
    let seed = Seed::random()?;
    let open = socket.unwrap_or_else(|| Box::new(system_socket));
    let echo = open(seed, Arc::clone(clock))?;
    let (icmp, bursts) = worker::spawn(options, seed, echo, Arc::clone(clock))?;
    tracing::info!(
        mode = icmp.facts().mode.as_str(),
        buffer = icmp.facts().receive_buffer,
        "pinging"
    );
    Ok((icmp, bursts))
}

/// The meters, with what is known at the start.
fn meters(receive_buffer: usize, clock: &SharedClock) -> Arc<Meters> {
    let meters = Meters::default();
    meters
        .icmp_receive_buffer
        .set(u64::try_from(receive_buffer).unwrap_or(u64::MAX));
    meters.config_reloaded(true, clock.wall());
    Arc::new(meters)
}

async fn listen(config: &Config) -> Result<(TcpListener, SocketAddr), StartError> {
    let anonymous = if config.web.allow_anonymous {
        web::AllowAnonymous::Read
    } else {
        web::AllowAnonymous::No
    };
    let address = config.web.listen;
    web::may_bind(address, anonymous)?;
    let fault = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(fault)?;
    let address = listener.local_addr().map_err(fault)?;
    Ok((listener, address))
}
