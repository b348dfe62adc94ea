//! The options by which `walk`, `inspect` and `discover` are told how to ask
//! over SNMP. The short forms are net-snmp's, so that fingers need not relearn.
//!
//! A secret on the command line is seen by every user of the machine in the
//! process list; from a file or the environment it is not.

use std::fs;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::net::ToSocketAddrs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use clap::ValueEnum;

use super::Failure;
use crate::model::Span;
use crate::probe::snmp::Agent;
use crate::probe::snmp::AuthProtocol;
use crate::probe::snmp::Credential;
use crate::probe::snmp::PrivProtocol;
use crate::probe::snmp::User;
use crate::probe::snmp::call;

/// Largest file that a secret is read from.
const LARGEST_SECRET: u64 = 4096;
/// Shortest password that SNMPv3 allows (RFC 3414 §11.2).
const SHORTEST_PASSWORD: usize = 8;

/// How to ask over SNMP.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "SNMP")]
pub struct SnmpOptions {
    /// Version of the protocol [default: 3 with a user, else 2c]
    #[arg(id = "snmp_version", short = 'v', long = "version", value_name = "VERSION")]
    version: Option<VersionWord>,
    /// Community of SNMPv1 and v2c
    #[arg(
        short = 'c',
        long,
        env = "TRAMGAC_SNMP_COMMUNITY",
        hide_env_values = true,
        value_name = "COMMUNITY"
    )]
    community: Option<String>,
    /// Read the community from this file
    #[arg(long, value_name = "FILE", conflicts_with = "community")]
    community_file: Option<PathBuf>,
    /// User of SNMPv3
    #[arg(short = 'u', long, env = "TRAMGAC_SNMP_USER", value_name = "NAME")]
    v3_user: Option<String>,
    /// Level of SNMPv3: noAuthNoPriv, authNoPriv or authPriv [default: what the passwords allow]
    #[arg(short = 'l', long, value_name = "LEVEL", ignore_case = true)]
    v3_level: Option<LevelWord>,
    /// How messages are signed: md5, sha, sha224, sha256, sha384, sha512 [default with a password: sha]
    #[arg(short = 'a', long, value_name = "PROTOCOL", value_parser = auth_protocol)]
    v3_auth: Option<AuthProtocol>,
    /// Password that messages are signed with
    #[arg(
        short = 'A',
        long,
        env = "TRAMGAC_SNMP_AUTH_PASSWORD",
        hide_env_values = true,
        value_name = "PASSWORD"
    )]
    v3_auth_password: Option<String>,
    /// Read the password that messages are signed with from this file
    #[arg(long, value_name = "FILE", conflicts_with = "v3_auth_password")]
    v3_auth_password_file: Option<PathBuf>,
    /// How messages are encrypted: des, aes, aes192, aes256; aes192c and aes256c with
    /// the key extension of Cisco [default with a password: aes]
    #[arg(short = 'x', long, value_name = "PROTOCOL", value_parser = priv_protocol)]
    v3_priv: Option<PrivProtocol>,
    /// Password that messages are encrypted with
    #[arg(
        short = 'X',
        long,
        env = "TRAMGAC_SNMP_PRIV_PASSWORD",
        hide_env_values = true,
        value_name = "PASSWORD"
    )]
    v3_priv_password: Option<String>,
    /// Read the password that messages are encrypted with from this file
    #[arg(long, value_name = "FILE", conflicts_with = "v3_priv_password")]
    v3_priv_password_file: Option<PathBuf>,
    /// Context of SNMPv3
    #[arg(short = 'n', long, default_value = "", value_name = "NAME")]
    v3_context: String,
    /// Seconds to wait for an answer (or with a unit: 500ms)
    #[arg(short = 't', long, default_value = "2", value_name = "SECONDS", value_parser = seconds)]
    timeout: Span,
    /// Tries after the first
    #[arg(short = 'r', long, default_value_t = call::RETRIES, value_name = "COUNT")]
    retries: u8,
    /// Port, where the address has none
    #[arg(long, default_value_t = call::PORT, value_name = "PORT")]
    port: u16,
    /// Take answers from another address than the one asked, as routers with several give them
    #[arg(long)]
    any_source: bool,
}

/// A version, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum VersionWord {
    #[value(name = "1")]
    V1,
    #[value(name = "2c", alias = "2")]
    V2c,
    #[value(name = "3")]
    V3,
}

