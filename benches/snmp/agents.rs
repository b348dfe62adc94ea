//! All agents in one process on one socket: the same objects at every address.

use std::io::IoSlice;
use std::io::IoSliceMut;
use std::net::Ipv4Addr;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

use nix::cmsg_space;
use nix::libc;
use nix::sys::socket::ControlMessage;
use nix::sys::socket::ControlMessageOwned;
use nix::sys::socket::MsgFlags;
use nix::sys::socket::SockaddrIn;
use nix::sys::socket::recvmsg;
use nix::sys::socket::sendmsg;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt;
use tramgac::model::snmp::Oid;
use tramgac::model::snmp::Value;
use tramgac::model::snmp::VarBind;
use tramgac::probe::snmp::codec::Message;
use tramgac::probe::snmp::codec::Pdu;
use tramgac::probe::snmp::codec::PduKind;
use tramgac::probe::snmp::codec::message::write_community;
use tramgac::probe::snmp::responder::Received;
use tramgac::probe::snmp::responder::Responder;
use tramgac::probe::snmp::usm::KeyRing;

use super::COLUMNS;
use super::clockwork::Clockwork;

/// What each of them tells at the second `seconds`.
fn objects(interfaces: u32, seconds: u32) -> Vec<VarBind> {
    let mut rows = Vec::new();
    let mut put = |arcs: &[u32], value| {
        rows.push(VarBind {
            oid: Oid::new(arcs),
            value,
        });
    };
    for (n, value) in (1..).zip([
        Value::OctetString("RouterOS 7.14 on CCR2004-16G-2S+, the router of a commune".into()),
        Value::ObjectId(Oid::new([1, 3, 6, 1, 4, 1, 14_988, 1]).into()),
        Value::TimeTicks(123_456_789 + seconds * 100),
        Value::OctetString("it@example.vn".into()),
        Value::OctetString("thach-khoan-rt1".into()),
        Value::OctetString("UBND xa Thach Khoan".into()),
        Value::Integer(78),
    ]) {
        put(&[1, 3, 6, 1, 2, 1, 1, n, 0], value);
    }
    for (kind, column) in COLUMNS.iter().enumerate() {
        for row in 1..=interfaces {
            let mut arcs = column.to_vec();
            arcs.push(row);
            let value = match kind {
                0 => Value::Integer(1),
                1 | 2 => Value::Counter32(row * 77 + seconds / 60),
                3 => Value::OctetString(format!("ether{row}").into()),
                4 | 5 => Value::Counter64(
                    u64::from(row)
                        * (123_456_789_012 + u64::from(seconds) * (1_000 + u64::from(seconds % 97))),
                ),
                6 => Value::Gauge32(1000),
                _ => Value::OctetString(format!("uplink {row}").into()),
            };
            put(&arcs, value);
        }
    }
    rows.sort_by(|a, b| a.oid.cmp(&b.oid));
    rows
}

