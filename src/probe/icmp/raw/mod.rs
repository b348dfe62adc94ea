//! The system's ICMP sockets: raw if we may, datagram if not.
//!
//! Raw: one socket per family; `ICMP_FILTER` and a BPF filter on our block of
//! idents, so that the echo traffic of others on this host costs us nothing
//! (2.73 against 0.68 CPU s per 100,000 echoes beside a foreign flood). The
//! receive buffer is raised, and what was granted is read back (trap 16).
//!
//! Datagram: the kernel chooses the ident and sorts by it; to renew an ident,
//! another socket is opened (trap 17), at most [`SHELF`] per family. Errors come
//! by the error queue.

mod errors;
mod filter;
mod stamp;

use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;

use nix::libc;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt;
use socket2::Domain;
use socket2::Protocol;
use socket2::Socket;
use socket2::Type;

use self::errors::errors;
use self::errors::is_earlier;
use self::errors::is_passing;
use self::errors::refusal;
use self::filter::drain;
use self::filter::filter;
use super::SendRefusal;
use super::packet;
use super::socket::BATCH;
use super::socket::Descriptors;
use super::socket::Drops;
use super::socket::EchoSocket;
use super::socket::Facts;
use super::socket::Incoming;
use super::socket::Mode;
use super::socket::Outgoing;
use super::socket::SetupError;
use super::system;
use super::system::Batch;
use crate::clock::SharedClock;
use crate::model::BlindReason;
use crate::model::Mono;
use crate::model::Span;

/// What to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketOptions {
    /// The first ident of the engine's block; what [`super::engine::Engine::new`] got.
    pub ident: u16,
    /// Receive buffer to ask for, bytes. 16 MiB hold some 14,000 replies on a real card.
    pub receive_buffer: usize,
    /// Largest message that will be sent, bytes; bounds the room for received ones.
    pub message: usize,
    /// Raw or datagram only, where the caller wants one of them; `None`: raw, else datagram.
    pub mode: Option<Mode>,
}

impl SocketOptions {
    /// 16 MiB of buffer, messages up to an Ethernet frame, raw or else datagram.
    pub fn new(ident: u16) -> Self {
        Self {
            ident,
            receive_buffer: 16 << 20,
            message: 2_048,
            mode: None,
        }
    }
}

/// Datagram sockets per family: the first, and three to renew the ident.
const SHELF: usize = 4;

/// IPv4 packets of up to so many bytes leave with "don't fragment", as the system
/// sends them anyhow: no line cuts packets that small. Told so beforehand it does
/// not look for an IP ident for them, which was 3 % of a ping.
const SMALL: usize = 128;
const IPV4_HEADER: usize = 20;

struct OneFamily {
    /// One raw socket, or up to [`SHELF`] datagram sockets.
    sockets: Vec<Socket>,
    /// Whether packets leave unfragmented only, at each of them.
    is_whole: Vec<bool>,
    /// An interface here takes less than [`SMALL`].
    cuts_small: bool,
    is_v4: bool,
    /// Whether anything was sent: until then there is nothing to read.
    is_used: bool,
}

/// The sockets of this host.
pub struct SystemSocket {
    v4: Option<OneFamily>,
    v6: Option<OneFamily>,
    mode: Mode,
    options: SocketOptions,
    granted: usize,
    clock: SharedClock,
    batch: Batch,
    /// When the sockets were last seen empty: no packet in them is older.
    emptied: Mono,
    /// Drops of the IPv6 socket that were looked into.
    looked_into: u64,
    /// How many of them had a wrong checksum.
    corrupt: u64,
    /// ICMPv6 checksum errors of this host before the socket was opened.
    errors_before: u64,
}

impl OneFamily {
    /// Packets that the kernel dropped at these sockets.
    fn drops(&self) -> u64 {
        if !self.is_used {
            return 0;
        }
        self.sockets
            .iter()
            .map(|socket| u64::from(system::drops(socket.as_fd()).unwrap_or(0)))
            .sum()
    }
}

/// ICMPv6 messages with a wrong checksum that this host (this thread's network
/// namespace) has received. The kernel checks them before a raw socket gets them
/// and adds them to that socket's drops; without this a line that breaks packets
/// would look like a buffer of ours that is full.
fn checksum_errors() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/net/snmp6").unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix("Icmp6InCsumErrors"))
        .and_then(|number| number.trim().parse().ok())
        .unwrap_or(0)
}

