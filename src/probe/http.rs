//! The check `http`: a page answers with the right status and the right text.
//!
//! HTTP/1.1 over TCP or TLS, a fresh connection each time. Redirects are
//! followed to a limit; headers of the configuration (they may be secrets) go to
//! the configured host only.

use http_body_util::BodyExt;
use http_body_util::Empty;
use hyper::Method;
use hyper::Request;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header;
use hyper::header::HeaderName;
use hyper::header::HeaderValue;
use hyper_util::rt::TokioIo;
use regex::bytes::Regex;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use url::Position;
use url::Url;

use super::check::Check;
use super::check::Context;
use super::check::Kind;
use super::check::Looking;
use super::check::Stats;
use super::connect;
use super::trust::Tls;
use super::trust::Trust;
use crate::config::node::Node;
use crate::config::problem::Sink;
use crate::config::schema::Key;
use crate::config::schema::Kind as Value;
use crate::config::schema::key;
use crate::config::secret::Secret;
use crate::model::BlindReason;
use crate::model::Outcome;
use crate::model::Reason;

/// The kind.
pub const KIND: Kind = Kind {
    name: "http",
    doc: "A page over HTTP or HTTPS answers with the right status and the right text.",
    keys: KEYS,
    build,
};

const KEYS: &[Key] = &[
    key("kind", Value::Text, "`http`."),
    key("url", Value::Text, "What to ask for; http:// or https://."),
    key("method", Value::Word(methods), "`GET` or `HEAD`; default GET."),
    key(
        "status",
        Value::List(&Value::Text),
        "Statuses that are good, like 200 or 200-299; default 200-299.",
    ),
    key(
        "body",
        Value::Text,
        "Text that the answer must hold; default: none.",
    ),
    key(
        "body_match",
        Value::Text,
        "Regular expression that the answer must match; default: none.",
    ),
    key(
        "max_redirects",
        Value::Integer(0, 20),
        "Redirects to follow; default 5. With 0 a redirect is an answer like any other.",
    ),
    key(
        "max_body",
        Value::Integer(0, 104_857_600),
        "Bytes of the answer that are read; default 1048576.",
    ),
    key(
        "headers",
        Value::Named(&Value::Secret),
        "Headers to send to the configured host, each a text or a pointer to a secret; default: none.",
    ),
    key(
        "insecure",
        Value::Bool,
        "Take any certificate; default false. Its expiry is told all the same.",
    ),
    key(
        "ca_file",
        Value::Text,
        "PEM file with further certificates to trust; default: none.",
    ),
];

fn methods() -> Vec<&'static str> {
    vec!["GET", "HEAD"]
}

#[derive(Debug)]
struct Http {
    url: Url,
    method: Method,
    status: Vec<(u16, u16)>,
    text: Option<Regex>,
    max_redirects: u8,
    max_body: usize,
    headers: Vec<(HeaderName, Secret)>,
    tls: Tls,
}

