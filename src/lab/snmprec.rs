//! Recordings of SNMP agents: the `.snmprec` text format of snmpsim.
//!
//! One object a line: `OID|tag|value`. The tag is the BER type as a decimal
//! number (2 INTEGER, 4 OCTET STRING, 5 NULL, 6 OBJECT IDENTIFIER, 64 IpAddress,
//! 65 Counter32, 66 Gauge32, 67 TimeTicks, 68 Opaque, 70 Counter64), with `x`
//! behind it where the value is hex digits. What depends on snmpsim's variation
//! modules (`:name`) is not understood and counted as such.

use crate::model::snmp::Oid;
use crate::model::snmp::Value;
use crate::profile::Rows;

/// Most objects of one recording: a core switch has some 100,000.
pub const MAX_ROWS: usize = 2_000_000;

/// A recording, read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recording {
    /// Its objects.
    pub rows: Rows,
    /// Lines that were not understood, by number from 1; the first 100.
    pub skipped: Vec<usize>,
}

/// Reads a recording. What is not understood is skipped and told.
pub fn parse(bytes: &[u8]) -> Recording {
    let mut recording = Recording::default();
    for (n, line) in bytes.split(|b| *b == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        if recording.rows.len() >= MAX_ROWS {
            break;
        }
        match object(line) {
            Some((oid, value)) => recording.rows.insert(oid, value),
            None if recording.skipped.len() < 100 => recording.skipped.push(n + 1),
            None => {}
        }
    }
    recording
}

fn object(line: &[u8]) -> Option<(Oid, Value)> {
    let mut parts = line.splitn(3, |b| *b == b'|');
    let oid = oid_of(parts.next()?)?;
    let tag = std::str::from_utf8(parts.next()?).ok()?.trim();
    let raw = parts.next()?;
    let (number, bytes) = match tag.strip_suffix('x') {
        Some(number) => (number, unhex(raw)?),
        None => (tag, raw.to_vec()),
    };
    let is_hex = number.len() != tag.len();
    let whole = || -> Option<i128> {
        if is_hex {
            (bytes.len() <= 8).then(|| bytes.iter().fold(0, |n, b| (n << 8) | i128::from(*b)))
        } else {
            std::str::from_utf8(&bytes).ok()?.trim().parse().ok()
        }
    };
    // Agents and recorders write numbers of 32 bits with and without their sign.
    let narrow = || whole().and_then(|n| u32::try_from(n.rem_euclid(1 << 32)).ok());
    let value = match number.parse::<u32>().ok()? {
        2 => Value::Integer(i64::try_from(whole()?).ok()?),
        4 => Value::OctetString(bytes.into()),
        5 => Value::Null,
        6 => Value::ObjectId(oid_of(&bytes)?.into()),
        64 => Value::IpAddress(address(&bytes, is_hex)?),
        65 => Value::Counter32(narrow()?),
        66 => Value::Gauge32(narrow()?),
        67 => Value::TimeTicks(narrow()?),
        68 => Value::Opaque(bytes.into()),
        70 => Value::Counter64(u64::try_from(whole()?.rem_euclid(1 << 64)).ok()?),
        _ => return None,
    };
    Some((oid, value))
}

/// An OID; recorders leave a dot at its end.
fn oid_of(bytes: &[u8]) -> Option<Oid> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    text.strip_suffix('.').unwrap_or(text).parse().ok()
}

fn address(bytes: &[u8], is_hex: bool) -> Option<[u8; 4]> {
    if is_hex {
        return bytes.try_into().ok();
    }
    let text = std::str::from_utf8(bytes).ok()?;
    text.trim()
        .parse::<std::net::Ipv4Addr>()
        .ok()
        .map(|ip| ip.octets())
}

fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .iter()
        .filter(|b| !b.is_ascii_whitespace())
        .map(|b| char::from(*b).to_digit(16).and_then(|d| u8::try_from(d).ok()))
        .collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty()
        .then(|| pairs.iter().map(|[high, low]| (high << 4) | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::snmp::VarBind;
    use crate::probe::snmp::text;

    #[test]
    fn every_type_comes_back_from_its_line() {
        let values = [
            Value::Integer(-5),
            Value::OctetString("Ubuntu | x".into()),
            Value::OctetString(vec![0, 1, 0xff].into()),
            Value::ObjectId(Oid::new([1, 3, 6]).into()),
            Value::IpAddress([10, 0, 0, 1]),
            Value::Counter32(u32::MAX),
            Value::Gauge32(7),
            Value::TimeTicks(8),
            Value::Opaque([0x9f, 0x78].into()),
            Value::Counter64(u64::MAX),
        ];
        for value in values {
            let oid = Oid::new([1, 3, 6, 1]);
            let bind = VarBind {
                oid: oid.clone(),
                value: value.clone(),
            };
            let recording = parse(text::snmprec(&bind).unwrap().as_bytes());
            assert_eq!(recording.rows.get(&oid), Some(&value));
            assert!(recording.skipped.is_empty());
        }
    }

    #[test]
    fn what_is_not_understood_is_skipped_and_told() {
        let recording =
            parse(b"1.3.6.1|2|7\nnonsense\n1.3.6.2|4x|zz\n1.3.6.3|2:numeric|rate=1\n\n#x\n1.3.6.4|4|\r\n");
        assert_eq!(recording.rows.len(), 2);
        assert_eq!(recording.skipped, [2, 3, 4]);
    }
}
