//! Secrets: where they come from, and that they are never printed.
//!
//! A secret is written as it is, or better as a pointer to it: `env:NAME`
//! (or `${NAME}`), `file:PATH`, or `credential:NAME` for a systemd credential
//! (a file in `$CREDENTIALS_DIRECTORY`).

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Longest secret that is read from a file, in bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// A text that is never shown: `Debug` says only that there is one.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(Box<str>);

impl Secret {
    /// Keeps `text` from being shown.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that must use it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What a file's pointers lead to: variables, the folder of the file, systemd's credentials.
#[derive(Clone, Default)]
pub struct Env {
    variables: BTreeMap<String, String>,
    credentials: Option<PathBuf>,
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env")
            .field("variables", &self.variables.len())
            .field("credentials", &self.credentials)
            .finish()
    }
}

/// Why a secret could not be had. Names where it was looked for, never what was found.
#[derive(Debug, thiserror::Error)]
pub enum SecretMissing {
    /// No such variable.
    #[error("the environment variable {name} is not set")]
    Variable {
        /// Its name.
        name: String,
    },
    /// There is no credentials folder.
    #[error("credential {name} is wanted, but CREDENTIALS_DIRECTORY is not set: is this started by systemd?")]
    NoCredentials {
        /// The credential.
        name: String,
    },
    /// The credential's name would leave the folder.
    #[error("{name:?} is no name of a credential")]
    CredentialName {
        /// The name as given.
        name: String,
    },
    /// The file can't be read.
    #[error("the secret's file {} can't be read: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds no text.
    #[error("the secret's file {} is no text of at most 64 KiB", .path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// There is nothing in it.
    #[error("the secret is empty")]
    Empty,
}

impl Env {
    /// The environment of this process.
    pub fn of_process() -> Self {
        let variables: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
            .collect();
        Self::new(variables)
    }

    /// An environment of these variables.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables: BTreeMap<String, String> = variables.into_iter().collect();
        let credentials = variables.get("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        Self {
            variables,
            credentials,
        }
    }

    /// The value of a variable.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// The secret that `text` is or points to; paths are relative to `folder`.
    ///
    /// # Errors
    /// [`SecretMissing`] when what it points to is not there.
    pub fn secret(&self, text: &str, folder: &Path) -> Result<Secret, SecretMissing> {
        let found = if let Some(name) = text.strip_prefix("env:") {
            self.variable(name)
                .ok_or_else(|| SecretMissing::Variable {
                    name: name.to_owned(),
                })?
                .to_owned()
        } else if let Some(path) = text.strip_prefix("file:") {
            read(&folder.join(path))?
        } else if let Some(name) = text.strip_prefix("credential:") {
            let plain = !name.is_empty() && !name.contains('/') && name != ".." && name != ".";
            if !plain {
                return Err(SecretMissing::CredentialName {
                    name: name.to_owned(),
                });
            }
            let folder = self
                .credentials
                .as_ref()
                .ok_or_else(|| SecretMissing::NoCredentials {
                    name: name.to_owned(),
                })?;
            read(&folder.join(name))?
        } else {
            text.to_owned()
        };
        if found.is_empty() {
            return Err(SecretMissing::Empty);
        }
        Ok(Secret::new(found))
    }
}

/// The file's text without the line break at its end.
fn read(path: &Path) -> Result<String, SecretMissing> {
    let not_text = || SecretMissing::NotText {
        path: path.to_owned(),
    };
    let unreadable = |source| SecretMissing::File {
        path: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|n| n > MAX_BYTES) {
        return Err(not_text());
    }
    let text = String::from_utf8(bytes).ok().ok_or_else(not_text)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?} {secret:#?}"), "Secret(…) Secret(…)");
        let env = Env::new([("PW".to_owned(), "hunter2".to_owned())]);
        assert!(!format!("{env:?}").contains("hunter2"));
    }

    #[test]
    fn a_secret_comes_from_text_variable_file_and_credential() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("pw"), "from file\n").unwrap();
        let here = dir.path().to_string_lossy().into_owned();
        let env = Env::new([
            ("CREDENTIALS_DIRECTORY".to_owned(), here),
            ("PW".to_owned(), "from variable".to_owned()),
        ]);
        let get = |text: &str| env.secret(text, dir.path()).map(|s| s.expose().to_owned());
        assert_eq!(get("plain").unwrap(), "plain");
        assert_eq!(get("env:PW").unwrap(), "from variable");
        assert_eq!(get("file:pw").unwrap(), "from file");
        assert_eq!(get("credential:pw").unwrap(), "from file");
        for missing in ["env:NO", "file:no", "credential:no", "credential:../pw", ""] {
            assert!(get(missing).is_err(), "{missing}");
        }
    }
}
