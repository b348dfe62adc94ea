//! The thread that owns the sockets: receives, asks the session, does what it says.
//!
//! A few sockets are shared by all agents (never one for each). ICMP errors are
//! read from the sockets' error queues, so that a refused port is told from
//! silence. Source: ip(7) on `IP_RECVERR`, RFC 1122 §4.1.3.3.

mod mailbox;
mod socket;

use std::collections::hash_map::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;
use std::io;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::PollFd;
use nix::poll::PollFlags;
use nix::sys::eventfd::EfdFlags;
use nix::sys::eventfd::EventFd;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;

pub(super) use self::mailbox::Letter;
pub(super) use self::mailbox::Mailbox;
use self::mailbox::Reply;
use self::mailbox::Shared;
use self::socket::Port;
use self::socket::Receiver;
use super::session::Actions;
use super::session::Done;
use super::session::Session;
use super::walk::Work;
use crate::clock::SharedClock;
use crate::model::BlindReason;

/// Packets sent before the sockets are read again, so that answers to a crowd
/// of requests find room in the receive buffer.
const SENDS_BETWEEN_READS: usize = 32;
/// Calls that end before their callers are told though more packets wait.
const DONE_AT_A_TIME: usize = 64;
/// Rounds of reading before they are told in any case.
const PASSES_AT_MOST: usize = 4;
/// Agents under way from which on packets are gathered for [`GATHER`] before the
/// sockets are looked at again: a thread that wakes for each of them spends more on
/// waking than on reading. One agent alone is answered at once.
const GATHER_FROM: usize = 3;
/// See [`GATHER_FROM`]: 6,000 answers a second come by six then.
const GATHER: Duration = Duration::from_millis(1);
/// The thread looks at least so often whether anybody still holds a handle.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// How the sockets are made.
#[derive(Debug, Clone)]
pub struct Options {
    /// Receive buffer wished for each socket, in bytes. 16 MiB hold the answers
    /// to some 4,000 requests; less is granted without CAP_NET_ADMIN.
    pub receive_buffer_bytes: usize,
    /// Sockets for each family, shared by all agents: opened only where the
    /// first does not get the buffer wished, since more of them are more buffer.
    pub sockets: usize,
    /// Calls that wait for the thread before callers wait themselves.
    pub queue: usize,
    /// Calls under way at most; 65,536 of some 700 bytes are 46 MB beside their rows.
    pub calls: usize,
    /// The address to send from; `None`: the kernel chooses.
    pub source_v4: Option<Ipv4Addr>,
    /// The same for IPv6.
    pub source_v6: Option<Ipv6Addr>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            receive_buffer_bytes: 16 << 20,
            sockets: 4,
            queue: 1024,
            calls: 65_536,
            source_v4: None,
            source_v6: None,
        }
    }
}

/// Why the engine can't start.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// No UDP socket.
    #[error("can't open a UDP socket for SNMP from {source_address}")]
    Socket {
        /// Where it should send from.
        source_address: SocketAddr,
        /// Why not.
        #[source]
        error: io::Error,
    },
    /// No way to wake the thread, or no thread.
    #[error("can't start the thread for SNMP")]
    Thread(#[source] io::Error),
    /// No random numbers.
    #[error("the system gives no random numbers")]
    Random(#[source] io::Error),
}

/// Opens the sockets and starts the thread.
pub(super) fn spawn(options: &Options, clock: SharedClock) -> Result<Mailbox, SetupError> {
    let mut seed = [0; 16];
    getrandom::fill(&mut seed).map_err(|e| SetupError::Random(e.into()))?;
    let bell = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)
        .map_err(|e| SetupError::Thread(e.into()))?;
    let v4 = ports(options, options.source_v4.unwrap_or(Ipv4Addr::UNSPECIFIED).into())?;
    let wish = options.source_v6;
    let v6 = match ports(options, wish.unwrap_or(Ipv6Addr::UNSPECIFIED).into()) {
        Ok(ports) => ports,
        // A machine without IPv6: its agents get «no route».
        Err(_) if wish.is_none() => Vec::new(),
        Err(error) => return Err(error),
    };
    let (sender, letters) = mpsc::channel(options.queue.max(1));
    let shared = Arc::new(Shared {
        bell,
        asleep: AtomicBool::new(false),
        counters: Mutex::default(),
        receive_buffer_bytes: v4.iter().chain(&v6).map(|port| port.receive_buffer_bytes).sum(),
    });
    let worker = Worker {
        session: Session::new(seed),
        actions: Actions::default(),
        v4,
        v6,
        letters,
        shared: Arc::clone(&shared),
        clock,
        calls: options.calls.max(1),
        receiver: Receiver::new(),
    };
    std::thread::Builder::new()
        .name("snmp".to_owned())
        .spawn(move || worker.run())
        .map_err(SetupError::Thread)?;
    Ok(Mailbox { sender, shared })
}

