//! The ICMP engine between network namespaces: routers, firewalls, loss, silence.

use std::net::IpAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use nix::sched::CloneFlags;
use tramgac::clock::SystemClock;
use tramgac::model::BlindReason;
use tramgac::model::Outcome;
use tramgac::model::Reason;
use tramgac::probe::icmp::Burst;
use tramgac::probe::icmp::Header;
use tramgac::probe::icmp::Options;
use tramgac::probe::icmp::Order;
use tramgac::probe::icmp::raw::SocketOptions;
use tramgac::probe::icmp::raw::SystemSocket;
use tramgac::probe::icmp::socket::Mode;
use tramgac::probe::icmp::worker;
use tramgac::probe::icmp::worker::Handle;
use tramgac::probe::icmp::worker::Results;
use tramgac::probe::icmp::worker::Seed;

use crate::support;
use crate::support::netns::Netns;

const MS: Duration = Duration::from_millis(1);

/// An engine whose sockets live in a namespace.
pub struct Pinger {
    pub handle: Handle,
    results: Results,
}

impl Pinger {
    /// Opens it in `ns`; `None` for this process's own namespace.
    pub fn start(ns: Option<&Netns>, options: Options, socket: impl Fn(u16) -> SocketOptions + Sync) -> Self {
        let path = ns.map(|ns| format!("/run/netns/{}", ns.name()));
        let (handle, results) = std::thread::scope(|scope| {
            // A thread may live in another namespace than its process; the engine's inherits it.
            let opened = scope.spawn(|| {
                if let Some(path) = path {
                    let file = std::fs::File::open(path).unwrap();
                    nix::sched::setns(file.as_fd(), CloneFlags::CLONE_NEWNET).unwrap();
                }
                let clock = SystemClock::shared();
                let seed = Seed::random().unwrap();
                let socket = SystemSocket::open(socket(seed.ident), Arc::clone(&clock)).unwrap();
                worker::spawn(options, seed, Box::new(socket), clock).unwrap()
            });
            opened.join().unwrap()
        });
        Self { handle, results }
    }

    /// One burst and its result, at most thirty seconds later.
    pub fn ask(&mut self, order: Order) -> Burst {
        self.ask_all(&[order]).remove(0)
    }

    /// Bursts and their results, in any order.
    pub fn ask_all(&mut self, orders: &[Order]) -> Vec<Burst> {
        for order in orders {
            self.handle.order(*order).unwrap();
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut all = Vec::new();
            while all.len() < orders.len() {
                let batch = tokio::time::timeout(Duration::from_secs(30), self.results.recv());
                all.extend(batch.await.unwrap().unwrap());
            }
            all
        })
    }
}

fn to(token: u64, address: &str) -> Order {
    Order {
        spacing: 10 * MS,
        timeout: 300 * MS,
        ..Order::new(token, address.parse().unwrap())
    }
}

/// Spares the namespace the seconds in which IPv6 looks for duplicate addresses.
pub fn without_dad(ns: &Netns) {
    let set = ns.run(
        "sysctl",
        &[
            "-qw",
            "net.ipv6.conf.default.accept_dad=0",
            "net.ipv6.conf.default.dad_transmits=0",
        ],
    );
    assert!(set.status.success(), "{set:?}");
}

/// Here, a router, and a host behind it: 10.77.1.1 – 10.77.1.2 | 10.77.2.1 – 10.77.2.2, and the same in IPv6.
fn routed() -> Option<(Netns, Netns, Netns)> {
    let (here, router, host) = (Netns::new()?, Netns::new()?, Netns::new()?);
    for ns in [&here, &router, &host] {
        without_dad(ns);
    }
    here.join(("v0", "10.77.1.1/24"), &router, ("v0", "10.77.1.2/24"));
    router.join(("v1", "10.77.2.1/24"), &host, ("v0", "10.77.2.2/24"));
    for (ns, interface, address) in [
        (&here, "v0", "fd77:1::1/64"),
        (&router, "v0", "fd77:1::2/64"),
        (&router, "v1", "fd77:2::1/64"),
        (&host, "v0", "fd77:2::2/64"),
    ] {
        ns.ip(&["addr", "add", address, "dev", interface, "nodad"]);
    }
    let set = router.run(
        "sysctl",
        &[
            "-qw",
            "net.ipv4.ip_forward=1",
            "net.ipv6.conf.all.forwarding=1",
            // No limit for each host, nor for all together.
            "net.ipv4.icmp_ratelimit=0",
            "net.ipv4.icmp_ratemask=0",
            "net.ipv6.icmp.ratelimit=0",
        ],
    );
    assert!(set.status.success(), "{set:?}");
    here.ip(&["route", "add", "10.77.2.0/24", "via", "10.77.1.2"]);
    here.ip(&["route", "add", "fd77:2::/64", "via", "fd77:1::2"]);
    host.ip(&["route", "add", "default", "via", "10.77.2.1"]);
    host.ip(&["-6", "route", "add", "default", "via", "fd77:2::1"]);
    Some((here, router, host))
}

