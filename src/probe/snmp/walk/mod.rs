//! What is asked next, and what an answer means: walks and plain gets.
//!
//! Pure: no id, no retry, no clock; `session` has these. A walk ends, whatever
//! the agent answers, since every accepted answer either brings a row (bounded)
//! or ends a column (traps 7 to 9).
//!
//! A column ends
//! 1. at an object outside of it, at endOfMibView, noSuchName, noSuchObject: complete;
//! 2. at an object that does not come after the one before (or, with
//!    [`Order::Any`](crate::probe::snmp::Order::Any), comes for the second time): not increasing;
//! 3. at an error status that is about it, while the other columns go on;
//! 4. with the whole walk, at a limit or when the agent is silent.

mod column;
mod get;

use self::column::Column;
pub use self::get::Get;
use crate::model::snmp::Oid;
use crate::model::snmp::VarBind;
use crate::probe::snmp::call::Limits;
use crate::probe::snmp::call::Walk;
use crate::probe::snmp::call::WalkEnd;
use crate::probe::snmp::codec::PduKind;
use crate::probe::snmp::codec::ber::Malformed;
use crate::probe::snmp::codec::pdu::PduHead;
use crate::probe::snmp::finding::Finding;
use crate::probe::snmp::size::Size;

/// Bytes of an answer that fit into one Ethernet frame beside the headers of
/// IPv6, UDP and SNMPv3.
const UNFRAGMENTED: usize = 1_350;
/// Below this many bindings the size of their bytes no longer matters.
const FEWEST_FOR_BYTES: u16 = 4;

/// The error-status values that are treated each in its own way (RFC 3416 §3).
mod status {
    pub(super) const TOO_BIG: u32 = 1;
    pub(super) const NO_SUCH_NAME: u32 = 2;
    pub(super) const NO_ACCESS: u32 = 6;
    pub(super) const AUTHORIZATION: u32 = 16;
}

/// One request, apart from its id: which of the wanted things, and how many of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// GET, GETNEXT or GETBULK.
    pub kind: PduKind,
    /// Indices into the columns (or the objects wanted), in the order of the request.
    pub of: Vec<u16>,
    /// max-repetitions; 0 unless GETBULK.
    pub repetitions: u16,
}

impl Ask {
    /// Bindings that a full answer has.
    pub fn size(&self) -> u16 {
        u16::try_from(self.of.len())
            .unwrap_or(u16::MAX)
            .saturating_mul(self.repetitions.max(1))
    }
}

/// What became of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It was used. `full`: it held all that was asked for.
    Used {
        /// Whether the agent could send the whole size.
        full: bool,
    },
    /// The agent can't send that much: ask for less.
    TooBig,
    /// It names no culprit: ask one by one.
    Split,
}

/// How a request may look: what agent and session allow.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// What was learned of the agent.
    pub size: Size,
    /// A smaller size, for the retries of this request.
    pub at_most: u16,
    /// Most repetitions, by configuration; below 2, or for SNMPv1, no GETBULK.
    pub max_repetitions: u16,
}

/// Rows of the tables that are kept for the next walk, and how many of these:
/// 1,024 of 96 rows of 88 bytes are 9 MB at most.
const SPARE_ROWS: usize = 96;
const SPARES: usize = 1024;
/// Rows that a new table has room for.
const FIRST_ROWS: usize = 16;

/// Places to work in that all calls share, so that answers are read and rows
/// gathered without an allocation for each.
#[derive(Debug, Default)]
pub struct Workbench {
    /// The objects of one answer.
    pub bindings: Vec<VarBind>,
    /// The arcs of a long OID.
    arcs: Vec<u32>,
    /// Rows that each column had before the present answer.
    marks: Vec<usize>,
    /// Emptied tables of columns.
    spare: Vec<Vec<VarBind>>,
}

impl Workbench {
    fn table(&mut self) -> Vec<VarBind> {
        self.spare.pop().unwrap_or_else(|| Vec::with_capacity(FIRST_ROWS))
    }

    fn put_back(&mut self, mut table: Vec<VarBind>) {
        if self.spare.len() < SPARES && (1..=SPARE_ROWS).contains(&table.capacity()) {
            table.clear();
            self.spare.push(table);
        }
    }
}

/// A `get` or a walk under way.
#[derive(Debug)]
pub enum Work {
    /// A `get`.
    Get(Get),
    /// A walk.
    Walk(Walking),
}

