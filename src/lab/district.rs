//! The simulated district: its equipment, its addresses, and the configuration
//! under which an ordinary daemon watches it.
//!
//! Everything lies in 127.77.0.0/16. The third number of an address is the
//! place: 0 the office, 1 to 23 the halls, from 24 on the schools. The fourth
//! is the item: 1 the router, 254 the far end of the link.

use std::fmt::Write;
use std::net::Ipv4Addr;

use super::thanh_son::COMMUNES;
use super::thanh_son::FORMER_UNITS;
use super::thanh_son::SCHOOLS;
use crate::inventory::Class;

/// UDP port of the agents: above 1023, so that a plain user may open it.
pub const SNMP_PORT: u16 = 16_161;
/// The community of the agents.
pub const COMMUNITY: &str = "trang-trai";
/// Where the portal answers.
pub const PORTAL: (Ipv4Addr, u16) = (Ipv4Addr::new(127, 77, 0, 80), 18_080);
/// Where document management answers.
pub const DOCUMENTS: (Ipv4Addr, u16) = (Ipv4Addr::new(127, 77, 0, 81), 18_081);

/// The office's place.
pub const OFFICE: u8 = 0;
const WIFI_POINTS: u8 = 10;
const OFFICE_COMPUTERS: u8 = 14;
/// Computers of the office that secrecy rules keep off the network.
const SECRET_COMPUTERS: u8 = 3;
const HALL_COMPUTERS: u8 = 4;
const SCHOOL_COMPUTERS: u8 = 3;

/// The address of an item at a place.
pub const fn address(place: u8, item: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 77, place, item)
}

/// The place of a hall, by its id.
pub fn place_of_hall(hall: &str) -> Option<u8> {
    FORMER_UNITS
        .iter()
        .position(|u| u.hall == hall)
        .and_then(|i| u8::try_from(i + 1).ok())
}

/// The place of the school with that row number.
pub fn place_of_school(row: usize) -> Option<u8> {
    u8::try_from(FORMER_UNITS.len() + 1 + row).ok()
}

/// A device that answers SNMP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentPlace {
    /// Its address.
    pub address: Ipv4Addr,
    /// What it is.
    pub class: Class,
    /// Its sysName.
    pub name: String,
    /// Its sysLocation.
    pub location: String,
}

/// Every device that answers SNMP.
pub fn agents() -> Vec<AgentPlace> {
    let mut list = Vec::new();
    let mut add = |place, item, class, name: String, location: &str| {
        list.push(AgentPlace {
            address: address(place, item),
            class,
            name,
            location: location.to_owned(),
        });
    };
    let office = "UBND huyện Thanh Sơn";
    add(OFFICE, 1, Class::Router, "rt-vp".to_owned(), office);
    add(OFFICE, 2, Class::Switch, "sw-vp".to_owned(), office);
    add(OFFICE, 3, Class::Server, "sv-vp".to_owned(), office);
    add(OFFICE, 4, Class::Ups, "ups-vp".to_owned(), office);
    for i in 1..=WIFI_POINTS {
        add(OFFICE, 10 + i, Class::WifiAp, format!("wifi-{i:02}"), office);
    }
    for i in 1..=2 {
        add(OFFICE, 30 + i, Class::Printer, format!("mi-vp-{i}"), office);
    }
    for (place, unit) in (1..).zip(&FORMER_UNITS) {
        add(place, 1, Class::Router, format!("rt-{}", unit.hall), unit.name);
    }
    for (row, school) in SCHOOLS.iter().enumerate() {
        if let Some(place) = place_of_school(row) {
            add(place, 1, Class::Router, format!("rt-{}", school.id), school.name);
        }
    }
    list
}

/// What the demo's configuration depends on.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// Address and port of the page.
    pub listen: std::net::SocketAddr,
    /// The database file.
    pub database: &'a std::path::Path,
    /// Where alerts are posted.
    pub webhook: &'a str,
    /// How many times faster than at its usual pace the demo goes, at least 1.
    pub speed: u32,
}

