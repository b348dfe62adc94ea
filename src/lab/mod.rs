//! A simulated network for the demo, tests and benches.
