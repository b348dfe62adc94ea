//! What stays as it is while a device's interfaces are the same ones: their
//! description, alias, type, hardware address and MTU.
//!
//! These are a third of what is asked of an interface, and say at nearly every
//! turn what they said before. So a turn leaves them out while nothing says that
//! they may be others, and the interfaces that it brings have them from memory.
//!
//! That an interface is the same one is seen at every turn by its index and its
//! name, one by one and in their order (trap 5); an agent without ifName tells
//! neither without the rest, and is asked for all of it each time. All of it is
//! asked for as well when the agent restarted, when ifNumber or
//! ifTableLastChange is another, with the inventory, when the last answer was
//! partial, and after [`FOR`], since an alias may change with none of these.

use std::collections::BTreeMap;
use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Weak;

use super::poll_turn::IF_NUMBER;
use super::poll_turn::IF_TABLE_LAST_CHANGE;
use super::poll_turn::Part;
use super::poll_turn::Turn;
use crate::model::Mono;
use crate::model::Span;
use crate::model::snmp::Oid;
use crate::profile::Chain;
use crate::profile::Learnt;
use crate::profile::Rows;
use crate::profile::Set;
use crate::profile::What;
use crate::profile::learnt::Interface;
use crate::profile::ports;

/// How long they are remembered: so late is a new alias seen at most.
const FOR: Span = Span::from_secs(15 * 60);

/// What an agent says of its table of interfaces at the beginning of each turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Table {
    number: Option<i64>,
    changed: Option<i64>,
}

impl Table {
    pub(super) fn of(rows: &Rows) -> Self {
        let number = |arcs: &[u32]| {
            let value = rows.get(&Oid::from_slice(arcs))?;
            i64::try_from(value.as_i128()?).ok()
        };
        Self {
            number: number(&IF_NUMBER),
            changed: number(&IF_TABLE_LAST_CHANGE),
        }
    }
}

/// How a turn asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asks {
    pub(super) what: What,
    pub(super) at: Mono,
    /// The agent restarted since the turn before.
    pub(super) restarted: bool,
}

/// What is remembered between two turns.
#[derive(Debug, Clone, Default)]
pub(super) struct Memo {
    still: Option<Box<Still>>,
    /// The device does not even tell whether the interfaces are the same ones unless it is
    /// asked for everything.
    all_or_nothing: bool,
}

impl Turn<'_> {
    /// Reads what the device's profile asks for, and gives what it makes of that; `facts` are
    /// those of an earlier turn, unless this one asks for them.
    pub(super) async fn learn(
        &mut self,
        (profiles, chain): (&Arc<Set>, &Chain<'_>),
        facts: Option<&BTreeMap<String, String>>,
        memo: &mut Memo,
        asks: Asks,
    ) -> Learnt {
        let plan = profiles.plan(chain.name(), asks.what).unwrap_or_default();
        let everything = asks.what == What::Inventory;
        let table = Table::of(&self.rows);
        let still = memo
            .still
            .as_deref()
            .filter(|still| !everything && !asks.restarted && still.holds(profiles, table, asks.at));
        let part = if still.is_some() { Part::Moving } else { Part::All };
        self.read(&plan, part).await;
        if let (true, Some(column)) = (everything, chain.vlan_contexts()) {
            self.read_vlans(column).await;
        }
        let mut learnt = crate::profile::apply(chain, &self.rows, facts);
        if still.is_some_and(|still| still.give(&mut learnt.interfaces)) {
            ports::find(&mut learnt);
            return learnt;
        }
        let answered = self.gaps.is_empty();
        if still.is_some() {
            // They are not the same ones: the rest is asked for after all (trap 5).
            self.read(&plan, Part::Still).await;
            learnt = crate::profile::apply(chain, &self.rows, facts);
        }
        let now = Still::of(profiles, table, &learnt.interfaces, (self.agent.address, asks.at));
        let in_vain = answered
            && still
                .zip(now.as_ref())
                .is_some_and(|(before, now)| before.is_same(now));
        memo.all_or_nothing = !everything && (memo.all_or_nothing || in_vain);
        let keeps = self.gaps.is_empty() && !memo.all_or_nothing;
        memo.still = now.filter(|_| keeps).map(Box::new);
        ports::find(&mut learnt);
        learnt
    }
}

/// What is remembered of one device's interfaces, some 60 bytes of each: a fleet may have a million.
#[derive(Debug, Clone)]
pub(super) struct Still {
    /// By whose rules it was made.
    profiles: Weak<Set>,
    table: Table,
    until: Mono,
    /// See [`pack`].
    packed: Box<[u8]>,
}

