//! `/site/{id}`: a place, its connection, what stands in it.

use axum::extract::Path;
use axum::response::IntoResponse;
use axum::response::Response;
use maud::html;

use super::Shell;
use super::Visit;
use super::not_found;
use super::overview::site_word;
use super::parts;
use crate::i18n::Text;
use crate::i18n::collate;
use crate::inventory::Device;
use crate::inventory::Site;
use crate::model::SiteId;
use crate::model::TargetKey;
use crate::monitor::fleet;
use crate::web::view::Entry;
use crate::web::view::Item;
use crate::web::view::View;

/// Incidents shown.
const MAX_INCIDENTS: usize = 50;

/// Whether `site` is `around` or lies in it.
fn lies_in(view: &View, site: &SiteId, around: &SiteId) -> bool {
    let mut here = Some(site);
    // Bounded, since old data may hold a cycle.
    for _ in 0..64 {
        match here {
            Some(id) if id == around => return true,
            Some(id) => here = view.inventory().sites.get(id).and_then(|s| s.within.as_ref()),
            None => return false,
        }
    }
    false
}

/// Answers `/site/{id}`.
pub(in crate::web) async fn page(visit: Visit, Path(id): Path<String>) -> Response {
    let view = &visit.view;
    let lang = view.lang();
    let Some(site) = id
        .parse()
        .ok()
        .and_then(|id: SiteId| view.inventory().sites.get(&id))
    else {
        return not_found(&visit);
    };
    let state = fleet::site_states(&view.snapshot).get(&site.id).copied();
    let mut devices: Vec<&Device> = view
        .inventory()
        .devices
        .values()
        .filter(|d| !d.is_hidden() && d.site.as_ref().is_some_and(|s| lies_in(view, s, &site.id)))
        .collect();
    devices.sort_by_cached_key(|d| (!fleet::is_always_on(d), d.class, collate::sort_key(&d.name)));
    let hidden = view
        .inventory()
        .devices
        .values()
        .filter(|d| d.is_hidden() && d.is_member() && d.site.as_ref() == Some(&site.id))
        .count();
    let rooms: Vec<&Site> = view
        .inventory()
        .sites
        .values()
        .filter(|s| s.within.as_ref() == Some(&site.id))
        .collect();
    Shell {
        visit: &visit,
        title: &site.name,
        live: true,
        body: html! {
            header .title {
                h1 { (site.name) }
                p .what {
                    @if let Some(state) = state {
                        span .state .(state.as_str()) { (parts::mark(state, true)) (site_word(state).get(lang)) }
                    }
                    span .aside { (Text::word("site_kind", site.kind.as_str(), lang)) }
                }
            }
            (facts(&visit, site))
            @if !rooms.is_empty() {
                section aria-labelledby="rooms" {
                    h2 #rooms { (Text::FieldSites.get(lang)) }
                    ul .lines.grid { @for room in rooms { li { (parts::site_link(&visit, &room.id)) } } }
                }
            }
            (links(&visit, site))
            section aria-labelledby="devices" {
                h2 #devices { (Text::FieldDevices.get(lang)) }
                @if devices.is_empty() { p .none { (Text::FieldNone.get(lang)) } }
                @else { (parts::devices(&visit, devices.into_iter(), false)) }
                @if hidden > 0 {
                    p .aside { (Text::ReportHidden.fill(lang, &[("n", &view.locale.count(hidden))])) }
                }
            }
            section aria-labelledby="incidents" {
                h2 #incidents { (Text::FieldIncidents.get(lang)) }
                (parts::incidents(
                    &visit,
                    view.incidents()
                        .filter(|(_, _, item)| item.site().is_some_and(|s| lies_in(view, s, &site.id)))
                        .map(|(i, t, item)| Entry::Outage(i, t, item))
                        .take(MAX_INCIDENTS),
                    true,
                ))
            }
        },
    }
    .into_response()
}

fn facts(visit: &Visit, site: &Site) -> maud::Markup {
    let view = &visit.view;
    let lang = view.lang();
    let area = view.area_of(&site.id).to_owned();
    let exemption = site.exemption.as_ref().filter(|e| e.holds_on(view.today));
    html! {
        dl .facts {
            (parts::field(visit, Text::FieldArea, Some(html! {
                a href=(visit.href(&format!("/area/{area}"))) { (view.area_name(&area)) }
            })))
            (parts::field(visit, Text::FieldSite, site.within.as_ref().map(|s| parts::site_link(visit, s))))
            (parts::field(visit, Text::FieldPostalAddress, site.address.as_ref()))
            (parts::field(visit, Text::FieldStaff, site.head_count_on(view.today).map(|h| view.locale.integer(h.staff))))
            (parts::field(visit, Text::FieldExemption, exemption.map(|e| exempt(e, lang))))
        }
    }
}

/// Why something is left out of ratios, and by which decision.
pub(super) fn exempt(exemption: &crate::inventory::Exemption, lang: crate::i18n::Lang) -> String {
    match &exemption.decision {
        Some(decision) => format!(
            "{} ({})",
            exemption.reason,
            Text::FieldDecision.fill(lang, &[("decision", decision)])
        ),
        None => exemption.reason.clone(),
    }
}

fn links(visit: &Visit, site: &Site) -> maud::Markup {
    let view = &visit.view;
    let lang = view.lang();
    let links: Vec<_> = view
        .inventory()
        .links
        .values()
        .filter(|l| l.site == site.id)
        .collect();
    html! {
            @if !links.is_empty() {
                section aria-labelledby="links" {
                    h2 #links { (Text::FieldLinks.get(lang)) }
                    ul .lines {
                        @for link in links {
                            li {
                                a href=(visit.target(&link.id.clone().into())) { (link.name) }
                                @if let Some(target) = view.snapshot.by_key(&TargetKey::from(link.id.clone())) {
                                    " " (parts::state(visit, target, Item::Link(link)))
                                }
                                " " span .aside {
                                    (Text::word("medium", link.medium.as_str(), lang))
                                    @if let Some(provider) = &link.provider { " · " (provider) }
                                }
                            }
                        }
                    }
                }
            }
    }
}
