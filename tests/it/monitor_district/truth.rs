//! What really happens in the district. Times are microseconds of a clock that
//! never steps, from 0.

use tramgac::model::Timestamp;
use tramgac::monitor::interval::Interval;
use tramgac::monitor::interval::intersect;
use tramgac::monitor::interval::union;
use tramgac::monitor::topology::Reach;

use super::dice::Dice;

pub const SECOND: i64 = 1_000_000;
pub const HOUR: i64 = 3600 * SECOND;
pub const DAY: i64 = 24 * HOUR;

/// One thing in the district.
pub struct Thing {
    pub name: String,
    /// Alternative ways to it; lower numbers than its own.
    pub parents: Vec<usize>,
    pub always_on: bool,
    pub reach: Reach,
    /// Time between two looks, seconds.
    pub interval: i64,
    pub site: Option<usize>,
    /// One look in so many is lost for no reason.
    pub loss_once_in: i64,
}

/// A cut of the monitor's own uplink.
pub struct Cut {
    pub span: Interval,
    pub carrier: bool,
}

/// All that happens.
pub struct Truth {
    pub length: i64,
    pub things: Vec<Thing>,
    /// When each thing itself does not work, as sets.
    pub broken: Vec<Vec<Interval>>,
    /// When nothing leads to it.
    pub cut_off: Vec<Vec<Interval>>,
    /// When it does not answer for either reason.
    pub away: Vec<Vec<Interval>>,
    pub uplink: Vec<Cut>,
    /// When the daemon does not run.
    pub stopped: Vec<Interval>,
    /// Steps of the wall clock: when, and by how much in sum from then on.
    pub steps: Vec<(i64, i64)>,
    /// Announced work: whom, when (of the wall clock's day, not stepped).
    pub work: Vec<(usize, Interval)>,
}

fn span(from: i64, length: i64) -> Interval {
    Interval {
        from: Timestamp(from),
        to: Timestamp(from + length.max(1)),
    }
}

/// Moments from `start` on, on average `every` apart.
fn moments(dice: &mut Dice, length: i64, every: i64) -> Vec<i64> {
    let mut list = Vec::new();
    let mut at = dice.between(0, 2 * every);
    while at < length {
        list.push(at);
        at += dice.between(every / 4, 2 * every);
    }
    list
}

/// A district of `sites` places, with their links, routers and equipment.
fn things(dice: &mut Dice, sites: usize) -> Vec<Thing> {
    let mut things: Vec<Thing> = Vec::new();
    let mut add = |name: String,
                   parents: &[usize],
                   always_on: bool,
                   reach: Reach,
                   site: Option<usize>,
                   dice: &mut Dice| {
        things.push(Thing {
            name,
            parents: parents.to_vec(),
            always_on,
            reach,
            interval: if always_on { 60 } else { 300 },
            site,
            loss_once_in: if dice.once_in(20) { 50 } else { 1000 },
        });
        things.len() - 1
    };
    let core = add("core".into(), &[], true, Reach::Direct, None, dice);
    let lan = add("lan".into(), &[core], true, Reach::Direct, None, dice);
    add("own".into(), &[], true, Reach::Local, None, dice);
    // On the monitor's own switch: they answer when the core router is dead.
    for i in 0..4 {
        add(format!("near-{i}"), &[], true, Reach::Direct, None, dice);
    }
    for i in 0..20 {
        let always_on = i % 2 == 0;
        add(
            format!("office-{i}"),
            &[lan],
            always_on,
            Reach::Direct,
            None,
            dice,
        );
    }
    for site in 0..sites {
        let here = Some(site);
        let far = Reach::Routed;
        let mut links = vec![add(format!("link-{site}"), &[core], true, far, here, dice)];
        if site % 5 == 0 {
            links.push(add(format!("link-{site}b"), &[core], true, far, here, dice));
        }
        let router = add(format!("router-{site}"), &links, true, far, here, dice);
        let mut ways = vec![router];
        if site % 3 == 0 {
            let switches = 1 + usize::from(site % 2 == 0);
            ways = (0..switches)
                .map(|i| add(format!("switch-{site}-{i}"), &[router], true, far, here, dice))
                .collect();
        }
        for i in 0..17 {
            add(format!("item-{site}-{i}"), &ways, i < 4, far, here, dice);
        }
    }
    things
}