/// A walk under way.
#[derive(Debug)]
pub struct Walking {
    columns: Vec<Column>,
    limits: Limits,
    rows: usize,
    /// Mean bytes of a binding, rounded up; 0: not known yet.
    binding_bytes: usize,
}

impl Work {
    /// A `get` of these objects.
    pub fn get(wanted: Vec<Oid>) -> Self {
        Self::Get(Get::new(wanted))
    }

    /// A walk of these columns, the first one from after `after` on.
    pub fn walk(columns: Vec<Oid>, after: Option<Oid>, limits: Limits) -> Self {
        let mut after = after;
        Self::Walk(Walking {
            columns: columns
                .into_iter()
                .map(|root| Column::new(root, after.take()))
                .collect(),
            limits,
            rows: 0,
            binding_bytes: 0,
        })
    }

    /// The next request; `None` when there is nothing left to ask.
    pub fn next(&self, shape: &Shape) -> Option<Ask> {
        match self {
            Self::Get(get) => get.next(shape),
            Self::Walk(walk) => walk.next(shape),
        }
    }

    /// The objects of a request, in its order.
    pub fn oids<'a>(&'a self, ask: &'a Ask) -> impl DoubleEndedIterator<Item = &'a Oid> {
        ask.of.iter().filter_map(move |i| match self {
            Self::Get(get) => get.wanted(*i),
            Self::Walk(walk) => walk.columns.get(usize::from(*i)).map(Column::last),
        })
    }

    /// Takes an answer of `bytes` bytes.
    ///
    /// # Errors
    /// When it can't be read to its end: nothing of it was taken then.
    pub fn answered(
        &mut self,
        ask: &Ask,
        head: &PduHead<'_>,
        bytes: usize,
        bench: &mut Workbench,
    ) -> Result<Verdict, Malformed> {
        match self {
            Self::Get(get) => {
                head.bindings(&mut bench.bindings)?;
                Ok(get.answered(ask, head, &mut bench.bindings))
            }
            Self::Walk(walk) => walk.answered(ask, head, bytes, bench),
        }
    }

    /// Gives up on what `ask` asked for, since no smaller request is possible.
    pub fn give_up(&mut self, ask: &Ask, finding: &Finding) {
        for index in &ask.of {
            match self {
                Self::Get(get) => get.fail(usize::from(*index), finding.clone()),
                Self::Walk(walk) => walk.end(usize::from(*index), WalkEnd::Finding(finding.clone())),
            }
        }
    }
}