/// The configuration, as an operator would write it.
///
/// # Errors
/// None in fact: writing to a `String` does not fail.
pub fn config(setting: &Setting<'_>) -> Result<String, std::fmt::Error> {
    let mut yaml = String::new();
    head(&mut yaml, setting)?;
    units(&mut yaml)?;
    places(&mut yaml)?;
    devices(&mut yaml)?;
    links(&mut yaml)?;
    yaml.push_str(&services());
    yaml.push_str(INDICATORS);
    Ok(yaml)
}

fn head(yaml: &mut String, setting: &Setting<'_>) -> std::fmt::Result {
    let speed = setting.speed.max(1);
    // The configuration takes no interval below a second.
    let ms = |usual: u32| (usual / speed).max(1_000);
    let short = |usual: u32, least: u32| (usual / speed).max(least);
    writeln!(
        yaml,
        "organization: {{name: UBND huyện Thanh Sơn (mô phỏng), place: Thanh Sơn}}"
    )?;
    writeln!(yaml, "language: vi\ntimezone: Asia/Ho_Chi_Minh")?;
    writeln!(
        yaml,
        "database: '{}'",
        setting.database.display().to_string().replace('\'', "''")
    )?;
    writeln!(
        yaml,
        "web: {{listen: \"{0}\", external_url: \"http://{0}\"}}",
        setting.listen
    )?;
    writeln!(yaml, "credentials: {{lab: {{community: {COMMUNITY}}}}}")?;
    writeln!(
        yaml,
        "polling: {{interval: {}ms, infrastructure_interval: {}ms, service_interval: {}ms, count: 3, \
         spacing: {}ms, timeout: {}ms, retry_interval: {}ms, self_check: []}}",
        ms(6_000),
        ms(3_000),
        ms(5_000),
        short(150, 10),
        short(700, 150),
        ms(1_000),
    )?;
    writeln!(
        yaml,
        "snmp: {{credentials: [lab], port: {SNMP_PORT}, interval: {0}ms, link_interval: {0}ms, timeout: 1s}}",
        ms(10_000),
    )?;
    writeln!(
        yaml,
        "alerts:\n  notify_after: {}ms\n  notify_after_links: {}ms\n  receivers:\n    \
         bang-tin: {{kind: webhook, url: \"{}\"}}\n  routes:\n    - {{receivers: [bang-tin]}}",
        ms(15_000),
        ms(8_000),
        setting.webhook,
    )?;
    writeln!(yaml, "log: {{level: warn}}")
}

fn units(yaml: &mut String) -> std::fmt::Result {
    writeln!(
        yaml,
        "units:\n  - {{id: tinh-phu-tho, name: Tỉnh Phú Thọ, kind: province}}"
    )?;
    writeln!(
        yaml,
        "  - {{id: huyen-thanh-son, name: Huyện Thanh Sơn, kind: district, parent: tinh-phu-tho, valid_to: 2025-07-01}}"
    )?;
    for commune in COMMUNES {
        writeln!(
            yaml,
            "  - {{id: {}, name: {}, kind: commune, parent: tinh-phu-tho, valid_from: 2025-07-01}}",
            commune.id, commune.name
        )?;
    }
    for unit in &FORMER_UNITS {
        let (kind, word) = if unit.township {
            ("township", "Thị trấn")
        } else {
            ("commune", "Xã")
        };
        writeln!(
            yaml,
            "  - {{id: cu-{}, name: {word} {}, kind: {kind}, parent: huyen-thanh-son, valid_to: 2025-07-01, \
             successors: [{{unit: {}, kind: merge, decision: 1676/NQ-UBTVQH15}}]}}",
            unit.hall, unit.name, unit.today
        )?;
    }
    Ok(())
}

