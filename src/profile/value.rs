//! Values on their way from an OID to a field: what a profile's steps work on.

use super::learnt::Counter;
use crate::model::snmp::Oid;
use crate::model::snmp::Value;

/// A value between its reading and its field.
#[derive(Debug, Clone, PartialEq)]
pub enum V {
    /// A whole number.
    Int(i128),
    /// A number with a fraction; never NaN or infinite.
    Float(f64),
    /// A counter, with its width.
    Counter(Counter),
    /// Bytes, not always text.
    Bytes(Vec<u8>),
    /// Text.
    Text(String),
    /// An OID, or the arcs of an index.
    Oid(Oid),
    /// True or false.
    Truth(bool),
}

/// Longest text that a fact or field may have, in characters: a sysDescr has 255
/// bytes, a panel text or program name less; what is longer is cut.
pub const MAX_TEXT: usize = 1024;

impl V {
    /// What SNMP answered; `None` for the exceptions (trap 7).
    pub fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Integer(n) => Self::Int(i128::from(*n)),
            Value::Gauge32(n) | Value::TimeTicks(n) => Self::Int(i128::from(*n)),
            Value::Counter32(n) => Self::Counter(Counter {
                value: u64::from(*n),
                bits: 32,
            }),
            Value::Counter64(n) => Self::Counter(Counter { value: *n, bits: 64 }),
            Value::OctetString(bytes) => Self::Bytes(bytes.to_vec()),
            Value::Opaque(bytes) => return opaque(bytes),
            Value::ObjectId(oid) => Self::Oid((**oid).clone()),
            Value::IpAddress(ip) => Self::Text(std::net::Ipv4Addr::from(*ip).to_string()),
            Value::Null | Value::NoSuchObject | Value::NoSuchInstance | Value::EndOfMibView => return None,
        })
    }

    /// The text; `None` if it is empty.
    pub fn to_text(&self) -> Option<String> {
        let text = match self {
            Self::Int(n) => n.to_string(),
            Self::Float(f) => float_text(*f),
            Self::Counter(c) => c.value.to_string(),
            Self::Bytes(bytes) => bytes_text(bytes),
            Self::Text(text) => clean(text),
            Self::Oid(oid) => oid.to_string(),
            Self::Truth(t) => t.to_string(),
        };
        (!text.is_empty()).then_some(text)
    }

    /// The number; of a text the number that it begins with (`40 C/104 F` is 40).
    pub fn to_number(&self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "a measured value, not a counter")]
            Self::Int(n) => Some(*n as f64),
            Self::Float(f) => Some(*f),
            Self::Counter(c) => Some(c.value as f64),
            Self::Bytes(_) | Self::Text(_) => leading_number(&self.to_text()?),
            Self::Truth(t) => Some(f64::from(u8::from(*t))),
            Self::Oid(oid) => match oid.arcs() {
                [one] => Some(f64::from(*one)),
                _ => None,
            },
        }
    }

    /// The whole number, not negative; fractions are rounded.
    pub fn to_whole(&self) -> Option<u64> {
        match self {
            Self::Int(n) => u64::try_from(*n).ok(),
            Self::Counter(c) => Some(c.value),
            Self::Float(_) | Self::Bytes(_) | Self::Text(_) | Self::Oid(_) | Self::Truth(_) => {
                let n = self.to_number()?.round();
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "inside of the range, checked here"
                )]
                (0.0..1.8e19).contains(&n).then_some(n as u64)
            }
        }
    }

    /// The share, if it is one (trap 10).
    pub fn to_ratio(&self) -> Option<f64> {
        self.to_number().filter(|n| (0.0..=1.0).contains(n))
    }

    /// The counter; a plain whole number is one of 64 bits.
    pub fn to_counter(&self) -> Option<Counter> {
        match self {
            Self::Counter(c) => Some(*c),
            Self::Int(_)
            | Self::Float(_)
            | Self::Bytes(_)
            | Self::Text(_)
            | Self::Oid(_)
            | Self::Truth(_) => self.to_whole().map(|value| Counter { value, bits: 64 }),
        }
    }

    /// True or false; of a number whether it is not zero.
    pub fn to_truth(&self) -> Option<bool> {
        match self {
            Self::Truth(t) => Some(*t),
            Self::Text(t) if t == "true" => Some(true),
            Self::Text(t) if t == "false" => Some(false),
            Self::Int(_)
            | Self::Float(_)
            | Self::Counter(_)
            | Self::Bytes(_)
            | Self::Text(_)
            | Self::Oid(_) => self.to_number().map(|n| n.abs() > f64::EPSILON),
        }
    }

    /// The arcs that an index of this value has.
    pub fn to_arcs(&self) -> Option<Vec<u32>> {
        match self {
            Self::Oid(oid) => Some(oid.arcs().to_vec()),
            Self::Int(_) | Self::Counter(_) | Self::Float(_) => self
                .to_whole()
                .and_then(|n| u32::try_from(n).ok())
                .map(|n| vec![n]),
            Self::Bytes(_) | Self::Text(_) => self
                .to_text()?
                .trim_start_matches('.')
                .split('.')
                .map(|a| a.parse().ok())
                .collect(),
            Self::Truth(_) => None,
        }
    }

    /// The bytes of a string, or of an index of small arcs.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => Some(bytes.clone()),
            Self::Text(text) => Some(text.as_bytes().to_vec()),
            Self::Oid(oid) => oid.arcs().iter().map(|a| u8::try_from(*a).ok()).collect(),
            Self::Int(_) | Self::Float(_) | Self::Counter(_) | Self::Truth(_) => None,
        }
    }
}

