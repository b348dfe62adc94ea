//! One call under way: its tries, and what is done when they stay unanswered.

use std::cmp::Reverse;
use std::sync::Arc;

use super::ALIVE;
use super::Actions;
use super::Caller;
use super::Done;
use super::Session;
use crate::model::Mono;
use crate::model::Span;
use crate::model::snmp::Oid;
use crate::probe::snmp::call::Agent;
use crate::probe::snmp::call::WalkEnd;
use crate::probe::snmp::codec::Pdu;
use crate::probe::snmp::codec::PduKind;
use crate::probe::snmp::codec::ber::Writer;
use crate::probe::snmp::codec::message::wrap_community;
use crate::probe::snmp::codec::v3::wrap_scoped;
use crate::probe::snmp::credential::Credential;
use crate::probe::snmp::credential::User;
use crate::probe::snmp::credential::Version;
use crate::probe::snmp::finding::Finding;
use crate::probe::snmp::keys::Keys;
use crate::probe::snmp::size::halved;
use crate::probe::snmp::usm;
use crate::probe::snmp::usm::Engine;
use crate::probe::snmp::usm::Envelope;
use crate::probe::snmp::usm::Level;
use crate::probe::snmp::walk::Ask;
use crate::probe::snmp::walk::Shape;
use crate::probe::snmp::walk::Work;
use crate::probe::snmp::walk::Workbench;

/// sysUpTime.0: what every agent has, to see whether it answers at all.
const SYS_UP_TIME: [u32; 9] = [1, 3, 6, 1, 2, 1, 1, 3, 0];
/// Tries with one size before it is halved.
const TRIES_PER_SIZE: u8 = 2;

/// What a try asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// The engine's id and clock.
    Discover,
    /// What the caller wants.
    Ask(Ask),
    /// The same user signed, but not encrypted: is it the privacy key?
    Unencrypted,
}

impl What {
    pub(super) fn phase(&self) -> Phase {
        match self {
            Self::Discover => Phase::Discover,
            Self::Ask(_) => Phase::Ask,
            Self::Unencrypted => Phase::Unencrypted,
        }
    }
}

/// One packet that may still be answered.
#[derive(Debug)]
pub(super) struct Try {
    pub(super) id: i32,
    pub(super) what: What,
    pub(super) at: Mono,
}

/// What the present exchange is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Discover,
    Ask,
    Unencrypted,
}

/// Why a call ends.
#[derive(Debug, Clone)]
pub(super) enum Ending {
    /// Nothing is left to ask.
    Natural,
    Finding(Finding),
    PacketLimit,
    Deadline,
}

#[derive(Debug)]
pub(super) struct Job<C> {
    pub(super) agent: Agent,
    pub(super) work: Work,
    pub(super) deadline: Mono,
    caller: C,
    pub(super) serial: u64,
    /// False while it waits for another call to the same agent.
    pub(super) begun: bool,
    pub(super) phase: Phase,
    /// The tries of this exchange that may still be answered.
    pub(super) tries: Vec<Try>,
    /// Tries of this exchange, and of them with the present size.
    pub(super) count: u8,
    count_at_size: u8,
    /// Size of the last try.
    asked: u16,
    /// Most bindings in this exchange.
    pub(super) at_most: u16,
    /// The largest size that stayed unanswered in this exchange.
    pub(super) silent_at: Option<u16>,
    /// Most bindings until an object that makes trouble is found.
    pub(super) cap: u16,
    pub(super) wait_until: Option<Mono>,
    /// Its only timer that counts.
    pub(super) timer_at: Mono,
    /// Whether the agent said anything valid in this call.
    pub(super) heard: bool,
    /// What was wrong with its last answer.
    pub(super) malformed: Option<&'static str>,
    packets: u32,
    pub(super) resyncs: u8,
    pub(super) keys: Option<Arc<Keys>>,
}

impl<C: Caller> Job<C> {
    pub(super) fn new(agent: Agent, work: Work, deadline: Mono, caller: C, serial: u64) -> Self {
        Self {
            agent,
            work,
            deadline,
            caller,
            serial,
            begun: false,
            phase: Phase::Ask,
            tries: Vec::new(),
            count: 0,
            count_at_size: 0,
            asked: 1,
            at_most: u16::MAX,
            silent_at: None,
            cap: u16::MAX,
            wait_until: None,
            timer_at: deadline,
            heard: false,
            malformed: None,
            packets: 0,
            resyncs: 0,
            keys: None,
        }
    }

    pub(super) fn user(&self) -> Option<&User> {
        match &*self.agent.credential {
            Credential::V3(user) => Some(user),
            Credential::V1 { .. } | Credential::V2c { .. } => None,
        }
    }

