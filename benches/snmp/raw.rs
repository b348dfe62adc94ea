//! The limit: a poller written for these devices alone.
//!
//! Twice: each column for itself in two requests, 17 for a device; and all eight
//! columns side by side, 8 for a device.
//!
//! One thread, one socket, receives by 64, requests patched into templates,
//! answers read in place without an allocation. For SNMPv3 it seals and opens
//! with the library's functions, whose cost is the cryptography.

use std::collections::HashMap;
use std::io::IoSliceMut;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;

use nix::poll::PollFd;
use nix::poll::PollFlags;
use nix::poll::PollTimeout;
use nix::sys::socket::MsgFlags;
use nix::sys::socket::MultiHeaders;
use nix::sys::socket::SockaddrIn;
use nix::sys::socket::recvmmsg;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt;
use tramgac::probe::snmp::codec::Message;
use tramgac::probe::snmp::codec::PduKind;
use tramgac::probe::snmp::codec::ber::Reader;
use tramgac::probe::snmp::codec::ber::tag;
use tramgac::probe::snmp::keys::Keys;
use tramgac::probe::snmp::usm;
use tramgac::probe::snmp::usm::Envelope;
use tramgac::probe::snmp::usm::KeyRing;
use tramgac::probe::snmp::usm::Level;

/// How the columns are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Half of one column in a request.
    Narrow,
    /// Seven rows of all columns in a request: they fit into one packet.
    Wide,
}

impl Shape {
    fn repetitions(self) -> u8 {
        match self {
            Self::Narrow => 24,
            Self::Wide => 7,
        }
    }
}

const BATCH: usize = 64;

/// A request whose id and row numbers stand at known places.
struct Template {
    bytes: Vec<u8>,
    id_at: usize,
    rows_at: Vec<usize>,
}

fn wrap(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    if contents.len() < 128 {
        out.push(contents.len() as u8);
    } else {
        out.extend([0x82, (contents.len() >> 8) as u8, contents.len() as u8]);
    }
    out.extend(contents);
    out
}

fn bindings(oids: &[Vec<u8>]) -> Vec<u8> {
    let mut list = Vec::new();
    for oid in oids {
        let mut one = wrap(tag::OBJECT_ID, oid);
        one.extend([5, 0]);
        list.extend(wrap(tag::SEQUENCE, &one));
    }
    wrap(tag::SEQUENCE, &list)
}

/// The OID in BER; all arcs here are below 128.
fn ber(arcs: &[u32], last: u8) -> Vec<u8> {
    let mut out = vec![0x2b];
    out.extend(arcs.iter().skip(2).map(|a| *a as u8));
    out.push(last);
    out
}

impl Template {
    fn new(kind: PduKind, repetitions: u8, oids: &[Vec<u8>], community: Option<&[u8]>) -> Self {
        let mut pdu = vec![2, 4, 0x11, 0x22, 0x33, 0x44, 2, 1, 0, 2, 1, repetitions];
        pdu.extend(bindings(oids));
        let pdu = wrap(kind.tag(), &pdu);
        let bytes = match community {
            Some(community) => {
                let mut all = vec![2, 1, 1];
                all.extend(wrap(tag::OCTET_STRING, community));
                all.extend(pdu);
                wrap(tag::SEQUENCE, &all)
            }
            None => pdu,
        };
        let find = |needle: &[u8]| bytes.windows(needle.len()).position(|w| w == needle).unwrap();
        let rows_at = oids
            .iter()
            .map(|oid| find(&wrap(tag::OBJECT_ID, oid)) + 1 + oid.len())
            .collect();
        let id_at = find(&[2, 4, 0x11, 0x22, 0x33, 0x44]) + 2;
        Self {
            bytes,
            id_at,
            rows_at,
        }
    }

    fn fill(&mut self, id: u32, row: Option<u8>) -> &[u8] {
        self.bytes[self.id_at..self.id_at + 4].copy_from_slice(&id.to_be_bytes());
        if let Some(row) = row {
            for at in &self.rows_at {
                self.bytes[*at] = row;
            }
        }
        &self.bytes
    }
}