/// Net-SNMP's floats in Opaque: tag 9f 78 (float) or 9f 79 (double), length, bytes.
fn opaque(bytes: &[u8]) -> Option<V> {
    let number = match bytes {
        [0x9f, 0x78, 4, a, b, c, d] => f64::from(f32::from_be_bytes([*a, *b, *c, *d])),
        [0x9f, 0x79, 8, rest @ ..] => f64::from_be_bytes(rest.try_into().ok()?),
        _ => return Some(V::Bytes(bytes.to_vec())),
    };
    number.is_finite().then_some(V::Float(number))
}

fn float_text(f: f64) -> String {
    let text = format!("{f:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The number at the beginning of a text; an optional sign, digits, one decimal point.
pub fn leading_number(text: &str) -> Option<f64> {
    let text = text.trim_start();
    let mut seen_dot = false;
    let mut end = 0;
    for (i, c) in text.char_indices() {
        match c {
            '-' | '+' if i == 0 => {}
            '.' if !seen_dot => seen_dot = true,
            '0'..='9' => {}
            _ => break,
        }
        end = i + c.len_utf8();
    }
    text.get(..end)?
        .trim_end_matches('.')
        .parse()
        .ok()
        .filter(|n: &f64| n.is_finite())
}

/// Text without control characters, blanks at its ends, and what is beyond [`MAX_TEXT`].
pub fn clean(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_TEXT)
        .collect();
    plain.trim().to_owned()
}

/// The text of an octet string: UTF-8, else Latin-1; what is no text is hex with colons.
pub fn bytes_text(bytes: &[u8]) -> String {
    let end = bytes.iter().rposition(|b| *b != 0).map_or(0, |i| i + 1);
    let bytes = bytes.get(..end).unwrap_or_default();
    let binary = |b: &u8| *b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r' | 0x0c | 0x00);
    if bytes.iter().any(binary) {
        return hex(bytes);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => clean(text),
        Err(_) => clean(&bytes.iter().map(|b| char::from(*b)).collect::<String>()),
    }
}

/// Bytes as pairs of hex digits with colons, at most 64 of them.
pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .take(64)
        .map(|b| format!("{b:02x}"))
        .collect::<Vec<_>>()
        .join(":")
}

/// A hardware address of six bytes, or of a text that spells one.
pub fn mac(value: &V) -> Option<String> {
    let bytes = value.to_bytes()?;
    let six: [u8; 6] = if let Ok(six) = <[u8; 6]>::try_from(bytes.as_slice()) {
        six
    } else {
        let text = bytes_text(&bytes);
        let parts: Vec<&str> = text.split([':', '-', ' ']).filter(|p| !p.is_empty()).collect();
        if parts.len() == 6 {
            // "0:1b:…": leading zeros are often left out.
            let mut six = [0; 6];
            for (byte, part) in six.iter_mut().zip(parts) {
                *byte = u8::from_str_radix(part, 16).ok()?;
            }
            six
        } else {
            text.trim_start_matches("0x")
                .parse::<crate::inventory::Mac>()
                .ok()?
                .0
        }
    };
    Some(hex(&six))
}

