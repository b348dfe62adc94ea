//! What the planner of alerts sees of the states.

use jiff::civil::Date;

use super::Core;
use crate::alert::route::View;
use crate::inventory::Inventory;
use crate::inventory::UnitKind;
use crate::model::IncidentId;
use crate::model::Selector;
use crate::model::TargetId;
use crate::model::TargetKind;
use crate::model::Timestamp;
use crate::monitor::Table;
use crate::monitor::subject::Described;

/// The states, for [`crate::alert::route::plan`].
pub(in crate::daemon) struct Seen<'a> {
    pub(in crate::daemon) table: &'a Table,
    pub(in crate::daemon) inventory: &'a Inventory,
    pub(in crate::daemon) kinds: &'a [UnitKind],
    pub(in crate::daemon) day: Date,
}

impl Core {
    pub(super) fn seen(&self) -> Seen<'_> {
        Seen {
            table: &self.table,
            inventory: &self.now.inventory,
            kinds: &self.now.config.area_kind,
            day: self.now.day,
        }
    }
}

impl View for Seen<'_> {
    fn kind(&self, target: TargetId) -> Option<TargetKind> {
        self.table.topology().get(target).map(|spec| spec.key.kind)
    }

    fn fits(&self, target: TargetId, selector: &Selector) -> bool {
        selector.is_empty()
            || self
                .table
                .topology()
                .get(target)
                .and_then(|spec| Described::target(self.inventory, &spec.key, self.kinds, self.day))
                .is_some_and(|described| selector.matches(&described.subject()))
    }

    fn is_told(&self, target: TargetId) -> bool {
        self.table
            .topology()
            .get(target)
            .is_some_and(|spec| spec.alerts && !spec.exempt)
    }

    fn is_muted(&self, target: TargetId) -> bool {
        self.table
            .view(target)
            .is_some_and(|view| view.maintenance || view.silenced || view.flapping || view.acknowledged)
    }

    fn open_incident(&self, target: TargetId) -> Option<(IncidentId, Timestamp)> {
        let id = self.table.state(target)?.incident?;
        let incident = self.table.incidents().get(id)?;
        Some((id, incident.started_at))
    }

    fn root(&self, target: TargetId) -> Option<TargetId> {
        let id = self.table.state(target)?.incident?;
        self.table.incidents().get(id)?.root
    }
}
