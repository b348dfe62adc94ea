//! The wire format of echo requests, their replies, and the errors that quote them.
//!
//! Pure. RFC 792, RFC 1812 §5.2.7 (codes), RFC 4443, RFC 1071 (checksum). Any
//! bytes parse to something or to [`Corrupt`]; none panic.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use super::ErrorKind;

/// Bytes of an echo header.
pub const HEADER: usize = 8;
const ECHO_REPLY_4: u8 = 0;
const ECHO_REQUEST_4: u8 = 8;
const ECHO_REQUEST_6: u8 = 128;
const ECHO_REPLY_6: u8 = 129;
const PROTOCOL_ICMP: u8 = 1;
const PROTOCOL_ICMP6: u8 = 58;
const PROTOCOL_FRAGMENT: u8 = 44;

/// Which ICMP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// ICMP over IPv4.
    V4,
    /// ICMPv6.
    V6,
}

impl Family {
    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

/// A message that concerns echoes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    /// An answer.
    Reply {
        /// The ident of the request.
        ident: u16,
        /// Its sequence number.
        seq: u16,
        /// Its payload.
        payload: &'a [u8],
    },
    /// An error about an echo request.
    Error {
        /// What it says.
        kind: ErrorKind,
        /// The request that it quotes.
        quote: Quote<'a>,
    },
    /// Something else: a request, a redirect, an error about other traffic.
    Other,
}

/// An echo request as an ICMP error quotes it: at least its first 8 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote<'a> {
    /// To whom it went.
    pub to: IpAddr,
    /// Its checksum as sent.
    pub checksum: u16,
    /// Its ident.
    pub ident: u16,
    /// Its sequence number.
    pub seq: u16,
    /// As much of its payload as is quoted; may be empty.
    pub payload: &'a [u8],
}

/// The bytes are no ICMP message: truncated, or with a wrong checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid ICMP message")]
pub struct Corrupt;

/// The Internet checksum (RFC 1071) of `bytes`; 0 over a message that holds its own.
pub fn checksum(bytes: &[u8]) -> u16 {
    let (words, rest) = bytes.as_chunks::<4>();
    // 32-bit words in a 64-bit sum: no overflow below 2^34 bytes, and carries are folded last.
    let mut sum: u64 = 0;
    for word in words {
        sum = sum.wrapping_add(u64::from(u32::from_be_bytes(*word)));
    }
    let mut last = [0_u8; 4];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    sum = sum.wrapping_add(u64::from(u32::from_be_bytes(last)));
    while sum > 0xffff {
        sum = (sum & 0xffff).wrapping_add(sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(u16::MAX)
}

/// Writes an echo request over `out`: header, `tag`, then filler up to `size` bytes of payload.
///
/// IPv6 leaves its checksum to the kernel, which knows the source address.
pub fn build(out: &mut Vec<u8>, family: Family, ident: u16, seq: u16, tag: &[u8; 16], size: u16) {
    let kind = match family {
        Family::V4 => ECHO_REQUEST_4,
        Family::V6 => ECHO_REQUEST_6,
    };
    out.clear();
    out.extend_from_slice(&[kind, 0, 0, 0]);
    out.extend_from_slice(&ident.to_be_bytes());
    out.extend_from_slice(&seq.to_be_bytes());
    out.extend_from_slice(tag);
    let total = HEADER.saturating_add(usize::from(size).max(tag.len()));
    out.resize(total, 0x2e);
    if family == Family::V4 {
        let sum = checksum(out);
        if let Some(place) = out.get_mut(2..4) {
            place.copy_from_slice(&sum.to_be_bytes());
        }
    }
}

/// The ICMP message inside an IPv4 datagram, as a raw socket delivers it.
///
/// # Errors
/// [`Corrupt`] when there is no whole IPv4 header.
pub fn strip_ipv4(datagram: &[u8]) -> Result<&[u8], Corrupt> {
    let first = *datagram.first().ok_or(Corrupt)?;
    if first >> 4 != 4 {
        return Err(Corrupt);
    }
    datagram.get(header_len(first)..).ok_or(Corrupt)
}

fn header_len(first: u8) -> usize {
    usize::from(first & 0x0f).saturating_mul(4).max(20)
}

fn be16(bytes: &[u8], at: usize) -> Result<u16, Corrupt> {
    let end = at.checked_add(2).ok_or(Corrupt)?;
    let (two, _) = bytes
        .get(at..end)
        .and_then(<[u8]>::split_first_chunk::<2>)
        .ok_or(Corrupt)?;
    Ok(u16::from_be_bytes(*two))
}

/// Reads an ICMP message without IP header.
///
/// The checksum of ICMP over IPv4 is checked here, since a raw socket gets the
/// packet before the kernel checks it; ICMPv6's is checked by the kernel.
///
/// # Errors
/// [`Corrupt`] when it is truncated or its checksum is wrong.
pub fn parse(family: Family, message: &[u8]) -> Result<Message<'_>, Corrupt> {
    let (&kind, &code) = message.first().zip(message.get(1)).ok_or(Corrupt)?;
    let body = message.get(HEADER..).ok_or(Corrupt)?;
    if family == Family::V4 && checksum(message) != 0 {
        return Err(Corrupt);
    }
    let reply = match family {
        Family::V4 => ECHO_REPLY_4,
        Family::V6 => ECHO_REPLY_6,
    };
    if kind == reply {
        return Ok(Message::Reply {
            ident: be16(message, 4)?,
            seq: be16(message, 6)?,
            payload: body,
        });
    }
    let Some(kind) = error_kind(family, kind, code) else {
        return Ok(Message::Other);
    };
    let quote = match family {
        Family::V4 => quote_v4(body),
        Family::V6 => quote_v6(body),
    };
    Ok(quote.map_or(Message::Other, |quote| Message::Error { kind, quote }))
}

/// Reads our own request as the error queue of a datagram socket gives it back.
///
/// # Errors
/// [`Corrupt`] when it is shorter than an echo header.
pub fn parse_own(request: &[u8], to: IpAddr) -> Result<Quote<'_>, Corrupt> {
    Ok(Quote {
        to,
        checksum: be16(request, 2)?,
        ident: be16(request, 4)?,
        seq: be16(request, 6)?,
        payload: request.get(HEADER..).ok_or(Corrupt)?,
    })
}

