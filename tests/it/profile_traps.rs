//! Values that devices are known to tell in misleading ways, and what becomes of them.

use std::fmt::Write;

use tramgac::lab::snmprec;
use tramgac::model::Absent;
use tramgac::model::Reading;
use tramgac::model::Timestamp;
use tramgac::probe::snmp::poll::readings;
use tramgac::profile::Learnt;
use tramgac::profile::apply::recorded;
use tramgac::profile::load;

/// What a device of that sysObjectID is taken for that tells these rows as well.
fn learn(object_id: &str, rows: &str) -> Learnt {
    let text = format!(
        "1.3.6.1.2.1.1.1.0|4|a device\n1.3.6.1.2.1.1.2.0|6|{object_id}\n1.3.6.1.2.1.1.3.0|67|4711\n{rows}"
    );
    let recording = snmprec::parse(text.as_bytes());
    assert_eq!(recording.skipped, Vec::<usize>::new());
    recorded(&load::builtin().unwrap(), &recording.rows, None).unwrap()
}

fn told(learnt: &Learnt, kind: &str) -> Vec<Reading> {
    let mut list = readings(learnt, Timestamp(0));
    list.retain(|reading| reading.kind == kind);
    list
}

fn values(learnt: &Learnt, kind: &str) -> Vec<Result<f64, Absent>> {
    told(learnt, kind).into_iter().map(|r| r.value).collect()
}

const UNKNOWN_VENDOR: &str = "1.3.6.1.4.1.99999.1";

/// One marker supply by Printer-MIB: its level and its capacity.
fn supply(level: i64, capacity: i64) -> Learnt {
    learn(
        UNKNOWN_VENDOR,
        &format!(
            "1.3.6.1.2.1.43.11.1.1.5.1.1|2|3\n1.3.6.1.2.1.43.11.1.1.6.1.1|4|Black Toner\n\
             1.3.6.1.2.1.43.11.1.1.7.1.1|2|7\n\
             1.3.6.1.2.1.43.11.1.1.8.1.1|2|{capacity}\n1.3.6.1.2.1.43.11.1.1.9.1.1|2|{level}\n"
        ),
    )
}

// trap 10
#[test]
fn a_printer_that_gives_no_number_has_no_level_and_says_why() {
    for (level, capacity, value) in [
        (-3, 100, Err(Absent::SomeLeft)),
        (-2, 100, Err(Absent::Unknown)),
        (-1, 100, Err(Absent::NoLimit)),
        (50, -2, Err(Absent::Unknown)),
        (50, -1, Err(Absent::NoLimit)),
        (-100, 100, Ok(0.0)),
        (0, 100, Ok(0.0)),
        (25, 100, Ok(0.25)),
        (2500, 10_000, Ok(0.25)),
    ] {
        assert_eq!(
            values(&supply(level, capacity), "supply_level"),
            [value],
            "{level} of {capacity}"
        );
    }
    // More than there can be is no 150 %.
    assert!(
        values(&supply(150, 100), "supply_level")
            .iter()
            .all(Result::is_err)
    );
}

// trap 10
#[test]
fn a_sensor_that_says_it_knows_nothing_is_no_temperature() {
    for nothing in ["255", "2147483647", "-1", "0"] {
        let learnt = learn(
            UNKNOWN_VENDOR,
            &format!("1.3.6.1.2.1.33.1.2.7.0|2|{nothing}\n1.3.6.1.2.1.33.1.1.2.0|4|UPS\n"),
        );
        assert_eq!(values(&learnt, "temperature"), [], "{nothing}");
    }
    let learnt = learn(
        UNKNOWN_VENDOR,
        "1.3.6.1.2.1.33.1.2.7.0|2|31\n1.3.6.1.2.1.33.1.1.2.0|4|UPS\n",
    );
    assert_eq!(values(&learnt, "temperature"), [Ok(31.0)]);
}

// trap 11
#[test]
fn the_units_of_a_ups_are_those_of_its_mib_and_what_can_not_be_is_left_out() {
    let learnt = |battery: &str, input: &str| {
        learn(
            UNKNOWN_VENDOR,
            &format!(
                "1.3.6.1.2.1.33.1.1.2.0|4|UPS\n1.3.6.1.2.1.33.1.2.3.0|2|12\n1.3.6.1.2.1.33.1.2.4.0|2|80\n\
                 1.3.6.1.2.1.33.1.2.5.0|2|{battery}\n1.3.6.1.2.1.33.1.3.3.1.3.1|2|{input}\n"
            ),
        )
    };
    let ups = learnt("275", "230");
    assert_eq!(values(&ups, "battery_voltage"), [Ok(27.5)]);
    assert_eq!(values(&ups, "input_voltage"), [Ok(230.0)]);
    assert_eq!(values(&ups, "battery_charge"), [Ok(0.8)]);
    // Minutes in the MIB, seconds for people.
    assert_eq!(values(&ups, "battery_runtime"), [Ok(720.0)]);
    // Tenths of volts where volts belong.
    let odd = learnt("275", "2300");
    assert_eq!(values(&odd, "input_voltage"), []);
    assert_eq!(values(&odd, "battery_voltage"), [Ok(27.5)]);
}

/// An access point by MIKROTIK-MIB: clients of each of its networks, with the
/// tag of the number (65: Counter32, as RouterOS has it; 66: Gauge32).
fn access_point(tag: u8, clients: &[u32]) -> Learnt {
    let mut rows = String::from("1.3.6.1.4.1.14988.1.1.7.9.0|4|cAP ac\n");
    for (n, count) in (1..).zip(clients) {
        write!(
            rows,
            "1.3.6.1.2.1.31.1.1.1.1.{n}|4|wlan{n}\n1.3.6.1.4.1.14988.1.1.1.3.1.4.{n}|4|net{n}\n\
             1.3.6.1.4.1.14988.1.1.1.3.1.6.{n}|{tag}|{count}\n"
        )
        .unwrap();
    }
    learn("1.3.6.1.4.1.14988.1", &rows)
}

// trap 12
#[test]
fn wifi_clients_are_a_gauge_of_each_network_whatever_type_the_device_gives_them() {
    for tag in [65, 66, 2] {
        let before = values(&access_point(tag, &[40]), "wifi_clients");
        let after = values(&access_point(tag, &[3]), "wifi_clients");
        assert_eq!((before, after), (vec![Ok(40.0)], vec![Ok(3.0)]), "{tag}");
    }
    // Three networks on each of two radios.
    let all = values(&access_point(65, &[5, 4, 3, 2, 1, 0]), "wifi_clients");
    assert_eq!(all.len(), 6);
    assert!((all.into_iter().map(Result::unwrap).sum::<f64>() - 15.0).abs() < 1e-9);
    // A driver that does not serve the table: not known, which is not zero.
    assert_eq!(values(&access_point(65, &[]), "wifi_clients"), []);
}
