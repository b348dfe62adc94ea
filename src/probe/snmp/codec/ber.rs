//! The part of ASN.1 BER that SNMP uses: definite lengths, one-byte tags.
//!
//! The reader borrows from the packet and never allocates. [`Writer`] is in a
//! file of its own. Source: X.690 §8, RFC 3417 §8 (the restrictions).

pub use super::writer::Writer;
use crate::model::snmp::Oid;

/// Tags of the types that SNMP uses (RFC 2578, RFC 3416, RFC 3412).
pub mod tag {
    /// INTEGER.
    pub const INTEGER: u8 = 0x02;
    /// OCTET STRING.
    pub const OCTET_STRING: u8 = 0x04;
    /// NULL.
    pub const NULL: u8 = 0x05;
    /// OBJECT IDENTIFIER.
    pub const OBJECT_ID: u8 = 0x06;
    /// SEQUENCE.
    pub const SEQUENCE: u8 = 0x30;
    /// IpAddress.
    pub const IP_ADDRESS: u8 = 0x40;
    /// Counter32.
    pub const COUNTER32: u8 = 0x41;
    /// Gauge32, Unsigned32.
    pub const GAUGE32: u8 = 0x42;
    /// TimeTicks.
    pub const TIME_TICKS: u8 = 0x43;
    /// Opaque.
    pub const OPAQUE: u8 = 0x44;
    /// Counter64.
    pub const COUNTER64: u8 = 0x46;
    /// The exception noSuchObject.
    pub const NO_SUCH_OBJECT: u8 = 0x80;
    /// The exception noSuchInstance.
    pub const NO_SUCH_INSTANCE: u8 = 0x81;
    /// The exception endOfMibView.
    pub const END_OF_MIB_VIEW: u8 = 0x82;
}

/// The bytes are no valid message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

/// Reads values one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader of these bytes.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether everything was read.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What was not read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The tag of the next value, unread.
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next tag and the length that its value says it has.
    fn header(&mut self) -> Result<(u8, usize), Malformed> {
        let (&[tag, first], mut rest) = self
            .rest
            .split_first_chunk::<2>()
            .ok_or(Malformed("ends within a header"))?;
        let length = if first < 0x80 {
            usize::from(first)
        } else {
            let count = usize::from(first & 0x7f);
            if count == 0 || count > 4 {
                return Err(Malformed("a length in a form that SNMP does not use"));
            }
            let (bytes, after) = rest
                .split_at_checked(count)
                .ok_or(Malformed("ends within a length"))?;
            rest = after;
            bytes.iter().fold(0_usize, |n, b| (n << 8) | usize::from(*b))
        };
        self.rest = rest;
        Ok((tag, length))
    }

    /// The next value, whatever its type: its tag and its contents.
    ///
    /// # Errors
    /// When it is longer than the bytes that there are.
    pub fn any(&mut self) -> Result<(u8, &'a [u8]), Malformed> {
        let (tag, length) = self.header()?;
        let (contents, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(Malformed("a value is longer than the packet"))?;
        self.rest = rest;
        Ok((tag, contents))
    }

    /// The contents of the next value, which must have this tag.
    ///
    /// # Errors
    /// When it has another one, or is cut.
    pub fn expect(&mut self, tag: u8) -> Result<&'a [u8], Malformed> {
        let (found, contents) = self.any()?;
        if found == tag {
            Ok(contents)
        } else {
            Err(Malformed("a value of another type than expected"))
        }
    }

    /// A reader of the contents of the next value, which must have this tag.
    ///
    /// # Errors
    /// As [`Reader::expect`].
    pub fn enter(&mut self, tag: u8) -> Result<Self, Malformed> {
        self.expect(tag).map(Self::new)
    }

    /// Enters the next value though the packet may be cut within it, as ICMP
    /// errors quote packets.
    ///
    /// # Errors
    /// When it has another tag.
    pub fn enter_cut(&mut self, tag: u8) -> Result<Self, Malformed> {
        let (found, length) = self.header()?;
        if found != tag {
            return Err(Malformed("a value of another type than expected"));
        }
        let (contents, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, &[]));
        self.rest = rest;
        Ok(Self::new(contents))
    }

    /// The next INTEGER.
    ///
    /// # Errors
    /// When it is none, or wider than 64 bits.
    pub fn integer(&mut self) -> Result<i64, Malformed> {
        self.expect(tag::INTEGER).and_then(integer)
    }

    /// The next INTEGER, which must lie in `0..=2^31-1`.
    ///
    /// # Errors
    /// When it does not.
    pub fn unsigned31(&mut self) -> Result<u32, Malformed> {
        u32::try_from(self.integer()?)
            .ok()
            .filter(|v| *v <= 0x7fff_ffff)
            .ok_or(Malformed("a number out of range"))
    }

    /// The next OCTET STRING.
    ///
    /// # Errors
    /// When it is none.
    pub fn octets(&mut self) -> Result<&'a [u8], Malformed> {
        self.expect(tag::OCTET_STRING)
    }
}

