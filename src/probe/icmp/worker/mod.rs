//! The thread that owns the socket: receives, asks the engine, does what it says.
//!
//! ```text
//!  caller ──order()──► bounded queue (Options::orders) ──┐
//!                     full: the order comes back          ▼
//!                                                  engine + socket
//!  caller ◄─ bounded channel (Options::results batches) ◄─┘
//!            full: results stay here and no order is taken, so nothing is lost
//! ```
//!
//! Busy, it wakes at each tick (10 ms), not for each packet: kernel time stamps
//! keep the round trip times true; where nobody waits for the pace of a thin
//! line, a longer one does ([`Options::calm`]). Idle, it sleeps until an order
//! comes. With few packets under way it wakes for replies, but not oftener than
//! each tick.

mod handle;
mod queue;

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

use nix::poll::PollFd;
use nix::poll::PollFlags;
use nix::poll::ppoll;
use nix::sys::eventfd::EfdFlags;
use nix::sys::eventfd::EventFd;
use nix::sys::time::TimeSpec;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError as ResultRefused;

pub use self::handle::Handle;
use self::handle::Shared;
use self::queue::Queue;
use super::Burst;
use super::Options;
use super::Order;
use super::cookie::Key;
use super::engine::Engine;
use super::engine::Straggler;
use super::engine::Wake;
use super::raw::SocketOptions;
use super::raw::SystemSocket;
use super::socket::BATCH;
use super::socket::Drops;
use super::socket::EchoSocket;
use super::socket::SetupError;
use crate::clock::SharedClock;
use crate::model::Mono;
use crate::model::Span;

/// Sends between two looks at the socket: with a reply to each the batch of
/// receives is all but full, so that no second look is needed to know that there
/// is no more, and the buffer holds two hundred times as much.
const SENDS: usize = BATCH - 1;
/// Batches of packets read in one go before time may pass for the engine.
const READS: usize = 1_024;

/// How often the kernel is asked at least what it has dropped.
const ASK_OF_DROPS: Span = Span::from_millis(100);

/// Results that are told at once; fewer wait for [`Options::gather`]. Each
/// telling wakes a thread, which costs as much as a probe or two.
const TOLD: usize = 1_024;

/// Results of bursts, in batches.
pub type Results = mpsc::Receiver<Vec<Burst>>;

/// The secret and the idents of an engine, from the system's random source.
#[derive(Debug, Clone, Copy)]
pub struct Seed {
    /// Of the cookies.
    pub key: Key,
    /// Of the block of idents.
    pub ident: u16,
}

impl Seed {
    /// A fresh one.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn random() -> Result<Self, SetupError> {
        let mut bytes = [0_u8; 18];
        getrandom::fill(&mut bytes).map_err(|e| SetupError::System {
            what: "getrandom",
            source: io::Error::other(e.to_string()),
        })?;
        let mut key = [0_u8; 16];
        key.copy_from_slice(&bytes[2..]);
        Ok(Self {
            key: Key(key),
            ident: u16::from_be_bytes([bytes[0], bytes[1]]),
        })
    }
}

/// Opens the system's socket and starts the thread on it.
///
/// # Errors
/// [`SetupError`]: no permission, or the system refuses.
pub fn start(options: Options, clock: SharedClock) -> Result<(Handle, Results), SetupError> {
    let seed = Seed::random()?;
    let socket = SystemSocket::open(SocketOptions::new(seed.ident), Arc::clone(&clock))?;
    spawn(options, seed, Box::new(socket), clock)
}

/// Starts the thread on a socket. The socket's filter, if it has one, must let
/// the block of `seed.ident` in.
///
/// # Errors
/// [`SetupError::System`] when the thread or its bell can't be made.
pub fn spawn(
    options: Options,
    seed: Seed,
    socket: Box<dyn EchoSocket>,
    clock: SharedClock,
) -> Result<(Handle, Results), SetupError> {
    let fault = |what| move |source: io::Error| SetupError::System { what, source };
    let bell = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)
        .map_err(|e| fault("eventfd")(e.into()))?;
    let shared = Arc::new(Shared {
        orders: Queue::new(options.orders),
        bell,
        is_asleep: AtomicBool::new(false),
        is_stopping: AtomicBool::new(false),
        max_rate: AtomicU32::new(options.max_rate.unwrap_or(0)),
        counters: Mutex::default(),
        fault: Mutex::default(),
    });
    let facts = socket.facts();
    let (results, out) = mpsc::channel(options.results.max(1));
    let worker = Worker {
        engine: Engine::new(&options, facts.mode, facts.receive_buffer, seed.key, seed.ident),
        socket,
        clock,
        results,
        taken: Vec::with_capacity(SENDS),
        unsent: None,
        shared: Arc::clone(&shared),
        tick: options.tick,
        calm: options.calm.max(options.tick),
        gather: options.gather,
        untold_since: None,
        told_at: Mono::ZERO,
        has_moved: false,
        drops: Drops::default(),
        drops_at: None,
    };
    let thread = std::thread::Builder::new()
        .name("icmp".to_owned())
        .spawn(move || worker.run())
        .map_err(fault("thread"))?;
    let handle = Handle {
        shared,
        thread: Some(thread),
        facts,
    };
    Ok((handle, out))
}

