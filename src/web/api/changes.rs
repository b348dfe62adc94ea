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
use super::Time;
use crate::model::IncidentId;
use crate::model::Timestamp;
use crate::monitor::incident::Acknowledgement;
use crate::monitor::incident::IncidentClass;
use crate::web::State;
use crate::web::page::Visit;
use crate::web::people::AcknowledgementBody;
use crate::web::people::Answer;
use crate::web::people::ClassBody;
use crate::web::people::Maintenance;
use crate::web::people::MaintenanceBody;
use crate::web::people::NewWindow;
use crate::web::people::Order;
use crate::web::policy::Peer;

/// Longest name of a person, in characters.
const MAX_AUTHOR: usize = 100;
/// Longest comment or reason, in characters.
const MAX_TEXT: usize = 2_000;

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
        body: None,
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
        summary: "Says afterwards what an incident was.",
        parameter: Some("id"),
        body: Some(SchemaGenerator::subschema_for::<ClassBody>),
        answer: None,
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
        body: None,
        answer: None,
        route: || delete(end_maintenance),
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
    Shared(state): Shared<State>,
    Extension(peer): Extension<Peer>,
    visit: Visit,
) -> Result<Response, Problem> {
    let Answer::Windows(mut windows) = ask(&state, Order::Windows).await? else {
        return Err(unexpected());
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
) -> Result<StatusCode, Problem> {
    let incident = incident(&id)?;
    let body: AcknowledgementBody = read(&body)?;
    let now = state.clock.wall();
    let until = body.until.as_ref().map(|t| moment(t, "until")).transpose()?;
    if until.is_some_and(|until| until <= now) {
        return Err(bad("until is a moment to come"));
    }
    let acknowledgement = Acknowledgement {
        author: text(&body.author, "author", MAX_AUTHOR)?,
        comment: text(&body.comment, "comment", MAX_TEXT)?,
        until,
    };
    done(&ask(&state, Order::Acknowledge(incident, acknowledgement)).await?)
}

async fn end_acknowledgement(
    _: Administrator,
    Shared(state): Shared<State>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    done(&ask(&state, Order::EndAcknowledgement(incident(&id)?)).await?)
}

async fn reclassify(
    _: Administrator,
    Shared(state): Shared<State>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let incident = incident(&id)?;
    let body: ClassBody = read(&body)?;
    let class = IncidentClass::from_word(&body.class)
        .ok_or_else(|| bad("class is planned, power, provider, exempt or other"))?;
    let order = Order::Reclassify {
        incident,
        class,
        author: text(&body.author, "author", MAX_AUTHOR)?,
        comment: text(&body.comment, "comment", MAX_TEXT)?,
    };
    done(&ask(&state, order).await?)
}

async fn add_maintenance(
    _: Administrator,
    Shared(state): Shared<State>,
    body: Bytes,
) -> Result<Response, Problem> {
    let body: MaintenanceBody = read(&body)?;
    let now = state.clock.wall();
    let from = body.from.as_ref().map_or(Ok(now), |t| moment(t, "from"))?;
    let to = moment(&body.to, "to")?;
    if to <= from || to <= now {
        return Err(bad("the window ends before it begins, or before now"));
    }
    let order = Order::AddWindow(NewWindow {
        selector: body.selector,
        from,
        to,
        reason: text(&body.reason, "reason", MAX_TEXT)?,
        author: text(&body.author, "author", MAX_AUTHOR)?,
    });
    match ask(&state, order).await? {
        Answer::Window(window) => Ok((StatusCode::CREATED, Json(window)).into_response()),
        Answer::Done | Answer::Windows(_) => Err(unexpected()),
    }
}

async fn end_maintenance(
    _: Administrator,
    Shared(state): Shared<State>,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    done(&ask(&state, Order::EndWindow(name)).await?)
}

async fn ask(state: &State, order: Order) -> Result<Answer, Problem> {
    (state.people)(order)
        .await
        .map_err(|why| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, why))
}

fn done(answer: &Answer) -> Result<StatusCode, Problem> {
    match answer {
        Answer::Done => Ok(StatusCode::NO_CONTENT),
        Answer::Window(_) | Answer::Windows(_) => Err(unexpected()),
    }
}

fn unexpected() -> Problem {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "the core answered something else",
    )
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

fn moment(time: &Time, name: &str) -> Result<Timestamp, Problem> {
    time.parse()
        .ok_or_else(|| bad(format!("{name} is a moment such as 2026-11-24T02:30:00Z")))
}

/// A text of a person: there, not endless, and steering no terminal.
fn text(given: &str, name: &str, most: usize) -> Result<String, Problem> {
    let given = given.trim();
    if given.is_empty() {
        return Err(bad(format!("{name} is missing")));
    }
    if given.chars().count() > most {
        return Err(bad(format!("{name} is longer than {most} characters")));
    }
    if given.chars().any(|c| c.is_control() && c != '\n') {
        return Err(bad(format!("{name} holds control characters")));
    }
    Ok(given.to_owned())
}
