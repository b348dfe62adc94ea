//! The objects of the API. Keys are stable; what is not known is absent.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use crate::i18n::Text;
use crate::inventory;
use crate::model::Ratio;
use crate::model::Reason;
use crate::model::SiteId;
use crate::model::Timestamp;
use crate::monitor::snapshot::BlindSpan;
use crate::monitor::snapshot::IncidentView;
use crate::monitor::snapshot::TargetView;
use crate::web::view::Item;
use crate::web::view::View;

/// A moment as RFC 3339 in UTC, to the millisecond.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("format" = "date-time"))]
pub struct Time(String);

impl Time {
    /// The moment; the epoch for a text that is none.
    pub fn moment(&self) -> Timestamp {
        self.parse().unwrap_or(Timestamp::EPOCH)
    }

    /// The moment; `None` for a text that is none.
    pub fn parse(&self) -> Option<Timestamp> {
        let at = self.0.parse::<jiff::Timestamp>().ok()?;
        Some(Timestamp(at.as_microsecond()))
    }
}

impl From<Timestamp> for Time {
    fn from(at: Timestamp) -> Self {
        let at = jiff::Timestamp::from_microsecond(at.as_micros()).unwrap_or_default();
        Self(format!("{at:.3}"))
    }
}

/// Anything with a state.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub struct Target {
    /// Kind and id, such as `link/kenh-van-mieu`.
    pub key: String,
    /// `device`, `link` or `service`.
    pub kind: String,
    /// Its id within the kind.
    pub id: String,
    /// Display name.
    pub name: String,
    /// Class of equipment, for devices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// The area of the site today; `none` where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub area: Option<String>,
    /// `up`, `degraded`, `down`, `unreachable` or `unknown`.
    pub state: String,
    /// The state in the reader's language.
    pub state_text: String,
    /// Why, in the reader's language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when.
    pub since: Time,
    /// Silence is an outage. Computers may be switched off.
    pub always_on: bool,
    /// A failed look waits for its confirmation.
    pub suspect: bool,
    /// A maintenance window covers it.
    pub maintenance: bool,
    /// A silence covers it.
    #[serde(default)]
    pub silenced: bool,
    /// Its open incident is acknowledged.
    pub acknowledged: bool,
    /// It changes its state too often.
    pub flapping: bool,
    /// The key of the target whose outage caused its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// The last answer of any protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_reply_at: Option<Time>,
    /// The end of the last look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_look_at: Option<Time>,
    /// Median round trip time of the last burst, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtt_median_seconds: Option<f64>,
    /// Loss of the last burst, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss_ratio: Option<f64>,
    /// How long the last check took, seconds; for services.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<f64>,
}

impl Target {
    pub(in crate::web) fn of(view: &View, t: &TargetView, item: Item<'_>) -> Self {
        let class = match item {
            Item::Device(d) => Some(d.class.to_string()),
            Item::Link(_) | Item::Service(_) => None,
        };
        let echo = t.echo.as_ref();
        Self {
            key: t.key.to_string(),
            kind: t.key.kind.to_string(),
            id: t.key.slug.to_string(),
            name: item.name().to_owned(),
            class,
            site: item.site().map(ToString::to_string),
            area: item.site().map(|s| view.area_of(s).to_owned()),
            state: t.state.to_string(),
            state_text: view.state_word(t, item).to_owned(),
            reason: t.reason.as_ref().map(|r| view.reason(r)),
            since: t.since.into(),
            always_on: item.is_always_on(),
            suspect: t.suspect,
            maintenance: t.maintenance,
            silenced: t.silenced,
            acknowledged: t.acknowledged,
            flapping: t.flapping,
            root: view.root_key(t.root),
            last_reply_at: t.last_reply_at.map(Into::into),
            last_look_at: t.last_look_at.map(Into::into),
            rtt_median_seconds: echo.and_then(|e| e.rtt).map(|r| r.median.as_secs_f64()),
            loss_ratio: echo.and_then(crate::model::EchoStats::loss).map(Ratio::get),
            duration_seconds: t.service.as_ref().map(|s| s.duration.as_secs_f64()),
        }
    }
}

