//! Our engine, as the daemon uses it.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use tramgac::clock::SystemClock;
use tramgac::probe::snmp::Agent;
use tramgac::probe::snmp::Client;
use tramgac::probe::snmp::Limits;
use tramgac::probe::snmp::WalkEnd;
use tramgac::probe::snmp::transport::Options;

/// Polls all devices once; gives the number that failed.
pub(super) fn poll(devices: usize, port: u16, version: &str) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let client = Client::new(&Options::default(), SystemClock::shared()).unwrap();
    let credential = super::credential(version);
    let next = Arc::new(AtomicUsize::new(0));
    let failed = Arc::new(AtomicUsize::new(0));
    let local = tokio::task::LocalSet::new();
    for _ in 0..super::IN_FLIGHT.min(devices) {
        let (client, credential) = (client.clone(), Arc::clone(&credential));
        let (next, failed) = (Arc::clone(&next), Arc::clone(&failed));
        local.spawn_local(async move {
            let (system, columns) = (super::system(), super::columns());
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= devices {
                    return;
                }
                let agent = Agent::new(super::device(n, port), Arc::clone(&credential));
                let scalars = client.get(&agent, &system).await.map_or(0, |got| got.len());
                let walk = client.walk(&agent, &columns, Limits::default()).await;
                if walk.ended != WalkEnd::Complete || scalars + walk.rows.len() != super::VALUES {
                    failed.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    runtime.block_on(local);
    let counters = client.counters();
    if counters.retries > 0 {
        eprintln!("{counters:?}");
    }
    failed.load(Ordering::Relaxed)
}
