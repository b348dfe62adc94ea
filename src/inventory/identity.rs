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

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::Mac;

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
const NO_SERIALS: [&str; 24] = [
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
    "serial number",
    "sn",
    "s/n",
    "null",
    "nil",
    "empty",
    "invalid",
    "not defined",
    "not specify",
    "chassis serial number",
    "oem",
    "1234567890",
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

/// The marks of all known devices, and who bears which: finding one costs no walk over all.
#[derive(Debug, Clone)]
pub struct Register<K> {
    marks: BTreeMap<K, Marks>,
    serials: BTreeMap<String, BTreeSet<K>>,
    macs: BTreeMap<Mac, BTreeSet<K>>,
    names: BTreeMap<String, BTreeSet<K>>,
}

impl<K> Default for Register<K> {
    fn default() -> Self {
        Self {
            marks: BTreeMap::new(),
            serials: BTreeMap::new(),
            macs: BTreeMap::new(),
            names: BTreeMap::new(),
        }
    }
}

fn plain_name(name: &str) -> String {
    name.trim().to_lowercase()
}

fn leave<M: Ord, K: Ord>(bearers: &mut BTreeMap<M, BTreeSet<K>>, mark: &M, id: &K) {
    if let Some(ids) = bearers.get_mut(mark) {
        ids.remove(id);
        if ids.is_empty() {
            bearers.remove(mark);
        }
    }
}

impl<K: Ord + Copy> Register<K> {
    /// What is known of a device, in place of what was known before.
    pub fn set(&mut self, id: K, marks: Marks) {
        self.forget(id);
        if let Some(serial) = marks.serial.as_deref().and_then(serial) {
            self.serials.entry(serial).or_default().insert(id);
        }
        for mac in &marks.macs {
            self.macs.entry(*mac).or_default().insert(id);
        }
        if let Some(name) = &marks.sys_name {
            self.names.entry(plain_name(name)).or_default().insert(id);
        }
        self.marks.insert(id, marks);
    }

    /// The device is no longer known.
    pub fn forget(&mut self, id: K) {
        let Some(old) = self.marks.remove(&id) else {
            return;
        };
        if let Some(serial) = old.serial.as_deref().and_then(serial) {
            leave(&mut self.serials, &serial, &id);
        }
        for mac in &old.macs {
            leave(&mut self.macs, mac, &id);
        }
        if let Some(name) = &old.sys_name {
            leave(&mut self.names, &plain_name(name), &id);
        }
    }

    /// What is known of a device.
    pub fn get(&self, id: K) -> Option<&Marks> {
        self.marks.get(&id)
    }

    /// The other device that answered at the address of `asked`, and by what it was known
    /// again; `None`: it was the one that was asked, or nobody else that we know for sure.
    ///
    /// A serial number or MAC that several known devices bear tells nothing: makers ship
    /// thousands with one number, and clusters share an address. Where two devices answer
    /// to the marks equally, it is neither.
    pub fn other_than(&self, asked: K, seen: &Marks) -> Option<(K, By)> {
        let telling = self.telling(seen);
        let name = telling.sys_name.as_deref().map(plain_name);
        let named = name.and_then(|n| self.names.get(&n));
        let is_alone = named.is_some_and(|ids| ids.len() == 1);
        let by = |id: K| compare(self.marks.get(&id)?, &telling, is_alone);
        let serial = telling.serial.as_deref().and_then(serial);
        let bearers = serial.and_then(|s| self.serials.get(&s));
        let carriers = telling.macs.iter().filter_map(|mac| self.macs.get(mac));
        let candidates: BTreeSet<K> = bearers
            .into_iter()
            .chain(carriers)
            .chain(named)
            .flatten()
            .copied()
            .filter(|id| *id != asked)
            .collect();
        let mut found: Vec<(By, K)> = candidates
            .into_iter()
            .filter_map(|id| by(id).map(|by| (by, id)))
            .collect();
        found.sort();
        let (surest, id) = match found.as_slice() {
            [one] => *one,
            [first, second, ..] if first.0 < second.0 => *first,
            [] | [_, _, ..] => return None,
        };
        // The one that was asked has the first claim.
        by(asked).is_none_or(|own| surest < own).then_some((id, surest))
    }

    /// The marks without those that several known devices bear.
    fn telling(&self, seen: &Marks) -> Marks {
        let is_shared = |ids: Option<&BTreeSet<K>>| ids.is_some_and(|ids| ids.len() > 1);
        let mut telling = seen.clone();
        telling.serial = seen
            .serial
            .as_deref()
            .and_then(serial)
            .filter(|s| !is_shared(self.serials.get(s)));
        telling.macs.retain(|mac| !is_shared(self.macs.get(mac)));
        telling
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

    fn register(rows: &[(u8, Marks)]) -> Register<u8> {
        let mut register = Register::default();
        for (id, marks) in rows {
            register.set(*id, marks.clone());
        }
        register
    }

    #[test]
    fn a_new_address_is_not_a_new_device_and_a_factory_name_is_no_name() {
        let known = register(&[
            (1, marks("SN1", &["00:1b:21:00:00:01"], "mikrotik", "")),
            (2, marks("", &["00:1b:21:00:00:02"], "mikrotik", "")),
            (3, marks("SN3", &[], "core-3", "X3")),
            (4, Marks::default()),
        ]);
        for (asked, seen, expected) in [
            (1, marks("SN1", &["00:1b:21:00:00:01"], "mikrotik", ""), None),
            (
                1,
                marks("", &["00:1b:21:00:00:02"], "mikrotik", ""),
                Some((2, By::Mac)),
            ),
            (2, marks("SN1", &[], "", ""), Some((1, By::Serial))),
            // A card was moved between two of ours: the serial number is surer.
            (
                2,
                marks("SN1", &["00:1b:21:00:00:02"], "", ""),
                Some((1, By::Serial)),
            ),
            (1, marks("", &[], "CORE-3", "X3"), Some((3, By::SysName))),
            (1, marks("", &[], "core-3", "X9"), None),
            (1, marks("", &["00:1b:21:00:00:03"], "mikrotik", ""), None),
            // Another machine stands in its place.
            (1, marks("SN9", &["00:1b:21:00:00:09"], "new", ""), None),
            // An entry that never answered, and a device that we know.
            (4, marks("sn3 ", &[], "", ""), Some((3, By::Serial))),
            (4, marks("", &[], "", ""), None),
        ] {
            assert_eq!(known.other_than(asked, &seen), expected, "{asked}: {seen:?}");
        }
    }

    #[test]
    fn what_several_bear_tells_nothing() {
        let shared = "00:00:5e:00:01:0a";
        let known = register(&[
            (1, marks("SAME", &[shared, "00:1b:21:00:00:01"], "", "")),
            (2, marks("SAME", &[shared, "00:1b:21:00:00:02"], "", "")),
            (3, marks("To be filled by O.E.M.", &[], "", "")),
            (4, marks("0", &[], "twin", "")),
            (5, marks("", &[], "twin", "")),
        ]);
        for (asked, seen, expected) in [
            (3, marks("SAME", &[], "", ""), None),
            (3, marks("SAME", &[shared], "", ""), None),
            // Yet what is its own tells.
            (
                3,
                marks("SAME", &[shared, "00:1b:21:00:00:02"], "", ""),
                Some((2, By::Mac)),
            ),
            (1, marks("to be filled by o.e.m.", &[], "", ""), None),
            (1, marks("0", &[], "", ""), None),
            (1, marks("", &[], "twin", ""), None),
            (
                1,
                marks("", &["00:1b:21:00:00:01", "00:1b:21:00:00:02"], "", ""),
                None,
            ),
        ] {
            assert_eq!(known.other_than(asked, &seen), expected, "{asked}: {seen:?}");
        }
    }

    #[test]
    fn what_is_no_longer_known_is_not_found() {
        let mut known = register(&[(1, marks("SN1", &["00:1b:21:00:00:01"], "a", ""))]);
        known.set(1, marks("SN2", &[], "b", ""));
        for old in [
            marks("SN1", &[], "", ""),
            marks("", &["00:1b:21:00:00:01"], "", ""),
        ] {
            assert_eq!(known.other_than(2, &old), None);
        }
        assert_eq!(
            known.other_than(2, &marks("SN2", &[], "", "")),
            Some((1, By::Serial))
        );
        known.forget(1);
        assert_eq!(known.other_than(2, &marks("SN2", &[], "", "")), None);
    }
}
