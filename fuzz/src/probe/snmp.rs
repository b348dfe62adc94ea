//! SNMP without its client and transport.

#[path = "../../../src/probe/snmp/call.rs"]
pub mod call;
#[path = "../../../src/probe/snmp/codec/mod.rs"]
pub mod codec;
#[path = "../../../src/probe/snmp/credential.rs"]
pub mod credential;
#[path = "../../../src/probe/snmp/finding.rs"]
pub mod finding;
#[path = "../../../src/probe/snmp/keys.rs"]
pub mod keys;
#[path = "../../../src/probe/snmp/responder.rs"]
pub mod responder;
#[path = "../../../src/probe/snmp/session/mod.rs"]
pub mod session;
#[path = "../../../src/probe/snmp/size.rs"]
pub mod size;
#[path = "../../../src/probe/snmp/text.rs"]
pub mod text;
#[path = "../../../src/probe/snmp/usm.rs"]
pub mod usm;
#[path = "../../../src/probe/snmp/walk/mod.rs"]
pub mod walk;

pub use call::{Agent, Limits, Order, Walk, WalkEnd};
pub use credential::{AuthProtocol, Credential, Hidden, PrivProtocol, User, Version};
pub use finding::Finding;
