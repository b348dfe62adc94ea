//! Who may ask for what: where we listen, which `Host` and `Origin` we accept,
//! the headers that every answer carries.

use std::net::IpAddr;
use std::net::SocketAddr;

use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::header;

/// What people without an account may do (`web.allow_anonymous`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AllowAnonymous {
    /// Nothing, but for the machine itself.
    #[default]
    No,
    /// Read what viewers may see.
    Read,
}

/// Listening there would show the network to everybody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "web.listen {address} can be reached by other machines, and there are no accounts yet: listen on 127.0.0.1 or [::1], or let everyone read with web.allow_anonymous: read"
)]
pub struct BindRefused {
    /// The address as configured.
    pub address: SocketAddr,
}

/// Whether the web may listen on `address`.
///
/// # Errors
/// [`BindRefused`] for an address that is not of the loopback, unless
/// anonymous readers are allowed.
pub fn may_bind(address: SocketAddr, anonymous: AllowAnonymous) -> Result<(), BindRefused> {
    if address.ip().to_canonical().is_loopback() || anonymous == AllowAnonymous::Read {
        Ok(())
    } else {
        Err(BindRefused { address })
    }
}

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// Over the Unix socket: root or the daemon's user, an administrator.
    Socket,
    /// Over TCP, from this address.
    Tcp(IpAddr),
}

impl Peer {
    /// From this machine.
    pub fn is_local(self) -> bool {
        match self {
            Self::Socket => true,
            Self::Tcp(ip) => ip.to_canonical().is_loopback(),
        }
    }
}

/// Whether a `Host` header names us, and not a name that a stranger's DNS has
/// pointed at us (DNS rebinding): any address, `localhost`, or a name of ours.
pub fn host_is_ours(host: &str, names: &[String]) -> bool {
    let bare = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((inner, port)) if port.is_empty() || port.starts_with(':') => {
                return inner.parse::<std::net::Ipv6Addr>().is_ok();
            }
            _ => return false,
        },
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    let bare = bare.strip_suffix('.').unwrap_or(bare);
    bare.parse::<IpAddr>().is_ok()
        || bare.eq_ignore_ascii_case("localhost")
        || names.iter().any(|n| n.eq_ignore_ascii_case(bare))
}

/// Whether a request that changes something was made by a page of ours or by
/// a program, and not by a page of a stranger in somebody's browser (CSRF).
pub fn origin_is_ours(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(HeaderValue::to_str);
    if let Some(site) = headers.get("sec-fetch-site")
        && site != "same-origin"
        && site != "none"
    {
        return false;
    }
    match (text(header::ORIGIN), text(header::HOST)) {
        (None, _) => true,
        (Some(Ok(origin)), Some(Ok(host))) => origin
            .split_once("://")
            .is_some_and(|(_, authority)| authority == host),
        (Some(_), _) => false,
    }
}

/// Headers of every answer: nothing from another host, no framing, no
/// guessing of types, nothing told to other sites.
pub const HEADERS: [(&str, &str); 7] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_machines_are_let_in_only_where_the_configuration_says_so() {
        let bind = |text: &str, anonymous| may_bind(text.parse().unwrap(), anonymous);
        assert!(bind("127.0.0.1:8080", AllowAnonymous::No).is_ok());
        assert!(bind("[::1]:8080", AllowAnonymous::No).is_ok());
        assert!(bind("[::ffff:127.0.0.1]:8080", AllowAnonymous::No).is_ok());
        assert!(bind("0.0.0.0:8080", AllowAnonymous::No).is_err());
        assert!(bind("[::]:8080", AllowAnonymous::No).is_err());
        assert!(bind("192.0.2.1:8080", AllowAnonymous::Read).is_ok());
    }

    #[test]
    fn a_name_that_is_not_ours_is_refused() {
        let names = vec!["giamsat.thanhson.gov.vn".to_owned()];
        for ours in [
            "127.0.0.1:8080",
            "[::1]:8080",
            "[::1]",
            "LOCALHOST",
            "localhost.:1",
            "192.0.2.7",
            "GiamSat.thanhson.gov.vn:8080",
        ] {
            assert!(host_is_ours(ours, &names), "{ours}");
        }
        for foreign in [
            "",
            "evil.example",
            "127.0.0.1.evil.example",
            "[::1]x",
            "[",
            "[evil]",
            ":80",
        ] {
            assert!(!host_is_ours(foreign, &names), "{foreign}");
        }
    }

    #[test]
    fn a_stranger_s_page_can_change_nothing() {
        let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            pairs
                .iter()
                .map(|(k, v)| {
                    (
                        axum::http::HeaderName::from_static(k),
                        HeaderValue::from_static(v),
                    )
                })
                .collect()
        };
        assert!(origin_is_ours(&headers(&[("host", "127.0.0.1:1")])));
        assert!(origin_is_ours(&headers(&[
            ("host", "127.0.0.1:1"),
            ("origin", "http://127.0.0.1:1"),
            ("sec-fetch-site", "same-origin"),
        ])));
        for foreign in [
            &[("host", "127.0.0.1:1"), ("origin", "http://evil.example")][..],
            &[("host", "127.0.0.1:1"), ("origin", "null")],
            &[("host", "127.0.0.1:1"), ("sec-fetch-site", "cross-site")],
        ] {
            assert!(!origin_is_ours(&headers(foreign)));
        }
    }
}