/// An item of equipment.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Device {
    id: String,
    name: String,
    class: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    site: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    area: Option<String>,
    /// Addresses, the polled one first.
    addresses: Vec<String>,
    /// Hardware addresses.
    macs: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vendor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asset_tag: Option<String>,
    /// `planned`, `in_stock`, `in_use` …
    lifecycle: String,
    /// `polled`, `passive` or `manual`.
    mode: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    /// Day of purchase.
    #[serde(skip_serializing_if = "Option::is_none")]
    purchased_on: Option<String>,
    /// Day on which it was put into service.
    #[serde(skip_serializing_if = "Option::is_none")]
    in_service_from: Option<String>,
    /// Last day of the warranty.
    #[serde(skip_serializing_if = "Option::is_none")]
    warranty_end: Option<String>,
    /// Price in đồng.
    #[serde(skip_serializing_if = "Option::is_none")]
    price_vnd: Option<u64>,
    /// Why it is left out of ratios today.
    #[serde(skip_serializing_if = "Option::is_none")]
    exempt: Option<String>,
    labels: BTreeMap<String, String>,
    /// Its state; absent where nobody looks.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Target>,
}

impl Device {
    pub(super) fn of(view: &View, d: &inventory::Device) -> Self {
        let status = view
            .snapshot
            .by_key(&d.id.clone().into())
            .map(|t| Target::of(view, t, Item::Device(d)));
        Self {
            id: d.id.to_string(),
            name: d.name.clone(),
            class: d.class.to_string(),
            site: d.site.as_ref().map(ToString::to_string),
            area: d.site.as_ref().map(|s| view.area_of(s).to_owned()),
            addresses: d.addresses.iter().map(|a| a.host.to_string()).collect(),
            macs: d.macs.iter().map(ToString::to_string).collect(),
            vendor: d.vendor.clone(),
            model: d.model.clone(),
            serial: d.serial.clone(),
            asset_tag: d.asset_tag.clone(),
            lifecycle: d.lifecycle.as_str().to_owned(),
            mode: d.mode.as_str().to_owned(),
            condition: d.condition.map(|c| c.as_str().to_owned()),
            owner: d.owner.clone(),
            purchased_on: d.purchased_on.map(|d| d.to_string()),
            in_service_from: d.in_service_from.map(|d| d.to_string()),
            warranty_end: d.warranty_end.map(|d| d.to_string()),
            price_vnd: d.price_vnd,
            exempt: d
                .exemption
                .as_ref()
                .filter(|e| e.holds_on(view.today))
                .map(|e| e.reason.clone()),
            labels: d.labels.clone(),
            status,
        }
    }
}

/// The connection of a site to the network.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Link {
    id: String,
    name: String,
    site: String,
    area: String,
    role: String,
    medium: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    circuit: Option<String>,
    /// Contracted download bandwidth, bits per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    contracted_receive_bps: Option<u64>,
    /// Contracted upload bandwidth, bits per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    contracted_transmit_bps: Option<u64>,
    /// Availability that the provider owes, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    sla_ratio: Option<f64>,
    /// The router that it ends on.
    #[serde(skip_serializing_if = "Option::is_none")]
    router: Option<String>,
    labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Target>,
}

impl Link {
    pub(super) fn of(view: &View, l: &inventory::Link) -> Self {
        let hidden = |id: &crate::model::DeviceId| view.item(&id.clone().into()).is_none();
        Self {
            id: l.id.to_string(),
            name: l.name.clone(),
            site: l.site.to_string(),
            area: view.area_of(&l.site).to_owned(),
            role: l.role.clone(),
            medium: l.medium.as_str().to_owned(),
            provider: l.provider.clone(),
            circuit: l.circuit.clone(),
            contracted_receive_bps: l.contracted_receive_bps,
            contracted_transmit_bps: l.contracted_transmit_bps,
            sla_ratio: l.sla.map(Ratio::get),
            router: l.router.as_ref().filter(|r| !hidden(r)).map(ToString::to_string),
            labels: l.labels.clone(),
            status: view
                .snapshot
                .by_key(&l.id.clone().into())
                .map(|t| Target::of(view, t, Item::Link(l))),
        }
    }
}

/// Something that people use.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Service {
    id: String,
    name: String,
    /// How it is checked: `http`, `tcp` …
    check: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    site: Option<String>,
    labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Target>,
}

impl Service {
    pub(super) fn of(view: &View, s: &inventory::Service) -> Self {
        Self {
            id: s.id.to_string(),
            name: s.name.clone(),
            check: s.check.kind.clone(),
            site: s.site.as_ref().map(ToString::to_string),
            labels: s.labels.clone(),
            status: view
                .snapshot
                .by_key(&s.id.clone().into())
                .map(|t| Target::of(view, t, Item::Service(s))),
        }
    }
}

