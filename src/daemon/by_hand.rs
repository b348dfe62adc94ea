//! What people set by hand: the maintenance windows and silences that the record
//! keeps beside the windows of the configuration, and the way from the web to the core.
//!
//! They are one value among the record's settings. What is over stays in it, so
//! that it can be asked who set it and why; the oldest go beyond [`KEPT`].

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::Date;
use serde::Deserialize;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::sync::oneshot;

use super::core::Asked;
use super::core::Command;
use super::desk::Recorded;
use crate::inventory::Inventory;
use crate::inventory::UnitKind;
use crate::model::DeviceId;
use crate::model::LinkId;
use crate::model::Selector;
use crate::model::ServiceId;
use crate::model::SiteId;
use crate::model::Slug;
use crate::model::TargetKind;
use crate::model::Timestamp;
use crate::model::UnitId;
use crate::monitor::Topology;
use crate::monitor::maintain::Effect;
use crate::monitor::maintain::When;
use crate::monitor::maintain::Window;
use crate::store;
use crate::store::Readers;
use crate::web::people::NewWindow;
use crate::web::people::Order;
use crate::web::people::People;

/// The name of the value in the record.
pub const SETTING: &str = "people.maintenance";
/// Windows that are kept after their end: 1,000 of about 300 bytes.
const KEPT: usize = 1_000;
/// Windows that may be ahead or open at a time.
const MAX_STANDING: usize = 1_000;

/// A maintenance window or a silence that a person set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Its name: unique, never given twice.
    pub name: String,
    /// What it does.
    #[serde(default)]
    pub effect: Effect,
    /// What it covers.
    pub selector: Selector,
    /// From this moment, inclusive.
    pub from: Timestamp,
    /// To this moment, exclusive.
    pub to: Timestamp,
    /// Why.
    pub reason: String,
    /// Who set it.
    pub author: String,
    /// When it was set.
    pub set_at: Timestamp,
    /// When a person ended it before its time; `None`: nobody did.
    pub ended_at: Option<Timestamp>,
    /// Who did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
}

impl Kept {
    /// Whether it is open or ahead at `now`.
    pub fn stands(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && now < self.to
    }

    /// As the monitor has it.
    pub fn window(&self) -> Window {
        Window {
            name: self.name.clone(),
            effect: self.effect,
            selector: self.selector.clone(),
            when: When::Once {
                from: self.from,
                to: self.to,
            },
            reason: Some(self.reason.clone()),
            author: Some(self.author.clone()),
        }
    }
}

/// The windows and silences that people set, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ByHand {
    /// How many were ever set: the number in the newest name.
    last: u64,
    windows: Vec<Kept>,
}

impl ByHand {
    /// Reads them from the record.
    pub(super) fn read(reader: &store::Reader) -> store::Result<Self> {
        let Some(bytes) = reader.setting(SETTING)? else {
            return Ok(Self::default());
        };
        Ok(serde_json::from_slice(&bytes).unwrap_or_else(|error| {
            tracing::error!(%error, "the maintenance windows set by hand can't be read; set them again");
            Self::default()
        }))
    }

    /// Puts those that stand into a topology.
    pub(super) fn lay(&self, topology: &mut Topology, kinds: &[UnitKind], day: Date, now: Timestamp) {
        for kept in self.windows.iter().filter(|kept| kept.stands(now)) {
            topology.cover(&kept.window(), kinds, day);
        }
    }

    /// All, oldest first.
    pub fn windows(&self) -> &[Kept] {
        &self.windows
    }

