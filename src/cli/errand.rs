//! What commands that change the record share: the running daemon does it; where
//! none runs, the command takes the record's lock and does it itself.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use hyper::Method;
use hyper::body::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::Exit;
use super::Failure;
use super::client;
use super::client::AskError;
use super::config_file::ConfigFile;
use super::output;
use super::record;
use crate::clock::Clock;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::daemon::offline;
use crate::daemon::offline::OfflineError;
use crate::model::Timestamp;
use crate::web::people::Order;

/// Which daemon, or which record.
#[derive(Debug, Args)]
pub struct Keeper {
    #[command(flatten)]
    config: ConfigFile,
    /// The daemon's socket [default: control.sock beside the database]; given, only that daemon is asked
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

/// An order on its way.
pub struct Errand {
    /// The configuration.
    pub config: Config,
    socket: Option<PathBuf>,
}

impl Keeper {
    /// Reads the configuration.
    ///
    /// # Errors
    /// [`Exit::Usage`] when it has mistakes, which have been printed then.
    pub fn errand(&self) -> Result<Errand, Exit> {
        Ok(Errand {
            config: self.config.load()?,
            socket: self.socket.clone(),
        })
    }
}

impl Errand {
    /// Has it done, and gives the answer as the API tells it; empty where it
    /// has no content. `order` is the same for who does it without a daemon.
    ///
    /// # Errors
    /// It is refused (exit 1), or can't be done (exit 3).
    pub fn run(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
        order: impl FnOnce(Timestamp) -> Result<Order, String>,
    ) -> Result<Bytes, Failure> {
        let socket = self
            .socket
            .clone()
            .unwrap_or_else(|| record::socket(&self.config.database));
        let body: Option<Value> = body
            .map(serde_json::to_value)
            .transpose()
            .map_err(Failure::usage)?;
        match client::ask(&socket, method, path, body.as_ref()) {
            Err(AskError::NoDaemon { .. }) if self.socket.is_none() => self.without_daemon(order),
            answered => answered.map_err(Into::into),
        }
    }

    fn without_daemon(
        &self,
        order: impl FnOnce(Timestamp) -> Result<Order, String>,
    ) -> Result<Bytes, Failure> {
        let clock = SystemClock::new();
        let order = order(clock.wall()).map_err(refused)?;
        let answer =
            offline::obey(&self.config, order, &(Arc::new(clock) as _)).map_err(|error| match error {
                OfflineError::Refused(why) => refused(why),
                OfflineError::Cycle(cycle) => Failure::usage(cycle),
                error @ (OfflineError::Store(_)
                | OfflineError::NoRecord { .. }
                | OfflineError::Format(_)
                | OfflineError::Runtime(_)) => Failure::could_not_look(error),
            })?;
        output::note("no daemon runs: this command asked the record itself");
        let body = answer.body().map_err(Failure::could_not_look)?;
        Ok(body.map(Bytes::from).unwrap_or_default())
    }
}

fn refused(why: String) -> Failure {
    Failure {
        exit: Exit::NotFine,
        error: why.into(),
    }
}
