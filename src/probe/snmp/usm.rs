//! The user-based security model: seals and opens messages of SNMPv3.
//!
//! Pure: keys and time are arguments. Used by the asking side (`session`) and
//! by the answering side (`responder`). Source: RFC 3414, RFC 3826, RFC 7860.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::codec::ber::Writer;
use super::codec::v3::Data;
use super::codec::v3::FLAG_AUTH;
use super::codec::v3::FLAG_PRIV;
use super::codec::v3::FLAG_REPORTABLE;
use super::codec::v3::Frame;
use super::codec::v3::V3Header;
use super::credential::AuthProtocol;
use super::credential::Hidden;
use super::credential::User;
use super::keys::Keys;
use super::keys::stretch;
use crate::model::Mono;

/// Seconds that an engine's clock may be off (RFC 3414 §2.2.3).
pub const TIME_WINDOW: u32 = 150;
/// Most sets of keys that are kept; each has some 400 bytes.
const MOST_KEYS: usize = 65_536;

/// How far a message is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Neither signed nor encrypted.
    NoAuthNoPriv,
    /// Signed.
    AuthNoPriv,
    /// Signed and encrypted.
    AuthPriv,
}

impl Level {
    /// The level that a user asks for.
    pub fn of(user: &User) -> Self {
        match (&user.auth, &user.privacy) {
            (None, _) => Self::NoAuthNoPriv,
            (Some(_), None) => Self::AuthNoPriv,
            (Some(_), Some(_)) => Self::AuthPriv,
        }
    }

    /// The level that a message says it has.
    pub fn of_flags(flags: u8) -> Self {
        if flags & FLAG_PRIV != 0 {
            Self::AuthPriv
        } else if flags & FLAG_AUTH != 0 {
            Self::AuthNoPriv
        } else {
            Self::NoAuthNoPriv
        }
    }

    fn flags(self) -> u8 {
        match self {
            Self::NoAuthNoPriv => 0,
            Self::AuthNoPriv => FLAG_AUTH,
            Self::AuthPriv => FLAG_AUTH | FLAG_PRIV,
        }
    }
}

/// What a Report reports (RFC 3414 §3.2, RFC 3412 §7.2, RFC 3413 §3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// usmStatsUnsupportedSecLevels.
    SecurityLevel,
    /// usmStatsNotInTimeWindows.
    NotInTimeWindow,
    /// usmStatsUnknownUserNames.
    UnknownUser,
    /// usmStatsUnknownEngineIDs.
    UnknownEngine,
    /// usmStatsWrongDigests.
    WrongDigest,
    /// usmStatsDecryptionErrors.
    Decryption,
    /// snmpUnknownContexts, snmpUnavailableContexts.
    UnknownContext,
}

impl Report {
    /// What the counter with this OID counts; `None`: something else.
    pub fn from_arcs(arcs: &[u32]) -> Option<Self> {
        match arcs {
            [1, 3, 6, 1, 6, 3, 15, 1, 1, which, ..] => match which {
                1 => Some(Self::SecurityLevel),
                2 => Some(Self::NotInTimeWindow),
                3 => Some(Self::UnknownUser),
                4 => Some(Self::UnknownEngine),
                5 => Some(Self::WrongDigest),
                6 => Some(Self::Decryption),
                _ => None,
            },
            [1, 3, 6, 1, 6, 3, 12, 1, 4 | 5, ..] => Some(Self::UnknownContext),
            _ => None,
        }
    }

    /// The OID of its counter.
    pub fn arcs(self) -> Vec<u32> {
        let last = match self {
            Self::SecurityLevel => 1,
            Self::NotInTimeWindow => 2,
            Self::UnknownUser => 3,
            Self::UnknownEngine => 4,
            Self::WrongDigest => 5,
            Self::Decryption => 6,
            Self::UnknownContext => return vec![1, 3, 6, 1, 6, 3, 12, 1, 5, 0],
        };
        vec![1, 3, 6, 1, 6, 3, 15, 1, 1, last, 0]
    }
}

/// What an asker knows of an agent's engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    /// snmpEngineID.
    pub id: Vec<u8>,
    /// snmpEngineBoots.
    pub boots: u32,
    /// snmpEngineTime at `at`, in seconds.
    pub time: u32,
    /// When we learned it.
    pub at: Mono,
}

impl Engine {
    /// Its clock now, in seconds.
    pub fn time_at(&self, now: Mono) -> u32 {
        let passed = u32::try_from(now.since(self.at).as_secs()).unwrap_or(u32::MAX);
        self.time.saturating_add(passed).min(i32::MAX.unsigned_abs())
    }

    /// Takes the clock of a signed answer; false: the answer is too old (RFC 3414 §3.2.7b).
    pub fn follow(&mut self, boots: u32, time: u32, now: Mono) -> bool {
        let here = self.time_at(now);
        if boots > self.boots || (boots == self.boots && time > here) {
            self.boots = boots;
            self.time = time;
            self.at = now;
        }
        boots >= self.boots && time.saturating_add(TIME_WINDOW) >= self.time_at(now)
    }
}

/// What a message is sealed with.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    /// Which message it is, or which it answers.
    pub message_id: i32,
    /// The authoritative engine: the agent's.
    pub engine_id: &'a [u8],
    /// Its boots.
    pub boots: u32,
    /// Its clock, in seconds.
    pub time: u32,
    /// The user's name.
    pub user: &'a [u8],
    /// Whether a Report may be sent in answer: for requests.
    pub reportable: bool,
    /// How far to protect.
    pub level: Level,
}

