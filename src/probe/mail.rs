//! The checks `smtp` and `imap`: a mail server greets, says what it can, and says goodbye.
//!
//! No mail is sent and nobody logs in. RFC 5321 §4.1.1.1, RFC 3207 (STARTTLS of
//! SMTP), RFC 3501 §6.1, §6.2.1, RFC 8314 (TLS from the beginning).

use tokio::io::AsyncRead;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt;

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

/// The kind `smtp`.
pub const SMTP: Kind = Kind {
    name: "smtp",
    doc: "A mail server greets and answers EHLO, over TLS if so wished. No mail is sent.",
    keys: KEYS,
    build: build_smtp,
};

/// The kind `imap`.
pub const IMAP: Kind = Kind {
    name: "imap",
    doc: "A mailbox server greets and tells what it can, over TLS if so wished. Nobody logs in.",
    keys: KEYS,
    build: build_imap,
};

const KEYS: &[Key] = &[
    key("kind", Value::Text, "`smtp` or `imap`."),
    key(
        "host",
        Value::Host,
        "Address or name; with `tls` the certificate must be for it.",
    ),
    key(
        "port",
        Value::Integer(1, 65_535),
        "TCP port; default 25 (smtp), 143 (imap); with `tls: implicit` 465 and 993.",
    ),
    key(
        "tls",
        Value::Word(tls_words),
        "`none`, `starttls` or `implicit` (from the beginning); default none.",
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

fn tls_words() -> Vec<&'static str> {
    vec!["none", "starttls", "implicit"]
}

/// Bytes of one answer: capabilities fit many times.
const MAX_ANSWER: usize = 65_536;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Smtp,
    Imap,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cover {
    None,
    StartTls,
    Implicit,
}

#[derive(Debug)]
struct Mail {
    protocol: Protocol,
    host: String,
    port: u16,
    cover: Cover,
    tls: Tls,
}

fn build_smtp(node: &Node, sink: &Sink) -> Option<Box<dyn Check>> {
    build(Protocol::Smtp, node, sink)
}

fn build_imap(node: &Node, sink: &Sink) -> Option<Box<dyn Check>> {
    build(Protocol::Imap, node, sink)
}

fn build(protocol: Protocol, node: &Node, sink: &Sink) -> Option<Box<dyn Check>> {
    let fields = node.fields(KEYS, sink)?;
    let host = fields.require::<String>("host");
    let cover = match fields.get::<String>("tls").as_deref() {
        None | Some("none") => Cover::None,
        Some("starttls") => Cover::StartTls,
        Some("implicit") => Cover::Implicit,
        Some(other) => {
            fields.report(
                "tls",
                format!("there is no {other:?} here"),
                "none, starttls or implicit",
            );
            return None;
        }
    };
    let usual = match (protocol, cover) {
        (Protocol::Smtp, Cover::Implicit) => 465,
        (Protocol::Smtp, _) => 25,
        (Protocol::Imap, Cover::Implicit) => 993,
        (Protocol::Imap, _) => 143,
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
    Some(Box::new(Mail {
        protocol,
        host: host?,
        port: fields.get_or("port", usual),
        cover,
        tls: tls.ok()?,
    }))
}

impl Check for Mail {
    fn look<'a>(&'a self, context: &'a Context, stats: &'a mut Stats) -> Looking<'a> {
        Box::pin(async move { self.talk(context, stats).await.unwrap_or_else(|outcome| outcome) })
    }
}

impl Mail {
    async fn talk(&self, context: &Context, stats: &mut Stats) -> Result<Outcome, Outcome> {
        let mut stream = connect::connect(&self.host, self.port, context, stats).await?;
        if self.cover == Cover::Implicit {
            let stream = self.tls.shake(&self.host, stream, context, stats).await?;
            let mut talk = Talk::new(stream, self.protocol);
            talk.greeting(context, stats).await?;
            talk.capabilities(context, stats).await?;
            talk.goodbye().await;
            return Ok(Outcome::Good);
        }
        let mut talk = Talk::new(&mut stream, self.protocol);
        talk.greeting(context, stats).await?;
        let told = talk.capabilities(context, stats).await?;
        if self.cover == Cover::None {
            talk.goodbye().await;
            return Ok(Outcome::Good);
        }
        if !told.to_ascii_uppercase().contains("STARTTLS") {
            return Err(Outcome::Bad(Reason::Tls(
                "the server offers no STARTTLS".to_owned(),
            )));
        }
        talk.ask("STARTTLS").await?;
        let stream = self.tls.shake(&self.host, stream, context, stats).await?;
        let mut talk = Talk::new(stream, self.protocol);
        talk.capabilities(context, stats).await?;
        talk.goodbye().await;
        Ok(Outcome::Good)
    }
}

