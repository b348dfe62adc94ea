//! What the ICMP thread takes from the heap: nothing for a packet.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tramgac::clock::SystemClock;
use tramgac::model::Mono;
use tramgac::model::Outcome;
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
use tramgac::probe::icmp::socket::Outgoing;
use tramgac::probe::icmp::worker;
use tramgac::probe::icmp::worker::Seed;

use crate::support::allocations;

/// The system's socket; its thread is watched while `is_on`.
struct Watched {
    inner: SystemSocket,
    is_on: Arc<AtomicBool>,
}

impl EchoSocket for Watched {
    fn send(&mut self, packet: &Outgoing<'_>) -> Result<(), SendRefusal> {
        self.inner.send(packet)
    }

    fn receive(&mut self, now: Mono, each: &mut dyn FnMut(&Incoming<'_>)) -> io::Result<usize> {
        allocations::watch(self.is_on.load(Ordering::SeqCst));
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

/// Pings 127.5.0.0/16 `count` times, three echoes each; how many batches of results came.
async fn ping(handle: &worker::Handle, results: &mut worker::Results, count: u64) -> u64 {
    let (mut next, mut done, mut batches) = (0, 0, 0);
    while done < count {
        while next < count {
            let [.., third, fourth] = next.to_be_bytes();
            let order = Order {
                spacing: Duration::ZERO,
                ..Order::new(next, [127, 5, third, fourth].into())
            };
            if handle.order(order).is_err() {
                break;
            }
            next += 1;
        }
        let batch = tokio::time::timeout(Duration::from_secs(30), results.recv());
        for burst in batch.await.unwrap().unwrap() {
            assert_eq!(burst.outcome, Outcome::Good);
            done += 1;
        }
        batches += 1;
    }
    batches
}

#[test]
fn packets_take_nothing_from_the_heap_only_batches_of_results_do() {
    if !crate::support::is_root() {
        return;
    }
    let clock = SystemClock::shared();
    let seed = Seed::random().unwrap();
    let is_on = Arc::new(AtomicBool::new(false));
    let socket = Watched {
        inner: SystemSocket::open(SocketOptions::new(seed.ident), Arc::clone(&clock)).unwrap(),
        is_on: Arc::clone(&is_on),
    };
    let options = Options {
        max_rate: None,
        ..Options::default()
    };
    let (handle, mut results) = worker::spawn(options, seed, Box::new(socket), clock).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        // What it needs for so many in flight, it takes once.
        ping(&handle, &mut results, 30_000).await;
        is_on.store(true, Ordering::SeqCst);
        let before = allocations::count();
        let batches = ping(&handle, &mut results, 30_000).await;
        let taken = allocations::count() - before;
        // For each batch the list that it travels in, and a part of the channel now and then;
        // some slack for what grows with how much is in flight at once.
        assert!(
            taken <= 2 * batches + 200,
            "{taken} allocations for 90,000 packets in {batches} batches"
        );
    });
}
