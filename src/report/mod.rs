//! Reports: a dataset makes a table of the record, a renderer makes bytes of it.
//!
//! A new dataset is one file under `dataset/` and one line in [`DATASETS`]; a new
//! format one file under `render/` and one line in [`RENDERERS`].

pub mod dataset;
pub mod render;
pub mod table;

pub use dataset::Source;

use crate::i18n::Text;
use render::Options;
use table::Table;

/// What can be reported.
#[derive(Debug, Clone, Copy)]
pub struct Dataset {
    /// Its word on the command line.
    pub name: &'static str,
    /// Its title on paper.
    pub title: Text,
    /// What it is, for the help text.
    pub about: &'static str,
    /// Makes the table; pure.
    pub build: fn(&Source) -> Table,
}

/// A format.
#[derive(Debug, Clone, Copy)]
pub struct Renderer {
    /// Its word on the command line.
    pub name: &'static str,
    /// Its media type.
    pub media_type: &'static str,
    /// Makes the bytes; pure.
    pub render: fn(&Table, &Options) -> Result<Vec<u8>, render::Error>,
}

/// Every dataset, sorted by name.
pub static DATASETS: &[Dataset] = &[
    dataset::availability::DATASET,
    dataset::changes::DATASET,
    dataset::equipment::DATASET,
    dataset::indicators::DATASET,
    dataset::outages::DATASET,
];

/// Every format, sorted by name.
pub static RENDERERS: &[Renderer] = &[
    render::csv::RENDERER,
    render::html::RENDERER,
    render::json::RENDERER,
    render::terminal::RENDERER,
    render::xlsx::RENDERER,
];

/// The dataset of that name.
pub fn dataset(name: &str) -> Option<&'static Dataset> {
    DATASETS.iter().find(|d| d.name == name)
}

/// The format of that name.
pub fn renderer(name: &str) -> Option<&'static Renderer> {
    RENDERERS.iter().find(|r| r.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registries_are_sorted() {
        assert!(DATASETS.is_sorted_by_key(|d| d.name));
        assert!(RENDERERS.is_sorted_by_key(|r| r.name));
    }
}
