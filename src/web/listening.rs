//! Takes connections and answers them, each by itself, until it is told to stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::{Router, middleware};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

use super::host_check::{self, HostCheck};
use super::openai::MOST_BYTES;
use super::routes::routes;
use super::stalls;
use crate::answer::Base;
use crate::answer::serve::LiveServer;

/// How a server listens.
#[derive(Clone, Copy, Debug)]
pub struct WebSettings {
    /// Where; port 0 for any that is free.
    pub address: SocketAddr,
    /// The most connections at the same time; others wait to be taken.
    pub max_connections: u32,
}

/// A client has so long to send the head of a request, and to take what it is sent.
const PATIENCE: Duration = Duration::from_mins(1);
/// Where no connection can be taken, as too many files are open, some may soon be closed.
const PAUSE: Duration = Duration::from_millis(20);

/// Listens and answers until `ends` is done, with a page about variations of `base`; tells `listens` where.
pub fn serve(
    settings: WebSettings,
    live: LiveServer,
    base: &Base,
    listens: impl FnOnce(SocketAddr),
    ends: impl Future<Output = ()>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        let listener = TcpListener::bind(settings.address).await?;
        let address = listener.local_addr()?;
        listens(address);
        let routes = routes(live, base)
            .layer(DefaultBodyLimit::max(MOST_BYTES))
            .layer(middleware::from_fn_with_state(
                HostCheck::of(address),
                host_check::check,
            ));
        let places = Arc::new(Semaphore::new(settings.max_connections as usize));
        tokio::select! {
            () = take_connections(&listener, &routes, &places) => {}
            () = ends => {}
        }
        drop(listener);
        // What has been written is still on its way.
        let all = settings.max_connections;
        let _ = timeout(Duration::from_millis(200), places.acquire_many(all)).await;
        Ok(())
    });
    runtime.shutdown_background();
    result
}

async fn take_connections(listener: &TcpListener, routes: &Router, places: &Arc<Semaphore>) {
    loop {
        let place = Arc::clone(places).acquire_owned().await.expect("it is never closed");
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(answer(stream, routes.clone(), place))),
            Err(_) => sleep(PAUSE).await,
        }
    }
}

/// Answers the requests of one connection.
async fn answer(stream: TcpStream, routes: Router, _place: OwnedSemaphorePermit) {
    // Tokens must not wait for one another.
    let _ = stream.set_nodelay(true);
    let stream = TokioIo::new(stalls::Impatient::new(stream, PATIENCE));
    // What becomes of a connection that breaks is its client's business.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(stream, TowerToHyperService::new(routes))
        .await;
}
