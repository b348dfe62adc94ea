//! Credentials, receivers and routes.

use std::collections::BTreeMap;

use super::super::fields::Fields;
use super::super::model::{Alerts, AuthProtocol, Credential, PrivacyProtocol, Quiet, Receiver, Route};
use super::super::node::Node;
use super::super::problem::Sink;
use super::super::raw;
use super::super::read::{scalar, word};
use super::super::secret::Secret;
use super::targets::plugin;
use super::{Known, hours, selector};
use crate::i18n::Lang;
use crate::model::Span;

pub(super) fn credentials(node: Option<&Node>, sink: &Sink) -> BTreeMap<String, Credential> {
    let entries = node.into_iter().flat_map(|n| n.named(sink));
    entries
        .filter_map(|(name, _, node)| Some((name.to_owned(), credential(node, sink)?)))
        .collect()
}

fn credential(node: &Node, sink: &Sink) -> Option<Credential> {
    let f = node.fields(raw::CREDENTIAL, sink)?;
    let versions = [(1, "1"), (2, "2c"), (3, "3")];
    let version = match f.node("version") {
        Some(node) => word(node, sink, &versions)?,
        None if f.node("user").is_some() => 3,
        None => 2,
    };
    let (ours, others): (&[&str], &[&str]) = if version == 3 {
        (&["user"], &["community"])
    } else {
        (
            &["community"],
            &[
                "user",
                "auth",
                "auth_password",
                "priv",
                "priv_password",
                "context",
            ],
        )
    };
    for key in others {
        if f.node(key).is_some() {
            f.report(
                key,
                format!("{key:?} is not for this SNMP version"),
                format!("`{}`", ours.join("`, `")),
            );
        }
    }
    if version != 3 {
        return Some(Credential::Community {
            v1: version == 1,
            community: f.require("community")?,
        });
    }
    let user = f.require("user");
    let auth: Option<(AuthProtocol, Secret)> = pair(&f, "auth", "auth_password");
    let privacy: Option<(PrivacyProtocol, Secret)> = pair(&f, "priv", "priv_password");
    if f.node("priv").is_some() && f.node("auth").is_none() {
        f.report(
            "priv",
            "privacy needs authentication",
            "`auth` and `auth_password` too (RFC 3414)",
        );
    }
    Some(Credential::User {
        user: user?,
        auth,
        privacy,
        context: f.get("context").unwrap_or_default(),
    })
}

/// A protocol and its password: both or neither; the password as long as RFC 3414 §11.2 wants.
fn pair<T: super::super::read::Read>(f: &Fields<'_>, protocol: &str, password: &str) -> Option<(T, Secret)> {
    match (f.node(protocol), f.node(password)) {
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            f.report(
                if f.node(protocol).is_some() {
                    protocol
                } else {
                    password
                },
                format!("{protocol:?} and {password:?} belong together"),
                "both of them",
            );
            None
        }
        (Some(_), Some(_)) => {
            let (found, secret): (Option<T>, Option<Secret>) = (f.get(protocol), f.get(password));
            let secret = secret?;
            if secret.expose().len() < 8 {
                f.report(
                    password,
                    "this password is too short",
                    "at least 8 characters (RFC 3414)",
                );
                return None;
            }
            Some((found?, secret))
        }
    }
}

pub(super) fn alerts(f: &Fields<'_>, known: &Known, language: Lang) -> Alerts {
    let sink = f.sink();
    let receivers: BTreeMap<String, Receiver> = f
        .node("receivers")
        .into_iter()
        .flat_map(|n| n.named(sink))
        .filter_map(|(name, _, node)| Some((name.to_owned(), receiver(node, language, sink)?)))
        .collect();
    let routes = match f.node("routes") {
        Some(node) => node
            .items()
            .iter()
            .filter_map(|item| route(item, known, sink))
            .collect(),
        // Without routes, everyone hears of everything.
        None => vec![Route {
            receivers: receivers.keys().cloned().collect(),
            ..Route::default()
        }],
    };
    let repeat: Span = f.preset("repeat_interval");
    Alerts {
        receivers,
        routes,
        notify_after: f.preset("notify_after"),
        notify_after_links: f.preset("notify_after_links"),
        repeat_interval: (!repeat.is_zero()).then_some(repeat),
        give_up_after: f.preset("give_up_after"),
    }
}

fn receiver(node: &Node, default: Lang, sink: &Sink) -> Option<Receiver> {
    let (kind, options) = plugin(node, sink)?;
    let language = match node.get("language") {
        Some(node) => node.read(sink)?,
        None => default,
    };
    Some(Receiver {
        kind,
        language,
        options: options.without("kind").without("language"),
    })
}

fn route(item: &Node, known: &Known, sink: &Sink) -> Option<Route> {
    let f = item.fields(raw::ROUTE, sink)?;
    if f.whole().get("receivers").is_none() {
        f.require::<String>("receivers");
    }
    let quiet = f.node("quiet").and_then(|node| {
        let range = scalar(
            node,
            sink,
            "a time of the day",
            "from-to, like 22:00-06:00",
            hours::range,
        );
        range.map(|(from, to)| Quiet { from, to })
    });
    Some(Route {
        selector: selector::at(&f, "select", known),
        receivers: known.receivers.list(&f, "receivers"),
        notify_after: f.get("notify_after"),
        quiet,
        goes_on: f.preset("continue"),
    })
}
