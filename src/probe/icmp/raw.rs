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

use std::io;
use std::io::IoSliceMut;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::ControlMessageOwned;
use nix::sys::socket::MsgFlags;
use nix::sys::socket::SockaddrStorage;
use nix::sys::socket::recvmsg;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt;
use socket2::Domain;
use socket2::Protocol;
use socket2::SockFilter;
use socket2::Socket;
use socket2::Type;

use super::SendRefusal;
use super::engine::ident_mask;
use super::packet;
use super::socket::BATCH;
use super::socket::Descriptors;
use super::socket::Drops;
use super::socket::EchoSocket;
use super::socket::Facts;
use super::socket::Incoming;
use super::socket::Mode;
use super::socket::Outgoing;
use super::socket::Queued;
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

struct OneFamily {
    /// One raw socket, or up to [`SHELF`] datagram sockets.
    sockets: Vec<Socket>,
    /// Whether packets leave unfragmented only, at each of them.
    is_whole: Vec<bool>,
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
        is_v4,
        is_used: false,
    })
}

/// Lets in echo replies to, and errors about, our block of idents only.
fn filter(socket: &Socket, is_v4: bool, ident: u16) -> io::Result<()> {
    const SOL_RAW: i32 = 255;
    const ICMP_FILTER: i32 = 1;
    const ICMPV6_FILTER: i32 = 1;
    if is_v4 {
        // A set bit blocks that type: all but echo reply, unreachable, time exceeded, parameter problem.
        let blocked: u32 = !(1 << 0 | 1 << 3 | 1 << 11 | 1 << 12);
        system::set_option(socket.as_fd(), SOL_RAW, ICMP_FILTER, &[blocked])?;
    } else {
        let mut blocked = [u32::MAX; 8];
        blocked[0] = !(1 << 1 | 1 << 2 | 1 << 3 | 1 << 4);
        blocked[4] = !(1 << 1);
        system::set_option(socket.as_fd(), libc::IPPROTO_ICMPV6, ICMPV6_FILTER, &blocked)?;
    }
    if is_v4 {
        socket.attach_filter(&program_v4(ident))
    } else {
        socket.attach_filter(&program_v6(ident))
    }
}

// Classic BPF (linux/filter.h). `A` and `X` are its registers, `k` an operand.
const LOAD_BYTE: u16 = 0x30;
const LOAD_BYTE_X: u16 = 0x50;
const LOAD_HALF: u16 = 0x28;
const LOAD_HALF_X: u16 = 0x48;
const LOAD_HEADER_LENGTH: u16 = 0xb1;
const AND: u16 = 0x54;
const SHIFT_LEFT: u16 = 0x64;
const ADD_X: u16 = 0x0c;
const TO_X: u16 = 0x07;
const JUMP: u16 = 0x05;
const JUMP_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;
const ALL: u32 = u32::MAX;