/// A level of protection, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LevelWord {
    #[value(name = "noAuthNoPriv")]
    Plain,
    #[value(name = "authNoPriv")]
    Signed,
    #[value(name = "authPriv")]
    Encrypted,
}

fn auth_protocol(word: &str) -> Result<AuthProtocol, String> {
    AuthProtocol::from_word(word)
        .ok_or_else(|| "expected md5, sha, sha224, sha256, sha384 or sha512".to_owned())
}

fn priv_protocol(word: &str) -> Result<PrivProtocol, String> {
    PrivProtocol::from_word(word)
        .ok_or_else(|| "expected des, aes, aes192, aes256, aes192c or aes256c".to_owned())
}

/// Seconds with an optional fraction, or a number with `ms` or `s`.
fn seconds(text: &str) -> Result<Span, String> {
    let (number, unit) = if let Some(number) = text.strip_suffix("ms") {
        (number, 0.001)
    } else {
        (text.strip_suffix('s').unwrap_or(text), 1.0)
    };
    number
        .trim()
        .parse::<f64>()
        .ok()
        .and_then(|n| Duration::try_from_secs_f64(n * unit).ok())
        .filter(|span| !span.is_zero() && *span <= Duration::from_secs(3600))
        .ok_or_else(|| "expected seconds between 0 and 3600, like 2, 0.5 or 500ms".to_owned())
}

