//! Whole messages: the community ones in full, those of SNMPv3 up to the
//! security model, which is `usm`'s work.

use super::super::credential::Version;
use super::ber::Malformed;
use super::ber::Reader;
use super::ber::Writer;
use super::ber::tag;
use super::pdu::Pdu;
use super::pdu::PduHead;
use super::pdu::PduKind;
use super::v3::V3Header;

/// The numbers of the versions on the wire.
const V1: i64 = 0;
const V2C: i64 = 1;
const V3: i64 = 3;

/// A message from the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message<'a> {
    /// SNMPv1 or v2c.
    Community {
        /// Which of the two.
        version: Version,
        /// In clear.
        community: &'a [u8],
        /// What it says.
        pdu: Pdu,
    },
    /// SNMPv3: its head, and the rest as the security model will open it.
    V3(V3Header<'a>),
}

/// A message from the wire whose objects are not read yet.
#[derive(Debug, Clone)]
pub enum MessageHead<'a> {
    /// SNMPv1 or v2c.
    Community {
        /// Which of the two.
        version: Version,
        /// In clear.
        community: &'a [u8],
        /// What it says.
        pdu: PduHead<'a>,
    },
    /// SNMPv3, as in [`Message`].
    V3(V3Header<'a>),
}

impl<'a> MessageHead<'a> {
    /// Reads the head of a message. Bytes after it are ignored, as net-snmp does.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut inner = Reader::new(bytes).enter(tag::SEQUENCE)?;
        match inner.integer()? {
            V3 => V3Header::read(&mut inner, bytes).map(Self::V3),
            number @ (V1 | V2C) => Ok(Self::Community {
                version: if number == V1 { Version::V1 } else { Version::V2c },
                community: inner.octets()?,
                pdu: PduHead::read(&mut inner)?,
            }),
            _ => Err(Malformed("a version of SNMP that there is not")),
        }
    }
}

impl<'a> Message<'a> {
    /// Reads a message. Bytes after it are ignored, as net-snmp does.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        Ok(match MessageHead::parse(bytes)? {
            MessageHead::Community {
                version,
                community,
                pdu,
            } => Self::Community {
                version,
                community,
                pdu: pdu.whole()?,
            },
            MessageHead::V3(header) => Self::V3(header),
        })
    }
}

/// Writes a message of SNMPv1 (`Version::V1`) or v2c (any other) around a PDU.
pub fn write_community(version: Version, community: &[u8], pdu: &Pdu) -> Vec<u8> {
    let mut writer = Writer::new();
    pdu.write(&mut writer);
    wrap_community(&mut writer, version, community);
    writer.finish()
}

/// Puts version and community of SNMPv1 (`Version::V1`) or v2c (any other) around a PDU that was written.
pub fn wrap_community(writer: &mut Writer, version: Version, community: &[u8]) {
    writer.value(tag::OCTET_STRING, community);
    writer.integer(tag::INTEGER, if version == Version::V1 { V1 } else { V2C });
    writer.wrap(tag::SEQUENCE, 0);
}

/// The request id (v1, v2c) or message id (v3) of a packet that may be cut,
/// as ICMP errors quote packets. `None`: it is no SNMP.
pub fn peek_id(bytes: &[u8]) -> Option<i32> {
    let mut inner = Reader::new(bytes).enter_cut(tag::SEQUENCE).ok()?;
    let id = match inner.integer().ok()? {
        V3 => inner.enter_cut(tag::SEQUENCE).ok()?.integer().ok()?,
        V1 | V2C => {
            inner.octets().ok()?;
            let kind = PduKind::from_tag(inner.peek()?)?;
            inner.enter_cut(kind.tag()).ok()?.integer().ok()?
        }
        _ => return None,
    };
    i32::try_from(id).ok()
}
