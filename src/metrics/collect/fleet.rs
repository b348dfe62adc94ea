//! Areas, sites, services, and the ratios.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::geohash;
use super::rows::Column;
use super::rows::NO_AREA;
use super::rows::Rows;
use super::rows::up;
use super::{Extra, IndicatorSample, Times};
use crate::inventory::Exemption;
use crate::metrics::catalog;
use crate::metrics::expose::{Labels, Writer};
use crate::model::{State, TargetId, UnitId};
use crate::monitor::fleet::{Standing, Tally};
use crate::monitor::snapshot::TargetView;

pub(super) fn write(w: &mut Writer<'_>, rows: &Rows<'_>, extra: &Extra) {
    places(w, rows, extra);
    services(w, rows);
    ratios(w, rows);
    outages(w, rows);
    exemptions(w, rows, extra);
    indicators(w, rows, extra);
    windows(w, rows, extra);
}

fn places(w: &mut Writer<'_>, rows: &Rows<'_>, extra: &Extra) {
    for row in &rows.sites {
        let site = row.site;
        let hash = site.coordinates.and_then(geohash::encode).unwrap_or_default();
        let labels = Labels::new(&[
            ("site", site.id.as_str()),
            ("name", &site.name),
            ("area", row.area),
            ("geohash", &hash),
        ]);
        w.family(&catalog::SITE_INFO).int(&labels, 1);
    }
    areas(w, rows, extra);
    for row in &rows.sites {
        w.family(&catalog::SITE_UP)
            .truth(&row.labels, row.state.and_then(up));
    }
    for row in rows.sites.iter().filter(|r| r.standing.is_member()) {
        let counted = u64::from(row.standing.is_counted());
        w.family(&catalog::SITE_COUNTED).int(&row.labels, counted);
    }
}

/// Every area that exists today, in the middle of its sites.
fn areas(w: &mut Writer<'_>, rows: &Rows<'_>, extra: &Extra) {
    let inventory = &rows.snapshot.inventory;
    let today: BTreeSet<&str> = (inventory.units.values())
        .filter(|u| extra.area_kinds.contains(&u.kind) && u.exists_on(extra.today))
        .map(|u| u.id.as_str())
        .collect();
    let used = (rows.sites.iter().map(|r| r.area))
        .chain(rows.devices.iter().map(|r| r.area))
        .chain(rows.services.iter().map(|r| r.area));
    for area in today.into_iter().chain(used).collect::<BTreeSet<_>>() {
        if !rows.selection.has_area(area) {
            continue;
        }
        let unit = area
            .parse::<UnitId>()
            .ok()
            .and_then(|id| inventory.units.get(&id));
        let name = unit.map_or(NO_AREA, |u| u.name.as_str());
        let places: Vec<(f64, f64)> = (rows.sites.iter())
            .filter(|r| r.area == area && area != NO_AREA)
            .filter_map(|r| r.site.coordinates)
            .collect();
        let hash = middle(&places).and_then(geohash::encode).unwrap_or_default();
        let labels = Labels::new(&[("area", area), ("name", name), ("geohash", &hash)]);
        w.family(&catalog::AREA_INFO).int(&labels, 1);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a handful of sites")]
fn middle(places: &[(f64, f64)]) -> Option<(f64, f64)> {
    let n = places.len() as f64;
    let sum = |axis: fn(&(f64, f64)) -> f64| places.iter().map(axis).sum::<f64>();
    (!places.is_empty()).then(|| (sum(|p| p.0) / n, sum(|p| p.1) / n))
}

fn services(w: &mut Writer<'_>, rows: &Rows<'_>) {
    for row in &rows.services {
        w.family(&catalog::SERVICE_UP)
            .truth(&row.full, row.view.and_then(|v| up(v.state)));
    }
    for row in &rows.services {
        let counted = u64::from(row.standing.is_counted());
        w.family(&catalog::SERVICE_COUNTED).int(&row.full, counted);
    }
    let stats = || {
        rows.services
            .iter()
            .filter_map(|r| Some((r, r.view?.service.as_ref()?)))
    };
    for (row, s) in stats() {
        w.family(&catalog::SERVICE_DURATION_SECONDS)
            .float(&row.full, s.duration.as_secs_f64());
    }
    for (row, s) in stats() {
        w.family(&catalog::SERVICE_HTTP_STATUS_CODE)
            .maybe(&row.place, s.http_status.map(f64::from));
    }
    for (row, s) in stats() {
        w.family(&catalog::SERVICE_TLS_NOT_AFTER_TIMESTAMP_SECONDS).maybe(
            &row.place,
            s.tls_not_after.map(crate::model::time::Timestamp::as_secs_f64),
        );
    }
}

/// Kind, area, class.
type Group<'a> = (&'static str, &'a str, &'a str);

/// One member of the fleet.
struct Member<'a> {
    group: Group<'a>,
    standing: Standing,
    state: Option<State>,
    id: Option<TargetId>,
}

impl<'a> Member<'a> {
    fn of(group: Group<'a>, standing: Standing, view: Option<&TargetView>) -> Self {
        Self {
            group,
            standing,
            state: view.map(|v| v.state),
            id: view.map(|v| v.id),
        }
    }
}

/// Every member with its group. The class of a link is its role, that of a site
/// its kind, that of a service the kind of its check.
fn members<'a>(rows: &'a Rows<'a>) -> impl Iterator<Item = Member<'a>> {
    let devices = (rows.devices.iter())
        .map(|r| Member::of(("device", r.area, r.device.class.as_str()), r.standing, r.view));
    let links =
        (rows.links.iter()).map(|r| Member::of(("link", r.area, r.link.role.as_str()), r.standing, r.view));
    let services = rows.services.iter().map(|r| {
        let kind = r.service.check.kind.as_str();
        Member::of(("service", r.area, kind), r.standing, r.view)
    });
    let sites = rows.sites.iter().map(|r| Member {
        group: ("site", r.area, r.site.kind.as_str()),
        standing: r.standing,
        state: r.state,
        id: None,
    });
    devices.chain(links).chain(services).chain(sites)
}