/// What an ICMP type and code say about a request; `None` for what ends no wait.
pub fn error_kind(family: Family, kind: u8, code: u8) -> Option<ErrorKind> {
    let found = match (family, kind, code) {
        (Family::V4, 3, 0 | 6 | 8 | 11) | (Family::V6, 1, 0 | 2 | 6) => ErrorKind::Net,
        (Family::V4, 3, 1 | 7 | 12) | (Family::V6, 1, 3) => ErrorKind::Host,
        (Family::V4, 3, 2 | 3) | (Family::V6, 1, 4) => ErrorKind::Port,
        (Family::V4, 3, 9 | 10 | 13..=15) | (Family::V6, 1, 1 | 5) => ErrorKind::Prohibited,
        (Family::V4, 3, 4) | (Family::V6, 2, _) => ErrorKind::TooBig,
        (Family::V4, 11, 0) | (Family::V6, 3, 0) => ErrorKind::Ttl,
        (Family::V4, 3 | 11 | 12, _) | (Family::V6, 1 | 3 | 4, _) => ErrorKind::Other,
        _ => return None,
    };
    Some(found)
}

fn quote_v4(quoted: &[u8]) -> Option<Quote<'_>> {
    let first = *quoted.first()?;
    if first >> 4 != 4 || *quoted.get(9)? != PROTOCOL_ICMP {
        return None;
    }
    let to: [u8; 4] = quoted.get(16..20)?.try_into().ok()?;
    let request = quoted.get(header_len(first)..)?;
    if *request.first()? != ECHO_REQUEST_4 {
        return None;
    }
    parse_own(request, Ipv4Addr::from(to).into()).ok()
}

