//! A network on virtual time, and agents in it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use super::super::*;
use crate::model::snmp::Oid;
use crate::model::snmp::Value;
use crate::probe::snmp::call::Limits;
use crate::probe::snmp::codec::Message;
use crate::probe::snmp::codec::Pdu;
use crate::probe::snmp::codec::PduKind;
use crate::probe::snmp::codec::message::write_community;
use crate::probe::snmp::credential::Credential;
use crate::probe::snmp::credential::Version;
use crate::probe::snmp::responder::Received;
use crate::probe::snmp::responder::Responder;

/// Objects of an agent.
pub(super) type Objects = BTreeMap<Oid, Value>;

pub(super) fn oid(text: &str) -> Oid {
    text.parse().unwrap()
}

pub(super) fn address(n: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], n))
}

/// A v2c agent at [`address`] with the default patience.
pub(super) fn agent(n: u16) -> Agent {
    Agent::new(address(n), Arc::new(Credential::v2c("public")))
}

/// An ifTable of three columns and so many rows, and an object after it.
pub(super) fn table(rows: u32) -> Objects {
    let mut objects = Objects::new();
    for column in 1..=3 {
        for row in 1..=rows {
            let at = oid("1.3.6.1.2.1.2.2.1").child(&[column, row]);
            objects.insert(at, Value::Integer(i64::from(column * 1000 + row)));
        }
    }
    objects.insert(oid("1.3.6.1.2.1.4.1.0"), Value::Integer(1));
    objects
}

/// A column of [`table`].
pub(super) fn column(n: u32) -> Oid {
    oid("1.3.6.1.2.1.2.2.1").child(&[n])
}

/// Who waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) number: usize,
    gone: bool,
}

impl Ticket {
    pub(super) fn gone() -> Self {
        Self {
            number: 0,
            gone: true,
        }
    }
}

impl Caller for Ticket {
    fn has_left(&self) -> bool {
        self.gone
    }
}

type Change = Box<dyn FnMut(&mut Pdu)>;
type Refusal = Box<dyn FnMut(&Pdu) -> Option<Pdu>>;

/// A packet on its way, in the order of arrival.
type Flight = (Mono, u64, SocketAddr, SocketAddr, Vec<u8>);

pub(super) struct World {
    pub(super) session: Session<Ticket>,
    pub(super) now: Mono,
    pub(super) objects: Objects,
    pub(super) community: Vec<u8>,
    pub(super) done: Vec<(Ticket, Done)>,
    pub(super) last_sent: Vec<u8>,
    /// Cut answers after so many bytes.
    pub(super) cut: Option<usize>,
    /// Agents of SNMPv3, and when their engines started.
    pub(super) responders: BTreeMap<SocketAddr, (Responder, Mono)>,
    /// Of a thousand packets in each direction, so many are lost.
    pub(super) loss_per_mille: u64,
    /// Answers that would be larger are not sent at all.
    pub(super) largest_answer: usize,
    flights: BTreeSet<Flight>,
    delays: BTreeMap<SocketAddr, Duration>,
    sources: BTreeMap<SocketAddr, SocketAddr>,
    changes: BTreeMap<SocketAddr, Change>,
    refusals: BTreeMap<SocketAddr, Refusal>,
    muted: BTreeSet<SocketAddr>,
    serial: u64,
    dice: u64,
}

impl World {
    pub(super) fn new(objects: Objects) -> Self {
        Self {
            session: Session::new([7; 16]),
            now: Mono(1_000_000_000_000_000),
            objects,
            community: b"public".to_vec(),
            done: Vec::new(),
            last_sent: Vec::new(),
            cut: None,
            responders: BTreeMap::new(),
            loss_per_mille: 0,
            largest_answer: usize::MAX,
            flights: BTreeSet::new(),
            delays: BTreeMap::new(),
            sources: BTreeMap::new(),
            changes: BTreeMap::new(),
            refusals: BTreeMap::new(),
            muted: BTreeSet::new(),
            serial: 0,
            dice: 88_172_645_463_325_252,
        }
    }

    pub(super) fn delay(&mut self, of: SocketAddr, by: Duration) {
        self.delays.insert(of, by);
    }

    pub(super) fn answer_from(&mut self, of: SocketAddr, from: SocketAddr) {
        self.sources.insert(of, from);
    }

    pub(super) fn mute(&mut self, of: SocketAddr) {
        self.muted.insert(of);
    }

    /// Changes every answer of an agent before it is sent.
    pub(super) fn change_answers(&mut self, of: SocketAddr, change: impl FnMut(&mut Pdu) + 'static) {
        self.changes.insert(of, Box::new(change));
    }

    /// Answers in the agent's place where it gives something.
    pub(super) fn instead(&mut self, of: SocketAddr, refusal: impl FnMut(&Pdu) -> Option<Pdu> + 'static) {
        self.refusals.insert(of, Box::new(refusal));
    }

    pub(super) fn begin(&mut self, agent: &Agent, work: Work, time: Duration, ticket: Ticket) {
        let mut actions = Actions::default();
        let deadline = self.now.plus(time);
        self.session
            .start(agent.clone(), work, deadline, ticket, self.now, &mut actions);
        self.carry_out(actions);
    }

    pub(super) fn begin_get(&mut self, agent: &Agent, wanted: &[Oid]) {
        self.serial += 1;
        let ticket = Ticket {
            number: usize::try_from(self.serial).unwrap(),
            gone: false,
        };
        self.begin(agent, Work::get(wanted.to_vec()), agent.deadline, ticket);
    }

