//! Keys of SNMPv3: from passwords, localised to one engine.
//!
//! A password becomes a key by hashing a megabyte of it (milliseconds), so keys
//! are made once for each user and engine and kept. Keys are never printed.
//! Source: RFC 3414 §2.6, §6, §7, A.2; RFC 3826; RFC 7860; the key extensions of
//! draft-blumenthal-aes-usm-04 §3.1.2.1 and draft-reeder-snmpv3-usm-3desede-00 §2.1.

use std::fmt;
use std::sync::Arc;

use aes::Aes128;
use aes::Aes192;
use aes::Aes256;
use cbc::cipher::Block;
use cbc::cipher::BlockModeDecrypt;
use cbc::cipher::BlockModeEncrypt;
use cbc::cipher::InnerIvInit;
use cbc::cipher::KeyInit;
use des::Des;
use hmac::Hmac;
use hmac::Mac;
use md5::Md5;
use sha1::Sha1;
use sha2::Digest;
use sha2::Sha224;
use sha2::Sha256;
use sha2::Sha384;
use sha2::Sha512;

use super::credential::AuthProtocol;
use super::credential::Hidden;
use super::credential::PrivProtocol;
use super::credential::User;

/// Bytes of a password that are hashed into a key (RFC 3414 A.2).
const STRETCH: usize = 1 << 20;

/// Signs messages with one localised key.
#[derive(Clone)]
pub enum Signer {
    /// HMAC-MD5-96.
    Md5(Hmac<Md5>),
    /// HMAC-SHA-96.
    Sha1(Hmac<Sha1>),
    /// HMAC-128-SHA-224.
    Sha224(Hmac<Sha224>),
    /// HMAC-192-SHA-256.
    Sha256(Hmac<Sha256>),
    /// HMAC-256-SHA-384.
    Sha384(Hmac<Sha384>),
    /// HMAC-384-SHA-512.
    Sha512(Hmac<Sha512>),
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(hidden)")
    }
}

/// Encrypts and decrypts with one localised key.
#[derive(Clone)]
pub enum Cipher {
    /// CBC-DES and its pre-IV.
    Des(Des, [u8; 8]),
    /// CFB128-AES-128.
    Aes128(Aes128),
    /// CFB128-AES-192.
    Aes192(Aes192),
    /// CFB128-AES-256.
    Aes256(Aes256),
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher(hidden)")
    }
}

/// What one user signs and encrypts with at one engine.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    /// `None`: messages are not signed.
    pub signer: Option<Signer>,
    /// `None`: messages are not encrypted.
    pub cipher: Option<Cipher>,
}

impl Keys {
    /// The keys of a user at the engine with this id. `stretched` gives what
    /// [`stretch`] makes of a password, so that it may be kept.
    pub fn localise(
        user: &User,
        engine_id: &[u8],
        mut stretched: impl FnMut(AuthProtocol, &Hidden) -> Arc<[u8]>,
    ) -> Self {
        let Some((auth, password)) = &user.auth else {
            return Self {
                signer: None,
                cipher: None,
            };
        };
        let mut local = |password| localise(*auth, &stretched(*auth, password), engine_id);
        Self {
            signer: Signer::new(*auth, &local(password)),
            // The privacy key is made with the hash of the authentication protocol.
            cipher: user
                .privacy
                .as_ref()
                .map(|(privacy, secret)| Cipher::new(*privacy, *auth, &local(secret), engine_id)),
        }
    }
}

/// Calls a generic function with the hash of a protocol.
macro_rules! with_hash {
    ($protocol:expr, $function:ident($($argument:expr),*)) => {
        match $protocol {
            AuthProtocol::Md5 => $function::<Md5>($($argument),*),
            AuthProtocol::Sha1 => $function::<Sha1>($($argument),*),
            AuthProtocol::Sha224 => $function::<Sha224>($($argument),*),
            AuthProtocol::Sha256 => $function::<Sha256>($($argument),*),
            AuthProtocol::Sha384 => $function::<Sha384>($($argument),*),
            AuthProtocol::Sha512 => $function::<Sha512>($($argument),*),
        }
    };
}

fn hash<D: Digest>(parts: &[&[u8]]) -> Vec<u8> {
    let mut digest = D::new();
    for part in parts {
        digest.update(part);
    }
    digest.finalize().to_vec()
}

fn stretch_by<D: Digest>(password: &[u8]) -> Vec<u8> {
    let mut digest = D::new();
    if password.is_empty() {
        return digest.finalize().to_vec();
    }
    // Repeated into a longer piece, so that the hash gets whole blocks.
    let piece = password.repeat((4096 / password.len()).max(1));
    let mut left = STRETCH;
    while left > 0 {
        let part = piece.get(..left).unwrap_or(&piece);
        digest.update(part);
        left -= part.len();
    }
    digest.finalize().to_vec()
}

/// A megabyte of the password, over and over, hashed: milliseconds (RFC 3414 A.2.1).
pub fn stretch(protocol: AuthProtocol, password: &[u8]) -> Vec<u8> {
    with_hash!(protocol, stretch_by(password))
}