impl SystemSocket {
    /// Opens the sockets.
    ///
    /// # Errors
    /// [`SetupError::Permission`] when neither kind is allowed. A host without
    /// IPv6 (or without IPv4) is no error.
    pub fn open(options: SocketOptions, clock: SharedClock) -> Result<Self, SetupError> {
        let fault = |what| move |source: io::Error| SetupError::System { what, source };
        let modes: &[Mode] = match options.mode {
            Some(Mode::Raw) => &[Mode::Raw],
            Some(Mode::Datagram) => &[Mode::Datagram],
            Some(Mode::Simulated) | None => &[Mode::Raw, Mode::Datagram],
        };
        for mode in modes {
            let v4 = one_family(*mode, true, &options);
            let v6 = one_family(*mode, false, &options);
            let (v4, v6) = match (v4, v6) {
                (Ok(v4), Ok(v6)) => (Some(v4), Some(v6)),
                (Ok(v4), Err(_)) => (Some(v4), None),
                (Err(_), Ok(v6)) => (None, Some(v6)),
                (Err(e), Err(_)) if is_forbidden(&e) => continue,
                (Err(e), Err(_)) => return Err(fault("socket")(e)),
            };
            let mut granted = usize::MAX;
            for socket in [&v4, &v6]
                .into_iter()
                .flatten()
                .flat_map(|family| &family.sockets)
            {
                granted = granted.min(socket.recv_buffer_size().map_err(fault("getsockopt SO_RCVBUF"))?);
            }
            let now = clock.mono();
            return Ok(Self {
                v4,
                v6,
                mode: *mode,
                options,
                granted,
                clock,
                // The IPv4 header comes with it on raw sockets.
                batch: Batch::new(options.message.max(1_500) + 60),
                emptied: now,
                looked_into: 0,
                corrupt: 0,
                errors_before: checksum_errors(),
            });
        }
        Err(forbidden())
    }

    fn family(&mut self, to: IpAddr) -> Option<&mut OneFamily> {
        match to {
            IpAddr::V4(_) => self.v4.as_mut(),
            IpAddr::V6(_) => self.v6.as_mut(),
        }
    }

    /// The place of the socket for an ident of the block; opens it if need be.
    fn shelf(&mut self, to: IpAddr, variant: u8) -> Option<usize> {
        let wanted = match self.mode {
            Mode::Datagram => usize::from(variant) % SHELF,
            Mode::Raw | Mode::Simulated => 0,
        };
        let (mode, options) = (self.mode, self.options);
        while self.family(to)?.sockets.len() <= wanted {
            let is_v4 = to.is_ipv4();
            let Ok(more) = one_family(mode, is_v4, &options) else {
                // No further socket to be had: the ident stays what it is.
                return Some(0);
            };
            for socket in more.sockets {
                let family = self.family(to)?;
                family.sockets.push(socket);
                family.is_whole.push(false);
            }
        }
        Some(wanted)
    }
}

