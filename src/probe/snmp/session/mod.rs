//! Every exchange under way: which packet belongs to which, when to try again,
//! when to give up.
//!
//! Pure: packets and the time come in, [`Actions`] go out; the thread of
//! `transport` carries them out. So all of it is tested on virtual time.
//!
//! ```text
//!            start                      answer used, more to ask
//!              │                     ┌──────────────────────────┐
//!   v3, engine unknown ──► Discover ─┴─► Ask ──────────────────►┴─► done
//!              └── v1, v2c, known ───────┘ │ tries used up,
//!                                          │ encrypted, never answered before
//!                                          └─► Unencrypted ──► wrong privacy, or no answer
//! ```
//!
//! A reply is taken if its request (message) id is one of the tries of an
//! exchange that still waits, and if it comes from the address asked (trap 14).
//! Every try has an id of its own, so a late reply to the first is good during
//! the second, and never after.

mod answer;
mod job;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::HashMap;
use std::collections::VecDeque;
use std::hash::BuildHasherDefault;
use std::hash::Hasher;
use std::net::SocketAddr;
use std::time::Duration;

use siphasher::sip::SipHasher13;

use self::job::Ending;
use self::job::Job;
use super::call::Agent;
use super::call::Walk;
use super::codec::ber::Writer;
use super::finding::Finding;
use super::size::Kept;
use super::size::Size;
use super::usm::Engine;
use super::usm::KeyRing;
use super::walk::Work;
use super::walk::Workbench;
use crate::model::BlindReason;
use crate::model::Mono;
use crate::model::Span;
use crate::model::snmp::VarBind;

/// Exchanges with one agent at a time; more wait. Small devices serve one
/// request at a time, and drop what comes beside it.
const AT_ONCE_PER_AGENT: usize = 2;
/// Most agents that something is remembered of: 262,144 of some 200 bytes are 52 MB.
const MOST_PEERS: usize = 1 << 18;
/// An agent that was heard so recently is alive: its silence to a large request
/// may be about the size.
const ALIVE: Span = Duration::from_secs(60);

/// Upper bounds for the times that answers take, from a switch in the house to a
/// small device on a bad line that is about to be given up.
pub const ANSWER_BOUNDS: [Span; 12] = [
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2_500),
];

/// How a call ended.
#[derive(Debug)]
pub enum Done {
    /// A `get`.
    Get(Result<Vec<VarBind>, Finding>),
    /// A walk.
    Walk(Walk),
}

/// Who waits for a call's end.
pub trait Caller {
    /// Whether nobody waits any more, so that the rest need not be asked.
    fn has_left(&self) -> bool;
}

/// What the engine wants done.
#[derive(Debug)]
pub struct Actions<C> {
    /// Put these bytes on the wire: id of the try, to whom, what.
    pub send: Vec<(i32, SocketAddr, Vec<u8>)>,
    /// Tell these callers how it ended.
    pub done: Vec<(C, Done)>,
}

impl<C> Default for Actions<C> {
    fn default() -> Self {
        Self {
            send: Vec::new(),
            done: Vec::new(),
        }
    }
}

/// What the engine saw, since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Requests sent, tries included.
    pub sent: u64,
    /// Tries after the first.
    pub retries: u64,
    /// Packets received.
    pub received: u64,
    /// Packets that answer nothing that still waits: late, doubled or stray.
    pub unmatched: u64,
    /// Answers with the right id from another address, or for another community or user.
    pub foreign: u64,
    /// Answers that were no valid SNMP.
    pub malformed: u64,
    /// Signed answers whose signature, clock or protection was wrong.
    pub unauthentic: u64,
    /// Times that an agent's clock or engine id had to be learned anew.
    pub resyncs: u64,
    /// Datagrams that the kernel dropped for a full receive buffer (trap 16).
    pub receive_drops: u64,
    /// How long answers took from the try that they belong to: how many up to
    /// each of [`ANSWER_BOUNDS`], the last beyond all, not cumulative.
    pub answers: [u64; ANSWER_BOUNDS.len() + 1],
    /// The sum of these times.
    pub answer_time: Span,
}

impl Counters {
    fn answered(&mut self, took: Span) {
        let place = ANSWER_BOUNDS.partition_point(|bound| *bound < took);
        if let Some(count) = self.answers.get_mut(place) {
            *count += 1;
        }
        self.answer_time = self.answer_time.saturating_add(took);
    }
}

/// What is remembered of one agent, by address and port (trap 13).
#[derive(Debug, Default)]
struct Peer {
    size: Size,
    engine: Option<Engine>,
    /// Whether an encrypted (or as far as the user goes protected) answer ever came.
    confirmed: bool,
    heard_at: Option<Mono>,
    active: usize,
    waiting: VecDeque<usize>,
}

