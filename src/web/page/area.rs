//! `/area/{id}`: the sites of an area, each with its connection.

use axum::extract::Path;
use axum::response::IntoResponse;
use axum::response::Response;
use maud::Markup;
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
use crate::model::UnitId;
use crate::monitor::fleet;
use crate::monitor::fleet::Tally;
use crate::web::view::Item;
use crate::web::view::NO_AREA;

/// Answers `/area/{id}`.
pub(in crate::web) async fn page(visit: Visit, Path(id): Path<String>) -> Response {
    let view = &visit.view;
    let lang = view.lang();
    let known = id == NO_AREA
        || id
            .parse()
            .is_ok_and(|id: UnitId| view.inventory().units.contains_key(&id));
    if !known {
        return not_found(&visit);
    }
    let areas = view.areas();
    let mut sites: Vec<&Site> = view
        .inventory()
        .sites
        .values()
        .filter(|s| areas.get(&s.id).copied() == Some(id.as_str()))
        .collect();
    sites.sort_by_cached_key(|s| collate::sort_key(&s.name));
    let name = view.area_name(&id);
    Shell {
        visit: &visit,
        title: &name,
        live: true,
        body: html! {
            header .title { h1 { (name) } p .aside { (Text::OverviewArea.get(lang)) } }
            section aria-labelledby="sites" {
                h2 #sites { (Text::FieldSites.get(lang)) }
                (table(&visit, &sites))
            }
        },
    }
    .into_response()
}

fn table(visit: &Visit, sites: &[&Site]) -> Markup {
    let view = &visit.view;
    let lang = view.lang();
    let states = fleet::site_states(&view.snapshot);
    html! {
        @if sites.is_empty() {
            p .none { (Text::FieldNone.get(lang)) }
        } @else {
            table .list {
                thead { tr {
                    th scope="col" { (Text::FieldSite.get(lang)) }
                    th scope="col" { (Text::FieldState.get(lang)) }
                    th scope="col" { (Text::FieldLinks.get(lang)) }
                    th scope="col" .number { (Text::OverviewEquipment.get(lang)) }
                    th scope="col" .number { (Text::OverviewComputers.get(lang)) }
                } }
                tbody {
                    @for site in sites {
                        @let (equipment, computers) = sums(visit, site);
                        tr {
                            th scope="row" {
                                (parts::site_link(visit, &site.id))
                                " " span .aside { (Text::word("site_kind", site.kind.as_str(), lang)) }
                            }
                            td data-label=(Text::FieldState.get(lang)) {
                                @match states.get(&site.id) {
                                    Some(state) => span .state .(state.as_str()) {
                                        (parts::mark(*state, true)) (site_word(*state).get(lang))
                                    },
                                    None => span .state.none { (Text::StateNotWatched.get(lang)) },
                                }
                            }
                            td data-label=(Text::FieldLinks.get(lang)) {
                                @for link in view.inventory().links.values().filter(|l| l.site == site.id) {
                                    div {
                                        a href=(visit.target(&link.id.clone().into())) { (link.name) }
                                        @if let Some(target) = view.snapshot.by_key(&link.id.clone().into()) {
                                            " " (parts::state(visit, target, Item::Link(link)))
                                        }
                                    }
                                }
                            }
                            td .number data-label=(Text::OverviewEquipment.get(lang)) { (parts::online_of(visit, &equipment)) }
                            td .number data-label=(Text::OverviewComputers.get(lang)) { (parts::online_of(visit, &computers)) }
                        }
                    }
                }
            }
        }
    }
}

/// What is always on, and what is not, at a site.
fn sums(visit: &Visit, site: &Site) -> (Tally, Tally) {
    let view = &visit.view;
    let (mut always, mut at_will) = (Tally::default(), Tally::default());
    let here = |d: &&Device| d.site.as_ref() == Some(&site.id) && !d.is_hidden();
    for device in view.inventory().devices.values().filter(here) {
        let state = view.snapshot.by_key(&device.id.clone().into()).map(|t| t.state);
        let tally = if fleet::is_always_on(device) {
            &mut always
        } else {
            &mut at_will
        };
        tally.add(view.standing(Item::Device(device)), state);
    }
    (always, at_will)
}
