//! A new address is not a new device: the daemon, and agents that change places.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use crate::support;
use crate::support::program::Running;
use crate::support::program::tramgac;
use crate::support::program::write;
use crate::support::wait_for;

const PATIENCE: Duration = Duration::from_secs(60);

/// A switch that answers to the community `c`.
fn recording(dir: &Path, name: &str, serial: &str, mac: &str) -> String {
    let folder = dir.join(name);
    std::fs::create_dir(&folder).unwrap();
    let text = format!(
        "1.3.6.1.2.1.1.1.0|4|ZTE ZXR10 made up\n\
         1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.99999.1\n\
         1.3.6.1.2.1.1.3.0|67|360000\n\
         1.3.6.1.2.1.1.5.0|4|{name}\n\
         1.3.6.1.2.1.2.2.1.1.1|2|1\n\
         1.3.6.1.2.1.2.2.1.2.1|4|port 1\n\
         1.3.6.1.2.1.2.2.1.6.1|4x|{mac}\n\
         1.3.6.1.2.1.47.1.1.1.1.2.1|4|Chassis\n\
         1.3.6.1.2.1.47.1.1.1.1.5.1|2|3\n\
         1.3.6.1.2.1.47.1.1.1.1.11.1|4|{serial}\n"
    );
    write(&folder, "c.snmprec", &text);
    folder.display().to_string()
}

fn agent(folder: &str, address: &str, port: u16) -> Running {
    let listen = format!("{address}:{port}");
    let mut running = Running::start(tramgac(&["lab", "--recordings", folder, "--listen", &listen]));
    running.wait_for_output(&listen, PATIENCE);
    running
}

struct Record(std::path::PathBuf);

impl Record {
    fn texts(&self, sql: &str) -> Vec<String> {
        let record = Connection::open(&self.0).unwrap();
        record.busy_timeout(Duration::from_secs(10)).unwrap();
        let mut statement = record.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    fn fact(&self, device: &str, key: &str) -> Option<String> {
        let sql = format!(
            "SELECT value FROM fact JOIN target t ON t.id = fact.target WHERE t.slug = '{device}' AND key = '{key}'"
        );
        self.texts(&sql).pop()
    }

    /// Old and new values of a fact, oldest first.
    fn changes(&self, device: &str, key: &str) -> Vec<String> {
        let sql = format!(
            "SELECT coalesce(json_extract(body, '$.old'), '-') || ' > ' || json_extract(body, '$.new')
             FROM event JOIN target t ON t.id = event.target
             WHERE event.kind = 'fact_changed' AND t.slug = '{device}' AND json_extract(body, '$.key') = '{key}'
             ORDER BY event.rowid"
        );
        self.texts(&sql)
    }
}

#[test]
fn a_device_that_answers_at_anothers_address_is_known_again_and_told_with_old_and_new() {
    let dir = tempfile::tempdir().unwrap();
    let one = recording(dir.path(), "one", "SN-1111", "021b21000001");
    let two = recording(dir.path(), "two", "SN-2222", "021b21000002");
    let (here, there) = ("127.0.0.41", "127.0.0.42");
    let port = support::free_udp_address().port();
    let web = support::free_tcp_port();
    let database = dir.path().join("t.db");
    let text = format!(
        "database: {}\nweb: {{listen: '127.0.0.1:{}'}}\ncredentials: {{c: {{community: c}}}}\n\
         polling: {{interval: 2s, infrastructure_interval: 2s, self_check: []}}\n\
         snmp: {{port: {port}, interval: 1s, credentials: [c], timeout: 300ms, retries: 0}}\n\
         sites: [{{id: vp, name: Văn phòng, kind: office}}]\n\
         devices:\n  - {{id: one, name: Một, class: switch, site: vp, address: {here}, probes: [snmp]}}\n  \
         - {{id: two, name: Hai, class: switch, site: vp, address: {there}, probes: [snmp]}}\n",
        database.display(),
        web,
    );
    let config = write(dir.path(), "config.yaml", &text);
    let first = agent(&one, here, port);
    let second = agent(&two, there, port);
    let mut daemon = Running::start(tramgac(&["run", "-c", &config]));
    daemon.wait_for_output("ready", PATIENCE);
    let record = Record(database);
    for (device, serial, address) in [("one", "SN-1111", here), ("two", "SN-2222", there)] {
        wait_for(serial, PATIENCE, || {
            (record.fact(device, "serial").as_deref() == Some(serial)).then_some(())
        });
        assert_eq!(record.fact(device, "address").as_deref(), Some(address));
    }

    // The one is switched off; the other gets its address by DHCP.
    drop((first, second));
    let moved = agent(&two, here, port);
    wait_for("the new address of two", PATIENCE, || {
        (record.fact("two", "address").as_deref() == Some(here)).then_some(())
    });
    assert_eq!(
        record.changes("two", "address"),
        [format!("- > {there}"), format!("{there} > {here}")]
    );
    let snmp_is = |device: &str, up: u8| {
        wait_for("what is exposed", PATIENCE, || {
            let (_, text) = support::http(web, "GET", "/metrics");
            let start = format!("tramgac_snmp_up{{device=\"{device}\"");
            let line = text.lines().find(|l| l.starts_with(&start))?;
            line.ends_with(&format!(" {up}")).then_some(())
        });
    };
    snmp_is("one", 0);
    snmp_is("two", 1);

    // Both come back to where they were.
    drop(moved);
    let _first = agent(&one, here, port);
    let _second = agent(&two, there, port);
    wait_for("the old address of two", PATIENCE, || {
        (record.fact("two", "address").as_deref() == Some(there)).then_some(())
    });
    snmp_is("one", 1);
    snmp_is("two", 1);
    // Nobody's identity was taken for another's.
    for (device, serial) in [("one", "SN-1111"), ("two", "SN-2222")] {
        assert_eq!(record.changes(device, "serial"), [format!("- > {serial}")]);
    }
    assert_eq!(record.changes("one", "address"), [format!("- > {here}")]);
}
