//! What says which interface it is is asked for rarely; what is told of it is right at every turn.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use tramgac::clock::SystemClock;
use tramgac::model::snmp::Oid;
use tramgac::model::snmp::Value;
use tramgac::model::snmp::VarBind;
use tramgac::probe::snmp::Client;
use tramgac::probe::snmp::Credential;
use tramgac::probe::snmp::codec::Pdu;
use tramgac::probe::snmp::codec::PduKind;
use tramgac::probe::snmp::poll::Polled;
use tramgac::probe::snmp::poll::Poller;
use tramgac::probe::snmp::poll::State;
use tramgac::probe::snmp::poll::Subject;
use tramgac::probe::snmp::transport::Options;
use tramgac::profile::What;

use crate::support::odd_agent::Odd;
use crate::support::odd_agent::answer;

/// ifIndex, ifDescr, ifType, ifMtu, ifPhysAddress of ifTable; ifAlias of ifXTable.
const STILL: [&str; 6] = [
    "2.2.1.1",
    "2.2.1.2",
    "2.2.1.3",
    "2.2.1.4",
    "2.2.1.6",
    "31.1.1.1.18",
];

#[derive(Debug, Clone)]
struct Port {
    index: u32,
    name: Option<&'static str>,
    alias: &'static str,
    mac: u8,
    octets: u64,
}

/// A device, and the columns that it was asked for.
#[derive(Debug, Clone)]
struct Device {
    up_time: u32,
    changed: Option<u32>,
    ports: Vec<Port>,
    asked: BTreeSet<Oid>,
    /// ifAlias is not answered, as by a device that is busy.
    stuck: bool,
}

fn mib(arcs: &str) -> Oid {
    format!("1.3.6.1.2.1.{arcs}").parse().unwrap()
}

impl Device {
    fn new() -> Self {
        let port = |index, name, alias, octets| Port {
            index,
            name: Some(name),
            alias,
            mac: u8::try_from(index).unwrap(),
            octets,
        };
        Self {
            up_time: 100_000,
            changed: Some(500),
            ports: vec![
                port(3, "ether3", "UBND xã Võ Miếu", 3_000),
                port(4, "ether4", "Trạm y tế", 4_000_000),
            ],
            asked: BTreeSet::new(),
            stuck: false,
        }
    }

    fn objects(&self) -> Vec<VarBind> {
        let text = |text: &str| Value::OctetString(text.into());
        let mut all = vec![
            (mib("1.1.0"), text("a small switch")),
            (
                mib("1.2.0"),
                Value::ObjectId(Oid::new([1, 3, 6, 1, 4, 1, 99_999]).into()),
            ),
            (mib("1.3.0"), Value::TimeTicks(self.up_time)),
            (mib("1.5.0"), text("sw1")),
            (
                mib("2.1.0"),
                Value::Integer(i64::try_from(self.ports.len()).unwrap()),
            ),
        ];
        all.extend(self.changed.map(|at| (mib("31.1.5.0"), Value::TimeTicks(at))));
        for port in &self.ports {
            let n = port.index;
            all.extend([
                (mib(&format!("2.2.1.1.{n}")), Value::Integer(n.into())),
                (
                    mib(&format!("2.2.1.2.{n}")),
                    text(&format!("port with the address {}", port.mac)),
                ),
                (mib(&format!("2.2.1.3.{n}")), Value::Integer(6)),
                (mib(&format!("2.2.1.4.{n}")), Value::Integer(1500)),
                (
                    mib(&format!("2.2.1.6.{n}")),
                    Value::OctetString([0, 0, 0x5e, 0, 0x53, port.mac][..].into()),
                ),
                (mib(&format!("2.2.1.8.{n}")), Value::Integer(1)),
                (mib(&format!("31.1.1.1.6.{n}")), Value::Counter64(port.octets)),
                (mib(&format!("31.1.1.1.18.{n}")), text(port.alias)),
            ]);
            all.extend(
                port.name
                    .map(|name| (mib(&format!("31.1.1.1.1.{n}")), text(name))),
            );
        }
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all.into_iter()
            .map(|(oid, value)| VarBind { oid, value })
            .collect()
    }

