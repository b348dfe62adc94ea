//! `/sd/prometheus`: service discovery for Prometheus (http_sd).
//!
//! Without a query, or with `set=self`, the list names this daemon's own
//! exposition, with `shards=N` in parts that several scrapes share.
//! `set=devices` names the polled devices, for other exporters:
//! `class=` and `area=` choose among them, `module=` becomes `__param_module`.
//! Machines under secrecy rules are in none.

use axum::Json;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use serde::Serialize;
use std::collections::BTreeMap;

use super::api::Problem;
use super::page::Visit;
use crate::inventory::Class;
use crate::inventory::MonitorMode;
use crate::metrics::Part;
use crate::metrics::collect::MAX_SHARDS;

/// One group of addresses, as http_sd has it.
#[derive(Debug, Serialize)]
struct Group {
    targets: Vec<String>,
    labels: BTreeMap<String, String>,
}

/// Answers `/sd/prometheus`.
pub(super) async fn answer(visit: Visit, headers: HeaderMap) -> Result<Response, Problem> {
    let groups = match visit.asks("set") {
        None | Some("self") => own(&visit, &headers),
        Some("devices") => devices(&visit)?,
        Some(other) => {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                format!("{other:?} is no set: use self or devices"),
            ));
        }
    };
    Ok(Json(groups).into_response())
}

fn own(visit: &Visit, headers: &HeaderMap) -> Vec<Group> {
    let host = headers
        .get(header::HOST)
        .and_then(|h| h.to_str().ok())
        .unwrap_or_default();
    if host.is_empty() {
        return Vec::new();
    }
    let organization = &visit.view.settings.organization;
    let group = |path: String, shard: Option<String>| {
        let mut labels = BTreeMap::from([
            ("__metrics_path__".to_owned(), path),
            ("__meta_tramgac_organization".to_owned(), organization.clone()),
        ]);
        labels.extend(shard.map(|s| ("__param_shard".to_owned(), s)));
        Group {
            targets: vec![host.to_owned()],
            labels,
        }
    };
    let shards = visit.asks("shards").and_then(|n| n.parse::<u32>().ok());
    let Some(shards) = shards else {
        return vec![group("/metrics".to_owned(), None)];
    };
    let shards = shards.clamp(1, MAX_SHARDS);
    let mut groups = Vec::new();
    for part in Part::ALL {
        let path = format!("/metrics/{}", part.as_str());
        if matches!(part, Part::Daemon | Part::Fleet) {
            groups.push(group(path, None));
        } else {
            let share = |i| group(path.clone(), Some(format!("{i}/{shards}")));
            groups.extend((0..shards).map(share));
        }
    }
    groups
}

fn devices(visit: &Visit) -> Result<Vec<Group>, Problem> {
    let view = &visit.view;
    let class: Option<Class> = visit.asks("class").map(str::parse).transpose().map_err(
        |e: crate::inventory::class::UnknownClass| Problem::new(StatusCode::BAD_REQUEST, e.to_string()),
    )?;
    let area = visit.asks("area");
    let areas = view.areas();
    let mut groups = Vec::new();
    for d in view.inventory().devices.values() {
        let here = d.site.as_ref().and_then(|s| areas.get(s)).copied();
        if d.mode != MonitorMode::Polled
            || !d.is_member()
            || class.is_some_and(|c| c != d.class)
            || area.is_some_and(|a| here != Some(a))
        {
            continue;
        }
        let Some(host) = d.primary_host() else { continue };
        let mut labels = BTreeMap::from([
            ("__meta_tramgac_device".to_owned(), d.id.to_string()),
            ("__meta_tramgac_device_name".to_owned(), d.name.clone()),
            ("__meta_tramgac_class".to_owned(), d.class.to_string()),
        ]);
        if let Some(site) = &d.site {
            labels.insert("__meta_tramgac_site".to_owned(), site.to_string());
            labels.insert("__meta_tramgac_site_name".to_owned(), view.site_name(site));
        }
        if let Some(area) = here {
            labels.insert("__meta_tramgac_area".to_owned(), area.to_owned());
        }
        if let Some(module) = visit.asks("module") {
            labels.insert("__param_module".to_owned(), module.to_owned());
        }
        groups.push(Group {
            targets: vec![host.to_string()],
            labels,
        });
    }
    Ok(groups)
}
