//! A TUN device: an interface whose other end is a file of ours.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::libc;
use nix::sched::CloneFlags;
use nix::sys::socket::AddressFamily;
use nix::sys::socket::SockFlag;
use nix::sys::socket::SockType;

/// Packets that the kernel keeps for us while we are not looking; the default
/// of 500 is less than an engine sends between two looks.
const QUEUE: i32 = 10_000;

/// Longest name of an interface (`IFNAMSIZ`, less its end).
const MAX_NAME: usize = 15;

/// Opens a new TUN device called `name` in the network namespace `namespace`
/// (a name below `/run/netns`), or in this thread's own. It goes away with its file.
///
/// # Errors
/// No such namespace, no permission (`CAP_NET_ADMIN`), the name is taken or too long.
pub(super) fn open(namespace: Option<&str>, name: &str) -> io::Result<OwnedFd> {
    let Some(namespace) = namespace else {
        return open_here(name);
    };
    let path = Path::new("/run/netns").join(namespace);
    // A thread may live in another namespace than its process, so one of its own does it.
    let opened = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                let file = File::open(&path)?;
                nix::sched::setns(file.as_fd(), CloneFlags::CLONE_NEWNET)?;
                open_here(name)
            })
            .join()
    });
    opened.unwrap_or_else(|_panic| Err(io::Error::other("the thread that opens a TUN device died")))
}

fn open_here(name: &str) -> io::Result<OwnedFd> {
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("an interface has a name of 1 to {MAX_NAME} bytes"),
        ));
    }
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open("/dev/net/tun")?;
    let mut request = named(name);
    // The packets as they are, without four bytes of "packet information" before each.
    request.ifr_ifru.ifru_flags = libc::c_short::try_from(libc::IFF_TUN | libc::IFF_NO_PI).unwrap_or(0);
    call(&file, libc::TUNSETIFF, &mut request)?;
    let socket = nix::sys::socket::socket(
        AddressFamily::Inet,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        None,
    )?;
    let mut request = named(name);
    request.ifr_ifru.ifru_metric = QUEUE;
    call(&socket, libc::SIOCSIFTXQLEN, &mut request)?;
    Ok(file.into())
}

#[expect(unsafe_code, reason = "a C struct of plain numbers")]
fn named(name: &str) -> libc::ifreq {
    // SAFETY: all-zero is a valid ifreq: an empty name and a union of plain numbers and a null pointer.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes().take(MAX_NAME)) {
        *to = libc::c_char::from_ne_bytes([from]);
    }
    request
}

#[expect(unsafe_code, reason = "ioctl has no safe form")]
fn call(file: &impl AsRawFd, what: libc::c_ulong, request: &mut libc::ifreq) -> io::Result<()> {
    // SAFETY: both calls that are made here read and write one `ifreq`, which is what `request` is.
    let done = unsafe { libc::ioctl(file.as_raw_fd(), what, std::ptr::from_mut(request)) };
    if done < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
