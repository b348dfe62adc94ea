//! The graph of parents: its rules, its circles, and the nearest watched ones going up.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashSet;
use std::fmt;

use crate::inventory::Inventory;
use crate::inventory::Link;
use crate::model::SiteId;
use crate::model::TargetId;
use crate::model::TargetKey;
use crate::monitor::subject::sites_around;

/// The parents run in a circle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Cycle {
    /// The circle: each depends on the next, the last on the first.
    pub path: Vec<TargetKey>,
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("parents run in a circle: ")?;
        for (i, key) in self.path.iter().chain(self.path.first()).enumerate() {
            let arrow = if i == 0 { "" } else { " → " };
            write!(f, "{arrow}{key}")?;
        }
        Ok(())
    }
}

pub(super) type Graph = BTreeMap<TargetKey, Vec<TargetKey>>;

/// The parents as the rules at the head of the parent module have them, watched or not.
pub(super) fn raw_parents(inventory: &Inventory) -> Graph {
    let mut links_of: BTreeMap<&SiteId, Vec<&Link>> = BTreeMap::new();
    for link in inventory.links.values() {
        links_of.entry(&link.site).or_default().push(link);
    }
    let ways_in = |site: Option<&SiteId>, own: Option<&TargetKey>| -> Vec<TargetKey> {
        for site in sites_around(inventory, site) {
            let links = links_of.get(&site.id).map_or(&[][..], |l| l);
            if links.is_empty() && site.gateway.is_none() {
                continue;
            }
            let far_side = |link: &&&Link| link.router.as_ref().is_none_or(|r| !link.via.contains(r));
            let is_gateway = own.is_some_and(|own| {
                site.gateway
                    .iter()
                    .chain(links.iter().filter_map(|l| l.router.as_ref()))
                    .any(|id| TargetKey::from(id.clone()) == *own)
            });
            if is_gateway {
                return links
                    .iter()
                    .filter(far_side)
                    .map(|l| l.id.clone().into())
                    .collect();
            }
            let mut ways: Vec<TargetKey> = site.gateway.iter().map(|g| g.clone().into()).collect();
            for link in links {
                ways.push(
                    link.router
                        .clone()
                        .map_or_else(|| link.id.clone().into(), Into::into),
                );
            }
            ways.sort();
            ways.dedup();
            return ways;
        }
        Vec::new()
    };
    let mut graph = Graph::new();
    for device in inventory.devices.values() {
        let key: TargetKey = device.id.clone().into();
        let parents = if device.parents.is_empty() {
            ways_in(device.site.as_ref(), Some(&key))
        } else {
            device.parents.iter().map(|p| p.clone().into()).collect()
        };
        graph.insert(key, parents);
    }
    for link in inventory.links.values() {
        graph.insert(
            link.id.clone().into(),
            link.via.iter().map(|p| p.clone().into()).collect(),
        );
    }
    for service in inventory.services.values() {
        let parents = if service.parents.is_empty() {
            ways_in(service.site.as_ref(), None)
        } else {
            service.parents.iter().map(|p| p.clone().into()).collect()
        };
        graph.insert(service.id.clone().into(), parents);
    }
    graph
}

/// Whether the parents of an inventory's targets run in a circle; for the configuration.
///
/// # Errors
/// [`Cycle`] with the first circle found.
pub fn check_parents(inventory: &Inventory) -> Result<(), Cycle> {
    find_cycle(&raw_parents(inventory))
}

/// The nearest watched targets going up from `key`, each once.
pub(super) fn effective_parents(
    graph: &Graph,
    key: &TargetKey,
    watched: &impl Fn(&TargetKey) -> Option<TargetId>,
) -> Vec<TargetId> {
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut queue: Vec<&TargetKey> = graph.get(key).into_iter().flatten().collect();
    while let Some(next) = queue.pop() {
        if !seen.insert(next) {
            continue;
        }
        match watched(next) {
            Some(id) => {
                found.insert(id);
            }
            None => queue.extend(graph.get(next).into_iter().flatten()),
        }
    }
    found.into_iter().collect()
}

/// Walks the graph without recursion; a node is grey while its parents are being walked.
///
/// What is nobody's parent is in no circle: the walk begins at the few that are.
pub(super) fn find_cycle(graph: &Graph) -> Result<(), Cycle> {
    let mut done: BTreeSet<&TargetKey> = BTreeSet::new();
    let is_parent: HashSet<&TargetKey> = graph.values().flatten().collect();
    for start in graph.keys().filter(|key| is_parent.contains(key)) {
        let mut path: Vec<(&TargetKey, std::slice::Iter<'_, TargetKey>)> = Vec::new();
        let mut grey: BTreeSet<&TargetKey> = BTreeSet::new();
        let mut enter = Some(start);
        loop {
            if let Some(key) = enter.take().filter(|key| !done.contains(key)) {
                if !grey.insert(key) {
                    let path = path.into_iter().map(|(k, _)| k.clone());
                    return Err(Cycle {
                        path: path.skip_while(|k| k != key).collect(),
                    });
                }
                path.push((key, graph.get(key).map_or(&[][..], |l| l).iter()));
            }
            let Some((key, parents)) = path.last_mut() else {
                break;
            };
            enter = parents.next();
            if enter.is_none() {
                grey.remove(*key);
                done.insert(*key);
                path.pop();
            }
        }
    }
    Ok(())
}
