//! A wire of our own between two network namespaces: what `tc netem` does,
//! where the kernel has none.
//!
//! ```text
//!  namespace A                    this process                     namespace B
//!  [ interface ] ── TUN file ──► Line (There) ──► TUN file ── [ interface ]
//!                ◄───────────── Line (Back)  ◄─────────────
//! ```
//!
//! [`mod@line`] decides (pure, by seed, the time passed in); one thread here moves
//! packets and decides nothing. IPv4 and IPv6; the interfaces are point to
//! point, so that there is no ARP and no neighbour discovery, and their MTU is 1,500.
//! How to use it, in a test with two namespaces `a` and `b` (needs root):
//!
//! ```ignore
//! let ends = [End::new("a", "w0"), End::new("b", "w0")];
//! let wire = Wire::join(&ends, Faults::delay(30 * MS), 1, SystemClock::shared())?;
//! // `ip -n a addr add 10.9.0.1/24 dev w0; ip -n a link set w0 up`, and the same in b
//! wire.set(Way::Back, Faults::loss(Ratio::new(0.1)?));
//! let truth = wire.counts(Way::Back);   // what it did, to the packet
//! ```
//!
//! The wire stands until it is dropped; then the interfaces go, too.

pub mod line;
mod tun;

use std::io;
use std::os::fd::AsFd;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use nix::errno::Errno;
use nix::poll::PollFd;
use nix::poll::PollFlags;
use nix::poll::ppoll;
use nix::sys::eventfd::EfdFlags;
use nix::sys::eventfd::EventFd;
use nix::sys::time::TimeSpec;

pub use self::line::Counts;
pub use self::line::Faults;
use self::line::Line;
use crate::clock::SharedClock;
use crate::model::Mono;

/// Packets read from one side before the other gets its turn.
const BATCH: usize = 64;
/// Largest packet: the MTU of a TUN device is 1,500, and may be raised up to here.
const MAX_BYTES: usize = 65_535;

/// One end of a wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// Name of the network namespace, as `ip netns` knows it; `None`: where the caller is.
    pub namespace: Option<String>,
    /// What the interface will be called there.
    pub interface: String,
}

impl End {
    /// The interface of that name in that namespace.
    pub fn new(namespace: &str, interface: &str) -> Self {
        Self {
            namespace: Some(namespace.to_owned()),
            interface: interface.to_owned(),
        }
    }
}

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From the first end to the second.
    There,
    /// From the second end to the first.
    Back,
}

impl Way {
    fn place(self) -> usize {
        match self {
            Self::There => 0,
            Self::Back => 1,
        }
    }
}

#[derive(Debug)]
struct Shared {
    lines: Mutex<[Line; 2]>,
    /// Packets that the far interface did not take, by direction.
    refused: [AtomicU64; 2],
    /// Packets to multicast groups, which are not carried.
    multicast: AtomicU64,
    bell: EventFd,
    is_stopping: AtomicBool,
}

