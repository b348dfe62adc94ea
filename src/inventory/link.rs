//! The connection of a site to the network.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Exemption, Host, Origin, PingOptions};
use crate::model::{DeviceId, LinkId, Ratio, SiteId, Span};

/// A link: up while any of its far-end addresses answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// Permanent id.
    pub id: LinkId,
    /// Display name.
    pub name: String,
    /// The site that it connects.
    pub site: SiteId,
    /// `primary`, `backup`, or a word of the user's.
    pub role: String,
    /// Provider.
    pub provider: Option<String>,
    /// Number of the contract or circuit.
    pub circuit: Option<String>,
    /// Medium.
    pub medium: Medium,
    /// Contracted download bandwidth, bits per second.
    pub contracted_receive_bps: Option<u64>,
    /// Contracted upload bandwidth, bits per second.
    pub contracted_transmit_bps: Option<u64>,
    /// Availability that the provider owes.
    pub sla: Option<Ratio>,
    /// The router at the site that it ends on.
    pub router: Option<DeviceId>,
    /// The router's interface, by ifName.
    pub interface: Option<String>,
    /// Devices on our side that it depends on: up while any of them is.
    pub via: Vec<DeviceId>,
    /// Addresses at the far end that prove it; empty: the router's address.
    pub far_end: Vec<Host>,
    /// Time between two pings; `None`: the default for links.
    pub interval: Option<Span>,
    /// How long to wait for an echo reply; `None`: the default.
    pub timeout: Option<Span>,
    /// How the echo requests to its far end leave.
    #[serde(default)]
    pub ping: PingOptions,
    /// Echo requests per second that may go through it to all targets of its
    /// site; `None`: the default for links, less where the contract is for less.
    #[serde(default)]
    pub max_rate: Option<u32>,
    /// Loss above which it counts as degraded.
    pub loss_threshold: Option<Ratio>,
    /// Round trip time above which it counts as degraded.
    pub rtt_threshold: Option<Span>,
    /// Day on which it was put into service.
    pub in_service_from: Option<Date>,
    /// Left out of ratios.
    pub exemption: Option<Exemption>,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// Where it comes from.
    pub origin: Origin,
}

/// What a link runs over.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the field's words")]
pub enum Medium {
    #[default]
    Fiber,
    Copper,
    Cable,
    Radio,
    Lte,
    Satellite,
    LeasedLine,
    Other,
}

impl Medium {
    /// All, with their words.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::Fiber, "fiber"),
        (Self::Copper, "copper"),
        (Self::Cable, "cable"),
        (Self::Radio, "radio"),
        (Self::Lte, "lte"),
        (Self::Satellite, "satellite"),
        (Self::LeasedLine, "leased_line"),
        (Self::Other, "other"),
    ];

    /// The word in the configuration and in the database.
    pub fn as_str(self) -> &'static str {
        Self::ALL
            .into_iter()
            .find(|(k, _)| *k == self)
            .map_or("other", |(_, w)| w)
    }
}
