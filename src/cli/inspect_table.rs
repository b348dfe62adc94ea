//! What a device told, for people: facts first, then what it measures, then its lists.

use crate::i18n::Lang;
use crate::i18n::Locale;
use crate::i18n::Text;
use crate::profile::Learnt;
use crate::profile::learnt::Interface;
use crate::profile::learnt::Sensor;

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

/// Width of the names of facts.
const KEY: usize = 22;

/// Rows of a table shown at most; how many more there are is said.
const SHOWN: usize = 64;

/// A page of text for a terminal.
pub(super) fn render(learnt: &Learnt, lang: Lang) -> String {
    // Nothing here tells a time of day.
    let locale = Locale::new(lang, jiff::tz::TimeZone::UTC);
    let mut page = Page {
        text: String::new(),
        lang,
        locale: &locale,
    };
    page.head(learnt);
    page.interfaces(&learnt.interfaces);
    page.measured(learnt);
    page.lists(learnt);
    for gap in &learnt.errors {
        page.line(&format!("! {}: {}", gap.what, gap.why));
    }
    page.text.push('\n');
    page.text
}

struct Page<'a> {
    text: String,
    lang: Lang,
    locale: &'a Locale,
}

/// A word of the page.
fn word(key: &str, lang: Lang) -> String {
    Text::word("inspect", key, lang).to_owned()
}

