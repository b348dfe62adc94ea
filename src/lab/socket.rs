//! The filter round the engine's real socket, and the echo over UDP for those
//! who may not ping.
//!
//! Every loopback address answers an echo, so an outage there needs a filter.
//! Everything above the socket is the ordinary code; packets that the weather
//! delays are handed on when their time has come, with that time as their
//! time of receipt.

use std::collections::BinaryHeap;
use std::io;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::UdpSocket;
use std::os::fd::AsFd;

use super::due::Due;
use super::weather::Chance;
use super::weather::Weather;
use crate::clock::SharedClock;
use crate::model::BlindReason;
use crate::model::Mono;
use crate::probe::icmp::SendRefusal;
use crate::probe::icmp::socket::Descriptors;
use crate::probe::icmp::socket::Drops;
use crate::probe::icmp::socket::EchoSocket;
use crate::probe::icmp::socket::Facts;
use crate::probe::icmp::socket::Incoming;
use crate::probe::icmp::socket::Mode;
use crate::probe::icmp::socket::Outgoing;
use crate::probe::icmp::socket::Queued;

/// Packets that may be on their way at a time; more are lost, as in a real queue.
const MAX_HELD: usize = 65_536;
/// Largest message that the lab carries.
const MAX_BYTES: usize = 2_048;

/// A socket behind the lab's weather.
pub struct Filter {
    inner: Box<dyn EchoSocket>,
    weather: Weather,
    chance: Chance,
    held: BinaryHeap<Due<Held>>,
}

/// A message on its way.
struct Held {
    from: IpAddr,
    bytes: Vec<u8>,
    error: Option<Queued>,
}

impl Filter {
    /// Puts `inner` behind the weather.
    pub fn new(inner: Box<dyn EchoSocket>, weather: Weather, seed: u64) -> Self {
        Self {
            inner,
            weather,
            chance: Chance::new(seed),
            held: BinaryHeap::new(),
        }
    }
}

impl EchoSocket for Filter {
    fn send(&mut self, packet: &Outgoing<'_>) -> Result<(), SendRefusal> {
        let condition = self.weather.at(packet.to);
        // A packet that the weather takes was sent all the same: the sender can't know.
        if condition.cut || self.chance.share() < condition.loss.get() {
            return Ok(());
        }
        self.inner.send(packet)
    }

    fn receive(&mut self, now: Mono, each: &mut dyn FnMut(&Incoming<'_>)) -> io::Result<usize> {
        let Self {
            inner,
            weather,
            chance,
            held,
        } = self;
        let mut handed = 0;
        let mut order = chance.number() >> 32;
        let read = inner.receive(now, &mut |packet| {
            let condition = weather.at(packet.from);
            let delay = condition.delay.saturating_add(chance.part_of(condition.jitter));
            if delay.is_zero() {
                each(packet);
                handed += 1;
            } else if held.len() < MAX_HELD {
                order += 1;
                held.push(Due {
                    at: packet.at.plus(delay),
                    order,
                    what: Held {
                        from: packet.from,
                        bytes: packet.bytes.to_vec(),
                        error: packet.error,
                    },
                });
            }
        })?;
        while held.peek().is_some_and(|h| h.at <= now) {
            let Some(Due { at, what: h, .. }) = held.pop() else {
                break;
            };
            // What was cut while it was on its way does not arrive.
            if !weather.at(h.from).cut {
                each(&Incoming {
                    from: h.from,
                    at,
                    bytes: &h.bytes,
                    error: h.error,
                });
                handed += 1;
            }
        }
        // A full batch means that there may be more, held or not.
        Ok(handed.max(read))
    }

    fn drops(&mut self) -> Drops {
        self.inner.drops()
    }

    fn facts(&self) -> Facts {
        self.inner.facts()
    }

    fn descriptors(&self) -> Descriptors<'_> {
        self.inner.descriptors()
    }
}

/// Echo over UDP on the loopback, through the seam of the real socket: for the
/// lab where ICMP is not permitted. IPv4 only.
///
/// A request goes to the [`Responder`] as a datagram of the address that it is
/// for (4 bytes), the time of sending (8 bytes, to be filled in by the answer)
/// and the ICMP message.
pub struct UdpEcho {
    socket: UdpSocket,
    responder: SocketAddr,
}

/// Answers for every address.
pub struct Responder {
    socket: UdpSocket,
    clock: SharedClock,
}

const HEAD: usize = 12;

