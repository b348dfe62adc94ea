//! Real servers that tests start: mail, mailboxes, telephony, webhooks.

use std::net::Ipv4Addr;
use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::netns::Netns;
use super::program::Running;

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(30);
/// Debian's Python, which has the SMTP server.
pub const PYTHON: &str = "/usr/bin/python3";

/// Whether the real SMTP server is there; says so if not.
pub fn has_smtp() -> bool {
    let found = Command::new(PYTHON)
        .args(["-c", "import aiosmtpd"])
        .output()
        .is_ok_and(|o| o.status.success());
    if !found {
        super::missing("aiosmtpd (python3-aiosmtpd)");
    }
    found
}

/// An SMTP server inside a namespace that keeps every mail in a maildir.
pub fn smtp(ns: &Netns, port: u16, maildir: &Path) -> Running {
    let mut command = ns.command(PYTHON);
    command.args([
        "-m",
        "aiosmtpd",
        "-n",
        "-l",
        &format!("127.0.0.1:{port}"),
        "-c",
        "aiosmtpd.handlers.Mailbox",
    ]);
    command.arg(maildir);
    Running::start(command)
}

/// The mails that have arrived, as text, oldest first.
pub fn mails(maildir: &Path) -> Vec<String> {
    files(&maildir.join("new"))
}

/// An HTTP server inside a namespace that keeps the body of every POST in a file.
pub fn webhook(ns: &Netns, port: u16, folder: &Path) -> Running {
    std::fs::create_dir_all(folder).unwrap();
    let script = r"
import http.server, itertools, os, sys
folder, port = sys.argv[1], int(sys.argv[2])
number = itertools.count(len(os.listdir(folder)))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers['content-length']))
        name = os.path.join(folder, '%04d' % next(number))
        with open(name + '.part', 'wb') as f: f.write(body)
        os.rename(name + '.part', name)
        self.send_response(204); self.end_headers()
    def log_message(self, *a): pass
http.server.ThreadingHTTPServer(('127.0.0.1', port), Handler).serve_forever()
";
    let mut command = ns.command(PYTHON);
    command.args(["-c", script]).arg(folder).arg(port.to_string());
    Running::start(command)
}

/// The bodies that were posted, oldest first.
pub fn posts(folder: &Path) -> Vec<serde_json::Value> {
    files(folder)
        .iter()
        .map(|text| serde_json::from_str(text).unwrap())
        .collect()
}

fn files(folder: &Path) -> Vec<String> {
    let Ok(list) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<_> = list
        .filter_map(|entry| {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "part") {
                return None;
            }
            let written = std::fs::metadata(&path).and_then(|m| m.modified()).ok()?;
            Some((written, path.clone(), std::fs::read_to_string(path).ok()?))
        })
        .collect();
    found.sort();
    found.into_iter().map(|(_, _, text)| text).collect()
}

/// Dovecot on the loopback with these two ports, the second one for TLS from
/// the start; it wants to leave root. `None` (after saying so) if it can't run.
pub fn dovecot(folder: &Path, key: &str, certificate: &str) -> Option<(Running, u16, u16)> {
    let dovecot = super::peer("dovecot")?;
    if !super::is_root() {
        return None;
    }
    // It works as nobody, who must get to its sockets.
    std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let (clear, tls) = (super::free_tcp_port(), super::free_tcp_port());
    let dir = folder.display();
    let config = folder.join("dovecot.conf");
    let text = format!(
        "base_dir = {dir}/run\nstate_dir = {dir}/state\nlog_path = {dir}/log\n\
         protocols = imap\nlisten = 127.0.0.1\n\
         ssl = yes\nssl_cert = <{certificate}\nssl_key = <{key}\n\
         default_internal_user = nobody\ndefault_internal_group = nogroup\ndefault_login_user = nobody\n\
         service imap-login {{\n  chroot =\n\
         inet_listener imap {{\n    port = {clear}\n  }}\n\
         inet_listener imaps {{\n    port = {tls}\n    ssl = yes\n  }}\n}}\n\
         service anvil {{\n  chroot =\n}}\nservice stats {{\n  chroot =\n}}\n\
         passdb {{\n  driver = static\n  args = nopassword=y\n}}\n"
    );
    std::fs::write(&config, text).unwrap();
    let mut command = Command::new(dovecot);
    command.arg("-c").arg(&config).arg("-F");
    let running = Running::start(command);
    super::wait_for("dovecot", PATIENCE, || {
        std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, clear)).ok()
    });
    Some((running, clear, tls))
}

/// Kamailio on the loopback: it refuses requests that are not sound, and answers
/// OPTIONS with 200, for the user `bao-tri` with 503 and for `la` with 404. `None`
/// (after saying so) if it can't run.
pub fn kamailio(folder: &Path) -> Option<(Running, u16)> {
    let (kamailio, unshare) = (super::peer("kamailio")?, super::peer("unshare")?);
    if !super::is_root() {
        return None;
    }
    let port = super::free_udp_address().port();
    let config = folder.join("kamailio.cfg");
    let text = format!(
        r#"#!KAMAILIO
debug=0
log_stderror=yes
fork=no
disable_tcp=yes
listen=udp:127.0.0.1:{port}
auto_aliases=no
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "sanity.so"
request_route {{
  if (!sanity_check()) {{ exit; }}
  if (!is_method("OPTIONS")) {{ sl_send_reply("405", "Method Not Allowed"); exit; }}
  if ($rU == "bao-tri") {{ sl_send_reply("503", "Service Unavailable"); exit; }}
  if ($rU == "la") {{ sl_send_reply("404", "Not Found"); exit; }}
  sl_send_reply("200", "OK");
}}
"#
    );
    std::fs::write(&config, text).unwrap();
    // Its helpers outlive it when it is killed, but not the end of their namespace.
    let mut command = Command::new(unshare);
    command.args(["--pid", "--fork", "--kill-child", "--"]);
    command.arg(kamailio).arg("-f").arg(&config);
    command.arg("-Y").arg(folder).args(["-DD", "-E"]);
    let running = Running::start(command);
    let asked = format!(
        "OPTIONS sip:127.0.0.1:{port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx;rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:test@localhost>;tag=1\r\nTo: <sip:127.0.0.1>\r\n\
         Call-ID: ready\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    );
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    super::wait_for("kamailio", PATIENCE, || {
        // Until it listens, the port refuses.
        socket
            .send_to(asked.as_bytes(), (Ipv4Addr::LOCALHOST, port))
            .ok()?;
        socket.recv(&mut [0; 4096]).ok()
    });
    Some((running, port))
}
