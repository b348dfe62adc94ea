//! On which port a neighbour was heard, by the ways in which agents say it. Recordings are made up.

use std::fmt::Write;

use tramgac::lab::snmprec;
use tramgac::profile::Learnt;
use tramgac::profile::apply::recorded;
use tramgac::profile::load;

const IF_NAME: &str = "1.3.6.1.2.1.31.1.1.1.1";
const IF_DESCR: &str = "1.3.6.1.2.1.2.2.1.2";
const IF_MAC: &str = "1.3.6.1.2.1.2.2.1.6";
const BRIDGE_PORT: &str = "1.3.6.1.2.1.17.1.4.1.2";
const LOCAL: &str = "1.0.8802.1.1.2.1.3.7.1";
const REMOTE: &str = "1.0.8802.1.1.2.1.4.1.1";

/// What a device of that sysObjectID is taken for that tells these rows as well.
fn learn(object_id: &str, rows: &str) -> Learnt {
    let text = format!("1.3.6.1.2.1.1.1.0|4|a device\n1.3.6.1.2.1.1.2.0|6|{object_id}\n{rows}");
    let recording = snmprec::parse(text.as_bytes());
    assert_eq!(recording.skipped, Vec::<usize>::new());
    recorded(&load::builtin().unwrap(), &recording.rows, None).unwrap()
}

const UNKNOWN_VENDOR: &str = "1.3.6.1.4.1.99999.1";

/// Interfaces with a number, a name and the end of their hardware address each.
fn interfaces(list: &[(u32, &str, u8)]) -> String {
    let mut rows = String::new();
    for (index, name, mac) in list {
        write!(
            rows,
            "{IF_DESCR}.{index}|4|{name}\n{IF_NAME}.{index}|4|{name}\n{IF_MAC}.{index}|4x|0200000000{mac:02x}\n"
        )
        .unwrap();
    }
    rows
}

/// Bridge ports and their interfaces.
fn bridge(list: &[(u32, u32)]) -> String {
    let row = |(port, index): &(u32, u32)| format!("{BRIDGE_PORT}.{port}|2|{index}\n");
    list.iter().map(row).collect::<Vec<_>>().concat()
}

/// Ports as LLDP numbers them, each with the kind of its id, and the id.
fn local(list: &[(u32, u32, &str)]) -> String {
    let rows =
        |(port, kind, id): &(u32, u32, &str)| format!("{LOCAL}.2.{port}|2|{kind}\n{LOCAL}.3.{port}|{id}\n");
    list.iter().map(rows).collect::<Vec<_>>().concat()
}

/// One neighbour on each of these ports.
fn remote(ports: &[u32]) -> String {
    let rows = |port: &u32| {
        format!(
            "{REMOTE}.4.0.{port}.1|2|4\n{REMOTE}.5.0.{port}.1|4x|0254470f{port:04x}\n\
             {REMOTE}.6.0.{port}.1|2|5\n{REMOTE}.7.0.{port}.1|4|ether1\n\
             {REMOTE}.9.0.{port}.1|4|may-{port}\n"
        )
    };
    ports.iter().map(rows).collect::<Vec<_>>().concat()
}

/// Port and interface of each neighbour, in the order of the device.
fn ports(learnt: &Learnt) -> Vec<(&str, Option<u64>)> {
    learnt
        .neighbours
        .iter()
        .map(|n| (n.local_port.as_deref().unwrap_or_default(), n.if_index))
        .collect()
}

fn heard(rows: &[String]) -> Learnt {
    learn(UNKNOWN_VENDOR, &rows.concat())
}

#[test]
fn a_port_id_that_names_an_interface_goes_before_any_number() {
    let learnt = heard(&[
        interfaces(&[(1, "gi1", 1), (2, "gi2", 2)]),
        // Numbered the other way round than the interfaces and the bridge's ports.
        bridge(&[(1, 1), (2, 2)]),
        local(&[(1, 5, "4|gi2"), (2, 7, "4|gi1")]),
        remote(&[1, 2]),
    ]);
    assert_eq!(ports(&learnt), [("gi2", Some(2)), ("gi1", Some(1))]);
}

#[test]
fn a_name_of_no_interface_is_not_overruled_by_a_number() {
    let learnt = heard(&[
        interfaces(&[(1, "gi1", 1), (2, "gi2", 2)]),
        bridge(&[(1, 1), (2, 2)]),
        local(&[(2, 5, "4|Trk1")]),
        remote(&[2]),
    ]);
    assert_eq!(ports(&learnt), [("Trk1", None)]);
}

