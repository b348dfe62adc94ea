//! The project's own recordings, read by the built-in profiles, compared whole.
//!
//! `BLESS=1` writes what comes out; review is by diff. Fields that a reader
//! cares about are also held one by one below, so that no blessing loses them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::Value as Json;
use tramgac::lab::snmprec;
use tramgac::profile::Set;
use tramgac::profile::apply::recorded;
use tramgac::profile::load;

pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/snmp")
}

pub fn names() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "snmprec"))
        .map(|p| p.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

fn learn(set: &Set, name: &str) -> Json {
    let bytes = fs::read(folder().join(format!("{name}.snmprec"))).unwrap();
    let recording = snmprec::parse(&bytes);
    assert_eq!(recording.skipped, Vec::<usize>::new(), "{name}");
    serde_json::to_value(recorded(set, &recording.rows, None).unwrap()).unwrap()
}

#[test]
fn own_recordings_give_what_their_goldens_say() {
    let set = load::builtin().unwrap();
    let mut faults = Vec::new();
    for name in names() {
        let text = format!("{}\n", serde_json::to_string_pretty(&learn(&set, &name)).unwrap());
        let path = folder().join(format!("{name}.json"));
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, text).unwrap();
        } else if fs::read_to_string(&path).unwrap_or_default() != text {
            faults.push(name);
        }
    }
    assert!(
        faults.is_empty(),
        "differ from their goldens (BLESS=1 writes them): {faults:?}"
    );
}

#[test]
fn every_device_is_known_for_what_it_is() {
    let set = load::builtin().unwrap();
    let table: BTreeMap<&str, [&str; 5]> = [
        (
            "brother",
            ["Brother", "HL-L6400DW series", "LABBRO000001", "1.27", "printer"],
        ),
        ("draytek", ["DrayTek", "Vigor2927 Series", "", "4.4.3", "router"]),
        (
            "konica-minolta",
            ["Konica Minolta", "bizhub C258", "LABKM0001", "", "copier"],
        ),
        (
            "kyocera",
            [
                "Kyocera",
                "ECOSYS M2540dn",
                "LABKYO0001",
                "2S6_2000.003.012",
                "printer",
            ],
        ),
        (
            "mikrotik-ap",
            ["MikroTik", "cAP ac", "LABMT0001", "7.16.2", "wifi_ap"],
        ),
        (
            "openwrt",
            ["OpenWrt", "TP-Link Archer C6 v3", "", "23.05.3", "router"],
        ),
        ("qnap", ["QNAP", "TS-453D", "LABQNAP001", "5.1.7", "storage"]),
        ("ricoh", ["Ricoh", "IM C2500", "LABRIC00001", "1.08", "copier"]),
        (
            "ruijie",
            [
                "Ruijie",
                "S2910-24GT4XS-E",
                "LABG1RUIJIE01",
                "S29_RGOS 11.4(1)B12P16",
                "switch",
            ],
        ),
        ("santak", ["Santak", "C3KS", "LABSTK00001", "", "ups"]),
        ("standard-switch", ["", "LAB-4P", "LABSW00001", "1.4.2", "switch"]),
        (
            "tripp-lite",
            ["Tripp Lite", "SMART1500RM2U", "MADE-UP-0001", "20.0.0", "ups"],
        ),
        ("ups-rfc1628", ["LabPower", "LabPower LP-2000", "", "2.1", "ups"]),
        ("windows", ["Microsoft", "Intel x64", "", "10 22H2", "computer"]),
        ("zte", ["ZTE", "ZXR10 5950-28TM-H", "", "V3.01.01.B20", "switch"]),
    ]
    .into();
    for name in names() {
        let facts = learn(&set, &name)["facts"].clone();
        let told =
            ["vendor", "model", "serial", "firmware", "class"].map(|key| facts[key].as_str().unwrap_or(""));
        assert_eq!(Some(&told), table.get(name.as_str()), "{name}");
    }
}

// trap 10
#[test]
fn supplies_without_a_number_have_a_word_and_no_ratio() {
    let set = load::builtin().unwrap();
    let supplies = |name: &str| learn(&set, name)["supplies"].clone();
    let brother = supplies("brother");
    assert_eq!(brother[0]["state"], "some");
    assert_eq!(brother[0].get("level_ratio"), None);
    assert_eq!(brother[1]["level_ratio"], 0.76);
    let konica = supplies("konica-minolta");
    assert_eq!(konica[1]["state"], "unknown");
    // Ricoh says -100 for an empty cartridge, and -3 of a bottle that still has room.
    let ricoh = supplies("ricoh");
    assert_eq!(ricoh[1].get("level_ratio").and_then(Json::as_f64), Some(0.0));
    assert_eq!(ricoh[2]["state"], "some");
}

// trap 11
#[test]
fn a_ups_is_read_in_its_own_units_and_nonsense_is_refused() {
    let set = load::builtin().unwrap();
    let ups = learn(&set, "ups-rfc1628")["ups"].clone();
    assert_eq!(ups["battery_volts"], 27.5);
    assert_eq!(ups["input_volts"], 230.0);
    assert_eq!(ups["runtime_seconds"], 1260.0);
    assert_eq!(ups.get("output_volts"), None);
    let santak = learn(&set, "santak")["ups"].clone();
    assert_eq!(santak["runtime_seconds"], 2520.0);
    assert_eq!(santak["input_volts"], 223.0);
    assert_eq!(santak["on_battery"], true);
}

// trap 12
#[test]
fn wifi_clients_are_summed_over_radios_and_networks_though_typed_as_counters() {
    let set = load::builtin().unwrap();
    let wifi = learn(&set, "mikrotik-ap")["wifi"].clone();
    let rows = wifi.as_array().unwrap();
    assert_eq!(rows.len(), 6);
    let sum: u64 = rows.iter().map(|r| r["clients"].as_u64().unwrap()).sum();
    assert_eq!(sum, 27);
    assert_eq!(rows[1]["band"], "5GHz");
    // No table, no row: unknown is not zero.
    assert_eq!(learn(&set, "zte").get("wifi"), None);
}

/// An unordered registration table tells who is there, by the index of its rows.
#[test]
fn associated_clients_are_known_by_their_hardware_address() {
    let set = load::builtin().unwrap();
    let told = learn(&set, "mikrotik-ap")["associations"].clone();
    let expected = serde_json::json!([
        {"mac": "02:00:00:00:05:01", "radio": "wlan2", "ssid": "UBND"},
        {"mac": "02:00:00:00:05:02", "radio": "wlan3", "ssid": "Khach"},
    ]);
    assert_eq!(told, expected);
}

#[test]
fn tables_of_the_standard_mibs_are_joined() {
    let set = load::builtin().unwrap();
    let switch = learn(&set, "standard-switch");
    assert_eq!(switch["neighbours"][0]["local_port"], "uplink");
    assert_eq!(switch["fdb"][0]["if_index"], 12);
    assert_eq!(switch["fdb"][0]["vlan"], 20);
    assert_eq!(switch["sensors"][0]["value"], 41.5);
    let windows = learn(&set, "windows");
    assert_eq!(windows["storage"][0]["size_bytes"], 2_400_000_000u64 * 4096);
    assert_eq!(windows["software"][0]["installed"], "2024-09-12");
    assert_eq!(windows["software"][1].get("installed"), None);
}
