//! The answering side of SNMPv3: what an agent does with a message before and
//! after it looks at the objects. For the lab's agents and for tests.
//!
//! Pure: the engine's clock is an argument. Deliberately small: no views (a user
//! may read everything, at its own level of protection). Source: RFC 3414 §3.2.

use std::sync::Arc;

use super::codec::Message;
use super::codec::Pdu;
use super::codec::PduKind;
use super::codec::ScopedPdu;
use super::codec::V3Header;
use super::codec::v3::FLAG_REPORTABLE;
use super::credential::User;
use super::keys::Keys;
use super::usm;
use super::usm::Envelope;
use super::usm::KeyRing;
use super::usm::Level;
use super::usm::Report;
use super::usm::TIME_WINDOW;
use super::usm::Unopened;
use crate::model::snmp::Oid;
use crate::model::snmp::Value;
use crate::model::snmp::VarBind;

/// One agent's engine and its users.
#[derive(Debug)]
pub struct Responder {
    engine_id: Vec<u8>,
    boots: u32,
    users: Vec<(User, Arc<Keys>)>,
    salt: u64,
    reports: u32,
}

/// What became of a message.
#[derive(Debug)]
pub enum Received {
    /// A request of a known user: answer it by [`Responder::answer`].
    Request(Request),
    /// It can't be accepted: send these bytes back.
    Report(Vec<u8>),
    /// It is not for us, or deserves no answer.
    Nothing,
}

/// An accepted request.
#[derive(Debug)]
pub struct Request {
    /// What is asked.
    pub pdu: Pdu,
    /// In which context; empty is the default one.
    pub context: Vec<u8>,
    /// Largest answer that the asker takes, in bytes.
    pub max_size: u32,
    message_id: i32,
    context_engine: Vec<u8>,
    user: usize,
    level: Level,
}

impl Responder {
    /// An agent with this engine id (5 to 32 bytes) that was started `boots`
    /// times and knows these users. `salt` should be random.
    pub fn new(engine_id: Vec<u8>, boots: u32, users: &[User], keys: &mut KeyRing, salt: u64) -> Self {
        Self {
            users: users
                .iter()
                .map(|user| (user.clone(), keys.keys(user, &engine_id)))
                .collect(),
            engine_id,
            boots,
            salt,
            reports: 0,
        }
    }

    /// The engine was restarted.
    pub fn reboot(&mut self, boots: u32) {
        self.boots = boots;
    }

    /// Takes a message, `time` seconds after the engine's start.
    pub fn receive(&mut self, bytes: &[u8], time: u32) -> Received {
        match Message::parse(bytes) {
            Ok(Message::V3(header)) => self.check(&header, time),
            Ok(Message::Community { .. }) | Err(_) => Received::Nothing,
        }
    }

    fn check(&mut self, header: &V3Header<'_>, time: u32) -> Received {
        let level = Level::of_flags(header.flags);
        if header.engine_id != self.engine_id {
            return self.report(header, Report::UnknownEngine, None, time);
        }
        let found = self
            .users
            .iter()
            .position(|(user, _)| user.name.as_bytes() == header.user);
        let Some((index, (user, keys))) = found.and_then(|i| Some((i, self.users.get(i)?))) else {
            return self.report(header, Report::UnknownUser, None, time);
        };
        if level != Level::of(user) {
            return self.report(header, Report::SecurityLevel, None, time);
        }
        let keys = Arc::clone(keys);
        let clear = match usm::open(header, &keys) {
            Ok(clear) => clear,
            Err(Unopened::WrongDigest) => return self.report(header, Report::WrongDigest, None, time),
            Err(Unopened::Decryption) => return self.report(header, Report::Decryption, None, time),
        };
        if header.is_signed() && (header.boots != self.boots || header.time.abs_diff(time) > TIME_WINDOW) {
            return self.report(header, Report::NotInTimeWindow, Some(&keys), time);
        }
        match ScopedPdu::parse(&clear) {
            Ok(scoped) => Received::Request(Request {
                pdu: scoped.pdu,
                context: scoped.context,
                max_size: header.max_size,
                message_id: header.message_id,
                context_engine: scoped.context_engine,
                user: index,
                level,
            }),
            Err(_) => Received::Nothing,
        }
    }

    /// The message that answers a request.
    pub fn answer(&mut self, request: &Request, pdu: Pdu, time: u32) -> Vec<u8> {
        let none = (User::named(""), Arc::default());
        let (user, keys) = self.users.get(request.user).unwrap_or(&none);
        let scoped = ScopedPdu {
            context_engine: request.context_engine.clone(),
            context: request.context.clone(),
            pdu,
        };
        let envelope = Envelope {
            message_id: request.message_id,
            engine_id: &self.engine_id,
            boots: self.boots,
            time,
            user: user.name.as_bytes(),
            reportable: false,
            level: request.level,
        };
        self.salt = self.salt.wrapping_add(1);
        usm::seal(&envelope, scoped.to_bytes(), keys, self.salt)
    }

    fn report(&mut self, header: &V3Header<'_>, report: Report, keys: Option<&Keys>, time: u32) -> Received {
        if header.flags & FLAG_REPORTABLE == 0 {
            return Received::Nothing;
        }
        self.reports = self.reports.wrapping_add(1);
        self.salt = self.salt.wrapping_add(1);
        let scoped = ScopedPdu {
            context_engine: self.engine_id.clone(),
            context: Vec::new(),
            pdu: Pdu {
                kind: PduKind::Report,
                request_id: 0,
                status: 0,
                index: 0,
                bindings: vec![VarBind {
                    oid: Oid::new(report.arcs()),
                    value: Value::Counter32(self.reports),
                }],
            },
        };
        let envelope = Envelope {
            message_id: header.message_id,
            engine_id: &self.engine_id,
            boots: self.boots,
            time,
            user: header.user,
            reportable: false,
            level: if keys.is_some() {
                Level::AuthNoPriv
            } else {
                Level::NoAuthNoPriv
            },
        };
        let none = Keys::default();
        Received::Report(usm::seal(
            &envelope,
            scoped.to_bytes(),
            keys.unwrap_or(&none),
            self.salt,
        ))
    }
}
