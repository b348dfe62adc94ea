//! The receiving half: whose answer it is, and what it means.
//!
//! A reply counts if, in this order: its ident is one of ours; its cookie is
//! ours for its sequence number and for the address that it came *from*; the
//! burst that it names is in flight; the request that it names is waiting; and
//! it came before that request's deadline, by the kernel's time stamp.

use std::net::IpAddr;

use super::Engine;
use super::Memory;
use super::burst::Fate;
use super::ident_mask;
use crate::model::Mono;
use crate::probe::icmp::ErrorKind;
use crate::probe::icmp::ErrorSeen;
use crate::probe::icmp::cookie::Place;
use crate::probe::icmp::packet;
use crate::probe::icmp::packet::Family;
use crate::probe::icmp::packet::Message;
use crate::probe::icmp::packet::Quote;
use crate::probe::icmp::socket::Incoming;

impl Engine {
    /// Judges one packet.
    pub fn receive(&mut self, incoming: &Incoming<'_>) {
        let (from, at) = (incoming.from, incoming.at);
        let family = Family::of(from);
        if let Some(queued) = incoming.error {
            match (
                packet::error_kind(Family::of(queued.to), queued.kind, queued.code),
                packet::parse_own(incoming.bytes, queued.to),
            ) {
                (Some(kind), Ok(quote)) => self.error(from, at, kind, &quote),
                (None, Ok(_)) => self.counters.foreign += 1,
                (_, Err(_)) => self.counters.corrupt += 1,
            }
            return;
        }
        match packet::parse(family, incoming.bytes) {
            Ok(Message::Reply { ident, seq, payload }) => self.reply(from, at, ident, seq, payload),
            Ok(Message::Error { kind, quote }) => self.error(from, at, kind, &quote),
            Ok(Message::Other) => self.counters.foreign += 1,
            Err(packet::Corrupt) => self.counters.corrupt += 1,
        }
    }

    fn is_ours(&self, ident: u16) -> bool {
        self.ident.is_none_or(|base| ident & ident_mask() == base)
    }

    fn reply(&mut self, from: IpAddr, at: Mono, ident: u16, seq: u16, payload: &[u8]) {
        let place = self.is_ours(ident).then(|| self.key.open(payload, seq, from));
        let Some(place) = place.flatten() else {
            self.counters.foreign += 1;
            return;
        };
        let Some(slot) = self
            .slots
            .get_mut(place.slot as usize)
            .filter(|s| s.serial == place.serial)
        else {
            // Ours without doubt, but its slot has another burst by now.
            self.counters.late += 1;
            return;
        };
        let index = seq.wrapping_sub(slot.base_seq);
        if !slot.is_active {
            let memory = self.tokens.entry(slot.token).or_insert(Memory::NEW);
            if index < 64 && slot.answered >> index & 1 == 1 {
                self.counters.duplicates += 1;
                memory.duplicates = memory.duplicates.saturating_add(1);
            } else {
                self.counters.late += 1;
                memory.late = memory.late.saturating_add(1);
            }
            return;
        }
        let Some(echo) = self.echoes.of_mut(slot.echoes).get_mut(usize::from(index)) else {
            self.counters.foreign += 1;
            return;
        };
        let rtt = at.since(echo.sent);
        match echo.fate {
            Fate::Unsent => self.counters.foreign += 1,
            Fate::Answered | Fate::Late => {
                slot.duplicates = slot.duplicates.saturating_add(1);
                self.counters.duplicates += 1;
            }
            // An error has ended the wait: what comes then is late.
            Fate::Failed => self.counters.late += 1,
            Fate::Waiting if rtt > slot.timeout => {
                echo.end(Fate::Late, rtt);
                slot.late += 1;
                self.counters.late += 1;
            }
            Fate::Waiting => {
                echo.end(Fate::Answered, rtt);
                self.window.answered(echo.sent, slot.size);
                slot.received += 1;
                if index < 64 {
                    slot.answered |= 1 << index;
                }
                self.counters.received += 1;
            }
        }
        if slot.is_complete() {
            self.finish(place.slot);
        }
    }

    /// The burst that a quoted request belongs to: by its cookie, or, where a
    /// router quotes 8 bytes only (RFC 792), by its sequence number, address and checksum.
    fn quoted(&mut self, quote: &Quote<'_>) -> Option<Place> {
        if !self.is_ours(quote.ident) {
            return None;
        }
        if quote.payload.len() >= 16 {
            return self.key.open(quote.payload, quote.seq, quote.to);
        }
        let n = *self.by_seq.get(usize::from(quote.seq))?;
        let slot = self.slots.get(n as usize)?;
        let place = Place {
            slot: n,
            serial: slot.serial,
        };
        if slot.address != quote.to {
            return None;
        }
        let tag = self.key.tag(place, quote.seq, slot.address);
        let family = Family::of(slot.address);
        packet::build(&mut self.packet, family, quote.ident, quote.seq, &tag, slot.size);
        let sum = self.packet.get(2..4)?;
        (sum == quote.checksum.to_be_bytes()).then_some(place)
    }

    fn error(&mut self, from: IpAddr, at: Mono, kind: ErrorKind, quote: &Quote<'_>) {
        let Some(place) = self.quoted(quote) else {
            self.counters.foreign += 1;
            return;
        };
        self.counters.errors += 1;
        let Some(slot) = self
            .slots
            .get_mut(place.slot as usize)
            .filter(|s| s.is_active && s.serial == place.serial)
        else {
            return;
        };
        let index = quote.seq.wrapping_sub(slot.base_seq);
        let Some(echo) = self.echoes.of_mut(slot.echoes).get_mut(usize::from(index)) else {
            return;
        };
        if echo.fate != Fate::Waiting {
            return;
        }
        let rtt = at.since(echo.sent);
        if rtt > slot.timeout {
            // As late as a late reply: the wait has ended already.
            return;
        }
        echo.end(Fate::Failed, rtt);
        self.window.answered(echo.sent, slot.size);
        slot.failed += 1;
        slot.error = Some(ErrorSeen { from, kind });
        if slot.is_complete() {
            self.finish(place.slot);
        }
    }
}
