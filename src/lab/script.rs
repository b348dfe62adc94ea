//! What happens in the district, by the seconds since its start. Pure.

use std::net::Ipv4Addr;

use ipnet::IpNet;
use ipnet::Ipv4Net;

use super::district::OFFICE;
use super::district::address;
use super::district::place_of_hall;
use super::thanh_son::FORMER_UNITS;
use super::weather::Condition;
use crate::model::Ratio;
use crate::model::Span;

/// One thing that happens.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// A network's condition changes; `None`: it is as usual again.
    Weather(IpNet, Option<Condition>),
    /// A device's agent restarts.
    Restart(Ipv4Addr),
    /// Mains go (`true`) or come back.
    Mains(Ipv4Addr, bool),
    /// The portal fails (`true`) or works again.
    Portal(bool),
}

/// When it happens, what, and a word for the terminal in both languages.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Since the start of the round.
    pub after: Span,
    /// What.
    pub act: Act,
    /// In Vietnamese and in English.
    pub told: (String, String),
}

/// How long one round is.
pub const ROUND: Span = Span::from_secs(150);

fn whole_place(place: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(address(place, 0), 24))
}

fn host(place: u8, item: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(address(place, item), 32))
}

/// How the lines usually are: by their medium.
pub fn usual() -> Vec<(IpNet, Condition)> {
    (1..)
        .zip(&FORMER_UNITS)
        .map(|(place, unit)| {
            let (delay, jitter, loss) = match unit.medium {
                "lte" => (48, 25, 0.004),
                "copper" => (26, 8, 0.006),
                _ => (6, 2, 0.0),
            };
            let condition = Condition {
                cut: false,
                loss: Ratio::new(loss).unwrap_or(Ratio::ZERO),
                delay: Span::from_millis(delay),
                jitter: Span::from_millis(jitter),
            };
            (whole_place(place), condition)
        })
        .collect()
}

/// The usual condition of a network.
pub fn usual_of(network: IpNet) -> Option<Condition> {
    usual().into_iter().find(|(n, _)| *n == network).map(|(_, c)| c)
}

/// One round; each round cuts off another hall.
pub fn round(number: usize) -> Vec<Step> {
    let halls = ["thuong-cuu", "tan-minh", "yen-luong", "tinh-nhue", "dong-cuu"];
    let hall = halls.iter().cycle().nth(number).copied().unwrap_or("thuong-cuu");
    let name = FORMER_UNITS
        .iter()
        .find(|u| u.hall == hall)
        .map_or(hall, |u| u.name);
    let place = place_of_hall(hall).unwrap_or(1);
    let noisy = place_of_hall("huong-can").unwrap_or(1);
    let step = |seconds, act, vi: String, en: String| Step {
        after: Span::from_secs(seconds),
        act,
        told: (vi, en),
    };
    let bad = Condition {
        loss: Ratio::new(0.45).unwrap_or(Ratio::ZERO),
        delay: Span::from_millis(180),
        ..Condition::default()
    };
    let (wifi, switch, ups) = (host(OFFICE, 17), address(OFFICE, 2), address(OFFICE, 4));
    vec![
        step(
            15,
            Act::Weather(whole_place(place), Some(Condition::cut())),
            format!("Đứt đường truyền tới trụ sở {name}"),
            format!("The link to {name} is cut"),
        ),
        step(
            20,
            Act::Weather(wifi, Some(Condition::cut())),
            "Bộ phát Wi-Fi 07 mất điện".into(),
            "Wi-Fi point 07 loses power".into(),
        ),
        step(
            25,
            Act::Mains(ups, true),
            "Trụ sở huyện mất điện lưới, chạy ắc quy".into(),
            "Mains fail at the office".into(),
        ),
        step(
            30,
            Act::Weather(whole_place(noisy), Some(bad)),
            "Đường truyền Hương Cần mất gói".into(),
            "The link to Hương Cần loses packets".into(),
        ),
        step(
            35,
            Act::Portal(true),
            "Trang thông tin điện tử lỗi 503".into(),
            "The portal answers 503".into(),
        ),
        step(
            40,
            Act::Restart(switch),
            "Bộ chuyển mạch khởi động lại".into(),
            "The switch restarts".into(),
        ),
        step(
            60,
            Act::Weather(wifi, None),
            "Bộ phát Wi-Fi 07 có điện lại".into(),
            "Wi-Fi point 07 has power again".into(),
        ),
        step(
            65,
            Act::Portal(false),
            "Trang thông tin điện tử hoạt động lại".into(),
            "The portal works again".into(),
        ),
        step(
            70,
            Act::Mains(ups, false),
            "Có điện lưới trở lại".into(),
            "Mains are back".into(),
        ),
        step(
            80,
            Act::Weather(whole_place(place), usual_of(whole_place(place))),
            format!("Đường truyền tới trụ sở {name} đã khôi phục"),
            format!("The link to {name} is back"),
        ),
        step(
            110,
            Act::Weather(whole_place(noisy), usual_of(whole_place(noisy))),
            "Đường truyền Hương Cần ổn định".into(),
            "The link to Hương Cần is good again".into(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn within_two_minutes_one_sees_an_outage_its_consequences_and_its_end() {
        for number in 0..5 {
            let steps = round(number);
            assert!(steps.is_sorted_by_key(|s| s.after));
            assert!(steps.iter().all(|s| s.after < ROUND));
            let cut = steps
                .iter()
                .find(|s| matches!(&s.act, Act::Weather(n, Some(c)) if c.cut && n.prefix_len() == 24));
            let Some(Step {
                act: Act::Weather(network, _),
                ..
            }) = cut
            else {
                panic!("nothing is cut")
            };
            let end = steps
                .iter()
                .find(|s| matches!(&s.act, Act::Weather(n, c) if n == network && c.is_none_or(|c| !c.cut)));
            assert!(end.is_some_and(|s| s.after < Span::from_secs(120)));
        }
    }
}
