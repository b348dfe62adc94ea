//! SNMP agents on the loopback that behave as some do.

use std::net::SocketAddr;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tramgac::model::snmp::Value;
use tramgac::model::snmp::VarBind;
use tramgac::probe::snmp::Agent;
use tramgac::probe::snmp::Credential;
use tramgac::probe::snmp::codec::Message;
use tramgac::probe::snmp::codec::Pdu;
use tramgac::probe::snmp::codec::PduKind;
use tramgac::probe::snmp::codec::message::write_community;

/// An agent that is a closure: what it is asked, and which request that is, to
/// what it answers, all in order and some of it late.
pub struct Odd {
    /// Where it answers.
    pub address: SocketAddr,
    socket: Arc<UdpSocket>,
    over: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Odd {
    /// Starts one; `answers` gets the community, the request and its number from 0.
    pub fn start(mut answers: impl FnMut(&[u8], Pdu, usize) -> Vec<Pdu> + Send + 'static) -> Self {
        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap());
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let (mine, end) = (Arc::clone(&socket), Arc::clone(&over));
        let thread = std::thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            let mut count = 0;
            while !end.load(Ordering::Relaxed) {
                let Ok((length, from)) = mine.recv_from(&mut buffer) else {
                    continue;
                };
                let Ok(Message::Community {
                    version,
                    community,
                    pdu,
                }) = Message::parse(&buffer[..length])
                else {
                    continue;
                };
                for answer in answers(community, pdu, count) {
                    let bytes = write_community(version, community, &answer);
                    mine.send_to(&bytes, from).unwrap();
                }
                count += 1;
            }
        });
        Self {
            address: socket.local_addr().unwrap(),
            socket,
            over,
            thread: Some(thread),
        }
    }

    /// How to ask it, patiently.
    pub fn agent(&self) -> Agent {
        Agent {
            timeout: Duration::from_secs(10),
            ..Agent::new(self.address, Arc::new(Credential::v2c("public")))
        }
    }
}

impl Drop for Odd {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _joined = self.thread.take().map(std::thread::JoinHandle::join);
        let _address = self.socket.local_addr();
    }
}

/// Answers as an agent with these objects does, with at most `most` repetitions.
pub fn answer(objects: &[VarBind], asked: &Pdu, most: u32) -> Pdu {
    let bindings = if asked.kind == PduKind::Get {
        asked.bindings.iter().map(|b| get(objects, b)).collect()
    } else {
        walk(objects, asked, most)
    };
    Pdu {
        kind: PduKind::Response,
        request_id: asked.request_id,
        status: 0,
        index: 0,
        bindings,
    }
}

fn get(objects: &[VarBind], asked: &VarBind) -> VarBind {
    let found = objects.iter().find(|o| o.oid == asked.oid);
    VarBind {
        oid: asked.oid.clone(),
        value: found.map_or(Value::NoSuchInstance, |o| o.value.clone()),
    }
}

/// GETNEXT and GETBULK.
fn walk(objects: &[VarBind], asked: &Pdu, most: u32) -> Vec<VarBind> {
    let rounds = if asked.kind == PduKind::GetBulk {
        asked.index.min(most)
    } else {
        1
    };
    let mut bindings = Vec::new();
    let mut places: Vec<usize> = asked
        .bindings
        .iter()
        .map(|b| objects.partition_point(|o| o.oid <= b.oid))
        .collect();
    for _ in 0..rounds {
        for (place, asked) in places.iter_mut().zip(&asked.bindings) {
            bindings.push(objects.get(*place).cloned().unwrap_or_else(|| VarBind {
                oid: asked.oid.clone(),
                value: Value::EndOfMibView,
            }));
            *place += 1;
        }
    }
    bindings
}