fn answer(objects: &[VarBind], number: u32, pdu: &Pdu) -> Pdu {
    let end = |oid: &Oid| VarBind {
        oid: oid.clone(),
        value: Value::EndOfMibView,
    };
    let mut bindings = Vec::new();
    if pdu.kind == PduKind::Get {
        for asked in &pdu.bindings {
            let found = objects.binary_search_by(|o| o.oid.cmp(&asked.oid));
            bindings.push(found.map_or_else(
                |_| VarBind {
                    oid: asked.oid.clone(),
                    value: Value::NoSuchInstance,
                },
                |at| objects[at].clone(),
            ));
        }
    } else {
        let mut places: Vec<usize> = pdu
            .bindings
            .iter()
            .map(|asked| objects.partition_point(|o| o.oid <= asked.oid))
            .collect();
        let rounds = if pdu.kind == PduKind::GetBulk {
            pdu.index
        } else {
            1
        };
        for _ in 0..rounds {
            for (place, asked) in places.iter_mut().zip(&pdu.bindings) {
                bindings.push(objects.get(*place).cloned().unwrap_or_else(|| end(&asked.oid)));
                *place += 1;
            }
        }
    }
    // Equipment with one name is taken for one.
    for binding in &mut bindings {
        if binding.oid.arcs() == [1, 3, 6, 1, 2, 1, 1, 5, 0] {
            binding.value = Value::OctetString(format!("thach-khoan-rt{number}").into());
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

/// What the agents are like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Nature {
    /// Interfaces of each.
    pub(super) interfaces: u32,
    /// Requests, and answers, of a hundred that are lost.
    pub(super) loss_percent: u64,
    /// Every n-th device never answers; 0: all do.
    pub(super) silent_every: u32,
}

impl Default for Nature {
    fn default() -> Self {
        Self {
            interfaces: super::INTERFACES,
            loss_percent: 0,
            silent_every: 0,
        }
    }
}

/// Numbers that are the same in every run (xorshift).
struct Dice(u64);

impl Dice {
    fn loses(&mut self, percent: u64) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % 100 < percent
    }
}

/// All agents.
struct Agents {
    nature: Nature,
    dice: Dice,
    /// What they tell at `told_at`, seconds since they began.
    objects: Vec<VarBind>,
    told_at: u32,
    responder: Responder,
    clockwork: Clockwork,
}

impl Agents {
    fn new(nature: Nature) -> Self {
        Self {
            nature,
            dice: Dice(0x9e37_79b9_7f4a_7c15),
            objects: objects(nature.interfaces, 0),
            told_at: 0,
            responder: Responder::new(
                b"\x80\0\x1f\x88bench".to_vec(),
                1,
                &[super::user()],
                &mut KeyRing::default(),
                1,
            ),
            clockwork: Clockwork::default(),
        }
    }

    /// What the agent with this number answers, `elapsed` since they began.
    fn reply(&mut self, number: u32, bytes: &[u8], elapsed: std::time::Duration) -> Option<Vec<u8>> {
        if bytes == super::clockwork::QUESTION {
            return Some(self.clockwork.report().into_bytes());
        }
        let second = u32::try_from(elapsed.as_secs()).unwrap();
        if second != self.told_at {
            self.told_at = second;
            self.objects = objects(self.nature.interfaces, second);
        }
        let silent = self.nature.silent_every > 0 && number.is_multiple_of(self.nature.silent_every);
        if silent || self.dice.loses(self.nature.loss_percent) {
            return None;
        }
        self.clockwork.asked(number, elapsed);
        let reply = match Message::parse(bytes).ok()? {
            Message::Community {
                version,
                community,
                pdu,
            } => write_community(version, community, &answer(&self.objects, number, &pdu)),
            Message::V3(_) => match self.responder.receive(bytes, 1000 + second) {
                Received::Request(request) => {
                    let pdu = answer(&self.objects, number, &request.pdu);
                    self.responder.answer(&request, pdu, 1000 + second)
                }
                Received::Report(report) => report,
                Received::Nothing => return None,
            },
        };
        (!self.dice.loses(self.nature.loss_percent)).then_some(reply)
    }
}

pub(super) fn serve(port: u16, nature: Nature) {
    let clock = tramgac::clock::SystemClock::new();
    let start = tramgac::clock::Clock::mono(&clock);
    let mut agents = Agents::new(nature);
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).unwrap();
    setsockopt(&socket, sockopt::Ipv4PacketInfo, &true).unwrap();
    if setsockopt(&socket, sockopt::RcvBufForce, &(32 << 20)).is_err() {
        setsockopt(&socket, sockopt::RcvBuf, &(32 << 20)).unwrap();
    }
    let mut buffer = vec![0; 65_536];
    loop {
        let mut control = cmsg_space!(libc::in_pktinfo);
        let mut slices = [IoSliceMut::new(&mut buffer)];
        let Ok(packet) = recvmsg::<SockaddrIn>(
            socket.as_raw_fd(),
            &mut slices,
            Some(&mut control),
            MsgFlags::empty(),
        ) else {
            continue;
        };
        let to = packet.cmsgs().unwrap().find_map(|message| match message {
            ControlMessageOwned::Ipv4PacketInfo(info) => Some(info.ipi_addr),
            _ => None,
        });
        let (Some(from), Some(to), Some(bytes)) = (packet.address, to, packet.iovs().next()) else {
            continue;
        };
        let number = u32::from_be(to.s_addr).wrapping_sub(super::FIRST_ADDRESS);
        let elapsed = tramgac::clock::Clock::mono(&clock).since(start);
        let Some(reply) = agents.reply(number, bytes, elapsed) else {
            continue;
        };
        let source = libc::in_pktinfo {
            ipi_ifindex: 0,
            ipi_spec_dst: to,
            ipi_addr: libc::in_addr { s_addr: 0 },
        };
        let sent = sendmsg(
            socket.as_raw_fd(),
            &[IoSlice::new(&reply)],
            &[ControlMessage::Ipv4PacketInfo(&source)],
            MsgFlags::empty(),
            Some(&from),
        );
        if let Err(error) = sent
            && error != nix::errno::Errno::ECONNREFUSED
        {
            eprintln!("agent: {error}");
        }
    }
}
