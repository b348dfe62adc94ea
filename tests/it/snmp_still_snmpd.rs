//! What a turn leaves out, against net-snmp's agent whose interfaces come, go and change places between two turns.
//!
//! snmpd looks at the kernel's interfaces every three seconds, and keeps the name of a row as long as the index is
//! taken each time that it looks: a renamed interface keeps its old name there. So interfaces are taken away and made
//! anew, and each step waits until snmpd knows.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use nix::sched::CloneFlags;
use tramgac::clock::SystemClock;
use tramgac::model::snmp::Oid;
use tramgac::model::snmp::Value;
use tramgac::probe::snmp::Agent;
use tramgac::probe::snmp::Client;
use tramgac::probe::snmp::Credential;
use tramgac::probe::snmp::Limits;
use tramgac::probe::snmp::poll::Polled;
use tramgac::probe::snmp::poll::Poller;
use tramgac::probe::snmp::poll::State;
use tramgac::probe::snmp::poll::Subject;
use tramgac::probe::snmp::transport::Options;
use tramgac::profile::What;

use crate::support::missing;
use crate::support::netns::Netns;
use crate::support::snmpd;
use crate::support::snmpd::Snmpd;
use crate::support::wait_for;

/// ifName.
const NAMES: &str = "1.3.6.1.2.1.31.1.1.1.1";

/// Kinds of interfaces that hold no cable, and can be made with an index; a kernel has one of them.
const KINDS: [&str; 2] = ["dummy", "bridge"];

/// An interface of the namespace: what its index, name, hardware address and MTU are.
type Port = (u64, &'static str, &'static str, u64);

/// A namespace with snmpd inside, polled turn by turn from inside.
struct Bench {
    netns: Netns,
    snmpd: Snmpd,
    kind: &'static str,
    poller: Poller,
    subject: Subject,
    state: State,
    runtime: tokio::runtime::Runtime,
}

impl Bench {
    /// `None` after saying what is missing.
    fn start() -> Option<Self> {
        let netns = Netns::new()?;
        let works = |kind: &&str| {
            let made = netns.run("ip", &["link", "add", "tg-try", "type", kind]);
            made.status.success()
        };
        let Some(kind) = KINDS.into_iter().find(works) else {
            missing("a kernel with dummy or bridge interfaces");
            return None;
        };
        netns.ip(&["link", "del", "tg-try"]);
        // A row goes with its interface, and not five minutes later.
        let snmpd = Snmpd::start_inside_with(&netns, "interface_fadeout 0\ninterface_replace_old yes\n")?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, snmpd.address.port()));
        let path = format!("/run/netns/{}", netns.name());
        let clock = SystemClock::shared();
        let mine = Arc::clone(&clock);
        // A thread may live in another namespace than its process; the engine's inherits it.
        let client = std::thread::spawn(move || {
            let file = std::fs::File::open(path).unwrap();
            nix::sched::setns(file.as_fd(), CloneFlags::CLONE_NEWNET).unwrap();
            Client::new(&Options::default(), mine).unwrap()
        });
        let profiles = tramgac::profile::load::builtin().unwrap();
        let credential = Arc::new(Credential::v2c(snmpd::COMMUNITY));
        Some(Self {
            poller: Poller::new(client.join().unwrap(), Arc::new(profiles), clock),
            subject: Subject {
                timeout: Duration::from_secs(10),
                ..Subject::new(address, vec![credential])
            },
            state: State::default(),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
            netns,
            snmpd,
            kind,
        })
    }

    fn add(&self, (index, name, mac, mtu): Port) {
        let (index, mtu) = (index.to_string(), mtu.to_string());
        self.netns.ip(&[
            "link", "add", name, "index", &index, "address", mac, "mtu", &mtu, "type", self.kind,
        ]);
    }

    fn remove(&self, name: &str) {
        self.netns.ip(&["link", "del", name]);
    }

    /// Waits until snmpd names these interfaces, and no others of ours.
    fn until_named(&self, ports: &[Port]) {
        let expected: BTreeSet<(u32, String)> = ports
            .iter()
            .map(|(index, name, ..)| (u32::try_from(*index).unwrap(), (*name).to_owned()))
            .collect();
        let agent = Agent::new(self.subject.address, Arc::clone(&self.subject.credentials[0]));
        let column: Oid = NAMES.parse().unwrap();
        wait_for("snmpd to see the interfaces", Duration::from_secs(60), || {
            let walk = self
                .poller
                .client()
                .walk(&agent, std::slice::from_ref(&column), Limits::default());
            let rows = self.runtime.block_on(walk).rows;
            let named: BTreeSet<(u32, String)> = rows
                .iter()
                .filter_map(|row| {
                    let Value::OctetString(name) = &row.value else {
                        return None;
                    };
                    let name = String::from_utf8_lossy(name).into_owned();
                    Some((*row.oid.arcs().last()?, name))
                })
                .filter(|(_, name)| is_ours(name))
                .collect();
            (named == expected).then_some(())
        });
    }

    fn turn(&mut self, what: What) -> Polled {
        let turn = self.poller.poll(&self.subject, &mut self.state, what);
        let polled = self.runtime.block_on(turn);
        assert!(!polled.partial, "{:?} {:?}", polled.finding, polled.learnt.errors);
        polled
    }

    /// A turn that leaves out what it may; what it tells is what there is.
    fn check(&mut self, ports: &[Port]) -> Polled {
        let polled = self.turn(What::Readings);
        assert_eq!(told(&polled), sorted(ports));
        polled
    }
}

