//! What a packet that answers a try means.

use super::Actions;
use super::Caller;
use super::Session;
use super::job::Ending;
use super::job::Phase;
use super::job::What;
use crate::model::Mono;
use crate::probe::snmp::codec::PduKind;
use crate::probe::snmp::codec::V3Header;
use crate::probe::snmp::codec::message::MessageHead;
use crate::probe::snmp::codec::pdu::PduHead;
use crate::probe::snmp::codec::v3::ScopedHead;
use crate::probe::snmp::credential::Credential;
use crate::probe::snmp::finding::Finding;
use crate::probe::snmp::size::halved;
use crate::probe::snmp::usm;
use crate::probe::snmp::usm::Engine;
use crate::probe::snmp::usm::Level;
use crate::probe::snmp::usm::Report;
use crate::probe::snmp::walk::Ask;
use crate::probe::snmp::walk::Verdict;

/// Times that one call learns the engine's id or clock anew before it gives up.
const MOST_RESYNCS: u8 = 3;
/// Longest snmpEngineID (RFC 3411 §5).
const LONGEST_ENGINE_ID: usize = 32;

impl<C: Caller> Session<C> {
    /// Takes a packet whose id is the one of a try of job `index`.
    pub(super) fn answer(
        &mut self,
        index: usize,
        id: i32,
        bytes: &[u8],
        now: Mono,
        actions: &mut Actions<C>,
    ) {
        let Some(job) = self.jobs.get(index).and_then(Option::as_ref) else {
            return;
        };
        match (MessageHead::parse(bytes), &*job.agent.credential) {
            (Err(malformed), _) => self.nonsense(index, id, malformed.0, now, actions),
            (
                Ok(MessageHead::Community {
                    version,
                    community,
                    pdu,
                }),
                Credential::V1 { community: ours } | Credential::V2c { community: ours },
            ) => {
                if community != ours.expose() || version != job.agent.credential.version() {
                    self.counters.foreign += 1;
                } else if pdu.kind == PduKind::Response {
                    self.use_answer(index, id, &pdu, bytes.len(), now, actions);
                } else {
                    self.nonsense(index, id, "an answer that is no response", now, actions);
                }
            }
            (Ok(MessageHead::V3(header)), Credential::V3(_)) => {
                self.answer_v3(index, id, &header, now, actions);
            }
            (Ok(_), _) => self.counters.foreign += 1,
        }
    }

    /// The agent answered this try with what is no answer: as good as silence, but sooner.
    fn nonsense(&mut self, index: usize, id: i32, what: &'static str, now: Mono, actions: &mut Actions<C>) {
        self.counters.malformed += 1;
        self.pending.remove(&id);
        if let Some(job) = self.job(index) {
            job.tries.retain(|one| one.id != id);
            job.malformed = Some(what);
            self.silence(index, now, actions);
        }
    }

    fn hear(&mut self, index: usize, now: Mono) {
        if let Some(job) = self.jobs.get_mut(index).and_then(Option::as_mut) {
            job.heard = true;
            self.peers.entry(job.agent.address).or_default().heard_at = Some(now);
        }
    }

    /// Gives a response to the walk or get, learns the size, and goes on.
    fn use_answer(
        &mut self,
        index: usize,
        id: i32,
        pdu: &PduHead<'_>,
        bytes: usize,
        now: Mono,
        actions: &mut Actions<C>,
    ) {
        let Some(job) = self.jobs.get_mut(index).and_then(Option::as_mut) else {
            return;
        };
        let place = job.tries.iter().position(|one| one.id == id);
        let Some(place) = place else {
            return;
        };
        let one = job.tries.swap_remove(place);
        let What::Ask(ask) = one.what else {
            return;
        };
        self.counters.answered(now.since(one.at));
        self.pending.remove(&id);
        let silent_at = job.silent_at;
        let verdict = match job.work.answered(&ask, pdu, bytes, &mut self.bench) {
            Ok(verdict) => verdict,
            Err(malformed) => return self.nonsense(index, id, malformed.0, now, actions),
        };
        job.heard = true;
        let peer = self.peers.entry(job.agent.address).or_default();
        peer.heard_at = Some(now);
        let size = &mut peer.size;
        match verdict {
            Verdict::Used { full } => {
                if let Some(silent) = silent_at.filter(|s| *s > ask.size()) {
                    size.failed_silently(silent, now);
                }
                if full {
                    size.answered_in_full(ask.size(), ask.repetitions, now);
                } else {
                    job.cap = u16::MAX;
                }
            }
            Verdict::TooBig if ask.size() > 1 => size.refused(ask.size(), now),
            Verdict::TooBig => job.work.give_up(&ask, &Finding::TooBig),
            Verdict::Split => job.cap = 1,
        }
        self.close_exchange(index);
        self.advance_smaller(index, &ask, &verdict, now, actions);
    }

