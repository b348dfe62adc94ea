//! What a device told, for people: facts first, then what it measures, then its lists.

use std::fmt::Write as _;

use crate::profile::Learnt;
use crate::profile::learnt::Interface;

/// Order in which facts are shown; others follow by name.
const FACTS: [&str; 8] = [
    "vendor",
    "model",
    "class",
    "serial",
    "firmware",
    "hardware_rev",
    "location",
    "contact",
];

/// Rows of a table shown at most; how many more there are is said.
const SHOWN: usize = 64;

/// A page of text for a terminal.
pub(super) fn render(learnt: &Learnt) -> String {
    let mut page = Page(String::new());
    page.head(learnt);
    page.interfaces(&learnt.interfaces);
    page.measured(learnt);
    page.lists(learnt);
    for gap in &learnt.errors {
        page.line(&format!("! {}: {}", gap.what, gap.why));
    }
    page.0.push('\n');
    page.0
}

struct Page(String);

impl Page {
    fn line(&mut self, text: &str) {
        self.0.push_str(text.trim_end());
        self.0.push('\n');
    }

    fn pair(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.line(&format!("{key:<14}{value}"));
        }
    }

    fn head(&mut self, learnt: &Learnt) {
        let title: Vec<&str> = ["vendor", "model"]
            .into_iter()
            .filter_map(|key| learnt.facts.get(key).map(String::as_str))
            .collect();
        let name = learnt.sys_name.as_deref().unwrap_or(&learnt.address);
        if title.is_empty() {
            self.line(name);
        } else {
            self.line(&format!("{name}: {}", title.join(" ")));
        }
        self.line("");
        self.pair("address", Some(&learnt.address));
        self.pair("profile", learnt.profile.as_deref());
        self.pair(
            "version",
            learnt.version.as_deref().map(|v| format!("SNMP {v}")).as_deref(),
        );
        self.pair("uptime", learnt.uptime_seconds.map(duration).as_deref());
        for key in FACTS {
            self.pair(key, learnt.facts.get(key).map(String::as_str));
        }
        for (key, value) in &learnt.facts {
            if !FACTS.contains(&key.as_str()) {
                self.pair(key, Some(value));
            }
        }
        self.pair("sysDescr", learnt.sys_descr.as_deref());
        self.pair("sysObjectID", learnt.sys_object_id.as_deref());
        self.pair("packets", learnt.packets.map(|n| n.to_string()).as_deref());
    }

    /// A table: a title, the names of its columns, its rows; columns that are
    /// empty throughout are left out.
    fn table(&mut self, title: &str, columns: &[&str], rows: &[Vec<Option<String>>]) {
        if rows.is_empty() {
            return;
        }
        let cell = |row: &[Option<String>], n: usize| row.get(n).cloned().flatten().unwrap_or_default();
        let width = |n: usize, name: &str| {
            rows.iter()
                .map(|row| cell(row, n).chars().count())
                .max()
                .filter(|widest| *widest > 0)
                .map(|widest| widest.max(name.chars().count()))
        };
        let shown: Vec<(usize, &str, usize)> = columns
            .iter()
            .enumerate()
            .filter_map(|(n, name)| width(n, name).map(|w| (n, *name, w.min(48))))
            .collect();
        self.line("");
        self.line(&format!("{title} ({})", rows.len()));
        let mut head = String::new();
        for (_, name, width) in &shown {
            pad(&mut head, name, *width);
        }
        self.line(&format!("  {head}"));
        for row in rows.iter().take(SHOWN) {
            let mut line = String::new();
            for (n, _, width) in &shown {
                pad(&mut line, &cell(row, *n), *width);
            }
            self.line(&format!("  {line}"));
        }
        if rows.len() > SHOWN {
            self.line(&format!(
                "  … and {} more (--format json shows all)",
                rows.len() - SHOWN
            ));
        }
    }

    fn interfaces(&mut self, interfaces: &[Interface]) {
        let rows: Vec<Vec<Option<String>>> = interfaces
            .iter()
            .map(|i| {
                vec![
                    i.index.map(|n| n.to_string()),
                    i.name.clone(),
                    i.oper.clone().map(|oper| match i.admin.as_deref() {
                        Some("down") => "off".to_owned(),
                        _ => oper,
                    }),
                    i.speed_bps.map(|n| scaled(n, 1000, "bit/s")),
                    i.in_octets.map(|c| scaled(c.value, 1024, "B")),
                    i.out_octets.map(|c| scaled(c.value, 1024, "B")),
                    i.in_errors
                        .zip(i.out_errors)
                        .map(|(a, b)| a.value.saturating_add(b.value))
                        .filter(|n| *n > 0)
                        .map(|n| n.to_string()),
                    i.mac.clone(),
                    i.alias.clone(),
                ]
            })
            .collect();
        self.table(
            "interfaces",
            &[
                "#", "name", "state", "speed", "in", "out", "errors", "mac", "alias",
            ],
            &rows,
        );
    }

    fn measured(&mut self, learnt: &Learnt) {
        let mut rows: Vec<Vec<Option<String>>> = Vec::new();
        let mut row = |kind: &str, descr: Option<&String>, value: String| {
            rows.push(vec![Some(kind.to_owned()), Some(value), descr.cloned()]);
        };
        for p in &learnt.processors {
            if let Some(load) = p.load_ratio {
                row("processor", p.descr.as_ref(), percent(load));
            }
        }
        for (kind, spaces) in [("memory", &learnt.memory), ("storage", &learnt.storage)] {
            for s in spaces {
                let size = s.size_bytes.map(|n| scaled(n, 1024, "B")).unwrap_or_default();
                let used = s.used_bytes.map(|n| format!("{} of ", scaled(n, 1024, "B")));
                let share = s.unit.as_ref().and(s.used_bytes).map(|n| format!("{n} %"));
                row(
                    kind,
                    s.descr.as_ref(),
                    share.unwrap_or_else(|| used.unwrap_or_default() + &size),
                );
            }
        }
        for s in &learnt.sensors {
            if let (Some(kind), Some(value), Some(unit)) = (&s.kind, s.value, &s.unit) {
                row(kind, s.descr.as_ref(), measure(value, unit));
            }
        }
        for s in &learnt.supplies {
            let level = s.level_ratio.map(percent).or_else(|| s.state.clone());
            row(
                "supply",
                s.descr.as_ref(),
                level.unwrap_or_else(|| "unknown".to_owned()),
            );
        }
        if let Some(p) = &learnt.printer {
            for (what, n) in [("pages", p.pages_total), ("pages in colour", p.pages_color)] {
                if let Some(n) = n {
                    row("printer", Some(&what.to_owned()), n.to_string());
                }
            }
            for (what, text) in [
                ("status", &p.status),
                ("panel", &p.display),
                ("problems", &p.problems),
            ] {
                if let Some(text) = text {
                    row("printer", Some(&what.to_owned()), text.clone());
                }
            }
        }
        if let Some(u) = &learnt.ups {
            for (what, value) in [
                ("battery", u.battery_charge_ratio.map(percent)),
                ("lasts", u.runtime_seconds.map(duration)),
                ("load", u.load_ratio.map(percent)),
                (
                    "on battery",
                    u.on_battery.map(|b| if b { "yes" } else { "no" }.to_owned()),
                ),
                ("mains", u.input_volts.map(|v| measure(v, "volts"))),
            ] {
                if let Some(value) = value {
                    row("ups", Some(&what.to_owned()), value);
                }
            }
        }
        self.table("measured", &["what", "value", "which"], &rows);
    }

    fn lists(&mut self, learnt: &Learnt) {
        let text = |n: Option<u64>| n.map(|n| n.to_string());
        let rows: Vec<_> = learnt
            .wifi
            .iter()
            .map(|w| {
                vec![
                    w.radio.clone(),
                    w.ssid.clone(),
                    w.band.clone(),
                    text(w.channel),
                    text(w.clients),
                ]
            })
            .collect();
        self.table("wifi", &["radio", "ssid", "band", "channel", "clients"], &rows);
        let rows: Vec<_> = learnt
            .addresses
            .iter()
            .map(|a| vec![a.address.clone(), text(a.prefix_len), text(a.if_index)])
            .collect();
        self.table("addresses", &["address", "prefix", "interface"], &rows);
        let rows: Vec<_> = learnt
            .components
            .iter()
            .map(|c| {
                let name = c.name.clone().or_else(|| c.descr.clone());
                vec![
                    c.class.clone(),
                    name,
                    c.model.clone(),
                    c.serial.clone(),
                    c.software_rev.clone(),
                ]
            })
            .collect();
        self.table(
            "components",
            &["class", "name", "model", "serial", "software"],
            &rows,
        );
        let rows: Vec<_> = learnt
            .neighbours
            .iter()
            .map(|n| {
                vec![
                    n.local_port.clone(),
                    n.system_name.clone(),
                    n.port.clone(),
                    n.chassis.clone(),
                    n.protocol.clone(),
                ]
            })
            .collect();
        self.table(
            "neighbours",
            &["our port", "system", "its port", "chassis", "by"],
            &rows,
        );
        let rows: Vec<_> = learnt
            .vlans
            .iter()
            .map(|v| vec![text(v.id), v.name.clone()])
            .collect();
        self.table("vlans", &["id", "name"], &rows);
        for (what, n) in [
            ("ARP entries", learnt.arp.len()),
            ("bridge entries", learnt.fdb.len()),
            ("programs", learnt.software.len()),
        ] {
            if n > 0 {
                self.line("");
                self.line(&format!("{what}: {n} (--format json lists them)"));
            }
        }
    }
}

