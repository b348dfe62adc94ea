//! The monitor against a known truth: one district that is always the same, and
//! one that is another at every run.
//!
//! `TRAMGAC_SIM_SEED` replays one, `TRAMGAC_SIM_DAYS` and `TRAMGAC_SIM_SITES`
//! make the runs longer and wider.
//!
//! What is held of availability over 90 days:
//! - *Of all targets together*: 0.01 percentage point, without outages shorter
//!   than it takes to see and confirm them (an interval and three failures).
//! - *Of each target*: no more than its looks leave open. An outage is on record
//!   from the first failed look to the first good one (design §3.1), so that each
//!   of its ends lies within one interval of the truth, on average half of it and
//!   both alike; what is shorter than three failures is on record by chance or not
//!   at all. 0.01 percentage point of 90 days is 777 seconds: a target of one-minute
//!   looks may use that up with 13 outages. Nothing in the looks tells more about
//!   the ends. Only more looks would, and what is down is looked at no more often
//!   than before by design: a power cut is not to multiply the traffic on thin links.

use std::hash::BuildHasher;
use std::hash::RandomState;

use crate::monitor_district::check::check;
use crate::monitor_district::run::run;
use crate::monitor_district::truth::Truth;

/// The time in days that a target's availability may be off by, on average over
/// all: 0.01 percentage point of 90 days. In a shorter run the same *time* is a
/// larger share, since what takes all along (the core router) fails so rarely
/// that within a week nothing averages out.
const OFF_BY_DAYS: f64 = 0.0001 * 90.0;

fn setting(name: &str) -> Option<i64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

fn is_judged_as_it_was(seed: u64) -> f64 {
    let days = setting("TRAMGAC_SIM_DAYS").unwrap_or(7);
    let sites = usize::try_from(setting("TRAMGAC_SIM_SITES").unwrap_or(50)).unwrap();
    let replay = format!("TRAMGAC_SIM_SEED={seed} TRAMGAC_SIM_DAYS={days} TRAMGAC_SIM_SITES={sites}");
    eprintln!("seed: {replay}");
    let truth = Truth::new(seed, sites, days);
    let said = run(&truth, seed);
    let report = check(&truth, &said);
    eprintln!(
        "{} targets, {days} days: {} looks, {} orders, {} events, {} outages that could be seen, {} incidents, \
         {} times of peace; availability off by {:.6} in all, {:.6} of what can be confirmed, {:.6} at worst of one, whose looks allow {:.6}; \
         {} of {} within 0.01 percentage point, {} must be",
        truth.things.len(),
        said.looks,
        said.orders,
        said.events.len(),
        report.outages,
        report.incidents,
        report.pieces,
        report.fleet_error,
        report.fleet_error_of_seen,
        report.worst_error,
        report.worst_bound,
        report.within,
        report.compared,
        report.bounded,
    );
    let shown: Vec<&str> = report.faults.iter().take(40).map(String::as_str).collect();
    assert!(
        report.faults.is_empty(),
        "{} faults, {replay}:\n{}",
        report.faults.len(),
        shown.join("\n")
    );
    // In a small fleet a few things that flap weigh too much.
    let is_whole = sites >= 50;
    assert!(truth.things.len() >= 1000 || !is_whole);
    let allowed = OFF_BY_DAYS / days as f64;
    assert!(
        report.fleet_error_of_seen.abs() <= allowed || !is_whole,
        "availability of all is off by {}, {replay}",
        report.fleet_error_of_seen
    );
    if is_whole { report.fleet_error } else { 0.0 }
}

// traps 19, 20, 22, 23, 24
#[test]
fn a_district_is_judged_as_it_was() {
    let error = is_judged_as_it_was(20_260_101);
    // In this district, that holds with the outages too short to be confirmed, too.
    assert!(error.abs() <= 0.0001, "0.01 percentage point: {error}");
}

/// Another district at every run. Its seed is printed, and replays it.
#[test]
fn any_district_is_judged_as_it_was() {
    let chance = RandomState::new().hash_one(0) >> 32;
    let seed = setting("TRAMGAC_SIM_SEED").map(|seed| u64::try_from(seed).unwrap());
    is_judged_as_it_was(seed.unwrap_or(chance));
}
