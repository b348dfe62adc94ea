//! The system calls that no crate of ours wraps as we need them. The only
//! unsafe code of the prober stands here.
//!
//! `nix::recvmmsg` does not set the control length anew before each call, so
//! that its headers can't be used twice; `nix` allocates for control messages
//! at every send; and neither it nor `socket2` knows `ICMP_FILTER` and `SO_MEMINFO`.

use std::io;
use std::mem;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;

use nix::libc;
use socket2::SockAddr;

use super::Header;
use super::socket::BATCH;

/// Room for the control messages of one received message: a time stamp takes 32 bytes.
const CONTROL: usize = 64;

/// Room for one batch of received messages, used again and again.
pub struct Batch {
    bytes: Vec<u8>,
    size: usize,
    names: Vec<libc::sockaddr_storage>,
    controls: Vec<[u64; CONTROL / 8]>,
}

/// One message of a batch.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// Who sent it.
    pub from: IpAddr,
    /// The bytes as the socket delivered them.
    pub bytes: &'a [u8],
    /// Whether they are all there.
    pub is_whole: bool,
    /// The kernel's time stamp, nanoseconds since the epoch of the wall clock.
    pub stamp: Option<i128>,
}

impl Batch {
    /// Room for messages of up to `size` bytes each.
    pub fn new(size: usize) -> Self {
        Self {
            bytes: vec![0; size * BATCH],
            size,
            names: vec![zeroed_name(); BATCH],
            controls: vec![[0; CONTROL / 8]; BATCH],
        }
    }

    /// Receives up to [`BATCH`] messages without waiting and hands them to
    /// `each`; how many those were.
    ///
    /// # Errors
    /// What the system says, [`io::ErrorKind::WouldBlock`] when there is nothing.
    #[expect(
        unsafe_code,
        reason = "recvmmsg: nix's own wrapper can't use its headers twice (see above)"
    )]
    pub fn receive(
        &mut self,
        socket: BorrowedFd<'_>,
        each: &mut dyn FnMut(&Received<'_>),
    ) -> io::Result<usize> {
        // SAFETY: all-zero is a valid value for these plain C structs (null pointers, zero lengths).
        let mut parts: [libc::iovec; BATCH] = unsafe { mem::zeroed() };
        // SAFETY: as above.
        let mut headers: [libc::mmsghdr; BATCH] = unsafe { mem::zeroed() };
        let rooms = self.bytes.chunks_exact_mut(self.size);
        for ((((header, part), room), name), control) in headers
            .iter_mut()
            .zip(&mut parts)
            .zip(rooms)
            .zip(&mut self.names)
            .zip(&mut self.controls)
        {
            part.iov_base = room.as_mut_ptr().cast();
            part.iov_len = room.len();
            let message = &mut header.msg_hdr;
            message.msg_iov = part;
            message.msg_iovlen = 1;
            message.msg_name = std::ptr::from_mut(name).cast();
            message.msg_namelen = NAME;
            message.msg_control = control.as_mut_ptr().cast();
            message.msg_controllen = CONTROL;
        }
        // SAFETY: every pointer in `headers` points into `parts`, `self.bytes`, `self.names` or
        // `self.controls`, which live until the end of this function and are borrowed by nobody else;
        // the lengths beside them are theirs.
        let got = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                headers.len().try_into().unwrap_or(0),
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        let got = usize::try_from(got).map_err(|_negative| io::Error::last_os_error())?;
        let rooms = self.bytes.chunks_exact(self.size);
        for (((header, room), name), control) in headers
            .iter()
            .take(got)
            .zip(rooms)
            .zip(&self.names)
            .zip(&self.controls)
        {
            let length = usize::try_from(header.msg_len).unwrap_or(0).min(room.len());
            let Some(from) = address_of(name) else {
                continue;
            };
            each(&Received {
                from,
                bytes: &room[..length],
                is_whole: header.msg_hdr.msg_flags & libc::MSG_TRUNC == 0,
                stamp: stamp_of(control, header.msg_hdr.msg_controllen),
            });
        }
        Ok(got)
    }
}

