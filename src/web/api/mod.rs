//! `/api/v1`: the same view as JSON, from one table of [`RESOURCES`], which the
//! router and the OpenAPI document are both made of.
//!
//! Lists are arrays of objects in the order of the ids, at most `limit` long; a
//! `Link` header with `rel="next"` (RFC 8288) leads to the rest. What is not
//! known is absent. Times are RFC 3339 in UTC.

mod body;
mod changes;
mod figure;
mod lists;
mod openapi;
mod record;
mod status;

use std::collections::BTreeMap;

use axum::Json;
use axum::Router;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::MethodRouter;
use axum::routing::any;
use axum::routing::get;
use schemars::Schema;
use schemars::SchemaGenerator;
use serde::Serialize;

use changes::CHANGES;

pub(super) use body::EventBody;
pub use body::Target;
pub use body::Time;
pub use figure::Area;
pub use figure::Sum;
pub use status::OutageBody;
pub use status::Status;

use super::State;
use super::page::Visit;
use super::people::Maintenance;

/// One thing that can be asked for.
pub(super) struct Resource {
    /// Its path below `/api/v1`.
    path: &'static str,
    /// Its name in the document.
    name: &'static str,
    /// What it is, in a sentence.
    summary: &'static str,
    /// What its query may hold, beside `lang`.
    query: &'static [Parameter],
    /// The schema of its answer.
    schema: fn(&mut SchemaGenerator) -> Schema,
    /// The media type of its answer.
    kind: &'static str,
    /// What answers.
    route: fn() -> MethodRouter<State>,
}

/// One name of a query.
#[derive(Clone, Copy)]
pub(super) struct Parameter {
    name: &'static str,
    about: &'static str,
}

const fn parameter(name: &'static str, about: &'static str) -> Parameter {
    Parameter { name, about }
}

const JSON: &str = "application/json";
/// Entries of a list when nobody says how many.
const DEFAULT_LIMIT: usize = 1_000;
/// Most entries of a list: about 5 MB.
const MAX_LIMIT: usize = 10_000;

const LIMIT: Parameter = parameter("limit", "At most so many entries: 1 to 10000, 1000 unless told.");
const AFTER: Parameter = parameter("after", "Only what comes after this id.");
const STATE: Parameter = parameter("state", "Only in one of these states, with commas between.");
const KIND: Parameter = parameter("kind", "Only of this kind: device, link or service.");
const CLASS: Parameter = parameter("class", "Only of this class of equipment.");
const SITE: Parameter = parameter("site", "Only at this site.");
const AREA: Parameter = parameter("area", "Only in this area.");
const SEARCH: Parameter = parameter("q", "Only where every word is found; diacritics don't matter.");
const OPEN: Parameter = parameter("open", "true: only what lasts; false: only what has ended.");
const FROM: Parameter = parameter("from", "Only what lasted at or after this moment (RFC 3339).");
const TO: Parameter = parameter("to", "Only what began before this moment (RFC 3339).");
const OF: Parameter = parameter("target", "Only of this target, such as link/kenh-van-mieu.");

/// Everything, sorted by path.
pub(super) static RESOURCES: &[Resource] = &[
    Resource {
        path: "/areas",
        name: "areas",
        summary: "Areas, worst first, with their sums.",
        query: &[],
        schema: SchemaGenerator::subschema_for::<Vec<Area>>,
        kind: JSON,
        route: || get(lists::areas),
    },
    Resource {
        path: "/devices",
        name: "devices",
        summary: "Equipment with its state; machines under secrecy rules are not in it.",
        query: &[CLASS, SITE, AREA, STATE, SEARCH, LIMIT, AFTER],
        schema: SchemaGenerator::subschema_for::<Vec<body::Device>>,
        kind: JSON,
        route: || get(lists::devices),
    },
    Resource {
        path: "/events",
        name: "events",
        summary: "Events as they are committed, as server-sent events; their data is this schema.",
        query: &[],
        schema: SchemaGenerator::subschema_for::<EventBody>,
        kind: "text/event-stream",
        route: || get(super::events::stream),
    },
    Resource {
        path: "/incidents",
        name: "incidents",
        summary: "Outages, and times for which the monitor itself was cut off (`target` is `monitor`), newest first. Without a time: the newest thousand at most.",
        query: &[OPEN, OF, FROM, TO, LIMIT],
        schema: SchemaGenerator::subschema_for::<Vec<body::Incident>>,
        kind: JSON,
        route: || get(lists::incidents),
    },
    Resource {
        path: "/indicators",
        name: "indicators",
        summary: "Ratios as they were last worked out.",
        query: &[],
        schema: SchemaGenerator::subschema_for::<Vec<figure::Indicator>>,
        kind: JSON,
        route: || get(lists::indicators),
    },
    Resource {
        path: "/links",
        name: "links",
        summary: "Connections of sites to the network, with their state.",
        query: &[SITE, AREA, STATE, LIMIT, AFTER],
        schema: SchemaGenerator::subschema_for::<Vec<body::Link>>,
        kind: JSON,
        route: || get(lists::links),
    },
    Resource {
        path: "/maintenance",
        name: "maintenance",
        summary: "Maintenance windows: those of the configuration, then those set by hand.",
        query: &[],
        schema: SchemaGenerator::subschema_for::<Vec<Maintenance>>,
        kind: JSON,
        route: || get(changes::maintenance),
    },
    Resource {
        path: "/openapi.json",
        name: "openapi",
        summary: "This document.",
        query: &[],
        schema: SchemaGenerator::subschema_for::<serde_json::Value>,
        kind: JSON,
        route: || get(openapi::answer),
    },
    Resource {
        path: "/services",
        name: "services",
        summary: "Things that people use, with their state.",
        query: &[SITE, AREA, STATE, LIMIT, AFTER],
        schema: SchemaGenerator::subschema_for::<Vec<body::Service>>,
        kind: JSON,
        route: || get(lists::services),
    },
    Resource {
        path: "/silences",
        name: "silences",
        summary: "Silences, oldest first.",
        query: &[],
        schema: SchemaGenerator::subschema_for::<Vec<Maintenance>>,
        kind: JSON,
        route: || get(changes::silences),
    },
    Resource {
        path: "/sites",
        name: "sites",
        summary: "Places with their area and derived state.",
        query: &[AREA, LIMIT, AFTER],
        schema: SchemaGenerator::subschema_for::<Vec<body::Site>>,
        kind: JSON,
        route: || get(lists::sites),
    },
    Resource {
        path: "/status",
        name: "status",
        summary: "What is wrong now: outages with what follows from each, and the sums.",
        query: &[],
        schema: SchemaGenerator::subschema_for::<Status>,
        kind: JSON,
        route: || get(status::answer),
    },
    Resource {
        path: "/targets",
        name: "targets",
        summary: "Everything that has a state.",
        query: &[KIND, CLASS, SITE, AREA, STATE, LIMIT, AFTER],
        schema: SchemaGenerator::subschema_for::<Vec<Target>>,
        kind: JSON,
        route: || get(lists::targets),
    },
];

