//! Who we are to an agent: communities and users, never printed.

use std::fmt;
use std::hash::Hash;

/// Bytes that are never printed: a community or a password.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Hidden(Vec<u8>);

impl Hidden {
    /// The bytes, for the wire and for keys only.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for Hidden {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl From<String> for Hidden {
    fn from(text: String) -> Self {
        Self(text.into_bytes())
    }
}

impl From<Vec<u8>> for Hidden {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// The version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// SNMPv1 (RFC 1157): no GETBULK, no 64-bit counters.
    V1,
    /// SNMPv2c (RFC 1901).
    V2c,
    /// SNMPv3 with the user-based security model (RFC 3412, RFC 3414).
    V3,
}

impl Version {
    /// The word on the command line: `1`, `2c` or `3`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "1",
            Self::V2c => "2c",
            Self::V3 => "3",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How messages are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AuthProtocol {
    /// HMAC-MD5-96 (RFC 3414 §6).
    Md5,
    /// HMAC-SHA-96 (RFC 3414 §7).
    Sha1,
    /// HMAC-128-SHA-224 (RFC 7860).
    Sha224,
    /// HMAC-192-SHA-256 (RFC 7860).
    Sha256,
    /// HMAC-256-SHA-384 (RFC 7860).
    Sha384,
    /// HMAC-384-SHA-512 (RFC 7860).
    Sha512,
}

impl AuthProtocol {
    /// All of them, by strength.
    pub const ALL: [Self; 6] = [
        Self::Md5,
        Self::Sha1,
        Self::Sha224,
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
    ];

    /// The word on the command line and in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha",
            Self::Sha224 => "sha224",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// The protocol of that word; net-snmp's spellings (`SHA-256`, `sha1`) too.
    pub fn from_word(word: &str) -> Option<Self> {
        let plain = word.to_ascii_lowercase().replace('-', "");
        let plain = if plain == "sha1" { "sha".to_owned() } else { plain };
        Self::ALL.into_iter().find(|p| p.as_str() == plain)
    }
}

/// How messages are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrivProtocol {
    /// CBC-DES (RFC 3414 §8).
    Des,
    /// CFB128-AES-128 (RFC 3826).
    Aes128,
    /// AES-192 with the key extension of draft-blumenthal-aes-usm-04 (net-snmp, most devices).
    Aes192,
    /// AES-256 with the key extension of draft-blumenthal-aes-usm-04 (net-snmp, most devices).
    Aes256,
    /// AES-192 with the key extension of draft-reeder-snmpv3-usm-3desede-00 (Cisco and others).
    Aes192Cisco,
    /// AES-256 with the key extension of draft-reeder-snmpv3-usm-3desede-00 (Cisco and others).
    Aes256Cisco,
}

impl PrivProtocol {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Des,
        Self::Aes128,
        Self::Aes192,
        Self::Aes256,
        Self::Aes192Cisco,
        Self::Aes256Cisco,
    ];

    /// The word on the command line and in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Des => "des",
            Self::Aes128 => "aes",
            Self::Aes192 => "aes192",
            Self::Aes256 => "aes256",
            Self::Aes192Cisco => "aes192c",
            Self::Aes256Cisco => "aes256c",
        }
    }

    /// The protocol of that word; net-snmp's spellings (`AES-256`, `aes128`, `AES-256-C`) too.
    pub fn from_word(word: &str) -> Option<Self> {
        let plain = word.to_ascii_lowercase().replace('-', "");
        let plain = if plain == "aes128" {
            "aes".to_owned()
        } else {
            plain
        };
        Self::ALL.into_iter().find(|p| p.as_str() == plain)
    }
}

/// A user of SNMPv3.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct User {
    /// The user's name, at most 32 octets.
    pub name: String,
    /// How to sign, and the password; `None`: unsigned (noAuthNoPriv).
    pub auth: Option<(AuthProtocol, Hidden)>,
    /// How to encrypt, and the password; only together with `auth`.
    pub privacy: Option<(PrivProtocol, Hidden)>,
    /// The context; empty is the default one.
    pub context: String,
    /// The context's engine id where it is not the agent's own (a proxy); `None`: the agent's.
    pub context_engine: Option<Vec<u8>>,
}

impl User {
    /// A user who neither signs nor encrypts, in the default context.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            auth: None,
            privacy: None,
            context: String::new(),
            context_engine: None,
        }
    }
}

/// What proves to an agent that we may read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Credential {
    /// SNMPv1.
    V1 {
        /// The community, in clear on the wire.
        community: Hidden,
    },
    /// SNMPv2c.
    V2c {
        /// The community, in clear on the wire.
        community: Hidden,
    },
    /// SNMPv3.
    V3(User),
}

impl Credential {
    /// An SNMPv2c community.
    pub fn v2c(community: impl Into<Hidden>) -> Self {
        Self::V2c {
            community: community.into(),
        }
    }

    /// The version of the protocol that it is for.
    pub fn version(&self) -> Version {
        match self {
            Self::V1 { .. } => Version::V1,
            Self::V2c { .. } => Version::V2c,
            Self::V3(_) => Version::V3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_ever_printed() {
        let user = User {
            auth: Some((AuthProtocol::Sha256, "sentinel-auth".into())),
            privacy: Some((PrivProtocol::Aes256, "sentinel-priv".into())),
            ..User::named("u")
        };
        let all = [
            Credential::V3(user),
            Credential::v2c("sentinel-v2c"),
            Credential::V1 {
                community: "sentinel-v1".into(),
            },
        ];
        assert!(!format!("{all:?}").contains("sentinel"));
    }

    #[test]
    fn protocols_come_back_from_their_words_and_from_net_snmp_spellings() {
        for p in AuthProtocol::ALL {
            assert_eq!(AuthProtocol::from_word(p.as_str()), Some(p));
        }
        for p in PrivProtocol::ALL {
            assert_eq!(PrivProtocol::from_word(p.as_str()), Some(p));
        }
        assert_eq!(AuthProtocol::from_word("SHA-512"), Some(AuthProtocol::Sha512));
        assert_eq!(AuthProtocol::from_word("SHA1"), Some(AuthProtocol::Sha1));
        assert_eq!(PrivProtocol::from_word("AES128"), Some(PrivProtocol::Aes128));
        assert_eq!(
            PrivProtocol::from_word("AES-256-C"),
            Some(PrivProtocol::Aes256Cisco)
        );
        assert_eq!(PrivProtocol::from_word("3des"), None);
    }
}
