//! Properties of the codec: what is written comes back, and no bytes panic.

use proptest::prelude::*;

use super::super::credential::Version;
use super::ber::Writer;
use super::message::write_community;
use super::v3::Data;
use super::v3::Frame;
use super::*;
use crate::model::snmp::Oid;
use crate::model::snmp::Value;
use crate::model::snmp::VarBind;

fn oid() -> impl Strategy<Value = Oid> {
    (
        0_u32..=2,
        0_u32..40,
        proptest::collection::vec(any::<u32>(), 0..20),
    )
        .prop_map(|(a, b, tail)| {
            let mut arcs = vec![a, b];
            arcs.extend(tail);
            Oid::new(arcs)
        })
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::Integer),
        proptest::collection::vec(any::<u8>(), 0..200).prop_map(|b| Value::OctetString(b.into())),
        Just(Value::Null),
        oid().prop_map(|o| Value::ObjectId(o.into())),
        any::<[u8; 4]>().prop_map(Value::IpAddress),
        any::<u32>().prop_map(Value::Counter32),
        any::<u32>().prop_map(Value::Gauge32),
        any::<u32>().prop_map(Value::TimeTicks),
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(|b| Value::Opaque(b.into())),
        any::<u64>().prop_map(Value::Counter64),
        Just(Value::NoSuchObject),
        Just(Value::NoSuchInstance),
        Just(Value::EndOfMibView),
    ]
}

fn pdu() -> impl Strategy<Value = Pdu> {
    (
        0_usize..8,
        any::<i32>(),
        0_u32..0x7fff_ffff,
        0_u32..0x7fff_ffff,
        proptest::collection::vec((oid(), value()), 0..30),
    )
        .prop_map(|(kind, request_id, status, index, bindings)| Pdu {
            kind: PduKind::ALL[kind],
            request_id,
            status,
            index,
            bindings: bindings
                .into_iter()
                .map(|(oid, value)| VarBind { oid, value })
                .collect(),
        })
}

proptest! {
    #[test]
    fn a_community_message_comes_back(pdu in pdu(), one: bool, community: Vec<u8>) {
        let version = if one { Version::V1 } else { Version::V2c };
        let bytes = write_community(version, &community, &pdu);
        prop_assert_eq!(peek_id(&bytes), Some(pdu.request_id));
        prop_assert_eq!(
            Message::parse(&bytes),
            Ok(Message::Community { version, community: &community, pdu })
        );
    }

    #[test]
    fn a_scoped_pdu_and_its_frame_come_back(
        pdu in pdu(), engine: Vec<u8>, context: Vec<u8>, user: Vec<u8>,
        id in 0_i32..i32::MAX, time in 0_u32..0x7fff_ffff, signed in prop_oneof![Just(0_usize), Just(12), Just(48)],
    ) {
        let scoped = ScopedPdu { context_engine: engine.clone(), context, pdu };
        let data = scoped.to_bytes();
        let frame = Frame {
            message_id: id, flags: u8::from(signed > 0), engine_id: &engine, boots: 7, time, user: &user,
            signature_len: signed, salt: &[], data: Data::Plain(&data),
        };
        let mut writer = Writer::new();
        let at = frame.write(&mut writer);
        let bytes = writer.finish();
        prop_assert_eq!(peek_id(&bytes), Some(id));
        let Ok(Message::V3(header)) = Message::parse(&bytes) else { panic!("not read") };
        prop_assert_eq!(header.signature_at, at);
        prop_assert_eq!(header.signature.len(), signed);
        prop_assert_eq!((header.message_id, header.boots, header.time), (id, 7, time));
        prop_assert_eq!((header.engine_id, header.user), (engine.as_slice(), user.as_slice()));
        let Data::Plain(read) = header.data else { panic!("not plain") };
        prop_assert_eq!(ScopedPdu::parse(read), Ok(scoped));
    }

    #[test]
    fn any_bytes_are_a_message_or_malformed_and_never_a_panic(bytes: Vec<u8>) {
        let _message = Message::parse(&bytes);
        let _scoped = ScopedPdu::parse(&bytes);
        let _id = peek_id(&bytes);
    }

    #[test]
    fn a_damaged_message_never_panics(pdu in pdu(), at: prop::sample::Index, with: u8, cut: prop::sample::Index) {
        let mut bytes = write_community(Version::V2c, b"public", &pdu);
        let place = at.index(bytes.len());
        bytes[place] = with;
        let _message = Message::parse(&bytes);
        let end = cut.index(bytes.len());
        let _message = Message::parse(&bytes[..end]);
        let _id = peek_id(&bytes[..end]);
    }
}

#[test]
fn the_id_of_a_packet_that_icmp_cut_is_still_read() {
    let pdu = Pdu {
        kind: PduKind::GetBulk,
        request_id: 0x1234_5678,
        status: 0,
        index: 10,
        bindings: vec![VarBind {
            oid: Oid::new([1, 3, 6, 1, 2, 1, 2, 2, 1, 2]),
            value: Value::Null,
        }],
    };
    let bytes = write_community(Version::V2c, b"public", &pdu);
    assert_eq!(peek_id(&bytes[..28]), Some(0x1234_5678));
    assert_eq!(peek_id(&bytes[..10]), None);
}
