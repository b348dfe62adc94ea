//! The check `tcp`: a connection is accepted, and says what it should.

use std::sync::Arc;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;

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
use crate::inventory::Host;
use crate::model::Outcome;
use crate::model::Reason;

/// The kind.
pub const KIND: Kind = Kind {
    name: "tcp",
    doc: "A TCP port accepts a connection and, if so wished, says what it should.",
    keys: KEYS,
    build,
};

const KEYS: &[Key] = &[
    key("kind", Value::Text, "`tcp`."),
    key("host", Value::Host, "Address or name."),
    key("port", Value::Integer(1, 65_535), "TCP port."),
    key(
        "send",
        Value::Text,
        "Text to send once connected; default: nothing.",
    ),
    key(
        "expect",
        Value::Text,
        "Text that must come back within the first 64 KiB; default: none is waited for.",
    ),
];

/// Bytes of the answer that are searched.
const MAX_ANSWER: usize = 65_536;

#[derive(Debug)]
struct Tcp {
    host: String,
    port: u16,
    send: Option<String>,
    expect: Option<String>,
}

fn build(node: &Node, sink: &Sink) -> Option<Box<dyn Check>> {
    let fields = node.fields(KEYS, sink)?;
    let host = fields.require::<String>("host");
    let port = fields.require::<u16>("port");
    let (send, expect) = (fields.get("send"), fields.get("expect"));
    Some(Box::new(Tcp {
        host: host?,
        port: port?,
        send,
        expect,
    }))
}

/// A check that a connection is accepted, for the `tcp` probe of devices.
pub fn connect_to(host: &Host, port: u16) -> Arc<dyn Check> {
    Arc::new(Tcp {
        host: host.to_string(),
        port,
        send: None,
        expect: None,
    })
}

impl Check for Tcp {
    fn look<'a>(&'a self, context: &'a Context, stats: &'a mut Stats) -> Looking<'a> {
        Box::pin(async move { self.talk(context, stats).await.unwrap_or_else(|outcome| outcome) })
    }
}

impl Tcp {
    async fn talk(&self, context: &Context, stats: &mut Stats) -> Result<Outcome, Outcome> {
        let mut stream = connect::connect(&self.host, self.port, context, stats).await?;
        let start = context.clock.mono();
        if let Some(text) = &self.send {
            let sent = stream.write_all(text.as_bytes()).await;
            sent.map_err(|e| connect::meaning(&e))?;
        }
        let Some(expected) = &self.expect else {
            return Ok(Outcome::Good);
        };
        let mut answer = Vec::new();
        let mut start = Some(start);
        loop {
            let read = stream
                .read_buf(&mut answer)
                .await
                .map_err(|e| connect::meaning(&e))?;
            if let Some(start) = start.take() {
                stats.end_phase("first_byte", start, context);
            }
            if holds(&answer, expected.as_bytes()) {
                return Ok(Outcome::Good);
            }
            if read == 0 || answer.len() > MAX_ANSWER {
                return Ok(Outcome::Bad(Reason::BodyMismatch));
            }
        }
    }
}

/// Whether `part` stands somewhere in `whole`.
fn holds(whole: &[u8], part: &[u8]) -> bool {
    whole.windows(part.len().max(1)).any(|window| window == part)
}
