//! `/`: what is wrong now, where, and how much of everything works.

use axum::response::IntoResponse;
use axum::response::Response;
use maud::Markup;
use maud::html;

use super::Shell;
use super::Visit;
use super::parts;
use crate::i18n::Lang;
use crate::i18n::Text;
use crate::inventory::Class;
use crate::model::Ratio;
use crate::model::Span;
use crate::model::State;
use crate::model::TargetKind;
use crate::monitor::fleet::Tally;
use crate::web::view::AreaRow;
use crate::web::view::Item;
use crate::web::view::Outage;
use crate::web::view::Overview;
use crate::web::view::Severity;
use crate::web::view::outages;

/// Outages shown in full; a count tells of the rest.
const MAX_OUTAGES: usize = 50;
/// Consequences named below an outage.
const MAX_CONSEQUENCES: usize = 40;
/// Sites of an area shown as dots.
const MAX_DOTS: usize = 80;
/// Ended outages shown.
const MAX_RECENT: usize = 8;
/// How long ago an outage may have ended to be shown.
const RECENT: Span = Span::from_secs(24 * 3600);

/// Answers `/`.
pub(in crate::web) async fn page(visit: Visit) -> Response {
    let view = &visit.view;
    let lang = view.lang();
    let overview = Overview::of(view);
    let outages = outages(view);
    let title = if outages.is_empty() {
        Text::PageTitle.get(lang).to_owned()
    } else {
        format!(
            "({}) {}",
            view.locale.count(outages.len()),
            Text::PageTitle.get(lang)
        )
    };
    Shell {
        visit: &visit,
        title: &title,
        live: true,
        body: html! {
            (verdict(&visit, &overview, &outages))
            (tiles(&visit, &overview))
            div .columns {
                @let side = html! { (down(&visit, &outages)) (impaired(&visit)) (unread(&visit)) (recent(&visit)) };
                @if !side.0.is_empty() { div .side { (side) } }
                (areas(&visit, &overview))
            }
            div .columns.even {
                (ratios(&visit))
                (services(&visit))
                (wifi(&visit))
            }
        },
    }
    .into_response()
}

