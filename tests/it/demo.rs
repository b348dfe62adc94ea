//! The first of the README's two commands: with the permission to ping, and without.

use std::process::Command;
use std::time::Duration;

use crate::support;
use crate::support::netns::Netns;
use crate::support::program::Running;
use crate::support::program::TRAMGAC;

const PATIENCE: Duration = Duration::from_secs(90);

/// The page of a demo inside a namespace.
fn page(ns: &Netns) -> String {
    let output = ns.run("curl", &["-s", "http://127.0.0.1:9099/?lang=vi"]);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// One sees an outage, its consequences and its end.
fn plays(ns: &Netns, command: Command, marks: &[&str]) {
    let mut demo = Running::start(command);
    demo.wait_for_output("page      http://127.0.0.1:9099/", PATIENCE);
    support::wait_for("the page with its mark", PATIENCE, || {
        let page = page(ns);
        marks.iter().all(|m| page.contains(m)).then_some(())
    });
    demo.wait_for_output("alert  Mất đường truyền: Đường truyền xã Thượng Cửu", PATIENCE);
    support::wait_for("the outage with its consequences on the page", PATIENCE, || {
        let page = page(ns);
        (page.contains("Đường truyền xã Thượng Cửu") && page.contains("Mất kết nối")).then_some(())
    });
    demo.wait_for_output(
        "alert  Đường truyền đã khôi phục: Đường truyền xã Thượng Cửu",
        PATIENCE,
    );
    // Nothing behind the link was told by itself.
    assert!(
        !demo
            .output()
            .contains("alert  Mất kết nối: Bộ định tuyến Thượng Cửu"),
        "{}",
        demo.output()
    );
    demo.signal(nix::sys::signal::Signal::SIGTERM);
    assert!(demo.wait(PATIENCE).success(), "{}", demo.output());
}

#[test]
fn the_demo_shows_an_outage_and_its_end_by_real_echoes() {
    let Some(ns) = Netns::new() else { return };
    if support::peer("curl").is_none() {
        return;
    }
    let mut command = ns.command(TRAMGAC);
    command.args(["demo", "--speed", "4"]);
    plays(&ns, command, &["huyện mô phỏng trên máy này"]);
}

#[test]
fn the_demo_shows_the_same_without_the_permission_to_ping_and_says_so() {
    let Some(ns) = Netns::new() else { return };
    if support::peer("setpriv").is_none() || support::peer("curl").is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("tramgac");
    std::fs::copy(TRAMGAC, &program).unwrap();
    for path in [dir.path(), program.as_path()] {
        std::os::unix::fs::chown(path, Some(65_534), Some(65_534)).unwrap();
    }
    let mut command = ns.command("setpriv");
    command.args([
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "--bounding-set=-all",
    ]);
    command
        .arg(&program)
        .args(["demo", "--speed", "4", "--keep"])
        .arg(dir.path().join("kept"));
    plays(
        &ns,
        command,
        &["qua UDP", "ping_group_range", "setcap cap_net_raw"],
    );
}
