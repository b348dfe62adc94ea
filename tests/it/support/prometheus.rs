//! A real Prometheus that scrapes a port of this machine, and its API.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use url::form_urlencoded;

use super::program::Running;
use super::{free_tcp_port, peer, wait_for};

/// The root of the repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Runs promtool in a folder; its exit and all that it said. `None`: it is missing.
pub fn promtool(folder: &Path, arguments: &[&str], input: &[u8]) -> Option<(bool, String)> {
    let mut child = Command::new(peer("promtool")?)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let written = stdin.write_all(input);
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    written.unwrap();
    let text = [output.stdout, output.stderr].concat();
    Some((
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    ))
}

/// Serves what `body` makes to every request, until it is dropped.
pub struct Exporter {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Exporter {
    /// Listens on a free port of 127.0.0.1.
    pub fn start(body: impl Fn() -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if flag.load(Ordering::Relaxed) {
                    return;
                }
                // A client that goes away early is its own affair.
                if let Err(error) = stream.and_then(|s| answer(s, &body())) {
                    eprintln!("exporter: {error}");
                }
            }
        });
        Self {
            address,
            stop,
            thread: Some(thread),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if TcpStream::connect(self.address).is_ok()
            && let Some(thread) = self.thread.take()
        {
            assert!(thread.join().is_ok() || std::thread::panicking());
        }
    }
}

fn answer(mut stream: TcpStream, body: &[u8]) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    while lines.next().transpose()?.is_some_and(|l| !l.is_empty()) {}
    let kind = tramgac::metrics::expose::CONTENT_TYPE;
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    stream.write_all(body)
}

/// A running Prometheus, ended when dropped.
pub struct Prometheus {
    address: SocketAddr,
    _process: Running,
    _folder: tempfile::TempDir,
}

/// One series of an answer: its labels and its last value.
pub type Row = (BTreeMap<String, String>, f64);

impl Prometheus {
    /// Starts one that scrapes `target` every second, with the shipped rules.
    /// `None`: it is missing.
    pub fn start(target: SocketAddr) -> Option<Self> {
        let program = peer("prometheus")?;
        let folder = tempfile::tempdir().unwrap();
        let rules = root().join("dashboards/prometheus/rules.yml");
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
             rule_files: ['{}']\n\
             scrape_configs:\n\
             - job_name: tramgac\n  \
               static_configs: [{{targets: ['{target}']}}]\n",
            rules.display()
        );
        let file = folder.path().join("prometheus.yml");
        std::fs::write(&file, config).unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_tcp_port()));
        let mut command = Command::new(program);
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .arg("--log.level=warn");
        let process = Running::start(command);
        let this = Self {
            address,
            _process: process,
            _folder: folder,
        };
        wait_for("Prometheus to be ready", Duration::from_secs(20), || {
            this.get("/-/ready", &[]).filter(|(status, _)| *status == 200)
        });
        Some(this)
    }

    /// Waits until `seconds` scrapes of one second each lie behind it.
    pub fn wait_for_scrapes(&self, scrapes: u32) {
        wait_for("scrapes", Duration::from_secs(30), || {
            let query = format!("count_over_time(tramgac_build_info[1m]) >= {scrapes}");
            self.query(&query).ok().filter(|rows| !rows.is_empty())
        });
    }

    /// An instant query.
    pub fn query(&self, query: &str) -> Result<Vec<Row>, String> {
        let data = self.api("/api/v1/query", &[("query", query)])?;
        let value = |v: &Value| v[1].as_str().and_then(|s| s.parse().ok()).unwrap_or(f64::NAN);
        match data["resultType"].as_str() {
            Some("vector") => Ok(rows(&data, |r| value(&r["value"]))),
            Some("scalar") => Ok(vec![(BTreeMap::new(), value(&data["result"]))]),
            other => Err(format!("a result of type {other:?}")),
        }
    }

    /// The values of a label on the series that `selector` chooses.
    pub fn label_values(&self, selector: &str, label: &str) -> Result<Vec<String>, String> {
        let path = format!("/api/v1/label/{label}/values");
        let data = self.api(&path, &[("match[]", selector)])?;
        let values = data.as_array().into_iter().flatten();
        Ok(values.filter_map(|v| v.as_str().map(str::to_owned)).collect())
    }

    /// Names and states of the rules that did not evaluate.
    pub fn rule_faults(&self) -> Vec<String> {
        let data = self.api("/api/v1/rules", &[]).unwrap();
        let groups = data["groups"].as_array().unwrap().iter();
        let rules = groups.flat_map(|g| g["rules"].as_array().unwrap().clone());
        rules
            .filter(|r| r["health"] == "err")
            .map(|r| format!("{}: {}", r["name"], r["lastError"]))
            .collect()
    }

    fn api(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, String> {
        let (_, body) = self.get(path, query).ok_or("no answer")?;
        let mut answer: Value = serde_json::from_str(&body).map_err(|e| format!("{e}: {body}"))?;
        if answer["status"] == "success" {
            Ok(answer["data"].take())
        } else {
            Err(answer["error"].to_string())
        }
    }

    /// HTTP/1.0, so that the answer comes in one piece and ends with the connection.
    fn get(&self, path: &str, query: &[(&str, &str)]) -> Option<(u16, String)> {
        let query: String = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(query)
            .finish();
        let mut stream = TcpStream::connect(self.address).ok()?;
        write!(stream, "GET {path}?{query} HTTP/1.0\r\nHost: prometheus\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, body.to_owned()))
    }
}

fn rows(data: &Value, value: impl Fn(&Value) -> f64) -> Vec<Row> {
    let result = data["result"].as_array().into_iter().flatten();
    let labels = |r: &Value| {
        let metric = r["metric"].as_object().into_iter().flatten();
        metric
            .map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default().to_owned()))
            .collect()
    };
    result.map(|r| (labels(r), value(r))).collect()
}