fn verdict(visit: &Visit, overview: &Overview, outages: &[Outage<'_>]) -> Markup {
    let view = &visit.view;
    let lang = view.lang();
    let behind: usize = outages.iter().map(|o| o.consequences.len()).sum();
    let known = overview.links.expected + overview.equipment.expected + overview.services.expected;
    let unknown = overview.links.unknown + overview.equipment.unknown + overview.services.unknown;
    let (class, headline, more) = if view.snapshot.index.is_empty() {
        (
            "unknown",
            Text::OverviewNothingWatched.get(lang).to_owned(),
            Some(Text::OverviewNothingWatchedText.get(lang).to_owned()),
        )
    } else if !outages.is_empty() {
        let more =
            (behind > 0).then(|| Text::OverviewAffected.fill(lang, &[("n", &view.locale.count(behind))]));
        (
            "cut",
            Text::OverviewTrouble.fill(lang, &[("n", &view.locale.count(outages.len()))]),
            more,
        )
    } else if known == 0 || view.snapshot.blind_since.is_some() || unknown > known {
        ("unknown", Text::OverviewUnseen.get(lang).to_owned(), None)
    } else {
        ("fine", Text::OverviewAllWell.get(lang).to_owned(), None)
    };
    html! {
        section .verdict .(class) {
            h1 { (headline) }
            @if let Some(more) = more { p { (more) } }
        }
    }
}

fn tiles(visit: &Visit, overview: &Overview) -> Markup {
    let view = &visit.view;
    let lang = view.lang();
    let computers = &overview.computers;
    let days = view.settings.seen_within.as_secs().div_ceil(86_400);
    let hidden = view.hidden();
    html! {
        ul .tiles {
            (tile(visit, Text::OverviewSites, &overview.sites, None))
            (tile(visit, Text::OverviewLinks, &overview.links, None))
            (tile(visit, Text::OverviewEquipment, &overview.equipment, None))
            @if overview.wifi.members > 0 {
                (tile(visit, Text::OverviewWifi, &overview.wifi, overview.wifi_clients.map(|n| {
                    Text::OverviewClients.fill(lang, &[("n", &view.locale.number(n, 0))])
                })))
            }
            @if overview.services.members > 0 {
                (tile(visit, Text::OverviewServices, &overview.services, None))
            }
            @if computers.members > 0 || hidden > 0 {
                li {
                    h2 { (Text::OverviewComputers.get(lang)) }
                    p .big {
                        (view.locale.integer(computers.seen)) span .of { "/" (view.locale.integer(computers.members)) }
                    }
                    (parts::bar(Ratio::of(computers.seen, computers.members)))
                    p .small {
                        (Text::OverviewSeenWithin.fill(lang, &[("n", &days.to_string())]))
                        " · " (Text::OverviewOnNow.fill(lang, &[("n", &view.locale.integer(computers.on))]))
                    }
                    @if hidden > 0 {
                        p .small { (Text::OverviewHiddenNote.fill(lang, &[("n", &view.locale.count(hidden))])) }
                    }
                }
            }
        }
    }
}

fn tile(visit: &Visit, name: Text, tally: &Tally, more: Option<String>) -> Markup {
    let view = &visit.view;
    let lang = view.lang();
    html! {
        li .out[tally.out() > 0] {
            h2 { (name.get(lang)) }
            p .big {
                @if tally.expected == 0 { "–" } @else {
                    (view.locale.integer(tally.online)) span .of { "/" (view.locale.integer(tally.expected)) }
                }
            }
            (parts::bar(tally.ratio()))
            p .small {
                (parts::percent(visit, tally.ratio()))
                @if tally.unknown > 0 {
                    " · " (view.locale.integer(tally.unknown)) " " (Text::StateUnknown.get(lang).to_lowercase())
                }
                @if tally.exempt > 0 {
                    " · " (view.locale.integer(tally.exempt)) " " (Text::OverviewExempt.get(lang).to_lowercase())
                }
                @if let Some(more) = more { " · " (more) }
            }
        }
    }
}

fn areas(visit: &Visit, overview: &Overview) -> Markup {
    let lang = visit.view.lang();
    html! {
        section .areas aria-labelledby="areas" {
            h2 #areas { (Text::OverviewAreas.get(lang)) " " span .aside { (Text::OverviewAreasLead.get(lang)) } }
            table .list {
                thead { tr {
                    th scope="col" { (Text::OverviewArea.get(lang)) }
                    th scope="col" .wide { (Text::OverviewConnected.get(lang)) }
                    th scope="col" .number { (Text::OverviewLinksDown.get(lang)) }
                    th scope="col" .number { (Text::OverviewSitesDown.get(lang)) }
                    th scope="col" .number { (Text::OverviewUnknown.get(lang)) }
                    th scope="col" .number { (Text::OverviewExempt.get(lang)) }
                } }
                tbody { @for row in &overview.areas { (area(visit, row)) } }
            }
        }
    }
}

fn area(visit: &Visit, row: &AreaRow) -> Markup {
    let view = &visit.view;
    let lang = view.lang();
    let class = match row.severity {
        Severity::Fine => "fine",
        Severity::Unknown => "unknown",
        Severity::Impaired => "impaired",
        Severity::Cut => "cut",
    };
    html! {
        tr .area .(class) {
            th scope="row" {
                a href=(visit.href(&format!("/area/{}", row.id))) { (row.name) }
                span .dots aria-hidden="true" {
                    @for dot in row.dots.iter().take(MAX_DOTS) {
                        span .dot .(if dot.exempt { "none" } else { dot.state.as_str() })
                            title=(format!("{}: {}", dot.name, site_word(dot.state).get(lang))) {}
                    }
                }
            }
            td .wide data-label=(Text::OverviewConnected.get(lang)) {
                div .share {
                    strong { (parts::percent(visit, row.equipment.ratio())) }
                    span .aside { (parts::online_of(visit, &row.equipment)) }
                }
                (parts::bar(row.equipment.ratio()))
            }
            td .number data-label=(Text::OverviewLinksDown.get(lang)) { (parts::figure(visit, row.links.out(), "bad")) }
            td .number data-label=(Text::OverviewSitesDown.get(lang)) { (parts::figure(visit, row.sites.out(), "bad")) }
            td .number data-label=(Text::OverviewUnknown.get(lang)) { (parts::figure(visit, row.unknown(), "odd")) }
            td .number data-label=(Text::OverviewExempt.get(lang)) { (parts::figure(visit, row.exempt, "odd")) }
        }
    }
}

/// The word for a site's state: it has no connection as a whole.
pub(super) fn site_word(state: State) -> Text {
    crate::i18n::state(state, TargetKind::Link, true)
}

fn down(visit: &Visit, outages: &[Outage<'_>]) -> Markup {
    let view = &visit.view;
    let lang = view.lang();
    if outages.is_empty() {
        return Markup::default();
    }
    html! {
        section .down aria-labelledby="down" {
            h2 #down { (Text::OverviewDownNow.get(lang)) }
            ol .cards {
                @for outage in outages.iter().take(MAX_OUTAGES) { li { (card(visit, outage)) } }
            }
            @if outages.len() > MAX_OUTAGES {
                p {
                    a href=(visit.href("/incidents")) {
                        (Text::OverviewAndMore.fill(lang, &[("n", &view.locale.count(outages.len() - MAX_OUTAGES))]))
                    }
                }
            }
        }
    }
}

fn card(visit: &Visit, outage: &Outage<'_>) -> Markup {
    let view = &visit.view;
    let lang = view.lang();
    let target = outage.target;
    let started = outage.started_at();
    let reason = outage.incident.map(|i| &i.reason).or(target.reason.as_ref());
    html! {
        article .card .(parts::tone(target.state, true)) .calm[target.maintenance || target.silenced || target.acknowledged] {
            h3 { a href=(visit.target(&target.key)) { (outage.item.name()) } }
            p .what {
                (parts::state(visit, target, outage.item))
                @if let Some(reason) = reason { span .aside { (view.reason(reason)) } }
            }
            p .time {
                strong { (Text::TimeForSoLong.fill(lang, &[("duration", &view.locale.duration(view.now.since(started)))])) }
                " · " (Text::TimeSince.fill(lang, &[("when", &view.locale.when(started, view.now))]))
                @if let Some(site) = outage.item.site() { " · " (parts::site_link(visit, site)) }
            }
            @if let Some((author, comment)) = outage.incident.and_then(|i| i.acknowledged.as_ref()) {
                p .aside { (Text::FieldAcknowledgedBy.fill(lang, &[("author", author), ("comment", comment)])) }
            }
            @if !outage.consequences.is_empty() {
                details id=(format!("behind-{}", target.id.0)) {
                    summary {
                        (Text::OverviewConsequences.fill(lang, &[("n", &view.locale.count(outage.consequences.len()))]))
                    }
                    ul {
                        @for (behind, item) in outage.consequences.iter().take(MAX_CONSEQUENCES) {
                            li { a href=(visit.target(&behind.key)) { (item.name()) } }
                        }
                        @if outage.consequences.len() > MAX_CONSEQUENCES {
                            li {
                                (Text::OverviewAndMore.fill(lang, &[
                                    ("n", &view.locale.count(outage.consequences.len() - MAX_CONSEQUENCES)),
                                ]))
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What works badly: degraded or flapping, and not out.
fn impaired(visit: &Visit) -> Markup {
    let view = &visit.view;
    let lang = view.lang();
    let rows: Vec<_> = view
        .targets()
        .filter(|(t, i)| !t.state.is_out() && i.is_always_on() && (t.state == State::Degraded || t.flapping))
        .take(MAX_OUTAGES)
        .collect();
    html! {
        @if !rows.is_empty() {
            section aria-labelledby="impaired" {
                h2 #impaired { (Text::OverviewDegraded.get(lang)) }
                ul .lines {
                    @for (target, item) in rows {
                        li {
                            a href=(visit.target(&target.key)) { (item.name()) }
                            " " (parts::state(visit, target, item))
                            @if let Some(reason) = &target.reason { " " span .aside { (view.reason(reason)) } }
                        }
                    }
                }
            }
        }
    }
}

fn unread(visit: &Visit) -> Markup {
    let view = &visit.view;
    let lang = view.lang();
    let rows: Vec<_> = view.unread().collect();
    html! {
        @if !rows.is_empty() {
            section aria-labelledby="unread" {
                h2 #unread { (Text::OverviewUnread.get(lang)) }
                ul .lines {
                    @for (target, item, why) in rows.iter().take(MAX_OUTAGES) {
                        li {
                            a href=(visit.target(&target.key)) { (item.name()) }
                            @if let Some(why) = why { " " span .aside { (view.reason(why)) } }
                        }
                    }
                    @if rows.len() > MAX_OUTAGES {
                        li { (Text::OverviewAndMore.fill(lang, &[("n", &view.locale.count(rows.len() - MAX_OUTAGES))])) }
                    }
                }
            }
        }
    }
}

fn recent(visit: &Visit) -> Markup {
    let view = &visit.view;
    let lang = view.lang();
    let rows: Vec<_> = view
        .incidents()
        .filter(|(i, _, item)| {
            item.is_always_on() && i.root.is_none() && i.ended_at.is_some_and(|e| view.now.since(e) <= RECENT)
        })
        .take(MAX_RECENT)
        .collect();
    html! {
        @if !rows.is_empty() {
            section aria-labelledby="recent" {
                h2 #recent { (Text::OverviewRecent.get(lang)) }
                ul .lines {
                    @for (incident, target, item) in rows {
                        @let end = incident.ended_at.unwrap_or(view.now);
                        li {
                            a href=(visit.target(&target.key)) { (item.name()) }
                            " " span .aside {
                                (view.locale.when(incident.started_at, view.now))
                                " · " (view.locale.duration(end.since(incident.started_at)))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn wifi(visit: &Visit) -> Markup {
    let view = &visit.view;
    let lang = view.lang();
    let mut rows: Vec<_> = view
        .targets()
        .filter(|(_, item)| matches!(item, Item::Device(d) if d.class == Class::WifiAp && d.is_member()))
        .collect();
    rows.sort_by_cached_key(|(t, item)| {
        (
            !t.state.is_out(),
            t.state.is_online(),
            crate::i18n::collate::sort_key(item.name()),
        )
    });
    html! {
        @if !rows.is_empty() {
            section aria-labelledby="wifi" {
                h2 #wifi { (Text::OverviewWifi.get(lang)) }
                ul .lines.grid {
                    @for (target, item) in rows.iter().take(MAX_DOTS) {
                        li {
                            a href=(visit.target(&target.key)) { (item.name()) }
                            " " (parts::state(visit, target, *item))
                            @if let Some(clients) = crate::web::view::wifi_clients(target) {
                                " " span .aside {
                                    (Text::OverviewClients.fill(lang, &[("n", &view.locale.number(clients, 0))]))
                                }
                            }
                        }
                    }
                    @if rows.len() > MAX_DOTS {
                        li { (Text::OverviewAndMore.fill(lang, &[("n", &view.locale.count(rows.len() - MAX_DOTS))])) }
                    }
                }
            }
        }
    }
}

fn services(visit: &Visit) -> Markup {
    let view = &visit.view;
    let lang = view.lang();
    let rows: Vec<_> = view
        .targets()
        .filter(|(_, item)| matches!(item, Item::Service(_)))
        .collect();
    html! {
        @if !rows.is_empty() {
            section aria-labelledby="services" {
                h2 #services { (Text::OverviewServices.get(lang)) }
                ul .lines.grid {
                    @for (target, item) in rows.iter().take(MAX_DOTS) {
                        li {
                            a href=(visit.target(&target.key)) { (item.name()) }
                            " " (parts::state(visit, target, *item))
                            @if let Some(stats) = target.service.as_ref().filter(|_| target.state.is_online()) {
                                " " span .aside { (view.locale.millis(stats.duration)) }
                            }
                        }
                    }
                    @if rows.len() > MAX_DOTS {
                        li { (Text::OverviewAndMore.fill(lang, &[("n", &view.locale.count(rows.len() - MAX_DOTS))])) }
                    }
                }
            }
        }
    }
}

/// The indicators: the figure, what it is of, and what it should reach.
fn ratios(visit: &Visit) -> Markup {
    let view = &visit.view;
    let (lang, locale) = (view.lang(), &view.locale);
    html! {
        @if !visit.figures.is_empty() {
            section aria-labelledby="ratios" {
                h2 #ratios { (Text::OverviewRatios.get(lang)) }
                ul .lines.grid {
                    @for figure in visit.figures.iter() {
                        @let total = &figure.total;
                        li {
                            span .named {
                                (figure.name_en.as_ref().filter(|_| lang == Lang::En).unwrap_or(&figure.name))
                            }
                            " " strong { (parts::percent(visit, total.ratio())) }
                            " " span .aside {
                                (Text::OverviewRatioOf.fill(lang, &[
                                    ("n", &locale.integer(total.numerator)),
                                    ("of", &locale.integer(total.denominator)),
                                ]))
                                @if total.unknown > 0 {
                                    " · " (locale.integer(total.unknown)) " " (Text::StateUnknown.get(lang).to_lowercase())
                                }
                                @if total.exempt > 0 {
                                    " · " (locale.integer(total.exempt)) " " (Text::OverviewExempt.get(lang).to_lowercase())
                                }
                                @if let Some(goal) = figure.goal {
                                    " · " (Text::OverviewRatioGoal.fill(lang, &[("goal", &locale.percent(goal))]))
                                }
                            }
                            (parts::bar(total.ratio()))
                        }
                    }
                }
            }
        }
    }
}
