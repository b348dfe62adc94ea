//! Files of our own that pages load: one style sheet, one script, one icon.
//!
//! Their addresses carry a hash of their content, so that browsers may keep
//! them for ever and still see a new version at once.

use std::hash::Hasher;

use axum::extract::Path;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use siphasher::sip::SipHasher13;

/// A file.
pub(super) struct Asset {
    name: &'static str,
    kind: &'static str,
    content: &'static str,
}

pub(super) static STYLE: Asset = Asset {
    name: "style.css",
    kind: "text/css; charset=utf-8",
    content: include_str!("style.css"),
};
pub(super) static SCRIPT: Asset = Asset {
    name: "live.js",
    kind: "text/javascript; charset=utf-8",
    content: include_str!("live.js"),
};
pub(super) static ICON: Asset = Asset {
    name: "icon.svg",
    kind: "image/svg+xml",
    content: include_str!("icon.svg"),
};

/// The mark beside the organisation's name: a watch tower, to stand in the page.
pub(super) const MARK: &str = include_str!("mark.svg");

impl Asset {
    /// Its address, with a hash of its content.
    pub(super) fn address(&self) -> String {
        let mut hasher = SipHasher13::new();
        hasher.write(self.content.as_bytes());
        format!("/asset/{}?v={:016x}", self.name, hasher.finish())
    }
}

/// Answers `/asset/{name}`.
pub(super) async fn serve(Path(name): Path<String>) -> Response {
    let Some(asset) = [&STYLE, &SCRIPT, &ICON].into_iter().find(|a| a.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=31536000, immutable"),
    );
    (headers, asset.content).into_response()
}
