//! The one owner of all states: observations in, the monitor's judgement,
//! effects out.
//!
//! ```text
//!                     due                       orders, at most one burst a target in flight
//!  schedule::Plan ─────────► core ──────────────────────────────► ICMP thread
//!        ▲                    │ ▲  ◄── bursts (64 batches, else the thread waits) ──┘
//!        │ sooner             │ │  ◄── Done: turns, checks, names (1,024, else the tasks wait)
//!        └── Effects.orders ──┤ │  ◄── Command: people, reload, stop (64, else they wait)
//!                             │ └── monitor::Table (states, incidents, timers)
//!                             ├──► Batch ──► the writer's queue (full: kept here, samples shed)
//!                             └──► Snapshot, at most five times a second; once, if only measured
//! ```
//!
//! Nothing here waits for a disk, a device or a reader.

mod cycles;
mod install;
mod interfaces;
mod people;
mod pings;
mod portion;
mod presence;
mod record;
mod turns;
mod view;
mod who;

pub use install::Installation;
pub use people::Asked;
pub(super) use record::LAST;
pub(super) use view::Seen;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arc_swap::ArcSwap;
use jiff::civil::Date;
use tokio::sync::broadcast;
use tokio::sync::mpsc;
use tokio::sync::oneshot;

use super::asking::Asking;
use super::asking::Done;
use super::asking::Patience;
use super::by_hand::ByHand;
use super::looks::Look;
use super::looks::Names;
use super::looks::Targets;
use super::network;
use super::presence::Sought;
use super::systemd;
use crate::alert::route::Routes;
use crate::clock::SharedClock;
use crate::config::model::Config;
use crate::inventory::Inventory;
use crate::inventory::identity::Register;
use crate::metrics::Meters;
use crate::metrics::process::ProtocolMeter;
use crate::model::Event;
use crate::model::IncidentId;
use crate::model::Mono;
use crate::model::Observation;
use crate::model::Span;
use crate::model::TargetId;
use crate::model::TargetKey;
use crate::model::Timestamp;
use crate::monitor::Effects;
use crate::monitor::Publisher;
use crate::monitor::Settings;
use crate::monitor::Snapshot;
use crate::monitor::Table;
use crate::monitor::publish::Echoes;
use crate::probe::icmp;
use crate::probe::icmp::pace::Subnets;
use crate::probe::icmp::worker;
use crate::schedule::Plan;
use crate::store::Committed;

/// Longest sleep of the core: it shows the watchdog that it lives at least so often.
const NAP: Span = Span::from_millis(250);
/// Shortest sleep of the core: what falls due within it is begun at its end. A little
/// more than results wait for each other, so that under load they alone wake it; a look
/// comes so much late at most, 6 % of the shortest interval.
const GATHER: Span = Span::from_millis(60);
/// Shortest time between two snapshots.
const PUBLISH: Span = Span::from_millis(200);
/// Longest wait of measurements for a snapshot while nothing else is new.
const MEASURED: Span = Span::from_secs(1);
/// Looks begun in one turn; the others stay due for the next.
const AT_ONCE: usize = 4_096;
/// How often the slow duties are done.
const SLOWLY: Span = Span::from_secs(60);

/// What others ask of the core.
pub enum Command {
    /// Another configuration.
    Install(Box<Installation>, oneshot::Sender<()>),
    /// What a person wants done; answered once it is on disk.
    People(Box<Asked>),
    /// The end.
    Stop(oneshot::Sender<()>),
}

/// The core's surroundings.
pub struct Surroundings {
    /// Tells the time.
    pub clock: SharedClock,
    /// Counts what the daemon does.
    pub meters: Arc<Meters>,
    /// Pings.
    pub icmp: worker::Handle,
    /// Asks.
    pub asking: Asking,
    /// Writes.
    pub writer: crate::store::Handle,
    /// Readers look here.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    /// Events after their commit.
    pub events: broadcast::Sender<Arc<Event>>,
}

