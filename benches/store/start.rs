//! The start of a record with many devices.

use tempfile::TempDir;
use tramgac::clock::{Clock, SystemClock};
use tramgac::model::State;
use tramgac::store::{Batch, Options, Reader, SavedState, Store};

use crate::story::{inventory, second, send};

/// The start of a record with many devices.
pub(crate) fn start(full: bool) {
    let devices = if full { 100_000 } else { 20_000 };
    println!("\n## start: {devices} devices in the record (goal: 100,000 in < 2 s)");
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("tramgac.db");
    let declared = inventory(devices);
    let clock = SystemClock::new();
    let began = clock.mono();
    let store = Store::open(&path, &Options::default(), SystemClock::shared())
        .unwrap()
        .store;
    let synced = store.sync_inventory(&declared, second(0)).unwrap();
    println!("the very first: {:?}", clock.mono().since(began));
    let states = synced.index.values().map(|target| SavedState {
        target: *target,
        state: State::Up,
        since: second(0),
        reason: None,
        body: vec![b'x'; 300],
    });
    send(
        &store,
        Batch {
            states: states.collect(),
            ..Batch::default()
        },
    );
    store.writer().settle().unwrap();
    store.close();
    for _ in 0..3 {
        let began = clock.mono();
        let store = Store::open(&path, &Options::default(), SystemClock::shared())
            .unwrap()
            .store;
        let opened = clock.mono();
        let synced = store.sync_inventory(&declared, second(1)).unwrap();
        let inventory_read = clock.mono();
        let states = store.readers().with(Reader::saved_states).unwrap();
        let ended = clock.mono();
        assert_eq!((synced.events.len(), states.len()), (0, devices as usize));
        println!(
            "again: {:?} (open {:?}, inventory {:?}, states {:?})",
            ended.since(began),
            opened.since(began),
            inventory_read.since(opened),
            ended.since(inventory_read)
        );
        store.close();
    }
}
