//! Maintenance, silences, acknowledgements and classes (design §3.6, trap 21).

use super::*;
use crate::monitor::incident::Acknowledgement;
use crate::monitor::incident::Classified;
use crate::monitor::incident::IncidentClass;
use crate::monitor::maintain::Effect;
use crate::monitor::maintain::When;
use crate::monitor::maintain::Window;

fn window(from: i64, to: i64) -> Window {
    Window {
        name: "w".to_owned(),
        selector: crate::model::Selector::default(),
        when: When::Once {
            from: secs(from),
            to: secs(to),
        },
        reason: None,
        author: None,
        effect: Effect::Maintenance,
    }
}

// trap 21
#[test]
fn maintenance_hides_nothing_from_the_record() {
    let mut c = case(&[("r", &[])]);
    let mut topology = c.table.topology().clone();
    topology.add_window(window(100, 200), &[TargetId(0)]);
    c.table.set_topology(topology, secs(10), &mut c.effects);
    c.tick(11);
    assert_eq!(c.table.next_wakeup(), Some(secs(100)));
    c.tick(101);
    c.fails("r", &[110, 115, 120]);
    assert!(c.table.state(TargetId(0)).unwrap().maintenance);
    c.tick(201);
    assert_eq!(
        c.said(),
        [
            "r maintenance_started @100",
            "r up→down @110",
            "r opened @110",
            "r maintenance_ended @200",
        ],
        "the problem remains when the window ends, and both are on record"
    );
    c.good("r", 210);
    c.good("r", 215);
    assert_eq!(c.said(), ["r down→up @210", "r closed from 110 @210"]);
    let view = c.table.view(TargetId(0)).unwrap();
    assert_eq!(view.totals.outages, 0, "maintenance is left out of the sums");
}

// trap 21
#[test]
fn a_window_that_left_the_configuration_covers_nothing_any_more() {
    let mut c = case(&[("r", &[])]);
    let plain = c.table.topology().clone();
    let mut topology = plain.clone();
    topology.add_window(window(0, 1000), &[TargetId(0)]);
    c.table.set_topology(topology, secs(10), &mut c.effects);
    c.tick(11);
    c.table.set_topology(plain, secs(20), &mut c.effects);
    c.tick(21);
    assert_eq!(c.said(), ["r maintenance_started @11", "r maintenance_ended @21"]);
}

// trap 22
#[test]
fn an_acknowledgement_runs_out() {
    let mut c = case(&[("r", &[])]);
    c.fails("r", &[30, 35, 40]);
    let ack = Acknowledgement {
        author: "hoa".to_owned(),
        comment: String::new(),
        until: Some(secs(100)),
    };
    let id = IncidentId(1);
    c.table.acknowledge(id, ack, secs(60), &mut c.effects).unwrap();
    assert_eq!(c.table.next_wakeup(), Some(secs(100)));
    c.tick(100);
    let along = c
        .table
        .reclassify(id, (TargetId(0), &[]), &power_cut(), secs(101), &mut c.effects);
    assert_eq!(along, []);
    assert_eq!(
        c.said(),
        [
            "r up→down @30",
            "r opened @30",
            "r acknowledged @60",
            "r acknowledgement_ended @100",
            "r reclassified @101",
        ]
    );
    assert!(
        c.table
            .end_acknowledgement(IncidentId(9), "hoa".to_owned(), secs(102), &mut c.effects)
            .is_err()
    );
}

fn power_cut() -> Classified {
    Classified {
        class: IncidentClass::Power,
        author: "hoa".to_owned(),
        comment: "mất điện".to_owned(),
    }
}

#[test]
fn what_an_outage_was_is_said_of_all_that_it_took_along_before_and_after() {
    let mut c = case(&[("r", &[]), ("a", &["r"]), ("b", &["r"]), ("x", &[])]);
    c.fails("r", &[30, 35, 40]);
    c.fails("a", &[41, 46, 51]);
    c.fails("x", &[41, 46, 51]);
    c.said();
    let of = |c: &Case, name: &str| {
        let id = c.table.state(c.id(name)).unwrap().incident.unwrap();
        c.table.incidents().get(id).unwrap().clone()
    };
    let root = of(&c, "r").id;
    let target = c.id("r");
    // The record knows of an older one that the table no longer keeps.
    let old = (IncidentId(900), c.id("b"));
    let along = c
        .table
        .reclassify(root, (target, &[old]), &power_cut(), secs(60), &mut c.effects);
    assert_eq!(along, [of(&c, "a").id, old.0]);
    assert_eq!(
        c.said(),
        ["r reclassified @60", "a reclassified @60", "b reclassified @60"]
    );
    assert_eq!(of(&c, "x").class, None);
    c.fails("b", &[70, 75, 80]);
    assert_eq!(
        c.said(),
        ["b up→unreachable @70", "b opened by r @70", "b reclassified @80"]
    );
    for name in ["r", "a", "b"] {
        assert_eq!(of(&c, name).class, Some(IncidentClass::Power), "{name}");
    }
}

// trap 21
#[test]
fn a_silence_is_an_overlay_of_its_own_and_its_end_says_who_ended_it() {
    let mut topology = Topology::of_specs(vec![spec(0, "r")], &Settings::default());
    let silence = Window {
        name: "s1".to_owned(),
        effect: Effect::Silence,
        ..window(100, 200)
    };
    topology.add_window(silence.clone(), &[TargetId(0)]);
    topology.add_window(window(150, 160), &[TargetId(0)]);
    let mut table = Table::new(topology, secs(0));
    let mut effects = Effects::new();
    let mut seen = Vec::new();
    for at in [99, 100, 150, 160] {
        table.tick(secs(at), &mut effects);
        let state = table.state(TargetId(0)).unwrap();
        seen.push((state.silenced, state.maintenance));
    }
    assert_eq!(seen, [(false, false), (true, false), (true, true), (true, false)]);
    table.end_window(&silence, Some("lan"), secs(170), &mut effects);
    assert!(!table.state(TargetId(0)).unwrap().silenced);
    let last = effects.events.last().map(|event| event.kind.clone());
    let told = EventKind::SilenceEnded {
        window: "s1".to_owned(),
        author: Some("lan".to_owned()),
    };
    assert_eq!(last, Some(told));
}
