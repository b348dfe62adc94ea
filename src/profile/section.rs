//! The sections of a device's contract, and which of them are read when.

use super::learnt::ArpEntry;
use super::learnt::Association;
use super::learnt::Component;
use super::learnt::FdbEntry;
use super::learnt::FieldKind;
use super::learnt::Interface;
use super::learnt::Neighbour;
use super::learnt::OwnAddress;
use super::learnt::Poe;
use super::learnt::Printer;
use super::learnt::Processor;
use super::learnt::Row;
use super::learnt::Sensor;
use super::learnt::Software;
use super::learnt::Space;
use super::learnt::Supply;
use super::learnt::Ups;
use super::learnt::Vlan;
use super::learnt::Wifi;

/// The parts of [`super::Learnt`] that rules make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the keys of the contract")]
pub enum Section {
    Interfaces,
    Addresses,
    Components,
    Processors,
    Memory,
    Storage,
    Sensors,
    Supplies,
    Printer,
    Ups,
    Wifi,
    Neighbours,
    Arp,
    Fdb,
    Associations,
    Vlans,
    Poe,
    Software,
}

impl Section {
    /// All, with their keys, in the order of the contract.
    pub const ALL: [(Self, &'static str); 18] = [
        (Self::Interfaces, "interfaces"),
        (Self::Addresses, "addresses"),
        (Self::Components, "components"),
        (Self::Processors, "processors"),
        (Self::Memory, "memory"),
        (Self::Storage, "storage"),
        (Self::Sensors, "sensors"),
        (Self::Supplies, "supplies"),
        (Self::Printer, "printer"),
        (Self::Ups, "ups"),
        (Self::Wifi, "wifi"),
        (Self::Neighbours, "neighbours"),
        (Self::Arp, "arp"),
        (Self::Fdb, "fdb"),
        (Self::Associations, "associations"),
        (Self::Vlans, "vlans"),
        (Self::Poe, "poe"),
        (Self::Software, "software"),
    ];

    /// The key.
    pub fn as_str(self) -> &'static str {
        Self::ALL
            .into_iter()
            .find(|(s, _)| *s == self)
            .map_or("", |(_, w)| w)
    }

    /// The section with that key.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, w)| *w == key).map(|(s, _)| s)
    }

    /// The fields of its rows.
    pub fn fields(self) -> &'static [(&'static str, FieldKind)] {
        match self {
            Self::Interfaces => Interface::FIELDS,
            Self::Addresses => OwnAddress::FIELDS,
            Self::Components => Component::FIELDS,
            Self::Processors => Processor::FIELDS,
            Self::Memory | Self::Storage => Space::FIELDS,
            Self::Sensors => Sensor::FIELDS,
            Self::Supplies => Supply::FIELDS,
            Self::Printer => Printer::FIELDS,
            Self::Ups => Ups::FIELDS,
            Self::Wifi => Wifi::FIELDS,
            Self::Neighbours => Neighbour::FIELDS,
            Self::Arp => ArpEntry::FIELDS,
            Self::Fdb => FdbEntry::FIELDS,
            Self::Associations => Association::FIELDS,
            Self::Vlans => Vlan::FIELDS,
            Self::Poe => Poe::FIELDS,
            Self::Software => Software::FIELDS,
        }
    }

    /// Whether it tells who else is on the network.
    pub fn is_presence(self) -> bool {
        matches!(
            self,
            Self::Neighbours | Self::Arp | Self::Fdb | Self::Associations
        )
    }

    /// Whether it is read at every poll; the others are read with the inventory, rarely.
    pub fn is_reading(self) -> bool {
        match self {
            Self::Interfaces
            | Self::Processors
            | Self::Memory
            | Self::Storage
            | Self::Sensors
            | Self::Supplies
            | Self::Printer
            | Self::Ups
            | Self::Wifi
            | Self::Poe => true,
            Self::Addresses
            | Self::Components
            | Self::Neighbours
            | Self::Arp
            | Self::Fdb
            | Self::Associations
            | Self::Vlans
            | Self::Software => false,
        }
    }
}
