//! The keys of `ping:` and `polling.max_rate`, as they leave: each is looked for
//! in the packets that arrive at the far end of a wire, IPv4 and IPv6.

use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc;
use std::time::Duration;

use nix::sched::CloneFlags;
use nix::sys::socket::LinkAddr;
use nix::sys::socket::recvfrom;
use socket2::Domain;
use socket2::Protocol;
use socket2::Socket;
use socket2::Type;
use tramgac::clock::Clock;
use tramgac::clock::SystemClock;
use tramgac::model::Mono;

use super::icmp_network::without_dad;
use crate::support;
use crate::support::netns::Netns;
use crate::support::program::Running;
use crate::support::program::TRAMGAC;
use crate::support::program::write;

const PATIENCE: Duration = Duration::from_secs(30);

/// One echo request, or the first fragment of one.
#[derive(Debug, Clone)]
struct Request {
    at: Mono,
    interface: usize,
    from: IpAddr,
    to: IpAddr,
    tos: u8,
    ttl: u8,
    /// Bytes of ICMP payload in this packet.
    payload: usize,
    /// IPv4: the don't-fragment bit.
    is_whole: bool,
    is_fragment: bool,
}

/// What a packet is, from its IP header on; `None`: no echo request.
fn request(bytes: &[u8], at: Mono, interface: usize) -> Option<Request> {
    let half = |i: usize| Some(u16::from_be_bytes(bytes.get(i..i + 2)?.try_into().ok()?));
    if bytes.first()? >> 4 == 4 {
        let header = usize::from(bytes.first()? & 0x0f) * 4;
        let flags = half(6)?;
        let offset = flags << 3;
        // A further fragment has no ICMP header.
        let is_request = *bytes.get(9)? == 1 && offset == 0 && *bytes.get(header)? == 8;
        let address = |i: usize| Some(IpAddr::from(<[u8; 4]>::try_from(bytes.get(i..i + 4)?).ok()?));
        return is_request.then_some(Request {
            at,
            interface,
            from: address(12)?,
            to: address(16)?,
            tos: *bytes.get(1)?,
            ttl: *bytes.get(8)?,
            payload: usize::from(half(2)?) - header - 8,
            is_whole: flags & 0x4000 != 0,
            is_fragment: flags & 0x2000 != 0,
        });
    }
    let is_fragment = *bytes.get(6)? == 44;
    let header = if is_fragment { 48 } else { 40 };
    let next = *bytes.get(if is_fragment { 40 } else { 6 })?;
    let is_first = !is_fragment || half(42)? & 0xfff8 == 0;
    let is_request = next == 58 && is_first && *bytes.get(header)? == 128;
    let address = |i: usize| Some(IpAddr::from(<[u8; 16]>::try_from(bytes.get(i..i + 16)?).ok()?));
    is_request.then_some(Request {
        at,
        interface,
        from: address(8)?,
        to: address(24)?,
        tos: (bytes.first()? & 0x0f) << 4 | bytes.get(1)? >> 4,
        ttl: *bytes.get(7)?,
        payload: usize::from(half(4)?) + 40 - header - 8,
        is_whole: false,
        is_fragment,
    })
}

