//! A plain `get`: each object by its name, wherever it stands in an answer.

use super::Ask;
use super::Shape;
use super::Verdict;
use super::culprit;
use super::finding_of;
use super::status;
use crate::model::snmp::Oid;
use crate::model::snmp::Value;
use crate::model::snmp::VarBind;
use crate::probe::snmp::codec::PduKind;
use crate::probe::snmp::codec::pdu::PduHead;
use crate::probe::snmp::finding::Finding;

/// A `get` under way.
#[derive(Debug)]
pub struct Get {
    wanted: Vec<Oid>,
    got: Vec<Option<Value>>,
    /// Whether an error took the place of some answer, and the first one.
    error: Option<Finding>,
    answered: usize,
}

impl Get {
    pub(super) fn new(wanted: Vec<Oid>) -> Self {
        Self {
            got: vec![None; wanted.len()],
            wanted,
            error: None,
            answered: 0,
        }
    }

    /// The object with this number.
    pub(super) fn wanted(&self, index: u16) -> Option<&Oid> {
        self.wanted.get(usize::from(index))
    }

    pub(super) fn next(&self, shape: &Shape) -> Option<Ask> {
        let most = usize::from(shape.size.bindings().min(shape.at_most).max(1));
        let of: Vec<u16> = (0..)
            .zip(&self.got)
            .filter(|(_, value)| value.is_none())
            .map(|(i, _)| i)
            .take(most)
            .collect();
        (!of.is_empty()).then_some(Ask {
            kind: PduKind::Get,
            of,
            repetitions: 0,
        })
    }

    fn put(&mut self, index: usize, value: Value) -> bool {
        match self.got.get_mut(index) {
            Some(place @ None) => {
                *place = Some(value);
                true
            }
            _ => false,
        }
    }

    pub(super) fn fail(&mut self, index: usize, finding: Finding) {
        if self.put(index, Value::NoSuchInstance) {
            self.error.get_or_insert(finding);
        }
    }

    /// Takes the bindings of an answer.
    pub(super) fn answered(&mut self, ask: &Ask, head: &PduHead<'_>, bindings: &mut Vec<VarBind>) -> Verdict {
        if head.status != 0 {
            let single = if let [one] = ask.of.as_slice() {
                Some(*one)
            } else {
                None
            };
            let culprit = culprit(ask, head.index).or(single);
            return match (head.status, culprit) {
                (status::TOO_BIG, _) => Verdict::TooBig,
                (_, None) => Verdict::Split,
                // SNMPv1 has no exceptions: the others are asked again (trap 7).
                (status::NO_SUCH_NAME, Some(index)) => {
                    self.put(usize::from(index), Value::NoSuchInstance);
                    self.answered += 1;
                    Verdict::Used { full: false }
                }
                (other, Some(index)) => {
                    self.fail(usize::from(index), finding_of(other));
                    Verdict::Used { full: false }
                }
            };
        }
        // Values belong to the object that they name, wherever it stands (trap 14).
        let count = bindings.len();
        let mut used = 0;
        for (place, binding) in bindings.drain(..).enumerate() {
            let named = |i: &u16| self.wanted.get(usize::from(*i)) == Some(&binding.oid);
            let index = ask
                .of
                .get(place)
                .filter(|i| named(i))
                .or_else(|| ask.of.iter().find(|i| named(i)));
            if let Some(index) = index.copied()
                && self.put(usize::from(index), binding.value)
            {
                used += 1;
                self.answered += 1;
            }
        }
        match (used, ask.of.as_slice()) {
            (0, [one]) => {
                self.fail(
                    usize::from(*one),
                    Finding::Malformed("answers other objects than asked"),
                );
                Verdict::Used { full: false }
            }
            (0, _) if count == 0 => Verdict::TooBig,
            (0, _) => Verdict::Split,
            _ => Verdict::Used {
                full: used == ask.of.len(),
            },
        }
    }

    /// The answers in the order asked. Where errors took the place of some,
    /// those are absent; where of all, the first error.
    ///
    /// # Errors
    /// The error given, or the first of the agent's, if nothing was answered.
    pub fn finish(self, ended: Option<Finding>) -> Result<Vec<VarBind>, Finding> {
        if let Some(finding) = ended {
            return Err(finding);
        }
        match self.error {
            Some(finding) if self.answered == 0 => Err(finding),
            _ => Ok(self
                .wanted
                .into_iter()
                .zip(self.got)
                .map(|(oid, value)| VarBind {
                    oid,
                    value: value.unwrap_or(Value::NoSuchInstance),
                })
                .collect()),
        }
    }
}
