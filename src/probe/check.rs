//! What every kind of service check has in common: how it is read, how it is
//! run, and the deadline that cuts a hung one (trap 18).

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use crate::clock::SharedClock;
use crate::config::node::Node;
use crate::config::problem::Sink;
use crate::config::schema::Key;
use crate::model::Mono;
use crate::model::Outcome;
use crate::model::Reason;
use crate::model::ServiceStats;
use crate::model::Span;

/// A kind of service check, as the configuration names it.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// The word after `kind:`, and in the `probe` label of metrics.
    pub name: &'static str,
    /// What it does, in one sentence, for the schema.
    pub doc: &'static str,
    /// Its options, `kind` among them.
    pub keys: &'static [Key],
    /// Reads its options.
    pub build: fn(&Node, &Sink) -> Option<Box<dyn Check>>,
}

/// A look that is under way.
pub type Looking<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// One configured check.
pub trait Check: Debug + Send + Sync {
    /// Looks once. Phases go into `stats` as they end, so that those of a look
    /// that is cut by its deadline are told all the same.
    ///
    /// # Cancel safety
    /// Dropping the future closes its connections.
    fn look<'a>(&'a self, context: &'a Context, stats: &'a mut Stats) -> Looking<'a>;
}

/// What a check needs of the world.
#[derive(Clone)]
pub struct Context {
    /// How long one look may take in all.
    pub timeout: Span,
    /// For the lengths of the phases.
    pub clock: SharedClock,
}

/// What a look has measured so far.
#[derive(Debug, Clone, Default)]
pub struct Stats {
    /// Phases in their order; the same phase of a redirected request is added up.
    pub phases: Vec<(&'static str, Span)>,
    /// The last HTTP status.
    pub http_status: Option<u16>,
    /// When the earliest certificate of the chain expires.
    pub tls_not_after: Option<crate::model::Timestamp>,
}

impl Stats {
    /// Adds a phase that began at `since` and ends now; returns now.
    pub fn end_phase(&mut self, name: &'static str, since: Mono, context: &Context) -> Mono {
        let now = context.clock.mono();
        let length = now.since(since);
        match self.phases.iter_mut().find(|(phase, _)| *phase == name) {
            Some((_, sum)) => *sum += length,
            None => self.phases.push((name, length)),
        }
        now
    }
}

/// Runs a check once, within its time.
///
/// # Cancel safety
/// As [`Check::look`].
pub async fn run(check: &dyn Check, context: &Context) -> (Outcome, ServiceStats) {
    let start = context.clock.mono();
    let mut stats = Stats::default();
    let cut = tokio::time::timeout(context.timeout, check.look(context, &mut stats)).await;
    let outcome = cut.unwrap_or(Outcome::Bad(Reason::Timeout));
    let Stats {
        phases,
        http_status,
        tls_not_after,
    } = stats;
    let stats = ServiceStats {
        duration: context.clock.mono().since(start),
        phases: phases
            .into_iter()
            .map(|(name, span)| (name.to_owned(), span))
            .collect(),
        http_status,
        tls_not_after,
    };
    (outcome, stats)
}
