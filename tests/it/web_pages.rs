//! The pages over HTTP: both languages, well-formed, without JavaScript, safe.

#![expect(clippy::string_slice, reason = "cut at what was just found")]

use std::sync::Arc;

use tramgac::i18n::{Lang, Text};
use tramgac::indicator::evaluate::Tally;
use tramgac::inventory::class::CLASSES;
use tramgac::inventory::{Class, Lifecycle, Medium, MonitorMode, SiteKind, UnitKind};
use tramgac::model::{Ratio, Reason, State, TargetKind};
use tramgac::web::{Figure, Notice, Settings};

use crate::support::browser::Browser;
use crate::support::site::{Answer, Web, settings};
use crate::support::wall::{Wall, device};

const PAGES: [&str; 9] = [
    "/",
    "/incidents",
    "/inventory",
    "/area/xa-kha-cuu",
    "/area/none",
    "/site/tan-lap",
    "/device/rt-tan-lap",
    "/link/kenh-tan-lap",
    "/service/van-ban",
];

fn page(web: &Web, path: &str, lang: &str) -> Answer {
    let joint = if path.contains('?') { '&' } else { '?' };
    let answer = web.get(&format!("{path}{joint}lang={lang}"));
    assert_eq!(answer.status, 200, "{path}");
    answer
}

/// Elements that stand alone.
const VOID: [&str; 5] = ["meta", "link", "input", "br", "!doctype"];

/// Reads a document as strictly as XML would: every element is closed in its
/// turn, every attribute has its quotes. Returns the names that were opened.
fn well_formed(html: &str) -> Vec<String> {
    let mut open: Vec<String> = Vec::new();
    let mut seen = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        assert!(!rest[..at].contains('>'), "a bare > in {:?}", &rest[..at]);
        let mut end = None;
        let mut quoted = false;
        for (i, c) in rest[at..].char_indices() {
            match c {
                '"' => quoted = !quoted,
                '>' if !quoted => {
                    end = Some(at + i);
                    break;
                }
                _ => assert!(
                    c != '<' || i == 0 || quoted,
                    "a bare < in {:?}",
                    &rest[at..at + i]
                ),
            }
        }
        assert!(end.is_some(), "an open tag at {:?}", &rest[at..]);
        let end = end.unwrap();
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        let name = tag
            .trim_start_matches('/')
            .split([' ', '/', '\n'])
            .next()
            .unwrap()
            .to_lowercase();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name));
        } else {
            seen.push(name.clone());
            if !VOID.contains(&name.as_str()) && !tag.ends_with('/') {
                open.push(name);
            }
        }
    }
    assert!(open.is_empty(), "{open:?} are not closed");
    seen
}

#[test]
fn every_page_is_well_formed_in_both_languages_and_says_which_it_is() {
    let web = Web::of(Wall::seed().with_trouble().snapshot());
    for path in PAGES {
        for lang in Lang::ALL {
            let answer = page(&web, path, lang.as_str());
            let text = answer.text();
            well_formed(&text);
            assert!(text.contains(&format!("<html lang=\"{lang}\">")), "{path}");
            assert_eq!(answer.header("content-language"), Some(lang.as_str()));
            assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
            assert_eq!(text.matches("<h1>").count(), 1, "{path}");
        }
    }
}

#[test]
fn the_language_is_asked_for_by_the_address_then_by_the_browser_then_by_the_settings() {
    let web = Web::of(Wall::seed().snapshot());
    let lang = |path: &str, accepted: &[(&str, &str)]| {
        web.ask("GET", path, accepted)
            .header("content-language")
            .unwrap()
            .to_owned()
    };
    assert_eq!(lang("/", &[]), "vi");
    assert_eq!(lang("/", &[("Accept-Language", "fr, de;q=0.3")]), "vi");
    assert_eq!(lang("/", &[("Accept-Language", "en-GB, vi;q=0.5")]), "en");
    assert_eq!(lang("/?lang=vi", &[("Accept-Language", "en-GB")]), "vi");
    assert_eq!(lang("/?lang=xx", &[("Accept-Language", "en-GB")]), "en");
    // Whoever asked stays in that language.
    let text = web.get("/?lang=en").text();
    assert!(text.contains("href=\"/incidents?lang=en\""));
    assert!(web.get("/").text().contains("href=\"/incidents\""));
}

