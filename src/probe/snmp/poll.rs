//! A device's turn: its profile, what to ask for, and what the answers mean.
//!
//! ```text
//! system group ──► profile (once, or when the identity changed) ──► plan ──► gets, tables ──► apply ──► Polled
//!   1 packet         1 packet, where profiles must be told apart               the rest
//! ```
//!
//! Readings are asked for at every turn, the inventory rarely; what one turn
//! does not ask for, or does not get, stays as it was (trap 7). What tells of an
//! interface only which one it is is left out of the readings while all of them
//! are known to be the same ones ([`super::poll_still`]).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::call::Agent;
use super::client::Client;
use super::credential::Credential;
use super::credential::Version;
use super::finding::Finding;
use super::habits::Habits;
use super::habits::Worked;
use super::poll_still::Asks;
use super::poll_still::Memo;
use super::poll_turn::Counted;
use super::poll_turn::IF_NUMBER;
use super::poll_turn::IF_TABLE_LAST_CHANGE;
use super::poll_turn::Turn;
use crate::clock::SharedClock;
use crate::model::Fact;
use crate::model::Mono;
use crate::model::Outcome;
use crate::model::Reading;
use crate::model::Reason;
use crate::model::SnmpStats;
use crate::model::Span;
use crate::model::Timestamp;
use crate::model::snmp::Oid;
use crate::profile::Learnt;
use crate::profile::Rows;
use crate::profile::Set;
use crate::profile::What;
use crate::profile::apply::system;
use crate::profile::learnt::Gap;
use crate::profile::learnt::Interface;
use crate::profile::rate::Memory;
use crate::profile::rate::Restart;
use crate::profile::rate::Totals;
use crate::profile::rate::Uptime;
use crate::profile::rate::names;

pub use super::poll_view::readings;

/// Whom to poll.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Address and port of its agent.
    pub address: SocketAddr,
    /// Credentials in the order in which they are tried.
    pub credentials: Vec<Arc<Credential>>,
    /// How long to wait for the first try's answer.
    pub timeout: Span,
    /// Tries after the first.
    pub retries: u8,
    /// How long the whole turn may take.
    pub deadline: Span,
    /// Most repetitions of one GETBULK.
    pub max_repetitions: u16,
    /// As in [`Agent`].
    pub accept_other_source: bool,
}

impl Subject {
    /// With the default patience: a turn may take two minutes.
    pub fn new(address: SocketAddr, credentials: Vec<Arc<Credential>>) -> Self {
        Self {
            address,
            credentials,
            timeout: super::call::TIMEOUT,
            retries: super::call::RETRIES,
            deadline: Span::from_secs(120),
            max_repetitions: super::call::MAX_REPETITIONS,
            accept_other_source: false,
        }
    }

    fn agent(&self, credential: &Arc<Credential>) -> Agent {
        Agent {
            timeout: self.timeout,
            retries: self.retries,
            max_repetitions: self.max_repetitions,
            accept_other_source: self.accept_other_source,
            ..Agent::new(self.address, Arc::clone(credential))
        }
    }
}

/// What is remembered of a device between two turns. Begins empty.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Which credential worked.
    credential: Option<usize>,
    /// sysObjectID, sysDescr and sysName; and the profile that they led to.
    identity: Option<[Option<String>; 3]>,
    profile: Option<String>,
    facts: BTreeMap<String, String>,
    memory: Memory,
    counted: Counted,
    memo: Memo,
}

/// One interface with its carried-on counters.
#[derive(Debug, Clone, PartialEq)]
pub struct PolledInterface {
    /// Its stable, unique name.
    pub name: Arc<str>,
    /// What the device told.
    pub told: Interface,
    /// Counters over wraps, and rates.
    pub totals: Totals,
}

/// What one turn brought.
#[derive(Debug, Clone)]
pub struct Polled {
    /// When it began.
    pub at: Timestamp,
    /// How much was asked for.
    pub what: What,
    /// Good if the agent told its uptime.
    pub outcome: Outcome,
    /// Time, packets, uptime.
    pub stats: SnmpStats,
    /// The agent restarted since the turn before.
    pub rebooted: bool,
    /// All that was learnt; the sections that were not asked for are empty.
    pub learnt: Learnt,
    /// The interfaces, in the device's order.
    pub interfaces: Vec<PolledInterface>,
    /// The sections that were not read to their end: nothing may be deleted by them.
    pub partial: bool,
    /// Why there was no answer.
    pub finding: Option<Finding>,
}

impl Polled {
    /// The facts, for the inventory; empty unless it was asked for.
    pub fn facts(&self) -> Vec<Fact> {
        if self.what != What::Inventory {
            return Vec::new();
        }
        let facts = self.learnt.facts.iter();
        facts
            .map(|(key, value)| Fact {
                key: key.clone(),
                value: value.clone(),
            })
            .collect()
    }

