//! Pieces that several pages are made of.

use maud::Markup;
use maud::html;

use super::Visit;
use crate::i18n::Text;
use crate::inventory::Device;
use crate::model::Ratio;
use crate::model::SiteId;
use crate::model::State;
use crate::monitor::fleet::Standing;
use crate::monitor::fleet::Tally;
use crate::monitor::snapshot::TargetView;
use crate::web::view::Entry;
use crate::web::view::Item;

/// A mark whose shape and colour tell the state; the word stands beside it.
pub(super) fn mark(state: State, always_on: bool) -> Markup {
    html! { span .dot .(tone(state, always_on)) aria-hidden="true" {} }
}

/// The class of a state in the style sheet. A computer that is silent is quiet.
pub(super) fn tone(state: State, always_on: bool) -> &'static str {
    match state {
        State::Down if !always_on => "quiet",
        State::Up | State::Degraded | State::Down | State::Unreachable | State::Unknown => state.as_str(),
    }
}

/// Mark and word of a target's state, with its overlays.
pub(super) fn state(visit: &Visit, target: &TargetView, item: Item<'_>) -> Markup {
    let lang = visit.view.lang();
    let always_on = item.is_always_on();
    html! {
        span .state .(tone(target.state, always_on)) {
            (mark(target.state, always_on)) (visit.view.state_word(target, item))
        }
        @if target.suspect { span .tag { (Text::StateSuspect.get(lang)) } }
        @if target.maintenance { span .tag { (Text::StateMaintenance.get(lang)) } }
        @if target.silenced { span .tag { (Text::StateSilenced.get(lang)) } }
        @if target.acknowledged { span .tag { (Text::StateAcknowledged.get(lang)) } }
        @if target.flapping { span .tag { (Text::StateFlapping.get(lang)) } }
        @if visit.view.standing(item) == Standing::Exempt { span .tag { (Text::StateExempt.get(lang)) } }
    }
}

/// The state of a device, of which the monitor may have no view.
pub(super) fn device_state(visit: &Visit, device: &Device) -> Markup {
    let view = &visit.view;
    if let Some(target) = view.snapshot.by_key(&device.id.clone().into()) {
        return state(visit, target, Item::Device(device));
    }
    html! {
        span .state.none { (Text::StateNotWatched.get(view.lang())) }
        @if view.standing(Item::Device(device)) == Standing::Exempt {
            span .tag { (Text::StateExempt.get(view.lang())) }
        }
    }
}

/// A bar for a share; empty where there is none.
pub(super) fn bar(ratio: Option<Ratio>) -> Markup {
    let width = ratio.map_or(0.0, |r| r.get() * 100.0);
    html! {
        svg .bar .full[ratio == Some(Ratio::ONE)] viewBox="0 0 100 6" preserveAspectRatio="none"
            aria-hidden="true" focusable="false" {
            rect .ground width="100" height="6" rx="0" {}
            rect .fill width=(format!("{width:.2}")) height="6" rx="0" {}
        }
    }
}

/// `45/47`, or a dash for an empty group.
pub(super) fn online_of(visit: &Visit, tally: &Tally) -> String {
    if tally.expected == 0 {
        return "–".to_owned();
    }
    let locale = &visit.view.locale;
    format!(
        "{}/{}",
        locale.integer(tally.online),
        locale.integer(tally.expected)
    )
}

/// A share in per cent, or a dash for an empty group.
pub(super) fn percent(visit: &Visit, ratio: Option<Ratio>) -> String {
    ratio.map_or_else(|| "–".to_owned(), |r| visit.view.locale.percent(r))
}

/// A number that matters where it is not zero.
pub(super) fn figure(visit: &Visit, value: u64, class: &str) -> Markup {
    html! {
        @if value == 0 {
            span .zero { "0" }
        } @else {
            span .(class) { (visit.view.locale.integer(value)) }
        }
    }
}

/// A link to a site, by its name.
pub(super) fn site_link(visit: &Visit, site: &SiteId) -> Markup {
    html! { a href=(visit.href(&format!("/site/{site}"))) { (visit.view.site_name(site)) } }
}

/// A row of a list of names and values, left out where there is no value.
pub(super) fn field(visit: &Visit, name: Text, value: Option<impl maud::Render>) -> Markup {
    html! {
        @if let Some(value) = value {
            div { dt { (name.get(visit.view.lang())) } dd { (value) } }
        }
    }
}