#[test]
fn each_way_of_not_answering_has_its_own_reason() {
    let Some((here, router, _host)) = routed() else {
        return;
    };
    if support::peer("nft").is_none() {
        return;
    }
    // Routes that refuse (`prohibit`, `unreachable`) say so five times and then once a second for each source,
    // whatever `icmp_ratelimit` says: too little for a test. The firewall's words have no such limit.
    for net in ["10.77.3.0/24", "10.77.4.0/24"] {
        router.ip(&["route", "add", net, "via", "10.77.2.2"]);
    }
    router.ip(&["-6", "route", "add", "fd77:4::/64", "via", "fd77:2::2"]);
    router.nft(
        "add table ip t; add chain ip t f { type filter hook forward priority 0; };
         add rule ip t f ip daddr 10.77.2.9 drop;
         add rule ip t f ip daddr 10.77.3.0/24 reject with icmp type host-unreachable;
         add rule ip t f ip daddr 10.77.4.0/24 reject with icmp type admin-prohibited;
         add table ip6 t; add chain ip6 t f { type filter hook forward priority 0; };
         add rule ip6 t f ip6 daddr fd77:4::/64 reject with icmpv6 type admin-prohibited",
    );
    for net in ["10.77.3.0/24", "10.77.4.0/24"] {
        here.ip(&["route", "add", net, "via", "10.77.1.2"]);
    }
    here.ip(&["-6", "route", "add", "fd77:4::/64", "via", "fd77:1::2"]);
    let mut pinger = Pinger::start(Some(&here), Options::default(), SocketOptions::new);
    for (address, expected) in [
        ("10.77.2.2", Outcome::Good),
        ("fd77:2::2", Outcome::Good),
        ("10.77.2.9", Outcome::Bad(Reason::Timeout)),
        ("10.77.3.1", Outcome::Bad(Reason::HostUnreachable)),
        ("10.77.4.1", Outcome::Bad(Reason::Prohibited)),
        ("fd77:4::1", Outcome::Bad(Reason::Prohibited)),
        ("10.99.0.1", Outcome::Blind(BlindReason::NoRoute)),
        ("fd99::1", Outcome::Blind(BlindReason::NoRoute)),
    ] {
        let burst = pinger.ask(to(1, address));
        assert_eq!(burst.outcome, expected, "{address}: {burst:?}");
    }
    // Who complains is told, and a small time to live ends at the router.
    let hop = Header {
        ttl: Some(1),
        ..Header::default()
    };
    for (target, router) in [("10.77.2.2", "10.77.1.2"), ("fd77:2::2", "fd77:1::2")] {
        let burst = pinger.ask(Order {
            header: hop,
            ..to(1, target)
        });
        assert_eq!(burst.outcome, Outcome::Bad(Reason::TtlExceeded), "{burst:?}");
        assert_eq!(burst.errors.last.unwrap().from, router.parse::<IpAddr>().unwrap());
    }
    assert_eq!(pinger.handle.counters().corrupt, 0);
}

#[test]
fn source_size_and_fragmentation_are_as_ordered() {
    let Some((here, _router, host)) = routed() else {
        return;
    };
    if support::peer("nft").is_none() {
        return;
    }
    here.ip(&["addr", "add", "10.77.1.9/24", "dev", "v0"]);
    host.nft("add table ip t; add chain ip t i { type filter hook input priority 0; policy drop; }; add rule ip t i ip saddr 10.77.1.9 ip dscp 46 accept");
    let mut pinger = Pinger::start(Some(&here), Options::default(), |ident| SocketOptions {
        message: 4_008,
        ..SocketOptions::new(ident)
    });
    let chosen = Header {
        source: Some([10, 77, 1, 9].into()),
        tos: Some(46 << 2),
        ..Header::default()
    };
    assert_eq!(
        pinger.ask(to(1, "10.77.2.2")).outcome,
        Outcome::Bad(Reason::Timeout)
    );
    let burst = pinger.ask(Order {
        header: chosen,
        size: 4_000,
        ..to(1, "10.77.2.2")
    });
    assert_eq!(burst.outcome, Outcome::Good, "{burst:?}");
    let whole = Header {
        dont_fragment: true,
        ..chosen
    };
    let burst = pinger.ask(Order {
        header: whole,
        size: 4_000,
        ..to(1, "10.77.2.2")
    });
    assert!(
        matches!(burst.outcome, Outcome::Blind(BlindReason::Internal(_))),
        "{burst:?}"
    );
    let burst = pinger.ask(Order {
        header: whole,
        size: 1_000,
        ..to(1, "10.77.2.2")
    });
    assert_eq!(burst.outcome, Outcome::Good, "{burst:?}");
}

