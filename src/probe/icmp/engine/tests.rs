//! Scenarios of the engine, on a network in memory.
