//! The SNMP engine against snmpsim, which has ciphers that net-snmp's packages lack.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use tramgac::clock::SystemClock;
use tramgac::model::snmp::Oid;
use tramgac::model::snmp::Value;
use tramgac::probe::snmp::Agent;
use tramgac::probe::snmp::AuthProtocol;
use tramgac::probe::snmp::Client;
use tramgac::probe::snmp::Credential;
use tramgac::probe::snmp::Limits;
use tramgac::probe::snmp::PrivProtocol;
use tramgac::probe::snmp::User;
use tramgac::probe::snmp::Version;
use tramgac::probe::snmp::WalkEnd;
use tramgac::probe::snmp::transport::Options;

use crate::support::snmpsim::Snmpsim;

const PASSWORD: &str = "maplesyrup";

/// The words of snmpsim, and ours.
const USERS: [(&str, &str, &str, AuthProtocol, Option<PrivProtocol>); 9] = [
    ("u1", "MD5", "NONE", AuthProtocol::Md5, None),
    ("u2", "MD5", "DES", AuthProtocol::Md5, Some(PrivProtocol::Des)),
    ("u3", "SHA", "AES", AuthProtocol::Sha1, Some(PrivProtocol::Aes128)),
    (
        "u4",
        "SHA",
        "AES192",
        AuthProtocol::Sha1,
        Some(PrivProtocol::Aes192Cisco),
    ),
    (
        "u5",
        "SHA",
        "AES256",
        AuthProtocol::Sha1,
        Some(PrivProtocol::Aes256Cisco),
    ),
    (
        "u6",
        "SHA",
        "AES192BLMT",
        AuthProtocol::Sha1,
        Some(PrivProtocol::Aes192),
    ),
    (
        "u7",
        "MD5",
        "AES256BLMT",
        AuthProtocol::Md5,
        Some(PrivProtocol::Aes256),
    ),
    (
        "u8",
        "SHA256",
        "AES256BLMT",
        AuthProtocol::Sha256,
        Some(PrivProtocol::Aes256),
    ),
    (
        "u9",
        "SHA512",
        "AES",
        AuthProtocol::Sha512,
        Some(PrivProtocol::Aes128),
    ),
];

/// 300 rows, many of which look alike.
fn recording() -> String {
    let mut text = String::from("1.3.6.1.2.1.1.1.0|4|simulated\n1.3.6.1.2.1.1.3.0|67|1234\n");
    for column in 1..=3 {
        for row in 1..=100 {
            writeln!(text, "1.3.6.1.2.1.2.2.1.{column}.{row}|2|{row}").unwrap();
        }
    }
    text
}

#[test]
fn every_version_and_cipher_of_snmpsim_is_walked() {
    let users: Vec<_> = USERS
        .iter()
        .map(|(name, auth, privacy, ..)| (*name, *auth, *privacy))
        .collect();
    let Some(sim) = Snmpsim::start(&recording(), &users, PASSWORD) else {
        return;
    };
    let mut credentials = vec![
        Credential::V1 {
            community: "public".into(),
        },
        Credential::v2c("public"),
    ];
    for (name, _, _, auth, privacy) in USERS {
        credentials.push(Credential::V3(User {
            auth: Some((auth, PASSWORD.into())),
            privacy: privacy.map(|p| (p, PASSWORD.into())),
            context: "public".to_owned(),
            ..User::named(name)
        }));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let client = Client::new(&Options::default(), SystemClock::shared()).unwrap();
    let root: Oid = "1.3.6.1.2.1.2.2.1".parse().unwrap();
    let columns: Vec<Oid> = (1..=3).map(|n| root.child(&[n])).collect();
    for credential in credentials {
        let what = format!("{credential:?}");
        // SNMPv1 asks row by row, and the simulator is slow.
        let wanted = if credential.version() == Version::V1 {
            &columns[..1]
        } else {
            &columns
        };
        let agent = Agent {
            timeout: Duration::from_secs(3),
            ..Agent::new(sim.address, Arc::new(credential))
        };
        let walk = runtime.block_on(client.walk(&agent, wanted, Limits::default()));
        assert_eq!(
            (walk.ended, walk.rows.len()),
            (WalkEnd::Complete, 100 * wanted.len()),
            "{what}"
        );
    }
}

#[test]
fn a_context_of_snmpsim_names_the_recording_that_answers() {
    let Some(sim) = Snmpsim::start_with(
        &[
            ("public", "1.3.6.1.2.1.1.1.0|4|one\n"),
            ("tang2", "1.3.6.1.2.1.1.1.0|4|two\n"),
        ],
        &[("u1", "SHA", "AES")],
        PASSWORD,
    ) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let client = Client::new(&Options::default(), SystemClock::shared()).unwrap();
    for (context, text) in [("public", "one"), ("tang2", "two"), ("public", "one")] {
        let user = User {
            auth: Some((AuthProtocol::Sha1, PASSWORD.into())),
            privacy: Some((PrivProtocol::Aes128, PASSWORD.into())),
            context: context.to_owned(),
            ..User::named("u1")
        };
        let agent = Agent {
            timeout: Duration::from_secs(3),
            ..Agent::new(sim.address, Arc::new(Credential::V3(user)))
        };
        let got = runtime
            .block_on(client.get(&agent, &["1.3.6.1.2.1.1.1.0".parse().unwrap()]))
            .unwrap();
        assert_eq!(got[0].value, Value::OctetString(text.into()), "{context}");
    }
}
