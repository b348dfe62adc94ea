//! The SNMP engine over a link that loses packets, and to hosts that are gone.

use std::time::Duration;

use crate::support::netns::Netns;
use crate::support::peer;
use crate::support::program::TRAMGAC;
use crate::support::snmpd;
use crate::support::snmpd::Snmpd;
use crate::support::wait_for;

/// The namespaces of a prober and of an agent, joined by a wire.
fn joined() -> Option<(Netns, Netns)> {
    let (here, there) = (Netns::new()?, Netns::new()?);
    here.join(("v0", "10.99.0.1/24"), &there, ("v0", "10.99.0.2/24"));
    Some((here, there))
}

fn walk(here: &Netns, arguments: &[&str]) -> std::process::Output {
    let mut all = vec!["walk", "-c", snmpd::COMMUNITY];
    all.extend(arguments);
    here.run(TRAMGAC, &all)
}

#[test]
fn a_walk_over_a_link_that_loses_a_tenth_is_complete() {
    if peer("nft").is_none() {
        return;
    }
    let Some((here, there)) = joined() else { return };
    let Some(_snmpd) = Snmpd::start_inside(&there) else {
        return;
    };
    let root = "1.3.6.1.2.1.2.2.1";
    let whole = wait_for("snmpd to answer", Duration::from_secs(20), || {
        let output = walk(&here, &["-t", "0.5", "-r", "0", "10.99.0.2", root]);
        output.status.success().then_some(output.stdout)
    });
    let rows = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().count();
    assert!(rows(&whole) >= 40);
    // On the way in at both ends, since what is dropped on the way out is told to the sender.
    for end in [&here, &there] {
        end.nft(
            "table ip t { chain i { type filter hook input priority 0; \
             ip protocol udp numgen random mod 100 < 5 drop; }; }",
        );
    }
    for _ in 0..10 {
        let output = walk(&here, &["-t", "0.2", "-r", "6", "--bulk", "5", "10.99.0.2", root]);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(rows(&output.stdout), rows(&whole));
    }
}

#[test]
fn a_host_that_is_gone_and_a_net_without_a_route_are_told_apart() {
    let Some((here, _there)) = joined() else { return };
    // Nobody has this address: the kernel says so when nobody answers its ARP.
    let gone = walk(&here, &["-t", "5", "-r", "0", "10.99.0.77"]);
    assert_eq!(gone.status.code(), Some(1));
    let text = String::from_utf8_lossy(&gone.stderr).into_owned();
    assert!(text.contains("HostUnreachable"), "{text}");
    let nowhere = walk(&here, &["-t", "5", "-r", "0", "192.0.2.1"]);
    assert_eq!(nowhere.status.code(), Some(3));
}