/// What comes in.
pub struct Inbox {
    /// Results of bursts.
    pub bursts: worker::Results,
    /// Results of slow looks.
    pub done: mpsc::Receiver<Done>,
    /// What others ask.
    pub commands: mpsc::Receiver<Command>,
    /// What is on disk.
    pub committed: tokio::sync::watch::Receiver<Committed>,
}

/// The owner of all states.
pub struct Core {
    around: Surroundings,
    now: Installed,
    table: Table,
    publisher: Publisher,
    plan: Plan<Look>,
    names: Names,
    effects: Effects,
    /// Pings of more than one address, under way.
    pings: BTreeMap<TargetId, pings::Pinging>,
    /// What was seen and is not judged yet; empty between two turns.
    seen: Vec<Observation>,
    /// What pings measured and is in no view yet.
    fresh: Vec<Echoes>,
    icmp_meter: Arc<ProtocolMeter>,
    devices: BTreeMap<TargetId, turns::Device>,
    register: Register<TargetId>,
    record: record::Record,
    cycles: cycles::Cycles,
    by_hand: ByHand,
    /// Whom the tables of others may show.
    sought: Sought,
    /// When people were told of machines that must not be on a network.
    forbidden_at: BTreeMap<TargetId, Mono>,
    /// Something changed that readers wait for.
    is_changed: bool,
    /// Pings measured something.
    is_measured: bool,
    published_at: Mono,
    ticked_at: Mono,
    slowly_at: Mono,
    resolved_at: Mono,
    barked_at: Mono,
}

/// What is in force.
struct Installed {
    config: Arc<Config>,
    inventory: Arc<Inventory>,
    index: Arc<BTreeMap<TargetKey, TargetId>>,
    settings: Settings,
    targets: Targets,
    /// The paces of subnets that lie behind no link.
    subnets: Subnets,
    self_check: Vec<std::net::IpAddr>,
    routes: Routes,
    day: Date,
}

/// What the record says of the time before.
pub struct Past {
    /// The states, as the monitor gave them.
    pub states: Vec<(TargetId, crate::monitor::table::SavedState)>,
    /// The newest closed incidents, oldest first.
    pub closed: Vec<crate::monitor::incident::Incident>,
    /// The highest number given to an incident.
    pub last_incident: Option<IncidentId>,
    /// Running sums.
    pub totals: BTreeMap<TargetId, crate::monitor::snapshot::Totals>,
    /// Facts of devices.
    pub facts: BTreeMap<TargetId, BTreeMap<String, String>>,
    /// Interfaces of devices.
    pub interfaces: BTreeMap<TargetId, Vec<crate::monitor::snapshot::InterfaceView>>,
    /// Maintenance windows that people set.
    pub by_hand: ByHand,
    /// The last moment for which the record holds data.
    pub alive_at: Option<Timestamp>,
    /// When the own uplink had failed, newest first, with the failure that lasts.
    pub blind_spans: Vec<crate::monitor::snapshot::BlindSpan>,
}

