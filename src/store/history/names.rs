//! The numbers of the series that were written to, by what they are called.
//!
//! A fleet has a million series, most of them an interface's: what they have in
//! common is kept once, and 24 bytes for those of one interface that got their
//! numbers one after the other, as they do when it is seen first.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::TargetId;
use crate::store::batch::SeriesKey;

/// Series of one instance of a target, whose metrics and numbers both follow
/// one another.
#[derive(Debug)]
struct Run {
    instance: Arc<str>,
    /// Place of the first one's metric in [`Names::metrics`].
    metric: u16,
    length: u16,
    /// The first one's number.
    number: u32,
}

impl Run {
    /// How far behind its first series one with this metric stands; `None`: it is not in it.
    fn place(&self, metric: u16) -> Option<u16> {
        let place = metric.checked_sub(self.metric)?;
        (place < self.length).then_some(place)
    }

    fn number_at(&self, place: u16) -> u32 {
        self.number.wrapping_add(u32::from(place))
    }

    /// Takes the series in, if it follows the last one.
    fn extend(&mut self, instance: &str, metric: u16, number: u32) -> bool {
        let follows = *self.instance == *instance
            && metric.checked_sub(self.metric) == Some(self.length)
            && self.number.checked_add(u32::from(self.length)) == Some(number);
        if follows && let Some(length) = self.length.checked_add(1) {
            self.length = length;
            return true;
        }
        false
    }
}

/// Numbers by names.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// By text; there are some dozens.
    metrics: HashMap<Arc<str>, u16>,
    /// Sorted by instance and metric.
    targets: HashMap<TargetId, Vec<Run>>,
}

/// Entries that a target's list grows by when it is full; an eighth of it if that is more.
const GROW: usize = 2;

/// How many runs of a list begin before a series, or with it: the last of them is
/// the one that has it, if any has.
fn before(list: &[Run], instance: &str, metric: u16) -> usize {
    list.partition_point(|run| (&*run.instance, run.metric) <= (instance, metric))
}

/// The run that has a series, and the series' place in it.
fn find(list: &[Run], instance: &str, metric: u16) -> Option<(usize, u16)> {
    let at = before(list, instance, metric).checked_sub(1)?;
    let run = list.get(at).filter(|run| *run.instance == *instance)?;
    Some((at, run.place(metric)?))
}

fn put(list: &mut Vec<Run>, at: usize, run: Run) {
    if list.len() == list.capacity() {
        list.reserve_exact(GROW.max(list.len() / 8));
    }
    list.insert(at, run);
}

/// Takes a series out of its run: what comes behind it is a run of its own.
fn cut(list: &mut Vec<Run>, instance: &str, metric: u16) {
    let Some((at, place)) = find(list, instance, metric) else {
        return;
    };
    let Some(run) = list.get_mut(at) else { return };
    let rest = run.length - place - 1;
    let behind = (rest > 0).then(|| Run {
        instance: Arc::clone(&run.instance),
        metric: metric.saturating_add(1),
        length: rest,
        number: run.number_at(place).wrapping_add(1),
    });
    run.length = place;
    let left = usize::from(place > 0);
    if left == 0 {
        list.remove(at);
    }
    if let Some(behind) = behind {
        put(list, at + left, behind);
    }
}

impl Names {
    /// The number of a series, if it is known.
    pub(super) fn get(&self, key: &SeriesKey) -> Option<u32> {
        let metric = *self.metrics.get(&key.metric)?;
        let list = self.targets.get(&key.target)?;
        let (at, place) = find(list, &key.instance, metric)?;
        list.get(at).map(|run| run.number_at(place))
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
        cut(list, &key.instance, metric);
        let at = before(list, &key.instance, metric);
        if let Some(run) = at.checked_sub(1).and_then(|before| list.get_mut(before))
            && run.extend(&key.instance, metric, number)
        {
            return;
        }
        let run = Run {
            instance: Arc::clone(&key.instance),
            metric,
            length: 1,
            number,
        };
        put(list, at, run);
    }

    /// Forgets a series.
    pub(super) fn remove(&mut self, key: &SeriesKey) {
        if let Some(metric) = self.metrics.get(&key.metric)
            && let Some(list) = self.targets.get_mut(&key.target)
        {
            cut(list, &key.instance, *metric);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(metric: &str, instance: usize) -> SeriesKey {
        SeriesKey {
            target: TargetId(7),
            metric: metric.into(),
            instance: format!("ether{instance}").into(),
        }
    }

    #[test]
    fn the_series_of_an_interface_take_one_entry() {
        let mut names = Names::default();
        for instance in 0..48usize {
            for (metric, number) in ["receive", "transmit"].iter().zip(0..) {
                let number = u32::try_from(instance).unwrap() * 2 + number;
                names.insert(&key(metric, instance), number);
            }
        }
        let list = &names.targets[&TargetId(7)];
        assert_eq!((list.len(), size_of::<Run>()), (48, 24));
        assert!(list.capacity() <= 54, "{}", list.capacity());
        assert_eq!(names.get(&key("transmit", 10)), Some(21));
    }

    proptest! {
        #[test]
        fn it_knows_what_a_plain_map_knows(
            steps in prop::collection::vec((0u32..3, 0u8..3, 0u8..8, prop::option::of(0u32..12)), 0..200)
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
