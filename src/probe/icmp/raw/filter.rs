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
        socket.attach_filter(&program_v4(ident).map(Step::of_the_system))
    } else {
        socket.attach_filter(&program_v6(ident).map(Step::of_the_system))
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

/// One instruction: code, how far to jump if true and if false, operand.
#[derive(Debug, Clone, Copy)]
struct Step(u16, u8, u8, u32);

impl Step {
    fn of_the_system(self) -> SockFilter {
        SockFilter::new(self.0, self.1, self.2, self.3)
    }
}

/// An IPv4 raw socket's packets begin with the IP header.
fn program_v4(ident: u16) -> [Step; 23] {
    let mask = u32::from(ident_mask());
    let base = u32::from(ident & ident_mask());
    [
        // An echo reply without IP options, which is nearly all: at fixed places, where the
        // kernel reads directly; where `X` says the place it calls a function.
        Step(LOAD_BYTE, 0, 0, 0),
        Step(JUMP_EQUAL, 0, 4, 0x45),
        Step(LOAD_BYTE, 0, 0, 20),
        Step(JUMP_EQUAL, 0, 2, 0),
        Step(LOAD_HALF, 0, 0, 24),
        Step(JUMP, 0, 0, 13), // to the mask
        Step(LOAD_HEADER_LENGTH, 0, 0, 0),
        Step(LOAD_BYTE_X, 0, 0, 0),
        // An echo reply has its ident at 4.
        Step(JUMP_EQUAL, 0, 2, 0),
        Step(LOAD_HALF_X, 0, 0, 4),
        Step(JUMP, 0, 0, 8), // to the mask
        // An error quotes an IPv4 header at 8, whose protocol must be ICMP …
        Step(LOAD_BYTE_X, 0, 0, 8 + 9),
        Step(JUMP_EQUAL, 0, 9, 1),
        // … and behind it our request.
        Step(LOAD_BYTE_X, 0, 0, 8),
        Step(AND, 0, 0, 0x0f),
        Step(SHIFT_LEFT, 0, 0, 2),
        Step(ADD_X, 0, 0, 0),
        Step(TO_X, 0, 0, 0),
        Step(LOAD_HALF_X, 0, 0, 8 + 4),
        Step(AND, 0, 0, mask),
        Step(JUMP_EQUAL, 0, 1, base),
        Step(RETURN, 0, 0, ALL),
        Step(RETURN, 0, 0, 0),
    ]
}

/// An IPv6 raw socket's packets begin with the ICMPv6 header.
fn program_v6(ident: u16) -> [Step; 14] {
    let mask = u32::from(ident_mask());
    let base = u32::from(ident & ident_mask());
    [
        Step(LOAD_BYTE, 0, 0, 0),
        Step(JUMP_EQUAL, 0, 2, 129),
        Step(LOAD_HALF, 0, 0, 4),
        Step(JUMP, 0, 0, 6), // to the mask
        // The quoted IPv6 header is 40 bytes long; ICMPv6 (58) or one fragment header (44) follows.
        Step(LOAD_BYTE, 0, 0, 8 + 6),
        Step(JUMP_EQUAL, 0, 2, 58),
        Step(LOAD_HALF, 0, 0, 8 + 40 + 4),
        Step(JUMP, 0, 0, 2), // to the mask
        Step(JUMP_EQUAL, 0, 4, 44),
        Step(LOAD_HALF, 0, 0, 8 + 48 + 4),
        Step(AND, 0, 0, mask),
        Step(JUMP_EQUAL, 0, 1, base),
        Step(RETURN, 0, 0, ALL),
        Step(RETURN, 0, 0, 0),
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const IDENT: u16 = 0x1240;

    /// What the kernel makes of a program and a packet; `None`: a read behind its end, which drops it.
    fn run(program: &[Step], packet: &[u8]) -> Option<u32> {
        let byte = |at: u32| packet.get(at as usize).copied().map(u32::from);
        let half = |at: u32| Some(byte(at)? << 8 | byte(at + 1)?);
        let (mut a, mut x, mut at) = (0_u32, 0_u32, 0_usize);
        loop {
            let Step(code, if_equal, if_not, k) = program[at];
            at += 1;
            match code {
                LOAD_BYTE => a = byte(k)?,
                LOAD_BYTE_X => a = byte(x + k)?,
                LOAD_HALF => a = half(k)?,
                LOAD_HALF_X => a = half(x + k)?,
                LOAD_HEADER_LENGTH => x = (byte(k)? & 0xf) * 4,
                AND => a &= k,
                SHIFT_LEFT => a <<= k,
                ADD_X => a += x,
                TO_X => x = a,
                JUMP => at += k as usize,
                JUMP_EQUAL => at += usize::from(if a == k { if_equal } else { if_not }),
                RETURN => return Some(k),
                other => panic!("unknown instruction {other:#x}"),
            }
        }
    }

    fn header(words: u8, protocol: u8) -> Vec<u8> {
        let mut bytes = vec![0; usize::from(words) * 4];
        bytes[0] = 0x40 | words;
        bytes[9] = protocol;
        bytes
    }

    fn echo(kind: u8, ident: u16) -> Vec<u8> {
        let [high, low] = ident.to_be_bytes();
        vec![kind, 0, 0, 0, high, low, 0, 1]
    }

    proptest! {
        // trap 15
        #[test]
        fn replies_and_errors_get_in_if_the_ident_is_of_our_block_whatever_options_they_carry(
            outer in 5_u8..16, inner in 5_u8..16, low in 0_u16..64, other: u16, is_error: bool, protocol: u8,
        ) {
            let packet = |ident: u16, protocol: u8| {
                let mut packet = header(outer, 1);
                if is_error {
                    packet.extend([3, 1, 0, 0, 0, 0, 0, 0]);
                    packet.extend(header(inner, protocol));
                    packet.extend(echo(8, ident));
                } else {
                    packet.extend(echo(0, ident));
                }
                packet
            };
            let program = program_v4(IDENT);
            prop_assert_eq!(run(&program, &packet(IDENT | low, 1)), Some(ALL));
            let is_ours = other & ident_mask() == IDENT;
            prop_assert_eq!(run(&program, &packet(other, 1)), Some(if is_ours { ALL } else { 0 }));
            if is_error && protocol != 1 {
                prop_assert_eq!(run(&program, &packet(IDENT, protocol)), Some(0));
            }
        }

        #[test]
        fn a_program_ends_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            for program in [&program_v4(IDENT)[..], &program_v6(IDENT)[..]] {
                prop_assert!(matches!(run(program, &bytes), None | Some(0 | ALL)));
            }
        }
    }
}
