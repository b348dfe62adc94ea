//! Bridge tables of switches that keep each VLAN's in a context of its own.
//!
//! Cisco's IOS answers BRIDGE-MIB for one VLAN at a time: to the community
//! `name@10`, or in the SNMPv3 context `vlan-10`. What is read so is kept as
//! the rows of Q-BRIDGE-MIB that other switches serve, so that no profile
//! needs to know.

use crate::model::snmp::Oid;
use crate::model::snmp::Value;
use crate::profile::Rows;

use super::credential::Credential;
use super::credential::Hidden;

/// Most contexts that one turn asks.
pub(super) const MOST: usize = 256;

/// dot1dTpFdbPort; index: MAC
pub(super) const FDB_PORT: [u32; 11] = [1, 3, 6, 1, 2, 1, 17, 4, 3, 1, 2];
/// dot1dBasePortIfIndex; index: bridge port
pub(super) const PORT_IF_INDEX: [u32; 11] = [1, 3, 6, 1, 2, 1, 17, 1, 4, 1, 2];
/// dot1qTpFdbPort; index: VLAN, MAC
const VLAN_FDB_PORT: [u32; 13] = [1, 3, 6, 1, 2, 1, 17, 7, 1, 2, 2, 1, 2];

/// The VLANs in use that the column tells; those kept for Token Ring and FDDI are none.
pub(super) fn in_use(rows: &Rows, column: &Oid) -> Vec<u32> {
    let mut ids: Vec<u32> = rows
        .below(column)
        .filter(|(_, value)| matches!(value, Value::Integer(1)))
        .filter_map(|(oid, _)| oid.arcs().last().copied())
        .filter(|id| (1..4095).contains(id) && !(1002..=1005).contains(id))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids.truncate(MOST);
    ids
}

/// The credential for the context of a VLAN.
pub(super) fn credential(of: &Credential, vlan: u32) -> Credential {
    let at = |community: &Hidden| {
        let mut bytes = community.expose().to_vec();
        bytes.extend(format!("@{vlan}").bytes());
        Hidden::from(bytes)
    };
    match of {
        Credential::V1 { community } => Credential::V1 {
            community: at(community),
        },
        Credential::V2c { community } => Credential::V2c {
            community: at(community),
        },
        Credential::V3(user) => {
            let mut user = user.clone();
            user.context = format!("vlan-{vlan}");
            Credential::V3(user)
        }
    }
}

/// Adds what the context of a VLAN told, with the VLAN in the index.
pub(super) fn keep(rows: &mut Rows, vlan: u32, told: &Rows) {
    let fdb = Oid::new(FDB_PORT);
    for (oid, value) in told.below(&fdb) {
        if let Some(mac) = oid.suffix(&fdb) {
            let key: Vec<u32> = std::iter::once(vlan).chain(mac.iter().copied()).collect();
            rows.insert(Oid::new(VLAN_FDB_PORT).child(&key), value.clone());
        }
    }
    let ports = Oid::new(PORT_IF_INDEX);
    for (oid, value) in told.below(&ports) {
        rows.insert(oid.clone(), value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_vlans_in_use_are_asked() {
        let column = Oid::new([1, 9]);
        let mut rows = Rows::default();
        for (arcs, value) in [
            ([1, 9, 1, 1], 1),
            ([1, 9, 1, 10], 1),
            ([1, 9, 1, 20], 2),
            ([1, 9, 1, 1003], 1),
        ] {
            rows.insert(Oid::new(arcs), Value::Integer(value));
        }
        assert_eq!(in_use(&rows, &column), [1, 10]);
    }

    #[test]
    fn a_context_is_in_the_community_or_beside_the_user() {
        let community = Credential::V2c {
            community: Hidden::from("thu"),
        };
        let Credential::V2c { community } = credential(&community, 10) else {
            panic!("another version");
        };
        assert_eq!(community.expose(), b"thu@10");
        let user = Credential::V3(super::super::credential::User::named("thu"));
        let Credential::V3(user) = credential(&user, 10) else {
            panic!("another version");
        };
        assert_eq!(user.context, "vlan-10");
    }
}
