//! The check `dns`: a name server answers a question, with what it should.
//!
//! One question over UDP, asked again every second until the time is up; over
//! TCP where the answer does not fit. RFC 1035 §4.

use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
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
    name: "dns",
    doc: "A name server answers a question, with what it should.",
    keys: KEYS,
    build,
};

const KEYS: &[Key] = &[
    key("kind", Value::Text, "`dns`."),
    key("host", Value::Host, "The name server: address or name."),
    key(
        "port",
        Value::Integer(1, 65_535),
        "Port, UDP and TCP; default 53.",
    ),
    key("name", Value::Text, "The name to ask for."),
    key("type", Value::Word(types), "What to ask about it; default A."),
    key(
        "expect",
        Value::List(&Value::Text),
        "Addresses, names or texts, each of which must be among the answers; default: any answer is good.",
    ),
];

fn types() -> Vec<&'static str> {
    TYPES.iter().map(|(word, _)| *word).collect()
}

/// The types that can be asked for (RFC 1035 §3.2.2, RFC 3596).
const TYPES: [(&str, u16); 8] = [
    ("A", 1),
    ("AAAA", 28),
    ("CNAME", 5),
    ("MX", 15),
    ("NS", 2),
    ("PTR", 12),
    ("SOA", 6),
    ("TXT", 16),
];

/// From one try over UDP to the next.
const AGAIN: Span = Span::from_secs(1);
/// The class IN.
const INTERNET: u16 = 1;
/// Pointers followed in one name: more than a name has labels.
const MOST_JUMPS: usize = 128;
/// Records of an answer that are read.
const MOST_RECORDS: u16 = 512;

#[derive(Debug)]
struct Dns {
    host: String,
    port: u16,
    name: Vec<u8>,
    kind: u16,
    expect: Vec<String>,
}

fn build(node: &Node, sink: &Sink) -> Option<Box<dyn Check>> {
    let fields = node.fields(KEYS, sink)?;
    let host = fields.require::<String>("host");
    let name = fields.require::<String>("name").and_then(|text| {
        let encoded = encode_name(&text);
        if encoded.is_none() {
            fields.report(
                "name",
                "this is no name of the DNS",
                "labels of 1 to 63 ASCII characters, like www.example.vn",
            );
        }
        encoded
    });
    let word = fields.get::<String>("type").unwrap_or_else(|| "A".to_owned());
    let kind = TYPES.iter().find(|(known, _)| *known == word).map(|(_, n)| *n);
    if kind.is_none() {
        fields.report(
            "type",
            format!("there is no type {word:?} here"),
            types().join(", "),
        );
    }
    let items = fields.node("expect").map(Node::items).unwrap_or_default();
    let expect = items.iter().filter_map(Node::text).map(tidy).collect();
    Some(Box::new(Dns {
        host: host?,
        port: fields.get_or("port", 53),
        name: name?,
        kind: kind?,
        expect,
    }))
}

/// As answers are compared: without case, without the dot at the end.
fn tidy(text: &str) -> String {
    text.trim_end_matches('.').to_lowercase()
}

/// The labels of a name, each after its length.
fn encode_name(text: &str) -> Option<Vec<u8>> {
    let mut encoded = Vec::new();
    let plain = text.strip_suffix('.').unwrap_or(text);
    for label in plain.split('.') {
        let length = u8::try_from(label.len()).ok().filter(|n| (1..=63).contains(n))?;
        if !label.is_ascii() {
            return None;
        }
        encoded.push(length);
        encoded.extend_from_slice(label.as_bytes());
    }
    encoded.push(0);
    (encoded.len() <= 255).then_some(encoded)
}

impl Check for Dns {
    fn look<'a>(&'a self, context: &'a Context, stats: &'a mut Stats) -> Looking<'a> {
        Box::pin(async move { self.ask(context, stats).await.unwrap_or_else(|outcome| outcome) })
    }
}

impl Dns {
    async fn ask(&self, context: &Context, stats: &mut Stats) -> Result<Outcome, Outcome> {
        let blind = |why: String| Outcome::Blind(BlindReason::Internal(why));
        let mut id = [0; 2];
        getrandom::fill(&mut id).map_err(|e| blind(e.to_string()))?;
        let start = context.clock.mono();
        let mut found = lookup_host((self.host.as_str(), self.port))
            .await
            .map_err(|_unknown| Outcome::Blind(BlindReason::Dns))?;
        let server = found.next().ok_or(Outcome::Blind(BlindReason::Dns))?;
        let start = stats.end_phase("resolve", start, context);
        let question = self.question(id);
        let answer = self.over_udp(&question, server).await?;
        let start = stats.end_phase("answer", start, context);
        if let Told::Cut = answer {
            let bytes = self.over_tcp(&question, context, stats).await?;
            stats.end_phase("answer", start, context);
            return match self.read(&question, &bytes) {
                Some(told) => Ok(self.judge(&told)),
                None => Err(Outcome::Bad(Reason::Malformed)),
            };
        }
        Ok(self.judge(&answer))
    }

