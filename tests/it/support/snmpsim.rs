//! snmpsim, the simulator of agents from recordings, on a high loopback port.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{free_udp_address, is_root, peer, wait_for};

/// A running simulator; it ends with the value.
pub struct Snmpsim {
    child: Child,
    /// Where it answers.
    pub address: SocketAddr,
    _folder: tempfile::TempDir,
}

/// A user: name, signing and encrypting, in snmpsim's words.
pub type SimUser<'a> = (&'a str, &'a str, &'a str);

impl Snmpsim {
    /// Serves one recording, whose name (community, context) is `public`.
    /// `None` (after saying so) without snmpsim, or if not root, whom it wants to leave.
    pub fn start(recording: &str, users: &[SimUser<'_>], password: &str) -> Option<Self> {
        Self::start_with(&[("public", recording)], users, password)
    }

    /// The same with several recordings, one of them `public`.
    pub fn start_with(recordings: &[(&str, &str)], users: &[SimUser<'_>], password: &str) -> Option<Self> {
        let snmpsim = peer("snmpsimd")?;
        if !is_root() {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let cache = folder.path().join("cache");
        for dir in [&data, &cache] {
            std::fs::create_dir(dir).unwrap();
        }
        for (name, recording) in recordings {
            std::fs::write(data.join(format!("{name}.snmprec")), recording).unwrap();
        }
        // It runs as nobody.
        let open = Command::new("chmod")
            .args(["-R", "a+rwX"])
            .arg(folder.path())
            .status()
            .unwrap();
        assert!(open.success());
        let address = free_udp_address();
        let mut command = Command::new(snmpsim);
        command
            .arg(format!("--data-dir={}", data.display()))
            .arg(format!("--cache-dir={}", cache.display()))
            .args(["--process-user=nobody", "--process-group=nogroup"])
            .arg("--v3-engine-id=80001f8801020304");
        for (name, auth, privacy) in users {
            command.arg(format!("--v3-user={name}"));
            if *auth != "NONE" {
                command.arg(format!("--v3-auth-key={password}"));
                command.arg(format!("--v3-auth-proto={auth}"));
            }
            if *privacy != "NONE" {
                command.arg(format!("--v3-priv-key={password}"));
                command.arg(format!("--v3-priv-proto={privacy}"));
            }
        }
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = command
            .arg(format!("--agent-udpv4-endpoint={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let sim = Self {
            child,
            address,
            _folder: folder,
        };
        wait_for("snmpsim to answer", Duration::from_secs(30), || {
            super::snmpd::answers(address, b"public").then_some(())
        });
        Some(sim)
    }
}

impl Drop for Snmpsim {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
