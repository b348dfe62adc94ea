//! The pure files of tramgac that read what comes from outside, at the places
//! where they stand in tramgac.

#![allow(dead_code, missing_docs, reason = "a part of a library is used in parts")]

#[path = "../../src/model/mod.rs"]
pub mod model;

/// How we look: the parsers and engines, without sockets.
pub mod probe {
    /// SNMP without its client and transport.
    pub mod snmp {
        #[path = "../../../../../src/probe/snmp/call.rs"]
        pub mod call;
        #[path = "../../../../../src/probe/snmp/codec/mod.rs"]
        pub mod codec;
        #[path = "../../../../../src/probe/snmp/credential.rs"]
        pub mod credential;
        #[path = "../../../../../src/probe/snmp/finding.rs"]
        pub mod finding;
        #[path = "../../../../../src/probe/snmp/keys.rs"]
        pub mod keys;
        #[path = "../../../../../src/probe/snmp/responder.rs"]
        pub mod responder;
        #[path = "../../../../../src/probe/snmp/session/mod.rs"]
        pub mod session;
        #[path = "../../../../../src/probe/snmp/size.rs"]
        pub mod size;
        #[path = "../../../../../src/probe/snmp/text.rs"]
        pub mod text;
        #[path = "../../../../../src/probe/snmp/usm.rs"]
        pub mod usm;
        #[path = "../../../../../src/probe/snmp/walk.rs"]
        pub mod walk;

        pub use call::{Agent, Limits, Order, Walk, WalkEnd};
        pub use credential::{AuthProtocol, Credential, Hidden, PrivProtocol, User, Version};
        pub use finding::Finding;
    }
}

/// The table of a recording.
pub mod profile {
    #[path = "../../../../src/profile/rows.rs"]
    pub mod rows;
    pub use rows::Rows;
}

/// Recordings.
pub mod lab {
    #[path = "../../../../src/lab/snmprec.rs"]
    pub mod snmprec;
}