/// One device under way.
#[derive(Clone, Copy)]
struct Device {
    address: SocketAddr,
    phase: u8,
    column: u8,
    row: u8,
    values: usize,
    id: u32,
    boots: u32,
    time: u32,
}

struct Poller {
    socket: UdpSocket,
    get: Template,
    bulk: Vec<Template>,
    shape: Shape,
    discover: Template,
    v3: bool,
    keys: KeyRing,
    known: Option<(Vec<u8>, std::sync::Arc<Keys>)>,
    pending: HashMap<u32, usize>,
    devices: Vec<Device>,
    next_id: u32,
    salt: u64,
    sum: u64,
}

/// Polls all devices once; gives the number that failed.
pub(super) fn poll(devices: usize, port: u16, version: &str, shape: Shape) -> usize {
    let v3 = version == "v3";
    let community = (!v3).then_some(b"public".as_slice());
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    if setsockopt(&socket, sockopt::RcvBufForce, &(16 << 20)).is_err() {
        setsockopt(&socket, sockopt::RcvBuf, &(16 << 20)).unwrap();
    }
    let system: Vec<Vec<u8>> = (1..=7).map(|n| ber(&[1, 3, 6, 1, 2, 1, 1, n], 0)).collect();
    let columns: Vec<Vec<u8>> = super::COLUMNS.iter().map(|c| ber(c, 0)).collect();
    let mut poller = Poller {
        socket,
        get: Template::new(PduKind::Get, 0, &system, community),
        bulk: match shape {
            Shape::Wide => vec![Template::new(
                PduKind::GetBulk,
                shape.repetitions(),
                &columns,
                community,
            )],
            Shape::Narrow => columns
                .chunks(1)
                .map(|one| Template::new(PduKind::GetBulk, shape.repetitions(), one, community))
                .collect(),
        },
        shape,
        discover: Template::new(PduKind::Get, 0, &[], None),
        v3,
        keys: KeyRing::default(),
        known: None,
        pending: HashMap::new(),
        devices: (0..devices)
            .map(|n| Device {
                address: super::device(n, port),
                phase: u8::from(!v3),
                column: 0,
                row: 0,
                values: 0,
                id: 0,
                boots: 0,
                time: 0,
            })
            .collect(),
        next_id: 1,
        salt: 1,
        sum: 0,
    };
    poller.run();
    std::hint::black_box(poller.sum);
    poller
        .devices
        .iter()
        .filter(|d| d.values != super::VALUES)
        .count()
}

