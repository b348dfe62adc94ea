//! Any bytes from the network: read as a message, and given to exchanges under
//! way as an answer to one of their requests.

#![no_main]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use tramgac::model::Mono;
use tramgac::model::snmp::Oid;
use tramgac::probe::snmp::Agent;
use tramgac::probe::snmp::AuthProtocol;
use tramgac::probe::snmp::Credential;
use tramgac::probe::snmp::Finding;
use tramgac::probe::snmp::Limits;
use tramgac::probe::snmp::User;
use tramgac::probe::snmp::codec::Message;
use tramgac::probe::snmp::codec::ScopedPdu;
use tramgac::probe::snmp::codec::message::write_community;
use tramgac::probe::snmp::responder::Responder;
use tramgac::probe::snmp::session::Actions;
use tramgac::probe::snmp::session::Caller;
use tramgac::probe::snmp::session::Session;
use tramgac::probe::snmp::text;
use tramgac::probe::snmp::usm::KeyRing;
use tramgac::probe::snmp::walk::Work;

struct Nobody;

impl Caller for Nobody {
    fn has_left(&self) -> bool {
        false
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(Message::Community {
        version,
        community,
        pdu,
    }) = Message::parse(bytes)
    {
        for binding in &pdu.bindings {
            text::numeric(binding);
            text::snmprec(binding);
            text::described(&binding.value);
        }
        // What was read and written again is read as the same.
        let again = write_community(version, community, &pdu);
        let read = Message::parse(&again);
        assert_eq!(
            read,
            Ok(Message::Community {
                version,
                community,
                pdu
            })
        );
    }
    drop(ScopedPdu::parse(bytes));
    answer(bytes, Credential::v2c("public"));
    answer(
        bytes,
        Credential::V3(User {
            auth: None,
            ..User::named("u")
        }),
    );
    let signed = User {
        auth: Some((AuthProtocol::Sha1, "maplesyrup".into())),
        ..User::named("u")
    };
    thread_local! {
        static KEYS: std::cell::RefCell<KeyRing> = std::cell::RefCell::default();
    }
    KEYS.with_borrow_mut(|keys| {
        let engine = b"\x80\0\x1f\x88fuzz".to_vec();
        drop(Responder::new(engine, 1, &[signed], keys, 1).receive(bytes, 1));
    });
});

/// Gives the bytes to a get and a walk as an answer; their ids are put where
/// the request has its own.
fn answer(bytes: &[u8], credential: Credential) {
    let mut session = Session::new([1; 16]);
    let mut actions = Actions::default();
    let at = SocketAddr::from(([192, 0, 2, 1], 161));
    let agent = Agent::new(at, Arc::new(credential));
    let oid = Oid::new([1, 3, 6, 1, 2, 1, 2, 2, 1, 2]);
    let now = Mono(1_000_000_000);
    let end = now.plus(Duration::from_secs(30));
    let works = [
        Work::get(vec![oid.clone()]),
        Work::walk(vec![oid], None, Limits::default()),
    ];
    for work in works {
        session.start(agent.clone(), work, end, Nobody, now, &mut actions);
        let Some((id, _, request)) = actions.send.pop() else {
            return;
        };
        let id = id.to_be_bytes();
        let mut patched = bytes.to_vec();
        if let Some(place) = request.windows(4).position(|w| *w == id)
            && let Some(there) = patched.get_mut(place..place + 4)
        {
            there.copy_from_slice(&id);
        }
        session.packet(&patched, at, now, &mut actions);
        session.undeliverable(&patched, at, &Finding::Refused, now, &mut actions);
    }
}
