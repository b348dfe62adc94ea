//! What a device told, once a profile has read it: the `inspect --format json` contract.
//!
//! Every field is `None` where the device does not tell (never zero, never an
//! empty text), and is then left out of the JSON. Numbers are in base units:
//! bytes, seconds, ratios 0 to 1, celsius, volts.

use std::collections::BTreeMap;

use serde::Serialize;

pub use super::section::Section;
use super::value::V;

/// A counter of the device, with its width, so that a wrap can be told from a reset.
///
/// Serialised as its plain number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Counter {
    /// The number as read.
    pub value: u64,
    /// 32 or 64: where it wraps.
    pub bits: u8,
}

impl Serialize for Counter {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.value)
    }
}

/// What a field of a row takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// Text.
    Text,
    /// A whole number, not negative.
    Whole,
    /// Any number.
    Number,
    /// A share, 0 to 1.
    Ratio,
    /// A counter with its width.
    Counter,
    /// True or false.
    Truth,
}

/// One row that rules made: field name and value, in the order of the rule.
pub type Fields = Vec<(String, V)>;

/// What a kind of row is made of.
pub trait Row: Sized {
    /// Its fields with their kinds, in the order of the contract.
    const FIELDS: &'static [(&'static str, FieldKind)];

    /// The row with these fields; those that have no value of the right kind are `None`.
    fn from_fields(fields: &Fields) -> Self;

    /// Whether no field has a value.
    fn is_empty(&self) -> bool;
}

macro_rules! kind {
    (Text) => {
        String
    };
    (Whole) => {
        u64
    };
    (Number) => {
        f64
    };
    (Ratio) => {
        f64
    };
    (Counter) => {
        Counter
    };
    (Truth) => {
        bool
    };
}

macro_rules! take {
    (Text, $v:expr) => {
        $v.to_text()
    };
    (Whole, $v:expr) => {
        $v.to_whole()
    };
    (Number, $v:expr) => {
        $v.to_number()
    };
    (Ratio, $v:expr) => {
        $v.to_ratio()
    };
    (Counter, $v:expr) => {
        $v.to_counter()
    };
    (Truth, $v:expr) => {
        $v.to_truth()
    };
}

macro_rules! rows {
    ($($(#[$doc:meta])* $name:ident { $($(#[$fdoc:meta])* $field:ident $(as $word:literal)?: $kind:ident,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Default, Serialize)]
        pub struct $name {
            $(
                $(#[$fdoc])*
                #[serde(skip_serializing_if = "Option::is_none" $(, rename = $word)?)]
                pub $field: Option<kind!($kind)>,
            )*
        }

        impl Row for $name {
            const FIELDS: &'static [(&'static str, FieldKind)] = &[
                $((rows!(@word $field $($word)?), FieldKind::$kind),)*
            ];

            fn from_fields(fields: &Fields) -> Self {
                let mut row = Self::default();
                for (name, value) in fields {
                    match name.as_str() {
                        $(rows!(@word $field $($word)?) => row.$field = take!($kind, value),)*
                        _ => {}
                    }
                }
                row
            }

            fn is_empty(&self) -> bool {
                $(self.$field.is_none())&&*
            }
        }
    )*};
    (@word $field:ident) => { stringify!($field) };
    (@word $field:ident $word:literal) => { $word };
}

