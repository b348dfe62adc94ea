//! The frame of every page: title, navigation, banners, foot.

use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use maud::DOCTYPE;
use maud::Markup;
use maud::html;

use super::Visit;
use crate::i18n::Lang;
use crate::i18n::Text;
use crate::web::asset;

/// A page to be put into its frame.
pub(in crate::web) struct Shell<'a> {
    /// Whose request it answers.
    pub(in crate::web) visit: &'a Visit,
    /// Its title.
    pub(in crate::web) title: &'a str,
    /// Whether it renews itself.
    pub(in crate::web) live: bool,
    /// What stands in it.
    pub(in crate::web) body: Markup,
}

/// The pages of the navigation.
const PAGES: [(&str, Text); 3] = [
    ("/", Text::PageOverview),
    ("/incidents", Text::PageIncidents),
    ("/inventory", Text::PageInventory),
];

impl Shell<'_> {
    fn markup(&self) -> Markup {
        let visit = self.visit;
        let view = &visit.view;
        let lang = view.lang();
        let other = match lang {
            Lang::Vi => Lang::En,
            Lang::En => Lang::Vi,
        };
        let text = |t: Text| t.get(lang);
        let refresh = view.settings.refresh.as_secs().max(1);
        html! {
            (DOCTYPE)
            html lang=(lang) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) " · " (view.settings.organization) }
                    link rel="icon" href=(asset::ICON.address()) type="image/svg+xml";
                    link rel="stylesheet" href=(asset::STYLE.address());
                    @if self.live {
                        noscript { meta http-equiv="refresh" content=(refresh); }
                        script src=(asset::SCRIPT.address()) defer data-refresh=(refresh) {}
                    }
                }
                body {
                    a .skip href="#content" { (text(Text::PageSkip)) }
                    header .top {
                        a .brand href=(visit.href("/")) {
                            (maud::PreEscaped(asset::MARK))
                            span { (view.settings.organization) }
                        }
                        nav aria-label=(text(Text::PageNavigation)) {
                            @for (path, name) in PAGES {
                                @let here = visit.path == path;
                                a href=(visit.href(path)) aria-current=[here.then_some("page")] { (text(name)) }
                            }
                        }
                        a .lang href=(visit.here_in(other)) lang=(other) hreflang=(other) {
                            (text(Text::PageOtherLanguage))
                        }
                    }
                    main #content tabindex="-1" {
                        (self.banners())
                        (self.body)
                    }
                    footer {
                        span #as-of {
                            (Text::PageAsOf.fill(lang, &[("when", &view.locale.moment(view.snapshot.at))]))
                        }
                        span {
                            (Text::PageTimezone.fill(
                                lang,
                                &[("zone", view.settings.timezone.iana_name().unwrap_or("UTC"))],
                            ))
                        }
                        span { "tramgac " (env!("CARGO_PKG_VERSION")) }
                    }
                }
            }
        }
    }

    fn banners(&self) -> Markup {
        let view = &self.visit.view;
        let lang = view.lang();
        html! {
            @if let Some(notice) = &view.settings.notice {
                aside .banner.mark {
                    p { (match lang { Lang::Vi => &notice.vi, Lang::En => &notice.en }) }
                    @for command in &notice.commands {
                        pre { code { (command) } }
                    }
                }
            }
            @if let Some(since) = view.snapshot.blind_since {
                aside .banner.blind role="status" {
                    p { strong { (Text::PageBlindTitle.fill(lang, &[("when", &view.locale.when(since, view.now))])) } }
                    p { (Text::PageBlindText.get(lang)) }
                }
            }
            @for notice in self.visit.record.notices(&view.locale, view.now) {
                aside .banner.blind role="status" {
                    p { strong { (notice.title) } }
                    p { (notice.text) }
                }
            }
            @if view.is_stale() {
                aside .banner.blind role="status" {
                    p {
                        (Text::PageStale.fill(lang, &[
                            ("when", &view.locale.when(view.snapshot.at, view.now)),
                            ("ago", &Text::TimeAgo.fill(lang, &[
                                ("duration", &view.locale.duration(view.now.since(view.snapshot.at))),
                            ])),
                        ]))
                    }
                }
            }
        }
    }
}

impl IntoResponse for Shell<'_> {
    fn into_response(self) -> Response {
        (
            [
                (header::CONTENT_TYPE, "text/html; charset=utf-8"),
                (header::CONTENT_LANGUAGE, self.visit.view.lang().as_str()),
                (header::VARY, "accept-language"),
            ],
            self.markup().into_string(),
        )
            .into_response()
    }
}

/// The page for what is not there.
pub(in crate::web) fn not_found(visit: &Visit) -> Response {
    let lang = visit.view.lang();
    let shell = Shell {
        visit,
        title: Text::PageNotFound.get(lang),
        live: false,
        body: html! {
            section .empty {
                h1 { (Text::PageNotFound.get(lang)) }
                p { (Text::PageNotFoundText.get(lang)) }
                p { a href=(visit.href("/")) { (Text::PageToOverview.get(lang)) } }
            }
        },
    };
    (StatusCode::NOT_FOUND, shell).into_response()
}