fn places(yaml: &mut String) -> std::fmt::Result {
    writeln!(
        yaml,
        "sites:\n  - {{id: vp, name: Trụ sở UBND huyện Thanh Sơn, kind: office, gateway: rt-vp, units: \
         [{{unit: cu-tt-thanh-son, to: 2025-07-01}}, {{unit: xa-thanh-son, from: 2025-07-01}}], staff: 86, \
         staff_with_computer: 86, coordinates: [21.2052, 105.1817]}}"
    )?;
    let membership = |old: &str, new: &str| {
        format!("[{{unit: cu-{old}, to: 2025-07-01}}, {{unit: {new}, from: 2025-07-01}}]")
    };
    for unit in &FORMER_UNITS {
        let word = if unit.township { "thị trấn" } else { "xã" };
        writeln!(
            yaml,
            "  - {{id: {}, name: Trụ sở {word} {} (cũ), kind: commune_hall, units: {}, staff: {}, \
             staff_with_computer: {}, coordinates: [{}, {}]}}",
            unit.hall,
            unit.name,
            membership(unit.hall, unit.today),
            unit.staff,
            unit.with_computer,
            unit.position.0,
            unit.position.1
        )?;
    }
    for school in &SCHOOLS {
        let today = FORMER_UNITS
            .iter()
            .find(|u| u.hall == school.hall)
            .map_or("", |u| u.today);
        writeln!(
            yaml,
            "  - {{id: {}, name: '{}', kind: school, units: {}}}",
            school.id,
            school.name,
            membership(school.hall, today)
        )?;
    }
    Ok(())
}

fn devices(yaml: &mut String) -> std::fmt::Result {
    writeln!(yaml, "devices:")?;
    let router = |yaml: &mut String, place: u8, site: &str, name: &str| {
        writeln!(
            yaml,
            "  - {{id: rt-{site}, name: 'Bộ định tuyến {name}', class: router, site: {site}, address: {}}}",
            address(place, 1)
        )
    };
    let computer = |yaml: &mut String, place: u8, site: &str, name: &str, i: u8| {
        writeln!(
            yaml,
            "  - {{id: pc-{site}-{i:02}, name: 'Máy tính {i:02} – {name}', class: computer, site: {site}, address: {}}}",
            address(place, 50 + i)
        )
    };
    router(yaml, OFFICE, "vp", "trụ sở huyện")?;
    for (id, name, class, item) in [
        ("sw-vp", "Bộ chuyển mạch tầng 1", "switch", 2),
        ("sv-vp", "Máy chủ", "server", 3),
        ("ups-vp", "Bộ lưu điện phòng máy chủ", "ups", 4),
        ("mi-vp-1", "Máy in Văn phòng HĐND và UBND", "printer", 31),
        ("mi-vp-2", "Máy in Phòng Nội vụ", "printer", 32),
    ] {
        let parent = if id == "sw-vp" { "rt-vp" } else { "sw-vp" };
        writeln!(
            yaml,
            "  - {{id: {id}, name: {name}, class: {class}, site: vp, address: {}, parents: [{parent}]}}",
            address(OFFICE, item)
        )?;
    }
    for i in 1..=WIFI_POINTS {
        writeln!(
            yaml,
            "  - {{id: wifi-{i:02}, name: Bộ phát Wi-Fi {i:02}, class: wifi_ap, site: vp, address: {}, parents: [sw-vp]}}",
            address(OFFICE, 10 + i)
        )?;
    }
    for i in 1..=OFFICE_COMPUTERS {
        computer(yaml, OFFICE, "vp", "trụ sở huyện", i)?;
    }
    for i in 1..=SECRET_COMPUTERS {
        writeln!(
            yaml,
            "  - {{id: pc-mat-{i}, name: Máy tính soạn thảo văn bản mật {i}, class: computer, site: vp, monitor: never, \
             mac: 'b4:2e:99:00:00:0{i}', exempt: {{reason: secrecy, decision: 12/QĐ-UBND, author: Văn phòng}}}}"
        )?;
    }
    writeln!(
        yaml,
        "  - {{id: mq-vp-1, name: Máy quét bộ phận một cửa, class: scanner, site: vp}}"
    )?;
    for (place, unit) in (1..).zip(&FORMER_UNITS) {
        router(yaml, place, unit.hall, unit.name)?;
        for i in 1..=HALL_COMPUTERS {
            computer(yaml, place, unit.hall, unit.name, i)?;
        }
    }
    for (row, school) in SCHOOLS.iter().enumerate() {
        let Some(place) = place_of_school(row) else {
            continue;
        };
        router(yaml, place, school.id, school.name)?;
        for i in 1..=SCHOOL_COMPUTERS {
            computer(yaml, place, school.id, school.name, i)?;
        }
    }
    Ok(())
}

