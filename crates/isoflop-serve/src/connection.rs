//! Connections: one request each, and who waits too long is cut off.
//!
//! A client that sends its request, or takes its answer, byte by byte would hold a connection for
//! ever. hyper's own time for a header says nothing of bodies and answers, so a connection has a
//! deadline of its own whenever it is the client's turn.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep, sleep_until};

/// How long a client may take to send a request, and again to take its answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Connections at a time; more wait.
const MOST: usize = 64;
/// The longest body of a request, bytes.
const LARGEST: usize = 64 << 10;

/// Accepts connections for ever.
pub async fn serve(listener: TcpListener, router: Router) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(MOST));
    loop {
        let place = Arc::clone(&places).acquire_owned().await;
        match listener.accept().await {
            Ok((stream, _)) => {
                let router = router.clone();
                tokio::spawn(async move {
                    one(stream, router).await;
                    drop(place);
                });
            }
            // Out of file handles, or the client is gone already: others may come.
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}

/// When the client must be done; `None` while it waits for us.
type Deadline = Option<Instant>;

async fn one(stream: TcpStream, router: Router) {
    let (deadline, changes) = watch::channel(Some(Instant::now() + PATIENCE));
    let deadline = Arc::new(deadline);
    let service = service_fn(move |request| answer(request, router.clone(), deadline.clone()));
    let connection = http1::Builder::new()
        .keep_alive(false)
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // A client that breaks off is nobody's failure.
        _ = connection => {}
        () = over(changes) => {}
    }
}

async fn answer(
    request: Request<Incoming>,
    router: Router,
    deadline: Arc<watch::Sender<Deadline>>,
) -> Result<Response<Body>, Infallible> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(Body::new(body), LARGEST).await else {
        let mut refusal = Response::new(Body::empty());
        *refusal.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
        return Ok(refusal);
    };
    deadline.send_replace(None);
    let request = Request::from_parts(parts, Body::from(body));
    let response = TowerToHyperService::new(router).call(request).await;
    deadline.send_replace(Some(Instant::now() + PATIENCE));
    response
}

/// Returns once a deadline has passed.
async fn over(mut changes: watch::Receiver<Deadline>) {
    loop {
        let deadline = *changes.borrow_and_update();
        let passed = async {
            match deadline {
                Some(at) => sleep_until(at).await,
                None => pending().await,
            }
        };
        tokio::select! {
            () = passed => return,
            changed = changes.changed() => if changed.is_err() {
                // The request is answered and no other follows: what is left is to be taken.
                if let Some(at) = deadline {
                    sleep_until(at).await;
                }
                return;
            }
        }
    }
}