fn build(node: &Node, sink: &Sink) -> Option<Box<dyn Check>> {
    let fields = node.fields(KEYS, sink)?;
    let url = fields.require::<String>("url").and_then(|text| {
        let parsed = Url::parse(&text).ok();
        let good = parsed.filter(|u| matches!(u.scheme(), "http" | "https") && u.has_host());
        if good.is_none() {
            fields.report(
                "url",
                "this is no address of a page",
                "http:// or https:// and a host",
            );
        }
        good
    });
    let method = match fields.get::<String>("method").as_deref() {
        None | Some("GET") => Method::GET,
        Some("HEAD") => Method::HEAD,
        Some(other) => {
            fields.report(
                "method",
                format!("there is no method {other:?} here"),
                "GET or HEAD",
            );
            return None;
        }
    };
    let mut status = Vec::new();
    for item in fields.node("status").map(Node::items).unwrap_or_default() {
        match item.text().and_then(range) {
            Some(range) => status.push(range),
            None => sink.report(
                item.problem("this is no status")
                    .expected("a status or a range of them, like 200 or 200-299"),
            ),
        }
    }
    if status.is_empty() {
        status.push((200, 299));
    }
    let plain = fields.get::<String>("body").map(|text| regex::escape(&text));
    let pattern = fields.get::<String>("body_match");
    let text = match (plain, pattern) {
        (Some(_), Some(_)) => {
            fields.report(
                "body_match",
                "body and body_match can't both stand here",
                "one of them",
            );
            None
        }
        (plain, pattern) => plain.or(pattern).and_then(|pattern| match Regex::new(&pattern) {
            Ok(regex) => Some(regex),
            Err(error) => {
                fields.report("body_match", error.to_string(), "a regular expression");
                None
            }
        }),
    };
    let trust = if fields.get_or("insecure", false) {
        Trust::Anyone
    } else {
        Trust::Roots
    };
    let ca_file = fields.get::<String>("ca_file").map(|text| node.path_of(&text));
    let tls = Tls::new(trust, ca_file.as_deref());
    if let Err(error) = &tls {
        fields.report("ca_file", error.to_string(), "a PEM file with certificates");
    }
    let headers = headers(fields.node("headers"), sink);
    Some(Box::new(Http {
        url: url?,
        method,
        status,
        text,
        max_redirects: fields.get_or("max_redirects", 5),
        max_body: fields.get_or("max_body", 1 << 20),
        headers,
        tls: tls.ok()?,
    }))
}

fn headers(node: Option<&Node>, sink: &Sink) -> Vec<(HeaderName, Secret)> {
    let mut found = Vec::new();
    for (name, place, value) in node.into_iter().flat_map(Node::entries) {
        let secret = value.read::<Secret>(sink);
        match (name.parse::<HeaderName>(), secret) {
            (Ok(_), Some(secret)) if HeaderValue::from_str(secret.expose()).is_err() => {
                sink.report(
                    value
                        .problem("this can't stand in a header")
                        .expected("text of one line"),
                );
            }
            (Ok(name), Some(secret)) => found.push((name, secret)),
            (Err(_), _) => sink.report(
                place
                    .problem(format!("{name:?} is no name of a header"))
                    .expected("a name like Authorization"),
            ),
            (Ok(_), None) => {}
        }
    }
    found
}

/// `200` or `200-299`.
fn range(text: &str) -> Option<(u16, u16)> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
    (100 <= from && from <= to && to <= 999).then_some((from, to))
}

impl Check for Http {
    fn look<'a>(&'a self, context: &'a Context, stats: &'a mut Stats) -> Looking<'a> {
        Box::pin(async move {
            let mut url = self.url.clone();
            let mut left = self.max_redirects;
            loop {
                match self.ask(&url, context, stats).await {
                    Ok(Answer::Final(outcome)) | Err(outcome) => return outcome,
                    Ok(Answer::Elsewhere(status, _)) if left == 0 => {
                        return Outcome::Bad(Reason::HttpStatus(status));
                    }
                    Ok(Answer::Elsewhere(_, next)) => {
                        left -= 1;
                        url = next;
                    }
                }
            }
        })
    }
}

enum Answer {
    Final(Outcome),
    Elsewhere(u16, Url),
}

impl Http {
    async fn ask(&self, url: &Url, context: &Context, stats: &mut Stats) -> Result<Answer, Outcome> {
        let malformed = || Outcome::Bad(Reason::Malformed);
        let port = url.port_or_known_default().ok_or_else(malformed)?;
        let host = url.host_str().ok_or_else(malformed)?;
        // An IPv6 address stands in brackets in a URL only.
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let stream = connect::connect(host, port, context, stats).await?;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
        if url.scheme() == "https" {
            let stream = self.tls.shake(host, stream, context, stats).await?;
            self.exchange(url, stream, context, stats).await
        } else {
            self.exchange(url, stream, context, stats).await
        }
    }

