//! The simulated district at work: agents, services, and the script that makes
//! things happen. Runs on a thread of its own, apart from the daemon.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Html;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::net::UdpSocket;

use super::agent;
use super::district;
use super::equipment::Door;
use super::equipment::Equipment;
use super::script;
use super::script::Act;
use super::weather::Weather;
use crate::clock::SharedClock;
use crate::model::Span;

/// What the lab tells its host.
pub type Tell = Arc<dyn Fn(&Told) + Send + Sync>;

/// Something to tell.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// The script did something: in Vietnamese and in English.
    Happened(String, String),
    /// An alert arrived at the lab's notice board: its subject.
    Alert(String),
}

/// The district, ready to begin.
pub struct District {
    weather: Weather,
    agents: BTreeMap<Ipv4Addr, Arc<Equipment>>,
    sockets: Vec<(UdpSocket, Door)>,
    listeners: Vec<TcpListener>,
    board: TcpListener,
    tell: Tell,
    clock: SharedClock,
}

/// A part of the lab could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("the lab can't listen on {address}: does another demo run on this machine?")]
pub struct Occupied {
    /// Where.
    pub address: SocketAddr,
    /// What the system said.
    pub source: io::Error,
}

impl District {
    /// Opens everything on the loopback.
    ///
    /// # Errors
    /// [`Occupied`]: something else has one of its ports.
    pub async fn open(weather: Weather, clock: SharedClock, tell: Tell) -> Result<Self, Occupied> {
        for (network, condition) in script::usual() {
            weather.set(network, condition);
        }
        let mut agents = BTreeMap::new();
        let mut sockets = Vec::new();
        for place in district::agents() {
            let address = SocketAddr::from((place.address, district::SNMP_PORT));
            let socket = UdpSocket::bind(address)
                .await
                .map_err(|source| Occupied { address, source })?;
            let equipment = Arc::new(Equipment::new(&place, Arc::clone(&clock)));
            agents.insert(place.address, Arc::clone(&equipment));
            sockets.push((
                socket,
                Door {
                    equipment,
                    address: place.address.into(),
                    weather: weather.clone(),
                },
            ));
        }
        let mut listeners = Vec::new();
        for place in [district::PORTAL, district::DOCUMENTS] {
            listeners.push(listen(place.into()).await?);
        }
        let board = listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        Ok(Self {
            weather,
            agents,
            sockets,
            listeners,
            board,
            tell,
            clock,
        })
    }

    /// Where alerts are to be posted.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn board(&self) -> io::Result<String> {
        Ok(format!("http://{}/alerts", self.board.local_addr()?))
    }

    /// Lets it live, `speed` times faster than usual, for ever.
    pub async fn run(self, speed: u32) {
        let Self {
            weather,
            agents,
            sockets,
            listeners,
            board,
            tell,
            clock,
        } = self;
        for (socket, door) in sockets {
            tokio::spawn(async move {
                if let Err(error) = agent::serve(socket, Arc::new(door)).await {
                    tracing::warn!(%error, "an agent of the lab has ended");
                }
            });
        }
        let is_failing = Arc::new(AtomicBool::new(false));
        let pages = Router::new()
            .route("/", get(portal))
            .route("/login", get(|| async { Html("<title>Đăng nhập</title>") }))
            .with_state(Arc::clone(&is_failing));
        for listener in listeners {
            tokio::spawn(serve(listener, pages.clone()));
        }
        let heard = Arc::clone(&tell);
        let notices = Router::new().route(
            "/alerts",
            post(move |body: axum::Json<serde_json::Value>| {
                let subject = body
                    .get("subject")
                    .and_then(|s| s.as_str())
                    .unwrap_or("?")
                    .to_owned();
                heard(&Told::Alert(subject));
                async { StatusCode::NO_CONTENT }
            }),
        );
        tokio::spawn(serve(board, notices));
        for number in 0.. {
            let start = clock.mono();
            let until = async |after: Span| {
                let passed = clock.mono().since(start);
                tokio::time::sleep((after / speed.max(1)).saturating_sub(passed)).await;
            };
            for step in script::round(number) {
                until(step.after).await;
                act(&step.act, &weather, &agents, &is_failing);
                tell(&Told::Happened(step.told.0, step.told.1));
            }
            until(script::ROUND).await;
        }
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Occupied> {
    TcpListener::bind(address)
        .await
        .map_err(|source| Occupied { address, source })
}

async fn serve(listener: TcpListener, router: Router) {
    if let Err(error) = axum::serve(listener, router).await {
        tracing::warn!(%error, "a service of the lab has ended");
    }
}

async fn portal(State(is_failing): State<Arc<AtomicBool>>) -> impl IntoResponse {
    if is_failing.load(Relaxed) {
        (StatusCode::SERVICE_UNAVAILABLE, Html("<title>503</title>"))
    } else {
        (
            StatusCode::OK,
            Html("<title>Trang thông tin điện tử Thanh Sơn</title>"),
        )
    }
}

fn act(act: &Act, weather: &Weather, agents: &BTreeMap<Ipv4Addr, Arc<Equipment>>, is_failing: &AtomicBool) {
    match act {
        Act::Weather(network, Some(condition)) => weather.set(*network, *condition),
        Act::Weather(network, None) => weather.clear(*network),
        Act::Restart(address) => {
            if let Some(equipment) = agents.get(address) {
                equipment.restart();
            }
        }
        Act::Mains(address, on_battery) => {
            if let Some(equipment) = agents.get(address) {
                equipment.set_on_battery(*on_battery);
            }
        }
        Act::Portal(failing) => is_failing.store(*failing, Relaxed),
    }
}
