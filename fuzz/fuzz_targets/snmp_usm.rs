//! SNMPv3 behind its signature, with every pair of protocols (the first byte
//! chooses): any bytes as a message; as a sealed payload, which must come back;
//! and as the contents of an authentic answer to an exchange under way.

#![no_main]

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use tramgac::model::Mono;
use tramgac::model::snmp::Oid;
use tramgac::probe::snmp::Agent;
use tramgac::probe::snmp::AuthProtocol;
use tramgac::probe::snmp::Credential;
use tramgac::probe::snmp::Limits;
use tramgac::probe::snmp::PrivProtocol;
use tramgac::probe::snmp::User;
use tramgac::probe::snmp::codec::Message;
use tramgac::probe::snmp::codec::PduKind;
use tramgac::probe::snmp::codec::ScopedPdu;
use tramgac::probe::snmp::codec::ber::Writer;
use tramgac::probe::snmp::codec::ber::tag;
use tramgac::probe::snmp::codec::v3::wrap_scoped;
use tramgac::probe::snmp::keys::Keys;
use tramgac::probe::snmp::responder::Received;
use tramgac::probe::snmp::responder::Responder;
use tramgac::probe::snmp::session::Actions;
use tramgac::probe::snmp::session::Caller;
use tramgac::probe::snmp::session::Session;
use tramgac::probe::snmp::usm;
use tramgac::probe::snmp::usm::Envelope;
use tramgac::probe::snmp::usm::KeyRing;
use tramgac::probe::snmp::usm::Level;
use tramgac::probe::snmp::walk::Work;

const ENGINE: &[u8] = b"\x80\0\x1f\x88fuzz";
const BOOTS: u32 = 3;
const TIME: u32 = 77;

struct Nobody;

impl Caller for Nobody {
    fn has_left(&self) -> bool {
        false
    }
}

thread_local! {
    static KEYS: RefCell<KeyRing> = RefCell::default();
}

fn user(choice: u8) -> User {
    let choice = usize::from(choice);
    let auth = AuthProtocol::ALL.get(choice % 7).copied();
    let privacy = auth.and(PrivProtocol::ALL.get((choice / 7) % 7).copied());
    User {
        auth: auth.map(|a| (a, "maplesyrup".into())),
        privacy: privacy.map(|p| (p, "syrupmaple".into())),
        ..User::named("u")
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, bytes)) = bytes.split_first() else {
        return;
    };
    let user = user(*choice);
    KEYS.with_borrow_mut(|ring| {
        let keys = ring.keys(&user, ENGINE);
        if let Ok(Message::V3(header)) = Message::parse(bytes)
            && let Ok(clear) = usm::open(&header, &keys)
        {
            drop(ScopedPdu::parse(&clear));
        }
        comes_back(bytes, &user, &keys);
        answers(bytes, &user, ring);
    });
});

fn envelope(message_id: i32, user: &User) -> Envelope<'_> {
    Envelope {
        message_id,
        engine_id: ENGINE,
        boots: BOOTS,
        time: TIME,
        user: user.name.as_bytes(),
        reportable: false,
        level: Level::of(user),
    }
}

fn comes_back(bytes: &[u8], user: &User, keys: &Keys) {
    let mut writer = Writer::new();
    writer.value(tag::SEQUENCE, bytes);
    let payload = writer.finish();
    let sealed = usm::seal(&envelope(7, user), payload.clone(), keys, 5);
    let Ok(Message::V3(header)) = Message::parse(&sealed) else {
        panic!("a sealed message is not read");
    };
    assert_eq!((header.message_id, header.boots, header.time), (7, BOOTS, TIME));
    let clear = usm::open(&header, keys).expect("sealed and not opened");
    assert!(clear.starts_with(&payload));
    // One bit changed anywhere behind the head: never opened if it is signed.
    if header.is_signed() {
        let mut damaged = sealed.clone();
        if let Some(last) = damaged.last_mut() {
            *last ^= 1;
        }
        if let Ok(Message::V3(header)) = Message::parse(&damaged) {
            assert!(usm::open(&header, keys).is_err());
        }
    }
}

/// An exchange that discovered its engine gets the bytes as what its agent says.
fn answers(bytes: &[u8], user: &User, ring: &mut KeyRing) {
    let mut agent = Responder::new(ENGINE.to_vec(), BOOTS, std::slice::from_ref(user), ring, 1);
    let keys = ring.keys(user, ENGINE);
    let mut session = Session::with_keys([1; 16], std::mem::take(ring));
    talk(bytes, user, &keys, &mut agent, &mut session);
    *ring = session.into_keys();
}

fn talk(bytes: &[u8], user: &User, keys: &Keys, agent: &mut Responder, session: &mut Session<Nobody>) {
    let mut actions = Actions::default();
    let at = SocketAddr::from(([192, 0, 2, 1], 161));
    let now = Mono(1_000_000_000);
    let work = Work::walk(
        vec![Oid::new([1, 3, 6, 1, 2, 1, 2, 2, 1, 2])],
        None,
        Limits::default(),
    );
    let asked = Agent::new(at, Arc::new(Credential::V3(user.clone())));
    session.start(asked, work, now.plus(Duration::from_secs(30)), Nobody, now, &mut actions);
    let Some((_, _, discovery)) = actions.send.pop() else {
        return;
    };
    let Received::Report(report) = agent.receive(&discovery, TIME) else {
        return;
    };
    session.packet(&report, at, now, &mut actions);
    let Some((id, _, request)) = actions.send.pop() else {
        return;
    };
    drop(agent.receive(&request, TIME));
    for kind in [PduKind::Response, PduKind::Report] {
        let mut writer = Writer::new();
        writer.raw(bytes);
        writer.integer(tag::INTEGER, i64::from(id));
        writer.wrap(kind.tag(), 0);
        wrap_scoped(&mut writer, ENGINE, b"");
        let scoped = writer.finish();
        let answer = usm::seal(&envelope(id, user), scoped, keys, 9);
        session.packet(&answer, at, now, &mut actions);
    }
}