fn is_forbidden(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

fn forbidden() -> SetupError {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ping_group_range");
    SetupError::Permission {
        range: range.map_or_else(
            |e| e.to_string(),
            |text| text.split_whitespace().collect::<Vec<_>>().join(" "),
        ),
        program: std::env::current_exe()
            .map_or_else(|_| "tramgac".to_owned(), |path| path.display().to_string()),
        group: nix::unistd::getegid().as_raw(),
    }
}

fn one_family(mode: Mode, is_v4: bool, options: &SocketOptions) -> io::Result<OneFamily> {
    let (domain, protocol) = if is_v4 {
        (Domain::IPV4, Protocol::ICMPV4)
    } else {
        (Domain::IPV6, Protocol::ICMPV6)
    };
    let kind = match mode {
        Mode::Raw | Mode::Simulated => Type::RAW,
        Mode::Datagram => Type::DGRAM,
    };
    let socket = Socket::new(domain, kind, Some(protocol))?;
    socket.set_nonblocking(true)?;
    setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
    match mode {
        Mode::Raw | Mode::Simulated => {
            filter(&socket, is_v4, options.ident)?;
            drain(&socket);
        }
        Mode::Datagram if is_v4 => {
            setsockopt(&socket, sockopt::Ipv4RecvErr, &true)?;
        }
        Mode::Datagram => {
            setsockopt(&socket, sockopt::Ipv6RecvErr, &true)?;
        }
    }
    // CAP_NET_ADMIN may go above net.core.rmem_max; without it we take what we get.
    if setsockopt(&socket, sockopt::RcvBufForce, &options.receive_buffer).is_err() {
        socket.set_recv_buffer_size(options.receive_buffer)?;
    }
    Ok(OneFamily {
        sockets: vec![socket],
        is_whole: vec![false],
        cuts_small: false,
        is_v4,
        is_used: false,
    })
}

impl EchoSocket for SystemSocket {
    fn send(&mut self, packet: &Outgoing<'_>) -> Result<(), SendRefusal> {
        let no_family = SendRefusal::Blind(BlindReason::NoRoute);
        let is_datagram = self.mode == Mode::Datagram;
        let place = self
            .shelf(packet.to, packet.variant)
            .ok_or_else(|| no_family.clone())?;
        let family = self.family(packet.to).ok_or(no_family)?;
        family.is_used = true;
        let (Some(socket), Some(is_whole)) = (family.sockets.get(place), family.is_whole.get_mut(place))
        else {
            return Err(SendRefusal::Full);
        };
        let forbidden = packet.header.dont_fragment;
        let is_small = family.is_v4 && packet.bytes.len() + IPV4_HEADER <= SMALL;
        let mut wanted = forbidden || is_small && !family.cuts_small;
        // A datagram socket tells the errors of earlier packets first: not this one's fate.
        for _ in 0..8 {
            if *is_whole != wanted {
                set_whole(socket, family.is_v4, wanted).map_err(|e| refusal(&e, forbidden))?;
                *is_whole = wanted;
            }
            match system::send(socket.as_fd(), packet.to, &packet.header, packet.bytes) {
                Ok(()) => return Ok(()),
                Err(e) if is_datagram && is_earlier(socket, &e) => {}
                Err(e) if wanted && !forbidden && e.raw_os_error() == Some(libc::EMSGSIZE) => {
                    family.cuts_small = true;
                    wanted = false;
                }
                Err(e) => return Err(refusal(&e, forbidden)),
            }
        }
        Err(SendRefusal::Full)
    }

    fn receive(&mut self, now: Mono, each: &mut dyn FnMut(&Incoming<'_>)) -> io::Result<usize> {
        let mut count = 0;
        let before = self.clock.mono();
        let (clock, emptied) = (&*self.clock, self.emptied);
        for family in [&self.v4, &self.v6].into_iter().flatten().filter(|f| f.is_used) {
            for socket in &family.sockets {
                if self.mode == Mode::Datagram {
                    count += errors(socket, now, each);
                }
                // Both clocks, read together, turn a stamp of the wall clock into one of ours. Read
                // when the packets are here, they are after every stamp.
                let mut clocks = None;
                let strip = family.is_v4 && self.mode == Mode::Raw;
                let got = self.batch.receive(socket.as_fd(), &mut |received| {
                    let bytes = if strip {
                        packet::strip_ipv4(received.bytes).unwrap_or_default()
                    } else {
                        received.bytes
                    };
                    let (mono, wall) = *clocks.get_or_insert_with(|| stamp::both(clock));
                    let bound = mono.since(emptied) + Span::from_millis(1);
                    let at = received
                        .stamp
                        .map_or(mono, |stamp| stamp::at_stamp(stamp, mono, wall, bound));
                    each(&Incoming {
                        from: received.from,
                        at,
                        bytes: if received.is_whole { bytes } else { &[] },
                        error: None,
                    });
                });
                match got {
                    Ok(got) => count += got,
                    Err(e) if is_passing(&e) => {}
                    Err(e) => return Err(e),
                }
            }
        }
        if count < BATCH {
            self.emptied = before;
        }
        Ok(count)
    }

    fn drops(&mut self) -> Drops {
        let v4 = self.v4.as_ref().map_or(0, OneFamily::drops);
        let v6 = self.v6.as_ref().map_or(0, OneFamily::drops);
        if v6 > self.looked_into {
            self.looked_into = v6;
            // Rare, so that a file may be read. Some of those errors may have been in packets
            // that were not for us: then we tell of too many corrupt ones and of too few drops.
            let errors = checksum_errors().saturating_sub(self.errors_before);
            self.corrupt = errors.min(v6).max(self.corrupt);
        }
        Drops {
            full: v4 + v6.saturating_sub(self.corrupt),
            corrupt: self.corrupt,
        }
    }

    fn facts(&self) -> Facts {
        Facts {
            mode: self.mode,
            receive_buffer: self.granted,
            has_ipv6: self.v6.is_some(),
        }
    }

    fn descriptors(&self) -> Descriptors<'_> {
        let mut all = [None; 8];
        let families = [&self.v4, &self.v6].into_iter().flatten();
        let sockets = families.flat_map(|family| &family.sockets);
        for (place, socket) in all.iter_mut().zip(sockets) {
            *place = Some(socket.as_fd());
        }
        all
    }
}

fn set_whole(socket: &Socket, is_v4: bool, wanted: bool) -> io::Result<()> {
    // IP_PMTUDISC_PROBE sets DF and ignores what the system believes of the path; WANT is the default.
    let value = if wanted {
        libc::IP_PMTUDISC_PROBE
    } else {
        libc::IP_PMTUDISC_WANT
    };
    let (level, name) = if is_v4 {
        (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER)
    } else {
        (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER)
    };
    system::set_option(socket.as_fd(), level, name, &[value.cast_unsigned()])
}
