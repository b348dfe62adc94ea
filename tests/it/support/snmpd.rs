//! net-snmp's snmpd on a high loopback port, with a configuration of our own.

use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use super::netns::Netns;
use super::{free_udp_address, peer, wait_for};

/// The community that may read everything, over v1 and v2c.
pub const COMMUNITY: &str = "đọc-công-khai";
/// The passwords of all users.
pub const AUTH_PASSWORD: &str = "maplesyrup";
/// See [`AUTH_PASSWORD`].
pub const PRIV_PASSWORD: &str = "syrupmaple";

/// The words of net-snmp for signing, and ours.
pub const AUTH: [(&str, &str); 6] = [
    ("MD5", "md5"),
    ("SHA", "sha"),
    ("SHA-224", "sha224"),
    ("SHA-256", "sha256"),
    ("SHA-384", "sha384"),
    ("SHA-512", "sha512"),
];
/// The words of net-snmp for encrypting, and ours; Debian's build has no AES-192 and AES-256.
pub const PRIV: [(&str, &str); 2] = [("DES", "des"), ("AES", "aes")];

/// A running agent; it ends with the value.
pub struct Snmpd {
    child: Child,
    /// Where it answers.
    pub address: SocketAddr,
    folder: tempfile::TempDir,
    lines: String,
}

/// The name of the user with these protocols: `sha_aes`, `sha_none`, `none_none`.
pub fn user(auth: &str, privacy: &str) -> String {
    format!("{auth}_{privacy}")
}

impl Snmpd {
    /// Starts one; `None` (after saying so) if there is no snmpd.
    pub fn start() -> Option<Self> {
        Self::start_with("", &[])
    }

    /// Starts one with further lines of configuration and arguments.
    pub fn start_with(lines: &str, arguments: &[&str]) -> Option<Self> {
        Self::start_in(tempfile::tempdir().unwrap(), free_udp_address(), lines, arguments)
    }

    /// Starts one inside of a namespace, on all its addresses at port 161,
    /// for the community [`COMMUNITY`] from anywhere. It is not waited for.
    pub fn start_inside(netns: &Netns) -> Option<Self> {
        Self::start_inside_with(netns, "")
    }

    /// The same with further lines of configuration.
    pub fn start_inside_with(netns: &Netns, lines: &str) -> Option<Self> {
        peer("snmpd")?;
        let lines = format!("rocommunity {COMMUNITY} default\n{lines}");
        let folder = tempfile::tempdir().unwrap();
        let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 161));
        Some(Self::spawn(netns.command("snmpd"), folder, address, &lines, &[]))
    }

    fn start_in(
        folder: tempfile::TempDir,
        address: SocketAddr,
        lines: &str,
        arguments: &[&str],
    ) -> Option<Self> {
        let command = Command::new(peer("snmpd")?);
        let agent = Self::spawn(command, folder, address, lines, arguments);
        wait_for("snmpd to answer", Duration::from_secs(20), || {
            answers(agent.address, COMMUNITY.as_bytes()).then_some(())
        });
        Some(agent)
    }

    fn spawn(
        mut command: Command,
        folder: tempfile::TempDir,
        address: SocketAddr,
        lines: &str,
        arguments: &[&str],
    ) -> Self {
        let config = folder.path().join("snmpd.conf");
        std::fs::write(&config, configuration(lines)).unwrap();
        let child = command
            .args(["-f", "-C", "-Lf"])
            .arg(folder.path().join("log"))
            .arg("-c")
            .arg(&config)
            .args(["-I", "-smux,systemstats,mteTrigger,mteTriggerConf"])
            .args(arguments)
            .arg(format!("udp:{address}"))
            .env("SNMP_PERSISTENT_DIR", folder.path())
            .env("SNMPCONFPATH", folder.path())
            .env("MIBS", "")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            child,
            address,
            folder,
            lines: lines.to_owned(),
        }
    }

    /// Stops it and starts it again at the same address. Its engine counts one
    /// more boot, or with `forget` has a new id.
    pub fn restart(mut self, forget: bool) -> Self {
        // Politely, so that it writes down how often it was started.
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        self.child.wait().unwrap();
        let (address, lines) = (self.address, std::mem::take(&mut self.lines));
        let mut folder = tempfile::tempdir().unwrap();
        if !forget {
            std::mem::swap(&mut folder, &mut self.folder);
        }
        drop(self);
        Self::start_in(folder, address, &lines, &[]).unwrap()
    }

    /// Runs one of net-snmp's tools against it with these options, before the
    /// address; `objects` come after it. `None`: the tool is missing.
    pub fn tool(&self, tool: &str, options: &[&str], objects: &[&str]) -> Option<Output> {
        let output = Command::new(peer(tool)?)
            .args(options)
            .arg(format!("udp:{}", self.address))
            .args(objects)
            .env("SNMP_PERSISTENT_DIR", self.folder.path())
            .env("SNMPCONFPATH", self.folder.path())
            .env("MIBS", "")
            .output()
            .unwrap();
        Some(output)
    }

    /// Where it keeps its state.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_path_buf()
    }
}

impl Drop for Snmpd {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Whether an agent answers a plain request, asked with bytes written by hand.
pub fn answers(address: SocketAddr, community: &[u8]) -> bool {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let pdu = [
        0xa0, 0x19, 0x02, 0x01, 0x07, 0x02, 0x01, 0x00, 0x02, 0x01, 0x00, 0x30, 0x0e, 0x30, 0x0c, 0x06, 0x08,
        0x2b, 0x06, 0x01, 0x02, 0x01, 0x01, 0x03, 0x00, 0x05, 0x00,
    ];
    let mut message = vec![0x30, u8::try_from(5 + community.len() + pdu.len()).unwrap()];
    message.extend([0x02, 0x01, 0x01, 0x04, u8::try_from(community.len()).unwrap()]);
    message.extend(community);
    message.extend(pdu);
    socket.send_to(&message, address).unwrap();
    socket.recv(&mut [0; 2048]).is_ok()
}

fn configuration(lines: &str) -> String {
    let mut text = format!(
        "rocommunity {COMMUNITY} 127.0.0.0/8\n\
         rocommunity hẹp 127.0.0.0/8 .1.3.6.1.2.1.1\n\
         sysLocation UBND xã Thạch Khoán, \"tầng 2\"\n\
         sysContact it@example.vn\n\
         sysName thach-khoan\n\
         createUser none_none\n\
         rouser none_none noauth\n"
    );
    for (auth, name) in AUTH {
        let user_name = user(name, "none");
        writeln!(text, "createUser {user_name} {auth} {AUTH_PASSWORD}").unwrap();
        writeln!(text, "rouser {user_name} auth").unwrap();
        for (privacy, private) in PRIV {
            let user_name = user(name, private);
            writeln!(
                text,
                "createUser {user_name} {auth} {AUTH_PASSWORD} {privacy} {PRIV_PASSWORD}"
            )
            .unwrap();
            writeln!(text, "rouser {user_name} priv").unwrap();
        }
    }
    text.push_str(lines);
    text
}
