//! The frame of SNMPv3 and the parameters of its user-based security model.
//! Keys and time are `usm`'s work. Source: RFC 3412 §6, RFC 3414 §2.4.

use super::ber::Malformed;
use super::ber::Reader;
use super::ber::Writer;
use super::ber::tag;
use super::pdu::Pdu;
use super::pdu::PduHead;

/// msgFlags: the message is signed.
pub const FLAG_AUTH: u8 = 1;
/// msgFlags: the scoped PDU is encrypted.
pub const FLAG_PRIV: u8 = 2;
/// msgFlags: a Report may be sent in answer.
pub const FLAG_REPORTABLE: u8 = 4;
/// msgSecurityModel of USM.
pub const MODEL_USM: u32 = 3;
/// Largest answer that we take: all of UDP over IPv4.
pub const MAX_SIZE: u32 = 65_507;

/// The head of a message of SNMPv3, its parts borrowed from the packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct V3Header<'a> {
    /// The whole message, for the signature.
    pub whole: &'a [u8],
    /// Says which message an answer belongs to.
    pub message_id: i32,
    /// Largest answer that the sender takes, in bytes.
    pub max_size: u32,
    /// [`FLAG_AUTH`], [`FLAG_PRIV`], [`FLAG_REPORTABLE`].
    pub flags: u8,
    /// The authoritative engine; empty in a discovery.
    pub engine_id: &'a [u8],
    /// Restarts of that engine, `0..=2^31-1`.
    pub boots: u32,
    /// Seconds since its last restart, `0..=2^31-1`.
    pub time: u32,
    /// The user.
    pub user: &'a [u8],
    /// The signature; empty if not signed.
    pub signature: &'a [u8],
    /// Where in `whole` the signature stands.
    pub signature_at: usize,
    /// What the encryption was seasoned with; empty if not encrypted.
    pub salt: &'a [u8],
    /// The scoped PDU: a SEQUENCE in clear, or the encrypted bytes.
    pub data: Data<'a>,
}

/// The payload as it stands in the packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Data<'a> {
    /// In clear: from its SEQUENCE on.
    Plain(&'a [u8]),
    /// Encrypted.
    Encrypted(&'a [u8]),
}

impl<'a> V3Header<'a> {
    /// Reads what comes after the version in `whole`.
    ///
    /// # Errors
    /// When it is no message of USM.
    pub(super) fn read(reader: &mut Reader<'a>, whole: &'a [u8]) -> Result<Self, Malformed> {
        let mut global = reader.enter(tag::SEQUENCE)?;
        let message_id = i32::try_from(global.unsigned31()?)
            .ok()
            .ok_or(Malformed("a message id out of range"))?;
        let max_size = global.unsigned31()?;
        let flags = match global.octets()? {
            [flags] => *flags,
            _ => return Err(Malformed("flags that are not one byte")),
        };
        if flags & FLAG_PRIV != 0 && flags & FLAG_AUTH == 0 {
            return Err(Malformed("encrypted but not signed"));
        }
        if global.unsigned31()? != MODEL_USM {
            return Err(Malformed("another security model than USM"));
        }
        let mut security = Reader::new(reader.octets()?).enter(tag::SEQUENCE)?;
        let engine_id = security.octets()?;
        let boots = security.unsigned31()?;
        let time = security.unsigned31()?;
        let user = security.octets()?;
        let signature = security.octets()?;
        let salt = security.octets()?;
        let after_signature = offset(whole, signature)?;
        let data = if reader.peek() == Some(tag::OCTET_STRING) {
            Data::Encrypted(reader.octets()?)
        } else {
            Data::Plain(reader.rest())
        };
        if matches!(data, Data::Encrypted(_)) != (flags & FLAG_PRIV != 0) {
            return Err(Malformed("the payload is not as the flags say"));
        }
        Ok(Self {
            whole,
            message_id,
            max_size,
            flags,
            engine_id,
            boots,
            time,
            user,
            signature,
            signature_at: after_signature,
            salt,
            data,
        })
    }

    /// Whether it says that it is signed.
    pub fn is_signed(&self) -> bool {
        self.flags & FLAG_AUTH != 0
    }
}

/// Where `part`, a slice of `whole`, begins in it.
fn offset(whole: &[u8], part: &[u8]) -> Result<usize, Malformed> {
    (part.as_ptr().addr())
        .checked_sub(whole.as_ptr().addr())
        .filter(|at| at + part.len() <= whole.len())
        .ok_or(Malformed("a signature outside of the message"))
}

/// What an agent's engine and context are asked (RFC 3412 §6.8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopedPdu {
    /// The engine that holds the context.
    pub context_engine: Vec<u8>,
    /// The context; empty is the default one.
    pub context: Vec<u8>,
    /// What it says.
    pub pdu: Pdu,
}