/// Where all of it is.
const BASE: &str = "/api/v1";

/// The routes below [`BASE`], by their whole paths: links in answers are made of them.
pub(super) fn router() -> Router<State> {
    let missing = async || Problem::new(StatusCode::NOT_FOUND, "there is no such resource");
    let fixed = async || Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this resource can't be used so");
    let mut paths: BTreeMap<&str, MethodRouter<State>> = BTreeMap::new();
    let reads = RESOURCES.iter().map(|r| (r.path, r.route));
    for (path, route) in reads.chain(CHANGES.iter().map(|c| (c.path, c.route))) {
        let methods = paths.remove(path).unwrap_or_default();
        paths.insert(path, methods.merge(route()));
    }
    paths
        .into_iter()
        .fold(Router::new(), |router, (path, methods)| {
            router.route(&format!("{BASE}{path}"), methods.fallback(fixed))
        })
        .route(&format!("{BASE}/{{*rest}}"), any(missing))
}

/// What went wrong, as RFC 9457 has it.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(super) struct Problem {
    /// The HTTP status.
    status: u16,
    /// What is wrong, for a person.
    title: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, title: impl Into<String>) -> Self {
        Self {
            status: status.as_u16(),
            title: title.into(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let kind = HeaderValue::from_static("application/problem+json");
        (status, [(header::CONTENT_TYPE, kind)], Json(self)).into_response()
    }
}

/// Answers with a list and, where it was cut, with the way to the rest.
fn list<T: Serialize>(visit: &Visit, page: &Page<T>) -> Response {
    let mut response = Json(&page.entries).into_response();
    if let Some(after) = &page.next {
        let next = visit.here_with(&[("after", after)]);
        if let Ok(value) = HeaderValue::from_str(&format!("<{next}>; rel=\"next\"")) {
            response.headers_mut().insert(header::LINK, value);
        }
    }
    response
}

/// A part of a list.
struct Page<T> {
    entries: Vec<T>,
    /// The id after which the rest begins.
    next: Option<String>,
}

/// How many, and after which id.
struct Window {
    limit: usize,
    after: Option<String>,
}

impl Window {
    fn of(visit: &Visit) -> Result<Self, Problem> {
        let limit = match visit.asks("limit") {
            None => DEFAULT_LIMIT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|n| (1..=MAX_LIMIT).contains(n))
                .ok_or_else(|| {
                    Problem::new(
                        StatusCode::BAD_REQUEST,
                        format!("limit is a number from 1 to {MAX_LIMIT}"),
                    )
                })?,
        };
        Ok(Self {
            limit,
            after: visit.asks("after").map(str::to_owned),
        })
    }

    /// Cuts a list in the order of its ids.
    fn cut<S, T>(
        &self,
        entries: impl Iterator<Item = S>,
        id: impl Fn(&S) -> String,
        make: impl Fn(S) -> T,
    ) -> Page<T> {
        let mut last = None;
        let mut more = false;
        let mut out = Vec::new();
        for entry in entries {
            let here = id(&entry);
            if self.after.as_ref().is_some_and(|after| here <= *after) {
                continue;
            }
            if out.len() == self.limit {
                more = true;
                break;
            }
            last = Some(here);
            out.push(make(entry));
        }
        Page {
            entries: out,
            next: last.filter(|_| more),
        }
    }
}