impl Walking {
    /// The limits that it was given.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    fn next(&self, shape: &Shape) -> Option<Ask> {
        let mut most = shape.size.bindings().min(shape.at_most).max(1);
        if let Some(fitting) = UNFRAGMENTED.checked_div(self.binding_bytes) {
            let fitting = u16::try_from(fitting).unwrap_or(u16::MAX);
            most = most.min(fitting.max(FEWEST_FOR_BYTES));
        }
        let of: Vec<u16> = (0..)
            .zip(&self.columns)
            .filter(|(_, column)| column.end.is_none())
            .map(|(i, _)| i)
            .take(usize::from(most))
            .collect();
        let width = u16::try_from(of.len()).ok().filter(|w| *w > 0)?;
        let repetitions = (most / width)
            .min(shape.size.repetitions())
            .min(shape.max_repetitions);
        let bulk = repetitions >= 2;
        Some(Ask {
            kind: if bulk { PduKind::GetBulk } else { PduKind::GetNext },
            of,
            repetitions: if bulk { repetitions } else { 0 },
        })
    }

    fn end(&mut self, index: usize, end: WalkEnd) {
        if let Some(column) = self.columns.get_mut(index) {
            column.end.get_or_insert(end);
        }
    }

    /// Ends all columns that are still open.
    pub fn end_all(&mut self, end: &WalkEnd) {
        for column in &mut self.columns {
            column.end.get_or_insert_with(|| end.clone());
        }
    }

    fn answered(
        &mut self,
        ask: &Ask,
        head: &PduHead<'_>,
        bytes: usize,
        bench: &mut Workbench,
    ) -> Result<Verdict, Malformed> {
        if head.status != 0 {
            return Ok(self.refused(ask, head.status, head.index));
        }
        let (rows, mut marks) = (self.rows, std::mem::take(&mut bench.marks));
        marks.clear();
        marks.extend(self.columns.iter().map(|column| column.rows.len()));
        let taken = self.take(ask, head, bench);
        if taken.is_err() {
            self.rows = rows;
            self.untake(ask, &marks);
        }
        bench.marks = marks;
        let count = taken?;
        if count > 0 {
            self.binding_bytes = bytes.div_ceil(count);
        } else if ask.size() == 1 {
            let finding = Finding::Malformed("an answer without objects");
            ask.of
                .iter()
                .for_each(|i| self.end(usize::from(*i), WalkEnd::Finding(finding.clone())));
            return Ok(Verdict::Used { full: false });
        } else {
            return Ok(Verdict::TooBig);
        }
        Ok(Verdict::Used {
            full: count >= usize::from(ask.size()),
        })
    }

    /// Undoes what a part of an answer did: only columns that were open were asked for.
    fn untake(&mut self, ask: &Ask, marks: &[usize]) {
        for (i, (column, mark)) in (0_u16..).zip(self.columns.iter_mut().zip(marks)) {
            for row in column.rows.drain((*mark).min(column.rows.len())..) {
                column.seen.remove(&row.oid);
            }
            if ask.of.contains(&i) || column.end == Some(WalkEnd::RowLimit) {
                column.end = None;
            }
        }
    }

    /// Takes the objects of an answer as rows of their columns; gives their number.
    fn take(&mut self, ask: &Ask, head: &PduHead<'_>, bench: &mut Workbench) -> Result<usize, Malformed> {
        let mut count = 0;
        let mut of = ask.of.iter().cycle();
        for object in head.objects() {
            let object = object?;
            count += 1;
            let Some(column) = of.next().and_then(|i| self.columns.get_mut(usize::from(*i))) else {
                continue;
            };
            if column.end.is_some() {
                continue;
            }
            if self.rows >= self.limits.rows {
                self.end_all(&WalkEnd::RowLimit);
                continue;
            }
            if column.rows.capacity() == 0 {
                column.rows = bench.table();
            }
            if column.take(&object, self.limits.order, &mut bench.arcs)? {
                self.rows += 1;
            }
        }
        Ok(count)
    }

    fn refused(&mut self, ask: &Ask, error: u32, index: u32) -> Verdict {
        let single = if let [one] = ask.of.as_slice() {
            Some(*one)
        } else {
            None
        };
        match (error, culprit(ask, index).or(single)) {
            (status::TOO_BIG, _) => Verdict::TooBig,
            // The end of the agent's objects, as SNMPv1 says it.
            (status::NO_SUCH_NAME, Some(column)) => {
                self.end(usize::from(column), WalkEnd::Complete);
                Verdict::Used { full: false }
            }
            (_, None) => Verdict::Split,
            // Which repetition failed is not said: get the rows before it one by one.
            (_, Some(_)) if ask.kind == PduKind::GetBulk => Verdict::Split,
            (other, Some(column)) => {
                self.end(usize::from(column), WalkEnd::Finding(finding_of(other)));
                Verdict::Used { full: false }
            }
        }
    }

    /// What it brought; columns still open ended with `ended`.
    pub fn finish(mut self, ended: &WalkEnd, packets: u32, bench: &mut Workbench) -> Walk {
        self.end_all(ended);
        let mut rows = Vec::new();
        let mut columns = Vec::with_capacity(self.columns.len());
        let is_one = self.columns.len() == 1;
        for mut column in self.columns {
            if is_one && column.rows.capacity() > SPARE_ROWS {
                rows = column.rows;
            } else {
                if rows.capacity() == 0 {
                    rows.reserve_exact(self.rows);
                }
                rows.append(&mut column.rows);
                bench.put_back(column.rows);
            }
            columns.push(column.end.unwrap_or(WalkEnd::Complete));
        }
        let ended = columns
            .iter()
            .find(|end| **end != WalkEnd::Complete)
            .cloned()
            .unwrap_or(WalkEnd::Complete);
        Walk {
            rows,
            ended,
            columns,
            packets,
        }
    }
}

/// The wanted thing that error-index (from 1) points at.
fn culprit(ask: &Ask, index: u32) -> Option<u16> {
    let place = usize::try_from(index).ok()?.checked_sub(1)?;
    ask.of.get(place).copied()
}

fn finding_of(error: u32) -> Finding {
    match error {
        status::NO_ACCESS | status::AUTHORIZATION => Finding::NoAccess,
        status => Finding::Status { status },
    }
}
