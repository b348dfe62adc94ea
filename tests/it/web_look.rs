//! The pages as a browser shows them: light and dark, on a phone and on a wall.

use std::path::PathBuf;

use crate::support::browser::{Browser, Scheme};
use crate::support::site::{Web, settings};
use crate::support::wall::Wall;

/// Where pictures go: kept where `TRAMGAC_PICTURES` names a folder.
fn folder(kept: &mut Option<tempfile::TempDir>) -> PathBuf {
    if let Some(path) = std::env::var_os("TRAMGAC_PICTURES") {
        return path.into();
    }
    kept.insert(tempfile::tempdir().unwrap()).path().to_owned()
}

#[test]
fn a_browser_draws_the_wall_in_light_and_dark_on_large_and_small_screens() {
    let Some(browser) = Browser::find() else { return };
    let mut kept = None;
    let folder = folder(&mut kept);
    let web = Web::of(Wall::seed().with_trouble().snapshot());
    let all = std::env::var_os("TRAMGAC_PICTURES").is_some();
    let pictures = [
        ("wall-light-vi", "/?lang=vi", (1920, 1080), Scheme::Light, true),
        ("phone-dark-en", "/?lang=en", (390, 2600), Scheme::Dark, true),
        ("wall-dark-vi", "/?lang=vi", (1920, 1080), Scheme::Dark, all),
        ("phone-light-vi", "/?lang=vi", (390, 3200), Scheme::Light, all),
        ("desk-light-en", "/?lang=en", (1280, 1300), Scheme::Light, all),
        ("site", "/site/tan-lap?lang=vi", (1280, 1000), Scheme::Light, all),
        (
            "area",
            "/area/xa-thanh-son?lang=vi",
            (1280, 900),
            Scheme::Light,
            all,
        ),
        (
            "device",
            "/device/rt-tan-lap?lang=vi",
            (1280, 1000),
            Scheme::Dark,
            all,
        ),
        (
            "inventory",
            "/inventory?lang=vi&q=thach+khoan",
            (1280, 900),
            Scheme::Light,
            all,
        ),
        (
            "incidents-phone",
            "/incidents?lang=vi",
            (390, 1400),
            Scheme::Light,
            all,
        ),
    ];
    for (name, path, size, scheme, wanted) in pictures {
        if !wanted {
            continue;
        }
        let to = folder.join(format!("{name}.png"));
        browser.picture(&web.url(path), size, scheme, &to);
        let picture = std::fs::read(&to).unwrap();
        assert!(picture.starts_with(b"\x89PNG"));
        // A page without its style sheet, or an empty one, compresses to almost nothing.
        assert!(picture.len() > 40_000, "{name} holds {} bytes", picture.len());
    }
    if all {
        let calm = Web::with(Wall::seed().snapshot(), settings());
        browser.picture(
            &calm.url("/"),
            (1920, 1080),
            Scheme::Light,
            &folder.join("calm.png"),
        );
        let mut blind = Wall::seed();
        blind.blind();
        let blind = Web::of(blind.snapshot());
        browser.picture(
            &blind.url("/"),
            (1280, 900),
            Scheme::Dark,
            &folder.join("blind.png"),
        );
    }
}
