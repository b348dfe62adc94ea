//! The monitor against a known truth.
//!
//! `TRAMGAC_SIM_DAYS` and `TRAMGAC_SIM_SITES` make the run longer and wider,
//! `TRAMGAC_SIM_SEED` replays one.

use crate::monitor_district::check::check;
use crate::monitor_district::run::run;
use crate::monitor_district::truth::Truth;

fn setting(name: &str, default: i64) -> i64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

// traps 19, 20, 22, 23, 24
#[test]
fn a_district_is_judged_as_it_was() {
    let days = setting("TRAMGAC_SIM_DAYS", 7);
    let sites = usize::try_from(setting("TRAMGAC_SIM_SITES", 50)).unwrap();
    let seed = u64::try_from(setting("TRAMGAC_SIM_SEED", 20_260_101)).unwrap();
    eprintln!("seed: TRAMGAC_SIM_SEED={seed} TRAMGAC_SIM_DAYS={days} TRAMGAC_SIM_SITES={sites}");
    let truth = Truth::new(seed, sites, days);
    let said = run(&truth, seed);
    let report = check(&truth, &said);
    eprintln!(
        "{} targets, {days} days: {} looks, {} orders, {} events, {} outages that could be seen, {} incidents, \
         {} times of peace; availability off by {:.6} in all, {:.6} at worst of one, whose looks allow {:.6}; \
         {} of {} within 0.01 percentage point, {} must be",
        truth.things.len(),
        said.looks,
        said.orders,
        said.events.len(),
        report.outages,
        report.incidents,
        report.pieces,
        report.fleet_error,
        report.worst_error,
        report.worst_bound,
        report.within,
        report.compared,
        report.bounded,
    );
    let shown: Vec<&String> = report.faults.iter().take(40).collect();
    assert!(
        report.faults.is_empty(),
        "{} faults, seed {seed}:\n{shown:#?}",
        report.faults.len()
    );
    // In a small fleet a few things that flap weigh too much.
    let is_whole = sites >= 50;
    assert!(truth.things.len() >= 1000 || !is_whole);
    assert!(
        report.fleet_error.abs() <= 0.0001 || !is_whole,
        "0.01 percentage point, seed {seed}: {}",
        report.fleet_error
    );
}