#[test]
fn what_is_down_is_told_once_with_its_consequences_and_in_the_right_words() {
    let web = Web::of(Wall::seed().with_trouble().snapshot());
    let vi = page(&web, "/", "vi").text();
    assert!(vi.contains("3 sự cố đang diễn ra"), "{vi}");
    assert!(vi.contains("kéo theo 16 mục mất kết nối"));
    assert!(vi.contains("Kéo theo 8 mục không tới được"));
    assert!(vi.contains("đã 3 giờ 12 phút"));
    assert!(vi.contains("từ 06:18"));
    let en = page(&web, "/", "en").text();
    assert!(en.contains("3 outages now"));
    assert!(en.contains("for 3 h 12 min"));
    // Four computers are switched off: no outage, and never an incident.
    assert!(!vi.contains("pc-giap-lai"));
    let pc = page(&web, "/device/pc-giap-lai-03", "vi").text();
    assert!(pc.contains("Không phản hồi") && !pc.contains("Mất kết nối<"));
    assert!(
        page(&web, "/link/kenh-kha-cuu", "vi")
            .text()
            .contains("Mất kết nối")
    );
    let incidents = page(&web, "/incidents", "vi").text();
    assert!(!incidents.contains("/device/pc-giap-lai-03"));
    assert!(
        page(&web, "/incidents?all=1", "vi")
            .text()
            .contains("/device/pc-giap-lai-03")
    );
}

#[test]
fn areas_stand_worst_first_with_ratios_that_the_language_writes() {
    let web = Web::of(Wall::seed().with_trouble().snapshot());
    let text = page(&web, "/", "vi").text();
    let place = |what: &str| {
        text.find(&format!("href=\"/area/{what}?lang=vi\""))
            .unwrap_or_else(|| panic!("{what}"))
    };
    assert!(place("xa-kha-cuu") < place("xa-thanh-son"));
    assert!(place("xa-van-mieu") < place("xa-thanh-son"));
    assert!(place("xa-thanh-son") < place("xa-cu-dong"));
    assert!(text.contains("66,7%"));
    assert!(page(&web, "/", "en").text().contains("66.7%"));
}

// trap 20
#[test]
fn a_monitor_that_is_cut_off_says_so_and_reports_no_outage_of_others() {
    let mut wall = Wall::seed();
    wall.blind();
    let web = Web::of(wall.snapshot());
    let text = page(&web, "/", "vi").text();
    assert!(text.contains("Máy giám sát mất kết nối mạng từ 09:26"));
    assert!(!text.contains("Mọi kết nối hoạt động bình thường"));
}

#[test]
fn machines_under_secrecy_rules_are_counted_and_shown_nowhere() {
    let mut wall = Wall::seed();
    // One whose secret parent is named by an ordinary device.
    let mut pc = device("pc-thuong", "Máy tính thường", Class::Computer, Some("tru-so"));
    pc.parents.push("may-mat-1".parse().unwrap());
    wall.device(pc);
    let web = Web::of(wall.snapshot());
    let hidden = ["may-mat", "văn bản mật", "SECRET"];
    let mut paths: Vec<String> = PAGES.iter().map(|p| (*p).to_owned()).collect();
    paths.extend(
        [
            "/site/tru-so",
            "/area/xa-thanh-son",
            "/device/pc-thuong",
            "/inventory?q=mat",
            "/inventory?class=computer",
            "/api/v1/devices?class=computer&limit=10000",
            "/api/v1/targets?limit=10000",
            "/api/v1/incidents",
            "/api/v1/status",
            "/api/v1/sites",
            "/sd/prometheus?set=devices",
        ]
        .map(str::to_owned),
    );
    for path in paths {
        let answer = web.get(&path);
        assert_eq!(answer.status, 200, "{path}");
        let text = answer.text();
        for word in hidden {
            // What the reader typed into the search comes back in its field.
            let shown = text.replace("value=\"mat\"", "");
            assert!(!shown.contains(word), "{word} on {path}");
        }
    }
    let existing = web.get("/device/may-mat-1");
    let missing = web.get("/device/khong-co");
    assert_eq!((existing.status, missing.status), (404, 404));
    assert_eq!(
        existing.text().replace("may-mat-1", ""),
        missing.text().replace("khong-co", "")
    );
    let overview = page(&web, "/", "vi").text();
    assert!(overview.contains("trừ 3 máy tính thực hiện quy định bảo mật"));
}

