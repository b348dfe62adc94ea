//! Which look decides: probes, presence, credentials, thresholds (design §3.0, 3.4, 3.8, 3.9).

use super::*;
use crate::model::BlindReason;
use crate::model::EchoStats;
use crate::model::Evidence;
use crate::model::EvidenceKind;
use crate::model::observation::RttStats;

#[test]
fn who_could_not_send_knows_nothing() {
    let mut c = case(&[("r", &[])]);
    for at in [30, 60, 90] {
        c.see(
            "r",
            "icmp",
            at,
            Outcome::Blind(BlindReason::NoRoute),
            Detail::None,
        );
    }
    assert_eq!(c.said(), ["r up→unknown @30"]);
    c.good("r", 120);
    assert_eq!(c.said(), ["r unknown→up @120"]);
}

#[test]
fn refused_credentials_are_unknown_only_where_nothing_else_is_asked() {
    let snmp = |spec: &mut TargetSpec| spec.liveness = vec!["snmp".into()];
    let mut c = case_with(&[("ups", &[])], false, snmp);
    c.see("ups", "snmp", 0, Outcome::Good, Detail::None);
    c.said();
    for at in [30, 60, 90] {
        c.see("ups", "snmp", at, Outcome::Bad(Reason::Auth), Detail::None);
    }
    assert_eq!(c.said(), ["ups up→unknown @30"]);

    let mut c = case(&[("r", &[])]);
    for at in [30, 60, 90] {
        c.good("r", at);
        c.see("r", "snmp", at, Outcome::Bad(Reason::Auth), Detail::None);
    }
    assert_eq!(
        c.said(),
        ["r snmp Some(Auth) @60"],
        "a finding, once, and no state"
    );
    c.see("r", "snmp", 120, Outcome::Good, Detail::None);
    assert_eq!(
        (c.said(), c.state("r")),
        (vec!["r snmp None @120".to_owned()], State::Up)
    );
}

#[test]
fn any_other_answer_since_the_last_round_shows_life() {
    let mut c = case(&[("r", &[])]);
    for at in [30, 60, 90, 120] {
        c.see("r", "snmp", at - 1, Outcome::Good, Detail::None);
        c.bad("r", at);
    }
    assert_eq!((c.said(), c.state("r")), (Vec::new(), State::Up));
}

#[test]
fn of_two_ways_to_look_both_must_fail() {
    let both = |spec: &mut TargetSpec| spec.liveness = vec!["icmp".into(), "tcp".into()];
    let mut c = case_with(&[("pc", &[])], false, both);
    for at in [30, 35, 40, 45] {
        c.bad("pc", at);
        c.see("pc", "tcp", at + 1, Outcome::Good, Detail::None);
    }
    assert_eq!(c.said(), [""; 0]);
    for at in [60, 65, 70] {
        c.bad("pc", at);
        c.see("pc", "tcp", at + 1, Outcome::Bad(Reason::Refused), Detail::None);
    }
    assert_eq!(c.said(), ["pc up→down @60", "pc opened @60"]);
}

#[test]
fn a_computer_that_is_switched_off_is_no_outage() {
    let mut c = case(&[("pc!", &[])]);
    c.fails("pc", &[30, 35, 40]);
    c.good("pc", 100);
    c.good("pc", 105);
    assert_eq!(c.said(), ["pc up→down @30", "pc down→up @100"]);
    assert!(c.table.incidents().open().next().is_none());
}

fn presence(kind: EvidenceKind) -> Detail {
    Detail::Presence(Evidence {
        kind,
        seen_by: Some("xa-router".to_owned()),
    })
}

#[test]
fn a_computer_that_drops_echoes_is_present_if_its_router_saw_it() {
    let mut c = case(&[("pc!", &[])]);
    for at in [60, 360, 660] {
        c.see("pc", "presence", at, Outcome::Good, presence(EvidenceKind::Arp));
        for minute in 0..4 {
            c.bad("pc", at + 1 + 60 * minute);
        }
    }
    assert_eq!((c.said(), c.state("pc")), (Vec::new(), State::Up));
    let state = c.table.state(c.id("pc")).unwrap();
    assert_eq!(state.evidence_at(EvidenceKind::Arp), Some(secs(660)));
    c.fails("pc", &[1600, 1605, 1610]);
    assert_eq!(c.state("pc"), State::Down, "entries grow old");
}

#[test]
fn a_refusal_shows_life_only_where_no_firewall_answers_for_others() {
    for (trusted, state) in [(true, State::Up), (false, State::Down)] {
        let mut c = case_with(&[("pc!", &[])], false, |spec| {
            spec.liveness = vec!["tcp".into()];
            spec.trust_refusal = trusted;
        });
        for at in [10, 30, 35, 40] {
            c.see("pc", "tcp", at, Outcome::Good, presence(EvidenceKind::TcpRefusal));
        }
        assert_eq!(c.state("pc"), state, "trusted: {trusted}");
    }
}

fn burst(received: u16, rtt_ms: u64) -> Detail {
    let rtt = Span::from_millis(rtt_ms);
    Detail::Echo(EchoStats {
        address: std::net::Ipv4Addr::LOCALHOST.into(),
        sent: 3,
        received,
        late: 0,
        duplicates: 0,
        rtt: Some(RttStats {
            min: rtt,
            median: rtt,
            max: rtt,
            sum: rtt * u32::from(received),
            jitter: None,
        }),
    })
}

#[test]
fn lasting_loss_degrades_and_an_outage_is_not_counted_as_loss() {
    let mut c = case(&[("r", &[])]);
    for i in 1..30 {
        c.see("r", "icmp", 30 * i, Outcome::Good, burst(2, 20));
    }
    let said = c.said();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("r up→degraded"));
    for i in 30..60 {
        c.see("r", "icmp", 30 * i, Outcome::Good, burst(3, 20));
    }
    assert!(c.said()[0].starts_with("r degraded→up"));
    c.fails("r", &[1810, 1815, 1820]);
    for i in 62..66 {
        c.see("r", "icmp", 30 * i, Outcome::Good, burst(3, 20));
    }
    let said = c.said();
    assert!(said.iter().all(|s| !s.contains("degraded")), "{said:?}");
}
