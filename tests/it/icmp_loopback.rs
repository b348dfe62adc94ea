//! The ICMP engine on real packets: the loopback always answers.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::time::Duration;

use tramgac::clock::SystemClock;
use tramgac::model::BlindReason;
use tramgac::model::Mono;
use tramgac::model::Outcome;
use tramgac::probe::icmp::Burst;
use tramgac::probe::icmp::Options;
use tramgac::probe::icmp::Order;
use tramgac::probe::icmp::SendRefusal;
use tramgac::probe::icmp::raw::SocketOptions;
use tramgac::probe::icmp::raw::SystemSocket;
use tramgac::probe::icmp::socket::Descriptors;
use tramgac::probe::icmp::socket::Drops;
use tramgac::probe::icmp::socket::EchoSocket;
use tramgac::probe::icmp::socket::Facts;
use tramgac::probe::icmp::socket::Incoming;
use tramgac::probe::icmp::socket::Mode;
use tramgac::probe::icmp::socket::Outgoing;
use tramgac::probe::icmp::worker;
use tramgac::probe::icmp::worker::Handle;
use tramgac::probe::icmp::worker::Results;
use tramgac::probe::icmp::worker::Seed;

fn start(options: Options) -> (Handle, Results) {
    worker::start(options, SystemClock::shared()).unwrap()
}

/// Waits for `count` results, at most thirty seconds between two batches of them.
fn gather(results: &mut Results, count: usize) -> Vec<Burst> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut all = Vec::new();
        while all.len() < count {
            let batch = tokio::time::timeout(Duration::from_secs(30), results.recv());
            all.extend(batch.await.unwrap().unwrap());
        }
        all
    })
}

#[test]
fn both_families_of_the_loopback_answer_with_true_times() {
    let (handle, mut results) = start(Options::default());
    let clock = SystemClock::shared();
    let before = clock.wall();
    let targets: [IpAddr; 3] = [
        Ipv4Addr::LOCALHOST.into(),
        Ipv4Addr::new(127, 9, 8, 7).into(),
        Ipv6Addr::LOCALHOST.into(),
    ];
    for (token, address) in (0..).zip(targets) {
        let order = Order {
            spacing: Duration::from_millis(20),
            ..Order::new(token, address)
        };
        handle.order(order).unwrap();
    }
    let bursts: BTreeMap<u64, Burst> = gather(&mut results, 3)
        .into_iter()
        .map(|b| (b.token, b))
        .collect();
    for (token, address) in (0..).zip(targets) {
        let burst = &bursts[&token];
        assert_eq!(burst.outcome, Outcome::Good, "{burst:?}");
        assert_eq!((burst.stats.sent, burst.stats.received), (3, 3), "{burst:?}");
        assert_eq!(burst.stats.address, address);
        let rtt = burst.stats.rtt.unwrap();
        assert!(rtt.min <= rtt.median && rtt.median <= rtt.max, "{rtt:?}");
        assert!(rtt.max < Duration::from_secs(1), "{rtt:?}");
        assert!(burst.at >= before && burst.at <= clock.wall(), "{burst:?}");
    }
    let counters = handle.counters();
    assert_eq!(
        (counters.sent, counters.received, counters.in_flight),
        (9, 9, 0),
        "{counters:?}"
    );
    assert_eq!(
        (counters.late, counters.drops, counters.corrupt),
        (0, 0, 0),
        "{counters:?}"
    );
    assert!(handle.facts().receive_buffer > 0);
    assert!(handle.stop().is_empty());
}

// trap 16
#[test]
fn a_thousand_hosts_at_once_lose_nothing_by_our_own_doing() {
    let options = Options {
        max_rate: None,
        ..Options::default()
    };
    let (handle, mut results) = start(options);
    let mut token = 0_u64;
    for third in 1..=4_u8 {
        for fourth in 1..=250_u8 {
            let order = Order {
                spacing: Duration::ZERO,
                ..Order::new(token, Ipv4Addr::new(127, 3, third, fourth).into())
            };
            handle.order(order).unwrap();
            token += 1;
        }
    }
    let bursts = gather(&mut results, 1_000);
    assert!(
        bursts
            .iter()
            .all(|b| (b.stats.sent, b.stats.received, b.uncounted) == (3, 3, 0))
    );
    let counters = handle.counters();
    assert_eq!((counters.sent, counters.received), (3_000, 3_000), "{counters:?}");
    assert_eq!(counters.drops, 0, "{counters:?}");
}

/// A socket whose buffer drops every reply, as the kernel's counter tells.
struct Full {
    dropped: u64,
}

impl EchoSocket for Full {
    fn send(&mut self, _: &Outgoing<'_>) -> Result<(), SendRefusal> {
        self.dropped += 1;
        Ok(())
    }

    fn receive(&mut self, _: Mono, _: &mut dyn FnMut(&Incoming<'_>)) -> std::io::Result<usize> {
        Ok(0)
    }

    fn drops(&mut self) -> Drops {
        Drops {
            full: self.dropped,
            corrupt: 0,
        }
    }

    fn facts(&self) -> Facts {
        Facts {
            mode: Mode::Simulated,
            receive_buffer: 1 << 20,
            has_ipv6: false,
        }
    }

    fn descriptors(&self) -> Descriptors<'_> {
        [None; 8]
    }
}

