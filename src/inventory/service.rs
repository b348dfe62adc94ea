//! Things that people use: the portal, document management, mail.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Exemption, Origin};
use crate::model::{DeviceId, ServiceId, SiteId, Span};

/// A service: its state is what its check says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// Permanent id.
    pub id: ServiceId,
    /// Display name.
    pub name: String,
    /// Where it runs, if that is ours.
    pub site: Option<SiteId>,
    /// Devices that it depends on: up while any of them is.
    pub parents: Vec<DeviceId>,
    /// How it is checked.
    pub check: Check,
    /// Time between two checks; `None`: the default for services.
    pub interval: Option<Span>,
    /// How long a check may take; `None`: the default.
    pub timeout: Option<Span>,
    /// Answer time above which it counts as degraded.
    pub slow_threshold: Option<Span>,
    /// Day on which it was put into service.
    pub in_service_from: Option<Date>,
    /// Left out of ratios.
    pub exemption: Option<Exemption>,
    /// Free labels.
    pub labels: BTreeMap<String, String>,
    /// Where it comes from.
    pub origin: Origin,
}

/// How a service is checked: the name of a probe kind and its own options.
///
/// The options stay unread here: the probe kind owns them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Probe kind (`http`, `tcp`, …).
    pub kind: String,
    /// The kind's options, as JSON.
    pub options: serde_json::Value,
}
