//! One reader's request: the snapshot of that moment in the reader's language.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;

use crate::i18n::Lang;
use crate::model::TargetKey;
use crate::model::TargetKind;
use crate::web::Figure;
use crate::web::State;
use crate::web::record::Record;
use crate::web::view::View;

/// A request for a page or a resource.
pub(in crate::web) struct Visit {
    /// What the reader sees.
    pub(in crate::web) view: View,
    /// The path asked for.
    pub(in crate::web) path: String,
    /// The language that the address asks for, kept in every link of the page.
    asked: Option<Lang>,
    /// The indicators as they were last worked out.
    pub(in crate::web) figures: Arc<Vec<Figure>>,
    /// How the record is.
    pub(in crate::web) record: Arc<Record>,
    /// The query as it came, without `lang`.
    pub(in crate::web) query: Vec<(String, String)>,
}

impl FromRequestParts<State> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Infallible> {
        let query: Vec<(String, String)> = parts.uri.query().map_or_else(Vec::new, |q| {
            url::form_urlencoded::parse(q.as_bytes())
                .take(32)
                .map(|(k, v)| (k.into_owned(), v.into_owned()))
                .collect()
        });
        let asked = query
            .iter()
            .find(|(k, _)| k == "lang")
            .and_then(|(_, v)| v.parse().ok());
        let settings = state.settings.load_full();
        let lang = asked
            .or_else(|| {
                let header = parts.headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
                Lang::accepted(header)
            })
            .unwrap_or(settings.lang);
        Ok(Self {
            view: View::new(state.snapshot.load_full(), settings, lang, state.clock.wall()),
            path: parts.uri.path().to_owned(),
            figures: state.figures.load_full(),
            record: state.health.record(),
            asked,
            query: query.into_iter().filter(|(k, _)| k != "lang").collect(),
        })
    }
}

impl Visit {
    /// A value of the query; `None` if it is missing or empty.
    pub(in crate::web) fn asks(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(k, v)| k == name && !v.trim().is_empty())
            .map(|(_, v)| v.as_str())
    }

    /// The address of a page of ours in the language that was asked for.
    pub(in crate::web) fn href(&self, path: &str) -> String {
        address(path, &[], self.asked)
    }

    /// This page with other values in its query; an empty value takes it out.
    pub(in crate::web) fn here_with(&self, changes: &[(&str, &str)]) -> String {
        let mut query = self.query.clone();
        for (name, value) in changes {
            query.retain(|(k, _)| k != name);
            if !value.is_empty() {
                query.push(((*name).to_owned(), (*value).to_owned()));
            }
        }
        address(&self.path, &query, self.asked)
    }

    /// This page in another language.
    pub(in crate::web) fn here_in(&self, lang: Lang) -> String {
        address(&self.path, &self.query, Some(lang))
    }

    /// The page of a target.
    pub(in crate::web) fn target(&self, key: &TargetKey) -> String {
        let folder = match key.kind {
            TargetKind::Device => "device",
            TargetKind::Link => "link",
            TargetKind::Service => "service",
        };
        self.href(&format!("/{folder}/{}", key.slug))
    }

    /// The language that the address asks for.
    pub(in crate::web) fn asked(&self) -> Option<Lang> {
        self.asked
    }
}

fn address(path: &str, query: &[(String, String)], lang: Option<Lang>) -> String {
    let mut encoded = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in query {
        encoded.append_pair(name, value);
    }
    if let Some(lang) = lang {
        encoded.append_pair("lang", lang.as_str());
    }
    let encoded = encoded.finish();
    // A path that began with two slashes would lead to another host.
    let path = format!("/{}", path.trim_start_matches('/'));
    if encoded.is_empty() {
        path
    } else {
        format!("{path}?{encoded}")
    }
}
