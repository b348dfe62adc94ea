//! How the daemon starts, reloads, stops, and says why it can't.

use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support;
use crate::support::netns::Netns;
use crate::support::program::Running;
use crate::support::program::TRAMGAC;
use crate::support::program::run;
use crate::support::program::stderr;
use crate::support::program::tramgac;
use crate::support::program::write;

const PATIENCE: Duration = Duration::from_secs(30);

fn config(dir: &std::path::Path, port: u16, more: &str) -> String {
    let text = format!(
        "database: {}\nweb: {{listen: '127.0.0.1:{port}'}}\npolling: {{interval: 2s, infrastructure_interval: 2s, self_check: []}}\n\
         sites: [{{id: vp, name: Văn phòng, kind: office}}]\n\
         devices:\n  - {{id: pc, name: Máy, class: computer, site: vp, address: 127.0.0.9}}\n{more}",
        dir.join("t.db").display()
    );
    write(dir, "config.yaml", &text)
}

#[test]
fn systemd_hears_ready_watchdog_reloading_and_stopping_and_a_stop_takes_a_second() {
    if !support::is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("notify.sock");
    let listener = UnixDatagram::bind(&socket).unwrap();
    listener
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    let port = support::free_tcp_port();
    let config = config(dir.path(), port, "");
    let mut command = tramgac(&["run", "-c", &config]);
    command.env("NOTIFY_SOCKET", &socket);
    let mut daemon = Running::start(command);
    let hear = |what: &str| {
        support::wait_for(what, PATIENCE, || {
            let mut buffer = [0; 4096];
            let length = listener.recv(&mut buffer).ok()?;
            let said = String::from_utf8_lossy(&buffer[..length]).into_owned();
            said.lines().any(|l| l == what).then_some(())
        });
    };
    hear("READY=1");
    hear("WATCHDOG=1");
    daemon.signal(Signal::SIGHUP);
    hear("RELOADING=1");
    hear("READY=1");
    daemon.signal(Signal::SIGTERM);
    let clock = tramgac::clock::SystemClock::new();
    let start = tramgac::clock::Clock::mono(&clock);
    hear("STOPPING=1");
    assert!(daemon.wait(PATIENCE).success(), "{}", daemon.output());
    let took = tramgac::clock::Clock::mono(&clock).since(start);
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert!(!dir.path().join("control.sock").exists());
}

#[test]
fn a_file_that_is_not_our_database_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), support::free_tcp_port(), "");
    let letter = "Kính gửi Ủy ban nhân dân huyện, đây không phải là một cơ sở dữ liệu.".repeat(100);
    std::fs::write(dir.path().join("t.db"), &letter).unwrap();
    let output = run(&["run", "-c", &config]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).contains("t.db"), "{}", stderr(&output));
    assert_eq!(std::fs::read_to_string(dir.path().join("t.db")).unwrap(), letter);
}

#[test]
fn a_port_in_use_is_one_clear_line() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let output = run(&["run", "-c", &config(dir.path(), port, "")]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(
        stderr(&output).contains(&format!("can't listen on 127.0.0.1:{port}")),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_second_daemon_on_the_same_record_is_refused() {
    if !support::is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let first = config(dir.path(), support::free_tcp_port(), "");
    let mut daemon = Running::start(tramgac(&["run", "-c", &first]));
    daemon.wait_for_output("ready", PATIENCE);
    let second = config(dir.path(), support::free_tcp_port(), "");
    let output = run(&["run", "-c", &second]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
}

#[test]
fn without_the_permission_to_ping_both_remedies_are_named() {
    let Some(ns) = Netns::new() else { return };
    if support::peer("setpriv").is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path(), 9099, "");
    let program = dir.path().join("tramgac");
    std::fs::copy(TRAMGAC, &program).unwrap();
    for path in [dir.path(), program.as_path()] {
        std::os::unix::fs::chown(path, Some(65_534), Some(65_534)).unwrap();
    }
    // The range of a new namespace, `1 0`, lets nobody in.
    let output = ns.run(
        "setpriv",
        &[
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--bounding-set=-all",
            program.to_str().unwrap(),
            "run",
            "-c",
            &config,
        ],
    );
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains("setcap cap_net_raw") && said.contains("ping_group_range"),
        "{said}"
    );
}

// trap 18
#[test]
fn a_name_that_does_not_resolve_stops_nothing_else() {
    if !support::is_root() || support::peer("curl").is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let port = support::free_tcp_port();
    let more = "  - {id: khong-co, name: Không có, class: server, site: vp, address: khong-co.invalid, credentials: []}\n";
    let mut daemon = Running::start(tramgac(&["run", "-c", &config(dir.path(), port, more)]));
    daemon.wait_for_output("does not resolve", PATIENCE);
    let line = "tramgac_device_up{device=\"pc\",site=\"vp\",area=\"none\",class=\"computer\"} 1";
    support::wait_for(line, PATIENCE, || {
        let output = std::process::Command::new("curl")
            .args(["-s", &format!("http://127.0.0.1:{port}/metrics")])
            .output()
            .ok()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let unknown =
            "tramgac_device_state{device=\"khong-co\",site=\"vp\",area=\"none\",class=\"server\"} 5";
        (text.contains(line) && text.contains(unknown)).then_some(())
    });
}
