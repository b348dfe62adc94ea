//! Items of equipment, monitored or not.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Class, Origin};
use crate::model::{DeviceId, SiteId, Span};

/// An item of equipment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Device {
    /// Permanent id.
    pub id: DeviceId,
    /// Display name.
    pub name: String,
    /// Class.
    pub class: Class,
    /// Where it stands.
    pub site: Option<SiteId>,
    /// Addresses, the first is the one that is polled.
    pub addresses: Vec<Address>,
    /// Hardware addresses.
    pub macs: Vec<Mac>,
    /// Serial number.
    pub serial: Option<String>,
    /// Maker.
    pub vendor: Option<String>,
    /// Model.
    pub model: Option<String>,
    /// Number in the asset register.
    pub asset_tag: Option<String>,
    /// Where it is in its life.
    pub lifecycle: Lifecycle,
    /// In what condition.
    pub condition: Option<Condition>,
    /// How it is watched.
    pub mode: MonitorMode,
    /// Who is responsible for it.
    pub owner: Option<String>,
    /// Day of purchase.
    pub purchased_on: Option<Date>,
    /// Day on which it was put into service; before it there is no denominator.
    pub in_service_from: Option<Date>,
    /// Price in đồng.
    pub price_vnd: Option<u64>,
    /// Last day of the warranty.
    pub warranty_end: Option<Date>,
    /// Left out of ratios.
    pub exemption: Option<Exemption>,
    /// Devices that it depends on, beside its site's link: up while any of them is.
    pub parents: Vec<DeviceId>,
    /// Names of the SNMP credentials to try, in this order; empty: no SNMP.
    pub credentials: Vec<String>,
    /// Overrides of the class's defaults.
    pub probing: Probing,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// Where it comes from.
    pub origin: Origin,
}

/// What a device sets otherwise than its class.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Probing {
    /// Probes, by name; `None`: the class's.
    pub probes: Option<Vec<String>>,
    /// Of those, which show life; `None`: the class's.
    pub liveness: Option<Vec<String>>,
    /// Time between two pings; `None`: the class's.
    pub interval: Option<Span>,
    /// Time between two SNMP polls.
    pub snmp_interval: Option<Span>,
    /// How long to wait for an echo reply.
    pub timeout: Option<Span>,
    /// How its echo requests leave.
    #[serde(default)]
    pub ping: PingOptions,
    /// UDP port of the SNMP agent; `None`: 161.
    pub snmp_port: Option<u16>,
    /// Its agent may answer from another of its addresses than the one asked (trap 14).
    #[serde(default)]
    pub snmp_any_source: bool,
    /// TCP port that shows presence, for the `tcp` probe.
    pub tcp_port: Option<u16>,
    /// Whether it is expected to be on at all times; `None`: the class's.
    pub always_on: Option<bool>,
    /// Whether its outage is told to people; `None`: the class's.
    pub alerts: Option<bool>,
    /// A TCP refusal is proof of life: no firewall answers in its name.
    pub trust_refusal: bool,
}

/// How the echo requests to one target leave; the default leaves all to the system.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PingOptions {
    /// The address of this host to send from.
    pub source: Option<IpAddr>,
    /// The interface of this host to send through, by name.
    pub interface: Option<String>,
    /// Time to live (hop limit), at least 1.
    pub ttl: Option<u8>,
    /// Type of service (traffic class).
    pub tos: Option<u8>,
    /// Bytes of payload; `None`: as everywhere.
    pub payload_bytes: Option<u16>,
    /// Forbid fragmentation.
    pub dont_fragment: bool,
}

/// Where a device can be reached: its name or number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Address {
    /// The address or name.
    pub host: Host,
}

/// An IP address, or a name to resolve.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Host {
    /// A number.
    Ip(IpAddr),
    /// A DNS name; resolved again from time to time (trap 18).
    Name(String),
}

impl From<String> for Host {
    fn from(text: String) -> Self {
        text.parse().map_or(Self::Name(text), Self::Ip)
    }
}

