//! Writes the part of ASN.1 BER that SNMP uses.
//!
//! A message is built from its end to its beginning, so that every length is
//! known when it is written. Source: X.690 §8, RFC 3417 §8.

/// Builds bytes from the end to the beginning.
///
/// Write the last value first. [`Writer::wrap`] puts a tag and the length of
/// all that was written since a [`Writer::mark`] before it. Used again after
/// [`Writer::clear`], it needs no allocation.
#[derive(Debug)]
pub struct Writer {
    /// What was written stands at its end, in the right order.
    room: Vec<u8>,
    /// Where it begins.
    start: usize,
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

impl Writer {
    /// An empty writer.
    pub fn new() -> Self {
        Self {
            room: vec![0; 512],
            start: 512,
        }
    }

    /// Forgets what was written.
    pub fn clear(&mut self) {
        self.start = self.room.len();
    }

    /// How much was written: give it to [`Writer::wrap`] later.
    pub fn mark(&self) -> usize {
        self.room.len() - self.start
    }

    /// What was written, in its order.
    pub fn bytes(&self) -> &[u8] {
        self.room.get(self.start..).unwrap_or(&[])
    }

    /// The same, to be changed in place.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.room.get_mut(self.start..).unwrap_or(&mut [])
    }

    /// Raw bytes.
    pub fn raw(&mut self, bytes: &[u8]) {
        if bytes.len() > self.start {
            self.grow(bytes.len());
        }
        let start = self.start - bytes.len();
        if let Some(place) = self.room.get_mut(start..self.start) {
            place.copy_from_slice(bytes);
        }
        self.start = start;
    }

    /// Makes room for `more` bytes: twice as much as there was, at least.
    #[cold]
    fn grow(&mut self, more: usize) {
        let written = self.mark();
        let mut room = vec![0; (self.room.len() + more) * 2];
        let start = room.len() - written;
        if let Some(place) = room.get_mut(start..) {
            place.copy_from_slice(self.bytes());
        }
        self.room = room;
        self.start = start;
    }

    fn push(&mut self, byte: u8) {
        self.raw(&[byte]);
    }

    fn length(&mut self, length: usize) {
        if length < 0x80 {
            self.push(low_byte(length));
            return;
        }
        let mut rest = length;
        let mut count = 0_u8;
        while rest > 0 {
            self.push(low_byte(rest));
            rest >>= 8;
            count += 1;
        }
        self.push(0x80 | count);
    }

    /// Puts `tag` and a length before all that was written since `mark`.
    pub fn wrap(&mut self, tag: u8, mark: usize) {
        self.length(self.mark() - mark);
        self.push(tag);
    }

    /// A value of that tag with these contents.
    pub fn value(&mut self, tag: u8, contents: &[u8]) {
        self.raw(contents);
        self.length(contents.len());
        self.push(tag);
    }

    /// An INTEGER (or another type with a signed number).
    pub fn integer(&mut self, tag: u8, value: i64) {
        let bytes = value.to_be_bytes();
        let mut start = 0;
        while start < 7 {
            let sign_only = (bytes[start] == 0 && bytes[start + 1] < 0x80)
                || (bytes[start] == 0xff && bytes[start + 1] >= 0x80);
            if !sign_only {
                break;
            }
            start += 1;
        }
        self.value(tag, bytes.get(start..).unwrap_or(&bytes));
    }

    /// An unsigned number, with the leading zero where BER demands one.
    pub fn unsigned(&mut self, tag: u8, value: u64) {
        let mut bytes = [0_u8; 9];
        bytes[1..].copy_from_slice(&value.to_be_bytes());
        let mut start = 0;
        while start < 8 && bytes[start] == 0 && bytes[start + 1] < 0x80 {
            start += 1;
        }
        self.value(tag, bytes.get(start..).unwrap_or(&bytes));
    }

    /// An OBJECT IDENTIFIER. One arc alone is written as `{arc 0}`, since BER has no other way.
    pub fn object_id(&mut self, tag: u8, arcs: &[u32]) {
        let mark = self.mark();
        let (top, tail) = match arcs {
            [] => ([0, 0], &[][..]),
            [one] => ([*one, 0], &[][..]),
            [a, b, tail @ ..] => ([*a, *b], tail),
        };
        for arc in tail.iter().rev() {
            self.arc(*arc);
        }
        self.arc(top[0].min(2).saturating_mul(40).saturating_add(top[1]));
        self.wrap(tag, mark);
    }

    fn arc(&mut self, arc: u32) {
        let seven = |n: u32| low_byte(usize::try_from(n & 0x7f).unwrap_or(0));
        self.push(seven(arc));
        let mut rest = arc >> 7;
        while rest > 0 {
            self.push(seven(rest) | 0x80);
            rest >>= 7;
        }
    }

    /// The bytes, in their order.
    pub fn finish(self) -> Vec<u8> {
        self.bytes().to_vec()
    }
}

fn low_byte(n: usize) -> u8 {
    n.to_le_bytes()[0]
}