    /// What the device measures, in base units.
    pub fn readings(&self) -> Vec<Reading> {
        readings(&self.learnt, self.at)
    }
}

/// Polls devices with the profiles in use. Shared by all turns.
pub struct Poller {
    client: Client,
    profiles: ArcSwap<Set>,
    clock: SharedClock,
    worked: Worked,
}

impl Poller {
    /// A poller that asks by `client` and knows what `profiles` know.
    pub fn new(client: Client, profiles: Arc<Set>, clock: SharedClock) -> Self {
        Self {
            client,
            profiles: ArcSwap::new(profiles),
            clock,
            worked: Worked::default(),
        }
    }

    /// Uses other profiles from the next turn on.
    pub fn replace_profiles(&self, profiles: Arc<Set>) {
        self.profiles.store(profiles);
    }

    /// Whom it asks through.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What was learned of how agents like to be asked.
    pub async fn habits(&self) -> Habits {
        self.worked.habits(&self.client).await
    }

    /// Takes what was learned before a restart.
    pub async fn remember(&self, habits: Habits) {
        self.worked.remember(&self.client, habits).await;
    }

    /// One turn of one device.
    ///
    /// # Cancel safety
    /// As [`Poller::poll_in_turn`].
    pub async fn poll(&self, subject: &Subject, state: &mut State, what: What) -> Polled {
        self.poll_in_turn(subject, state, what, std::future::ready(()))
            .await
    }

    /// The same; once the device has answered, waits for `place` and keeps it
    /// while the device is read. So those that are silent keep none (trap 18).
    /// The wait counts neither for the device's deadline nor as its duration.
    ///
    /// # Cancel safety
    /// Dropping the future gives the turn up; `state` stays as it was before
    /// it, but for the credential that worked.
    pub async fn poll_in_turn<P>(
        &self,
        subject: &Subject,
        state: &mut State,
        what: What,
        place: impl Future<Output = P>,
    ) -> Polled {
        let at = self.clock.wall();
        let mut start = self.clock.mono();
        let mut tried = 0;
        let first = match self.first_answer(subject, state, &mut tried).await {
            Ok(first) => first,
            Err(finding) => return self.silent(at, start, what, tried, finding),
        };
        let answered = self.clock.mono();
        let _place = place.await;
        let reading = self.clock.mono();
        start = start.plus(reading.since(answered));
        let mut counted = state.counted;
        counted.hides |= self.worked.hides(subject.address);
        let mut turn = Turn::new(
            (&self.client, &self.clock),
            first,
            start.plus(subject.deadline),
            tried,
            counted,
        );
        let profiles = self.profiles.load_full();
        let told = system(&turn.rows);
        let identity = identity(&told);
        let known = state.identity.as_ref() == Some(&identity)
            && state.profile.as_ref().is_some_and(|p| profiles.get(p).is_some());
        // A device that was replaced by another is asked for everything.
        let what = if known { what } else { What::Inventory };
        if !known {
            state.facts.clear();
            state.profile = turn.find_profile(&profiles, &told).await;
        }
        let Some(chain) = state.profile.as_deref().and_then(|name| profiles.chain_of(name)) else {
            return self.silent(at, start, what, turn.packets, Finding::Stopped);
        };
        let restarted = state.memory.verdict(uptime_of(&turn.rows), answered) == Restart::Yes;
        let known = (what != What::Inventory).then_some(&state.facts);
        let asks = Asks {
            what,
            at: reading,
            restarted,
        };
        let mut learnt = turn
            .learn((&profiles, &chain), known, &mut state.memo, asks)
            .await;
        state.counted = turn.counted;
        if turn.counted.hides {
            self.worked.found_hiding(subject.address);
        }
        if what == What::Inventory {
            // What a partial answer leaves out stays as it was (trap 7).
            state.facts.extend(learnt.facts.clone());
        }
        if state.identity.as_ref() != Some(&identity) {
            state.identity = Some(identity);
        }
        let (verdict, uptime) = state.memory.clock(uptime_of(&turn.rows), answered);
        let restarted = verdict == Restart::Yes;
        let names = names(&learnt.interfaces);
        let totals = state
            .memory
            .interfaces(&learnt.interfaces, &names, restarted, reading);
        let interfaces = joined(&learnt.interfaces, totals);
        learnt.address = address_text(subject.address);
        learnt.version = Some(turn.agent.credential.version().as_str().to_owned());
        learnt.uptime_seconds = uptime.map(|u| u.as_secs_f64()).or(learnt.uptime_seconds);
        learnt.packets = Some(turn.packets);
        let partial = !turn.gaps.is_empty();
        learnt
            .errors
            .splice(0..0, turn.gaps.into_iter().chain(turn.notes));
        Polled {
            at,
            what,
            outcome: if uptime.is_some() {
                Outcome::Good
            } else {
                Outcome::Bad(Reason::Malformed)
            },
            stats: SnmpStats {
                duration: self.clock.mono().since(start),
                packets: turn.packets,
                uptime,
            },
            rebooted: restarted,
            learnt,
            interfaces,
            partial,
            finding: None,
        }
    }