impl Core {
    /// Goes on where the record stopped.
    pub fn new(around: Surroundings, first: Installation, past: Past) -> Self {
        let wall = around.clock.wall();
        let mono = around.clock.mono();
        let (now, topology) = first.apart(&past.by_hand, wall);
        let mut effects = Effects::new();
        let mut table = Table::new(topology, wall);
        table.restore(past.states, past.closed, past.last_incident, &mut effects);
        table.restore_blind(&past.blind_spans);
        table.started(past.alive_at, wall, &mut effects);
        let mut core = Self {
            publisher: Publisher::new(Arc::clone(&now.inventory), Arc::clone(&now.index)),
            now,
            table,
            by_hand: past.by_hand,
            sought: Sought::default(),
            forbidden_at: BTreeMap::new(),
            plan: Plan::grouped(cycles::PROTOCOLS, cycles::protocol_of),
            names: Names::default(),
            effects,
            pings: BTreeMap::new(),
            seen: Vec::new(),
            fresh: Vec::new(),
            icmp_meter: around.meters.protocol(icmp::NAME),
            devices: BTreeMap::new(),
            register: Register::default(),
            record: record::Record::new(around.writer.clone(), mono),
            cycles: cycles::Cycles::default(),
            is_changed: true,
            is_measured: false,
            published_at: mono,
            ticked_at: mono,
            slowly_at: mono,
            resolved_at: mono,
            barked_at: mono,
            around,
        };
        core.restore_views(past.totals, past.facts, past.interfaces);
        core.seek();
        // The first view that readers get holds the outages that last.
        core.publisher.set_incidents(core.table.incidents().views());
        core.schedule(mono);
        core.set_reaches();
        core.resolve();
        core.publish(wall, mono);
        core
    }

    /// Works until told to stop; then everything is committed.
    pub async fn run(mut self, mut inbox: Inbox) {
        loop {
            let nap = self.nap();
            tokio::select! {
                biased;
                command = inbox.commands.recv() => match command {
                    Some(Command::Stop(done)) => return self.stop(Some(done)).await,
                    None => return self.stop(None).await,
                    Some(command) => self.command(command),
                },
                Some(bursts) = inbox.bursts.recv() => self.bursts(bursts),
                Some(done) = inbox.done.recv() => self.done(done),
                Ok(()) = inbox.committed.changed() => {}
                () = tokio::time::sleep(nap) => {}
            }
            // Take what else is there before thinking about all of it.
            while let Ok(bursts) = inbox.bursts.try_recv() {
                self.bursts(bursts);
            }
            while let Ok(done) = inbox.done.try_recv() {
                self.done(done);
            }
            let committed = *inbox.committed.borrow_and_update();
            self.record.announce(committed.ticket, &self.around.events);
            self.turn();
            self.bark();
        }
    }

    /// Shows the watchdog once a second that the core lives.
    fn bark(&mut self) {
        let mono = self.around.clock.mono();
        if mono.since(self.barked_at) >= Span::from_secs(1) {
            self.barked_at = mono;
            systemd::watchdog();
        }
    }

    /// How long nothing is to be done, at most [`NAP`].
    fn nap(&self) -> Span {
        let mono = self.around.clock.mono();
        let due = self.plan.next().map_or(NAP, |at| at.since(mono));
        let wake = self
            .table
            .next_wakeup()
            .map_or(NAP, |at| at.since(self.around.clock.wall()));
        // A shorter sleep would only wake for one look at a time.
        due.min(wake).clamp(GATHER, NAP)
    }

    /// One turn: timers, due looks, what follows, what is to be written and shown.
    fn turn(&mut self) {
        let wall = self.around.clock.wall();
        let mono = self.around.clock.mono();
        let waits = self.table.next_wakeup().is_some_and(|at| at <= wall);
        if waits || mono.since(self.ticked_at) >= Span::from_secs(1) {
            self.ticked_at = mono;
            self.table.tick(wall, &mut self.effects);
        }
        if mono.since(self.slowly_at) >= SLOWLY {
            self.slowly_at = mono;
            self.slowly(wall);
        }
        if mono.since(self.resolved_at) >= self.now.config.polling.resolve_interval {
            self.resolved_at = mono;
            self.resolve();
        }
        self.begin(mono);
        self.follow(wall, mono);
        let turns_waiting = self.around.asking.turns_waiting.load(Ordering::Relaxed);
        self.cycles.turn(
            &self.plan,
            &self.around.meters,
            &self.now.config,
            turns_waiting,
            wall,
            mono,
        );
        let shown = mono.since(self.published_at);
        if self.is_changed && shown >= PUBLISH || self.is_measured && shown >= MEASURED {
            self.publish(wall, mono);
        }
    }

