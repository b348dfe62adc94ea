//! One turn under way: what is asked for, and what is missing of it.

use std::sync::Arc;

use super::call::Agent;
use super::call::Limits;
use super::call::Walk;
use super::call::WalkEnd;
use super::client::Client;
use super::poll_vlans;
use crate::clock::SharedClock;
use crate::model::Mono;
use crate::model::snmp::Oid;
use crate::profile::Identity;
use crate::profile::Learnt;
use crate::profile::Plan;
use crate::profile::Rows;
use crate::profile::Set;
use crate::profile::learnt::Gap;

/// Most columns of one walk: more make answers of one row too big for one packet.
const COLUMNS: usize = 12;

/// Objects of one answer: about as many fit into an Ethernet frame. Asking for
/// more makes slow agents work for what they then leave out.
const OBJECTS: usize = 60;

/// ifTableLastChange.0: when a row of ifTable came or went (RFC 2863).
pub(super) const IF_TABLE_LAST_CHANGE: [u32; 10] = [1, 3, 6, 1, 2, 1, 31, 1, 5, 0];
/// ifNumber.0, to check the rows of ifTable by (trap 9).
pub(super) const IF_NUMBER: [u32; 9] = [1, 3, 6, 1, 2, 1, 2, 1, 0];
/// ifEntry.
const IF_ENTRY: [u32; 9] = [1, 3, 6, 1, 2, 1, 2, 2, 1];
/// Repetitions that an agent is asked for which leaves rows out of larger answers.
const FEW_REPETITIONS: u16 = 2;

/// How much of a plan is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    All,
    /// Without [`Plan::still`].
    Moving,
    /// Only [`Plan::still`].
    Still,
}

impl Part {
    fn has(self, plan: &Plan, column: &Oid) -> bool {
        match self {
            Self::All => true,
            Self::Moving => !plan.still.contains(column),
            Self::Still => plan.still.contains(column),
        }
    }
}

/// What the rows of ifTable said of the agent's honesty (trap 9).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counted {
    /// It leaves rows out of large answers: ask for [`FEW_REPETITIONS`].
    pub(super) hides: bool,
    /// ifNumber and rows that differ, and not because of large requests.
    differs: Option<(i128, usize)>,
}

/// One turn under way.
pub(super) struct Turn<'a> {
    client: &'a Client,
    clock: &'a SharedClock,
    pub(super) agent: Agent,
    until: Mono,
    pub(super) packets: u32,
    pub(super) rows: Rows,
    pub(super) gaps: Vec<Gap>,
    /// What could not be learnt, though all that was to be read was read.
    pub(super) notes: Vec<Gap>,
    pub(super) counted: Counted,
}

impl<'a> Turn<'a> {
    pub(super) fn new(
        (client, clock): (&'a Client, &'a SharedClock),
        (agent, rows): (Agent, Rows),
        until: Mono,
        packets: u32,
        counted: Counted,
    ) -> Self {
        Self {
            client,
            clock,
            agent,
            until,
            packets,
            rows,
            gaps: Vec::new(),
            notes: Vec::new(),
            counted,
        }
    }

    pub(super) async fn find_profile(&mut self, profiles: &Set, told: &Learnt) -> Option<String> {
        let object_id: Option<Oid> = told.sys_object_id.as_deref().and_then(|t| t.parse().ok());
        let who = Identity {
            object_id: object_id.as_ref(),
            descr: told.sys_descr.as_deref().unwrap_or_default(),
        };
        let probes = profiles.probes(who);
        self.get(&probes, "profile").await;
        profiles.matching(who, &self.rows).map(|c| c.name().to_owned())
    }

    async fn get(&mut self, oids: &[Oid], what: &str) {
        for some in oids.chunks(20) {
            self.packets += 1;
            match self.client.get(&self.agent, some).await {
                Ok(binds) => self.rows.extend(binds),
                Err(finding) => self.gap(what, &finding.to_string()),
            }
        }
    }

    fn gap(&mut self, what: &str, why: &str) {
        let gap = Gap {
            what: what.to_owned(),
            why: why.to_owned(),
        };
        if !self.gaps.contains(&gap) {
            self.gaps.push(gap);
        }
    }

    pub(super) async fn read(&mut self, plan: &Plan, part: Part) {
        let missing: Vec<Oid> = plan
            .gets
            .iter()
            .filter(|oid| self.rows.get(oid).is_none())
            .cloned()
            .collect();
        if part != Part::Still {
            self.get(&missing, "values").await;
        }
        // Small tables share a walk: a table that the device does not have
        // then costs a part of one packet.
        let mut some: Vec<Oid> = Vec::new();
        for table in &plan.tables {
            let table = table.iter().filter(|column| part.has(plan, column));
            let table: Vec<Oid> = table.cloned().collect();
            for columns in table.chunks(COLUMNS) {
                if some.len() + columns.len() > COLUMNS && !some.is_empty() {
                    self.walk(&some).await;
                    some.clear();
                }
                some.extend_from_slice(columns);
            }
        }
        if !some.is_empty() {
            self.walk(&some).await;
        }
    }

