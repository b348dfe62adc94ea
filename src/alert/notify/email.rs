//! E-mail by SMTP (RFC 5321): the one way out that every office has.

use lettre::AsyncSmtpTransport;
use lettre::AsyncTransport;
use lettre::Tokio1Executor;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::Tls;
use lettre::transport::smtp::client::TlsParameters;

use super::Attempt;
use super::Delivery;
use super::Kind;
use super::Notifier;
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
    name: "email",
    keys: KEYS,
    build,
};

const SECURITY: [&str; 3] = ["starttls", "tls", "none"];

const KEYS: &[Key] = &[
    key(
        "server",
        schema::Kind::Text,
        "Name or address of the SMTP server.",
    ),
    key(
        "port",
        schema::Kind::Integer(1, 65_535),
        "Its port. Default: 587 for starttls, 465 for tls, 25 for none.",
    ),
    key(
        "security",
        schema::Kind::Word(|| SECURITY.to_vec()),
        "starttls, tls or none (only inside one's own network). Default: starttls.",
    ),
    key(
        "user",
        schema::Kind::Text,
        "User name, where the server wants one.",
    ),
    key("password", schema::Kind::Secret, "Password of the user."),
    key(
        "from",
        schema::Kind::Text,
        "Sender: an address, or `Name <address>`.",
    ),
    key("to", schema::Kind::List(&schema::Kind::Text), "Recipients."),
];

/// Longest wait for any one answer of the server.
const TIMEOUT: Span = Span::from_secs(20);

struct Email {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
}

fn mailbox(node: &Node, text: &str, sink: &Sink) -> Option<Mailbox> {
    let read = text.parse();
    if read.is_err() {
        // As it was written: what a variable holds is nobody's business.
        let written = node.written().unwrap_or_default();
        let problem = node.problem(format!("{written:?} is no e-mail address"));
        sink.report(problem.expected("an address like it@example.gov.vn, or Name <it@example.gov.vn>"));
    }
    read.ok()
}

fn build(node: &Node, sink: &Sink) -> Option<Box<dyn Notifier>> {
    let fields = node.fields(KEYS, sink)?;
    let server: Option<String> = fields.require("server");
    let security: String = fields.get_or("security", SECURITY[0].to_owned());
    if !SECURITY.contains(&security.as_str()) {
        fields.report(
            "security",
            format!("{security:?} is no way to secure the connection"),
            SECURITY.join(", "),
        );
    }
    let user: Option<String> = fields.get("user");
    let password: Option<Secret> = fields.get("password");
    if user.is_some() != password.is_some() {
        fields.report("user", "user and password go together", "both or neither");
    }
    let from = fields
        .require::<String>("from")
        .and_then(|t| mailbox(fields.node("from")?, &t, sink));
    let to: Vec<Mailbox> = fields
        .require::<Vec<String>>("to")
        .unwrap_or_default()
        .iter()
        .filter_map(|t| mailbox(fields.node("to")?, t, sink))
        .collect();
    let port: Option<u16> = fields.get("port");
    let server = server?;
    let parameters = |server: &str| match TlsParameters::new(server.to_owned()) {
        Ok(parameters) => Some(parameters),
        Err(error) => {
            fields.report(
                "server",
                format!("TLS can't be prepared for {server}: {error}"),
                "a host name",
            );
            None
        }
    };
    let (tls, usual_port) = match security.as_str() {
        "none" => (Tls::None, 25),
        "tls" => (Tls::Wrapper(parameters(&server)?), 465),
        _ => (Tls::Required(parameters(&server)?), 587),
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server)
        .port(port.unwrap_or(usual_port))
        .tls(tls)
        .timeout(Some(TIMEOUT));
    if let (Some(user), Some(password)) = (user, password) {
        builder = builder.credentials(Credentials::new(user, password.expose().to_owned()));
    }
    if to.is_empty() {
        return None;
    }
    Some(Box::new(Email {
        transport: builder.build(),
        from: from?,
        to,
    }))
}

impl Email {
    async fn send(&self, message: &Message) -> Delivery {
        let id = message
            .json
            .get("id")
            .and_then(serde_json::Value::as_i64)
            .unwrap_or_default();
        let domain = self.from.email.domain();
        let mut mail = lettre::Message::builder()
            .from(self.from.clone())
            .subject(&message.subject)
            // The same row has the same id when it is sent again, so that mail programs show it once.
            .message_id(Some(format!("<tramgac-{id}@{domain}>")))
            .header(ContentType::TEXT_PLAIN);
        for to in &self.to {
            mail = mail.to(to.clone());
        }
        let mail = match mail.body(message.body.clone()) {
            Ok(mail) => mail,
            Err(error) => {
                return Delivery::Refused {
                    why: format!("the mail can't be written: {error}"),
                };
            }
        };
        match self.transport.send(mail).await {
            Ok(_) => Delivery::Delivered,
            Err(error) if error.is_permanent() => Delivery::Refused { why: chain(&error) },
            Err(error) => Delivery::retry(chain(&error)),
        }
    }
}

/// An error with what caused it, in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text
}

impl Notifier for Email {
    fn deliver<'a>(&'a self, message: &'a Message) -> Attempt<'a> {
        Box::pin(self.send(message))
    }
}
