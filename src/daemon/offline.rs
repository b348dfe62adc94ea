//! What a person wants done while no daemon runs: the command takes the record's
//! lock, does it, and gives the lock back. Nobody looks meanwhile: no state is
//! judged, and the time stays *no data*.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;

use super::by_hand;
use super::by_hand::ByHand;
use super::core::Seen;
use super::desk;
use super::desk::Desk;
use super::desk::Recorded;
use super::network;
use super::parts;
use super::past;
use crate::clock::SharedClock;
use crate::config::model::Config;
use crate::inventory::Inventory;
use crate::model::TargetId;
use crate::model::TargetKey;
use crate::model::Timestamp;
use crate::monitor::Effects;
use crate::monitor::Publisher;
use crate::monitor::Snapshot;
use crate::monitor::Table;
use crate::monitor::Topology;
use crate::monitor::topology::Cycle;
use crate::store;
use crate::store::Batch;
use crate::store::Reader;
use crate::store::SavedState;
use crate::store::Store;
use crate::web::people::Answer;
use crate::web::people::Order;

/// Why it could not be done.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// The record can't be written: a daemon runs after all, or there is none.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Nothing has been put on record yet.
    #[error("there is no record at {path}: start the daemon once")]
    NoRecord {
        /// Where it would be.
        path: std::path::PathBuf,
    },
    /// It can't be done: why, for a person.
    #[error("{0}")]
    Refused(String),
    /// Parents run in a circle.
    #[error(transparent)]
    Cycle(#[from] Cycle),
    /// A value can't be written.
    #[error("the record can't take that")]
    Format(#[from] serde_json::Error),
    /// The system refuses what every program needs.
    #[error("can't start the runtime")]
    Runtime(#[source] std::io::Error),
}

/// Does what a person wants done, and answers once it is on disk. Blocks.
///
/// # Errors
/// [`OfflineError`]; nothing has changed then.
pub fn obey(config: &Config, order: Order, clock: &SharedClock) -> Result<Answer, OfflineError> {
    if !config.database.exists() {
        return Err(OfflineError::NoRecord {
            path: config.database.clone(),
        });
    }
    if let Order::Windows(_) = order {
        // A question: what only reads takes no lock.
        let reader = Reader::open(&config.database)?;
        return prepare(config, order, &reader, clock.wall()).map(|(answer, _)| answer);
    }
    let opened = Store::open(&config.database, &parts::record(config), Arc::clone(clock))?;
    opened.salvaged.iter().for_each(super::build::tell_of_salvage);
    let reader = Reader::open(&config.database)?;
    let (answer, batch) = prepare(config, order, &reader, clock.wall())?;
    drop(reader);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(OfflineError::Runtime)?;
    runtime.block_on(opened.store.writer().commit(batch))?;
    opened.store.close();
    Ok(answer)
}

fn prepare(
    config: &Config,
    order: Order,
    reader: &Reader,
    wall: Timestamp,
) -> Result<(Answer, Batch), OfflineError> {
    let recorded = match &order {
        Order::Reclassify(incident, _) => Recorded::read(reader, *incident)?,
        Order::Acknowledge(..)
        | Order::EndAcknowledgement { .. }
        | Order::AddWindow(_)
        | Order::EndWindow { .. }
        | Order::Windows(_) => Recorded::default(),
    };
    let Recalled {
        mut table,
        mut by_hand,
        inventory,
        index: _,
        day,
    } = recall(config, reader, wall)?;
    let mut effects = Effects::new();
    let is_by_hand = desk::is_by_hand(&order);
    let answer = Desk {
        table: &mut table,
        by_hand: &mut by_hand,
        inventory: &inventory,
        config,
        day,
        effects: &mut effects,
    }
    .obey(order, &recorded, wall)
    .map_err(OfflineError::Refused)?;
    let mut batch = Batch::default();
    let seen = Seen {
        table: &table,
        inventory: &inventory,
        kinds: &config.area_kind,
        day,
    };
    batch.outbox = crate::alert::route::plan(&effects.events, &seen, &parts::routes(config), wall);
    batch.events = effects.events;
    for (target, saved) in table.take_changed() {
        batch.states.push(SavedState {
            target,
            state: saved.state.state,
            since: saved.state.since,
            reason: saved.state.reason.clone(),
            body: serde_json::to_vec(&saved)?,
        });
    }
    if is_by_hand {
        let body = serde_json::to_vec(&by_hand)?;
        batch.settings.push((by_hand::SETTING.to_owned(), body));
    }
    Ok((answer, batch))
}

/// What is on record, as the monitor would have it.
struct Recalled {
    table: Table,
    by_hand: ByHand,
    inventory: Arc<Inventory>,
    index: Arc<BTreeMap<TargetKey, TargetId>>,
    day: Date,
}

fn recall(config: &Config, reader: &Reader, wall: Timestamp) -> Result<Recalled, OfflineError> {
    let stored = reader.inventory()?;
    let past = past::read(reader, None)?;
    let settings = config.monitor_settings(network::nearby(), !network::default_routes().is_empty());
    let day = parts::today(config, wall);
    let inventory = Arc::new(stored.inventory);
    let mut topology = Topology::build(Arc::clone(&inventory), &stored.index, &settings, day)?;
    past.by_hand.lay(&mut topology, &settings.area_kinds, day, wall);
    let mut table = Table::new(topology, wall);
    table.recall(past.states, past.closed, past.last_incident);
    table.restore_blind(&past.blind_spans);
    Ok(Recalled {
        table,
        by_hand: past.by_hand,
        inventory,
        index: Arc::new(stored.index),
        day,
    })
}

/// What readers would see of the record, as of the last moment for which it
/// holds data.
///
/// # Errors
/// The record can't be read.
pub fn snapshot(config: &Config, reader: &Reader, now: Timestamp) -> Result<Snapshot, OfflineError> {
    let at = reader.alive_at()?.unwrap_or(now).min(now);
    let recalled = recall(config, reader, at)?;
    let mut publisher = Publisher::new(recalled.inventory, recalled.index);
    let ids: Vec<TargetId> = recalled.table.topology().specs().iter().map(|s| s.id).collect();
    for view in ids.into_iter().filter_map(|id| recalled.table.view(id)) {
        publisher.update(view);
    }
    publisher.set_incidents(recalled.table.incidents().views());
    publisher.set_blind_spans(recalled.table.blind_spans());
    Ok(publisher.publish(at))
}
