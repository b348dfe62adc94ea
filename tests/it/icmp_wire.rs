//! The engine over the lab's wire: what it counts against what the wire did, to the packet.

use std::net::IpAddr;
use std::time::Duration;

use tramgac::lab::wire::Counts;
use tramgac::lab::wire::Faults;
use tramgac::lab::wire::Way;
use tramgac::lab::wire::Wire;
use tramgac::model::Ratio;
use tramgac::probe::icmp::Burst;
use tramgac::probe::icmp::Group;
use tramgac::probe::icmp::Options;
use tramgac::probe::icmp::Order;
use tramgac::probe::icmp::raw::SocketOptions;

use super::icmp_network::Pinger;
use super::icmp_network::without_dad;
use crate::support;
use crate::support::netns::Netns;

const MS: Duration = Duration::from_millis(1);

fn share(of: f64) -> Ratio {
    Ratio::new(of).unwrap()
}

/// Two namespaces on a wire without faults, and an engine in the first. The far
/// side is 10.NET.0.2, fdNET::2 and all of 10.NET.1.0/24 and 10.NET.2.0/24.
struct Bench {
    pinger: Pinger,
    wire: Wire,
    far: [IpAddr; 2],
    _ends: [Netns; 2],
}

impl Bench {
    fn new(net: u8, options: Options) -> Option<Self> {
        let (here, there) = (Netns::new()?, Netns::new()?);
        without_dad(&here);
        without_dad(&there);
        let wire = here.wire(&there, net, "w0", Faults::default(), u64::from(net));
        for third in [1, 2] {
            there.ip(&[
                "route",
                "add",
                "local",
                &format!("10.{net}.{third}.0/24"),
                "dev",
                "lo",
            ]);
        }
        let pinger = Pinger::start(Some(&here), options, SocketOptions::new);
        let far = [
            IpAddr::from([10, net, 0, 2]),
            format!("fd{net:02}::2").parse().unwrap(),
        ];
        Some(Self {
            pinger,
            wire,
            far,
            _ends: [here, there],
        })
    }

    /// 100 bursts of 5 to the far side, after which the wire is empty and everything read.
    /// Their patience outlasts a machine that stands still: with 500 ms, replies that were on
    /// their way while it did were late, and the sums were not what the wire had delivered.
    fn ask(&mut self, to: IpAddr) -> Vec<Burst> {
        let orders: Vec<Order> = (0..100)
            .map(|token| Order {
                count: 5,
                spacing: 5 * MS,
                timeout: 5_000 * MS,
                ..Order::new(token, to)
            })
            .collect();
        let bursts = self.pinger.ask_all(&orders);
        self.settle();
        bursts
    }

    /// Waits until the wire is empty and the engine has read all that came out of it.
    fn settle(&mut self) {
        support::wait_for("an empty wire", Duration::from_secs(30), || {
            let held = self.there().held + self.back().held;
            (held == 0).then_some(())
        });
        // The engine reads before it tells of a burst that is sent after that.
        let last = self.pinger.ask(Order {
            count: 1,
            timeout: MS,
            ..Order::new(9_999, [127, 0, 0, 1].into())
        });
        assert_eq!(last.token, 9_999);
    }

    fn there(&self) -> Counts {
        self.wire.counts(Way::There)
    }

    fn back(&self) -> Counts {
        self.wire.counts(Way::Back)
    }
}

fn unpaced() -> Options {
    Options {
        max_rate: None,
        ..Options::default()
    }
}

fn sum(bursts: &[Burst], of: impl Fn(&Burst) -> u16) -> u64 {
    bursts.iter().map(|b| u64::from(of(b))).sum()
}

// trap 15
#[test]
fn loss_both_ways_is_counted_to_the_packet() {
    for family in [0, 1] {
        let Some(mut bench) = Bench::new(21, unpaced()) else {
            return;
        };
        bench.wire.set(Way::There, Faults::loss(share(0.1)));
        bench.wire.set(Way::Back, Faults::loss(share(0.05)));
        let bursts = bench.ask(bench.far[family]);
        let (there, back) = (bench.there(), bench.back());
        assert_eq!(sum(&bursts, |b| b.stats.sent), there.offered);
        assert_eq!(
            sum(&bursts, |b| b.stats.received),
            there.offered - there.lost - back.lost,
            "{there:?} {back:?}"
        );
        assert!(there.lost > 10 && back.lost > 5, "{there:?} {back:?}");
        assert_eq!(sum(&bursts, |b| b.uncounted), 0);
    }
}

// trap 15
#[test]
fn doubled_replies_are_counted_as_doubles_and_nothing_else() {
    for family in [0, 1] {
        let Some(mut bench) = Bench::new(22, unpaced()) else {
            return;
        };
        let doubling = Faults {
            duplication: share(0.3),
            ..Faults::delay(MS)
        };
        bench.wire.set(Way::Back, doubling);
        let bursts = bench.ask(bench.far[family]);
        let counters = bench.pinger.handle.counters();
        assert_eq!(sum(&bursts, |b| b.stats.received), 500);
        assert_eq!(counters.duplicates, bench.back().duplicated);
        assert!(counters.duplicates > 100, "{counters:?}");
        assert_eq!((counters.late, counters.foreign, counters.corrupt), (0, 0, 0));
    }
}

