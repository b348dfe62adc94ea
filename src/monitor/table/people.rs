//! What people say about incidents.

use super::Table;
use crate::model::EventKind;
use crate::model::IncidentId;
use crate::model::TargetId;
use crate::model::Timestamp;
use crate::monitor::effects::Effects;
use crate::monitor::incident::Acknowledgement;
use crate::monitor::incident::IncidentClass;
use crate::monitor::incident::NotOpen;

impl Table {
    /// A person takes note of an open incident. Another acknowledgement replaces the first.
    ///
    /// # Errors
    /// [`NotOpen`] if there is no open incident of that number.
    pub fn acknowledge(
        &mut self,
        incident: IncidentId,
        acknowledgement: Acknowledgement,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Result<(), NotOpen> {
        let now = self.arrive(now);
        let open = self.incidents.open_mut(incident).ok_or(NotOpen(incident))?;
        let kind = EventKind::Acknowledged {
            incident,
            author: acknowledgement.author.clone(),
            comment: acknowledgement.comment.clone(),
            until: acknowledgement.until,
        };
        open.acknowledgement = Some(acknowledgement);
        let target = open.target;
        self.tell_incident(target, now, kind, effects);
        Ok(())
    }

    /// Takes an acknowledgement back. One that is not there is no news.
    ///
    /// # Errors
    /// [`NotOpen`] if there is no open incident of that number.
    pub fn end_acknowledgement(
        &mut self,
        incident: IncidentId,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Result<(), NotOpen> {
        let now = self.arrive(now);
        let open = self.incidents.open_mut(incident).ok_or(NotOpen(incident))?;
        let target = open.target;
        if open.acknowledgement.take().is_some() {
            let kind = EventKind::AcknowledgementEnded { incident };
            self.tell_incident(target, now, kind, effects);
        }
        Ok(())
    }

    /// A person classifies an incident afterwards, open or closed. What is older
    /// than the incidents kept here is classified by its event alone: `target`
    /// says whose it was.
    pub fn reclassify(
        &mut self,
        incident: IncidentId,
        target: TargetId,
        class: IncidentClass,
        (author, comment): (String, String),
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let now = self.arrive(now);
        let mut target = target;
        if let Some(known) = self.incidents.any_mut(incident) {
            known.class = Some(class);
            target = known.target;
        }
        let kind = EventKind::Reclassified {
            incident,
            class: class.as_str().to_owned(),
            author,
            comment,
        };
        self.tell_incident(target, now, kind, effects);
    }

    /// Ends the acknowledgements whose time is over.
    pub(super) fn end_old_acknowledgements(&mut self, now: Timestamp, effects: &mut Effects) {
        let over: Vec<(IncidentId, TargetId)> = self
            .incidents
            .open()
            .filter(|incident| {
                incident
                    .acknowledgement
                    .as_ref()
                    .and_then(|ack| ack.until)
                    .is_some_and(|until| until <= now)
            })
            .map(|incident| (incident.id, incident.target))
            .collect();
        for (incident, target) in over {
            if let Some(open) = self.incidents.open_mut(incident) {
                open.acknowledgement = None;
            }
            let kind = EventKind::AcknowledgementEnded { incident };
            self.tell_incident(target, now, kind, effects);
        }
    }

    fn tell_incident(&mut self, target: TargetId, now: Timestamp, kind: EventKind, effects: &mut Effects) {
        effects.event(Some(target), now, now, kind);
        effects.incidents_changed = true;
        effects.changed.push(target);
        if let Some(slot) = self.topology.slot(target) {
            self.mark(slot);
        }
    }
}