impl Shared {
    fn lines(&self) -> MutexGuard<'_, [Line; 2]> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A wire at work. Dropping it takes both interfaces away.
#[derive(Debug)]
pub struct Wire {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Wire {
    /// Makes both interfaces and joins them, with the same faults both ways. They
    /// have no address and are down: that is the caller's to do.
    ///
    /// # Errors
    /// No such namespace, no permission, a name that is taken, no thread to be had.
    pub fn join(ends: &[End; 2], faults: Faults, seed: u64, clock: SharedClock) -> io::Result<Self> {
        let open = |end: &End| {
            tun::open(end.namespace.as_deref(), &end.interface)
                .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", end.interface)))
        };
        let [first, second] = ends;
        let tuns = [open(first)?, open(second)?];
        let bell = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?;
        let shared = Arc::new(Shared {
            lines: Mutex::new([Line::new(faults, seed), Line::new(faults, !seed)]),
            refused: Default::default(),
            multicast: AtomicU64::new(0),
            bell,
            is_stopping: AtomicBool::new(false),
        });
        let carrier = Carrier {
            tuns,
            shared: Arc::clone(&shared),
            clock,
            bytes: vec![0; MAX_BYTES],
        };
        let thread = std::thread::Builder::new()
            .name("wire".to_owned())
            .spawn(move || carrier.run())?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Other faults in one direction from now on.
    pub fn set(&self, way: Way, faults: Faults) {
        self.shared.lines()[way.place()].set(faults);
    }

    /// What happened in one direction so far.
    pub fn counts(&self, way: Way) -> Counts {
        self.shared.lines()[way.place()].counts()
    }

    /// Packets of one direction that came out and that the interface did not
    /// take: it is down, or its queue is full. Zero in a sound test.
    pub fn refused(&self, way: Way) -> u64 {
        self.shared.refused[way.place()].load(Ordering::Relaxed)
    }

    /// Packets to multicast groups (router solicitations, group reports) that
    /// were not carried and are not counted elsewhere.
    pub fn multicast(&self) -> u64 {
        self.shared.multicast.load(Ordering::Relaxed)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.shared.is_stopping.store(true, Ordering::SeqCst);
        if let Err(error) = self.shared.bell.write(1) {
            // A full counter: the bell is ringing already.
            tracing::trace!(%error, "the bell was not rung");
        }
        if self
            .thread
            .take()
            .map(JoinHandle::join)
            .is_some_and(|r| r.is_err())
        {
            tracing::error!("the thread of a wire had died");
        }
    }
}

/// The thread's part.
struct Carrier {
    tuns: [OwnedFd; 2],
    shared: Arc<Shared>,
    clock: SharedClock,
    bytes: Vec<u8>,
}

impl Carrier {
    fn run(mut self) {
        while !self.shared.is_stopping.load(Ordering::SeqCst) {
            let is_busy = self.carry();
            let next = self.shared.lines().iter().filter_map(Line::next_due).min();
            if !is_busy {
                self.sleep(next);
            }
        }
    }

    /// Takes in what is there and hands out what is due; whether there may be more at once.
    fn carry(&mut self) -> bool {
        let Self {
            tuns,
            shared,
            clock,
            bytes,
        } = self;
        let mut lines = shared.lines();
        let mut is_busy = false;
        for (line, tun) in lines.iter_mut().zip(tuns.iter()) {
            for n in 1..=BATCH {
                let Ok(length) = nix::unistd::read(tun, bytes) else {
                    // Empty, or the interface is down: poll says when there is something again.
                    break;
                };
                let packet = bytes.get(..length).unwrap_or_default();
                if is_multicast(packet) {
                    shared.multicast.fetch_add(1, Ordering::Relaxed);
                } else {
                    line.offer(packet, clock.mono());
                }
                is_busy |= n == BATCH;
            }
        }
        for (way, (line, far)) in lines.iter_mut().zip(tuns.iter().rev()).enumerate() {
            line.deliver(clock.mono(), &mut |packet| {
                if nix::unistd::write(far, packet).is_err() {
                    shared.refused[way].fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        is_busy
    }

    /// Sleeps until a packet comes, one is due, or the wire is taken away.
    fn sleep(&self, next: Option<Mono>) {
        let wait = next.map(|at| TimeSpec::from_duration(at.since(self.clock.mono())));
        let [first, second] = &self.tuns;
        let mut polled = [
            PollFd::new(first.as_fd(), PollFlags::POLLIN),
            PollFd::new(second.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.shared.bell.as_fd(), PollFlags::POLLIN),
        ];
        match ppoll(&mut polled, wait, None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => {
                tracing::error!(%error, "a wire can't wait for packets and ends");
                self.shared.is_stopping.store(true, Ordering::SeqCst);
            }
        }
    }
}

/// Whether an IP packet goes to a multicast group.
fn is_multicast(packet: &[u8]) -> bool {
    match packet.first().map(|first| first >> 4) {
        Some(4) => packet.get(16).is_some_and(|first| first >> 4 == 0xe),
        Some(6) => packet.get(24).is_some_and(|first| *first == 0xff),
        _ => false,
    }
}