/// Ids are random already.
#[derive(Debug, Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 << 8) | u64::from(*byte);
        }
    }
    fn write_i32(&mut self, id: i32) {
        // Spread over the high bits, which pick the control byte of the table.
        self.0 = u64::from(id.unsigned_abs()).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// Addresses come from the operator, not from a stranger who looks for collisions.
#[derive(Debug, Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let word = chunk.iter().fold(0, |n, b| (n << 8) | u64::from(*b));
            self.write_u64(word);
        }
    }
    fn write_u16(&mut self, n: u16) {
        self.write_u64(u64::from(n));
    }
    fn write_u32(&mut self, n: u32) {
        self.write_u64(u64::from(n));
    }
    fn write_u64(&mut self, n: u64) {
        self.0 = (self.0.rotate_left(5) ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    fn write_usize(&mut self, n: usize) {
        self.write_u64(n as u64);
    }
    fn write_isize(&mut self, n: isize) {
        self.write_u64(n.unsigned_abs() as u64);
    }
}

/// Ids and salts that a stranger can't guess.
#[derive(Debug)]
struct Random {
    key: SipHasher13,
    count: u64,
}

impl Random {
    fn next(&mut self) -> u64 {
        self.count += 1;
        self.key.hash(&self.count.to_le_bytes())
    }
}

/// All exchanges under way.
#[derive(Debug)]
pub struct Session<C> {
    jobs: Vec<Option<Job<C>>>,
    free: Vec<usize>,
    pending: HashMap<i32, usize, BuildHasherDefault<IdHasher>>,
    peers: HashMap<SocketAddr, Peer, BuildHasherDefault<AddressHasher>>,
    keys: KeyRing,
    /// One entry for each job at least; those that are due too early are put back.
    timers: BinaryHeap<Reverse<(Mono, usize, u64)>>,
    random: Random,
    /// Counts the salts of all messages.
    salt: u64,
    serial: u64,
    counters: Counters,
    bench: Workbench,
    /// What is being written, and sealed.
    writer: Writer,
    sealed: Writer,
    /// What is being encrypted or was decrypted.
    clear: Vec<u8>,
}

impl<C: Caller> Session<C> {
    /// An engine with nothing to do. `seed` must be random.
    pub fn new(seed: [u8; 16]) -> Self {
        Self::with_keys(seed, KeyRing::default())
    }

    /// The same with keys that were made before.
    pub fn with_keys(seed: [u8; 16], keys: KeyRing) -> Self {
        let mut random = Random {
            key: SipHasher13::new_with_key(&seed),
            count: 0,
        };
        Self {
            jobs: Vec::new(),
            free: Vec::new(),
            pending: HashMap::default(),
            peers: HashMap::default(),
            keys,
            timers: BinaryHeap::new(),
            salt: random.next(),
            random,
            serial: 0,
            counters: Counters::default(),
            bench: Workbench::default(),
            writer: Writer::new(),
            sealed: Writer::new(),
            clear: Vec::new(),
        }
    }

    /// Its keys, once it is no longer needed.
    pub fn into_keys(self) -> KeyRing {
        self.keys
    }

    /// What it saw so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Counts datagrams that the kernel dropped.
    pub fn dropped(&mut self, datagrams: u64) {
        self.counters.receive_drops += datagrams;
    }

    /// Calls under way.
    pub fn active(&self) -> usize {
        self.jobs.len() - self.free.len()
    }

    /// When to call [`Session::tick`] at the latest; `None`: nothing waits.
    pub fn wake_at(&self) -> Option<Mono> {
        self.timers.peek().map(|Reverse((at, _, _))| *at)
    }

    /// The sizes that were learned, to be remembered over a restart.
    pub fn sizes(&self) -> Vec<(SocketAddr, Kept)> {
        self.peers.iter().map(|(a, p)| (*a, p.size.kept())).collect()
    }

    /// Takes sizes that were remembered.
    pub fn remember(&mut self, sizes: &[(SocketAddr, Kept)], now: Mono) {
        for (address, kept) in sizes.iter().take(MOST_PEERS) {
            self.peers.entry(*address).or_default().size = Size::remembered(*kept, now);
        }
    }

    /// Begins a call that may last until `deadline`.
    pub fn start(
        &mut self,
        agent: Agent,
        work: Work,
        deadline: Mono,
        caller: C,
        now: Mono,
        actions: &mut Actions<C>,
    ) {
        self.serial += 1;
        let address = agent.address;
        let job = Job::new(agent, work, deadline, caller, self.serial);
        let index = if let Some(index) = self.free.pop() {
            index
        } else {
            self.jobs.push(None);
            self.jobs.len() - 1
        };
        if let Some(place) = self.jobs.get_mut(index) {
            *place = Some(job);
        }
        self.timers.push(Reverse((deadline, index, self.serial)));
        self.forget_some();
        let peer = self.peers.entry(address).or_default();
        if peer.active >= AT_ONCE_PER_AGENT {
            peer.waiting.push_back(index);
        } else {
            peer.active += 1;
            self.begin(index, now, actions);
        }
    }

    /// Keeps the memory of agents bounded: the ones without a call are forgotten.
    fn forget_some(&mut self) {
        if self.peers.len() >= MOST_PEERS {
            self.peers.retain(|_, peer| peer.active > 0);
        }
    }

    /// Takes a packet that came from `from`.
    pub fn packet(&mut self, bytes: &[u8], from: SocketAddr, now: Mono, actions: &mut Actions<C>) {
        self.counters.received += 1;
        let known = super::codec::peek_id(bytes).and_then(|id| Some((id, *self.pending.get(&id)?)));
        let Some((id, index)) = known else {
            self.counters.unmatched += 1;
            return;
        };
        let Some(job) = self.jobs.get(index).and_then(Option::as_ref) else {
            return;
        };
        let same = job.agent.address.ip() == from.ip() && job.agent.address.port() == from.port();
        if !same && !job.agent.accept_other_source {
            self.counters.foreign += 1;
            return;
        }
        self.answer(index, id, bytes, now, actions);
    }

    /// Takes an ICMP error about a packet that we sent to `to`; `quoted` is its
    /// beginning. It ends the call if the quoted id is one that waits.
    pub fn undeliverable(
        &mut self,
        quoted: &[u8],
        to: SocketAddr,
        finding: &Finding,
        now: Mono,
        actions: &mut Actions<C>,
    ) {
        let Some(index) = super::codec::peek_id(quoted).and_then(|id| self.pending.get(&id).copied()) else {
            self.counters.unmatched += 1;
            return;
        };
        let to_it =
            self.jobs.get(index).and_then(Option::as_ref).is_some_and(|job| {
                job.agent.address.ip() == to.ip() && job.agent.address.port() == to.port()
            });
        if to_it {
            self.finish(index, Ending::Finding(finding.clone()), now, actions);
        }
    }

    /// The try with this id could not be sent.
    pub fn could_not_send(&mut self, id: i32, reason: BlindReason, now: Mono, actions: &mut Actions<C>) {
        if let Some(index) = self.pending.get(&id).copied() {
            self.finish(
                index,
                Ending::Finding(Finding::CouldNotSend(reason)),
                now,
                actions,
            );
        }
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Mono, actions: &mut Actions<C>) {
        while let Some(Reverse((at, index, serial))) = self.timers.peek().copied() {
            if at > now {
                break;
            }
            self.timers.pop();
            let Some(job) = self
                .job(index)
                .filter(|job| job.serial == serial && job.timer_at == at)
            else {
                continue;
            };
            let due = job.wait_until.unwrap_or(job.deadline).min(job.deadline);
            if now >= job.deadline {
                self.finish(index, Ending::Deadline, now, actions);
                continue;
            }
            if due > now {
                job.timer_at = due;
                self.timers.push(Reverse((due, index, serial)));
            } else {
                job.timer_at = job.deadline;
                let deadline = job.deadline;
                self.timers.push(Reverse((deadline, index, serial)));
                self.silence(index, now, actions);
            }
        }
    }

    fn job(&mut self, index: usize) -> Option<&mut Job<C>> {
        self.jobs.get_mut(index).and_then(Option::as_mut)
    }

    /// Ends a call and begins the next one that waits for the same agent.
    fn finish(&mut self, index: usize, ending: Ending, now: Mono, actions: &mut Actions<C>) {
        let Some(job) = self.jobs.get_mut(index).and_then(Option::take) else {
            return;
        };
        self.free.push(index);
        for try_ in &job.tries {
            self.pending.remove(&try_.id);
        }
        let address = job.agent.address;
        let was_begun = job.begun;
        let (caller, done) = job.end(ending, &mut self.bench);
        actions.done.push((caller, done));
        let Some(peer) = self.peers.get_mut(&address) else {
            return;
        };
        if !was_begun {
            peer.waiting.retain(|waiting| *waiting != index);
            return;
        }
        peer.active = peer.active.saturating_sub(1);
        if let Some(next) = peer.waiting.pop_front() {
            peer.active += 1;
            self.begin(next, now, actions);
        }
    }

    /// An id that no try has.
    fn fresh_id(&mut self) -> i32 {
        loop {
            let bits = self.random.next() & 0x7fff_ffff;
            if let Ok(id) = i32::try_from(bits)
                && id != 0
                && !self.pending.contains_key(&id)
            {
                return id;
            }
        }
    }
}