impl Poller {
    fn run(&mut self) {
        let mut buffers = vec![vec![0_u8; 65_536]; BATCH];
        let mut started = 0;
        loop {
            while self.pending.len() < super::IN_FLIGHT && started < self.devices.len() {
                self.send(started);
                started += 1;
            }
            if self.pending.is_empty() {
                return;
            }
            let mut fds = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
            if nix::poll::poll(&mut fds, PollTimeout::from(1000_u16)).unwrap() == 0 {
                // Silent for a second: these have failed.
                return;
            }
            loop {
                let mut slices: Vec<[IoSliceMut<'_>; 1]> =
                    buffers.iter_mut().map(|b| [IoSliceMut::new(b)]).collect();
                let mut headers = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
                let Ok(packets) = recvmmsg(
                    self.socket.as_raw_fd(),
                    &mut headers,
                    slices.iter_mut(),
                    MsgFlags::MSG_DONTWAIT,
                    None,
                ) else {
                    break;
                };
                let mut count = 0;
                for packet in packets {
                    count += 1;
                    let from: Option<std::net::SocketAddrV4> = packet.address.map(Into::into);
                    if let (Some(from), Some(bytes)) = (from, packet.iovs().next()) {
                        self.take(bytes, from.into());
                    }
                }
                if count < BATCH {
                    break;
                }
            }
        }
    }

    fn send(&mut self, index: usize) {
        self.next_id += 1;
        let id = self.next_id;
        let device = &mut self.devices[index];
        device.id = id;
        let pdu = match device.phase {
            0 => self.discover.fill(id, None),
            1 => self.get.fill(id, None),
            _ => self.bulk[usize::from(device.column)].fill(id, Some(device.row)),
        };
        let sent = if self.v3 {
            self.salt += 1;
            let (engine, keys) = match &self.known {
                Some((engine, keys)) if device.phase > 0 => (engine.as_slice(), std::sync::Arc::clone(keys)),
                _ => (&[][..], std::sync::Arc::default()),
            };
            let mut scoped = wrap(tag::OCTET_STRING, engine);
            scoped.extend([4, 0]);
            scoped.extend(pdu);
            let envelope = Envelope {
                message_id: id as i32,
                engine_id: engine,
                boots: device.boots,
                time: device.time,
                user: if device.phase == 0 { b"" } else { b"bench" },
                reportable: true,
                level: if device.phase == 0 {
                    Level::NoAuthNoPriv
                } else {
                    Level::AuthPriv
                },
            };
            let bytes = usm::seal(&envelope, wrap(tag::SEQUENCE, &scoped), &keys, self.salt);
            self.socket.send_to(&bytes, device.address)
        } else {
            self.socket.send_to(pdu, device.address)
        };
        sent.ok();
        self.pending.insert(id, index);
    }

    fn take(&mut self, bytes: &[u8], from: SocketAddr) {
        if !self.v3 {
            let mut message = Reader::new(bytes).enter(tag::SEQUENCE).unwrap();
            message.integer().unwrap();
            message.octets().unwrap();
            let rest = message.rest();
            return self.take_pdu(rest, from);
        }
        let Ok(Message::V3(header)) = Message::parse(bytes) else {
            return;
        };
        let id = header.message_id as u32;
        let Some(index) = self.pending.get(&id).copied() else {
            return;
        };
        if self.devices[index].phase == 0 {
            self.pending.remove(&id);
            if self.known.is_none() {
                let keys = self.keys.keys(&super::user(), header.engine_id);
                self.known = Some((header.engine_id.to_vec(), keys));
            }
            let device = &mut self.devices[index];
            device.boots = header.boots;
            device.time = header.time;
            device.phase = 1;
            return self.send(index);
        }
        let keys = std::sync::Arc::clone(&self.known.as_ref().unwrap().1);
        let Ok(clear) = usm::open(&header, &keys) else {
            return;
        };
        let mut scoped = Reader::new(&clear).enter(tag::SEQUENCE).unwrap();
        scoped.octets().unwrap();
        scoped.octets().unwrap();
        let rest = scoped.rest();
        self.take_pdu(rest, from);
    }

    fn take_pdu(&mut self, bytes: &[u8], from: SocketAddr) {
        let mut pdu = Reader::new(bytes).enter(PduKind::Response.tag()).unwrap();
        let id = pdu.integer().unwrap() as u32;
        let Some(index) = self.pending.remove(&id) else {
            return;
        };
        let device = &mut self.devices[index];
        if device.address != from || pdu.integer().unwrap() != 0 {
            return;
        }
        pdu.integer().unwrap();
        let mut list = pdu.enter(tag::SEQUENCE).unwrap();
        let mut place = 0;
        while !list.is_empty() {
            let mut binding = list.enter(tag::SEQUENCE).unwrap();
            let oid = binding.expect(tag::OBJECT_ID).unwrap();
            let (kind, value) = binding.any().unwrap();
            let inside = if kind == tag::END_OF_MIB_VIEW {
                false
            } else if device.phase == 1 {
                true
            } else {
                let column = match self.shape {
                    Shape::Wide => super::COLUMNS[place % 8],
                    Shape::Narrow => super::COLUMNS[usize::from(device.column)],
                };
                oid.len() == column.len()
                    && oid[1..]
                        .iter()
                        .zip(&column[2..])
                        .all(|(a, b)| u32::from(*a) == *b)
            };
            if inside {
                device.values += 1;
                self.sum += value.iter().fold(0, |n, b| (n << 8) | u64::from(*b)) & 0xff;
            }
            place += 1;
        }
        if device.phase == 1 {
            device.phase = 2;
        } else {
            device.row += self.shape.repetitions();
            if u32::from(device.row) >= super::INTERFACES {
                device.row = 0;
                device.column += 1;
                if usize::from(device.column) == self.bulk.len() {
                    return;
                }
            }
        }
        self.send(index);
    }
}
