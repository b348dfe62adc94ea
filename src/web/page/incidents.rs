//! `/incidents`: outages, newest first.

use axum::response::IntoResponse;
use axum::response::Response;
use maud::html;

use super::Shell;
use super::Visit;
use super::parts;
use crate::i18n::Text;
use crate::web::view::entries;

/// Incidents on a page.
const MAX: usize = 300;

/// Answers `/incidents`.
pub(in crate::web) async fn page(visit: Visit) -> Response {
    let view = &visit.view;
    let lang = view.lang();
    let all = visit.asks("all").is_some();
    // Computers that were switched off are no outages; whoever wants to see them says so.
    let rows = entries(view, |_, _, item| all || item.is_always_on());
    let title = Text::PageIncidents.get(lang);
    Shell {
        visit: &visit,
        title,
        live: true,
        body: html! {
            header .title { h1 { (title) } }
            section { (parts::incidents(&visit, rows.into_iter().take(MAX), true)) }
        },
    }
    .into_response()
}