#[test]
fn a_small_packet_that_its_interface_must_cut_gets_its_answer() {
    let Some((here, router, _host)) = routed() else {
        return;
    };
    let asked = |token, size| Order {
        size,
        ..to(token, "10.77.1.2")
    };
    let mut pinger = Pinger::start(Some(&here), Options::default(), SocketOptions::new);
    assert_eq!(pinger.ask(asked(1, 92)).outcome, Outcome::Good);
    for ns in [&here, &router] {
        ns.ip(&["link", "set", "v0", "mtu", "100"]);
    }
    // 120 bytes with both headers: two pieces. One that fits is asked before and after it.
    for (token, size) in [(2, 56), (3, 92), (4, 56), (5, 92)] {
        let burst = pinger.ask(asked(token, size));
        assert_eq!(burst.outcome, Outcome::Good, "{size}: {burst:?}");
    }
    let burst = pinger.ask(Order {
        header: Header {
            dont_fragment: true,
            ..Header::default()
        },
        ..asked(6, 92)
    });
    assert!(
        matches!(burst.outcome, Outcome::Blind(BlindReason::Internal(_))),
        "{burst:?}"
    );
}

#[test]
fn loss_is_what_the_network_lost_to_the_packet() {
    let Some((here, router, _host)) = routed() else {
        return;
    };
    if support::peer("nft").is_none() {
        return;
    }
    router.nft(
        "add table ip t; add chain ip t f { type filter hook forward priority 0; }; \
         add rule ip t f icmp type echo-request numgen random mod 100 < 20 counter drop",
    );
    let options = Options {
        max_rate: None,
        ..Options::default()
    };
    let mut pinger = Pinger::start(Some(&here), options, SocketOptions::new);
    let orders: Vec<Order> = (0..200)
        .map(|token| Order {
            count: 5,
            spacing: MS,
            ..to(token, "10.77.2.2")
        })
        .collect();
    let bursts = pinger.ask_all(&orders);
    let received: u64 = bursts.iter().map(|b| u64::from(b.stats.received)).sum();
    let sent: u64 = bursts.iter().map(|b| u64::from(b.stats.sent)).sum();
    let listed = router.run("nft", &["list chain ip t f"]);
    let listed = String::from_utf8(listed.stdout).unwrap();
    let dropped: u64 = listed
        .split("packets ")
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next())
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!((sent, received), (1_000, 1_000 - dropped), "{listed}");
    assert!(dropped > 100, "{dropped}");
}

// trap 17
#[test]
fn a_firewall_that_swallows_the_old_ident_does_not_keep_a_host_down() {
    let Some((here, router, _host)) = routed() else {
        return;
    };
    if support::peer("nft").is_none() {
        return;
    }
    // The line is away, and the firewall remembers every ident that it swallows …
    router.nft(
        "add table ip t; add set ip t stuck { typeof icmp id; flags dynamic; }; \
         add chain ip t f { type filter hook forward priority 0; }; \
         add rule ip t f icmp type echo-request update @stuck { icmp id } drop",
    );
    let mut pinger = Pinger::start(Some(&here), Options::default(), SocketOptions::new);
    let order = Order {
        count: 1,
        timeout: 50 * MS,
        ..to(1, "10.77.2.2")
    };
    for _ in 0..3 {
        assert_eq!(pinger.ask(order).outcome, Outcome::Bad(Reason::Timeout));
    }
    // … and goes on swallowing those when the line is back.
    router.nft("flush chain ip t f; add rule ip t f icmp id @stuck drop");
    let outcomes: Vec<Outcome> = (0..4).map(|_| pinger.ask(order).outcome).collect();
    assert_eq!(
        outcomes[0],
        Outcome::Bad(Reason::Timeout),
        "the old ident is stuck"
    );
    assert_eq!(outcomes[3], Outcome::Good, "{outcomes:?}");
    assert!(pinger.handle.counters().renewed >= 2);
}

