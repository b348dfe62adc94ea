//! Knowledge of devices as data: loads profiles, matches, turns rows into facts and readings.