impl Page<'_> {
    fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    fn pair(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            let known = Text::find("inspect", key).or_else(|| Text::find("fact", key));
            let key = known.map_or(key, |text| text.get(self.lang));
            let mut line = String::new();
            pad(&mut line, key, KEY);
            self.line(&(line + value));
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
        self.pair(
            "uptime",
            (learnt.uptime_seconds.map(|s| self.locale.measure(s, "seconds"))).as_deref(),
        );
        for key in FACTS {
            let value = learnt.facts.get(key).map(String::as_str);
            let value = match key {
                "class" => value.map(|class| Text::word("class", class, self.lang)),
                _ => value,
            };
            self.pair(key, value);
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
        let lang = self.lang;
        let title = word(title, lang);
        let names: Vec<String> = columns.iter().map(|name| word(name, lang)).collect();
        let cell = |row: &[Option<String>], n: usize| row.get(n).cloned().flatten().unwrap_or_default();
        let width = |n: usize, name: &str| {
            rows.iter()
                .map(|row| cell(row, n).chars().count())
                .max()
                .filter(|widest| *widest > 0)
                .map(|widest| widest.max(name.chars().count()))
        };
        let shown: Vec<(usize, &str, usize)> = names
            .iter()
            .enumerate()
            .filter_map(|(n, name)| width(n, name).map(|w| (n, name.as_str(), w.min(48))))
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
            let more = (rows.len() - SHOWN).to_string();
            self.line(&format!("  {}", Text::InspectMore.fill(lang, &[("n", &more)])));
        }
    }

    fn interfaces(&mut self, interfaces: &[Interface]) {
        let locale = self.locale;
        let rows: Vec<Vec<Option<String>>> = interfaces
            .iter()
            .map(|i| {
                vec![
                    i.index.map(|n| n.to_string()),
                    i.name.clone(),
                    i.oper.clone().map(|oper| match i.admin.as_deref() {
                        Some("down") => word("off", self.lang),
                        _ => word(&oper, self.lang),
                    }),
                    i.speed_bps.map(|n| locale.bits_per_second(n as f64)),
                    i.in_octets.map(|c| locale.bytes(c.value as f64)),
                    i.out_octets.map(|c| locale.bytes(c.value as f64)),
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
                "#", "name", "state", "speed", "inbound", "outbound", "errors", "mac", "alias",
            ],
            &rows,
        );
    }

    fn measured(&mut self, learnt: &Learnt) {
        let lang = self.lang;
        let locale = self.locale;
        let percent = |ratio| locale.measure(ratio, "ratio");
        let mut rows: Vec<Vec<Option<String>>> = Vec::new();
        let mut row = |kind: &str, descr: Option<&String>, value: String| {
            rows.push(vec![Some(word(kind, lang)), Some(value), descr.cloned()]);
        };
        for p in &learnt.processors {
            if let Some(load) = p.load_ratio {
                row("processor", p.descr.as_ref(), percent(load));
            }
        }
        for (kind, spaces) in [("memory", &learnt.memory), ("storage", &learnt.storage)] {
            for s in spaces {
                let size = s.size_bytes.map(|n| locale.bytes(n as f64)).unwrap_or_default();
                let used = s.used_bytes.map(|n| locale.bytes(n as f64));
                let both = used.map(|used| Text::InspectOf.fill(lang, &[("used", &used), ("size", &size)]));
                let share = s.unit.as_ref().and(s.used_ratio).map(percent);
                row(kind, s.descr.as_ref(), share.or(both).unwrap_or(size));
            }
        }
        for s in learnt.sensors.iter().filter(|s| !is_of_ups(learnt, s)) {
            if let (Some(kind), Some(value), Some(unit)) = (&s.kind, s.value, &s.unit) {
                row(kind, s.descr.as_ref(), locale.measure(value, unit));
            }
        }
        for s in &learnt.supplies {
            let state = s.state.as_deref().unwrap_or("unknown");
            let level = s.level_ratio.map(percent);
            row(
                "supply",
                s.descr.as_ref(),
                level.unwrap_or_else(|| word(state, lang)),
            );
        }
        if let Some(p) = &learnt.printer {
            for (what, n) in [
                ("pages_total", p.pages_total),
                ("pages_color", p.pages_color),
                ("pages_mono", p.pages_mono),
                ("pages_duplex", p.pages_duplex),
                ("pages_scanned", p.pages_scanned),
            ] {
                if let Some(n) = n {
                    let what = Text::word("reading", what, lang).to_owned();
                    row("printer", Some(&what), locale.integer(n));
                }
            }
            let words = |list: &String| {
                let each: Vec<&str> = list.split(',').map(str::trim).collect();
                each.iter().map(|w| word(w, lang)).collect::<Vec<_>>().join(", ")
            };
            for (what, text) in [
                ("status", p.status.as_ref().map(words)),
                ("panel", p.display.clone()),
                ("problems", p.problems.as_ref().map(words)),
            ] {
                if let Some(text) = text {
                    row("printer", Some(&word(what, lang)), text);
                }
            }
        }
        if let Some(u) = &learnt.ups {
            for (what, value) in [
                ("battery_charge", u.battery_charge_ratio.map(percent)),
                (
                    "battery_runtime",
                    u.runtime_seconds.map(|s| locale.measure(s, "seconds")),
                ),
                ("ups_load", u.load_ratio.map(percent)),
                (
                    "on_battery",
                    u.on_battery.map(|b| word(if b { "yes" } else { "no" }, lang)),
                ),
                ("input_voltage", u.input_volts.map(|v| locale.measure(v, "volts"))),
            ] {
                if let Some(value) = value {
                    let what = Text::word("reading", what, lang).to_owned();
                    row("ups", Some(&what), value);
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
            &["class", "name", "model", "serial", "firmware"],
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
            &["our_port", "system", "its_port", "chassis", "protocol"],
            &rows,
        );
        let rows: Vec<_> = learnt
            .vlans
            .iter()
            .map(|v| vec![text(v.id), v.name.clone()])
            .collect();
        self.table("vlans", &["id", "name"], &rows);
        for (what, n) in [
            ("arp", learnt.arp.len()),
            ("fdb", learnt.fdb.len()),
            ("associations", learnt.associations.len()),
            ("software", learnt.software.len()),
        ] {
            if n > 0 {
                let what = word(what, self.lang);
                let line = Text::InspectCount.fill(self.lang, &[("what", &what), ("n", &n.to_string())]);
                self.line("");
                self.line(&line);
            }
        }
    }
}

/// Whether a sensor's row only says again what the UPS says of itself.
fn is_of_ups(learnt: &Learnt, sensor: &Sensor) -> bool {
    let (Some(ups), Some(value)) = (&learnt.ups, sensor.value) else {
        return false;
    };
    let told = match sensor.kind.as_deref() {
        Some("charge") => ups.battery_charge_ratio,
        Some("runtime") => ups.runtime_seconds,
        Some("load") => ups.load_ratio,
        _ => None,
    };
    told.is_some_and(|told| (told - value).abs() < 1e-9)
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