impl Truth {
    /// Decides everything from one seed.
    pub fn new(seed: u64, sites: usize, days: i64) -> Self {
        let mut dice = Dice(seed);
        let length = days * DAY;
        let things = things(&mut dice, sites);
        let mut broken: Vec<Vec<Interval>> = things
            .iter()
            .map(|thing| own_trouble(&mut dice, thing, length))
            .collect();
        for site in 0..sites {
            for at in moments(&mut dice, length, 10 * DAY) {
                // A power cut: all at once; each comes back when it has booted.
                let lasts = dice.log_between(60 * SECOND, 5 * HOUR);
                for (thing, broken) in things.iter().zip(&mut broken) {
                    if thing.site == Some(site) {
                        broken.push(span(at, lasts + dice.between(0, 120 * SECOND)));
                    }
                }
            }
        }
        let whole = [span(0, length)];
        let broken: Vec<Vec<Interval>> = broken
            .into_iter()
            .map(|list| intersect(&union(list), &whole))
            .collect();
        let uplink = apart(&mut dice, length, 2 * DAY, 30 * SECOND, HOUR)
            .into_iter()
            .map(|span| Cut {
                span,
                carrier: dice.once_in(2),
            })
            .collect();
        let stopped = apart(&mut dice, length, 2 * DAY, 10 * SECOND, 3 * HOUR);
        let mut offset = 0;
        let mut steps = Vec::new();
        for at in moments(&mut dice, length, DAY) {
            let by = dice.between(2 * SECOND, 15 * SECOND) * if offset > 0 { -1 } else { 1 };
            offset += by;
            steps.push((at, offset));
        }
        let mut work = Vec::new();
        for at in moments(&mut dice, length, DAY) {
            let whom = usize::try_from(dice.between(0, i64::try_from(things.len()).unwrap())).unwrap();
            work.push((whom, span(at, dice.log_between(600 * SECOND, 4 * HOUR))));
        }
        let mut truth = Self {
            length,
            cut_off: Vec::new(),
            away: Vec::new(),
            things,
            broken,
            uplink,
            stopped,
            steps,
            work,
        };
        truth.follow_paths();
        truth
    }

    fn follow_paths(&mut self) {
        for (thing, broken) in self.things.iter().zip(&self.broken) {
            let cut_off = thing
                .parents
                .iter()
                .map(|p| self.away[*p].clone())
                .reduce(|a, b| intersect(&a, &b))
                .unwrap_or_default();
            let mut away = cut_off.clone();
            away.extend_from_slice(broken);
            self.away.push(union(away));
            self.cut_off.push(cut_off);
        }
    }

    /// How far the wall clock is ahead at a true moment.
    pub fn offset(&self, at: i64) -> i64 {
        let n = self.steps.partition_point(|(when, _)| *when <= at);
        n.checked_sub(1).map_or(0, |i| self.steps[i].1)
    }

    /// Everything upstream of a thing.
    pub fn upstream(&self, thing: usize) -> Vec<usize> {
        let mut list = self.things[thing].parents.clone();
        let mut next = 0;
        while let Some(one) = list.get(next).copied() {
            next += 1;
            for parent in &self.things[one].parents {
                if !list.contains(parent) {
                    list.push(*parent);
                }
            }
        }
        list
    }
}

/// Spans that do not touch one another, and leave an hour between them.
fn apart(dice: &mut Dice, length: i64, every: i64, shortest: i64, longest: i64) -> Vec<Interval> {
    let mut list: Vec<Interval> = Vec::new();
    for at in moments(dice, length, every) {
        let next = span(at, dice.log_between(shortest, longest));
        if list.last().is_none_or(|last| last.to.0 + HOUR < next.from.0) {
            list.push(next);
        }
    }
    list
}

fn own_trouble(dice: &mut Dice, thing: &Thing, length: i64) -> Vec<Interval> {
    let mut list = Vec::new();
    if thing.name == "own" {
        return list;
    }
    if !thing.always_on {
        // Switched on in the morning, off in the evening, with some laziness.
        for day in 0..=length / DAY {
            let off = day * DAY + 17 * HOUR + dice.between(-HOUR, 3 * HOUR);
            list.push(span(off, 13 * HOUR + dice.between(0, 2 * HOUR)));
        }
        return list;
    }
    let every = match thing.name.as_str() {
        "core" | "lan" => 6 * DAY,
        name if name.starts_with("link") => 3 * DAY,
        _ => 10 * DAY,
    };
    for at in moments(dice, length, every) {
        if dice.once_in(12) {
            // It flaps for a while.
            let mut when = at;
            while when < at + HOUR {
                let lasts = dice.between(20 * SECOND, 100 * SECOND);
                list.push(span(when, lasts));
                when += lasts + dice.between(20 * SECOND, 100 * SECOND);
            }
        } else {
            list.push(span(at, dice.log_between(5 * SECOND, 6 * HOUR)));
        }
    }
    list
}
