//! The check `sip`: a telephony or video server answers OPTIONS.
//!
//! Over UDP, sent again as RFC 3261 §17.1.2 says, until the time is up. No call
//! is made and nobody registers.

use std::net::SocketAddr;

use tokio::net::UdpSocket;
use tokio::net::lookup_host;

use super::check::Check;
use super::check::Context;
use super::check::Kind;
use super::check::Looking;
use super::check::Stats;
use super::connect;
use crate::config::node::Node;
use crate::config::problem::Sink;
use crate::config::schema::Key;
use crate::config::schema::Kind as Value;
use crate::config::schema::key;
use crate::model::BlindReason;
use crate::model::Outcome;
use crate::model::Reason;
use crate::model::Span;

/// The kind.
pub const KIND: Kind = Kind {
    name: "sip",
    doc: "A telephony or video server answers OPTIONS over UDP. No call is made.",
    keys: KEYS,
    build,
};

const KEYS: &[Key] = &[
    key("kind", Value::Text, "`sip`."),
    key("host", Value::Host, "Address or name."),
    key("port", Value::Integer(1, 65_535), "UDP port; default 5060."),
    key(
        "user",
        Value::Text,
        "Whom to ask about; default: the server itself.",
    ),
    key(
        "strict",
        Value::Bool,
        "Only 200 to 299 is good; default false: a refusal (400 to 499) shows life, too.",
    ),
];

/// T1 and T2 of RFC 3261 §17.1.2.2.
const FIRST_WAIT: Span = Span::from_millis(500);
const LONGEST_WAIT: Span = Span::from_secs(4);

#[derive(Debug)]
struct Sip {
    host: String,
    port: u16,
    user: Option<String>,
    is_strict: bool,
}

fn build(node: &Node, sink: &Sink) -> Option<Box<dyn Check>> {
    let fields = node.fields(KEYS, sink)?;
    let host = fields.require::<String>("host");
    let user = fields.get::<String>("user");
    if let Some(user) = &user
        && !user
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&b))
    {
        fields.report(
            "user",
            "this is no user of SIP",
            "letters, digits and -_.+ (RFC 3261 §25.1)",
        );
        return None;
    }
    Some(Box::new(Sip {
        host: host?,
        port: fields.get_or("port", 5060),
        user,
        is_strict: fields.get_or("strict", false),
    }))
}

impl Check for Sip {
    fn look<'a>(&'a self, context: &'a Context, stats: &'a mut Stats) -> Looking<'a> {
        Box::pin(async move { self.ask(context, stats).await.unwrap_or_else(|outcome| outcome) })
    }
}

impl Sip {
    async fn ask(&self, context: &Context, stats: &mut Stats) -> Result<Outcome, Outcome> {
        let fault = |e: std::io::Error| connect::meaning(&e);
        let start = context.clock.mono();
        let mut found = lookup_host((self.host.as_str(), self.port))
            .await
            .map_err(|_unknown| Outcome::Blind(BlindReason::Dns))?;
        let server = found.next().ok_or(Outcome::Blind(BlindReason::Dns))?;
        let start = stats.end_phase("resolve", start, context);
        let here: SocketAddr = if server.is_ipv4() {
            (std::net::Ipv4Addr::UNSPECIFIED, 0).into()
        } else {
            (std::net::Ipv6Addr::UNSPECIFIED, 0).into()
        };
        let socket = UdpSocket::bind(here).await.map_err(fault)?;
        socket.connect(server).await.map_err(fault)?;
        let mut token = [0; 8];
        getrandom::fill(&mut token).map_err(|e| Outcome::Blind(BlindReason::Internal(e.to_string())))?;
        let token = format!("{:016x}", u64::from_be_bytes(token));
        let request = self.request(&token, server, socket.local_addr().map_err(fault)?);
        let mut buffer = vec![0; 65_536];
        let mut wait = FIRST_WAIT;
        loop {
            socket.send(request.as_bytes()).await.map_err(fault)?;
            let heard = tokio::time::timeout(wait, async {
                loop {
                    let length = socket.recv(&mut buffer).await?;
                    let text = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default());
                    // Another's answer, or one that says «wait» (100 to 199).
                    if let Some(status) = status_of(&text, &token).filter(|s| *s >= 200) {
                        return Ok(status);
                    }
                }
            });
            if let Ok(status) = heard.await {
                stats.end_phase("answer", start, context);
                return Ok(self.judge(status.map_err(fault)?));
            }
            wait = wait.saturating_mul(2).min(LONGEST_WAIT);
        }
    }

    /// The request (RFC 3261 §11.1).
    fn request(&self, token: &str, server: SocketAddr, here: SocketAddr) -> String {
        let user = self
            .user
            .as_ref()
            .map(|user| format!("{user}@"))
            .unwrap_or_default();
        format!(
            "OPTIONS sip:{user}{server} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {here};branch=z9hG4bK{token};rport\r\n\
             Max-Forwards: 70\r\n\
             To: <sip:{user}{server}>\r\n\
             From: <sip:tramgac@{here}>;tag={token}\r\n\
             Call-ID: {token}\r\n\
             CSeq: 1 OPTIONS\r\n\
             Contact: <sip:tramgac@{here}>\r\n\
             Accept: application/sdp\r\n\
             Content-Length: 0\r\n\r\n"
        )
    }

    fn judge(&self, status: u16) -> Outcome {
        match status {
            200..=299 => Outcome::Good,
            400..=499 if !self.is_strict => Outcome::Good,
            _ => Outcome::Bad(Reason::HttpStatus(status)),
        }
    }
}

/// The status of an answer to the request with this token; `None`: it is none.
fn status_of(text: &str, token: &str) -> Option<u16> {
    let mut lines = text.lines();
    let status = lines.next()?.strip_prefix("SIP/2.0 ")?;
    let status = status.split(' ').next()?.parse().ok()?;
    let belongs = lines.take_while(|line| !line.is_empty()).any(|line| {
        line.split_once(':').is_some_and(|(name, value)| {
            // The short form of the name is `i` (RFC 3261 §20.8).
            (name.trim().eq_ignore_ascii_case("call-id") || name.trim().eq_ignore_ascii_case("i"))
                && value.trim() == token
        })
    });
    belongs.then_some(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_belongs_to_the_request_whose_call_id_it_has() {
        let answer = "SIP/2.0 200 OK\r\nVia: x\r\nCall-ID: ab12\r\n\r\n";
        assert_eq!(status_of(answer, "ab12"), Some(200));
        assert_eq!(status_of(answer, "ab13"), None);
        assert_eq!(
            status_of("SIP/2.0 404 Not Found\r\ni:ab12\r\n\r\n", "ab12"),
            Some(404)
        );
        assert_eq!(status_of("SIP/2.0 200 OK\r\n\r\nCall-ID: ab12", "ab12"), None);
        assert_eq!(
            status_of("HTTP/1.1 200 OK\r\nCall-ID: ab12\r\n\r\n", "ab12"),
            None
        );
        assert_eq!(status_of("", "ab12"), None);
    }
}
