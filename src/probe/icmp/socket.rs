//! The seam between the engine and the network: [`EchoSocket`].
//!
//! The real one is in `raw`; the lab wraps it, tests keep theirs in memory.

use std::io;
use std::net::IpAddr;
use std::os::fd::BorrowedFd;

use super::Header;
use super::SendRefusal;
use crate::model::Mono;

/// One ICMP message to put on the wire.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// To whom.
    pub to: IpAddr,
    /// How it leaves.
    pub header: Header,
    /// Which of our idents it carries; a datagram socket picks its socket by it.
    pub variant: u8,
    /// The ICMP message, checksum included (IPv4; the system fills in IPv6's).
    pub bytes: &'a [u8],
}

/// One ICMP message that came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incoming<'a> {
    /// Who sent it.
    pub from: IpAddr,
    /// When it reached this host, by the clock of the engine.
    pub at: Mono,
    /// The ICMP message without any IP header.
    pub bytes: &'a [u8],
    /// For errors from a socket's error queue, whose bytes are *our* request;
    /// `None` for an ordinary message.
    pub error: Option<Queued>,
}

/// An ICMP error as a datagram socket's error queue tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queued {
    /// ICMP type.
    pub kind: u8,
    /// ICMP code.
    pub code: u8,
    /// To whom our request went.
    pub to: IpAddr,
}

/// What kind of socket the system gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A raw socket (CAP_NET_RAW): the ident is ours.
    Raw,
    /// A datagram ICMP socket (`net.ipv4.ping_group_range`): the kernel chooses the ident.
    Datagram,
    /// Not a socket of the system.
    Simulated,
}

impl Mode {
    /// The word in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Datagram => "datagram",
            Self::Simulated => "simulated",
        }
    }
}

/// What a socket is like, for the operator and for the engine's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Its kind.
    pub mode: Mode,
    /// Receive buffer that the system granted, bytes, the smaller of both families.
    pub receive_buffer: usize,
    /// Whether IPv6 can be sent.
    pub has_ipv6: bool,
}

/// Packets that were for this socket and never came out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Drops {
    /// For want of room: our own loss, never the target's (trap 16).
    pub full: u64,
    /// With a wrong checksum: the kernel checks ICMPv6's before we see it.
    pub corrupt: u64,
}

/// Messages in one batch. 64 bring the whole gain (0.57 against 0.66 CPU s per
/// 100,000 echoes with single receives); 256 brought no more.
pub const BATCH: usize = 64;

/// The descriptors of a socket, in any places. They are polled when the thread
/// sleeps; an epoll instance would cost 6 % of each packet, asleep or not.
pub type Descriptors<'a> = [Option<BorrowedFd<'a>>; 8];

/// Sends and receives ICMP messages. Never blocks.
pub trait EchoSocket: Send {
    /// Puts one message on the wire.
    ///
    /// # Errors
    /// [`SendRefusal`]: full for now, or why this one can't be sent.
    fn send(&mut self, packet: &Outgoing<'_>) -> Result<(), SendRefusal>;

    /// Hands every message of one batch to `each`; how many those were. Less
    /// than [`BATCH`] means that there is no more for now. A socket that keeps
    /// messages back counts those, too.
    ///
    /// # Errors
    /// When the socket is broken for good.
    fn receive(&mut self, now: Mono, each: &mut dyn FnMut(&Incoming<'_>)) -> io::Result<usize>;

    /// Packets that the kernel has dropped since the socket was opened.
    fn drops(&mut self) -> Drops;

    /// What it is like.
    fn facts(&self) -> Facts;

    /// What to poll for a message; all `None` for a socket that is none of the
    /// system's: it is asked at every tick.
    fn descriptors(&self) -> Descriptors<'_>;
}

/// No ICMP socket could be opened.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Neither a raw nor a datagram socket is allowed.
    #[error(
        "no permission to ping: this process has neither CAP_NET_RAW nor a group in net.ipv4.ping_group_range ({range}); \
         give it one of them: `setcap cap_net_raw+ep {program}` (under systemd `AmbientCapabilities=CAP_NET_RAW`), \
         or `sysctl -w net.ipv4.ping_group_range=\"{group} {group}\"`"
    )]
    Permission {
        /// The present value of `net.ipv4.ping_group_range`, or why it is unknown.
        range: String,
        /// The path of this program.
        program: String,
        /// The group of this process.
        group: u32,
    },
    /// The system refused for another reason.
    #[error("can't open an ICMP socket: {what}")]
    System {
        /// The call.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}