/// An IP address of four or sixteen bytes, also after the number of their family
/// (1 and 2, as in LLDP), or of a text that spells one.
pub fn ip(value: &V) -> Option<String> {
    if let V::Text(text) = value {
        return text.parse::<std::net::IpAddr>().ok().map(|ip| ip.to_string());
    }
    let bytes = value.to_bytes()?;
    let bytes = match bytes.as_slice() {
        [1, four @ ..] if four.len() == 4 => four.to_vec(),
        [2, sixteen @ ..] if sixteen.len() == 16 => sixteen.to_vec(),
        _ => bytes,
    };
    if let Ok(four) = <[u8; 4]>::try_from(bytes.as_slice()) {
        Some(std::net::Ipv4Addr::from(four).to_string())
    } else if let Ok(sixteen) = <[u8; 16]>::try_from(bytes.as_slice()) {
        Some(std::net::Ipv6Addr::from(sixteen).to_string())
    } else {
        bytes_text(&bytes)
            .parse::<std::net::IpAddr>()
            .ok()
            .map(|ip| ip.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_gives_the_number_that_it_begins_with() {
        for (text, number) in [
            ("40 C/104 F", Some(40.0)),
            ("-3.5V", Some(-3.5)),
            ("1.2.3", Some(1.2)),
            ("7.", Some(7.0)),
            ("abc", None),
            ("", None),
            ("-", None),
        ] {
            assert_eq!(leading_number(text), number, "{text}");
        }
    }

    #[test]
    fn a_mac_comes_as_bytes_and_in_every_spelling() {
        let six = V::Bytes(vec![0, 0x1b, 0x21, 0xab, 0xcd, 0x0f]);
        assert_eq!(mac(&six).as_deref(), Some("00:1b:21:ab:cd:0f"));
        for text in [
            "0:1b:21:ab:cd:f",
            "00-1B-21-AB-CD-0F",
            "001B21ABCD0F",
            "00 1B 21 AB CD 0F",
        ] {
            assert_eq!(mac(&V::Text(text.into())), mac(&six), "{text}");
        }
        assert_eq!(mac(&V::Text("none".into())), None);
    }

    // trap 10
    #[test]
    fn nothing_is_not_zero_and_no_ratio_is_above_one() {
        assert_eq!(V::Bytes(Vec::new()).to_text(), None);
        assert_eq!(V::Bytes(vec![0, 0]).to_text(), None);
        assert_eq!(V::Int(-1).to_whole(), None);
        assert_eq!(V::Float(1.5).to_ratio(), None);
        assert_eq!(V::of(&Value::NoSuchInstance), None);
    }

    #[test]
    fn bytes_that_are_no_text_are_hex_and_latin_1_is_read() {
        assert_eq!(bytes_text(&[1, 2]), "01:02");
        assert_eq!(bytes_text("Thạch Khoán\0".as_bytes()), "Thạch Khoán");
        assert_eq!(bytes_text(&[0x42, 0xe9]), "Bé");
    }

    #[test]
    fn an_address_may_follow_the_number_of_its_family() {
        let ip_of = |bytes: &[u8]| ip(&V::Bytes(bytes.to_vec()));
        assert_eq!(ip_of(&[10, 56, 32, 113]).as_deref(), Some("10.56.32.113"));
        assert_eq!(ip_of(&[1, 10, 56, 32, 113]).as_deref(), Some("10.56.32.113"));
        let mut six = vec![2, 0xfd];
        six.resize(17, 0);
        assert_eq!(ip_of(&six).as_deref(), Some("fd00::"));
        assert_eq!(ip_of(&[3, 10, 56, 32, 113]), None);
    }

    #[test]
    fn net_snmp_packs_floats_in_opaque() {
        let v = V::of(&Value::Opaque([0x9f, 0x78, 4, 0x42, 0x28, 0, 0].into()));
        assert_eq!(v, Some(V::Float(42.0)));
    }
}