    /// Begins what is due.
    fn begin(&mut self, mono: Mono) {
        let mut due = Vec::new();
        self.plan.due(mono, AT_ONCE, &mut due);
        for look in due {
            match look {
                Look::Ping(id) => self.begin_ping(id),
                Look::Uplink => self.begin_uplink(),
                Look::Snmp(id) => self.begin_turn(id),
                Look::Check(id) => {
                    if let Some(checked) = self.now.targets.checks.get(&id) {
                        self.around.asking.check(id, checked.clone());
                    }
                }
            }
        }
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Snmp(turn) => self.end_turn(*turn),
            Done::Check {
                target,
                at,
                kind,
                outcome,
                stats,
            } => self.end_check(target, at, kind, outcome, stats),
            Done::Name { name, addresses } => {
                self.names.learn(name, addresses);
                self.set_reaches();
            }
        }
    }

    /// Does what the monitor wants done.
    fn follow(&mut self, wall: Timestamp, mono: Mono) {
        let mut effects = std::mem::take(&mut self.effects);
        let when = |at: Timestamp| mono.plus(at.since(wall));
        for order in &effects.orders {
            let Some(spec) = self.table.topology().get(order.target) else {
                continue;
            };
            for probe in &spec.liveness {
                let look = match &**probe {
                    "icmp" => Look::Ping(order.target),
                    "snmp" => Look::Snmp(order.target),
                    _ => Look::Check(order.target),
                };
                self.plan.hasten(look, when(order.at));
            }
        }
        if let Some(at) = effects.check_uplink {
            self.plan.hasten(Look::Uplink, when(at));
        }
        effects.changed.sort_unstable();
        effects.changed.dedup();
        for id in &effects.changed {
            if let Some(view) = self.table.view(*id) {
                self.publisher.update(view);
                self.is_changed = true;
            }
        }
        if effects.incidents_changed {
            self.publisher.set_incidents(self.table.incidents().views());
            self.publisher.set_blind_spans(self.table.blind_spans());
            self.is_changed = true;
        }
        self.write(&effects.events, wall, mono);
        effects.clear();
        self.effects = effects;
    }

    fn publish(&mut self, wall: Timestamp, mono: Mono) {
        self.settle();
        self.is_changed = false;
        self.is_measured = false;
        self.published_at = mono;
        self.around.snapshot.store(Arc::new(self.publisher.publish(wall)));
    }

    fn command(&mut self, command: Command) {
        let wall = self.around.clock.wall();
        match command {
            Command::Install(installation, done) => {
                self.install(*installation, wall);
                answer(done, ());
            }
            Command::People(asked) => self.people(*asked, wall),
            // Taken by the loop.
            Command::Stop(done) => answer(done, ()),
        }
    }

    /// Ends in order: what is known is committed.
    async fn stop(mut self, done: Option<oneshot::Sender<()>>) {
        let wall = self.around.clock.wall();
        let mono = self.around.clock.mono();
        self.table.stopped(wall, &mut self.effects);
        self.follow(wall, mono);
        self.finish(wall).await;
        self.publish(wall, mono);
        if let Some(done) = done {
            answer(done, ());
        }
    }

    /// How patient SNMP turns are.
    fn patience(&self) -> Patience {
        let snmp = &self.now.config.snmp;
        Patience {
            timeout: snmp.timeout,
            retries: u8::try_from(snmp.retries).unwrap_or(u8::MAX),
            deadline: snmp.deadline,
            max_repetitions: snmp.max_repetitions,
        }
    }

    /// Whether the interface of the default route has carrier.
    fn carrier() -> bool {
        let routes = network::default_routes();
        routes.is_empty() || routes.iter().any(|r| network::has_carrier(&r.interface))
    }
}

/// Answers somebody who may have gone.
fn answer<T>(done: oneshot::Sender<T>, value: T) {
    if done.send(value).is_err() {
        tracing::debug!("whoever asked has gone");
    }
}
