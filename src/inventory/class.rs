//! The table of classes: one row each, with its defaults.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What an item of equipment is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words of the glossary")]
pub enum Class {
    Computer,
    Server,
    Router,
    Switch,
    WifiAp,
    WifiController,
    Radio,
    Firewall,
    Modem,
    Printer,
    Scanner,
    Copier,
    Ups,
    Pdu,
    Sensor,
    Camera,
    Recorder,
    Conference,
    Phone,
    Storage,
    Other,
}

/// What a class brings along; the configuration may change it per class and per device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassDefaults {
    /// The class.
    pub class: Class,
    /// Its word.
    pub name: &'static str,
    /// Which probes.
    pub probes: &'static [&'static str],
    /// Of those, which show life.
    pub liveness: &'static [&'static str],
    /// Expected to be on at all times: silence is an outage.
    pub always_on: bool,
    /// An outage is told to people.
    pub alerts: bool,
    /// Infrastructure: pinged at the shorter interval (30 s, else 60 s).
    pub infrastructure: bool,
}

const fn row(
    class: Class,
    name: &'static str,
    probes: &'static [&'static str],
    (always_on, alerts, infrastructure): (bool, bool, bool),
) -> ClassDefaults {
    ClassDefaults {
        class,
        name,
        probes,
        liveness: &["icmp"],
        always_on,
        alerts,
        infrastructure,
    }
}

const PING: &[&str] = &["icmp"];
const BOTH: &[&str] = &["icmp", "snmp"];
const NONE: &[&str] = &[];

/// Every class once, in the order of the declaration.
pub static CLASSES: [ClassDefaults; 21] = [
    // People switch their computers off: tracked, never an outage (design §3.8).
    row(Class::Computer, "computer", PING, (false, false, false)),
    row(Class::Server, "server", BOTH, (true, true, true)),
    row(Class::Router, "router", BOTH, (true, true, true)),
    row(Class::Switch, "switch", BOTH, (true, true, true)),
    row(Class::WifiAp, "wifi_ap", BOTH, (true, true, false)),
    row(Class::WifiController, "wifi_controller", BOTH, (true, true, true)),
    row(Class::Radio, "radio", BOTH, (true, true, true)),
    row(Class::Firewall, "firewall", BOTH, (true, true, true)),
    row(Class::Modem, "modem", BOTH, (true, true, true)),
    // Printers sleep and are switched off with the office.
    row(Class::Printer, "printer", BOTH, (false, false, false)),
    row(Class::Scanner, "scanner", NONE, (false, false, false)),
    row(Class::Copier, "copier", BOTH, (false, false, false)),
    row(Class::Ups, "ups", BOTH, (true, true, true)),
    row(Class::Pdu, "pdu", BOTH, (true, true, true)),
    row(Class::Sensor, "sensor", BOTH, (true, true, false)),
    row(Class::Camera, "camera", PING, (true, true, false)),
    row(Class::Recorder, "recorder", BOTH, (true, true, false)),
    row(Class::Conference, "conference", BOTH, (false, false, false)),
    row(Class::Phone, "phone", PING, (false, false, false)),
    row(Class::Storage, "storage", BOTH, (true, true, true)),
    row(Class::Other, "other", NONE, (false, false, false)),
];

/// The word is no class.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is not a class of equipment")]
pub struct UnknownClass {
    /// The word as given.
    pub word: String,
}

impl Class {
    /// Whether it is equipment that carries others' traffic, and so has tables of who is there.
    pub fn carries_others(self) -> bool {
        match self {
            Self::Router
            | Self::Switch
            | Self::WifiAp
            | Self::WifiController
            | Self::Radio
            | Self::Firewall
            | Self::Modem => true,
            Self::Computer
            | Self::Server
            | Self::Printer
            | Self::Scanner
            | Self::Copier
            | Self::Ups
            | Self::Pdu
            | Self::Sensor
            | Self::Camera
            | Self::Recorder
            | Self::Conference
            | Self::Phone
            | Self::Storage
            | Self::Other => false,
        }
    }

    /// Its row of the table.
    pub fn defaults(self) -> &'static ClassDefaults {
        // The table has one row for each class in the order of the declaration; a test holds that.
        &CLASSES[self as usize]
    }

    /// The word in the configuration, in metrics and in the database.
    pub fn as_str(self) -> &'static str {
        self.defaults().name
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Class {
    type Err = UnknownClass;
    fn from_str(word: &str) -> Result<Self, UnknownClass> {
        CLASSES
            .iter()
            .find(|row| row.name == word)
            .map(|row| row.class)
            .ok_or_else(|| UnknownClass {
                word: word.to_owned(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_its_row_at_its_place() {
        for (i, row) in CLASSES.iter().enumerate() {
            assert_eq!(row.class as usize, i, "{}", row.name);
            assert_eq!(row.name.parse(), Ok(row.class));
            assert_eq!(serde_json::to_value(row.class).unwrap(), row.name);
            assert!(row.liveness.iter().all(|l| row.probes.contains(l)) || row.probes.is_empty());
        }
    }
}