/// Why there is no agent to ask.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error(
        "no credential: give --community (or TRAMGAC_SNMP_COMMUNITY, --community-file), or --v3-user for SNMPv3"
    )]
    NoCredential,
    #[error("SNMPv3 needs --v3-user")]
    NoUser,
    #[error("SNMPv{0} needs a community, not a user: give --community, or --version 3")]
    NoCommunity(&'static str),
    #[error("--v3-auth {0} needs --v3-auth-password (or -file, or TRAMGAC_SNMP_AUTH_PASSWORD)")]
    NoAuthPassword(&'static str),
    #[error("--v3-priv {0} needs --v3-priv-password (or -file, or TRAMGAC_SNMP_PRIV_PASSWORD)")]
    NoPrivPassword(&'static str),
    #[error("encryption without signing is not possible in SNMPv3: give --v3-auth-password too")]
    PrivWithoutAuth,
    #[error("the level {0} needs a password that was not given")]
    Level(&'static str),
    #[error("the {0} password has less than {SHORTEST_PASSWORD} characters, which SNMPv3 does not allow")]
    Short(&'static str),
    #[error("can't read the secret in {path}")]
    SecretFile {
        path: PathBuf,
        #[source]
        error: std::io::Error,
    },
    #[error("{text:?} is no address: use 192.0.2.1, 192.0.2.1:1161, [2001:db8::1]:1161 or a name")]
    Address { text: String },
    #[error("the name {name} does not resolve; check it, or give the address")]
    Name {
        name: String,
        #[source]
        error: std::io::Error,
    },
    #[error("the name {name} has no address")]
    NoAddress { name: String },
}

impl SnmpOptions {
    /// Whether any credential was given, by option, file or environment.
    pub fn has_credential(&self) -> bool {
        self.community.is_some() || self.community_file.is_some() || self.v3_user.is_some()
    }

    /// The credential that the options describe.
    ///
    /// # Errors
    /// A usage failure when they describe none, or one that can't be.
    pub fn credential(&self) -> Result<Credential, Failure> {
        self.build().map_err(Failure::usage)
    }

    /// The agent at `address` (`192.0.2.1`, `192.0.2.1:1161`,
    /// `[2001:db8::1]:1161`, a name), with the credential of the options.
    ///
    /// # Errors
    /// A usage failure, or that the name does not resolve.
    pub fn agent(&self, address: &str) -> Result<Agent, Failure> {
        let credential = self.credential()?;
        self.agent_with(address, Arc::new(credential))
    }

    /// The same, with a credential from elsewhere.
    ///
    /// # Errors
    /// As [`SnmpOptions::agent`].
    pub fn agent_with(&self, address: &str, credential: Arc<Credential>) -> Result<Agent, Failure> {
        Ok(Agent {
            timeout: self.timeout,
            retries: self.retries,
            accept_other_source: self.any_source,
            ..Agent::new(resolve(address, self.port)?, credential)
        })
    }

    fn build(&self) -> Result<Credential, Problem> {
        let community = secret(self.community.as_deref(), self.community_file.as_deref())?;
        let version = match (self.version, &self.v3_user, &community) {
            (Some(version), _, _) => version,
            (None, Some(_), _) => VersionWord::V3,
            (None, None, Some(_)) => VersionWord::V2c,
            (None, None, None) => return Err(Problem::NoCredential),
        };
        match (version, community) {
            (VersionWord::V1, Some(community)) => Ok(Credential::V1 {
                community: community.into(),
            }),
            (VersionWord::V2c, Some(community)) => Ok(Credential::v2c(community)),
            (VersionWord::V1, None) => Err(Problem::NoCommunity("1")),
            (VersionWord::V2c, None) => Err(Problem::NoCommunity("2c")),
            (VersionWord::V3, _) => self.user().map(Credential::V3),
        }
    }

    fn user(&self) -> Result<User, Problem> {
        let name = self.v3_user.as_deref().ok_or(Problem::NoUser)?;
        let signing = secret(
            self.v3_auth_password.as_deref(),
            self.v3_auth_password_file.as_deref(),
        )?;
        let hiding = secret(
            self.v3_priv_password.as_deref(),
            self.v3_priv_password_file.as_deref(),
        )?;
        if signing.as_ref().is_some_and(|p| p.len() < SHORTEST_PASSWORD) {
            return Err(Problem::Short("authentication"));
        }
        if hiding.as_ref().is_some_and(|p| p.len() < SHORTEST_PASSWORD) {
            return Err(Problem::Short("privacy"));
        }
        let mut auth = match (self.v3_auth, signing) {
            (Some(protocol), None) => return Err(Problem::NoAuthPassword(protocol.as_str())),
            (protocol, Some(password)) => Some((protocol.unwrap_or(AuthProtocol::Sha1), password.into())),
            (None, None) => None,
        };
        let mut privacy = match (self.v3_priv, hiding) {
            (Some(protocol), None) => return Err(Problem::NoPrivPassword(protocol.as_str())),
            (protocol, Some(password)) => Some((protocol.unwrap_or(PrivProtocol::Aes128), password.into())),
            (None, None) => None,
        };
        match self.v3_level {
            Some(LevelWord::Encrypted) if auth.is_none() || privacy.is_none() => {
                return Err(Problem::Level("authPriv"));
            }
            Some(LevelWord::Signed) if auth.is_none() => return Err(Problem::Level("authNoPriv")),
            Some(LevelWord::Signed) => privacy = None,
            Some(LevelWord::Plain) => {
                auth = None;
                privacy = None;
            }
            Some(LevelWord::Encrypted) | None => {}
        }
        if privacy.is_some() && auth.is_none() {
            return Err(Problem::PrivWithoutAuth);
        }
        Ok(User {
            auth,
            privacy,
            context: self.v3_context.clone(),
            ..User::named(name)
        })
    }
}

/// A secret given as it is, or in a file, whose last line end is not part of it.
fn secret(text: Option<&str>, file: Option<&Path>) -> Result<Option<String>, Problem> {
    let Some(path) = file else {
        return Ok(text.map(str::to_owned));
    };
    let wrap = |error| Problem::SecretFile {
        path: path.to_owned(),
        error,
    };
    let size = fs::metadata(path).map_err(wrap)?.len();
    if size > LARGEST_SECRET {
        return Err(wrap(std::io::Error::other(format!(
            "it has {size} bytes, more than {LARGEST_SECRET}"
        ))));
    }
    let whole = fs::read_to_string(path).map_err(wrap)?;
    let line = whole.strip_suffix('\n').unwrap_or(&whole);
    Ok(Some(line.strip_suffix('\r').unwrap_or(line).to_owned()))
}

/// The socket address of what was written; `port` where it has none.
///
/// # Errors
/// A usage failure if it is no address, or that the name does not resolve (exit 3).
pub fn resolve(text: &str, port: u16) -> Result<SocketAddr, Failure> {
    // net-snmp's transport words.
    let plain = text
        .strip_prefix("udp:")
        .or_else(|| text.strip_prefix("udp6:"))
        .unwrap_or(text);
    if let Ok(ip) = plain.parse::<IpAddr>() {
        return Ok(SocketAddr::new(ip, port));
    }
    if let Ok(address) = plain.parse::<SocketAddr>() {
        return Ok(address);
    }
    if let Some(ip) = plain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'))
        && let Ok(ip) = ip.parse()
    {
        return Ok(SocketAddr::new(IpAddr::V6(ip), port));
    }
    let (name, port) = match plain.rsplit_once(':') {
        Some((name, digits)) => match digits.parse() {
            Ok(port) => (name, port),
            Err(_) => {
                return Err(Failure::usage(Problem::Address {
                    text: text.to_owned(),
                }));
            }
        },
        None => (plain, port),
    };
    let is_name = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'));
    if !is_name {
        return Err(Failure::usage(Problem::Address {
            text: text.to_owned(),
        }));
    }
    let name = name.to_owned();
    match (name.as_str(), port).to_socket_addrs() {
        Ok(mut addresses) => addresses
            .next()
            .ok_or_else(|| Failure::could_not_look(Problem::NoAddress { name })),
        Err(error) => Err(Failure::could_not_look(Problem::Name { name, error })),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::probe::snmp::Version;

    #[derive(Parser)]
    #[command(disable_version_flag = true)]
    struct Command {
        #[command(flatten)]
        snmp: SnmpOptions,
    }

    fn options(line: &str) -> SnmpOptions {
        let words = std::iter::once("x").chain(line.split_whitespace());
        Command::try_parse_from(words).unwrap().snmp
    }

    #[test]
    fn short_forms_of_net_snmp_mean_the_same() {
        let short =
            options("-v 3 -u nms -l authPriv -a SHA-256 -A maplesyrup -x AES -X syrupmaple -n ctx -t 1 -r 2");
        let long = options(
            "--version 3 --v3-user nms --v3-auth sha256 --v3-auth-password maplesyrup --v3-priv aes \
             --v3-priv-password syrupmaple --v3-context ctx --timeout 1000ms --retries 2",
        );
        assert_eq!(short.build().unwrap(), long.build().unwrap());
        let a = short.agent("127.0.0.1").unwrap();
        let b = long.agent("127.0.0.1:161").unwrap();
        assert_eq!(
            (a.address, a.timeout, a.retries),
            (b.address, b.timeout, b.retries)
        );
        assert_eq!(options("-v1 -c x").build().unwrap().version(), Version::V1);
        assert_eq!(options("-c x").build().unwrap().version(), Version::V2c);
    }

    #[test]
    fn options_that_do_not_fit_together_are_told_with_what_to_do() {
        for (line, word) in [
            ("", "--community"),
            ("-v 3", "--v3-user"),
            ("-v 2c -u nms", "--community"),
            ("-u nms -a sha", "--v3-auth-password"),
            ("-u nms -X syrupmaple", "--v3-auth-password"),
            ("-u nms -A short", "less than 8"),
            ("-u nms -l authPriv -A maplesyrup", "authPriv"),
        ] {
            let problem = options(line).build().unwrap_err().to_string();
            assert!(problem.contains(word), "{line}: {problem}");
        }
    }

    #[test]
    fn a_secret_comes_from_a_file_without_its_line_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "bí-mật\n").unwrap();
        let options = options(&format!("--community-file {}", file.path().display()));
        assert_eq!(options.build().unwrap(), Credential::v2c("bí-mật"));
    }

    #[test]
    fn an_address_may_carry_its_port() {
        let show = |text: &str| resolve(text, 161).map(|a| a.to_string()).map_err(|f| f.exit);
        assert_eq!(show("192.0.2.1").as_deref(), Ok("192.0.2.1:161"));
        assert_eq!(show("192.0.2.1:1161").as_deref(), Ok("192.0.2.1:1161"));
        assert_eq!(show("udp:192.0.2.1:1161").as_deref(), Ok("192.0.2.1:1161"));
        assert_eq!(show("2001:db8::1").as_deref(), Ok("[2001:db8::1]:161"));
        assert_eq!(show("[2001:db8::1]").as_deref(), Ok("[2001:db8::1]:161"));
        assert_eq!(show("[2001:db8::1]:1161").as_deref(), Ok("[2001:db8::1]:1161"));
        assert_eq!(show("192.0.2.1:port"), Err(super::super::Exit::Usage));
        assert_eq!(show("a b"), Err(super::super::Exit::Usage));
    }
}
