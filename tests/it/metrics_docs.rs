//! docs/metrics.md is printed from the catalogue: `BLESS=1` writes it anew.

use std::fmt::Write;
use std::path::Path;

use tramgac::metrics::CATALOG;
use tramgac::metrics::catalog::Part;

const HEAD: &str = "\
# Metrics

What `/metrics` exposes, in its order. This page is printed from `src/metrics/catalog.rs`; a test holds them together.

- `instance` is the daemon. Equipment is named by the label `device`, a permanent id: never an address or a
  display name. Names for people are in the `_info` families; join them by
  `… * on (job, instance, device) group_left (name) tramgac_device_info`.
- `area` is the unit (commune, ward, township) that a site belongs to today, `none` where it belongs to none.
- What is not known is absent. `tramgac_device_up` is absent while the state is unknown, so that
  `avg_over_time` averages known time only and a poller that cannot look draws a gap, not an outage.
- `tramgac_fleet_*` is this moment: `members = expected + unknown + exempt`, `online <= expected`. Add before you
  divide: `sum by (area) (tramgac_fleet_online) / (sum by (area) (tramgac_fleet_expected) > 0)`, never a mean of ratios.
  For classes that are switched off at night use `tramgac_indicator_*`.
- `class` of a `kind=\"link\"` is its role, of a `kind=\"site\"` its kind, of a `kind=\"service\"` the kind of its check.
- A device that is never to be on the network (`monitor: never`) has no series of its own and is counted in
  `tramgac_fleet_members` and `tramgac_fleet_exempt` only.
- Interfaces: those that are physical or have an alias, and are not switched off by their administrator; at most 64
  a device. At most 500,000 series in one exposition. What a limit leaves out is counted in
  `tramgac_series_limit_dropped_total`.
- A label without a value is left out. Time stamps are never written, so what leaves the inventory is gone with the next scrape.
";

fn title(part: Part) -> &'static str {
    match part {
        Part::Daemon => "The daemon about itself",
        Part::Fleet => "Areas, sites, services, links, ratios",
        Part::Devices => "Devices",
        Part::Interfaces => "Interfaces",
    }
}

#[test]
fn the_page_says_what_the_catalogue_says() {
    let mut page = HEAD.to_owned();
    for part in Part::ALL {
        write!(page, "\n## {}\n\n", title(part)).unwrap();
        page.push_str("| Metric | Type | Unit | Labels | Meaning |\n|---|---|---|---|---|\n");
        for m in CATALOG.iter().filter(|m| m.part == part) {
            let labels = if m.labels.is_empty() {
                "-".to_owned()
            } else {
                m.labels.join(", ")
            };
            let (name, kind, unit, help) = (m.name, m.kind.as_str(), m.unit, m.help);
            writeln!(page, "| `{name}` | {kind} | {unit} | {labels} | {help} |").unwrap();
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/metrics.md is not what the catalogue says: run this test with BLESS=1"
    );
}
