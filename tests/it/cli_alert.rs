//! `tramgac alert`: a trial reaches a real mail server and a webhook, and the
//! preview tells what the routes say.

use std::time::Duration;

use crate::support::netns::Netns;
use crate::support::peers;
use crate::support::program::{TRAMGAC, run, stderr, stdout, write};
use crate::support::wait_for;

const PATIENCE: Duration = Duration::from_secs(60);

const CONFIG: &str = "organization: {name: Xã thử nghiệm}
language: vi
timezone: Asia/Ho_Chi_Minh
units: [{id: xa-kha-cuu, name: Xã Khả Cửu, kind: commune}]
sites: [{id: hall, name: Trụ sở xã, kind: commune_hall, unit: xa-kha-cuu}]
devices:
  - {id: rt, name: Bộ định tuyến, class: router, site: hall, address: 127.0.0.2}
  - {id: sw, name: Bộ chuyển mạch, class: switch, site: hall, address: 127.0.0.3}
  - {id: pc, name: Máy tính, class: computer, site: hall, address: 127.0.0.4}
links: [{id: dt, name: Đường truyền, site: hall, router: rt, far_end: [127.0.0.2]}]
alerts:
  notify_after: 5m
  notify_after_links: 60s
  receivers:
    thu: {kind: email, server: 127.0.0.1, port: 2525, security: none, from: tramgac@example.vn, to: [it@example.vn]}
    moc: {kind: webhook, language: en, url: 'http://127.0.0.1:8088/', secret: bi-mat}
    khac: {kind: webhook, url: 'http://127.0.0.1:8089/'}
  routes:
    - {select: {kind: link}, receivers: [thu, moc], quiet: '22:00-06:00', continue: true}
    - {select: {kind: link}, receivers: [moc, khac], notify_after: 10m}
    - {select: {class: router}, receivers: [khac]}
";

#[test]
fn a_trial_reaches_mail_and_webhook_and_says_when_it_does_not() {
    let Some(ns) = Netns::new() else { return };
    if !peers::has_smtp() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let config = write(dir.path(), "config.yaml", CONFIG);
    let (maildir, posts) = (dir.path().join("mail"), dir.path().join("posts"));
    let alert = |receiver: &str| ns.run(TRAMGAC, &["alert", "test", "-c", &config, receiver]);

    // Nobody listens yet.
    let failed = alert("moc");
    assert_eq!(failed.status.code(), Some(1), "{}", stderr(&failed));
    assert!(
        stderr(&failed).contains("not delivered to moc"),
        "{}",
        stderr(&failed)
    );

    let _mail = peers::smtp(&ns, 2525, &maildir);
    let _hook = peers::webhook(&ns, 8088, &posts);
    for receiver in ["thu", "moc"] {
        let said = wait_for("the server to listen", PATIENCE, || {
            let output = alert(receiver);
            output.status.success().then(|| stdout(&output))
        });
        assert!(said.starts_with(&format!("delivered to {receiver} (")), "{said}");
    }
    let mails = peers::mails(&maildir);
    assert_eq!(mails.len(), 1, "one trial, one mail");
    assert!(mails[0].contains("it@example.vn"), "{}", mails[0]);
    let bodies = peers::posts(&posts);
    assert_eq!(bodies.len(), 1, "one trial, one post");
    assert_eq!(bodies[0]["event"], "test", "{}", bodies[0]);

    let unknown = alert("nobody");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(
        stderr(&unknown).contains("the configuration has: khac, moc, thu"),
        "{}",
        stderr(&unknown)
    );
}

#[test]
fn a_preview_tells_each_receiver_once_and_when_as_the_routes_do() {
    let dir = tempfile::tempdir().unwrap();
    let config = write(dir.path(), "config.yaml", CONFIG);
    let preview = |target: &str| run(&["alert", "preview", "-c", &config, target]);

    let link = preview("link/dt");
    assert_eq!(link.status.code(), Some(0), "{}", stderr(&link));
    let text = stdout(&link);
    let told: Vec<&str> = text.lines().filter(|l| l.starts_with("to ")).collect();
    assert_eq!(
        told,
        [
            "to thu, 60 s after the first failed look, but not in quiet hours:",
            "to moc, 60 s after the first failed look, but not in quiet hours:",
            "to khac, 600 s after the first failed look:",
        ]
    );
    assert!(text.contains("Đường truyền"), "{text}");
    assert!(text.contains("Xã Khả Cửu"), "{text}");
    let router = stdout(&preview("device/rt"));
    assert!(
        router.starts_with("to khac, 300 s after the first failed look:\n"),
        "{router}"
    );
    assert_eq!(
        stdout(&preview("device/sw")),
        "nobody would be told: no route fits\n"
    );
    let computer = stdout(&preview("device/pc"));
    assert!(
        computer.starts_with("nobody would be told: outages of this device raise no alert"),
        "{computer}"
    );
    let unknown = preview("device/none");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(
        stderr(&unknown).contains("there is no target \"device/none\""),
        "{}",
        stderr(&unknown)
    );
}
