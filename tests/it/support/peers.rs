//! Real servers that tests start: mail, webhooks.

use std::path::Path;
use std::process::Command;

use super::netns::Netns;
use super::program::Running;

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