/// The system's socket, in a thread that stands still at every 150th packet for longer than
/// anybody waits for a reply: before it leaves, after it has left, in turn.
struct Halting {
    inner: SystemSocket,
    count: u32,
}

impl Halting {
    const PATIENCE: Duration = Duration::from_millis(200);

    #[expect(clippy::disallowed_methods, reason = "standing still is what is tested")]
    fn halt() {
        std::thread::sleep(Self::PATIENCE + Duration::from_millis(100));
    }
}

impl EchoSocket for Halting {
    fn send(&mut self, packet: &Outgoing<'_>) -> Result<(), SendRefusal> {
        self.count += 1;
        if self.count % 300 == 150 {
            Self::halt();
        }
        let result = self.inner.send(packet);
        if self.count.is_multiple_of(300) {
            Self::halt();
        }
        result
    }

    fn receive(&mut self, now: Mono, each: &mut dyn FnMut(&Incoming<'_>)) -> std::io::Result<usize> {
        self.inner.receive(now, each)
    }

    fn drops(&mut self) -> Drops {
        self.inner.drops()
    }

    fn facts(&self) -> Facts {
        self.inner.facts()
    }

    fn descriptors(&self) -> Descriptors<'_> {
        self.inner.descriptors()
    }
}

// trap 16
#[test]
fn a_thread_that_stands_still_at_its_packets_calls_none_of_them_lost() {
    let seed = Seed::random().unwrap();
    let clock = SystemClock::shared();
    let socket = Halting {
        inner: SystemSocket::open(SocketOptions::new(seed.ident), Arc::clone(&clock)).unwrap(),
        count: 0,
    };
    let options = Options {
        max_rate: None,
        ..Options::default()
    };
    let (handle, mut results) = worker::spawn(options, seed, Box::new(socket), clock).unwrap();
    for token in 0..1_000_u64 {
        let [.., third, fourth] = token.to_be_bytes();
        let order = Order {
            count: 1,
            timeout: Halting::PATIENCE,
            ..Order::new(token, [127, 11, third, fourth].into())
        };
        handle.order(order).unwrap();
    }
    let bursts = gather(&mut results, 1_000);
    let lost: Vec<&Burst> = bursts.iter().filter(|b| b.outcome != Outcome::Good).collect();
    assert!(lost.is_empty(), "{} of 1,000: {:?}", lost.len(), lost.first());
    let counters = handle.counters();
    assert_eq!((counters.received, counters.late), (1_000, 0), "{counters:?}");
    // Six were sent while the thread stood still: they have no time, and nobody has theirs.
    let times: Vec<Duration> = bursts.iter().filter_map(|b| b.stats.rtt).map(|r| r.max).collect();
    assert!(times.len() <= 994, "{} have a time", times.len());
    let longest = times.iter().max().unwrap();
    assert!(
        *longest < Halting::PATIENCE,
        "{longest:?} holds our own stillness"
    );
}

// trap 16
#[test]
fn the_kernel_is_asked_for_drops_before_a_silence_is_called_a_loss() {
    let seed = Seed::random().unwrap();
    let socket = Box::new(Full { dropped: 0 });
    let (handle, mut results) =
        worker::spawn(Options::default(), seed, socket, SystemClock::shared()).unwrap();
    // Shorter than what the thread lets pass between two questions of that kind.
    for token in 0..10 {
        let order = Order {
            count: 1,
            timeout: Duration::from_millis(15),
            ..Order::new(token, Ipv4Addr::LOCALHOST.into())
        };
        handle.order(order).unwrap();
        let burst = gather(&mut results, 1).remove(0);
        assert_eq!(
            burst.outcome,
            Outcome::Blind(BlindReason::ReceiveDrops),
            "{burst:?}"
        );
    }
    assert_eq!(handle.counters().drops, 10);
}

#[test]
fn results_that_nobody_takes_hold_orders_back_and_none_is_lost() {
    let options = Options {
        max_rate: None,
        orders: 8,
        results: 1,
        ..Options::default()
    };
    let (handle, mut results) = start(options);
    let mut taken = 0_usize;
    let mut refused = 0_usize;
    // Far more than fits; whatever was taken must be told of.
    for token in 0..20_000_u64 {
        let order = Order {
            count: 1,
            ..Order::new(token, Ipv4Addr::LOCALHOST.into())
        };
        match handle.order(order) {
            Ok(()) => taken += 1,
            Err(back) => {
                assert_eq!(back, order);
                refused += 1;
            }
        }
    }
    assert!(refused > 0 && taken > 0, "{taken} {refused}");
    let bursts = gather(&mut results, taken);
    assert_eq!(bursts.len(), taken);
    assert!(bursts.iter().all(|b| b.outcome == Outcome::Good));
}

#[test]
fn the_thread_stops_within_moments_with_bursts_in_flight() {
    let (handle, results) = start(Options::default());
    for token in 0..500_u64 {
        let order = Order {
            count: 10,
            ..Order::new(token, Ipv4Addr::LOCALHOST.into())
        };
        handle.order(order).unwrap();
    }
    let clock = SystemClock::shared();
    let start = clock.mono();
    drop(handle.stop());
    // The bursts would have taken four and a half seconds.
    assert!(clock.mono().since(start) < Duration::from_secs(4));
    drop(results);
}