// trap 6
#[test]
fn evil_names_are_shown_and_do_nothing() {
    let mut wall = Wall::seed();
    let evil = "<script>alert(1)</script> \"x' & </title>";
    wall.device(device("xau", evil, Class::Router, Some("thcs-so-3")));
    wall.is("device/xau", State::Down, Reason::Tls(evil.to_owned()), 5);
    let mut options = settings();
    options.organization = evil.to_owned();
    options.notice = Some(Notice {
        vi: evil.to_owned(),
        en: evil.to_owned(),
        commands: vec![evil.to_owned()],
    });
    let web = Web::with(wall.snapshot(), options);
    for path in [
        "/",
        "/device/xau",
        "/inventory?q=%3Cscript%3E",
        "/incidents",
        "/site/thcs-so-3",
    ] {
        let text = page(&web, path, "vi").text();
        let names = well_formed(&text);
        assert!(names.iter().filter(|n| *n == "script").count() <= 1, "{path}");
        assert!(!text.contains("<script>alert"), "{path}");
    }
    let site = page(&web, "/site/thcs-so-3", "vi").text();
    assert!(site.contains("Trường THCS số 3 &quot;Thạch Khoán&quot;"));
    if let Some(browser) = Browser::find() {
        let seen = browser.document(&web.url("/device/xau"));
        assert!(seen.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    }
}

#[test]
fn nothing_comes_from_elsewhere_and_nothing_runs_inline() {
    let web = Web::of(Wall::seed().with_trouble().snapshot());
    for path in PAGES {
        let answer = page(&web, path, "vi");
        let policy = answer.header("content-security-policy").unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("x-frame-options"), Some("deny"));
        let text = answer.text();
        for bad in [
            " style=\"",
            " onclick",
            "javascript:",
            "<style",
            "http://",
            "https://",
            "src=\"//",
        ] {
            let shown = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!shown.contains(bad), "{bad} on {path}");
        }
        // Every file that the page loads is there.
        for part in text.split("\"/asset/").skip(1) {
            let asset = web.get(&format!("/asset/{}", part.split('"').next().unwrap()));
            assert_eq!(asset.status, 200);
            assert!(asset.header("cache-control").unwrap().contains("immutable"));
        }
    }
    let style = web.get("/asset/style.css").text();
    assert!(!style.contains("url(") && !style.contains("@import"));
}

#[test]
fn a_page_reads_the_same_without_javascript_and_renews_itself() {
    let web = Web::of(Wall::seed().with_trouble().snapshot());
    let raw = page(&web, "/", "vi").text();
    assert!(raw.contains("<noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript>"));
    let Some(browser) = Browser::find() else { return };
    // The script has run in the browser, and nothing but the server wrote what came by HTTP.
    assert_eq!(words(&browser.document(&web.url("/?lang=vi"))), words(&raw));
    assert!(words(&raw).contains("Kênh Trụ sở Khả Cửu"));
}