impl Still {
    /// What is to be remembered after a complete turn at `at`; `None`: the interfaces can't be
    /// told from others by index and name, or are too strange to be kept.
    ///
    /// Each device has its own first period, so that not all of them are asked for
    /// everything in one turn.
    pub(super) fn of(
        profiles: &Arc<Set>,
        table: Table,
        interfaces: &[Interface],
        (address, at): (SocketAddr, Mono),
    ) -> Option<Self> {
        let mut hasher = DefaultHasher::new();
        (address, at).hash(&mut hasher);
        let spread = u32::try_from(hasher.finish() >> 32).unwrap_or(0);
        let early = FOR.mul_f64(f64::from(spread) / f64::from(u32::MAX) / 3.0);
        Some(Self {
            profiles: Arc::downgrade(profiles),
            table,
            until: at.plus(FOR.saturating_sub(early)),
            packed: pack(interfaces)?.into(),
        })
    }

    /// Whether nothing says that they are others.
    pub(super) fn holds(&self, profiles: &Arc<Set>, table: Table, now: Mono) -> bool {
        std::ptr::eq(self.profiles.as_ptr(), Arc::as_ptr(profiles)) && self.table == table && now < self.until
    }

    /// Whether the same is remembered.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.packed == other.packed
    }

    /// Gives the interfaces what a turn left out, if they are the ones remembered;
    /// else they stay as they are.
    pub(super) fn give(&self, interfaces: &mut [Interface]) -> bool {
        let mut rest = Kept::all(&self.packed);
        let same = interfaces.iter().all(|now| {
            rest.next().is_some_and(|kept| {
                Some(kept.index.into()) == now.index && kept.texts[0] == now.name.as_deref()
            })
        });
        if !same || rest.next().is_some() {
            return false;
        }
        for (interface, kept) in interfaces.iter_mut().zip(Kept::all(&self.packed)) {
            let [_, descr, alias, kind, mac] = kept.texts;
            let fill = |place: &mut Option<String>, text: Option<&str>| {
                if place.is_none() {
                    *place = text.map(str::to_owned);
                }
            };
            fill(&mut interface.descr, descr);
            fill(&mut interface.alias, alias);
            fill(&mut interface.kind, kind);
            fill(&mut interface.mac, mac);
            interface.mtu = interface.mtu.or(kept.mtu.map(u64::from));
        }
        true
    }
}

/// Instead of a length: no text, and the text of the field before (of the
/// description: the name; of the others: the same of the interface before).
const NONE: u16 = u16::MAX;
const SAME: u16 = u16::MAX - 1;
const NO_MTU: u32 = u32::MAX;

fn texts(interface: &Interface) -> [Option<&str>; 5] {
    [
        interface.name.as_deref(),
        interface.descr.as_deref(),
        interface.alias.as_deref(),
        interface.kind.as_deref(),
        interface.mac.as_deref(),
    ]
}

/// Of each interface its index, its MTU, and five times a length and a text: name,
/// description, alias, type, hardware address. `None`: one of them has no index, no
/// name, or something does not fit.
fn pack(interfaces: &[Interface]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut before = [None; 5];
    for interface in interfaces {
        let index = u32::try_from(interface.index?).ok()?;
        let mtu = match interface.mtu {
            None => NO_MTU,
            Some(mtu) => u32::try_from(mtu).ok().filter(|mtu| *mtu != NO_MTU)?,
        };
        interface.name.as_ref()?;
        bytes.extend(index.to_le_bytes());
        bytes.extend(mtu.to_le_bytes());
        let texts = texts(interface);
        before[1] = texts[0];
        for (text, before) in texts.into_iter().zip(before) {
            let (length, text) = match text {
                None => (NONE, ""),
                text if text == before => (SAME, ""),
                Some(text) => (u16::try_from(text.len()).ok().filter(|l| *l < SAME)?, text),
            };
            bytes.extend(length.to_le_bytes());
            bytes.extend(text.as_bytes());
        }
        before = texts;
    }
    Some(bytes)
}

/// One interface as it was packed.
struct Kept<'a> {
    index: u32,
    mtu: Option<u32>,
    texts: [Option<&'a str>; 5],
}

impl<'a> Kept<'a> {
    fn all(packed: &'a [u8]) -> impl Iterator<Item = Self> {
        let (mut rest, mut before) = (packed, [None; 5]);
        std::iter::from_fn(move || {
            let kept = Self::next(&mut rest, before)?;
            before = kept.texts;
            Some(kept)
        })
    }

    fn next(rest: &mut &'a [u8], before: [Option<&'a str>; 5]) -> Option<Self> {
        let index = u32::from_le_bytes(*first(rest)?);
        let mtu = u32::from_le_bytes(*first(rest)?);
        let mut texts = [None; 5];
        for n in 0..5 {
            let length = u16::from_le_bytes(*first(rest)?);
            texts[n] = match length {
                NONE => None,
                SAME if n == 1 => texts[0],
                SAME => before[n],
                length => {
                    let (text, after) = rest.split_at_checked(usize::from(length))?;
                    *rest = after;
                    Some(std::str::from_utf8(text).ok()?)
                }
            };
        }
        Some(Self {
            index,
            mtu: (mtu != NO_MTU).then_some(mtu),
            texts,
        })
    }
}