/// An IPv4 raw socket's packets begin with the IP header.
fn program_v4(ident: u16) -> [SockFilter; 17] {
    let mask = u32::from(ident_mask());
    let base = u32::from(ident & ident_mask());
    [
        SockFilter::new(LOAD_HEADER_LENGTH, 0, 0, 0),
        SockFilter::new(LOAD_BYTE_X, 0, 0, 0),
        // An echo reply has its ident at 4.
        SockFilter::new(JUMP_EQUAL, 0, 2, 0),
        SockFilter::new(LOAD_HALF_X, 0, 0, 4),
        SockFilter::new(JUMP, 0, 0, 8), // to the mask
        // An error quotes an IPv4 header at 8, whose protocol must be ICMP …
        SockFilter::new(LOAD_BYTE_X, 0, 0, 8 + 9),
        SockFilter::new(JUMP_EQUAL, 0, 9, 1),
        // … and behind it our request.
        SockFilter::new(LOAD_BYTE_X, 0, 0, 8),
        SockFilter::new(AND, 0, 0, 0x0f),
        SockFilter::new(SHIFT_LEFT, 0, 0, 2),
        SockFilter::new(ADD_X, 0, 0, 0),
        SockFilter::new(TO_X, 0, 0, 0),
        SockFilter::new(LOAD_HALF_X, 0, 0, 8 + 4),
        SockFilter::new(AND, 0, 0, mask),
        SockFilter::new(JUMP_EQUAL, 0, 1, base),
        SockFilter::new(RETURN, 0, 0, ALL),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

/// An IPv6 raw socket's packets begin with the ICMPv6 header.
fn program_v6(ident: u16) -> [SockFilter; 14] {
    let mask = u32::from(ident_mask());
    let base = u32::from(ident & ident_mask());
    [
        SockFilter::new(LOAD_BYTE, 0, 0, 0),
        SockFilter::new(JUMP_EQUAL, 0, 2, 129),
        SockFilter::new(LOAD_HALF, 0, 0, 4),
        SockFilter::new(JUMP, 0, 0, 6), // to the mask
        // The quoted IPv6 header is 40 bytes long; ICMPv6 (58) or one fragment header (44) follows.
        SockFilter::new(LOAD_BYTE, 0, 0, 8 + 6),
        SockFilter::new(JUMP_EQUAL, 0, 2, 58),
        SockFilter::new(LOAD_HALF, 0, 0, 8 + 40 + 4),
        SockFilter::new(JUMP, 0, 0, 2), // to the mask
        SockFilter::new(JUMP_EQUAL, 0, 4, 44),
        SockFilter::new(LOAD_HALF, 0, 0, 8 + 48 + 4),
        SockFilter::new(AND, 0, 0, mask),
        SockFilter::new(JUMP_EQUAL, 0, 1, base),
        SockFilter::new(RETURN, 0, 0, ALL),
        SockFilter::new(RETURN, 0, 0, 0),
    ]
}

/// Throws away what came in between the opening of the socket and its filter.
fn drain(socket: &Socket) {
    let mut byte = [0_u8; 1];
    // A bound, though the filter has ended the flow: a buffer of default size holds fewer.
    for _ in 0..4_096 {
        if nix::sys::socket::recv(socket.as_raw_fd(), &mut byte, MsgFlags::MSG_DONTWAIT).is_err() {
            return;
        }
    }
}

/// What a refusal of the system says about us (never about the target).
fn refusal(error: &io::Error, is_whole: bool) -> SendRefusal {
    let reason = match error.raw_os_error().unwrap_or(0) {
        libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM | libc::EINTR => return SendRefusal::Full,
        libc::ENETUNREACH | libc::EHOSTUNREACH | libc::EADDRNOTAVAIL | libc::EAFNOSUPPORT => {
            BlindReason::NoRoute
        }
        libc::ENETDOWN | libc::ENODEV => BlindReason::InterfaceDown,
        libc::EPERM | libc::EACCES => BlindReason::Permission,
        libc::EMSGSIZE if is_whole => {
            BlindReason::Internal("the packet is larger than the interface takes in one piece".to_owned())
        }
        _ => BlindReason::Internal(error.to_string()),
    };
    SendRefusal::Blind(reason)
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
        let wanted = packet.header.dont_fragment;
        if *is_whole != wanted {
            set_whole(socket, family.is_v4, wanted).map_err(|e| refusal(&e, wanted))?;
            *is_whole = wanted;
        }
        // A datagram socket tells the errors of earlier packets first: not this one's fate.
        for _ in 0..8 {
            match system::send(socket.as_fd(), packet.to, &packet.header, packet.bytes) {
                Ok(()) => return Ok(()),
                Err(e) if is_datagram && is_earlier(socket, &e) => {}
                Err(e) => return Err(refusal(&e, wanted)),
            }
        }
        Err(SendRefusal::Full)
    }

    fn receive(&mut self, now: Mono, each: &mut dyn FnMut(&Incoming<'_>)) -> io::Result<usize> {
        let mut count = 0;
        let before = self.clock.mono();
        let bound = before.since(self.emptied) + Span::from_millis(1);
        for family in [&self.v4, &self.v6].into_iter().flatten().filter(|f| f.is_used) {
            for socket in &family.sockets {
                if self.mode == Mode::Datagram {
                    count += errors(socket, now, each);
                }
                // Both clocks, read together, turn a stamp of the wall clock into one of ours.
                let (mono, wall) = (self.clock.mono(), self.clock.wall_nanos());
                let strip = family.is_v4 && self.mode == Mode::Raw;
                let got = self.batch.receive(socket.as_fd(), &mut |received| {
                    let bytes = if strip {
                        packet::strip_ipv4(received.bytes).unwrap_or_default()
                    } else {
                        received.bytes
                    };
                    let at = received
                        .stamp
                        .map_or(mono, |stamp| at_stamp(stamp, mono, wall, bound));
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

/// Our clock's time for a kernel stamp. A stamp from the future, or older than
/// the last time that the socket was empty, was taken before the wall clock
/// stepped: then the time of reading is the best that we know (trap 24).
fn at_stamp(stamp: i128, mono: Mono, wall: i128, bound: Span) -> Mono {
    match u64::try_from(wall - stamp) {
        Ok(age) if Span::from_nanos(age) <= bound => Mono(mono.0.saturating_sub(age)),
        // A packet that came after the clocks were read is stamped after them, too.
        Ok(_) | Err(_) => mono,
    }
}

fn is_passing(error: &io::Error) -> bool {
    // A datagram socket reports the errors of its packets here too; the queue has them.
    matches!(
        Errno::from_raw(error.raw_os_error().unwrap_or(0)),
        Errno::EAGAIN
            | Errno::EINTR
            | Errno::EHOSTUNREACH
            | Errno::ENETUNREACH
            | Errno::ECONNREFUSED
            | Errno::EPROTO
            | Errno::EMSGSIZE
            | Errno::EACCES
            | Errno::EHOSTDOWN
            | Errno::ENETDOWN
            | Errno::EOPNOTSUPP
            | Errno::ENOPROTOOPT
    )
}

/// Whether a failed send on a datagram socket told of an earlier packet: then
/// that packet's error waits in the queue.
fn is_earlier(socket: &Socket, error: &io::Error) -> bool {
    is_passing(error)
        && error.kind() != io::ErrorKind::WouldBlock
        && recvmsg::<SockaddrStorage>(
            socket.as_raw_fd(),
            &mut [IoSliceMut::new(&mut [0; 8])],
            None,
            MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT,
        )
        .is_ok()
}

/// Hands the ICMP errors in a datagram socket's error queue to `each`.
fn errors(socket: &Socket, now: Mono, each: &mut dyn FnMut(&Incoming<'_>)) -> usize {
    let mut count = 0;
    let mut bytes = [0_u8; 2_048];
    let mut control = nix::cmsg_space!(libc::sock_extended_err, libc::sockaddr_in6, [u64; 4]);
    while count < BATCH {
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        let Ok(message) =
            recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(&mut control), flags)
        else {
            break;
        };
        count += 1;
        let to = message.address.as_ref().and_then(address);
        let mut told = None;
        for part in message.cmsgs().into_iter().flatten() {
            if let ControlMessageOwned::Ipv4RecvErr(error, from) = part {
                let from = from.map(|a| IpAddr::from(u32::from_be(a.sin_addr.s_addr).to_be_bytes()));
                told = Some((error, from));
            } else if let ControlMessageOwned::Ipv6RecvErr(error, from) = part {
                told = Some((error, from.map(|a| IpAddr::from(a.sin6_addr.s6_addr))));
            }
        }
        let length = message.bytes;
        let (Some(to), Some((error, from))) = (to, told) else {
            continue;
        };
        let is_icmp = matches!(
            error.ee_origin,
            libc::SO_EE_ORIGIN_ICMP | libc::SO_EE_ORIGIN_ICMP6
        );
        if !is_icmp {
            continue;
        }
        each(&Incoming {
            from: from.unwrap_or(to),
            at: now,
            bytes: bytes.get(..length).unwrap_or_default(),
            error: Some(Queued {
                kind: error.ee_type,
                code: error.ee_code,
                to,
            }),
        });
    }
    count
}

fn address(name: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = name.as_sockaddr_in().map(|a| SocketAddr::from(*a).ip());
    v4.or_else(|| name.as_sockaddr_in6().map(|a| SocketAddr::from(*a).ip()))
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