fn quote_v6(quoted: &[u8]) -> Option<Quote<'_>> {
    if *quoted.first()? >> 4 != 6 {
        return None;
    }
    let to: [u8; 16] = quoted.get(24..40)?.try_into().ok()?;
    let request = match *quoted.get(6)? {
        PROTOCOL_ICMP6 => quoted.get(40..)?,
        // A request that we sent in pieces: the fragment header is 8 bytes.
        PROTOCOL_FRAGMENT if *quoted.get(40)? == PROTOCOL_ICMP6 => quoted.get(48..)?,
        _ => return None,
    };
    if *request.first()? != ECHO_REQUEST_6 {
        return None;
    }
    parse_own(request, Ipv6Addr::from(to).into()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TAG: [u8; 16] = *b"0123456789abcdef";

    /// An IPv4 header in front of `message`, without options.
    fn datagram(to: Ipv4Addr, message: &[u8]) -> Vec<u8> {
        let mut out = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 1, 0, 0, 127, 0, 0, 1];
        out.extend_from_slice(&to.octets());
        out.extend_from_slice(message);
        out
    }

    #[test]
    fn the_checksum_of_the_rfc_example_is_right() {
        // RFC 1071 §3: the sum of these is 0xddf2.
        assert_eq!(
            checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]),
            !0xddf2
        );
        assert_eq!(checksum(&[]), 0xffff);
    }

    #[test]
    fn an_error_that_quotes_only_eight_bytes_is_still_understood() {
        let mut request = Vec::new();
        build(&mut request, Family::V4, 7, 9, &TAG, 56);
        let mut error = vec![3, 1, 0, 0, 0, 0, 0, 0];
        error.extend(datagram(Ipv4Addr::new(192, 0, 2, 1), request.get(..8).unwrap()));
        let sum = checksum(&error);
        error.get_mut(2..4).unwrap().copy_from_slice(&sum.to_be_bytes());
        let Ok(Message::Error { kind, quote }) = parse(Family::V4, &error) else {
            panic!("no error")
        };
        assert_eq!(kind, ErrorKind::Host);
        assert_eq!((quote.ident, quote.seq), (7, 9));
        assert_eq!(quote.to, IpAddr::from([192, 0, 2, 1]));
        assert!(quote.payload.is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_parse_or_are_corrupt(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for family in [Family::V4, Family::V6] {
                prop_assert!(matches!(parse(family, &bytes), Ok(_) | Err(Corrupt)));
            }
            prop_assert!(matches!(strip_ipv4(&bytes).and_then(|m| parse(Family::V4, m)), Ok(_) | Err(Corrupt)));
            prop_assert_eq!(parse_own(&bytes, Ipv4Addr::LOCALHOST.into()).is_ok(), bytes.len() >= 8);
        }

        #[test]
        fn an_error_with_any_quote_never_panics(
            kind in 0_u8..13, code in 0_u8..16, bytes in proptest::collection::vec(any::<u8>(), 0..120),
        ) {
            let mut message = vec![kind, code, 0, 0, 0, 0, 0, 0];
            message.extend(bytes);
            let sum = checksum(&message);
            message.get_mut(2..4).unwrap().copy_from_slice(&sum.to_be_bytes());
            prop_assert!(parse(Family::V4, &message).is_ok());
        }

        #[test]
        fn a_reply_gives_back_what_was_sent(
            ident: u16, seq: u16, tag: [u8; 16], size in 16_u16..1500, v6: bool,
        ) {
            let family = if v6 { Family::V6 } else { Family::V4 };
            let mut bytes = Vec::new();
            build(&mut bytes, family, ident, seq, &tag, size);
            prop_assert_eq!(bytes.len(), 8 + usize::from(size));
            // The peer turns the request into a reply.
            *bytes.first_mut().unwrap() = if v6 { ECHO_REPLY_6 } else { ECHO_REPLY_4 };
            bytes.get_mut(2..4).unwrap().fill(0);
            if !v6 {
                let sum = checksum(&bytes);
                bytes.get_mut(2..4).unwrap().copy_from_slice(&sum.to_be_bytes());
            }
            let Ok(Message::Reply { ident: i, seq: s, payload }) = parse(family, &bytes) else {
                return Err(TestCaseError::fail("no reply"));
            };
            prop_assert_eq!((i, s), (ident, seq));
            prop_assert_eq!(payload.get(..16).unwrap(), &tag);
        }

        #[test]
        fn a_flipped_bit_is_noticed(at in 0_usize..72, bit in 0_u8..8) {
            let mut bytes = Vec::new();
            build(&mut bytes, Family::V4, 1, 2, &TAG, 64);
            *bytes.get_mut(at).unwrap() ^= 1 << bit;
            prop_assert_eq!(parse(Family::V4, &bytes), Err(Corrupt));
        }
    }
}
