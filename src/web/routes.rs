//! Every path and what answers it.

use axum::Extension;
use axum::Router;
use axum::extract::Request;
use axum::extract::State as Shared;
use axum::http::HeaderName;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::middleware;
use axum::middleware::Next;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::get;
use axum::routing::post;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

use super::State;
use super::api;
use super::asset;
use super::discovery;
use super::exposition;
use super::page;
use super::page::Visit;
use super::policy;
use super::policy::Peer;

/// All routes over `state`.
pub(super) fn router(state: State) -> Router {
    Router::new()
        .route("/", get(page::overview::page))
        .route("/area/{id}", get(page::area::page))
        .route("/site/{id}", get(page::site::page))
        .route("/device/{id}", get(page::target::device))
        .route("/link/{id}", get(page::target::link))
        .route("/service/{id}", get(page::target::service))
        .route("/incidents", get(page::incidents::page))
        .route("/inventory", get(page::inventory::page))
        .route("/asset/{name}", get(asset::serve))
        .route("/sd/prometheus", get(discovery::answer))
        .merge(api::router())
        .route("/-/healthy", get(healthy))
        .route("/-/ready", get(ready))
        .route("/-/reload", post(reload))
        .route("/metrics", get(exposition::whole))
        .route("/metrics/{part}", get(exposition::part))
        .fallback(async |visit: Visit| page::not_found(&visit))
        // An exposition of 100,000 devices is 100 MB and more: the fastest packing is enough.
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(middleware::from_fn_with_state(state.clone(), guard))
        .with_state(state)
}

/// Refuses strangers' names and methods that change things from afar; adds
/// the headers of [`policy::HEADERS`].
async fn guard(
    Shared(state): Shared<State>,
    Extension(peer): Extension<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let refusal = refusal(&state, peer, &request);
    let mut response = match refusal {
        Some(refusal) => refusal.into_response(),
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    for (name, value) in policy::HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

fn refusal(state: &State, peer: Peer, request: &Request) -> Option<(StatusCode, &'static str)> {
    if let Peer::Tcp(_) = peer {
        let host = request
            .headers()
            .get(header::HOST)
            .and_then(|h| h.to_str().ok())
            .or_else(|| request.uri().authority().map(axum::http::uri::Authority::as_str))
            .unwrap_or_default();
        if !policy::host_is_ours(host, &state.settings.load().host_names) {
            return Some((
                StatusCode::MISDIRECTED_REQUEST,
                "this name is not ours: use the machine's address, or add the name to web.host_names\n",
            ));
        }
    }
    if !request.method().is_safe() {
        if !peer.is_local() {
            return Some((
                StatusCode::FORBIDDEN,
                "only this machine may change anything: there are no accounts\n",
            ));
        }
        if !policy::origin_is_ours(request.headers()) {
            return Some((StatusCode::FORBIDDEN, "the request comes from another site\n"));
        }
    }
    None
}

async fn healthy(Shared(state): Shared<State>) -> (StatusCode, &'static str) {
    if state.health.is_healthy() {
        (StatusCode::OK, "healthy\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "a part of the daemon has died\n")
    }
}

async fn ready(Shared(state): Shared<State>) -> (StatusCode, &'static str) {
    if state.health.is_ready() {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}

async fn reload(Shared(state): Shared<State>) -> (StatusCode, String) {
    match (state.reload)().await {
        Ok(()) => (StatusCode::OK, "reloaded\n".to_owned()),
        Err(problems) => (StatusCode::UNPROCESSABLE_ENTITY, problems),
    }
}