struct Worker {
    engine: Engine,
    socket: Box<dyn EchoSocket>,
    clock: SharedClock,
    results: mpsc::Sender<Vec<Burst>>,
    /// Orders on their way from the queue to the engine.
    taken: Vec<Order>,
    /// Results that the channel had no room for.
    unsent: Option<Vec<Burst>>,
    shared: Arc<Shared>,
    tick: Span,
    calm: Span,
    gather: Span,
    /// When the first of the results came about that nobody has been told of.
    untold_since: Option<Mono>,
    /// When results were told the last time.
    told_at: Mono,
    /// A packet was sent or received since the last sleep: more are on their way.
    has_moved: bool,
    /// What the kernel had dropped when it was asked last, and when that was.
    drops: Drops,
    drops_at: Option<Mono>,
}

impl Worker {
    fn run(mut self) -> Vec<Straggler> {
        let mut woken = self.clock.mono();
        while !self.shared.is_stopping.load(Ordering::SeqCst) {
            match self.turn() {
                Ok(Some(wake)) => self.sleep(wake, woken),
                Ok(None) => break,
                Err(error) => {
                    *self.shared.fault.lock().unwrap_or_else(PoisonError::into_inner) =
                        Some(error.to_string());
                    tracing::error!(%error, "the ICMP socket is broken; nothing is pinged any more");
                    break;
                }
            }
            woken = self.clock.mono();
        }
        // A last look, so that what came late is at least told.
        if let Err(error) = self.receive() {
            tracing::debug!(%error, "the ICMP socket could not be read at the end");
        }
        self.engine.stragglers()
    }

    /// Receives, lets time pass, takes orders, sends; when to come again.
    /// `None`: nobody wants results any more.
    fn turn(&mut self) -> io::Result<Option<Wake>> {
        loop {
            self.receive()?;
            if (self.unsent.is_some() || self.engine.done_count() >= TOLD) && !self.tell() {
                return Ok(None);
            }
            if self.unsent.is_some() {
                // Nothing new until the results have found room.
                self.publish();
                return Ok(Some(Wake::At(self.clock.mono().plus(self.tick))));
            }
            // With a batch of requests on their way the socket is looked at before the
            // next; replies to fewer are read when the thread wakes next.
            if !self.send_and_take() {
                return Ok(self.end_of_turn());
            }
            if self.shared.is_stopping.load(Ordering::SeqCst) {
                return Ok(None);
            }
        }
    }

    /// Sends what may be sent, and takes orders while there is room; whether a
    /// whole batch was sent, so that there may be more.
    fn send_and_take(&mut self) -> bool {
        let mut sent = 0;
        loop {
            sent += self.send(SENDS - sent);
            if sent == SENDS {
                return true;
            }
            // What can be sent goes first: orders wait in their queue, where they are small.
            if self.engine.is_backlogged() || self.take_orders() == 0 {
                return false;
            }
        }
    }

    /// Tells of results whose time has come; when to come again. `None`: nobody
    /// wants results any more.
    fn end_of_turn(&mut self) -> Option<Wake> {
        let now = self.clock.mono();
        let wake = self.engine.wake();
        if self.engine.done_count() == 0 {
            self.untold_since = None;
            if self.results.is_closed() {
                return None;
            }
            self.publish();
            return Some(wake);
        }
        let since = *self.untold_since.get_or_insert(now);
        // With nothing more to come there is nothing to gather, unless orders come all the time.
        let from = if wake == Wake::Idle { self.told_at } else { since };
        let due = from.plus(self.gather);
        if due <= now {
            if !self.tell() {
                return None;
            }
            if self.unsent.is_some() {
                return Some(Wake::At(now.plus(self.tick)));
            }
            return Some(wake);
        }
        self.publish();
        Some(match wake {
            Wake::Idle => Wake::At(due),
            Wake::At(at) => Wake::At(at.min(due)),
            Wake::OnReply(at) => Wake::OnReply(at.min(due)),
        })
    }

    fn receive(&mut self) -> io::Result<()> {
        let now = self.clock.mono();
        let mut is_empty = false;
        let engine = &mut self.engine;
        for _ in 0..READS {
            let count = self.socket.receive(now, &mut |packet| engine.receive(packet))?;
            self.has_moved |= count > 0;
            if count < BATCH {
                is_empty = true;
                break;
            }
        }
        // Before a deadline strikes the kernel is asked whether it was we who lost the reply.
        let is_old = self.drops_at.is_none_or(|at| now.since(at) >= ASK_OF_DROPS);
        if is_old || engine.is_due(now) {
            self.drops = self.socket.drops();
            self.drops_at = Some(now);
        }
        let max_rate = self.shared.max_rate.load(Ordering::Relaxed);
        engine.set_max_rate((max_rate > 0).then_some(max_rate));
        engine.begin(now, self.clock.wall(), self.drops);
        if is_empty {
            // Whatever came before `now` has been read: only then may a deadline strike.
            engine.advance(now);
        }
        Ok(())
    }

