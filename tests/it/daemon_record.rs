//! The record under a daemon that runs: copied by itself, on a full disk, and
//! where there is no place for it.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::mount::MsFlags;
use nix::sys::signal::Signal;
use rusqlite::{Connection, OpenFlags};
use tramgac::clock::{Clock, SystemClock};
use tramgac::model::{Span, Timestamp};
use tramgac::store::backup;

use crate::store_faults::small_disk;
use crate::support;
use crate::support::program::{Running, TRAMGAC, run, stderr, tramgac, write};
use crate::support::wait_for;

const PATIENCE: Duration = Duration::from_secs(90);

/// One server that is alive while it takes connections.
fn config(folder: &Path, database: &Path, web: u16, service: SocketAddr, more: &str) -> String {
    let text = format!(
        "language: en
timezone: Asia/Ho_Chi_Minh
database: {}
web: {{listen: '127.0.0.1:{web}'}}
polling: {{interval: 2s, infrastructure_interval: 2s, retry_interval: 1s, count: 2, spacing: 50ms, timeout: 800ms, self_check: []}}
sites: [{{id: vp, name: Văn phòng, kind: office}}]
devices:
  - {{id: sv, name: Máy chủ hồ sơ, class: server, site: vp, address: {}, probes: [tcp], liveness: [tcp], tcp_port: {}, credentials: []}}
{more}",
        database.display(),
        service.ip(),
        service.port(),
    );
    write(folder, "config.yaml", &text)
}

/// An address that no other test uses, so that nobody takes the port when it gets free.
fn service() -> TcpListener {
    TcpListener::bind((Ipv4Addr::new(127, 83, 41, 7), 0)).unwrap()
}

fn start(config: &str) -> Running {
    let mut daemon = Running::start(tramgac(&["run", "-c", config]));
    daemon.wait_for_output("ready", PATIENCE);
    daemon
}

/// The value of a series on `/metrics`; `None` while it is not there.
fn metric(web: u16, series: &str) -> Option<f64> {
    let (status, text) = support::http(web, "GET", "/metrics");
    assert_eq!(status, 200, "{text}");
    let line = text
        .lines()
        .find_map(|l| l.strip_prefix(series)?.strip_prefix(' '))?;
    Some(line.parse().unwrap())
}

fn wait_for_metric(web: u16, series: &str, mut is: impl FnMut(f64) -> bool) -> f64 {
    wait_for(series, PATIENCE, || {
        metric(web, series).filter(|value| is(*value))
    })
}

/// Polling goes on: the last look at the server moves twice.
fn looks_go_on(web: u16) {
    for _ in 0..2 {
        let before = metric(web, LAST_POLL).unwrap_or(0.0);
        wait_for_metric(web, LAST_POLL, |now| now > before);
    }
}

const LAST_POLL: &str = "tramgac_device_last_poll_timestamp_seconds{device=\"sv\"}";
const LAST_BACKUP: &str = "tramgac_db_last_backup_timestamp_seconds";
const WRITE_FAILURES: &str = "tramgac_db_write_failures_total";
const HISTORY_SHED: &str = "tramgac_db_history_shed";
const STATE: &str = "tramgac_device_state{device=\"sv\",site=\"vp\",area=\"none\",class=\"server\"}";

#[expect(clippy::cast_precision_loss, reason = "seconds of this century")]
fn seconds(at: Timestamp) -> f64 {
    at.as_secs() as f64
}

/// A copy is whole by SQLite's own check, and holds the server.
fn assert_sound(copy: &Path) {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let copy = Connection::open_with_flags(copy, flags).unwrap();
    let said: String = copy
        .query_row("PRAGMA integrity_check", [], |r| r.get(0))
        .unwrap();
    assert_eq!(said, "ok");
    let servers: i64 = copy
        .query_row("SELECT count(*) FROM target WHERE slug = 'sv'", [], |r| r.get(0))
        .unwrap();
    assert_eq!(servers, 1);
}

/// Makes every copy two days older by its name.
fn age(database: &Path, copies: &Path) {
    // The oldest first, so that no name is taken.
    for (_, path) in backup::list(database, copies).unwrap() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let time = name.strip_prefix("t-").unwrap().strip_suffix(".db").unwrap();
        let format = "%Y%m%dT%H%M%SZ";
        let time = jiff::civil::DateTime::strptime(format, time).unwrap();
        let older = time.checked_sub(jiff::Span::new().hours(48)).unwrap();
        let name = format!("t-{}.db", older.strftime(format));
        fs::rename(&path, path.with_file_name(name)).unwrap();
    }
}