/// Size of a `sockaddr_storage`, as RFC 3493 §3.10 and Linux have it.
const NAME: libc::socklen_t = 128;
const _: () = assert!(
    size_of::<libc::sockaddr_storage>() == 128,
    "a socket name has the size that we say"
);

#[expect(unsafe_code, reason = "a C struct of plain numbers")]
fn zeroed_name() -> libc::sockaddr_storage {
    // SAFETY: all-zero is a valid sockaddr_storage (AF_UNSPEC).
    unsafe { mem::zeroed() }
}

/// The address in a socket name that the kernel wrote.
#[expect(unsafe_code, reason = "the family says which of the C structs it is")]
fn address_of(name: &libc::sockaddr_storage) -> Option<IpAddr> {
    match i32::from(name.ss_family) {
        libc::AF_INET => {
            // SAFETY: the kernel says that this is a sockaddr_in, which is smaller than and
            // aligned no stricter than the storage that it lies in.
            let v4 = unsafe { &*std::ptr::from_ref(name).cast::<libc::sockaddr_in>() };
            Some(Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above, for sockaddr_in6.
            let v6 = unsafe { &*std::ptr::from_ref(name).cast::<libc::sockaddr_in6>() };
            Some(Ipv6Addr::from(v6.sin6_addr.s6_addr).into())
        }
        _ => None,
    }
}

/// The SO_TIMESTAMPNS control message, if it is among `length` bytes of control messages.
fn stamp_of(control: &[u64; CONTROL / 8], length: usize) -> Option<i128> {
    // struct cmsghdr on 64-bit Linux: length (8), level (4), type (4), then the data, aligned to 8.
    let mut words = control.get(..(length / 8).min(CONTROL / 8))?;
    while let [size, kind, data @ ..] = words {
        let size = usize::try_from(*size).ok()?;
        let kind = kind.to_ne_bytes();
        let (level, kind) = kind.split_first_chunk::<4>()?;
        let (kind, _) = kind.split_first_chunk::<4>()?;
        if i32::from_ne_bytes(*level) == libc::SOL_SOCKET
            && i32::from_ne_bytes(*kind) == libc::SCM_TIMESTAMPNS
        {
            let [secs, nanos, ..] = data else { return None };
            return Some(i128::from(secs.cast_signed()) * 1_000_000_000 + i128::from(nanos.cast_signed()));
        }
        words = words.get(size.div_ceil(8).max(2)..)?;
    }
    None
}

/// Sets a socket option that is a few plain numbers.
///
/// # Errors
/// What the system says.
#[expect(
    unsafe_code,
    reason = "ICMP_FILTER, ICMP6_FILTER and IP_MTU_DISCOVER have no safe wrapper"
)]
pub fn set_option(socket: BorrowedFd<'_>, level: i32, name: i32, value: &[u32]) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of_val(value)).unwrap_or(0);
    // SAFETY: the pointer and the length are those of `value`, which the kernel only reads.
    let done = unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, value.as_ptr().cast(), length) };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Packets that the kernel dropped at this socket since it was opened
