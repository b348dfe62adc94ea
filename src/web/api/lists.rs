//! The lists of the API.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;

use super::Problem;
use super::Window;
use super::body;
use super::figure;
use super::list;
use crate::i18n::collate;
use crate::inventory::Class;
use crate::model::SiteId;
use crate::model::State;
use crate::model::TargetKind;
use crate::model::Timestamp;
use crate::monitor::fleet;
use crate::monitor::incident::IncidentClass;
use crate::monitor::snapshot::BlindSpan;
use crate::monitor::snapshot::IncidentView;
use crate::monitor::snapshot::TargetView;
use crate::store::IncidentFilter;
use crate::store::Order;
use crate::web::State as WebState;
use crate::web::page::Visit;
use crate::web::view::Item;
use crate::web::view::Overview;
use crate::web::view::View;

/// Outages that one question reads of the record.
const MAX_ROWS: u32 = 20_000;

/// What a query asks of entries.
struct Filter<'a> {
    states: Option<Vec<State>>,
    kind: Option<TargetKind>,
    class: Option<Class>,
    site: Option<&'a str>,
    area: Option<&'a str>,
    areas: BTreeMap<&'a SiteId, &'a str>,
}

impl<'a> Filter<'a> {
    fn of(visit: &'a Visit) -> Result<Self, Problem> {
        let bad = |title: String| Problem::new(StatusCode::BAD_REQUEST, title);
        let states = visit
            .asks("state")
            .map(|text| {
                text.split(',')
                    .map(|word| {
                        State::ALL
                            .into_iter()
                            .find(|s| s.as_str() == word.trim())
                            .ok_or_else(|| bad(format!("{word:?} is no state")))
                    })
                    .collect::<Result<Vec<State>, Problem>>()
            })
            .transpose()?;
        let kind = visit
            .asks("kind")
            .map(|word| {
                TargetKind::ALL
                    .into_iter()
                    .find(|k| k.as_str() == word)
                    .ok_or_else(|| bad(format!("{word:?} is no kind of target")))
            })
            .transpose()?;
        let class = visit
            .asks("class")
            .map(|word| word.parse::<Class>().map_err(|e| bad(e.to_string())))
            .transpose()?;
        let area = visit.asks("area");
        Ok(Self {
            states,
            kind,
            class,
            site: visit.asks("site"),
            area,
            // Looked up once for all sites, and only where it is asked for.
            areas: if area.is_some() {
                visit.view.areas()
            } else {
                BTreeMap::new()
            },
        })
    }

    fn place(&self, site: Option<&SiteId>) -> bool {
        self.site
            .is_none_or(|asked| site.is_some_and(|s| s.as_str() == asked))
            && self
                .area
                .is_none_or(|asked| site.and_then(|s| self.areas.get(s)).copied() == Some(asked))
    }

    fn state(&self, target: Option<&TargetView>) -> bool {
        self.states
            .as_ref()
            .is_none_or(|states| target.is_some_and(|t| states.contains(&t.state)))
    }

    fn class(&self, item: Item<'_>) -> bool {
        self.class
            .is_none_or(|asked| matches!(item, Item::Device(d) if d.class == asked))
    }
}

fn target<'a>(view: &'a View, item: Item<'_>) -> Option<&'a TargetView> {
    view.snapshot.by_key(&item.key())
}

pub(super) async fn targets(visit: Visit) -> Result<Response, Problem> {
    let (window, filter, view) = (Window::of(&visit)?, Filter::of(&visit)?, &visit.view);
    // In the order of kinds and ids, so that `after` means the same tomorrow.
    let inventory = view.inventory();
    let items = inventory
        .devices
        .values()
        .map(Item::Device)
        .chain(inventory.links.values().map(Item::Link))
        .chain(inventory.services.values().map(Item::Service))
        .filter(|item| !item.is_hidden() && filter.kind.is_none_or(|k| k == item.key().kind))
        .filter(|item| filter.class(*item) && filter.place(item.site()))
        .filter_map(|item| Some((target(view, item)?, item)))
        .filter(|(t, _)| filter.state(Some(t)));
    let page = window.cut(
        items,
        |(t, _)| t.key.to_string(),
        |(t, item)| body::Target::of(view, t, item),
    );
    Ok(list(&visit, &page))
}

pub(super) async fn devices(visit: Visit) -> Result<Response, Problem> {
    let (window, filter, view) = (Window::of(&visit)?, Filter::of(&visit)?, &visit.view);
    let query = visit.asks("q").unwrap_or_default();
    let devices = view
        .inventory()
        .devices
        .values()
        .filter(|d| !d.is_hidden() && filter.class(Item::Device(d)) && filter.place(d.site.as_ref()))
        .filter(|d| filter.state(target(view, Item::Device(d))))
        .filter(|d| query.is_empty() || collate::matches(&format!("{} {}", d.name, d.id), query));
    let page = window.cut(devices, |d| d.id.to_string(), |d| body::Device::of(view, d));
    Ok(list(&visit, &page))
}