#[test]
fn a_daemon_copies_its_record_by_itself_and_says_when_it_cannot() {
    if !support::is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (database, copies) = (dir.path().join("t.db"), dir.path().join("copies"));
    let (server, web) = (service(), support::free_tcp_port());
    let address = server.local_addr().unwrap();
    // `hours` differs each time, so that the reload is a change.
    let write = |folder: &Path, hours: u32| {
        let backup = format!(
            "backup: {{directory: {}, interval: {hours}h, keep: 2}}\n",
            folder.display()
        );
        config(dir.path(), &database, web, address, &backup)
    };
    let clock = SystemClock::new();
    let began = seconds(clock.wall());
    let mut daemon = start(&write(&copies, 1));

    // There is none: the first is due. Then two more, each when the last has become too old.
    let mut newest = began - 1.0;
    for round in 1..=3u32 {
        if round > 1 {
            // A copy's name and the metric tell seconds.
            wait_for("the next second", PATIENCE, || {
                (seconds(clock.wall()) > newest).then_some(())
            });
            age(&database, &copies);
            write(&copies, round);
            daemon.signal(Signal::SIGHUP);
        }
        // Told last, when it has been checked and the oldest are gone.
        let rounds = usize::try_from(round).unwrap();
        wait_for("a copy to be made", PATIENCE, || {
            (daemon.output().matches("copied the record").count() == rounds).then_some(())
        });
        let kept = backup::list(&database, &copies).unwrap();
        assert_eq!(kept.len(), rounds.min(2), "{kept:?}");
        let (at, path) = kept.last().unwrap();
        let told = metric(web, LAST_BACKUP).unwrap();
        assert_eq!(told.to_bits(), seconds(*at).to_bits(), "{told} {kept:?}");
        assert!(newest < told && told <= seconds(clock.wall()), "{newest} {told}");
        assert!(metric(web, "tramgac_db_last_backup_duration_seconds").unwrap() > 0.0);
        assert_sound(path);
        newest = told;
    }

    // A folder that can't be: below a file.
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    let below = file.join("copies");
    write(&below, 5);
    daemon.signal(Signal::SIGHUP);
    daemon.wait_for_output("the record could not be copied", PATIENCE);
    let said = daemon.output();
    let line = said
        .lines()
        .find(|l| l.contains("the record could not be copied"))
        .unwrap();
    assert!(
        line.contains(below.to_str().unwrap()) && line.contains("Not a directory"),
        "{line}"
    );
    assert_eq!(
        metric(web, LAST_BACKUP).map(f64::to_bits),
        Some(newest.to_bits()),
        "the last good one is still the last"
    );
    looks_go_on(web);
    assert_eq!(metric(web, STATE), Some(1.0));

    // It is mended: whoever says so need not wait for an hour.
    fs::remove_file(&file).unwrap();
    write(&below, 6);
    daemon.signal(Signal::SIGHUP);
    let (_, path) = wait_for("a copy in the mended folder", PATIENCE, || {
        backup::list(&database, &below).unwrap().pop()
    });
    assert_sound(&path);
    assert!(daemon.ended().is_none(), "{}", daemon.output());
}

/// Writes until there is no room for a block more.
fn fill(file: &mut fs::File) {
    for size in [1 << 20, 4096] {
        let block = vec![1; size];
        let full = loop {
            if let Err(error) = file.write_all(&block) {
                break error.kind();
            }
        };
        assert_eq!(full, ErrorKind::StorageFull);
    }
}

/// A file that takes every byte of a disk that gets free, until it is deleted.
struct Filler {
    path: PathBuf,
    is_done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Filler {
    fn start(path: PathBuf) -> Self {
        let mut file = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        let is_done = Arc::new(AtomicBool::new(false));
        let done = Arc::clone(&is_done);
        let thread = std::thread::spawn(move || {
            wait_for("the end of the test", PATIENCE * 20, || {
                fill(&mut file);
                done.load(Ordering::Acquire).then_some(())
            });
        });
        Self {
            path,
            is_done,
            thread: Some(thread),
        }
    }

    fn make_room(&mut self) {
        self.is_done.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
            fs::remove_file(&self.path).unwrap();
        }
    }
}

impl Drop for Filler {
    fn drop(&mut self) {
        self.is_done.store(true, Ordering::Release);
    }
}

type Posts = Arc<Mutex<Vec<serde_json::Value>>>;

/// An HTTP server that keeps the body of every POST.
fn webhook() -> (u16, Posts) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let posts = Posts::default();
    let kept = Arc::clone(&posts);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // A connection that breaks off is tried again by its sender.
            if let Some(body) = stream.ok().and_then(|s| post(s).ok()) {
                kept.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
            }
        }
    });
    (port, posts)
}

fn post(stream: TcpStream) -> std::io::Result<Vec<u8>> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    reader
        .into_inner()
        .write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")?;
    Ok(body)
}