/// The words of the main part of a document.
fn words(document: &str) -> String {
    let from = document.find("<main").unwrap();
    let to = document.find("</main>").unwrap();
    let mut out = String::new();
    for part in document[from..to].split('<').skip(1) {
        out.push_str(part.split_once('>').unwrap().1);
        out.push(' ');
    }
    let out = out.replace("&quot;", "\"").replace("&gt;", ">");
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_keyboard_reaches_everything_in_reading_order() {
    let web = Web::of(Wall::seed().with_trouble().snapshot());
    let text = page(&web, "/", "vi").text();
    let body = &text[text.find("<body").unwrap()..];
    // The first stop leads past the navigation.
    let first = body.find("<a ").unwrap();
    assert!(body[first..].starts_with("<a class=\"skip\" href=\"#content\">"));
    assert!(body.contains("<main id=\"content\" tabindex=\"-1\">"));
    // What can be opened is a native element, and nothing jumps the order.
    assert!(!body.contains("tabindex=\"1") && !body.contains("role=\"button\""));
    assert!(body.contains("<summary>"));
    assert!(body.contains("aria-current=\"page\""));
    let style = web.get("/asset/style.css").text();
    assert!(style.contains(":focus-visible { outline: 3px"));
}

#[test]
fn search_finds_without_diacritics_and_pages_through_many() {
    let mut wall = Wall::seed();
    for n in 0..450 {
        wall.device(device(
            &format!("may-in-{n:03}"),
            &format!("Máy in số {n}"),
            Class::Printer,
            None,
        ));
    }
    let web = Web::of(wall.snapshot());
    let found = page(&web, "/inventory?q=thach+khoan", "vi").text();
    assert!(found.contains("Router Trụ sở Thạch Khoán") && !found.contains("Router Trụ sở Tân Lập"));
    let first = page(&web, "/inventory?class=printer", "vi").text();
    assert!(first.contains("Trang 1/3"));
    let last = page(&web, "/inventory?class=printer&page=99", "en").text();
    assert!(last.contains("Page 3 of 3"));
    assert_eq!(web.get("/inventory?page=%00&class=%ff&q=%ff").status, 200);
}

#[test]
fn every_word_that_data_brings_along_has_its_text() {
    let words = [
        ("class", CLASSES.iter().map(|c| c.name).collect::<Vec<_>>()),
        ("lifecycle", Lifecycle::ALL.map(|(_, w)| w).to_vec()),
        ("medium", Medium::ALL.map(|(_, w)| w).to_vec()),
        ("site_kind", SiteKind::ALL.map(|(_, w)| w).to_vec()),
        ("unit_kind", UnitKind::ALL.map(|(_, w)| w).to_vec()),
        ("kind", TargetKind::ALL.map(TargetKind::as_str).to_vec()),
        ("threshold", tramgac::monitor::degrade::WORDS.to_vec()),
        ("condition", vec!["good", "poor", "broken"]),
        ("mode", vec!["polled", "passive", "manual", "never"]),
    ];
    for (group, keys) in words {
        for key in keys {
            assert!(Text::find(group, key).is_some(), "texts.toml lacks {group}.{key}");
        }
    }
}

// trap 23
#[test]
fn indicators_stand_with_what_they_are_of_and_an_empty_one_has_no_figure() {
    let web = Web::of(Wall::seed().snapshot());
    let figure = |id: &str, numerator, denominator| Figure {
        id: id.parse().unwrap(),
        name: "Tỷ lệ máy tính kết nối Internet".to_owned(),
        name_en: Some("Computers with Internet".to_owned()),
        total: Tally {
            numerator,
            denominator,
            unknown: 7,
            exempt: 12,
        },
        goal: Ratio::new(0.95).ok(),
    };
    let figures = vec![figure("pc", 188, 195), figure("empty", 0, 0)];
    web.state.figures.store(Arc::new(figures));
    let vi = page(&web, "/", "vi").text();
    assert!(vi.contains("<strong>96,4%</strong> <span class=\"aside\">188/195 · 7 không xác định · 12 không tính · mục tiêu 95%"));
    assert!(vi.contains("<strong>–</strong>"));
    assert!(page(&web, "/", "en").text().contains("Computers with Internet"));
    let json: serde_json::Value = serde_json::from_slice(&web.get("/api/v1/indicators").body).unwrap();
    assert_eq!(json[0]["denominator"], 195);
    assert!(json[1].get("value").is_none());
}

#[test]
fn old_data_and_an_empty_inventory_say_so() {
    let wall = Wall::seed();
    let mut snapshot = wall.snapshot();
    snapshot.at = tramgac::model::Timestamp::from_secs(snapshot.at.as_secs() - 3600);
    let web = Web::of(snapshot);
    assert!(
        page(&web, "/", "vi")
            .text()
            .contains("Dữ liệu cũ: chưa cập nhật từ 08:30 (1 giờ trước)")
    );
    let mut empty = Wall::seed();
    empty.inventory = tramgac::inventory::Inventory::default();
    let web = Web::of(empty.snapshot());
    assert!(
        page(&web, "/", "en")
            .text()
            .contains("Nothing is being watched yet")
    );
}

#[test]
fn a_device_that_nobody_watches_is_on_record_all_the_same() {
    let mut wall = Wall::seed();
    let mut scanner = device("quet-1", "Máy quét 1", Class::Scanner, Some("tru-so"));
    scanner.mode = MonitorMode::Manual;
    wall.device(scanner);
    let web = Web::of(wall.snapshot());
    assert!(
        page(&web, "/device/quet-1", "vi")
            .text()
            .contains("Không giám sát")
    );
}

#[test]
fn ten_thousand_targets_render_in_little_time() {
    let mut wall = Wall::large(1_100, 40);
    for n in 0..60 {
        wall.cut(&format!("diem-{}", n * 7), 10 + n);
    }
    let snapshot = wall.snapshot();
    assert!(snapshot.index.len() > 9_800);
    let web = Web::with(
        snapshot,
        Settings {
            organization: "Tỉnh".to_owned(),
            ..settings()
        },
    );
    let clock = tramgac::clock::SystemClock::new();
    let now = || tramgac::clock::Clock::mono(&clock);
    page(&web, "/", "vi");
    let start = now();
    let text = page(&web, "/", "vi").text();
    let took = now().since(start);
    eprintln!(
        "the overview of {} targets: {took:?}, {} bytes",
        web.state.snapshot.load().index.len(),
        text.len()
    );
    // A debug build on a busy machine; the budget of a release build is 50 ms.
    assert!(took < std::time::Duration::from_secs(3), "{took:?}");
    assert!(text.len() < 600_000);
    well_formed(&text);
}
