//! `tramgac lab`: SNMP agents that serve recordings and scripted devices.

mod wire;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use tokio::net::UdpSocket;

use super::Exit;
use super::Failure;
use super::Subcommand;
use super::output;
use crate::clock::SystemClock;
use crate::lab::agent::Communities;
use crate::lab::agent::serve;
use crate::lab::recordings::Recordings;
use crate::lab::scripted;

/// The subcommand.
pub const COMMAND: Subcommand = super::subcommand("lab", super::command_of::<Lab>, run);

/// Simulate devices: SNMP agents for recordings and scripted devices
#[derive(Debug, Parser)]
#[command(
    name = "lab",
    after_help = "Examples:\n  \
        tramgac lab --recordings ./recordings\n  \
        tramgac inspect -c NAME 127.0.0.1:1161      (NAME.snmprec answers)\n  \
        tramgac inspect -c switch 127.0.0.1:1161    (scripted: router, switch, ap, printer, ups)\n\n\
        The community chooses the device, as with snmpsim. It runs until it is interrupted."
)]
struct Lab {
    #[command(subcommand)]
    task: Option<Task>,
    /// Folder of recordings (.snmprec); the community is the file's name without its ending
    #[arg(long, value_name = "DIR")]
    recordings: Option<PathBuf>,
    /// Where to answer; may be given more than once
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:1161")]
    listen: Vec<SocketAddr>,
    /// End after this many seconds
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
}

/// What else the lab can be.
#[derive(Debug, clap::Subcommand)]
enum Task {
    /// Join two network namespaces by a wire that delays, loses, breaks (for tests and benches)
    #[command(hide = true)]
    Wire(wire::Arguments),
}

/// What keeps the lab from starting.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("{path} is no folder of recordings")]
    NoFolder { path: String },
    #[error("can't answer at {listen}; --listen names other addresses")]
    Listen {
        listen: String,
        #[source]
        cause: std::io::Error,
    },
}

fn run(matches: &clap::ArgMatches) -> Result<Exit, Failure> {
    let lab: Lab = super::arguments(matches)?;
    if let Some(Task::Wire(arguments)) = &lab.task {
        return wire::run(arguments);
    }
    if let Some(path) = lab.recordings.as_ref().filter(|path| !path.is_dir()) {
        return Err(Failure::usage(Problem::NoFolder {
            path: path.display().to_string(),
        }));
    }
    let recordings = Recordings::new(lab.recordings.clone());
    let clock = SystemClock::shared();
    for kind in scripted::NAMES {
        if let Some(device) = scripted::device(kind, &format!("lab-{kind}"), &clock) {
            recordings.add(kind, Arc::new(device));
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(Failure::could_not_look)?;
    runtime.block_on(lab.answer(Arc::new(recordings)))
}

impl Lab {
    async fn answer(&self, recordings: Arc<Recordings>) -> Result<Exit, Failure> {
        for listen in &self.listen {
            let socket = UdpSocket::bind(listen).await.map_err(|cause| {
                Failure::could_not_look(Problem::Listen {
                    listen: listen.to_string(),
                    cause,
                })
            })?;
            let at = socket.local_addr().map_err(Failure::could_not_look)?;
            output::note(&format!(
                "answering at {at}; communities: {}, and the recordings",
                scripted::NAMES.join(", ")
            ));
            let communities: Arc<dyn Communities> = Arc::<Recordings>::clone(&recordings);
            tokio::spawn(async move {
                if let Err(error) = serve(socket, communities).await {
                    output::note(&format!("no longer answering at {at}: {error}"));
                }
            });
        }
        match self.seconds.map(Duration::from_secs) {
            // Its end by time is as good as one by a signal.
            Some(limit) => tokio::time::timeout(limit, tokio::signal::ctrl_c())
                .await
                .unwrap_or(Ok(())),
            None => tokio::signal::ctrl_c().await,
        }
        .map_err(Failure::could_not_look)?;
        Ok(Exit::Ok)
    }
}
