//! Whom to ping: addresses, names, networks, files, standard input.

use std::io::BufRead;
use std::io::IsTerminal;
use std::io::Read;
use std::net::IpAddr;
use std::path::Path;
use std::path::PathBuf;

use ipnet::IpNet;
use tokio::task::JoinSet;

use super::Ping;
use crate::cli::Failure;
use crate::cli::output;
use crate::model::Span;

/// More are pinged with --yes, or after a question on a terminal.
const MANY: usize = 4_096;
/// More are never taken: a million targets take some 200 MB here.
const MOST: usize = 1_048_576;
/// Largest list that is read.
const MAX_BYTES: u64 = 64 << 20;
/// Names that are resolved at a time, and for how long.
const RESOLVING: usize = 64;
const RESOLVE_TIME: Span = Span::from_secs(10);

/// One line of the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// As it was given.
    pub(super) name: String,
    /// Whom that is; `None` when the name does not resolve.
    pub(super) address: Option<IpAddr>,
}

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error(
        "there is no target: give addresses, names, networks like 10.0.0.0/24, -f FILE, or - for standard input"
    )]
    None,
    #[error("{count} targets are a lot: --yes pings them all the same")]
    Many { count: usize },
    #[error("more than {MOST} targets: split them")]
    TooMany,
    #[error("the targets in {} can't be read", .path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{text:?} is neither an address nor a network nor a name")]
    NoTarget { text: String },
}

/// All targets, names resolved.
pub(super) async fn gather(ping: &Ping) -> Result<Vec<Target>, Failure> {
    let mut words = Vec::new();
    for word in &ping.targets {
        if word == "-" {
            read(Path::new("-"), &mut words)?;
        } else {
            words.push(word.clone());
        }
    }
    for path in &ping.file {
        read(path, &mut words)?;
    }
    if ping.generate
        && let [first, last] = words.as_slice()
        && !first.contains('/')
    {
        words = vec![format!("{first}-{last}")];
    }
    let mut targets = Vec::new();
    for word in words {
        expand(&word, &mut targets)?;
    }
    if targets.is_empty() {
        return Err(Failure::usage(Problem::None));
    }
    let uses_stdin = ping.targets.iter().any(|t| t == "-") || ping.file.iter().any(|f| f == Path::new("-"));
    confirm(ping.yes, targets.len(), uses_stdin)?;
    Ok(resolve(ping, targets).await)
}

fn confirm(yes: bool, count: usize, uses_stdin: bool) -> Result<(), Failure> {
    if count <= MANY || yes {
        return Ok(());
    }
    let many = || Failure::usage(Problem::Many { count });
    if uses_stdin || !std::io::stdin().is_terminal() {
        return Err(many());
    }
    output::note(&format!("Ping {count} targets? Type yes to go on."));
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    match read {
        Ok(_) if answer.trim() == "yes" => Ok(()),
        Ok(_) | Err(_) => Err(many()),
    }
}

fn read(path: &Path, words: &mut Vec<String>) -> Result<(), Failure> {
    let fault = |source| {
        Failure::usage(Problem::File {
            path: path.to_owned(),
            source,
        })
    };
    let mut text = String::new();
    if path == Path::new("-") {
        let stdin = std::io::stdin().lock();
        stdin.take(MAX_BYTES).read_to_string(&mut text).map_err(fault)?;
    } else {
        let file = std::fs::File::open(path).map_err(fault)?;
        file.take(MAX_BYTES).read_to_string(&mut text).map_err(fault)?;
    }
    for line in text.lines() {
        let plain = line.split('#').next().unwrap_or_default();
        words.extend(plain.split_whitespace().map(str::to_owned));
    }
    Ok(())
}

/// An address or a name is one target, a network is its hosts.
fn expand(word: &str, targets: &mut Vec<Target>) -> Result<(), Failure> {
    let mut push = |name: String, address| {
        targets.push(Target { name, address });
        if targets.len() > MOST {
            return Err(Failure::usage(Problem::TooMany));
        }
        Ok(())
    };
    if let Ok(address) = word.parse::<IpAddr>() {
        return push(word.to_owned(), Some(address));
    }
    if word.contains('/') {
        let network = word.parse::<IpNet>();
        let network = network.map_err(|_no_network| {
            Failure::usage(Problem::NoTarget {
                text: word.to_owned(),
            })
        })?;
        for address in network.hosts() {
            push(address.to_string(), Some(address))?;
        }
        return Ok(());
    }
    if let Some((first, last)) = range(word) {
        let mut next = first;
        while next <= last {
            push(next.to_string(), Some(next))?;
            next = following(next);
        }
        return Ok(());
    }
    let is_name = word.len() <= 253
        && word
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if !is_name || word.starts_with('-') {
        return Err(Failure::usage(Problem::NoTarget {
            text: word.to_owned(),
        }));
    }
    push(word.to_owned(), None)
}

