//! Who answered? A new address is not a new device, and another's answer is not this one's.
//!
//! ```text
//! the marks that were told are       and that one            then
//! those of the device asked          –                       it answered
//! of no other known device           –                       it answered (new marks are events)
//! surely those of another            answers at its own      it is a second address of that one, or the
//!                                                            two change places: nothing is learnt of what
//!                                                            has marks of its own, and both are asked again
//! surely those of another            does not answer         it has moved: it is asked here from now on,
//!                                                            and what was asked did not answer
//! ```
//!
//! The marks are compared by [`crate::inventory::identity`]. A readings turn
//! tells no marks; the poller asks for everything when sysObjectID, sysDescr
//! or sysName are others than before.

use std::net::SocketAddr;

use super::Core;
use super::turns::SYS_NAME;
use crate::inventory::Mac;
use crate::inventory::identity::Marks;
use crate::model::Detail;
use crate::model::Observation;
use crate::model::Outcome;
use crate::model::Reason;
use crate::model::TargetId;
use crate::model::TargetKey;
use crate::monitor::snapshot::InterfaceView;
use crate::probe::snmp::poll::Polled;
use crate::probe::snmp::poll::State;
use crate::profile::What;

impl Core {
    /// Finds out who answered a turn of `id` at `address`. Where it was another,
    /// that one takes the answer, and the outcome of this turn becomes a failure.
    /// Returns what the poller is to remember of `id`.
    pub(super) fn whose(
        &mut self,
        id: TargetId,
        address: SocketAddr,
        polled: &mut Polled,
        state: State,
    ) -> State {
        if polled.outcome != Outcome::Good {
            let device = self.devices.entry(id).or_default();
            device.is_at_home = false;
            if device.elsewhere == Some(address) {
                // It has left where it was found: it may be back at its own address.
                device.elsewhere = None;
            }
            return state;
        }
        if polled.what != What::Inventory {
            return state;
        }
        let seen = seen_marks(polled);
        let Some((other, by)) = self.register.other_than(id, &seen) else {
            self.devices.entry(id).or_default().is_at_home = true;
            return state;
        };
        let is_at_home = self.devices.get(&other).is_some_and(|d| d.is_at_home);
        if is_at_home {
            self.ask_everything(other);
            if self.register.get(id).is_none_or(is_blank) {
                // An entry of its own for a second address: a person's to decide.
                tracing::warn!(target = %id, %other, ?by, %address, "two entries are one device");
                return state;
            }
        } else if self.now.targets.agents.contains_key(&other) {
            tracing::info!(target = %other, ?by, %address, "found at another address");
            self.moved(other, address, polled, state);
        }
        let device = self.devices.entry(id).or_default();
        device.is_at_home = false;
        device.elsewhere = None;
        device.inventory_due = None;
        let key = self.key_of(other).map(ToString::to_string).unwrap_or_default();
        polled.outcome = Outcome::Bad(Reason::OtherDevice(key));
        // It is as if `id` had not been asked: what it is remains as it was.
        State::default()
    }

    /// Whether a turn failed at an address that the device was found to have left in the meantime.
    pub(super) fn is_overtaken(&self, id: TargetId, address: SocketAddr, polled: &Polled) -> bool {
        let found = self.devices.get(&id).and_then(|device| device.elsewhere);
        polled.outcome != Outcome::Good && found.is_some_and(|found| found != address)
    }

    /// The device `id` answered at `address`, which is another's.
    fn moved(&mut self, id: TargetId, address: SocketAddr, polled: &Polled, state: State) {
        let wall = self.around.clock.wall();
        let device = self.devices.entry(id).or_default();
        device.elsewhere = Some(address);
        device.state = state;
        device.silent_since = None;
        device.inventory_due = Some(
            self.around
                .clock
                .mono()
                .plus(self.now.config.snmp.inventory_interval),
        );
        self.learn(id, address, polled, wall);
        let observation = Observation {
            target: id,
            probe: self.record.words.snmp(),
            at: polled.at,
            outcome: Outcome::Good,
            detail: Detail::Snmp(polled.stats.clone()),
        };
        self.observe(&observation);
    }

    /// The next turn asks for everything.
    pub(super) fn ask_everything(&mut self, id: TargetId) {
        if let Some(device) = self.devices.get_mut(&id) {
            device.inventory_due = None;
        }
    }

    /// Brings the marks of all devices into the register.
    pub(super) fn register_all(&mut self) {
        self.register = crate::inventory::identity::Register::default();
        let ids: Vec<TargetId> = self.devices.keys().copied().collect();
        for id in ids {
            self.register(id);
        }
    }

    /// Brings the marks of a device into the register: what it told, else what is on record.
    pub(super) fn register(&mut self, id: TargetId) {
        let Some(device) = self.devices.get(&id) else {
            return;
        };
        let entry = self.key_of(id).and_then(|key| {
            let id = crate::model::DeviceId(key.slug.clone());
            self.now.inventory.devices.get(&id)
        });
        let told = |key: &str| device.facts.get(key).map(str::to_owned);
        let marks = Marks {
            serial: told("serial").or_else(|| entry.and_then(|e| e.serial.clone())),
            macs: macs(device.interfaces.iter().map(|i: &InterfaceView| i.told().mac))
                .chain(entry.into_iter().flat_map(|e| e.macs.iter().copied()))
                .collect(),
            sys_name: told(SYS_NAME),
            vendor: told("vendor").or_else(|| entry.and_then(|e| e.vendor.clone())),
            model: told("model").or_else(|| entry.and_then(|e| e.model.clone())),
        };
        self.register.set(id, marks);
    }

    fn key_of(&self, id: TargetId) -> Option<&TargetKey> {
        self.table.topology().get(id).map(|spec| &spec.key)
    }
}

fn is_blank(marks: &Marks) -> bool {
    marks.serial.is_none() && marks.macs.is_empty() && marks.sys_name.is_none()
}

fn macs<'a>(told: impl Iterator<Item = Option<&'a str>>) -> impl Iterator<Item = Mac> {
    told.flatten().filter_map(|mac| mac.parse().ok())
}

/// What a turn told that a device is known by.
fn seen_marks(polled: &Polled) -> Marks {
    let told = |key: &str| polled.learnt.facts.get(key).cloned();
    Marks {
        serial: told("serial"),
        macs: macs(polled.interfaces.iter().map(|i| i.told.mac.as_deref())).collect(),
        sys_name: polled.learnt.sys_name.clone(),
        vendor: told("vendor"),
        model: told("model"),
    }
}
