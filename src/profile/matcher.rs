//! Which profile is a device's: priority, sysObjectID's longest prefix, then
//! sysDescr, then a probed instance. Pure.

use super::model::Match;
use super::model::Profile;
use super::rows::Rows;
use super::value::V;
use crate::model::snmp::Oid;

/// How well a profile matches; the larger is the device's profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    priority: i32,
    prefix: usize,
    probed: bool,
    described: bool,
}

/// What is known of a device when its profile is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// sysObjectID.
    pub object_id: Option<&'a Oid>,
    /// sysDescr.
    pub descr: &'a str,
}

impl Match {
    /// Whether all but the probe holds, and how well.
    fn fits(&self, who: Identity<'_>) -> Option<Rank> {
        let prefix = if self.sys_object_id.is_empty() {
            0
        } else {
            let oid = who.object_id?;
            self.sys_object_id
                .iter()
                .filter(|prefix| oid.starts_with(prefix))
                .map(|prefix| prefix.arcs().len())
                .max()?
        };
        if let Some(pattern) = &self.sys_descr
            && !pattern.is_match(who.descr)
        {
            return None;
        }
        if let Some(pattern) = &self.sys_descr_not
            && pattern.is_match(who.descr)
        {
            return None;
        }
        Some(Rank {
            priority: self.priority,
            prefix,
            probed: self.probe.is_some(),
            described: self.sys_descr.is_some(),
        })
    }

    /// Whether the probe's answer is as wanted.
    fn answered(&self, rows: &Rows) -> bool {
        let Some(probe) = &self.probe else {
            return true;
        };
        let text = rows
            .get(&probe.get)
            .and_then(V::of)
            .map(|v| v.to_text().unwrap_or_default());
        match (&probe.matches, text) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(pattern), Some(text)) => pattern.is_match(&text),
        }
    }
}

/// The instances to ask for before [`best`] can be told, without repeats.
pub fn probes<'a>(profiles: impl Iterator<Item = &'a Profile>, who: Identity<'_>) -> Vec<Oid> {
    let mut oids: Vec<Oid> = profiles
        .flat_map(|p| &p.matches)
        .filter(|m| m.fits(who).is_some())
        .filter_map(|m| m.probe.as_ref().map(|probe| probe.get.clone()))
        .collect();
    oids.sort();
    oids.dedup();
    oids
}

/// The profile that matches best, `rows` holding the answers to [`probes`];
/// of equals the first by name.
pub fn best<'a>(
    profiles: impl Iterator<Item = &'a Profile>,
    who: Identity<'_>,
    rows: &Rows,
) -> Option<&'a Profile> {
    let mut best: Option<(Rank, &Profile)> = None;
    for profile in profiles {
        let rank = profile
            .matches
            .iter()
            .filter_map(|m| m.fits(who).filter(|_| m.answered(rows)))
            .max();
        if let Some(rank) = rank
            && best.as_ref().is_none_or(|(known, _)| rank > *known)
        {
            best = Some((rank, profile));
        }
    }
    best.map(|(_, profile)| profile)
}
