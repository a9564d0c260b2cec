//! The local page on a store of runs: runs as they arrive, the fit, the budget, the forecast.
//!
//! - [`workplace`] where runs and sealed forecasts are kept; the caller knows
//! - [`desk`] what was read and fitted, kept until the runs change
//! - [`choice`] what a request asks of the desk
//! - [`sweep`] a sweep in progress: its state and its learning curves
//! - [`routes`] one file an answer
//! - [`guard`] who may ask
//! - [`connection`] who waits too long is cut off
//! - [`assets`] the page itself, compiled in
//!
//! Invariant: it listens on the loopback address alone and reads no file that a request names; the
//! one thing that it writes is a sealed forecast.

#![warn(clippy::unwrap_used)]

mod assets;
mod choice;
mod connection;
mod desk;
mod guard;
mod problem;
mod routes;
mod sweep;
mod workplace;

pub use guard::Token;
pub use workplace::{Reading, Workplace};

use desk::Desk;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

/// A page that is ready to be served.
#[derive(Debug)]
pub struct Page {
    listener: TcpListener,
    port: u16,
    token: Token,
    desk: Arc<Desk>,
}

impl Page {
    /// Takes a port of the loopback address; 0 for any that is free.
    ///
    /// # Errors
    /// Those of the system; a port that is taken is one.
    pub fn open(workplace: impl Workplace, port: u16) -> io::Result<Page> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
        listener.set_nonblocking(true)?;
        Ok(Page {
            port: listener.local_addr()?.port(),
            listener,
            token: Token::issue()?,
            desk: Arc::new(Desk::new(Box::new(workplace))),
        })
    }

    /// Where the page is, with the token that opens it. The token stands behind `#`: a browser
    /// sends that part to nobody.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}/#token={}", self.port, self.token)
    }

    /// Serves the page until the program ends.
    ///
    /// # Errors
    /// Those of the system.
    pub fn serve(self) -> io::Result<()> {
        // One thread for connections; answers are computed beside it, a few at a time.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(8)
            .build()?;
        let guard = guard::Guard::new(self.port, self.token);
        let router = routes::router(self.desk, guard);
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(self.listener)?;
            connection::serve(listener, router).await
        })
    }
}
