//! What can be changed through the API, from one table of [`CHANGES`], which the
//! router and the OpenAPI document are both made of.
//!
//! Only over the control socket, whose file's mode says who is an administrator.

use axum::Extension;
use axum::Json;
use axum::extract::FromRequestParts;
use axum::extract::Path;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::MethodRouter;
use axum::routing::delete;
use axum::routing::post;
use hyper::body::Bytes;
use schemars::Schema;
use schemars::SchemaGenerator;
use serde::de::DeserializeOwned;

use super::Problem;
use crate::model::IncidentId;
use crate::monitor::maintain::Effect;
use crate::web::State;
use crate::web::page::Visit;
use crate::web::people::AcknowledgementBody;
use crate::web::people::Answer;
use crate::web::people::AuthorBody;
use crate::web::people::ClassAnswer;
use crate::web::people::ClassBody;
use crate::web::people::Maintenance;
use crate::web::people::MaintenanceBody;
use crate::web::people::Order;
use crate::web::policy::Peer;

/// One thing that can be done.
pub(super) struct Change {
    /// Its path below `/api/v1`.
    pub(super) path: &'static str,
    /// Its method, in lower case as OpenAPI has it.
    pub(super) method: &'static str,
    /// Its name in the document.
    pub(super) name: &'static str,
    /// What it does, in a sentence.
    pub(super) summary: &'static str,
    /// The name of the part of the path in braces.
    pub(super) parameter: Option<&'static str>,
    /// The schema of what is to be sent; `None`: nothing is.
    pub(super) body: Option<fn(&mut SchemaGenerator) -> Schema>,
    /// The schema of its answer; `None`: it has no content.
    pub(super) answer: Option<fn(&mut SchemaGenerator) -> Schema>,
    /// What does it.
    pub(super) route: fn() -> MethodRouter<State>,
}

/// Everything, sorted by path and method.
pub(super) static CHANGES: &[Change] = &[
    Change {
        path: "/incidents/{id}/acknowledgement",
        method: "delete",
        name: "end_acknowledgement",
        summary: "Takes the acknowledgement of an open incident back.",
        parameter: Some("id"),
        body: Some(SchemaGenerator::subschema_for::<AuthorBody>),
        answer: None,
        route: || delete(end_acknowledgement),
    },
    Change {
        path: "/incidents/{id}/acknowledgement",
        method: "post",
        name: "acknowledge",
        summary: "Takes note of an open incident: it is told no more until its end, or until the moment given.",
        parameter: Some("id"),
        body: Some(SchemaGenerator::subschema_for::<AcknowledgementBody>),
        answer: None,
        route: || post(acknowledge),
    },
    Change {
        path: "/incidents/{id}/class",
        method: "post",
        name: "reclassify",
        summary: "Says afterwards what an incident was; what it took along is classified with it.",
        parameter: Some("id"),
        body: Some(SchemaGenerator::subschema_for::<ClassBody>),
        answer: Some(SchemaGenerator::subschema_for::<ClassAnswer>),
        route: || post(reclassify),
    },
    Change {
        path: "/maintenance",
        method: "post",
        name: "add_maintenance",
        summary: "Announces maintenance, once.",
        parameter: None,
        body: Some(SchemaGenerator::subschema_for::<MaintenanceBody>),
        answer: Some(SchemaGenerator::subschema_for::<Maintenance>),
        route: || post(add_maintenance),
    },
    Change {
        path: "/maintenance/{name}",
        method: "delete",
        name: "end_maintenance",
        summary: "Ends a maintenance window that was set by hand.",
        parameter: Some("name"),
        body: Some(SchemaGenerator::subschema_for::<AuthorBody>),
        answer: None,
        route: || delete(end_maintenance),
    },
    Change {
        path: "/silences",
        method: "post",
        name: "add_silence",
        summary: "Silences a selection for a time: outages are not told, and count as ever.",
        parameter: None,
        body: Some(SchemaGenerator::subschema_for::<MaintenanceBody>),
        answer: Some(SchemaGenerator::subschema_for::<Maintenance>),
        route: || post(add_silence),
    },
    Change {
        path: "/silences/{name}",
        method: "delete",
        name: "end_silence",
        summary: "Ends a silence.",
        parameter: Some("name"),
        body: Some(SchemaGenerator::subschema_for::<AuthorBody>),
        answer: None,
        route: || delete(end_silence),
    },
];

/// Proof that the request came over the control socket.
struct Administrator;