    pub(super) fn begin_walk(&mut self, agent: &Agent, columns: &[Oid], limits: Limits) {
        self.serial += 1;
        let ticket = Ticket {
            number: usize::try_from(self.serial).unwrap(),
            gone: false,
        };
        let work = Work::walk(columns.to_vec(), None, limits);
        self.begin(agent, work, limits.time, ticket);
    }

    pub(super) fn get(&mut self, agent: &Agent, wanted: &[Oid]) -> Result<Vec<VarBind>, Finding> {
        self.begin_get(agent, wanted);
        self.run_until_done();
        match self.done.pop() {
            Some((_, Done::Get(result))) => result,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn walk(&mut self, agent: &Agent, columns: &[Oid], limits: Limits) -> Walk {
        self.begin_walk(agent, columns, limits);
        self.run_until_done();
        match self.done.pop() {
            Some((_, Done::Walk(walk))) => walk,
            other => panic!("{other:?}"),
        }
    }

    fn run_until_done(&mut self) {
        let before = self.done.len();
        while self.done.len() == before && self.step(Mono(u64::MAX)) {}
    }

    /// Runs until nothing is left to happen.
    pub(super) fn settle(&mut self) {
        while self.step(Mono(u64::MAX)) {}
    }

    pub(super) fn run_until(&mut self, end: Mono) {
        while self.step(end) {}
        self.now = self.now.max(end);
    }

    /// The next thing that happens, not after `end`.
    fn step(&mut self, end: Mono) -> bool {
        let flight = self.flights.first().map(|f| f.0);
        let wake = self.session.wake_at();
        let Some(next) = flight.into_iter().chain(wake).min().filter(|at| *at <= end) else {
            return false;
        };
        self.now = self.now.max(next);
        let mut actions = Actions::default();
        if flight == Some(next)
            && let Some((_, _, from, to, bytes)) = self.flights.pop_first()
        {
            if to == client() {
                self.session.packet(&bytes, from, self.now, &mut actions);
            } else {
                self.serve(to, &bytes);
            }
        } else {
            self.session.tick(self.now, &mut actions);
        }
        self.carry_out(actions);
        true
    }

    fn carry_out(&mut self, actions: Actions<Ticket>) {
        for (_, to, bytes) in actions.send {
            self.last_sent.clone_from(&bytes);
            self.fly(client(), to, bytes, Duration::from_millis(1));
        }
        self.done.extend(actions.done);
    }

    fn fly(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>, after: Duration) {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        if self.dice % 1000 >= self.loss_per_mille {
            self.serial += 1;
            self.flights
                .insert((self.now.plus(after), self.serial, from, to, bytes));
        }
    }

    fn serve(&mut self, at: SocketAddr, bytes: &[u8]) {
        if self.muted.contains(&at) {
            return;
        }
        let Some(mut answer) = self.answer(at, bytes) else {
            return;
        };
        if answer.len() > self.largest_answer {
            return;
        }
        if let Some(length) = self.cut {
            answer.truncate(length);
        }
        let from = self.sources.get(&at).copied().unwrap_or(at);
        let after = self.delays.get(&at).copied().unwrap_or(Duration::from_millis(1));
        self.fly(from, client(), answer, after);
    }

    fn answer(&mut self, at: SocketAddr, bytes: &[u8]) -> Option<Vec<u8>> {
        if let Some((responder, start)) = self.responders.get_mut(&at) {
            let time = u32::try_from(self.now.since(*start).as_secs()).unwrap();
            return match responder.receive(bytes, time) {
                Received::Request(request) => {
                    let pdu = answer(&self.objects, &request.pdu, false);
                    Some(responder.answer(&request, pdu, time))
                }
                Received::Report(bytes) => Some(bytes),
                Received::Nothing => None,
            };
        }
        let Ok(Message::Community { version, pdu, .. }) = Message::parse(bytes) else {
            return None;
        };
        let instead = self.refusals.get_mut(&at).and_then(|refuse| refuse(&pdu));
        let mut out = instead.unwrap_or_else(|| answer(&self.objects, &pdu, version == Version::V1));
        if let Some(change) = self.changes.get_mut(&at) {
            change(&mut out);
        }
        Some(write_community(version, &self.community, &out))
    }
}

fn client() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 250], 1))
}

/// The answer with an error status about the object at `index` (from 1).
pub(super) fn error(pdu: &Pdu, status: u32, index: u32) -> Pdu {
    Pdu {
        kind: PduKind::Response,
        status,
        index,
        ..pdu.clone()
    }
}

/// What an ordinary agent answers.
pub(super) fn answer(objects: &Objects, pdu: &Pdu, v1: bool) -> Pdu {
    let next = |after: &Oid| {
        objects
            .range((Bound::Excluded(after.clone()), Bound::Unbounded))
            .next()
            .map(|(oid, value)| (oid.clone(), value.clone()))
    };
    let mut bindings = Vec::new();
    let rounds = if pdu.kind == PduKind::GetBulk {
        pdu.index
    } else {
        1
    };
    let mut from: Vec<Oid> = pdu.bindings.iter().map(|b| b.oid.clone()).collect();
    for _ in 0..rounds {
        for (place, at) in (1_u32..).zip(&mut from) {
            let (oid, value) = if pdu.kind == PduKind::Get {
                let value = objects.get(at).cloned().unwrap_or(Value::NoSuchInstance);
                (at.clone(), value)
            } else {
                next(at).unwrap_or((at.clone(), Value::EndOfMibView))
            };
            if v1 && value.is_absent() {
                return error(pdu, 2, place);
            }
            at.clone_from(&oid);
            bindings.push(VarBind { oid, value });
        }
    }
    Pdu {
        kind: PduKind::Response,
        request_id: pdu.request_id,
        status: 0,
        index: 0,
        bindings,
    }
}