    /// Hands out results; whether anyone still wants them.
    fn tell(&mut self) -> bool {
        self.untold_since = None;
        let batch = self
            .unsent
            .take()
            .or_else(|| (self.engine.done_count() > 0).then(|| self.engine.take_done()));
        let Some(batch) = batch else {
            return !self.results.is_closed();
        };
        self.told_at = self.clock.mono();
        // Whoever has seen a result finds it counted.
        self.publish();
        match self.results.try_send(batch) {
            Ok(()) => true,
            Err(ResultRefused::Full(batch)) => {
                self.unsent = Some(batch);
                true
            }
            Err(ResultRefused::Closed(_)) => false,
        }
    }

    fn take_orders(&mut self) -> usize {
        let now = self.clock.mono();
        self.shared.orders.take(SENDS, &mut self.taken);
        let count = self.taken.len();
        for order in self.taken.drain(..) {
            self.engine.accept(&order, now);
        }
        count
    }

    /// Sends up to `most` packets; how many those were.
    fn send(&mut self, most: usize) -> usize {
        let mut sent = 0;
        let mut at = self.clock.mono();
        while sent < most {
            let Some(packet) = self.engine.next_send(at) else {
                break;
            };
            // The stamp stands right before its own send: with one for a batch, its last is late.
            at = self.clock.mono();
            let result = self.socket.send(&packet);
            self.engine.sent(at, result);
            sent += 1;
        }
        if sent > 0 {
            self.engine.left(self.clock.mono());
        }
        self.has_moved |= sent > 0;
        sent
    }

    fn publish(&self) {
        *self
            .shared
            .counters
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = self.engine.counters();
    }

    /// Sleeps until the engine wants to go on or an order comes, but at least
    /// until a tick after `woken`, unless replies are what it waits for.
    fn sleep(&mut self, wake: Wake, woken: Mono) {
        let now = self.clock.mono();
        let has_moved = std::mem::take(&mut self.has_moved);
        let until = match wake {
            Wake::Idle => return self.doze(None, now),
            Wake::OnReply(at) => return self.doze(Some(at), now),
            Wake::At(at) => at,
        };
        let rhythm = if self.engine.is_held_back() {
            self.tick
        } else {
            self.calm
        };
        let tick = woken.plus(rhythm);
        if tick > now {
            // Deaf until the tick: neither orders nor replies wake it.
            nap(tick.since(now));
        }
        let now = self.clock.mono();
        // Where packets move the next look finds some: to ask before it costs as much as it does.
        if !has_moved && now < until {
            self.doze(Some(until), now);
        }
    }

    /// Sleeps until `until`, an order, or a reply.
    fn doze(&mut self, until: Option<Mono>, now: Mono) {
        self.shared.is_asleep.store(true, Ordering::SeqCst);
        // An order that came before this point did not ring.
        let has_orders = !self.shared.orders.is_empty();
        let mut span = until.map(|at| at.since(now));
        if has_orders && !self.engine.is_backlogged() || self.shared.is_stopping.load(Ordering::SeqCst) {
            span = Some(Span::ZERO);
        }
        let bell = self.shared.bell.as_fd();
        let sockets = self.socket.descriptors();
        if until.is_some() && sockets.iter().all(Option::is_none) {
            // A socket that can't be polled is asked at each tick.
            span = Some(span.unwrap_or(self.tick).min(self.tick));
        }
        let mut all = [None; 9].map(|_: Option<()>| PollFd::new(bell, PollFlags::POLLIN));
        let mut count = 1;
        for (place, socket) in all.iter_mut().skip(1).zip(sockets.into_iter().flatten()) {
            *place = PollFd::new(socket, PollFlags::POLLIN);
            count += 1;
        }
        let polled = all.get_mut(..count).unwrap_or_default();
        if let Err(error) = ppoll(polled, span.map(TimeSpec::from_duration), None) {
            tracing::debug!(%error, "a sleep was cut short");
        }
        self.shared.is_asleep.store(false, Ordering::SeqCst);
        // One that rings after this is heard at the next sleep, which then is none.
        let has_rung = polled.first().and_then(PollFd::any).unwrap_or_default();
        if has_rung && let Err(error) = self.shared.bell.read() {
            tracing::trace!(%error, "the bell had not rung");
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Whoever has an order now gets it back.
        self.shared.orders.close();
    }
}

fn nap(span: Span) {
    if let Err(error) = ppoll(&mut [], Some(TimeSpec::from_duration(span)), None) {
        tracing::debug!(%error, "a sleep was cut short");
    }
}
