//! The HTTP side: health, metrics, the API and its description, events, policy.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use flate2::read::GzDecoder;
use serde_json::Value;
use tramgac::model::{Event, EventKind, IncidentId, Reason, TargetKey};

use crate::support::site::Web;
use crate::support::wall::{NOW, Wall};

fn seed() -> Web {
    Web::of(Wall::seed().with_trouble().snapshot())
}

fn json(web: &Web, path: &str) -> Value {
    let answer = web.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/json"), "{path}");
    serde_json::from_slice(&answer.body).unwrap()
}

#[test]
fn health_and_readiness_follow_the_daemon() {
    let web = seed();
    assert_eq!(web.get("/-/healthy").status, 200);
    assert_eq!(web.get("/-/ready").status, 200);
    web.state.health.set_ready(false);
    web.state.health.set_healthy(false);
    assert_eq!(web.get("/-/ready").status, 503);
    assert_eq!(web.get("/-/healthy").status, 503);
}

#[test]
fn metrics_come_in_the_text_format_and_compressed_where_that_is_understood() {
    let web = seed();
    let plain = web.get("/metrics");
    assert_eq!(
        plain.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    assert_eq!(plain.header("content-encoding"), None);
    let packed = web.ask("GET", "/metrics", &[("Accept-Encoding", "gzip")]);
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert!(packed.body.len() < plain.body.len() / 5);
    let mut text = Vec::new();
    GzDecoder::new(&*packed.body).read_to_end(&mut text).unwrap();
    assert_eq!(text, plain.body);
}

#[test]
fn a_reload_that_fails_tells_every_problem_and_only_this_machine_may_ask() {
    let web = seed();
    assert_eq!(web.get("/-/reload").status, 405);
    let answer = web.ask("POST", "/-/reload", &[("Content-Length", "0")]);
    assert_eq!(answer.status, 422);
    assert_eq!(answer.text(), "config.yaml:3:1: unknown key\n");
    let foreign = [("Origin", "http://evil.example"), ("Content-Length", "0")];
    assert_eq!(web.ask("POST", "/-/reload", &foreign).status, 403);
    let cross = [("Sec-Fetch-Site", "cross-site"), ("Content-Length", "0")];
    assert_eq!(web.ask("POST", "/-/reload", &cross).status, 403);
}

#[test]
fn a_name_that_a_stranger_s_dns_points_at_us_is_refused() {
    let web = seed();
    for path in [
        "/",
        "/metrics",
        "/api/v1/status",
        "/-/healthy",
        "/asset/style.css",
    ] {
        assert_eq!(
            web.ask("GET", path, &[("Host", "evil.example")]).status,
            421,
            "{path}"
        );
    }
    assert_eq!(web.ask("GET", "/", &[("Host", "localhost:8080")]).status, 200);
    let mut settings = (**web.state.settings.load()).clone();
    settings.host_names.push("giamsat.example".to_owned());
    web.state.settings.store(Arc::new(settings));
    assert_eq!(web.ask("GET", "/", &[("Host", "giamsat.example")]).status, 200);
}

#[test]
fn no_request_makes_it_fall() {
    let web = seed();
    let paths = [
        "//evil.example/%2e%2e",
        "/device/",
        "/device/%00",
        "/device/..%2f..%2fetc%2fpasswd",
        "/site/Th%E1%BA%A1ch",
        "/area/%F0%9F%92%A9",
        "/asset/..%2fmod.rs",
        "/asset/mod.rs",
        "/api/v1/nothing",
        "/api/v1/targets?limit=0",
        "/api/v1/targets?state=broken",
        "/api/v1/devices?class=toaster",
        "/api/v1/devices?after=%FF&limit=99999999999999999999",
        "/sd/prometheus?set=x",
        "/?lang=vi&lang=en&&&=&%=%",
        "/inventory?q=%25%25%25&page=-1",
    ];
    for path in paths {
        let answer = web.get(path);
        assert!((200..500).contains(&answer.status), "{path}: {}", answer.status);
        assert!(answer.header("content-security-policy").is_some(), "{path}");
    }
    let long = format!("/?q={}", "a".repeat(200_000));
    assert!((400..500).contains(&web.get(&long).status));
    for raw in [
        &b"\x00\x01\x02\r\n\r\n"[..],
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n",
        b"BREW / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: \xff\xfe\r\nConnection: close\r\n\r\n",
    ] {
        let answer = web.raw(raw);
        assert!(!(500..600).contains(&answer.status), "{raw:?}: {answer:?}");
    }
    assert_eq!(web.get("/-/healthy").status, 200);
}

#[test]
fn a_client_that_never_ends_its_request_is_shown_the_door() {
    let web = seed();
    let mut stream = TcpStream::connect(web.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        .unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(!rest.starts_with(b"HTTP/1.1 200"));
}

#[test]
fn lists_filter_and_lead_on_to_the_rest() {
    let web = seed();
    let links = json(&web, "/api/v1/links?state=down,degraded");
    let ids: Vec<&str> = links
        .as_array()
        .unwrap()
        .iter()
        .map(|l| l["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["kenh-kha-cuu", "kenh-tan-lap", "kenh-tan-minh"]);
    assert_eq!(links[0]["status"]["state"], "down");
    assert_eq!(links[0]["area"], "xa-kha-cuu");

    let mut path = "/api/v1/targets?kind=device&class=router&limit=10".to_owned();
    let mut all = Vec::new();
    loop {
        let answer = web.get(&path);
        let page: Value = serde_json::from_slice(&answer.body).unwrap();
        all.extend(
            page.as_array()
                .unwrap()
                .iter()
                .map(|t| t["id"].as_str().unwrap().to_owned()),
        );
        let Some(next) = answer.header("link") else { break };
        path = next.split(['<', '>']).nth(1).unwrap().to_owned();
    }
    let routers = Wall::seed()
        .inventory
        .devices
        .values()
        .filter(|d| d.class.as_str() == "router")
        .count();
    assert_eq!(all.len(), routers);
    assert!(all.is_sorted());

    let areas = json(&web, "/api/v1/areas");
    assert_eq!(areas[0]["id"], "xa-kha-cuu");
    let open = json(&web, "/api/v1/incidents?open=true&target=link/kenh-kha-cuu");
    assert_eq!(open.as_array().unwrap().len(), 1);
    assert_eq!(open[0]["started_at"], "2026-11-23T23:18:00.000Z");
    assert_eq!(open[0]["duration_seconds"], 11_520.0);
    let ended = json(&web, "/api/v1/incidents?open=false&from=2026-11-23T20:00:00Z");
    assert_eq!(ended.as_array().unwrap().len(), 1, "{ended}");
    assert_eq!(web.get("/api/v1/incidents?from=yesterday").status, 400);
    let sites = json(&web, "/api/v1/sites?area=xa-kha-cuu");
    assert_eq!(sites.as_array().unwrap().len(), 3);
    assert_eq!(json(&web, "/api/v1/services").as_array().unwrap().len(), 2);
    assert_eq!(json(&web, "/api/v1/devices?q=may+chu")[0]["id"], "may-chu-1");
}

#[test]
fn status_tells_each_outage_once_in_the_reader_s_language() {
    let web = seed();
    let status = json(&web, "/api/v1/status?lang=vi");
    let outages = status["outages"].as_array().unwrap();
    assert_eq!(outages.len(), 3);
    assert_eq!(outages[0]["target"]["key"], "link/kenh-tan-lap");
    assert_eq!(outages[0]["target"]["state_text"], "Mất kết nối");
    assert_eq!(outages[0]["consequences"].as_array().unwrap().len(), 8);
    assert_eq!(status["hidden"], 3);
    assert_eq!(status["links"]["online"], 23);
    // Absent is absent.
    assert!(status.get("blind_since").is_none());
}

#[test]
fn every_route_of_the_api_is_described_and_every_answer_fits_its_keys() {
    let web = seed();
    let document = json(&web, "/api/v1/openapi.json");
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    let named = [
        "status",
        "targets",
        "devices",
        "sites",
        "areas",
        "incidents",
        "links",
        "services",
        "events",
    ];
    for name in named {
        assert!(paths.contains_key(&format!("/api/v1/{name}")), "{name}");
    }
    for (path, item) in paths {
        changes_are_described_and_closed_to_the_network(&web, path, item);
        if item.get("get").is_none() {
            continue;
        }
        assert!(!item["get"]["summary"].as_str().unwrap().is_empty());
        if item["get"]["responses"]["200"]["content"]
            .get("application/json")
            .is_none()
        {
            continue;
        }
        let answer = json(&web, path);
        let schema = &item["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        fits(&document, schema, &answer, path);
    }
    // Every reference leads somewhere.
    let text = document.to_string();
    for part in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
    }
}

fn changes_are_described_and_closed_to_the_network(web: &Web, path: &str, item: &Value) {
    for method in ["post", "delete"] {
        let Some(operation) = item.get(method) else {
            continue;
        };
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{path}");
        let path = path.replace(['{', '}'], "");
        let answer = web.ask(
            &method.to_uppercase(),
            &path,
            &[("Content-Length", "0"), ("Content-Type", "application/json")],
        );
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text());
        assert!(operation["responses"].get("403").is_some(), "{path}");
    }
}

// trap 20
#[test]
fn the_monitor_cut_off_is_one_incident_in_page_and_api() {
    let mut wall = Wall::seed().with_trouble();
    wall.blind();
    let web = Web::of(wall.snapshot());
    let all = json(&web, "/api/v1/incidents");
    let of_monitor: Vec<&Value> = all
        .as_array()
        .unwrap()
        .iter()
        .filter(|i| i["target"] == "monitor")
        .collect();
    assert_eq!(of_monitor.len(), 2, "{all:#}");
    assert!(of_monitor[0].get("ended_at").is_none() && of_monitor[0].get("id").is_none());
    assert_eq!(of_monitor[1]["duration_seconds"], 1200.0);
    let open = json(&web, "/api/v1/incidents?open=true&target=monitor");
    assert_eq!(open.as_array().unwrap().len(), 1, "{open:#}");
    let page = web.get("/incidents?lang=vi").text();
    assert_eq!(page.matches("máy giám sát mất kết nối").count(), 2, "{page}");
    assert!(page.contains("<th scope=\"row\">Máy giám sát</th>"), "{page}");
}

/// Whether the objects of a value hold what the schema requires and no key that
/// it does not know.
fn fits(document: &Value, schema: &Value, value: &Value, at: &str) {
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        let name = name.rsplit('/').next().unwrap();
        return fits(document, &document["components"]["schemas"][name], value, at);
    }
    if let (Some(items), Some(list)) = (schema.get("items"), value.as_array()) {
        for entry in list.iter().take(30) {
            fits(document, items, entry, at);
        }
    }
    if let (Some(properties), Some(object)) = (schema.get("properties"), value.as_object()) {
        for (key, inner) in object {
            let known = properties.get(key);
            assert!(known.is_some(), "{key} of {at} is not described");
            let known = known.unwrap();
            fits(document, known, inner, &format!("{at}.{key}"));
        }
        for key in schema["required"].as_array().into_iter().flatten() {
            assert!(
                object.contains_key(key.as_str().unwrap()),
                "{key} is missing in {at}"
            );
        }
    }
}

#[test]
fn service_discovery_names_ourselves_and_the_devices_for_other_exporters() {
    let web = seed();
    let own = json(&web, "/sd/prometheus");
    assert_eq!(own[0]["targets"][0], web.address.to_string());
    let routers = json(
        &web,
        "/sd/prometheus?set=devices&class=router&module=icmp&area=xa-kha-cuu",
    );
    assert_eq!(routers.as_array().unwrap().len(), 3);
    let labels = &routers[0]["labels"];
    assert_eq!(labels["__meta_tramgac_area"], "xa-kha-cuu");
    assert_eq!(labels["__param_module"], "icmp");
    assert_eq!(
        json(&web, "/sd/prometheus?set=devices&class=phone"),
        serde_json::json!([])
    );
}

#[test]
fn events_arrive_as_they_are_committed_and_the_hidden_never_do() {
    let web = seed();
    let snapshot = web.state.snapshot.load_full();
    let id = |key: &str| {
        let (kind, slug) = key.split_once('/').unwrap();
        snapshot.index[&TargetKey {
            kind: tramgac::model::TargetKind::ALL
                .into_iter()
                .find(|k| k.as_str() == kind)
                .unwrap(),
            slug: slug.parse().unwrap(),
        }]
    };
    let mut stream = TcpStream::connect(web.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(
        stream,
        "GET /api/v1/events HTTP/1.1\r\nHost: {}\r\n\r\n",
        web.address
    )
    .unwrap();
    let mut lines = BufReader::new(stream).lines().map(|l| l.unwrap());
    assert!(lines.by_ref().any(|l| l == "retry: 5000"));
    let send = |target, kind| {
        let event = Event {
            at: NOW,
            recorded_at: NOW,
            target,
            kind,
        };
        web.state.events.send(Arc::new(event)).unwrap();
    };
    // About a target that no viewer knows.
    send(
        Some(tramgac::model::TargetId(999_999)),
        EventKind::ForbiddenSeen {
            site: None,
            seen_by: "sw-1".to_owned(),
        },
    );
    send(
        Some(id("device/rt-kha-cuu")),
        EventKind::OutageOpened {
            incident: IncidentId(7),
            root: Some(id("link/kenh-kha-cuu")),
            reason: Reason::Timeout,
        },
    );
    let first = lines.by_ref().find(|l| l.starts_with("event: ")).unwrap();
    assert_eq!(first, "event: outage_opened");
    let data = lines
        .by_ref()
        .find_map(|l| l.strip_prefix("data: ").map(str::to_owned))
        .unwrap();
    let data: Value = serde_json::from_str(&data).unwrap();
    assert_eq!(data["target"], "device/rt-kha-cuu");
    assert_eq!(data["root"], "link/kenh-kha-cuu");
    assert_eq!(data["at"], "2026-11-24T02:30:00.000Z");
}

#[test]
fn a_subscriber_too_many_is_turned_away() {
    let web = seed();
    let open: Vec<TcpStream> = (0..70)
        .map(|_| {
            let mut stream = TcpStream::connect(web.address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            write!(
                stream,
                "GET /api/v1/events HTTP/1.1\r\nHost: {}\r\n\r\n",
                web.address
            )
            .unwrap();
            stream
        })
        .collect();
    let statuses: Vec<String> = open
        .iter()
        .map(|s| BufReader::new(s).lines().next().unwrap().unwrap())
        .collect();
    assert!(statuses.iter().any(|s| s.contains("200")));
    assert!(statuses.iter().filter(|s| s.contains("503")).count() >= 6);
    assert_eq!(web.get("/-/healthy").status, 200);
}