fn ports(options: &Options, source: std::net::IpAddr) -> Result<Vec<Port>, SetupError> {
    let source_address = SocketAddr::new(source, 0);
    let mut ports = Vec::new();
    let mut granted = 0;
    while ports.len() < options.sockets.max(1) && (ports.is_empty() || granted < options.receive_buffer_bytes)
    {
        let port =
            Port::open(source_address, options.receive_buffer_bytes).map_err(|error| SetupError::Socket {
                source_address,
                error,
            })?;
        granted += port.receive_buffer_bytes;
        ports.push(port);
    }
    Ok(ports)
}

struct Worker {
    session: Session<Reply>,
    actions: Actions<Reply>,
    v4: Vec<Port>,
    v6: Vec<Port>,
    letters: mpsc::Receiver<Letter>,
    shared: Arc<Shared>,
    clock: SharedClock,
    calls: usize,
    receiver: Receiver,
}

impl Worker {
    /// Works until nobody holds a handle any more.
    fn run(mut self) {
        // Since callers were told last.
        let mut passes = 0;
        loop {
            let letters_left = match self.read_letters() {
                Ok(left) => left,
                Err(Stop) => return,
            };
            self.session.tick(self.clock.mono(), &mut self.actions);
            self.send_all();
            let busy = letters_left && self.session.active() < self.calls;
            let waits = !self.actions.done.is_empty();
            if !waits {
                self.publish();
            }
            self.look(if busy || waits {
                Duration::ZERO
            } else {
                self.gather();
                LONGEST_SLEEP
            });
            // Callers are told when nothing else is there to do, many at a time:
            // each waking of their thread costs as much as a packet.
            let many = self.actions.done.len() >= DONE_AT_A_TIME || passes >= PASSES_AT_MOST;
            if waits && (many || !self.is_readable()) {
                passes = 0;
                self.tell();
            } else {
                passes += usize::from(waits);
            }
            self.read_ports();
            self.send_all();
        }
    }

    /// Takes what was posted. True: there is more.
    fn read_letters(&mut self) -> Result<bool, Stop> {
        for _ in 0..SENDS_BETWEEN_READS {
            if self.session.active() >= self.calls {
                return Ok(true);
            }
            match self.letters.try_recv() {
                Ok(letter) => self.read_letter(letter),
                Err(TryRecvError::Empty) => return Ok(false),
                Err(TryRecvError::Disconnected) => return Err(Stop),
            }
        }
        Ok(true)
    }

    fn read_letter(&mut self, letter: Letter) {
        match letter {
            Letter::Call { agent, work, reply } => {
                let now = self.clock.mono();
                let time = match &work {
                    Work::Get(_) => agent.deadline,
                    Work::Walk(walk) => walk.limits().time,
                };
                self.session
                    .start(*agent, work, now.plus(time), reply, now, &mut self.actions);
            }
            // Whoever asked for them may have gone: nothing is lost then.
            Letter::Sizes(reply) => drop(reply.send(self.session.sizes())),
            Letter::Remember(sizes) => self.session.remember(&sizes, self.clock.mono()),
        }
    }

    /// Tells callers how their calls ended.
    fn tell(&mut self) {
        self.publish();
        for (reply, done) in self.actions.done.drain(..) {
            match (reply, done) {
                // A caller that has left needs no answer.
                (Reply::Get(sender), Done::Get(result)) => drop(sender.send(result)),
                (Reply::Walk(sender), Done::Walk(walk)) => drop(sender.send(walk)),
                (Reply::Get(_) | Reply::Walk(_), Done::Get(_) | Done::Walk(_)) => {}
            }
        }
    }

    fn is_readable(&self) -> bool {
        self.v4.iter().chain(&self.v6).any(|port| port.is_readable)
    }

    /// Sends what is to be sent, reading in between.
    fn send_all(&mut self) {
        let mut since_read = 0;
        while !self.actions.send.is_empty() {
            let mut sends = std::mem::take(&mut self.actions.send);
            for (id, to, bytes) in sends.drain(..) {
                self.send(id, to, &bytes);
                since_read += 1;
                if since_read >= SENDS_BETWEEN_READS {
                    since_read = 0;
                    self.look(Duration::ZERO);
                    self.read_ports();
                }
            }
            if self.actions.send.is_empty() {
                self.actions.send = sends;
            }
        }
    }

