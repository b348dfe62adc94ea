//! A JSON body by HTTP POST: the general way out.
//!
//! With a `secret`, the header `X-Tramgac-Signature: sha256=HEX` holds the
//! HMAC-SHA-256 (RFC 2104) of the body. `X-Tramgac-Id` is the number of the
//! message: who gets it twice knows it by that.

use std::fmt::Write;
use std::sync::Arc;

use hmac::Hmac;
use hmac::KeyInit;
use hmac::Mac;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use reqwest::header::HeaderName;
use reqwest::header::HeaderValue;
use sha2::Sha256;

use super::Attempt;
use super::Delivery;
use super::Kind;
use super::Notifier;
use super::email::chain;
use crate::alert::message::Message;
use crate::config::node::Node;
use crate::config::problem::Sink;
use crate::config::schema;
use crate::config::schema::Key;
use crate::config::schema::key;
use crate::config::secret::Secret;
use crate::model::Span;

/// This kind.
pub const KIND: Kind = Kind {
    name: "webhook",
    keys: KEYS,
    build,
};

const KEYS: &[Key] = &[
    key(
        "url",
        schema::Kind::Secret,
        "Where to post; it may hold a token, so it is kept secret.",
    ),
    key(
        "secret",
        schema::Kind::Secret,
        "Key of the signature in X-Tramgac-Signature.",
    ),
    key(
        "headers",
        schema::Kind::Named(&schema::Kind::Secret),
        "Further headers.",
    ),
];

const TIMEOUT: Span = Span::from_secs(10);
/// Longest wait that the other side may ask for.
const MAX_RETRY_AFTER: Span = Span::from_secs(3600);

struct Webhook {
    client: reqwest::Client,
    url: reqwest::Url,
    headers: HeaderMap,
    secret: Option<Secret>,
}

fn build(node: &Node, sink: &Sink) -> Option<Box<dyn Notifier>> {
    let fields = node.fields(KEYS, sink)?;
    let url: Option<Secret> = fields.require("url");
    let url = url.and_then(|url| {
        let read = reqwest::Url::parse(url.expose())
            .ok()
            .filter(|u| matches!(u.scheme(), "http" | "https"));
        if read.is_none() {
            fields.report("url", "this is no address to post to", "http://… or https://…");
        }
        read
    });
    let mut headers = HeaderMap::new();
    if let Some(given) = fields.node("headers") {
        for (name, place, value) in given.entries() {
            let value: Option<Secret> = value.read(sink);
            match (
                name.parse::<HeaderName>(),
                value.and_then(|v| HeaderValue::from_str(v.expose()).ok()),
            ) {
                (Ok(name), Some(mut value)) => {
                    value.set_sensitive(true);
                    headers.insert(name, value);
                }
                _ => sink.report(
                    place
                        .problem(format!("{name} is no header"))
                        .expected("Name: visible ASCII text"),
                ),
            }
        }
    }
    let secret: Option<Secret> = fields.get("secret");
    let client = match client() {
        Ok(client) => client,
        Err(error) => {
            sink.report(node.problem(format!("HTTP can't be prepared: {}", chain(&error))));
            return None;
        }
    };
    Some(Box::new(Webhook {
        client,
        url: url?,
        headers,
        secret,
    }))
}

fn client() -> reqwest::Result<reqwest::Client> {
    let roots = rustls::RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = reqwest::Client::builder()
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("tramgac/", env!("CARGO_PKG_VERSION")));
    match rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions() {
        Ok(tls) => builder
            .tls_backend_preconfigured(tls.with_root_certificates(roots).with_no_client_auth())
            .build(),
        // Without TLS versions in common there is no https; plain http still works.
        Err(error) => {
            tracing::error!(%error, "TLS is not available for webhooks");
            builder.build()
        }
    }
}

/// HMAC-SHA-256 of a body, in lower-case hex.
fn signature(secret: &[u8], body: &[u8]) -> Option<String> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret).ok()?;
    mac.update(body);
    let mut hex = String::new();
    for byte in mac.finalize().into_bytes() {
        write!(hex, "{byte:02x}").ok()?;
    }
    Some(hex)
}

impl Webhook {
    async fn send(&self, message: &Message) -> Delivery {
        let body = message.json.to_string();
        let id = message
            .json
            .get("id")
            .map(ToString::to_string)
            .unwrap_or_default();
        let mut request = self
            .client
            .post(self.url.clone())
            .headers(self.headers.clone())
            .header("content-type", "application/json")
            .header("x-tramgac-id", id);
        if let Some(secret) = &self.secret
            && let Some(hex) = signature(secret.expose().as_bytes(), body.as_bytes())
        {
            request = request.header("x-tramgac-signature", format!("sha256={hex}"));
        }
        match request.body(body).send().await {
            // The address may hold a token: it stays out of logs and of the record.
            Err(error) => Delivery::retry(chain(&error.without_url())),
            Ok(answer) => judge(answer.status(), answer.headers()),
        }
    }
}

fn judge(status: StatusCode, headers: &HeaderMap) -> Delivery {
    let why = format!("the other side answered {status}");
    if status.is_success() {
        return Delivery::Delivered;
    }
    let later = status.is_server_error()
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS | StatusCode::NOT_FOUND
        );
    if !later {
        return Delivery::Refused { why };
    }
    let after = headers
        .get("retry-after")
        .and_then(|v| v.to_str().ok()?.parse().ok())
        .map(|s| Span::from_secs(s).min(MAX_RETRY_AFTER));
    Delivery::Retry { after, why }
}

impl Notifier for Webhook {
    fn deliver<'a>(&'a self, message: &'a Message) -> Attempt<'a> {
        Box::pin(self.send(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_rfc_4231() {
        // Test case 2 of RFC 4231 §4.3.
        assert_eq!(
            signature(b"Jefe", b"what do ya want for nothing?").unwrap(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn only_what_can_pass_is_tried_again() {
        let cases: [(u16, &str, Option<u64>); 5] = [
            (204, "delivered", None),
            (503, "retry", None),
            (429, "retry", Some(7)),
            (400, "refused", None),
            (401, "refused", None),
        ];
        for (status, expected, after) in cases {
            let mut headers = HeaderMap::new();
            if let Some(seconds) = after {
                headers.insert("retry-after", seconds.into());
            }
            let judged = match judge(StatusCode::from_u16(status).unwrap(), &headers) {
                Delivery::Delivered => ("delivered", None),
                Delivery::Retry { after, .. } => ("retry", after.map(|a| a.as_secs())),
                Delivery::Refused { .. } => ("refused", None),
            };
            assert_eq!(judged, (expected, after), "{status}");
        }
    }
}
