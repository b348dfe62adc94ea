//! What people want done: acknowledgements, classes of incidents, maintenance, silences.

use tokio::sync::oneshot;

use super::Core;
use super::answer;
use crate::daemon::by_hand;
use crate::daemon::desk;
use crate::daemon::desk::Desk;
use crate::daemon::desk::Recorded;
use crate::model::Timestamp;
use crate::web::people::Answer;
use crate::web::people::Order;

/// What a person wants done.
pub struct Asked {
    /// What.
    pub order: Order,
    /// What the record knows of the incident that it is about.
    pub recorded: Recorded,
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
        let Asked {
            order,
            recorded,
            done,
        } = asked;
        let is_question = matches!(order, Order::Windows(_));
        let is_by_hand = desk::is_by_hand(&order);
        let obeyed = Desk {
            table: &mut self.table,
            by_hand: &mut self.by_hand,
            inventory: &self.now.inventory,
            config: &self.now.config,
            day: self.now.day,
            effects: &mut self.effects,
        }
        .obey(order, &recorded, wall);
        match obeyed {
            Ok(told) if is_question => answer(done, Ok(told)),
            Ok(told) => {
                if is_by_hand {
                    // What begins now is open at once.
                    self.table.tick(wall, &mut self.effects);
                    self.save_by_hand();
                }
                self.record.promise(Promise { done, answer: told });
            }
            Err(why) => answer(done, Err(why)),
        }
    }

    fn save_by_hand(&mut self) {
        match serde_json::to_vec(&self.by_hand) {
            Ok(body) => self.record.setting(by_hand::SETTING, body),
            Err(error) => tracing::error!(%error, "what people set by hand can't be saved"),
        }
    }
}
