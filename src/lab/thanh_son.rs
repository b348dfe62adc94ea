//! The seed district as data: the former communes and township of Thanh Sơn,
//! the communes of today, and the schools.
//!
//! 23 units until 30 June 2025, 7 from 1 July 2025 (resolution
//! 1676/NQ-UBTVQH15). "Thanh Sơn" names a district, a township and a commune:
//! nothing here is keyed by name.

/// A unit of commune level before 1 July 2025, and where its hall stands.
#[derive(Debug, Clone, Copy)]
pub struct FormerUnit {
    /// Id of its hall; the unit's id is this with `cu-` before it.
    pub hall: &'static str,
    /// Name.
    pub name: &'static str,
    /// A township (thị trấn), else a commune (xã).
    pub township: bool,
    /// The commune of today, by its id.
    pub today: &'static str,
    /// Rough position of the hall, degrees.
    pub position: (f64, f64),
    /// Who provides its link.
    pub provider: &'static str,
    /// Over what.
    pub medium: &'static str,
    /// Contracted download, Mbit/s.
    pub contracted_mbit: u32,
    /// Cadres and civil servants.
    pub staff: u32,
    /// Of whom have a computer.
    pub with_computer: u32,
}

/// A commune since 1 July 2025.
#[derive(Debug, Clone, Copy)]
pub struct Commune {
    /// Its id.
    pub id: &'static str,
    /// Its name.
    pub name: &'static str,
}

/// A school.
#[derive(Debug, Clone, Copy)]
pub struct School {
    /// Its id.
    pub id: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The former unit in which it stands, by the id of the hall.
    pub hall: &'static str,
}

/// The communes of today.
pub static COMMUNES: [Commune; 7] = [
    Commune {
        id: "xa-thanh-son",
        name: "Xã Thanh Sơn",
    },
    Commune {
        id: "xa-vo-mieu",
        name: "Xã Võ Miếu",
    },
    Commune {
        id: "xa-van-mieu",
        name: "Xã Văn Miếu",
    },
    Commune {
        id: "xa-cu-dong",
        name: "Xã Cự Đồng",
    },
    Commune {
        id: "xa-huong-can",
        name: "Xã Hương Cần",
    },
    Commune {
        id: "xa-yen-son",
        name: "Xã Yên Sơn",
    },
    Commune {
        id: "xa-kha-cuu",
        name: "Xã Khả Cửu",
    },
];

const fn former(
    hall: &'static str,
    name: &'static str,
    today: &'static str,
    position: (f64, f64),
    (provider, medium, contracted_mbit): (&'static str, &'static str, u32),
    (staff, with_computer): (u32, u32),
) -> FormerUnit {
    FormerUnit {
        hall,
        name,
        township: false,
        today,
        position,
        provider,
        medium,
        contracted_mbit,
        staff,
        with_computer,
    }
}

const VNPT: (&str, &str, u32) = ("VNPT", "fiber", 100);
const VIETTEL: (&str, &str, u32) = ("Viettel", "fiber", 80);
const THIN: (&str, &str, u32) = ("VNPT", "copper", 8);
const LTE: (&str, &str, u32) = ("Viettel", "lte", 20);