    fn advance_smaller(
        &mut self,
        index: usize,
        ask: &Ask,
        verdict: &Verdict,
        now: Mono,
        actions: &mut Actions<C>,
    ) {
        if let Some(job) = self.job(index) {
            job.fresh(Phase::Ask);
            if *verdict == Verdict::TooBig {
                job.at_most = halved(ask.size());
            }
            self.send_try(index, now, actions);
        }
    }

    fn answer_v3(
        &mut self,
        index: usize,
        id: i32,
        header: &V3Header<'_>,
        now: Mono,
        actions: &mut Actions<C>,
    ) {
        let Some(job) = self.jobs.get(index).and_then(Option::as_ref) else {
            return;
        };
        let Some(user) = job.user() else {
            return;
        };
        let Some(what) = job
            .tries
            .iter()
            .find(|one| one.id == id)
            .map(|one| one.what.phase())
        else {
            return;
        };
        if what == Phase::Discover {
            if header.engine_id.is_empty() || header.engine_id.len() > LONGEST_ENGINE_ID {
                return self.nonsense(
                    index,
                    id,
                    "a discovery answered without an engine id",
                    now,
                    actions,
                );
            }
            self.hear(index, now);
            return self.take_engine(index, header, now, actions);
        }
        let Some(keys) = job.keys.clone() else {
            return;
        };
        let wanted = match what {
            Phase::Unencrypted => Level::of(user).min(Level::AuthNoPriv),
            Phase::Ask | Phase::Discover => Level::of(user),
        };
        let mut clear = std::mem::take(&mut self.clear);
        match usm::open_into(&mut clear, header, &keys) {
            // A signature that is not the agent's, or an encryption that we did not ask for.
            Err(_) => self.counters.unauthentic += 1,
            Ok(plain) => match ScopedHead::parse(plain.unwrap_or(&clear)) {
                Ok(scoped) => self.opened((index, id), (what, wanted), header, &scoped, now, actions),
                Err(malformed) => self.nonsense(index, id, malformed.0, now, actions),
            },
        }
        self.clear = clear;
    }

    /// Takes what a message of SNMPv3 holds whose signature is right.
    fn opened(
        &mut self,
        (index, id): (usize, i32),
        (what, wanted): (Phase, Level),
        header: &V3Header<'_>,
        scoped: &ScopedHead<'_>,
        now: Mono,
        actions: &mut Actions<C>,
    ) {
        let Some(job) = self.jobs.get(index).and_then(Option::as_ref) else {
            return;
        };
        let Some(user) = job.user() else {
            return;
        };
        match scoped.pdu.kind {
            PduKind::Report => self.report(index, what, header, &scoped.pdu, now, actions),
            PduKind::Response => {
                let address = job.agent.address;
                let engine = self.peers.get_mut(&address).and_then(|p| p.engine.as_mut());
                let authentic = Level::of_flags(header.flags) >= wanted
                    && scoped.pdu.request_id == id
                    && header.user == user.name.as_bytes()
                    && engine.is_some_and(|engine| {
                        engine.id == header.engine_id
                            && (!header.is_signed() || engine.follow(header.boots, header.time, now))
                    });
                if !authentic {
                    self.counters.unauthentic += 1;
                } else if what == Phase::Unencrypted {
                    self.finish(index, Ending::Finding(Finding::WrongPriv), now, actions);
                } else {
                    if let Some(peer) = self.peers.get_mut(&address) {
                        peer.confirmed = true;
                    }
                    self.use_answer(index, id, &scoped.pdu, header.whole.len(), now, actions);
                }
            }
            PduKind::Get
            | PduKind::GetNext
            | PduKind::Set
            | PduKind::GetBulk
            | PduKind::Inform
            | PduKind::Trap => self.nonsense(index, id, "an answer that is no response", now, actions),
        }
    }