#[test]
fn a_word_of_the_makers_leaves_it_to_the_bridges_port() {
    let learnt = heard(&[
        interfaces(&[(128, "swp27", 1), (129, "swp28", 2)]),
        bridge(&[(28, 128), (29, 129)]),
        local(&[(28, 7, "4|p-28"), (29, 7, "4|p-29")]),
        remote(&[28, 29]),
    ]);
    assert_eq!(ports(&learnt), [("swp27", Some(128)), ("swp28", Some(129))]);
}

#[test]
fn a_hardware_address_names_a_port_unless_ports_share_it() {
    let own = heard(&[
        interfaces(&[(1, "eth1", 1), (2, "eth2", 2), (9, "bridge", 0xff)]),
        // Its LLDP numbers are those of the interfaces, against the MIB.
        bridge(&[(1, 2), (2, 9)]),
        local(&[(1, 3, "4|02:00:00:00:00:01"), (2, 3, "4x|020000000002")]),
        remote(&[1, 2]),
    ]);
    assert_eq!(ports(&own), [("eth1", Some(1)), ("eth2", Some(2))]);
    let shared = heard(&[
        interfaces(&[(1, "1/1", 1), (2, "1/2", 1), (5121, "System", 0xff)]),
        bridge(&[(1, 1), (2, 2)]),
        local(&[(1, 3, "4x|0200000000ff"), (2, 3, "4x|0200000000ff")]),
        remote(&[1, 2]),
    ]);
    assert_eq!(ports(&shared), [("1/1", Some(1)), ("1/2", Some(2))]);
}

#[test]
fn without_a_bridge_a_number_is_an_interface_only_if_the_port_id_says_the_same() {
    let list = [(520, "ge-0/0/1", 1), (525, "ge-0/0/4", 2)];
    let said = heard(&[
        interfaces(&list),
        local(&[(520, 7, "4|520"), (525, 7, "4|525")]),
        remote(&[520, 525]),
    ]);
    assert_eq!(ports(&said), [("ge-0/0/1", Some(520)), ("ge-0/0/4", Some(525))]);
    // A firewall that counts its ports from another one on than its interfaces.
    let unsaid = heard(&[interfaces(&[(1, "wan1", 1), (2, "wan2", 2)]), remote(&[2])]);
    assert_eq!(ports(&unsaid), [("2", None)]);
}

#[test]
fn cdp_and_the_second_lldp_tell_the_interface_itself() {
    let cdp = "1.3.6.1.4.1.9.9.23.1.2.1.1";
    let cisco = heard(&[
        interfaces(&[(10103, "Gi1/0/3", 1)]),
        format!("{cdp}.6.10103.1|4|ap-011\n{cdp}.7.10103.1|4|GigabitEthernet0\n"),
    ]);
    assert_eq!(ports(&cisco), [("Gi1/0/3", Some(10103))]);
    let second = "1.3.111.2.802.1.1.13.1.4.1.1";
    let newer = heard(&[
        interfaces(&[(7, "sfp7", 1)]),
        format!("{second}.5.0.7.1.1|2|4\n{second}.6.0.7.1.1|4x|0254470f0077\n{second}.10.0.7.1.1|4|gw\n"),
    ]);
    assert_eq!(ports(&newer), [("sfp7", Some(7))]);
    let unlisted = heard(&[interfaces(&[(7, "sfp7", 1)]), format!("{cdp}.6.8.1|4|ap-012\n")]);
    assert_eq!(ports(&unlisted), [("8", None)]);
}

#[test]
fn routeros_6_tells_the_port_of_its_lldp_neighbours_in_its_own_table() {
    let own = "1.3.6.1.4.1.14988.1.1.11.1.1";
    let learnt = learn(
        "1.3.6.1.4.1.14988.1",
        &[
            interfaces(&[(15, "ether15", 1), (16, "ether16", 2)]),
            format!("{own}.3.8|4x|0254470f0008\n{own}.6.8|4|may-8\n{own}.8.8|2|16\n"),
            format!(
                "{REMOTE}.4.8|2|4\n{REMOTE}.5.8|4x|0254470f0008\n{REMOTE}.6.8|2|5\n\
                 {REMOTE}.7.8|4|ether1\n{REMOTE}.9.8|4|may-8\n"
            ),
        ]
        .concat(),
    );
    let told: Vec<_> = learnt
        .neighbours
        .iter()
        .map(|n| {
            let protocol = n.protocol.as_deref().unwrap_or_default();
            (protocol, n.local_port.as_deref(), n.port.as_deref())
        })
        .collect();
    assert_eq!(
        told,
        [
            ("mndp", Some("ether16"), None),
            ("lldp", Some("ether16"), Some("ether1"))
        ],
        "each once"
    );
}