    /// A new exchange begins.
    pub(super) fn fresh(&mut self, phase: Phase) {
        self.phase = phase;
        self.count = 0;
        self.count_at_size = 0;
        self.at_most = u16::MAX;
        self.silent_at = None;
        self.malformed = None;
    }

    /// How long to wait for the answer to the next try.
    fn patience(&self) -> Span {
        let timeout = self.agent.timeout;
        match self.count {
            0 | 1 => timeout,
            2 => timeout.saturating_add(timeout / 2),
            _ => timeout.saturating_mul(2),
        }
    }

    /// What silence means here.
    fn silence(&self) -> Finding {
        match (self.malformed, self.agent.credential.version()) {
            (Some(what), _) => Finding::Malformed(what),
            (None, Version::V1 | Version::V2c) if !self.heard => Finding::NoAnswerOrCommunity,
            (None, _) => Finding::NoAnswer,
        }
    }

    pub(super) fn end(self, ending: Ending, bench: &mut Workbench) -> (C, Done) {
        let silent = (!self.heard && self.packets > 0).then(|| self.silence());
        let done = match self.work {
            Work::Get(get) => Done::Get(get.finish(match ending {
                Ending::Natural => None,
                Ending::Finding(finding) => Some(finding),
                Ending::PacketLimit | Ending::Deadline => Some(silent.unwrap_or(Finding::Deadline)),
            })),
            Work::Walk(walk) => {
                let end = match ending {
                    Ending::Natural => WalkEnd::Complete,
                    Ending::Finding(finding) => WalkEnd::Finding(finding),
                    Ending::PacketLimit => WalkEnd::PacketLimit,
                    Ending::Deadline => silent.map_or(WalkEnd::Deadline, WalkEnd::Finding),
                };
                Done::Walk(walk.finish(&end, self.packets, bench))
            }
        };
        (self.caller, done)
    }
}

impl<C: Caller> Session<C> {
    /// Sends the first packet of a call.
    pub(super) fn begin(&mut self, index: usize, now: Mono, actions: &mut Actions<C>) {
        let Some(job) = self.jobs.get_mut(index).and_then(Option::as_mut) else {
            return;
        };
        job.begun = true;
        let engine = self
            .peers
            .get(&job.agent.address)
            .and_then(|peer| peer.engine.as_ref());
        match (job.user(), engine) {
            (Some(_), None) => job.fresh(Phase::Discover),
            (Some(user), Some(engine)) => {
                let keys = self.keys.keys(user, &engine.id);
                job.keys = Some(keys);
                job.fresh(Phase::Ask);
            }
            (None, _) => job.fresh(Phase::Ask),
        }
        self.send_try(index, now, actions);
    }

    /// Asks for the next part, or ends the call if there is none.
    pub(super) fn advance(&mut self, index: usize, now: Mono, actions: &mut Actions<C>) {
        if let Some(job) = self.job(index) {
            job.fresh(Phase::Ask);
            self.send_try(index, now, actions);
        }
    }

    /// Forgets the tries of an exchange: nothing answers it any more.
    pub(super) fn close_exchange(&mut self, index: usize) {
        if let Some(job) = self.jobs.get_mut(index).and_then(Option::as_mut) {
            for one in job.tries.drain(..) {
                self.pending.remove(&one.id);
            }
        }
    }

    /// Sends the next try of the present exchange.
    pub(super) fn send_try(&mut self, index: usize, now: Mono, actions: &mut Actions<C>) {
        let id = self.fresh_id();
        let Some(job) = self.jobs.get_mut(index).and_then(Option::as_mut) else {
            return;
        };
        if job.caller.has_left() {
            return self.finish(index, Ending::Deadline, now, actions);
        }
        if let Work::Walk(walk) = &job.work
            && job.packets >= walk.limits().packets
        {
            return self.finish(index, Ending::PacketLimit, now, actions);
        }
        let peer = self.peers.entry(job.agent.address).or_default();
        let what = match job.phase {
            Phase::Discover => What::Discover,
            Phase::Unencrypted => What::Unencrypted,
            Phase::Ask => {
                let version = job.agent.credential.version();
                let bulk = version != Version::V1;
                let next = job.work.next(&Shape {
                    size: peer.size,
                    at_most: job.at_most.min(job.cap),
                    max_repetitions: if bulk { job.agent.max_repetitions } else { 1 },
                });
                let Some(ask) = next else {
                    return self.finish(index, Ending::Natural, now, actions);
                };
                job.asked = ask.size();
                What::Ask(ask)
            }
        };
        self.salt = self.salt.wrapping_add(1);
        let pens = Pens {
            writer: &mut self.writer,
            sealed: &mut self.sealed,
            clear: &mut self.clear,
        };
        let bytes = pens
            .write(job, &what, id, peer.engine.as_ref(), self.salt, now)
            .to_vec();
        if job.count > 0 {
            self.counters.retries += 1;
        }
        self.counters.sent += 1;
        job.packets += 1;
        let wait_until = now.plus(job.patience());
        job.wait_until = Some(wait_until);
        job.count = job.count.saturating_add(1);
        job.count_at_size = job.count_at_size.saturating_add(1);
        job.tries.push(Try { id, what, at: now });
        if wait_until < job.timer_at {
            job.timer_at = wait_until;
            self.timers.push(Reverse((wait_until, index, job.serial)));
        }
        self.pending.insert(id, index);
        actions.send.push((id, job.agent.address, bytes));
    }

