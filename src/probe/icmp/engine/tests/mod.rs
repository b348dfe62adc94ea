//! Scenarios of the engine on a network in memory, on virtual time.

mod answers;
mod sending;

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::probe::icmp::ErrorKind;
use crate::probe::icmp::Group;
use crate::probe::icmp::Order;
use crate::probe::icmp::SendRefusal;
use crate::probe::icmp::packet;
use crate::probe::icmp::socket::Incoming;

const MS: Span = Span::from_millis(1);

/// One packet as it left.
#[derive(Clone)]
struct Sent {
    /// When it left, which is when its send returned.
    at: Mono,
    to: IpAddr,
    bytes: Vec<u8>,
}

/// An engine, its clock, and what it has sent.
struct Desk {
    engine: Engine,
    now: Mono,
    wall: Timestamp,
    drops: u64,
    corrupt: u64,
    sent: Vec<Sent>,
    done: Vec<Burst>,
    refusal: Option<SendRefusal>,
    /// How long we stand still between the stamp of the next packet and its leaving.
    stillness: Span,
}

impl Desk {
    fn new(options: Options) -> Self {
        Self {
            engine: Engine::new(&options, Mode::Raw, 64 << 20, Key([9; 16]), 0x4242),
            now: Mono(1_000_000_000),
            wall: Timestamp::from_secs(1_800_000_000),
            drops: 0,
            corrupt: 0,
            sent: Vec::new(),
            done: Vec::new(),
            refusal: None,
            stillness: Span::ZERO,
        }
    }

    fn unpaced() -> Self {
        Self::new(Options {
            max_rate: None,
            ..Options::default()
        })
    }

    fn order(&mut self, order: &Order) {
        self.engine.accept(order, self.now);
        self.turn();
    }

    fn turn(&mut self) {
        let drops = Drops {
            full: self.drops,
            corrupt: self.corrupt,
        };
        self.engine.begin(self.now, self.wall, drops);
        self.engine.advance(self.now);
        while let Some(packet) = self.engine.next_send(self.now) {
            let (to, bytes) = (packet.to, packet.bytes.to_vec());
            let result = self.refusal.clone().map_or(Ok(()), Err);
            let stamp = self.now;
            self.stand_still();
            if result.is_ok() {
                self.sent.push(Sent {
                    at: self.now,
                    to,
                    bytes,
                });
            }
            self.engine.sent(stamp, result);
        }
        self.engine.left(self.now);
        self.done.extend(self.engine.take_done());
    }

    fn stand_still(&mut self) {
        let span = std::mem::take(&mut self.stillness);
        self.now = self.now.plus(span);
        self.wall = self.wall.plus(span);
    }

    /// Lets time pass as the worker does: in ticks, while there is work.
    fn pass(&mut self, span: Span) {
        let end = self.now.plus(span);
        while self.now < end {
            let step = match self.engine.wake() {
                Wake::Idle => end,
                Wake::At(at) | Wake::OnReply(at) => at.max(self.now.plus(10 * MS)).min(end),
            };
            self.wall = self.wall.plus(step.since(self.now));
            self.now = step;
            self.turn();
        }
    }

    fn receive(&mut self, from: IpAddr, at: Mono, bytes: &[u8]) {
        self.engine.receive(&Incoming {
            from,
            at,
            bytes,
            error: None,
        });
        self.done.extend(self.engine.take_done());
    }

    /// The target answers request `n` after `rtt`, read at once.
    fn answer(&mut self, n: usize, rtt: Span) {
        let sent = self.sent[n].clone();
        self.receive(sent.to, sent.at.plus(rtt), &reply_to(&sent.bytes));
    }

    /// A router sends an error about request `n`, quoting `quoted` bytes of it.
    fn complain(&mut self, n: usize, kind: u8, code: u8, quoted: usize) {
        let sent = self.sent[n].clone();
        let IpAddr::V4(to) = sent.to else {
            unreachable!("IPv4 only here")
        };
        let mut error = vec![kind, code, 0, 0, 0, 0, 0, 0];
        error.extend([0x45, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 10, 0, 0, 9]);
        error.extend(to.octets());
        error.extend(&sent.bytes[..quoted.min(sent.bytes.len())]);
        let sum = packet::checksum(&error);
        error[2..4].copy_from_slice(&sum.to_be_bytes());
        self.receive([10, 0, 0, 1].into(), sent.at.plus(3 * MS), &error);
    }
}

fn reply_to(request: &[u8]) -> Vec<u8> {
    let mut reply = request.to_vec();
    reply[0] = 0;
    reply[2..4].fill(0);
    let sum = packet::checksum(&reply);
    reply[2..4].copy_from_slice(&sum.to_be_bytes());
    reply
}

fn ident(bytes: &[u8]) -> u16 {
    u16::from_be_bytes([bytes[4], bytes[5]])
}

fn one(token: u64) -> Order {
    Order {
        count: 1,
        ..three(token)
    }
}

fn three(token: u64) -> Order {
    let host = u8::try_from(token % 250).unwrap() + 1;
    Order {
        spacing: 100 * MS,
        ..Order::new(token, [10, 1, u8::try_from(token / 250).unwrap(), host].into())
    }
}