/// A table of incidents. `named`: with a column for the target.
pub(super) fn incidents<'a>(visit: &Visit, rows: impl Iterator<Item = Entry<'a>>, named: bool) -> Markup {
    let view = &visit.view;
    let lang = view.lang();
    let rows: Vec<_> = rows.collect();
    html! {
        @if rows.is_empty() {
            p .none { (Text::FieldNoIncidents.get(lang)) }
        } @else {
            table .list {
                thead { tr {
                    @if named { th scope="col" { (Text::FieldName.get(lang)) } }
                    th scope="col" { (Text::FieldStarted.get(lang)) }
                    th scope="col" { (Text::FieldEnded.get(lang)) }
                    th scope="col" .number { (Text::FieldDuration.get(lang)) }
                    th scope="col" { (Text::FieldReason.get(lang)) }
                } }
                tbody {
                    @for entry in rows {
                        @let end = entry.ended_at().unwrap_or(view.now);
                        tr .open[entry.ended_at().is_none()] {
                            @if named { th scope="row" { (whose(visit, entry)) } }
                            td data-label=(Text::FieldStarted.get(lang)) { (view.locale.when(entry.started_at(), view.now)) }
                            td data-label=(Text::FieldEnded.get(lang)) {
                                @match entry.ended_at() {
                                    Some(end) => (view.locale.when(end, view.now)),
                                    None => strong { (Text::FieldLasting.get(lang)) },
                                }
                            }
                            td .number data-label=(Text::FieldDuration.get(lang)) {
                                (view.locale.duration(end.since(entry.started_at())))
                            }
                            td data-label=(Text::FieldReason.get(lang)) { (why(visit, entry)) }
                        }
                    }
                }
            }
        }
    }
}

/// Whose incident it is.
fn whose(visit: &Visit, entry: Entry<'_>) -> Markup {
    let view = &visit.view;
    html! {
        @match entry {
            Entry::Outage(_, target, item) => {
                a href=(visit.target(&target.key)) { (item.name()) }
                @if let Some(site) = item.site() {
                    " " span .aside { (view.site_name(site)) }
                }
            },
            Entry::CutOff(_) => (Text::FieldMonitor.get(view.lang())),
        }
    }
}

/// Why it came about, and what people said of it.
fn why(visit: &Visit, entry: Entry<'_>) -> Markup {
    let view = &visit.view;
    let lang = view.lang();
    let Entry::Outage(incident, ..) = entry else {
        return html! { (view.reason(entry.reason())) };
    };
    let root = incident
        .root
        .filter(|r| *r != incident.target)
        .and_then(|r| view.snapshot.target(r));
    html! {
        @match root {
            Some(root) => {
                (Text::OverviewCause.get(lang)) ": "
                a href=(visit.target(&root.key)) { (view.name(&root.key)) }
            },
            None => (view.reason(&incident.reason)),
        }
        @if let Some(class) = incident.class {
            " " span .tag { (Text::word("incident_class", class.as_str(), lang)) }
        }
        @if let Some((author, comment)) = &incident.acknowledged {
            br;
            span .aside {
                (Text::FieldAcknowledgedBy.fill(lang, &[("author", author), ("comment", comment)]))
            }
        }
    }
}

/// A table of devices.
pub(super) fn devices<'a>(visit: &Visit, rows: impl Iterator<Item = &'a Device>, sited: bool) -> Markup {
    let view = &visit.view;
    let lang = view.lang();
    html! {
        table .list {
            thead { tr {
                th scope="col" { (Text::FieldName.get(lang)) }
                th scope="col" { (Text::FieldState.get(lang)) }
                th scope="col" { (Text::FieldClass.get(lang)) }
                @if sited { th scope="col" { (Text::FieldSite.get(lang)) } }
                th scope="col" { (Text::FieldAddress.get(lang)) }
                th scope="col" { (Text::FieldModel.get(lang)) }
                th scope="col" { (Text::FieldLifecycle.get(lang)) }
            } }
            tbody {
                @for device in rows {
                    tr {
                        th scope="row" { a href=(visit.target(&device.id.clone().into())) { (device.name) } }
                        td data-label=(Text::FieldState.get(lang)) { (device_state(visit, device)) }
                        td data-label=(Text::FieldClass.get(lang)) { (Text::word("class", device.class.as_str(), lang)) }
                        @if sited {
                            td data-label=(Text::FieldSite.get(lang)) {
                                @if let Some(site) = &device.site { (site_link(visit, site)) }
                            }
                        }
                        td .code data-label=(Text::FieldAddress.get(lang)) {
                            @if let Some(host) = device.primary_host() { (host) }
                        }
                        td data-label=(Text::FieldModel.get(lang)) {
                            (visit.view.known(device, device.vendor.as_ref(), "vendor").unwrap_or_default()) " "
                            (visit.view.known(device, device.model.as_ref(), "model").unwrap_or_default())
                        }
                        td data-label=(Text::FieldLifecycle.get(lang)) {
                            (Text::word("lifecycle", device.lifecycle.as_str(), lang))
                        }
                    }
                }
            }
        }
    }
}