fn links(yaml: &mut String) -> std::fmt::Result {
    writeln!(yaml, "links:")?;
    let mut link = |place: u8, site: &str, name: &str, provider: &str, medium: &str, mbit: u32| {
        let far_end = address(place, 254);
        writeln!(
            yaml,
            "  - {{id: dt-{site}, name: 'Đường truyền {name}', site: {site}, provider: {provider}, medium: {medium}, \
             bandwidth: {mbit}Mbit, router: rt-{site}, interface: ether1, via: [rt-vp], far_end: [{far_end}], sla: 99.5%}}"
        )
    };
    for (place, unit) in (1..).zip(&FORMER_UNITS) {
        let word = if unit.township { "thị trấn" } else { "xã" };
        let name = format!("{word} {}", unit.name);
        link(
            place,
            unit.hall,
            &name,
            unit.provider,
            unit.medium,
            unit.contracted_mbit,
        )?;
    }
    for (row, school) in SCHOOLS.iter().enumerate() {
        let Some(place) = place_of_school(row) else {
            continue;
        };
        link(place, school.id, school.name, "VNPT", "fiber", 60)?;
    }
    Ok(())
}

fn services() -> String {
    format!(
        "services:\n  \
         - {{id: cong-ttdt, name: Trang thông tin điện tử, site: vp, check: {{kind: http, url: \"http://{}:{}/\", \
         body_match: Thanh Sơn}}}}\n  \
         - {{id: qlvb, name: Phần mềm quản lý văn bản và điều hành, site: vp, check: {{kind: http, \
         url: \"http://{}:{}/login\"}}}}\n  \
         - {{id: sv-ssh, name: Cổng dịch vụ máy chủ, site: vp, parents: [sv-vp], check: {{kind: tcp, host: {}, port: {}}}}}\n",
        PORTAL.0, PORTAL.1, DOCUMENTS.0, DOCUMENTS.1, DOCUMENTS.0, DOCUMENTS.1
    )
}

const INDICATORS: &str = "\
indicators:
  - {id: pc-internet, name: Máy tính kết nối Internet, name_en: Computers connected, select: {kind: device, class: computer}, good: {seen_within: 7d}, goal: 100%, note: Trừ các máy tính thực hiện quy định bảo mật}
  - {id: staff-equipped, name: Cán bộ được trang bị máy tính, name_en: Staff with a computer, select: {kind: site, site_kind: commune_hall}, good: {survey: {numerator: staff_with_computer, denominator: staff}}, goal: 80%}
  - {id: commune-broadband, name: Trụ sở xã có băng thông rộng, name_en: Communes with broadband, select: {kind: site, site_kind: commune_hall}, good: {contracted: {at_least: 25Mbit}}, goal: 100%}
  - {id: school-internet, name: Trường học kết nối Internet, name_en: Schools connected, select: {kind: site, site_kind: school}, good: up, goal: 100%}
  - {id: wifi-working, name: Bộ phát Wi-Fi hoạt động, name_en: Wi-Fi points working, select: {kind: device, class: wifi_ap}, good: up, goal: 100%}
";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_configuration_of_the_district_has_no_fault() {
        let load = |speed| {
            let setting = Setting {
                listen: "127.0.0.1:9099".parse().unwrap(),
                database: std::path::Path::new("/tmp/o'neil.db"),
                webhook: "http://127.0.0.1:1/",
                speed,
            };
            let yaml = config(&setting).unwrap();
            let env = crate::config::secret::Env::new([]);
            crate::config::load::load_text("district.yaml", &yaml, env)
                .unwrap_or_else(|problems| panic!("{problems}"))
        };
        load(10);
        let config = load(1);
        assert_eq!(config.inventory.sites.len(), 1 + 23 + 8);
        assert_eq!(config.inventory.links.len(), 31);
        assert!(config.inventory.devices.len() > 150);
    }

    #[test]
    fn every_agent_has_an_address_of_its_own_in_the_lab_s_network() {
        let agents = agents();
        let addresses: BTreeSet<_> = agents.iter().map(|a| a.address).collect();
        assert_eq!(addresses.len(), agents.len());
        assert!(addresses.iter().all(|a| a.octets().starts_with(&[127, 77])));
        assert_eq!(place_of_hall("kha-cuu"), Some(23));
    }
}
