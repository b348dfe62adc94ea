//! The inventory as targets for Prometheus (`http_sd`).
//!
//! Pure: a snapshot and a question in, the whole list out, as Prometheus wants
//! it at every refresh. Source: Prometheus, "Writing HTTP service discovery".
//!
//! - `set=devices` (the default): the address of every polled device in use,
//!   for exporters that ask devices themselves; `module` is passed on to them.
//!   Devices of mode `never` and those without an address are not in it.
//! - `set=self`: our own exposition in parts, so that a big one can be shared
//!   out: the daemon's and the fleet's part once, devices and interfaces in
//!   `shards` shares.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;

use super::catalog::Part;
use super::collect::NO_AREA;
use crate::inventory::{Device, MonitorMode, UnitKind};
use crate::model::TargetKey;
use crate::monitor::Snapshot;

/// Most shares of one exposition; 64 shares of 500,000 series are a province.
pub const MAX_SHARDS: u32 = 64;

/// What is asked for. Empty fields ask for everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// `devices` or `self`.
    pub set: Set,
    /// Only devices of these classes.
    pub classes: Vec<String>,
    /// Only devices in these areas.
    pub areas: Vec<String>,
    /// Only devices of these sites.
    pub sites: Vec<String>,
    /// The module that the exporter shall use (`__param_module`).
    pub module: Option<String>,
    /// Shares of devices and interfaces, 1 to [`MAX_SHARDS`].
    pub shards: u32,
}

/// Whose targets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Set {
    /// The devices of the inventory.
    #[default]
    Devices,
    /// Our own exposition.
    Own,
}

/// The word is no set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no set of targets: use devices or self")]
pub struct UnknownSet(pub String);

impl std::str::FromStr for Set {
    type Err = UnknownSet;
    fn from_str(word: &str) -> Result<Self, UnknownSet> {
        match word {
            "devices" => Ok(Self::Devices),
            "self" => Ok(Self::Own),
            other => Err(UnknownSet(other.to_owned())),
        }
    }
}

/// One group of targets, as Prometheus reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Addresses; here always one.
    pub targets: Vec<String>,
    /// Labels of them all; those that begin with `__` are gone after relabelling.
    pub labels: BTreeMap<String, String>,
}

/// The targets that `query` asks for, in the order of their ids. `own` is our
/// own address as Prometheus reaches it (`host:port`).
pub fn targets(
    snapshot: &Snapshot,
    (area_kinds, today): (&[UnitKind], Date),
    query: &Query,
    own: &str,
) -> Vec<Group> {
    match query.set {
        Set::Own => expositions(query.shards, own),
        Set::Devices => {
            let devices = snapshot.inventory.devices.values();
            devices
                .filter(|d| d.is_member() && d.mode == MonitorMode::Polled)
                .filter_map(|d| device(snapshot, d, (area_kinds, today), query))
                .collect()
        }
    }
}

fn device(
    snapshot: &Snapshot,
    device: &Device,
    (area_kinds, today): (&[UnitKind], Date),
    query: &Query,
) -> Option<Group> {
    let inventory = &snapshot.inventory;
    let site = device.site.as_ref();
    let area = site.and_then(|s| inventory.area_of(s, area_kinds, today));
    let area = area.map_or(NO_AREA, |a| a.as_str());
    let site = site.map_or("", |s| s.as_str());
    let wanted = |list: &[String], value: &str| list.is_empty() || list.iter().any(|x| x == value);
    if !(wanted(&query.classes, device.class.as_str())
        && wanted(&query.areas, area)
        && wanted(&query.sites, site))
    {
        return None;
    }
    let host = device.primary_host()?.to_string();
    let key = TargetKey::from(device.id.clone());
    let state = snapshot.by_key(&key).map_or("unknown", |v| v.state.as_str());
    let mut labels: BTreeMap<String, String> = [
        ("device", device.id.as_str()),
        ("name", device.name.as_str()),
        ("class", device.class.as_str()),
        ("site", site),
        ("area", area),
        ("vendor", device.vendor.as_deref().unwrap_or_default()),
        ("model", device.model.as_deref().unwrap_or_default()),
        ("state", state),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| (format!("__meta_tramgac_{name}"), value.to_owned()))
    .collect();
    // The series of another exporter shall carry the same name for the device as ours.
    labels.insert("device".to_owned(), device.id.to_string());
    if let Some(module) = &query.module {
        labels.insert("__param_module".to_owned(), module.clone());
    }
    Some(Group {
        targets: vec![host],
        labels,
    })
}

fn expositions(shards: u32, own: &str) -> Vec<Group> {
    let shards = shards.clamp(1, MAX_SHARDS);
    let group = |part: Part, shard: Option<String>| {
        let path = format!("/metrics/{}", part.as_str());
        let mut labels = BTreeMap::from([("__metrics_path__".to_owned(), path)]);
        if let Some(shard) = shard {
            labels.insert("__param_shard".to_owned(), shard);
        }
        Group {
            targets: vec![own.to_owned()],
            labels,
        }
    };
    let mut groups = vec![group(Part::Daemon, None), group(Part::Fleet, None)];
    for part in [Part::Devices, Part::Interfaces] {
        for share in 0..shards {
            let shard = (shards > 1).then(|| format!("{share}/{shards}"));
            groups.push(group(part, shard));
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exposition_is_shared_out_without_overlap() {
        let groups = expositions(2, "127.0.0.1:9731");
        assert_eq!(groups.len(), 6);
        assert_eq!(groups[2].labels["__param_shard"], "0/2");
        assert_eq!(groups[5].labels["__metrics_path__"], "/metrics/interfaces");
        assert!(expositions(1, "a:1").iter().all(|g| g.labels.len() == 1));
        assert!(expositions(u32::MAX, "a:1").len() < 200);
    }
}