    /// The last try stayed unanswered (or was answered with nonsense): another
    /// one, a smaller one, or the end (trap 9).
    pub(super) fn silence(&mut self, index: usize, now: Mono, actions: &mut Actions<C>) {
        let Some(job) = self.jobs.get_mut(index).and_then(Option::as_mut) else {
            return;
        };
        let allowed = job.agent.retries.saturating_add(1);
        match job.phase {
            Phase::Discover | Phase::Unencrypted => {
                let allowed = if job.phase == Phase::Discover {
                    allowed
                } else {
                    allowed.min(TRIES_PER_SIZE)
                };
                if job.count < allowed {
                    return self.send_try(index, now, actions);
                }
            }
            Phase::Ask => {
                let peer = self.peers.get(&job.agent.address);
                let alive = job.heard
                    || peer
                        .and_then(|p| p.heard_at)
                        .is_some_and(|at| now.since(at) < ALIVE);
                let spent = job.count >= allowed;
                if job.asked > 1 && (job.count_at_size >= TRIES_PER_SIZE || spent) && (!spent || alive) {
                    job.silent_at = Some(job.silent_at.unwrap_or(0).max(job.asked));
                    job.at_most = halved(job.asked);
                    // Past the allowed tries each size gets one only, the last one two.
                    job.count_at_size = u8::from(spent && job.at_most > 1);
                    return self.send_try(index, now, actions);
                }
                if !spent || (alive && job.silent_at.is_some() && job.count_at_size < TRIES_PER_SIZE) {
                    return self.send_try(index, now, actions);
                }
                let encrypts = job.user().is_some_and(|user| Level::of(user) == Level::AuthPriv);
                if encrypts && !peer.is_some_and(|p| p.confirmed) {
                    job.fresh(Phase::Unencrypted);
                    return self.send_try(index, now, actions);
                }
            }
        }
        let finding = job.silence();
        self.finish(index, Ending::Finding(finding), now, actions);
    }
}

/// What tries are written with.
struct Pens<'a> {
    writer: &'a mut Writer,
    sealed: &'a mut Writer,
    clear: &'a mut Vec<u8>,
}

impl<'a> Pens<'a> {
    /// The bytes of a try.
    fn write<C>(
        self,
        job: &Job<C>,
        what: &What,
        id: i32,
        engine: Option<&Engine>,
        salt: u64,
        now: Mono,
    ) -> &'a [u8] {
        let writer = self.writer;
        writer.clear();
        match what {
            What::Discover => {
                Pdu::write_request(writer, PduKind::Get, id, (0, 0), std::iter::empty());
            }
            What::Unencrypted => {
                let oid = Oid::from_slice(&SYS_UP_TIME);
                Pdu::write_request(writer, PduKind::Get, id, (0, 0), std::iter::once(&oid));
            }
            What::Ask(ask) => {
                let numbers = (0, u32::from(ask.repetitions));
                Pdu::write_request(writer, ask.kind, id, numbers, job.work.oids(ask));
            }
        }
        let user = match &*job.agent.credential {
            Credential::V3(user) => user,
            Credential::V1 { community } | Credential::V2c { community } => {
                wrap_community(writer, job.agent.credential.version(), community.expose());
                return writer.bytes();
            }
        };
        let none = Keys::default();
        let known = engine.filter(|_| *what != What::Discover);
        let engine_id = known.map_or(&[][..], |e| &e.id);
        let context_engine = user.context_engine.as_deref().unwrap_or(engine_id);
        wrap_scoped(writer, context_engine, user.context.as_bytes());
        let envelope = Envelope {
            message_id: id,
            engine_id,
            boots: known.map_or(0, |e| e.boots),
            time: known.map_or(0, |e| e.time_at(now)),
            user: known.map_or(&[][..], |_| user.name.as_bytes()),
            reportable: true,
            level: match what {
                What::Discover => Level::NoAuthNoPriv,
                What::Unencrypted => Level::of(user).min(Level::AuthNoPriv),
                What::Ask(_) => Level::of(user),
            },
        };
        self.clear.clear();
        self.clear.extend_from_slice(writer.bytes());
        let keys = job.keys.as_deref().unwrap_or(&none);
        usm::seal_into(self.sealed, &envelope, self.clear, keys, salt);
        self.sealed.bytes()
    }
}