    fn answer(&mut self, asked: &Pdu) -> Vec<Pdu> {
        let objects = self.objects();
        if asked.kind != PduKind::Get {
            self.asked.extend(asked.bindings.iter().map(|b| b.oid.clone()));
            let alias = mib("31.1.1.1.18");
            if self.stuck && asked.bindings.iter().any(|b| b.oid.starts_with(&alias)) {
                return Vec::new();
            }
        }
        vec![answer(&objects, asked, u32::MAX)]
    }
}

/// A device that is polled turn by turn.
struct Bench {
    device: Arc<Mutex<Device>>,
    poller: Poller,
    subject: Subject,
    state: State,
    runtime: tokio::runtime::Runtime,
    _agent: Odd,
}

impl Bench {
    fn new(device: Device) -> Self {
        let device = Arc::new(Mutex::new(device));
        let asked = Arc::clone(&device);
        let agent = Odd::start(move |_, pdu, _| asked.lock().unwrap().answer(&pdu));
        let clock = SystemClock::shared();
        let client = Client::new(&Options::default(), Arc::clone(&clock)).unwrap();
        let profiles = tramgac::profile::load::builtin().unwrap();
        Self {
            device,
            poller: Poller::new(client, Arc::new(profiles), clock),
            subject: Subject {
                timeout: Duration::from_secs(10),
                ..Subject::new(agent.address, vec![Arc::new(Credential::v2c("public"))])
            },
            state: State::default(),
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
            _agent: agent,
        }
    }

    /// A turn after something happened to the device; which of [`STILL`] were asked for.
    fn turn(&mut self, what: What, happens: impl FnOnce(&mut Device)) -> (Polled, Vec<&'static str>) {
        {
            let mut device = self.device.lock().unwrap();
            device.up_time += 6_000;
            happens(&mut device);
            device.asked.clear();
        }
        let polled = self
            .runtime
            .block_on(self.poller.poll(&self.subject, &mut self.state, what));
        let device = self.device.lock().unwrap();
        let asked = STILL.into_iter().filter(|c| device.asked.contains(&mib(c)));
        let asked = asked.collect();
        drop(device);
        (polled, asked)
    }

    /// What was told of each interface is what the device has now.
    fn check(&self, polled: &Polled) {
        let device = self.device.lock().unwrap();
        let told: Vec<_> = polled
            .interfaces
            .iter()
            .map(|i| {
                (
                    i.told.index,
                    i.told.name.clone(),
                    i.told.descr.clone(),
                    i.told.alias.clone(),
                    i.told.mac.clone(),
                    i.told.kind.clone(),
                    i.told.mtu,
                    i.totals.counters[0],
                )
            })
            .collect();
        let there: Vec<_> = device
            .ports
            .iter()
            .map(|p| {
                let descr = format!("port with the address {}", p.mac);
                (
                    Some(u64::from(p.index)),
                    Some(p.name.map_or_else(|| descr.clone(), str::to_owned)),
                    Some(descr),
                    Some(p.alias.to_owned()),
                    Some(format!("00:00:5e:00:53:{:02x}", p.mac)),
                    Some("ethernetCsmacd".to_owned()),
                    Some(1500),
                    Some(p.octets),
                )
            })
            .collect();
        drop(device);
        assert_eq!(told, there, "{:?}", polled.learnt.errors);
    }
}

#[test]
fn what_stays_as_it_is_is_not_asked_for_again() {
    let mut bench = Bench::new(Device::new());
    let (polled, asked) = bench.turn(What::Inventory, |_| {});
    assert_eq!(asked, STILL);
    bench.check(&polled);
    let packets = polled.stats.packets;
    for _ in 0..3 {
        let (polled, asked) = bench.turn(What::Readings, |device| device.ports[0].octets += 600);
        assert_eq!(asked, [""; 0]);
        bench.check(&polled);
        assert!(!polled.partial);
        assert!(polled.interfaces[0].totals.in_rate.is_some());
        assert!(polled.stats.packets < packets);
    }
}

