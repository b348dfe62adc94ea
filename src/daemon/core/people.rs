//! What people want done: acknowledgements, classes of incidents, maintenance.

use std::collections::BTreeSet;

use tokio::sync::oneshot;

use super::Core;
use super::answer;
use crate::daemon::by_hand;
use crate::daemon::by_hand::Kept;
use crate::model::TargetId;
use crate::model::Timestamp;
use crate::monitor::maintain::When;
use crate::monitor::topology::Covering;
use crate::web::people::Answer;
use crate::web::people::Maintenance;
use crate::web::people::NewWindow;
use crate::web::people::Order;
use crate::web::people::Source;

/// What a person wants done.
pub struct Asked {
    /// What.
    pub order: Order,
    /// Whose outage the incident was, as the record has it.
    pub owner: Option<TargetId>,
    /// Gets the answer, once it is on disk.
    pub done: oneshot::Sender<Result<Answer, String>>,
}

/// An answer that is given once what it tells of is on disk.
pub(super) struct Promise {
    done: oneshot::Sender<Result<Answer, String>>,
    answer: Answer,
}

impl Promise {
    /// It is on disk.
    pub(super) fn keep(self) {
        answer(self.done, Ok(self.answer));
    }
}

impl Core {
    pub(super) fn people(&mut self, asked: Asked, wall: Timestamp) {
        let Asked { order, owner, done } = asked;
        if order == Order::Windows {
            answer(done, Ok(Answer::Windows(self.windows(wall))));
            return;
        }
        match self.obey(order, owner, wall) {
            Ok(answer) => self.record.promise(Promise { done, answer }),
            Err(why) => answer(done, Err(why)),
        }
    }

    fn obey(&mut self, order: Order, owner: Option<TargetId>, wall: Timestamp) -> Result<Answer, String> {
        let effects = &mut self.effects;
        match order {
            Order::Acknowledge(incident, acknowledgement) => self
                .table
                .acknowledge(incident, acknowledgement, wall, effects)
                .map_err(|e| e.to_string())?,
            Order::EndAcknowledgement(incident) => self
                .table
                .end_acknowledgement(incident, wall, effects)
                .map_err(|e| e.to_string())?,
            Order::Reclassify {
                incident,
                class,
                author,
                comment,
            } => {
                let known = self.table.incidents().get(incident).map(|i| i.target);
                let Some(target) = known.or(owner) else {
                    return Err(format!("there is no incident {incident}"));
                };
                self.table
                    .reclassify(incident, target, class, (author, comment), wall, effects);
            }
            Order::AddWindow(new) => return self.add_window(new, wall),
            Order::EndWindow(name) => {
                let window = self.by_hand.end(&name, wall)?;
                self.table.end_window(&window, wall, effects);
                self.save_by_hand();
            }
            Order::Windows => return Ok(Answer::Windows(self.windows(wall))),
        }
        Ok(Answer::Done)
    }

    fn add_window(&mut self, new: NewWindow, wall: Timestamp) -> Result<Answer, String> {
        by_hand::check(&new.selector, &self.now.inventory)?;
        let taken: BTreeSet<&str> = self
            .now
            .config
            .maintenance
            .iter()
            .map(|w| w.name.as_str())
            .collect();
        let kept = self.by_hand.add(new, &taken, wall)?;
        let kinds = &self.now.settings.area_kinds;
        let window = kept.window();
        if self.table.add_window(&window, kinds, self.now.day) == 0 {
            self.table.end_window(&window, wall, &mut self.effects);
            self.by_hand.take_back();
            return Err("nothing in the inventory fits all of that".to_owned());
        }
        self.table.tick(wall, &mut self.effects);
        self.save_by_hand();
        let covering = self.covering(&kept.name);
        Ok(Answer::Window(Box::new(told_by_hand(&kept, covering, wall))))
    }

    fn covering(&self, name: &str) -> Option<&Covering> {
        let mut windows = self.table.topology().windows().iter();
        windows.find(|covering| covering.window.name == name)
    }

    fn save_by_hand(&mut self) {
        match serde_json::to_vec(&self.by_hand) {
            Ok(body) => self.record.setting(by_hand::SETTING, body),
            Err(error) => tracing::error!(%error, "the maintenance windows can't be saved"),
        }
    }

    /// Those of the configuration, then those set by hand, oldest first.
    fn windows(&self, wall: Timestamp) -> Vec<Maintenance> {
        let declared = self.now.config.maintenance.iter().map(|window| {
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
                set_at: None,
                selector: window.selector.clone(),
                targets: count(self.covering(&window.name)),
                reason: window.reason.clone(),
                author: window.author.clone(),
            }
        });
        let kept = self.by_hand.windows().iter();
        declared
            .chain(kept.map(|kept| told_by_hand(kept, self.covering(&kept.name), wall)))
            .collect()
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
        set_at: Some(kept.set_at.into()),
        selector: kept.selector.clone(),
        targets: count(covering),
        reason: Some(kept.reason.clone()),
        author: Some(kept.author.clone()),
    }
}