/// A stretched password, localised to an engine (RFC 3414 §2.6).
pub fn localise(protocol: AuthProtocol, stretched: &[u8], engine_id: &[u8]) -> Vec<u8> {
    with_hash!(protocol, hash(&[stretched, engine_id, stretched]))
}

/// Lengthens a localised key by hashing all that there is, again and again.
fn extend_blumenthal(protocol: AuthProtocol, key: &[u8], length: usize) -> Vec<u8> {
    let mut long = key.to_vec();
    while long.len() < length {
        let more = with_hash!(protocol, hash(&[&long]));
        long.extend(more);
    }
    long
}

/// Lengthens a localised key by taking its last part for a password.
fn extend_reeder(protocol: AuthProtocol, key: &[u8], length: usize, engine_id: &[u8]) -> Vec<u8> {
    let mut long = key.to_vec();
    let mut last = key.to_vec();
    while long.len() < length {
        last = localise(protocol, &stretch(protocol, &last), engine_id);
        long.extend_from_slice(&last);
    }
    long
}

impl Signer {
    fn new(protocol: AuthProtocol, key: &[u8]) -> Option<Self> {
        // An HMAC takes keys of any length: none of these fails.
        Some(match protocol {
            AuthProtocol::Md5 => Self::Md5(KeyInit::new_from_slice(key).ok()?),
            AuthProtocol::Sha1 => Self::Sha1(KeyInit::new_from_slice(key).ok()?),
            AuthProtocol::Sha224 => Self::Sha224(KeyInit::new_from_slice(key).ok()?),
            AuthProtocol::Sha256 => Self::Sha256(KeyInit::new_from_slice(key).ok()?),
            AuthProtocol::Sha384 => Self::Sha384(KeyInit::new_from_slice(key).ok()?),
            AuthProtocol::Sha512 => Self::Sha512(KeyInit::new_from_slice(key).ok()?),
        })
    }

    /// Bytes of a signature in a message.
    pub fn signature_len(&self) -> usize {
        match self {
            Self::Md5(_) | Self::Sha1(_) => 12,
            Self::Sha224(_) => 16,
            Self::Sha256(_) => 24,
            Self::Sha384(_) => 32,
            Self::Sha512(_) => 48,
        }
    }

    /// The signature of these parts, one after the other; the first
    /// [`Signer::signature_len`] bytes count.
    pub fn sign(&self, parts: &[&[u8]]) -> [u8; 64] {
        fn run<M: Mac + Clone>(keyed: &M, parts: &[&[u8]]) -> [u8; 64] {
            let mut mac = keyed.clone();
            for part in parts {
                mac.update(part);
            }
            let mut signature = [0; 64];
            for (place, byte) in signature.iter_mut().zip(mac.finalize().into_bytes()) {
                *place = byte;
            }
            signature
        }
        match self {
            Self::Md5(keyed) => run(keyed, parts),
            Self::Sha1(keyed) => run(keyed, parts),
            Self::Sha224(keyed) => run(keyed, parts),
            Self::Sha256(keyed) => run(keyed, parts),
            Self::Sha384(keyed) => run(keyed, parts),
            Self::Sha512(keyed) => run(keyed, parts),
        }
    }
}

impl Cipher {
    fn new(protocol: PrivProtocol, auth: AuthProtocol, key: &[u8], engine_id: &[u8]) -> Self {
        let blumenthal = |length| extend_blumenthal(auth, key, length);
        let reeder = |length| extend_reeder(auth, key, length, engine_id);
        match protocol {
            PrivProtocol::Des => Self::Des(Des::new(&array(key).into()), array(key.get(8..).unwrap_or(&[]))),
            PrivProtocol::Aes128 => Self::Aes128(Aes128::new(&array(key).into())),
            PrivProtocol::Aes192 => Self::Aes192(Aes192::new(&array(&blumenthal(24)).into())),
            PrivProtocol::Aes256 => Self::Aes256(Aes256::new(&array(&blumenthal(32)).into())),
            PrivProtocol::Aes192Cisco => Self::Aes192(Aes192::new(&array(&reeder(24)).into())),
            PrivProtocol::Aes256Cisco => Self::Aes256(Aes256::new(&array(&reeder(32)).into())),
        }
    }

    /// Encrypts in place, padding where the cipher needs it; gives the salt for
    /// the message. `counter` must not come twice with one key.
    pub fn encrypt(&self, data: &mut Vec<u8>, boots: u32, time: u32, counter: u64) -> [u8; 8] {
        match self {
            Self::Des(cipher, pre_iv) => {
                // RFC 3414 §8.1.1.1: boots, then a local counter.
                let mut salt = [0; 8];
                let (left, right) = salt.split_at_mut(4);
                left.copy_from_slice(&boots.to_be_bytes());
                right.copy_from_slice(counter.to_be_bytes().get(4..).unwrap_or(&[0; 4]));
                data.resize(data.len().next_multiple_of(8), 0);
                let mut mode = cbc::Encryptor::inner_iv_init(cipher, &xor(*pre_iv, salt).into());
                for chunk in data.chunks_exact_mut(8) {
                    encrypt_block(&mut mode, chunk);
                }
                salt
            }
            Self::Aes128(cipher) => {
                let salt = counter.to_be_bytes();
                cfb_mode::Encryptor::inner_iv_init(cipher, &aes_iv(boots, time, salt).into()).encrypt(data);
                salt
            }
            Self::Aes192(cipher) => {
                let salt = counter.to_be_bytes();
                cfb_mode::Encryptor::inner_iv_init(cipher, &aes_iv(boots, time, salt).into()).encrypt(data);
                salt
            }
            Self::Aes256(cipher) => {
                let salt = counter.to_be_bytes();
                cfb_mode::Encryptor::inner_iv_init(cipher, &aes_iv(boots, time, salt).into()).encrypt(data);
                salt
            }
        }
    }

