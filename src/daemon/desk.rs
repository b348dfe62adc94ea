//! What a person wants done, done: by the core while the daemon runs, by the
//! command itself while it does not. No I/O; the caller writes down what follows.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::by_hand;
use super::by_hand::ByHand;
use super::by_hand::Kept;
use crate::config::model::Config;
use crate::inventory::Inventory;
use crate::model::IncidentId;
use crate::model::TargetId;
use crate::model::Timestamp;
use crate::monitor::Effects;
use crate::monitor::Table;
use crate::monitor::maintain::Effect;
use crate::monitor::maintain::When;
use crate::monitor::topology::Covering;
use crate::store;
use crate::store::IncidentFilter;
use crate::store::Reader;
use crate::web::people::Answer;
use crate::web::people::Maintenance;
use crate::web::people::NewWindow;
use crate::web::people::Order;
use crate::web::people::Source;

/// What the record knows of an incident that the table may no longer keep.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// Whose it was; `None`: there is none of that number.
    pub owner: Option<TargetId>,
    /// The incidents that have its target for their root and began while it lasted.
    pub attached: Vec<(IncidentId, TargetId)>,
}

impl Recorded {
    /// Looks an incident up.
    pub(super) fn read(reader: &Reader, incident: IncidentId) -> store::Result<Self> {
        let Some(row) = reader.incident(incident)? else {
            return Ok(Self::default());
        };
        let attached = reader.incidents(&IncidentFilter {
            root: Some(row.target),
            from: Some(row.started_at),
            to: row.ended_at,
            ..IncidentFilter::default()
        })?;
        Ok(Self {
            owner: Some(row.target),
            attached: attached.into_iter().map(|i| (i.id, i.target)).collect(),
        })
    }
}

/// Everything that an order may touch.
pub(super) struct Desk<'a> {
    pub(super) table: &'a mut Table,
    pub(super) by_hand: &'a mut ByHand,
    pub(super) inventory: &'a Inventory,
    pub(super) config: &'a Config,
    pub(super) day: Date,
    pub(super) effects: &'a mut Effects,
}

impl Desk<'_> {
    /// Does it, or says why not.
    pub(super) fn obey(
        &mut self,
        order: Order,
        recorded: &Recorded,
        wall: Timestamp,
    ) -> Result<Answer, String> {
        match order {
            Order::Acknowledge(incident, acknowledgement) => self
                .table
                .acknowledge(incident, acknowledgement, wall, self.effects)
                .map_err(|e| e.to_string())?,
            Order::EndAcknowledgement { incident, author } => self
                .table
                .end_acknowledgement(incident, author, wall, self.effects)
                .map_err(|e| e.to_string())?,
            Order::Reclassify(incident, said) => {
                let known = self.table.incidents().get(incident).map(|i| i.target);
                let Some(owner) = known.or(recorded.owner) else {
                    return Err(format!("there is no incident {incident}"));
                };
                let attached =
                    self.table
                        .reclassify(incident, (owner, &recorded.attached), &said, wall, self.effects);
                return Ok(Answer::Classified(attached));
            }
            Order::AddWindow(new) => return self.add_window(new, wall),
            Order::EndWindow { name, effect, author } => {
                let window = self.by_hand.end(&name, effect, &author, wall)?;
                self.table.end_window(&window, Some(&author), wall, self.effects);
            }
            Order::Windows(effect) => return Ok(Answer::Windows(self.windows(effect, wall))),
        }
        Ok(Answer::Done)
    }

    fn add_window(&mut self, new: NewWindow, wall: Timestamp) -> Result<Answer, String> {
        by_hand::check(&new.selector, self.inventory)?;
        let taken: BTreeSet<&str> = self.config.maintenance.iter().map(|w| w.name.as_str()).collect();
        let kept = self.by_hand.add(new, &taken, wall)?;
        let window = kept.window();
        let kinds = &self.config.area_kind;
        if self.table.add_window(&window, kinds, self.day) == 0 {
            self.table.end_window(&window, None, wall, self.effects);
            self.by_hand.take_back();
            return Err("nothing in the inventory fits all of that".to_owned());
        }
        let covering = self.covering(&kept.name);
        Ok(Answer::Window(Box::new(told_by_hand(&kept, covering, wall))))
    }

    fn covering(&self, name: &str) -> Option<&Covering> {
        let mut windows = self.table.topology().windows().iter();
        windows.find(|covering| covering.window.name == name)
    }

    /// Those of the configuration, then those set by hand, oldest first.
    fn windows(&self, effect: Effect, wall: Timestamp) -> Vec<Maintenance> {
        let declared = self.config.maintenance.iter().map(|window| {
            let (is_open, next) = window.at(wall);
            let (from, to) = match &window.when {
                When::Once { from, to } => (Some(*from), Some(*to)),
                When::Recurring { .. } => (None, None),
            };
            Maintenance {
                name: window.name.clone(),
                source: Source::Configuration,
                open: is_open,
                over: to.is_some_and(|to| to <= wall),
                from: from.map(Into::into),
                to: to.map(Into::into),
                changes_at: next.map(Into::into),
                ended_at: None,
                ended_by: None,
                set_at: None,
                selector: window.selector.clone(),
                targets: count(self.covering(&window.name)),
                reason: window.reason.clone(),
                author: window.author.clone(),
            }
        });
        let kept = self.by_hand.windows().iter();
        declared
            // The configuration declares maintenance only.
            .filter(|_| effect == Effect::Maintenance)
            .chain(
                kept.filter(|kept| kept.effect == effect)
                    .map(|kept| told_by_hand(kept, self.covering(&kept.name), wall)),
            )
            .collect()
    }
}

/// Whether an order changes what people set by hand.
pub(super) fn is_by_hand(order: &Order) -> bool {
    match order {
        Order::AddWindow(_) | Order::EndWindow { .. } => true,
        Order::Acknowledge(..)
        | Order::EndAcknowledgement { .. }
        | Order::Reclassify(..)
        | Order::Windows(_) => false,
    }
}

fn count(covering: Option<&Covering>) -> usize {
    covering.map_or(0, |covering| covering.targets.len())
}

/// A window set by hand, for people.
fn told_by_hand(kept: &Kept, covering: Option<&Covering>, wall: Timestamp) -> Maintenance {
    let stands = kept.stands(wall);
    let open = stands && kept.from <= wall;
    Maintenance {
        name: kept.name.clone(),
        source: Source::Hand,
        open,
        over: !stands,
        from: Some(kept.from.into()),
        to: Some(kept.to.into()),
        changes_at: stands.then(|| if open { kept.to.into() } else { kept.from.into() }),
        ended_at: kept.ended_at.map(Into::into),
        ended_by: kept.ended_by.clone(),
        set_at: Some(kept.set_at.into()),
        selector: kept.selector.clone(),
        targets: count(covering),
        reason: Some(kept.reason.clone()),
        author: Some(kept.author.clone()),
    }
}
