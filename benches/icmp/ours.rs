//! Our engine, alone: orders in, results out, nothing behind it.

use std::net::Ipv4Addr;
use std::time::Duration;

use tramgac::clock::SystemClock;
use tramgac::probe::icmp::Options;
use tramgac::probe::icmp::Order;
use tramgac::probe::icmp::worker;

/// FIRST HOSTS COUNT RATE TICK_MS [wait]: pings all hosts once with COUNT echoes; RATE 0 is
/// flat out. With `wait` it says `ready`, begins at a line from standard input and stays until
/// that ends, so that its start is not counted.
pub(crate) fn child(arguments: &[String]) {
    let first: Ipv4Addr = arguments[0].parse().unwrap();
    let waits = arguments.last().is_some_and(|a| a == "wait");
    let numbers: Vec<u32> = arguments[1..5].iter().map(|a| a.parse().unwrap()).collect();
    let (hosts, count, rate, tick) = (numbers[0], numbers[1], numbers[2], numbers[3]);
    let options = Options {
        max_rate: (rate > 0).then_some(rate),
        tick: Duration::from_millis(u64::from(tick)),
        // What is refused is offered again below.
        orders: 2_048,
        ..Options::default()
    };
    let (handle, mut results) = worker::start(options, SystemClock::shared()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    if waits {
        println!("ready");
        std::io::stdin().read_line(&mut String::new()).unwrap();
    }
    let (sent, received) = runtime.block_on(async {
        let (mut next, mut done) = (0, 0);
        let (mut sent, mut received) = (0_u64, 0_u64);
        while done < hosts {
            while next < hosts {
                let address = Ipv4Addr::from(u32::from(first) + next);
                let order = Order {
                    count: u16::try_from(count).unwrap(),
                    spacing: Duration::ZERO,
                    timeout: Duration::from_millis(500),
                    ..Order::new(u64::from(next), address.into())
                };
                if handle.order(order).is_err() {
                    break;
                }
                next += 1;
            }
            for burst in results.recv().await.unwrap() {
                done += 1;
                sent += u64::from(burst.stats.sent);
                received += u64::from(burst.stats.received);
            }
        }
        (sent, received)
    });
    eprintln!("{sent} {received}");
    if handle.counters().drops > 0 {
        eprintln!("the kernel dropped {} packets", handle.counters().drops);
    }
    if waits {
        std::io::stdin().read_line(&mut String::new()).unwrap();
    }
}