fn group_labels((kind, area, class): &Group<'_>) -> Labels {
    Labels::new(&[("kind", kind), ("area", area), ("class", class)])
}

fn ratios(w: &mut Writer<'_>, rows: &Rows<'_>) {
    let mut tallies: BTreeMap<Group<'_>, Tally> = BTreeMap::new();
    for member in members(rows).filter(|m| m.standing.is_member()) {
        let tally = tallies.entry(member.group).or_default();
        tally.add(member.standing, member.state);
    }
    let families: [Column<Tally, u64>; 5] = [
        (&catalog::FLEET_MEMBERS, |t| t.members),
        (&catalog::FLEET_EXPECTED, |t| t.expected),
        (&catalog::FLEET_ONLINE, |t| t.online),
        // Whom nobody watches has no known state either.
        (&catalog::FLEET_UNKNOWN, |t| t.unknown + t.not_watched),
        (&catalog::FLEET_EXEMPT, |t| t.exempt),
    ];
    let labelled: Vec<(Labels, Tally)> = tallies.iter().map(|(g, t)| (group_labels(g), *t)).collect();
    for (metric, value) in families {
        for (labels, tally) in &labelled {
            w.family(metric).int(labels, value(tally));
        }
    }
}

/// Open outages that stand by themselves; 0 for every kind and area that there is.
fn outages(w: &mut Writer<'_>, rows: &Rows<'_>) {
    let mut groups: BTreeMap<TargetId, (&str, &str)> = BTreeMap::new();
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for member in members(rows).filter(|m| m.standing.is_member()) {
        let (kind, area, _) = member.group;
        if let Some(id) = member.id {
            groups.insert(id, (kind, area));
            counts.entry((kind, area)).or_default();
        }
    }
    let roots = rows.snapshot.open_incidents().filter(|i| i.root.is_none());
    for group in roots.filter_map(|i| groups.get(&i.target)) {
        *counts.entry(*group).or_default() += 1;
    }
    for ((kind, area), n) in counts {
        let labels = Labels::new(&[("kind", kind), ("area", area)]);
        w.family(&catalog::OUTAGES_OPEN).int(&labels, n);
    }
}

/// Exemptions in force by reason. A hidden device without a stated one is exempt by secrecy rules.
fn exemptions(w: &mut Writer<'_>, rows: &Rows<'_>, extra: &Extra) {
    let in_force = |e: Option<&Exemption>| e.filter(|e| e.holds_on(extra.today)).map(|e| e.reason.clone());
    let devices = rows.devices.iter().filter_map(|r| {
        let secret = || r.device.is_hidden().then(|| "secrecy".to_owned());
        let reason = in_force(r.device.exemption.as_ref()).or_else(secret)?;
        Some(("device", r.area, reason))
    });
    let links =
        (rows.links.iter()).filter_map(|r| Some(("link", r.area, in_force(r.link.exemption.as_ref())?)));
    let services = (rows.services.iter())
        .filter_map(|r| Some(("service", r.area, in_force(r.service.exemption.as_ref())?)));
    let sites =
        (rows.sites.iter()).filter_map(|r| Some(("site", r.area, in_force(r.site.exemption.as_ref())?)));
    let mut counts: BTreeMap<(&str, &str, String), u64> = BTreeMap::new();
    for key in devices.chain(links).chain(services).chain(sites) {
        *counts.entry(key).or_default() += 1;
    }
    for ((kind, area, reason), n) in &counts {
        let labels = Labels::new(&[("kind", kind), ("area", area), ("reason", reason)]);
        w.family(&catalog::EXEMPTIONS_ACTIVE).int(&labels, *n);
    }
}

fn indicators(w: &mut Writer<'_>, rows: &Rows<'_>, extra: &Extra) {
    let families: [Column<IndicatorSample, u64>; 4] = [
        (&catalog::INDICATOR_NUMERATOR, |i| i.numerator),
        (&catalog::INDICATOR_DENOMINATOR, |i| i.denominator),
        (&catalog::INDICATOR_UNKNOWN, |i| i.unknown),
        (&catalog::INDICATOR_EXEMPT, |i| i.exempt),
    ];
    for (metric, value) in families {
        for sample in &extra.indicators {
            if rows.selection.has_area(&sample.area) {
                let labels = Labels::new(&[("indicator", &sample.indicator), ("area", &sample.area)]);
                w.family(metric).int(&labels, value(sample));
            }
        }
    }
}

fn windows(w: &mut Writer<'_>, rows: &Rows<'_>, extra: &Extra) {
    let mut sums: BTreeMap<(Group<'_>, &str), Times> = BTreeMap::new();
    for window in &extra.windows {
        for member in members(rows) {
            if let Some(times) = member.id.and_then(|id| window.times.get(&id)) {
                let sum = sums.entry((member.group, window.name)).or_default();
                sum.up = sum.up.saturating_add(times.up);
                sum.observed = sum.observed.saturating_add(times.observed);
            }
        }
    }
    let families: [Column<Times, f64>; 2] = [
        (&catalog::WINDOW_UP_SECONDS, |t| t.up.as_secs_f64()),
        (&catalog::WINDOW_OBSERVED_SECONDS, |t| t.observed.as_secs_f64()),
    ];
    for (metric, value) in families {
        for ((group, window), times) in &sums {
            let labels = group_labels(group).with("window", window);
            w.family(metric).float(&labels, value(times));
        }
    }
}