/// The first `N` bytes, taken away.
fn first<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (first, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::profile::learnt::Counter;

    fn port(index: u64, name: &str) -> Interface {
        Interface {
            index: Some(index),
            name: Some(name.to_owned()),
            descr: Some(name.to_owned()),
            alias: Some(format!("to {name}")),
            kind: Some("ethernetCsmacd".to_owned()),
            mac: Some("00:00:5e:00:53:01".to_owned()),
            mtu: Some(1500),
            ..Interface::default()
        }
    }

    /// As a turn brings it that leaves the rest out.
    fn bare(interface: &Interface) -> Interface {
        Interface {
            index: interface.index,
            name: interface.name.clone(),
            ..Interface::default()
        }
    }

    fn still(interfaces: &[Interface]) -> Option<Still> {
        let address = "127.0.0.1:161".parse().unwrap();
        Still::of(
            &Arc::default(),
            Table::default(),
            interfaces,
            (address, Mono::ZERO),
        )
    }

    // trap 5
    #[test]
    fn other_interfaces_get_nothing_from_memory() {
        let ports = [port(1, "a"), port(2, "b")];
        let still = still(&ports).unwrap();
        let mut same: Vec<_> = ports.iter().map(bare).collect();
        assert!(still.give(&mut same));
        assert_eq!(same, ports);
        for others in [
            vec![bare(&port(1, "a"))],
            vec![bare(&port(1, "b")), bare(&port(2, "a"))],
            vec![bare(&port(1, "a")), bare(&port(3, "b"))],
            vec![bare(&port(1, "a")), bare(&port(2, "b")), bare(&port(3, "c"))],
            vec![
                bare(&port(1, "a")),
                Interface {
                    name: None,
                    ..bare(&port(2, "b"))
                },
            ],
        ] {
            let mut now = others.clone();
            assert!(!still.give(&mut now), "{others:?}");
            assert_eq!(now, others);
        }
    }

    #[test]
    fn what_a_turn_tells_stands_against_memory() {
        let mut now = [Interface {
            alias: Some("new".to_owned()),
            in_octets: Some(Counter { value: 7, bits: 64 }),
            ..bare(&port(1, "a"))
        }];
        assert!(still(&[port(1, "a")]).unwrap().give(&mut now));
        assert_eq!(now[0].alias.as_deref(), Some("new"));
        assert_eq!(now[0].in_octets, Some(Counter { value: 7, bits: 64 }));
        assert_eq!(now[0].mac.as_deref(), Some("00:00:5e:00:53:01"));
    }

    #[test]
    fn interfaces_that_can_not_be_told_apart_are_not_remembered() {
        assert!(
            still(&[Interface {
                name: None,
                ..port(1, "a")
            }])
            .is_none()
        );
        assert!(
            still(&[Interface {
                index: None,
                ..port(1, "a")
            }])
            .is_none()
        );
        let long = Some("x".repeat(70_000));
        assert!(
            still(&[Interface {
                alias: long,
                ..port(1, "a")
            }])
            .is_none()
        );
    }

    #[test]
    fn they_are_asked_for_again_in_time_and_after_each_sign() {
        let (profiles, at) = (Arc::<Set>::default(), Mono::ZERO);
        let table = Table {
            number: Some(1),
            changed: Some(100),
        };
        let address = "127.0.0.1:161".parse().unwrap();
        let still = Still::of(&profiles, table, &[port(1, "a")], (address, at)).unwrap();
        assert!(still.holds(&profiles, table, at.plus(FOR / 2)));
        assert!(!still.holds(&profiles, table, at.plus(FOR)));
        assert!(!still.holds(&Arc::default(), table, at));
        assert!(!still.holds(
            &profiles,
            Table {
                number: Some(2),
                ..table
            },
            at
        ));
        assert!(!still.holds(
            &profiles,
            Table {
                changed: Some(101),
                ..table
            },
            at
        ));
        assert!(!still.holds(
            &profiles,
            Table {
                changed: None,
                ..table
            },
            at
        ));
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back(rows in prop::collection::vec(
            (any::<u32>(), prop::option::of(0..=u32::MAX - 1), "[ab]{0,2}", prop::array::uniform4(prop::option::of("[abđ]{0,2}"))),
            0..8,
        )) {
            let ports: Vec<Interface> = rows
                .into_iter()
                .map(|(index, mtu, name, [descr, alias, kind, mac])| Interface {
                    index: Some(index.into()),
                    name: Some(name),
                    mtu: mtu.map(u64::from),
                    descr,
                    alias,
                    kind,
                    mac,
                    ..Interface::default()
                })
                .collect();
            let mut now: Vec<_> = ports.iter().map(bare).collect();
            prop_assert!(still(&ports).unwrap().give(&mut now));
            prop_assert_eq!(now, ports);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _count = Kept::all(&bytes).count();
        }
    }
}