    /// Takes a new one in; `taken` are names that the configuration uses.
    ///
    /// # Errors
    /// Too many stand already.
    pub fn add(&mut self, new: NewWindow, taken: &BTreeSet<&str>, now: Timestamp) -> Result<Kept, String> {
        if self.windows.iter().filter(|kept| kept.stands(now)).count() >= MAX_STANDING {
            return Err(format!(
                "there are {MAX_STANDING} windows already: end some, or put them into the configuration"
            ));
        }
        let letter = match new.effect {
            Effect::Maintenance => 'm',
            Effect::Silence => 's',
        };
        let name = loop {
            self.last += 1;
            let name = format!("{letter}{}", self.last);
            if !taken.contains(name.as_str()) {
                break name;
            }
        };
        let over = self.windows.iter().filter(|kept| !kept.stands(now)).count();
        let mut surplus = (over + 1).saturating_sub(KEPT);
        self.windows.retain(|kept| {
            let goes = surplus > 0 && !kept.stands(now);
            surplus -= usize::from(goes);
            !goes
        });
        let NewWindow {
            effect,
            selector,
            from,
            to,
            reason,
            author,
        } = new;
        let kept = Kept {
            name,
            effect,
            selector,
            from,
            to,
            reason,
            author,
            set_at: now,
            ended_at: None,
            ended_by: None,
        };
        self.windows.push(kept.clone());
        Ok(kept)
    }

    /// Forgets the newest, which covers nothing.
    pub(super) fn take_back(&mut self) {
        self.windows.pop();
    }

    /// Ends one before its time; gives it as the monitor knows it.
    ///
    /// # Errors
    /// There is none of that name, or it is over.
    pub fn end(
        &mut self,
        name: &str,
        effect: Effect,
        author: &str,
        now: Timestamp,
    ) -> Result<Window, String> {
        let what = match effect {
            Effect::Maintenance => "maintenance window",
            Effect::Silence => "silence",
        };
        let kept = self
            .windows
            .iter_mut()
            .find(|kept| kept.name == name && kept.effect == effect)
            .ok_or_else(|| format!("there is no {what} {name:?} that was set by hand"))?;
        if !kept.stands(now) {
            return Err(format!("the {what} {name:?} is over"));
        }
        kept.ended_at = Some(now);
        kept.ended_by = Some(author.to_owned());
        Ok(kept.window())
    }
}

/// Whether everything that a selector names is there, so that a slip of the pen
/// does not cover nothing.
///
/// # Errors
/// What is not there.
pub fn check(selector: &Selector, inventory: &Inventory) -> Result<(), String> {
    if selector.is_empty() {
        return Err("say what the window covers: a device, link, service, site, area or class".to_owned());
    }
    let slug = |text: &str| text.parse::<Slug>().map_err(|e| e.to_string());
    for kind in &selector.kind {
        if !TargetKind::ALL.into_iter().any(|k| k.as_str() == kind) {
            return Err(format!(
                "{kind:?} is no kind of target: write device, link or service"
            ));
        }
    }
    let may_be =
        |kind: TargetKind| selector.kind.is_empty() || selector.kind.iter().any(|k| k == kind.as_str());
    for id in &selector.id {
        let slug = slug(id)?;
        let is_there = TargetKind::ALL
            .into_iter()
            .filter(|k| may_be(*k))
            .any(|kind| match kind {
                TargetKind::Device => inventory.devices.contains_key(&DeviceId(slug.clone())),
                TargetKind::Link => inventory.links.contains_key(&LinkId(slug.clone())),
                TargetKind::Service => inventory.services.contains_key(&ServiceId(slug.clone())),
            });
        if !is_there {
            let kinds = selector.kind.join(" or ");
            let what = if kinds.is_empty() { "target" } else { &kinds };
            return Err(format!("there is no {what} {id:?}"));
        }
    }
    for id in &selector.site {
        if !inventory.sites.contains_key(&SiteId(slug(id)?)) {
            return Err(format!("there is no site {id:?}"));
        }
    }
    for id in &selector.area {
        if id != crate::monitor::subject::NO_AREA && !inventory.units.contains_key(&UnitId(slug(id)?)) {
            return Err(format!("there is no area {id:?}"));
        }
    }
    Ok(())
}

