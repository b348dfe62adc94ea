//! One shared UDP socket: its options, batched receiving, its error queue.

use std::io;
use std::io::IoSliceMut;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;

use nix::cmsg_space;
use nix::libc;
use nix::sys::socket::ControlMessageOwned;
use nix::sys::socket::MsgFlags;
use nix::sys::socket::MultiHeaders;
use nix::sys::socket::SockaddrStorage;
use nix::sys::socket::recvmmsg;
use nix::sys::socket::recvmsg;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt;

use crate::model::Reason;
use crate::probe::snmp::finding::Finding;

/// Packets received by one system call.
const BATCH: usize = 32;
/// Room for the largest packet of UDP over IPv4; the pages behind it are used only when one
/// comes. No power of two: the packets of a batch would all lie in the same few places of
/// the processor's cache, and drive each other out.
const LARGEST: usize = 65_536 + 1_600;
/// Batches read from one socket before the others get their turn.
const BATCHES_IN_A_ROW: usize = 8;
/// Errors read from one socket before the others get their turn.
const ERRORS_IN_A_ROW: usize = 256;

/// A socket and what `poll` said of it.
#[derive(Debug)]
pub(super) struct Port {
    socket: UdpSocket,
    pub(super) is_readable: bool,
    pub(super) has_errors: bool,
    /// What was granted.
    pub(super) receive_buffer_bytes: usize,
    /// The kernel's count of datagrams dropped for a full buffer.
    drops: u32,
}

impl Port {
    pub(super) fn open(source: SocketAddr, receive_buffer_bytes: usize) -> io::Result<Self> {
        let domain = socket2::Domain::for_address(source);
        let socket = socket2::Socket::new(domain, socket2::Type::DGRAM, Some(socket2::Protocol::UDP))?;
        if source.is_ipv6() {
            socket.set_only_v6(true)?;
            setsockopt(&socket, sockopt::Ipv6RecvErr, &true)?;
        } else {
            setsockopt(&socket, sockopt::Ipv4RecvErr, &true)?;
        }
        setsockopt(&socket, sockopt::RxqOvfl, &1)?;
        // Beyond the system's limit with CAP_NET_ADMIN, else up to the limit.
        if setsockopt(&socket, sockopt::RcvBufForce, &receive_buffer_bytes).is_err() {
            setsockopt(&socket, sockopt::RcvBuf, &receive_buffer_bytes)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&source.into())?;
        Ok(Self {
            receive_buffer_bytes: socket.recv_buffer_size()?,
            socket: socket.into(),
            is_readable: false,
            has_errors: false,
            drops: 0,
        })
    }

    /// Sends a datagram. An error that an earlier one left behind is not this one's.
    pub(super) fn send(&self, bytes: &[u8], to: SocketAddr) -> io::Result<()> {
        let mut last = None;
        // Each call reports at most one earlier error.
        for _ in 0..8 {
            match self.socket.send_to(bytes, to) {
                Ok(_sent) => return Ok(()),
                Err(error) => {
                    let earlier = matches!(
                        error.raw_os_error(),
                        Some(libc::ECONNREFUSED | libc::EHOSTUNREACH | libc::ENETUNREACH | libc::EINTR)
                    );
                    if !earlier {
                        return Err(error);
                    }
                    last = Some(error);
                }
            }
        }
        Err(last.unwrap_or_else(|| io::ErrorKind::WouldBlock.into()))
    }
}

impl AsFd for Port {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Buffers for a batch, shared by all sockets.
pub(super) struct Receiver {
    buffers: Vec<Vec<u8>>,
}

impl Receiver {
    pub(super) fn new() -> Self {
        Self {
            buffers: vec![vec![0; LARGEST]; BATCH],
        }
    }

    /// Hands every waiting datagram to `take`. Gives the number of datagrams
    /// that the kernel dropped since the last time.
    pub(super) fn read(&mut self, port: &mut Port, mut take: impl FnMut(&[u8], SocketAddr)) -> u64 {
        let mut dropped = 0;
        for _ in 0..BATCHES_IN_A_ROW {
            let mut slices: Vec<[IoSliceMut<'_>; 1]> =
                self.buffers.iter_mut().map(|b| [IoSliceMut::new(b)]).collect();
            // New ones each time: the kernel leaves its lengths in them.
            let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(BATCH, Some(cmsg_space!(u32)));
            let received = recvmmsg(
                port.socket.as_raw_fd(),
                &mut headers,
                slices.iter_mut(),
                MsgFlags::MSG_DONTWAIT,
                None,
            );
            let Ok(packets) = received else {
                break;
            };
            let mut count = 0;
            for packet in packets {
                count += 1;
                if let Ok(messages) = packet.cmsgs() {
                    for message in messages {
                        if let ControlMessageOwned::RxqOvfl(total) = message {
                            dropped += u64::from(total.wrapping_sub(port.drops));
                            port.drops = total;
                        }
                    }
                }
                let from = packet.address.as_ref().and_then(address);
                if let (Some(from), Some(bytes)) = (from, packet.iovs().next()) {
                    take(bytes, from);
                }
            }
            if count < BATCH {
                break;
            }
        }
        dropped
    }

    /// Hands every ICMP error to `take`: the beginning of what we sent, to
    /// whom, and what is said of it.
    pub(super) fn read_errors(&mut self, port: &Port, mut take: impl FnMut(&[u8], SocketAddr, &Finding)) {
        let Some(buffer) = self.buffers.first_mut() else {
            return;
        };
        for _ in 0..ERRORS_IN_A_ROW {
            let mut control = cmsg_space!(libc::sock_extended_err, libc::sockaddr_in6);
            let mut slices = [IoSliceMut::new(buffer)];
            let received = recvmsg::<SockaddrStorage>(
                port.socket.as_raw_fd(),
                &mut slices,
                Some(&mut control),
                MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT,
            );
            let Ok(packet) = received else {
                return;
            };
            let to = packet.address.as_ref().and_then(address);
            let finding = packet.cmsgs().ok().and_then(|mut messages| {
                messages.find_map(|message| {
                    if let ControlMessageOwned::Ipv4RecvErr(error, _)
                    | ControlMessageOwned::Ipv6RecvErr(error, _) = message
                    {
                        finding(&error)
                    } else {
                        None
                    }
                })
            });
            if let (Some(to), Some(finding), Some(quoted)) = (to, finding, packet.iovs().next()) {
                take(quoted, to, &finding);
            }
        }
    }
}

/// What an error of the queue says; `None`: nothing about reachability.
fn finding(error: &libc::sock_extended_err) -> Option<Finding> {
    let errno = i32::try_from(error.ee_errno).unwrap_or(0);
    Some(match errno {
        libc::ECONNREFUSED => Finding::Refused,
        libc::EHOSTUNREACH | libc::EHOSTDOWN => Finding::Unreachable(Reason::HostUnreachable),
        libc::ENETUNREACH => Finding::Unreachable(Reason::NetUnreachable),
        libc::EACCES | libc::EPERM => Finding::Unreachable(Reason::Prohibited),
        _ => return None,
    })
}

fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = storage.as_sockaddr_in() {
        return Some(SocketAddr::V4((*v4).into()));
    }
    storage.as_sockaddr_in6().map(|v6| SocketAddr::V6((*v6).into()))
}
