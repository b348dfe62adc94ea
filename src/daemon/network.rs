//! What this machine says about its own network: default gateways, directly
//! connected subnets, carrier. Linux.

use std::fs;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use ipnet::IpNet;

use crate::monitor::settings::Nearby;

/// A default route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultRoute {
    /// The next hop.
    pub gateway: IpAddr,
    /// The interface.
    pub interface: String,
}

/// The default routes, IPv4 first. Empty on a machine without any (or without `/proc`).
pub fn default_routes() -> Vec<DefaultRoute> {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let mut routes = ipv4_routes(&read("/proc/net/route"));
    routes.extend(ipv6_routes(&read("/proc/net/ipv6_route")));
    routes
}

/// Reads `/proc/net/route`: columns Iface, Destination, Gateway, Flags, …, Mask
/// in hex, addresses in the byte order of the machine.
fn ipv4_routes(text: &str) -> Vec<DefaultRoute> {
    let mut routes = Vec::new();
    for line in text.lines().skip(1) {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let [interface, "00000000", gateway, flags, _, _, _, "00000000", ..] = columns.as_slice() else {
            continue;
        };
        let (Ok(gateway), Ok(flags)) = (u32::from_str_radix(gateway, 16), u16::from_str_radix(flags, 16))
        else {
            continue;
        };
        // RTF_UP and RTF_GATEWAY
        if flags & 0x3 == 0x3 {
            routes.push(DefaultRoute {
                gateway: IpAddr::V4(Ipv4Addr::from(gateway.to_ne_bytes())),
                interface: (*interface).to_owned(),
            });
        }
    }
    routes
}

/// Reads `/proc/net/ipv6_route`: destination, length, source, length, next hop,
/// metric, reference count, use, flags, interface.
fn ipv6_routes(text: &str) -> Vec<DefaultRoute> {
    let mut routes = Vec::new();
    for line in text.lines() {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let [_, "00", _, _, next_hop, _, _, _, flags, interface] = columns.as_slice() else {
            continue;
        };
        let (Ok(next_hop), Ok(flags)) = (u128::from_str_radix(next_hop, 16), u32::from_str_radix(flags, 16))
        else {
            continue;
        };
        let gateway = Ipv6Addr::from(next_hop);
        // A link-local gateway can't be asked without its interface; it proves nothing here.
        let is_link_local = gateway.segments()[0] & 0xffc0 == 0xfe80;
        if flags & 0x3 == 0x3 && !gateway.is_unspecified() && !is_link_local {
            routes.push(DefaultRoute {
                gateway: IpAddr::V6(gateway),
                interface: (*interface).to_owned(),
            });
        }
    }
    routes
}

/// This machine's addresses and the subnets that it is directly connected to; the loopback is none.
pub fn nearby() -> Nearby {
    let Ok(list) = nix::ifaddrs::getifaddrs() else {
        return Nearby::default();
    };
    let owned = list.filter_map(|one| {
        let (address, mask) = (one.address?, one.netmask?);
        let v4 = || {
            Some((
                IpAddr::V4(address.as_sockaddr_in()?.ip()),
                IpAddr::V4(mask.as_sockaddr_in()?.ip()),
            ))
        };
        let v6 = || {
            Some((
                IpAddr::V6(address.as_sockaddr_in6()?.ip()),
                IpAddr::V6(mask.as_sockaddr_in6()?.ip()),
            ))
        };
        let (address, mask) = v4().or_else(v6)?;
        Some((one.interface_name, IpNet::with_netmask(address, mask).ok()?))
    });
    let uplinks: Vec<String> = default_routes().into_iter().map(|r| r.interface).collect();
    around(owned, &uplinks)
}

/// Sorts this machine's addresses, each with its interface and subnet, by what they say of the uplink.
fn around(owned: impl Iterator<Item = (String, IpNet)>, uplinks: &[String]) -> Nearby {
    let mut nearby = Nearby::default();
    for (interface, net) in owned {
        if net.addr().is_loopback() {
            continue;
        }
        nearby.own.push(net.addr());
        let list = if uplinks.is_empty() || uplinks.contains(&interface) {
            &mut nearby.uplink
        } else {
            &mut nearby.beside
        };
        list.push(net.trunc());
    }
    for list in [&mut nearby.uplink, &mut nearby.beside] {
        list.sort_unstable();
        list.dedup();
    }
    nearby
}

/// Whether an interface has carrier; true where that is not known.
pub fn has_carrier(interface: &str) -> bool {
    // Reading the file fails while the interface is administratively down.
    let operstate = fs::read_to_string(format!("/sys/class/net/{interface}/operstate"));
    let carrier = fs::read_to_string(format!("/sys/class/net/{interface}/carrier"));
    match (carrier, operstate) {
        (Ok(carrier), _) => carrier.trim() != "0",
        (Err(_), Ok(state)) => state.trim() != "down",
        (Err(_), Err(_)) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_routes_are_read_from_the_kernel_s_tables() {
        let gateway = u32::from_ne_bytes([192, 0, 2, 1]);
        let table = format!(
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n\
             eth0\t00000000\t{gateway:08X}\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
             eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
        );
        let routes = ipv4_routes(&table);
        assert_eq!(routes.len(), 1);
        assert_eq!(routes[0].gateway, "192.0.2.1".parse::<IpAddr>().unwrap());
        let six = "00000000000000000000000000000000 00 00000000000000000000000000000000 00 \
                   20010db8000000000000000000000001 00000400 00000001 00000000 00000003 eth0\n";
        assert_eq!(
            ipv6_routes(six)[0].gateway,
            "2001:db8::1".parse::<IpAddr>().unwrap()
        );
        assert!(ipv4_routes("rubbish\nmore rubbish").is_empty());
    }

    #[test]
    fn only_subnets_of_the_uplink_s_interface_speak_of_the_uplink() {
        let owned = [
            ("lo", "127.0.0.1/8"),
            ("eth0", "192.0.2.10/24"),
            ("eth0", "2001:db8::10/64"),
            ("eth1", "10.9.0.1/16"),
        ]
        .map(|(interface, net)| (interface.to_owned(), net.parse::<IpNet>().unwrap()));
        let list = |nets: &[&str]| -> Vec<IpNet> { nets.iter().map(|net| net.parse().unwrap()).collect() };
        let nearby = around(owned.clone().into_iter(), &["eth0".to_owned()]);
        assert_eq!(nearby.uplink, list(&["192.0.2.0/24", "2001:db8::/64"]));
        assert_eq!(nearby.beside, list(&["10.9.0.0/16"]));
        assert_eq!(nearby.own.len(), 3);
        let without_a_route = around(owned.into_iter(), &[]);
        assert_eq!(without_a_route.uplink.len(), 3);
        assert_eq!(without_a_route.beside, []);
    }

    #[test]
    fn an_interface_that_is_not_there_is_not_held_to_be_down() {
        assert!(has_carrier("no-such-interface"));
    }
}