    /// The message that asks.
    fn question(&self, id: [u8; 2]) -> Vec<u8> {
        // Recursion desired; one question.
        let mut bytes = vec![id[0], id[1], 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        bytes.extend_from_slice(&self.name);
        bytes.extend_from_slice(&self.kind.to_be_bytes());
        bytes.extend_from_slice(&INTERNET.to_be_bytes());
        bytes
    }

    async fn over_udp(&self, question: &[u8], server: std::net::SocketAddr) -> Result<Told, Outcome> {
        let here: std::net::SocketAddr = if server.is_ipv4() {
            (Ipv4Addr::UNSPECIFIED, 0).into()
        } else {
            (Ipv6Addr::UNSPECIFIED, 0).into()
        };
        let fault = |e: std::io::Error| connect::meaning(&e);
        let socket = UdpSocket::bind(here).await.map_err(fault)?;
        socket.connect(server).await.map_err(fault)?;
        let mut buffer = [0; 4096];
        loop {
            socket.send(question).await.map_err(fault)?;
            let heard = tokio::time::timeout(AGAIN, async {
                loop {
                    let length = socket.recv(&mut buffer).await?;
                    // What is no answer to this question is somebody else's.
                    if let Some(told) = buffer.get(..length).and_then(|b| self.read(question, b)) {
                        return Ok(told);
                    }
                }
            });
            if let Ok(told) = heard.await {
                return told.map_err(fault);
            }
        }
    }

    async fn over_tcp(
        &self,
        question: &[u8],
        context: &Context,
        stats: &mut Stats,
    ) -> Result<Vec<u8>, Outcome> {
        let fault = |e: std::io::Error| connect::meaning(&e);
        let mut stream = connect::connect(&self.host, self.port, context, stats).await?;
        let length = u16::try_from(question.len()).unwrap_or(0);
        stream.write_all(&length.to_be_bytes()).await.map_err(fault)?;
        stream.write_all(question).await.map_err(fault)?;
        let length = stream.read_u16().await.map_err(fault)?;
        let mut bytes = vec![0; usize::from(length)];
        stream.read_exact(&mut bytes).await.map_err(fault)?;
        Ok(bytes)
    }

    /// `None`: no answer to this question.
    fn read(&self, question: &[u8], bytes: &[u8]) -> Option<Told> {
        let mut reader = Message { bytes, at: 0 };
        if reader.take(2)? != question.get(..2)? {
            return None;
        }
        let flags = reader.u16()?;
        let (questions, answers) = (reader.u16()?, reader.u16()?);
        reader.take(4)?;
        let asked = question.get(12..)?;
        // An answer, to one question, which is ours; case is the asker's (RFC 1035 §2.3.3).
        if flags & 0x8000 == 0 || questions != 1 || !reader.take(asked.len())?.eq_ignore_ascii_case(asked) {
            return None;
        }
        if flags & 0x0200 != 0 {
            return Some(Told::Cut);
        }
        if flags & 0xf != 0 {
            return Some(Told::Code(flags & 0xf));
        }
        let mut records = Vec::new();
        for _ in 0..answers.min(MOST_RECORDS) {
            reader.name()?;
            let (kind, class) = (reader.u16()?, reader.u16()?);
            reader.take(4)?;
            let length = usize::from(reader.u16()?);
            let end = reader.at.checked_add(length)?;
            if kind == self.kind && class == INTERNET {
                records.push(reader.data(kind, length)?);
            }
            reader.at = end;
        }
        Some(Told::Records(records))
    }

    fn judge(&self, told: &Told) -> Outcome {
        match told {
            Told::Records(records) if records.is_empty() => Outcome::Bad(Reason::Dns),
            Told::Records(records) => {
                if self.expect.iter().all(|wanted| records.contains(wanted)) {
                    Outcome::Good
                } else {
                    Outcome::Bad(Reason::BodyMismatch)
                }
            }
            // REFUSED (RFC 1035 §4.1.1).
            Told::Code(5) => Outcome::Bad(Reason::Prohibited),
            Told::Code(_) => Outcome::Bad(Reason::Dns),
            Told::Cut => Outcome::Bad(Reason::Malformed),
        }
    }
}

/// What the server told.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    /// The records of the type asked for, tidied.
    Records(Vec<String>),
    /// A response code other than 0.
    Code(u16),
    /// That the answer does not fit.
    Cut,
}