    /// Decrypts in place. False: the salt or the length can't be of this
    /// cipher. A wrong key is not noticed here, but by what comes out.
    pub fn decrypt(&self, data: &mut [u8], boots: u32, time: u32, salt: &[u8]) -> bool {
        let Ok(salt) = <[u8; 8]>::try_from(salt) else {
            return false;
        };
        let iv = aes_iv(boots, time, salt);
        match self {
            Self::Des(cipher, pre_iv) => {
                if !data.len().is_multiple_of(8) {
                    return false;
                }
                let mut mode = cbc::Decryptor::inner_iv_init(cipher, &xor(*pre_iv, salt).into());
                for chunk in data.chunks_exact_mut(8) {
                    decrypt_block(&mut mode, chunk);
                }
            }
            Self::Aes128(cipher) => cfb_mode::Decryptor::inner_iv_init(cipher, &iv.into()).decrypt(data),
            Self::Aes192(cipher) => cfb_mode::Decryptor::inner_iv_init(cipher, &iv.into()).decrypt(data),
            Self::Aes256(cipher) => cfb_mode::Decryptor::inner_iv_init(cipher, &iv.into()).decrypt(data),
        }
        true
    }
}

fn encrypt_block<M: BlockModeEncrypt>(mode: &mut M, chunk: &mut [u8]) {
    if let Ok(block) = <&mut Block<M>>::try_from(chunk) {
        mode.encrypt_block(block);
    }
}

fn decrypt_block<M: BlockModeDecrypt>(mode: &mut M, chunk: &mut [u8]) {
    if let Ok(block) = <&mut Block<M>>::try_from(chunk) {
        mode.decrypt_block(block);
    }
}

/// The first `N` bytes, filled up with zeroes (a key is never that short).
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut filled = [0; N];
    for (place, byte) in filled.iter_mut().zip(bytes) {
        *place = *byte;
    }
    filled
}

fn xor(mut a: [u8; 8], b: [u8; 8]) -> [u8; 8] {
    for (x, y) in a.iter_mut().zip(b) {
        *x ^= y;
    }
    a
}

/// RFC 3826 §3.1.2.1: boots, time, salt.
fn aes_iv(boots: u32, time: u32, salt: [u8; 8]) -> [u8; 16] {
    let mut iv = [0; 16];
    let parts = boots
        .to_be_bytes()
        .into_iter()
        .chain(time.to_be_bytes())
        .chain(salt);
    for (place, byte) in iv.iter_mut().zip(parts) {
        *place = byte;
    }
    iv
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENGINE: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

    fn hex(bytes: &[u8]) -> String {
        use std::fmt::Write;
        bytes.iter().fold(String::new(), |mut text, b| {
            write!(text, "{b:02x}").unwrap();
            text
        })
    }

    #[test]
    fn keys_are_those_of_rfc_3414_a_3() {
        assert_eq!(
            hex(&localise(
                AuthProtocol::Md5,
                &stretch(AuthProtocol::Md5, b"maplesyrup"),
                &ENGINE
            )),
            "526f5eed9fcce26f8964c2930787d82b"
        );
        assert_eq!(
            hex(&localise(
                AuthProtocol::Sha1,
                &stretch(AuthProtocol::Sha1, b"maplesyrup"),
                &ENGINE
            )),
            "6695febc9288e36282235fc7151f128497b38f3f"
        );
    }

    #[test]
    fn what_is_encrypted_comes_back_with_every_cipher() {
        for auth in AuthProtocol::ALL {
            for privacy in PrivProtocol::ALL {
                let user = User {
                    auth: Some((auth, "maplesyrup".into())),
                    privacy: Some((privacy, "syrupmaple".into())),
                    ..User::named("u")
                };
                let keys = Keys::localise(&user, &ENGINE, |p, w| stretch(p, w.expose()).into());
                let cipher = keys.cipher.unwrap();
                let mut data = b"twenty-one bytes here".to_vec();
                let salt = cipher.encrypt(&mut data, 3, 4, 5);
                assert!(cipher.decrypt(&mut data, 3, 4, &salt));
                assert!(data.starts_with(b"twenty-one bytes here"), "{auth:?} {privacy:?}");
                assert!(!cipher.decrypt(&mut data, 3, 4, &salt[..7]));
            }
        }
    }
}