pub(super) async fn links(visit: Visit) -> Result<Response, Problem> {
    let (window, filter, view) = (Window::of(&visit)?, Filter::of(&visit)?, &visit.view);
    let links = view
        .inventory()
        .links
        .values()
        .filter(|l| filter.place(Some(&l.site)) && filter.state(target(view, Item::Link(l))));
    let page = window.cut(links, |l| l.id.to_string(), |l| body::Link::of(view, l));
    Ok(list(&visit, &page))
}

pub(super) async fn services(visit: Visit) -> Result<Response, Problem> {
    let (window, filter, view) = (Window::of(&visit)?, Filter::of(&visit)?, &visit.view);
    let services = view
        .inventory()
        .services
        .values()
        .filter(|s| filter.place(s.site.as_ref()) && filter.state(target(view, Item::Service(s))));
    let page = window.cut(services, |s| s.id.to_string(), |s| body::Service::of(view, s));
    Ok(list(&visit, &page))
}

pub(super) async fn sites(visit: Visit) -> Result<Response, Problem> {
    let (window, filter, view) = (Window::of(&visit)?, Filter::of(&visit)?, &visit.view);
    let states = fleet::site_states(&view.snapshot);
    let sites = view
        .inventory()
        .sites
        .values()
        .filter(|s| filter.place(Some(&s.id)));
    let page = window.cut(sites, |s| s.id.to_string(), |s| body::Site::of(view, s, &states));
    Ok(list(&visit, &page))
}

pub(super) async fn areas(visit: Visit) -> Response {
    let overview = Overview::of(&visit.view);
    let areas: Vec<figure::Area> = overview.areas.iter().map(Into::into).collect();
    Json(areas).into_response()
}

pub(super) async fn indicators(visit: Visit) -> Response {
    let lang = visit.view.lang();
    let figures: Vec<figure::Indicator> = visit
        .figures
        .iter()
        .map(|f| figure::Indicator::of(f, lang))
        .collect();
    Json(figures).into_response()
}

pub(super) async fn incidents(Shared(state): Shared<WebState>, visit: Visit) -> Result<Response, Problem> {
    let (window, view) = (Window::of(&visit)?, &visit.view);
    let open = match visit.asks("open") {
        None => None,
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(_) => return Err(Problem::new(StatusCode::BAD_REQUEST, "open is true or false")),
    };
    let (from, to) = (moment(&visit, "from")?, moment(&visit, "to")?);
    let of = visit.asks("target");
    let wanted = |key: &str, started_at: Timestamp, ended_at: Option<Timestamp>| {
        open.is_none_or(|open| open == ended_at.is_none())
            && of.is_none_or(|of| key == of)
            && from.is_none_or(|from| ended_at.is_none_or(|end| end >= from))
            && to.is_none_or(|to| started_at < to)
    };
    let bodies = |incidents: &[IncidentView], blind: &[BlindSpan]| -> Vec<body::Incident> {
        let outages = incidents.iter().filter_map(|i| {
            let target = view.snapshot.target(i.target)?;
            let item = view.item(&target.key)?;
            let fits = wanted(&target.key.to_string(), i.started_at, i.ended_at);
            fits.then(|| (i.started_at, body::Incident::of(view, i, target, item)))
        });
        let cut_off = blind
            .iter()
            .filter(|span| wanted(body::MONITOR, span.started_at, span.ended_at))
            .map(|span| (span.started_at, body::Incident::of_monitor(view, *span)));
        let mut found: Vec<(Timestamp, body::Incident)> = outages.chain(cut_off).collect();
        found.sort_by_key(|(started_at, _)| std::cmp::Reverse(*started_at));
        found
            .into_iter()
            .map(|(_, body)| body)
            .take(window.limit)
            .collect()
    };
    let record = state.record.as_ref().filter(|_| from.is_some() || to.is_some());
    let Some(record) = record else {
        return Ok(Json(bodies(&view.snapshot.incidents, &view.snapshot.blind_spans)).into_response());
    };
    let filter = IncidentFilter {
        from,
        to,
        open: open == Some(true),
        limit: Some(MAX_ROWS),
        order: Order::NewestFirst,
        ..IncidentFilter::default()
    };
    let (rows, blind) = record
        .read(move |reader| {
            Ok((
                reader.incidents(&filter)?,
                reader.blind_spans(from, to, BlindSpan::KEPT)?,
            ))
        })
        .await
        .map_err(|error| {
            tracing::error!(%error, "the record can't be read");
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "the record can't be read at present",
            )
        })?;
    let incidents: Vec<IncidentView> = rows
        .into_iter()
        .map(|row| IncidentView {
            id: row.id,
            target: row.target,
            root: row.root,
            started_at: row.started_at,
            ended_at: row.ended_at,
            reason: row.reason,
            acknowledged: row.ack.map(|ack| (ack.author, ack.comment)),
            class: row.class.as_deref().and_then(IncidentClass::from_word),
        })
        .collect();
    Ok(Json(bodies(&incidents, &blind)).into_response())
}

/// A moment of the query.
fn moment(visit: &Visit, name: &str) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = visit.asks(name) else {
        return Ok(None);
    };
    text.parse::<jiff::Timestamp>()
        .map(|at| Some(Timestamp(at.as_microsecond())))
        .map_err(|_unreadable| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                format!("{name} is a moment such as 2026-11-24T02:30:00Z"),
            )
        })
}