/// A conversation in lines.
struct Talk<S> {
    stream: S,
    protocol: Protocol,
    read: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<S> {
    fn new(stream: S, protocol: Protocol) -> Self {
        Self {
            stream,
            protocol,
            read: Vec::new(),
        }
    }

    async fn greeting(&mut self, context: &Context, stats: &mut Stats) -> Result<(), Outcome> {
        let start = context.clock.mono();
        let told = self.answer("*").await;
        stats.end_phase("greeting", start, context);
        told.map(drop)
    }

    /// What the server can do.
    async fn capabilities(&mut self, context: &Context, stats: &mut Stats) -> Result<String, Outcome> {
        let start = context.clock.mono();
        let told = match self.protocol {
            // The name of whoever asks; an address literal is right where there is no name.
            Protocol::Smtp => self.ask("EHLO [127.0.0.1]").await,
            Protocol::Imap => self.ask("CAPABILITY").await,
        };
        stats.end_phase("capabilities", start, context);
        told
    }

    /// Whether it says goodbye says nothing about how it works.
    async fn goodbye(&mut self) {
        let word = match self.protocol {
            Protocol::Smtp => "QUIT",
            Protocol::Imap => "LOGOUT",
        };
        if let Err(outcome) = self.ask(word).await {
            tracing::debug!(?outcome, "a mail server did not say goodbye");
        }
    }

    async fn ask(&mut self, command: &str) -> Result<String, Outcome> {
        let line = match self.protocol {
            Protocol::Smtp => format!("{command}\r\n"),
            Protocol::Imap => format!("t {command}\r\n"),
        };
        let sent = self.stream.write_all(line.as_bytes()).await;
        sent.map_err(|e| connect::meaning(&e))?;
        self.answer("t").await
    }

    /// Everything up to the line that ends an answer (of IMAP: the one with `tag`).
    async fn answer(&mut self, tag: &str) -> Result<String, Outcome> {
        let mut told = String::new();
        loop {
            let line = self.line().await?;
            told.push_str(&line);
            told.push('\n');
            if told.len() > MAX_ANSWER {
                return Err(Outcome::Bad(Reason::Malformed));
            }
            let ended = match self.protocol {
                Protocol::Smtp => smtp_end(&line),
                Protocol::Imap => imap_end(&line, tag),
            };
            match ended {
                End::NotYet => {}
                End::Good => return Ok(told),
                End::Bad => return Err(Outcome::Bad(Reason::BodyMismatch)),
                End::Nonsense => return Err(Outcome::Bad(Reason::Malformed)),
            }
        }
    }

    async fn line(&mut self) -> Result<String, Outcome> {
        loop {
            if let Some(end) = self.read.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            if self.read.len() > MAX_ANSWER {
                return Err(Outcome::Bad(Reason::Malformed));
            }
            let read = self.stream.read_buf(&mut self.read).await;
            if read.map_err(|e| connect::meaning(&e))? == 0 {
                return Err(Outcome::Bad(Reason::Refused));
            }
        }
    }
}

/// What a line is to the answer that it belongs to.
#[derive(Debug, PartialEq, Eq)]
enum End {
    NotYet,
    Good,
    Bad,
    Nonsense,
}

/// `250-SIZE` goes on, `250 OK` and `220 mail` end well, `421 busy` does not (RFC 5321 §4.2).
fn smtp_end(line: &str) -> End {
    let mut bytes = line.bytes();
    let digits = [bytes.next(), bytes.next(), bytes.next()];
    if !digits.iter().all(|d| d.is_some_and(|d| d.is_ascii_digit())) {
        return End::Nonsense;
    }
    match (digits[0], bytes.next()) {
        (_, Some(b'-')) => End::NotYet,
        (Some(b'2'), Some(b' ') | None) => End::Good,
        (_, Some(b' ') | None) => End::Bad,
        (_, Some(_)) => End::Nonsense,
    }
}

/// `* CAPABILITY …` goes on, `t OK` ends well, `t NO`, `t BAD` and `* BYE` do not (RFC 3501 §7.1).
/// The greeting is the first line with the tag `*`.
fn imap_end(line: &str, tag: &str) -> End {
    let mut words = line.split(' ');
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let word = second.to_ascii_uppercase();
    if first == "*" && tag != "*" {
        return if word == "BYE" { End::Bad } else { End::NotYet };
    }
    if first != tag {
        return End::Nonsense;
    }
    match word.as_str() {
        "OK" | "PREAUTH" => End::Good,
        "NO" | "BAD" | "BYE" => End::Bad,
        _ => End::Nonsense,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_smtp_end_at_the_line_without_a_dash() {
        assert_eq!(smtp_end("220 mail.example.vn ESMTP"), End::Good);
        assert_eq!(smtp_end("250-SIZE 1000"), End::NotYet);
        assert_eq!(smtp_end("250"), End::Good);
        assert_eq!(smtp_end("554 no service"), End::Bad);
        for nonsense in ["", "HTTP/1.1 400", "25", "2x0 a", "250/x"] {
            assert_eq!(smtp_end(nonsense), End::Nonsense, "{nonsense}");
        }
    }

    #[test]
    fn answers_of_imap_end_at_the_line_with_our_tag() {
        assert_eq!(imap_end("* OK ready", "*"), End::Good);
        assert_eq!(imap_end("* BYE overloaded", "*"), End::Bad);
        assert_eq!(imap_end("* CAPABILITY IMAP4rev1", "t"), End::NotYet);
        assert_eq!(imap_end("t OK done", "t"), End::Good);
        assert_eq!(imap_end("t NO later", "t"), End::Bad);
        assert_eq!(imap_end("220 mail", "*"), End::Nonsense);
    }
}