    /// The bridge tables of the VLANs that the column tells, each in its own context.
    pub(super) async fn read_vlans(&mut self, column: &Oid) {
        let columns = [
            Oid::new(poll_vlans::FDB_PORT),
            Oid::new(poll_vlans::PORT_IF_INDEX),
        ];
        for vlan in poll_vlans::in_use(&self.rows, column) {
            let left = self.until.since(self.clock.mono());
            if left.is_zero() {
                self.gap("fdb", "the time for this device ran out");
                return;
            }
            let credential = poll_vlans::credential(&self.agent.credential, vlan);
            let agent = Agent {
                credential: Arc::new(credential),
                ..self.agent.clone()
            };
            let limits = Limits {
                time: left,
                ..Limits::default()
            };
            let walk = self.client.walk(&agent, &columns, limits).await;
            self.packets = self.packets.saturating_add(walk.packets);
            let failed = walk.columns.iter().find_map(|end| match end {
                WalkEnd::Finding(finding) => Some(finding.to_string()),
                WalkEnd::Complete
                | WalkEnd::NonIncreasing
                | WalkEnd::RowLimit
                | WalkEnd::PacketLimit
                | WalkEnd::Deadline => None,
            });
            poll_vlans::keep(&mut self.rows, vlan, &walk.rows.into_iter().collect());
            if let Some(why) = failed {
                // An agent that has no such contexts would let each of them time out.
                self.notes.push(Gap {
                    what: format!("fdb of VLAN {vlan}"),
                    why,
                });
                return;
            }
        }
    }

    async fn walk(&mut self, columns: &[Oid]) {
        let now = self.clock.mono();
        let left = self.until.since(now);
        if left.is_zero() {
            self.gap("tables", "the time for this device ran out");
            return;
        }
        let limits = Limits {
            time: left,
            ..Limits::default()
        };
        let repetitions = u16::try_from((OBJECTS / columns.len().max(1)).clamp(2, 25)).unwrap_or(2);
        let mut agent = Agent {
            max_repetitions: repetitions.min(self.agent.max_repetitions),
            ..self.agent.clone()
        };
        if self.counted.hides {
            agent.max_repetitions = agent.max_repetitions.min(FEW_REPETITIONS);
        }
        let client = self.client;
        let mut walk = client.walk(&agent, columns, limits).await;
        self.packets = self.packets.saturating_add(walk.packets);
        if let Some((number, rows)) = self.too_few(columns, &walk)
            && agent.max_repetitions > FEW_REPETITIONS
        {
            agent.max_repetitions = FEW_REPETITIONS;
            let again = client.walk(&agent, columns, limits).await;
            self.packets = self.packets.saturating_add(again.packets);
            if again.ended == WalkEnd::Complete && again.rows.len() > walk.rows.len() {
                tracing::info!(
                    address = %agent.address,
                    rows,
                    number,
                    "leaves rows out of large answers; from now on it is asked for few at a time"
                );
                self.counted.hides = true;
                walk = again;
            } else {
                self.counted.differs = Some((number, rows));
            }
        }
        self.rows.extend(walk.rows);
        for (column, end) in columns.iter().zip(&walk.columns) {
            let why = match end {
                WalkEnd::Complete => continue,
                WalkEnd::NonIncreasing => "the agent answers in a circle".to_owned(),
                WalkEnd::RowLimit => "too many rows".to_owned(),
                WalkEnd::PacketLimit => "too many packets".to_owned(),
                WalkEnd::Deadline => "the time for it ran out".to_owned(),
                WalkEnd::Finding(finding) => finding.to_string(),
            };
            self.gap(&column.to_string(), &why);
        }
    }

    /// ifNumber and the rows of ifTable, where these are fewer in a walk that
    /// says that it is complete, and that was not looked into before.
    fn too_few(&self, columns: &[Oid], walk: &Walk) -> Option<(i128, usize)> {
        let entry = Oid::from_slice(&IF_ENTRY);
        let place = columns.iter().position(|column| column.starts_with(&entry))?;
        if walk.columns.get(place) != Some(&WalkEnd::Complete) {
            return None;
        }
        let number = self.rows.get(&Oid::from_slice(&IF_NUMBER))?.as_i128()?;
        let column = columns.get(place)?;
        let rows = walk.rows.iter().filter(|row| row.oid.starts_with(column)).count();
        let seen = (number, rows);
        let fewer = i128::try_from(rows).is_ok_and(|rows| rows < number);
        (fewer && self.counted.differs != Some(seen)).then_some(seen)
    }
}