    fn send(&mut self, id: i32, to: SocketAddr, bytes: &[u8]) {
        let ports = if to.is_ipv4() { &self.v4 } else { &self.v6 };
        let place = if ports.len() > 1 {
            let mut hasher = DefaultHasher::new();
            to.hash(&mut hasher);
            usize::try_from(hasher.finish() >> 32).unwrap_or(0) % ports.len()
        } else {
            0
        };
        let problem = match ports.get(place).map(|port| port.send(bytes, to)) {
            Some(Ok(())) => return,
            None => BlindReason::NoRoute,
            Some(Err(error)) => match error.raw_os_error().map(Errno::from_raw) {
                Some(Errno::EACCES | Errno::EPERM) => BlindReason::Permission,
                Some(Errno::ENETUNREACH | Errno::EHOSTUNREACH | Errno::EADDRNOTAVAIL | Errno::EINVAL) => {
                    BlindReason::NoRoute
                }
                Some(Errno::ENETDOWN | Errno::ENODEV) => BlindReason::InterfaceDown,
                // No buffer now: the next try may find one.
                Some(Errno::EAGAIN | Errno::ENOBUFS) => return,
                Some(_) | None => BlindReason::Internal(error.to_string()),
            },
        };
        self.session
            .could_not_send(id, problem, self.clock.mono(), &mut self.actions);
    }

    fn read_ports(&mut self) {
        let Self {
            session,
            actions,
            v4,
            v6,
            clock,
            receiver,
            ..
        } = self;
        for port in v4.iter_mut().chain(v6) {
            if port.is_readable {
                port.is_readable = false;
                let now = clock.mono();
                let dropped = receiver.read(port, |bytes, from| {
                    session.packet(bytes, from, now, actions);
                });
                session.dropped(dropped);
            }
            if port.has_errors {
                port.has_errors = false;
                receiver.read_errors(port, |quoted, to, finding| {
                    session.undeliverable(quoted, to, finding, clock.mono(), actions);
                });
            }
        }
    }

    fn publish(&self) {
        let mut counters = self
            .shared
            .counters
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *counters = self.session.counters();
    }

    /// Lets packets and letters come together where several agents are under way.
    fn gather(&self) {
        if self.session.active() >= GATHER_FROM
            && let Err(error) = nix::poll::ppoll(&mut [], Some(GATHER.into()), None)
            && error != Errno::EINTR
        {
            tracing::warn!(%error, "the SNMP thread can't sleep");
        }
    }

    /// Waits until a packet, a letter, or the next thing that is due, but not
    /// longer than `most`; notes which sockets have something.
    fn look(&mut self, most: Duration) {
        let mut timeout = most;
        if !most.is_zero() {
            let now = self.clock.mono();
            timeout = self.session.wake_at().map_or(most, |at| at.since(now).min(most));
            self.shared.asleep.store(true, Ordering::SeqCst);
            // A letter posted before the line above rang no bell.
            let posted = !self.letters.is_empty() && self.session.active() < self.calls;
            if posted || self.letters.is_closed() {
                timeout = Duration::ZERO;
            }
        }
        let mut fds = vec![PollFd::new(self.shared.bell.as_fd(), PollFlags::POLLIN)];
        let ports = self.v4.iter().chain(&self.v6);
        fds.extend(ports.map(|port| PollFd::new(port.as_fd(), PollFlags::POLLIN)));
        if let Err(error) = nix::poll::ppoll(&mut fds, Some(timeout.into()), None)
            && error != Errno::EINTR
        {
            tracing::warn!(%error, "the SNMP thread can't wait for packets");
        }
        let happened: Vec<Option<PollFlags>> = fds.iter().map(PollFd::revents).collect();
        drop(fds);
        self.shared.asleep.store(false, Ordering::SeqCst);
        let rung = happened.first().copied().flatten();
        if rung.is_some_and(|events| !events.is_empty())
            && let Err(error) = self.shared.bell.read()
        {
            tracing::debug!(%error, "a bell without a ring");
        }
        for (port, events) in self
            .v4
            .iter_mut()
            .chain(&mut self.v6)
            .zip(happened.into_iter().skip(1))
        {
            let events = events.unwrap_or(PollFlags::empty());
            port.is_readable = events.contains(PollFlags::POLLIN);
            port.has_errors = events.contains(PollFlags::POLLERR);
        }
    }
}

/// Nobody holds a handle any more.
struct Stop;
