//! Ways out: one file each, one line in [`KINDS`].

pub mod email;
pub mod webhook;

use std::future::Future;
use std::pin::Pin;

use super::message::Message;
use crate::config::node::Node;
use crate::config::problem::Sink;
use crate::config::schema::Key;
use crate::model::Span;

/// One way of telling, as the configuration names it.
pub struct Kind {
    /// The word in the configuration.
    pub name: &'static str,
    /// The keys of its options.
    pub keys: &'static [Key],
    /// Reads its options; reports every mistake with its place.
    pub build: fn(&Node, &Sink) -> Option<Box<dyn Notifier>>,
}

/// Every kind, sorted by name.
pub static KINDS: &[Kind] = &[email::KIND, webhook::KIND];

/// The kind of that word.
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|k| k.name == name)
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The other side has taken it.
    Delivered,
    /// It may be taken later.
    Retry {
        /// The other side asked to wait so long.
        after: Option<Span>,
        /// Why.
        why: String,
    },
    /// It will never be taken as it is.
    Refused {
        /// Why.
        why: String,
    },
}

impl Delivery {
    /// To be tried again, at our own time.
    pub fn retry(why: impl Into<String>) -> Self {
        Self::Retry {
            after: None,
            why: why.into(),
        }
    }
}

/// The future of one attempt.
pub type Attempt<'a> = Pin<Box<dyn Future<Output = Delivery> + Send + 'a>>;

/// Delivers messages. Every attempt ends by itself within half a minute.
pub trait Notifier: Send + Sync {
    /// Tries once.
    fn deliver<'a>(&'a self, message: &'a Message) -> Attempt<'a>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_sorted_and_known() {
        assert!(KINDS.is_sorted_by_key(|k| k.name));
        assert!(kind("email").is_some() && kind("pigeon").is_none());
    }
}