/// Everything that arrives in a namespace, read by a packet socket until it is dropped.
struct Capture {
    seen: Arc<Mutex<Vec<Request>>>,
    /// The number of the second interface there.
    second: usize,
    /// Its end stops the reading.
    stop: Option<mpsc::SyncSender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Capture {
    fn new(ns: &Netns) -> Self {
        let path = format!("/run/netns/{}", ns.name());
        let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
        let into = Arc::clone(&seen);
        let (stop, stopped) = mpsc::sync_channel(1);
        let (ready, begun) = mpsc::sync_channel(1);
        let thread = std::thread::spawn(move || {
            let file = std::fs::File::open(path).unwrap();
            nix::sched::setns(file.as_fd(), CloneFlags::CLONE_NEWNET).unwrap();
            let all = i32::from(u16::try_from(nix::libc::ETH_P_ALL).unwrap().to_be());
            let socket = Socket::new(Domain::PACKET, Type::DGRAM, Some(Protocol::from(all))).unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            let clock = SystemClock::new();
            ready.send(nix::net::if_::if_nametoindex("v1").unwrap()).unwrap();
            let mut bytes = [0; 2_048];
            while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
                let Ok((length, from)) = recvfrom::<LinkAddr>(socket.as_raw_fd(), &mut bytes) else {
                    continue;
                };
                let interface = from.map_or(0, |from| from.ifindex());
                into.lock()
                    .unwrap()
                    .extend(request(&bytes[..length], clock.mono(), interface));
            }
        });
        let second = usize::try_from(begun.recv().unwrap()).unwrap();
        Self {
            seen,
            second,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    fn to(&self, address: IpAddr) -> Vec<Request> {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|r| r.to == address).cloned().collect()
    }

    /// The first request to that address.
    fn first(&self, address: IpAddr) -> Request {
        support::wait_for(&format!("a request to {address}"), PATIENCE, || {
            self.to(address).first().cloned()
        })
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        drop(self.stop.take());
        // It may have ended by a failed assertion of its own.
        drop(self.thread.take().map(std::thread::JoinHandle::join));
    }
}

/// Two hosts on two wires, v0 (MTU 1,280) and v1. All of 10.79.5.0/24 and fd79:5::/64 are
/// at the far end, by v0 unless somebody asks for v1.
fn two_wires() -> Option<(Netns, Netns)> {
    let (here, far) = (Netns::new()?, Netns::new()?);
    without_dad(&here);
    without_dad(&far);
    here.join(("v0", "10.79.1.1/24"), &far, ("v0", "10.79.1.2/24"));
    here.join(("v1", "10.79.2.1/24"), &far, ("v1", "10.79.2.2/24"));
    for (ns, last) in [(&here, 1), (&far, 2)] {
        for net in [1, 2] {
            let address = format!("fd79:{net}::{last}/64");
            ns.ip(&["addr", "add", &address, "dev", &format!("v{}", net - 1), "nodad"]);
        }
    }
    here.ip(&["link", "set", "v0", "mtu", "1280"]);
    here.ip(&["addr", "add", "10.79.1.9/24", "dev", "v0"]);
    here.ip(&[
        "addr",
        "add",
        "fd79:1::9/64",
        "dev",
        "v0",
        "nodad",
        "preferred_lft",
        "0",
    ]);
    far.ip(&["route", "add", "local", "10.79.5.0/24", "dev", "lo"]);
    far.ip(&["-6", "route", "add", "local", "fd79:5::/64", "dev", "lo"]);
    for (to, via) in [("10.79.5.0/24", "10.79.N.2"), ("fd79:5::/64", "fd79:N::2")] {
        for (dev, net, metric) in [("v0", "1", "10"), ("v1", "2", "20")] {
            let via = via.replace('N', net);
            here.ip(&["route", "add", to, "via", &via, "dev", dev, "metric", metric]);
        }
    }
    Some((here, far))
}

/// The address of device `n` in each family.
fn both(n: u8) -> [IpAddr; 2] {
    [
        [10, 79, 5, n].into(),
        Ipv6Addr::new(0xfd79, 5, 0, 0, 0, 0, 0, n.into()).into(),
    ]
}

fn device(n: u8, family: &str, address: IpAddr, keys: &str) -> String {
    format!(
        "  - {{id: d{n}-{family}, class: server, address: '{address}', probes: [icmp], ping: {{{keys}}}}}\n"
    )
}

fn start(here: &Netns, dir: &std::path::Path, polling: &str, devices: &str) -> Running {
    let text = format!(
        "database: {}\nweb: {{listen: '127.0.0.1:9099'}}\n\
         polling: {{interval: 1s, infrastructure_interval: 1s, count: 1, timeout: 500ms, subnet_rate: 0, self_check: []{polling}}}\n\
         snmp: {{credentials: []}}\ndevices:\n{devices}",
        dir.join("t.db").display()
    );
    let config = write(dir, "config.yaml", &text);
    let mut command = here.command(TRAMGAC);
    command.args(["run", "-c", &config]);
    let mut daemon = Running::start(command);
    daemon.wait_for_output("ready", PATIENCE);
    daemon
}

#[test]
fn each_key_of_ping_is_in_the_packets_that_arrive() {
    let Some((here, far)) = two_wires() else { return };
    let capture = Capture::new(&far);
    let keys = [
        [""; 2],
        ["ttl: 9"; 2],
        ["tos: 184"; 2],
        ["source: 10.79.1.9", "source: 'fd79:1::9'"],
        ["interface: v1"; 2],
        ["payload_bytes: 1000"; 2],
        ["payload_bytes: 1400"; 2],
        ["payload_bytes: 1400, dont_fragment: true"; 2],
        ["payload_bytes: 100, dont_fragment: true"; 2],
    ];
    let mut devices = String::new();
    for (n, keys) in (1..).zip(&keys) {
        for ((family, address), keys) in ["v4", "v6"].iter().zip(both(n)).zip(keys) {
            devices += &device(n, family, address, keys);
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let _daemon = start(&here, dir.path(), "", &devices);
    let sources: [[IpAddr; 2]; 2] = [
        ["10.79.1.1", "10.79.1.9"].map(|a| a.parse().unwrap()),
        ["fd79:1::1", "fd79:1::9"].map(|a| a.parse().unwrap()),
    ];
    for (family, [own, other]) in sources.into_iter().enumerate() {
        let first = |n: u8| capture.first(both(n)[family]);
        let plain = first(1);
        assert_eq!(plain.from, own, "{plain:?}");
        assert_eq!((plain.tos, plain.ttl, plain.payload), (0, 64, 56), "{plain:?}");
        assert_ne!(plain.interface, capture.second, "{plain:?}");
        assert_eq!(first(2).ttl, 9);
        assert_eq!(first(3).tos, 184);
        assert_eq!(first(4).from, other);
        assert_eq!(first(5).interface, capture.second);
        let large = first(6);
        assert_eq!((large.payload, large.is_fragment), (1_000, false), "{large:?}");
        let cut = first(7);
        assert!(cut.is_fragment && cut.payload < 1_400, "{cut:?}");
        let fits = first(9);
        assert_eq!((fits.payload, fits.is_fragment), (100, false), "{fits:?}");
        assert!(family == 1 || fits.is_whole, "{fits:?}");
        // Two rounds of its neighbour are over: the one that may not be cut did not leave.
        support::wait_for("two rounds", PATIENCE, || {
            (capture.to(both(9)[family]).len() > 2).then_some(())
        });
        let none = capture.to(both(8)[family]);
        assert!(none.is_empty(), "{none:?}");
    }
    if support::peer("curl").is_none() {
        return;
    }
    let said = here.run("curl", &["-s", "http://127.0.0.1:9099/metrics"]);
    let said = String::from_utf8(said.stdout).unwrap();
    let value = |name: &str| -> u64 {
        let line = said.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name} in:\n{said}"))
            .trim()
            .parse()
            .unwrap()
    };
    assert!(value("tramgac_icmp_send_errors_total{reason=\"internal\"}") >= 2);
    assert_eq!(value("tramgac_icmp_receive_drops_total"), 0);
    // 16 MiB are asked for; the kernel keeps the double for its own book-keeping.
    assert_eq!(value("tramgac_icmp_receive_buffer_bytes"), 32 << 20);
}

#[test]
fn no_more_leaves_than_max_rate_says() {
    let Some((here, far)) = two_wires() else { return };
    let capture = Capture::new(&far);
    let devices: String = (1..=20)
        .flat_map(|n| both(n).map(move |address| (n, address)))
        .map(|(n, address)| {
            let family = if address.is_ipv4() { "v4" } else { "v6" };
            device(n, family, address, "")
        })
        .collect();
    let dir = tempfile::tempdir().unwrap();
    // 40 a second are due.
    let _daemon = start(&here, dir.path(), ", max_rate: 8", &devices);
    let left = support::wait_for("33 requests", PATIENCE, || {
        let seen = capture.seen.lock().unwrap();
        (seen.len() >= 33).then(|| seen[..33].to_vec())
    });
    // At 8 a second 32 take four seconds after the first; without a bound they take less than one.
    let took = left[32].at.since(left[0].at);
    assert!(took > Duration::from_millis(2_500), "{took:?}");
    assert!(left.iter().any(|r| r.to.is_ipv4()) && left.iter().any(|r| r.to.is_ipv6()));
}
