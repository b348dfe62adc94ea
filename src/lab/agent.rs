//! An SNMP agent: answers GET, GETNEXT and GETBULK of SNMPv1 and v2c from
//! whatever holds objects. Read only.
//!
//! [`answer`] is pure: a datagram in, a datagram out. [`serve`] does it on a
//! socket. Source: RFC 1157, RFC 3416 §4.2.

use std::sync::Arc;

use tokio::net::UdpSocket;

use crate::model::snmp::Oid;
use crate::model::snmp::Value;
use crate::model::snmp::VarBind;
use crate::probe::snmp::codec::Message;
use crate::probe::snmp::codec::Pdu;
use crate::probe::snmp::codec::PduKind;
use crate::probe::snmp::codec::message::write_community;
use crate::probe::snmp::credential::Version;
use crate::profile::Rows;

/// Largest answer: one Ethernet frame, so that nothing is fragmented.
pub const MAX_ANSWER: usize = 1_472;
/// Most rows of one GETBULK.
const MAX_ROWS: usize = 512;
/// error-status of RFC 3416 §3.
const TOO_BIG: u32 = 1;
const NO_SUCH_NAME: u32 = 2;
const NOT_WRITABLE: u32 = 17;

/// Holds objects.
pub trait Objects: Send + Sync {
    /// The value of an object.
    fn get(&self, oid: &Oid) -> Option<Value>;
    /// The first object after this one, in the order of OIDs.
    fn after(&self, oid: &Oid) -> Option<(Oid, Value)>;
}

impl Objects for Rows {
    fn get(&self, oid: &Oid) -> Option<Value> {
        Rows::get(self, oid).cloned()
    }

    fn after(&self, oid: &Oid) -> Option<(Oid, Value)> {
        Rows::after(self, oid).map(|(oid, value)| (oid.clone(), value.clone()))
    }
}

/// Who answers to which community.
pub trait Communities: Send + Sync {
    /// The objects behind a community; `None`: nobody answers.
    fn objects(&self, community: &[u8]) -> Option<Arc<dyn Objects>>;
}

/// The answer to a datagram; `None` where an agent is silent: rubbish, an
/// unknown community, or no request.
pub fn answer(datagram: &[u8], communities: &dyn Communities) -> Option<Vec<u8>> {
    let Message::Community {
        version,
        community,
        pdu,
    } = Message::parse(datagram).ok()?
    else {
        return None;
    };
    let objects = communities.objects(community)?;
    let mut reply = reply(version, &pdu, &*objects)?;
    loop {
        let bytes = write_community(version, community, &reply);
        if bytes.len() <= MAX_ANSWER {
            return Some(bytes);
        }
        if pdu.kind == PduKind::GetBulk && reply.bindings.len() > 1 {
            // RFC 3416 §4.2.3: as many as fit.
            let fewer = (reply.bindings.len() * MAX_ANSWER / bytes.len()).clamp(1, reply.bindings.len() - 1);
            reply.bindings.truncate(fewer);
        } else if reply.status == TOO_BIG {
            return None;
        } else {
            reply = Pdu {
                status: TOO_BIG,
                index: 0,
                bindings: Vec::new(),
                ..reply
            };
        }
    }
}

fn reply(version: Version, pdu: &Pdu, objects: &dyn Objects) -> Option<Pdu> {
    let mut reply = Pdu {
        kind: PduKind::Response,
        request_id: pdu.request_id,
        status: 0,
        index: 0,
        bindings: Vec::with_capacity(pdu.bindings.len()),
    };
    match pdu.kind {
        PduKind::Get | PduKind::GetNext => {
            for (i, asked) in (1..).zip(&pdu.bindings) {
                let found = if pdu.kind == PduKind::Get {
                    get(objects, &asked.oid)
                } else {
                    next(objects, &asked.oid)
                };
                if version == Version::V1 && found.value.is_absent() {
                    // RFC 1157 §4.1.2: the first that is missing fails the whole.
                    return Some(Pdu {
                        status: NO_SUCH_NAME,
                        index: i,
                        bindings: pdu.bindings.clone(),
                        ..reply
                    });
                }
                reply.bindings.push(found);
            }
        }
        PduKind::GetBulk if version != Version::V1 => bulk(pdu, objects, &mut reply.bindings),
        PduKind::Set => reply.status = NOT_WRITABLE,
        PduKind::GetBulk | PduKind::Response | PduKind::Inform | PduKind::Trap | PduKind::Report => {
            return None;
        }
    }
    Some(reply)
}

fn get(objects: &dyn Objects, oid: &Oid) -> VarBind {
    let value = objects.get(oid).unwrap_or_else(|| {
        // An object whose column has rows lacks only this instance.
        let column = oid.arcs().split_last().map(|(_, column)| Oid::new(column));
        let has_others =
            column.is_some_and(|c| objects.after(&c).is_some_and(|(next, _)| next.starts_with(&c)));
        if has_others {
            Value::NoSuchInstance
        } else {
            Value::NoSuchObject
        }
    });
    VarBind {
        oid: oid.clone(),
        value,
    }
}