/// Seals a scoped PDU: encrypts, frames and signs it, as far as `level` says and
/// `keys` has. `salt` must not come twice with one key.
pub fn seal(envelope: &Envelope<'_>, mut scoped: Vec<u8>, keys: &Keys, salt: u64) -> Vec<u8> {
    let mut writer = Writer::new();
    seal_into(&mut writer, envelope, &mut scoped, keys, salt);
    writer.finish()
}

/// The same into a writer whose old contents are forgotten. What `scoped` holds is changed.
pub fn seal_into(writer: &mut Writer, envelope: &Envelope<'_>, scoped: &mut Vec<u8>, keys: &Keys, salt: u64) {
    let mut salted = None;
    if envelope.level == Level::AuthPriv
        && let Some(cipher) = &keys.cipher
    {
        salted = Some(cipher.encrypt(scoped, envelope.boots, envelope.time, salt));
    }
    let signer = keys
        .signer
        .as_ref()
        .filter(|_| envelope.level != Level::NoAuthNoPriv);
    let reportable = if envelope.reportable { FLAG_REPORTABLE } else { 0 };
    let frame = Frame {
        message_id: envelope.message_id,
        flags: envelope.level.flags() | reportable,
        engine_id: envelope.engine_id,
        boots: envelope.boots,
        time: envelope.time,
        user: envelope.user,
        signature_len: signer.map_or(0, super::keys::Signer::signature_len),
        salt: salted.as_ref().map_or(&[], |s| s.as_slice()),
        data: if salted.is_some() {
            Data::Encrypted(scoped)
        } else {
            Data::Plain(scoped)
        },
    };
    let at = frame.write(writer);
    if let Some(signer) = signer {
        let signature = signer.sign(&[writer.bytes()]);
        let place = writer
            .bytes_mut()
            .iter_mut()
            .skip(at)
            .take(signer.signature_len());
        for (byte, sign) in place.zip(signature) {
            *byte = sign;
        }
    }
}

/// Why a message could not be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unopened {
    /// It is signed, but not with this key.
    WrongDigest,
    /// It is encrypted in a way that this user's cipher can't be.
    Decryption,
}

/// Whether the message is signed with this key.
pub fn is_signed_with(header: &V3Header<'_>, keys: &Keys) -> bool {
    let Some(signer) = keys.signer.as_ref().filter(|_| header.is_signed()) else {
        return false;
    };
    let length = signer.signature_len();
    if header.signature.len() != length {
        return false;
    }
    let zeroes = [0; 64];
    let (Some(before), Some(blank), Some(after)) = (
        header.whole.get(..header.signature_at),
        zeroes.get(..length),
        header.whole.get(header.signature_at + length..),
    ) else {
        return false;
    };
    let expected = signer.sign(&[before, blank, after]);
    // In constant time, so that a forger can't learn byte by byte.
    let differences = expected
        .iter()
        .zip(header.signature)
        .fold(0, |all, (a, b)| all | (a ^ b));
    differences == 0
}

/// Checks the signature (if it says that it has one) and gives the scoped PDU in clear.
///
/// # Errors
/// When signature or encryption are not this user's.
pub fn open<'a>(header: &V3Header<'a>, keys: &Keys) -> Result<Cow<'a, [u8]>, Unopened> {
    let mut clear = Vec::new();
    Ok(match open_into(&mut clear, header, keys)? {
        Some(bytes) => Cow::Borrowed(bytes),
        None => Cow::Owned(clear),
    })
}

/// The same; `None` if it was encrypted: it stands in `clear` then, whose old
/// contents are gone.
///
/// # Errors
/// As [`open`].
pub fn open_into<'a>(
    clear: &mut Vec<u8>,
    header: &V3Header<'a>,
    keys: &Keys,
) -> Result<Option<&'a [u8]>, Unopened> {
    if header.is_signed() && !is_signed_with(header, keys) {
        return Err(Unopened::WrongDigest);
    }
    match header.data {
        Data::Plain(bytes) => Ok(Some(bytes)),
        Data::Encrypted(bytes) => {
            let cipher = keys.cipher.as_ref().ok_or(Unopened::Decryption)?;
            clear.clear();
            clear.extend_from_slice(bytes);
            if cipher.decrypt(clear, header.boots, header.time, header.salt) {
                Ok(None)
            } else {
                Err(Unopened::Decryption)
            }
        }
    }
}

/// Keys, made once: the stretched ones for each password, the localised ones
/// for each user and engine.
#[derive(Default)]
pub struct KeyRing {
    stretched: HashMap<(AuthProtocol, Hidden), Arc<[u8]>>,
    /// By engine, since one engine has few users and one user many engines.
    localised: HashMap<Vec<u8>, Vec<(User, Arc<Keys>)>>,
    count: usize,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRing({} hidden)", self.count)
    }
}

impl KeyRing {
    /// The keys of a user at an engine. The first time with a password takes
    /// milliseconds, the first time at an engine microseconds.
    pub fn keys(&mut self, user: &User, engine_id: &[u8]) -> Arc<Keys> {
        if let Some((_, keys)) = self
            .localised
            .get(engine_id)
            .and_then(|users| users.iter().find(|(u, _)| u == user))
        {
            return Arc::clone(keys);
        }
        if self.count >= MOST_KEYS {
            self.localised.clear();
            self.stretched.clear();
            self.count = 0;
        }
        let stretched = &mut self.stretched;
        let keys = Arc::new(Keys::localise(user, engine_id, |protocol, password| {
            let made = stretched.entry((protocol, password.clone()));
            Arc::clone(made.or_insert_with(|| stretch(protocol, password.expose()).into()))
        }));
        self.localised
            .entry(engine_id.to_vec())
            .or_default()
            .push((user.clone(), Arc::clone(&keys)));
        self.count += 1;
        keys
    }
}