    /// Learns the engine from this message, and asks (again) what the caller wants.
    fn take_engine(&mut self, index: usize, header: &V3Header<'_>, now: Mono, actions: &mut Actions<C>) {
        self.close_exchange(index);
        let Some(job) = self.jobs.get_mut(index).and_then(Option::as_mut) else {
            return;
        };
        let Some(user) = job.user() else {
            return;
        };
        let keys = self.keys.keys(user, header.engine_id);
        job.keys = Some(keys);
        let peer = self.peers.entry(job.agent.address).or_default();
        if peer.engine.as_ref().is_some_and(|e| e.id != header.engine_id) {
            peer.confirmed = false;
        }
        peer.engine = Some(Engine {
            id: header.engine_id.to_vec(),
            boots: header.boots,
            time: header.time,
            at: now,
        });
        self.advance(index, now, actions);
    }

    /// The agent says why it does not answer (RFC 3414 §3.2).
    fn report(
        &mut self,
        index: usize,
        what: Phase,
        header: &V3Header<'_>,
        pdu: &PduHead<'_>,
        now: Mono,
        actions: &mut Actions<C>,
    ) {
        self.hear(index, now);
        // A report without (readable) objects reports something unknown.
        if pdu.bindings(&mut self.bench.bindings).is_err() {
            self.bench.bindings.clear();
        }
        let report = self
            .bench
            .bindings
            .first()
            .and_then(|binding| Report::from_arcs(binding.oid.arcs()));
        let Some(job) = self.job(index) else {
            return;
        };
        let finding = match report {
            Some(Report::UnknownUser) => Finding::UnknownUser,
            Some(Report::WrongDigest) => Finding::WrongAuth,
            Some(Report::Decryption) => Finding::WrongPriv,
            // Its encrypted twin would have got this report too, if this were the reason.
            Some(Report::SecurityLevel) if what == Phase::Unencrypted => Finding::WrongPriv,
            Some(Report::SecurityLevel) => Finding::SecurityLevel,
            Some(Report::UnknownContext) => Finding::UnknownContext,
            Some(Report::NotInTimeWindow) if job.resyncs >= MOST_RESYNCS => Finding::NotInTimeWindow,
            Some(Report::UnknownEngine) if job.resyncs >= MOST_RESYNCS => Finding::EngineUnstable,
            Some(Report::NotInTimeWindow | Report::UnknownEngine) => {
                job.resyncs += 1;
                self.counters.resyncs += 1;
                return self.resync(index, report, header, now, actions);
            }
            None => Finding::Malformed("a report about something unknown"),
        };
        self.finish(index, Ending::Finding(finding), now, actions);
    }

    /// The clock or the engine is another one than we think (trap 13).
    fn resync(
        &mut self,
        index: usize,
        report: Option<Report>,
        header: &V3Header<'_>,
        now: Mono,
        actions: &mut Actions<C>,
    ) {
        let Some(job) = self.jobs.get(index).and_then(Option::as_ref) else {
            return;
        };
        let address = job.agent.address;
        let known = self.peers.get(&address).and_then(|p| p.engine.as_ref());
        let same_engine = known.is_some_and(|engine| engine.id == header.engine_id);
        // Signed by the agent in answer to a message that still waits: its clock is
        // taken as it is, also when it went back, as it does after a restart.
        let trusted = report == Some(Report::NotInTimeWindow) && same_engine && header.is_signed();
        let moved = report == Some(Report::UnknownEngine)
            && !same_engine
            && (1..=LONGEST_ENGINE_ID).contains(&header.engine_id.len());
        if trusted || moved {
            return self.take_engine(index, header, now, actions);
        }
        // Not to be relied on: learn both from a discovery.
        self.close_exchange(index);
        if let Some(peer) = self.peers.get_mut(&address) {
            peer.engine = None;
        }
        if let Some(job) = self.job(index) {
            job.fresh(Phase::Discover);
            self.send_try(index, now, actions);
        }
    }
}
