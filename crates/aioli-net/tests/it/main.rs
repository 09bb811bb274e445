//! Sockets seen from outside: each event under every executor, once with each driver.
//!
//! `cargo test` runs this binary with the driver that the system prefers. One of its tests runs
//! the whole binary again with the other one, in a process of its own.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod auto_traits;
mod cancel;
mod datagrams;
mod drivers;
mod errors;
mod foreign;
#[cfg(feature = "hyper")]
mod hyper;
#[cfg(target_os = "linux")]
mod leaks;
mod memory;
mod os;
mod protocol;
mod reader;
mod server;
mod tcp;
#[cfg(feature = "tokio")]
mod tokio_traits;
mod udp;
mod writer;

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use aioli_net::{TcpListener, TcpStream};

/// A connection: the side that has connected, and the side that has accepted.
async fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr()).await.unwrap();
    let (server, from) = listener.accept().await.unwrap();
    assert_eq!(from, client.local_addr().unwrap());
    (client, server)
}

/// Lets the loop see what has happened.
async fn settle() {
    for _ in 0..20 {
        aioli_task::yield_now().await;
    }
}

/// Polls once, and drops the future.
fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    struct Nothing;
    impl Wake for Nothing {
        fn wake(self: Arc<Self>) {}
    }
    let waker = Waker::from(Arc::new(Nothing));
    pin!(future).poll(&mut Context::from_waker(&waker))
}