rows! {
    /// A network interface.
    ///
    /// Source: IF-MIB ifTable and ifXTable, or a vendor's own table.
    Interface {
        /// ifIndex: its number of the moment (trap 5).
        index: Whole,
        /// ifName, else ifDescr.
        name: Text,
        /// ifDescr.
        descr: Text,
        /// ifAlias: what the administrator calls it.
        alias: Text,
        /// The IANA ifType name.
        kind as "type": Text,
        /// Hardware address, lower case with colons.
        mac: Text,
        /// Largest packet in bytes.
        mtu: Whole,
        /// ifAdminStatus in the MIB's words.
        admin: Text,
        /// ifOperStatus in the MIB's words.
        oper: Text,
        /// Nominal speed in bits per second.
        speed_bps: Whole,
        /// Octets received, from the widest counter that counts (trap 2).
        in_octets: Counter,
        /// Octets sent.
        out_octets: Counter,
        /// Packets received with errors.
        in_errors: Counter,
        /// Packets not sent because of errors.
        out_errors: Counter,
        /// Packets received and discarded.
        in_discards: Counter,
        /// Packets to send that were discarded.
        out_discards: Counter,
        /// Seconds since the operational state last changed.
        last_change_seconds: Number,
    }

    /// An IP address of the device itself.
    OwnAddress {
        /// The address.
        address: Text,
        /// Length of the network prefix in bits.
        prefix_len: Whole,
        /// The interface that carries it.
        if_index: Whole,
    }

    /// A physical part: chassis, module, power supply, fan, disk, stack member.
    Component {
        /// What it is, in the MIB's words.
        class: Text,
        /// Its name.
        name: Text,
        /// Its description.
        descr: Text,
        /// Its model.
        model: Text,
        /// Its serial number.
        serial: Text,
        /// Hardware revision.
        hardware_rev: Text,
        /// Firmware revision.
        firmware_rev: Text,
        /// Software revision.
        software_rev: Text,
        /// Its maker.
        manufacturer: Text,
    }

    /// A processor.
    Processor {
        /// Which.
        descr: Text,
        /// How busy, 0 to 1.
        load_ratio: Ratio,
    }

    /// Memory or storage.
    Space {
        /// Which.
        descr: Text,
        /// Bytes in use.
        used_bytes: Whole,
        /// Bytes in all.
        size_bytes: Whole,
        /// The share in use, 0 to 1: all that some devices tell.
        used_ratio: Ratio,
        /// `percent` where a share is all that is told: then the two numbers above
        /// are no bytes but that share, in percent of 100.
        unit: Text,
    }

    /// Something measured.
    Sensor {
        /// temperature, voltage, current, power, charge, load, runtime, fan, humidity or frequency.
        kind: Text,
        /// Which.
        descr: Text,
        /// The value in `unit`.
        value: Number,
        /// celsius, volts, amperes, watts, ratio, seconds, rpm or hertz.
        unit: Text,
    }

    /// Something that a printer uses up or fills.
    Supply {
        /// Which.
        descr: Text,
        /// toner, ink, drum, waste, fuser, paper, …
        kind: Text,
        /// How much is left (of waste: how much room), 0 to 1.
        level_ratio: Ratio,
        /// ok, low, empty, some, unknown or unlimited.
        state: Text,
    }

    /// What a printer counts and says.
    Printer {
        /// Pages over its life.
        pages_total: Whole,
        /// Of those in colour.
        pages_color: Whole,
        /// Of those in black.
        pages_mono: Whole,
        /// Sheets printed on both sides.
        pages_duplex: Whole,
        /// Pages scanned.
        pages_scanned: Whole,
        /// idle, printing, warmup, other or unknown.
        status: Text,
        /// What its panel shows.
        display: Text,
        /// What it complains of, by commas: low_paper, no_toner, jammed, …
        problems: Text,
    }

    /// An uninterruptible power supply.
    Ups {
        /// Charge of the battery, 0 to 1.
        battery_charge_ratio: Ratio,
        /// How long the battery lasts at this load.
        runtime_seconds: Number,
        /// Share of the rated load, 0 to 1 (above 1 it is overloaded and left out).
        load_ratio: Ratio,
        /// It lives on its battery.
        on_battery: Truth,
        /// Voltage of the mains.
        input_volts: Number,
        /// Voltage that it gives.
        output_volts: Number,
        /// Voltage of the battery.
        battery_volts: Number,
        /// The battery is to be replaced.
        replace_battery: Truth,
        /// When the battery was last replaced, as the device writes it.
        battery_replaced: Text,
    }

    /// Clients of one radio, one network name, or one access point of a controller.
    Wifi {
        /// The radio.
        radio: Text,
        /// The network's name.
        ssid: Text,
        /// 2.4GHz, 5GHz or 6GHz.
        band: Text,
        /// Associated clients: a gauge, whatever type the device gives it (trap 12).
        clients: Whole,
        /// The channel.
        channel: Whole,
    }

    /// A neighbour on a wire.
    Neighbour {
        /// Our port: the interface's name where it is known, else what the device calls it.
        local_port: Text,
        /// The interface, where it is known (see [`super::ports`]).
        if_index: Whole,
        /// lldp, cdp, mndp or fdp.
        protocol: Text,
        /// Its chassis id: a MAC address, an address or a name.
        chassis: Text,
        /// Its port.
        port: Text,
        /// Its name.
        system_name: Text,
        /// What it says that it is.
        platform: Text,
    }

    /// A pair of IP and hardware address that the device saw.
    ArpEntry {
        /// The address.
        address: Text,
        /// Hardware address.
        mac: Text,
        /// The interface.
        if_index: Whole,
    }

    /// A hardware address that a bridge learnt on a port.
    FdbEntry {
        /// Hardware address.
        mac: Text,
        /// The interface, where the bridge port is known.
        if_index: Whole,
        /// The VLAN id.
        vlan: Whole,
    }

    /// A client that is associated with a Wi-Fi point: its hardware address
    /// shows who is there, which [`Wifi`] only counts.
    Association {
        /// Hardware address.
        mac: Text,
        /// The radio, or the access point of a controller.
        radio: Text,
        /// The network's name.
        ssid: Text,
    }

    /// A VLAN that the device knows.
    Vlan {
        /// 1 to 4094.
        id: Whole,
        /// Its name.
        name: Text,
    }

    /// Power over Ethernet of one port or of a whole supply.
    Poe {
        /// The port, or the group.
        port: Text,
        /// In the MIB's words: delivering_power, searching, fault, …
        state: Text,
        /// Watts drawn.
        used_watts: Number,
        /// Watts that there are.
        budget_watts: Number,
    }

    /// An installed program.
    Software {
        /// Name, mostly with version.
        name: Text,
        /// When it was installed, as YYYY-MM-DD.
        installed: Text,
    }
}

