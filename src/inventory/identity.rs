//! Is this the device that we know? By serial number, then MAC, then sysName.
//!
//! ```text
//! both tell a serial number    the same → it is; another → it is not, whatever else agrees
//! a MAC address in common      it is (a card may be moved, but not between two of our devices)
//! the same sysName             it is, if no other known device has it, it is no factory name,
//!                              and neither vendor nor model says otherwise
//! else                         a device that we do not know
//! ```
//!
//! The address is no part of it: a new DHCP lease is not a new device. Neither
//! is the ifIndex (trap 5).

use std::collections::BTreeSet;

use super::Mac;
use crate::model::DeviceId;

/// What a device is known by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// Its serial number.
    pub serial: Option<String>,
    /// Its hardware addresses.
    pub macs: BTreeSet<Mac>,
    /// What it calls itself.
    pub sys_name: Option<String>,
    /// Its maker.
    pub vendor: Option<String>,
    /// Its model.
    pub model: Option<String>,
}

/// By what a device was known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// The serial number.
    Serial,
    /// A MAC address.
    Mac,
    /// The sysName.
    SysName,
}

/// What makers write where there is no serial number.
const NO_SERIALS: [&str; 12] = [
    "n/a",
    "na",
    "none",
    "unknown",
    "default string",
    "system serial number",
    "to be filled by o.e.m.",
    "not specified",
    "not available",
    "0",
    "123456789",
    "serial",
];

/// Names that devices have from the factory.
const FACTORY_NAMES: [&str; 18] = [
    "mikrotik",
    "router",
    "switch",
    "localhost",
    "ubnt",
    "openwrt",
    "unknown",
    "system",
    "printer",
    "default",
    "hostname",
    "ap",
    "device",
    "localhost.localdomain",
    "netgear",
    "tp-link",
    "dlink",
    "sysname",
];

/// The serial number, if it is one: not empty, no placeholder, not one character again and again.
pub fn serial(text: &str) -> Option<String> {
    let plain = text.trim().to_lowercase();
    let mut chars = plain.chars();
    let first = chars.next()?;
    let varied = chars.any(|c| c != first);
    (varied && !NO_SERIALS.contains(&plain.as_str())).then_some(plain)
}

/// A MAC that names a device: not zero, not of a group, not made up on the spot.
fn names_a_device(mac: Mac) -> bool {
    let Mac([first, ..]) = mac;
    mac.0 != [0; 6] && first.trailing_zeros() >= 2
}

fn same(a: Option<&String>, b: Option<&String>) -> Option<bool> {
    let plain = |t: &String| t.trim().to_lowercase();
    Some(plain(a?) == plain(b?))
}

/// Whether the two are one device, and by what; `None`: nothing says so.
///
/// A sysName counts only if `alone`: no other known device has it.
pub fn compare(known: &Marks, seen: &Marks, alone: bool) -> Option<By> {
    let serials = (
        known.serial.as_deref().and_then(serial),
        seen.serial.as_deref().and_then(serial),
    );
    if let (Some(a), Some(b)) = serials {
        let vendors = same(known.vendor.as_ref(), seen.vendor.as_ref());
        return (a == b && vendors != Some(false)).then_some(By::Serial);
    }
    if known
        .macs
        .intersection(&seen.macs)
        .any(|mac| names_a_device(*mac))
    {
        return Some(By::Mac);
    }
    let name = seen.sys_name.as_ref().map(|n| n.trim().to_lowercase())?;
    let telling = !name.is_empty() && !FACTORY_NAMES.contains(&name.as_str());
    let agrees = |a, b| same(a, b) != Some(false);
    (alone
        && telling
        && same(known.sys_name.as_ref(), seen.sys_name.as_ref()) == Some(true)
        && agrees(known.vendor.as_ref(), seen.vendor.as_ref())
        && agrees(known.model.as_ref(), seen.model.as_ref()))
    .then_some(By::SysName)
}

/// The known device that this is, and by what it was known again: the surest way first.
///
/// `None`: we do not know it, or two known devices answer to it equally.
pub fn find<'a>(
    known: impl IntoIterator<Item = (&'a DeviceId, &'a Marks)>,
    seen: &Marks,
) -> Option<(&'a DeviceId, By)> {
    let known: Vec<(&DeviceId, &Marks)> = known.into_iter().collect();
    let named = |name: Option<&String>| {
        known
            .iter()
            .filter(|(_, marks)| same(marks.sys_name.as_ref(), name) == Some(true))
            .count()
    };
    let alone = named(seen.sys_name.as_ref()) == 1;
    let mut found: Vec<(By, &DeviceId)> = known
        .iter()
        .filter_map(|(id, marks)| compare(marks, seen, alone).map(|by| (by, *id)))
        .collect();
    found.sort();
    match found.as_slice() {
        [] => None,
        [(by, id)] => Some((id, *by)),
        [(first, id), (second, _), ..] => (first < second).then_some((*id, *first)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(serial: &str, macs: &[&str], name: &str, model: &str) -> Marks {
        let told = |t: &str| (!t.is_empty()).then(|| t.to_owned());
        Marks {
            serial: told(serial),
            macs: macs.iter().map(|m| m.parse().unwrap()).collect(),
            sys_name: told(name),
            vendor: None,
            model: told(model),
        }
    }

    #[test]
    fn serial_then_mac_then_name() {
        let mac = "00:1b:21:00:00:01";
        let other = "00:1b:21:00:00:02";
        let made_up = "02:00:00:00:00:01";
        let known = marks("SN1", &[mac, made_up], "core-1", "X1");
        for (seen, expected) in [
            (marks("sn1 ", &[], "", ""), Some(By::Serial)),
            // Another serial number is another device, though a card was moved.
            (marks("SN2", &[mac], "core-1", "X1"), None),
            (marks("", &[mac], "", ""), Some(By::Mac)),
            (marks("N/A", &[mac], "", ""), Some(By::Mac)),
            (marks("0000000", &[other], "core-1", "X1"), Some(By::SysName)),
            (marks("", &[made_up], "", ""), None),
            (marks("", &["00:00:00:00:00:00"], "", ""), None),
            (marks("", &[other], "CORE-1", ""), Some(By::SysName)),
            (marks("", &[other], "core-1", "X2"), None),
            (marks("", &[], "", ""), None),
        ] {
            assert_eq!(compare(&known, &seen, true), expected, "{seen:?}");
        }
        assert_eq!(compare(&known, &marks("", &[], "core-1", ""), false), None);
    }

    #[test]
    fn a_new_address_is_not_a_new_device_and_a_factory_name_is_no_name() {
        let a: DeviceId = "a".parse().unwrap();
        let b: DeviceId = "b".parse().unwrap();
        let table = [
            (a.clone(), marks("SN1", &["00:1b:21:00:00:01"], "mikrotik", "")),
            (b.clone(), marks("", &["00:1b:21:00:00:02"], "mikrotik", "")),
        ];
        let known = || table.iter().map(|(id, m)| (id, m));
        assert_eq!(
            find(known(), &marks("", &["00:1b:21:00:00:02"], "mikrotik", "")),
            Some((&b, By::Mac))
        );
        assert_eq!(
            find(known(), &marks("", &["00:1b:21:00:00:03"], "mikrotik", "")),
            None
        );
        assert_eq!(
            find(known(), &marks("SN1", &["00:1b:21:00:00:02"], "", "")),
            None.or(Some((&a, By::Serial)))
        );
    }
}
