//! Protocol data units: what is asked and what is answered (RFC 3416 §3).

use super::ber::Malformed;
use super::ber::Reader;
use super::ber::Writer;
use super::ber::integer;
use super::ber::read_oid;
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

/// The head of a PDU from the wire; its objects are not read yet.
#[derive(Debug, Clone, Copy)]
pub struct PduHead<'a> {
    /// As in [`Pdu`].
    pub kind: PduKind,
    /// As in [`Pdu`].
    pub request_id: i32,
    /// As in [`Pdu`].
    pub status: u32,
    /// As in [`Pdu`].
    pub index: u32,
    list: Reader<'a>,
}

impl<'a> PduHead<'a> {
    /// Reads the head of the next PDU.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let (tag, contents) = reader.any()?;
        let kind = PduKind::from_tag(tag).ok_or(Malformed("a PDU of an unknown kind"))?;
        let mut inner = Reader::new(contents);
        Ok(Self {
            kind,
            request_id: i32::try_from(inner.integer()?)
                .ok()
                .ok_or(Malformed("a request id out of range"))?,
            status: number(&mut inner)?,
            index: number(&mut inner)?,
            list: inner.enter(tag::SEQUENCE)?,
        })
    }

    /// Its objects, one after the other, as they stand in the packet.
    pub fn objects(&self) -> Objects<'a> {
        Objects { list: self.list }
    }

    /// Reads its objects into `bindings`, which is emptied first, so that one
    /// place serves all packets.
    ///
    /// # Errors
    /// When one of them is none.
    pub fn bindings(&self, bindings: &mut Vec<VarBind>) -> Result<(), Malformed> {
        let mut arcs = Vec::new();
        bindings.clear();
        for object in self.objects() {
            let object = object?;
            bindings.push(VarBind {
                oid: read_oid(object.name, &mut arcs)?,
                value: object.value()?,
            });
        }
        Ok(())
    }

    /// The whole PDU.
    ///
    /// # Errors
    /// As [`PduHead::bindings`].
    pub fn whole(&self) -> Result<Pdu, Malformed> {
        // A binding has at least 6 bytes, so the packet bounds the allocation.
        let mut bindings = Vec::with_capacity((self.list.rest().len() / 12).min(256));
        self.bindings(&mut bindings)?;
        Ok(Pdu {
            kind: self.kind,
            request_id: self.request_id,
            status: self.status,
            index: self.index,
            bindings,
        })
    }
}

/// Reads the objects of a PDU; after an error it ends.
#[derive(Debug, Clone)]
pub struct Objects<'a> {
    list: Reader<'a>,
}

/// One object as it stands in the packet.
#[derive(Debug, Clone, Copy)]
pub struct Object<'a> {
    /// The contents of its OID, unchecked.
    pub name: &'a [u8],
    /// The tag of its value.
    pub tag: u8,
    contents: &'a [u8],
}

impl Object<'_> {
    /// Its value.
    ///
    /// # Errors
    /// As [`read_value`].
    pub fn value(&self) -> Result<Value, Malformed> {
        value(self.tag, self.contents)
    }
}

impl<'a> Iterator for Objects<'a> {
    type Item = Result<Object<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.list.is_empty() {
            return None;
        }
        let mut read = || {
            let mut inner = self.list.enter(tag::SEQUENCE)?;
            let name = inner.expect(tag::OBJECT_ID)?;
            let (tag, contents) = inner.any()?;
            Ok(Object { name, tag, contents })
        };
        let object = read();
        if object.is_err() {
            self.list = Reader::new(&[]);
        }
        Some(object)
    }
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
        PduHead::read(reader)?.whole()
    }
}

/// A number of the head: agents send nonsense (negative indices) here, which is taken as none.
fn number(reader: &mut Reader<'_>) -> Result<u32, Malformed> {
    Ok(u32::try_from(reader.integer()?).unwrap_or(0))
}

/// Reads a value of any of SNMP's types.
///
/// # Errors
/// When it has none of these types, or does not fit its type.
pub fn read_value(reader: &mut Reader<'_>) -> Result<Value, Malformed> {
    let (tag, contents) = reader.any()?;
    value(tag, contents)
}

fn value(tag: u8, contents: &[u8]) -> Result<Value, Malformed> {
    Ok(match tag {
        tag::INTEGER => Value::Integer(integer(contents)?),
        tag::OCTET_STRING => Value::OctetString(contents.into()),
        tag::NULL => Value::Null,
        tag::OBJECT_ID => Value::ObjectId(read_oid(contents, &mut Vec::new())?.into()),
        tag::IP_ADDRESS => Value::IpAddress(
            contents
                .try_into()
                .ok()
                .ok_or(Malformed("an IpAddress without four bytes"))?,
        ),
        tag::COUNTER32 => Value::Counter32(unsigned32(contents)?),
        tag::GAUGE32 => Value::Gauge32(unsigned32(contents)?),
        tag::TIME_TICKS => Value::TimeTicks(unsigned32(contents)?),
        tag::OPAQUE => Value::Opaque(contents.into()),
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
