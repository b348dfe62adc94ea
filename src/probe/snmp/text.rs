//! Objects as text: as net-snmp's tools print them with `-On`, and as lines of
//! the `.snmprec` format of snmpsim. Pure.

use std::fmt::Write;

use crate::model::snmp::Oid;
use crate::model::snmp::Value;
use crate::model::snmp::VarBind;

/// Bytes of a hexadecimal line.
const HEX_LINE: usize = 16;

/// One object as `snmpwalk -On` prints it without MIBs, without the line end.
///
/// Bytes, since strings are passed on as they are, and may be no UTF-8.
pub fn numeric(binding: &VarBind) -> Vec<u8> {
    let mut line = format!(".{} = ", binding.oid).into_bytes();
    match &binding.value {
        Value::OctetString(bytes) if bytes.is_empty() => line.extend_from_slice(b"\"\""),
        Value::OctetString(bytes) if is_printable(bytes) => {
            line.extend_from_slice(b"STRING: \"");
            for byte in bytes {
                if matches!(byte, b'"' | b'\\') {
                    line.push(b'\\');
                }
                line.push(*byte);
            }
            line.push(b'"');
        }
        Value::OctetString(bytes) => {
            line.extend_from_slice(b"Hex-STRING: ");
            hex_lines(&mut line, bytes);
        }
        Value::Opaque(bytes) => opaque(&mut line, bytes),
        Value::Integer(_)
        | Value::Null
        | Value::ObjectId(_)
        | Value::IpAddress(_)
        | Value::Counter32(_)
        | Value::Gauge32(_)
        | Value::TimeTicks(_)
        | Value::Counter64(_)
        | Value::NoSuchObject
        | Value::NoSuchInstance
        | Value::EndOfMibView => line.extend_from_slice(plain(&binding.value).as_bytes()),
    }
    line
}

/// Values that are plain text whatever they hold.
fn plain(value: &Value) -> String {
    match value {
        Value::Integer(n) => format!("INTEGER: {n}"),
        Value::Null => "NULL".to_owned(),
        Value::ObjectId(oid) => format!("OID: .{oid}"),
        Value::IpAddress([a, b, c, d]) => format!("IpAddress: {a}.{b}.{c}.{d}"),
        Value::Counter32(n) => format!("Counter32: {n}"),
        Value::Gauge32(n) => format!("Gauge32: {n}"),
        Value::TimeTicks(n) => format!("Timeticks: ({n}) {}", duration(*n)),
        Value::Counter64(n) => format!("Counter64: {n}"),
        Value::NoSuchObject => "No Such Object available on this agent at this OID".to_owned(),
        Value::NoSuchInstance => "No Such Instance currently exists at this OID".to_owned(),
        Value::EndOfMibView => {
            "No more variables left in this MIB View (It is past the end of the MIB tree)".to_owned()
        }
        Value::OctetString(_) | Value::Opaque(_) => String::new(),
    }
}

/// Hundredths of a second as days, hours, minutes and seconds.
fn duration(ticks: u32) -> String {
    let (seconds, hundredths) = (ticks / 100, ticks % 100);
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    let (days, hours) = (hours / 24, hours % 24);
    let clock = format!("{hours}:{minutes:02}:{seconds:02}.{hundredths:02}");
    match days {
        0 => clock,
        1 => format!("1 day, {clock}"),
        _ => format!("{days} days, {clock}"),
    }
}

/// What the C locale prints as it is.
fn is_printable(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .all(|b| matches!(b, b' '..=b'~' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r'))
}

fn hex_lines(line: &mut Vec<u8>, bytes: &[u8]) {
    for (i, chunk) in bytes.chunks(HEX_LINE).enumerate() {
        if i > 0 {
            line.push(b'\n');
        }
        for byte in chunk {
            line.extend_from_slice(format!("{byte:02X} ").as_bytes());
        }
    }
}

/// The numbers that net-snmp wraps in Opaque (draft-perkins-opaque-01), or its bytes.
fn opaque(line: &mut Vec<u8>, bytes: &[u8]) {
    if let [0x9f, 0x78, 4, number @ ..] = bytes
        && let Ok(number) = <[u8; 4]>::try_from(number)
    {
        line.extend_from_slice(format!("Opaque: Float: {:.6}", f32::from_be_bytes(number)).as_bytes());
    } else if let [0x9f, 0x79, 8, number @ ..] = bytes
        && let Ok(number) = <[u8; 8]>::try_from(number)
    {
        line.extend_from_slice(format!("Opaque: Double: {:.6}", f64::from_be_bytes(number)).as_bytes());
    } else {
        line.extend_from_slice(b"OPAQUE: ");
        hex_lines(line, bytes);
    }
}

/// One object as a line of `.snmprec`, without the line end; `None` for the
/// exceptions, which are no objects.
pub fn snmprec(binding: &VarBind) -> Option<String> {
    let (tag, text) = match &binding.value {
        Value::Integer(n) => ("2", n.to_string()),
        Value::OctetString(bytes) => match plain_text(bytes) {
            Some(text) => ("4", text.to_owned()),
            None => ("4x", hex(bytes)),
        },
        Value::Null => ("5", String::new()),
        Value::ObjectId(oid) => ("6", oid.to_string()),
        Value::IpAddress([a, b, c, d]) => ("64", format!("{a}.{b}.{c}.{d}")),
        Value::Counter32(n) => ("65", n.to_string()),
        Value::Gauge32(n) => ("66", n.to_string()),
        Value::TimeTicks(n) => ("67", n.to_string()),
        Value::Opaque(bytes) => ("68x", hex(bytes)),
        Value::Counter64(n) => ("70", n.to_string()),
        Value::NoSuchObject | Value::NoSuchInstance | Value::EndOfMibView => return None,
    };
    Some(format!("{}|{tag}|{text}", binding.oid))
}

/// Bytes that stand for themselves in a line: printable ASCII, and no blank at the end.
fn plain_text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let safe = bytes.iter().all(|b| matches!(b, b' '..=b'~')) && text.trim() == text;
    safe.then_some(text)
}

/// Bytes as hexadecimal digits, lower case.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String does not fail.
        write!(text, "{byte:02x}").ok();
    }
    text
}