/// The 23 units of commune level until 30 June 2025.
pub static FORMER_UNITS: [FormerUnit; 23] = [
    FormerUnit {
        township: true,
        ..former(
            "tt-thanh-son",
            "Thanh Sơn",
            "xa-thanh-son",
            (21.207, 105.183),
            VNPT,
            (31, 31),
        )
    },
    former(
        "son-hung",
        "Sơn Hùng",
        "xa-thanh-son",
        (21.226, 105.197),
        VNPT,
        (22, 18),
    ),
    former(
        "giap-lai",
        "Giáp Lai",
        "xa-thanh-son",
        (21.241, 105.229),
        VIETTEL,
        (21, 15),
    ),
    former(
        "thach-khoan",
        "Thạch Khoán",
        "xa-thanh-son",
        (21.238, 105.262),
        VNPT,
        (22, 16),
    ),
    former(
        "thuc-luyen",
        "Thục Luyện",
        "xa-thanh-son",
        (21.181, 105.216),
        VIETTEL,
        (23, 15),
    ),
    former(
        "dich-qua",
        "Địch Quả",
        "xa-vo-mieu",
        (21.228, 105.131),
        VNPT,
        (22, 14),
    ),
    former(
        "cu-thang",
        "Cự Thắng",
        "xa-vo-mieu",
        (21.168, 105.154),
        VIETTEL,
        (22, 14),
    ),
    former(
        "vo-mieu",
        "Võ Miếu",
        "xa-vo-mieu",
        (21.131, 105.199),
        VNPT,
        (24, 17),
    ),
    former(
        "tan-lap",
        "Tân Lập",
        "xa-van-mieu",
        (21.089, 105.166),
        LTE,
        (20, 11),
    ),
    former(
        "tan-minh",
        "Tân Minh",
        "xa-van-mieu",
        (21.075, 105.207),
        THIN,
        (20, 11),
    ),
    former(
        "van-mieu",
        "Văn Miếu",
        "xa-van-mieu",
        (21.121, 105.145),
        VNPT,
        (23, 15),
    ),
    former(
        "tat-thang",
        "Tất Thắng",
        "xa-cu-dong",
        (21.131, 105.106),
        VIETTEL,
        (21, 13),
    ),
    former(
        "thang-son",
        "Thắng Sơn",
        "xa-cu-dong",
        (21.096, 105.118),
        THIN,
        (19, 11),
    ),
    former(
        "cu-dong",
        "Cự Đồng",
        "xa-cu-dong",
        (21.151, 105.112),
        VNPT,
        (22, 14),
    ),
    former(
        "yen-luong",
        "Yên Lương",
        "xa-huong-can",
        (21.021, 105.187),
        LTE,
        (21, 12),
    ),
    former(
        "yen-lang",
        "Yên Lãng",
        "xa-huong-can",
        (21.036, 105.233),
        VIETTEL,
        (21, 12),
    ),
    former(
        "huong-can",
        "Hương Cần",
        "xa-huong-can",
        (21.049, 105.161),
        VNPT,
        (24, 16),
    ),
    former(
        "tinh-nhue",
        "Tinh Nhuệ",
        "xa-yen-son",
        (21.055, 105.252),
        THIN,
        (20, 12),
    ),
    former(
        "luong-nha",
        "Lương Nha",
        "xa-yen-son",
        (21.041, 105.283),
        VIETTEL,
        (20, 12),
    ),
    former(
        "yen-son",
        "Yên Sơn",
        "xa-yen-son",
        (21.004, 105.231),
        VNPT,
        (22, 14),
    ),
    former(
        "dong-cuu",
        "Đông Cửu",
        "xa-kha-cuu",
        (21.069, 105.088),
        LTE,
        (20, 11),
    ),
    former(
        "thuong-cuu",
        "Thượng Cửu",
        "xa-kha-cuu",
        (21.045, 105.061),
        THIN,
        (20, 10),
    ),
    former(
        "kha-cuu",
        "Khả Cửu",
        "xa-kha-cuu",
        (21.101, 105.073),
        VIETTEL,
        (21, 13),
    ),
];

/// Schools that the office answers for.
pub static SCHOOLS: [School; 8] = [
    School {
        id: "thcs-le-quy-don",
        name: "Trường THCS Lê Quý Đôn",
        hall: "tt-thanh-son",
    },
    School {
        id: "th-thach-khoan-3",
        name: "Trường Tiểu học số 3 \"Thạch Khoán\"",
        hall: "thach-khoan",
    },
    School {
        id: "thcs-vo-mieu",
        name: "Trường THCS Võ Miếu",
        hall: "vo-mieu",
    },
    School {
        id: "thcs-van-mieu",
        name: "Trường THCS Văn Miếu",
        hall: "van-mieu",
    },
    School {
        id: "th-cu-dong",
        name: "Trường Tiểu học Cự Đồng",
        hall: "cu-dong",
    },
    School {
        id: "thcs-huong-can",
        name: "Trường THCS Hương Cần",
        hall: "huong-can",
    },
    School {
        id: "mn-yen-son",
        name: "Trường Mầm non Yên Sơn",
        hall: "yen-son",
    },
    School {
        id: "th-thuong-cuu",
        name: "Trường Tiểu học Thượng Cửu",
        hall: "thuong-cuu",
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_former_unit_lies_in_a_commune_of_today_and_every_commune_has_some() {
        let halls: BTreeSet<_> = FORMER_UNITS.iter().map(|u| u.hall).collect();
        assert_eq!(halls.len(), 23);
        let today: BTreeSet<_> = FORMER_UNITS.iter().map(|u| u.today).collect();
        assert_eq!(today, COMMUNES.iter().map(|c| c.id).collect());
        assert!(SCHOOLS.iter().all(|s| halls.contains(s.hall)));
        assert!(FORMER_UNITS.iter().all(|u| u.with_computer <= u.staff));
    }
}