/// A two's complement number of 1 to 8 bytes.
///
/// # Errors
/// When it has none or more.
pub fn integer(contents: &[u8]) -> Result<i64, Malformed> {
    let (first, _) = contents
        .split_first()
        .ok_or(Malformed("a number without digits"))?;
    if contents.len() > 8 {
        return Err(Malformed("a number wider than 64 bits"));
    }
    let start = if *first >= 0x80 { -1_i64 } else { 0 };
    Ok(contents.iter().fold(start, |n, b| (n << 8) | i64::from(*b)))
}

/// An unsigned number of at most 64 bits. Takes the leading zero that BER
/// demands, and, as net-snmp does, its absence.
///
/// # Errors
/// When it is empty or wider.
pub fn unsigned64(contents: &[u8]) -> Result<u64, Malformed> {
    let digits = match contents {
        [] => return Err(Malformed("a number without digits")),
        [0, rest @ ..] => rest,
        all => all,
    };
    if digits.len() > 8 {
        return Err(Malformed("a number wider than 64 bits"));
    }
    Ok(digits.iter().fold(0, |n, b| (n << 8) | u64::from(*b)))
}

/// An unsigned number of at most 32 bits; a negative one, as some agents send
/// for large counters, counts as its two's complement.
///
/// # Errors
/// When it is empty or wider.
pub fn unsigned32(contents: &[u8]) -> Result<u32, Malformed> {
    let wide = match contents {
        // A sign-extended 32-bit value in five or more bytes of 0xff…
        [0xff, rest @ ..] if rest.len() >= 4 => {
            let tail = rest
                .split_last_chunk::<4>()
                .ok_or(Malformed("a number out of range"))?
                .1;
            return Ok(u32::from_be_bytes(*tail));
        }
        all => unsigned64(all)?,
    };
    u32::try_from(wide)
        .ok()
        .ok_or(Malformed("a number wider than 32 bits"))
}

/// The arcs of an OBJECT IDENTIFIER, appended to `arcs`.
///
/// # Errors
/// When it ends within an arc, has an arc of more than 32 bits, or more than 128 arcs.
pub fn object_id(contents: &[u8], arcs: &mut Vec<u32>) -> Result<(), Malformed> {
    const MOST: usize = 128;
    let mut bytes = contents.iter();
    let mut first = true;
    let start = arcs.len();
    while let Some(byte) = bytes.next() {
        let mut arc = u32::from(byte & 0x7f);
        let mut last = *byte;
        while last & 0x80 != 0 {
            last = *bytes.next().ok_or(Malformed("an OID ends within an arc"))?;
            if arc > u32::MAX >> 7 {
                return Err(Malformed("an arc wider than 32 bits"));
            }
            arc = (arc << 7) | u32::from(last & 0x7f);
        }
        if first {
            first = false;
            let top = (arc / 40).min(2);
            arcs.push(top);
            arcs.push(arc - top * 40);
        } else {
            if arcs.len() - start >= MOST {
                return Err(Malformed("an OID of more than 128 arcs"));
            }
            arcs.push(arc);
        }
    }
    if first {
        // A zero-length OID is not valid BER, but agents send it for {0 0}.
        arcs.extend_from_slice(&[0, 0]);
    }
    Ok(())
}

/// The OBJECT IDENTIFIER; `arcs` is a place to work in.
///
/// # Errors
/// As [`object_id`].
pub fn read_oid(contents: &[u8], arcs: &mut Vec<u32>) -> Result<Oid, Malformed> {
    if let Some(oid) = short_oid(contents) {
        return Ok(oid);
    }
    arcs.clear();
    object_id(contents, arcs)?;
    Ok(Oid::from_slice(arcs))
}

