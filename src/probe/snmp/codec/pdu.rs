//! Protocol data units: what is asked and what is answered (RFC 3416 §3).

use super::ber::Malformed;
use super::ber::Reader;
use super::ber::Writer;
use super::ber::integer;
use super::ber::object_id;
use super::ber::tag;
use super::ber::unsigned32;
use super::ber::unsigned64;
use crate::model::snmp::Oid;
use crate::model::snmp::Value;
use crate::model::snmp::VarBind;

/// The kind of a PDU. The traps of SNMPv1 have another shape and are not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PduKind {
    /// GET.
    Get,
    /// GETNEXT.
    GetNext,
    /// The answer to every request.
    Response,
    /// SET.
    Set,
    /// GETBULK; not in SNMPv1.
    GetBulk,
    /// InformRequest.
    Inform,
    /// SNMPv2-Trap.
    Trap,
    /// Report, in SNMPv3 only (RFC 3412).
    Report,
}

impl PduKind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Get,
        Self::GetNext,
        Self::Response,
        Self::Set,
        Self::GetBulk,
        Self::Inform,
        Self::Trap,
        Self::Report,
    ];

    /// Its tag on the wire.
    pub fn tag(self) -> u8 {
        match self {
            Self::Get => 0xa0,
            Self::GetNext => 0xa1,
            Self::Response => 0xa2,
            Self::Set => 0xa3,
            Self::GetBulk => 0xa5,
            Self::Inform => 0xa6,
            Self::Trap => 0xa7,
            Self::Report => 0xa8,
        }
    }

    /// The kind with that tag.
    pub fn from_tag(tag: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.tag() == tag)
    }
}

/// One PDU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pdu {
    /// Its kind.
    pub kind: PduKind,
    /// Says which request an answer belongs to.
    pub request_id: i32,
    /// error-status of an answer (0 is fine); non-repeaters of a GETBULK.
    pub status: u32,
    /// error-index of an answer (1 is the first object, 0 none); max-repetitions of a GETBULK.
    pub index: u32,
    /// The objects.
    pub bindings: Vec<VarBind>,
}

impl Pdu {
    /// Writes it.
    pub fn write(&self, writer: &mut Writer) {
        let mark = writer.mark();
        for binding in self.bindings.iter().rev() {
            write_binding(writer, binding.oid.arcs(), &binding.value);
        }
        self.write_head(writer, mark);
    }

    /// Writes a request for these objects, whose values are NULL.
    pub fn write_request<'a>(
        writer: &mut Writer,
        kind: PduKind,
        request_id: i32,
        numbers: (u32, u32),
        oids: impl DoubleEndedIterator<Item = &'a Oid>,
    ) {
        let mark = writer.mark();
        for oid in oids.rev() {
            write_binding(writer, oid.arcs(), &Value::Null);
        }
        let head = Self {
            kind,
            request_id,
            status: numbers.0,
            index: numbers.1,
            bindings: Vec::new(),
        };
        head.write_head(writer, mark);
    }

    fn write_head(&self, writer: &mut Writer, mark: usize) {
        writer.wrap(tag::SEQUENCE, mark);
        writer.integer(tag::INTEGER, i64::from(self.index));
        writer.integer(tag::INTEGER, i64::from(self.status));
        writer.integer(tag::INTEGER, i64::from(self.request_id));
        writer.wrap(self.kind.tag(), mark);
    }

    /// Reads one.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (tag, contents) = reader.any()?;
        let kind = PduKind::from_tag(tag).ok_or(Malformed("a PDU of an unknown kind"))?;
        let mut inner = Reader::new(contents);
        let request_id = i32::try_from(inner.integer()?)
            .ok()
            .ok_or(Malformed("a request id out of range"))?;
        let status = number(&mut inner)?;
        let index = number(&mut inner)?;
        let mut list = inner.enter(tag::SEQUENCE)?;
        // A binding has at least 6 bytes, so the packet bounds the allocation.
        let mut bindings = Vec::with_capacity((list.rest().len() / 12).min(256));
        let mut arcs = Vec::with_capacity(Oid::MAX_ARCS);
        while !list.is_empty() {
            bindings.push(read_binding(&mut list, &mut arcs)?);
        }
        Ok(Self {
            kind,
            request_id,
            status,
            index,
            bindings,
        })
    }
}

