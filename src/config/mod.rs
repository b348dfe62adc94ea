//! YAML to a validated configuration: all mistakes at once, each with its place.
