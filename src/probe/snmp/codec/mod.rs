//! Messages on the wire, in both directions: for us who ask, and for the lab's
//! agents who answer.
//!
//! Pure: bytes in, values out. Every packet from the network is either a value
//! or [`Malformed`]; none panics (property tests here, fuzz target
//! `snmp_message`). Source: RFC 1157, RFC 1901, RFC 3416, RFC 3412.

pub mod ber;
pub mod message;
pub mod pdu;
pub mod v3;
pub mod writer;

#[cfg(test)]
mod tests;

pub use ber::Malformed;
pub use message::Message;
pub use message::peek_id;
pub use pdu::Pdu;
pub use pdu::PduKind;
pub use v3::ScopedPdu;
pub use v3::V3Header;
