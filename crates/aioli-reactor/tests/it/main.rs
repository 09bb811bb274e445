//! Readiness seen from outside, under every executor, once with each driver.
//!
//! `cargo test` runs this binary with the driver that the system prefers. One of its tests runs
//! the whole binary again for each other driver, in a process of its own.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod auto_traits;
mod cancel;
mod drivers;
mod drop;
mod end;
mod fairness;
mod foreign;
mod operation;
mod waiters;
mod wake;

use std::net::UdpSocket;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use aioli_reactor::Async;

/// Two connected sockets, the second one watched.
fn pair() -> (UdpSocket, Async<UdpSocket>) {
    let left = UdpSocket::bind("127.0.0.1:0").unwrap();
    let right = UdpSocket::bind("127.0.0.1:0").unwrap();
    left.connect(right.local_addr().unwrap()).unwrap();
    right.connect(left.local_addr().unwrap()).unwrap();
    (left, Async::new(right).unwrap())
}

/// Receives one datagram of one byte.
async fn receive(socket: &Async<UdpSocket>) -> u8 {
    let mut byte = [0];
    socket
        .read_with(|socket| socket.recv(&mut byte))
        .await
        .unwrap();
    byte[0]
}

/// A waker that counts, for polling by hand.
#[derive(Default)]
struct Count(AtomicU32);

impl Count {
    fn new() -> (Arc<Count>, Waker) {
        let count = Arc::new(Count::default());
        (count.clone(), Waker::from(count))
    }

    fn get(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Polls once with this waker, and drops the future.
fn poll_once<F: Future>(future: F, waker: &Waker) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(waker))
}
