//! What the record says of the time before the start.

use std::collections::BTreeMap;

use super::by_hand::ByHand;
use super::core::Past;
use crate::model::IncidentId;
use crate::model::TargetId;
use crate::model::Timestamp;
use crate::monitor::incident::Acknowledgement;
use crate::monitor::incident::Incident;
use crate::monitor::incident::IncidentClass;
use crate::monitor::incident::Incidents;
use crate::monitor::snapshot::BlindSpan;
use crate::monitor::table::SavedState;
use crate::store::IncidentFilter;
use crate::store::IncidentRow;
use crate::store::Order;
use crate::store::Reader;
use crate::store::Result;

/// Reads everything that the core goes on from.
pub(super) fn read(reader: &Reader, alive_at: Option<Timestamp>) -> Result<Past> {
    let mut states = Vec::new();
    for saved in reader.saved_states()? {
        match serde_json::from_slice::<SavedState>(&saved.body) {
            Ok(state) => states.push((saved.target, state)),
            // Written by another version: this target begins as unknown.
            Err(error) => tracing::warn!(target = %saved.target, %error, "a saved state can't be read"),
        }
    }
    let newest = IncidentFilter {
        limit: u32::try_from(Incidents::KEPT).ok(),
        order: Order::NewestFirst,
        ..IncidentFilter::default()
    };
    let mut closed: Vec<Incident> = reader
        .incidents(&newest)?
        .into_iter()
        .filter(|i| i.ended_at.is_some())
        .map(incident)
        .collect();
    closed.reverse();
    let facts = reader.all_facts()?.into_iter().map(|(id, list)| {
        let facts: BTreeMap<String, String> = list.into_iter().map(|f| (f.fact.key, f.fact.value)).collect();
        (id, facts)
    });
    let interfaces = reader.all_interfaces()?.into_iter().map(|(id, list)| {
        let there = list
            .into_iter()
            .filter(|i| i.gone_at.is_none())
            .map(|i| i.view)
            .collect();
        (id, there)
    });
    let blind_spans = reader.blind_spans(None, None, BlindSpan::KEPT)?;
    Ok(Past {
        states,
        closed,
        last_incident: reader.next_incident()?.0.checked_sub(1).map(IncidentId),
        totals: reader.totals()?,
        facts: facts.collect::<BTreeMap<TargetId, _>>(),
        interfaces: interfaces.collect(),
        by_hand: ByHand::read(reader)?,
        alive_at,
        blind_spans,
    })
}

fn incident(row: IncidentRow) -> Incident {
    Incident {
        id: row.id,
        target: row.target,
        root: row.root,
        started_at: row.started_at,
        ended_at: row.ended_at,
        reason: row.reason,
        acknowledgement: row.ack.map(|a| Acknowledgement {
            author: a.author,
            comment: a.comment,
            until: a.until,
        }),
        class: row.class.as_deref().and_then(IncidentClass::from_word),
        classified: None,
    }
}
