//! The main job, end to end: a link is cut, and the record, the metrics, the
//! page, the terminal, the mail and the webhook all tell the same.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use tramgac::clock::Clock;
use tramgac::clock::SystemClock;
use tramgac::model::Timestamp;

use crate::support;
use crate::support::netns::Netns;
use crate::support::peers;
use crate::support::program::Running;
use crate::support::program::TRAMGAC;
use crate::support::program::write;
use crate::support::wait_for;

/// The probe interval of the test.
const INTERVAL: Duration = Duration::from_secs(2);
/// A burst of three echoes and the time of the last, and a loaded machine.
const SLACK: Duration = Duration::from_millis(1_500);
const PATIENCE: Duration = Duration::from_secs(60);

fn config(dir: &Path) -> String {
    let database = dir.join("t.db");
    let text = format!(
        "organization: {{name: Thử nghiệm}}
language: vi
timezone: Asia/Ho_Chi_Minh
database: {}
web: {{listen: '127.0.0.1:9099'}}
credentials: {{c: {{community: thu}}}}
polling: {{interval: 2s, infrastructure_interval: 2s, retry_interval: 1s, count: 3, spacing: 50ms, timeout: 400ms, self_check: []}}
snmp: {{port: 16161, interval: 2s, link_interval: 2s, credentials: [c], timeout: 500ms, retries: 1}}
units: [{{id: xa-kha-cuu, name: Xã Khả Cửu, kind: commune}}]
sites: [{{id: thuong-cuu, name: Trụ sở xã Thượng Cửu, kind: commune_hall, unit: xa-kha-cuu}}]
devices:
  - {{id: rt, name: Bộ định tuyến, class: router, site: thuong-cuu, address: 10.77.0.2}}
  - {{id: sv, name: Máy chủ, class: server, site: thuong-cuu, address: 10.77.0.3, credentials: []}}
links:
  - {{id: dt, name: Đường truyền Thượng Cửu, site: thuong-cuu, router: rt, far_end: [10.77.0.2]}}
alerts:
  notify_after: 8s
  notify_after_links: 8s
  receivers:
    thu: {{kind: email, server: 127.0.0.1, port: 2525, security: none, from: tramgac@example.vn, to: [it@example.vn]}}
    moc: {{kind: webhook, url: 'http://127.0.0.1:8088/', secret: bi-mat}}
  routes: [{{receivers: [thu, moc]}}]
",
        database.display()
    );
    write(dir, "config.yaml", &text)
}

/// The monitor's namespace and the far one, joined by a wire.
struct World {
    monitor: Netns,
    far: Netns,
    dir: tempfile::TempDir,
    config: String,
    _agent: Running,
}

impl World {
    fn new() -> Option<Self> {
        let (monitor, far) = (Netns::new()?, Netns::new()?);
        let snmpd = support::peer("snmpd")?;
        support::peer("snmpget")?;
        support::peer("curl")?;
        if !peers::has_smtp() {
            return None;
        }
        monitor.join(("m0", "10.77.0.1/24"), &far, ("f0", "10.77.0.2/24"));
        far.ip(&["addr", "add", "10.77.0.3/24", "dev", "f0"]);
        far.ip(&["link", "add", "idle0", "type", "veth", "peer", "name", "idle1"]);
        for idle in ["idle0", "idle1"] {
            far.ip(&["link", "set", idle, "addrgenmode", "none", "up"]);
        }
        let dir = tempfile::tempdir().unwrap();
        let agent = write(
            dir.path(),
            "snmpd.conf",
            "rocommunity thu\nagentaddress udp:10.77.0.2:16161\n",
        );
        let mut command = far.command(snmpd.to_str().unwrap());
        command
            .args(["-f", "-Lo", "-C", "-c", &agent, "-p"])
            .arg(dir.path().join("snmpd.pid"));
        let config = config(dir.path());
        Some(Self {
            _agent: Running::start(command),
            monitor,
            far,
            dir,
            config,
        })
    }

    fn daemon(&self) -> Running {
        let mut command = self.monitor.command(TRAMGAC);
        command.args(["run", "-c", &self.config]);
        Running::start(command)
    }

