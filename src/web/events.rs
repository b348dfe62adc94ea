//! `/api/v1/events`: committed events as they come (server-sent events).
//!
//! At most [`MAX_SUBSCRIBERS`]; who is slower than [`BACKLOG`] events misses some
//! and is told how many, so that the daemon never waits for a reader. What is
//! hidden from viewers is not sent.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use http_body_util::channel::Channel;
use http_body_util::channel::Sender;
use hyper::body::Bytes;
use serde_json::Value;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use super::State;
use super::api::EventBody;
use super::api::Problem;
use super::page::Visit;
use super::view;
use super::view::View;
use crate::model::Event;
use crate::model::TargetId;
use crate::model::TargetKey;

/// Open streams at a time: a place of the server's is held by each.
const MAX_SUBSCRIBERS: usize = 64;
/// Frames that wait for one reader.
const BACKLOG: usize = 16;
/// A comment that often keeps proxies from closing a quiet stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

static SUBSCRIBERS: AtomicUsize = AtomicUsize::new(0);

/// Holds one subscriber's place.
struct Place;

impl Place {
    fn take() -> Option<Self> {
        SUBSCRIBERS
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| {
                (n < MAX_SUBSCRIBERS).then_some(n + 1)
            })
            .ok()
            .map(|_| Self)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        SUBSCRIBERS.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Answers `/api/v1/events`.
pub(super) async fn stream(Shared(state): Shared<State>, visit: Visit) -> Response {
    let Some(place) = Place::take() else {
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "there are too many subscribers")
            .into_response();
    };
    let (sender, body) = Channel::<Bytes>::new(BACKLOG);
    let events = state.events.subscribe();
    tokio::spawn(feed(state, visit.view.lang(), events, sender, place));
    (
        [
            (header::CONTENT_TYPE, "text/event-stream"),
            (header::CACHE_CONTROL, "no-store"),
        ],
        Body::new(body),
    )
        .into_response()
}

async fn feed(
    state: State,
    lang: crate::i18n::Lang,
    mut events: broadcast::Receiver<Arc<Event>>,
    mut sender: Sender<Bytes>,
    place: Place,
) {
    let mut frame = Some("retry: 5000\n\n".to_owned());
    loop {
        if let Some(frame) = frame.take()
            && sender.send_data(Bytes::from(frame)).await.is_err()
        {
            break;
        }
        frame = match tokio::time::timeout(KEEP_ALIVE, events.recv()).await {
            Err(_) => Some(": still here\n\n".to_owned()),
            Ok(Ok(event)) => {
                let view = View::new(
                    state.snapshot.load_full(),
                    state.settings.load_full(),
                    lang,
                    state.clock.wall(),
                );
                body(&view, &event).map(|data| {
                    // JSON holds no raw line break, so that it is one data line.
                    format!("event: {}\ndata: {data}\n\n", event.kind.as_str())
                })
            }
            Ok(Err(RecvError::Lagged(missed))) => {
                Some(format!("event: missed\ndata: {{\"missed\":{missed}}}\n\n"))
            }
            Ok(Err(RecvError::Closed)) => break,
        };
    }
    drop(place);
}

/// The event for a viewer; `None` if it is about something hidden or unknown.
fn body(view: &View, event: &Event) -> Option<Value> {
    let target = match event.target {
        Some(id) => {
            let key = key_of(view, id)?;
            let item = view.item(&key)?;
            Some((key, item.name().to_owned()))
        }
        None => None,
    };
    let Ok(Value::Object(mut kind)) = serde_json::to_value(&event.kind) else {
        return None;
    };
    let root = kind
        .get("root")
        .and_then(Value::as_u64)
        .and_then(|n| u32::try_from(n).ok())
        .and_then(|n| key_of(view, TargetId(n)))
        .filter(|key| view.item(key).is_some());
    if kind.contains_key("root") {
        kind.insert("root".to_owned(), root.map(|k| k.to_string()).into());
    }
    let (key, name) = target.unzip();
    serde_json::to_value(EventBody {
        at: event.at.into(),
        recorded_at: event.recorded_at.into(),
        target: key.map(|k| k.to_string()),
        name,
        event: kind,
    })
    .ok()
}

fn key_of(view: &View, id: TargetId) -> Option<TargetKey> {
    match view.snapshot.target(id) {
        Some(target) => Some(target.key.clone()),
        // Not looked at (any more): rare, so that a search is cheap enough.
        None => view
            .snapshot
            .index
            .iter()
            .find(|(key, other)| **other == id && view::item(view.inventory(), key).is_some())
            .map(|(key, _)| key.clone()),
    }
}
