//! The check `http` against a real server, and over TLS against OpenSSL's.

use std::process::Command;
use std::time::Duration;

use axum::Router;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::response::Redirect;
use axum::routing::get;
use tramgac::model::Outcome;
use tramgac::model::Reason;
use tramgac::model::Timestamp;

use super::probe_tcp::look;
use super::probe_tcp::server;
use crate::support;
use crate::support::program;

const SECOND: Duration = Duration::from_secs(1);

/// A web server on a port of the loopback, as long as the test runs.
fn web() -> u16 {
    let (told, port) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            told.send(listener.local_addr().unwrap().port()).unwrap();
            axum::serve(listener, routes()).await.unwrap();
        });
    });
    port.recv().unwrap()
}

fn routes() -> Router {
    Router::new()
        .route("/", get(|| async { "Cổng dịch vụ công Thạch Khoán" }))
        .route("/broken", get(|| async { StatusCode::SERVICE_UNAVAILABLE }))
        .route("/moved", get(|| async { Redirect::temporary("/") }))
        .route("/round", get(|| async { Redirect::temporary("/round") }))
        .route("/large", get(|| async { "x".repeat(5_000_000) + "end" }))
        .route(
            "/slow",
            get(|| async {
                tokio::time::sleep(Duration::from_secs(30)).await;
                "late"
            }),
        )
        .route(
            "/private",
            get(|headers: HeaderMap| async move {
                let given = headers.get("authorization").is_some_and(|v| v == "s3cret");
                if given {
                    StatusCode::OK
                } else {
                    StatusCode::UNAUTHORIZED
                }
            }),
        )
}

#[test]
fn status_text_redirects_and_headers_decide() {
    let port = web();
    let at = |path: &str| format!("http://127.0.0.1:{port}{path}");
    let cases = [
        (serde_json::json!({"url": at("/")}), Outcome::Good),
        (
            serde_json::json!({"url": at("/"), "body": "Thạch Khoán"}),
            Outcome::Good,
        ),
        (
            serde_json::json!({"url": at("/"), "body_match": "dịch\\s+vụ"}),
            Outcome::Good,
        ),
        (
            serde_json::json!({"url": at("/"), "body": "Sơn Hùng"}),
            Outcome::Bad(Reason::BodyMismatch),
        ),
        (
            serde_json::json!({"url": at("/broken")}),
            Outcome::Bad(Reason::HttpStatus(503)),
        ),
        (
            serde_json::json!({"url": at("/broken"), "status": [503, "200-204"]}),
            Outcome::Good,
        ),
        (
            serde_json::json!({"url": at("/nothing")}),
            Outcome::Bad(Reason::HttpStatus(404)),
        ),
        (
            serde_json::json!({"url": at("/moved"), "body": "Thạch Khoán"}),
            Outcome::Good,
        ),
        (
            serde_json::json!({"url": at("/moved"), "max_redirects": 0, "status": 307}),
            Outcome::Good,
        ),
        (
            serde_json::json!({"url": at("/round")}),
            Outcome::Bad(Reason::HttpStatus(307)),
        ),
        (
            serde_json::json!({"url": at("/large"), "body": "end"}),
            Outcome::Bad(Reason::BodyMismatch),
        ),
        (
            serde_json::json!({"url": at("/large"), "body": "end", "max_body": 6_000_000}),
            Outcome::Good,
        ),
        (
            serde_json::json!({"url": at("/private")}),
            Outcome::Bad(Reason::HttpStatus(401)),
        ),
        (
            serde_json::json!({"url": at("/private"), "headers": {"Authorization": "env:TOKEN"}}),
            Outcome::Good,
        ),
        (
            serde_json::json!({"url": at("/"), "method": "HEAD"}),
            Outcome::Good,
        ),
    ];
    for (mut options, expected) in cases {
        options["kind"] = "http".into();
        let (outcome, stats) = look(&options, 5 * SECOND);
        assert_eq!(outcome, expected, "{options}");
        assert!(stats.http_status.is_some(), "{options}");
    }
    let (_, stats) = look(&serde_json::json!({"kind": "http", "url": at("/")}), SECOND);
    let phases: Vec<&str> = stats.phases.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(phases, ["resolve", "connect", "first_byte", "body"]);
}