    fn request(&self, url: &Url) -> Result<Request<Empty<Bytes>>, Outcome> {
        let authority = url[Position::BeforeHost..Position::AfterPort].to_owned();
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(&url[Position::BeforePath..Position::AfterQuery])
            .header(header::HOST, authority)
            .header(header::USER_AGENT, concat!("tramgac/", env!("CARGO_PKG_VERSION")))
            .header(header::ACCEPT, "*/*")
            .header(header::CONNECTION, "close");
        if url.origin() == self.url.origin() {
            for (name, value) in &self.headers {
                request = request.header(name, value.expose());
            }
        }
        request
            .body(Empty::new())
            .map_err(|e| Outcome::Blind(BlindReason::Internal(e.to_string())))
    }

    async fn exchange<S>(
        &self,
        url: &Url,
        stream: S,
        context: &Context,
        stats: &mut Stats,
    ) -> Result<Answer, Outcome>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let start = context.clock.mono();
        let shaken = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = shaken.map_err(|e| fault(&e))?;
        let mut driver = Driver(tokio::spawn(connection));
        let response = match sender.send_request(self.request(url)?).await {
            Ok(response) => response,
            // The peer spoke or left before it was asked: the connection knows what went wrong, the request does not.
            Err(error) if error.is_canceled() => return Err(driver.fault().await),
            Err(error) => return Err(fault(&error)),
        };
        let start = stats.end_phase("first_byte", start, context);
        let status = response.status();
        stats.http_status = Some(status.as_u16());
        if let Some(next) = redirect(url, status, response.headers().get(header::LOCATION))
            && self.max_redirects > 0
        {
            return Ok(Answer::Elsewhere(status.as_u16(), next));
        }
        let code = status.as_u16();
        let is_good = self.status.iter().any(|(from, to)| (*from..=*to).contains(&code));
        if !is_good {
            return Ok(Answer::Final(Outcome::Bad(Reason::HttpStatus(code))));
        }
        let body = self.body(response.into_body()).await?;
        stats.end_phase("body", start, context);
        drop(driver);
        let holds = self.text.as_ref().is_none_or(|text| text.is_match(&body));
        Ok(Answer::Final(if holds {
            Outcome::Good
        } else {
            Outcome::Bad(Reason::BodyMismatch)
        }))
    }

    /// The answer's text, at most `max_body` bytes of it.
    async fn body(&self, mut body: Incoming) -> Result<Vec<u8>, Outcome> {
        let mut read = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|e| fault(&e))?;
            if let Ok(data) = frame.into_data() {
                let room = self.max_body.saturating_sub(read.len());
                read.extend_from_slice(data.get(..data.len().min(room)).unwrap_or_default());
                if data.len() >= room {
                    break;
                }
            }
        }
        Ok(read)
    }
}

/// Ends the task that drives a connection when the look is over or cut.
struct Driver(tokio::task::JoinHandle<hyper::Result<()>>);

impl Driver {
    /// Why the connection ended without an answer.
    async fn fault(&mut self) -> Outcome {
        match (&mut self.0).await {
            Ok(Err(error)) => fault(&error),
            Ok(Ok(())) => Outcome::Bad(Reason::Malformed),
            Err(error) => Outcome::Blind(BlindReason::Internal(error.to_string())),
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn redirect(url: &Url, status: StatusCode, location: Option<&HeaderValue>) -> Option<Url> {
    let is_redirect = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
    let next = url.join(location?.to_str().ok()?).ok()?;
    (is_redirect && matches!(next.scheme(), "http" | "https") && next.has_host()).then_some(next)
}

fn fault(error: &hyper::Error) -> Outcome {
    if error.is_parse() || error.is_incomplete_message() {
        return Outcome::Bad(Reason::Malformed);
    }
    let cause = std::error::Error::source(error).and_then(|e| e.downcast_ref::<std::io::Error>());
    cause.map_or_else(
        || Outcome::Bad(Reason::Internal(error.to_string())),
        connect::meaning,
    )
}