/// The way from the web to the core.
pub(super) fn callback(commands: mpsc::Sender<Command>, readers: Readers) -> People {
    Arc::new(move |order| {
        let (commands, readers) = (commands.clone(), readers.clone());
        Box::pin(async move {
            let recorded = match &order {
                Order::Reclassify(incident, _) => {
                    let id = *incident;
                    let read = readers.read(move |reader| Recorded::read(reader, id)).await;
                    read.map_err(|e| e.to_string())?
                }
                Order::Acknowledge(..)
                | Order::EndAcknowledgement { .. }
                | Order::AddWindow(_)
                | Order::EndWindow { .. }
                | Order::Windows(_) => Recorded::default(),
            };
            let (done, wait) = oneshot::channel();
            let asked = Asked {
                order,
                recorded,
                done,
            };
            let ended = || "the daemon is stopping; try again once it runs".to_owned();
            commands
                .send(Command::People(Box::new(asked)))
                .await
                .map_err(|_closed| ended())?;
            wait.await.map_err(|_dropped| ended())?
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn new(from: i64, to: i64) -> NewWindow {
        NewWindow {
            effect: Effect::Maintenance,
            selector: Selector {
                site: vec!["vp".to_owned()],
                ..Selector::default()
            },
            from: at(from),
            to: at(to),
            reason: "thay tủ điện".to_owned(),
            author: "lan".to_owned(),
        }
    }

    #[test]
    fn a_name_is_never_given_twice_nor_taken_from_the_configuration() {
        let mut by_hand = ByHand::default();
        let taken = BTreeSet::from(["m2"]);
        assert_eq!(by_hand.add(new(10, 20), &taken, at(5)).unwrap().name, "m1");
        assert_eq!(by_hand.add(new(10, 20), &taken, at(5)).unwrap().name, "m3");
        by_hand.end("m3", Effect::Maintenance, "hoa", at(6)).unwrap();
        assert_eq!(by_hand.add(new(10, 20), &taken, at(7)).unwrap().name, "m4");
    }

    #[test]
    fn an_ended_window_stays_on_record_and_stands_no_more() {
        let mut by_hand = ByHand::default();
        by_hand.add(new(10, 20), &BTreeSet::new(), at(5)).unwrap();
        let maintenance = Effect::Maintenance;
        assert!(by_hand.end("m9", maintenance, "hoa", at(6)).is_err());
        assert!(by_hand.end("m1", Effect::Silence, "hoa", at(6)).is_err());
        let window = by_hand.end("m1", maintenance, "hoa", at(12)).unwrap();
        assert_eq!(window.author.as_deref(), Some("lan"));
        assert!(by_hand.end("m1", maintenance, "hoa", at(13)).is_err());
        let kept = &by_hand.windows()[0];
        assert!(!kept.stands(at(13)) && kept.ended_at == Some(at(12)));
        assert_eq!(kept.ended_by.as_deref(), Some("hoa"));
        let text = serde_json::to_vec(&by_hand).unwrap();
        assert_eq!(serde_json::from_slice::<ByHand>(&text).unwrap(), by_hand);
    }

    #[test]
    fn what_is_over_gives_way_and_what_stands_does_not() {
        let mut by_hand = ByHand::default();
        let none = BTreeSet::new();
        by_hand.add(new(10, 1_000_000), &none, at(5)).unwrap();
        for _ in 0..KEPT + 5 {
            by_hand.add(new(10, 20), &none, at(30)).unwrap();
        }
        assert_eq!(by_hand.windows().len(), KEPT + 1);
        assert_eq!(by_hand.windows()[0].name, "m1");
    }

    #[test]
    fn a_selector_that_names_what_is_not_there_is_refused() {
        let inventory = Inventory::default();
        let named = |selector: Selector| check(&selector, &inventory).unwrap_err();
        assert!(named(Selector::default()).contains("say what"));
        let device = Selector {
            id: vec!["rt".to_owned()],
            ..Selector::of_kind(TargetKind::Device)
        };
        assert_eq!(named(device), "there is no device \"rt\"");
        assert_eq!(named(new(1, 2).selector), "there is no site \"vp\"");
    }
}