// trap 25
#[test]
fn a_full_disk_stops_neither_polling_nor_telling_and_the_outage_meanwhile_is_recorded_later() {
    if !support::is_root() {
        return;
    }
    // Twice the reserve of 8 MiB must be free for history to go on.
    let Some(disk) = small_disk(40 << 20, MsFlags::empty()) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let database = disk.path().join("t.db");
    let (server, web) = (service(), support::free_tcp_port());
    let (hook, posts) = webhook();
    let alerts = format!(
        "alerts:
  notify_after: 1s
  receivers: {{moc: {{kind: webhook, url: 'http://127.0.0.1:{hook}/', secret: bi-mat}}}}
  routes: [{{receivers: [moc]}}]
"
    );
    let config = config(dir.path(), &database, web, server.local_addr().unwrap(), &alerts);
    let mut daemon = start(&config);
    wait_for_metric(web, STATE, |state| state.to_bits() == 1f64.to_bits());

    let mut filler = Filler::start(disk.path().join("filler"));
    // The room that was held back is taken, too: what is left is what the log's
    // last commit took, enough for small ones, not for an outage.
    // Whether the filler or the daemon was there first, it says which it is.
    daemon.wait_for_output("the disk is full: ", PATIENCE);
    wait_for_metric(web, WRITE_FAILURES, |failures| failures > 0.0);
    assert_trouble_is_told(web);
    looks_go_on(web);

    let clock = SystemClock::new();
    let stopped_at = clock.wall();
    drop(server);
    wait_for_metric(web, STATE, |state| state.to_bits() == 0f64.to_bits());
    wait_for("the outage on the page", PATIENCE, || {
        let (status, page) = support::http(web, "GET", "/?lang=en");
        assert_eq!(status, 200, "{page}");
        page.contains("<title>(1) ").then_some(())
    });
    looks_go_on(web);
    let failures = metric(web, WRITE_FAILURES).unwrap();
    wait_for_metric(web, WRITE_FAILURES, |now| now > failures);
    assert!(daemon.ended().is_none(), "{}", daemon.output());

    let room_at = clock.wall();
    filler.make_room();
    daemon.wait_for_output("the record is written again", PATIENCE);
    assert_trouble_is_over(web);
    let post = wait_for("the alert", PATIENCE, || posts.lock().unwrap().first().cloned());
    assert_eq!(
        (post["status"].as_str(), post["target"]["id"].as_str()),
        (Some("firing"), Some("sv")),
        "{post}"
    );
    let record = Connection::open(&database).unwrap();
    record.busy_timeout(PATIENCE).unwrap();
    let outages: Vec<(i64, Option<i64>)> = record
        .prepare(
            "SELECT i.started_at, i.ended_at FROM incident i JOIN target t ON t.id = i.target WHERE t.slug = 'sv'",
        )
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(outages.len(), 1, "{outages:?}");
    let (started_at, ended_at) = outages[0];
    assert_eq!(ended_at, None);
    // A look may have begun just before the server stopped.
    let early = stopped_at.minus(Span::from_secs(10));
    assert!(
        (early.0..room_at.0).contains(&started_at),
        "{started_at} lies not between {early:?} and {room_at:?}"
    );
    let told: jiff::Timestamp = post["started_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(told.as_second(), Timestamp(started_at).as_secs(), "{post}");
    assert_eq!(posts.lock().unwrap().len(), 1, "told once");

    // History goes on, too.
    let newest = || -> Option<i64> {
        record
            .query_row(
                "SELECT max(seq) FROM sqlite_sequence WHERE name = 'journal'",
                [],
                |r| r.get(0),
            )
            .unwrap()
    };
    let before = newest();
    wait_for("newer history", PATIENCE, || (newest() > before).then_some(()));
}

fn stop(daemon: &mut Running) {
    daemon.signal(Signal::SIGTERM);
    assert!(daemon.wait(PATIENCE).success(), "{}", daemon.output());
}

/// The pages say in both languages that history is not kept, as do the status and a metric.
fn assert_trouble_is_told(web: u16) {
    wait_for_metric(web, HISTORY_SHED, |shed| shed > 0.5);
    let told = wait_for("the trouble in the status", PATIENCE, || trouble(web));
    assert!(
        matches!(told["kind"].as_str(), Some("disk_full" | "stuck")),
        "{told}"
    );
    for (lang, words) in [
        (
            "en",
            [
                "The disk has been full since",
                "Nothing has been written to the database since",
            ],
        ),
        ("vi", ["Ổ đĩa đầy từ", "Không ghi được cơ sở dữ liệu từ"]),
    ] {
        let (status, page) = support::http(web, "GET", &format!("/?lang={lang}"));
        assert_eq!(status, 200, "{page}");
        assert!(words.iter().any(|w| page.contains(w)), "{page}");
    }
}

/// They say so no more; what was given up stays counted.
fn assert_trouble_is_over(web: u16) {
    wait_for_metric(web, HISTORY_SHED, |shed| shed < 0.5);
    assert_eq!(trouble(web), None);
    assert!(
        !support::http(web, "GET", "/?lang=en")
            .1
            .contains("The disk has been full")
    );
    let shed = metric(web, "tramgac_db_samples_shed_total{reason=\"disk\"}").unwrap();
    assert!(shed > 0.0, "what was not kept is counted");
}

/// What the status says of the record.
fn record(web: u16) -> serde_json::Value {
    let (status, text) = support::http(web, "GET", "/api/v1/status?lang=en");
    assert_eq!(status, 200, "{text}");
    let status: serde_json::Value = serde_json::from_str(&text).unwrap();
    status["record"].clone()
}

/// What the status says keeps the record from being written.
fn trouble(web: u16) -> Option<serde_json::Value> {
    record(web).get("trouble").cloned()
}

#[test]
fn a_loss_after_damage_is_told_on_every_page_over_restarts() {
    if !support::is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let database = dir.path().join("t.db");
    let (server, web) = (service(), support::free_tcp_port());
    let config = config(dir.path(), &database, web, server.local_addr().unwrap(), "");
    let mut daemon = start(&config);
    assert!(record(web).get("lost").is_none());
    stop(&mut daemon);
    let mut bytes = fs::read(&database).unwrap();
    for page in bytes.chunks_mut(4096).skip(1) {
        page.iter_mut().take(200).for_each(|byte| *byte ^= 0x5a);
    }
    fs::write(&database, bytes).unwrap();
    for _ in 0..2 {
        let mut daemon = start(&config);
        for (lang, words) in [
            ("en", "what was recorded before is lost"),
            ("vi", "dữ liệu trước đó đã mất"),
        ] {
            for path in ["/", "/incidents"] {
                let (status, page) = support::http(web, "GET", &format!("{path}?lang={lang}"));
                assert_eq!(status, 200, "{page}");
                assert!(page.contains(words) && page.contains("t.db.damaged-"), "{page}");
            }
        }
        let lost = &record(web)["lost"];
        assert!(
            lost["found_at"].is_string() && lost["kept_until"].is_null(),
            "{lost}"
        );
        stop(&mut daemon);
    }
}

/// What lies in a folder, by name.
fn names(folder: &Path) -> BTreeSet<std::ffi::OsString> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|e| e.unwrap().file_name()).collect()
}

