//! The SNMP engine against net-snmp's agent.

use std::sync::Arc;
use std::time::Duration;

use tramgac::clock::SystemClock;
use tramgac::model::snmp::Oid;
use tramgac::model::snmp::Value;
use tramgac::probe::snmp::Agent;
use tramgac::probe::snmp::AuthProtocol;
use tramgac::probe::snmp::Client;
use tramgac::probe::snmp::Credential;
use tramgac::probe::snmp::Finding;
use tramgac::probe::snmp::Limits;
use tramgac::probe::snmp::PrivProtocol;
use tramgac::probe::snmp::User;
use tramgac::probe::snmp::WalkEnd;
use tramgac::probe::snmp::transport::Options;

use crate::support::free_udp_address;
use crate::support::snmpd;
use crate::support::snmpd::Snmpd;

fn oid(text: &str) -> Oid {
    text.parse().unwrap()
}

fn client() -> Client {
    Client::new(&Options::default(), SystemClock::shared()).unwrap()
}

fn agent(snmpd: &Snmpd, credential: Credential) -> Agent {
    Agent {
        timeout: Duration::from_millis(500),
        retries: 1,
        ..Agent::new(snmpd.address, Arc::new(credential))
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}

fn v3(auth: &str, privacy: &str) -> User {
    User {
        auth: AuthProtocol::from_word(auth).map(|p| (p, snmpd::AUTH_PASSWORD.into())),
        privacy: PrivProtocol::from_word(privacy).map(|p| (p, snmpd::PRIV_PASSWORD.into())),
        ..User::named(snmpd::user(auth, privacy))
    }
}

/// What snmpwalk counts below an OID.
fn rows_by_snmpwalk(snmpd: &Snmpd, root: &str) -> usize {
    let output = snmpd
        .tool("snmpwalk", &["-v2c", "-c", snmpd::COMMUNITY, "-On"], &[root])
        .unwrap();
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter(|line| line.starts_with('.'))
        .count()
}

#[test]
fn gets_and_walks_are_answered_over_v1_and_v2c() {
    let Some(snmpd) = Snmpd::start() else { return };
    let client = client();
    for credential in [
        Credential::v2c(snmpd::COMMUNITY),
        Credential::V1 {
            community: snmpd::COMMUNITY.into(),
        },
    ] {
        let agent = agent(&snmpd, credential);
        run(async {
            let wanted = [
                oid("1.3.6.1.2.1.1.5.0"),
                oid("1.3.6.1.2.1.1.99.0"),
                oid("1.3.6.1.2.1.1.6.0"),
            ];
            let got = client.get(&agent, &wanted).await.unwrap();
            assert_eq!(got[0].value, Value::OctetString("thach-khoan".into()));
            assert!(got[1].value.is_absent(), "{got:?}");
            assert_eq!(
                got[2].value,
                Value::OctetString("UBND xã Thạch Khoán, \"tầng 2\"".into())
            );
            let columns: Vec<Oid> = (1..=22).map(|n| oid("1.3.6.1.2.1.2.2.1").child(&[n])).collect();
            let walk = client.walk(&agent, &columns, Limits::default()).await;
            assert_eq!(walk.ended, WalkEnd::Complete);
            assert_eq!(walk.rows.len(), rows_by_snmpwalk(&snmpd, ".1.3.6.1.2.1.2.2.1"));
        });
    }
}

#[test]
fn every_pair_of_protocols_that_snmpd_has_is_understood() {
    let Some(snmpd) = Snmpd::start() else { return };
    let client = client();
    let rows = rows_by_snmpwalk(&snmpd, ".1.3.6.1.2.1.1");
    let mut users = vec![v3("none", "none")];
    for (_, auth) in snmpd::AUTH {
        users.push(v3(auth, "none"));
        for (_, privacy) in snmpd::PRIV {
            users.push(v3(auth, privacy));
        }
    }
    for user in users {
        let name = user.name.clone();
        let agent = agent(&snmpd, Credential::V3(user));
        let walk = run(client.walk(&agent, &[oid("1.3.6.1.2.1.1")], Limits::default()));
        assert_eq!((walk.ended, walk.rows.len()), (WalkEnd::Complete, rows), "{name}");
    }
}

// trap 13
#[test]
fn what_is_wrong_with_a_credential_is_said() {
    let Some(snmpd) = Snmpd::start() else { return };
    let client = client();
    let up_time = [oid("1.3.6.1.2.1.1.3.0")];
    let finding = |credential| run(client.get(&agent(&snmpd, credential), &up_time)).unwrap_err();
    let wrong = |user: User, auth: &str, privacy: &str| {
        Credential::V3(User {
            auth: user.auth.map(|(p, _)| (p, auth.into())),
            privacy: user.privacy.map(|(p, _)| (p, privacy.into())),
            ..user
        })
    };
    assert_eq!(finding(Credential::v2c("falsch")), Finding::NoAnswerOrCommunity);
    assert_eq!(
        finding(Credential::V3(User::named("nobody"))),
        Finding::UnknownUser
    );
    let good = snmpd::AUTH_PASSWORD;
    assert_eq!(
        finding(wrong(v3("sha", "aes"), "wrongwrong", snmpd::PRIV_PASSWORD)),
        Finding::WrongAuth
    );
    assert_eq!(
        finding(wrong(v3("sha256", "aes"), good, "wrongwrong")),
        Finding::WrongPriv
    );
    assert_eq!(
        finding(wrong(v3("md5", "des"), good, "wrongwrong")),
        Finding::WrongPriv
    );
    let unsigned = User {
        auth: None,
        privacy: None,
        ..v3("sha", "aes")
    };
    assert_eq!(finding(Credential::V3(unsigned)), Finding::NoAccess);
    let encrypted = User {
        privacy: Some((PrivProtocol::Aes128, snmpd::PRIV_PASSWORD.into())),
        ..v3("sha", "none")
    };
    assert_eq!(finding(Credential::V3(encrypted)), Finding::SecurityLevel);
    // snmpd drops what is for a context that it does not have; that is no fault of the keys.
    let elsewhere = User {
        context: "elsewhere".to_owned(),
        ..v3("sha", "aes")
    };
    assert_eq!(finding(Credential::V3(elsewhere)), Finding::NoAnswer);
}

#[test]
fn a_refused_port_is_told_from_silence_at_once() {
    let client = client();
    let agent = Agent::new(free_udp_address(), Arc::new(Credential::v2c("x")));
    let start = tokio::time::Instant::now();
    let finding = run(client.get(&agent, &[oid("1.3.6.1.2.1.1.3.0")])).unwrap_err();
    assert_eq!(finding, Finding::Refused);
    assert!(start.elapsed() < Duration::from_secs(1));
    assert!(client.counters().sent >= 1);
}

// trap 13
#[test]
fn a_restarted_agent_is_followed_whatever_it_remembers() {
    let Some(mut snmpd) = Snmpd::start() else { return };
    let client = client();
    let agent = agent(&snmpd, Credential::V3(v3("sha256", "aes")));
    let up_time = [oid("1.3.6.1.2.1.1.3.0")];
    run(client.get(&agent, &up_time)).unwrap();
    // With its folder it counts one more boot; without, its engine has a new id.
    for forget in [false, true] {
        snmpd = snmpd.restart(forget);
        let before = client.counters();
        run(client.get(&agent, &up_time)).unwrap();
        let after = client.counters();
        assert_eq!(
            after.sent - before.sent,
            2,
            "one report, one answer; forget: {forget}"
        );
        run(client.get(&agent, &up_time)).unwrap();
        assert_eq!(client.counters().sent, after.sent + 1);
    }
}

/// A UDP port of the IPv6 loopback that was free a moment ago.
fn free_ipv6_address() -> std::net::SocketAddr {
    let socket = std::net::UdpSocket::bind("[::1]:0").unwrap();
    socket.local_addr().unwrap()
}

// trap 13
#[test]
fn snmpv3_over_ipv6_finds_the_engine_and_says_what_is_wrong() {
    let address = free_ipv6_address();
    let Some(snmpd) = Snmpd::start_with("", &[&format!("udp6:{address}")]) else {
        return;
    };
    let client = client();
    let over_ipv6 = |user| Agent {
        address,
        ..agent(&snmpd, Credential::V3(user))
    };
    let root = [oid("1.3.6.1.2.1.1")];
    for (auth, privacy) in [("none", "none"), ("sha", "aes"), ("sha512", "des")] {
        let before = client.counters().sent;
        let walk = run(client.walk(&over_ipv6(v3(auth, privacy)), &root, Limits::default()));
        assert_eq!(walk.ended, WalkEnd::Complete, "{auth} {privacy}");
        assert_eq!(walk.rows.len(), rows_by_snmpwalk(&snmpd, ".1.3.6.1.2.1.1"));
        assert!(client.counters().sent > before);
    }
    let wrong = User {
        auth: Some((AuthProtocol::Sha256, "wrongwrong".into())),
        ..v3("sha256", "aes")
    };
    let finding = run(client.get(&over_ipv6(wrong), &[oid("1.3.6.1.2.1.1.3.0")])).unwrap_err();
    assert_eq!(finding, Finding::WrongAuth);
    // The same engine at two addresses: what is known of it is kept for each (trap 13).
    let by_ipv4 = agent(&snmpd, Credential::V3(v3("sha", "aes")));
    run(client.get(&by_ipv4, &[oid("1.3.6.1.2.1.1.3.0")])).unwrap();
}

#[test]
fn a_context_of_snmpd_is_answered_by_what_lies_behind_it() {
    let Some(behind) = Snmpd::start_with("sysDescr the chassis behind\n", &[]) else {
        return;
    };
    let lines = format!(
        "sysDescr the front\n\
         view whole included .1\n\
         createUser by_context SHA-256 {} AES {}\n\
         rouser by_context priv -V whole blade*\n\
         proxy -Cn blade1 -v 2c -c {} udp:{} .1.3.6.1.2.1.1\n",
        snmpd::AUTH_PASSWORD,
        snmpd::PRIV_PASSWORD,
        snmpd::COMMUNITY,
        behind.address,
    );
    let Some(front) = Snmpd::start_with(&lines, &[]) else {
        return;
    };
    let client = client();
    let descr = [oid("1.3.6.1.2.1.1.1.0")];
    let ask = |name: &str, context: &str| {
        let user = User {
            auth: Some((AuthProtocol::Sha256, snmpd::AUTH_PASSWORD.into())),
            privacy: Some((PrivProtocol::Aes128, snmpd::PRIV_PASSWORD.into())),
            context: context.to_owned(),
            ..User::named(name)
        };
        let agent = agent(&front, Credential::V3(user));
        let got = run(client.get(&agent, &descr));
        let walk = run(client.walk(&agent, &[oid("1.3.6.1.2.1.1")], Limits::default()));
        (got.map(|mut got| got.remove(0).value), walk)
    };
    let (value, walk) = ask("by_context", "blade1");
    assert_eq!(value.unwrap(), Value::OctetString("the chassis behind".into()));
    assert_eq!(walk.ended, WalkEnd::Complete);
    assert!(walk.rows.len() > 10, "{walk:?}");
    let (value, _) = ask("sha256_aes", "");
    assert_eq!(value.unwrap(), Value::OctetString("the front".into()));
    // A user that may see all contexts gets the other's rows in the one and the front's in the other.
    let (value, _) = ask("sha256_aes", "blade1");
    assert_eq!(value.unwrap(), Value::OctetString("the chassis behind".into()));
    // The front is not for the first user, and there is no other blade: neither is taken for the one.
    for context in ["", "blade2"] {
        let (value, walk) = ask("by_context", context);
        assert!(value.is_err(), "{context}: {value:?}");
        assert_eq!(walk.rows.len(), 0, "{context}");
    }
}

#[test]
fn an_agent_over_ipv6_is_asked_in_the_same_way() {
    let address = free_ipv6_address();
    let lines = format!("rocommunity6 {} ::1\n", snmpd::COMMUNITY);
    let Some(_snmpd) = Snmpd::start_with(&lines, &[&format!("udp6:{address}")]) else {
        return;
    };
    let client = client();
    let agent = Agent::new(address, Arc::new(Credential::v2c(snmpd::COMMUNITY)));
    let walk = run(client.walk(&agent, &[oid("1.3.6.1.2.1.1")], Limits::default()));
    assert_eq!(walk.ended, WalkEnd::Complete);
    assert!(walk.rows.len() > 10);
    let nobody = Agent {
        address: "[::1]:1".parse().unwrap(),
        ..agent
    };
    let finding = run(client.get(&nobody, &[oid("1.3.6.1.2.1.1.3.0")])).unwrap_err();
    assert_eq!(finding, Finding::Refused);
}

#[test]
fn no_route_is_our_blindness_and_not_the_agents_fault() {
    // A documentation network, from the loopback's address: no route leads there.
    let options = Options {
        source_v4: Some(std::net::Ipv4Addr::LOCALHOST),
        ..Options::default()
    };
    let client = Client::new(&options, SystemClock::shared()).unwrap();
    let agent = Agent::new("192.0.2.1:161".parse().unwrap(), Arc::new(Credential::v2c("x")));
    let finding = run(client.get(&agent, &[oid("1.3.6.1.2.1.1.3.0")])).unwrap_err();
    assert!(matches!(finding, Finding::CouldNotSend(_)), "{finding:?}");
    assert!(matches!(finding.outcome(), tramgac::model::Outcome::Blind(_)));
}
