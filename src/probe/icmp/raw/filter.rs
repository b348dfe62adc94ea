//! What the kernel lets into a raw socket: replies and errors for our idents, nothing else.

use std::io;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;

use nix::libc;
use nix::sys::socket::MsgFlags;
use socket2::SockFilter;
use socket2::Socket;

use crate::probe::icmp::engine::ident_mask;
use crate::probe::icmp::system;

/// Lets in echo replies to, and errors about, our block of idents only.
pub(super) fn filter(socket: &Socket, is_v4: bool, ident: u16) -> io::Result<()> {
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
pub(super) fn drain(socket: &Socket) {
    let mut byte = [0_u8; 1];
    // A bound, though the filter has ended the flow: a buffer of default size holds fewer.
    for _ in 0..4_096 {
        if nix::sys::socket::recv(socket.as_raw_fd(), &mut byte, MsgFlags::MSG_DONTWAIT).is_err() {
            return;
        }
    }
}