    /// The system group, by the credential that works: the one that worked
    /// before first, then the others in their order.
    async fn first_answer(
        &self,
        subject: &Subject,
        state: &mut State,
        tried: &mut u32,
    ) -> Result<(Agent, Rows), Finding> {
        let asked = [
            &system::DESCR[..],
            &system::OBJECT_ID,
            &system::UP_TIME,
            &system::CONTACT,
            &system::NAME,
            &system::LOCATION,
            &system::ENGINE_BOOTS,
            &system::ENGINE_TIME,
            &IF_NUMBER,
            &IF_TABLE_LAST_CHANGE,
        ];
        let asked = asked.map(Oid::from_slice);
        // SNMPv1 takes another request for each object that an agent does not have.
        let [asked_v1 @ .., _] = &asked;
        let known = state.credential.or_else(|| self.worked.get(subject.address));
        let remembered = known.filter(|n| *n < subject.credentials.len());
        let others = (0..subject.credentials.len()).filter(|n| Some(*n) != remembered);
        let mut worst: Option<Finding> = None;
        for n in remembered.into_iter().chain(others) {
            let Some(credential) = subject.credentials.get(n) else {
                continue;
            };
            let agent = subject.agent(credential);
            let oids: &[Oid] = match credential.version() {
                Version::V1 => asked_v1,
                Version::V2c | Version::V3 => &asked,
            };
            *tried += 1;
            match self.client.get(&agent, oids).await {
                Ok(binds) => {
                    state.credential = Some(n);
                    self.worked.put(subject.address, n);
                    return Ok((agent, binds.into_iter().collect()));
                }
                Err(finding) => {
                    *tried += u32::from(if finding.shows_life() { 0 } else { agent.retries });
                    let done = matches!(
                        finding,
                        Finding::Refused
                            | Finding::CouldNotSend(_)
                            | Finding::Stopped
                            | Finding::Unreachable(_)
                    );
                    if worst.as_ref().is_none_or(|w| finding.rank() > w.rank()) {
                        worst = Some(finding);
                    }
                    if done {
                        break;
                    }
                }
            }
        }
        Err(worst.unwrap_or(Finding::UnknownUser))
    }

    fn silent(&self, at: Timestamp, start: Mono, what: What, packets: u32, finding: Finding) -> Polled {
        Polled {
            at,
            what,
            outcome: finding.outcome(),
            stats: SnmpStats {
                duration: self.clock.mono().since(start),
                packets,
                uptime: None,
            },
            rebooted: false,
            learnt: Learnt {
                errors: vec![Gap {
                    what: "snmp".to_owned(),
                    why: finding.to_string(),
                }],
                packets: Some(packets),
                ..Learnt::default()
            },
            interfaces: Vec::new(),
            partial: true,
            finding: Some(finding),
        }
    }
}

/// What tells that a device was replaced by another.
fn identity(told: &Learnt) -> [Option<String>; 3] {
    [
        told.sys_object_id.clone(),
        told.sys_descr.clone(),
        told.sys_name.clone(),
    ]
}

/// What was told, with names and totals, one by one.
fn joined(told: &[Interface], totals: Vec<(Arc<str>, Totals)>) -> Vec<PolledInterface> {
    told.iter()
        .zip(totals)
        .map(|(told, (name, totals))| PolledInterface {
            name,
            told: told.clone(),
            totals,
        })
        .collect()
}

/// The address as the command line takes it: the port only where it is not 161.
pub fn address_text(address: SocketAddr) -> String {
    if address.port() == super::call::PORT {
        address.ip().to_string()
    } else {
        address.to_string()
    }
}

fn uptime_of(rows: &Rows) -> Uptime {
    let number = |arcs: &[u32]| {
        rows.get(&Oid::new(arcs))
            .and_then(crate::model::snmp::Value::as_i128)
    };
    let unsigned = |arcs: &[u32]| number(arcs).and_then(|n| u64::try_from(n).ok());
    Uptime {
        ticks: number(&system::UP_TIME).and_then(|n| u32::try_from(n).ok()),
        boots: unsigned(&system::ENGINE_BOOTS),
        engine_seconds: unsigned(&system::ENGINE_TIME),
    }
}