/// Reads a message of the DNS.
struct Message<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Message<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_be_bytes)
    }

    /// A name, its compression undone (RFC 1035 §4.1.4).
    fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        let mut after = None;
        for _ in 0..MOST_JUMPS {
            let length = *self.take(1)?.first()?;
            match length {
                0 => {
                    self.at = after.unwrap_or(self.at);
                    return Some(tidy(&name));
                }
                1..=63 => {
                    let label = self.take(usize::from(length))?;
                    name.push_str(&String::from_utf8_lossy(label));
                    name.push('.');
                }
                0xc0.. => {
                    let low = *self.take(1)?.first()?;
                    after.get_or_insert(self.at);
                    self.at = usize::from(u16::from_be_bytes([length & 0x3f, low]));
                }
                _ => return None,
            }
        }
        None
    }

    /// The data of a record as text.
    fn data(&mut self, kind: u16, length: usize) -> Option<String> {
        Some(match kind {
            1 => {
                let bytes: [u8; 4] = self.take(length)?.try_into().ok()?;
                Ipv4Addr::from(bytes).to_string()
            }
            28 => {
                let bytes: [u8; 16] = self.take(length)?.try_into().ok()?;
                Ipv6Addr::from(bytes).to_string()
            }
            // The preference before the name of a mail server is not compared.
            15 => {
                self.take(2)?;
                self.name()?
            }
            16 => {
                let mut rest = self.take(length)?;
                let mut text = String::new();
                while let Some((size, more)) = rest.split_first() {
                    let (part, more) = more.split_at_checked(usize::from(*size))?;
                    text.push_str(&String::from_utf8_lossy(part));
                    rest = more;
                }
                tidy(&text)
            }
            _ => self.name()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(kind: u16, expect: &[&str]) -> Dns {
        Dns {
            host: "127.0.0.1".to_owned(),
            port: 53,
            name: encode_name("www.example.vn").unwrap(),
            kind,
            expect: expect.iter().map(|e| tidy(e)).collect(),
        }
    }

    /// The answer to a question, with these records of (type, data).
    fn answer(question: &[u8], flags: u16, records: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = question.to_vec();
        bytes[2..4].copy_from_slice(&flags.to_be_bytes());
        bytes[7] = u8::try_from(records.len()).unwrap();
        for (kind, data) in records {
            bytes.extend([0xc0, 12]);
            bytes.extend(kind.to_be_bytes());
            bytes.extend([0, 1, 0, 0, 0, 60]);
            bytes.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
            bytes.extend(*data);
        }
        bytes
    }

    #[test]
    fn answers_of_every_type_are_compared() {
        let cases: [(u16, &[u8], &str); 5] = [
            (1, &[192, 0, 2, 7], "192.0.2.7"),
            (
                28,
                &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7],
                "2001:DB8::7",
            ),
            (
                15,
                &[0, 10, 4, b'm', b'a', b'i', b'l', 0xc0, 16],
                "mail.example.vn.",
            ),
            (5, &[0xc0, 12], "www.example.vn"),
            (16, &[3, b'v', b'=', b'1', 1, b'x'], "v=1x"),
        ];
        for (kind, data, text) in cases {
            let check = check(kind, &[text]);
            let question = check.question([1, 2]);
            let told = check
                .read(&question, &answer(&question, 0x8180, &[(kind, data)]))
                .unwrap();
            assert_eq!(check.judge(&told), Outcome::Good, "{told:?}");
            let other = self::check(kind, &["other"]);
            assert_eq!(other.judge(&told), Outcome::Bad(Reason::BodyMismatch));
        }
    }

    #[test]
    fn what_is_no_answer_to_this_question_is_not_heard() {
        let check = check(1, &[]);
        let question = check.question([1, 2]);
        let good = answer(&question, 0x8180, &[(1, &[192, 0, 2, 7])]);
        assert!(check.read(&question, &good).is_some());
        assert_eq!(check.read(&check.question([1, 3]), &good), None);
        assert_eq!(check.read(&question, &question), None);
        assert_eq!(check.read(&question, &good[..good.len() - 1]), None);
        let code = |flags| check.judge(&check.read(&question, &answer(&question, flags, &[])).unwrap());
        assert_eq!(code(0x8183), Outcome::Bad(Reason::Dns));
        assert_eq!(code(0x8185), Outcome::Bad(Reason::Prohibited));
        assert_eq!(code(0x8180), Outcome::Bad(Reason::Dns));
    }

    #[test]
    fn a_name_that_points_at_itself_ends() {
        let check = check(5, &[]);
        let question = check.question([1, 2]);
        let at = u8::try_from(question.len() + 12).unwrap();
        assert_eq!(
            check.read(&question, &answer(&question, 0x8180, &[(5, &[0xc0, at])])),
            None
        );
    }

    proptest! {
        #[test]
        fn no_bytes_panic(tail: Vec<u8>, kind in 0_usize..8, flags: u16, count: u8) {
            let check = check(TYPES[kind].1, &[]);
            let question = check.question([1, 2]);
            let mut bytes = answer(&question, flags | 0x8000, &[]);
            bytes[7] = count;
            bytes.extend(tail);
            let _told = check.read(&question, &bytes);
        }
    }
}