/// Something that could not be learnt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// What.
    pub what: String,
    /// Why.
    pub why: String,
}

/// Everything that a device told: the object of `tramgac inspect --format json`.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Learnt {
    /// The address that was asked.
    pub address: String,
    /// The profile that matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// It answered.
    pub reached: bool,
    /// SNMP version that worked: 1, 2c or 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// SNMPv2-MIB::sysObjectID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sys_object_id: Option<String>,
    /// SNMPv2-MIB::sysDescr.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sys_descr: Option<String>,
    /// SNMPv2-MIB::sysName.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sys_name: Option<String>,
    /// Time since the agent restarted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uptime_seconds: Option<f64>,
    /// What it is: vendor, model, serial, firmware, class, location, contact, …
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, String>,
    /// Its interfaces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<Interface>,
    /// Its own addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<OwnAddress>,
    /// Its parts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<Component>,
    /// Its processors.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub processors: Vec<Processor>,
    /// Its memory.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub memory: Vec<Space>,
    /// Its storage.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub storage: Vec<Space>,
    /// What it measures.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sensors: Vec<Sensor>,
    /// What it uses up.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub supplies: Vec<Supply>,
    /// It is a printer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub printer: Option<Printer>,
    /// It is a UPS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ups: Option<Ups>,
    /// Its Wi-Fi clients.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wifi: Vec<Wifi>,
    /// Its neighbours.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub neighbours: Vec<Neighbour>,
    /// Address pairs that it saw.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arp: Vec<ArpEntry>,
    /// Hardware addresses behind its ports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fdb: Vec<FdbEntry>,
    /// Clients that are associated with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub associations: Vec<Association>,
    /// Its VLANs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vlans: Vec<Vlan>,
    /// Its power over Ethernet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub poe: Vec<Poe>,
    /// Its programs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub software: Vec<Software>,
    /// Requests that it cost, tries included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packets: Option<u32>,
    /// What could not be learnt.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Gap>,
}
