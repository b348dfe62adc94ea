//! SNMP v1, v2c and v3 over UDP: our own codec, session, walk and transport.
//!
//! ```text
//! caller ──get / walk──► client ──bounded channel──► transport (one thread, a few shared sockets)
//!   ▲                                                   │  bytes, time in        ▲ bytes, wake-up, results out
//!   └───────────────── one-shot answer ◄────────────────┤                        │
//!                                                       └──► session::Session (pure) ─► walk, usm, codec
//! ```
//!
//! The thread decides nothing: which reply belongs to which request, how often
//! to try, how large to ask and when a walk ends stands in [`session`] and
//! [`walk`], which are pure and tested on virtual time.
//! Why not a crate: docs/decisions/0003-own-snmp.md.

pub mod call;
pub mod client;
pub mod codec;
pub mod credential;
pub mod finding;
pub mod habits;
pub mod keys;
pub mod poll;
mod poll_still;
mod poll_turn;
mod poll_view;
mod poll_vlans;
pub mod responder;
pub mod session;
pub mod size;
pub mod text;
pub mod transport;
pub mod usm;
pub mod walk;

pub use call::{Agent, Limits, Order, Walk, WalkEnd};
pub use client::Client;
pub use credential::{AuthProtocol, Credential, Hidden, PrivProtocol, User, Version};
pub use finding::Finding;
