//! Accepts connections and answers them, within bounds.
//!
//! At most [`MAX_CONNECTIONS`] at a time: who comes beyond waits in the
//! kernel's queue. A request head may take [`HEAD_TIMEOUT`] and hold 64 KiB
//! (hyper's own limit is larger), so that a slow or endless client holds no
//! place for long.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::Router;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::AsyncRead;
use tokio::io::AsyncWrite;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::net::UnixListener;
use tokio::net::UnixStream;
use tokio::sync::Semaphore;

use super::State;
use super::policy::Peer;
use super::routes;

/// Connections at a time. Each holds at most 64 KiB of request head and one
/// answer; a page of 10,000 targets is about 100 KiB.
const MAX_CONNECTIONS: usize = 256;
/// How long a request head may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How large a request head may be.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// How long answers may still run after the word to stop.
const GRACE: Duration = Duration::from_millis(300);
/// How long to wait when no connection can be accepted (no descriptors left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A listening socket of either kind, and who comes through it.
trait Door: Send {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Waits for the next. Cancel safe, as tokio's listeners are.
    fn next(&self) -> impl Future<Output = io::Result<(Self::Stream, Peer)>> + Send;
}

impl Door for TcpListener {
    type Stream = TcpStream;

    async fn next(&self) -> io::Result<(TcpStream, Peer)> {
        let (stream, from) = self.accept().await?;
        // Pages and events are small writes that should leave at once.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY refused");
        }
        Ok((stream, Peer::Tcp(from.ip())))
    }
}

impl Door for UnixListener {
    type Stream = UnixStream;

    async fn next(&self) -> io::Result<(UnixStream, Peer)> {
        let (stream, _) = self.accept().await?;
        Ok((stream, Peer::Socket))
    }
}

/// Answers over TCP until `shutdown` completes; then within [`GRACE`].
///
/// Check the address by [`super::may_bind`] before binding it.
pub async fn serve(listener: TcpListener, state: State, shutdown: impl Future<Output = ()> + Send) {
    run(listener, routes::router(state), shutdown).await;
}

/// The same over a Unix socket, whose file's mode says who may connect.
pub async fn serve_unix(listener: UnixListener, state: State, shutdown: impl Future<Output = ()> + Send) {
    run(listener, routes::router(state), shutdown).await;
}

async fn run(door: impl Door, router: Router, shutdown: impl Future<Output = ()> + Send) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES);
    tokio::pin!(shutdown);
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, door.next().await)
        };
        let (place, accepted) = tokio::select! {
            () = &mut shutdown => break,
            next = next => next,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "can't accept a connection");
                tokio::select! {
                    () = &mut shutdown => break,
                    () = tokio::time::sleep(ACCEPT_PAUSE) => continue,
                }
            }
        };
        let service = TowerToHyperService::new(router.clone().layer(Extension(peer)));
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::debug!("answers were cut off at the stop");
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::sync::Mutex;
    use std::task::Context;
    use std::task::Poll;
    use std::task::Waker;

    use axum::body::Body;
    use axum::body::Bytes;
    use axum::body::HttpBody;
    use axum::routing::get;
    use hyper::body::Frame;
    use tokio::io::AsyncReadExt;
    use tokio::io::AsyncWriteExt;

    use super::*;

    /// A body whose end comes while it is being asked: a moment after it said that there is nothing yet.
    struct EndsMeanwhile {
        polls: u32,
        waker: Arc<Mutex<Option<Waker>>>,
    }

    impl HttpBody for EndsMeanwhile {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            self.polls += 1;
            match self.polls {
                1 => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"all of it"))))),
                2 => {
                    let slot = Arc::clone(&self.waker);
                    *slot.lock().unwrap() = Some(context.waker().clone());
                    tokio::spawn(async move {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        let waker = slot.lock().unwrap().take();
                        if let Some(waker) = waker {
                            waker.wake();
                        }
                    });
                    Poll::Pending
                }
                _ => Poll::Ready(None),
            }
        }
    }

    impl Drop for EndsMeanwhile {
        fn drop(&mut self) {
            // Whoever has had the end waits for nothing more.
            self.waker.lock().unwrap().take();
        }
    }

    #[tokio::test]
    async fn an_answer_that_ends_by_its_end_is_followed_by_that_of_the_connection() {
        let router = Router::new().route(
            "/",
            get(async || {
                Body::new(EndsMeanwhile {
                    polls: 0,
                    waker: Arc::default(),
                })
            }),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(run(listener, router, std::future::pending()));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(b"GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
            .await
            .unwrap();
        let mut answer = String::new();
        tokio::time::timeout(Duration::from_secs(20), stream.read_to_string(&mut answer))
            .await
            .expect("the connection ends")
            .unwrap();
        assert!(answer.ends_with("\r\n\r\nall of it"), "{answer}");
        server.abort();
    }
}