/// It could not look, and says so in one line that names `path`.
fn assert_one_line(output: &Output, path: &Path, why: &str) {
    let said = stderr(output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let (line, causes) = said.trim_end().split_once('\n').unwrap_or((said.trim_end(), ""));
    assert!(
        line.starts_with("error: ") && line.contains(path.to_str().unwrap()) && line.contains(why),
        "{said}"
    );
    // At most what the system said to it.
    assert!(
        causes.is_empty() || (causes.lines().count() == 1 && causes.starts_with("  because: ")),
        "{said}"
    );
}

fn nobody() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 9).into()
}

#[test]
fn a_missing_folder_for_the_record_is_one_clear_line_and_is_not_made() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing");
    let config = config(
        dir.path(),
        &missing.join("t.db"),
        support::free_tcp_port(),
        nobody(),
        "",
    );
    let before = names(dir.path());
    let output = run(&["run", "-c", &config]);
    assert_one_line(&output, &missing, "does not exist");
    assert_eq!(names(dir.path()), before);
}

#[test]
fn a_folder_without_the_right_to_write_is_one_clear_line_and_stays_empty() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("closed");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o555)).unwrap();
    let database = folder.join("t.db");
    let config = config(dir.path(), &database, support::free_tcp_port(), nobody(), "");
    let output = if nix::unistd::geteuid().is_root() {
        let Some(setpriv) = support::peer("setpriv") else {
            return;
        };
        // Root without the right to pass over permissions.
        Command::new(setpriv)
            .args(["--bounding-set=-dac_override", TRAMGAC, "run", "-c", &config])
            .output()
            .unwrap()
    } else {
        run(&["run", "-c", &config])
    };
    assert_one_line(&output, &database, "can't be written");
    assert!(names(&folder).is_empty());
}

#[test]
fn a_read_only_disk_for_the_record_is_one_clear_line() {
    let Some(disk) = small_disk(1 << 20, MsFlags::MS_RDONLY) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let database = disk.path().join("t.db");
    let config = config(dir.path(), &database, support::free_tcp_port(), nobody(), "");
    let output = run(&["run", "-c", &config]);
    assert_one_line(&output, &database, "can't be written");
    assert!(names(disk.path()).is_empty());
}