// trap 18
#[test]
fn a_slow_page_is_cut_and_nonsense_is_malformed() {
    let port = web();
    let limit = Duration::from_millis(300);
    let (outcome, stats) = look(
        &serde_json::json!({"kind": "http", "url": format!("http://127.0.0.1:{port}/slow")}),
        limit,
    );
    assert_eq!(outcome, Outcome::Bad(Reason::Timeout));
    assert!(stats.duration < 4 * limit, "{stats:?}");
    let port = server(|mut stream| {
        use std::io::Write;
        stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").unwrap();
    });
    let (outcome, _) = look(
        &serde_json::json!({"kind": "http", "url": format!("http://127.0.0.1:{port}/")}),
        SECOND,
    );
    assert_eq!(outcome, Outcome::Bad(Reason::Malformed));
    // Whether it speaks or leaves before the request is there or after it, what it did is told.
    for _ in 0..200 {
        let (outcome, _) = look(
            &serde_json::json!({"kind": "http", "url": format!("http://127.0.0.1:{port}/")}),
            5 * SECOND,
        );
        assert_eq!(outcome, Outcome::Bad(Reason::Malformed));
    }
    let free = support::free_tcp_port();
    let (outcome, _) = look(
        &serde_json::json!({"kind": "http", "url": format!("http://127.0.0.1:{free}/")}),
        SECOND,
    );
    assert_eq!(outcome, Outcome::Bad(Reason::Refused));
}

fn openssl(arguments: &[&str]) -> String {
    let output = Command::new("openssl").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", program::stderr(&output));
    program::stdout(&output)
}

/// A key and a certificate for `localhost` that is good for 30 days: two PEM files.
pub fn self_signed(folder: &std::path::Path) -> (String, String) {
    let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let (key, certificate) = (path("key.pem"), path("certificate.pem"));
    openssl(&[
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "30",
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
        "-keyout",
        &key,
        "-out",
        &certificate,
    ]);
    (key, certificate)
}

/// OpenSSL's server with that certificate, and its port; it ends when it is dropped.
fn serve_tls(key: &str, certificate: &str) -> (u16, program::Running) {
    let port = support::free_tcp_port();
    let mut command = Command::new("openssl");
    command
        .args(["s_server", "-quiet", "-www", "-key", key, "-cert", certificate])
        .args(["-accept", &port.to_string()]);
    let running = program::Running::start(command);
    support::wait_for("openssl s_server", Duration::from_secs(10), || {
        std::net::TcpStream::connect(("127.0.0.1", port)).ok()
    });
    (port, running)
}

#[test]
fn tls_is_judged_and_the_expiry_is_told_even_when_it_is_not_trusted() {
    if support::peer("openssl").is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (key, certificate) = self_signed(dir.path());
    let (port, server) = serve_tls(&key, &certificate);
    let url = format!("https://localhost:{port}/");
    let (outcome, stats) = look(&serde_json::json!({"kind": "http", "url": url}), 5 * SECOND);
    assert!(matches!(outcome, Outcome::Bad(Reason::Tls(_))), "{outcome:?}");
    let end = openssl(&[
        "x509",
        "-in",
        &certificate,
        "-noout",
        "-enddate",
        "-dateopt",
        "iso_8601",
    ]);
    let end = end.trim().trim_start_matches("notAfter=").replace(' ', "T");
    let end: jiff::Timestamp = end.parse().unwrap();
    assert_eq!(stats.tls_not_after, Some(Timestamp::from_secs(end.as_second())));
    let (outcome, stats) = look(
        &serde_json::json!({"kind": "http", "url": url, "insecure": true}),
        5 * SECOND,
    );
    assert_eq!(outcome, Outcome::Good);
    let phases: Vec<&str> = stats.phases.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(phases, ["resolve", "connect", "tls", "first_byte", "body"]);
    let (outcome, _) = look(
        &serde_json::json!({"kind": "http", "url": url, "ca_file": certificate}),
        5 * SECOND,
    );
    assert_eq!(outcome, Outcome::Good);
    // Trusted, but for another name.
    let by_address = format!("https://127.0.0.1:{port}/");
    let (outcome, _) = look(
        &serde_json::json!({"kind": "http", "url": by_address, "ca_file": certificate}),
        5 * SECOND,
    );
    assert!(matches!(outcome, Outcome::Bad(Reason::Tls(_))), "{outcome:?}");
    // The check `tls` asks for the certificate alone: 30 days are enough for the default, not for 60.
    let certificate_of = |more: serde_json::Value| {
        let mut options =
            serde_json::json!({"kind": "tls", "host": "localhost", "port": port, "ca_file": certificate});
        options
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        look(&options, 5 * SECOND)
    };
    let (outcome, stats) = certificate_of(serde_json::json!({}));
    assert_eq!(outcome, Outcome::Good);
    assert_eq!(stats.tls_not_after, Some(Timestamp::from_secs(end.as_second())));
    let (outcome, _) = certificate_of(serde_json::json!({"expires_within": "60d"}));
    assert!(
        matches!(&outcome, Outcome::Bad(Reason::Tls(why)) if why.contains("expires in")),
        "{outcome:?}"
    );
    drop(server);
}