/// A place.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Site {
    id: String,
    name: String,
    /// `office`, `commune_hall`, `school` …
    kind: String,
    area: String,
    /// The site that it lies in.
    #[serde(skip_serializing_if = "Option::is_none")]
    within: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// Degrees, WGS 84.
    #[serde(skip_serializing_if = "Option::is_none")]
    latitude: Option<f64>,
    /// Degrees, WGS 84.
    #[serde(skip_serializing_if = "Option::is_none")]
    longitude: Option<f64>,
    /// Cadres and civil servants.
    #[serde(skip_serializing_if = "Option::is_none")]
    staff: Option<u32>,
    /// Derived by the site's policy; absent where nothing stands for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    labels: BTreeMap<String, String>,
}

impl Site {
    pub(super) fn of(
        view: &View,
        s: &inventory::Site,
        states: &BTreeMap<SiteId, crate::model::State>,
    ) -> Self {
        Self {
            id: s.id.to_string(),
            name: s.name.clone(),
            kind: s.kind.as_str().to_owned(),
            area: view.area_of(&s.id).to_owned(),
            within: s.within.as_ref().map(ToString::to_string),
            address: s.address.clone(),
            latitude: s.coordinates.map(|c| c.0),
            longitude: s.coordinates.map(|c| c.1),
            staff: s.head_count_on(view.today).map(|h| h.staff),
            state: states.get(&s.id).map(ToString::to_string),
            labels: s.labels.clone(),
        }
    }
}

/// An outage.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(in crate::web) struct Incident {
    /// Its number, by which it is acknowledged; absent where `target` is `monitor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) id: Option<u64>,
    /// The target's key; `monitor`: the monitor itself was cut off.
    pub(in crate::web) target: String,
    /// The target's name.
    pub(in crate::web) name: String,
    /// First failed look.
    pub(in crate::web) started_at: Time,
    /// First good look; absent while it lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) ended_at: Option<Time>,
    /// So far, or to its end.
    pub(in crate::web) duration_seconds: f64,
    /// Why, in the reader's language.
    pub(in crate::web) reason: String,
    /// The key of the target whose outage caused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) root: Option<String>,
    /// Who has taken note.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) acknowledged_by: Option<String>,
    /// What they said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) comment: Option<String>,
    /// What a person classified it as afterwards: `planned`, `power`,
    /// `provider`, `exempt` or `other`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) class: Option<String>,
}

impl Incident {
    pub(in crate::web) fn of(view: &View, i: &IncidentView, t: &TargetView, item: Item<'_>) -> Self {
        let end = i.ended_at.unwrap_or(view.now);
        let (author, comment) = i.acknowledged.clone().unzip();
        Self {
            id: Some(i.id.0),
            target: t.key.to_string(),
            name: item.name().to_owned(),
            started_at: i.started_at.into(),
            ended_at: i.ended_at.map(Into::into),
            duration_seconds: end.since(i.started_at).as_secs_f64(),
            reason: view.reason(&i.reason),
            root: view.root_key(i.root),
            acknowledged_by: author,
            comment,
            class: i.class.map(|class| class.as_str().to_owned()),
        }
    }

    /// The monitor itself was cut off.
    pub(in crate::web) fn of_monitor(view: &View, span: BlindSpan) -> Self {
        let end = span.ended_at.unwrap_or(view.now);
        Self {
            id: None,
            target: MONITOR.to_owned(),
            name: Text::FieldMonitor.get(view.lang()).to_owned(),
            started_at: span.started_at.into(),
            ended_at: span.ended_at.map(Into::into),
            duration_seconds: end.since(span.started_at).as_secs_f64(),
            reason: view.reason(&Reason::Blind),
            root: None,
            acknowledged_by: None,
            comment: None,
            class: None,
        }
    }
}

/// The key of the monitor itself in a list of incidents.
pub(in crate::web) const MONITOR: &str = "monitor";

/// An event of the record.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct EventBody {
    /// When it happened.
    pub(in crate::web) at: Time,
    /// When we came to know it.
    pub(in crate::web) recorded_at: Time,
    /// The target's key; absent: the monitor itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) target: Option<String>,
    /// The target's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) name: Option<String>,
    /// What happened: its kind and what belongs to it.
    #[serde(flatten)]
    pub(in crate::web) event: serde_json::Map<String, serde_json::Value>,
}
