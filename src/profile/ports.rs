//! Which interface a neighbour was heard on. Pure.
//!
//! Protocols number and name ports in ways of their own: LLDP's local port
//! number is not the ifIndex (NAV#319, librenms#18317), and its port id is the
//! name, the description, the alias or the hardware address of an interface, or
//! a word of the maker's. What names several interfaces names none of them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::learnt::Interface;
use super::learnt::Learnt;
use super::learnt::Neighbour;

/// What a word says: the place of the one interface, or `None` where several have it.
type Places<'a> = BTreeMap<&'a str, Option<usize>>;

fn places<'a>(interfaces: &'a [Interface], word: fn(&'a Interface) -> Option<&'a str>) -> Places<'a> {
    let mut places = Places::new();
    for (place, interface) in interfaces.iter().enumerate() {
        if let Some(word) = word(interface) {
            places
                .entry(word)
                .and_modify(|first| *first = None)
                .or_insert(Some(place));
        }
    }
    places
}

/// Finds the interface of each neighbour, and calls the port by the interface's
/// name.
///
/// A name or a description goes before the number that the profile made of
/// tables, since agents get that wrong; an alias, which people write, goes last.
/// A number of no interface is dropped, unless none were read.
pub fn find(learnt: &mut Learnt) {
    let Learnt {
        interfaces,
        neighbours,
        ..
    } = learnt;
    if neighbours.is_empty() {
        return;
    }
    let names = places(interfaces, |i| i.name.as_deref());
    let descriptions = places(interfaces, |i| i.descr.as_deref());
    let macs = places(interfaces, |i| i.mac.as_deref());
    let aliases = places(interfaces, |i| i.alias.as_deref());
    let numbers: BTreeMap<u64, usize> = interfaces
        .iter()
        .enumerate()
        .filter_map(|(place, i)| Some((i.index?, place)))
        .collect();
    for neighbour in neighbours.iter_mut() {
        let said = |words: &Places<'_>| {
            let word = neighbour.local_port.as_deref()?;
            words.get(word).copied().flatten()
        };
        let found = said(&names)
            .or_else(|| said(&descriptions))
            .or_else(|| said(&macs))
            .or_else(|| numbers.get(&neighbour.if_index?).copied())
            .or_else(|| said(&aliases))
            .and_then(|place| interfaces.get(place));
        if let Some(interface) = found {
            neighbour.if_index = interface.index;
            if interface.name.is_some() {
                neighbour.local_port.clone_from(&interface.name);
            }
        } else if !interfaces.is_empty() {
            let number = neighbour.if_index.take();
            let word = || number.map(|n| n.to_string());
            neighbour.local_port = neighbour.local_port.take().or_else(word);
        }
    }
    join(neighbours);
}

/// Leaves out what another rule told as well, and with the port.
fn join(neighbours: &mut Vec<Neighbour>) {
    type Who = [Option<String>; 4];
    let who =
        |n: &Neighbour| -> Who { [&n.protocol, &n.chassis, &n.port, &n.system_name].map(Option::clone) };
    let placed: BTreeSet<Who> = neighbours
        .iter()
        .filter(|n| n.local_port.is_some())
        .map(who)
        .collect();
    neighbours.retain(|n| n.local_port.is_some() || !placed.contains(&who(n)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(index: u64, [name, descr, alias, mac]: [&str; 4]) -> Interface {
        let text = |word: &str| (!word.is_empty()).then(|| word.to_owned());
        Interface {
            index: Some(index),
            name: text(name),
            descr: text(descr),
            alias: text(alias),
            mac: text(mac),
            ..Interface::default()
        }
    }

    /// Four ports whose numbers are not those of LLDP; two share all but their names.
    fn switch() -> Vec<Interface> {
        vec![
            interface(101, ["gi1", "Port 1", "server", "02:00:00:00:00:01"]),
            interface(102, ["gi2", "Port 2", "gi1", "02:00:00:00:00:02"]),
            interface(103, ["gi3", "Port", "uplink", "02:00:00:00:00:09"]),
            interface(104, ["gi4", "Port", "uplink", "02:00:00:00:00:09"]),
        ]
    }

    fn found(local_port: Option<&str>, if_index: Option<u64>) -> (Option<String>, Option<u64>) {
        let mut learnt = Learnt {
            interfaces: switch(),
            neighbours: vec![Neighbour {
                local_port: local_port.map(str::to_owned),
                if_index,
                ..Neighbour::default()
            }],
            ..Learnt::default()
        };
        find(&mut learnt);
        let neighbour = learnt.neighbours.pop().unwrap();
        (neighbour.local_port, neighbour.if_index)
    }

    #[test]
    fn a_port_is_found_by_whatever_names_one_interface_and_is_called_by_its_name() {
        for (local_port, if_index, name, index) in [
            (Some("gi2"), None, "gi2", 102),
            (Some("Port 2"), None, "gi2", 102),
            (Some("02:00:00:00:00:02"), None, "gi2", 102),
            (Some("server"), None, "gi1", 101),
            (None, Some(103), "gi3", 103),
            // A name goes before a number, and before another's alias.
            (Some("gi1"), Some(104), "gi1", 101),
            // What several have says nothing; the number does.
            (Some("Port"), Some(104), "gi4", 104),
            (Some("02:00:00:00:00:09"), Some(103), "gi3", 103),
            (Some("uplink"), Some(101), "gi1", 101),
        ] {
            assert_eq!(
                found(local_port, if_index),
                (Some(name.to_owned()), Some(index)),
                "{local_port:?} {if_index:?}"
            );
        }
    }

    #[test]
    fn a_port_that_is_no_interface_keeps_its_own_word_and_gets_no_number() {
        for (local_port, if_index, word) in [
            (Some("7"), Some(7), Some("7")),
            (Some("uplink"), None, Some("uplink")),
            (None, Some(7), Some("7")),
            (None, None, None),
        ] {
            assert_eq!(
                found(local_port, if_index),
                (word.map(str::to_owned), None),
                "{local_port:?} {if_index:?}"
            );
        }
    }

    #[test]
    fn a_neighbour_told_twice_is_one_if_one_of_them_knows_the_port() {
        let row = |if_index: Option<u64>, port: &str| Neighbour {
            if_index,
            protocol: Some("lldp".to_owned()),
            chassis: Some("02:00:00:00:00:77".to_owned()),
            port: Some(port.to_owned()),
            ..Neighbour::default()
        };
        let mut learnt = Learnt {
            interfaces: switch(),
            neighbours: vec![
                row(Some(101), "ether1"),
                row(Some(102), "ether1"),
                row(None, "ether1"),
                row(None, "ether2"),
            ],
            ..Learnt::default()
        };
        find(&mut learnt);
        let told: Vec<_> = learnt
            .neighbours
            .iter()
            .map(|n| (n.if_index, n.port.as_deref().unwrap_or_default()))
            .collect();
        assert_eq!(
            told,
            [(Some(101), "ether1"), (Some(102), "ether1"), (None, "ether2")]
        );
    }
}