// trap 15, trap 16
#[test]
fn another_pinger_on_this_host_costs_nothing_and_changes_nothing() {
    let Some(here) = Netns::new() else { return };
    if support::peer("fping").is_none() {
        return;
    }
    let mut noise = here
        .command("fping")
        .args([
            "-q",
            "-C",
            "2000",
            "-p",
            "10",
            "-i",
            "0",
            "127.0.0.1",
            "127.0.0.2",
            "127.0.0.3",
        ])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut pinger = Pinger::start(Some(&here), Options::default(), SocketOptions::new);
    let orders: Vec<Order> = (1..=100).map(|n| to(n, &format!("127.0.1.{n}"))).collect();
    let bursts = pinger.ask_all(&orders);
    noise.kill().unwrap();
    noise.wait().unwrap();
    assert!(bursts.iter().all(|b| b.stats.received == 3));
    let counters = pinger.handle.counters();
    assert_eq!(
        (counters.foreign, counters.drops, counters.received),
        (0, 0, 300),
        "{counters:?}"
    );
}

// trap 16
#[test]
fn what_our_own_buffer_drops_is_never_called_the_target_s_loss() {
    let Some(here) = Netns::new() else { return };
    let options = Options {
        max_rate: None,
        ..Options::default()
    };
    let mut pinger = Pinger::start(Some(&here), options, |ident| SocketOptions {
        receive_buffer: 1,
        ..SocketOptions::new(ident)
    });
    let orders: Vec<Order> = (1..=200)
        .map(|n| Order {
            count: 1,
            timeout: 100 * MS,
            ..to(n, &format!("127.0.2.{n}"))
        })
        .collect();
    let bursts = pinger.ask_all(&orders);
    let counters = pinger.handle.counters();
    assert!(
        counters.drops > 0,
        "a buffer of one page should have overflowed: {counters:?}"
    );
    let blind = Outcome::Blind(BlindReason::ReceiveDrops);
    for burst in &bursts {
        assert!(
            burst.outcome == Outcome::Good || burst.outcome == blind,
            "{burst:?}"
        );
    }
    assert!(bursts.iter().any(|b| b.outcome == blind));
}

#[test]
fn without_cap_net_raw_datagram_sockets_do_the_same_work() {
    let Some((here, router, _host)) = routed() else {
        return;
    };
    if support::peer("nft").is_none() {
        return;
    }
    let set = here.run("sysctl", &["-qw", "net.ipv4.ping_group_range=0 2147483647"]);
    assert!(set.status.success());
    router.ip(&["route", "add", "10.77.4.0/24", "via", "10.77.2.2"]);
    here.ip(&["route", "add", "10.77.4.0/24", "via", "10.77.1.2"]);
    router.nft(
        "add table ip t; add chain ip t f { type filter hook forward priority 0; };
         add rule ip t f ip daddr 10.77.4.0/24 reject with icmp type admin-prohibited",
    );
    let mut pinger = Pinger::start(Some(&here), Options::default(), |ident| SocketOptions {
        mode: Some(Mode::Datagram),
        ..SocketOptions::new(ident)
    });
    assert_eq!(pinger.handle.facts().mode, Mode::Datagram);
    for (address, expected) in [
        ("10.77.2.2", Outcome::Good),
        ("fd77:2::2", Outcome::Good),
        ("10.77.4.1", Outcome::Bad(Reason::Prohibited)),
        ("10.77.2.2", Outcome::Good),
        ("10.99.0.1", Outcome::Blind(BlindReason::NoRoute)),
    ] {
        let burst = pinger.ask(to(1, address));
        assert_eq!(burst.outcome, expected, "{address}: {burst:?}");
    }
    let burst = pinger.ask(Order {
        header: Header {
            ttl: Some(1),
            ..Header::default()
        },
        ..to(1, "10.77.2.2")
    });
    assert_eq!(burst.outcome, Outcome::Bad(Reason::TtlExceeded), "{burst:?}");
    assert_eq!(burst.errors.last.unwrap().from, IpAddr::from([10, 77, 1, 2]));
    // trap 17: another socket, since the kernel chooses the ident.
    router.nft("add set ip t stuck { typeof icmp id; flags dynamic; }; add rule ip t f icmp type echo-request update @stuck { icmp id } drop");
    let order = Order {
        count: 1,
        timeout: 50 * MS,
        ..to(7, "10.77.2.2")
    };
    assert_eq!(pinger.ask(order).outcome, Outcome::Bad(Reason::Timeout));
    router.nft("flush chain ip t f; add rule ip t f icmp id @stuck drop");
    let outcomes: Vec<Outcome> = (0..3).map(|_| pinger.ask(order).outcome).collect();
    assert_eq!(outcomes[2], Outcome::Good, "{outcomes:?}");
}