// trap 5
#[test]
fn interfaces_that_change_places_are_seen_at_once_though_the_agent_says_nothing_of_it() {
    let mut bench = Bench::new(Device::new());
    let (_, _) = bench.turn(What::Inventory, |_| {});
    let (polled, asked) = bench.turn(What::Readings, |device| {
        device.ports.swap(0, 1);
        device.ports[0].index = 3;
        device.ports[1].index = 4;
    });
    assert_eq!(asked, STILL);
    bench.check(&polled);
    // Known by their names, they went on counting.
    assert_eq!(
        polled
            .interfaces
            .iter()
            .map(|i| i.totals.in_rate)
            .collect::<Vec<_>>(),
        [Some(0.0); 2]
    );
    // From now on these are the ones that are known.
    let (polled, asked) = bench.turn(What::Readings, |_| {});
    assert_eq!(asked, [""; 0]);
    bench.check(&polled);
}

// trap 5
#[test]
fn an_index_that_another_interface_got_brings_nothing_of_the_one_before() {
    for changed in [Some(500), None] {
        let mut bench = Bench::new(Device {
            changed,
            ..Device::new()
        });
        let (_, _) = bench.turn(What::Inventory, |_| {});
        let (polled, asked) = bench.turn(What::Readings, |device| {
            device.ports[1] = Port {
                index: 4,
                name: Some("pppoe-truong-hoc"),
                alias: "Trường THCS số 3",
                mac: 77,
                octets: 9_000_000,
            };
        });
        assert_eq!(asked, STILL);
        bench.check(&polled);
        assert_eq!(polled.interfaces[1].totals.in_rate, None);
    }
}

#[test]
fn everything_is_asked_for_when_something_says_that_it_may_be_other() {
    type Sign = (&'static str, fn(&mut Device));
    let signs: [Sign; 4] = [
        ("ifTableLastChange moves", |d| {
            d.changed = Some(106_000);
            d.ports[0].alias = "đổi tên";
        }),
        ("it restarts", |d| {
            d.up_time = 300;
            d.ports[0].alias = "đổi tên";
        }),
        ("an interface is added", |d| {
            d.ports.push(Port {
                index: 5,
                name: Some("ether5"),
                alias: "mới",
                mac: 5,
                octets: 0,
            });
        }),
        ("an interface is gone", |d| {
            d.ports.pop();
        }),
    ];
    for (what, sign) in signs {
        let mut bench = Bench::new(Device::new());
        let (_, _) = bench.turn(What::Inventory, |_| {});
        let (polled, asked) = bench.turn(What::Readings, sign);
        assert_eq!(asked, STILL, "{what}");
        bench.check(&polled);
    }
}

// trap 7
#[test]
fn after_a_partial_answer_everything_is_asked_for_again() {
    let mut bench = Bench::new(Device::new());
    bench.subject.timeout = Duration::from_millis(300);
    bench.subject.retries = 0;
    let (polled, _) = bench.turn(What::Inventory, |device| device.stuck = true);
    assert!(polled.partial);
    bench.subject.timeout = Duration::from_secs(10);
    let (polled, asked) = bench.turn(What::Readings, |device| device.stuck = false);
    assert_eq!(asked, STILL);
    assert!(!polled.partial, "{:?}", polled.learnt.errors);
    bench.check(&polled);
}

#[test]
fn an_agent_without_names_is_asked_for_everything_each_time() {
    let mut device = Device::new();
    device.ports.iter_mut().for_each(|port| port.name = None);
    let mut bench = Bench::new(device);
    let (_, _) = bench.turn(What::Inventory, |_| {});
    let packets = [(); 4].map(|()| {
        let (polled, asked) = bench.turn(What::Readings, |_| {});
        assert_eq!(asked, STILL);
        bench.check(&polled);
        polled.stats.packets
    });
    // The first turn finds out, and asks twice.
    assert!(packets[0] > packets[1], "{packets:?}");
    assert_eq!(packets[1..3], packets[2..4]);
}