/// The same, borrowed from what was decrypted, its objects not read yet.
#[derive(Debug, Clone, Copy)]
pub struct ScopedHead<'a> {
    /// As in [`ScopedPdu`].
    pub context_engine: &'a [u8],
    /// As in [`ScopedPdu`].
    pub context: &'a [u8],
    /// As in [`ScopedPdu`].
    pub pdu: PduHead<'a>,
}

impl<'a> ScopedHead<'a> {
    /// Reads one in clear. Bytes after it are ignored: DES pads.
    ///
    /// # Errors
    /// When it is none, as after decryption with a wrong key.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut inner = Reader::new(bytes).enter(tag::SEQUENCE)?;
        Ok(Self {
            context_engine: inner.octets()?,
            context: inner.octets()?,
            pdu: PduHead::read(&mut inner)?,
        })
    }
}

impl ScopedPdu {
    /// Reads one in clear, as [`ScopedHead::parse`].
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let head = ScopedHead::parse(bytes)?;
        Ok(Self {
            context_engine: head.context_engine.to_vec(),
            context: head.context.to_vec(),
            pdu: head.pdu.whole()?,
        })
    }

    /// Its bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        self.pdu.write(&mut writer);
        wrap_scoped(&mut writer, &self.context_engine, &self.context);
        writer.finish()
    }
}

/// Puts the context around a PDU that was written.
pub fn wrap_scoped(writer: &mut Writer, context_engine: &[u8], context: &[u8]) {
    writer.value(tag::OCTET_STRING, context);
    writer.value(tag::OCTET_STRING, context_engine);
    writer.wrap(tag::SEQUENCE, 0);
}

/// What a message of SNMPv3 is written from.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// As in [`V3Header`].
    pub message_id: i32,
    /// As in [`V3Header`].
    pub flags: u8,
    /// As in [`V3Header`].
    pub engine_id: &'a [u8],
    /// As in [`V3Header`].
    pub boots: u32,
    /// As in [`V3Header`].
    pub time: u32,
    /// As in [`V3Header`].
    pub user: &'a [u8],
    /// Bytes to leave for the signature, all zero.
    pub signature_len: usize,
    /// As in [`V3Header`].
    pub salt: &'a [u8],
    /// As in [`V3Header`].
    pub data: Data<'a>,
}

impl Frame<'_> {
    /// Writes the message with zeroes for its signature; says where in it these stand.
    pub fn write(&self, writer: &mut Writer) -> usize {
        let zeroes = [0_u8; 64];
        let blank = zeroes.get(..self.signature_len).unwrap_or(&zeroes);
        writer.clear();
        match self.data {
            Data::Plain(bytes) => writer.raw(bytes),
            Data::Encrypted(bytes) => writer.value(tag::OCTET_STRING, bytes),
        }
        let security = writer.mark();
        writer.value(tag::OCTET_STRING, self.salt);
        let signature_end = writer.mark();
        writer.value(tag::OCTET_STRING, blank);
        writer.value(tag::OCTET_STRING, self.user);
        writer.integer(tag::INTEGER, i64::from(self.time));
        writer.integer(tag::INTEGER, i64::from(self.boots));
        writer.value(tag::OCTET_STRING, self.engine_id);
        writer.wrap(tag::SEQUENCE, security);
        writer.wrap(tag::OCTET_STRING, security);
        let global = writer.mark();
        writer.integer(tag::INTEGER, i64::from(MODEL_USM));
        writer.value(tag::OCTET_STRING, &[self.flags]);
        writer.integer(tag::INTEGER, i64::from(MAX_SIZE));
        writer.integer(tag::INTEGER, i64::from(self.message_id));
        writer.wrap(tag::SEQUENCE, global);
        writer.integer(tag::INTEGER, 3);
        writer.wrap(tag::SEQUENCE, 0);
        writer.mark() - signature_end - blank.len()
    }
}