fn pad(line: &mut String, text: &str, width: usize) {
    let count = text.chars().count();
    if count > width {
        line.extend(text.chars().take(width.saturating_sub(1)));
        line.push('…');
    } else {
        line.push_str(text);
        line.extend(std::iter::repeat_n(' ', width - count));
    }
    line.push_str("  ");
}

/// `3 d 04:05:06`.
pub(super) fn duration(seconds: f64) -> String {
    let Ok(span) = std::time::Duration::try_from_secs_f64(seconds) else {
        return "-".to_owned();
    };
    let s = span.as_secs();
    let mut text = String::new();
    if s >= 86_400 {
        // Writing to a String can't fail.
        if write!(text, "{} d ", s / 86_400).is_err() {
            text.clear();
        }
    }
    let clock = format!("{:02}:{:02}:{:02}", s / 3600 % 24, s / 60 % 60, s % 60);
    text + &clock
}

fn percent(ratio: f64) -> String {
    format!("{:.0} %", ratio * 100.0)
}

fn measure(value: f64, unit: &str) -> String {
    match unit {
        "ratio" => percent(value),
        "seconds" => duration(value),
        "celsius" => format!("{value:.1} °C"),
        "volts" => format!("{value:.1} V"),
        "amperes" => format!("{value:.2} A"),
        "watts" => format!("{value:.1} W"),
        "hertz" => format!("{value:.1} Hz"),
        other => format!("{value:.0} {other}"),
    }
}

/// A number with a prefix of its unit: 1.5 kB, 100 Mbit/s.
#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn scaled(n: u64, base: u64, unit: &str) -> String {
    let mut value = n as f64;
    let mut prefix = "";
    for next in ["k", "M", "G", "T", "P"] {
        if value < base as f64 {
            break;
        }
        value /= base as f64;
        prefix = next;
    }
    if value < 10.0 && !prefix.is_empty() && value.fract() > 0.05 {
        format!("{value:.1} {prefix}{unit}")
    } else {
        format!("{value:.0} {prefix}{unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(scaled(100_000_000, 1000, "bit/s"), "100 Mbit/s");
        assert_eq!(scaled(2_500_000_000, 1000, "bit/s"), "2.5 Gbit/s");
        assert_eq!(scaled(0, 1024, "B"), "0 B");
        assert_eq!(duration(93_784.0), "1 d 02:03:04");
        assert_eq!(percent(0.5), "50 %");
    }
}