/// A number of the head: agents send nonsense (negative indices) here, which is taken as none.
fn number(reader: &mut Reader<'_>) -> Result<u32, Malformed> {
    Ok(u32::try_from(reader.integer()?).unwrap_or(0))
}

/// Reads a binding; `arcs` is a place to work in.
fn read_binding(list: &mut Reader<'_>, arcs: &mut Vec<u32>) -> Result<VarBind, Malformed> {
    let mut inner = list.enter(tag::SEQUENCE)?;
    arcs.clear();
    object_id(inner.expect(tag::OBJECT_ID)?, arcs)?;
    Ok(VarBind {
        oid: Oid::from_slice(arcs),
        value: read_value(&mut inner)?,
    })
}

/// Reads a value of any of SNMP's types.
///
/// # Errors
/// When it has none of these types, or does not fit its type.
pub fn read_value(reader: &mut Reader<'_>) -> Result<Value, Malformed> {
    let (tag, contents) = reader.any()?;
    Ok(match tag {
        tag::INTEGER => Value::Integer(integer(contents)?),
        tag::OCTET_STRING => Value::OctetString(contents.to_vec()),
        tag::NULL => Value::Null,
        tag::OBJECT_ID => {
            let mut arcs = Vec::with_capacity(contents.len() + 1);
            object_id(contents, &mut arcs)?;
            Value::ObjectId(Oid::new(arcs))
        }
        tag::IP_ADDRESS => Value::IpAddress(
            contents
                .try_into()
                .ok()
                .ok_or(Malformed("an IpAddress without four bytes"))?,
        ),
        tag::COUNTER32 => Value::Counter32(unsigned32(contents)?),
        tag::GAUGE32 => Value::Gauge32(unsigned32(contents)?),
        tag::TIME_TICKS => Value::TimeTicks(unsigned32(contents)?),
        tag::OPAQUE => Value::Opaque(contents.to_vec()),
        tag::COUNTER64 => Value::Counter64(unsigned64(contents)?),
        tag::NO_SUCH_OBJECT => Value::NoSuchObject,
        tag::NO_SUCH_INSTANCE => Value::NoSuchInstance,
        tag::END_OF_MIB_VIEW => Value::EndOfMibView,
        _ => return Err(Malformed("a value of a type that SNMP does not have")),
    })
}

fn write_binding(writer: &mut Writer, arcs: &[u32], value: &Value) {
    let mark = writer.mark();
    write_value(writer, value);
    writer.object_id(tag::OBJECT_ID, arcs);
    writer.wrap(tag::SEQUENCE, mark);
}

/// Writes a value.
pub fn write_value(writer: &mut Writer, value: &Value) {
    match value {
        Value::Integer(v) => writer.integer(tag::INTEGER, *v),
        Value::OctetString(bytes) => writer.value(tag::OCTET_STRING, bytes),
        Value::Null => writer.value(tag::NULL, &[]),
        Value::ObjectId(oid) => writer.object_id(tag::OBJECT_ID, oid.arcs()),
        Value::IpAddress(bytes) => writer.value(tag::IP_ADDRESS, bytes),
        Value::Counter32(v) => writer.unsigned(tag::COUNTER32, u64::from(*v)),
        Value::Gauge32(v) => writer.unsigned(tag::GAUGE32, u64::from(*v)),
        Value::TimeTicks(v) => writer.unsigned(tag::TIME_TICKS, u64::from(*v)),
        Value::Opaque(bytes) => writer.value(tag::OPAQUE, bytes),
        Value::Counter64(v) => writer.unsigned(tag::COUNTER64, *v),
        Value::NoSuchObject => writer.value(tag::NO_SUCH_OBJECT, &[]),
        Value::NoSuchInstance => writer.value(tag::NO_SUCH_INSTANCE, &[]),
        Value::EndOfMibView => writer.value(tag::END_OF_MIB_VIEW, &[]),
    }
}