/// (`SO_MEMINFO`, `SK_MEMINFO_DROPS`): the same counter as `SO_RXQ_OVFL` tells,
/// but without the need of a further packet to carry it.
///
/// # Errors
/// What the system says.
#[expect(unsafe_code, reason = "SO_MEMINFO has no safe wrapper")]
pub fn drops(socket: BorrowedFd<'_>) -> io::Result<u32> {
    const SO_MEMINFO: i32 = 55;
    const SK_MEMINFO_DROPS: usize = 8;
    let mut info = [0_u32; 16];
    let mut length = libc::socklen_t::try_from(size_of_val(&info)).unwrap_or(0);
    // SAFETY: the kernel writes at most `length` bytes into `info`.
    let done = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            SO_MEMINFO,
            info.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if done == 0 {
        Ok(info[SK_MEMINFO_DROPS])
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Control messages for one send: at most TTL, TOS and packet info.
struct Control {
    words: [u64; 16],
    used: usize,
}

impl Control {
    fn push(&mut self, level: i32, kind: i32, data: &[u8]) {
        let size = 16 + data.len();
        let words = size.div_ceil(8);
        let mut raw = [0_u8; 64];
        raw[..8].copy_from_slice(&(size as u64).to_ne_bytes());
        raw[8..12].copy_from_slice(&level.to_ne_bytes());
        raw[12..16].copy_from_slice(&kind.to_ne_bytes());
        raw[16..size].copy_from_slice(data);
        let (whole, _) = raw.as_chunks::<8>();
        for (to, from) in self
            .words
            .iter_mut()
            .skip(self.used)
            .zip(whole.iter().take(words))
        {
            *to = u64::from_ne_bytes(*from);
        }
        self.used += words;
    }
}

/// Sends one message without waiting; `header` chooses TTL, TOS, source and interface.
///
/// # Errors
/// What the system says.
#[expect(
    unsafe_code,
    reason = "sendmsg with control messages on the stack; nix allocates for them"
)]
pub fn send(socket: BorrowedFd<'_>, to: IpAddr, header: &Header, bytes: &[u8]) -> io::Result<()> {
    let mut control = Control {
        words: [0; 16],
        used: 0,
    };
    let (level, ttl, tos) = match to {
        IpAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_TTL, libc::IP_TOS),
        IpAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT, libc::IPV6_TCLASS),
    };
    if let Some(value) = header.ttl {
        control.push(level, ttl, &i32::from(value).to_ne_bytes());
    }
    if let Some(value) = header.tos {
        control.push(level, tos, &i32::from(value).to_ne_bytes());
    }
    if header.source.is_some() || header.interface.is_some() {
        let index = header.interface.unwrap_or(0).to_ne_bytes();
        match (to, header.source) {
            (IpAddr::V4(_), source) => {
                // struct in_pktinfo: interface, source, (unused) destination.
                let mut info = [0_u8; 12];
                info[..4].copy_from_slice(&index);
                if let Some(IpAddr::V4(v4)) = source {
                    info[4..8].copy_from_slice(&v4.octets());
                }
                control.push(libc::IPPROTO_IP, libc::IP_PKTINFO, &info);
            }
            (IpAddr::V6(_), source) => {
                // struct in6_pktinfo: source, interface.
                let mut info = [0_u8; 20];
                if let Some(IpAddr::V6(v6)) = source {
                    info[..16].copy_from_slice(&v6.octets());
                }
                info[16..].copy_from_slice(&index);
                control.push(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
            }
        }
    }
    let name = SockAddr::from(SocketAddr::new(to, 0));
    if control.used == 0 {
        // Not by the C library's function, which in a program with threads arms and disarms the
        // cancellation of the thread around each call: 1.4 % of all CPU time.
        // SAFETY: both pointers come with their own lengths, live until the call returns, and the
        // kernel only reads them; these are the call's six arguments in their order.
        let sent = unsafe {
            libc::syscall(
                libc::SYS_sendto,
                socket.as_raw_fd(),
                bytes.as_ptr(),
                bytes.len(),
                libc::MSG_DONTWAIT,
                name.as_ptr(),
                name.len(),
            )
        };
        return if sent >= 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        };
    }
    let mut part = libc::iovec {
        // The kernel only reads it.
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    // SAFETY: all-zero is a valid value for this plain C struct.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_name = name.as_ptr().cast_mut().cast();
    message.msg_namelen = name.len();
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.words.as_mut_ptr().cast();
    message.msg_controllen = control.used * 8;
    // SAFETY: every pointer in `message` points to a local or to `bytes`, with its own length; all
    // live until the call returns, and the kernel only reads them.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_DONTWAIT) };
    if sent >= 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