/// The type and the value of one object, for JSON: the words of
/// [`Value`]'s types, and text where there is text. Octet strings that are no
/// text are of the type `hex`.
pub fn described(value: &Value) -> (&'static str, Described) {
    match value {
        Value::Integer(n) => ("integer", Described::Number(i128::from(*n))),
        Value::OctetString(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if !text.chars().any(|c| c.is_control() && !c.is_whitespace()) => {
                ("string", Described::Text(text.to_owned()))
            }
            _ => ("hex", Described::Text(hex(bytes))),
        },
        Value::Null => ("null", Described::Nothing),
        Value::ObjectId(oid) => ("oid", Described::Text(Oid::to_string(oid))),
        Value::IpAddress([a, b, c, d]) => ("ip_address", Described::Text(format!("{a}.{b}.{c}.{d}"))),
        Value::Counter32(n) => ("counter32", Described::Number(i128::from(*n))),
        Value::Gauge32(n) => ("gauge32", Described::Number(i128::from(*n))),
        Value::TimeTicks(n) => ("timeticks", Described::Number(i128::from(*n))),
        Value::Opaque(bytes) => ("opaque", Described::Text(hex(bytes))),
        Value::Counter64(n) => ("counter64", Described::Number(i128::from(*n))),
        Value::NoSuchObject => ("no_such_object", Described::Nothing),
        Value::NoSuchInstance => ("no_such_instance", Described::Nothing),
        Value::EndOfMibView => ("end_of_mib_view", Described::Nothing),
    }
}

/// A value as JSON knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Described {
    /// A number, exact.
    Number(i128),
    /// A text.
    Text(String),
    /// None.
    Nothing,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(value: Value) -> String {
        let oid = "1.3.6.1".parse().unwrap();
        String::from_utf8(numeric(&VarBind { oid, value })).unwrap()
    }

    #[test]
    fn values_read_as_net_snmp_prints_them() {
        assert_eq!(
            line(Value::TimeTicks(8_640_150)),
            ".1.3.6.1 = Timeticks: (8640150) 1 day, 0:00:01.50"
        );
        assert_eq!(line(Value::OctetString("".into())), ".1.3.6.1 = \"\"");
        assert_eq!(
            line(Value::OctetString("a \"b\"".into())),
            ".1.3.6.1 = STRING: \"a \\\"b\\\"\""
        );
        assert_eq!(
            line(Value::OctetString([0, 0xff].as_slice().into())),
            ".1.3.6.1 = Hex-STRING: 00 FF "
        );
        let float = vec![0x9f, 0x78, 4, 0x3f, 0x80, 0, 0];
        assert_eq!(
            line(Value::Opaque(float.into())),
            ".1.3.6.1 = Opaque: Float: 1.000000"
        );
    }

    #[test]
    fn a_recording_keeps_every_byte() {
        let rec = |value| {
            snmprec(&VarBind {
                oid: "1.3.6.1".parse().unwrap(),
                value,
            })
        };
        let is = |value, text: &str| assert_eq!(rec(value).as_deref(), Some(text));
        is(Value::OctetString("a|b".into()), "1.3.6.1|4|a|b");
        is(Value::OctetString("xã".into()), "1.3.6.1|4x|78c3a3");
        is(Value::OctetString("end ".into()), "1.3.6.1|4x|656e6420");
        is(Value::Counter64(u64::MAX), "1.3.6.1|70|18446744073709551615");
        assert_eq!(rec(Value::EndOfMibView), None);
    }
}
