//! A folder of recordings behind an agent: the community names the file, as with snmpsim.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;

use super::agent::Communities;
use super::agent::Objects;
use super::snmprec;

/// Longest name of a recording, in bytes.
const MAX_NAME: usize = 200;

/// Devices by their community; what is not among them is looked for in a folder.
#[derive(Default)]
pub struct Recordings {
    folder: Option<PathBuf>,
    devices: RwLock<BTreeMap<Vec<u8>, Arc<dyn Objects>>>,
}

impl Recordings {
    /// `NAME.snmprec` in `folder`, also below it (`a/b`), answers to the
    /// community `NAME`. Read when it is asked for first, then kept.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self {
            folder,
            ..Self::default()
        }
    }

    /// Adds a device.
    pub fn add(&self, community: &str, device: Arc<dyn Objects>) {
        self.devices
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(community.as_bytes().to_vec(), device);
    }

    fn load(&self, community: &[u8]) -> Option<Arc<dyn Objects>> {
        let name = std::str::from_utf8(community).ok()?;
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '+' | '@' | ' ');
        let harmless = name.len() <= MAX_NAME
            && name.chars().all(plain)
            && name
                .split('/')
                .all(|part| !part.is_empty() && part != "." && part != "..");
        let path = self.folder.as_ref().filter(|_| harmless)?;
        let bytes = fs::read(path.join(format!("{name}.snmprec"))).ok()?;
        let device: Arc<dyn Objects> = Arc::new(snmprec::parse(&bytes).rows);
        self.add(name, Arc::clone(&device));
        Some(device)
    }
}

impl Communities for Recordings {
    fn objects(&self, community: &[u8]) -> Option<Arc<dyn Objects>> {
        let known = self
            .devices
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(community)
            .cloned();
        known.or_else(|| self.load(community))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_community_leads_out_of_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.snmprec"), "1.3.6.1.2.1.1.5.0|4|a\n").unwrap();
        let inner = dir.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let recordings = Recordings::new(Some(inner));
        for name in ["../a", "", "/etc/passwd", "a", "x/../../a"] {
            assert!(recordings.objects(name.as_bytes()).is_none(), "{name}");
        }
        let recordings = Recordings::new(Some(dir.path().to_owned()));
        assert!(recordings.objects(b"a").is_some());
    }
}
