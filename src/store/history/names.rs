//! The numbers of the series that were written to, by what they are called.
//!
//! A fleet has a million series, most of them an interface's: what they have in
//! common is kept once, and 24 bytes for each.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::TargetId;
use crate::store::batch::SeriesKey;

/// One series of a target.
#[derive(Debug)]
struct Named {
    instance: Arc<str>,
    /// Place of its metric in [`Names::metrics`].
    metric: u16,
    number: u32,
}

/// Numbers by names.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// By text; there are some dozens.
    metrics: HashMap<Arc<str>, u16>,
    /// Sorted by instance and metric.
    targets: HashMap<TargetId, Vec<Named>>,
}

/// Entries that a target's list grows by when it is full; an eighth of it if that is more.
const GROW: usize = 2;

impl Names {
    /// Where a series stands, or should stand, in its target's list.
    fn find(list: &[Named], metric: u16, key: &SeriesKey) -> Result<usize, usize> {
        list.binary_search_by(|known| {
            known
                .instance
                .cmp(&key.instance)
                .then_with(|| known.metric.cmp(&metric))
        })
    }

    /// The number of a series, if it is known.
    pub(super) fn get(&self, key: &SeriesKey) -> Option<u32> {
        let metric = *self.metrics.get(&key.metric)?;
        let list = self.targets.get(&key.target)?;
        let place = Self::find(list, metric, key).ok()?;
        list.get(place).map(|known| known.number)
    }

    /// Learns a number. Of more metrics than 65,536 the later ones are not
    /// learnt: they are asked for again and again.
    pub(super) fn insert(&mut self, key: &SeriesKey, number: u32) {
        let next = u16::try_from(self.metrics.len());
        let metric = match (self.metrics.get(&key.metric), next) {
            (Some(known), _) => *known,
            (None, Ok(next)) => {
                self.metrics.insert(Arc::clone(&key.metric), next);
                next
            }
            (None, Err(_)) => return,
        };
        let list = self.targets.entry(key.target).or_default();
        match Self::find(list, metric, key) {
            Ok(place) => {
                if let Some(known) = list.get_mut(place) {
                    known.number = number;
                }
            }
            Err(place) => {
                if list.len() == list.capacity() {
                    list.reserve_exact(GROW.max(list.len() / 8));
                }
                list.insert(
                    place,
                    Named {
                        instance: Arc::clone(&key.instance),
                        metric,
                        number,
                    },
                );
            }
        }
    }

    /// Forgets a series.
    pub(super) fn remove(&mut self, key: &SeriesKey) {
        let Some(metric) = self.metrics.get(&key.metric) else {
            return;
        };
        if let Some(list) = self.targets.get_mut(&key.target)
            && let Ok(place) = Self::find(list, *metric, key)
        {
            list.remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_knows_what_a_plain_map_knows(
            steps in prop::collection::vec((0u32..3, 0u8..3, 0u8..8, prop::option::of(0u32..1000)), 0..200)
        ) {
            let mut names = Names::default();
            let mut plain: HashMap<SeriesKey, u32> = HashMap::new();
            for (target, metric, instance, number) in steps {
                let key = SeriesKey {
                    target: TargetId(target),
                    metric: format!("m{metric}").into(),
                    instance: format!("ether{instance}").into(),
                };
                prop_assert_eq!(names.get(&key), plain.get(&key).copied());
                if let Some(number) = number {
                    names.insert(&key, number);
                    plain.insert(key.clone(), number);
                } else {
                    names.remove(&key);
                    plain.remove(&key);
                }
                for (key, number) in &plain {
                    prop_assert_eq!(names.get(key), Some(*number));
                }
            }
        }
    }
}