/// The OID if all of its arcs are below 128, and few: nearly all are so but for
/// their last arcs, which may have two bytes (rows up to 16,383).
fn short_oid(contents: &[u8]) -> Option<Oid> {
    let (first, tail) = contents.split_first()?;
    if *first >= 80 {
        return None;
    }
    let mut arcs = [0; Oid::INLINE];
    let [top, second, places @ ..] = &mut arcs;
    (*top, *second) = (u32::from(first / 40), u32::from(first % 40));
    let mut bytes = tail.iter();
    let mut count = 2;
    for place in places {
        let Some(byte) = bytes.next() else {
            break;
        };
        *place = if *byte < 0x80 {
            u32::from(*byte)
        } else {
            let low = bytes.next().filter(|low| **low < 0x80)?;
            (u32::from(byte & 0x7f) << 7) | u32::from(*low)
        };
        count += 1;
    }
    bytes.as_slice().is_empty().then(|| Oid::inline(count, arcs))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
        let mut writer = Writer::new();
        write(&mut writer);
        writer.finish()
    }

    #[test]
    fn numbers_have_the_shortest_form() {
        assert_eq!(written(|w| w.integer(2, 0)), [2, 1, 0]);
        assert_eq!(written(|w| w.integer(2, -1)), [2, 1, 0xff]);
        assert_eq!(written(|w| w.integer(2, 128)), [2, 2, 0, 0x80]);
        assert_eq!(written(|w| w.integer(2, -129)), [2, 2, 0xff, 0x7f]);
        assert_eq!(
            written(|w| w.unsigned(0x41, 0xffff_ffff)),
            [0x41, 5, 0, 0xff, 0xff, 0xff, 0xff]
        );
    }

    #[test]
    fn a_counter_written_as_a_negative_number_is_read_as_what_it_means() {
        assert_eq!(unsigned32(&[0xff, 0xff, 0xff, 0xfe]), Ok(0xffff_fffe));
        assert_eq!(unsigned32(&[0xff, 0xff, 0xff, 0xff, 0xfe]), Ok(0xffff_fffe));
        assert_eq!(unsigned32(&[0, 0xff, 0xff, 0xff, 0xfe]), Ok(0xffff_fffe));
        assert!(unsigned32(&[1, 0, 0, 0, 0]).is_err());
        assert!(unsigned32(&[]).is_err());
    }

    #[test]
    fn an_arc_wider_than_32_bits_or_cut_is_refused() {
        let mut arcs = Vec::new();
        assert!(object_id(&[0x2b, 0x8f, 0xff, 0xff, 0xff, 0x7f], &mut arcs).is_ok());
        assert_eq!(arcs, [1, 3, u32::MAX]);
        assert!(object_id(&[0x2b, 0x90, 0x80, 0x80, 0x80, 0], &mut arcs).is_err());
        assert!(object_id(&[0x2b, 0x80], &mut arcs).is_err());
        assert!(object_id(&[1; 200], &mut arcs).is_err());
    }

    proptest! {
        #[test]
        fn numbers_come_back(signed: i64, wide: u64, narrow: u32) {
            prop_assert_eq!(Reader::new(&written(|w| w.integer(2, signed))).integer(), Ok(signed));
            let bytes = written(|w| w.unsigned(0x46, wide));
            prop_assert_eq!(Reader::new(&bytes).expect(0x46).and_then(unsigned64), Ok(wide));
            let bytes = written(|w| w.unsigned(0x41, u64::from(narrow)));
            prop_assert_eq!(Reader::new(&bytes).expect(0x41).and_then(unsigned32), Ok(narrow));
        }

        #[test]
        fn oids_come_back(top in 0_u32..=2, second in 0_u32..40, tail: Vec<u32>) {
            let mut arcs = vec![top, second];
            arcs.extend(tail.iter().take(126));
            let bytes = written(|w| w.object_id(6, &arcs));
            let contents = Reader::new(&bytes).expect(6).unwrap();
            let mut read = Vec::new();
            object_id(contents, &mut read).unwrap();
            prop_assert_eq!(&read, &arcs);
            prop_assert_eq!(read_oid(contents, &mut read), Ok(Oid::new(arcs)));
        }

        #[test]
        fn the_short_way_to_read_an_oid_gives_what_the_long_way_gives(contents in proptest::collection::vec(any::<u8>(), 0..20)) {
            let mut arcs = Vec::new();
            let long = object_id(&contents, &mut arcs).map(|()| Oid::from_slice(&arcs));
            prop_assert_eq!(read_oid(&contents, &mut Vec::new()), long);
        }

        #[test]
        fn strings_of_any_length_come_back(bytes in proptest::collection::vec(any::<u8>(), 0..70_000)) {
            let all = written(|w| w.value(4, &bytes));
            let mut reader = Reader::new(&all);
            prop_assert_eq!(reader.octets(), Ok(bytes.as_slice()));
            prop_assert!(reader.is_empty());
        }
    }
}