// trap 15
#[test]
fn replies_that_overtake_each_other_are_no_loss_and_no_doubles() {
    for family in [0, 1] {
        let Some(mut bench) = Bench::new(23, unpaced()) else {
            return;
        };
        let winding = Faults {
            reordering: share(0.3),
            detour: 20 * MS,
            ..Faults::delay(5 * MS)
        };
        bench.wire.set(Way::Back, winding);
        let bursts = bench.ask(bench.far[family]);
        let counters = bench.pinger.handle.counters();
        assert!(bench.back().reordered > 20, "{:?}", bench.back());
        assert_eq!(sum(&bursts, |b| b.stats.received), 500);
        assert_eq!((counters.duplicates, counters.late, counters.foreign), (0, 0, 0));
        for burst in &bursts {
            let rtt = burst.stats.rtt.unwrap();
            assert!(rtt.min >= 5 * MS, "a reply before its time: {burst:?}");
        }
    }
}

// trap 15
#[test]
fn late_replies_are_late_whatever_the_round_and_credited_to_none() {
    for family in [0, 1] {
        let Some(mut bench) = Bench::new(24, unpaced()) else {
            return;
        };
        let slow = Faults {
            reordering: share(0.5),
            detour: 200 * MS,
            ..Faults::delay(20 * MS)
        };
        bench.wire.set(Way::Back, slow);
        let mut received = 0;
        for _ in 0..5 {
            let orders: Vec<Order> = (0..50)
                .map(|token| Order {
                    count: 2,
                    spacing: 10 * MS,
                    timeout: 150 * MS,
                    ..Order::new(token, bench.far[family])
                })
                .collect();
            let bursts = bench.pinger.ask_all(&orders);
            received += sum(&bursts, |b| b.stats.received);
            for burst in &bursts {
                assert!(burst.stats.received <= burst.stats.sent, "{burst:?}");
                if let Some(rtt) = burst.stats.rtt {
                    assert!(rtt.max <= 150 * MS, "credited too late: {burst:?}");
                }
            }
        }
        bench.settle();
        let counters = bench.pinger.handle.counters();
        assert_eq!(bench.back().delivered, 500);
        assert_eq!(received + counters.late, 500, "{counters:?}");
        assert!(counters.late > 50 && received > 50, "{counters:?}");
        assert_eq!((counters.duplicates, counters.foreign), (0, 0), "{counters:?}");
    }
}

// trap 15
#[test]
fn broken_replies_are_no_answer() {
    for family in [0, 1] {
        let Some(mut bench) = Bench::new(25, unpaced()) else {
            return;
        };
        bench.wire.set(
            Way::Back,
            Faults {
                corruption: share(0.2),
                ..Faults::default()
            },
        );
        let bursts = bench.ask(bench.far[family]);
        let (back, counters) = (bench.back(), bench.pinger.handle.counters());
        assert!(back.corrupted > 50, "{back:?}");
        assert_eq!(
            sum(&bursts, |b| b.stats.received),
            back.delivered - back.corrupted,
            "{counters:?}"
        );
        assert_eq!((counters.duplicates, counters.foreign), (0, 0), "{counters:?}");
        // Those whose type or ident broke never pass the filter in the kernel, which checks
        // ICMPv6 itself: what it throws away is the line's doing, and no drop of our socket.
        assert!(
            (1..=back.corrupted).contains(&counters.corrupt),
            "{counters:?} {back:?}"
        );
        assert_eq!(counters.drops, 0, "{counters:?}");
        assert_eq!(sum(&bursts, |b| b.uncounted), 0, "{counters:?}");
        eprintln!(
            "{family} {counters:?} {back:?} uncounted {}",
            sum(&bursts, |b| b.uncounted)
        );
    }
}

/// 512 kbit/s with a queue of 50: it carries 762 echoes a second.
fn thin() -> Faults {
    Faults {
        rate: Some(512_000),
        queue: 50,
        ..Faults::delay(30 * MS)
    }
}

fn to_two_subnets(net: u8, group: Option<Group>) -> Vec<Order> {
    (0..500_u16)
        .map(|n| {
            let [third, last] = [n / 250 + 1, n % 250 + 1].map(|b| u8::try_from(b).unwrap());
            Order {
                count: 1,
                timeout: 2_000 * MS,
                group,
                ..Order::new(n.into(), [10, net, third, last].into())
            }
        })
        .collect()
}

// trap 16
#[test]
fn a_thin_line_loses_nothing_of_our_own_making() {
    let Some(mut bench) = Bench::new(26, Options::default()) else {
        return;
    };
    bench.wire.set(
        Way::There,
        Faults {
            loss: share(0.03),
            ..thin()
        },
    );
    let bursts = bench.pinger.ask_all(&to_two_subnets(26, Some(Group::thin(1))));
    let there = bench.there();
    assert_eq!((there.offered, there.overflowed), (500, 0), "{there:?}");
    assert_eq!(sum(&bursts, |b| b.stats.received), 500 - there.lost);
    assert!(there.lost > 0);
}

// trap 16
#[test]
fn a_flood_into_a_thin_line_is_lost_in_its_queue_and_the_test_can_see_it() {
    let Some(mut bench) = Bench::new(27, unpaced()) else {
        return;
    };
    bench.wire.set(Way::There, thin());
    let bursts = bench.pinger.ask_all(&to_two_subnets(27, None));
    let there = bench.there();
    assert!(there.overflowed > 100, "{there:?}");
    assert_eq!(sum(&bursts, |b| b.stats.received), 500 - there.overflowed);
}
