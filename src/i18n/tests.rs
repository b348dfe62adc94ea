//! Both languages, and the way that they write numbers and days.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use super::*;
use crate::model::Ratio;
use crate::model::Span;
use crate::model::Timestamp;

fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split('{')
        .skip(1)
        .map(|rest| rest.split(['}', '|']).next().unwrap())
        .collect()
}

fn at(text: &str) -> Timestamp {
    Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
}

fn hanoi(lang: Lang) -> Locale {
    Locale::new(lang, TimeZone::get("Asia/Ho_Chi_Minh").unwrap())
}

#[test]
fn both_languages_have_every_text_and_the_same_placeholders() {
    let file: toml::Table = include_str!("texts.toml").parse().unwrap();
    let mut count = 0;
    for (group, keys) in &file {
        for (key, pair) in keys.as_table().unwrap() {
            let text = Text::find(group, key).unwrap_or_else(|| panic!("{group}.{key}"));
            assert_eq!(text.get(Lang::Vi), pair["vi"].as_str().unwrap());
            assert_eq!(text.get(Lang::En), pair["en"].as_str().unwrap());
            count += 1;
        }
    }
    assert_eq!(count, Text::all().count());
    for text in Text::all() {
        let (vi, en) = (text.get(Lang::Vi), text.get(Lang::En));
        let (in_vi, in_en) = (placeholders(vi), placeholders(en));
        assert_eq!(in_vi, in_en, "{text:?}");
        assert_eq!(text as usize, Text::all().position(|t| t == text).unwrap());
    }
}

#[test]
fn vietnamese_is_precomposed_and_spells_ty_le_with_y() {
    for text in Text::all() {
        let vi = text.get(Lang::Vi);
        assert!(!vi.chars().any(|c| ('\u{300}'..='\u{36f}').contains(&c)), "{vi}");
        assert!(!vi.to_lowercase().contains("tỉ lệ"), "{vi}");
    }
}

#[test]
fn every_state_and_reason_has_words_in_both_languages() {
    for lang in Lang::ALL {
        for s in State::ALL {
            for kind in TargetKind::ALL {
                assert!(!state(s, kind, true).get(lang).is_empty());
            }
        }
    }
    let parent = Reason::Parent("device/r-1".into());
    let slow = Reason::Threshold("rtt".into());
    assert_eq!(reason(&slow, Lang::Vi, str::to_owned), "vượt ngưỡng: độ trễ");
    assert!(reason(&parent, Lang::Vi, |_| "Bộ định tuyến 1".into()).contains("Bộ định tuyến 1"));
}

#[test]
fn a_computer_that_is_silent_is_not_called_down() {
    let word = |always_on| state(State::Down, TargetKind::Device, always_on).get(Lang::Vi);
    assert_eq!(word(true), "Mất kết nối");
    assert_eq!(word(false), "Không phản hồi");
}

#[test]
fn numbers_are_written_as_the_language_writes_them() {
    let (vi, en) = (hanoi(Lang::Vi), hanoi(Lang::En));
    assert_eq!(vi.number(1234.5, 1), "1.234,5");
    assert_eq!(en.number(1234.5, 1), "1,234.5");
    assert_eq!(vi.integer(-12_500_000), "-12.500.000");
    assert_eq!(vi.integer(0), "0");
    assert_eq!(vi.number(-0.01, 1), "0,0");
    assert_eq!(vi.number(f64::NAN, 1), "–");
    assert_eq!(vi.percent(Ratio::of(188, 195).unwrap()), "96,4%");
    assert_eq!(en.percent(Ratio::of(188, 195).unwrap()), "96.4%");
    assert_eq!(vi.bits_per_second(1e9), "1 Gbit/s");
    assert_eq!(vi.bits_per_second(34_500_000.0), "34,5 Mbit/s");
}

#[test]
fn a_share_reaches_100_per_cent_only_when_nothing_is_missing() {
    let vi = hanoi(Lang::Vi);
    assert_eq!(vi.percent(Ratio::of(9999, 10_000).unwrap()), "99,9%");
    assert_eq!(vi.percent(Ratio::of(1, 10_000).unwrap()), "0,1%");
    assert_eq!(vi.percent(Ratio::ONE), "100%");
    assert_eq!(vi.percent(Ratio::ZERO), "0%");
    assert_eq!(vi.percent(Ratio::of(1, 10).unwrap()), "10%");
}

// trap 23
#[test]
fn five_minutes_of_a_month_show_in_its_availability() {
    let vi = hanoi(Lang::Vi);
    let month = 30 * 24 * 60;
    assert_eq!(vi.percent_fine(Ratio::of(month - 5, month).unwrap()), "99,99%");
    assert_eq!(vi.percent_fine(Ratio::of(999_999, 1_000_000).unwrap()), "99,99%");
    assert_eq!(vi.percent_fine(Ratio::of(995, 1000).unwrap()), "99,5%");
    assert_eq!(vi.percent_fine(Ratio::ONE), "100%");
}

