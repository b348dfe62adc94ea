//! How commands talk to the running daemon: HTTP over its socket beside the database.

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use http_body_util::BodyExt;
use http_body_util::Full;
use http_body_util::Limited;
use hyper::Method;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;

use super::Failure;

/// How long the daemon may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Largest answer that we read: that of a hundred thousand targets, all down.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// Why the daemon could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// There is nobody behind the socket.
    #[error(
        "no daemon runs at {path}: what this command does is done by the running daemon; start one by tramgac run"
    )]
    NoDaemon {
        /// The socket.
        path: PathBuf,
    },
    /// It does not let us in, or does not answer.
    #[error("the daemon at {path} can't be asked: {why}; the socket is for root and the daemon's own user")]
    Refused {
        /// The socket.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// It understood, and says no.
    #[error("{title}")]
    Denied {
        /// Why, in its words.
        title: String,
    },
}

impl From<AskError> for Failure {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Denied { .. } => Self {
                exit: super::Exit::NotFine,
                error: error.into(),
            },
            AskError::NoDaemon { .. } | AskError::Refused { .. } => Self::could_not_look(error),
        }
    }
}

/// Reads a resource.
///
/// # Errors
/// [`AskError`].
pub fn get(socket: &Path, path: &str) -> Result<Bytes, AskError> {
    ask(socket, Method::GET, path, None)
}

/// Does something; `body` says what.
///
/// # Errors
/// [`AskError`].
pub fn ask(socket: &Path, method: Method, path: &str, body: Option<&Value>) -> Result<Bytes, AskError> {
    let refused = |why: String| AskError::Refused {
        path: socket.to_owned(),
        why,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| refused(e.to_string()))?;
    let body = body.map(Value::to_string).unwrap_or_default();
    runtime.block_on(async {
        tokio::time::timeout(PATIENCE, exchange(socket, method, path, body))
            .await
            .map_err(|_elapsed| refused(format!("no answer within {} s", PATIENCE.as_secs())))?
    })
}

async fn exchange(socket: &Path, method: Method, path: &str, body: String) -> Result<Bytes, AskError> {
    let refused = |why: String| AskError::Refused {
        path: socket.to_owned(),
        why,
    };
    let stream = UnixStream::connect(socket).await.map_err(|e| {
        if matches!(
            e.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
        ) {
            AskError::NoDaemon {
                path: socket.to_owned(),
            }
        } else {
            refused(e.to_string())
        }
    })?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|e| refused(e.to_string()))?;
    let request = hyper::Request::builder()
        .method(method)
        .uri(path)
        .header(hyper::header::HOST, "localhost")
        .header(hyper::header::CONNECTION, "close")
        .header(hyper::header::CONTENT_TYPE, "application/json")
        .body(Full::<Bytes>::from(body))
        .map_err(|e| refused(e.to_string()))?;
    // It carries the bytes; what fails in it, fails the request.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "the connection to the daemon ended early");
        }
    });
    let response = sender
        .send_request(request)
        .await
        .map_err(|e| refused(e.to_string()))?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES);
    let bytes = body
        .collect()
        .await
        .map_err(|e| refused(e.to_string()))?
        .to_bytes();
    if status.is_success() {
        return Ok(bytes);
    }
    let told = serde_json::from_slice::<Value>(&bytes).ok();
    let title = told.as_ref().and_then(|v| v.get("title")).and_then(Value::as_str);
    match title {
        Some(title) if matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY) => {
            Err(AskError::Denied {
                title: title.to_owned(),
            })
        }
        _ => Err(refused(format!("it answered {status}"))),
    }
}