impl FromRequestParts<State> for Administrator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &State) -> Result<Self, Problem> {
        match parts.extensions.get::<Peer>() {
            Some(Peer::Socket) => Ok(Self),
            Some(Peer::Tcp(_)) | None => Err(Problem::new(
                StatusCode::FORBIDDEN,
                "only an administrator may change this: use the command on the machine of the daemon",
            )),
        }
    }
}

/// The maintenance windows; reading them is for everybody.
pub(super) async fn maintenance(
    state: Shared<State>,
    peer: Extension<Peer>,
    visit: Visit,
) -> Result<Response, Problem> {
    windows(state, peer, visit, Effect::Maintenance).await
}

/// The silences; reading them is for everybody.
pub(super) async fn silences(
    state: Shared<State>,
    peer: Extension<Peer>,
    visit: Visit,
) -> Result<Response, Problem> {
    windows(state, peer, visit, Effect::Silence).await
}

async fn windows(
    Shared(state): Shared<State>,
    Extension(peer): Extension<Peer>,
    visit: Visit,
    effect: Effect,
) -> Result<Response, Problem> {
    let Answer::Windows(mut windows) = obey(&state, Order::Windows(effect)).await? else {
        return Err(Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the core answered something else",
        ));
    };
    if matches!(peer, Peer::Tcp(_)) {
        // A window may name a machine that viewers must not know of.
        let devices = &visit.view.inventory().devices;
        let is_hidden = |id: &String| devices.values().any(|d| d.is_hidden() && d.id.as_str() == id);
        windows.retain(|window| !window.selector.id.iter().any(is_hidden));
    }
    Ok(Json(windows).into_response())
}

async fn acknowledge(
    _: Administrator,
    Shared(state): Shared<State>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let body: AcknowledgementBody = read(&body)?;
    ask(&state, body.order(incident(&id)?, state.clock.wall())).await
}

async fn end_acknowledgement(
    _: Administrator,
    Shared(state): Shared<State>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let body: AuthorBody = read(&body)?;
    ask(&state, body.end_acknowledgement(incident(&id)?)).await
}

async fn reclassify(
    _: Administrator,
    Shared(state): Shared<State>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let body: ClassBody = read(&body)?;
    ask(&state, body.order(incident(&id)?)).await
}

async fn add_maintenance(
    _: Administrator,
    Shared(state): Shared<State>,
    body: Bytes,
) -> Result<Response, Problem> {
    let body: MaintenanceBody = read(&body)?;
    ask(&state, body.order(Effect::Maintenance, state.clock.wall())).await
}

async fn end_maintenance(
    _: Administrator,
    Shared(state): Shared<State>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let body: AuthorBody = read(&body)?;
    ask(&state, body.end_window(name, Effect::Maintenance)).await
}

async fn add_silence(
    _: Administrator,
    Shared(state): Shared<State>,
    body: Bytes,
) -> Result<Response, Problem> {
    let body: MaintenanceBody = read(&body)?;
    ask(&state, body.order(Effect::Silence, state.clock.wall())).await
}

async fn end_silence(
    _: Administrator,
    Shared(state): Shared<State>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let body: AuthorBody = read(&body)?;
    ask(&state, body.end_window(name, Effect::Silence)).await
}

/// Hands an order to the core and tells its answer.
async fn ask(state: &State, order: Result<Order, String>) -> Result<Response, Problem> {
    let answer = obey(state, order.map_err(bad)?).await?;
    let fault = |error: serde_json::Error| {
        tracing::error!(%error, "an answer can't be written");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the answer can't be written")
    };
    let status = match answer {
        Answer::Window(_) => StatusCode::CREATED,
        Answer::Done | Answer::Classified(_) | Answer::Windows(_) => StatusCode::OK,
    };
    Ok(match answer.body().map_err(fault)? {
        None => StatusCode::NO_CONTENT.into_response(),
        Some(body) => (status, [(CONTENT_TYPE, "application/json")], body).into_response(),
    })
}

async fn obey(state: &State, order: Order) -> Result<Answer, Problem> {
    (state.people)(order)
        .await
        .map_err(|why| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why))
}

fn bad(title: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, title)
}

fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|e| bad(e.to_string()))
}

fn incident(id: &str) -> Result<IncidentId, Problem> {
    id.parse()
        .map(IncidentId)
        .map_err(|_unreadable| bad(format!("{id:?} is no number of an incident")))
}
