//! `/inventory`: every device that viewers may see, searched without
//! diacritics, by class, a page at a time.

use axum::response::IntoResponse;
use axum::response::Response;
use maud::Markup;
use maud::html;

use super::Shell;
use super::Visit;
use super::parts;
use crate::i18n::Text;
use crate::i18n::collate;
use crate::inventory::Class;
use crate::inventory::Device;
use crate::inventory::class::CLASSES;
use crate::web::view::View;

/// Devices on a page.
const PAGE: usize = 200;

/// Answers `/inventory`.
pub(in crate::web) async fn page(visit: Visit) -> Response {
    let view = &visit.view;
    let lang = view.lang();
    let query = visit.asks("q").unwrap_or_default();
    let class: Option<Class> = visit.asks("class").and_then(|c| c.parse().ok());
    let mut found: Vec<&Device> = view
        .inventory()
        .devices
        .values()
        .filter(|d| !d.is_hidden() && class.is_none_or(|c| d.class == c) && finds(view, d, query))
        .collect();
    found.sort_by_cached_key(|d| collate::sort_key(&d.name));
    let pages = found.len().div_ceil(PAGE).max(1);
    let number = visit
        .asks("page")
        .and_then(|p| p.parse::<usize>().ok())
        .unwrap_or(1)
        .clamp(1, pages);
    let title = Text::PageInventory.get(lang);
    let hidden = view.hidden();
    Shell {
        visit: &visit,
        title,
        live: false,
        body: html! {
            header .title { h1 { (title) } }
            (search(&visit, query, class))
            section {
                p .aside {
                    (Text::ReportTotal.fill(lang, &[("n", &view.locale.count(found.len()))]))
                    @if hidden > 0 {
                        ". " (Text::ReportHidden.fill(lang, &[("n", &view.locale.count(hidden))]))
                    }
                }
                @if found.is_empty() { p .none { (Text::FieldNoDevices.get(lang)) } }
                @else { (parts::devices(&visit, found.into_iter().skip((number - 1) * PAGE).take(PAGE), true)) }
                @if pages > 1 {
                    nav .pages aria-label=(Text::FieldPageOf.fill(lang, &[("n", &number.to_string()), ("of", &pages.to_string())])) {
                        @if number > 1 {
                            a rel="prev" href=(visit.here_with(&[("page", &(number - 1).to_string())])) { (Text::FieldPrevious.get(lang)) }
                        }
                        span { (Text::FieldPageOf.fill(lang, &[("n", &number.to_string()), ("of", &pages.to_string())])) }
                        @if number < pages {
                            a rel="next" href=(visit.here_with(&[("page", &(number + 1).to_string())])) { (Text::FieldNext.get(lang)) }
                        }
                    }
                }
            }
        },
    }
    .into_response()
}

/// Whether every word of `query` stands somewhere in the device's entry.
fn finds(view: &View, device: &Device, query: &str) -> bool {
    if query.trim().is_empty() {
        return true;
    }
    let mut text = format!("{} {} ", device.name, device.id);
    for part in [
        view.known(device, device.serial.as_ref(), "serial"),
        view.known(device, device.vendor.as_ref(), "vendor"),
        view.known(device, device.model.as_ref(), "model"),
        device.asset_tag.as_deref(),
        device.owner.as_deref(),
    ] {
        text.push_str(part.unwrap_or_default());
        text.push(' ');
    }
    for address in &device.addresses {
        text.push_str(&address.host.to_string());
        text.push(' ');
    }
    for mac in &device.macs {
        text.push_str(&mac.to_string());
        text.push(' ');
    }
    if let Some(site) = &device.site {
        text.push_str(&view.site_name(site));
    }
    collate::matches(&text, query)
}

fn search(visit: &Visit, query: &str, class: Option<Class>) -> Markup {
    let lang = visit.view.lang();
    html! {
        form .search method="get" action="/inventory" role="search" {
            @if let Some(asked) = visit.asked() { input type="hidden" name="lang" value=(asked); }
            label {
                span { (Text::FieldSearch.get(lang)) }
                input type="search" name="q" value=(query) placeholder=(Text::FieldSearchHint.get(lang)) maxlength="200";
            }
            label {
                span { (Text::FieldClass.get(lang)) }
                select name="class" {
                    option value="" { (Text::FieldAll.get(lang)) }
                    @for row in &CLASSES {
                        option value=(row.name) selected[class == Some(row.class)] { (Text::word("class", row.name, lang)) }
                    }
                }
            }
            button type="submit" { (Text::FieldFilter.get(lang)) }
        }
    }
}
