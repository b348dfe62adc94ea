//! Datasets (pure) and renderers: what goes to people on paper.
