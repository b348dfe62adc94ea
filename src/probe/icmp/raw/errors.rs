//! What the system refuses, and what a datagram socket's error queue tells.

use std::io;
use std::io::IoSliceMut;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::ControlMessageOwned;
use nix::sys::socket::MsgFlags;
use nix::sys::socket::SockaddrStorage;
use nix::sys::socket::recvmsg;
use socket2::Socket;

use crate::model::BlindReason;
use crate::model::Mono;
use crate::probe::icmp::SendRefusal;
use crate::probe::icmp::socket::BATCH;
use crate::probe::icmp::socket::Incoming;
use crate::probe::icmp::socket::Queued;

/// What a refusal of the system says about us (never about the target).
pub(super) fn refusal(error: &io::Error, is_whole: bool) -> SendRefusal {
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

pub(super) fn is_passing(error: &io::Error) -> bool {
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
pub(super) fn is_earlier(socket: &Socket, error: &io::Error) -> bool {
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
pub(super) fn errors(socket: &Socket, now: Mono, each: &mut dyn FnMut(&Incoming<'_>)) -> usize {
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