impl From<Host> for String {
    fn from(host: Host) -> Self {
        host.to_string()
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => ip.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// A hardware address of six bytes, written lower case with colons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mac(pub [u8; 6]);

/// The text is no hardware address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a MAC address: use six pairs of hex digits, like 00:1b:21:ab:cd:ef")]
pub struct InvalidMac {
    /// The text as given.
    pub text: String,
}

impl FromStr for Mac {
    type Err = InvalidMac;

    /// Takes `00:1b:21:ab:cd:ef`, `00-1B-…`, `001b.21ab.cdef` and twelve bare digits.
    fn from_str(text: &str) -> Result<Self, InvalidMac> {
        let bad = || InvalidMac {
            text: text.to_owned(),
        };
        let digits: Vec<u8> = text
            .chars()
            .filter(|c| !matches!(c, ':' | '-' | '.'))
            .map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok()))
            .collect::<Option<_>>()
            .ok_or_else(bad)?;
        let mut mac = [0; 6];
        if digits.len() != 12 {
            return Err(bad());
        }
        for (byte, pair) in mac.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = pair.iter().fold(0, |acc, d| (acc << 4) | d);
        }
        Ok(Self(mac))
    }
}

impl TryFrom<String> for Mac {
    type Error = InvalidMac;
    fn try_from(text: String) -> Result<Self, InvalidMac> {
        text.parse()
    }
}

impl From<Mac> for String {
    fn from(mac: Mac) -> Self {
        mac.to_string()
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            let colon = if i == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02x}")?;
        }
        Ok(())
    }
}

/// Where a device is in its life. Only [`Lifecycle::InUse`] counts in ratios.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words of the glossary")]
pub enum Lifecycle {
    Planned,
    InStock,
    #[default]
    InUse,
    InRepair,
    Loaned,
    ToDispose,
    Disposed,
    Lost,
}

impl Lifecycle {
    /// All, with their words.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::Planned, "planned"),
        (Self::InStock, "in_stock"),
        (Self::InUse, "in_use"),
        (Self::InRepair, "in_repair"),
        (Self::Loaned, "loaned"),
        (Self::ToDispose, "to_dispose"),
        (Self::Disposed, "disposed"),
        (Self::Lost, "lost"),
    ];

    /// The word in the configuration and in the database.
    pub fn as_str(self) -> &'static str {
        Self::ALL
            .into_iter()
            .find(|(k, _)| *k == self)
            .map_or("in_use", |(_, w)| w)
    }
}

/// In what condition a device is (phẩm chất, form C53-HD).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Còn tốt.
    Good,
    /// Kém phẩm chất.
    Poor,
    /// Mất phẩm chất.
    Broken,
}

impl Condition {
    /// The word in the configuration and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Poor => "poor",
            Self::Broken => "broken",
        }
    }
}

/// How a device is watched.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum MonitorMode {
    /// We ask it.
    #[default]
    Polled,
    /// We believe what others saw of it.
    Passive,
    /// People report on it.
    Manual,
    /// It is never polled or scanned (secrecy rules), hidden from viewers and from metrics.
    Never,
}

impl MonitorMode {
    /// The word in the configuration and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Polled => "polled",
            Self::Passive => "passive",
            Self::Manual => "manual",
            Self::Never => "never",
        }
    }
}

/// Kept on record, left out of ratios, for a stated reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exemption {
    /// A word for metrics (`secrecy`, `lent_out`, …).
    pub reason: String,
    /// Number of the decision.
    pub decision: Option<String>,
    /// Who set it.
    pub author: Option<String>,
    /// From which day; `None`: since always.
    pub from: Option<Date>,
    /// First day on which it no longer holds; `None`: it holds.
    pub to: Option<Date>,
}

impl Exemption {
    /// Whether it is in force on `day`.
    pub fn holds_on(&self, day: Date) -> bool {
        self.from.is_none_or(|d| d <= day) && self.to.is_none_or(|d| day < d)
    }
}

impl Device {
    /// Whether it counts as a member of the fleet.
    pub fn is_member(&self) -> bool {
        self.lifecycle == Lifecycle::InUse
    }

    /// Whether viewers and metrics must not see it by itself.
    pub fn is_hidden(&self) -> bool {
        self.mode == MonitorMode::Never
    }

    /// The address that is polled, if there is one.
    pub fn primary_host(&self) -> Option<&Host> {
        self.addresses.first().map(|a| &a.host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_is_read_in_every_common_spelling() {
        let mac = Mac([0, 0x1b, 0x21, 0xab, 0xcd, 0xef]);
        for text in [
            "00:1b:21:ab:cd:ef",
            "00-1B-21-AB-CD-EF",
            "001b.21ab.cdef",
            "001B21ABCDEF",
        ] {
            assert_eq!(text.parse(), Ok(mac));
        }
        assert!("00:1b:21".parse::<Mac>().is_err());
        assert!("zz:1b:21:ab:cd:ef".parse::<Mac>().is_err());
        assert_eq!(mac.to_string(), "00:1b:21:ab:cd:ef");
    }
}