/// The ends of a range of addresses of one family; a name may hold a hyphen, too.
fn range(word: &str) -> Option<(IpAddr, IpAddr)> {
    let (first, last) = word.split_once('-')?;
    let (first, last): (IpAddr, IpAddr) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first.is_ipv4() == last.is_ipv4() && first <= last && last != following(last)).then_some((first, last))
}

/// The next address; the last one of its family has none and stays.
fn following(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => std::net::Ipv4Addr::from(u32::from(v4).saturating_add(1)).into(),
        IpAddr::V6(v6) => std::net::Ipv6Addr::from(u128::from(v6).saturating_add(1)).into(),
    }
}

/// Gives names their addresses; one that has none stays without (trap 18).
async fn resolve(ping: &Ping, targets: Vec<Target>) -> Vec<Target> {
    let is_wanted = |address: &IpAddr| match address {
        IpAddr::V4(_) => !ping.ipv6,
        IpAddr::V6(_) => !ping.ipv4,
    };
    let mut found: Vec<Vec<IpAddr>> = targets.iter().map(|t| t.address.into_iter().collect()).collect();
    let mut names = targets
        .iter()
        .enumerate()
        .filter(|(_, t)| t.address.is_none())
        .map(|(n, t)| (n, t.name.clone()));
    let mut running = JoinSet::new();
    loop {
        while running.len() < RESOLVING
            && let Some((n, name)) = names.next()
        {
            running.spawn(async move {
                let looked =
                    tokio::time::timeout(RESOLVE_TIME, tokio::net::lookup_host((name.as_str(), 0))).await;
                let all: Vec<IpAddr> = match looked {
                    Ok(Ok(all)) => all.map(|a| a.ip()).collect(),
                    Ok(Err(_)) | Err(_) => Vec::new(),
                };
                (n, all)
            });
        }
        match running.join_next().await {
            Some(Ok((n, all))) => {
                if let Some(place) = found.get_mut(n) {
                    *place = all;
                }
            }
            Some(Err(_)) => {}
            None => break,
        }
    }
    let limit = if ping.all_addresses { usize::MAX } else { 1 };
    let mut resolved = Vec::new();
    for (target, mut addresses) in targets.into_iter().zip(found) {
        addresses.retain(|a| is_wanted(a));
        let mut seen: Vec<IpAddr> = Vec::new();
        for address in addresses {
            if !seen.contains(&address) && seen.len() < limit {
                seen.push(address);
            }
        }
        if seen.is_empty() {
            resolved.push(Target {
                address: None,
                ..target.clone()
            });
        }
        resolved.extend(seen.into_iter().map(|address| Target {
            address: Some(address),
            ..target.clone()
        }));
    }
    resolved
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(word: &str) -> Result<Vec<String>, String> {
        let mut targets = Vec::new();
        expand(word, &mut targets).map_err(|f| f.error.to_string())?;
        Ok(targets.into_iter().map(|t| t.name).collect())
    }

    #[test]
    fn a_network_is_its_hosts_without_network_and_broadcast_address() {
        assert_eq!(of("10.0.0.0/30").unwrap(), ["10.0.0.1", "10.0.0.2"]);
        assert_eq!(of("10.0.0.0/31").unwrap(), ["10.0.0.0", "10.0.0.1"]);
        assert_eq!(of("10.0.0.7/32").unwrap(), ["10.0.0.7"]);
        assert_eq!(of("2001:db8::/126").unwrap().len(), 4);
    }

    #[test]
    fn a_network_without_end_and_a_typing_mistake_are_refused() {
        assert!(of("2001:db8::/64").unwrap_err().contains("split"));
        assert!(of("10.0.0.0/33").unwrap_err().contains("neither"));
        assert!(of("a b").is_err());
        assert!(of("2001:db8::-2001:db8:1::").unwrap_err().contains("split"));
        assert_eq!(of("portal.example.vn").unwrap(), ["portal.example.vn"]);
    }

    #[test]
    fn a_range_has_both_its_ends_and_a_name_with_a_hyphen_is_a_name() {
        assert_eq!(
            of("10.0.0.254-10.0.1.1").unwrap(),
            ["10.0.0.254", "10.0.0.255", "10.0.1.0", "10.0.1.1"]
        );
        assert_eq!(of("10.0.0.7-10.0.0.7").unwrap(), ["10.0.0.7"]);
        assert_eq!(of("2001:db8::1-2001:db8::2").unwrap().len(), 2);
        assert_eq!(of("web-1.example.vn").unwrap(), ["web-1.example.vn"]);
        // The wrong way round, of two families: nothing that could be meant.
        assert!(of("10.0.0.9-::1").is_err());
    }

    #[test]
    fn many_targets_need_a_yes() {
        assert!(confirm(false, MANY + 1, true).is_err());
        assert!(confirm(true, MANY + 1, true).is_ok());
        assert!(confirm(false, MANY, true).is_ok());
    }
}
