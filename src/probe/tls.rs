//! The check `tls`: a certificate is trusted, and stays so for a while.

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
use crate::model::Outcome;
use crate::model::Reason;
use crate::model::Span;

/// The kind.
pub const KIND: Kind = Kind {
    name: "tls",
    doc: "A TLS port shows a certificate that is trusted and does not expire soon.",
    keys: KEYS,
    build,
};

const KEYS: &[Key] = &[
    key("kind", Value::Text, "`tls`."),
    key(
        "host",
        Value::Host,
        "Address or name; the certificate must be for it.",
    ),
    key("port", Value::Integer(1, 65_535), "TCP port; default 443."),
    key(
        "expires_within",
        Value::Duration,
        "A certificate that expires within this time is bad; default 14d.",
    ),
    key(
        "ca_file",
        Value::Text,
        "PEM file with further certificates to trust; default: none.",
    ),
];

const DAY: Span = Span::from_hours(24);

#[derive(Debug)]
struct Certificate {
    host: String,
    port: u16,
    expires_within: Span,
    tls: Tls,
}

fn build(node: &Node, sink: &Sink) -> Option<Box<dyn Check>> {
    let fields = node.fields(KEYS, sink)?;
    let host = fields.require::<String>("host");
    let ca_file = fields.get::<String>("ca_file").map(|text| node.path_of(&text));
    let tls = Tls::new(Trust::Roots, ca_file.as_deref());
    if let Err(error) = &tls {
        fields.report("ca_file", error.to_string(), "a PEM file with certificates");
    }
    Some(Box::new(Certificate {
        host: host?,
        port: fields.get_or("port", 443),
        expires_within: fields.get_or("expires_within", 14 * DAY),
        tls: tls.ok()?,
    }))
}

impl Check for Certificate {
    fn look<'a>(&'a self, context: &'a Context, stats: &'a mut Stats) -> Looking<'a> {
        Box::pin(async move { self.shake(context, stats).await.unwrap_or_else(|outcome| outcome) })
    }
}

impl Certificate {
    async fn shake(&self, context: &Context, stats: &mut Stats) -> Result<Outcome, Outcome> {
        let stream = connect::connect(&self.host, self.port, context, stats).await?;
        let stream = self.tls.shake(&self.host, stream, context, stats).await?;
        drop(stream);
        let now = context.clock.wall();
        let left = stats.tls_not_after.map(|end| end.since(now));
        Ok(match left {
            Some(left) if left < self.expires_within => {
                let days = left.as_secs() / DAY.as_secs();
                Outcome::Bad(Reason::Tls(format!("the certificate expires in {days} days")))
            }
            Some(_) => Outcome::Good,
            None => Outcome::Bad(Reason::Malformed),
        })
    }
}