fn next(objects: &dyn Objects, oid: &Oid) -> VarBind {
    match objects.after(oid) {
        Some((oid, value)) => VarBind { oid, value },
        None => VarBind {
            oid: oid.clone(),
            value: Value::EndOfMibView,
        },
    }
}

/// RFC 3416 §4.2.3: `status` holds the non-repeaters, `index` the repetitions.
fn bulk(pdu: &Pdu, objects: &dyn Objects, bindings: &mut Vec<VarBind>) {
    let single = usize::try_from(pdu.status)
        .unwrap_or(usize::MAX)
        .min(pdu.bindings.len());
    let (once, again) = pdu.bindings.split_at(single);
    bindings.extend(once.iter().map(|asked| next(objects, &asked.oid)));
    let mut row: Vec<Oid> = again.iter().map(|asked| asked.oid.clone()).collect();
    for _ in 0..pdu.index {
        let mut is_over = true;
        for oid in &mut row {
            let found = next(objects, oid);
            is_over &= found.value == Value::EndOfMibView;
            oid.clone_from(&found.oid);
            bindings.push(found);
        }
        if is_over || bindings.len() >= MAX_ROWS || row.is_empty() {
            break;
        }
    }
}

/// Answers on a socket until it fails.
///
/// # Errors
/// What the socket failed with.
pub async fn serve(socket: UdpSocket, communities: Arc<dyn Communities>) -> std::io::Result<()> {
    let mut buffer = vec![0; 65_535];
    loop {
        let (length, from) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            // An earlier answer found nobody; the socket is fine.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => continue,
            Err(error) => return Err(error),
        };
        let Some(datagram) = buffer.get(..length) else {
            continue;
        };
        if let Some(bytes) = answer(datagram, &*communities)
            && let Err(error) = socket.send_to(&bytes, from).await
        {
            tracing::debug!(%error, "an answer could not be sent");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct One(Arc<Rows>);

    impl Communities for One {
        fn objects(&self, community: &[u8]) -> Option<Arc<dyn Objects>> {
            (community == b"public").then(|| Arc::clone(&self.0) as Arc<dyn Objects>)
        }
    }

    fn agent() -> One {
        let rows = [
            "1.3.6.1.2.1.1.1.0",
            "1.3.6.1.2.1.1.5.0",
            "1.3.6.1.2.1.2.2.1.2.1",
            "1.3.6.1.2.1.2.2.1.2.2",
        ]
        .into_iter()
        .map(|oid| VarBind {
            oid: oid.parse().unwrap(),
            value: Value::OctetString(oid.into()),
        })
        .collect();
        One(Arc::new(rows))
    }

    fn ask(version: Version, kind: PduKind, numbers: (u32, u32), oids: &[&str]) -> Option<Pdu> {
        let bindings = oids
            .iter()
            .map(|o| VarBind {
                oid: o.parse().unwrap(),
                value: Value::Null,
            })
            .collect();
        let pdu = Pdu {
            kind,
            request_id: 7,
            status: numbers.0,
            index: numbers.1,
            bindings,
        };
        let bytes = answer(&write_community(version, b"public", &pdu), &agent())?;
        match Message::parse(&bytes).unwrap() {
            Message::Community { pdu, .. } => Some(pdu),
            Message::V3(_) => None,
        }
    }

    #[test]
    fn a_get_tells_a_missing_object_from_a_missing_instance() {
        let got = ask(
            Version::V2c,
            PduKind::Get,
            (0, 0),
            &["1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.2.2.1.2.9", "1.3.9.1.0"],
        )
        .unwrap();
        assert!(got.bindings[0].value.as_bytes().is_some());
        assert_eq!(got.bindings[1].value, Value::NoSuchInstance);
        assert_eq!(got.bindings[2].value, Value::NoSuchObject);
        let old = ask(
            Version::V1,
            PduKind::Get,
            (0, 0),
            &["1.3.6.1.2.1.1.1.0", "1.3.9.1.0"],
        )
        .unwrap();
        assert_eq!((old.status, old.index), (NO_SUCH_NAME, 2));
    }

    #[test]
    fn a_bulk_repeats_until_the_end_of_the_view() {
        let got = ask(
            Version::V2c,
            PduKind::GetBulk,
            (1, 10),
            &["1.3.6.1.2.1.1.1", "1.3.6.1.2.1.2.2.1.2"],
        )
        .unwrap();
        let oids: Vec<String> = got.bindings.iter().map(|b| b.oid.to_string()).collect();
        assert_eq!(
            oids[..3],
            [
                "1.3.6.1.2.1.1.1.0",
                "1.3.6.1.2.1.2.2.1.2.1",
                "1.3.6.1.2.1.2.2.1.2.2"
            ]
        );
        assert_eq!(got.bindings[3].value, Value::EndOfMibView);
        assert_eq!(got.bindings.len(), 4);
    }

    #[test]
    fn rubbish_and_strangers_get_no_answer() {
        assert!(answer(b"rubbish", &agent()).is_none());
        let pdu = Pdu {
            kind: PduKind::Get,
            request_id: 1,
            status: 0,
            index: 0,
            bindings: Vec::new(),
        };
        assert!(answer(&write_community(Version::V2c, b"wrong", &pdu), &agent()).is_none());
    }
}
