//! A snapshot and what the daemon counted → an exposition.
//!
//! Pure: values in, bytes out. A scrape needs no SQL and no lock. Families come
//! in the order of the catalogue, series in the order of the inventory.
//!
//! - What is not known is absent: `device_up` while the state is unknown, a
//!   utilisation over a counter reset, a round trip time without a reply.
//! - A device of mode `never` appears in `fleet_members`, `fleet_exempt` and
//!   `exemptions_active` only; no label names it, as a parent or router neither.
//! - An entry that is not in use (`lifecycle`) appears in no family.

mod daemon;
mod device;
mod fleet;
mod geohash;
mod interface;
mod link;
mod reading;
mod rows;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;

pub use super::catalog::Part;
use super::expose::{Summary, Writer};
use super::process::ProcessStats;
use crate::inventory::UnitKind;
use crate::model::{Span, TargetId};
use crate::monitor::Snapshot;
use rows::Rows;

/// What an exposition needs beside the snapshot.
#[derive(Debug, Clone)]
pub struct Extra {
    /// Today, in the configured time zone.
    pub today: Date,
    /// The kinds of unit that make an area (`area_kind`).
    pub area_kinds: Vec<UnitKind>,
    /// Which build this is.
    pub build: Build,
    /// What the daemon counted about itself.
    pub process: ProcessStats,
    /// For each calendar, whether it is inside working hours now.
    pub work_time: BTreeMap<String, bool>,
    /// The results of the configured indicators.
    pub indicators: Vec<IndicatorSample>,
    /// Availability over sliding windows, from the record.
    pub windows: Vec<Window>,
    /// What bounds the exposition.
    pub limits: Limits,
}

/// Which build this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Build {
    /// Version of the package.
    pub version: &'static str,
    /// Revision of the source; empty: not known.
    pub revision: &'static str,
    /// The compiler; empty: not known.
    pub rustc: &'static str,
}

/// One result of one indicator in one area.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndicatorSample {
    /// The indicator's id.
    pub indicator: String,
    /// The area, or `none`.
    pub area: String,
    /// What counts as good.
    pub numerator: u64,
    /// What is counted.
    pub denominator: u64,
    /// Members without evidence.
    pub unknown: u64,
    /// Members left out.
    pub exempt: u64,
}

/// Availability over one sliding window.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// `1d`, `7d` or `30d`.
    pub name: &'static str,
    /// What the record says of each target in it.
    pub times: Arc<BTreeMap<TargetId, Times>>,
}

/// Counted time of one target in one window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Times {
    /// Online.
    pub up: Span,
    /// With a known state; never less than `up`.
    pub observed: Span,
}

impl Times {
    /// Availability; `None` for a window in which nothing is known (trap 23).
    pub fn ratio(&self) -> Option<f64> {
        let ratio = self.up.as_secs_f64() / self.observed.as_secs_f64();
        (!self.observed.is_zero()).then_some(ratio.min(1.0))
    }
}

/// What bounds an exposition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Series in one exposition. 500,000 are about 40 MB of text, which Prometheus
    /// reads in some seconds; more belongs into several expositions.
    pub series: u64,
    /// Interfaces per device. A stack of eight switches has 400 ports, but 64
    /// cover every access switch of one unit with its uplinks. 0: no interfaces
    /// are wanted, and none counts as left out.
    pub interfaces: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            series: 500_000,
            interfaces: 64,
        }
    }
}

/// Most shares of one exposition; 64 shares of 500,000 series are a province.
pub const MAX_SHARDS: u32 = 64;

/// Which part of everything is asked for. The default is everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only these parts; empty: all.
    pub parts: Vec<Part>,
    /// Only this area; the daemon's own part is then left out.
    pub area: Option<String>,
    /// Only share `.0` of `.1` of the devices, by a stable hash of the id.
    pub shard: Option<(u32, u32)>,
}

impl Selection {
    /// The share that a text like `3/8` asks for: the fourth of eight. `None`
    /// for anything else.
    pub fn parse_shard(text: &str) -> Option<(u32, u32)> {
        let (share, of) = text.split_once('/')?;
        let (share, of) = (share.parse().ok()?, of.parse().ok()?);
        (share < of && of <= MAX_SHARDS).then_some((share, of))
    }

    /// Whether a part is asked for.
    pub fn has(&self, part: Part) -> bool {
        (self.parts.is_empty() || self.parts.contains(&part)) && (self.area.is_none() || part != Part::Daemon)
    }

    /// Whether an area is asked for.
    fn has_area(&self, area: &str) -> bool {
        self.area.as_ref().is_none_or(|a| a == area)
    }

    /// Whether a device is asked for, by its id.
    fn has_device(&self, id: &str) -> bool {
        self.shard
            .is_none_or(|(share, of)| of > 0 && shard_hash(id) % of == share)
    }
}

/// FNV-1a: the same share for the same id, in every version and on every machine.
fn shard_hash(id: &str) -> u32 {
    id.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

/// The whole exposition as one piece.
pub fn render(snapshot: &Snapshot, extra: &Extra) -> Vec<u8> {
    let mut bytes = Vec::new();
    render_into(snapshot, extra, &Selection::default(), &mut |chunk| {
        bytes.extend_from_slice(chunk);
    });
    bytes
}

/// Renders what is selected, in chunks of about 64 KiB, and says how it came out.
pub fn render_into(
    snapshot: &Snapshot,
    extra: &Extra,
    selection: &Selection,
    sink: &mut dyn FnMut(&[u8]),
) -> Summary {
    let rows = Rows::of(snapshot, extra, selection);
    let mut writer = Writer::new(extra.limits.series, sink);
    if selection.has(Part::Daemon) {
        daemon::write(&mut writer, extra);
    }
    if selection.has(Part::Fleet) {
        fleet::write(&mut writer, &rows, extra);
        link::write(&mut writer, &rows, extra);
    }
    if selection.has(Part::Devices) {
        device::write(&mut writer, &rows, extra);
        reading::write(&mut writer, &rows);
    }
    if selection.has(Part::Interfaces) {
        interface::write(&mut writer, &rows, extra);
    }
    writer.finish()
}
