//! `tramgac alert`: try a way out, and see what would go to whom.

use clap::ArgMatches;
use clap::Parser;
use clap::Subcommand as Choice;

use super::Exit;
use super::Failure;
use super::Subcommand;
use super::arguments;
use super::command_of;
use super::config_file::ConfigFile;
use super::output;
use super::subcommand;
use crate::alert::kind;
use crate::alert::message::About;
use crate::alert::message::Message;
use crate::alert::message::Notice;
use crate::alert::message::Voice;
use crate::alert::message::render;
use crate::alert::notify::Delivery;
use crate::alert::route::Told;
use crate::alert::sender::Directory;
use crate::clock::Clock;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::daemon::parts;
use crate::daemon::parts::Plugins;
use crate::i18n::Lang;
use crate::i18n::Locale;
use crate::model::DeviceId;
use crate::model::Reason;
use crate::model::TargetKey;
use crate::model::TargetKind;
use crate::model::Timestamp;
use crate::monitor::subject::Described;

/// This subcommand.
pub const COMMAND: Subcommand = subcommand("alert", command_of::<Arguments>, run);

/// Send a trial message to a receiver, or show what would go to whom.
#[derive(Parser)]
#[command(
    name = "alert",
    after_help = "Examples:\n  tramgac alert test -c config.yaml mail\n  tramgac alert preview -c config.yaml link/dt-thuong-cuu\n\n\
                  Exit codes: 0 delivered; 1 not delivered; 2 usage or configuration error."
)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Choice)]
enum What {
    /// Send a message that is marked as a trial to one receiver of the configuration
    Test {
        /// The receiver's name in the configuration
        receiver: String,
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Show who would be told of an outage, when, and in which words; nothing is sent
    Preview {
        /// The target: device/ID, link/ID or service/ID
        target: String,
        #[command(flatten)]
        config: ConfigFile,
    },
}

/// What may be wrong with the arguments.
#[derive(Debug, thiserror::Error)]
enum Wrong {
    #[error("there is no receiver called {name:?}; the configuration has: {known}")]
    Receiver { name: String, known: String },
    #[error("there is no target {name:?} in the configuration; write device/ID, link/ID or service/ID")]
    Target { name: String },
    #[error("{0}")]
    Problems(crate::config::problem::Problems),
}

fn run(matches: &ArgMatches) -> Result<Exit, Failure> {
    let what = arguments::<Arguments>(matches)?.what;
    let (What::Test { config, .. } | What::Preview { config, .. }) = &what;
    // Mistakes of the configuration have been printed then.
    let config = match config.load() {
        Ok(config) => config,
        Err(exit) => return Ok(exit),
    };
    match what {
        What::Test { receiver, .. } => test(&receiver, &config),
        What::Preview { target, .. } => preview(&target, &config),
    }
}

fn directory(config: &Config) -> Result<Directory, Failure> {
    let plugins = Plugins::build(config).map_err(|p| Failure::usage(Wrong::Problems(p)))?;
    Ok(parts::directory(config, plugins.notifiers))
}

fn voice(directory: &Directory, lang: Lang) -> Voice {
    Voice {
        locale: Locale::new(lang, directory.timezone.clone()),
        lang,
        organization: directory.organization.clone(),
        external_url: directory.external_url.clone(),
    }
}

fn test(name: &str, config: &Config) -> Result<Exit, Failure> {
    let directory = directory(config)?;
    let Some(receiver) = directory.receivers.get(name) else {
        let known = directory.receivers.keys().cloned().collect::<Vec<_>>().join(", ");
        return Err(Failure::usage(Wrong::Receiver {
            name: name.to_owned(),
            known,
        }));
    };
    let now = SystemClock::new().wall();
    let notice = Notice {
        kind: kind::TEST.to_owned(),
        // No row of the outbox: the moment makes each trial a message of its own.
        id: now.as_micros(),
        incident: None,
        subject: None,
        started_at: now,
        ended_at: None,
        reason: None,
        affected: Vec::new(),
        due_at: now,
        receiver: name.to_owned(),
    };
    let message = render(&notice, &voice(&directory, receiver.lang), now);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::could_not_look)?;
    match runtime.block_on(receiver.notifier.deliver(&message)) {
        Delivery::Delivered => {
            print(&format!(
                "delivered to {name} ({}): {}\n",
                receiver.kind, message.subject
            ))?;
            Ok(Exit::Ok)
        }
        Delivery::Retry { why, .. } => {
            output::note(&format!(
                "not delivered to {name}; the daemon would try again: {why}"
            ));
            Ok(Exit::NotFine)
        }
        Delivery::Refused { why } => {
            output::note(&format!("refused by {name}, for good: {why}"));
            Ok(Exit::NotFine)
        }
    }
}

fn print(text: &str) -> Result<(), Failure> {
    output::text(text).map_err(Failure::could_not_look)
}

fn preview(name: &str, config: &Config) -> Result<Exit, Failure> {
    let directory = directory(config)?;
    let now = SystemClock::new().wall();
    let wrong = || {
        Failure::usage(Wrong::Target {
            name: name.to_owned(),
        })
    };
    let key = target_key(name).ok_or_else(wrong)?;
    let day = parts::today(config, now);
    let described = Described::target(&config.inventory, &key, &config.area_kind, day).ok_or_else(wrong)?;
    let about = About::of(&config.inventory, &key, &config.area_kind, day).ok_or_else(wrong)?;
    let subject = described.subject();
    let settings = config.monitor_settings(crate::monitor::settings::Nearby::default(), false);
    let device = config.inventory.devices.get(&DeviceId(key.slug.clone()));
    if key.kind == TargetKind::Device && !device.is_some_and(|device| settings.alerts(device)) {
        print(
            "nobody would be told: outages of this device raise no alert (by its class, or `alerts: false`)\n",
        )?;
        return Ok(Exit::Ok);
    }
    let told = parts::routes(config).receivers(key.kind, &|selector| selector.matches(&subject), now);
    if told.is_empty() {
        print("nobody would be told: no route fits\n")?;
    }
    for Told {
        receiver,
        after,
        is_quiet,
        ..
    } in told
    {
        let lang = directory
            .receivers
            .get(&receiver)
            .map_or(config.language, |r| r.lang);
        let message = example(&about, &receiver, &voice(&directory, lang), now);
        let quiet = if is_quiet { ", but not in quiet hours" } else { "" };
        print(&format!(
            "to {receiver}, {} s after the first failed look{quiet}:\n\n",
            after.as_secs()
        ))?;
        print(&format!("  {}\n\n", message.subject))?;
        for line in message.body.lines() {
            print(&format!("  {line}\n"))?;
        }
        print("\n")?;
    }
    Ok(Exit::Ok)
}

fn example(about: &About, receiver: &str, voice: &Voice, now: Timestamp) -> Message {
    let notice = Notice {
        kind: kind::OPENED.to_owned(),
        id: 0,
        incident: None,
        subject: Some(about.clone()),
        started_at: now,
        ended_at: None,
        reason: Some(Reason::Timeout),
        affected: Vec::new(),
        due_at: now,
        receiver: receiver.to_owned(),
    };
    render(&notice, voice, now)
}

fn target_key(text: &str) -> Option<TargetKey> {
    let (kind, slug) = text.split_once('/')?;
    let kind = TargetKind::ALL.into_iter().find(|k| k.as_str() == kind)?;
    Some(TargetKey {
        kind,
        slug: slug.parse().ok()?,
    })
}
