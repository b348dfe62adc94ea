//! How we look: ICMP, SNMP, and one file each for the service checks.
//!
//! A kind of service check is one file with a `KIND` and one line in [`KINDS`].

pub mod check;
mod connect;
pub mod dns;
pub mod http;
pub mod icmp;
pub mod mail;
pub mod sip;
pub mod snmp;
pub mod tcp;
pub mod tls;
mod trust;

pub use self::check::Check;
pub use self::check::Context;
pub use self::check::Kind;
use crate::config::node::Node;
use crate::config::problem::Sink;
use crate::config::problem::nearest;

/// Every kind of service check, sorted by name.
pub static KINDS: &[Kind] = &[
    dns::KIND,
    http::KIND,
    mail::IMAP,
    sip::KIND,
    mail::SMTP,
    tcp::KIND,
    tls::KIND,
];

/// The words that may stand after `kind:` in a check.
pub fn names() -> Vec<&'static str> {
    KINDS.iter().map(|kind| kind.name).collect()
}

/// Reads a check whose kind stands beside its options; problems go to the sink with their places.
pub fn build(node: &Node, sink: &Sink) -> Option<Box<dyn Check>> {
    let Some(name) = node.get("kind").and_then(|n| n.text()) else {
        sink.report(
            node.problem("the check has no kind")
                .expected(format!("kind: one of {}", names().join(", "))),
        );
        return None;
    };
    build_kind(name, node, sink)
}

/// Reads the options of a check of that kind; problems go to the sink with their places.
pub fn build_kind(name: &str, node: &Node, sink: &Sink) -> Option<Box<dyn Check>> {
    let Some(kind) = KINDS.iter().find(|kind| kind.name == name) else {
        let place = node.get("kind").unwrap_or(node);
        sink.report(
            place
                .problem(format!("there is no kind of check called {name:?}"))
                .expected(format!("one of: {}", names().join(", ")))
                .did_you_mean(nearest(name, names())),
        );
        return None;
    };
    (kind.build)(node, sink)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::secret::Env;

    fn read(json: &serde_json::Value) -> Result<Box<dyn Check>, String> {
        let sink = Sink::new();
        let env = Arc::new(Env::new([]));
        let node = Node::from_json("test", json, &env, &sink);
        let check = build(&node, &sink);
        sink.finish(check).map_err(|p| p.to_string())
    }

    #[test]
    fn the_registry_is_sorted_and_every_kind_knows_its_own_word() {
        assert!(KINDS.is_sorted_by_key(|kind| kind.name));
        for kind in KINDS {
            assert!(kind.keys.iter().any(|key| key.name == "kind"), "{}", kind.name);
        }
    }

    #[test]
    fn an_unknown_kind_or_key_is_told_with_a_suggestion() {
        let told = read(&serde_json::json!({"kind": "htp", "url": "http://a/"})).unwrap_err();
        assert!(told.contains("did you mean: http"), "{told}");
        let told = read(&serde_json::json!({"kind": "tcp", "host": "127.0.0.1", "prt": 1})).unwrap_err();
        assert!(told.contains("did you mean: port"), "{told}");
        assert!(told.contains("\"port\" is missing"), "{told}");
        assert!(read(&serde_json::json!({"kind": "tcp", "host": "127.0.0.1", "port": 1})).is_ok());
    }

    #[test]
    fn mistakes_in_the_options_of_http_are_all_told() {
        let told = read(&serde_json::json!({
            "kind": "http", "url": "ftp://x/", "status": ["2000"], "body_match": "(",
        }))
        .unwrap_err();
        for part in ["http:// or https://", "200-299", "regular expression"] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }
}
