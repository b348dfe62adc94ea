//! What the tables of routers and switches tell of others becomes observations of these.

use std::sync::Arc;

use super::Core;
use crate::daemon::presence::Sought;
use crate::inventory::Mac;
use crate::model::Detail;
use crate::model::Event;
use crate::model::EventKind;
use crate::model::Evidence;
use crate::model::Observation;
use crate::model::Outcome;
use crate::model::Span;
use crate::model::TargetId;
use crate::model::Timestamp;
use crate::probe::snmp::poll::Polled;
use crate::profile::What;

/// How often the tables are asked for, at most: with the next SNMP poll then. An
/// entry holds for three times as long, or for three polls of the device that is
/// polled most rarely.
pub(super) const EVERY: Span = Span::from_secs(300);

/// How often people are told of the same machine that must not be there.
const REMIND: Span = Span::from_hours(24);

impl Core {
    /// Looks for everybody anew, after the inventory has changed.
    pub(super) fn seek(&mut self) {
        self.sought = Sought::of(&self.now.inventory, &self.now.index);
        for (id, device) in &self.devices {
            for mac in device.macs() {
                self.sought.learn_network(*id, mac);
            }
        }
    }

    pub(super) fn see_who_is_there(&mut self, teller: TargetId, polled: &Polled, wall: Timestamp) {
        let told_macs = polled.interfaces.iter().filter_map(|i| i.told.mac.as_deref());
        for mac in told_macs.filter_map(|mac| mac.parse::<Mac>().ok()) {
            self.sought.learn_network(teller, mac);
        }
        if polled.what == What::Readings {
            return;
        }
        let mono = self.around.clock.mono();
        if let Some(device) = self.devices.get_mut(&teller) {
            device.presence_at = Some(mono);
        }
        let told = self.sought.read(teller, &polled.learnt);
        let seen_by = || {
            let spec = self.table.topology().get(teller)?;
            Some(spec.key.slug.to_string())
        };
        let Some(seen_by) = seen_by() else { return };
        for (target, kind) in told.present {
            let observation = Observation {
                target,
                probe: self.record.words.presence(),
                at: polled.at,
                outcome: Outcome::Good,
                detail: Detail::Presence(Evidence {
                    kind,
                    seen_by: Some(seen_by.clone()),
                }),
            };
            self.observe(&observation);
        }
        for target in told.forbidden {
            let told_at = self.forbidden_at.get(&target);
            if told_at.is_some_and(|at| mono.since(*at) < REMIND) {
                continue;
            }
            self.forbidden_at.insert(target, mono);
            let inventory = Arc::clone(&self.now.inventory);
            let site = self
                .table
                .topology()
                .get(teller)
                .and_then(|spec| {
                    inventory
                        .devices
                        .get(&crate::model::DeviceId(spec.key.slug.clone()))
                })
                .and_then(|device| device.site.clone());
            self.effects.events.push(Event {
                at: polled.at,
                recorded_at: wall,
                target: Some(target),
                kind: EventKind::ForbiddenSeen {
                    site,
                    seen_by: seen_by.clone(),
                },
            });
        }
    }
}
