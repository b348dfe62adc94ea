//! `/api/v1/status`: what is wrong now, in one object; `tramgac status` reads it.

use std::sync::Arc;

use axum::Json;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::Serialize;

use super::body::Target;
use super::body::Time;
use super::figure::Area;
use super::figure::Sum;
use super::record::RecordBody;
use crate::i18n::Lang;
use crate::model::Timestamp;
use crate::monitor::Snapshot;
use crate::web::Settings;
use crate::web::page::Visit;
use crate::web::view::Outage;
use crate::web::view::Overview;
use crate::web::view::View;
use crate::web::view::outages;

/// What is wrong now.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// Whose equipment it is.
    pub organization: String,
    /// When the monitor's view was published.
    pub at: Time,
    /// The view is older than it should be.
    pub stale: bool,
    /// When the monitor's own uplink failed; absent: it can look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blind_since: Option<Time>,
    /// How the record is; absent: nobody says, since no daemon runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<RecordBody>,
    /// What is out by itself, with what follows from it.
    pub outages: Vec<OutageBody>,
    /// What works, badly.
    pub degraded: Vec<Target>,
    /// What answers otherwise but can't be read over SNMP.
    #[serde(default)]
    pub unread: Vec<Unread>,
    /// Places.
    pub sites: Sum,
    /// Connections of sites.
    pub links: Sum,
    /// Devices that are always on.
    pub equipment: Sum,
    /// Wi-Fi points.
    pub wifi: Sum,
    /// Services.
    pub services: Sum,
    /// Computers in use.
    pub computers: u64,
    /// Computers that gave a sign of life lately.
    pub computers_seen: u64,
    /// Devices left out of ratios.
    pub exempt: u64,
    /// Of these, machines under secrecy rules, which are not listed anywhere.
    pub hidden: u64,
    /// Areas, worst first.
    pub areas: Vec<Area>,
}

/// A device that answers otherwise but can't be read over SNMP.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Unread {
    /// Its key.
    pub key: String,
    /// Its display name.
    pub name: String,
    /// Why, in the reader's language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// An outage.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct OutageBody {
    /// What is out.
    pub target: Target,
    /// First failed look.
    pub started_at: Time,
    /// So far.
    pub duration_seconds: f64,
    /// The incident's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident: Option<u64>,
    /// Keys of what can't be reached because of it.
    pub consequences: Vec<String>,
}

impl OutageBody {
    fn of(view: &View, outage: &Outage<'_>) -> Self {
        Self {
            target: Target::of(view, outage.target, outage.item),
            started_at: outage.started_at().into(),
            duration_seconds: view.now.since(outage.started_at()).as_secs_f64(),
            incident: outage.incident.map(|i| i.id.0),
            consequences: outage
                .consequences
                .iter()
                .map(|(t, _)| t.key.to_string())
                .collect(),
        }
    }
}

impl OutageBody {
    /// When it began.
    pub fn started(&self) -> Timestamp {
        self.started_at.moment()
    }
}

impl Status {
    /// The status that a snapshot tells at `now`, for a reader without a daemon.
    pub fn of_snapshot(snapshot: Snapshot, settings: Settings, lang: Lang, now: Timestamp) -> Self {
        Self::of(&View::new(Arc::new(snapshot), Arc::new(settings), lang, now))
    }

    /// Whether people should look: something is out, or we can't tell.
    pub fn is_wrong(&self) -> bool {
        !self.outages.is_empty() || self.blind_since.is_some() || self.is_record_in_trouble()
    }

    fn is_record_in_trouble(&self) -> bool {
        self.record
            .as_ref()
            .is_some_and(|record| record.trouble.is_some())
    }

    /// What people are to know of the record, if anything.
    pub fn record_notices(&self) -> impl Iterator<Item = &str> {
        let record = self.record.iter();
        record.flat_map(|r| {
            let trouble = r.trouble.iter().map(|t| t.text.as_str());
            trouble.chain(r.lost.iter().map(|l| l.text.as_str()))
        })
    }

    /// When the monitor's view was published.
    pub fn published(&self) -> Timestamp {
        self.at.moment()
    }

    /// When the monitor's own uplink failed.
    pub fn blind_since(&self) -> Option<Timestamp> {
        self.blind_since.as_ref().map(Time::moment)
    }

    pub(in crate::web) fn of(view: &View) -> Self {
        let overview = Overview::of(view);
        Self {
            organization: view.settings.organization.clone(),
            at: view.snapshot.at.into(),
            stale: view.is_stale(),
            blind_since: view.snapshot.blind_since.map(Into::into),
            record: None,
            outages: outages(view).iter().map(|o| OutageBody::of(view, o)).collect(),
            degraded: view
                .targets()
                .filter(|(t, item)| t.state == crate::model::State::Degraded && item.is_always_on())
                .map(|(t, item)| Target::of(view, t, item))
                .collect(),
            unread: view
                .unread()
                .map(|(t, item, why)| Unread {
                    key: t.key.to_string(),
                    name: item.name().to_owned(),
                    reason: why.map(|why| view.reason(why)),
                })
                .collect(),
            sites: (&overview.sites).into(),
            links: (&overview.links).into(),
            equipment: (&overview.equipment).into(),
            wifi: (&overview.wifi).into(),
            services: (&overview.services).into(),
            computers: overview.computers.members,
            computers_seen: overview.computers.seen,
            exempt: overview.exempt,
            hidden: u64::try_from(view.hidden()).unwrap_or(u64::MAX),
            areas: overview.areas.iter().map(Into::into).collect(),
        }
    }
}

pub(super) async fn answer(visit: Visit) -> Json<Status> {
    let mut status = Status::of(&visit.view);
    status.record = Some(RecordBody::of(&visit.record, &visit.view.locale, visit.view.now));
    Json(status)
}
