//! The web over a snapshot of the test's own, on a port of the loopback.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::tz::TimeZone;
use tokio::sync::{broadcast, oneshot};
use tramgac::clock::Clock;
use tramgac::i18n::Lang;
use tramgac::metrics::Selection;
use tramgac::model::{Event, Mono, Timestamp};
use tramgac::monitor::Snapshot;
use tramgac::web::people::{Answer as Said, Order};
use tramgac::web::{Health, Settings, State};

use super::wall::NOW;

/// A clock that stands still.
pub struct Still(pub Timestamp);

impl Clock for Still {
    fn wall(&self) -> Timestamp {
        self.0
    }
    fn mono(&self) -> Mono {
        Mono::ZERO
    }
}

/// A running server; it stops when dropped.
pub struct Web {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it answers from.
    pub state: State,
    stop: Option<oneshot::Sender<()>>,
    runtime: Option<tokio::runtime::Runtime>,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The head, lower case, without the first line.
    pub head: String,
    /// The body, its chunks put together.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .find_map(|l| l.strip_prefix(name)?.strip_prefix(':'))
            .map(str::trim)
    }
}

/// Settings of a district in Vietnam.
pub fn settings() -> Settings {
    Settings {
        organization: "UBND huyện Thanh Sơn".to_owned(),
        lang: Lang::Vi,
        timezone: TimeZone::get("Asia/Ho_Chi_Minh").unwrap(),
        ..Settings::default()
    }
}

impl Web {
    /// Serves a snapshot.
    pub fn of(snapshot: Snapshot) -> Self {
        Self::with(snapshot, settings())
    }

    /// Serves a snapshot with settings.
    pub fn with(snapshot: Snapshot, settings: Settings) -> Self {
        let (events, _) = broadcast::channel::<Arc<Event>>(16);
        let health = Arc::new(Health::default());
        health.set_ready(true);
        let state = State {
            snapshot: Arc::new(ArcSwap::from_pointee(snapshot)),
            settings: Arc::new(ArcSwap::from_pointee(settings)),
            clock: Arc::new(Still(NOW)),
            metrics: Arc::new(|_: &Selection, sink: &mut dyn FnMut(&[u8])| {
                sink(&b"# HELP tramgac_up Always 1.\n# TYPE tramgac_up gauge\ntramgac_up 1\n".repeat(50));
            }),
            reload: Arc::new(|| Box::pin(async { Err("config.yaml:3:1: unknown key\n".to_owned()) })),
            people: Arc::new(|order| {
                Box::pin(async move {
                    if matches!(order, Order::Windows(_)) {
                        Ok(Said::Windows(Vec::new()))
                    } else {
                        Err("nothing can be changed here".to_owned())
                    }
                })
            }),
            health,
            record: None,
            figures: Arc::default(),
            events,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        runtime.spawn(tramgac::web::serve(listener, state.clone(), async move {
            stopped.await.ok();
        }));
        Self {
            address,
            state,
            stop: Some(stop),
            runtime: Some(runtime),
        }
    }

    /// Runs something within the server's runtime.
    pub fn enter<T>(&self, run: impl FnOnce() -> T) -> T {
        let guard = self.runtime.as_ref().unwrap().enter();
        let result = run();
        drop(guard);
        result
    }

    /// Lets a task run beside the server.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.as_ref().unwrap().spawn(task);
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Asks with no more than a host.
    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[])
    }

    /// Asks with headers.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            write!(request, "Host: {}\r\n", self.address).unwrap();
        }
        for (name, value) in headers {
            write!(request, "{name}: {value}\r\n").unwrap();
        }
        request.push_str("\r\n");
        self.raw(request.as_bytes())
    }

    /// Sends bytes and reads the answer to its end.
    pub fn raw(&self, request: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(request).unwrap();
        let mut all = Vec::new();
        // A server that refuses in the middle of a request may reset the connection.
        stream.read_to_end(&mut all).ok();
        parse(&all)
    }
}

fn parse(all: &[u8]) -> Answer {
    let end = all.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or(all.len());
    let head = String::from_utf8_lossy(&all[..end]).into_owned();
    let mut body = all.get(end + 4..).unwrap_or_default().to_vec();
    let (first, head) = head.split_once("\r\n").unwrap_or((&head, ""));
    let head = head.to_lowercase();
    if head.contains("transfer-encoding: chunked") {
        body = unchunked(&body);
    }
    Answer {
        status: first.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0),
        head,
        body,
    }
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(line) = rest.windows(2).position(|w| w == b"\r\n") {
        let size = std::str::from_utf8(&rest[..line]).unwrap();
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        if size == 0 {
            break;
        }
        out.extend_from_slice(&rest[line + 2..line + 2 + size]);
        rest = &rest[line + 4 + size..];
    }
    out
}

impl Drop for Web {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop.send(()).ok();
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(2));
        }
    }
}