#[test]
fn days_and_times_are_local() {
    let (vi, en) = (hanoi(Lang::Vi), hanoi(Lang::En));
    let t = at("2026-11-23T18:05:09Z");
    assert_eq!(vi.moment(t), "24/11/2026 01:05:09");
    assert_eq!(en.moment(t), "24 Nov 2026 01:05:09");
    assert_eq!(vi.when(t, at("2026-11-24T10:00:00Z")), "01:05");
    assert_eq!(vi.when(t, at("2026-11-25T10:00:00Z")), "01:05 24/11");
    assert_eq!(en.when(t, at("2027-01-01T10:00:00Z")), "01:05 24 Nov 2026");
    assert_eq!(vi.rfc3339(t), "2026-11-24T01:05:09+07:00");
    assert_eq!(vi.date(vi.day(Timestamp::MAX)), "31/12/9999");
}

#[test]
fn a_length_of_time_has_at_most_two_units() {
    let (vi, en) = (hanoi(Lang::Vi), hanoi(Lang::En));
    assert_eq!(
        vi.duration(Span::from_secs(3 * 3600 + 12 * 60 + 5)),
        "3 giờ 12 phút"
    );
    assert_eq!(en.duration(Span::from_secs(3 * 3600 + 12 * 60)), "3 h 12 min");
    assert_eq!(vi.duration(Span::ZERO), "0 giây");
    assert_eq!(vi.duration(Span::from_secs(86_400)), "1 ngày");
    assert_eq!(en.duration(Span::from_secs(2 * 86_400)), "2 days");
}

#[test]
fn a_plural_follows_its_number() {
    let fill = |n| Text::TimeDays.fill(Lang::En, &[("n", n)]);
    assert_eq!(fill("1"), "1 day");
    assert_eq!(fill("2"), "2 days");
}

#[test]
fn names_sort_as_in_a_vietnamese_dictionary() {
    let mut names = vec![
        "Yên Sơn",
        "Đông Cửu",
        "Trường 12",
        "ba",
        "Dũng",
        "bà",
        "Ăn",
        "An",
        "Ân",
        "bá",
        "Trường 3",
        "Đ",
        "bạ",
    ];
    names.sort_by_cached_key(|n| collate::sort_key(n));
    assert_eq!(
        names,
        [
            "An",
            "Ăn",
            "Ân",
            "ba",
            "bà",
            "bá",
            "bạ",
            "Dũng",
            "Đ",
            "Đông Cửu",
            "Trường 3",
            "Trường 12",
            "Yên Sơn",
        ]
    );
}

#[test]
fn search_ignores_diacritics_in_either_form() {
    assert_eq!(collate::fold("Thạch Khoán, Đường"), "thach khoan, duong");
    assert_eq!(collate::fold("Tha\u{323}ch u\u{31b}\u{301}"), "thach u");
    assert!(collate::matches("Trường THCS Thạch Khoán", "khoan truong"));
    assert!(!collate::matches("Trường THCS Thạch Khoán", "thon"));
}

#[test]
fn the_header_of_a_browser_chooses_a_language() {
    assert_eq!(Lang::accepted("vi-VN,vi;q=0.9,en;q=0.8"), Some(Lang::Vi));
    assert_eq!(Lang::accepted("fr, en-GB;q=0.7, vi;q=0.8"), Some(Lang::Vi));
    assert_eq!(Lang::accepted("de,fr;q=0.5"), None);
    assert_eq!(Lang::accepted("en;q=NaN, ;;;=, en;q=9"), None);
}

#[test]
fn measured_values_read_as_people_of_that_language_write_them() {
    for (value, unit, vi, en) in [
        (23.44, "celsius", "23,4 °C", "23.4 °C"),
        (1234.5, "volts", "1.234,5 V", "1,234.5 V"),
        (0.63, "ratio", "63%", "63%"),
        (-1.0, "ratio", "-1,00", "-1.00"),
        (2_469_606_195.0, "bytes", "2,3 GiB", "2.3 GiB"),
        (93_784.0, "seconds", "1 ngày 2 giờ", "1 day 2 h"),
        (1450.0, "rpm", "1.450 rpm", "1,450 rpm"),
        (7.0, "count", "7", "7"),
    ] {
        let told = |lang| Locale::new(lang, TimeZone::UTC).measure(value, unit);
        assert_eq!((told(Lang::Vi).as_str(), told(Lang::En).as_str()), (vi, en));
    }
}