    fn get(&self, path: &str) -> String {
        let output = self
            .monitor
            .run("curl", &["-s", &format!("http://127.0.0.1:9099{path}")]);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn has_metric(&self, line: &str) -> Option<()> {
        self.get("/metrics").lines().any(|l| l == line).then_some(())
    }

    fn link_is(&self, up: bool) {
        let line = format!(
            "tramgac_link_up{{link=\"dt\",area=\"xa-kha-cuu\",role=\"primary\"}} {}",
            u8::from(up)
        );
        wait_for(&line, PATIENCE, || self.has_metric(&line));
    }

    fn cut(&self) -> Timestamp {
        let at = SystemClock::new().wall();
        self.far.ip(&["link", "set", "f0", "down"]);
        at
    }

    fn mend(&self) -> Timestamp {
        self.far.ip(&["link", "set", "f0", "up"]);
        SystemClock::new().wall()
    }

    /// Start and end of the newest outage of the link on record.
    fn outage(&self) -> (Timestamp, Option<Timestamp>) {
        let record = Connection::open(self.dir.path().join("t.db")).unwrap();
        record
            .query_row(
                "SELECT i.started_at, i.ended_at FROM incident i JOIN target t ON t.id = i.target
                 WHERE t.kind = 'link' ORDER BY i.id DESC LIMIT 1",
                [],
                |row| {
                    Ok((
                        Timestamp(row.get(0)?),
                        row.get::<_, Option<i64>>(1)?.map(Timestamp),
                    ))
                },
            )
            .unwrap()
    }
}

/// Whether `seen` came within a probe interval after `true_at`.
fn assert_close(what: &str, seen: Timestamp, true_at: Timestamp) {
    let early = true_at.since(seen);
    let late = seen.since(true_at);
    // A burst that was under way at the cut began before it and lost its last echoes only.
    assert!(
        early < SLACK && late <= INTERVAL + SLACK,
        "{what}: {early:?} early, {late:?} late"
    );
}

// traps 19 and 22
#[test]
fn a_cut_link_is_told_alike_by_record_metrics_page_terminal_mail_and_webhook() {
    let Some(world) = World::new() else { return };
    let (maildir, hook) = (world.dir.path().join("mail"), world.dir.path().join("hook"));
    let smtp = peers::smtp(&world.monitor, 2525, &maildir);
    let webhook = peers::webhook(&world.monitor, 8088, &hook);
    let mut daemon = world.daemon();
    daemon.wait_for_output("ready", PATIENCE);
    world.link_is(true);
    two_interfaces_count_as_snmpget_says(&world);

    let cut_at = world.cut();
    world.link_is(false);
    let state = |device: &str, class: &str, code: u8| {
        format!(
            "tramgac_device_state{{device=\"{device}\",site=\"thuong-cuu\",area=\"xa-kha-cuu\",class=\"{class}\"}} {code}"
        )
    };
    for line in [state("rt", "router", 3), state("sv", "server", 3)] {
        wait_for(&line, PATIENCE, || world.has_metric(&line));
    }
    let page = world.get("/?lang=vi");
    assert!(
        page.contains("Đường truyền Thượng Cửu") && page.contains("Mất kết nối"),
        "{page}"
    );
    let status = world.monitor.run(TRAMGAC, &["status", "-c", &world.config]);
    let told = String::from_utf8_lossy(&status.stdout).into_owned();
    assert_eq!(
        status.status.code(),
        Some(1),
        "{told}{}",
        String::from_utf8_lossy(&status.stderr)
    );
    assert!(told.contains("Đường truyền Thượng Cửu"), "{told}");
    wait_for("the mail of the start", PATIENCE, || {
        (peers::mails(&maildir).len() == 1).then_some(())
    });
    wait_for("the post of the start", PATIENCE, || {
        (peers::posts(&hook).len() == 1).then_some(())
    });

    let mended_at = world.mend();
    world.link_is(true);
    wait_for("the mail of the end", PATIENCE, || {
        (peers::mails(&maildir).len() == 2).then_some(())
    });
    wait_for("the post of the end", PATIENCE, || {
        (peers::posts(&hook).len() == 2).then_some(())
    });
    let (started_at, ended_at) = world.outage();
    assert_close("start", started_at, cut_at);
    assert_close("end", ended_at.unwrap(), mended_at);
    let posts = peers::posts(&hook);
    assert_eq!(posts[0]["status"], "firing");
    assert_eq!(posts[1]["status"], "resolved");
    assert_eq!(posts[0]["target"]["id"], "dt");
    // One message for the cause, with its consequences; none for these.
    let affected = posts[0]["affected"].as_array().unwrap();
    assert!(!affected.is_empty(), "{posts:?}");

    away_at_the_time(&world, (smtp, webhook), &maildir, &hook, &mut daemon);
}

/// The servers are away during the outage, and the daemon restarts within it:
/// both messages arrive later, with the true times.
fn away_at_the_time(
    world: &World,
    servers: (Running, Running),
    maildir: &Path,
    hook: &Path,
    daemon: &mut Running,
) {
    drop(servers);
    let cut_at = world.cut();
    world.link_is(false);
    wait_for("a failed attempt", PATIENCE, || {
        daemon
            .output()
            .contains("not sent, will be tried again")
            .then_some(())
    });
    daemon.signal(nix::sys::signal::Signal::SIGKILL);
    daemon.wait(PATIENCE);
    let mut daemon = world.daemon();
    daemon.wait_for_output("ready", PATIENCE);
    world.link_is(false);
    let mended_at = world.mend();
    world.link_is(true);
    let _smtp = peers::smtp(&world.monitor, 2525, maildir);
    let _webhook = peers::webhook(&world.monitor, 8088, hook);
    wait_for("late mails", PATIENCE, || {
        (peers::mails(maildir).len() == 4).then_some(())
    });
    wait_for("late posts", PATIENCE, || {
        (peers::posts(hook).len() == 4).then_some(())
    });
    let posts = peers::posts(hook);
    assert_eq!(
        (&posts[2]["status"], &posts[3]["status"]),
        (&"firing".into(), &"resolved".into())
    );
    let time = |value: &serde_json::Value| {
        let text = value.as_str().unwrap();
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
    };
    // RFC 3339 to the second.
    assert_close(
        "told start",
        time(&posts[3]["started_at"]).plus(Duration::from_secs(1)),
        cut_at,
    );
    assert_close(
        "told end",
        time(&posts[3]["ended_at"]).plus(Duration::from_secs(1)),
        mended_at,
    );
    let (started_at, ended_at) = world.outage();
    assert_close("start", started_at, cut_at);
    assert_close("end", ended_at.unwrap(), mended_at);
}

fn two_interfaces_count_as_snmpget_says(world: &World) {
    // IF-MIB::ifName, to find the two.
    let names = world.monitor.run(
        "snmpwalk",
        &[
            "-v2c",
            "-cthu",
            "-On",
            "-Oq",
            "10.77.0.2:16161",
            "1.3.6.1.2.1.31.1.1.1.1",
        ],
    );
    let names = String::from_utf8_lossy(&names.stdout).into_owned();
    for idle in ["idle0", "idle1"] {
        let index = names
            .lines()
            .find(|l| l.trim_end_matches('"').ends_with(idle))
            .map(|l| {
                let oid = l.split_whitespace().next().unwrap();
                oid.rsplit('.').next().unwrap().to_owned()
            });
        assert!(index.is_some(), "{idle} is not in\n{names}");
        let index = index.unwrap();
        for (column, metric) in [(6, "receive"), (10, "transmit")] {
            let oid = format!("1.3.6.1.2.1.31.1.1.1.{column}.{index}");
            wait_for(&format!("the octets of {idle}"), PATIENCE, || {
                let got = world
                    .monitor
                    .run("snmpget", &["-v2c", "-cthu", "-Oqv", "10.77.0.2:16161", &oid]);
                let number = String::from_utf8_lossy(&got.stdout).trim().to_owned();
                let line = format!(
                    "tramgac_interface_{metric}_bytes_total{{device=\"rt\",ifname=\"{idle}\"}} {number}"
                );
                world.has_metric(&line)
            });
        }
    }
}