fn is_ours(name: &str) -> bool {
    name.starts_with("tg-")
}

fn sorted(ports: &[Port]) -> Vec<(u64, String, String, String, u64)> {
    let mut all: Vec<_> = ports
        .iter()
        .map(|(index, name, mac, mtu)| {
            let name = (*name).to_owned();
            (*index, name.clone(), name, (*mac).to_owned(), *mtu)
        })
        .collect();
    all.sort();
    all
}

/// Index, name, description, hardware address and MTU of our interfaces, as a turn tells them.
fn told(polled: &Polled) -> Vec<(u64, String, String, String, u64)> {
    let ours = polled.interfaces.iter().filter(|i| is_ours(&i.name));
    let mut all: Vec<_> = ours
        .map(|i| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            (
                i.told.index.unwrap_or(0),
                text(&i.told.name),
                text(&i.told.descr),
                text(&i.told.mac),
                i.told.mtu.unwrap_or(0),
            )
        })
        .collect();
    all.sort();
    all
}

const WAN: Port = (20, "tg-wan", "02:00:5e:00:53:0a", 1400);
const LAN: Port = (21, "tg-lan", "02:00:5e:00:53:0b", 1300);

// trap 5
#[test]
fn interfaces_of_snmpd_that_change_places_are_told_as_they_are_at_every_turn() {
    let Some(mut bench) = Bench::start() else { return };
    bench.add(WAN);
    bench.add(LAN);
    bench.until_named(&[WAN, LAN]);
    let whole = bench.turn(What::Inventory);
    assert_eq!(told(&whole), sorted(&[WAN, LAN]));
    // Nothing happened: less is asked for, and as much is told.
    let short = bench.check(&[WAN, LAN]);
    assert!(
        short.stats.packets < whole.stats.packets,
        "{:?}",
        bench.snmpd.folder()
    );
    // Each gets the index of the other, and is another card.
    bench.remove("tg-wan");
    bench.remove("tg-lan");
    bench.until_named(&[]);
    let swapped = [
        (21, "tg-wan", "02:00:5e:00:53:1a", 1410),
        (20, "tg-lan", "02:00:5e:00:53:1b", 1310),
    ];
    for port in swapped {
        bench.add(port);
    }
    bench.until_named(&swapped);
    bench.check(&swapped);
    // From now on these are the ones that are known.
    let short = bench.check(&swapped);
    assert!(short.stats.packets < whole.stats.packets);
}

// trap 5
#[test]
fn an_index_of_snmpd_that_another_interface_got_brings_nothing_of_the_one_before() {
    let Some(mut bench) = Bench::start() else { return };
    bench.add(WAN);
    bench.add(LAN);
    bench.until_named(&[WAN, LAN]);
    bench.turn(What::Inventory);
    bench.check(&[WAN, LAN]);
    let other = (LAN.0, "tg-school", "02:00:5e:00:53:0c", 1200);
    bench.remove("tg-lan");
    bench.until_named(&[WAN]);
    bench.add(other);
    bench.until_named(&[WAN, other]);
    let polled = bench.check(&[WAN, other]);
    let rate = |name: &str| {
        let port = polled.interfaces.iter().find(|i| *i.name == *name).unwrap();
        port.totals.in_rate
    };
    // What counted before it has nothing to do with it; the other one went on counting.
    assert_eq!((rate("tg-school"), rate("tg-wan")), (None, Some(0.0)));
    // One more, and one less.
    let third = (22, "tg-clinic", "02:00:5e:00:53:0d", 1450);
    bench.add(third);
    bench.until_named(&[WAN, other, third]);
    bench.check(&[WAN, other, third]);
    bench.remove("tg-wan");
    bench.until_named(&[other, third]);
    bench.check(&[other, third]);
}
