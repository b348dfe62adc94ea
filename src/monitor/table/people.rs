//! What people say about incidents.

use super::Table;
use crate::model::EventKind;
use crate::model::IncidentId;
use crate::model::TargetId;
use crate::model::Timestamp;
use crate::monitor::effects::Effects;
use crate::monitor::incident::Acknowledgement;
use crate::monitor::incident::Classified;
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
        author: String,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Result<(), NotOpen> {
        let now = self.arrive(now);
        let open = self.incidents.open_mut(incident).ok_or(NotOpen(incident))?;
        let target = open.target;
        if open.acknowledgement.take().is_some() {
            let kind = EventKind::AcknowledgementEnded {
                incident,
                author: Some(author),
            };
            self.tell_incident(target, now, kind, effects);
        }
        Ok(())
    }

    /// A person classifies an incident afterwards, open or closed, and with it
    /// what it took along: the outages that have it for their root. What joins
    /// it later, while it lasts, is classified as it joins.
    ///
    /// What is older than the incidents kept here is classified by its event
    /// alone: `recorded` says whose it was, and what the record holds to be
    /// attached to it. Gives the numbers of what it took along.
    pub fn reclassify(
        &mut self,
        incident: IncidentId,
        recorded: (TargetId, &[(IncidentId, TargetId)]),
        said: &Classified,
        now: Timestamp,
        effects: &mut Effects,
    ) -> Vec<IncidentId> {
        let now = self.arrive(now);
        let (owner, attached) = recorded;
        let mut along: Vec<(IncidentId, TargetId)> = attached.to_vec();
        along.extend(
            self.incidents
                .taken_along(incident)
                .iter()
                .map(|i| (i.id, i.target)),
        );
        along.retain(|(id, _)| *id != incident);
        along.sort_unstable();
        along.dedup();
        self.classify(incident, owner, said, now, effects);
        for (id, target) in &along {
            self.classify(*id, *target, said, now, effects);
        }
        along.into_iter().map(|(id, _)| id).collect()
    }

    /// An outage that has joined a root whose outage was classified already.
    pub(super) fn classify_as_root(
        &mut self,
        incident: IncidentId,
        root: Option<TargetId>,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let Some(said) = root
            .and_then(|root| self.state(root)?.incident)
            .filter(|of_root| *of_root != incident)
            .and_then(|of_root| self.incidents.get(of_root))
            .and_then(|of_root| {
                let (author, comment) = of_root.classified.clone()?;
                Some(Classified {
                    class: of_root.class?,
                    author,
                    comment,
                })
            })
        else {
            return;
        };
        if let Some(target) = self.incidents.get(incident).map(|i| i.target) {
            self.classify(incident, target, &said, now, effects);
        }
    }

    fn classify(
        &mut self,
        incident: IncidentId,
        owner: TargetId,
        said: &Classified,
        now: Timestamp,
        effects: &mut Effects,
    ) {
        let mut target = owner;
        let Classified {
            class,
            author,
            comment,
        } = said.clone();
        if let Some(known) = self.incidents.any_mut(incident) {
            known.class = Some(class);
            known.classified = Some((author.clone(), comment.clone()));
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
            let kind = EventKind::AcknowledgementEnded {
                incident,
                author: None,
            };
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