impl Responder {
    /// Opens it on a port of 127.0.0.1.
    ///
    /// # Errors
    /// When the system has no port left.
    pub fn bind(clock: SharedClock) -> io::Result<Self> {
        Ok(Self {
            socket: UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?,
            clock,
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Answers until the socket fails. Blocks: give it a thread of its own.
    ///
    /// # Errors
    /// What the socket failed with.
    pub fn run(self) -> io::Result<()> {
        let mut buffer = [0; MAX_BYTES];
        loop {
            let (length, from) = self.socket.recv_from(&mut buffer)?;
            let Some(datagram) = buffer.get_mut(..length) else {
                continue;
            };
            if answer(datagram, self.clock.mono()).is_some()
                && let Err(error) = self.socket.send_to(datagram, from)
            {
                // The asker has gone; others may still be there.
                tracing::debug!(%error, "the lab could not answer an echo");
            }
        }
    }
}

/// Turns an echo request into its reply; `None` for anything else.
///
/// Source: RFC 792 p. 14: the type changes from 8 to 0 and the checksum with it.
fn answer(datagram: &mut [u8], now: Mono) -> Option<()> {
    datagram.get_mut(4..HEAD)?.copy_from_slice(&now.0.to_be_bytes());
    let message = datagram.get_mut(HEAD..)?;
    let [kind, _, high, low, ..] = message else {
        return None;
    };
    if *kind != 8 {
        return None;
    }
    *kind = 0;
    // RFC 1624: a field that falls by 0x0800 raises the complement sum by as much.
    let (sum, carry) = u16::from_be_bytes([*high, *low]).overflowing_add(0x0800);
    [*high, *low] = sum.wrapping_add(u16::from(carry)).to_be_bytes();
    Some(())
}

impl UdpEcho {
    /// Opens a socket that asks `responder`.
    ///
    /// # Errors
    /// When the system has no port left.
    pub fn connect(responder: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, responder })
    }
}

impl EchoSocket for UdpEcho {
    fn send(&mut self, packet: &Outgoing<'_>) -> Result<(), SendRefusal> {
        let IpAddr::V4(to) = packet.to else {
            return Err(SendRefusal::Blind(BlindReason::NoRoute));
        };
        let mut datagram = Vec::with_capacity(HEAD + packet.bytes.len());
        datagram.extend_from_slice(&to.octets());
        datagram.extend_from_slice(&[0; 8]);
        datagram.extend_from_slice(packet.bytes);
        match self.socket.send_to(&datagram, self.responder) {
            Ok(_) => Ok(()),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Err(SendRefusal::Full),
            Err(e) => Err(SendRefusal::Blind(BlindReason::Internal(e.to_string()))),
        }
    }

    fn receive(&mut self, _now: Mono, each: &mut dyn FnMut(&Incoming<'_>)) -> io::Result<usize> {
        let mut buffer = [0; MAX_BYTES];
        for read in 0..64 {
            match self.socket.recv_from(&mut buffer) {
                Ok((length, from)) if from == self.responder => {
                    if let Some((head, bytes)) = buffer.get(..length).and_then(|d| d.split_at_checked(HEAD))
                        && let Ok([a, b, c, d, stamp @ ..]) = <[u8; HEAD]>::try_from(head)
                    {
                        let from = IpAddr::V4(Ipv4Addr::new(a, b, c, d));
                        each(&Incoming {
                            from,
                            at: Mono(u64::from_be_bytes(stamp)),
                            bytes,
                            error: None,
                        });
                    }
                }
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(read),
                Err(e) => return Err(e),
            }
        }
        Ok(64)
    }

    fn drops(&mut self) -> Drops {
        Drops::default()
    }

    fn facts(&self) -> Facts {
        Facts {
            mode: Mode::Simulated,
            receive_buffer: 212_992,
            has_ipv6: false,
        }
    }

    fn descriptors(&self) -> Descriptors<'_> {
        let mut all = [None; 8];
        all[0] = Some(self.socket.as_fd());
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_request_becomes_its_reply_with_the_right_checksum() {
        let mut datagram = vec![127, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0];
        // type 8, code 0, ident 0x1234, sequence 1
        let sum = !(0x0800_u16 + 0x1234 + 1);
        datagram.extend_from_slice(&[8, 0]);
        datagram.extend_from_slice(&sum.to_be_bytes());
        datagram.extend_from_slice(&[0x12, 0x34, 0, 1]);
        assert!(answer(&mut datagram, Mono(7)).is_some());
        let message = &datagram[HEAD..];
        assert_eq!(message[0], 0);
        let expected = !(0x1234_u16 + 1);
        assert_eq!(u16::from_be_bytes([message[2], message[3]]), expected);
        assert!(
            answer(&mut datagram, Mono(8)).is_none(),
            "a reply is not answered"
        );
    }
}
