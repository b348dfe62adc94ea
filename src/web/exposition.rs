//! `/metrics`: the exposition for Prometheus, whole or in parts.
//!
//! `/metrics` is everything. `/metrics/daemon`, `/metrics/fleet`,
//! `/metrics/devices` and `/metrics/interfaces` are its parts; `?area=ID`
//! narrows any of them to one area and `?shard=3/8` to the fourth of eight
//! shares of the devices, so that several scrapes can share a big one.
//!
//! The text is written by a blocking thread and sent as it comes: at most
//! [`CHUNKS`] pieces of 64 KiB wait for a slow reader.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::task::Poll;

use axum::body::Body;
use axum::body::Bytes;
use axum::body::HttpBody;
use axum::extract::Path;
use axum::extract::Query;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use hyper::body::Frame;
use serde::Deserialize;
use tokio::sync::mpsc;

use super::State;
use crate::metrics::Part;
use crate::metrics::Selection;
use crate::metrics::collect::MAX_SHARDS;
use crate::metrics::expose::CONTENT_TYPE;

/// Pieces that wait for the reader; then the thread that writes waits.
const CHUNKS: usize = 8;

/// What narrows an exposition.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Narrow {
    area: Option<String>,
    shard: Option<String>,
}

/// Answers `/metrics`.
pub(super) async fn whole(Shared(state): Shared<State>, Query(narrow): Query<Narrow>) -> Response {
    answer(&state, Vec::new(), narrow)
}

/// Answers `/metrics/{part}`.
pub(super) async fn part(
    Shared(state): Shared<State>,
    Path(word): Path<String>,
    Query(narrow): Query<Narrow>,
) -> Response {
    match Part::parse(&word) {
        Some(part) => answer(&state, vec![part], narrow),
        None => (
            StatusCode::NOT_FOUND,
            "no such part: use daemon, fleet, devices or interfaces\n",
        )
            .into_response(),
    }
}

fn answer(state: &State, parts: Vec<Part>, narrow: Narrow) -> Response {
    let shard = narrow.shard.as_deref().map(Selection::parse_shard);
    if shard == Some(None) {
        let said = format!("a shard is written like 3/8: the fourth of eight, of at most {MAX_SHARDS}\n");
        return (StatusCode::BAD_REQUEST, said).into_response();
    }
    let selection = Selection {
        parts,
        area: narrow.area,
        shard: shard.flatten(),
    };
    let (pieces, body) = mpsc::channel(CHUNKS);
    let write = Arc::clone(&state.metrics);
    tokio::task::spawn_blocking(move || {
        // A reader that went away early needs no more.
        let mut is_read = true;
        write(&selection, &mut |chunk| {
            is_read = is_read && pieces.blocking_send(Bytes::copy_from_slice(chunk)).is_ok();
        });
    });
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], Body::new(Pieces(body))).into_response()
}

/// A body that comes piece by piece.
struct Pieces(mpsc::Receiver<Bytes>);

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0
            .poll_recv(context)
            .map(|piece| piece.map(|p| Ok(Frame::data(p))))
    }
}
